"""EDGES: how sharply a film sees. Layer exposure to log10 exposure.

A published response falls where light spreads in the emulsion and rises above 1 where development sharpens: inhibitors that
it sets free diffuse (I: .94 Gauss(20 um) + .06 Exp(200 um)), and where exposure changes faster than they reach, less is
inhibited than in a flat field. Both are told apart,

    MTF(f) = B(f) (1 + g (1 - I(f)))                 B: a point spread, nowhere below 0

and each acts where it belongs: B on light, the rest on log10 exposure,

    y = log10 w.(B*h),    u = y - I*y,    x = log10 (B*h) + g u / (1 + |u| / .4)

held to what the light of the neighbouring pixels was before it spread: an edge gets its own contrast back and hardly more,
so nothing near a lamp is darker than its surround was. All layers share the green layer's response, and one u, of what the
eye takes for brightness (w): on greys a layer that is sharper than another would put colour on every edge.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor

from filmlook.film.curve import mix
from filmlook.film.negative import LEAST_EXPOSURE
from filmlook.film.toning import LUMA
from filmlook.look import Look
from filmlook.stages.emulsion import pushed
from filmlook.stages.halation import scatter_transfer
from filmlook.stages.psf import (
    COARSE,
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

NEAR_SHARE, NEAR_UM, _FAR_UM = 0.94, 20.0, 200.0  # of the inhibitors' spread
_MOST_NEAR_PX = 3.0  # sigma up to which inhibitors spread pixel by pixel; wider, the coarse grid can hold them
SHORT = 0.4  # log10 exposure at which inhibitors run short: hard edges are sharpened less than soft ones
BEYOND = 0.005  # log10 exposure by which sharpening may leave its neighbourhood: a Mackie line of about a code

_BRIGHTNESS = torch.tensor([LUMA])  # w, of three layers

_SIGMAS_UM = tuple(float(s) for s in np.geomspace(1, 40, 24))  # of the Gaussians that B is made of
_GAINS = tuple(i / 50 for i in range(61))  # g, of which the one is taken that leaves least over
_GAIN_COST = 0.01  # of the residual, for each unit of g: between two that fit, the gentler one


def far_inhibitor_transfer(frequency: Tensor) -> Tensor:
    """Transfer function `(1, h, w)` of the inhibitors that diffuse far."""
    return ((1 - NEAR_SHARE) * exponential(frequency, _FAR_UM)).unsqueeze(0)


def inhibitor_transfer(frequency: Tensor) -> Tensor:
    """Transfer function `(1, h, w)` of the inhibitors' whole spread."""
    return NEAR_SHARE * gaussian(frequency, NEAR_UM) + far_inhibitor_transfer(frequency)


def green_layer(layers: int) -> int:
    """The layer whose sharpness and halo plain light gets: the eye's own, of three; of one the only."""
    return min(1, layers - 1)


Gaussians = tuple[tuple[float, float], ...]
"""A point spread: weights, of sum 1, and sigmas in um."""


def edge_response(stock: Stock) -> tuple[float, Gaussians]:
    """g and B of a stock's published response."""
    return _told_apart(stock.mtf_cycles, stock.mtf[green_layer(len(stock.mtf))])


@lru_cache(maxsize=64)
def _told_apart(at_cycles: tuple[float, ...], response: tuple[float, ...]) -> tuple[float, Gaussians]:
    """g and B of responses at frequencies in cycles/mm."""
    cycles, published = np.asarray(at_cycles), np.asarray(response)
    frequency = np.unique(np.concatenate((cycles, np.geomspace(cycles[0] / 4, cycles[-1], 16))))
    wanted = _between(np.concatenate(((0.0,), cycles)), np.concatenate(((1.0,), published)), frequency)
    missing = 1 - inhibitor_transfer(torch.from_numpy(frequency / 1000)[None])[0, 0].numpy()
    parts = np.exp(-2 * (math.pi * np.outer(frequency / 1000, _SIGMAS_UM)) ** 2)
    best: tuple[float, float, np.ndarray] | None = None
    for gain in _GAINS:
        rows = parts * ((1 + gain * missing) / wanted)[:, None]
        system = np.concatenate((rows / math.sqrt(len(frequency)), np.full((1, len(_SIGMAS_UM)), 50.0)))
        target = np.concatenate((np.full(len(frequency), 1 / math.sqrt(len(frequency))), (50.0,)))
        weights = non_negative_least_squares(system, target)
        cost = float(np.linalg.norm(system @ weights - target)) + _GAIN_COST * gain
        if best is None or cost < best[0]:
            best = cost, gain, weights
    assert best is not None
    weights = best[2] / best[2].sum()
    return best[1], tuple((float(w), s) for w, s in zip(weights, _SIGMAS_UM, strict=True) if w > 0)


def published_response(stock: Stock, cycles: Tensor) -> Tensor:
    """The published response `(L, F)` at frequencies `(F,)` in cycles/mm, from 0 to the last that is published."""
    known = np.concatenate(((0.0,), stock.mtf_cycles))
    rows = [_between(known, np.concatenate(((1.0,), row)), cycles.numpy()) for row in stock.mtf]
    return torch.from_numpy(np.stack(rows))


def _between(cycles: np.ndarray, response: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A cubic through a response's logarithms, flat at 0, straight beyond the last: corners in it would ring."""
    values, widths = np.log(response), np.diff(cycles)
    secants = np.diff(values) / widths
    slopes = np.concatenate(((0.0,), (secants[1:] + secants[:-1]) / 2, secants[-1:]))
    i = np.clip(np.searchsorted(cycles, at) - 1, 0, len(widths) - 1)
    t = (at - cycles[i]) / widths[i]
    low, high, rise = slopes[i] * widths[i], slopes[i + 1] * widths[i], values[i + 1] - values[i]
    found: np.ndarray = np.exp(values[i] + t * (low + t * (3 * rise - 2 * low - high + t * (low + high - 2 * rise))))
    return found


def non_negative_least_squares(system: np.ndarray, target: np.ndarray) -> np.ndarray:
    """x >= 0 `(N,)` for which |system x - target| is least (Lawson and Hanson 1974)."""
    count = system.shape[1]
    x, free = np.zeros(count), np.zeros(count, bool)
    for _ in range(3 * count):
        rise = system.T @ (target - system @ x)
        rise[free] = -np.inf
        if free.all() or rise.max() <= 1e-9:
            break
        free[rise.argmax()] = True
        while True:
            tried = np.zeros(count)
            tried[free] = np.linalg.lstsq(system[:, free], target, rcond=None)[0]
            below = free & (tried <= 0)
            if not below.any():
                break
            x = x + (x[below] / (x[below] - tried[below])).min() * (tried - x)
            free &= x > 1e-12
            x[~free] = 0
        x = tried
    return x


def film_transfer(frequency: Tensor, stock: Stock, sharpness: float, scatter: float) -> Tensor:
    """Transfer functions `(L, h, w)` of the emulsion on light: scatter (`scatter` is the share of light that it takes), and as
    far as `sharpness` says the film's own point spread instead."""
    power = min(sharpness, 1.0)  # more is left to the edge effect: that is bounded, but light could go negative
    scattered = scatter_transfer(frequency, stock.layers, scatter)
    if power == 0:
        return scattered
    _, gaussians = edge_response(stock)
    own = sum((w * gaussian(frequency, s) for w, s in gaussians), torch.zeros_like(frequency))
    return (1 - power) * scattered + power * own


class Edges:
    """One film's sharpening by development: layer exposure to log10 exposure; push of stocks without layers included.

    What inhibitors do from afar comes with the place (`around`), found on the coarse grid by `survey`; near ones are spread
    here, pixel by pixel.
    """

    name = "log exposure"

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        self._pitch_um, self._push = pitch_um, 0.0 if stock.film else look.push
        self.gain = look.sharpness * edge_response(stock)[0] if look.sharpness else 0.0
        self.margin, self.near, self._far = 0, [1.0], None
        if look.sharpness:
            sigma_px = NEAR_UM / pitch_um
            near = sigma_px <= _MOST_NEAR_PX
            self._far = _far_inhibitors if near else _all_inhibitors
            if near:
                self.near = gaussian_kernel(sigma_px, math.ceil(3.5 * sigma_px))
            self.margin = max(-(-(len(self.near) - 1) // COARSE), 1) * COARSE

    @property
    def surveys(self) -> bool:
        """Whether it must know of the whole picture."""
        return self._far is not None

    def survey(self, exposure: Tensor, each: Each = map) -> WideSpread | None:
        """What the inhibitors that spread far bring, of a picture's exposure `1,L,h,w` on the coarse grid; None: no edges."""
        if self._far is None:
            return None
        return WideSpread.of(_log(_brightness(exposure)), self._far(), self._pitch_um, each)

    def __call__(self, exposure: Tensor, place: Place) -> Tensor:
        """Layer exposure `B,L,H,W` to log10 exposure `B,L,h,w`."""
        margin, around = place.margin_of(exposure) - self.margin, place.around
        x = _log(place.cut(exposure, margin))
        if around is None or place.unspread is None:
            return pushed(x, self._push)
        reach = len(self.near) - 1
        y = _log(_brightness(place.cut(exposure, margin + reach)))
        if reach:
            around = around.add(convolved(y, self.near), alpha=NEAR_SHARE)
        own = _brightness(place.cut(place.unspread, margin + 1))
        x += sharpening(place.cut(y, margin), around, own, self.gain, place.beside_lamps)
        return pushed(x, self._push)


def _log(exposure: Tensor) -> Tensor:
    return torch.log10(exposure.clamp_min(LEAST_EXPOSURE))


def _brightness(exposure: Tensor) -> Tensor:
    """`B,1,H,W` of layer exposure `B,L,H,W`."""
    return exposure if exposure.shape[1] == 1 else mix(_BRIGHTNESS, exposure)


def sharpening(y: Tensor, around: Tensor, own: Tensor, gain: float, beside_lamps: Tensor | None = None) -> Tensor:
    """What sharpening adds to log10 exposure, `B,1,H,W`.

    Args:
        y: log10 of the exposure's brightness, `B,1,H,W`, and what inhibitors bring of it from `around`.
        own: brightness before light spread, with a pixel more on each side.
        gain: g.
        beside_lamps: `B,1,H,W`, by how much nothing gets darker.
    """
    added = y - around
    added /= (added.abs() * (1 / (SHORT * gain))).add_(1 / gain)
    if beside_lamps is not None:
        added -= added.clamp_max(0).mul_(beside_lamps)
    own = _log(own)
    low, high = _of_three_by_three(own, torch.minimum), _of_three_by_three(own, torch.maximum)
    return added.clamp_(low.sub_(y).sub_(BEYOND).clamp_max_(0), high.sub_(y).add_(BEYOND).clamp_min_(0))


def _of_three_by_three(field: Tensor, of_two: object) -> Tensor:
    """The least or largest of each pixel and its neighbours, a pixel less on each side."""
    for axis in (-1, -2):
        count = field.shape[axis] - 2
        first, second, third = (field.narrow(axis, i, count) for i in range(3))
        field = of_two(of_two(first, second), third)  # type: ignore[operator]
    return field


@cache
def _far_inhibitors() -> RadialTable:
    return RadialTable(far_inhibitor_transfer)


@cache
def _all_inhibitors() -> RadialTable:
    return RadialTable(inhibitor_transfer)


def edges(
    exposure: Tensor,
    unspread: Tensor,
    stock: Stock,
    *,
    pitch_um: float,
    look: Look | None = None,
    beside_lamps: Tensor | None = None,
) -> Tensor:
    """Layer exposure `B,L,H,W`, spread by the film and before (`unspread`), to log10 exposure, sharpened as the look says;
    `beside_lamps` `B,1,H,W` as of `Place`."""
    look = look or Look(stock=stock.name)
    x = _log(exposure)
    if look.sharpness:
        own = torch.nn.functional.pad(unspread, (1, 1, 1, 1), mode="replicate")
        y, gain = _log(_brightness(exposure)), look.sharpness * edge_response(stock)[0]
        x = x + sharpening(y, spread(y, inhibitor_transfer, pitch_um), _brightness(own), gain, beside_lamps)
    return pushed(x, 0.0 if stock.film else look.push)
