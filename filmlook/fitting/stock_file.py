"""Stocks as files: films in readable JSON, a row of a table on one line; networks in safetensors."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from filmlook.errors import FilmLookError
from filmlook.files import atomic
from filmlook.files.lut import read_lut
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.slide import Slide
from filmlook.fitting.colours import Colours, from_lut, from_pairs, read_table
from filmlook.fitting.model_stock import differences, fit_film
from filmlook.networks.digitalfilm import DigitalFilm
from filmlook.networks.weights import write_tensors
from filmlook.prints import list_papers, load_paper
from filmlook.stock import FACTS, Stock

_DIGITS, _MIXING_DIGITS = 5, 8  # of a number; of a slide's, whose rows sum to 1 after rounding
_HELD_OUT = 0.2  # of the colours: the fit does not see them, and is judged by them
_LEAST_TO_HOLD_OUT = 250  # colours; of fewer all are fitted, and judge


@dataclass(frozen=True)
class FitResult:
    """A fit as its file holds it.

    Attributes:
        film: the film.
        on: the print that was fitted with it, a slide's view, or the paper it is printed on.
        paper: that paper's name; empty where there is none.
        mean, p95: CIEDE2000 of colours that the fit did not see.
        fitted, held_out: how many colours were fitted, and how many judge; 0: there were too few, and the fitted ones judge.
        converged: whether the fit ended by itself.
    """

    film: Film
    on: Paper | Slide
    paper: str
    mean: float
    p95: float
    fitted: int
    held_out: int
    converged: bool


def _rounded(value: Any, digits: int = _DIGITS) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v, digits) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v, digits) for v in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


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


def write_stock(path: Path, facts: dict[str, Any], result: FitResult) -> None:
    """Writes a stock file: `facts` as a stock file names them, then how well it fits, then the numbers of film and print."""
    fit = {"mean_de00": round(result.mean, 3), "p95_de00": round(result.p95, 3)}
    view: dict[str, Any] = {}
    if isinstance(result.on, Slide):
        view = {"slide": _rounded(result.on.to_dict(), _MIXING_DIGITS)}
    elif not result.paper:
        view = {"own_print": _rounded(result.on.to_dict())}
    data = {
        "format": 2,
        **facts,
        "print": result.paper or ("slide" if "slide" in view else "own"),
        "fit": {**fit, "colours": result.fitted, "held_out": result.held_out},
        **_rounded(result.film.to_dict()),
        **view,
    }
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
    """What another stock may take from a stock's file: what it says beside its numbers, their origin and their quality."""
    kept = stock.facts()
    for name in ("name", "fit", "mtf_cycles", "measured", "judged", "credit", "licence", "moods"):
        del kept[name]
    mtf = {"cycles_per_mm": list(stock.mtf_cycles), "response": [list(row) for row in stock.mtf]}
    lists = {"granularity": list(stock.granularity), "sources": list(stock.sources)}
    return {**kept, **lists, "mtf": mtf}


def fit_stock(
    colours: Colours, like: Stock, paper: str = "", seconds: float = 600, progress: Callable[[float], None] | None = None
) -> FitResult:
    """A fit to colours, from a stock's film on; its figures are those of the rounded numbers.

    Args:
        paper: the name of an installed paper that the colours are printed on; empty: film and print are fitted together, or,
            from a slide on, the film and what its dyes look like.

    Raises:
        FilmLookError: the stock is no film; too few colours; no such paper, or none for such film.
    """
    if like.film is None:
        raise FilmLookError(f"{like.label}: it is no film, and has no datasheet; name another stock to be like")
    known = _paper(paper, like) if paper else None
    held = torch.zeros(len(colours.codes), dtype=torch.bool)
    if len(held) >= _LEAST_TO_HOLD_OUT:
        held = torch.rand(len(held), generator=torch.Generator().manual_seed(0)) < _HELD_OUT
    film, on, converged = fit_film(colours.chosen(~held), like.film, known or like.prints.slide, seconds, progress)
    film, on = Film.from_dict(_rounded(film.to_dict())), on if known else _as_filed(on)
    judges = colours.chosen(held) if held.any() else colours
    left = differences(film, on, judges.codes, judges.target)
    counts = int((~held).sum()), int(held.sum())
    return FitResult(film, on, paper, float(left.mean()), float(left.quantile(0.95)), *counts, converged)


def _as_filed(on: Paper | Slide) -> Paper | Slide:
    """A print or a slide's view with a file's digits."""
    data = _rounded(on.to_dict())
    if isinstance(on, Paper):
        return Paper.from_dict(data)
    # Rows that summed to 1 do so again: the diagonal takes what rounding took.
    mixing = torch.tensor(data["mixing"], dtype=torch.float64)
    mixing = mixing + torch.diag(1 - mixing.sum(1))
    return Slide.from_dict({**data, "mixing": mixing.tolist()})


def _paper(name: str, like: Stock) -> Paper:
    """An installed paper for such film as `like`."""
    if name not in list_papers():
        raise FilmLookError(f"paper is {name!r}; installed papers are: {', '.join(list_papers())}")
    paper = load_paper(name)
    if like.kind == "reversal":
        raise FilmLookError(f"paper is {name!r}; {like.label} is a slide, which is not printed: name a negative to be like")
    if paper.layers != like.layers:
        kinds = {1: "black and white", 3: "colour"}
        raise FilmLookError(f"paper is {name!r}, for {kinds[paper.layers]}; {like.label} is a {kinds[like.layers]} film")
    return paper


def make_stock(
    sources: Sequence[Path],
    out: Path,
    like: Stock,
    label: str | None = None,
    paper: str = "",
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
        paper: the name of an installed paper that the colours were printed on; empty: the print is fitted with the film.
        seconds: how long to try at most, converged or not.
        progress: called with the share done.

    Raises:
        FilmLookError: a source that cannot be read or does not fit, no such paper, or a file that cannot be written.
    """
    if len(sources) == 2 and all(source.is_dir() for source in sources):
        colours, what = from_pairs(*sources), "photographs before and after"
    elif len(sources) != 1:
        raise FilmLookError(f"{len(sources)} sources; allowed: one table or LUT, or two folders, before and after")
    elif sources[0].suffix.lower() == ".csv":
        colours, what = read_table(sources[0]), "a colour table"
    else:
        colours, what = from_lut(read_lut(sources[0])), "a LUT"
    result = fit_stock(colours, like, paper, seconds, progress)
    facts = {
        **facts_of(like),
        "label": label or out.stem,
        "maker": "",
        "sources": [
            f"Colour fitted to {what}{f' on {paper}' if paper else ''}; datasheet, grain and halation as {like.label}."
        ],
    }
    write_stock(out, facts, result)
    return result
