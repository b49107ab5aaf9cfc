"""Least squares for the fits: Levenberg and Marquardt's method, and residuals that are CIEDE2000."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.film.curve import Curve
from filmlook.fitting.delta_e import delta_e, metric, to_cielab

_STEP = 1e-6  # of finite differences
_LOG_SLOPES = (-1.0, 3.2)  # of a sigmoid, per log10 unit
_LEAST = 0.3  # dE00 below which a colour counts by its square, above by its size: means are to be small, not only squares


def difference(code: Tensor, target: Tensor) -> Tensor:
    """CIEDE2000 of codes `(N, 3)` as a screen shows them."""
    return delta_e(to_cielab(code.clamp(0, 1)), to_cielab(target.clamp(0, 1)))


def seen(code: Tensor) -> Tensor:
    """CIELAB of codes; what lies outside the screen's range keeps a little slope, so that it can come back."""
    inside = code.clamp(0, 1)
    return to_cielab(inside + 0.02 * (code - inside))


def factors(code: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Factors `(N, 3, 3)` that make of a difference in CIELAB a residual: CIEDE2000's metric, times weights for robustness."""
    first, second = seen(code), seen(target)
    size = delta_e(first, second).clamp_min(_LEAST)
    return metric(first, second) * (weight / size).sqrt()[:, None, None]


def levenberg_marquardt(
    predict: Callable[[Tensor], Tensor],
    target: Tensor,
    weight: Tensor,
    start: Tensor,
    rounds: int,
    prior: Tensor | None = None,
) -> Tensor:
    """Parameters `(P,)` that bring `predict` (codes `(N, 3)`) close to `target`.

    Args:
        weight: `(N,)`. prior: `(P,)`, how strongly each parameter is held where it starts.
    """
    x, damping = start.clone(), 1e-2
    hold = torch.zeros_like(start) if prior is None else prior
    goal = seen(target)
    code = predict(x)
    for _ in range(rounds):
        factor = factors(code, target, weight)

        def residual(of: Tensor, factor: Tensor = factor) -> Tensor:
            return (factor @ (seen(of) - goal)[..., None]).flatten()

        r = residual(code)
        columns = []
        for i in range(len(x)):
            step = _STEP * max(1.0, abs(float(x[i])))
            moved = x.clone()
            moved[i] += step
            columns.append((residual(predict(moved)) - r) / step)
        jacobian = torch.stack(columns, 1)
        normal, pull = jacobian.T @ jacobian, -(jacobian.T @ r) - hold * (x - start)
        cost = r @ r + hold @ (x - start) ** 2
        for _ in range(8):
            scaled = normal + torch.diag(hold + damping * (normal.diagonal() + 1e-9))
            trial = x + torch.linalg.solve(scaled, pull)
            try:
                trial_code = predict(trial)
            except StockFileError:  # numbers that make no film
                damping *= 4
                continue
            left = residual(trial_code)
            if left.isfinite().all() and left @ left + hold @ (trial - start) ** 2 < cost:
                break
            damping *= 4
        else:
            return x
        gained = float((cost - left @ left) / cost)
        x, code, damping = trial, trial_code, max(damping / 5, 1e-9)
        if gained < 1e-5:
            break
    return x


def unpack_curve(theta: Tensor, sign: float) -> Curve:
    """A curve of three layers from `(3, 3, K)`: log amplitudes, log slopes, centres. Base 0."""
    return Curve(torch.zeros(theta.shape[1]).double(), theta[0].exp(), sign * theta[1].exp(), theta[2])


def _sigmoids(x: Tensor, theta: Tensor, sign: float) -> tuple[Tensor, Tensor]:
    """A sum of sigmoids at `(N,)` and its Jacobian `(N, 3 K)` by log amplitudes, log slopes, centres."""
    a, s, c = theta.view(3, -1)
    slope, away = sign * s.exp(), x[:, None] - c
    part = torch.sigmoid(slope * away)
    rise = a.exp() * part * (1 - part)
    return (a.exp() * part).sum(1), torch.cat((a.exp() * part, rise * slope * away, -rise * slope), 1)


def fit_sigmoids(x: Tensor, y: Tensor, count: int, sign: float, rounds: int = 400) -> tuple[Tensor, Tensor]:
    """Sums of sigmoids through curves `(N, L)`: `(3, L, count)` as `unpack_curve` reads them, and RMS `(L,)`."""
    span = y.amax(0)
    shares = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    thetas, left = [], []
    for layer in range(y.shape[1]):
        rising = y[:, layer] if sign > 0 else y[:, layer].flip(0)
        axis = x if sign > 0 else x.flip(0)
        at = torch.searchsorted(rising.cummax(0).values.contiguous(), shares * span[layer]).clamp_max(len(x) - 1)
        theta = torch.stack((torch.log(span[layer] / count).expand(count), torch.full((count,), 1.2), axis[at]))
        theta = theta.double().flatten()

        damping = 1e-2
        value, jacobian = _sigmoids(x, theta, sign)
        for _ in range(rounds):
            r = value - y[:, layer]
            normal, pull = jacobian.T @ jacobian, -(jacobian.T @ r)
            trial = theta + torch.linalg.solve(normal + damping * torch.diag(normal.diagonal() + 1e-6), pull)
            trial[count : 2 * count].clamp_(*_LOG_SLOPES)
            trial_value, trial_jacobian = _sigmoids(x, trial, sign)
            if (trial_value - y[:, layer]).square().sum() < r.square().sum():
                theta, value, jacobian, damping = trial, trial_value, trial_jacobian, max(damping / 4, 1e-8)
            else:
                damping = min(damping * 4, 1e8)
        thetas.append(theta.view(3, count))
        left.append((value - y[:, layer]).square().mean().sqrt())
    return torch.stack(thetas, 1), torch.stack(left)
