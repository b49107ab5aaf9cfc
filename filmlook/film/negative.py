"""The film alone: light to true densities over its base, without paper or scanner.

    h  = S (s + flare)                               layer exposure; 1 is what mid-grey of a normal exposure gives, nearly
    x  = log10 h
    D0 = C(x)                                        the published characteristic curve, pushed (see `pushed`)
    D  = Cb(x - K D0)                                negatives; slides: Cb(x - K (Dmax - D0))

The inhibitors that one layer's development sets free hold back the others (K, interimage effect). The published curve was
measured on greys, where all layers develop: it has that inhibition in it. Cb is the curve without it, and is not stored but
solved at load from

    Cb_i(x + o_i - sum_j K_ij C_j(x + o_j)) = C_i(x + o_i)          o = log10 (S (1, 1, 1)): the layers' exposures in greys

so greys follow the published curve exactly, whatever K.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.film.curve import Curve, mix
from filmlook.film.numbers import curve_of, numbers_of, plain_numbers
from filmlook.film.scene_light import MID_GREY

LEAST_EXPOSURE = 1e-5
_GREYS = (-8.0, 7.0, 6001)  # log10 exposure over which Cb is solved, and in how many steps
_LEAST_RISE = 0.02  # of x - K C(x): less, and greys would hardly be told apart
KINDS = ("negative", "reversal")

# What push does, fitted to a film that is published pushed by none, one and two stops (Portra 800): greys come out steeper
# around mid-grey, and the couplers' inhibitors, with more time to wander, hold back their neighbours more alike. Each further
# stop does less. Its speed is what the makers count as its stops already: mid-grey stays where it is.
_PUSH_CONTRAST, _PUSH_EVENNESS = 0.2416, 0.2651  # for each effective stop
_PUSH_STOPS = 1.4315


def _effective(push: float) -> float:
    return math.copysign(_PUSH_STOPS * -math.expm1(-abs(push) / _PUSH_STOPS), push)


def pushed(log_exposure: Tensor, push: float) -> Tensor:
    """log10 exposure, 0 at mid-grey, as `push` stops of longer (below 0: shorter) development see it."""
    if push == 0:
        return log_exposure
    return log_exposure * push_contrast(push)


def push_contrast(push: float) -> float:
    """What the slope over log10 exposure is multiplied by after `push` stops of longer development."""
    return 1 + _PUSH_CONTRAST * _effective(push)


def interpolated(x: Tensor, at: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear, per layer: `at` and `values` `(N, L)`, `at` rising, `x` `(..., L)`; the ends hold."""
    flat = x.reshape(-1, x.shape[-1])
    columns = []
    for layer in range(at.shape[1]):
        a, v, z = at[:, layer].contiguous(), values[:, layer], flat[:, layer].contiguous()
        i = torch.searchsorted(a.detach(), z.detach()).clamp(1, len(a) - 1)
        t = ((z - a[i - 1]) / (a[i] - a[i - 1])).clamp(0, 1)
        columns.append(v[i - 1] + t * (v[i] - v[i - 1]))
    return torch.stack(columns, -1).reshape(x.shape)


@dataclass(frozen=True, eq=False)
class Film:
    """The numbers of one film, float64; L layers: 3 for colour, 1 for black and white.

    Attributes:
        kind: "negative" or "reversal".
        flare: `(3,)`, scene light added to every channel, >= 0.
        sensitivity: `(3, 3)`, S; or `(1, 6)` for black and white, the weights of r, g, b, sqrt(rg), sqrt(gb), sqrt(rb).
        curve: C, log10 exposure to density over base; base 0. It rises in negatives and falls in slides.
        inhibition: `(L, L)`, K as fitted.
        interimage: the stock's character: what K's off-diagonals are multiplied by (see `coupling`).
        printing: `(L, L)`, M, density to printing density: what a paper sees of the dyes. Negatives only; slides have I.
        dmin: `(L,)`, the base's density to printing light: what makes a negative orange.
    """

    kind: str
    flare: Tensor
    sensitivity: Tensor
    curve: Curve
    inhibition: Tensor
    interimage: float
    printing: Tensor
    dmin: Tensor

    margin: ClassVar[int] = 0
    """Pixels around one that its colour depends on."""

    @property
    def layers(self) -> int:
        return self.curve.base.shape[0]

    def coupling(self, interimage: float = 1.0, push: float = 0.0) -> Tensor:
        """K as it acts, `(L, L)`: off-diagonals times `interimage` and the stock's own factor, made more alike by a push.

        What that adds to a row is taken from its diagonal, so that a grey meets the inhibition it met before.
        """
        diagonal = torch.diag(self.inhibition.diagonal())
        off = self.inhibition - diagonal
        if self.layers > 1 and push > 0:  # a pull leaves them: nothing is published of it, and none may turn negative
            alike = (1 - torch.eye(self.layers)) * off.sum(1, keepdim=True) / (self.layers - 1)
            off = off + _PUSH_EVENNESS * _effective(push) * (alike - off)
        factor = interimage * self.interimage
        return diagonal - torch.diag((factor - 1) * off.sum(1)) + factor * off

    def layer_exposure(self, light: Tensor) -> Tensor:
        """Scene light `(..., 3)` to layer exposure `(..., L)`, at least 1e-5."""
        e = light + self.flare
        if self.layers == 1:
            e = _monochrome_terms(e.clamp_min(0), -1)
        return (e @ self.sensitivity.T).clamp_min(LEAST_EXPOSURE)

    def expose(self, light: Tensor, gain: Tensor) -> Tensor:
        """Scene light `B,3,H,W` times `gain` `(3,)` to layer exposure `B,L,H,W`, in the precision of the light."""
        if self.layers == 3:
            return mix(self.sensitivity * gain, light, self.sensitivity @ self.flare)
        e = light * gain.to(light).view(3, 1, 1) + self.flare.to(light).view(3, 1, 1)
        return mix(self.sensitivity, _monochrome_terms(e.clamp_min(0), 1))

    def dmax(self) -> Tensor:
        """The densest the curve gets, `(L,)`."""
        return self.curve.base + self.curve.amplitude.sum(1)

    def grey_offsets(self) -> Tensor:
        """log10 layer exposure of a grey over log10 of its light, `(L,)`."""
        ones = torch.ones(6 if self.layers == 1 else 3, dtype=torch.float64)
        return torch.log10(self.sensitivity @ ones)

    def develop(self, interimage: float = 1.0, push: float = 0.0, balance: Tensor | None = None) -> Development:
        """The film's development, with Cb solved.

        Args:
            interimage: the couplers' strength between layers, times the stock's own.
            push: stops of longer development.
            balance: `(L,)`, log10 exposure by which greys fall on each layer beside their own, as they do where slides are
                balanced in the camera: along those greys `interimage` changes nothing then.

        Raises:
            StockFileError: K is so strong that greys would not rise.
        """
        coupling = self.coupling(interimage, push)
        x = torch.linspace(*_GREYS, dtype=torch.float64)[:, None] + self.grey_offsets()
        if balance is not None:
            x = x + balance
        development = Development(self, coupling, x, x, push)
        greys = first = development.first(x)
        if balance is not None:
            greys = self.develop(1.0, push).density(x)
        z = x - development.released(first) @ coupling.T
        floor = _LEAST_RISE * x
        if push == 0 and balance is None and bool(((z - floor).diff(dim=0) < 0).any()):
            raise StockFileError("'inhibition' is so strong that greys do not rise under it")
        if push != 0 or balance is not None:  # a hard push may come to that; it then stays where it is
            z = (z - floor).cummax(0).values + floor
        return replace(development, corrected=z, greys=greys)

    def status_gamma(self) -> Tensor:
        """Slope of printing density over log10 exposure for greys, from -1 to +1 stop around mid-grey, `(L,)`.

        Printing density is what a densitometer of status M sees, nearly; the curve's own densities are single dyes'.
        """
        step = math.log10(2)
        grey = math.log10(MID_GREY) + self.grey_offsets()
        rise = self.curve(grey + step) - self.curve(grey - step)
        return rise @ self.printing.T / (2 * step)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Film:
        """The film from a stock file's numbers.

        Raises:
            StockFileError: a number is missing, not finite, out of range, or a table has the wrong shape.
        """
        kind = data.get("kind")
        if kind not in KINDS:
            raise StockFileError(f"'kind' is {kind!r}; allowed: {', '.join(KINDS)}")
        curve = curve_of(data, "curve")
        layers = curve.base.shape[0]
        square = (layers, layers)
        if (curve.amplitude < 0).any() or (torch.sign(curve.slope) != (1 if kind == "negative" else -1)).any():
            rises = "rise" if kind == "negative" else "fall"
            raise StockFileError(f"'curve' of a {kind} film has to {rises}: amplitudes above 0, slopes of one sign")
        factor = data.get("interimage", 1.0)
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 <= factor <= 3:
            raise StockFileError(f"'interimage' is {factor!r}; allowed: a number from 0 to 3")
        printing = torch.eye(layers, dtype=torch.float64)
        film = cls(
            kind=kind,
            flare=numbers_of(data, "flare", (3,)),
            sensitivity=numbers_of(data, "sensitivity", (1, 6) if layers == 1 else (3, 3)),
            curve=curve,
            inhibition=numbers_of(data, "inhibition", square),
            interimage=float(factor),
            printing=numbers_of(data, "printing", square) if kind == "negative" else printing,
            dmin=numbers_of(data, "dmin", (layers,)),
        )
        if (film.flare < 0).any() or (film.sensitivity.sum(1) <= 0).any():
            raise StockFileError("'flare' holds a number below 0, or a row of 'sensitivity' sums to 0 or less")
        film.develop()
        return film

    def to_dict(self) -> dict[str, Any]:
        """The numbers as a stock file holds them."""
        data = plain_numbers(self)
        if self.kind == "reversal":
            del data["printing"]
        return data


def _monochrome_terms(e: Tensor, axis: int) -> Tensor:
    """What black and white film weighs: r, g, b, sqrt(rg), sqrt(gb), sqrt(rb), along `axis`."""
    r, g, b = e.unbind(axis)
    return torch.stack((r, g, b, (r * g).sqrt(), (g * b).sqrt(), (r * b).sqrt()), axis)


@dataclass(frozen=True, eq=False)
class Development:
    """A film as it is developed: `coupling` K, Cb as a table (`corrected` log10 exposure `(N, L)` to `greys` density), push."""

    film: Film
    coupling: Tensor
    corrected: Tensor
    greys: Tensor
    push: float

    def first(self, log_exposure: Tensor) -> Tensor:
        """D0 of log10 layer exposure `(..., L)`: the curve, pushed."""
        return self.film.curve(pushed(log_exposure, self.push))

    def released(self, first: Tensor) -> Tensor:
        """What inhibits, `(..., L)`, of density D0 by the curve alone.

        A reversal film's inhibitors come with the silver of its first development, which is dense where dye will be thin.
        """
        return first if self.film.kind == "negative" else self.film.dmax() - first

    def second(self, corrected: Tensor) -> Tensor:
        """D of log10 exposure less inhibition, `(..., L)`: Cb."""
        return interpolated(corrected, self.corrected, self.greys)

    def density(self, log_exposure: Tensor) -> Tensor:
        """Density over base `(..., L)` of log10 layer exposure `(..., L)`, without effects in space."""
        return self.second(log_exposure - self.released(self.first(log_exposure)) @ self.coupling.T)

    def __call__(self, light: Tensor, stops: float = 0.0) -> Tensor:
        """Density over base `(..., L)` of scene light `(..., 3)`, exposed by `stops` more."""
        return self.density(torch.log10(self.film.layer_exposure(light)) + stops * math.log10(2))

    def grey(self, stops: float = 0.0) -> Tensor:
        """Density of mid-grey `(L,)`, exposed by `stops` more: what a printer makes grey again."""
        return self(torch.full((3,), MID_GREY, dtype=torch.float64), stops)
