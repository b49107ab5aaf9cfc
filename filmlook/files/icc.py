"""ICC profiles: samples of any colour to sRGB as their profile says, and the profiles that files get.

A profile of three primaries and curves is computed here, and so loses nothing that sRGB cannot hold; what stands in tables
(CMYK, Lab, scanners, printers) lcms converts: Pillow's in 8 bits, that of imagecodecs in 16.

References: ICC.1:2022 (the profile's header, XYZType, curveType, parametricCurveType, cicpType), IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

import io
import logging
import re
import struct
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from filmlook.errors import PictureError, extra
from filmlook.files import colour
from filmlook.files.colour import ColourSpace, Curve

Told = bytes | ColourSpace | None
"""How a picture tells its colour: an ICC profile, a space, or not at all, which is sRGB."""

Converted = tuple[np.ndarray, np.ndarray | None]
"""Pixels `(H, W, 3 or 4)` as sRGB code, and the light `(H, W, 3)` where there is more in it; see `Picture`."""

_NO_TABLE: Any = 0x100  # lcms2's cmsFLAGS_NOOPTIMIZE: compute each pixel instead of looking it up in 33 points
_MOST_TAGS = 100
_MOST_TRANSFORMED = 65536  # samples of a curve

_log = logging.getLogger(__name__)


def srgb_of(image: Image.Image, told: Told, *, scene_linear: bool = False) -> Converted:
    """The sRGB of a loaded image, orientation as stored; `scene_linear`: its samples are the light of a scene."""
    if image.mode == "F":
        if not scene_linear:
            raise PictureError(
                "mode F (floating point) does not say what white is; convert it to 8 or 16 bits, or say that it is scene-linear"
            )
        return samples_to_srgb(np.asarray(image), told, scene_linear=True)
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise PictureError(f"mode I has values {values.min()}..{values.max()}; allowed are 0 to 65535")
        return samples_to_srgb(values.astype(np.uint16), told, scene_linear=scene_linear)
    plain = {"1": "L", "P": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}
    if "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode in plain:
        image = image.convert(plain[image.mode])
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    if alpha:
        image = image.convert(image.mode[:-1])
    if image.mode == "LAB":
        told = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    if isinstance(told, bytes) and (image.mode == "RGB" or _is_rgb(told)):
        told = space_of_icc(told) or told
    light = None
    if isinstance(told, ColourSpace) or scene_linear:
        samples = np.asarray(image.convert("RGB"))
        rgb, light = _converted(samples, told if isinstance(told, ColourSpace) else None, scene_linear)
    else:
        transform = _to_srgb(told, image.mode)
        if transform is None or transform.input_mode == "RGB":
            image = image.convert("RGB")
        rgb = np.array(ImageCms.applyTransform(image, transform) if transform else image)
    return rgb if alpha is None else np.dstack([rgb, np.asarray(alpha)]), light


def samples_to_srgb(samples: np.ndarray, told: Told, *, scene_linear: bool = False) -> Converted:
    """The sRGB of `(H, W)` or `(H, W, 1 to 4)` samples, uint16; with `scene_linear` of any type."""
    samples = samples.reshape(*samples.shape[:2], -1)
    colours = 1 if samples.shape[2] < 3 else 3
    values, alpha = samples[..., :colours], samples[..., colours : colours + 1]
    if isinstance(told, bytes) and _is_rgb(told):
        told = space_of_icc(told) or told
    if isinstance(told, ColourSpace) or scene_linear:
        values = np.broadcast_to(values, (*values.shape[:2], 3))
        rgb, light = _converted(values, told if isinstance(told, ColourSpace) else None, scene_linear)
        return _with_alpha(rgb, alpha), light
    transform = _to_srgb(told, "L" if colours == 1 else "RGB")
    grey = transform is not None and transform.input_mode == "L"
    values = values[..., 0] if grey else np.broadcast_to(values, (*values.shape[:2], 3))
    if transform:
        spaces = {"colorspace": "gray" if grey else "rgb", "outcolorspace": "rgb"}
        options = {**spaces, "flags": _NO_TABLE}  # with the table, 100 of 65535 off, without 8
        values = extra("imagecodecs", "16 bits", "files").cms_transform(
            np.ascontiguousarray(values), told, srgb_profile(), **options
        )
    return _with_alpha(values, alpha), None


def _converted(samples: np.ndarray, space: ColourSpace | None, scene_linear: bool) -> Converted:
    if scene_linear:
        return colour.scene_linear(samples, space)
    if space is None or not space.moves():
        return samples, None
    return colour.converted(samples, space)


def _with_alpha(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    if not alpha.shape[2]:
        return rgb
    if alpha.dtype != rgb.dtype:  # floating point, of which there are 16 bits
        alpha = np.rint(np.nan_to_num(alpha).clip(0, 1) * np.iinfo(rgb.dtype).max).astype(rgb.dtype)
    return np.concatenate([rgb, alpha], axis=2)


# Profiles of three primaries


def space_of_icc(icc: bytes) -> ColourSpace | None:
    """The space of an RGB profile of primaries and curves; None for one of tables, and for one that is broken.

    Raises PictureError for PQ and HLG.
    """
    tags = _tags(icc)
    _refuse_high_dynamic_range(tags)
    if b"A2B0" in tags or not _is_rgb(icc):
        return None
    try:
        columns = np.array([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]).T
        red, green, blue = (_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
        return colour.space_of_profile(columns, (red, green, blue))
    except (KeyError, ValueError, struct.error, np.linalg.LinAlgError):
        return None  # lcms has the last word on it


def is_profile(icc: bytes) -> bool:
    """Whether bytes are an ICC profile that can be opened; one that cannot is told of in the log."""
    try:
        ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (ImageCms.PyCMSError, OSError) as error:
        _log.warning("broken or unfit colour profile passed over (%s)", error)
        return False
    return True


def _is_rgb(icc: bytes) -> bool:
    return icc[16:24] == b"RGB XYZ "


def _tags(icc: bytes) -> dict[bytes, bytes]:
    """The tags of a profile, by signature; none of a broken one."""
    if len(icc) < 132 or icc[36:40] != b"acsp":
        return {}
    (count,) = struct.unpack_from(">I", icc, 128)
    found = {}
    for i in range(min(count, _MOST_TAGS, (len(icc) - 132) // 12)):
        name, start, size = struct.unpack_from(">4sII", icc, 132 + 12 * i)
        found[name] = icc[start : start + size]
    return found


def _refuse_high_dynamic_range(tags: dict[bytes, bytes]) -> None:
    """Raises PictureError for a profile that says, by number or by name, that it is PQ or HLG."""
    cicp = tags.get(b"cicp", b"")
    if len(cicp) >= 12:
        colour.cicp_space(1, cicp[9] if cicp[9] in (16, 18) else 13)
    name = tags.get(b"desc", b"")[:2000].replace(b"\0", b"").decode("latin-1")
    if told := re.search(r"\b(PQ|HLG|ST ?2084)\b", name):
        raise colour.high_dynamic_range(told[1])


def _xyz(tag: bytes) -> tuple[float, float, float]:
    if tag[:4] != b"XYZ ":
        raise ValueError("not an XYZ tag")
    x, y, z = struct.unpack_from(">3i", tag, 8)
    return x / 65536, y / 65536, z / 65536


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return colour.linear
        if count == 1:
            return colour.gamma(struct.unpack_from(">H", tag, 12)[0] / 256)
        if not 2 <= count <= _MOST_TRANSFORMED:
            raise ValueError("too long a curve")
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64) / 65535
        return lambda code: np.interp(code, np.linspace(0, 1, count), table)
    if tag[:4] != b"para":
        raise ValueError("not a curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    numbers = [n / 65536 for n in struct.unpack_from(f">{(1, 3, 4, 5, 7)[min(kind, 4)]}i", tag, 12)]
    return _parametric(kind, numbers)


def _parametric(kind: int, numbers: list[float]) -> Curve:
    """Y = (aX + b)^g + e from X = d on, and cX + f below it."""
    g, *rest = numbers
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b, *tail = rest
        d = -b / a
        e = f = tail[0] if tail else 0.0
    elif kind in (3, 4):
        a, b, c, d, *tail = rest
        e, f = tail or (0.0, 0.0)
    elif kind != 0:
        raise ValueError("an unknown kind of curve")
    return lambda code: np.where(code >= d, np.maximum(a * code + b, 0) ** g + e, c * code + f)


# Profiles of tables


def _to_srgb(icc: bytes | ColourSpace | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The 8-bit transform of a profile to sRGB, from `mode` if the profile is of that colour space, else from RGB.

    None without a profile, for one that is broken or of a third space, and for sRGB under any name: one that moves no
    colour by more than 2 of 255 (roundings of its tables), so that an sRGB picture stays as it is to the bit.
    """
    if not isinstance(icc, bytes) or not icc:
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


# Profiles that files get


PROFILES = ("srgb", *colour.output_spaces())
"""The spaces that a picture can be written in."""


def space_named(name: str) -> ColourSpace:
    """The space of one of `PROFILES`."""
    return colour.SRGB if name == "srgb" else colour.output_spaces()[name][0]


_NAMES = {"p3": "Display P3", "adobe-rgb": "Compatible with Adobe RGB (1998)"}
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


@cache
def profile_of(name: str) -> bytes:
    """The ICC profile of one of `PROFILES`."""
    if name == "srgb":
        return srgb_profile()
    space, _ = colour.output_spaces()[name]
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(_SRGB_CURVE)
    if name == "adobe-rgb":
        curve = b"curv" + struct.pack(">IIHH", 0, 1, 563, 0)  # 563 / 256, as its specification has it
    columns = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), colour.profile_columns(space).T, strict=True))
    return _profile(
        {
            b"desc": _text(_NAMES[name]),
            b"cprt": _text("No copyright, use freely"),
            b"wtpt": b"XYZ \0\0\0\0" + _fixed((0.9642, 1.0, 0.8249)),
            b"chad": b"sf32\0\0\0\0" + _fixed(colour.chromatic_adaptation().flatten()),
            **{tag: b"XYZ \0\0\0\0" + _fixed(column) for tag, column in columns.items()},
            **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
        }
    )


def _profile(tags: dict[bytes, bytes]) -> bytes:
    """A version 4 display profile; equal tags share their bytes."""
    table, body, places = struct.pack(">I", len(tags)), b"", {}
    for name, content in tags.items():
        if content not in places:
            places[content] = 132 + 12 * len(tags) + len(body)
            body += content + bytes(-len(content) % 4)
        table += name + struct.pack(">II", places[content], len(content))
    head = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), bytes(4), 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    head += _DATE + b"acsp" + bytes(28) + _fixed((0.9642, 1.0, 0.8249)) + bytes(48)
    return head + table + body


def _text(words: str) -> bytes:
    content = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(content), 28) + content


def _fixed(numbers: Any) -> bytes:
    return b"".join(struct.pack(">i", round(float(n) * 65536)) for n in numbers)


_DATE = struct.pack(">6H", 2025, 1, 1, 0, 0, 0)  # set, so that the same picture gives the same file


@cache
def srgb_profile() -> bytes:
    """The sRGB ICC profile that every file gets unless told otherwise."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + _DATE + profile[36:]
