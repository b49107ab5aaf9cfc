"""Fits the films and papers to a simulation's prints, each film and each paper apart, and writes their numbers.

    python bench/fit_prints.py DATA [--rounds 4] [--numbers fitted.json]

DATA is a folder as `print_data.py` reads it: a spectral simulation of published data, with film and paper apart. The fit:

1. C and Q: four sigmoids a layer through the published curves, by least squares in density. C stays; Q is refined below.
2. E and M: the simulation's printing densities A of all pairs as E M, by alternating least squares.
3. B and P: the light a scanner sees of a paper's dyes.
4. S: the layer exposures of a cube of colours, in logarithms.
5. In turns, in CIEDE2000 (Levenberg and Marquardt, errors above .3 by their size): a paper's E, Q, B, P over the films it is
   printed from, then a film's S, K, M over its papers. Greys count nine times; prints at other print exposures and films
   exposed from -2 to +3 stops and printed back count less. 30 % of the pairs are seen by neither. The red layer keeps what
   the simulation's sees of pure blue: left free it came out all but blind to it, and a blue that grew paler grew darker
   first, by the inhibitors of a layer that woke up in a jump.

E M stays the same if E takes a factor from M. The factor is chosen so that M D has the slopes that datasheets print.
Slides and Classic Negative are fitted in `fit_slides.py`, black and white in `fit_silver.py`; `write_films.py` writes files.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from least_squares import fit_sigmoids, levenberg_marquardt, unpack_curve
from print_data import PrintData, cube, light_of
from torch import Tensor

from filmlook.film.ends import solve
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.scene_light import MID_CODE, WHITE_LIGHT
from filmlook.film.srgb import decode, encode

DIAGONAL = (0.336, 0.319, 0.273)  # of K: greys do not depend on it, so no fit can find it; the simulation's own
SIGMOIDS = 4
_COLOURS, _DARKER_COLOURS, _BACK_COLOURS = 300, 40, 40  # that are fitted, of each pair
_GREY_WEIGHT, _DARKER_WEIGHT, _BACK_WEIGHT, _TRUE_WEIGHT = 9.0, 0.5, 0.4, 0.4
_BLUE = 12  # of a 13-cube's colours
_DARKER = (-0.6, -0.3, 0.3, 0.6)
_BACK = (-2, -1, 1, 2, 3)
# Slopes of status M density over log10 exposure that the datasheets plot.
STATUS_GAMMA = {
    "kodak_gold_200": (0.54, 0.57, 0.65),
    "kodak_ultramax_400": (0.52, 0.53, 0.60),
    "kodak_portra_400": (0.53, 0.55, 0.63),
    "kodak_ektar_100": (0.58, 0.58, 0.66),
    "fujifilm_c200": (0.61, 0.64, 0.65),
    "fujifilm_xtra_400": (0.61, 0.66, 0.71),
    "kodak_vision3_500t": (0.48, 0.57, 0.54),
}


@dataclass(frozen=True)
class Rows:
    """Colours of one pair: `light` at `stops`, print exposure, codes wanted, weight."""

    light: Tensor
    stops: Tensor
    darker: Tensor
    target: Tensor
    weight: Tensor
    true_density: Tensor  # the simulation's, less its mid-grey's; NaN where only prints are known


def rows_of(data: PrintData, film: str, paper: str) -> Rows:
    """What a pair is fitted to."""
    chooser = torch.Generator().manual_seed(sum(map(ord, film)))
    codes13, codes9 = cube(13), cube(9)
    greys = torch.arange(13) * (169 + 13 + 1)
    some = torch.cat((greys, torch.randperm(2197, generator=chooser)[:_COLOURS]))
    density = data.density(film)
    grey = data.grey_density(film)
    parts: list[tuple[Tensor, ...]] = []
    weight = torch.ones(len(some)).double()
    weight[:13] = _GREY_WEIGHT
    zeros = torch.zeros(len(some)).double()
    parts.append((codes13[some], zeros, zeros, data.print_of(film, paper)[some], weight, density[some] - grey))
    for darker in _DARKER:
        chosen, linear = data.printed_darker(film, paper, darker)
        take = torch.randperm(len(chosen), generator=chooser)[:_DARKER_COLOURS]
        at, ones = chosen[take], torch.ones(len(take)).double()
        target = encode(linear[take]).clamp(0, 1)
        parts.append((codes13[at], 0 * ones, darker * ones, target, _DARKER_WEIGHT * ones, density[at] - grey))
    for stops in _BACK:
        back = data.printed_back(film, paper, stops)
        if back is not None:
            take = torch.cat((torch.arange(9) * 91, torch.randperm(729, generator=chooser)[:_BACK_COLOURS]))
            ones = torch.ones(len(take)).double()
            unknown = torch.full((len(take), 3), torch.nan).double()
            parts.append((codes9[take], stops * ones, 0 * ones, back[take], _BACK_WEIGHT * ones, unknown))
    code, stops_, darker_, target, weight, true = (torch.cat(column) for column in zip(*parts, strict=True))
    return Rows(light_of(code), stops_, darker_, target, weight, true)


class Fit:
    """The fit's state: numbers of films and papers by name, as vectors."""

    def __init__(self, data: PrintData) -> None:
        self.data = data
        self.held = data.held_out()
        self.train = [pair for pair in data.pairs() if pair not in self.held]
        self.rows = {pair: rows_of(data, *pair) for pair in self.train}
        self.films: dict[str, Film] = {}
        self.papers: dict[str, Paper] = {}
        printing, exposure = self._printing_densities()
        for name in data.films():
            self.films[name] = self._first_film(name, printing[name])
        for name in data.papers():
            self.papers[name] = self._first_paper(name, exposure[name])
        self._settle_gauge()

    def _printing_densities(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """M by film and E by paper, whose products are the simulation's printing densities."""
        given = {pair: self.data.printing(*pair) for pair in self.train}
        exposure = {p: torch.eye(3, dtype=torch.float64) for p in self.data.papers()}
        printing: dict[str, Tensor] = {}
        for _ in range(30):
            for film in self.data.films():
                tops = torch.cat([exposure[p] for f, p in self.train if f == film])
                printing[film] = torch.linalg.lstsq(tops, torch.cat([given[f, p] for f, p in self.train if f == film])).solution
            for paper in self.data.papers():
                sides = torch.cat([printing[f].T for f, p in self.train if p == paper])
                wanted = torch.cat([given[f, p].T for f, p in self.train if p == paper])
                exposure[paper] = torch.linalg.lstsq(sides, wanted).solution.T
        return printing, exposure

    def _first_film(self, name: str, printing: Tensor) -> Film:
        x, y = self.data.curve("films", name)
        theta, _ = fit_sigmoids(x, y - y.amin(0), SIGMOIDS, 1.0)
        light = light_of(cube(13))
        known = (self.data.layer_exposure(name) > -2.5) & (light.sum(1) > 0)[:, None]
        sensitivity = []
        for layer in range(3):
            # h in logarithms, by weights 1/h: one step from the plain solution is enough for a start.
            rows, h = light[known[:, layer]], 10 ** self.data.layer_exposure(name)[known[:, layer], layer]
            sensitivity.append(torch.linalg.lstsq(rows / h[:, None].sqrt(), h.sqrt()[:, None]).solution[:, 0].clamp_min(0.02))
        off = torch.full((3, 3), 0.25, dtype=torch.float64).fill_diagonal_(0)
        zeros = torch.zeros(3, dtype=torch.float64)
        inhibition = off + torch.diag(torch.tensor(DIAGONAL, dtype=torch.float64))
        return Film("negative", zeros, torch.stack(sensitivity), unpack_curve(theta, 1.0), inhibition, 1.0, printing, zeros)

    def _first_paper(self, name: str, exposure: Tensor) -> Paper:
        x, y = self.data.curve("papers", name)
        theta, _ = fit_sigmoids(x, y - y.amin(0), SIGMOIDS, 1.0)
        start = torch.tensor([0.93, 0.43, 0.1, 0.42, 0.93, 0.36, 0.25, 0.39, 0.96, -0.3, -0.05, -0.04, -0.05, -0.04, -0.09])
        density, linear = self.data.scanned(name)
        light = self.data.base_light(name)
        near = (linear / light).amin(1) > 0.004

        def predict(theta: Tensor) -> Tensor:
            absorption, mixing = theta[:9].view(3, 3) ** 2, mixing_of(theta[9:])
            return encode((10 ** -(density[near] @ absorption.T)) @ mixing.T * light)

        ones = torch.ones(int(near.sum())).double()
        fitted = levenberg_marquardt(predict, encode(linear[near]), ones, start.double(), 30)
        curve = unpack_curve(theta, 1.0)
        return Paper(exposure, curve, fitted[:9].view(3, 3) ** 2, mixing_of(fitted[9:]), light)

    def _settle_gauge(self) -> None:
        """Moves the factor between E and M that prints do not tell."""
        steepness = torch.stack(
            [torch.tensor(STATUS_GAMMA[n]).double() / self.films[n].status_gamma() for n in STATUS_GAMMA]
        ).mean(0)
        for name, film in self.films.items():
            self.films[name] = replace(film, printing=steepness[:, None] * film.printing)
        for name, paper in self.papers.items():
            self.papers[name] = replace(paper, exposure=paper.exposure / steepness)

    def density(self, film: Film, rows: Rows) -> Tensor:
        """The film's density less that of mid-grey at each row's exposure, `(N, 3)`."""
        develop = film.develop()
        out = torch.empty_like(rows.light)
        for stops in rows.stops.unique().tolist():
            at = rows.stops == stops
            out[at] = develop(rows.light[at], stops) - develop.grey(stops)
        return out

    def fit_paper(self, name: str, rounds: int, true_only: bool) -> None:
        """A paper's E, Q, B and P, over the films that it is fitted to."""
        inputs, darker, target, weight = [], [], [], []
        for film, paper in self.train:
            if paper != name:
                continue
            rows, numbers = self.rows[film, paper], self.films[film]
            known = rows.true_density.isfinite().all(1)
            if not true_only:
                inputs.append(self.density(numbers, rows) @ numbers.printing.T)
                darker.append(rows.darker)
                target.append(rows.target)
                weight.append(rows.weight)
            inputs.append(rows.true_density[known] @ numbers.printing.T)
            darker.append(rows.darker[known])
            target.append(rows.target[known])
            weight.append(rows.weight[known] * (1.0 if true_only else _TRUE_WEIGHT))
        seen, exposure = torch.cat(inputs), torch.cat(darker)[:, None]
        first = self.papers[name]

        def predict(theta: Tensor) -> Tensor:
            paper = paper_of(theta, first)
            view = paper.view()
            return encode(paper.base_light * view.linear(mid_grey(paper) + exposure - seen @ paper.exposure.T))

        start = vector_of_paper(first)
        self.papers[name] = paper_of(
            levenberg_marquardt(predict, torch.cat(target), torch.cat(weight), start, rounds, torch.full_like(start, 0.5)),
            first,
        )

    def fit_film(self, name: str, rounds: int) -> None:
        """A film's S, K and M, over the papers that it is fitted on. One development serves all papers."""
        first = self.films[name]
        pairs = [(self.rows[f, p], self.papers[p]) for f, p in self.train if f == name]
        greys = [mid_grey(paper) for _, paper in pairs]
        counts = [len(rows.light) for rows, _ in pairs]
        lights, stops = torch.cat([r.light for r, _ in pairs]), torch.cat([r.stops for r, _ in pairs])
        unique, back = torch.unique(torch.cat((lights, stops[:, None]), 1), dim=0, return_inverse=True)
        asked = Rows(unique[:, :3], unique[:, 3], stops, lights, stops, lights)

        least = least_seen(self.data, name)

        def predict(theta: Tensor) -> Tensor:
            film = film_of(theta, first, least)
            seen = (self.density(film, asked) @ film.printing.T)[back].split(counts)
            codes = []
            for (rows, paper), grey, m in zip(pairs, greys, seen, strict=True):
                l = grey + rows.darker[:, None] - m @ paper.exposure.T  # noqa: E741 - the name it has in the equations
                codes.append(encode(paper.base_light * paper.view().linear(l)))
            return torch.cat(codes)

        start = torch.cat((first.sensitivity.flatten(), _off(first.inhibition).sqrt(), first.printing.flatten()))
        target, weight = torch.cat([r.target for r, _ in pairs]), torch.cat([r.weight for r, _ in pairs])
        self.films[name] = film_of(
            levenberg_marquardt(predict, target, weight, start, rounds, torch.full_like(start, 0.5)), first, least
        )

    def numbers(self) -> dict[str, Any]:
        """What was fitted, as files hold it."""
        return {
            "films": {n: f.to_dict() for n, f in self.films.items()},
            "papers": {n: p.to_dict() for n, p in self.papers.items()},
        }


def mixing_of(off: Tensor) -> Tensor:
    """P with rows that sum to 1, from its six off-diagonals."""
    rows = torch.zeros(3, 3, dtype=torch.float64)
    rows[_OFF] = off
    return rows + torch.diag(1 - rows.sum(1))


_OFF = ~torch.eye(3, dtype=torch.bool)


def _off(matrix: Tensor) -> Tensor:
    return matrix[_OFF]


def least_seen(data: PrintData, name: str) -> Tensor:
    """The least that S of a film may be, `(3, 3)`: of the red layer and blue light what the simulation's layer sees."""
    least = torch.full((3, 3), -math.inf, dtype=torch.float64)
    least[0, 2] = 10 ** data.layer_exposure(name)[_BLUE, 0] / WHITE_LIGHT
    return least


def film_of(theta: Tensor, like: Film, least: Tensor) -> Film:
    """A film of S (`least` at least), square roots of K's off-diagonals, and M, `(24,)`."""
    inhibition = torch.diag(like.inhibition.diagonal())
    inhibition[_OFF] = theta[9:15] ** 2
    return replace(
        like, sensitivity=theta[:9].view(3, 3).maximum(least), inhibition=inhibition, printing=theta[15:24].view(3, 3)
    )


def vector_of_paper(paper: Paper) -> Tensor:
    c = paper.curve
    curve = torch.stack((c.amplitude.clamp_min(1e-6).log(), c.slope.log(), c.centre)).flatten()
    return torch.cat((paper.exposure.flatten(), curve, paper.absorption.flatten().sqrt(), _off(paper.mixing)))


def paper_of(theta: Tensor, like: Paper) -> Paper:
    """A paper of E, log amplitudes, log slopes and centres of Q, square roots of B, and P's off-diagonals."""
    count = 9 * like.curve.amplitude.shape[1]
    curve = unpack_curve(theta[9 : 9 + count].view(3, 3, -1), 1.0)
    absorption = theta[9 + count : 18 + count].view(3, 3) ** 2
    return replace(
        like,
        exposure=theta[:9].view(3, 3),
        curve=curve,
        absorption=absorption,
        mixing=mixing_of(theta[18 + count : 24 + count]),
    )


def mid_grey(paper: Paper) -> Tensor:
    """The paper's log10 exposure that prints mid-grey with its base as it is, `(3,)`."""
    view = paper.view()
    wanted = torch.log10(decode(torch.full((3,), MID_CODE, dtype=torch.float64)) / paper.base_light)
    return solve(lambda g: torch.log10(view.linear(g).clamp_min(1e-6)), torch.zeros(3, dtype=torch.float64), wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit films and papers to a simulation's prints.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=4, help="turns of papers and films (default 4)")
    parser.add_argument("--numbers", type=Path, default=Path("fitted.json"), help="where the fitted numbers go")
    args = parser.parse_args()
    torch.set_num_threads(1)
    began = time.monotonic()
    fit = Fit(PrintData(args.data))
    print(f"{len(fit.train)} pairs to fit, {len(fit.held)} held out; start after {time.monotonic() - began:.0f} s", flush=True)
    for turn in range(args.rounds):
        for name in fit.papers:
            fit.fit_paper(name, 8 if turn == 0 else 5, true_only=turn == 0)
        for name in fit.films:
            fit.fit_film(name, 8 if turn == 0 else 5)
        args.numbers.write_text(json.dumps(fit.numbers()), encoding="utf-8")
        print(f"turn {turn + 1} of {args.rounds} after {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
