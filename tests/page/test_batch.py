"""Many pictures at once: developed one after another, with a report, and saved singly or as one .zip."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook.files import picture
from tests.api.clients import INFOTEXT, png
from tests.page.hand import PATIENCE_MS, Hand, Served


@pytest.fixture(scope="session")
def small(scene: np.ndarray) -> np.ndarray:
    return scene[:60, :80].copy()


def files(pictures: dict[str, bytes]) -> list[dict[str, Any]]:
    return [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in pictures.items()]


def batch(hand: Hand, pictures: dict[str, bytes]) -> Any:
    """The dialogue, with these pictures in its list."""
    hand.page.get_by_role("button", name="Batch").click()
    dialog = hand.page.get_by_role("dialog", name="Batch")
    hand.page.set_input_files(".batch-files", files(pictures))
    dialog.locator(".jobs li").nth(len(pictures) - 1).wait_for()
    return dialog


def run(dialog: Any) -> str:
    """Develops all; what the dialogue says then."""
    dialog.get_by_role("button", name="Develop all").click()
    dialog.get_by_text("developed, in").wait_for()
    return dialog.locator(".state").inner_text()


def saved(hand: Hand, button: Any) -> tuple[str, bytes]:
    with hand.page.expect_download() as download:
        button.click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_pictures_are_developed_a_broken_one_is_reported_and_all_are_saved(hand: Hand, small: np.ndarray) -> None:
    hand.visit()
    pictures = {"10.png": png(small[::-1]), "2.png": png(small, parameters=INFOTEXT), "bad.png": b"this is no picture"}
    dialog = batch(hand, pictures)
    assert dialog.locator(".what > span").all_inner_texts() == ["2.png", "10.png", "bad.png"]
    dialog.get_by_label("Names").fill("{number} {name}-{stock}")
    dialog.get_by_text("such as 1 2-kodak_gold_200.png").wait_for()
    told = run(dialog)
    assert told.startswith("2 of 3 developed, in ")
    assert told.endswith(" s · 1 failed")
    (failed,) = dialog.locator(".report li").all_inner_texts()
    assert failed.startswith("bad.png is not a PNG, JPEG, WebP or TIFF picture")
    name, data = saved(hand, dialog.get_by_role("button", name="Save all"))
    assert name == "kodak_gold_200.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["1 2-kodak_gold_200.png", "2 10-kodak_gold_200.png"]
        made = picture.decode(archive.read("1 2-kodak_gold_200.png"))
    assert "Seed: 965400086" in made.text["parameters"]  # metadata is kept
    assert "Film Look" in made.text["parameters"]
    assert made.pixels.shape == small.shape
    name, one = saved(hand, dialog.get_by_role("button", name="Save: 10.png"))
    assert name == "2 10-kodak_gold_200.png"
    assert np.asarray(Image.open(io.BytesIO(one))).shape == small.shape
    name, report = saved(hand, dialog.get_by_role("button", name="Save the report"))
    assert report.decode().startswith("2 of 3 developed, in ")
    assert "bad.png\tis not a PNG" in report.decode()
    hand.wrong = [line for line in hand.wrong if "422" not in line]  # browsers note every refusal in the console


@pytest.mark.long
def test_names_given_before_and_after_a_change_of_the_list_are_never_alike(hand: Hand, small: np.ndarray) -> None:
    hand.visit()
    dialog = batch(hand, {"1.png": b"this is no picture", "2.png": png(small), "3.png": png(small[::-1])})
    dialog.get_by_label("Names").fill("{number}")
    dialog.get_by_text("such as 1.png").wait_for()
    run(dialog)
    dialog.get_by_role("button", name="Remove from the list: 1.png").click()
    hand.page.set_input_files(".batch-files", files({"4.png": png(small[:, ::-1])}))
    dialog.locator(".jobs li").nth(2).wait_for()
    run(dialog)
    _, data = saved(hand, dialog.get_by_role("button", name="Save all"))
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["2.png", "3.png", "3-2.png"]
    hand.wrong = [line for line in hand.wrong if "422" not in line]


@pytest.mark.long
def test_what_failed_is_over_as_far_as_the_progress_goes(hand: Hand, small: np.ndarray) -> None:
    hand.visit()
    dialog = batch(hand, {"1.png": b"none", "2.png": b"none", "3.png": png(small)})
    assert run(dialog).startswith("1 of 3 developed, in ")
    assert dialog.locator("progress").evaluate("(progress) => progress.value") > 0.6  # two of three
    hand.wrong = [line for line in hand.wrong if "422" not in line]


@pytest.mark.long
def test_a_folder_keeps_its_folders_and_leaves_out_what_is_no_picture(hand: Hand, small: np.ndarray, tmp_path: Path) -> None:
    for place, data in {"a.png": png(small), "deep/a.png": png(small), "notes.txt": b"x", ".hidden.png": b"x"}.items():
        (tmp_path / "trip" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "trip" / place).write_bytes(data)
    hand.visit()
    hand.page.get_by_role("button", name="Batch").click()
    hand.page.set_input_files(".batch-folder", str(tmp_path / "trip"))
    dialog = hand.page.get_by_role("dialog", name="Batch")
    dialog.get_by_text("2 files of other kinds were left out").wait_for()
    dialog.get_by_label("File format").select_option("jpeg")
    run(dialog)
    _, data = saved(hand, dialog.get_by_role("button", name="Save all"))
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert names == ["trip/a-kodak_gold_200.jpg", "trip/deep/a-kodak_gold_200.jpg"]


@pytest.mark.long
def test_dropped_pictures_are_a_batch_and_a_single_one_is_opened(hand: Hand, small: np.ndarray) -> None:
    hand.visit()
    drop = """(files) => {
        const dataTransfer = new DataTransfer();
        for (const [name, bytes] of files) dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    }"""
    data = list(png(small))
    hand.page.evaluate(drop, [["one.png", data]])
    hand.page.locator(".name", has_text="one.png").wait_for()
    hand.page.evaluate(drop, [["a.png", data], ["b.png", data]])
    dialog = hand.page.get_by_role("dialog", name="Batch")
    dialog.locator(".jobs li").nth(1).wait_for()
    dialog.get_by_role("button", name="Remove from the list: a.png").click()
    assert dialog.locator(".what > span").all_inner_texts() == ["b.png"]


@pytest.mark.long
def test_an_interrupted_batch_says_how_far_it_came_and_goes_on(hand: Hand, photo: np.ndarray, small: np.ndarray) -> None:
    hand.visit()
    large = np.tile(photo, (4, 4, 1))  # which takes a while
    dialog = batch(hand, {"a.png": png(small), "b.png": png(large), "c.png": png(small)})
    dialog.get_by_role("button", name="Develop all").click()
    dialog.locator("li[data-state=done]").wait_for()
    dialog.get_by_text("1 of 3 developed").wait_for()
    dialog.get_by_role("button", name="Stop").click()
    dialog.get_by_text("1 of 3 developed, in").wait_for()
    dialog.get_by_role("button", name="Remove from the list: b.png").click()
    assert run(dialog).startswith("2 of 2 developed, in ")


@pytest.mark.long
def test_what_is_developed_already_is_passed_over_unless_told(hand: Hand, small: np.ndarray) -> None:
    hand.visit()
    dialog = batch(hand, {"a.png": png(small)})
    run(dialog)
    _, film = saved(hand, dialog.get_by_role("button", name="Save: a.png"))
    dialog.get_by_role("button", name="Empty the list").click()
    hand.page.set_input_files(".batch-files", files({"film.png": film}))
    assert run(dialog).endswith("1 developed already")
    dialog.get_by_label("Develop once more what is developed already").check()
    dialog.get_by_role("button", name="Develop all").click()
    dialog.get_by_text("1 of 1 developed, in").wait_for()
    hand.wrong = [line for line in hand.wrong if "422" not in line]


@pytest.mark.long
def test_a_pattern_that_is_none_is_told_and_nothing_is_developed(hand: Hand, small: np.ndarray) -> None:
    hand.visit()
    dialog = batch(hand, {"a.png": png(small)})
    dialog.get_by_label("Names").fill("../{name}")
    dialog.get_by_text("is none for a file; allowed: letters").wait_for()
    dialog.get_by_role("button", name="Develop all").click()
    dialog.locator("input:focus").wait_for()
    assert not dialog.locator("li[data-state=done]").count()
    hand.wrong = [line for line in hand.wrong if "422" not in line]


@pytest.mark.long
def test_the_server_may_go_and_come_back_meanwhile(hand: Hand, served: Served, small: np.ndarray) -> None:
    hand.visit()
    dialog = batch(hand, {f"{i}.png": png(small) for i in range(3)})
    dialog.get_by_text("such as 0-kodak").wait_for()
    served.stop()
    try:
        dialog.get_by_role("button", name="Develop all").click()
        hand.page.wait_for_timeout(500)
    finally:
        served.start()
    dialog.get_by_text("3 of 3 developed, in").wait_for(timeout=PATIENCE_MS)
    hand.wrong = [line for line in hand.wrong if "net::ERR_" not in line]


@pytest.mark.long
def test_by_keyboard_alone_and_at_390_px(hand: Hand, small: np.ndarray) -> None:
    hand.page.set_viewport_size({"width": 390, "height": 844})
    dialog = batch(hand.visit(), {"a.png": png(small)})
    assert hand.page.evaluate("document.documentElement.scrollWidth") <= 390
    box = dialog.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    for _ in range(20):
        hand.press("Tab")
        if hand.page.evaluate("document.activeElement.innerText") == "Develop all":
            break
    hand.press("Enter")
    dialog.get_by_text("1 of 1 developed, in").wait_for()
    hand.press("Escape")
    assert not dialog.is_visible()


def test_an_archive_of_more_than_32_bits_can_tell_is_one(hand: Hand) -> None:
    hand.visit()
    script = """async (most) => {
        const { zip } = await import('/page/zip.mjs');
        const text = (i) => new Blob([String(i).repeat(1000 * (i + 1))]);
        const files = ['ä/one.txt', 'two.txt', 'three.txt'].map((name, i) => [name, text(i)]);
        const made = new Uint8Array(await (await zip(files, () => {}, most)).arrayBuffer());
        return [...made];
    }"""
    for most in (0xFFFFFFFF, 1500):  # 1500: as if offsets above it needed 64 bits
        data = bytes(hand.page.evaluate(script, most))
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == ["ä/one.txt", "two.txt", "three.txt"]
            assert archive.read("three.txt") == b"2" * 3000
    assert json.dumps(hand.wrong) == "[]"
