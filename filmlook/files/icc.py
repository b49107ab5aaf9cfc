"""Samples of any colour to sRGB, as their ICC profile says.

References: ICC.1:2022 (the profile's header), IEC 61966-2-1 (sRGB). lcms does the work: Pillow's in 8 bits, that of
imagecodecs in 16.
"""

from __future__ import annotations

import importlib
import io
import logging
import struct
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from filmlook.errors import PictureError

_NO_TABLE: Any = 0x100  # lcms2's cmsFLAGS_NOOPTIMIZE: compute each pixel instead of looking it up in 33 points

_log = logging.getLogger(__name__)


def srgb_of(image: Image.Image) -> np.ndarray:
    """(H, W, 3 or 4) sRGB of a loaded image, orientation as stored."""
    icc = image.info.get("icc_profile")
    if image.mode == "F":
        raise PictureError("mode F (floating point) does not say what white is; convert it to 8 or 16 bits first")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise PictureError(f"mode I has values {values.min()}..{values.max()}; allowed are 0 to 65535")
        return srgb_of_16_bit(values.astype(np.uint16), icc)
    plain = {"1": "L", "P": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}
    if "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode in plain:
        image = image.convert(plain[image.mode])
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    if alpha:
        image = image.convert(image.mode[:-1])
    if image.mode == "LAB":
        icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    transform = _to_srgb(icc, image.mode)
    if transform is None or transform.input_mode == "RGB":
        image = image.convert("RGB")
    rgb = np.array(ImageCms.applyTransform(image, transform) if transform else image)
    return rgb if alpha is None else np.dstack([rgb, np.asarray(alpha)])


def srgb_of_16_bit(samples: np.ndarray, icc: bytes | None) -> np.ndarray:
    """(H, W, 3 or 4) uint16 sRGB of (H, W) or (H, W, 1 to 4) uint16; lcms applies the profile in 16 bits."""
    samples = samples.reshape(*samples.shape[:2], -1)
    colours = 1 if samples.shape[2] < 3 else 3
    colour, alpha = samples[..., :colours], samples[..., colours : colours + 1]
    transform = _to_srgb(icc, "L" if colours == 1 else "RGB")
    grey = transform is not None and transform.input_mode == "L"
    colour = colour[..., 0] if grey else np.broadcast_to(colour, (*colour.shape[:2], 3))
    if transform:
        spaces = {"colorspace": "gray" if grey else "rgb", "outcolorspace": "rgb"}
        options = {**spaces, "flags": _NO_TABLE}  # with the table, 100 of 65535 off, without 8
        colour = extra("imagecodecs").cms_transform(np.ascontiguousarray(colour), icc, srgb_profile(), **options)
    return np.concatenate([colour, alpha], axis=2)


@cache
def srgb_profile() -> bytes:
    """The sRGB ICC profile that every file gets; its date is set so that the same picture gives the same file."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2025, 1, 1, 0, 0, 0) + profile[36:]


def _to_srgb(icc: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The 8-bit transform of a profile to sRGB, from `mode` if the profile is of that colour space, else from RGB.

    None without a profile, for one that is broken or of a third space, and for sRGB under any name: one that moves no
    colour by more than 2 of 255 (roundings of its tables), so that an sRGB picture stays as it is to the bit.
    """
    if not icc:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        space = profile.profile.xcolor_space.strip()
        source = mode if space == {"L": "GRAY", "LAB": "Lab"}.get(mode, mode) else "RGB"
        srgb = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        flags: Any = _NO_TABLE if source == "L" else 0  # with the table, linear grey is 10 of 255 off
        transform = ImageCms.buildTransform(profile, srgb, source, "RGB", flags=flags)
    except (ImageCms.PyCMSError, OSError) as error:
        _log.warning("broken or unfit colour profile passed over (%s)", error)
        return None
    if source not in ("L", "RGB"):
        return transform
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    probe = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3) if source == "RGB" else steps[None]
    before = Image.fromarray(probe)
    moved = np.asarray(ImageCms.applyTransform(before, transform), int) - np.asarray(before.convert("RGB"), int)
    return transform if np.abs(moved).max() > 2 else None


def extra(name: str) -> Any:
    """A module of the extra `filmlook[files]`, which 16 bits need. Raises PictureError without it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise PictureError(f'16 bits need {name}: pip install "filmlook[files]"') from error
