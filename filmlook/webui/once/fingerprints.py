"""Pictures delivered lately, recognised by what they look like where their metadata was stripped."""

from __future__ import annotations

from collections import deque

import numpy as np
from PIL import Image

_SIDE = 16
_TOLERANCE = 1.5  # codes: what JPEG and resizing move the mean of a cell by; a look moves it by more
_KEPT = 256


def fingerprint(image: Image.Image) -> np.ndarray:
    """The picture's mean colours in 16 x 16 cells."""
    small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(small, np.float32)


_UNLIKE = np.full((_SIDE, _SIDE, 3), np.inf, np.float32)


class Delivered:
    """Remembers the last pictures that were developed, each beside what it was before.

    A picture is one of them if it is like it, and less like what that was before: a weak look is no reason to take the
    one for the other.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=_KEPT)

    def remember(self, before: Image.Image | None, after: Image.Image) -> None:
        """`before` is None where that had a film's colour already: then it counts as developed too."""
        self._kept.append((_UNLIKE if before is None else fingerprint(before), fingerprint(after)))

    def __contains__(self, image: Image.Image) -> bool:
        if not self._kept:
            return False
        seen = fingerprint(image)
        for before, after in self._kept:
            apart = float(np.abs(seen - after).mean())
            if apart < _TOLERANCE and apart < float(np.abs(seen - before).mean()):
                return True
        return False


delivered = Delivered()
