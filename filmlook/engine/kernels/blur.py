"""Rows blurred by symmetric kernels, down or across: `step` lies between the taps, the row itself or 1. Few trips through the
cache: what is added up stays in a register for as many taps as a loop has."""

from __future__ import annotations

from filmlook.engine.kernels.passes import plus_both
from filmlook.engine.kernels.primitives import apart, fma, get, kernel, put


@kernel
def five(source, at, step, out, to, count, a, b, c):
    """The five taps in the middle: `a` of the centre, `b` and `c` of those beside it."""
    apart()
    for j in range(count):
        i = at + j
        made = fma(get(source, i - step) + get(source, i + step), b, get(source, i) * a)
        put(out, to + j, fma(get(source, i - 2 * step) + get(source, i + 2 * step), c, made))


@kernel
def plus_five(source, at, step, out, to, count, a, b, c):
    """The same, to what is there."""
    apart()
    for j in range(count):
        i = at + j
        made = fma(get(source, i - step) + get(source, i + step), b, fma(get(source, i), a, get(out, to + j)))
        put(out, to + j, fma(get(source, i - 2 * step) + get(source, i + 2 * step), c, made))


@kernel
def plus_four_pairs(source, before, after, step, out, to, count, a, b, c, d):
    """Four pairs of taps, the next further apart by `step` on each side, to what is there."""
    apart()
    for j in range(count):
        i, k = before + j, after + j
        made = fma(get(source, i) + get(source, k), a, get(out, to + j))
        made = fma(get(source, i - step) + get(source, k + step), b, made)
        made = fma(get(source, i - 2 * step) + get(source, k + 2 * step), c, made)
        put(out, to + j, fma(get(source, i - 3 * step) + get(source, k + 3 * step), d, made))


@kernel
def further(source, at, step, out, to, count, half, reach, weight):
    """All taps beyond the five in the middle, times a weight, to what is there."""
    k = 3
    while k + 3 <= reach:
        plus_four_pairs(
            source, at - k * step, at + k * step, step, out, to, count,
            half[k] * weight, half[k + 1] * weight, half[k + 2] * weight, half[k + 3] * weight,
        )  # fmt: skip
        k += 4
    while k <= reach:
        plus_both(source, at - k * step, at + k * step, out, to, count, half[k] * weight)
        k += 1
