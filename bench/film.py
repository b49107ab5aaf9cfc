"""Frames a second of a film: the look alone, with reading and writing, and with the encoder, as ratios to the look alone.

    python bench/film.py [--frames 50] [--preset veryfast]

A clip of 1280 x 720 is made, and read, developed and written in one process, as `filmlook develop clip.mp4 -o film.mp4` does.
Beside the time on the clock stands that of all cores together, which tells more where other programs are at work.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from filmlook import Look, develop
from filmlook.engine.metering import ExposureLock
from filmlook.films.develop_film import develop_film
from filmlook.films.frame_colour import VIDEO, to_planes
from filmlook.films.pyav import pyav
from filmlook.films.reading import open_film

LOOK = Look(stock="kodak_gold_200", diffusion_grade=0.25, vignette=0.2, halation=1, grain=1)
HEIGHT, WIDTH = 720, 1280


def scene(frame: int) -> np.ndarray:
    """A frame `(H, W, 3)` uint8 with smooth tones, edges and small lights, past which the camera goes."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) / WIDTH
    x = x + frame / 500
    rings = 0.5 + 0.5 * np.sin(60 * np.hypot(x - 0.7, y - 0.4))
    picture = np.stack((x % 1, (0.5 * x + 0.5 * y) % 1, rings * (1 - y)), -1)
    picture[(np.sin(90 * x) * np.sin(70 * y)) > 0.97] = 1
    return (picture * 255).astype(np.uint8)


def write_clip(path: Path, frames: int) -> None:
    """A clip in H.264, as cameras make them."""
    av = pyav()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for i in range(frames):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            for plane, samples in zip(frame.planes, to_planes(scene(i), VIDEO, (2, 2), 8), strict=True):
                np.frombuffer(plane, np.uint8).reshape(samples.shape[0], -1)[:, : samples.shape[1]] = samples
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of all cores together."""
    wall, cores = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--preset", default="veryfast", help="of x264")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip, count = Path(folder) / "clip.mp4", args.frames
        write_clip(clip, count)
        first = next(open_film(clip).frames()).pixels
        lock = ExposureLock.of(first)
        develop(first, LOOK, lock=lock)  # what is compiled and loaded at the first picture is none of a film's time

        def film(**options: object) -> Callable[[], object]:
            return lambda: develop_film(clip, Path(folder) / "film.mkv", LOOK, overwrite=True, **options)  # type: ignore[arg-type]

        rows = {
            "the look": lambda: [develop(first, LOOK, frame=i, lock=lock) for i in range(count)],
            "reading": lambda: [frame.number for frame in open_film(clip).frames()],
            "FFV1, all of it": film(codec="ffv1"),
            f"H.264 {args.preset}, all of it": film(speed=args.preset),
            "H.264 medium, all of it": film(),
        }
        print("| | frames a second | to the look | core ms a frame | to the look |\n|---|---|---|---|---|")
        base: tuple[float, float] | None = None
        for name, work in rows.items():
            wall, cores = timed(work)
            base = base or (wall, cores)
            told = f"{count / wall:.1f} | {base[0] / wall:.2f} | {1000 * cores / count:.0f} | {cores / base[1]:.2f}"
            print(f"| {name} | {told} |", flush=True)


if __name__ == "__main__":
    main()
