"""What the line works on: pictures developed, a picture read, a LUT baked. All of it runs in the line's own thread."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from filmlook.engine.colour_only import colour_of
from filmlook.errors import FilmLookError, PictureError, Stopped
from filmlook.files import infotext, lut, picture
from filmlook.files.picture import Picture
from filmlook.look import Look
from filmlook.server import request_body, requests
from filmlook.server.queue import Turn
from filmlook.stock import load_stock

log = logging.getLogger("filmlook")

Develop = Callable[[Picture, Look, "int | None", bool, Callable[[float], None], "Picture | None"], Picture]


def developed(
    develop: Develop, asked: requests.DevelopRequest, most_pixels: int, turn: Turn, gone: Callable[[], bool]
) -> dict[str, Any]:
    """Every picture of a request, developed; a picture that fails is told in its place.

    Raises:
        Stopped: the client has gone.
    """
    answer: dict[str, Any] = {"images": [], "infotexts": [], "seeds": [], "errors": []}
    if asked.sheet:
        answer["sheets"] = []
    for number, data in enumerate(asked.pictures):

        def progress(share: float, number: int = number) -> None:
            turn.advance((number + share) / len(asked.pictures))
            if gone() or turn.is_stopped():
                raise Stopped

        made: dict[str, Any] = {}
        try:
            if gone() or turn.is_stopped():
                raise Stopped
            source = picture.decode(data, max_pixels=most_pixels, scene_linear=asked.scene_linear)
            mask = _mask(asked.masks[number], most_pixels) if asked.masks else None
            seed = asked.seeds[number] if asked.seeds else None
            film = develop(source, asked.look, seed, asked.again, progress, mask)
            made = _encoded(source, film, asked)
        except Stopped:
            if gone():
                raise
            made["errors"] = "interrupted"
        except FilmLookError as error:
            made["errors"] = requests.told(error)
        except (MemoryError, RuntimeError) as error:  # the machine's: the other pictures are worked on all the same
            log.exception("Film Look: picture %d of %d failed", number + 1, len(asked.pictures))
            made["errors"] = f"{type(error).__name__}: {' '.join(requests.told(error).split())[:200]}"
        for key, values in answer.items():
            values.append(made.get(key))
    return answer


def _mask(data: bytes, most_pixels: int) -> Picture:
    """A mask's picture. Raises PictureError."""
    try:
        return picture.decode(data, max_pixels=most_pixels)
    except PictureError as error:
        raise PictureError(f"mask: {error}") from None


def _encoded(source: Picture, film: Picture, asked: requests.DevelopRequest) -> dict[str, Any]:
    """What the answer holds of one picture."""
    done = infotext.of_text(film.text)

    def encoded(made: Picture) -> str:
        return request_body.base64_of(picture.encode(made, asked.kind, quality=asked.quality, profile=asked.profile))

    made: dict[str, Any] = {
        "images": encoded(film),
        "infotexts": infotext.ours(film.text),
        "seeds": done.seed if done else None,
    }
    if asked.sheet:
        sides = np.concatenate((source.pixels, film.pixels), 1)
        made["sheets"] = encoded(Picture(sides))
    return made


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


def baked(asked: requests.LutRequest, name: str) -> bytes:
    """The file of a LUT."""
    hald = asked.kind == "hald"
    made = replace(lut.bake(colour_of(asked.look), 64 if hald else asked.size), title=load_stock(asked.look.stock).label)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        (lut.write_hald if hald else lut.write_cube)(path, made)
        return path.read_bytes()
