"""Grain's settings from a reference's grain: flat greys are developed with a look at the reference's size, stored as it was,
and measured in the same way; the settings are those that make both alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from filmlook.engine.develop import develop
from filmlook.look import SETTINGS, Look
from filmlook.matching.grain import SQUARE, GrainMeasure, measured_grain
from filmlook.matching.reference import Reference, Stored
from filmlook.stock import load_stock

_STEPS, _HEIGHT = 20, 96  # greys of a chart, and its height in pixels
_ROUNDS, _NEAR = 9, 0.02
_UNTOLD = 0.15  # of a ratio after JPEG, which makes grains of other strengths alike
_NO_GRAIN = 0.55 / 255  # code: what 8 bits and a photograph's own noise come to
_BELIEVED = 0.3  # the quantile of the tones' and channels' ratios that is believed: what a picture shows only adds
_ALONE: dict[str, Any] = {
    "diffusion_grade": 0.0,
    "vignette": 0.0,
    "halation": 0.0,
    "highlights": 0.0,
    "sharpness": 0.0,
    "lab": 0.0,
}
_SIZES = (0.7, 1.0, 1.4, 2.0)
_TOLD_APART = 0.12  # of correlations: less tells nothing of size or colour
_LEAST = 0.05
_MOST = next(s.high for s in SETTINGS if s.key == "grain")


def chart(long_side: int) -> np.ndarray:
    """Flat greys from dark to light beside each other, `(96, long_side, 3)` of 8 bits."""
    squares = max(1, long_side // SQUARE)
    steps = max(4, min(_STEPS, squares // 2))
    code = np.linspace(12, 243, steps).round().astype(np.uint8)
    at = np.minimum(np.arange(long_side) // SQUARE * steps // squares, steps - 1)  # no square has two of them
    return np.array(np.broadcast_to(code[at][None, :, None], (_HEIGHT, long_side, 3)))


def grain_of(look: Look, long_side: int, stored: Stored | None) -> GrainMeasure:
    """The grain that a look gives pictures of a size, stored so."""
    film = develop(chart(long_side), dataclasses.replace(look, **_ALONE), seed=1)
    return measured_grain((stored.again(film) if stored else film) / np.float32(255))


def grain_settings(look: Look, references: Sequence[Reference]) -> tuple[dict[str, Any], float]:
    """Settings of grain that make a look's grain that of the references, and the deviation of code that theirs has."""
    wanted = [measured_grain(one.code) for one in references]
    seen = float(np.median([_level(measure) for measure in wanted]))
    lossy = any(one.stored for one in references)
    if seen < _NO_GRAIN and not lossy:
        return {"grain": 0.0}, seen
    if lossy and abs(_ratio(dataclasses.replace(look, grain=1.0), references, wanted) - 1) < _UNTOLD:
        return {"grain": 1.0}, seen  # as the film's own would be after that, or too weak for it to tell more
    size = _size(dataclasses.replace(look, grain=1.0), references, wanted)
    found: dict[str, Any] = {"grain": 1.0, "grain_size": size}
    low, high = _LEAST, _MOST
    for _ in range(_ROUNDS):  # bisected: JPEG takes weak grain altogether, and strong grain hardly at all
        found["grain"] = round(float(np.sqrt(low * high)), 2)
        ratio = _ratio(dataclasses.replace(look, **found), references, wanted)
        if abs(ratio - 1) < _NEAR:
            break
        low, high = (found["grain"], high) if ratio > 1 else (low, found["grain"])
    if load_stock(look.stock).layers == 3:
        colour = _colour(dataclasses.replace(look, **found), references, wanted)
        found["grain_colour"] = colour
    return found, seen


def _level(measure: GrainMeasure) -> float:
    """One figure of green's grain: where it is calmest."""
    green = measure.sigma[:, 1]
    return float(np.nanquantile(green, 0.5)) if np.isfinite(green).any() else 0.0


def _ratio(look: Look, references: Sequence[Reference], wanted: Sequence[GrainMeasure]) -> float:
    """How many times the grain of a look is too weak."""
    found = []
    for one, measure in zip(references, wanted, strict=True):
        have = grain_of(look, one.long_side, one.stored)
        told = have.sigma > 0  # NaN is not
        ratios = measure.sigma[told] / have.sigma[told]
        ratios = ratios[np.isfinite(ratios)]
        if len(ratios):
            found.append(np.quantile(ratios, _BELIEVED))
    return float(np.median(found)) if found else 1.0


def _size(look: Look, references: Sequence[Reference], wanted: Sequence[GrainMeasure]) -> float:
    """The size whose grain is as alike from pixel to pixel; the look's own where pixels are too coarse to tell."""
    one, measure = references[0], wanted[0]
    found = [grain_of(dataclasses.replace(look, grain_size=s), one.long_side, one.stored).alike for s in _SIZES]
    usual = found[_SIZES.index(1.0)]
    if found[-1] - found[0] < _TOLD_APART or abs(measure.alike - usual) < _TOLD_APART:
        return look.grain_size
    return _SIZES[int(np.abs(np.array(found) - measure.alike).argmin())]


def _colour(look: Look, references: Sequence[Reference], wanted: Sequence[GrainMeasure]) -> float:
    """How far the layers' grain is each its own, from what channels have in common."""
    one, shared = references[0], float(np.median([measure.shared for measure in wanted]))
    if one.stored and one.stored.subsampling != 0:  # its colour has been averaged over pixels: what is left is all shared
        return look.grain_colour
    own, none = (grain_of(dataclasses.replace(look, grain_colour=c), one.long_side, one.stored).shared for c in (1.0, 0.0))
    if none - own < _TOLD_APART or shared - own < _TOLD_APART:
        return look.grain_colour
    return float(np.clip(round((none - shared) / (none - own), 2), 0, 1))
