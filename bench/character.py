"""Chroma, hues and differences of all stocks over a folder of photographs, each in its default print.

python bench/character.py PHOTOS [--films models/stocks] [--papers models/papers] [--matrix]
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import torch
from least_squares import difference
from PIL import Image
from print_data import light_of
from torch import Tensor

from filmlook.film.ends import PrintSettings
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.route import Prints, view_of
from filmlook.film.scanner import ScanCharacter
from filmlook.film.slide import Slide
from filmlook.fitting.delta_e import to_cielab

_SIDE = 48
# Source colours whose hue is watched: least chroma, and hue in degrees from, to; lightness from.
_WATCHED = {"reds": (25.0, 15.0, 45.0, 15.0), "leaves": (12.0, 105.0, 145.0, 10.0), "skies": (8.0, 235.0, 290.0, 35.0)}


def photographs(folder: Path) -> Tensor:
    """All photographs' codes, made small, `(N, 3)`."""
    rows = []
    for path in sorted(folder.glob("*.jpg")):
        image = Image.open(path).convert("RGB")
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
        rows.append(torch.from_numpy(np.asarray(image, dtype=np.float64).reshape(-1, 3) / 255))
    return torch.cat(rows)


def read_stock(path: Path) -> tuple[Film, Prints]:
    data = json.loads(path.read_text(encoding="utf-8"))
    slide = Slide.from_dict(data["slide"]) if "slide" in data else None
    own = Paper.from_dict(data["own_print"]) if "own_print" in data else None
    return Film.from_dict(data), Prints(data["print"], slide, own, ScanCharacter.from_dict(data.get("minilab", {})))


def read_paper(folder: Path, name: str) -> Paper | None:
    path = folder / f"{name}.json"
    return Paper.from_dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def shown(film: Film, prints: Prints, papers: Path, light: Tensor, interimage: float = 1.0, stops: float = 0.0) -> Tensor:
    """Codes of light `(N, 3)` in the stock's default print."""
    develop = film.develop(interimage)
    view, shift = view_of(develop, prints, "stock", read_paper(papers, prints.default), PrintSettings(), stops)
    log = torch.log10(film.layer_exposure(light)) + shift + stops * math.log10(2)
    return view(develop.density(log)).clamp(0, 1)


def chroma(lab: Tensor) -> Tensor:
    return lab[..., 1:].norm(dim=-1)


def hue(lab: Tensor) -> Tensor:
    return torch.rad2deg(torch.atan2(lab[..., 2], lab[..., 1])) % 360


def turned(source: Tensor, lab: Tensor, what: str) -> float:
    """How far the hue of watched colours turns, on average, in degrees."""
    least, low, high, light = _WATCHED[what]
    chosen = (chroma(source) > least) & (hue(source) >= low) & (hue(source) <= high) & (source[..., 0] > light)
    # Of mean colour rather than of mean angle: near-greys have no hue to speak of.
    return float((hue(lab[chosen].mean(0)) - hue(source[chosen].mean(0)) + 180) % 360 - 180)


def main() -> None:
    models = Path(__file__).resolve().parents[1] / "models"
    parser = argparse.ArgumentParser(description="Chroma, hues and differences of the stocks over photographs.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--films", type=Path, default=models / "stocks")
    parser.add_argument("--papers", type=Path, default=models / "papers")
    parser.add_argument("--matrix", action="store_true", help="also the mean CIEDE2000 between all stocks")
    args = parser.parse_args()
    torch.set_num_threads(1)
    codes = photographs(args.photos)
    light, source = light_of(codes), to_cielab(codes)
    made = {}
    print(f"{'':30}{'chroma':>8}{'of source':>10}" + "".join(f"{w:>8}" for w in _WATCHED))
    for path in sorted(p for p in args.films.glob("*.json") if p.stem != "neutral"):
        film, prints = read_stock(path)
        if film.layers == 1:
            continue
        made[path.stem] = shown(film, prints, args.papers, light)
        lab = to_cielab(made[path.stem])
        mean = float(chroma(lab).mean())
        turns = "".join(f"{turned(source, lab, w):8.1f}" for w in _WATCHED)
        print(f"{path.stem:30}{mean:8.2f}{mean / float(chroma(source).mean()):10.3f}{turns}", flush=True)
    if args.matrix:
        names = list(made)
        for i, first in enumerate(names):
            cells = " ".join(f"{difference(made[first], made[second]).mean():4.1f}" for second in names[:i])
            print(f"{first:28} {cells}")


if __name__ == "__main__":
    main()
