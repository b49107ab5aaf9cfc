"""What names of files say: videos, animations, and the numbered pictures that a pattern such as `frame_%04d.png` stands for."""

from __future__ import annotations

import re
from pathlib import Path

from filmlook.errors import PictureError

VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp"),
    *(".ogv", ".mxf", ".nut", ".y4m"),
)
"""Endings of files that are videos; what stands in them their content says."""

ANIMATIONS = (".gif", ".apng", ".png", ".webp")
"""Endings of pictures that may move."""

_NUMBERED = re.compile(r"%(0\d)?d")


def is_pattern(name: str) -> bool:
    """Whether a name stands for numbered files, such as `frame_%04d.png`."""
    return bool(_NUMBERED.search(Path(name).name))


def numbered(pattern: str, number: int) -> Path:
    """The file of a number."""
    path = Path(pattern)
    told = _NUMBERED.search(path.name)
    assert told
    digits = str(number).zfill(int((told[1] or "00")[1:]) or 1)
    return path.with_name(path.name[: told.start()] + digits + path.name[told.end() :])


def pictures_of(pattern: str) -> list[tuple[int, Path]]:
    """Numbers and files that a pattern such as `frame_%04d.png` stands for, in order. Raises PictureError: there is none."""
    path = Path(pattern)
    told = _NUMBERED.search(path.name)
    assert told
    digits = rf"(\d{{{int(told[1][1:])},}})" if told[1] else r"(\d+)"
    form = re.compile(re.escape(path.name[: told.start()]) + digits + re.escape(path.name[told.end() :]))
    names = path.parent.iterdir() if path.parent.is_dir() else ()
    found = sorted((int(match[1]), entry) for entry in names if (match := form.fullmatch(entry.name)))
    if not found:
        raise PictureError(f"{pattern}: no picture is called so")
    return found
