"""What a slide's dyes look like on a light table: u = 10^(-B D), v = k P u - b. It has no curve beside its own film's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.film.numbers import numbers_of


@dataclass(frozen=True)
class Slide:
    """The numbers of a slide's view, float64.

    Attributes:
        absorption: `(3, 3)`, B >= 0: side absorptions of its dyes.
        mixing: `(3, 3)`, P: from the light the dyes leave to linear sRGB; rows sum to 1, so clear film is white.
        base_light: `(3,)`, w: light through clear film, of the table's.
    """

    absorption: Tensor
    mixing: Tensor
    base_light: Tensor

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Slide:
        """The view from a stock file's numbers.

        Raises:
            StockFileError: a number is missing, not finite, out of range, or a table has the wrong shape.
        """
        slide = cls(
            absorption=numbers_of(data, "absorption", (3, 3)),
            mixing=numbers_of(data, "mixing", (3, 3)),
            base_light=numbers_of(data, "base_light", (3,)),
        )
        if ((slide.mixing.sum(1) - 1).abs() > 1e-4).any():
            raise StockFileError("a row of 'mixing' does not sum to 1")
        if (slide.base_light <= 0).any():
            raise StockFileError("'base_light' holds a number not above 0")
        return slide

    def to_dict(self) -> dict[str, Any]:
        """The numbers as a stock file holds them."""
        return {
            "absorption": self.absorption.tolist(),
            "mixing": self.mixing.tolist(),
            "base_light": self.base_light.tolist(),
        }
