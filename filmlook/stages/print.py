"""PRINT: density to display code, through the print that the look chooses (see `film.paper`), then saturation and toning.

For stocks without layers contrast, printer lights and the ends' fading act on the display code the stock gave.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.film.colour_map import CodeMap
from filmlook.film.curve import Table
from filmlook.film.ends import FADE, PrintSettings
from filmlook.film.paper import Paper, View
from filmlook.film.scene_light import MID_GREY, display_code, scene_light
from filmlook.film.srgb import decode, encode
from filmlook.film.toning import LUMA, Toning
from filmlook.look import Look
from filmlook.prints import paper_of
from filmlook.stages.darkroom import film_view
from filmlook.stages.stage import Place
from filmlook.stages.steps import LuminanceGain, Mix, OfOne, Transmittance
from filmlook.stock import Stock

Step = Callable[[Tensor], Tensor]
"""`B,C,H,W` to `B,C,H,W`."""

_GRAIN = 0.5  # density by which grain may leave the film's range
_SEEN_D = (-0.1, 4.0)  # a print's densities, as far as code tells them apart
_LEAST_SPAN = 0.1  # code between black and white; a LUT may fall, or be flat
_TONES = {  # tint of the mid-tones, in code; highlights and full black keep their neutral
    "none": (0.0, 0.0, 0.0),
    "sepia": (0.075, 0.010, -0.085),
    "selenium": (0.018, -0.016, 0.012),
    "gold": (-0.022, -0.008, 0.040),
    "blue": (-0.060, 0.005, 0.070),
}


class Print:
    """The print of one stock: density to display code; for stocks without layers from display code to display code."""

    name = "print"
    margin = 0

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        self.steps = _steps(stock, look, paper_of(stock, look.print), device)

    def __call__(self, density: Tensor, place: Place | None = None) -> Tensor:
        """Density `B,L,H,W` to display code `B,3,H,W` in [0, 1]."""
        for step in self.steps:
            density = step(density)
        return density


@lru_cache(maxsize=8)
def _steps(stock: Stock, look: Look, paper: Paper | None, device: torch.device) -> tuple[Step, ...]:
    toning = Toning(look.tone_shadows, look.tone_shadows_hue, look.tone_highlights, look.tone_highlights_hue)
    if stock.layers == 1:
        return (_monochrome(stock, look, toning, device),)
    steps = list(_of_film(stock, look, device) if stock.film else _of_code(stock, look, device))
    luma = torch.tensor(LUMA, dtype=torch.float64).expand(3, 3)
    if look.saturation != 1:
        colour = luma + look.saturation * (torch.eye(3, dtype=torch.float64) - luma)
        steps.append(Mix(colour, clamped=True))
    if toning:
        light, gain = (Table(f, 0, 1, 3, device) for f in (decode, lambda y: toning.gain(y[:, 0])))
        code = Table(encode, 0, 1, 3, device)
        steps += [light, LuminanceGain(gain, luma), code]
    return tuple(steps)


def _of_film(stock: Stock, look: Look, device: torch.device) -> Iterator[Step]:
    view, _ = film_view(stock, look)
    matrix, offset = view.matrix, view.offset
    if view.curve is None:  # dyes looked at directly: their side absorptions join the first matrix
        matrix, offset = view.absorption @ matrix, view.absorption @ offset
    yield Mix(matrix, offset)
    low, high = _range(stock, matrix, offset)
    if _is_diagonal(view.mixing) and (view.curve is None or _is_diagonal(view.absorption)):
        whole = _through(view)
        yield Table(lambda at: encode(whole(at)).clamp(0, 1), low, high, 3, device)
        return
    if view.curve is not None and _is_diagonal(view.mixing):  # one table shows the dyes: it needs no light
        yield Table(view.curve, low, high, 3, device)
        yield Mix(view.absorption)
        light = replace(view, curve=None, absorption=torch.eye(3, dtype=torch.float64))
        yield Table(lambda d: encode(light.linear(d)).clamp(0, 1), *_SEEN_D, 3, device)
        return
    if view.curve is not None:
        absorption = view.absorption * -math.log(10)
        yield Table(view.curve, low, high, 3, device)
        yield Mix(absorption, exponential=True)
    else:
        yield Transmittance()
    yield Mix(view.mixing, view.bias)
    yield Table(lambda light: encode(light).clamp(0, 1), 0, 1, 3, device)


def _through(view: View) -> Callable[[Tensor], Tensor]:
    """Linear light at `View`'s l, or, where dyes are looked at directly, at their density with side absorptions."""
    if view.curve is not None:
        return view.linear
    return lambda density: torch.exp(density * -math.log(10)) @ view.mixing.T + view.bias


def _monochrome(stock: Stock, look: Look, toning: Toning, device: torch.device) -> Step:
    """Everything from a single density on is one table."""
    view, _ = film_view(stock, look)
    tint = torch.tensor(_TONES[look.toning], dtype=torch.float64)
    luma = torch.tensor(LUMA, dtype=torch.float64)

    def code(density: Tensor) -> Tensor:
        t = view(density[:, :1]).clamp(0, 1)
        t = (t + 4 * t * (1 - t) * tint).clamp(0, 1)
        grey = (t @ luma)[:, None]
        t = (grey + look.saturation * (t - grey)).clamp(0, 1)
        return toning(t).clamp(0, 1) if toning else t

    eye = torch.eye(1, dtype=torch.float64)
    return OfOne(Table(code, *_range(stock, eye, torch.zeros(1, dtype=torch.float64)), 3, device))


def _range(stock: Stock, matrix: Tensor, offset: Tensor) -> tuple[float, float]:
    """Between which values `matrix @ density + offset` lies, grain included."""
    assert stock.film is not None
    most = stock.film.dmax().expand_as(matrix)
    ends = torch.stack((matrix * -_GRAIN, matrix * (most + _GRAIN)))
    low, high = ends.amin(0).sum(1) + offset, ends.amax(0).sum(1) + offset
    return float(low.min()), max(float(high.max()), float(low.min()) + 1e-3)


def _is_diagonal(matrix: Tensor) -> bool:
    return bool(torch.equal(matrix, torch.diag(matrix.diagonal())))


def _of_code(stock: Stock, look: Look, device: torch.device) -> Iterator[Step]:
    lights = PrintSettings(exposure=look.print_exposure, lights=(look.light_red, look.light_green, look.light_blue)).darker(3)
    if lights.any() or look.contrast != 1:
        log_grey = math.log10(MID_GREY)

        def controls(code: Tensor) -> Tensor:
            log_light = torch.log10(scene_light(code.clamp(1e-6, 1)))
            return display_code(10 ** (log_grey + look.contrast * (log_light - log_grey) - lights)).clamp(0, 1)

        yield Table(controls, 0, 1, 3, device)
    faded = [FADE * max(setting - 1, 0) for setting in (look.black, look.white)]
    if any(faded):
        colour: CodeMap = stock.colour  # type: ignore[assignment]
        black, white = colour.ends().clamp(0, 1).unbind(0)
        span = white - black
        gain = 1 - (faded[0] + faded[1]) / torch.where(span.abs() < _LEAST_SPAN, _LEAST_SPAN, span)
        bias = black + faded[0] - gain * black
        matrix = torch.diag(gain)
        yield Mix(matrix, bias, clamped=True)


def print_(density: Tensor, stock: Stock, look: Look | None = None) -> Tensor:
    """Density `B,L,H,W` to display code `B,3,H,W` in [0, 1], printed as the look says."""
    return Print(stock, look or Look(stock=stock.name), 1.0, density.device)(density)
