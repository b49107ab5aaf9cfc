"""How strong grain is: its deviation over density, 1 at a net density of 1, whatever its size.

    silver        Var = n                                                            grains that lie at random
    colour        Var = n (1 - u n / m) e^(-2 kappa n)       negatives: in the dense parts lie the slow layers' small clouds
    slides        three sublayers, the fast one first, each of grains that are hit or not

n is net density, m a little above the layer's greatest. kappa is solved for each film, so that in its usual print a light tone,
code .9, has half of mid-grey's grain: no datasheet tells of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache

import torch
from torch import Tensor

from filmlook.film.curve import Table
from filmlook.film.negative import push_contrast
from filmlook.film.scene_light import MID_GREY, display_code, scene_light
from filmlook.look import Look
from filmlook.stages.darkroom import film_development, film_view
from filmlook.stages.emulsion import GENERIC_GAMMA, GENERIC_RANGE, generic_density, pushed
from filmlook.stock import Stock

_CORRELATION = 0.25  # of the layers' densities; the print's dyes add to it on screen
_ON_SCREEN = 0.22, 0.35, 0.6  # the least, that of stocks that have no print, and the most: of two channels' codes at mid-grey
_UNIFORMITY = 0.97  # u: developed grains are not quite all alike
_SPARE = 1.02  # m over the greatest density
_SUBLAYER_AREAS = (1.0, 0.4, 0.25)  # grain area of the fast, medium and slow sublayer
_LAST_DENSITY = 0.15  # before full exposure, over which grain of slides runs out
_DARK, _MID, _LIGHT = 0.1, 0.5, 0.9  # codes: below the first kappa does no more; between the others it is solved
_LIGHT_SHARE = 0.5  # of mid-grey's grain in codes
_MOST_KAPPA = 3.0
_LEAST_CORRELATION = -0.45  # three layers cannot all be less alike than -1/2


def sublayers(net: Tensor, most: Tensor) -> Tensor:
    """Var of three sublayers over net density `(..., L)`; they share it as quadratic Bernstein polynomials of D / Dmax."""

    def variance(density: Tensor) -> Tensor:
        t = (density / most).clamp(0, 1)
        parts = (1 - (1 - t) ** 3) / 3, t**2 - 2 * t**3 / 3, t**3 / 3
        return sum(
            (a * d * (1 / 3 - _UNIFORMITY * d) for a, d in zip(_SUBLAYER_AREAS, parts, strict=True)),
            torch.zeros_like(t),
        )

    return variance(net) / variance(torch.ones_like(net))


def colour_negative(net: Tensor, most: Tensor, kappa: float, dark: Tensor) -> Tensor:
    """Var of a colour negative over net density `(..., L)`; `dark` `(L,)` is the density below which kappa does no more."""

    def variance(n: Tensor) -> Tensor:
        inner = n.clamp(min=torch.zeros_like(most), max=most)
        return inner * (1 - _UNIFORMITY * inner / (_SPARE * most)) * torch.exp(-2 * kappa * torch.maximum(inner, dark))

    return variance(net) / variance(torch.ones_like(net))


def deviation_range(stock: Stock) -> tuple[float, float]:
    """The density, or (of stocks without layers) the log10 exposure, over which grain is tabulated."""
    return (-5.0, 3.0) if stock.film is None else (0.0, 5.0)


def deviation(stock: Stock, look: Look) -> Tensor:
    """Deviation of density (of stocks without layers: of log10 exposure) `(N, L)` on a table's grid over `deviation_range`, for
    a granularity of 1000. Push raises it with contrast; what is shadow and highlight, the print decides, not the film's
    exposure."""
    return _deviation(stock, grain_settings(stock, look))


def grain_settings(stock: Stock, look: Look) -> Look:
    """The look with nothing but what its grain's strength over density depends on."""
    if stock.kind == "reversal" and look.interimage != 1:  # the interimage of slides knows the print
        return look
    return Look(**{key: getattr(look, key) for key in _OF_GRAIN})


_OF_GRAIN = ("push", "interimage", "rating", "grain_shadows", "grain_mids", "grain_highlights")


@lru_cache(maxsize=32)
def _deviation(stock: Stock, look: Look) -> Tensor:
    at = Table.grid(*deviation_range(stock), stock.layers)
    tones = look.grain_shadows, look.grain_mids, look.grain_highlights
    if stock.film is None:
        net = generic_density(pushed(at, look.push))
        return _generic_variance(net, _generic_kappa()).sqrt() / GENERIC_GAMMA * tone_factor(_stops(at), *tones)
    grid = torch.linspace(-5, 3, 4096, dtype=torch.float64)
    curve = _neutral_curve(stock, look, grid)
    stops = torch.stack([_inverse(at[:, i], curve[:, i], _stops(grid)) for i in range(stock.layers)], -1) - look.rating
    shape = _variance(stock, _kappa(stock))(at).clamp_min(0).sqrt()
    return shape * tone_factor(stops, *tones) * push_contrast(look.push)


def _variance(stock: Stock, kappa: float) -> Callable[[Tensor], Tensor]:
    """Var of a film over density, 1 at 1."""
    film = stock.film
    assert film is not None
    most = film.dmax()
    if stock.layers == 1:
        return lambda net: net
    if stock.kind == "reversal":
        return lambda net: sublayers(net, most) * _smooth(net / _LAST_DENSITY) ** 2
    dark = _greys(stock, torch.tensor([_DARK], dtype=torch.float64))[0]
    return lambda net: colour_negative(net, most, kappa, dark)


def _greys(stock: Stock, codes: Tensor) -> Tensor:
    """Density `(N, L)` of greys of these codes, by the stock's own settings."""
    return _neutral_curve(stock, Look(stock=stock.name), torch.log10(scene_light(codes.clone())))


@lru_cache(maxsize=64)
def _kappa(stock: Stock) -> float:
    if stock.layers == 1 or stock.kind == "reversal":
        return 0.0
    granularity = torch.tensor(stock.granularity, dtype=torch.float64)
    greys = _greys(stock, torch.tensor([_MID, _LIGHT], dtype=torch.float64))
    slopes = [_slopes(stock, grey)[:, 1] for grey in greys]  # of green's code

    def ratio(kappa: float) -> float:
        variance = _variance(stock, kappa)
        seen = []
        for slope, grey in zip(slopes, greys, strict=True):
            parts = slope * granularity * variance(grey[None])[0].sqrt()
            seen.append((1 - _CORRELATION) * parts.square().sum() + _CORRELATION * parts.sum() ** 2)
        return float((seen[1] / seen[0]).sqrt())

    return _bisected(lambda kappa: ratio(kappa) <= _LIGHT_SHARE, 0.0, _MOST_KAPPA)


def _slopes(stock: Stock, grey: Tensor) -> Tensor:
    """What a layer's density `(L)` does to codes `(3)` at densities `(L,)`, in the stock's own print: `(L, 3)`."""
    view, _ = film_view(stock, Look(stock=stock.name))
    step = 1e-4 * torch.eye(stock.layers, dtype=torch.float64)
    return (view(grey + step) - view(grey - step)) / 2e-4


@lru_cache(maxsize=64)
def correlation(stock: Stock) -> float:
    """Of the densities of two layers' grain. Where a print mixes its dyes so little or so much that channels on screen would
    have less or more in common than films' scans show, it is what brings them there; below 0 where inhibitors make layers'
    clouds avoid each other."""
    if stock.film is None:
        return _ON_SCREEN[1]
    if stock.layers == 1:
        return 0.0
    grey = _greys(stock, torch.tensor([_MID], dtype=torch.float64))[0]
    deviation = torch.tensor(stock.granularity, dtype=torch.float64) * _variance(stock, _kappa(stock))(grey[None])[0].sqrt()
    seen = _slopes(stock, grey).T * deviation
    pairs = torch.triu_indices(3, 3, 1)

    def of_channels(of_layers: float) -> Tensor:
        covariance = (1 - of_layers) * seen @ seen.T + of_layers * torch.outer(seen.sum(1), seen.sum(1))
        deviations = covariance.diag().sqrt()
        return (covariance / torch.outer(deviations, deviations))[pairs[0], pairs[1]]

    least = _bisected(lambda c: bool(of_channels(c).min() >= _ON_SCREEN[0]), _LEAST_CORRELATION, 1.0)
    most = _bisected(lambda c: bool(of_channels(c).max() >= _ON_SCREEN[2]), _LEAST_CORRELATION, 1.0)
    return min(max(_CORRELATION, least), most)


@cache
def _generic_kappa() -> float:
    x = torch.log10(scene_light(torch.tensor([[_MID], [_LIGHT]], dtype=torch.float64)))
    slope = (display_code(10 ** (x + 1e-4)) - display_code(10 ** (x - 1e-4))) / 2e-4
    net = generic_density(x)

    def ratio(kappa: float) -> float:
        seen = slope * _generic_variance(net, kappa).sqrt()
        return float(seen[1] / seen[0])

    return _bisected(lambda kappa: ratio(kappa) <= _LIGHT_SHARE, 0.0, _MOST_KAPPA)


def _generic_variance(net: Tensor, kappa: float) -> Tensor:
    most = torch.full((1,), GENERIC_RANGE, dtype=torch.float64)
    dark = generic_density(torch.log10(scene_light(torch.tensor([_DARK], dtype=torch.float64))))
    return colour_negative(net, most, kappa, dark)


def _bisected(reached: Callable[[float], bool], low: float, high: float) -> float:
    """Where it begins to be reached between two numbers; the first where it is from the start, else the second."""
    if reached(low):
        return low
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _smooth(x: Tensor) -> Tensor:
    """A smooth step from 0 at 0 to 1 at 1."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def tone_factor(stops: Tensor, shadows: float, mids: float, highlights: float) -> Tensor:
    """Grain by tone: a smooth way from `shadows` (-3 stops) over `mids` (mid-grey) to `highlights` (+2 stops)."""
    dark, bright = _smooth(-stops / 3), _smooth(stops / 2)
    return mids + (shadows - mids) * dark + (highlights - mids) * bright


def _stops(log_exposure: Tensor) -> Tensor:
    return (log_exposure - math.log10(MID_GREY)) / math.log10(2)


def _neutral_curve(stock: Stock, look: Look, log_light: Tensor) -> Tensor:
    """Density `(N, L)` of greys of log10 scene light `(N,)`."""
    development = film_development(stock, look)
    return development.density(log_light[:, None] + development.film.grey_offsets())


def _inverse(value: Tensor, rising_or_falling: Tensor, at: Tensor) -> Tensor:
    """`at` where a monotone curve takes `value`, by its nearest sample."""
    falls = bool(rising_or_falling[0] > rising_or_falling[-1])
    curve, at = (rising_or_falling.flip(0), at.flip(0)) if falls else (rising_or_falling, at)
    return at[torch.searchsorted(curve.contiguous(), value.contiguous()).clamp_max(len(at) - 1)]
