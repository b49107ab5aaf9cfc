"""EMULSION and PRINT of stocks without layers: the stock's own map of display code, if it has one."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from filmlook.engine.pixels import Pixels
from filmlook.film.colour_map import CodeMap, Each
from filmlook.film.negative import LEAST_EXPOSURE
from filmlook.film.scene_light import display_code, scene_light
from filmlook.look import Look
from filmlook.stages.emulsion import pushed
from filmlook.stages.psf import COARSE
from filmlook.stages.stage import Place
from filmlook.stock import Stock

MOST_LN_LIGHT = 20.0  # of any use: it is far beyond code 1, and grain at its strongest would reach infinity


def map_margin(stock: Stock) -> int:
    """Pixels that are read around a block for the stock's map, on whole cells of the coarse grid."""
    return -(-stock.colour.margin // COARSE) * COARSE


class Mapped:
    """log10 exposure to display code, and that through the stock's map."""

    name = "map"

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        colour: CodeMap = stock.colour  # type: ignore[assignment]
        self.prepared = colour.on(device, exact=look.context == "exact")
        self._reach, self.push = colour.margin, look.push
        self.margin = map_margin(stock)

    def __call__(self, log_exposure: Tensor, place: Place) -> Tensor:
        """log10 exposure `B,3,H,W` with the map's margin to display code `B,3,h,w`."""
        return self.code(display_of(log_exposure), place)

    def code(self, code: Tensor, place: Place) -> Tensor:
        """Display code `B,3,H,W` with the map's margin through the map."""
        corners = [(y - place.keep, x - place.keep) for y, x in place.corners]
        mapped = self.prepared(place.inner(code, self._reach), place.offset, corners, place.size)
        return mapped.clamp(0, 1)  # LUTs may go beyond

    def survey(self, pixels: Pixels, gain: Tensor, size: tuple[int, int], each: Each) -> Tensor | None:
        """What the map adds to the whole picture, exposed with `gain`; None: nothing."""
        return self.prepared.offset(_Exposed(pixels, gain, self.push, size), each)


class _Exposed:
    """A picture's code as exposure and push leave it, nothing else."""

    def __init__(self, pixels: Pixels, gain: Tensor, push: float, size: tuple[int, int]) -> None:
        self._pixels, self._gain, self._push, self.size = pixels, gain, push, size

    def code(self, y: int, x: int, height: int, width: int) -> Tensor:
        return self._exposed(self._pixels.code(y, x, height, width))

    def thumbnail(self, height: int, width: int, each: Each) -> Tensor:
        return self._exposed(self._pixels.thumbnail(height, width, each))

    def _exposed(self, code: Tensor) -> Tensor:
        if leaves(self._gain, self._push):
            return code
        exposure = scene_light(code) * self._gain.to(code).view(3, 1, 1)
        return display_of(pushed(torch.log10(exposure.clamp_min(LEAST_EXPOSURE)), self._push))


def leaves(gain: Tensor, push: float) -> bool:
    """Whether exposure with this gain and push leave the picture's code as it is."""
    return push == 0 and bool((gain == 1).all())


def display_of(log_exposure: Tensor) -> Tensor:
    """log10 exposure to the display code that a stock's map starts from, in [0, 1]."""
    return display_code((log_exposure * math.log(10)).clamp_max_(MOST_LN_LIGHT).exp_()).clamp_(0, 1)
