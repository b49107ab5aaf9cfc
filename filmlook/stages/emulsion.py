"""EMULSION: layer exposure to density, through the characteristic curve, the interimage and the edge effect.

    D0 = C(log10 h)           D = Cb(log10 h -+ K D0 + c (D0 - B*D0))      see `film.negative`

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
from filmlook.film.negative import LEAST_EXPOSURE, Development, Film, push_contrast
from filmlook.film.scene_light import MID_GREY
from filmlook.look import Look
from filmlook.stages.darkroom import film_development, film_view
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

_LOG_RANGE = (-8.0, 4.0)  # log10 exposure, inhibition included

_EDGE_GAIN = 0.25  # how much higher the contrast of the finest detail is than a flat field's, before scatter
_EDGE_LIMIT = 0.4  # density: inhibitors run short at hard edges, or lamps would wear dark rings
_MOST_SHARPENED = 4.0  # scatter is undone up to this
_MOST_NEAR_PX = 3.0  # sigma up to which inhibitors spread pixel by pixel; wider, the coarse grid can hold them


def pushed(log_exposure: Tensor, push: float) -> Tensor:
    """log10 exposure of stocks without layers as longer development sees it: steeper around mid-grey, as films are."""
    if push == 0:
        return log_exposure
    grey = math.log10(MID_GREY)
    return grey + push_contrast(push) * (log_exposure - grey)


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
    if stock.film:
        wanted = _before_development(wanted, 1 - inhibitor_transfer(frequency)[0], stock.film)
        # More than the film's own sharpness is left to the edge effect: density is bounded, but light can go negative.
        power = min(sharpness, 1.0)
    return (wanted / scatter_transfer(frequency, stock.layers, scatter)).clamp(0.01, _MOST_SHARPENED) ** power


def _before_development(response: Tensor, missing: Tensor, film: Film) -> Tensor:
    """The responses `(L, h, w)` of exposure from which development makes those of density, for small signals at mid-grey;
    `missing` `(h, w)` is the share of inhibitors that fine detail does not meet."""
    gamma, inhibition = grey_slope(film), film.coupling() * grey_slope(film).abs()
    second = (gamma / (1 - inhibition.sum(1)))[:, None]  # the slope of Cb, which gives greys back the slope of C
    flat = second * (torch.eye(film.layers, dtype=torch.float64) - inhibition)
    edge = torch.diag(second[:, 0] * _edge_strength(film) * gamma)
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


def grey_slope(film: Film) -> Tensor:
    """Slope of density over log10 exposure of greys at mid-grey, `(L,)`; below 0 in slides."""
    step = 0.01
    log_grey = torch.log10(film.layer_exposure(torch.full((3,), MID_GREY, dtype=torch.float64)))
    return (film.curve(log_grey + step) - film.curve(log_grey - step)) / (2 * step)


def _edge_strength(film: Film) -> Tensor:
    """c, `(L,)`: what gives detail at mid-grey that is finer than the inhibitors' reach its gain of contrast."""
    gamma = grey_slope(film)
    return _EDGE_GAIN * (1 - film.coupling() @ gamma.abs()) / gamma


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
        if stock.film is None:
            raise ValueError(f"{stock.name} has no layers to develop")
        self._pitch_um = pitch_um
        added = film_view(stock, look)[1] + look.rating * math.log10(2)
        self._added = added.float().view(-1, 1, 1).to(device) if added.any() else None
        self._curve, self._corrected = _tables(film_development(stock, look), device)
        self._coupling = film_development(stock, look).coupling * (1 if stock.kind == "negative" else -1)
        self._edges = (look.sharpness * _edge_strength(stock.film)).float().view(-1, 1, 1).to(device)
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
        """log10 exposure, rating included, and D0, of layer exposure `B,L,H,W`."""
        log_exposure = torch.log10(exposure.clamp_min(LEAST_EXPOSURE))
        if self._added is not None:
            log_exposure += self._added
        return log_exposure, self._curve(log_exposure)

    def _second(self, log_exposure: Tensor, first: Tensor, around: Tensor | None) -> Tensor:
        """Density `B,L,H,W`; `around` is B*D0 (None: no edge effect)."""
        inhibited = log_exposure - mix(self._coupling, first)
        if around is not None:
            missing = first - around
            missing /= 1 + missing.abs() / _EDGE_LIMIT
            inhibited.addcmul_(missing, self._edges)
        return self._corrected(inhibited)


@lru_cache(maxsize=32)
def _tables(development: Development, device: torch.device) -> tuple[Table, Table]:
    """C, log10 exposure to D0, and Cb, log10 exposure less (in slides: and) what D0 inhibits to D.

    Slides are inhibited by the density that they lack, Dmax - D0: what K Dmax takes away is in the table.
    """
    layers = development.film.layers
    most = development.released(torch.zeros(layers, dtype=torch.float64)) @ development.coupling.T

    def second(corrected: Tensor) -> Tensor:
        return development.second(corrected - most)

    return Table(development.first, *_LOG_RANGE, layers, device), Table(second, *_LOG_RANGE, layers, device)


@cache
def _far_inhibitors() -> RadialTable:
    return RadialTable(far_inhibitor_transfer)


@cache
def _all_inhibitors() -> RadialTable:
    return RadialTable(inhibitor_transfer)


def emulsion(exposure: Tensor, stock: Stock, *, pitch_um: float, look: Look | None = None) -> Tensor:
    """Layer exposure `B,L,H,W` to density `B,L,H,W` of a model stock as the look exposes it, the edge effect included."""
    look = look or Look(stock=stock.name)
    film = Emulsion(stock, look, pitch_um, exposure.device)
    log_exposure, first = film._first(exposure)
    around = spread(first, inhibitor_transfer, pitch_um) if look.sharpness else None
    return film._second(log_exposure, first, around)


GENERIC_GAMMA, GENERIC_RANGE = 0.57, 2.2


def generic_density(log_exposure: Tensor) -> Tensor:
    """Net density of a generic ISO 200 negative, mid-grey at .75, for stocks without layers of their own."""
    straight = GENERIC_GAMMA * (log_exposure - math.log10(MID_GREY)) + 0.75
    bend = 0.12  # softness of toe and shoulder, in density
    toe = bend * torch.nn.functional.softplus(straight / bend)
    return GENERIC_RANGE - bend * torch.nn.functional.softplus((GENERIC_RANGE - toe) / bend)
