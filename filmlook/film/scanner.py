"""The minilab's scanner: a colour negative measured, turned into a positive and balanced by the film's own greys.

    v  = X diag(gm / (.60 gamma)) M (D - Dg0)          X = I + s (I - J/3), J ones; Dg0 is mid-grey normally exposed
    u  = c (n(v) - n(vg))                              n makes greys of every exposure neutral; vg is mid-grey as exposed
    y  = W o / (1 + o)      o = m / (W - m) 10^(q u)   a tone curve like a camera's

gamma is the slope of the greys' printing density, gm its mean over the layers: a lab's scanner knows what film it is given, and
keeps its contrast. No number in here belongs to a single film.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from filmlook.film.ends import LEAST_CONTRAST, LOG_STOP, PrintSettings, ends_light, middle_code, solve_ends
from filmlook.film.negative import Development
from filmlook.film.paper import View
from filmlook.film.srgb import decode, encode

GAMMA = 0.60  # of the negative that the scanner's contrast was set for
SHOULDER, SLOPE = 1.06, 1.22  # W and q: code 1 comes to about .97, slope at mid-grey 1.1
SATURATION = 0.05  # s: within the 0 to .1 that keeps the paper route's chroma
_GAMMA_STOPS = (-2.0, 2.5)  # between which gamma is measured
_NEUTRAL_STOPS = (-5.0, -3.5, -2.0, 0.0, 2.5, 5.0, 7.0)  # exposures of the greys that n passes through
_FLOOR = 1e-5  # of light, below which the tone curve is continued as it is


def monotone_cubic(x: Tensor, at: Tensor, values: Tensor) -> Tensor:
    """Through (at, values), both rising, `(N,)`, by Fritsch and Carlson's cubics; straight on beyond the ends. Any shape of x."""
    width, secant = at.diff(), values.diff() / at.diff()
    left, right = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    inner = (left + right) / (left / secant[:-1] + right / secant[1:])
    slope = torch.cat((secant[:1], inner, secant[-1:]))
    i = (torch.bucketize(x, at) - 1).clamp(0, len(width) - 1)
    t = (x - at[i]) / width[i]
    s = t.clamp(0, 1)
    low, high, rise = slope[i] * width[i], slope[i + 1] * width[i], values[i + 1] - values[i]
    cubic = values[i] + s * (low + s * (3 * rise - 2 * low - high + s * (low + high - 2 * rise)))
    return cubic + torch.where(t < 0, t * low, torch.where(t > 1, (t - 1) * high, torch.zeros_like(t)))


def _greys(film: Development, stops: tuple[float, ...]) -> Tensor:
    """Printing density of mid-grey over that of a normal exposure, `(N, L)`."""
    return torch.stack([film.grey(s) - film.grey() for s in stops]) @ film.film.printing.T


def scan_minilab(film: Development, settings: PrintSettings, stops: float = 0.0, saturation: float = SATURATION) -> View:
    """A negative through the minilab's scanner. `stops`: exposure beyond normal that the operator takes back (`rating`)."""
    layers = film.film.layers
    low, high = _greys(film, _GAMMA_STOPS)
    gamma = (high - low) / ((_GAMMA_STOPS[1] - _GAMMA_STOPS[0]) * LOG_STOP)
    eye = torch.eye(layers, dtype=torch.float64)
    colour = eye + saturation * (eye - 1 / layers) if layers > 1 else eye
    matrix = colour @ torch.diag(gamma.mean() / (GAMMA * gamma)) @ film.film.printing
    greys = torch.stack([film.grey(s) - film.grey() for s in _NEUTRAL_STOPS]) @ matrix.T
    means = greys.mean(1)

    def neutral(v: Tensor) -> Tensor:
        if layers == 1:
            return v
        return torch.stack([monotone_cubic(v[..., k].contiguous(), greys[:, k].contiguous(), means) for k in range(layers)], -1)

    grey = neutral((film.grey(stops) - film.grey()) @ matrix.T)

    def tone(u: Tensor, middle: Tensor) -> Tensor:
        """Linear light."""
        odds = middle / (SHOULDER - middle) * torch.exp(SLOPE * math.log(10) * u.clamp(-20, 20))
        return decode(SHOULDER * odds / (1 + odds))

    steep = max(settings.contrast, LEAST_CONTRAST)
    ends = neutral((film(ends_light()) - film.grey()) @ matrix.T) - neutral(torch.zeros(layers, dtype=torch.float64))

    def settle(wanted: Tensor, last: Tensor | None) -> Tensor:
        return encode(wanted).clamp(0.01, SHOULDER - 0.01)

    ones = torch.ones(layers, dtype=torch.float64)
    found = solve_ends(settle, lambda middle: tone(steep * ends, middle), settings, ones, middle_code(layers), False)
    darker = settings.darker(layers)

    def curve(v: Tensor) -> Tensor:
        u = settings.contrast * (neutral(v) - grey) - darker
        return -torch.log10(tone(u, found.settled).clamp_min(_FLOOR))

    offset = -matrix @ film.grey()
    view = View(matrix, offset, curve, eye, eye, torch.zeros(layers, dtype=torch.float64))
    return view.with_ends(found.gain, torch.full_like(found.gain, found.bias))
