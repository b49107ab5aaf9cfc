"""What tables have, over a strip of the picture.

A look-up makes the sample of a table that PyTorch takes out of the two knots beside it, between which the table is linear:
samples themselves would not stay in the cache. It has two loops, one of plain arithmetic, which vectorises on any processor
and leaves the knot in the value's place, and one of look-ups, which does on those that can gather.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from filmlook.engine.kernels.numbers import KNOTS, SAMPLES
from filmlook.engine.kernels.primitives import apart, as_float, as_int, fma, get, held, kernel, put

_ZERO = np.float32(0)
_LAST = np.float32(SAMPLES - 1)  # of a table
_KNOTS_APART, _LAST_KNOT = np.float32((KNOTS - 1) / (SAMPLES - 1)), np.float32(KNOTS - 2)  # one of a sample; with one after it


@njit(inline="always")
def _sample(x, shift, scale):
    """Where the sample that is looked up lies, in knots."""
    return np.float32(np.int32(held(fma(x, scale, shift), _ZERO, _LAST))) * _KNOTS_APART


@njit(inline="always")
def _knot(sample):
    return np.int32(min(sample, _LAST_KNOT))


@kernel
def locate(x, at, out, to, share, of, count, shift, scale):
    """Where a table is looked up: a knot's number, as the bits of a float, and what share of the way to the next."""
    apart()
    for i in range(count):
        sample = _sample(get(x, at + i), shift, scale)
        knot = _knot(sample)
        put(out, to + i, as_float(knot))
        put(share, of + i, sample - np.float32(knot))


@kernel
def pick(knot, at, share, of, out, to, count, values, row):
    """What the table has there."""
    apart()
    for i in range(count):
        k = row + as_int(get(knot, at + i))
        before = get(values, k)
        put(out, to + i, fma(get(share, of + i), get(values, k + 1) - before, before))


@kernel
def look_up(x, at, plane, out, to, share, of, count, planes, table):
    """A table of each plane; it has a row of knots for each. `share` has room for a plane."""
    for k in range(planes):
        locate(x, at + k * plane, out, to + k * plane, share, of, count, table.shift, table.scale)
        pick(out, to + k * plane, share, of, out, to + k * plane, count, table.values, k * KNOTS)


@kernel
def inhibit(x, at, first, of, plane, count, k, shift, scale):
    """Where the film's second curve is looked up, of log10 exposure `x` and density `first` of three layers: a knot in the
    place of the one, and a share in that of the other."""
    apart()
    k00, k01, k02, k10, k11, k12, k20, k21, k22 = k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8]
    for i in range(count):
        a, b, c = get(first, of + i), get(first, of + plane + i), get(first, of + 2 * plane + i)
        u = _sample(get(x, at + i) - fma(c, k02, fma(b, k01, a * k00)), shift, scale)
        v = _sample(get(x, at + plane + i) - fma(c, k12, fma(b, k11, a * k10)), shift, scale)
        w = _sample(get(x, at + 2 * plane + i) - fma(c, k22, fma(b, k21, a * k20)), shift, scale)
        put(x, at + i, as_float(_knot(u)))
        put(x, at + plane + i, as_float(_knot(v)))
        put(x, at + 2 * plane + i, as_float(_knot(w)))
        put(first, of + i, u - np.float32(_knot(u)))
        put(first, of + plane + i, v - np.float32(_knot(v)))
        put(first, of + 2 * plane + i, w - np.float32(_knot(w)))


@kernel
def inhibit_one(x, at, first, of, count, k, shift, scale):
    """The same of one layer."""
    apart()
    for i in range(count):
        u = _sample(get(x, at + i) - get(first, of + i) * k, shift, scale)
        put(x, at + i, as_float(_knot(u)))
        put(first, of + i, u - np.float32(_knot(u)))


@kernel
def locate_luminance(x, at, plane, out, to, share, of, count, m, shift, scale):
    """Where a table is looked up by the luminance of three planes, as of `locate`."""
    apart()
    m0, m1, m2 = m[0], m[1], m[2]
    for i in range(count):
        y = fma(get(x, at + 2 * plane + i), m2, fma(get(x, at + plane + i), m1, get(x, at + i) * m0))
        sample = _sample(y, shift, scale)
        knot = _knot(sample)
        put(out, to + i, as_float(knot))
        put(share, of + i, sample - np.float32(knot))


@kernel
def times_picked(x, at, knot, by, share, of, count, values, row):
    """A plane times what a table has there."""
    apart()
    for i in range(count):
        k = row + as_int(get(knot, by + i))
        before = get(values, k)
        put(x, at + i, get(x, at + i) * fma(get(share, of + i), get(values, k + 1) - before, before))
