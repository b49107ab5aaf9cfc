"""A film on the page: its look is chosen on a frame, and all of it is developed and saved."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook.server.film_jobs import FilmJobs
from tests.api.clients import clip, png, wait_until
from tests.page.hand import Hand


@pytest.fixture(scope="session")
def film() -> dict[str, Any]:
    """Eight frames, a second each, that become lighter."""
    pytest.importorskip("av", reason="PyAV is not installed")
    pixels = np.full((120, 160, 3), 200, np.uint8)
    data = clip(pixels, codec="libvpx", kind="webm", rate=1)  # which every browser shows
    return {"name": "holiday.webm", "mimeType": "video/webm", "buffer": data}


begin = FilmJobs.begin


def opened(hand: Hand, film: dict[str, Any]) -> Any:
    hand.visit()
    hand.page.set_input_files("header input[type=file]", film)
    bar = hand.page.get_by_role("region", name="Film")
    hand.page.get_by_text("holiday 0.00.png").wait_for()
    return bar


def light(hand: Hand) -> float:
    return float(np.median(hand.shown()))


def test_a_frame_is_shown_and_the_film_is_developed_and_saved(hand: Hand, film: dict[str, Any]) -> None:
    bar = opened(hand, film)
    first = light(hand)
    bar.get_by_label("Time in the film").fill("6")
    hand.page.get_by_text("holiday 0.06.png").wait_for()
    wait_until(lambda: light(hand) > first + 10)
    bar.get_by_label("Film format").select_option("gif")
    bar.get_by_role("button", name="Develop the film").click()
    dialog = hand.page.get_by_role("dialog", name="Developed film")
    dialog.get_by_role("img").wait_for()
    with hand.page.expect_download() as download:
        dialog.get_by_role("link", name="Save").click()
    assert download.value.suggested_filename == "holiday-kodak_gold_200.gif"
    with open(download.value.path(), "rb") as file, Image.open(io.BytesIO(file.read())) as made:
        assert (made.size, made.n_frames) == ((160, 120), 8)
    dialog.get_by_role("button", name="Close").click()
    bar.get_by_text("The film is developed").wait_for()


def test_what_is_no_film_is_told_and_a_picture_closes_the_film(hand: Hand, film: dict[str, Any], photo: np.ndarray) -> None:
    bar = opened(hand, film)
    hand.page.get_by_role("button", name="Develop this frame").wait_for()
    hand.page.set_input_files("header input[type=file]", {**film, "name": "none.mp4", "buffer": b"this is no film" * 9})
    bar.get_by_text("The browser cannot show this film").wait_for()
    bar.get_by_role("button", name="Develop the film").click()
    bar.get_by_text("video is no film; allowed: MP4, MOV").wait_for()
    hand.open(photo)
    bar.wait_for(state="hidden")
    hand.page.get_by_role("button", name="Develop", exact=True).wait_for()
    hand.wrong = [line for line in hand.wrong if "415" not in line]  # browsers note every refusal in the console


def test_a_server_that_keeps_as_many_as_it_may_says_so(hand: Hand, film: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(FilmJobs, "begin", lambda films, most: begin(films, 0))
        bar = opened(hand, film)
        bar.get_by_role("button", name="Develop the film").click()
        bar.get_by_text("0 films are waiting or kept already; delete one, or try again later").wait_for()
    hand.wrong = [line for line in hand.wrong if "503" not in line]


@pytest.mark.long
def test_a_film_is_blurred_by_its_depth_maps(hand: Hand, film: dict[str, Any]) -> None:
    bar = opened(hand, film)
    maps = bar.locator(".maps")
    assert not maps.is_visible()  # a look without an aperture has no need of them
    hand.page.locator(".controls summary", has_text="Depth").click()
    hand.slide("aperture", 2)
    maps.get_by_text("Without them the server finds them").wait_for()
    bar.get_by_label("Film format").select_option("gif")
    wrong = "the depth map has 80 x 60 pixels, the film 160 x 120"
    for size, told in (((60, 80), wrong), ((120, 160), "The film is developed")):
        depth = {"name": "near.png", "mimeType": "image/png", "buffer": png(np.full(size, 255, np.uint8))}
        hand.page.set_input_files(".film-maps", depth)
        maps.get_by_text("near.png").wait_for()
        bar.get_by_role("button", name="Develop the film").click()
        bar.get_by_text(told).wait_for()
        if told == wrong:
            maps.get_by_role("button", name="Take away").click()
    assert "no depth map" not in hand.page.get_by_role("dialog", name="Developed film").inner_text()


@pytest.mark.long
def test_stop_ends_it(hand: Hand, film: dict[str, Any]) -> None:
    bar = opened(hand, film)
    bar.get_by_role("button", name="Develop the film").click()
    bar.get_by_role("button", name="Stop").click()
    bar.get_by_text("Stopped").wait_for()
    assert bar.get_by_role("button", name="Develop the film").is_enabled()
