"""Pictures in and out: files and PIL images to arrays of sRGB code values and back.

Reading turns the picture upright and converts it to sRGB; what sRGB cannot hold stays beside it as light. Writing puts a
profile into every file. Pillow does the work, except for colour of 16 bits, which it would cut to 8: to read it takes the
extra `filmlook[files]`, and so does writing it to PNG; some kinds of files have extras of their own (`decoders`).

References: PNG 3rd edition (W3C), TIFF 6.0, Exif 2.32; infotext in the EXIF UserComment is AUTOMATIC1111's convention.
"""

from __future__ import annotations

import io
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from filmlook.errors import PictureError
from filmlook.files import exif as exif_data
from filmlook.files import metadata
from filmlook.files.atomic import replacing
from filmlook.files.bounds import within_bounds
from filmlook.files.decoders import Decoded, decode_file, open_picture
from filmlook.files.encoders import check_writable, eight_bit, encode_file
from filmlook.files.icc import PROFILES, srgb_of, srgb_profile
from filmlook.files.kinds import FORMATS, READABLE
from filmlook.files.told_colour import exif_in, told_by_image

__all__ = (
    "FORMATS",
    "MAX_PIXELS",
    "PROFILES",
    "READABLE",
    "Picture",
    "as_map",
    "count_pixels",
    "decode",
    "encode",
    "from_pil",
    "map_share",
    "read",
    "size_told",
    "srgb_profile",
    "to_pil",
    "with_bits",
    "write",
)  # fmt: skip

MAX_PIXELS = 200_000_000
_OVERSHOOT = 0.1  # of a map in [0, 1] that was enlarged by a bicubic or Lanczos filter

_log = logging.getLogger(__name__)


@dataclass
class Picture:
    """A picture as sRGB code values, with what its file told about it.

    pixels: (H, W, 3) RGB or (H, W, 4) RGBA, alpha straight; uint8 0..255 or uint16 0..65535.
    exif: raw EXIF beginning `Exif\\0\\0`, its orientation 1 and its thumbnail unlinked (it shows the old picture).
    text: textual metadata; `parameters` is the WebUI's infotext.
    kept: XMP, IPTC and resolution.
    light: (H, W, 3) floating point, where the picture is more than its pixels can say: scene-linear light, sRGB's primaries,
        mid-grey .18. It is negative and brighter than white where the file has a wide gamut, and goes as far as the scene
        does where that is what the file holds; `pixels` is then how a camera would show it. None for other pictures.
    notes: what there is to say to people about how it was read, a line each.
    in_floats: the file holds floating point, which is `light`; `pixels` is a rendering of it.

    Raises PictureError for pixels or light of another shape or type.
    """

    pixels: np.ndarray
    exif: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)
    kept: metadata.Kept = field(default_factory=metadata.Kept)
    light: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    in_floats: bool = False

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (3, 4) or 0 in shape or dtype not in (np.uint8, np.uint16):
            raise PictureError(f"pixels are {dtype} {shape}; allowed are uint8 or uint16 (H, W, 3) or (H, W, 4)")
        if self.light is not None and (self.light.shape != (*shape[:2], 3) or self.light.dtype.kind != "f"):
            raise PictureError(f"light is {self.light.dtype} {self.light.shape}; allowed is floating point {(*shape[:2], 3)}")


def from_pil(image: Image.Image, *, scene_linear: bool = False) -> Picture:
    """The picture in a PIL image of any mode: 16-bit for I, I;16 and F, 8-bit for the others.

    It is turned upright by its EXIF and converted to sRGB by what `info` tells of its colour: an ICC profile, else what a PNG
    or the EXIF says. A broken or unfit profile is passed over with a warning in the log. Alpha is kept to the bit, and the
    image itself stays as it is. `scene_linear`: its samples are the light of a scene, mid-grey .18 of white.

    Raises PictureError for mode F unless it is scene-linear, for mode I outside 0..65535, for PQ and HLG, and for an image that
    cannot be decoded.
    """
    with _one_line("picture", "cannot be used"):
        image.load()
        told = told_by_image(image)
        return _with_metadata(Decoded(*srgb_of(image, told, scene_linear=scene_linear), image))


def to_pil(picture: Picture) -> Image.Image:
    """An RGB or RGBA image (16-bit pixels rounded to 8) with text, `exif` and the sRGB `icc_profile` in its info."""
    image = Image.fromarray(eight_bit(picture.pixels))
    image.info.update(metadata.as_info(picture.text, picture.kept))
    image.info["icc_profile"] = srgb_profile()
    if picture.exif:
        image.info["exif"] = metadata.with_infotext(picture.exif, picture.text.get("parameters", ""), add=False)
    return image


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS, scene_linear: bool = False) -> Picture:
    """The picture in a file of one of the `READABLE` kinds, known by its content; of several frames the first.

    As `from_pil`; grey and RGB of 16 bits stay so, CMYK of 16 bits becomes 8-bit. OpenEXR, RAW and TIFF in floating point are
    scene-linear by themselves, and have pixels of 16 bits.

    Raises PictureError, one line with file and fault, for a file that is missing, of another kind, cut short or damaged
    (JPEG and WebP have no checksum: damage in the middle may pass), for one that needs an extra that is not installed, and for
    more than `max_pixels` in its header. Pillow's own limit of pixels does not count, except for a WebP above twice that limit.
    """
    path = Path(path)
    with _one_line(path, "cannot be read"):
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise PictureError("is a folder, not a picture")
        if not stat.S_ISREG(mode):  # a pipe would be waited for, a device may have no end
            raise PictureError("is a pipe or a device, not a picture")
        with open(path, "rb") as file:
            return _read(file, max_pixels, scene_linear)


def write(
    path: str | os.PathLike[str],
    picture: Picture,
    *,
    quality: int = 95,
    lossless: bool = False,
    profile: str = "srgb",
    overwrite: bool = False,
) -> None:
    """Write a picture's pixels in the format of the extension; all of the file or nothing of it.

    PNG and TIFF (uncompressed) keep 8 or 16 bits and alpha. JPEG (4:4:4), WebP, AVIF and JPEG XL round to 8 bits; JPEG drops
    alpha. OpenEXR holds the light of the display as half floats. `quality` 1..100 is for JPEG, WebP, AVIF and JPEG XL;
    `lossless` is for WebP, which is so at 100 too, and JPEG XL. `profile`, one of `PROFILES`, is the space of the file's
    samples. What the picture's file told goes into every format (see `metadata`).

    Raises PictureError, one line with file and fault: unknown extension or profile, more pixels than the format holds, an
    existing file, or whatever the system says.
    """
    path = Path(path)
    with _one_line(path, "cannot be written"):
        kind = FORMATS.get(path.suffix.lower())
        if kind is None:
            raise PictureError(f"unknown extension {path.suffix!r}; allowed are {' '.join(FORMATS)}")
        check_writable(kind, picture.pixels.shape, quality, lossless, profile)
        with replacing(path, overwrite=overwrite) as file:
            _encode(file, picture, kind, quality, lossless, profile)


def with_bits(picture: Picture, bits: int) -> Picture:
    """The picture with samples of 8 or 16 bits: the same code values, rounded where there are fewer."""
    if picture.pixels.itemsize * 8 == bits:
        return picture
    pixels = eight_bit(picture.pixels) if bits == 8 else picture.pixels.astype(np.uint16) * 257
    return replace(picture, pixels=pixels)


def as_map(picture: Picture) -> Picture:
    """A mask or a depth map, whose code values are what it says: floating point is that itself, and no light to be shown.

    Raises PictureError for floating point beyond [0, 1], but for what enlarging a map overshoots.
    """
    if not picture.in_floats or picture.light is None:
        return picture
    share = map_share(picture.light)
    codes = np.rint(share * 65535).astype(np.uint16)
    if picture.pixels.shape[2] == 4:
        codes = np.concatenate([codes, picture.pixels[..., 3:]], -1)
    return Picture(codes)


def map_share(values: np.ndarray) -> np.ndarray:
    """The values of a map in floating point, within [0, 1]. Raises PictureError as `as_map`."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    if low < -_OVERSHOOT or high > 1 + _OVERSHOOT:
        raise PictureError(f"it has values from {low:.4g} to {high:.4g}; allowed in floating point are 0 to 1")
    return values.astype(np.float32).clip(0, 1)


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, scene_linear: bool = False) -> Picture:
    """The picture in a file's bytes; as `read`.

    Raises PictureError, one line that tells the fault.
    """
    with _one_line("picture", "cannot be read"):
        return _read(io.BytesIO(data), max_pixels, scene_linear)


def count_pixels(data: bytes) -> int:
    """How many pixels the header of a file's bytes tells of; none is decoded.

    Raises PictureError, one line that tells the fault.
    """
    width, height = size_told(data)
    return width * height


def size_told(data: bytes) -> tuple[int, int]:
    """Width and height in the header of a file's bytes, as they lie in it; no pixel is decoded.

    Raises PictureError, one line that tells the fault.
    """
    with _one_line("picture", "cannot be read"):
        opened = open_picture(within_bounds(io.BytesIO(data)))
        return int(opened.width), int(opened.height)


def encode(picture: Picture, kind: str, *, quality: int = 95, lossless: bool = False, profile: str = "srgb") -> bytes:
    """The bytes of a file of one of the kinds in `FORMATS`; as `write`.

    Raises PictureError: an unknown kind or profile, a quality out of range, more pixels than the kind holds.
    """
    with _one_line("picture", "cannot be written"):
        check_writable(kind, picture.pixels.shape, quality, lossless, profile)
        file = io.BytesIO()
        _encode(file, picture, kind, quality, lossless, profile)
        return file.getvalue()


@contextmanager
def _one_line(name: object, failed: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a PictureError of one line that begins with `name`."""
    try:
        yield
    except PictureError as error:
        raise PictureError(f"{name}: {' '.join(str(error).splitlines()).strip()}") from error
    except Exception as error:  # decoders raise nearly everything on damaged files
        _log.debug("%s: %s", name, failed, exc_info=error)
        fault = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise PictureError(f"{name}: {failed}: {' '.join(fault.split())}") from error


def _read(file: BinaryIO, max_pixels: int, scene_linear: bool) -> Picture:
    return _with_metadata(decode_file(within_bounds(file), max_pixels, scene_linear))


def _with_metadata(decoded: Decoded) -> Picture:
    """Turn the pixels of an image upright and join them with its EXIF and text."""
    image = decoded.about
    exif, orientation = None, 1
    try:
        if raw := exif_data.of_image(image):
            raw, orientation = exif_data.upright(raw)
            exif_data.user_comment(raw)
            exif_data.load(raw).tobytes()  # so that writing will not fail
            exif = raw
    except Exception as error:  # Pillow raises nearly everything on damaged EXIF: no reason to refuse the picture
        _log.warning("damaged EXIF passed over (%s)", error)
    if isinstance(image, TiffImageFile) and not image.tile:
        orientation = 1  # Pillow has turned it on loading
    pixels = _upright(decoded.pixels, orientation)
    light = None if decoded.light is None else _upright(decoded.light, orientation)
    text, kept = metadata.told_by(image, exif)
    metadata.add_hidden(text, pixels)
    return Picture(pixels, exif_in(exif, "srgb"), text, kept, light, decoded.notes, decoded.in_floats)


def _upright(samples: np.ndarray, orientation: int) -> np.ndarray:
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return np.ascontiguousarray(samples)


def _encode(file: BinaryIO, picture: Picture, kind: str, quality: int, lossless: bool, profile: str) -> None:
    if kind == "JPEG":
        metadata.warn_of_hidden(picture.pixels)
    told = metadata.outgoing(kind, exif_in(picture.exif, profile), picture.text, picture.kept)
    encode_file(file, picture.pixels, kind, told, picture.text, quality=quality, lossless=lossless, profile=profile)
