"""Film Look develops pictures as film: halation, diffusion, grain, print.

from filmlook import develop, Look
film = develop(picture, Look(stock="kodak_gold_200"), seed=1)
"""

from filmlook.develop import develop
from filmlook.errors import FilmLookError, LookError, PictureError, StockFileError
from filmlook.look import SETTINGS, Look
from filmlook.metering import Lock
from filmlook.presets import list_looks, load_look
from filmlook.regrain import regrain
from filmlook.stock import Stock, list_stocks, load_stock

__version__ = "0.1.0"
__all__ = [
    "SETTINGS",
    "FilmLookError",
    "Lock",
    "Look",
    "LookError",
    "PictureError",
    "Stock",
    "StockFileError",
    "develop",
    "list_looks",
    "list_stocks",
    "load_look",
    "load_stock",
    "regrain",
]
