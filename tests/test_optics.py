"""A lens's character: what bends, parts, flares and darkens does so where physics says, and at 0 nothing does anything."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from filmlook import Look, develop
from filmlook.engine.colour_only import IN_SPACE
from filmlook.stages.lens import shaped_factor, spherical_transfer, vignette_factor
from filmlook.stages.optics import ghosts, moved, streaks

STOCK = "kodak_gold_200"
NONE = Look(stock=STOCK, grain=0, halation=0, sharpness=0, scan_softness=0)


def _lamp(height: int = 120, width: int = 200, y: int = 40, x: int = 50) -> Tensor:
    lamps = torch.zeros((3, height, width))
    lamps[:, y - 2 : y + 2, x - 2 : x + 2] = 40
    return lamps


def _chart() -> np.ndarray:
    """White lines in grey, 8 bit, around the middle."""
    chart = np.full((200, 300, 3), 110, np.uint8)
    chart[20:23, 10:-10] = chart[-23:-20, 10:-10] = 230
    chart[10:-10, 20:23] = chart[10:-10, -23:-20] = 230
    return chart


def _row(made: np.ndarray, column: int) -> float:
    """Where the upper line lies in a column, of its light's centre."""
    light = made[:60, column, 1].astype(float) - made[50:60, column, 1].mean()
    light = light.clip(8) - 8
    return float((light * np.arange(60)).sum() / light.sum())


@pytest.mark.parametrize(("distortion", "bulges"), [(1.0, 1), (-1.0, -1)])
def test_a_barrel_bends_lines_outwards_and_a_cushion_inwards(distortion: float, bulges: int) -> None:
    made = develop(_chart(), dataclasses.replace(NONE, distortion=distortion))
    middle, side = _row(made, 150), _row(made, 40)
    assert (side - middle) * bulges > 1.5  # a barrel's line is nearest to the edge in the middle


@pytest.mark.parametrize("distortion", [-1.0, -0.3, 0.4, 1.0])
def test_bending_shows_nothing_beyond_the_picture_and_leaves_a_field_flat(distortion: float) -> None:
    flat = torch.full((4, 60, 90), 0.3)
    torch.testing.assert_close(moved(flat, distortion, 1.0), flat)
    framed = torch.ones((4, 60, 90))
    framed[:, 1:-1, 1:-1] = 0  # what is mirrored beyond the picture would show its rim twice
    made = moved(framed, distortion, 0.0)[0]
    assert float(made[2:-2, 2:-2].max()) < 0.6


def test_nothing_rings_around_a_lamp() -> None:
    planes = torch.cat((_lamp(), _lamp()[:1])) + 0.05
    made = moved(planes, 0.7, 1.0)
    assert float(made.min()) >= 0.05 - 1e-6
    assert float(made.max()) <= 40.05 + 1e-4
    assert float(made[1].sum() - 0.05 * made[1].numel()) == pytest.approx(16 * 40, rel=0.25)  # bigger where it is pulled apart


def test_colours_part_towards_the_corners_and_not_in_the_middle() -> None:
    picture = np.full((200, 300, 3), 60, np.uint8)
    picture[96:104, 146:154] = picture[10:18, 10:18] = 235
    made = develop(picture, dataclasses.replace(NONE, aberration=1)).astype(int) - develop(picture, NONE).astype(int)
    corner, middle = (np.abs(np.diff(part.reshape(-1, 3), axis=1)).max() for part in (made[4:24, 4:24], made[90:110, 140:160]))
    assert corner > 20
    assert middle < corner / 2


def test_streaks_are_horizontal_blue_and_grow_with_the_lamp() -> None:
    made = streaks(_lamp(), 1.0)
    row, column = made[2, 40], made[2, :, 50]
    assert float(row.min()) > 0
    assert float(column[:30].max()) == 0
    assert float(made[2].sum()) > 2 * float(made[0].sum())
    torch.testing.assert_close(streaks(_lamp() * 2, 0.5), made)
    assert float(made.sum()) < 0.5 * float(_lamp().sum())


def test_ghosts_lie_across_the_middle_and_no_more_light_comes_than_is_told() -> None:
    lamps = _lamp()

    def disc(planes: Tensor, radius: float) -> Tensor:
        return planes

    made = ghosts(lamps, 1.0, disc)
    y, x = 60 + 0.75 * 20, 100 + 0.75 * 50  # the lamp is at (-20, -50) from the middle
    assert float(made[:, int(y), int(x)].sum()) > 3 * float(made[:, 5, 190].sum())
    assert 0 < float(made.sum()) < 0.2 * float(lamps.sum())
    assert float(ghosts(torch.zeros_like(lamps), 1.0, disc).abs().max()) == 0


def test_flare_and_streaks_need_a_lamp() -> None:
    day = (np.mgrid[0:150, 0:220][1] / 2 + 70).astype(np.uint8)[..., None].repeat(3, 2)
    plain = develop(day, NONE).astype(int)
    for look in (dataclasses.replace(NONE, flare=1), dataclasses.replace(NONE, streak=1)):
        assert np.abs(develop(day, look).astype(int) - plain).max() <= 1


def test_soft_focus_keeps_a_core_and_all_the_light() -> None:
    frequency = torch.tensor([0.0, 1 / 200, 1 / 20, 1.0])
    transfer = spherical_transfer(frequency, 1.0)
    assert float(transfer[0]) == pytest.approx(1)
    assert bool((transfer.diff() < 0).all())
    assert float(transfer[-1]) == pytest.approx(0.4, abs=0.05)
    grey = np.full((90, 120, 3), 119, np.uint8)
    assert np.abs(develop(grey, dataclasses.replace(NONE, glow=1)).astype(int) - develop(grey, NONE).astype(int)).max() <= 1


def test_a_shaped_vignette_is_the_plain_one_at_0_and_moves_with_its_middle() -> None:
    y, x = torch.arange(90.0)[:, None] + 0.5, torch.arange(120.0)[None] + 0.5
    plain = vignette_factor(y, x, (90, 120), 0.6)
    torch.testing.assert_close(shaped_factor(y, x, (90, 120), Look(vignette=0.6)), plain)
    corners = shaped_factor(y, x, (90, 120), Look(vignette=0.6, vignette_shape=0.8))
    assert float(corners[20, 30]) > float(plain[20, 30])
    assert float(corners[0, 0]) == pytest.approx(float(plain[0, 0]), rel=0.1)
    aside = shaped_factor(y, x, (90, 120), Look(vignette=0.6, vignette_x=-0.5))
    assert divmod(int(aside.argmax()), 120) in {(44, 29), (44, 30), (45, 29), (45, 30)}


@pytest.mark.parametrize("key", ["vignette_x", "vignette_y", "vignette_shape"])
def test_where_a_vignette_is_does_nothing_without_one(key: str) -> None:
    picture = _chart()
    np.testing.assert_array_equal(develop(picture, dataclasses.replace(NONE, **{key: 1.0})), develop(picture, NONE))


def test_a_lut_of_a_look_knows_nothing_of_its_lens() -> None:
    assert {"aperture", "aberration", "glow", "distortion", "flare", "streak"} <= set(IN_SPACE)
