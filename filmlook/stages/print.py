"""PRINT: density to display code: dye side absorptions, print and scan curve, black and white points.

    t = Q((I + A) D + printer lights)          y = (I + P) t, then black and white points and saturation

For stocks without layers the same controls act on the display code the stock gave.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from filmlook.film.curve import Table, mix
from filmlook.film.scene_light import MID_GREY, WHITE_LIGHT, display_code, scene_light
from filmlook.look import Look
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
    """The 3x3 matrix and bias from t (or a layerless stock's code) to display code: P, end points, saturation."""
    if stock.model is None:
        scan = torch.eye(3, dtype=torch.float64)
        ends = torch.tensor([[0.0] * 3, [1.0] * 3], dtype=torch.float64)
        if stock.lut is not None:
            ends = stock.lut(ends.float().T[None, :, :, None])[0, :, :, 0].T.double()
        if stock.network is not None:
            halves = torch.zeros(1, 3, 8, 16)
            halves[..., 8:] = 1
            with torch.inference_mode():
                ends = stock.network(halves)[0, :, 4, 4::8].T.double()
    else:
        light = torch.tensor([[0.0] * 3, [WHITE_LIGHT] * 3], dtype=torch.float64)
        scan = (torch.eye(stock.layers, dtype=torch.float64) + stock.model.scan).expand(3, -1)
        scan = scan if stock.layers == 3 else torch.eye(3, dtype=torch.float64) * scan[0, 0]
        ends = stock.model(light).expand(-1, 3)
    black, white = ends.clamp(0, 1).unbind(0)
    new_black = black * min(look.black, 1) + _FADE * max(look.black - 1, 0)
    new_white = 1 - (1 - white) * min(look.white, 1) - _FADE * max(look.white - 1, 0)
    span = white - black  # a LUT may fall, or be flat
    gain = 1 + (new_white - new_black - span) / torch.where(span.abs() < 0.1, 0.1, span)
    luma = torch.tensor(_LUMA, dtype=torch.float64).expand(3, 3)
    colour = luma + look.saturation * (torch.eye(3, dtype=torch.float64) - luma)
    return colour @ (gain[:, None] * scan), colour @ (new_black - gain * black)


class Print:
    """One print's curve and matrices.

    Args:
        stock: a model stock's print; other stocks get the controls alone.
        look: printer lights, contrast, saturation, black, white, toning.
        device: where it runs.
    """

    def __init__(self, stock: Stock, look: Look, device: torch.device) -> None:
        self._stock = stock
        lights = math.log10(2) * torch.tensor((look.light_red, look.light_green, look.light_blue), dtype=torch.float64)
        self._matrix, self._bias = print_matrix(stock, look)
        model = stock.model
        if model is None:
            self._plain = not lights.any() and look.contrast == 1
            self._identity = self._plain and bool(torch.allclose(self._matrix, torch.eye(3, dtype=torch.float64)))

            def controls(code: Tensor) -> Tensor:
                log_light = torch.log10(scene_light(code.clamp(1e-6, 1)))
                log_grey = math.log10(MID_GREY)
                return display_code(10 ** (log_grey + look.contrast * (log_light - log_grey) + lights)).clamp(0, 1)

            self._curve = Table(controls, 0, 1, 3, device)
            return
        grey = model.density(torch.log10(model.layer_exposure(torch.full((3,), MID_GREY, dtype=torch.float64))))
        grey = grey + model.absorption @ grey
        if stock.layers == 1:
            lights = lights.mean()  # black and white paper has one light, and stays neutral
        direction = 1.0 if stock.kind == "negative" else -1.0
        tint = torch.tensor(_TONES[look.toning], dtype=torch.float64)

        def curve(x: Tensor) -> Tensor:
            t = model.print(grey + look.contrast * (x - grey) + direction * lights)
            return t if model.layers == 3 else t + 4 * (t * (1 - t)).clamp_min(0) * tint

        self._curve = Table(curve, *_ARGUMENT_RANGE, 3, device)
        self._absorption = torch.eye(model.layers, dtype=torch.float64) + model.absorption

    def __call__(self, density: Tensor) -> Tensor:
        """Density `B,L,H,W` (display code, for stocks without layers) to display code `B,3,H,W`, clipped to [0, 1]."""
        if self._stock.model is None:
            code = density if self._plain else self._curve(density)
            return code if self._identity else mix(self._matrix, code, self._bias).clamp_(0, 1)
        if self._stock.layers == 3:
            t = self._curve(mix(self._absorption, density))
        else:
            t = self._curve(density.expand(-1, 3, -1, -1))
        return mix(self._matrix, t, self._bias).clamp_(0, 1)


def print_(density: Tensor, stock: Stock, look: Look | None = None) -> Tensor:
    """Density `B,L,H,W` to display code `B,3,H,W` in [0, 1], printed as the look says."""
    return Print(stock, look or Look(stock=stock.name), density.device)(density)
