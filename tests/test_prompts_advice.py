"""What the prompt helper finds and offers: every code, every fix, odd input, the command."""

from __future__ import annotations

import dataclasses
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlook.cli import main
from filmlook.prompts import edit, tokens
from filmlook.prompts.advice import LONGEST, advise
from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.findings import CODES, FIELDS, LEVELS, Finding, GenerationParams, in_order
from filmlook.prompts.recipes import list_recipes
from filmlook.prompts.report import counted, report
from tests.test_prompts_host import PROMPTS, Words

RECIPES = list_recipes()[0]
SD15 = Checkpoint(name="classicnegative.ckpt")
SD21 = Checkpoint(name="classicNegativeSD21_classicNegative768px.ckpt")
OTHER = Checkpoint(name="other.safetensors", title="other.safetensors [0123456789]")
GOOD = "classicnegative photo of a raccoon, sharp focus, high contrast, clarity"
RIGHT = GenerationParams(864, 360, "Euler a", None, 30, 7.0, True, "ESRGAN_4x", 30, 0.3, 2.0, "classic-negative-light")


def found(
    prompt: str, negative: str = "", checkpoint: Checkpoint | None = None, present: GenerationParams | None = None, **more
):
    tokens = counted({"prompt": prompt, "negative": negative}, Words())
    return advise(prompt, negative, checkpoint, present, recipes=RECIPES, tokens=tokens, **more)


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings}


def one(findings: list[Finding], code: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.code == code]
    return finding


def apply(present: GenerationParams, changes: dict[str, Any]) -> GenerationParams:
    return dataclasses.replace(present, **changes)


def test_codes_have_levels_and_stand_in_the_documentation() -> None:
    assert set(CODES.values()) == set(LEVELS)
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", code) for code in CODES)
    page = (Path(__file__).parents[1] / "docs" / "prompts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", page, re.MULTILINE)
    assert rows == list(CODES.items())


def test_a_finding_as_json() -> None:
    finding = one(found("a (dog:1.9)"), "weight-range")
    assert finding.as_dict() == {
        "code": "weight-range", "level": "advice", "field": "prompt", "start": 2, "end": 11,
        "message": "The weight 1.9 deforms more than it says; useful are 0.8 to 1.5.",
        "fix": {"label": "Write 1.5", "changes": {"prompt": "a (dog:1.5)"}},
    }  # fmt: skip


# --- the checkpoint


def test_all_is_well() -> None:
    assert codes(found(GOOD, "", SD15, RIGHT)) == {"subjects", "film-word", "film-negative"}


def test_nothing_is_said_of_what_is_unknown() -> None:
    assert codes(found(GOOD, "", SD15, GenerationParams())) == {"subjects", "film-word", "film-negative"}
    assert codes(found("a dog")) == {"film-word", "film-negative"}


@pytest.mark.parametrize(
    ("prompt", "fixed", "label"),
    [
        ("", "classicnegative photo of ", "Begin with “classicnegative photo of”"),
        ("a dog", "classicnegative photo of a dog", "Begin with “classicnegative photo of”"),
        ("  a dog", "classicnegative photo of a dog", "Begin with “classicnegative photo of”"),
        ("photo of a dog", "classicnegative photo of a dog", "Begin with “classicnegative”"),
        ("a classic negative photo", "a classicnegative photo", "Write “classicnegative”"),
        ("(Classic-Negative:1.2) photo", "(classicnegative:1.2) photo", "Write “classicnegative”"),
        (
            "<lora:classicnegative:1>",
            "classicnegative photo of <lora:classicnegative:1>",
            "Begin with “classicnegative photo of”",
        ),
    ],
)
def test_the_token_is_missing(prompt: str, fixed: str, label: str) -> None:
    fix = one(found(prompt, "", SD15), "token-missing").fix
    assert fix is not None
    assert (fix.label, fix.changes) == (label, {"prompt": fixed})
    assert "token-missing" not in codes(found(fixed, "", SD15))


def test_the_token_is_there() -> None:
    for prompt in ("classicnegative photo", "a (CLASSICNEGATIVE:1.1) dog", "x,classicnegative"):
        assert "token-missing" not in codes(found(prompt, "", SD15))


@pytest.mark.parametrize(
    ("checkpoint", "size", "fixed"),
    [
        (SD15, (512, 512), (864, 360)), (SD15, (512, 768), (360, 864)), (SD15, (864, 360), None), (SD15, (360, 864), None),
        (SD21, (768, 768), (1152, 768)), (SD21, (1920, 820), (1344, 576)), (SD21, (820, 1920), (576, 1344)),
        (SD21, (512, 768), (768, 1152)), (SD21, (1152, 768), None), (SD21, (576, 1344), None), (SD21, (0, 5), None),
        (SD21, (-5, -5), None),
    ],
)  # fmt: skip
def test_sizes(checkpoint: Checkpoint, size: tuple[int, int], fixed: tuple[int, int] | None) -> None:
    sized = [f for f in found(GOOD, "", checkpoint, GenerationParams(*size)) if f.code == "size"]
    assert [f.fix and f.fix.changes for f in sized] == ([{"width": fixed[0], "height": fixed[1]}] if fixed else [])


def test_sampling_changes_what_is_otherwise() -> None:
    present = dataclasses.replace(RIGHT, sampler="DPM++ 2M", steps=20)
    fix = one(found(GOOD, "", SD15, present), "sampling").fix
    assert fix is not None
    assert (fix.label, fix.changes) == ("Set Euler a, 30 steps", {"sampler": "Euler a", "steps": 30})
    assert "sampling" not in codes(found(GOOD, "", SD15, apply(present, fix.changes)))
    assert "sampling" not in codes(found(GOOD, "", SD15, GenerationParams(sampler="euler A", cfg=7)))


def test_hires_fix() -> None:
    off = dataclasses.replace(RIGHT, hires=False, hires_upscaler="Latent", hires_steps=0, hires_denoising=0.7)
    fix = one(found(GOOD, "", SD15, off), "hires").fix
    assert fix is not None
    assert fix.changes == {"hires": True, "hires_upscaler": "ESRGAN_4x", "hires_denoising": 0.3}  # 0 steps are 30 here
    assert fix.label == "Set up hires fix: ESRGAN_4x, denoising 0.3"
    assert "hires" not in codes(found(GOOD, "", SD15, apply(off, fix.changes)))
    other = one(found(GOOD, "", SD15, dataclasses.replace(RIGHT, steps=20, hires_steps=0)), "hires").fix
    assert other is not None
    assert (other.label, other.changes) == ("Set: 30 steps", {"hires_steps": 30})


def test_the_matching_look() -> None:
    for chosen in ("", "classic-negative"):
        fix = one(found(GOOD, "", SD15, dataclasses.replace(RIGHT, look=chosen)), "look").fix
        assert fix is not None
        assert fix.changes == {"look": "classic-negative-light"}
        assert "Classic Negative, on its own checkpoint" in fix.label
    for chosen in ("classic-negative-light", "Classic Negative, on its OWN checkpoint"):
        assert "look" not in codes(found(GOOD, "", SD15, dataclasses.replace(RIGHT, look=chosen)))


def test_a_recipe_may_name_a_look_that_is_not_there() -> None:
    recipe = dataclasses.replace(RECIPES[0], look="gone")
    assert "look" not in codes(advise(GOOD, "", SD15, GenerationParams(look=""), recipes=[recipe]))


def test_the_yaml_that_sd21_needs() -> None:
    for filename, config, missing in (
        ("/m/classicnegative768px.ckpt", None, True), ("/m/classicnegative768px.ckpt", "/m/classicnegative768px.yaml", False),
        ("/m/classicNegativeSD21_classicNegative768px.ckpt", None, True), ("/m/classicnegative.ckpt", None, False),
        ("/m/my-classicnegative-mix.ckpt", None, False),
    ):  # fmt: skip
        checkpoint = Checkpoint(filename=filename, config=config)
        assert ("config-missing" in codes(found(GOOD, "", checkpoint))) == missing
    assert "config-missing" not in codes(found(GOOD, "", SD21))  # only its name is known


def test_black_pictures_are_of_sd21() -> None:
    assert "black-pictures" in codes(found(GOOD, "", SD21))
    assert "black-pictures" not in codes(found(GOOD, "", SD15))


def test_a_file_that_differs() -> None:
    assert "differs" in one(found(GOOD, "", dataclasses.replace(SD15, sha256="0" * 64)), "file-differs").message
    assert "file-differs" not in codes(found(GOOD, "", SD15))


def test_too_strong() -> None:
    fix = one(found("classicnegative photo of a dog, clarity", "", SD15), "too-strong").fix
    assert fix is not None
    assert fix.changes == {"prompt": "classicnegative photo of a dog, clarity, sharp focus, high contrast"}


def test_another_checkpoint_is_chosen() -> None:
    title = "classicnegative.ckpt [7672e26be3]"
    installed = [OTHER, dataclasses.replace(SD15, title=title)]
    finding = one(found("classicnegative photo", "", OTHER, installed=installed), "checkpoint")
    assert finding.fix is not None
    assert (finding.start, finding.end, finding.fix.changes) == (0, 15, {"checkpoint": title})
    assert one(found("classicnegative photo", "", OTHER), "checkpoint").fix is None
    assert "checkpoint" not in codes(found("photo", "", OTHER, installed=installed))
    assert "checkpoint" not in codes(found("classicnegative photo", "", None, installed=installed))


# --- the text


@pytest.mark.parametrize(
    ("code", "prompt", "place", "fixed"),
    [
        ("bracket-unclosed", "a (red hat, blue", "(", "a (red hat), blue"),
        ("bracket-unclosed", "a [red (blue) hat", "[", "a [red (blue) hat]"),
        ("bracket-unclosed", "(red:1.2, blue", "(", "(red:1.2), blue"),
        ("bracket-unclosed", "(a\nb", "(", "(a)\nb"),
        ("bracket-unclosed", "(a b BREAK c", "(", "(a b) BREAK c"),
        ("bracket-unclosed", "((a b) c)(", "(", None),
        ("bracket-unmatched", "red hat), blue", ")", "red hat, blue"),
        ("bracket-unmatched", "red] hat", "]", "red hat"),
        ("bracket-unmatched", "red:1.2), blue", ")", "red:1.2, blue"),
        ("weight-unreadable", "a (dog:1.2.3)", "1.2.3", "a (dog:1.2)"),
        ("weight-unreadable", "a (dog:..)", "..", "a (dog)"),
        ("weight-comma", "a (dog:1,2), b", "1,2", "a (dog:1.2), b"),
        ("weight-range", "a (dog:1.7)", "(dog:1.7)", "a (dog:1.5)"),
        ("weight-range", "(dog: -1 ) b", "(dog: -1 )", "(dog: 0.8 ) b"),
        ("weight-range", "((((((dog)))))) b", "dog", None),
        ("weight-range", "x <lora:a:1> [[[dog]]]", "dog", None),
        ("break-in-brackets", "(a BREAK b)", "BREAK", None),
        ("prompt-weight", "photo at 12:30", ":30", "photo at 12:30,"),
        ("prompt-weight", "a <lora:x:1> b : 7 ", " : 7", "a <lora:x:1> b : 7, "),
        ("duplicate", "a red hat, b, Red  hat", "Red  hat", "a red hat, b, Red  hat"),
        ("duplicate", "red hat, b, Red  Hat", "Red  Hat", "red hat, b"),
        ("duplicate", "red, (b, red:1.2), c", "red", "red, (b:1.2), c"),
        ("duplicate", "red, (red:1.2), c", "red", "red, c"),
        ("duplicate", "red, [[red]]", "red", "red"),
        ("contradiction", "film photo, 8k, dog", "8k", "film photo, dog"),
        ("contradiction", "ultra sharp film photo", "ultra sharp", "film photo"),
        ("contradiction", "35mm photo of a (8k:1.3) dog", "8k", "35mm photo of a dog"),
        ("contradiction", "kodak photo, a 4k, b", "4k", "kodak photo, a, b"),
        ("contradiction", "black and white photo, vivid  colors", "vivid  colors", "black and white photo"),
        ("contradiction", "a BREAK 8k, film photo", "8k", "a BREAK film photo"),
        ("chunk-cut", "a, " + "w " * 90, "w", "a, BREAK " + "w " * 90),
        ("chunk-cut", "w " * 90, "w", None),
    ],
)
def test_lint(code: str, prompt: str, place: str, fixed: str | None) -> None:
    if fixed == prompt:
        assert code not in codes(found(prompt))
        return
    finding = [f for f in found(prompt) if f.code == code][-1]
    assert prompt[finding.start : finding.end] == place
    assert (finding.fix.changes if finding.fix else None) == ({"prompt": fixed} if fixed else None)


def test_a_division_is_at_its_place() -> None:
    prompt = "a, " + "w " * 90
    assert one(found(prompt), "chunk-cut").start == 3 + 2 * 73  # the comma and "a" are two tokens


@pytest.mark.parametrize(
    "prompt",
    [
        "a dog, (red:1.2), [blue], ((x)), (y:0.8), (z:1.5)", "\\(a\\) :\\)", "a [b:c:0.5] [d|e] f", "red AND red",
        "red BREAK red",
        "[red:blue:0.5], [red:green:0.5], red|x, {red, y|z}, red", "<lora:8k:1> film", "a, b, c, d, e, f, g",
        "a sentence about a dog that is in a garden with a hat and more", "(a:1.0), a b", "12:30 photo", "a AND b:2",
        "8k photo",
        ", , ,,", "w " * 74 + "a, b c", "w " * 75 + ", b c", "w " * 75 + "BREAK x", "w " * 75 + "\nx y",
    ],
)  # fmt: skip
def test_nothing_is_amiss(prompt: str) -> None:
    assert codes(found(prompt)) <= {"film-word", "film-negative"}


def test_sentences_among_tags() -> None:
    prompt = "a dog that is standing in the garden of a house, red, blue, film, grain, soft light"
    assert one(found(prompt), "sentence-and-tags").start == 0


def test_the_negative_prompt_has_its_own_rules() -> None:
    findings = [f for f in found("film photo", "grainy, <lora:x:1>, at 12:30, a AND b, AND b") if f.field == "negative"]
    assert codes(findings) == {"contradiction", "network-in-negative", "film-negative"}
    assert one(findings, "network-in-negative").fix.changes == {"negative": "grainy, at 12:30, a AND b, AND b"}
    assert one(findings, "contradiction").fix.changes == {"negative": "<lora:x:1>, at 12:30, a AND b, AND b"}
    assert "contradiction" not in codes(found("a dog", "grainy"))  # no film is wanted


def test_what_is_wanted_against_a_strong_effect_is_no_contradiction() -> None:
    assert "contradiction" not in codes(found("classicnegative photo, soft focus, sharp focus, high contrast", "", SD15))
    assert "contradiction" in codes(found("photo, soft focus, sharp focus"))


def test_words_are_offered_that_are_not_there() -> None:
    words = [f for f in found("35mm film photograph, dog") if f.code == "film-word"]
    assert [f.fix.changes["prompt"] for f in words][:2] == [
        "35mm film photograph, dog, analog style", "35mm film photograph, dog, film grain",
    ]  # fmt: skip
    negative = one(found("x", "painting, "), "film-negative").fix.changes["negative"]
    assert negative.startswith("painting, drawing, ")
    assert "film-negative" not in codes(found("x", negative))


def test_without_a_tokenizer_nothing_is_counted_and_that_is_said_once() -> None:
    findings = advise("w " * 90, "w " * 90, recipes=RECIPES)
    assert "filmlook[prompts]" in one(findings, "not-counted").message
    assert "chunk-cut" not in codes(findings)


def test_a_tokenizer_that_fails_is_done_without() -> None:
    class Broken:
        def encode(self, text: str) -> list[int]:
            raise KeyError(text)

    told = report("(a", tokenizer=Broken())
    assert told.tokens == {}
    assert codes(told.findings) & {"bracket-unclosed", "not-counted"} == {"bracket-unclosed"}


def test_what_is_too_long_is_never_changed() -> None:
    findings = found("word, " * 60_000, checkpoint=SD15)
    assert "too-long" in codes(findings)
    assert not [f for f in findings if f.fix and "prompt" in f.fix.changes]


ALL_STEPS = "".join(f"[w:v:{n % 150}]" for n in range(2500))


@pytest.mark.parametrize(
    ("prompt", "is_counted"),
    [("[w:v:3]" * 3000, True), (ALL_STEPS, False), ("[a|b]" * 4000, False), ("(a" * 10_000, True), ("[a|b]", True)],
)
def test_schedules_and_brackets_without_end(prompt: str, is_counted: bool) -> None:
    told = report(prompt, settings=GenerationParams(steps=2**31), tokenizer=Words())  # it took minutes, or all memory
    assert ("prompt" in told.tokens) == is_counted


def test_a_smiley_is_no_bracket() -> None:
    assert "bracket-unmatched" not in codes(found("a happy dog :), a cat ;-)"))


def test_a_number_in_an_open_bracket_is_the_brackets() -> None:
    assert codes(found("a (cat:1.2")) & {"bracket-unclosed", "prompt-weight"} == {"bracket-unclosed"}


# --- changes


@pytest.mark.parametrize(
    ("text", "words", "left"),
    [
        ("a, x, b", "x", "a, b"), ("x, b", "x", "b"), ("a, x", "x", "a"), ("x", "x", ""), ("a,x,b", "x", "a,b"),
        ("a x b", "x", "a b"), ("(x), b", "x", "b"), ("a, ((x:1.2)), b", "x", "a, b"), ("(x, b)", "x", "(b)"),
        ("(a, x)", "x", "(a)"), ("(a, x:1.2)", "x", "(a:1.2)"), ("[x]", "x", ""), ("a\nx, b", "x", "a\nb"),
        ("a, x\nb", "x", "a,\nb"), ("\\(x\\), b", "x", "\\(\\), b"), ("(x b:1.2)", "x", "(b:1.2)"), ("a x, b", "x", "a, b"),
    ],
)  # fmt: skip
def test_remove(text: str, words: str, left: str) -> None:
    at = text.index(words)
    assert edit.remove(text, at, at + len(words)) == left


def test_add() -> None:
    assert [edit.add(text, "x") for text in ("", "a", "a,", "a, ", "a ")] == ["x", "a, x", "a, x", "a, x", "a, x"]


@given(PROMPTS, PROMPTS)
@settings(deadline=None, max_examples=300)
def test_any_text_is_survived_and_fixes_keep_to_their_field(prompt: str, negative: str) -> None:
    texts = {"prompt": prompt, "negative": negative}
    for checkpoint in (None, SD21, OTHER):
        findings = found(prompt, negative, checkpoint, dataclasses.replace(RIGHT, width=512), installed=[SD15])
        assert findings == in_order(findings)
        for finding in findings:
            json.dumps(finding.as_dict())
            assert finding.code in CODES
            assert finding.field in FIELDS
            if finding.start is not None:
                assert 0 <= finding.start <= finding.end <= len(texts[finding.field])
            if finding.fix and finding.field in texts:
                assert set(finding.fix.changes) == {finding.field} or finding.code == "checkpoint"
                assert finding.fix.changes.get(finding.field) != texts[finding.field]


@given(st.integers() | st.none(), st.integers() | st.none(), st.floats() | st.none(), st.text(), st.booleans())
def test_any_settings_are_survived(width: int | None, steps: int | None, number: float | None, text: str, on: bool) -> None:
    present = GenerationParams(width, steps, text, text, 20, number, on, text, steps, number, number, text)
    for finding in found(GOOD, "", SD21, present):
        if finding.fix and finding.code in ("size", "sampling", "hires", "look"):
            again = found(GOOD, "", SD21, apply(present, finding.fix.changes))
            assert finding.code not in codes(again)


def test_ten_thousand_words_and_hostile_texts_are_survived() -> None:
    # Twice the length takes twice the time: tests/test_prompts_growth.py. What is survived here is what it is made of.
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(2, 9))) for _ in range(10_000)]
    texts = [
        ", ".join(words), ", ".join(["word"] * 1000), " ".join(f"({w}:1.2)," for w in words[:1000]), "( " * 2000,
        "(" * 2000 + ")" * 2000, " " * 10_000, "<a:" * 3000, "<a:" * 3000 + ">", ": " * 4000, "8k " * 2000, "\\" * 4000,
        "a" * 10_000, "[" * 1000 + "a" + ":b:3]" * 1000, "(a:" + "1" * 10_000 + ")", "{" * 4000, "🎞️" * 1000,
        "מילה " * 1000, "film " + "grain, 8k, " * 1000,
    ]  # fmt: skip
    for text, negative in zip(texts, [*texts[1:], texts[0]], strict=True):
        findings = found(text, negative, SD21)
        assert len(findings) < 400


def test_longer_texts_are_not_looked_at() -> None:
    assert one(found("(" * (LONGEST + 1)), "too-long").field == "prompt"


# --- the command


@pytest.fixture
def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filmlook.prompts.command.installed_tokenizer", Words)


@pytest.mark.usefixtures("_counted")
def test_the_command_shows_places(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompt", "a (dog, 🎞️ film\nx", "--negative", "b)"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Tokens, prompt: 6 of 75"
    at = lines.index("    a (dog, 🎞️ film x") if "    a (dog, 🎞️ film x" in lines else lines.index("    a (dog, 🎞  film x")
    assert lines[at + 1] == "      ^"
    assert "[bracket-unclosed]" in lines[at - 1]
    assert lines[at + 2] == "    fix: Close it after “dog”"
    assert "     ^" in lines


@pytest.mark.usefixtures("_counted")
def test_the_command_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "classicnegative768px.ckpt"
    path.write_bytes(b"x")
    words = ["--checkpoint", str(path), "--width", "512", "--height", "768", "--steps", "20", "--json"]
    assert main(["prompt", "a dog", *words]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["checkpoint"]["kinds"] == ["SD 2.1 768 v0.1"]
    assert answer["tokens"]["prompt"] == {"tokens": 2, "limit": 75, "divisions": []}
    assert [f["code"] for f in answer["findings"][:4]] == ["config-missing", "token-missing", "size", "sampling"]
    assert main(["prompt", "a dog", "--hash", *words]) == 0
    assert json.loads(capsys.readouterr().out)["checkpoint"]["differs"] is True


def test_the_command_without_the_vocabulary(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filmlook.prompts.command.installed_tokenizer", lambda: None)
    assert main(["prompt", "a dog", "--checkpoint", "classicnegative"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Checkpoint: Classic Negative, SD 1.5, by its name\n")
    assert out.count(tokens.NO_TOKENIZER) == 1


def test_the_command_called_wrongly(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["prompt", "a", "--hash"]) == 2
    assert main(["prompt", "a", "--hash", "--checkpoint", str(tmp_path / "gone.ckpt")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_the_command_tells_of_a_damaged_recipe(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.json").write_text("{")
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    assert main(["prompt", "a"]) == 0
    assert "mine.json: not JSON" in capsys.readouterr().err
