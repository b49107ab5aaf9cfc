"""Lamps: what glows and what does not, and how light falls off around them."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from filmlook import Look, develop, list_stocks, load_look, load_stock
from filmlook.engine.plan import pitch_um
from filmlook.film.scene_light import MID_GREY, SCENE_GREY, scene_light
from filmlook.fitting.delta_e import to_cielab
from filmlook.networks.lamps import load_lamp_network
from filmlook.presets import list_looks

NIGHT = Look(stock="cinestill_800t", grain=0, highlights=3, halation=1.5, effect_size=2)
LUMA = np.array([0.2126, 0.7152, 0.0722])


def field(colour: float | tuple[float, ...], size: int = 512) -> np.ndarray:
    return np.ones((size, size, 3), np.float32) * np.float32(colour)


def lamp(ground: float = 0.05, radius: float = 8.5, colour: float | tuple[float, ...] = 1.0, size: int = 512) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    disc = np.clip(radius - np.hypot(x - size // 2, y - size // 2), 0, 1)[..., None]
    return (ground * (1 - disc) + disc * np.ones(3) * np.array(colour)).astype(np.float32)


def glow(picture: np.ndarray, look: Look = NIGHT) -> np.ndarray:
    """What rebuilt highlights add, in code."""
    return develop(picture, look) - develop(picture, dataclasses.replace(look, highlights=0))


def test_a_lamp_in_the_dark_glows_and_what_is_only_bright_does_not() -> None:
    assert glow(lamp())[256, 256 + 10 : 256 + 16].mean() > 0.05
    shirt, drawn, page = field(0.05), field((1.0, 0.88, 0.8)), field(1.0)
    shirt[100:420, 120:400] = 1
    drawn[100:400:12] = 0.1  # skin with lines, as it is drawn
    page[40:480:9, 40:480] = 0
    jumper = field(0.05)
    jumper[180:330, 180:330] = (0.95, 0.1, 0.12)
    for picture in (field(1.0), field((1.0, 0.88, 0.8)), field((0.0, 1.0, 0.24)), shirt, drawn, page, jumper):
        assert np.abs(glow(picture)).max() * 255 < 3


@pytest.mark.parametrize("long_px", [256, 1024, 2048])
def test_a_lamp_is_a_lamp_at_every_size_of_the_picture(long_px: int) -> None:
    picture = lamp(radius=9 * long_px / 1024, size=long_px)
    light = (develop(picture, dataclasses.replace(NIGHT, effect_size=1)) ** 2.2).sum((0, 1)) / long_px**2
    small = (develop(lamp(radius=4.5), dataclasses.replace(NIGHT, effect_size=1)) ** 2.2).sum((0, 1)) / 512**2
    assert light.tolist() == pytest.approx(small.tolist(), rel=0.1)


@pytest.mark.parametrize("highlights", [0.0, 3.0])
@pytest.mark.parametrize("stock", [s for s in list_stocks() if load_stock(s).kind != "network"])
def test_light_falls_off_around_a_lamp(stock: str, highlights: float) -> None:
    """No black ring and no double contour: brightness only falls outwards, and no pixel is darker than half its surround. The
    pixels are those of a 1024 px picture, and of one of 3072 px with the largest effects."""
    for ground in (0.03, 0.2):
        for effect_size in (2.0, 8.0):
            look = Look(stock=stock, grain=0, highlights=highlights, effect_size=effect_size)
            shown = develop(lamp(ground), look)[256, 256:] * 255
            brightness = shown @ LUMA
            rise = np.maximum.accumulate(brightness[::-1])[::-1] - brightness
            assert rise.max() < (1 if highlights else 1.5)  # a Mackie line, where a lamp is no brighter than white
            assert brightness.min() > 0.85 * brightness[-1]


@pytest.mark.parametrize("colour", [1.0, (1.0, 0.85, 0.6), (0.75, 0.88, 1.0)], ids=["white", "warm", "blue"])
@pytest.mark.parametrize("ground", [0.02, 0.2], ids=["black", "grey"])
def test_a_halo_without_antihalation_is_red(colour: float | tuple[float, ...], ground: float) -> None:
    shown = develop(lamp(ground, colour=colour), NIGHT)[256, 256:]
    lab = to_cielab(torch.from_numpy(shown)[:, None].double())[:, 0]
    lab = (lab - lab[-1] * torch.tensor([0.0, 1, 1])).numpy()
    hue, chroma = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])), np.hypot(lab[:, 1], lab[:, 2])
    halo = (np.arange(len(hue)) > 9) & (chroma > 8)
    assert halo.sum() >= 3
    assert (hue[halo] > 20).all()
    assert (hue[halo] < 48).all()


@pytest.mark.parametrize("name", list_looks())
def test_black_lines_stay_legible_in_every_look(name: str) -> None:
    """On paper and on skin; with the look's own diffusion, none, or up to half a grade."""
    look = dataclasses.replace(load_look(name), grain=0, vignette=0, lab=0, distortion=0)  # the lines stay in their place
    if pitch_um(load_stock(look.stock), look, 1024, 1024) < 10:
        pytest.skip("the film itself does not resolve them")
    if look.softness * look.effect_size > 20:
        pytest.skip("a toy camera's lens does not resolve them")
    if look.print == "negative":
        pytest.skip("a negative's black lines are the light ones, and no paper is beside them")
    grades = {look.diffusion_grade, 0.0, 0.5}
    for ground in ((1.0, 1.0, 1.0), (1.0, 0.88, 0.8)):
        picture = field(ground, 1024)[:128]
        for at, width in ((300, 2), (700, 3)):
            picture[:, at : at + width] = 0
        for grade in grades:
            shown = develop(picture, dataclasses.replace(look, diffusion_grade=grade))[64] @ LUMA
            paper = shown[100]
            ink = develop(field(0.0, 64), dataclasses.replace(look, diffusion_grade=grade))[8, 8] @ LUMA
            for at, width, kept in ((300, 2, 0.45), (700, 3, 0.6)):
                assert paper - shown[at : at + width].min() > kept * (paper - ink), (ground, grade, width)


def test_light_is_spread_and_none_is_lost() -> None:
    """Exposure in the mean is the same with and without halation and diffusion, lamps included."""
    from filmlook.engine import trace

    picture = lamp(radius=5, size=300)
    spread = Look(stock="cinestill_800t", grain=0, highlights=3, diffusion="black-pro-mist", diffusion_grade=0.5)
    wide, narrow = (
        {name: whole for name, whole, _ in trace(picture, look)}["exposure"].mean((0, 2, 3))
        for look in (spread, dataclasses.replace(spread, diffusion_grade=0, halation=1e-3))
    )
    assert wide.tolist() == pytest.approx(narrow.tolist(), rel=2e-3)


def night() -> np.ndarray:
    """Lamps, large and small, across blocks and at the border, `700,530,3` 8 bit."""
    y, x = np.mgrid[:700, :530].astype(np.float32)
    picture = np.stack((0.02 + 0.1 * x / 530, 0.04 + 0.05 * np.sin(y / 30) ** 2, 0.1 * y / 700), -1)
    for i, j, size in ((100, 100, 3), (348, 200, 6), (352, 262, 2), (2, 400, 5), (640, 527, 4), (500, 90, 1)):
        picture[max(i - size, 0) : i + size, j - size : j + size] = 1
    return (picture * 255).round().astype(np.uint8)


@pytest.mark.parametrize("stock", ["cinestill_800t", "kodak_tri_x_400", "neutral"])
def test_lamps_are_the_same_whatever_is_in_flight(stock: str) -> None:
    look = dataclasses.replace(NIGHT, stock=stock, diffusion_grade=0.25, vignette=0.3)
    whole = develop(night(), look, tile=4096)
    for tile in (64, 600):
        assert (develop(night(), look, tile=tile) == whole).all()
    assert (develop(np.stack((255 - night(), night())), look)[1] == whole).all()


def test_what_is_above_white_already_glows_as_what_is_rebuilt() -> None:
    """A lamp of eight times white, in scene light: as one of code white whose highlights are rebuilt by three stops."""
    shown = lamp(radius=3.5, size=384)
    shown = np.where(shown > 0.5, 1, shown[0, 0]).astype(np.float32)
    light = scene_light(torch.from_numpy(shown)) * (SCENE_GREY / MID_GREY)
    light[torch.from_numpy(shown) == 1] *= 8
    given = develop(light.numpy(), dataclasses.replace(NIGHT, highlights=0), scene_linear=True)
    again = develop(light.numpy(), NIGHT, scene_linear=True)
    made = develop(shown, NIGHT)
    assert np.abs(given - made).max() * 255 < 2
    assert np.abs(again - given).max() * 255 < 0.5


@pytest.mark.parametrize("stock", ["kodak_gold_200", "cinestill_800t", "kodak_tri_x_400", "neutral"])
@pytest.mark.parametrize("grade", [0.0, 0.5, 1.0])
def test_highlights_begin_without_a_jump(stock: str, grade: float) -> None:
    """From none to the least that can be chosen: what rebuilds light and what lets it spread as a lamp's sets in slowly."""
    look = Look(stock=stock, grain=0, effect_size=2, diffusion_grade=grade)
    for picture in (lamp(size=256), night().astype(np.float32)[300:500, 100:300] / 255):
        shown = [develop(picture, dataclasses.replace(look, highlights=h)) for h in (0.0, 0.05, 0.1)]
        first, second = (np.abs(b - a).max() * 255 for a, b in itertools.pairwise(shown))
        assert first < 5
        assert first < 1.3 * second


def test_looking_for_lamps_leaves_a_hosts_random_numbers_alone() -> None:
    load_lamp_network.cache_clear()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    develop(lamp(size=128), NIGHT)
    assert torch.equal(torch.rand(3), expected)


def test_a_gpus_network_says_what_the_cpus_says(scene: np.ndarray) -> None:
    """In double precision there and in single here: a lamp must not depend on where it is looked for."""
    from filmlook.engine import lamp_gate as room
    from filmlook.stages.lamps import cell_means, facts

    light = scene_light(torch.from_numpy(scene).movedim(2, 0) / 255)
    means = cell_means(light, (96, 128))
    there = room._network_on(torch.device("cpu"))(facts(means).double())
    assert there.dtype == torch.float64
    assert (there - room._odds(means)).abs().max() < 1e-4
