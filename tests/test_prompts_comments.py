"""Comments are neither read nor counted, as the WebUIs do it, and no fix takes them away."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlook.cli import main
from filmlook.prompts import edit
from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.comments import HASH, NONE, SLASHES, STYLES, blanked, comments, with_comments
from filmlook.prompts.report import report
from tests.test_prompts_host import Words

CLASSIC = Checkpoint(name="classicnegative.ckpt")
PIECES = ["a", "b c", ", ", "\n", "#", "//", "/*", "*/", "/", "*", " "]
COMMENTED = st.lists(st.sampled_from(PIECES), max_size=16).map("".join)

# What the WebUIs' own functions leave of these, blanks aside: A1111 1.10.1 and Forge, and reForge.
LEFT = [
    ("a cat", "a cat", "a cat"),
    ("a cat # classicnegative", "a cat", "a cat"),
    ("# all of it", "", ""),
    ("a # x\nb # y\nc", "a b c", "a b c"),
    ("a\n#x\n#y\n#z\nb", "a b", "a b"),
    ("a // x\nb", "a // x b", "a b"),
    ("https://x", "https://x", "https:"),
    ("/* x\ny */\na", "/* x y */ a", "a"),
    ("b /* x\ny */ z\na", "b /* x y */ z a", "b y a"),
    ("/* x */ y\nz */\na", "/* x */ y z */ a", "a"),
    ("/* x\ny", "/* x y", "y"),
    ("/* # x */\na", "/* a", "a"),
    ("x */ y\nz", "x */ y z", "x z"),
    ("*// x", "*// x", "*"),
    ("/*/\na*/\nb", "/*/ a*/ b", "b"),
    ("a */# b", "a */", "a"),
]


@pytest.mark.parametrize(("text", "by_hash", "by_slashes"), LEFT)
def test_comments_are_what_the_hosts_take_for_one(text: str, by_hash: str, by_slashes: str) -> None:
    assert blanked(text, HASH).split() == by_hash.split()
    assert blanked(text, SLASHES).split() == by_slashes.split()
    assert blanked(text, NONE) == text


@given(COMMENTED, st.sampled_from(STYLES))
def test_all_else_keeps_its_place(text: str, style: str) -> None:
    left, hidden = blanked(text, style), comments(text, style)
    assert len(left) == len(text)
    assert all(a == b for i, (a, b) in enumerate(zip(left, text, strict=True)) if not any(s <= i < e for s, e in hidden))


def test_comments_are_neither_read_nor_counted() -> None:
    told = report("classicnegative a cat # with a (hat, 8k, hdr", checkpoint=CLASSIC, tokenizer=Words())
    bare = report("classicnegative a cat", checkpoint=CLASSIC, tokenizer=Words())
    assert told.tokens["prompt"].tokens == bare.tokens["prompt"].tokens == 3
    assert [f.code for f in told.findings] == [f.code for f in bare.findings]
    hidden = report("a cat # classicnegative", "b) # c]", checkpoint=CLASSIC, tokenizer=Words())
    assert "token-missing" in {f.code for f in hidden.findings}
    assert [f.start for f in hidden.findings if f.code == "bracket-unmatched"] == [1]


def test_where_the_host_knows_no_comments_they_are_words() -> None:
    told = report("a cat # classicnegative (8k", checkpoint=CLASSIC, tokenizer=Words(), comments=NONE)
    assert {"bracket-unclosed", "contradiction"} <= {f.code for f in told.findings}
    assert "token-missing" not in {f.code for f in told.findings}


@pytest.mark.parametrize(
    ("code", "prompt", "fixed"),
    [
        ("token-missing", "a cat # my cat", "classicnegative photo of a cat # my cat"),
        ("token-missing", "# my cat\na cat", "# my cat\nclassicnegative photo of a cat"),
        ("too-strong", "a cat # my cat", "a cat, sharp focus, high contrast, clarity # my cat"),
        ("too-strong", "a cat# my\n# cat", "a cat, sharp focus, high contrast, clarity # my\n# cat"),
        ("too-strong", "# my cat", "# my cat\nsharp focus, high contrast, clarity"),
        ("bracket-unclosed", "a (red hat # warm\n, blue", "a (red hat) # warm\n, blue"),
        ("contradiction", "a cat, # sharp?\n8k, # or not\ndog", "a cat, # sharp?\n# or not\ndog"),
        ("contradiction", "8k # or not\n, dog", "# or not\n, dog"),
        ("duplicate", "cat, dog, # two\ncat # three", "cat, dog, # two\n# three"),
    ],
)
def test_fixes_keep_the_comments(code: str, prompt: str, fixed: str) -> None:
    finding = next(f for f in report(prompt, checkpoint=CLASSIC).findings if f.code == code)
    assert finding.fix is not None
    assert finding.fix.changes == {"prompt": fixed}
    assert blanked(fixed).split() == re.sub(r"#.*", " ", fixed).split()


def test_a_comment_of_several_lines_begins_a_line_of_its_own() -> None:
    prompt = "a cat,\n/* red\nblue */\n"
    (fix,) = [f.fix for f in report(prompt, checkpoint=CLASSIC, comments=SLASHES).findings if f.code == "too-strong"]
    assert fix is not None
    assert fix.changes["prompt"] == "a cat, sharp focus, high contrast, clarity\n/* red\nblue */"


@given(
    COMMENTED, st.integers(0, 40), st.integers(0, 5), st.sampled_from(["", "x", ", x y", " BREAK "]), st.sampled_from(STYLES)
)
def test_any_change_says_the_same_with_comments(text: str, at: int, length: int, words: str, style: str) -> None:
    before = blanked(text, style)
    changed = before[:at] + words + before[at + length :]
    assert blanked(with_comments(text, changed, style), style).split() == blanked(changed, style).split()
    assert with_comments(text, before, style) == text
    added = edit.add(before, "film")
    kept = with_comments(text, added, style)
    assert blanked(kept, style).split() == blanked(added, style).split()
    assert style != HASH or [text[a:b] for a, b in comments(text)] == [kept[a:b] for a, b in comments(kept)]


def test_the_command_takes_comments_as_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for words in ([], ["--comments", "slashes"], ["--comments", "none"]):
        assert main(["prompt", "film // 8k # 4k", "--json", *words]) == 0
        messages = [f["message"] for f in json.loads(capsys.readouterr().out)["findings"] if f["code"] == "contradiction"]
        found.append([re.findall("“(.*?)”", message)[0] for message in messages])
    assert found == [["8k"], [], ["8k", "4k"]]
