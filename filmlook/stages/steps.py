"""What a print is made of, step by step: display code or density `B,3,H,W` to the same. They say what they do in numbers, so
that `engine.fused_cpu` can do it too."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from filmlook.film.curve import Table, mix


@dataclass(frozen=True, eq=False)
class Mix:
    """A matrix `(3, 3)` and bias `(3,)`; `clamped`: the result is held to [0, 1]; `exponential`: exp of it."""

    matrix: Tensor
    bias: Tensor | None = None
    clamped: bool = False
    exponential: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        out = mix(self.matrix, x, self.bias)
        if self.clamped:
            out.clamp_(0, 1)
        return out.exp_() if self.exponential else out


@dataclass(frozen=True)
class Transmittance:
    """Light through density, 10^-D. It may write over its input."""

    factor: float = -math.log(10)

    def __call__(self, density: Tensor) -> Tensor:
        return density.mul_(self.factor).exp_()


@dataclass(frozen=True, eq=False)
class OfOne:
    """A table of the one layer there is, for three channels."""

    table: Table

    def __call__(self, density: Tensor) -> Tensor:
        return self.table(density.expand(-1, 3, -1, -1))


@dataclass(frozen=True, eq=False)
class LuminanceGain:
    """Light times what a table has at its luminance `(3, 3)`, each row the same."""

    table: Table
    luma: Tensor

    def __call__(self, light: Tensor) -> Tensor:
        return light * self.table(mix(self.luma, light))
