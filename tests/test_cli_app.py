"""`filmlook app`: the page in the browser, once it is there."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from filmlook.cli import app, main
from filmlook.cli import serve as serve_command
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import served, wait_until


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The addresses that the browser was sent to."""
    found: list[str] = []
    monkeypatch.setattr("webbrowser.open", found.append)
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    return found


def port_of(address: str) -> str:
    return address.rstrip("/").rpartition(":")[2]


def test_what_is_served_already_is_opened(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_command, "run", lambda args: pytest.fail("it was served a second time"))
    for credentials in ({}, {"ann": "secret"}):
        with served(build_app(Server(credentials, Limits(), "cpu"))) as address:
            assert main(["app", "--port", port_of(address)]) == 0
            assert opened.pop() == f"{address.rstrip('/')}/"


def test_the_browser_waits_for_the_server(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([None, None, None, True])
    monkeypatch.setattr(app, "_answer", lambda address: next(answers))
    monkeypatch.setattr(app, "_PAUSE_S", 0.01)

    def run(args: Any) -> int:
        assert not opened
        wait_until(lambda: bool(opened))
        return 0

    monkeypatch.setattr(serve_command, "run", run)
    assert main(["app", "--port", "7999"]) == 0
    assert opened == ["http://127.0.0.1:7999/"]


def test_a_server_that_does_not_start_opens_no_browser(opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_answer", lambda address: None)
    monkeypatch.setattr(app, "_PAUSE_S", 0.01)
    monkeypatch.setattr(serve_command, "run", lambda args: 1)
    assert main(["app", "--port", "7999"]) == 1
    time.sleep(0.05)
    assert not opened


def test_another_program_has_the_port(opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:  # it answers 501 to everything
        threading.Thread(target=other.serve_forever, daemon=True).start()
        assert main(["app", "--port", str(other.server_port)]) == 2
        other.shutdown()
    assert "is taken by another program" in capsys.readouterr().err
    assert not opened
