"""Greys at the scanner: a film's own greys as a scale to work along, and a share of their tint taken out.

The layers of a film, and of a paper, do not run parallel: greys that are neutral at mid-grey have a tint elsewhere, the
crossover. A scanner is balanced by greys, so it takes back exposure and sets contrast along the film's own scale of them, and
takes out some of the tint that a print's greys have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from filmlook.film.ends import PrintSettings
from filmlook.film.negative import interpolated
from filmlook.film.paper import View
from filmlook.film.srgb import decode, encode

TINT_TAKEN = 1 / 3  # of a print's greys, under the scanner's rule: judged, so that the strongest crossover stays a nuance
_LUMA = (0.2126, 0.7152, 0.0722)
# Of one layer's density, for a step of the layers' mean: where its curve ends a layer would stand still.
_LEAST_STEP, _MOST_STEP = 0.5, 2.0
_MOST_TAKEN = 0.5  # of one dye's light, to take out tint
_APART = 1e-9  # of abscissae that coincide
_LEAST_LIGHT = 1e-30  # through a dye, so that shares of it are numbers: denser than any


def scanners_share(settings: PrintSettings) -> float:
    """How much of the scanner's rule acts: 1 at `white` and `black` 0, none where both ends are the print's own."""
    return 1 - (min(settings.white, 1) + min(settings.black, 1)) / 2


@dataclass(frozen=True)
class GreyScale:
    """The greys of a film as a scale: `layers` `(N, L)` and `mean` `(N,)` of their densities, both rising."""

    layers: Tensor
    mean: Tensor

    @classmethod
    def of(cls, greys: Tensor) -> GreyScale:
        """From the densities `(N, L)` of greys, in order of falling or rising exposure."""
        greys = greys if bool(greys[-1].mean() > greys[0].mean()) else greys.flip(0)
        mean = greys.mean(1)
        rise = mean.diff().clamp_min(_APART)[:, None]
        steps = torch.minimum(torch.maximum(greys.diff(dim=0), _LEAST_STEP * rise), _MOST_STEP * rise)
        middle = len(greys) // 2
        layers = torch.cat((torch.zeros_like(greys[:1]), steps.cumsum(0)))
        mean = torch.cat((mean[:1], mean[0] + rise[:, 0].cumsum(0)))
        return cls(layers - layers[middle] + greys[middle], mean)

    def along(self, density: Tensor) -> Tensor:
        """Density `(..., L)` to where each layer has it on the scale, `(..., L)`; parallel beyond its ends."""
        inside = torch.minimum(torch.maximum(density, self.layers[0]), self.layers[-1])
        return interpolated(inside, self.layers, self.mean[:, None].expand_as(self.layers)) + density - inside

    def back(self, place: Tensor) -> Tensor:
        """The inverse of `along`."""
        inside = place.clamp(float(self.mean[0]), float(self.mean[-1]))
        return interpolated(inside, self.mean[:, None].expand_as(self.layers), self.layers) + place - inside

    def moved(
        self, density: Tensor, exposed: GreyScale, start: Tensor, to: Tensor, contrast: float, further: float = 0.0
    ) -> Tensor:
        """Density `(..., L)` with contrast turned around a grey, and that moved to this scale's `to` `(L,)` and `further`.

        Args:
            exposed: the scale of greys as they were exposed; they come to lie on this one. start: the grey `(L,)` on it.
        """
        return self.back(self.along(to) + further + contrast * (exposed.along(density) - exposed.along(start)))


def calmed(view: View, greys: Tensor, taken: float) -> View:
    """The view of a print, with the share `taken` of its greys' tint taken out by its curve.

    Args:
        greys: `(N, 3)`, l of greys of rising or falling exposure.
    """
    curve = view.curve
    at = greys if bool(greys[-1].mean() > greys[0].mean()) else greys.flip(0)
    at = at.cummax(0).values + _APART * torch.arange(len(at), dtype=torch.float64)[:, None]
    light, dyes = view.linear(at), view.dyes(at).clamp_min(_LEAST_LIGHT)
    code = encode(light)
    neutral = encode(light @ torch.tensor(_LUMA, dtype=torch.float64))[:, None]
    wanted = decode(code + taken * (neutral - code))
    less = dyes - torch.linalg.solve(view.mixing, (wanted - view.bias).T).T  # light of each dye to be taken away
    # In the deepest black there is hardly light left to balance with: what one dye cannot give, none gives.
    share = (_MOST_TAKEN * dyes / less.clamp_min(1e-12)).amin(1, keepdim=True).clamp_max(1)
    correction = -torch.linalg.solve(view.absorption, torch.log10(1 - share * less / dyes).T).T
    return replace(view, curve=lambda l: curve(l) + interpolated(l, at, correction))  # noqa: E741 - its name in the equations
