"""Which prints a film can have, and the view that a choice of one gives: the one door to paper, slide, scanner and negative."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from filmlook.errors import LookError
from filmlook.film.ends import PrintSettings
from filmlook.film.negative import Development, Film
from filmlook.film.paper import Paper, View
from filmlook.film.printing import look_at_negative, print_on_paper, project_slide
from filmlook.film.scanner import ScanCharacter, scan_minilab
from filmlook.film.slide import Slide

STOCK, MINILAB, NEGATIVE = "stock", "minilab", "negative"


@dataclass(frozen=True)
class Prints:
    """How a stock is looked at.

    Attributes:
        default: what `print` = "stock" means: "minilab", a paper's name, "slide", or "own".
        slide: a slide's own view. own: the print that was fitted with the film and belongs to it alone.
        minilab: what the minilab leaves of the film's crossover.
    """

    default: str
    slide: Slide | None = None
    own: Paper | None = None
    minilab: ScanCharacter = field(default_factory=ScanCharacter)


def allowed_prints(film: Film, prints: Prints, papers: dict[str, int]) -> list[str]:
    """What `print` may be for a stock. `papers`: the installed papers' layers, by name.

    A slide and a film with a print of its own have that alone, and the film itself as a picture.
    """
    if prints.slide is not None:
        return [STOCK]
    if prints.own is not None:
        return [STOCK, NEGATIVE]
    return [STOCK, MINILAB, *sorted(name for name, layers in papers.items() if layers == film.layers), NEGATIVE]


def view_of(
    development: Development, prints: Prints, choice: str, paper: Paper | None, settings: PrintSettings, stops: float = 0.0
) -> tuple[View, Tensor]:
    """The view that a choice of print gives, and log10 exposure `(L,)` to give the film beside its own (slides; else 0).

    Args:
        choice: of `allowed_prints`. paper: the paper that it, or the stock's default, names; None where it names none.
        stops: `rating`: how much more light the film got, which is taken back.

    Raises:
        LookError: a print that the stock does not allow.
    """
    film = development.film
    none = torch.zeros(film.layers, dtype=torch.float64)
    chosen = prints.default if choice == STOCK else choice
    if prints.slide is not None and chosen == "slide":
        return project_slide(development, prints.slide, settings, stops)
    if prints.own is not None and chosen == "own":
        return print_on_paper(development, prints.own, settings, stops), none
    if prints.slide is None and chosen == NEGATIVE:
        return look_at_negative(development, settings, stops), none
    if prints.slide is None and prints.own is None and chosen == MINILAB:
        return scan_minilab(development, settings, stops, prints.minilab), none
    if prints.slide is None and prints.own is None and paper is not None:
        if paper.layers != film.layers:
            kind = "colour" if film.layers == 3 else "black and white"
            raise LookError(f"print is {choice!r}; it is no paper for {kind} film")
        return print_on_paper(development, paper, settings, stops), none
    raise LookError(f"print is {choice!r}; this stock does not allow it")
