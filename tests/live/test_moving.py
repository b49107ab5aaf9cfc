"""Films that other extensions make: their frames and their videos come developed, each frame once.

Frames are numbered, share one seed and one exposure lock. Each test makes the frames without Film Look, develops them here,
and expects what the host delivers with Film Look on. What an extension needs (a motion module for AnimateDiff) must be there.
"""

from __future__ import annotations

import base64
import io
import time
import urllib.error
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence

from filmlook import ExposureLock, Look, MovingLook, develop
from filmlook.files import infotext
from tests.live.conftest import Host, apart, decoded, same

LOOK: dict[str, Any] = {
    "stock": "kodak_portra_400",
    "frame": "super8",
    "grain": 4.0,
    "halation": 2.0,
    "vignette": 0.3,
    "lab": 1,
}
FILM = Look(**LOOK)
FRAMES = 8


def _as_film(frames: list[Image.Image], seed: int) -> list[Image.Image]:
    lock = ExposureLock()
    return [develop(frame, FILM, seed=seed, frame=number, lock=lock) for number, frame in enumerate(frames)]


def _animated(host: Host, look: Any, **how: Any) -> tuple[list[Image.Image], dict[str, bytes], list[str]]:
    """AnimateDiff's frames, its videos by what they begin with, and the infotexts."""
    host.script_args("AnimateDiff", False)
    asked = {"enable": True, "video_length": FRAMES, "batch_size": FRAMES, "fps": 8, "closed_loop": "N", **how}
    asked["format"] = ["GIF", "MP4", "Frame"]
    scripts: dict[str, Any] = {"AnimateDiff": {"args": [asked]}}
    if look:
        scripts["Film Look"] = {"args": [look]}
    body = {"prompt": "a cat", "steps": 2, "cfg_scale": 2, "seed": 11, "sampler_name": "Euler a", "width": 64, "height": 64}
    answer = host.call("/sdapi/v1/txt2img", {**body, "override_settings": {"return_grid": False}, "alwayson_scripts": scripts})
    videos, frames = {}, []
    for text in answer["images"]:
        data = base64.b64decode(text)
        kind = "GIF" if data[:3] == b"GIF" else "MP4" if data[4:8] == b"ftyp" else ""
        if kind:
            videos[kind] = data
        else:
            frames.append(decoded(text))
    if not videos:
        pytest.skip("AnimateDiff made no film: it has no motion module for the checkpoint")
    return frames, videos, [decoded(text).info.get("parameters", "") for text in answer["images"][len(videos) :]]


def test_animatediffs_frames_and_videos(host: Host) -> None:
    off, _, _ = _animated(host, None)
    on, videos, _ = _animated(host, LOOK)
    expected = _as_film(off, 11)
    assert len(on) == len(off) == FRAMES
    assert all(same(frame, film) for frame, film in zip(on, expected, strict=True))
    shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(Image.open(io.BytesIO(videos["GIF"])))]
    assert len(shown) == FRAMES
    for frame, film, before in zip(shown, expected, off, strict=True):
        assert apart(frame, film) < 0.5 * apart(frame, before)  # of 256 colours


def test_animatediffs_video_is_of_developed_frames(host: Host) -> None:
    av = pytest.importorskip("av")
    off, _, _ = _animated(host, None)
    _, videos, _ = _animated(host, LOOK)
    with av.open(io.BytesIO(videos["MP4"])) as file:
        shown = [frame.to_image() for frame in file.decode(video=0)]
    assert len(shown) == FRAMES
    for frame, film, before in zip(shown, _as_film(off, 11), off, strict=True):
        assert apart(frame, film) < 0.7 * apart(frame, before)  # in half the colour's resolution


def test_img2img_of_a_batch_that_is_a_film(host: Host) -> None:
    """Sources of one batch as the frames of a film: what a folder's files are, one pass each, is tested where pages are."""
    sources = [host.generate(seed=seed).image for seed in (3, 4)]
    off, on = (host.generate(look, sources=sources, batch_size=2) for look in (None, {**LOOK, "frames": True}))
    for number, (image, film) in enumerate(zip(on.images, _as_film(off.images, 11), strict=True)):
        assert apart(image, film) < 0.3  # what the sampler rounds otherwise; another frame's grain is 1.5 apart
        assert infotext.pairs_of(on.infotexts[number])[infotext.FRAME] == str(number)


def _deforum(host: Host, count: int, **settings: Any) -> tuple[Path, str]:
    """Deforum's folder and the beginning of its files' names, after a film by its API; 2D, so that it needs no depth."""
    asked = {"W": 64, "H": 64, "steps": 2, "animation_mode": "2D", "max_frames": count, "prompts": {"0": "a cat"}, "seed": 5}
    asked |= {"fps": 8, "diffusion_cadence": 1, "batch_name": "film-look-test", "color_coherence": "None", "sampler": "Euler a"}
    asked |= {"add_soundtrack": "None", "cfg_scale_schedule": "0: (2)", "frame_interpolation_engine": "None", **settings}
    try:
        accepted = host.call("/deforum_api/batches", {"deforum_settings": asked})
    except urllib.error.HTTPError:
        pytest.skip("the host has no Deforum, or runs without --deforum-api")
    for _ in range(300):
        job = host.call(f"/deforum_api/jobs/{accepted['job_ids'][0]}")
        if job["status"] != "ACCEPTED":
            break
        time.sleep(1)
    assert job["status"] == "SUCCEEDED", job["message"]
    return Path(job["outdir"]), str(job["timestring"])


def test_deforums_frames_and_video(host: Host, host_dir: Path) -> None:
    av = pytest.importorskip("av")
    look = {**LOOK, "exposure": "0: (0), 3: (0.5)"}
    folder, name = _deforum(host, 4, film_look=look)
    before, film = ([Image.open(part / f"{name}_{n:09}.png") for n in range(4)] for part in (folder, folder / "film-look"))
    lock, moving = ExposureLock(), MovingLook.from_dict(look)
    expected = [develop(b, moving.at(n, seed=5), seed=5, frame=n, lock=lock) for n, b in enumerate(before)]
    assert all(same(frame, one) for frame, one in zip(film, expected, strict=True))
    with av.open(str(folder / f"{name}-film-look.mp4")) as file:
        assert file.streams.video[0].average_rate == 8
        shown = [frame.to_image() for frame in file.decode(video=0)]
    assert len(shown) == 4
    for frame, one, old in zip(shown, expected, before, strict=True):
        assert apart(frame, one) < 0.8 * apart(frame, old)
    assert (folder / f"{name}.mp4").is_file()


def test_deforum_feeds_back_what_is_undeveloped(host: Host, host_dir: Path) -> None:
    """Deforum alone makes the same frames with Film Look and without; the third is made of the second."""
    made = [_deforum(host, 3, **more) for more in ({}, {"film_look": LOOK})]
    off, on = ([Image.open(folder / f"{name}_{n:09}.png") for n in range(3)] for folder, name in made)
    assert all(same(a, b) for a, b in zip(off, on, strict=True))
