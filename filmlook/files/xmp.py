"""XMP packets: a picture's own stays as it is; ours holds the text that JPEG, WebP and TIFF have no other place for.

Ours is one property in a description of its own, JSON of the texts by key, which goes into the packet that is there:

    <rdf:Description rdf:about="" xmlns:filmlook="..."><filmlook:text>{"workflow": "..."}</filmlook:text></rdf:Description>

No parser of XML sees a stranger's packet. References: XMP Specification part 1 and 3 (Adobe, 2012).
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape, unescape

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

JPEG_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
PNG_KEY = "XML:com.adobe.xmp"
MAX_BYTES = 32 << 20

_TIFF_TAG = 700

_MAX_SEGMENT = 65533
_NAMESPACE = "urn:film-look:xmp:1.0/"
_OPENING = f'<rdf:Description rdf:about="" xmlns:filmlook="{_NAMESPACE}"><filmlook:text>'.encode()
_CLOSING = b"</filmlook:text></rdf:Description>"
_BEFORE = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Film Look"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
)
_END = b"</rdf:RDF>"
_AFTER = _END + b"</x:xmpmeta>"
_NOTE = re.compile(rb"""xmpNote:HasExtendedXMP\s*=\s*["'][0-9A-Fa-f]{32}["']""")


def of_image(image: Image.Image) -> bytes | None:
    """The packet of an image of any format; None of one without, or of one that is too long."""
    found: Any = None
    if isinstance(image, JpegImageFile):
        found = of_jpeg(data for name, data in image.applist if name == "APP1")
    elif isinstance(image, TiffImageFile):
        found = image.tag_v2.get(_TIFF_TAG)
        found = found[0] if isinstance(found, tuple) else found  # of the type UNDEFINED
    for told in (found, image.info.get("xmp"), image.info.get(PNG_KEY)):
        if isinstance(told, (bytes, str)) and told:
            packet = told.encode("utf-8", "replace") if isinstance(told, str) else told
            return packet if len(packet) <= MAX_BYTES else None
    return None


def with_text(packet: bytes | None, text: Mapping[str, str]) -> bytes | None:
    """A packet with these texts in it; one without RDF tells nothing and gives way. As it is where there are none."""
    if not text:
        return packet
    ours = _OPENING + escape(json.dumps(dict(text))).encode("ascii") + _CLOSING
    if packet is None or _END not in packet:
        return _BEFORE + ours + _AFTER
    place = packet.rindex(_END)
    return packet[:place] + ours + packet[place:]


def holds_text(packet: bytes | None) -> bool:
    """Whether texts can go into a packet without loss: one in UTF-16 stays as it is."""
    return packet is None or b"\0" not in packet


def split(packet: bytes) -> tuple[bytes | None, dict[str, str]]:
    """A packet as it was before `with_text`, None where it was all ours, and the texts in it."""
    start = packet.find(_OPENING)
    stop = packet.find(_CLOSING, start)
    if start < 0 or stop < 0:
        return packet, {}
    try:
        told = json.loads(unescape(packet[start + len(_OPENING) : stop].decode("utf-8", "replace")))
    except (ValueError, RecursionError):  # not what we write
        return packet, {}
    rest = packet[:start] + packet[stop + len(_CLOSING) :]
    text = {k: v for k, v in told.items() if isinstance(v, str)} if isinstance(told, dict) else {}
    return None if rest == _BEFORE + _AFTER else rest, text


def of_jpeg(segments: Iterable[bytes]) -> bytes | None:
    """The packet in a JPEG's APP1 segments, its extension joined to it."""
    main, note, size = None, b"", 0
    pieces: dict[bytes, dict[int, bytes]] = {}
    for segment in segments:
        if segment.startswith(JPEG_HEAD) and main is None:
            main = segment[len(JPEG_HEAD) :]
            found = _NOTE.search(main)
            note = found[0][-33:-1].upper() if found else b""
        elif segment.startswith(JPEG_EXTENSION) and size < MAX_BYTES:
            body = segment[len(JPEG_EXTENSION) :]
            if len(body) >= 40:
                pieces.setdefault(body[:32].upper(), {})[int.from_bytes(body[36:40], "big")] = body[40:]
                size += len(body)
    if main is None or not note or note not in pieces:
        return main
    whole = b"".join(piece for _, piece in sorted(pieces[note].items()))
    if hashlib.md5(whole, usedforsecurity=False).hexdigest().upper().encode() != note:
        return main
    main = _NOTE.sub(b"", main)
    inner = whole[whole.find(b">", whole.find(b"<rdf:RDF")) + 1 : whole.rfind(_END)]
    if main == _head(b"") or _END not in main:
        return whole
    place = main.rindex(_END)
    return main[:place] + inner + main[place:]


def _head(note: bytes) -> bytes:
    """The packet of a JPEG whose content is all in the extension."""
    return _BEFORE + b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" ' + note + b"/>" + _AFTER


def to_jpeg(packet: bytes) -> list[bytes]:
    """The contents of the APP1 segments that hold a packet of any length."""
    if len(JPEG_HEAD) + len(packet) <= _MAX_SEGMENT:
        return [JPEG_HEAD + packet]
    name = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper().encode()
    step = 65000
    pieces = [
        JPEG_EXTENSION + name + struct.pack(">II", len(packet), at) + packet[at : at + step]
        for at in range(0, len(packet), step)
    ]
    return [JPEG_HEAD + _head(b'xmpNote:HasExtendedXMP="' + name + b'"'), *pieces]
