"""The prompt helper's findings as HTML. Buttons carry the key of what they do; the page's script presses it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from filmlook.prompts.checkpoints import Checkpoint, Recognition
from filmlook.prompts.findings import LEVELS, Finding
from filmlook.prompts.report import Report
from filmlook.prompts.tokens import CHUNK, Count

UNDO, HASH, CHECKPOINT, ADD, AVOID = "undo", "hash", "checkpoint:", "add:", "avoid:"
"""Keys of what buttons do besides fixes; the last three are followed by a title, and by the text to add to the prompt or the
negative prompt."""

_AGAINST = "⚠: works against film."
_UNKNOWN = "no recipe knows it; what follows holds for every checkpoint."
_LONGEST = 20_000  # characters of a prompt that are shown with their marks


def key_of(finding: Finding) -> str:
    """What names a finding's fix, as long as the finding stands."""
    return f"fix:{finding.code}:{finding.field}:{finding.start}:{finding.fix.label if finding.fix else ''}"


def report_html(report: Report, checkpoint: Checkpoint | None, texts: dict[str, str], undo: str = "") -> str:
    """What is known of the checkpoint, the findings with their buttons, and the prompts with their marks.

    Args:
        texts: the prompts, by field.
        undo: what the last change was, which can be undone.
    """
    parts = [_checkpoint(report.recognition, checkpoint)]
    if undo:
        parts.append(f"<p>{_button(UNDO, 'Undo')} {html.escape(undo)}</p>")
    lines = [finding for finding in report.findings if finding.code != "film-word"]
    words = [finding for finding in report.findings if finding.code == "film-word"]
    parts.append(f"<ul>{''.join(map(_line, lines))}</ul>")
    if words:
        parts.append(f"<p>{''.join(_fix(finding) for finding in words)}</p>")
    parts += [_frequent("Frequent words", ADD, report, "prompt"), _frequent("Often kept out", AVOID, report, "negative")]
    for field, label in (("prompt", "Prompt"), ("negative", "Negative prompt")):
        if texts.get(field):
            parts.append(_marked(label, texts[field], field, report))
    parts += [f"<p class='film-look-note'>{html.escape(problem)}</p>" for problem in report.problems]
    return f"<div class='film-look-report'>{''.join(parts)}</div>"


def _frequent(label: str, key: str, report: Report, field: str) -> str:
    """Words that are taught everywhere as buttons, those against film marked; each tells what it does."""
    buttons = []
    for word in report.words:
        if word.field == field:
            told = f"“{word.words}” {word.does}."
            if word.against_film:
                told = f"{told} Against film: it {word.against_film}."
            buttons.append(_button(key + word.words, ("⚠ " if word.against_film else "") + word.words, told))
    inner = f"<p>{''.join(buttons)}</p><p>{_AGAINST}</p>"
    return f"<details class='film-look-note'><summary>{label}</summary>{inner}</details>" if buttons else ""


def checkpoints_html(checkpoints: Iterable[tuple[Checkpoint, Recognition]], chosen: str) -> str:
    """The installed checkpoints, those with a recipe first, each with a button that chooses it."""
    rows = []
    for checkpoint, found in sorted(checkpoints, key=lambda pair: (pair[1].recipe is None, pair[0].title.lower())):
        mark = f"<b title='{html.escape(found.reason)}'>★ {html.escape(found.recipe.label)}</b>" if found.recipe else ""
        choose = "✓" if checkpoint.title == chosen else _button(CHECKPOINT + checkpoint.title, "Choose")
        rows.append(f"<li>{choose} {html.escape(checkpoint.title)} {mark}</li>")
    return f"<ul class='film-look-report'>{''.join(rows)}</ul>"


def networks_html(networks: Sequence[tuple[str, str, str]]) -> str:
    """LoRA and embeddings of film (text, kind, reason), each with a button that adds it to the prompt."""
    rows = [
        f"<li>{_button(ADD + text, 'Add')} {html.escape(text)} <span>{html.escape(f'{kind}: {reason}')}</span></li>"
        for text, kind, reason in networks
    ]
    return f"<ul class='film-look-report'>{''.join(rows)}</ul>" if rows else "<p>None is installed.</p>"


def _checkpoint(found: Recognition | None, checkpoint: Checkpoint | None) -> str:
    if checkpoint is None or found is None:
        return "<p>No checkpoint is chosen.</p>"
    told = f"{found.reason}." if found.reason else _UNKNOWN
    by_hash = _button(HASH, "Compute its hash") if not (checkpoint.sha256 or checkpoint.shorthash) else ""
    return f"<p><b>{html.escape(checkpoint.title)}</b>: <span>{html.escape(told)}</span> {by_hash}</p>"


def _line(finding: Finding) -> str:
    return f"<li class='film-look-{finding.level}'>{html.escape(finding.message)} {_fix(finding)}</li>"


def _fix(finding: Finding) -> str:
    return _button(key_of(finding), finding.fix.label, finding.message) if finding.fix else ""


def _button(key: str, label: str, told: str = "") -> str:
    title = f" title='{html.escape(told)}'" if told else ""
    return f"<button type='button' data-film-look='{html.escape(key)}'{title}>{html.escape(label)}</button>"


def _marked(label: str, text: str, field: str, report: Report) -> str:
    """A prompt with what was found underlined, and a mark where the text encoder's next 75 tokens begin."""
    counted = report.tokens.get(field)
    heading = f"<span>{label}</span>{f': {counted.tokens}/{counted.limit}' if counted else ''}"
    found = [f for f in report.findings if f.field == field and f.start is not None and f.end is not None and f.end > f.start]
    places = sorted({0, min(len(text), _LONGEST), *_places(counted), *(p for f in found for p in (f.start or 0, f.end or 0))})
    marks = {d.place: i * CHUNK for i, d in enumerate(counted.divisions if counted else (), 1)}
    shown = []
    for start, end in zip(places, [*places[1:], len(text)], strict=True):
        if start in marks:
            shown.append(f"<sup title='The next {CHUNK} tokens begin here'>{marks[start]}</sup>")
        if start >= _LONGEST:
            shown.append("…")
            break
        piece = html.escape(text[start:end])
        over = [f for f in found if (f.start or 0) <= start and end <= (f.end or 0)]
        if over and piece:
            level = min((f.level for f in over), key=LEVELS.index)
            piece = f"<u class='film-look-{level}' title='{html.escape(' '.join(f.message for f in over))}'>{piece}</u>"
        shown.append(piece)
    return f"<p class='film-look-note'>{heading}</p><div class='film-look-marked'>{''.join(shown)}</div>"


def _places(counted: Count | None) -> list[int]:
    return [division.place for division in counted.divisions] if counted else []
