"""RAW and DNG files of cameras, as the light of the scene: white balance as the camera saw it, sRGB's primaries, no curve.

References: DNG 1.7 (DNGVersion, the photometric interpretations CFA and LinearRaw), TIFF/EP (SubIFDs), LibRaw.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from PIL.TiffImagePlugin import TiffImageFile

from filmlook.errors import PictureError, extra
from filmlook.files import exif as exif_data

_ORIENTATION = 0x0112
_PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 262, 330, 50706
_SENSOR = (32803, 34892)  # colour filter array, linear raw
_MOST_DIRECTORIES, _MOST_ENTRIES = 16, 1000


def is_raw(file: BinaryIO) -> bool:
    """Whether a TIFF holds what a camera's sensor saw; what else is in it is a preview."""
    file.seek(0)
    head = file.read(8)
    end = {b"II": "<", b"MM": ">"}.get(head[:2])
    if end is None or len(head) < 8 or head[2:4] not in (b"*\0", b"\0*"):
        return False
    pending: list[int] = [struct.unpack_from(end + "I", head, 4)[0]]
    seen: set[int] = set()
    while pending and len(seen) < _MOST_DIRECTORIES:
        offset = pending.pop(0)
        if not offset or offset in seen:
            continue
        seen.add(offset)
        file.seek(offset)
        count = int.from_bytes(file.read(2), "little" if end == "<" else "big")
        entries = file.read(12 * min(count, _MOST_ENTRIES))
        for place in range(0, len(entries) - 11, 12):
            tag, kind, many = struct.unpack_from(end + "HHI", entries, place)
            if tag == _DNG_VERSION:
                return True
            if tag == _PHOTOMETRIC and struct.unpack_from(end + "H", entries, place + 8)[0] in _SENSOR:
                return True
            if tag == _SUB_IFDS and kind in (4, 13):
                pending += _offsets(file, entries[place + 8 : place + 12], min(many, _MOST_DIRECTORIES), end)
        file.seek(offset + 2 + 12 * count)
        rest = file.read(4)
        if len(rest) == 4:
            pending.append(struct.unpack(end + "I", rest)[0])
    return False


def _offsets(file: BinaryIO, value: bytes, many: int, end: str) -> list[int]:
    if many == 1:
        return list(struct.unpack(end + "I", value))
    position = file.tell()
    file.seek(struct.unpack(end + "I", value)[0])
    data = file.read(4 * many)
    file.seek(position)
    return list(struct.unpack_from(f"{end}{len(data) // 4}I", data))


class RawFile:
    """A RAW file of which the header alone has been read. Raises PictureError without the extra, and for unknown cameras."""

    def __init__(self, file: BinaryIO) -> None:
        rawpy: Any = extra("rawpy", "is a camera's RAW, which", "raw")
        self.exif = _exif(file)
        file.seek(0)
        self._rawpy = rawpy
        try:
            self._raw = rawpy.imread(file)
        except rawpy.LibRawError as error:
            raise PictureError(f"is a camera's RAW that LibRaw cannot read ({_said(error)})") from error
        sizes = self._raw.sizes
        turned = sizes.flip in (5, 6)
        self.width, self.height = (sizes.iheight, sizes.iwidth) if turned else (sizes.iwidth, sizes.iheight)

    def light(self) -> np.ndarray:
        """Scene-linear `(H, W, 3)` uint16, upright; the sensor's white is 65535."""
        rawpy = self._rawpy
        try:
            light: np.ndarray = self._raw.postprocess(
                gamma=(1, 1),
                no_auto_bright=True,
                use_camera_wb=True,
                output_bps=16,
                output_color=rawpy.ColorSpace.sRGB,
            )
            return light
        except rawpy.LibRawError as error:
            raise PictureError(f"is a camera's RAW that LibRaw cannot read ({_said(error)})") from error
        finally:
            self._raw.close()


def _exif(file: BinaryIO) -> bytes:
    """What a RAW that is a TIFF tells about the picture; LibRaw turns it upright."""
    file.seek(0)
    try:
        with TiffImageFile(file) as tiff:
            exif = exif_data.about_picture(tiff.getexif())
        exif[_ORIENTATION] = 1
        return exif.tobytes()
    except Exception:  # of another make, or damaged: the picture comes without
        return b""


def _said(error: Exception) -> str:
    words = error.args[0] if error.args else error
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
