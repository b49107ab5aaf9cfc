"""All that the prompt helper tells at once: what the checkpoint is, tokens, findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from filmlook.prompts import attention, schedules, tags
from filmlook.prompts.advice import LONGEST, advise
from filmlook.prompts.checkpoints import Checkpoint, Recognition, recognise
from filmlook.prompts.comments import HASH, blanked, with_comments
from filmlook.prompts.findings import Finding, GenerationParams
from filmlook.prompts.recipes import Word, list_recipes, load_craft
from filmlook.prompts.tags import find_phrases
from filmlook.prompts.tokens import Count, Tokenizer, count


@dataclass(frozen=True)
class Report:
    """What there is to say of a prompt.

    Attributes:
        recognition: of the checkpoint; None where none is known.
        tokens: by field ("prompt", "negative"); empty without a tokenizer.
        findings: the most important first.
        problems: a line for each recipe's file that cannot be used.
        words: frequent words that are in neither prompt yet, each with what it does and whether it works against film.
    """

    recognition: Recognition | None
    tokens: dict[str, Count]
    findings: list[Finding]
    problems: list[str]
    words: list[Word] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON gives it: checkpoint, tokens, findings, words."""
        return {
            "checkpoint": self.recognition.as_dict() if self.recognition else None,
            "tokens": {field: counted.as_dict() for field, counted in self.tokens.items()},
            "findings": [finding.as_dict() for finding in self.findings],
            "words": [word.as_dict() for word in self.words],
        }


def report(
    prompt: str,
    negative: str = "",
    checkpoint: Checkpoint | None = None,
    settings: GenerationParams | None = None,
    *,
    tokenizer: Tokenizer | None = None,
    installed: Sequence[Checkpoint] = (),
    upscalers: Sequence[str] | None = None,
    vectors: Mapping[str, int] | None = None,
    comments: str = HASH,
) -> Report:
    """Looks at a prompt with all recipes that are installed; the arguments are those of `filmlook.prompts.advice.advise`
    and `filmlook.prompts.tokens.count`, and `comments`, one of `filmlook.prompts.comments.STYLES`: how the WebUI takes them.

    Comments are neither read nor counted, and every fix leaves them where they are.
    """
    recipes, problems = list_recipes()
    written = {"prompt": prompt, "negative": negative}
    texts = {name: blanked(text, comments) for name, text in written.items()}
    tokens = None if tokenizer is None else counted(texts, tokenizer, (settings and settings.steps) or 20, vectors)
    findings = advise(
        **texts, checkpoint=checkpoint, settings=settings, recipes=recipes, tokens=tokens, installed=installed,
        upscalers=upscalers,
    )  # fmt: skip
    if texts != written:
        findings = [_with_comments(finding, written, comments) for finding in findings]
    for module in (attention, schedules, tags):
        module.forget()
    recognition = recognise(checkpoint, recipes) if checkpoint else None
    return Report(recognition, tokens or {}, findings, problems, list(_words(texts)))


def _words(texts: Mapping[str, str]) -> Iterator[Word]:
    """The frequent words that are not there yet; none for a text that is not looked at."""
    for name, text in texts.items():
        words = [word for word in load_craft().frequent if word.field == name and len(text) <= LONGEST]
        there = {found for found, _, _ in find_phrases(text, (word.words for word in words))}
        yield from (word for word in words if word.words not in there)


def _with_comments(finding: Finding, written: Mapping[str, str], style: str) -> Finding:
    """The finding, with a fix that keeps the comments of the prompts as they are written."""
    if finding.fix is None:
        return finding
    changes = {
        name: with_comments(written[name], value, style) if name in written else value
        for name, value in finding.fix.changes.items()
    }
    return replace(finding, fix=replace(finding.fix, changes=changes))


def counted(
    texts: Mapping[str, str], tokenizer: Tokenizer, steps: int = 20, vectors: Mapping[str, int] | None = None
) -> dict[str, Count]:
    """The counts of prompts by field, less those that cannot be counted."""
    found = {}
    for name, text in texts.items():
        with suppress(Exception):  # whatever somebody else's tokenizer cannot read: the findings stand without a count
            if len(text) <= LONGEST:
                found[name] = count(text, tokenizer, steps=steps, negative=name == "negative", vectors=vectors)
    return found
