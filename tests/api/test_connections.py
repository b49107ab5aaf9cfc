"""What would be kept for ever: headers that do not end, answers that nobody reads; and where passwords come from."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from filmlook.cli import main
from filmlook.errors import LookError
from filmlook.server import answers, connections
from filmlook.server.answers import Outgoing
from filmlook.server.auth import credentials_from
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import PATIENCE_S, PREFIX, served, wait_until
from tests.api.test_guards import deaf

__all__ = ["deaf"]  # a fixture
BODY = bytes(2**20)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed a connection."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def opened(url: str, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), PATIENCE_S)
    connection.sendall(sent)
    return connection


def test_headers_that_do_not_end_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.5)
    monkeypatch.setattr(connections, "_LOOK_S", 0.1)
    beginnings = [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
        b"G",
        f"GET {PREFIX}/health HTTP/1.1\r\nHost: localhost\r\n\r\nGET".encode(),
    ]
    with served(build_app(Server({}, Limits(), "cpu"))) as url:
        waiting = [opened(url, beginning) for beginning in beginnings]
        waiting[-1].recv(65536)
        wait_until(lambda: all(map(is_closed, waiting)))
        assert httpx.get(f"{url}{PREFIX}/health", timeout=PATIENCE_S).status_code == 200


def test_more_connections_than_there_is_room_for_stop_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that wait longest for their request make room; who sends one is answered."""
    monkeypatch.setattr(connections, "most_connections", lambda: 20)
    monkeypatch.setattr(connections, "HEADERS_S", PATIENCE_S)
    with served(build_app(Server({}, Limits(), "cpu"))) as url:
        waiting = [opened(url, b"GET / HTTP/1.1\r\nX: ") for _ in range(60)]
        for _ in range(5):
            assert httpx.get(f"{url}{PREFIX}/health", timeout=PATIENCE_S).status_code == 200
        wait_until(lambda: sum(map(is_closed, waiting)) >= 40)
        assert not is_closed(waiting[-1])


def test_a_body_in_chunks_of_a_byte_does_not_hold_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LINES", 1000)
    kind = "Content-Type: application/json\r\nTransfer-Encoding: chunked"
    head = f"POST {PREFIX}/read HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n\r\n"
    with served(build_app(Server({}, Limits(), "cpu"))) as url:
        hostile = opened(url, head.encode())
        with contextlib.suppress(ConnectionError):
            hostile.sendall(b"1\r\n \r\n" * 5000)
        wait_until(lambda: is_closed(hostile))
        plain = opened(url, head.encode() + b"".join(b"%x\r\n%s\r\n" % (n, b" " * n) for n in [1000] * 2000) + b"0\r\n\r\n")
        assert plain.recv(12) == b"HTTP/1.1 422"


def test_connections_leave_files_to_open() -> None:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 8 <= connections.most_connections() <= max(8, files // 2)


class Reader:
    """What an answer is sent to: takes so many pieces, and then no more."""

    def __init__(self, takes: int) -> None:
        self.takes, self.got = takes, 0

    async def send(self, message: dict[str, Any]) -> None:
        if "body" in message:
            if self.takes == 0:
                await asyncio.sleep(PATIENCE_S)
            self.takes -= 1
            self.got += len(message["body"])


def test_an_answer_is_sent_whole_and_a_stalled_one_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "STALL_S", 0.3)
    reads, stalls = Reader(-1), Reader(2)

    async def send() -> None:
        outgoing = Outgoing()
        began = time.monotonic()
        await asyncio.gather(*(outgoing.deliver(200, [], BODY, reader.send) for reader in (reads, stalls)))
        assert time.monotonic() - began < PATIENCE_S / 2
        assert outgoing.waiting == 0

    asyncio.run(send())
    assert reads.got == len(BODY)
    assert stalls.got == 2 * answers.PIECE


def test_unread_answers_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ROOM", 3 * len(BODY))
    monkeypatch.setattr(answers, "_PAUSE_S", 0.1)

    async def send() -> None:
        outgoing, most = Outgoing(), 0
        tasks = []
        for _ in range(12):
            tasks.append(asyncio.ensure_future(outgoing.deliver(200, [], BODY, Reader(0).send)))
            await asyncio.sleep(0.15)
            most = max(most, outgoing.waiting)
        assert most <= 4 * len(BODY)
        assert sum(task.done() for task in tasks) >= 8
        read = Reader(-1)
        await outgoing.deliver(200, [], BODY, read.send)
        assert read.got == len(BODY)
        for task in tasks:
            task.cancel()

    asyncio.run(send())


def test_a_client_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "STALL_S", 0.5)
    monkeypatch.setattr(connections, "UNREAD_S", 0.5)
    monkeypatch.setattr(connections, "_LOOK_S", 0.1)
    app = build_app(Server({}, Limits(), "cpu"))

    @app.get("/large", response_class=answers.FileAnswer)
    def large() -> answers.FileAnswer:
        return answers.FileAnswer(bytes(64 * 2**20))

    with served(app) as url:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: answers.outgoing.waiting > 0)
        wait_until(lambda: answers.outgoing.waiting == 0)
        connection.settimeout(PATIENCE_S)
        left = 0
        with contextlib.suppress(ConnectionError):  # as a connection that is not read is closed
            while part := connection.recv(2**20):
                left += len(part)
        assert left < 32 * 2**20
        assert len(httpx.get(f"{url}/large", timeout=PATIENCE_S).content) == 64 * 2**20


# Passwords


def test_passwords_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "users"
    file.write_text("ann:se:cr,et\n\nzoë:wörd\r\n", encoding="utf-8-sig")
    assert credentials_from("", str(file)) == {"ann": "se:cr,et", "zoë": "wörd"}
    monkeypatch.setenv("FILMLOOK_AUTH", "eve:x,bob:y")
    assert credentials_from("", None) == {"eve": "x", "bob": "y"}
    assert credentials_from("", str(file)).keys() == {"ann", "zoë"}
    assert credentials_from("joe:z", str(file)) == {"joe": "z"}
    monkeypatch.setenv("FILMLOOK_AUTH", "eve")
    with pytest.raises(LookError, match="FILMLOOK_AUTH: allowed is USER:PASSWORD"):
        credentials_from("", None)


@pytest.mark.parametrize("text", [b"", b"\n \n", b"ann\n", b"ann:x\n:y\n", b"\xff:x"])
def test_a_damaged_file_of_passwords_lets_nobody_in(tmp_path: Path, text: bytes, deaf: list[Any], capsys: Any) -> None:
    file = tmp_path / "users"
    file.write_bytes(text)
    for path in (file, tmp_path / "none"):
        assert main(["serve", "--auth-file", str(path)]) == 2
        assert str(path) in capsys.readouterr().err
    assert not deaf


def test_the_options_reach_the_server(tmp_path: Path, deaf: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users").write_text("ann:secret")
    backends: list[Any] = []
    monkeypatch.setattr("filmlook.server.serve.build_app", backends.append)
    assert main(["serve", "--host", "0.0.0.0", "--auth-file", str(tmp_path / "users"), "--behind-proxy"]) == 0
    monkeypatch.setenv("FILMLOOK_AUTH", "ann:secret")
    assert main(["serve", "--host", "0.0.0.0"]) == 0
    assert [backend._credentials for backend in backends] == [{"ann": "secret"}] * 2
    assert [backend._origins.forwarded for backend in backends] == [True, False]
    assert deaf[0]["http"] is connections.GuardedProtocol
