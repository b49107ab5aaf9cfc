"""LAMPS: the light of what was brighter than a picture's white, and where it is. What a lamp sends out is spread by filter and
film base as it falls; light below white is not known to be brighter than it looks, and keeps most of its place.

Candidates are pixels near full code, t = smoothstep(.85, 1, max code). Skin, paper, sky and snow are candidates too. Which are
lamps a small network tells (`networks.lamps`); a dark surround speaks for one. With Y the mean scene light, S smoothstep, L a
pixel's luminance, and blurs over 24 and 96 px of every 1024 of the picture's long side

    A = blur(t)        B = blur(Y)        W = (blur(Y) - blur(Y t)) / (1.03 - A)         W: the surround, without candidates
    small = (1-S(.60,.90;A24)) (1-S(.20,.45;A96))
    F = small (1-S(.40,.80;B24)) (1-S(.08,.18;W96)) (1-S(.12,.26;W24))                                   small, and in the dark
    G = max(small, S(3,6; o) S(.08,.18; W96)) S(.5,.8; p)           o: the network's log odds; p: its odds with F for what it
                                                                     knows before. A low sun and its glare are large, but
                                                                     they light what is around
    lamp = t G S(.25,.65;L)

where the terms of A24 and B24 are the least of all within 48 px: a shirt's corner is the shirt's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.film.scene_light import WHITE_LIGHT, scene_light
from filmlook.film.toning import LUMA
from filmlook.stages.psf import COARSE, blurred_cells, mirror_index

_FROM = 0.85  # code from which a pixel may be a lamp's
FROM_LIGHT = float(scene_light(torch.tensor([_FROM])))
_FULL_LIGHT = 0.985 * WHITE_LIGHT
BENT = 0.98  # of code over light from there to white, to half a percent
PALE = (0.25, 0.65)  # S's bounds of the luminance
LEAST_T = 1e-6  # below it nothing is divided by t
_CELLS = 128  # along a picture's long side
_NEAR_PX, _FAR_PX, _BESIDE_PX = 24, 96, 48  # of 1024
_LEAST_LIGHT = 0.02  # added before logarithms: darker is as good as black


def smoothstep(x: Tensor, low: float, high: float) -> Tensor:
    t = ((x - low) * (1 / (high - low))).clamp_(0, 1)
    return t * t * (3 - 2 * t)


def _peak(light: Tensor) -> Tensor:
    return torch.maximum(torch.maximum(light[0], light[1]), light[2])


def candidates(light: Tensor) -> Tensor | None:
    """Where t of scene light `(3, H, W)` is above 0; None: nowhere."""
    found = _peak(light) > FROM_LIGHT
    return found if found.any() else None


def near_white(light: Tensor) -> Tensor:
    """t `(1, ...)` of scene light `(3, ...)`."""
    share = _peak(light).sub_(FROM_LIGHT).mul_(1 / (WHITE_LIGHT - FROM_LIGHT)).clamp_(0, 1)  # of the way to white, in light ...
    share = share * (1 + BENT) / (share * BENT).add_(1)  # ... and in code
    return (share * share).mul_(share.mul_(-2).add_(3))[None]


def pale(light: Tensor) -> Tensor:
    """S of the luminance, `(1, ...)`, of scene light `(3, ...)`: a red cloth is no lamp, however full its red.

    Up to S's upper bound scene light is about the display's linear light; above it does not matter.
    """
    luma = light[0].clamp_max(1) * LUMA[0]
    for plane, weight in zip(light[1:], LUMA[1:], strict=True):
        luma.add_(plane.clamp_max(1), alpha=weight)
    return smoothstep(luma, *PALE)[None]


def rebuilt(t: Tensor, stops: float, light: Tensor, above_white: bool = False) -> Tensor:
    """What the share t of a lamp's light is multiplied by, `(1, H, W)`: with (2^(stops t) - 1) / t more than it has. What is
    there already in a picture that has light `above_white` is not rebuilt; `light` is its scene light `(3, H, W)`."""
    gain = torch.exp((stops * math.log(2)) * t)
    if above_white:
        gain *= WHITE_LIGHT / light.amax(0, keepdim=True).clamp_min(WHITE_LIGHT)
        gain.clamp_min_(1)
    return gain.sub_(1).div_(t.clamp_min(LEAST_T)).add_(1)


@dataclass(frozen=True)
class Spline:
    """What is known of one picture on a grid of its own: cubic B-splines.

    Attributes:
        values: `1,h,w`, spline coefficients.
        step: the grid's step down and across, in pixels.
    """

    values: Tensor
    step: tuple[float, float]

    @property
    def opens(self) -> bool:
        """Whether it is above 0 anywhere."""
        return float(self.values.max()) > 0

    def __call__(self, y: int, x: int, height: int, width: int) -> Tensor | None:
        """Its values `(1, height, width)` at the pixels from (y, x) on; None: 0 everywhere."""
        patch, weights = self.values, []
        for axis, (start, count) in enumerate(((y, height), (x, width))):
            first, own = _spline_matrix(self.step[axis], start, count, patch.device)
            cells = mirror_index(first, own.shape[1], self.values.shape[axis + 1])
            patch = patch.index_select(axis + 1, cells.to(patch.device))
            weights.append(own)
        return None if float(patch.max()) == 0 else weights[0] @ (patch @ weights[1].T)


@lru_cache(maxsize=256)
def _spline_matrix(step: float, start: int, count: int, device: torch.device) -> tuple[int, Tensor]:
    """The first cell of which some pixels take something, and their weights of cubic B-splines `(count, cells)`."""
    at = (torch.arange(start, start + count, dtype=torch.float64) + 0.5) / step - 0.5
    first, last = math.floor(at[0]) - 1, math.floor(at[-1]) + 2
    d = (at[:, None] - torch.arange(first, last + 1)).abs()
    inner, outer = 2 / 3 - d**2 + d**3 / 2, (2 - d).clamp_min(0) ** 3 / 6
    return first, torch.where(d < 1, inner, outer).to(device, torch.float32)


def cell_means(light: Tensor, cells: tuple[int, int]) -> Tensor:
    """What lamps are judged by, `1,8,*cells`, from scene light `3,h,w` of a picture's pixels, or some of them evenly scattered:
    means over a cell of light, of t, of the same for a pixel's least channel, of Y^2, of Y t, and of what is at full code."""
    light = light.clamp(0, WHITE_LIGHT)
    y, peak = light.mean(0, keepdim=True), _peak(light)[None]
    t, white = near_white(light), near_white(light.amin(0, keepdim=True).expand(3, -1, -1))
    full = (peak > _FULL_LIGHT).to(light)
    return torch.nn.functional.adaptive_avg_pool2d(torch.cat((light, t, white, y * y, y * t, full))[None], cells)


def facts(means: Tensor) -> Tensor:
    """What the network sees, `1,8,h,w`, of `cell_means`: logarithms of light, how it varies, light without the candidates."""
    y = means[:, :3].mean(1, keepdim=True)
    varies = (means[:, 5:6] - y * y).clamp_min(0).sqrt() / (y + 0.05)
    around = (y - means[:, 6:7]).clamp_min(0) / (1.03 - means[:, 3:4])
    logs = torch.log2(torch.cat((means[:, :3], around), 1) + _LEAST_LIGHT) / 3
    return torch.cat((logs[:, :3], means[:, 3:5], varies, logs[:, 3:], means[:, 7:]), 1)


def small_and_dark(means: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`small`, F and how bright it is around, S(.08,.18; W96), `1,h,w`, of `cell_means` with 128 along the long side."""
    field = torch.cat((means[:, :3].mean(1, keepdim=True), means[:, 3:4], means[:, 6:7]), 1)

    def blurred(px: float) -> Tensor:
        return blurred_cells(field, px * _CELLS / 1024)[0]

    near, far = blurred(_NEAR_PX), blurred(_FAR_PX)
    around = [(b[:1] - b[2:]) / (1.03 - b[1:2]) for b in (near, far)]
    reach = round(_BESIDE_PX * _CELLS / 1024)
    small = -_largest_within(smoothstep(near[1:2], 0.60, 0.90) - 1, reach) * (1 - smoothstep(far[1:2], 0.20, 0.45))
    dark = small * -_largest_within(smoothstep(near[:1], 0.40, 0.80) - 1, reach)
    for value, low, high in ((around[1], 0.08, 0.18), (around[0], 0.12, 0.26)):
        dark = dark * (1 - smoothstep(value, low, high))
    return small, dark, smoothstep(around[1], 0.08, 0.18)


def _largest_within(cells: Tensor, reach: int) -> Tensor:
    """The largest of `1,h,w` within a square of `reach` cells to each side."""
    for kernel, padding in (((2 * reach + 1, 1), (reach, 0)), ((1, 2 * reach + 1), (0, reach))):
        cells = torch.nn.functional.max_pool2d(cells[None], kernel, 1, padding)[0]
    return cells


_DARKENS_UM = 60.0  # how far from a lamp nothing is sharpened to darker than it is: a line around it would be a ring


def beside_lamps(plain: Tensor, lamps: Tensor, pitch_um: float) -> Spline:
    """How near lamps are, 0 to 1, of plain and lamps' exposure `1,L,h,w` on the coarse grid."""
    share = (lamps / (plain + lamps).clamp_min(1e-9)).amax(1)
    share = (share * 4).clamp_(0, 1)  # a lamp need not fill its cell
    return Spline(_largest_within(share, math.ceil(_DARKENS_UM / pitch_um / COARSE)), (COARSE, COARSE))
