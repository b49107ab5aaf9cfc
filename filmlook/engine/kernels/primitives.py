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

from filmlook.engine.kernels import numbers as given

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


_ROOT_HALF = np.int32(given.ROOT_HALF)
_LOG10_2_HIGH, _LOG10_2_LOW = np.float32(given.LOG10_2[0]), np.float32(given.LOG10_2[1])
_LOG10_E_HIGH, _LOG10_E_LOW = np.float32(given.LOG10_E[0]), np.float32(given.LOG10_E[1])
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8 = (np.float32(term) for term in given.LOG_TERMS)


@njit(inline="always")
def log10(x):
    """log10 of a float32 above 0, within 2.2e-7."""
    bits = np.int32(as_int(x) - _ROOT_HALF)
    exponent = np.float32(np.int32(bits >> np.int32(23)))
    f = as_float(np.int32(np.int32(bits & np.int32(0x7FFFFF)) + _ROOT_HALF)) - np.float32(1)
    square = f * f
    p = fma(_L0, f, _L1)
    p = fma(p, f, _L2)
    p = fma(p, f, _L3)
    p = fma(p, f, _L4)
    p = fma(p, f, _L5)
    p = fma(p, f, _L6)
    p = fma(p, f, _L7)
    p = fma(p, f, _L8)
    beyond = fma(np.float32(-0.5), square, p * f * square)  # ln(1 + f) - f
    low = fma(f, _LOG10_E_LOW, fma(beyond, _LOG10_E_LOW, exponent * _LOG10_2_LOW))
    return fma(exponent, _LOG10_2_HIGH, fma(f, _LOG10_E_HIGH, fma(beyond, _LOG10_E_HIGH, low)))


_ROUNDING = np.float32(given.ROUNDING)
_LEAST, _MOST = np.float32(given.EXP_RANGE[0]), np.float32(given.EXP_RANGE[1])
_LOG2_E, _LESS_HIGH, _LESS_LOW = np.float32(given.LOG2_E), np.float32(-given.LN_2[0]), np.float32(-given.LN_2[1])
_E0, _E1, _E2, _E3, _E4, _E5 = (np.float32(term) for term in given.EXP_TERMS)


@njit(inline="always")
def exp(x):
    """exp of a float32, within 1.3e-7 of it; held to what a normal float can be."""
    x = min(max(x, _LEAST), _MOST)
    whole = fma(x, _LOG2_E, _ROUNDING) - _ROUNDING
    r = fma(whole, _LESS_HIGH, x)
    r = fma(whole, _LESS_LOW, r)
    p = fma(_E0, r, _E1)
    p = fma(p, r, _E2)
    p = fma(p, r, _E3)
    p = fma(p, r, _E4)
    p = fma(p, r, _E5)
    p = fma(p, r * r, r) + np.float32(1)
    return p * as_float(np.int32(np.int32(np.int32(whole) + np.int32(127)) << np.int32(23)))


@njit(inline="always")
def held(x, low, high):
    """x, or the bound that it is beyond."""
    x = low if x < low else x
    return high if x > high else x


_FIRST, _SECOND = np.uint32(given.HASH_FIRST), np.uint32(given.HASH_SECOND)


@njit(inline="always")
def lowbias32(x):
    """The integer hash of uint32 (Wellons 2018), as `stages.grain` has it."""
    x = np.uint32(x ^ np.uint32(x >> np.uint32(16)))
    x = np.uint32(x * _FIRST)
    x = np.uint32(x ^ np.uint32(x >> np.uint32(15)))
    x = np.uint32(x * _SECOND)
    return np.uint32(x ^ np.uint32(x >> np.uint32(16)))


def assembly(dispatcher):
    """The machine code of what a kernel was compiled to, in text."""
    return "\n".join(dispatcher.inspect_asm(s) for s in dispatcher.signatures)
