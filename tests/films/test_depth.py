"""Films blurred by depth: by maps that are given, or found and steadied; the same frames whatever befalls the run."""

from __future__ import annotations

from argparse import Namespace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import FilmLookError, Look, develop
from filmlook.cli import main
from filmlook.depth.maps import NONE_FOUND
from filmlook.errors import LookError
from filmlook.files.picture import Picture
from filmlook.films import writing
from filmlook.films.depth_maps import WINDOW, depths_given, steadied
from filmlook.films.develop_film import develop_film
from tests.films.clips import HEIGHT, WIDTH, moving, rgb_frames, write_video

LOOK = Look(aperture=1.2, focal_length=100, focus=0, depth_near=1, grain=1)
FULL = 65535


def striped(count: int) -> list[np.ndarray]:
    frames = moving(count)
    for frame in frames:
        frame[:, np.arange(WIDTH) % 6 < 3] //= 3
    return frames


def same(got: list[np.ndarray], wanted: list[np.ndarray]) -> bool:
    return len(got) == len(wanted) and all((a == b).all() for a, b in zip(got, wanted, strict=True))


def ramps(count: int) -> list[np.ndarray]:
    """Maps whose near side goes from left to right."""
    x = np.arange(WIDTH) / WIDTH
    planes = [np.clip(1 - np.abs(x - i / count), 0, 1) for i in range(count)]
    return [np.repeat(np.broadcast_to(plane * 255, (HEIGHT, WIDTH)).astype(np.uint8)[..., None], 3, -1) for plane in planes]


def noisy(pixels: np.ndarray) -> Picture:
    """What a network says: the left is near, in a scale that is another for each frame, and it trembles."""
    dice = np.random.default_rng(int(pixels.astype(int).sum()))
    plane = np.broadcast_to(np.linspace(0.8, 0.2, pixels.shape[1]), pixels.shape[:2])
    plane = (plane + dice.normal(0, 0.01, plane.shape)) * dice.uniform(0.9, 1.1) + dice.uniform(-0.05, 0.05)
    return Picture(np.repeat((plane.clip(0, 1) * FULL).astype(np.uint16)[..., None], 3, -1))


def film_of(tmp_path: Path, frames: list[np.ndarray], name: str = "film.mkv", **how: Any) -> list[np.ndarray]:
    source = tmp_path / "clip.mkv"
    if not source.exists():
        write_video(source, frames)
    develop_film(source, tmp_path / name, how.pop("look", LOOK), seed=5, codec="ffv1", **how)
    return rgb_frames(tmp_path / name)


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PART_FRAMES", 3)


def test_a_film_of_maps_blurs_frame_by_frame(tmp_path: Path) -> None:
    frames, maps = striped(5), ramps(5)
    got = film_of(tmp_path, frames, depth=write_video(tmp_path / "depth.mkv", maps))
    wanted = [develop(frame, LOOK, seed=5, frame=i, depth=Picture(maps[i])) for i, frame in enumerate(frames)]
    assert same(got, wanted)
    assert not same(got, [develop(frame, LOOK, seed=5, frame=i) for i, frame in enumerate(frames)])


@pytest.mark.parametrize("how", ["folder", "pattern", "still"])
def test_the_command_takes_pictures_of_maps(tmp_path: Path, how: str) -> None:
    frames, maps = striped(3), ramps(3)
    source, folder = write_video(tmp_path / "clip.mkv", frames), tmp_path / "maps"
    folder.mkdir()
    for i, plane in enumerate(maps):
        Image.fromarray(255 - plane).save(folder / f"m_{i:02d}.png")
    given = {"folder": folder, "pattern": folder / "m_%02d.png", "still": folder / "m_01.png"}[how]
    words = [f"--{key.replace('_', '-')}={value}" for key, value in LOOK.to_dict().items() if key != "version"]
    call = ["develop", str(source), "-o", str(tmp_path / "film.mkv"), "--codec", "ffv1", "--seed", "5"]
    assert main([*call, "--depth", str(given), "--depth-far-white", *words]) == 0
    used = [maps[1]] * 3 if how == "still" else maps
    wanted = [develop(frame, LOOK, seed=5, frame=i, depth=Picture(used[i])) for i, frame in enumerate(frames)]
    assert same(rgb_frames(tmp_path / "film.mkv"), wanted)


def test_pictures_of_floating_point_are_nearness_itself(tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    folder.mkdir()
    for i, plane in enumerate(ramps(2)):
        Image.fromarray(plane[..., 0].astype(np.float32) / 255).save(folder / f"m_{i:02d}.tif")
    given = depths_given(folder, Namespace(width=WIDTH, height=HEIGHT, count=2), False)
    for i, plane in enumerate(ramps(2)):
        np.testing.assert_array_equal(given.of(i).pixels, plane.astype(np.uint16) * 257)
    Image.fromarray(plane[..., 0].astype(np.float32)).save(folder / "m_01.tif")
    given = depths_given(folder, Namespace(width=WIDTH, height=HEIGHT, count=2), False)
    with pytest.raises(FilmLookError, match=r"m_01\.tif: it has values from .* allowed in floating point are 0 to 1"):
        given.of(1)


def test_maps_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    frames = striped(4)
    with pytest.raises(FilmLookError, match="there are 3 depth maps for 4 frames; allowed are as many, or one"):
        film_of(tmp_path, frames, depth=write_video(tmp_path / "few.mkv", ramps(3)))
    Image.fromarray(ramps(1)[0][:40]).save(tmp_path / "small.png")
    with pytest.raises(FilmLookError, match=f"has {WIDTH} x 40 pixels, the film {WIDTH} x {HEIGHT}; allowed is the same size"):
        film_of(tmp_path, frames, depth=tmp_path / "small.png")
    assert (
        main(["develop", str(tmp_path / "clip.mkv"), str(tmp_path / "few.mkv"), "-o", str(tmp_path), "--depth", "x.png"]) == 2
    )
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(FilmLookError, match=r"text\.png: is not a PNG"):
        film_of(tmp_path, frames, depth=tmp_path / "text.png")
    assert not (tmp_path / "film.mkv").exists()


def test_found_maps_are_steadied_within_a_scene(tmp_path: Path) -> None:
    frames = striped(10)
    found = [np.ascontiguousarray(noisy(frame).pixels[..., 0]) for frame in frames]
    got = film_of(tmp_path, frames, find_depth=noisy, cuts=[0, 6])
    for i, frame in enumerate(frames):
        first = max(6 if i >= 6 else 0, i - WINDOW + 1)
        wanted = develop(frame, LOOK, seed=5, frame=i, depth=steadied(found[first : i + 1]))
        np.testing.assert_array_equal(got[i], wanted)


def test_steadied_maps_tremble_less_and_drag_no_ghost() -> None:
    dice = np.random.default_rng(3)
    ground = np.tile(np.linspace(0.2, 0.6, 64), (48, 1))

    def raw(i: int) -> np.ndarray:
        plane = ground.copy()
        plane[10:30, 2 * i : 2 * i + 14] = 0.95  # a figure that walks
        plane = (plane + dice.normal(0, 0.01, plane.shape)) * dice.uniform(0.95, 1.05)
        return (plane.clip(0, 1) * FULL).astype(np.uint16)

    maps = [raw(i) for i in range(16)]
    steady = [steadied(maps[max(0, i - WINDOW + 1) : i + 1]) for i in range(16)]
    still = np.s_[32:, :]  # where nothing moves

    def flicker(planes: list[np.ndarray]) -> float:
        return float(np.mean([np.abs(b[still] - a[still]).mean() for a, b in pairwise(planes[8:])]))

    assert flicker(steady) < 0.35 * flicker([plane / FULL for plane in maps])
    left = steady[-1][12:28, 22:28]  # where it was some frames ago
    assert np.abs(left - steady[-1][36:, 22:28].mean(0)).mean() < 0.05
    assert steady[-1][12:28, 34:42].mean() > 0.85


def test_an_interrupted_film_goes_on_to_the_same_frames(tmp_path: Path, short_parts: None) -> None:
    frames = striped(14)
    at_once = film_of(tmp_path, frames, "at_once.mkv", find_depth=noisy)
    asked: list[int] = []

    def counted(pixels: np.ndarray) -> Picture:
        asked.append(int(pixels.astype(int).sum()))
        return noisy(pixels)

    def progress(count: int, total: int | None) -> None:
        if count == 13:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        film_of(tmp_path, frames, "later.mkv", find_depth=counted, progress=progress)
    assert len(asked) == 13
    asked.clear()
    assert same(film_of(tmp_path, frames, "later.mkv", find_depth=counted, resume=True), at_once)
    assert len(asked) < 13  # no more than the window before takes


def test_without_a_network_the_film_is_developed_without_blur_and_says_so(tmp_path: Path) -> None:
    frames, asked = striped(3), []
    source = write_video(tmp_path / "clip.mkv", frames)

    def none(pixels: np.ndarray) -> None:
        asked.append(pixels.shape)

    report = develop_film(source, tmp_path / "film.mkv", LOOK, seed=5, codec="ffv1", find_depth=none)
    assert [note for note in report.notes if note == NONE_FOUND] == [NONE_FOUND]
    assert len(asked) == 1
    assert same(rgb_frames(tmp_path / "film.mkv"), [develop(frame, LOOK, seed=5, frame=i) for i, frame in enumerate(frames)])
    develop_film(source, tmp_path / "sharp.mkv", Look(), seed=5, codec="ffv1", find_depth=none)
    assert len(asked) == 1  # a look without an aperture asks for no map


def test_an_aperture_that_opens_finds_maps_where_it_is_open(tmp_path: Path) -> None:
    frames = striped(6)
    look: dict[str, Any] = {**LOOK.to_dict(), "aperture": "0: (0), 3: (0), 4: (1.2)"}
    found = [np.ascontiguousarray(noisy(frame).pixels[..., 0]) for frame in frames]
    got = film_of(tmp_path, frames, look=look, find_depth=noisy)
    assert same(got[:4], [develop(frame, {**look, "aperture": 0}, seed=5, frame=i) for i, frame in enumerate(frames[:4])])
    assert same(got[5:], [develop(frames[5], LOOK, seed=5, frame=5, depth=steadied(found))])
    with pytest.raises(LookError):
        film_of(tmp_path, frames, "wrong.mkv", look={**look, "aperture": "0: (-1)"}, find_depth=noisy)
