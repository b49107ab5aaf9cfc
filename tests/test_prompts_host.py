"""Prompts are read as a real WebUI reads them: compared on made-up prompts with the functions of its own source.

FILMLOOK_HOST_DIR names the checkout of a WebUI (AUTOMATIC1111, Forge, reForge). A few functions are taken from its files and
run by themselves; nothing else of it is. tests/test_prompts_parsing.py holds answers that need no checkout.
"""

from __future__ import annotations

import ast
import importlib.util
import logging
import os
import re
import tempfile
from collections import defaultdict, namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmlook.prompts.attention import number, parse
from filmlook.prompts.comments import HASH, SLASHES, blanked
from filmlook.prompts.schedules import Part, and_parts, at_steps, networks, without_networks
from filmlook.prompts.tokens import count

pytestmark = pytest.mark.filterwarnings("ignore:.*invalid escape sequence")

PIECES = [
    *("(", ")", "[", "]", ":", "|", "\\", " ", ", ", "\n", ".", "<", ">", "{", "}", "_"),
    *("a", "word", "12", "1.5", "-1", "é", "🎞️", "שלום", "\ud800"),
    *("BREAK", " BREAK ", "AND", " AND ", ":1.2)", ":0.5]", ":1,2)", ":1.2.3)", " : .5", "<lora:x:1>", "__w__", "[a:b:0.5]"),
]
PROMPTS = st.lists(st.sampled_from(PIECES), max_size=24).map("".join) | st.text(max_size=30)
EXAMPLES = settings(max_examples=1500, deadline=None)


class Words:
    """A tokenizer of one token a word, and one a comma."""

    def encode(self, text: str) -> list[int]:
        return [1 if word == "," else 2 + sum(map(ord, word)) for word in re.findall(r",|[^\s,]+", text)]


def _statements(folder: Path, files: tuple[str, ...], names: set[str]) -> list[ast.stmt]:
    """Top-level functions, classes and values of these names, from whichever of the files has them."""
    found: list[ast.stmt] = []
    for name in files:
        path = folder / name
        for node in ast.parse(path.read_text(encoding="utf-8-sig")).body if path.is_file() else ():
            targets = {getattr(t, "id", "") for t in node.targets} if isinstance(node, ast.Assign) else set()
            if (targets | {getattr(node, "name", "")}) & names:
                found.append(node)
    return found


def _run(nodes: list[ast.stmt], room: dict[str, Any]) -> dict[str, Any]:
    """The statements as a module of their own, in which the names of `room` are known."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "of_the_host.py"
        path.write_text(f"from __future__ import annotations\n{ast.unparse(ast.Module(nodes, []))}", encoding="utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        vars(module).update(room)
        spec.loader.exec_module(module)
    return vars(module)


@pytest.fixture(scope="module")
def host() -> dict[str, Any]:
    folder = os.environ.get("FILMLOOK_HOST_DIR")
    if not folder:
        pytest.skip("FILMLOOK_HOST_DIR names no checkout of a WebUI")
    files = ("modules/prompt_parser.py", "modules/extra_networks.py", "backend/text_processing/parsing.py")
    names = {"re_attention", "re_break", "parse_prompt_attention", "re_AND", "re_weight", "SdConditioning",
             "get_multicond_prompt_list", "re_extra_net", "parse_prompt", "ExtraNetworkParams"}  # fmt: skip
    return _run(_statements(Path(folder), files, names), {"re": re, "defaultdict": defaultdict, "logging": logging})


def _attention(host: dict[str, Any], text: str) -> list[tuple[str, float]]:
    read = host["parse_prompt_attention"]
    spans = read(text, "Original") if read.__code__.co_argcount > 1 else read(text)  # Forge also wants the emphasis mode
    return [(span, weight) for span, weight in spans]


def test_attention(host: dict[str, Any]) -> None:
    joins_near_weights = "merged" in host["parse_prompt_attention"].__code__.co_varnames  # reForge, where they differ by 1e-4

    @EXAMPLES
    @given(PROMPTS)
    def agree(text: str) -> None:
        try:
            theirs = _attention(host, text)
        except ValueError:  # a weight such as 1.2.3, at which the WebUI stops
            assert any(number(m) is None for m in re.findall(r":\s*([+-]?[.\d]+)\s*\)", text))
            return
        ours = [(span.text, span.weight) for span in parse(text)]
        if joins_near_weights:
            assert "".join(span for span, _ in ours) == "".join(span for span, _ in theirs)
            assert _by_character(ours) == pytest.approx(_by_character(theirs), abs=1e-4)
        else:
            assert ours == theirs

    agree()


def _by_character(spans: list[tuple[str, float]]) -> list[float]:
    return [weight for span, weight in spans for _ in span]


def test_comments(host: dict[str, Any]) -> None:
    path = Path(os.environ["FILMLOOK_HOST_DIR"]) / "modules/processing_scripts/comments.py"
    if not path.is_file():
        pytest.skip("this WebUI knows no comments")
    shared = SimpleNamespace(opts=SimpleNamespace(enable_prompt_comments=True))
    strip = _run(_statements(path.parent, (path.name,), {"strip_comments"}), {"re": re, "shared": shared})["strip_comments"]
    style = SLASHES if strip("//") == "\n" else HASH
    pieces = st.lists(st.sampled_from(["a", "b c", ", ", "\n", "#", "//", "/*", "*/", "/", "*", " "]), max_size=20)

    @EXAMPLES
    @given(pieces.map("".join) | PROMPTS)
    def agree(text: str) -> None:
        assert blanked(text, style).split() == strip(text).split()

    agree()


def test_and(host: dict[str, Any]) -> None:
    @EXAMPLES
    @given(PROMPTS)
    def agree(text: str) -> None:
        indexes, texts, _ = host["get_multicond_prompt_list"]([text])
        theirs = [(texts[i], weight) for i, weight in indexes[0]]
        assert [(part.text, part.weight) for part in and_parts(Part.whole(text))] == theirs

    agree()


def test_networks(host: dict[str, Any]) -> None:
    @EXAMPLES
    @given(PROMPTS)
    def agree(text: str) -> None:
        rest, found = host["parse_prompt"](text)
        assert without_networks(text).text == rest
        assert sorted((n.kind, n.name) for n in networks(text)) == sorted(
            (kind, params.items[0]) for kind, many in found.items() for params in many
        )

    agree()


def test_schedules(host: dict[str, Any]) -> None:
    pytest.importorskip("lark", reason="the WebUI's reader of schedules needs the package lark")
    path = Path(os.environ["FILMLOOK_HOST_DIR"]) / "modules/prompt_parser.py"
    import lark

    room = _run(
        _statements(path.parent, ("prompt_parser.py",), {"schedule_parser", "get_learned_conditioning_prompt_schedules"}),
        {"re": re, "lark": lark},
    )

    # Brackets that match: where stray ones stand beside schedules, the WebUI's reading differs from start to start.
    leaf = st.sampled_from(["a", "a cat", " ", "1.2", "x, y", "\\(y\\)", "é", ""])
    when = st.sampled_from(["0.5", "3", ".25", "1.0", "7", " 4 ", "-1", "0"])

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        three = st.tuples(inner, inner, when)
        return st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, st.sampled_from(["1.2", ".5"])).map(lambda t: f"({t[0]}:{t[1]})"),
            inner.map("[{}]".format),
            three.map(lambda t: f"[{t[0]}:{t[1]}:{t[2]}]"),
            three.map(lambda t: f"[{t[0]}:{t[2]}]"),
            st.lists(inner, min_size=2, max_size=3).map(lambda options: f"[{'|'.join(options)}]"),
        )

    @settings(max_examples=400, deadline=None)
    @given(st.recursive(leaf, deeper, max_leaves=6))
    def agree(text: str) -> None:
        theirs = room["get_learned_conditioning_prompt_schedules"]([text], 10)[0]
        assert [[end, part.text] for end, part in at_steps(Part.whole(text), 10)] == theirs

    agree()


def _tokenize_line(folder: Path, host: dict[str, Any]) -> Any:
    """The WebUI's method that fills chunks, with one embedding of eight vectors named "grain"."""
    for name in ("modules/sd_hijack_clip.py", "backend/text_processing/classic_engine.py"):
        path = folder / name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8-sig"))) if path.is_file() else ():
            if isinstance(node, ast.FunctionDef) and node.name == "tokenize_line":
                break
        else:
            continue
        break
    else:
        pytest.skip("this WebUI fills its chunks elsewhere")
    chunk = type("PromptChunk", (), {"__init__": lambda self: self.__dict__.update(tokens=[], multipliers=[], fixes=[])})
    reader = SimpleNamespace(parse_prompt_attention=lambda text, _="": [list(pair) for pair in _attention(host, text)])
    room = {
        "opts": SimpleNamespace(emphasis="Original", comma_padding_backtrack=20), "PromptChunk": chunk,
        "PromptChunkFix": namedtuple("PromptChunkFix", "offset embedding"), "prompt_parser": reader, "parsing": reader,
    }  # fmt: skip
    grain = Words().encode("grain")[0]

    def find(tokens: list[int], at: int) -> Any:
        return (SimpleNamespace(vectors=8), 1) if tokens[at] == grain else (None, None)

    database = SimpleNamespace(find_embedding_at_position=find)
    engine = SimpleNamespace(
        tokenize=lambda texts: [Words().encode(text) for text in texts], chunk_length=75, id_start=-1, id_end=-2, comma_token=1,
        hijack=SimpleNamespace(embedding_db=database), embeddings=database, emphasis=SimpleNamespace(name="Original"),
    )  # fmt: skip
    method = _run([node], room)["tokenize_line"]
    return lambda text: method(engine, text)


def test_chunks(host: dict[str, Any]) -> None:
    tokenize_line = _tokenize_line(Path(os.environ["FILMLOOK_HOST_DIR"]), host)
    words = st.sampled_from(
        ["a", "bc", "def,", "ghij", "grain", "(x:1.2)", ",", "BREAK", "a b c d e f g h i j k l m n o p q r s t"]
    )

    @settings(max_examples=500, deadline=None)
    @given(st.lists(words, min_size=20, max_size=220).map(" ".join))
    def agree(text: str) -> None:
        chunks, total = tokenize_line(text)
        ours = count(text, Words(), vectors={"grain": 8})
        assert ours.tokens == total
        begun = [text[division.place :].lstrip("(") for division in ours.divisions]
        firsts = [c.tokens[1] for c in chunks[1:]]
        # An empty chunk (BREAK after BREAK, or at the end) begins nowhere; an embedding stands there as zeros.
        firsts = [first for first in firsts if first != -2]
        expected = [0 if re.match(r"grain\b", rest) else Words().encode(re.split(r"[:\s]", rest)[0])[0] for rest in begun]
        assert expected == firsts

    agree()
