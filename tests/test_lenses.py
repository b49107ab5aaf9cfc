"""Lenses: put on any look, they change what is a lens's and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filmlook import list_looks, load_look
from filmlook.cli import main
from filmlook.errors import LookError
from filmlook.files import infotext, picture
from filmlook.lenses import KEYS, NONE, list_lenses, load_lens
from filmlook.look import SETTINGS, Look
from filmlook.look_choice import LookChoice
from filmlook.paths import BUILT_IN, tell_once


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "lenses").mkdir(parents=True)
    return tmp_path / "home" / "lenses"


def settings_of(look: Look, keys: Any = KEYS) -> dict[str, Any]:
    return {key: getattr(look, key) for key in keys}


def test_a_look_with_an_aperture_has_one_of_the_lenses() -> None:
    """The lenses of looks stand in both files: they agree."""
    lenses = {lens.name: lens.settings for lens in list_lenses()}
    found = {
        name: [lens for lens, settings in lenses.items() if settings_of(load_look(name), settings) == settings]
        for name in list_looks()
        if load_look(name).aperture
    }
    assert all(len(names) == 1 for names in found.values()), found
    assert {names[0] for names in found.values()} == set(lenses) - {NONE}


@pytest.mark.parametrize("name", [lens.name for lens in list_lenses()])
def test_a_lens_changes_neither_film_nor_colour_nor_scene(name: str) -> None:
    others = [s.key for s in SETTINGS if s.key not in KEYS]
    for look in ("gold-snapshot", "petzval-portrait", "the-negative"):
        before = load_look(look)
        after = LookChoice.from_mapping({"look": look, "lens": name}).look
        assert settings_of(after, others) == settings_of(before, others)
        assert settings_of(after, load_lens(name).settings) == load_lens(name).settings
    assert {"stock", "print", "focus", "depth_near", "filter", "light_balance", "exposure"} <= set(others)


def test_without_a_lens_nothing_of_one_is_left_but_the_lamps() -> None:
    bare = LookChoice.from_mapping({"look": "petzval-portrait", "lens": "none"}).look
    assert bare.highlights == load_look("petzval-portrait").highlights > 0
    assert [key for key in KEYS if getattr(bare, key) != getattr(Look(), key)] == ["highlights"]


def test_what_is_told_beside_a_lens_wins() -> None:
    look = LookChoice.from_mapping({"look": "holga", "lens": "85mm-f1.4", "aperture": 4, "stock": "kodak_tri_x_400"}).look
    assert (look.aperture, look.stock, look.focal_length, look.vignette_x) == (4, "kodak_tri_x_400", 85, 0)
    moving = LookChoice.from_mapping({"lens": "petzval", "aperture": "0: (2), 9: (8)"}).moving
    assert (moving.at(0).aperture, moving.at(9).aperture, moving.at(9).swirl) == (2, 8, 1)


def test_one_is_known_by_its_label_too_and_an_unknown_one_is_refused_with_the_list() -> None:
    assert load_lens("fast 85 mm, F/1.4") == load_lens("85mm-f1.4")
    with pytest.raises(LookError, match=r"unknown lens 'sigma'; lenses are: none, 85mm-f1\.4,"):
        load_lens("sigma")
    with pytest.raises(LookError, match="lens is 3; allowed: the name of a lens"):
        LookChoice.from_mapping({"lens": 3})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not a lens file"),
        ("[]", "it has no 'lens'; allowed"),
        ('{"lens": 3}', "its 'lens' is none; allowed"),
        ('{"lens": [1, 2]}', "its 'lens' is none; allowed"),
        ('{"label": "x"}', "it has no 'lens'"),
        ('{"lens": {"stock": "kodak_gold_200"}}', "'stock' is no setting of a lens; those are: softness"),
        ('{"lens": {"focus": 0}}', "'focus' is no setting of a lens"),
        ('{"lens": {"swirl": 2}}', "swirl is 2; allowed: a number from 0 to 1"),
        ('{"lens": {"bokeh": "star"}}', "bokeh is 'star'; allowed: round"),
    ],
)
def test_a_damaged_lens_is_refused_and_left_out_of_the_list(home: Path, text: str, told: str) -> None:
    (home / "mine.json").write_text(text)
    with pytest.raises(LookError, match=told):
        load_lens("mine")
    assert "mine" not in [lens.name for lens in list_lenses()]


def test_ones_own_lens_is_put_on_by_the_command_line(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "mine.json").write_text(json.dumps({"label": "Mine", "help": "Dark.", "lens": {"vignette": 0.7, "glow": 0.1}}))
    assert main(["lenses"]) == 0
    listed = capsys.readouterr().out
    assert "mine                    Mine: Dark." in listed
    assert all(path.stem in listed for path in (BUILT_IN / "lenses").iterdir())
    source, out = tmp_path / "a.png", tmp_path / "b.png"
    picture.write(source, picture.Picture(np.full((16, 24, 3), 90, np.uint8)))
    call = ["develop", str(source), "-o", str(out), "--look", "holga", "--lens", "mine", "--glow", "0.3"]
    assert main(call) == 0
    found = infotext.of_text(picture.read(out).text)
    assert found is not None
    assert found.look is not None
    assert (found.look.vignette, found.look.glow, found.look.distortion) == (0.7, 0.3, 0)
    assert found.look.stock == "kodak_portra_800"
    assert main([*call[:6], "--lens", "sigma"]) == 2
    assert "unknown lens 'sigma'" in capsys.readouterr().err


def test_no_file_takes_the_place_of_no_lens(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    tell_once.cache_clear()
    (home / "none.json").write_text(json.dumps({"label": "Mine", "lens": {"aperture": 2}}))
    assert [lens.name for lens in list_lenses()].count(NONE) == 1
    assert load_lens(NONE).settings["aperture"] == 0
    assert "'none' stands for no lens at all" in caplog.text


def test_a_lens_is_one_line_of_the_list_whatever_its_file_calls_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "mine.json").write_text(json.dumps({"label": "My\nown", "help": "Dark\r\nand soft.", "lens": {}}))
    (home / "other.json").write_text(json.dumps({"label": None, "lens": {}}))
    assert main(["lenses"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "mine                    My own: Dark and soft." in listed
    assert "other                   other: " in listed
