"""What was found while a picture was developed, kept for when it is developed again with other grain, or on other paper.

Whoever drags a setting of the print sees the same light on the same film: neither is worked out again.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

Blocks = dict[tuple[tuple[int, int], ...], Tensor]
"""Blocks before grain, by the corners that were developed together."""

MOST_BLOCKS = 24  # of a picture: some 40 MB


def bytes_of(tensor: Tensor) -> int:
    """What a tensor takes of memory."""
    return tensor.numel() * tensor.element_size()  # `nbytes` came with PyTorch 2.1


@dataclass
class Found:
    """What was found with one way of exposing and developing: the survey of the whole picture, and blocks before grain."""

    wide: Any = None
    blocks: Blocks = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return sum(bytes_of(block) for block in list(self.blocks.values()))


class Kept:
    """What was found of one picture at one size, with the latest way of exposing and developing it; that of others is dropped.

    Several threads may use it at once: at worst they find the same twice.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: Hashable = None
        self._found = Found()
        self.thrown: dict[Hashable, Any] = {}
        """What the lens threw on the film last, by what that depends on."""

    def of(self, key: Hashable) -> Found:
        """What was found with what `key` stands for."""
        with self._lock:
            if key != self._key:
                self._key, self._found = key, Found()
            return self._found

    @property
    def nbytes(self) -> int:
        light = sum(bytes_of(light) + 2 * bytes_of(lamps.share) for light, lamps in list(self.thrown.values()))
        return self._found.nbytes + light
