"""What clients order, checked field by field; and what the API's description says of it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from typing import Any

from fastapi import HTTPException

from filmlook.errors import LookError, PictureError
from filmlook.files import picture
from filmlook.look import Look
from filmlook.look_choice import LookChoice
from filmlook.paths import BUILT_IN, user_folder
from filmlook.presets import check_name
from filmlook.prompts.findings import GenerationParams
from filmlook.server import request_body
from filmlook.server.request_body import Limits
from filmlook.server.request_body import shown as _shown
from filmlook.server.schema import look_schema

KINDS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
SIZES = (17, 33, 65)
_MOST = 2**31  # of a setting beside a prompt
_SURROGATES = re.compile("[\ud800-\udfff]")  # JSON can tell of them, which no answer and no file can hold
_SEED = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_PICTURE = {"type": "string", "contentEncoding": "base64", "description": "A PNG, JPEG, WebP or TIFF file in base64."}
_TINY = (  # one grey pixel, for the examples
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNoaGgAAAMEAYFL09IQAAAAAElFTkSuQmCC"
)


@dataclass(frozen=True)
class DevelopRequest:
    """Pictures to develop; `seeds` is empty where each has its own."""

    pictures: list[bytes]
    look: Look
    seeds: list[int]
    kind: str
    quality: int
    sheet: bool


@dataclass(frozen=True)
class LutRequest:
    """A LUT to bake: "cube" of a size, or "hald"."""

    look: Look
    kind: str
    size: int


@dataclass(frozen=True)
class PresetRequest:
    """A preset to save."""

    name: str
    look: Look
    label: str
    help: str


def develop_request(fields: dict[str, Any], limits: Limits) -> DevelopRequest:
    """An order to develop.

    Raises:
        HTTPException: 422 that names the field and what is allowed; 413 for more pixels than are allowed.
    """
    _only(fields, ("images", "look", "seed", "format", "quality", "include"))
    images = fields.get("images")
    if not isinstance(images, list) or not 1 <= len(images) <= limits.pictures:
        raise HTTPException(422, f"images: allowed is a list of 1 to {limits.pictures} pictures")
    pictures = [request_body.bytes_of(value, f"images[{i}]") for i, value in enumerate(images)]
    seed = fields.get("seed")
    seeds: list[Any] = seed if isinstance(seed, list) else [] if seed is None else [seed] * len(pictures)
    if seed is not None and not (len(seeds) == len(pictures) and all(_is_whole(value, 0, 2**63 - 1) for value in seeds)):
        raise HTTPException(422, f"seed is {_shown(seed)}; allowed: a whole number from 0, or one for each picture")
    include = fields.get("include", [])
    if not isinstance(include, list) or any(value != "sheet" for value in include):
        raise HTTPException(422, f"include is {_shown(include)}; allowed: a list, with sheet in it or empty")
    pixels = sum(_pixels(data, limits) for data in pictures) * (3 if include else 1)  # a sheet shows its picture twice
    most = max(limits.answer_pixels, limits.pixels)
    if pixels > most:
        raise HTTPException(413, f"images: {pixels} pixels would come back; allowed are {most} in an answer")
    return DevelopRequest(
        pictures=pictures,
        look=look_of(fields),
        seeds=seeds,
        kind=KINDS[_choice(fields, "format", tuple(KINDS), "png")],
        quality=_whole(fields, "quality", 1, 100, 95),
        sheet=bool(include),
    )


def _pixels(data: bytes, limits: Limits) -> int:
    """The pixels of a picture; none of one that will be refused in its place."""
    try:
        pixels = picture.count_pixels(data)
    except PictureError:
        return 0
    return pixels if pixels <= limits.pixels else 0


def one_picture(fields: dict[str, Any]) -> bytes:
    """The picture of an order that has one, as `image` or as the only one of `images`."""
    _only(fields, ("image", "images"))
    images = fields.get("images", [fields.get("image")])
    if len(fields) > 1 or not isinstance(images, list) or len(images) != 1:
        raise HTTPException(422, "image: allowed is one picture")
    return request_body.bytes_of(images[0], "image")


def lut_request(fields: dict[str, Any]) -> LutRequest:
    """An order for a LUT. Raises HTTPException 422."""
    _only(fields, ("look", "format", "size"))
    size = _whole(fields, "size", min(SIZES), max(SIZES), 33)
    if size not in SIZES:
        raise HTTPException(422, f"size is {size}; allowed: {', '.join(map(str, SIZES))}")
    return LutRequest(look_of(fields), _choice(fields, "format", ("cube", "hald"), "cube"), size)


def preset_request(name: str, fields: dict[str, Any]) -> PresetRequest:
    """An order to save a preset. Raises HTTPException 422."""
    _only(fields, ("look", "label", "help"))
    try:
        check_name(name)
    except LookError as error:
        raise HTTPException(422, told(error)) from None
    texts = [fields.get(key, "") for key in ("label", "help")]
    for key, text in zip(("label", "help"), texts, strict=True):
        if not isinstance(text, str) or len(text) > 1000 or _SURROGATES.search(text):
            raise HTTPException(422, f"{key}: allowed is a text of up to 1000 characters")
    return PresetRequest(name, look_of(fields), *texts)


@dataclass(frozen=True)
class PromptRequest:
    """A prompt to look at."""

    prompt: str
    negative: str
    checkpoint: str | None
    settings: GenerationParams


_JSON = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}
_SETTINGS = {field.name: _JSON[str(field.type).split(" ")[0]] for field in dataclass_fields(GenerationParams)}


def prompt_request(fields: dict[str, Any]) -> PromptRequest:
    """An order to look at a prompt. Raises HTTPException 422."""
    _only(fields, ("prompt", "negative", "checkpoint", "settings"))
    prompt, negative, checkpoint = fields.get("prompt"), fields.get("negative", ""), fields.get("checkpoint")
    for key, value in (("prompt", prompt), ("negative", negative), ("checkpoint", checkpoint or "")):
        if not isinstance(value, str) or _SURROGATES.search(value):
            raise HTTPException(422, f"{key} is {_shown(value)}; allowed: a text")
    settings = fields.get("settings", {})
    if not isinstance(settings, dict):
        raise HTTPException(422, f"settings is {_shown(settings)}; allowed: an object")
    for key, value in settings.items():
        if key not in _SETTINGS:
            raise HTTPException(422, f"settings: unknown field {_shown(key)}; allowed: {', '.join(_SETTINGS)}")
        if value is not None and not _is_of(value, _SETTINGS[key]):
            raise HTTPException(422, f"settings: {key} is {_shown(value)}; allowed: {_SETTINGS[key]}")
    return PromptRequest(str(prompt), str(negative), checkpoint, GenerationParams(**settings))


def _is_of(value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST
    if kind == "integer":
        return _is_whole(value, -_MOST, _MOST)
    return isinstance(value, bool if kind == "boolean" else str)


def look_of(fields: dict[str, Any]) -> Look:
    """The look of an order: a preset's name, or settings by key, among which `look` names a preset that they change."""
    value = fields.get("look", {})
    if not isinstance(value, (str, dict)):
        raise HTTPException(422, f"look is {type(value).__name__}; allowed: the name of a preset, or an object of settings")
    settings = {"look": value} if isinstance(value, str) else value
    if "grain_seed" in settings:
        raise HTTPException(422, "look: unknown setting 'grain_seed'; the seed stands beside the look")
    if not isinstance(settings.get("look", ""), str):
        raise HTTPException(422, "look: its look is the name of a preset")
    try:
        return LookChoice.from_mapping(settings).look
    except LookError as error:
        raise HTTPException(422, f"look: {told(error)}") from None


def _only(fields: dict[str, Any], allowed: Sequence[str]) -> None:
    for key in fields:
        if key not in allowed:
            raise HTTPException(422, f"unknown field {_shown(key)}; allowed: {', '.join(allowed)}")


def _choice(fields: dict[str, Any], key: str, allowed: Sequence[str], default: str) -> str:
    value = fields.get(key, default)
    if not isinstance(value, str) or value not in allowed:
        raise HTTPException(422, f"{key} is {_shown(value)}; allowed: {', '.join(allowed)}")
    return value


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _whole(fields: dict[str, Any], key: str, low: int, high: int, default: int) -> int:
    value: int = fields.get(key, default)
    if not _is_whole(value, low, high):
        raise HTTPException(422, f"{key} is {_shown(value)}; allowed: a whole number from {low} to {high}")
    return value


def told(error: Exception) -> str:
    """What an answer tells of an error: files without the folders that they have on this machine."""
    text = str(error)
    for folder in sorted(map(str, (user_folder() or BUILT_IN, BUILT_IN.parent, sys.prefix)), key=len, reverse=True):
        text = text.replace(f"{folder}{os.sep}", "")
    return request_body.shortened(text)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the API's description says of the statuses that a call may be refused with."""
    texts = {
        401: "No credentials, or wrong ones.",
        403: "Called by a page of another site, or by a foreign name (`filmlook serve` without credentials).",
        404: "There is none of this name.",
        408: "The body came too slowly.",
        409: "It is built in, and cannot be deleted.",
        413: "The body is too large, or too much would come back.",
        415: "The body is of another kind.",
        422: "A field is wrong; the detail names it and what is allowed.",
        503: "Too many calls are waiting, or too many bytes.",
    }
    return {status: {"description": texts[status]} for status in statuses}


def described(route: str) -> dict[str, Any]:
    """What the API's description says of a route: its body with an example that runs, and its refusals."""
    look = {"oneOf": [{"type": "string", "description": "A preset."}, look_schema()]}
    image = _object({"image": _PICTURE}, ["image"])
    fields = {
        "develop": _object(
            {
                "images": {"type": "array", "items": _PICTURE, "minItems": 1, "maxItems": Limits.pictures},
                "look": look,
                "seed": {"oneOf": [_SEED, {"type": "array", "items": _SEED}]},
                "format": {"type": "string", "enum": list(KINDS), "default": "png"},
                "quality": {"type": "integer", "minimum": 1, "maximum": 100, "default": 95},
                "include": {"type": "array", "items": {"type": "string", "enum": ["sheet"]}},
            },
            ["images"],
        ),
        "read": image,
        "export-lut": _object(
            {
                "look": look,
                "format": {"type": "string", "enum": ["cube", "hald"], "default": "cube"},
                "size": {"type": "integer", "enum": list(SIZES), "default": 33},
            }
        ),
        "look": _object({"look": look, "label": {"type": "string"}, "help": {"type": "string"}}),
        "prompt": _object(
            {
                "prompt": {"type": "string"},
                "negative": {"type": "string"},
                "checkpoint": {"type": ["string", "null"], "description": "Title, file name or hash."},
                "settings": _object({key: {"type": [kind, "null"]} for key, kind in _SETTINGS.items()}),
            },
            ["prompt"],
        ),
    }[route]
    example = {
        "develop": {"images": [_TINY], "look": {"look": "classic-negative", "grain": 1.4}, "seed": 7},
        "read": {"image": _TINY},
        "export-lut": {"look": "gold-snapshot"},
        "look": {"label": "Mine", "look": {"stock": "kodak_portra_400", "grain": 1.2}},
        "prompt": {"prompt": "photo of a cat", "checkpoint": "classicnegative.ckpt", "settings": {"width": 512, "height": 512}},
    }[route]
    content: dict[str, Any] = {"application/json": {"schema": fields, "example": example}}
    if route in ("develop", "read"):
        upload = {"images": {"type": "array", "items": {"type": "string", "format": "binary"}}, "order": {"type": "string"}}
        content["multipart/form-data"] = {"schema": _object(upload, ["images"])}
    responses = refusals(408, 413, 415, 422, 503)
    if route == "export-lut":
        file = {"schema": {"type": "string", "format": "binary"}}
        responses[200] = {"description": "The file.", "content": {"text/plain": file, "image/png": file}}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}, "responses": responses}


def _object(properties: dict[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": list(required)} if required else {}),
    }
