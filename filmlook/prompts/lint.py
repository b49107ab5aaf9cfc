"""What is amiss in the text of a prompt, each with its place: brackets, weights, BREAK, tags that repeat or clash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from filmlook.prompts import edit
from filmlook.prompts.attention import BREAK, BREAK_WEIGHT, Mark, all_marks, marks, number, parse
from filmlook.prompts.findings import Finding, Fix
from filmlook.prompts.recipes import Clash, Craft
from filmlook.prompts.schedules import and_parts, at_steps, networks, without_networks
from filmlook.prompts.tags import Tag, find_phrases, tags

LOW, HIGH = 0.8, 1.5  # weights beyond these deform the picture before they say more
MOST = 20  # findings of one sort in one text: a fix each, and each holds the whole text
_CLOSING = {"(": ")", "[": "]"}
_COMMA_WEIGHT = re.compile(r":\s*([+-]?\d+),(\d+)\s*\)")
_SMILEY = re.compile(r"[:;]-?\)$")  # its bracket is read as text, as it is meant
_READABLE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_LONGEST_PHRASE = 2000  # characters; an open bracket is closed after them at the latest
_LONG, _SHORT, _MANY = 9, 3, 5  # words of a sentence at least, of a tag at most, and how many tags make a list


def lint(text: str, field: str, craft: Craft, *, film: bool, kept: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Findings in a prompt's text; `field` is "prompt" or "negative".

    film: a film look is wanted, so that words against it are found; `kept` are words that are wanted all the same.
    """
    checks = [brackets(text, field), _commas(text, field), _loud(text, field), _breaks(text, field), _repeats(text, field)]
    if field == "prompt":
        checks += [_whole_weight(text), _mixed_style(text, craft)]
        against = craft.against_film
    else:
        checks.append(_networks(text))
        against = craft.against_film_in_negative
    checks.append(_clashes(text, field, craft, against if film else (), kept))
    for check in checks:
        yield from islice(check, MOST)


def _unclosed(text: str) -> list[Mark]:
    """The brackets that are opened and never closed, in order."""
    opened: dict[str, list[Mark]] = {"(": [], "[": []}
    for mark in all_marks(text):
        if mark.kind == "open":
            opened[mark.text].append(mark)
        elif mark.kind in ("close", "weight") and (partners := opened["[" if mark.text == "]" else "("]):
            partners.pop()
    return sorted([*opened["("], *opened["["]], key=lambda mark: mark.start)


def brackets(text: str, field: str) -> Iterator[Finding]:
    """Brackets without their other half, and weights that are no useful number."""
    opened: dict[str, list[Mark]] = {"(": [], "[": []}
    for mark in all_marks(text):
        if mark.kind == "open":
            opened[mark.text].append(mark)
        elif mark.kind in ("close", "weight"):
            partners = opened["[" if mark.text == "]" else "("]
            if partners:
                opening = partners.pop()
                if mark.kind == "weight":
                    yield from _weight(text, field, opening, mark)
            elif not _SMILEY.search(text, max(mark.end - 3, 0), mark.end):
                at, bracket = mark.end - 1, text[mark.end - 1]
                fix = Fix(f"Remove “{bracket}”", {field: edit.replace(text, at, at + 1, "")})
                message = f"“{bracket}” closes nothing: it is read as text."
                yield Finding("bracket-unmatched", message, field, at, at + 1, fix)
    for mark in _unclosed(text):
        end = _end_of_phrase(text, mark.end)
        phrase = shortened(text[mark.end : end].strip())
        fixed = edit.replace(text, end, end, _CLOSING[mark.text])
        closing = Fix(f"Close it after “{phrase}”", {field: fixed}) if phrase else None
        effect = "strengthens" if mark.text == "(" else "weakens"
        message = f"“{mark.text}” is never closed: it {effect} all that follows."
        yield Finding("bracket-unclosed", message, field, mark.start, mark.end, closing)


def _end_of_phrase(text: str, start: int) -> int:
    """Where the phrase that begins at `start` ends: at a comma or new line outside of further brackets."""
    depth, text = 0, text[: start + _LONGEST_PHRASE]
    for mark in marks(text[start:]):
        if mark.kind == "open":
            depth += 1
        elif mark.kind in ("close", "weight"):
            depth -= 1
        elif mark.kind == "text" and depth <= 0 and (m := re.search(r"\s*(?:[,\n]|\bBREAK\b|\bAND\b)", mark.text)):
            return start + mark.start + m.start()
        if depth < 0:
            return start + mark.start
    return start + len(text[start:].rstrip())


def _weight(text: str, field: str, opening: Mark, mark: Mark) -> Iterator[Finding]:
    value = number(mark.text)
    place = text.index(mark.text, mark.start)
    end = place + len(mark.text)
    if value is None:
        m = _READABLE.search(mark.text)
        start = place if m else mark.start
        fix = Fix(f"Write {m[0]}" if m else "Remove the weight", {field: edit.replace(text, start, end, m[0] if m else "")})
        message = f"“{mark.text}” is no number: the WebUI stops with an error."
        yield Finding("weight-unreadable", message, field, place, end, fix)
    elif not LOW <= value <= HIGH:
        nearest = f"{min(max(value, LOW), HIGH):g}"
        message = f"The weight {mark.text} deforms more than it says; useful are {LOW} to {HIGH}."
        fix = Fix(f"Write {nearest}", {field: edit.replace(text, place, end, nearest)})
        yield Finding("weight-range", message, field, opening.start, mark.end, fix)


def _loud(text: str, field: str) -> Iterator[Finding]:
    """Brackets within brackets whose weights multiply beyond what is useful, though each by itself would do."""
    part = at_steps(without_networks(text), 1)[0][1]
    for span in parse(part.text):
        if LOW <= span.weight <= HIGH or not span.text.strip() or span.text == BREAK:
            continue
        start, end = part.places[span.start], part.places[span.end - 1] + 1
        if text[end : end + 1] != ":":  # else the number itself was found
            message = f"The brackets multiply to {span.weight:.2f}; useful are {LOW} to {HIGH}."
            yield Finding("weight-range", message, field, start, end)


def _commas(text: str, field: str) -> Iterator[Finding]:
    for m in _COMMA_WEIGHT.finditer(text):
        fixed = f"{m[1]}.{m[2]}"
        message = f"“{m[1]},{m[2]}” is read as text, not as a weight: a weight is written with a point."
        yield Finding(
            "weight-comma", message, field, m.start(1), m.end(2),
            Fix(f"Write {fixed}", {field: edit.replace(text, m.start(1), m.end(2), fixed)}),
        )  # fmt: skip


def _breaks(text: str, field: str) -> Iterator[Finding]:
    for span in parse(text) if BREAK in text else ():
        if span.text == BREAK and span.weight != BREAK_WEIGHT:
            message = "BREAK within brackets is read as a word; it begins a new part only outside of them."
            yield Finding("break-in-brackets", message, field, span.start, span.end)


def _whole_weight(text: str) -> Iterator[Finding]:
    whole = without_networks(text)
    parts = and_parts(whole)
    # In an open bracket the number is the bracket's, when that is closed.
    if len(parts) == 1 and parts[0].weight != 1 and not _unclosed(text):
        start, end = whole.places[len(parts[0].text)], whole.places[len(whole.text.rstrip()) - 1] + 1
        message = (
            f"“{text[start:end].strip()}” at the end is read as the weight of the whole prompt: it multiplies the CFG scale."
        )
        fix = Fix("Put a comma after it", {"prompt": edit.replace(text, end, end, ",")})
        yield Finding("prompt-weight", message, "prompt", start, end, fix)


def _networks(text: str) -> Iterator[Finding]:
    for network in networks(text):
        found = text[network.start : network.end]
        message = f"“{shortened(found)}” loads nothing here: networks are loaded from the prompt only."
        fix = Fix("Remove it", {"negative": edit.remove(text, network.start, network.end)})
        yield Finding("network-in-negative", message, "negative", network.start, network.end, fix)


def _repeats(text: str, field: str) -> Iterator[Finding]:
    seen: set[tuple[int, str]] = set()
    for tag in tags(text):
        if not tag.plain:
            continue
        if (tag.group, tag.key) in seen:
            words = shortened(text[tag.start : tag.end])
            fix = Fix(f"Remove the second “{words}”", {field: edit.remove(text, tag.start, tag.end)})
            message = f"“{words}” stands here twice; a weight says it better."
            yield Finding("duplicate", message, field, tag.start, tag.end, fix)
        seen.add((tag.group, tag.key))


def _clashes(text: str, field: str, craft: Craft, against: tuple[Clash, ...], kept: tuple[str, ...]) -> Iterator[Finding]:
    why = {word.lower(): clash.why for clash in against for word in clash.words}
    for pair in craft.pairs if field == "prompt" else ():
        if first := next(find_phrases(text, pair.words), None):
            why |= {word.lower(): f"clashes with “{first[0]}”: {pair.why}" for word in pair.others}
    for word in kept:
        why.pop(word.lower(), None)
    for found, start, end in find_phrases(text, why):
        fix = Fix(f"Remove “{text[start:end]}”", {field: edit.remove(text, start, end)})
        message = f"“{text[start:end]}” {why[found]}."
        yield Finding("contradiction", message, field, start, end, fix)


def _mixed_style(text: str, craft: Craft) -> Iterator[Finding]:
    words = [(tag, tag.key.split()) for tag in tags(text)]
    short = sum(len(found) <= _SHORT for _, found in words)
    sentence: Tag | None = next(
        (tag for tag, found in words if len(found) >= _LONG and set(found) & set(craft.sentence_words)), None
    )
    if sentence and short >= _MANY:
        message = "A sentence among tags: most checkpoints follow one style, sentences or tags, better than both."
        yield Finding("sentence-and-tags", message, "prompt", sentence.start, sentence.end)


def shortened(text: str, most: int = 40) -> str:
    """A text for a message: its beginning, where it is long."""
    return text if len(text) <= most else text[: most - 1] + "…"
