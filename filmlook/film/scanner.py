"""The minilab's scanner: a colour negative measured, turned into a positive and balanced by the film's own greys.

    v  = X diag(gm / (.60 gamma)) M (D - Dg0)          X = (I - p (I - J/3)) X0, J ones; Dg0 is mid-grey normally exposed
    u  = c (n(v) - n(vg))                              n makes greys of every exposure neutral; vg is mid-grey as exposed
    y  = W o / (1 + o)      o = m / (W - m) 10^(q u)   a tone curve like a camera's
    l  = 10^(-B d)          d = -log10 (sRGB^-1(y) + f)     shown by dyes that absorb in each other's bands

B makes colours those of a print: where cyan is dense it takes green and blue along, so that what is vivid grows dark rather
than pale, and a blue that the green layer saw too does not come out cyan. X0 and B are the same for all films; their rows sum
to 1, so greys do not meet them. The operator keeps some of what a film is known for: `ScanCharacter` (p is its `pastel`),
judged by eye and told so in the film's file.

gamma is the slope of the greys' printing density, gm its mean over the layers: a lab's scanner knows what film it is given, and
keeps its contrast. No number in here belongs to a single film.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.film.ends import LEAST_CONTRAST, LOG_STOP, PrintSettings, ends_light, middle_code, solve_ends
from filmlook.film.negative import Development
from filmlook.film.paper import View
from filmlook.film.srgb import decode, encode

GAMMA = 0.60  # of the negative that the scanner's contrast was set for
SHOULDER, SLOPE = 1.06, 1.22  # W and q: code 1 comes to about .97, slope at mid-grey 1.1
# X0 and B without their diagonals, fitted to fourteen films' prints on their own papers (`bench/fit_minilab.py`).
COLOUR = (-0.137, -0.035, -0.069, -0.03, -0.03, -0.03)
DYES = (0.13, -0.014, 0.149, 0.028, 0.05, 0.117)
_GAMMA_STOPS = (-2.0, 2.5)  # between which gamma is measured
_NEUTRAL_STOPS = (-5.0, -3.5, -2.0, 0.0, 2.5, 5.0, 7.0)  # exposures of the greys that n passes through
_MIDS, _SHADOWS = 0.42, 0.17  # code where warmth and mint are strongest
_LEAST_LIGHT = 1e-3  # f: through dyes as dense as they get


@dataclass(frozen=True)
class ScanCharacter:
    """What is left of a film's crossover after balancing, by the operator's taste.

    Attributes:
        warmth: codes by which red stands over blue in mid-tones; ends stay neutral.
        mint: codes by which shadows turn from red to green, for each stop taken back (overexposure).
        pastel: how much the colours' spread shrinks for each stop taken back.
        contrast: of the scanner's tone curve, around mid-grey.
    """

    warmth: float = 0.0
    mint: float = 0.0
    pastel: float = 0.0
    contrast: float = 1.0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ScanCharacter:
        """From a stock file's "minilab".

        Raises:
            StockFileError: an unknown key, or something that is no number.
        """
        for key, value in data.items():
            if key not in ("warmth", "mint", "pastel", "contrast"):
                raise StockFileError(f"'minilab' has {key!r}; allowed: warmth, mint, pastel, contrast")
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise StockFileError(f"'minilab' {key!r} is {value!r}; allowed: a number")
        return cls(**{key: float(value) for key, value in data.items()})

    def cast(self, code: Tensor, stops: float, dyes: Tensor) -> Tensor:
        """What is added to code `(..., 3)`, which is the tone of one channel in each column, for `dyes` to make it the cast."""
        y = code.clamp(0, 1)
        middle = (y / _MIDS) ** 2 * ((1 - y) / (1 - _MIDS)) ** (2 * (1 - _MIDS) / _MIDS)
        dark = (y / _SHADOWS) ** 2 * ((1 - y) / (1 - _SHADOWS)) ** (2 * (1 - _SHADOWS) / _SHADOWS)
        warm = torch.tensor([0.5, 0.0, -0.5], dtype=code.dtype) * (self.warmth / 255)
        mint = torch.tensor([-0.65, 0.35, 0.15], dtype=code.dtype) * (self.mint * max(stops, 0.0) / 255)
        warm, mint = torch.linalg.solve(dyes, warm), torch.linalg.solve(dyes, mint)
        cast: Tensor = warm * middle + mint * dark
        return cast


def with_rows_of_one(off_diagonals: Sequence[float]) -> Tensor:
    """The matrix `(3, 3)` of these off-diagonals, row by row, whose rows sum to 1."""
    off = torch.zeros(9, dtype=torch.float64)
    off[[1, 2, 3, 5, 6, 7]] = torch.tensor(off_diagonals, dtype=torch.float64)
    return off.view(3, 3) + torch.diag(1 - off.view(3, 3).sum(1))


def monotone_cubic(x: Tensor, at: Tensor, values: Tensor) -> Tensor:
    """Through (at, values), both rising, `(N,)`, by Fritsch and Carlson's cubics; straight beyond the ends. Any shape of x."""
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


def scan_minilab(
    film: Development, settings: PrintSettings, stops: float = 0.0, character: ScanCharacter | None = None
) -> View:
    """A negative through the minilab's scanner. `stops`: exposure beyond normal that the operator takes back (`rating`)."""
    layers = film.film.layers
    character = character or ScanCharacter()
    pastel = character.pastel * max(stops, 0.0)
    low, high = _greys(film, _GAMMA_STOPS)
    gamma = (high - low) / ((_GAMMA_STOPS[1] - _GAMMA_STOPS[0]) * LOG_STOP)
    eye = torch.eye(layers, dtype=torch.float64)
    colour = (eye - pastel * (eye - 1 / layers)) @ with_rows_of_one(COLOUR) if layers > 1 else eye
    dyes = with_rows_of_one(DYES) if layers > 1 else eye
    matrix = colour @ torch.diag(gamma.mean() / (GAMMA * gamma)) @ film.film.printing
    greys = torch.stack([film.grey(s) - film.grey() for s in _NEUTRAL_STOPS]) @ matrix.T
    means = greys.mean(1)

    def neutral(v: Tensor) -> Tensor:
        if layers == 1:
            return v
        return torch.stack([monotone_cubic(v[..., k].contiguous(), greys[:, k].contiguous(), means) for k in range(layers)], -1)

    grey = neutral((film.grey(stops) - film.grey()) @ matrix.T)

    def density(u: Tensor, middle: Tensor) -> Tensor:
        odds = middle / (SHOULDER - middle) * torch.exp(SLOPE * math.log(10) * u.clamp(-20, 20))
        code = SHOULDER * odds / (1 + odds)
        light = decode(code + character.cast(code, stops, dyes) if layers == 3 else code)
        return -torch.log10(light.clamp_min(0) + _LEAST_LIGHT)

    steep = max(settings.contrast, LEAST_CONTRAST) * character.contrast
    ends = neutral((film(ends_light()) - film.grey()) @ matrix.T) - neutral(torch.zeros(layers, dtype=torch.float64))

    def settle(wanted: Tensor, last: Tensor | None) -> Tensor:
        of_dyes = torch.linalg.solve(dyes, torch.log10(wanted.clamp_min(_LEAST_LIGHT)))
        return encode(10**of_dyes - _LEAST_LIGHT).clamp(0.01, SHOULDER - 0.01)

    def light_of_ends(middle: Tensor) -> Tensor:
        return 10 ** (density(steep * ends, middle) @ -dyes.T)

    ones = torch.ones(layers, dtype=torch.float64)
    found = solve_ends(settle, light_of_ends, settings, ones, middle_code(layers), False)
    darker = settings.darker(layers)

    def curve(v: Tensor) -> Tensor:
        return density(settings.contrast * character.contrast * (neutral(v) - grey) - darker, found.settled)

    offset = -matrix @ film.grey()
    view = View(matrix, offset, curve, dyes, eye, torch.zeros(layers, dtype=torch.float64))
    return view.with_ends(found.gain, found.bias)
