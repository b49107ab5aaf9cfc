"""Films that the tests make themselves."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av", reason='needs PyAV: pip install "filmlook[video]"')

HEIGHT, WIDTH, SOUND_HZ = 72, 128, 48000


def moving(count: int, height: int = HEIGHT, width: int = WIDTH) -> list[np.ndarray]:
    """Frames `(H, W, 3)` uint8: ramps of colour, and a white square that goes from left to right."""
    y, x = np.mgrid[:height, :width]
    base = np.stack([x * 200 // width + 20, y * 200 // height + 20, (x + y) * 180 // (height + width) + 30], -1)
    frames = []
    for i in range(count):
        frame = base.astype(np.uint8)
        frame[10:26, 4 + 3 * i : 20 + 3 * i] = 250
        frames.append(frame)
    return frames


def write_video(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    codec: str = "ffv1",
    pixel_format: str = "bgr0",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    tags: dict[str, int] | None = None,
    sound_seconds: float = 0.0,
    rotation: float = 0.0,
    aspect: Fraction | None = None,
    metadata: dict[str, str] | None = None,
    chapters: list[dict[str, Any]] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video of RGB frames, or of lists of planes where `pixel_format` is YUV."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=25, options=options or {})
        planes = None if isinstance(frames[0], np.ndarray) else frames[0]
        height, width = (planes[0] if planes else frames[0]).shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        context = stream.codec_context
        context.time_base = stream.time_base = time_base
        if aspect:
            context.sample_aspect_ratio = aspect
        for name, value in (tags or {}).items():
            setattr(context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        sound = container.add_stream("aac", rate=SOUND_HZ, layout="mono") if sound_seconds else None
        if chapters:
            container.set_chapters(chapters)
        for i, pixels in enumerate(frames):
            frame = _frame(pixels, width, height, pixel_format)
            frame.pts, frame.time_base = times[i] if times else i, time_base
            for name, value in (tags or {}).items():
                if hasattr(frame, name):  # PyAV 16's frames tell matrix and range alone
                    setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            wave = np.sin(np.arange(int(sound_seconds * SOUND_HZ)) * (2 * np.pi * 440 / SOUND_HZ)).astype(np.float32) * 0.3
            for start in range(0, len(wave), 1024):
                piece = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", layout="mono")
                piece.sample_rate, piece.pts = SOUND_HZ, start
                container.mux(sound.encode(piece))
            container.mux(sound.encode(None))
    return path


def _frame(pixels: Any, width: int, height: int, pixel_format: str) -> Any:
    if isinstance(pixels, np.ndarray):
        return av.VideoFrame.from_ndarray(pixels, "rgb24" if pixels.dtype == np.uint8 else "rgb48le").reformat(
            format=pixel_format
        )
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, samples in zip(frame.planes, pixels, strict=True):
        np.frombuffer(plane, samples.dtype).reshape(samples.shape[0], -1)[:, : samples.shape[1]] = samples
    return frame


def rgb_frames(path: Path) -> list[np.ndarray]:
    """All frames of a lossless RGB film."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def times_of(path: Path) -> list[Fraction]:
    """When each frame is shown, in seconds."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]
