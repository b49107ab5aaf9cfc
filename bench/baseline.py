"""The yardstick: the plain torch forward of a network of the original DigitalFilm's architecture, with random weights.

Seven 3x3 convolutions of 32-64-128-256-128-64-32 channels, each with batch normalisation and leaky ReLU; from the second on
a channel attention follows whose gate, a 1x1 map, is what goes on. So the first two convolutions run at full size.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

_WIDTHS = (3, 32, 64, 128, 256, 128, 64, 32)


class _ChannelAttention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = channels // 16
        self.shared = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1, bias=False), nn.ReLU(), nn.Conv2d(squeezed, channels, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        mean = nn.functional.adaptive_avg_pool2d(x, 1)
        most = nn.functional.adaptive_max_pool2d(x, 1)
        return torch.sigmoid(self.shared(mean) + self.shared(most))


class PlainNetwork(nn.Module):
    """`B,3,H,W` to `B,3,H,W`, as a first implementation runs it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(m, n, 3, padding=1), nn.BatchNorm2d(n), nn.LeakyReLU())
            for m, n in itertools.pairwise(_WIDTHS)
        )
        self.attention = nn.ModuleList(_ChannelAttention(n) for n in _WIDTHS[2:])
        self.last = nn.Conv2d(_WIDTHS[-1], 3, 3, padding=1)
        self.skip1 = nn.Conv2d(_WIDTHS[1], 3, 1)
        self.skip2 = nn.Conv2d(_WIDTHS[2], 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = gate = self.layers[0](x)
        gates = []
        for layer, attention in zip(list(self.layers)[1:], self.attention, strict=True):
            gate = attention(layer(gate))
            gates.append(gate)
        return self.last(gate) + self.skip1(first) + self.skip2(gates[0])
