"""How sharply films see: what is published of it, and what nobody may see of it on greys."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from filmlook import Look, Stock, develop, list_stocks, load_stock
from filmlook.stages.edges import edge_response, edges, film_transfer, green_layer, non_negative_least_squares
from filmlook.stages.emulsion import emulsion
from filmlook.stages.psf import spread

GOLD, SLIDE, MONO = "kodak_gold_200", "kodak_ektachrome_100", "kodak_tri_x_400"
BARE = Look(halation=0, grain=0)


def _on_film(light: torch.Tensor, stock: Stock) -> torch.Tensor:
    """Layer exposure `1,L,H,W` of greys `(H, W)`."""
    return (light.double() * 10 ** stock.film.grey_offsets()[:, None, None])[None].float()


def _spread(exposure: torch.Tensor, stock: Stock, pitch_um: float) -> torch.Tensor:
    green = green_layer(stock.layers)
    return spread(exposure, lambda f: film_transfer(f, stock, 1.0, 1.0)[green : green + 1], pitch_um)


@pytest.mark.parametrize("name", list_stocks())
def test_a_stocks_light_spreads_and_never_goes_below_0(name: str) -> None:
    """What is published above 1 is left to development; the rest is a point spread that could be a lamp's picture."""
    gain, gaussians = edge_response(load_stock(name))
    assert 0 <= gain <= 1.2
    assert all(weight > 0 for weight, _ in gaussians)
    assert sum(weight for weight, _ in gaussians) == pytest.approx(1)


def test_least_squares_without_negative_weights() -> None:
    generator = np.random.default_rng(0)
    system, target = generator.random((30, 8)), generator.random(30)
    x = non_negative_least_squares(system, target)
    slope = system.T @ (target - system @ x)
    assert (x >= 0).all()
    assert (x == 0).any()  # without the bound some would go below it
    assert np.abs(slope[x > 0]).max() < 1e-8  # Kuhn and Tucker's conditions
    assert slope[x == 0].max() < 1e-8


@pytest.mark.parametrize("name", [GOLD, "kodak_tri_x_400", "fujifilm_velvia_100", "kodak_portra_400", "kodak_vision3_500t"])
def test_the_film_resolves_what_its_datasheet_says(name: str) -> None:
    """Contrast of fine gratings against that of a coarse one, through spread, development and edge effect; of every layer that
    of the green one, or edges of greys would be coloured."""
    stock = load_stock(name)
    width, pitch_um = 7200, 2.5
    x = torch.arange(width, dtype=torch.float64) * pitch_um / 1000  # mm

    def contrast(cycles_per_mm: float) -> torch.Tensor:
        light = 0.184 * 10 ** (0.02 * torch.sin(2 * math.pi * cycles_per_mm * x))
        exposure = _on_film(light.expand(8, width), stock)
        seen = edges(_spread(exposure, stock, pitch_um), exposure, stock, pitch_um=pitch_um)
        return emulsion(seen, stock)[0, :, 4, 720:-720].std(1)

    coarse = contrast(0.5)
    for cycles, published in zip(stock.mtf_cycles, stock.mtf[green_layer(stock.layers)], strict=True):
        assert (contrast(cycles) / coarse).tolist() == pytest.approx([published] * stock.layers, rel=0.1)


def test_an_edge_overshoots_within_its_neighbourhood_and_no_further_than_a_tenth_of_a_millimetre() -> None:
    """Soft edges are sharpened; a hard one, whose neighbours are as bright as it gets, hardly is."""
    stock, pitch_um = load_stock(GOLD), 5.0
    at = (torch.arange(400) - 200) * pitch_um
    for width_um, least, most in ((1, 0.0, 0.012), (60, 0.004, 0.08)):
        light = 0.05 * 10 ** (0.9 * torch.sigmoid(at / width_um * 4))
        exposure = _on_film(light.expand(8, 400), stock)
        x = edges(_spread(exposure, stock, pitch_um), exposure, stock, pitch_um=pitch_um)[0, 1, 4]
        plain = torch.log10(_spread(exposure, stock, pitch_um))[0, 1, 4]
        gained = x - plain
        assert float(gained[200:].max()) > least
        assert float(x.max() - plain.max()) < most
        assert float(plain.min() - x.min()) < most
        assert float(gained[:160].abs().max()) < 0.01  # 200 um away
        assert float(gained[240:].abs().max()) < 0.01


def test_inhibitors_run_short_at_hard_edges() -> None:
    """An edge of seven stops is sharpened by much less than fourteen times what one of half a stop is."""
    stock, over = load_stock(GOLD), []
    for stops in (0.5, 7):
        light = torch.full((8, 400), 0.184 * 2 ** (-stops / 2))
        light[:, 200:] = 0.184 * 2 ** (stops / 2)
        exposure = _on_film(light, stock)
        seen, plain = _spread(exposure, stock, 5.0), Look(sharpness=0)
        gained = edges(seen, exposure, stock, pitch_um=5.0) - edges(seen, exposure, stock, pitch_um=5.0, look=plain)
        over.append(float(gained[0, 1, 4].abs().max()))
    assert over[0] > 0.005
    assert over[1] < 7 * over[0]


@pytest.mark.parametrize("stock", [GOLD, SLIDE, MONO, "neutral"])
def test_sharpness_0_is_none_and_flat_fields_know_of_no_sharpness(stock: str) -> None:
    flat = np.full((80, 90, 3), 0.6, np.float32)
    shown = [develop(flat, dataclasses.replace(BARE, stock=stock, sharpness=s)) for s in (0.0, 0.5, 1.0, 3.0)]
    for other in shown[1:]:
        assert np.abs(other - shown[0]).max() * 255 < 0.1
    edge = np.repeat(np.where(np.arange(96) < 48, 0.3, 0.6)[None, :, None].astype(np.float32), 48, 0).repeat(3, 2)
    slopes = []
    for s in (0.5, 1.0, 2.0):
        slopes.append(
            np.abs(np.diff(develop(edge, dataclasses.replace(BARE, stock=stock, sharpness=s, effect_size=8))[24], axis=0)).max()
        )
    assert slopes[0] < slopes[1] + 1e-3
    assert slopes[1] < slopes[2] + 1e-3
    hard = develop(edge, dataclasses.replace(BARE, stock=stock, sharpness=0))[24]
    assert np.ptp(hard[:47], axis=0).max() < 1e-4  # a step stays a step


def texture() -> np.ndarray:
    """A grey picture `H,W,3` full of edges: cells, noise, lines, checkerboards, and a picture's squares of 8 pixels."""
    generator, (y, x) = np.random.default_rng(0), np.mgrid[:64, :64]
    lines = np.ones((64, 64))
    for i, at in enumerate(range(4, 60, 8)):
        lines[:, at : at + 1 + i % 3] = 0
        lines[at : at + 1 + i % 3, 32:] = 0
    squares = np.kron(generator.random((8, 8)), np.ones((8, 8))) + 0.2 * np.cos(x % 8) * np.cos(y % 8)
    rows = (
        (np.kron(generator.random((16, 16)), np.ones((4, 4))), generator.random((64, 64)), lines),
        ((y // 8 + x // 8) % 2, ((y + x) % 2) * 0.9 + 0.05, squares),
    )
    return np.concatenate([np.concatenate(r, 1) for r in rows]).clip(0, 1)[..., None].repeat(3, 2).astype(np.float32)


@pytest.mark.parametrize("stock", [s for s in list_stocks() if load_stock(s).kind != "network"])
def test_edges_of_greys_stay_grey(stock: str) -> None:
    """From pixels of 120 um on the film to 4 um: |R-G| and |B-G| hardly leave what flat greys have."""
    bare = Look(stock=stock, grain=0, frame="super8")
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(3, 2)
    flat = develop(ramp, dataclasses.replace(bare, halation=0, sharpness=0)) * 255
    for effect_size in (0.25, 1.0, 3.0, 8.0):
        shown = develop(texture(), dataclasses.replace(bare, effect_size=effect_size)) * 255
        for channel in (0, 2):
            most = np.percentile(np.abs(shown[..., channel] - shown[..., 1]), 99.9)
            assert most - np.abs(flat[..., channel] - flat[..., 1]).max() < 8


@pytest.mark.parametrize("stock", [GOLD, "kodak_ultramax_400", "fujifilm_c200", SLIDE, "kodak_portra_400", "neutral"])
def test_black_lines_on_white_stay_black_and_narrow(stock: str) -> None:
    """At the scale of a 1024 px picture of 35 mm, through halation and sharpness."""
    page = np.ones((256, 256, 3), np.float32)
    for at, width in ((60, 1), (120, 2), (180, 3)):
        page[:, at : at + width] = 0
    shown = develop(page, Look(stock=stock, grain=0, effect_size=4))[128] * 255
    white, black = shown[10], develop(np.zeros((8, 8, 3), np.float32), Look(stock=stock, grain=0))[0, 0] * 255
    for at, kept in ((60, 0.45), (120, 0.7), (181, 0.9)):
        assert abs(float(shown[at, 0] - shown[at, 1])) < 12
        assert (white - shown[at] > kept * (white - black)).all()
