"""Vignette, told from how light falls off from pixel to pixel on the way to the corners.

Pictures have no fewer edges from dark to light than from light to dark on that way; a vignette adds a slope, small but the same
in all directions (Zheng, Yu, Kang, Lin and Kambhamettu, "Single-image vignetting correction using radial gradient symmetry",
2008). In each of eight sectors the vignette is sought whose slopes are the commonest ones, in stops of scene light.

A subject in the light does the same to one picture as a vignette: over 115 plain photographs what is found has a mean of .28
and a deviation of .40. So one picture tells of strong vignettes alone; several tell more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filmlook.look import Look
from filmlook.matching.reference import Reference
from filmlook.matching.tones import source_stops

_LAG = 2  # px of a thumbnail, between which it slopes
_SECTORS, _FEWEST = 8, 60  # and pixels of a sector
_ENOUGH = 0.6  # of the rest that has to be between
_MIDDLE = 0.25  # of the way to the corner, within which a vignette does nothing
_ENDS = (0.05, 0.97)  # code, beyond which light has been cut off
_WIDTH = 0.4  # stops per way to the corner: slopes that differ more are of edges
_AMOUNTS = np.linspace(-1, 1.6, 53)
_PLAIN, _SPREAD, _GAIN = 0.28, 0.40, 0.76  # what plain photographs have, and what an amount of 1 adds
_SURE = 1.5  # standard errors, below which nothing is told
_LEAST = 0.1


def vignette_settings(look: Look, references: Sequence[Reference]) -> dict[str, float]:
    """The vignette that references have in common; nothing where they do not tell."""
    seen = [one for one in (_slope(reference, look) for reference in references) if one is not None]
    if not seen:
        return {}
    error = _SPREAD / _GAIN / np.sqrt(len(seen))
    amount = (float(np.mean(seen)) - _PLAIN) / _GAIN
    if amount < max(_LEAST, _SURE * error):
        return {}
    return {"vignette": round(min(1.0, amount - error / 2), 2)}  # what is likelier in looks is less


def _slope(reference: Reference, look: Look) -> float | None:
    """The mean of the sectors' vignettes; None: too little of the picture tells."""
    shown = reference.thumbnail.mean(2)
    stops = source_stops(shown, look)
    height, width = shown.shape
    y, x = (np.arange(n)[:, None] + 0.5 - n / 2 for n in (height, width))
    x = x.T
    corner, radius = np.hypot(height / 2, width / 2), np.hypot(y, x)
    down, across = np.zeros_like(stops), np.zeros_like(stops)
    down[_LAG:-_LAG] = (stops[2 * _LAG :] - stops[: -2 * _LAG]) / (2 * _LAG)
    across[:, _LAG:-_LAG] = (stops[:, 2 * _LAG :] - stops[:, : -2 * _LAG]) / (2 * _LAG)
    slope = (down * y + across * x) / (radius + 1e-6) * corner
    outer = radius > _MIDDLE * corner
    told = (shown > _ENDS[0]) & (shown < _ENDS[1]) & outer
    if told.sum() < _ENOUGH * outer.sum():
        return None
    told[:_LAG] = told[-_LAG:] = told[:, :_LAG] = told[:, -_LAG:] = False
    sector = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * _SECTORS).astype(int) % _SECTORS
    found = [
        _commonest(slope[here], radius[here] / corner)
        for here in (told & (sector == k) for k in range(_SECTORS))
        if here.sum() >= _FEWEST
    ]
    return float(np.mean(found)) if len(found) > _SECTORS // 2 else None


def _commonest(slope: np.ndarray, radius: np.ndarray) -> float:
    """The vignette that makes most of these slopes, at radii that are 1 in the corner."""
    rise = 2 ** _AMOUNTS[:, None] - 1
    made = -4 / np.log(2) * rise * radius / (1 + rise * radius**2)
    return float(_AMOUNTS[np.log1p(((slope - made) / _WIDTH) ** 2).mean(1).argmin()])
