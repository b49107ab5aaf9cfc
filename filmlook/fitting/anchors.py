"""What holds a fit to the film's datasheet: penalties on density, and on the greys it renders.

Free, the model has no scale: density could be anything that the print curve undoes. The anchors fix, per layer, the slope
of density over log exposure to the published gamma and the least density to the published one, and keep greys monotone
and smooth. Each is a quantity with a range; it costs nothing inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from filmlook.film.curve import Curve
from filmlook.film.model import FilmModel
from filmlook.film.scene_light import MID_GREY, scene_light
from filmlook.fitting.parameters import Parameters

STOP = math.log10(2)
MID_LOG = math.log10(MID_GREY)
# log10 exposure that leaves a negative clear, and one that clears a reversal film.
NO_EXPOSURE = -5.0
FULL_EXPOSURE = 2.5
# The slope must hold within 15 % from -2 to 1 stops around mid-grey; the fit keeps a margin.
SLOPE_TOLERANCE = 0.12
# Nowhere is the curve steeper than this times its gamma.
STEEPEST_ELSEWHERE = 1.7
# A negative goes on nearly straight up to display white: its shoulder is the paper's, else grain in highlights is wrong.
STRAIGHT_ON = 0.5
# No film gets denser.
DENSEST = 4.0
# Second difference of the 256 greys, in codes of [0, 1].
MOST_BEND = 4e-4


def slope(model: FilmModel, log_exposure: Tensor) -> Tensor:
    """dD / dlog10 h where all layers are exposed alike: `(...,)` to `(..., L)`."""

    def steepness(curve: Curve, x: Tensor) -> Tensor:
        s = torch.sigmoid(curve.slope * (x[..., None] - curve.centre))
        return (curve.amplitude * curve.slope * s * (1 - s)).sum(-1)

    x = log_exposure[..., None].expand(*log_exposure.shape, model.layers)
    shifted = x - model.film(x) @ model.coupling.T
    return steepness(model.film, shifted) * (1 - steepness(model.film, x) @ model.coupling.T)


@dataclass(frozen=True)
class _Anchor:
    """A quantity along an axis, its `differences`-th difference, and where it should lie."""

    quantity: Callable[[FilmModel, Tensor], Tensor]
    axis: Tensor
    differences: int
    low: float
    high: float
    weight: float

    def excess(self, value: Tensor) -> Tensor:
        return self.weight * ((value - self.high).clamp_min(0) - (self.low - value).clamp_min(0))

    def _amiss(self, model: FilmModel) -> Tensor:
        """How far each difference of the quantity is outside, weighted; 0 inside."""
        value = self.quantity(model, self.axis)
        return self.excess(value.diff(self.differences, 0) if self.differences else value)

    def residuals(self, model: FilmModel) -> Tensor:
        return self._amiss(model).flatten()

    def rows(self, parameters: Parameters, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The residuals that are not 0, `(R,)`, and their Jacobian `(R, P)`.

        Most anchors hold: derivatives, which cost most of a fit, are taken only where one does not.
        """

        def one(theta: Tensor, x: Tensor) -> Tensor:
            return self.quantity(parameters.unpack(theta), x)

        amiss = self._amiss(parameters.unpack(theta))
        rows = amiss != 0
        if not rows.any():
            return amiss[rows], theta.new_zeros(0, len(theta))
        at = torch.zeros(len(self.axis), dtype=torch.bool)
        for first in range(self.differences + 1):
            at[first : first + len(rows)] |= rows.flatten(1).any(1)
        jacobian = theta.new_zeros(len(self.axis), *rows.shape[1:], len(theta))
        jacobian[at] = vmap(jacrev(one), in_dims=(None, 0))(theta, self.axis[at])
        if self.differences:
            jacobian = jacobian.diff(self.differences, 0)
        return amiss[rows], self.weight * jacobian[rows]


@dataclass(frozen=True)
class Anchors:
    """The penalties of one film.

    Args:
        parameters: how a vector becomes a model.
        gamma: `(L,)`, published slope, negative for a reversal film.
        dmin: `(L,)`, published least density.
    """

    parameters: Parameters
    gamma: Tensor
    dmin: Tensor
    terms: tuple[_Anchor, ...] = field(init=False)

    def __post_init__(self) -> None:
        def spaced(low: float, high: float, count: int) -> Tensor:
            return torch.linspace(low, high, count, dtype=torch.float64)

        def relative_slope(model: FilmModel, x: Tensor) -> Tensor:
            return slope(model, x) / self.gamma

        def least_density(model: FilmModel, x: Tensor) -> Tensor:
            return model.density(x[..., None].expand(*x.shape, model.layers)) - self.dmin

        def grey(model: FilmModel, light: Tensor) -> Tensor:
            return model(light[..., None].expand(*light.shape, 3))

        def density(model: FilmModel, x: Tensor) -> Tensor:
            return model.density(x[..., None].expand(*x.shape, model.layers))

        clear, full = (NO_EXPOSURE, FULL_EXPOSURE)[:: self.parameters.direction]
        straight = MID_LOG + STOP * spaced(-2, 1, 25)
        bright = MID_LOG + STOP * spaced(1, 3.3 if self.parameters.direction > 0 else 1, 11)
        ramp = scene_light(spaced(0, 1, 256))
        terms = (
            _Anchor(relative_slope, straight, 0, 1 - SLOPE_TOLERANCE, 1 + SLOPE_TOLERANCE, 500),
            _Anchor(relative_slope, spaced(NO_EXPOSURE, FULL_EXPOSURE, 151), 0, 0, STEEPEST_ELSEWHERE, 500),
            _Anchor(relative_slope, bright, 0, STRAIGHT_ON, STEEPEST_ELSEWHERE, 200),
            _Anchor(least_density, spaced(clear, clear, 1), 0, 0, 0, 200),
            _Anchor(density, spaced(full, full, 1), 0, 0, DENSEST, 50),
            _Anchor(grey, MID_GREY * 2 ** spaced(-10, 6, 193), 1, 1e-5, math.inf, 30000),
            _Anchor(grey, ramp, 0, 0, 1, 3000),
            _Anchor(grey, ramp[:12], 1, 1e-5, math.inf, 30000),
            _Anchor(grey, ramp, 2, -MOST_BEND, MOST_BEND, 10000),
        )
        object.__setattr__(self, "terms", terms)

    def loss(self, model: FilmModel) -> Tensor:
        return torch.stack([(term.residuals(model) ** 2).sum() for term in self.terms]).sum()

    def rows(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Residuals that are not 0, `(R,)`, and their Jacobian `(R, P)`."""
        values, jacobians = zip(*(term.rows(self.parameters, theta) for term in self.terms), strict=True)
        return torch.cat(values), torch.cat(jacobians)
