r"""How the WebUI reads a prompt's brackets: `(word)`, `(word:1.2)`, `[word]`, `\(`, `BREAK`.

A round bracket multiplies the weight of what it holds by 1.1 or by its number, a square one divides it by 1.1; what is
not closed reaches to the end; a closing bracket without an opening one is text; `\` makes the next bracket text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

ROUND, SQUARE = 1.1, 1 / 1.1  # what brackets without a number multiply by
BREAK, BREAK_WEIGHT = "BREAK", -1.0  # a span with this text and weight ends a chunk

_MARK = re.compile(r"\\[\\()\[\]]?|[()\[\]]|:(?:\s*(?P<weight>[+-]?[.\d]+)\s*\))?|[^\\()\[\]:]+")
_BREAK = re.compile(r"\bBREAK\b")


class Mark(NamedTuple):
    """A piece of a prompt as it is read from left to right.

    kind: "text"; "escape" (text holds what is escaped, maybe nothing); "open" and "close" (text is the bracket);
    "weight" (`:1.2)`, text is the number).
    """

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Span:
    """Text of one weight. `start` and `end` are where it stands in the prompt, brackets around it left out."""

    text: str
    weight: float
    start: int
    end: int
    pieces: tuple[tuple[int, int], ...] = field(compare=False, repr=False)
    """Where each piece begins: in `text`, and in the prompt."""

    def place(self, index: int) -> int:
        """Where in the prompt the character `index` of `text` stands."""
        offset, start = self.pieces[bisect_right(self.pieces, (index, float("inf"))) - 1]
        return min(start + index - offset, self.end)


def marks(text: str) -> Iterator[Mark]:
    """The pieces of a prompt in order, each character in one of them."""
    for m in _MARK.finditer(text):
        found = m[0]
        if found[0] == "\\":
            yield Mark("escape", found[1:], m.start(), m.end())
        elif m["weight"] is not None:
            yield Mark("weight", m["weight"], m.start(), m.end())
        elif found in "([":
            yield Mark("open", found, m.start(), m.end())
        elif found in ")]":
            yield Mark("close", found, m.start(), m.end())
        else:
            yield Mark("text", found, m.start(), m.end())


@lru_cache(maxsize=4)  # what looks at a prompt looks at the same text several times
def all_marks(text: str) -> tuple[Mark, ...]:
    """All pieces of a prompt, kept for whoever asks next."""
    return tuple(marks(text))


def forget() -> None:
    """Drops what is kept of the last texts: long ones take megabytes."""
    all_marks.cache_clear()
    _parsed.cache_clear()


def number(text: str) -> float | None:
    """A weight's number, None where it is none such as "1.2.3", at which the WebUI gives up with an error."""
    try:
        return float(text)
    except ValueError:
        return None


def parse(text: str) -> list[Span]:
    """The prompt as spans of one weight each, as the WebUI's `parse_prompt_attention` gives them. Never empty.

    A weight that is no number (see `number`) counts as 1.
    """
    return list(_parsed(text))


@lru_cache(maxsize=4)
def _parsed(text: str) -> tuple[Span, ...]:
    pieces: list[tuple[str, int, int]] = []
    breaks: list[int] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    factors: list[tuple[int, int, float]] = []  # of pieces from, up to

    def close(bracket: str, factor: float) -> None:
        factors.append((opened[bracket].pop(), len(pieces), factor))

    for mark in all_marks(text):
        if mark.kind == "open":
            opened[mark.text].append(len(pieces))
        elif mark.kind == "weight" and opened["("]:
            weight = number(mark.text)
            close("(", 1.0 if weight is None else weight)
        elif mark.kind == "close" and mark.text == ")" and opened["("]:
            close("(", ROUND)
        elif mark.kind == "close" and mark.text == "]" and opened["["]:
            close("[", SQUARE)
        elif mark.kind == "text":
            for i, piece in enumerate(_at_breaks(mark)):
                if i % 2:
                    breaks.append(len(pieces))
                pieces.append(piece)
        elif mark.kind == "escape":
            pieces.append((mark.text, mark.end - len(mark.text), mark.end))
        else:
            pieces.append((text[mark.start : mark.end], mark.start, mark.end))
    factors += [(first, len(pieces), ROUND) for first in opened["("]]
    factors += [(first, len(pieces), SQUARE) for first in opened["["]]
    return tuple(_merged(pieces or [("", 0, 0)], _weights(len(pieces) or 1, breaks, factors)))


def _at_breaks(mark: Mark) -> Iterator[tuple[str, int, int]]:
    """Text, BREAK, text, BREAK ... text: a mark's text at its BREAKs, without the blanks around them."""
    done, stop = 0, len(mark.text)
    for m in _BREAK.finditer(mark.text):
        yield _stripped(mark, done, m.start(), done > 0, True)
        yield BREAK, mark.start + m.start(), mark.start + m.end()
        done = m.end()
    yield _stripped(mark, done, stop, done > 0, False)


def _stripped(mark: Mark, start: int, end: int, left: bool, right: bool) -> tuple[str, int, int]:
    text = mark.text[start:end]
    if right:
        text = text.rstrip()
    if left:
        start, text = start + len(text) - len(text.lstrip()), text.lstrip()
    return text, mark.start + start, mark.start + start + len(text)


def _weights(count: int, breaks: list[int], factors: list[tuple[int, int, float]]) -> list[float]:
    # One multiplication after the other, as the WebUI does it: the product must be the same to the last bit.
    weights = np.ones(count)
    weights[breaks] = BREAK_WEIGHT
    with np.errstate(all="ignore"):  # thousands of brackets overflow, here as there
        for first, last, factor in factors:
            weights[first:last] *= factor
    return [float(w) for w in weights]


def _merged(pieces: list[tuple[str, int, int]], weights: list[float]) -> list[Span]:
    spans, first = [], 0
    for i in range(1, len(pieces) + 1):
        if i < len(pieces) and weights[i] == weights[first]:
            continue
        offset, places = 0, []
        for text, start, _ in pieces[first:i]:
            places.append((offset, start))
            offset += len(text)
        joined = "".join(piece[0] for piece in pieces[first:i])
        spans.append(Span(joined, weights[first], pieces[first][1], pieces[i - 1][2], tuple(places)))
        first = i
    return spans
