r"""Prompts are read as the WebUI reads them: its answers to these prompts, written down (AUTOMATIC1111 1.10.1)."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given

from filmlook.prompts import tokens
from filmlook.prompts.attention import marks, parse
from filmlook.prompts.schedules import Part, and_parts, at_steps, networks, scheduled, without_networks
from filmlook.prompts.tokens import count, installed_tokenizer
from tests.test_prompts_host import PROMPTS, Words

ATTENTION = [
    ("", [("", 1.0)]),
    ("   ", [("   ", 1.0)]),
    ("a dog", [("a dog", 1.0)]),
    ("(dog)", [("dog", 1.1)]),
    ("((dog))", [("dog", 1.2100000000000002)]),
    ("[dog]", [("dog", 0.9090909090909091)]),
    ("[[dog]]", [("dog", 0.8264462809917354)]),
    ("(dog:1.3)", [("dog", 1.3)]),
    ("(dog : 1.3 )", [("dog ", 1.3)]),
    ("(dog:.7), cat", [("dog", 0.7), (", cat", 1.0)]),
    ("(dog:-1)", [("dog", -1.0)]),
    ("(dog:0)", [("dog", 0.0)]),
    ("(a (b:1.2) c:0.5)", [("a ", 0.5), ("b", 0.6), (" c", 0.5)]),
    ("([dog:1.2])", [("dog:1.2", 1.0)]),
    ("(dog", [("dog", 1.1)]),
    ("dog)", [("dog)", 1.0)]),
    ("[dog", [("dog", 0.9090909090909091)]),
    ("dog]", [("dog]", 1.0)]),
    ("((dog)", [("dog", 1.2100000000000002)]),
    ("(a [b) c]", [("a ", 1.1), ("b", 1.0), (" c", 0.9090909090909091)]),
    ("\\(dog\\)", [("(dog)", 1.0)]),
    ("\\[x\\] \\\\ \\y", [("[x] \\ y", 1.0)]),
    ("(\\(dog\\):1.4)", [("(dog)", 1.4)]),
    ("trailing\\", [("trailing", 1.0)]),
    ("dog:1.2", [("dog:1.2", 1.0)]),
    ("dog:1.2)", [("dog:1.2)", 1.0)]),
    ("(dog:1,2)", [("dog:1,2", 1.1)]),
    ("(dog:)", [("dog:", 1.1)]),
    ("(:1.2)", [("", 1.0)]),
    ("()", [("", 1.0)]),
    ("a BREAK b", [("a", 1.0), ("BREAK", -1), ("b", 1.0)]),
    ("BREAK", [("", 1.0), ("BREAK", -1), ("", 1.0)]),
    ("BREAK BREAK b", [("", 1.0), ("BREAK", -1), ("", 1.0), ("BREAK", -1), ("b", 1.0)]),
    ("a,BREAK,b", [("a,", 1.0), ("BREAK", -1), (",b", 1.0)]),
    ("aBREAK b", [("aBREAK b", 1.0)]),
    ("(a BREAK b)", [("a", 1.1), ("BREAK", -1.1), ("b", 1.1)]),
    ("(BREAK:1)", [("", 1.0), ("BREAK", -1.0), ("", 1.0)]),
    ("a\nBREAK\n b", [("a", 1.0), ("BREAK", -1), ("b", 1.0)]),
    ("[a:b:0.5]", [("a:b:0.5", 0.9090909090909091)]),
    ("[a|b]", [("a|b", 0.9090909090909091)]),
    ("<lora:x:1>", [("<lora:x:1>", 1.0)]),
    ("__wild__ {a|b}", [("__wild__ {a|b}", 1.0)]),
    ("🎞️ (📷:1.1)", [("🎞️ ", 1.0), ("📷", 1.1)]),
    ("(שלום:1.2) مرحبا", [("שלום", 1.2), (" مرحبا", 1.0)]),
    ("(a:1.2) (b:1.2)", [("a", 1.2), (" ", 1.0), ("b", 1.2)]),
    ("(a:1.1)b(c)", [("a", 1.1), ("b", 1.0), ("c", 1.1)]),
    ("a::b", [("a::b", 1.0)]),
    ("(x:1.)", [("x", 1.0)]),
    ("(x:+.5)", [("x", 0.5)]),
    ("(x:٢)", [("x", 2.0)]),
]
SCHEDULES = [  # over four steps
    ("a dog", [(4, "a dog")]),
    ("a [b:c:0.5] d", [(2, "a b d"), (4, "a c d")]),
    ("[b:c:3]", [(3, "b"), (4, "c")]),
    ("[b:3]", [(3, ""), (4, "b")]),
    ("[b::3]", [(3, "b"), (4, "")]),
    ("[:c:3]", [(3, ""), (4, "c")]),
    ("a [b : c : 1 ] d", [(1, "a b  d"), (4, "a  c  d")]),
    ("[b:c:0]", [(4, "c")]),
    ("[b:c:99]", [(4, "b")]),
    ("[b:c:-2]", [(4, "c")]),
    ("[b:c:1.0]", [(4, "b")]),
    ("[b:c:.25]", [(1, "b"), (4, "c")]),
    ("[a|b]", [(1, "a"), (2, "b"), (3, "a"), (4, "b")]),
    ("[a|b|c] x", [(1, "a x"), (2, "b x"), (3, "c x"), (4, "a x")]),
    ("[a|] y", [(1, "a y"), (2, " y"), (3, "a y"), (4, " y")]),
    ("[a:[b:c:4]:2]", [(2, "a"), (4, "b")]),
    ("([a:b:2]:1.2)", [(2, "(a:1.2)"), (4, "(b:1.2)")]),
    ("[(a:1.2):(b:.9):2]", [(2, "(a:1.2)"), (4, "(b:.9)")]),
    ("[[a|b]:c:2]", [(1, "a"), (2, "b"), (3, "c"), (4, "c")]),
    ("[a", [(4, "[a")]),
    ("a] b", [(4, "a] b")]),
    ("[a:b", [(4, "[a:b")]),
    ("(a:b:c) [d:e:2]", [(2, "(a:b:c) d"), (4, "(a:b:c) e")]),
    ("[x (a:b:c) y:z:2]", [(4, "[x (a:b:c) y:z:2]")]),
    ("a | b [c:d:2]", [(4, "a | b [c:d:2]")]),
    ("{a|b}", [(4, "{a|b}")]),
    ("[a|b:2]", [(4, "[a|b:2]")]),
    ("[a:b:c:2]", [(4, "[a:b:c:2]")]),
    ("\\[a:b:2\\]", [(4, "\\[a:b:2\\]")]),
    ("a\\", [(4, "a\\")]),
    ("[a:b:x]", [(4, "[a:b:x]")]),
    ("[ ]", [(4, "[ ]")]),
    ("[]", [(4, "[]")]),
    ("[:]", [(4, "[:]")]),
    ("[|]", [(1, ""), (2, ""), (3, ""), (4, "")]),
    ("[a:b:2", [(4, "[a:b:2")]),
    ("[[a:b:2]", [(2, "[a"), (4, "[b")]),
    ("[a:b:2]]", [(2, "a]"), (4, "b]")]),
    ("[a\n:b:2]", [(2, "a\n"), (4, "b")]),
    ("[a:b:2e0]", [(2, "a"), (4, "b")]),
    ("__w__ [a:b:2]", [(2, "__w__ a"), (4, "__w__ b")]),
]
AND = [
    ("a dog", [("a dog", 1.0)]),
    ("a AND b", [("a", 1.0), (" b", 1.0)]),
    ("a:1.2 AND b : .5", [("a", 1.2), (" b", 0.5)]),
    ("a AND b:-1 AND", [("a", 1.0), (" b", -1.0), ("", 1.0)]),
    ("ANDROID", [("ANDROID", 1.0)]),
    ("photo at 12:30", [("photo at 12", 30.0)]),
    ("(a:1.2)", [("(a:1.2)", 1.0)]),
    ("a:1.2.3", [("a:1.2.3", 1.0)]),
    ("x:\n2\n", [("x", 2.0)]),
    ("AND", [("", 1.0), ("", 1.0)]),
    ("rock and AND  roll ", [("rock and", 1.0), ("  roll", 1.0)]),
]
CHUNKS = [  # tokens, and place, reason and tokens before each division
    ("w " * 75, 75, []),
    ("w " * 76, 76, [(150, "full", 75)]),
    ("w " * 54 + "c, " + "x " * 30, 105, [(111, "comma", 56)]),
    ("w " * 53 + "c, " + "x " * 30, 85, [(149, "full", 75)]),
    ("w " * 74 + ", x y", 77, [(150, "comma", 75)]),
    ("w " * 75 + ", x y", 78, [(150, "full", 75)]),
    ("a b BREAK c d", 77, [(10, "BREAK", 2)]),
    ("a BREAK BREAK b", 151, [(14, "BREAK", 0)]),
    ("a BREAK", 75, []),
    ("(a BREAK b)", 3, []),
    ("w " * 70 + "grain x", 84, [(140, "embedding", 70)]),
    ("w " * 60 + "c, " + "v " * 8 + "grain x", 84, [(139, "embedding", 70)]),
    ("", 0, []),
    ("(w:1.2) " * 76, 76, [(601, "full", 75)]),
    ("w, " * 40 + " BREAK " + "x " * 80, 230, [(112, "full", 75), (127, "BREAK", 5), (277, "full", 75)]),
]


@pytest.mark.parametrize(("text", "spans"), ATTENTION)
def test_attention(text: str, spans: list[tuple[str, float]]) -> None:
    assert [(span.text, span.weight) for span in parse(text)] == spans


def test_a_weight_that_is_no_number_counts_as_one() -> None:
    assert [(span.text, span.weight) for span in parse("(a:1.2.3) (b:..)")] == [("a b", 1.0)]


@given(PROMPTS)
def test_every_character_of_a_span_stands_where_it_says(text: str) -> None:
    assert "".join(text[m.start : m.end] for m in marks(text)) == text
    last = 0
    for span in parse(text):
        assert last <= span.start <= span.end <= len(text)
        last = span.end
        assert span.text == "".join(text[span.place(i)] for i in range(len(span.text)))


@pytest.mark.parametrize(("text", "steps"), SCHEDULES)
def test_schedules(text: str, steps: list[tuple[int, str]]) -> None:
    assert [(end, part.text) for end, part in at_steps(Part.whole(text), 4)] == steps


@pytest.mark.parametrize(("text", "parts"), AND)
def test_and(text: str, parts: list[tuple[str, float]]) -> None:
    assert [(part.text, part.weight) for part in and_parts(Part.whole(text))] == parts


def test_network_tags_are_taken_out() -> None:
    text = "a <lora:film:0.8> dog <hypernet:x> <b <not a tag> <:x> <lora:>"
    assert without_networks(text).text == "a  dog  <b <not a tag> <:x> <lora:>"
    assert [(n.kind, n.name, text[n.start : n.end]) for n in networks(text)] == [
        ("lora", "film", "<lora:film:0.8>"), ("hypernet", "x", "<hypernet:x>"),
    ]  # fmt: skip


@given(PROMPTS)
def test_parts_know_where_their_text_stands(text: str) -> None:
    for part in and_parts(without_networks(text)):
        for _, at in at_steps(part, 5):
            assert at.text == "".join(text[place] for place in at.places)
    assert all(0 <= start < end <= len(text) for start, end in scheduled(text))


def test_schedules_nested_deeper_than_anybody_writes_stay_text() -> None:
    text = "[" * 5000 + "a" + ":b:3]" * 5000
    assert [(end, part.text) for end, part in at_steps(Part.whole(text), 10)] == [(10, text)]


@pytest.mark.parametrize(("text", "total", "divisions"), CHUNKS)
def test_chunks(text: str, total: int, divisions: list[tuple[int, str, int]]) -> None:
    counted = count(text, Words(), vectors={"grain": 8})
    assert counted.tokens == total
    assert [(d.place, d.why, d.tokens) for d in counted.divisions] == divisions
    assert counted.limit == max(-(-total // 75), 1) * 75


def test_the_longest_of_all_that_a_prompt_is() -> None:
    assert count("[a:b c d:0.5] e", Words()).tokens == 4
    assert count("a b AND c d e", Words()).tokens == 3
    assert count("a b AND c d e", Words(), negative=True).tokens == 6
    assert count("[a|b c] <lora:film grain:1>", Words()).tokens == 2
    long = "x <lora:a:1> [y:" + "w " * 80 + ":0.5] z"
    division = count(long, Words()).divisions[0]
    assert long[division.place - 1 :].startswith(" w")
    assert long[: division.place].count("w") == 74


def test_commas_may_stay_where_they_are() -> None:
    text = "w " * 60 + "c, " + "x " * 30
    assert [d.why for d in count(text, Words()).divisions] == ["comma"]
    assert [d.why for d in count(text, Words(), backtrack=0).divisions] == ["full"]


class Letters:
    """A tokenizer of one token a letter."""

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text if not letter.isspace()]


def test_a_division_within_a_word() -> None:
    assert [d.place for d in count("ab " * 36 + "abcdefgh", Letters()).divisions] == [111]
    assert [d.place for d in count("x " + "a" * 200, Letters()).divisions] == [2, 2]  # nobody looks into such a word


def test_an_encoder_that_joins_over_blanks_is_placed_about() -> None:
    class Joining:
        def encode(self, text: str) -> list[int]:
            return [1] * (len(text.split()) // 2 or 1)

    (division,) = count("w " * 200, Joining()).divisions
    assert 290 <= division.place <= 310


def test_odd_text_is_counted() -> None:
    for text in ("\ud800", "🎞️ مرحبا \udfff", "\0", "(" * 500, "BREAK " * 50, "AND", "<lora:x:1>", "[|]", "\\"):
        assert count(text, Letters()).tokens >= 0


def test_ten_thousand_words() -> None:
    rng = random.Random(5)
    words = ["".join(rng.choices("abcdefgh", k=rng.randint(2, 9))) for _ in range(10_000)]
    for text in (" ".join(words), ", ".join(words), " ".join(f"({w}:1.2)" for w in words), "(" + " (".join(words)):
        assert parse(text)
        assert count(text, Words()).tokens >= 10_000


# --- CLIP's own tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> tokens.Tokenizer:
    installed_tokenizer.cache_clear()
    found = installed_tokenizer()
    if found is None:
        pytest.skip('CLIP\'s vocabulary is not installed: pip install "filmlook[prompts]"')
    return found


def test_clips_tokens(tokenizer: tokens.Tokenizer) -> None:
    # Written down from OpenAI's tokenizer: small letters, accents, emoji, contractions.
    assert list(tokenizer.encode("A photo, of Café 🎞️ don't")) == [320, 1125, 267, 539, 15304, 1165, 252, 1001, 847, 713]
    prompt = "classicnegative photo of a cute raccoon sitting between bushes in a garden, purple tulip flowers"
    assert count(prompt, tokenizer).tokens == len(list(tokenizer.encode(prompt)))
    long = ", ".join(["a photo of a raccoon"] * 20)
    division = count(long, tokenizer).divisions[0]
    assert (division.why, long[: division.place].endswith(", ")) == ("comma", True)


def test_the_same_tokens_as_another_installation_of_clip(tokenizer: tokens.Tokenizer) -> None:
    python = os.environ.get("FILMLOOK_CLIP_PYTHON")
    if not python:
        pytest.skip("FILMLOOK_CLIP_PYTHON names no Python that has OpenAI's package clip")
    rng = random.Random(3)
    ranges = [(32, 126), (32, 126), (0xA0, 0x24F), (0x370, 0x5FF), (0x2000, 0x2BFF), (0x3040, 0x9FFF), (0x1F300, 0x1FAFF)]
    texts = ["".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 40))) for _ in range(2000)]
    texts += ["35mm FILM photo, (grain:1.2) it's “faded” &amp; <|endoftext|>", "ＷＩＤＥ ﬁlm ½ ² Ⅷ ß İstanbul"]
    script = "import json, sys; from clip.simple_tokenizer import SimpleTokenizer as T; t = T()\n"
    script += "print(json.dumps([t.encode(x) for x in json.load(sys.stdin)]))"
    done = subprocess.run([python, "-I", "-c", script], input=json.dumps(texts), capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout.splitlines()[-1])
    assert [list(tokenizer.encode(text)) for text in texts] == theirs


def test_without_the_vocabulary_there_is_no_tokenizer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "__init__.py").write_text("raise RuntimeError('loads half the world')")
    monkeypatch.syspath_prepend(tmp_path)
    for content in (
        None,
        "import no_such_module",
        "class SimpleTokenizer:\n    def encode(self, text):\n        raise ValueError",
    ):
        if content:
            (tmp_path / "clip" / "simple_tokenizer.py").write_text(content)
        installed_tokenizer.cache_clear()
        assert installed_tokenizer() is None
    installed_tokenizer.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert installed_tokenizer() is None
    installed_tokenizer.cache_clear()
