"""A network's local part: 3 x 3 pixels of code to a hidden layer, and that to code, a few channels of some pixels at a time,
which stay in registers."""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from filmlook.engine.kernels.numbers import NETWORK_CHANNELS, NETWORK_GROUP, NETWORK_PIXELS
from filmlook.engine.kernels.primitives import apart, get, held, kernel, put

_LANES = 8  # of a vector; where registers are shorter or longer the compiler takes as many as it needs
_VECTORS = NETWORK_PIXELS // _LANES
_ZERO, _ONE = np.float32(0), np.float32(1)


@intrinsic
def _group(typingctx, source, at, stride, plane, numbers, told, slope, out, to):
    """Adds what a group of the hidden layer's channels brings to NETWORK_PIXELS pixels.

    `source[at]` is the first of the 3 x 3 pixels around the first of them; `told` is where the group's numbers begin. `out` has
    NETWORK_PIXELS sums of each channel from `to` on.
    """

    def codegen(context, builder, signature, args):
        lane, long = ir.FloatType(), ir.IntType(64)
        vector = ir.VectorType(lane, _LANES)
        _source, at, stride, plane, _numbers, told, slope, _out, to = args
        data = [context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 4, 7)]

        fused = ir.FunctionType(vector, [vector] * 3)
        fused = cgutils.get_or_insert_function(builder.module, fused, f"llvm.fma.v{_LANES}f32")

        def fma(a, b, c):
            return builder.call(fused, [a, b, c])

        def place(base, first, *steps):
            index = first
            for step in steps:
                index = builder.add(index, step)
            return builder.gep(base, [index], inbounds=True)

        def vectors(base, first):
            return [builder.bitcast(place(base, first, long(_LANES * v)), vector.as_pointer()) for v in range(_VECTORS)]

        def everywhere(scalar):
            one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.IntType(32)(0))
            return builder.shuffle_vector(
                one, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
            )

        def number(i):
            return everywhere(builder.load(place(data[1], told, long(i))))

        def loaded(pointer):
            read = builder.load(pointer)
            read.align = 4
            return read

        bias = 27 * NETWORK_CHANNELS
        sums = [[number(bias + c)] * _VECTORS for c in range(NETWORK_CHANNELS)]
        tap = 0
        for channel in range(3):
            for row in range(3):
                line = builder.add(at, builder.add(builder.mul(plane, long(channel)), builder.mul(stride, long(row))))
                for column in range(3):
                    pixels = [loaded(p) for p in vectors(data[0], builder.add(line, long(column)))]
                    for c in range(NETWORK_CHANNELS):
                        weight = number(tap * NETWORK_CHANNELS + c)
                        sums[c] = [fma(p, weight, s) for p, s in zip(pixels, sums[c], strict=False)]
                    tap += 1
        less = everywhere(slope)
        zero = ir.Constant(vector, [0.0] * _LANES)
        hidden = []
        for of in sums:
            above = [builder.fcmp_ordered(">", s, zero) for s in of]
            hidden.append([builder.select(a, s, builder.fmul(s, less)) for a, s in zip(above, of, strict=False)])
        for channel in range(3):
            places = vectors(data[2], builder.add(to, long(channel * NETWORK_PIXELS)))
            made = [loaded(p) for p in places]
            for c in range(NETWORK_CHANNELS):
                weight = number(bias + NETWORK_CHANNELS + c * 3 + channel)
                made = [fma(h, weight, m) for h, m in zip(hidden[c], made, strict=False)]
            for p, m in zip(places, made, strict=False):
                builder.store(m, p).align = 4
        return context.get_dummy_value()

    i64 = types.int64
    return types.void(source, i64, i64, i64, numbers, i64, types.float32, out, i64), codegen


@kernel
def _row(source, at, stride, plane, numbers, groups, sums, out, to, apart_px, cols, offset):
    """A row of code, from the first of the 3 x 3 pixels around its first."""
    apart()
    for j in range(0, cols, NETWORK_PIXELS):
        for c in range(3):
            for k in range(NETWORK_PIXELS):
                source[sums + c * NETWORK_PIXELS + k] = numbers[1 + c]
        for g in range(groups):
            _group(source, at + j, stride, plane, numbers, 4 + g * NETWORK_GROUP, numbers[0], source, sums)
        count = min(cols - j, NETWORK_PIXELS)
        for c in range(3):
            for k in range(count):
                made = get(source, sums + c * NETWORK_PIXELS + k) + offset[c]
                put(out, to + c * apart_px + j + k, held(made, _ZERO, _ONE))


@kernel
def local(x, at, stride, plane, sums, to, line, apart_px, rows, cols, numbers, offset):
    """`networks.digitalfilm.Parts.local`, an offset added, held to [0, 1].

    Args:
        x: what is read and written, flat. The code, three planes in rows of `stride` from `at` on, has a pixel more on each
            side than the `rows` by `cols` that are written from `to` on, in rows of `line`. NETWORK_PIXELS may be read beyond.
        sums: where there is room for 3 NETWORK_PIXELS sums.
        numbers: the slope below 0, three biases, and the groups (see `numbers.NETWORK_GROUP`).
        offset: what is added to the three channels.
    """
    groups = (len(numbers) - 4) // NETWORK_GROUP
    for i in range(rows):
        _row(x, at + i * stride, stride, plane, numbers, groups, sums, x, to + i * line, apart_px, cols, offset)


@kernel
def black(x, at, stride, plane, rows, cols, y, x_at, height, width):
    """Code beyond the picture becomes 0, as the network's padding is; (y, x_at) is the first pixel there is."""
    for c in range(3):
        for i in range(rows):
            line = at + c * plane + i * stride
            if y + i < 0 or y + i >= height:
                for j in range(cols):
                    x[line + j] = _ZERO
            else:
                for j in range(min(max(0, -x_at), cols)):
                    x[line + j] = _ZERO
                for j in range(max(0, min(cols, width - x_at)), cols):
                    x[line + j] = _ZERO
