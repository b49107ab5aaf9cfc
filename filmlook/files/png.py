"""A PNG's chunks: whether they are whole, and those that tell about the picture.

Reference: PNG 3rd edition (W3C).
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, BinaryIO

from PIL import Image

from filmlook.errors import PictureError

_ABOUT = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf", b"pHYs", b"tEXt", b"zTXt", b"iTXt")


def check_png(file: BinaryIO, size: int) -> list[bytes]:
    """The chunks of a PNG file that tell about the picture; raises PictureError where a chunk is cut short or damaged."""
    chunks = []
    kind = b""
    file.seek(8)
    while kind != b"IEND":
        head = file.read(8)
        length, kind = struct.unpack(">I4s", head) if len(head) == 8 else (size, b"")
        if file.tell() + length + 4 > size:
            raise PictureError("is cut short")
        body, checksum = file.read(length), file.read(4)
        if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(checksum, "big"):
            raise PictureError(f"is damaged: wrong checksum in the chunk {kind.decode('latin-1')!r}")
        if kind in _ABOUT:
            chunks.append(head + body + checksum)
    return chunks


def chunk_of(chunks: list[bytes], kind: bytes) -> bytes | None:
    """The content of the first chunk of a kind."""
    return next((chunk[8:-4] for chunk in chunks if chunk[4:8] == kind), None)


def tiny_png(**metadata: Any) -> bytes:
    """A PNG of one pixel: lets Pillow read and write the metadata of a PNG whose pixels it would cut to 8 bits."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG", **metadata)
    return buffer.getvalue()


def add_chunks(png: bytes, chunks: list[bytes]) -> bytes:
    head = 8 + 25  # signature and IHDR
    return b"".join([png[:head], *chunks, png[head:]])
