"""Pictures delivered lately, recognised by what they look like where their metadata was stripped."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from PIL import Image

from filmlook.engine.colour_only import colour_of
from filmlook.look import Look

_SIDE = 16
_TOLERANCE = 1.5  # codes: what JPEG and resizing move the mean of a cell by; a look moves it by more
_KEPT = 256


def fingerprint(image: Image.Image) -> np.ndarray:
    """The picture's mean colours in 16 x 16 cells."""
    small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(small, np.float32)


def undeveloped(image: Image.Image, look: Look) -> np.ndarray:
    """About the fingerprint that a developed picture had before, where nobody has seen that: as far behind it as the look would
    take it further. Near enough for a weak look; what a strong one makes is like nothing that was before anyway."""
    seen = fingerprint(image)
    code = torch.from_numpy(seen / 255).permute(2, 0, 1)[None].contiguous()
    further = colour_of(look)(code)[0].permute(1, 2, 0).numpy() * 255
    return np.asarray(2 * seen - further, np.float32)


class Delivered:
    """Remembers the last pictures that were developed, each beside what it was before.

    A picture is one of them if it is like it, and less like what that was before: a weak look is no reason to take the
    one for the other.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=_KEPT)

    def remember(self, before: Image.Image | np.ndarray, after: Image.Image) -> None:
        """A delivered picture, and what it was before it had a film's colour (or the fingerprint of that)."""
        known = before if isinstance(before, np.ndarray) else fingerprint(before)
        self._kept.append((known, fingerprint(after)))

    def before(self, image: Image.Image) -> np.ndarray | None:
        """The fingerprint of what a picture was before it was developed; None if it is none of those remembered."""
        if not self._kept:
            return None
        seen = fingerprint(image)
        best: tuple[float, np.ndarray] | None = None
        for before, after in self._kept:
            apart = float(np.abs(seen - after).mean())
            if apart < _TOLERANCE and apart < float(np.abs(seen - before).mean()) and (best is None or apart <= best[0]):
                best = apart, before
        return None if best is None else best[1]

    def __contains__(self, image: Image.Image) -> bool:
        return self.before(image) is not None

    def clear(self) -> None:
        """Forgets all."""
        self._kept.clear()


delivered = Delivered()
