"""Connections of `filmlook serve`: how many there are, how long they may wait for a request, and how long for a reader.

uvicorn bounds neither: a client that never ends its headers, or never reads its answer, would be kept for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 10.0  # from a connection, or the last answer on it, to the end of a request's headers
UNREAD_S = 20.0  # while nothing of what was written is taken
LINES = 100_000  # that end in what one connection sends, beyond one for each 16 bytes: a body in chunks of a byte has more
_LOOK_S = 1.0  # between two looks at a connection
_MOST = 512  # connections, where the system allows so many files


def most_connections() -> int:
    """How many connections are kept: fewer than the files that this process may open."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return _MOST
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files == resource.RLIM_INFINITY else max(8, min(_MOST, files // 2))


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with an end to waiting. Where there are too many connections, the one goes that has waited longest
    for its request: where all others are at work, the new one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._idle_since = self._taken_at = self.loop.time()
        self._unread = 0
        self._lines = 0
        self._make_room()
        self._timer = self.loop.call_later(_LOOK_S, self._look)

    def _make_room(self) -> None:
        kept = [other for other in self.connections if isinstance(other, GuardedProtocol) and not other.transport.is_closing()]
        if len(kept) > most_connections():
            waiting = [other for other in kept if not other.is_at_work]  # this one among them
            min(waiting, key=lambda other: other._idle_since).transport.abort()

    def data_received(self, data: bytes) -> None:
        self._lines += 16 * data.count(b"\r\n") - len(data)
        if self._lines > 16 * LINES:  # each would cost the loop, which serves all others too, ten microseconds
            self.transport.abort()
            return
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    @property
    def is_at_work(self) -> bool:
        """Whether a request has come whose answer has not been sent."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _look(self) -> None:
        now, unread = self.loop.time(), self.transport.get_write_buffer_size()
        if self.is_at_work:
            self._idle_since = now
        if not unread or unread < self._unread:
            self._taken_at = now
        self._unread = unread
        if now - self._taken_at > UNREAD_S or (not unread and now - self._idle_since > HEADERS_S):
            self.transport.abort()
            return
        self._timer = self.loop.call_later(_LOOK_S, self._look)
