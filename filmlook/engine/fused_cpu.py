"""The CPU's fused path: what a film look does to each pixel in compiled kernels, in as few trips through memory as may be.

Every number comes from the stages that PyTorch runs (`engine.plan`); here they are only put as numba takes them. What has no
form here is developed by PyTorch as a whole: `Fused.of` says why. Both paths make the same picture: of 8-bit samples 99.9 %
are equal and the rest off by one, since logarithms differ in their last bit; noise and dither are the same to the bit.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from filmlook.engine.colour_map import Mapped
from filmlook.engine.fused_steps import NO_TABLE, STEP_KINDS, floats, lookup, map_numbers, steps_of, unfit_map
from filmlook.engine.kernels import numbers as given
from filmlook.engine.pixels import LampMap, Pixels, dither_shift
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

STAGES = (Vignette, Edges, Emulsion, Grain, Mapped, Print, Scan)
"""The stages that have a form here, in the order in which they may come."""

_CPU = torch.device("cpu")
_SPLINE_REACH = 3  # of `WideSpread`, a quintic
_ONES = torch.ones(3, dtype=torch.float64)
_EMPTY = np.empty(0, np.float32)
_NOWHERE = given.Field(_EMPTY, 0, 0, 0)
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
        film: the stock's; None: it has no layers.
        stages: as `engine.plan` runs them.
        kernels: those of `kernels.entry`, compiled.
        lamps: `engine.lamp_light.lamp_numbers` of the look.
    """

    def __init__(self, film: Film | None, stages: Sequence[Stage], kernels: Any, lamps: Sequence[float]) -> None:
        self._film, self._kernels, self._lamp = film, kernels, floats(lamps)
        by_kind = {type(stage): stage for stage in stages}
        vignette, emulsion, mapped, grain, scan = (by_kind.get(kind) for kind in (Vignette, Emulsion, Mapped, Grain, Scan))
        edges, print_ = by_kind[Edges], by_kind[Print]
        assert isinstance(edges, Edges)
        assert isinstance(print_, Print)
        assert mapped is None or isinstance(mapped, Mapped)
        self._layers = film.layers if film else 3
        steps, mixes, prints = steps_of(mapped, print_)
        added, coupling, curve, corrected = [0.0] * self._layers, [0.0], NO_TABLE, NO_TABLE
        if isinstance(emulsion, Emulsion):
            added = added if emulsion.added is None else emulsion.added.flatten().tolist()
            coupling = emulsion.coupling.flatten().tolist()
            curve, corrected = lookup(emulsion.curve), lookup(emulsion.corrected)
        self._clouds = grain.clouds if isinstance(grain, Grain) else None
        self._numbers = given.Numbers(
            layers=self._layers,
            entry=given.FILM if film else given.LIGHT,
            vignette=int(vignette is not None),
            light=np.float32(2**vignette.amount - 1 if isinstance(vignette, Vignette) else 0),
            least=np.float32(LEAST_EXPOSURE),
            luma=floats(LUMA),
            edge=edge_numbers(edges),
            added=floats(added),
            coupling=floats(coupling),
            mapped=map_numbers(mapped),
            clumps=_clumps(grain, 0),
            steps=steps,
            mixes=mixes,
            scan=floats(scan.kernel if isinstance(scan, Scan) else [1.0]),
        )
        quantiles = upper_half(normal_quantiles(_CPU).numpy())
        deviation = lookup(grain.deviation) if isinstance(grain, Grain) else NO_TABLE
        self._tables = given.Tables(curve, corrected, deviation, quantiles, prints)
        self._grain = grain

    @staticmethod
    def unfit(stages: Sequence[Stage], pixels: Pixels) -> str:
        """Why PyTorch has to develop these pixels with these stages; nothing: it need not."""
        strange = [stage.name for stage in stages if type(stage) not in STAGES]
        if type(pixels) is not Pixels or strange:
            return ", ".join(strange) or "a picture that is made up"
        steps = next(stage for stage in stages if isinstance(stage, Print)).steps
        strange = [type(step).__name__ for step in steps if type(step) not in STEP_KINDS]
        if strange:
            return f"print steps {', '.join(strange)}"
        return next((unfit_map(stage) for stage in stages if isinstance(stage, Mapped)), "")

    def exposure(
        self, pixels: Pixels, corner: tuple[int, int], size: Sequence[int], gain: Tensor, with_light: bool
    ) -> tuple[Tensor, Tensor | None] | None:
        """Layer exposure `1,L,h,w` of a part of a picture, and its scene light `3,h,w`, if it is wanted; None: its samples are
        not whole numbers."""
        read = pixels.whole_numbers()
        if read is None:
            return None
        exposure = torch.empty((1, self._layers, *size))
        light = torch.empty((3, *size)) if with_light else torch.empty((3, size[1]))
        self._read(read, pixels.light_of_samples(), corner, mixing(self._film, gain), exposure, light)
        return exposure, light if with_light else None

    def code(self, pixels: Pixels, corner: tuple[int, int], size: Sequence[int]) -> Tensor:
        """Display code `1,3,h,w` of a part of a picture."""
        read = pixels.whole_numbers()
        if read is None:
            return pixels.code(*corner, size[0], size[1])[None]
        code = torch.empty((1, 3, *size))
        self._read(read, pixels.code_of_samples(), corner, mixing(None, _ONES), code, torch.empty((3, size[1])))
        return code

    def _read(
        self,
        read: tuple[np.ndarray, tuple[int, int, int]],
        table: Tensor,
        corner: tuple[int, int],
        mixed: np.ndarray,
        out: Tensor,
        light: Tensor,
    ) -> None:
        samples, shape = read
        layers, height, width = out.shape[1:]
        part = corner, (height, width), table.numpy(), layers, mixed
        self._kernels.expose(samples, shape[:2], shape[2], *part, _flat(out), _flat(light))

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
        four, eight = (floats([tap / sum(taps) for tap in taps]) for taps in HALVINGS)
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
        offset: Tensor | None = None,
        is_code: bool = False,
    ) -> None:
        """Develops a block into its picture.

        Args:
            pixels: the picture.
            block: the block.
            exposure, unspread: `1,L,H,W` with the first of `margins` pixels around the block; written over.
            around, beside: `1,1,H,W`, with the second of them, as of `Place`.
            key, strength, frame: as of `Development.run`.
            offset: what a network adds to the whole picture; None: there is none.
            is_code: `exposure` is no exposure, but display code, and nothing is done to it before a stock's map.
        """
        numbers = self._numbers._replace(clumps=_clumps(self._grain, key))
        if offset is not None:
            numbers = numbers._replace(mapped=numbers.mapped._replace(offset=_flat(offset)))
        if is_code:
            numbers = numbers._replace(entry=given.CODE, edge=numbers.edge._replace(on=0))
        reach, near, clouds = (len(k) - 1 for k in (numbers.scan, numbers.edge.kernel, numbers.clumps.kernel))
        network = len(numbers.mapped.network) > 0
        noise = _NOWHERE
        if self._clouds and self._clouds.lattice > 1:
            more = reach + int(network)
            rows, cols = block.rows + 2 * more, block.cols + 2 * more
            made = self._clouds(block.y - more, block.x - more, rows, cols, key, numbers.layers, _CPU)
            noise, numbers = _field(made[None], more), numbers._replace(clumps=numbers.clumps._replace(kernel=floats([1.0])))
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
            _scratch(*given.strip(block.cols, reach, near, clouds, network)),
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
    return given.Edge(int(edges.gain > 0), floats(edges.near), *(np.float32(n) for n in numbers))


def _clumps(grain: Stage | None, key: int) -> given.Clumps:
    if not isinstance(grain, Grain):
        return given.Clumps(0, floats([1.0]), np.float32(0), np.float32(0), np.float32(1), key)
    own, shared, colour = (np.float32(n) for n in (grain.own, grain.shared, grain.colour))
    return given.Clumps(1, floats(grain.clouds.kernel), own, shared, colour, key)


def mixing(film: Film | None, gain: Tensor) -> np.ndarray:
    """What `expose` is told of a film, or of a stock without layers: see `kernels.passes`."""
    if film is None:
        return floats([*torch.diag(gain).flatten().tolist(), 0, 0, 0])
    if film.layers == 3:
        return floats([*(film.sensitivity * gain).flatten().tolist(), *(film.sensitivity @ film.flare).tolist()])
    return floats([*gain.tolist(), *film.flare.tolist(), *film.sensitivity.flatten().tolist()])


def upper_half(quantiles: np.ndarray) -> np.ndarray:
    """Those above 0; the others are the same below it, and a smaller table stays nearer."""
    return quantiles[len(quantiles) // 2 :]


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


def _scratch(*parts: int) -> given.Scratch:
    """Where a strip is made; see `kernels.numbers.strip`."""
    return given.Scratch(_room(parts[-1]), *parts[:-1])


def _room(floats: int) -> np.ndarray:
    """Of this thread: what its last call had, if that is enough."""
    kept = getattr(_here, "scratch", _EMPTY)
    if len(kept) < floats:
        _here.scratch = kept = np.empty(floats, np.float32)
    return kept
