"""Depth in the darkroom: a map beside the picture blurs it, and a click on the picture sets what is sharp."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmlook.depth import maps, networks
from filmlook.files import infotext
from tests.api.clients import png
from tests.page.hand import Hand


@pytest.fixture(autouse=True)
def _no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(maps, "_kept", type(maps._kept)())
    monkeypatch.setattr(networks, "_NAMES", ())
    networks._network.cache_clear()


@pytest.fixture(scope="module")
def stripes() -> np.ndarray:
    made = np.full((400, 600, 3), 60, np.uint8)
    made[:, np.arange(600) % 12 < 6] = 170
    return made


@pytest.fixture(scope="module")
def near_left(stripes: np.ndarray) -> np.ndarray:
    depth = np.zeros(stripes.shape[:2], np.uint8)
    depth[:, :300] = 255
    return depth


def wide_open(hand: Hand) -> Hand:
    hand.page.locator(".controls summary", has_text="Depth").click()
    for key, value in {"grain": 0, "aperture": 1.2, "focal_length": 200, "focus": 0, "depth_near": 1}.items():
        hand.slide(key, value)
    return hand


def give(hand: Hand, depth: np.ndarray, name: str = "photo-depth.png") -> Hand:
    if not hand.page.locator(".panel.depth").count():
        hand.page.get_by_role("button", name="Depth", exact=True).click()
    hand.page.set_input_files(".depth-file", {"name": name, "mimeType": "image/png", "buffer": png(depth)})
    return hand


def crispness(pixels: np.ndarray) -> tuple[float, float]:
    """How crisp the picture is on the left of the canvas, and on the right."""
    line = pixels[pixels.shape[0] // 2 - 20 : pixels.shape[0] // 2 + 20]
    seen = np.flatnonzero(line.mean((0, 2)) > 40)
    left, right = seen[0] + 20, seen[-1] - 20
    steps = np.abs(np.diff(line[:, left:right].mean(2), axis=1)).mean(0)
    return float(steps[: len(steps) // 3].mean()), float(steps[-len(steps) // 3 :].mean())


def click_at(hand: Hand, across: float) -> None:
    box = hand.page.locator("canvas.picture").bounding_box()
    hand.page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] / 2)


def test_a_map_blurs_the_preview_and_may_be_turned_and_taken_away(
    hand: Hand, stripes: np.ndarray, near_left: np.ndarray
) -> None:
    wide_open(hand.visit().open(stripes).settle()).settle()
    lacks = hand.page.locator(".lacks")
    lacks.filter(has_text="No depth map, so nothing is blurred").wait_for()
    sharp = crispness(hand.shown())
    give(hand, near_left)
    note = hand.page.locator(".panel.depth .note", has_text="photo-depth.png")
    note.wait_for()
    assert not lacks.is_visible()
    near, far = crispness(hand.shown())
    assert near > 0.8 * sharp[0]
    assert far < 0.6 * sharp[1]
    hand.page.locator(".panel.depth").get_by_label("White is far").check()
    near, far = crispness(hand.shown())
    assert near < 0.6 * sharp[0]
    assert far > 0.8 * sharp[1]
    hand.press("o")
    hand.page.get_by_role("button", name="Take away").click()
    hand.page.locator("button.focus[aria-pressed=false]").wait_for()
    assert min(crispness(hand.shown())) > 0.8 * min(sharp)


def test_a_map_of_another_size_is_refused_in_a_line_with_both(hand: Hand, stripes: np.ndarray) -> None:
    give(hand.visit().open(stripes).settle(), stripes[:100, :150, 0].copy())
    told = hand.page.locator(".panel.depth .note")
    told.filter(has_text="photo-depth.png: The depth map has 150 × 100 pixels, the picture 600 × 400").wait_for()
    assert hand.page.get_by_role("button", name="Take away").is_disabled()


def test_a_click_sets_the_focus_and_opens_a_closed_aperture(hand: Hand, stripes: np.ndarray, near_left: np.ndarray) -> None:
    give(hand.visit().open(stripes).settle(), near_left)
    hand.page.locator(".panel.depth .note", has_text="photo-depth.png").wait_for()
    hand.press("o")
    focus = hand.page.get_by_role("button", name="Focus")
    assert focus.get_attribute("aria-pressed") == "true"
    click_at(hand, 0.75)
    hand.page.locator(".said", has_text="the aperture was closed, and is f/2 now").wait_for(state="attached")
    assert (hand.number("focus"), hand.number("aperture")) == (1, 2)
    click_at(hand, 0.25)
    hand.page.locator(".said", has_text="Focus 0").wait_for(state="attached")
    assert (hand.number("focus"), hand.number("aperture")) == (0, 2)
    hand.press("Control+z")
    assert hand.number("focus") == 1
    hand.press("Escape")
    assert focus.get_attribute("aria-pressed") == "false"
    assert hand.page.locator(".panel.depth").count() == 1


def test_without_a_map_focus_says_why_it_cannot(hand: Hand, stripes: np.ndarray) -> None:
    hand.visit().open(stripes).settle()
    focus = hand.page.get_by_role("button", name="Focus")
    focus.click()
    hand.page.locator("button.focus:disabled").wait_for()
    assert "install a depth network" in focus.get_attribute("title")


def test_a_lens_is_put_on_and_shown_as_long_as_the_settings_are_its_own(hand: Hand, stripes: np.ndarray) -> None:
    hand.visit().open(stripes).settle()
    film, lens = hand.page.input_value("#setting-stock"), hand.page.locator("#lens")
    lens.select_option(label="Petzval")
    assert (hand.number("aperture"), hand.number("swirl"), hand.number("vignette")) == (2.2, 1, 0.55)
    assert hand.page.input_value("#setting-stock") == film
    wide_open(hand)
    assert lens.input_value() == ""  # settings of one's own
    lens.select_option(label="No lens")
    assert (hand.number("aperture"), hand.number("swirl"), hand.number("vignette")) == (0, 0, 0)
    hand.page.get_by_role("button", name="Portra, 85 mm f/1.4").click()
    assert lens.input_value() == "85mm-f1.4"


def test_developing_takes_the_map(hand: Hand, stripes: np.ndarray, near_left: np.ndarray) -> None:
    wide_open(give(hand.visit().open(stripes).settle(), near_left)).settle()
    hand.page.locator(".panel.depth .note", has_text="photo-depth.png").wait_for()
    with hand.page.expect_download() as saving:
        hand.press("Control+Enter")
    made = Image.open(io.BytesIO(Path(saving.value.path()).read_bytes()))
    assert "Film Look depth" in infotext.pairs_of(made.info["parameters"])


def test_a_batch_finds_its_maps_among_the_files(hand: Hand, stripes: np.ndarray, near_left: np.ndarray) -> None:
    wide_open(hand.visit())
    hand.page.get_by_role("button", name="Batch").click()
    files = {"a.png": stripes[:40, :60].copy(), "a-depth.png": near_left[:40, :60].copy(), "b.png": stripes[:40, :60].copy()}
    sent = [{"name": name, "mimeType": "image/png", "buffer": png(pixels)} for name, pixels in files.items()]
    hand.page.set_input_files(".batch-files", sent)
    assert hand.page.locator(".jobs > li").count() == 2
    hand.page.locator(".jobs > li", has_text="a.png + depth map").wait_for()
    hand.page.get_by_role("button", name="Develop all").click()
    hand.page.locator(".batch .state", has_text="2 of 2 developed").wait_for()
    told = []
    for name in ("a.png", "b.png"):
        with hand.page.expect_download() as saving:
            hand.page.get_by_role("button", name=f"Save: {name}").click()
        told.append("Film Look depth" in infotext.pairs_of(Image.open(saving.value.path()).info["parameters"]))
    assert told == [True, False]
