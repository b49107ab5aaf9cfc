"""PRINT: density to display code: dye side absorptions, print and scan curve, black and white points.

    t = Q((I + A) D + printer lights)          y = (I + P) t, then black and white points and saturation

For stocks without layers the same controls act on the display code the stock gave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.film.curve import Table, mix
from filmlook.film.scene_light import MID_GREY, display_code, scene_light
from filmlook.look import Look
from filmlook.stages.stage import Place
from filmlook.stock import Stock

_ARGUMENT_RANGE = (-6.0, 10.0)  # analytical density, printer lights included
_FADE = 0.08  # how far black or white moves towards grey for each step above 1, in code
_LUMA = (0.2126, 0.7152, 0.0722)
_TONES = {  # tint of the mid-tones, in code; highlights and full black keep their neutral
    "none": (0.0, 0.0, 0.0),
    "sepia": (0.075, 0.010, -0.085),
    "selenium": (0.018, -0.016, 0.012),
    "gold": (-0.022, -0.008, 0.040),
    "blue": (-0.060, 0.005, 0.070),
}


def print_matrix(stock: Stock, look: Look) -> tuple[Tensor, Tensor]:
    """The 3x3 matrix and bias from t (or the code of a stock without layers) to display code: P, end points, saturation."""
    scan = torch.eye(3, dtype=torch.float64)
    if stock.model is not None:
        scan = (torch.eye(stock.layers, dtype=torch.float64) + stock.model.scan).expand(3, -1)
        scan = scan if stock.layers == 3 else torch.eye(3, dtype=torch.float64) * scan[0, 0]
    ends = stock.colour.ends()
    black, white = ends.clamp(0, 1).unbind(0)
    new_black = black * min(look.black, 1) + _FADE * max(look.black - 1, 0)
    new_white = 1 - (1 - white) * min(look.white, 1) - _FADE * max(look.white - 1, 0)
    span = white - black  # a LUT may fall, or be flat
    gain = 1 + (new_white - new_black - span) / torch.where(span.abs() < 0.1, 0.1, span)
    luma = torch.tensor(_LUMA, dtype=torch.float64).expand(3, 3)
    colour = luma + look.saturation * (torch.eye(3, dtype=torch.float64) - luma)
    return colour @ (gain[:, None] * scan), colour @ (new_black - gain * black)


@dataclass(frozen=True)
class _Printing:
    """What prints one stock as one look says: a curve behind the dyes, and a matrix behind the curve.

    Attributes:
        curve: of analytical density (display code, for stocks without layers); None: it would change nothing.
        matrix, bias: as of `print_matrix`; the matrix is None where it would change nothing.
    """

    curve: Table | None
    matrix: Tensor | None
    bias: Tensor


class Print:
    """The print of one stock: density to display code; for stocks without layers from display code to display code."""

    name = "print"
    margin = 0

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        self._printing = _printing(stock, look, device)
        model = stock.model
        self._absorption = None
        if model is not None and model.layers == 3:
            self._absorption = torch.eye(3, dtype=torch.float64) + model.absorption

    def __call__(self, density: Tensor, place: Place | None = None) -> Tensor:
        """Density `B,L,H,W` to display code `B,3,H,W`, clipped to [0, 1]."""
        printing = self._printing
        if self._absorption is not None:
            density = mix(self._absorption, density)
        code = density.expand(-1, 3, -1, -1)
        if printing.curve is not None:
            code = printing.curve(code)
        return code if printing.matrix is None else mix(printing.matrix, code, printing.bias).clamp_(0, 1)


@lru_cache(maxsize=32)
def _printing(stock: Stock, look: Look, device: torch.device) -> _Printing:
    matrix, bias = print_matrix(stock, look)
    lights = math.log10(2) * torch.tensor((look.light_red, look.light_green, look.light_blue), dtype=torch.float64)
    model = stock.model
    if model is None:
        plain = not lights.any() and look.contrast == 1
        identity = plain and bool(torch.allclose(matrix, torch.eye(3, dtype=torch.float64)))

        def controls(code: Tensor) -> Tensor:
            log_light = torch.log10(scene_light(code.clamp(1e-6, 1)))
            log_grey = math.log10(MID_GREY)
            return display_code(10 ** (log_grey + look.contrast * (log_light - log_grey) + lights)).clamp(0, 1)

        return _Printing(None if plain else Table(controls, 0, 1, 3, device), None if identity else matrix, bias)
    grey = model.density(torch.log10(model.layer_exposure(torch.full((3,), MID_GREY, dtype=torch.float64))))
    grey = grey + model.absorption @ grey
    if stock.layers == 1:
        lights = lights.mean()  # black and white paper has one light, and stays neutral
    direction = 1.0 if stock.kind == "negative" else -1.0
    tint = torch.tensor(_TONES[look.toning], dtype=torch.float64)

    def curve(x: Tensor) -> Tensor:
        t = model.print(grey + look.contrast * (x - grey) + direction * lights)
        return t if model.layers == 3 else t + 4 * (t * (1 - t)).clamp_min(0) * tint

    return _Printing(Table(curve, *_ARGUMENT_RANGE, 3, device), matrix, bias)


def print_(density: Tensor, stock: Stock, look: Look | None = None) -> Tensor:
    """Density `B,L,H,W` to display code `B,3,H,W` in [0, 1], printed as the look says."""
    return Print(stock, look or Look(stock=stock.name), 1.0, density.device)(density)
