"""What the engine asks of a stock's colour, whatever the stock is made of: a film's numbers, a LUT, a network, or nothing.

A new kind of stock is a class with `ColourMap`'s parts (or `CodeMap`'s, if it maps display code), and a line in the table of
readers in `filmlook.stock`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""What runs a function over items: `map`, or something that runs several at once."""


class ColourMap(Protocol):
    """A stock's colour.

    Attributes:
        layers: of the exposure that halation, development and grain act on: 3, or 1 for black and white.
        margin: how many pixels around one its colour depends on.
    """

    @property
    def layers(self) -> int: ...

    @property
    def margin(self) -> int: ...


class CodeMap(ColourMap, Protocol):
    """A stock's colour as a map of display code: it has no layers of its own."""

    def ends(self) -> Tensor:
        """Display code `(2, 3)` float64 that full black and a picture's white become."""

    def on(self, device: torch.device, *, exact: bool) -> PreparedMap:
        """The map with its tables on `device`. `exact`: it judges a whole picture by all its pixels, not by a thumbnail."""


class ExposedPicture(Protocol):
    """A picture as exposure and push leave it, for what is decided by the whole of it."""

    size: tuple[int, int]

    def code(self, y: int, x: int, height: int, width: int) -> Tensor:
        """Display code `(3, height, width)` from (y, x), mirrored beyond the picture."""

    def thumbnail(self, height: int, width: int, each: Each) -> Tensor:
        """Display code `(3, height, width)` of the whole picture made smaller."""


class PreparedMap(Protocol):
    """A `CodeMap` on a device."""

    def offset(self, picture: ExposedPicture, each: Each) -> Tensor | None:
        """`3,1,1`: what the map adds to the whole of a picture; None: nothing."""

    def __call__(
        self, code: Tensor, offset: Tensor | None, corners: Sequence[tuple[int, int]], size: tuple[int, int]
    ) -> Tensor:
        """Display code `B,3,H,W` of blocks with the map's margin around them to display code `B,3,h,w`.

        Args:
            corners: absolute (y, x) of the first pixel of each block, its margin not counted.
            size: height and width of the picture.
        """


class Pointwise:
    """A prepared map of single pixels."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def offset(self, picture: ExposedPicture, each: Each) -> None:
        return None

    def __call__(
        self, code: Tensor, offset: Tensor | None, corners: Sequence[tuple[int, int]], size: tuple[int, int]
    ) -> Tensor:
        return self.function(code)


def unchanged(code: Tensor) -> Tensor:
    """Display code as it is."""
    return code


class Neutral:
    """No colour of its own: display code stays."""

    layers: ClassVar[int] = 3
    margin: ClassVar[int] = 0

    def ends(self) -> Tensor:
        return torch.tensor([[0.0] * 3, [1.0] * 3], dtype=torch.float64)

    def on(self, device: torch.device, *, exact: bool) -> Pointwise:
        return Pointwise(unchanged)
