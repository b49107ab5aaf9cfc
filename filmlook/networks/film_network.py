"""A trained DigitalFilm network as a stock's colour: a map of 3 x 3 pixels, and an offset decided by the whole picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from filmlook.film.colour_map import Each, ExposedPicture
from filmlook.networks.digitalfilm import DigitalFilm, Parts, Statistics, sum_of

_THUMBNAIL_PIXELS = 200 * 320  # what the original networks were trained at
_TILE_PX = 352  # of the statistics at full size


@dataclass(frozen=True, eq=False)
class FilmNetwork:
    """The colour of a network stock."""

    network: DigitalFilm

    layers: ClassVar[int] = 3
    margin: ClassVar[int] = Parts.margin

    def ends(self) -> Tensor:
        """Codes of black and white, each beside the other, as far from the border as the network sees."""
        halves = torch.zeros(1, 3, 8, 16)
        halves[..., 8:] = 1
        with torch.inference_mode():
            ends: Tensor = self.network(halves)[0, :, 4, 4::8].T.double()
        return ends

    def on(self, device: torch.device, *, exact: bool) -> PreparedNetwork:
        return PreparedNetwork(_parts(self.network, device), exact)


@lru_cache(maxsize=8)
def _parts(network: DigitalFilm, device: torch.device) -> Parts:
    return Parts(network, device)


class PreparedNetwork:
    """A network taken apart, on a device."""

    def __init__(self, parts: Parts, exact: bool) -> None:
        self.parts, self._exact = parts, exact

    def __call__(
        self, code: Tensor, offset: Tensor | None, corners: Sequence[tuple[int, int]], size: tuple[int, int]
    ) -> Tensor:
        assert offset is not None
        code = code.contiguous()
        for block, (y, x) in zip(code, corners, strict=True):
            _blacken(block, y - Parts.margin, x - Parts.margin, size)
        return self.parts.local(code).add_(offset.to(code)).clamp_(0, 1)

    def offset(self, picture: ExposedPicture, each: Each) -> Tensor:
        """What spreads, and grain, are left out: they are the film's, and the statistics are the scene's. "exact" looks at all
        pixels, "thumbnail" at a picture as large as those the original networks were trained on."""
        parts, (height, width) = self.parts, picture.size
        scale = math.sqrt(_THUMBNAIL_PIXELS / (height * width))
        if not self._exact and scale < 1:
            small = picture.thumbnail(max(1, round(height * scale)), max(1, round(width * scale)), each)
            return parts.offset(parts.statistics(pad(small[None], (parts.far_margin,) * 4), (True,) * 4, each))

        def statistics(corner: tuple[int, int]) -> Statistics:
            # The last tiles end with the picture: what lies beyond must not be counted.
            inner = [min(_TILE_PX, n - c) for n, c in zip(picture.size, corner, strict=True)]
            y, x = (c - parts.far_margin for c in corner)
            code = picture.code(y, x, *(n + 2 * parts.far_margin for n in inner))
            return sum_of(parts.statistics(code[None], _blacken(code, y, x, picture.size)))

        return parts.offset(each(statistics, [(y, x) for y in range(0, height, _TILE_PX) for x in range(0, width, _TILE_PX)]))


def _blacken(code: Tensor, y: int, x: int, size: tuple[int, int]) -> list[bool]:
    """Zero beyond the picture, where the network's convolutions pad with zeros; on which sides (top, bottom, left, right)
    the hidden layer, a pixel smaller, lies beyond it too."""
    height, width = size
    top, left = max(0, -y), max(0, -x)
    bottom, right = max(0, y + code.shape[-2] - height), max(0, x + code.shape[-1] - width)
    code[..., :top, :] = 0
    code[..., code.shape[-2] - bottom :, :] = 0
    code[..., :left] = 0
    code[..., code.shape[-1] - right :] = 0
    return [n > Parts.margin for n in (top, bottom, left, right)]
