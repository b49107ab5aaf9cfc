"""Where stocks, looks and networks lie: the built-in folder, and the user's own."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePath

from filmlook.errors import LookError

log = logging.getLogger("filmlook")

_PACKAGE = Path(__file__).resolve().parent
BUILT_IN = next(p for p in (_PACKAGE / "models", _PACKAGE.parent / "models") if p.is_dir())
"""The models that come with Film Look: inside the installed package, or beside it in a checkout."""


def user_folder() -> Path | None:
    """The user's own folder, with `stocks`, `papers`, `looks`, `lenses` and `recipes` in it: the environment variable
    `FILMLOOK_HOME`."""
    home = os.environ.get("FILMLOOK_HOME")
    return Path(home) if home else None


def cache_folder() -> Path:
    """Where what can be made again is kept, of this user's; it need not be there yet.

    Raises:
        RuntimeError: the user has no home.
    """
    if sys.platform == "win32":
        folder = os.environ.get("LOCALAPPDATA")
        return (Path(folder) if folder else Path.home() / "AppData" / "Local") / "filmlook" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "filmlook"
    folder = os.environ.get("XDG_CACHE_HOME")
    return (Path(folder) if folder and os.path.isabs(folder) else Path.home() / ".cache") / "filmlook"


def find_files(kind: str, suffixes: Sequence[str]) -> dict[str, Path]:
    """Files by stem, of one kind ("stocks", "papers", "looks", "lenses", "recipes"), from the built-in folder and the user's.

    The user's files win over built-in ones of the same name. A stock may also lie in the user's folder itself.
    """
    return {p.stem: p for root in (BUILT_IN / kind, *_own_folders(kind)) for p in _files_in(root, suffixes)}


def find_file(kind: str, name: str, suffixes: Sequence[str]) -> Path | None:
    """The one of them with this stem; None: there is none. It takes a fraction of the time: it is asked for each picture."""
    for root in reversed((BUILT_IN / kind, *_own_folders(kind))):
        try:
            names = sorted(n for n in os.listdir(root) if n.startswith(name) and Path(n).stem == name)
        except OSError:  # it is not there, or not for us
            continue
        for path in (root / n for n in reversed(names)):
            if path.suffix.lower() in suffixes and path.is_file():
                return path
    return None


def own_file(kind: str, name: str, suffixes: Sequence[str]) -> Path | None:
    """A file of the user's own by its stem, never a built-in one; None where there is none."""
    return next((p for root in _own_folders(kind) for p in _files_in(root, suffixes) if p.stem == name), None)


def listed(kind: str, files: Iterable[str]) -> list[str]:
    """The names that a list shows, in order: all of them, or as many as `FILMLOOK_MAX_FILES` allows (1000), the built-in ones
    first. A name that is not shown can be used all the same."""
    names, most = sorted(files), _most_files()
    if len(names) <= most:
        return names
    tell_once(f"{len(names)} {kind}: {most} of them are listed; FILMLOOK_MAX_FILES allows more")
    built_in = built_in_names(kind)
    return sorted(sorted(names, key=lambda name: (name not in built_in, name))[:most])


def named_by_label(kind: str, label: str, labels: Mapping[str, str]) -> str | None:
    """The name in `labels` (label by name) that a label means, whole and whatever its case; None where none has it.

    Raises:
        LookError: several have it; the message names them.
    """
    names = [name for name, known in labels.items() if known.casefold() == label.casefold()]
    if len(names) > 1:
        raise LookError(f"{kind} is {label!r}, which is the label of {' and of '.join(names)}; choose one by its name")
    return names[0] if names else None


def built_in_names(kind: str) -> set[str]:
    """The names of what comes with Film Look, whether or not the user has files of the same names."""
    return {p.stem for p in _files_in(BUILT_IN / kind, None)}


@lru_cache(maxsize=1024)
def tell_once(line: str) -> None:
    """A warning in the log, however often there is cause for it."""
    log.warning("Film Look: %s", line)


def _most_files() -> int:
    told = os.environ.get("FILMLOOK_MAX_FILES", "")
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 10 else 1000


def _own_folders(kind: str) -> list[Path]:
    home = user_folder()
    if home is None:
        return []
    return [home, home / kind] if kind == "stocks" else [home / kind]


def _files_in(folder: Path, suffixes: Sequence[str] | None) -> Iterator[Path]:
    """The files of a folder with one of these suffixes, sorted by name; those whose name no text can hold are left out."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:  # it is not there, or not for us
        return
    for path in paths:
        try:
            path.name.encode()
            if (suffixes is None or path.suffix.lower() in suffixes) and path.is_file():
                yield path
        except UnicodeEncodeError:
            tell_once(f"left out {os.fsencode(path)!r}: its name is not UTF-8")
        except OSError as error:
            tell_once(f"left out {path}: {error.strerror}")


def natural(path: PurePath) -> tuple[list[str | int], ...]:
    """A key that sorts paths as people number them: f1, f2, f10."""
    return tuple([int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)] for name in path.parts)
