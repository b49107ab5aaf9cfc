"""Where in a picture what is near white is a lamp: what the network says of it, and what speaks for it before."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

from filmlook.networks.lamps import CELLS, load_lamp_network
from filmlook.stages.lamps import Spline, cell_means, facts, small_and_dark, smoothstep

_DOUBT, _SURE = 0.5, 0.9  # odds: below, nothing glows, and most blocks of most pictures have no lamp at all
_DARK, _NOT_DARK = 5.0, -2.0  # log odds of what is near white in the dark, and elsewhere, before the network has seen it


def lamp_gate(light: Tensor, size: tuple[int, int]) -> Spline:
    """G of a picture of `size` (height, width), from scene light `3,h,w` of one pixel of each coarse cell."""
    height, width = (max(1, round(CELLS * n / max(size))) for n in size)
    means = cell_means(light.cpu(), (height, width))  # few: the same on every device
    odds = load_lamp_network()(facts(means))
    small, dark = (interpolate(f[None], odds.shape[-2:], mode="area") for f in small_and_dark(means))
    gate = small * smoothstep((odds + dark * (_DARK - _NOT_DARK) + _NOT_DARK).sigmoid(), _DOUBT, _SURE)
    return Spline(gate[0].to(light.device), (size[0] / gate.shape[2], size[1] / gate.shape[3]))
