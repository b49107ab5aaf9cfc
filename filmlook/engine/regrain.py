"""Grain alone, for a picture whose colour is film's already: one that was developed, and then went through a sampler.

Each pixel's scene is found by running the look's tones backwards; the film is exposed to that scene twice, with grain and
without, and what differs is added to the picture. So grain is as strong as where the look itself gives this tone. What
the picture still has of its own is measured where it is flattest, and only what it lacks is added.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from filmlook.engine.colour_only import IN_SPACE, colour_of
from filmlook.engine.develop import first_seed, run_plans
from filmlook.engine.metering import Shot
from filmlook.engine.pixels import Pixels
from filmlook.engine.plan import Wide, development
from filmlook.film.colour_map import Each
from filmlook.film.scene_light import scene_light
from filmlook.look import Look
from filmlook.presets import AnyLook, load_look
from filmlook.stages.grain import noise_key
from filmlook.stock import Stock

_STEPS = 1024  # of the tables of tones
_SQUARE_PX = 16  # of the squares whose detail is measured
_FLATTEST = 0.1  # share of the squares that are taken for flat
_MOST_SAMPLED = 4  # blocks that are measured
_LEAST_DETAIL = 1e-8  # in code squared: a tone that would get no grain tells nothing


class _Scene(Pixels):
    """The scene that a developed picture shows: its codes through the look's tones, backwards."""

    scene_linear = False

    def __init__(self, pixels: Pixels, tones: Tensor) -> None:
        self._pixels, self._tones = pixels, tones

    def code(self, y: int, x: int, height: int, width: int) -> Tensor:
        at = self._pixels.code(y, x, height, width) * (_STEPS - 1)
        low = at.to(torch.int64).clamp_(0, _STEPS - 2)
        first, last = (torch.stack([t[i] for t, i in zip(self._tones, low + n, strict=True)]) for n in (0, 1))
        return torch.lerp(first, last, at - low)

    def light(self, y: int, x: int, height: int, width: int) -> Tensor:
        return scene_light(self.code(y, x, height, width))

    def thumbnail(self, height: int, width: int, each: Each) -> Tensor:
        return self._pixels.thumbnail(height, width, each)


class _Regraining:
    """As `Development`: what adds a look's grain to pictures of one size."""

    def __init__(self, stock: Stock, look: Look, height: int, width: int, device: torch.device) -> None:
        self._grained = development(stock, look, height, width, device)
        self._plain = development(stock, dataclasses.replace(look, grain=0), height, width, device)
        self._tones = _scene_tones(look).to(device)
        self.lattice = self._plain.lattice

    def shot(self, pixels: Pixels, gain: Tensor, lock: None) -> Shot:
        return dataclasses.replace(self._plain.shot(_Scene(pixels, self._tones), gain, lock), pixels=pixels)

    def run(self, shot: Shot, seed: int, frame: int, in_flight: int) -> Iterator[int]:
        scene, key = dataclasses.replace(shot, pixels=_Scene(shot.pixels, self._tones)), noise_key(seed, frame)
        corners = self.lattice.corners()

        def grain(corner: tuple[int, int]) -> Tensor:
            with torch.inference_mode():
                grained, plain = (d.developed(scene, [corner], Wide(), key)[0] for d in (self._grained, self._plain))
                return grained.sub_(plain)

        def own(corner: tuple[int, int]) -> Tensor:
            """How much of its grain each part of a block has, of what would be added."""
            size = [min(n, m - c) for n, m, c in zip(self.lattice.block, self.lattice.size, corner, strict=True)]
            added = _detail(grain(corner)[:, : size[0], : size[1]])
            return _detail(shot.pixels.code(*corner, *size)) / added.clamp_min(_LEAST_DETAIL)

        sample = corners[:: -(-len(corners) // _MOST_SAMPLED)]
        shares = torch.cat([share.flatten() for share in self._plain.each(own, sample, in_flight)])
        missing = math.sqrt(max(0.0, 1 - float(shares.quantile(_FLATTEST)))) if len(shares) else 1.0

        def work(corner: tuple[int, int]) -> int:
            with torch.inference_mode():
                code = shot.pixels.code(*corner, *self.lattice.block).add_(grain(corner), alpha=missing).clamp_(0, 1)
                shot.pixels.write(*corner, code, self._plain.look.strength, frame)
            return 1

        yield from self._plain.each(work, corners, in_flight)


def _detail(code: Tensor) -> Tensor:
    """Mean square of the finest detail in squares of `_SQUARE_PX` of code `(3, h, w)`, `(h', w')`. Plain slopes have none
    (Immerkaer 1996)."""
    grey = code.mean(0)
    for axis in (0, 1):
        count = grey.shape[axis] - 2
        if count < 1:
            return code.new_zeros((0,))
        grey = grey.narrow(axis, 0, count) - 2 * grey.narrow(axis, 1, count) + grey.narrow(axis, 2, count)
    if min(grey.shape) < _SQUARE_PX:
        return code.new_zeros((0,))
    return torch.nn.functional.avg_pool2d(grey.square()[None], _SQUARE_PX)[0]


@lru_cache(maxsize=8)
def _scene_tones(look: Look) -> Tensor:
    """`(3, _STEPS)`: the code of the grey scene that the look shows as each code, per channel."""
    codes = torch.linspace(0, 1, _STEPS, dtype=torch.float32)
    shown = colour_of(look)(codes.expand(1, 3, 1, -1).contiguous())[0, :, 0].cpu().numpy()
    rising = np.maximum.accumulate(shown, 1) + np.arange(_STEPS) * 1e-7  # a flat stretch is left where it begins
    return torch.stack([torch.from_numpy(np.interp(codes.numpy(), r, codes.numpy())).float() for r in rising])


def regrain(
    image: Any,
    look: AnyLook,
    *,
    seed: int | Sequence[int] = 0,
    frame: int = 0,
    tile: int | None = None,
    device: str | torch.device | None = None,
    progress: Callable[[float], None] | None = None,
) -> Any:
    """Adds a look's grain, and nothing else, to a developed picture or a batch of them.

    Arguments, result and errors are those of `develop`.
    """
    look = dataclasses.replace(
        load_look(look, frame, first_seed(seed)), **{k: v for k, v in IN_SPACE.items() if k not in ("grain", "scan_softness")}
    )
    return run_plans(_regraining, image, look, seed, frame, tile, device, None, progress)


@lru_cache(maxsize=4)
def _regraining(stock: Stock, look: Look, height: int, width: int, device: torch.device) -> _Regraining:
    return _Regraining(stock, look, height, width, device)
