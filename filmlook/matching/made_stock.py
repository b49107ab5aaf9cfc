"""A stock for a reference that no film comes near: fitted to what was judged of it, as one is to a LUT."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from filmlook.errors import FilmLookError, LookError
from filmlook.fitting.colours import Colours
from filmlook.fitting.delta_e import from_cielab
from filmlook.fitting.stock_file import facts_of, fit_stock, write_stock
from filmlook.look import Look
from filmlook.matching.colour import Candidate
from filmlook.matching.estimator import Estimate, from_even
from filmlook.paths import user_folder
from filmlook.presets import check_name
from filmlook.stock import is_installed, load_stock, own_stocks

_FAR = 2.5  # distance: most looks of the built-in films are found nearer
_OTHER = 0.5  # how likely it has to be that no film made a reference
_SECONDS = 80.0


def free_stock_file(name: str) -> Path:
    """Where a stock goes among the user's own: the first of name, name-2, name-3 ... that no stock has.

    Raises:
        LookError: the name is not one for a file, or there is no folder of the user's.
    """
    check_name(name)
    home = user_folder()
    if home is None:
        raise LookError("a stock cannot be made: there is no folder of your own (FILMLOOK_HOME)")
    names = itertools.chain([name], (f"{name}-{i}" for i in itertools.count(2)))
    return home / "stocks" / f"{next(n for n in names if not is_installed(n))}.json"


def comes_close(found: Sequence[Candidate], wanted: Estimate) -> bool:
    """Whether a film comes near enough that a stock of its own would tell little more."""
    return found[0].distance <= _FAR or wanted.other < _OTHER


def made_look(
    out: Path,
    label: str,
    found: Sequence[Candidate],
    wanted: Estimate,
    palette: Tensor,
    progress: Callable[[float], None] | None = None,
) -> Candidate:
    """The look of a stock that is made, and whose file is written.

    Args:
        out: the stock's file, `.json`, which is replaced. label: its name for people.
        found: the looks that come nearest; the new stock takes datasheet, grain and halation of the first one that is a film's.
        wanted: what is made of the palette `(K, 3)`.

    Raises:
        FilmLookError: the file cannot be written.
    """
    like = next(stock for one in found if (stock := load_stock(one.look.stock)).film is not None)
    target = from_cielab(from_even(wanted.colours.double())).clamp(0, 1)
    if like.is_monochrome:
        target = target.mean(1, keepdim=True).expand(-1, 3)
    result = fit_stock(Colours(palette.double(), target), like, seconds=_SECONDS, progress=progress)
    told = f"Colour judged from reference pictures; datasheet, grain and halation as {like.label}."
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FilmLookError(f"{out.parent}: cannot be made: {error.strerror}") from None
    write_stock(out, {**facts_of(like), "label": label, "maker": "", "sources": [told]}, result)
    name = out.stem if own_stocks().get(out.stem) == out else str(out.resolve())
    return Candidate(Look(stock=name), result.mean, 0.0)
