"""Where a print's ends and its mid-grey go: the settings of the enlarger or scanner, and the rule that a lab's scanner follows.

The rule sets the ends, linear in light and alike for the three channels,

    v = k P u - b          code 1 of a normally exposed picture -> 248, code 0 -> 8 (of green), mid-grey stays at .4663

by a gain k and an offset b that are solved once for a film, a print and a contrast; neither rating nor printer lights change them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from filmlook.film.scene_light import MID_CODE, scene_light
from filmlook.film.srgb import decode, encode

LOG_STOP = math.log10(2)
SCAN_WHITE, SCAN_BLACK = 248 / 255, 8 / 255  # where a lab's scanner puts the picture's ends
FADE = 0.08  # code by which the ends move towards grey for each step of `white` or `black` above 1
LEAST_CONTRAST = 0.7  # below it the ends are no more stretched: the print goes grey
_ROUNDS, _NEWTON = 40, 12
_STEP = 1e-5  # of finite differences


@dataclass(frozen=True)
class PrintSettings:
    """What is chosen at the enlarger or the scanner.

    Attributes:
        white, black: 0 the scanner's rule, 1 the print's own end, above that faded.
        contrast: slope of the paper's exposure around mid-grey.
        exposure: stops, + darkens.
        lights: stops, red, green, blue; + makes the print redder (greener, bluer), and lighter.
    """

    white: float = 0.0
    black: float = 0.0
    contrast: float = 1.0
    exposure: float = 0.0
    lights: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def darker(self, layers: int) -> Tensor:
        """log10 by which each channel is darkened, `(L,)`. Black and white has one light."""
        lights = torch.tensor(self.lights, dtype=torch.float64)
        return LOG_STOP * (self.exposure - (lights if layers == 3 else lights.mean().expand(layers)))


def solve(function: Callable[[Tensor], Tensor], start: Tensor, target: Tensor) -> Tensor:
    """The x `(L,)` with function(x) = target, by Newton's method; `function` maps `(N, L)` to `(N, L)`.

    Steps are halved while they make it worse, so a target out of reach gives the closest that was found.
    """
    x, count = start, len(start)
    offsets = torch.cat((torch.zeros(1, count), _STEP * torch.eye(count))).double()
    for _ in range(_NEWTON):
        values = function(x + offsets)
        miss = target - values[0]
        if miss.abs().max() < 1e-11:
            break
        jacobian = (values[1:] - values[0]).T / _STEP
        step = torch.linalg.lstsq(jacobian, miss[:, None]).solution[:, 0].clamp(-0.5, 0.5)
        while step.abs().max() > 1e-9 and (target - function((x + step)[None])[0]).norm() > miss.norm():
            step = step / 2
        x = x + step
    return x


def _codes(white: float, black: float, own_white: float, own_black: float) -> tuple[float, float]:
    """The codes of the ends in the green channel, by the settings."""
    white_code = SCAN_WHITE + (own_white - SCAN_WHITE) * min(white, 1) - FADE * max(white - 1, 0)
    black_code = SCAN_BLACK + (own_black - SCAN_BLACK) * min(black, 1) + FADE * max(black - 1, 0)
    return white_code, black_code


@dataclass(frozen=True)
class Ends:
    """k `(L,)`, b, and whatever `settle` found for mid-grey under them."""

    gain: Tensor
    bias: float
    settled: Tensor


def solve_ends(
    settle: Callable[[Tensor, Tensor | None], Tensor],
    ends: Callable[[Tensor], Tensor],
    settings: PrintSettings,
    base_light: Tensor,
    middle: Tensor,
    own: bool,
) -> Ends:
    """k, b and mid-grey's place together.

    Args:
        settle: from P u of mid-grey as wanted `(L,)` and the last answer to the unknown that gives it.
        ends: from that unknown to P u at code 0 and code 1, `(2, L)`.
        base_light: w. middle: code of mid-grey, `(L,)`. own: whether the print is shown as it was measured at 0 as at 1.
    """
    green = len(base_light) // 2
    grey = decode(middle)

    def own_ends() -> tuple[Tensor, Tensor]:
        found = settle(grey / base_light, None)
        return found, encode(base_light * ends(found))[:, green]

    settled, (own_black, own_white) = own_ends()
    white = max(settings.white, 1.0) if own else settings.white
    black = max(settings.black, 1.0) if own else settings.black
    if white == 1 and black == 1:
        return Ends(base_light, 0.0, settled)
    wanted = torch.tensor(_codes(white, black, float(own_white), float(own_black)), dtype=torch.float64)
    white_light, black_light = decode(wanted).tolist()
    tint = (base_light / base_light[green]) ** min(white, 1)
    gain, bias = base_light, 0.0
    for _ in range(_ROUNDS):
        settled = settle((grey - bias) / gain, settled)
        dark, light = (tint * ends(settled))[:, green].tolist()
        factor = (white_light - black_light) / max(light - dark, 1e-3)
        change = max(abs(float(gain[green]) - factor), abs(bias - (black_light - factor * dark)))
        gain, bias = factor * tint, black_light - factor * dark
        if change < 1e-9:
            break
    return Ends(gain, bias, settle((grey - bias) / gain, settled))


def ends_light() -> Tensor:
    """Scene light of code 0 and code 1, `(2, 3)`."""
    return scene_light(torch.tensor([0.0, 1.0], dtype=torch.float64))[:, None].expand(2, 3)


def middle_code(layers: int, own: Tensor | None = None) -> Tensor:
    """The code of mid-grey, `(L,)`: the print's own, or a neutral .4663."""
    return own if own is not None else torch.full((layers,), MID_CODE, dtype=torch.float64)
