"""Films in the tab: each developed into a file where the tab saves, and shown by the browser's own player."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from filmlook.errors import AlreadyDevelopedError, FilmLookError, PictureError
from filmlook.files.picture import Picture
from filmlook.films.develop_film import develop_film
from filmlook.films.names import ANIMATIONS, VIDEOS
from filmlook.films.reading import is_animated
from filmlook.look_choice import LookChoice
from filmlook.webui import options
from filmlook.webui.depth_networks import depth_of_host
from filmlook.webui.processing import device

ENDINGS = (*VIDEOS, *ANIMATIONS)
"""Endings of files that may be films."""

_KEPT = (".gif", ".webp")  # animations that stay what they are; what else comes becomes what every browser plays
_PLAYED = ".mp4"


def is_film(path: Path, name: str) -> bool:
    """Whether a file, which the user calls `name`, is a film and no single picture."""
    return Path(name).suffix.lower() in VIDEOS or is_animated(path)


def developed_film(
    source: Path, name: str, choice: LookChoice, folder: Path, *, again: bool, progress: Callable[[int, int | None], None]
) -> tuple[Path, list[str]]:
    """Develops a film into a folder, which nothing is written over in; where it lies, and what could not be kept as it was.

    Args:
        name: the film's own; the file is called so.
        choice: what moves in it moves.
        again: whether a film that is developed already is developed once more.
        progress: told of each frame. What it raises ends the work, and nothing of it stays.

    Raises:
        AlreadyDevelopedError: it is developed already, and `again` is false. FilmLookError: in words for people.
    """
    ending = source.suffix.lower() if source.suffix.lower() in _KEPT else _PLAYED
    seed = None if choice.seed_mode == "picture" else choice.grain_seed(0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".film-look-", dir=folder) as place:
            made = Path(place) / f"film{ending}"
            how: dict[str, Any] = {
                "seed": seed,
                "device": str(device()),
                "tile": options.tile(),
                "again": again,
                "progress": progress,
                "find_depth": lambda pixels: depth_of_host(Picture(pixels)),
            }
            report = develop_film(source, made, choice.moving, **how)
            return _settled(made, folder, Path(name).stem), report.notes
    except AlreadyDevelopedError:
        raise
    except FilmLookError as error:
        raise PictureError(str(error).replace(f"{source}: ", "").replace(str(source), name)) from error


def _settled(made: Path, folder: Path, stem: str) -> Path:
    """Gives a film its name, or the first of stem-1, stem-2 ... that no file has; where it then lies."""
    number = 0
    while True:
        target = folder / f"{stem}{f'-{number}' if number else ''}{made.suffix}"
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))  # claimed
        except FileExistsError:
            number += 1
            continue
        os.replace(made, target)
        return target


@cache
def _shown_in() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="film-look-")


def shown(film: Path | None) -> tuple[str | None, str | None]:
    """A film as the page's player is given it, or as its list of files is: where gradio may take it from."""
    if film is None:
        return None, None
    place = Path(_shown_in().name)
    for old in place.iterdir():
        old.unlink(missing_ok=True)
    copy = place / film.name
    try:
        os.link(film, copy)
    except OSError:  # another disk
        shutil.copy2(film, copy)
    return (str(copy), None) if film.suffix == _PLAYED else (None, str(copy))
