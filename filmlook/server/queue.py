"""Whose turn it is: clients at the door, bodies in memory, and the work, one after another."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool

from filmlook.server import request_body

WAITING = 64  # clients in a room; whoever comes then is told to come later
_AT_THE_DOOR_S = 120  # at most: before its body is taken in, nothing tells that a client has gone
_Made = TypeVar("_Made")


class Stopped(Exception):  # noqa: N818 (it is no error)
    """The client has gone, or the user interrupted."""


class Turn(Protocol):
    """A client's turn: told how far it is, and asked whether it shall go on."""

    def advance(self, share: float) -> None: ...

    def is_stopped(self) -> bool: ...


class BodyLimiter:
    """Where clients are from their call to its answer, while their bodies and orders are in memory.

    Args:
        most: bytes that a body may have.
        bodies: so many of the largest size, or more that are smaller, are in memory at once.
    """

    def __init__(self, most: Callable[[], int], bodies: int) -> None:
        self._most, self._bodies = most, bodies
        self._waiting, self._bytes = 0, 0
        self._entrance: deque[object] = deque()
        self._reading = asyncio.Lock()  # lets clients through in the order in which they came

    @asynccontextmanager
    async def place(self, request: Request, made_of: Callable[[dict[str, Any]], _Made]) -> AsyncIterator[_Made]:
        """A place, with the order that the request's fields make. Its body is taken in when there is room for it."""
        if self._waiting >= WAITING:
            raise _later(f"{WAITING} calls are waiting already")
        most = self._most()
        size, held = request_body.size_of(request, most), 0
        self._waiting += 1
        try:
            await self._enter(size, self._bodies * most)
            held = size
            body = await request_body.body_of(request, most)
            async with self._reading:
                order = await run_in_threadpool(_request_of, body, made_of)
            del body  # the same pictures in base64
            yield order
        finally:
            self._waiting -= 1
            self._bytes -= held

    async def _enter(self, size: int, room: int) -> None:
        """Waits at the door, first come, first served, until there is room for so many bytes."""
        client, end = object(), time.monotonic() + _AT_THE_DOOR_S
        self._entrance.append(client)
        try:
            while self._entrance[0] is not client or (self._bytes and self._bytes + size > room):
                if time.monotonic() > end:
                    raise _later("there is no room for so large a body")
                await asyncio.sleep(0.05)
            self._bytes += size
        finally:
            self._entrance.remove(client)


def _later(reason: str) -> HTTPException:
    return HTTPException(503, f"{reason}; try again later", {"Retry-After": "10"})


def _request_of(body: request_body.Body, made_of: Callable[[dict[str, Any]], _Made]) -> _Made:
    """The order that a body makes. A refusal that echoes it is cut: a wrong value may have megabytes."""
    try:
        return made_of(body.fields())
    except HTTPException as error:
        raise HTTPException(error.status_code, request_body.shortened(error.detail)) from None


class WorkQueue:
    """The work, first come, first served, one at a time.

    Args:
        turn: waits until nothing else works on the machine, and holds it; is told how many pictures are to come.
    """

    def __init__(self, turn: Callable[[int], AbstractContextManager[Turn]]) -> None:
        self._turn = turn
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="film-look")

    async def run(self, request: Request, pictures: int, work: Callable[[Turn, Callable[[], bool]], Any]) -> Any:
        """Runs the work when its turn comes; a client that goes away leaves the line, or stops the work."""
        gone = threading.Event()

        def in_turn() -> Any:
            if gone.is_set():
                raise Stopped
            with self._turn(pictures) as turn:
                return work(turn, gone.is_set)

        future = self._worker.submit(in_turn)
        watch = asyncio.ensure_future(_left(request))
        try:
            task = asyncio.wrap_future(future)
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                gone.set()
                future.cancel()
            return await task
        except (Stopped, asyncio.CancelledError):
            raise HTTPException(499, "the client has gone") from None
        finally:
            gone.set()
            watch.cancel()


async def _left(request: Request) -> None:
    """Waits until the client of a request whose body has come goes away. (`request.is_disconnected()` never tells of it behind
    the middleware that all hosts have.)"""
    while (await request.receive())["type"] != "http.disconnect":
        pass
