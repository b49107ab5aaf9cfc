"""Fit a film, and what it is looked at on, to colours before and after.

Levenberg-Marquardt. A colour's residual is its CIELAB error in the local metric of CIEDE2000; colours are reweighted at every
step so that the sum of squares acts nearly as a sum of differences. The anchors are further residuals. They come in gradually,
and the curves' shapes are let go gradually: at full weight from the start the anchors would pin the fit far from the colours,
and free from the start the curves would run into corners.

A step of the schedule ends when it gains no more. The clock only ends what does not: a fit is the same on a slow machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from filmlook.errors import FilmLookError, StockFileError
from filmlook.film.ends import PrintSettings
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.printing import print_on_paper, project_slide
from filmlook.film.scene_light import scene_light
from filmlook.film.slide import Slide
from filmlook.fitting.anchors import Anchors
from filmlook.fitting.colours import Colours
from filmlook.fitting.delta_e import delta_e, metric, to_cielab
from filmlook.fitting.forward import GreyAxis, Numbers, code, slopes
from filmlook.fitting.parameters import Parameters
from filmlook.fitting.start import own_print

# The loss of a colour is (dE^2 + SOFT^2)^(POWER / 2): between the mean of dE and the mean of its square, to mind the tail.
POWER = 1.3
SOFT = 0.3
# Step by step: the weight of the anchors, and how stiffly the curves' amplitudes and slopes keep to the start.
SCHEDULE = ((0.03, 30.0), (0.03, 10.0), (0.03, 3.0), (0.1, 1.0), (0.3, 0.3), (0.5, 0.1))
# The first two steps are tried from several starts, on fewer colours: how layers couple has more than one answer.
ATTEMPTS, ATTEMPT_COLOURS = 4, 500
# A step has converged when an iteration lowers its loss by less than this share, on average over the last few. All but the last
# need only show where they lead.
LAST_GAIN, GAIN, GAIN_OVER = 5e-4, 3e-3, 3
# How stiffly the other numbers do.
STIFFNESS = 0.1
# What a paper sees of a film's dyes is nearly the same for all films.
DYE_STIFFNESS = 30.0
# Greys weigh this many times more than saturated colours: an eye sees a tint in them first.
GREY_WEIGHT = 9.0
# Colours that the losses' weights are made for; another count is scaled to it, and of more so many are drawn.
_COLOURS = 2197
_LEAST_COLOURS = 50
_AS_MEASURED = PrintSettings(white=1, black=1)


@dataclass(frozen=True)
class _Problem:
    """The least-squares problem of one step of the schedule; `anchoring` and `stiffness` `(P,)` are weights."""

    parameters: Parameters
    anchors: Anchors
    light: Tensor
    target: Tensor
    weights: Tensor
    start: Tensor
    anchoring: float
    stiffness: Tensor

    def _cielab(self, numbers: Numbers, axis: GreyAxis) -> Tensor:
        """The colours as they are compared: clipped only where the target is, so that the rest keeps its slopes."""
        y = code(numbers, axis, self.light).expand(self.target.shape)
        y = torch.where(self.target <= 0, y.clamp_min(0), y)
        return to_cielab(torch.where(self.target >= 1, y.clamp_max(1), y))

    def loss(self, theta: Tensor) -> float:
        """Infinite where the numbers make no film."""
        numbers = self.parameters.unpack(self.parameters.split(theta))
        try:
            axis = GreyAxis.of(numbers)
        except StockFileError:
            return float("inf")
        difference = delta_e(self._cielab(numbers, axis), to_cielab(self.target))
        fit = float((self.weights * (difference**2 + SOFT**2) ** (POWER / 2)).sum())
        kept = float((self.stiffness * (theta - self.start) ** 2).sum())
        return fit + self.anchoring * self.anchors.loss(numbers, axis) + kept

    def normal(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The normal equations at `theta`: `(P, P)` and `(P,)`."""
        parts = self.parameters.split(theta)
        axis = GreyAxis.of(self.parameters.unpack(parts))
        out, jacobian = slopes(self.parameters.unpack, parts, len(self.light), lambda n: self._cielab(n, axis))
        target = to_cielab(self.target)
        weight = self.weights * POWER / 2 * (delta_e(out, target) ** 2 + SOFT**2) ** (POWER / 2 - 1)
        factor = metric(out, target) * weight.sqrt()[:, None, None]
        jacobian = (factor @ jacobian).flatten(0, 1)
        residual = (factor @ (out - target)[..., None]).flatten()
        rows, rows_jacobian = self.anchors.slopes(parts, axis)
        return (
            jacobian.T @ jacobian + self.anchoring * rows_jacobian.T @ rows_jacobian + torch.diag(self.stiffness),
            jacobian.T @ residual + self.anchoring * rows_jacobian.T @ rows + self.stiffness * (theta - self.start),
        )

    def solve(self, theta: Tensor, gain: float, until: float) -> tuple[Tensor, bool]:
        """Levenberg-Marquardt from `theta` until an iteration gains less than the share `gain`: the result, and True; or until
        the clock says so, and False."""
        damping, losses = 1e-2, [self.loss(theta)]
        while len(losses) <= GAIN_OVER or losses[-1] < losses[-1 - GAIN_OVER] * (1 - gain) ** GAIN_OVER:
            if time.monotonic() > until:
                return theta, False
            matrix, gradient = self.normal(theta)
            scale = matrix.diagonal() + 1e-3 * matrix.diagonal().mean()
            for _ in range(8):
                step = torch.linalg.solve(matrix + torch.diag(damping * scale), -gradient)
                new = self.loss(theta + step)
                if new < losses[-1]:
                    break
                damping = min(damping * 4, 1e8)
            else:
                break
            theta, damping = theta + step, max(damping / 4, 1e-7)
            losses.append(new)
        return theta, True

    def thinned(self, count: int, random: torch.Generator) -> _Problem:
        """The same of no more than `count` colours."""
        if len(self.light) <= count:
            return self
        kept = torch.randperm(len(self.light), generator=random)[:count]
        weights = self.weights[kept]
        weights = weights * self.weights.sum() / weights.sum()
        return replace(self, light=self.light[kept], target=self.target[kept], weights=weights)


def shown(film: Film, on: Paper | Slide, codes: Tensor) -> Tensor:
    """What becomes of codes `(N, 3)`: codes `(N, L)` of the film as it is printed or projected, its ends as they are."""
    development, light = film.develop(), scene_light(codes.clone())
    if isinstance(on, Paper):
        return print_on_paper(development, on, _AS_MEASURED)(development(light))
    view, shift = project_slide(development, on, _AS_MEASURED)
    return view(development.density(torch.log10(film.layer_exposure(light)) + shift))


def differences(film: Film, on: Paper | Slide, codes: Tensor, target: Tensor) -> Tensor:
    """CIEDE2000 of what becomes of codes, clipped, `(N,)`."""
    return delta_e(to_cielab(shown(film, on, codes).clamp(0, 1).expand(target.shape)), to_cielab(target))


def fit_film(
    colours: Colours,
    like: Film,
    on: Paper | Slide | None = None,
    seconds: float = 600,
    progress: Callable[[float], None] | None = None,
) -> tuple[Film, Paper | Slide, bool]:
    """Fits a film to colours, from a datasheet's film on.

    Args:
        colours: codes before and after.
        like: the film that it starts from.
        on: a paper that it is printed on, as its light is; or where a slide's view starts; None: a print of its own is fitted.
        seconds: how long to try at most; on a quiet core it takes about half a minute.
        progress: called with the share of the steps that are done.

    Returns:
        The film, what it is looked at on, and whether the fit ended by itself.

    Raises:
        FilmLookError: too few colours.
    """
    if len(colours.codes) < _LEAST_COLOURS:
        raise FilmLookError(f"{len(colours.codes)} colours are too few to fit a film; at least {_LEAST_COLOURS} are needed")
    codes, target = colours.codes.double(), colours.target.double()
    weight = torch.ones(len(codes), dtype=torch.float64) if colours.weights is None else colours.weights.double()
    weight = weight * (1 + (GREY_WEIGHT - 1) * torch.exp(-8 * (codes.amax(1) - codes.amin(1))))
    if on is None:
        parameters = Parameters(like, own_print(like, codes, target), "own")
    else:
        parameters = Parameters(like, on, "paper" if isinstance(on, Paper) else "slide")
    start = torch.cat([part.flatten() for part in parameters.start()])
    problem = _Problem(
        parameters,
        Anchors(parameters),
        scene_light(codes.clone()),
        target,
        weight * _COLOURS / weight.sum(),
        start,
        0.0,
        start,
    )
    shapes = parameters.mask("film amplitude", "film slope", "amplitude", "slope")
    couplings = parameters.mask("sensitivity", "flare", "exposure", "printing", "absorption", "mixing")
    dyes = parameters.mask("printing")
    until, steps_done, converged = time.monotonic() + seconds, 0, True
    random = torch.Generator().manual_seed(0)
    problem = problem.thinned(_COLOURS, random)
    few = problem.thinned(ATTEMPT_COLOURS, random)

    def solved(problem: _Problem, theta: Tensor, number: int) -> tuple[float, Tensor]:
        nonlocal steps_done, converged
        anchoring, stiff = SCHEDULE[number]
        stiffness = (torch.where(shapes, stiff, STIFFNESS) + dyes * DYE_STIFFNESS) ** 2
        step = replace(problem, anchoring=anchoring**2, stiffness=stiffness)
        theta, ended = step.solve(theta, LAST_GAIN if number == len(SCHEDULE) - 1 else GAIN, until)
        steps_done, converged = steps_done + 1, converged and ended
        if progress:
            progress(steps_done / (2 * ATTEMPTS + len(SCHEDULE) - 1))
        return step.loss(theta), theta

    tries = []
    for attempt in range(ATTEMPTS):
        noise = torch.randn(len(start), generator=random, dtype=torch.float64) * couplings
        _, theta = solved(few, start + (0.4 * noise if attempt else 0), 0)
        tries.append(solved(few, theta, 1))
    _, theta = min(tries, key=lambda t: t[0])
    for number in range(1, len(SCHEDULE)):
        _, theta = solved(problem, theta, number)
    return *parameters.result(theta), converged
