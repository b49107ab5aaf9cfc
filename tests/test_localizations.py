"""Every text of the page stands in every localisation, and nothing else does."""

from __future__ import annotations

import ast
import itertools
import json
import re
from pathlib import Path

import pytest

from filmlook.depth.maps import NONE_FOUND
from filmlook.lenses import list_lenses
from filmlook.look import SETTINGS
from filmlook.look_choice import SEED_MODES, own_frame
from filmlook.paths import built_in_names
from filmlook.presets import load_preset
from filmlook.prints import print_labels
from filmlook.prompts.recipes import list_recipes, load_craft
from filmlook.prompts.report import report
from filmlook.stock import stock_headings
from filmlook.webui.once.policies import INPUTS, WORDS

ROOT = Path(__file__).resolve().parents[1]
LOCALES = ("zh_CN", "zh_TW", "ja_JP", "ko_KR", "de_DE", "es_ES")
KEYWORDS = ("label", "info", "placeholder", "tooltip")
FIRST = ("button", "_frequent", "_done", "Button", "UploadButton", "Accordion", "TabItem", "Pass", "note", "Warning", "Info")
SECOND = ("OptionInfo", "choice", "Pass", "_button")
MAKERS = ("fujifilm_", "kodak_")  # of papers, whose names stay as they are
PLAIN, CHOOSE = "The film alone", "Choose a lens"  # of `filmlook.ui`, which needs gradio
NAMES = ("exposure: 0: (0), 30: (1)", "Film Look", "ISO", "MTF", "img2img", "txt2img")  # stay as they are


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts_of(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if _text(node).startswith("<p>") and _text(node).endswith(".</p>"):
            found.add(_text(node)[3:-4])
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign):
            text = _text(node.value)
            is_sentence = getattr(target, "id", "a").isupper() and re.sub("<[^>]*>", "", text).endswith((".", ":"))
            if is_sentence or getattr(target, "attr", "") in ("value", "webui_tooltip"):
                found.add(text)
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name == "info" and getattr(getattr(node.func, "value", None), "id", "") == "log":
            continue
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


WHY = "“{1}” {2}."
"""What is said of a word: `{2}` is one of `_phrases`."""

SENTENCES = {
    ".": ("lenses", "look", "look_choice", "moving_look", "presets", "prints", "schedule"),
    "engine": ("develop",),
    "files": ("decoders", "kinds", "naming", "picture", "png", "raw"),
    "film": ("route",),
    "prompts": ("lint", "advice"),
    "films": ("codecs", "depth_maps", "frame_colour", "reading"),
    "matching": ("match", "reference"),
    "server": ("darkroom", "film_jobs", "film_upload", "films", "jobs", "picture_cache", "request_body", "requests", "router"),
    "ui": ("keyframes", "prompt_report"),
    "webui": ("tab_match", "tab_run", "processing"),
}
"""Modules whose sentences with names and numbers in them pages translate: `{1}` stands for the first of these."""

FOR_PROGRAMS = re.compile(
    "^(body|order|seed|grain|tile|mask:|allowed are application|images|unknown field|answer is|the client|device {|device is {)"
    "|base64|not JSON|an object|brackets, braces|seeds for|uint8|floating point|unknown extension|is a folder|is a pipe"
    "|in JSON|not a look: |table of|allowed is multipart|^video: (allowed is one|\\{1)|there are two|^the film is {1}"
    "|--overwrite|a folder without pictures|no picture is called|a film without pictures|no such file|unknown ending"
    "|not kept in|codec is |the film's first frame|^weight is |^only is |^a reference is "
)
"""Refusals that no page can cause, or that tell of files which only programs write."""


def _sentence(node: ast.AST) -> str:
    """A text with its values numbered; empty where it is none, or hardly more than its values."""
    if isinstance(node, ast.JoinedStr):
        count = itertools.count(1)
        text = "".join(f"{{{next(count)}}}" if isinstance(part, ast.FormattedValue) else _text(part) for part in node.values)
    else:
        text = _text(node)
    return text if sum(c.isalpha() for c in text) > 2 else ""


def _sentences_of(source: str) -> set[str]:
    """What findings, fixes and refusals say."""
    places = {"Finding": 1, "Fix": 0, "_fault": 1, "HTTPException": 1, "AlreadyDevelopedError": 0}
    places["_one_line"] = 1
    places |= dict.fromkeys(("PictureError", "LookError", "FilmLookError", "NotOwnError"), 0)
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("message", "told", "effect"):
            found.add(_sentence(node.value))
            if isinstance(node.value, ast.IfExp):
                found |= {_sentence(node.value.body), _sentence(node.value.orelse)}
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_INTERRUPTED":
            found.add(_sentence(node.value))
        if isinstance(node, ast.Call) and len(node.args) > (place := places.get(getattr(node.func, "id", ""), len(node.args))):
            told = node.args[place]
            sides = (told.body, told.orelse) if isinstance(told, ast.IfExp) else (told,)
            more = ": {1}" if place == 1 and getattr(node.func, "id", "") == "_one_line" else ""
            found |= {f"{sentence}{more}" for sentence in map(_sentence, sides) if sentence}
    return found


def _without_place(sentence: str) -> str:
    """A sentence that begins with a file's name, without that."""
    if not sentence.startswith("{1}: "):
        return sentence
    return re.sub(r"{(\d)}", lambda found: f"{{{int(found[1]) - 1}}}", sentence[len("{1}: ") :])


def _phrases() -> set[str]:
    """What words and recipes do, as findings and the list of frequent words tell it."""
    craft = load_craft()
    found = {clash.why for clash in (*craft.against_film, *craft.against_film_in_negative)} | {pair.why for pair in craft.pairs}
    return found | {word.does for word in craft.frequent} | {recipe.does for recipe in list_recipes()[0] if recipe.does}


def texts() -> set[str]:
    """What people read on the page, of our own."""
    found = {s.caption for s in SETTINGS} | {s.help for s in SETTINGS} | {s.group for s in SETTINGS}
    found |= {s.unit for s in SETTINGS if s.unit not in ("x", "um", "mired", "mm", "m")}
    found |= {label for s in SETTINGS for label in s.labels if s.key != "diffusion"}  # whose labels are the makers'
    found |= {f"{own_frame(None)} ({label})" for s in SETTINGS if s.key == "frame" for label in s.labels[1:]}
    found |= {text for name in built_in_names("looks") for text in (load_preset(name).label, load_preset(name).help)}
    found |= {text for lens in list_lenses() for text in (lens.label, lens.help)}
    found |= {*SEED_MODES.values(), *INPUTS.values(), *WORDS.values(), PLAIN, CHOOSE}
    found |= {label for name, label in print_labels().items() if not name.startswith(MAKERS)}
    for path in (ROOT / "javascript").glob("*.js"):
        found |= _texts_of_script(path.read_text(encoding="utf-8"))
    found |= {mood for heading in stock_headings().values() for mood in heading.moods}
    for room in ("ui", "webui"):
        for path in (ROOT / "filmlook" / room).rglob("*.py"):
            found |= _texts_of(path.read_text(encoding="utf-8"))
    for room, modules in SENTENCES.items():
        for module in modules:
            sentences = _sentences_of((ROOT / "filmlook" / room / f"{module}.py").read_text(encoding="utf-8"))
            if room == "films":  # what is wrong with a film is told without its place, which its name stands beside
                sentences = {_without_place(sentence) for sentence in sentences}
            found |= {sentence for sentence in sentences if not FOR_PROGRAMS.search(sentence)}
    for folder in (ROOT / "javascript", ROOT / "filmlook" / "server" / "page"):
        for path in folder.rglob("*.mjs"):
            found |= {a or b for a, b in IN_MODULES.findall(path.read_text(encoding="utf-8"))}
    found = {re.sub(r"</?b>", "", text) for text in found}
    found = {text for text in found if any(c.isalpha() for c in text) and text not in NAMES}
    found |= {NONE_FOUND, "the depth map cannot be read"}
    return found | _phrases() | {WHY, "clashes with “{1}”: {2}"}


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
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", translated)), (text, translated)
        assert text.startswith("(") == translated.startswith("("), text


def _translated(text: str, table: dict[str, str]) -> str | None:
    """As the page's script does it: whole, or by the longest sentence that it is one of."""
    found_in: dict[str, str] = {}
    if text in table:
        return table[text]
    for key in sorted((key for key in table if "{1}" in key), key=len, reverse=True):
        pattern = "(.+?)".join(map(re.escape, re.split(r"\{\d\}", key)))
        if found := re.fullmatch(pattern, text):
            for place, part in enumerate(found.groups(), 1):
                found_in[f"{{{place}}}"] = _translated(part, table) or part
            return re.sub(r"\{\d\}", lambda m: found_in[m[0]], table[key])
    return None


FINDINGS = (
    "((cat:1.9)) dog, dog, (1,5)",
    "a cat) and [a dog",
    "(a BREAK b)",
    "cat, dog :1.3",
    "a (very (very (very (very (loud))))) cat",
    "film photograph, 8k, black and white, vibrant colors, soft light, harsh light",
)


@pytest.mark.parametrize("prompt", FINDINGS)
def test_sentences_of_the_prompt_helper_are_found_with_their_values(prompt: str) -> None:
    table = json.loads((ROOT / "localizations" / "de_DE.json").read_text(encoding="utf-8"))
    findings = [f for f in report(prompt).findings if not f.code.startswith(("film-", "not-counted"))]
    assert findings
    for finding in findings:
        for text in (finding.message, *([finding.fix.label] if finding.fix else [])):
            translated = _translated(text, table)
            assert translated, text
            assert translated != text
            assert "{" not in translated
