"""DUST and SCRATCHES on the film: density to density, so that the print decides what they look like.

Dust is opaque: it adds density, in all layers alike. A negative's prints white, a slide's is dark. How many particles of which
size lie on a surface tells IEST-STD-CC1246 by levels of cleanliness L,

    log10 N(at least d) = .926 (log10^2 L - log10^2 d)        d in um, N on .1 m^2

`dust` 1 is level 300, a film that is kept clean: on a cine frame of 35 mm some thirty specks of 25 um and more, five of 50;
4 is level 490, a film that was not, with ten times as many. What is longer than a tenth of a millimetre is more often a fibre.
Every frame has other ones.

Scratches run along the film, up and down in a picture that is projected, and stay for seconds while they wander. On the base
they scatter light, which is as good as density. On the emulsion they take dye away, the outermost layers' first: that of blue
light, then green, then red (Bruni, Ferrara and Vitulano on the colours of scratches).

Where a stock has no layers there is no density, and log10 exposure takes its place, as of a negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from filmlook.look import Look
from filmlook.stages.chance import drift, uniform
from filmlook.stages.grain import noise_key
from filmlook.stages.stage import Place
from filmlook.stock import Stock

_LEVEL_UM, _SLOPE = 300.0, 0.926  # of the standard, at dust 1
_DIRTIER = 0.35  # power of dust by which the level rises
_AREA_UM2 = 1e11  # .1 m^2
_LEAST_UM, _MOST_UM = 10.0, 500.0  # smaller ones are less than grain
_FIBRE_FROM_UM, _FIBRES = 100.0, 0.7  # share of fibres among what is longer
_FIBRE_WIDTH_UM = 10.0, 20.0
_THROUGH = 0.05, 0.6  # share of the light that a particle lets through
_BUMPS = (0.22, 0.13, 0.08)  # of an outline, in 2, 3 and 5 waves
_SOFT_UM = 8.0  # at most, of an edge: not all of it lies in focus

_ACROSS = 3  # scratches that may run side by side, for each unit of the setting
_SHARE = 0.4  # of the time that each does
_LEAST_FRAMES, _MOST_FRAMES = 30, 240
_WIDTH_UM = 8.0, 40.0
_WANDER_UM = 60.0
_WANDER_FRAMES = (31.0, 83.0, 211.0)
_PALER_FRAMES = (0.37, 1.3, 5.9, 17.0)  # a scratch comes and goes along the film
_ON_BASE = 0.6  # share of the scratches
_BASE_D = 0.15, 0.7
_LAYERS = 3  # a scratch of the emulsion goes so deep at most
_EXPOSURE = 1.6  # log10 exposure for a density, of stocks without layers: one over a negative's gamma
_TAKEN = 1.0  # log10 exposure that all of a layer's dye is worth there


@dataclass(frozen=True)
class Mark:
    """Something on the film, from pixel (y, x) on.

    Attributes:
        density: `(h, w)`, what it adds; None: it takes.
        taken: `(3, h, w)`, the share that it takes of each layer's dye, the blue-sensitive one's last.
    """

    y: int
    x: int
    density: Tensor | None = None
    taken: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        of = self.density if self.taken is None else self.taken[0]
        assert of is not None
        return of.shape[0], of.shape[1]


class _Marks:
    """A stage that puts marks on the film."""

    margin = 0

    def __init__(self, stock: Stock, amount: float, pitch_um: float, marks: Callable[..., tuple[Mark, ...]]) -> None:
        self._amount, self._pitch_um, self._marks = amount, pitch_um, marks
        self._has_layers = stock.film is not None

    def __call__(self, density: Tensor, place: Place) -> Tensor:
        """Density (of stocks without layers: log10 exposure) `B,L,H,W` with the marks."""
        marks, margin = self._marks(place.size, self._pitch_um, self._amount, place.moment), place.margin_of(density)
        out = None
        for i, (y, x) in enumerate(place.corners):
            for mark in marks:
                there = _meeting(mark, y - margin, x - margin, density.shape[-2], density.shape[-1])
                if there is not None:
                    out = density.clone() if out is None else out
                    self._put(out[i], mark, *there)
        return density if out is None else out

    def _put(self, field: Tensor, mark: Mark, at: tuple[slice, slice], of: tuple[slice, slice]) -> None:
        here = field[:, at[0], at[1]]
        if mark.density is not None:
            here.add_(mark.density[of].to(field.device), alpha=1.0 if self._has_layers else _EXPOSURE)
        if mark.taken is not None:
            taken = mark.taken[:, of[0], of[1]].to(field.device)[-len(here) :]  # silver is the outermost layer
            here.sub_(taken * here if self._has_layers else taken * _TAKEN)


def _meeting(mark: Mark, y: int, x: int, height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Where a mark lies in a block from (y, x), and which part of it; None: beside it."""
    top, left = max(mark.y, y), max(mark.x, x)
    bottom, right = min(mark.y + mark.size[0], y + height), min(mark.x + mark.size[1], x + width)
    if top >= bottom or left >= right:
        return None
    return (slice(top - y, bottom - y), slice(left - x, right - x)), (
        slice(top - mark.y, bottom - mark.y),
        slice(left - mark.x, right - mark.x),
    )


class Dust(_Marks):
    """Dust of one frame."""

    name = "dust"

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        super().__init__(stock, look.dust, pitch_um, dust_marks)


class Scratches(_Marks):
    """Scratches of one frame."""

    name = "scratches"

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        super().__init__(stock, look.scratches, pitch_um, scratch_marks)


@lru_cache(maxsize=4)
def dust_marks(size: tuple[int, int], pitch_um: float, amount: float, moment: tuple[int, int]) -> tuple[Mark, ...]:
    """The particles on a frame.

    Args:
        size: height and width of the picture. moment: seed and number of the frame.
    """
    key = noise_key(*moment)
    area = size[0] * size[1] * pitch_um**2
    level = math.log10(max(_LEVEL_UM * amount**_DIRTIER, _LEAST_UM))
    per_area = 10 ** (_SLOPE * (level**2 - math.log10(_LEAST_UM) ** 2)) / _AREA_UM2
    count = _poisson(per_area * area, uniform(key, 10)[0])
    draws = torch.tensor([uniform(key, 11 + lane, count) for lane in range(8 + len(_BUMPS) + 1)], dtype=torch.float64)
    squares = math.log10(_LEAST_UM) ** 2 - torch.log10(draws[2]) / _SLOPE  # of log10 of the diameters, turned around
    diameters = (10 ** squares.sqrt()).clamp_max(_MOST_UM)
    fibres = (diameters > _FIBRE_FROM_UM) & (draws[3] < _FIBRES)
    marks = [
        _fibre(draw, float(d), size, pitch_um) for draw, d in zip(draws.T[fibres].tolist(), diameters[fibres], strict=True)
    ]
    blobs, radii = draws[:, ~fibres], diameters[~fibres] / 2 / pitch_um
    room = 2 ** (radii * 2.5 + 3).log2().ceil().long()  # pixels to each side, in few sizes that are drawn together
    for reach in sorted(set(room.tolist())):
        marks += _blobs(blobs[:, room == reach], radii[room == reach], reach, size, pitch_um)
    return tuple(marks)


def _poisson(mean: float, chance: float) -> int:
    """How often something comes that comes `mean` times on average; of a large mean as a normal number would."""
    if mean > 50:
        return max(0, round(mean + math.sqrt(mean) * math.sqrt(2) * float(torch.erfinv(torch.tensor(2 * chance - 1)))))
    count, share, total = 0, math.exp(-mean), math.exp(-mean)
    while chance > total and count < 1000:
        count += 1
        share *= mean / count
        total += share
    return count


def _edge(soft: Any, pitch_um: float) -> Any:
    """Pixels from all to nothing at an edge, to each side."""
    return 0.5 + soft**2 * _SOFT_UM / pitch_um


def _let_through(chance: Any) -> Any:
    return _THROUGH[0] + (_THROUGH[1] - _THROUGH[0]) * chance**2


def _density(cover: Tensor, through: Any) -> Tensor:
    """Of what covers shares of pixels: light goes around it."""
    return -torch.log10(1 - cover * (1 - through))


def _blobs(draws: Tensor, radii: Tensor, reach: int, size: tuple[int, int], pitch_um: float) -> Iterator[Mark]:
    """Particles of these radii in pixels: ellipses with bumps, in squares of `reach` pixels to each side."""
    down, right, _, _, long, turn, soft, through, *bumps = (d[:, None, None] for d in draws)
    ys, xs = (draws[0] * size[0]).floor(), (draws[1] * size[1]).floor()
    around = torch.arange(-reach, reach + 1, dtype=torch.float64) + 0.5
    rows = ys[:, None, None] + around[:, None] - down * size[0]
    columns = xs[:, None, None] + around - right * size[1]
    seen, longer = radii.clamp_min(0.5)[:, None, None], 1 + 1.2 * long**2
    c, s = torch.cos(math.pi * turn), torch.sin(math.pi * turn)
    along, across = (columns * c + rows * s) / longer.sqrt(), (rows * c - columns * s) * longer.sqrt()
    angle, outline = torch.atan2(across, along), torch.ones_like(along)
    for waves, strength, phase in zip((2, 3, 5), _BUMPS, bumps, strict=False):
        outline += strength * torch.cos(waves * angle + 2 * math.pi * phase)
    cover = ((seen * outline - torch.hypot(along, across)) / (2 * _edge(soft, pitch_um)) + 0.5).clamp(0, 1)
    density = _density(cover * (radii[:, None, None] / seen) ** 2, _let_through(through)).float()
    for y, x, one in zip(ys.long().tolist(), xs.long().tolist(), density, strict=True):
        yield Mark(y - reach, x - reach, one)


def _fibre(draw: list[float], diameter_um: float, size: tuple[int, int], pitch_um: float) -> Mark:
    """A fibre: a curve that bends once or twice."""
    down, right, _, _, wide, turn, soft, through, *bends = draw
    length = diameter_um * (2 + 3 * bends[0]) / pitch_um
    half = (_FIBRE_WIDTH_UM[0] + (_FIBRE_WIDTH_UM[1] - _FIBRE_WIDTH_UM[0]) * wide) / 2 / pitch_um
    share = torch.linspace(0, 1, max(8, math.ceil(length)), dtype=torch.float64)
    bend = (bends[1] - 0.5) * 5 + (bends[2] - 0.5) * 9 * torch.cos(2 * math.pi * (share + bends[3]))
    heading = 2 * math.pi * turn + bend.cumsum(0) / len(share)
    path = torch.stack((heading.sin(), heading.cos()), 1).cumsum(0) * (length / len(share))
    path += torch.tensor([down * size[0], right * size[1]], dtype=torch.float64) - path.mean(0)
    seen, edge = max(half, 0.5), _edge(soft, pitch_um)
    low, high = (path.amin(0) - seen - edge).floor(), (path.amax(0) + seen + edge).ceil()
    rows, columns = (torch.arange(float(a), float(b), dtype=torch.float64) + 0.5 for a, b in zip(low, high, strict=True))
    distance = torch.full((len(rows), len(columns)), math.inf, dtype=torch.float64)
    for y, x in path.tolist():
        distance = torch.minimum(distance, (rows[:, None] - y).square() + (columns - x).square())
    cover = ((seen - distance.sqrt()) / (2 * edge) + 0.5).clamp(0, 1) * (half / seen)
    return Mark(int(low[0]), int(low[1]), _density(cover, _let_through(through)).float())


@lru_cache(maxsize=4)
def scratch_marks(size: tuple[int, int], pitch_um: float, amount: float, moment: tuple[int, int]) -> tuple[Mark, ...]:
    """The scratches on a frame; as `dust_marks`."""
    seed, frame = moment
    return tuple(
        mark
        for lane in range(math.ceil(amount * _ACROSS))
        for mark in _scratch(lane, min(1.0, amount * _ACROSS - lane), size, pitch_um, seed, frame)
    )


def _scratch(lane: int, often: float, size: tuple[int, int], pitch_um: float, seed: int, frame: int) -> Iterator[Mark]:
    """The scratches of one lane: time is cut into spells of one length, each with a scratch or without."""
    key = noise_key(seed, -2)
    length, phase = uniform(key, lane, 2)
    spell = round(_LEAST_FRAMES + (_MOST_FRAMES - _LEAST_FRAMES) * length**2)
    number, since = divmod(frame + round(phase * spell), spell)
    is_there, begin, end, place, wide, strong, base, depth = uniform(noise_key(key, number), 64 + lane, 8)
    if is_there > _SHARE * often:
        return
    height, width = size
    time = (torch.arange(height, dtype=torch.float64) + 0.5) / height  # of each row, in frames
    inside = (since + time > begin * 0.4 * spell) & (since + time < (1 - end * 0.4) * spell)
    if not inside.any():
        return
    half = (_WIDTH_UM[0] + (_WIDTH_UM[1] - _WIDTH_UM[0]) * wide**2) / 2 / pitch_um
    seen, own = max(half, 0.5), 1000 + 64 * number + lane
    centre = place * width + drift(seed, frame + time, own, _WANDER_FRAMES) * (_WANDER_UM / pitch_um)
    paler = (0.6 + 0.35 * drift(seed, frame + time, own + 32, _PALER_FRAMES)).clamp(0.05, 1) * inside
    left, right = math.floor(float(centre.min()) - seen - 1), math.ceil(float(centre.max()) + seen + 1)
    columns = torch.arange(left, right, dtype=torch.float64) + 0.5
    cover = (seen + 0.5 - (columns - centre[:, None]).abs()).clamp(0, 1) * (half / seen) * paler[:, None]
    if base < _ON_BASE:
        through = 10 ** -(_BASE_D[0] + (_BASE_D[1] - _BASE_D[0]) * strong)
        yield Mark(0, left, _density(cover, through).float())
    else:
        layers = torch.tensor([min(1.0, max(0.0, depth * _LAYERS - n)) for n in (2, 1, 0)])
        yield Mark(0, left, taken=(cover * (0.4 + 0.6 * strong)).float() * layers[:, None, None])
