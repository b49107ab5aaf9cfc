"""In the WebUI a look with an aperture blurs by what ControlNet's preprocessors make, where their weights are there."""

from __future__ import annotations

import html
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import Look
from filmlook.depth import maps, networks
from tests.api.clients import b64, png
from tests.host.conftest import Host, Make


@pytest.fixture
def controlnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ControlNet whose MiDaS says that the left is near; its folder of weights is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(maps, "_kept", type(maps._kept)())
    monkeypatch.setattr(networks, "_NAMES", ())
    networks._network.cache_clear()
    folder, midas = ModuleType("annotator.annotator_path"), ModuleType("annotator.midas")
    folder.models_path = str(tmp_path / "weights")  # type: ignore[attr-defined]

    def apply_midas(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        near = np.broadcast_to(np.linspace(255, 0, rgb.shape[1]).astype(np.uint8), rgb.shape[:2])
        return near, rgb

    midas.apply_midas = apply_midas  # type: ignore[attr-defined]
    for name, module in (("annotator", ModuleType("annotator")), (folder.__name__, folder), (midas.__name__, midas)):
        monkeypatch.setitem(sys.modules, name, module)
    return tmp_path / "weights"


def test_controlnets_preprocessor_is_used_once_its_weights_are_there(host: Host, controlnet: Path) -> None:
    depth_for = host.module("depth_networks").depth_for
    image = Image.fromarray(np.tile(np.array([[40], [90]], np.uint8), (30, 80)))
    look = Look(aperture=2)
    assert depth_for(image, Look()) is None
    assert depth_for(image, look) is None
    (controlnet / "midas").mkdir(parents=True)
    (controlnet / "midas" / "dpt_hybrid-midas-501f0c75.pt").write_bytes(b"weights")
    found = depth_for(image, look)
    assert found is not None
    assert found.pixels[30, 2, 0] > 60000
    assert found.pixels[30, -3, 0] < 6000


@pytest.fixture
def tab(make_host: Make, controlnet: Path, tmp_path: Path) -> Host:
    host = make_host()
    host.build_page()
    host.options.data["outdir_samples"] = host.options.outdir_samples = str(tmp_path / "out")
    return host


def chosen_map(pixels: np.ndarray, far_white: bool = False) -> str:
    """What the page's script says of the map that was chosen in the viewer."""
    return json.dumps({"depth": b64(png(pixels)), "depth_far_white": far_white})


def near_left() -> tuple[np.ndarray, np.ndarray]:
    stripes = np.full((60, 120, 3), 60, np.uint8)
    stripes[:, np.arange(120) % 6 < 3] = 170
    depth = np.zeros((60, 120), np.uint8)
    depth[:, :60] = 255
    return stripes, depth


def developed_in_tab(host: Host, mode: int, **given: Any) -> tuple[list[Image.Image], str]:
    """Presses Develop with a wide open lens: the gallery, and the report."""
    host.find("film_look_generate").events[-1][1]["inputs"][1].value = mode
    for key, value in {"aperture": 1.2, "focal_length": 200, "focus": 0, "depth_near": 1, "grain": 0}.items():
        given[f"tab_film_look_{key}"] = value
    _, _, images, _, report = host.press("film_look_generate", **given)
    return images, html.unescape(report)


def crispness(image: Image.Image) -> tuple[float, float]:
    steps = np.abs(np.diff(np.asarray(image.convert("L"), int), axis=1)).mean(0)
    return float(steps[:40].mean()), float(steps[-40:].mean())


def test_the_tab_blurs_by_the_map_that_was_chosen(tab: Host) -> None:
    stripes, depth = near_left()
    image = Image.fromarray(stripes)
    (plain,), report = developed_in_tab(tab, 0, film_look_image=image)
    assert "no depth map, so nothing is blurred" in report
    (ours,), report = developed_in_tab(tab, 0, film_look_image=image, film_look_depth=chosen_map(depth))
    assert "no depth map" not in report
    assert crispness(ours)[1] < 0.6 * crispness(plain)[1]
    assert crispness(ours)[0] > 0.8 * crispness(plain)[0]
    (turned,), _ = developed_in_tab(tab, 0, film_look_image=image, film_look_depth=chosen_map(depth, True))
    assert crispness(turned)[0] < 0.6 * crispness(plain)[0]
    _, report = developed_in_tab(tab, 0, film_look_image=image, film_look_depth=chosen_map(depth[:30]))
    assert "depth map: it has 120 x 30 pixels, the picture 120 x 60; allowed is the same size" in report
    for broken in ("{", "[]", '{"depth": 3}', '{"depth": "AAAA", "depth_far_white": false}'):
        _, report = developed_in_tab(tab, 0, film_look_image=image, film_look_depth=broken)
        assert "the depth map cannot be read" in report


def test_the_tab_finds_maps_among_files_and_in_folders(tab: Host, tmp_path: Path) -> None:
    stripes, depth = near_left()
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(stripes).save(folder / "a.png")
    Image.fromarray(depth).save(folder / "a-depth.png")
    paths = [str(folder / "a.png"), str(folder / "a-depth.png")]
    for mode, given in ((1, {"film_look_files": paths}), (2, {"film_look_input_dir": str(folder)})):
        images, report = developed_in_tab(tab, mode, **given)
        assert len(images) == 1
        assert crispness(images[0])[1] < 0.6 * crispness(images[0])[0]
        assert "no depth map" not in report


def test_a_generated_picture_tells_the_hash_of_the_map_it_was_blurred_by(host: Host, controlnet: Path) -> None:
    (controlnet / "midas").mkdir(parents=True)
    (controlnet / "midas" / "dpt_hybrid-midas-501f0c75.pt").write_bytes(b"weights")
    processing = host.module("processing")
    choice = host.module("processing").LookChoice(Look(aperture=2, grain=0))
    image = Image.fromarray(np.tile(np.array([[40], [90]], np.uint8), (30, 80)))
    after, pairs = processing.film_image(image, choice, seed=1)
    assert "Film Look depth" in pairs
    _, plain = processing.film_image(image, processing.LookChoice(Look(grain=0)), seed=1)
    assert "Film Look depth" not in plain
    rows = np.asarray(after.convert("L"), int)
    assert np.ptp(rows[20:40, -20:]) < np.ptp(rows[20:40, 30:50])  # sharp where it is near
