"""What is decided once for a whole picture before any part of it is developed: the light's gain, and a network's offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from filmlook.engine.fused_cpu import Fused
from filmlook.engine.fused_gpu import FusedGpu
from filmlook.engine.pixels import Pixels
from filmlook.film.filters import camera_gain
from filmlook.look import Look
from filmlook.networks.minilab import MINILAB_PX, corrections
from filmlook.stock import Stock

_EMPTY = 0.01  # mean code of a picture in which there is nothing to judge by; also of a white one, from 1


@dataclass(frozen=True)
class Shot:
    """One picture as it is taken.

    Attributes:
        pixels: the picture, and where its developed copy goes.
        gain: `(3,)` float64, multiplies scene light: exposure, filter and light balance of the look, and the lab's correction.
        offset: `(3, 1, 1)`, what a network adds to the whole picture; None for other stocks.
        fused: what develops it in compiled kernels; None: PyTorch does.
    """

    pixels: Pixels
    gain: Tensor
    offset: Tensor | None = None
    fused: Fused | FusedGpu | None = None


@dataclass(frozen=True)
class ExposureLock:
    """Holds what the first picture decided for all that come after it, so that a film's frames do not flicker.

    Give the same lock to every call of `develop`. Pictures developed with another look decide anew.
    """

    gains: dict[Look, Tensor] = field(default_factory=dict)
    offsets: dict[Look, Tensor | None] = field(default_factory=dict)


Lock = ExposureLock
"""Its name up to version 0.1."""


def light_gain(look: Look, stock: Stock, pictures: Sequence[Pixels], lock: ExposureLock | None) -> Tensor:
    """The gain of scene light, `(3,)` float64, of all pictures of a batch: an operator prints a series alike."""
    if lock and look in lock.gains:
        return lock.gains[look]
    stops = torch.full((3,), look.exposure, dtype=torch.float64)
    if look.filter != "none" or look.light_balance:
        stops += torch.log2(camera_gain(stock.film, look.filter, look.light_balance))
    if look.lab:
        samples = torch.stack([p.sample(MINILAB_PX).cpu() for p in pictures])
        mean = samples.mean((1, 2, 3))
        telling = samples[(mean > _EMPTY) & (mean < 1 - _EMPTY)]
        if not len(telling):
            return 2**stops  # and a film that fades in waits for a frame that shows something
        stops += look.lab * corrections(telling).double().mean(0)
    gain = 2**stops
    return lock.gains.setdefault(look, gain) if lock else gain
