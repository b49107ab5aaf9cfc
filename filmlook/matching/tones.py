"""How a look renders greys, for what is told from one tone's place to another's: its inverse, from code to scene light."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import torch

from filmlook.engine.colour_only import IN_SPACE, colour_of
from filmlook.film.scene_light import scene_light
from filmlook.look import Look

_RAMP = 96


def grey_ramp(look: Look) -> tuple[np.ndarray, np.ndarray]:
    """Codes of greys `(N,)`, and what a look makes of them, the mean of its channels, which rises."""
    return _ramp(dataclasses.replace(look, **IN_SPACE))


@lru_cache(maxsize=8)
def _ramp(look: Look) -> tuple[np.ndarray, np.ndarray]:
    greys = torch.linspace(0.01, 1, _RAMP)
    made = colour_of(look)(greys.expand(1, 3, 1, -1).contiguous())[0, :, 0].mean(0).numpy()
    return greys.numpy(), np.maximum.accumulate(made + np.arange(_RAMP) * 1e-6)


def source_code(code: np.ndarray, look: Look) -> np.ndarray:
    """The grey that a look makes so light."""
    greys, made = grey_ramp(look)
    return np.asarray(np.interp(code, made, greys), np.float32)


def source_stops(code: np.ndarray, look: Look) -> np.ndarray:
    """Scene light in stops of what a look makes so light."""
    return np.asarray(torch.log2(scene_light(torch.from_numpy(source_code(code, look)))).numpy())
