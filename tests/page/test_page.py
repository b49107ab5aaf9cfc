"""Around the viewer: looks, films, settings, contact sheet, export; by mouse, and by keyboard alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook.files import lut
from filmlook.look import SETTINGS
from filmlook.presets import list_presets, load_preset
from filmlook.stock import stock_labels
from tests.page.hand import PATIENCE_MS, Hand, Served

pytestmark = pytest.mark.long


@pytest.fixture(scope="session")
def small(scene: np.ndarray) -> np.ndarray:
    return scene[:120, :160].copy()


def test_every_setting_has_its_control_within_its_range(hand: Hand) -> None:
    hand.visit()
    for setting in SETTINGS:
        control = hand.page.locator(f"#setting-{setting.key}")
        assert control.count() == 1, setting.key
        if setting.is_number:
            limits = [float(control.get_attribute(name)) for name in ("min", "max", "step")]
            assert limits == [setting.low, setting.high, setting.step], setting.key
    shown = hand.page.locator(".row label:visible").all_inner_texts()
    assert shown[:6] == ["Stock", "Print", "Strength", "Exposure (stops)", "Grain", "Halation"]
    assert "Softness" not in " ".join(shown)  # folded


def test_what_differs_from_the_preset_is_marked_and_goes_back(hand: Hand) -> None:
    hand.visit().slide("exposure", 1.5)
    row = hand.page.locator(".row:has(#setting-exposure)")
    assert "changed" in row.get_attribute("class")
    assert hand.page.inner_text(".chosen") == "Gold 200 snapshot changed"
    row.locator("label").dblclick()
    assert hand.number("exposure") == 0
    assert "changed" not in row.get_attribute("class")
    assert hand.page.inner_text(".chosen") == "Gold 200 snapshot"
    assert hand.page.inner_text(".chosen + .note") == load_preset("gold-snapshot").help
    hand.page.fill("#setting-exposure", "99")  # more than there is
    hand.press("Enter")
    assert hand.number("exposure") == 4


def test_settings_that_mean_nothing_to_a_film_are_hidden(hand: Hand) -> None:
    hand.visit()
    for stock, seen in {
        "kodak_gold_200": [False, False],
        "kodak_tri_x_400": [False, True],
        "fujifilm_classic_negative_network": [True, False],
    }.items():
        hand.page.select_option("#setting-stock", stock)
        for key, is_seen in zip(("context", "toning"), seen, strict=True):
            state = "attached" if is_seen else "hidden"
            hand.page.locator(f".row:not([hidden]):has(#setting-{key})").wait_for(state=state)


def test_pointing_at_a_setting_tells_what_it_does(hand: Hand) -> None:
    hand.visit()
    hand.page.locator(".row:has(#setting-exposure)").hover()
    told = hand.page.inner_text(".help")
    assert "Exposure in the camera; the print is not corrected for it." in told
    assert "-4 – 4 stops" in told


def test_presets_of_ones_own(hand: Hand, home: Path) -> None:
    hand.visit().slide("exposure", 1)
    page, note = hand.page, hand.page.locator(".looks .told")

    def save(name: str) -> None:
        page.get_by_role("button", name="Save", exact=True).first.click()
        page.locator("dialog input").fill(name)
        page.locator("dialog button.main").click()

    save("Mine")
    note.get_by_text("Saved: Mine").wait_for()
    assert json.loads((home / "looks" / "Mine.json").read_text())["look"]["exposure"] == 1
    assert page.inner_text(".chosen") == "Mine"

    hand.slide("exposure", 2)
    save("Mine")
    page.locator("dialog").get_by_text("There is a look Mine already. Save over it?").wait_for()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    assert json.loads((home / "looks" / "Mine.json").read_text())["look"]["exposure"] == 1

    page.get_by_role("button", name="Rename").click()
    page.locator("dialog input").fill("Yours")
    page.locator("dialog button.main").click()
    note.get_by_text("Renamed: Yours").wait_for()
    assert [path.name for path in (home / "looks").iterdir()] == ["Yours.json"]
    hand.page.reload()
    page.locator(".look", has_text="Yours").wait_for()  # it is there after a reload

    page.get_by_role("button", name="Delete").click()
    page.locator("dialog button.main").click()
    note.get_by_text("Deleted: Yours").wait_for()
    assert not list((home / "looks").iterdir())


def test_a_name_of_a_built_in_look_is_asked_about(hand: Hand, home: Path) -> None:
    hand.visit()
    hand.page.get_by_role("button", name="Save", exact=True).first.click()
    hand.page.locator("dialog input").fill("clean-print")
    hand.page.locator("dialog button.main").click()
    hand.page.get_by_text("clean-print comes with Film Look. Hide it with yours?").wait_for()
    hand.press("Escape")
    assert not home.exists()


def test_a_look_goes_out_as_a_file_and_comes_in_again(hand: Hand, home: Path) -> None:
    hand.visit().slide("exposure", 1.25)
    with hand.page.expect_download() as download:
        hand.page.get_by_role("button", name="Save as file").click()
    data = Path(download.value.path()).read_bytes()
    hand.slide("exposure", 0)
    file = hand.page.locator(".looks input[type=file]")
    file.set_input_files({"name": "brought.json", "mimeType": "application/json", "buffer": data})
    hand.page.locator(".look[aria-pressed=true]", has_text="Gold 200 snapshot").nth(0).wait_for()
    hand.page.locator(".looks .told", has_text="Saved: brought").wait_for()
    assert json.loads((home / "looks" / "brought.json").read_text())["look"]["exposure"] == 1.25
    file.set_input_files({"name": "no.json", "mimeType": "application/json", "buffer": b"[1, 2"})
    hand.page.locator(".looks .told", has_text="This file is no look.").wait_for()


def test_the_gallery_shows_the_picture_with_every_look(hand: Hand, small: np.ndarray) -> None:
    hand.visit().open(small)
    for preset in list_presets():
        card = hand.page.get_by_role("button", name=preset.label, exact=True)
        card.locator("img:not([hidden])").wait_for()
    hand.page.get_by_role("button", name="Tri-X street", exact=True).click()
    assert hand.page.input_value("#setting-stock") == "kodak_tri_x_400"
    assert np.ptp(hand.shown()[200:500, 300:900].astype(int), axis=-1).max() < 30  # black and white, but for its tone


def test_films_are_found_and_remembered(hand: Hand) -> None:
    hand.visit().page.click("#tab-films")
    page = hand.page
    assert page.locator(".entry:visible").count() == len(stock_labels())
    page.get_by_label("Moods").select_option("neon")
    page.get_by_label("Maker", exact=True).select_option("CineStill")
    assert page.locator(".entry:visible b").all_inner_texts() == ["CineStill 800T"]
    page.get_by_label("Moods").select_option("")
    page.get_by_label("Maker", exact=True).select_option("")
    page.get_by_label("ISO").select_option(label="≤ 64")
    assert "Fujifilm Velvia 50" in page.locator(".entry:visible b").all_inner_texts()
    assert "Kodak Gold 200" not in page.locator(".entry:visible b").all_inner_texts()
    page.get_by_label("ISO").select_option("")
    page.get_by_placeholder("Find a film").fill("kodak portra 400")
    assert page.locator(".entry:visible b").all_inner_texts() == ["Kodak Portra 400"]
    page.locator(".entry:visible .star").click()
    page.locator(".entry:visible .film").click()
    page.wait_for_selector(".film[aria-pressed=true]")
    assert page.input_value("#setting-stock") == "kodak_portra_400"
    page.reload()
    page.click("#tab-films")
    assert page.locator(".entry b").first.inner_text() == "Kodak Portra 400"  # favourites come first


def test_a_film_that_cannot_be_printed_so_is_printed_as_it_is_usually(hand: Hand) -> None:
    hand.visit().page.select_option("#setting-print", "minilab")
    hand.page.select_option("#setting-stock", "kodak_tri_x_400")
    hand.page.wait_for_selector(".film[aria-pressed=true]", state="attached")
    hand.page.wait_for_selector('#setting-print option[value="grade-2"]:not([disabled])', state="attached")
    allowed = hand.page.locator("#setting-print option:not([disabled])").evaluate_all("all => all.map((one) => one.value)")
    assert hand.page.input_value("#setting-print") in allowed
    assert "kodak_2383" not in allowed


def test_a_frame_of_the_contact_sheet_takes_over(hand: Hand, small: np.ndarray) -> None:
    hand.visit().open(small).settle()
    hand.press("s")
    sheet = hand.page.get_by_role("region", name="Contact sheet")
    sheet.get_by_text("Kodak Ektar 100").click()
    assert hand.page.input_value("#setting-stock") == "kodak_ektar_100"
    sheet.get_by_label("Contact sheet of").select_option("setting")
    sheet.get_by_label("Setting", exact=True).select_option("saturation")
    sheet.locator(".frame").nth(4).wait_for()
    shown = sheet.locator(".caption").all_inner_texts()
    assert shown == [f"Saturation {value}" for value in ("0.5", "0.75", "1", "1.25", "1.5")]  # around where it is
    assert sheet.locator(".frame[aria-pressed=true]").inner_text() == "Saturation 1"
    sheet.locator(".frame").first.click()
    assert hand.number("saturation") == 0.5
    assert hand.page.input_value("#setting-stock") == "kodak_ektar_100"
    hand.press("Control+z")
    assert hand.number("saturation") == 1


def test_scopes_follow_the_look(hand: Hand, small: np.ndarray) -> None:
    hand.visit().open(small).settle()
    with hand.page.expect_response(lambda answer: answer.url.endswith("/scopes")) as first:
        hand.press("g")
    with hand.page.expect_response(lambda answer: answer.url.endswith("/scopes")) as second:
        hand.slide("exposure", 3)
    assert second.value.json()["after"]["clipped"]["white"] >= first.value.json()["after"]["clipped"]["white"]
    assert second.value.json()["after"]["histogram"] != first.value.json()["after"]["histogram"]
    hand.page.get_by_role("region", name="Scopes").get_by_text("black").wait_for()


def test_the_film_card_tells_of_the_film_that_is_chosen(hand: Hand, small: np.ndarray) -> None:
    hand.visit().open(small).settle()
    hand.press("i")
    card = hand.page.get_by_role("region", name="Film card")
    card.get_by_role("heading", name="Kodak Gold 200").wait_for()
    assert card.get_by_text("Kodak · ISO 200 · negative film").is_visible()
    plots = card.get_by_role("img")
    assert [plot.get_attribute("aria-label") for plot in plots.all()] == ["Characteristic curves", "Granularity", "MTF"]
    for plot in plots.all():
        drawn = plot.evaluate(
            "(canvas) => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
        )
        assert drawn > 20  # lines of several colours, and not an empty plot
    hand.page.select_option("#setting-stock", "kodak_gold_200_network")
    card.get_by_text("it has no curves to show").wait_for()


def test_what_is_developed_is_saved_in_the_format_that_is_chosen(hand: Hand, small: np.ndarray) -> None:
    hand.visit().open(small, "holiday.png").settle()
    hand.page.get_by_label("File format").select_option("webp")
    with hand.page.expect_download() as download:
        hand.press("Control+Enter")
    assert download.value.suggested_filename == "holiday-kodak_gold_200.webp"
    with Image.open(download.value.path()) as made:
        assert (made.format, made.size) == ("WEBP", (160, 120))


def test_the_colour_goes_out_as_a_lut(hand: Hand, tmp_path: Path) -> None:
    hand.visit().page.locator(".menu summary").click()
    with hand.page.expect_download() as download:
        hand.page.get_by_role("menuitem", name="LUT of the colour (.cube)").click()
    assert download.value.suggested_filename == "kodak_gold_200.cube"
    download.value.save_as(tmp_path / "look.cube")
    assert lut.read_lut(tmp_path / "look.cube").table.shape == (33, 33, 33, 3)


def test_by_keyboard_alone(hand: Hand, small: np.ndarray) -> None:
    hand.visit().open(small).settle()
    for _ in range(120):
        hand.press("Tab")
        if hand.page.evaluate("document.activeElement.matches('.row:has(#setting-exposure) input[type=range]')"):
            break
    hand.press("ArrowRight", "ArrowRight")
    assert hand.number("exposure") == pytest.approx(0.1)
    hand.press("?")
    keys = hand.page.get_by_role("dialog", name="Keyboard")
    assert "Hold for the picture before" in keys.inner_text()
    hand.press("Escape")
    assert not keys.is_visible()
    hand.press("s")
    hand.page.get_by_role("button", name="Save", exact=True).first.click()
    hand.page.locator("dialog .actions button").first.focus()
    hand.press("g", "Escape")  # in a dialogue they are the dialogue's
    assert [panel.get_attribute("aria-label") for panel in hand.page.locator(".panel").all()] == ["Contact sheet"]
    frame = hand.page.locator(".frame").first
    frame.focus()
    hand.press("Enter")
    assert hand.page.input_value("#setting-stock") == "cinestill_800t"
    hand.press("Escape")
    assert not hand.page.locator(".panel").count()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800), (1400, 900), (3840, 2160)])
def test_nothing_sticks_out(hand: Hand, small: np.ndarray, width: int, height: int) -> None:
    hand.page.set_viewport_size({"width": width, "height": height})
    hand.visit().open(small).settle()
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= width
    for tab in ("looks", "films", "settings"):
        if hand.page.locator(f"#tab-{tab}").is_visible():
            hand.page.click(f"#tab-{tab}")
            assert hand.page.evaluate("document.documentElement.scrollWidth") <= width
    stage = hand.page.locator("canvas.picture").bounding_box()
    assert stage["width"] > 0.45 * width
    assert stage["height"] > 0.25 * height


def test_the_page_speaks_the_users_language(browser: Any, served: Served) -> None:
    context = browser.new_context(locale="de-DE")
    context.set_default_timeout(PATIENCE_MS)
    hand = Hand(context.new_page(), served.address).visit()
    assert hand.page.get_by_role("button", name="Entwickeln", exact=True).count() == 1
    assert hand.page.get_by_role("button", name="Kontaktbogen").count() == 1
    hand.page.select_option("#language", "ja_JP")
    hand.page.get_by_role("button", name="現像", exact=True).wait_for()
    hand.page.reload()
    hand.page.get_by_role("button", name="現像", exact=True).wait_for()
    context.close()


def test_without_motion_where_none_is_wanted(browser: Any, served: Served) -> None:
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    hand = Hand(context.new_page(), served.address).visit()
    moving = hand.page.locator("film-look-darkroom").evaluate(
        "(room) => getComputedStyle(room.shadowRoot.querySelector('.stage'), '::after').animationName"
    )
    assert moving == "none"
    context.close()
