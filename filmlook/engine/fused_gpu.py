"""The GPU's fused path: what a film look does to each pixel in a few Triton kernels, each over a whole block of the lattice.

On a GPU the launches cost more than the arithmetic: PyTorch needs hundreds for a picture. As on the CPU (`engine.fused_cpu`)
every number comes from the stages that PyTorch runs, and both paths make the same picture; what has no form here is
developed by PyTorch. What is blurred in the frequency domain, on the coarse grid, is PyTorch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from filmlook.engine.fused_cpu import edge_numbers, mixing
from filmlook.engine.fused_steps import STEP_KINDS
from filmlook.engine.kernels.numbers import SAMPLES, Block
from filmlook.engine.near_parts import NearParts
from filmlook.engine.pixels import LampMap, Pixels, dither_shift
from filmlook.engine.spreading import Spread
from filmlook.film.curve import Table
from filmlook.film.negative import LEAST_EXPOSURE, Film
from filmlook.film.toning import LUMA
from filmlook.stages.edges import Edges
from filmlook.stages.emulsion import Emulsion
from filmlook.stages.grain import Grain, normal_quantiles
from filmlook.stages.lamps import Spline
from filmlook.stages.lens import Vignette
from filmlook.stages.print import Print
from filmlook.stages.psf import COARSE, COARSE_MARGIN, HALVINGS, WideSpread, spline_weights
from filmlook.stages.scan import Scan
from filmlook.stages.stage import Stage

_SPLINE_REACH = 3  # of `WideSpread`, a quintic
_OFF = {"enable_fp_fusion": False}  # of every launch: see `triton_kernels.primitives`


class _Target(NamedTuple):
    """Where bytes go: `step` a pixel, `line` pixels a row, from pixel `first` on, dithered with this `shift`; and whether that
    is the picture itself. None: code is wanted."""

    samples: Tensor | None
    is_picture: bool
    line: int
    step: int
    first: int
    shift: int


class _Splined(WideSpread):
    """A spread whose splines are a kernel's."""

    def __init__(self, coefficients: Tensor, fused: FusedGpu) -> None:
        super().__init__(coefficients)
        self._fused = fused

    def __call__(self, y: int, x: int, height: int, width: int) -> Tensor:
        return self._fused.spline(self.coefficients, y, x, height, width)


class FusedGpu:
    """One look's stages as Triton kernels.

    Args:
        film: the stock's.
        stages: as `engine.plan` runs them.
        lamps: `engine.lamp_light.lamp_numbers` of the look.
        kernels: the `TritonKernels` of this process.
        device: where they run.
    """

    def __init__(self, film: Film, stages: Sequence[Stage], lamps: Sequence[float], kernels: Any, device: torch.device) -> None:
        self._film, self._kernels, self._device = film, kernels, device
        by_kind = {type(stage): stage for stage in stages}
        vignette, emulsion, grain, scan = (by_kind.get(kind) for kind in (Vignette, Emulsion, Grain, Scan))
        edges, print_ = by_kind[Edges], by_kind[Print]
        assert isinstance(edges, Edges)
        assert isinstance(emulsion, Emulsion)
        assert isinstance(print_, Print)
        self._vignette, self._edges, self._grain = vignette is not None, edges, grain if isinstance(grain, Grain) else None
        edge = edge_numbers(edges)
        added = [0.0] * film.layers if emulsion.added is None else emulsion.added.flatten().tolist()
        own = [grain.own, grain.shared, grain.colour] if isinstance(grain, Grain) else [0.0, 0.0, 1.0]
        deviation = grain.deviation if isinstance(grain, Grain) else emulsion.curve
        self._tables = emulsion.curve, emulsion.corrected, deviation
        film_kernels = kernels.film
        numbers = np.zeros(film_kernels.COUNT, np.float32)
        for at, values in (
            (film_kernels.LEAST, [LEAST_EXPOSURE]),
            (film_kernels.LUMA, LUMA),
            (film_kernels.VIGNETTE, [2**vignette.amount - 1 if isinstance(vignette, Vignette) else 0.0]),
            (film_kernels.EDGE, [edge.share, edge.one, edge.short, edge.beyond]),
            (film_kernels.ADDED, added),
            (film_kernels.COUPLING, emulsion.coupling.flatten().tolist()),
            (film_kernels.GRAIN, own),
            (film_kernels.TABLES, [n for table in self._tables for n in (table.scale, float(table.shift))]),
        ):
            numbers[at : at + len(values)] = values
        self._numbers = self._floats(numbers)
        self._steps, self._prints = self._print_steps(print_)
        self._near, self._scan = edge.kernel, scan.kernel if isinstance(scan, Scan) else [1.0]
        self._near_half, self._scan_half, self._one = (self._floats(k) for k in (self._near, self._scan, [1.0]))
        self._clouds_half = self._floats(self._grain.clouds.kernel) if self._grain else self._one
        self._lamp = self._floats(lamps)
        self._taps = self._floats(_halvings())
        self._weights = self._floats(np.array(spline_weights(COARSE, _SPLINE_REACH)).flatten())
        self._near_parts = NearParts(film.layers, device)
        self._mixing: tuple[tuple[float, ...], Tensor] | None = None

    def _floats(self, numbers: Any) -> Tensor:
        return torch.tensor(np.asarray(numbers, np.float32), device=self._device)

    def _print_steps(self, print_: Print) -> tuple[Tensor, Tensor]:
        """Numbers of the print's steps, and their tables one after another."""
        rows: list[list[float]] = []
        tables: list[Table] = []
        for step in print_.steps:
            kind, matrix, bias, table = STEP_KINDS[type(step)](step)
            begin = 3 * SAMPLES * len(tables) if table else 0
            rows.append([kind, begin, *matrix, *bias, table.scale if table else 0, float(table.shift) if table else 0])
            tables += [table] if table else []
        values = torch.cat([table.values for table in tables]) if tables else self._numbers
        return self._floats(rows), values

    def _empty(self, *shape: int) -> Tensor:
        return torch.empty(shape, device=self._device)

    def _run(self, kernel: Any, values: int, *args: Any, planes: int = 1, **constants: Any) -> None:
        """Launches a kernel that makes so many values, of so many planes."""
        block = self._kernels.block
        kernel[(-(-values // block), planes)](*args, **constants, BLOCK=block, **_OFF)

    def lit(
        self, pixels: Pixels, corner: tuple[int, int], size: Sequence[int], gain: Tensor, gate: Spline | LampMap | None
    ) -> tuple[Tensor, Tensor | None] | None:
        """Layer exposure `1,L,h,w` of a part of a picture without its lamps, and theirs, with what they have above white (None:
        there are none); None: its samples are not whole numbers."""
        read = pixels.on_device()
        if read is None:
            return None
        (samples, table), (height, width), light = read, size, self._kernels.light
        found = gate(*corner, height, width) if gate else None
        share, t, kind = table, table, light.NO_GATE
        if isinstance(found, Tensor):
            share, kind = found.contiguous(), light.BY_SHARE
        elif found is not None:
            share, t, kind = found[0].to(self._device).contiguous(), found[1].to(self._device).contiguous(), light.BY_MAP
        layers = self._film.layers
        out = self._empty(1, layers, height, width)
        lamps = None if kind == light.NO_GATE else self._empty(1, layers, height, width)
        self._run(
            light.expose, height * width, samples, table, self._mix(gain), share, t, self._lamp, out,
            _given(lamps, out), *samples.shape[:2], *samples.stride()[:2], samples.stride(2) if samples.shape[2] > 1 else 0,
            *corner, height, width, LAYERS=layers, GATE=kind,
        )  # fmt: skip
        return out, lamps

    def _mix(self, gain: Tensor) -> Tensor:
        told, known = tuple(gain.tolist()), self._mixing  # once: another thread's picture brings a gain of its own
        if known is None or known[0] != told:
            self._mixing = known = told, self._floats(mixing(self._film, gain))
        return known[1]

    def cells(self, field: Tensor) -> Tensor:
        """`stages.psf.coarse_cells` of `1,L,H,W`."""
        layers, height, width = field.shape[1:]
        rows, cols = (height - 2 * COARSE_MARGIN) // COARSE, (width - 2 * COARSE_MARGIN) // COARSE
        down, out = self._empty(layers, rows, width), self._empty(1, layers, rows, cols)
        if not out.numel():
            return out
        light, (plane, stride), taps = self._kernels.light, field.stride()[1:3], len(self._taps)
        inner = field[..., 1:, 1:]  # what the taps meet first
        self._run(
            light.shrink_down, layers * rows * (width - 1), inner, self._taps, down,
            rows, width - 1, stride, plane, layers * rows * (width - 1), TAPS=taps,
        )  # fmt: skip
        count = out.numel()
        self._run(light.shrink_across, count, down, self._taps, out, cols, width - 1, count, TAPS=taps)
        return out

    def splined(self, spread: WideSpread | None) -> WideSpread | None:
        """The same spread; its splines are a kernel's."""
        return _Splined(spread.coefficients.contiguous(), self) if spread else None

    def spline(self, coefficients: Tensor, y: int, x: int, height: int, width: int) -> Tensor:
        """A `WideSpread` of coefficients `1,L,h,w` on the pixels from (y, x): `L,height,width`; all are multiples of COARSE."""
        across, out = self._across(coefficients, y, x, height, width), self._empty(coefficients.shape[1], height, width)
        count = out.numel()
        self._run(self._kernels.light.spline_down, count, across, self._weights, out, height, width, count)
        return out

    def _across(self, coefficients: Tensor, y: int, x: int, height: int, width: int) -> Tensor:
        """The same along the rows alone: `L,rows,width`, as many rows as there are coefficients."""
        (layers, *cells), rows = coefficients.shape[1:], height // COARSE + 2 * _SPLINE_REACH
        out, first = self._empty(layers, rows, width), (y // COARSE - _SPLINE_REACH, x // COARSE - _SPLINE_REACH)
        place = *cells, *first, rows, width, out.numel()
        self._run(self._kernels.light.spline_across, out.numel(), coefficients, self._weights, out, *place)
        return out

    def blurred(
        self, spread: Spread, exposure: Tensor, lamps: Tensor | None, wide: WideSpread, corner: tuple[int, int]
    ) -> Tensor:
        """What `spread` makes of light and lamps' light `1,L,H,W` of a block, whose inner part begins at `corner`."""
        near, margin, layers = self._near_parts(spread, lamps is not None), spread.margin, self._film.layers
        cols, (plane, stride) = exposure.shape[3], exposure.stride()[1:3]
        rows, inner = exposure.shape[2] - 2 * margin, cols - 2 * margin
        shining, kernels = _given(lamps, exposure), len(near.kernels)
        if shining.stride() != exposure.stride():
            shining = shining.contiguous()
            exposure = exposure.contiguous()
            plane, stride = exposure.stride()[1:3]
        down, out = self._empty(max(kernels, 1), layers, rows, cols), self._empty(1, layers, rows, inner)
        light = self._kernels.light
        if kernels:
            place = rows, cols, stride, plane, margin
            told = exposure, shining, near.halves, near.kernels, down
            self._run(light.near_down, rows * cols, *told, *place, planes=kernels * layers, LAYERS=layers)
        coarse = self._across(wide.coefficients, *corner, rows, inner)
        self._run(
            light.near_across, rows * inner, exposure, shining, down, near.halves, near.kernels, near.weights, coarse,
            self._weights, out, rows, inner, cols, stride, plane, margin, kernels, int(lamps is not None),
            planes=layers, LAYERS=layers,
        )  # fmt: skip
        return out

    def finish(
        self,
        pixels: Pixels,
        block: Block,
        exposure: Tensor,
        unspread: Tensor | None,
        around: Tensor | None,
        beside: Tensor | None,
        margins: tuple[int, int],
        key: int,
        strength: float,
        frame: int,
    ) -> None:
        """Develops a block into its picture; the arguments are those of `fused_cpu.Fused.finish`."""
        reach, edges = len(self._scan) - 1, around is not None and unspread is not None
        spare = max(len(self._near) - 1, 1) if edges else 0
        settled = self._settled(block, exposure, unspread if edges else None, margins[0], reach + spare)
        light, bright, own = settled or (exposure, None, None)
        at = (spare if settled else margins[0] - reach) * (light.stride(2) + 1)
        target = self._target(pixels, block, strength, frame)
        code = self._film_code(block, light, at, bright, own, around, beside, margins[1], key, spare, target)
        if reach:
            code = self._scanned(block, code, target)
        if target.samples is None:
            pixels.write(block.y, block.x, code, strength, frame)
        elif not target.is_picture:
            pixels.put(block.y, block.x, target.samples)

    def _target(self, pixels: Pixels, block: Block, strength: float, frame: int) -> _Target:
        """Where a block's bytes go: into the developed copy, or, where that lies elsewhere, into a block of their own."""
        shift = dither_shift(frame)
        if strength < 1 or pixels.mask is not None or not pixels.has_bytes:
            return _Target(None, False, 0, 0, 0, shift)
        picture = pixels.bytes_on_device()
        if picture is not None:
            return _Target(picture, True, block.width, picture.shape[2], block.y * block.width + block.x, shift)
        samples = torch.empty((block.rows, block.cols, 3), dtype=torch.uint8, device=self._device)
        return _Target(samples, False, block.cols, 3, 0, shift)

    def _settled(
        self, block: Block, exposure: Tensor, unspread: Tensor | None, margin: int, reach: int
    ) -> tuple[Tensor, Tensor | None, Tensor | None] | None:
        """Exposure `1,L,h,w` with `reach` pixels around the block, and log10 of its brightness, spread and before, darkened
        towards the corners; None: it stays as it is."""
        if unspread is None and not self._vignette:
            return None
        rows, cols, layers = block.rows + 2 * reach, block.cols + 2 * reach, self._film.layers
        out, bright, own = self._empty(1, layers, rows, cols), None, None
        if unspread is not None:  # each by itself: a kernel is compiled anew where a pointer is aligned in another way
            bright, own = self._empty(rows, cols), self._empty(rows, cols)
        before = exposure if unspread is None else unspread
        places = [n for field in (exposure, before) for n in ((margin - reach) * (field.stride(2) + 1), *field.stride()[1:3])]
        self._run(
            self._kernels.film.settle, rows * cols, exposure, before, self._numbers, out, _given(bright, out),
            _given(own, out),
            *places, block.y - reach, block.x - reach, block.height, block.width, rows, cols, int(self._vignette),
            int(unspread is not None), LAYERS=layers,
        )  # fmt: skip
        return out, bright, own

    def _noise(self, block: Block, reach: int, key: int) -> tuple[int, Tensor, tuple[int, int, int], Tensor]:
        """Where the noise of a block with `reach` pixels around comes from, its planes and where they lie, and what is left to
        blur them by along their rows."""
        film = self._kernels.film
        if self._grain is None:
            return film.NO_GRAIN, self._one, (0, 0, 0), self._one
        clouds, layers = self._grain.clouds, self._film.layers
        rows, cols = block.rows + 2 * reach, block.cols + 2 * reach
        y, x = block.y - reach, block.x - reach
        if clouds.lattice > 1:
            made = clouds(y, x, rows, cols, key, layers, self._device).contiguous()
            return film.GIVEN_GRAIN, made, (0, rows * cols, cols), self._one
        if not clouds.reach:
            return film.OWN_GRAIN, self._one, (0, 0, 0), self._one
        r = clouds.reach
        high, wide = rows + 2 * r, cols + 2 * r
        white, made = self._empty(layers, high, wide), self._empty(layers, rows, wide)
        quantiles = normal_quantiles(self._device)
        self._run(film.white, high * wide, quantiles, white, y - r, x - r, high, wide, key, LAYERS=layers)
        place = r * wide, wide, high * wide, rows, wide
        self._run(film.blurred_down, made.numel(), white, self._clouds_half, made, *place, made.numel(), r)
        return film.GIVEN_GRAIN, made, (r, rows * wide, wide), self._clouds_half

    def _film_code(
        self,
        block: Block,
        light: Tensor,
        at: int,
        bright: Tensor | None,
        own: Tensor | None,
        around: Tensor | None,
        beside: Tensor | None,
        margin: int,
        key: int,
        spare: int,
        target: _Target,
    ) -> Tensor:
        """Display code `3,h,w` of the block with what the scan reads around it; without a scan, of bytes, they are written."""
        film, reach, near = self._kernels.film, len(self._scan) - 1, len(self._near) - 1
        rows, cols, (plane, stride) = block.rows + 2 * reach, block.cols + 2 * reach, light.stride()[1:3]
        spread, has_edges = self._one, bright is not None
        if bright is not None and near:
            spread = self._empty(rows, stride)
            place = spare * stride, stride, 0, rows, stride
            self._run(film.blurred_down, spread.numel(), bright, self._near_half, spread, *place, spread.numel(), near)
        noise, planes, lies, half = self._noise(block, reach, key)
        as_bytes = target.samples is not None and not reach
        code = self._empty(3, rows, cols) if not as_bytes else self._one
        around_line = around.stride(2) if around is not None else 0
        curve, corrected, deviation = self._tables
        self._run(
            film.film, rows * cols, light, _given(bright, self._one), _given(own, self._one), spread,
            _given(around, self._one), _given(beside, self._one), planes, self._numbers, curve.values, corrected.values,
            deviation.values, normal_quantiles(self._device), self._near_half, half, self._steps, self._prints,
            _given(target.samples, self._one), code,
            at, plane, stride, (margin - reach) * (around_line + 1), around_line, *lies,
            block.y - reach, block.x - reach, rows, cols, near, spare, len(half) - 1, int(has_edges), int(beside is not None),
            key, len(self._steps), target.first, target.line, target.step, target.shift,
            LAYERS=self._film.layers, NOISE=noise, BYTES=as_bytes,
        )  # fmt: skip
        return code

    def _scanned(self, block: Block, code: Tensor, target: _Target) -> Tensor:
        """What the scan makes of code: `3,h,w` of the block, or bytes."""
        film, reach, (rows, cols) = self._kernels.film, len(self._scan) - 1, (block.rows, block.cols)
        wide, samples = cols + 2 * reach, target.samples
        down, made = self._empty(3, rows, wide), self._one if samples is not None else self._empty(3, rows, cols)
        self._run(
            film.scan_down, down.numel(), code, self._scan_half, down,
            block.y, block.x, block.height, block.width, rows, cols, wide, reach,
        )  # fmt: skip
        self._run(
            film.scan_across, rows * cols, down, self._scan_half, _given(samples, self._one), made,
            block.y, block.x, rows, cols, wide, reach,
            target.first, target.line, target.step, target.shift, BYTES=samples is not None,
        )  # fmt: skip
        return made


def _given(planes: Tensor | None, otherwise: Tensor) -> Tensor:
    """What a kernel is handed where it reads nothing."""
    return otherwise if planes is None else planes


def _halvings() -> np.ndarray:
    """The taps of both halvings of `stages.psf.coarse_cells`, as one kernel of every fourth pixel."""
    four, eight = (np.array(taps) / sum(taps) for taps in HALVINGS)
    apart = np.zeros(2 * len(eight) - 1)
    apart[::2] = eight
    return np.convolve(apart, four)
