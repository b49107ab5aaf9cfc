"""`filmlook serve`: the HTTP API without a WebUI."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

import filmlook
from filmlook.engine.develop import develop
from filmlook.errors import LookError
from filmlook.look import Look
from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import Report, report
from filmlook.prompts.tokens import installed_tokenizer
from filmlook.server.auth import check_basic, check_local, credentials_of, is_loopback
from filmlook.server.request_body import Limits
from filmlook.server.router import build_router


class Server:
    """The backend of the stand-alone server.

    Args:
        credentials: passwords by user; empty where nobody is asked.
        limits: of a request.
        device, tile: as of `develop`.
    """

    def __init__(self, credentials: dict[str, str], limits: Limits, device: str | None = None, tile: int | None = None) -> None:
        self.limits = limits
        self._credentials, self._device, self._tile = credentials, device, tile
        self._share, self._working, self._stopped = 0.0, False, threading.Event()

    def check(self, request: Request) -> None:
        if self._credentials:
            check_basic(request, self._credentials)
        else:
            check_local(request)

    @contextmanager
    def turn(self, pictures: int) -> Iterator[Server]:
        self._share, self._working = 0.0, True
        self._stopped.clear()
        try:
            yield self
        finally:
            self._working = False

    def advance(self, share: float) -> None:
        self._share = share

    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    def develop(self, pixels: np.ndarray, look: Look, seed: int, progress: Callable[[float], None]) -> np.ndarray:
        developed: np.ndarray = develop(pixels, look, seed=seed, device=self._device, tile=self._tile, progress=progress)
        return developed

    def report(self, prompt: str, negative: str, checkpoint: str | None, settings: GenerationParams) -> Report:
        named = Checkpoint(name=checkpoint, title=checkpoint) if checkpoint else None  # no file of this machine's is looked at
        return report(prompt, negative, named, settings, tokenizer=installed_tokenizer())

    def state(self) -> dict[str, Any]:
        return {"working": self._working, "progress": self._share if self._working else 0.0}

    def interrupt(self) -> None:
        self._stopped.set()


def build_app(server: Server) -> FastAPI:
    """The application, whose errors have the WebUI's shape."""
    app = FastAPI(title="Film Look", version=filmlook.__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(build_router(server))

    @app.exception_handler(StarletteHTTPException)
    async def refused(request: Request, error: StarletteHTTPException) -> JSONResponse:
        return _error(error.status_code, type(error).__name__, error.detail, getattr(error, "headers", None))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return _error(500, type(error).__name__, "", None)

    @app.get("/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> dict[str, Any]:
        server.check(request)
        return app.openapi()

    return app


def _error(status: int, name: str, detail: Any, headers: Any) -> JSONResponse:
    return JSONResponse({"error": name, "detail": detail, "body": "", "errors": ""}, status, headers)


def run(host: str, port: int, auth: str, limits: Limits, device: str | None, tile: int | None) -> None:
    """Serves until it is interrupted.

    Raises:
        LookError: an address that others reach, and no credentials.
    """
    credentials = credentials_of(auth)
    if not credentials and not is_loopback(host):
        raise LookError(f"{host} can be reached by others; --auth USER:PASSWORD is needed there")
    import uvicorn

    uvicorn.run(build_app(Server(credentials, limits, device, tile)), host=host, port=port, log_level="info")
