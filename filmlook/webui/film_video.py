"""Videos of films that the host has made: of developed frames, with the sound and the subtitles of the video that was made of
the same frames before they were developed, by PyAV or by the ffmpeg that the host uses; and finished ones, by PyAV."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

from modules import shared

from filmlook.errors import FilmLookError, LookError, PictureError, Stopped
from filmlook.films.develop_film import develop_film
from filmlook.films.parts import parts_folder
from filmlook.films.stitching import stitch_film
from filmlook.look_choice import LookChoice
from filmlook.webui import hosts, options
from filmlook.webui.processing import device

# Players take an untagged video for BT.601 or BT.709 by its height: it is made as BT.709, and says so.
_MATRIX, _LEVELS = "bt709", "tv"
_EXACT = "accurate_rnd+full_chroma_int"  # or everything comes out a code darker


@dataclass(frozen=True)
class Encoder:
    """How finely x264 encodes, by its quality (0..51) and preset; and an ffmpeg, by its place, for where there is no PyAV."""

    ffmpeg: str
    crf: int = 17
    preset: str = "slow"


def make_video(frames: list[Path], fps: float, like: Path | None, target: Path, encoder: Encoder) -> None:
    """Writes `target`, an MP4 of frames that lie in one folder and are named `<beginning>_<nine digits>.png` without a gap.

    Args:
        like: the video whose sound and subtitles it gets; None: it gets none.

    Raises:
        FilmLookError: it cannot be written, or there is neither PyAV nor ffmpeg.
    """
    rate = Fraction(fps).limit_denominator(1001)
    try:
        stitch_film(frames, target, rate=rate, beside=like, crf=encoder.crf, speed=encoder.preset)
    except FilmLookError as error:  # PyAV is not there, or too old for it
        ffmpeg = _ffmpeg(encoder.ffmpeg)
        if ffmpeg is None:
            raise FilmLookError(f"{error}; and there is no ffmpeg") from error
        _by_ffmpeg(ffmpeg, frames, rate, like, target, encoder)


def develop_video(source: Path, target: Path, choice: LookChoice, seed: int, encoder: Encoder) -> None:
    """Develops a finished video with a look that does not move; needs PyAV.

    Raises:
        Stopped: the user wants no more; nothing is left of it.
        FilmLookError: it cannot be read or written.
    """
    if choice.schedules:
        raise LookError("it has not the frames that the look's schedules are for")
    how: dict[str, Any] = {"crf": encoder.crf, "speed": encoder.preset, "tile": options.tile(), "device": str(device())}
    try:
        develop_film(source, target, choice.look, seed=seed, overwrite=True, progress=_advance, **how)
    finally:
        shutil.rmtree(parts_folder(target), ignore_errors=True)


def _advance(done: int, count: int | None) -> None:
    state = shared.state
    state.job_count, state.job_no = count or 0, done
    if hosts.is_over(state):
        raise Stopped


def _ffmpeg(place: str) -> str | None:
    """An ffmpeg at that place, or else imageio's."""
    found = shutil.which(place)
    with suppress(ImportError, RuntimeError):  # it is not installed, or brings none for this machine
        found = found or str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    return found


def _by_ffmpeg(ffmpeg: str, frames: list[Path], rate: Fraction, like: Path | None, target: Path, encoder: Encoder) -> None:
    folder, (beginning, _, number) = frames[0].parent.resolve(), frames[0].stem.rpartition("_")
    unfinished = target.resolve().with_name(f".{target.name}.{uuid4().hex}.part")
    command = [
        *(ffmpeg, "-y", "-nostdin", "-loglevel", "error"),
        *("-framerate", str(rate), "-start_number", str(int(number)), "-i", f"{beginning}_%09d.png"),
        *(("-i", str(like.resolve()), "-map", "0:v:0", "-map", "1:a?", "-map", "1:s?") if like else ()),
        *("-vf", f"scale=out_color_matrix={_MATRIX}:out_range={_LEVELS}:flags=bicubic+{_EXACT},format=yuv420p"),
        *("-colorspace", _MATRIX, "-color_primaries", _MATRIX, "-color_trc", _MATRIX, "-color_range", _LEVELS),
        *("-c:v", "libx264", "-crf", str(encoder.crf), "-preset", encoder.preset),
        *("-c:a", "copy", "-c:s", "copy", "-f", "mp4", str(unfinished)),
    ]
    try:
        # In the frames' folder: ffmpeg would read a % in the folder's name as part of the pattern.
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            raise PictureError(f"ffmpeg: {(done.stderr.strip().splitlines() or ['it failed'])[-1][:200]}")
        unfinished.replace(target)
    except OSError as error:
        raise PictureError(f"ffmpeg: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)
