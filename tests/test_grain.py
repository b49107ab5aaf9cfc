"""Grain as a scan shows it: integrated over pixels, softened by the scanner, with tones and layers as film has them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from filmlook import Look, develop, list_stocks, load_stock
from filmlook.stages.grain import grain
from filmlook.stages.scan import scan_kernel

GOLD = "kodak_gold_200"
COLOUR = [n for n in list_stocks() if (s := load_stock(n)).film and s.layers == 3]


def noise(stock: str, density: float, pitch_um: float, size: int = 512) -> torch.Tensor:
    film = load_stock(stock)
    flat = torch.full((1, film.layers, size, size), density)
    return (grain(flat, film, pitch_um=pitch_um, seed=1) - flat)[0].double()


def lag(n: torch.Tensor, pixels: int) -> float:
    return float((n[:, pixels:] * n[:, :-pixels]).mean() / n.var())


@pytest.mark.parametrize(
    ("pitch_um", "sigma", "lag_1", "lag_2"),
    [
        (2.0, 4.23, 0.90, 0.65),
        (4.4, 3.96, 0.64, 0.16),
        (8.8, 3.24, 0.30, 0.005),
        (12.0, 2.74, 0.20, 0),
        (24.0, 1.64, 0.08, 0),
        (35.2, 1.18, 0, 0),
    ],
)
def test_clouds_are_integrated_over_pixels(pitch_um: float, sigma: float, lag_1: float, lag_2: float) -> None:
    """Of a granularity of 1, by the covariance of Gaussian clouds seen through square pixels."""
    film = load_stock(GOLD)
    n = noise(GOLD, 1.0, pitch_um)[1]
    assert 1000 * float(n.std()) / film.granularity[1] == pytest.approx(sigma, rel=0.03)
    assert lag(n, 1) == pytest.approx(lag_1, abs=0.02)
    assert lag(n, 2) == pytest.approx(lag_2, abs=0.02)


def test_fine_pixels_averaged_are_coarse_pixels() -> None:
    fine = noise(GOLD, 1.0, 2.2, 2048)[1].reshape(512, 4, 512, 4).mean((1, 3))
    coarse = noise(GOLD, 1.0, 8.8)[1]
    assert float(fine.std() / coarse.std()) == pytest.approx(1, abs=0.03)
    assert lag(fine, 1) == pytest.approx(lag(coarse, 1), abs=0.03)


def test_reduced_pictures_keep_their_grain() -> None:
    n = noise(GOLD, 1.0, 12.0)[1]
    assert float(n.reshape(128, 4, 128, 4).mean((1, 3)).std() / n.std()) > 0.31


def test_silver_grain_grows_with_density() -> None:
    """As its square root: grains lie at random (Tri-X reads 11, 14, 17, 21 and 24)."""
    densities = (0.4, 0.7, 1.0, 1.6, 2.0)
    read = [float(noise("kodak_tri_x_400", d, 35.0).std()) for d in densities]
    assert [r / read[2] for r in read] == pytest.approx([math.sqrt(d) for d in densities], rel=0.03)


@pytest.mark.parametrize("stock", [GOLD, "kodak_portra_400", "kodak_vision3_500t", "cinestill_800t", "neutral"])
def test_light_tones_of_negatives_have_half_of_mid_greys_grain(stock: str) -> None:
    look = Look(stock=stock, halation=0, sharpness=0, effect_size=3)
    seen = {}
    for code in (0.5, 0.9):
        flat = np.full((256, 1024, 3), code, np.float32)
        seen[code] = (develop(flat, look, seed=1) - develop(flat, dataclasses.replace(look, grain=0))).reshape(-1, 3)
    assert seen[0.9].std(0)[1] < 0.52 * seen[0.5].std(0)[1]


@pytest.mark.parametrize("stock", [*COLOUR, "neutral"])
def test_grain_on_screen_is_neither_confetti_nor_grey(stock: str) -> None:
    flat = np.full((192, 768, 3), 0.5, np.float32)
    look = Look(stock=stock, halation=0, sharpness=0, effect_size=3)
    seen = (develop(flat, look, seed=1) - develop(flat, dataclasses.replace(look, grain=0))).reshape(-1, 3)
    together = np.corrcoef(seen.T)[[0, 0, 1], [1, 2, 2]]
    assert (together > 0.2).all()
    assert (together < (0.6 if stock != "neutral" else 0.4)).all()  # of no film it lies between
    cine = any(name in stock for name in ("vision3", "cinestill", "verita"))
    assert seen.std(0)[2] / seen.std(0)[1] < (2.2 if cine else 1.5)


def test_grain_colour_goes_from_grey_to_the_layers_own() -> None:
    flat = np.full((256, 256, 3), 0.5, np.float32)
    look = Look(stock="neutral", halation=0, sharpness=0)
    whole, apart = [], []
    for colour in (0.0, 0.5, 1.0):
        n = develop(flat, dataclasses.replace(look, grain_colour=colour), seed=1) - flat
        whole.append(float(n.std()))
        apart.append(float(n.std(-1).mean()))
    assert whole == pytest.approx([whole[2]] * 3, rel=0.05)
    assert apart[0] < 1e-6
    assert apart[0] < apart[1] < apart[2]


@pytest.mark.parametrize("stock", ["neutral", GOLD])
def test_the_strongest_grain_is_still_a_picture(stock: str) -> None:
    """Of stocks without layers it is a variation of exposure, and reaches beyond what a float can hold."""
    scene = np.broadcast_to(np.linspace(0, 1, 48, dtype=np.float32)[None, :, None], (32, 48, 3))
    out = develop(scene, Look(stock=stock, frame="large", grain=8, grain_mids=4, grain_highlights=4, tone_highlights=1))
    assert np.isfinite(out).all()


@pytest.mark.parametrize("effect_size", [1.0, 8.0])
def test_a_scan_softens_grain(effect_size: float) -> None:
    flat = np.full((352, 352, 3), 0.5, np.float32)
    look = Look(stock="neutral", frame="half", halation=0, sharpness=0, effect_size=effect_size)
    sharp, soft = (
        torch.from_numpy(develop(flat, dataclasses.replace(look, scan_softness=s), seed=1) - flat)[..., 1].double()
        for s in (0, 6)
    )
    assert soft.std() < sharp.std()
    assert lag(soft, 1) > lag(sharp, 1) + 0.03


@pytest.mark.parametrize("pitch_um", [2.0, 8.8, 35.0])
def test_a_scans_kernel_is_a_mean(pitch_um: float) -> None:
    kernel = scan_kernel(6.0, pitch_um)
    assert kernel[0] + 2 * sum(kernel[1:]) == pytest.approx(1)
    assert kernel[0] == max(kernel)
    assert scan_kernel(0.0, pitch_um) == [1.0]


@pytest.mark.parametrize("stock", [GOLD, "neutral", "kodak_gold_200_network", "kodak_tri_x_400"])
def test_a_scan_leaves_flat_fields_to_the_border_and_softens_lines(stock: str) -> None:
    look = Look(stock=stock, grain=0, halation=0, sharpness=0, effect_size=4)
    flat = np.full((500, 420, 3), 0.6, np.float32)
    flat[:, :, 1] = 0.4
    plain, soft = (develop(flat, dataclasses.replace(look, scan_softness=s)) for s in (0, 30))
    assert np.abs(plain - soft)[12:-12, 12:-12].max() < 2e-4
    assert np.abs(plain - soft).max() < (0.05 if "network" in stock else 2e-4)  # which sees black beyond the border
    lines = np.tile(np.array([0.3, 0.7], np.float32), 210)[None, :, None].repeat(500, 0).repeat(3, 2)
    contrast = [np.ptp(develop(lines, dataclasses.replace(look, scan_softness=s))[250, 200:220, 1]) for s in (0, 6, 30)]
    assert contrast[2] < 0.1 * contrast[0]
    assert contrast[2] < contrast[1] < contrast[0]


def test_a_scan_stays_within_black_and_white() -> None:
    """Its kernel has taps below 0, and bytes have no 256."""
    steps = np.zeros((64, 96, 3), np.uint8)
    steps[:, 30:60] = 255
    look = Look(stock="neutral", grain=0, halation=0, sharpness=0)
    out = develop(steps, look).astype(int)
    assert (out[:, 33:57] > 250).all()
    assert (out[:, :27] < 5).all()


def test_optical_softness_takes_the_crispness_off_a_picture(scene: np.ndarray) -> None:
    look = Look(grain=0, effect_size=2)
    crisp, soft, softer = (develop(scene, dataclasses.replace(look, softness=s)).astype(float) for s in (0, 20, 60))

    def detail(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture, axis=1)).mean())

    assert detail(softer) < detail(soft) < detail(crisp)
    assert detail(softer) < 0.8 * detail(crisp)
    assert np.abs(softer.mean((0, 1)) - crisp.mean((0, 1))).max() < 2
