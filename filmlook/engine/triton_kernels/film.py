"""From the light on a film to display code: edges, emulsion, grain, print, scan. Numbers lie as `fused_gpu` puts them."""

from __future__ import annotations

import triton
import triton.language as tl

from filmlook.engine.kernels import numbers as given
from filmlook.engine.triton_kernels.primitives import (
    SAMPLES,
    dithered,
    exp,
    held,
    log10,
    looked_up,
    lowbias32,
    next_pair,
    once_mirrored,
    white_bits,
)

NO_GRAIN, OWN_GRAIN, GIVEN_GRAIN = range(3)
"""Where noise comes from: nowhere; the hash of each pixel; planes, blurred along the columns already."""

_OWN_GRAIN, _NO_GRAIN = tl.constexpr(OWN_GRAIN), tl.constexpr(NO_GRAIN)
_MIX_CLAMPED, _MIX_EXP = tl.constexpr(given.MIX_CLAMPED), tl.constexpr(given.MIX_EXP)
_TABLE, _ONE_TABLE = tl.constexpr(given.TABLE), tl.constexpr(given.ONE_TABLE)

LEAST, LUMA, VIGNETTE, EDGE, ADDED, COUPLING, GRAIN, TABLES, COUNT = 0, 1, 4, 5, 9, 12, 21, 24, 30
"""Where a look's numbers lie: least exposure; brightness of three layers; 2^vignette - 1; share, 1 / g, 1 / (.4 g) and how far
beyond; log10 exposure added; K; own, shared and colour; scale and shift of three tables."""

_LEAST, _LUMA, _VIGNETTE, _EDGE = tl.constexpr(LEAST), tl.constexpr(LUMA), tl.constexpr(VIGNETTE), tl.constexpr(EDGE)
_ADDED, _COUPLING, _GRAIN, _TABLES = tl.constexpr(ADDED), tl.constexpr(COUPLING), tl.constexpr(GRAIN), tl.constexpr(TABLES)

STEP = 16
"""Numbers of a print's step: kind, where its table begins, matrix, bias, scale and shift."""

_STEP = tl.constexpr(STEP)


@triton.jit
def _mixed(m, a, b, c):
    return tl.fma(c, tl.load(m + 2), tl.fma(b, tl.load(m + 1), a * tl.load(m)))


@triton.jit
def _brightness(a, b, c, numbers, LAYERS: tl.constexpr):
    return _mixed(numbers + _LUMA, a, b, c) if LAYERS == 3 else a


@triton.jit(
    do_not_specialize=["unspread", "at", "plane", "stride", "own_at", "own_plane", "own_stride", "y0", "x0", "height", "width",
                       "rows", "cols", "vignette", "unspread_too"]
)  # fmt: skip
def settle(
    exposure, unspread, numbers, out, bright, own,
    at, plane, stride, own_at, own_plane, own_stride, y0, x0, height, width, rows, cols, vignette, unspread_too,
    LAYERS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Light as it falls on the film: darkened towards the corners, and what edges need of it.

    Args:
        exposure, unspread: planes; `at` is the first pixel's, which lies at (y0, x0) of the picture.
        out: flat `L,rows,cols`: the exposure.
        bright: flat `rows,cols`: log10 of its brightness.
        own: the same of the light before it spread, where `unspread_too` says that it is there.
    """
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < rows * cols
    i, j = n // cols, n % cols
    factor = tl.full((BLOCK,), 1.0, tl.float32)
    if vignette:
        down = (y0 + i).to(tl.float32) + 0.5 - height * 0.5
        across = (x0 + j).to(tl.float32) + 0.5 - width * 0.5
        corner = (height * 0.5) * (height * 0.5) + (width * 0.5) * (width * 0.5)
        f = tl.div_rn(down * down + across * across, corner) * tl.load(numbers + _VIGNETTE) + 1.0
        factor = tl.div_rn(factor, f * f)
    least = tl.load(numbers + _LEAST)
    here = exposure + at + i * stride + j
    a = tl.load(here, mask=ok, other=1.0) * factor
    b, c = a, a
    if LAYERS == 3:
        b = tl.load(here + plane, mask=ok, other=1.0) * factor
        c = tl.load(here + 2 * plane, mask=ok, other=1.0) * factor
        tl.store(out + rows * cols + n, b, mask=ok)
        tl.store(out + 2 * rows * cols + n, c, mask=ok)
    tl.store(out + n, a, mask=ok)
    if unspread_too:
        tl.store(bright + n, log10(tl.maximum(_brightness(a, b, c, numbers, LAYERS), least)), mask=ok)
        here = unspread + own_at + i * own_stride + j
        a = tl.load(here, mask=ok, other=1.0) * factor
        b, c = a, a
        if LAYERS == 3:
            b = tl.load(here + own_plane, mask=ok, other=1.0) * factor
            c = tl.load(here + 2 * own_plane, mask=ok, other=1.0) * factor
        tl.store(own + n, log10(tl.maximum(_brightness(a, b, c, numbers, LAYERS), least)), mask=ok)


@triton.jit(do_not_specialize=["at", "stride", "plane", "rows", "cols", "count", "reach"])
def blurred_down(field, half, out, at, stride, plane, rows, cols, count, reach, BLOCK: tl.constexpr):
    """Planes blurred along their columns by a symmetric kernel, of which `half` has the centre and `reach` more."""
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < count
    line = n // cols
    here = field + at + (line // rows) * plane + (line % rows) * stride + n % cols
    made = tl.load(here, mask=ok, other=0.0) * tl.load(half)
    for k in range(1, reach + 1):
        both = tl.load(here - k * stride, mask=ok, other=0.0) + tl.load(here + k * stride, mask=ok, other=0.0)
        made = tl.fma(both, tl.load(half + k), made)
    tl.store(out + n, made, mask=ok)


@triton.jit
def _blurred_across(here, half, reach, ok):
    made = tl.load(here, mask=ok, other=0.0) * tl.load(half)
    for k in range(1, reach + 1):
        both = tl.load(here - k, mask=ok, other=0.0) + tl.load(here + k, mask=ok, other=0.0)
        made = tl.fma(both, tl.load(half + k), made)
    return made


@triton.jit(do_not_specialize=["y0", "x0", "rows", "cols", "key"])
def white(quantiles, out, y0, x0, rows, cols, key, LAYERS: tl.constexpr, BLOCK: tl.constexpr):
    """Standard normal noise, flat `L,rows,cols`, of the absolute positions from (y0, x0): `stages.grain.white_noise`."""
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < rows * cols
    a, b, c = _white(quantiles, n // cols + y0, n % cols + x0, key, ok, LAYERS)
    tl.store(out + n, a, mask=ok)
    if LAYERS == 3:
        tl.store(out + rows * cols + n, b, mask=ok)
        tl.store(out + 2 * rows * cols + n, c, mask=ok)


@triton.jit
def _white(quantiles, y, x, key, ok, LAYERS: tl.constexpr):
    place = white_bits(y, x, key)
    bits = lowbias32(place)
    a = tl.load(quantiles + (bits & 0xFFFF).to(tl.int32), mask=ok, other=0.0)
    b, c = a, a
    if LAYERS == 3:
        b = tl.load(quantiles + (lowbias32(next_pair(place)) & 0xFFFF).to(tl.int32), mask=ok, other=0.0)
        c = tl.load(quantiles + (bits >> 16).to(tl.int32), mask=ok, other=0.0)
    return a, b, c


@triton.jit
def _sharpening(y, brought, beside, low, high, numbers):
    """What sharpening adds to log10 exposure: `stages.edges.sharpening`."""
    added = y - brought
    added = tl.div_rn(added, tl.abs(added) * tl.load(numbers + _EDGE + 2) + tl.load(numbers + _EDGE + 1))
    added = added - tl.minimum(added, 0.0) * beside
    beyond = tl.load(numbers + _EDGE + 3)
    low, high = tl.minimum(low - y - beyond, 0.0), tl.maximum(high - y + beyond, 0.0)
    return tl.minimum(tl.maximum(added, low), high)


@triton.jit
def _three_by_three(own, stride, ok):
    """The least and the largest of each pixel and its neighbours."""
    low = tl.load(own, mask=ok, other=0.0)
    high = low
    for k in tl.static_range(9):
        value = tl.load(own + (k // 3 - 1) * stride + (k % 3 - 1), mask=ok, other=0.0)
        low, high = tl.minimum(low, value), tl.maximum(high, value)
    return low, high


@triton.jit
def _density(curve, corrected, a, b, c, numbers, ok, LAYERS: tl.constexpr):
    """log10 exposure to density: `stages.emulsion`."""
    scale, shift = tl.load(numbers + _TABLES), tl.load(numbers + _TABLES + 1)
    scale_2, shift_2 = tl.load(numbers + _TABLES + 2), tl.load(numbers + _TABLES + 3)
    k = numbers + _COUPLING
    d = looked_up(curve, a, scale, shift, ok)
    if LAYERS == 1:
        a = looked_up(corrected, a - d * tl.load(k), scale_2, shift_2, ok)
    else:
        e = looked_up(curve + SAMPLES, b, scale, shift, ok)
        f = looked_up(curve + 2 * SAMPLES, c, scale, shift, ok)
        a = looked_up(corrected, a - _mixed(k, d, e, f), scale_2, shift_2, ok)
        b = looked_up(corrected + SAMPLES, b - _mixed(k + 3, d, e, f), scale_2, shift_2, ok)
        c = looked_up(corrected + 2 * SAMPLES, c - _mixed(k + 6, d, e, f), scale_2, shift_2, ok)
    return a, b, c


@triton.jit
def _grained(deviation, a, b, c, p, q, r, numbers, ok, LAYERS: tl.constexpr):
    """Density with noise p, q, r of three layers: `stages.grain.Grain`."""
    scale, shift = tl.load(numbers + _TABLES + 4), tl.load(numbers + _TABLES + 5)
    d = looked_up(deviation, a, scale, shift, ok)
    if LAYERS == 1:
        a = tl.fma(p, d, a)
    else:
        own, shared, colour = tl.load(numbers + _GRAIN), tl.load(numbers + _GRAIN + 1), tl.load(numbers + _GRAIN + 2)
        e = looked_up(deviation + SAMPLES, b, scale, shift, ok)
        f = looked_up(deviation + 2 * SAMPLES, c, scale, shift, ok)
        alike = (p + q + r) * shared
        if colour < 1.0:
            mean = tl.div_rn(d + e + f, 3.0)
            if colour < 0.5:
                d = tl.fma(d - mean, colour, mean)
                e = tl.fma(e - mean, colour, mean)
                f = tl.fma(f - mean, colour, mean)
            else:
                d, e, f = d - (d - mean) * (1.0 - colour), e - (e - mean) * (1.0 - colour), f - (f - mean) * (1.0 - colour)
        a, b, c = tl.fma(p * own + alike, d, a), tl.fma(q * own + alike, e, b), tl.fma(r * own + alike, f, c)
    return a, b, c


@triton.jit
def _printed(steps, count, prints, a, b, c, ok):
    """Density to display code, step by step: `stages.steps`."""
    for i in range(count):
        step = steps + i * _STEP
        kind = tl.load(step).to(tl.int32)
        table = prints + tl.load(step + 1).to(tl.int32)
        scale, shift = tl.load(step + 14), tl.load(step + 15)
        if kind == _TABLE:
            a = looked_up(table, a, scale, shift, ok)
            b = looked_up(table + SAMPLES, b, scale, shift, ok)
            c = looked_up(table + 2 * SAMPLES, c, scale, shift, ok)
        elif kind == _ONE_TABLE:
            b = looked_up(table + SAMPLES, a, scale, shift, ok)
            c = looked_up(table + 2 * SAMPLES, a, scale, shift, ok)
            a = looked_up(table, a, scale, shift, ok)
        elif kind <= _MIX_EXP:
            d = _mixed(step + 2, a, b, c) + tl.load(step + 11)
            e = _mixed(step + 5, a, b, c) + tl.load(step + 12)
            f = _mixed(step + 8, a, b, c) + tl.load(step + 13)
            if kind == _MIX_CLAMPED:
                a, b, c = held(d, 0.0, 1.0), held(e, 0.0, 1.0), held(f, 0.0, 1.0)
            elif kind == _MIX_EXP:
                a, b, c = exp(d), exp(e), exp(f)
            else:
                a, b, c = d, e, f
        else:
            y = _mixed(step + 2, a, b, c)
            a = a * looked_up(table, y, scale, shift, ok)
            b = b * looked_up(table + SAMPLES, y, scale, shift, ok)
            c = c * looked_up(table + 2 * SAMPLES, y, scale, shift, ok)
    return a, b, c


@triton.jit
def _stored(samples, code, a, b, c, y, x, n, place, step, count, shift, ok, BYTES: tl.constexpr):
    """Display code as bytes of the picture, dithered, or as planes of `count` floats."""
    if BYTES:
        to = samples + place * step
        tl.store(to, dithered(a, y, x, 0, shift), mask=ok)
        tl.store(to + 1, dithered(b, y, x, 1, shift), mask=ok)
        tl.store(to + 2, dithered(c, y, x, 2, shift), mask=ok)
    else:
        tl.store(code + n, a, mask=ok)
        tl.store(code + count + n, b, mask=ok)
        tl.store(code + 2 * count + n, c, mask=ok)


@triton.jit(
    do_not_specialize=["exposure", "around", "beside", "noise", "samples", "code", "at", "plane", "stride", "around_at",
                       "around_stride", "noise_at", "noise_plane", "noise_stride", "y0", "x0", "rows", "cols", "near",
                       "near_at", "clouds", "edges", "gives", "key", "count", "first", "line", "step", "shift"]
)  # fmt: skip
def film(
    exposure, bright, own, near_down, around, beside, noise, numbers, curve, corrected, deviation, quantiles,
    near_half, clouds_half, steps, prints, samples, code,
    at, plane, stride, around_at, around_stride, noise_at, noise_plane, noise_stride,
    y0, x0, rows, cols, near, near_at, clouds, edges, gives, key, count, first, line, step, shift,
    LAYERS: tl.constexpr, NOISE: tl.constexpr, BYTES: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Light as `settle` leaves it to display code.

    Args:
        exposure, bright, own, near_down: planes of `stride`; the first pixel that is made lies at `at`.
        around, beside: as of `Place`; read where `edges` and `gives` say so.
        noise: planes blurred along columns by `clouds_half`, or nothing, as `NOISE` says.
        numbers, steps: see above; `count` steps of a print.
        samples, code: where it goes: bytes, `step` a pixel, `line` pixels a row, from pixel `first` on; or flat `3,rows,cols`.
        near, clouds: reaches of the halves of two kernels; near 0: no inhibitor is spread pixel by pixel. `near_down` has no
            row before the first that is made, but all of its columns: it begins at `near_at`.
    """
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < rows * cols
    i, j = n // cols, n % cols
    here = at + i * stride + j
    least = tl.load(numbers + _LEAST)
    added = tl.zeros((BLOCK,), tl.float32)
    if edges:
        y = tl.load(bright + here, mask=ok, other=0.0)
        brought = tl.load(around + around_at + i * around_stride + j, mask=ok, other=0.0)
        if near > 0:
            spread = _blurred_across(near_down + near_at + i * stride + j, near_half, near, ok)
            brought = tl.fma(spread, tl.load(numbers + _EDGE), brought)
        near_lamps = tl.zeros((BLOCK,), tl.float32)
        if gives:
            near_lamps = tl.load(beside + around_at + i * around_stride + j, mask=ok, other=0.0)
        low, high = _three_by_three(own + here, stride, ok)
        added = _sharpening(y, brought, near_lamps, low, high, numbers)
    a = log10(tl.maximum(tl.load(exposure + here, mask=ok, other=1.0), least)) + added + tl.load(numbers + _ADDED)
    b, c = a, a
    if LAYERS == 3:
        b = log10(tl.maximum(tl.load(exposure + plane + here, mask=ok, other=1.0), least))
        c = log10(tl.maximum(tl.load(exposure + 2 * plane + here, mask=ok, other=1.0), least))
        b = b + added + tl.load(numbers + _ADDED + 1)
        c = c + added + tl.load(numbers + _ADDED + 2)
    a, b, c = _density(curve, corrected, a, b, c, numbers, ok, LAYERS)
    if NOISE != _NO_GRAIN:
        if NOISE == _OWN_GRAIN:
            p, q, r = _white(quantiles, i + y0, j + x0, key, ok, LAYERS)
        else:
            there = noise + noise_at + i * noise_stride + j
            p = _blurred_across(there, clouds_half, clouds, ok)
            q, r = p, p
            if LAYERS == 3:
                q = _blurred_across(there + noise_plane, clouds_half, clouds, ok)
                r = _blurred_across(there + 2 * noise_plane, clouds_half, clouds, ok)
        a, b, c = _grained(deviation, a, b, c, p, q, r, numbers, ok, LAYERS)
    a, b, c = _printed(steps, count, prints, a, b, c, ok)
    place = i.to(tl.int64) * line + j + first
    _stored(samples, code, a, b, c, y0 + i, x0 + j, n, place, step, rows * cols, shift, ok, BYTES)


@triton.jit(do_not_specialize=["y0", "x0", "height", "width", "rows", "cols", "wide", "reach"])
def scan_down(code, half, out, y0, x0, height, width, rows, cols, wide, reach, BLOCK: tl.constexpr):
    """Code `3,rows + 2 reach,wide` blurred along its columns, mirrored at the picture's border: flat `3,rows,wide`; (y0, x0)
    is the block's first pixel, the code's lies `reach` before."""
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < 3 * rows * wide
    line, j = n // wide, n % wide
    plane = code + (line // rows) * ((rows + 2 * reach) * wide)
    y = line % rows + y0
    x = once_mirrored(j + x0 - reach, width) - x0 + reach
    x = tl.minimum(tl.maximum(x, 0), wide - 1)
    first = y0 - reach
    made = tl.load(plane + (y - first) * wide + x, mask=ok, other=0.0) * tl.load(half)
    for k in range(1, reach + 1):
        up = held(once_mirrored(y - k, height) - first, 0, rows + 2 * reach - 1)
        down = held(once_mirrored(y + k, height) - first, 0, rows + 2 * reach - 1)
        both = tl.load(plane + up * wide + x, mask=ok, other=0.0) + tl.load(plane + down * wide + x, mask=ok, other=0.0)
        made = tl.fma(both, tl.load(half + k), made)
    tl.store(out + n, made, mask=ok)


@triton.jit(do_not_specialize=["y0", "x0", "rows", "cols", "wide", "reach", "first", "line", "step", "shift"])
def scan_across(
    code,
    half,
    samples,
    out,
    y0,
    x0,
    rows,
    cols,
    wide,
    reach,
    first,
    line,
    step,
    shift,
    BYTES: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """What `scan_down` leaves, blurred along its rows and held to [0, 1]: to bytes or planes, as of `film`."""
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < rows * cols
    i, j = n // cols, n % cols
    here = code + i * wide + j + reach
    a = held(_blurred_across(here, half, reach, ok), 0.0, 1.0)
    b = held(_blurred_across(here + rows * wide, half, reach, ok), 0.0, 1.0)
    c = held(_blurred_across(here + 2 * rows * wide, half, reach, ok), 0.0, 1.0)
    place = i.to(tl.int64) * line + j + first
    _stored(samples, out, a, b, c, y0 + i, x0 + j, n, place, step, rows * cols, shift, ok, BYTES)
