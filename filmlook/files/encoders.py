"""What a file of each kind can hold, and the kinds that round colours: JPEG, WebP, AVIF and JPEG XL."""

from __future__ import annotations

import importlib
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, features

from filmlook.errors import PictureError
from filmlook.files import colour
from filmlook.files.icc import PROFILES, extra
from filmlook.files.kinds import FORMATS

_MOST_PIXELS = {"JPEG": 65535, "WEBP": 16383, "AVIF": 65535}  # a side
_CAN_BE_LOSSLESS = ("WEBP", "AVIF", "JXL")
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


def in_profile(pixels: np.ndarray, profile: str) -> np.ndarray:
    """sRGB pixels `(H, W, 3 or 4)` as samples of one of `PROFILES`; alpha stays."""
    if profile == "srgb":
        return pixels
    made = colour.in_space(pixels[..., :3], *colour.output_spaces()[profile])
    return np.concatenate([made, pixels[..., 3:]], axis=2)


def encode_lossy(file: BinaryIO, image: Image.Image, kind: str, quality: int, lossless: bool, options: dict[str, Any]) -> None:
    """An image of 8 bits as JPEG, WebP, AVIF or JPEG XL; `options`: `icc_profile` and `exif`.

    Raises PictureError where the extra of a kind is missing.
    """
    if kind == "JXL":
        _encode_jxl(file, image, quality, lossless, options["exif"])
        return
    if kind == "AVIF":
        if not features.check("avif"):
            try:
                importlib.import_module("pillow_avif")
            except ImportError as error:
                raise PictureError('AVIF needs Pillow 11.3, or pillow-avif-plugin: pip install "filmlook[heic]"') from error
        if lossless:  # the identity matrix keeps RGB as it is
            options = options | {"quality": 100, "subsampling": "4:4:4", "advanced": {"lossless": "1"}}
    image.save(
        file,
        kind,
        **{"quality": quality, "subsampling": "4:4:4", "lossless": lossless or quality == 100, "exact": True} | options,
    )


def _encode_jxl(file: BinaryIO, image: Image.Image, quality: int, lossless: bool, exif: bytes) -> None:
    encoder = extra("pillow_jxl", "JPEG XL", "jxl").Encoder
    encode = encoder(
        mode=image.mode, lossless=lossless, quality=100 if lossless else quality, decoding_speed=0, effort=7,
        use_container=True, use_original_profile=lossless, num_threads=1,
    )  # fmt: skip
    about = {"exif": exif.removeprefix(b"Exif\0\0") or None, "jumb": None, "xmp": None, "compress": False}
    file.write(encode(image.tobytes(), image.width, image.height, jpeg_encode=False, **about))
