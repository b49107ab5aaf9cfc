"""What a file tells beside its pixels: text, EXIF, XMP, IPTC, resolution; taken from any format and put into any.

AVIF and JPEG XL keep what WebP keeps, in their own boxes; OpenEXR keeps the text.

| what               | PNG                     | JPEG               | WebP           | TIFF           |
|--------------------|-------------------------|--------------------|----------------|----------------|
| infotext           | text `parameters`       | EXIF UserComment   | as JPEG        | as JPEG        |
| other text         | text                    | XMP (see `xmp`)    | XMP            | XMP            |
| `comment`          | text                    | COM                | XMP            | XMP            |
| EXIF, with GPS     | eXIf                    | APP1               | EXIF           | its own tags   |
| XMP                | iTXt                    | APP1, extended     | XMP            | 700            |
| IPTC               | text, ImageMagick's way | APP13              | as PNG, in XMP | 33723          |
| resolution         | pHYs                    | JFIF               | EXIF           | 282, 283       |

A UserComment that a camera or a person wrote is no infotext and stays; ours stands in the XMP then, as does an infotext that is
too long for a JPEG's EXIF. Read are also ComfyUI's texts in EXIF (`workflow:{...}`) and what is hidden in alpha (`stealth`).
"""

from __future__ import annotations

import io
import json
import logging
import math
import re
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import TiffImageFile

from filmlook.files import exif as exif_data
from filmlook.files import xmp
from filmlook.files.infotext import is_infotext
from filmlook.files.stealth import hidden_text

PARAMETERS = "parameters"
COMMENT = "comment"

_IPTC_KEY = "Raw profile type iptc"
_IPTC_RESOURCE = 0x0404
_MAX_IPTC = 1 << 20
_MAX_SEGMENT = 65533  # bytes of a JPEG's segment
_NOT_TEXT = ("compression", xmp.PNG_KEY, _IPTC_KEY, *exif_data.PROFILE_KEYS)
_COMFY = re.compile(r"([A-Za-z_]{1,40}):(?=[{\[])")
_COMFY_TAGS = (0x010D, 0x010E, 0x010F, 0x0110)
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_TIFF_XMP, _TIFF_IPTC, _TIFF_PHOTOSHOP = 700, 33723, 34377
_INCHES = {2: 1.0, 3: 2.54}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """What a file tells beside pixels, EXIF and text.

    xmp: the packet, without the text that is ours. iptc: the records (IIM 4). dpi: pixels an inch, across and down.
    """

    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None


# Reading


def told_by(image: Image.Image, exif: bytes | None) -> tuple[dict[str, str], Kept]:
    """The texts of an image, and what else is kept of it. `exif` as `Picture` holds it."""
    info = image.info
    packet, stored = xmp.split(xmp.of_image(image) or b"")
    text = {str(k): str(v) for k, v in info.items() if isinstance(v, str) and k not in _NOT_TEXT}
    if isinstance(info.get(COMMENT), bytes):
        text[COMMENT] = _decoded(info[COMMENT])
    comment = exif_data.user_comment(exif)
    for told in (comment, text.get(COMMENT, "")):
        if is_infotext(told):
            text.setdefault(PARAMETERS, told)
    for key, value in (stored | _comfy_texts(exif)).items():
        text.setdefault(key, value)
    iptc = _iptc_of(image, text.pop(_IPTC_KEY, ""))  # of a WebP it is among the texts in the XMP
    clean = {_sayable(key): _sayable(value) for key, value in text.items() if value}
    return clean, Kept(packet or None, iptc, _resolution(image, exif))


def _decoded(comment: bytes) -> str:
    try:
        return comment.decode("utf-8").strip("\0")
    except UnicodeDecodeError:
        return comment.decode("latin-1").strip("\0")


def _sayable(text: str) -> str:
    """Text without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _comfy_texts(exif: bytes | None) -> dict[str, str]:
    """ComfyUI's texts in a WebP: tags from 0x010F on that begin with a name and a colon."""
    loaded = exif_data.load(exif)
    values = [value for tag in _COMFY_TAGS if isinstance(value := loaded.get(tag), str)]
    return {found[1]: value[found.end() :].strip("\0") for value in values if (found := _COMFY.match(value))}


def _iptc_of(image: Image.Image, profile: str) -> bytes | None:
    found: Any = None
    if isinstance(image, JpegImageFile):
        resources = image.info.get("photoshop")
        found = resources.get(_IPTC_RESOURCE) if isinstance(resources, dict) else None
    elif isinstance(image, TiffImageFile):
        found = image.tag_v2.get(_TIFF_IPTC)
        if isinstance(found, tuple) and isinstance(found[0], bytes):  # of the type UNDEFINED
            found = found[0]
        elif isinstance(found, tuple):  # many programs say that it is made of long numbers
            order = "<" if image.tag_v2.prefix == b"II" else ">"
            found = struct.pack(f"{order}{len(found)}I", *found)
        found = found or _resource(image.tag_v2.get(_TIFF_PHOTOSHOP))
    else:
        profile = image.info.get(_IPTC_KEY) or profile
        if isinstance(profile, str) and len(profile) < 3 * _MAX_IPTC:
            found = _resource(exif_data.of_profile(profile))
    return found if isinstance(found, bytes) and 0 < len(found) <= _MAX_IPTC else None


def _resource(blocks: Any) -> bytes | None:
    """The IPTC records among Photoshop's resources, or the records themselves."""
    if not isinstance(blocks, bytes) or blocks[:1] == b"\x1c":
        return blocks or None
    at = len(b"Photoshop 3.0\0") if blocks.startswith(b"Photoshop 3.0\0") else 0
    while blocks[at : at + 4] == b"8BIM" and at + 12 <= len(blocks):
        kind, name = struct.unpack_from(">HB", blocks, at + 4)
        at += 6 + (name + 2) // 2 * 2
        length = int.from_bytes(blocks[at : at + 4], "big")
        if kind == _IPTC_RESOURCE:
            return blocks[at + 4 : at + 4 + length]
        at += 4 + (length + 1) // 2 * 2
    return None


def _resolution(image: Image.Image, exif: bytes | None) -> tuple[float, float] | None:
    told = image.info.get("dpi")
    if not told and exif:
        loaded = exif_data.load(exif)
        scale = _INCHES.get(loaded.get(_UNIT, 2), 0)
        told = tuple(scale * float(loaded.get(tag, 0)) for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    try:
        across, down = map(float, told or ())
    except (TypeError, ValueError):
        return None
    return (across, down) if all(math.isfinite(n) and 0 < n < 65535 for n in (across, down)) else None


# Writing


@dataclass(frozen=True)
class Outgoing:
    """What a file of some format gets beside its pixels: its EXIF, and Pillow's other options, or a TIFF's tags."""

    exif: bytes | None
    options: dict[str, Any]
    tags: dict[int, Any]


def outgoing(kind: str, exif: bytes | None, text: Mapping[str, str], kept: Kept) -> Outgoing:
    """How `kind` holds it all. What cannot be held is left out with a warning in the log; the picture is never lost for it."""
    text = {_sayable(key): _sayable(value) for key, value in text.items()}
    if kind == "PNG":
        return _for_png(exif, text, kept)
    if kind == "JPEG":
        exif = _fitting(exif)
    left = {k: v for k, v in text.items() if k != PARAMETERS and not (kind == "JPEG" and k == COMMENT)}
    parameters = text.get(PARAMETERS, "")
    commented = with_infotext(exif, parameters, add=True)
    if kind == "JPEG" and len(commented or b"") > _MAX_SEGMENT:
        commented = exif_data.with_comment(exif, parameters, plain=True) if parameters.isascii() else None
        if commented is None or len(commented) > _MAX_SEGMENT:
            _log.warning("the infotext of %d characters is too long for a JPEG's EXIF: it is kept in the XMP", len(parameters))
            commented = exif
    if parameters and (exif_data.user_comment(commented) != parameters or not is_infotext(parameters)):
        left[PARAMETERS] = parameters
    if kind in ("WEBP", "AVIF", "JXL"):
        commented = _with_resolution(commented, kept.dpi)
        if kept.iptc:
            left[_IPTC_KEY] = _profile(kept.iptc)
    packet = kept.xmp
    if xmp.holds_text(packet):
        packet = xmp.with_text(packet, left)
    elif left:
        _log.warning("the XMP of a picture is of a kind that takes no text: %s left out", ", ".join(left))
    if kind == "TIFF":
        return Outgoing(commented, {}, _tiff_tags(packet, kept))
    options: dict[str, Any] = {"xmp": packet} if packet else {}
    if kind == "JPEG":
        options = {"extra": _jpeg_segments(packet, kept.iptc, text.get(COMMENT, ""))}
        if kept.dpi:
            options["dpi"] = tuple(min(65535, max(1, round(n))) for n in kept.dpi)
    return Outgoing(commented, options, {})


def with_infotext(exif: bytes | None, parameters: str, *, add: bool) -> bytes | None:
    """EXIF whose UserComment, if it has one or with `add`, is the infotext: the WebUI believes it before PNG text.

    What a camera or a person has written there stays.
    """
    comment = exif_data.user_comment(exif)
    if not parameters or parameters == comment or (comment and not is_infotext(comment)) or not (comment or add):
        return exif
    return exif_data.with_comment(exif, parameters)


def _for_png(exif: bytes | None, text: Mapping[str, str], kept: Kept) -> Outgoing:
    info = PngInfo()
    for key, value in text.items():
        if 1 <= len(key) <= 79 and _is_latin(key):
            info.add_text(key, value)
        else:
            _log.warning("a text of the name %.80r is left out: a PNG takes up to 79 Latin letters", key)
    if kept.xmp:
        info.add_itxt(xmp.PNG_KEY, kept.xmp.decode("utf-8", "replace"))
    if kept.iptc:
        info.add_text(_IPTC_KEY, _profile(kept.iptc), zip=True)
    options: dict[str, Any] = {"pnginfo": info}
    if kept.dpi:
        options["dpi"] = kept.dpi
    return Outgoing(with_infotext(exif, text.get(PARAMETERS, ""), add=False), options, {})


def _is_latin(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode("latin-1"))
    except UnicodeEncodeError:
        return False


def _fitting(exif: bytes | None) -> bytes | None:
    """EXIF that a JPEG can hold: without ComfyUI's texts, which go into the XMP, where it is too long; else none."""
    if exif is None or len(exif) <= _MAX_SEGMENT:
        return exif
    loaded = exif_data.load(exif)
    for tag in _COMFY_TAGS:
        if isinstance(value := loaded.get(tag), str) and _COMFY.match(value):
            del loaded[tag]
    shorter = b"Exif\0\0" + loaded.tobytes().removeprefix(b"Exif\0\0")
    if len(shorter) > _MAX_SEGMENT:
        shorter = exif_data.with_comment(shorter, "")
    if len(shorter) > _MAX_SEGMENT:
        _log.warning("EXIF of %d bytes does not fit into a JPEG and is left out", len(exif))
        return None
    return shorter


def _with_resolution(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """EXIF that tells the resolution, for a format that has no other place for it."""
    if dpi is None:
        return exif
    loaded = exif_data.load(exif)
    if _X_RESOLUTION in loaded:
        return exif
    loaded[_X_RESOLUTION], loaded[_Y_RESOLUTION], loaded[_UNIT] = dpi[0], dpi[1], 2
    return b"Exif\0\0" + loaded.tobytes().removeprefix(b"Exif\0\0")


def _profile(iptc: bytes) -> str:
    """IPTC as ImageMagick writes it into text."""
    blocks = _photoshop(iptc)
    lines = blocks.hex()
    return "\n".join(["", "iptc", f"{len(blocks):8}", *(lines[at : at + 72] for at in range(0, len(lines), 72)), ""])


def _photoshop(iptc: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HxxI", _IPTC_RESOURCE, len(iptc)) + iptc + bytes(len(iptc) % 2)


def _tiff_tags(packet: bytes | None, kept: Kept) -> dict[int, Any]:
    tags: dict[int, Any] = {}
    if packet:
        tags[_TIFF_XMP] = packet
    if kept.iptc:
        tags[_TIFF_IPTC] = kept.iptc
    if kept.dpi:
        tags |= {_X_RESOLUTION: kept.dpi[0], _Y_RESOLUTION: kept.dpi[1], _UNIT: 2}
    return tags


def _jpeg_segments(packet: bytes | None, iptc: bytes | None, comment: str) -> bytes:
    parts = [(0xE1, segment) for segment in (xmp.to_jpeg(packet) if packet else ())]
    if iptc:
        parts.append((0xED, b"Photoshop 3.0\0" + _photoshop(iptc)))
    if comment:
        parts.append((0xFE, comment.encode()))
    written = io.BytesIO()
    for marker, body in parts:
        if len(body) > _MAX_SEGMENT:
            _log.warning("%d bytes do not fit into a JPEG's segment and are left out", len(body))
            continue
        written.write(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body)
    return written.getvalue()


# Pictures in memory


def as_info(text: Mapping[str, str], kept: Kept) -> dict[str, Any]:
    """The texts, XMP and resolution as a PIL image's `info` holds them, whatever the format."""
    info: dict[str, Any] = {k: v.encode() if k == COMMENT else v for k, v in text.items()}
    if kept.xmp:
        info[xmp.PNG_KEY] = kept.xmp.decode("utf-8", "replace")
    if kept.iptc:
        info[_IPTC_KEY] = _profile(kept.iptc)
    if kept.dpi:
        info["dpi"] = kept.dpi
    return info


def add_hidden(text: dict[str, str], pixels: np.ndarray) -> None:
    """Puts what is hidden in the pixels among the texts, where it tells something new: an infotext, or texts in JSON."""
    hidden, in_alpha = hidden_text(pixels)
    if not hidden:
        return
    if not in_alpha:
        _log.warning("the infotext that is hidden in the colours of a picture does not outlast its development")
    told: Any = None
    if hidden[:1] == "{":
        with suppress(ValueError, RecursionError):  # it is a prompt that begins so
            told = json.loads(hidden)
    if not isinstance(told, dict) or not {"Comment", "Description"} & told.keys():
        told = {PARAMETERS: hidden}
    for key, value in told.items():
        if isinstance(value, str):
            text.setdefault(_sayable(key), _sayable(value))


def warn_of_hidden(pixels: np.ndarray) -> None:
    """Tells that an infotext hidden in alpha is lost where a format has no alpha."""
    if hidden_text(pixels)[1]:
        _log.warning("the infotext that is hidden in a picture's alpha is not kept in a JPEG")
