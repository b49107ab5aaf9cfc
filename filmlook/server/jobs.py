"""What the line works on: pictures developed, a picture read, a LUT baked. All of it runs in the line's own thread."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from filmlook.depth.maps import inverted
from filmlook.engine.colour_only import colour_of
from filmlook.errors import FilmLookError, PictureError, Stopped
from filmlook.files import infotext, lut, naming, picture
from filmlook.files.kinds import ENDINGS
from filmlook.files.picture import Picture
from filmlook.matching.match import match
from filmlook.matching.series import series_looks, thumbnail
from filmlook.moving_look import MovingLook
from filmlook.server import orders, request_body, requests
from filmlook.server.queue import Turn
from filmlook.stock import load_stock

log = logging.getLogger("filmlook")

_INTERRUPTED = "interrupted"

Develop = Callable[..., Picture]
"""`Backend.develop`."""


def developed(
    develop: Develop, asked: orders.DevelopRequest, most_pixels: int, turn: Turn, gone: Callable[[], bool]
) -> dict[str, Any]:
    """Every picture of a request, developed; a picture that fails is told in its place.

    Raises:
        Stopped: the client has gone.
    """
    answer: dict[str, Any] = {"images": [], "infotexts": [], "seeds": [], "errors": []}
    if asked.sheet:
        answer["sheets"] = []
    looks: list[MovingLook] = [asked.look] * len(asked.pictures)
    if asked.same:
        looks[:] = _alike(asked, most_pixels)
    for number in range(len(asked.pictures)):
        made: dict[str, Any] = {}
        try:
            source, film = _developed(develop, asked, looks[number], number, most_pixels, turn, gone)
            made = _encoded(source, film, asked)
        except Stopped:
            if gone():
                raise
            made["errors"] = _INTERRUPTED
        except FilmLookError as error:
            made["errors"] = requests.told(error)
        except (MemoryError, RuntimeError) as error:  # the machine's: the other pictures are worked on all the same
            made["errors"] = _of_the_machine(error, f"picture {number + 1} of {len(asked.pictures)}")
        for key, values in answer.items():
            values.append(made.get(key))
    return answer


def developed_file(
    develop: Develop, asked: orders.DevelopRequest, most_pixels: int, turn: Turn, gone: Callable[[], bool]
) -> bytes:
    """The file of the only picture of a request.

    Raises:
        Stopped: the client has gone; PictureError: it was interrupted; FilmLookError: what else is wrong with it.
    """
    try:
        _, film = _developed(develop, asked, asked.look, 0, most_pixels, turn, gone)
        return _file(film, asked)
    except Stopped:
        if gone():
            raise
        raise PictureError(_INTERRUPTED) from None
    except (MemoryError, RuntimeError) as error:
        raise PictureError(_of_the_machine(error, "a picture")) from None


def _of_the_machine(error: Exception, what: str) -> str:
    """What an answer tells of a fault that is the machine's, and the log in full."""
    log.exception("Film Look: %s failed", what)
    return f"{type(error).__name__}: {' '.join(requests.told(error).split())[:200]}"


def _developed(
    develop: Develop,
    asked: orders.DevelopRequest,
    look: MovingLook,
    number: int,
    most_pixels: int,
    turn: Turn,
    gone: Callable[[], bool],
) -> tuple[Picture, Picture]:
    """One picture of a request before and after. Raises Stopped or FilmLookError."""

    def progress(share: float) -> None:
        turn.advance((number + share) / len(asked.pictures))
        if gone() or turn.is_stopped():
            raise Stopped

    if gone() or turn.is_stopped():
        raise Stopped
    source = picture.decode(asked.pictures[number], max_pixels=most_pixels, scene_linear=asked.scene_linear)
    mask = _map("mask", asked.masks[number], most_pixels) if asked.masks else None
    depth = _map("depth", asked.depths[number], most_pixels) if asked.depths else None
    if depth and asked.far_white:
        depth = inverted(depth)
    seed = asked.seeds[number] if asked.seeds else None
    if seed is None and asked.bits:  # a picture's own, which is found in its samples, is the same with more of them
        seed = infotext.own_seed(source.text.values(), source.pixels)
    deep = picture.with_bits(source, 16) if asked.bits == 16 else source
    maps: dict[str, Any] = {"depth": depth} if depth else {}
    return source, develop(deep, look, seed, asked.again, progress, mask, **maps)


def _alike(asked: orders.DevelopRequest, most_pixels: int) -> list[MovingLook]:
    """The looks of a series; what cannot be read has the look as it is, and is told of in its turn."""

    def small(data: bytes) -> Any:
        try:
            return thumbnail(picture.decode(data, max_pixels=most_pixels, scene_linear=asked.scene_linear))
        except PictureError:
            return None

    looks = series_looks([small(data) for data in asked.pictures], asked.look)
    return [MovingLook(look) for look in looks]


def _map(what: str, data: bytes, most_pixels: int) -> Picture:
    """The picture of a mask or a depth map. Raises PictureError."""
    try:
        return picture.decode(data, max_pixels=most_pixels)
    except PictureError as error:
        raise PictureError(f"{what}: {error}") from None


def _encoded(source: Picture, film: Picture, asked: orders.DevelopRequest) -> dict[str, Any]:
    """What the answer holds of one picture."""
    done = infotext.of_text(film.text)

    made: dict[str, Any] = {
        "images": request_body.base64_of(_file(film, asked)),
        "infotexts": infotext.ours(film.text),
        "seeds": done.seed if done else None,
    }
    if asked.sheet:
        bits = film.pixels.itemsize * 8
        sides = np.concatenate((picture.with_bits(source, bits).pixels, film.pixels), 1)
        made["sheets"] = request_body.base64_of(_file(Picture(sides), asked))
    return made


def _file(film: Picture, asked: orders.DevelopRequest) -> bytes:
    told = picture.with_bits(film, asked.bits) if asked.bits else film
    return picture.encode(told, asked.kind, quality=asked.quality, profile=asked.profile)


def read(source: Picture) -> dict[str, Any]:
    """What a picture tells of its development."""
    found = infotext.of_text(source.text)
    return {
        "developed": found is not None,
        "look": found.look.to_dict() if found and found.look else None,
        "seed": found.seed if found else None,
        "frame": found.frame if found else None,
        "parameters": source.text.get("parameters", ""),
    }


def matched(asked: orders.MatchRequest, turn: Turn, gone: Callable[[], bool]) -> dict[str, Any]:
    """The look of some pictures.

    Raises:
        Stopped: the client has gone; PictureError: it was interrupted, or a picture shows nothing to tell a look by.
    """

    def progress(share: float) -> None:
        turn.advance(share)
        if gone() or turn.is_stopped():
            raise Stopped

    try:
        progress(0)
        how: dict[str, Any] = {"weight": asked.weight, "only": asked.only, "look": asked.look, "new_stock": asked.new_stock}
        found = match(asked.pictures, progress=progress, **how)
    except Stopped:
        if gone():
            raise
        raise PictureError(_INTERRUPTED) from None
    return {
        "look": found.look.to_dict(),
        "fit": found.fit,
        "alternatives": [look.to_dict() for look in found.alternatives],
        "untold": list(found.untold),
        "stock": found.stock.stem if found.stock else None,
    }


def named(asked: orders.NamesRequest) -> list[str]:
    """What the files of pictures are called, below the folders that they lie in; no two alike.

    Raises:
        FilmLookError: no file can be called so.
    """
    facts = {"stock": asked.stock, "look": asked.look or asked.stock}
    called = naming.named(asked.pattern, asked.files, facts)
    folders = map(naming.folder_of, asked.files)
    ending = ENDINGS[asked.kind]
    return naming.apart([f"{folder}/{name}{ending}".lstrip("/") for folder, name in zip(folders, called, strict=True)])


def baked(asked: orders.LutRequest, name: str) -> bytes:
    """The file of a LUT."""
    hald = asked.kind == "hald"
    made = replace(lut.bake(colour_of(asked.look), 64 if hald else asked.size), title=load_stock(asked.look.stock).label)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        (lut.write_hald if hald else lut.write_cube)(path, made)
        return path.read_bytes()
