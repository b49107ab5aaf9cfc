"""A series alike: exposure and cast of its pictures solved together, so that people and places stay what they are.

A change of exposure, or of the light's colour, moves the logarithms of a picture's light all alike. Pictures of one series show
the same things, which lie in the same places there once each picture is moved by what its exposure and cast are off: all moves
are sought at once, each picture climbing the density of all others' colours (congealing; E. Learned-Miller, "Data driven image
models through continuous joint alignment", 2006), first where these are blurred widely, then closely. Greys and skin count
most. How far a picture may be moved depends on how much it has in common with the others: what shows something else stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import conv3d, grid_sample

from filmlook.engine.colour_only import colour_of
from filmlook.errors import PictureError
from filmlook.files.picture import Picture, from_pil, with_bits
from filmlook.film.scene_light import display_code, scene_light
from filmlook.fitting.delta_e import delta_e, to_cielab
from filmlook.look import SETTINGS, Look
from filmlook.matching.oklab import oklab
from filmlook.presets import AnyLook, load_look
from filmlook.stock import load_stock

SIDE = 192  # px, the long side of what a series is judged on
_POINTS = 1500  # pixels of a picture
_ENDS = (0.02, 0.985)  # code, beyond which light is cut off
_ELSE = 0.25  # what colours count that are neither grey nor skin
_GREY, _SKIN, _SKINS = (
    0.35,
    (0.9, -0.7),
    0.5,
)  # log2 of red and blue against green: deviations, and skin's middle
_LOW, _HIGH = (-8.0, -3.0, -3.0), (3.0, 3.0, 3.0)  # stops of green; log2 of red, and of blue, against it
_FINER = (0.4, 1.0, 1.0)  # axes of equal likeness: a stop is less than a change of colour by as much
_WIDTHS, _STEPS = (0.5, 0.3, 0.18), 8  # the density's blur, round by round, and how often all are moved in each
_CELLS = 1.5  # of the density to a deviation of its blur
_TAPS = 5  # cells to each side
_USUAL = (0.5, 0.15, 0.15)  # how far pictures of a series are off, deviations of exposure and cast
_LEAST_DENSITY = 0.02
_TOGETHER = 64  # pictures whose densities are in memory at once: 25 MB
_FIRST_TIE, _LOOSE, _TIGHT = (
    0.5,
    0.05,
    1.0,
)  # what holds a picture where it was: at first, if like the others, if not
_UNLIKE, _ALIKE = 0.75, 0.9  # what a picture has in common with the others, 0 to 1, at which it is held and let go
_GREYS = (0.25, 0.4, 0.6)  # code, whose cast printer lights take back
_MOST_LIGHT = 1.0  # stops


def series_looks(pictures: Sequence[Any], look: AnyLook) -> list[Look]:
    """The looks that develop the pictures of a series alike: exposure and printer lights are each picture's own.

    Args:
        pictures: those of a series in any order: `Picture`s, PIL images, arrays `H,W,3` of 8 bits, or thumbnails of them; None
            where one could not be read, which has the look as it is.
        look: the look of all; of one that moves frame 0.

    Returns:
        A look for each. With a `lab` the first is as the lab judges it, and the others are like it.
    """
    look = load_look(look)
    known = [i for i, picture in enumerate(pictures) if picture is not None]
    looks = [look] * len(pictures)
    if len(known) < 2:
        return looks
    moved = shifts([pictures[i] for i in known])
    moved = moved - look.lab * moved[:1]
    lights = moved[:, 1:] @ _lights_for_casts(look)
    for i, exposure, (red, blue) in zip(known, moved[:, 0].tolist(), lights.tolist(), strict=True):
        changed: dict[str, float] = {
            "exposure": look.exposure + exposure,
            "light_red": look.light_red + min(max(red, -_MOST_LIGHT), _MOST_LIGHT),
            "light_blue": look.light_blue + min(max(blue, -_MOST_LIGHT), _MOST_LIGHT),
        }
        looks[i] = _turned(look, changed)
    return looks


def shifts(pictures: Sequence[Any]) -> Tensor:
    """What would bring each of the pictures to the others, `(N, 3)`: stops of exposure, log2 of red and of blue light. Half of
    them are moved one way and half the other; one that is all black or all white, which has nothing to go by, stays."""
    random = np.random.default_rng(0)
    points, weights = zip(*(_points(picture, random) for picture in pictures), strict=True)
    every = torch.stack(points), torch.stack(weights)
    shows = every[1].sum(1) > 0
    found = torch.zeros(len(points), 3)
    if (count := int(shows.sum())) < 2:
        return found
    every = every[0][shows], every[1][shows]
    moved, alike = _congealed(*every, torch.zeros(count, 3), torch.full((count,), _FIRST_TIE))
    share = ((alike - _UNLIKE) / (_ALIKE - _UNLIKE)).clamp(0, 1)
    moved, _ = _congealed(*every, moved, _TIGHT * (_LOOSE / _TIGHT) ** share)
    found[shows] = moved - moved.quantile(0.5, 0)
    return found


def _points(picture: Any, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Where some of a picture's pixels lie, `(P, 3)`, and what they count, `(P,)`, in sum 1; 0 where none shows anything."""
    code = thumbnail(picture).reshape(-1, 3)
    code = code[torch.from_numpy(random.choice(len(code), _POINTS))]
    red, green, blue = torch.log2(scene_light(code.clamp(1 / 510, 1))).unbind(1)
    red, blue = red - green, blue - green
    grey = torch.exp(-0.5 * (red**2 + blue**2) / _GREY**2)
    skin = torch.exp(-0.5 * ((red - _SKIN[0]) ** 2 + (blue - _SKIN[1]) ** 2) / _SKINS**2)
    inside = (code.amin(1) > _ENDS[0]) & (code.amax(1) < _ENDS[1])
    weights = (_ELSE + torch.maximum(grey, skin)) * inside
    return torch.stack((green, red, blue), 1), weights / weights.sum().clamp_min(1e-6)


def thumbnail(picture: Any) -> Tensor:
    """A picture's sRGB code `(h, w, 3)` in [0, 1], small; such a tensor as it is."""
    if isinstance(picture, Tensor):
        return picture
    if isinstance(picture, np.ndarray):
        picture = Picture(picture)
    elif isinstance(picture, Image.Image):
        picture = from_pil(picture)
    if not isinstance(picture, Picture):
        raise PictureError(f"a picture of a series is {type(picture).__name__}; allowed: a Picture, a PIL image, an array")
    rgb = Image.fromarray(np.ascontiguousarray(with_bits(picture, 8).pixels[..., :3]))
    scale = min(1.0, SIDE / max(rgb.size))
    size = (max(1, round(rgb.width * scale)), max(1, round(rgb.height * scale)))
    return torch.from_numpy(np.asarray(rgb.resize(size, Image.Resampling.BOX), np.float32) / 255)


def _congealed(points: Tensor, weights: Tensor, start: Tensor, tied: Tensor) -> tuple[Tensor, Tensor]:
    """Moves `(N, 3)` from a start on, and what each picture then has in common with the others, `(N,)`.

    Args:
        points, weights: `(N, P, 3)` and `(N, P)`. tied: `(N,)`, what holds each picture where it was.
    """
    low, finer = torch.tensor(_LOW), torch.tensor(_FINER)
    moved, common = start, torch.zeros(len(points))
    parts = torch.split(torch.arange(len(points)), _TOGETHER)
    for width in _WIDTHS:
        cell = width / _CELLS
        sides = [int(n / cell) + 1 for n in ((torch.tensor(_HIGH) - low) * finer).tolist()]
        at = torch.arange(-_TAPS, _TAPS + 1) / _CELLS
        bell = torch.exp(-0.5 * at**2) / torch.exp(-0.5 * at**2).sum()
        for _ in range(_STEPS):
            place = (points + moved[:, None] - low) * finer / cell

            def density(rows: Tensor, place: Tensor = place, sides: list[int] = sides, bell: Tensor = bell) -> Tensor:
                return _blurred(_histogram(place[rows], weights[rows], sides), bell)

            first = density(parts[0])
            total = first.sum(0) + sum(density(rows).sum(0) for rows in parts[1:])
            uphill = -tied[:, None] * moved / torch.tensor(_USUAL) ** 2
            for rows in parts:
                own = first if rows is parts[0] else density(rows)
                others = (total - own) / (len(points) - 1)
                both = (own * others).sqrt().flatten(1).sum(1)
                common[rows] = both / (own.flatten(1).sum(1) * others.flatten(1).sum(1)).sqrt()
                log = torch.log(others + _LEAST_DENSITY * others.amax((1, 2, 3), keepdim=True))
                uphill[rows] += _slope(log, points[rows], weights[rows], moved[rows], cell)
            step, most = uphill * 0.7 * (width / finer) ** 2, 0.5 * width / finer
            moved = moved + torch.maximum(torch.minimum(step, most), -most)
            moved = moved - 0.5 * moved.quantile(0.5, 0)
    return moved, common


def _histogram(place: Tensor, weights: Tensor, sides: list[int]) -> Tensor:
    """Weights `(N, P)` at places `(N, P, 3)` in cells, shared among the eight around each: `(N, *sides)`."""
    lower = place.floor()
    share, found = place - lower, torch.zeros(len(place), sides[0] * sides[1] * sides[2])
    for corner in ((a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)):
        cells, part = torch.zeros_like(weights, dtype=torch.long), weights
        for axis, up in enumerate(corner):
            cells = cells * sides[axis] + (lower[..., axis].long() + up).clamp(0, sides[axis] - 1)
            part = part * (share[..., axis] if up else 1 - share[..., axis])
        found.scatter_add_(1, cells, part)
    return found.view(-1, *sides)


def _blurred(density: Tensor, bell: Tensor) -> Tensor:
    """Densities `(N, X, Y, Z)` blurred along each axis."""
    for axis in range(3):
        shape, pad = [1] * 3, [0] * 3
        shape[axis], pad[axis] = len(bell), _TAPS
        density = conv3d(density[:, None], bell.view(1, 1, *shape), padding=pad)[:, 0]
    return density


def _slope(log: Tensor, points: Tensor, weights: Tensor, moved: Tensor, cell: float) -> Tensor:
    """How the mean of log densities `(N, X, Y, Z)` at a picture's points grows as it is moved, `(N, 3)`."""
    with torch.enable_grad():
        moved = moved.detach().clone().requires_grad_(True)
        last = torch.tensor(log.shape[1:]) - 1
        place = (points + moved[:, None] - torch.tensor(_LOW)) * torch.tensor(_FINER) / cell / last * 2 - 1
        seen = grid_sample(log[:, None], place.flip(-1)[:, :, None, None], padding_mode="border", align_corners=True)
        slope: Tensor = torch.autograd.grad((weights * seen[:, 0, :, 0, 0]).sum(), moved)[0]
    return slope


def _lights_for_casts(look: Look) -> Tensor:
    """What printer lights, red and blue, do what a stop of red and of blue light does: `(2, 2)`, a row each."""
    if load_stock(look.stock).is_monochrome:
        return torch.zeros(2, 2)
    light = scene_light(torch.tensor(_GREYS))[:, None].expand(-1, 3)
    half = 0.25  # stops
    shown = [light, light * 2.0 ** torch.tensor([half, 0, 0]), light * 2.0 ** torch.tensor([0, 0, half])]
    plain, *casts = (colour_of(look)(_column(display_code(x.clone()).clamp(0, 1))).flatten() for x in shown)
    turned = [_turned(look, {key: getattr(look, key) + half}) for key in ("light_red", "light_blue")]
    lights = torch.stack([colour_of(one)(_column(display_code(light.clone()))).flatten() - plain for one in turned])
    wanted = torch.stack([cast - plain for cast in casts])
    solved: Tensor = torch.linalg.lstsq(lights.T.double(), wanted.T.double()).solution
    return solved.T.float()


def _column(code: Tensor) -> Tensor:
    return code.T.reshape(1, 3, -1, 1).contiguous()


def _turned(look: Look, settings: dict[str, float]) -> Look:
    """A look with some settings, as far as they may go."""
    known = {setting.key: setting for setting in SETTINGS}
    allowed: dict[str, Any] = {k: min(max(round(v, 2), known[k].low), known[k].high) for k, v in settings.items()}
    return dataclasses.replace(look, **allowed)


def in_colour(code: Tensor, look: Look) -> Tensor:
    """What a look makes of a thumbnail's colours."""
    made: Tensor = colour_of(look)(code.permute(2, 0, 1)[None].contiguous())[0].permute(1, 2, 0)
    return made


def spread(pictures: Sequence[Any]) -> dict[str, float]:
    """How far the pictures of a series are apart: mean dE00 of each one's greys and of its skin tones from those of all.

    Returns:
        `neutral` and `skin`; without one that less than two pictures have.
    """
    small = [thumbnail(picture).reshape(-1, 3) for picture in pictures]
    found = {}
    for name, which in (("neutral", _neutrals), ("skin", _skins)):
        means = [code[mask].double().mean(0) for code in small if int((mask := which(code)).sum()) >= _FEWEST]
        if len(means) > 1:
            lab = to_cielab(torch.stack(means))
            found[name] = float(delta_e(lab, lab.mean(0).expand_as(lab)).mean())
    return found


_FEWEST = 60  # pixels of a thumbnail that make a tone


def _neutrals(code: Tensor) -> Tensor:
    light, a, b = oklab(code).unbind(-1)
    return (torch.hypot(a, b) < 0.03) & (light > 0.3) & (light < 0.9)


def _skins(code: Tensor) -> Tensor:
    light, a, b = oklab(code).unbind(-1)
    hue = torch.rad2deg(torch.atan2(b, a))
    chroma = torch.hypot(a, b)
    return (hue > 25) & (hue < 75) & (chroma > 0.03) & (chroma < 0.14) & (light > 0.4) & (light < 0.92)
