"""EMULSION: log10 layer exposure to density, through the characteristic curve and the interimage effect.

    D0 = C(x)           D = Cb(x -+ K D0)           see `film.negative`

What inhibitors do beyond their pixel has been done by `stages.edges`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.film.curve import Table, mix
from filmlook.film.negative import Development, push_contrast
from filmlook.film.scene_light import MID_GREY
from filmlook.look import Look
from filmlook.stages.darkroom import film_development, film_view
from filmlook.stages.stage import Place
from filmlook.stock import Stock

_LOG_RANGE = (-8.0, 4.0)  # log10 exposure, inhibition included


def pushed(log_exposure: Tensor, push: float) -> Tensor:
    """log10 exposure of stocks without layers as longer development sees it: steeper around mid-grey, as films are."""
    if push == 0:
        return log_exposure
    grey = math.log10(MID_GREY)
    return grey + push_contrast(push) * (log_exposure - grey)


class Emulsion:
    """One film's development: log10 layer exposure to density."""

    name = "density"
    margin = 0

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        if stock.film is None:
            raise ValueError(f"{stock.name} has no layers to develop")
        added = film_view(stock, look)[1] + look.rating * math.log10(2)
        self.added = added.float().view(-1, 1, 1).to(device) if added.any() else None
        """log10 exposure that each layer gets beside the picture's: the one thing in which the print has a say."""
        self.curve, self.corrected = _tables(film_development(stock, look), device)
        self.coupling = film_development(stock, look).coupling * (1 if stock.kind == "negative" else -1)

    def __call__(self, log_exposure: Tensor, place: Place | None = None) -> Tensor:
        """log10 layer exposure `B,L,H,W` to density `B,L,H,W`; the look's rating and its print's are added."""
        if self.added is not None:
            log_exposure = log_exposure + self.added
        return self.corrected(log_exposure - mix(self.coupling, self.curve(log_exposure)))


@lru_cache(maxsize=8)
def _tables(development: Development, device: torch.device) -> tuple[Table, Table]:
    """C, log10 exposure to D0, and Cb, log10 exposure less (in slides: and) what D0 inhibits to D.

    Slides are inhibited by the density that they lack, Dmax - D0: what K Dmax takes away is in the table.
    """
    layers = development.film.layers
    most = development.released(torch.zeros(layers, dtype=torch.float64)) @ development.coupling.T

    def second(corrected: Tensor) -> Tensor:
        return development.second(corrected - most)

    return Table(development.first, *_LOG_RANGE, layers, device), Table(second, *_LOG_RANGE, layers, device)


def emulsion(log_exposure: Tensor, stock: Stock, look: Look | None = None) -> Tensor:
    """log10 layer exposure `B,L,H,W` to density `B,L,H,W` of a model stock as the look exposes and develops it."""
    return Emulsion(stock, look or Look(stock=stock.name), 1.0, log_exposure.device)(log_exposure)


GENERIC_GAMMA, GENERIC_RANGE = 0.57, 2.2


def generic_density(log_exposure: Tensor) -> Tensor:
    """Net density of a generic ISO 200 negative, mid-grey at .75, for stocks without layers of their own."""
    straight = GENERIC_GAMMA * (log_exposure - math.log10(MID_GREY)) + 0.75
    bend = 0.12  # softness of toe and shoulder, in density
    toe = bend * torch.nn.functional.softplus(straight / bend)
    return GENERIC_RANGE - bend * torch.nn.functional.softplus((GENERIC_RANGE - toe) / bend)
