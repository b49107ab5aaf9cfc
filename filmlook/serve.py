"""`filmlook serve`: the HTTP API without a WebUI."""

from __future__ import annotations

import ipaddress
import secrets
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

import filmlook
from filmlook.api import build_router
from filmlook.bodies import Limits
from filmlook.develop import develop
from filmlook.errors import LookError
from filmlook.look import Look
from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.findings import Settings
from filmlook.prompts.report import Report, report
from filmlook.prompts.tokens import installed_tokenizer


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
        return develop(pixels, look, seed=seed, device=self._device, tile=self._tile, progress=progress)

    def report(self, prompt: str, negative: str, checkpoint: str | None, settings: Settings) -> Report:
        named = Checkpoint(name=checkpoint, title=checkpoint) if checkpoint else None  # no file of this machine's is looked at
        return report(prompt, negative, named, settings, tokenizer=installed_tokenizer())

    def state(self) -> dict[str, Any]:
        return {"working": self._working, "progress": self._share if self._working else 0.0}

    def interrupt(self) -> None:
        self._stopped.set()


def check_basic(request: Request, credentials: dict[str, str]) -> None:
    """HTTP Basic, in constant time. Raises HTTPException 401."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except ValueError:
        user = password = ""
    known = credentials.get(user)
    right = secrets.compare_digest((known if known is not None else secrets.token_hex()).encode(), password.encode())
    if scheme.lower() != "basic" or known is None or not right:
        raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Basic"})


def check_local(request: Request) -> None:
    """Keeps out the pages of other sites, which the user's browser would let call a server that asks nobody: by this machine's
    address (they send their origin), or by a name of theirs that leads here (DNS rebinding).

    Raises:
        HTTPException: 403.
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not _is_loopback(_address(f"//{host}")[0]):
        raise HTTPException(403, f"Host is {host!r}; without --auth allowed: localhost, 127.0.0.1, [::1]")
    if origin is not None and _address(origin) != _address(f"//{host}"):
        raise HTTPException(403, f"Origin is {origin!r}; without --auth no page of another site may call")


def _address(url: str) -> tuple[str, int | None]:
    """Host and port of a URL; of a damaged one nothing that is allowed."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


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
    if not credentials and not _is_loopback(host):
        raise LookError(f"{host} can be reached by others; --auth USER:PASSWORD is needed there")
    import uvicorn

    uvicorn.run(build_app(Server(credentials, limits, device, tile)), host=host, port=port, log_level="info")


def credentials_of(auth: str) -> dict[str, str]:
    """Passwords by user from `user:password,user:password`. Raises LookError."""
    found = {}
    for part in auth.split(",") if auth else ():
        user, colon, password = part.partition(":")
        if not (user and colon and password):
            raise LookError("--auth: allowed is USER:PASSWORD, several with commas between them")
        found[user] = password
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
