"""Prints what every stock's default print does to greys: codes, chroma under the controls, slope beside the datasheet's.

python bench/stock_figures.py [--films models/stocks] [--papers models/papers] [--paper NAME]
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from character import chroma, read_paper, read_stock
from film_facts import GAMMA_DMIN_DMAX, STOCKS
from print_data import light_of
from torch import Tensor

from filmlook.film.ends import PrintSettings
from filmlook.film.negative import Development
from filmlook.film.paper import Paper
from filmlook.film.route import STOCK, Prints, view_of
from filmlook.film.scene_light import MID_CODE
from filmlook.fitting.delta_e import to_cielab

_RATINGS = (-2, -1, 1, 2, 3)
_CONTROLS = {
    "exposure": [PrintSettings(exposure=x) for x in (-1, 1)],
    "lights": [PrintSettings(lights=(x, x, x)) for x in (-1, 1)],
    "contrast": [PrintSettings(contrast=x) for x in (0.6, 0.8, 1.25, 1.5)],
}


_AS_MADE = PrintSettings()
_RAMP = torch.linspace(0, 1, 33, dtype=torch.float64)[:, None].expand(-1, 3)
_ENDS = torch.tensor([0.0, MID_CODE, 1.0], dtype=torch.float64)[:, None].expand(-1, 3)


@dataclass(frozen=True)
class Shown:
    """A stock in one print."""

    develop: Development
    prints: Prints
    choice: str
    paper: Paper | None

    def codes(self, code: Tensor, settings: PrintSettings = _AS_MADE, stops: float = 0.0) -> Tensor:
        """Codes 0..255 of codes `(N, 3)`, given `stops` more and taken back."""
        film = self.develop.film
        view, shift = view_of(self.develop, self.prints, self.choice, self.paper, settings, stops)
        log_exposure = torch.log10(film.layer_exposure(light_of(code))) + shift + stops * math.log10(2)
        return 255 * view(self.develop.density(log_exposure)).expand(-1, 3)

    def tint(self, settings: PrintSettings = _AS_MADE, stops: float = 0.0) -> float:
        """The most chroma that a grey has."""
        return float(chroma(to_cielab((self.codes(_RAMP, settings, stops) / 255).clamp(0, 1))).max())


def slopes(name: str, develop: Development) -> str:
    """Slope of status density over the datasheet's own, by layer; nothing where the datasheet is another film's."""
    facts = STOCKS.get(name)
    if facts is None or develop.film.kind != "negative" or not facts.label.endswith(facts.curves):
        return ""
    published = torch.tensor(GAMMA_DMIN_DMAX[facts.curves][0], dtype=torch.float64)
    return " ".join(f"{ratio:.2f}" for ratio in (develop.film.status_gamma() / published).tolist())


def main() -> None:
    models = Path(__file__).resolve().parents[1] / "models"
    parser = argparse.ArgumentParser(description="What default prints do to greys.")
    parser.add_argument("--films", type=Path, default=models / "stocks")
    parser.add_argument("--papers", type=Path, default=models / "papers")
    parser.add_argument("--paper", default=STOCK, help="another print than each stock's own")
    args = parser.parse_args()
    torch.set_num_threads(1)
    heads = "".join(f"{head:>9}" for head in ("as made", "rated", *_CONTROLS))
    print(f"{'codes; chroma of greys':30}{'black':>14}{'mid-grey':>14}{'white':>14}{'rated':>8}{heads}  slope")
    for path in sorted(args.films.glob("*.json")):
        film, prints = read_stock(path)
        if args.paper != STOCK and (prints.slide or prints.own or film.layers == 1):
            continue
        paper = read_paper(args.papers, prints.default if args.paper == STOCK else args.paper)
        shown = Shown(film.develop(), prints, args.paper, paper)
        plain = shown.codes(_ENDS)
        moved = max(float((shown.codes(_ENDS[1:2], stops=s) - plain[1]).abs().max()) for s in _RATINGS)
        cells = "".join(f"{'/'.join(f'{v:.0f}' for v in row.tolist()):>14}" for row in plain)
        tints = [shown.tint(), max(shown.tint(stops=s) for s in _RATINGS)]
        tints += [max(shown.tint(settings) for settings in column) for column in _CONTROLS.values()]
        columns = "".join(f"{t:9.1f}" for t in tints)
        print(f"{path.stem:30}{cells}{moved:8.2f}{columns}  {slopes(path.stem, shown.develop)}", flush=True)


if __name__ == "__main__":
    main()
