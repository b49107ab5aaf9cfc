"""Fits slides to a simulation's scans.

    python bench/fit_slides.py DATA fitted.json [NAME ...]

DATA is the folder of `print_data.py`. The results are added to `fitted.json`. A slide keeps its published curve; its S and K,
and the B, P and w of its view, are fitted to scans from -2 to +2 stops.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from fit_prints import film_of, least_seen, mixing_of
from least_squares import difference, fit_sigmoids, levenberg_marquardt, unpack_curve
from print_data import SLIDES, PrintData, cube, light_of
from torch import Tensor

from filmlook.film.negative import Film
from filmlook.film.slide import Slide
from filmlook.film.srgb import encode

_OTHER_STOPS, _OTHER_WEIGHT, _COLOURS = (-2, -1, 1, 2), 0.4, 700


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

    least = least_seen(data, name)

    def predict(theta: Tensor) -> Tensor:
        develop, view = film_of(torch.cat((theta[:15], eye.flatten())), first, least).develop(), slide_of(theta[15:])
        return torch.cat([shown(view, develop(light, stop)) for light, stop in zip(lights, stops, strict=True)])

    view_start = torch.tensor(
        [1.0, 0.4, 0.1, 0.4, 1.0, 0.3, 0.2, 0.4, 1.0, -0.1, -0.05, -0.05, -0.05, -0.05, -0.08, -0.2, -0.2, -0.2]
    )
    start = torch.cat((sensitivity.flatten(), torch.full((6,), 0.22).double(), view_start.double()))
    theta = levenberg_marquardt(predict, torch.cat(targets), torch.cat(weights), start, rounds, torch.full_like(start, 0.05))
    return film_of(torch.cat((theta[:15], eye.flatten())), first, least), slide_of(theta[15:])


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit slides.")
    parser.add_argument("data", type=Path)
    parser.add_argument("numbers", type=Path)
    parser.add_argument("names", nargs="*", default=[*SLIDES])
    parser.add_argument("--rounds", type=int, default=40)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = PrintData(args.data)
    numbers: dict[str, Any] = json.loads(args.numbers.read_text(encoding="utf-8"))
    for name in args.names:
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
        print(f"{name:28}{figures[0].mean():7.3f}{figures[0].quantile(0.95):7.3f}  at -2 -1 1 2 stops: {others}", flush=True)
        numbers.setdefault("slides", {})[name] = {**film.to_dict(), "slide": slide.to_dict()}
        args.numbers.write_text(json.dumps(numbers), encoding="utf-8")


if __name__ == "__main__":
    main()
