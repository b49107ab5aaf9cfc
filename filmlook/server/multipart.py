"""Uploads (multipart/form-data) read piece by piece, so that files of any size can go to disk as they come."""

from __future__ import annotations

import re
from collections.abc import Callable

from fastapi import HTTPException

_MOST_BEFORE = 2**12  # bytes before the first part, of which there are none in practice
_MOST_HEADERS = 2**14  # of one part
_MOST_PARTS = 16
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="?([^";\r\n]{1,100})"?', re.IGNORECASE)
_FILE = re.compile(rb"[;\s]filename\*?=", re.IGNORECASE)


class MultipartReader:
    """Takes pieces of a body, and hands on its parts.

    Args:
        kind: the header `Content-Type`.
        begin: told of each part: its name, and whether it is a file. It may refuse.
        data: given what is in the part that was begun last, piece by piece.

    Raises:
        HTTPException: 422, from here and from every call, for what is damaged.
    """

    def __init__(self, kind: str, begin: Callable[[str, bool], None], data: Callable[[bytes], None]) -> None:
        found = _BOUNDARY.search(kind)
        if not found:
            raise _damaged("it has no boundary")
        self._mark = b"\r\n--" + (found[1] or found[2]).encode("utf-8", "replace")
        self._begin, self._data = begin, data
        self._buffer = b"\r\n"  # a mark begins with what ends the line before it
        self._step: Callable[[], bool] = self._before
        self._parts = 0

    def feed(self, piece: bytes) -> None:
        """Reads on."""
        self._buffer += piece
        while self._step():
            pass

    def end(self) -> None:
        """Tells that all has come."""
        if self._step != self._over:
            raise _damaged("it ends early")

    def _before(self) -> bool:
        at = self._buffer.find(self._mark)
        if at < 0:
            if len(self._buffer) > _MOST_BEFORE:
                raise _damaged("it does not begin with a part")
            return False
        self._buffer = self._buffer[at + len(self._mark) :]
        self._step = self._after_mark
        return True

    def _after_mark(self) -> bool:
        if len(self._buffer) < 2:
            return False
        sign, self._buffer = self._buffer[:2], self._buffer[2:]
        if sign not in (b"--", b"\r\n"):
            raise _damaged("a part does not begin where the last one ends")
        self._step = self._over if sign == b"--" else self._headers
        return True

    def _headers(self) -> bool:
        at = self._buffer.find(b"\r\n\r\n", 0, _MOST_HEADERS)
        if at < 0:
            if len(self._buffer) >= _MOST_HEADERS:
                raise _damaged("the headers of a part are too long")
            return False
        headers, self._buffer = self._buffer[:at], self._buffer[at + 4 :]
        told = [line for line in headers.split(b"\r\n") if line.lower().startswith(b"content-disposition:")]
        name = _NAME.search(told[0]) if told else None
        self._parts += 1
        if not name or self._parts > _MOST_PARTS:
            raise _damaged("a part has no name" if not name else f"it has more than {_MOST_PARTS} parts")
        self._begin(name[1].decode("utf-8", "replace"), bool(_FILE.search(told[0])))
        self._step = self._within
        return True

    def _within(self) -> bool:
        at = self._buffer.find(self._mark)
        kept = len(self._mark) - 1  # may be the beginning of a mark
        if at < 0:
            if len(self._buffer) > kept:
                self._data(self._buffer[:-kept])
                self._buffer = self._buffer[-kept:]
            return False
        self._data(self._buffer[:at])
        self._buffer = self._buffer[at + len(self._mark) :]
        self._step = self._after_mark
        return True

    def _over(self) -> bool:
        self._buffer = b""
        return False


def _damaged(why: str) -> HTTPException:
    return HTTPException(422, f"body: not multipart: {why}")
