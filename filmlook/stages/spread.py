"""How light and inhibitors spread: point spread functions as transfer functions, and blurs of any width in blocks.

A transfer function maps radial frequency (cycles per micrometre) to a factor per layer. A blur of a whole picture is one
Fourier transform. In blocks it is split in two by a Gaussian low-pass g: what passes g is band-limited and runs once for
the whole picture on a grid of a quarter of its size (`WideSpread`), the rest reaches no further than a block's margin
(`near_transfer`). At the picture's border the scene is mirrored, so a flat field stays flat and no light is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.stages.curve import Table

Transfer = Callable[[Tensor], Tensor]
"""From frequencies `(h, w)` in cycles/um to factors `(L, h, w)` (or `(1, h, w)`: the same for every layer)."""

COARSE = 4  # the coarse grid's step in pixels
MARGIN_PX = 20  # how far the near part of a blur reaches
_SPLIT_PX = MARGIN_PX / 4.5  # sigma of g: at 4.5 sigma a Gaussian has nothing left to say in 8 bits


def gaussian(frequency: Tensor, sigma_um: float) -> Tensor:
    """Transfer function of a Gaussian point spread function."""
    return torch.exp(-2 * (math.pi * sigma_um * frequency) ** 2)


def exponential(frequency: Tensor, length_um: float) -> Tensor:
    """Transfer function of exp(-r / l) / (2 pi l^2): its two-dimensional Fourier transform."""
    return (1 + (2 * math.pi * length_um * frequency) ** 2) ** -1.5


def frequencies(height: int, width: int, pitch_um: float) -> tuple[Tensor, Tensor]:
    """Vertical `(h, 1)` and horizontal `(1, w // 2 + 1)` frequencies of `rfft2`, in cycles/um, float64."""
    fy = torch.fft.fftfreq(height, pitch_um, dtype=torch.float64)[:, None]
    fx = torch.fft.rfftfreq(width, pitch_um, dtype=torch.float64)[None]
    return fy, fx


class RadialTable:
    """A transfer function, tabulated over the logarithm of frequency: a plane of factors then costs a look-up."""

    def __init__(self, transfer: Transfer) -> None:
        layers = transfer(torch.zeros((1, 1), dtype=torch.float64)).shape[0]
        low, high = math.log(1e-9), math.log(100.0)  # cycles/um; below, everything passes, above nothing is asked
        cpu = torch.device("cpu")
        self._table = Table(lambda x: transfer(x[:, :1].exp())[..., 0].T, low, high, layers, cpu)
        self._layers = layers

    def __call__(self, frequency: Tensor) -> Tensor:
        """Factors `(L, h, w)`, float32, at frequencies `(h, w)` in cycles/um."""
        log_frequency = frequency.to(torch.float32).log_()
        return self._table(log_frequency.expand(1, self._layers, -1, -1))[0]


def gaussian_kernel(sigma_px: float, reach: int) -> list[float]:
    """Half of a discrete Gaussian of sum 1, centre first, `reach` samples to each side."""
    half = [math.exp(-0.5 * (i / sigma_px) ** 2) for i in range(reach + 1)]
    total = half[0] + 2 * sum(half[1:])
    return [h / total for h in half]


def convolved(field: Tensor, kernel: list[float]) -> Tensor:
    """`..., H, W` blurred along both sides by a symmetric kernel (half of it, centre first); the reach is cut off."""
    reach = len(kernel) - 1
    for axis in (-2, -1):
        count = field.shape[axis] - 2 * reach
        out = field.narrow(axis, reach, count) * kernel[0]
        for i in range(1, reach + 1):
            out.add_(field.narrow(axis, reach - i, count) + field.narrow(axis, reach + i, count), alpha=kernel[i])
        field = out
    return field


def filtered(field: Tensor, factors: Tensor) -> Tensor:
    """`B,L,H,W` times factors in the frequency domain; the field is taken as periodic."""
    return torch.fft.irfft2(torch.fft.rfft2(field).mul_(factors), s=field.shape[-2:])


_MOST_MIRRORED = 128  # samples of mirrored scene beyond the border; light from further away wraps round


def _mirrored_size(size: int) -> int:
    return fast_size(size + min(size, _MOST_MIRRORED))


def _mirrored(field: Tensor) -> Tensor:
    """A period of `..., H, W` continued by its mirror image, half beyond the end and half before the start."""
    for axis in (-1, -2):
        size = field.shape[axis]
        spare = _mirrored_size(size) - size
        beyond = field.narrow(axis, size - spare // 2, spare // 2).flip(axis)
        before = field.narrow(axis, 0, spare - spare // 2).flip(axis)
        field = torch.cat((field, beyond, before), axis)
    return field


def fast_size(size: int) -> int:
    """The next even size of which Fourier transforms are fast: with no prime factor above 5."""
    size += size % 2
    while not _is_fast(size):
        size += 2
    return size


def _is_fast(size: int) -> bool:
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    return size == 1


Each = Callable[[Callable[[int], Tensor], Iterable[int]], Iterator[Tensor]]
"""What runs a function over the layers: `map`, or something that runs several at once."""


def spread(field: Tensor, transfer: Transfer, pitch_um: float, each: Each = map) -> Tensor:
    """The whole of `B,L,H,W` blurred by a transfer function, mirrored at the border."""
    height, width = field.shape[-2:]
    return _filtered_whole(field, transfer(_radial(height, width, pitch_um)).to(field), each)


def _filtered_whole(field: Tensor, factors: Tensor, each: Each) -> Tensor:
    """`B,L,H,W` times factors `(L or 1, ...)` of its mirrored period, a layer at a time, which needs less memory."""
    height, width = field.shape[-2:]

    def layer(i: int) -> Tensor:
        return filtered(_mirrored(field[:, i]), factors[i % len(factors)])[..., :height, :width]

    return torch.stack(list(each(layer, range(field.shape[1]))), 1)


def _radial(height: int, width: int, pitch_um: float) -> Tensor:
    return torch.hypot(*frequencies(_mirrored_size(height), _mirrored_size(width), pitch_um))


def near_transfer(transfer: Transfer, height: int, width: int, pitch_um: float, device: torch.device) -> Tensor:
    """Factors `(L, h, w // 2 + 1)` of the near part, T (1 - g), for a block of that size with its margins."""
    f = torch.hypot(*frequencies(height, width, pitch_um))
    return (transfer(f) * (1 - gaussian(f, _SPLIT_PX * pitch_um))).to(device, torch.float32)


def coarse_mean(field: Tensor) -> Tensor:
    """Means over cells of COARSE x COARSE pixels of `B,L,H,W`, both sizes multiples of COARSE."""
    rows = field[..., 0::COARSE, :].clone()
    for i in range(1, COARSE):
        rows += field[..., i::COARSE, :]
    cells = rows[..., 0::COARSE].clone()
    for i in range(1, COARSE):
        cells += rows[..., i::COARSE]
    return cells.mul_(1 / COARSE**2)


class WideSpread:
    """The wide part of a blur of a whole picture, T g, kept as cubic B-spline coefficients on the coarse grid.

    Args:
        coarse: `1,L,h,w`, means over the picture's cells.
        transfer: T.
        pitch_um: pitch of the picture's pixels (not of the cells).
        split_px: sigma of g; 0 where T alone passes nothing that the coarse grid cannot hold.
        each: what runs the layers.
    """

    def __init__(
        self, coarse: Tensor, transfer: Transfer, pitch_um: float, split_px: float = _SPLIT_PX, each: Each = map
    ) -> None:
        # The cell mean and the spline are low-passes of their own, known exactly: dividing by them leaves T g alone.
        def low(f: Tensor) -> Tensor:
            x = f * pitch_um
            return torch.sinc(COARSE * x) / torch.sinc(x) * torch.sinc(COARSE * x) ** 4

        height, width = coarse.shape[-2:]
        fy, fx = frequencies(_mirrored_size(height), _mirrored_size(width), pitch_um * COARSE)
        gy, gx = (gaussian(f, split_px * pitch_um) / low(f) for f in (fy, fx))  # a Gaussian is its sections' product
        factors = transfer(torch.hypot(fy, fx)).to(coarse) * (gy.to(coarse) * gx.to(coarse))
        self.coefficients = _filtered_whole(coarse, factors, each)

    def __call__(self, y: int, x: int, height: int, width: int) -> Tensor:
        """The blur's wide part on the pixels from (y, x), multiples of COARSE, `L,height,width`."""
        rows = mirror_index(y // COARSE - 2, height // COARSE + 4, self.coefficients.shape[-2])
        cols = mirror_index(x // COARSE - 2, width // COARSE + 4, self.coefficients.shape[-1])
        device = self.coefficients.device
        patch = self.coefficients[0].index_select(1, rows.to(device)).index_select(2, cols.to(device))
        return upsampled(patch, COARSE, (0, 0), (height, width))


def upsampled(patch: Tensor, factor: int, phase: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Cubic B-spline through coefficients `(L, h, w)` on a grid `factor` times finer: `(L, *size)`.

    The first fine pixel lies `phase` pixels into the third coefficient's cell; two coefficients stand before it.
    """
    vertical, horizontal = (
        _spline_matrix(p, n, m, factor).to(patch) for p, n, m in zip(phase, size, patch.shape[-2:], strict=True)
    )
    return torch.matmul(torch.matmul(vertical, patch), horizontal.T)


@lru_cache(maxsize=64)
def _spline_matrix(phase: int, count: int, coefficients: int, factor: int) -> Tensor:
    at = (torch.arange(count, dtype=torch.float64) + phase + 0.5) / factor + 1.5
    d = (at[:, None] - torch.arange(coefficients)).abs()
    inner, outer = 2 / 3 - d**2 + d**3 / 2, (2 - d).clamp_min(0) ** 3 / 6
    return torch.where(d < 1, inner, outer)


def mirror_index(start: int, count: int, size: int) -> Tensor:
    """Indices of `count` samples from `start` of a line of `size` samples that is mirrored at both ends for ever."""
    i = torch.arange(start, start + count) % (2 * size)
    return torch.where(i < size, i, 2 * size - 1 - i)
