"""What is told of a picture's treatment, whatever it shows: statistics of its colours in zones of tone and hue.

Two pictures of one treatment show different things, so how much there is of a colour tells of the subject; what a treatment
does shows in how light the darkest and the lightest are, in what colour greys of each tone have, in how far colours of each
hue go and which way they turn. Each is a mean over a zone with soft edges, and it fades to 0 where a picture has next to
nothing in that zone; how much it has is told beside it.

    tones    14 zones of OKLab's lightness: mean and commonest a and b (where greys lie), their spread, mean chroma
    hues     12 sectors: chroma, lightness, how far hue is off the sector's middle, and the lightness of the purest
    both     6 hues of 4 tones: a and b
    ends     quantiles of lightness, of red, green and blue, and of chroma
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from filmlook.matching.oklab import oklab

_TONES = (0.06, 1.0, 14)
_TONE_WIDTH = 0.045  # the deviation of the bell that pixels are weighed by
_HUES, _COARSE_HUES, _COARSE_TONES = 12, 6, (0.25, 0.45, 0.65, 0.85)
_COARSE_WIDTH = 0.09
_LEAST = 0.004  # share of a picture at which a zone is believed by half
_GREY = 0.02  # chroma at which a pixel counts half in a sector of hue
_MODES = (0.03, 0.015, 0.015)  # widths of the bells that climb to the commonest colour of a tone
_QUANTILES = (0.002, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.998)
_PURE = 4  # the power that weighs the purest colours of a hue


def statistics(code: Tensor) -> Tensor:
    """Statistics `(B, F)` of pictures' sRGB code `(B, N, 3)` in [0, 1]; the order of their pixels has no say."""
    lab = oklab(code)
    light, a, b = lab.unbind(-1)
    chroma = torch.hypot(a, b)
    found = [*_of_tones(light, a, b, chroma), *_of_hues(light, a, b, chroma), *_of_both(light, a, b, chroma)]
    channels = torch.cat((light[..., None], code, chroma[..., None]), -1).sort(1).values
    last = code.shape[1] - 1
    found.append(channels[:, [round(q * last) for q in _QUANTILES]].flatten(1))
    return torch.cat(found, 1)


def _of_tones(light: Tensor, a: Tensor, b: Tensor, chroma: Tensor) -> list[Tensor]:
    centres = torch.linspace(*_TONES, dtype=light.dtype)
    weights = torch.exp(-0.5 * ((light[..., None] - centres) / _TONE_WIDTH) ** 2)  # B,N,T
    total, sure = _trusted(weights)
    ab = torch.stack((a, b), -1)
    mean = _means(weights, ab, total)
    spread = _means(weights, ab**2, total) - mean**2
    mode = mean
    for width in _MODES:
        far = (ab[:, :, None] - mode[:, None]).square().sum(-1)
        near = weights * torch.exp(-0.5 * far / width**2)
        mode = _means(near, ab, near.sum(1) + 1e-6)
    grey = _means(weights, chroma[..., None], total)
    parts = (mean * sure, mode * sure, spread.clamp_min(0).sqrt() * sure, grey * sure, sure)
    return [part.flatten(1) for part in parts]


def _of_hues(light: Tensor, a: Tensor, b: Tensor, chroma: Tensor) -> list[Tensor]:
    weights, turned = _sectors(a, b, chroma, _HUES)
    total, sure = _trusted(weights)
    pure = weights * (chroma[..., None] * 10) ** _PURE
    values = torch.stack((chroma, light), -1)
    mean = _means(weights, values, total)
    purest = _means(pure, values, pure.sum(1) + 1e-6)
    off = (weights * turned).sum(1) / total
    return [part.flatten(1) for part in (mean * sure, purest * sure, off[..., None] * sure, sure)]


def _of_both(light: Tensor, a: Tensor, b: Tensor, chroma: Tensor) -> list[Tensor]:
    hues, _ = _sectors(a, b, chroma, _COARSE_HUES)
    tones = torch.exp(-0.5 * ((light[..., None] - light.new_tensor(_COARSE_TONES)) / _COARSE_WIDTH) ** 2)
    weights = (hues[..., None] * tones[..., None, :]).flatten(2)
    total, sure = _trusted(weights)
    return [(_means(weights, torch.stack((a, b), -1), total) * sure).flatten(1), sure.flatten(1)]


def _sectors(a: Tensor, b: Tensor, chroma: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """How far pixels belong to each sector of hue `(B, N, count)`, and their hue from its middle in widths of a sector."""
    hue = torch.atan2(b, a)[..., None] * (count / (2 * math.pi)) - torch.arange(count, dtype=a.dtype)
    off = hue - count * torch.round(hue / count)
    coloured = chroma**2 / (chroma**2 + _GREY**2)
    return (1 - off.abs()).clamp_min(0) * coloured[..., None], off


def _trusted(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of weights `(B, N, Z)` of each zone `(B, Z)`, never 0, and how far to believe it `(B, Z, 1)`."""
    total = weights.sum(1)
    share = total / weights.shape[1]
    return total + 1e-6, (share / (share + _LEAST))[..., None]


def _means(weights: Tensor, values: Tensor, total: Tensor) -> Tensor:
    """Means `(B, Z, C)` of values `(B, N, C)` in zones of `(B, N, Z)`."""
    return weights.transpose(1, 2) @ values / total[..., None]
