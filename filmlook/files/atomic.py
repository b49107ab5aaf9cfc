"""The one way to write a file: all of it takes its place at once, or nothing of it does.

What is unfinished stands beside the file as `.<name>.<32 hex digits>.part`. A process that is killed leaves it behind;
the next writer in that folder takes it away once it is an hour old.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

STALE_SECONDS = 3600.0
_UNFINISHED = re.compile(r"\.(?:.*\.)?[0-9a-f]{32}\.part", re.DOTALL)
_NAME_BYTES = 180  # of the name: with the rest it stays below the 255 that file systems take

_swept: dict[str, float] = {}  # folder, and when this process last looked for what was left behind there


@contextmanager
def replacing(path: str | os.PathLike[str], *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when, and only when, the block ends without an error.

    A reader sees the old file or the new one; of several writers the last to end wins. A file that is replaced keeps
    its permission bits, a new one has those of the process.

    Raises:
        FileExistsError: there is such a file and `overwrite` is false, even if it came while this one was written.
        OSError: whatever the system says.
    """
    path = Path(path)
    if not overwrite and os.path.lexists(path):
        raise _exists(path)
    _sweep(path.parent)
    name = os.fsdecode(os.fsencode(path.name)[:_NAME_BYTES])
    unfinished = path.with_name(f".{name}.{uuid4().hex}.part")
    try:
        with open(unfinished, "xb") as file:
            yield file
        if overwrite:
            with suppress(OSError):  # there is none yet, or the file system has no such bits
                os.chmod(unfinished, stat.S_IMODE(os.stat(path).st_mode))
            os.replace(unfinished, path)
        else:
            _settle(unfinished, path)
    finally:
        with suppress(OSError):  # it is gone, or never was
            unfinished.unlink()


def write_bytes(path: str | os.PathLike[str], data: bytes, *, overwrite: bool = True) -> None:
    """A whole file at once; errors as `replacing`."""
    with replacing(path, overwrite=overwrite) as file:
        file.write(data)


def _settle(unfinished: Path, path: Path) -> None:
    """Gives a finished file its name, unless there is one of that name."""
    try:
        try:
            os.link(unfinished, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links: the name is claimed first
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            os.replace(unfinished, path)
    except FileExistsError:
        raise _exists(path) from None


def _exists(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "exists already and overwriting was not asked for", str(path))


def _sweep(folder: Path) -> None:
    """Takes away what killed processes have left in a folder; it is looked through once an hour at most."""
    key, now = os.path.abspath(folder), time.time()
    if now - _swept.get(key, -STALE_SECONDS) < STALE_SECONDS:
        return
    _swept[key] = now
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and _UNFINISHED.fullmatch(entry.name):
                with suppress(OSError):  # another process was faster
                    if now - entry.stat(follow_symlinks=False).st_mtime > STALE_SECONDS:
                        os.unlink(entry.path)
