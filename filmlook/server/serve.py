"""`filmlook serve`: the HTTP API and the darkroom's page, without a WebUI."""

from __future__ import annotations

import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import torch
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from filmlook.depth.maps import depth_of
from filmlook.engine.compiled import prepare
from filmlook.engine.develop import film_picture
from filmlook.engine.device import pick_device
from filmlook.errors import LookError
from filmlook.files.picture import Picture
from filmlook.moving_look import MovingLook
from filmlook.prompts.checkpoints import Checkpoint
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import Report, report
from filmlook.prompts.tokens import installed_tokenizer
from filmlook.server.auth import Origins, check_basic, check_local, check_origin, credentials_from, is_loopback
from filmlook.server.page import build_page
from filmlook.server.request_body import Limits
from filmlook.server.router import build_router
from filmlook.version import __version__


class Server:
    """The backend of the stand-alone server.

    Args:
        credentials: passwords by user; empty where nobody is asked.
        limits: of a request.
        device, tile: as of `develop`.
        origins: whose pages may call where credentials are asked for.
    """

    def __init__(
        self,
        credentials: dict[str, str],
        limits: Limits,
        device: str | None = None,
        tile: int | None = None,
        origins: Origins | None = None,
    ) -> None:
        self.limits = limits
        self._credentials, self._device, self._tile = credentials, device, tile
        self._origins = origins or Origins()
        self._at_end: list[Callable[[], None]] = []
        self._share, self._working, self._stopped = 0.0, False, threading.Event()

    def check(self, request: Request) -> None:
        if self._credentials:
            check_basic(request, self._credentials)
        else:
            check_local(request)
        check_origin(request, self._origins)

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

    def develop(
        self,
        source: Picture,
        look: MovingLook,
        seed: int | None,
        again: bool,
        progress: Callable[[float], None],
        mask: Picture | None = None,
        depth: Picture | None = None,
    ) -> Picture:
        how: dict[str, Any] = {"device": self._device, "tile": self._tile, "progress": progress, "mask": mask}
        if look.may_have("aperture"):
            how["depth"] = depth or self.depth(source)
        return film_picture(source, look, seed=seed, again=again, **how)

    def depth(self, source: Picture) -> Picture | None:
        return depth_of(source.pixels)

    def film_place(self) -> tuple[str | None, int | None]:
        return self._device, self._tile

    def at_end(self, close: Callable[[], None]) -> None:
        self._at_end.append(close)

    def end(self) -> None:
        """Closes what is open."""
        while self._at_end:
            self._at_end.pop()()

    def proof_device(self) -> tuple[torch.device, bool]:
        return pick_device(self._device), False

    def report(self, prompt: str, negative: str, checkpoint: str | None, settings: GenerationParams) -> Report:
        named = Checkpoint(name=checkpoint, title=checkpoint) if checkpoint else None  # no file of this machine's is looked at
        return report(prompt, negative, named, settings, tokenizer=installed_tokenizer())

    def state(self) -> dict[str, Any]:
        return {"working": self._working, "progress": self._share if self._working else 0.0}

    def interrupt(self) -> None:
        self._stopped.set()


def build_app(server: Server) -> FastAPI:
    """The application, whose errors have the WebUI's shape."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(server.end)  # a server that is told to end by a signal runs nothing of Python's own after this

    app = FastAPI(
        lifespan=lifespan,
        title="Film Look",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirection would repeat the host that the request names
    )
    app.include_router(build_router(server))
    app.include_router(build_page(server))

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


def options() -> dict[str, Any]:
    """How uvicorn serves it: nobody keeps a connection without using it, and the end waits for nobody for long."""
    from filmlook.server.connections import GuardedProtocol

    return {"http": GuardedProtocol, "ws": "none", "timeout_graceful_shutdown": 1}


def run(
    host: str,
    port: int,
    auth: str,
    limits: Limits,
    device: str | None,
    tile: int | None,
    *,
    auth_file: str | None = None,
    behind_proxy: bool = False,
) -> None:
    """Serves until it is interrupted.

    Raises:
        LookError: an address that others reach, and no credentials.
    """
    credentials = credentials_from(auth, auth_file)
    if not credentials and not is_loopback(host):
        raise LookError(f"{host} can be reached by others; --auth USER:PASSWORD is needed there")
    import uvicorn

    warnings.filterwarnings("ignore", module=r"PIL\.")  # of which a stranger's file may cause thousands
    if pick_device(device).type == "cpu":
        prepare()
    app = build_app(Server(credentials, limits, device, tile, Origins(forwarded=behind_proxy)))
    uvicorn.run(app, host=host, port=port, log_level="info", **options())
