"""What a film is written as: which codec by the ending of its name, and what each is asked for.

The defaults keep grain as it is: coarser quantisers wash it out first, and it is what a look is chosen for.

References: the encoders' own documentation (x264, x265, SVT-AV1, FFmpeg's prores_ks and ffv1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError, LookError
from filmlook.files.kinds import FORMATS
from filmlook.films.names import is_pattern
from filmlook.films.pyav import pyav


@dataclass(frozen=True)
class Codec:
    """A way to write frames.

    Attributes:
        encoders: of FFmpeg, the first that is there is taken.
        endings: of files that may hold it, the first is usual.
        formats: FFmpeg's pixel format for 8 and for 16 bits, without and with alpha; one that is missing is made do without.
        steps: rows and columns of luma to each of chroma; None: it holds RGB.
        crf: quality unless told, and the worst; None: it has no such number.
        quality: what the encoder calls that number.
        options: of the encoder.
        part: what a part of the film is kept in until it is done.
        delay: by how many frames decoding may run ahead of showing, at most.
    """

    name: str
    encoders: tuple[str, ...]
    endings: tuple[str, ...]
    formats: Mapping[tuple[int, bool], str]
    steps: tuple[int, int] | None = None
    crf: tuple[int, int] | None = None
    quality: str = "crf"
    options: Mapping[str, str] = field(default_factory=dict)
    part: str = ".mp4"
    delay: int = 0

    def bits(self, wanted: int) -> int:
        """Bits of the frames it is handed, 8 or 16: no fewer than wanted where it can."""
        has = {bits for bits, _ in self.formats}
        return wanted if wanted in has else has.pop()

    def holds_alpha(self, bits: int) -> bool:
        return (bits, True) in self.formats


_RGB_FORMATS = {(8, False): "bgr0", (8, True): "bgra", (16, False): "gbrp16le", (16, True): "gbrap16le"}
_BOXES = (".mp4", ".mov", ".m4v", ".mkv")

FFV1 = Codec("ffv1", ("ffv1",), (".mkv", ".nut", ".avi"), _RGB_FORMATS, options={"level": "3", "slicecrc": "1"}, part=".nut")

CODECS = {
    codec.name: codec
    for codec in (
        Codec(
            "h264",
            ("libx264",),
            _BOXES,
            {(8, False): "yuv420p"},
            (2, 2),
            (16, 51),
            options={"preset": "medium", "tune": "grain"},
            delay=4,
        ),
        Codec(
            "h265",
            ("libx265",),
            _BOXES,
            {(16, False): "yuv420p10le"},
            (2, 2),
            (18, 51),
            options={"preset": "medium", "tune": "grain", "x265-params": "log-level=none"},
            delay=4,
        ),
        Codec(
            "prores",
            ("prores_ks", "prores"),
            (".mov", ".mkv"),
            {(16, False): "yuv422p10le"},
            (1, 2),
            options={"profile": "3", "vendor": "apl0"},
            part=".mov",
        ),
        FFV1,
        Codec(
            "av1",
            ("libsvtav1", "libaom-av1"),
            (".webm", ".mkv", ".mp4"),
            {(16, False): "yuv420p10le"},
            (2, 2),
            (18, 63),
            options={"preset": "6"},
        ),
        replace(FFV1, name="gif", endings=(".gif",), formats={(8, False): "bgr0", (8, True): "bgra"}),
        replace(
            FFV1,
            name="webp",
            endings=(".webp",),
            formats={(8, False): "bgr0", (8, True): "bgra"},
            crf=(95, 100),
            quality="quality",
        ),
        Codec("frames", (), tuple(FORMATS), {(8, False): "", (8, True): "", (16, False): "", (16, True): ""}),
    )
}
"""By name. What is animated, GIF and WebP, is made in one go at the end, of parts that lose nothing."""

_USUAL = {".mp4": "h264", ".m4v": "h264", ".mov": "h264", ".mkv": "h264", ".webm": "av1", ".gif": "gif", ".webp": "webp"}
_USUAL |= {".nut": "ffv1", ".avi": "ffv1"}

FILM_ENDINGS = tuple(_USUAL)
"""Endings that a film is written with."""

_WORDS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)  # of x264 and x265
_SPEEDS: Mapping[str, tuple[str, Sequence[str]]] = {
    "libx264": ("preset", _WORDS),
    "libx265": ("preset", _WORDS),
    "libsvtav1": ("preset", [str(n) for n in range(14)]),
    "libaom-av1": ("cpu-used", [str(n) for n in range(9)]),
}
"""What encoders call how time is weighed against size, and what it may be."""


@dataclass(frozen=True)
class Encoding:
    """What is asked of an encoder for one film.

    Attributes:
        codec: one of `CODECS`.
        encoder: FFmpeg's name of it; empty for pictures.
        options: its options, as FFmpeg takes them.
        bits: 8 or 16, of the frames that are developed for it.
        alpha: whether frames keep their transparency.
    """

    codec: Codec
    encoder: str
    options: Mapping[str, str]
    bits: int
    alpha: bool

    @property
    def pixel_format(self) -> str:
        return self.codec.formats[self.bits, self.alpha]


def encoding_for(
    out: Path, codec: str | None = None, crf: int | None = None, speed: str | None = None, *, bits: int = 8, alpha: bool = False
) -> Encoding:
    """What a film called `out` is written as.

    Args:
        out: a file of one of `FILM_ENDINGS`, or a pattern of pictures.
        codec: a name of `CODECS`; None: as is usual for the ending.
        crf: quality, smaller is better; None: what keeps grain.
        speed: the encoder's own preset, such as `veryfast` or `8`.
        bits, alpha: what the source has.

    Raises:
        LookError: they do not go together, or are not known.
        FilmLookError: this FFmpeg has no such encoder.
    """
    ending = out.suffix.lower()
    if is_pattern(out.name):
        if ending not in FORMATS:
            raise LookError(f"{out}: unknown ending {out.suffix!r}; allowed: {', '.join(FORMATS)}")
        usual = "frames"
    elif ending in _USUAL:
        usual = _USUAL[ending]
    else:
        raise LookError(
            f"{out}: unknown ending {out.suffix!r}; allowed: {', '.join(FILM_ENDINGS)}, or such as 'frame_%04d.png'"
        )
    chosen = CODECS.get(codec or usual)
    if chosen is None:
        raise LookError(f"codec is {codec!r}; allowed: {', '.join(CODECS)}")
    if ending not in chosen.endings or (chosen.name == "frames") != (usual == "frames"):
        raise LookError(f"{out}: {chosen.name} is not kept in {out.suffix}; allowed: {', '.join(chosen.endings)}")
    depth = chosen.bits(16 if bits > 8 or ((16, False) in chosen.formats and chosen.steps) else 8)
    keeps = alpha and chosen.holds_alpha(depth)
    if not chosen.encoders:
        _refuse(chosen, crf=crf, speed=speed)
        return Encoding(chosen, "", {}, depth, keeps)
    encoder = _available(chosen)
    options = dict(chosen.options)
    if chosen.crf is None:
        _refuse(chosen, crf=crf)
    else:
        best = chosen.crf[0] if crf is None else crf
        if not 0 <= best <= chosen.crf[1]:
            raise LookError(f"crf is {crf}; allowed for {chosen.name}: 0 to {chosen.crf[1]}")
        options[chosen.quality] = str(best)
    if speed is not None:
        if encoder not in _SPEEDS:
            _refuse(chosen, speed=speed)
        option, allowed = _SPEEDS[encoder]
        if speed not in allowed:
            raise LookError(f"encoder preset is {speed!r}; allowed for {chosen.name}: {', '.join(allowed)}")
        options[option] = speed
    return Encoding(chosen, encoder, options, depth, keeps)


def _refuse(codec: Codec, **given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise LookError(f"{name} is {value!r}, which means nothing to {codec.name}")


def _available(codec: Codec) -> str:
    av = pyav()
    for name in codec.encoders:
        try:
            av.Codec(name, "w")
        except ValueError:  # UnknownCodecError, whose place in PyAV has moved
            continue
        return name
    raise FilmLookError(f"this FFmpeg has no encoder for {codec.name}: {' or '.join(codec.encoders)}")
