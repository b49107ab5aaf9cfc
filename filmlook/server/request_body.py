"""The bodies of requests: JSON or uploads, read within limits; and pictures as base64."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import reprlib
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

_DATA_URI = "data:"
PATIENCE_S = 60  # for a body, while others wait; and as long as it takes at the
SLOWEST = 256_000  # bytes per second
_MARKS = 100_000  # of JSON, that begin or part values: each takes up to some 200 bytes of memory. Pictures in base64 have none

_FILES = ("images", "image")  # the fields of an upload that hold files
_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxlong, _REPR.maxother = 1, 60, 60, 60
_DETAIL = 4000  # letters


@dataclass(frozen=True)
class Limits:
    """What one request may bring: bytes of the body, pixels of a picture, pictures; and the pixels of all that it takes back,
    where as many as one picture may have are allowed in any case. Of a film: bytes, seconds, and how many wait or are kept."""

    bytes: int = 64 * 2**20
    pixels: int = 64_000_000
    pictures: int = 32
    answer_pixels: int = 128_000_000
    video_bytes: int = 2**30
    video_seconds: int = 600
    videos: int = 8


@dataclass(frozen=True)
class Body:
    """A body as it came: its JSON, and the files of an upload."""

    json: bytes
    files: list[bytes] | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of the JSON object; with an upload's files as `images`. May take seconds.

        Raises:
            HTTPException: 422.
        """
        if self.files is None:
            return _object(self.json, "body")
        fields = _object(self.json, "order")
        if "images" in fields:
            raise HTTPException(422, "order: images come as files here")
        return {**fields, "images": self.files}


async def body_of(request: Request, most: int) -> Body:
    """The body of a request: JSON; or a multipart upload with JSON in the field `order` and files as `images`.

    Raises:
        HTTPException: 413 for more bytes than `most`, 415 for another kind, 422 for one that is damaged, 408 for one that
            comes too slowly, 499 where its client goes.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "multipart/form-data"):
        raise HTTPException(415, "allowed are application/json and multipart/form-data")
    seconds = PATIENCE_S + size_of(request, most) / SLOWEST
    try:
        body = await asyncio.wait_for(_taken_in(request, most), seconds)
    except asyncio.TimeoutError:
        raise HTTPException(408, f"the body did not come within {seconds:.0f} seconds") from None
    except ClientDisconnect:
        raise HTTPException(499, "the client has gone") from None
    return Body(body) if kind == "application/json" else await _uploaded(request, body)


def size_of(request: Request, most: int) -> int:
    """How large a body may become, by its header; without one, as large as is allowed. Raises HTTPException 413 for more."""
    told = request.headers.get("content-length", "")
    size = int(told) if told.isascii() and told.isdecimal() and len(told) < 20 else most
    if size > most:
        raise too_large(most)
    return size


def too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {most} bytes, which are allowed")


async def _taken_in(request: Request, most: int) -> bytes:
    """The body, of which no more is taken in than is allowed."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise too_large(most)
    return bytes(body)


def _object(text: bytes, name: str) -> dict[str, Any]:
    marks = sum(text.count(mark) for mark in (b"[", b"{", b","))
    if marks > _MARKS:
        raise HTTPException(422, f"{name}: {marks} brackets, braces and commas in JSON; allowed: {_MARKS}")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, f"{name}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise HTTPException(422, f"{name} is {type(value).__name__}; allowed: an object")
    return value


async def _uploaded(request: Request, body: bytes) -> Body:
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        part = b"" if sent else body
        sent = True
        return {"type": "http.request", "body": part, "more_body": False}

    try:
        async with Request(request.scope, receive).form() as form:
            orders, files = [], []
            for key, value in form.multi_items():
                if key in _FILES and not isinstance(value, str):
                    files.append(await value.read())
                elif key == "order" and isinstance(value, str):
                    orders.append(value.encode("utf-8", "surrogatepass"))  # as JSON is read
                else:
                    raise HTTPException(422, f"unknown field {shown(key)}; allowed: order (JSON), images (files)")
    except HTTPException:
        raise
    except Exception as error:  # parsers raise nearly everything on damaged uploads
        raise HTTPException(422, f"body: not multipart: {' '.join(str(error).split())[:200]}") from None
    if len(orders) > 1:
        raise HTTPException(422, f"order: there are {len(orders)}; allowed: one")
    return Body(orders[0] if orders else b"{}", files)


def bytes_of(value: Any, name: str) -> bytes:
    """A picture's bytes from base64, with or without a data URI before it; an uploaded file's bytes as they are.

    Raises:
        HTTPException: 422 for anything else. Addresses are not followed.
    """
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise HTTPException(422, f"{name} is {type(value).__name__}; allowed: a picture in base64")
    if value.startswith(_DATA_URI):
        value = value.partition(",")[2]
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise HTTPException(422, f"{name}: not base64; addresses and paths are not followed") from None


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def shown(value: Any) -> str:
    """A value as an answer can tell it: short, and with what is no text (a lone surrogate) escaped."""
    return _REPR.repr(value)


def shortened(text: str) -> str:
    """A text as an answer can tell it, whose end may say what is allowed."""
    return text if len(text) <= _DETAIL else f"{text[: _DETAIL // 2]} ... {text[-_DETAIL // 2 :]}"
