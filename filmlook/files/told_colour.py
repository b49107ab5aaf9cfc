"""How a file tells its colour, and what its EXIF says of it.

PNG 3rd edition, 4.3: cICP goes before iCCP, that before sRGB, that before gAMA and cHRM. Elsewhere an ICC profile goes before
nclx (ISO/IEC 23000-22), and DCF 2.0's "R03" in the EXIF, which is Adobe RGB, is heard where nothing else is said.
"""

from __future__ import annotations

import logging
import struct

from PIL import Image

from filmlook.files import boxes, colour
from filmlook.files import exif as exif_data
from filmlook.files.icc import Told, is_profile

_EXIF_IFD, _COLOUR_SPACE, _INTEROPERABILITY, _INDEX = 0x8769, 0xA001, 0xA005, 1
_SRGB, _UNCALIBRATED = 1, 65535

_log = logging.getLogger(__name__)


def told_by_image(image: Image.Image, cicp: bytes | None = None, bits: int = 8) -> Told:
    """The colour of a Pillow image, by its info; `cicp` is a PNG's chunk of this name, which Pillow passes over, of
    samples of so many bits.

    Raises PictureError for PQ and HLG.
    """
    if cicp is not None:
        try:
            return _told_by_cicp(cicp, bits)
        except ValueError as error:
            _log.warning("damaged cICP passed over (%s)", error)
    if (icc := image.info.get("icc_profile")) and (image.format != "PNG" or is_profile(icc)):
        return bytes(icc)
    if "srgb" in image.info:
        return None
    gama, chrm = image.info.get("gamma"), image.info.get("chromaticity")
    if gama is not None or chrm is not None:
        try:
            return colour.gama_chrm_space(
                None if gama is None else gama * 100_000, None if chrm is None else tuple(c * 100_000 for c in chrm)
            )
        except (ValueError, TypeError, ArithmeticError) as error:
            _log.warning("damaged gAMA or cHRM passed over (%s)", error)
            return None
    return colour.ADOBE_RGB if _says_adobe_rgb(image) else None


def told_by_boxes(image: Image.Image, told: boxes.Told) -> Told:
    """The colour of an AVIF or HEIC picture. Raises PictureError for PQ and HLG."""
    if told.nclx and told.nclx[1] in (16, 18):
        colour.cicp_space(*told.nclx[:2])
    if icc := image.info.get("icc_profile") or told.icc:
        return icc
    if told.nclx and told.nclx[:2] != (2, 2):  # decoders undo matrix and range
        try:
            return colour.cicp_space(*told.nclx[:2])
        except ValueError as error:
            _log.warning("nclx passed over (%s)", error)
    return colour.ADOBE_RGB if _says_adobe_rgb(image) else None


def _told_by_cicp(cicp: bytes, bits: int) -> Told:
    if len(cicp) != 4 or cicp[2] != 0 or cicp[3] > 1:
        raise ValueError(f"its content is {cicp[:8].hex()}")
    return colour.cicp_space(cicp[0], cicp[1], bool(cicp[3]), bits)


def _says_adobe_rgb(image: Image.Image) -> bool:
    """Whether the EXIF has the interoperability index R03, or the colour space 2 that some cameras write for it."""
    try:
        exif = exif_data.load(exif_data.of_image(image))
        space = exif.get_ifd(_EXIF_IFD).get(_COLOUR_SPACE)
        index = exif.get_ifd(_INTEROPERABILITY).get(_INDEX, "")
    except Exception:  # Pillow raises nearly everything on damaged EXIF: it tells no colour
        return False
    return (str(index).strip("\0 ") == "R03" and space != _SRGB) or space == 2


def exif_in(exif: bytes | None, profile: str) -> bytes | None:
    """EXIF that says which colours the picture has now: its ColorSpace and interoperability index, where it has them.

    It is patched in place: to write it anew would break the makers' notes, which count from its beginning.
    """
    if not exif:
        return exif
    raw = bytearray(exif)
    base = 6 if raw.startswith(b"Exif\0\0") else 0
    try:
        end = {b"II*\0": "<", b"MM\0*": ">"}[bytes(raw[base : base + 4])]
        details = _entry(raw, base, end, struct.unpack_from(end + "I", raw, base + 4)[0], _EXIF_IFD)
        if details is None:
            return exif
        inside = struct.unpack_from(end + "I", raw, details + 8)[0]
        space = _entry(raw, base, end, inside, _COLOUR_SPACE)
        if space is not None:
            struct.pack_into(end + "H", raw, space + 8, _SRGB if profile == "srgb" else _UNCALIBRATED)
        index = _entry(raw, base, end, inside, _INTEROPERABILITY)
        if index is not None:
            rule = _entry(raw, base, end, struct.unpack_from(end + "I", raw, index + 8)[0], _INDEX)
            if rule is not None:
                raw[rule + 8 : rule + 12] = b"R03\0" if profile == "adobe-rgb" else b"R98\0"
    except (KeyError, struct.error):
        return exif
    return bytes(raw)


def _entry(raw: bytearray, base: int, end: str, ifd: int, wanted: int) -> int | None:
    """Where the entry of a tag stands; None for a directory without it."""
    (count,) = struct.unpack_from(end + "H", raw, base + ifd)
    for entry in range(base + ifd + 2, base + ifd + 2 + 12 * count, 12):
        if struct.unpack_from(end + "H", raw, entry)[0] == wanted:
            return entry
    return None
