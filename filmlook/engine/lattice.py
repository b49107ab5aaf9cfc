"""The lattice of blocks that a picture is developed in: the same whatever is in flight."""

from __future__ import annotations

import torch

from filmlook.stages.psf import COARSE

_BLOCK_PX = {"cpu": 352}  # small enough for the cache
_BLOCK_PX_GPU = 1024  # large enough to keep a GPU busy


Crop = tuple[int, int, int, int]
"""Part of a picture: its first pixel's y and x, height and width."""


class Lattice:
    """The blocks of one picture, in its own coordinates.

    Args:
        size: height and width of the picture, in pixels.
        margin: pixels around a block that are developed with it.
        device: what the blocks are to suit.
    """

    def __init__(self, size: tuple[int, int], margin: int, device: torch.device) -> None:
        self.size, self.margin = size, margin
        self.block = (_step(size[0], device), _step(size[1], device))
        self.inner = (self.block[0] + 2 * margin, self.block[1] + 2 * margin)
        """Height and width of a block with its margins."""
        self.cells = (-(-size[0] // COARSE), -(-size[1] // COARSE))
        """Height and width of the coarse grid."""

    def corners(self, crop: Crop | None = None) -> list[tuple[int, int]]:
        """The first pixel of every block, or of every block that has a part in the crop."""
        y, x, height, width = crop or (0, 0, *self.size)
        rows = range(y - y % self.block[0], y + height, self.block[0])
        columns = range(x - x % self.block[1], x + width, self.block[1])
        return [(row, column) for row in rows for column in columns]

    def begin(self, corners: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Where blocks begin with their margins."""
        return [(y - self.margin, x - self.margin) for y, x in corners]


def _step(length: int, device: torch.device) -> int:
    """The lattice's step along a side: equal blocks, near the size that suits the device, on whole coarse cells."""
    count = -(-length // _BLOCK_PX.get(device.type, _BLOCK_PX_GPU))
    return -(-length // count // COARSE) * COARSE
