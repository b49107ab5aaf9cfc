"""The kernels that are called from outside. This file is copied into the user's cache folder and run from there, so that what
numba compiles of it is kept there (see `engine.compiled`)."""

from __future__ import annotations

import numpy as np
from numba import njit

from filmlook.engine.kernels import blur, coarse, discs, lamps, passes, strips
from filmlook.engine.kernels.numbers import STRETCH
from filmlook.engine.kernels.primitives import kernel

_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def _mirrored(i, size):
    i %= 2 * size
    return i if i < size else 2 * size - 1 - i


@njit(nogil=True, error_model="numpy", cache=True)
def expose(source, size, step, corner, part, table, layers, mixing, exposure, light):
    """Samples of a picture to layer exposure.

    Args:
        source: flat uint8 or uint16, `step` samples a pixel; `size` is the picture's height and width.
        corner, part: (y, x) of the first pixel and (rows, columns) that are wanted; the picture is mirrored at its border.
        table: scene light of each sample.
        layers, mixing: of the film; see `passes.expose_row` and `expose_row_of_one`.
        exposure: flat `L,h,w`, written.
        light: flat `3,h,w`, written; or a row of three planes, where it is not wanted.
    """
    height, width = size
    rows, cols = part
    plane = rows * cols
    kept = len(light) == 3 * plane
    apart_px = plane if kept else cols
    first, last = min(max(0, -corner[1]), cols), max(min(cols, width - corner[1]), 0)
    for i in range(rows):
        line = _mirrored(corner[0] + i, height) * width
        at = i * cols if kept else 0
        for c in range(3):
            channel = min(c, step - 1)
            to = at + c * apart_px
            if first < last:
                passes.decode_row(
                    source, (line + corner[1] + first) * step + channel, step, table, light, to + first, last - first
                )
            for j in range(first):
                light[to + j] = table[source[(line + _mirrored(corner[1] + j, width)) * step + channel]]
            for j in range(max(last, first), cols):
                light[to + j] = table[source[(line + _mirrored(corner[1] + j, width)) * step + channel]]
        if layers == 3:
            passes.expose_row(light, at, apart_px, exposure, i * cols, plane, cols, mixing)
        else:
            passes.expose_row_of_one(light, at, apart_px, exposure, i * cols, cols, mixing)


@njit(nogil=True, error_model="numpy", cache=True)
def shine(light, exposure, layers, share, t, told, scratch, shining):
    """Takes lamps' light out of exposure: as `Development._lamps`.

    Args:
        light, exposure: flat `3,h,w` of scene light, and `L,h,w`, written over.
        share: flat `h,w`; the gate's, or, where `t` is given, lamps' share of a pixel's exposure.
        t: flat `h,w`; or nothing, where it is found in the light.
        told: numbers of `stages.lamps`: see `engine.lamp_light.lamp_numbers`.
        scratch: two stretches of pixels.
        shining: flat `L,h,w` of zeros; lamps' light is written.

    Returns:
        How many pixels may be lamps'.
    """
    plane, found, size = len(share), 0, STRETCH
    for at in range(0, plane, size):
        count = min(size, plane - at)
        if not len(t) and not lamps.candidates(light, at, plane, count, told[0]):
            continue
        some = 0
        for j in range(count):
            some += share[at + j] > 0
        if not some:
            continue
        found += some
        if len(t):
            for j in range(count):
                scratch[j], scratch[size + j] = share[at + j], t[at + j]
        else:
            lamps.parts(light, at, plane, share, at, scratch, size, count, told)
        lamps.rebuilt(scratch, size, count, told[8], told[9], told[10] - _ONE)
        for layer in range(layers):
            lamps.taken(exposure, layer * plane + at, scratch, 0, scratch, size, shining, count, told[10])
    return found


@njit(nogil=True, error_model="numpy", cache=True)
def finish(exposure, unspread, around, beside, noise, block, numbers, tables, made, samples, step, shift, code):
    """Layer exposure of a block, after all that spreads it, to display code: a strip of rows at a time, which stays in cache.

    Args:
        exposure, unspread, around, beside, noise: `Field`s, with as many pixels around the block as what is made of them needs;
            `unspread` and `around` are read where edges are on, empty `beside` stands for none, and empty noise for grain of
            the pixels' own lattice. Vignetting darkens `exposure` and `unspread` in place.
        block, numbers, tables: see `kernels.numbers`.
        made: where it is made; see `kernels.numbers.strip`.
        samples: flat uint8 of the whole picture, `step` a pixel, written with dither of this `shift`; or empty:
        code: flat `3,rows,cols`, written then.
    """
    reach, near, more = len(numbers.scan) - 1, len(numbers.edge.kernel) - 1, 1 if len(numbers.mapped.network) else 0
    cols = block.cols + 2 * reach
    plane = (made.rows + 2 * reach) * cols
    scratch, looked, between = made.values, made.looked, made.between
    dark, dark_before = -reach - more - near, -reach - more - 1
    first = 0
    while first < block.rows:
        last = min(first + made.rows, block.rows)
        kept = 2 * reach if first else 0
        for c in range(3):
            for i in range(kept):
                passes.copied(scratch, c * plane + (made.rows + i) * cols, scratch, c * plane + i * cols, cols)
        begin, rows = first - reach + kept, last - first + 2 * reach - kept
        if numbers.vignette:
            end = begin + rows + more + near
            strips.shade(exposure, numbers.layers, dark, end, reach + more + near, block, numbers.light, scratch, between)
            dark = end
            if numbers.edge.on:
                end = begin + rows + more + 1
                strips.shade(
                    unspread, numbers.layers, dark_before, end, reach + more + 1, block, numbers.light, scratch, between
                )
                dark_before = end
        at = kept * cols
        if more:
            strips.mapped_by_network(
                exposure, unspread, around, beside, noise, block, numbers, tables, begin, rows, reach, made, at, plane
            )
        else:
            strips.developed(
                exposure, unspread, around, beside, noise, block, numbers, tables, begin, rows, reach, made, at, plane
            )
        strips.printed(numbers, tables, made, at, plane, rows * cols)
        shown, line = 0, cols
        if reach:
            high = last - first + 2 * reach
            strips.mirror(scratch, plane, high, cols, block.y + first - reach, block.x - reach, block.height, block.width)
            for c in range(3):
                middle = c * plane + reach * cols + reach
                passes.blurred(
                    scratch, middle, cols, numbers.scan, scratch, looked + c * plane, between, last - first, block.cols
                )
                passes.clamp(scratch, looked + c * plane, (last - first) * block.cols)
            shown, line = looked, block.cols
        for i in range(first, last):
            of = shown + (i - first) * line
            if len(samples):
                to = ((block.y + i) * block.width + block.x) * step
                if step == 3:
                    passes.samples_row(scratch, of, plane, samples, to, block.cols, block.y + i, block.x, shift)
                else:
                    passes.samples_row_of_four(scratch, of, plane, samples, to, block.cols, block.y + i, block.x, shift)
            else:
                for c in range(3):
                    to = (c * block.rows + i) * block.cols
                    passes.copied(scratch, of + c * plane, code, to, block.cols)
        first = last


@njit(nogil=True, error_model="numpy", cache=True)
def shrink(field, shape, four, eight, scratch, out):
    """`stages.psf.coarse_cells`: flat `L,h,w` with its margin to flat `L,h,w` of cells.

    Args:
        field, shape: the planes, and L, h and w of them.
        four, eight: the taps of both halvings.
        scratch: as much as a plane has.
        out: is written.
    """
    layers, height, width = shape
    rows, cols = (height - 6) // 2 + 1, (width - 6) // 2 + 1
    least, few = (rows - 8) // 2 + 1, (cols - 8) // 2 + 1
    line = rows * cols
    for layer in range(layers):
        at = (layer * height + 1) * width + 1
        for i in range(rows):
            coarse.weighed(field, at + 2 * i * width, width, four, scratch, line, width - 2)
            coarse.halved_by_four(scratch, line, four, scratch, i * cols, cols)
        for i in range(least):
            coarse.weighed(scratch, 2 * i * cols, cols, eight, scratch, line, cols)
            coarse.halved_by_eight(scratch, line, eight, out, (layer * least + i) * few, few)


@njit(nogil=True, error_model="numpy", cache=True)
def spline(coefficients, shape, corner, part, weights, scratch, out):
    """B-spline through coefficients on a grid four times coarser: `stages.psf.WideSpread`.

    Args:
        coefficients, shape: flat `L,h,w`, mirrored at its border, and L, h and w.
        corner, part: the first coefficient that is needed, and how many cells of four pixels down and across are wanted.
        weights: `(4, 7)`: what each pixel of a cell takes of as many coefficients.
        scratch: (cells down + 7) times the pixels across, and cells across + 6 more.
        out: flat `L,4 h,4 w`, written.
    """
    layers, height, width = shape
    down, across = part
    more, cols = len(weights[0]) - 1, 4 * across
    row = (down + more) * cols
    line = row + cols
    for layer in range(layers):
        for i in range(down + more):
            at = (layer * height + _mirrored(corner[0] + i, height)) * width
            for j in range(across + more):
                scratch[line + j] = coefficients[at + _mirrored(corner[1] + j, width)]
            for k in range(4):
                coarse.weighed_by_seven(scratch, line, 1, weights[k], scratch, i * cols + k * across, across)
        for i in range(4 * down):
            coarse.weighed_by_seven(scratch, (i // 4) * cols, cols, weights[i % 4], scratch, row, cols)
            coarse.woven(scratch, row, across, out, (layer * 4 * down + i) * cols)


@njit(nogil=True, error_model="numpy", cache=True)
def near(field, out, size, taps, reaches, weights, scratch):
    """`stages.near.Near`, added to what is there: a row at a time.

    Args:
        field, out: `Field`s; of the first there is as much around what is made as the widest Gaussian reaches.
        size: layers, rows and columns of what is made.
        taps, reaches: `(K, R + 1)`, half of each Gaussian's kernel, centre first, and how far each reaches, 2 pixels at least.
        weights: `(1 + K, L)`, of the point and of the Gaussians.
        scratch: a row of the field.
    """
    layers, rows, cols = size
    for layer in range(layers):
        for i in range(rows):
            at = field.at + layer * field.plane + i * field.stride
            to = out.at + layer * out.plane + i * out.stride
            coarse.plus(field.values, at, out.values, to, cols, weights[0, layer])
            for k in range(len(reaches)):
                reach, half, weight = reaches[k], taps[k], weights[k + 1, layer]
                line, wide = at - reach, cols + 2 * reach
                step = field.stride
                blur.five(field.values, line, step, scratch, 0, wide, half[0] * weight, half[1] * weight, half[2] * weight)
                blur.further(field.values, line, step, scratch, 0, wide, half, reach, weight)
                blur.plus_five(scratch, reach, 1, out.values, to, cols, half[0], half[1], half[2])
                blur.further(scratch, reach, 1, out.values, to, cols, half, reach, _ONE)


@njit(nogil=True, error_model="numpy", cache=True)
def add_discs(
    light, radius, slices, size, number, step, own, shape, tables, zones, source, part, room, ends, touched, cells, fresh
):
    """One slice of a layer spread over its discs: see `engine.depth_of_field`.

    Args:
        light, radius, slices: flat `H,W,4`, `H,W` and `H,W`; `size` is H and W.
        number, step: the slice's, and how many pixels a cell has on each side.
        own: what the grid blurs by itself, of a squared radius in pixels.
        shape: how far the largest disc reaches, and the tables' rows, in radii.
        tables: of `stages.bokeh.Shapes`, flat: left and right edges, areas, and where edges are steep.
        zones: flat, of every pixel; or one.
        source, part: rows of cells that are read, and that are made.
        room: cells to each side of what is made.
        ends, touched: doubles and bytes, 0 and left so.
        cells: flat `h,w,5`; the slice is laid behind them, or, `fresh`, written.

    Returns:
        How many cells had something.
    """
    found, cols = 0, -(-size[1] // step)
    across, rows = cols + 2 * room, len(tables[0]) // len(tables[2]) - 1
    for y in range(source[0], source[1]):
        for x in range(cols):
            if step == 1 and slices[y * size[1] + x] != number:
                continue
            point, wide = discs.point(light, radius, slices, size, number, y, x, step)
            if point[4] == 0:
                continue
            found += 1
            wide = np.sqrt(max(wide * wide - own, 0.09)) / step
            middle = min(y * step + step // 2, size[0] - 1) * size[1] + min(x * step + step // 2, size[1] - 1)
            zone = zones[middle if len(zones) > 1 else 0]
            discs.disc(ends, touched, y, x, wide, point, shape, tables, zone, rows, part, room, across)
    if found:
        discs.closed(ends, touched, cells, fresh, part[1] - part[0], cols, room, across)
        touched[:] = 0
    return found


@njit(nogil=True, error_model="numpy", cache=True)
def lay_cells(cells, cols, first, count, step, y, rows, width, made, left):
    """A run's cells, flat `count,cols,5` from row `first` of its grid, laid behind a band `rows,width,4` that begins at row y;
    `left` is flat `rows,width`."""
    for i in range(rows):
        here = max(np.float32(y + i + 0.5) / np.float32(step) - np.float32(0.5), _ZERO)
        above = min(int(here), first + count - 1)
        below = min(above + 1, first + count - 1)
        down = here - np.float32(above) if step > 1 else _ZERO
        above = y + i if step == 1 else above
        below = above if step == 1 else below
        discs.lay_row(cells, above - first, below - first, down, cols, step, made, left, i * width, width)
