"""Prints how close fitted films and papers come to the simulation, and notes it in `fitted.json`; see `fit_prints.py`.

python bench/print_figures.py DATA fitted.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from least_squares import difference
from print_data import PUSHED, PrintData, cube, light_of, own_paper

from filmlook.film.ends import PrintSettings
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.printing import print_on_paper

AS_MEASURED = PrintSettings(white=1, black=1)


def pair_table(data: PrintData, films: dict[str, Film], papers: dict[str, Paper]) -> dict[tuple[str, str], torch.Tensor]:
    """CIEDE2000 of the whole 13-cube for every judged pair."""
    light = light_of(cube(13))
    out = {}
    for name, film in films.items():
        develop = film.develop()
        density = develop(light)
        for paper in papers:
            if (name, paper) in data.pairs():
                code = print_on_paper(develop, papers[paper], AS_MEASURED)(density)
                out[name, paper] = difference(code, data.print_of(name, paper))
    return out


def push_table(data: PrintData, film: Film, papers: dict[str, Paper]) -> dict[str, list[torch.Tensor]]:
    """CIEDE2000 of the 13-cube on every paper, of a film pushed by one and two stops."""
    light = light_of(cube(13))
    out = {}
    for stops, name in enumerate(PUSHED, 1):
        develop = film.develop(push=stops)
        density = develop(light)
        codes = {p: print_on_paper(develop, paper, AS_MEASURED)(density) for p, paper in papers.items()}
        out[name] = [difference(code, data.print_of(name, p)) for p, code in codes.items()]
    return out


def line(name: str, values: list[torch.Tensor]) -> None:
    everything = torch.cat(values)
    worst = max(float(v.mean()) for v in values)
    figures = f"{everything.mean():7.3f}{everything.quantile(0.95):7.3f}{worst:7.3f}{everything.max():8.2f}"
    print(f"{name:34}{figures}   {len(values)} pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures of films and papers.")
    parser.add_argument("data", type=Path)
    parser.add_argument("numbers", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = PrintData(args.data)
    numbers = json.loads(args.numbers.read_text(encoding="utf-8"))
    films = {n: Film.from_dict(d) for n, d in numbers["films"].items()}
    papers = {n: Paper.from_dict(d) for n, d in numbers["papers"].items()}
    table, held = pair_table(data, films, papers), data.held_out()
    print(f"{'CIEDE2000':34}{'mean':>7}{'95 %':>7}{'worst':>7}{'max':>8}")
    line("all pairs", list(table.values()))
    line("fitted", [v for k, v in table.items() if k not in held])
    line("held out", [v for k, v in table.items() if k in held])
    line("own papers", [v for (f, p), v in table.items() if p == own_paper(f)])
    for name, values in push_table(data, films[PUSHED[0].rsplit("_", 1)[0]], papers).items():
        line(name, values)
    fits = numbers.setdefault("fit", {})
    for i, names in enumerate((list(films), list(papers))):
        for name in names:
            of = {k: v for k, v in table.items() if k[i] == name}
            seen, unseen = torch.cat(list(of.values())), [v for k, v in of.items() if k in held]
            fits[name] = {
                "mean_de00": float(seen.mean()),
                "p95_de00": float(seen.quantile(0.95)),
                **({"held_out_de00": float(torch.cat(unseen).mean())} if unseen else {}),
                "pairs": len(of),
            }
    args.numbers.write_text(json.dumps(numbers), encoding="utf-8")
    for name in papers:
        line(f"  {name}", [v for (_, p), v in table.items() if p == name])
    for name in films:
        line(f"  {name}", [v for (f, _), v in table.items() if f == name])


if __name__ == "__main__":
    main()
