"""How to train: the recipe, from the command line's options or from a file. Needs no PyTorch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError


def _option(default: float, low: float, high: float, text: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "help": text})


@dataclass(frozen=True)
class Recipe:
    """How to train. The command line's options and the keys of a JSON recipe are made from these fields."""

    steps: int = _option(3000, 1, 10_000_000, "batches to train on")
    batch: int = _option(12, 1, 1024, "crops of a batch")
    height: int = _option(96, 16, 4096, "height of a crop, in pixels; crops are turned at random")
    width: int = _option(128, 16, 4096, "width of a crop, in pixels")
    rate: float = _option(8e-3, 1e-7, 1, "learning rate at its highest; it falls to nothing as half a cosine")
    shift_stops: float = _option(0.0, 0, 4, "random shift of the photographs' exposure, in stops; the film sides stay")
    shift_balance: float = _option(0.0, 0, 2, "random shift of the photographs' red and blue, in log2")
    check_every: int = _option(500, 1, 10_000_000, "steps between looks at the held-out part")
    seed: int = _option(0, 0, 2**31 - 1, "of weights, crops and split")

    def __post_init__(self) -> None:
        for f in fields(self):
            value, low, high = getattr(self, f.name), f.metadata["low"], f.metadata["high"]
            whole = isinstance(f.default, int)
            is_number = isinstance(value, int if whole else Real) and not isinstance(value, bool)
            if not is_number or not low <= value <= high:
                kind = "whole number" if whole else "number"
                raise FilmLookError(f"{f.name} is {value!r}; allowed: a {kind} from {low:g} to {high:g}")


def read_recipe(path: Path, allowed: Sequence[str]) -> dict[str, Any]:
    """The fields of a recipe that a JSON file names.

    Raises:
        FilmLookError: unreadable, not a table, or with a key that is not allowed or a value that no recipe has.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FilmLookError(f"{path}: not a recipe: {error}") from None
    if not isinstance(data, dict):
        raise FilmLookError(f"{path}: a recipe is a table of {', '.join(allowed)}")
    for key in data:
        if key not in allowed:
            raise FilmLookError(f"{path}: unknown key {key!r}; allowed: {', '.join(allowed)}")
    try:
        Recipe(**data)
    except FilmLookError as error:
        raise FilmLookError(f"{path}: {error}") from None
    return data
