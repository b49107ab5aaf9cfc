"""Presets on the page: chosen, changed, taken back, kept; nothing hides what comes with Film Look, nothing is lost unasked."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from filmlook import Look, MovingLook, list_looks, load_look, load_moving_look
from filmlook.lenses import KEYS
from filmlook.look import SETTINGS
from filmlook.look_choice import VALUES, LookChoice
from filmlook.presets import is_own, load_preset, save_preset
from tests.host.fake import Host

PRESET = "txt2img_film_look_preset"
PLAIN = "The film alone"


@pytest.fixture
def page(host: Host) -> Host:
    """The host with txt2img's accordion built."""
    host.script.ui(False)
    return host


def _save(page: Host, name: str = "", chosen: str = PLAIN, said: str = "", **values: Any) -> str:
    """Presses Save; what it says."""
    fields = {f"{PRESET}_name": name, PRESET: chosen, f"{PRESET}_said": said}
    return str(page.press(f"{PRESET}_save", **fields, **values)[-1])


def _told(page: Host) -> dict[str, Any]:
    """What the page's script knows of the presets."""
    page.script.ui(False)
    told: dict[str, Any] = json.loads(html.unescape(re.findall("data-film-look-presets='([^']*)'", page.find(ABOUT).value)[0]))
    return told


ABOUT = "txt2img_film_look_about"


def test_a_lens_is_put_on_what_is_chosen_and_is_no_setting_itself(page: Host) -> None:
    place = "txt2img_film_look"
    assert page.find(f"{place}_lens").kwargs["choices"][:2] == ["Choose a lens", "No lens"]
    shown, *values = page.press(f"{place}_lens", **{f"{place}_lens": "Petzval"})
    assert shown == "Choose a lens"
    told = dict(zip(KEYS, values, strict=True))
    assert (told["swirl"], told["aperture"], told["bokeh"], told["streak"]) == (1, 2.2, "Round", 0)
    assert set(told) <= {setting.key for setting in SETTINGS}
    assert "lens" not in VALUES


@pytest.mark.parametrize("name", ["cinema", "Cinema", "cinema print", "CINEMA PRINT", PLAIN])
def test_nothing_takes_the_name_of_what_comes_with_film_look(page: Host, name: str) -> None:
    before = list_looks()
    assert "has this name" in _save(page, name)
    assert list_looks() == before
    assert not is_own("cinema")


@pytest.mark.parametrize("chosen", [PLAIN, "Cinema print"])
def test_without_a_name_nothing_is_saved_over_what_is_built_in(page: Host, chosen: str) -> None:
    before = list_looks()
    assert "Give it a name" in _save(page, "", chosen)
    assert list_looks() == before


@pytest.mark.parametrize(("said", "grain"), [("", 3.0), ("no", 3.0), ("yes", 5.0)])
@pytest.mark.parametrize("name", ["", "mine", "MINE"])
def test_nothing_is_written_over_unasked(page: Host, name: str, said: str, grain: float) -> None:
    save_preset("mine", Look(grain=3))
    _save(page, name, "mine", said, txt2img_film_look_grain=5.0)
    assert load_look("mine").grain == grain
    assert [known for known in list_looks() if known.casefold() == "mine"] == ["mine"]


def test_what_moves_in_the_chosen_preset_still_does_where_its_control_was_left(page: Host) -> None:
    rising = "0:(0), 9:(1)"
    save_preset("dawn", MovingLook.from_dict({"exposure": rising, "grain": "0:(1), 9:(3)"}))
    _save(page, "dusk", "dawn", txt2img_film_look_grain=5.0)
    assert load_moving_look("dusk") == MovingLook.from_dict({"exposure": rising, "grain": 5})
    _save(page, "noon", PLAIN)
    assert not load_moving_look("noon").is_moving


def test_writing_over_keeps_label_and_help(page: Host) -> None:
    save_preset("mine", Look(), label="My look", text="Of a rainy day.")
    assert "My look" in _save(page, "", "My look", "yes", txt2img_film_look_grain=5.0)
    kept = load_preset("mine")
    assert (kept.label, kept.help, kept.look.grain) == ("My look", "Of a rainy day.", 5.0)


def test_nothing_is_deleted_unasked(page: Host) -> None:
    save_preset("mine", Look())
    for said in ("", "no"):
        page.press(f"{PRESET}_delete", **{PRESET: "mine", f"{PRESET}_said": said})
        assert is_own("mine")
    update, _, told = page.press(f"{PRESET}_delete", **{PRESET: "mine", f"{PRESET}_said": "yes"})
    assert not is_own("mine")
    assert update["value"] == PLAIN
    assert "mine" in told
    assert "mine" not in update["choices"]


def test_what_is_built_in_is_neither_deleted_nor_renamed(page: Host) -> None:
    for button, fields in (("delete", {f"{PRESET}_said": "yes"}), ("rename", {f"{PRESET}_name": "other"})):
        told = page.press(f"{PRESET}_{button}", **{PRESET: "Cinema print"}, **fields)[-1]
        assert "of your own" in told
    assert "cinema" in list_looks()


def test_what_is_kept_shows_in_every_place_and_after_a_reload(page: Host) -> None:
    for event in page.find(f"{PRESET}_save").events[1:]:
        assert event[1]["_js"] == "film_look_renew_presets"
    assert page.find(f"{PRESET}_save").events[1:]
    _save(page, "mine", txt2img_film_look_grain=5.0)
    page.build_page()
    for place in ("txt2img", "extras", "tab"):
        update, line = page.press(f"{place}_film_look_presets_renew")
        assert "mine" in update["choices"]
        assert "mine" in line


def test_a_list_that_is_old_is_read_again_and_says_so(page: Host) -> None:
    save_preset("mine", Look(grain=5))
    page.script.ui(False)
    (page.folder / "models" / "FilmLook" / "looks" / "mine.json").unlink()
    update, _, *values = page.press(PRESET, **{PRESET: "mine"})
    assert update["value"] == PLAIN
    assert "mine" not in update["choices"]
    assert all("value" not in value for value in values)
    assert "not there any more" in page.warnings[0]


def test_a_stock_that_is_gone_is_told_of_and_the_list_read_again(page: Host) -> None:
    stock = "txt2img_film_look_stock"
    update, *_ = page.press(stock, **{stock: "Film of old"})
    assert "Kodak Gold 200" in update["choices"]
    assert page.warnings == ["This stock is not installed: choose another one."]
    assert "choices" not in page.press(stock, **{stock: "Kodak Portra 400"})[0]
    assert len(page.warnings) == 1


def test_the_first_screen_names_a_look_and_a_stock(page: Host) -> None:
    assert page.find(PRESET).value == PLAIN
    assert page.find("txt2img_film_look_stock").value == "Kodak Gold 200"
    assert page.find("txt2img_film_look_frame").value == "The stock's own (35 mm)"


def test_what_means_nothing_to_a_stock_is_hidden(page: Host) -> None:
    def shown(stock: str) -> tuple[bool, ...]:
        found = page.press("txt2img_film_look_stock", txt2img_film_look_stock=stock)
        return tuple(update["visible"] for update in found[-2:])

    assert [page.find(f"txt2img_film_look_{key}").kwargs["visible"] for key in ("context", "toning")] == [False, False]
    assert shown("Kodak Gold 200") == (False, False)
    assert shown("Kodak Tri-X 400") == (False, True)


def test_the_own_film_format_tells_which_it_is_and_follows_the_stock(page: Host) -> None:
    def frame(stock: str, chosen: str) -> Any:
        fields = {"txt2img_film_look_stock": stock, "txt2img_film_look_frame": chosen}
        return page.press("txt2img_film_look_stock", **fields)[2].get("value")

    assert frame("Kodak Vision3 500T", "The stock's own (35 mm)") == "The stock's own (Super 35)"
    assert frame("Kodak Vision3 500T", "Super 8") is None
    for label, key in (("The stock's own (Super 35)", "stock"), ("The stock's own", "stock"), ("Super 8", "super8")):
        assert LookChoice.from_controls({"frame": label}).look.frame == key


def test_choices_are_read_by_label_and_by_key() -> None:
    for setting in SETTINGS:
        assert len(setting.labels) == len(setting.choices) == len(set(setting.labels))
        for choice, label in zip(setting.choices, setting.labels, strict=True):
            for said in (choice, label):
                assert getattr(LookChoice.from_controls({setting.key: said}).look, setting.key) == choice


def test_arguments_follow_the_settings_whatever_the_layout(page: Host) -> None:
    keys = [str(c.kwargs["elem_id"]).removeprefix("txt2img_film_look_") for c in page.script.ui(False)[1:]]
    assert [key for key in keys if key not in ("input", "frames")] == list(VALUES)


def test_what_a_newcomer_needs_stands_before_the_folds(page: Host) -> None:
    made = [str(c.kwargs.get("elem_id")).removeprefix("txt2img_film_look_") for c in page.gradio.made]
    fold = made.index("film_group")
    first = ("preset", "stock", "print", "strength", "exposure", "grain", "halation")
    assert [key for key in made[:fold] if key in ("preset", *VALUES)] == list(first)


def test_the_pages_script_knows_what_presets_set(page: Host) -> None:
    told = _told(page)
    street, look = told["presets"]["Tri-X street"], load_look("tri-x-street")
    assert street["help"].startswith("Pushed a stop")
    assert street["own"] is False
    assert street["values"]["push"] == look.push
    assert street["values"]["filter"] == "Yellow 8"
    assert street["values"]["print"] == "Black and white, grade 3"
    assert street["values"]["stock"] == "Kodak Tri-X 400"
    assert "grain" not in street["values"]
    assert told["defaults"]["grain"] == 1.0
    assert told["presets"][told["plain"]]["values"] == {}


def test_a_label_cannot_leave_its_place(page: Host) -> None:
    save_preset("mine", Look(), label="</div>'><b>", text='"')
    page.script.ui(False)
    assert "</div>'>" not in page.find(ABOUT).value
    assert "</div>'><b>" in _told(page)["presets"]


@pytest.mark.parametrize("chosen", ["Tri-X street", PLAIN])
def test_one_setting_or_all_are_taken_back(page: Host, chosen: str) -> None:
    look = load_look("tri-x-street") if chosen != PLAIN else Look(stock="kodak_portra_400")
    fields = {PRESET: chosen, "txt2img_film_look_stock": "Kodak Portra 400"}

    def taken(key: str) -> dict[str, Any]:
        found = page.press("txt2img_film_look_take_back", txt2img_film_look_take_back_key=key, **fields)
        return {s.key: value for s, value in zip(SETTINGS, found, strict=True) if not isinstance(value, dict)}

    assert taken("push") == {"push": look.push}
    everything = taken("*")
    assert LookChoice.from_controls(everything).look == look


def test_a_broken_import_does_not_tell_where_the_server_keeps_it(page: Host, tmp_path: Path) -> None:
    file = tmp_path / "secret" / "torn.json"
    file.parent.mkdir()
    file.write_text("{", encoding="utf-8")
    told = page.press(f"{PRESET}_import", **{f"{PRESET}_import": str(file)})[-1]
    assert "torn.json" in told
    assert "secret" not in told


def test_every_button_says_what_it_does(host: Host) -> None:
    host.build_page("txt2img_gallery", "txt2img_send_to_extras", "pnginfo_image", "extras_tab")
    host.script.ui(True)
    ours = [c for c in host.gradio.made if "Button" in type(c).__name__ and "film_look" in str(c.kwargs.get("elem_id"))]
    seen = [c for c in ours if c.kwargs.get("visible") is not False]
    assert len(seen) > 10
    silent = [c.kwargs["elem_id"] for c in seen if not (c.kwargs.get("tooltip") or getattr(c, "webui_tooltip", ""))]
    assert silent == []


def _taken(page: Host, look: Look, chosen: str) -> tuple[Any, LookChoice]:
    """What a look that was chosen in the viewer makes of the list of presets, and of the controls."""
    fields = {"txt2img_film_look_look_text": look.to_json(), PRESET: chosen}
    label, *values = page.press("txt2img_film_look_take_look", **fields)
    return label, LookChoice.from_controls({s.key: value for s, value in zip(SETTINGS, values, strict=True)})


@pytest.mark.parametrize(
    ("change", "chosen", "label"),
    [
        ({}, PLAIN, "Tri-X street"),
        ({"grain": 3.0}, "Tri-X street", None),  # changed: it stays what it was
        ({"grain": 3.0, "stock": "kodak_gold_200", "print": "stock"}, "Tri-X street", PLAIN),
    ],
)
def test_a_look_chosen_in_the_viewer_goes_into_the_controls(
    page: Host, change: dict[str, Any], chosen: str, label: Any
) -> None:
    look = Look.from_dict({**load_look("tri-x-street").to_dict(), **change})
    found, choice = _taken(page, look, chosen)
    assert choice.look == look
    assert found == (label or {"__type__": "update"})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"grain": 99}', '{"stock": "no such film"}'])
def test_what_is_no_look_changes_nothing_and_is_told(page: Host, text: str) -> None:
    found = page.press("txt2img_film_look_take_look", txt2img_film_look_look_text=text)
    assert all(value == {"__type__": "update"} for value in found)
    assert len(page.warnings) == 1


def test_the_pages_script_knows_the_keys_of_labels(page: Host) -> None:
    keys = _told(page)["keys"]
    assert keys["stock"]["Kodak Gold 200"] == "kodak_gold_200"
    assert keys["print"]["Black and white, grade 3"] == "grade-3"
    assert keys["filter"]["Yellow 8"] == "yellow-8"
    assert next(iter(keys["frame"].items())) == ("The stock's own", "stock")
