"""In the WebUI a look with an aperture blurs by what ControlNet's preprocessors make, where their weights are there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from filmlook import Look
from filmlook.depth import maps, networks
from tests.host.conftest import Host


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
