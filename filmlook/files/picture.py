"""Pictures in and out: files and PIL images to arrays of sRGB code values and back.

Reading turns the picture upright and converts it to sRGB; writing puts an sRGB profile into every file. Pillow does the
work, except for colour of 16 bits, which it would cut to 8: to read it takes the extra `filmlook[files]`, and so does
writing it to PNG.

References: PNG 3rd edition (W3C), TIFF 6.0, Exif 2.32; infotext in the EXIF UserComment is AUTOMATIC1111's convention.
"""

from __future__ import annotations

import io
import logging
import os
import struct
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile, PngInfo
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from filmlook.errors import PictureError
from filmlook.files import exif as exif_data
from filmlook.files.icc import extra, srgb_of, srgb_of_16_bit, srgb_profile
from filmlook.files.tiff import TiffFile, check_layout, is_16_bit, samples_of, write_tiff

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
MAX_PIXELS = 200_000_000

_log = logging.getLogger(__name__)


@dataclass
class Picture:
    """A picture as sRGB code values, with what its file told about it.

    pixels: (H, W, 3) RGB or (H, W, 4) RGBA, alpha straight; uint8 0..255 or uint16 0..65535.
    exif: raw EXIF beginning `Exif\\0\\0`, its orientation 1 and its thumbnail unlinked (it shows the old picture).
    text: textual metadata; `parameters` is the WebUI's infotext.

    Raises PictureError for pixels of another shape or type.
    """

    pixels: np.ndarray
    exif: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (3, 4) or 0 in shape or dtype not in (np.uint8, np.uint16):
            raise PictureError(f"pixels are {dtype} {shape}; allowed are uint8 or uint16 (H, W, 3) or (H, W, 4)")


def from_pil(image: Image.Image) -> Picture:
    """The picture in a PIL image of any mode but F: 16-bit for I and I;16, 8-bit for the others.

    It is turned upright by its EXIF and converted to sRGB by the ICC profile in `info`, a broken or unfit profile being
    passed over with a warning in the log. Alpha is kept to the bit, and the image itself stays as it is.

    Raises PictureError for mode F, for mode I outside 0..65535 and for an image that cannot be decoded.
    """
    with _one_line("picture", "cannot be used"):
        image.load()
        return _with_metadata(srgb_of(image), image)


def to_pil(picture: Picture) -> Image.Image:
    """An RGB or RGBA image (16-bit pixels rounded to 8) with text, `exif` and the sRGB `icc_profile` in its info."""
    image = Image.fromarray(_eight_bit(picture.pixels))
    image.info.update(picture.text)
    image.info["icc_profile"] = srgb_profile()
    if picture.exif:
        image.info["exif"] = exif_data.with_comment(picture.exif, picture.text.get("parameters", ""), add=False)
    return image


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture in a PNG, JPEG, WebP or TIFF file, known by its content; of several frames the first.

    As `from_pil`; grey and RGB of 16 bits stay so, CMYK of 16 bits becomes 8-bit.

    Raises PictureError, one line with file and fault, for a file that is missing, of another kind, cut short or damaged
    (JPEG and WebP have no checksum: damage in the middle may pass), and for more than `max_pixels` in its header.
    Pillow's own limit of pixels does not count, except for a WebP above twice that limit.
    """
    path = Path(path)
    with _one_line(path, "cannot be read"):
        if path.is_dir():
            raise PictureError("is a folder, not a picture")
        with open(path, "rb") as file:
            return _decode(file, max_pixels)


def write(path: str | os.PathLike[str], picture: Picture, *, quality: int = 95, overwrite: bool = False) -> None:
    """Write a picture in the format of the extension; all of the file or nothing of it.

    PNG and TIFF (uncompressed) keep 8 or 16 bits and alpha. JPEG (4:4:4) and WebP round to 8 bits; JPEG drops alpha.
    `quality` 1..100 is for JPEG and WebP; WebP at 100 is lossless. EXIF goes into every format, all text into PNG, and
    `parameters` into the EXIF UserComment of the others.

    Raises PictureError, one line with file and fault: unknown extension, existing file, or whatever the system says.
    """
    path = Path(path)
    with _one_line(path, "cannot be written"):
        kind = FORMATS.get(path.suffix.lower())
        if kind is None:
            raise PictureError(f"unknown extension {path.suffix!r}; allowed are {' '.join(FORMATS)}")
        _check_writable(kind, quality)
        if path.exists() and not overwrite:
            raise PictureError("exists already and overwriting was not asked for")
        unfinished = path.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with open(unfinished, "xb") as file:
                _encode(file, picture, kind, quality)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """The picture in a file's bytes; as `read`.

    Raises PictureError, one line that tells the fault.
    """
    with _one_line("picture", "cannot be read"):
        return _decode(io.BytesIO(data), max_pixels)


def count_pixels(data: bytes) -> int:
    """How many pixels the header of a file's bytes tells of; none is decoded.

    Raises PictureError, one line that tells the fault.
    """
    with _one_line("picture", "cannot be read"):
        image = _open(io.BytesIO(data))
        return image.width * image.height


def encode(picture: Picture, kind: str, *, quality: int = 95) -> bytes:
    """The bytes of a file of one of the kinds in `FORMATS`; as `write`.

    Raises PictureError: an unknown kind, or a quality out of range.
    """
    with _one_line("picture", "cannot be written"):
        _check_writable(kind, quality)
        file = io.BytesIO()
        _encode(file, picture, kind, quality)
        return file.getvalue()


def _check_writable(kind: str, quality: int) -> None:
    if kind not in FORMATS.values():
        raise PictureError(f"unknown format {kind!r}; allowed are {', '.join(sorted(set(FORMATS.values())))}")
    if not 1 <= quality <= 100:
        raise PictureError(f"quality {quality} is out of range; allowed is 1 to 100")


@contextmanager
def _one_line(name: object, failed: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a PictureError of one line that begins with `name`."""
    try:
        yield
    except PictureError as error:
        raise PictureError(f"{name}: {error}") from error
    except Exception as error:  # decoders raise nearly everything on damaged files
        fault = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise PictureError(f"{name}: {failed}: {' '.join(fault.split())}") from error


# Reading


_READERS: dict[bytes, type[ImageFile]] = {
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"\xff\xd8\xff": JpegImageFile,
    b"RIFF": WebPImageFile,
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffFile),
}


def _open(file: BinaryIO) -> ImageFile:
    """The picture of a file of which the header alone has been read."""
    head = file.read(8)
    reader = next((reader for magic, reader in _READERS.items() if head.startswith(magic)), None)
    if reader is None:
        raise PictureError("is not a PNG, JPEG, WebP or TIFF picture" if head else "is empty")
    file.seek(0)
    try:
        return reader(file)  # not Image.open, which would apply Pillow's limit of pixels instead of ours
    except SyntaxError as error:
        raise PictureError(f"has a damaged or unsupported header ({error})") from error


def _decode(file: BinaryIO, max_pixels: int) -> Picture:
    image = _open(file)
    if image.width * image.height > max_pixels:
        raise PictureError(f"has {image.width} x {image.height} pixels; allowed are {max_pixels}")

    # Pillow fills in what is missing (except in WebP) when a host has set LOAD_TRUNCATED_IMAGES: look for the end here.
    position = file.tell()
    size = end = file.seek(0, os.SEEK_END)
    file.seek(position)
    if isinstance(image, PngImageFile):
        metadata = _check_png(file, size)
        file.seek(24)
        if file.read(1) == b"\x10":  # bits of a sample
            file.seek(0)
            samples = extra("imagecodecs").png_decode(file.read())
            image = PngImageFile(io.BytesIO(_add_chunks(_tiny_png(), metadata)))
            return _with_metadata(srgb_of_16_bit(samples, image.info.get("icc_profile")), image)
        file.seek(position)
    elif isinstance(image, JpegImageFile):
        if b"\xff\xd9" not in file.read():  # Pillow has read up to the picture, past the thumbnails
            end = size + 1
    elif isinstance(image, TiffImageFile):
        tags = image.tag_v2
        check_layout(tags, max_pixels)
        offsets, counts = (tags.get(strips) or tags.get(tiles) or (0,) for strips, tiles in ((273, 324), (279, 325)))
        end = max(map(sum, zip(offsets, counts, strict=False)))
        if end <= size and is_16_bit(tags):
            return _with_metadata(srgb_of_16_bit(samples_of(file, max_pixels), image.info.get("icc_profile")), image)
    if end > size:
        raise PictureError("is cut short")
    image.load()
    return _with_metadata(srgb_of(image), image)


def _check_png(file: BinaryIO, size: int) -> list[bytes]:
    """The metadata chunks of a PNG file; raises PictureError where a chunk is cut short or damaged."""
    metadata = []
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
        if kind in (b"iCCP", b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
            metadata.append(head + body + checksum)
    return metadata


def _tiny_png(**metadata: Any) -> bytes:
    """A PNG of one pixel: lets Pillow read and write the metadata of a PNG whose pixels it would cut to 8 bits."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG", **metadata)
    return buffer.getvalue()


def _add_chunks(png: bytes, chunks: list[bytes]) -> bytes:
    head = 8 + 25  # signature and IHDR
    return b"".join([png[:head], *chunks, png[head:]])


# Metadata


def _with_metadata(pixels: np.ndarray, image: Image.Image) -> Picture:
    """Turn the pixels of an image upright and join them with its EXIF and text."""
    raw, exif, orientation, comment = image.info.get("exif"), None, 1, ""
    try:
        if not isinstance(raw, bytes) and (
            about := exif_data.about_picture(image.getexif())
        ):  # a TIFF keeps it in its own tags
            raw = about.tobytes()
        if isinstance(raw, bytes):
            raw, orientation = exif_data.upright(raw)
            comment = exif_data.user_comment(raw)
            exif_data.load(raw).tobytes()  # so that writing will not fail
            exif = raw
    except Exception as error:  # Pillow raises nearly everything on damaged EXIF: no reason to refuse the picture
        _log.warning("damaged EXIF passed over (%s)", error)
    if isinstance(image, TiffImageFile) and not image.tile:
        orientation = 1  # Pillow has turned it on loading
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    text = {str(k): str(v) for k, v in image.info.items() if isinstance(v, str) and k != "compression"}
    if comment:
        text.setdefault("parameters", comment)
    return Picture(np.ascontiguousarray(pixels), exif, text)


# Writing


def _eight_bit(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    eight: np.ndarray = ((np.minimum(pixels, 65407) + 128) // 257).astype(np.uint8)  # round(value / 257), never beyond 16 bits
    return eight


def _encode(file: BinaryIO, picture: Picture, kind: str, quality: int) -> None:
    exif = exif_data.with_comment(picture.exif, picture.text.get("parameters", ""), add=kind != "PNG") or b""
    if kind == "TIFF":
        write_tiff(file, picture.pixels, exif)
        return
    options: dict[str, Any] = {"icc_profile": srgb_profile(), "exif": exif}
    if kind == "PNG":
        options["pnginfo"] = PngInfo()
        for key, value in picture.text.items():
            options["pnginfo"].add_text(key, value)
        if picture.pixels.dtype == np.uint16:
            tiny = _tiny_png(**options)
            metadata = _check_png(io.BytesIO(tiny), len(tiny))
            file.write(_add_chunks(extra("imagecodecs").png_encode(picture.pixels), metadata))
            return
    else:
        options |= {"quality": quality, "subsampling": "4:4:4", "lossless": quality == 100, "exact": True}
    pixels = picture.pixels[..., :3] if kind == "JPEG" else picture.pixels
    Image.fromarray(_eight_bit(pixels)).save(file, kind, **options)
