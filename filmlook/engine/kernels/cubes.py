"""LUTs: what a map of samples on a grid makes of display code, in the sums of `files.interpolation`."""

from __future__ import annotations

import numpy as np
from numba import njit

from filmlook.engine.kernels.primitives import apart, get, held, kernel, put

_ZERO, _ONE = np.float32(0), np.float32(1)


@njit(inline="always")
def _place(x, low, scale, last):
    return held((x - low) * scale, _ZERO, last)


@kernel
def curves(x, at, plane, count, values, m):
    """Three curves of samples r g b r g b ..., in place. `m` has what r, g, b the first sample belongs to, how many samples lie
    between 0 and 1 of each, and the number of the last."""
    apart()
    last = m[6]
    before_last = np.int32(last) - np.int32(1)
    for c in range(3):
        low, scale = m[c], m[3 + c]
        for i in range(count):
            place = _place(get(x, at + c * plane + i), low, scale, last)
            cell = min(np.int32(place), before_last)
            share = place - np.float32(cell)
            k = cell * np.int32(3) + np.int32(c)
            put(x, at + c * plane + i, get(values, k) * (_ONE - share) + get(values, k + np.int32(3)) * share)


@kernel
def cube(x, at, plane, count, values, m):
    """A cube of samples, in place; `m` as of `curves`. It is cut into six tetrahedra that share its diagonal."""
    apart()
    low_r, low_g, low_b, scale_r, scale_g, scale_b, last = m[0], m[1], m[2], m[3], m[4], m[5], m[6]
    before_last = np.int32(last) - np.int32(1)
    step_r, step_g = np.int32(3), np.int32(3) * (before_last + np.int32(2))
    step_b = step_g * (before_last + np.int32(2))
    for i in range(count):
        r = _place(get(x, at + i), low_r, scale_r, last)
        g = _place(get(x, at + plane + i), low_g, scale_g, last)
        b = _place(get(x, at + 2 * plane + i), low_b, scale_b, last)
        i_r, i_g, i_b = min(np.int32(r), before_last), min(np.int32(g), before_last), min(np.int32(b), before_last)
        r, g, b = r - np.float32(i_r), g - np.float32(i_g), b - np.float32(i_b)
        less, more = min(r, g), max(r, g)
        f1, f2, f3 = max(more, b), max(less, min(more, b)), min(less, b)
        first = step_r if r == f1 else (step_g if g == f1 else step_b)
        third = step_b if b == f3 else (step_g if g == f3 else step_r)
        v0 = i_r * step_r + i_g * step_g + i_b * step_b
        v3 = v0 + step_r + step_g + step_b
        v1, v2 = v0 + first, v3 - third
        w0, w1, w2 = _ONE - f1, f1 - f2, f2 - f3
        for c in range(3):
            a = get(values, v0 + c) * w0 + get(values, v1 + c) * w1
            put(x, at + c * plane + i, a + get(values, v2 + c) * w2 + get(values, v3 + c) * f3)
