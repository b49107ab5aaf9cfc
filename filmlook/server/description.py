"""The API's description (OpenAPI): bodies from the table of fields, with examples that run; answers; refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from filmlook.engine.engines import NO_GPU
from filmlook.files import infotext
from filmlook.matching.texture import SOUGHT
from filmlook.server.fields import schema_of
from filmlook.server.request_body import Limits
from filmlook.server.requests import FILMS, TABLES
from filmlook.server.schema import look_schema

_TINY = (  # one grey pixel, for the examples
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNoaGgAAAMEAYFL09IQAAAAAElFTkSuQmCC"
)
_NAME = "6c2b1f0e9a7d4c3b8e5f6a1d2c3b4a59"  # of a picture that was kept once
_EXAMPLES: dict[str, dict[str, Any]] = {
    "develop": {"images": [_TINY], "look": {"look": "classic-negative", "grain": 1.4}, "seed": 7},
    "develop-video": {"look": "super-8", "format": "mp4", "crf": 18},
    "read": {"image": _TINY},
    "pictures": {"image": _TINY},
    "preview": {
        "hash": _NAME,
        "look": {"look": "classic-negative", "grain": 1.4},
        "long_side": 512,
        "viewer": "a",
        "number": 3,
    },
    "depth": {"hash": _NAME, "point": [320, 200]},
    "scopes": {"hash": _NAME, "look": "gold-snapshot"},
    "sheet": {"hash": _NAME, "look": "gold-snapshot", "of": "setting", "setting": "contrast", "steps": 5},
    "like": {"hash": _NAME, "reference": _NAME, "look": "gold-snapshot"},
    "match": {"images": [_TINY], "weight": 0.8},
    "names": {"pattern": "{name}-{stock}", "files": ["holiday.jpg", "sea/2.jpg"], "stock": "kodak_gold_200"},
    "export-lut": {"look": "gold-snapshot"},
    "look": {"label": "Mine", "look": {"stock": "kodak_portra_400", "grain": 1.2}},
    "prompt": {"prompt": "photo of a cat", "checkpoint": "classicnegative.ckpt", "settings": {"width": 512, "height": 512}},
}
_UPLOADS = ("develop", "read", "pictures", "match")
_WITH_ORDER = ("develop", "match")
_DEVELOPED = ("image/png", "image/jpeg", "image/webp", "image/tiff")
"""What `develop` answers with besides JSON, where a file is asked for."""

_FILES = {
    "export-lut": ("text/plain", "image/png"),
    "preview": ("image/jpeg", "image/webp", "image/png"),
    "sheet": ("application/x-ndjson",),
}
"""The kinds of file that routes answer with, which answer with no JSON."""
_REFUSED_WITH = dict.fromkeys(("preview", "depth", "scopes", "sheet", "like"), (404, 409))
_REFUSALS = {
    401: "No credentials, or wrong ones.",
    403: "Called by a page of another site, or by a foreign name (`filmlook serve` without credentials).",
    404: "There is none of this name, or it is forgotten.",
    408: "The body came too slowly.",
    409: "It is built in, and cannot be deleted; or a newer call of the same viewer came; or a film is not done.",
    413: "The body is too large, or too much would come back.",
    415: "The body is of another kind, or the file is no film.",
    416: "The file has no such part.",
    422: "A field is wrong; the detail names it and what is allowed.",
    501: "What films need is not installed; the detail names it.",
    503: "Too many calls are waiting, or too many bytes, or too many films are kept.",
}


_SENT = {200: "The file.", 206: "The part that `Range` asks for."}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the API's description says of the statuses that a call may be refused with."""
    return {status: {"description": _REFUSALS[status]} for status in statuses}


def described(route: str) -> dict[str, Any]:
    """A route's body with an example, its answer and its refusals, as arguments of FastAPI's decorators."""
    content: dict[str, Any] = {"application/json": {"schema": schema_of(TABLES[route]), "example": _EXAMPLES[route]}}
    if route in _UPLOADS:
        files = {"type": "string", "format": "binary"}
        upload = {"images": _list(files), "order": {"type": "string"}} if route in _WITH_ORDER else {"images": _list(files)}
        content["multipart/form-data"] = {
            "schema": {"type": "object", "additionalProperties": False, "properties": upload, "required": ["images"]}
        }
    body = {"openapi_extra": {"requestBody": {"required": True, "content": content}}}
    refused = refusals(*_REFUSED_WITH.get(route, ()), 408, 413, 415, 422, 503)
    if route in _FILES:
        file = {"schema": {"type": "string", "format": "binary"}}
        answer: dict[int | str, Any] = {200: {"description": "The file.", "content": dict.fromkeys(_FILES[route], file)}}
        return {**body, "responses": {**answer, **refused}}
    told = answered(route)
    if route == "develop":
        file = {"schema": {"type": "string", "format": "binary"}}
        told["responses"][200]["content"].update(dict.fromkeys(_DEVELOPED, file))
    return {**body, **told, "responses": {**told["responses"], **refused}}


def described_film() -> dict[str, Any]:
    """The upload of a film, its answer and its refusals, as arguments of FastAPI's decorators."""
    order = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema_of(TABLES["develop-video"])}
    file = {"type": "string", "format": "binary"}
    parts = {"video": file, "depth": {**file, "description": "A film of depth maps, or one for all frames."}, "order": order}
    upload = {"type": "object", "additionalProperties": False, "properties": parts, "required": ["video"]}
    content = {"multipart/form-data": {"schema": upload}}
    answer = {
        "description": "It will be developed; its state is asked for by this id.",
        "content": {"application/json": {"schema": _object({"id": _TEXT})}},
    }
    refused = refusals(408, 413, 415, 422, 501, 503)
    body = {"openapi_extra": {"requestBody": {"required": True, "content": content}}}
    return {**body, "response_model": None, "responses": {202: answer, **refused}}


def described_film_file() -> dict[str, Any]:
    """The answer that is a developed film, and its refusals, as arguments of FastAPI's decorators."""
    file = {"schema": {"type": "string", "format": "binary"}}
    told = {status: {"description": about, "content": dict.fromkeys(FILMS.values(), file)} for status, about in _SENT.items()}
    return {"responses": {**told, **refusals(404, 409, 416, 422)}}


def answered(answer: str, *refused_with: int) -> dict[str, Any]:
    """A route's answer and its refusals, as arguments of FastAPI's decorators; what is answered is not checked again."""
    content = {"application/json": {"schema": ANSWERS[answer]}}
    told: dict[int | str, Any] = {200: {"description": "What was asked for.", "content": content}}
    return {"response_model": None, "responses": {**told, **refusals(*refused_with)}}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _or_null(kind: str, about: str = "") -> dict[str, Any]:
    return {"type": [kind, "null"], **({"description": about} if about else {})}


def _object(properties: dict[str, Any], optional: Sequence[str] = ()) -> dict[str, Any]:
    """An object that has all of these and nothing else, but for what is optional."""
    needed = [key for key in properties if key not in optional]
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": needed}


def _plot(over: str, about: str) -> dict[str, Any]:
    plot = {**_object(dict.fromkeys((over, *"rgb"), _NUMBERS)), "description": about}
    return {"oneOf": [plot, {"type": "null", "description": "A stock without layers has none."}]}


_TEXT, _WHOLE, _SWITCH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_FILE = {"type": ["string", "null"], "contentEncoding": "base64"}
_NUMBERS = _list({"type": "number"})
_LOOK = look_schema()
_KEYFRAMES = {
    "type": "object",
    "additionalProperties": _TEXT,
    "description": "Schedules of what moves over a film's frames; `look` has frame 0.",
}
_PRESET = _object(
    {"name": _TEXT, "label": _TEXT, "help": _TEXT, "own": _SWITCH, "look": _LOOK, "keyframes": _KEYFRAMES}, ["keyframes"]
)
_FIX = _object({"label": _TEXT, "changes": {"type": "object"}})
_FITS, _AMOUNT = ("distance", "chance", "grain", "style", *SOUGHT), {"type": "number", "minimum": 0}
_COUNTS, _SHARE = _list(_WHOLE), {"type": "number", "minimum": 0, "maximum": 1}
_WAVE = {"type": "string", "contentEncoding": "base64", "description": "A byte for each place; the first row is code 255."}
_SCOPES = _object(
    {
        "histogram": _object(dict.fromkeys("rgby", _COUNTS)),
        "parade": _object({"width": _WHOLE, "height": _WHOLE, **dict.fromkeys("rgb", _WAVE)}),
        "clipped": _object(dict.fromkeys(("black", "white"), _SHARE)),
        "colours": {**_list(_NUMBERS), "description": "OKLab and code of pixels: L, a, b, red, green, blue."},
    }
)

ANSWERS: dict[str, dict[str, Any]] = {
    "develop": _object(
        {
            "images": {**_list(_FILE), "description": "The developed pictures; null for one that failed."},
            "infotexts": {**_list(_or_null("string")), "description": f"Of each, with `{infotext.LOOK}` in it."},
            "seeds": {**_list(_or_null("integer")), "description": "Of the grain of each."},
            "errors": {**_list(_or_null("string")), "description": "Why a picture failed; null where it did not."},
            "sheets": {**_list(_FILE), "description": "Before and after, where they are asked for."},
        },
        ["sheets"],
    ),
    "read": _object(
        {
            "developed": _SWITCH,
            "look": {"oneOf": [_LOOK, {"type": "null"}]},
            "seed": _or_null("integer"),
            "frame": _or_null("integer"),
            "parameters": _TEXT,
        }
    ),
    "pictures": _object({"hash": _TEXT, "width": _WHOLE, "height": _WHOLE, "developed": _SWITCH}),
    "depth": _object(
        {
            "source": {"enum": ["given", "found", "none"]},
            "nearness": _or_null("number", "At the point, from 0, the farthest, to 1; null: there is no map, or no point."),
            "focus": _or_null("number", "What the setting `focus` is for that point to be sharp."),
        }
    ),
    "scopes": _object({"before": _SCOPES, "after": _SCOPES}),
    "like": _object({"stocks": _list(_object({"name": _TEXT, "distance": {"type": "number", "minimum": 0}}))}),
    "match": _object(
        {
            "look": _LOOK,
            "fit": {
                **_object(dict.fromkeys(_FITS, _AMOUNT), _FITS),
                "description": "How far colours are off, how likely the stock is, the references' texture: of what was told.",
            },
            "alternatives": {**_list(_LOOK), "description": "Of other stocks, the likeliest first."},
            "untold": {**_list(_TEXT), "description": "Settings that were sought, and of which the references tell nothing."},
            "stock": {"type": ["string", "null"], "description": "The one that was made."},
        }
    ),
    "names": _object({"names": _list(_TEXT)}),
    "limits": _object({limit.name: _WHOLE for limit in fields(Limits)}),
    "video": _object(
        {
            "id": _TEXT,
            "state": {"enum": ["waiting", "working", "done", "failed"]},
            "ahead": {**_WHOLE, "description": "Films that come before it."},
            "share": _SHARE,
            "frames": {**_WHOLE, "description": "That are developed."},
            "of_frames": _or_null("integer", "null: not known."),
            "seconds_left": _or_null("number"),
            "notes": {**_list(_TEXT), "description": "What could not be kept as it was, each in a line."},
            "error": _or_null("string", "Why it failed."),
            "kept_seconds": _or_null("integer", "Until it is forgotten, once it is over."),
        }
    ),
    "prompt": _object(
        {
            "checkpoint": _or_null("object", "Which one it is and how it was recognised."),
            "tokens": {"type": "object", "description": "By field, where a tokenizer is installed."},
            "findings": _list(
                _object(
                    {
                        "code": _TEXT,
                        "level": _TEXT,
                        "message": _TEXT,
                        "field": _or_null("string"),
                        "start": _or_null("integer"),
                        "end": _or_null("integer"),
                        "fix": {"oneOf": [_FIX, {"type": "null"}]},
                    }
                )
            ),
            "words": _list(_object({"words": _TEXT, "field": _TEXT, "does": _TEXT, "against_film": _TEXT})),
        }
    ),
    "look": _PRESET,
    "looks": _list(_PRESET),
    "deleted": _object({"deleted": _TEXT}),
    "stocks": _list(
        _object(
            {
                **dict.fromkeys(("name", "label", "maker", "kind"), _TEXT),
                "iso": _or_null("integer"),
                "moods": {**_list(_TEXT), "description": "Plain words of what it is liked for."},
            }
        )
    ),
    "stock": {
        "type": "object",
        "properties": {
            **dict.fromkeys(("name", "label", "maker", "kind", "frame", "antihalation"), _TEXT),
            "iso": _WHOLE,
            "granularity": _NUMBERS,
            "mtf_cycles": _NUMBERS,
            "mtf": _list(_NUMBERS),
            "sources": _list(_TEXT),
            "moods": _list(_TEXT),
            "print": {**_TEXT, "description": "What it is looked at on unless told: what `stock` means."},
            "prints": {**_list(_TEXT), "description": "What `print` may be."},
        },
        "required": ["name", "label", "kind", "iso", "print", "prints"],
    },
    "card": _object(
        {
            **dict.fromkeys(("name", "label", "maker", "kind", "print", "halation"), _TEXT),
            "iso": _WHOLE,
            "layers": {"enum": [1, 3]},
            "moods": _list(_TEXT),
            "sources": _list(_TEXT),
            "fit": {"type": "object"},
            "curves": _plot("log_exposure", "Density of greys over log10 exposure from mid-grey."),
            "granularity": _plot("code", "RMS granularity over the code that the print shows."),
            "mtf": _plot("cycles_mm", "The published response over cycles/mm."),
        }
    ),
    "lenses": _list(
        _object(
            {
                **dict.fromkeys(("name", "label", "help"), _TEXT),
                "settings": {**_LOOK, "description": "What putting it on sets."},
            }
        )
    ),
    "papers": _list(_object({"name": _TEXT, "label": _TEXT})),
    "paper": _object(
        {
            **dict.fromkeys(("name", "label", "maker", "credit", "licence"), _TEXT),
            "sources": _list(_TEXT),
            "layers": {"enum": [1, 3], "description": "1 is for black and white film."},
            "fit": {"type": "object"},
        }
    ),
    "schema": {"type": "object", "description": "JSON Schema, 2020-12."},
    "health": _object(
        {
            **{"status": _TEXT, "version": _TEXT, "stocks": _WHOLE, "looks": _WHOLE},
            **{"cpu": {"enum": ["torch", "numba"]}, "gpu": {"enum": ["torch", "triton", NO_GPU]}},
        }
    ),
    "progress": _object({"working": _SWITCH, "progress": {"type": "number", "minimum": 0, "maximum": 1}}),
    "nothing": _object({}),
}
"""JSON Schema of what each route answers."""
