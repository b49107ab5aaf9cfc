"""What a file of each kind can hold, and pixels as its bytes."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, features

from filmlook.errors import PictureError, extra
from filmlook.files import colour
from filmlook.files.exr import write_exr
from filmlook.files.icc import PROFILES, profile_of, space_named
from filmlook.files.kinds import FORMATS
from filmlook.files.metadata import Outgoing
from filmlook.files.png import add_chunks, check_png, tiny_png
from filmlook.files.tiff import write_tiff

_MOST_PIXELS = {"JPEG": 65535, "WEBP": 16383, "AVIF": 65535}  # a side
_CAN_BE_LOSSLESS = ("WEBP", "JXL")
_LOSSLESS_ANYWAY = ("PNG", "TIFF", "EXR")


def check_writable(kind: str, shape: tuple[int, ...], quality: int, lossless: bool, profile: str) -> None:
    """Raises PictureError for what a file of this kind cannot be: it says what is allowed."""
    if kind not in FORMATS.values():
        raise PictureError(f"unknown format {kind!r}; allowed are {', '.join(sorted(set(FORMATS.values())))}")
    if not 1 <= quality <= 100:
        raise PictureError(f"quality {quality} is out of range; allowed is 1 to 100")
    if profile not in PROFILES:
        raise PictureError(f"unknown profile {profile!r}; allowed are {', '.join(PROFILES)}")
    if lossless and kind not in (*_CAN_BE_LOSSLESS, *_LOSSLESS_ANYWAY):
        raise PictureError(f"{kind} cannot be lossless; allowed are {', '.join((*_CAN_BE_LOSSLESS, *_LOSSLESS_ANYWAY))}")
    if kind == "JXL" and profile != "srgb":
        raise PictureError(f"JXL is written in srgb alone, not in {profile}: its encoder takes no profile")
    most = _MOST_PIXELS.get(kind)
    if most and max(shape[:2]) > most:
        raise PictureError(f"{kind} holds up to {most} pixels a side; the picture has {shape[1]} x {shape[0]}")


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    return np.asarray((np.minimum(pixels, 65407) + 128) // 257, np.uint8)  # round(value / 257) without leaving 16 bits


def encode_file(
    file: BinaryIO, pixels: np.ndarray, kind: str, told: Outgoing, text: Mapping[str, str],
    *, quality: int, lossless: bool, profile: str,
) -> None:  # fmt: skip
    """sRGB pixels `(H, W, 3 or 4)` as a file of a kind, with what is told beside them.

    Raises PictureError where the extra of a kind is missing.
    """
    if kind == "EXR":
        write_exr(file, pixels, space_named(profile), text)
        return
    pixels = _in_profile(pixels[..., :3] if kind == "JPEG" else pixels, profile)
    exif, icc = told.exif or b"", profile_of(profile)
    if kind == "TIFF":
        write_tiff(file, pixels, exif, icc, told.tags)
        return
    options: dict[str, Any] = {"icc_profile": icc, "exif": exif, **told.options}
    if kind == "PNG" and pixels.dtype == np.uint16:
        tiny = tiny_png(**options)
        chunks = check_png(io.BytesIO(tiny), len(tiny))
        file.write(add_chunks(extra("imagecodecs", "16 bits", "files").png_encode(pixels), chunks))
        return
    image = Image.fromarray(eight_bit(pixels))
    if kind == "JXL":
        _encode_jxl(file, image, quality, lossless, options)
        return
    if kind != "PNG":
        own = {"quality": quality, "subsampling": "4:4:4", "lossless": lossless or quality == 100, "exact": True}
        options = own | options
    if kind == "AVIF":
        _load_avif()
    image.save(file, kind, **options)


def _in_profile(pixels: np.ndarray, profile: str) -> np.ndarray:
    """sRGB pixels `(H, W, 3 or 4)` as samples of one of `PROFILES`; alpha stays."""
    if profile == "srgb":
        return pixels
    made = colour.in_space(pixels[..., :3], *colour.output_spaces()[profile])
    return np.concatenate([made, pixels[..., 3:]], axis=2)


def _load_avif() -> None:
    """Pillow writes AVIF since 11.3; to older ones a plugin teaches it."""
    if not features.check("avif"):
        try:
            importlib.import_module("pillow_avif")
        except ImportError as error:
            raise PictureError('AVIF needs Pillow 11.3, or pillow-avif-plugin: pip install "filmlook[heic]"') from error


def _encode_jxl(file: BinaryIO, image: Image.Image, quality: int, lossless: bool, options: dict[str, Any]) -> None:
    encoder = extra("pillow_jxl", "JPEG XL", "jxl").Encoder
    encode = encoder(
        mode=image.mode, lossless=lossless, quality=100 if lossless else quality, decoding_speed=0, effort=7,
        use_container=True, use_original_profile=lossless, num_threads=1,
    )  # fmt: skip
    about = {"exif": options["exif"].removeprefix(b"Exif\0\0") or None, "xmp": options.get("xmp"), "jumb": None}
    file.write(encode(image.tobytes(), image.width, image.height, jpeg_encode=False, compress=False, **about))
