"""Comments in prompts, which the WebUI takes out before it reads or counts anything.

`#` hides the rest of its line (AUTOMATIC1111 1.8, Forge); reForge hides after `//`, too, and what stands between `/*` at the
beginning of a line and `*/` at the end of one; a lone `/*` or `*/` hides the rest of its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from filmlook.prompts.edit import common_start

NONE, HASH, SLASHES = "none", "hash", "slashes"
STYLES = (HASH, SLASHES, NONE)
"""How a WebUI takes comments: from `#` on, from `#`, `//` and `/*` on, or not at all."""

_REST_OF_LINE = {HASH: re.compile(r"#[^\n]*"), SLASHES: re.compile(r"(?:#|//|/\*|\*/(?!/))[^\n]*")}
_BLOCK_BEGINS = re.compile(r"^/\*", re.MULTILINE)
_BLOCK_ENDS = re.compile(r"\*/$", re.MULTILINE)


def blanked(prompt: str, style: str = HASH) -> str:
    """The prompt with blanks for its comments, so that all else keeps its place; the end of a comment's last line stays."""
    pieces, last = [], 0
    for start, end in comments(prompt, style):
        pieces += [prompt[last:start], " " * (end - start)]
        last = end
    return "".join([*pieces, prompt[last:]])


def comments(prompt: str, style: str = HASH) -> list[tuple[int, int]]:
    """Where a prompt's comments stand, in order: from, up to."""
    if style == NONE:
        return []
    found, last = [], 0
    for start, end in [*(_blocks(prompt) if style == SLASHES else ()), (len(prompt), len(prompt))]:
        found += [m.span() for m in _REST_OF_LINE[style].finditer(prompt, last, start)]
        if start < end:
            found.append((start, end))
        last = end
    return found


def _blocks(prompt: str) -> Iterator[tuple[int, int]]:
    begin = _BLOCK_BEGINS.search(prompt)
    while begin and (end := _BLOCK_ENDS.search(prompt, begin.end())):
        yield begin.start(), end.end()
        begin = _BLOCK_BEGINS.search(prompt, end.end())


def with_comments(prompt: str, changed: str, style: str = HASH) -> str:
    """What a change of the blanked prompt makes of the prompt itself, which keeps its comments.

    Args:
        prompt: as it is written.
        changed: what became of `blanked(prompt, style)`.
    """
    hidden, before = comments(prompt, style), blanked(prompt, style)
    start = common_start(before, changed)
    rest = min(common_start(before[::-1], changed[::-1]), min(len(before), len(changed)) - start)
    stop = len(before) - rest
    for a, b in hidden:  # the change ends beside a comment, never within one
        start = a if a < start < b else start
        stop = b if a < stop < b else stop
    words = changed[start : len(changed) - (len(before) - stop)]
    kept = "\n".join(prompt[a:b] for a, b in hidden if start <= a and b <= stop)
    if kept:
        ended = "" if prompt[stop : stop + 1] in ("", "\n") else "\n"
        if not start or prompt[start - 1] == "\n":  # whole lines of comment stay above
            words = f"{kept}\n{words}" if words else kept + ended
        else:
            words = words.rstrip(" ") + ("\n" if kept.startswith("/*") else " ") + kept + ended
    written = prompt[:start] + words + prompt[stop:]
    # Where signs meet that begin a comment together, as "/" and "/*", the words count more than the comments.
    return written if blanked(written, style).split() == changed.split() else changed
