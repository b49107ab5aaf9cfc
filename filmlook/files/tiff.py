"""The parts of a TIFF: what a hostile or odd one must not do, samples of 16 bits, and writing.

Reference: TIFF 6.0.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from filmlook.errors import PictureError, extra
from filmlook.files import exif as exif_data
from filmlook.files.bounds import LEAST_SCANS

_TILE_WIDTH, _TILE_LENGTH, _IMAGE_DEPTH = 322, 323, 32997
_COMPRESSION, _JPEG = 259, (6, 7)
# None, LZW, Deflate, PackBits, LZMA, Zstandard: tifffile decodes no more of them than it wants. Others tell their own size.
_LIMITED = (1, 5, 8, 32946, 32773, 34925, 50000)


class TiffFile(TiffImageFile):
    """Pillow's reader, less its own limit of pixels (since 11.1): ours has been applied to the header."""

    def load_prepare(self) -> None:
        size = getattr(self, "_tile_size", None)
        if size and self._im is None:
            self.im = Image.core.new(self.mode, size)  # type: ignore[attr-defined]  # as Pillow itself does it
        super().load_prepare()


def check_layout(tags: ImageFileDirectory_v2, max_pixels: int) -> None:
    """Raises PictureError for pixels that width and height do not tell of: a stack of pictures, or too large a tile."""
    if tags.get(_IMAGE_DEPTH, 1) != 1:
        raise PictureError(f"is a stack of {tags[_IMAGE_DEPTH]} pictures; allowed is 1")
    _check_tile(tags.get(_TILE_WIDTH, 1), tags.get(_TILE_LENGTH, 1), max_pixels)


def check_strips(file: BinaryIO, size: int, tags: ImageFileDirectory_v2, counts: Sequence[int]) -> None:
    """Raises PictureError for strips or tiles that share their bytes, and for JPEG in them of too many scans: each passes over
    the whole strip. `size`: bytes of the file; `counts`: of each strip."""
    if sum(counts) > size:
        raise PictureError(f"has strips or tiles of {sum(counts)} bytes together in {size}: they share them")
    if tags.get(_COMPRESSION) not in _JPEG:
        return
    position = file.tell()
    file.seek(0)
    scans, most = file.read().count(b"\xff\xda"), LEAST_SCANS * (1 + len(counts))
    file.seek(position)
    if scans > most:
        raise PictureError(f"has {scans} scans in {len(counts)} strips or tiles; allowed are {most}")


def _check_tile(width: int, length: int, max_pixels: int) -> None:
    if width * length > max_pixels:
        raise PictureError(f"has tiles of {width} x {length} pixels; allowed are {max_pixels}")


def is_16_bit(tags: ImageFileDirectory_v2) -> bool:
    """Grey or RGB of 16-bit integers without premultiplied alpha; Pillow makes the rest 8-bit."""
    colours_and_alpha = tags.get(262) in (0, 1, 2) and tags.get(338) != (1,)
    return colours_and_alpha and set(tags.get(258, ())) == {16} and set(tags.get(339, (1,))) == {1}


def samples_of(file: BinaryIO, max_pixels: int) -> np.ndarray:
    """(H, W) or (H, W, C) of the first page, uint16 with white the highest, or float32, which is light; C counts alpha, if
    the file says that there is one.

    Raises PictureError for a layout that would need more memory than its pixels do. It is asked once more, now of tifffile:
    of a tag that stands there twice, it takes the first, and older Pillow the last.
    """
    file.seek(0)
    with extra("tifffile", "16 bits", "files").TiffFile(file) as tiff:
        page = tiff.pages[0]
        # Colours and alpha, and masks, which are left out: they take no more memory than a picture of that size may
        count = max(page.samplesperpixel, 4) * page.imagedepth * page.imagelength * page.imagewidth
        if count > 4 * max_pixels:
            raise PictureError(f"has {' x '.join(map(str, page.shape))} samples; allowed are {max_pixels} pixels of 4")
        if page.compression not in _LIMITED:
            raise PictureError(f"has compression {int(page.compression)}; allowed are {', '.join(map(str, _LIMITED))}")
        _check_tile(page.tilewidth, page.tilelength * page.tiledepth, max_pixels)
        if page.compression != 1:
            extra("imagecodecs", "16 bits", "files")  # without it, tifffile decodes all that there is
        samples = page.asarray()
    if page.axes == "SYX":
        samples = np.moveaxis(samples, 0, -1)
    if samples.ndim == 3:  # channels more, as Photoshop's masks, are no alpha
        colours = 3 if page.photometric == 2 else 1
        samples = samples[..., : colours + (int((*page.extrasamples, 0)[0]) in (1, 2))]
    if samples.dtype.kind == "f":
        return np.asarray(samples, np.float32)
    samples = np.asarray(samples, np.uint16)
    return 65535 - samples if page.photometric == 0 else samples


class TiffSamples:
    """A TIFF of samples that Pillow does not know: floating point, which is the light of a scene, or grey and alpha of 16 bits.

    Raises PictureError without the extra `files`, and for samples of other types.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._file = file
        with extra("tifffile", "floating point and 16 bits", "files").TiffFile(file) as tiff:
            page = tiff.pages[0]
            self.height, self.width = int(page.imagelength), int(page.imagewidth)
            kind, bits = int(page.sampleformat), int(page.bitspersample)
            self._icc = page.iccprofile
            self._premultiplied = 1 in page.extrasamples
        self._is_float = kind == 3
        if page.photometric not in (0, 1, 2) or not (self._is_float or (kind == 1 and bits == 16)):
            raise PictureError(f"has samples of {bits} bits that are not understood (format {kind})")

    def samples(self, max_pixels: int) -> tuple[np.ndarray, bytes | None, bool]:
        """The samples as `samples_of`, their ICC profile, and whether they are light."""
        samples = samples_of(self._file, max_pixels)
        if self._premultiplied and samples.ndim == 3 and samples.shape[2] in (2, 4):
            full = 1.0 if self._is_float else 65535.0
            alpha = samples[..., -1:] / np.float32(full)
            colours = np.divide(samples[..., :-1], alpha, out=samples[..., :-1].astype(np.float32), where=alpha > 0)
            if not self._is_float:
                colours = np.rint(colours.clip(0, 65535)).astype(np.uint16)
            samples = np.concatenate([colours, samples[..., -1:]], -1)
        return samples, self._icc, self._is_float

    def exif(self) -> bytes:
        self._file.seek(0)
        return exif_data.about_picture(exif_data.load(self._file.read())).tobytes()


def write_tiff(file: BinaryIO, pixels: np.ndarray, exif: bytes, icc: bytes, more: Mapping[int, Any]) -> None:
    """One directory and one strip; `more` are tags beside the EXIF's.

    Pillow has the parts for it, but saves no 16-bit RGB; tifffile saves no EXIF.
    """
    height, width, channels = pixels.shape
    tags = ImageFileDirectory_v2()
    for tag, value in exif_data.about_picture(exif_data.load(exif)).items():
        tags[tag] = value
    for tag, value in more.items():
        tags.tagtype[tag] = 1 if isinstance(value, bytes) else 5 if isinstance(value, float) else 3
        tags[tag] = value
    tags[256], tags[257], tags[258] = width, height, (8 * pixels.itemsize,) * channels
    tags[259], tags[262], tags[277] = 1, 2, channels  # uncompressed, RGB
    tags[273], tags[278], tags[279] = 0, height, pixels.nbytes  # Pillow counts the strip from the directory's end
    if channels == 4:
        tags[338] = 2  # straight alpha
    tags[34675] = icc
    file.write(b"II*\0" + struct.pack("<I", 8) + tags.tobytes(8))
    file.write(np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).data)
