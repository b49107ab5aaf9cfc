"""Whose turn it is: clients at the door, bodies in memory, and the work, one after another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from typing import Any, Protocol, TypeVar

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from filmlook.errors import Stopped
from filmlook.server import request_body

WAITING = 64  # clients in a room; whoever comes then is told to come later
_AT_THE_DOOR_S = 120  # at most: before its body is taken in, nothing tells that a client has gone
_FOR_EARLIER_S = 1.0  # that a request which has come waits for the bodies of earlier ones, which may come slowly or never
_SLICE_S = 0.5  # that long work holds the machine while others wait for it
_PASS_S = 0.01  # in which a host's own lock, too, goes to whoever waits for it
_Made = TypeVar("_Made")


class Turn(Protocol):
    """A client's turn: told how far it is, and asked whether it shall go on."""

    def advance(self, share: float) -> None: ...

    def is_stopped(self) -> bool: ...


class BodyLimiter:
    """Where clients are from their call to its answer, while their bodies and requests are in memory. They go on to the work
    in the order in which they came to the door; one whose body comes late lets the others pass.

    Args:
        most: bytes that a body may have.
        bodies: so many of the largest size, or more that are smaller, are in memory at once.
    """

    def __init__(self, most: Callable[[], int], bodies: int) -> None:
        self._most, self._bodies = most, bodies
        self._waiting, self._bytes = 0, 0
        self._entrance: deque[object] = deque()  # those for whom there is no room yet
        self._arrived: deque[object] = deque()  # all whose request is not made yet, those at the entrance included
        self._reading = asyncio.Lock()  # lets clients through in the order in which they come to it

    @asynccontextmanager
    async def place(self, request: Request, made_of: Callable[[dict[str, Any]], _Made]) -> AsyncIterator[_Made]:
        """A place, with the request that the body's fields make. The body is taken in when there is room for it."""
        if self._waiting >= WAITING:
            raise come_later(f"{WAITING} calls are waiting already")
        most = self._most()
        size, held = request_body.size_of(request, most), 0
        self._waiting += 1
        client = object()
        self._arrived.append(client)
        try:
            await self._enter(client, size, self._bodies * most)
            held = size
            body = await request_body.body_of(request, most)
            await self._after_earlier(client)
            async with self._reading:
                made = await run_in_threadpool(_request_of, body, made_of)
            self._arrived.remove(client)
            del body  # the same pictures in base64
            yield made
        finally:
            self._waiting -= 1
            self._bytes -= held
            if client in self._arrived:
                self._arrived.remove(client)

    async def _enter(self, client: object, size: int, room: int) -> None:
        """Waits at the door, first come, first served, until there is room for so many bytes."""
        end = time.monotonic() + _AT_THE_DOOR_S
        self._entrance.append(client)
        try:
            while self._entrance[0] is not client or (self._bytes and self._bytes + size > room):
                if time.monotonic() > end:
                    raise come_later("there is no room for so large a body")
                await asyncio.sleep(0.05)
            self._bytes += size
        finally:
            self._entrance.remove(client)

    async def _after_earlier(self, client: object) -> None:
        """Waits until the requests of all who came earlier are made, or until their bodies have been waited for enough."""
        end = time.monotonic() + _FOR_EARLIER_S
        while self._arrived[0] is not client and time.monotonic() < end:
            await asyncio.sleep(0.01)


def come_later(reason: str) -> HTTPException:
    return HTTPException(503, f"{reason}; try again later", {"Retry-After": "10"})


def _request_of(body: request_body.Body, made_of: Callable[[dict[str, Any]], _Made]) -> _Made:
    """The request that a body makes. A refusal that echoes it is cut: a wrong value may have megabytes."""
    try:
        return made_of(body.fields())
    except HTTPException as error:
        raise HTTPException(error.status_code, request_body.shortened(error.detail)) from None


class WorkQueue:
    """The work, first come, first served, one at a time. Long work lets others pass between its parts.

    Args:
        turn: waits until nothing else works on the machine, and holds it; is told how many pictures are to come.
    """

    def __init__(self, turn: Callable[[int], AbstractContextManager[Turn]]) -> None:
        self._turn = turn
        self._floor = _Floor()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="film-look")

    async def run(self, request: Request, pictures: int, work: Callable[[Turn, Callable[[], bool]], _Made]) -> _Made:
        """Runs the work when its turn comes; a client that goes away leaves the line, or stops the work."""
        gone = threading.Event()

        def in_turn() -> _Made:
            if gone.is_set():
                raise Stopped
            with self._floor.held(), self._turn(pictures) as turn:
                return work(turn, gone.is_set)

        return await awaited(request, self._worker.submit(in_turn), gone)

    @contextmanager
    def long(self) -> Iterator[Callable[[], None]]:
        """Holds the machine for long work in the caller's own thread, which calls what it is given between the parts of it:
        whoever came meanwhile goes first then, one for each half second that the work has had."""
        held, since = ExitStack(), 0.0

        def take() -> None:
            nonlocal since
            held.enter_context(self._floor.held())
            held.enter_context(self._turn(0))
            since = time.monotonic()

        def let_others_pass() -> None:
            if time.monotonic() - since >= _SLICE_S:
                held.close()
                time.sleep(_PASS_S)
                take()

        with held:
            take()
            yield let_others_pass


class _Floor:
    """A lock that goes to those who ask for it in the order in which they asked."""

    def __init__(self) -> None:
        self._asking: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def held(self) -> Iterator[None]:
        own = object()
        with self._changed:
            self._asking.append(own)
            self._changed.wait_for(lambda: self._asking[0] is own)
        try:
            yield
        finally:
            with self._changed:
                self._asking.remove(own)
                self._changed.notify_all()


async def awaited(request: Request, future: Future[_Made], gone: threading.Event) -> _Made:
    """The result of work that other threads do. A client that goes away leaves it, which `gone` tells; so does a server that
    ends and cancels the call, which then ends as cancelled.

    Raises:
        HTTPException: 499, the client has gone, or the work was stopped.
    """
    task = asyncio.wrap_future(future)
    watch = asyncio.ensure_future(_left(request))
    try:
        either: set[asyncio.Future[Any]] = {task, watch}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            if task.cancelled():
                raise Stopped
            return task.result()
        gone.set()
        future.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # seen, whatever it was: nobody is there to be told
        raise Stopped
    except Stopped:
        raise HTTPException(499, "the client has gone") from None
    finally:
        gone.set()
        task.cancel()  # its future too, where the work has not begun
        watch.cancel()


async def _left(request: Request) -> None:
    """Waits until the client of a request whose body has come goes away. (`request.is_disconnected()` never tells of it behind
    the middleware that all hosts have.)"""
    while (await request.receive())["type"] != "http.disconnect":
        pass
