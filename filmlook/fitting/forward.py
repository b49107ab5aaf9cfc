"""Film and print of many sets of numbers at once, light to code, so that every colour's slope by every number comes in one go.

The equations are those of `filmlook.film`, which has one set of numbers, and tables. Here every number has an axis before its
own: of 1, or of N, a set for each colour. A sum over colours differentiated by the latter is every colour's own derivative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.film.curve import Curve
from filmlook.film.negative import LEAST_EXPOSURE, interpolated
from filmlook.film.srgb import encode

_GREYS = (-8.0, 7.0, 1501)  # log10 exposure of greys in the table from which inhibition is solved
_LEAST_RISE = 0.025  # of x - K C(x): a film's file must have .02


@dataclass(frozen=True)
class Numbers:
    """A film and what it is looked at on, as in `Film`, `Paper` and `Slide`; each with a first axis n.

    Attributes:
        kind: "negative" or "reversal".
        flare: `(n, 3)`. sensitivity: `(n, L, 3)` or `(n, 1, 6)`. curve: C. inhibition: `(n, L, L)`, K.
        offsets: `(L,)`, log10 layer exposure of a grey over log10 of its light.
        printed: `(n, L, L)`, A, density to the paper's log10 exposure, a minus within. at: `(n, L)`, what is added to it.
        paper: Q; None: a slide, which is not printed. absorption, mixing: `(n, L, L)`, B and P. base_light: `(n, L)`, w.
    """

    kind: str
    flare: Tensor
    sensitivity: Tensor
    curve: Curve
    inhibition: Tensor
    offsets: Tensor
    printed: Tensor
    at: Tensor
    paper: Curve | None
    absorption: Tensor
    mixing: Tensor
    base_light: Tensor


def times(matrix: Tensor, x: Tensor) -> Tensor:
    """`(n, L, M)` matrices and `(N, M)` vectors to `(N, L)`."""
    return (matrix * x[:, None, :]).sum(-1)


def rise(curve: Curve, x: Tensor) -> Tensor:
    """The slope of a curve at `x`, of shape `(..., L)`."""
    steps = torch.sigmoid(curve.slope * (x[..., None] - curve.centre))
    return (curve.amplitude * curve.slope * steps * (1 - steps)).sum(-1)


def log_exposure(numbers: Numbers, light: Tensor) -> Tensor:
    """log10 layer exposure `(N, L)` of scene light `(N, 3)`."""
    e = light + numbers.flare
    if numbers.sensitivity.shape[-1] == 6:
        r, g, b = e.unbind(-1)
        e = torch.stack((r, g, b, (r * g).sqrt(), (g * b).sqrt(), (r * b).sqrt()), -1)
    return torch.log10(times(numbers.sensitivity, e).clamp_min(LEAST_EXPOSURE))


def _released(numbers: Numbers, density: Tensor, curve: Curve) -> Tensor:
    """What inhibits: density, or what a slide lacks of it."""
    return density if numbers.kind == "negative" else curve.amplitude.sum(-1) - density


def _inhibited(numbers: Numbers, x: Tensor) -> tuple[Tensor, Tensor]:
    """What a grey whose layer i is at x_i is held back by, `(N, L)`, and the slope of what is left of x: K C and 1 - K C'."""
    c = numbers.curve
    wide = Curve(c.base[:, None], c.amplitude[:, None], c.slope[:, None], c.centre[:, None])
    at = x[:, :, None] + (numbers.offsets[None, :] - numbers.offsets[:, None])
    sign = 1 if numbers.kind == "negative" else -1
    held = (numbers.inhibition * _released(numbers, wide(at), wide)).sum(-1)
    return held, 1 - sign * (numbers.inhibition * rise(wide, at)).sum(-1)


@dataclass(frozen=True)
class GreyAxis:
    """x - K C(x) of greys, `(M, L)`, and x, `(M, L)`."""

    corrected: Tensor
    exposure: Tensor

    @classmethod
    def of(cls, numbers: Numbers) -> GreyAxis:
        """Of one set of numbers.

        Raises:
            StockFileError: inhibition so strong that greys do not rise.
        """
        x = torch.linspace(*_GREYS, dtype=torch.float64)[:, None] + numbers.offsets
        z = x - _inhibited(numbers, x)[0]
        if bool(((z - _LEAST_RISE * x).diff(dim=0) < 0).any()) or not bool(z.isfinite().all()):
            raise StockFileError("inhibition is so strong that greys do not rise under it")
        return cls(z, x)


def density(numbers: Numbers, axis: GreyAxis, light: Tensor) -> Tensor:
    """Density over base `(N, L)` of scene light `(N, 3)`."""
    x = log_exposure(numbers, light)
    curve = numbers.curve
    z = x - times(numbers.inhibition, _released(numbers, curve(x), curve))
    with torch.no_grad():
        t = interpolated(z, axis.corrected, axis.exposure)
    # One of Newton's steps, whose slope is held: its value is the exposure, and its derivatives are those of the exposure.
    held, slope = _inhibited(numbers, t)
    return curve(t - (t - held - z) / slope.detach())


def code(numbers: Numbers, axis: GreyAxis, light: Tensor) -> Tensor:
    """sRGB code `(N, L)` of scene light `(N, 3)`, not clipped."""
    d = density(numbers, axis, light)
    if numbers.paper is not None:
        d = numbers.paper(times(numbers.printed, d) + numbers.at)
    through = torch.exp(times(numbers.absorption, d) * -math.log(10))
    return encode(numbers.base_light * times(numbers.mixing, through))


def slopes(
    unpack: Callable[[list[Tensor]], Numbers], parts: list[Tensor], count: int, see: Callable[[Numbers], Tensor]
) -> tuple[Tensor, Tensor]:
    """What is seen of a film and print at N places, `(N, C)`, and its Jacobian `(N, C, P)`.

    Args:
        unpack: makes numbers of parts, which have a first axis.
        parts: the vector of P numbers in its parts, each with a first axis of 1.
        count: N.
        see: from numbers of N sets to `(N, C)`, each place by its own set.
    """
    leaves = [part.detach().expand(count, *part.shape[1:]).clone().requires_grad_() for part in parts]
    seen = see(unpack(leaves))
    rows = []
    for column in seen.unbind(-1):
        slopes_ = torch.autograd.grad(column.sum(), leaves, retain_graph=True, allow_unused=True)
        given = zip(slopes_, leaves, strict=True)
        rows.append(torch.cat([(torch.zeros_like(leaf) if s is None else s).flatten(1) for s, leaf in given], 1))
    return seen.detach(), torch.stack(rows, 1)
