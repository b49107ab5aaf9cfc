"""Scenes: cuts are found, and flashes, fades, pans and movement are none; within a scene nothing flickers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from filmlook import ExposureLock, Look, LookError, develop
from filmlook.films.scenes import find_cuts, in_scenes

HEIGHT, WIDTH = 72, 128


def world(seed: int) -> np.ndarray:
    """A place wider than the picture, `(H, 4 W, 3)` in [0, 1]: soft hills of colour with things in front of them."""
    dice = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0 : 4 * WIDTH].astype(np.float32)
    place = np.zeros((HEIGHT, 4 * WIDTH, 3), np.float32) + dice.uniform(0.15, 0.75, 3)
    for _ in range(6):
        waves = np.sin(x / dice.uniform(15, 60) + dice.uniform(0, 6)) * np.cos(y / dice.uniform(10, 40) + dice.uniform(0, 6))
        place += waves[..., None] * dice.uniform(-0.08, 0.08, 3)
    for _ in range(40):
        top, left = dice.integers(0, HEIGHT), dice.integers(0, 4 * WIDTH)
        place[top : top + dice.integers(4, 30), left : left + dice.integers(4, 40)] = dice.uniform(0, 1, 3)
    return place.clip(0, 1)


def frame(place: np.ndarray, left: float = 0, noise: int = 0) -> np.ndarray:
    shown = place[:, round(left) : round(left) + WIDTH]
    return ((shown + np.random.default_rng(noise).normal(0, 0.01, shown.shape)).clip(0, 1) * 255).astype(np.uint8)


def shot(seed: int, count: int, speed: float = 0) -> Iterator[np.ndarray]:
    place = world(seed)
    yield from (frame(place, speed * i, i) for i in range(count))


@pytest.mark.long
def test_cuts_are_found_between_still_and_moving_shots() -> None:
    film = [*shot(1, 7), *shot(2, 5, speed=4), *shot(3, 1), *shot(4, 6), *shot(5, 5, speed=9)]
    assert find_cuts(film) == [0, 7, 12, 13, 19]
    found = sum(find_cuts([*shot(2 * i, 4), *shot(2 * i + 1, 4)]) == [0, 4] for i in range(10, 30))
    assert found >= 19


def test_what_changes_within_a_shot_is_no_cut() -> None:
    assert find_cuts(shot(1, 14, speed=WIDTH * 0.1)) == [0]  # a pan over the picture's width in ten frames
    for lasts in (1, 2):
        film = list(shot(2, 12))
        for i in range(5, 5 + lasts):
            film[i] = (film[i].astype(int) * 1.5 + 60).clip(0, 255).astype(np.uint8)
        assert find_cuts(film) == [0]
    fading = [(f * min(1, i / 10)).astype(np.uint8) for i, f in enumerate(shot(3, 16))]
    assert find_cuts(fading) == [0]
    assert find_cuts(fading[::-1]) == [0]
    walking = list(shot(4, 12))
    for i, f in enumerate(walking):
        f[20:60, 5 + 8 * i : 30 + 8 * i] = (40, 20, 90)
    assert find_cuts(walking) == [0]
    assert find_cuts([]) == []


def test_scenes_share_what_their_first_frame_decides() -> None:
    film = [*shot(1, 4, speed=3), *shot(2, 4, speed=3)]
    look = Look(lab=1, grain=0, halation=0, sharpness=0, scan_softness=0)
    made = [develop(f, look, frame=n, lock=lock) for n, f, lock in in_scenes(film, lambda f: f)]
    for number, first in ((3, 0), (6, 4)):
        alone = develop(film[number], look, frame=number, lock=ExposureLock.of(film[first]))
        assert np.array_equal(made[number], alone)
    given = list(in_scenes(film, lambda f: f, cuts=[2]))
    assert [lock is given[0][2] for _, _, lock in given] == [True] * 2 + [False] * 6
    with pytest.raises(LookError, match="a cut is -1"):
        list(in_scenes(film, lambda f: f, cuts=[-1]))


def test_a_static_shot_does_not_flicker() -> None:
    """Sensor noise alone differs from frame to frame; what is measured is the mean of 8-bit frames, and of parts of them."""
    night = np.full((128, 192, 3), 12.0)
    y, x = np.mgrid[0:128, 0:192]
    for row, column, size in ((30, 40, 3), (70, 150, 5), (100, 90, 2), (50, 110, 4)):
        night[np.hypot(y - row, x - column) < size] = 255
    dice = np.random.default_rng(0)
    frames = [(night + dice.normal(0, 1.5, night.shape)).clip(0, 255).astype(np.uint8) for _ in range(5)]
    look = Look(grain=0, lab=1, highlights=3, diffusion_grade=0.25, frame="super35")
    made = [
        torch.from_numpy(develop(f, look, frame=n, lock=lock).astype(np.float32)).mean(2)
        for n, f, lock in in_scenes(frames, lambda f: f)
    ]
    film = torch.stack(made)
    mean = film.mean((1, 2))
    assert float((mean[1:] - mean[:-1]).abs().max()) < 0.1
    parts = torch.nn.functional.avg_pool2d(film[:, None], 16)
    assert float((parts[1:] - parts[:-1]).abs().max()) < 1
