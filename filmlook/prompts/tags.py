"""The words and tags of a prompt, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from filmlook.prompts.schedules import networks, scheduled

_DIVIDER = re.compile(r"[,\n]|\b(?:BREAK|AND)\b")
_BRACES = re.compile(r"\{[^{}]*\}")
_WEIGHT = re.compile(r"\s*[+-]?[.\d]+\s*")
_SPECIAL = frozenset("()[]{}|<>:\\")


@dataclass(frozen=True)
class Tag:
    """What stands between two commas, brackets and weight around it left out. `key` is the same for the same words.

    plain: no brackets or other signs with a meaning stand within. group counts the BREAKs and ANDs before it.
    """

    key: str
    start: int
    end: int
    plain: bool
    group: int


def tags(prompt: str) -> Iterator[Tag]:
    """The tags of a prompt in order, empty ones left out, as well as those within schedules, wildcards and `<...>`."""
    return iter(_tags(prompt))


@lru_cache(maxsize=4)
def _tags(prompt: str) -> tuple[Tag, ...]:
    return tuple(_read(prompt))


def forget() -> None:
    """Drops what is kept of the last texts: long ones take megabytes."""
    _tags.cache_clear()


def _read(prompt: str) -> Iterator[Tag]:
    skipped = iter(_merged([*scheduled(prompt), *_tag_ranges(prompt), *(m.span() for m in _BRACES.finditer(prompt))]))
    skip = next(skipped, None)
    start = group = 0
    ends = [(m.start(), m.end(), m[0]) for m in _DIVIDER.finditer(prompt)] + [(len(prompt), len(prompt), "")]
    for end, following, divider in ends:
        while skip and skip[1] <= start:
            skip = next(skipped, None)
        if not (skip and skip[0] < end) and (tag := _tag(prompt, start, end, group)):
            yield tag
        start = following
        group += len(divider) > 1


def _tag(prompt: str, start: int, end: int, group: int) -> Tag | None:
    text = prompt[start:end]
    core = text.lstrip(" \t\r([")
    start += len(text) - len(core)
    core = core.rstrip(" \t\r)]")
    words, colon, weight = core.rpartition(":")
    if colon and _WEIGHT.fullmatch(weight):
        core = words.rstrip()
    key = " ".join(core.casefold().split())
    if not any(c.isalnum() for c in key):
        return None
    return Tag(key, start, start + len(core), not _SPECIAL & set(core), group)


def _tag_ranges(prompt: str) -> list[tuple[int, int]]:
    return [(network.start, network.end) for network in networks(prompt)]


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@lru_cache(maxsize=64)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    either = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in longest_first)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)


def find_phrases(prompt: str, phrases: Iterable[str]) -> Iterator[tuple[str, int, int]]:
    """Where any of the phrases stands as whole words, outside of `<...>`: (phrase in small letters, start, end)."""
    phrases = tuple(phrases)
    if not phrases:
        return
    hidden = iter(_tag_ranges(prompt))
    tag = next(hidden, None)
    for m in _pattern(phrases).finditer(prompt):
        while tag and tag[1] <= m.start():
            tag = next(hidden, None)
        if not (tag and tag[0] < m.end()):
            yield " ".join(m[0].lower().split()), m.start(), m.end()


def has(prompt: str, phrase: str) -> bool:
    """Whether a phrase stands in a prompt as whole words."""
    return next(find_phrases(prompt, (phrase,)), None) is not None
