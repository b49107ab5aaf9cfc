"""The dropdown of prints: it stands beside the stock, and holds what the stock allows, however the stock was chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filmlook import Look
from filmlook.files import infotext
from filmlook.paths import BUILT_IN
from filmlook.presets import load_preset, save_preset
from tests.host.conftest import look_in
from tests.host.fake import Host

OWN, MINILAB, NEGATIVE = "The stock's own", "Minilab scan", "The negative itself"
STOCK, PRINT = "txt2img_film_look_stock", "txt2img_film_look_print"


@pytest.fixture
def page(host: Host) -> Host:
    """The host with txt2img's accordion built."""
    host.script.ui(False)
    return host


def _changed(host: Host, stock: Any, chosen: Any) -> dict[str, Any]:
    """What becomes of the prints once the stock is another one."""
    update: dict[str, Any] = host.press(STOCK, **{STOCK: stock, PRINT: chosen})[1]
    return update


def test_it_begins_with_what_the_stock_allows(page: Host) -> None:
    made = page.find(PRINT)
    assert made.value == OWN
    choices = made.kwargs["choices"]
    assert (choices[0], choices[1], choices[-1]) == (OWN, MINILAB, NEGATIVE)
    assert "Kodak Vision 2383" in choices
    assert not [choice for choice in choices if "grade" in choice]


def test_its_choices_follow_the_stock(page: Host) -> None:
    grey = _changed(page, "Kodak Tri-X 400", OWN)
    assert grey["choices"] == [OWN, MINILAB, *(f"Black and white, grade {n}" for n in range(6)), NEGATIVE]
    assert _changed(page, "Fujifilm Velvia 100", OWN)["choices"] == [OWN]
    assert _changed(page, "Fujifilm Classic Negative", OWN)["choices"] == [OWN, NEGATIVE]
    assert "Kodak Vision 2383" in _changed(page, "Kodak Portra 400", OWN)["choices"]


def test_a_print_stays_where_it_is_allowed_and_is_the_stocks_own_where_it_is_not(page: Host) -> None:
    assert "value" not in _changed(page, "Kodak Portra 400", "Kodak Vision 2383")
    assert _changed(page, "Kodak Tri-X 400", "Kodak Vision 2383")["value"] == OWN
    assert _changed(page, "Kodak Kodachrome 64", NEGATIVE)["value"] == OWN
    assert _changed(page, "Kodak Portra 400", None)["value"] == OWN


@pytest.mark.parametrize("stock", [None, "", "a film that is not here"])
def test_without_a_stock_there_is_its_own_alone(page: Host, stock: Any) -> None:
    assert _changed(page, stock, MINILAB) == {"__type__": "update", "choices": [OWN], "value": OWN}


def test_a_damaged_stock_has_its_own_alone(page: Host) -> None:
    stocks = page.folder / "models" / "FilmLook" / "stocks"
    text = (BUILT_IN / "stocks" / "kodak_gold_200.json").read_text(encoding="utf-8")
    (stocks / "torn.json").write_text(text.replace('"curve"', '"curves"').replace("Kodak Gold 200", "Torn"), encoding="utf-8")
    assert _changed(page, "Torn", MINILAB)["choices"] == [OWN]


def test_the_button_beside_the_stock_finds_papers_too(page: Host) -> None:
    text = (BUILT_IN / "papers" / "kodak_2383.json").read_text(encoding="utf-8")
    file = page.folder / "models" / "FilmLook" / "papers" / "mine.json"
    file.write_text(text.replace("Kodak Vision 2383", "My paper"), encoding="utf-8")
    stocks, prints, *_ = page.press("txt2img_film_look_refresh_stocks", **{PRINT: "My paper"})
    assert "Kodak Gold 200" in stocks["choices"]
    assert "My paper" in prints["choices"]
    assert "value" not in prints
    file.unlink()
    assert page.press("txt2img_film_look_refresh_stocks", **{PRINT: "My paper"})[1]["value"] == OWN


def test_few_listeners_do_it(page: Host) -> None:
    """Each has its connection and its thread in the host."""
    settings = [c for c in page.gradio.made if str(c.kwargs.get("elem_id")).startswith("txt2img_film_look_")]
    assert (
        sum(len(c.events) for c in settings if c.kwargs.get("label") and not c.kwargs["elem_id"].endswith(("_preset", "_lens")))
        == 1
    )


def test_choosing_a_preset_sets_its_print(page: Host) -> None:
    save_preset("printed", Look(stock="kodak_portra_400", print="kodak_2383"))
    _, event = page.find("txt2img_film_look_preset").events[-1]
    values = dict(zip((c.kwargs["elem_id"] for c in event["outputs"]), event["fn"]("printed", "Kodak Gold 200"), strict=True))
    assert values[PRINT] == "Kodak Vision 2383"
    assert "value" not in _changed(page, values[STOCK], values[PRINT])  # the stock's listener, which comes after, keeps it


def test_saving_a_preset_keeps_the_print(page: Host) -> None:
    page.press("txt2img_film_look_preset_save", txt2img_film_look_preset_name="kept", **{PRINT: "Kodak Vision 2383"})
    assert load_preset("kept").look == Look(print="kodak_2383")


def test_paste_brings_the_print_by_its_label(page: Host) -> None:
    keys = infotext.pairs_of(page.txt2img([{"stock": "kodak_double_x_5222", "print": "grade-4"}]).infotexts[0])
    page.script.ui(False)
    values = {component.kwargs["elem_id"]: function(keys) for component, function in page.script.infotext_fields}
    assert values[PRINT] == "Black and white, grade 4"
    assert "value" not in _changed(page, values[STOCK], values[PRINT])


def test_reset_puts_it_back(page: Host) -> None:
    page.options.data["film_look_preset"] = "printed"
    save_preset("printed", Look(stock="kodak_vision3_50d", print="kodak_2393"))
    _, event = page.find("txt2img_film_look_reset").events[-1]
    values = dict(zip((c.kwargs["elem_id"] for c in event["outputs"]), event["fn"](), strict=True))
    assert (values[STOCK], values[PRINT]) == ("Kodak Vision3 50D", "Kodak Vision Premier 2393")
    page.script.ui(False)
    assert page.find(PRINT).value == "Kodak Vision Premier 2393"
    assert NEGATIVE in page.find(PRINT).kwargs["choices"]


def test_in_extras_and_in_the_tab_too(host: Host, tmp_path: Path) -> None:
    host.build_page()
    for prefix in ("extras", "tab"):
        update = host.press(f"{prefix}_film_look_stock", **{f"{prefix}_film_look_stock": "Kodak Tri-X 400"})[1]
        assert "Black and white, grade 3" in update["choices"]


def test_the_page_says_it_by_label(host: Host) -> None:
    values = [component.value for component in host.script.ui(False)]
    places = [component.kwargs["elem_id"] for component in host.script.ui(False)]
    values[0] = True
    values[places.index(PRINT)] = "Kodak Vision 2383"
    assert look_in(host.txt2img(values).infotexts[0]) == Look(print="kodak_2383")


def _row_of(host: Host, identity: str) -> list[str]:
    """The settings that stand in one row with this one, in order."""
    made = host.gradio.made
    row = made.index(host.find(identity))
    while type(made[row]).__name__ != "Row":
        row -= 1
    beside = []
    for component in made[row + 1 :]:
        if type(component).__name__ not in ("Slider", "Dropdown", "Button"):
            break
        beside.append(str(component.kwargs["elem_id"]).rpartition("film_look_")[2])
    return beside


def test_what_belongs_together_stands_side_by_side(page: Host) -> None:
    assert _row_of(page, STOCK)[:2] == ["stock", "print"]
    assert _row_of(page, "txt2img_film_look_tone_shadows_hue") == ["tone_shadows", "tone_shadows_hue"]
    assert _row_of(page, "txt2img_film_look_tone_highlights") == ["tone_highlights", "tone_highlights_hue"]
    assert _row_of(page, "txt2img_film_look_light_red") == ["print_exposure", "light_red"]
    assert _row_of(page, "txt2img_film_look_filter") == ["filter", "light_balance"]
