"""References: the pictures whose look is wanted, as they are compared, and what their files say of how they were stored."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from filmlook.errors import PictureError
from filmlook.files import picture
from filmlook.files.picture import Picture

_THUMBNAIL = 192  # px, the long side of what colours are compared on: grain and JPEG's noise are averaged away
_LEAST_SIDE = 64
_MOST_PIXELS = 200_000_000
_CROP = 2048  # px, the side of what grain is measured in
_BLACK, _FLAT = 0.03, 0.008  # code: a picture whose lightest parts are darker, and deviation of one that shows nothing
_GREY_ENDS = (16, 246)  # code, between which a drawing is told from a photograph
_FEW_COLOURS = 16  # of 32 steps a channel: those that are commonest
_DRAWN = 0.75  # share of pixels like their neighbours, and of those of few colours; photographs have up to .65


@dataclass(frozen=True)
class Stored:
    """How a JPEG was stored: its tables of quantisation and Pillow's number of its subsampling."""

    tables: dict[int, list[int]]
    subsampling: int

    def again(self, code: np.ndarray) -> np.ndarray:
        """Code `(H, W, 3)` of 8 bits after it was stored so."""
        data = io.BytesIO()
        Image.fromarray(code).save(data, "JPEG", qtables=self.tables, subsampling=max(self.subsampling, 0))
        return np.asarray(Image.open(data).convert("RGB"))


@dataclass(frozen=True)
class Reference:
    """A reference.

    Attributes:
        colours: `(N, 3)`, sRGB code in [0, 1] of a thumbnail's pixels.
        code: `(H, W, 3)`, sRGB code in [0, 1] of its middle, at full size.
        size: height and width of the whole.
        stored: how its file stored it, where that was JPEG.
    """

    colours: Tensor
    code: np.ndarray
    size: tuple[int, int]
    stored: Stored | None = None

    @property
    def thumbnail(self) -> np.ndarray:
        """`colours` as the picture that they are of, `(h, w, 3)`."""
        height, width = _thumbnail_size(self.size)
        return self.colours.view(height, width, 3).numpy()

    @property
    def long_side(self) -> int:
        return max(self.size)


def read_reference(source: Any) -> Reference:
    """A reference from the path of a file, a file's bytes, a `Picture`, a PIL image, or an array `H,W,3` of 8 bits.

    Raises:
        PictureError: it cannot be read, or shows nothing to tell a treatment by; the message says which, in one line.
    """
    if isinstance(source, (str, Path)):
        shown = picture.read(source, max_pixels=_MOST_PIXELS)  # first, for it refuses what has no end
        return _checked(shown, _stored(source))
    if isinstance(source, bytes):
        stored = _stored(io.BytesIO(source))
        return _checked(picture.decode(source, max_pixels=_MOST_PIXELS), stored)
    if isinstance(source, np.ndarray):
        source = Picture(source)
    if isinstance(source, Image.Image):
        return _checked(picture.from_pil(source), None)
    if not isinstance(source, Picture):
        raise PictureError(f"a reference is {type(source).__name__}; allowed: a path, bytes, a picture, a PIL image, an array")
    return _checked(source, None)


def _stored(file: str | Path | io.BytesIO) -> Stored | None:
    """How a file stored its picture; None where it is no JPEG, or moves."""
    try:
        with Image.open(file) as image:
            if getattr(image, "is_animated", False):
                raise PictureError("the reference is an animation; allowed: a picture")
            tables = getattr(image, "quantization", None)
            if image.format != "JPEG" or not tables or image.mode not in ("RGB", "YCbCr"):
                return None
            from PIL.JpegImagePlugin import get_sampling

            return Stored({k: list(v) for k, v in tables.items()}, get_sampling(image))
    except PictureError:
        raise
    except Exception:  # what Pillow cannot open, the house's own readers may
        return None


def _checked(source: Picture, stored: Stored | None) -> Reference:
    height, width = source.pixels.shape[:2]
    if min(height, width) < _LEAST_SIDE:
        raise PictureError(f"the reference has {width} x {height} pixels; needed are {_LEAST_SIDE} each way")
    full = np.float32(np.iinfo(source.pixels.dtype).max)
    rgb = source.pixels[..., :3]
    thumbnail = _thumbnail(rgb, full)
    _refuse_what_shows_nothing(thumbnail)
    _refuse_drawings(rgb)
    y, x = max(0, height - _CROP) // 2, max(0, width - _CROP) // 2
    code = rgb[y : y + _CROP, x : x + _CROP] / full
    return Reference(torch.from_numpy(thumbnail.reshape(-1, 3)), code, (height, width), stored)


def _thumbnail_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, _THUMBNAIL / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _thumbnail(rgb: np.ndarray, full: np.float32) -> np.ndarray:
    size = _thumbnail_size((rgb.shape[0], rgb.shape[1]))[::-1]
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(rgb[..., i], np.float32)).resize(size, Image.Resampling.BOX)) / full
        for i in range(3)
    ]
    return np.stack(planes, -1).clip(0, 1)


def _refuse_what_shows_nothing(thumbnail: np.ndarray) -> None:
    luma = thumbnail.mean(2)
    if np.quantile(luma, 0.99) < _BLACK:
        raise PictureError("the reference is black: there is nothing to tell a look by")
    if luma.std() < _FLAT:
        raise PictureError("the reference is all of one tone: there is nothing to tell a look by")


def _refuse_drawings(rgb: np.ndarray) -> None:
    """Drawings are flat, and of few colours; photographs may be one of both."""
    code = rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8)
    step = max(1, min(code.shape[:2]) // _CROP)
    code = code[::step, ::step].astype(np.int16)
    luma = code.mean(2)
    middle = (luma > _GREY_ENDS[0]) & (luma < _GREY_ENDS[1])
    if not middle[:-1, :-1].any():
        return
    across, down = (np.abs(np.diff(code, axis=axis)).max(2) <= 1 for axis in (1, 0))
    flat = float((across[:-1] & down[:, :-1])[middle[:-1, :-1]].mean())
    counts = np.bincount((code[middle] // 8) @ (1024, 32, 1))
    few = float(np.sort(counts)[-_FEW_COLOURS:].sum() / middle.sum())
    if min(flat, few) > _DRAWN:
        raise PictureError("the reference is drawn, or of few flat colours: a photograph is needed")


def pooled(references: Sequence[Reference], count: int) -> Tensor:
    """So many pixels `(count, 3)` of all references, as many of each."""
    each = -(-count // len(references))
    parts = []
    for one in references:
        at = torch.linspace(0, len(one.colours) - 1, each).round().long()
        parts.append(one.colours[at])
    return torch.cat(parts)[:count]
