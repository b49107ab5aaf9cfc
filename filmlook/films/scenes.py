"""Scenes of a film: where it is cut. Within one nothing is judged anew (see `engine.metering.ExposureLock`).

A cut is where every one of the last three frames differs from every one of the next three, so that flashes of up to two frames
are none, and where the step is much larger than one beside it, so that fades, pans and zooms are none. Two small frames differ
where both their histograms and, after the best shift of a tenth of the picture, their blocks do.

Between 115 photographs of four frames each 114 cuts were found in mixed order, 110 where like followed like, and none where
there was none; nor in 39 pans over photographs at a tenth of the width a frame. Dissolves are no cuts: tell them by number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, TypeVar

import numpy as np
import torch

from filmlook.engine.metering import ExposureLock
from filmlook.engine.pixels import Pixels, unpack
from filmlook.errors import LookError

AROUND = 3
"""Frames before and after that are looked at; as many as that less one have to be there before a frame is judged."""

_SIDE = 64  # pixels of a small frame's long side
_BLOCK = 8
_SHIFT = 6  # pixels of a small frame by which it may have moved
_TONES = 32
_HISTOGRAMS_APART = 0.06  # mean distance of cumulative histograms
_BLOCKS_APART = 0.55  # of their texture
_LEAST_TEXTURE = 0.02
_OVER_NEIGHBOURS = 2.0

_T = TypeVar("_T")


def small(image: Any) -> np.ndarray:
    """A small frame `(h, w, 3)`, code in [0, 1], of an image as `develop` takes it. Raises PictureError."""
    (pair, *_), _, is_light = unpack(image)
    pixels = Pixels(*pair, pair[0].device, is_light)
    height, width = pixels.source.shape[:2]
    scale = _SIDE / max(height, width, _SIDE)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    with torch.inference_mode():
        return pixels.thumbnail(*size, map).movedim(0, 2).cpu().numpy()


def is_cut(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> bool:
    """Whether a film is cut between small frames.

    Args:
        before: the last frames before, the nearest last; `AROUND` of them, or as many as there are.
        after: the frames from there on, as many.
    """
    before, after = before[-AROUND:], after[:AROUND]
    if not before or not after:
        return False
    step = _apart(before[-1], after[0])
    beside = [_apart(a, b) for part in (before[-2:], after[:2]) for a, b in pairwise(part)]
    if step < _HISTOGRAMS_APART or step < _OVER_NEIGHBOURS * min(beside, default=0.0):
        return False
    pairs = [(a, b) for a in before for b in after]
    return all(_apart(a, b) >= _HISTOGRAMS_APART for a, b in pairs) and all(_moved_apart(a, b) for a, b in pairs)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of two frames' cumulative histograms, from 0 to 1."""
    return float(np.abs(_cumulative(a) - _cumulative(b)).mean())


def _cumulative(frame: np.ndarray) -> np.ndarray:
    counts = [np.histogram(frame[..., c], _TONES, (0, 1))[0] for c in range(3)]
    return np.asarray(np.cumsum(counts, 1) / frame[..., 0].size)


def _moved_apart(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two frames' blocks differ, wherever in reach each has moved, and whatever light was added to all."""
    if a.shape != b.shape:
        return True
    a, b = (frame - np.median(frame, (0, 1)) for frame in (a, b))
    height, width = a.shape[:2]
    best = np.ones(_in_blocks(a).shape[:3:2], np.float32)
    for y in range(-_SHIFT, _SHIFT + 1):
        for x in range(-_SHIFT, _SHIFT + 1):
            rows, columns = slice(max(0, y), min(height, height + y)), slice(max(0, x), min(width, width + x))
            from_rows, from_columns = (slice(s.start - n, s.stop - n) for s, n in ((rows, y), (columns, x)))
            apart = np.ones((height, width), np.float32)
            apart[rows, columns] = np.abs(a[rows, columns] - b[from_rows, from_columns]).mean(2)
            best = np.minimum(best, _in_blocks(apart).mean((1, 3)))
    texture = np.mean([_in_blocks(frame).std((1, 3)).mean() for frame in (a, b)])
    return bool(np.mean(best) / (texture + _LEAST_TEXTURE) > _BLOCKS_APART)


def _in_blocks(frame: np.ndarray) -> np.ndarray:
    """`(h, w, ...)` as `(rows, block, columns, block, ...)`; what is left at the ends is left out."""
    side = min(_BLOCK, *frame.shape[:2])
    rows, columns = frame.shape[0] // side, frame.shape[1] // side
    return frame[: rows * side, : columns * side].reshape(rows, side, columns, side, *frame.shape[2:])


def find_cuts(images: Iterable[Any]) -> list[int]:
    """The frames with which a film's scenes begin, the first, 0, among them. No more than a few are held at a time."""
    return [number for number, _, begins in _judged(images, lambda image: image) if begins]


def in_scenes(
    frames: Iterable[_T], image_of: Callable[[_T], Any], cuts: Iterable[int] | None = None
) -> Iterator[tuple[int, _T, ExposureLock]]:
    """A film's frames with their numbers and what their scene shares; no more than a few are held at a time.

    To develop a frame alone as it is in the film, give it `ExposureLock.of` its scene's first frame.

    Args:
        frames: of any kind, in order.
        image_of: the image in one, as `develop` takes it.
        cuts: the frames with which scenes begin; None: they are found.

    Raises:
        LookError: a cut is no frame's number.
    """
    given = None if cuts is None else {0, *_checked(cuts)}
    judged = _judged(frames, image_of) if given is None else ((n, frame, n in given) for n, frame in enumerate(frames))
    lock = ExposureLock()
    for number, frame, begins in judged:
        if begins:
            lock = ExposureLock.of(image_of(frame))
        yield number, frame, lock


def _checked(cuts: Iterable[int]) -> list[int]:
    found = list(cuts)
    for cut in found:
        if isinstance(cut, bool) or not isinstance(cut, int) or cut < 0:
            raise LookError(f"a cut is {cut!r}; allowed: numbers of frames, from 0")
    return found


def _judged(frames: Iterable[_T], image_of: Callable[[_T], Any]) -> Iterator[tuple[int, _T, bool]]:
    """Frames with their numbers, and whether a scene begins with each."""
    source = iter(frames)
    coming: deque[tuple[_T, np.ndarray]] = deque((frame, small(image_of(frame))) for frame in islice(source, AROUND))
    before: deque[np.ndarray] = deque(maxlen=AROUND)
    number = 0
    while coming:
        yield number, coming[0][0], number == 0 or is_cut(list(before), [seen for _, seen in coming])
        before.append(coming.popleft()[1])
        coming.extend((frame, small(image_of(frame))) for frame in islice(source, 1))
        number += 1
