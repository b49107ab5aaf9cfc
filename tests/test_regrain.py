"""Grain alone: as strong as the look's own at every tone, and nothing else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from filmlook import Look, develop, regrain

STOCKS = ("kodak_gold_200", "fujifilm_velvia_100", "kodak_tri_x_400", "neutral", "kodak_gold_200_network")
LOOK = Look(halation=0, sharpness=0, grain=2)


def _grey(code: float) -> np.ndarray:
    return np.full((256, 256, 3), code, np.float32)


@pytest.mark.parametrize("stock", STOCKS)
@pytest.mark.parametrize("code", [0.15, 0.45, 0.75])
def test_grain_is_as_strong_as_the_looks_own(stock: str, code: float) -> None:
    look = dataclasses.replace(LOOK, stock=stock)
    once = develop(_grey(code), look, seed=1)
    smooth = develop(_grey(code), dataclasses.replace(look, grain=0))
    again = regrain(smooth, look, seed=2)
    np.testing.assert_allclose(again.std((0, 1)), once.std((0, 1)), rtol=0.04, atol=2e-4)
    np.testing.assert_allclose(again.mean((0, 1)), smooth.mean((0, 1)), atol=3e-3)


def test_a_weaker_look_has_weaker_grain() -> None:
    smooth = develop(_grey(0.5), dataclasses.replace(LOOK, grain=0, strength=0.5))
    once = develop(_grey(0.5), dataclasses.replace(LOOK, strength=0.5), seed=3)
    again = regrain(smooth, dataclasses.replace(LOOK, strength=0.5), seed=4)
    np.testing.assert_allclose(again.std((0, 1)), once.std((0, 1)), rtol=0.04)


def test_without_grain_the_picture_stays_as_it_is(scene: np.ndarray) -> None:
    np.testing.assert_array_equal(regrain(scene, dataclasses.replace(LOOK, grain=0)), scene)


def test_tiles_alpha_and_seeds(scene: np.ndarray) -> None:
    picture = Image.fromarray(np.dstack([scene, scene[..., 0]]))
    whole = regrain(picture, LOOK, seed=5)
    np.testing.assert_array_equal(np.asarray(whole), np.asarray(regrain(picture, LOOK, seed=5, tile=64)))
    np.testing.assert_array_equal(np.asarray(whole)[..., 3], scene[..., 0])
    assert (np.asarray(whole) != np.asarray(regrain(picture, LOOK, seed=6))).mean() > 0.3


def test_grain_that_is_there_still_is_not_doubled() -> None:
    """Developed, and only partly smoothed since: what is added makes up for what went."""
    look = Look(stock="kodak_gold_200", halation=0, sharpness=0, effect_size=3)
    ramp = np.linspace(0.3, 0.7, 512, dtype=np.float32)[None, :, None].repeat(384, 0).repeat(3, 2)
    clean, grainy = (develop(ramp, dataclasses.replace(look, grain=g), seed=1) for g in (0, 1))
    whole = float((grainy - clean).std())
    for left in (0.0, 0.5, 1.0):
        picture = clean + left * (grainy - clean)
        again = regrain(picture, look, seed=2)
        assert float((again - clean).std()) == pytest.approx(whole, rel=0.12)
    assert np.abs(regrain(grainy, look, seed=1) - grainy).std() < 0.35 * whole
