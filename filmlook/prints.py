"""Prints: what a film is looked at on. Lists and reads papers, and tells which prints a stock allows.

A paper is one JSON file of about 60 numbers; `models/papers` holds the built-in ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from filmlook.errors import LookError, StockFileError
from filmlook.files.json_file import check_finite, read_json
from filmlook.film.paper import Paper
from filmlook.film.route import MINILAB, NEGATIVE, STOCK, allowed_prints
from filmlook.paths import find_file, find_files, listed, named_by_label, tell_once
from filmlook.stock import Stock

OWN = STOCK
"""The print that every stock allows: its own."""

_SUFFIXES = (".json",)
_MOST_BYTES = 2**16  # of a file, of which ours have 2 kB
_LABELS = {STOCK: "The stock's own", MINILAB: "Minilab scan", NEGATIVE: "The negative itself"}


@dataclass(frozen=True, eq=False)
class PaperFile:
    """What a paper's file holds: its label, what people want to know of it, and its numbers."""

    label: str
    maker: str
    sources: tuple[str, ...]
    credit: str
    licence: str
    paper: Paper
    fit: dict[str, Any] = field(default_factory=dict)


def list_papers() -> list[str]:
    """The names of the installed papers: built-in ones and those of the user's folder (see `filmlook.paths`)."""
    return listed("papers", _files())


def is_paper(name: str) -> bool:
    """Whether there is a paper of this name, in the lists or beyond what they show."""
    return find_file("papers", name, _SUFFIXES) is not None


def load_paper(name: str) -> Paper:
    """An installed paper by name.

    Raises:
        LookError: no such paper; the message names those there are.
        StockFileError: its file is missing or damaged; the message names the file and the fault.
    """
    return _file(name).paper


def _file(name: str) -> PaperFile:
    path = find_file("papers", name, _SUFFIXES)
    if path is None:
        raise LookError(f"print is {name[:65]!r}; installed papers are: {', '.join(list_papers())}")
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise StockFileError(f"{path}: {error.strerror}") from None


def paper_labels() -> dict[str, str]:
    """The human names of the papers that can be read, by name, each of them once."""
    return _each_once({name: file.label for name, file in _papers().items()})


def paper_facts(given: str) -> dict[str, Any]:
    """All there is to tell of a paper, by name or label: everything but its numbers.

    Raises:
        LookError, StockFileError: as `load_paper`.
    """
    name = given if given in _files() else named_by_label("paper", given, paper_labels()) or given
    file = _file(name)
    return {
        "name": name,
        **{f.name: getattr(file, f.name) for f in fields(file) if f.name != "paper"},
        "layers": file.paper.layers,
    }


def stock_facts(stock: Stock) -> dict[str, Any]:
    """All there is to tell of a stock: what its file says, what it is looked at on unless told, and what it may be."""
    return {**stock.facts(), "print": usual_print(stock), "prints": list(print_labels(stock))}


def usual_print(stock: Stock) -> str:
    """What a stock is looked at on unless told: "minilab", a paper's name, "slide", or "own" where its colour is one map."""
    return stock.prints.default if stock.film else "own"


def print_labels(stock: Stock | None = None, *, beyond: str = "") -> dict[str, str]:
    """What `print` may be, with what people read, each of them once: for one stock, or for all of them together. `beyond` names
    a paper that is among them even where the list is cut before it."""
    papers = _papers(beyond)
    if stock is None:
        names = [STOCK, MINILAB, *papers, NEGATIVE]
    else:
        layers = {name: file.paper.layers for name, file in papers.items()}
        names = allowed_prints(stock.film, stock.prints, layers) if stock.film else [STOCK]
    return _each_once({name: _LABELS.get(name) or papers[name].label for name in names})


def _each_once(labels: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, label in labels.items():
        found[name] = f"{label} ({name})" if label in found.values() else label
    return found


def checked_print(stock: Stock, given: str) -> str:
    """The print that a name or a label ("Kodak Vision 2383", whole, case ignored) means, if the stock allows it.

    Raises:
        LookError: it does not, or there is no such print; the message names what it allows.
        StockFileError: it is a paper whose file is damaged; the message names the file and the fault.
    """
    if given == OWN:  # as nearly all are: no list of papers is needed
        return given
    labels = print_labels(stock, beyond=given)
    if given in labels:
        return given
    name = named_by_label("print", given, labels)
    if name is None:
        if is_paper(given):
            load_paper(given)  # a damaged one is in no list: what is wrong with it helps more than what there is
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


def _papers(beyond: str = "") -> dict[str, PaperFile]:
    """Those that can be read, in the order of a list; of the others the log tells."""
    files, found = _files(), {}
    for name in sorted({*listed("papers", files), *({beyond} & files.keys())}):
        try:
            found[name] = _read(files[name], files[name].stat().st_mtime_ns)
        except (OSError, StockFileError) as error:
            tell_once(f"left out {error}")
    return found


@lru_cache(maxsize=256)
def _read(path: Path, modified: int) -> PaperFile:
    try:
        data = read_json(path, _MOST_BYTES)
        if not isinstance(data, dict) or data.get("format") != 1:
            raise StockFileError('not a paper file: it needs "format": 1')
        if path.stem in (*_LABELS, "slide", "own"):
            raise StockFileError(f"{path.stem!r} is no name for a paper")
        fit = data.get("fit", {})
        check_finite(fit)
        return PaperFile(
            label=str(data.get("label", path.stem)),
            maker=str(data.get("maker", "")),
            sources=tuple(map(str, data.get("sources", ()))),
            credit=str(data.get("credit", "")),
            licence=str(data.get("licence", "")),
            paper=Paper.from_dict(data),
            fit=dict(fit),
        )
    except StockFileError as error:
        raise StockFileError(f"{path}: {error}") from None
    except (ValueError, TypeError) as error:
        raise StockFileError(f"{path}: not a paper file: {error}") from None
