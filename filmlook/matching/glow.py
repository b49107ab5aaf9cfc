"""Glow round lamps, told from how light falls off around them: the filter's, which is far and has the lamp's colour, and the
film base's, which is near and red.

The reference's lamps, white on a dark ground as light as the darkest around them, are developed with a look, and both are
measured in rings around the lamps. What is shown beside a lamp only adds, so the most glow is sought that is nowhere lighter
than the darkest of the reference: a wall in a lamp's light has no glow, and no bound is lowered by it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import max_pool2d

from filmlook.engine.develop import develop
from filmlook.engine.lamp_gate import lamp_gate
from filmlook.film.scene_light import scene_light
from filmlook.film.srgb import decode
from filmlook.look import SETTINGS, Look
from filmlook.matching.reference import Reference
from filmlook.matching.tones import source_code

_RINGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)  # px from the lamps
_FAR, _NEAR = slice(5, 9), slice(0, 5)  # the rings that tell of the filter, and of the base
_DARKEST = 0.15  # the quantile of a ring that is believed
_FEWEST, _LEAST_LAMP = 12, 4  # pixels of a ring, and of the lamps
_WINDOW = 512  # px
_GATE, _WHITE, _WHITEST = 0.5, 0.96, 0.9995  # of what is a lamp; code below it, as a share of the code of the whitest
_GRADES = (0.0, 0.125, 0.5, 2.0)
_HALATIONS = (0.0, 1.0, 2.5, 6.0)
_SIZES = (0.7, 1.4)  # that are tried beside 1
_WARM = 3.0  # times the green light that red light of warm lamps is, at the most
_NOT_FARTHER = 2.0  # times the lower bound
_CLEARLY = 0.7  # of what size 1 is off, for another to be believed
_DARK = 0.015  # display light of the ground, above which nothing can be told
_TOLD = 0.004  # display light that a setting has to add for it to be told
_SLACK = 0.0006  # display light that a ring may lack
_REBUILT = 1.5  # stops of lamps' light, where a look has none and yet glows
_MOST_EFFECT = next(setting.high for setting in SETTINGS if setting.key == "effect_size")


@dataclass(frozen=True)
class _Lamps:
    """A part of a reference with lamps in the dark.

    Attributes:
        mask: `(h, w)`, where they are.
        around: pixels of `(h * w)` in each of the rings around them.
        colour: `(3,)`, their code, 1 of its lightest channel.
        rings: `(R, 3)`, display light around them above the ground's.
        ground: code of what is far from them.
        enlarged: how many times longer the whole picture is.
    """

    mask: np.ndarray
    around: list[np.ndarray]
    colour: np.ndarray
    rings: np.ndarray
    ground: float
    enlarged: float


def glow_settings(look: Look, references: Sequence[Reference]) -> dict[str, Any]:
    """Diffusion and halation of references that have lamps in the dark; nothing of what they do not tell."""
    seen = [one for one in (_lamps(reference) for reference in references) if one is not None]
    if not seen:
        return {}
    look = dataclasses.replace(look, highlights=look.highlights or _REBUILT)
    found: dict[str, Any] = {}
    grades = [_most(one, look, "diffusion_grade", _GRADES, _FAR, _light) for one in seen]
    if told := [grade for grade in grades if grade is not None]:
        found["diffusion_grade"] = round(float(np.median(told)), 2)
    look = dataclasses.replace(look, **found)
    halations = [_halation(one, look) for one in seen]
    if both := [pair for pair in halations if pair is not None]:
        found["halation"] = round(float(np.median([strength for strength, _ in both])), 2)
        if found["halation"]:
            found["halation_size"] = float(np.median([size for _, size in both]))
    if found.get("diffusion_grade") or found.get("halation"):
        found["highlights"] = look.highlights
    return found


_Measure = Callable[[np.ndarray], np.ndarray]


def _halation(lamps: _Lamps, look: Look) -> tuple[float, float] | None:
    """The strength and the size that come nearest; None: the base's glow would not be seen, or may be the lamp's own colour.

    Red light bounds it from above; what is redder than a warm lamp's light bounds it from below.
    """
    most = _most(lamps, look, "halation", _HALATIONS, _NEAR, _red)
    least = _most(lamps, look, "halation", _HALATIONS, _NEAR, _redder)
    if most == 0:
        return 0.0, 1.0
    if not most or not least:
        return None
    strength = min(most, _NOT_FARTHER * least)
    off = {}
    for size in (1.0, *_SIZES):
        made = _red(_rings_of(lamps, dataclasses.replace(look, halation=strength, halation_size=size)))
        off[size] = float(np.abs(made - _red(lamps.rings))[_NEAR].mean())
    size = min(off, key=off.__getitem__)
    return strength, size if off[size] < _CLEARLY * off[1.0] else 1.0


def _most(lamps: _Lamps, look: Look, key: str, values: Sequence[float], where: slice, of: _Measure) -> float | None:
    """The most of a setting with which no ring has more than the reference's; None: it would hardly be seen."""
    wanted = of(lamps.rings)[where]
    made = np.stack([of(_rings_of(lamps, _with(look, key, value)))[where] for value in values])
    added = np.maximum.accumulate(made - made[0])
    if added[-1].max() < _TOLD:
        return None
    left = np.maximum(wanted + _SLACK - made[0], 0)
    bounds = [np.interp(most, steps, values) for most, steps in zip(left, added.T, strict=True) if steps[-1] >= _TOLD]
    least = float(min(bounds))
    return 0.0 if least < values[1] else least


def _with(look: Look, key: str, value: float) -> Look:
    changed: dict[str, Any] = {key: value}
    return dataclasses.replace(look, **changed)


def _light(rings: np.ndarray) -> np.ndarray:
    return np.asarray(rings.mean(1))


def _red(rings: np.ndarray) -> np.ndarray:
    return rings[:, 0]


def _redder(rings: np.ndarray) -> np.ndarray:
    """Red light beyond that of warm lamps' glow, of which a third or more is green."""
    return np.asarray(rings[:, 0] - _WARM * rings[:, 1])


def _lamps(reference: Reference) -> _Lamps | None:
    """The lamps of a reference, in a window that has most of them; None: there are none in the dark."""
    code = reference.code
    peak = code.max(2)
    whitest = max(float(np.quantile(peak[::2, ::2], _WHITEST)), 0.5)
    planes = torch.from_numpy(np.clip(code / whitest, 1e-3, 1)).permute(2, 0, 1).contiguous()
    gate = lamp_gate(scene_light(planes[:, ::4, ::4].clone()), code.shape[:2])
    share = gate(0, 0, *code.shape[:2]) if gate.opens else None
    if share is None:
        return None
    mask = ((planes.amax(0) > _WHITE) & (share[0] > _GATE)).float()
    top, left = _window(mask)
    mask = mask[top : top + _WINDOW, left : left + _WINDOW].contiguous()
    around = _around(mask) if mask.sum() >= _LEAST_LAMP else []
    if not around or min(len(ring) for ring in around) < _FEWEST:
        return None
    part = code[top : top + _WINDOW, left : left + _WINDOW]
    rings, ground = _rings(part, around)
    if ground > _DARK:
        return None
    at = mask.numpy() > 0
    colour = np.concatenate((part[at], part.reshape(-1, 3)[around[0]])).mean(0)
    grey = float(np.where(ground <= 0.0031308, ground * 12.92, 1.055 * max(ground, 1e-9) ** (1 / 2.4) - 0.055))
    return _Lamps(at, around, colour / colour.max(), rings, grey, reference.long_side / max(at.shape))


def _window(mask: torch.Tensor) -> tuple[int, int]:
    """Where a window begins that has many lamps."""
    found = []
    for axis, size in ((1, mask.shape[0]), (0, mask.shape[1])):
        sums = mask.sum(axis).cumsum(0)
        last = max(0, size - _WINDOW)
        starts = torch.arange(0, last + 1)
        within = sums[(starts + _WINDOW - 1).clamp_max(size - 1)] - torch.where(
            starts > 0, sums[(starts - 1).clamp_min(0)], 0.0
        )
        found.append(int(within.argmax()))
    return found[0], found[1]


def _around(mask: torch.Tensor) -> list[np.ndarray]:
    """The pixels of rings around lamps `(h, w)`."""
    within, found = mask > 0, []
    for reach in _RINGS:
        grown = max_pool2d(max_pool2d(mask[None, None], (2 * reach + 1, 1), 1, (reach, 0)), (1, 2 * reach + 1), 1, (0, reach))
        found.append(((grown[0, 0] > 0) & ~within).flatten().nonzero()[:, 0].numpy())
        within = grown[0, 0] > 0
    return found


def _rings(code: np.ndarray, around: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Display light `(R, 3)` of the darkest in rings, above that of the last, and that one's mean."""
    light = decode(torch.from_numpy(np.ascontiguousarray(code))).numpy().reshape(-1, 3)
    rings = np.stack([np.quantile(light[ring], _DARKEST, axis=0) for ring in around])
    return rings - rings[-1], float(rings[-1].mean())


def _rings_of(lamps: _Lamps, look: Look) -> np.ndarray:
    """What a look makes of these lamps on a ground of their own."""
    ground = source_code(np.float32(lamps.ground), dataclasses.replace(look, grain=0.0))
    source = np.where(lamps.mask[..., None], lamps.colour, ground)
    size = min(look.effect_size * lamps.enlarged, _MOST_EFFECT)
    alone = dataclasses.replace(look, grain=0.0, vignette=0.0, lab=0.0, effect_size=size)
    film = develop((source * 255).round().astype(np.uint8), alone, seed=1) / np.float32(255)
    return _rings(film, lamps.around)[0]
