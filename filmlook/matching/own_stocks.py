"""The user's own stocks beside the built-in films: what they make of the palette is looked at when a reference is matched."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from filmlook.errors import FilmLookError
from filmlook.look import SETTINGS, Look
from filmlook.matching.estimator import load_estimator
from filmlook.matching.films import SPREADS, FilmTable, shown
from filmlook.paths import tell_once
from filmlook.stock import own_stocks

MOST_OWN = 40  # stocks: each is looked at anew where its file has changed
_NEAREST = 3  # stocks whose settings are tried
_HALF = 0.5  # of a spread, by which a setting is turned


def with_own(films: FilmTable, target: Tensor) -> FilmTable:
    """A table with those of the user's own stocks that come nearest, on their own prints; built-in ones whose names they have
    are left out.

    Args:
        films: that of the built-in ones. target: `(K * 3,)`, what is wanted of the estimator's palette.
    """
    own = own_stocks()
    if not own:
        return films
    if len(own) > MOST_OWN:
        tell_once(f"{len(own)} stocks of your own: {MOST_OWN} of them are tried for a match")
    times: dict[str, int] = {}
    made: dict[str, Tensor] = {}
    for name, file in list(own.items())[:MOST_OWN]:
        try:
            times[name] = file.stat().st_mtime_ns
            made[name] = _made(Look(stock=name), times[name])
        except (FilmLookError, OSError) as error:
            told = str(error)
            tell_once(f"left out {told if str(file) in told else f'{file}: {told}'}")
    nearest = sorted(made, key=lambda name: float((made[name] - target).norm()))[:_NEAREST]
    kept = [i for i, (stock, _, _) in enumerate(films.looks) if stock not in own]
    return FilmTable(
        [films.looks[i] for i in kept] + [(name, "stock", "none") for name in nearest],
        torch.cat((films.made[kept], *(made[name][None] for name in nearest))),
        torch.cat((films.slopes[kept], *(_slopes(name, times[name])[None] for name in nearest))),
    )


def _slopes(stock: str, modified: int) -> Tensor:
    """What a spread of each setting adds, `(S, K * 3)`."""
    look = Look(stock=stock)
    defaults: dict[str, Any] = {setting.key: setting.default for setting in SETTINGS}
    turned = [replace(look, **{key: defaults[key] + _HALF * spread}) for key, spread in SPREADS.items()]
    return torch.stack([(_made(one, modified) - _made(look, modified)) / _HALF for one in turned])


@lru_cache(maxsize=512)
def _made(look: Look, modified: int) -> Tensor:
    return shown(look, load_estimator().palette)
