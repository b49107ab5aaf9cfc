"""What the prompt helper does with text from outside takes time in proportion to its length, whatever the text is."""

from __future__ import annotations

import gc
import importlib
import pkgutil
import re
import time
from collections.abc import Callable

import pytest

from filmlook import prompts
from filmlook.prompts import edit
from filmlook.prompts.advice import LONGEST
from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.comments import SLASHES, blanked, with_comments
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.recipes import load_craft
from filmlook.prompts.report import report
from filmlook.prompts.tags import find_phrases
from tests.test_prompts_host import Words

UNITS = [
    "a", " ", "\n", "1", ".", ",", ":", "(", ")", "[", "<", "<a", "<a:", ">", "{", "{a", "\\", "#", "/*\n", "*/", "//", "AND ",
    "BREAK ", ": ", ":1", ":1,", ":1,1", ":1.1 ", "1.1.", " :", "a:", "\t ", "black  ", "film grain ", "(a:1.2)", "[a:b:3]",
    "A", "aA",
]  # fmt: skip
ANCHORED = {"_WEIGHT_AND_CLOSE", "_PART_WEIGHT", "_STEP", "_WEIGHT", "_NETWORK"}
"""Patterns that are asked at one place or of one piece of the text, or (`_NETWORK`) only before the last `>`."""


def seconds(work: Callable[[], object]) -> float:
    gc.disable()  # it looks through all that other tests have left, now and then
    try:
        begin = time.process_time()
        work()
        return time.process_time() - begin
    finally:
        gc.enable()


def grows_in_proportion(work: Callable[[str], object], unit: str, size: int = 240_000) -> bool:
    """Whether four times the text takes at most six times as long; what takes no time to speak of does.

    A machine that is busy is asked three times. With the square of the length it would be sixteen times, each time.
    """
    short, long = (unit * size)[: size // 4], (unit * size)[:size]
    for _ in range(3):
        taken = seconds(lambda: work(long))
        if taken < 0.1 or taken <= 6 * seconds(lambda: work(short)):
            return True
    return False


def patterns() -> dict[str, re.Pattern[str]]:
    found = {}
    for info in pkgutil.iter_modules(prompts.__path__, f"{prompts.__name__}."):
        for name, value in vars(importlib.import_module(info.name)).items():
            several = value.items() if isinstance(value, dict) else [("", value)]
            found |= {f"{name}{key}": v for key, v in several if isinstance(v, re.Pattern)}
    return found


@pytest.mark.parametrize("name", patterns())
def test_every_pattern_is_linear(name: str) -> None:
    pattern = patterns()[name]

    def everywhere(text: str) -> int:
        return sum(1 for _ in pattern.finditer(text))

    work = pattern.fullmatch if name in ANCHORED else everywhere
    for unit in UNITS:
        assert grows_in_proportion(work, unit), unit


@pytest.mark.parametrize(
    "work",
    [
        lambda text: blanked(text, SLASHES),
        lambda text: with_comments(text, blanked(text, SLASHES) + "x", SLASHES),
        lambda text: edit.remove(text, len(text) // 2, len(text) // 2 + 1),
        lambda text: list(find_phrases(text, load_craft().names_film)),
    ],
    ids=["blanked", "with_comments", "remove", "find_phrases"],
)
def test_what_looks_at_a_whole_text_is_linear(work: Callable[[str], object]) -> None:
    for unit in ("#\n", "/*\n", "/*\n*/\n", " ", ",", "(", "<a:>", "film "):
        assert grows_in_proportion(work, unit), unit


@pytest.mark.parametrize("unit", [")", "((a", "[a:", "[w:v:3]", "8k film, ", "<a:1> "])
def test_a_report_is_linear(unit: str) -> None:
    known, settings = Checkpoint(name="classicnegative.ckpt"), GenerationParams(steps=150)
    assert grows_in_proportion(lambda text: report(text, "", known, settings, tokenizer=Words()), unit, 60_000)


def test_what_is_too_long_is_refused_at_once() -> None:
    for unit in UNITS:
        begin = time.process_time()
        told = report(unit * 1_000_000, unit * 1_000_000, Checkpoint(name="classicnegative.ckpt"), tokenizer=Words())
        assert time.process_time() - begin < 2
        assert len([f for f in told.findings if f.code == "too-long"]) == 2
        assert told.tokens == {}
    assert len("(" * 1_000_000) > LONGEST
