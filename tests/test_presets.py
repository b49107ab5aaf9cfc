"""Presets of the user's own: saved, renamed, deleted, imported; the built-in ones stay as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from filmlook import Look, LookError, list_looks, load_look
from filmlook.paths import BUILT_IN
from filmlook.presets import delete_preset, import_preset, is_own, load_preset, preset_json, rename_preset, save_preset
from filmlook.stock import stock_labels

MINE = Look(stock="kodak_portra_400", grain=1.7)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_saved_looks_come_back(home: Path) -> None:
    save_preset("Été 1983", MINE, text="for holidays")
    preset = load_preset("Été 1983")
    assert (preset.look, preset.label, preset.help) == (MINE, "Été 1983", "for holidays")
    assert "Été 1983" in list_looks()
    assert [p.name for p in (home / "looks").iterdir()] == ["Été 1983.json"]


def test_renamed(home: Path) -> None:
    save_preset("one", MINE)
    rename_preset("one", "two")
    assert load_preset("two").look == MINE
    assert load_preset("two").label == "two"
    assert "one" not in list_looks()
    with pytest.raises(LookError, match="already"):
        rename_preset("two", "cinema")


def test_the_users_own_hides_a_built_in_one_until_it_is_deleted() -> None:
    before = (BUILT_IN / "looks" / "cinema.json").read_bytes()
    built_in = load_look("cinema")
    save_preset("cinema", MINE)
    assert load_look("cinema") == MINE
    assert is_own("cinema")
    delete_preset("cinema")
    assert load_look("cinema") == built_in
    assert not is_own("cinema")
    assert (BUILT_IN / "looks" / "cinema.json").read_bytes() == before
    for change in (delete_preset, lambda name: rename_preset(name, "mine")):
        with pytest.raises(LookError, match="none of your own"):
            change("cinema")


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a\\b", ".hidden", "end.", "end ", "x" * 65, "a:b", "a\nb", "nul\0"])
def test_names_are_names(name: str, home: Path) -> None:
    with pytest.raises(LookError, match="no name for a look"):
        save_preset(name, MINE)
    assert not home.exists()


def test_imported_and_exported(tmp_path: Path) -> None:
    file = tmp_path / "theirs.json"
    file.write_text(preset_json(load_preset("cinema")), encoding="utf-8")
    assert import_preset(file).look == load_look("cinema")
    assert load_preset("theirs").label == load_preset("cinema").label
    file.write_text('{"look": {"stock": "neutral", "grain": 99}}', encoding="utf-8")
    with pytest.raises(LookError, match="grain"):
        import_preset(file, "other")
    assert "other" not in list_looks()


def test_a_link_to_nowhere_takes_nothing_away(home: Path) -> None:
    for kind, suffix in (("looks", ".json"), ("stocks", ".cube")):
        (home / kind).mkdir(parents=True, exist_ok=True)
        (home / kind / f"gone{suffix}").symlink_to(home / "nowhere")
    assert "gone" not in list_looks()
    assert "gone" not in stock_labels()
    assert "cinema" in list_looks()


def test_without_a_folder_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILMLOOK_HOME")
    with pytest.raises(LookError, match="FILMLOOK_HOME"):
        save_preset("mine", MINE)
