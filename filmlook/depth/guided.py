"""A depth map's edges brought to those of its picture.

Networks see a picture at some 500 pixels, so their edges are soft, and off by a few of these; a figure's rim would be blurred
with its ground. First a guided filter (He, Sun and Tang 2010), in which the map is within each window the linear function of
the picture's luminance that comes nearest to it. Then, where a window holds two depths, each pixel takes the one whose colour
is its own, as in matting: hair goes to the head.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad

_REACH = 1 / 160  # of the long side
_EVEN = 1e-3  # variance of luminance, of 1, below which a place counts as even, and keeps the map's own mean
_LUMA = (0.299, 0.587, 0.114)
_TWO_DEPTHS = (0.06, 0.15)  # of a map's range: from where on a window holds two depths
_UNSURE = (0.12, 0.35)  # of 1, half way between them
_TWO_COLOURS = (0.05, 0.15)  # of code: from where on they have two colours


def refined(nearness: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    """Nearness `(h, w)` in [0, 1], of any size, at the size of its picture `(H, W, 3)` uint8 and with its edges."""
    height, width = rgb.shape[:2]
    depth = torch.from_numpy(np.ascontiguousarray(nearness, np.float32))[None, None]
    if depth.shape[-2:] != (height, width):
        depth = interpolate(depth, (height, width), mode="bicubic", align_corners=False).clamp_(0, 1)
    colour = torch.from_numpy(rgb.astype(np.float32) / 255).movedim(2, 0)[None]
    reach = max(1, round(max(height, width) * _REACH), round(height / nearness.shape[0]))
    made: np.ndarray = _parted(_guided(depth, colour, reach), colour, 2 * reach)[0, 0].numpy()
    return made


def _guided(depth: Tensor, colour: Tensor, reach: int) -> Tensor:
    guide = (colour * torch.tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    means = _mean(torch.cat((guide, depth, guide * guide, guide * depth), 1), reach)
    g, d, gg, gd = (means[:, i : i + 1] for i in range(4))
    slope = (gd - g * d) / ((gg - g * g).clamp_min(0) + _EVEN)
    line = _mean(torch.cat((slope, d - slope * g), 1), reach)
    return (line[:, :1] * guide + line[:, 1:]).clamp_(0, 1)


def _parted(depth: Tensor, colour: Tensor, reach: int) -> Tensor:
    """Each pixel at one of its window's two depths, where it holds two that differ in colour."""
    window = 2 * reach + 1
    near, far = max_pool2d(depth, window, 1, reach), -max_pool2d(-depth, window, 1, reach)
    share = ((depth - far) / (near - far).clamp_min(1e-3)).clamp(0, 1)
    ours, theirs = share**4, (1 - share) ** 4  # what is sure tells what the colours are
    sums = _mean(torch.cat((colour * ours, colour * theirs, ours, theirs), 1), reach)
    colours = sums[:, :3] / sums[:, 6:7].clamp_min(1e-4), sums[:, 3:6] / sums[:, 7:].clamp_min(1e-4)
    apart = colours[0] - colours[1]
    distance = (apart * apart).sum(1, keepdim=True).sqrt()
    along = ((colour - colours[1]) * apart).sum(1, keepdim=True) / (distance * distance).clamp_min(1e-6)
    own = far + (near - far) * _step(along, 0.25, 0.75)
    unsure = _step(4 * share * (1 - share), *_UNSURE)  # a figure's dark threads are not its dark ground's
    return depth + (own - depth) * unsure * _step(near - far, *_TWO_DEPTHS) * _step(distance, *_TWO_COLOURS)


def _step(x: Tensor, low: float, high: float) -> Tensor:
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _mean(planes: Tensor, reach: int) -> Tensor:
    """Means `1,C,H,W` over a window that ends at the picture's border."""
    for size, sides in (((2 * reach + 1, 1), (0, 0, reach, reach)), ((1, 2 * reach + 1), (reach, reach, 0, 0))):
        count = avg_pool2d(pad(torch.ones_like(planes[:, :1]), sides), size, 1)
        planes = avg_pool2d(pad(planes, sides), size, 1) / count
    return planes
