"""Every text of the page stands in every localisation, and nothing else does."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from filmlook.look import SETTINGS
from filmlook.look_choice import SEED_MODES, own_frame
from filmlook.paths import built_in_names
from filmlook.presets import load_preset
from filmlook.prints import print_labels
from filmlook.stock import stock_headings
from filmlook.webui.once.policies import INPUTS, WORDS

ROOT = Path(__file__).resolve().parents[1]
LOCALES = ("zh_CN", "zh_TW", "ja_JP", "ko_KR", "de_DE", "es_ES")
KEYWORDS = ("label", "info", "placeholder", "tooltip")
FIRST = ("button", "_done", "Button", "UploadButton", "Accordion", "TabItem", "Pass", "note", "Warning", "Info")
SECOND = ("OptionInfo", "choice", "Pass", "_button")
MAKERS = ("fujifilm_", "kodak_")  # of papers, whose names stay as they are
PLAIN = "The film alone"  # of `filmlook.ui`, which needs gradio
NAMES = ("Film Look", "ISO", "MTF", "img2img", "txt2img")  # stay as they are


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts_of(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign):
            text = _text(node.value)
            is_sentence = getattr(target, "id", "a").isupper() and re.sub("<[^>]*>", "", text).endswith((".", ":"))
            if is_sentence or getattr(target, "attr", "") in ("value", "webui_tooltip"):
                found.add(text)
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name == "info":  # the host shows what explains an option in brackets
            found.add(f"({_text(node.args[0])})")
        found |= {_text(keyword.value) for keyword in node.keywords if keyword.arg in KEYWORDS}
        places = [0] if name in FIRST and name != "Pass" else [1] if name in SECOND else []
        found |= {_text(node.args[place]) for place in places if len(node.args) > place}
    return found


def _texts_of_script(source: str) -> set[str]:
    """What the page's scripts put through the host's table."""
    return {text.replace("\\'", "'") for text in re.findall(r"film_look_text\(\s*'((?:[^'\\]|\\.)*)'", source)}


IN_MODULES = re.compile(r"""\bt\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")""")
"""A text of the viewer or of the stand-alone page: t('...')."""


def texts() -> set[str]:
    """What people read on the page, of our own."""
    found = {s.caption for s in SETTINGS} | {s.help for s in SETTINGS} | {s.group for s in SETTINGS}
    found |= {label for s in SETTINGS for label in s.labels if s.key != "diffusion"}  # whose labels are the makers'
    found |= {f"{own_frame(None)} ({label})" for s in SETTINGS if s.key == "frame" for label in s.labels[1:]}
    found |= {text for name in built_in_names("looks") for text in (load_preset(name).label, load_preset(name).help)}
    found |= {*SEED_MODES.values(), *INPUTS.values(), *WORDS.values(), PLAIN}
    found |= {label for name, label in print_labels().items() if not name.startswith(MAKERS)}
    for path in (ROOT / "javascript").glob("*.js"):
        found |= _texts_of_script(path.read_text(encoding="utf-8"))
    found |= {mood for heading in stock_headings().values() for mood in heading.moods}
    for room in ("ui", "webui"):
        for path in (ROOT / "filmlook" / room).rglob("*.py"):
            found |= _texts_of(path.read_text(encoding="utf-8"))
    for folder in (ROOT / "javascript", ROOT / "filmlook" / "server" / "page"):
        for path in folder.rglob("*.mjs"):
            found |= {a or b for a, b in IN_MODULES.findall(path.read_text(encoding="utf-8"))}
    found = {re.sub(r"</?b>", "", text) for text in found}
    return {text for text in found if any(c.isalpha() for c in text) and text not in NAMES}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_is_translated(locale: str) -> None:
    table = json.loads((ROOT / "localizations" / f"{locale}.json").read_text(encoding="utf-8"))
    assert set(table) == texts()
    assert all(isinstance(text, str) and text.strip() for text in table.values())
    same = [text for text, translated in table.items() if text == translated]
    assert len(same) < 10, same  # a name may be the same in both


@pytest.mark.parametrize("locale", LOCALES)
def test_numbers_and_names_survive(locale: str) -> None:
    table = json.loads((ROOT / "localizations" / f"{locale}.json").read_text(encoding="utf-8"))
    for text, translated in table.items():
        for kept in ("models/FilmLook", "-before-film-look", ".safetensors", "AnimateDiff", "mov2mov", "1/8", "img2img"):
            assert (kept in text) == (kept in translated), (text, translated)
        assert text.startswith("(") == translated.startswith("("), text
