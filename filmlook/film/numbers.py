"""Tables of numbers in the files of films and papers: read with a clear word for what is wrong, and written."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.film.curve import Curve


def plain_numbers(record: Any) -> dict[str, Any]:
    """The fields of a film, a paper or a curve as a file holds them: tensors as lists."""

    def plain(value: Any) -> Any:
        if isinstance(value, Curve):
            return plain_numbers(value)
        return value.tolist() if isinstance(value, Tensor) else value

    return {f.name: plain(getattr(record, f.name)) for f in fields(record)}


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
