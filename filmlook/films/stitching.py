"""Frames that are developed already, made into a film; with what lies beside the picture in another film of the same frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

from filmlook.errors import LookError
from filmlook.films.assembling import assemble
from filmlook.films.codecs import encoding_for
from filmlook.films.parts import Parts
from filmlook.films.reading import Film, FilmFrame, open_film
from filmlook.films.writing import VideoWriter


class _Dubbed(Film):
    """Numbered pictures, with the sound, the subtitles and the metadata of a film that there is of them."""

    def __init__(self, pictures: Film, beside: Path | None) -> None:
        super().__init__(**{field.name: getattr(pictures, field.name) for field in fields(Film)})
        self._pictures, self._beside = pictures, beside
        self.path = beside or pictures.path

    @property
    def has_streams(self) -> bool:
        return self._beside is not None

    def frames(self, bits: int = 8, *, alpha: bool = False) -> Iterator[FilmFrame]:
        return self._pictures.frames(bits, alpha=alpha)


def stitch_film(
    frames: Sequence[Path],
    out: Path,
    *,
    rate: Fraction,
    beside: Path | None = None,
    crf: int | None = None,
    speed: str | None = None,
    comment: str = "",
) -> list[str]:
    """Writes a film of pictures; it takes its place at once, and that of a film that was there.

    Args:
        frames: the pictures in their order.
        out: a file by whose ending it is written.
        rate: frames a second.
        beside: a video whose sound, subtitles, chapters and metadata it gets.
        crf, speed: see `films.codecs.encoding_for`.
        comment: what its metadata say, where those of `beside` say nothing.

    Returns:
        What could not be kept, a line each.

    Raises:
        LookError: an option is wrong.
        PictureError: a picture, or `beside`, cannot be read.
        FilmLookError: it cannot be written; PyAV is missing.
    """
    film = _Dubbed(open_film(list(frames), rate=rate), beside)
    encoding = encoding_for(out, crf=crf, speed=speed, bits=film.bits, alpha=film.has_alpha)
    if not encoding.encoder:
        raise LookError(f"{out}: is no film's name")
    parts = Parts(out, {}, encoding.codec.part, overwrite=True)
    try:
        writer = VideoWriter(parts, film, encoding)
        try:
            for frame in film.frames(encoding.bits, alpha=encoding.alpha):
                writer.write(frame.pixels, frame.pts, frame.duration)
            writer.finish()
        except BaseException:
            writer.abandon()
            raise
        return [*film.notes, *assemble(parts, out, film, encoding, comment=comment, overwrite=True)]
    finally:
        parts.remove()
