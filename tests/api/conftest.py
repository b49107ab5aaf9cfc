"""What the tests of the API share: a folder of the user's, and a client of a server that asks for no password."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import client_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def client() -> TestClient:
    return client_of(build_app(Server({}, Limits(), "cpu")))
