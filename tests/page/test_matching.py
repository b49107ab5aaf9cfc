"""Make mine look like this: references come, a look goes into the settings, and back again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from docs.scenes import landscape
from filmlook import Look, develop
from filmlook.matching.match import PARTS
from filmlook.stock import load_stock
from tests.api.clients import png
from tests.page.hand import Hand

FOUND = {
    "look": Look(stock="kodak_ektar_100", print="kodak_portra_endura", contrast=0.9).to_dict(),
    "fit": {"distance": 2.06, "chance": 0.42, "grain": 3.14},
    "alternatives": [Look(stock="fujifilm_velvia_50").to_dict(), Look(stock="kodak_portra_160").to_dict()],
}


@pytest.fixture(scope="session")
def small(scene: np.ndarray) -> np.ndarray:
    return scene[:120, :160].copy()


@pytest.fixture(scope="session")
def film() -> bytes:
    """A photograph on black and white film."""
    return png(develop(np.asarray(landscape(160, 240).convert("RGB")), Look(stock="kodak_tri_x_400"), seed=1))


def give(hand: Hand, *references: tuple[str, bytes]) -> Hand:
    """Opens the page's part for it, and chooses references."""
    hand.page.click("#tab-match")
    files = [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in references]
    hand.page.set_input_files(".references-file", files)
    return hand


def find(hand: Hand) -> Any:
    hand.page.get_by_role("button", name="Find the look").click()
    return hand.page.locator(".matching .told")


def answered(hand: Hand, answer: dict[str, Any]) -> list[str]:
    """The server's answer from now on; what it was sent."""
    sent: list[str] = []

    def answer_it(route: Any) -> None:
        sent.append(route.request.post_data_buffer.decode("latin-1"))
        route.fulfill(status=200, content_type="application/json", body=json.dumps(answer))

    hand.page.route("**/match", answer_it)
    return sent


@pytest.mark.long
def test_a_black_and_white_photograph_makes_the_picture_black_and_white(hand: Hand, small: np.ndarray, film: bytes) -> None:
    give(hand.visit().open(small), ("film.png", film))
    find(hand).get_by_text("colours within").wait_for()
    assert load_stock(hand.page.input_value("#setting-stock")).is_monochrome
    assert np.ptp(hand.shown()[200:500, 500:800], axis=-1).max() < 30


def test_what_is_found_goes_into_the_settings_and_is_undone(hand: Hand, small: np.ndarray, film: bytes) -> None:
    give(hand.visit().open(small), ("film.png", film))
    hand.settle().slide("halation", 0.5)
    page, sent = hand.page, answered(hand, FOUND)
    page.locator("#match-weight").fill("0.6")
    page.select_option("#match-seek", "colour")
    told = "Kodak Ektar 100, Kodak Portra Endura: likely (0.42), colours within 2.1. Grain of 3.1 codes of 255."
    find(hand).get_by_text(told).wait_for()
    order = json.loads(sent[0].partition('name="order"')[2].strip().partition("\r\n")[0])
    assert (order["weight"], order["only"], order["look"]["halation"]) == (0.6, "colour", 0.5)
    assert (page.input_value("#setting-stock"), hand.number("contrast")) == ("kodak_ektar_100", 0.9)
    others = page.locator(".matching .look")
    assert others.all_inner_texts() == ["Kodak Ektar 100, Kodak Portra Endura", "Fujifilm Velvia 50", "Kodak Portra 160"]
    others.last.locator("img:not([hidden])").wait_for()  # each shows the picture
    others.nth(1).click()
    assert page.input_value("#setting-stock") == "fujifilm_velvia_50"
    assert others.nth(1).get_attribute("aria-pressed") == "true"
    page.locator("film-look-darkroom").get_by_role("button", name="Undo", exact=True).click()
    assert page.input_value("#setting-stock") == "kodak_ektar_100"
    page.locator("film-look-darkroom").get_by_role("button", name="Undo", exact=True).click()
    assert (page.input_value("#setting-stock"), hand.number("halation")) == ("kodak_gold_200", 0.5)


def test_what_can_be_sought_is_what_the_engine_seeks(hand: Hand) -> None:
    hand.visit()
    offered = hand.page.locator("#match-seek option").evaluate_all("(all) => all.map((one) => one.value)")
    assert offered == ["all", *PARTS]
    assert hand.page.get_by_role("button", name="Find the look", include_hidden=True).is_disabled()  # without a reference


def test_what_shows_nothing_is_told_by_its_name(hand: Hand, film: bytes) -> None:
    black = png(np.zeros((80, 80, 3), np.uint8))
    give(hand.visit(), ("film.png", film), ("night.png", black))
    find(hand).get_by_text("night.png: the reference is black: there is nothing to tell a look by", exact=True).wait_for()
    assert hand.page.inner_text(".chosen") == "Gold 200 snapshot"
    hand.page.get_by_role("button", name="Remove from the list: film.png").click()
    find(hand).get_by_text("the reference is black: there is nothing to tell a look by", exact=True).wait_for()
    hand.wrong = [line for line in hand.wrong if "422" not in line]  # browsers note every refusal in the console


def test_a_stopped_search_changes_nothing(hand: Hand, film: bytes) -> None:
    give(hand.visit(), ("film.png", film))
    hand.page.route("**/match", lambda route: None)  # no answer comes
    told = find(hand)
    assert hand.page.get_by_role("progressbar", name="Looking for it").is_visible()
    hand.press("Enter")  # the button that stops has the focus
    told.get_by_text("Stopped").wait_for()
    assert hand.page.inner_text(".chosen") == "Gold 200 snapshot"
    assert hand.page.get_by_role("button", name="Find the look").is_visible()


def test_a_reference_stands_beside_the_picture(hand: Hand, small: np.ndarray) -> None:
    red = np.zeros((80, 120, 3), np.uint8)
    red[..., 0] = 255
    give(hand.visit().open(small), ("red.png", png(red)))
    before = hand.shown()
    beside = hand.page.get_by_role("button", name="red.png", exact=True)
    beside.click()
    hand.page.locator(".label.left", has_text="Reference").wait_for()
    shown = hand.shown()
    height, width = shown.shape[:2]
    assert shown[height // 2, width // 4].tolist() == [255, 0, 0]
    assert shown[height // 2, 3 * width // 4].tolist() != [255, 0, 0]
    assert beside.get_attribute("aria-pressed") == "true"
    beside.click()
    hand.page.locator(".label.left", has_text="Reference").wait_for(state="detached")
    np.testing.assert_array_equal(hand.shown(), before)


def test_what_is_dropped_there_is_a_reference_and_no_picture(hand: Hand, film: bytes) -> None:
    hand.visit().page.click("#tab-match")
    drop = """(element, bytes) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], 'film.png', { type: 'image/png' }));
        element.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    hand.page.locator(".matching .drop").evaluate(drop, list(film))
    hand.page.locator(".references .reference").wait_for()
    assert hand.page.inner_text("header .name") == ""
    assert hand.page.get_by_role("button", name="Find the look").is_enabled()
