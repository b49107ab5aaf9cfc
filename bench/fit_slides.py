"""Fits slides to a simulation's scans, and Classic Negative, film and print together, to a measured table.

    python bench/fit_slides.py DATA TABLES fitted.json [NAME ...]

DATA is the folder of `print_data.py`, TABLES one of colour tables (`NAME.csv`: r, g, b in and out). The results are added to
`fitted.json`. A slide keeps its published curve; its S and K, and the B, P and w of its view, are fitted to scans from -2 to +2
stops. Classic Negative is a camera's rendering, behind which there is no paper: the film starts from C200 and keeps its dyes,
and the print that follows is fitted with it and belongs to no other film. 30 % of the table's colours are only judged.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from fit_prints import film_of, mixing_of
from least_squares import difference, fit_sigmoids, levenberg_marquardt, unpack_curve
from print_data import SLIDES, PrintData, cube, light_of
from torch import Tensor

from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.slide import Slide
from filmlook.film.srgb import encode
from filmlook.fitting.colours import read_table

CLASSIC = "fujifilm_classic_negative"
_OTHER_STOPS, _OTHER_WEIGHT, _COLOURS = (-2, -1, 1, 2), 0.4, 700
_HELD_OUT = 0.30


def slide_of(theta: Tensor) -> Slide:
    """A slide's view of square roots of B, P's off-diagonals and log w, `(18,)`."""
    return Slide(theta[:9].view(3, 3) ** 2, mixing_of(theta[9:15]), theta[15:18].exp())


def shown(slide: Slide, density: Tensor) -> Tensor:
    """Codes of a slide with its own ends."""
    return encode(slide.base_light * (10 ** -(density @ slide.absorption.T) @ slide.mixing.T))


def fit_slide(data: PrintData, name: str, rounds: int) -> tuple[Film, Slide]:
    x, y = data.curve("films", name)
    curve, _ = fit_sigmoids(x, y - y.amin(0), 4, -1.0)
    eye, zeros = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    inhibition = 0.05 * (
        1 - eye
    )  # its diagonal, which greys do not tell, is 0: slides are steep, and would soon inhibit too much
    sensitivity = torch.tensor([[4.2, 1.2, 0.1], [0.3, 4.7, 0.4], [0.1, 0.4, 4.7]], dtype=torch.float64)
    first = Film("reversal", zeros, sensitivity, unpack_curve(curve, -1.0), inhibition, 1.0, eye, zeros)
    some = torch.cat((torch.arange(13) * 183, torch.randperm(2197, generator=torch.Generator().manual_seed(7))[:_COLOURS]))
    lights, targets, stops, weights = (
        [light_of(cube(13)[some])],
        [data.slide(name)[some]],
        [0],
        [torch.ones(len(some)).double()],
    )
    weights[0][:13] = 9.0
    for other in _OTHER_STOPS:
        take = torch.randperm(729, generator=torch.Generator().manual_seed(other + 9))[:150]
        lights.append(light_of(cube(9)[take]))
        targets.append(data.slide(name, other)[take])
        stops.append(other)
        weights.append(torch.full((len(take),), _OTHER_WEIGHT).double())

    def predict(theta: Tensor) -> Tensor:
        develop, view = film_of(torch.cat((theta[:15], eye.flatten())), first).develop(), slide_of(theta[15:])
        return torch.cat([shown(view, develop(light, stop)) for light, stop in zip(lights, stops, strict=True)])

    view_start = torch.tensor(
        [1.0, 0.4, 0.1, 0.4, 1.0, 0.3, 0.2, 0.4, 1.0, -0.1, -0.05, -0.05, -0.05, -0.05, -0.08, -0.2, -0.2, -0.2]
    )
    start = torch.cat((sensitivity.flatten(), torch.full((6,), 0.22).double(), view_start.double()))
    theta = levenberg_marquardt(predict, torch.cat(targets), torch.cat(weights), start, rounds, torch.full_like(start, 0.05))
    return film_of(torch.cat((theta[:15], eye.flatten())), first), slide_of(theta[15:])


def fit_classic(like: Film, codes: Tensor, target: Tensor, rounds: int) -> tuple[Film, Paper]:
    """Film and print of Classic Negative over `(N, 3)` codes and what becomes of them.

    First close to `like`'s curve and couplers, then freely; last each layer's density is given the scale of `like`'s datasheet,
    which M, E and K take back: the print stays as it is.
    """
    light, count = light_of(codes), 6
    curve, eye, none = like.curve, torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    q = (
        torch.full((3, count), 0.36).log(),
        torch.full((3, count), 6.5).log(),
        torch.linspace(-0.7, 0.7, count).expand(3, count),
    )
    c = (curve.amplitude.log(), curve.slope.log(), curve.centre)
    absorption = torch.tensor([0.93, 0.4, 0.1, 0.4, 0.93, 0.35, 0.2, 0.4, 0.96]) ** 2
    mixing = torch.tensor([1.3, -0.3, -0.05, -0.05, 1.1, -0.05, -0.04, -0.09, 1.1])
    parts = [like.sensitivity, like.inhibition, torch.stack(c), torch.full((3,), 0.03), eye, torch.stack(q), absorption, mixing]
    sizes = [part.numel() for part in parts]
    start = torch.cat([part.double().flatten() for part in parts])

    def both(theta: Tensor) -> tuple[Film, Paper]:
        s, k, c, flare, e, q, b, p = theta.split(sizes)
        film = replace(like, sensitivity=s.view(3, 3), inhibition=k.view(3, 3), flare=flare**2)
        film = replace(film, curve=unpack_curve(c.view(3, 3, -1), 1.0))
        curve = unpack_curve(q.view(3, 3, count), 1.0)
        return film, Paper(e.view(3, 3), curve, b.view(3, 3), p.view(3, 3), torch.ones(3).double(), True, none)

    def predict(theta: Tensor) -> Tensor:
        return through(*both(theta), light)

    weight = torch.ones(len(codes)).double()
    weight[(codes.amax(1) - codes.amin(1)) < 1e-6] = 9.0
    theta = start
    for couplers, curves in ((30.0, 3.0), (0.3, 0.5)):
        hold = torch.full_like(start, 0.02)
        hold[sizes[0] : sum(sizes[:2])], hold[sum(sizes[:2]) : sum(sizes[:3])] = couplers, curves
        theta = levenberg_marquardt(predict, target, weight, theta, rounds, hold)
    film, paper = both(theta)
    wanted = torch.linalg.solve(like.printing, like.status_gamma())
    scale = wanted / torch.linalg.solve(film.printing, film.status_gamma())
    curve = replace(film.curve, amplitude=film.curve.amplitude * scale[:, None])
    exposure = paper.exposure @ film.printing @ torch.diag(1 / scale) @ torch.linalg.inv(film.printing)
    film = replace(film, curve=curve, inhibition=film.inhibition / scale)
    return film, replace(paper, exposure=exposure, middle=encode(paper.view().linear(none)))


def through(film: Film, paper: Paper, light: Tensor) -> Tensor:
    """Codes of light `(N, 3)` on a print of the film's own."""
    develop = film.develop()
    seen = (develop(light) - develop.grey()) @ film.printing.T
    return encode(paper.view().linear(-seen @ paper.exposure.T))


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit slides, and Classic Negative.")
    parser.add_argument("data", type=Path)
    parser.add_argument("tables", type=Path)
    parser.add_argument("numbers", type=Path)
    parser.add_argument("names", nargs="*", default=[*SLIDES, CLASSIC])
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = PrintData(args.data)
    numbers: dict[str, Any] = json.loads(args.numbers.read_text(encoding="utf-8"))
    for name in args.names:
        if name == CLASSIC:
            table = read_table(args.tables / f"{name}.csv")
            codes, target = table.codes.double(), table.target.double()
            held = torch.rand(len(codes), generator=torch.Generator().manual_seed(3)) < _HELD_OUT
            film, paper = fit_classic(
                Film.from_dict(numbers["films"]["fujifilm_c200"]), codes[~held], target[~held], args.rounds
            )
            left = difference(through(film, paper, light_of(codes)), target)
            numbers["classic"] = {"film": film.to_dict(), "print": paper.to_dict()}
            numbers.setdefault("fit", {})[name] = {
                "mean_de00": float(left.mean()),
                "p95_de00": float(left.quantile(0.95)),
                "held_out_de00": float(left[held].mean()),
            }
            print(f"{name:28}{left.mean():7.3f}{left.quantile(0.95):7.3f}  held out {left[held].mean():.3f}")
        else:
            film, slide = fit_slide(data, name, args.rounds)
            develop = film.develop()
            figures = []
            for stops in (0, *_OTHER_STOPS):
                light = light_of(cube(13 if stops == 0 else 9))
                figures.append(difference(shown(slide, develop(light, stops)), data.slide(name, stops)))
            numbers.setdefault("fit", {})[name] = {
                "mean_de00": float(figures[0].mean()),
                "p95_de00": float(figures[0].quantile(0.95)),
            }
            others = " ".join(f"{f.mean():.2f}" for f in figures[1:])
            print(
                f"{name:28}{figures[0].mean():7.3f}{figures[0].quantile(0.95):7.3f}  at -2 -1 1 2 stops: {others}", flush=True
            )
            numbers.setdefault("slides", {})[name] = {**film.to_dict(), "slide": slide.to_dict()}
        args.numbers.write_text(json.dumps(numbers), encoding="utf-8")


if __name__ == "__main__":
    main()
