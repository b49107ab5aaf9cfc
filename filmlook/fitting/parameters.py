"""A film model as one flat vector without bounds, so that a least-squares step can go anywhere and stay physical."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from filmlook.film.curve import Curve
from filmlook.film.model import FilmModel

# No sigmoid is steeper than this, per log10 exposure or per density: 10 to 90 % takes a stop and more, never a step.
STEEPEST = (12.0, 40.0)
MOST_FLARE = 0.02
# Each layer answers mainly to its own colour.
LEAST_DIAGONAL = 0.6
MOST_ABSORPTION = 0.5


@dataclass(frozen=True)
class Parameters:
    """The order and the transforms of the numbers.

    Attributes:
        layers: 3, or 1 for black and white.
        terms: sigmoids per curve, film and print.
        direction: 1 for a negative, whose curves rise, -1 for a reversal film, whose curves fall.
    """

    layers: int
    terms: tuple[int, int]
    direction: int

    def unpack(self, theta: Tensor) -> FilmModel:
        """The model of a vector; differentiable."""
        rest = theta

        def take(*shape: int) -> Tensor:
            nonlocal rest
            head, rest = rest[: math.prod(shape)], rest[math.prod(shape) :]
            return head.reshape(shape)

        def curve(terms: int, steepest: float) -> Curve:
            return Curve(
                take(self.layers),
                take(self.layers, terms).exp(),
                self.direction * steepest * torch.sigmoid(take(self.layers, terms)),
                take(self.layers, terms),
            )

        flare = MOST_FLARE * take(3).sigmoid()
        film, print_ = (curve(terms, steepest) for terms, steepest in zip(self.terms, STEEPEST, strict=True))
        if self.layers == 1:
            zero = theta.new_zeros(1, 1)
            weights = take(1, 6)
            return FilmModel(flare, weights + (1 - weights.sum()) / 6, film, zero, zero, print_, zero)
        own = torch.eye(3, dtype=theta.dtype)
        shares = take(3, 3).softmax(-1)
        sensitivity = LEAST_DIAGONAL * own + (1 - LEAST_DIAGONAL) * shares
        inhibition = take(3, 3).exp()
        # The diagonals of A and P would only repeat the scales of the print curve.
        absorption = MOST_ABSORPTION * torch.tanh(take(3, 3)) * (1 - own)
        return FilmModel(flare, sensitivity, film, inhibition, absorption, print_, take(3, 3) * (1 - own))

    def shapes(self) -> Tensor:
        """Which numbers are amplitudes and slopes of curves, `(P,)` bool."""
        mask = [False] * 3
        for terms in self.terms:  # base, amplitude, slope, centre
            mask += [False] * self.layers + [True] * (2 * self.layers * terms) + [False] * (self.layers * terms)
        mask += [False] * (6 if self.layers == 1 else 9 * 4)
        return torch.tensor(mask)

    def couplings(self) -> Tensor:
        """Which numbers couple the layers or add to them: flare, S, K, A and P, `(P,)` bool."""
        curves = sum(self.layers * (1 + 3 * terms) for terms in self.terms)
        return torch.tensor([True] * 3 + [False] * curves + [True] * (6 if self.layers == 1 else 9 * 4))

    def pack(self, model: FilmModel) -> Tensor:
        """The inverse of `unpack`, for models within its bounds."""
        parts = [(model.flare / MOST_FLARE).logit()]
        for curve, steepest in zip((model.film, model.print), STEEPEST, strict=True):
            steep = curve.slope * self.direction / steepest
            parts += [curve.base, curve.amplitude.log(), steep.logit(), curve.centre]
        if self.layers == 1:
            parts.append(model.sensitivity)
        else:
            own = torch.eye(3, dtype=model.flare.dtype)
            parts.append((model.sensitivity - LEAST_DIAGONAL * own).log())
            parts.append(model.inhibition.log())
            parts.append(torch.atanh(model.absorption / MOST_ABSORPTION))
            parts.append(model.scan)
        return torch.cat([part.flatten() for part in parts])
