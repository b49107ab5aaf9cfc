"""What a look's kernels are told: the numbers of its stages as numba takes them. Needs no numba itself."""

from __future__ import annotations

from typing import Any, NamedTuple

_LEAST_ROWS = 8  # of a strip

# log10 and exp as polynomials (of Cephes' logf and expf), and the constants of noise and dither: as every kernel has them.
ROOT_HALF = 0x3F3504F3  # the bits of sqrt(1/2)
LOG10_2, LOG10_E = (0.30102539, 4.6050390e-6), (0.4340820, 2.1246590e-4)  # in two parts, the first of few bits
LOG_TERMS = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
    -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
EXP_TERMS = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
EXP_RANGE = (-87.0, 88.0)
LOG2_E, LN_2 = 1.44269504, (0.693359375, -2.12194440e-4)
ROUNDING = 12582912.0  # 1.5 2^23: added to a float of moderate size, it rounds it to a whole number
HASH_FIRST, HASH_SECOND = 0x7FEB352D, 0x846CA68B  # lowbias32
NEXT_PAIR, NEXT_COLUMN = 0x85EBCA77, 0x9E3779B1  # what the noise's hash is turned by
R2_COLUMN, R2_ROW, CHANNELS_APART = 0xC13FA9A9, 0x91E10DA5, 7  # of the dither
TO_THRESHOLD = 0.98 / 2**32

SAMPLES, KNOTS = 1 << 17, 4096  # of a row of a table, which is linear between its knots
THIRD = 1 / 6  # of a row, from its middle: where the middle one of its thirds ends
STRETCH = 64  # pixels of a row that lamps are looked for in at once
_STRIP = 12_000  # pixels that the strip in hand has: with all that is made of it, it stays in the second cache


class Field(NamedTuple):
    """Planes of float32 in flat `values`: where the block's first pixel lies, and what lies between planes and rows."""

    values: Any
    at: int
    plane: int
    stride: int


class Lookup(NamedTuple):
    """A `film.curve.Table`: its knots, a row after another, and how an input becomes a sample's number."""

    values: Any
    shift: Any
    scale: Any


class Block(NamedTuple):
    """Which pixels are made: from (y, x), `rows` by `cols`, of a picture of `height` by `width`."""

    y: int
    x: int
    rows: int
    cols: int
    height: int
    width: int


class Edge(NamedTuple):
    """Sharpening: half the near inhibitors' kernel and their share, 1 / g, 1 / (.4 g), and how far it may go beyond."""

    on: int
    kernel: Any
    share: Any
    one: Any
    short: Any
    beyond: Any


class Clumps(NamedTuple):
    """Grain: whether there is any, half the clouds' kernel, and how layers share it."""

    on: int
    kernel: Any
    own: Any
    shared: Any
    colour: Any
    key: int


FILM, LIGHT, CODE = range(3)
"""What is made of a block's exposure: a film's density; or, of stocks without layers, display code of it; or it is code
already."""


class Mapped(NamedTuple):
    """A stock without layers: log10 of mid-grey, and how much steeper push makes what lies around it; how log10 exposure
    becomes display code (see `passes.shown`); its network's numbers (see `network.local`), if it is one; and what that adds to
    the whole picture, three numbers."""

    grey: Any
    contrast: Any
    shown: Any
    network: Any
    offset: Any


class Numbers(NamedTuple):
    """A look. `entry` says what the block holds; `light` is 2^vignette - 1; `added`, `coupling` and `luma` are flat; `steps`
    `(N, 2)` and `mixes` `(N, 12)` are the map's and the print's; `scan` is half its kernel."""

    layers: int
    entry: int
    vignette: int
    light: Any
    least: Any
    luma: Any
    edge: Edge
    added: Any
    coupling: Any
    mapped: Mapped
    clumps: Clumps
    steps: Any
    mixes: Any
    scan: Any


class Tables(NamedTuple):
    """What is looked up: the film's curves, the grain's deviation, the upper half of normal quantiles, and what the print
    needs."""

    curve: Lookup
    corrected: Lookup
    deviation: Lookup
    quantiles: Any
    prints: Any


PRINT_TABLES = 6  # that a map and a print can have at most

MIX, MIX_CLAMPED, MIX_EXP, TABLE, ONE_TABLE, TONE, CURVES, CUBE, HELD = range(9)
"""A print's steps: a matrix and bias; the same, held to [0, 1]; its exp; a table of each plane, or of the one plane there is; a
gain of light by its luminance. A map's: three curves, or a cube, of samples that are as far apart as one likes; and what is
held to [0, 1]."""

NETWORK_CHANNELS = 4  # of a network's hidden layer that are made at once
NETWORK_GROUP = 27 * NETWORK_CHANNELS + NETWORK_CHANNELS + 3 * NETWORK_CHANNELS
"""Numbers of so many: what each weighs of 3 x 3 pixels of three planes, its bias, and what the three channels weigh of it."""
NETWORK_PIXELS = 16  # of a row that are made at once


class Scratch(NamedTuple):
    """Where a strip of `rows` is made: code at the start of `values`, and from where what is looked up, noise or logarithms,
    a blur halfway, code before a network, and the network's sums lie."""

    values: Any
    rows: int
    looked: int
    logs: int
    between: int
    before: int
    sums: int


def strip(cols: int, scan: int, near: int, clouds: int, network: bool) -> tuple[int, ...]:
    """A strip's rows, and where the parts of its scratch begin and end, of blocks of `cols` with kernels of this reach."""
    made, reach = max(_LEAST_ROWS, _STRIP // cols), scan + int(network)
    rows, cols, wide = made + 2 * reach, cols + 2 * reach, max(near, 1)
    looked = 3 * rows * cols
    logarithms = (rows + 2 * near) * (cols + 2 * near) + (rows + 2 * wide) * (cols + 2 * wide)
    noise = 3 * (rows + 2 * clouds) * (cols + 2 * clouds)
    between = 2 * looked + max(logarithms, noise)
    before = between + rows * (cols + 2 * max(near, clouds, scan))
    if not network:
        return made, looked, 2 * looked, between, before, before, before
    sums = before + looked + 2 * NETWORK_PIXELS  # what is read beyond the last row lies between
    return made, looked, 2 * looked, between, before, sums, sums + 3 * NETWORK_PIXELS
