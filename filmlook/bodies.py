"""The bodies of requests: JSON or uploads, read within limits; and pictures as base64."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request

_DATA_URI = "data:"


@dataclass(frozen=True)
class Limits:
    """What one request may bring: bytes of the body, pixels of a picture, pictures."""

    bytes: int = 64 * 2**20
    pixels: int = 64_000_000
    pictures: int = 32


async def fields_of(request: Request, limits: Limits) -> dict[str, Any]:
    """The fields of a request: its JSON object; or of a multipart upload the JSON in the field `order` and, as `images`,
    the bytes of the files.

    Raises:
        HTTPException: 413 for too large a body, 415 for another kind, 422 for one that is damaged.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "multipart/form-data"):
        raise HTTPException(415, "allowed are application/json and multipart/form-data")
    body = await _body(request, limits.bytes)
    if kind == "application/json":
        return _object(body, "body")
    return await _uploaded(request, body)


async def _body(request: Request, most: int) -> bytes:
    """The body, of which no more is taken in than is allowed."""
    parts, size = [], 0
    too_large = HTTPException(413, f"the body is larger than {most} bytes, which are allowed")
    if int(_digits(request.headers.get("content-length"))) > most:
        raise too_large
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def _digits(text: str | None) -> str:
    return text if text and text.isascii() and text.isdecimal() and len(text) < 20 else "0"


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
            fields, files = {}, []
            for key, value in form.multi_items():
                if key == "images" and not isinstance(value, str):
                    files.append(await value.read())
                elif key == "order" and isinstance(value, str):
                    fields = _object(value, "order")
                else:
                    raise HTTPException(422, f"unknown field {key!r}; allowed: order (JSON), images (files)")
    except HTTPException:
        raise
    except Exception as error:  # parsers raise nearly everything on damaged uploads
        raise HTTPException(422, f"body: not multipart: {' '.join(str(error).split())[:200]}") from None
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
