"""The numbers of one film and its print: what light becomes in it, pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.film.curve import Curve, mix
from filmlook.film.scene_light import WHITE_LIGHT


@dataclass(frozen=True)
class FilmModel:
    """The numbers of one film and its print, float64; L layers: 3 for colour, 1 for black and white.

        h = S(s + flare)        D = C(log h -+ K C(log h)), - in negatives        y = (I + P) Q((I + A) D)

    Attributes:
        flare: `(3,)`, scene light added to every channel, >= 0.
        sensitivity: `(3, 3)`, S, rows summing to 1; or `(1, 6)` for black and white, the weights of
            r, g, b, sqrt(rg), sqrt(gb), sqrt(rb).
        film: characteristic curve C, log10 exposure to density.
        inhibition: `(L, L)`, K >= 0, interimage effect.
        absorption: `(L, L)`, A, side absorptions of the dyes.
        print: print and scan curve Q, density to display code.
        scan: `(L, L)`, P.
    """

    flare: Tensor
    sensitivity: Tensor
    film: Curve
    inhibition: Tensor
    absorption: Tensor
    print: Curve
    scan: Tensor

    margin: ClassVar[int] = 0
    """Pixels around one that its colour depends on."""

    @property
    def layers(self) -> int:
        return self.film.base.shape[0]

    @property
    def coupling(self) -> Tensor:
        """K as it acts on the film's density. A reversal film's inhibitors come with the silver of its first development,
        which is dense where the dye will be thin: there dye stands for inhibitors that are missing."""
        return self.inhibition * torch.sign(self.film.slope[:, :1])

    def layer_exposure(self, light: Tensor) -> Tensor:
        """Scene light `(..., 3)` to layer exposure `(..., L)`, at least 1e-5."""
        e = light + self.flare
        if self.layers == 1:
            e = _monochrome_terms(e, -1)
        return (e @ self.sensitivity.T).clamp_min(1e-5)

    def expose(self, light: Tensor, gain: Tensor) -> Tensor:
        """Scene light `B,3,H,W` times `gain` `(3,)` to layer exposure `B,L,H,W`, in the precision of the light."""
        if self.layers == 3:
            return mix(self.sensitivity * gain, light, self.sensitivity @ self.flare)
        e = light * gain.to(light).view(3, 1, 1) + self.flare.to(light).view(3, 1, 1)
        return mix(self.sensitivity, _monochrome_terms(e, 1))

    def density(self, log_exposure: Tensor) -> Tensor:
        """log10 layer exposure `(..., L)` to developed density `(..., L)`, without effects in space."""
        first = self.film(log_exposure)
        return self.film(log_exposure - first @ self.coupling.T)

    def display(self, density: Tensor) -> Tensor:
        """Density `(..., L)` to sRGB code `(..., L)`, not clipped."""
        t = self.print(density + density @ self.absorption.T)
        return t + t @ self.scan.T

    def __call__(self, light: Tensor) -> Tensor:
        """Scene light `(..., 3)` to sRGB code `(..., L)`: the stock's colour, without effects in space."""
        return self.display(self.density(torch.log10(self.layer_exposure(light))))

    def ends(self) -> Tensor:
        """Display code `(2, 3)` of no light and of a picture's white."""
        light = torch.tensor([[0.0] * 3, [WHITE_LIGHT] * 3], dtype=torch.float64)
        return self(light).expand(-1, 3)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FilmModel:
        """The model from a stock file's numbers.

        Raises:
            StockFileError: a number is missing, not finite, or a table has the wrong shape.
        """
        film = curve_of(data, "film")
        layers = film.base.shape[0]
        square = (layers, layers)
        return cls(
            flare=numbers_of(data, "flare", (3,)),
            sensitivity=numbers_of(data, "sensitivity", (1, 6) if layers == 1 else (3, 3)),
            film=film,
            inhibition=numbers_of(data, "inhibition", square),
            absorption=numbers_of(data, "absorption", square),
            print=curve_of(data, "print", layers),
            scan=numbers_of(data, "scan", square),
        )

    def to_dict(self) -> dict[str, Any]:
        """The numbers as a stock file holds them."""
        return plain_numbers(self)


def plain_numbers(record: Any) -> dict[str, Any]:
    """The fields of a film, a paper or a curve as a file holds them: tensors as lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, Curve):
            return plain_numbers(value)
        return value.tolist() if isinstance(value, Tensor) else value

    return {f.name: plain(getattr(record, f.name)) for f in fields(record)}


def _monochrome_terms(e: Tensor, axis: int) -> Tensor:
    """What black and white film weighs: r, g, b, sqrt(rg), sqrt(gb), sqrt(rb), along `axis`."""
    r, g, b = e.unbind(axis)
    return torch.stack((r, g, b, (r * g).sqrt(), (g * b).sqrt(), (r * b).sqrt()), axis)


def numbers_of(data: dict[str, Any], key: str, shape: tuple[int | None, ...]) -> Tensor:
    try:
        values = torch.tensor(data[key], dtype=torch.float64)
    except KeyError:
        raise StockFileError(f"{key!r} is missing") from None
    except (TypeError, ValueError, RuntimeError):
        raise StockFileError(f"{key!r} is not a table of numbers") from None
    if len(shape) != values.ndim or any(n not in (None, m) for n, m in zip(shape, values.shape, strict=True)):
        wanted = " x ".join("any" if n is None else str(n) for n in shape)
        raise StockFileError(f"{key!r} has shape {tuple(values.shape)}, expected {wanted}")
    if not values.isfinite().all():
        raise StockFileError(f"{key!r} holds a number that is not finite")
    return values


def curve_of(data: dict[str, Any], key: str, layers: int | None = None) -> Curve:
    table = data.get(key)
    if not isinstance(table, dict):
        raise StockFileError(f"{key!r} is missing or not a curve")
    try:
        base = numbers_of(table, "base", (layers,))
        if base.shape[0] not in (1, 3):
            raise StockFileError(f"'base' has {base.shape[0]} layers; a film has 1 or 3")
        amplitude = numbers_of(table, "amplitude", (base.shape[0], None))
        slope = numbers_of(table, "slope", tuple(amplitude.shape))
        return Curve(base, amplitude, slope, numbers_of(table, "centre", tuple(amplitude.shape)))
    except StockFileError as error:
        raise StockFileError(f"{key!r}: {error}") from None
