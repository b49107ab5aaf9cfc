"""What "On film", below the galleries, needs: a picture as it was before it was developed, and a file made of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from PIL import Image

from filmlook.errors import PictureError
from filmlook.files.picture import Picture
from filmlook.look import Look
from filmlook.look_choice import LookChoice
from filmlook.server import requests
from filmlook.server.answers import FileAnswer
from filmlook.server.backend import Backend
from filmlook.server.queue import BodyLimiter, Turn, WorkQueue
from filmlook.server.router import PREFIX
from filmlook.webui.depth_networks import depth_given
from filmlook.webui.hooks import is_developed
from filmlook.webui.once.undeveloped import undeveloped
from filmlook.webui.processing import film_image, own_seed
from filmlook.webui.tab_run import output_folder, save

_BODIES = 2  # with pictures, of the largest size, in memory at once
_NOT_KEPT = "The undeveloped picture is not kept any more: generate it again."


def build_on_film(backend: Backend) -> APIRouter:
    """The page's own calls, behind the backend's check; no program needs them, so no description tells of them."""

    def check(request: Request) -> None:
        backend.check(request)

    router = APIRouter(prefix=PREFIX, dependencies=[Depends(check)], include_in_schema=False)
    pictures = BodyLimiter(lambda: backend.limits.bytes, _BODIES)
    line = WorkQueue(backend.turn)

    @router.post("/undeveloped")
    async def before(request: Request) -> Response:
        """A gallery's picture as it was before it was developed, as PNG."""
        async with pictures.place(request, lambda fields: requests.picture_request(fields, backend.limits)) as data:
            png = await run_in_threadpool(lambda: _png(_before(_opened(data, backend.limits.pixels))))
        return FileAnswer(png, media_type="image/png", headers={"Cache-Control": "no-store"})

    @router.post("/keep")
    async def keep(request: Request) -> dict[str, Any]:
        """Develops what a gallery's picture was before, and saves it where the tab saves: `{"path": ...}`."""
        async with pictures.place(request, lambda fields: requests.develop_request(fields, backend.limits)) as asked:

            def work(turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
                shown = _opened(asked.pictures[0], backend.limits.pixels)
                mask = _opened(asked.masks[0], backend.limits.pixels) if asked.masks else None
                depth = depth_given(asked.depths[0], asked.far_white) if asked.depths else None
                seed = asked.seeds[0] if asked.seeds else None
                return {"path": _kept(shown, mask, depth, asked.look.at(), seed, turn)}

            return await line.run(request, 1, work)

    return router


def _opened(data: bytes, most_pixels: int) -> Image.Image:
    """A picture's file. Raises HTTPException 413 or 422."""
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > most_pixels:
            raise HTTPException(413, f"image: it has {image.width * image.height} pixels; allowed are {most_pixels}")
        image.load()
    except (OSError, SyntaxError, ValueError):
        raise HTTPException(422, "image: it is no picture that can be read") from None
    return image


def _before(shown: Image.Image) -> Image.Image:
    """What a gallery's picture was before it was developed: itself, where it was not. Raises HTTPException 404."""
    found = undeveloped.before(shown)
    if found is None and is_developed(shown):
        raise HTTPException(404, _NOT_KEPT)
    return shown if found is None else found


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    bare = image.copy()
    bare.info = {}
    bare.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _kept(shown: Image.Image, mask: Image.Image | None, depth: Picture | None, look: Look, seed: int | None, turn: Turn) -> str:
    """Where the picture lies."""
    before = _before(shown).copy()
    before.info = dict(shown.info)  # how it was made; what is said of its old film is written anew
    chosen = own_seed(before) if seed is None else seed
    after, _ = film_image(before, LookChoice(look), seed=chosen, progress=turn.advance, mask=mask, depth=depth)
    try:
        return save(after, output_folder(), "")
    except OSError as error:
        raise PictureError(f"it is not saved: {error.strerror}") from None
