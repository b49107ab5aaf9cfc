"""Colour that is told in other ways than by an ICC profile, and what sRGB cannot hold. Every file is made here."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from filmlook import Look, PictureError, develop
from filmlook.engine.develop import film_picture
from filmlook.files import boxes, colour
from filmlook.files.icc import profile_of, space_of_icc
from filmlook.files.picture import FORMATS, PROFILES, Picture, decode, encode, from_pil, read, write

# To and from linear sRGB by the published matrices of CSS Color 4
P3_TO_SRGB = np.array(
    ((1.2249401763, -0.2249401763, 0.0), (-0.0420569547, 1.0420569547, 0.0), (-0.0196375546, -0.0786360456, 1.0982736002))
)
COLOURS = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def light_of(code: np.ndarray) -> np.ndarray:
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def code_of(light: np.ndarray) -> np.ndarray:
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def p3_shown(samples: np.ndarray) -> np.ndarray:
    """Display P3 of 8 bits as sRGB codes 0..255, not rounded."""
    return 255 * code_of(light_of(samples / 255) @ P3_TO_SRGB.T)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> bytes:
    height, width, channels = pixels.shape
    bits = 8 * pixels.itemsize
    head = struct.pack(">IIBBBBB", width, height, bits, {3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)
    body = [chunk(b"IHDR", head), *(chunk(*c) for c in chunks), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def gama(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


def chrm(*values: int) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *values)


def cicp(*values: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes(values)


SRGB_CHRM = chrm(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_CHRM = chrm(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
ICCP_P3 = b"iCCP", b"p3\0\0" + zlib.compress(profile_of("p3"))
SRGB_CHUNK = b"sRGB", b"\0"


# PNG


@pytest.mark.parametrize(
    "chunks", [[cicp(12, 13, 0, 1)], [ICCP_P3], [gama(45455), P3_CHRM], [P3_CHRM]], ids=["cICP", "iCCP", "gAMA+cHRM", "cHRM"]
)
def test_display_p3_however_it_is_told(chunks: list) -> None:
    assert np.abs(decode(png(COLOURS, *chunks)).pixels - p3_shown(COLOURS)).max() <= 0.51


@pytest.mark.parametrize("told", [cicp(12, 13, 0, 1), ICCP_P3])
def test_16_bits_of_display_p3(told: tuple) -> None:
    pytest.importorskip("imagecodecs")
    deep = COLOURS.astype(np.uint16) * 257
    read_back = decode(png(deep, told)).pixels
    assert read_back.dtype == np.uint16
    assert np.abs(read_back - 257 * p3_shown(COLOURS)).max() <= 20  # a profile's numbers have 16 bits


@pytest.mark.parametrize("chunks", [[gama(45455)], [gama(45455), SRGB_CHRM], [gama(45454)], [SRGB_CHUNK], [cicp(1, 13, 0, 1)]])
def test_srgb_however_it_is_told_stays_to_the_bit(chunks: list) -> None:
    told = decode(png(COLOURS, *chunks))
    np.testing.assert_array_equal(told.pixels, COLOURS)
    assert told.light is None


def test_linear_samples() -> None:
    expected = 255 * code_of(COLOURS / 255)
    assert np.abs(decode(png(COLOURS, gama(100_000))).pixels - expected).max() <= 0.51
    alpha = np.dstack([COLOURS, COLOURS[..., 0]])
    seen = decode(png(alpha, gama(100_000))).pixels
    np.testing.assert_array_equal(seen[..., 3], COLOURS[..., 0])
    assert np.abs(seen[..., :3] - expected).max() <= 0.51


def test_what_is_told_first_counts() -> None:
    """cICP, then iCCP, then sRGB, then gAMA and cHRM."""
    linear = gama(100_000)
    wide = p3_shown(COLOURS)
    for chunks in ([cicp(12, 13, 0, 1), SRGB_CHUNK, linear], [ICCP_P3, SRGB_CHUNK, linear]):
        assert np.abs(decode(png(COLOURS, *chunks)).pixels - wide).max() <= 0.51
    np.testing.assert_array_equal(decode(png(COLOURS, cicp(1, 13, 0, 1), ICCP_P3)).pixels, COLOURS)
    np.testing.assert_array_equal(decode(png(COLOURS, SRGB_CHUNK, linear, P3_CHRM)).pixels, COLOURS)


@pytest.mark.parametrize("chunks", [[cicp(1, 13, 5, 1)], [(b"cICP", b"\1")], [gama(0)], [gama(45455), chrm(*[0] * 8)]])
def test_what_tells_no_colour_is_passed_over(chunks: list, caplog: pytest.LogCaptureFixture) -> None:
    np.testing.assert_array_equal(decode(png(COLOURS, *chunks)).pixels, COLOURS)
    assert "passed over" in caplog.text


def test_video_range_is_stretched() -> None:
    video = np.rint(16 + 219 * (COLOURS / 255)).astype(np.uint8)
    assert np.abs(decode(png(video, cicp(1, 13, 0, 0))).pixels.astype(int) - COLOURS).max() <= 1


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused_by_name(transfer: int, name: str) -> None:
    with pytest.raises(PictureError, match=f"high dynamic range picture, {name}"):
        decode(png(COLOURS, cicp(9, transfer, 0, 1)))


def test_a_profile_that_says_pq_is_refused() -> None:
    icc = bytearray(profile_of("p3"))
    place = icc.index("Display".encode("utf-16-be"))
    icc[place : place + 20] = "BT2100  PQ".encode("utf-16-be")
    with pytest.raises(PictureError, match="high dynamic range picture, PQ"):
        space_of_icc(bytes(icc))


def test_pil_images_tell_it_too() -> None:
    image = Image.open(io.BytesIO(png(COLOURS, gama(100_000))))
    assert np.abs(from_pil(image).pixels - 255 * code_of(COLOURS / 255)).max() <= 0.51


# EXIF


def interoperability(index: str, space: int) -> bytes:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: space, 0xA005: {1: index}}
    return exif.tobytes()


def flat(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (16, 16), colour)


def jpeg(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=100, subsampling=0, **options)
    return buffer.getvalue()


def test_adobe_rgb_of_a_camera() -> None:
    image = flat((100, 150, 100))
    told = decode(jpeg(image, exif=interoperability("R03", 65535))).pixels[8, 8]
    by_profile = decode(jpeg(image, icc_profile=profile_of("adobe-rgb"))).pixels[8, 8]
    np.testing.assert_array_equal(told, by_profile)
    assert told[0] < 90
    for exif in (interoperability("R98", 1), interoperability("R03", 1)):
        assert abs(int(decode(jpeg(image, exif=exif)).pixels[8, 8, 0]) - 100) <= 1


@pytest.mark.parametrize(("profile", "space", "index"), [("srgb", 1, "R98"), ("p3", 65535, "R98"), ("adobe-rgb", 65535, "R03")])
def test_exif_says_what_was_written(tmp_path: Path, profile: str, space: int, index: str) -> None:
    camera = decode(jpeg(flat((9, 99, 199)), exif=interoperability("R03", 65535)))
    for name in ("a.jpg", "a.png", "a.tif", "a.webp"):
        write(tmp_path / name, camera, profile=profile)
        with Image.open(tmp_path / name) as image:
            exif = image.getexif()
            assert exif.get_ifd(0x8769)[0xA001] == space
            assert exif.get_ifd(0xA005)[1].rstrip("\0") == index


# Wide gamut


def test_what_srgb_holds_has_no_light_of_its_own() -> None:
    inside = 64 + COLOURS // 4
    samples = np.rint(255 * code_of(light_of(inside / 255) @ np.linalg.inv(P3_TO_SRGB).T)).astype(np.uint8)
    told = decode(png(samples, ICCP_P3))
    assert told.light is None
    assert np.abs(told.pixels.astype(int) - inside).max() <= 2


def test_light_goes_beyond_srgb_and_meets_it_where_it_ends() -> None:
    reds = np.zeros((1, 256, 3), np.uint8)
    reds[0, :, 0] = np.arange(256)
    light = np.float32(decode(png(reds, ICCP_P3)).light)
    assert light[0, -1, 0] > 1.69 * 0.18 / 0.184
    assert light[0, -1, 1] < -0.02
    assert (np.diff(light[0, :, 0]) > 0).all()
    white = np.dstack([np.full((1, 2), 255, np.uint8)] * 3)
    white[0, 1] = (255, 0, 0)
    light = np.float32(decode(png(white, ICCP_P3)).light)
    np.testing.assert_allclose(light[0, 0] * 0.184 / 0.18, 1.69, rtol=0.003)


def test_film_sees_more_red_than_srgb_has() -> None:
    """A flat field outside sRGB comes out other than the sRGB red that it is clipped to, and nearer to the film's limit: slides
    grow redder, and a scan's dyes, which take green and blue along, darker and purer."""
    samples = np.zeros((16, 16, 3), np.uint8)
    samples[...] = (235, 30, 30)
    wide = decode(png(samples, ICCP_P3))
    clipped = Picture(wide.pixels)

    def reds(stock: str) -> list[np.ndarray]:
        look = Look(stock=stock, grain=0, halation=0, sharpness=0)
        return [film_picture(p, look, seed=1).pixels[8, 8].astype(int) for p in (wide, clipped)]

    film, pale = reds("fujifilm_provia_100f")
    assert film[0] - film[1:].mean() > pale[0] - pale[1:].mean() + 2
    film, pale = reds("kodak_ektar_100")
    assert (film < pale).all()
    assert film[1:].mean() / film[0] < 0.9 * pale[1:].mean() / pale[0]


@pytest.mark.parametrize("stock", ["kodak_portra_400", "kodak_tri_x_400", "fujifilm_velvia_100", "neutral"])
def test_inside_srgb_a_wide_file_develops_as_a_plain_one(stock: str) -> None:
    """One colour outside makes the whole picture be developed from light: what lies inside must not notice."""
    look = Look(stock=stock, grain=0, halation=0, sharpness=0)
    inside = np.zeros((16, 32, 3), np.uint8)
    inside[...] = np.linspace(40, 200, 32)[None, :, None]
    samples = inside.copy()
    samples[0, 0] = (0, 255, 0)
    wide = decode(png(samples, ICCP_P3))
    assert wide.light is not None
    film, plain = (film_picture(p, look, seed=1).pixels.astype(int) for p in (wide, Picture(inside)))
    assert np.abs(film - plain)[4:].max() <= 1


def test_a_pil_image_of_a_wide_gamut_is_developed_from_its_light() -> None:
    look = Look(stock="kodak_ektar_100", grain=0)
    data = png(np.full((16, 16, 3), (255, 0, 0), np.uint8), ICCP_P3)
    by_pil = np.asarray(develop(Image.open(io.BytesIO(data)), look))
    np.testing.assert_array_equal(by_pil, film_picture(decode(data), look, seed=0).pixels)


def test_strength_none_shows_what_srgb_has_of_it() -> None:
    told = decode(png(COLOURS, ICCP_P3))
    made = film_picture(told, Look(strength=0))
    np.testing.assert_array_equal(made.pixels, told.pixels)
    assert made.light is None


# Written


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("extension", [e for e in FORMATS if e not in (".jxl", ".exr")])
def test_every_profile_shows_the_same_colours(tmp_path: Path, profile: str, extension: str) -> None:
    if extension == ".avif":
        pytest.importorskip("PIL.AvifImagePlugin")
    y, x = np.mgrid[0:48, 0:64]
    pixels = np.stack([60 + 2 * x, 60 + 2 * y, 120 + x - y], -1).astype(np.uint8)
    path = tmp_path / f"a{extension}"
    write(path, Picture(pixels), profile=profile, quality=100)
    assert np.abs(read(path).pixels.astype(int) - pixels).max() <= (9 if FORMATS[extension] in ("WEBP", "AVIF", "JPEG") else 2)
    with Image.open(path) as image:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"])))
        if profile != "srgb" and extension == ".png":
            assert np.abs(np.asarray(image).astype(int) - pixels).max() > 8
    assert {"srgb": "sRGB", "p3": "Display P3", "adobe-rgb": "Adobe RGB"}[profile] in name


@pytest.mark.parametrize("profile", ["p3", "adobe-rgb"])
def test_lcms_reads_our_profiles_as_we_do(profile: str) -> None:
    data = encode(Picture(COLOURS), "PNG", profile=profile)
    image = Image.open(io.BytesIO(data))
    source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    seen = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
    assert np.abs(np.asarray(seen).astype(int) - decode(data).pixels).max() <= 3
    assert np.abs(np.asarray(seen).astype(int) - COLOURS).mean() < 1


def test_an_unknown_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"unknown profile 'rec2020'; allowed are srgb, p3, adobe-rgb"):
        write(tmp_path / "a.png", Picture(COLOURS), profile="rec2020")


# Boxes


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_nclx_of_the_primary_item_is_found() -> None:
    nclx = box(b"colr", b"nclx" + struct.pack(">3HB", 12, 13, 6, 0x80))
    other = box(b"colr", b"nclx" + struct.pack(">3HB", 9, 16, 9, 0))
    size = box(b"ispe", struct.pack(">III", 0, 8, 8))
    ipco = box(b"ipco", other + size + nclx + size)
    ipma = box(b"ipma", struct.pack(">II", 0, 2) + struct.pack(">HBBB", 1, 2, 1, 2) + struct.pack(">HBBB", 2, 2, 3, 0x84))
    meta = box(b"meta", bytes(4) + box(b"pitm", struct.pack(">IH", 0, 2)) + box(b"iprp", ipco + ipma))
    told = boxes.heif(io.BytesIO(box(b"ftyp", b"avif\0\0\0\0") + meta))
    assert told.nclx == (12, 13, 6, True)


def test_damaged_boxes_tell_nothing_and_end() -> None:
    rng = np.random.default_rng(3)
    meta = box(b"meta", bytes(4) + box(b"pitm", bytes(6)) + box(b"iprp", box(b"ipco", b"") + box(b"ipma", bytes(20))))
    whole = bytearray(box(b"ftyp", b"avif\0\0\0\0") + meta)
    for _ in range(500):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 4):
            damaged[place] = rng.integers(256)
        assert boxes.heif(io.BytesIO(bytes(damaged))).icc is None


@pytest.mark.parametrize(("nclx", "name"), [((9, 16, 9, True), "PQ"), ((9, 18, 9, False), "HLG")])
def test_nclx_of_high_dynamic_range_is_refused(nclx: tuple, name: str) -> None:
    with pytest.raises(PictureError, match=name):
        colour.cicp_space(*nclx[:2])


P3_CHUNKS = (gama(45455), chrm(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))


def test_a_broken_profile_gives_way_to_what_else_the_png_says() -> None:
    broken = (b"iCCP", b"x\0\0" + zlib.compress(b"no profile " * 30))
    assert (decode(png(COLOURS, broken, *P3_CHUNKS)).pixels == decode(png(COLOURS, *P3_CHUNKS)).pixels).all()
    deep = COLOURS.astype(np.uint16) * 257
    assert (decode(png(deep, broken, *P3_CHUNKS)).pixels == decode(png(deep, *P3_CHUNKS)).pixels).all()


@pytest.mark.parametrize("content", [(99, 13, 0, 1), (12, 99, 0, 1), (0, 0, 0, 1)])
def test_code_points_that_nobody_knows_give_way_to_what_else_the_png_says(content: tuple[int, ...]) -> None:
    unknown = (b"cICP", bytes(content))
    assert (decode(png(COLOURS, unknown)).pixels == COLOURS).all()
    assert (decode(png(COLOURS, unknown, *P3_CHUNKS)).pixels == decode(png(COLOURS, *P3_CHUNKS)).pixels).all()


@pytest.mark.parametrize("kind", [b"cHRM", b"gAMA", b"sRGB", b"pHYs"])
def test_a_chunk_of_the_wrong_length_is_passed_over(kind: bytes) -> None:
    assert (decode(png(COLOURS, (kind, b""))).pixels == COLOURS).all()


@pytest.mark.parametrize("kind", [b"tEXt", b"tIME", b"gAMA", b"eXIf", b"cICP"])
def test_a_damaged_chunk_that_the_pixels_do_not_need_is_passed_over(kind: bytes) -> None:
    damaged = bytearray(png(COLOURS, (kind, b"abc\0defgh"), (b"tEXt", b"parameters\0a cat")))
    damaged[damaged.index(kind) + 6] ^= 1
    read_back = decode(bytes(damaged))
    assert (read_back.pixels == COLOURS).all()
    assert read_back.text == {"parameters": "a cat"}
