"""Clients and servers for the tests of the API, and what they send each other."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from filmlook import Look, load_look
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, options

PREFIX = "/sdapi/v1/film-look"
INFOTEXT = "a cat, at night\nSteps: 20, Sampler: Euler a, Seed: 965400086, Size: 64x48"
LOOK = {"look": "gold-snapshot", "grain": 2}
SAME_LOOK = Look.from_dict({**load_look("gold-snapshot").to_dict(), "grain": 2})
PATIENCE_S = 30


def png(pixels: np.ndarray, **texts: str) -> bytes:
    file, info = io.BytesIO(), PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    Image.fromarray(pixels).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def clip(picture: np.ndarray, frames: int = 8, *, codec: str = "libx264", kind: str = "mp4", rate: int = 24) -> bytes:
    """A film of a picture that becomes lighter from frame to frame. Needs PyAV."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = picture.shape[:2]
        stream.pix_fmt = "yuv420p"
        for i in range(frames):
            shown = np.clip(picture * (0.6 + 0.4 * i / frames), 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def client_of(app: Any) -> TestClient:
    """A client on this machine, which is told of faults as others are."""
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def opened(text: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    image.load()
    return image


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


class Watched(Server):
    """The server's own backend, which tells what it is doing; a picture with the seed `LONG` takes for ever."""

    LONG = 999

    def __init__(self, credentials: dict[str, str] | None = None, limits: Limits | None = None) -> None:
        super().__init__(credentials or {}, limits or Limits(), "cpu")
        self.came, self.begun, self.done, self.broken_off = [], [], [], []  # type: ignore[var-annotated]
        self.gate = threading.Event()
        self.gate.set()

    def check(self, request: Any) -> None:
        super().check(request)
        self.came.append(request)

    def develop(
        self, source: Any, look: Look, seed: Any, again: bool, progress: Callable[[float], None], mask: Any = None
    ) -> Any:
        self.begun.append(seed)
        try:
            self.gate.wait(PATIENCE_S)
            for i in range(6000 if seed == self.LONG else 1):
                progress(i / 6000)
                time.sleep(0.01)
            made = super().develop(source, look, seed, again, progress, mask)
        except BaseException:
            self.broken_off.append(seed)
            raise
        self.done.append(seed)
        return made


@contextmanager
def served(app: Any) -> Iterator[str]:
    """A real server on a free port of this machine; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", **options()))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
