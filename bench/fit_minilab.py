"""Fits what the minilab's scanner makes of colours to films' prints: X0 and B of `film.scanner`.

    python bench/fit_minilab.py [--films models/stocks] [--papers models/papers]

Every colour negative that a print is known of is printed on its own paper, and the print's tones are brought to those of the
scan by its greys: paper and scanner differ in contrast, and only their colours are compared. The scanner's two matrices, the
same for all films, are fitted to these prints in CIEDE2000: to a cube of colours, and as much to skin, leaves, sky and the
other patches of a colour chart, in three lights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from character import read_paper, read_stock
from least_squares import difference, levenberg_marquardt
from print_data import cube, light_of, own_paper
from torch import Tensor

from filmlook.film import scanner
from filmlook.film.ends import PrintSettings
from filmlook.film.negative import interpolated
from filmlook.film.paper import View
from filmlook.film.printing import print_on_paper
from filmlook.film.srgb import decode, encode

_SIDE, _GREYS = 7, 129
# The published sRGB of a ColorChecker's colours.
_CHART = (
    (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67), (133, 128, 177), (103, 189, 170),
    (214, 126, 44), (80, 91, 166), (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
    (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31), (187, 86, 149), (8, 133, 161),
)  # fmt: skip
_LIGHTS = (1.0, 0.5, 0.25)
# Leaves in sun and shade, sRGB, which papers turn yellow: a lab is judged to keep them nearer to what a
# scanner alone sees.
_LEAVES = ((90, 200, 40), (80, 140, 40), (60, 90, 35), (120, 160, 70), (150, 190, 90), (45, 75, 30), (105, 130, 50))
_GREEN = 0.75  # of the way to there
# What blue is given of red and green: more, and the greys of X-TRA and C200, whose blue layers start late, would turn back.
_OF_BLUE = (-0.03, -0.03)
_PLAIN = PrintSettings()


def toned(code: Tensor, greys: Tensor, wanted: Tensor) -> Tensor:
    """Codes `(N, 3)` with tones moved so that `greys` `(G, 3)` become `wanted` `(G,)`; black stays black."""
    black = torch.zeros(1, 3, dtype=torch.float64)
    at = torch.cat((black, greys)).cummax(0).values + 1e-9 * torch.arange(len(greys) + 1)[:, None]
    return interpolated(code, at, torch.cat((black, wanted[:, None].expand(-1, 3))))


def main() -> None:
    models = Path(__file__).resolve().parents[1] / "models"
    parser = argparse.ArgumentParser(description="Fit the minilab's colours to prints on paper.")
    parser.add_argument("--films", type=Path, default=models / "stocks")
    parser.add_argument("--papers", type=Path, default=models / "papers")
    args = parser.parse_args()
    torch.set_num_threads(1)
    scanner.COLOUR = scanner.DYES = (0.0,) * 6
    chart = decode(torch.tensor(_CHART, dtype=torch.float64) / 255)
    patches = torch.cat([encode(chart * light) for light in _LIGHTS])
    leaves = torch.tensor(_LEAVES, dtype=torch.float64) / 255
    colours = torch.cat((cube(_SIDE), patches, leaves))
    ramp = torch.linspace(0, 1, _GREYS, dtype=torch.float64)[:, None].expand(-1, 3)
    densities, targets, films = [], [], []
    for path in sorted(args.films.glob("*.json")):
        if path.stem in ("neutral", "cinestill_800t", "fujifilm_classic_negative"):
            continue
        film, _ = read_stock(path)
        if film.layers == 1 or film.kind == "reversal":
            continue
        develop, paper = film.develop(), read_paper(args.papers, own_paper(path.stem))
        assert paper is not None, path.stem
        density, greys = develop(light_of(colours)), develop(light_of(ramp))
        printed = print_on_paper(develop, paper, _PLAIN)
        scan = scanner.scan_minilab(develop, _PLAIN)
        films.append(develop)
        densities.append(density)
        target = toned(printed(density).clamp(0, 1), printed(greys).clamp(0, 1), scan(greys).mean(1))
        green = len(colours) - len(leaves)
        target[green:] += _GREEN * (scan(density[green:]).clamp(0, 1) - target[green:])
        targets.append(target)
    target = torch.cat(targets)
    weight = torch.ones(len(colours), dtype=torch.float64)
    for few, end in ((patches, -len(leaves)), (leaves, len(colours))):
        weight[len(colours[:end]) - len(few) : end] = _SIDE**3 / len(few)
    weight = weight.repeat(len(films))

    def predict(theta: Tensor) -> Tensor:
        scanner.COLOUR, scanner.DYES = (*theta[:4].tolist(), *_OF_BLUE), tuple(theta[4:].tolist())
        views: list[View] = [scanner.scan_minilab(film, _PLAIN) for film in films]
        return torch.cat([view(density) for view, density in zip(views, densities, strict=True)])

    theta = torch.zeros(10, dtype=torch.float64)
    print(f"{len(films)} films; without: {difference(predict(theta), target).mean():.2f}", flush=True)
    theta = levenberg_marquardt(predict, target, weight, theta, 20)
    predict(theta)
    error = difference(predict(theta), target)
    print(f"fitted: mean {error.mean():.2f}, 95 % {error.quantile(0.95):.2f}")
    print("COLOUR =", tuple(round(x, 3) for x in scanner.COLOUR))
    print("DYES =", tuple(round(x, 3) for x in scanner.DYES))


if __name__ == "__main__":
    main()
