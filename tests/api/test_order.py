"""The line: who came first is first, whoever leaves is out, and what is cancelled stays cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import HTTPException, Request

from filmlook.errors import Stopped
from filmlook.server import queue
from filmlook.server.queue import BodyLimiter, WorkQueue
from tests.api.clients import PATIENCE_S


class Client:
    """A client whose body comes when it is let go, and who leaves when the test says so."""

    def __init__(self, name: str, size: int = 100) -> None:
        self.name, self.body, self.left = name, asyncio.Event(), asyncio.Event()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
        self.request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, self._receive)
        self._sent = False

    async def _receive(self) -> dict[str, Any]:
        if not self._sent:
            await self.body.wait()
            self._sent = True
            return {"type": "http.request", "body": json.dumps({"name": self.name}).encode(), "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S) if hasattr(asyncio, "timeout") else contextlib.nullcontext():
        while not is_so():
            await asyncio.sleep(0.01)


class Room:
    """A room of 100 bytes, and who has come through it."""

    def __init__(self) -> None:
        self.limiter, self.came = BodyLimiter(lambda: 100, 1), []  # type: ignore[var-annotated]
        self._leave: dict[str, asyncio.Event] = {}

    def enter(self, client: Client) -> asyncio.Task[None]:
        self._leave[client.name] = asyncio.Event()

        async def visit() -> None:
            async with self.limiter.place(client.request, lambda fields: fields["name"]) as name:
                self.came.append(name)
                await self._leave[name].wait()

        return asyncio.ensure_future(visit())

    def let_go(self, name: str) -> None:
        self._leave[name].set()


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 2 * PATIENCE_S))  # type: ignore[arg-type]


def test_a_small_body_does_not_overtake_a_large_one_that_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        room = Room()
        clients = [Client("first", 60), Client("large", 90), Client("small", 10)]
        visits = []
        for client in clients:
            client.body.set()
            visits.append(room.enter(client))
            await asyncio.sleep(0.05)
        await until(lambda: room.came == ["first"])
        await asyncio.sleep(0.3)
        assert room.came == ["first"]  # there would be room for the small one
        room.let_go("first")
        await until(lambda: len(room.came) == 3)
        assert room.came == ["first", "large", "small"]
        room.let_go("large")
        room.let_go("small")
        await asyncio.gather(*visits)

    monkeypatch.setattr(queue, "_FOR_EARLIER_S", 0.05)  # the door alone keeps them in order
    run(test)


def test_who_came_first_is_worked_for_first_though_its_body_came_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        room, slow, fast = Room(), Client("slow", 10), Client("fast", 10)
        visits = [room.enter(slow)]
        await asyncio.sleep(0.05)
        visits.append(room.enter(fast))
        fast.body.set()
        await asyncio.sleep(0.3)
        assert room.came == []
        slow.body.set()
        await until(lambda: len(room.came) == 2)
        assert room.came == ["slow", "fast"]
        room.let_go("slow")
        room.let_go("fast")
        await asyncio.gather(*visits)

    monkeypatch.setattr(queue, "_FOR_EARLIER_S", PATIENCE_S)
    run(test)


def test_a_body_that_does_not_come_holds_up_nobody_for_long() -> None:
    async def test() -> None:
        room, never, fast = Room(), Client("never", 10), Client("fast", 10)
        visits = [room.enter(never)]
        await asyncio.sleep(0.05)
        visits.append(room.enter(fast))
        fast.body.set()
        await until(lambda: room.came == ["fast"])
        never.body.set()
        await until(lambda: len(room.came) == 2)
        room.let_go("fast")
        room.let_go("never")
        await asyncio.gather(*visits)

    run(test)


class Turns:
    """A machine that is always free."""

    def advance(self, share: float) -> None:
        pass

    def is_stopped(self) -> bool:
        return False


def long_work(begun: threading.Event, ended: threading.Event) -> Callable[[Any, Callable[[], bool]], None]:
    def work(turn: Any, gone: Callable[[], bool]) -> None:
        begun.set()
        try:
            while not gone():
                begun.wait(0.01)
            raise Stopped
        finally:
            ended.set()

    return work


@pytest.mark.parametrize("leaves", [True, False], ids=["its client has gone", "the server ends"])
def test_work_ends_with_its_call(leaves: bool) -> None:
    """A client that goes is answered 499; a call that is cancelled, as a server does when it ends, stays cancelled."""

    async def test() -> None:
        line, begun, ended = WorkQueue(lambda pictures: contextlib.nullcontext(Turns())), threading.Event(), threading.Event()
        clients = [Client("works"), Client("waits")]
        for client in clients:
            client.body.set()
            await client.request.body()
        calls = [asyncio.ensure_future(line.run(client.request, 1, long_work(begun, ended))) for client in clients]
        await until(begun.is_set)
        for client, call in zip(reversed(clients), reversed(calls), strict=True):  # who waits, then who is worked for
            client.left.set() if leaves else call.cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        for answer in answers:
            if leaves:
                assert isinstance(answer, HTTPException)
                assert answer.status_code == 499
            else:
                assert isinstance(answer, asyncio.CancelledError)
        assert await asyncio.to_thread(ended.wait, PATIENCE_S)

    run(test)


def test_what_the_work_raises_is_raised() -> None:
    async def test() -> None:
        line, client = WorkQueue(lambda pictures: contextlib.nullcontext(Turns())), Client("fails")

        def work(turn: Any, gone: Callable[[], bool]) -> None:
            raise KeyError("x")

        client.body.set()
        await client.request.body()
        with pytest.raises(KeyError):
            await line.run(client.request, 1, work)

    run(test)
