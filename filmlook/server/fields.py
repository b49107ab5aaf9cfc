"""Fields of requests, declared once: what is allowed stands in one table, which checks them and describes them (OpenAPI).

A `Field` is made by one of the functions below, which say in the same words what is checked, what is described and what is
told of a wrong value. `values_of` reads a request by a table of fields, `schema_of` describes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import HTTPException

from filmlook.server import request_body
from filmlook.server.request_body import Limits, shown

_SURROGATES = re.compile("[\ud800-\udfff]")  # JSON can tell of them, which no answer and no file can hold
_MOST = 2**31  # of a setting beside a prompt
_SEED_MOST = 2**63 - 1
_SEED = {"type": "integer", "minimum": 0, "maximum": _SEED_MOST}
_PICTURE = {"type": "string", "contentEncoding": "base64", "description": "A picture's file in base64."}


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        schema: what the API's description says of it (JSON Schema).
        check: the value as a request holds it, from the value as it came. Raises HTTPException 422.
        default: what it is where it is left out; the default of a needed field is refused by its check.
        needed: whether it has to be there.
        described: whether the description names it.
    """

    key: str
    schema: dict[str, Any]
    check: Callable[[Any, Limits], Any]
    default: Any = None
    needed: bool = False
    described: bool = True


def values_of(fields: dict[str, Any], table: Sequence[Field], limits: Limits, where: str = "") -> dict[str, Any]:
    """The values of a request's fields, checked.

    Args:
        fields: what came.
        where: the field that they are in, for what is told: "settings: ".

    Raises:
        HTTPException: 422 that names the field, its value and what is allowed.
    """
    keys = [field.key for field in table]
    for key in fields:
        if key not in keys:
            raise refused(f"{where}unknown field {shown(key)}; allowed: {', '.join(keys)}")
    return {field.key: field.check(fields.get(field.key, field.default), limits) for field in table}


def schema_of(table: Sequence[Field]) -> dict[str, Any]:
    """JSON Schema of an object with these fields."""
    described = [field for field in table if field.described]
    needed = [field.key for field in described if field.needed]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.key: field.schema for field in described},
        **({"required": needed} if needed else {}),
    }


def refused(told: str) -> HTTPException:
    return HTTPException(422, told)


def is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def whole(key: str, low: int, high: int, default: int, *, among: Sequence[int] = ()) -> Field:
    """A whole number of a range, or `among` some of it."""

    def check(value: Any, limits: Limits) -> int:
        if not is_whole(value, low, high):
            raise refused(f"{key} is {shown(value)}; allowed: a whole number from {low} to {high}")
        if among and value not in among:
            raise refused(f"{key} is {value}; allowed: {', '.join(map(str, among))}")
        return int(value)

    allowed = {"enum": list(among)} if among else {"minimum": low, "maximum": high}
    return Field(key, {"type": "integer", **allowed, "default": default}, check, default)


def share(key: str, default: float) -> Field:
    """A number from 0 to 1."""

    def check(value: Any, limits: Limits) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise refused(f"{key} is {shown(value)}; allowed: a number from 0 to 1")
        return float(value)

    return Field(key, {"type": "number", "minimum": 0, "maximum": 1, "default": default}, check, default)


def choice(key: str, allowed: Sequence[str], default: str) -> Field:
    def check(value: Any, limits: Limits) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise refused(f"{key} is {shown(value)}; allowed: {', '.join(allowed)}")
        return value

    return Field(key, {"type": "string", "enum": list(allowed), "default": default}, check, default)


def one_of(key: str, allowed: Sequence[int], about: str) -> Field:
    """One of some whole numbers; null and nothing: none of them."""

    def check(value: Any, limits: Limits) -> int | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            raise refused(f"{key} is {shown(value)}; allowed: {', '.join(map(str, allowed))}, or null")
        return value

    return Field(key, {"oneOf": [{"enum": list(allowed)}, {"type": "null"}], "description": about}, check)


def choice_or_none(key: str, allowed: Sequence[str], about: str) -> Field:
    """One of some words; null and nothing: none of them."""

    def check(value: Any, limits: Limits) -> str | None:
        if value is not None and (not isinstance(value, str) or value not in allowed):
            raise refused(f"{key} is {shown(value)}; allowed: {', '.join(allowed)}, or null")
        return value

    return Field(key, {"oneOf": [{"enum": list(allowed)}, {"type": "null"}], "description": about}, check)


def number_or_none(key: str, low: float, high: float, about: str, *, is_whole_number: bool = False) -> Field:
    """A number of a range; null and nothing: none."""
    kind = "integer" if is_whole_number else "number"

    def check(value: Any, limits: Limits) -> float | None:
        if value is not None and not (_KINDS[kind](value) and low <= value <= high):
            told = "a whole number" if is_whole_number else "a number"
            raise refused(f"{key} is {shown(value)}; allowed: {told} from {low:g} to {high:g}, or null")
        return None if value is None else value if is_whole_number else float(value)

    number = {"type": kind, "minimum": low, "maximum": high}
    return Field(key, {"oneOf": [number, {"type": "null"}], "description": about}, check)


def wholes_or_none(key: str, most: int, about: str) -> Field:
    """A list of up to so many whole numbers from 0, that rise; null and nothing: none."""

    def check(value: Any, limits: Limits) -> tuple[int, ...] | None:
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > most or not all(is_whole(part, 0, _MOST) for part in value):
            raise refused(f"{key} is {shown(value)}; allowed: a list of up to {most} whole numbers from 0, or null")
        return tuple(sorted(set(value)))

    part = {"type": "integer", "minimum": 0, "maximum": _MOST}
    return Field(
        key, {"oneOf": [{"type": "array", "items": part, "maxItems": most}, {"type": "null"}], "description": about}, check
    )


def switch(key: str, default: bool) -> Field:
    def check(value: Any, limits: Limits) -> bool:
        if not isinstance(value, bool):
            raise refused(f"{key} is {shown(value)}; allowed: true or false")
        return value

    return Field(key, {"type": "boolean", "default": default}, check, default)


def some_of(key: str, allowed: str) -> Field:
    """A list with one word in it, or with none."""

    def check(value: Any, limits: Limits) -> bool:
        if not isinstance(value, list) or any(part != allowed for part in value):
            raise refused(f"{key} is {shown(value)}; allowed: a list, with {allowed} in it or empty")
        return bool(value)

    return Field(key, {"type": "array", "items": {"type": "string", "enum": [allowed]}}, check, [])


def label(key: str, most: int) -> Field:
    """A short text that a file of ours will hold."""

    def check(value: Any, limits: Limits) -> str:
        if not isinstance(value, str) or len(value) > most or _SURROGATES.search(value):
            raise refused(f"{key}: allowed is a text of up to {most} characters")
        return value

    return Field(key, {"type": "string", "maxLength": most}, check, "")


def text(key: str, most: int, *, needed: bool = False, nothing: bool = False, about: str = "") -> Field:
    """A text of so many characters at most; with `nothing`, null will do too."""

    def check(value: Any, limits: Limits) -> str | None:
        if value is None and nothing:
            return None
        if not isinstance(value, str) or _SURROGATES.search(value):
            raise refused(f"{key} is {shown(value)}; allowed: a text")
        if len(value) > most:
            raise refused(f"{key} has {len(value)} characters; allowed: a text of up to {most}")
        return value

    schema: dict[str, Any] = {"type": ["string", "null"] if nothing else "string", "maxLength": most}
    if about:
        schema["description"] = about
    return Field(key, schema, check, None if needed or nothing else "", needed)


_KINDS: dict[str, Callable[[Any], bool]] = {
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST,
    "integer": lambda value: is_whole(value, -_MOST, _MOST),
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str) and not _SURROGATES.search(value),
}


def settings(key: str, kinds: dict[str, str]) -> Field:
    """An object of values that may be left out or null, each of a kind ("integer", "number", "boolean", "string")."""

    def check(value: Any, limits: Limits) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise refused(f"{key} is {shown(value)}; allowed: an object")
        return {name: part for name, part in values_of(value, table, limits, f"{key}: ").items() if name in value}

    def part_of(name: str, kind: str) -> Field:
        def check_part(value: Any, limits: Limits) -> Any:
            if value is not None and not _KINDS[kind](value):
                raise refused(f"{key}: {name} is {shown(value)}; allowed: {kind}")
            return value

        return Field(name, {"type": [kind, "null"]}, check_part)

    table = [part_of(name, kind) for name, kind in kinds.items()]
    return Field(key, schema_of(table), check, {})


_Look = TypeVar("_Look")


def look(key: str, look_of: Callable[[dict[str, Any]], _Look], schema: dict[str, Any], *, nothing: bool = False) -> Field:
    """A look: a preset's name, or settings by key, among which `look` names a preset that they change.

    Args:
        look_of: makes the look; what it raises is told.
        schema: of the settings.
        nothing: null will do too.
    """

    def check(value: Any, limits: Limits) -> _Look | None:
        if value is None and nothing:
            return None
        if not isinstance(value, (str, dict)):
            raise refused(f"{key} is {type(value).__name__}; allowed: the name of a preset, or an object of settings")
        settings = {"look": value} if isinstance(value, str) else value
        if "grain_seed" in settings:
            raise refused(f"{key}: unknown setting 'grain_seed'; the seed stands beside the look")
        if not isinstance(settings.get("look", ""), str):
            raise refused(f"{key}: its look is the name of a preset")
        if not isinstance(settings.get("lens", ""), str):
            raise refused(f"{key}: its lens is the name of a lens")
        return look_of(settings)

    kinds: list[dict[str, Any]] = [{"type": "string", "description": "A preset."}, schema]
    if nothing:
        kinds.append({"type": "null", "description": "The picture as it was."})
    return Field(key, {"oneOf": kinds}, check, {})


def seed(key: str) -> Field:
    """A seed, or a list with one for each picture; null and nothing: each picture's own, as an empty list."""

    def check(value: Any, limits: Limits) -> Any:
        for part in value if isinstance(value, list) else [] if value is None else [value]:
            if not is_whole(part, 0, _SEED_MOST):
                raise wrong_seed(key, value)
        return value

    return Field(key, {"oneOf": [_SEED, {"type": "array", "items": _SEED}, {"type": "null"}]}, check)


def one_seed(key: str) -> Field:
    """A seed; null and nothing: the picture's own."""

    def check(value: Any, limits: Limits) -> int | None:
        if value is not None and not is_whole(value, 0, _SEED_MOST):
            raise refused(f"{key} is {shown(value)}; allowed: a whole number from 0")
        return None if value is None else int(value)

    return Field(key, {"oneOf": [_SEED, {"type": "null"}]}, check)


def name_of_picture(key: str, digits: int, about: str = "", *, nothing: bool = False) -> Field:
    """The name under which a picture is kept; with `nothing`, null and none will do too."""
    pattern = re.compile(rf"[0-9a-f]{{{digits}}}\Z")

    def check(value: Any, limits: Limits) -> str | None:
        if value is None and nothing:
            return None
        if not isinstance(value, str) or not pattern.match(value):
            raise refused(f"{key} is {shown(value)}; allowed: the {digits} digits that `pictures` answered")
        return value

    schema = {"type": ["string", "null"] if nothing else "string", "pattern": f"^[0-9a-f]{{{digits}}}$"}
    return Field(key, {**schema, **({"description": about} if about else {})}, check, needed=not nothing)


def numbers(key: str, most: int) -> Field:
    """A list of up to so many numbers, or an empty one."""

    def check(value: Any, limits: Limits) -> list[float]:
        if not isinstance(value, list) or len(value) > most or not all(map(_KINDS["number"], value)):
            raise refused(f"{key} is {shown(value)}; allowed: a list of up to {most} numbers")
        return value

    return Field(key, {"type": "array", "items": {"type": "number"}, "maxItems": most}, check, [])


def texts(key: str, most: int, letters: int) -> Field:
    """A list of up to so many texts, of so many characters each."""

    def check(value: Any, limits: Limits) -> list[str]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise refused(f"{key} is {shown(value)}; allowed: a list of 1 to {most} texts")
        for part in value:
            if not isinstance(part, str) or len(part) > letters or _SURROGATES.search(part):
                raise refused(f"{key}: {shown(part)} is among them; allowed: texts of up to {letters} characters")
        return value

    part = {"type": "string", "maxLength": letters}
    return Field(key, {"type": "array", "items": part, "minItems": 1, "maxItems": most}, check, needed=True)


def crop(key: str, most: int) -> Field:
    """Part of a picture, of so many pixels at most: x, y, width and height; null and nothing: all of it."""

    def check(value: Any, limits: Limits) -> tuple[int, int, int, int] | None:
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 4 or not all(is_whole(part, 0, 2**31) for part in value):
            raise refused(f"{key} is {shown(value)}; allowed: [x, y, width, height] in pixels, or null")
        x, y, width, height = value
        if not 1 <= width * height <= most:
            raise refused(f"{key} has {width * height} pixels; allowed: 1 to {most}")
        return y, x, height, width

    part = {"type": "integer", "minimum": 0}
    schema = {"oneOf": [{"type": "array", "items": part, "minItems": 4, "maxItems": 4}, {"type": "null"}]}
    return Field(key, {**schema, "description": "x, y, width and height in pixels of the picture."}, check)


def point(key: str) -> Field:
    """A pixel of a picture: x and y; null and nothing: none."""

    def check(value: Any, limits: Limits) -> tuple[int, int] | None:
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2 or not all(is_whole(part, 0, _MOST) for part in value):
            raise refused(f"{key} is {shown(value)}; allowed: [x, y] in pixels, or null")
        return value[0], value[1]

    part = {"type": "integer", "minimum": 0, "maximum": _MOST}
    schema = {"oneOf": [{"type": "array", "items": part, "minItems": 2, "maxItems": 2}, {"type": "null"}]}
    return Field(key, {**schema, "description": "x and y in pixels of the picture."}, check)


def wrong_seed(key: str, value: Any) -> HTTPException:
    return refused(f"{key} is {shown(value)}; allowed: a whole number from 0, or one for each picture")


def pictures(key: str) -> Field:
    """A list of pictures, as many as the limits allow."""

    def check(value: Any, limits: Limits) -> list[bytes]:
        if not isinstance(value, list) or not 1 <= len(value) <= limits.pictures:
            raise refused(f"{key}: allowed is a list of 1 to {limits.pictures} pictures")
        return [request_body.bytes_of(part, f"{key}[{i}]") for i, part in enumerate(value)]

    return Field(key, {"type": "array", "items": _PICTURE, "minItems": 1, "maxItems": Limits.pictures}, check, needed=True)


def masks(key: str, about: str = "White is developed, black stays as it is.") -> Field:
    """A map for all pictures, or a list with one for each; null and nothing: none, as an empty list."""

    def check(value: Any, limits: Limits) -> list[bytes]:
        parts = value if isinstance(value, list) else [] if value is None else [value]
        return [request_body.bytes_of(part, key) for part in parts]

    each = {"type": "array", "items": _PICTURE}
    return Field(key, {"oneOf": [{**_PICTURE, "description": about}, each, {"type": "null"}]}, check)


def one_picture(key: str, as_list: str) -> tuple[Field, Field]:
    """One picture; or a list with it alone in it, which is how an upload has it."""

    def check(value: Any, limits: Limits) -> bytes:
        return request_body.bytes_of(value, key)

    def check_list(value: Any, limits: Limits) -> bytes:
        if not isinstance(value, list) or len(value) != 1:
            raise refused(f"{key}: allowed is one picture")
        return request_body.bytes_of(value[0], key)

    return Field(key, _PICTURE, check, b"", needed=True), Field(as_list, {}, check_list, [b""], described=False)
