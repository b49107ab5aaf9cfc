"""Answers on their way out: sent in pieces, so that what a client does not read is not kept for it without end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from filmlook.server.request_body import PATIENCE_S, SLOWEST

log = logging.getLogger("filmlook")

PIECE = 2**18  # bytes
STALL_S = 20.0  # without a piece taken
ROOM = 2**28  # bytes of unread answers together; over it, whoever takes nothing is dropped at once
_PAUSE_S = 2.0  # without a piece taken, which over ROOM is too long
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
