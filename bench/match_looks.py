"""Looks by chance, as people might set them: what `fit_matching.py` learns from, and `match.py` measures with."""

from __future__ import annotations

from typing import Any

import numpy as np

from filmlook.look import Look
from filmlook.prints import print_labels
from filmlook.stock import Stock, list_stocks, load_stock

KINDS = {"negative": 0.4, "cine": 0.2, "slide": 0.2, "black and white": 0.2}
"""What kinds of film there are, and how often each is drawn."""

_OTHER_PRINT = 0.35  # share of looks that are printed on another paper than the film's own
_NO_PICTURES = ("stock", "negative")


def kind_of(stock: Stock) -> str:
    """Its kind; "neutral" of what is no film."""
    if stock.is_monochrome:
        return "black and white"
    if stock.film is None:
        return "neutral"
    if stock.kind == "reversal":
        return "slide"
    return "cine" if stock.base == "cine" else "negative"


def films() -> list[str]:
    """The built-in stocks that are films with layers."""
    return [name for name in list_stocks() if load_stock(name).film is not None]


def random_look(random: np.random.Generator, names: list[str] | None = None) -> Look:
    """A look of a random film: print and colour settings, turned about twice as far as the looks that come with Film Look turn
    them. What acts in space is drawn by `random_texture`."""
    names = names or films()
    kinds = {kind: [n for n in names if kind_of(load_stock(n)) == kind] for kind in KINDS}
    kind = random.choice(list(KINDS), p=list(KINDS.values()))
    stock = load_stock(str(random.choice(kinds[kind])))
    others = [p for p in print_labels(stock) if p not in _NO_PICTURES]
    paper = str(random.choice(others)) if others and random.random() < _OTHER_PRINT else "stock"

    def around(middle: float, deviation: float, low: float, high: float) -> float:
        return round(float(np.clip(random.normal(middle, deviation), low, high)), 2)

    def some(share: float, low: float, high: float) -> float:
        return round(float(random.uniform(low, high)), 2) if random.random() < share else 0.0

    settings: dict[str, Any] = {
        "exposure": around(0, 0.12, -0.6, 0.6),
        "rating": some(0.25, 0, 1.5),
        "push": some(0.1, 0, 1.5),
        "contrast": around(1, 0.1, 0.6, 1.4),
        "saturation": around(1, 0.1, 0.5, 1.5),
        "interimage": around(1, 0.15, 0.3, 1.7),
        "light_red": around(0, 0.04, -0.2, 0.2),
        "light_blue": around(0, 0.04, -0.2, 0.2),
        "black": some(0.5, 0.3, 2.5),
        "white": some(0.35, 0.3, 2.2),
    }
    if stock.is_monochrome:
        settings |= {"light_red": 0.0, "light_blue": 0.0, "saturation": 1.0, "interimage": 1.0}
        if random.random() < 0.25:
            return Look(
                stock=stock.name, print=paper, toning=str(random.choice(["sepia", "selenium", "gold", "blue"])), **settings
            )
    return Look(stock=stock.name, print=paper, **settings)


def random_texture(random: np.random.Generator) -> dict[str, Any]:
    """Settings of grain and of what spreads light."""
    return {
        "effect_size": 1.5,
        "grain": round(float(random.uniform(0.5, 2.5)), 2),
        "grain_size": round(float(random.uniform(0.8, 1.6)), 2),
        "vignette": round(float(random.uniform(0.1, 0.5)), 2) if random.random() < 0.4 else 0.0,
    }
