"""trace(): what leaves each stage, for looking at."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from filmlook.engine.develop import first_seed, run_plans
from filmlook.engine.metering import ExposureLock, Shot
from filmlook.engine.pixels import Pixels
from filmlook.engine.plan import Development, development
from filmlook.errors import PictureError
from filmlook.look import Look
from filmlook.presets import AnyLook, load_look
from filmlook.stages.grain import noise_key
from filmlook.stock import Stock

Step = tuple[str, Tensor, float]
"""A stage's name, what leaves it for the whole picture `1,C,H,W`, and the seconds it took."""


class _Traced:
    """A plan that keeps what leaves its stages."""

    def __init__(self, plan: Development) -> None:
        self._plan, self.lattice, self.device = plan, plan.lattice, plan.device
        self._found: dict[str, Tensor] = {}
        self._seconds: dict[str, float] = {}

    def shot(self, pixels: Pixels, gain: Tensor, lock: ExposureLock | None) -> Shot:
        return dataclasses.replace(self._plan.shot(pixels, gain, lock), fused=None)

    def run(self, shot: Shot, seed: int, frame: int, in_flight: int) -> Iterator[int]:
        """One block after another, so that each stage's seconds are its own."""
        key, size = noise_key(seed, frame), self.lattice.size
        since = time.perf_counter()

        def watch(name: str, field: Tensor, corners: Sequence[tuple[int, int]]) -> None:
            nonlocal since
            now = time.perf_counter()
            self._seconds[name] = self._seconds.get(name, 0.0) + now - since
            whole = self._found.setdefault(name, torch.empty((1, field.shape[1], *size)))
            for block, (y, x) in zip(field, corners, strict=True):
                height, width = (min(n, m - c) for n, m, c in zip(block.shape[1:], size, (y, x), strict=True))
                whole[0, :, y : y + height, x : x + width] = block[:, :height, :width]
            since = time.perf_counter()

        wide = self._plan.survey(shot)
        for y, x in self.lattice.corners():
            (code,) = self._plan.developed(shot, [(y, x)], wide, key, watch)
            shot.pixels.write(y, x, code, self._plan.look.strength, frame)
            yield 1

    def steps(self) -> list[Step]:
        return [(name, whole, self._seconds[name]) for name, whole in self._found.items()]


def trace(image: Any, look: AnyLook, **as_develop: Any) -> list[Step]:
    """What leaves each stage while a picture is developed, in the order of the light.

    Stages of a film: "exposure" (layer exposure, after lens and halation), "vignette", "log exposure" (sharpened), "density",
    "grain" (density), "print" (display code). Stocks without layers have no density, but "map" (display code). Stages that the
    look switches off are not there; its strength, by which the result is mixed into the picture, belongs to none. The seconds
    are those of one thread; "exposure" has the whole picture's survey in it.

    Args:
        image: one picture, of any kind that `develop` takes.
        look: a `Look`, a preset's name, or settings by key.
        as_develop: the other arguments of `develop`: seed, frame, scene_linear, tile, device, lock, progress.

    Raises:
        As `develop`; PictureError also for a batch.
    """
    traced: list[_Traced] = []

    def plan(stock: Stock, look: Look, height: int, width: int, device: torch.device) -> _Traced:
        if traced and traced[0].device == device:
            raise PictureError("trace takes one picture, and this is a batch")
        traced.insert(0, _Traced(development(stock, look, height, width, device)))
        return traced[0]

    options = {"seed": 0, "frame": 0, "tile": None, "device": None, "lock": None, "progress": None, **as_develop}
    at_frame = load_look(look, options["frame"], first_seed(options["seed"]))
    run_plans(plan, image, dataclasses.replace(at_frame, strength=1.0), **options)
    return traced[0].steps()
