"""Fit a model stock to colours before and after.

Levenberg-Marquardt over the model's 150 numbers. A colour's residual is its CIELAB error in the local metric of CIEDE2000;
colours are reweighted at every step so that the sum of squares acts nearly as a sum of differences. The anchors are
further residuals. They come in gradually, and the curves' shapes are let go gradually: at full weight from the start the
anchors would pin the fit far from the colours, and free from the start the curves would run into corners.

A step of the schedule ends when it gains no more. The clock only ends what does not: a fit is the same on a slow machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from filmlook.errors import FilmLookError
from filmlook.film.curve import Curve
from filmlook.film.model import FilmModel
from filmlook.film.scene_light import scene_light
from filmlook.fitting.anchors import Anchors
from filmlook.fitting.delta_e import delta_e, metric, to_cielab
from filmlook.fitting.parameters import Parameters

# Sigmoids in the film's and in the print's curve.
TERMS = (6, 6)
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
# Greys weigh this many times more than saturated colours: an eye sees a tint in them first.
GREY_WEIGHT = 9.0
# Colours that the losses' weights are made for; another count is scaled to it, and of more so many are drawn.
_COLOURS = 2197


@dataclass(frozen=True)
class FitResult:
    """A fitted model and its CIEDE2000 against the colours it was fitted to; whether the fit ended by itself."""

    model: FilmModel
    mean: float
    p95: float
    converged: bool = True


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

    def _cielab(self, model: FilmModel, light: Tensor, target: Tensor) -> Tensor:
        """The model's colour as it is compared: clipped only where the target is, so that the rest keeps its gradient."""
        y = model(light).expand(target.shape)
        y = torch.where(target <= 0, y.clamp_min(0), y)
        return to_cielab(torch.where(target >= 1, y.clamp_max(1), y))

    def loss(self, theta: Tensor) -> float:
        model = self.parameters.unpack(theta)
        difference = delta_e(self._cielab(model, self.light, self.target), to_cielab(self.target))
        fit = (self.weights * (difference**2 + SOFT**2) ** (POWER / 2)).sum()
        return float(fit + self.anchoring * self.anchors.loss(model) + (self.stiffness * (theta - self.start) ** 2).sum())

    def normal(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The normal equations at `theta`: `(P, P)` and `(P,)`."""

        def pixel(theta: Tensor, light: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
            out = self._cielab(self.parameters.unpack(theta), light, target)
            return out, out

        jacobian, out = vmap(jacrev(pixel, has_aux=True), in_dims=(None, 0, 0))(theta, self.light, self.target)
        target = to_cielab(self.target)
        weight = self.weights * POWER / 2 * (delta_e(out, target) ** 2 + SOFT**2) ** (POWER / 2 - 1)
        factor = metric(out, target) * weight.sqrt()[:, None, None]
        jacobian = (factor @ jacobian).flatten(0, 1)
        residual = (factor @ (out - target)[..., None]).flatten()
        rows, rows_jacobian = self.anchors.rows(theta)
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


def _start(parameters: Parameters, gamma: Tensor, dmin: Tensor, codes: Tensor, target: Tensor) -> Tensor:
    """The datasheet's film with evenly spread sigmoids, and a print that gives greys their tone."""
    layers, direction = parameters.layers, parameters.direction
    film_terms, print_terms = parameters.terms
    eye = torch.eye(layers, dtype=torch.float64)

    def spaced(low: float, high: float, count: int) -> Tensor:
        return torch.linspace(low, high, count, dtype=torch.float64)

    inhibition = torch.tensor([[0.12, 0.12, 0.06], [0.12, 0.12, 0.1], [0.1, 0.12, 0.12]], dtype=torch.float64)
    inhibition = inhibition if layers == 3 else torch.full((1, 1), 1e-9, dtype=torch.float64)
    # Without inhibition the curve is steeper, by c (1 - k c) = gamma.
    total = direction * (inhibition.sum(1) + 1e-6)
    steepness = (1 - (1 - 4 * total * gamma).clamp_min(0.05).sqrt()) / (2 * total)
    spacing = 3.6 / film_terms
    centre = spaced(-2.6, 1.0 - spacing, film_terms) + spacing / 2
    centre = centre + (inhibition @ (dmin + gamma.abs()))[:, None]
    amplitude = (steepness.abs() * spacing)[:, None].expand(layers, film_terms)
    film = Curve(dmin.clone(), amplitude, torch.full_like(amplitude, direction * 3.0 / spacing), centre)
    if layers == 3:
        sensitivity = torch.tensor([[0.77, 0.22, 0.01], [0.02, 0.89, 0.09], [0.015, 0.07, 0.915]], dtype=torch.float64)
    else:
        sensitivity = torch.full((1, 6), 1 / 6, dtype=torch.float64)
    absorption, scan = 0.25 * (1 - eye), -0.08 * (1 - eye)
    model = FilmModel(torch.full((3,), 1e-3, dtype=torch.float64), sensitivity, film, inhibition, absorption, film, scan)

    density = model.density(torch.log10(model.layer_exposure(scene_light(codes)))) @ (eye + absorption).T
    code = target[:, :layers] @ torch.linalg.inv(eye + scan).T
    low, high = density.amin(0), density.amax(0)
    step = (high - low) / print_terms
    edges = low + (high - low) * spaced(0, 1, print_terms + 1)[:, None]
    near = torch.exp(-(((density[None] - edges[:, None]) / (0.6 * step)) ** 2))
    near = near * torch.exp(-4 * (codes.amax(1) - codes.amin(1)))[None, :, None] + 1e-12
    tone = (near * code).sum(1) / near.sum(1)
    rise = (direction * (tone[1:] - tone[:-1])).clamp_min(0.02).T
    slopes = (direction * 3.0 / step[:, None]).expand_as(rise).clamp(-38, 38)
    base = tone[0 if direction > 0 else -1]
    print_ = Curve(base, rise, slopes, ((edges[1:] + edges[:-1]) / 2).T.contiguous())
    return parameters.pack(replace(model, print=print_))


def differences(model: FilmModel, codes: Tensor, target: Tensor) -> Tensor:
    """CIEDE2000 of the model's clipped output, `(N,)`."""
    return delta_e(to_cielab(model(scene_light(codes)).clamp(0, 1).expand(target.shape)), to_cielab(target))


def fit_model(
    codes: Tensor,
    target: Tensor,
    *,
    kind: str,
    layers: int,
    gamma: Sequence[float],
    dmin: Sequence[float],
    weights: Tensor | None = None,
    seconds: float = 600,
    progress: Callable[[float], None] | None = None,
) -> FitResult:
    """Fits a film to colours, anchored to its datasheet.

    Args:
        codes, target: `(N, 3)`, sRGB code values before and after.
        kind: "negative" or "reversal".
        layers: 3, or 1 for black and white.
        gamma, dmin: published slope and least density of each layer; gamma is negative for reversal film.
        weights: `(N,)`, how much each colour counts.
        seconds: how long to try at most; on a quiet core it takes about half a minute.
        progress: called with the share of the steps that are done.

    Raises:
        FilmLookError: too few colours.
    """
    if len(codes) < 50:
        raise FilmLookError(f"{len(codes)} colours are too few to fit a film; at least 50 are needed")
    parameters = Parameters(layers, TERMS, 1 if kind == "negative" else -1)
    codes, target = codes.double(), target.double()
    published_gamma, published_dmin = (torch.tensor(v, dtype=torch.float64) for v in (gamma, dmin))
    weight = torch.ones(len(codes), dtype=torch.float64) if weights is None else weights.double()
    weight = weight * (1 + (GREY_WEIGHT - 1) * torch.exp(-8 * (codes.amax(1) - codes.amin(1))))
    start = _start(parameters, published_gamma, published_dmin, codes, target)
    problem = _Problem(
        parameters,
        Anchors(parameters, published_gamma, published_dmin),
        scene_light(codes),
        target,
        weight * _COLOURS / weight.sum(),
        start,
        0.0,
        start,
    )
    until, steps_done, converged = time.monotonic() + seconds, 0, True
    random = torch.Generator().manual_seed(0)
    problem = problem.thinned(_COLOURS, random)
    few = problem.thinned(ATTEMPT_COLOURS, random)

    def solved(problem: _Problem, theta: Tensor, number: int) -> tuple[float, Tensor]:
        nonlocal steps_done, converged
        anchoring, stiff = SCHEDULE[number]
        stiffness = torch.where(parameters.shapes(), stiff, STIFFNESS) ** 2
        step = replace(problem, anchoring=anchoring**2, stiffness=stiffness)
        theta, ended = step.solve(theta, LAST_GAIN if number == len(SCHEDULE) - 1 else GAIN, until)
        steps_done, converged = steps_done + 1, converged and ended
        if progress:
            progress(steps_done / (2 * ATTEMPTS + len(SCHEDULE) - 1))
        return step.loss(theta), theta

    tries = []
    for attempt in range(ATTEMPTS):
        noise = torch.randn(len(start), generator=random, dtype=torch.float64) * parameters.couplings()
        _, theta = solved(few, start + (0.4 * noise if attempt else 0), 0)
        tries.append(solved(few, theta, 1))
    _, theta = min(tries, key=lambda t: t[0])
    for number in range(1, len(SCHEDULE)):
        _, theta = solved(problem, theta, number)
    model = parameters.unpack(theta)
    left = differences(model, codes, target)
    return FitResult(model, float(left.mean()), float(left.quantile(0.95)), converged)
