"""PyAV, and what it raises in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError, PictureError, extra


def pyav() -> Any:
    """PyAV. Raises FilmLookError, which says what to install, without it.

    Its log stays off, as it is unless told: a decoder's thread that logs waits for Python, which may wait for the decoder.
    """
    return extra("av", "videos", "video", FilmLookError)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A video's container. Raises PictureError, one line with the file's name, for whatever PyAV says meanwhile."""
    av = pyav()
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as error:
        raise PictureError(f"{path}: {' '.join((error.strerror or str(error)).split())}") from error


def picture_stream(container: Any, path: Path) -> Any:
    """The video's stream of frames: no cover. Raises PictureError: there is none."""
    streams = [s for s in container.streams.video if not _is_cover(s)]
    if not streams:
        raise PictureError(f"{path}: holds no moving picture")
    return streams[0]


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Says what FFmpeg or the system cannot do with a file. Raises FilmLookError."""
    av = pyav()
    try:
        yield
    except av.error.FFmpegError as error:
        raise FilmLookError(f"{path}: cannot be written: {' '.join((error.strerror or str(error)).split())}") from error
    except OSError as error:
        raise FilmLookError(f"{path}: cannot be written: {error.strerror or error}") from error
