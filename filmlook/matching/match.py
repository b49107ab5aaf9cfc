"""`match`: from references to a look."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from filmlook.errors import LookError, PictureError
from filmlook.look import SETTINGS, Look
from filmlook.matching.colour import Candidate, candidates
from filmlook.matching.estimator import load_estimator
from filmlook.matching.grain_settings import grain_settings
from filmlook.matching.made_stock import comes_close, made_look
from filmlook.matching.reference import Reference, read_reference
from filmlook.matching.statistics import statistics
from filmlook.matching.texture import texture_settings
from filmlook.presets import load_look

PARTS = ("grain", "colour", "texture")
MOST_REFERENCES = 32
_PIXELS = 4000  # of each reference: more changes its statistics no more
_ALTERNATIVES = 5
_TEXTURES_SHARE = 0.5  # of the time


@dataclass(frozen=True)
class Match:
    """What was found.

    Attributes:
        look: the look.
        fit: `distance`: how far its colours are from what was judged of the references, in CIELAB with its chroma compressed,
            about dE00; `chance`: how likely its stock is among the built-in ones, if it is one; `grain`: the deviation of the
            references' grain, in codes of 255; `style`: how far the look's grain is from it in style, 0 alike; and what else of
            texture is told, by the settings' names.
        alternatives: the looks of the likeliest other stocks, the likeliest first.
        untold: the settings that were sought, and of which the references tell nothing.
        stock: the file of the look's stock, where one was made.
    """

    look: Look
    fit: dict[str, float]
    alternatives: tuple[Look, ...]
    untold: tuple[str, ...] = ()
    stock: Path | None = None


def match(
    references: Any,
    *,
    weight: float = 1.0,
    only: str | None = None,
    look: Look | str | dict[str, Any] | None = None,
    new_stock: str | Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Match:
    """Finds the look of pictures: film, print and settings that make other pictures like them.

    Args:
        references: a picture, or several of one treatment: paths of files, their bytes, `files.picture.Picture`s, PIL images,
            or arrays `H,W,3` of 8 bits. They show what they like: nothing in them has to be in the pictures to be developed.
        weight: how far to go, from 0 to 1: what becomes the look's strength.
        only: "colour", "grain" or "texture" (grain, glow, softness and vignette): what else the look has comes from `look`.
        look: what is not sought, or not told; None: defaults, for "grain" and "texture" without colour.
        new_stock: a file, `.json`, that a stock is written to where no film comes close, over what is there; None: nowhere.
        progress: called with the share done, from 0 to 1.

    Raises:
        PictureError: a reference that cannot be read, or that shows nothing to tell a look by.
        LookError: a weight, a part or a look that is wrong.
    """
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= 1:
        raise LookError(f"weight is {weight!r}; allowed: a number from 0 to 1")
    if only is not None and only not in PARTS:
        raise LookError(f"only is {only!r}; allowed: {', '.join(PARTS)}")
    sources = references if isinstance(references, (list, tuple)) else [references]
    if not 1 <= len(sources) <= MOST_REFERENCES:
        raise LookError(f"there are {len(sources)} references; allowed: 1 to {MOST_REFERENCES}")
    base = load_look(look) if look is not None else Look() if only in (None, "colour") else Look(stock="neutral")
    tell = progress or (lambda share: None)
    read = _read(sources, lambda share: tell(0.05 * share))
    found: list[Candidate] = []
    chance, made = None, None
    if only in (None, "colour"):
        file = Path(new_stock) if new_stock is not None else None
        found, chance, made = _colours(read, base, file, lambda share: tell(0.05 + (0.95 - _TEXTURES_SHARE) * share))
        base = found[0].look
    fit = {"distance": round(found[0].distance, 2)} if found else {}
    if chance is not None:
        fit["chance"] = round(chance, 3)
    texture: dict[str, Any] = {}
    untold: tuple[str, ...] = ()
    if only in (None, "texture"):
        texture, figures, untold = texture_settings(base, read)
        fit |= figures
    elif only == "grain":
        texture, seen = grain_settings(base, read)
        fit["grain"] = round(seen * 255, 2)
    told = {**texture, "strength": float(weight)}
    others = tuple(dataclasses.replace(one.look, **told) for one in found[1 : 1 + _ALTERNATIVES])
    tell(1.0)
    return Match(dataclasses.replace(base, **told), fit, others, untold, made)


def _read(sources: Sequence[Any], tell: Callable[[float], None]) -> list[Reference]:
    """The references; of several, what is wrong with one tells which. Raises PictureError."""
    found = []
    for number, source in enumerate(sources, 1):
        try:
            found.append(read_reference(source))
        except PictureError as error:
            if len(sources) == 1:
                raise
            raise PictureError(f"reference {number} of {len(sources)}: {error}") from None
        tell(number / len(sources))  # each may be large: whoever wants no more need not wait for all
    return found


def _colours(
    references: Sequence[Reference], base: Look, new_stock: Path | None, tell: Callable[[float], None]
) -> tuple[list[Candidate], float | None, Path | None]:
    """Looks with the references' colours, what is no colour as in `base`; how likely the first one's stock is; and its file,
    where it was made."""
    estimator = load_estimator()
    parts = []
    for one in references:
        at = torch.linspace(0, len(one.colours) - 1, min(_PIXELS, len(one.colours))).round().long()
        parts.append(statistics(one.colours[None, at]))
    wanted = estimator(torch.cat(parts))
    makes = new_stock is not None
    found = candidates(estimator.palette, wanted, lambda share: tell(share * (0.2 if makes else 1)))
    made = None
    if new_stock is not None and not comes_close(found, wanted):
        label, made = new_stock.stem, new_stock
        found.insert(0, made_look(made, label, found, wanted, estimator.palette, lambda share: tell(0.2 + 0.8 * share)))
    kept = {key: getattr(base, key) for key in _NOT_COLOUR}
    found = [dataclasses.replace(one, look=dataclasses.replace(one.look, **kept)) for one in found]
    return found, wanted.chance.get(found[0].look.stock), made


_COLOUR_GROUPS = ("Film", "Print")
_COLOUR_BESIDE = ("filter", "light_balance")
_NO_COLOUR = ("frame", "effect_size", "context", "scan_softness")  # in these groups
_NOT_COLOUR = tuple(
    setting.key
    for setting in SETTINGS
    if setting.key in _NO_COLOUR or (setting.group not in _COLOUR_GROUPS and setting.key not in _COLOUR_BESIDE)
)
