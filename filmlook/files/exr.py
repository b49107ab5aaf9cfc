"""OpenEXR: light of a scene in, developed pictures out.

Reference: OpenEXR's technical introduction and file layout (openexr.com): chromaticities, premultiplied alpha, the data window.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from filmlook.errors import PictureError, extra
from filmlook.files import colour
from filmlook.files.colour import ColourSpace

_MOST_CHANNELS = 64
_DEEP = 0x800


def _openexr() -> Any:
    return extra("OpenEXR", "OpenEXR", "exr")


class ExrFile:
    """An OpenEXR file of which the header alone has been read; of several parts the first.

    Attributes:
        width, height: of the data window.
        text: what stands in the header for people.

    Raises PictureError without the extra, and for deep pixels.
    """

    def __init__(self, file: BinaryIO) -> None:
        openexr = _openexr()
        file.seek(0)
        self._data = file.read()
        if len(self._data) < 8 or struct.unpack_from("<I", self._data, 4)[0] & _DEEP:
            raise PictureError("holds deep pixels; flatten it first")
        parts = self._opened(openexr, header_only=True).parts
        self._header = parts[0].header
        low, high = self._header["dataWindow"]
        self.width, self.height = (int(b) - int(a) + 1 for a, b in zip(low, high, strict=True))
        self.samples = sum(len(p.header.get("channels", ())) * _window_pixels(p.header) for p in parts)
        self.text = {k: v for k, v in self._header.items() if isinstance(v, str) and k not in ("type", "name", "view")}

    def _opened(self, openexr: Any, *, header_only: bool) -> Any:
        with tempfile.TemporaryDirectory() as folder:  # releases before 3.4 read files alone
            path = Path(folder) / "picture.exr"
            path.write_bytes(self._data)
            return openexr.File(str(path), separate_channels=True, header_only=header_only)

    def light(self, max_pixels: int) -> tuple[np.ndarray, np.ndarray | None, ColourSpace | None]:
        """Scene-linear `(H, W, 3)` float, alpha `(H, W, 1)` or None, and the primaries' space (None: sRGB's).

        Raises PictureError for a file without colours, and for one of more samples than pixels are allowed for.
        """
        if self.samples > 4 * max_pixels or len(self._header["channels"]) > _MOST_CHANNELS:
            raise PictureError(f"has {self.samples} samples in all its layers; allowed are {4 * max_pixels}")
        channels = self._opened(_openexr(), header_only=False).parts[0].channels
        planes = {name: np.asarray(channel.pixels, np.float32) for name, channel in channels.items()}
        names = _colours(planes)
        rgb = np.stack([planes[name] for name in names], -1)
        alpha = planes.get(names[0][:-1] + "A")
        if alpha is not None:
            covered = alpha > 0
            np.divide(rgb, alpha[..., None], out=rgb, where=covered[..., None])
            alpha = alpha[..., None]
        return rgb, alpha, _space(self._header.get("chromaticities"))


def _window_pixels(header: dict[str, Any]) -> int:
    low, high = header["dataWindow"]
    return int(np.prod([int(b) - int(a) + 1 for a, b in zip(low, high, strict=True)], dtype=object))


def _colours(planes: dict[str, np.ndarray]) -> list[str]:
    """The channels of the picture: R, G, B or Y of no layer, else of the first that has them."""
    layers = sorted({name.rpartition(".")[0] for name in planes}, key=lambda layer: (layer != "", layer))
    for layer in layers:
        lead = f"{layer}." if layer else ""
        for wanted in (("R", "G", "B"), ("Y", "Y", "Y")):
            names = [lead + name for name in wanted]
            if all(name in planes for name in names) and len({planes[name].shape for name in names}) == 1:
                return names
    raise PictureError(f"has the channels {', '.join(sorted(planes)[:8])}; R, G, B or Y are wanted")


def _space(chromaticities: Any) -> ColourSpace | None:
    if chromaticities is None:
        return None
    numbers = [float(n) for n in np.ravel(chromaticities)]
    red, green, blue, white = zip(numbers[::2], numbers[1::2], strict=True)
    try:
        return colour.space_of((red, green, blue), white, colour.linear)
    except ValueError as error:
        raise PictureError(f"has chromaticities that are none: {error}") from None


def write_exr(file: BinaryIO, pixels: np.ndarray, space: ColourSpace, text: Mapping[str, str]) -> None:
    """A developed picture as the linear light of its display, half floats, white 1; the text stands in the header.

    `pixels`: `(H, W, 3 or 4)`, sRGB code; `space`: whose primaries are written.
    """
    openexr = _openexr()
    light = colour.display_light(pixels[..., :3], space)
    channels = {"RGB": light.astype(np.float16)}
    if pixels.shape[2] == 4:
        alpha = (pixels[..., 3] / np.float32(np.iinfo(pixels.dtype).max)).astype(np.float32)
        rgba = np.dstack([light * alpha[..., None], alpha])  # premultiplied
        channels = {"RGBA": rgba.astype(np.float16)}
    header: dict[str, Any] = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage}
    header["chromaticities"] = tuple(space.chromaticities())
    header |= {key: value for key, value in text.items() if key.isidentifier() and key not in _RESERVED}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.exr"
        with openexr.File(header, channels) as made:
            made.write(str(path))
        file.write(path.read_bytes())


_RESERVED = (
    *("channels", "compression", "dataWindow", "displayWindow", "lineOrder", "pixelAspectRatio", "screenWindowCenter"),
    *("screenWindowWidth", "tiles", "type", "name", "view", "version", "chunkCount", "chromaticities", "whiteLuminance"),
)
