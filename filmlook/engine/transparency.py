"""Colour under full transparency: nobody sees it, so it must light nothing.

It is replaced by what surrounds it, as if the visible picture went on: black would draw light out of the subject's edge.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

_CELL_PX = 4  # of the grid that is filled in


def without_hidden(source: Tensor, alpha: Tensor) -> Tensor:
    """Samples `H,W,C` (C of 3 or 4, any type; int16 stands for unsigned bits) with those under an `alpha` `H,W` of 0 replaced.

    The same tensor where nothing is hidden.
    """
    hidden = alpha == 0
    if not bool(hidden.any()):
        return source
    height, width = hidden.shape
    pad = [(-n) % _CELL_PX for n in (height, width)]
    cells = [(n + p) // _CELL_PX for n, p in zip((height, width), pad, strict=True)]
    light = torch.zeros((1, 4, *cells), device=source.device)  # sums of colour, and how much of it is visible
    rows = _CELL_PX * max(1, 250_000 // (width * _CELL_PX))
    for y in range(0, height, rows):
        strip = source[y : y + rows, :, :3].movedim(2, 0)
        strip = (strip.to(torch.int32) & 0xFFFF if strip.dtype == torch.int16 else strip).float()
        seen = (~hidden[y : y + rows]).float()[None]
        part = torch.cat((strip * seen, seen))[None]
        part = torch.nn.functional.pad(part, (0, pad[1], 0, (-part.shape[2]) % _CELL_PX))
        light[:, :, y // _CELL_PX : y // _CELL_PX + part.shape[2] // _CELL_PX] = avg_pool2d(part, _CELL_PX)
    filled = _filled(light)[0]
    out = source.clone()
    ys, xs = hidden.nonzero(as_tuple=True)
    colour = filled[:, ys // _CELL_PX, xs // _CELL_PX].T
    if not source.dtype.is_floating_point:
        colour = colour.round().to(torch.int32)
    out[ys, xs, :3] = colour.to(source.dtype)
    return out


def _filled(sums: Tensor) -> Tensor:
    """Colour `1,3,h,w` of each cell from `1,4,h,w`, sums of colour and weights: its own, else that of the cells around it."""
    weight = sums[:, 3:]
    if bool((weight > 0).all()) or max(sums.shape[2:]) == 1:
        return sums[:, :3] / weight.clamp_min(1e-30)
    height, width = sums.shape[2:]
    coarse = _filled(avg_pool2d(torch.nn.functional.pad(sums, (0, width % 2, 0, height % 2)), 2))
    around = interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width]
    return torch.where(weight > 0, sums[:, :3] / weight.clamp_min(1e-30), around)
