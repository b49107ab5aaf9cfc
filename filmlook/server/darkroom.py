"""The darkroom's calls: pictures are sent once, and then shown again and again, as looks would have them.

They stand in no line: whoever drags a setting waits neither for pictures that are developed nor for a generation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from filmlook.engine.proof import GivenDepth
from filmlook.errors import PictureError
from filmlook.files import picture
from filmlook.server import likeness, proofs, requests, sheet
from filmlook.server.answers import FileAnswer
from filmlook.server.backend import Backend
from filmlook.server.description import described
from filmlook.server.newest import Frames, Newest
from filmlook.server.picture_cache import KeptPicture, PictureCache
from filmlook.server.queue import WAITING, BodyLimiter

_PREVIEWS = 2  # worked on at once
_BODIES = 2  # with pictures, of the largest size, in memory at once
_TEXT_BYTES = 2**16  # of a body without a picture
_FRESH = {"Cache-Control": "no-store"}
_T = TypeVar("_T")


def add_darkroom(router: APIRouter, backend: Backend, cache: PictureCache | None = None) -> None:
    """Adds the darkroom's routes."""
    kept = cache or PictureCache()
    pictures = BodyLimiter(lambda: backend.limits.bytes, _BODIES)
    texts = BodyLimiter(lambda: min(_TEXT_BYTES, backend.limits.bytes), WAITING)
    decoding = asyncio.Lock()
    previews, scopings, sheets = Newest(_PREVIEWS, "preview"), Newest(1, "measurement"), Newest(1, "sheet")
    comparisons, depths = Newest(1, "comparison"), Newest(1, "question")

    def picture_of(name: str) -> KeptPicture:
        found = kept.get(name)
        if found is None:
            raise HTTPException(404, f"there is no picture {name}; send it again")
        return found

    def depth_for(source: KeptPicture, asked: Any) -> GivenDepth | None:
        """The depth map that a call gives with a picture. Raises HTTPException 404 or 422."""
        if asked.depth is None:
            return None
        found = picture_of(asked.depth)
        (height, width), own = source.proofs.size, found.proofs.size
        if own != (height, width):
            wide, high = own[1], own[0]
            raise HTTPException(
                422, f"depth map: it has {wide} x {high} pixels, the picture {width} x {height}; allowed is the same size"
            )
        return GivenDepth(asked.depth, found.proofs.picture, asked.depth_far_white)

    def place() -> tuple[torch.device, bool]:
        with requests.refusing():
            return backend.proof_device()

    def told(work: Callable[[], _T]) -> _T:
        """What the work makes; what is left of it is bounded."""
        try:
            with requests.refusing():
                return work()
        finally:
            kept.trim()

    @router.post("/pictures", summary="Send a picture to look at", **described("pictures"))
    async def send(request: Request) -> dict[str, Any]:
        async with pictures.place(request, lambda fields: requests.picture_request(fields, backend.limits)) as data, decoding:
            name, found = await run_in_threadpool(_taken_in, kept, data, backend.limits.pixels)
        found.proofs.find_depth = backend.depth
        height, width = found.proofs.size
        return {"hash": name, "width": width, "height": height, "developed": found.developed}

    @router.post("/preview", summary="Show a picture as a look has it", response_class=FileAnswer, **described("preview"))
    async def preview(request: Request) -> Response:
        async with texts.place(request, lambda fields: requests.preview_request(fields, backend.limits)) as asked:
            source = picture_of(asked.picture)
            depth = depth_for(source, asked)
            device, busy = place()
            made = await previews.run(
                request,
                asked.viewer,
                asked.number,
                lambda over: told(lambda: proofs.preview(source, asked, depth, device, over)),
            )
        headers = {"X-Film-Look-Device": made.device, "X-Film-Look-Ms": f"{made.ms:.0f}", **_FRESH}
        if busy:
            headers["X-Film-Look-Busy"] = "generation"
        if made.depth:
            headers["X-Film-Look-Depth"] = made.depth
        return FileAnswer(made.data, media_type=f"image/{asked.kind.lower()}", headers=headers)

    @router.post("/depth", summary="Tell how near a point of a picture is", **described("depth"))
    async def depth_at(request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.depth_request(fields, backend.limits)) as asked:
            source = picture_of(asked.picture)
            depth = depth_for(source, asked)
            return await depths.run(
                request, asked.viewer, asked.number, lambda over: told(lambda: proofs.depth_at(source, asked, depth))
            )

    @router.post("/scopes", summary="Measure a picture before and after", **described("scopes"))
    async def scope(request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.scopes_request(fields, backend.limits)) as asked:
            source = picture_of(asked.picture)
            depth = depth_for(source, asked)
            device, _ = place()
            return await scopings.run(
                request,
                asked.viewer,
                asked.number,
                lambda over: told(lambda: proofs.measured(source, asked, depth, device, over)),
            )

    @router.post("/like", summary="Find the stocks that make a picture like another", **described("like"))
    async def like(request: Request) -> dict[str, Any]:
        async with texts.place(request, lambda fields: requests.like_request(fields, backend.limits)) as asked:
            source, reference = picture_of(asked.picture), picture_of(asked.reference)
            stocks = await comparisons.run(
                request,
                asked.viewer,
                asked.number,
                lambda over: told(lambda: likeness.ranked(source, reference, asked.look, over)),
            )
            return {"stocks": stocks}

    @router.post("/sheet", summary="Show a picture with many looks", response_class=StreamingResponse, **described("sheet"))
    async def contact_sheet(request: Request) -> Response:
        async with texts.place(request, lambda fields: requests.sheet_request(fields, backend.limits)) as asked:
            source = picture_of(asked.picture)
            depth = depth_for(source, asked)
            device, _ = place()
            with requests.refusing():
                await run_in_threadpool(sheet.frames_of, asked)  # what is wrong with them is told before anything is sent

        def work(over: Callable[[], bool]) -> Iterator[dict[str, Any]]:
            return sheet.sheet(source, asked, depth, device, over)

        frames = Frames(sheets, asked.viewer, asked.number, work, kept.trim)
        return StreamingResponse(frames.lines(), media_type="application/x-ndjson", headers=_FRESH)


def _taken_in(cache: PictureCache, data: bytes, most_pixels: int) -> tuple[str, KeptPicture]:
    """A picture's file, decoded and kept. Raises HTTPException 413 or 422."""
    with requests.refusing():
        pixels = picture.count_pixels(data)
        if pixels > most_pixels:
            raise HTTPException(413, f"image: it has {pixels} pixels; allowed are {most_pixels}")
        source = picture.decode(data, max_pixels=most_pixels)
    try:
        return cache.put(source)
    except PictureError as error:
        raise HTTPException(413, f"image: {error}") from None
