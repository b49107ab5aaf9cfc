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

import torch
from torch import Tensor

from filmlook.film.scene_light import WHITE_LIGHT
from filmlook.stages.psf import COARSE, gaussian, mirror_index, spread_cells, upsampled

_FROM = 0.85  # code from which a pixel may be a lamp's
_NEAR_PX, _FAR_PX = 24, 96  # of 1024
_CELLS = 3  # of the gate's grid in the smaller blur's sigma
_LUMA = (0.2126, 0.7152, 0.0722)
_DECODED = (0.305306011, 0.682171111, 0.012522878)  # sRGB's curve as a cubic, to .002


def _smoothstep(x: Tensor, low: float, high: float) -> Tensor:
    t = ((x - low) * (1 / (high - low))).clamp_(0, 1)
    return t * t * (3 - 2 * t)


def near_white(code: Tensor) -> Tensor | None:
    """t `(1, H, W)` of code values `(3, H, W)`; None: 0 everywhere."""
    peak = torch.maximum(torch.maximum(code[0], code[1]), code[2])
    if float(peak.max()) <= _FROM:
        return None
    return _smoothstep(peak, _FROM, 1)[None]


def pale(code: Tensor) -> Tensor:
    """S of the luminance, `(1, H, W)`, of code values `(3, H, W)`: a red cloth is no lamp, however full its red."""
    a, b, c = _DECODED
    linear = ((code * a).add_(b).mul_(code).add_(c)).mul_(code)
    luma = linear[0] * _LUMA[0]
    for plane, weight in zip(linear[1:], _LUMA[1:], strict=True):
        luma.add_(plane, alpha=weight)
    return _smoothstep(luma, 0.25, 0.65)[None]


def rebuilt(t: Tensor, stops: float, light: Tensor | None = None) -> Tensor:
    """What a lamp's light is multiplied by less 1, `(1, H, W)`: 2^(stops t) - 1. What is there already, of a picture that has
    light above white (`light` `(3, H, W)`), is not rebuilt."""
    gain = torch.exp((stops * math.log(2)) * t)
    if light is not None:
        gain *= WHITE_LIGHT / light.amax(0, keepdim=True).clamp_min(WHITE_LIGHT)
        gain.clamp_min_(1)
    return gain.sub_(1)


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

    def __call__(self, y: int, x: int, height: int, width: int) -> Tensor | None:
        """Its values `(1, height, width)` at the pixels from (y, x) on; None: 0 everywhere."""
        step = self.step
        rows = mirror_index(y // step - 2, (y % step + height - 1) // step + 5, self.values.shape[1])
        columns = mirror_index(x // step - 2, (x % step + width - 1) // step + 5, self.values.shape[2])
        device = self.values.device
        patch = self.values.index_select(1, rows.to(device)).index_select(2, columns.to(device))
        if float(patch.max()) == 0:
            return None
        return upsampled(patch, step, (y % step, x % step), (height, width))


def gate_step(long_px: int) -> int:
    """The step in pixels of the gate's grid: as coarse as its smaller blur allows, so that any size of a picture is judged
    alike."""
    step = COARSE
    while _NEAR_PX / 1024 * long_px / (2 * step) >= _CELLS:
        step *= 2
    return step


def lamp_gate(cells: Tensor, long_px: int) -> Spline:
    """The gate of a picture whose long side is `long_px`, from means over the coarse grid's cells `3,h,w` of Y, t and Y t."""
    step = gate_step(long_px)
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
