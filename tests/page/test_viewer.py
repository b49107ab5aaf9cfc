"""The viewer: what it shows is the picture with the look that is chosen, at every zoom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.api.clients import png
from tests.page.hand import PATIENCE_MS, Hand, Served

ROOT = Path(__file__).resolve().parents[2]


def middle(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    return pixels[height // 3 : -height // 3, width // 3 : -width // 3]


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(np.float32) - b).mean())


def test_a_picture_is_shown_as_film(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo, "holiday.png").settle()
    hand.page.locator(".name", has_text="holiday.png · 1240 × 880").wait_for()
    film = hand.shown()
    hand.press("c", "c").settle()  # side by side: the left half is the picture as it was
    sides = hand.shown()
    half = sides.shape[1] // 2
    assert film.std() > 10
    assert apart(sides[:, :half], sides[:, -half:]) > 2


def test_the_picture_follows_a_slider(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).settle()
    before = middle(hand.shown()).mean()
    for stops in (0.5, 1, 1.5, 2):
        hand.slide("exposure", stops)
    assert middle(hand.shown()).mean() > before + 10
    hand.slide("exposure", -2)
    assert middle(hand.shown()).mean() < before - 10


def test_it_rests_on_a_preview_of_the_last_look_at_the_size_it_is_shown(hand: Hand, photo: np.ndarray) -> None:
    asked: list[dict[str, Any]] = []
    hand.visit().open(photo).settle()
    hand.page.on("request", lambda call: asked.append(json.loads(call.post_data)) if call.url.endswith("/preview") else None)
    for stops in np.linspace(0.1, 1.4, 14):
        hand.slide("exposure", round(float(stops), 2))
    hand.settle()
    own = [call for call in asked if call["viewer"] == asked[0]["viewer"]]  # a setting's sketches have another
    last = [call for call in own if call["look"]][-1]
    assert last["look"]["exposure"] == 1.4
    width = hand.page.locator("canvas.picture").bounding_box()["width"]
    assert last["long_side"] == round(width) - 2 * 12  # with a margin around it
    numbers = [call["number"] for call in own]
    assert numbers == sorted(numbers)


def test_pictures_are_shown_while_a_setting_moves(hand: Hand) -> None:
    seen = hand.visit().page.evaluate("""async () => {
        const { Previews } = await import('/page/darkroom/previews.mjs');
        const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        const shown = { moving: [], last: null };
        const view = { afterKey: '', afterSide: 0, beforeSide: 1,
            fineSide: () => 768, isComparing: () => false, detailCrop: () => null,
            setAfter: (bitmap, key, side) => Object.assign(view, { afterKey: key, afterSide: side }) };
        const client = { picture: { hash: 'x' }, preview: async (role, { look, long_side }, signal) => {
            const ms = long_side === 768 ? 90 : 30; // what a machine of two cores takes
            await wait(ms);
            signal.throwIfAborted();
            return { bitmap: look.exposure, ms, device: 'cpu', busy: '' };
        } };
        let isMoving = true;
        const told = (what, detail) => what === 'preview' && isMoving && shown.moving.push(detail.ms);
        const previews = new Previews(client, view, told);
        previews.show({ exposure: -1 }, 1);
        await wait(400);
        shown.moving = [];
        for (let i = 0; i < 40; i++) {
            previews.show({ exposure: i }, 1);
            await wait(16);
        }
        isMoving = false;
        await wait(1500);
        return { ...shown, side: view.afterSide, key: view.afterKey };
    }""")
    assert len(seen["moving"]) >= 3  # if each movement broke the last one's picture off, there were none
    assert min(seen["moving"]) == 30  # coarse
    assert seen["side"] == 768  # and fine at last
    assert '"exposure",39' in seen["key"]


def test_the_slider_between_before_and_after(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).slide("exposure", 2).settle()
    after = hand.shown()
    hand.page.keyboard.down("b")
    before = hand.shown()
    hand.page.keyboard.up("b")
    assert apart(before, after) > 10
    np.testing.assert_array_equal(hand.shown(), after)

    hand.press("c")
    split = hand.shown()
    half = split.shape[1] // 2
    np.testing.assert_array_equal(split[:, : half - 20], before[:, : half - 20])
    np.testing.assert_array_equal(split[:, half + 20 :], after[:, half + 20 :])
    handle = hand.page.get_by_role("slider", name="Between before and after")
    handle.focus()
    hand.press("End")
    assert handle.get_attribute("aria-valuenow") == "100"
    np.testing.assert_array_equal(hand.shown()[:, :-20], before[:, :-20])
    hand.press("Home", "ArrowRight")
    assert handle.get_attribute("aria-valuenow") == "2"


def test_pressing_on_the_picture_shows_it_before(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).slide("exposure", 2).settle()
    after = hand.shown()
    hand.page.mouse.move(640, 400)
    hand.page.mouse.down()
    hand.page.wait_for_selector(".stage[data-mode=hold]")
    assert apart(hand.shown(), after) > 10
    hand.page.mouse.up()
    np.testing.assert_array_equal(hand.shown(), after)


def test_the_loupe_shows_the_pixels_that_develop_makes(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).settle()
    with hand.page.expect_request(lambda call: call.url.endswith("/preview") and "crop" in (call.post_data or "")) as call:
        hand.page.locator("canvas.picture").dblclick()
    x, y, width, height = json.loads(call.value.post_data)["crop"]
    assert hand.page.inner_text(".zoom") == "100 %"
    shown = hand.shown()
    with hand.page.expect_download() as download:
        hand.page.get_by_role("button", name="Develop", exact=True).click()
    made = np.asarray(Image.open(download.value.path()).convert("RGB"), np.int16)
    assert made.shape == photo.shape
    rows, columns = min(height, shown.shape[0]) - 2, min(width, shown.shape[1]) - 2
    fits = [(i, j) for i in (0, 1) for j in (0, 1) if np.array_equal(  # a window may begin within a pixel
        shown[i : i + rows, j : j + columns], made[y : y + rows, x : x + columns])
        or np.array_equal(shown[:rows, :columns], made[y + i : y + i + rows, x + j : x + j + columns])]  # fmt: skip
    assert fits


def test_zoom_and_place_stay_while_settings_change(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).settle()
    hand.page.mouse.move(640, 300)
    hand.page.mouse.wheel(0, -500)
    zoomed = hand.page.inner_text(".zoom")
    assert int(zoomed.split()[0]) > 120
    hand.page.mouse.down()
    hand.page.mouse.move(560, 340, steps=4)
    hand.page.mouse.up()
    before = hand.shown()
    hand.slide("strength", 0.6)
    assert hand.page.inner_text(".zoom") == zoomed
    after = hand.shown()
    grey = [pixels.mean(-1) - pixels.mean() for pixels in (before, after)]
    alike = float((grey[0] * grey[1]).mean() / (grey[0].std() * grey[1].std()))
    assert alike > 0.97  # the same part of the picture
    hand.press("f")
    assert int(hand.page.inner_text(".zoom").split()[0]) < 100


def test_it_is_seen_at_work_from_when_a_picture_is_chosen(hand: Hand, photo: np.ndarray) -> None:
    script = """(picture) => {
        const viewer = document.querySelector('film-look-darkroom');
        const isWorking = () => viewer.shadowRoot.querySelector('.stage').classList.contains('working');
        const before = isWorking();
        viewer.setPicture(new Blob([Uint8Array.from(picture)]));
        return [before, isWorking()];
    }"""
    assert hand.visit().page.evaluate(script, list(png(photo[:64, :64]))) == [False, True]
    hand.settle()


def test_undo_and_snapshots_bring_looks_back(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).settle()
    first = hand.shown()
    hand.press("Shift+Digit1").slide("exposure", 1.5).settle()
    hand.page.wait_for_timeout(700)  # else it were one movement with the next
    hand.slide("exposure", -1)
    hand.press("Control+z")
    assert hand.number("exposure") == 1.5
    hand.press("Control+z")
    assert hand.number("exposure") == 0
    np.testing.assert_array_equal(hand.shown(), first)
    hand.press("Control+Shift+z", "Control+y")
    assert hand.number("exposure") == -1
    hand.press("1")
    assert hand.number("exposure") == 0
    hand.press("1")  # again: a flip
    assert hand.number("exposure") == -1


def test_typing_is_not_taken_for_keys_of_the_viewer(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).slide("exposure", 1).settle()
    hand.page.click("#tab-films")
    hand.page.get_by_placeholder("Find a film").type("scb1")
    hand.press("Control+z")
    assert hand.number("exposure") == 1
    assert not hand.page.locator(".panel").count()


def test_a_look_is_copied_and_pasted_as_text(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).slide("exposure", 1).settle()
    paste = """(text) => {
        const clipboardData = new DataTransfer();
        if (text !== null) clipboardData.setData('text/plain', text);
        const kind = text === null ? 'copy' : 'paste';
        document.dispatchEvent(new ClipboardEvent(kind, { clipboardData, bubbles: true, cancelable: true }));
        return clipboardData.getData('text/plain');
    }"""
    copied = json.loads(hand.page.evaluate(paste, None))
    assert copied["exposure"] == 1
    hand.page.evaluate(paste, json.dumps({"version": 2, "stock": "kodak_tri_x_400", "exposure": -0.5}))
    assert hand.number("exposure") == -0.5
    assert hand.page.input_value("#setting-stock") == "kodak_tri_x_400"
    hand.page.evaluate(paste, '{"nothing": [')
    assert hand.problem().inner_text() == "What was pasted is no look."
    assert hand.number("exposure") == -0.5


def test_a_mask_limits_the_look(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).slide("exposure", 2).settle()
    after = hand.shown()
    hand.press("m")
    box = hand.page.locator("canvas.picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    hand.page.mouse.move(x - 60, y)
    hand.page.mouse.down()
    hand.page.mouse.move(x + 60, y, steps=5)
    hand.page.mouse.up()
    hand.press("m")  # closed, it is no longer shown in red
    masked = hand.shown()
    height, width = masked.shape[:2]
    assert apart(masked[height // 2 - 8 : height // 2 + 8, width // 2 - 40 : width // 2 + 40],
                 after[height // 2 - 8 : height // 2 + 8, width // 2 - 40 : width // 2 + 40]) < 1  # fmt: skip
    hand.page.keyboard.down("b")
    before = hand.shown()
    hand.page.keyboard.up("b")
    assert apart(masked[: height // 4], before[: height // 4]) < 1

    with hand.page.expect_download() as download:
        hand.page.get_by_role("button", name="Develop", exact=True).click()
    made = np.asarray(Image.open(download.value.path()).convert("RGB"))
    np.testing.assert_array_equal(made[:200], photo[:200])
    assert apart(made[420:460, 560:680], photo[420:460, 560:680]) > 10


def test_a_broken_file_is_told_and_the_picture_stays(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).settle()
    before = hand.shown()
    hand.open(b"this is no picture", "broken.png")
    hand.problem().wait_for()
    assert hand.problem().inner_text().startswith("broken.png: is not a PNG")
    np.testing.assert_array_equal(hand.shown(), before)
    assert "photo.png" in hand.page.inner_text(".name")
    hand.wrong = [line for line in hand.wrong if "422" not in line]  # browsers note every refusal in the console


def test_what_is_refused_is_told_until_one_goes_back(hand: Hand, photo: np.ndarray) -> None:
    """What is shown already is not asked for again: nothing comes that would end the telling."""
    hand.visit().open(photo).settle()
    viewer = hand.page.locator("film-look-darkroom")
    viewer.evaluate("(viewer) => (viewer.seed = 7)")
    hand.settle()
    viewer.evaluate("(viewer) => (viewer.seed = -1)")
    hand.problem().get_by_text("seed is -1").wait_for()
    viewer.evaluate("(viewer) => (viewer.seed = 7)")
    hand.problem().wait_for(state="hidden")
    hand.page.locator("#seed").fill("1e20")
    hand.press("Tab").settle()
    assert not hand.problem().is_visible()
    hand.wrong = [line for line in hand.wrong if "422" not in line]  # browsers note every refusal in the console


def test_a_picture_of_a_few_pixels_is_shown(hand: Hand) -> None:
    hand.visit().open(np.full((3, 5, 3), 200, np.uint8))
    hand.page.get_by_text("CPU", exact=False).wait_for()  # a preview came
    hand.press("c").settle()
    assert not hand.problem().is_visible()
    assert hand.shown().max() > 150  # it is small


@pytest.mark.long
def test_the_server_may_go_and_come_back(hand: Hand, served: Served, photo: np.ndarray) -> None:
    hand.visit().open(photo).settle()
    before = middle(hand.shown()).mean()
    served.stop()
    try:
        hand.slide("exposure", 2)
        hand.problem().wait_for()
        assert hand.problem().inner_text() == "The server does not answer; trying again"
    finally:
        served.start()
    hand.problem().wait_for(state="hidden", timeout=PATIENCE_MS)
    assert middle(hand.shown()).mean() > before + 10  # the picture was sent again: the new server knew of none
    hand.wrong = [line for line in hand.wrong if "net::ERR_" not in line and "404" not in line]


@pytest.mark.long
def test_two_fingers_zoom(browser: Any, served: Served, photo: np.ndarray) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    hand = Hand(context.new_page(), served.address)
    hand.visit().open(photo).settle()
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= 390
    box = hand.page.locator("canvas.picture").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = context.new_cdp_session(hand.page)

    def fingers(kind: str, gap: float) -> None:
        points = [] if kind == "touchEnd" else [{"x": x - gap, "y": y, "id": 1}, {"x": x + gap, "y": y, "id": 2}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = int(hand.page.inner_text(".zoom").split()[0])
    fingers("touchStart", 20)
    for gap in range(24, 100, 8):
        fingers("touchMove", gap)
    fingers("touchEnd", 0)
    assert int(hand.page.inner_text(".zoom").split()[0]) > 2 * before
    hand.settle()
    context.close()


@pytest.mark.long
def test_a_file_is_the_mask(hand: Hand, photo: np.ndarray) -> None:
    hand.visit().open(photo).slide("exposure", 2).settle()
    half = np.zeros_like(photo)
    half[:, 620:] = 255
    hand.press("m")
    hand.page.locator(".mask input[type=file]").set_input_files(
        {"name": "half.png", "mimeType": "image/png", "buffer": png(half)}
    )
    hand.page.locator(".mask button:enabled", has_text="Clear").wait_for()
    with hand.page.expect_download() as download:
        hand.page.get_by_role("button", name="Develop", exact=True).click()
    made = np.asarray(Image.open(download.value.path()).convert("RGB"))
    np.testing.assert_array_equal(made[:, :620], photo[:, :620])
    assert apart(made[:, 620:], photo[:, 620:]) > 10


@pytest.mark.long
def test_the_viewer_stands_in_other_pages_as_the_documentation_says(hand: Hand, photo: np.ndarray) -> None:
    page = hand.page
    text = (ROOT / "docs" / "darkroom.md").read_text(encoding="utf-8")
    example = "<!doctype html><input>" + text.split("```html\n")[1].split("```")[0]
    page.route("**/embedded", lambda call: call.fulfill(body=example, content_type="text/html"))
    page.route("**/picture.png", lambda call: call.fulfill(body=png(photo), content_type="image/png"))
    page.route("**/favicon.ico", lambda call: call.fulfill(body=b""))
    page.goto(f"{hand.address}/embedded")
    page.wait_for_selector(".state:not(:empty)", state="attached")
    assert hand.shown().std() > 10
    hand.press("s")  # the page's own key, until the viewer has the focus
    assert not page.locator(".panel").count()
    page.locator("canvas.picture").click()
    with page.expect_console_message(lambda line: line.type == "log") as told:
        hand.press("s")
        page.get_by_text("Kodak Ektar 100").click()
    assert told.value.args[0].json_value()["stock"] == "kodak_ektar_100"
