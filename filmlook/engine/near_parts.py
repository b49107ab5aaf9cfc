"""Near parts of a look's light (`stages.near`), as the GPU's kernels take them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from filmlook.engine.spreading import Spread
from filmlook.stages.near import Near


class Told(NamedTuple):
    """What `triton_kernels.light.near_down` and `near_across` are told."""

    halves: Tensor
    kernels: Tensor
    weights: Tensor


class NearParts:
    """Those of one look.

    Args:
        layers: of its film.
        device: where they are read.
    """

    def __init__(self, layers: int, device: torch.device) -> None:
        self._layers, self._device = layers, device
        self._kept: dict[bool, tuple[Spread, Told]] = {}

    def __call__(self, spread: Spread, shining: bool) -> Told:
        """Those of light, and, where it is `shining`, of lamps' light."""
        kept = self._kept.get(shining)
        if kept is None or kept[0] is not spread:
            self._kept[shining] = kept = spread, self._made(spread, shining)
        return kept[1]

    def _made(self, spread: Spread, shining: bool) -> Told:
        parts = [spread.near] + ([spread.near_lamps] if shining and spread.near_lamps else [])
        rows: list[list[int]] = []
        halves = [0.0]
        weights = [self._of_layers(near, 0) for near in parts] + [[0.0] * self._layers] * (2 - len(parts))
        for lamps, near in enumerate(parts):
            for k, half in enumerate(near.kernels, 1):
                rows.append([lamps, len(halves), len(half) - 1])
                weights.append(self._of_layers(near, k))
                halves += half
        kernels = torch.tensor(rows, dtype=torch.int32).view(-1, 3)
        floats = (torch.tensor(n, dtype=torch.float32, device=self._device) for n in (halves, weights))
        return Told(next(floats), kernels.to(self._device), next(floats))

    def _of_layers(self, near: Near, k: int) -> list[float]:
        """The k-th weight of a near part for each layer."""
        rows = near.weights if len(near.weights) > 1 else near.weights * self._layers
        return [row[k] for row in rows]
