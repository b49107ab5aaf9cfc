"""Where in a picture what is near white is a lamp: what the network says of it, and what speaks for it before."""

from __future__ import annotations

import copy
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from filmlook.networks.lamps import CELLS, LampNetwork, load_lamp_network
from filmlook.stages.lamps import Spline, cell_means, facts, small_and_dark, smoothstep

_DOUBT, _SURE = 0.5, 0.8  # odds: below, nothing glows, and most blocks of most pictures have no lamp at all
_DARK, _NOT_DARK = 5.0, -1.2  # log odds of what is near white in the dark, and elsewhere, before the network has seen it
_EVEN_LARGE = 3.0, 6.0  # log odds from which what is large, and lights what is around, may glow too: a low sun with its glare


def _odds(means: Tensor) -> Tensor:
    """What the network says; on a GPU in double precision, since its single one is TF32's, and less than the CPU's."""
    on_cpu = means.device.type == "cpu"
    odds: Tensor = load_lamp_network()(facts(means)) if on_cpu else _network_on(means.device)(facts(means).double())
    return odds.float()


@lru_cache(maxsize=2)
def _network_on(device: torch.device) -> LampNetwork:
    return copy.deepcopy(load_lamp_network()).to(device, torch.float64)


def lamp_gate(light: Tensor, size: tuple[int, int]) -> Spline:
    """G of a picture of `size` (height, width), from scene light `3,h,w` of one pixel of each coarse cell."""
    height, width = (max(1, round(CELLS * n / max(size))) for n in size)
    able = light if light.device.type == "cuda" else light.cpu()  # elsewhere something may be missing
    means = cell_means(able, (height, width))
    odds = _odds(means)
    small, dark, lit = (interpolate(f[None], odds.shape[-2:], mode="area") for f in small_and_dark(means))
    small = torch.maximum(small, lit * smoothstep(odds, *_EVEN_LARGE))
    gate = small * smoothstep((odds + dark * (_DARK - _NOT_DARK) + _NOT_DARK).sigmoid(), _DOUBT, _SURE)
    return Spline(gate[0].to(light.device), (size[0] / gate.shape[2], size[1] / gate.shape[3]))
