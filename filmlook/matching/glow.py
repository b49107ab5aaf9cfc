"""Glow round lamps, told from how light falls off around them: the filter's, which is far and has the lamp's colour, and the
film base's, which is near and red.

The reference's lamps, white on a dark ground as light as the darkest around them, are developed with a look, and both are
measured in rings around the lamps. What is shown beside a lamp only adds, so the most glow is sought that is nowhere lighter
than the darkest of the reference: a wall in a lamp's light has no glow, and no bound is lowered by it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from filmlook.engine.develop import develop
from filmlook.look import SETTINGS, Look
from filmlook.matching.lamp_rings import Lamps, lamps_of, rings_in
from filmlook.matching.reference import Reference
from filmlook.matching.tones import source_code

_FAR, _NEAR = slice(5, 9), slice(0, 5)  # the rings that tell of the filter, and of the base
_GRADES = (0.0, 0.125, 0.5, 1.0, 2.0)
_HALATIONS = (0.0, 0.5, 2.0, 6.0)
_SIZES = (0.7, 1.4)  # that are tried beside 1
_WARM = 3.0  # times the green light that red light of warm lamps is, at the most
_NOT_FARTHER = 2.0  # times the lower bound
_AS_GOOD_AS_NONE = 0.9  # of the least strength that is developed
_AGREEING = 4.0  # times the least bound that the most may be
_WITNESSES = 2  # rings that have to bound what is found: a single one agrees with any wall
_CLEARLY = 0.7  # of what size 1 is off, for another to be believed
_TOLD = 0.004  # display light that a setting has to add for it to be told
_SLACK = 0.0004  # display light that a ring may lack
_REBUILT = 1.5  # stops of lamps' light, where a look has none and yet glows
_MOST_EFFECT = next(setting.high for setting in SETTINGS if setting.key == "effect_size")


def glow_settings(look: Look, references: Sequence[Reference]) -> dict[str, Any]:
    """Diffusion and halation of references that have lamps in the dark; nothing of what they do not tell."""
    seen = [one for one in (lamps_of(reference) for reference in references) if one is not None]
    if not seen:
        return {}
    look = dataclasses.replace(look, highlights=look.highlights or _REBUILT)
    found: dict[str, Any] = {}
    halations = [_halation(one, look) for one in seen]
    if both := [pair for pair in halations if pair is not None]:
        found["halation"] = round(float(np.median([strength for strength, _ in both])), 2)
        if found["halation"]:
            found["halation_size"] = float(np.median([size for _, size in both]))
    look = dataclasses.replace(look, **found)
    grades = [_most(one, look, "diffusion_grade", _GRADES, _FAR, _light, doubting=True) for one in seen]
    if told := [grade for grade in grades if grade is not None]:
        found["diffusion_grade"] = round(float(np.median(told)), 2)
    if found.get("diffusion_grade") or found.get("halation"):
        found["highlights"] = look.highlights
    return found


_Measure = Callable[[np.ndarray], np.ndarray]


def _halation(lamps: Lamps, look: Look) -> tuple[float, float] | None:
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


def _most(
    lamps: Lamps, look: Look, key: str, values: Sequence[float], where: slice, of: _Measure, doubting: bool = False
) -> float | None:
    """The most of a setting with which no ring has more than the reference's; None: it would hardly be seen, or the rings do
    not agree, as where a wall is lit. `doubting`: nor if a single ring tells, or one has more than all strengths make."""
    wanted = of(lamps.rings)[where]
    made = np.stack([of(_rings_of(lamps, _with(look, key, value)))[where] for value in values])
    added = np.maximum.accumulate(made - made[0])
    if added[-1].max() < _TOLD:
        return None
    left = np.maximum(wanted + _SLACK - made[0], 0)
    bounds = [np.interp(most, steps, values) for most, steps in zip(left, added.T, strict=True) if steps[-1] >= _TOLD]
    least = float(min(bounds))
    if least < _AS_GOOD_AS_NONE * values[1]:
        return 0.0
    if max(bounds) >= _AGREEING * least or least >= values[-1]:  # as much is a wall's
        return None
    return least if not doubting or (len(bounds) >= _WITNESSES and max(bounds) < values[-1]) else None


def _with(look: Look, key: str, value: float) -> Look:
    changed: dict[str, Any] = {key: value}
    return dataclasses.replace(look, **changed)


def _light(rings: np.ndarray) -> np.ndarray:
    """Green and blue light: of red there is the base's too."""
    return np.asarray(rings[:, 1:].mean(1))


def _red(rings: np.ndarray) -> np.ndarray:
    return rings[:, 0]


def _redder(rings: np.ndarray) -> np.ndarray:
    """Red light beyond that of warm lamps' glow, of which a third or more is green."""
    return np.asarray(rings[:, 0] - _WARM * rings[:, 1])


def _rings_of(lamps: Lamps, look: Look) -> np.ndarray:
    """What a look makes of these lamps on a ground of their own."""
    ground = source_code(np.float32(lamps.ground), dataclasses.replace(look, grain=0.0))
    source = np.where(lamps.mask[..., None], lamps.colour, ground)
    size = min(look.effect_size * lamps.enlarged, _MOST_EFFECT)
    alone = dataclasses.replace(look, grain=0.0, vignette=0.0, lab=0.0, effect_size=size)
    film = develop((source * 255).round().astype(np.uint8), alone, seed=1) / np.float32(255)
    return rings_in(film, lamps.around)[0]
