"""From display code to scene light and back.

A generated picture is display-referred; film sees a scene. One closed form, the same for every stock, inverts a standard
camera rendering: mid-grey .4663 <-> .184 is kept, code 1 becomes 1.69.

    s(x) = .184 ((x / (1.1423 - x)) / (.4663 / (1.1423 - .4663))) ^ (1 / 1.0479)
"""

from __future__ import annotations

import torch
from torch import Tensor

MID_GREY = 0.184
MID_CODE = 0.4663
SCENE_GREY = 0.18  # mid-grey of scene-linear pictures; becomes MID_GREY
WHITE_LIGHT = 1.69  # of code 1
SHOULDER = 1.1423
GAMMA = 1.0479
MID_ODDS = MID_CODE / (SHOULDER - MID_CODE)


def scene_light(code: Tensor) -> Tensor:
    """Scene light of sRGB code values in [0, 1], any shape."""
    # exp and log instead of pow: pow's last bit depends on how many values are computed at once.
    odds = code / (SHOULDER - code) / MID_ODDS
    return odds.log_().mul_(1 / GAMMA).exp_().mul_(MID_GREY)


def extended_scene_light(code: Tensor) -> Tensor:
    """Scene light of the sRGB codes of colours that sRGB cannot hold, below 0 and above 1; between them as `scene_light`.

    Below 0 it mirrors the positive side. Above 1 it grows with the display's own light: s would be infinite at 1.1423,
    and the red of BT.2020 has 1.25.
    """
    size = code.abs()
    light = scene_light(size.clamp_max(1))
    above = ((size.clamp_min(1) + 0.055) / 1.055) ** 2.4  # 1 up to code 1
    return light * above * torch.sign(code)


def display_code(light: Tensor) -> Tensor:
    """The inverse of `scene_light`, for light >= 0; code values in [0, 1.1423)."""
    odds = torch.log(light * (1 / MID_GREY)).mul_(GAMMA).exp_().mul_(MID_ODDS)
    return odds / (odds + 1) * SHOULDER
