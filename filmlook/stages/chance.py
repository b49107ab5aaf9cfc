"""Chance over frames: numbers by seed and frame, so that any frame can be made without those before it."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.stages.grain import _MASK, _hash, _signed, noise_key

_LANE = 0x85EBCA77
_ODD = 0x9E3779B1


def uniform(key: int, lane: int, count: int = 1) -> list[float]:
    """`count` numbers in (0, 1) of a key; each lane has its own."""
    index = torch.arange(count, dtype=torch.int32) * _signed(_ODD)
    bits = _hash(_hash(index ^ _signed(key)) + _signed(lane * _LANE))
    return [((int(b) & _MASK) + 0.5) / 2**32 for b in bits]


def normal(seed: int, frame: int, lane: int) -> float:
    """A standard normal number, another one for each frame."""
    a, b = uniform(noise_key(seed, frame), lane, 2)
    return math.sqrt(-2 * math.log(a)) * math.cos(2 * math.pi * b)  # Box and Muller


@lru_cache(maxsize=256)
def _phases(seed: int, lane: int, count: int) -> list[float]:
    return uniform(noise_key(seed, -1), lane, count)


def drift(seed: int, time: Tensor, lane: int, periods: tuple[float, ...]) -> Tensor:
    """Numbers of mean 0 and variance 1 that change slowly: a sum of waves of equal strength and hashed phases.

    Args:
        time: in frames, float64 of any shape.
        periods: of the waves, in frames; no one should be a multiple of another, so that nothing comes back soon.
    """
    phases = _phases(seed, lane, len(periods))
    waves = [torch.sin(2 * math.pi * (time / period + phase)) for period, phase in zip(periods, phases, strict=True)]
    return torch.stack(waves).sum(0) * math.sqrt(2 / len(periods))


def drift_at(seed: int, frame: int, lane: int, periods: tuple[float, ...]) -> float:
    """The number at one frame."""
    return float(drift(seed, torch.tensor(float(frame), dtype=torch.float64), lane, periods))
