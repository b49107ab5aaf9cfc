"""Frames out: developed frames to the parts of a film, and to numbered pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from filmlook.errors import FilmLookError
from filmlook.files import picture
from filmlook.films.codecs import Encoding
from filmlook.films.frame_colour import RGB, VIDEO, Tags, to_planes
from filmlook.films.parts import PART_FRAMES, Part, Parts
from filmlook.films.pyav import address, pyav, told_of
from filmlook.films.reading import Film

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".nut": "nut", ".avi": "avi"}
CONTAINERS |= {".gif": "gif", ".webp": "webp"}
_AS_IT_COMES = {"flush_packets": "1"}  # a part that breaks off plays as far as it goes
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}  # microseconds


class Writer(Protocol):
    """Takes the frames of a film one after the other."""

    @property
    def under_way(self) -> int:
        """How many frames it was given that no finished part holds."""

    def write(self, pixels: np.ndarray, pts: int, duration: int) -> None:
        """Takes the next frame."""

    def finish(self) -> None:
        """The film is at its end: what is under way is completed."""

    def abandon(self) -> None:
        """It is broken off: what is under way is closed so that it plays as far as it goes."""


def outgoing_tags(film: Film, encoding: Encoding) -> Tags:
    """The tags of what is written: the source's where they fit, else those that every player expects."""
    if encoding.codec.steps is None:
        return Tags(0, RGB.value_range, film.tags.primaries, film.tags.transfer)
    return film.tags if film.tags.matrix else VIDEO


def size_in(film: Film, encoding: Encoding) -> tuple[int, int]:
    """Width and height of a film as a codec holds it. Raises FilmLookError: nothing would be left of it."""
    rows, columns = encoding.codec.steps or (1, 1)
    width, height = film.width // columns * columns, film.height // rows * rows
    if not width or not height:
        raise FilmLookError(f"{film.path}: {film.width} x {film.height} is too small for {encoding.codec.name}")
    return width, height


class VideoWriter:
    """Frames to the parts of a film, an encoder for each."""

    def __init__(self, parts: Parts, film: Film, encoding: Encoding) -> None:
        self._parts, self._film, self._encoding = parts, film, encoding
        self._tags = outgoing_tags(film, encoding)
        self.width, self.height = size_in(film, encoding)
        self._container: Any = None
        self._stream: Any = None
        self._count = self._first = self._end = self._muxed = 0
        self._times: list[int] = []

    @property
    def under_way(self) -> int:
        return self._count

    def write(self, pixels: np.ndarray, pts: int, duration: int) -> None:
        path = self._parts.path(len(self._parts.done))
        with told_of(path):
            if self._container is None:
                self._open(path)
                self._first, self._times, self._muxed = pts, [], 0
            frame = self._frame(pixels[: self.height, : self.width])
            frame.pts, frame.time_base = pts - self._first, self._film.time_base
            self._times.append(frame.pts)
            self._mux(self._stream.encode(frame))
        self._count += 1
        self._end = pts + duration
        if self._count == PART_FRAMES:
            self.finish()

    def finish(self) -> None:
        if self._container is None:
            return
        with told_of(self._parts.path(len(self._parts.done))):
            self._close()
        self._parts.add(Part(self._count, self._first, self._end))
        self._count = 0

    def abandon(self) -> None:
        if self._container is not None:
            with suppress(FilmLookError), told_of(self._parts.folder):
                self._close()

    def _close(self) -> None:
        try:
            self._mux(self._stream.encode(None))
        finally:
            self._container.close()
            self._container = None

    def _mux(self, packets: Sequence[Any]) -> None:
        """Writes packets. When each is decoded is told here: x265 tells nonsense of a part that is shorter than its delay."""
        delay = self._encoding.codec.delay
        for packet in packets:
            if delay:
                before = self._muxed - delay
                packet.dts = self._times[before] if before >= 0 else self._times[0] + before
            self._muxed += 1
            self._container.mux(packet)

    def _open(self, path: Path) -> None:
        av, encoding, film = pyav(), self._encoding, self._film
        kind = CONTAINERS[path.suffix]
        self._container = av.open(
            address(path), "w", format=kind, options={**_AS_IT_COMES, **(_FRAGMENTS if kind in ("mp4", "mov") else {})}
        )
        os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 tells its settings to whoever watches; 1 leaves its errors
        rate = (film.rate or Fraction(25)).limit_denominator(100_000)
        self._stream = self._container.add_stream(encoding.encoder, rate=rate, options=dict(encoding.options))
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = self.width, self.height, encoding.pixel_format
        context.time_base = self._stream.time_base = film.time_base
        context.sample_aspect_ratio = film.aspect
        set_tags(context, self._tags)

    def _frame(self, pixels: np.ndarray) -> Any:
        encoding = self._encoding
        frame = pyav().VideoFrame(self.width, self.height, encoding.pixel_format)
        steps = encoding.codec.steps
        if steps is None:
            planes = _rgb_planes(pixels, encoding.pixel_format)
        else:
            planes = to_planes(pixels[..., :3], self._tags, steps, 10 if "10" in encoding.pixel_format else 8)
        for plane, samples in zip(frame.planes, planes, strict=True):
            rows = np.frombuffer(plane, samples.dtype).reshape(samples.shape[0], -1)
            rows[:, : samples.shape[1]] = samples
        set_tags(frame, self._tags)
        return frame


def set_tags(told: Any, tags: Tags) -> None:
    """Tells the colours of an encoder, or of a frame."""
    told.colorspace, told.color_range = tags.matrix, tags.value_range
    if hasattr(told, "color_primaries"):  # PyAV 16 has them in encoders alone
        told.color_primaries, told.color_trc = tags.primaries, tags.transfer


def _rgb_planes(pixels: np.ndarray, name: str) -> list[np.ndarray]:
    """FFV1's RGB: 8 bits are kept as blue, green, red and a fourth byte, 16 as planes of green, blue, red and alpha."""
    if pixels.dtype == np.uint16:
        return [pixels[..., i] for i in ((1, 2, 0, 3) if name.startswith("gbrap") else (1, 2, 0))]
    height, width = pixels.shape[:2]
    packed = np.zeros((height, width, 4), np.uint8)
    packed[..., :3] = pixels[..., 2::-1]
    if name == "bgra":
        packed[..., 3] = pixels[..., 3]
    return [packed.reshape(height, -1)]


class PictureWriter:
    """Frames to numbered pictures, each of which takes its place at once."""

    def __init__(self, parts: Parts, path_of: Callable[[int], Path], *, overwrite: bool, quality: int = 95) -> None:
        """Args: parts: which frames are done; path_of: the file of a frame by its number from 0; overwrite: those that exist;
        quality: of JPEG and its like."""
        self._parts, self._path_of, self._quality, self._overwrite = parts, path_of, quality, overwrite
        self._number = parts.frames
        self._under_way = range(parts.frames, parts.frames + PART_FRAMES)  # of a run that was interrupted: they may be there
        self._count = self._first = self._end = 0

    @property
    def under_way(self) -> int:
        return self._count

    def write(self, pixels: np.ndarray, pts: int, duration: int) -> None:
        again = self._overwrite or (self._parts.resumed and self._number in self._under_way)
        picture.write(self._path_of(self._number), picture.Picture(pixels), quality=self._quality, overwrite=again)
        if not self._count:
            self._first = pts
        self._number, self._count, self._end = self._number + 1, self._count + 1, pts + duration
        if self._count == PART_FRAMES:
            self.finish()

    def finish(self) -> None:
        if self._count:
            self._parts.add(Part(self._count, self._first, self._end))
            self._count = 0

    def abandon(self) -> None:
        pass
