"""What a picture's EXIF says: its orientation, its comment, what tells about the picture.

References: Exif 2.32, TIFF 6.0; infotext in the UserComment is AUTOMATIC1111's convention.
"""

from __future__ import annotations

import io
import struct
from typing import Any

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from filmlook.files.directories import check_directories

PROFILE_KEYS = ("Raw profile type exif", "Raw profile type APP1")  # PNG text of ImageMagick before there was eXIf
_ORIENTATION, _EXIF_IFD, _GPS_IFD, _USER_COMMENT = 0x0112, 0x8769, 0x8825, 0x9286
_INTEROPERABILITY = 0xA005
# The TIFF tags that tell about the picture (Exif 2.32, table 4); the others tell how the file is laid out.
_ABOUT = (0x010E, 0x010F, 0x0110, _ORIENTATION, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x8298)


def of_image(image: Image.Image) -> bytes | None:
    """The EXIF of an image as it stands in its file, all segments of a JPEG's joined; of a TIFF, gathered from its tags."""
    if isinstance(image, JpegImageFile):
        parts = [data for name, data in image.applist if name == "APP1" and data[:6] == b"Exif\0\0"]
        if parts:
            return b"".join([parts[0], *(part[6:] for part in parts[1:])])
    raw = image.info.get("exif")
    if isinstance(raw, bytes):
        return raw
    for key in PROFILE_KEYS:  # Pillow would read them unchecked
        if isinstance(profile := image.info.get(key), str):
            return of_profile(profile)
    about = about_picture(image.getexif())
    return bytes(about.tobytes()) if about else None


def of_profile(profile: str) -> bytes:
    """Bytes of ImageMagick's text: a name, a length, and the bytes in hexadecimal."""
    words = profile.split()
    try:
        return bytes.fromhex("".join(words[2:]))
    except ValueError:
        return b""


def upright(exif: bytes) -> tuple[bytes, int]:
    """EXIF as `Picture` keeps it, and the orientation that stood in it.

    It is patched in place: to write it anew would break the makers' notes, which count from its beginning.
    """
    raw = bytearray(exif.removeprefix(b"Exif\0\0"))
    orientation = 1
    end = {b"II*\0": "<", b"MM\0*": ">"}[bytes(raw[:4])]
    (ifd,) = struct.unpack_from(end + "I", raw, 4)
    (count,) = struct.unpack_from(end + "H", raw, ifd)
    thumbnail = ifd + 2 + 12 * count
    for entry in range(ifd + 2, thumbnail, 12):
        tag, kind = struct.unpack_from(end + "HH", raw, entry)
        if tag == _ORIENTATION:
            value = end + ("I" if kind == 4 else "H")
            (orientation,) = struct.unpack_from(value, raw, entry + 8)
            struct.pack_into(value, raw, entry + 8, 1)
    struct.pack_into(end + "I", raw, thumbnail, 0)
    return b"Exif\0\0" + bytes(raw), orientation


def load(exif: bytes | None) -> Image.Exif:
    """EXIF as Pillow holds it. Raises PictureError for what would take time or memory out of proportion."""
    if exif:
        check_directories(io.BytesIO(exif.removeprefix(b"Exif\0\0")), "EXIF")
    loaded = Image.Exif()
    loaded.load(exif or b"")
    return loaded


def user_comment(exif: bytes | None) -> str:
    """The text of the EXIF UserComment, '' without one. Its first 8 bytes name the encoding."""
    raw = load(exif).get_ifd(_EXIF_IFD).get(_USER_COMMENT)
    if not isinstance(raw, bytes):
        return str(raw or "")
    code, body = raw[:8], raw[8:]
    if code == b"UNICODE\0":  # A1111 writes big-endian, others as the machine: the zero bytes of Latin letters tell
        big = body[0::2].count(0) >= body[1::2].count(0)
        text = body.decode("utf-16-be" if big else "utf-16-le", errors="replace")
    else:
        text = (body if code in (b"ASCII\0\0\0", bytes(8)) else raw).decode("utf-8", errors="ignore")
    return text.rstrip("\0") if text.strip("\0 ") else ""


def with_comment(exif: bytes | None, comment: str, *, plain: bool = False) -> bytes:
    """EXIF with this UserComment: in UTF-16 as the WebUI writes it, or `plain`, in ASCII, which it reads too; none for ''."""
    loaded = load(exif)
    entries = _details(loaded)
    entries.pop(_USER_COMMENT, None)
    if comment:
        entries[_USER_COMMENT] = (
            b"ASCII\0\0\0" + comment.encode("ascii") if plain else b"UNICODE\0" + comment.encode("utf-16-be")
        )
    loaded[_EXIF_IFD] = entries
    return b"Exif\0\0" + loaded.tobytes().removeprefix(b"Exif\0\0")


def about_picture(exif: Image.Exif) -> Image.Exif:
    """A copy with what tells about the picture, and without the tags that lay out a TIFF file."""
    kept = Image.Exif()
    kept.update({tag: exif[tag] for tag in _ABOUT if tag in exif})
    directories = {_EXIF_IFD: _details(exif), _GPS_IFD: dict(exif.get_ifd(_GPS_IFD))}
    kept.update({ifd: entries for ifd, entries in directories.items() if entries})
    return kept


def _details(exif: Image.Exif) -> dict[int, Any]:
    """The entries of the EXIF directory; in the place of the interoperability's address stands what is there."""
    entries = dict(exif.get_ifd(_EXIF_IFD))
    if _INTEROPERABILITY in entries:
        entries[_INTEROPERABILITY] = dict(exif.get_ifd(_INTEROPERABILITY))
    return entries
