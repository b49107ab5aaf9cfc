"""What is decided once for a whole picture before any part of it is developed: the light's gain, and a network's offset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from filmlook.engine.fused_cpu import Fused
from filmlook.engine.fused_gpu import FusedGpu
from filmlook.engine.pixels import Pixels, unpack
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
        moment: seed and number of the frame.
        steady: it is one of several that are judged alike, so lamps are looked for more closely.
    """

    pixels: Pixels
    gain: Tensor
    offset: Tensor | None = None
    fused: Fused | FusedGpu | None = None
    moment: tuple[int, int] = (0, 0)
    steady: bool = False


class ExposureLock:
    """Holds what the first picture decided for all that come after it, so that a film's frames do not flicker.

    Give the same lock to every call of `develop`. Where the look moves the first picture decides for each look of it: what it
    would be given with that look. So a frame comes out the same whether or not those before it were developed, as long as the
    first was, or the lock is made `of` it.
    """

    def __init__(self) -> None:
        self.corrections: Tensor | None = None
        """The lab's, `(3,)` float64, of the first picture (or batch) that shows something."""
        self._first: tuple[Tensor, bool] | None = None
        self._offset: tuple[Look, Tensor] | None = None

    @classmethod
    def of(cls, image: Any, *, scene_linear: bool = False) -> ExposureLock:
        """The lock that a film, or a scene of it, has once its first frame is developed.

        Args:
            image: the first frame, as `develop` takes it. scene_linear: as of `develop`.

        Raises:
            PictureError: as `develop`.
        """
        sources, _, is_light = unpack(image, scene_linear)
        pictures = [Pixels(*pair, pair[0].device, is_light) for pair in sources]
        lock = cls()
        lock.corrections = _lab_corrections(pictures)
        lock._keep(pictures[0])
        return lock

    def offset(self, look: Look, pixels: Pixels, survey: Callable[[Pixels], Tensor | None]) -> Tensor | None:
        """What a network adds to the whole picture, as the first decides; `pixels` is the first, if none came before."""
        if self._offset and self._offset[0] == look:
            return self._offset[1]
        found = survey(pixels if self._first is None else pixels.like(*self._first))
        if found is not None:
            if self._first is None:
                self._keep(pixels)
            self._offset = look, found
        return found

    def _keep(self, pixels: Pixels) -> None:
        self._first = pixels.source.clone(), pixels.scene_linear  # what it was read into may hold the next frame by then


Lock = ExposureLock
"""Its name up to version 0.1."""


def light_gain(look: Look, stock: Stock, pictures: Sequence[Pixels], lock: ExposureLock | None) -> Tensor:
    """The gain of scene light, `(3,)` float64, of all pictures of a batch: an operator prints a series alike."""
    stops = torch.full((3,), look.exposure, dtype=torch.float64)
    if look.filter != "none" or look.light_balance:
        stops += torch.log2(camera_gain(stock.film, look.filter, look.light_balance))
    if look.lab:
        corrected = lock.corrections if lock else None
        if corrected is None:
            corrected = _lab_corrections(pictures)
        if lock:
            lock.corrections = corrected  # a film that fades in waits for a frame that shows something
        if corrected is not None:
            stops += look.lab * corrected
    return 2**stops


def _lab_corrections(pictures: Sequence[Pixels]) -> Tensor | None:
    """The lab's corrections of pictures that are printed alike, `(3,)` float64; None: they show nothing."""
    samples = torch.stack([p.sample(MINILAB_PX).cpu() for p in pictures])
    mean = samples.mean((1, 2, 3))
    telling = samples[(mean > _EMPTY) & (mean < 1 - _EMPTY)]
    return corrections(telling).double().mean(0) if len(telling) else None
