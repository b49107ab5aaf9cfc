"""How light and inhibitors spread: point spread functions as transfer functions, and blurs of any width in blocks.

A transfer function maps radial frequency (cycles per micrometre) to a factor per layer. A blur of a whole picture is one
Fourier transform. In blocks it is split in two: a near part of a few narrow Gaussians (`stages.near`), and the rest of what
passes a low-pass g, which is band-limited and runs once for the whole picture on a grid of a quarter of its size
(`WideSpread`). At the picture's border the scene is mirrored, so a flat field stays flat and no light is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.film.curve import Table

Transfer = Callable[[Tensor], Tensor]
"""From frequencies `(h, w)` in cycles/um to factors `(L, h, w)` (or `(1, h, w)`: the same for every layer)."""

COARSE = 4  # the coarse grid's step in pixels
_SPLIT = 0.08  # cycles per pixel: the coarse grid holds up to 1/8, and nearer to that its cells alias


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


_RESOLVED = 0.16  # cycles/um up to which films resolve something
_FINEST = 100.0  # cycles/um: far beyond it
_MOST_FOLDS = 6  # of frequencies beyond the pixels' limit


class RadialTable:
    """A transfer function, tabulated over the logarithm of frequency: a plane of factors then costs a look-up."""

    def __init__(self, transfer: Transfer) -> None:
        layers = transfer(torch.zeros((1, 1), dtype=torch.float64)).shape[0]
        low, high = math.log(1e-9), math.log(_FINEST)  # below, everything passes
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


def convolved(field: Tensor, kernel: Sequence[float]) -> Tensor:
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
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(field).mul_(factors), s=field.shape[-2:])
    return filtered


_CELLS_MIRRORED = 128  # beyond the border of the coarse grid: 512 pixels of scene; light from further away wraps round


def period_of(cells: int) -> int:
    """The length of a line of coarse cells with its mirror image, or as much of it as matters."""
    return 2 * cells if cells <= _CELLS_MIRRORED else fast_size(cells + _CELLS_MIRRORED)


def mirrored(field: Tensor, height: int, width: int) -> Tensor:
    """`..., H, W` continued to a period of that size by its mirror image, half beyond the end and half before the start."""
    for axis, period in ((-1, width), (-2, height)):
        size = field.shape[axis]
        spare = period - size
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


def spread(field: Tensor, transfer: Transfer, pitch_um: float) -> Tensor:
    """The whole of `B,L,H,W` blurred by a transfer function, mirrored at the border."""
    period = (2 * field.shape[-2], 2 * field.shape[-1])
    return _filtered_whole(field, sampled(transfer, *period, pitch_um).to(field), period)


def blurred_cells(cells: Tensor, sigma: float) -> Tensor:
    """`1,L,h,w` blurred by a Gaussian, sigma in cells."""
    period = (period_of(cells.shape[-2]), period_of(cells.shape[-1]))
    return _filtered_whole(cells, _gaussian_factors(period, sigma).to(cells), period)


@lru_cache(maxsize=8)
def _gaussian_factors(period: tuple[int, int], sigma: float) -> Tensor:
    return gaussian(torch.hypot(*frequencies(*period, 1)), sigma).unsqueeze(0)


def _filtered_whole(field: Tensor, factors: Tensor, period: tuple[int, int], each: Each = map) -> Tensor:
    """`B,L,H,W` times factors `(L or 1, ...)` of its mirrored period, a layer at a time, which needs less memory."""
    height, width = field.shape[-2:]

    def layer(i: int) -> Tensor:
        return filtered(mirrored(field[:, i], *period), factors[i % len(factors)])[..., :height, :width]

    return torch.stack(list(each(layer, range(field.shape[1]))), 1)


def sampled(transfer: Transfer, height: int, width: int, pitch_um: float) -> Tensor:
    """Factors `(L, h, w // 2 + 1)` of a point spread function integrated over pixels, for `rfft2` of h x w."""
    return sampled_at(transfer, *frequencies(height, width, pitch_um), pitch_um)


def sampled_at(transfer: Transfer, fy: Tensor, fx: Tensor, pitch_um: float) -> Tensor:
    """The same at vertical frequencies `(h, 1)` in the order of `frequencies`, and horizontal `(1, w)`, in cycles/um.

    Frequencies beyond what the pixels can hold fold back, as they do in any sampled picture. Cut off at that limit
    instead, a point spread function rings, and rebuilt highlights show it.
    """
    height = fy.shape[0]
    half = height // 2 + 1
    fy = fy[:half].abs()  # the other half mirrors it
    folds = min(max(1, math.ceil(_RESOLVED * pitch_um)), _MOST_FOLDS)
    # What passes at the finest frequency that is looked at counts as unspread, a pixel's own light: no end that would ring.
    finest = (folds + 0.5) / pitch_um
    beyond = transfer(torch.full((1, 1), finest, dtype=torch.float64))
    own = transfer(torch.hypot(fy, fx)) - beyond
    factors = beyond + own * (torch.sinc(fy * pitch_um) * torch.sinc(fx * pitch_um))
    factors += _folded(transfer, beyond, folds, fy[:, 0], fx[0], pitch_um)
    return torch.cat((factors, factors[:, 1 : height - half + 1].flip(1)), 1)


_NODES = 24  # of a polynomial along each axis: what folds back is smooth, and has no more to tell


def _folded(transfer: Transfer, beyond: Tensor, folds: int, fy: Tensor, fx: Tensor, pitch_um: float) -> Tensor:
    """What folds back at frequencies `fy` `(h,)`, `fx` `(w,)` within the pixels' limit, `(L, h, w)`.

    It is found at Chebyshev's nodes and carried from there by polynomials: a fiftieth of the work, and the same within 1e-5.
    """
    nodes = (1 - torch.cos(math.pi * (torch.arange(_NODES, dtype=torch.float64) + 0.5) / _NODES)) / 4  # cycles per pixel
    shifted = torch.arange(-folds, folds + 1)[:, None] + nodes  # (K, N)
    y, x = shifted[:, None, :, None], shifted[None, :, None, :]
    frequency = torch.hypot(y, x) / pitch_um
    found = (transfer(frequency.reshape(1, -1)) - beyond).clamp_min_(0).reshape(-1, *frequency.shape)
    found = found * (torch.sinc(y) * torch.sinc(x))
    found[:, folds, folds] = 0  # what does not fold
    at_nodes = found.sum((1, 2))
    rows, columns = (_lagrange(nodes, f * pitch_um).to(at_nodes) for f in (fy, fx))
    return rows @ at_nodes @ columns.T


def _lagrange(nodes: Tensor, at: Tensor) -> Tensor:
    """Weights `(M, N)` of values at Chebyshev's `nodes` `(N,)`, for the polynomial through them at `at` `(M,)`; barycentric
    (Berrut and Trefethen 2004)."""
    count = len(nodes)
    signs = torch.sin(math.pi * (torch.arange(count, dtype=torch.float64) + 0.5) / count) * (-1.0) ** torch.arange(count)
    apart = at[:, None] - nodes
    hit = apart.abs() < 1e-12
    weights = signs / torch.where(hit, 1.0, apart)
    weights = torch.where(hit.any(1, keepdim=True), hit.double(), weights)
    return weights / weights.sum(1, keepdim=True)


COARSE_MARGIN = 8  # pixels around a field that its coarse cells need
HALVINGS = ((1, 3, 3, 1), (1, 7, 21, 35, 35, 21, 7, 1))  # binomials; a plain mean would let fine detail alias


def coarse_cells(field: Tensor) -> Tensor:
    """Cells of COARSE x COARSE pixels of `B,L,H,W`: low-pass means. The field has a margin of COARSE_MARGIN pixels."""
    cells = field[..., 1:-1, 1:-1]
    for taps in HALVINGS:
        for axis in (-2, -1):
            count = (cells.shape[axis] - len(taps)) // 2 + 1
            parts = [cells.narrow(axis, i, 2 * count - 1) for i in range(len(taps))]
            parts = [part[..., ::2] if axis == -1 else part[..., ::2, :] for part in parts]
            cells = parts[0] * (taps[0] / sum(taps))
            for part, tap in zip(parts[1:], taps[1:], strict=True):
                cells.add_(part, alpha=tap / sum(taps))
    return cells


def _coarse_response(cycles: Tensor) -> Tensor:
    """What the cells pass of `cycles` per pixel."""
    return torch.cos(math.pi * cycles) ** 3 * torch.cos(2 * math.pi * cycles) ** 7


def low_pass(cycles: Tensor) -> Tensor:
    """g, of `cycles` per pixel: flat, so that little is left to the near part, and so steep that nothing aliases."""
    return torch.exp(-((cycles / _SPLIT) ** 6))


def to_coefficients(period: tuple[int, int], pitch_um: float) -> Tensor:
    """Factors of the coarse grid that make its spectrum one of spline coefficients."""
    # The cells and the spline are low-passes of their own, known exactly.
    gy, gx = (
        1 / (_coarse_response(f * pitch_um) * torch.sinc(COARSE * f * pitch_um) ** 6)
        for f in frequencies(*period, pitch_um * COARSE)
    )
    return gy * gx


@lru_cache(maxsize=4)
def _wide_factors(period: tuple[int, int], transfer: Transfer, pitch_um: float, device: torch.device) -> Tensor:
    """Factors of `WideSpread.of`: they are the same for the next picture of the same size."""
    f = torch.hypot(*frequencies(*period, pitch_um * COARSE))
    on = device, torch.float32
    return transfer(f).to(*on) * to_coefficients(period, pitch_um).to(*on)


class WideSpread:
    """The wide part of a blur of a whole picture kept as quintic B-spline coefficients `1,L,h,w` on the coarse grid.

    (A cubic's grid shows beside lamps far above white.)
    """

    def __init__(self, coefficients: Tensor) -> None:
        self.coefficients = coefficients

    @classmethod
    def of(cls, coarse: Tensor, transfer: Transfer, pitch_um: float, each: Each = map) -> WideSpread:
        """Of a picture's `coarse_cells` `1,L,h,w`.

        Args:
            coarse: the cells.
            transfer: T, which passes nothing that the coarse grid cannot hold.
            pitch_um: pitch of the picture's pixels (not of the cells).
            each: what runs the layers.
        """
        period = (period_of(coarse.shape[-2]), period_of(coarse.shape[-1]))
        return cls(_filtered_whole(coarse, _wide_factors(period, transfer, pitch_um, coarse.device), period, each))

    def __call__(self, y: int, x: int, height: int, width: int) -> Tensor:
        """The blur's wide part on the pixels from (y, x), multiples of COARSE, `L,height,width`."""
        rows = mirror_index(y // COARSE - 3, height // COARSE + 6, self.coefficients.shape[-2])
        cols = mirror_index(x // COARSE - 3, width // COARSE + 6, self.coefficients.shape[-1])
        device = self.coefficients.device
        patch = self.coefficients[0].index_select(1, rows.to(device)).index_select(2, cols.to(device))
        return upsampled(patch, COARSE, (0, 0), (height, width), reach=3)


def upsampled(patch: Tensor, factor: int, phase: tuple[int, int], size: tuple[int, int], reach: int = 2) -> Tensor:
    """B-spline, cubic or (`reach` 3) quintic, through coefficients `(L, h, w)` on a grid `factor` times finer: `(L, *size)`.

    The first fine pixel lies `phase` pixels into the cell of the coefficient that has `reach` others before it.
    """
    weights = spline_weights(factor, reach)
    for axis, first, count in ((-1, phase[1], size[1]), (-2, phase[0], size[0])):
        cells = patch.shape[axis] - 2 * reach
        after = axis % patch.ndim + 1  # the axis of the fine pixels within a cell
        shape = (*patch.shape[: after - 1], cells, factor, *patch.shape[after:])
        fine = patch.new_empty(shape)
        for i, taps in enumerate(weights):
            part = patch.narrow(axis, 0, cells) * taps[0]
            for j, tap in enumerate(taps[1:], 1):
                if tap:
                    part.add_(patch.narrow(axis, j, cells), alpha=tap)
            fine.select(after, i).copy_(part)
        patch = fine.flatten(after - 1, after).narrow(axis, first, count)
    return patch


@lru_cache(maxsize=16)
def spline_weights(factor: int, reach: int) -> list[list[float]]:
    """For each fine pixel within a cell, what it takes of the `reach` coefficients before, its own, and the `reach` after."""
    at = (torch.arange(factor, dtype=torch.float64) + 0.5) / factor + reach - 0.5
    d = (at[:, None] - torch.arange(2 * reach + 1)).abs()
    if reach == 2:
        inner, outer = 2 / 3 - d**2 + d**3 / 2, (2 - d).clamp_min(0) ** 3 / 6
        return torch.where(d < 1, inner, outer).tolist()
    inner = 11 / 20 - d**2 / 2 + d**4 / 4 - d**5 / 12
    middle = 17 / 40 + 5 * d / 8 - 7 * d**2 / 4 + 5 * d**3 / 4 - 3 * d**4 / 8 + d**5 / 24
    return torch.where(d < 1, inner, torch.where(d < 2, middle, (3 - d).clamp_min(0) ** 5 / 120)).tolist()


def mirror_index(start: int, count: int, size: int) -> Tensor:
    """Indices of `count` samples from `start` of a line of `size` samples that is mirrored at both ends for ever."""
    i = torch.arange(start, start + count) % (2 * size)
    return torch.where(i < size, i, 2 * size - 1 - i)
