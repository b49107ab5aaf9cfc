"""LENS: the diffusion filter in front of it, and its vignette. Scene light to scene light."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from filmlook.look import Look
from filmlook.stages.psf import exponential, spread
from filmlook.stages.stage import Place
from filmlook.stock import Stock


@dataclass(frozen=True)
class DiffusionFilter:
    """A family of filters: core, halo and bloom radii in micrometres on film, the bloom's exponent, weights and gain."""

    core_um: float
    halo_um: float
    bloom_um: float
    alpha: float
    weights: tuple[float, float, float]
    gain: float


# Public implementations agree on these; no maker publishes point spread functions.
FILTERS = {
    "glimmerglass": DiffusionFilter(10, 50, 260, 3.2, (0.60, 0.30, 0.10), 0.65),
    "black-pro-mist": DiffusionFilter(16, 95, 380, 3.5, (0.40, 0.47, 0.13), 0.75),
    "pro-mist": DiffusionFilter(14, 150, 650, 2.9, (0.28, 0.42, 0.30), 1.05),
    "cinebloom": DiffusionFilter(20, 200, 1000, 2.5, (0.22, 0.30, 0.48), 1.00),
}

_GRADES = ((1 / 8, 0.10), (1 / 4, 0.20), (1 / 2, 0.35), (1.0, 0.55), (2.0, 0.75))  # grade: scattered share of the light
_MOST_SCATTERED = 0.99
_VEILED, _VEIL = 0.6, ((15.0, 0.45), (45.0, 0.35), (140.0, 0.2))  # of light, and lengths in micrometres with their shares


def scattered_share(family: str, grade: float) -> float:
    """The share p of the light that a filter scatters: 0 at grade 0, log-interpolated between the grades sold."""
    gain = FILTERS[family].gain
    if grade <= _GRADES[0][0]:
        return _GRADES[0][1] * gain * grade / _GRADES[0][0]
    for (g0, p0), (g1, p1) in itertools.pairwise(_GRADES):
        if grade <= g1:
            return min(_MOST_SCATTERED, gain * (p0 + (p1 - p0) * math.log(grade / g0) / math.log(g1 / g0)))
    return min(_MOST_SCATTERED, gain * _GRADES[-1][1])


def diffusion_transfer(frequency: Tensor, family: str, grade: float) -> Tensor:
    """Transfer function `(1, h, w)` of a filter: (1 - p) + p K, K a sum of exponentials in three groups of five."""
    f = FILTERS[family]
    steps = [2.0**k for k in (-2, -1, 0, 1, 2)]
    kernel = torch.zeros_like(frequency)
    groups = ((f.core_um, f.weights[0], 0.0), (f.halo_um, f.weights[1], 0.0), (f.bloom_um, f.weights[2], 2 - f.alpha))
    for scale_um, weight, exponent in groups:  # weights ~ l^(2 - alpha) give the bloom a tail r^-alpha
        shares = [step**exponent for step in steps]
        for step, share in zip(steps, shares, strict=True):
            kernel += weight * share / sum(shares) * exponential(frequency, scale_um * step)
    p = scattered_share(family, grade)
    return (1 - p + p * kernel).unsqueeze(0)


def diffusion(light: Tensor, family: str, grade: float, *, pitch_um: float) -> Tensor:
    """Scene light `B,C,H,W` through a diffusion filter; light is spread, none is lost."""
    if grade == 0:
        return light
    return spread(light, lambda f: diffusion_transfer(f, family, grade), pitch_um)


def vignette_factor(y: Tensor, x: Tensor, size: tuple[int, int], amount: float) -> Tensor:
    """Share of the light that reaches pixel centres (y, x) of a picture of `size` (height, width).

    Natural vignetting, cos^4 of the field angle, the angle such that the corner loses `2 * amount` stops.
    """
    height, width = size
    radius2 = ((y - height / 2) ** 2 + (x - width / 2) ** 2) / ((height / 2) ** 2 + (width / 2) ** 2)
    return (1 + (2**amount - 1) * radius2) ** -2


def spherical_transfer(frequency: Tensor, amount: float) -> Tensor:
    """Transfer function of a lens whose rim is not in focus with its middle: a sharp core in a veil of several widths, since
    the rim's rings are as many. At 1 the veil has 60 % of the light, as of an old f/1.4 wide open."""
    veil = torch.stack([share * exponential(frequency, length_um) for length_um, share in _VEIL]).sum(0)
    return 1 - _VEILED * amount * (1 - veil)


def shaped_factor(y: Tensor, x: Tensor, size: tuple[int, int], look: Look) -> Tensor:
    """`vignette_factor` around another middle, or of another shape: r to the power of 2 * 4^shape instead of 2."""
    height, width = size
    down, across = y - height / 2 * (1 + look.vignette_y), x - width / 2 * (1 + look.vignette_x)
    radius2 = (down**2 + across**2) / ((height / 2) ** 2 + (width / 2) ** 2)
    return (1 + (2**look.vignette - 1) * radius2 ** (4**look.vignette_shape)) ** -2


class Vignette:
    """Light lost towards the corners."""

    name = "vignette"
    margin = 0

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        self.amount = look.vignette

    def __call__(self, light: Tensor, place: Place) -> Tensor:
        """Light `B,C,H,W`, scene light or layer exposure, as it falls on the film."""
        return light * vignette_factor(*place.pixels(light), place.size, self.amount)


class ShapedVignette(Vignette):
    """The same around another middle, or of another shape."""

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        super().__init__(stock, look, pitch_um, device)
        self._look = look

    def __call__(self, light: Tensor, place: Place) -> Tensor:
        return light * shaped_factor(*place.pixels(light), place.size, self._look)


def vignette_of(stock: Stock, look: Look, pitch_um: float, device: torch.device) -> Vignette:
    """A look's vignette; the plain one is known to all engines."""
    is_plain = not (look.vignette_x or look.vignette_y or look.vignette_shape)
    return (Vignette if is_plain else ShapedVignette)(stock, look, pitch_um, device)


def vignette(light: Tensor, amount: float) -> Tensor:
    """Scene light `B,C,H,W` with light lost towards the corners; `amount` 0 to 1, two stops at 1."""
    place = Place.whole(light)
    return light * vignette_factor(*place.pixels(light), place.size, amount)
