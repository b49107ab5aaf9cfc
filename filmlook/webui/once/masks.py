"""Where grain goes: inside an inpaint mask, or where an extended picture is new."""

from __future__ import annotations

import numpy as np
from PIL import Image

_ANCHOR = 24  # pixels square by which a picture is found in one it was extended to


def inside(mask: Image.Image, after: Image.Image, before: Image.Image) -> Image.Image:
    """`after` where the mask is white, `before` to the bit where it is black."""
    grey = mask.convert("L")
    if grey.size != before.size:
        grey = grey.resize(before.size, Image.Resampling.LANCZOS)
    share = np.asarray(grey, np.float32)[..., None] / 255
    old, new = (np.asarray(image, np.float32) for image in (before, after.convert(before.mode)))
    mixed = Image.fromarray((old + share * (new - old)).round().astype(np.uint8), before.mode)
    mixed.info = dict(before.info)
    return mixed


def changed(source: Image.Image, result: Image.Image) -> Image.Image | None:
    """Where an extended picture differs from what it was extended from, as a mask; None if that is not in it."""
    old, new = (np.asarray(image.convert("RGB")) for image in (source, result))
    height, width = old.shape[:2]
    room = (new.shape[0] - height, new.shape[1] - width)
    if min(room) < 0 or max(room) == 0 or min(height, width) < _ANCHOR:
        return None
    y, x = (height - _ANCHOR) // 2, (width - _ANCHOR) // 2
    patch = old[y : y + _ANCHOR, x : x + _ANCHOR]
    area = new[y : y + room[0] + _ANCHOR, x : x + room[1] + _ANCHOR]
    places = np.argwhere((area[: room[0] + 1, : room[1] + 1] == patch[0, 0]).all(-1))
    for dy, dx in places:
        if np.array_equal(area[dy : dy + _ANCHOR, dx : dx + _ANCHOR], patch):
            mask = np.full(new.shape[:2], 255, np.uint8)
            same = (new[dy : dy + height, dx : dx + width] == old).all(-1)
            mask[dy : dy + height, dx : dx + width][same] = 0
            return Image.fromarray(mask)
    return None
