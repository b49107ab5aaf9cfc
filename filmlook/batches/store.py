"""Folders at URLs, by fsspec: `s3://bucket/pictures`, `gs://`, `file://`, or a plain path.

A file is written whole or not at all: stores of objects put them so, the local disk has `files.atomic`, and of other kinds
a file gets its name when it is finished.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from filmlook.errors import FilmLookError, LookError, extra
from filmlook.files import atomic

_PUTS_WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"}
"""Protocols whose files appear at once, when all of them has arrived."""


@dataclass(frozen=True)
class Store:
    """A folder. `files` is fsspec's file system, `root` the folder's path in it; both go to other machines with it."""

    files: Any
    root: str

    @property
    def is_local(self) -> bool:
        return "file" in _protocols(self.files)

    def path(self, below: str) -> str:
        return f"{self.root}/{below}" if below else self.root

    def shown(self, below: str = "") -> str:
        """What people call a file: a path where it is local, else its URL."""
        path = self.path(below)
        return path if self.is_local else str(self.files.unstrip_protocol(path))

    def names(self, *, recursive: bool) -> Iterator[str]:
        """The files below the folder, by their paths below it; none where there is no such folder."""
        try:
            found = self.files.find(self.root, maxdepth=None if recursive else 1)
        except FileNotFoundError:
            return
        for path in found:
            yield path[len(self.root) :].lstrip("/") if self.root else path

    def exists(self, below: str) -> bool:
        return bool(self.files.exists(self.path(below)))

    def read(self, below: str) -> bytes:
        return bytes(self.files.cat_file(self.path(below)))

    def remove(self, below: str) -> None:
        self.files.rm_file(self.path(below))

    def write(self, below: str, data: bytes, *, overwrite: bool) -> None:
        """Writes a whole file, and the folders above it.

        Raises:
            FileExistsError: there is one, and it shall not be replaced.
            Exception: whatever the store says.
        """
        path = self.path(below)
        if self.is_local:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            atomic.write_bytes(path, data, overwrite=overwrite)
            return
        if not overwrite and self.files.exists(path):
            raise FileExistsError(errno.EEXIST, "exists already and overwriting was not asked for", path)
        if _PUTS_WHOLE & set(_protocols(self.files)):
            self.files.pipe_file(path, data)
            return
        folder, _, name = path.rpartition("/")
        self.files.makedirs(folder, exist_ok=True)
        unfinished = f"{folder}/.{name}.{uuid4().hex}.part"
        try:
            self.files.pipe_file(unfinished, data)
            self.files.mv(unfinished, path)
        except BaseException:
            with suppress(Exception):  # it never was, or the store is gone altogether
                self.files.rm_file(unfinished)
            raise


def store_at(url: str) -> Store:
    """The folder at a URL or a path, which need not be there.

    Raises:
        LookError: a protocol that fsspec does not know.
        FilmLookError: fsspec, or what it needs for this protocol, is not installed.
    """
    fsspec = extra("fsspec", "--ray", "ray", FilmLookError)
    try:
        files, root = fsspec.core.url_to_fs(url)
    except ImportError as missing:
        raise FilmLookError(f"{url}: {' '.join(str(missing).split())}") from missing
    except ValueError as unknown:
        raise LookError(
            f"{url}: {' '.join(str(unknown).split())}; allowed: a path, s3://, gs:// and what else fsspec knows"
        ) from None
    return Store(files, str(root).rstrip("/") or "/")


def _protocols(files: Any) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)
