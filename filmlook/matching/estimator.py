"""What a treatment does to colours, judged from statistics of pictures that went through it: a small network's guess.

No picture tells alone what is its subject's and what its film's: a yellow field is no warm film. The network has seen
statistics (`matching.statistics`) of many photographs under many looks, and gives for a reference the mean of all that could
have made it: what becomes of 180 usual colours, and how likely each of the built-in stocks is. Of photographs, statistics alone
are in it (`bench/fit_matching.py`).

    x = (statistics - mean) / scale, held within 5        colours = centre + basis (W h(x) + w)      h: two layers
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, linear

from filmlook.fitting.delta_e import to_cielab
from filmlook.networks.weights import read_tensors
from filmlook.paths import BUILT_IN

_HELD = 5.0
_LEAK = 0.1
_CHROMA = 0.045  # as in CIE94: differences of vivid colours count less


@dataclass(frozen=True)
class Estimate:
    """A reference's treatment.

    Attributes:
        colours: `(K, 3)`, what it makes of the palette, in `even` coordinates.
        chance: how likely each built-in stock is, by name.
    """

    colours: Tensor
    chance: dict[str, float]


class Estimator:
    """The network, of tensors by name."""

    def __init__(self, tensors: dict[str, Tensor], stocks: list[str]) -> None:
        self._t, self.stocks = tensors, stocks

    @property
    def palette(self) -> Tensor:
        """sRGB code `(K, 3)` of the colours whose fate is told."""
        return self._t["palette"]

    def outputs(self, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """Colours `(B, K * 3)` and log odds of stocks `(B, S)` of statistics `(B, F)`."""
        t = self._t
        x = ((statistics - t["mean"]) / t["scale"]).clamp(-_HELD, _HELD)
        for i in (0, 1):
            x = leaky_relu(linear(x, t[f"layer{i}.weight"], t[f"layer{i}.bias"]), _LEAK)
        shift = linear(x, t["colour.weight"], t["colour.bias"])
        return t["centre"] + shift @ t["basis"], linear(x, t["stock.weight"], t["stock.bias"])

    def __call__(self, statistics: Tensor) -> Estimate:
        """The treatment that several pictures share, from their statistics `(B, F)`."""
        colours, odds = self.outputs(statistics.float())
        chance = odds.mean(0).softmax(0) if len(odds) == 1 else odds.log_softmax(1).mean(0).softmax(0)
        return Estimate(colours.mean(0).view(-1, 3), dict(zip(self.stocks, chance.tolist(), strict=True)))


@lru_cache(maxsize=1)
def load_estimator() -> Estimator:
    """The one that comes with Film Look."""
    tensors, metadata = read_tensors(BUILT_IN / "networks" / "matching.safetensors")
    return Estimator(tensors, metadata["stocks"].split())


def even(code: Tensor) -> Tensor:
    """sRGB code `(..., 3)` in coordinates in which distances are about as the eye sees them: CIELAB, its chroma compressed."""
    light, a, b = to_cielab(code).unbind(-1)
    chroma = _CHROMA * torch.hypot(a, b).clamp_min(1e-6)
    squeeze = torch.log1p(chroma) / chroma
    return torch.stack((light, a * squeeze, b * squeeze), -1)


def from_even(colours: Tensor) -> Tensor:
    """CIELAB `(..., 3)` of `even`'s coordinates."""
    light, a, b = colours.unbind(-1)
    squeezed = _CHROMA * torch.hypot(a, b).clamp_min(1e-6)
    stretch = torch.expm1(squeezed) / squeezed
    return torch.stack((light, a * stretch, b * stretch), -1)
