"""Characteristic curves: sums of sigmoids, and tables of them.

A curve is `b + sum_k a_k sigmoid(s_k (x - c_k))`, one row per layer. The film's curve maps log10 exposure to density, the
print's curve maps the dye's analytical density to display code. Both are monotone: every a_k is positive and the slopes
of one curve share their sign.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_SAMPLES = 1 << 17  # of a table; linear between the points where its function is evaluated
_EVALUATED = 4096


@dataclass(frozen=True)
class Curve:
    """One curve per layer.

    Attributes:
        base: `(L,)`, the value far on the side where every sigmoid is 0.
        amplitude: `(L, K)`, positive.
        slope: `(L, K)`, per unit of the input; negative slopes make a falling curve.
        centre: `(L, K)`, in the unit of the input.
    """

    base: Tensor
    amplitude: Tensor
    slope: Tensor
    centre: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """The curve at `x` of shape `(..., L)`; the layers are the last axis."""
        steps = torch.sigmoid(self.slope * (x.unsqueeze(-1) - self.centre))
        return self.base + (self.amplitude * steps).sum(-1)


class Table:
    """A function of one variable per layer, sampled so finely that the nearest sample will do.

    Looking up costs the same whatever the function, and, unlike a vectorised sigmoid, gives a pixel the same bits
    however many pixels are computed at once. Over ten units of the input a value is off by less than 4e-5 of its slope.

    Args:
        function: from `(N, L)` to `(N, L)`, evaluated in double precision.
        low, high: the range of the input; outside it the end values hold.
        layers: L.
        device: where the table is looked up.

    Attributes:
        values, knots: the samples of every layer, and the points between which they are linear, on the CPU.
        scale, shift: an input times the one plus the other, held and cut off, is the sample's number.
    """

    def __init__(
        self, function: Callable[[Tensor], Tensor], low: float, high: float, layers: int, device: torch.device
    ) -> None:
        values = function(self.grid(low, high, layers)).T[None]
        self.knots = values.flatten().to(torch.float32)
        values = torch.nn.functional.interpolate(values, _SAMPLES, mode="linear", align_corners=True)
        self.values = values.flatten().to(device, torch.float32)
        self._rows = self.values.view(layers, -1).unbind(0)
        self.scale = (_SAMPLES - 1) / (high - low)
        self.shift = torch.tensor(0.5 - low * self.scale, dtype=torch.float32, device=device)
        self._offset = (torch.arange(layers, dtype=torch.int32, device=device) * _SAMPLES).view(-1, 1, 1)

    @staticmethod
    def grid(low: float, high: float, layers: int) -> Tensor:
        """Where the function is evaluated, `(N, L)` float64."""
        return torch.linspace(low, high, _EVALUATED, dtype=torch.float64)[:, None].expand(-1, layers)

    def __call__(self, x: Tensor) -> Tensor:
        """The function at `x`, `B,L,H,W` float32."""
        at = torch.add(self.shift, x, alpha=self.scale).clamp_(0, _SAMPLES - 1)
        index = at.to(torch.int32)
        if index.device.type != "cpu":
            return torch.index_select(self.values, 0, index.add_(self._offset).flatten()).view(x.shape)
        out = torch.empty_like(at)
        for picture, found in zip(index, out, strict=True):  # a layer's values stay in the cache while all look there
            for layer, values in enumerate(self._rows):
                torch.index_select(values, 0, picture[layer].flatten(), out=found[layer].view(-1))
        return out


def mix(matrix: Tensor, x: Tensor, bias: Tensor | None = None) -> Tensor:
    """`matrix @ x (+ bias)` over the channels of `B,C,H,W`, element by element.

    A matrix product picks its kernel by the size of the whole tensor, so its last bit would depend on how many blocks
    are in flight; sums in a fixed order do not, and cost no more for three channels.
    """
    rows = matrix.tolist()
    out = x.new_empty((x.shape[0], len(rows), *x.shape[2:]))
    for i, row in enumerate(rows):
        plane = torch.mul(x[:, 0], row[0], out=out[:, i])
        for j, weight in enumerate(row[1:], 1):
            plane.add_(x[:, j], alpha=weight)
        if bias is not None:
            plane.add_(float(bias[i]))
    return out
