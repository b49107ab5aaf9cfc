"""Lamps in the dark of a reference, and what light there is in rings around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import max_pool2d

from filmlook.engine.lamp_gate import lamp_gate
from filmlook.film.scene_light import scene_light
from filmlook.film.srgb import decode, encode
from filmlook.matching.reference import Reference

_RINGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)  # px from the lamps
_DARKEST = 0.05  # the quantile of a ring that is believed
_FEWEST, _LEAST_LAMP = 12, 4  # pixels of a ring, and of the lamps
_WINDOW = 512  # px
_GATE, _WHITE, _WHITEST = 0.5, 0.96, 0.9995  # of what is a lamp; code below it, as a share of the code of the whitest
_DARK = 0.015  # display light of the ground, above which nothing can be told


@dataclass(frozen=True)
class Lamps:
    """A part of a reference with lamps in the dark.

    Attributes:
        mask: `(h, w)`, where they are.
        around: pixels of `(h * w)` in each of the rings around them.
        colour: `(3,)`, their code, 1 of its lightest channel.
        rings: `(R, 3)`, display light around them above the ground's.
        ground: code of what is far from them.
        enlarged: how many times longer the whole picture is.
    """

    mask: np.ndarray
    around: list[np.ndarray]
    colour: np.ndarray
    rings: np.ndarray
    ground: float
    enlarged: float


def lamps_of(reference: Reference) -> Lamps | None:
    """The lamps of a reference, in a window that has most of them; None: there are none in the dark."""
    code = reference.code
    peak = code.max(2)
    whitest = max(float(np.quantile(peak[::2, ::2], _WHITEST)), 0.5)
    planes = torch.from_numpy(np.clip(code / whitest, 1e-3, 1)).permute(2, 0, 1).contiguous()
    gate = lamp_gate(scene_light(planes[:, ::4, ::4].clone()), code.shape[:2])
    share = gate(0, 0, *code.shape[:2]) if gate.opens else None
    if share is None:
        return None
    mask = ((planes.amax(0) > _WHITE) & (share[0] > _GATE)).float()
    top, left = _window(mask)
    mask = mask[top : top + _WINDOW, left : left + _WINDOW].contiguous()
    around = _around(mask) if mask.sum() >= _LEAST_LAMP else []
    if not around or min(len(ring) for ring in around) < _FEWEST:
        return None
    part = code[top : top + _WINDOW, left : left + _WINDOW]
    rings, ground = rings_in(part, around)
    if ground > _DARK:
        return None
    at = mask.numpy() > 0
    colour = np.concatenate((part[at], part.reshape(-1, 3)[around[0]])).mean(0)
    grey = float(encode(torch.tensor(max(ground, 0.0))))
    return Lamps(at, around, colour / colour.max(), rings, grey, reference.long_side / max(at.shape))


def _window(mask: torch.Tensor) -> tuple[int, int]:
    """Where a window begins that has many lamps."""
    found = []
    for axis, size in ((1, mask.shape[0]), (0, mask.shape[1])):
        sums = mask.sum(axis).cumsum(0)
        last = max(0, size - _WINDOW)
        starts = torch.arange(0, last + 1)
        within = sums[(starts + _WINDOW - 1).clamp_max(size - 1)] - torch.where(
            starts > 0, sums[(starts - 1).clamp_min(0)], 0.0
        )
        found.append(int(within.argmax()))
    return found[0], found[1]


def _around(mask: torch.Tensor) -> list[np.ndarray]:
    """The pixels of rings around lamps `(h, w)`."""
    within, found = mask > 0, []
    for reach in _RINGS:
        grown = max_pool2d(max_pool2d(mask[None, None], (2 * reach + 1, 1), 1, (reach, 0)), (1, 2 * reach + 1), 1, (0, reach))
        found.append(((grown[0, 0] > 0) & ~within).flatten().nonzero()[:, 0].numpy())
        within = grown[0, 0] > 0
    return found


def rings_in(code: np.ndarray, around: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Display light `(R, 3)` of the darkest in rings, above that of the last, and that one's mean."""
    light = decode(torch.from_numpy(np.ascontiguousarray(code))).numpy().reshape(-1, 3)
    rings = np.stack([np.quantile(light[ring], _DARKEST, axis=0) for ring in around])
    return rings - rings[-1], float(rings[-1].mean())
