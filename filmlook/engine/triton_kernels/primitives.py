"""What the GPU's kernels are made of: the same polynomials, hash and tables as the CPU's (`kernels.primitives`), to the bit.

A product and a sum are rounded once where `fma` stands and nowhere else: kernels are compiled without fusing of the compiler's
own, and divide and take roots rounded rightly, so that both machines make the same picture.
"""

from __future__ import annotations

import triton
import triton.language as tl

from filmlook.engine.kernels import numbers as given

_ROOT_HALF = tl.constexpr(given.ROOT_HALF)
_LOG10_2_HIGH, _LOG10_2_LOW = tl.constexpr(given.LOG10_2[0]), tl.constexpr(given.LOG10_2[1])
_LOG10_E_HIGH, _LOG10_E_LOW = tl.constexpr(given.LOG10_E[0]), tl.constexpr(given.LOG10_E[1])
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = (tl.constexpr(term) for term in given.LOG_TERMS)
_E0, _E1, _E2, _E3, _E4, _E5 = (tl.constexpr(term) for term in given.EXP_TERMS)
_LEAST, _MOST = tl.constexpr(given.EXP_RANGE[0]), tl.constexpr(given.EXP_RANGE[1])
_LOG2_E, _LESS_HIGH, _LESS_LOW = tl.constexpr(given.LOG2_E), tl.constexpr(-given.LN_2[0]), tl.constexpr(-given.LN_2[1])
_ROUNDING = tl.constexpr(given.ROUNDING)
_FIRST, _SECOND = tl.constexpr(given.HASH_FIRST), tl.constexpr(given.HASH_SECOND)
_PAIR, _COLUMN = tl.constexpr(given.NEXT_PAIR), tl.constexpr(given.NEXT_COLUMN)
_R2_COLUMN, _R2_ROW = tl.constexpr(given.R2_COLUMN), tl.constexpr(given.R2_ROW)
_APART = tl.constexpr(given.CHANNELS_APART)
_TO_THRESHOLD = tl.constexpr(given.TO_THRESHOLD)
SAMPLES = tl.constexpr(given.SAMPLES)


@triton.jit
def log10(x):
    """log10 of a float32 above 0, within 2.2e-7."""
    bits = x.to(tl.int32, bitcast=True) - _ROOT_HALF
    exponent = (bits >> 23).to(tl.float32)
    f = ((bits & 0x7FFFFF) + _ROOT_HALF).to(tl.float32, bitcast=True) - 1.0
    square = f * f
    p = tl.fma(f, _L0, _L1)
    p = tl.fma(p, f, _L2)
    p = tl.fma(p, f, _L3)
    p = tl.fma(p, f, _L4)
    p = tl.fma(p, f, _L5)
    p = tl.fma(p, f, _L6)
    p = tl.fma(p, f, _L7)
    p = tl.fma(p, f, _L8)
    beyond = tl.fma(square, -0.5, p * f * square)
    low = tl.fma(f, _LOG10_E_LOW, tl.fma(beyond, _LOG10_E_LOW, exponent * _LOG10_2_LOW))
    return tl.fma(exponent, _LOG10_2_HIGH, tl.fma(f, _LOG10_E_HIGH, tl.fma(beyond, _LOG10_E_HIGH, low)))


@triton.jit
def exp(x):
    """exp of a float32, within 1.3e-7 of it; held to what a normal float can be."""
    x = tl.minimum(tl.maximum(x, _LEAST), _MOST)
    whole = tl.fma(x, _LOG2_E, _ROUNDING) - _ROUNDING
    r = tl.fma(whole, _LESS_HIGH, x)
    r = tl.fma(whole, _LESS_LOW, r)
    p = tl.fma(r, _E0, _E1)
    p = tl.fma(p, r, _E2)
    p = tl.fma(p, r, _E3)
    p = tl.fma(p, r, _E4)
    p = tl.fma(p, r, _E5)
    p = tl.fma(p, r * r, r) + 1.0
    return p * ((whole.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def lowbias32(x):
    """The integer hash of uint32 (Wellons 2018), as `stages.grain` has it."""
    x = x ^ (x >> 16)
    x = x * _FIRST
    x = x ^ (x >> 15)
    x = x * _SECOND
    return x ^ (x >> 16)


@triton.jit
def white_bits(y, x, key):
    """The first 32 bits of noise at absolute positions: see `stages.grain.white_noise`. The next 32 are `next_bits`."""
    start = lowbias32((y ^ key).to(tl.uint32, bitcast=True))
    return start + x.to(tl.uint32, bitcast=True) * _COLUMN


@triton.jit
def next_pair(place):
    return place + _PAIR


@triton.jit
def held(x, low, high):
    return tl.minimum(tl.maximum(x, low), high)


@triton.jit
def looked_up(values, x, scale, shift, ok):
    """The nearest sample of a table, as `film.curve.Table`; `values` points at the row's first."""
    at = held(tl.fma(x, scale, shift), 0.0, SAMPLES - 1.0).to(tl.int32)
    return tl.load(values + at, mask=ok, other=0.0)


@triton.jit
def mirrored(i, size):
    """The index in a line of `size` that is mirrored at both ends for ever."""
    i = ((i % (2 * size)) + 2 * size) % (2 * size)
    return tl.where(i < size, i, 2 * size - 1 - i)


@triton.jit
def once_mirrored(i, size):
    """The same, but mirrored once: what lies farther stays where it is."""
    i = tl.where((i < 0) & (-1 - i < size), -1 - i, i)
    return tl.where((i >= size) & (2 * size - 1 - i >= 0), 2 * size - 1 - i, i)


@triton.jit
def dithered(code, y, x, channel, shift):
    """Display code as a byte; the threshold is that of `engine.pixels`."""
    x = x + channel * _APART
    turned = y.to(tl.uint32, bitcast=True) * _R2_ROW + x.to(tl.uint32, bitcast=True) * _R2_COLUMN
    turned = (turned + shift.to(tl.uint32, bitcast=True)).to(tl.int32, bitcast=True)
    return (code * 255.0 + (turned.to(tl.float32) * _TO_THRESHOLD + 0.5)).to(tl.int32).to(tl.uint8)
