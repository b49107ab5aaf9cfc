"""What a look makes of a film: how it is developed, and the print it is looked at on. Found once for all pictures."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from filmlook.film.ends import PrintSettings
from filmlook.film.negative import Development
from filmlook.film.paper import Paper, View
from filmlook.film.route import view_of
from filmlook.look import Look
from filmlook.prints import checked_print, paper_of
from filmlook.stock import Stock


def film_development(stock: Stock, look: Look) -> Development:
    """The film's development, with the look's push and interimage effect; of stocks with layers."""
    if stock.kind == "reversal" and look.interimage != 1:
        balance = film_view(stock, look)[1]
        return _development(stock, look.interimage, look.push, tuple(balance.tolist()))
    return _development(stock, look.interimage, look.push)


def film_view(stock: Stock, look: Look) -> tuple[View, Tensor]:
    """The view of a film's density that the look chooses, and log10 exposure `(L,)` that the film gets beside the picture's.

    Raises:
        LookError: the stock does not allow the print.
        StockFileError: the paper's file is damaged.
    """
    lights = (look.light_red, look.light_green, look.light_blue)
    settings = PrintSettings(look.white, look.black, look.contrast, look.print_exposure, lights)
    choice = checked_print(stock, look.print)
    interimage = 1.0 if stock.kind == "reversal" else look.interimage  # it leaves greys, and they are all a slide's view knows
    development = _development(stock, interimage, look.push)
    return _view(development, stock, choice, paper_of(stock, choice), settings, look.rating)


@lru_cache(maxsize=32)
def _development(stock: Stock, interimage: float, push: float, balance: tuple[float, ...] | None = None) -> Development:
    assert stock.film is not None
    return stock.film.develop(interimage, push, torch.tensor(balance, dtype=torch.float64) if balance else None)


@lru_cache(maxsize=32)
def _view(
    development: Development, stock: Stock, choice: str, paper: Paper | None, settings: PrintSettings, rating: float
) -> tuple[View, Tensor]:
    return view_of(development, stock.prints, choice, paper, settings, rating)
