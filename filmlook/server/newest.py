"""Work for viewers who want to see the newest alone: beside the line, few at once, and of each viewer one."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import HTTPException, Request

from filmlook.errors import Stopped
from filmlook.server.queue import WAITING, awaited, come_later

log = logging.getLogger("filmlook")

_Made = TypeVar("_Made")


@dataclass(eq=False)
class Call:
    """A viewer's call. Whoever works on it asks `is_over`."""

    number: int
    gone: threading.Event = field(default_factory=threading.Event)
    dropped: bool = False
    future: Future[Any] | None = None

    def is_over(self) -> bool:
        return self.gone.is_set()

    def drop(self) -> None:
        self.dropped = True
        self.gone.set()
        if self.future:
            self.future.cancel()


class Newest:
    """The calls of viewers, of which each sees the newest of its own: an older one that waits or is worked on is dropped.

    Args:
        at_once: calls of all viewers that are worked on at once.
        what: what calls bring, for people.
    """

    def __init__(self, at_once: int, what: str) -> None:
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix=f"film-look-{what}")
        self._what = what
        self._calls = 0
        self._newest: dict[str, Call] = {}  # of viewers with a call that waits or is worked on
        self._lock = threading.Lock()

    async def run(self, request: Request, viewer: str, number: int, work: Callable[[Callable[[], bool]], _Made]) -> _Made:
        """Runs the work beside others; it is told by a function when it is over.

        Raises:
            HTTPException: 409 when a newer call of the viewer has come, 499 when its client has gone.
        """
        call, future = self.begin(viewer, number, work)
        try:
            return await awaited(request, future, call.gone)
        except HTTPException:
            if call.dropped:
                raise self.newer() from None
            raise

    def begin(self, viewer: str, number: int, work: Callable[[Callable[[], bool]], _Made]) -> tuple[Call, Future[_Made]]:
        """A call whose work has its place among the others, and its result. Raises HTTPException 409 or 503."""
        call = Call(number)

        def in_turn() -> _Made:
            if call.is_over():
                raise Stopped
            return work(call.is_over)

        with self._lock:
            older = self._newest.get(viewer) if viewer else None
            if older and older.number > number:
                raise self.newer()
            if self._calls >= WAITING:
                raise come_later(f"{WAITING} calls are waiting already")
            call.future = future = self._workers.submit(in_turn)
            self._calls += 1
            if viewer:
                self._newest[viewer] = call
        if older:
            older.drop()
        future.add_done_callback(lambda _: self._end(viewer, call))
        return call, future

    def _end(self, viewer: str, call: Call) -> None:
        with self._lock:
            self._calls -= 1
            if self._newest.get(viewer) is call:
                del self._newest[viewer]

    def newer(self) -> HTTPException:
        return HTTPException(409, f"a newer {self._what} of this viewer came")


class Frames:
    """What a call makes one after another, sent on as it comes, each a line of JSON. It ends early where a newer call of the
    viewer has come, and is stopped where its client has gone.

    Args:
        newest: where it is worked on; viewer, number: as of `Newest.run`.
        work: makes the frames.
        done: called when it is over.

    Raises:
        HTTPException: 409 or 503.
    """

    def __init__(
        self,
        newest: Newest,
        viewer: str,
        number: int,
        work: Callable[[Callable[[], bool]], Iterator[dict[str, Any]]],
        done: Callable[[], None],
    ) -> None:
        loop, self._lines = asyncio.get_running_loop(), asyncio.Queue[bytes | None]()

        def tell(line: bytes | None) -> None:
            with suppress(RuntimeError):  # the server has ended
                loop.call_soon_threadsafe(self._lines.put_nowait, line)

        def all_of_them(is_over: Callable[[], bool]) -> None:
            try:
                for frame in work(is_over):
                    tell(json.dumps(frame).encode() + b"\n")
            except Stopped:
                pass
            except Exception:  # too late for another status
                log.exception("Film Look: a sheet failed")
            finally:
                done()

        self._call, future = newest.begin(viewer, number, all_of_them)
        future.add_done_callback(lambda _: tell(None))

    async def lines(self) -> AsyncIterator[bytes]:
        try:
            while (line := await self._lines.get()) is not None:
                yield line
        finally:
            self._call.gone.set()
