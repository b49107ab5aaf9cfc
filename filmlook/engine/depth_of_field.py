"""Depth of field: every point of a scene spread over its disc, and what is nearer laid over what is farther.

Points are sorted into slices by how far out of focus they are. A slice's discs are added up as light and as coverage, and the
slices are laid over each other from the front: each takes what the ones before it have left,

    w = min(cover, left)        out += w light / cover        left -= w                          out / (1 - left) at the end

so that a surface cut into slices closes where they meet, and nothing that is hidden shines through what is sharp before it.
Behind what is blurred and near there is light too that the picture does not show: it is filled from what lies around it and
farther away (`_hidden`). Discs are added as their rows' ends, whose running sums are the discs; large ones on coarser grids.
What is added are whole numbers or doubles, in bands of one height, so neither threads nor tiles change a bit.
"""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from filmlook.engine.kernels.numbers import THIRD
from filmlook.film.colour_map import Each
from filmlook.stages.bokeh import Shapes
from filmlook.stages.lamps import smoothstep

_BAND = 256  # rows that are made together
_STEPS = (
    (1, (-6.0, -3.0, -1.0, 1.0, 3.0, 6.0)),
    (2, (6.0, 9.5, 15.0, 24.0)),
    (4, (24.0, 40.0, 62.0, 96.0)),
    (8, (96.0, 192.0)),
)
"""Slices' bounds in pixels of radius, by the step of the grid that they are added on; on both sides of what is sharp."""

_LEAST_RADIUS = 0.3  # px: a disc within its pixel
_NONE = 1e-6  # of coverage
_WHOLE = 2.0**32  # in which light is counted where it is added up by PyTorch: sums of whole numbers have no order


class Run(NamedTuple):
    """Slices that are added on one grid: its step in pixels, and each slice's number with the largest radius in it."""

    step: int
    slices: tuple[tuple[int, float], ...]


def _runs() -> tuple[list[float], list[Run]]:
    """The bounds of all slices, and the runs from the front to the back."""
    bounds = list(_STEPS[0][1])
    for _, more in _STEPS[1:]:
        bounds = [-b for b in reversed(more[1:])] + bounds + list(more[1:])
    counts = [(step, len(more) - 1) for step, more in _STEPS[1:]]
    order = [*reversed(counts), (1, len(_STEPS[0][1]) - 1), *counts]
    edges = [-math.inf, *bounds, math.inf]
    found, at = [], 1
    for place, (step, count) in enumerate(order):
        numbers = list(range(at, at + count))
        at += count
        numbers = [0, *numbers] if place == 0 else numbers
        numbers = [*numbers, at] if place == len(order) - 1 else numbers
        found.append(Run(step, tuple((n, max(abs(edges[n]), abs(edges[n + 1]))) for n in numbers)))
    return bounds, found


_BOUNDS, _RUNS = _runs()


@dataclass(frozen=True)
class Layer:
    """What is seen, or what is behind it.

    Attributes:
        light: `H,W,4` float32: red, green, blue and what of their sum is lamps'.
        radius: `H,W` float32, of the discs, in pixels.
        slices: `H,W` int8, which slice each pixel is in; -1: none.
    """

    light: Tensor
    radius: Tensor
    slices: Tensor


def defocused(light: Tensor, radius: Tensor, shapes: Shapes, each: Each = map, kernels: Any = None) -> Tensor:
    """Scene light as a lens with depth of field throws it on the film.

    Args:
        light: `4,H,W` float32: red, green, blue and what of their sum is lamps'.
        radius: `H,W`, of each pixel's disc in pixels, less than 0 in front of what is sharp.
        shapes: of the discs.
        each: maps bands, side by side where there are threads.
        kernels: those of `engine.kernels.entry`, on the CPU; None: PyTorch does.

    Returns:
        Light of the same shape.
    """
    height, width = radius.shape
    planes = light.movedim(0, -1).contiguous()
    layers = [_layer(planes, radius)]
    if hidden := _hidden(planes, radius):
        layers.append(hidden)
    hand: Any = _Compiled(layers, shapes, kernels) if kernels else _Torch(layers, shapes)
    out = torch.empty_like(planes)
    counts = torch.stack([torch.bincount(ly.slices.flatten().int() + 1, minlength=len(_BOUNDS) + 2) for ly in layers])
    in_use = set(counts.any(0)[1:].nonzero()[:, 0].tolist())

    def band(y: int) -> None:
        rows = min(_BAND, height - y)
        made, left = out[y : y + rows].zero_(), torch.ones((rows, width), device=light.device)
        for run in _RUNS:
            used = [s for s in run.slices if s[0] in in_use]
            if used:
                first = max(0, y // run.step - 1)
                last = min(-(-height // run.step), -(-(y + rows) // run.step) + 1)
                cells = None
                for number, largest in used:
                    cells = hand.add(cells, number, run.step, largest, first, last)
                if cells is not None:
                    hand.lay(cells, run.step, first, y, made, left)
        made /= (1 - left).clamp_min(_NONE)[..., None]

    for _ in each(band, range(0, height, _BAND)):
        pass
    return out.movedim(-1, 0).contiguous()


def _layer(light: Tensor, radius: Tensor) -> Layer:
    slices = torch.bucketize(radius.contiguous(), torch.tensor(_BOUNDS, device=radius.device)).to(torch.int8)
    return Layer(light, radius.abs().clamp_min(_LEAST_RADIUS), slices)


def _radius_on(radius: Any, step: int) -> Any:
    """A radius in cells of a coarser grid, less what that grid blurs by itself: a disc has the variance r^2 / 4 along each
    axis, cells and the ends of rows (s^2 - 1) / 12 each, and the triangles between cells s^2 / 6."""
    return (radius**2 - _blurred_by(step)).clip(_LEAST_RADIUS**2) ** 0.5 / step


def _blurred_by(step: int) -> float:
    return 4 * ((step**2 - 1) / 6 + (step**2 / 6 if step > 1 else 0))


class _Torch:
    """Adds and lays in PyTorch."""

    def __init__(self, layers: list[Layer], shapes: Shapes) -> None:
        self._layers, self._shapes = layers, shapes
        height, width = layers[0].radius.shape
        device = layers[0].radius.device
        self._zones = shapes.zones(height, width).to(device)
        self._left, self._right, self._area, self._steep = (
            torch.from_numpy(part).to(device) for part in (shapes.left, shapes.right, shapes.area, shapes.steep)
        )

    def add(self, cells: Tensor | None, number: int, step: int, largest: float, first: int, last: int) -> Tensor | None:
        """A slice laid behind the cells of its run, `5,h,w` of light and coverage, between two rows of the run's grid."""
        height, width = self._layers[0].radius.shape
        reach = math.ceil(self._shapes.reach * min(largest, height + width) / step) + 1
        begin, end = max(0, first - reach) * step, min(height, (last + reach) * step)
        for layer in self._layers:
            values, radius, y, x = self._points(layer, number, step, begin, end)
            if not len(radius):
                continue
            own = self._discs(values, radius, y, x, step, (first, last, -(-width // step)))
            if cells is None:
                cells = own
                continue
            weight = own[4].minimum((1 - cells[4]).clamp_min(0)) / own[4].clamp_min(_NONE)
            cells.addcmul_(own, weight[None])
        return cells

    @staticmethod
    def _points(layer: Layer, number: int, step: int, begin: int, end: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The cells of a slice: light and coverage `5,N`, radii in pixels, rows and columns of the run's grid."""
        there = layer.slices[begin:end] == number
        if step == 1:
            y, x = there.nonzero(as_tuple=True)
            values = pad(layer.light[begin:end][y, x], (0, 1), value=1.0).T
            return values, layer.radius[begin:end][y, x], y + begin, x
        share = there.to(torch.float32)[None, None]
        light = layer.light[begin:end].movedim(-1, 0)[None]
        fields = torch.cat((light, torch.ones_like(share), layer.radius[begin:end][None, None]), 1) * share
        bottom, right = (-n % step for n in share.shape[2:])
        means = avg_pool2d(pad(fields, (0, right, 0, bottom)), step)[0]
        y, x = (means[4] > 0).nonzero(as_tuple=True)
        values = means[:, y, x]
        return values[:5], values[5] / values[4], y + begin // step, x

    def _discs(self, values: Tensor, radius: Tensor, y: Tensor, x: Tensor, step: int, part: tuple[int, int, int]) -> Tensor:
        """The sum of discs `5,h,w`, light and coverage, in rows from `part[0]` to `part[1]` of a width of `part[2]`."""
        first, last, width = part
        order = radius.argsort(descending=True, stable=True)
        values, radius, y, x = values[:, order], _radius_on(radius[order], step), y[order], x[order]
        zone = self._zones[
            tuple((n * step + step // 2).clamp_max(m - 1) for n, m in zip((y, x), self._zones.shape, strict=True))
        ]
        amount = (values / (self._area[zone] * radius**2) * _WHOLE).round_()
        tall = self._shapes.reach * radius + 0.5
        largest = math.ceil(float(tall[0]))
        room = largest + 2
        across = width + 2 * room
        ends = torch.zeros((5, (last - first) * across), dtype=torch.int64, device=values.device)
        rows = self._left.shape[1] - 1
        counts = torch.searchsorted(-tall, -torch.arange(0, largest + 1, device=tall.device).to(tall)).tolist()
        for dy in range(-largest, largest + 1):
            count = counts[abs(dy)]
            at = y[:count] + dy
            some = ((at >= first) & (at < last)).nonzero()[:, 0]
            if not len(some):
                continue
            steep = self._steep[zone[some], (self._knots(dy / radius[some], rows) + 0.5).long()] > 0
            for chosen, sides in ((some[~steep], (-0.5, 0.5)), (some[steep], (-0.5, -THIRD, THIRD, 0.5))):
                if not len(chosen):
                    continue
                r, z, parts = radius[chosen], zone[chosen], len(sides) - 1
                base, middle = (at[chosen] - first) * across + room, x[chosen] + 0.5
                own = amount[:, chosen] / parts if parts > 1 else amount[:, chosen]
                knots = [self._knots((dy + side) / r, rows) for side in sides]
                for table, sign in ((self._left, 1), (self._right, -1)):
                    sums = [_looked_up(table, z, knot) for knot in knots]
                    for above, below in itertools.pairwise(sums):
                        self._end(ends, base, (below - above) * (r * r * parts) + middle, sign, own)
        made = ends.view(5, last - first, across).cumsum(-1)[..., room : room + width]
        return (made.double() / _WHOLE).float()

    @staticmethod
    def _end(ends: Tensor, base: Tensor, edge: Tensor, sign: int, amount: Tensor) -> None:
        """One end of rows, between two pixels: what is added there, or, at its other end, taken away again."""
        whole = edge.floor()
        far = (edge - whole) * sign
        place = base + whole.long()
        ends.index_add_(1, place, (amount * (sign - far)).round_().long())
        ends.index_add_(1, place + 1, (amount * far).round_().long())

    def _knots(self, t: Tensor, rows: int) -> Tensor:
        extent = self._shapes.extent
        return (t.clamp(-extent, extent) + extent) * (rows / (2 * extent))

    def lay(self, cells: Tensor, step: int, first: int, y: int, made: Tensor, left: Tensor) -> None:
        """Lays a run's cells behind what is made of a band that begins at row y."""
        rows, width = left.shape
        if step > 1:
            cells = interpolate(cells[None], scale_factor=float(step), mode="bilinear", align_corners=False)[0]
        fine = cells[:, y - first * step : y - first * step + rows, :width]
        weight = fine[4].minimum(left)
        made += (fine[:4] * (weight / fine[4].clamp_min(_NONE))).movedim(0, -1)
        left -= weight


def _looked_up(table: Tensor, zone: Tensor, at: Tensor) -> Tensor:
    whole = at.long().clamp_max(table.shape[1] - 2)
    low = table[zone, whole]
    return low + (table[zone, whole + 1] - low) * (at - whole)


class _Compiled:
    """Adds and lays in compiled kernels; cells are flat `h,w,5`."""

    def __init__(self, layers: list[Layer], shapes: Shapes, kernels: Any) -> None:
        self._kernels, self._shape = kernels, (shapes.reach, shapes.extent)
        self._size = tuple(layers[0].radius.shape)
        self._layers = [tuple(part.numpy().reshape(-1) for part in (ly.light, ly.radius, ly.slices)) for ly in layers]
        self._largest = max(float(ly.radius.max()) for ly in layers)
        self._tables = shapes.left.reshape(-1), shapes.right.reshape(-1), shapes.area, shapes.steep.reshape(-1)
        zones = shapes.zones(*self._size) if len(shapes.area) > 1 else torch.zeros(1)
        self._zones = zones.to(torch.int32).numpy().reshape(-1)

    def add(self, cells: np.ndarray | None, number: int, step: int, largest: float, first: int, last: int) -> Any:
        """As `_Torch.add`."""
        height, width = self._size
        cols = -(-width // step)
        room = math.ceil(self._shape[0] * min(largest, self._largest) / step) + 2
        source = max(0, first - room), min(-(-height // step), last + room)
        made = np.empty((last - first) * cols * 5, np.float32) if cells is None else cells
        ends = _room((last - first) * (cols + 2 * room) * 5 + 5)
        touched = np.zeros(last - first, np.uint8)
        grid = (number, step, _blurred_by(step), self._shape, self._tables, self._zones, source, (first, last), room)
        for layer in self._layers:
            if self._kernels.add_discs(*layer, self._size, *grid, ends, touched, made, cells is None):
                cells = made
        return cells

    def lay(self, cells: np.ndarray, step: int, first: int, y: int, made: Tensor, left: Tensor) -> None:
        """As `_Torch.lay`."""
        rows, width = left.shape
        cols = -(-width // step)
        grid = (cols, first, len(cells) // (5 * cols), step, y, rows, width)
        self._kernels.lay_cells(cells, *grid, made.numpy().reshape(-1), left.numpy().reshape(-1))


_here = threading.local()  # `ends`: of this thread, all 0 between two calls


def _room(count: int) -> np.ndarray:
    """Zeros of this thread's, which are zeros again when they come back."""
    kept: np.ndarray | None = getattr(_here, "ends", None)
    if kept is None or len(kept) < count:
        _here.ends = kept = np.zeros(count)
    return kept


_FILL_STEP = 4  # px of the grid that the hidden is filled on
_BEHIND = (
    2.0,
    0.25,
)  # what is farther by so many pixels of radius, and this share of its own, is behind and not the same surface
_BRIGHT = 1.0  # scene light, of three channels together, from which a pixel says less and less of what is beside it
_FARTHEST = 24.0  # how much more what is far counts in a mean: exp of this for the whole of a picture's depth


def _hidden(light: Tensor, radius: Tensor) -> Layer | None:
    """What is behind the edges of what is blurred and near; None: nothing is.

    At each of several sizes, the mean of what is around, in which what is farthest counts most; the smallest that finds
    something clearly behind a pixel is taken.
    """
    near = -float(radius.min())
    if near <= 1 or float(radius.max() - radius.min()) < _BEHIND[0]:
        return None
    height, width = radius.shape
    step = _FILL_STEP
    fields = torch.cat((light.movedim(-1, 0), radius[None], torch.ones_like(radius)[None]))[None]
    least = float(radius.min())
    weight = ((radius - least) * (_FARTHEST / (float(radius.max()) - least)) - _FARTHEST).exp_()
    weight = weight / (1 + light[..., :3].sum(-1) / _BRIGHT) ** 2  # a lamp does not go on behind what is before it
    fine = pad(fields, (0, -width % step, 0, -height % step), mode="replicate")
    own = avg_pool2d(fine[:, 4:5], step)
    sums = avg_pool2d(fine * pad(weight[None, None], (0, -width % step, 0, -height % step), mode="replicate"), step)
    found = torch.zeros_like(sums[:, :5])
    share = torch.zeros_like(own)
    size = own.shape[-2:]
    apart = _BEHIND[0] + _BEHIND[1] * own.abs()
    around = sums
    cell = step
    while True:
        around = _smooth(around)
        here = around if around.shape[-2:] == size else interpolate(around, size, mode="bilinear", align_corners=False)
        mean = here[:, :5] / here[:, 5:].clamp_min(1e-20)
        is_behind = smoothstep((mean[:, 4:5] - own) / apart, 1.0, 2.0) * (own < -1).to(own)
        found += (1 - share) * is_behind * mean
        share += (1 - share) * is_behind
        if cell > near or min(around.shape[-2:]) < 2:
            break
        around, cell = avg_pool2d(around, 2, ceil_mode=True), cell * 2
    if float(share.max()) < 0.5:
        return None
    spread = interpolate(torch.cat((found, share), 1), scale_factor=float(step), mode="bilinear", align_corners=False)
    share = spread[0, 5, :height, :width]
    filled = spread[0, :5, :height, :width] / share.clamp_min(1e-3)
    layer = _layer(filled[:4].movedim(0, -1).contiguous(), filled[4])
    layer.slices.masked_fill_((share < 0.02) | (filled[4] - radius < _BEHIND[0]), -1)
    return layer


def _smooth(cells: Tensor) -> Tensor:
    padded = pad(cells, (1, 1, 1, 1), mode="replicate")
    return avg_pool2d(avg_pool2d(pad(padded, (0, 1, 0, 1), mode="replicate"), 2, 1), 2, 1)[
        ..., : cells.shape[-2], : cells.shape[-1]
    ]
