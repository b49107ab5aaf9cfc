"""EMULSION: layer exposure to density, through the characteristic curve, the interimage and the edge effect.

    D0 = C(log10 h)           D = C(log10 h -+ K D0 + c (D0 - B*D0))

B spreads the inhibitors that development sets free (.94 Gauss(20 um) + .06 Exp(200 um)): where exposure changes faster than
they reach, less is inhibited than in a flat field, and contrast rises. This is film's edge effect. How much follows from c,
per layer, and not from K: K is fitted to colour, where a layer's own inhibition cannot be told from a softer curve.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import torch
from torch import Tensor

from filmlook.film.curve import Table, mix
from filmlook.film.model import FilmModel
from filmlook.film.scene_light import MID_GREY
from filmlook.look import Look
from filmlook.stages.halation import scatter_transfer
from filmlook.stages.psf import (
    COARSE,
    MARGIN_PX,
    Each,
    RadialTable,
    WideSpread,
    convolved,
    exponential,
    gaussian,
    gaussian_kernel,
    spread,
)
from filmlook.stages.stage import Place
from filmlook.stock import Stock

LEAST_EXPOSURE = 1e-5
FILM_RANGE = (MID_GREY * 2**-10, MID_GREY * 2**6)  # a film is fitted, and its greys are monotone, over these exposures
_LOG_RANGE = (-8.0, 4.0)  # log10 exposure, inhibition included

PUSH_SPEED = 0.1  # log10 exposure per stop of push, per log10 unit above the pivot
_PUSH_PIVOT = -3.0  # log10 exposure below which development makes no difference

_EDGE_GAIN = 0.25  # how much higher the contrast of the finest detail is than a flat field's, before scatter
_EDGE_LIMIT = 0.4  # density: inhibitors run short at hard edges, or lamps would wear dark rings
_MOST_SHARPENED = 4.0  # scatter is undone up to this
_MOST_NEAR_PX = 3.0  # sigma up to which inhibitors spread pixel by pixel; wider, the coarse grid can hold them


def pushed(log_exposure: Tensor, push: float) -> Tensor:
    """log10 exposure as longer development sees it: 10 % more contrast and 3/4 of a stop at mid-grey for each stop."""
    if push == 0:
        return log_exposure
    return log_exposure + PUSH_SPEED * push * (log_exposure - _PUSH_PIVOT).clamp_min(0)


NEAR_SHARE, NEAR_UM, _FAR_UM = 0.94, 20.0, 200.0  # of the inhibitors' spread


def far_inhibitor_transfer(frequency: Tensor) -> Tensor:
    """Transfer function `(1, h, w)` of the inhibitors that diffuse far."""
    return ((1 - NEAR_SHARE) * exponential(frequency, _FAR_UM)).unsqueeze(0)


def inhibitor_transfer(frequency: Tensor) -> Tensor:
    """Transfer function `(1, h, w)` of the inhibitors' whole spread."""
    return NEAR_SHARE * gaussian(frequency, NEAR_UM) + far_inhibitor_transfer(frequency)


def film_transfer(frequency: Tensor, stock: Stock, sharpness: float, scatter: float) -> Tensor:
    """Transfer functions `(L, h, w)` on layer exposure that bring the whole film to its published MTF.

    The published response is that of scatter, emulsion and edge effect together, so scatter (the share of it that the
    halation stage applies) and the edge effect for small signals at mid-grey are divided out. Above what the
    datasheet plots the response falls on as it did last.
    """
    wanted, power = _published_response(frequency, stock), sharpness
    if stock.model:
        wanted = _before_development(wanted, 1 - inhibitor_transfer(frequency)[0], stock.model)
        # More than the film's own sharpness is left to the edge effect: density is bounded, but light can go negative.
        power = min(sharpness, 1.0)
    return (wanted / scatter_transfer(frequency, stock.layers, scatter)).clamp(0.01, _MOST_SHARPENED) ** power


def _before_development(response: Tensor, missing: Tensor, model: FilmModel) -> Tensor:
    """The responses `(L, h, w)` of exposure from which development makes those of density, for small signals at mid-grey;
    `missing` `(h, w)` is the share of inhibitors that fine detail does not meet."""
    gamma = _first_gamma(model)
    flat = torch.diag(gamma) - gamma[:, None] * model.coupling * gamma
    edge = torch.diag(_edge_strength(model) * gamma**2)
    system = flat + missing[..., None, None] * edge
    density = response * flat.sum(1)[:, None, None]
    solved: Tensor = torch.linalg.solve(system, density.movedim(0, -1)[..., None])[..., 0].movedim(-1, 0)
    return solved


def _published_response(frequency: Tensor, stock: Stock) -> Tensor:
    """The datasheet's response `(L, h, w)`: a cubic through its logarithms, flat at 0, straight beyond the last.

    Corners in a response ring in the picture, around every lamp.
    """
    cycles = torch.tensor((0.0, *stock.mtf_cycles), dtype=torch.float64)
    widths = cycles.diff()
    i = (torch.bucketize(frequency * 1000, cycles) - 1).clamp(0, len(widths) - 1)
    t = (frequency * 1000 - cycles[i]) / widths[i]
    inside = t.clamp_max(1)
    rows = []
    for published in stock.mtf:
        values = torch.tensor((1.0, *published), dtype=torch.float64).log()
        secants = values.diff() / widths
        slopes = torch.cat((torch.zeros(1).double(), (secants[1:] + secants[:-1]) / 2, secants[-1:]))
        low, high, rise = slopes[i] * widths[i], slopes[i + 1] * widths[i], values[i + 1] - values[i]
        cubic = values[i] + inside * (low + inside * (3 * rise - 2 * low - high + inside * (low + high - 2 * rise)))
        rows.append((cubic + (t - inside) * high).exp())
    return torch.stack(rows)


def _first_gamma(model: FilmModel) -> Tensor:
    """Slope of C at mid-grey, `(L,)`."""
    step = 0.01
    log_grey = torch.log10(model.layer_exposure(torch.full((3,), MID_GREY, dtype=torch.float64)))
    return (model.film(log_grey + step) - model.film(log_grey - step)) / (2 * step)


def _edge_strength(model: FilmModel) -> Tensor:
    """c, `(L,)`: what gives detail at mid-grey that is finer than the inhibitors' reach its gain of contrast."""
    gamma = _first_gamma(model)
    return _EDGE_GAIN * (1 - model.coupling @ gamma) / gamma


class Sharpness:
    """What brings exposure, scattered and developed, to the film's published response."""

    margin = MARGIN_PX

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        self._stock, self._amount, self._scatter = stock, look.sharpness, min(look.halation, 1.0)

    def transfer(self, frequency: Tensor) -> Tensor:
        """Factors `(L, h, w)`."""
        return film_transfer(frequency, self._stock, self._amount, self._scatter)


def sharpness(exposure: Tensor, stock: Stock, *, pitch_um: float, amount: float = 1.0, scatter: float = 1.0) -> Tensor:
    """Layer exposure `B,L,H,W` as sharp as the film; `scatter` is the share of it that halation applied."""
    if amount == 0:
        return exposure
    return spread(exposure, lambda f: film_transfer(f, stock, amount, scatter), pitch_um)


class Emulsion:
    """One film's development: layer exposure to density.

    What inhibitors do from afar comes with the place (`around`), found on the coarse grid by `survey`; near ones are spread
    here, pixel by pixel.
    """

    name = "density"

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        model = stock.model
        if model is None:
            raise ValueError(f"{stock.name} has no layers to develop")
        self._push, self._pitch_um = look.push, pitch_um
        self._flare = model.layer_exposure(torch.zeros(3, dtype=torch.float64)).float().view(-1, 1, 1).to(device)
        self._curve = film_table(stock, device)
        self._coupling = model.coupling
        self._edges = (look.sharpness * _edge_strength(model)).float().view(-1, 1, 1).to(device)
        self.margin, self._near, self._far = 0, [1.0], None
        if look.sharpness:
            sigma_px = NEAR_UM / pitch_um
            near = sigma_px <= _MOST_NEAR_PX
            self._far = _far_inhibitors if near else _all_inhibitors
            if near:
                self._near = gaussian_kernel(sigma_px, math.ceil(3.5 * sigma_px))
                self.margin = -(-(len(self._near) - 1) // COARSE) * COARSE

    @property
    def surveys(self) -> bool:
        """Whether it must know of the whole picture."""
        return self._far is not None

    def survey(self, exposure: Tensor, each: Each = map) -> WideSpread | None:
        """The inhibitors that spread far, of a picture's layer exposure `1,L,h,w` on the coarse grid; None: no edge effect."""
        if self._far is None:
            return None
        return WideSpread(self._first(exposure)[1], self._far(), self._pitch_um, 0.0, each)

    def __call__(self, exposure: Tensor, place: Place) -> Tensor:
        """Layer exposure `B,L,H,W` to density `B,L,h,w`."""
        log_exposure, first = self._first(exposure)
        around = place.around
        if around is not None and len(self._near) > 1:
            near = convolved(place.inner(first, len(self._near) - 1), self._near)
            around = around.add(near, alpha=NEAR_SHARE)
        return self._second(place.inner(log_exposure), place.inner(first), around)

    def _first(self, exposure: Tensor) -> tuple[Tensor, Tensor]:
        """log10 exposure, push included, and D0, of layer exposure `B,L,H,W`."""
        if self._push:  # flare is no part of what is developed longer: greys stay on their axis
            light = (exposure - self._flare).clamp_min_(LEAST_EXPOSURE)
            exposure = exposure + torch.exp(pushed(torch.log10(light), self._push) * math.log(10)) - light
        log_exposure = torch.log10(exposure.clamp(*FILM_RANGE))
        return log_exposure, self._curve(log_exposure)

    def _second(self, log_exposure: Tensor, first: Tensor, around: Tensor | None) -> Tensor:
        """Density `B,L,H,W`; `around` is B*D0 (None: no edge effect)."""
        inhibited = log_exposure - mix(self._coupling, first)
        if around is not None:
            missing = first - around
            missing /= 1 + missing.abs() / _EDGE_LIMIT
            inhibited.addcmul_(missing, self._edges)
        return self._curve(inhibited)


@lru_cache(maxsize=32)
def film_table(stock: Stock, device: torch.device) -> Table:
    """The characteristic curve of a model stock, log10 exposure to density, as a table."""
    assert stock.model is not None
    return Table(stock.model.film, *_LOG_RANGE, stock.layers, device)


@cache
def _far_inhibitors() -> RadialTable:
    return RadialTable(far_inhibitor_transfer)


@cache
def _all_inhibitors() -> RadialTable:
    return RadialTable(inhibitor_transfer)


def emulsion(exposure: Tensor, stock: Stock, *, pitch_um: float, push: float = 0.0, sharpness: float = 1.0) -> Tensor:
    """Layer exposure `B,L,H,W` to density `B,L,H,W` of a model stock, the edge effect included."""
    look = Look(stock=stock.name, push=push, sharpness=sharpness)
    film = Emulsion(stock, look, pitch_um, exposure.device)
    log_exposure, first = film._first(exposure)
    around = spread(first, inhibitor_transfer, pitch_um) if sharpness else None
    return film._second(log_exposure, first, around)


GENERIC_GAMMA, GENERIC_RANGE = 0.57, 2.2


def generic_density(log_exposure: Tensor) -> Tensor:
    """Net density of a generic ISO 200 negative, mid-grey at .75, for stocks without layers of their own."""
    straight = GENERIC_GAMMA * (log_exposure - math.log10(MID_GREY)) + 0.75
    bend = 0.12  # softness of toe and shoulder, in density
    toe = bend * torch.nn.functional.softplus(straight / bend)
    return GENERIC_RANGE - bend * torch.nn.functional.softplus((GENERIC_RANGE - toe) / bend)
