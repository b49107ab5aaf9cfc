"""The film card: what a stock's plots show, from the same functions that develop with it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from filmlook.film.curve import Table
from filmlook.film.scene_light import MID_GREY
from filmlook.look import Look
from filmlook.prints import OWN, checked_print
from filmlook.stages.darkroom import film_development, film_view
from filmlook.stages.edges import green_layer, published_response
from filmlook.stages.granularity import deviation, deviation_range
from filmlook.stock import Stock

_DECADES = 3.0  # of exposure to each side of mid-grey
_POINTS = 121
_LEAST_CYCLES = 2.0  # per mm

Plot = dict[str, list[float]]


def film_card(stock: Stock, print_: str = OWN) -> dict[str, Any]:
    """What there is to know of a stock at a glance.

    `curves`: density of greys, base included, over log10 exposure from mid-grey, of the layers `r`, `g`, `b` (of black and
    white film its only one, thrice). `granularity`: RMS granularity of the layers over the code that the print shows; `mtf`:
    the published response over cycles/mm. All three are None for stocks without layers.

    Args:
        print_: what the greys are looked at on.

    Raises:
        LookError: the stock does not allow the print. StockFileError: the paper's file is damaged.
    """
    look = Look(stock=stock.name, print=checked_print(stock, print_))
    plots: dict[str, Plot | None] = dict.fromkeys(("curves", "granularity", "mtf"))
    if stock.film is not None:
        plots = _plots(stock, look)
    facts = {key: getattr(stock, key) for key in ("name", "label", "maker", "iso", "kind", "moods", "layers")}
    return {**facts, "print": look.print, "halation": stock.antihalation, "sources": stock.sources, "fit": stock.fit, **plots}


def _plots(stock: Stock, look: Look) -> dict[str, Plot | None]:
    exposure = torch.linspace(-_DECADES, _DECADES, _POINTS, dtype=torch.float64)
    development = film_development(stock, look)
    view, added = film_view(stock, look)
    seen = math.log10(MID_GREY) + exposure[:, None] + development.film.grey_offsets()
    density = development.density(seen)
    base = torch.tensor(stock.published.get("dmin", [0.0]), dtype=torch.float64)
    printed = development.density(seen + added)
    code = view(printed)
    code = code[:, green_layer(code.shape[1])].clamp(0, 1)
    order = code.argsort()
    grain = _at(printed, deviation(stock, look), stock) * torch.tensor(stock.granularity, dtype=torch.float64)
    low, high = max(_LEAST_CYCLES, stock.mtf_cycles[0] / 4), stock.mtf_cycles[-1]
    cycles = torch.logspace(math.log10(low), math.log10(high), 40, dtype=torch.float64)
    response = published_response(stock, cycles)
    return {
        "curves": {"log_exposure": _told(exposure), **_by_layer(density + base)},
        "granularity": {"code": _told(code[order]), **_by_layer(grain[order])},
        "mtf": {"cycles_mm": _told(cycles), **_by_layer(response.T)},
    }


def _at(density: Tensor, shape: Tensor, stock: Stock) -> Tensor:
    """Grain's deviation at densities `(N, L)`, from its table."""
    low, high = deviation_range(stock)
    grid = Table.grid(low, high, 1)
    index = ((density - low) / (high - low) * (len(grid) - 1)).round().long().clamp(0, len(grid) - 1)
    return shape.gather(0, index)


def _by_layer(values: Tensor) -> Plot:
    """Values `(N, L)` by the colour that layers are told by."""
    return {key: _told(values[:, min(i, values.shape[1] - 1)]) for i, key in enumerate("rgb")}


def _told(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]
