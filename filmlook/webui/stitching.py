"""A video of a film's developed frames, with the sound and the subtitles of the video that was made of the same frames
before they were developed; by the ffmpeg that the host uses."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from filmlook.errors import PictureError

# Players take an untagged video for BT.601 or BT.709 by its height: it is made as BT.709, and says so.
_COLOURS = ("bt709", "tv")


@dataclass(frozen=True)
class Encoder:
    """ffmpeg where it lies, and how finely it encodes: x264's quality (0..51) and preset."""

    ffmpeg: str
    crf: float = 17
    preset: str = "slow"

    @property
    def is_there(self) -> bool:
        return shutil.which(self.ffmpeg) is not None


def stitch(frames: list[Path], fps: float, like: Path, target: Path, encoder: Encoder) -> None:
    """Writes `target`, an MP4 of frames that lie in one folder and are named `<beginning>_<nine digits>.png` without a gap.

    Args:
        like: the video whose sound and subtitles it gets.

    Raises:
        PictureError: ffmpeg cannot; its last words.
    """
    folder, first = frames[0].parent.resolve(), frames[0].stem
    beginning, _, number = first.rpartition("_")
    unfinished = target.resolve().with_name(f".{target.name}.{uuid4().hex}.part")
    matrix, levels = _COLOURS
    command = [
        *(encoder.ffmpeg, "-y", "-nostdin", "-loglevel", "error"),
        *("-framerate", f"{fps:g}", "-start_number", str(int(number)), "-i", f"{beginning}_%09d.png"),
        *("-i", str(like.resolve()), "-map", "0:v:0", "-map", "1:a?", "-map", "1:s?"),
        *("-vf", f"scale=out_color_matrix={matrix}:out_range={levels},format=yuv420p"),
        *("-colorspace", matrix, "-color_primaries", matrix, "-color_trc", matrix, "-color_range", levels),
        *("-c:v", "libx264", "-crf", f"{encoder.crf:g}", "-preset", encoder.preset),
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
