"""A strip of the picture, a few rows of it at a time, from exposure to code: what `entry.finish` is made of."""

from __future__ import annotations

import numpy as np

from filmlook.engine.kernels import cubes, lookups, network, passes
from filmlook.engine.kernels.numbers import (
    CODE,
    CUBE,
    CURVES,
    FILM,
    HELD,
    KNOTS,
    LIGHT,
    MIX,
    MIX_CLAMPED,
    MIX_EXP,
    ONE_TABLE,
    TABLE,
)
from filmlook.engine.kernels.primitives import kernel

_ZERO, _ONE = np.float32(0), np.float32(1)
_FAR = np.float32(3.0e38)


@kernel
def shade(field, layers, begin, end, reach, block, light, scratch, left):
    """Rows of light from `begin` on, with `reach` pixels on each side, darkened towards the corners; at `left` in the scratch
    there is room for a row."""
    cols = block.cols + 2 * reach
    middle, size = np.float32(block.width / 2), np.float32((block.height / 2) ** 2 + (block.width / 2) ** 2)
    x = np.float32(block.x - reach) + np.float32(0.5) - middle
    for i in range(begin, end):
        y = np.float32(block.y + i) + np.float32(0.5) - np.float32(block.height / 2)
        passes.falloff(scratch, left, cols, y * y, x, size, light)
        for layer in range(layers):
            at = field.at + layer * field.plane + i * field.stride - reach
            passes.shade(field.values, at, cols, scratch, left)


@kernel
def _sharpening(exposure, unspread, around, beside, numbers, begin, rows, reach, cols, made, plane):
    """What sharpening adds to `rows` of log10 exposure from `begin` on, where what is looked up will lie."""
    edge, least, luma = numbers.edge, numbers.least, numbers.luma
    scratch, out, spread, logs, between = made.values, made.looked, made.looked + plane, made.logs, made.between
    near = len(edge.kernel) - 1
    wide, wider = cols + 2 * near, cols + 2
    own = logs + (rows + 2 * near) * wide
    at = exposure.at + (begin - near) * exposure.stride - reach - near
    of = unspread.at + (begin - 1) * unspread.stride - reach - 1
    if numbers.layers == 1:
        passes.log_rows(exposure.values, at, exposure.stride, scratch, logs, rows + 2 * near, wide, least)
        passes.log_rows(unspread.values, of, unspread.stride, scratch, own, rows + 2, wider, least)
    else:
        passes.log_brightness_rows(
            exposure.values, at, exposure.plane, exposure.stride, scratch, logs, rows + 2 * near, wide, least, luma
        )
        passes.log_brightness_rows(
            unspread.values, of, unspread.plane, unspread.stride, scratch, own, rows + 2, wider, least, luma
        )
    here = logs + near * wide + near
    if near:
        passes.blurred(scratch, here, wide, edge.kernel, scratch, spread, between, rows, cols)
    gives = len(beside.values) > 0
    told = edge.share, edge.one, edge.short, edge.beyond
    for i in range(rows):
        a = around.at + (begin + i) * around.stride - reach
        b = beside.at + (begin + i) * beside.stride - reach if gives else 0
        middle = own + (i + 1) * wider + 1
        passes.sharpen(
            scratch, here + i * wide, around.values, a, beside.values, b, scratch, middle, wider,
            scratch, out + i * cols, cols, spread + i * cols, told, near > 0, gives,
        )  # fmt: skip


@kernel
def _emulsion(made, to, plane, count, layers, coupling, tables):
    """log10 exposure to density, in place."""
    scratch, looked, between = made.values, made.looked, made.between
    lookups.look_up(scratch, to, plane, scratch, looked, scratch, between, count, layers, tables.curve)
    shift, scale = tables.corrected.shift, tables.corrected.scale
    if layers == 1:
        lookups.inhibit_one(scratch, to, scratch, looked, count, coupling[0], shift, scale)
    else:
        lookups.inhibit(scratch, to, scratch, looked, plane, count, coupling, shift, scale)
    for layer in range(layers):
        at, of = to + layer * plane, looked + layer * plane
        lookups.pick(scratch, at, scratch, of, scratch, at, count, tables.corrected.values, layer * KNOTS)


@kernel
def _grained(noise, block, numbers, tables, begin, rows, reach, made, to, plane):
    """The strip at `to` with grain, in place."""
    layers, clumps = numbers.layers, numbers.clumps
    cols = block.cols + 2 * reach
    count, clouds = rows * cols, len(clumps.kernel) - 1
    scratch, looked, logs, between = made.values, made.looked, made.logs, made.between
    lookups.look_up(scratch, to, plane, scratch, looked, scratch, between, count, layers, tables.deviation)
    if len(noise.values):
        source, of = noise.values, noise.at + begin * noise.stride - reach
        lane, stride = noise.plane, noise.stride
    else:
        high, wide = rows + 2 * clouds, cols + 2 * clouds
        source, of, lane, stride = scratch, logs, high * wide, cols
        y, x = block.y + begin - clouds, block.x - reach - clouds
        passes.white_noise(scratch, logs, lane, high, wide, y, x, clumps.key, layers, tables.quantiles)
        if clouds:
            for i in range(layers):
                plane_at = logs + i * lane
                middle = plane_at + clouds * wide + clouds
                passes.blurred(scratch, middle, wide, clumps.kernel, scratch, plane_at, between, rows, cols)
    if layers == 1:
        for i in range(rows):
            passes.grain_row_of_one(scratch, to + i * cols, source, of + i * stride, scratch, looked + i * cols, cols)
    else:
        passes.grain_rows(
            scratch, to, source, of, scratch, looked, plane, rows, cols, lane, stride, clumps.own, clumps.shared, clumps.colour
        )


@kernel
def developed(exposure, unspread, around, beside, noise, block, numbers, tables, begin, rows, reach, made, to, plane):
    """`rows` of density with grain (of stocks without layers: display code) from `begin` on, with `reach` pixels on each side,
    at `to` in the scratch."""
    layers, edge, clumps = numbers.layers, numbers.edge, numbers.clumps
    cols = block.cols + 2 * reach
    count = rows * cols
    scratch, looked = made.values, made.looked
    if numbers.entry == CODE:
        for layer in range(layers):
            for i in range(rows):
                at = exposure.at + layer * exposure.plane + (begin + i) * exposure.stride - reach
                passes.copied(exposure.values, at, scratch, to + layer * plane + i * cols, cols)
        return
    if edge.on:
        _sharpening(exposure, unspread, around, beside, numbers, begin, rows, reach, cols, made, plane)
    for layer in range(layers):
        at = exposure.at + layer * exposure.plane + begin * exposure.stride - reach
        out, added = to + layer * plane, numbers.added[layer]
        if edge.on:
            passes.log_plus_rows(
                exposure.values, at, exposure.stride, scratch, out, rows, cols, numbers.least, scratch, looked, added
            )
        else:
            passes.log_added_rows(exposure.values, at, exposure.stride, scratch, out, rows, cols, numbers.least, added)
    if numbers.entry == FILM:
        _emulsion(made, to, plane, count, layers, numbers.coupling, tables)
    elif numbers.mapped.contrast != _ONE:
        for layer in range(layers):
            passes.pushed(scratch, to + layer * plane, count, numbers.mapped.grey, numbers.mapped.contrast)
    if clumps.on:
        _grained(noise, block, numbers, tables, begin, rows, reach, made, to, plane)
    if numbers.entry == LIGHT:
        for layer in range(layers):
            passes.shown(scratch, to + layer * plane, count, numbers.mapped.shown)


@kernel
def mapped_by_network(exposure, unspread, around, beside, noise, block, numbers, tables, begin, rows, reach, made, to, plane):
    """As `developed`, of a stock that is a network: what it reads is made beside, with a pixel more on each side."""
    cols = block.cols + 2 * reach
    wide, before = cols + 2, (made.rows + 2 * reach + 2) * (cols + 2)
    told = numbers.mapped
    developed(
        exposure, unspread, around, beside, noise, block, numbers, tables,
        begin - 1, rows + 2, reach + 1, made, made.before, before,
    )  # fmt: skip
    y, x = block.y + begin - 1, block.x - reach - 1
    network.black(made.values, made.before, wide, before, rows + 2, wide, y, x, block.height, block.width)
    network.local(made.values, made.before, wide, before, made.sums, to, cols, plane, rows, cols, told.network, told.offset)


@kernel
def printed(numbers, tables, made, to, plane, count):
    """Density to display code, in place, at `to` in the scratch."""
    scratch, looked, share = made.values, made.looked, made.between
    for k in range(len(numbers.steps)):
        step, m = numbers.steps[k, 0], numbers.mixes[k]
        table = tables.prints[numbers.steps[k, 1]]
        if step == TABLE:
            lookups.look_up(scratch, to, plane, scratch, to, scratch, share, count, 3, table)
        elif step == ONE_TABLE:
            lookups.locate(scratch, to, scratch, looked, scratch, share, count, table.shift, table.scale)
            for c in range(3):
                lookups.pick(scratch, looked, scratch, share, scratch, to + c * plane, count, table.values, c * KNOTS)
        elif step == CURVES:
            cubes.curves(scratch, to, plane, count, table.values, m)
        elif step == CUBE:
            cubes.cube(scratch, to, plane, count, table.values, m)
        elif step == HELD:
            for c in range(3):
                passes.clamp(scratch, to + c * plane, count)
        elif step == MIX:
            passes.mix(scratch, to, plane, count, m, -_FAR, _FAR)
        elif step == MIX_CLAMPED:
            passes.mix(scratch, to, plane, count, m, _ZERO, _ONE)
        elif step == MIX_EXP:
            passes.mix(scratch, to, plane, count, m, -_FAR, _FAR)
            for c in range(3):
                passes.exponential(scratch, to + c * plane, count)
        else:
            lookups.locate_luminance(scratch, to, plane, scratch, looked, scratch, share, count, m, table.shift, table.scale)
            for c in range(3):
                at = to + c * plane
                lookups.times_picked(scratch, at, scratch, looked, scratch, share, count, table.values, c * KNOTS)


@kernel
def mirror(scratch, plane, rows, cols, y, x, height, width):
    """Code beyond the picture becomes its mirror image; (y, x) is the first pixel there is."""
    for c in range(3):
        for i in range(rows):
            source = i
            if y + i < 0 and -1 - y - i < height:
                source = -1 - y - i - y
            elif y + i >= height and 2 * height - 1 - y - i >= 0:
                source = 2 * height - 1 - y - i - y
            if source != i:
                passes.copied(scratch, c * plane + source * cols, scratch, c * plane + i * cols, cols)
        if x >= 0 and x + cols <= width:
            continue
        for i in range(rows):
            line = c * plane + i * cols
            for j in range(cols):
                if x + j < 0 and -1 - x - j < width:
                    scratch[line + j] = scratch[line - 1 - x - j - x]
                elif x + j >= width and 2 * width - 1 - x - j >= 0:
                    scratch[line + j] = scratch[line + 2 * width - 1 - x - j - x]
