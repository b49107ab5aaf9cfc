"""Our keys in an infotext: read, written, replaced, and nothing else touched."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from filmlook import Look, __version__
from filmlook.files import infotext as it

LOOK = Look(stock="kodak_portra_400", grain=1.4, toning="sepia")
OURS = it.entries(LOOK, 965400086)
PLAIN = (
    "a cat, film look: none, (grain:1.2)\nNegative prompt: Film Look: v1, ugly\n"
    'Steps: 20, Sampler: Euler a, Tiling, Seed: 7, Size: 512x768, Lora hashes: "a: 1, b: 2", '
    'Hires prompt: "x, Film Look: y", Version: v1.10.1'
)


def test_written_and_read() -> None:
    text = it.with_entries(PLAIN, OURS, (512, 768))
    assert text == f"{PLAIN}, Film Look: {LOOK.to_text()}, Film Look seed: 965400086, Film Look version: {__version__}"
    assert it.developed(it.pairs_of(text)) == it.Developed(LOOK, 965400086)
    assert it.developed(it.pairs_of(PLAIN)) is None


def test_replaced_and_removed() -> None:
    text = it.with_entries(PLAIN, it.entries(Look(grain=8), -5, frame=3, grain_only=True), (1, 1))
    assert it.developed(it.pairs_of(text)) == it.Developed(Look(grain=8), -5, 3)
    assert it.pairs_of(text)[it.PASS] == it.GRAIN_ONLY
    assert it.with_entries(text, OURS, (1, 1)) == it.with_entries(PLAIN, OURS, (1, 1))
    assert it.with_entries(text, {}, (1, 1)) == PLAIN


def test_ours_in_the_middle_goes_alone() -> None:
    text = "Steps: 20, Film Look: v1 stock=neutral, Film Look seed: 4, Size: 8x8, Film Look error: none"
    assert it.with_entries(text, {}, (8, 8)) == "Steps: 20, Size: 8x8"


def test_reasons_may_hold_anything() -> None:
    reason = 'out of memory: "cuda", 3\nlines'
    text = it.with_entries(PLAIN, {it.ERROR: reason}, (1, 1))
    assert it.pairs_of(text)[it.ERROR] == reason
    assert it.pairs_of(text)["Version"] == "v1.10.1"


@pytest.mark.parametrize("text", ["", "a cat", "a cat\nin a hat", "one: 1, two: 2"])
def test_a_text_without_parameters_becomes_one_that_hosts_read(text: str) -> None:
    written = it.with_entries(text, OURS, (640, 480))
    assert it.pairs_of(written) == {"Size": "640x480", **OURS}
    assert written.startswith(text)
    assert it.with_entries(text, {}, (640, 480)) == text


def test_a_look_of_a_later_version_still_counts_as_developed() -> None:
    assert it.developed({it.LOOK: "v99 stock=x"}) == it.Developed(None, None)


def test_found_in_files() -> None:
    text = it.with_entries(PLAIN, OURS, (8, 8))
    image = Image.new("RGB", (8, 8))
    for key in ("parameters", "postprocessing", "extras"):
        image.info = {key: text if key == "parameters" else f"Film Look: {LOOK.to_text()}, Film Look seed: 965400086"}
        assert it.read(image) == it.Developed(LOOK, 965400086)
    exif = Image.Exif()
    exif[0x8769] = {0x9286: b"UNICODE\0" + text.encode("utf-16-be")}
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", exif=exif.tobytes())
    assert it.read(Image.open(file)) == it.Developed(LOOK, 965400086)
    assert it.read(Image.new("RGB", (8, 8))) is None
    image.info = {"exif": b"Exif\0\0rubbish", "parameters": 3}
    assert it.read(image) is None
