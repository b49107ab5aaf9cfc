"""Work for viewers who want to see the newest alone: beside the line, few at once, and of each viewer one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import HTTPException, Request

from filmlook.errors import Stopped
from filmlook.server.queue import awaited

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
        finally:
            self.end(viewer, call)

    def begin(self, viewer: str, number: int, work: Callable[[Callable[[], bool]], _Made]) -> tuple[Call, Future[_Made]]:
        """A call whose work has its place among the others. Raises HTTPException 409."""
        call = Call(number)

        def in_turn() -> _Made:
            if call.is_over():
                raise Stopped
            return work(call.is_over)

        with self._lock:
            older = self._newest.get(viewer) if viewer else None
            if older and older.number > number:
                raise self.newer()
            if older:
                older.drop()
            call.future = future = self._workers.submit(in_turn)
            if viewer:
                self._newest[viewer] = call
        return call, future

    def end(self, viewer: str, call: Call) -> None:
        """Nobody waits for the call any more."""
        call.gone.set()
        with self._lock:
            if self._newest.get(viewer) is call:
                del self._newest[viewer]

    def newer(self) -> HTTPException:
        return HTTPException(409, f"a newer {self._what} of this viewer came")
