"""What a treatment does to colours, judged from statistics of pictures that went through it: a small network's guess.

No picture tells alone what is its subject's and what its film's: a yellow field is no warm film. The network has seen
statistics (`matching.statistics`) of many photographs under many looks, and gives for references the middle of all that could
have made them: what becomes of 180 usual colours, and how likely each of the built-in stocks is. Of photographs, statistics
alone are in it (`bench/fit_matching.py`).

    x_i = (statistics - mean) / scale, held within 5, of reference i        h_i: two layers of x_i
    p = sum g_i v_i / (1 + sum g_i), log(1 + sum g_i)                        v_i, g_i > 0: what h_i says, and how surely
    colours = centre + basis (W d(p) + w)                                    d: a layer

Several references of one treatment are pooled as measurements are, each by its own weight beside a prior's of 1, and what they
say together is learnt: the mean of what each says alone would be nearer to the prior than they are.

A second network of the same kind has seen treatments too that are no film's (grades, cross processing), and tells them from
films; as far as it takes references for those, its colours count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu, linear, softplus

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
        chance: how likely each built-in stock is, by name, if one of them it is.
        other: how likely it is no film's.
    """

    colours: Tensor
    chance: dict[str, float]
    other: float = 0.0


class Estimator:
    """The network, of tensors by name; `others`: the one that knows what is no film's, whose last class that is."""

    def __init__(self, tensors: dict[str, Tensor], stocks: list[str], others: Estimator | None = None) -> None:
        self._t, self.stocks, self._others = tensors, stocks, others

    @property
    def palette(self) -> Tensor:
        """sRGB code `(K, 3)` of the colours whose fate is told."""
        return self._t["palette"]

    def outputs(self, statistics: Tensor) -> tuple[Tensor, Tensor]:
        """Colours `(B, K * 3)` and log odds of stocks `(B, S)` of statistics `(B, R, F)`, R references of each treatment."""
        x = ((statistics - self._t["mean"]) / self._t["scale"]).clamp(-_HELD, _HELD)
        told = leaky_relu(self._layer("layer1", leaky_relu(self._layer("layer0", x), _LEAK)), _LEAK)
        sure = softplus(self._layer("gate", told))
        total = sure.sum(1)
        pooled = torch.cat(((sure * self._layer("value", told)).sum(1) / (1 + total), total.log1p()), 1)
        together = leaky_relu(self._layer("pooled", pooled), _LEAK)
        colours = self._t["centre"] + self._layer("colour", together) @ self._t["basis"]
        return colours, self._layer("stock", together)

    def _layer(self, name: str, x: Tensor) -> Tensor:
        return linear(x, self._t[f"{name}.weight"], self._t[f"{name}.bias"])

    def __call__(self, statistics: Tensor) -> Estimate:
        """The treatment that several pictures share, from their statistics `(R, F)`."""
        (colours,), (odds,) = self.outputs(statistics.float()[None])
        other = 0.0
        if self._others:
            (theirs,), (classes,) = self._others.outputs(statistics.float()[None])
            other = float(classes.softmax(0)[-1])
            colours = torch.lerp(colours, theirs, other)
        return Estimate(colours.view(-1, 3), dict(zip(self.stocks, odds.softmax(0).tolist(), strict=True)), other)


@lru_cache(maxsize=1)
def load_estimator() -> Estimator:
    """The one that comes with Film Look."""
    return _read("matching", _read("matching-others"))


def _read(name: str, others: Estimator | None = None) -> Estimator:
    tensors, metadata = read_tensors(BUILT_IN / "networks" / f"{name}.safetensors")
    return Estimator({key: value.float() for key, value in tensors.items()}, metadata["stocks"].split(), others)


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
