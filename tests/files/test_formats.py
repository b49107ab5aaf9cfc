"""The kinds of files that are read and written, and what is said where one cannot be. Every file is made here."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmlook import Look, PictureError, develop
from filmlook.engine.develop import film_picture
from filmlook.files import boxes, colour
from filmlook.files.picture import FORMATS, READABLE, Picture, count_pixels, decode, encode, from_pil, read, write
from tests.files import samples

INFOTEXT = "a cat, ciné 猫\nNegative prompt: blurry\nSteps: 20, Seed: 1"
PLAIN = Look(stock="kodak_portra_400", grain=0, halation=0, sharpness=0)


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([60 + 2 * x, 60 + 2 * y, 120 + x - y], axis=-1).astype(np.uint8)


def saved(kind: str, pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def apart(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


# Read


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG2000"])
def test_kinds_that_pillow_knows(kind: str) -> None:
    data = saved(kind, smooth())
    assert count_pixels(data) == 48 * 64
    assert apart(decode(data).pixels, smooth()) <= (60 if kind == "GIF" else 0)
    with pytest.raises(PictureError, match="64 x 48 pixels; allowed are 3000"):
        decode(data, max_pixels=3000)


def test_a_jfif_is_a_jpeg(tmp_path: Path) -> None:
    (tmp_path / "a.jfif").write_bytes(saved("JPEG", smooth(), quality=98))
    assert apart(read(tmp_path / "a.jfif").pixels, smooth()) < 12
    write(tmp_path / "b.jfif", Picture(smooth()))
    with Image.open(tmp_path / "b.jfif") as image:
        assert image.format == "JPEG"
    assert {".jfif", ".heic", ".exr", ".nef"} <= set(READABLE)
    assert set(FORMATS) < set(READABLE)


def test_heic_of_8_and_10_bits() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(Image.fromarray(smooth())).save(buffer, quality=-1, chroma=444)
    seen = decode(buffer.getvalue())
    assert seen.pixels.dtype == np.uint8
    assert apart(seen.pixels, smooth()) <= 2
    assert count_pixels(buffer.getvalue()) == 48 * 64
    buffer = io.BytesIO()
    heif.from_bytes("RGB;16", (64, 48), (smooth().astype(np.uint16) * 257).tobytes()).save(buffer, quality=-1, chroma=444)
    seen = decode(buffer.getvalue())
    assert seen.pixels.dtype == np.uint16
    assert np.abs(seen.pixels / 257 - smooth()).max() < 1


def test_heic_of_a_phone_is_upright_once_and_tells_its_colour() -> None:
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Phone"
    file = heif.from_pillow(Image.fromarray(smooth()))
    p3 = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 1}
    file[0].info["nclx_profile"] = p3
    buffer = io.BytesIO()
    file.save(buffer, quality=-1, chroma=444, exif=exif.tobytes(), save_nclx_profile=True)
    assert boxes.heif(io.BytesIO(buffer.getvalue())).nclx == (12, 13, 6, True)
    seen = decode(buffer.getvalue())
    assert seen.pixels.shape == (64, 48, 3)
    loaded = Image.Exif()
    loaded.load(seen.exif)
    assert (loaded[0x0112], loaded[0x010F]) == (1, "Phone")
    expected = decode(encode(Picture(np.rot90(smooth(), -1).copy()), "PNG")).pixels
    shown = colour.converted(expected, colour.DISPLAY_P3)[0]
    assert np.abs(seen.pixels.astype(int) - shown).mean() < 1  # a step of P3 is some steps of dark red
    assert apart(shown, expected) > 8


@pytest.mark.parametrize("extension", [".avif", ".jxl"])
def test_avif_and_jpeg_xl_keep_picture_and_infotext(tmp_path: Path, extension: str) -> None:
    pytest.importorskip({".avif": "PIL.AvifImagePlugin", ".jxl": "pillow_jxl"}[extension])
    path = tmp_path / f"a{extension}"
    alpha = np.dstack([smooth(), np.full((48, 64), 200, np.uint8)])
    for pixels in (smooth(), alpha):
        write(path, Picture(pixels, text={"parameters": INFOTEXT}), overwrite=True)
        seen = read(path)
        assert seen.pixels.shape == pixels.shape
        assert apart(seen.pixels, pixels) <= 8
        assert seen.text["parameters"] == INFOTEXT
        assert count_pixels(path.read_bytes()) == 48 * 64


def test_lossless_where_it_is_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl")
    noise = np.random.default_rng(1).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    for kind in ("WEBP", "JXL", "PNG", "TIFF"):
        np.testing.assert_array_equal(decode(encode(Picture(noise), kind, lossless=True)).pixels, noise)
    assert apart(decode(encode(Picture(noise), "WEBP")).pixels, noise) > 8
    with pytest.raises(PictureError, match="JPEG cannot be lossless; allowed are WEBP, JXL, PNG"):
        write(tmp_path / "a.jpg", Picture(noise), lossless=True)


@pytest.mark.parametrize("size", [(1, 1), (48, 64), (256, 256), (90, 120), (7, 3000), (1080, 1920)])
def test_the_size_of_a_jpeg_xl_by_its_header(size: tuple[int, int]) -> None:
    pytest.importorskip("pillow_jxl")
    data = encode(Picture(np.full((*size, 3), 90, np.uint8)), "JXL")
    assert boxes.jpeg_xl(io.BytesIO(data)).size == size[::-1]
    with pytest.raises(PictureError, match="pixels; allowed are 0"):
        decode(data, max_pixels=0)


def test_16_bits_of_jpeg_xl() -> None:
    pytest.importorskip("pillow_jxl")
    imagecodecs = pytest.importorskip("imagecodecs")
    deep = np.random.default_rng(1).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    data = imagecodecs.jpegxl_encode(deep, lossless=True)  # which it tags as linear
    seen = decode(data, scene_linear=True)
    assert seen.pixels.dtype == np.uint16
    assert seen.light is not None
    np.testing.assert_allclose(seen.light, deep / 65535, atol=1e-3)


def test_16_bit_grey_and_alpha() -> None:
    imagecodecs, tifffile = pytest.importorskip("imagecodecs"), pytest.importorskip("tifffile")
    samples = np.random.default_rng(1).integers(0, 65536, (20, 30, 2), dtype=np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, photometric="minisblack", extrasamples=["unassalpha"], planarconfig="contig")
    for data in (imagecodecs.png_encode(samples), buffer.getvalue()):
        seen = decode(data).pixels
        np.testing.assert_array_equal(seen[..., 3], samples[..., 1])
        for i in range(3):
            np.testing.assert_array_equal(seen[..., i], samples[..., 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_fourth_channel_of_unspecified_meaning_is_no_alpha(dtype: type) -> None:
    tifffile = pytest.importorskip("tifffile")
    samples = np.zeros((8, 9, 4), dtype)
    samples[..., :3] = 77
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(decode(buffer.getvalue()).pixels, samples[..., :3])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_masks_beside_the_colours_are_left_out(dtype: type) -> None:
    tifffile = pytest.importorskip("tifffile")
    samples = np.full((8, 9, 6), 77, dtype)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, photometric="rgb", extrasamples=["unspecified"] * 3)
    np.testing.assert_array_equal(decode(buffer.getvalue()).pixels, samples[..., :3])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_of_several_pages_the_first_and_a_word(dtype: type) -> None:
    tifffile = pytest.importorskip("tifffile")
    pages = np.stack([np.full((8, 9, 3), value, dtype) for value in (50, 90)])
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pages, photometric="rgb")
    seen = decode(buffer.getvalue())
    np.testing.assert_array_equal(seen.pixels, pages[0])
    assert seen.notes == ("has several pages: the first was taken",)


@pytest.mark.filterwarnings("error")
def test_infinite_light_is_refused_without_a_warning_of_numpys() -> None:
    tifffile = pytest.importorskip("tifffile")
    light = np.full((8, 9, 3), 0.2, np.float32)
    light[1, 1], light[2, 2] = np.inf, np.nan
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, light, photometric="rgb")
    with pytest.raises(PictureError, match="holds NaN or infinity"):
        decode(buffer.getvalue())


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_and_a_word(kind: str) -> None:
    frames = [Image.new("RGB", (9, 8), colour) for colour in ("red", "green", "blue")]
    buffer = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], **options)
    seen = decode(buffer.getvalue())
    assert seen.pixels[0, 0, :3].tolist() == [255, 0, 0]
    assert seen.notes == ("is animated: its first frame was taken",)
    assert decode(saved(kind, smooth())).notes == ()


# Scene-linear


def exr_of(channels: dict[str, np.ndarray], path: Path, **header: object) -> Path:
    openexr = pytest.importorskip("OpenEXR")
    with openexr.File({"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage, **header}, channels) as made:
        made.write(str(path))
    return path


def test_openexr_is_the_light_of_a_scene(tmp_path: Path) -> None:
    light = np.random.default_rng(2).uniform(-0.1, 12, (20, 30, 3)).astype(np.float32)
    seen = read(exr_of({"RGB": light}, tmp_path / "a.exr"))
    np.testing.assert_array_equal(seen.light, light)
    assert seen.pixels.dtype == np.uint16
    assert count_pixels((tmp_path / "a.exr").read_bytes()) == 600
    grey = read(exr_of({"Y": np.full((4, 4), 0.18, np.float32)}, tmp_path / "b.exr"))
    assert abs(grey.pixels[0, 0, 0] / 65535 - 0.4663) < 1e-4


def test_openexr_of_other_primaries_and_premultiplied_alpha(tmp_path: Path) -> None:
    rgba = np.zeros((4, 4, 4), np.float32)
    rgba[...] = (0.2, 0.1, 0.05, 0.5)
    rgba[0, 0] = 0
    seen = read(exr_of({"RGBA": rgba}, tmp_path / "a.exr"))
    assert seen.light is not None
    np.testing.assert_allclose(seen.light[1, 1], (0.4, 0.2, 0.1), rtol=1e-6)
    assert seen.pixels[..., 3].ravel()[:2].tolist() == [0, 32768]
    wide = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)  # BT.2020
    seen = read(exr_of({"RGB": np.full((4, 4, 3), (1, 0, 0), np.float32)}, tmp_path / "b.exr", chromaticities=wide))
    assert seen.light is not None
    np.testing.assert_allclose(seen.light[0, 0], (1.6605, -0.1246, -0.0182), atol=1e-3)  # BT.2087


def test_openexr_that_holds_no_picture(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="has the channels Z; R, G, B or Y are wanted"):
        read(exr_of({"Z": np.zeros((4, 4), np.float32)}, tmp_path / "a.exr"))
    with pytest.raises(PictureError, match="NaN or infinity"):
        read(exr_of({"Y": np.full((4, 4), np.inf, np.float32)}, tmp_path / "b.exr"))


def test_a_developed_picture_as_openexr(tmp_path: Path) -> None:
    pytest.importorskip("OpenEXR")
    alpha = np.dstack([smooth(), np.full((48, 64), 51, np.uint8)])
    write(tmp_path / "a.exr", Picture(alpha, text={"parameters": INFOTEXT}))
    seen = read(tmp_path / "a.exr")
    assert seen.text["parameters"] == INFOTEXT
    assert seen.light is not None
    code = smooth() / 255
    expected = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(seen.light, expected, atol=2e-3)
    np.testing.assert_allclose(seen.pixels[..., 3] / 65535, 0.2, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tiff_in_floating_point_is_light(dtype: type, channels: int) -> None:
    tifffile = pytest.importorskip("tifffile")
    light = np.random.default_rng(2).uniform(0, 3, (20, 30, channels)).astype(dtype)
    light[..., -1] = 0.5 if channels in (2, 4) else light[..., -1]
    buffer = io.BytesIO()
    photometric = "rgb" if channels > 2 else "minisblack"
    extrasamples = ["unassalpha"] if channels in (2, 4) else None
    tifffile.imwrite(
        buffer,
        light[..., 0] if channels == 1 else light,
        photometric=photometric,
        extrasamples=extrasamples,
        planarconfig="contig",
    )
    seen = decode(buffer.getvalue())
    assert seen.light is not None
    np.testing.assert_allclose(seen.light[..., 0], light[..., 0], rtol=1e-6)
    assert seen.pixels.shape[2] == (4 if channels in (2, 4) else 3)


@pytest.mark.parametrize("stock", ["kodak_portra_400", "kodak_tri_x_400", "fujifilm_velvia_100", "neutral"])
def test_a_scene_linear_picture_develops_as_the_code_that_shows_it(stock: str) -> None:
    """Light that a display picture could hold gives what that picture gives: mid-grey .18 is .4663."""
    look = Look(stock=stock, grain=0)
    code = smooth(64, 80) / 255
    odds = code / (1.1423 - code) / (0.4663 / (1.1423 - 0.4663))
    light = (0.18 * odds ** (1 / 1.0479)).astype(np.float32)
    film = develop(light, look, scene_linear=True)
    assert film.dtype == np.float32
    assert np.abs(film - develop(code.astype(np.float32), look)).max() < 2e-3
    picture = Picture(smooth(64, 80), light=light)
    assert apart(film_picture(picture, look, seed=1).pixels, film_picture(Picture(smooth(64, 80)), look, seed=1).pixels) <= 1


def test_light_above_white_is_told_apart() -> None:
    """Where a display picture has one white, a scene has many: a negative holds them, and a longer print shows them."""
    steps = np.repeat(np.array([2, 4, 8, 16], np.float32), 16)[None, :, None] * np.ones((32, 1, 3), np.float32)
    film = develop(steps, dataclasses.replace(PLAIN, print_exposure=2), scene_linear=True)[16, 8::16, 1]
    assert (np.diff(film) > 2e-3).all()


def test_highlights_are_not_rebuilt_where_they_are() -> None:
    light = np.full((96, 96, 3), 0.1, np.float32)
    light[40:56, 40:56] = 1.69 * 8
    plain, rebuilt = (develop(light, Look(grain=0, highlights=h), scene_linear=True) for h in (0, 3))
    np.testing.assert_allclose(rebuilt, plain, atol=2e-3)


def test_what_is_scene_linear_may_be_said(tmp_path: Path) -> None:
    linear = np.full((16, 16, 3), 11796, np.uint16)  # .18
    look = Look(stock="neutral", grain=0, halation=0, sharpness=0)
    by_array = develop(linear, look, scene_linear=True)
    assert abs(int(by_array[8, 8, 1]) / 65535 - 0.4663) < 1e-3
    by_tensor = develop(np.float32(linear / 65535), look, scene_linear=True)
    assert abs(by_tensor[8, 8, 1] - 0.4663) < 1e-3
    grey = Image.fromarray(np.full((16, 16), 0.18, np.float32))
    assert abs(np.asarray(develop(grey, look, scene_linear=True))[8, 8, 1] / 255 - 0.4663) < 0.01
    by_picture = film_picture(Picture(linear), look, scene_linear=True)
    np.testing.assert_array_equal(by_picture.pixels, by_array)
    assert abs(from_pil(grey, scene_linear=True).pixels[0, 0, 0] / 65535 - 0.4663) < 1e-4
    write(tmp_path / "a.tif", Picture(linear))
    seen = read(tmp_path / "a.tif", scene_linear=True)
    assert seen.light is not None
    np.testing.assert_allclose(seen.light, 0.18, atol=1e-4)


def test_strength_mixes_with_the_rendering_of_light() -> None:
    light = np.full((16, 16, 3), 0.18, np.float32)
    np.testing.assert_allclose(develop(light, Look(strength=0), scene_linear=True), 0.4663, atol=1e-4)


def test_light_of_another_shape_is_refused() -> None:
    with pytest.raises(PictureError, match=r"light is float32 \(4, 4, 3\); allowed is floating point \(4, 5, 3\)"):
        Picture(np.zeros((4, 5, 3), np.uint8), light=np.zeros((4, 4, 3), np.float32))


# RAW


def dng(tmp_path: Path, name: str = "photo.dng") -> Path:
    pytest.importorskip("tifffile")
    return samples.dng(tmp_path / name)


def test_a_raw_without_its_extra_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [dng(tmp_path, "photo.nef")]
    for name, data in (("a.cr2", b"II*\0\x10\0\0\0CR\2\0"), ("a.raf", b"FUJIFILMCCD-RAW 0201"), ("a.rw2", b"IIU\0\x18\0\0\0")):
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data + bytes(100))
    monkeypatch.setitem(sys.modules, "rawpy", None)
    for path in paths:
        with pytest.raises(PictureError, match=r"is a camera's RAW, which needs rawpy: pip install \"filmlook\[raw\]\""):
            read(path)


def test_a_raw_is_the_light_of_a_scene_and_never_its_preview(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    seen = read(dng(tmp_path))
    assert seen.pixels.shape == (64, 96, 3)
    assert seen.pixels.dtype == np.uint16
    assert seen.light is not None
    assert count_pixels((tmp_path / "photo.dng").read_bytes()) == 64 * 96
    with pytest.raises(PictureError, match="96 x 64 pixels; allowed are 6143"):
        read(tmp_path / "photo.dng", max_pixels=6143)


def test_a_raw_that_is_damaged_is_refused_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    path = tmp_path / "a.raf"
    path.write_bytes(b"FUJIFILMCCD-RAW 0201" + bytes(2000))
    with pytest.raises(PictureError, match="is a camera's RAW that LibRaw cannot read"):
        read(path)


# Extras and limits


@pytest.mark.parametrize(
    ("module", "extra", "data"),
    [
        ("pillow_heif", "heic", struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(40)),
        ("pillow_jxl", "jxl", b"\xff\x0a" + bytes(40)),
        ("OpenEXR", "exr", b"v/1\x01\x02\0\0\0" + bytes(40)),
    ],
)
def test_without_an_extra_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, extra: str, data: bytes
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / "a.x").write_bytes(data)
    with pytest.raises(PictureError, match=rf'{module}: pip install "filmlook\[{extra}\]"') as caught:
        read(tmp_path / "a.x")
    assert "\n" not in str(caught.value)
    if f".{extra}" in FORMATS:
        with pytest.raises(PictureError, match=rf"filmlook\[{extra}\]"):
            write(tmp_path / f"b.{extra}", Picture(smooth()))
        assert [p.name for p in tmp_path.iterdir()] == ["a.x"]


@pytest.mark.parametrize(("name", "most"), [("a.jpg", 65535), ("a.webp", 16383), ("a.avif", 65535)])
def test_more_pixels_than_a_format_holds(tmp_path: Path, name: str, most: int) -> None:
    with pytest.raises(PictureError, match=rf"{name}: \w+ holds up to {most} pixels a side; the picture has {most + 1} x 1"):
        write(tmp_path / name, Picture(np.zeros((1, most + 1, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_devices_and_folders_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for path, fault in (
        (tmp_path / "pipe.png", "is a pipe or a device"),
        (Path("/dev/zero"), "is a pipe or a device"),
        (tmp_path / "folder.png", "is a folder, not a picture"),
    ):
        with pytest.raises(PictureError, match=fault):
            read(path)


@pytest.mark.parametrize("name", ["a.avif", "a.jxl", "a.exr", "a.heic", "a.gif", "a.bmp", "a.jp2", "a.dng", "a.tif"])
def test_damage_anywhere_gives_a_picture_or_a_picture_error(tmp_path: Path, name: str) -> None:
    kind = name.split(".")[1]
    if kind in ("gif", "bmp", "jp2"):
        data = saved({"jp2": "JPEG2000"}.get(kind, kind.upper()), smooth(24, 24))
    elif kind == "heic":
        heif = pytest.importorskip("pillow_heif")
        buffer = io.BytesIO()
        heif.from_pillow(Image.fromarray(smooth(24, 24))).save(buffer)
        data = buffer.getvalue()
    elif kind == "dng":
        pytest.importorskip("rawpy")
        data = dng(tmp_path).read_bytes()
    elif kind == "tif":
        tifffile = pytest.importorskip("tifffile")
        tifffile.imwrite(tmp_path / "f.tif", np.ones((24, 24, 3), np.float32), photometric="rgb")
        data = (tmp_path / "f.tif").read_bytes()
    else:
        pytest.importorskip({"avif": "PIL.AvifImagePlugin", "jxl": "pillow_jxl", "exr": "OpenEXR"}[kind])
        data = encode(Picture(smooth(24, 24)), FORMATS[f".{kind}"])
    rng = np.random.default_rng(4)
    whole = decode(data)
    for round_ in range(40):
        broken = bytearray(data[: len(data) // 2] if round_ % 10 == 0 else data)
        for place in rng.integers(0, min(len(broken), 600), 3):
            broken[place] = rng.integers(256)
        with contextlib.suppress(PictureError):
            assert decode(bytes(broken), max_pixels=1_000_000).pixels.ndim == 3
    np.testing.assert_array_equal(decode(data).pixels, whole.pixels)
