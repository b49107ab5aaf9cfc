"""What a look's kernels are told: the numbers of its stages as numba takes them. Needs no numba itself."""

from __future__ import annotations

from typing import Any, NamedTuple

_LEAST_ROWS = 8  # of a strip
SAMPLES = 1 << 17  # of a row of a table
_STRIP = 12_000  # pixels that the strip in hand has: with all that is made of it, it stays in the second cache


class Field(NamedTuple):
    """Planes of float32 in flat `values`: where the block's first pixel lies, and what lies between planes and rows."""

    values: Any
    at: int
    plane: int
    stride: int


class Lookup(NamedTuple):
    """A `film.curve.Table`: its values, a row after another, and how an input becomes an index."""

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


class Numbers(NamedTuple):
    """A look. `light` is 2^vignette - 1; `added`, `coupling` and `luma` are flat; `steps` `(N, 2)` and `mixes` `(N, 12)` are
    the print's; `scan` is half its kernel."""

    layers: int
    vignette: int
    light: Any
    least: Any
    luma: Any
    edge: Edge
    added: Any
    coupling: Any
    clumps: Clumps
    steps: Any
    mixes: Any
    scan: Any


class Tables(NamedTuple):
    """What is looked up: the film's curves, the grain's deviation, normal quantiles, and what the print needs."""

    curve: Lookup
    corrected: Lookup
    deviation: Lookup
    quantiles: Lookup
    prints: Any


PRINT_TABLES = 5  # that a print can have at most

MIX, MIX_CLAMPED, MIX_EXP, TABLE, ONE_TABLE, TONE = range(6)
"""A print's steps: a matrix and bias; the same, held to [0, 1]; its exp; a table of each plane, or of the one plane there is; a
gain of light by its luminance."""


class Scratch(NamedTuple):
    """Where a strip of `rows` is made: code at the start of `values`, and from where what is looked up, noise or logarithms,
    and a blur halfway lie."""

    values: Any
    rows: int
    looked: int
    logs: int
    between: int


def strip(cols: int, scan: int, near: int, clouds: int) -> tuple[int, int, int, int, int]:
    """A strip's rows, and where the parts of its scratch begin and end, of blocks of `cols` with kernels of this reach."""
    made = max(_LEAST_ROWS, _STRIP // cols)
    rows, cols, wide = made + 2 * scan, cols + 2 * scan, max(near, 1)
    looked = 3 * rows * cols
    logarithms = (rows + 2 * near) * (cols + 2 * near) + (rows + 2 * wide) * (cols + 2 * wide)
    noise = 3 * (rows + 2 * clouds) * (cols + 2 * clouds)
    between = 2 * looked + max(logarithms, noise)
    return made, looked, 2 * looked, between, between + rows * (cols + 2 * max(near, clouds, scan))
