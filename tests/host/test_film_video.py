"""Videos of developed frames: the frames' colours, in the rate that is asked for, with the sound of the video beside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import Look, develop
from filmlook.films.reading import open_film
from filmlook.look_choice import LookChoice
from tests.host.fake import Host

av = pytest.importorskip("av", reason="videos need PyAV")

COUNT, SIZE = 6, (64, 48)


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    """Frames of one colour each, the first of them number 3."""
    folder = tmp_path / "50%d"
    folder.mkdir()
    paths = [folder / f"20261127030000_{number + 3:09}.png" for number in range(COUNT)]
    for number, path in enumerate(paths):
        Image.new("RGB", SIZE, (40 + 30 * number, 200 - 25 * number, 90)).save(path)
    return paths


@pytest.fixture
def like(tmp_path: Path) -> Path:
    """A video of as many frames, with sound."""
    path = tmp_path / "20261127030000.mp4"
    with av.open(str(path), "w") as file:
        video, sound = file.add_stream("libx264", rate=12), file.add_stream("aac", rate=48000)
        video.width, video.height = SIZE
        video.pix_fmt = "yuv420p"
        for _ in range(COUNT):
            file.mux(video.encode(av.VideoFrame.from_ndarray(np.full((*SIZE[::-1], 3), 99, np.uint8))))
        tone = (0.2 * np.sin(np.arange(1024) / 9)).astype(np.float32)[None]
        for i in range(20):
            part = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            part.sample_rate, part.pts = 48000, 1024 * i
            file.mux(sound.encode(part))
        file.mux(video.encode())
        file.mux(sound.encode())
    return path


def _check(target: Path, frames: list[Path], *, sound: bool) -> None:
    film = open_film(target)
    assert film.rate == 12
    shown = list(film.frames())
    assert len(shown) == COUNT
    for frame, path in zip(shown, frames, strict=True):
        told = np.asarray(Image.open(path), float).mean((0, 1))
        np.testing.assert_allclose(frame.pixels.mean((0, 1)), told, atol=1.5)
    with av.open(str(target)) as file:
        assert bool(file.streams.audio) == sound
    assert not [path for path in target.parent.iterdir() if path.suffix in (".part", ".parts")]


def _encoder(host: Host, ffmpeg: str = "no-ffmpeg-here") -> Any:
    return host.module("film_video").Encoder(ffmpeg, 12, "veryfast")


@pytest.mark.parametrize("sound", [True, False])
def test_by_pyav(host: Host, frames: list[Path], like: Path, sound: bool) -> None:
    target = like.with_name("film.mp4")
    host.module("film_video").make_video(frames, 12, like if sound else None, target, _encoder(host))
    _check(target, frames, sound=sound)


@pytest.mark.parametrize("sound", [True, False])
def test_by_ffmpeg(host: Host, frames: list[Path], like: Path, sound: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    room, target = host.module("film_video"), like.with_name("film.mp4")
    if room._ffmpeg("ffmpeg") is None:
        pytest.skip("no ffmpeg here")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "av", None)
        room.make_video(frames, 12, like if sound else None, target, _encoder(host, "ffmpeg"))
    _check(target, frames, sound=sound)


def test_what_upscaling_or_interpolation_made_is_developed_from_the_video(host: Host, like: Path) -> None:
    target, look = like.with_name("film.mp4"), Look(stock="kodak_gold_200", grain=0)
    host.module("film_video").develop_video(like, target, LookChoice(look), 7, _encoder(host))
    (before, *_), (after, *_) = open_film(like).frames(), open_film(target).frames()
    expected = np.asarray(develop(Image.fromarray(before.pixels), look), float)
    np.testing.assert_allclose(after.pixels.mean((0, 1)), expected.mean((0, 1)), atol=1.5)
    with av.open(str(target)) as file:
        assert file.streams.audio
    assert not list(target.parent.glob("*.parts"))
