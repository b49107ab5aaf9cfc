"""Files of every kind as what their headers tell, and their pixels when asked for.

Pillow reads most kinds; HEIC, JPEG XL, OpenEXR and RAW take the extras `heic`, `jxl`, `exr` and `raw`, without which one line
says what to install.
"""

from __future__ import annotations

import importlib
import io
import os
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from filmlook.errors import PictureError, extra
from filmlook.files import boxes, colour
from filmlook.files import exif as exif_data
from filmlook.files.bounds import within_bounds
from filmlook.files.exr import ExrFile
from filmlook.files.icc import samples_to_srgb, srgb_of
from filmlook.files.kinds import HEAD, kind_of
from filmlook.files.png import add_chunks, check_png, chunk_of, tiny_png
from filmlook.files.raw import RawFile, is_raw
from filmlook.files.tiff import TiffFile, TiffSamples, check_layout, check_strips, is_16_bit, samples_of
from filmlook.files.told_colour import told_by_boxes, told_by_image


class Decoded(NamedTuple):
    """Pixels, light and `in_floats` as `Picture` has them, orientation as stored; a Pillow image that bears the metadata."""

    pixels: np.ndarray
    light: np.ndarray | None
    about: Image.Image
    notes: tuple[str, ...] = ()
    in_floats: bool = False


def open_picture(file: BinaryIO) -> Any:
    """What a file's header tells: an object with `width` and `height`, for `decode_file`.

    Raises PictureError for a file that is no picture or damaged, and for one that needs an extra.
    """
    kind = kind_of(file.read(HEAD))
    if kind == "TIFF" and is_raw(file):
        kind = "RAW"
    file.seek(0)
    try:
        return _OPENERS[kind](file)
    except SyntaxError as error:
        short = isinstance(error.__cause__, (struct.error, IndexError))  # in Python's words: of buffers
        fault = "it is cut short" if short else " ".join(str(error).split())
        raise PictureError(f"has a damaged or unsupported header ({fault})") from error


def decode_file(file: BinaryIO, max_pixels: int, scene_linear: bool) -> Decoded:
    """The picture in a file. Raises PictureError as `open_picture`, for too many pixels, and for a file that is cut short."""
    opened = open_picture(file)
    if opened.width * opened.height > max_pixels:
        raise PictureError(f"has {opened.width} x {opened.height} pixels; allowed are {max_pixels}")

    # Pillow fills in what is missing (except in WebP) when a host has set LOAD_TRUNCATED_IMAGES: look for the end here.
    position = file.tell()
    size = end = file.seek(0, os.SEEK_END)
    file.seek(position)
    cicp = None
    if isinstance(opened, PngImageFile):
        chunks = check_png(file, size)
        cicp = chunk_of(chunks, b"cICP")
        file.seek(24)
        if file.read(1) == b"\x10":  # bits of a sample
            file.seek(0)
            samples = extra("imagecodecs", "16 bits", "files").png_decode(file.read())
            about = PngImageFile(io.BytesIO(add_chunks(tiny_png(), chunks)))
            told = told_by_image(about, cicp, 16)
            return Decoded(*samples_to_srgb(samples, told, scene_linear=scene_linear), about, _animation(opened))
        file.seek(position)
    elif isinstance(opened, JpegImageFile):
        if b"\xff\xd9" not in file.read():  # Pillow has read up to the picture, past the thumbnails
            end = size + 1
    elif isinstance(opened, TiffImageFile):
        tags = opened.tag_v2
        check_layout(tags, max_pixels)
        offsets, counts = (tags.get(strips) or tags.get(tiles) or (0,) for strips, tiles in ((273, 324), (279, 325)))
        end = max(map(sum, zip(offsets, counts, strict=False)))
        check_strips(file, size, tags, counts)
        if end <= size and (is_16_bit(tags) or opened.mode == "F"):
            samples = samples_of(file, max_pixels)
            is_light = scene_linear or samples.dtype.kind == "f"
            made = samples_to_srgb(samples, told_by_image(opened), scene_linear=is_light)
            return Decoded(*made, opened, _animation(opened), samples.dtype.kind == "f")
    if end > size:
        raise PictureError("is cut short")
    return _decode(opened, file, max_pixels, cicp, scene_linear)


def _decode(opened: Any, file: BinaryIO, max_pixels: int, cicp: bytes | None, scene_linear: bool) -> Decoded:
    if isinstance(opened, (ExrFile, RawFile, TiffSamples, HeifFile, JxlFile)):
        return _decode_samples(opened, max_pixels, scene_linear)
    notes = _animation(opened)
    told: Any = None
    if opened.format == "AVIF":
        told = told_by_boxes(opened, boxes.heif(_whole(file)))
    else:
        if opened.format == "JPEG2000" and (icc := boxes.jpeg_2000(_whole(file)).icc):
            opened.info["icc_profile"] = icc
        told = told_by_image(opened, cicp)
    opened.load()
    return Decoded(*srgb_of(opened, told, scene_linear=scene_linear), opened, notes)


def _decode_samples(opened: Any, max_pixels: int, scene_linear: bool) -> Decoded:
    if isinstance(opened, ExrFile):
        rgb, alpha, space = opened.light(max_pixels)
        pixels, light = colour.scene_linear(rgb, space)
        if alpha is not None:
            pixels = np.dstack([pixels, colour.quantised(np.nan_to_num(alpha[..., 0]), pixels.dtype)])
        return Decoded(pixels, light, _bearer(opened.text), in_floats=True)
    if isinstance(opened, RawFile):
        pixels, light = colour.scene_linear(opened.light())
        return Decoded(pixels, light, _bearer({}, exif=opened.exif))
    if isinstance(opened, TiffSamples):
        samples, icc, is_light = opened.samples(max_pixels)
        about = _bearer({"icc_profile": icc, "exif": _exif_of(opened)})
        made = samples_to_srgb(samples, told_by_image(about), scene_linear=scene_linear or is_light)
        return Decoded(*made, about, in_floats=is_light)
    decoded: Decoded = opened.decoded(max_pixels, scene_linear)
    return decoded


def _exif_of(tiff: TiffSamples) -> bytes:
    try:
        return tiff.exif()
    except Exception:  # Pillow raises nearly everything on damaged EXIF: no reason to refuse the picture
        return b""


def _bearer(info: dict[str, Any], **more: Any) -> Image.Image:
    image = Image.new("L", (1, 1))
    image.info.update({k: v for k, v in (info | more).items() if v})
    return image


def _whole(file: BinaryIO) -> BinaryIO:
    """The file from its beginning; Pillow goes on reading where it was."""
    position = file.tell()
    file.seek(0)
    whole = io.BytesIO(file.read())
    file.seek(position)
    return whole


def _animation(image: Any) -> tuple[str, ...]:
    """What there is to say of a picture of several frames."""
    if not getattr(image, "is_animated", False):
        return ()
    return ("has several pages: the first was taken" if image.format == "TIFF" else "is animated: its first frame was taken",)


class HeifFile:
    """A HEIC file; libheif turns it upright."""

    def __init__(self, file: BinaryIO) -> None:
        heif = extra("pillow_heif", "HEIC", "heic")
        self._boxes = boxes.heif(file)
        file.seek(0)
        self._image = heif.HeifImageFile(file)
        self.width, self.height = self._image.size
        self._open: Any = lambda: heif.open_heif(_whole(file), convert_hdr_to_8bit=False)

    def decoded(self, max_pixels: int, scene_linear: bool) -> Decoded:
        image = self._image
        if exif := image.info.get("exif"):
            image.info["exif"] = _upright(exif)
        told = told_by_boxes(image, self._boxes)
        if image.info.get("bit_depth", 8) > 8 and image.mode in ("L", "RGB", "RGBA"):
            samples = np.asarray(self._open()[0])
            if samples.dtype == np.uint16:
                return Decoded(*samples_to_srgb(samples, told, scene_linear=scene_linear), _bearer(image.info))
        image.load()
        return Decoded(*srgb_of(image, told, scene_linear=scene_linear), image)


class JxlFile:
    """A JPEG XL file; libjxl turns it upright."""

    def __init__(self, file: BinaryIO) -> None:
        self._decoder = extra("pillow_jxl", "JPEG XL", "jxl").Decoder
        told = boxes.jpeg_xl(file)
        assert told.size is not None
        (self.width, self.height), self._bits = told.size, told.bits or 8
        file.seek(0)
        self._data = file.read()

    def decoded(self, max_pixels: int, scene_linear: bool) -> Decoded:
        is_jpeg, info, data, icc, found = self._decoder(num_threads=1)(self._data)
        if is_jpeg:  # a JPEG in a smaller coat, with all that it had
            return decode_file(within_bounds(io.BytesIO(data)), max_pixels, scene_linear)
        if (info.width, info.height) != (self.width, self.height):
            raise PictureError("is damaged: its header tells of another size")
        exif = next((bytes(box.data) for box in found if box.box_type == b"Exif"), b"")
        if exif[:2] not in (b"II", b"MM"):  # some releases leave the box's offset before it
            exif = exif[4 + int.from_bytes(exif[:4], "big") :]
        packet = next((bytes(box.data) for box in found if box.box_type == b"xml "), b"")
        about = _bearer({"icc_profile": icc, "exif": _upright(b"Exif\0\0" + exif) if exif else b"", "xmp": packet})
        told = told_by_image(about)
        if self._bits > 8 and (samples := self._deep()) is not None:
            return Decoded(*samples_to_srgb(samples, told, scene_linear=scene_linear), about)
        image = Image.frombytes(info.mode, (info.width, info.height), data)
        return Decoded(*srgb_of(image, told, scene_linear=scene_linear), about)

    def _deep(self) -> np.ndarray | None:
        """Samples of 16 bits; None without the extra `files`: there are 8 then."""
        try:
            imagecodecs = importlib.import_module("imagecodecs")
        except ImportError:
            return None
        samples = imagecodecs.jpegxl_decode(self._data)
        samples = samples[0] if samples.ndim == 4 else samples
        return samples if samples.dtype == np.uint16 and samples.shape[:2] == (self.height, self.width) else None


def _upright(exif: bytes) -> bytes:
    """EXIF of a picture that its decoder has turned already."""
    try:
        return exif_data.upright(exif)[0]
    except Exception:  # damaged: whoever reads it next says so
        return exif


def _bmp(file: BinaryIO) -> ImageFile:
    try:
        return BmpImageFile(file)
    except OSError as error:
        raise SyntaxError(error) from error


def _avif(file: BinaryIO) -> ImageFile:
    for name in ("PIL.AvifImagePlugin", "pillow_avif.AvifImagePlugin"):  # Pillow's own since 11.3
        try:
            plugin = importlib.import_module(name)
        except ImportError:
            continue
        if getattr(plugin, "SUPPORTED", True):
            picture: ImageFile = plugin.AvifImageFile(file)
            return picture
    raise PictureError('AVIF needs Pillow 11.3, or pillow-avif-plugin: pip install "filmlook[heic]"')


def _tiff(file: BinaryIO) -> TiffFile | TiffSamples:
    try:
        return TiffFile(file)
    except SyntaxError as error:
        if "unknown pixel mode" not in str(error):
            raise
        return TiffSamples(file)


_OPENERS: dict[str, Callable[[BinaryIO], Any]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WEBP": WebPImageFile,
    "TIFF": _tiff,
    "BMP": _bmp,
    "GIF": GifImageFile,
    "JPEG2000": Jpeg2KImageFile,
    "AVIF": _avif,
    "HEIC": HeifFile,
    "JXL": JxlFile,
    "EXR": ExrFile,
    "RAW": RawFile,
}
