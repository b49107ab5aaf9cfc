"""Prints: what a film is looked at on. Lists and reads papers, and tells which prints a stock allows.

A paper is one JSON file of about 60 numbers; `models/papers` holds the built-in ones.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from filmlook.errors import LookError, StockFileError
from filmlook.files.json_file import read_json
from filmlook.film.paper import Paper
from filmlook.film.route import MINILAB, NEGATIVE, STOCK, allowed_prints
from filmlook.paths import find_files, listed, named_by_label, tell_once
from filmlook.stock import Stock

_SUFFIXES = (".json",)
_MOST_BYTES = 2**16  # of a file, of which ours have 2 kB
_LABELS = {STOCK: "The stock's own", MINILAB: "Minilab scan", NEGATIVE: "The negative itself"}


def list_papers() -> list[str]:
    """The names of the installed papers: built-in ones and those of the user's folder (see `filmlook.paths`)."""
    return listed("papers", _files())


def load_paper(name: str) -> Paper:
    """An installed paper by name.

    Raises:
        LookError: no such paper; the message names those there are.
        StockFileError: its file is missing or damaged; the message names the file and the fault.
    """
    path = _files().get(name)
    if path is None:
        raise LookError(f"print is {name!r}; installed papers are: {', '.join(list_papers())}")
    try:
        return _read(path, path.stat().st_mtime_ns)[1]
    except OSError as error:
        raise StockFileError(f"{path}: {error.strerror}") from None


def print_labels(stock: Stock | None = None) -> dict[str, str]:
    """What `print` may be, with what people read, each of them once: for one stock, or for all of them together."""
    papers = _papers()
    if stock is None:
        names = [STOCK, MINILAB, *papers, NEGATIVE]
    else:
        layers = {name: paper.layers for name, (_, paper) in papers.items()}
        names = allowed_prints(stock.film, stock.prints, layers) if stock.film else [STOCK]
    labels: dict[str, str] = {}
    for name in names:
        label = _LABELS.get(name) or papers[name][0]
        labels[name] = f"{label} ({name})" if label in labels.values() else label
    return labels


def checked_print(stock: Stock, given: str) -> str:
    """The print that a name or a label ("Kodak Vision 2383", whole, case ignored) means, if the stock allows it.

    Raises:
        LookError: it does not, or there is no such print; the message names what it allows.
    """
    labels = print_labels(stock)
    if given in labels:
        return given
    name = named_by_label("print", given, labels)
    if name is None:
        raise LookError(f"print is {given[:65]!r}; {stock.label} allows: {', '.join(labels)}")
    return name


def paper_of(stock: Stock, choice: str) -> Paper | None:
    """The paper that a print's name, or the stock's own print, stands for; None where it stands for none.

    Raises:
        LookError, StockFileError: as `load_paper`.
    """
    name = stock.prints.default if choice == STOCK else choice
    return None if stock.film is None or name in ("slide", "own", MINILAB, NEGATIVE) else load_paper(name)


def _files() -> dict[str, Path]:
    return find_files("papers", _SUFFIXES)


def _papers() -> dict[str, tuple[str, Paper]]:
    """Label and paper of those that can be read, in the order of a list; of the others the log tells."""
    files, found = _files(), {}
    for name in listed("papers", files):
        try:
            found[name] = _read(files[name], files[name].stat().st_mtime_ns)
        except (OSError, StockFileError) as error:
            tell_once(f"left out {error}")
    return found


@lru_cache(maxsize=256)
def _read(path: Path, modified: int) -> tuple[str, Paper]:
    try:
        data = read_json(path, _MOST_BYTES)
        if not isinstance(data, dict) or data.get("format") != 1:
            raise StockFileError('not a paper file: it needs "format": 1')
        if path.stem in (*_LABELS, "slide", "own"):
            raise StockFileError(f"{path.stem!r} is no name for a paper")
        return str(data.get("label", path.stem)), Paper.from_dict(data)
    except StockFileError as error:
        raise StockFileError(f"{path}: {error}") from None
    except (ValueError, TypeError) as error:
        raise StockFileError(f"{path}: not a paper file: {error}") from None
