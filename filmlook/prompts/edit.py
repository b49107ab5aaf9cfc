"""Changes to a prompt that leave the rest of it as it is: each returns the whole new text."""

from __future__ import annotations

import re

_WEIGHT_AND_CLOSE = re.compile(r"\s*:\s*[+-]?[.\d]+\s*\)")
_ENDS_PART = re.compile(r"\b(?:BREAK|AND)\s*\Z")


def add(text: str, words: str) -> str:
    """The prompt with words at its end, after a comma."""
    kept = text.rstrip()
    return kept + (" " if kept.endswith(",") else ", " if kept else "") + words


def replace(text: str, start: int, end: int, words: str) -> str:
    """The prompt with other words in a place."""
    return text[:start] + words + text[end:]


def undone(now: str, before: str, after: str) -> str | None:
    """The prompt with the change from `before` to `after` taken back, though more was written beside it since; None where
    what was changed stands there no more."""
    start = common_start(before, after)
    rest = common_start(before[start:][::-1], after[start:][::-1])
    old, left, right = before[start : len(before) - rest], after[: len(after) - rest], after[start:]
    if now.startswith(left):
        return before[:start] + old + now[len(left) :]
    if now.endswith(right):
        return now[: len(now) - len(right)] + old + after[len(after) - rest :]
    return None


def common_start(a: str, b: str) -> int:
    """How many characters two texts begin with in common."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def remove(text: str, start: int, end: int) -> str:
    """The prompt without the words at start..end, and without the comma and the brackets that were only theirs."""
    while True:
        left, right = _before(text, start), _after(text, end)
        close = _WEIGHT_AND_CLOSE.match(text, end)
        if _at(text, left) == "(" and (close or _at(text, right) == ")"):
            start, end = left, close.end() if close else right + 1
        elif _at(text, left) == "[" and _at(text, right) == "]":
            start, end = left, right + 1
        else:
            break
    if _at(text, right) == "," and (_at(text, left) in ("", ",", "(", "[", "\n") or _ENDS_PART.search(text, 0, start)):
        return text[:start] + text[right + 1 :].lstrip(" \t")
    if _at(text, left) == "," and (_at(text, right) in ("", ")", "]") or close):
        return text[:left] + text[end:]
    kept = text[:start].rstrip(" \t")
    return kept + text[end:] if kept != text[:start] else kept + text[end:].lstrip(" \t")


def _before(text: str, at: int) -> int:
    """The place of what stands before `at`, blanks left out; -1 at the beginning, or where it is escaped."""
    at -= 1
    while at >= 0 and text[at] in " \t":
        at -= 1
    return at if at < 1 or text[at - 1] != "\\" else at - 1


def _after(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


def _at(text: str, place: int) -> str:
    return text[place] if 0 <= place < len(text) else ""
