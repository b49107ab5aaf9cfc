"""What the files of many pictures are called: a pattern with places in it, for the command line and for pages alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import PurePath, PurePosixPath
from typing import TypeVar

from filmlook.errors import LookError
from filmlook.files.kinds import FORMATS, RAW, READABLE

_Path = TypeVar("_Path", bound=PurePath)

PLACES = ("name", "number", "stock", "look")
"""The picture's own name without its ending, its number among the others, the film and the preset."""

AS_THEY_ARE = "{name}"
LONGEST = 200  # letters of a pattern, and bytes of what is made of it: file systems hold 255, an ending among them
_PLACE = re.compile(r"\{(\w*)\}")
_BARRED = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')  # by one system or another
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)  # which Windows opens instead


_APPLE_DOUBLE = "._"  # where macOS keeps a file's attributes on disks that have no room for them


def is_picture(path: PurePath) -> bool:
    """Whether a file in a folder is one of its pictures, by its name."""
    return path.suffix.lower() in READABLE and not path.name.startswith(_APPLE_DOUBLE)


def is_other(path: PurePath) -> bool:
    """Whether a file in a folder is of another kind than pictures, and none that systems hide."""
    return path.suffix.lower() not in READABLE and not path.name.startswith(".")


def left_out(below: PurePath, patterns: Sequence[str]) -> bool:
    """Whether a file's name, or that of a folder it lies in, or its path below the input, is as one of the patterns."""
    names = (*below.parts, below.as_posix())
    return any(fnmatch(name, pattern.rstrip("/")) for pattern in patterns for name in names)


def written_as(below: _Path) -> _Path:
    """A path with the ending of a kind that is written: what a camera gave raw keeps its 16 bits without an extra."""
    suffix = below.suffix.lower()
    return below if suffix in FORMATS else below.with_suffix(".tif" if suffix in RAW else ".png")


def check_pattern(pattern: str) -> None:
    """Raises LookError for what no file can be called by."""
    places = ", ".join(f"{{{place}}}" for place in PLACES)
    for found in _PLACE.findall(pattern):
        if found not in PLACES:
            raise LookError(f"the name has {{{found}}} in it; allowed: {places}")
    rest = _PLACE.sub("", pattern)
    if not pattern.strip() or len(pattern) > LONGEST or _BARRED.search(rest) or "{" in rest or "}" in rest:
        raise LookError(
            f"the name {pattern[:60]!r} is none for a file; allowed: letters, digits, signs that files may have, {places}"
        )


def named(pattern: str, sources: Sequence[str], facts: Mapping[str, str]) -> list[str]:
    """What the files of pictures are called by a pattern, without an ending.

    Args:
        pattern: as `check_pattern` allows it.
        sources: the pictures' own names, in their order, with or without folders (which are left out) and endings.
        facts: what `stock` and `look` stand for.

    Raises:
        LookError: as `check_pattern`.
    """
    check_pattern(pattern)
    digits = len(str(len(sources)))

    def filled(number: int, source: str) -> str:
        own = {**facts, "name": PurePosixPath(source.replace("\\", "/")).stem, "number": f"{number:0{digits}}"}
        made = _PLACE.sub(lambda place: _BARRED.sub("_", own.get(place[1], "")), pattern)
        made = _within(made, LONGEST).rstrip(". ")
        return f"_{made}" if not made or _DEVICE.match(made) else made

    return [filled(number, source) for number, source in enumerate(sources, 1)]


def _within(text: str, most: int) -> str:
    """The beginning of a text that so many bytes hold."""
    while (spare := len(text.encode(errors="surrogatepass")) - most) > 0:
        text = text[: -max(1, spare // 4)]  # a letter has up to 4 bytes
    return text


def folder_of(source: str) -> str:
    """The folders before a picture's name that it may keep below another folder: none that leads out of it."""
    parts = PurePosixPath(source.replace("\\", "/")).parent.parts
    return "/".join(_BARRED.sub("_", part) for part in parts if part not in ("/", "//", ".."))


def apart(paths: Sequence[str]) -> list[str]:
    """Paths of which no two are the same, in whatever case they are written: a second one has "-2" before its ending."""
    taken: set[str] = set()
    following: Counter[str] = Counter()
    found = []
    for path in paths:
        free = path
        while free.casefold() in taken:
            following[path.casefold()] += 1
            stem, dot, ending = path.rpartition(".")
            free = f"{stem}-{following[path.casefold()] + 1}{dot}{ending}"
        taken.add(free.casefold())
        found.append(free)
    return found
