"""Lamps of a picture that is scaled down: smaller than a pixel, they would be no whiter than what surrounds them, nor glow.

What is a lamp's is found in the picture as it is, pixel by pixel (see `stages.lamps`), and only then averaged: as light.
"""

from __future__ import annotations

import numpy as np
import torch

from filmlook.engine.lamp_gate import lamp_gate
from filmlook.engine.pixels import Pixels, unpack
from filmlook.files.picture import Picture
from filmlook.stages.lamps import candidates, near_white, pale
from filmlook.stages.psf import COARSE

_ROWS = 64  # read at once


def lamps_light(picture: Picture) -> np.ndarray | None:
    """Light of a picture `(H, W, 6)`, in strips that have lamps: red, green, blue, the sum of them, what of that sum is lamps',
    and that times t. None: there are no lamps."""
    (pair,), _, is_light = unpack(Picture(picture.pixels))
    pixels = Pixels(*pair, torch.device("cpu"), is_light)
    height, width = picture.pixels.shape[:2]
    few = pixels.scattered(COARSE).light(0, 0, -(-height // COARSE), -(-width // COARSE))
    gate = lamp_gate(few, (height, width))
    if not gate.opens:
        return None
    found = np.zeros((height, width, 6), np.float32)
    for y in range(0, height, _ROWS):
        rows = min(_ROWS, height - y)
        share = gate(y, 0, rows, width)
        if share is None or candidates(light := pixels.light(y, 0, rows, width)) is None:
            continue
        total, t = light.sum(0, keepdim=True), near_white(light)
        own = total * share * pale(light) * t
        found[y : y + rows] = torch.cat((light, total, own, own * t)).movedim(0, 2).numpy()
    return found if found[..., 4].any() else None
