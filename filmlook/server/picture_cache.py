"""Pictures that viewers have sent, kept in memory for a while, so that not every preview brings its picture again."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from filmlook.engine.proof import Proofs
from filmlook.errors import PictureError
from filmlook.files import infotext
from filmlook.files.picture import Picture

MOST_BYTES = 256 * 2**20
FORGET_S = 15 * 60.0
DIGITS = 32  # of a picture's name


@dataclass
class KeptPicture:
    """A picture, what proofs of it are made from, its own seed, and whether it was developed before."""

    proofs: Proofs
    seed: int
    developed: bool
    used: float


class PictureCache:
    """Pictures by the hash of their samples. The least recently used goes first where they are too many, and each goes when
    nobody has used it for a time, whether calls come or not.

    Args:
        most_bytes: of all of them, with what was found of them.
        forget_s: seconds after which a picture that was not used is forgotten.
        clock: tells the time in seconds.
    """

    def __init__(
        self, most_bytes: int = MOST_BYTES, forget_s: float = FORGET_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._forget_s, self._clock = most_bytes, forget_s, clock
        self._kept: OrderedDict[str, KeptPicture] = OrderedDict()
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(kept.proofs.nbytes for kept in self._kept.values())

    def put(self, picture: Picture) -> tuple[str, KeptPicture]:
        """Keeps a picture; gives its name.

        Raises:
            PictureError: it alone is larger than all may be together.
        """
        proofs = Proofs(Picture(picture.pixels, light=picture.light, in_floats=picture.in_floats))
        if proofs.nbytes > self._most:
            raise PictureError(f"it takes {proofs.nbytes >> 20} MB of memory; allowed are {self._most >> 20} MB")
        name, seed = _name_of(picture), infotext.own_seed(picture.text.values(), picture.pixels)
        with self._lock:
            held = self._kept.get(name)
            proofs = held.proofs if held else proofs
            self._kept[name] = KeptPicture(proofs, seed, infotext.of_text(picture.text) is not None, 0)
            kept = self._used(name)
            self.trim()
        return name, kept

    def get(self, name: str) -> KeptPicture | None:
        """The picture of that name, which has been used thereby; None where it is forgotten."""
        with self._lock:
            self._forget()
            return self._used(name) if name in self._kept else None

    def trim(self) -> None:
        """Lets go of what is too much: to be called when proofs were made, which leave something behind."""
        with self._lock:
            self._forget()
            while len(self._kept) > 1 and self.nbytes > self._most:
                self._kept.popitem(last=False)
            if self.nbytes > self._most:
                next(iter(self._kept.values())).proofs.forget()

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._kept.clear()
            self._wake()
        _give_back()

    def _used(self, name: str) -> KeptPicture:
        kept = self._kept[name]
        kept.used = self._clock()
        self._kept.move_to_end(name)
        if self._timer is None:
            self._wake()
        return kept

    def _forget(self) -> None:
        end = self._clock() - self._forget_s
        while self._kept and next(iter(self._kept.values())).used <= end:
            self._kept.popitem(last=False)

    def _wake(self) -> None:
        """Sees to it that the oldest is forgotten in time."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._kept:
            due = next(iter(self._kept.values())).used + self._forget_s - self._clock()
            self._timer = threading.Timer(max(due, 0.0) + 0.01, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def _on_time(self) -> None:
        with self._lock:
            self._forget()
            self._wake()
            empty = not self._kept
        if empty:
            _give_back()


def _give_back() -> None:
    """Gives the system back what is free: glibc keeps it, 80 MB after some hundred previews, for more of the same."""
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):  # another system's library
        ctypes.CDLL(None).malloc_trim(0)


def _name_of(picture: Picture) -> str:
    found = hashlib.sha256(f"{picture.pixels.shape} {picture.pixels.dtype}".encode())
    for samples in (picture.pixels, picture.light):
        if samples is not None:
            found.update(np.ascontiguousarray(samples).data)
    return found.hexdigest()[:DIGITS]
