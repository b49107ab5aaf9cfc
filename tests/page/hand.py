"""The page's server, and a hand on the page: what tests do as a person does it."""

from __future__ import annotations

import base64
import io
import threading
from contextlib import closing
from dataclasses import dataclass, field
from socket import socket
from typing import Any

import numpy as np
import uvicorn
from PIL import Image

from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app, options
from tests.api.clients import png, wait_until

PATIENCE_MS = 60_000  # the machine may have much else to do


class Served:
    """`filmlook serve` at one address, which can go and come back."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        with closing(socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.address = f"http://127.0.0.1:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.start()

    def start(self) -> None:
        app = build_app(Server({}, self._limits, "cpu"))
        self._server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="critical", **options()))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: bool(self._server and self._server.started))

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(60)
            self._server = self._thread = None


@dataclass
class Hand:
    """What a person does on the page, and sees there."""

    page: Any
    address: str
    wrong: list[str] = field(default_factory=list)

    def visit(self, query: str = "") -> Hand:
        self.page.goto(f"{self.address}/{query}")
        self.page.wait_for_selector("film-look-darkroom")
        return self

    def open(self, pixels: np.ndarray | bytes, name: str = "photo.png") -> Hand:
        data = pixels if isinstance(pixels, bytes) else png(pixels)
        self.page.set_input_files("header input[type=file]", {"name": name, "mimeType": "image/png", "buffer": data})
        return self

    def settle(self) -> Hand:
        """Waits until nothing is asked for any more."""
        self.page.wait_for_selector(".stage:not(.working)")
        return self

    def shown(self) -> np.ndarray:
        """The canvas, in screen pixels, RGB."""
        self.settle()
        script = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
            const canvas = document.querySelector('film-look-darkroom').shadowRoot.querySelector('canvas.picture');
            done(canvas.toDataURL('image/png'));
        })))"""
        text = self.page.evaluate(script)
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))).convert("RGB"), np.int16)

    def slide(self, key: str, value: float) -> Hand:
        """Moves a setting's slider to a value, as a drag does."""
        self.page.locator(f".row:has(#setting-{key}) input[type=range]").fill(str(value))
        return self

    def number(self, key: str) -> float:
        return float(self.page.input_value(f"#setting-{key}"))

    def press(self, *keys: str) -> Hand:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def problem(self) -> Any:
        return self.page.locator(".problem")
