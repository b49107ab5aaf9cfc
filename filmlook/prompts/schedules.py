"""What of a prompt is at work when: `<lora:x:1>` tags taken out, `AND` parts apart, `[a:b:0.5]` and `[a|b]` by step.

The order is the WebUI's: tags, then `AND`, then schedules; brackets (`filmlook.prompts.attention`) come last. Wildcards
(`__name__`, `{a|b}`) are the business of other extensions and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

from filmlook.errors import FilmLookError

DEEPEST = 100  # schedules nested deeper stay as written

_MOST_TEXT = 2_000_000  # characters of all texts together

_NETWORK = re.compile(r"<(\w+):([^>]+)>")
_AND = re.compile(r"\bAND\b")
_PART_WEIGHT = re.compile(r"\s*([-+]?(?:\d+\.?|\d*\.\d+))\s*")
_SCHEDULE_MARK = re.compile(r"\\.|[\\\[\]():|]")
_STEP = re.compile(r"\s*([+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII)


@dataclass(frozen=True)
class Part:
    """Text taken from a prompt: `places` tells for each character where it stands there. `weight` is an `AND` part's."""

    text: str
    places: Sequence[int]
    weight: float = 1.0

    @classmethod
    def whole(cls, prompt: str) -> Part:
        """A prompt as it is."""
        return cls(prompt, range(len(prompt)))

    def only(self, ranges: Sequence[tuple[int, int]]) -> Part:
        """What lies in these ranges (from, up to), joined."""
        text = "".join(self.text[a:b] for a, b in ranges)
        return Part(text, list(chain.from_iterable(self.places[a:b] for a, b in ranges)), self.weight)


@dataclass(frozen=True)
class Network:
    """A tag such as `<lora:name:0.8>`: its kind, its name, and where it stands."""

    kind: str
    name: str
    start: int
    end: int


def networks(prompt: str) -> list[Network]:
    """The tags of a prompt that load a network, in order."""
    stop = prompt.rfind(">") + 1  # beyond it none closes, and looking for that anew from every "<" would take long
    return [Network(m[1], m[2].split(":")[0], m.start(), m.end()) for m in _NETWORK.finditer(prompt, 0, stop)]


def without_networks(prompt: str) -> Part:
    """A prompt without its network tags, which the text encoder never sees."""
    edges = [0, *chain.from_iterable((n.start, n.end) for n in networks(prompt)), len(prompt)]
    return Part.whole(prompt).only(list(zip(edges[::2], edges[1::2], strict=True)))


def and_parts(part: Part) -> list[Part]:
    """The sub-prompts between `AND`s, with their weights: a number after the last colon, 1 where there is none."""
    edges = [0, *chain.from_iterable(m.span() for m in _AND.finditer(part.text)), len(part.text)]
    return [_and_part(part, a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _and_part(part: Part, start: int, end: int) -> Part:
    text = part.text[start:end]
    before, colon, after = text.rpartition(":")
    weight = 1.0
    if colon and (m := _PART_WEIGHT.fullmatch(after)):
        text, weight = before, float(m[1])
    found = part.only([(start, start + len(text.rstrip()))])
    return Part(found.text, found.places, weight)


@dataclass(frozen=True)
class _Node:
    """`[before:after:when]` or `[one|two|...]` at start..end: its options as ranges with the nodes in them."""

    start: int
    end: int
    options: tuple[_Stretch, ...]
    when: str = ""  # as written, a step or a share of them; "" for alternatives
    depth: int = 1


@dataclass(frozen=True)
class _Stretch:
    start: int
    end: int
    nodes: tuple[_Node, ...]


class _Frame:
    """An open bracket while it is read: where, at which places it was divided by what, and what was found in it."""

    __slots__ = ("bracket", "dividers", "nodes", "start")

    def __init__(self, bracket: str, start: int) -> None:
        self.bracket, self.start = bracket, start
        self.dividers: list[tuple[str, int]] = []
        self.nodes: list[_Node] = []


def at_steps(part: Part, steps: int) -> list[tuple[int, Part]]:
    """The texts that a part stands for over `steps` steps: (last step, text) each, in order.

    Raises:
        FilmLookError: the texts are longer together than a prompt could mean.
    """
    nodes = _nodes(part.text)
    if not nodes:
        return [(steps, part)]
    ends = sorted({steps, *_ends(nodes, steps)})
    if len(ends) * len(part.text) > _MOST_TEXT:
        raise FilmLookError(f"the prompt changes {len(ends)} times; that is too often for its length")
    return [(end, part.only(list(_ranges(_Stretch(0, len(part.text), nodes), end, steps)))) for end in ends]


def scheduled(prompt: str) -> list[tuple[int, int]]:
    """Where a prompt's schedules and alternatives stand, the outermost ones."""
    return [(node.start, node.end) for node in _nodes(prompt)]


def forget() -> None:
    """Drops what is kept of the last texts: long ones take megabytes."""
    _nodes.cache_clear()


@lru_cache(maxsize=4)  # what looks at a prompt looks at the same text several times
def _nodes(text: str) -> tuple[_Node, ...]:
    """Schedules and alternatives. Brackets that make none are text; a bar outside of alternatives makes all of it text."""
    top: list[_Node] = []
    stack: list[_Frame] = []
    for m in _SCHEDULE_MARK.finditer(text):
        mark, at = m[0], m.start()
        if mark == "\\" or (mark == "|" and (not stack or stack[-1].bracket == "(")):
            return ()
        if mark in "([":
            stack.append(_Frame(mark, at))
        elif mark in ":|" and stack:
            stack[-1].dividers.append((mark, at))
        elif mark in ")]" and stack:
            node = _closed(text, stack[-1], mark, at)
            if node is None:  # then the brackets around it hold what they may not hold, and are text too
                if not _dissolve(stack, top):
                    return ()
                continue
            stack.pop()
            (stack[-1].nodes if stack else top).extend(node)
    return tuple(top) if _dissolve(stack, top) and all(node.depth <= DEEPEST for node in top) else ()


def _dissolve(stack: list[_Frame], top: list[_Node]) -> bool:
    """Makes open brackets text; False where one holds a bar."""
    bars = any(divider == "|" for frame in stack for divider, _ in frame.dividers)
    for frame in stack:
        top.extend(frame.nodes)
    stack.clear()
    return not bars


def _closed(text: str, frame: _Frame, mark: str, at: int) -> list[_Node] | None:
    """What a bracket that closes at `at` adds: a node, or those in it where it is emphasis; None where it is text."""
    kinds = [divider for divider, _ in frame.dividers]
    if frame.bracket + mark == "()":
        return frame.nodes if len(kinds) <= 1 else None
    if frame.bracket + mark != "[]":
        return None
    if not kinds:
        return frame.nodes
    edges = [frame.start, *(place for _, place in frame.dividers), at]
    options = _options(frame.nodes, edges)
    depth = 1 + max((node.depth for node in frame.nodes), default=0)
    if set(kinds) == {"|"}:
        return [_Node(frame.start, at + 1, options, depth=depth)]
    when = _STEP.fullmatch(text, edges[-2] + 1, at)
    if "|" in kinds or len(kinds) > 2 or not when:
        return None
    nothing = _Stretch(frame.start, frame.start, ())
    return [_Node(frame.start, at + 1, (nothing, *options[:-1])[-2:], when[1], depth)]


def _options(nodes: list[_Node], edges: list[int]) -> tuple[_Stretch, ...]:
    """What lies between neighbouring edges, each with its share of the nodes."""
    found, rest = [], iter([*nodes, None])
    node = next(rest)
    for a, b in pairwise(edges):
        inside = []
        while node and node.end <= b:
            inside.append(node)
            node = next(rest)
        found.append(_Stretch(a + 1, b, tuple(inside)))
    return tuple(found)


def _when(node: _Node, steps: int) -> int:
    """The last step of the first option. A number with a point is a share of the steps."""
    value = float(node.when) * (steps if "." in node.when else 1)
    return int(max(min(value, steps), 0))


def _ends(nodes: Sequence[_Node], steps: int) -> Iterator[int]:
    for node in nodes:
        if not node.when:
            yield from range(1, steps + 1)
            return  # there are no more
        elif (when := _when(node, steps)) >= 1:
            yield when
        for option in node.options:
            yield from _ends(option.nodes, steps)


def _ranges(sequence: _Stretch, step: int, steps: int) -> Iterator[tuple[int, int]]:
    at = sequence.start
    for node in sequence.nodes:
        yield at, node.start
        chosen = int(step > _when(node, steps)) if node.when else (step - 1) % len(node.options)
        yield from _ranges(node.options[chosen], step, steps)
        at = node.end
    yield at, sequence.end
