"""Advice on a prompt and the settings that go with it, in order of importance."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from filmlook.errors import FilmLookError
from filmlook.presets import load_preset
from filmlook.prompts import edit
from filmlook.prompts.attention import all_marks
from filmlook.prompts.checkpoints import Checkpoint, Recognition, recognise
from filmlook.prompts.findings import Finding, Fix, GenerationParams, in_order
from filmlook.prompts.lint import MOST, lint, shortened
from filmlook.prompts.recipes import Craft, Recipe, load_craft
from filmlook.prompts.tags import find_phrases, has
from filmlook.prompts.tokens import NO_TOKENIZER, Count

LONGEST = 150_000  # characters of a prompt that is looked at; 10 000 words with weights are about 130 000
_WORDS_OFFERED = 4
_ENDS = (",", ".", ";")  # of phrases
_UPCAST = "“Upcast cross attention layer to float32”"  # the WebUI's name of the setting


def advise(
    prompt: str,
    negative: str = "",
    checkpoint: Checkpoint | None = None,
    settings: GenerationParams | None = None,
    *,
    recipes: Iterable[Recipe] = (),
    tokens: Mapping[str, Count] | None = None,
    installed: Sequence[Checkpoint] = (),
    upscalers: Sequence[str] | None = None,
) -> list[Finding]:
    """What is amiss and what would be better, the most important first. No text makes it fail.

    Args:
        checkpoint: the chosen one; None is unknown, and nothing is said about checkpoints.
        settings: the present ones; None, as a whole or one by one, is unknown.
        tokens: the counts by field; None where there is no tokenizer, and a field is left out where it could not be counted.
        installed: checkpoints to switch to.
        upscalers: those that hires fix can use; None is unknown.
    """
    recipes, settings, craft = list(recipes), settings or GenerationParams(), load_craft()
    found = recognise(checkpoint, recipes) if checkpoint else Recognition()
    findings: list[Finding] = []
    if found.recipe and checkpoint:
        findings += _of_checkpoint(found, checkpoint)
        findings += _of_settings(found, settings, upscalers)
        if len(prompt) <= LONGEST:
            findings += _of_recipe(found.recipe, prompt)
    elif checkpoint:
        findings += _other_checkpoint(prompt[:LONGEST], recipes, installed)
    film = found.recipe is not None or next(find_phrases(prompt[:LONGEST], craft.names_film), None) is not None
    for field, text in (("prompt", prompt), ("negative", negative)):
        if len(text) > LONGEST:
            findings.append(Finding("too-long", f"Longer than {LONGEST} characters: it is not looked at.", field))
            continue
        findings += lint(text, field, craft, film=film, kept=found.recipe.softer if found.recipe else ())
        if tokens and field in tokens:
            findings += islice(_cuts(text, field, tokens[field]), MOST)
        findings += _offers(text, field, craft, found.recipe)
    if tokens is None:
        findings.append(Finding("not-counted", NO_TOKENIZER, "prompt"))
    return in_order(findings)


def _of_checkpoint(found: Recognition, checkpoint: Checkpoint) -> Iterator[Finding]:
    if checkpoint.filename and not checkpoint.config and all(kind.prediction == "v" for kind in found.kinds):
        message = (
            f"{found.kinds[0].label} needs the file {checkpoint.stem}.yaml beside the checkpoint (v-prediction); "
            "without it pictures may be noise. It comes with the checkpoint."
        )
        yield Finding("config-missing", message, "checkpoint")
    if found.differs:
        yield Finding("file-differs", f"{found.reason}: converted, pruned, or another checkpoint.", "checkpoint")
    if all(kind.black_in_half for kind in found.kinds):
        message = f"Where pictures come out black, start the WebUI with --no-half, or switch on {_UPCAST} in its settings."
        yield Finding("black-pictures", message, "checkpoint")


def _of_recipe(recipe: Recipe, prompt: str) -> Iterator[Finding]:
    token = recipe.token
    if token and not has(prompt, token):
        misspelt = next(find_phrases(prompt, recipe.misspellings), None)
        message = f"The token “{token}” is missing, without which {recipe.label} does little."
        if misspelt:
            _, start, end = misspelt
            fix = Fix(f"Write “{token}”", {"prompt": edit.replace(prompt, start, end, token)})
            yield Finding("token-missing", f"{message} It is one word.", "prompt", start, end, fix)
        else:
            opening = recipe.opening or f"{token} "
            if prompt.lstrip().lower().startswith(opening.lower().replace(token.lower(), "").strip() + " "):
                opening = f"{token} "  # the rest of the opening is there
            fix = Fix(f"Begin with “{opening.strip()}”", {"prompt": opening + prompt.lstrip()})
            yield Finding("token-missing", message, "prompt", 0, 0, fix)
    softer = ", ".join(words for words in recipe.softer if not has(prompt, words))
    if softer:
        message = f"{recipe.label} {recipe.does}. If that is too much, add “{softer}”, or raise Contrast in the look."
        yield Finding("too-strong", message, "prompt", fix=Fix(f"Add “{softer}”", {"prompt": edit.add(prompt, softer)}))
    if recipe.subjects:
        message = f"{recipe.label} was trained on {', '.join(recipe.subjects)}: there it is at its best."
        yield Finding("subjects", message, "prompt")


def _of_settings(found: Recognition, settings: GenerationParams, upscalers: Sequence[str] | None) -> Iterator[Finding]:
    recipe = found.recipe
    assert recipe
    yield from _size(found, settings)
    wanted = {k: v for k, v in vars(recipe.settings).items() if v is not None}
    if changes := _changes(settings, wanted):
        names = _in_words(changes)
        message = f"{recipe.label} was made with {_in_words(wanted)}."
        yield Finding("sampling", message, next(iter(changes)), fix=Fix(f"Set {names}", changes))
    if recipe.hires and settings.hires is not None:
        upscaler = (recipe.hires.upscaler, *recipe.hires.instead)
        known = next((name for name in upscaler if upscalers is None or name in upscalers), None)
        wanted = {"hires": True, "hires_upscaler": known, "hires_steps": recipe.hires.steps}
        wanted |= {"hires_denoising": recipe.hires.denoising, "hires_scale": recipe.hires.scale}
        wanted = {k: v for k, v in wanted.items() if v is not None}
        changes = _changes(settings, wanted)
        if settings.hires_steps == 0 and settings.steps == recipe.hires.steps:
            changes.pop("hires_steps", None)
        if changes:
            message = f"Hires fix with {_in_words(wanted)} keeps the grain."
            label = "Set up hires fix" if "hires" in changes else "Set"
            fix = Fix(f"{label}: {_in_words(changes)}", changes)
            yield Finding("hires", message, next(iter(changes)), fix=fix)
    if recipe.look and settings.look is not None and settings.look != recipe.look:
        try:
            label = load_preset(recipe.look).label
        except FilmLookError:  # a recipe of the user's may name a look that is not there
            return
        if settings.look.casefold() == label.casefold():  # looks go by their labels too
            return
        message = f"{recipe.label} {recipe.does or 'has a look of its own'}: the look “{label}” leaves room for that."
        yield Finding("look", message, "look", fix=Fix(f"Develop with “{label}”", {"look": recipe.look}))


def _size(found: Recognition, settings: GenerationParams) -> Iterator[Finding]:
    width, height = settings.width, settings.height
    sizes = [size for size in found.kinds[0].sizes if all(size in kind.sizes for kind in found.kinds)]
    if not width or not height or width < 1 or height < 1 or not sizes:
        return
    both = [(w, h) for w, h in sizes] + [(h, w) for w, h in sizes]
    if (width, height) in both:
        return
    lying = [size for size in both if (size[0] >= size[1]) == (width >= height)]
    w, h = min(lying, key=lambda size: abs(math.log(size[0] / size[1]) - math.log(width / height)))
    message = f"{width} x {height} is none of its sizes: {', '.join(f'{a} x {b}' for a, b in sizes)}, or upright."
    yield Finding("size", message, "width", fix=Fix(f"Set {w} x {h}", {"width": w, "height": h}))


def _changes(settings: GenerationParams, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of the wanted settings is known to be otherwise."""
    present = vars(settings)
    return {k: v for k, v in wanted.items() if present[k] is not None and not _same(present[k], v)}


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, str) and isinstance(b, str):
        return a.strip().lower() == b.strip().lower()
    return a == b or (isinstance(a, float) and isinstance(b, float) and abs(a - b) < 1e-6)


def _in_words(settings: Mapping[str, Any]) -> str:
    forms = {"sampler": "{}", "scheduler": "{}", "steps": "{} steps", "cfg": "CFG {:g}", "hires": "on", "hires_upscaler": "{}",
             "hires_steps": "{} steps", "hires_denoising": "denoising {:g}", "hires_scale": "x{:g}"}  # fmt: skip
    return ", ".join(forms[key].format(value) for key, value in settings.items() if key != "hires" or len(settings) == 1)


def _other_checkpoint(prompt: str, recipes: list[Recipe], installed: Sequence[Checkpoint]) -> Iterator[Finding]:
    for recipe in recipes:
        place = next(find_phrases(prompt, (recipe.token,)), None) if recipe.token else None
        if not place:
            continue
        title = next((c.title or c.name for c in installed if recognise(c, [recipe]).recipe), None)
        fix = Fix(f"Choose the checkpoint “{title}”", {"checkpoint": title}) if title else None
        message = f"“{recipe.token}” is the token of {recipe.label}, but another checkpoint is chosen."
        yield Finding("checkpoint", message, "prompt", place[1], place[2], fix)


def _cuts(text: str, field: str, counted: Count) -> Iterator[Finding]:
    """Where a full chunk ends within a phrase."""
    last, depths = 0, _depths(text)
    for division in counted.divisions:
        place, before = division.place, text[last : division.place].rstrip()
        between = text[last + len(before) : place]
        divided = not before or before[-1] in _ENDS or text[place : place + 1] in _ENDS or "\n" in between
        if division.why == "full" and not divided:
            begin = last + max(before.rfind(","), before.rfind("\n")) + 1
            end = next((i for i in range(place, len(text)) if text[i].isspace() or text[i] in ",()[]"), len(text))
            message = f"A part of 75 tokens ends here, before “{shortened(text[place:end])}”: the phrase is torn apart."
            fix = None
            if begin > last and depths[bisect_left(depths, (begin, -len(text))) - 1][1] <= 0:
                fixed = f"{text[:begin]} BREAK {text[begin:].lstrip()}"
                fix = Fix(f"Put BREAK before “{shortened(text[begin:place].strip())}”", {field: fixed})
            yield Finding("chunk-cut", message, field, place, max(end, place + 1), fix)
        last = place


def _depths(text: str) -> list[tuple[int, int]]:
    """How many brackets are open, from each place on where that changes."""
    depths = [(-1, 0)]
    for mark in all_marks(text):
        if mark.kind not in ("text", "escape"):
            depths.append((mark.start, depths[-1][1] + (1 if mark.kind == "open" else -1)))
    return depths


def _offers(text: str, field: str, craft: Craft, recipe: Recipe | None) -> Iterator[Finding]:
    """Words that often help a film look, each to be added with one click; negatives all at once."""
    if field == "prompt":
        words = recipe.additions if recipe else craft.film_words
        for word in [word for word in words if not has(text, word)][:_WORDS_OFFERED]:
            message = f"“{word}” often goes with {recipe.label if recipe else 'film'}."
            yield Finding("film-word", message, field, fix=Fix(f"Add “{word}”", {field: edit.add(text, word)}))
    elif missing := ", ".join(word for word in craft.film_negatives if not has(text, word)):
        message = f"Often kept out of film pictures: “{missing}”."
        fix = Fix("Add them to the negative prompt", {field: edit.add(text, missing)})
        yield Finding("film-negative", message, field, fix=fix)
