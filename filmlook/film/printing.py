"""A film printed, projected or looked at, as settings say: each gives a `View`, density to code.

Every view is  l = l_g +- c A0 (D - Dg) + lights,  with Dg the density of mid-grey at the exposure that is taken back, and l_g
what makes it mid-grey (code .4663).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from filmlook.film.balance import TINT_TAKEN, GreyScale, calmed, scanners_share
from filmlook.film.ends import LEAST_CONTRAST, LOG_STOP, Ends, PrintSettings, ends_light, middle_code, solve, solve_ends
from filmlook.film.negative import Development
from filmlook.film.paper import Paper, View
from filmlook.film.scene_light import MID_CODE, MID_GREY, scene_light
from filmlook.film.slide import Slide
from filmlook.film.srgb import encode

SLIDE_SATURATION = 0.2  # of a slide's density differences, under the scanner's rule: judged, a scan beside a light table

_GREY_STOPS = (-9.0, 5.0, 113)  # of scene light around mid-grey, and in how many steps
_MOST_SLIDE_CONTRAST = 1.5  # for which ends are solved: beyond it a slide's shadows and highlights have run out


def _grey_ramp() -> Tensor:
    """Scene light of greys from black to beyond white, `(N, 3)`."""
    return MID_GREY * 2 ** torch.linspace(*_GREY_STOPS, dtype=torch.float64)[:, None].expand(-1, 3)


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
    if paper.free_ends and (stops != 0 or settings.contrast != 1 or settings.exposure != 0 or any(settings.lights)):
        return _along_own_greys(film, replace(bare, matrix=matrix), found, settings, stops)
    matrix = settings.contrast * matrix
    offset = found.settled + settings.darker(paper.layers) - matrix @ film.grey(stops)
    view = View(matrix, offset, bare.curve, bare.absorption, bare.mixing, bare.bias).with_ends(found.gain, found.bias)
    taken = 0.0 if paper.free_ends or paper.layers == 1 else TINT_TAKEN * scanners_share(settings)
    if taken == 0:
        return view
    darker = settings.darker(paper.layers)  # coloured lights are meant: only what equal ones do is looked at
    return calmed(view, film(_grey_ramp(), stops) @ matrix.T + offset - darker + darker.mean(), taken)


def _along_own_greys(film: Development, bare: View, found: Ends, settings: PrintSettings, stops: float) -> View:
    """A print of the film's own, of which no other exposure is known than it was measured at: it follows its greys."""
    scale, exposed = (GreyScale.of(film(_grey_ramp(), s) @ bare.matrix.T) for s in (0.0, stops))
    grey, start = bare.matrix @ film.grey(), bare.matrix @ film.grey(stops)
    darker = settings.darker(len(grey))
    further, beside = float(darker.mean()), found.settled - grey + darker - darker.mean()

    def curve(seen: Tensor) -> Tensor:
        at: Tensor = bare.curve(scale.moved(seen, exposed, start, grey, settings.contrast, further) + beside)
        return at

    return replace(bare, curve=curve).with_ends(found.gain, found.bias)


def project_slide(film: Development, slide: Slide, settings: PrintSettings, stops: float = 0.0) -> tuple[View, Tensor]:
    """A slide on the light table: the view, and log10 exposure `(L,)` that the film has to be given beside its own.

    A slide has no enlarger that could place its mid-grey, and clear film is white: the camera's exposure places it, by about
    -.1 under the scanner's rule, by 0 where the slide keeps its own ends and its own mid-grey. More `stops` are taken back,
    and contrast is set, along the slide's own greys, which so keep the tint that they have.
    """
    rule = scanners_share(settings)
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

    log_ramp = torch.log10(film.film.layer_exposure(_grey_ramp()))

    def scale_of(shift: Tensor) -> GreyScale:
        return GreyScale.of(film.density(log_ramp + shift) @ colour.T)

    def ends(shift: Tensor) -> Tensor:
        grey, scale = film.density(log_grey + shift), scale_of(shift)
        seen = colour @ grey
        return bare.linear(scale.moved(film.density(log_ends + shift) @ colour.T, scale, seen, seen, steep) + grey - seen)

    found = solve_ends(settle, ends, settings, slide.base_light, middle, False)
    grey = film.density(log_grey + found.settled)
    beside: Tensor = grey - colour @ grey + torch.linalg.solve(slide.absorption, settings.darker(3))
    if stops == 0 and settings.contrast == 1:  # what the rest comes to then, and it costs less
        view = View(colour, beside, None, slide.absorption, slide.mixing, zeros)
        return view.with_ends(found.gain, found.bias), found.settled
    more = found.settled + stops * LOG_STOP
    scale, exposed, start = scale_of(found.settled), scale_of(more), colour @ film.density(log_grey + more)

    def curve(density: Tensor) -> Tensor:
        return scale.moved(density, exposed, start, colour @ grey, settings.contrast) + beside

    view = View(colour, zeros, curve, slide.absorption, slide.mixing, zeros)
    return view.with_ends(found.gain, found.bias), found.settled


def look_at_negative(film: Development, settings: PrintSettings, stops: float = 0.0) -> View:
    """The negative itself on a light table, its base as it is: orange in colour negatives. It has no ends to be set."""
    matrix = settings.contrast * film.film.printing
    grey = film.grey(stops) @ film.film.printing.T
    offset = film.film.dmin + grey - matrix @ film.grey(stops) + settings.darker(film.film.layers)
    eye = torch.eye(film.film.layers, dtype=torch.float64)
    return View(matrix, offset, None, eye, eye, torch.zeros(film.film.layers, dtype=torch.float64))
