"""Pictures in and out: what a user would see or lose. Every file is made here."""

import contextlib
import io
import lzma
import struct
import sys
import time
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from filmlook.errors import PictureError
from filmlook.files.picture import Picture, count_pixels, decode, encode, from_pil, read, srgb_profile, to_pil, write

INFOTEXT = "a cat, ciné <lora:x:1> 猫\nNegative prompt: blurry\nSteps: 20, Seed: 1"
EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def noise(*shape: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    """Soft colours, which JPEG and lossy WebP keep within a few steps."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([60 + 2 * x, 60 + 2 * y, 120 + x - y], axis=-1).astype(np.uint8)


def fixed(value: float) -> bytes:
    """The profile format's s15Fixed16Number."""
    return struct.pack(">i", round(value * 65536))


ADOBE_RGB = (
    (0.60974, 0.31111, 0.01947),
    (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
)  # Adobe RGB (1998), D50
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))  # IEC 61966-2-1, D50


def profile(space: bytes, gamma: float, primaries: tuple = ADOBE_RGB, table: np.ndarray | None = None) -> bytes:
    """A minimal ICC version 2 profile: a gamma (or a table 0..1) for grey, with three primaries for RGB."""
    curve = b"curv" + struct.pack(">IIHH", 0, 1, round(gamma * 256), 0)
    if table is not None:
        curve = b"curv" + struct.pack(">II", 0, len(table)) + np.rint(table * 65535).astype(">u2").tobytes()
    tags = {b"wtpt": (0.9642, 1.0, 0.8249)}
    if space == b"RGB ":
        tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True))
    data = {name: b"XYZ \0\0\0\0" + b"".join(map(fixed, xyz)) for name, xyz in tags.items()}
    data |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC") if space == b"RGB " else (b"kTRC",), curve)
    data[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(83)
    data[b"cprt"] = b"text\0\0\0\0none\0\0\0\0"
    table, body, start = struct.pack(">I", len(data)), b"", 132 + 12 * len(data)
    for name, content in data.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02100000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + b"".join(map(fixed, (0.9642, 1.0, 0.8249))) + bytes(48)
    return head + table + body


def encoded(linear: np.ndarray) -> np.ndarray:
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def adobe_to_srgb(values: np.ndarray) -> np.ndarray:
    """0..1 to 0..1, computed from the definitions of the two spaces."""
    xyz = values ** (563 / 256) @ np.array(ADOBE_RGB)
    return encoded(xyz @ np.linalg.inv(np.array(SRGB)))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def camera_exif(orientation: int = 1, comment: bytes | None = None) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Leica"
    exif[0x0112] = orientation
    details: dict = {0x829A: 0.004, 0x927C: b"maker's note"}
    if comment is not None:
        details[0x9286] = comment
    exif[0x8769] = details
    return exif.tobytes()


# What is kept


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".tiff"])
@pytest.mark.parametrize("channels", [3, 4])
def test_8_bit_pixels_and_alpha_come_back_to_the_bit(tmp_path, extension, channels):
    pixels = noise(37, 53, channels)
    pixels[:5, :, 3:] = 0  # colour below full transparency is kept too
    write(tmp_path / f"a{extension}", Picture(pixels), quality=100)
    assert read(tmp_path / f"a{extension}").pixels.dtype == np.uint8
    np.testing.assert_array_equal(read(tmp_path / f"a{extension}").pixels, pixels)


@pytest.mark.parametrize("extension", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_pixels_come_back_to_the_bit(tmp_path, extension, channels):
    pixels = noise(37, 53, channels, dtype=np.uint16)
    write(tmp_path / f"a{extension}", Picture(pixels))
    np.testing.assert_array_equal(read(tmp_path / f"a{extension}").pixels, pixels)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_files_become_rgb_with_equal_channels(tmp_path, channels, dtype):
    imagecodecs, tifffile = pytest.importorskip("imagecodecs"), pytest.importorskip("tifffile")
    grey = noise(20, 30, channels, dtype=dtype)
    samples = grey[..., 0] if channels == 1 else grey
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(samples))
    if (dtype, channels) != (np.uint16, 2):  # Pillow refuses such a TIFF
        options = {"photometric": "minisblack", "extrasamples": ["unassalpha"] * (channels - 1) or None}
        for name, byteorder in (("little.tif", "<"), ("big.tif", ">")):
            tifffile.imwrite(tmp_path / name, samples, byteorder=byteorder, planarconfig="contig", **options)
    for path in tmp_path.iterdir():
        pixels = read(path).pixels
        assert pixels.dtype == dtype
        assert pixels.shape == (20, 30, 3 if channels == 1 else 4)
        for channel in range(3):
            np.testing.assert_array_equal(pixels[..., channel], grey[..., 0])
        np.testing.assert_array_equal(pixels[..., 3:], grey[..., 1:])


def test_16_bit_tiffs_of_other_layouts(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    pixels = noise(40, 50, 3, dtype=np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.moveaxis(pixels, -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read(path).pixels, pixels)
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(16, 16), compression="lzw", predictor=True)
    np.testing.assert_array_equal(read(path).pixels, pixels)
    tifffile.imwrite(path, pixels[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read(path).pixels[..., 1], 65535 - pixels[..., 0])
    premultiplied = np.dstack([pixels // 2, np.full((40, 50), 32768, np.uint16)])
    tifffile.imwrite(path, premultiplied, photometric="rgb", extrasamples=["assocalpha"])
    assert np.abs(read(path).pixels[..., :3].astype(int) - pixels // 257).max() <= 2


def test_only_the_header_tells_16_bits(tmp_path):
    write(tmp_path / "deep.png", Picture(noise(8, 8, 3, dtype=np.uint16)))
    (tmp_path / "deep.png").rename(tmp_path / "deep.jpg")
    assert read(tmp_path / "deep.jpg").pixels.dtype == np.uint16


@pytest.mark.parametrize("extension", [".jpg", ".webp"])
def test_16_bits_are_rounded_for_8_bit_formats(tmp_path, extension):
    values = np.arange(65536, dtype=np.uint16)
    image = to_pil(Picture(np.repeat(values.reshape(256, 256, 1), 3, axis=2)))
    np.testing.assert_array_equal(np.asarray(image)[..., 0].ravel(), np.rint(values / 257))
    pixels = smooth()
    write(tmp_path / f"a{extension}", Picture(pixels.astype(np.uint16) * 257 + 100), quality=100)
    result = read(tmp_path / f"a{extension}").pixels
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - pixels).max() <= 6


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_camera_exif_is_kept_in_every_format(tmp_path, extension):
    for dtype in (np.uint8, np.uint16):
        path = tmp_path / f"{np.dtype(dtype).name}{extension}"
        write(path, Picture(noise(8, 9, 3, dtype=dtype), camera_exif()))
        exif = Image.Exif()
        exif.load(read(path).exif)
        assert exif[0x010F] == "Leica"
        assert exif.get_ifd(0x8769)[0x829A] == pytest.approx(0.004)
        assert exif.get_ifd(0x8769)[0x927C] == b"maker's note"
        with Image.open(path) as image:  # other programs see it too
            assert image.getexif()[0x010F] == "Leica"


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_infotext_is_kept_in_every_format(tmp_path, extension):
    for dtype in (np.uint8, np.uint16):
        for exif in (None, camera_exif()):
            path = tmp_path / f"a{extension}"
            write(path, Picture(noise(8, 9, 4, dtype=dtype), exif, {"parameters": INFOTEXT}), overwrite=True)
            back = read(path)
            assert back.text["parameters"] == INFOTEXT
            assert exif is None or b"Leica" in back.exif


def test_infotext_travels_from_png_through_jpeg_and_webp(tmp_path):
    write(tmp_path / "a.png", Picture(smooth(), text={"parameters": INFOTEXT}))
    write(tmp_path / "b.jpg", read(tmp_path / "a.png"))
    write(tmp_path / "c.webp", read(tmp_path / "b.jpg"))
    write(tmp_path / "d.png", read(tmp_path / "c.webp"))
    assert Image.open(tmp_path / "d.png").info["parameters"] == INFOTEXT


def test_infotext_in_jpeg_is_written_and_read_as_a1111_does(tmp_path):
    a1111 = b"UNICODE\0" + INFOTEXT.encode("utf-16-be")
    write(tmp_path / "ours.jpg", Picture(smooth(), text={"parameters": INFOTEXT}))
    assert Image.open(tmp_path / "ours.jpg").getexif().get_ifd(0x8769)[0x9286] == a1111
    comments = [a1111, b"UNICODE\0" + INFOTEXT.encode("utf-16-le") + b"\0\0", INFOTEXT.encode()]
    for comment in comments:
        Image.fromarray(smooth()).save(tmp_path / "theirs.jpg", exif=camera_exif(comment=comment))
        assert read(tmp_path / "theirs.jpg").text == {"parameters": INFOTEXT}
    Image.fromarray(smooth()).save(tmp_path / "blank.jpg", exif=camera_exif(comment=b"ASCII\0\0\0   \0\0"))
    assert read(tmp_path / "blank.jpg").text == {}


def test_the_webui_finds_new_infotext_not_the_one_in_old_exif(tmp_path):
    old = camera_exif(comment=b"UNICODE\0" + "old\nSteps: 3, Seed: 2".encode("utf-16-be"))
    picture = Picture(smooth(), old, {"parameters": INFOTEXT})
    write(tmp_path / "a.png", picture)
    for exif in (Image.open(tmp_path / "a.png").info["exif"], to_pil(picture).info["exif"]):
        loaded = Image.Exif()
        loaded.load(exif)
        assert loaded.get_ifd(0x8769)[0x9286] == b"UNICODE\0" + INFOTEXT.encode("utf-16-be")
        assert loaded[0x010F] == "Leica"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_all_png_text_is_kept_wherever_it_stood(tmp_path, dtype):
    write(tmp_path / "a.png", Picture(noise(5, 5, 3, dtype=dtype), text={"workflow": '{"a": "ü"}', "Title": "猫"}))
    data = (tmp_path / "a.png").read_bytes()
    late = chunk(b"tEXt", b"Late\0after the pixels") + chunk(b"zTXt", b"Packed\0\0" + zlib.compress(b"small"))
    (tmp_path / "a.png").write_bytes(data[:-12] + late + data[-12:])
    write(tmp_path / "b.png", read(tmp_path / "a.png"))
    expected = {"workflow": '{"a": "ü"}', "Title": "猫", "Late": "after the pixels", "Packed": "small"}
    assert read(tmp_path / "b.png").text == expected


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_file_carries_an_srgb_profile(tmp_path, extension, dtype):
    write(tmp_path / f"a{extension}", Picture(noise(8, 9, 4, dtype=dtype)))
    with Image.open(tmp_path / f"a{extension}") as image:
        icc = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(icc)


def test_jpeg_keeps_full_colour_resolution_and_drops_alpha(tmp_path):
    pixels = np.dstack([smooth(), np.zeros((48, 64), np.uint8)])
    write(tmp_path / "a.jpg", Picture(pixels))
    with Image.open(tmp_path / "a.jpg") as image:
        assert {(h, v) for _, h, v, _ in image.layer} == {(1, 1)}
    assert np.abs(read(tmp_path / "a.jpg").pixels.astype(int) - pixels[..., :3]).max() < 8
    write(tmp_path / "low.jpg", Picture(pixels), quality=30)
    assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "a.jpg").stat().st_size


def test_the_same_picture_gives_the_same_file_on_another_day(tmp_path):
    for name in "ab":
        for extension in EXTENSIONS:
            write(tmp_path / f"{name}{extension}", Picture(noise(8, 9, 3), camera_exif(), {"parameters": INFOTEXT}))
        time.sleep(1.1)
        srgb_profile.cache_clear()
    for extension in EXTENSIONS:
        assert (tmp_path / f"a{extension}").read_bytes() == (tmp_path / f"b{extension}").read_bytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiff_says_that_alpha_is_straight_and_has_no_text_of_its_own(tmp_path, dtype):
    write(tmp_path / "a.tif", Picture(noise(8, 9, 4, dtype=dtype)))
    assert Image.open(tmp_path / "a.tif").tag_v2[338] == (2,)
    assert read(tmp_path / "a.tif").text == {}


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "deep.png", "deep.tif"])
def test_exif_orientation_is_honoured_once(tmp_path, name, orientation):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16], upright[:16, 16:], upright[16:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    undo = [None, None, *(getattr(Image.Transpose, t) for t in UNDO)][orientation]
    stored = Image.fromarray(upright) if undo is None else Image.fromarray(upright).transpose(undo)
    source = np.asarray(stored)
    if name.startswith("deep"):
        write(tmp_path / name, Picture(source.astype(np.uint16) * 257, camera_exif(orientation)))
    elif name == "a.tif":
        write(tmp_path / name, Picture(source, camera_exif(orientation)))
    else:
        options = {"a.webp": {"lossless": True}, "a.jpg": {"quality": 98, "subsampling": 0}}.get(name, {})
        stored.save(tmp_path / name, exif=camera_exif(orientation), **options)

    once = read(tmp_path / name)
    assert once.pixels.shape == (32, 48, 3)
    assert np.abs(to_8_bit(once.pixels).astype(int) - upright).mean() < 3
    exif = Image.Exif()
    exif.load(once.exif)
    assert exif.get(0x0112, 1) == 1
    write(tmp_path / f"again_{name}", once)
    np.testing.assert_allclose(read(tmp_path / f"again_{name}").pixels.shape, (32, 48, 3))
    assert from_pil(Image.open(tmp_path / name)).pixels.shape == (32, 48, 3)


# How PIL stores an upright picture under orientation 2 to 8: the reverse of what the viewer does
UNDO = ("FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_90", "TRANSVERSE", "ROTATE_270")


def to_8_bit(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.dtype == np.uint8 else (pixels // 257).astype(np.uint8)


def test_makers_notes_stay_in_place_and_the_old_thumbnail_goes():
    exif = b"Exif\0\0" + tiff_with_thumbnail(orientation=6)
    result = from_pil(with_info(Image.new("RGB", (3, 2)), exif=exif))
    assert result.pixels.shape == (3, 2, 3)
    changed = [i for i, (a, b) in enumerate(zip(exif, result.exif, strict=True)) if a != b]
    assert changed == [6 + 18, 6 + 22]  # the orientation and the pointer to the thumbnail
    assert from_pil(with_info(Image.new("RGB", (3, 2)), exif=b"Exif\0\0 broken")).exif is None


def test_damaged_exif_costs_the_exif_only(tmp_path):
    exif, rng = camera_exif(comment=b"ASCII\0\0\0text"), np.random.default_rng(2)
    for _ in range(200):
        damaged = bytearray(exif)
        for position in rng.integers(6, len(exif), 4):
            damaged[position] = rng.integers(256)
        picture = from_pil(with_info(Image.new("RGB", (3, 3)), exif=bytes(damaged)))
        picture.text["parameters"] = INFOTEXT
        for name in ("a.jpg", "a.tif", "a.png"):
            write(tmp_path / name, picture, overwrite=True)
            assert read(tmp_path / name).text["parameters"] == INFOTEXT


def tiff_with_thumbnail(orientation: int) -> bytes:
    first = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 26)
    return b"II*\0" + struct.pack("<I", 8) + first + struct.pack("<HHHIII", 1, 0x0103, 3, 1, 6, 0)


def with_info(image: Image.Image, **info: object) -> Image.Image:
    image.info.update(info)
    return image


# Colour


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_adobe_rgb_is_converted_to_srgb(tmp_path, extension):
    pixels = smooth()
    exact = {"quality": 100, "lossless": True, "subsampling": 0} if extension != ".webp" else {"lossless": True}
    exact = exact if extension in (".jpg", ".jpeg", ".webp") else {}
    icc = profile(b"RGB ", 563 / 256)
    Image.fromarray(pixels).save(tmp_path / f"a{extension}", icc_profile=icc, **exact)
    with Image.open(tmp_path / f"a{extension}") as image:
        stored = np.asarray(image.convert("RGB")) / 255
    result = read(tmp_path / f"a{extension}").pixels / 255
    assert np.abs(result - adobe_to_srgb(stored)).max() < 1.6 / 255
    assert np.abs(result - stored).max() > 8 / 255


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_adobe_rgb_is_converted_in_16_bits(tmp_path, name):
    imagecodecs, tifffile = pytest.importorskip("imagecodecs"), pytest.importorskip("tifffile")
    pixels = noise(30, 40, 4, dtype=np.uint16) // 4 + 30000
    pixels = pixels.astype(np.uint16)
    icc = profile(b"RGB ", 563 / 256)
    if name == "a.tif":
        tifffile.imwrite(tmp_path / name, pixels, photometric="rgb", extrasamples=["unassalpha"], iccprofile=icc)
    else:
        data = imagecodecs.png_encode(pixels)
        iccp = chunk(b"iCCP", b"x\0\0" + zlib.compress(icc))
        (tmp_path / name).write_bytes(data[:33] + iccp + data[33:])
    result = read(tmp_path / name).pixels
    np.testing.assert_array_equal(result[..., 3], pixels[..., 3])
    difference = result[..., :3] - 65535 * adobe_to_srgb(pixels[..., :3] / 65535)
    assert np.abs(difference).max() < 16  # 8 bits would be off by up to 128


def test_grey_profiles():
    ramp = np.arange(256, dtype=np.uint8)[None]
    icc = profile(b"GRAY", 1.0)
    light = from_pil(with_info(Image.fromarray(ramp), icc_profile=icc)).pixels
    expected = 255 * encoded(ramp / 255)
    assert np.abs(light[..., 1] - expected).max() < 1.6
    deep = Image.fromarray(ramp.astype(np.uint16) * 257)
    light = from_pil(with_info(deep, icc_profile=icc)).pixels
    assert light.dtype == np.uint16
    assert np.abs(light[..., 1] - 257 * expected).max() < 40
    rgb = profile(b"RGB ", 1.0, SRGB)  # the WebUI saves grey pictures with RGB profiles
    assert np.abs(from_pil(with_info(Image.fromarray(ramp), icc_profile=rgb)).pixels[..., 1] - expected).max() < 1.6


def test_srgb_under_another_name_changes_nothing():
    pixels = noise(64, 64, 3)
    steps = np.linspace(0, 1, 1024)  # as in Hewlett-Packard's profile, found in most pictures
    linear = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    tables = profile(b"RGB ", 1.0, SRGB, linear)
    pillows = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for icc in (tables, pillows):
        np.testing.assert_array_equal(from_pil(with_info(Image.fromarray(pixels), icc_profile=icc)).pixels, pixels)
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    image = with_info(Image.fromarray(deep), icc_profile=profile(b"GRAY", 1.0, table=linear))
    np.testing.assert_array_equal(from_pil(image).pixels[..., 0], deep)


@pytest.mark.parametrize("icc", [b"not a profile", b"", profile(b"GRAY", 1.8)])
def test_a_broken_or_unfit_profile_is_passed_over(icc):
    pixels = noise(8, 8, 3)
    np.testing.assert_array_equal(from_pil(with_info(Image.fromarray(pixels), icc_profile=icc)).pixels, pixels)


# PIL images


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "PA", "La", "RGBa"]
)
def test_every_mode_gives_its_own_colour(mode):
    colour = (200, 100, 40)
    rgb = Image.new("RGB", (4, 3), colour)
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(rgb, srgb, lab, outputMode="LAB")
    elif mode in ("La", "RGBa", "PA"):
        image = rgb.convert({"La": "LA", "RGBa": "RGBA", "PA": "P"}[mode]).convert(mode)
    else:
        image = rgb.convert(mode, dither=Image.Dither.NONE) if mode == "1" else rgb.convert(mode)
    before = image.tobytes()
    pixels = from_pil(image).pixels
    assert pixels.dtype == np.uint8
    assert pixels.shape == (3, 4, 4 if mode in ("LA", "RGBA", "PA", "La", "RGBa") else 3)
    grey = {"1": 0}.get(mode, 123) if mode in ("1", "L", "LA", "La") else None
    expected = (grey,) * 3 if grey is not None else colour
    tolerance = 20 if mode in ("P", "PA") else 5
    assert np.abs(pixels[0, 0, :3].astype(int) - expected).max() <= tolerance
    assert image.tobytes() == before


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B"])
def test_16_bit_modes_stay_16_bit(mode):
    values = noise(5, 6, dtype=np.uint16)
    image = Image.new(mode, (6, 5))
    image.frombytes(values.astype({"I": "=i4", "I;16": "<u2", "I;16B": ">u2"}[mode]).tobytes())
    np.testing.assert_array_equal(from_pil(image).pixels, np.repeat(values[..., None], 3, axis=2))


@pytest.mark.parametrize(("mode", "colour"), [("F", 0.5), ("I", 70000), ("I", -1)])
def test_values_without_a_known_white_are_refused(mode, colour):
    with pytest.raises(PictureError, match=f"mode {mode}"):
        from_pil(Image.new(mode, (2, 2), colour))


def test_transparency_of_palette_and_colour_key():
    palette = Image.fromarray(noise(9, 9)).convert("P")
    palette.info["transparency"] = bytes(range(256))
    np.testing.assert_array_equal(from_pil(palette).pixels[..., 3], np.asarray(palette))
    keyed = with_info(Image.new("RGB", (2, 1), (1, 2, 3)), transparency=(1, 2, 3))
    keyed.putpixel((0, 0), (9, 9, 9))
    assert from_pil(keyed).pixels[0, :, 3].tolist() == [255, 0]


def test_pil_round_trip_keeps_pixels_and_info():
    picture = Picture(noise(7, 8, 4), camera_exif(), {"parameters": INFOTEXT, "other": "x"})
    image = to_pil(picture)
    assert image.mode == "RGBA"
    assert image.info["parameters"] == INFOTEXT
    back = from_pil(image)
    np.testing.assert_array_equal(back.pixels, picture.pixels)
    assert (back.exif, back.text) == (picture.exif, picture.text)
    image.save(buffer := io.BytesIO(), "PNG")  # as the host may do
    assert "icc_profile" in Image.open(buffer).info


# Unusual pictures


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("size", [(1, 1), (3, 20000), (20000, 3)])
def test_tiny_and_long_pictures(tmp_path, extension, size):
    path = tmp_path / f"a{extension}"
    pixels = np.full((*size, 3), 90, np.uint8)
    if extension == ".webp" and max(size) > 16383:
        with pytest.raises(PictureError, match=r"a\.webp"):
            write(path, Picture(pixels))
        assert list(tmp_path.iterdir()) == []
        return
    write(path, Picture(pixels))
    assert np.abs(read(path).pixels.astype(int) - pixels).max() <= 2


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_the_first_frame_of_several(tmp_path, name):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "green", "blue")]
    options = {"lossless": True} if name == "a.webp" else {}
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
    assert read(tmp_path / name).pixels[0, 0, :3].tolist() == [255, 0, 0]


# Bad input


def valid(tmp_path: Path, name: str, height: int = 64, width: int = 64) -> Path:
    dtype = np.uint16 if name.startswith("deep") else np.uint8
    write(tmp_path / name, Picture(noise(height, width, 3, dtype=dtype)))
    return tmp_path / name


def refused(path: Path, fault: str, **options: int) -> None:
    """Reading fails with one line that names the file and the fault."""
    with pytest.raises(PictureError, match=fault) as caught:
        read(path, **options)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


NAMES = ["a.png", "a.jpg", "a.webp", "a.tif", "deep.png", "deep.tif"]


@pytest.mark.parametrize("truncated_allowed", [False, True], ids=["", "LOAD_TRUNCATED_IMAGES"])
@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file(tmp_path, name, truncated_allowed, monkeypatch):
    path = valid(tmp_path, name)
    data = path.read_bytes()
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", truncated_allowed)
    for length in (13, 40, len(data) // 4, len(data) // 2, len(data) - 8):
        path.write_bytes(data[:length])
        refused(path, "")
    path.write_bytes(data[: len(data) // 2])
    refused(path, "cut short|truncated|cannot be read")


@pytest.mark.parametrize("truncated_allowed", [False, True], ids=["", "LOAD_TRUNCATED_IMAGES"])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "deep.png", "deep.tif"])
def test_a_corrupt_file(tmp_path, name, truncated_allowed, monkeypatch):
    path = valid(tmp_path, name)
    if path.suffix == ".tif":  # uncompressed samples cannot be wrong
        tifffile = pytest.importorskip("tifffile")
        tifffile.imwrite(path, read(path).pixels, photometric="rgb", compression="adobe_deflate", predictor=True)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", truncated_allowed)
    refused(path, "damaged|cannot be read")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_garbage_anywhere_gives_a_picture_or_a_picture_error(tmp_path, name):
    path = valid(tmp_path, name, 24, 24)
    data, rng = path.read_bytes(), np.random.default_rng(1)
    for _ in range(60):
        broken = bytearray(data)
        for position in rng.integers(0, min(len(data), 700), 3):
            broken[position] = rng.integers(256)
        path.write_bytes(broken)
        with contextlib.suppress(PictureError):
            read(path, max_pixels=1_000_000)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("empty.png", b"", "is empty"),
        ("text.png", b"This is not a picture.\nIt is text.\n", "not a PNG, JPEG, WebP or TIFF"),
        ("text.tif", b"II", "not a PNG, JPEG, WebP or TIFF"),
        ("only_head.jpg", b"\xff\xd8\xff", "damaged or unsupported header"),
        ("only_head.png", b"\x89PNG\r\n\x1a\n", r"header \(it is cut short\)"),
        ("start.jpg", b"\xff\xd8\xff\xe0", r"header \(it is cut short\)"),
        ("start.tif", b"II*\0", r"header \(it is cut short\)"),
        ("picture.bmp", b"BM" + bytes(60), "damaged or unsupported header"),
    ],
)
def test_files_that_are_no_pictures(tmp_path, name, content, fault):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, fault)


def test_missing_file_and_folder(tmp_path):
    refused(tmp_path / "missing.png", "No such file")
    (tmp_path / "folder.png").mkdir()
    refused(tmp_path / "folder.png", "is a folder")


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 50_000, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(data)
    refused(tmp_path / "bomb.png", "100000 x 50000 pixels; allowed are 200000000")


def tiff(*tags: tuple[int, ...], pixels: bytes = bytes(64 * 64 * 6)) -> bytes:
    """A TIFF of one strip with these tags, whole numbers, over those of a plain picture of 64 x 64 pixels."""
    plain = {256: 64, 257: 64, 258: 16, 259: 1, 262: 1, 273: 1000, 277: 1, 278: 64, 279: len(pixels)}
    given = [(tag, value) for tag, *values in tags for value in values]
    told = sorted(
        [*((tag, value) for tag, value in plain.items() if tag not in dict(given)), *given], key=lambda entry: entry[0]
    )
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in told)
    return (b"II*\0" + struct.pack("<IH", 8, len(told)) + entries + bytes(4)).ljust(1000, b"\0") + pixels


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("tags", "fault"),
    [
        ([(32997, 20)], "is a stack of 20 pictures; allowed is 1"),
        ([(322, 40000), (323, 40000), (324, 1000), (325, 8192)], "tiles of 40000 x 40000 pixels; allowed are 200000000"),
        ([(322, 2**31), (323, 16), (324, 1000), (325, 8192)], "tiles of 2147483648 x 16 pixels"),
    ],
)
def test_a_tiff_with_pixels_that_its_size_does_not_tell_of(tmp_path, bits, tags, fault):
    (tmp_path / "a.tif").write_bytes(tiff((258, bits)))
    assert read(tmp_path / "a.tif").pixels.shape == (64, 64, 3)
    (tmp_path / "a.tif").write_bytes(tiff((258, bits), *tags))
    refused(tmp_path / "a.tif", fault)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "tags",
    [
        [(256, 30000, 64), (257, 30000, 64)],
        [(277, 20000, 1)],
        [(32997, 100000, 1)],
        [(322, 30000, 16), (323, 30000, 16), (324, 1000, 1000), (325, 8192, 8192)],
    ],
)
def test_a_16_bit_tiff_of_two_minds(tmp_path, tags, turned):
    """Of a tag that stands there twice, not every reader takes the same one."""
    pytest.importorskip("tifffile")
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(*((tag, *values[:: -1 if turned else 1]) for tag, *values in tags)))
    tracemalloc.start()
    with contextlib.suppress(PictureError):
        assert read(path, max_pixels=1_000_000).pixels.shape == (64, 64, 3)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(("compression", "packed"), [(8, zlib.compress), (34925, lzma.compress)])
def test_a_bomb_in_a_16_bit_tiff(tmp_path, compression, packed, monkeypatch):
    pytest.importorskip("tifffile")
    pytest.importorskip("imagecodecs")
    path = tmp_path / "a.tif"
    path.write_bytes(tiff((259, compression), pixels=packed(bytes(100_000_000))))
    tracemalloc.start()
    with contextlib.suppress(PictureError):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    refused(path, r"16 bits need imagecodecs: pip install")


def test_16_bits_in_a_compression_that_tells_its_own_size(tmp_path):
    pytest.importorskip("tifffile")
    (tmp_path / "a.tif").write_bytes(tiff((259, 7)))
    refused(tmp_path / "a.tif", "has compression 7; allowed are 1, 5, 8, ")


def test_pixels_are_counted_by_the_header(tmp_path):
    for name in NAMES:
        assert count_pixels(valid(tmp_path, name, 40, 50).read_bytes()) == 2000
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 50_000, 8, 2, 0, 0, 0))
    assert count_pixels(bomb + chunk(b"IDAT", b"")) == 5_000_000_000
    with pytest.raises(PictureError, match="picture: is not a PNG"):
        count_pixels(b"no picture")


@pytest.mark.parametrize("name", NAMES)
def test_the_limit_of_pixels_is_ours_alone(tmp_path, name, monkeypatch):
    path = valid(tmp_path, name)
    refused(path, "64 x 64 pixels; allowed are 4095", max_pixels=4095)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000 if name == "a.webp" else 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path, max_pixels=4096).pixels.shape == (64, 64, 3)


# Refused writes


def test_an_existing_file_is_kept_unless_overwriting(tmp_path):
    path = valid(tmp_path, "a.png")
    before = path.read_bytes()
    with pytest.raises(PictureError, match=r"a\.png.*exists"):
        write(path, Picture(smooth()))
    assert path.read_bytes() == before
    write(path, Picture(smooth()), overwrite=True)
    np.testing.assert_array_equal(read(path).pixels, smooth())


@pytest.mark.parametrize("name", ["a.bmp", "a", "a.png.txt"])
def test_an_unknown_extension_is_refused_with_the_known_ones(tmp_path, name):
    with pytest.raises(PictureError, match=r"extension.*\.png \.jpg \.jpeg \.webp \.tif \.tiff"):
        write(tmp_path / name, Picture(smooth()))
    assert list(tmp_path.iterdir()) == []


def test_extensions_in_capitals(tmp_path):
    write(tmp_path / "A.JPG", Picture(smooth()))
    assert Image.open(tmp_path / "A.JPG").format == "JPEG"


def test_a_missing_folder_and_a_folder_in_the_way(tmp_path):
    with pytest.raises(PictureError, match=r"a\.png: cannot be written: No such file"):
        write(tmp_path / "missing" / "a.png", Picture(smooth()))
    (tmp_path / "b.png").mkdir()
    with pytest.raises(PictureError, match=r"b\.png: cannot be written"):
        write(tmp_path / "b.png", Picture(smooth()), overwrite=True)


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_out_of_range(tmp_path, quality):
    with pytest.raises(PictureError, match="1 to 100"):
        write(tmp_path / "a.jpg", Picture(smooth()), quality=quality)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", [OSError("No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_half_way_leaves_the_folder_as_it_was(tmp_path, name, fault, monkeypatch):
    path = valid(tmp_path, name)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr("filmlook.files.picture.os.replace", fail)
    expected = KeyboardInterrupt if isinstance(fault, KeyboardInterrupt) else PictureError
    with pytest.raises(expected):
        write(path, Picture(smooth()), overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == before


def test_without_the_extra_16_bits_say_what_to_install(tmp_path, monkeypatch):
    paths = [valid(tmp_path, "deep.png"), valid(tmp_path, "deep.tif")]
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    for path in paths:
        refused(path, r"pip install \"filmlook\[files\]\"")
    with pytest.raises(PictureError, match=r"new\.png: .*filmlook\[files\]"):
        write(tmp_path / "new.png", Picture(noise(4, 4, 3, dtype=np.uint16)))
    assert sorted(tmp_path.iterdir()) == paths
    read(valid(tmp_path, "a.tif"))  # 8 bits do without


@pytest.mark.parametrize("pixels", [np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_arrays_that_are_no_pictures(pixels):
    with pytest.raises(PictureError, match="allowed are uint8 or uint16"):
        Picture(pixels)


def test_where_a_decoder_failed_stands_in_the_log_for_whoever_looks(caplog: pytest.LogCaptureFixture) -> None:
    whole = encode(Picture(np.zeros((40, 40, 3), np.uint8)), "PNG")
    with caplog.at_level("DEBUG", "filmlook"), pytest.raises(PictureError):
        decode(whole[: len(whole) // 2])
    assert any(record.exc_info for record in caplog.records)
