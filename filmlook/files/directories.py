"""The directories of tags in TIFF files and in EXIF: looked through before anyone reads a value.

A tag tells where its values lie and how many there are, and nothing keeps 65 000 of them from telling of the same
megabyte. Pillow (to 11, and hosts pin 9.5) reads each, and makes an object of every strip.

References: TIFF 6.0, BigTIFF (Adobe, 2007), Exif 2.32.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from filmlook.errors import PictureError

MAX_TAGS = 2000  # of a directory; scientific files have a few hundred
MAX_STRIPS = 200_000  # 65 535 rows of three planes in strips of a row
MAX_VALUES = 200_000  # of one tag that becomes numbers; a colour map has 196 608
MAX_EXIF_VALUES = 20_000  # of all tags in EXIF's own directories

_SLACK = 65536  # bytes; cameras' EXIF may have a tag or two with a wrong length
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_KEPT_AS_BYTES = (1, 2, 7)
_STRIPS = (273, 279, 324, 325)
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_PRIVATE = 32768  # from here on a tag stays bytes until someone asks for it, and only for these someone does:
_READ = (32997, 33723, 34675, 37724)


def check_directories(file: BinaryIO, name: str = "file") -> None:
    """Raises PictureError for tags whose reading would cost more than the file's own size tells of.

    Looks at the first directory and at EXIF's below it. What is damaged otherwise is left to be found by who reads it.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16).ljust(16, b"\0")
    end = {b"II": "<", b"MM": ">"}.get(head[:2])
    if end is None:
        return
    big = 43 in struct.unpack("<BB", head[2:4])
    at = struct.unpack(end + ("8xQ" if big else "4xI8x"), head)[0]
    budget, seen = 2 * size + _SLACK, set()
    waiting = [(at, False)]
    while waiting:
        at, of_exif = waiting.pop()
        if at in seen or not 0 < at < size:
            continue
        seen.add(at)
        tags = _entries(file, at, end, big, name)
        values = 0
        for tag, kind, count, told in tags:
            width = _BYTES.get(kind)
            if width is None:
                continue
            if width * count > len(told):
                offset = int.from_bytes(told, "little" if end == "<" else "big")
                budget -= min(width * count, max(0, size - offset))
            if budget < 0:
                raise PictureError(f"has tags that tell of more bytes than the {name} has: they overlap")
            values += count if kind not in _KEPT_AS_BYTES else 0
            _check_count(tag, kind, count)
            if tag in (_EXIF, _GPS, _INTEROPERABILITY):
                short = told[:2] if kind == 3 else told[: width if count else 0]
                waiting.append((int.from_bytes(short, "little" if end == "<" else "big"), True))
        if of_exif and values > MAX_EXIF_VALUES:
            raise PictureError(f"has EXIF of {values} numbers; allowed are {MAX_EXIF_VALUES}")


def _entries(file: BinaryIO, at: int, end: str, big: bool, name: str) -> list[tuple[int, int, int, bytes]]:
    """Tag, type, count and value (or where it lies) of each entry of a directory."""
    file.seek(at)
    counted, entry = (8, "HHQ8s") if big else (2, "HHI4s")
    count = int.from_bytes(file.read(counted), "little" if end == "<" else "big")
    if count > MAX_TAGS:
        raise PictureError(f"has a directory of {count} tags; allowed are {MAX_TAGS}")
    step = struct.calcsize(end + entry)
    table = file.read(count * step)
    return list(struct.iter_unpack(end + entry, table[: len(table) // step * step]))


def _check_count(tag: int, kind: int, count: int) -> None:
    if tag in _STRIPS and count > MAX_STRIPS:
        raise PictureError(f"has {count} strips or tiles; allowed are {MAX_STRIPS}")
    if count > MAX_VALUES and kind not in _KEPT_AS_BYTES and (tag < _PRIVATE or tag in _READ):
        raise PictureError(f"has {count} numbers in the tag {tag}; allowed are {MAX_VALUES}")
