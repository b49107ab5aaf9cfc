"""The documentation says what the program does."""

from __future__ import annotations

import json
import runpy
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import load_look
from filmlook.cli import main
from filmlook.files import infotext
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


def test_the_readme_shows_pictures_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = [part.split(")")[0] for part in readme.split("](")[1:] if part.split(")")[0].endswith((".jpg", ".png"))]
    assert len(pictures) >= 3
    for name in pictures:
        assert (ROOT / name).is_file()


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


def test_the_webui_page_tells_of_every_script_and_its_example_is_understood() -> None:
    page = (ROOT / "docs" / "webui.md").read_text(encoding="utf-8")
    for title in (*ASSEMBLING, *FEEDING_BACK, "AnimateDiff", "mov2mov", "ADetailer"):
        assert title in page
    example = json.loads(page.split("```json")[1].split("```")[0])
    asked = asked_by(example["alwayson_scripts"]["Film Look"]["args"])
    assert asked is not None
    chosen = asked.choice
    assert (chosen.look.stock, chosen.look.grain, chosen.grain_seed(1)) == ("cinestill_800t", 1.4, 7)
    assert asked_by(["classic-negative"]) is not None
