"""JSON files that anybody may have written: read within bounds, so that one of them takes nothing else down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_DEEPEST = 40  # lists and objects in each other; ours have 4
_LONGEST = 30  # digits of a whole number
_MOST_MARKS = 100_000  # that begin or part values: ours have 300, and each costs up to 2 us


def read_json(path: Path, most_bytes: int = 4 * 2**20) -> Any:
    """What a JSON file in UTF-8 holds, with or without a byte-order mark.

    Raises:
        ValueError: it is no such file, is larger than `most_bytes`, or holds what no answer and no file can: lone surrogates,
            whole numbers of more than 30 digits, values too deep in each other or too many. NaN and infinity: see
            `check_finite`.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes >> 10} kB")
    return parse_json(data.decode("utf-8-sig"))


def parse_json(text: str) -> Any:
    """What a text of JSON holds; refused is what `read_json` refuses. Raises ValueError."""
    if sum(text.count(mark) for mark in "[{,") > _MOST_MARKS:
        raise ValueError(f"it has more than {_MOST_MARKS} values")
    try:
        value = json.loads(text, parse_int=_whole)
    except RecursionError:
        raise ValueError(f"its values are more than {_DEEPEST} deep in each other") from None
    _check(value)
    return value


def check_finite(value: Any) -> None:
    """Raises ValueError for NaN and infinity among the values that a JSON file held."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        raise ValueError("a number in it is not finite") from None


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _check(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                below += (*part, *part.values())
            elif isinstance(part, list):
                below += part
            elif isinstance(part, str):
                part.encode()  # UnicodeEncodeError, a ValueError, for a lone surrogate
        if not below:
            return
        level = below
    raise ValueError(f"its values are more than {_DEEPEST} deep in each other")
