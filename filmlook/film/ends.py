"""Where a print's ends and its mid-grey go: the settings of the enlarger or scanner, and the rule that a lab's scanner follows.

The rule sets the ends, linear in light,

    v = k P u - b          code 1 of a normally exposed picture -> 248, code 0 -> 8, mid-grey stays at .4663

by gains k and offsets b, solved once for a film, a print and a contrast; neither rating nor printer lights change them.
A scanner is set for each channel: most of the tint that a paper's black and white have is taken out, and a little left.
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
TINT_KEPT = 0.3  # of the ends' tint under the scanner's rule
LEAST_CONTRAST = 0.7  # below it the ends are no more stretched: the print goes grey
_ROUNDS, _NEWTON = 40, 12
_LEAST_SPAN = 1e-3  # of light between the ends: less is no picture that a scanner could stretch
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


@dataclass(frozen=True)
class Ends:
    """k and b, `(L,)`, and whatever `settle` found for mid-grey under them."""

    gain: Tensor
    bias: Tensor
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
    grey, green = decode(middle), len(base_light) // 2
    settled = settle(grey / base_light, None)
    own_black, own_white = encode(base_light * ends(settled)).unbind(0)
    white = max(settings.white, 1.0) if own else settings.white
    black = max(settings.black, 1.0) if own else settings.black
    if white == 1 and black == 1:
        return Ends(base_light, torch.zeros_like(base_light), settled)
    tints = encode(ends(settle(grey, settled)))
    tints = TINT_KEPT * (tints - tints[:, green, None])
    white_light = decode(_wanted(white, SCAN_WHITE + tints[1], own_white, -FADE))
    black_light = decode(_wanted(black, SCAN_BLACK + tints[0], own_black, FADE))
    gain, bias = base_light, torch.zeros_like(base_light)
    for _ in range(_ROUNDS):
        settled = settle((grey - bias) / gain, settled)
        dark, light = ends(settled).unbind(0)
        new_gain = (white_light - black_light) / (light - dark).clamp_min(_LEAST_SPAN)
        new_bias = black_light - new_gain * dark
        change = torch.maximum((new_gain - gain).abs().max(), (new_bias - bias).abs().max())
        gain, bias = new_gain, new_bias
        if change < 1e-9:
            break
    return Ends(gain, bias, settle((grey - bias) / gain, settled))


def _wanted(setting: float, rule: Tensor, own: Tensor, fade: float) -> Tensor:
    """Code of one end by its setting: the rule's at 0, the print's own at 1, faded above."""
    return rule + (own - rule) * min(setting, 1) + fade * max(setting - 1, 0)


def ends_light() -> Tensor:
    """Scene light of code 0 and code 1, `(2, 3)`."""
    return scene_light(torch.tensor([0.0, 1.0], dtype=torch.float64))[:, None].expand(2, 3)


def middle_code(layers: int, own: Tensor | None = None) -> Tensor:
    """The code of mid-grey, `(L,)`: the print's own, or a neutral .4663."""
    return own if own is not None else torch.full((layers,), MID_CODE, dtype=torch.float64)
