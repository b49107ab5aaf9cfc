"""What a file tells beside its pixels outlasts every way from one format to another."""

from __future__ import annotations

import gzip
import io
import json
import logging

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from filmlook import Look
from filmlook.files import infotext, picture, xmp
from filmlook.files.picture import Picture
from tests.files.samples import INFOTEXT, KINDS, camera_exif, chunk, jpeg, png, saved, segment, smooth

XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
IPTC = b"\x1c\x02\x05\x00\x05Title\x1c\x02\x78\x00\x07Caption"
WORKFLOW = {"workflow": '{"nodes": ["ü", "a < b & c > d", "]]>"]}', "prompt": '{"3": {"class_type": "KSampler"}}'}
NOVELAI = {"Title": "AI generated image", "Software": "NovelAI", "Comment": '{"prompt": "a cat", "steps": 28, "seed": 3}'}
INVOKE = {"invokeai_metadata": '{"positive_prompt": "a cat"}', "invokeai_graph": '{"id": "x"}'}
SWARM = {"parameters": '{"sui_image_params": {"prompt": "a cat", "seed": 5}}'}
FOOOCUS = {"parameters": '{"prompt": "a cat", "metadata_scheme": "fooocus"}', "fooocus_scheme": "fooocus"}
WAYS = [(a, b) for a in KINDS for b in KINDS]


def through(source: Picture, *kinds: str) -> Picture:
    for kind in kinds:
        source = picture.decode(picture.encode(source, kind))
    return source


@pytest.mark.parametrize(("first", "second"), WAYS)
def test_resolution_xmp_iptc_exif_and_gps(first, second):
    kept = picture.metadata.Kept(XMP, IPTC, (300.0, 150.0))
    back = through(Picture(smooth(), camera_exif(), {"parameters": INFOTEXT}, kept), first, second, "PNG")
    assert back.kept.xmp == XMP
    assert back.kept.iptc == IPTC
    assert back.kept.dpi == pytest.approx((300, 150), abs=0.1)
    exif = Image.Exif()
    exif.load(back.exif)
    assert (exif[0x010F], exif.get_ifd(0x8769)[0x927C]) == ("Leica", b"maker's note")
    assert exif.get_ifd(0x8825)[2] == (52, 31, 12)
    assert back.text == {"parameters": INFOTEXT}


def test_what_other_programs_read():
    kept = picture.metadata.Kept(XMP, IPTC, (300.0, 300.0))
    source = Picture(smooth(), None, {"comment": "hello"}, kept)
    for kind in KINDS:
        image = Image.open(io.BytesIO(picture.encode(source, kind)))
        if kind == "WEBP":
            assert (image.getexif()[282], image.getexif()[296]) == (300, 2)
        else:
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        found = b"".join(data for _, data in image.applist) if kind == "JPEG" else xmp.of_image(image)
        assert b'xmp:Rating="5"' in found
        if kind == "JPEG":
            assert image.info["comment"] == b"hello"
            assert image.info["photoshop"][0x0404] == IPTC
        if kind == "TIFF":
            assert b'xmp:Rating="5"' in image.tag_v2[700]
            assert image.tag_v2[33723] == IPTC


def test_what_other_programs_wrote():
    iptc = (
        b"Photoshop 3.0\0"
        + b"8BIM\x03\xed\0\0\0\0\0\x10"
        + bytes(16)
        + b"8BIM\x04\x04\0\0"
        + len(IPTC).to_bytes(4, "big")
        + IPTC
    )
    data = jpeg(segment(0xE1, xmp.JPEG_HEAD + XMP) + segment(0xED, iptc), dpi=(300, 300), comment=b"hello")
    read = picture.decode(data)
    assert (read.kept.xmp, read.kept.iptc, read.kept.dpi, read.text) == (XMP, IPTC, (300, 300), {"comment": "hello"})
    magick = "\niptc\n      40\n" + iptc[14:].hex() + "\n"
    exif = "\nexif\n     100\n" + camera_exif().hex() + "\n"
    text = b"".join(chunk(b"tEXt", f"Raw profile type {n}\0{v}".encode()) for n, v in (("iptc", magick), ("exif", exif)))
    read = picture.decode(png(text))
    assert read.kept.iptc == IPTC
    assert b"Leica" in read.exif
    assert read.text == {}


@pytest.mark.parametrize(("first", "second"), WAYS)
@pytest.mark.parametrize("text", [WORKFLOW, NOVELAI, INVOKE, SWARM, FOOOCUS, {**WORKFLOW, "parameters": INFOTEXT}])
def test_generators_texts(first, second, text):
    assert through(Picture(smooth(), text=text), first, second).text == text
    assert through(Picture(smooth(), camera_exif(), text, picture.metadata.Kept(XMP)), first, second).text == text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", [SWARM, FOOOCUS])
def test_json_in_the_place_of_the_infotext_stays_and_ours_stands_beside_it(kind, text):
    look = Look(stock="kodak_portra_400")
    told = infotext.with_development(text, infotext.entries(look, 7), (64, 48))
    data = picture.encode(Picture(smooth(), None, told), kind)
    read = picture.decode(data)
    assert json.loads(read.text["parameters"]) == json.loads(text["parameters"])
    assert infotext.of_text(read.text) == infotext.Developed(look, 7)
    assert infotext.read(Image.open(io.BytesIO(data))) == infotext.Developed(look, 7)
    again = infotext.with_development(read.text, infotext.entries(Look(grain=2), 8), (64, 48))
    assert infotext.of_text(through(Picture(smooth(), None, again), kind).text) == infotext.Developed(Look(grain=2), 8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_memory_image_tells_the_same(kind):
    source = Picture(
        smooth(), camera_exif(), {"parameters": INFOTEXT, "comment": "hello"}, picture.metadata.Kept(XMP, IPTC, (72.0, 72.0))
    )
    image = Image.open(io.BytesIO(picture.encode(source, kind)))
    back = picture.from_pil(picture.to_pil(picture.from_pil(image)))
    assert (back.text, back.kept.xmp, back.kept.iptc) == (source.text, XMP, IPTC)
    assert back.kept.dpi == pytest.approx((72, 72), abs=0.1)


def test_comfyuis_webp():
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = (f"{key}:{value}" for key, value in (("workflow", '{"nodes": []}'), ("prompt", '{"1": 2}')))
    read = picture.decode(saved("WEBP", exif=exif.tobytes()))
    assert read.text == {"workflow": '{"nodes": []}', "prompt": '{"1": 2}'}
    exif[0x010F] = "workflow:" + json.dumps(["node"] * 20_000)
    long = picture.decode(saved("WEBP", exif=exif.tobytes()))
    for kind in KINDS:
        assert through(long, kind, "PNG").text["workflow"] == long.text["workflow"]


CAMERAS = [
    b"ASCII\0\0\0My holiday in Rome",
    b"ASCII\0\0\0Film: Portra, lens: 50 mm, place: Rome",
    b'ASCII\0\0\0{"mirror":false,"sensor_type":"rear"}',
    b"UNICODE\0" + "Grüße".encode("utf-16-be"),
]


@pytest.mark.parametrize("comment", CAMERAS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_cameras_comment_is_no_infotext_and_stays(comment, kind):
    source = picture.decode(saved("JPEG", exif=camera_exif(comment)))
    assert source.text == {}
    look = Look(grain=2)
    told = infotext.with_development(source.text, infotext.entries(look, 7), (64, 48))
    data = picture.encode(Picture(source.pixels, source.exif, told), kind)
    back = picture.decode(data)
    exif = Image.Exif()
    exif.load(back.exif)
    assert exif.get_ifd(0x8769)[0x9286] == comment
    assert infotext.of_text(back.text) == infotext.Developed(look, 7)
    assert infotext.read(Image.open(io.BytesIO(data))) == infotext.Developed(look, 7)


@pytest.mark.parametrize("text", ["a cat", "one: 1, two: 2", "\n", "Size: 8x8"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_infotext_that_looks_like_none_is_kept_all_the_same(kind, text):
    assert through(Picture(smooth(), text={"parameters": text}), kind).text == {"parameters": text}


@pytest.mark.parametrize("letters", ["cat, ", "猫, "])
@pytest.mark.parametrize("count", [8_000, 15_000, 400_000])
@pytest.mark.parametrize("exif", [None, camera_exif()])
def test_an_infotext_of_any_length_goes_into_a_jpeg(letters, count, exif, caplog):
    text = {"parameters": letters * count + "\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1", **WORKFLOW}
    data = picture.encode(Picture(smooth(), exif, text, picture.metadata.Kept(XMP)), "JPEG")
    back = picture.decode(data)
    assert back.text == text
    assert back.kept.xmp == XMP
    assert (exif is None) or b"Leica" in back.exif
    assert infotext.texts(Image.open(io.BytesIO(data)))[0] == text["parameters"]
    short = count == 8_000
    assert short == ("too long" not in caplog.text)
    assert through(back, "PNG").text == text


def test_exif_that_no_jpeg_can_hold_costs_no_picture(caplog):
    exif = Image.Exif()
    exif[0x010F] = "Leica"
    exif[0x8769] = {0x927C: bytes(100_000)}
    source = Picture(smooth(), exif.tobytes(), {"parameters": INFOTEXT})
    back = through(source, "JPEG")
    assert back.text == {"parameters": INFOTEXT}
    assert "does not fit into a JPEG" in caplog.text
    assert back.pixels.shape == source.pixels.shape


def test_text_that_no_file_can_hold_costs_no_picture(caplog):
    source = Picture(
        smooth(), None, {"parameters": "a \ud800 cat\nSteps: 1, Seed: 2", "k" * 100: "x", "猫": "y", "": "z", "a": ""}
    )
    for kind in KINDS:
        assert through(source, kind).text["parameters"] == "a ? cat\nSteps: 1, Seed: 2"
    assert "79 Latin letters" in caplog.text


def test_exif_in_several_segments():
    exif = Image.Exif()
    exif[0x010E] = "long " * 20_000
    raw = exif.tobytes()
    parts = b"".join(segment(0xE1, b"Exif\0\0" + raw[at : at + 60_000]) for at in range(6, len(raw), 60_000))
    loaded = Image.Exif()
    loaded.load(picture.decode(jpeg(parts)).exif)
    assert loaded[0x010E] == exif[0x010E]


# XMP


def test_packets():
    for packet in (None, XMP, b"<x/>", b"</rdf:RDF>"):
        whole = xmp.with_text(packet, WORKFLOW)
        rest, text = xmp.split(whole)
        assert text == WORKFLOW
        assert rest == (None if packet in (None, b"<x/>") else packet)
    assert xmp.with_text(XMP, {}) == XMP
    assert xmp.split(XMP) == (XMP, {})
    damaged = xmp.with_text(XMP, WORKFLOW).replace(b"{", b"[", 1)
    assert xmp.split(damaged) == (damaged, {})
    deep = xmp.with_text(None, WORKFLOW).replace(b"{", b"[" * 100_000, 1)
    assert xmp.split(deep)[1] == {}


def test_a_strangers_extended_packet_is_joined():
    whole = XMP.replace(b'xmp:Rating="5"', b'xmp:Label="' + b"x" * 150_000 + b'"')
    segments = xmp.to_jpeg(whole)
    assert [len(part) <= 65533 for part in segments] == [True] * 4
    assert xmp.of_jpeg(segments) == whole
    main = segments[0].replace(b"<rdf:Description", b'<rdf:Description xmlns:a="b" a:own="1"', 1)
    joined = xmp.of_jpeg([*segments[3:0:-1], main])
    assert b'a:own="1"' in joined
    assert b"x" * 150_000 in joined
    assert b"HasExtendedXMP" not in joined
    missing = xmp.of_jpeg(segments[:2])
    assert b"HasExtendedXMP" in missing


def test_xmp_in_utf_16_stays_as_it_is(caplog):
    packet = XMP.decode().encode("utf-16-le")
    back = through(Picture(smooth(), None, WORKFLOW, picture.metadata.Kept(packet)), "WEBP")
    assert back.kept.xmp == packet
    assert "takes no text: workflow, prompt left out" in caplog.text


# What is hidden in the pixels


def hidden(signature: bytes, data: bytes, channels: int) -> np.ndarray:
    """As the stealth extension writes it: column by column, into alpha or all colours."""
    pixels = np.dstack([smooth(), np.full((48, 64), 255, np.uint8)])
    bits = np.unpackbits(np.frombuffer(signature + (8 * len(data)).to_bytes(4, "big") + data, np.uint8))
    if channels == 1:
        columns = pixels[..., 3].T.copy().reshape(-1)
        columns[: len(bits)] = columns[: len(bits)] & 254 | bits
        pixels[..., 3] = columns.reshape(64, 48).T
    else:
        columns = pixels[..., :3].swapaxes(0, 1).reshape(-1)
        columns[: len(bits)] = columns[: len(bits)] & 254 | bits
        pixels[..., :3] = columns.reshape(64, 48, 3).swapaxes(0, 1)
    return pixels


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_hidden_infotext_is_found(packed, channels, caplog):
    signature = b"stealth_" + (b"png" if channels == 1 else b"rgb") + (b"comp" if packed else b"info")
    data = gzip.compress(INFOTEXT.encode()) if packed else INFOTEXT.encode()
    pixels = hidden(signature, data, channels)
    source = picture.decode(saved("PNG", pixels))
    assert source.text == {"parameters": INFOTEXT}
    assert ("does not outlast" in caplog.text) == (channels == 3)
    caplog.clear()
    if channels == 1:
        for kind in ("PNG", "TIFF", "WEBP"):
            np.testing.assert_array_equal(through(source, kind).pixels[..., 3], pixels[..., 3])
        assert caplog.text == ""
        through(source, "JPEG")
        assert "not kept in a JPEG" in caplog.text


def test_novelais_hidden_texts_and_bombs():
    told = {"Description": "a cat", "Comment": '{"seed": 3}', "Software": "NovelAI"}
    packed = gzip.compress(json.dumps(told).encode())
    assert picture.decode(saved("PNG", hidden(b"stealth_pngcomp", packed, 1))).text == told
    bomb = gzip.compress(bytes(10_000_000))[:300]
    for data in (bomb, b"no gzip"):
        read = picture.decode(saved("PNG", hidden(b"stealth_pngcomp", data, 1)))
        assert len(read.text.get("parameters", "")) <= 1 << 20
    assert picture.decode(saved("PNG", np.full((1, 1, 4), 255, np.uint8))).text == {}


def test_ordinary_texts_make_no_noise(caplog):
    with caplog.at_level(logging.WARNING):
        for kind in KINDS:
            through(Picture(smooth(), camera_exif(), {"parameters": INFOTEXT, **WORKFLOW}), kind)
    assert caplog.text == ""


def test_text_after_the_pixels_and_compressed():
    info = PngInfo()
    info.add_text("parameters", INFOTEXT, zip=True)
    late = chunk(b"tEXt", b"Late\0after the pixels")
    data = saved("PNG", pnginfo=info)
    assert picture.decode(data[:-12] + late + data[-12:]).text == {"parameters": INFOTEXT, "Late": "after the pixels"}
