"""The CPU's fused path: what a film look does to each pixel in compiled kernels, in as few trips through memory as may be.

Every number comes from the stages that PyTorch runs (`engine.plan`); here they are only put as numba takes them. What has no
form here is developed by PyTorch as a whole: `Fused.of` says why. Both paths make the same picture: of 8-bit samples 99.9 %
are equal and the rest off by one, since logarithms differ in their last bit; noise and dither are the same to the bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from filmlook.engine.kernels import numbers as given
from filmlook.engine.pixels import LampMap, Pixels, dither_shift
from filmlook.film.curve import Table
from filmlook.film.negative import LEAST_EXPOSURE, Film
from filmlook.film.toning import LUMA
from filmlook.stages.edges import BEYOND, NEAR_SHARE, SHORT, Edges
from filmlook.stages.emulsion import Emulsion
from filmlook.stages.grain import Grain, normal_quantiles
from filmlook.stages.lamps import Spline
from filmlook.stages.lens import Vignette
from filmlook.stages.near import Near
from filmlook.stages.print import Print
from filmlook.stages.psf import COARSE, COARSE_MARGIN, HALVINGS, WideSpread, spline_weights
from filmlook.stages.scan import Scan
from filmlook.stages.stage import Stage
from filmlook.stages.steps import LuminanceGain, Mix, OfOne, Transmittance

STAGES = (Vignette, Edges, Emulsion, Grain, Print, Scan)
"""The stages that have a form here, in the order in which they may come."""

_CPU = torch.device("cpu")
_SPLINE_REACH = 3  # of `WideSpread`, a quintic
_EMPTY = np.empty(0, np.float32)
_NOWHERE = given.Field(_EMPTY, 0, 0, 0)
_NO_TABLE = given.Lookup(_EMPTY, np.float32(0), np.float32(0))
_here = threading.local()  # `scratch`: of this thread


class _Splined(WideSpread):
    """A spread whose splines are a kernel's."""

    def __init__(self, coefficients: Tensor, kernels: Any) -> None:
        super().__init__(coefficients)
        self._kernels = kernels
        self._weights = np.array(spline_weights(COARSE, _SPLINE_REACH), np.float32)

    def __call__(self, y: int, x: int, height: int, width: int) -> Tensor:
        layers, *cells = self.coefficients.shape[1:]
        down, across = height // COARSE, width // COARSE
        out = torch.empty((layers, height, width))
        self._kernels.spline(
            self.coefficients.numpy().reshape(-1),
            (layers, *cells),
            (y // COARSE - _SPLINE_REACH, x // COARSE - _SPLINE_REACH),
            (down, across),
            self._weights,
            _room((down + 2 * _SPLINE_REACH + 2) * width + across + 2 * _SPLINE_REACH),
            out.numpy().reshape(-1),
        )
        return out


class Fused:
    """One look's stages as kernels.

    Args:
        film: the stock's.
        stages: as `engine.plan` runs them.
        kernels: those of `kernels.entry`, compiled.
        lamps: `engine.lamp_light.lamp_numbers` of the look.
    """

    def __init__(self, film: Film, stages: Sequence[Stage], kernels: Any, lamps: Sequence[float]) -> None:
        self._film, self._kernels, self._lamp = film, kernels, _floats(lamps)
        by_kind = {type(stage): stage for stage in stages}
        vignette, emulsion, grain, scan = (by_kind.get(kind) for kind in (Vignette, Emulsion, Grain, Scan))
        edges, print_ = by_kind[Edges], by_kind[Print]
        assert isinstance(edges, Edges)
        assert isinstance(emulsion, Emulsion)
        assert isinstance(print_, Print)
        steps, mixes, prints = _print_steps(print_)
        added = torch.zeros(film.layers) if emulsion.added is None else emulsion.added
        self._clouds = grain.clouds if isinstance(grain, Grain) else None
        self._numbers = given.Numbers(
            layers=film.layers,
            vignette=int(vignette is not None),
            light=np.float32(2**vignette.amount - 1 if isinstance(vignette, Vignette) else 0),
            least=np.float32(LEAST_EXPOSURE),
            luma=_floats(LUMA),
            edge=edge_numbers(edges),
            added=_floats(added.flatten().tolist()),
            coupling=_floats(emulsion.coupling.flatten().tolist()),
            clumps=_clumps(grain, 0),
            steps=steps,
            mixes=mixes,
            scan=_floats(scan.kernel if isinstance(scan, Scan) else [1.0]),
        )
        quantiles = upper_half(normal_quantiles(_CPU).numpy())
        deviation = _lookup(grain.deviation) if isinstance(grain, Grain) else _NO_TABLE
        self._tables = given.Tables(_lookup(emulsion.curve), _lookup(emulsion.corrected), deviation, quantiles, prints)
        self._grain = grain

    @staticmethod
    def unfit(film: Film | None, stages: Sequence[Stage], pixels: Pixels) -> str:
        """Why PyTorch has to develop these pixels with these stages; nothing: it need not."""
        if film is None:
            return "a stock without layers"
        strange = [stage.name for stage in stages if type(stage) not in STAGES]
        if type(pixels) is not Pixels or strange:
            return ", ".join(strange) or "a picture that is made up"
        steps = next(stage for stage in stages if isinstance(stage, Print)).steps
        strange = [type(step).__name__ for step in steps if type(step) not in STEP_KINDS]
        return f"print steps {', '.join(strange)}" if strange else ""

    def exposure(
        self, pixels: Pixels, corner: tuple[int, int], size: Sequence[int], gain: Tensor, with_light: bool
    ) -> tuple[Tensor, Tensor | None] | None:
        """Layer exposure `1,L,h,w` of a part of a picture, and its scene light `3,h,w`, if it is wanted; None: its samples are
        not whole numbers."""
        read = pixels.whole_numbers()
        if read is None:
            return None
        samples, shape, table = read
        height, width = size
        exposure = torch.empty((1, self._film.layers, height, width))
        light = torch.empty((3, height, width)) if with_light else torch.empty((3, width))
        self._kernels.expose(
            samples,
            shape[:2],
            shape[2],
            corner,
            (height, width),
            table,
            self._film.layers,
            mixing(self._film, gain),
            exposure.numpy().reshape(-1),
            light.numpy().reshape(-1),
        )
        return exposure, light if with_light else None

    def shining(self, light: Tensor, exposure: Tensor, corner: tuple[int, int], gate: Spline | LampMap) -> Tensor | None:
        """`Development._lamps` of light that has nothing above white."""
        known = gate(*corner, light.shape[1], light.shape[2])
        if known is None:
            return None
        share, t = (known, None) if isinstance(known, Tensor) else known
        found = torch.zeros_like(exposure)
        told = (_flat(light), _flat(exposure), exposure.shape[1], _flat(share), _EMPTY if t is None else _flat(t))
        return found if self._kernels.shine(*told, self._lamp, _room(2 * given.STRETCH), _flat(found)) else None

    def cells(self, field: Tensor) -> Tensor:
        """`stages.psf.coarse_cells` of `1,L,H,W`."""
        layers, height, width = field.shape[1:]
        out = torch.empty((1, layers, (height - 2 * COARSE_MARGIN) // COARSE, (width - 2 * COARSE_MARGIN) // COARSE))
        four, eight = (_floats([tap / sum(taps) for tap in taps]) for taps in HALVINGS)
        planes = field.contiguous().numpy().reshape(-1)
        room = _room(height * width)
        self._kernels.shrink(planes, (layers, height, width), four, eight, room, out.numpy().reshape(-1))
        return out

    def splined(self, spread: WideSpread | None) -> WideSpread | None:
        """The same spread; its splines are a kernel's."""
        return _Splined(spread.coefficients.contiguous(), self._kernels) if spread else None

    def add_near(self, near: Near, out: Tensor, field: Tensor) -> None:
        """`stages.near.Near.add_to`, of one block."""
        taps, reaches, weights = _near(near, out.shape[1])
        room = _room(out.shape[3] + 2 * near.reach)
        self._kernels.near(_field(field, near.reach), _field(out, 0), tuple(out.shape[1:]), taps, reaches, weights, room)

    def finish(
        self,
        pixels: Pixels,
        block: given.Block,
        exposure: Tensor,
        unspread: Tensor | None,
        around: Tensor | None,
        beside: Tensor | None,
        margins: tuple[int, int],
        key: int,
        strength: float,
        frame: int,
    ) -> None:
        """Develops a block into its picture.

        Args:
            pixels: the picture.
            block: the block.
            exposure, unspread: `1,L,H,W` with the first of `margins` pixels around the block; written over.
            around, beside: `1,1,H,W`, with the second of them, as of `Place`.
            key, strength, frame: as of `Development.run`.
        """
        numbers = self._numbers._replace(clumps=_clumps(self._grain, key))
        reach, near, clouds = (len(k) - 1 for k in (numbers.scan, numbers.edge.kernel, numbers.clumps.kernel))
        noise = _NOWHERE
        if self._clouds and self._clouds.lattice > 1:
            rows, cols = block.rows + 2 * reach, block.cols + 2 * reach
            made = self._clouds(block.y - reach, block.x - reach, rows, cols, key, numbers.layers, _CPU)
            noise, numbers = _field(made[None], reach), numbers._replace(clumps=numbers.clumps._replace(kernel=_floats([1.0])))
            clouds = 0
        out = pixels.bytes_out() if strength == 1 and pixels.mask is None else None
        samples, step = out or (np.empty(0, np.uint8), 3)
        code = torch.empty((3, block.rows, block.cols) if out is None else 0)
        self._kernels.finish(
            _field(exposure, margins[0]),
            _field(unspread, margins[0]),
            _field(around, margins[1]),
            _field(beside, margins[1]),
            noise,
            block,
            numbers,
            self._tables,
            _scratch(*given.strip(block.cols, reach, near, clouds)),
            samples,
            step,
            np.uint32(dither_shift(frame) % 2**32),
            code.numpy().reshape(-1),
        )
        if out is None:
            pixels.write(block.y, block.x, code, strength, frame)


def edge_numbers(edges: Edges) -> given.Edge:
    gain = edges.gain or 1.0
    numbers = (NEAR_SHARE, 1 / gain, 1 / (SHORT * gain), BEYOND)
    return given.Edge(int(edges.gain > 0), _floats(edges.near), *(np.float32(n) for n in numbers))


def _clumps(grain: Stage | None, key: int) -> given.Clumps:
    if not isinstance(grain, Grain):
        return given.Clumps(0, _floats([1.0]), np.float32(0), np.float32(0), np.float32(1), key)
    own, shared, colour = (np.float32(n) for n in (grain.own, grain.shared, grain.colour))
    return given.Clumps(1, _floats(grain.clouds.kernel), own, shared, colour, key)


def _print_steps(print_: Print) -> tuple[np.ndarray, np.ndarray, tuple[given.Lookup, ...]]:
    kinds: list[tuple[int, int]] = []
    mixes: list[list[float]] = []
    tables: list[given.Lookup] = []
    for step in print_.steps:
        kind, matrix, bias, table = STEP_KINDS[type(step)](step)
        kinds.append((kind, len(tables)))
        mixes.append([*matrix, *bias])
        if table is not None:
            tables.append(_lookup(table))
    spare = [_NO_TABLE] * (given.PRINT_TABLES - len(tables))
    kinds = [(kind, min(at, given.PRINT_TABLES - 1)) for kind, at in kinds]
    return np.array(kinds, np.int64), np.array(mixes, np.float32), (*tables, *spare)


_NO_MATRIX, _NO_BIAS = [0.0] * 9, [0.0] * 3
_Step = tuple[int, list[float], list[float], Table | None]


def _mix_step(step: Mix) -> _Step:
    kind = given.MIX_EXP if step.exponential else given.MIX_CLAMPED if step.clamped else given.MIX
    bias = _NO_BIAS if step.bias is None else step.bias.tolist()
    return kind, step.matrix.flatten().tolist(), bias, None


def _transmittance_step(step: Transmittance) -> _Step:
    matrix = torch.diag(torch.full((3,), step.factor, dtype=torch.float64))
    return given.MIX_EXP, matrix.flatten().tolist(), _NO_BIAS, None


def _gain_step(step: LuminanceGain) -> _Step:
    return given.TONE, step.luma.flatten().tolist(), _NO_BIAS, step.table


STEP_KINDS: dict[type, Callable[[Any], _Step]] = {
    Mix: _mix_step,
    Transmittance: _transmittance_step,
    Table: lambda step: (given.TABLE, _NO_MATRIX, _NO_BIAS, step),
    OfOne: lambda step: (given.ONE_TABLE, _NO_MATRIX, _NO_BIAS, step.table),
    LuminanceGain: _gain_step,
}
"""A print's steps by kind: which of the kernel's it is, its matrix and bias, and its table."""


def mixing(film: Film, gain: Tensor) -> np.ndarray:
    """What `expose` is told of a film: see `kernels.passes`."""
    if film.layers == 3:
        return _floats([*(film.sensitivity * gain).flatten().tolist(), *(film.sensitivity @ film.flare).tolist()])
    return _floats([*gain.tolist(), *film.flare.tolist(), *film.sensitivity.flatten().tolist()])


def _lookup(table: Table) -> given.Lookup:
    return given.Lookup(table.knots.numpy(), np.float32(float(table.shift)), np.float32(table.scale))


def upper_half(quantiles: np.ndarray) -> np.ndarray:
    """Those above 0; the others are the same below it, and a smaller table stays nearer."""
    return quantiles[len(quantiles) // 2 :]


def _floats(numbers: Sequence[float]) -> np.ndarray:
    return np.array(numbers, np.float32)


def _flat(field: Tensor) -> np.ndarray:
    return field.to(torch.float32).contiguous().numpy().reshape(-1)


def _field(planes: Tensor | None, margin: int) -> given.Field:
    """`1,L,H,W`, rows without gaps, with `margin` pixels around the block."""
    if planes is None:
        return _NOWHERE
    plane, stride = planes.stride()[1:3]
    length = (planes.shape[1] - 1) * plane + (planes.shape[2] - 1) * stride + planes.shape[3]
    flat = torch.as_strided(planes, (length,), (1,), planes.storage_offset())
    return given.Field(flat.numpy(), margin * (stride + 1), plane, stride)


@lru_cache(maxsize=32)
def _near(near: Near, layers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half kernels `(K, R + 1)`, their reaches `(K,)`, and the weights of the point and of them `(1 + K, L)`."""
    taps = np.zeros((max(len(near.kernels), 1), near.reach + 1), np.float32)
    for row, kernel in zip(taps, near.kernels, strict=False):
        row[: len(kernel)] = kernel
    weights = np.array(near.weights, np.float32).T
    weights = np.ascontiguousarray(np.broadcast_to(weights, (len(weights), layers)))
    return taps, np.array([len(kernel) - 1 for kernel in near.kernels], np.int64), weights


def _scratch(rows: int, looked: int, logs: int, between: int, floats: int) -> given.Scratch:
    """Where a strip is made; see `kernels.numbers.strip`."""
    return given.Scratch(_room(floats), rows, looked, logs, between)


def _room(floats: int) -> np.ndarray:
    """Of this thread: what its last call had, if that is enough."""
    kept = getattr(_here, "scratch", _EMPTY)
    if len(kept) < floats:
        _here.scratch = kept = np.empty(floats, np.float32)
    return kept
