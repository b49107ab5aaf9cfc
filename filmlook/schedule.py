"""Numbers that change from frame to frame, written as Deforum writes them.

    0: (0), 30: (15), 210: (15), 300: (0)
    0: (-0.06*(cos(3.141*t/15)**100)+0.06)

A key that is a number is a point of a line from key to key; an expression is worked out at each frame up to the next key. It
knows `t` (the frame), `s` (the seed), `max_f` (the last frame) and `FUNCTIONS`, nothing else: it is read, never run as Python.
"""

from __future__ import annotations

import ast
import math
import operator
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from filmlook.errors import LookError

MOST_TEXT = 4096  # characters of a schedule
MOST_PARTS = 256  # of an expression
MOST_FRAME = 10_000_000


FUNCTIONS: dict[str, Callable[..., float]] = {
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "log", "log10", "log1p")},
    **{name: getattr(math, name) for name in ("exp", "expm1", "sqrt")},
    **{f"arc{name}": getattr(math, f"a{name}") for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "abs": abs,
    "min": min,
    "max": max,
    "where": lambda condition, a, b: a if condition else b,
}
NAMES = ("t", "s", "max_f")

_BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_UNARY: dict[type, Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_COMPARED: dict[type, Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Expression:
    """An expression of a schedule.

    Raises:
        LookError: it is not one; the message says what of it, and what is allowed.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        try:
            tree = ast.parse(self.text, mode="eval").body
            parts = list(ast.walk(tree))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise LookError(f"{_short(self.text)!r} is no expression; allowed: numbers, {_allowed()}") from None
        if len(parts) > MOST_PARTS:
            raise LookError(f"{_short(self.text)!r} is too long; allowed: {MOST_PARTS} parts")
        self._value = _compiled(tree)
        # Brackets and quotes around a number, as Deforum takes them away, leave a number.
        self.is_number = isinstance(tree, ast.Constant) or (
            isinstance(tree, ast.UnaryOp) and isinstance(tree.operand, ast.Constant)
        )

    def __call__(self, **names: float) -> float:
        """Its value. Raises LookError where it has none: it divides by zero, or grows beyond all bounds."""
        try:
            value = float(self._value(names))
        except ZeroDivisionError:
            raise LookError(f"{_short(self.text)!r} divides by zero") from None
        except (ArithmeticError, ValueError, TypeError):
            raise LookError(f"{_short(self.text)!r} has no value") from None
        if not math.isfinite(value):
            raise LookError(f"{_short(self.text)!r} has no finite value")
        return value


_Value = Callable[[dict[str, float]], float]


def _compiled(part: ast.expr) -> _Value:
    """What gives a part's value."""
    if isinstance(part, ast.Constant) and isinstance(part.value, (int, float)) and not isinstance(part.value, bool):
        try:
            number = float(part.value)
        except OverflowError:
            raise LookError(f"{_short(ast.unparse(part))!r} is larger than any number may be") from None
        return lambda _: number
    if isinstance(part, ast.Name) and part.id in NAMES:
        name = part.id
        return lambda names: names[name]
    if isinstance(part, ast.UnaryOp) and type(part.op) in _UNARY:
        turned, of = _UNARY[type(part.op)], _compiled(part.operand)
        return lambda names: turned(of(names))
    if isinstance(part, ast.BinOp) and type(part.op) in _BINARY:
        joined, a, b = _BINARY[type(part.op)], _compiled(part.left), _compiled(part.right)
        return lambda names: joined(a(names), b(names))
    if isinstance(part, ast.Compare) and len(part.ops) == 1 and type(part.ops[0]) in _COMPARED:
        compared, a, b = _COMPARED[type(part.ops[0])], _compiled(part.left), _compiled(part.comparators[0])
        return lambda names: float(compared(a(names), b(names)))
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in FUNCTIONS and not part.keywords:
        function, arguments = FUNCTIONS[part.func.id], [_compiled(argument) for argument in part.args]
        return lambda names: function(*(argument(names) for argument in arguments))
    raise LookError(f"{_short(ast.unparse(part))!r} is not allowed; allowed: numbers, {_allowed()}")


def _allowed() -> str:
    return f"{', '.join(NAMES)}, + - * / % ** ( ), comparisons, and {', '.join(sorted(FUNCTIONS))}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True)
class Schedule:
    """A number over frames.

    Attributes:
        text: as it was written.
        keys: frame and value of each key, as they were written.
    """

    text: str
    keys: tuple[tuple[Expression, Expression], ...]

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """A schedule from its text. Raises LookError, which says where it is wrong and what is allowed."""
        if len(text) > MOST_TEXT:
            raise LookError(f"a schedule of {len(text)} characters; allowed: {MOST_TEXT}")
        keys = []
        for entry in _entries(text):
            frame, colon, value = entry.partition(":")
            if not colon or not frame.strip() or not value.strip():
                raise LookError(f"{_short(entry.strip())!r} is no key; allowed: frame: (value), frame: (value), ...")
            keys.append((Expression(_unquoted(frame)), Expression(_unquoted(value))))
        return cls(text, tuple(keys))

    def points(self) -> list[tuple[int, float]]:
        """Frame and value of the keys that are numbers whatever seed and last frame are."""
        numbers = [(frame(), value()) for frame, value in self.keys if frame.is_number and value.is_number]
        return [(int(frame), value) for frame, value in numbers]

    def at(self, frame: int, *, seed: int = 0, last: int = 1) -> float:
        """The value at a frame.

        Args:
            frame: from 0 on. seed: `s`. last: `max_f`, the last frame.

        Raises:
            LookError: an expression has no value there; a key stands before frame 0, or beyond any film.
        """
        frames, at = _places(self, seed, last)
        following = bisect_right(frames, frame)
        before = frames[max(0, following - 1)]
        after = frames[following] if following < len(frames) else before

        def value_at(place: int, of: Expression) -> float:
            try:
                return of(t=place, s=seed, max_f=last)
            except LookError as error:
                raise LookError(f"frame {place}: {error}") from None

        if not at[before].is_number and frame >= before:
            return value_at(frame, at[before])
        start = value_at(before, at[before])
        if frame <= before or after == before:
            return start
        share = (frame - before) / (after - before)
        return start + (value_at(after, at[after]) - start) * share


@lru_cache(maxsize=64)  # a film asks for each of its frames
def _places(schedule: Schedule, seed: int, last: int) -> tuple[list[int], dict[int, Expression]]:
    """The frames of a schedule's keys in order, and what stands at each. Raises LookError."""
    at: dict[int, Expression] = {}
    for key, value in schedule.keys:
        place = key(t=0, s=seed, max_f=last)
        if not 0 <= place <= MOST_FRAME:
            raise LookError(f"a key stands at frame {place:g}; allowed: 0 to {MOST_FRAME}")
        at[int(place)] = value  # as in Deforum, of two at one frame the last counts
    return sorted(at), at


def _entries(text: str) -> list[str]:
    """The text at the commas that no bracket holds."""
    entries, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            entries.append("")
        else:
            entries[-1] += letter
    return entries


def _unquoted(text: str) -> str:
    return text.strip().strip("\"'")
