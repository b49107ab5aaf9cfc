"""Where lamps are: a small network that tells them from what is only bright.

It sees a picture on a grid of 128 cells along its long side (`stages.lamps.facts`) and says for each of 64 how likely what is
near white there is brighter than white. It learnt it from views of surroundings whose light is known beyond white, from
photographs, and from drawn pictures (`bench/train_lamps.py`).
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn

from filmlook.networks.weights import load_built_in

CELLS = 128  # along a picture's long side, whatever its size
FACTS = 8
_CHANNELS = (16, 24, 32, 32)  # of a half, a quarter, an eighth and a sixteenth of the cells


class LampNetwork(nn.Module):
    """Facts `B,8,H,W` to log odds `B,1,H/2,W/2`: a U-net."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _CHANNELS
        self.down = nn.ModuleList([_conv(FACTS, a, 2), _conv(a, b, 2), _conv(b, c, 2), _conv(c, d, 2)])
        self.middle = _conv(d, d)
        self.join = nn.ModuleList([nn.Conv2d(d + c, c, 1), nn.Conv2d(c + b, b, 1), nn.Conv2d(b + a, a, 1)])
        self.up = nn.ModuleList([_conv(c, c), _conv(b, b), _conv(a, a)])
        self.out = _conv(a, 1)

    def forward(self, facts: Tensor) -> Tensor:
        seen = [facts]
        for layer in self.down:
            seen.append(_bent(layer(seen[-1])))
        field = seen.pop()
        field = field + _bent(self.middle(field))
        for join, layer, finer in zip(self.join, self.up, reversed(seen[1:]), strict=True):
            field = nn.functional.interpolate(field, size=finer.shape[-2:], mode="bilinear", align_corners=False)
            field = _bent(join(torch.cat((field, finer), 1)))
            field = field + _bent(layer(field))
        odds: Tensor = self.out(field)
        return odds


def _conv(inputs: int, outputs: int, step: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, step, 1)


def _bent(field: Tensor) -> Tensor:
    return nn.functional.leaky_relu(field, 0.1)


@lru_cache(maxsize=1)
def load_lamp_network() -> LampNetwork:
    """The one that comes with Film Look."""
    return load_built_in(LampNetwork, "lamps")
