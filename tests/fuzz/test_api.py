"""A short run of the API's fuzzer; the long one is `python -m tests.fuzz.api --count 100000`."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from tests.fuzz import api


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))


def test_no_request_breaks_the_server() -> None:
    faults = api.Faults()
    asyncio.run(api.sent(iter(range(150)), 13, faults))
    assert not faults.lines
    assert faults.statuses[200] > 30  # or nothing was tried
    assert faults.statuses[422] > 30


def test_jobs_that_fail_are_told_and_leave_the_line_working(caplog: pytest.LogCaptureFixture) -> None:
    faults = api.Faults()
    with caplog.at_level(logging.ERROR, "filmlook"):
        told = asyncio.run(api.faulted(30, 13, faults))
    assert not faults.lines
    assert 10 < told < 60
    logged = [record for record in caplog.records if record.exc_info]
    assert 10 < len(logged) < told  # what is ours is told, and not logged


def test_twenty_clients_on_one_preset() -> None:
    faults = api.Faults()
    asyncio.run(api.crowd(20, 10, 13, faults))
    assert not faults.lines
    assert faults.statuses[200] > 100
