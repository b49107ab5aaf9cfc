"""LAMPS: the light of what was brighter than a picture's white, and where it is. What a lamp sends out is spread by filter and
film base as it falls; light below white is not known to be brighter than it looks, and keeps most of its place.

Candidates are pixels near full code, t = smoothstep(.85, 1, max code). Skin, paper, sky and snow are candidates too. A lamp is
small and in the dark, whatever else is lit: with Y the mean scene light, L the pixel's luminance, S smoothstep, and blurs over
24 and 96 px of every 1024 of the picture's long side

    A = blur(t)        B = blur(Y)        W = (blur(Y) - blur(Y t)) / (1.03 - A)         W: the surround, without candidates
    C = (1-S(.40,.80;B24)) (1-S(.60,.90;A24))                    the least of all within 24 px: a shirt's corner is the shirt's
    G = (1-S(.08,.18;W96)) (1-S(.12,.26;W24)) (1-S(.20,.45;A96)) C
    lamp = t G S(.25,.65;L)

Pictures of night streets, rooms, skin, snow, paper and drawings taught the bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.film.scene_light import WHITE_LIGHT, scene_light
from filmlook.film.toning import LUMA
from filmlook.stages.psf import COARSE, gaussian, mirror_index, spread_cells

_FROM = 0.85  # code from which a pixel may be a lamp's
_FROM_LIGHT = float(scene_light(torch.tensor([_FROM])))
_BENT = 0.98  # of code over light from there to white, to half a percent
_NEAR_PX, _FAR_PX = 24, 96  # of 1024
_CELLS = 1.5  # of the gate's grid in the smaller blur's sigma, at least


def _smoothstep(x: Tensor, low: float, high: float) -> Tensor:
    t = ((x - low) * (1 / (high - low))).clamp_(0, 1)
    return t * t * (3 - 2 * t)


def _peak(light: Tensor) -> Tensor:
    return torch.maximum(torch.maximum(light[0], light[1]), light[2])


def rows_near_white(light: Tensor) -> Tensor | None:
    """Indices of the rows of scene light `(3, H, W)` in which t is above 0 somewhere; None: in none."""
    rows = (_peak(light).amax(1) > _FROM_LIGHT).nonzero()[:, 0]
    return rows if len(rows) else None


def near_white(light: Tensor) -> Tensor:
    """t `(1, H, W)` of scene light `(3, H, W)`."""
    share = (
        _peak(light).sub_(_FROM_LIGHT).mul_(1 / (WHITE_LIGHT - _FROM_LIGHT)).clamp_(0, 1)
    )  # of the way to white, in light ...
    share = share * (1 + _BENT) / (share * _BENT).add_(1)  # ... and in code
    return (share * share).mul_(share.mul_(-2).add_(3))[None]


def pale(light: Tensor) -> Tensor:
    """S of the luminance, `(1, H, W)`, of scene light `(3, H, W)`: a red cloth is no lamp, however full its red.

    Up to S's upper bound scene light is about the display's linear light; above it does not matter.
    """
    luma = light[0].clamp_max(1) * LUMA[0]
    for plane, weight in zip(light[1:], LUMA[1:], strict=True):
        luma.add_(plane.clamp_max(1), alpha=weight)
    return _smoothstep(luma, 0.25, 0.65)[None]


def rebuilt(t: Tensor, stops: float, light: Tensor, above_white: bool = False) -> Tensor:
    """What the share t of a lamp's light is multiplied by, `(1, H, W)`: with (2^(stops t) - 1) / t more than it has. What is
    there already in a picture that has light `above_white` is not rebuilt; `light` is its scene light `(3, H, W)`."""
    gain = torch.exp((stops * math.log(2)) * t)
    if above_white:
        gain *= WHITE_LIGHT / light.amax(0, keepdim=True).clamp_min(WHITE_LIGHT)
        gain.clamp_min_(1)
    return gain.sub_(1).div_(t.clamp_min(1e-6)).add_(1)


@dataclass(frozen=True)
class Spline:
    """What is known of one picture on a grid of its own: cubic B-splines.

    Attributes:
        values: `1,h,w`, spline coefficients.
        step: the grid's step in pixels.
    """

    values: Tensor
    step: int

    @property
    def opens(self) -> bool:
        """Whether it is above 0 anywhere."""
        return float(self.values.max()) > 0

    def __call__(self, y: int, x: int, height: int, width: int, of_rows: Tensor | None = None) -> Tensor | None:
        """Its values `(1, height, width)` at the pixels from (y, x) on, or in some of their rows; None: 0 everywhere."""
        step = self.step
        rows = mirror_index(y // step - 2, (y % step + height - 1) // step + 5, self.values.shape[1])
        columns = mirror_index(x // step - 2, (x % step + width - 1) // step + 5, self.values.shape[2])
        device = self.values.device
        patch = self.values.index_select(1, rows.to(device)).index_select(2, columns.to(device))
        if float(patch.max()) == 0:
            return None
        down, across = (_spline_matrix(step, n, p, device) for n, p in ((y % step, height), (x % step, width)))
        return (down if of_rows is None else down[of_rows]) @ (patch @ across.T)


@lru_cache(maxsize=64)
def _spline_matrix(step: int, phase: int, count: int, device: torch.device) -> Tensor:
    """Weights `(count, N)` of cubic B-spline coefficients, two before the first sample's cell, for `count` samples."""
    cells = (phase + count - 1) // step + 1
    at = (torch.arange(phase, phase + count, dtype=torch.float64) + 0.5) / step + 1.5
    d = (at[:, None] - torch.arange(cells + 4)).abs()
    inner, outer = 2 / 3 - d**2 + d**3 / 2, (2 - d).clamp_min(0) ** 3 / 6
    return torch.where(d < 1, inner, outer).to(device, torch.float32)


def gate_step(long_px: int) -> int:
    """The step in pixels of the gate's grid: as coarse as its smaller blur allows, so that any size of a picture is judged
    alike."""
    step = COARSE
    while _NEAR_PX / 1024 * long_px / (2 * step) >= _CELLS:
        step *= 2
    return step


def lamp_gate(light: Tensor, long_px: int) -> Spline:
    """The gate of a picture whose long side is `long_px`, from scene light `3,h,w` of one pixel of each coarse cell.

    What blurs see is the same of a sixteenth of the pixels: a lamp between them is lit in none of the means.
    """
    t, y = near_white(light), light.clamp(0, WHITE_LIGHT).mean(0, keepdim=True)
    cells, step = torch.cat((y, t, y * t)), gate_step(long_px)
    pool = step // COARSE
    spare = [-n % pool for n in cells.shape[1:]]
    cells = torch.nn.functional.pad(cells[None], (0, spare[1], 0, spare[0]), mode="replicate")
    cells = torch.nn.functional.avg_pool2d(cells, pool)

    def blurred(px: float) -> Tensor:
        sigma = px / 1024 * long_px / step
        return spread_cells(cells, lambda f: gaussian(f, sigma).unsqueeze(0), 1 / COARSE)[0]

    near, far = blurred(_NEAR_PX), blurred(_FAR_PX)
    around = [(b[0] - b[2]) / (1.03 - b[1]) for b in (near, far)]
    small = (1 - _smoothstep(near[:1], 0.40, 0.80)) * (1 - _smoothstep(near[1:2], 0.60, 0.90))
    gate = -_largest_within(-small, round(_NEAR_PX / 1024 * long_px / step))
    for value, low, high in ((around[1], 0.08, 0.18), (around[0], 0.12, 0.26), (far[1], 0.20, 0.45)):
        gate *= 1 - _smoothstep(value, low, high)
    return Spline(gate, step)


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
    return Spline(_largest_within(share, math.ceil(_DARKENS_UM / pitch_um / COARSE)), COARSE)
