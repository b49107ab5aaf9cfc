"""What clients ask for: the fields of every request in one table, and what is made of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields as dataclass_fields
from typing import Any

from fastapi import HTTPException

from filmlook.errors import FilmLookError, LookError, PictureError
from filmlook.files import picture
from filmlook.films import codecs
from filmlook.look import Look
from filmlook.look_choice import LookChoice
from filmlook.matching.made_stock import free_stock_file
from filmlook.matching.match import PARTS
from filmlook.moving_look import MovingLook
from filmlook.paths import BUILT_IN, user_folder
from filmlook.presets import check_name
from filmlook.prompts.findings import GenerationParams
from filmlook.server import fields as field
from filmlook.server import request_body
from filmlook.server.fields import Field
from filmlook.server.orders import (
    DepthRequest,
    DevelopRequest,
    FilmRequest,
    LikeRequest,
    LutRequest,
    MatchRequest,
    NamesRequest,
    PresetRequest,
    PreviewRequest,
    PromptRequest,
    ScopesRequest,
    SheetRequest,
)
from filmlook.server.picture_cache import DIGITS
from filmlook.server.request_body import Limits
from filmlook.server.schema import look_schema

SHOWN = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
"""The kinds of file that browsers show, by their names in requests."""

KINDS = {**SHOWN, "tiff": "TIFF"}
"""The kinds of file that are written."""

FILMS = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "gif": "image/gif",
    "webp": "image/webp",
}
"""The kinds of film that are written, by their endings, and their media types."""

DEPTHS = (8, 16)
CODECS = tuple(name for name, codec in codecs.CODECS.items() if codec.encoders)
MOST_CUTS = 10_000
MOST_FPS = 60  # frames a second
LARGER = 4  # times the bytes that an upload of a film may have: what is made of it
MOST_NAMES = 10_000
SIZES = (17, 33, 65)
SHEETS = ("stocks", "looks", "papers", "setting", "settings")
PROMPT_LETTERS = 20_000  # some 60 pages of a book; a prompt has a few hundred
_NAME_LETTERS = 1000
_JSON = {"int": "integer", "float": "number", "str": "string", "bool": "boolean"}


def moving_look_of(settings: dict[str, Any]) -> MovingLook:
    """A look that a request tells by key, with stock and print by their names. Raises HTTPException 422."""
    try:
        return LookChoice.from_mapping(settings).moving
    except LookError as error:
        raise HTTPException(422, f"look: {told(error)}") from None


def _look_of(settings: dict[str, Any]) -> Look:
    return moving_look_of(settings).at()  # it was found to be allowed


_LOOK = field.look("look", _look_of, look_schema(moving=True))
_LOOK_OR_NONE = field.look("look", _look_of, look_schema(moving=True), nothing=True)
_MOVING_LOOK = field.look("look", moving_look_of, look_schema(moving=True))
_PICTURE_NAME = field.name_of_picture("hash", DIGITS)
_DEPTH = (
    field.name_of_picture("depth", DIGITS, "A depth map, sent as a picture is; null: what the server finds.", nothing=True),
    field.switch("depth_far_white", False),
)
_NEWEST = (field.text("viewer", 64), field.whole("number", 0, 2**53, 0))

_CRF = "Of the codec: less is better, of webp more, which alone goes beyond 63; null: what keeps grain."

TABLES: dict[str, tuple[Field, ...]] = {
    "develop": (
        field.pictures("images"),
        _MOVING_LOOK,
        field.seed("seed"),
        field.choice("format", tuple(KINDS), "png"),
        field.one_of("bits", DEPTHS, "Of a sample; null: as the picture has it. JPEG and WebP have 8."),
        field.whole("quality", 1, 100, 95),
        field.some_of("include", "sheet"),
        field.switch("again", True),
        field.choice("profile", picture.PROFILES, "srgb"),
        field.switch("scene_linear", False),
        field.masks("mask"),
        field.masks("depth", "A depth map, for a look with an aperture: white is near."),
        field.switch("depth_far_white", False),
        field.choice("answer", ("json", "file"), "json"),
        field.switch("same", False),
    ),
    "develop-video": (
        _MOVING_LOOK,
        field.one_seed("seed"),
        field.wholes_or_none("cuts", MOST_CUTS, "Frames that scenes begin with; null: they are found."),
        field.choice("format", tuple(FILMS), "mp4"),
        field.choice_or_none("codec", CODECS, "null: what is usual for the format."),
        field.number_or_none("crf", 0, 100, _CRF, is_whole_number=True),
        field.number_or_none("fps", 1, MOST_FPS, "Of the film in the camera, such as 18; null: as the clip has it."),
        field.switch("again", True),
        field.switch("depth_far_white", False),
    ),
    "read": field.one_picture("image", "images"),
    "pictures": field.one_picture("image", "images"),
    "preview": (
        _PICTURE_NAME,
        _LOOK_OR_NONE,
        field.one_seed("seed"),
        field.whole("long_side", 16, 4096, 768),
        field.crop("crop", 4096**2),
        field.choice("format", tuple(SHOWN), "jpeg"),
        field.whole("quality", 1, 100, 88),
        *_DEPTH,
        *_NEWEST,
    ),
    "depth": (_PICTURE_NAME, field.point("point"), *_DEPTH, *_NEWEST),
    "scopes": (_PICTURE_NAME, _LOOK_OR_NONE, field.whole("long_side", 16, 1024, 256), *_DEPTH, *_NEWEST),
    "sheet": (
        _PICTURE_NAME,
        _LOOK,
        field.choice("of", SHEETS, "stocks"),
        field.text("setting", 64),
        field.text("second", 64),
        field.whole("steps", 5, 9, 7),
        field.numbers("values", 9),
        field.whole("long_side", 16, 1024, 320),
        *_DEPTH,
        *_NEWEST,
    ),
    "like": (
        _PICTURE_NAME,
        _LOOK,
        field.name_of_picture("reference", DIGITS),
        *_NEWEST,
    ),
    "match": (
        field.pictures("images"),
        field.share("weight", 1.0),
        field.choice("only", ("all", *PARTS), "all"),
        _LOOK_OR_NONE,
        field.text("new_stock", 64, nothing=True, about="What a stock is called that is made where no film comes close."),
    ),
    "names": (
        field.text("pattern", 1000, needed=True),
        field.texts("files", MOST_NAMES, _NAME_LETTERS),
        field.choice("format", tuple(KINDS), "png"),
        field.text("stock", _NAME_LETTERS),
        field.text("look", _NAME_LETTERS),
    ),
    "export-lut": (
        _LOOK,
        field.choice("format", ("cube", "hald"), "cube"),
        field.whole("size", min(SIZES), max(SIZES), 33, among=SIZES),
    ),
    "look": (_MOVING_LOOK, field.label("label", 1000), field.label("help", 1000)),
    "prompt": (
        field.text("prompt", PROMPT_LETTERS, needed=True),
        field.text("negative", PROMPT_LETTERS),
        field.text("checkpoint", _NAME_LETTERS, nothing=True, about="Title, file name or hash."),
        field.settings("settings", {f.name: _JSON[str(f.type).split(" ")[0]] for f in dataclass_fields(GenerationParams)}),
    ),
}
"""The fields of each request, by route."""


def develop_request(fields: dict[str, Any], limits: Limits) -> DevelopRequest:
    """A request to develop.

    Raises:
        HTTPException: 422 that names the field and what is allowed; 413 for more pixels than are allowed.
    """
    values = field.values_of(fields, TABLES["develop"], limits)
    pictures, seed, sheet = values["images"], values["seed"], values["include"]
    seeds = seed if isinstance(seed, list) else [] if seed is None else [seed] * len(pictures)
    if seed is not None and len(seeds) != len(pictures):
        raise field.wrong_seed("seed", seed)
    if values["answer"] == "file" and (len(pictures) != 1 or sheet):
        raise field.refused("answer is 'file'; allowed: that for one picture without a sheet")
    parts = (3 if sheet else 1) * (2 if values["bits"] == 16 else 1)  # a sheet shows its picture twice; 16 bits are two times 8
    pixels = sum(_pixels(data, limits) for data in pictures) * parts
    most = max(limits.answer_pixels, limits.pixels * (parts if len(pictures) == 1 and not sheet else 1))
    if pixels > most:
        raise HTTPException(413, f"images: {pixels} pixels would come back; allowed are {most} in an answer")
    return DevelopRequest(
        pictures=pictures,
        look=values["look"],
        seeds=seeds,
        kind=KINDS[values["format"]],
        bits=values["bits"],
        quality=values["quality"],
        sheet=sheet,
        again=values["again"],
        profile=values["profile"],
        scene_linear=values["scene_linear"],
        masks=_masks("mask", values["mask"], pictures, limits),
        depths=_masks("depth", values["depth"], pictures, limits),
        far_white=values["depth_far_white"],
        same=values["same"],
        as_file=values["answer"] == "file",
    )


def _masks(what: str, masks: list[bytes], pictures: list[bytes], limits: Limits) -> list[bytes]:
    """A map for each picture, of its size as far as headers tell; none where there are none."""
    if not masks:
        return []
    if len(masks) not in (1, len(pictures)):
        raise field.refused(f"{what}: {len(masks)} {what}s for {len(pictures)} pictures; allowed: one, or one for each")
    masks = masks * (len(pictures) // len(masks))
    for mask, data in zip(masks, pictures, strict=True):
        try:
            own = picture.size_told(mask)
        except PictureError as error:
            raise field.refused(f"{what}: {told(error)}") from None
        with suppress(PictureError):  # a picture that cannot be read is told of in its place
            size = picture.size_told(data)
            if sorted(own) != sorted(size):  # they may lie on their sides
                raise field.refused(
                    f"{what}: it has {own[0]} x {own[1]} pixels, its picture {size[0]} x {size[1]}; allowed is the same size"
                )
        if own[0] * own[1] > limits.pixels:
            raise field.refused(f"{what}: it has {own[0] * own[1]} pixels; allowed are {limits.pixels}")
    return masks


def _pixels(data: bytes, limits: Limits) -> int:
    """The pixels of a picture; none of one that will be refused in its place."""
    try:
        pixels = picture.count_pixels(data)
    except PictureError:
        return 0
    return pixels if pixels <= limits.pixels else 0


def picture_request(fields: dict[str, Any], limits: Limits) -> bytes:
    """The picture of a request that has one and nothing else, as `image` or as the only one of `images`. Raises HTTPException
    422."""
    if len(fields) > 1 and {"image", "images"} >= set(fields):
        raise field.refused("image: allowed is one picture")
    values = field.values_of(fields or {"image": None}, TABLES["read"], limits)
    found: bytes = values["images"] if "images" in fields else values["image"]
    return found


def preview_request(fields: dict[str, Any], limits: Limits) -> PreviewRequest:
    """A request for a preview. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["preview"], limits)
    return PreviewRequest(picture=values.pop("hash"), kind=SHOWN[values.pop("format")], **values)


def depth_request(fields: dict[str, Any], limits: Limits) -> DepthRequest:
    """A question for a picture's depth. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["depth"], limits)
    return DepthRequest(picture=values.pop("hash"), **values)


def scopes_request(fields: dict[str, Any], limits: Limits) -> ScopesRequest:
    """A request for scopes. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["scopes"], limits)
    return ScopesRequest(picture=values.pop("hash"), **values)


def sheet_request(fields: dict[str, Any], limits: Limits) -> SheetRequest:
    """A request for a contact sheet. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["sheet"], limits)
    return SheetRequest(picture=values.pop("hash"), **values)


def like_request(fields: dict[str, Any], limits: Limits) -> LikeRequest:
    """A request for the stocks that are like a picture. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["like"], limits)
    return LikeRequest(picture=values.pop("hash"), **values)


def match_request(fields: dict[str, Any], limits: Limits) -> MatchRequest:
    """A request for a look. Raises HTTPException 422; 413 for a picture with more pixels than are allowed."""
    values = field.values_of(fields, TABLES["match"], limits)
    for number, data in enumerate(values["images"]):
        with refusing(f"images[{number}]: "):
            pixels = picture.count_pixels(data)
        if pixels > limits.pixels:
            raise HTTPException(413, f"images[{number}]: it has {pixels} pixels; allowed are {limits.pixels}")
    new_stock = None
    if values["new_stock"] is not None:
        with refusing("new_stock: "):
            new_stock = free_stock_file(values["new_stock"])
    only = None if values["only"] == "all" else values["only"]
    return MatchRequest(values["images"], values["weight"], only, values["look"] if "look" in fields else None, new_stock)


def names_request(fields: dict[str, Any], limits: Limits) -> NamesRequest:
    """A request for names of files. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["names"], limits)
    return NamesRequest(kind=KINDS[values.pop("format")], **values)


def lut_request(fields: dict[str, Any], limits: Limits) -> LutRequest:
    """A request for a LUT. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["export-lut"], limits)
    return LutRequest(values["look"], values["format"], values["size"])


def preset_request(name: str, fields: dict[str, Any], limits: Limits) -> PresetRequest:
    """A request to save a preset. Raises HTTPException 422."""
    try:
        check_name(name)
    except LookError as error:
        raise HTTPException(422, told(error)) from None
    return PresetRequest(name, **field.values_of(fields, TABLES["look"], limits))


def prompt_request(fields: dict[str, Any], limits: Limits) -> PromptRequest:
    """A request to look at a prompt. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["prompt"], limits)
    return PromptRequest(**{**values, "settings": GenerationParams(**values["settings"])})


def film_request(fields: dict[str, Any], limits: Limits) -> FilmRequest:
    """A request to develop a film. Raises HTTPException 422."""
    values = field.values_of(fields, TABLES["develop-video"], limits)
    return FilmRequest(**values, most_bytes=LARGER * limits.video_bytes)


@contextmanager
def refusing(where: str = "", status: int = 422) -> Iterator[None]:
    """What Film Look refuses is the client's fault: 422, with the reason, after the field that it is in."""
    try:
        yield
    except FilmLookError as error:
        raise HTTPException(status, f"{where}{told(error)}") from None


def told(error: Exception) -> str:
    """What an answer tells of an error: files without the folders that they have on this machine."""
    text = str(error)
    for folder in sorted(map(str, (user_folder() or BUILT_IN, BUILT_IN.parent, sys.prefix)), key=len, reverse=True):
        text = text.replace(f"{folder}{os.sep}", "")
    return request_body.shortened(text.encode(errors="backslashreplace").decode())
