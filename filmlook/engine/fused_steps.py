"""The steps of a print, and of the map of a stock without layers, as kernels take them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from filmlook.engine.colour_map import MOST_LN_LIGHT, Mapped
from filmlook.engine.kernels import numbers as given
from filmlook.files.interpolation import Lut
from filmlook.film.colour_map import Pointwise, unchanged
from filmlook.film.curve import Table
from filmlook.film.negative import push_contrast
from filmlook.film.scene_light import GAMMA, MID_GREY, MID_ODDS, SHOULDER
from filmlook.networks.digitalfilm import Parts
from filmlook.networks.film_network import PreparedNetwork
from filmlook.stages.print import Print
from filmlook.stages.steps import LuminanceGain, Mix, OfOne, Transmittance

_EMPTY = np.empty(0, np.float32)
NO_TABLE = given.Lookup(_EMPTY, np.float32(0), np.float32(0))

_NO_MATRIX, _NO_BIAS = [0.0] * 9, [0.0] * 3
_Step = tuple[int, list[float], list[float], Table | None]


def _mix_step(step: Mix) -> _Step:
    kind = given.MIX_EXP if step.exponential else given.MIX_CLAMPED if step.clamped else given.MIX
    bias = _NO_BIAS if step.bias is None else step.bias.tolist()
    return kind, step.matrix.flatten().tolist(), bias, None


def _transmittance_step(step: Transmittance) -> _Step:
    matrix = torch.diag(torch.full((3,), step.factor, dtype=torch.float64))
    return given.MIX_EXP, matrix.flatten().tolist(), _NO_BIAS, None


def _gain_step(step: LuminanceGain) -> _Step:
    return given.TONE, step.luma.flatten().tolist(), _NO_BIAS, step.table


STEP_KINDS: dict[type, Callable[[Any], _Step]] = {
    Mix: _mix_step,
    Transmittance: _transmittance_step,
    Table: lambda step: (given.TABLE, _NO_MATRIX, _NO_BIAS, step),
    OfOne: lambda step: (given.ONE_TABLE, _NO_MATRIX, _NO_BIAS, step.table),
    LuminanceGain: _gain_step,
}
"""A print's steps by kind: which of the kernel's it is, its matrix and bias, and its table."""


def unfit_map(mapped: Mapped) -> str:
    """Why kernels cannot do what a stock's map does; nothing: they can."""
    prepared = mapped.prepared
    if isinstance(prepared, PreparedNetwork):
        return ""
    function = prepared.function if isinstance(prepared, Pointwise) else prepared
    return "" if function is unchanged or isinstance(function, Lut) else f"a map of {type(function).__name__}"


def map_numbers(mapped: Mapped | None) -> given.Mapped:
    """What kernels are told of a stock without layers; None: it has some."""
    contrast = push_contrast(mapped.push) if mapped and mapped.push else 1.0
    shown = floats([math.log(10), MOST_LN_LIGHT, math.log(MID_GREY), GAMMA, MID_ODDS, SHOULDER])
    is_network = mapped is not None and isinstance(mapped.prepared, PreparedNetwork)
    network = _network(mapped.prepared.parts) if is_network else _EMPTY  # type: ignore[union-attr]
    return given.Mapped(np.float32(math.log10(MID_GREY)), np.float32(contrast), shown, network, floats([0.0] * 3))


def _network(parts: Parts) -> np.ndarray:
    (first, bias), (skip, skip_bias) = parts.of_local
    taps, wide = first.flatten(1).numpy(), given.NETWORK_CHANNELS
    groups = [
        np.concatenate(
            (taps[i : i + wide].T.ravel(), bias.numpy()[i : i + wide], skip.flatten(1).numpy()[:, i : i + wide].T.ravel())
        )
        for i in range(0, len(taps), wide)
    ]
    return np.concatenate(([parts.slope], skip_bias.numpy(), *groups)).astype(np.float32)


def steps_of(mapped: Mapped | None, print_: Print) -> tuple[np.ndarray, np.ndarray, tuple[given.Lookup, ...]]:
    """The steps from a stock's map, if it has one, to display code: kinds and tables' numbers `(N, 2)`, mixes `(N, 12)`, and
    the tables."""
    kinds: list[tuple[int, int]] = []
    mixes: list[list[float]] = []
    tables: list[given.Lookup] = []
    told = [*(_map_steps(mapped) if mapped else ()), *map(_print_step, print_.steps)]
    for kind, mix, table in told:
        kinds.append((kind, min(len(tables), given.PRINT_TABLES - 1)))
        mixes.append(mix)
        if table is not None:
            tables.append(table)
    spare = [NO_TABLE] * (given.PRINT_TABLES - len(tables))
    return np.array(kinds, np.int64).reshape(-1, 2), np.array(mixes, np.float32).reshape(-1, 12), (*tables, *spare)


def _print_step(step: Any) -> tuple[int, list[float], given.Lookup | None]:
    kind, matrix, bias, table = STEP_KINDS[type(step)](step)
    return kind, [*matrix, *bias], None if table is None else lookup(table)


def _map_steps(mapped: Mapped) -> list[tuple[int, list[float], given.Lookup | None]]:
    function = mapped.prepared.function if isinstance(mapped.prepared, Pointwise) else None
    if not isinstance(function, Lut):
        return []
    steps: list[tuple[int, list[float], given.Lookup | None]] = []
    for lut in (function.shaper, function):
        if lut is not None:
            kind = given.CURVES if lut.table.ndim == 2 else given.CUBE
            last = float(len(lut.table) - 1)
            mix = [*lut.domain_min, *(last / (b - a) for a, b in zip(lut.domain_min, lut.domain_max, strict=True)), last]
            steps.append((kind, [*mix, *[0.0] * 5], NO_TABLE._replace(values=lut.table.contiguous().numpy().reshape(-1))))
    return [*steps, (given.HELD, [0.0] * 12, None)]


def lookup(table: Table) -> given.Lookup:
    return given.Lookup(table.knots.numpy(), np.float32(float(table.shift)), np.float32(table.scale))


def floats(numbers: Sequence[float]) -> np.ndarray:
    return np.array(numbers, np.float32)
