"""sRGB's transfer curve, in double precision, continued as a straight line below black (IEC 61966-2-1)."""

from __future__ import annotations

import torch
from torch import Tensor


def encode(linear: Tensor) -> Tensor:
    """Linear light to code, any shape; above 1 the curve goes on."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.003) ** (1 / 2.4) - 0.055)


def decode(code: Tensor) -> Tensor:
    """The inverse of `encode`."""
    return torch.where(code <= 0.04045, code / 12.92, ((code.clamp_min(0.04) + 0.055) / 1.055) ** 2.4)
