"""Treatments that are no film's: grades, filters and cross processing by chance, of which matching must know too, for not every
reference was made by a film that comes with Film Look."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from filmlook.matching.oklab import TO_CONES, TO_LAB, oklab

MONOCHROME = 0.06  # share of treatments that leave no colours but a tone's
HUES = 6  # between which what is done to a hue is smooth


def random_treatment(random: np.random.Generator) -> Callable[[Tensor], Tensor]:
    """A function of sRGB code `(..., 3)` in [0, 1] to such code."""

    def normal(deviation: float, *shape: int) -> Tensor:
        return torch.from_numpy(np.asarray(random.normal(0, deviation, shape), np.float32))

    def some(probability: float, deviation: float, *shape: int) -> Tensor:
        return normal(deviation, *shape) if random.random() < probability else torch.zeros(shape)

    mixing = torch.eye(3) + some(0.4, 0.07, 3, 3)
    mixing = mixing / mixing.sum(1, keepdim=True)
    gamma = 2 ** (some(0.7, 0.22) + some(0.5, 0.12, 3))
    bend = some(0.7, 0.35) + some(0.4, 0.2, 3)
    black = (some(0.5, 0.07).abs() + some(0.35, 0.06, 3)).clamp(-0.1, 0.3)
    white = 1 - (some(0.4, 0.06).abs() + some(0.35, 0.05, 3)).clamp(-0.1, 0.3)
    saturation = 0.0 if random.random() < MONOCHROME else float(2 ** some(0.8, 0.35))
    turned, purer, lighter = some(0.5, 0.15, HUES), some(0.5, 0.25, HUES), some(0.3, 0.05, HUES)
    tints = [some(0.45, 0.02, 2) for _ in range(2)]  # of shadows and of highlights, OKLab's a and b

    def treated(code: Tensor) -> Tensor:
        x = (code.float() @ mixing.T).clamp(0, 1) ** gamma
        x = x + bend * 4 * x * (1 - x) * (x - 0.5)
        x = (black + (white - black) * x).clamp(0, 1)
        light, a, b = oklab(x).unbind(-1)
        hue, chroma = torch.atan2(b, a), torch.hypot(a, b)
        light = light + _of_hue(hue, lighter) * (chroma / 0.1).clamp(0, 1)
        chroma, hue = chroma * saturation * 2 ** _of_hue(hue, purer), hue + _of_hue(hue, turned)
        a, b = chroma * torch.cos(hue), chroma * torch.sin(hue)
        for tint, share in zip(tints, (1 - light, light), strict=True):
            a, b = a + tint[0] * share, b + tint[1] * share
        return from_oklab(torch.stack((light, a, b), -1))

    return treated


def _of_hue(hue: Tensor, values: Tensor) -> Tensor:
    """Values at even hues, smoothly between them."""
    at = hue[..., None] * (HUES / (2 * math.pi)) - torch.arange(HUES)
    off = (at - HUES * torch.round(at / HUES)).abs().clamp_max(1)
    return (values * (0.5 + 0.5 * torch.cos(math.pi * off))).sum(-1)


def from_oklab(lab: Tensor) -> Tensor:
    """sRGB code of OKLab, clipped."""
    to_cones, to_lab = torch.tensor(TO_CONES), torch.tensor(TO_LAB)
    cones = (lab @ torch.linalg.inv(to_lab).T) ** 3
    light = (cones @ torch.linalg.inv(to_cones).T).clamp(0, 1)
    return torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light.clamp_min(1e-8) ** (1 / 2.4) - 0.055)
