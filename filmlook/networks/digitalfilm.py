"""DigitalFilm: the network of the original project, and its parts.

Seven 3x3 convolutions of 32-64-128-256-128-64-32 channels, each followed by batch normalisation and leaky ReLU. From the second
on, a channel attention follows that *returns its gate*, a 1x1 map. So everything after the second convolution is global:

    y = skip1(leaky_relu(bn1(conv1(x)))) + b(x)          b(x): one RGB offset for the whole picture

`DigitalFilm` is the whole, for training and for loading weights. `Parts` is the same function taken apart for developing: a
local colour map that runs in tiles, statistics of the picture that add up over tiles, and a tail that is a tiny MLP on them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from filmlook.film.colour_map import Each

WIDTHS = (32, 64, 128, 256, 128, 64, 32)
_REDUCTION = 16  # of an attention's bottleneck
_SLOPE = 0.01  # of leaky ReLU below zero
_STRIP_PX = 32  # rows worked on at once: 32 channels of them stay in the cache


class ChannelAttention(nn.Module):
    """One gate in (0, 1) for each channel, from its mean and its greatest value. `B,C,H,W` to `B,C,1,1`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = channels // _REDUCTION
        self.fc = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1, bias=False), nn.ReLU(), nn.Conv2d(squeezed, channels, 1, bias=False)
        )

    def gate(self, mean: Tensor, most: Tensor) -> Tensor:
        """The gate `B,C,1,1` from the channels' means and maxima, both `B,C,1,1`."""
        return torch.sigmoid(self.fc(mean) + self.fc(most))

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True))


class DigitalFilm(nn.Module):
    """The network with the state-dict names of the original: conv1-8, bn1-7, ca2-7, skip1-2.

    Takes display code `B,3,H,W` in [0, 1] and gives the film's code, not clipped.
    """

    conv1: nn.Conv2d

    def __init__(self) -> None:
        super().__init__()
        for i, (before, after) in enumerate(itertools.pairwise((3, *WIDTHS)), 1):
            setattr(self, f"conv{i}", nn.Conv2d(before, after, 3, padding=1))
            setattr(self, f"bn{i}", nn.BatchNorm2d(after))
            if i > 1:
                setattr(self, f"ca{i}", ChannelAttention(after))
        self.conv8 = nn.Conv2d(WIDTHS[-1], 3, 3, padding=1)
        self.skip1 = nn.Conv2d(WIDTHS[0], 3, 1)
        self.skip2 = nn.Conv2d(WIDTHS[1], 3, 1)

    def attention(self, i: int) -> ChannelAttention:
        return cast(ChannelAttention, getattr(self, f"ca{i}"))

    def layer(self, i: int, x: Tensor) -> Tensor:
        """Convolution `i` with its normalisation and activation."""
        return F.leaky_relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)), _SLOPE)

    def tail(self, gate: Tensor) -> Tensor:
        """The second layer's gate `B,64,1,1` to the offset `B,3,1,1`, skip1's bias not included."""
        deep = gate
        for i in range(3, 8):
            deep = self.attention(i)(self.layer(i, deep))
        offset: Tensor = self.conv8(deep) + self.skip2(gate)
        return offset

    def local(self, x: Tensor) -> Tensor:
        """The local colour map alone, without b(x)."""
        mapped: Tensor = self.skip1(self.layer(1, x))
        return mapped

    def forward(self, x: Tensor) -> Tensor:
        first = self.layer(1, x)
        whole: Tensor = self.skip1(first) + self.tail(self.attention(2)(self.layer(2, first)))
        return whole


@dataclass(frozen=True)
class Statistics:
    """Sum and greatest value of the second layer's channels, `1,64,1,1` each, over `count` pixels."""

    total: Tensor
    most: Tensor
    count: int

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(self.total + other.total, torch.maximum(self.most, other.most), self.count + other.count)


class Parts:
    """A trained network taken apart, with normalisations folded into the convolutions.

    Args:
        network: its weights are copied as they are.
        device: where the parts run.
    """

    margin = 1  # pixels the local map reads around what it gives
    far_margin = 2  # and the statistics
    slope = _SLOPE

    def __init__(self, network: DigitalFilm, device: torch.device) -> None:
        self._first = _folded(network, 1, device)
        self._second = _folded(network, 2, device)
        self._skip = _plain(network.skip1, device)
        self._network, self._device = network, device

    @property
    def of_local(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Weights and biases of the local map: of 3 x 3 pixels to the hidden layer, and of that to three channels."""
        return self._first, self._skip

    def _hidden(self, code: Tensor) -> Tensor:
        return F.leaky_relu_(F.conv2d(code, *self._first), _SLOPE)

    def local(self, code: Tensor) -> Tensor:
        """The local colour map: code `B,3,H+2,W+2`, zero beyond the picture, to `B,3,H,W` without the offset."""
        height, width = (n - 2 * self.margin for n in code.shape[2:])
        out = code.new_empty((code.shape[0], 3, height, width))
        with _exact(code.device):
            for i in range(code.shape[0]):  # one by one: a convolution's last bits depend on the batch
                for y in range(0, height, _STRIP_PX):
                    hidden = self._hidden(code[i : i + 1, :, y : y + _STRIP_PX + 2])
                    out[i, :, y : y + _STRIP_PX] = F.conv2d(hidden, *self._skip)[0]
        return out

    def statistics(self, code: Tensor, outside: Sequence[bool], each: Each = map) -> Iterator[Statistics]:
        """Of the inner part of code `1,3,H+4,W+4`, zero beyond the picture, a few rows at a time; `each` runs them.

        Args:
            outside: whether the hidden layer's margins at top, bottom, left and right lie beyond the picture. There the
                original pads with zeros, which is not what it would make of zeros.
        """
        top, bottom, left, right = outside
        height = code.shape[2] - 4

        def of_rows(y: int) -> Statistics:
            rows = min(_STRIP_PX, height - y)
            hidden = self._hidden(code[:, :, y : y + rows + 4])
            if top and y == 0:
                hidden[:, :, 0] = 0
            if bottom and y + rows == height:
                hidden[:, :, -1] = 0
            if left:
                hidden[..., 0] = 0
            if right:
                hidden[..., -1] = 0
            with _exact(code.device):
                second = F.leaky_relu_(F.conv2d(hidden, *self._second), _SLOPE)
            total, most = second.sum((2, 3), keepdim=True), second.amax((2, 3), keepdim=True)
            return Statistics(total, most, second.shape[2] * second.shape[3])

        return iter(each(of_rows, range(0, height, _STRIP_PX)))

    def offset(self, statistics: Iterable[Statistics]) -> Tensor:
        """b(x), `3,1,1`, from the statistics of a picture's parts."""
        whole = sum_of(statistics)
        with torch.no_grad():
            gate = self._network.attention(2).gate((whole.total / whole.count).float(), whole.most)
            return self._network.tail(gate)[0].to(self._device)


def _exact(device: torch.device) -> AbstractContextManager[None]:
    """Keeps cuDNN from rounding to ten bits (TF32), and from another algorithm for every size."""
    if device.type != "cuda":  # the setting is the whole process's, and the CPU's threads would undo each other's
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def sum_of(parts: Iterable[Statistics]) -> Statistics:
    """Of all of them, in double precision on the CPU."""
    first, *others = parts
    for other in others:
        first = first + other
    return Statistics(first.total.cpu().double(), first.most.cpu(), first.count)


def _plain(conv: nn.Conv2d, device: torch.device) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution."""
    return conv.weight.detach().to(device), cast(Tensor, conv.bias).detach().to(device)


def _folded(network: DigitalFilm, i: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Weight and bias of convolution `i` with its normalisation."""
    conv, norm = cast(nn.Conv2d, getattr(network, f"conv{i}")), cast(nn.BatchNorm2d, getattr(network, f"bn{i}"))
    weight, bias = (t.double() for t in _plain(conv, torch.device("cpu")))  # not all devices have double precision
    mean, var = (cast(Tensor, t).to(weight) for t in (norm.running_mean, norm.running_var))
    gain = norm.weight.detach().to(weight) / torch.sqrt(var + norm.eps)
    shift = norm.bias.detach().to(weight) - mean * gain
    return (weight * gain[:, None, None, None]).float().to(device), (bias * gain + shift).float().to(device)
