"""The look whose colours come nearest to an estimate: stocks, prints and settings.

Every film on every print is tried by the table of `matching.films`, with the settings that bring it nearest; the best few are
then developed, and their settings corrected by what is still missed (Gauss and Newton's method with the table's slopes).
Turning a setting costs what it is unusual: of what two settings could both do, the little that both do is taken, not a lot of
one against a lot of the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from filmlook.errors import FilmLookError
from filmlook.look import SETTINGS, Look
from filmlook.matching.estimator import Estimate
from filmlook.matching.films import SPREADS, FilmTable, load_films, shown
from filmlook.matching.own_stocks import with_own

_PRIOR = 0.12  # what a setting turned by its spread costs, in squared distance
_MOST_TURNED = 3.0  # spreads
_DEVELOPED = 6  # stocks that are tried in earnest
_ROUNDS = 3
_MISSED = 1.5  # distance by which an estimate may miss, for weighing it against how likely a stock is
_OTHER_PRINT = 1.0  # log odds against a print that is not the film's own
_LEAST_CHANCE = 1e-4
_RANGES = {s.key: s for s in SETTINGS if s.key in SPREADS}


@dataclass(frozen=True)
class Candidate:
    """A look, how far its colours are from the estimate (root mean square), and what speaks against it."""

    look: Look
    distance: float
    cost: float


def candidates(palette: Tensor, wanted: Estimate, tell: Callable[[float], None] = lambda share: None) -> list[Candidate]:
    """Looks that come near an estimate, one of each of the likeliest stocks, the likeliest first.

    Args:
        palette: `(K, 3)`, the sRGB code whose fate is estimated.
        wanted: the estimate. tell: is called with the share done.
    """
    target = wanted.colours.flatten()
    films = with_own(load_films(), target)
    scale = len(palette) ** -0.5
    slopes = films.slopes * scale
    normal = slopes @ slopes.transpose(1, 2) + _PRIOR * torch.eye(len(SPREADS))
    missed = (target - films.made) * scale
    turned = torch.linalg.solve(normal, (slopes @ missed[..., None]))[..., 0].clamp(-_MOST_TURNED, _MOST_TURNED)
    turned = torch.stack([_spreads(_settings(row)) for row in turned])
    left = missed - (turned[:, None] @ slopes)[:, 0]
    costs = _costs(left, turned) + torch.tensor([_unlikely(row, wanted) for row in films.looks])
    found: dict[str, Candidate] = {}
    for row in costs.argsort().tolist():
        stock = films.looks[row][0]
        if stock in found:
            continue
        try:
            found[stock] = _corrected(films, row, turned[row], palette, target, wanted)
        except FilmLookError:  # a stock's or a paper's file is damaged
            continue
        tell(len(found) / _DEVELOPED)
        if len(found) == _DEVELOPED:
            break
    return sorted(found.values(), key=lambda one: one.cost)


def _corrected(films: FilmTable, row: int, turned: Tensor, palette: Tensor, target: Tensor, wanted: Estimate) -> Candidate:
    """A row's look, its settings corrected by what it really makes of the palette."""
    stock, paper, toning = films.looks[row]
    start = Look(stock=stock, print=paper, toning=toning)
    scale = len(palette) ** -0.5
    slopes = films.slopes[row] * scale
    normal = slopes @ slopes.T + _PRIOR * torch.eye(len(SPREADS))
    best: Candidate | None = None
    for _ in range(_ROUNDS):
        look = replace(start, **_settings(turned))
        left = (target - shown(look, palette)) * scale
        cost = float(_costs(left, turned)) + _unlikely(films.looks[row], wanted)
        if best is not None and cost > best.cost:
            break
        best = Candidate(look, float(left.norm()), cost)
        change = torch.linalg.solve(normal, slopes @ left - _PRIOR * turned).clamp(-1, 1)
        turned = _spreads(_settings((turned + change).clamp(-_MOST_TURNED, _MOST_TURNED)))
    assert best is not None
    return best


def _costs(left: Tensor, turned: Tensor) -> Tensor:
    return (left.square().sum(-1) + _PRIOR * turned.square().sum(-1)) / (2 * _MISSED**2)


def _unlikely(row: tuple[str, str, str], wanted: Estimate) -> float:
    """What speaks against a stock and a print, whatever its colours."""
    chance = max(wanted.chance.get(row[0], 1 / len(wanted.chance)), _LEAST_CHANCE)  # of a stock of the user's own: any
    return (_OTHER_PRINT if row[1] != "stock" else 0.0) - math.log(chance)


def _settings(turned: Tensor) -> dict[str, Any]:
    """Settings that are turned by so many spreads, within what they allow."""
    found: dict[str, Any] = {}
    for (key, spread), value in zip(SPREADS.items(), turned.tolist(), strict=True):
        setting = _RANGES[key]
        assert isinstance(setting.default, float)
        found[key] = min(max(round(setting.default + spread * value, 2), max(setting.low, _FLOORS.get(key, -9))), setting.high)
    return found


_FLOORS = {"rating": 0.0}  # film is overexposed by taste, hardly ever the other way


def _spreads(settings: dict[str, Any]) -> Tensor:
    """The inverse of `_settings`."""
    return torch.tensor([(settings[key] - float(_RANGES[key].default)) / spread for key, spread in SPREADS.items()])
