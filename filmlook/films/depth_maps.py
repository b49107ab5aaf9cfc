"""The depth maps of a film's frames: those that are given, or found for each frame and steadied over time.

A network judges each frame anew: its scale jumps from frame to frame, and what it is unsure of trembles. So a found map becomes
a mean over the last frames of its scene,

    S_i = sum_j w_j A_j / sum_j w_j,    w_j = DECAY^(i-j) g(|A_j - A_i|),    j = i - WINDOW + 1 .. i

A_j is the map M_j brought to the scale that the window has in the mean: its median, and its mean distance from that, are made
the same. g is 1 where a map trembles and 0 where something has moved, so that a figure drags no ghost behind it. The window is
short and begins with the scene: a run that goes on amid a scene finds the same maps to the bit, without those of all frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from filmlook.depth.maps import NONE_FOUND, inverted, map_codes
from filmlook.errors import FilmLookError, PictureError
from filmlook.files import picture
from filmlook.files.picture import Picture
from filmlook.films.names import VIDEOS, is_pattern
from filmlook.films.reading import Film, is_animated, open_film

WINDOW = 8  # frames, the one that is developed among them
DECAY = 0.7  # of a frame's weight, from each to the next
_TREMBLES, _MOVED = 0.04, 0.12  # of the range of a map: up to where it is unsure of itself, and from where something moved
_LEAST_SPREAD = 1e-3

FindDepth = Callable[[np.ndarray], "Picture | None"]
"""Finds the depth map of a frame's samples `(H, W, C)`; None: it cannot here."""


class Depths(Protocol):
    """Gives the depth map of a film's frames, as `develop` takes it, one after another."""

    notes: list[str]

    def see(self, number: int, scene: int, pixels: np.ndarray) -> None:
        """A frame comes, which may be asked for; `scene` is the first frame of its own."""

    def of(self, number: int) -> Any:
        """The map of the frame that came last; None: there is none."""


@dataclass
class GivenDepths:
    """Maps that are given: a film's, one for each frame, or one for all. Raises PictureError where there are too few."""

    frames: Iterator[np.ndarray] | None
    still: Picture | None
    far_white: bool

    def __post_init__(self) -> None:
        self.notes: list[str] = []
        self._at = -1
        self._map: Picture | None = None
        if self.still and self.far_white:
            self.still = inverted(self.still)

    def see(self, number: int, scene: int, pixels: np.ndarray) -> None:
        pass

    def of(self, number: int) -> Picture:
        if self.still:
            return self.still
        assert self.frames is not None
        while self._at < number:
            pixels = next(self.frames, None)
            if pixels is None:
                raise PictureError(f"the depth maps end before the film: there are {self._at + 1}")
            self._at += 1
            if self._at == number:
                self._map = inverted(Picture(pixels)) if self.far_white else Picture(pixels)
        assert self._map is not None
        return self._map


class FoundDepths:
    """Maps that are found for each frame, and steadied."""

    def __init__(self, find: FindDepth) -> None:
        self.notes: list[str] = []
        self._find = find
        self._seen: deque[tuple[int, int, np.ndarray]] = deque(maxlen=WINDOW)  # number, scene, samples
        self._found: dict[int, np.ndarray] = {}

    def see(self, number: int, scene: int, pixels: np.ndarray) -> None:
        self._seen.append((number, scene, pixels))

    def of(self, number: int) -> np.ndarray | None:
        if self.notes:  # nothing is here that could find one
            return None
        _, scene, _ = self._seen[-1]
        window = [(n, pixels) for n, own, pixels in self._seen if own == scene]
        maps = [self._map(n, pixels) for n, pixels in window]
        known = [plane for plane in maps if plane is not None]
        self._found = {n: plane for (n, _), plane in zip(window, maps, strict=True) if plane is not None}
        if len(known) < len(maps):
            self.notes.append(NONE_FOUND)
            return None
        return steadied(known)

    def _map(self, number: int, pixels: np.ndarray) -> np.ndarray | None:
        if number in self._found:
            return self._found[number]
        found = self._find(pixels)
        return None if found is None else np.ascontiguousarray(found.pixels[..., 0])


def steadied(maps: list[np.ndarray]) -> np.ndarray:
    """The last of some frames' maps `(H, W)` uint16, steadied by those before it: float32 in [0, 1]."""
    planes = [plane.astype(np.float32) / 65535 for plane in maps]
    weights = [DECAY ** (len(planes) - 1 - i) for i in range(len(planes))]
    middles = [float(np.median(plane)) for plane in planes]
    spreads = [max(float(np.abs(plane - middle).mean()), _LEAST_SPREAD) for plane, middle in zip(planes, middles, strict=True)]
    middle, spread = (float(np.average(values, weights=weights)) for values in (middles, spreads))
    for i, plane in enumerate(planes):
        plane -= middles[i]
        plane *= spread / spreads[i]
        plane += middle
    last = planes[-1]
    total, weight = last.copy(), np.ones_like(last)
    for plane, own in zip(planes[:-1], weights[:-1], strict=True):
        apart = np.abs(plane - last)
        share = np.clip((_MOVED - apart) / (_MOVED - _TREMBLES), 0, 1) * np.float32(own)
        total += share * plane
        weight += share
    steady: np.ndarray = (total / weight).clip(0, 1)
    return steady


def depths_given(source: str | Path, film: Film, far_white: bool) -> GivenDepths:
    """The maps that a film, a folder, a pattern of numbered pictures or a picture holds, for a film.

    Raises:
        PictureError: it cannot be read, or has another size, or another number of frames than the film, and more than one.
    """
    path = Path(source)
    is_film = is_pattern(str(source)) or path.is_dir() or path.suffix.lower() in VIDEOS or is_animated(path)
    if not is_film:
        size = film.width, film.height
        with suppress(OSError, PictureError):  # which is told of in reading it, with its name
            size = picture.size_told(path.read_bytes())
        if sorted(size) != sorted((film.width, film.height)):  # it may lie on its side
            _check(*size, film, path)
        still = picture.read(path)
        _check(still.pixels.shape[1], still.pixels.shape[0], film, path)
        return GivenDepths(None, still, far_white)
    maps = open_film(source)
    _check(maps.width, maps.height, film, path)
    if maps.count is not None and film.count is not None and maps.count not in (1, film.count):
        raise PictureError(f"{path}: there are {maps.count} depth maps for {film.count} frames; allowed are as many, or one")
    frames = (frame.pixels for frame in maps.frames(16 if maps.bits > 8 else 8))
    if is_pattern(str(source)) or path.is_dir():  # of pictures, which may be of floating point
        frames = (map_codes(picture.read(file), str(file)).pixels for file in maps.files)
    if maps.count != 1:
        return GivenDepths(frames, None, far_white)
    return GivenDepths(None, Picture(next(frames)), far_white)


def _check(width: int, height: int, film: Film, path: Path) -> None:
    if (width, height) != (film.width, film.height):
        raise PictureError(
            f"{path}: the depth map has {width} x {height} pixels, the film {film.width} x {film.height}; "
            "allowed is the same size"
        )


def told_of(source: str | Path) -> list[Any]:
    """What tells maps on the disk from others, as JSON keeps it."""
    path = Path(source)
    if is_pattern(str(source)) and not path.exists():
        return [str(path.resolve())]
    try:
        about = path.stat()
    except OSError as error:
        raise FilmLookError(f"{path}: {error.strerror}") from None
    return [str(path.resolve()), about.st_size, about.st_mtime_ns]
