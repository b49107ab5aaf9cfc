"""Writes the files of films and papers from fitted numbers.

    python bench/write_films.py fitted.json [--films models/stocks] [--papers models/papers]

`fitted.json` holds what `fit_prints.py`, `fit_slides.py` and `fit_silver.py` found and `print_figures.py` judged; and, as
"classic", the file that `filmlook fit` made of Classic Negative's table: film and print together.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from film_facts import GAMMA_DMIN_DMAX, LICENCE, MOODS, MTF, PAPERS, SILVER, SIMULATION, STOCKS, ULTRA_ENDURA, Facts, c41

from filmlook.film.negative import Film
from filmlook.film.slide import Slide

_DIGITS = 5
_FILM = ("flare", "sensitivity", "curve", "inhibition", "interimage", "printing", "dmin")
_C41 = (1.12, 1.15, 1.20)  # CineStill 800T's density over that of 500T in its own process, by layer
_CYCLES = [10, 20, 40, 60]


def rounded(value: Any) -> Any:
    """Numbers to five digits, however deep."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def normalised(matrix: list[list[float]]) -> list[list[float]]:
    """P whose rows sum to 1 again after rounding: the diagonal takes what is missing."""
    return [[x + (1 - sum(row) if i == j else 0.0) for j, x in enumerate(row)] for i, row in enumerate(matrix)]


def text_of(data: dict[str, Any]) -> str:
    """JSON with each row of numbers on one line."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    out, depth, row = [], 0, ""
    for line in text.splitlines():
        bare = line.strip()
        if depth == 0 and bare.endswith("[") and "sources" not in bare and "measured" not in bare and "judged" not in bare:
            depth, row = 1, line
        elif depth:
            depth += bare.count("[") - bare.count("]")
            row += bare.replace(",", ", ") if bare.endswith(",") else bare
            if depth == 0:
                out.append(row.rstrip())
        else:
            out.append(line)
    return "\n".join(out) + "\n"


def cinestill(film: dict[str, Any]) -> dict[str, Any]:
    """500T in C-41."""
    curve = dict(film["curve"])
    curve["amplitude"] = [[a * f for a in row] for row, f in zip(curve["amplitude"], _C41, strict=True)]
    return {**film, "curve": curve}


def velvia_50(numbers: dict[str, Any]) -> dict[str, Any]:
    """Velvia 100 with Velvia 50's range and slope of density; mid-grey has the density it has on Velvia 100."""
    film, slide = Film.from_dict(numbers), Slide.from_dict(numbers["slide"])
    gamma, dmin, dmax = (torch.tensor(v, dtype=torch.float64) for v in GAMMA_DMIN_DMAX["Velvia 50"])
    # What a densitometer would see is B D: the densest black of each colour, and the slope at mid-grey.
    range_ = torch.linalg.solve(slide.absorption, dmax - dmin)
    slope = torch.linalg.solve(slide.absorption, gamma)
    curve, step = film.curve, 0.02
    factor = range_ / film.dmax()
    grey = torch.zeros(1, 3, dtype=torch.float64)
    wanted = curve(grey)[0]
    amplitude = curve.amplitude * factor[:, None]
    at = grey.clone()
    for _ in range(60):  # where the scaled curve has mid-grey's density
        value = factor * curve(at)[0]
        rate = factor * (curve(at + step) - curve(at - step))[0] / (2 * step)
        at = at - ((value - wanted) / rate)[None]
    rate = factor * (curve(at + step) - curve(at - step))[0] / (2 * step)
    steeper = slope / rate
    new = {
        "base": curve.base.tolist(),
        "amplitude": amplitude.tolist(),
        "slope": (curve.slope * steeper[:, None]).tolist(),
        "centre": ((curve.centre - at.T) / steeper[:, None]).tolist(),
    }
    return {**numbers, "curve": new}


def head(name: str, facts: Facts, kind: str) -> dict[str, Any]:
    gamma, dmin, dmax = GAMMA_DMIN_DMAX[facts.curves]
    own, mtf_own = facts.label.endswith(facts.curves), facts.label.endswith(facts.mtf)
    sources = [
        f"Gamma, Dmin and Dmax: the datasheet of {facts.curves}{'' if own else ', its nearest kin'}.",
        f"MTF: the datasheet of {facts.mtf}{'' if mtf_own else ', its nearest kin'}.",
    ]
    sources += [facts.note] if facts.note else []
    judged = [f"interimage {facts.interimage:g}: the couplers' strength, which no datasheet tells."]
    judged += [
        f"minilab {key} {value:g}: what a lab's operator leaves of the film's crossover."
        for key, value in facts.minilab.items()
    ]
    if facts.granularity == c41(facts.granularity[1]):
        judged.append("granularity of red and blue: 1.1 and 1.4 of green's, as films in C-41 are built.")
    measured = [
        "curve, sensitivity, inhibition" + (", printing" if kind == "negative" else ", slide") + ": fitted, see sources."
    ]
    return {
        "format": 2,
        "label": facts.label,
        "maker": facts.maker,
        "moods": MOODS[name],
        "kind": kind,
        "iso": facts.iso,
        "frame": facts.frame,
        "print": facts.prints,
        "granularity": facts.granularity,
        "antihalation": facts.antihalation,
        "mtf": {"cycles_per_mm": _CYCLES, "response": MTF[facts.mtf]},
        "published": {"dmin": facts.dmin or dmin, "dmax": dmax, "gamma": gamma},
        "sources": sources,
        "measured": measured,
        "judged": judged,
    }


def stock_file(name: str, numbers: dict[str, Any]) -> dict[str, Any]:
    """The file of one colour stock."""
    facts = STOCKS[name]
    if name == "fujifilm_classic_negative":
        fitted = numbers["classic"]
        film = {key: fitted[key] for key in ("kind", *_FILM)}
        extra = {"own_print": fitted["own_print"]}
        credit, licence = (
            "Fitted to a measured conversion of a standard camera rendering to Classic Negative.",
            "AGPL-3.0-or-later",
        )
    elif facts.prints == "slide":
        film = dict(numbers["slides"][name.replace("velvia_50", "velvia_100")])
        film = velvia_50(film) if name == "fujifilm_velvia_50" else film
        extra = {"slide": film.pop("slide")}
        credit, licence = SIMULATION, LICENCE
    else:
        film = dict(numbers["films"]["kodak_vision3_500t" if name == "cinestill_800t" else name])
        film = cinestill(film) if name == "cinestill_800t" else film
        extra = {}
        credit, licence = SIMULATION, LICENCE
    kind = film.pop("kind")
    data = head(name, facts, kind)
    film["dmin"], film["interimage"] = data["published"]["dmin"], facts.interimage
    extra = {"minilab": facts.minilab, **extra} if facts.minilab else extra
    fit = numbers.get("fit", {}).get(name, {})
    return rounded({**data, "credit": credit, "licence": licence, "fit": fit, **film, **extra})


def silver_file(name: str, numbers: dict[str, Any]) -> dict[str, Any]:
    """The file of one black and white film."""
    label, maker, antihalation, frame, mtf = SILVER[name]
    film = dict(numbers["silver"][name])
    facts = {key: film.pop(key) for key in ("iso", "granularity", "source", "licence", "rms", "kind")}
    parsed = Film.from_dict({**film, "kind": "negative"})
    return rounded(
        {
            "format": 2,
            "label": label,
            "maker": maker,
            "moods": MOODS[name],
            "kind": "negative",
            "iso": facts["iso"],
            "frame": frame,
            "print": "grade-2",
            "granularity": [float(facts["granularity"])],
            "antihalation": antihalation,
            "mtf": {"cycles_per_mm": _CYCLES, "response": MTF[mtf]},
            "published": {
                "dmin": film["dmin"],
                "dmax": [float(parsed.dmax() + film["dmin"][0])],
                "gamma": parsed.status_gamma().tolist(),
            },
            "sources": [
                facts["source"],
                f"MTF: the datasheet of {mtf}{'' if label.endswith(mtf) else ', its nearest kin'}.",
            ],
            "measured": [
                "curve, sensitivity: of the published curve and spectrum. Where the datasheet's curve ends it levels softly."
            ],
            "judged": ["antihalation, and how a spectrum becomes weights of three colours."],
            "credit": facts["source"],
            "licence": facts["licence"],
            "fit": {"curve_rms": facts["rms"]},
            **film,
        }
    )


def paper_file(name: str, numbers: dict[str, Any]) -> dict[str, Any]:
    """The file of one paper."""
    if name in PAPERS:
        paper, (label, maker) = dict(numbers["papers"][name]), PAPERS[name]
        credit, licence, sources = SIMULATION, LICENCE, ["Published curve, sensitivities and dyes, through the simulation."]
        sources += [ULTRA_ENDURA] if name == "kodak_ultra_endura" else []
        fit = numbers.get("fit", {}).get(name, {})
    else:
        paper = dict(numbers["grades"][name])
        source, rms = paper.pop("source"), paper.pop("rms")
        label, maker = f"Black and white, grade {name[-1]}", "Kodak"
        credit, licence, sources, fit = source, "AGPL-3.0-or-later", [source], {"curve_rms": rms}
    data = rounded(
        {
            "format": 1,
            "label": label,
            "maker": maker,
            "sources": sources,
            "credit": credit,
            "licence": licence,
            "fit": fit,
            **paper,
        }
    )
    data["mixing"] = [[round(x, 7) for x in row] for row in normalised(data["mixing"])]
    return data


def main() -> None:
    models = Path(__file__).resolve().parents[1] / "models"
    parser = argparse.ArgumentParser(description="Write the files of films and papers.")
    parser.add_argument("numbers", type=Path)
    parser.add_argument("--films", type=Path, default=models / "stocks")
    parser.add_argument("--papers", type=Path, default=models / "papers")
    args = parser.parse_args()
    numbers = json.loads(args.numbers.read_text(encoding="utf-8"))
    for name in STOCKS:
        (args.films / f"{name}.json").write_text(text_of(stock_file(name, numbers)), encoding="utf-8")
    for name in SILVER:
        (args.films / f"{name}.json").write_text(text_of(silver_file(name, numbers)), encoding="utf-8")
    for name in [*PAPERS, *numbers["grades"]]:
        (args.papers / f"{name}.json").write_text(text_of(paper_file(name, numbers)), encoding="utf-8")


if __name__ == "__main__":
    main()
