"""Down to the coarse grid and up again, a row at a time: the sums of `stages.psf`, in their order."""

from __future__ import annotations

from filmlook.engine.kernels.passes import times
from filmlook.engine.kernels.primitives import apart, fma, get, kernel, put


@kernel
def weighed(source, at, stride, taps, out, to, cols):
    """A row of what `taps` weigh of as many rows, or of as many pixels (`stride` 1); the first lies at `at`."""
    times(source, at, out, to, cols, taps[0])
    for k in range(1, len(taps)):
        plus(source, at + k * stride, out, to, cols, taps[k])


@kernel
def plus(source, at, out, to, count, factor):
    """A row times a number, to what is there."""
    apart()
    for j in range(count):
        put(out, to + j, fma(get(source, at + j), factor, get(out, to + j)))


@kernel
def weighed_by_seven(source, at, stride, taps, out, to, cols):
    """The same of seven taps, in one go."""
    apart()
    a, b, c, d, e, f, g = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6]
    for j in range(cols):
        i = at + j
        made = fma(get(source, i + stride), b, get(source, i) * a)
        made = fma(get(source, i + 3 * stride), d, fma(get(source, i + 2 * stride), c, made))
        made = fma(get(source, i + 5 * stride), f, fma(get(source, i + 4 * stride), e, made))
        put(out, to + j, fma(get(source, i + 6 * stride), g, made))


@kernel
def halved_by_four(source, at, taps, out, to, count):
    """What four taps weigh at every other pixel of a row."""
    apart()
    a, b, c, d = taps[0], taps[1], taps[2], taps[3]
    for j in range(count):
        i = at + 2 * j
        made = fma(get(source, i + 1), b, get(source, i) * a)
        put(out, to + j, fma(get(source, i + 3), d, fma(get(source, i + 2), c, made)))


@kernel
def halved_by_eight(source, at, taps, out, to, count):
    """What eight taps weigh at every other pixel of a row."""
    apart()
    a, b, c, d, e, f, g, h = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6], taps[7]
    for j in range(count):
        i = at + 2 * j
        made = fma(get(source, i + 1), b, get(source, i) * a)
        made = fma(get(source, i + 3), d, fma(get(source, i + 2), c, made))
        made = fma(get(source, i + 5), f, fma(get(source, i + 4), e, made))
        put(out, to + j, fma(get(source, i + 7), h, fma(get(source, i + 6), g, made)))


@kernel
def woven(source, at, cells, out, to):
    """Four rows of `cells`, one after another, to one row that takes a pixel of each in turn."""
    apart()
    for j in range(cells):
        a, b = get(source, at + j), get(source, at + cells + j)
        c, d = get(source, at + 2 * cells + j), get(source, at + 3 * cells + j)
        put(out, to + 4 * j, a)
        put(out, to + 4 * j + 1, b)
        put(out, to + 4 * j + 2, c)
        put(out, to + 4 * j + 3, d)
