"""Maps that come with a picture: masks, where it is developed and how much of it; and depth, where white is near."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from filmlook.errors import PictureError
from filmlook.files.picture import Picture, as_map, map_share

_T = TypeVar("_T")
_LUMA = (0.299, 0.587, 0.114)  # of codes, as Pillow turns colour to grey
_STEPS = 65535  # of a share: sums of white's channels must give 1 and no less
_KINDS = "allowed are a PIL image, a Picture, an array H,W or B,H,W or a tensor, of 8 or 16 bits, bool, or float in [0, 1]"


def masks_of(mask: Any, sizes: list[tuple[int, int]], what: str = "mask") -> list[Tensor]:
    """The share of developing, or the nearness, `(H, W)`, float32 in [0, 1], of each picture: one map for all of them, or one
    for each.

    Colour counts by its luminance, and transparent parts are black.

    Args:
        mask: a PIL image, a `Picture`, an array or a tensor `H,W`, or `B,H,W`; or a list of such.
        sizes: height and width of the pictures.
        what: how errors call it.

    Raises:
        PictureError: another kind or number, another size than the picture's, NaN, or floating point beyond [0, 1].
    """
    parts = [part for one in (mask if isinstance(mask, (list, tuple)) else [mask]) for part in _planes(one, what)]
    if len(parts) not in (1, len(sizes)):
        raise PictureError(
            f"{what}: {len(parts)} {what}s for {len(sizes)} pictures; give one {what}, or one for each, as H,W or B,H,W"
        )
    found = parts * (len(sizes) // len(parts))
    for plane, (height, width) in zip(found, sizes, strict=True):
        if plane.shape != (height, width):
            told = f"{plane.shape[1]} x {plane.shape[0]}"
            raise PictureError(f"{what}: it has {told} pixels, the picture {width} x {height}; allowed is the same size")
    return found


def mask_hash(mask: Any) -> str:
    """A short name of a mask, for people who want to know whether it is the same."""
    found = hashlib.sha256()
    for one in mask if isinstance(mask, (list, tuple)) else [mask]:
        for plane in _planes(one, "mask"):
            found.update(f"{tuple(plane.shape)}".encode() + plane.numpy().tobytes())
    return found.hexdigest()[:10]


def _planes(mask: Any, what: str) -> list[Tensor]:
    if isinstance(mask, Image.Image):
        colour = "RGBA" if "A" in mask.getbands() or "transparency" in mask.info else "RGB"
        if mask.mode == "I":  # as Pillow reads grey of 16 bits
            return [_grey(np.asarray(mask).clip(0, 65535).astype(np.uint16), what)]
        grey = mask.mode in ("1", "L", "I;16", "F")
        return [_grey(np.asarray(mask if grey else mask.convert(colour)), what)]
    if isinstance(mask, Picture):
        return [_grey(_told(what, as_map, mask).pixels, what)]
    if isinstance(mask, Tensor):
        if mask.ndim == 4 and mask.shape[1] == 1:
            mask = mask[:, 0]
        mask = mask.detach().cpu()
        mask = (mask.float() if mask.dtype == torch.bfloat16 else mask).numpy()  # which NumPy does not know
    if not isinstance(mask, np.ndarray) or mask.ndim not in (2, 3):
        raise PictureError(f"{what} is {type(mask).__name__}{getattr(mask, 'shape', '')}; {_KINDS}")
    return [_share(plane, what) for plane in (mask if mask.ndim == 3 else mask[None])]


def _grey(samples: np.ndarray, what: str) -> Tensor:
    """The share of samples `(H, W)` or `(H, W, 3 or 4)`."""
    if samples.ndim == 2:
        return _share(samples, what)
    full = np.iinfo(samples.dtype).max
    share = samples[..., :3] @ np.array(_LUMA) / full
    if samples.shape[2] == 4:
        share = share * (samples[..., 3] / full)
    return torch.from_numpy(np.round(share * _STEPS) / _STEPS).float()


def _told(what: str, read: Callable[[_T], _T], values: _T) -> _T:
    try:
        return read(values)
    except PictureError as error:
        raise PictureError(f"{what}: {error}") from None


def _share(plane: np.ndarray, what: str) -> Tensor:
    if plane.dtype.kind == "f":
        if not np.isfinite(plane).all():
            raise PictureError(f"{what}: it holds NaN or infinity")
        return torch.from_numpy(_told(what, map_share, plane))
    if plane.dtype not in (np.uint8, np.uint16, np.bool_):
        raise PictureError(f"{what} of {plane.dtype}; {_KINDS}")
    full = 1 if plane.dtype == np.bool_ else np.iinfo(plane.dtype).max
    return torch.from_numpy(plane.astype(np.float64) / full).float()
