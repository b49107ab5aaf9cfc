"""EMULSION and PRINT of stocks without layers: push as exposure, then the stock's own map of display code, if it has one.

A LUT maps every pixel by itself. A network adds to its local map one offset for the whole picture, which is decided before
any part is developed (`offset`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from filmlook.engine.pixels import Pixels
from filmlook.film.scene_light import display_code, scene_light
from filmlook.look import Look
from filmlook.networks.digitalfilm import Parts
from filmlook.stages.emulsion import LEAST_EXPOSURE, pushed
from filmlook.stages.psf import COARSE
from filmlook.stock import Stock

_THUMBNAIL_PIXELS = 200 * 320  # what the original networks were trained at
_TILE_PX = 352  # of the statistics at full size


class Layerless:
    """The map of one stock without layers.

    Args:
        stock: a LUT, a network, or one without colour of its own.
        look: its push and context.
        size: height and width of the picture.
        device: where it runs.
    """

    def __init__(self, stock: Stock, look: Look, size: tuple[int, int], device: torch.device) -> None:
        self._lut = stock.lut.to(device) if stock.lut else None
        self._parts = Parts(stock.network, device) if stock.network else None
        self._push, self._exact, self._size = look.push, look.context == "exact", size
        self.margin = COARSE if self._parts else 0
        """Pixels that `map` reads around what it gives."""

    def code(self, log_exposure: Tensor) -> Tensor:
        """log10 exposure to the display code the stock's map starts from, in [0, 1]."""
        return display_code(torch.exp(log_exposure * math.log(10))).clamp_(0, 1)

    def log_exposure(self, exposure: Tensor) -> Tensor:
        """Exposure to log10 exposure, pushed."""
        return pushed(torch.log10(exposure.clamp_min(LEAST_EXPOSURE)), self._push)

    def map(self, code: Tensor, offset: Tensor | None, corners: Sequence[tuple[int, int]]) -> Tensor:
        """Display code `B,3,H,W`, with the margins of the blocks that begin at these corners, to the stock's code."""
        if self._lut:
            return self._lut(code)
        if not self._parts or offset is None:
            return code
        spare = self.margin - Parts.margin
        code = code[..., spare : code.shape[2] - spare, spare : code.shape[3] - spare]
        for block, (y, x) in zip(code, corners, strict=True):
            self._blacken(block, y - Parts.margin, x - Parts.margin)
        return self._parts.local(code).add_(offset.to(code)).clamp_(0, 1)

    def _blacken(self, code: Tensor, y: int, x: int) -> list[bool]:
        """Zero beyond the picture, where the network's convolutions pad with zeros; on which sides (top, bottom, left, right)
        the hidden layer, a pixel smaller, lies beyond it too."""
        height, width = self._size
        top, left = max(0, -y), max(0, -x)
        bottom, right = max(0, y + code.shape[-2] - height), max(0, x + code.shape[-1] - width)
        code[..., :top, :] = 0
        code[..., code.shape[-2] - bottom :, :] = 0
        code[..., :left] = 0
        code[..., code.shape[-1] - right :] = 0
        return [n > Parts.margin for n in (top, bottom, left, right)]

    def offset(self, pixels: Pixels, gain: Tensor, each: Callable[..., Any]) -> Tensor | None:
        """A network's offset for the picture, exposed with `gain`; None for other stocks.

        What spreads, and grain, are left out: they are the film's, and the statistics are the scene's. "exact" looks at all
        pixels, "thumbnail" at a picture as large as those the original networks were trained on.
        """
        parts = self._parts
        if not parts:
            return None
        height, width = self._size
        scale = math.sqrt(_THUMBNAIL_PIXELS / (height * width))
        if not self._exact and scale < 1:
            small = pixels.thumbnail(max(1, round(height * scale)), max(1, round(width * scale)))
            code = pad(self._exposed(small, gain)[None], (parts.far_margin,) * 4)
            return parts.offset([parts.statistics(code, (True,) * 4)])

        def statistics(corner: tuple[int, int]) -> Any:
            # The last tiles end with the picture: what lies beyond must not be counted.
            inner = [min(_TILE_PX, n - c) for n, c in zip(self._size, corner, strict=True)]
            y, x = (c - parts.far_margin for c in corner)
            code = pixels.code(y, x, *(n + 2 * parts.far_margin for n in inner))
            code = self._exposed(code, gain)
            return parts.statistics(code[None], self._blacken(code, y, x))

        tiles = [(y, x) for y in range(0, height, _TILE_PX) for x in range(0, width, _TILE_PX)]
        return parts.offset(each(statistics, tiles))

    def leaves(self, gain: Tensor) -> bool:
        """Whether exposure with this gain and push leave the picture's code as it is."""
        return self._push == 0 and bool((gain == 1).all())

    def _exposed(self, code: Tensor, gain: Tensor) -> Tensor:
        """Code of the picture as exposure and push leave it, nothing else."""
        if self.leaves(gain):
            return code
        return self.code(self.log_exposure(scene_light(code) * gain.to(code).view(3, 1, 1)))
