"""A film on its way in, with its depth maps where they come too: streamed to disk, told by their first bytes, with what shall
become of it in JSON beside it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from filmlook.server import request_body
from filmlook.server.multipart import MultipartReader
from filmlook.server.request_body import PATIENCE_S, SLOWEST, Body, shown

_FILES = {"video": "upload", "depth": "depth"}
"""What the files of an upload are called here, by their fields."""

_ORDER_BYTES = 2**20
_PIECE = 2**20  # bytes that are written at once
_HEAD = 64  # bytes that tell what a file is
_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # the first of a QuickTime file


@dataclass(frozen=True)
class Upload:
    """What came: the film's file, that of its depth maps, and the fields of the JSON."""

    film: Path
    depth: Path | None
    fields: dict[str, Any]


async def taken_in(request: Request, folder: Path, most: int) -> Upload:
    """Writes the film of an upload into a folder, under a name of ours whose ending says what it holds.

    Raises:
        HTTPException: 408 too slow, 413 larger than `most` bytes, 415 no film, 422 damaged, 499 the client has gone.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        raise HTTPException(415, "allowed is multipart/form-data, with a film as video and JSON as order")
    seconds = PATIENCE_S + request_body.size_of(request, most + _ORDER_BYTES) / SLOWEST
    try:
        with ExitStack() as files:
            parts = _Parts({name: files.enter_context(open(folder / own, "xb")) for name, own in _FILES.items()}, most)
            reader = MultipartReader(kind, parts.begin, parts.data)
            await asyncio.wait_for(_streamed(request, reader, most + _ORDER_BYTES), seconds)
    except asyncio.TimeoutError:
        raise HTTPException(408, f"the body did not come within {seconds:.0f} seconds") from None
    except ClientDisconnect:
        raise HTTPException(499, "the client has gone") from None
    if "video" not in parts.seen:
        raise HTTPException(422, "video: allowed is one film")
    placed = {}
    for name, own in _FILES.items():
        if name in parts.seen:
            placed[name] = (folder / own).rename(folder / f"{own}{ending_of(parts.heads[name], name)}")
        else:
            (folder / own).unlink()
    fields = await run_in_threadpool(Body(bytes(parts.order) or b"{}", []).fields)
    del fields["images"]
    return Upload(placed["video"], placed.get("depth"), fields)


def ending_of(head: bytes, name: str = "video") -> str:
    """The ending of a film's file, by its first bytes; of depth maps a picture's too. What else libraries would take for a film
    (play lists, lists of files and of addresses) stays outside: it would have them read what it names.

    Raises:
        HTTPException: 415.
    """
    if head[4:8] in _ATOMS:
        return ".mov" if head[4:8] != b"ftyp" or head[8:12] == b"qt  " else ".mp4"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return ".webm" if b"webm" in head else ".mkv"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return ".gif"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ".webp"
    if name == "depth" and head.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if name == "depth" and head[:4] in (b"II*\0", b"MM\0*"):
        return ".tif"
    if name == "depth":
        raise HTTPException(415, "depth is neither film nor picture; allowed: those of video, PNG, JPEG, TIFF, WebP")
    raise HTTPException(415, "video is no film; allowed: MP4, MOV, MKV, WebM, GIF, APNG, animated WebP")


class _Parts:
    """Where the parts of an upload go: the films into files, the JSON into memory."""

    def __init__(self, files: dict[str, BinaryIO], most: int) -> None:
        self._files, self._most = files, most
        self._size = 0
        self.order, self.heads = bytearray(), dict.fromkeys(files, b"")
        self.seen: list[str] = []

    def begin(self, name: str, is_file: bool) -> None:
        if name not in ("order", *self._files) or (name in self._files) != is_file:
            raise HTTPException(422, f"unknown field {shown(name)}; allowed: order (JSON), video, depth (files)")
        if name in self.seen:
            raise HTTPException(422, f"{name}: there are two; allowed: one")
        self.seen.append(name)

    def data(self, piece: bytes) -> None:
        name = self.seen[-1]
        if name == "order":
            self.order += piece
            if len(self.order) > _ORDER_BYTES:
                raise HTTPException(413, f"order is larger than {_ORDER_BYTES} bytes, which are allowed")
            return
        self._size += len(piece)
        if self._size > self._most:
            raise HTTPException(413, f"video is larger than {self._most} bytes, which are allowed")
        if len(self.heads[name]) < _HEAD:
            self.heads[name] += piece[: _HEAD - len(self.heads[name])]
            if len(self.heads[name]) == _HEAD:
                ending_of(self.heads[name], name)  # what is no film need not come
        self._files[name].write(piece)


async def _streamed(request: Request, reader: MultipartReader, most: int) -> None:
    """The body, on its way through the reader; written beside the loop, which serves others too."""
    waiting, size = bytearray(), 0
    async for piece in request.stream():
        waiting += piece
        size += len(piece)
        if size > most:
            raise request_body.too_large(most)
        if len(waiting) >= _PIECE:
            await run_in_threadpool(reader.feed, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(reader.feed, bytes(waiting))
    reader.end()
