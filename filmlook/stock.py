"""Stocks: the films. Read, list and check stock files.

A model stock is one JSON file of about 120 numbers; `models/stocks` holds the built-in ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from filmlook.errors import StockFileError, UnknownStockError
from filmlook.files.lut import Lut, read_lut
from filmlook.film.model import FilmModel, numbers_of
from filmlook.look import FRAMES_MM
from filmlook.networks.digitalfilm import DigitalFilm
from filmlook.networks.weights import load_digitalfilm
from filmlook.paths import find_files


@dataclass(frozen=True, eq=False)
class Stock:
    """A film. `model` is set for model stocks, `lut` for LUT stocks, `network` for network stocks, none of them for a stock
    without colour of its own.

    Attributes:
        name: the file's stem; `label`: the human name; `maker`, `sources`: for people.
        kind: "negative", "reversal", "neutral", "lut" or "network".
        iso: the film's speed.
        frame: the film format it is usually shot on (a key of `filmlook.look.FRAMES_MM`).
        granularity: RMS granularity times 1000 per layer, through a 48 um aperture at a net density of 1.
        antihalation: "strong", "weak" or "none".
        mtf_cycles, mtf: the film's published response `(L, F)` at spatial frequencies `(F,)` in cycles/mm.
        published: datasheet values for people and tests: "dmin", "dmax", "gamma" per layer.
        fit: how closely the model meets what it was fitted to.
    """

    name: str
    label: str
    maker: str = ""
    kind: str = "neutral"
    iso: int = 200
    frame: str = "35mm"
    granularity: tuple[float, ...] = (5.0, 5.0, 5.0)
    antihalation: str = "weak"
    mtf_cycles: tuple[float, ...] = (10.0, 20.0, 40.0, 60.0)
    mtf: tuple[tuple[float, ...], ...] = ((1.1, 1.05, 0.75, 0.5),) * 3  # a generic ISO 200 negative's
    published: dict[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    fit: dict[str, Any] = field(default_factory=dict)
    model: FilmModel | None = None
    lut: Lut | None = None
    network: DigitalFilm | None = None

    @property
    def layers(self) -> int:
        return self.model.layers if self.model else 3

    def facts(self) -> dict[str, Any]:
        """All there is to tell of it: everything but the map of colour itself."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("model", "lut", "network")}

    @property
    def is_monochrome(self) -> bool:
        return self.layers == 1


_KINDS = ("negative", "reversal", "neutral")
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


def parse_stock(name: str, data: Any) -> Stock:
    """A stock from the contents of its JSON file.

    Raises:
        StockFileError: something is missing or wrong; the message names it.
    """
    if not isinstance(data, dict) or data.get("format") != 1:
        raise StockFileError('not a stock file: it needs "format": 1')
    kind = _choice(data, "kind", _KINDS)
    model = None if kind == "neutral" else FilmModel.from_dict(data)
    layers = model.layers if model else 3
    mtf = data.get("mtf")
    if not isinstance(mtf, dict):
        raise StockFileError("'mtf' is missing")
    cycles = numbers_of(mtf, "cycles_per_mm", (None,))
    response = numbers_of(mtf, "response", (layers, cycles.shape[0]))
    if not cycles.numel() or (torch.diff(cycles, prepend=torch.zeros(1).double()) <= 0).any() or (response <= 0).any():
        raise StockFileError("'mtf' needs rising frequencies and responses above 0")
    iso = data.get("iso")
    if not isinstance(iso, int) or iso <= 0:
        raise StockFileError(f"'iso' is {iso!r}; allowed: a whole number above 0")
    return Stock(
        name=name,
        label=str(data.get("label", name)),
        maker=str(data.get("maker", "")),
        kind=kind,
        iso=iso,
        frame=_choice(data, "frame", tuple(FRAMES_MM)),
        granularity=_granularity(data, layers),
        antihalation=_choice(data, "antihalation", _ANTIHALATION),
        mtf_cycles=tuple(cycles.tolist()),
        mtf=tuple(map(tuple, response.tolist())),
        published=dict(data.get("published", {})),
        sources=tuple(map(str, data.get("sources", ()))),
        fit=dict(data.get("fit", {})),
        model=model,
    )


_NETWORKS = (".safetensors", ".pt", ".pth")
FACTS = "filmlook"  # the key in a weight file's metadata that holds what a stock's JSON says
_SUFFIXES = (".json", ".cube", ".png", *_NETWORKS)


def list_stocks() -> list[str]:
    """The names of the installed stocks: built-in ones and those of the user's folder (see `filmlook.paths`)."""
    return sorted(find_files("stocks", _SUFFIXES))


def stock_labels() -> dict[str, str]:
    """The human names of the installed stocks, by name, each of them once. Reads no more of a file than that needs."""
    labels: dict[str, str] = {}
    for name, path in sorted(find_files("stocks", _SUFFIXES).items()):
        label = _label(path, path.stat().st_mtime_ns)
        labels[name] = f"{label} ({name})" if label in labels.values() else label
    return labels


@lru_cache(maxsize=512)
def _label(path: Path, modified: int) -> str:
    try:
        if path.suffix.lower() == ".json":
            facts = json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix.lower() == ".safetensors":
            with safe_open(path, "pt") as weights:
                facts = json.loads((weights.metadata() or {})[FACTS])
        else:
            facts = {}
        return str(facts.get("label", path.stem))
    except Exception:  # a damaged file is told of when its film is used
        return path.stem


def load_stock(name: str, *, allow_path: bool = True) -> Stock:
    """A stock by name, or (unless `allow_path` is false) by the path of its file: model JSON, `.cube`, HaldCLUT PNG,
    or a network's weights.

    Raises:
        UnknownStockError: no such stock; the message names those there are.
        StockFileError: its file is missing or damaged; the message names the file and the fault.
    """
    path = find_files("stocks", _SUFFIXES).get(name)
    if path is None and allow_path and Path(name).suffix.lower() in _SUFFIXES:
        path = Path(name)
    if path is None:
        raise UnknownStockError(f"stock is {name!r}; installed stocks are: {', '.join(list_stocks())}")
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise StockFileError(f"{path}: {error.strerror}") from None


@lru_cache(maxsize=64)
def _read(path: Path, modified: int) -> Stock:
    if path.suffix.lower() in _NETWORKS:
        return _network(path)
    if path.suffix.lower() != ".json":
        lut = read_lut(path)
        return Stock(name=path.stem, label=lut.title or path.stem, kind="lut", lut=lut)
    try:
        return parse_stock(path.stem, json.loads(path.read_text(encoding="utf-8")))
    except StockFileError as error:
        raise StockFileError(f"{path}: {error}") from None
    except (ValueError, TypeError) as error:
        raise StockFileError(f"{path}: not a stock file: {error}") from None


def _network(path: Path) -> Stock:
    """A network stock; what its metadata does not tell is a generic ISO 200 negative's."""
    network, metadata = load_digitalfilm(path)
    stock = Stock(name=path.stem, label=path.stem, kind="network")
    if FACTS in metadata:
        try:
            stock = parse_stock(path.stem, json.loads(metadata[FACTS]))
        except (StockFileError, ValueError, TypeError) as error:
            raise StockFileError(f"{path}: its metadata is wrong: {error}") from None
    return replace(stock, kind="network", network=network)
