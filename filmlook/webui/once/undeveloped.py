"""Pictures as they were before they were developed, kept for a while: to be seen with other looks."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from PIL import Image

from filmlook.webui.once.fingerprints import fingerprint

_MOST_BYTES = 128 * 2**20
_TOLERANCE = 1.5  # codes: what JPEG moves the mean of a cell by


@dataclass(frozen=True)
class _Pair:
    before: Image.Image
    after: np.ndarray
    nbytes: int


class Undeveloped:
    """The last pictures that were developed, as they were before; the oldest go where they take too much memory.

    Args:
        most_bytes: of all of them together.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most, self._kept = most_bytes, deque[_Pair]()
        self._lock = threading.Lock()

    def remember(self, before: Image.Image, after: Image.Image) -> None:
        """A picture, and what was made of it. It is kept as it is: whoever changes it in place changes what is kept."""
        pair = _Pair(before, fingerprint(after), before.width * before.height * len(before.getbands()))
        with self._lock:
            self._kept.append(pair)
            while sum(kept.nbytes for kept in self._kept) > self._most:
                self._kept.popleft()

    def before(self, after: Image.Image) -> Image.Image | None:
        """What a picture was before it was developed; None where that is not kept. The newest of those that are like it."""
        seen = fingerprint(after)
        with self._lock:
            same_size = [kept for kept in reversed(self._kept) if kept.before.size == after.size]
        alike = [(float(np.abs(seen - kept.after).mean()), kept.before) for kept in same_size]
        apart, found = min(alike, key=lambda one: one[0], default=(_TOLERANCE, None))
        return found if apart < _TOLERANCE else None

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._kept.clear()


undeveloped = Undeveloped()
