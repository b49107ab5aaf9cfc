"""What the kernels are made of: loads and stores that tell the compiler they never meet, and log and exp as polynomials.

numba has no `restrict`: a store into one array might change the table that the next look-up reads, so a loop with both stays
scalar. `get` and `put` say that no load of a loop sees what that loop stores elsewhere. In each kernel that is true: it reads
an element before it overwrites it, or it never reads what it writes. Put together in one function, two kernels would break that
promise; so every kernel calls `apart`, which keeps it a function of its own.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

kernel = njit(nogil=True, error_model="numpy")
"""Compiles a function that holds no lock, and does not look whether a divisor is 0: that would keep its loop scalar."""

_DOMAIN, _SCOPE = "filmlook", "filmlook read"


def _scopes(builder):
    module = builder.module
    scope = module.add_metadata([ir.MetaDataString(module, _SCOPE), module.add_metadata([ir.MetaDataString(module, _DOMAIN)])])
    return module.add_metadata([scope])


def _pointer(context, builder, array_type, array, index_type, index):
    data = context.make_array(array_type)(context, builder, array).data
    if index_type.bitwidth < 64:
        index = builder.sext(index, ir.IntType(64))
    return builder.gep(data, [index], inbounds=True)


@intrinsic
def get(typingctx, array, index):
    """`array[index]` of a flat array, without wrap-around of negative indices."""

    def codegen(context, builder, signature, args):
        loaded = builder.load(_pointer(context, builder, signature.args[0], args[0], signature.args[1], args[1]))
        loaded.set_metadata("alias.scope", _scopes(builder))
        return loaded

    return array.dtype(array, index), codegen


@intrinsic
def put(typingctx, array, index, value):
    """`array[index] = value` of a flat array."""

    def codegen(context, builder, signature, args):
        place = _pointer(context, builder, signature.args[0], args[0], signature.args[1], args[1])
        stored = builder.store(args[2], place)
        stored.set_metadata("noalias", _scopes(builder))
        return context.get_dummy_value()

    return types.void(array, index, array.dtype), codegen


@intrinsic
def apart(typingctx):
    """Keeps the function that calls it from being put into another."""

    def codegen(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def fma(typingctx, a, b, c):
    """a b + c, rounded once, float32."""

    def codegen(context, builder, signature, args):
        return builder.fma(*args)

    return types.float32(types.float32, types.float32, types.float32), codegen


@intrinsic
def as_int(typingctx, x):
    """The bits of a float32 as int32."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), codegen


@intrinsic
def as_float(typingctx, x):
    """The float32 of an int32's bits."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


_ROOT_HALF = np.int32(0x3F3504F3)  # the bits of sqrt(1/2)
_LOG10_2_HIGH, _LOG10_2_LOW = np.float32(0.30102539), np.float32(4.6050390e-6)
_LOG10_E_HIGH, _LOG10_E_LOW = np.float32(0.4340820), np.float32(2.1246590e-4)


@njit(inline="always")
def log10(x):
    """log10 of a float32 above 0, within 2.2e-7 (the polynomial of Cephes' logf)."""
    bits = np.int32(as_int(x) - _ROOT_HALF)
    exponent = np.float32(np.int32(bits >> np.int32(23)))
    f = as_float(np.int32(np.int32(bits & np.int32(0x7FFFFF)) + _ROOT_HALF)) - np.float32(1)
    square = f * f
    p = fma(np.float32(7.0376836292e-2), f, np.float32(-1.1514610310e-1))
    p = fma(p, f, np.float32(1.1676998740e-1))
    p = fma(p, f, np.float32(-1.2420140846e-1))
    p = fma(p, f, np.float32(1.4249322787e-1))
    p = fma(p, f, np.float32(-1.6668057665e-1))
    p = fma(p, f, np.float32(2.0000714765e-1))
    p = fma(p, f, np.float32(-2.4999993993e-1))
    p = fma(p, f, np.float32(3.3333331174e-1))
    beyond = fma(np.float32(-0.5), square, p * f * square)  # ln(1 + f) - f
    low = fma(f, _LOG10_E_LOW, fma(beyond, _LOG10_E_LOW, exponent * _LOG10_2_LOW))
    return fma(exponent, _LOG10_2_HIGH, fma(f, _LOG10_E_HIGH, fma(beyond, _LOG10_E_HIGH, low)))


_ROUNDING = np.float32(12582912)  # 1.5 2^23: added to a float of moderate size, it rounds it to a whole number


@njit(inline="always")
def exp(x):
    """exp of a float32, within 1.3e-7 of it (the polynomial of Cephes' expf); held to what a normal float can be."""
    x = min(max(x, np.float32(-87)), np.float32(88))
    whole = fma(x, np.float32(1.44269504), _ROUNDING) - _ROUNDING
    r = fma(whole, np.float32(-0.693359375), x)
    r = fma(whole, np.float32(2.12194440e-4), r)
    p = fma(np.float32(1.9875691500e-4), r, np.float32(1.3981999507e-3))
    p = fma(p, r, np.float32(8.3334519073e-3))
    p = fma(p, r, np.float32(4.1665795894e-2))
    p = fma(p, r, np.float32(1.6666665459e-1))
    p = fma(p, r, np.float32(5.0000001201e-1))
    p = fma(p, r * r, r) + np.float32(1)
    return p * as_float(np.int32(np.int32(np.int32(whole) + np.int32(127)) << np.int32(23)))


@njit(inline="always")
def lowbias32(x):
    """The integer hash of uint32 (Wellons 2018), as `stages.grain` has it."""
    x = np.uint32(x ^ np.uint32(x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x = np.uint32(x ^ np.uint32(x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x846CA68B))
    return np.uint32(x ^ np.uint32(x >> np.uint32(16)))


def assembly(dispatcher):
    """The machine code of what a kernel was compiled to, in text."""
    return "\n".join(dispatcher.inspect_asm(s) for s in dispatcher.signatures)
