"""Frequent words are offered with what they do, those against film are told as such, and one click adds each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filmlook.cli import main
from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.recipes import load_craft
from filmlook.prompts.report import report
from filmlook.ui.prompt_report import ADD, AVOID, report_html

CLASSIC = Checkpoint(name="classicnegative.ckpt", title="classicnegative.ckpt")
TAUGHT = {
    "prompt": """high quality, 8k, best quality, accurate color reproduction, masterpiece, proportional eyes, detailed body,
        radiosity, realistic, photo-realistic, sharp details, vibrant colors, crystal clear, stunning clarity, vivid texture,
        lifelike rendering, optimal lighting, fine details, rich shadows""",
    "negative": """easynegative, worst quality, low quality, extra fingers, fewer fingers, missing fingers, extra arms,
        inaccurate eyes, ugly, deformed, noisy, blurry, low contrast, distorted proportions, unrealistic colors, pixelated,
        dull appearance, unnatural lighting, jagged edges, inconsistent shadows""",
}


@pytest.mark.parametrize("field", TAUGHT)
def test_the_words_that_are_taught_are_offered_until_they_are_there(field: str) -> None:
    words = [word.strip() for word in TAUGHT[field].split(",")]
    assert [word.words for word in report("").words if word.field == field] == words
    texts = {"prompt": "", "negative": "", field: f"({words[1]}:1.2), {words[-1].upper()}"}
    assert [word.words for word in report(**texts).words if word.field == field] == [words[0], *words[2:-1]]
    assert all(word.does for word in report("").words)


@pytest.mark.parametrize("word", load_craft().frequent, ids=lambda word: f"{word.field}: {word.words}")
def test_what_works_against_film_is_found_where_film_is_wanted(word) -> None:  # type: ignore[no-untyped-def]
    texts = {"prompt": "classicnegative photo of a cat", "negative": ""}
    texts[word.field] += f", {word.words}"
    told = [f for f in report(**texts, checkpoint=CLASSIC).findings if f.code == "contradiction"]
    assert [f.field for f in told] == ([word.field] if word.against_film else [])
    assert all(finding.message == f"“{word.words}” {word.against_film}." for finding in told)


@pytest.mark.parametrize(("word", "loses"), [("noisy", "grain"), ("blurry", "diffusion"), ("low contrast", "faded blacks")])
def test_negatives_that_fight_classic_negative_say_what_they_take_away(word: str, loses: str) -> None:
    findings = report("classicnegative photo of a cat", f"ugly, {word}", CLASSIC).findings
    (told,) = [finding for finding in findings if finding.code == "contradiction"]
    assert loses in told.message
    assert told.fix is not None
    assert told.fix.changes == {"negative": "ugly"}


def test_the_page_has_a_button_for_each() -> None:
    page = report_html(report("8k"), CLASSIC, {"prompt": "8k", "negative": ""})
    assert f"data-film-look='{ADD}masterpiece'" in page
    assert f"data-film-look='{AVOID}noisy'" in page
    assert f"data-film-look='{ADD}8k'" not in page
    assert "Against film: it takes away the grain of film." in page


def test_the_command_lists_them_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompt", "a cat"]) == 0
    assert "masterpiece" not in capsys.readouterr().out
    assert main(["prompt", "a cat", "--words"]) == 0
    out = capsys.readouterr().out
    assert "word, negative: “noisy” makes surfaces smooth. Against film: it takes away the grain of film.\n" in out
    assert main(["prompt", "a cat", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["words"][0]
    assert first["words"] == "high quality"
    assert set(first) == {"words", "field", "does", "against_film"}


def test_the_file_says_nothing_that_is_not_read() -> None:
    data = json.loads((Path(__file__).parents[1] / "models" / "prompts" / "frequent.json").read_text(encoding="utf-8"))
    assert sum(map(len, (data["prompt"], data["negative"]))) == len(load_craft().frequent)
