"""What the boxes of an AVIF, HEIC, JPEG 2000 or JPEG XL file tell before anything is decoded: its size and its colour.

References: ISO/IEC 14496-12 and 23008-12 (boxes, items and their properties, colr), ISO/IEC 15444-1 annex I (jp2h),
ISO/IEC 18181-1 (the JPEG XL codestream's SizeHeader and ImageMetadata).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from filmlook.errors import PictureError

_MOST_BOXES = 4096
_MOST_BYTES = 1 << 22  # of the boxes that are looked into


@dataclass(frozen=True)
class Told:
    """Size, colour and bits of a sample, each None where the file does not say.

    nclx: primaries, transfer, matrix (numbers of H.273), and whether the range is full.
    """

    size: tuple[int, int] | None = None
    nclx: tuple[int, int, int, bool] | None = None
    icc: bytes | None = None
    bits: int | None = None


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if size == 1 and content + 8 <= end:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = end if size == 0 else start + size
        if stop < content or stop > end:
            return
        yield kind, content, stop
        start = stop


def _box(file: BinaryIO, wanted: bytes) -> bytes:
    """The content of the first box of a kind at the top of a file, b"" without one; what lies before it is skipped."""
    size = file.seek(0, 2)
    position = 0
    for _ in range(_MOST_BOXES):
        file.seek(position)
        head = file.read(16)
        if len(head) < 8:
            break
        length, kind = struct.unpack_from(">I4s", head)
        content = position + 8
        if length == 1 and len(head) == 16:
            length, content = struct.unpack_from(">Q", head, 8)[0], content + 8
        end = size if length == 0 else position + length
        if kind == wanted:
            file.seek(content)
            return file.read(min(end - content, _MOST_BYTES)) if end > content else b""
        if end <= position:
            break
        position = end
    return b""


def heif(file: BinaryIO) -> Told:
    """Of the primary item of an AVIF or HEIC file."""
    meta = _box(file, b"meta")
    try:
        return _primary(meta)
    except (struct.error, IndexError):
        return Told()


def _primary(meta: bytes) -> Told:
    inside = {kind: (start, end) for kind, start, end in _boxes(meta, 4, len(meta))}
    if b"iprp" not in inside:
        return Told()
    primary = 0
    if b"pitm" in inside:
        start = inside[b"pitm"][0]
        primary = struct.unpack_from(">I" if meta[start] else ">H", meta, start + 4)[0]
    properties: list[tuple[bytes, int, int]] = []
    wanted: list[int] = []
    for kind, start, end in _boxes(meta, *inside[b"iprp"]):
        if kind == b"ipco":
            properties = list(_boxes(meta, start, end))
        elif kind == b"ipma":
            wanted += _associated(meta, start, end, primary)
    own = [properties[i - 1] for i in wanted if 0 < i <= len(properties)]
    told = _of_properties(meta, own)
    if told.nclx or told.icc:
        return told
    return _of_properties(meta, properties)  # a grid's tiles may tell it in its place


def _associated(meta: bytes, start: int, end: int, item: int) -> list[int]:
    """The indices, from 1, of an item's properties."""
    version, flags = meta[start], meta[start + 3]
    (count,) = struct.unpack_from(">I", meta, start + 4)
    at = start + 8
    for _ in range(min(count, _MOST_BOXES)):
        number, at = struct.unpack_from(">I" if version else ">H", meta, at)[0], at + (4 if version else 2)
        many, at = meta[at], at + 1
        wide = 2 if flags & 1 else 1
        if at + many * wide > end:
            return []
        if number == item:
            entries = struct.unpack_from(f">{many}{'H' if wide == 2 else 'B'}", meta, at)
            return [entry & (0x7FFF if wide == 2 else 0x7F) for entry in entries]
        at += many * wide
    return []


def _of_properties(meta: bytes, properties: list[tuple[bytes, int, int]]) -> Told:
    nclx, icc = None, None
    for kind, start, end in properties:
        if kind == b"colr" and meta[start : start + 4] == b"nclx":
            primaries, transfer, matrix = struct.unpack_from(">3H", meta, start + 4)
            nclx = primaries, transfer, matrix, bool(meta[start + 10] & 0x80)
        elif kind == b"colr" and meta[start : start + 4] in (b"prof", b"rICC"):
            icc = meta[start + 4 : end]
    return Told(nclx=nclx, icc=icc)


def jpeg_2000(file: BinaryIO) -> Told:
    """The ICC profile of a JPEG 2000 file."""
    header = _box(file, b"jp2h")
    for kind, start, end in _boxes(header, 0, len(header)):
        if kind == b"colr" and header[start : start + 1] == b"\2":
            return Told(icc=header[start + 3 : end])
    return Told()


def jpeg_2000_tiles(file: BinaryIO) -> int:
    """How many tiles the codestream of a JPEG 2000 file has; 0 where it does not say."""
    file.seek(0)
    head = file.read(42)
    if not head.startswith(b"\xff\x4f\xff\x51"):
        head = _box(file, b"jp2c")[:42]
    if len(head) < 42:
        return 0
    width, height, _, _, across, down, left, top = map(int, struct.unpack_from(">8I", head, 8))
    columns, rows = -(-max(0, width - left) // max(1, across)), -(-max(0, height - top) // max(1, down))
    return columns * rows


def jpeg_xl(file: BinaryIO) -> Told:
    """Size and bits of a JPEG XL file. Raises PictureError for one that has no header."""
    file.seek(0)
    head = file.read(64)
    if not head.startswith(b"\xff\x0a"):
        head = _box(file, b"jxlc")[:64] or _box(file, b"jxlp")[4:68]
    if not head.startswith(b"\xff\x0a"):
        raise PictureError("has a damaged or unsupported header (no codestream)")
    bits = _Bits(head[2:])
    small = bits.take(1)
    height = (bits.take(5) + 1) * 8 if small else bits.choice((9, 13, 18, 30)) + 1
    ratio = bits.take(3)
    if ratio:
        up, down = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
        width = height * up // down
    else:
        width = (bits.take(5) + 1) * 8 if small else bits.choice((9, 13, 18, 30)) + 1
    turned = False
    depth = 8
    if not bits.take(1):  # not all as usual
        rare = False
        if bits.take(1):  # extra fields
            turned = bits.take(3) >= 4
            rare = bool(bits.take(1) or bits.take(1) or bits.take(1))  # intrinsic size, preview, animation
        if not rare and not bits.take(1):  # not floating point
            selector = bits.take(2)
            depth = bits.take(6) + 1 if selector == 3 else (8, 10, 12)[selector]
    return Told(size=(height, width) if turned else (width, height), bits=depth)


class _Bits:
    """Whole numbers of some bits, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise PictureError("is cut short")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        self._left -= count
        return value

    def choice(self, counts: tuple[int, ...]) -> int:
        return self.take(counts[self.take(2)])
