"""Film Look develops pictures as film: halation, diffusion, grain, print.

from filmlook import develop, Look
film = develop(picture, Look(stock="kodak_gold_200"), seed=1)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from filmlook.version import __version__

if TYPE_CHECKING:
    from filmlook.engine.develop import develop, film_picture
    from filmlook.engine.metering import ExposureLock
    from filmlook.engine.metering import ExposureLock as Lock
    from filmlook.engine.regrain import regrain
    from filmlook.errors import FilmLookError, LookError, PictureError, StockFileError
    from filmlook.look import SETTINGS, Look
    from filmlook.matching.match import Match, match
    from filmlook.matching.series import series_looks
    from filmlook.moving_look import MovingLook
    from filmlook.presets import list_looks, load_look, load_moving_look
    from filmlook.stock import Stock, list_stocks, load_stock

_ROOMS = {
    "engine.develop": ("develop", "film_picture"),
    "engine.metering": ("ExposureLock", "Lock"),
    "engine.regrain": ("regrain",),
    "errors": ("FilmLookError", "LookError", "PictureError", "StockFileError"),
    "look": ("SETTINGS", "Look"),
    "matching.match": ("Match", "match"),
    "matching.series": ("series_looks",),
    "moving_look": ("MovingLook",),
    "presets": ("list_looks", "load_look", "load_moving_look"),
    "stock": ("Stock", "list_stocks", "load_stock"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "SETTINGS",
    "ExposureLock",
    "FilmLookError",
    "Lock",
    "Look",
    "LookError",
    "Match",
    "MovingLook",
    "PictureError",
    "Stock",
    "StockFileError",
    "__version__",
    "develop",
    "film_picture",
    "list_looks",
    "list_stocks",
    "load_look",
    "load_moving_look",
    "load_stock",
    "match",
    "regrain",
    "series_looks",
]


def __getattr__(name: str) -> Any:
    """What the package exports, fetched when it is first asked for: PyTorch takes a second to import, and many need none."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
