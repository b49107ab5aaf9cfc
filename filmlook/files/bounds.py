"""What a hostile file must not do, found before a decoder sees it: time and memory are bounded by the file's own size.

Each kind is walked by its own marks, bodies being skipped: PNG by chunks, JPEG by markers, GIF by blocks, WebP by RIFF
chunks, TIFF by directories. Metadata that is too much is left out with a warning; a file that is nothing but cost is refused.

References: PNG 3rd edition (W3C), ITU-T T.81 (JPEG), GIF89a, RFC 9649 (WebP), TIFF 6.0.
"""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import zlib
from typing import BinaryIO

from filmlook.errors import PictureError
from filmlook.files import boxes
from filmlook.files.directories import check_directories

MAX_PACKED_TEXT = 1 << 20  # bytes of a compressed text or profile once unpacked; Pillow refuses the picture above it
MAX_TEXT = 32 << 20  # bytes of all text in a file
MAX_EXIF = 4 << 20
MAX_SCANS = 200
LEAST_SCANS = 20  # encoders write 10, optimizers a few more
SCANNED_PIXELS = 1_000_000_000  # scans x pixels: an empty scan costs about 1.2 ns a pixel
FEW_PIXELS = 4_000_000
PIXELS_A_BYTE = 1500  # of a JPEG beyond few: one colour takes a byte for 340, and what is missing decodes as grey
MAX_SEGMENTS = 10_000  # of a JPEG
MAX_JUNK = 65536  # bytes between a JPEG's segments
MAX_COMMENTS = 1000  # sub-blocks of a GIF's comments, which Pillow joins one by one
LEAST_BLOCK = 64  # bytes of a GIF's sub-block on average: encoders fill all 255
MAX_TILES = 4096  # of a JPEG 2000: OpenJPEG takes 11 kB for each, before there is a byte of it
RUN_BYTES = 3  # of a BMP in runs, for a pixel: two for a run of one

_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}  # of a PNG's chunks
_TEXT = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"eXIf")

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # of a segment; not stuffing, restarts or fill
_EXIF = b"Exif\0\0"

_log = logging.getLogger(__name__)


def within_bounds(file: BinaryIO) -> BinaryIO:
    """The file, or the same without metadata that is too much; at its beginning.

    Raises PictureError for a file whose decoding would take time or memory out of proportion.
    """
    file.seek(0)
    head = file.read(4)
    if head == b"\x89PNG":
        return _png(file)
    if head[:3] == b"\xff\xd8\xff":
        return _jpeg(file)
    if head in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        check_directories(file)
    elif head == b"GIF8":
        _check_gif(file)
    elif head == b"RIFF":
        _check_webp(file)
    elif head[:2] == b"BM":
        _check_bmp(file)
    elif head in (b"\xff\x4f\xff\x51", b"\0\0\0\x0c") and (tiles := boxes.jpeg_2000_tiles(file)) > MAX_TILES:
        raise PictureError(f"has {tiles} tiles; allowed are {MAX_TILES}")
    file.seek(0)
    return file


def _most_parts(size: int) -> int:
    """How many parts a file of this size may have: encoders write 8 kB at a time, the smallest ones a few hundred bytes."""
    return 10_000 + size // 2048


def _without(file: BinaryIO, parts: list[tuple[int, int, str]]) -> BinaryIO:
    """A file less the parts from .. to, with a warning for each reason."""
    if not parts:
        file.seek(0)
        return file
    for reason in dict.fromkeys(reason for *_, reason in parts):
        _log.warning("passed over in a picture: %s", reason)
    file.seek(0)
    data = memoryview(file.read())
    kept, begin = io.BytesIO(), 0
    for start, stop, _ in parts:
        kept.write(data[begin:start])
        begin = stop
    kept.write(data[begin:])
    kept.seek(0)
    return kept


def _png(file: BinaryIO) -> BinaryIO:
    size = file.seek(0, os.SEEK_END)
    position, count, text, parts = 8, 0, 0, []
    while position + 12 <= size:
        file.seek(position)
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        count += 1
        if count > _most_parts(size):
            raise PictureError(f"has more than {_most_parts(size)} chunks")
        if position + 12 + length > size or kind == b"IEND":
            break  # its end, or cut short, which is told later
        if kind[0] & 0x20:  # not needed for the pixels
            body = file.read(length)
            reason = _chunk_fault(kind, body, file.read(4))
            if kind in _TEXT and not reason:
                try:
                    unpacked = _unpacked_size(kind, body) if text <= MAX_TEXT else 0
                except zlib.error:  # which Pillow passes over, after as much work as for a whole one
                    unpacked, reason = MAX_PACKED_TEXT, f"damaged {kind.decode('latin-1')}"
                text += unpacked or length
                reason = reason or _too_much(kind, unpacked, text, body)
            if reason:
                parts.append((position, position + 12 + length, reason))
        position += 12 + length
    return _without(file, parts)


def _chunk_fault(kind: bytes, body: bytes, checksum: bytes) -> str:
    """Why a chunk is left out that the pixels do not need, as libpng leaves it out: it is damaged; '' if it is whole."""
    damaged = zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(checksum, "big")
    return f"damaged {kind.decode('latin-1')!r}" if damaged or len(body) != _LENGTHS.get(kind, len(body)) else ""


def _too_much(kind: bytes, unpacked: int, text: int, body: bytes) -> str:
    """Why a metadata chunk is left out; '' if it stays."""
    name = kind.decode("latin-1")
    if unpacked > MAX_PACKED_TEXT:
        return f"{name} of more than {MAX_PACKED_TEXT} bytes once unpacked"
    if text > MAX_TEXT:
        return f"text beyond the first {MAX_TEXT} bytes"
    if kind == b"eXIf":
        return _exif_fault(body)
    return ""


def _unpacked_size(kind: bytes, body: bytes) -> int:
    """Bytes of a chunk's compressed content once unpacked, one more than allowed at most; 0 of what is not compressed.

    Raises zlib.error for content that is damaged.
    """
    _, _, packed = body.partition(b"\0")
    if kind == b"iTXt":
        if packed[:1] in (b"", b"\0"):
            return 0
        packed = packed[2:].split(b"\0", 2)[-1]
    elif kind in (b"zTXt", b"iCCP"):
        packed = packed[1:]
    else:
        return 0
    return len(zlib.decompressobj().decompress(packed, MAX_PACKED_TEXT + 1))


def _exif_fault(exif: bytes) -> str:
    if len(exif) > MAX_EXIF:
        return f"EXIF of {len(exif)} bytes; allowed are {MAX_EXIF}"
    try:
        check_directories(io.BytesIO(exif), "EXIF")
    except PictureError as error:
        return f"EXIF: it {error}"
    return ""


def _jpeg(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    data = file.read()
    position, scans, segments, junk, pixels = 2, 0, 0, 0, 0
    exif: list[tuple[int, int]] = []
    while position < len(data):
        found = _MARKER.search(data, position)
        if found is None:
            break
        start, marker = found.start(), data[found.start() + 1]
        junk += start - position if not scans else 0
        if junk > MAX_JUNK:
            raise PictureError(f"has more than {MAX_JUNK} bytes of junk between its segments")
        position = start + 2
        if marker == 0xD9 and scans:  # the picture's end; before it, Pillow reads on
            break
        if marker in (0x01, 0xD8, 0xD9):
            continue
        length = int.from_bytes(data[position : position + 2], "big")
        segments += 1
        if segments > MAX_SEGMENTS:
            raise PictureError(f"has more than {MAX_SEGMENTS} segments")
        if marker == 0xE1 and data[position + 2 : position + 8] == _EXIF:
            exif.append((start, position + length))
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = (int.from_bytes(data[position + at : position + at + 2], "big") for at in (3, 5))
            pixels = max(pixels, height * width)
        elif marker == 0xDA:
            scans += 1
            _check_scans(scans, pixels)
        position += max(length, 2)
    if pixels > max(FEW_PIXELS, PIXELS_A_BYTE * len(data)):
        raise PictureError(f"has {len(data)} bytes for {pixels} pixels: most of it is missing")
    body = b"".join(data[start + 10 : stop] for start, stop in exif)
    reason = _exif_fault(body) if exif else ""
    return _without(file, [(start, stop, reason) for start, stop in exif] if reason else [])


def _check_scans(scans: int, pixels: int) -> None:
    """Each scan of a progressive JPEG passes over the whole picture, however few bytes it has."""
    most = max(LEAST_SCANS, min(MAX_SCANS, SCANNED_PIXELS // max(1, pixels)))
    if scans > most:
        raise PictureError(f"has more than {most} scans over {pixels} pixels")


def _check_gif(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    data = memoryview(file.read())
    position = 13 + (3 << (data[10] & 7) + 1 if size > 10 and data[10] & 0x80 else 0)
    comments = parts = blocks = 0
    while position + 1 < size and data[position] in (0x21, 0x2C):
        parts += 1
        comment = data[position] == 0x21 and data[position + 1] == 0xFE
        if data[position] == 0x2C:
            flags = data[position + 9] if position + 9 < size else 0
            position += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        else:
            position += 2
        while position < size and data[position]:
            comments += comment
            blocks += 1
            position += 1 + data[position]
            if blocks > 10_000 + size // LEAST_BLOCK:
                raise PictureError(f"has more than {10_000 + size // LEAST_BLOCK} blocks of data")
        position += 1
        if comments > MAX_COMMENTS or parts > _most_parts(size):
            raise PictureError(f"has comments in more than {MAX_COMMENTS} parts, or more than {_most_parts(size)} blocks")


def _check_webp(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    position = count = 0
    position = 12
    while position + 8 <= size:
        file.seek(position + 4)
        length = int.from_bytes(file.read(4), "little")
        position += 8 + length + length % 2
        count += 1
        if count > _most_parts(size):
            raise PictureError(f"has more than {_most_parts(size)} chunks")


def _check_bmp(file: BinaryIO) -> None:
    """Pillow decodes runs in Python: a row that ends early costs a step for each pixel that it leaves out."""
    size = file.seek(0, os.SEEK_END)
    file.seek(14)
    head = file.read(40).ljust(40, b"\0")
    length, width, height, _, bits, runs = struct.unpack_from("<IiiHHI", head)
    pixels = abs(width * height)
    if length < 40 or (bits, runs) not in ((8, 1), (4, 2)):
        return
    if pixels > FEW_PIXELS:
        raise PictureError(f"has {pixels} pixels in runs; allowed are {FEW_PIXELS}")
    if size > RUN_BYTES * pixels + MAX_JUNK:
        raise PictureError(f"has {size} bytes for {pixels} pixels in runs: most of them tell nothing")
