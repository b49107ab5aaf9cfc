"""What the page tells: what a setting does, which films are like a picture, what is wrong, each in the user's language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filmlook import develop
from filmlook.files import picture
from filmlook.server.request_body import Limits
from tests.api.clients import png
from tests.page.hand import PATIENCE_MS, Hand, Served

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def small(scene: np.ndarray) -> np.ndarray:
    return scene[:120, :160].copy()


@pytest.fixture
def narrow() -> Iterator[Served]:
    """A server that takes little."""
    server = Served(Limits(bytes=2 * 2**20, pixels=20_000))
    yield server
    server.stop()


def german(browser: Any, address: str) -> Hand:
    context = browser.new_context(locale="de-DE")
    context.set_default_timeout(PATIENCE_MS)
    return Hand(context.new_page(), address).visit()


def previews(hand: Hand) -> list[dict[str, Any]]:
    """What is asked for as previews from now on."""
    asked: list[dict[str, Any]] = []
    hand.page.on("request", lambda call: asked.append(json.loads(call.post_data)) if call.url.endswith("/preview") else None)
    return asked


def sketches(asked: list[dict[str, Any]], key: str) -> list[Any]:
    return [call["look"][key] for call in asked if "-sketch-" in call["viewer"]]


def test_a_file_that_is_too_large_is_told_in_a_line_and_not_sent(browser: Any, narrow: Served, small: np.ndarray) -> None:
    hand = german(browser, narrow.address)
    sent: list[str] = []
    hand.page.on("request", lambda call: sent.append(call.url) if call.method == "POST" else None)
    hand.open(png(small) + bytes(3 * 2**20), "huge.png")
    hand.problem().get_by_text("Die Datei hat 4 MB; höchstens 2 MB lassen sich öffnen.").wait_for()
    assert not [url for url in sent if url.endswith("/pictures")]
    hand.open(np.tile(small, (2, 2, 1)), "wide.png")  # small in bytes, but not in pixels
    hand.problem().get_by_text("Das Bild hat 76800 Pixel; erlaubt sind 20000").wait_for()
    hand.open(b"nothing", "broken.png")
    hand.problem().get_by_text("ist kein Bild in PNG, JPEG, WebP oder TIFF und auch nicht in AVIF").wait_for()
    hand.open(png(small)[:400], "short.png")
    hand.problem().get_by_text("short.png: ist abgeschnitten: Das Ende fehlt").wait_for()
    hand.open(small, "good.png").settle()
    hand.page.locator(".name", has_text="good.png").wait_for()
    assert not hand.problem().is_visible()
    hand.page.context.close()


@pytest.mark.long
def test_a_setting_shows_what_it_does_after_a_rest(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).settle()
    asked = previews(hand)
    grain = hand.page.locator(".row:has(#setting-grain)")
    hand.page.locator(".row:has(#setting-push)").evaluate(
        "(row) => ['pointerenter', 'pointerleave'].forEach((kind) => row.dispatchEvent(new PointerEvent(kind)))"
    )  # passed over: nothing is made of it
    grain.hover()
    figures = hand.page.locator(".sketch figure")
    figures.nth(2).wait_for()
    assert figures.all_inner_texts() == ["0", "1.5", "4.15"]
    assert hand.page.locator(".sketch .now").inner_text() == "1.5"
    hand.page.locator(".sketch figure:nth-child(3) canvas:not([height='1'])").wait_for()
    assert sorted(sketches(asked, "grain")) == [0, 1.5, 4.15]
    assert all(call["crop"][2:] == [96, 72] for call in asked if "-sketch-" in call["viewer"])  # pixels of the picture's own
    drawn = [figure.evaluate("(f) => f.querySelector('canvas').toDataURL()") for figure in figures.all()]
    assert len(set(drawn)) == 3
    assert len(set(sketches(asked, "push"))) == 1
    asked.clear()
    hand.page.locator("#setting-exposure").focus()  # by keyboard too; of the whole picture
    hand.page.get_by_text("2.65", exact=True).wait_for()
    assert sorted(sketches(asked, "exposure")) == [-2.65, 0, 2.65]
    assert all(call["long_side"] == 96 for call in asked if "-sketch-" in call["viewer"])
    assert hand.page.locator("#setting-exposure").get_attribute("aria-describedby") == "setting-help"


@pytest.mark.long
def test_films_are_sorted_by_how_like_a_picture_they_are(hand: Hand, small: np.ndarray) -> None:
    hand.visit().page.click("#tab-films")
    page = hand.page
    assert page.get_by_role("button", name="Like a picture").is_disabled()
    hand.open(small).settle()
    film = develop(small, {"stock": "kodak_ektar_100"})
    page.set_input_files("input.reference", {"name": "old.png", "mimeType": "image/png", "buffer": png(film)})
    page.get_by_text("Likest to old.png first").wait_for()
    assert "Kodak Ektar 100" in page.locator(".entry:visible b").all_inner_texts()[:3]
    page.get_by_label("Kind").select_option("negative")  # filters hold all the same
    assert "Kodak Ektar 100" in page.locator(".entry:visible b").all_inner_texts()[:3]
    page.get_by_role("button", name="By name again").click()
    names = page.locator(".entry:visible b").all_inner_texts()
    assert names == sorted(names)
    page.get_by_role("button", name="Like this picture").click()
    page.get_by_text("Likest to this picture first").wait_for()
    page.set_input_files("input.reference", {"name": "old.png", "mimeType": "image/png", "buffer": png(film)})
    page.get_by_text("Likest to old.png first").wait_for()
    page.route("**/like", lambda call: call.fulfill(status=404, json={"detail": "it is forgotten"}))
    once = iter([True])
    page.route("**/pictures", lambda call: call.continue_() if next(once, False) else call.abort())
    hand.open(small[::-1])  # films are compared anew: the reference is forgotten, and cannot be sent again
    page.locator(".like").get_by_text("The server does not answer.").wait_for()
    hand.wrong = []


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "format", "depth"), [("png16", "PNG", np.uint16), ("tiff", "TIFF", np.uint8), ("tiff16", "TIFF", np.uint16)]
)
def test_what_is_developed_has_the_bits_that_are_chosen(
    hand: Hand, small: np.ndarray, kind: str, format: str, depth: Any
) -> None:
    hand.visit().open(small, "holiday.png").settle()
    hand.page.get_by_label("File format").first.select_option(kind)
    with hand.page.expect_download() as download:
        hand.press("Control+Enter")
    data = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename == f"holiday-kodak_gold_200.{'png' if format == 'PNG' else 'tif'}"
    assert picture.decode(data).pixels.dtype == depth


@pytest.mark.long
def test_the_look_goes_out_from_the_menu_by_keyboard(hand: Hand) -> None:
    hand.visit().slide("exposure", 1)
    hand.page.locator(".menu summary").focus()
    hand.press("ArrowDown", "ArrowDown", "ArrowDown")
    with hand.page.expect_download() as download:
        hand.press("Enter")
    assert json.loads(Path(download.value.path()).read_text())["look"]["exposure"] == 1
    hand.page.locator(".menu summary").focus()
    hand.press("ArrowDown")
    assert hand.page.locator("[role=menuitem]:focus").inner_text() == "LUT of the colour (.cube)"
    hand.press("Escape")
    assert not hand.page.locator("[role=menu]").is_visible()


@pytest.mark.long
def test_choices_and_refusals_are_in_the_users_language(browser: Any, served: Served, small: np.ndarray) -> None:
    hand = german(browser, served.address)
    hand.page.get_by_text("Film", exact=True).first.click()
    formats = hand.page.locator("#setting-frame option").all_inner_texts()
    assert "Mittelformat" in formats
    assert "medium" not in formats
    hand.open(small).settle()
    hand.press("s")
    sheet = hand.page.get_by_role("region", name="Kontaktbogen")
    sheet.get_by_label("Kontaktbogen von").select_option("setting")
    sheet.get_by_label("Einstellung", exact=True).select_option("toning")
    sheet.get_by_text("Tonung Sepia").wait_for()
    hand.press("Escape")
    hand.page.evaluate("document.querySelector('film-look-darkroom').setLook({ stock: 'kodak_gold_200', exposure: 9 })")
    hand.problem().get_by_text("Look: exposure ist 9; erlaubt: eine Zahl von -4 bis 4 Blenden").wait_for()
    hand.page.context.close()


@pytest.mark.long
def test_an_open_picture_is_not_lost_to_a_huge_one(browser: Any, narrow: Served, small: np.ndarray) -> None:
    hand = german(browser, narrow.address).open(small, "good.png").settle()
    before = hand.shown()
    hand.open(np.tile(small, (3, 3, 1)), "wide.png")
    hand.problem().wait_for()
    np.testing.assert_array_equal(hand.shown(), before)
    assert "good.png" in hand.page.inner_text(".name")
    hand.page.context.close()


@pytest.mark.long
def test_the_hosts_page_tells_its_sentences_by_the_same_table(hand: Hand) -> None:
    """The script that the WebUI loads, with as much of the WebUI as it asks for."""
    page, script = hand.page, (ROOT / "javascript" / "film_look_texts.js").read_text(encoding="utf-8")
    table = {"{1} of {2} developed, in {3}": "{1} von {2} entwickelt, in {3}", "nothing": "nichts", "failed": "misslungen"}
    host = f"""<!doctype html><script>
        window.localization = {json.dumps(table)};
        const gradioApp = () => document, onUiLoaded = () => {{}}, onAfterUiUpdate = (then) => addEventListener('load', then);
    </script><script src="page/film_look_texts.js"></script>
    <div class="film-look-report">2 of 3 developed, in nothing <b title="failed">b.png</b>
    <p class="film-look-marked">failed</p></div>"""
    page.route("**/host", lambda call: call.fulfill(body=host, content_type="text/html"))
    page.route("**/film_look_texts.js", lambda call: call.fulfill(body=script, content_type="text/javascript"))
    page.route("**/favicon.ico", lambda call: call.fulfill(body=b""))
    page.goto(f"{hand.address}/host")
    page.get_by_text("2 von 3 entwickelt, in nichts").wait_for()
    page.get_by_title("misslungen").wait_for()
    assert page.locator(".film-look-marked").inner_text() == "failed"  # the prompt's own words
