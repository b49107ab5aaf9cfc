"""The HTTP API: one router, served by the WebUI and by `filmlook serve`.

Who may come in, whose turn it is and what a limit is decide the backend behind it. Bodies are read and checked here, so that
every wrong field is told by name, whatever version of pydantic the host has. Pictures come and go as base64, or as uploads.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool

import filmlook
from filmlook.engine.colour_only import colour_of
from filmlook.errors import FilmLookError, LookError
from filmlook.files import infotext, lut, picture
from filmlook.look import Look
from filmlook.presets import Preset, delete_preset, is_own, list_looks, load_preset, save_preset
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import Report
from filmlook.server import request_body, requests
from filmlook.server.queue import WAITING, BodyLimiter, Stopped, Turn, WorkQueue
from filmlook.server.request_body import Limits
from filmlook.server.schema import look_schema
from filmlook.stock import load_stock, stock_labels

PREFIX = "/sdapi/v1/film-look"
_BODIES = 4  # with pictures, of the largest size, are in memory at once
_TEXT_BYTES = 2**20  # of a body without pictures


class Backend(Protocol):
    """What stands behind the routes."""

    @property
    def limits(self) -> Limits:
        """What one request may bring."""

    def check(self, request: Request) -> None:
        """Lets a request in, or raises `HTTPException` 401."""

    def turn(self, pictures: int) -> AbstractContextManager[Turn]:
        """Waits until nothing else works on the machine, and holds it."""

    def develop(self, pixels: np.ndarray, look: Look, seed: int, progress: Callable[[float], None]) -> np.ndarray:
        """Develops one picture."""

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

    router = APIRouter(prefix=PREFIX, dependencies=[Depends(check)], tags=["Film Look"], responses=requests.refusals(401, 403))
    line = WorkQueue(backend.turn)
    pictures = BodyLimiter(lambda: backend.limits.bytes, _BODIES)
    texts = BodyLimiter(lambda: min(_TEXT_BYTES, backend.limits.bytes), WAITING)  # room for all: they never wait for uploads
    advice = asyncio.Lock()

    @router.post("/develop", summary="Develop pictures", **requests.described("develop"))
    async def develop(request: Request) -> dict[str, Any]:
        async with pictures.place(request, lambda fields: requests.develop_request(fields, backend.limits)) as order:

            def work(turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
                return _developed(backend, order, turn, gone)

            return await line.run(request, len(order.pictures), work)

    @router.post("/read", summary="Read the look of a picture", **requests.described("read"))
    async def read(request: Request) -> dict[str, Any]:
        async with pictures.place(request, requests.one_picture) as data:

            def work(turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
                with _refused():
                    return _read(picture.decode(data, max_pixels=backend.limits.pixels))

            return await line.run(request, 0, work)

    @router.post(
        "/export-lut", summary="Bake a look's colour into a LUT", response_class=Response, **requests.described("export-lut")
    )
    async def export_lut(request: Request) -> Response:
        async with texts.place(request, requests.lut_request) as order:
            kind, name = ("image/png", "look.png") if order.kind == "hald" else ("text/plain", "look.cube")

            def work(turn: Turn, gone: Callable[[], bool]) -> bytes:
                with _refused():
                    return _baked(order, name)

            data = await line.run(request, 0, work)
        return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    @router.post("/prompt", summary="Advise on a prompt", **requests.described("prompt"))
    async def prompt(request: Request) -> dict[str, Any]:
        async with texts.place(request, requests.prompt_request) as order, advice:  # one at a time: the page needs the threads
            found = await run_in_threadpool(backend.report, order.prompt, order.negative, order.checkpoint, order.settings)
        return found.as_dict()

    @router.get("/schema", summary="JSON Schema of the settings")
    def schema() -> dict[str, Any]:
        return look_schema()

    @router.get("/stocks", summary="The installed stocks")
    def stocks() -> list[dict[str, Any]]:
        return [{"name": name, "label": label} for name, label in stock_labels().items()]

    @router.get("/stocks/{name}", summary="What is known of a stock", responses=requests.refusals(404, 422))
    def stock(name: str) -> dict[str, Any]:
        if name not in stock_labels():
            raise HTTPException(404, f"there is no stock {name!r}")
        with _refused():
            return load_stock(name, allow_path=False).facts()

    @router.get("/looks", summary="The presets")
    def looks() -> list[dict[str, Any]]:
        return [_preset(load_preset(name)) for name in list_looks() if _is_readable(name)]

    @router.get("/looks/{name}", summary="One preset", responses=requests.refusals(404, 422))
    def look(name: str) -> dict[str, Any]:
        if name not in list_looks():
            raise HTTPException(404, f"there is no look {name!r}")
        with _refused():
            return _preset(load_preset(name))

    @router.put("/looks/{name}", summary="Save a preset of your own", **requests.described("look"))
    async def put_look(name: str, request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.preset_request(name, fields)) as order:
            with _refused():
                return _preset(save_preset(order.name, order.look, label=order.label, text=order.help))

    @router.delete("/looks/{name}", summary="Delete a preset of your own", responses=requests.refusals(404, 409, 422))
    def drop_look(name: str) -> dict[str, Any]:
        if name not in list_looks():
            raise HTTPException(404, f"there is no look {name!r}")
        if not is_own(name):
            raise HTTPException(409, f"look {name!r} is none of your own, which alone can be deleted")
        with _refused():
            delete_preset(name)
        return {"deleted": name}

    @router.get("/health", summary="Whether all is well")
    def health() -> dict[str, Any]:
        return {"status": "ok", "version": filmlook.__version__, "stocks": len(stock_labels()), "looks": len(list_looks())}

    if backend.state() is not None:

        @router.get("/progress", summary="How far the work is")
        def progress() -> dict[str, Any]:
            return backend.state() or {}

        @router.post("/interrupt", summary="Stop the work in progress")
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


def _preset(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "label": preset.label,
        "help": preset.help,
        "own": is_own(preset.name),
        "look": preset.look.to_dict(),
    }


def _is_readable(name: str) -> bool:
    try:
        load_preset(name)
    except LookError:
        return False
    return True


def _baked(order: requests.LutRequest, name: str) -> bytes:
    hald = order.kind == "hald"
    baked = replace(lut.bake(colour_of(order.look), 64 if hald else order.size), title=load_stock(order.look.stock).label)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        (lut.write_hald if hald else lut.write_cube)(path, baked)
        return path.read_bytes()


def _read(source: picture.Picture) -> dict[str, Any]:
    text = source.text.get("parameters", "")
    found = infotext.developed(infotext.pairs_of(text))
    return {
        "developed": found is not None,
        "look": found.look.to_dict() if found and found.look else None,
        "seed": found.seed if found else None,
        "frame": found.frame if found else None,
        "parameters": text,
    }


def _developed(backend: Backend, order: requests.DevelopRequest, turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
    """Every picture of an order, developed; a picture that fails is told in its place."""
    answer: dict[str, Any] = {"images": [], "infotexts": [], "seeds": [], "errors": []}
    if order.sheet:
        answer["sheets"] = []
    for number, data in enumerate(order.pictures):

        def progress(share: float, number: int = number) -> None:
            turn.advance((number + share) / len(order.pictures))
            if gone() or turn.is_stopped():
                raise Stopped

        if gone():
            raise Stopped
        made: dict[str, Any] = {"images": None, "infotexts": None, "seeds": None, "errors": None, "sheets": None}
        try:
            if turn.is_stopped():
                raise Stopped
            source = picture.decode(data, max_pixels=backend.limits.pixels)
            seed = order.seeds[number] if order.seeds else infotext.own_seed(source.text.values(), source.pixels)
            after = backend.develop(source.pixels, order.look, seed, progress)
            text = infotext.with_entries(
                source.text.get("parameters", ""), infotext.entries(order.look, seed), (after.shape[1], after.shape[0])
            )
            film = replace(source, pixels=after, text={**source.text, "parameters": text})
            made["images"] = request_body.base64_of(picture.encode(film, order.kind, quality=order.quality))
            made["infotexts"], made["seeds"] = text, seed
            if order.sheet:
                sides = np.concatenate((source.pixels, after), 1)
                sheet = replace(film, pixels=sides, exif=None, text={})
                made["sheets"] = request_body.base64_of(picture.encode(sheet, order.kind, quality=order.quality))
        except Stopped:
            if gone():
                raise
            made["errors"] = "interrupted"
        except FilmLookError as error:
            made["errors"] = requests.told(error)
        except (MemoryError, RuntimeError) as error:
            made["errors"] = f"{type(error).__name__}: {' '.join(requests.told(error).split())[:200]}"
        for key, values in answer.items():
            values.append(made[key])
    return answer
