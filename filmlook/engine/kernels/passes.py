"""One step of the way each, over a strip of the picture: every loop is simple enough for the compiler to vectorise.

Where a product and a sum are rounded once (`fma`) and where twice is what PyTorch does: so both paths have the same bits, but
for the logarithm.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from filmlook.engine.kernels import numbers as given
from filmlook.engine.kernels.primitives import apart, as_float, as_int, exp, fma, get, held, kernel, log10, lowbias32, put

_ZERO, _ONE = np.float32(0), np.float32(1)
_THIRD = np.float32(3)
_LOW, _PLACE, _SIGN = np.uint32(0xFFFF), np.int32(0x7FFF), np.int32(-(2**31))
_PAIR, _COLUMN = np.uint32(given.NEXT_PAIR), np.uint32(given.NEXT_COLUMN)
_R2_COLUMN, _R2_ROW = np.uint32(given.R2_COLUMN), np.uint32(given.R2_ROW)
_APART = given.CHANNELS_APART
_TO_THRESHOLD, _HALF = np.float32(given.TO_THRESHOLD), np.float32(0.5)


@kernel
def falloff(out, to, cols, down, x, size, light):
    """A row of the light that is left towards the corners: `stages.lens.vignette_factor`. `down` is the square of its distance
    from the centre, `x` that of its first column, `size` the square of the corner's."""
    apart()
    for j in range(cols):
        across = x + np.float32(np.int32(j))
        f = (down + across * across) / size * light + _ONE
        put(out, to + j, _ONE / (f * f))


@kernel
def shade(values, at, cols, left, of):
    """A row of light, darkened."""
    apart()
    for j in range(cols):
        put(values, at + j, get(values, at + j) * get(left, of + j))


@kernel
def decode_row(source, at, step, table, out, to, cols):
    """A row of one channel's samples to scene light."""
    apart()
    for j in range(cols):
        put(out, to + j, get(table, np.int32(get(source, at + j * step))))


@kernel
def expose_row(light, at, apart_px, out, to, plane, cols, m):
    """A row of three planes of light to three layers of exposure: a matrix and bias."""
    apart()
    m00, m01, m02, m10, m11, m12 = m[0], m[1], m[2], m[3], m[4], m[5]
    m20, m21, m22, b0, b1, b2 = m[6], m[7], m[8], m[9], m[10], m[11]
    for i in range(cols):
        a, b, c = get(light, at + i), get(light, at + apart_px + i), get(light, at + 2 * apart_px + i)
        put(out, to + i, fma(c, m02, fma(b, m01, a * m00)) + b0)
        put(out, to + plane + i, fma(c, m12, fma(b, m11, a * m10)) + b1)
        put(out, to + 2 * plane + i, fma(c, m22, fma(b, m21, a * m20)) + b2)


@kernel
def expose_row_of_one(light, at, apart_px, out, to, cols, m):
    """The same to the one layer of black and white: gain and flare of three channels, and what six terms weigh."""
    apart()
    g0, g1, g2, f0, f1, f2 = m[0], m[1], m[2], m[3], m[4], m[5]
    w0, w1, w2, w3, w4, w5 = m[6], m[7], m[8], m[9], m[10], m[11]
    for i in range(cols):
        r = max(get(light, at + i) * g0 + f0, _ZERO)
        g = max(get(light, at + apart_px + i) * g1 + f1, _ZERO)
        b = max(get(light, at + 2 * apart_px + i) * g2 + f2, _ZERO)
        grey = fma(b, w2, fma(g, w1, r * w0))
        put(out, to + i, fma(np.sqrt(r * b), w5, fma(np.sqrt(g * b), w4, fma(np.sqrt(r * g), w3, grey))))


@kernel
def log_rows(source, at, stride, out, to, rows, cols, least):
    """log10 of a plane's part."""
    apart()
    for i in range(rows):
        a, b = at + i * stride, to + i * cols
        for j in range(cols):
            put(out, b + j, log10(max(get(source, a + j), least)))


@kernel
def log_brightness_rows(source, at, plane, stride, out, to, rows, cols, least, luma):
    """log10 of what three planes weigh together."""
    apart()
    red, green, blue = luma[0], luma[1], luma[2]
    for i in range(rows):
        a, b = at + i * stride, to + i * cols
        for j in range(cols):
            mixed = get(source, a + j) * red
            mixed = fma(get(source, a + plane + j), green, mixed)
            mixed = fma(get(source, a + 2 * plane + j), blue, mixed)
            put(out, b + j, log10(max(mixed, least)))


@kernel
def log_plus_rows(source, at, stride, out, to, rows, cols, least, plus, from_, added):
    """log10 of a plane's part, what sharpening adds to it, and a number."""
    apart()
    for i in range(rows):
        a, b, c = at + i * stride, to + i * cols, from_ + i * cols
        for j in range(cols):
            put(out, b + j, log10(max(get(source, a + j), least)) + get(plus, c + j) + added)


@kernel
def log_added_rows(source, at, stride, out, to, rows, cols, least, added):
    """log10 of a plane's part, and a number."""
    apart()
    for i in range(rows):
        a, b = at + i * stride, to + i * cols
        for j in range(cols):
            put(out, b + j, log10(max(get(source, a + j), least)) + added)


@kernel
def pushed(x, at, count, grey, contrast):
    """log10 exposure, steeper around mid-grey, in place."""
    apart()
    for i in range(count):
        put(x, at + i, (get(x, at + i) - grey) * contrast + grey)


@kernel
def shown(x, at, count, told):
    """log10 exposure as display code in [0, 1], in place: `engine.colour_map.display_of`, its two powers of e as one."""
    apart()
    to_ln, most, grey, gamma, odds, shoulder = told[0], told[1], told[2], told[3], told[4], told[5]
    for i in range(count):
        o = exp((min(get(x, at + i) * to_ln, most) - grey) * gamma) * odds
        put(x, at + i, held(o / (o + _ONE) * shoulder, _ZERO, _ONE))


@kernel
def times(source, at, out, to, count, factor):
    """A row times a number."""
    apart()
    for j in range(count):
        put(out, to + j, get(source, at + j) * factor)


@kernel
def plus_both(source, before, after, out, to, count, factor):
    """Two rows of `source` together, times a number, to what is there."""
    apart()
    for j in range(count):
        put(out, to + j, fma(get(source, before + j) + get(source, after + j), factor, get(out, to + j)))


@kernel
def blurred(source, at, stride, half, out, to, between, rows, cols):
    """A plane's part, blurred along both sides by a symmetric kernel, to flat rows of `cols`; `at` is the first pixel's that is
    made, and `between` has room for the rows blurred along one side."""
    reach = len(half) - 1
    wide = cols + 2 * reach
    for i in range(rows):
        line, made = at + i * stride - reach, between + i * wide
        times(source, line, out, made, wide, half[0])
        for k in range(1, reach + 1):
            plus_both(source, line - k * stride, line + k * stride, out, made, wide, half[k])
    for i in range(rows):
        line, made = between + i * wide + reach, to + i * cols
        times(out, line, out, made, cols, half[0])
        for k in range(1, reach + 1):
            plus_both(out, line - k, line + k, out, made, cols, half[k])


@kernel
def sharpen(y, at, around, here, beside, there, own, of, stride, out, to, cols, spread, edge, near, gives):
    """A row of what sharpening adds to log10 exposure, as `stages.edges.sharpening`; `spread` is what near inhibitors bring,
    `of` the pixel in the middle of three rows of log10 light before it spread."""
    apart()
    share, one, short, beyond = edge
    up, down = of - stride, of + stride
    for j in range(cols):
        here_y = get(y, at + j)
        brought = get(around, here + j)
        if near:
            brought = fma(get(out, spread + j), share, brought)
        added = here_y - brought
        added = added / (abs(added) * short + one)
        if gives:
            added = added - min(added, _ZERO) * get(beside, there + j)
        a, b, c = get(own, up + j - 1), get(own, up + j), get(own, up + j + 1)
        d, e, f = get(own, of + j - 1), get(own, of + j), get(own, of + j + 1)
        g, h, i = get(own, down + j - 1), get(own, down + j), get(own, down + j + 1)
        low = min(min(min(a, b), min(c, d)), min(min(e, f), min(min(g, h), i)))
        high = max(max(max(a, b), max(c, d)), max(max(e, f), max(max(g, h), i)))
        low, high = min(low - here_y - beyond, _ZERO), max(high - here_y + beyond, _ZERO)
        put(out, to + j, min(max(added, low), high))


@njit(inline="always")
def _signed_place(bits):
    """A quantile's place in the upper half of them, and the sign bit of those of the lower half, which mirrors it."""
    bits = np.int32(bits)
    lower = np.int32(np.int32(bits >> np.int32(15)) - np.int32(1))  # all bits, or none
    return as_float(np.int32(np.int32(np.int32(bits ^ lower) & _PLACE) | np.int32(lower & _SIGN)))


@kernel
def white_row(out, to, plane, cols, y, x, key, lanes):
    """A row of where the normal quantiles are looked up, and their sign, from the absolute position (y, x):
    `stages.grain.white_noise`."""
    apart()
    start = lowbias32(np.uint32(np.uint32(y) ^ np.uint32(key)))
    if lanes == 1:
        for j in range(cols):
            bits = lowbias32(np.uint32(start + np.uint32(np.uint32(x + j) * _COLUMN)))
            put(out, to + j, _signed_place(bits & _LOW))
    else:
        for j in range(cols):
            place = np.uint32(start + np.uint32(np.uint32(x + j) * _COLUMN))
            bits, other = lowbias32(place), lowbias32(np.uint32(place + _PAIR))
            put(out, to + j, _signed_place(bits & _LOW))
            put(out, to + plane + j, _signed_place(other & _LOW))
            put(out, to + 2 * plane + j, _signed_place(bits >> np.uint32(16)))


@kernel
def pick_signed(x, at, count, values):
    """What a table has at places with a sign, with that sign, in place."""
    apart()
    for i in range(count):
        place = as_int(get(x, at + i))
        found = as_int(get(values, np.int32(place & _PLACE)))
        put(x, at + i, as_float(np.int32(found ^ np.int32(place & _SIGN))))


@kernel
def white_noise(out, to, plane, rows, cols, y, x, key, lanes, quantiles):
    """Standard normal noise, `lanes` planes of it, from the absolute position (y, x)."""
    for i in range(rows):
        white_row(out, to + i * cols, plane, cols, y + i, x, key, lanes)
    for lane in range(lanes):
        pick_signed(out, to + lane * plane, rows * cols, quantiles)


@kernel
def grain_rows(density, at, noise, of, sigma, by, plane, rows, cols, apart_px, stride, own, shared, colour):
    """Three layers of density with grain; noise lies in planes `apart_px` apart, in rows of `stride`."""
    apart()
    for r in range(rows):
        p, q, s = at + r * cols, of + r * stride, by + r * cols
        for i in range(cols):
            a, b, c = get(noise, q + i), get(noise, q + apart_px + i), get(noise, q + 2 * apart_px + i)
            d, e, f = get(sigma, s + i), get(sigma, s + plane + i), get(sigma, s + 2 * plane + i)
            alike = (a + b + c) * shared
            if colour < _ONE:
                mean = (d + e + f) / _THIRD
                if colour < _HALF:
                    d, e, f = fma(colour, d - mean, mean), fma(colour, e - mean, mean), fma(colour, f - mean, mean)
                else:
                    less = _ONE - colour
                    d, e, f = d - (d - mean) * less, e - (e - mean) * less, f - (f - mean) * less
            put(density, p + i, fma(a * own + alike, d, get(density, p + i)))
            put(density, p + plane + i, fma(b * own + alike, e, get(density, p + plane + i)))
            put(density, p + 2 * plane + i, fma(c * own + alike, f, get(density, p + 2 * plane + i)))


@kernel
def grain_row_of_one(density, at, noise, of, sigma, by, cols):
    """A row of one layer's density with grain."""
    apart()
    for i in range(cols):
        put(density, at + i, fma(get(noise, of + i), get(sigma, by + i), get(density, at + i)))


@kernel
def mix(x, at, plane, count, m, low, high):
    """Three planes through a matrix and bias, in place, held between two numbers."""
    apart()
    m00, m01, m02, m10, m11, m12 = m[0], m[1], m[2], m[3], m[4], m[5]
    m20, m21, m22, b0, b1, b2 = m[6], m[7], m[8], m[9], m[10], m[11]
    for i in range(count):
        a, b, c = get(x, at + i), get(x, at + plane + i), get(x, at + 2 * plane + i)
        put(x, at + i, held(fma(c, m02, fma(b, m01, a * m00)) + b0, low, high))
        put(x, at + plane + i, held(fma(c, m12, fma(b, m11, a * m10)) + b1, low, high))
        put(x, at + 2 * plane + i, held(fma(c, m22, fma(b, m21, a * m20)) + b2, low, high))


@kernel
def exponential(x, at, count):
    """exp, in place."""
    apart()
    for i in range(count):
        put(x, at + i, exp(get(x, at + i)))


@kernel
def clamp(x, at, count):
    """Held to [0, 1], in place."""
    apart()
    for i in range(count):
        put(x, at + i, held(get(x, at + i), _ZERO, _ONE))


@kernel
def copied(source, at, out, to, count):
    """A row, or more."""
    apart()
    for i in range(count):
        put(out, to + i, get(source, at + i))


@njit(inline="always")
def threshold(y, x, shift):
    """The dither's threshold at a pixel, as `engine.pixels` has it; `y` is the row's share of it already."""
    turned = np.int32(np.uint32(y + np.uint32(np.uint32(x) * _R2_COLUMN) + shift))
    return np.float32(turned) * _TO_THRESHOLD + _HALF


@kernel
def samples_row(code, at, plane, out, to, cols, y, x, shift):
    """A row of display code as bytes, red, green, blue, dithered."""
    apart()
    y = np.uint32(np.uint32(y) * _R2_ROW)
    full = np.float32(255)
    for j in range(cols):
        put(out, to + 3 * j, np.uint8(np.int32(get(code, at + j) * full + threshold(y, x + j, shift))))
        put(out, to + 3 * j + 1, np.uint8(np.int32(get(code, at + plane + j) * full + threshold(y, x + j + _APART, shift))))
        put(
            out,
            to + 3 * j + 2,
            np.uint8(np.int32(get(code, at + 2 * plane + j) * full + threshold(y, x + j + 2 * _APART, shift))),
        )


@kernel
def samples_row_of_four(code, at, plane, out, to, cols, y, x, shift):
    """The same into pixels of four bytes, of which the last is left."""
    apart()
    y = np.uint32(np.uint32(y) * _R2_ROW)
    full = np.float32(255)
    for j in range(cols):
        for c in range(3):
            made = get(code, at + c * plane + j) * full + threshold(y, x + j + c * _APART, shift)
            put(out, to + 4 * j + c, np.uint8(np.int32(made)))
