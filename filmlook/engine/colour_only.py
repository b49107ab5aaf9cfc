"""A look's colour without anything in space: for LUTs, fits, and what must be undone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from torch import Tensor

from filmlook.engine.develop import develop
from filmlook.presets import AnyLook, load_look
from filmlook.stock import load_stock

IN_SPACE: dict[str, Any] = {
    "softness": 0,
    "diffusion_grade": 0,
    "vignette": 0,
    "highlights": 0,
    "halation": 0,
    "sharpness": 0,
    "grain": 0,
    "scan_softness": 0,
    "lab": 0,
    **dict.fromkeys(("weave", "breath", "flicker", "dust", "scratches"), 0),
    "aperture": 0,
    "aberration": 0,
    "glow": 0,
    "distortion": 0,
    "flare": 0,
    "streak": 0,
}
"""The settings that act in space, or look at the whole picture, each at none."""


def colour_of(look: AnyLook) -> Callable[[Tensor], Tensor]:
    """The colour of a look alone, without anything in space: from display code `B,3,H,W` to display code."""
    look = dataclasses.replace(load_look(look), **IN_SPACE)
    if not load_stock(look.stock).colour.margin:
        return lambda display: develop(display, look)

    def alone(display: Tensor) -> Tensor:
        # The map reads a pixel's neighbours: each pixel gets its like around it.
        patches = display.repeat_interleave(3, 2).repeat_interleave(3, 3)
        developed: Tensor = develop(patches, look)
        return developed[:, :, 1::3, 1::3].contiguous()

    return alone
