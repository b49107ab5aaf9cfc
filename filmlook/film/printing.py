"""A film printed, projected or looked at, as settings say: each gives a `View`, density to code.

Every view is  l = l_g +- c A0 (D - Dg) + lights,  with Dg the density of mid-grey at the exposure that is taken back, and l_g
what makes it mid-grey (code .4663).
"""

from __future__ import annotations

import torch
from torch import Tensor

from filmlook.film.ends import LEAST_CONTRAST, LOG_STOP, PrintSettings, ends_light, middle_code, solve, solve_ends
from filmlook.film.negative import Development
from filmlook.film.paper import Paper, View
from filmlook.film.scene_light import MID_CODE, scene_light
from filmlook.film.slide import Slide
from filmlook.film.srgb import encode

SLIDE_SATURATION = 0.2  # of a slide's density differences, under the scanner's rule: judged, a scan beside a light table

_MOST_SLIDE_CONTRAST = 1.5  # for which ends are solved: beyond it a slide's shadows and highlights have run out


def print_on_paper(film: Development, paper: Paper, settings: PrintSettings, stops: float = 0.0) -> View:
    """A negative on a paper.

    Args:
        stops: how much more light the film got than the picture says, which the printer takes back (`rating`).
    """
    matrix = -paper.exposure @ film.film.printing
    bare = paper.view()
    grey = film.grey()
    middle = middle_code(paper.layers, paper.middle)
    spread = (film(ends_light()) - grey) @ matrix.T

    def settle(wanted: Tensor, last: Tensor | None) -> Tensor:
        start = torch.zeros(paper.layers, dtype=torch.float64) if last is None else last
        # In density rather than in light: nearly straight, and Newton's steps are good from afar.
        return solve(lambda g: torch.log10(bare.linear(g).clamp_min(1e-6)), start, torch.log10(wanted.clamp_min(1e-6)))

    steep = max(settings.contrast, LEAST_CONTRAST)
    found = solve_ends(settle, lambda g: bare.linear(g + steep * spread), settings, paper.base_light, middle, paper.free_ends)
    matrix = settings.contrast * matrix
    offset = found.settled + settings.darker(paper.layers) - matrix @ film.grey(stops)
    return View(matrix, offset, bare.curve, bare.absorption, bare.mixing, bare.bias).with_ends(found.gain, found.bias)


def project_slide(film: Development, slide: Slide, settings: PrintSettings, stops: float = 0.0) -> tuple[View, Tensor]:
    """A slide on the light table: the view, and log10 exposure `(L,)` that the film has to be given beside its own.

    A slide has no enlarger that could place its mid-grey, and clear film is white: the camera's exposure places it, by about
    -.1 under the scanner's rule, by 0 where the slide keeps its own ends and its own mid-grey. More `stops` are taken back
    by the scanner's light.
    """
    rule = 1 - (min(settings.white, 1) + min(settings.black, 1)) / 2
    eye = torch.eye(3, dtype=torch.float64)
    zeros = torch.zeros(3, dtype=torch.float64)
    colour = eye + SLIDE_SATURATION * rule * (eye - 1 / 3)
    bare = View(eye, zeros, None, slide.absorption, slide.mixing, zeros)
    log_grey = torch.log10(film.film.layer_exposure(scene_light(torch.full((3,), MID_CODE, dtype=torch.float64))))
    log_ends = torch.log10(film.film.layer_exposure(ends_light()))
    steep = min(max(settings.contrast, LEAST_CONTRAST), _MOST_SLIDE_CONTRAST)
    as_shown = encode(slide.base_light * bare.linear(film.density(log_grey)))
    middle = rule * middle_code(3) + (1 - rule) * as_shown

    def settle(wanted: Tensor, last: Tensor | None) -> Tensor:
        def shown(shift: Tensor) -> Tensor:
            return torch.log10(bare.linear(film.density(log_grey + shift)).clamp_min(1e-6))

        start = zeros if last is None else last
        return solve(shown, start, torch.log10(wanted.clamp_min(1e-6)))

    def ends(shift: Tensor) -> Tensor:
        grey = film.density(log_grey + shift)
        return bare.linear(grey + steep * (film.density(log_ends + shift) - grey) @ colour.T)

    found = solve_ends(settle, ends, settings, slide.base_light, middle, False)
    grey = film.density(log_grey + found.settled)
    exposed = film.density(log_grey + found.settled + stops * LOG_STOP)
    lights = torch.linalg.solve(slide.absorption, settings.darker(3))
    matrix = settings.contrast * colour
    view = View(matrix, grey + lights - matrix @ exposed, None, slide.absorption, slide.mixing, zeros)
    return view.with_ends(found.gain, found.bias), found.settled


def look_at_negative(film: Development, settings: PrintSettings, stops: float = 0.0) -> View:
    """The negative itself on a light table, its base as it is: orange in colour negatives. It has no ends to be set."""
    matrix = settings.contrast * film.film.printing
    grey = film.grey(stops) @ film.film.printing.T
    offset = film.film.dmin + grey - matrix @ film.grey(stops) + settings.darker(film.film.layers)
    eye = torch.eye(film.film.layers, dtype=torch.float64)
    return View(matrix, offset, None, eye, eye, torch.zeros(film.film.layers, dtype=torch.float64))
