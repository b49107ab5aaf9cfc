"""Discs of what is out of focus, added up as the ends of their rows: the arithmetic of `engine.depth_of_field`, in doubles."""

from __future__ import annotations

import numpy as np

from filmlook.engine.kernels.numbers import THIRD
from filmlook.engine.kernels.primitives import kernel

_NONE = np.float32(1e-6)
_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def _edge(table, begin, at, rows):
    """A table's row of a zone at a knot, between 0 and `rows`."""
    whole = min(int(at), rows - 1)
    low = table[begin + whole]
    return low + (table[begin + whole + 1] - low) * (at - whole)


@kernel
def _ended(ends, place, sign, x, red, green, blue, lamps, cover):
    """One end of a row, between two pixels: what is added there, or, at its other end, taken away again."""
    whole = int(np.floor(x))
    far = (x - whole) * sign
    near = sign - far
    i = (place + whole) * 5
    ends[i] += red * near
    ends[i + 1] += green * near
    ends[i + 2] += blue * near
    ends[i + 3] += lamps * near
    ends[i + 4] += cover * near
    ends[i + 5] += red * far
    ends[i + 6] += green * far
    ends[i + 7] += blue * far
    ends[i + 8] += lamps * far
    ends[i + 9] += cover * far


@kernel
def disc(ends, touched, y, x, radius, point, shape, tables, zone, rows, part, room, across):
    """Adds a disc of a radius in cells around the cell (y, x), in the rows from `part[0]` to `part[1]`."""
    red, green, blue, lamps, cover = point
    reach, extent = shape
    left, right, area, steep = tables
    first, last = part
    share = 1.0 / (area[zone] * radius * radius)
    red, green, blue, lamps, cover = red * share, green * share, blue * share, lamps * share, cover * share
    tall = int(np.ceil(reach * radius + 0.5)) - 1
    begin, knots, square = zone * (rows + 1), rows / (2 * extent), radius * radius
    top, middle = max(first - y, -tall), x + 0.5
    if top > min(tall, last - 1 - y):
        return
    at = (max((top - 0.5) / radius, -extent) + extent) * knots
    low, high = _edge(left, begin, at, rows) * square, _edge(right, begin, at, rows) * square
    for dy in range(top, min(tall, last - 1 - y) + 1):
        place = (y + dy - first) * across + room
        touched[y + dy - first] = 1
        at = (min((dy + 0.5) / radius, extent) + extent) * knots
        low_3, high_3 = _edge(left, begin, at, rows) * square, _edge(right, begin, at, rows) * square
        at = min(max(dy / radius, -extent), extent) + extent
        if steep[begin + int(at * knots + 0.5)]:
            at = (min(max((dy - THIRD) / radius, -extent), extent) + extent) * knots
            low_1, high_1 = _edge(left, begin, at, rows) * square, _edge(right, begin, at, rows) * square
            at = (min(max((dy + THIRD) / radius, -extent), extent) + extent) * knots
            low_2, high_2 = _edge(left, begin, at, rows) * square, _edge(right, begin, at, rows) * square
            r, g, b, lm, c = red / 3, green / 3, blue / 3, lamps / 3, cover / 3
            _ended(ends, place, 1.0, (low_1 - low) * 3 + middle, r, g, b, lm, c)
            _ended(ends, place, -1.0, (high_1 - high) * 3 + middle, r, g, b, lm, c)
            _ended(ends, place, 1.0, (low_2 - low_1) * 3 + middle, r, g, b, lm, c)
            _ended(ends, place, -1.0, (high_2 - high_1) * 3 + middle, r, g, b, lm, c)
            _ended(ends, place, 1.0, (low_3 - low_2) * 3 + middle, r, g, b, lm, c)
            _ended(ends, place, -1.0, (high_3 - high_2) * 3 + middle, r, g, b, lm, c)
        else:
            _ended(ends, place, 1.0, low_3 - low + middle, red, green, blue, lamps, cover)
            _ended(ends, place, -1.0, high_3 - high + middle, red, green, blue, lamps, cover)
        low, high = low_3, high_3


@kernel
def point(light, radius, slices, size, number, y, x, step):
    """What of a slice lies in a cell: light and coverage, and the sum of its radii."""
    height, width = size
    red = green = blue = lamps = wide = 0.0
    count = 0
    for i in range(y * step, min(height, (y + 1) * step)):
        for at in range(i * width + x * step, i * width + min(width, (x + 1) * step)):
            if slices[at] == number:
                count += 1
                red += light[4 * at]
                green += light[4 * at + 1]
                blue += light[4 * at + 2]
                lamps += light[4 * at + 3]
                wide += radius[at]
    share = 1.0 / (step * step)
    return (red * share, green * share, blue * share, lamps * share, count * share), wide / max(count, 1)


@kernel
def closed(ends, touched, cells, fresh, rows, width, room, across):
    """Rows' sums laid behind the cells of a run, `h,w,5`; the ends are nothing afterwards."""
    for i in range(rows):
        if not touched[i]:
            if fresh:
                cells[i * width * 5 : (i + 1) * width * 5] = _ZERO
            continue
        red = green = blue = lamps = cover = 0.0
        for j in range(across):
            at = (i * across + j) * 5
            red += ends[at]
            green += ends[at + 1]
            blue += ends[at + 2]
            lamps += ends[at + 3]
            cover += ends[at + 4]
            x = j - room
            if 0 <= x < width:
                to = (i * width + x) * 5
                own = np.float32(cover)
                weight = _ONE
                if fresh:
                    cells[to : to + 5] = _ZERO
                else:
                    weight = min(own, max(_ONE - cells[to + 4], _ZERO)) / max(own, _NONE)
                if weight > 0:
                    cells[to] += np.float32(red) * weight
                    cells[to + 1] += np.float32(green) * weight
                    cells[to + 2] += np.float32(blue) * weight
                    cells[to + 3] += np.float32(lamps) * weight
                    cells[to + 4] += own * weight
        ends[i * across * 5 : (i + 1) * across * 5] = 0.0


@kernel
def lay_row(cells, above, below, down, cols, step, made, left, at, width):
    """Lays a run's cells, as they are between two of its rows, behind a row of what is made."""
    keep = _ONE - down
    for x in range(width):
        rest = left[at + x]
        if rest <= 0:
            continue
        if step == 1:
            a = b = (above * cols + x) * 5
            c = d = a
            over = _ZERO
        else:
            here = max(np.float32(x + 0.5) / np.float32(step) - np.float32(0.5), _ZERO)
            one = min(int(here), cols - 1)
            two = min(one + 1, cols - 1)
            over = here - np.float32(one)
            a, b = (above * cols + one) * 5, (above * cols + two) * 5
            c, d = (below * cols + one) * 5, (below * cols + two) * 5
        wa, wb, wc, wd = keep * (_ONE - over), keep * over, down * (_ONE - over), down * over
        cover = cells[a + 4] * wa + cells[b + 4] * wb + cells[c + 4] * wc + cells[d + 4] * wd
        if cover <= 0:
            continue
        taken = min(cover, rest)
        weight = taken / max(cover, _NONE)
        for k in range(4):
            made[4 * (at + x) + k] += (cells[a + k] * wa + cells[b + k] * wb + cells[c + k] * wc + cells[d + k] * wd) * weight
        left[at + x] = rest - taken
