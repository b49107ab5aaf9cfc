"""How many tokens a prompt has, and where it is divided: the text encoder sees 75 at a time.

The WebUI fills one chunk after the other. Where a chunk is full, what follows the last comma moves on with the rest, unless
more than 20 tokens would; `BREAK` ends a chunk early; an embedding is never divided. Each chunk but the last counts 75.
"""

from __future__ import annotations

import importlib.util
import math
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

from filmlook.prompts.attention import BREAK, BREAK_WEIGHT, Span, parse
from filmlook.prompts.schedules import Part, and_parts, at_steps, without_networks

CHUNK = 75  # tokens the encoder takes besides start and end
COMMA_BACKTRACK = 20  # the WebUI's own default of "Prompt word wrap length limit"
NO_TOKENIZER = 'Tokens are not counted: that needs CLIP\'s vocabulary, which pip install "filmlook[prompts]" brings.'

_SURROGATE = re.compile("[\ud800-\udfff]")  # no encoder takes them
_MOST_STEPS = 150
_LONGEST_WORD = 64  # within longer words a division is put at their beginning


class Tokenizer(Protocol):
    """What turns text into token numbers, without those for start and end."""

    def encode(self, text: str) -> Sequence[int]: ...


@dataclass(frozen=True)
class Division:
    """Where a prompt is divided: the place of the first character of the new chunk.

    why: "full"; "comma" (full, and moved back to the last comma); "BREAK"; "embedding" (it would not fit).
    tokens: how many the chunk before it holds.
    """

    place: int
    why: str
    tokens: int


@dataclass(frozen=True)
class Count:
    """A prompt's tokens as the WebUI's counter tells them, up to how many need no further chunk, and the divisions."""

    tokens: int
    limit: int
    divisions: tuple[Division, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The count as JSON gives it: tokens, limit, divisions (place, why, tokens)."""
        return asdict(self)


@lru_cache(maxsize=1)
def installed_tokenizer() -> Tokenizer | None:
    """CLIP's tokenizer from the package `clip`, which the extra `filmlook[prompts]` brings; None where there is none."""
    try:
        package = importlib.util.find_spec("clip")
        folder = Path((package.submodule_search_locations or [""])[0]) if package else Path()
        # The one file of it that reads the vocabulary: the package as a whole would load torchvision.
        found = importlib.util.spec_from_file_location("_filmlook_clip_tokenizer", folder / "simple_tokenizer.py")
        if found is None or found.loader is None:
            return None
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        tokenizer: Tokenizer = module.SimpleTokenizer()
        tokenizer.encode("film")
        return tokenizer
    except Exception:  # whatever is wrong with somebody else's package: prompts are judged without a count
        return None


def count(
    prompt: str,
    tokenizer: Tokenizer,
    *,
    steps: int = 20,
    negative: bool = False,
    vectors: Mapping[str, int] | None = None,
    backtrack: int = COMMA_BACKTRACK,
) -> Count:
    """Counts a prompt's tokens as the WebUI does: of all that it is over `steps` steps and `AND` parts, the longest.

    Args:
        negative: it is a negative prompt, in which `AND` is a word.
        steps: more than the WebUI's most, 150, count as that.
        vectors: installed embeddings: name, and how many tokens' room each takes.
        backtrack: how many tokens may move on with what follows a comma; 0 moves none.

    Raises:
        FilmLookError: so many schedules that it would take too long.
    """
    steps = max(1, min(steps, _MOST_STEPS))
    whole = without_networks(_SURROGATE.sub("?", prompt))
    parts = [whole] if negative else and_parts(whole)
    texts: dict[str, Part] = {}
    for part in parts:
        for _, text in at_steps(part, steps):
            texts.setdefault(text.text, text)
    rules = _Rules(tokenizer, vectors or {}, backtrack)
    laid = [(_lay_out(text, rules), part) for text, part in texts.items()]
    longest, part = max(laid, key=lambda pair: pair[0].tokens)
    divisions = [Division(longest.place(part, d.span, d.token, rules), d.why, d.tokens) for d in longest.divisions]
    return Count(longest.tokens, math.ceil(max(longest.tokens, 1) / CHUNK) * CHUNK, tuple(divisions))


class _Rules:
    """A tokenizer, with what is asked of it again and again."""

    def __init__(self, tokenizer: Tokenizer, vectors: Mapping[str, int], backtrack: int) -> None:
        self._tokenizer, self.backtrack = tokenizer, backtrack
        self._known: dict[str, list[int]] = {}
        self._words: dict[str, tuple[list[re.Match[str]], list[int]]] = {}
        comma = self.encode(",")
        self.comma = comma[0] if len(comma) == 1 else None
        self._embeddings: dict[int, list[tuple[list[int], int]]] = {}
        for name, size in vectors.items():
            if ids := self.encode(_SURROGATE.sub("?", name)):
                self._embeddings.setdefault(ids[0], []).append((ids, size))
        for found in self._embeddings.values():
            found.sort(key=lambda pair: -len(pair[0]))

    def encode(self, text: str) -> list[int]:
        if text not in self._known:
            self._known[text] = list(self._tokenizer.encode(text))
        return self._known[text]

    def words(self, text: str) -> tuple[list[re.Match[str]], list[int]]:
        """The words of a text, and how many tokens there are up to the end of each."""
        if text not in self._words:
            words = list(re.finditer(r"\S+", text))
            self._words[text] = words, list(accumulate(len(self.encode(m[0])) for m in words))
        return self._words[text]

    def embedding_at(self, tokens: list[int], at: int) -> tuple[int, int] | None:
        """How many tokens name the embedding that begins here, and the room it takes."""
        for ids, size in self._embeddings.get(tokens[at], ()):
            if tokens[at : at + len(ids)] == ids:
                return len(ids), size
        return None


@dataclass(frozen=True)
class _Cut:
    span: int
    token: int
    why: str
    tokens: int


@dataclass(frozen=True)
class _Layout:
    spans: list[Span]
    tokens: int
    divisions: list[_Cut]

    def place(self, part: Part, span: int, token: int, rules: _Rules) -> int:
        """Where in the prompt a token stands."""
        found = self.spans[span]
        at = found.place(_index_of(found.text, token, rules))
        return part.places[at] if at < len(part.places) else (part.places[-1] + 1 if part.places else 0)


def _lay_out(text: str, rules: _Rules) -> _Layout:
    """Fills chunks with a text's tokens by the WebUI's rules."""
    spans = parse(text)
    chunk: list[tuple[int, int]] = []  # span and token of each place in it
    total, last_comma = 0, -1
    filled: list[tuple[str, int]] = []  # of the chunks that are done: why they ended, how many tokens
    begins: list[tuple[int, int] | None] = []

    def end_chunk(reason: str, moved: int = 0) -> None:
        nonlocal chunk, total, last_comma
        kept = len(chunk) - moved
        filled.append((reason, kept))
        begins.append(chunk[kept] if moved else None)
        chunk, total, last_comma = chunk[kept:], total + CHUNK, -1

    for s, span in enumerate(spans):
        if span.text == BREAK and span.weight == BREAK_WEIGHT:
            end_chunk("BREAK")
            continue
        tokens, t = rules.encode(span.text), 0
        while t < len(tokens):
            is_full = len(chunk) == CHUNK
            if tokens[t] == rules.comma:
                last_comma = len(chunk)
            elif is_full and rules.backtrack and last_comma != -1 and len(chunk) - last_comma <= rules.backtrack:
                end_chunk("comma", moved=len(chunk) - last_comma - 1)
            if len(chunk) == CHUNK:
                end_chunk("full")
            embedding = rules.embedding_at(tokens, t)
            named, size = embedding or (1, 1)
            if embedding and len(chunk) + size > CHUNK:
                end_chunk("embedding")
            if begins and begins[-1] is None:
                begins[-1] = (s, t)
            chunk += [(s, t)] * size
            t += named
    cuts = [_Cut(*begin, reason, tokens) for begin, (reason, tokens) in zip(begins, filled, strict=True) if begin]
    return _Layout(spans, total + len(chunk), cuts)


def _index_of(text: str, token: int, rules: _Rules) -> int:
    """Which character of a text its token number `token` begins with; within a word, as near as can be told."""
    words, ends = rules.words(text)
    if not ends or not ends[-1]:
        return 0
    if ends[-1] != len(rules.encode(text)):  # an encoder that joins over blanks
        token = token * ends[-1] // len(rules.encode(text))
    w = min(bisect_right(ends, token), len(words) - 1)
    inside = token - (ends[w - 1] if w else 0)
    word = words[w][0]
    if inside > 0 and len(word) <= _LONGEST_WORD:
        longer = (k for k in range(1, len(word)) if len(rules.encode(word[: k + 1])) > inside)
        return words[w].start() + next(longer, 0)
    return words[w].start()
