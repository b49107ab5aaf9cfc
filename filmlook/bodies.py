"""The bodies of requests: JSON or uploads, read within limits; and pictures as base64."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

_DATA_URI = "data:"
_PATIENCE_S = 60  # for the next part of a body, while others wait


@dataclass(frozen=True)
class Limits:
    """What one request may bring: bytes of the body, pixels of a picture, pictures; and the pixels of all that it takes back,
    where as many as one picture may have are allowed in any case."""

    bytes: int = 64 * 2**20
    pixels: int = 64_000_000
    pictures: int = 32
    answer_pixels: int = 128_000_000


async def fields_of(request: Request, limits: Limits) -> dict[str, Any]:
    """The fields of a request: its JSON object; or of a multipart upload the JSON in the field `order` and, as `images`,
    the bytes of the files.

    Raises:
        HTTPException: 413 for too large a body, 415 for another kind, 422 for one that is damaged, 408 and 499 where it
            stops coming.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "multipart/form-data"):
        raise HTTPException(415, "allowed are application/json and multipart/form-data")
    try:
        body = await _body(request, limits.bytes)
    except ClientDisconnect:
        raise HTTPException(499, "the client has gone") from None
    if kind == "application/json":
        return _object(body, "body")
    return await _uploaded(request, body)


def size_of(request: Request, most: int) -> int:
    """How large a body may become, by its header. Raises HTTPException 413 for more than is allowed."""
    told = request.headers.get("content-length", "")
    size = int(told) if told.isascii() and told.isdecimal() and len(told) < 20 else most
    if size > most:
        raise _too_large(most)
    return size


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {most} bytes, which are allowed")


async def _body(request: Request, most: int) -> bytes:
    """The body, of which no more is taken in than is allowed."""
    body, stream = bytearray(), request.stream()
    try:
        while part := await asyncio.wait_for(anext(stream, b""), _PATIENCE_S):
            body += part
            if len(body) > most:
                raise _too_large(most)
    except asyncio.TimeoutError:
        raise HTTPException(408, f"nothing more of the body came for {_PATIENCE_S} seconds") from None
    return bytes(body)


def _object(text: bytes | str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, f"{name}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise HTTPException(422, f"{name} is {type(value).__name__}; allowed: an object")
    return value


async def _uploaded(request: Request, body: bytes) -> dict[str, Any]:
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
                if key == "images" and not isinstance(value, str):
                    files.append(await value.read())
                elif key == "order" and isinstance(value, str):
                    orders.append(_object(value, "order"))
                else:
                    raise HTTPException(422, f"unknown field {key!r}; allowed: order (JSON), images (files)")
    except HTTPException:
        raise
    except Exception as error:  # parsers raise nearly everything on damaged uploads
        raise HTTPException(422, f"body: not multipart: {' '.join(str(error).split())[:200]}") from None
    if len(orders) > 1:
        raise HTTPException(422, f"order: there are {len(orders)}; allowed: one")
    fields = orders[0] if orders else {}
    if "images" in fields:
        raise HTTPException(422, "order: images come as files here")
    return {**fields, "images": files}


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
