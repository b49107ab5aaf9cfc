"""The near part of a blur: what stays on its pixel, and a few Gaussians around it.

With frequencies in cycles per pixel,

    P(fy, fx) = d + sum_k w_k G_k(fy) G_k(fx)            G_k(f) = h_k0 + 2 sum_i h_ki cos(2 pi i f),   i = 1..R_k
    h_ki ~ exp(-(i / s_k)^2 / 2) - exp(-((R_k + 1) / s_k)^2 / 2),    R_k = ceil(3 s_k),    of sum 1

and the wide part, on the coarse grid, is the exact rest of what its low-pass g lets through: (T - P) g. So of a transfer
function T nothing is lost but (T - P)(1 - g), and P has to be like T only where g lets little through. The s_k are some of
`SIGMAS_PX`, the d and w_k those of least squares. The kernels end at 0: a step at their end would show as a square around a
lamp.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from torch import Tensor

from filmlook.stages.psf import Transfer, convolved, low_pass, sampled

SIGMAS_PX = tuple(float(s) for s in np.geomspace(0.35, 6.0, 26))
_MOST = 4  # Gaussians
_BLOCK = 64  # side of the block in whose frequencies they are fitted
_EVERYWHERE = 0.001  # weight of what g lets through: it may alias on the coarse grid
_MOST_LIGHT = 1.1  # of all |weights|: larger ones of both signs would cancel, and leave what float32 rounds
_RIDGE = 1e-7


def near_kernel(sigma_px: float) -> tuple[float, ...]:
    """Half of a Gaussian's kernel, centre first."""
    reach = max(1, math.ceil(3 * sigma_px))
    end = math.exp(-0.5 * ((reach + 1) / sigma_px) ** 2)
    half = [math.exp(-0.5 * (i / sigma_px) ** 2) - end for i in range(reach + 1)]
    total = half[0] + 2 * sum(half[1:])
    return tuple(h / total for h in half)


def _response(kernel: Sequence[float], cycles: Tensor) -> Tensor:
    """What a kernel lets through of `cycles` per pixel."""
    passed = torch.full_like(cycles, kernel[0])
    for i, h in enumerate(kernel[1:], 1):
        passed += 2 * h * torch.cos(2 * math.pi * i * cycles)
    return passed


@dataclass(frozen=True)
class Near:
    """The near part of a blur.

    Attributes:
        kernels: half of each Gaussian's, centre first.
        weights: d and w_k, for each layer, or once for all layers.
    """

    kernels: tuple[tuple[float, ...], ...]
    weights: tuple[tuple[float, ...], ...]

    @property
    def reach(self) -> int:
        """How many pixels around a field it reads."""
        return max((len(kernel) - 1 for kernel in self.kernels), default=0)

    def transfer(self, fy: Tensor, fx: Tensor) -> Tensor:
        """P at vertical `(h, 1)` and horizontal `(1, w)` frequencies in cycles per pixel, `(1 or L, h, w)`."""
        gaussians = [(_response(kernel, fy), _response(kernel, fx)) for kernel in self.kernels]
        layers = []
        for point, *weights in self.weights:
            passed = torch.full((fy.shape[0], fx.shape[1]), point, dtype=fy.dtype)
            for (down, across), weight in zip(gaussians, weights, strict=True):
                passed += weight * down * across
            layers.append(passed)
        return torch.stack(layers)

    def add_to(self, out: Tensor, field: Tensor) -> None:
        """Adds the near part of `B,L,H,W`, which has `reach` pixels more on each side, to `B,L,h,w`."""
        reach = self.reach
        weights = field.new_tensor(self.weights).T[..., None, None]  # (1 + K, 1 or L, 1, 1)
        out.addcmul_(_without(field, reach), weights[0])
        for kernel, weight in zip(self.kernels, weights[1:], strict=True):
            out.addcmul_(convolved(_without(field, reach - len(kernel) + 1), kernel), weight)


def _without(field: Tensor, spare: int) -> Tensor:
    return field[..., spare : field.shape[-2] - spare, spare : field.shape[-1] - spare]


@lru_cache(maxsize=32)
def near_part(transfer: Transfer, pitch_um: float, enough: float) -> Near:
    """The cheapest near part of a transfer function whose error, the root of the mean square of (T - P)(1 - g), is no more than
    `enough` in any layer; where there is none, the one of the least."""
    factors = sampled(transfer, _BLOCK, _BLOCK, pitch_um)
    parts, weight, overlap = _series()
    wanted = factors[:, : _BLOCK // 2 + 1].flatten(1).numpy() * weight  # (L, F)
    with_parts, power = parts @ wanted.T, (wanted**2).sum(1)
    found: list[tuple[float, float, np.ndarray, np.ndarray]] = []
    for count in range(_MOST + 1):
        choices, costs = _choices(count)
        cheap = costs <= min((choice[0] for choice in found), default=np.inf)  # of the others none can be chosen
        choices, costs = choices[cheap], costs[cheap]
        if not len(choices):
            continue
        system, right = overlap[choices[:, :, None], choices[:, None, :]], with_parts[choices]
        weights = np.linalg.solve(system + _RIDGE * np.eye(count + 1), right)  # (C, 1 + K, L)
        lost = power - 2 * (weights * right).sum(1) + ((system @ weights) * weights).sum(1)
        error = np.sqrt(lost.clip(0)).max(1)
        error[(np.abs(weights).sum(1) > _MOST_LIGHT).any(1)] = np.inf
        costs = np.where(error <= enough, costs, np.inf)
        best = int(costs.argmin() if np.isfinite(costs).any() else error.argmin())
        found.append((float(costs[best]), float(error[best]), choices[best, 1:], weights[best].T))
    _, _, chosen, best_weights = min(found, key=lambda choice: choice[:2])
    kernels = tuple(near_kernel(SIGMAS_PX[k - 1]) for k in chosen)
    return Near(kernels, tuple(tuple(float(w) for w in layer) for layer in best_weights))


@cache
def _series() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is chosen from: what a point and every Gaussian let through, times the weight of each frequency, `(K, F)`; that
    weight `(F,)`; and how the parts overlap, `(K, K)`."""
    cycles = torch.fft.rfftfreq(_BLOCK, dtype=torch.float64)
    f = torch.hypot(cycles[:, None], cycles[None])
    weight = 1 - low_pass(f) + _EVERYWHERE
    weight = (weight / weight.norm()).flatten()
    gaussians = [torch.outer(r, r) for r in (_response(near_kernel(s), cycles) for s in SIGMAS_PX)]
    parts = (torch.stack([torch.ones_like(f), *gaussians]).flatten(1) * weight).numpy()
    return parts, weight.numpy(), parts @ parts.T


@cache
def _choices(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Every choice of so many Gaussians beside a point, `(C, count + 1)`, and what each costs."""
    chosen = list(itertools.combinations(range(1, len(SIGMAS_PX) + 1), count))
    cost = np.array([0, *(len(near_kernel(s)) + 1 for s in SIGMAS_PX)], float)  # of each part; the point's counts nothing
    choices = np.array([(0, *of) for of in chosen])
    return choices, cost[choices].sum(1)
