"""A folder for what this server keeps for a while: gone when it ends, and by the next one where it was killed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import IO

_PREFIX = "film-look-films-"
_HELD = "held"  # a file that a living server keeps locked


class OwnFolder:
    """A temporary folder that only this user can read.

    Args:
        parent: where it is made; unless told, where the system wants such.
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        held = open(self.path / _HELD, "wb")  # noqa: SIM115 (open for as long as the server lives)
        _lock(held)
        self.close = weakref.finalize(self, _forget, self.path, held)  # at the end of the program, too


def _forget(path: Path, held: IO[bytes]) -> None:
    held.close()
    shutil.rmtree(path, ignore_errors=True)


def sweep(parent: Path | None = None) -> None:
    """Takes away what killed servers of this user's have left."""
    parent = parent or Path(tempfile.gettempdir())
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
                continue
            with open(folder / _HELD, "r+b") as held:
                _lock(held)
        except OSError:  # its server lives, or begins or ends this very moment
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _lock(file: IO[bytes]) -> None:
    """Locks a file for as long as it is open. Raises OSError where another process has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
