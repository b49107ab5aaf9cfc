"""PyAV, and what it raises in our words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError, PictureError, extra


def pyav() -> Any:
    """PyAV. Raises FilmLookError, which says what to install, without it.

    Its log stays off, as it is unless told: a decoder's thread that logs waits for Python, which may wait for the decoder.
    """
    os.environ.setdefault("SVT_LOG", "1")  # its AV1 encoder tells twenty lines a part, past FFmpeg's log; errors are left
    return extra("av", "videos", "video", FilmLookError)


_LISTS = {"concat", "hls", "dash", "sdp", "rtsp", "image2"}
"""FFmpeg's formats that hold no pictures but the names of other files, or addresses."""


def address(path: str | Path) -> str:
    """A file as FFmpeg is told of it: from the root on, for it takes what stands before a colon for a protocol."""
    return os.path.abspath(path)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A video's container. Raises PictureError, one line with the file's name, for whatever PyAV says meanwhile, and for a list
    of files: whoever made it would choose what is read here."""
    av = pyav()
    try:
        with av.open(address(path), metadata_errors="replace", options={"protocol_whitelist": "file"}) as container:
            if _LISTS & set(container.format.name.split(",")):
                raise PictureError(f"{path}: is no film but a list of files")
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
