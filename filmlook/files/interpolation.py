"""Colour maps sampled on a grid: baked from a function, and applied by interpolation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from filmlook.errors import FilmLookError
from filmlook.film.colour_map import Pointwise

Triple = tuple[float, float, float]

LARGEST = 256  # samples along an axis of a cube: a HaldCLUT of level 16


@dataclass(frozen=True, eq=False)
class Lut:
    """A colour map from display code to display code, sampled on a regular grid.

    Attributes:
        table: float32, `(N, 3)` for three curves, or `(N, N, N, 3)` indexed `[blue][green][red]`; finite, N >= 2.
        domain_min, domain_max: the r, g, b that belong to the first and to the last sample of each axis.
        title: for people.
        shaper: a 1D table to apply first, or none.

    Raises:
        FilmLookError: the table or the domain is not as said here.
    """

    table: Tensor
    domain_min: Triple = (0.0, 0.0, 0.0)
    domain_max: Triple = (1.0, 1.0, 1.0)
    title: str = ""
    shaper: Lut | None = None

    layers: ClassVar[int] = 3
    margin: ClassVar[int] = 0

    def __post_init__(self) -> None:
        n = self.table.shape[0] if self.table.ndim else 0
        if self.table.dtype != torch.float32 or self.table.shape not in ((n, 3), (n, n, n, 3)) or n < 2:
            shape = tuple(self.table.shape)
            raise FilmLookError(f"a table is float32 (N, 3) or (N, N, N, 3), N >= 2; not {self.table.dtype} {shape}")
        if not torch.isfinite(self.table).all():
            raise FilmLookError(f"the table of {self.title or 'a LUT'} holds NaN or infinite numbers")
        if not is_domain(self.domain_min, self.domain_max):
            raise FilmLookError(f"the domain {self.domain_min} to {self.domain_max} is empty; allowed: min below max")

    def to(self, device: torch.device | str) -> Lut:
        """The same map with its tables on `device`, so that calls there copy nothing."""
        return replace(self, table=self.table.to(device), shaper=self.shaper and self.shaper.to(device))

    def on(self, device: torch.device, *, exact: bool) -> Pointwise:
        """As a stock's colour (see `film.colour_map`)."""
        return Pointwise(self.to(device))

    def ends(self) -> Tensor:
        """Display code `(2, 3)` float64 that black and white become."""
        ends = torch.tensor([[0.0] * 3, [1.0] * 3])
        return self(ends.T[None, :, :, None])[0, :, :, 0].T.double()

    def __call__(self, display: Tensor) -> Tensor:
        """Apply: linear between the samples of curves, tetrahedral between those of a cube.

        Only gathers and element-wise sums and products: a pixel's bits do not depend on the other pixels. A call needs
        about 150 bytes a pixel, so hand it a large picture in blocks.

        Args:
            display: `(B, 3, H, W)` float32 code values; outside the domain they are clipped to it. NaN gives NaN.

        Returns:
            `(B, 3, H, W)` float32 code values, as the table has them, not clipped.

        Raises:
            FilmLookError: another shape or dtype.
        """
        if display.ndim != 4 or display.shape[1] != 3 or display.dtype != torch.float32:
            raise FilmLookError(f"a LUT takes B, 3, H, W float32, not {tuple(display.shape)} {display.dtype}")
        if self.shaper is not None:
            display = self.shaper(display)
        last = self.table.shape[0] - 1
        samples = self.table.to(display.device).flatten()
        steps = [last / (high - low) for low, high in zip(self.domain_min, self.domain_max, strict=True)]
        low, scale = torch.tensor((self.domain_min, steps), dtype=torch.float32, device=display.device).view(2, 3, 1, 1)
        position = (display - low).mul_(scale).clamp_(0, last)
        # NaN becomes some integer; clipping the cell keeps it inside the table.
        cell = position.to(torch.int64).clamp_(0, last - 1)
        fraction = position.sub_(cell)
        if self.table.ndim == 2:
            return _linear(samples, cell, fraction)
        return _tetrahedral(samples, last + 1, cell, fraction)


def is_domain(low: tuple[float, ...], high: tuple[float, ...]) -> bool:
    # Narrower than this, single precision would divide by zero.
    return all(a + 1e-6 < b for a, b in zip(low, high, strict=True))


def _linear(samples: Tensor, cell: Tensor, fraction: Tensor) -> Tensor:
    """Three curves. `samples` is the flat table, `r g b r g b ...`; cell and fraction are `(B, 3, H, W)`."""
    index = cell.mul_(3)
    channels = zip(index.unbind(1), fraction.unbind(1), strict=True)
    return torch.stack([_blend(samples[c:], ((i, 1 - f), (i + 3, f))) for c, (i, f) in enumerate(channels)], 1)


def _tetrahedral(samples: Tensor, size: int, cell: Tensor, fraction: Tensor) -> Tensor:
    """A cube of `size` samples an axis, else as `_linear`.

    A cell's six tetrahedra share its black-to-white diagonal, so neutrals stay as neutral as the table. From the cell's
    dark corner v0 walk along the axis of the greatest fraction f1 to v1, of the middle one f2 to v2, of the least f3 to
    v3, the bright corner:

        y = (1 - f1) v0 + (f1 - f2) v1 + (f2 - f3) v2 + f3 v3

    (J. Kasson, S. Nin, W. Plouffe, J. Hafner, "Performing color space conversions with three-dimensional linear
    interpolation", 1995). Where two fractions are equal either way will do: the corner in question weighs nothing.
    """
    step_r, step_g, step_b = 3, 3 * size, 3 * size * size
    r, g, b = fraction.unbind(1)
    less, more = torch.minimum(r, g), torch.maximum(r, g)
    f1, f2, f3 = torch.maximum(more, b), torch.maximum(less, torch.minimum(more, b)), torch.minimum(less, b)
    first = torch.where(r == f1, step_r, torch.where(g == f1, step_g, step_b))
    third = torch.where(b == f3, step_b, torch.where(g == f3, step_g, step_r))
    v0 = cell[:, 0] * step_r + cell[:, 1] * step_g + cell[:, 2] * step_b
    v3 = v0 + (step_r + step_g + step_b)
    corners = ((v0, 1 - f1), (v0 + first, f1 - f2), (v3 - third, f2 - f3), (v3, f3))
    return torch.stack([_blend(samples[c:], corners) for c in range(3)], 1)


def _blend(samples: Tensor, corners: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The weighted sum of samples at (index, weight), each `(B, H, W)`."""
    # One channel at a time: gathering r, g, b together and turning them into planes takes twice as long.
    terms = (samples.index_select(0, index.flatten()).view_as(weight).mul_(weight) for index, weight in corners)
    total = next(terms)
    for term in terms:
        total.add_(term)
    return total


def bake(function: Callable[[Tensor], Tensor], size: int) -> Lut:
    """Sample a colour map on a grid over [0, 1].

    Args:
        function: display `(B, 3, H, W)` float32 in [0, 1] to display of the same shape; each pixel by itself.
        size: samples along each axis, 2 to 256.

    Raises:
        FilmLookError: the size is out of range, or the function returns another shape, NaN or infinite numbers.
    """
    if not 2 <= size <= LARGEST:
        raise FilmLookError(f"the size of a table is {size}; allowed: 2 to {LARGEST}")
    axis = torch.arange(size) / (size - 1)
    blue, green, red = torch.meshgrid(axis, axis, axis, indexing="ij")
    grid = torch.stack((red, green, blue)).view(1, 3, size * size, size)
    baked = function(grid)
    if baked.shape != grid.shape:
        raise FilmLookError(f"a colour map made {tuple(baked.shape)} of {tuple(grid.shape)}; they must be the same")
    cube = baked.detach().to("cpu", torch.float32).view(3, size, size, size)
    return Lut(cube.permute(1, 2, 3, 0).contiguous())
