"""Grain's settings from a reference's grain: flat greys are developed with a look at the reference's size, stored as it was,
and measured in the same way; the settings are those that make both alike.

How strong grain is and how coarse are sought together, in pixels and in means of 2 x 2 of them: of fine grain JPEG takes more
than of coarse, so that a strength alone would be as far off as the size is.
"""

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
_NO_GRAIN = 0.55 / 255  # code: what 8 bits and a photograph's own noise come to
_FLOOR = 0.25 / 255  # code: what is weaker counts as alike
_BELIEVED = 0.25  # the quantile of the tones' and channels' ratios that is believed: what a picture shows only adds
_ALONE: dict[str, Any] = {
    "diffusion_grade": 0.0,
    "softness": 0.0,
    "vignette": 0.0,
    "halation": 0.0,
    "highlights": 0.0,
    "sharpness": 0.0,
    "lab": 0.0,
    "glow": 0.0,
}
_SIZES = (0.7, 1.0, 1.4, 2.0, 2.8)
_STRENGTHS = (0.1, 0.3, 0.7, 1.5, 3.0, next(s.high for s in SETTINGS if s.key == "grain"))  # that are developed
_BETWEEN = np.exp(np.linspace(np.log(_STRENGTHS[0]), np.log(_STRENGTHS[-1]), 160))  # that are told from them
_USUAL_SIZE = 1.4  # of grain that looks like film on a screen
_SIZE_COST, _STRENGTH_COST = 0.03, 0.005  # squared logarithms' share in the misfit: JPEG may leave nothing to tell by
_NONE_BELOW = 0.15  # a strength that is as good as none
_MOST_CHARTS = 3  # of references of other sizes, or stored in other ways
_TOLD_APART = 0.12  # of correlations: less tells nothing of colour


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
    if seen < _NO_GRAIN and not any(one.stored for one in references):
        return {"grain": 0.0}, seen
    strength, size = _strength_and_size(look, references, wanted)
    if strength < _NONE_BELOW:
        return {"grain": 0.0}, seen
    found: dict[str, Any] = {"grain": round(strength, 2), "grain_size": size}
    if load_stock(look.stock).layers == 3:
        found["grain_colour"] = _colour(dataclasses.replace(look, **found), references, wanted)
    return found, seen


def _level(measure: GrainMeasure) -> float:
    """One figure of green's grain: where it is calmest."""
    green = measure.sigma[:, 1]
    return float(np.nanquantile(green, 0.5)) if np.isfinite(green).any() else 0.0


def _logarithms(measure: GrainMeasure) -> np.ndarray:
    """Logarithms of deviations, fine and coarse, `(2, T, 3)`."""
    return np.asarray(np.log(np.stack((measure.sigma, measure.coarse)) ** 2 + _FLOOR**2) / 2)


def _strength_and_size(look: Look, references: Sequence[Reference], wanted: Sequence[GrainMeasure]) -> tuple[float, float]:
    """The strength and the size with which a look's grain comes nearest."""
    alike: dict[Any, list[np.ndarray]] = {}  # references of one size that were stored alike need one chart
    for one, measure in zip(references, wanted, strict=True):
        alike.setdefault((one.long_side, str(one.stored)), []).append(_logarithms(measure))
    charts = {(one.long_side, str(one.stored)): one for one in references}
    misfits = []
    for size in _SIZES:
        misfit = _SIZE_COST * np.log2(size / _USUAL_SIZE) ** 2 + _STRENGTH_COST * np.log(_BETWEEN) ** 2
        for key in list(charts)[:_MOST_CHARTS]:
            steps = [dataclasses.replace(look, grain=g, grain_size=size) for g in _STRENGTHS]
            made = np.stack([_logarithms(grain_of(step, charts[key].long_side, charts[key].stored)) for step in steps])
            misfit = misfit + np.mean([_misfit(own, made) for own in alike[key]], axis=0)
        misfits.append(misfit)
    best_size, best = np.unravel_index(int(np.argmin(misfits)), (len(_SIZES), len(_BETWEEN)))
    return float(_BETWEEN[best]), _SIZES[best_size]


def _misfit(wanted: np.ndarray, made: np.ndarray) -> np.ndarray:
    """How far off each of the strengths between `_STRENGTHS` is, of logarithms `(2, T, 3)` and `(G, 2, T, 3)`."""
    told = np.isfinite(wanted) & np.isfinite(made).all(0)
    off = np.zeros(len(_BETWEEN))
    for band in (0, 1):
        columns = made[:, band][:, told[band]]
        if columns.shape[1]:
            between = np.stack([np.interp(np.log(_BETWEEN), np.log(_STRENGTHS), column) for column in columns.T], 1)
            off += np.quantile(wanted[band][told[band]] - between, _BELIEVED, axis=1) ** 2
    return off


def _colour(look: Look, references: Sequence[Reference], wanted: Sequence[GrainMeasure]) -> float:
    """How far the layers' grain is each its own, from what channels have in common."""
    one, shared = references[0], float(np.median([measure.shared for measure in wanted]))
    if one.stored and one.stored.subsampling != 0:  # its colour has been averaged over pixels: what is left is all shared
        return look.grain_colour
    own, none = (grain_of(dataclasses.replace(look, grain_colour=c), one.long_side, one.stored).shared for c in (1.0, 0.0))
    if none - own < _TOLD_APART or shared - own < _TOLD_APART:
        return look.grain_colour
    return float(np.clip(round((none - shared) / (none - own), 2), 0, 1))
