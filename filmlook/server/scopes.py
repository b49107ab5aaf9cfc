"""Scopes: what a picture's codes and colours are, as figures for a page to draw."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from filmlook.files.colour import srgb_light
from filmlook.files.encoders import eight_bit
from filmlook.matching.oklab import TO_CONES, TO_LAB

SIDE = 128  # columns and rows of a parade
MOST_COLOURS = 1500
_LUMA = np.array((0.2126, 0.7152, 0.0722))  # of codes: Rec. 709's Y', as monitors show it


def scopes(pixels: np.ndarray) -> dict[str, Any]:
    """The figures of samples `(H, W, 3 or 4)` of 8 or 16 bits.

    `histogram`: pixels of each code, of r, g, b and luma y. `parade`: for each channel SIDE rows (the first is code 255) of
    SIDE columns of the picture, bytes in base64: 255 where a column has most pixels of one code. `clipped`: shares of the
    pixels with a channel at 0 or at 255. `colours`: of pixels evenly spread over the picture, OKLab and code.
    """
    codes = eight_bit(pixels[..., :3])
    luma = (codes @ _LUMA).round().astype(np.uint8)
    planes = {"r": codes[..., 0], "g": codes[..., 1], "b": codes[..., 2], "y": luma}
    return {
        "histogram": {key: np.bincount(plane.ravel(), minlength=256).tolist() for key, plane in planes.items()},
        "parade": {"width": SIDE, "height": SIDE, **{key: _parade(planes[key]) for key in "rgb"}},
        "clipped": {"black": _share((codes == 0).any(2)), "white": _share((codes == 255).any(2))},
        "colours": _colours(codes),
    }


def _share(which: np.ndarray) -> float:
    return round(float(which.mean()), 5)


def _parade(plane: np.ndarray) -> str:
    """One channel's waveform."""
    width = plane.shape[1]
    columns = np.broadcast_to(np.arange(width) * SIDE // width, plane.shape)
    rows = SIDE - 1 - plane.astype(np.int64) * SIDE // 256
    counts = np.bincount((rows * SIDE + columns).ravel(), minlength=SIDE * SIDE).reshape(SIDE, SIDE)
    most = counts.max(0, keepdims=True).clip(1)  # of each column: one of a flat sky must not hide the others
    return base64.b64encode(np.ceil(counts * 255 / most).astype(np.uint8).tobytes()).decode("ascii")


def _colours(codes: np.ndarray) -> list[list[float]]:
    """L, a, b, r, g, b of pixels on an even grid."""
    height, width = codes.shape[:2]
    step = max(1, int(np.ceil(np.sqrt(height * width / MOST_COLOURS))))
    found = codes[step // 2 :: step, step // 2 :: step].reshape(-1, 3)[:MOST_COLOURS]
    lab = oklab(found / 255)
    return [[*map(float, place), *map(int, code)] for place, code in zip(lab.round(4), found, strict=True)]


def oklab(code: np.ndarray) -> np.ndarray:
    """sRGB code `(..., 3)` in [0, 1] to OKLab."""
    return np.asarray(np.cbrt(srgb_light(code) @ np.transpose(TO_CONES)) @ np.transpose(TO_LAB))
