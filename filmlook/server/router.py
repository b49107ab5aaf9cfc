"""The HTTP API: one router, served by the WebUI and by `filmlook serve`.

Who may come in, whose turn it is and what a limit is decide the backend behind it. Bodies are read and checked here, so that
every wrong field is told by name, whatever version of pydantic the host has. Pictures come and go as base64, or as uploads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool

from filmlook.engine.engines import engines
from filmlook.files import picture
from filmlook.presets import (
    NotOwnError,
    Preset,
    delete_preset,
    is_built_in,
    list_looks,
    save_preset,
)
from filmlook.server import jobs, requests
from filmlook.server.answers import FileAnswer, JsonAnswer
from filmlook.server.backend import Backend
from filmlook.server.darkroom import add_darkroom
from filmlook.server.description import answered, described, refusals
from filmlook.server.films import add_films
from filmlook.server.lists import add_lists, preset_facts
from filmlook.server.queue import WAITING, BodyLimiter, Turn, WorkQueue
from filmlook.stock import list_stocks
from filmlook.version import __version__

PREFIX = "/sdapi/v1/film-look"
_BODIES = 4  # with pictures, of the largest size, are in memory at once
_TEXT_BYTES = 2**20  # of a body without pictures


def build_darkroom(backend: Backend) -> APIRouter:
    """The routes that a page needs to show a picture while its look is chosen, each behind the backend's check."""

    def check(request: Request) -> None:
        backend.check(request)

    router = APIRouter(
        prefix=PREFIX,
        dependencies=[Depends(check)],
        tags=["Film Look"],
        responses=refusals(401, 403),
        default_response_class=JsonAnswer,
    )
    add_darkroom(router, backend)
    add_lists(router, lambda: backend.limits)
    return router


def build_router(backend: Backend) -> APIRouter:
    """All routes, each behind the backend's check."""
    router = build_darkroom(backend)
    line = WorkQueue(backend.turn)
    pictures = BodyLimiter(lambda: backend.limits.bytes, _BODIES)
    texts = BodyLimiter(lambda: min(_TEXT_BYTES, backend.limits.bytes), WAITING)  # room for all: they never wait for uploads
    advice = asyncio.Lock()

    @router.post("/develop", summary="Develop pictures", **described("develop"))
    async def develop(request: Request) -> Any:
        async with pictures.place(request, lambda fields: requests.develop_request(fields, backend.limits)) as asked:

            def work(turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
                return jobs.developed(backend.develop, asked, backend.limits.pixels, turn, gone)

            def work_on_file(turn: Turn, gone: Callable[[], bool]) -> bytes:
                with requests.refusing():
                    return jobs.developed_file(backend.develop, asked, backend.limits.pixels, turn, gone)

            if asked.as_file:
                return FileAnswer(await line.run(request, 1, work_on_file), media_type=f"image/{asked.kind.lower()}")
            return await line.run(request, len(asked.pictures), work)

    @router.post("/read", summary="Read the look of a picture", **described("read"))
    async def read(request: Request) -> dict[str, Any]:
        async with pictures.place(request, lambda fields: requests.picture_request(fields, backend.limits)) as data:

            def work(turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
                with requests.refusing():
                    return jobs.read(picture.decode(data, max_pixels=backend.limits.pixels))

            return await line.run(request, 0, work)

    @router.post("/match", summary="Find the look of pictures", **described("match"))
    async def match(request: Request) -> dict[str, Any]:
        async with pictures.place(request, lambda fields: requests.match_request(fields, backend.limits)) as asked:

            def work(turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
                with requests.refusing():
                    return jobs.matched(asked, turn, gone)

            return await line.run(request, 1, work)

    @router.post("/export-lut", summary="Bake a look's colour into a LUT", response_class=FileAnswer, **described("export-lut"))
    async def export_lut(request: Request) -> Response:
        async with texts.place(request, lambda fields: requests.lut_request(fields, backend.limits)) as asked:
            kind, name = ("image/png", "look.png") if asked.kind == "hald" else ("text/plain", "look.cube")

            def work(turn: Turn, gone: Callable[[], bool]) -> bytes:
                with requests.refusing():
                    return jobs.baked(asked, name)

            data = await line.run(request, 0, work)
        return FileAnswer(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    @router.post("/names", summary="Name the files of many pictures", **described("names"))
    async def names(request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.names_request(fields, backend.limits)) as asked:
            with requests.refusing("pattern: "):
                return {"names": await run_in_threadpool(jobs.named, asked)}

    @router.post("/prompt", summary="Advise on a prompt", **described("prompt"))
    async def prompt(request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.prompt_request(fields, backend.limits)) as asked, advice:
            # one at a time: the page needs the threads
            found = await run_in_threadpool(backend.report, asked.prompt, asked.negative, asked.checkpoint, asked.settings)
        return found.as_dict()

    @router.put("/looks/{name}", summary="Save a preset of your own", **described("look"))
    async def put_look(name: str, request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.preset_request(name, fields, backend.limits)) as asked:

            def save() -> Preset:
                with requests.refusing():
                    return save_preset(asked.name, asked.look, label=asked.label, text=asked.help)

            return preset_facts(await run_in_threadpool(save))

    @router.delete("/looks/{name}", summary="Delete a preset of your own", **answered("deleted", 404, 409, 422))
    def drop_look(name: str) -> dict[str, Any]:
        with requests.refusing():
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
        used = {device: choice.engine for device, choice in engines().items()}
        return {"status": "ok", "version": __version__, **found, **used}

    add_films(router, backend, line)

    if backend.state() is not None:

        @router.get("/progress", summary="How far the work is", **answered("progress"))
        def progress() -> dict[str, Any]:
            return backend.state() or {}

        @router.post("/interrupt", summary="Stop the work in progress", **answered("nothing"))
        def interrupt() -> dict[str, Any]:
            backend.interrupt()
            return {}

    return router
