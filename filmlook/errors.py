"""The errors a caller may catch. Every message is one line: what is wrong, where, and what is allowed."""

from __future__ import annotations

import importlib
from typing import Any


class FilmLookError(Exception):
    """Anything Film Look refuses or cannot do."""


class LookError(FilmLookError):
    """A setting that is unknown, of the wrong type or out of range."""


class StockFileError(FilmLookError):
    """A stock or LUT file that is missing, damaged or of an unknown kind."""


class UnknownStockError(LookError, StockFileError):
    """The name of a stock that is not installed."""


class PictureError(FilmLookError):
    """A picture that cannot be read, written or developed."""


class AlreadyDevelopedError(PictureError):
    """A picture that is developed already, and shall not be once more."""


class Stopped(Exception):  # noqa: N818 (it is no error)
    """Whoever waits for the work wants no more of it: a client has gone, or the user interrupted."""


def fault(path: str, error: Exception) -> str:
    """What befell a picture's file, in a line that names it."""
    if isinstance(error, MemoryError) or "out of memory" in str(error) or "allocate memory" in str(error):
        return f"{path}: out of memory; a smaller --tile needs less"
    text = " ".join(str(error).split()) or type(error).__name__
    named = isinstance(error, (FilmLookError, OSError)) and path.replace("\\", "/").rpartition("/")[2] in text
    return text if named else f"{path}: {text}"


def extra(name: str, what: str, install: str, error: type[FilmLookError] = PictureError) -> Any:
    """A module of one of the package's extras, which `what` needs. Raises `error`, which says what to install, without it."""
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        need = "need" if what.endswith("s") else "needs"
        module = name.partition(".")[0]
        raise error(f'{what} {need} {module}: pip install "filmlook[{install}]"') from missing
