"""Films in: the frames of a video, of an animated picture or of numbered pictures, upright and in sRGB, with their times.

Videos are read by PyAV (the extra `filmlook[video]`), animations by Pillow, pictures by `files.picture`. Every kind streams:
no more than a frame or two are held, whatever the length.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from filmlook.errors import PictureError
from filmlook.files import picture
from filmlook.films import frame_colour
from filmlook.films.frame_colour import RGB, Tags
from filmlook.films.names import ANIMATIONS, is_pattern, pictures_of
from filmlook.films.pyav import opened, picture_stream, pyav
from filmlook.paths import natural

SEQUENCE_RATE = Fraction(24)
"""Frames a second of numbered pictures unless told: a cinema's."""

_MOST_PIXELS = 89_478_485  # of an animation's frame: Pillow warns from there on, and a file of a few kilobytes can say more
_EARLY_S, _EARLY = 1.0, 0.02  # by which pictures may end before the file does: sound often lasts a little longer
_ANIMATION_MS = 100  # of a frame that tells none: as browsers take it
_FULL_TURN = 4


@dataclass(frozen=True)
class FilmFrame:
    """One frame.

    Attributes:
        number: from 0.
        pts: when it is shown, in the film's time base.
        duration: how long, in the same; 0: it is not told.
        pixels: sRGB code values `(H, W, 3)` or, with alpha, `(H, W, 4)`; uint8 or uint16.
    """

    number: int
    pts: int
    duration: int
    pixels: np.ndarray


@dataclass
class Film(ABC):
    """A film that can be read, from its beginning, as often as one likes.

    Attributes:
        path: its file, or the first of its pictures.
        width, height: upright.
        time_base: seconds of a tick of `FilmFrame.pts`.
        rate: frames a second, the mean of a variable rate; None: it is not told.
        count: how many frames there are, as the file tells; None: it does not.
        bits: of a sample.
        has_alpha: whether frames can be transparent.
        tags: of its colours.
        aspect: width of a pixel by its height.
        notes: what there is to say to people about how it is read, a line each.
        numbers: of numbered pictures, as their names tell them.
        comment: what its metadata say.
    """

    path: Path
    width: int
    height: int
    time_base: Fraction
    rate: Fraction | None
    count: int | None
    bits: int
    has_alpha: bool
    tags: Tags = RGB
    aspect: Fraction = Fraction(1)
    notes: list[str] = field(default_factory=list)
    numbers: Sequence[int] = ()
    comment: str = ""

    @property
    def files(self) -> Sequence[Path]:
        """What it is read from."""
        return [self.path]

    @property
    def has_streams(self) -> bool:
        """Whether there may be sound, subtitles, chapters and metadata beside the picture."""
        return False

    @abstractmethod
    def frames(self, bits: int = 8, *, alpha: bool = False) -> Iterator[FilmFrame]:
        """The frames from the first on, as samples of 8 or 16 bits. Raises PictureError where the file breaks off in error."""


def open_film(source: str | Path | Sequence[Path], *, rate: Fraction | None = None) -> Film:
    """A film by the name of its file, a pattern of numbered pictures, or pictures in their order.

    Args:
        source: a file, a pattern such as `frame_%04d.png`, or paths.
        rate: frames a second of numbered pictures; None: 24. Videos and animations tell their own.

    Raises:
        PictureError: it cannot be read, is HDR, or holds no picture.
        FilmLookError: PyAV is missing.
    """
    if isinstance(source, (str, Path)):
        if is_pattern(str(source)) and not Path(source).exists():
            found = pictures_of(str(source))
            return _Pictures.of([path for _, path in found], rate, [number for number, _ in found])
        path = Path(source)
        if path.is_dir():
            return _Pictures.of(_pictures_in(path), rate)
        film = _Animation.of(path) if path.suffix.lower() in ANIMATIONS else _Video.of(path)
        if rate is not None:
            film.notes.append("tells its frames' times itself: --rate is for numbered pictures")
        return film
    return _Pictures.of(list(source), rate)


def is_animated(path: Path) -> bool:
    """Whether a picture's file holds several frames."""
    if path.suffix.lower() not in ANIMATIONS:
        return False
    try:
        with Image.open(path) as image:
            return bool(getattr(image, "is_animated", False))
    except (Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return False  # what is no picture at all is told of when it is read


def _pictures_in(folder: Path) -> list[Path]:
    paths = [p for p in folder.iterdir() if p.suffix.lower() in picture.READABLE and not p.name.startswith(".")]
    if not paths:
        raise PictureError(f"{folder}: a folder without pictures ({', '.join(picture.READABLE)})")
    return sorted(paths, key=natural)


@dataclass
class _Pictures(Film):
    paths: Sequence[Path] = ()

    @property
    def files(self) -> Sequence[Path]:
        return self.paths

    @classmethod
    def of(cls, paths: list[Path], rate: Fraction | None, numbers: Sequence[int] = ()) -> _Pictures:
        rate = rate or SEQUENCE_RATE
        if not paths:
            raise PictureError("a film without pictures")
        first = picture.read(paths[0])
        height, width, channels = first.pixels.shape
        bits = 16 if first.pixels.dtype == np.uint16 else 8
        about = (rate, len(paths), bits, channels == _FULL_TURN)
        return cls(paths[0], width, height, 1 / rate, *about, numbers=numbers or range(1, len(paths) + 1), paths=paths)

    def frames(self, bits: int = 8, *, alpha: bool = False) -> Iterator[FilmFrame]:
        for number, path in enumerate(self.paths):
            read = picture.with_bits(picture.read(path), bits)
            if read.pixels.shape[:2] != (self.height, self.width):
                size = f"{read.pixels.shape[1]} x {read.pixels.shape[0]}"
                raise PictureError(f"{path}: is {size}, but the film's first frame is {self.width} x {self.height}")
            yield FilmFrame(number, number, 1, _with_alpha(read.pixels, alpha))


@dataclass
class _Animation(Film):
    @classmethod
    def of(cls, path: Path) -> _Animation:
        with _animation(path) as image:
            (width, height), clear = image.size, np.asarray(image.convert("RGBA"))[..., 3].min() < 255
            return cls(path, width, height, Fraction(1, 1000), None, getattr(image, "n_frames", 1), 8, bool(clear))

    def frames(self, bits: int = 8, *, alpha: bool = False) -> Iterator[FilmFrame]:
        with _animation(self.path) as image:
            pts = 0
            for number in range(self.count or 1):
                image.seek(number)
                image.load()
                duration = round(float(image.info.get("duration") or 0)) or _ANIMATION_MS
                pixels = np.array(image.convert("RGBA"))
                pixels = pixels.astype(np.uint16) * np.uint16(257) if bits == 16 else pixels
                yield FilmFrame(number, pts, duration, _with_alpha(pixels, alpha))
                pts += duration


@contextmanager
def _animation(path: Path) -> Iterator[Any]:
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise Image.DecompressionBombError(f"a frame of {image.width} x {image.height} is too large")
            yield image
    except (Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise PictureError(f"{path}: {' '.join(str(error).split()) or 'is damaged'}") from error


def _with_alpha(pixels: np.ndarray, alpha: bool) -> np.ndarray:
    """Pixels with three channels, or with four."""
    if pixels.shape[2] == (4 if alpha else 3):
        return pixels
    if not alpha:
        return np.ascontiguousarray(pixels[..., :3])
    full = np.full((*pixels.shape[:2], 1), np.iinfo(pixels.dtype).max, pixels.dtype)
    return np.concatenate((pixels, full), 2)


@dataclass
class _Video(Film):
    turn: tuple[bool, bool, bool] = (False, False, False)

    @property
    def has_streams(self) -> bool:
        return True

    @classmethod
    def of(cls, path: Path) -> _Video:
        if not path.exists():
            raise PictureError(f"{path}: no such file")
        with opened(path) as container:
            stream = picture_stream(container, path)
            first = next(_decoded(container, stream, []), None)
            if first is None:
                raise PictureError(f"{path}: holds no frame that can be read")
            try:
                tags = frame_colour.tags_of(first, stream.codec_context)
            except PictureError as error:
                raise PictureError(f"{path}: {error}") from None
            turn = _turn(first)
            size = (first.height, first.width) if turn[0] else (first.width, first.height)
            rate = stream.average_rate or stream.guessed_rate
            aspect = Fraction(stream.sample_aspect_ratio or 1)
            notes = []
            if first.interlaced_frame:
                notes.append("is interlaced: both fields of a frame are developed as one picture")
            return cls(
                path,
                *size,
                Fraction(stream.time_base),
                Fraction(rate) if rate else None,
                _count(container, stream, rate),
                frame_colour.bits_of(first),
                frame_colour.has_alpha(first) and not first.format.has_palette,
                tags,
                1 / aspect if turn[0] else aspect,
                notes,
                comment=next((text for key, text in container.metadata.items() if key.lower() == "comment"), ""),
                turn=turn,
            )

    def frames(self, bits: int = 8, *, alpha: bool = False) -> Iterator[FilmFrame]:
        with opened(self.path) as container:
            stream = picture_stream(container, self.path)
            stream.thread_type = "AUTO"
            base = Fraction(stream.time_base)
            usual = round(1 / (self.rate * base)) if self.rate else 1
            pts, duration = -usual, usual
            start, seconds = (container.start_time or 0) / 1e6, (container.duration or 0) / 1e6
            damaged: list[int] = []
            for number, frame in enumerate(_decoded(container, stream, damaged)):
                told = frame.pts if frame.pts is not None else pts + duration
                pts = max(told, pts + 1) if number else told  # times that stand still would be refused by what writes them
                duration = int(getattr(frame, "duration", 0) or usual)
                pixels = upright(frame_colour.to_rgb(frame, self.tags, bits, alpha), self.turn)
                if pixels.shape[:2] != (self.height, self.width):
                    size = f"{pixels.shape[1]} x {pixels.shape[0]}"
                    raise PictureError(f"{self.path}: frame {number} is {size}, the first is {self.width} x {self.height}")
                yield FilmFrame(number, pts, duration, pixels)
            if damaged:
                self.notes.append(f"is damaged: {len(damaged)} of its frames cannot be read, and are left out")
            end = float((pts + duration) * base) - start
            if seconds - end > max(_EARLY_S, _EARLY * seconds):
                self.notes.append(f"its pictures end after {end:.1f} of {seconds:.1f} seconds: the file may be cut short")


def _decoded(container: Any, stream: Any, damaged: list[int]) -> Iterator[Any]:
    """The frames of a video. Packets that cannot be decoded are passed over, as players do; their numbers go to a list."""
    av = pyav()
    for number, packet in enumerate(container.demux(stream)):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            damaged.append(number)


def _count(container: Any, stream: Any, rate: Any) -> int | None:
    if stream.frames:
        return int(stream.frames)
    seconds = stream.duration * stream.time_base if stream.duration else (container.duration or 0) / 1e6
    return round(float(seconds * rate)) if seconds and rate else None


def _turn(frame: Any) -> tuple[bool, bool, bool]:
    """How a frame is set upright: whether rows become columns; whether it is then mirrored left to right, and top to bottom."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    a, b, _, c, d, *_ = (int(n) for n in np.frombuffer(bytes(matrix), np.int32))
    return (True, c < 0, b < 0) if abs(b) > abs(a) else (False, a < 0, d < 0)


def upright(pixels: np.ndarray, turn: tuple[bool, bool, bool]) -> np.ndarray:
    """Pixels `(H, W, C)` turned as `_turn` says."""
    swap, mirror, flip = turn
    if not any(turn):
        return pixels
    pixels = pixels.swapaxes(0, 1) if swap else pixels
    return np.ascontiguousarray(pixels[:: -1 if flip else 1, :: -1 if mirror else 1])
