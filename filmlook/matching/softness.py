"""Softness, told from how wide the sharpest edges are: a chart of edges is developed with a look at the reference's size,
stored as it was and measured alike, and the softness sought with which both are.

An edge's width follows from how much less steep a blur makes it (Zhuo and Sim, "Defocus map estimation from a single image",
2011). What softness adds to its square is the same in chart and photograph, but photographs are not all as sharp: of plain
ones it is -.35 px^2, and .2 more or less, so softness of a pixel or more is told, and not what is less.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from filmlook.engine.develop import develop
from filmlook.look import Look
from filmlook.matching.reference import Reference

_FIRST, _SECOND = 1.0, 1.5  # px, of the blurs between which edges are compared, one upon the other
_STRONGEST, _LEAST_STEP = 0.02, 4 / 255  # share of pixels that are edges, and their least slope in code
_SHARPEST = 0.25  # the quantile of the edges' widths
_FEWEST = 60
_SOFTNESSES = (0.0, 8.0, 16.0, 24.0, 36.0, 60.0)  # um
_HEIGHT, _SHAPES = 160, 900  # px of the chart, and what is drawn on it
_PLAIN, _TOLD = -0.1, 0.4  # px^2: what all but the softest plain photographs have, and what softness has to add
_ALONE: dict[str, Any] = {"vignette": 0.0, "lab": 0.0, "highlights": 0.0}


def softness_settings(look: Look, references: Sequence[Reference]) -> dict[str, float]:
    """The softness that references have in common; nothing where they have no edges, or are of other sizes than can tell."""
    one = max(references, key=lambda reference: reference.long_side)
    widths = [
        width
        for width in (_width(reference.code.mean(2)) for reference in references if reference.long_side == one.long_side)
        if width is not None
    ]
    if not widths:
        return {}
    wanted = float(np.median(widths))
    made: list[float] = []
    source = edges(one.long_side)
    for softness in _SOFTNESSES:
        film = develop(source, dataclasses.replace(look, **_ALONE, softness=softness), seed=1)
        film = one.stored.again(film) if one.stored else film
        width = _width(film.mean(2) / np.float32(255))
        if width is None:
            return {}
        made.append(width)
    added = np.maximum.accumulate(np.array(made) - made[0])
    if added[-1] < _TOLD:  # pixels are coarser than all softness
        return {}
    if wanted - _PLAIN < _TOLD:
        return {"softness": 0.0}
    squares = np.square(_SOFTNESSES)
    return {"softness": float(round(np.interp(wanted - _PLAIN, added, squares) ** 0.5))}


def edges(long_side: int) -> np.ndarray:
    """Squares and discs over each other, grey, `(160, long_side, 3)` of 8 bits."""
    random = np.random.default_rng(1)
    width = long_side
    code = np.full((_HEIGHT, width), 118, np.float32)
    ys, xs = np.mgrid[0:_HEIGHT, 0:width].astype(np.float32)
    for _ in range(_SHAPES * width // 1024):
        y, x, radius = random.uniform(0, _HEIGHT), random.uniform(0, width), random.uniform(5, 30)
        top, left = max(0, int(y - radius) - 1), max(0, int(x - radius) - 1)
        box = slice(top, int(y + radius) + 2), slice(left, int(x + radius) + 2)
        far = np.hypot(ys[box] - y, xs[box] - x) if random.random() < 0.5 else np.maximum(abs(ys[box] - y), abs(xs[box] - x))
        cover = (radius - far + 0.5).clip(0, 1)
        code[box] += cover * (random.uniform(20, 235) - code[box])
    return np.array(np.broadcast_to(code.round().astype(np.uint8)[..., None], (_HEIGHT, width, 3)))


def _width(code: np.ndarray) -> float | None:
    """The squared deviation in pixels of the sharpest edges of code `(H, W)`, below 0 of lines; None: there are too few."""
    once = _blurred(code, _FIRST)
    twice = _blurred(once, _SECOND)
    steep, softer = _slopes(once), _slopes(twice)
    inner = (slice(8, -8), slice(8, -8))
    crest = np.ones_like(steep[inner], bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            crest &= steep[inner] >= np.roll(steep, (dy, dx), (0, 1))[inner]
    crest &= steep[inner] >= max(float(np.quantile(steep[inner], 1 - _STRONGEST)), _LEAST_STEP)
    if crest.sum() < _FEWEST:
        return None
    ratio = steep[inner][crest] / np.maximum(softer[inner][crest], 1e-6)
    return float(np.quantile(_SECOND**2 / np.maximum(ratio**2 - 1, 1e-2) - _FIRST**2, _SHARPEST))


def _slopes(code: np.ndarray) -> np.ndarray:
    down, across = np.gradient(code)
    return np.asarray(np.hypot(down, across))


def _blurred(code: np.ndarray, sigma: float) -> np.ndarray:
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        padded = np.pad(code, [(reach, reach) if axis == i else (0, 0) for i in (0, 1)], "edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis)
        code = windows @ kernel
    return code
