"""The kinds of files that hold pictures: by their first bytes, by their extensions, and what each of them can hold.

References: PNG 3rd edition, JFIF 1.02, TIFF 6.0, ISO/IEC 14496-12 (ftyp), ISO/IEC 18181-2 (JPEG XL),
ISO/IEC 15444-1 (JPEG 2000), OpenEXR's file layout.
"""

from __future__ import annotations

from filmlook.errors import PictureError

FORMATS = {
    **{".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"},
    **{".jfif": "JPEG", ".avif": "AVIF", ".jxl": "JXL", ".exr": "EXR"},
}
"""What is written, by extension."""

ENDINGS = {kind: ending for ending, kind in reversed(FORMATS.items())}
"""The usual extension of each kind."""

RAW = (".dng", ".nef", ".nrw", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw")
READABLE = (*FORMATS, ".heic", ".heif", ".bmp", ".gif", ".jp2", ".j2k", ".jpf", ".jpx", *RAW)
"""The extensions of what is read; the content alone says what a file is."""

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"\0\0\0\x0cjP  ": "JPEG2000",
    b"\xff\x0a": "JXL",
    b"\0\0\0\x0cJXL ": "JXL",
    b"v/1\x01": "EXR",
    **dict.fromkeys((b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\0MRM"), "RAW"),
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"), "HEIC"),
    b"crx ": "RAW",
}
HEAD = 64
"""Bytes of a file that `kind_of` looks at."""


def kind_of(head: bytes) -> str:
    """The kind of a file by its first bytes. Raises PictureError for a file that is empty or no picture."""
    if head[4:8] == b"ftyp":
        brands = [head[8:12], *(head[i : i + 4] for i in range(16, min(len(head), int.from_bytes(head[:4], "big")), 4))]
        told = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        if "AVIF" in told:
            return "AVIF"
        if told:
            return told[0]
    if head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b""):
        return "WEBP"
    if head[8:10] == b"CR" and head[:4] in (b"II*\0", b"MM\0*"):
        return "RAW"
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if kind is None:
        others = "AVIF, HEIC, JPEG XL, JPEG 2000, GIF, BMP, OpenEXR or RAW"
        raise PictureError(f"is not a PNG, JPEG, WebP or TIFF picture, nor {others}" if head else "is empty")
    return kind
