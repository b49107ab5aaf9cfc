"""A served page, a browser, and a hand on it. Without a browser these tests are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.page.hand import PATIENCE_MS, Hand, Served

WINDOW = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        own = Path(driver.chromium.executable_path)
        path = (
            own
            if own.is_file()
            else shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        )
        if not path:
            pytest.skip("there is no Chromium: python -m playwright install chromium")
        unboxed = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []  # which Chromium refuses to root
        browser = driver.chromium.launch(executable_path=str(path), args=unboxed)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def photo(scene: np.ndarray) -> np.ndarray:
    """A picture that is larger than its window, at 100 % as well as on screen."""
    return np.ascontiguousarray(np.tile(scene, (3, 3, 1))[:880, :1240])


@pytest.fixture
def hand(browser: Any, served: Served) -> Iterator[Hand]:
    """A new browser window on the page. Whatever went wrong in it, in the console too, fails the test."""
    context = browser.new_context(viewport=WINDOW, color_scheme="dark", accept_downloads=True, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    hand = Hand(page, served.address)
    page.on("pageerror", lambda error: hand.wrong.append(f"{error}\n{error.stack}"))
    page.on("console", lambda line: hand.wrong.append(line.text) if line.type in ("error", "warning") else None)
    yield hand
    context.close()
    assert not hand.wrong
