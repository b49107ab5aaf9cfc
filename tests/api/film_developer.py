"""Stands in for what develops films, where tests are about what stands around it."""

from __future__ import annotations

import threading
import time
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace as Namespace
from typing import Any

import pytest

from filmlook.errors import PictureError
from filmlook.server import films
from tests.api.clients import PATIENCE_S

MP4 = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20
"""What begins as a film does."""


class Developer:
    """A frame whenever the gate is open, and in the end a file of all that came."""

    def __init__(self, frames: int = 3, seconds: float = 1.0) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.frames, self.seconds = frames, seconds
        self.asked: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def __call__(self, source: Path, out: Path, look: Any, *, progress: Any, **how: Any) -> Any:
        self.asked.append({"source": source, "look": look, **how})
        if self.error:
            self.error.args = tuple(str(part).replace("HERE", str(source)) for part in self.error.args)
            raise self.error
        with open(out, "wb") as file:
            for done in range(self.frames):
                self.gate.wait(PATIENCE_S)
                file.write(source.read_bytes())
                file.flush()
                progress(done + 1, self.frames)
                time.sleep(0.005)
        return Namespace(frames=self.frames, notes=["its sound is made anew"])

    def open(self, path: Path) -> Any:
        with open(path, "rb") as file:
            if b"broken" in file.read(2**16):
                raise PictureError(f"{path}: is damaged")
        return Namespace(count=int(24 * self.seconds), rate=Fraction(24), width=64, height=48, notes=[])

    def at_work(self, patches: pytest.MonkeyPatch) -> Developer:
        """Puts it into its place, where PyAV is not needed then."""
        patches.setattr(films, "develop_film", self)
        patches.setattr(films, "open_film", self.open)
        patches.setattr(films, "encoding_for", lambda *_: None)
        patches.setattr(films, "pyav", lambda: None)
        return self
