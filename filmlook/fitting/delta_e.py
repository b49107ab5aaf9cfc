"""CIEDE2000 in torch, and its local metric for least squares.

References: G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary
test data, and mathematical observations", Color Research and Application 30 (2005); IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_SRGB_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
# The linear part of CIELAB's function below (6/29)^3.
_LINEAR_BELOW = (6 / 29) ** 3


def to_cielab(code: Tensor) -> Tensor:
    """sRGB code values `(..., 3)` to CIELAB under D65; the white is (1, 1, 1). Codes outside [0, 1] are continued."""
    linear = torch.where(code <= 0.04045, code / 12.92, ((code.clamp_min(0.04) + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(_SRGB_TO_XYZ, dtype=code.dtype, device=code.device)  # new_tensor fails under torch 2.0's transforms
    xyz = linear @ (matrix / matrix.sum(1, keepdim=True)).T
    root = xyz.clamp_min(_LINEAR_BELOW) ** (1 / 3)
    x, y, z = torch.where(xyz > _LINEAR_BELOW, root, xyz * (841 / 108) + 4 / 29).unbind(-1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), -1)


def from_cielab(lab: Tensor) -> Tensor:
    """The inverse of `to_cielab`, of colours that sRGB has; of others the light that it cannot make is 0."""
    light, a, b = lab.unbind(-1)
    y = (light + 16) / 116
    root = torch.stack((y + a / 500, y, y - b / 200), -1)
    xyz = torch.where(root > 6 / 29, root**3, (root - 4 / 29) * (108 / 841))
    matrix = torch.tensor(_SRGB_TO_XYZ, dtype=lab.dtype, device=lab.device)
    linear = (xyz @ torch.linalg.inv(matrix / matrix.sum(1, keepdim=True)).T).clamp_min(0)
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(0.003) ** (1 / 2.4) - 0.055)


@dataclass(frozen=True)
class _Terms:
    """The formula's quantities that depend on the pair only through its mean."""

    stretch: Tensor  # 1 + G, the factor of a*
    scale_l: Tensor
    scale_c: Tensor
    scale_h: Tensor
    rotation: Tensor


def _stretch(chroma: Tensor) -> Tensor:
    seventh = chroma**7
    return 1.5 - 0.5 * (seventh / (seventh + 25.0**7)).sqrt()


def _terms(stretch: Tensor, lightness: Tensor, chroma: Tensor, hue: Tensor) -> _Terms:
    """From mean L*, mean C' and mean h' (radians)."""
    t = (
        1
        - 0.17 * torch.cos(hue - torch.pi / 6)
        + 0.24 * torch.cos(2 * hue)
        + 0.32 * torch.cos(3 * hue + torch.pi / 30)
        - 0.20 * torch.cos(4 * hue - 63 * torch.pi / 180)
    )
    offset = (lightness - 50) ** 2
    turn = torch.exp(-(((torch.rad2deg(hue) % 360 - 275) / 25) ** 2)) * (torch.pi / 3)
    seventh = chroma**7
    return _Terms(
        stretch,
        1 + 0.015 * offset / (20 + offset).sqrt(),
        1 + 0.045 * chroma,
        1 + 0.015 * chroma * t,
        -2 * (seventh / (seventh + 25.0**7)).sqrt() * torch.sin(turn),
    )


def delta_e(first: Tensor, second: Tensor) -> Tensor:
    """CIEDE2000 between two CIELAB colours `(..., 3)`, `(...)`.

    >>> delta_e(torch.tensor([50.0, 2.6772, -79.7751]), torch.tensor([50.0, 0.0, -82.7485]))
    tensor(2.0425)
    """
    (l1, a1, b1), (l2, a2, b2) = first.unbind(-1), second.unbind(-1)
    stretch = _stretch((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2)
    c1, c2 = torch.hypot(a1 * stretch, b1), torch.hypot(a2 * stretch, b2)
    h1, h2 = torch.atan2(b1, a1 * stretch), torch.atan2(b2, a2 * stretch)
    turn = h2 - h1
    turn = turn - 2 * torch.pi * torch.round(turn / (2 * torch.pi))
    # A colour without chroma has no hue: the mean is then the other's.
    hue = torch.where(c1 == 0, h2, torch.where(c2 == 0, h1, h1 + turn / 2))
    k = _terms(stretch, (l1 + l2) / 2, (c1 + c2) / 2, hue)
    light = (l2 - l1) / k.scale_l
    chroma = (c2 - c1) / k.scale_c
    arc = 2 * (c1 * c2).sqrt() * torch.sin(turn / 2) / k.scale_h
    return (light**2 + chroma**2 + arc**2 + k.rotation * chroma * arc).clamp_min(0).sqrt()


def metric(first: Tensor, second: Tensor) -> Tensor:
    """The factor M, `(..., 3, 3)`, with `|M (first - second)|` close to their CIEDE2000; taken at their mean."""
    light, a, b = ((first + second) / 2).unbind(-1)
    stretch = _stretch((torch.hypot(first[..., 1], first[..., 2]) + torch.hypot(second[..., 1], second[..., 2])) / 2)
    chroma, hue = torch.hypot(a * stretch, b), torch.atan2(b, a * stretch)
    k = _terms(stretch, light, chroma, hue)
    cos, sin = torch.cos(hue), torch.sin(hue)
    # (dC', dH') is (da', db) turned by the hue; the Cholesky factor of [[1, r], [r, 1]], r = R_T / 2, joins the two.
    to_c = torch.stack((torch.zeros_like(cos), stretch * cos, sin), -1) / k.scale_c[..., None]
    to_h = torch.stack((torch.zeros_like(cos), -stretch * sin, cos), -1) / k.scale_h[..., None]
    r = k.rotation[..., None] / 2
    to_l = torch.zeros_like(to_c)
    to_l[..., 0] = 1 / k.scale_l
    return torch.stack((to_l, to_c + r * to_h, (1 - r**2).sqrt() * to_h), -2)
