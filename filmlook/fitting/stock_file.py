"""Stocks as files: model stocks in readable JSON, a row of a table on one line; networks in safetensors."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError
from filmlook.files import atomic
from filmlook.files.lut import read_lut
from filmlook.film.model import FilmModel
from filmlook.fitting.colours import Colours, from_lut, from_pairs, read_table
from filmlook.fitting.model_stock import FitResult, differences, fit_model
from filmlook.networks.digitalfilm import DigitalFilm
from filmlook.networks.weights import write_tensors
from filmlook.stock import FACTS, Stock

_DIGITS = 5


def rounded(model: FilmModel) -> FilmModel:
    """The model as its file holds it."""
    return FilmModel.from_dict(_rounded(model.to_dict()))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def _text(value: Any, indent: str = "") -> str:
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(k)}: {_text(v, inner)}" for k, v in value.items()]
    elif isinstance(value, list) and any(isinstance(v, (list, str)) for v in value):
        lines = [inner + _text(v, inner) for v in value]
    else:
        return json.dumps(value, ensure_ascii=False)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(lines) + f"\n{indent}{closing}"


def write_stock(path: Path, facts: dict[str, Any], result: FitResult, colours: int) -> None:
    """Writes a stock file: `facts` as a stock file names them, then how well it fits, then the model's numbers."""
    fit = {"mean_de00": round(result.mean, 3), "p95_de00": round(result.p95, 3), "colours": colours}
    data = {"format": 1, **facts, "fit": fit, **_rounded(result.model.to_dict())}
    try:
        atomic.write_bytes(path, (_text(data) + "\n").encode())
    except OSError as error:
        raise FilmLookError(f"{path}: cannot be written: {error.strerror}") from None


def write_network_stock(
    path: Path,
    network: DigitalFilm,
    like: Stock,
    label: str,
    *,
    half: bool = False,
    fit: dict[str, float] | None = None,
    training: dict[str, Any] | None = None,
) -> None:
    """Writes a network's weights as a stock: what a stock's JSON says, and how it was trained, stand in the metadata.

    Args:
        path: the file, `.safetensors`.
        network: the map of display code.
        like: the stock whose grain, halation, sharpness and format this one takes.
        label: its name for people.
        half: write half precision.
        fit, training: figures on held-out pictures, and the training's facts.

    Raises:
        FilmLookError: it cannot be written.
    """
    rows = [i % like.layers for i in range(3)]  # a network has no layers: each channel takes one
    facts = facts_of(like)
    facts["mtf"]["response"] = [facts["mtf"]["response"][i] for i in rows]
    stock = {
        "format": 1,
        **facts,
        "label": label,
        "kind": "neutral",
        "granularity": [facts["granularity"][i] for i in rows],
        "published": {},
        "sources": [f"A DigitalFilm network; grain, halation, sharpness and format as {like.label}."],
        "fit": fit or {},
    }
    tensors = {name: t.half() if half and t.is_floating_point() else t for name, t in network.state_dict().items()}
    metadata = {FACTS: json.dumps(stock), **({"training": json.dumps(training)} if training else {})}
    write_tensors(path, tensors, metadata)


def facts_of(stock: Stock) -> dict[str, Any]:
    """What a stock's file says beside its numbers."""
    kept = stock.facts()
    for name in ("name", "fit", "mtf_cycles"):
        del kept[name]
    mtf = {"cycles_per_mm": list(stock.mtf_cycles), "response": [list(row) for row in stock.mtf]}
    lists = {"granularity": list(stock.granularity), "sources": list(stock.sources)}
    return {**kept, **lists, "mtf": mtf}


def fit_stock(
    colours: Colours, facts: dict[str, Any], seconds: float, progress: Callable[[float], None] | None = None
) -> FitResult:
    """A fit to colours, anchored to what `facts` tell of the stock; its figures are those of the rounded numbers.

    Raises:
        FilmLookError: nothing is published of the stock.
    """
    published = facts["published"]
    if facts["kind"] not in ("negative", "reversal") or not {"gamma", "dmin"} <= published.keys():
        raise FilmLookError(f"{facts['label']}: no gamma and dmin are published of it; name another stock to be like")
    fitted = fit_model(
        colours.codes,
        colours.target,
        kind=facts["kind"],
        layers=len(facts["granularity"]),
        gamma=published["gamma"],
        dmin=published["dmin"],
        weights=colours.weights,
        seconds=seconds,
        progress=progress,
    )
    model = rounded(fitted.model)
    left = differences(model, colours.codes, colours.target)
    return FitResult(model, float(left.mean()), float(left.quantile(0.95)), fitted.converged)


def make_stock(
    sources: Sequence[Path],
    out: Path,
    like: Stock,
    label: str | None = None,
    seconds: float = 600,
    progress: Callable[[float], None] | None = None,
) -> FitResult:
    """Fits a stock and writes its file.

    Args:
        sources: a colour table `.csv`, or a LUT; or two folders of aligned photographs, before and after,
            with the same file names.
        out: the stock file, `.json`.
        like: the stock whose datasheet, grain and halation the new one takes.
        label: its name for people.
        seconds: how long to try at most, converged or not.
        progress: called with the share done.

    Raises:
        FilmLookError: a source that cannot be read or does not fit, or a file that cannot be written.
    """
    if len(sources) == 2 and all(source.is_dir() for source in sources):
        colours, what = from_pairs(*sources), "photographs before and after"
    elif len(sources) != 1:
        raise FilmLookError(f"{len(sources)} sources; allowed: one table or LUT, or two folders, before and after")
    elif sources[0].suffix.lower() == ".csv":
        colours, what = read_table(sources[0]), "a colour table"
    else:
        colours, what = from_lut(read_lut(sources[0])), "a LUT"
    facts = facts_of(like)
    result = fit_stock(colours, facts, seconds, progress)
    facts = {
        **facts,
        "label": label or out.stem,
        "maker": "",
        "sources": [f"Colour fitted to {what}; datasheet, grain and halation as {like.label}."],
    }
    write_stock(out, facts, result, len(colours.codes))
    return result
