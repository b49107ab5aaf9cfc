"""Stocks: the films. Read, list and check stock files.

A model stock is one JSON file of about 65 numbers, the film alone; `models/stocks` holds the built-in ones. What it is looked
at on is another file's: see `filmlook.prints`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from filmlook.errors import StockFileError, UnknownStockError
from filmlook.files.json_file import check_finite, parse_json, read_json
from filmlook.files.lut import LUT_SUFFIXES, read_lut, read_title
from filmlook.film.colour_map import ColourMap, Neutral
from filmlook.film.negative import Film
from filmlook.film.numbers import numbers_of
from filmlook.film.paper import Paper
from filmlook.film.route import MINILAB, Prints
from filmlook.film.scanner import ScanCharacter
from filmlook.film.slide import Slide
from filmlook.look import FRAMES_MM
from filmlook.networks.film_network import FilmNetwork
from filmlook.networks.weights import load_digitalfilm
from filmlook.paths import BUILT_IN, find_file, find_files, listed, named_by_label, tell_once


@dataclass(frozen=True, eq=False)
class Stock:
    """A film.

    Attributes:
        name: the file's stem; `label`: the human name; `maker`, `sources`, `credit`, `licence`: for people.
        moods: plain words of what it is liked for, "warm" or "street".
        kind: "negative", "reversal", "neutral", "lut" or "network".
        iso: the film's speed.
        frame: the film format it is usually shot on (a key of `filmlook.look.FRAMES_MM`).
        base: "still", or the thinner "cine": how far light goes before it is reflected.
        granularity: RMS granularity times 1000 per layer, through a 48 um aperture at a net density of 1.
        antihalation: "strong", "weak" or "none".
        mtf_cycles, mtf: the film's published response `(L, F)` at spatial frequencies `(F,)` in cycles/mm.
        published: datasheet values for people and tests: "dmin", "dmax", "gamma" per layer.
        measured, judged: which of its numbers come from data, and which from an eye.
        fit: how closely the model meets what it was fitted to.
        colour: what it makes of light: a `Film`, a LUT, a network, or `Neutral`.
        prints: what a film is looked at on; of no use to the others.
    """

    name: str
    label: str
    maker: str = ""
    moods: tuple[str, ...] = ()
    kind: str = "neutral"
    iso: int = 200
    frame: str = "35mm"
    base: str = "still"
    granularity: tuple[float, ...] = (5.0, 5.0, 5.0)
    antihalation: str = "weak"
    mtf_cycles: tuple[float, ...] = (10.0, 20.0, 40.0, 60.0)
    mtf: tuple[tuple[float, ...], ...] = ((1.1, 1.05, 0.75, 0.5),) * 3  # a generic ISO 200 negative's
    published: dict[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    credit: str = ""
    licence: str = ""
    fit: dict[str, Any] = field(default_factory=dict)
    colour: ColourMap = field(default_factory=Neutral)
    prints: Prints = field(default_factory=lambda: Prints(MINILAB))

    @property
    def film(self) -> Film | None:
        """The numbers of a film that has layers; None for stocks that map display code."""
        return self.colour if isinstance(self.colour, Film) else None

    @property
    def layers(self) -> int:
        return self.colour.layers

    def facts(self) -> dict[str, Any]:
        """All there is to tell of it: everything but the numbers of its colour."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("colour", "prints")}

    @property
    def is_monochrome(self) -> bool:
        return self.layers == 1


_NO_STOCK = 'not a stock file: it needs "format": 2'
_FORMATS = (1, 2)  # 1 has film and print in one set of numbers, and is read where there are none
_KINDS = ("negative", "reversal", "neutral")
_BASES = ("still", "cine")
_MOST_MOODS = 8
_ANTIHALATION = ("strong", "weak", "none")


def _choice(data: dict[str, Any], key: str, choices: Sequence[str]) -> str:
    if data.get(key) not in choices:
        raise StockFileError(f"{key!r} is {data.get(key)!r}; allowed: {', '.join(choices)}")
    return str(data[key])


def _granularity(data: dict[str, Any], layers: int) -> tuple[float, ...]:
    values = numbers_of(data, "granularity", (layers,))
    if (values < 0).any():
        raise StockFileError("'granularity' holds a number below 0")
    return tuple(values.tolist())


def _moods(data: dict[str, Any]) -> tuple[str, ...]:
    moods = data.get("moods", [])
    if not isinstance(moods, list) or len(moods) > _MOST_MOODS or not all(isinstance(m, str) and len(m) <= 40 for m in moods):
        raise StockFileError(f"'moods' is no list of up to {_MOST_MOODS} words")
    return tuple(moods)


def parse_stock(name: str, data: Any) -> Stock:
    """A stock from the contents of its JSON file.

    Raises:
        StockFileError: something is missing or wrong; the message names it.
    """
    if not isinstance(data, dict) or data.get("format") not in _FORMATS:
        raise StockFileError(_NO_STOCK)
    kind = _choice(data, "kind", _KINDS)
    if kind != "neutral" and data["format"] == 1:
        raise StockFileError("'format' is 1, which had film and print in one; fit it again from what it was fitted to")
    film = None if kind == "neutral" else Film.from_dict(data)
    layers = film.layers if film else 3
    mtf = data.get("mtf")
    if not isinstance(mtf, dict):
        raise StockFileError("'mtf' is missing")
    cycles = numbers_of(mtf, "cycles_per_mm", (None,))
    response = numbers_of(mtf, "response", (layers, cycles.shape[0]))
    if not cycles.numel() or (torch.diff(cycles, prepend=torch.zeros(1).double()) <= 0).any() or (response <= 0).any():
        raise StockFileError("'mtf' needs rising frequencies and responses above 0")
    facts = {key: data.get(key, {}) for key in ("published", "fit")}
    check_finite(facts)
    iso = data.get("iso")
    if not isinstance(iso, int) or iso <= 0:
        raise StockFileError(f"'iso' is {iso!r}; allowed: a whole number above 0")
    return Stock(
        name=name,
        label=str(data.get("label", name)),
        maker=str(data.get("maker", "")),
        moods=_moods(data),
        kind=kind,
        iso=iso,
        frame=_choice(data, "frame", tuple(FRAMES_MM)),
        base=_choice({"base": "cine" if data["frame"] == "super35" else "still", **data}, "base", _BASES),
        granularity=_granularity(data, layers),
        antihalation=_choice(data, "antihalation", _ANTIHALATION),
        mtf_cycles=tuple(cycles.tolist()),
        mtf=tuple(map(tuple, response.tolist())),
        published=dict(facts["published"]),
        sources=tuple(map(str, data.get("sources", ()))),
        fit=dict(facts["fit"]),
        measured=tuple(map(str, data.get("measured", ()))),
        judged=tuple(map(str, data.get("judged", ()))),
        credit=str(data.get("credit", "")),
        licence=str(data.get("licence", "")),
        colour=film or Neutral(),
        prints=_prints(data, film) if film else Prints(MINILAB),
    )


def _prints(data: dict[str, Any], film: Film) -> Prints:
    """What a film's file says of its prints. A paper that it names may be missing until it is printed on."""
    default, parts = data.get("print"), {key: data.get(key) for key in ("slide", "own_print", "minilab")}
    for key, part in parts.items():
        if part is not None and not isinstance(part, dict):
            raise StockFileError(f"{key!r} is no table of numbers")
    if not isinstance(default, str) or not default:
        raise StockFileError(f"'print' is {default!r}; allowed: minilab, slide, own, or the name of a paper")
    needed = "slide" if film.kind == "reversal" or default == "slide" else "own_print" if default == "own" else ""
    if needed and parts[needed] is None:
        raise StockFileError(f"{needed!r} is missing")
    slide, own, minilab = (parts[key] for key in ("slide", "own_print", "minilab"))
    prints = Prints(
        default if slide is None else "slide",
        slide=Slide.from_dict(slide) if slide is not None else None,
        own=Paper.from_dict(own) if own is not None else None,
        minilab=ScanCharacter.from_dict(minilab or {}),
    )
    if prints.own is not None and prints.own.layers != film.layers:
        raise StockFileError(f"'own_print' has {prints.own.layers} layers, the film {film.layers}")
    return prints


FACTS = "filmlook"  # the key in a weight file's metadata that holds what a stock's JSON says


def list_stocks() -> list[str]:
    """The names of the installed stocks: built-in ones and those of the user's folder (see `filmlook.paths`)."""
    return list(stock_labels())


def own_stocks() -> dict[str, Path]:
    """The files of the stocks in the user's folder, by name."""
    built_in = BUILT_IN / "stocks"
    files = find_files("stocks", tuple(_READERS))
    return {name: files[name] for name in listed("stocks", files) if files[name].parent != built_in}


def is_installed(name: str) -> bool:
    """Whether there is a stock of this name, in the lists or beyond what they show."""
    return find_file("stocks", name, tuple(_READERS)) is not None


@dataclass(frozen=True)
class Heading:
    """What a list tells of a stock: its label, which no other has, and what people look for a film by. `iso` is None where no
    speed is told."""

    label: str
    maker: str = ""
    iso: int | None = None
    kind: str = ""
    moods: tuple[str, ...] = ()


def stock_headings() -> dict[str, Heading]:
    """The installed stocks by name. Reads no more of a file than that needs; what is seen to be damaged goes by its file's
    name, and is told of in the log."""
    found: dict[str, Heading] = {}
    taken: set[str] = set()
    files = find_files("stocks", tuple(_READERS))
    for name in listed("stocks", files):
        heading = _heading_of(files[name])
        if heading.label in taken:
            heading = replace(heading, label=f"{heading.label} ({name})")
        found[name] = heading
        taken.add(heading.label)
    return found


def stock_labels() -> dict[str, str]:
    """The human names of the installed stocks, by name, each of them once."""
    return {name: heading.label for name, heading in stock_headings().items()}


def installed_name(given: str) -> str:
    """The name of the installed stock that a name or a label ("Kodak Gold 200", whole, case ignored) means; what means none as
    it is.

    Raises:
        LookError: two stocks have that label; the message names both.
    """
    files = find_files("stocks", tuple(_READERS))
    if given in files:
        return given
    return named_by_label("stock", given, {name: _heading_of(files[name]).label for name in sorted(files)}) or given


def _heading_of(path: Path) -> Heading:
    try:
        return _heading(path, path.stat().st_mtime_ns)
    except Exception as error:  # of foreign readers too; more is told when its film is used
        tell_once(f"{path} cannot be read: {error}")
        return Heading(path.stem)


@lru_cache(maxsize=4096)
def _heading(path: Path, modified: int) -> Heading:
    suffix = path.suffix.lower()
    if suffix in LUT_SUFFIXES:
        return Heading(str(read_title(path)), kind="lut")
    if suffix == ".json":
        facts = read_json(path)
        if not isinstance(facts, dict) or facts.get("format") not in _FORMATS:
            raise StockFileError(_NO_STOCK)
    elif suffix == ".safetensors":
        with safe_open(path, "pt") as weights:
            facts = parse_json((weights.metadata() or {}).get(FACTS, "{}"))
    else:
        facts = {}
    iso, kind = facts.get("iso"), facts.get("kind") if suffix == ".json" else "network"
    return Heading(
        str(facts.get("label", path.stem)),
        str(facts.get("maker", "")),
        iso if isinstance(iso, int) else None,
        str(kind),
        _moods(facts),
    )


def load_stock(name: str, *, allow_path: bool = True) -> Stock:
    """A stock by name or label, or (unless `allow_path` is false) by the path of its file: model JSON, a LUT, or a network's
    weights.

    Raises:
        LookError: two stocks have that label.
        UnknownStockError: no such stock; the message names those there are.
        StockFileError: its file is missing or damaged; the message names the file and the fault.
    """
    path = find_file("stocks", name, tuple(_READERS))
    if path is None and allow_path and Path(name).suffix.lower() in _READERS:
        path = Path(name)
    if path is None:
        path = find_file("stocks", installed_name(name), tuple(_READERS))
    if path is None:
        raise UnknownStockError(f"stock is {name!r}; installed stocks are: {', '.join(list_stocks())}")
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise StockFileError(f"{path}: {error.strerror}") from None


@lru_cache(maxsize=64)
def _read(path: Path, modified: int) -> Stock:
    return _READERS[path.suffix.lower()](path)


def _model_stock(path: Path) -> Stock:
    try:
        return parse_stock(path.stem, read_json(path))
    except StockFileError as error:
        raise StockFileError(f"{path}: {error}") from None
    except (ValueError, TypeError) as error:
        raise StockFileError(f"{path}: not a stock file: {error}") from None


def _lut_stock(path: Path) -> Stock:
    lut = read_lut(path)
    return Stock(name=path.stem, label=lut.title or path.stem, kind="lut", colour=lut)


def _network_stock(path: Path) -> Stock:
    """A network stock; what its metadata does not tell is a generic ISO 200 negative's."""
    network, metadata = load_digitalfilm(path)
    stock = Stock(name=path.stem, label=path.stem)
    if FACTS in metadata:
        try:
            stock = parse_stock(path.stem, parse_json(metadata[FACTS]))
        except (StockFileError, ValueError, TypeError) as error:
            raise StockFileError(f"{path}: its metadata is wrong: {error}") from None
    return replace(stock, kind="network", colour=FilmNetwork(network))


_READERS: dict[str, Callable[[Path], Stock]] = {
    ".json": _model_stock,
    **dict.fromkeys(LUT_SUFFIXES, _lut_stock),
    **dict.fromkeys((".safetensors", ".pt", ".pth"), _network_stock),
}
"""What reads a stock's file, by its ending."""
