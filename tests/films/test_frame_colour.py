"""Luma and chroma to RGB and back, against the standards' own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filmlook import FilmLookError, Look
from filmlook.films.develop_film import develop_film
from filmlook.films.frame_colour import FULL, LIMITED, Tags, to_planes
from filmlook.films.reading import open_film
from tests.films.clips import av, moving, write_video

PLAIN = Look(stock="neutral", grain=0.0, halation=0.0, sharpness=0.0)

_RGB = ((191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191))
_BT601 = ((180, 128, 128), (162, 44, 142), (131, 156, 44), (112, 72, 58), (84, 184, 198), (65, 100, 212), (35, 212, 114))
_BT709 = ((180, 128, 128), (168, 44, 136), (145, 147, 44), (133, 63, 52), (63, 193, 204), (51, 109, 212), (28, 212, 120))
BARS = {6: dict(zip(_RGB, _BT601, strict=True)), 1: dict(zip(_RGB, _BT709, strict=True))}
"""75 % colour bars of SMPTE RP 219 and EBU Tech 3325, 8 bits: R'G'B' of 255, and Y Cb Cr of limited range, by matrix."""


def flat(codes: tuple[int, ...], bits: int, steps: tuple[int, int]) -> list[np.ndarray]:
    """Planes 32 x 48 of one colour."""
    sizes = ((32, 48), *((32 // steps[0], 48 // steps[1]),) * 2)
    return [np.full(size, code, np.uint8 if bits == 8 else np.uint16) for size, code in zip(sizes, codes, strict=True)]


def read(tmp_path: Path, planes: list[np.ndarray], pixel_format: str, bits: int = 8, **tags: int) -> np.ndarray:
    path = write_video(tmp_path / "flat.mkv", [planes], pixel_format=pixel_format, tags=tags)  # type: ignore[list-item]
    return next(open_film(path).frames(bits)).pixels


@pytest.mark.parametrize("matrix", BARS)
@pytest.mark.parametrize(
    ("pixel_format", "bits", "steps"), [("yuv420p", 8, (2, 2)), ("yuv422p10le", 10, (1, 2)), ("yuv444p", 8, (1, 1))]
)
def test_colour_bars_are_what_the_standards_say(tmp_path: Path, matrix: int, pixel_format: str, bits: int, steps: Any) -> None:
    for rgb, ycc in BARS[matrix].items():
        scale = 2 ** (bits - 8)
        got = read(
            tmp_path, flat(tuple(c * scale for c in ycc), bits, steps), pixel_format, colorspace=matrix, color_range=LIMITED
        )
        assert np.abs(got[16, 24].astype(int) - rgb).max() <= 2  # a code of chroma is up to two of RGB
        pixels = np.full((32, 48, 3), np.array(rgb) / 191 * 0.75 * 65535, np.uint16)
        back = [int(plane[8, 12]) for plane in to_planes(pixels, Tags(matrix, LIMITED), steps, bits)]
        assert np.abs(np.array(back) - np.array(ycc) * scale).max() <= 0.75 * scale


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_black_and_white_of_both_ranges(tmp_path: Path, pixel_format: str) -> None:
    bits = 10 if "10" in pixel_format else 8
    scale, grey = 2 ** (bits - 8), 2 ** (bits - 1)
    for value_range, black, white in ((LIMITED, 16 * scale, 235 * scale), (FULL, 0, 2**bits - 1)):
        for code, wanted in ((black, 0), (white, 65535)):
            planes = flat((code, grey, grey), bits, (2, 2))
            got = read(tmp_path, planes, pixel_format, 16, colorspace=1, color_range=value_range)
            assert (got == wanted).all()


def test_ten_bits_come_through(tmp_path: Path) -> None:
    """Steps of one code of 10 bits stay apart, and stand where BT.709 says."""
    ramp = np.tile(np.arange(400, 496, dtype=np.uint16), (32, 1))
    chroma = np.full((16, 48), 512, np.uint16)
    got = read(tmp_path, [ramp, chroma, chroma], "yuv420p10le", 16, colorspace=1, color_range=LIMITED)
    assert np.abs(got[5, :, 1] - (ramp[5] - 64) / 876 * 65535).max() <= 0.51
    assert open_film(tmp_path / "flat.mkv").bits == 10


@pytest.mark.parametrize("value_range", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("codec", ["h264", "h265", "prores"])
def test_tags_and_colours_survive_a_film(tmp_path: Path, codec: str, matrix: int, value_range: int) -> None:
    tags = {"colorspace": matrix, "color_range": value_range, "color_primaries": 1, "color_trc": 1}
    frames = [np.full((64, 64, 3), (180, 60, 40), np.uint8)]
    planes = to_planes(frames[0], Tags(matrix, value_range), (2, 2), 8)
    source = write_video(tmp_path / "clip.mkv", [planes], pixel_format="yuv420p", tags=tags)  # type: ignore[list-item]
    out = tmp_path / "film.mov"
    notes = develop_film(source, out, PLAIN, codec=codec).notes
    film = open_film(out)
    if codec == "prores" and value_range == FULL:
        assert notes == [".mov does not tell the matrix and the range of the colours here: players will take others"]
        return
    assert notes == []
    assert (film.tags.matrix, film.tags.value_range, film.tags.primaries) == (matrix, value_range, 1)
    before, after = (next(open_film(path).frames()).pixels for path in (source, out))
    assert np.abs(before.astype(int) - after).max() <= 4


def test_wide_primaries_are_developed_in_srgb_and_come_back(tmp_path: Path) -> None:
    tags = {"colorspace": 9, "color_range": LIMITED, "color_primaries": 9, "color_trc": 1}
    rgb = np.full((64, 64, 3), (140, 120, 100), np.uint8)
    planes = to_planes(rgb, Tags(9, LIMITED), (2, 2), 8)
    source = write_video(tmp_path / "clip.mkv", [planes], pixel_format="yuv420p", tags=tags)  # type: ignore[list-item]
    assert next(open_film(source).frames()).pixels[9, 9, 0] > 145  # BT.2020's red is deeper: sRGB takes more of it
    develop_film(source, tmp_path / "film.mp4", PLAIN, codec="h265")
    film = open_film(tmp_path / "film.mp4")
    assert (film.tags.matrix, film.tags.primaries) == (9, 9)
    with av.open(str(tmp_path / "film.mp4")) as container:
        frame = next(container.decode(video=0))
        luma = np.frombuffer(frame.planes[0], np.uint16)[:64]
    assert np.abs(luma / 4 - planes[0][0, 0]).max() <= 2


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused_by_name(tmp_path: Path, transfer: int, name: str) -> None:
    tags = {"colorspace": 9, "color_range": LIMITED, "color_primaries": 9, "color_trc": transfer}
    source = write_video(tmp_path / "hdr.mkv", moving(1), pixel_format="yuv420p10le", tags=tags)
    with pytest.raises(FilmLookError, match=rf"hdr\.mkv: is {name}"):
        develop_film(source, tmp_path / "film.mp4", PLAIN)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hdr.mkv"]
