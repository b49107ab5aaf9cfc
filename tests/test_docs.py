"""The documentation says what the program does."""

from __future__ import annotations

import json
import re
import runpy
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import list_looks, list_stocks, load_look, load_stock
from filmlook.cli import main
from filmlook.files import infotext
from filmlook.prints import list_papers
from filmlook.training.recipe import Recipe, read_recipe
from filmlook.webui.arguments import asked_by
from filmlook.webui.once.policies import ASSEMBLING, FEEDING_BACK

ROOT = Path(__file__).resolve().parents[1]


def test_the_settings_page_is_made_from_the_settings() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "settings.py"))["page"]()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == made, "run python docs/settings.py"


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: np.ndarray) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(scene).save("portrait.png")
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n")[1:]
    assert len(blocks) >= 3
    names: dict[str, Any] = {"frames": [scene[:64, :64], scene[64:128, :64]]}
    for block in blocks:
        exec(block.split("```")[0], names)
    found = infotext.read(Image.open("portrait-film.png"))
    assert found
    assert found.look == load_look("super-8")


def _linked(page: Path) -> list[str]:
    return [part.split(")")[0] for part in page.read_text(encoding="utf-8").split("](")[1:]]


def test_the_pages_show_pictures_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    kinds = (".jpg", ".png", ".webp")
    shown = {(page.parent / name).resolve() for page in pages for name in _linked(page) if name.endswith(kinds)}
    assert all(path.is_file() for path in shown)
    assert shown == {path.resolve() for path in (ROOT / "docs" / "pictures").iterdir()}  # and none lies there unseen
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    made = runpy.run_path(str(ROOT / "docs" / "pictures.py"))["PICTURES"]
    assert {path.stem for path in shown if path.suffix == ".jpg"} == set(made)
    made = runpy.run_path(str(ROOT / "docs" / "darkroom_pictures.py"))["PICTURES"]
    assert {path.stem for path in shown if path.suffix == ".webp"} == set(made)


def test_the_pages_link_to_pages_and_headings_that_are_there() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    for page in pages:
        for link in _linked(page):
            name, _, heading = link.partition("#")
            if "://" in link or not (name.endswith(".md") or heading):
                continue
            target = page.parent / name if name else page
            assert target.is_file(), f"{page.name} links to {link}"
            headings = {
                re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in target.read_text(encoding="utf-8").splitlines()
                if line.startswith("#")
            }
            assert not heading or heading in headings, f"{page.name} links to {link}"


def test_the_pages_tell_of_every_stock_and_paper() -> None:
    stocks = (ROOT / "docs" / "stocks.md").read_text(encoding="utf-8")
    assert [name for name in list_stocks() if f"`{name}`" not in stocks] == []
    prints = (ROOT / "docs" / "prints.md").read_text(encoding="utf-8")
    assert [name for name in list_papers() if f"`{name}`" not in prints and not name.startswith("grade-")] == []


def test_the_prints_page_names_looks_that_are_there() -> None:
    looks = (ROOT / "docs" / "prints.md").read_text(encoding="utf-8").split("## Looks to begin with")[1].split("##")[0]
    named = set(re.findall(r"^\| `([\w-]+)`", looks, re.M))
    assert named
    assert named <= set(list_looks())


def test_the_stocks_page_groups_stocks_by_their_usual_print() -> None:
    text = (ROOT / "docs" / "stocks.md").read_text(encoding="utf-8")
    groups = {
        "Colour negatives for stills": "minilab",
        "Cine negatives": "kodak_2383",
        "Slides": "slide",
        "Black and white": "grade-2",
    }
    for title, usual in groups.items():
        group = text.split(f"**{title}**")[1].split("**")[0]
        names = set(re.findall(r"^\| `(\w+)`", group, re.M)) & set(list_stocks())
        assert names
        assert {load_stock(name).prints.default for name in names} == {usual}


def test_the_training_pages_recipe_and_commands_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    recipe = tmp_path / "recipe.json"
    recipe.write_text(page.split("```json")[1].split("```")[0])
    assert read_recipe(recipe, [f.name for f in fields(Recipe)])["steps"] > 1
    commands = [shlex.split(line)[1:] for line in page.splitlines() if line.startswith("    filmlook train ")]
    assert {words[1] for words in commands} == {"film", "generator", "label", "two-step", "lab"}
    monkeypatch.chdir(tmp_path)
    for words in commands:
        assert main(words) == 1
        error = capsys.readouterr().err
        assert "not a folder" in error or "No such file" in error  # all else is understood


def test_the_readmes_commands_are_understood(capsys) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = {line.split()[1] for line in readme.splitlines() if line.startswith("filmlook ")}
    assert {"develop", "stocks", "looks", "fit", "import-weights", "train", "export-lut"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
    assert "usage: filmlook" in capsys.readouterr().out


def test_the_webui_page_tells_of_every_script_and_its_examples_are_understood() -> None:
    page = (ROOT / "docs" / "webui.md").read_text(encoding="utf-8")
    for title in (*ASSEMBLING, *FEEDING_BACK, "AnimateDiff", "mov2mov", "ADetailer"):
        assert title in page
    deforum, example = (json.loads(part.split("```")[0]) for part in page.split("```json")[1:])
    film = asked_by([deforum["deforum_settings"]["film_look"]])
    assert film is not None
    assert film.choice.schedules
    asked = asked_by(example["alwayson_scripts"]["Film Look"]["args"])
    assert asked is not None
    chosen = asked.choice
    assert (chosen.look.stock, chosen.look.grain, chosen.grain_seed(1)) == ("cinestill_800t", 1.4, 7)
    assert asked_by(["classic-negative"]) is not None
