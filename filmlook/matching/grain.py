"""Grain, measured: how strong it is in each tone, how coarse, and how much of it channels have in common.

A picture is cut into small squares, of which those with the least going on are taken: what is left there after a smooth ground
is taken away is grain, and what JPEG did to it. No formula is needed for either's share: flat greys are developed with a look
and stored as the reference was, and the same is measured in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SQUARE = 16  # px, the side of a square
_CELL = 4  # px, of the cells whose means tell that something is shown in a square
_TONES = np.linspace(0, 1, 9)  # code, between the zones of tone
_CALMEST = 0.2  # share of a zone's squares that are believed
_FEWEST = 6  # squares of a zone
_FINEST = 0.15  # the quantile of calm squares that is believed: what is shown only adds
_LEAST, _MOST = 4 / 255, 251 / 255  # code: what is nearer to the ends has been cut off
_MOST_PIXELS = 4_000_000


@dataclass(frozen=True)
class GrainMeasure:
    """Grain in zones of tone.

    Attributes:
        sigma: `(T, 3)`, the deviation of each channel's code about a tone of its own; NaN where there is nothing to see.
        coarse: the same of means of 2 x 2 pixels: JPEG takes less of it.
        alike: correlation of neighbouring pixels' grain, in green, along an axis: 0 of grain finer than pixels.
        shared: the mean correlation of two channels' grain.
    """

    sigma: np.ndarray
    coarse: np.ndarray
    alike: float
    shared: float


def measured_grain(code: np.ndarray) -> GrainMeasure:
    """The grain of sRGB code `(H, W, 3)` in [0, 1]."""
    squares = _squares(code)
    means = squares.mean((1, 2))
    inside = (means.min(1) > _LEAST) & (means.max(1) < _MOST) & ~_cut_off(squares)
    squares, means = squares[inside], means[inside]
    rest = _without_ground(squares)
    bands = (_fine(rest), _fine(_halved(rest)))
    sigma = np.full((2, len(_TONES) - 1, 3), np.nan)
    calm = np.zeros(len(rest), bool)
    for channel in range(3):  # of a layer's own density: in vivid colours they are far apart
        zone = np.digitize(means[:, channel], _TONES[1:-1])
        busy = _cells(rest[..., channel])
        for tone in range(len(_TONES) - 1):
            own = np.flatnonzero(zone == tone)
            if len(own) >= _FEWEST:
                calmest = own[np.argsort(busy[own])[: max(_FEWEST, round(_CALMEST * len(own)))]]
                for band, variance in enumerate(bands):
                    sigma[band, tone, channel] = np.sqrt(np.quantile(variance[calmest, channel], _FINEST))
                if channel == 1:
                    calm[calmest] = True
    alike, shared = _correlations(rest[calm]) if calm.any() else (0.0, 0.0)
    return GrainMeasure(sigma[0], sigma[1], alike, shared)


def _squares(code: np.ndarray) -> np.ndarray:
    """The picture's squares `(N, 16, 16, 3)`; of a large one an even choice of rows of squares."""
    rows, columns = (n // SQUARE for n in code.shape[:2])
    cut = code[: rows * SQUARE, : columns * SQUARE].reshape(rows, SQUARE, columns, SQUARE, 3)
    step = max(1, round(rows * columns * SQUARE**2 / _MOST_PIXELS))
    return np.ascontiguousarray(cut[::step].swapaxes(1, 2).reshape(-1, SQUARE, SQUARE, 3), np.float32)


def _cut_off(squares: np.ndarray) -> np.ndarray:
    ends = (squares <= 0.5 / 255) | (squares >= 254.5 / 255)
    return np.asarray(ends.mean((1, 2)).max(1) > 0.02)


def _without_ground(squares: np.ndarray) -> np.ndarray:
    """Squares less the plane that fits each best."""
    at = (np.arange(SQUARE) - (SQUARE - 1) / 2) / SQUARE
    power = (at**2).mean()
    rise = [(squares * at[:, None, None]).mean((1, 2), keepdims=True) / power * at[:, None, None]]
    rise.append((squares * at[:, None]).mean((1, 2), keepdims=True) / power * at[:, None])
    return np.asarray(squares - squares.mean((1, 2), keepdims=True) - rise[0] - rise[1], np.float32)


def _cells(channel: np.ndarray) -> np.ndarray:
    n = SQUARE // _CELL
    return np.asarray(channel.reshape(-1, n, _CELL, n, _CELL).mean((2, 4)).var((1, 2)))


def _halved(squares: np.ndarray) -> np.ndarray:
    count, n = len(squares), SQUARE // 2
    return np.asarray(squares.reshape(count, n, 2, n, 2, 3).mean((2, 4)))


def _fine(rest: np.ndarray) -> np.ndarray:
    """Variance `(N, 3)` by differences that edges and slopes hardly touch (Immerkaer 1996); that of white noise."""
    d = rest[:, 2:] - 2 * rest[:, 1:-1] + rest[:, :-2]
    d = d[:, :, 2:] - 2 * d[:, :, 1:-1] + d[:, :, :-2]
    return np.asarray((d**2).mean((1, 2)) / 36)


def _correlations(rest: np.ndarray) -> tuple[float, float]:
    green = rest[..., 1]
    power = (green**2).mean((1, 2)) + 1e-12
    beside = ((green[:, 1:] * green[:, :-1]).mean((1, 2)) + (green[:, :, 1:] * green[:, :, :-1]).mean((1, 2))) / 2
    flat = rest.reshape(len(rest), -1, 3)
    common = np.einsum("nic,nid->ncd", flat, flat) / flat.shape[1]
    own = np.sqrt(np.einsum("ncc->nc", common)) + 1e-9
    pairs = [common[:, i, j] / (own[:, i] * own[:, j]) for i, j in ((0, 1), (1, 2), (0, 2))]
    return float(np.quantile(beside / power, _FINEST)), float(np.median(np.stack(pairs).mean(0)))
