"""The lab: a small network that sets exposure and colour balance as a minilab's operator would.

It looks at a small sample of the picture and tells by how many stops scene light should be raised, and how much red and blue
should change against green. Corrections act on scene light, where a shift of exposure or of the light's colour is undone
exactly; the printer lights of a minilab do the same on the straight part of the film's curve.

It judges by what is known to tell of exposure and of the light's colour: levels and means of the channels' light (as in grey
world, shades of grey and white patch) and of its edges (grey edge), what is clipped, and histograms of chromaticity in the
logarithm, where a change of light is a shift (J. T. Barron, "Convolutional Color Constancy", ICCV 2015). What shows nothing to
judge by it leaves alone.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from filmlook.film.scene_light import MID_GREY, scene_light
from filmlook.networks.weights import load_built_in

MINILAB_PX = 64  # side of the sample, whatever the picture's aspect

_LEAST_CODE = 1 / 512  # below it, light's logarithm is noise
_LEVELS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.9985)  # quantiles of light
_NORMS = (0.5, 1, 2, 4, 8, 16)  # Minkowski means of light, each twice the last: 1 is grey world, a large one white patch
_EDGE_NORMS = (1, 2, 6)  # of differences between neighbours: grey edge
_LEAST_EDGE = 1e-4  # of light
_NEAR_CLIPPING = (0.004, 0.03, 0.97, 0.996)  # codes
_TONES = 42  # bins of light's histogram, a quarter of a stop each from the lowest
_LOWEST_STOPS, _BINS_PER_STOP = -7.0, 4.0
_CHROMA = 40  # bins along each side of a histogram of chromaticity
_CHROMA_RANGE = 1.4  # log2 of red, and of blue, against green
_PLANES = 5  # such histograms: all, bright, brighter, brightest, dark
_SMALL_AREA = 10.0  # pixels; a plane of fewer fades out
_FACTS = 3 * (len(_LEVELS) + len(_NORMS) + 1 + len(_EDGE_NORMS) + len(_NEAR_CLIPPING) + _TONES)
_STEPS = 64  # of brightness, within each of which hues are compared
_DARK = 0.25  # code; below it differences of channels are no more magnified
_ONE_HUE, _HUES = 0.015, 0.03  # deviation of the channels' differences of a toned print, and of the palest photograph
_BLANK = 1.5 / 255  # code from pure white, or from black, that is one with it
_SOME_BLANK, _MUCH_BLANK = 0.35, 0.6  # shares of the picture


class Minilab(nn.Module):
    """Samples of display code `B,3,64,64` in [0, 1] to corrections `B,3`: stops of exposure, log2 of red and of blue."""

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(_FACTS))
        self.register_buffer("scale", torch.ones(_FACTS))
        self.chroma = nn.Sequential(
            nn.Conv2d(_PLANES, 12, 5, stride=2, padding=2), nn.GELU(), nn.Conv2d(12, 16, 3, stride=2, padding=1), nn.GELU(),
            nn.Flatten(), nn.Linear(16 * (_CHROMA // 4) ** 2, 32), nn.GELU(),
        )  # fmt: skip
        self.exposure = _judge(96, 0.25, 1)
        self.balance = _judge(64, 0.4, 2)  # photographs are few, and their colours fewer: it must not know them by heart

    def calibrate(self, code: Tensor) -> None:
        """Sets what the facts are measured against from samples `B,3,64,64`, for good."""
        facts = _facts(code)
        self.mean.copy_(facts.mean(0))
        self.scale.copy_(facts.std(0) + 0.02)

    def forward(self, code: Tensor) -> Tensor:
        facts = (_facts(code) - self.mean) / self.scale
        known = torch.cat((facts, self.chroma(4 * _chroma(code))), 1)
        return torch.cat((self.exposure(known), self.balance(known)), 1) * telling(code)[:, None]


def _judge(width: int, dropout: float, answers: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(dropout), nn.Linear(_FACTS + 32, width), nn.GELU(),
        nn.Dropout(dropout), nn.Linear(width, width // 2), nn.GELU(), nn.Linear(width // 2, answers),
    )  # fmt: skip


def telling(code: Tensor) -> Tensor:
    """How far samples `B,3,H,W` of display code show anything to judge by, `B`, 0 to 1.

    Nothing in one tone, in greys, and in tones of one hue (a toned print, line art): no light is known by them, and how dark
    and of what colour they are was somebody's choice; the measure is how far pixels of one brightness differ in hue. Nothing
    either where most is pure white or black: paper, which darkened would be grey, or a studio's ground.
    """
    flat = code.flatten(2)
    top = flat.amax(1)
    hue = (flat[:, ::2] - flat[:, 1:2]) / top.clamp_min(_DARK)[:, None]
    step = (top * (_STEPS - 1)).round().long()[:, None].expand_as(hue)
    empty = torch.zeros((*hue.shape[:2], _STEPS), device=code.device)
    count = empty.scatter_add(2, step, torch.ones_like(hue))
    usual = empty.scatter_add(2, step, hue) / count.clamp_min(1)
    spread = (hue - usual.gather(2, step)).square().sum(1).mean(1).sqrt()
    blank = torch.stack((flat.amin(1) > 1 - _BLANK, top < _BLANK)).float().mean(2).amax(0)
    hues = (spread - _ONE_HUE) / (_HUES - _ONE_HUE)
    return hues.clamp(0, 1) * ((_MUCH_BLANK - blank) / (_MUCH_BLANK - _SOME_BLANK)).clamp(0, 1)


def _stops(code: Tensor) -> Tensor:
    """Stops of light from mid-grey, `B,3,N`, of code `B,3,H,W`."""
    return torch.log2(scene_light(code.clamp(_LEAST_CODE, 1)) / MID_GREY).flatten(2)


def _facts(code: Tensor) -> Tensor:
    """What the channels' light is like, `B,F`."""
    stops, flat = _stops(code), code.flatten(2)
    count = stops.shape[2]
    rank = (torch.tensor(_LEVELS) * (count - 1)).long().to(code.device)
    levels = stops.sort(2).values[:, :, rank]
    light = 2**stops
    power, norms = light.sqrt(), []
    for p in _NORMS:
        norms.append(torch.log2(power.mean(2)) / p)
        power = power.square()
    means = torch.stack([*norms, stops.mean(2)], 2)
    picture = light.view(code.shape)
    here = picture[..., :-1, :-1]
    down, along = picture[..., 1:, :-1] - here, picture[..., :-1, 1:] - here
    edge = (down.square() + along.square()).sqrt().flatten(2) + _LEAST_EDGE
    edges = torch.stack([torch.log2((edge**p).mean(2).clamp_min(1e-30)) / p for p in _EDGE_NORMS], 2)
    low, high = _NEAR_CLIPPING[:2], _NEAR_CLIPPING[2:]
    clipped = torch.stack([(flat < c).float().mean(2) for c in low] + [(flat > c).float().mean(2) for c in high], 2)
    place = ((stops - _LOWEST_STOPS) * _BINS_PER_STOP).clamp(0, _TONES - 1.001)
    lower = place.floor()
    index, share = lower.long(), place - lower
    tones = torch.zeros((*stops.shape[:2], _TONES), device=code.device)
    tones = tones.scatter_add(2, index, 1 - share).scatter_add(2, index + 1, share) / count
    # The root brings small areas out.
    return torch.cat([t.flatten(1) for t in (levels / 4, means / 4, edges / 4, clipped.sqrt(), tones.sqrt())], 1)


def _chroma(code: Tensor) -> Tensor:
    """Histograms of log2 red and blue against green, `B,5,40,40`, of all pixels and of some by their brightness."""
    stops, flat = _stops(code), code.flatten(2)
    mean, unclipped = flat.mean(1), ((flat.amin(1) > 0.01) & (flat.amax(1) < 0.996)).float()
    bright = unclipped * (stops[:, 1] > 0)
    weights = torch.stack((unclipped, bright, unclipped * mean**2, mean**10, unclipped * (1 - mean) ** 4), 1)
    weights = weights / (weights.sum(2, keepdim=True) + _SMALL_AREA)
    step = 2 * _CHROMA_RANGE / (_CHROMA - 1)
    place = torch.stack((stops[:, 0] - stops[:, 1], stops[:, 2] - stops[:, 1]), 1)
    place = ((place + _CHROMA_RANGE) / step).clamp(0, _CHROMA - 1.001)
    lower = place.floor()
    (red, blue), (share_red, share_blue) = lower.long().unbind(1), (place - lower).unbind(1)
    planes = torch.zeros((*weights.shape[:2], _CHROMA * _CHROMA), device=code.device)
    for i, part_red in ((0, 1 - share_red), (1, share_red)):
        for j, part_blue in ((0, 1 - share_blue), (1, share_blue)):
            index = ((red + i) * _CHROMA + blue + j)[:, None].expand_as(weights)
            planes = planes.scatter_add(2, index, weights * (part_red * part_blue)[:, None])
    return planes.sqrt().reshape(*planes.shape[:2], _CHROMA, _CHROMA)


@lru_cache(maxsize=1)
def load_minilab() -> Minilab:
    """The lab that comes with Film Look."""
    return load_built_in(Minilab, "lab")


def corrections(samples: Tensor) -> Tensor:
    """Corrections `B,3`, log2 of the gains of red, green and blue light, of samples `B,3,64,64` of display code."""
    with torch.inference_mode():
        stops, red, blue = load_minilab()(samples).unbind(1)
    return torch.stack((stops + red, stops, stops + blue), 1)
