"""The HTTP API: one router, served by the WebUI and by `filmlook serve`.

Who may come in, whose turn it is and what a limit is decide the backend behind it. Bodies are read and checked here, so that
every wrong field is told by name, whatever version of pydantic the host has. Pictures come and go as base64, or as uploads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool

from filmlook.engine import compiled
from filmlook.errors import FilmLookError, LookError, UnknownStockError
from filmlook.files import picture
from filmlook.files.picture import Picture
from filmlook.look import Look
from filmlook.presets import (
    NotOwnError,
    Preset,
    delete_preset,
    is_built_in,
    is_look,
    list_looks,
    list_presets,
    load_preset,
    save_preset,
)
from filmlook.prints import is_paper, paper_facts, paper_labels, stock_facts
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import Report
from filmlook.server import jobs, requests
from filmlook.server.answers import FileAnswer, JsonAnswer
from filmlook.server.description import answered, described, refusals
from filmlook.server.queue import WAITING, BodyLimiter, Turn, WorkQueue
from filmlook.server.request_body import Limits
from filmlook.server.schema import look_schema
from filmlook.stock import is_installed, list_stocks, load_stock, stock_labels
from filmlook.version import __version__

PREFIX = "/sdapi/v1/film-look"
_BODIES = 4  # with pictures, of the largest size, are in memory at once
_TEXT_BYTES = 2**20  # of a body without pictures


class Backend(Protocol):
    """What stands behind the routes."""

    @property
    def limits(self) -> Limits:
        """What one request may bring."""

    def check(self, request: Request) -> None:
        """Lets a request in, or raises `HTTPException` 401 or 403."""

    def turn(self, pictures: int) -> AbstractContextManager[Turn]:
        """Waits until nothing else works on the machine, and holds it."""

    def develop(self, source: Picture, look: Look, seed: int | None, again: bool, progress: Callable[[float], None]) -> Picture:
        """Develops one picture with its metadata, as `filmlook.film_picture` does."""

    def report(self, prompt: str, negative: str, checkpoint: str | None, settings: GenerationParams) -> Report:
        """What there is to say of a prompt; `checkpoint` is a title, a file's name or a hash."""

    def state(self) -> dict[str, Any] | None:
        """Progress, where no host tells it; None where one does."""

    def interrupt(self) -> None:
        """Stops the work in progress."""


def build_router(backend: Backend) -> APIRouter:
    """The routes, each behind the backend's check."""

    def check(request: Request) -> None:
        backend.check(request)

    router = APIRouter(
        prefix=PREFIX,
        dependencies=[Depends(check)],
        tags=["Film Look"],
        responses=refusals(401, 403),
        default_response_class=JsonAnswer,
    )
    line = WorkQueue(backend.turn)
    pictures = BodyLimiter(lambda: backend.limits.bytes, _BODIES)
    texts = BodyLimiter(lambda: min(_TEXT_BYTES, backend.limits.bytes), WAITING)  # room for all: they never wait for uploads
    advice = asyncio.Lock()

    @router.post("/develop", summary="Develop pictures", **described("develop"))
    async def develop(request: Request) -> dict[str, Any]:
        async with pictures.place(request, lambda fields: requests.develop_request(fields, backend.limits)) as asked:

            def work(turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
                return jobs.developed(backend.develop, asked, backend.limits.pixels, turn, gone)

            return await line.run(request, len(asked.pictures), work)

    @router.post("/read", summary="Read the look of a picture", **described("read"))
    async def read(request: Request) -> dict[str, Any]:
        async with pictures.place(request, lambda fields: requests.read_request(fields, backend.limits)) as data:

            def work(turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
                with _refused():
                    return jobs.read(picture.decode(data, max_pixels=backend.limits.pixels))

            return await line.run(request, 0, work)

    @router.post("/export-lut", summary="Bake a look's colour into a LUT", response_class=FileAnswer, **described("export-lut"))
    async def export_lut(request: Request) -> Response:
        async with texts.place(request, lambda fields: requests.lut_request(fields, backend.limits)) as asked:
            kind, name = ("image/png", "look.png") if asked.kind == "hald" else ("text/plain", "look.cube")

            def work(turn: Turn, gone: Callable[[], bool]) -> bytes:
                with _refused():
                    return jobs.baked(asked, name)

            data = await line.run(request, 0, work)
        return FileAnswer(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    @router.post("/prompt", summary="Advise on a prompt", **described("prompt"))
    async def prompt(request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.prompt_request(fields, backend.limits)) as asked, advice:
            # one at a time: the page needs the threads
            found = await run_in_threadpool(backend.report, asked.prompt, asked.negative, asked.checkpoint, asked.settings)
        return found.as_dict()

    @router.get("/schema", summary="JSON Schema of the settings", **answered("schema"))
    def schema() -> dict[str, Any]:
        return look_schema()

    @router.get("/stocks", summary="The installed stocks", **answered("stocks"))
    def stocks() -> list[dict[str, Any]]:
        return [{"name": name, "label": label} for name, label in stock_labels().items()]

    @router.get("/stocks/{name}", summary="What is known of a stock", **answered("stock", 404, 422))
    def stock(name: str) -> dict[str, Any]:
        if not is_installed(name):
            raise HTTPException(404, f"there is no stock {name!r}")
        with _refused():
            try:
                return stock_facts(load_stock(name, allow_path=False))
            except UnknownStockError:  # deleted meanwhile
                raise HTTPException(404, f"there is no stock {name!r}") from None

    @router.get("/papers", summary="The installed papers", **answered("papers"))
    def papers() -> list[dict[str, Any]]:
        return [{"name": name, "label": label} for name, label in paper_labels().items()]

    @router.get("/papers/{name}", summary="What is known of a paper", **answered("paper", 404, 422))
    def paper(name: str) -> dict[str, Any]:
        if not is_paper(name):
            raise HTTPException(404, f"there is no paper {name!r}")
        with _refused():
            return paper_facts(name)

    @router.get("/looks", summary="The presets", **answered("looks"))
    def looks() -> list[dict[str, Any]]:
        return [_told_of(preset) for preset in list_presets()]

    @router.get("/looks/{name}", summary="One preset", **answered("look", 404, 422))
    def look(name: str) -> dict[str, Any]:
        try:
            if is_look(name):  # a name, not a label, as in the other calls
                return _told_of(load_preset(name))
        except LookError as error:
            if is_look(name):  # and not deleted meanwhile
                raise HTTPException(422, requests.told(error)) from None
        raise HTTPException(404, f"there is no look {name!r}")

    @router.put("/looks/{name}", summary="Save a preset of your own", **described("look"))
    async def put_look(name: str, request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.preset_request(name, fields, backend.limits)) as asked:

            def save() -> Preset:
                with _refused():
                    return save_preset(asked.name, asked.look, label=asked.label, text=asked.help)

            return _told_of(await run_in_threadpool(save))

    @router.delete("/looks/{name}", summary="Delete a preset of your own", **answered("deleted", 404, 409, 422))
    def drop_look(name: str) -> dict[str, Any]:
        with _refused():
            try:
                delete_preset(name)
            except NotOwnError:
                if not is_built_in(name):
                    raise HTTPException(404, f"there is no look {name!r}") from None
                raise HTTPException(409, f"look {name!r} is none of your own, which alone can be deleted") from None
        return {"deleted": name}

    @router.get("/health", summary="Whether all is well", **answered("health"))
    def health() -> dict[str, Any]:
        found = {"stocks": len(list_stocks()), "looks": len(list_looks())}
        return {"status": "ok", "version": __version__, **found, "cpu": compiled.status().engine}

    if backend.state() is not None:

        @router.get("/progress", summary="How far the work is", **answered("progress"))
        def progress() -> dict[str, Any]:
            return backend.state() or {}

        @router.post("/interrupt", summary="Stop the work in progress", **answered("nothing"))
        def interrupt() -> dict[str, Any]:
            backend.interrupt()
            return {}

    return router


class _refused:  # noqa: N801 (used as a function)
    """What Film Look refuses is the client's fault: 422, with the reason."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, FilmLookError):
            raise HTTPException(422, requests.told(error)) from None


def _told_of(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "label": preset.label,
        "help": preset.help,
        "own": preset.own,
        "look": preset.look.to_dict(),
    }
