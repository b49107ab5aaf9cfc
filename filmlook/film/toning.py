"""Split toning, in density: what a toner adds to the silver of a print's shadows and highlights.

    d  = -log10 v                          the print's density, of its luminance
    d' = d (1 + s T(hue_s) a(d) + h T(hue_h) (1 - a(d)))

T turns density from one channel to others, and what that does to a grey's luminance is given back; a rises from highlights to
shadows. White paper has no silver and stays white. A sepia is a highlight hue of about 40, selenium a shadow hue of about 330.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from filmlook.film.srgb import decode, encode

_STRENGTH = 0.35  # of a channel's density, at full toning
_TURNS_AT, _SOFT = 0.75, 0.18  # density of mid-grey, where shadows and highlights part, and how softly
LUMA = (0.2126, 0.7152, 0.0722)
_DARKEST = 1e-3  # of light: below it density is not known


@dataclass(frozen=True)
class Toning:
    """Strengths 0..1 and hues 0..360 (red 0, yellow 60, green 120 ...) of shadows and highlights."""

    shadows: float = 0.0
    shadows_hue: float = 0.0
    highlights: float = 0.0
    highlights_hue: float = 0.0

    def __bool__(self) -> bool:
        return self.shadows > 0 or self.highlights > 0

    def __call__(self, code: Tensor) -> Tensor:
        """Code `(..., 3)` or `(..., 1)` to toned code `(..., 3)`."""
        linear = decode(code.clamp(0, 1))
        luma = torch.tensor(LUMA, dtype=code.dtype, device=code.device)
        return encode(linear * self.gain(linear @ luma if code.shape[-1] == 3 else linear[..., 0]))

    def gain(self, light: Tensor) -> Tensor:
        """What luminance `(...)` has its light multiplied by, `(..., 3)`."""
        density = -torch.log10(light.clamp_min(_DARKEST))[..., None]
        share = torch.sigmoid((density - _TURNS_AT) / _SOFT)
        shadows, highlights = (_turn(hue, light) for hue in (self.shadows_hue, self.highlights_hue))
        toned = self.shadows * share * shadows + self.highlights * (1 - share) * highlights
        fade = (light / _DARKEST).clamp(0, 1)[..., None]  # full black stays black
        gain = torch.exp(-density * _STRENGTH * toned * fade * math.log(10))
        # T alone keeps luminance where it is weak: in dense shadows red would gain far more than the others can lose.
        return gain / (gain @ torch.tensor(LUMA, dtype=light.dtype, device=light.device))[..., None]


def _turn(hue: float, like: Tensor) -> Tensor:
    """What density takes on per channel for a hue, `(3,)`: less where the hue is bright, none in luminance."""
    angle = torch.tensor([0.0, 120.0, 240.0], dtype=like.dtype, device=like.device)
    bright = torch.cos((hue - angle) * (math.pi / 180))
    luma = torch.tensor(LUMA, dtype=like.dtype, device=like.device)
    return (bright @ luma) - bright
