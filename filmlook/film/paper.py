"""The paper alone, and the ways to look at a film: every one of them is a `View`.

    l  = A D + a                      log10 exposure of the paper; density of a slide's or negative's dyes; scanner's value
    Dp = Q(l)                         the paper's curve; nothing for a slide
    u  = 10^(-B Dp)                   light through the dyes, side absorptions in B
    v  = P u + b                      linear sRGB
    y  = sRGB(v)                      code, not clipped

A paper is printed from a negative with

    A = -c E M       a = g + lights + print exposure + c E M Dg        P = k diag(w)^white P0, rows of P0 sum to 1

Dg is mid-grey's density at the exposure that the printer takes back, g makes it mid-grey on the paper, so overexposing and
printing down, printer lights and print exposure are offsets, and contrast c turns the paper's exposure around mid-grey.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.film.curve import Curve
from filmlook.film.numbers import curve_of, numbers_of, plain_numbers
from filmlook.film.srgb import encode

_ROW_SUM = 1e-4  # how far a row of P may be from 1 in a file
_MOST_ALIKE = 1e4  # condition of B and P: dyes that do alike cannot be balanced against each other


@dataclass(frozen=True, eq=False)
class Paper:
    """The numbers of one paper, float64; L layers, 3 or (black and white) 1.

    Attributes:
        exposure: `(L, L)`, E: from a negative's printing density to this paper's layers.
        curve: Q, log10 exposure to the paper's density; base 0, rising.
        absorption: `(L, L)`, B: side absorptions of its dyes; >= 0, unless it is a print of its own kind.
        mixing: `(L, L)`, P: from the light its dyes leave to linear sRGB; rows sum to 1, unless it is one of its own kind.
        base_light: `(L,)`, w: what its bare base reflects of white, by a scanner that is not told of it.
        free_ends: whether it is a print of its own kind, shown as it was measured: the scanner's rule leaves it alone.
        middle: `(L,)`, code of mid-grey; None is a neutral .4663.
    """

    exposure: Tensor
    curve: Curve
    absorption: Tensor
    mixing: Tensor
    base_light: Tensor
    free_ends: bool = False
    middle: Tensor | None = None

    @property
    def layers(self) -> int:
        return self.curve.base.shape[0]

    def view(self) -> View:
        """The paper as it is looked at, before anything is printed on it: l is the exposure of its layers."""
        eye = torch.eye(self.layers, dtype=torch.float64)
        zeros = torch.zeros(self.layers, dtype=torch.float64)
        return View(eye, zeros, self.curve, self.absorption, self.mixing, zeros)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Paper:
        """The paper from a file's numbers.

        Raises:
            StockFileError: a number is missing, not finite, out of range, or a table has the wrong shape.
        """
        curve = curve_of(data, "curve")
        layers = curve.base.shape[0]
        square = (layers, layers)
        if (curve.amplitude < 0).any() or (curve.slope <= 0).any():
            raise StockFileError("'curve' of a paper has to rise: amplitudes and slopes above 0")
        own = data.get("free_ends", False)
        if not isinstance(own, bool):
            raise StockFileError(f"'free_ends' is {own!r}; allowed: true, false")
        paper = cls(
            exposure=numbers_of(data, "exposure", square),
            curve=curve,
            absorption=numbers_of(data, "absorption", square),
            mixing=numbers_of(data, "mixing", square),
            base_light=numbers_of(data, "base_light", (layers,)),
            free_ends=own,
            middle=numbers_of(data, "middle", (layers,)) if "middle" in data else None,
        )
        if not own and ((paper.mixing.sum(1) - 1).abs() > _ROW_SUM).any():
            raise StockFileError("a row of 'mixing' does not sum to 1")
        if (not own and (paper.absorption < 0).any()) or (paper.base_light <= 0).any():
            raise StockFileError("'absorption' holds a number below 0, or 'base_light' one not above 0")
        for key, matrix in (("absorption", paper.absorption), ("mixing", paper.mixing)):
            if not own and not torch.linalg.cond(matrix) < _MOST_ALIKE:
                raise StockFileError(f"{key!r} makes layers alike: its rows have to differ")
        return paper

    def to_dict(self) -> dict[str, Any]:
        """The numbers as a paper file holds them."""
        data = plain_numbers(self)
        if self.middle is None:
            del data["middle"]
        if not self.free_ends:
            del data["free_ends"]
        return data


@dataclass(frozen=True, eq=False)
class View:
    """One way from a film's density to code; see this module. `curve` is None where dyes are looked at directly.

    Attributes:
        matrix: A, `(L, L)`. offset: a, `(L,)`. curve: Q, from `(..., L)` to `(..., L)`. absorption: B, `(L, L)`.
        mixing: P, `(3, L)` or `(L, L)`. bias: b, `(3,)` or `(L,)`.
    """

    matrix: Tensor
    offset: Tensor
    curve: Any
    absorption: Tensor
    mixing: Tensor
    bias: Tensor

    def dyes(self, at: Tensor) -> Tensor:
        """u, `(..., L)`: light through the dyes, at l `(..., L)`."""
        density = self.curve(at) if self.curve is not None else at
        return torch.exp(density @ self.absorption.T * -math.log(10))

    def linear(self, at: Tensor) -> Tensor:
        """Linear sRGB at l `(..., L)`."""
        return self.dyes(at) @ self.mixing.T + self.bias

    def __call__(self, density: Tensor) -> Tensor:
        """The film's density `(..., L)` to sRGB code, not clipped."""
        return encode(self.linear(density @ self.matrix.T + self.offset))

    def with_ends(self, gain: Tensor, bias: Tensor) -> View:
        """The same view, its light times `gain` and `bias` added."""
        return replace(self, mixing=gain[:, None] * self.mixing, bias=gain * self.bias + bias)
