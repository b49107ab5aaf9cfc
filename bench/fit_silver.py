"""Makes black and white films and papers, and colour filters, of digitised datasheets.

    python bench/fit_silver.py READINGS fitted.json

READINGS is a JSON file of what was read off the datasheets:

    {"films": {NAME: {"iso", "points": [[log10 exposure, density] ...],
                      "relative": exposure of mid-grey, if the axis is relative,
                      "spectrum": [[nm, log10 sensitivity] ...], "dmin", "granularity", "source",
                      "licence": of the readings, if not ours}},
     "papers": {"grades": {"0": [[log10 exposure, density] ...] ...}, "source"},
     "filters": {NAME: [[nm, transmittance] ...]}}

A film's curve is four sigmoids through the points, over base, with mid-grey one log unit above the point that ISO speed is
measured at. Beyond the last point it goes on as it went and levels softly: that part is not published. A paper's is four too.

A film's sensitivity is a spectrum; pictures have three colours. In daylight, red is what lies beyond 592 nm, green 481 to
592, blue 400 to 545; what green and blue share is taken from a picture that has both, by a negative weight of sqrt(gb). These
edges are where the spectra of Tri-X and Double-X, alike within 10 nm, give the weights that a spectral simulation of both has.
A filter becomes three transmittances, of light from 592, 513 to 592, and up to 513 nm.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import torch
from least_squares import fit_sigmoids, unpack_curve
from torch import Tensor

from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.scene_light import MID_GREY

_WAVELENGTHS = torch.arange(400.0, 701.0, 1.0, dtype=torch.float64)
_RED_FROM, _GREEN_FROM, _BLUE_TO = 592.0, 481.0, 545.0  # nm
_DAYLIGHT_K = 5500.0
_PLANCK_NM = 1.4388e7  # second radiation constant
_MID = math.log10(0.8) + 1.0  # log10 lux seconds of mid-grey at ISO 1
_LEVELS = 0.8  # log10 exposure over which a curve levels beyond its last point
Points = list[list[float]]


def daylight() -> Tensor:
    """A black body of 5500 K, `(W,)`, in energy."""
    spectrum = _WAVELENGTHS**-5 / (torch.exp(_PLANCK_NM / (_WAVELENGTHS * _DAYLIGHT_K)) - 1)
    return spectrum / spectrum.mean()


def interpolated(points: Points, at: Tensor) -> Tensor:
    """Straight lines between points; beyond them the last slope."""
    x, y = torch.tensor(points, dtype=torch.float64).T.contiguous()
    i = torch.searchsorted(x, at).clamp(1, len(x) - 1)
    return y[i - 1] + (at - x[i - 1]) / (x[i] - x[i - 1]) * (y[i] - y[i - 1])


def weights(spectrum: Points) -> Tensor:
    """Six weights `(6,)` of r, g, b, sqrt(rg), sqrt(gb), sqrt(rb), with mid-grey giving 1."""
    sensitivity = 10 ** interpolated(spectrum, _WAVELENGTHS) * daylight()
    share = sensitivity / sensitivity.sum()
    red = float(share[_WAVELENGTHS > _RED_FROM].sum())
    green = float(share[(_WAVELENGTHS > _GREEN_FROM) & (_WAVELENGTHS <= _RED_FROM)].sum())
    blue = float(share[_WAVELENGTHS <= _BLUE_TO].sum())
    both = float(share[(_WAVELENGTHS > _GREEN_FROM) & (_WAVELENGTHS <= _BLUE_TO)].sum())
    return torch.tensor([red, green, blue, 0.0, -both, 0.0], dtype=torch.float64) / MID_GREY


def film_of(data: dict[str, Any]) -> tuple[Film, float]:
    """A film, and how far (RMS, density) its curve is from the points."""
    middle = data.get("relative", _MID - math.log10(data["iso"]))
    x, density = torch.tensor(data["points"], dtype=torch.float64).T.contiguous()
    x, density = x - middle, density - density[0]
    grid = torch.linspace(-3.0, 3.0, 241, dtype=torch.float64)
    i = torch.searchsorted(x, grid).clamp(1, len(x) - 1)
    inside = density[i - 1] + (grid - x[i - 1]) / (x[i] - x[i - 1]) * (density[i] - density[i - 1])
    beyond = (grid - x[-1]).clamp_min(0)
    slope = (density[-1] - density[-4]) / (x[-1] - x[-4])
    target = torch.where(grid < x[0], 0.0, torch.where(beyond > 0, density[-1], inside))
    target = target + slope * _LEVELS * (1 - torch.exp(-beyond / _LEVELS))
    theta, _ = fit_sigmoids(grid, target[:, None], 4, 1.0)
    curve = unpack_curve(theta, 1.0)
    left = (curve(x[:, None])[:, 0] - density).square().mean().sqrt()
    one, zeros = torch.eye(1, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    dmin = torch.tensor([data["dmin"]], dtype=torch.float64)
    return Film("negative", zeros, weights(data["spectrum"])[None], curve, 0 * one, 1.0, one, dmin), float(left)


def paper_of(points: Points) -> tuple[Paper, float]:
    """A paper of one grade, and how far its curve is from the points. Its bare base reflects what its Dmin leaves."""
    x, density = torch.tensor(points, dtype=torch.float64).T.contiguous()
    base = float(density.min())
    density = density - base
    grid = torch.linspace(float(x[0]) - 1, float(x[-1]) + 1, 241, dtype=torch.float64)
    i = torch.searchsorted(x, grid).clamp(1, len(x) - 1)
    inside = density[i - 1] + (grid - x[i - 1]) / (x[i] - x[i - 1]) * (density[i] - density[i - 1])
    target = torch.where(grid < x[0], density[0], torch.where(grid > x[-1], density[-1], inside))
    theta, _ = fit_sigmoids(grid, target[:, None], 4, 1.0)
    curve = unpack_curve(theta, 1.0)
    left = (curve(x[:, None])[:, 0] - density).square().mean().sqrt()
    one = torch.eye(1, dtype=torch.float64)
    return Paper(one, curve, one, one, torch.tensor([10**-base], dtype=torch.float64)), float(left)


def transmittances(points: Points) -> Tensor:
    """What a filter lets through of red, green and blue light, `(3,)`."""
    x, t = torch.tensor(points, dtype=torch.float64).T.contiguous()
    i = torch.searchsorted(x, _WAVELENGTHS).clamp(1, len(x) - 1)
    through = t[i - 1] + (_WAVELENGTHS - x[i - 1]) / (x[i] - x[i - 1]) * (t[i] - t[i - 1])
    through = torch.where(_WAVELENGTHS.lt(float(x[0])), 0.0, through.clamp(0, 1))  # what the sheet does not plot is opaque
    light = daylight()
    middle = (_GREEN_FROM + _BLUE_TO) / 2
    red, blue = _WAVELENGTHS.gt(_RED_FROM), _WAVELENGTHS.le(middle)
    return torch.stack([(light * through)[band].sum() / light[band].sum() for band in (red, ~red & ~blue, blue)])


def main() -> None:
    parser = argparse.ArgumentParser(description="Make black and white films and papers of digitised datasheets.")
    parser.add_argument("readings", type=Path)
    parser.add_argument("numbers", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    readings = json.loads(args.readings.read_text(encoding="utf-8"))
    numbers = json.loads(args.numbers.read_text(encoding="utf-8")) if args.numbers.exists() else {}
    for name, data in readings["films"].items():
        film, left = film_of(data)
        facts = {key: data[key] for key in ("iso", "granularity", "source")}
        facts["licence"] = data.get("licence", "AGPL-3.0-or-later")
        numbers.setdefault("silver", {})[name] = {**film.to_dict(), **facts, "rms": left}
        found = " ".join(f"{w:.2f}" for w in (film.sensitivity[0] * MID_GREY).tolist())
        print(f"{name:32} curve {left:.3f}  gamma {film.status_gamma()[0]:.2f}  weights {found}")
    for grade, points in readings["papers"]["grades"].items():
        paper, left = paper_of(points)
        numbers.setdefault("grades", {})[f"grade-{grade}"] = {
            **paper.to_dict(),
            "source": readings["papers"]["source"],
            "rms": left,
        }
        print(f"grade-{grade:26} curve {left:.3f}  Dmax {paper.curve.amplitude.sum():.2f}")
    for name, points in readings["filters"].items():
        print(f"{name:32} transmits", *(f"{t:.4f}" for t in transmittances(points).tolist()))
    args.numbers.write_text(json.dumps(numbers), encoding="utf-8")


if __name__ == "__main__":
    main()
