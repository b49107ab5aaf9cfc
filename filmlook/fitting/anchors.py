"""What holds a fit to film: penalties on the greys it renders, and on the slope and range of the film's density.

Each is a quantity with a range; it costs nothing inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from filmlook.film.curve import Curve
from filmlook.film.ends import LOG_STOP
from filmlook.film.scene_light import MID_GREY, scene_light
from filmlook.fitting.forward import GreyAxis, Numbers, code, rise, slopes
from filmlook.fitting.parameters import Parameters

# Slope of density over log10 exposure from -1 to +1 stop around mid-grey, by kind of film: grain and edge effects act on it.
GAMMA = {"negative": (0.38, 0.9), "reversal": (-2.6, -0.7)}
# Nowhere is the curve steeper than this times the steepest of its start.
STEEPEST_ELSEWHERE = 1.3
# Under a print of its own, density has no scale but the start's: from -2 to +1 stops its slope keeps as closely as this to
# the start's gamma, and goes on nearly straight to display white: the shoulder is the print's, or highlights' grain is wrong.
STRAIGHT, STRAIGHT_ON = (0.7, 1.3), (0.5, 1.5)
# What is not exposed (of a slide: what is fully exposed) is clear, and no film gets denser.
CLEAR_AT = {"negative": -4.0, "reversal": 2.5}  # log10 exposure
CLEAR, DENSEST = 0.01, 4.0
# Second difference of the 256 greys, in codes of [0, 1].
MOST_BEND = 4e-4
_RAMP, _DARK = 256, 12  # greys of the display, and those among them that are dark
_STOPS = (-10.0, 6.0, 193)  # around mid-grey, over which greys are monotone
_EXPOSURES = (-3.5, 2.5, 121)  # log10 exposure over which the curve's slope is held
_STRAIGHT, _ON = (-2.0, 1.0, 25), (1.0, 3.3, 12)  # stops around mid-grey over which it is straight


@dataclass(frozen=True)
class _Anchor:
    """Where the `differences`-th difference along rows of quantities should lie, and what it costs beyond."""

    rows: slice
    differences: int
    low: float
    high: float
    weight: float

    def residuals(self, value: Tensor) -> Tensor:
        """Of quantities `(N, C)`: how far they are outside, weighted; 0 inside."""
        value = value[self.rows].diff(self.differences, 0) if self.differences else value[self.rows]
        return self.weight * ((value - self.high).clamp_min(0) - (self.low - value).clamp_min(0))

    def slopes(self, value: Tensor, jacobian: Tensor) -> tuple[Tensor, Tensor]:
        """The residuals that are not 0, `(R,)`, and their Jacobian `(R, P)`."""
        residuals = self.residuals(value)
        jacobian = jacobian[self.rows].diff(self.differences, 0) if self.differences else jacobian[self.rows]
        out = residuals != 0
        return residuals[out], self.weight * jacobian[out]


@dataclass(frozen=True)
class _Group:
    """Anchors of one quantity: at how many places it is looked at, and how."""

    count: int
    see: Callable[[GreyAxis, Numbers], Tensor]
    anchors: tuple[_Anchor, ...]


class Anchors:
    """The penalties of one fit."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        whole, kind = slice(None), parameters.film.kind
        ramp = scene_light(torch.linspace(0, 1, _RAMP, dtype=torch.float64))
        light = torch.cat((ramp, MID_GREY * 2 ** torch.linspace(*_STOPS, dtype=torch.float64)))[:, None].expand(-1, 3)
        exposure = torch.linspace(*_EXPOSURES, dtype=torch.float64)[:, None].expand(-1, parameters.layers)
        steepest = STEEPEST_ELSEWHERE * rise(parameters.film.curve, exposure).abs().amax(0)
        grey = math.log10(MID_GREY) + parameters.film.grey_offsets()[None]
        straight = grey + LOG_STOP * torch.cat([torch.linspace(*s, dtype=torch.float64) for s in (_STRAIGHT, _ON)])[:, None]

        def gamma_of(curve: Curve) -> Tensor:
            return (curve(grey + LOG_STOP) - curve(grey - LOG_STOP)) / (2 * LOG_STOP)

        own_gamma = gamma_of(parameters.film.curve)

        def greys(axis: GreyAxis, numbers: Numbers) -> Tensor:
            return code(numbers, axis, light)

        def gamma(axis: GreyAxis, numbers: Numbers) -> Tensor:
            return gamma_of(numbers.curve)

        def relative(axis: GreyAxis, numbers: Numbers) -> Tensor:
            return rise(numbers.curve, straight) / own_gamma

        def steepness(axis: GreyAxis, numbers: Numbers) -> Tensor:
            return rise(numbers.curve, exposure).abs() / steepest

        def clear(axis: GreyAxis, numbers: Numbers) -> Tensor:
            return numbers.curve(torch.full_like(grey, CLEAR_AT[kind]))

        def densest(axis: GreyAxis, numbers: Numbers) -> Tensor:
            return numbers.curve.amplitude.sum(-1)

        rising = 1e-5, math.inf, 30000.0
        tones = (
            _Anchor(slice(_RAMP, None), 1, *rising),
            _Anchor(slice(_DARK), 1, *rising),
            _Anchor(slice(_RAMP), 0, 0, 1, 3000),
            _Anchor(slice(_RAMP), 2, -MOST_BEND, MOST_BEND, 10000),
        )
        self._groups = [
            _Group(len(light), greys, tones),
            _Group(1, gamma, (_Anchor(whole, 0, *GAMMA[kind], 5000),)),
            _Group(1, clear, (_Anchor(whole, 0, 0, CLEAR, 2000),)),
            _Group(1, densest, (_Anchor(whole, 0, 0, DENSEST, 50),)),
            _Group(len(exposure), steepness, (_Anchor(whole, 0, 0, 1, 200),)),
        ]
        if parameters.way == "own":
            along = _Anchor(slice(_STRAIGHT[2]), 0, *STRAIGHT, 500), _Anchor(slice(_STRAIGHT[2], None), 0, *STRAIGHT_ON, 200)
            self._groups.append(_Group(len(straight), relative, along))

    def loss(self, numbers: Numbers, axis: GreyAxis) -> float:
        """Of one set of numbers."""
        seen = [(group, group.see(axis, numbers)) for group in self._groups]
        return sum(float((anchor.residuals(value) ** 2).sum()) for group, value in seen for anchor in group.anchors)

    def slopes(self, parts: list[Tensor], axis: GreyAxis) -> tuple[Tensor, Tensor]:
        """Residuals that are not 0, `(R,)`, and their Jacobian `(R, P)`."""
        rows = []
        for group in self._groups:
            value, jacobian = slopes(self._parameters.unpack, parts, group.count, partial(group.see, axis))
            rows += [anchor.slopes(value, jacobian) for anchor in group.anchors]
        values, jacobians = zip(*rows, strict=True)
        return torch.cat(values), torch.cat(jacobians)
