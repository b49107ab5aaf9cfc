"""From samples to layer exposure and its lamps, down to the coarse grid, and up again by splines.

A program makes `BLOCK` values of flat planes of `rows` by `cols`. Sizes and places are no constants of the compiler's: a
picture of another size must not have a kernel compiled anew. Nor is the alignment of what is part of something larger.
"""

from __future__ import annotations

import triton
import triton.language as tl

from filmlook.engine.triton_kernels.primitives import exp, held, mirrored

NO_GATE, BY_SHARE, BY_MAP = range(3)
"""Lamps: there are none; what a candidate's share is, is told; or a lamp's share and t of every pixel (`LampMap`)."""

_GEOMETRY = ["source", "height", "width", "stride_y", "stride_x", "stride_c", "y0", "x0", "rows", "cols"]
_BY_SHARE, _BY_MAP = tl.constexpr(BY_SHARE), tl.constexpr(BY_MAP)


@triton.jit
def _smooth(x):
    x = held(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


@triton.jit
def _lamp_parts(r, g, b, share, t_of, lamp, n, ok, GATE: tl.constexpr):
    """A pixel's share of lamps' light, and what that is multiplied by: see `stages.lamps` and `Development._lamps`."""
    part = tl.load(share + n, mask=ok, other=0.0)
    if GATE == _BY_SHARE:
        way = held((tl.maximum(tl.maximum(r, g), b) - tl.load(lamp)) * tl.load(lamp + 1), 0.0, 1.0)
        bent = tl.load(lamp + 2)
        way = tl.div_rn(way * (1.0 + bent), way * bent + 1.0)
        t = way * way * (way * -2.0 + 3.0)
        luma = tl.minimum(r, 1.0) * tl.load(lamp + 3)
        luma = tl.fma(tl.minimum(g, 1.0), tl.load(lamp + 4), luma)
        luma = tl.fma(tl.minimum(b, 1.0), tl.load(lamp + 5), luma)
        part = tl.maximum(part, 0.0) * _smooth((luma - tl.load(lamp + 6)) * tl.load(lamp + 7)) * t
    else:
        t = tl.load(t_of + n, mask=ok, other=0.0)
    rebuilt = tl.div_rn(exp(t * tl.load(lamp + 8)) - 1.0, tl.maximum(t, tl.load(lamp + 9))) + 1.0
    return part, rebuilt + (tl.load(lamp + 10) - 1.0)


@triton.jit(do_not_specialize=_GEOMETRY)
def expose(
    source, table, mixing, share, t_of, lamp, out, shining,
    height, width, stride_y, stride_x, stride_c, y0, x0, rows, cols,
    LAYERS: tl.constexpr, GATE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Samples of a picture to layer exposure.

    Args:
        source: uint8, or int16 with the bits of 16-bit unsigned; strides in samples (`stride_c` 0: grey).
        table: scene light of each sample.
        mixing: of the film, as of `kernels.passes.expose_row` and `expose_row_of_one`.
        share, t_of: `rows,cols`, lamps' share and t; read as `GATE` says.
        lamp: numbers of `stages.lamps`; see `fused_gpu`.
        out: flat `L,rows,cols`.
        shining: as much of lamps' light, which the former is without.
    """
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < rows * cols
    y, x = mirrored(n // cols + y0, height), mirrored(n % cols + x0, width)
    at = source + y.to(tl.int64) * stride_y + x * stride_x
    r = tl.load(table + (tl.load(at, mask=ok, other=0).to(tl.int32) & 0xFFFF), mask=ok, other=0.0)
    g = tl.load(table + (tl.load(at + stride_c, mask=ok, other=0).to(tl.int32) & 0xFFFF), mask=ok, other=0.0)
    b = tl.load(table + (tl.load(at + 2 * stride_c, mask=ok, other=0).to(tl.int32) & 0xFFFF), mask=ok, other=0.0)
    plane = rows * cols
    if GATE != 0:
        part, more = _lamp_parts(r, g, b, share, t_of, lamp, n, ok, GATE)
        apart = tl.load(lamp + 10)
    if LAYERS == 3:
        for i in tl.static_range(3):
            row = mixing + 3 * i
            made = tl.fma(b, tl.load(row + 2), tl.fma(g, tl.load(row + 1), r * tl.load(row))) + tl.load(mixing + 9 + i)
            if GATE != 0:
                own = made * part
                made = made - own * apart
                tl.store(shining + i * plane + n, own * more, mask=ok)
            tl.store(out + i * plane + n, made, mask=ok)
    else:
        r = tl.maximum(r * tl.load(mixing) + tl.load(mixing + 3), 0.0)
        g = tl.maximum(g * tl.load(mixing + 1) + tl.load(mixing + 4), 0.0)
        b = tl.maximum(b * tl.load(mixing + 2) + tl.load(mixing + 5), 0.0)
        made = tl.fma(b, tl.load(mixing + 8), tl.fma(g, tl.load(mixing + 7), r * tl.load(mixing + 6)))
        made = tl.fma(tl.sqrt_rn(r * g), tl.load(mixing + 9), made)
        made = tl.fma(tl.sqrt_rn(g * b), tl.load(mixing + 10), made)
        made = tl.fma(tl.sqrt_rn(r * b), tl.load(mixing + 11), made)
        if GATE != 0:
            own = made * part
            made = made - own * apart
            tl.store(shining + n, own * more, mask=ok)
        tl.store(out + n, made, mask=ok)


@triton.jit(do_not_specialize=["rows", "cols", "stride", "plane", "count"])
def shrink_down(field, taps, out, rows, cols, stride, plane, count, TAPS: tl.constexpr, BLOCK: tl.constexpr):
    """Every fourth row of what `taps` weigh of as many rows: planes of `field` to flat `L,rows,cols`; `count` is L times
    rows times cols."""
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < count
    line = n // cols
    at = field + (line // rows).to(tl.int64) * plane + (line % rows) * (4 * stride) + n % cols
    made = tl.load(at, mask=ok, other=0.0) * tl.load(taps)
    for k in range(1, TAPS):
        made = tl.fma(tl.load(at + k * stride, mask=ok, other=0.0), tl.load(taps + k), made)
    tl.store(out + n, made, mask=ok)


@triton.jit(do_not_specialize=["cols", "stride", "count"])
def shrink_across(field, taps, out, cols, stride, count, TAPS: tl.constexpr, BLOCK: tl.constexpr):
    """The same of columns: rows of `stride` to rows of `cols`."""
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < count
    at = field + (n // cols) * stride + 4 * (n % cols)
    made = tl.load(at, mask=ok, other=0.0) * tl.load(taps)
    for k in range(1, TAPS):
        made = tl.fma(tl.load(at + k, mask=ok, other=0.0), tl.load(taps + k), made)
    tl.store(out + n, made, mask=ok)


@triton.jit(do_not_specialize=["height", "width", "cell_y", "cell_x", "rows", "cols", "count"])
def spline_across(coefficients, weights, out, height, width, cell_y, cell_x, rows, cols, count, BLOCK: tl.constexpr):
    """Half of `stages.psf.WideSpread`: coefficients `L,height,width`, mirrored at their border, to flat `L,rows,cols`, as fine
    as pixels along the rows.

    `weights` `(4, 7)` are what each pixel of a cell takes of as many coefficients, of which the first is that of (cell_y,
    cell_x); `count` is L times rows times cols.
    """
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < count
    line, j = n // cols, n % cols
    row = coefficients + ((line // rows) * height + mirrored(line % rows + cell_y, height)) * width
    own = weights + (j & 3) * 7
    cell = (j >> 2) + cell_x
    made = tl.load(row + mirrored(cell, width), mask=ok, other=0.0) * tl.load(own, mask=ok, other=0.0)
    for k in range(1, 7):
        value = tl.load(row + mirrored(cell + k, width), mask=ok, other=0.0)
        made = tl.fma(value, tl.load(own + k, mask=ok, other=0.0), made)
    tl.store(out + n, made, mask=ok)


@triton.jit
def _spline_down(field, weights, i, j, cols, ok):
    """A pixel of the other half, in row i and column j of what the first leaves of a plane, in rows of `cols`."""
    at, own = field + (i >> 2) * cols + j, weights + (i & 3) * 7
    made = tl.load(at, mask=ok, other=0.0) * tl.load(own, mask=ok, other=0.0)
    for k in range(1, 7):
        value = tl.load(at + k * cols, mask=ok, other=0.0)
        made = tl.fma(value, tl.load(own + k, mask=ok, other=0.0), made)
    return made


@triton.jit(do_not_specialize=["rows", "cols", "count"])
def spline_down(field, weights, out, rows, cols, count, BLOCK: tl.constexpr):
    """The other half: what the first leaves, six rows more than a fourth of `rows`, to flat `L,rows,cols`."""
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < count
    line = n // cols
    plane = field + (line // rows) * (rows // 4 + 6) * cols
    tl.store(out + n, _spline_down(plane, weights, line % rows, n % cols, cols, ok), mask=ok)


@triton.jit(do_not_specialize=["rows", "cols", "stride", "plane", "margin"])
def near_down(light, lamps, halves, kernels, out, rows, cols, stride, plane, margin, LAYERS: tl.constexpr, BLOCK: tl.constexpr):
    """Every Gaussian of the near parts (`stages.near`) along the columns: to flat `K,L,rows,cols`, a program of the second axis
    for each plane.

    Args:
        light, lamps: planes, with `margin` rows more on each side.
        halves: the kernels' halves one after another.
        kernels: of each kernel whether it blurs lamps' light, where its half begins, and how far it reaches.
    """
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < rows * cols
    k, layer = tl.program_id(1) // LAYERS, tl.program_id(1) % LAYERS
    half, reach = halves + tl.load(kernels + 3 * k + 1), tl.load(kernels + 3 * k + 2)
    source = lamps if tl.load(kernels + 3 * k) == 1 else light
    here = source + layer * plane + (n // cols + margin) * stride + n % cols
    made = tl.load(here, mask=ok, other=0.0) * tl.load(half)
    for i in range(1, reach + 1):
        both = tl.load(here - i * stride, mask=ok, other=0.0) + tl.load(here + i * stride, mask=ok, other=0.0)
        made = tl.fma(both, tl.load(half + i), made)
    tl.store(out + tl.program_id(1) * rows * cols + n, made, mask=ok)


@triton.jit(do_not_specialize=["rows", "cols", "wide", "stride", "plane", "margin", "count", "has_lamps"])
def near_across(
    light, lamps, down, halves, kernels, weights, coarse, spline_weights, out,
    rows, cols, wide, stride, plane, margin, count, has_lamps, LAYERS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The other half: the near parts along the rows, and the wide part: flat `L,rows,cols`, a program of the second axis for
    each layer.

    Args:
        light, lamps: planes, with `margin` pixels more on each side; lamps are there where `has_lamps` says so.
        down: what `near_down` leaves, in rows of `wide`; `count` kernels.
        weights: `(2 + K, L)`: of light, and of lamps' light, that stays on its pixel; and of each kernel.
        coarse, spline_weights: the wide part, of which `spline_down` makes pixels.
    """
    n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ok = n < rows * cols
    layer, i, j = tl.program_id(1), n // cols, n % cols
    at = layer * plane + (i + margin) * stride + j + margin
    made = _spline_down(coarse + layer * (rows // 4 + 6) * cols, spline_weights, i, j, cols, ok)
    made = tl.fma(tl.load(light + at, mask=ok, other=0.0), tl.load(weights + layer), made)
    if has_lamps:
        made = tl.fma(tl.load(lamps + at, mask=ok, other=0.0), tl.load(weights + LAYERS + layer), made)
    for k in range(count):
        half, reach = halves + tl.load(kernels + 3 * k + 1), tl.load(kernels + 3 * k + 2)
        here = down + ((k * LAYERS + layer) * rows + i) * wide + j + margin
        blurred = tl.load(here, mask=ok, other=0.0) * tl.load(half)
        for m in range(1, reach + 1):
            both = tl.load(here - m, mask=ok, other=0.0) + tl.load(here + m, mask=ok, other=0.0)
            blurred = tl.fma(both, tl.load(half + m), blurred)
        made = tl.fma(blurred, tl.load(weights + (2 + k) * LAYERS + layer), made)
    tl.store(out + layer * rows * cols + n, made, mask=ok)
