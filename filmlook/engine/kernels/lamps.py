"""Lamps' light taken out of a picture's exposure: the arithmetic of `stages.lamps`, a stretch of a row at a time, since most
have none."""

from __future__ import annotations

import numpy as np

from filmlook.engine.kernels.numbers import STRETCH
from filmlook.engine.kernels.primitives import apart, exp, fma, get, held, kernel, put

_ZERO, _ONE, _TWO, _THREE = np.float32(0), np.float32(1), np.float32(2), np.float32(3)


@kernel
def candidates(light, at, apart_px, count, least):
    """How many pixels of a stretch of scene light are so near white that they may be lamps'."""
    apart()
    found = np.int32(0)
    for j in range(count):
        peak = max(max(get(light, at + j), get(light, at + apart_px + j)), get(light, at + 2 * apart_px + j))
        found = np.int32(found + (np.int32(1) if peak > least else np.int32(0)))
    return found


@kernel
def parts(light, at, apart_px, share, of, out, t_at, count, told):
    """t of scene light, and, in the place before it, what share of its exposure is lamps'; `share` is the gate's."""
    apart()
    least, to_white, bent, red, green, blue, low, rise = (
        told[0], told[1], told[2], told[3], told[4], told[5], told[6], told[7],
    )  # fmt: skip
    for j in range(count):
        r, g, b = get(light, at + j), get(light, at + apart_px + j), get(light, at + 2 * apart_px + j)
        way = held((max(max(r, g), b) - least) * to_white, _ZERO, _ONE)
        way = way * (_ONE + bent) / (way * bent + _ONE)
        t = way * way * (way * -_TWO + _THREE)
        luma = fma(min(b, _ONE), blue, fma(min(g, _ONE), green, min(r, _ONE) * red))
        pale = held((luma - low) * rise, _ZERO, _ONE)
        pale = pale * pale * (_THREE - _TWO * pale)
        put(out, t_at - STRETCH + j, max(get(share, of + j), _ZERO) * pale * t)
        put(out, t_at + j, t)


@kernel
def rebuilt(t, at, count, stops, least_t, less):
    """What lamps' light is multiplied by, of their t, in place."""
    apart()
    for j in range(count):
        own = get(t, at + j)
        put(t, at + j, (exp(own * stops) - _ONE) / max(own, least_t) + _ONE + less)


@kernel
def taken(exposure, at, part, of, more, by, shining, count, own_share):
    """Lamps' exposure, which is a part of all of it, taken out of it, and what it is multiplied by given to `shining`."""
    apart()
    for j in range(count):
        own = get(exposure, at + j) * get(part, of + j)
        put(exposure, at + j, get(exposure, at + j) - own * own_share)
        put(shining, at + j, own * get(more, by + j))
