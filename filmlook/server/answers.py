"""Answers on their way out: sent in pieces, so that what a client does not read is not kept for it without end."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from filmlook.server.request_body import PATIENCE_S, SLOWEST

log = logging.getLogger("filmlook")

PIECE = 2**18  # bytes
STALL_S = 20.0  # without a piece taken
ROOM = 2**28  # bytes of unread answers together; over it, whoever takes nothing is dropped at once
_PAUSE_S = 2.0  # without a piece taken, which over ROOM is too long
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")  # of one part; whoever asks for several is given all
Send = Callable[[Any], Awaitable[None]]


@dataclass(eq=False)
class _Delivery:
    left: int
    moved: float
    dropped: asyncio.Event = field(default_factory=asyncio.Event)


class Outgoing:
    """All answers that are being sent. One that is not taken is broken off: after `STALL_S` without a piece, at a speed below
    that of a request, or to make room for others."""

    def __init__(self) -> None:
        self._deliveries: list[_Delivery] = []

    @property
    def waiting(self) -> int:
        """Bytes that have not been taken."""
        return sum(delivery.left for delivery in self._deliveries)

    async def deliver(self, status: int, headers: Any, body: bytes, send: Send) -> None:
        start = {"type": "http.response.start", "status": status, "headers": headers}
        if len(body) <= PIECE:
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        now = time.monotonic()
        delivery, end = _Delivery(len(body), now), now + PATIENCE_S + len(body) / SLOWEST
        self._deliveries.append(delivery)
        try:
            self._make_room()
            await send(start)
            for at in range(0, len(body), PIECE):
                more = at + PIECE < len(body)
                message = {"type": "http.response.body", "body": body[at : at + PIECE], "more_body": more}
                if not await _taken(send(message), delivery, end):
                    log.warning("Film Look: an answer was not read; %d of %d bytes were left", delivery.left, len(body))
                    return
                delivery.left -= PIECE
                delivery.moved = time.monotonic()
        finally:
            self._deliveries.remove(delivery)

    def _make_room(self) -> None:
        over = self.waiting - ROOM
        for delivery in sorted(self._deliveries, key=lambda delivery: delivery.moved):
            if over > 0 and time.monotonic() - delivery.moved > _PAUSE_S:
                delivery.dropped.set()
                over -= delivery.left


async def _taken(sending: Awaitable[None], delivery: _Delivery, end: float) -> bool:
    """Whether a piece was taken in time, and before its answer was dropped."""
    task, dropped = asyncio.ensure_future(sending), asyncio.ensure_future(delivery.dropped.wait())
    try:
        seconds = max(0.0, min(STALL_S, end - time.monotonic()))
        await asyncio.wait({task, dropped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            return False
        task.result()
        return True
    finally:
        task.cancel()
        dropped.cancel()


outgoing = Outgoing()


class _InPieces(Response):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await outgoing.deliver(self.status_code, self.raw_headers, bytes(self.body), send)


class JsonAnswer(_InPieces, JSONResponse):
    """An answer in JSON."""


class FileAnswer(_InPieces):
    """An answer that is a file."""


class StoredAnswer(Response):
    """A file on disk, or the part of it that a player asks for, read as it is sent.

    Args:
        path: of the file, which does not change as long as it has this name.
        kind: its media type.
        version: another one for every content.
        headers: of the request.

    Raises:
        HTTPException: 404, it is gone; 416, it has no such part.
    """

    def __init__(self, path: Path, kind: str, version: str, headers: Mapping[str, str]) -> None:
        try:
            self._file = open(path, "rb")  # noqa: SIM115 (closed when it is sent)
            size = path.stat().st_size
        except OSError:
            raise HTTPException(404, "the file is gone") from None
        tag = f'"{version}"'
        asked = headers.get("range", "") if headers.get("if-range", tag) == tag else ""
        try:
            part = _part_of(asked, size)
        except HTTPException:
            self._file.close()
            raise
        self._start, end = part or (0, size)
        self._left = end - self._start
        told = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": "inline",  # without a name: a page that saves it gives its own
            "Content-Length": str(self._left),
            "ETag": tag,
            "X-Content-Type-Options": "nosniff",
        }
        if part:
            told["Content-Range"] = f"bytes {self._start}-{end - 1}/{size}"
        super().__init__(None, 206 if part else 200, told, kind)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        delivery = _Delivery(self._left, time.monotonic())  # not among those that wait in memory
        try:
            await run_in_threadpool(self._file.seek, self._start)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while True:
                piece = await run_in_threadpool(self._file.read, min(PIECE, self._left))
                self._left -= len(piece)
                message = {"type": "http.response.body", "body": piece, "more_body": bool(piece and self._left)}
                if not await _taken(send(message), delivery, float("inf")) or not message["more_body"]:
                    return
        finally:
            self._file.close()


def _part_of(asked: str, size: int) -> tuple[int, int] | None:
    """Start and end of the part that a header `Range` asks for; None where it is to be all. Raises HTTPException 416."""
    found = _RANGE.fullmatch(asked.replace(" ", ""))
    if not found or not (found[1] or found[2]):
        return None
    if found[1]:
        start, end = int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)
    else:
        start, end = max(0, size - int(found[2])), size
    if start >= end:
        raise HTTPException(416, f"the file has {size} bytes", {"Content-Range": f"bytes */{size}"})
    return start, end
