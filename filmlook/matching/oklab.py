"""OKLab, in which pictures are compared here: lightness, and colour in two coordinates, alike to the eye.

Reference: B. Ottosson, "A perceptual color space for image processing" (2020).
"""

from __future__ import annotations

import torch
from torch import Tensor

from filmlook.film.srgb import decode

TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def oklab(code: Tensor) -> Tensor:
    """OKLab `(..., 3)` of sRGB code `(..., 3)` in [0, 1]."""
    cones, lab = (torch.tensor(m, dtype=code.dtype, device=code.device) for m in (TO_CONES, TO_LAB))
    mixed = decode(code) @ cones.T
    return mixed.clamp_min(0).pow(1 / 3) @ lab.T
