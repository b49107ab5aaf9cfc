"""Time and memory are bounded by the file's own size, whatever is in it."""

from __future__ import annotations

import io
import json
import random
import re
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmlook import Look
from filmlook.errors import FilmLookError, PictureError, StockFileError
from filmlook.files import exif as exif_data
from filmlook.files import infotext, json_file, lut, picture
from filmlook.files.bounds import within_bounds
from filmlook.files.infotext import _PAIR
from tests.files.samples import INFOTEXT, chunk, directory, jpeg, png, saved, segment, smooth

ROOT = Path(__file__).resolve().parents[2]
BASE = [(256, 4, 1, 60), (257, 4, 1, 60), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1), (278, 4, 1, 1)]
STRIP = [(273, 4, 1, 8), (279, 4, 1, 1)]


# Text

A1111 = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
UNITS = [
    *("a", " ", "\n", "\t", ":", ",", '"', "\\", "-", "é", "1", "{", "[", "(", "<", "|", "_", "."),
    *("ab:", "ab:,", 'ab:"', 'ab:"\\', '\\"', "  :", "- a", 'ab: "x\\",', 'ab:"\\" ,', "Film Look: v1, ", "Steps: 1, "),
    *(":1.", "1.1", " AND", "BREAK ", "(a:", "[a:b:", "<lora:", "::", "a b", ": ", ":-1 ", "{a|", "\\\\", ",\n", "1e1"),
]


def readers() -> dict[str, Callable[[str], object]]:
    """What sees the text of pictures; prompts have their own test."""
    from filmlook.server import fields

    pixels = np.zeros((2, 2, 3), np.uint8)
    image = Image.new("RGB", (2, 2))
    return {
        "pairs": infotext.pairs_of,
        "of_text": lambda text: infotext.of_text({"parameters": text + "\n" + infotext.LOOK}),
        "is_infotext": infotext.is_infotext,
        "with_entries": lambda text: infotext.with_entries(text, {infotext.LOOK: "v1 stock=neutral"}, (8, 8)),
        "removed": lambda text: infotext.with_entries(text + ", a b: 1, c d: 2, e f: 3", {}, (8, 8)),
        "own_seed": lambda text: infotext.own_seed([text, "Steps: 1, Size: 1x1, Seed: " + text], pixels),
        "read": lambda text: (image.info.update(parameters=text + infotext.LOOK), infotext.read(image)),
        "quoted": infotext._quoted,
        "surrogates": lambda text: fields._SURROGATES.sub("", text),
    }


def cpu(function: Callable[[str], object], text: str) -> float:
    """CPU seconds, the better of two: the first may have to wait for memory."""
    seconds = []
    for _ in range(2):
        start = time.process_time()
        function(text)
        seconds.append(time.process_time() - start)
    return min(seconds)


@pytest.mark.parametrize("name", readers())
@pytest.mark.long
def test_text_is_read_in_time_that_grows_with_its_length(name):
    """Of what is slowest in short, 1 MB takes at most ten times what 250 kB take: squared, it would take sixteen."""
    function = readers()[name]
    starts = ("", 'ab:"', "[a:")
    short = {(start, unit): cpu(function, start + unit * (16_000 // len(unit))) for start in starts for unit in UNITS}
    worst = sorted(short, key=lambda text: short[text])[-2:]
    assert short[worst[-1]] < 0.15, worst  # a megabyte would take a minute
    for start, unit in worst:
        text = start + unit * (1_000_000 // len(unit))
        whole, quarter = cpu(function, text), cpu(function, text[:250_000])
        assert whole < 10 * max(quarter, 0.1), (start, unit, whole, quarter)


def test_pairs_are_those_that_the_webui_finds():
    letters = random.Random(1)
    found = 0
    for _ in range(30_000):
        text = "".join(letters.choice('ab1 :,"\\\n\t-/é:",') for _ in range(letters.randint(0, 26)))
        assert _PAIR.findall(text) == A1111.findall(text), text
        assert [m.end() for m in _PAIR.finditer(text)] == [m.end() for m in A1111.finditer(text)]
        found += len(_PAIR.findall(text))
    assert found > 4000


def test_numbers_of_any_length_in_an_infotext():
    many = "9" * 5000
    pixels = np.zeros((2, 2, 3), np.uint8)
    plain = infotext.own_seed([], pixels)
    for seed in (many, "-" + many, "-1", "٣" * 5000, str(2**63), "1e5", ""):
        assert infotext.own_seed([f"Steps: 1, Size: 1x1, Seed: {seed}"], pixels) == plain
    assert infotext.own_seed([f"Steps: 1, Size: 1x1, Seed: {2**63 - 1}"], pixels) == 2**63 - 1
    for look in (f"v{many} stock=a", "v² stock=a", "v1 version=3 stock=a", f"v1 grain={many}"):
        told = infotext.developed({infotext.LOOK: look, infotext.SEED: many, infotext.FRAME: many})
        assert told == infotext.Developed(None, None)


# Files. Each is read in a process of its own, whose peak is told; Pillow's limit of memory is the machine's.

MEASURE = """
import os, pickle, resource, sys, time
from filmlook.errors import FilmLookError
from filmlook.files import picture
data = sys.stdin.buffer.read()
picture.decode(bytes.fromhex(sys.argv[2]))
for function in (picture.count_pixels, picture.decode):
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        function(data); told = "read"
    except FilmLookError as error:
        told = "refused: " + str(error)
    print(round(time.process_time() - start, 3), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, told)
"""


def cost(data: bytes) -> list[tuple[float, int, str]]:
    """CPU seconds, megabytes and outcome of counting the pixels and of decoding."""
    command = [sys.executable, "-W", "ignore", "-c", MEASURE, "x", saved("PNG", smooth(2, 2)).hex()]
    told = subprocess.run(command, cwd=ROOT, input=data, capture_output=True, check=True)
    lines = [line.split(" ", 2) for line in told.stdout.decode().splitlines()]
    return [(float(seconds), int(megabytes), rest) for seconds, megabytes, rest in lines]


def overlapping(tags: list[tuple[int, int, int, int]], count: int, size: int = 400_000) -> bytes:
    more = [(tag, 7, size, 8) for tag in range(400, 400 + count)]
    return directory([*tags, *more], bytes(size))


def one_tag(tag: int, kind: int, count: int, width: int) -> bytes:
    tags = [*BASE, *(entry for entry in STRIP if entry[0] != tag)]
    return directory([*tags, (tag, kind, count, 8 + 2 + 12 * (len(tags) + 1) + 4)], bytes(count * width))


def exif_png(exif: bytes) -> bytes:
    return png(chunk(b"eXIf", exif))


def exif_of(entries: bytes) -> bytes:
    """EXIF whose own directory has these entries."""
    return directory([(0x8769, 4, 1, 26)]) + entries


RATIONALS = struct.pack("<HHHII", 1, 0x9999, 5, 1_000_000, 44) + bytes(4) + bytes(8_000_000)
SCAN = saved("JPEG", np.zeros((3000, 3000, 3), np.uint8), progressive=True, quality=50)
LAST = SCAN[SCAN.rfind(b"\xff\xc4", 0, SCAN.rfind(b"\xff\xda")) : -2]
GIF = saved("GIF", smooth()[..., 0])
PIXELS_OF_GIF = GIF.index(b"\x2c\0\0\0\0") + 11  # where their sub-blocks begin


def runs(width: int, height: int, body: bytes) -> bytes:
    """A BMP in runs."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 2835, 2835, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(body), 0, 0, 1078) + head + bytes(1024) + body


def tiles(**options: bool) -> bytes:
    """A JPEG 2000 of 65 025 tiles, a pixel each."""
    data = bytearray(saved("JPEG2000", smooth(8, 8), **options))
    struct.pack_into(">6I", data, data.index(b"\xff\x4f\xff\x51") + 8, 255, 255, 0, 0, 1, 1)
    if (box := data.find(b"ihdr")) > 0:
        struct.pack_into(">2I", data, box + 4, 255, 255)
    return bytes(data)


HOSTILE = {
    "65 000 overlapping tags": overlapping([*BASE, *STRIP], 65_000),
    "1 900 overlapping tags": overlapping([*BASE, *STRIP], 1_900),
    "a strip a byte": one_tag(273, 1, 8 << 20, 1),
    "16 million strips": one_tag(273, 4, 16_000_000, 4),
    "a tag of 63 MB": one_tag(270, 3, 31_500_000, 2),
    "a tag of 63 MB of bits of a sample": one_tag(258, 3, 31_500_000, 2),
    "500 000 chunks": png(after=chunk(b"tEXt", b"a\0b") * 500_000),
    "500 000 empty chunks of pixels": png(chunk(b"IDAT", b"") * 500_000),
    "scans": SCAN[:-2] + LAST * 5000 + SCAN[-2:],
    "scans without progress": jpeg()[:-2] + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0\0" * 5000 + b"\xff\xd9",
    "junk": jpeg(b"\0" * 20_000_000),
    "fill": jpeg(b"\xff" * 20_000_000),
    "segments": jpeg(segment(0xFE, b"") * 2_000_000),
    "a GIF's comments": b"GIF89a\1\0\1\0\0\0\0!\xfe" + (b"\xff" + bytes(255)) * 60_000 + b"\0",
    "a JPEG 2000's tiles": tiles(),
    "the tiles of a bare codestream": tiles(no_jp2=True),
    "a GIF in blocks of a byte": GIF[:PIXELS_OF_GIF] + b"\1\0" * 10_000_000 + b"\0;",
    "a BMP's rows that end early": runs(30_000, 2000, b"\1\5\0\0" * 2000 + b"\0\1"),
    "a BMP's steps of nothing": runs(8, 8, b"\0\2\0\0" * 4_000_000),
    "a WebP's chunks": saved("WEBP") + (b"abcd" + bytes(4)) * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_refused_file_costs_little(name):
    data = HOSTILE[name]
    for seconds, megabytes, told in cost(data):
        assert told.startswith("refused: picture: "), (name, told)
        assert "cannot be read" not in told, (name, told)
        assert seconds < 1, (name, seconds)
        assert megabytes < 100 + len(data) / 1e6, (name, megabytes)


ALMOST = zlib.compressobj()
ALMOST_WHOLE = ALMOST.compress(bytes(1_000_000)) + ALMOST.flush(zlib.Z_FULL_FLUSH) + b"\x07" + b"\xff" * 4
PASSED_OVER = {
    "text that is damaged at its end": png(chunk(b"zTXt", b"a\0\0" + ALMOST_WHOLE) * 3000),
    "zTXt": png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
    "iTXt": png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<x>" * 5_000_000))),
    "iCCP": png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
    "after the pixels": png(after=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
    "many": png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 1000),
    "much": png(chunk(b"tEXt", b"a\0" + b"b" * 5_000_000) * 8),
    "overlapping EXIF in a PNG": exif_png(overlapping([], 1_900)),
    "65 000 tags of EXIF in a PNG": exif_png(overlapping([], 65_000)),
    "EXIF in PNG text": png(chunk(b"tEXt", b"Raw profile type exif\0\nexif\n1\n" + overlapping([], 1_900).hex().encode())),
    "overlapping EXIF in a JPEG": jpeg(
        b"".join(
            segment(0xE1, b"Exif\0\0" + part)
            for exif in [overlapping([], 1_900)]
            for part in (exif[at : at + 65000] for at in range(0, len(exif), 65000))
        )
    ),
    "EXIF in 900 segments": jpeg(segment(0xE1, b"Exif\0\0II*\0" + bytes(65_000)) * 900),
    "overlapping EXIF in a WebP": saved("WEBP", exif=b"Exif\0\0" + overlapping([], 1_900)),
    "a million fractions": exif_png(exif_of(RATIONALS)),
}


@pytest.mark.parametrize("name", PASSED_OVER)
def test_metadata_that_is_too_much_costs_the_metadata_only(name):
    data = PASSED_OVER[name]
    for seconds, megabytes, told in cost(data):
        assert told == "read", (name, told)
        assert seconds < 1.5, (name, seconds)
        assert megabytes < 150 + 3 * len(data) / 1e6, (name, megabytes)
    pixels = picture.decode(data).pixels
    assert np.abs(pixels.astype(int) - smooth()).max() <= 16
    assert np.abs(pixels.astype(int) - smooth()).mean() < 3


def jpeg_strips(strip: bytes, rows: int, count: int, *, shared: bool) -> bytes:
    """A TIFF of 500 px in width whose strips are JPEG."""
    strips = [(k, 4, count, 8 + 2 + 12 * 10 + 4 + 8 + at) for k, at in ((273, 0), (279, 4 * count))]
    tags = [(256, 4, 1, 500), (257, 4, 1, rows * count), (258, 3, 3, 134), (259, 3, 1, 7), (262, 3, 1, 6), (277, 3, 1, 3)]
    start = 142 + 8 * count
    places = [start if shared else start + number * len(strip) for number in range(count)]
    told = struct.pack(f"<4H{count}I{count}I", 8, 8, 8, 0, *places, *[len(strip)] * count)
    return directory([*tags, *strips, (278, 4, 1, rows), (530, 3, 2, 0x20002)], told + strip * (1 if shared else count))


def test_json_of_many_values_is_refused_before_they_are_made():
    assert json_file.parse_json("[" + "1," * 50_000 + "1]")
    with pytest.raises(ValueError, match="more than 100000 values"):
        json_file.parse_json("[" + "[]," * 60_000 + "[]]")


def test_jpeg_in_the_strips_of_a_tiff_has_few_scans_of_its_own():
    plain = saved("JPEG", smooth(16, 500))
    scans = saved("JPEG", smooth(16, 500), progressive=True)
    many = scans[:-2] + scans[scans.rfind(b"\xff\xc4") : -2] * 80 + scans[-2:]
    assert picture.decode(jpeg_strips(plain, 16, 4, shared=False)).pixels.shape == (64, 500, 3)
    with pytest.raises(PictureError, match="they share them"):
        picture.decode(jpeg_strips(plain, 16, 4, shared=True))
    with pytest.raises(PictureError, match="scans in 4 strips or tiles; allowed are 100"):
        picture.decode(jpeg_strips(many, 16, 4, shared=False))


def test_a_jpeg_that_seems_to_end_at_once_is_looked_through():
    """Pillow reads on, and so would an EXIF be read that nobody has looked at."""
    tags = [(kind, 7, 30_000, 8) for kind in range(400, 2300)]
    data = jpeg(segment(0xE1, b"Exif\0\0" + directory(tags)))
    with within_bounds(io.BytesIO(data[:2] + b"\xff\xd9" + data[2:])) as file:
        assert b"Exif" not in file.read()


def test_the_good_text_beside_the_bad_stays(caplog):
    good = chunk(b"tEXt", b"parameters\0" + b"a cat\nSteps: 1, Seed: 2")
    bad = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"ab, " * 400_000))
    for data in (png(good + bad), png(bad, good), png(bad + chunk(b"tEXt", b"b\0c") + good)):
        assert picture.decode(data).text["parameters"] == "a cat\nSteps: 1, Seed: 2"
        assert "workflow" not in picture.decode(data).text
    assert "zTXt of more than 1048576 bytes once unpacked" in caplog.text
    just = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"ab, " * 262_144))
    assert len(picture.decode(png(just)).text["workflow"]) == 1 << 20


def test_ordinary_files_are_not_refused():
    tifffile = pytest.importorskip("tifffile")
    rows = io.BytesIO()
    tifffile.imwrite(rows, smooth(200, 60), photometric="rgb", rowsperstrip=1)
    assert len(Image.open(rows).tag_v2[273]) == 200
    np.testing.assert_array_equal(picture.decode(rows.getvalue()).pixels, smooth(200, 60))
    assert picture.decode(SCAN).pixels.shape == (3000, 3000, 3)
    data = saved("PNG", compress_level=0)
    body = data[data.index(b"IDAT") + 4 : -16]
    pieces = b"".join(chunk(b"IDAT", body[at : at + 2]) for at in range(0, len(body), 2))
    np.testing.assert_array_equal(picture.decode(data[:33] + pieces + data[-12:]).pixels, smooth())


def test_exif_of_cameras_with_a_wrong_length_is_still_read():
    """A tag that claims more than there is, as some cameras write, costs itself only."""
    exif = directory([(0x010F, 2, 6, 38), (0x0112, 3, 1, 6)], b"Leica\0")
    data = jpeg(segment(0xE1, b"Exif\0\0" + exif))
    assert picture.decode(data).pixels.shape == (64, 48, 3)
    exif = directory([(0x010F, 2, 6, 50), (0x0110, 2, 60_000, 40), (0x0112, 3, 1, 6)], b"Leica\0")
    assert exif_data.load(b"Exif\0\0" + exif)[0x010F] == "Leica"


def test_a_large_picture_is_no_haldclut(tmp_path, monkeypatch):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 5000, 5000, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "large.png").write_bytes(data)
    with pytest.raises((PictureError, StockFileError), match="5000 x 5000 pixels"):
        lut.read_hald(tmp_path / "large.png")


def test_foreign_text_in_json_and_looks():
    for text in ("[" * 100_000, '{"a":' * 50_000, json.dumps({"prompt": "9" * 5000})):
        assert infotext.of_text({"parameters": text}) is None
        told = infotext.with_development({"parameters": text}, infotext.entries(Look(), 3), (8, 8))
        assert told["parameters"] == text
        assert infotext.of_text(told) is not None
    data = picture.encode(picture.Picture(smooth(), text={"parameters": INFOTEXT}), "PNG")
    with pytest.raises(FilmLookError):
        picture.decode(data[:-30])
