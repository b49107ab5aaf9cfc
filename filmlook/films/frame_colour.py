"""Decoded frames to sRGB code values and back: what luma and chroma stand for, by the tags that the stream carries.

The conversion is ours and not swscale's, which cuts what is in between to 15 bits: a grey of 10 bits came back three codes off.

References: ITU-R BT.601-7, BT.709-6, BT.2020-2 (luma coefficients, limited range); ITU-T H.273 (the numbers of the tags);
H.264 annex E.2.1 (chroma of 4:2:0 lies on the even columns, between two rows).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from filmlook.errors import PictureError
from filmlook.files.colour import ColourSpace, cicp_space, converted, in_space, srgb_code

UNSPECIFIED = 2
LIMITED, FULL = 1, 2
_COEFFICIENTS = {  # Kr, Kb by H.273's MatrixCoefficients
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
_HDR = {16: "PQ (HDR10, Dolby Vision)", 18: "HLG"}
_WIDE = (9, 11, 12)  # BT.2020, DCI-P3 and Display P3; the others are too near to sRGB's to be told apart on film
_SRGB_CURVE = 13
_PLANAR = re.compile(r"yuv(a?)(420|422|444|440)p(\d+le)?")
_STRIP = 16  # rows converted at once: what lies between stays in a core's cache
_STEPS = {"420": (2, 2), "422": (1, 2), "440": (2, 1), "444": (1, 1)}  # luma rows and columns to each of chroma


@dataclass(frozen=True)
class Tags:
    """What a stream tells of its colours, by H.273's numbers.

    Attributes:
        matrix: how luma and chroma are made of RGB; 0: they are RGB.
        value_range: LIMITED (16 to 235 of 8 bits) or FULL.
        primaries, transfer: of its RGB.
    """

    matrix: int
    value_range: int
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @property
    def is_full(self) -> bool:
        return self.value_range == FULL


RGB = Tags(0, FULL, 1, _SRGB_CURVE)
VIDEO = Tags(1, LIMITED, 1, 1)
"""What pictures that tell nothing become in a film: BT.709, limited range, which every player expects."""


def tags_of(frame: Any, context: Any) -> Tags:
    """The tags of a decoded frame; what it does not tell is as players take it: BT.601 up to 576 lines, else BT.709.

    Raises:
        PictureError: it is HDR, or its matrix is none that can be undone for each pixel by itself.
    """
    transfer = int(getattr(frame, "color_trc", context.color_trc))
    if transfer in _HDR:
        raise PictureError(f"is {_HDR[transfer]}, which is not developed: convert it to BT.709 or BT.2020 without HDR first")
    primaries = int(getattr(frame, "color_primaries", context.color_primaries))
    name = frame.format.name
    if is_rgb(frame):
        return Tags(0, FULL, primaries, transfer)
    matrix = int(frame.colorspace)
    if matrix in (UNSPECIFIED, 0, 3):  # 0 is RGB, which this is not, and 3 is reserved
        matrix = 1 if frame.width >= 1280 or frame.height > 576 else 6
    if matrix not in _COEFFICIENTS:
        raise PictureError(f"has colours of matrix {matrix}; allowed: BT.601, BT.709, FCC, SMPTE 240M and BT.2020")
    full = int(frame.color_range) == FULL or name.startswith("yuvj")
    return Tags(matrix, FULL if full else LIMITED, primaries, transfer)


def is_rgb(frame: Any) -> bool:
    return bool(frame.format.is_rgb or frame.format.has_palette)


def bits_of(frame: Any) -> int:
    """Bits of the finest component of a decoded frame."""
    return 8 if frame.format.has_palette else max(component.bits for component in frame.format.components)


def has_alpha(frame: Any) -> bool:
    return bool(frame.format.has_palette or any(component.is_alpha for component in frame.format.components))


def to_rgb(frame: Any, tags: Tags, bits: int, alpha: bool) -> np.ndarray:
    """sRGB code values `(H, W, 3)` of a decoded frame, or `(H, W, 4)` with straight alpha, of 8 or 16 `bits`."""
    pixels = _packed(frame, bits, alpha) if is_rgb(frame) else _from_luma(frame, tags, bits, alpha)
    space = _wide_space(tags)
    if space is None:
        return pixels
    pixels[..., :3] = converted(pixels[..., :3], space)[0]
    return pixels


def to_planes(pixels: np.ndarray, tags: Tags, steps: tuple[int, int], bits: int) -> list[np.ndarray]:
    """Luma and both chroma planes of sRGB code values `(H, W, 3)`, uint8 or uint16.

    Args:
        pixels: uint8 or uint16; H and W are multiples of `steps`.
        tags: what the planes are to be.
        steps: rows and columns of luma to each of chroma.
        bits: of a sample.
    """
    space = _wide_space(tags)
    if space is not None:
        pixels = np.ascontiguousarray(in_space(pixels, space, srgb_code))
    rows, columns = steps
    height, width = pixels.shape[:2]
    kind = np.uint8 if bits == 8 else np.uint16
    planes = [np.empty((height, width), kind), *(np.empty((height // rows, width // columns), kind) for _ in range(2))]
    for top in range(0, height, _STRIP):
        strip = slice(top, top + _STRIP)
        small = slice(top // rows, (top + _STRIP) // rows)
        _strip_to_planes(pixels[strip], tags, steps, bits, [planes[0][strip], planes[1][small], planes[2][small]])
    return planes


def _strip_to_planes(pixels: np.ndarray, tags: Tags, steps: tuple[int, int], bits: int, planes: list[np.ndarray]) -> None:
    red, blue = _COEFFICIENTS[tags.matrix]
    scale, low, chroma_scale = _scales(tags, bits)
    most = 1 / np.iinfo(pixels.dtype).max
    r, g, b = (pixels[..., i].astype(np.float32) for i in range(3))
    g *= np.float32(1 - red - blue)
    g += r * np.float32(red)
    g += b * np.float32(blue)
    for channel, own, plane in ((b, blue, planes[1]), (r, red, planes[2])):
        channel -= g
        small = _narrowed(channel, steps)
        small *= np.float32(chroma_scale / (2 * (1 - own)) * most)
        _to_whole(small, 1 << (bits - 1), bits, plane)
    g *= np.float32(most * scale)
    _to_whole(g, low, bits, planes[0])


def _scales(tags: Tags, bits: int) -> tuple[float, float, float]:
    """Codes of luma from black to white, code of black, and codes of chroma from -.5 to .5."""
    if tags.is_full:
        return 2.0**bits - 1, 0.0, 2.0**bits - 1
    unit = 2.0 ** (bits - 8)
    return 219 * unit, 16 * unit, 224 * unit


def _to_whole(samples: np.ndarray, offset: float, bits: int, out: np.ndarray) -> None:
    samples += np.float32(offset + 0.5)
    np.clip(samples, 0, np.float32(2**bits - 1), out=samples)
    out[...] = samples


def _narrowed(plane: np.ndarray, steps: tuple[int, int]) -> np.ndarray:
    """Chroma at its own size: 1 2 1 across, about the even columns it lies on; the mean of both rows it lies between."""
    rows, columns = steps
    if columns == 2:
        left = np.concatenate((plane[:, :1], plane[:, 1:-1:2]), 1)
        plane = plane[:, ::2] * np.float32(0.5) + (left + plane[:, 1::2]) * np.float32(0.25)
    if rows == 2:
        plane = (plane[::2] + plane[1::2]) * np.float32(0.5)
    return plane


def _widened(plane: np.ndarray, steps: tuple[int, int], width: int) -> np.ndarray:
    """Chroma at luma's size, linear between its places. Where there are two rows to each, the first and the last are margin."""
    rows, columns = steps
    if rows == 2:
        tall = np.empty((2 * (plane.shape[0] - 2), plane.shape[1]), np.float32)
        quarter = plane * np.float32(0.25)
        near = quarter[1:-1] * np.float32(3)
        np.add(near, quarter[:-2], out=tall[::2])
        np.add(near, quarter[2:], out=tall[1::2])
        plane = tall
    if columns == 2:
        wide = np.empty((plane.shape[0], 2 * plane.shape[1]), np.float32)
        wide[:, ::2] = plane
        plane *= np.float32(0.5)
        np.add(plane[:, :-1], plane[:, 1:], out=wide[:, 1:-1:2])
        wide[:, -1] = wide[:, -2]
        plane = wide
    return plane[:, :width]


def _from_luma(frame: Any, tags: Tags, bits: int, alpha: bool) -> np.ndarray:
    frame, kind, depth = _planar(frame)
    height, width = frame.height, frame.width
    most = 2.0**bits - 1
    pixels = np.empty((height, width, 4 if alpha else 3), np.uint8 if bits == 8 else np.uint16)
    luma = _plane(frame, 0, depth)
    chroma = None if kind is None else (_plane(frame, 1, depth), _plane(frame, 2, depth))
    steps = _STEPS[kind or "444"]
    for top in range(0, height, _STRIP):
        rows = slice(top, min(height, top + _STRIP))
        around = None
        if chroma is not None:
            first, last = top // steps[0], -(-rows.stop // steps[0])
            margin = range(first - 1, last + 1) if steps[0] == 2 else range(first, last)
            around = [plane[np.clip(margin, 0, len(plane) - 1)] for plane in chroma]
        _strip_to_rgb(luma[rows], around, steps, tags, (depth, most), pixels[rows])
    if alpha:
        pixels[..., 3] = most
        if has_alpha(frame):
            own = _plane(frame, len(frame.planes) - 1, depth).astype(np.float32)
            pixels[..., 3] = own * np.float32(most / (2**depth - 1)) + np.float32(0.5)
    return pixels


def _strip_to_rgb(
    luma: np.ndarray,
    chroma: list[np.ndarray] | None,
    steps: tuple[int, int],
    tags: Tags,
    scaling: tuple[int, float],
    pixels: np.ndarray,
) -> None:
    depth, most = scaling
    scale, low, chroma_scale = _scales(tags, depth)
    code = luma.astype(np.float32)
    code *= np.float32(most / scale)
    code += np.float32(0.5 - low * most / scale)  # .5: what follows is cut to whole codes
    if chroma is None:
        np.clip(code, 0, np.float32(most), out=code)
        pixels[..., :3] = code[..., None]
        return
    red, blue = _COEFFICIENTS[tags.matrix]
    green = 1 - red - blue
    u, v = (plane.astype(np.float32) for plane in chroma)
    for plane, own in ((u, blue), (v, red)):
        plane -= np.float32(1 << (depth - 1))
        plane *= np.float32(2 * (1 - own) * most / chroma_scale)
    of_green = u * np.float32(-blue / green) - v * np.float32(red / green)
    for channel, difference in enumerate((v, of_green, u)):
        wide = _widened(difference, steps, luma.shape[1])[: len(luma)]
        wide += code
        np.clip(wide, 0, np.float32(most), out=wide)
        pixels[..., channel] = wide


def _planar(frame: Any) -> tuple[Any, str | None, int]:
    """The frame in planes; how its chroma is thinned out (None: it is grey), and the bits of its samples."""
    name, bits = frame.format.name.replace("yuvj", "yuv"), bits_of(frame)
    if name in ("gray", "gray9le", "gray10le", "gray12le", "gray14le", "gray16le"):
        return frame, None, bits
    found = _PLANAR.fullmatch(name)
    if not found:  # chroma interleaved, big endian, 4:1:1 and the like: the same samples in another order, or chroma wider
        thin = "420" if frame.format.chroma_width(16) == 8 and frame.format.chroma_height(16) == 8 else "444"
        depth = "" if bits == 8 else "10le" if bits == 10 else "16le"
        frame = frame.reformat(format=f"yuv{'a' if has_alpha(frame) else ''}{thin}p{depth}")
        found, bits = _PLANAR.fullmatch(frame.format.name), bits_of(frame)
        assert found
    return frame, found[2], bits


def _plane(frame: Any, index: int, bits: int) -> np.ndarray:
    plane = frame.planes[index]
    samples = np.frombuffer(plane, np.uint8 if bits == 8 else np.dtype("<u2"))
    return samples.reshape(plane.height, plane.line_size // samples.itemsize)[:, : plane.width]


def _packed(frame: Any, bits: int, alpha: bool) -> np.ndarray:
    deep = bits_of(frame) > 8
    name = ("rgba64le" if alpha else "rgb48le") if deep else ("rgba" if alpha else "rgb24")
    pixels = np.array(frame.reformat(format=name).to_ndarray())
    if deep and bits == 8:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return pixels.astype(np.uint16) * np.uint16(257) if bits == 16 and not deep else pixels


def _wide_space(tags: Tags) -> ColourSpace | None:
    """The space of primaries that are much wider than sRGB's, read with sRGB's curve as all codes are here."""
    return cicp_space(tags.primaries, _SRGB_CURVE) if tags.primaries in _WIDE else None
