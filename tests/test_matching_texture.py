"""Texture of references: glow, softness and vignette are told where they are to be seen, and none is given to what has none."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from docs.scenes import landscape, night
from filmlook import Look, develop, match
from filmlook.matching import style
from filmlook.matching.glow import glow_settings
from filmlook.matching.reference import read_reference
from filmlook.matching.softness import edges, softness_settings
from filmlook.matching.style import filter_features, style_distance, style_features, vgg_features
from filmlook.matching.vignette import vignette_settings

PLAIN = Look(stock="kodak_gold_200", effect_size=1.5, highlights=1.5)
CENTRES = ((90, 100), (240, 210), (400, 120), (160, 300), (420, 290))
"""Of the lamps."""


@pytest.fixture(scope="module")
def lamps() -> np.ndarray:
    """Small lamps in the dark."""
    image = Image.new("RGB", (512, 384), (14, 14, 16))
    draw = ImageDraw.Draw(image)
    for x, y in CENTRES:
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=(255, 255, 255))
    noise = np.random.default_rng(1).normal(0, 1.5, (384, 512, 1))
    return (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("softness", "least", "most"), [(0.0, 0, 0), (40.0, 20, 48)])
def test_softness_is_told_by_edges(softness: float, least: float, most: float) -> None:
    sharp = np.concatenate([edges(1024)] * 3)
    sharp[::12, :] = 235  # photographs have lines beside edges
    film = develop(sharp, dataclasses.replace(PLAIN, softness=softness), seed=2)
    found = softness_settings(PLAIN, [read_reference(film)])["softness"]
    assert least <= found <= most


def test_a_filter_is_told_by_lamps(lamps: np.ndarray) -> None:
    def found(**settings: float) -> dict[str, float]:
        true = dataclasses.replace(PLAIN, diffusion="pro-mist", **settings)  # type: ignore[arg-type]
        return glow_settings(dataclasses.replace(true, diffusion_grade=0.0), [read_reference(develop(lamps, true, seed=2))])

    assert found(diffusion_grade=0.0)["diffusion_grade"] == 0
    assert 0.2 < found(diffusion_grade=0.5)["diffusion_grade"] < 1.2


def test_walls_in_the_lamps_light_are_no_filter(lamps: np.ndarray) -> None:
    y, x = np.mgrid[0:384, 0:512]
    walls = np.max([60 / (1 + ((x - cx) ** 2 + (y - cy) ** 2) / 15**2) for cx, cy in CENTRES], 0)
    room = np.maximum(lamps, walls[..., None]).astype(np.uint8)
    look = dataclasses.replace(PLAIN, diffusion="pro-mist")
    assert not glow_settings(look, [read_reference(develop(room, look, seed=2))]).get("diffusion_grade")


@pytest.mark.long
def test_halation_is_told_by_red_rings(lamps: np.ndarray) -> None:
    def found(halation: float) -> dict[str, float]:
        true = dataclasses.replace(PLAIN, stock="cinestill_800t", halation=halation)
        return glow_settings(PLAIN_CINE, [read_reference(develop(lamps, true, seed=2))])

    none, some = found(0.0), found(3.0)
    assert none["halation"] < 0.3
    assert 1.5 < some["halation"] < 5
    assert some.get("diffusion_grade", 0.0) < 0.1  # what is red is the film's


PLAIN_CINE = dataclasses.replace(PLAIN, stock="cinestill_800t")


def test_without_lamps_glow_is_not_told() -> None:
    field = np.asarray(landscape(400, 600).convert("RGB"))
    assert glow_settings(PLAIN, [read_reference(field)]) == {}


@pytest.mark.long
def test_a_vignette_is_told_by_several_pictures() -> None:
    pictures = [np.asarray(draw(300, 400).convert("RGB")) for draw in (landscape, night)]
    pictures += [np.ascontiguousarray(np.rot90(one, 2)) for one in pictures]

    def found(vignette: float) -> float:
        true = dataclasses.replace(PLAIN, vignette=vignette)
        references = [read_reference(develop(one, true, seed=2)) for one in pictures]
        return vignette_settings(PLAIN, references).get("vignette", 0.0)

    assert found(0.0) < 0.3
    assert found(1.0) > found(0.0) + 0.4


def test_texture_alone_leaves_colour(scene: np.ndarray) -> None:
    base = Look(stock="kodak_gold_200", contrast=0.8, saturation=0.7, toning="none", effect_size=1.5)
    found = match(develop(scene, dataclasses.replace(base, grain=2.0), seed=1), only="texture", look=base)
    keys = ("stock", "print", "contrast", "saturation", "effect_size", "black", "exposure")
    assert [getattr(found.look, key) for key in keys] == [getattr(base, key) for key in keys]
    assert {"grain", "style"} <= set(found.fit)
    assert "distance" not in found.fit
    assert set(found.untold).isdisjoint(found.fit)


def test_style_is_nearest_with_grain_as_strong(scene: np.ndarray) -> None:
    look = Look(stock="kodak_gold_200", effect_size=2.0, grain=2.0)
    reference = read_reference(develop(scene, look, seed=1))
    near, weak, strong = (style_distance(dataclasses.replace(look, grain=g), reference, filter_features) for g in (2, 0, 8))
    assert near < min(weak, strong)


def weights() -> dict[str, torch.Tensor]:
    """Tensors as torchvision names them, of some network of VGG-19's shape."""
    torch.manual_seed(1)
    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256), 14: (256, 256)}
    shapes |= {16: (256, 256), 19: (512, 256)}
    found = {f"features.{at}.weight": torch.randn(*shape, 3, 3) * 0.05 for at, shape in shapes.items()}
    return found | {f"features.{at}.bias": torch.zeros(shape[0]) for at, shape in shapes.items()}


def test_vgg_judges_where_its_weights_are(tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    path = tmp_path / style._WEIGHTS
    path.parent.mkdir()
    style_features.cache_clear()
    assert style_features() is filter_features
    torch.save(weights(), path)
    style_features.cache_clear()
    code = torch.rand(1, 3, 32, 32)
    assert [tuple(own.shape) for own in style_features()(code)] == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    path.write_bytes(b"no weights")
    style_features.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert style_features() is filter_features
    assert "vgg19" in caplog.text
    with pytest.raises(ValueError, match=r"features\.0"):
        vgg_features(weights() | {"features.0.weight": torch.zeros(64, 4, 3, 3)})
    style_features.cache_clear()
