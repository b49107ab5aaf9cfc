"""Judges a trained colour network on held-out photographs, in figures and in pictures that a photographer can judge.

One sheet per photograph: before, after and target, their histograms, where and by how much after and target differ, and
their colours as points in CIELAB.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from filmlook.errors import FilmLookError
from filmlook.files import atomic
from filmlook.training.figures import in_words, sheet
from filmlook.training.scores import Scores, overall, require_plotting, scores, writing


@dataclass(frozen=True)
class HeldOut:
    """A photograph kept from training: `load()` gives before, after and target, (3, H, W) display code in [0, 1].

    A report loads every photograph once for the figures and those with a sheet again, so that it never holds two of them;
    `load` has to give the same pictures each time.
    """

    name: str
    load: Callable[[], tuple[Tensor, Tensor, Tensor]]


def write_report(folder: Path, title: str, pictures: Sequence[HeldOut], facts: Mapping[str, Any], sheets: int = 6) -> Scores:
    """Write `report.json`, `report.md` and `sheets/*.png` into the folder, which is made; the overall figures come back.

    Args:
        facts: what the reader should know of the training; goes into both files, what JSON lacks as text or null.
        sheets: how many photographs get one, spread evenly from the best to the worst mean CIEDE2000, with the worst.

    Raises FilmLookError where nothing is held out, a picture cannot be scored, the folder cannot be written or the extra
    `filmlook[train]` is missing.
    """
    require_plotting()
    with writing(folder):
        (folder / "sheets").mkdir(parents=True, exist_ok=True)
        for old in (folder / "sheets").glob("*.png"):
            old.unlink()
    ranked = sorted(((_judged(picture), picture) for picture in pictures), key=lambda pair: pair[0].mean_de00)
    mean = overall([score for score, _ in ranked])
    _write_json(folder / "report.json", title, facts, mean, ranked)
    drawn = {}
    for place in _spread(len(ranked), sheets):
        score, picture = ranked[place]
        drawn[place] = f"sheets/{place + 1:03d}-{re.sub(r'[^A-Za-z0-9_-]+', '-', picture.name)[:80]}.png"
        sheet(folder / drawn[place], picture.name, *picture.load(), score)
    _write_text(folder / "report.md", _markdown(title, facts, mean, ranked, drawn))
    return mean


_Ranked = Sequence[tuple[Scores, HeldOut]]


def _judged(picture: HeldOut) -> Scores:
    _, after, target = picture.load()
    try:
        return scores(after, target)
    except FilmLookError as error:
        raise FilmLookError(f"{picture.name}: {error}") from error


def _spread(count: int, most: int) -> list[int]:
    """Up to `most` places from 0 to count - 1, evenly spread, the last among them."""
    return sorted({round(place) for place in np.linspace(count - 1, 0, max(min(most, count), 0))})


def _write_json(path: Path, title: str, facts: Mapping[str, Any], mean: Scores, ranked: _Ranked) -> None:
    figures = {
        "title": title,
        "facts": _finite(facts),
        "overall": asdict(mean),
        "pictures": [{"name": picture.name, **asdict(score)} for score, picture in ranked],
    }
    _write_text(path, json.dumps(figures, indent=2, ensure_ascii=False, default=str, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    """The value with null for NaN and infinity, which JSON does not know."""
    if isinstance(value, Mapping):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _markdown(title: str, facts: Mapping[str, Any], mean: Scores, ranked: _Ranked, drawn: Mapping[int, str]) -> str:
    (best, best_picture), (worst, worst_picture) = ranked[0], ranked[-1]
    formats = {"PSNR, dB": "{:.2f}", "SSIM": "{:.4f}", "mean ΔE00": "{:.3f}", "95th percentile of ΔE00": "{:.3f}"}
    values = zip(formats.items(), *map(astuple, (mean, best, worst)), strict=True)
    lines = [
        f"# {_cell(title)}",
        "",
        f"{len(ranked)} held-out photographs. Best and worst are by mean ΔE00: "
        f"best **{_cell(best_picture.name)}**, worst **{_cell(worst_picture.name)}**.",
        "",
        "| figure | mean | best | worst |",
        "|---|---:|---:|---:|",
        *(f"| {label} | " + " | ".join(map(form.format, row)) + " |" for (label, form), *row in values),
    ]
    if drawn:
        lines += ["", "## Sheets, best to worst", ""]
        lines += [f"- [{_cell(ranked[i][1].name)}]({path}): {in_words(ranked[i][0])}" for i, path in drawn.items()]
    if facts:
        lines += ["", "## Facts", "", "| | |", "|---|---|"]
        lines += [f"| {_cell(key)} | {_cell(value)} |" for key, value in facts.items()]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    """The value as Markdown text on one line, with nothing in it that Markdown would read."""
    return re.sub(r"([\\|*`\[\]<>])", r"\\\1", " ".join(str(value).split()))


def _write_text(path: Path, text: str) -> None:
    with writing(path):
        atomic.write_bytes(path, text.encode())
