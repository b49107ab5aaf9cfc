"""The picture where the gate holds it (see `stages.gate`): moved by parts of a pixel, without empty edges.

It is read through a windowed sinc of eight taps an axis, which keeps all but the finest detail; beyond its border it is
mirrored, as everywhere. Pictures of 8 bits are moved in 16, so that nothing is rounded twice.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from filmlook.stages.gate import Position
from filmlook.stages.psf import mirror_index

_LOBES = 4  # of Lanczos' kernel, to each side
_FINE = 64  # steps of a pixel in which it is blurred
_ALIKE = 1e-6  # of weights that are one and the same but for rounding
_ROWS = 64  # worked on at once: what fits the cache


def in_gate(source: Tensor, position: Position, pitch_um: float, height: int) -> Tensor:
    """Samples `H,W,C` of 8 bits, 16 (bits in int16) or float, as the gate holds them: of 16 bits where they were of 8.

    Args:
        pitch_um: of a pixel on the film. height: of the picture, in pixels.
    """
    if position == Position():
        return source
    rows, columns = source.shape[:2]
    kernel = _Kernel(position.blur_um / pitch_um)
    down = _taps(rows, position.down * height, position.size, kernel)
    across = _taps(columns, position.right * height, position.size, kernel)
    out = torch.empty_like(source, dtype=torch.int16 if source.dtype == torch.uint8 else source.dtype)
    for y in range(0, rows, _ROWS):
        count = min(_ROWS, rows - y)
        first, last = _read(down, y, count)
        index = mirror_index(first, last - first, rows).to(source.device)
        strip = _float(source.index_select(0, index))
        strip = _weighed(strip, 0, y - first, down, y, count)
        left, right = _read(across, 0, columns)
        strip = strip.index_select(1, mirror_index(left, right - left, columns).to(source.device))
        moved = _weighed(strip, 1, -left, across, 0, columns)
        if not out.dtype.is_floating_point:
            moved = moved.clamp_(0, 65535).add_(0.5).to(torch.int32).to(torch.int16)
        out[y : y + count] = moved
        if source.shape[2] == 4:  # alpha stays where it is
            alpha = source[y : y + count, :, 3:]
            out[y : y + count, :, 3:] = alpha.to(torch.int16) * 257 if source.dtype == torch.uint8 else alpha
    return out


def _float(samples: Tensor) -> Tensor:
    if samples.dtype == torch.uint8:
        return samples.to(torch.float32).mul_(257)
    return (samples.to(torch.int32) & 0xFFFF).float() if samples.dtype == torch.int16 else samples.float()


class _Kernel:
    """Lanczos' kernel, blurred by so many pixels."""

    def __init__(self, sigma: float) -> None:
        self.reach = _LOBES + math.ceil(3 * sigma)
        at = torch.arange(-self.reach * _FINE, self.reach * _FINE + 1, dtype=torch.float64) / _FINE
        self.values = torch.where(at.abs() < _LOBES, torch.sinc(at) * torch.sinc(at / _LOBES), torch.zeros_like(at))
        if sigma * _FINE > 0.1:
            half = math.ceil(3 * sigma * _FINE)
            gauss = torch.exp(-0.5 * (torch.arange(-half, half + 1, dtype=torch.float64) / (sigma * _FINE)) ** 2)
            self.values = torch.nn.functional.conv1d(self.values[None, None], (gauss / gauss.sum())[None, None], padding=half)[
                0, 0
            ]

    def __call__(self, distance: Tensor) -> Tensor:
        at = (distance + self.reach).clamp(0, 2 * self.reach) * _FINE
        low = at.long().clamp_max(len(self.values) - 2)
        return torch.lerp(self.values[low], self.values[low + 1], at - low)


Taps = tuple[Tensor, Tensor, list[float]]
"""Of each sample along an axis: the first that it reads, and its weights `(n, taps)`; those of all where they are alike."""


def _taps(length: int, shift: float, size: float, kernel: _Kernel) -> Taps:
    place = (torch.arange(length, dtype=torch.float64) + 0.5 - length / 2 - shift) / size + length / 2 - 0.5
    first = place.floor().long() - kernel.reach + 1
    weights = kernel(place[:, None] - first[:, None] - torch.arange(2 * kernel.reach))
    weights = (weights / weights.sum(1, keepdim=True)).float()
    return first, weights, weights[0].tolist() if float((weights - weights[0]).abs().max()) < _ALIKE else []


def _read(taps: Taps, start: int, count: int) -> tuple[int, int]:
    """The first sample that `count` from `start` read, and the one after the last."""
    first = taps[0][start : start + count]
    return int(first.min()), int(first.max()) + taps[1].shape[1]


def _weighed(field: Tensor, axis: int, at: int, taps: Taps, start: int, count: int) -> Tensor:
    """`H,W,C` along an axis through taps. `at`: where in it the sample `start` lies."""
    first, alike, weights = taps[0][start : start + count], taps[2], taps[1][start : start + count].to(field.device)
    offsets = first - torch.arange(start, start + count)
    out = torch.zeros([count if i == axis else n for i, n in enumerate(field.shape)], device=field.device)
    ends = [*((offsets[1:] != offsets[:-1]).nonzero()[:, 0] + 1).tolist(), count]
    begin = 0
    for end in ends:  # where the picture keeps its size the offset is one and the same
        part, whole = out.narrow(axis, begin, end - begin), int(offsets[begin])
        for tap in range(weights.shape[1]):
            read = field.narrow(axis, at + begin + whole + tap, end - begin)
            if alike:
                part.add_(read, alpha=alike[tap])
            else:
                weight = weights[begin:end, tap]
                part.addcmul_(read, weight[:, None, None] if axis == 0 else weight[:, None])
        begin = end
    return out
