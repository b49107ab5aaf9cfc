"""HALATION: light scatters in the emulsion, crosses it, is reflected at the base and exposes the layers from behind.

Layer exposure to layer exposure; energy is conserved:

    E1 = w_c Gauss(sigma_c) E + w_t Exp(l_t) E                            scatter in the emulsion
    E2 = (E1 + A sum_k w_k Gauss(sigma sqrt k) E1) / (1 + A)              reflection, k = 1..3, w_k ~ .5^(k-1)

Red lies nearest the base, so its gain A is the largest: halos are red. (Widening the radius alone would turn them cyan.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from filmlook.stages.psf import exponential, gaussian, spread
from filmlook.stock import Stock

_CORE_UM = (2.2, 2.0, 1.6)  # sigma of the scatter's core, red, green, blue layer
_TAIL_UM = (9.3, 9.7, 9.1)  # length of its exponential tail
_TAIL_SHARE = (0.78, 0.65, 0.67)
# Without antihalation green, farther from the base behind two more layers' dye, gets a ninth of red: halos of white lamps
# are red to red-orange (hue 25 to 45 degrees).
_GAIN = {"strong": (0.015, 0.005, 0.0), "weak": (0.08, 0.02, 0.0), "none": (0.30, 0.034, 0.003)}
_REFLECTED_UM = {"still": 65.0, "cine": 50.0}  # sigma of the reflection: cine base is thinner
_BOUNCES = (4 / 7, 2 / 7, 1 / 7)


def scatter_transfer(frequency: Tensor, layers: int, share: float = 1.0) -> Tensor:
    """Transfer functions `(layers, h, w)` of `share` of the light scattered in the emulsion."""
    rows = []
    for core_um, tail_um, tail in list(zip(_CORE_UM, _TAIL_UM, _TAIL_SHARE, strict=True))[:layers]:
        scattered = (1 - tail) * gaussian(frequency, core_um) + tail * exponential(frequency, tail_um)
        rows.append(1 - share + share * scattered)
    return torch.stack(rows)


def reflection_transfer(frequency: Tensor, stock: Stock, amount: float = 1.0, size: float = 1.0) -> Tensor:
    """Transfer functions `(L, h, w)` of the reflection alone. Black and white film's one layer lies on the base."""
    sigma_um = (_REFLECTED_UM[stock.base]) * size
    bounces = torch.zeros_like(frequency)
    for k, weight in enumerate(_BOUNCES, 1):
        bounces = bounces + weight * gaussian(frequency, sigma_um * math.sqrt(k))
    gains = [full * amount for full in _GAIN[stock.antihalation][: stock.layers]]
    return torch.stack([(1 + gain * bounces) / (1 + gain) for gain in gains])


def halation_transfer(frequency: Tensor, stock: Stock, amount: float = 1.0, size: float = 1.0) -> Tensor:
    """Transfer functions `(L, h, w)` of scatter and reflection."""
    scattered = scatter_transfer(frequency, stock.layers, min(amount, 1.0))
    return scattered * reflection_transfer(frequency, stock, amount, size)


def halation(exposure: Tensor, stock: Stock, *, pitch_um: float, amount: float = 1.0, size: float = 1.0) -> Tensor:
    """Layer exposure `B,L,H,W` with halation; `amount` 1 is the stock's own, `size` multiplies the reflection's reach."""
    if amount == 0:
        return exposure
    return spread(exposure, lambda f: halation_transfer(f, stock, amount, size), pitch_um)
