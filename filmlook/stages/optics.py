"""OPTICS: what a lens does to the whole picture beside blurring it by depth. Scene light `C,H,W` to the same.

Distortion and lateral colour move light: a point at r of the way to the corner comes from (1 + k r^2) r, and red and blue from
a little farther and nearer. Flare and streaks are added: what lamps, which are far brighter than a picture shows, send to where
they are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, grid_sample, interpolate, max_pool2d

_BENT = 0.12  # k at a distortion of 1: 12 % in the corner, a fish-eye's tenth
_PARTED = 0.003  # at an aberration of 1: of the way to the corner, 2 px at the corner of a picture of 1024
_STREAK_REACHES = ((0.02, 0.5), (0.08, 0.3), (0.25, 0.2))  # of the width, and their shares: a streak thins out slowly
_STREAKED = (0.06, 0.11, 0.25)  # share of a lamp's light at a streak of 1: blue, as of the coatings that people know
_STREAK_CELL = 4  # pixels
_GHOST_CELLS = 256  # along the long side
_GHOSTS = (
    # where a lamp's ghost lies, of its way from the middle; its radius, of the long side; its colour
    (-0.45, 0.020, (0.9, 0.5, 0.3)),
    (-0.75, 0.038, (0.3, 0.7, 0.6)),
    (-1.25, 0.060, (0.4, 0.4, 0.9)),
    (0.55, 0.014, (0.8, 0.7, 0.4)),
    (0.30, 0.030, (0.5, 0.9, 0.6)),
)
Blurred = Callable[[Tensor, float], Tensor]

_GHOST_SHARE = 0.02  # of a lamp's light, in each, at a flare of 1: five coated surfaces
_VEIL_SHARE = 0.06  # of all lamps' light, over the whole picture


def moved(planes: Tensor, distortion: float, aberration: float) -> Tensor:
    """Planes `4,H,W` of red, green, blue and lamps' light, bent and parted. What is beyond the picture is never needed by more
    than the parting, and mirrored there."""
    parts = [1 + _PARTED * aberration, 1.0, 1 - _PARTED * aberration, 1.0]
    if not aberration:
        return _sampled(planes, distortion, 1.0)
    return torch.cat([_sampled(plane[None], distortion, part) for plane, part in zip(planes, parts, strict=True)])


def _sampled(planes: Tensor, distortion: float, scale: float) -> Tensor:
    """By cubics, held to what is around, so that nothing rings about a lamp."""
    height, width = planes.shape[1:]
    k, corner = _BENT * distortion, math.hypot(height, width)
    y = (torch.arange(height, device=planes.device) + 0.5 - height / 2)[:, None] * (2 / corner)
    x = (torch.arange(width, device=planes.device) + 0.5 - width / 2)[None] * (2 / corner)
    still = 1.0 if k > 0 else (min(height, width) / corner) ** 2  # where nothing moves: the corner, or the nearest edge
    factor = (1 + k * (x * x + y * y)) * (scale / (1 + k * still))
    grid = torch.stack((factor * x * (corner / width), factor * y * (corner / height)), -1)[None]
    field = planes[None]
    cubic = grid_sample(field, grid, "bicubic", "reflection", align_corners=False)
    high = grid_sample(max_pool2d(field, 3, 1, 1), grid, "nearest", "reflection", align_corners=False)
    low = -grid_sample(max_pool2d(-field, 3, 1, 1), grid, "nearest", "reflection", align_corners=False)
    return cubic.minimum(high).maximum(low)[0]


def streaks(lamps: Tensor, amount: float) -> Tensor:
    """What streaks add, `3,H,W`, of lamps' light `3,H,W`."""
    height, width = lamps.shape[1:]
    cells = -(-width // _STREAK_CELL)
    row = adaptive_avg_pool2d(lamps, (height, cells))
    across = torch.arange(-cells, cells, device=lamps.device).abs()
    kernel = torch.zeros(2 * cells, device=lamps.device)
    for reach, share in _STREAK_REACHES:
        own = torch.exp(-across / (reach * cells))
        kernel += share * own / own.sum()
    spectrum = torch.fft.rfft(row, 4 * cells) * torch.fft.rfft(kernel, 4 * cells)
    spread = torch.fft.irfft(spectrum, 4 * cells)[..., cells : 2 * cells].clamp_min(0)
    tint = torch.tensor(_STREAKED, device=lamps.device).view(3, 1, 1) * amount
    return interpolate(spread[None], (height, width), mode="bilinear", align_corners=False)[0] * tint


def ghosts(lamps: Tensor, amount: float, disc: Blurred) -> Tensor:
    """What ghosts and veil add, `3,H,W`, of lamps' light `3,H,W`; `disc` blurs planes by a radius."""
    height, width = lamps.shape[1:]
    scale = min(1.0, _GHOST_CELLS / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    few = adaptive_avg_pool2d(lamps, size)
    y = (torch.arange(size[0], device=lamps.device) + 0.5) * (2 / size[0]) - 1
    x = (torch.arange(size[1], device=lamps.device) + 0.5) * (2 / size[1]) - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
    veil = few.mean((1, 2), keepdim=True) * (_VEIL_SHARE * amount)
    made = veil.expand(-1, *size).clone()
    for place, radius, tint in _GHOSTS:
        there = grid_sample(few[None], grid / place, "bilinear", align_corners=False)[0] / place**2
        colour = torch.tensor(tint, device=lamps.device).view(3, 1, 1) * (_GHOST_SHARE * amount)
        made += disc(there, radius * max(size)) * colour
    return interpolate(made[None], (height, width), mode="bilinear", align_corners=False)[0]
