"""What a stage is. Each is built from (stock, look, pitch_um, device), says how many pixels it reads around what it gives
(`margin`), and has one method.

What only spreads light is no stage: transfer functions that the engine joins to one blur. The stages are called with what is
in hand, and where that lies. Some have to know of the whole picture: what they found out (`survey`) comes back with the place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Place:
    """Where the blocks in hand lie in their picture.

    Attributes:
        corners: absolute (y, x) of each block's first pixel, its margin not counted.
        block: height and width of a block without its margin.
        size: height and width of the picture.
        step: pixels from one sample to the next; more than 1 on the coarse grid.
        key: `noise_key(seed, frame)`.
        around: `B,1,h,w`, what inhibitors bring to each pixel that sharpening gives, from afar; None: no edge effect.
        unspread: `B,L,H,W`, the light that fell on the film's pixels before it spread, margins as in hand; None as `around`.
        beside_lamps: `B,1,h,w` as `around`: 1 beside lamps, where nothing is sharpened to darker; None: there are none.
        keep: pixels around the blocks that a later stage still reads.
        moment: seed and number of the frame, for what lasts longer than one.
        offset: `3,1,1`, what a network adds to the whole picture.
    """

    corners: list[tuple[int, int]]
    block: tuple[int, int]
    size: tuple[int, int]
    step: int = 1
    key: int = 0
    around: Tensor | None = None
    unspread: Tensor | None = None
    beside_lamps: Tensor | None = None
    keep: int = 0
    offset: Tensor | None = None
    moment: tuple[int, int] = (0, 0)

    def margin_of(self, field: Tensor) -> int:
        """How many pixels of `B,C,H,W` lie on each side of the blocks."""
        return (field.shape[-1] - self.block[1]) // 2

    def inner(self, field: Tensor, margin: int = 0) -> Tensor:
        """The blocks in `B,C,H,W` that has margins, with `margin` pixels on each side beyond what is kept."""
        return self.cut(field, margin + self.keep)

    def cut(self, field: Tensor, margin: int = 0) -> Tensor:
        """The blocks in `B,C,H,W` that has margins, with exactly `margin` pixels on each side."""
        spare = self.margin_of(field) - margin
        return field[..., spare : field.shape[-2] - spare, spare : field.shape[-1] - spare]

    def pixels(self, field: Tensor) -> tuple[Tensor, Tensor]:
        """Centres of the rows `(B, 1, H, 1)` and columns `(B, 1, 1, W)` of `B,C,H,W` in the picture's pixels."""
        margin = self.margin_of(field)
        corners = [torch.tensor([c[i] for c in self.corners], device=field.device)[:, None] for i in (0, 1)]
        ys, xs = (
            (c + torch.arange(n, device=field.device) - margin + 0.5) * self.step
            for c, n in zip(corners, field.shape[-2:], strict=True)
        )
        return ys[:, None, :, None], xs[:, None, None, :]

    @classmethod
    def whole(cls, field: Tensor, origin: tuple[int, int] = (0, 0), **found: Any) -> Place:
        """The place of whole pictures `B,C,H,W`."""
        size = (field.shape[-2], field.shape[-1])
        return cls([origin] * field.shape[0], size, size, **found)


class Stage(Protocol):
    """A stage that acts on what is in hand: `B,C,H,W` with margins to `B,C,H,W`, its own margin taken off."""

    @property
    def name(self) -> str:
        """What leaves it, for people."""

    @property
    def margin(self) -> int: ...

    def __call__(self, field: Tensor, place: Place, /) -> Tensor: ...
