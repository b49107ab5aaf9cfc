"""A series comes out alike: exposure and cast of its pictures are solved together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from docs.scenes import landscape
from filmlook import Look, develop
from filmlook.cli import main
from filmlook.files import infotext
from filmlook.files.picture import read
from filmlook.film.scene_light import display_code, scene_light
from filmlook.matching.series import series_looks, shifts, spread

OFF = np.array([[0.4, 0.1, -0.1], [-0.3, 0.0, 0.15], [0.0, -0.12, 0.05], [0.5, 0.05, 0.1], [-0.45, -0.08, -0.12]])
"""What the series' pictures are off: stops of exposure, log2 of red and of blue."""


def relit(code: np.ndarray, exposure: float, red: float, blue: float) -> np.ndarray:
    light = scene_light(torch.from_numpy(code / 255).float().clamp_min(1 / 510))
    light = light * 2.0 ** torch.tensor([exposure + red, exposure, exposure + blue])
    return (display_code(light).clamp(0, 1) * 255).round().byte().numpy()


@pytest.fixture(scope="module")
def shown() -> list[np.ndarray]:
    """Five views of one place, as they were."""
    whole = np.asarray(landscape(400, 600).convert("RGB")).copy()
    for y, x in ((250, 120), (260, 330), (220, 460)):  # people: skin of two tones
        whole[y : y + 70, x : x + 50] = (206, 160, 130)
        whole[y + 35 : y + 70, x : x + 50] = (176, 128, 100)
    corners = ((0, 0), (60, 100), (100, 200), (40, 180), (100, 40))
    return [np.ascontiguousarray(whole[y : y + 300, x : x + 400]) for y, x in corners]


@pytest.fixture(scope="module")
def series(shown: list[np.ndarray]) -> list[np.ndarray]:
    """They, each in a light of its own."""
    return [relit(code, *off) for code, off in zip(shown, OFF, strict=True)]


def test_what_pictures_of_a_series_are_off_is_found(series: list[np.ndarray]) -> None:
    left = shifts(series).numpy() + OFF
    off, left = OFF - OFF.mean(0), left - left.mean(0)
    assert (left.std(0) < 0.4 * off.std(0)).all()


@pytest.mark.parametrize("stock", ["kodak_gold_200", "fujifilm_velvia_100"])
def test_people_and_places_stay_alike(series: list[np.ndarray], stock: str) -> None:
    look = Look(stock=stock)
    before = spread([develop(code, look) for code in series])
    after = spread([develop(code, own) for code, own in zip(series, series_looks(series, look), strict=True)])
    assert after["skin"] < 0.6 * before["skin"]
    assert after["neutral"] < before["neutral"]


def test_pictures_of_other_things_stay_as_they_are(shown: list[np.ndarray]) -> None:
    random = np.random.default_rng(0)
    night = (shown[0] * np.array([0.1, 0.15, 0.3])).astype(np.uint8)
    fire = np.clip(random.normal((200, 80, 20), 20, (300, 400, 3)), 0, 255).astype(np.uint8)
    sea = np.clip(random.normal((30, 90, 160), 15, (300, 400, 3)), 0, 255).astype(np.uint8)
    moved = shifts([shown[1], night, fire, sea])
    assert float(moved[:, 0].abs().max()) < 0.35
    assert float(moved[:, 1:].abs().max()) < 0.1


def test_one_picture_or_none_that_can_be_read_is_no_series(shown: list[np.ndarray]) -> None:
    look = Look(exposure=0.3)
    assert series_looks([shown[0], None], look) == [look, look]
    assert series_looks([], look) == []


def test_a_black_or_a_white_picture_leaves_the_series_as_it_is_without_it(series: list[np.ndarray]) -> None:
    look = Look(stock="kodak_gold_200")
    black, white = np.zeros_like(series[0]), np.full_like(series[0], 255)
    assert series_looks([*series, black, white], look) == [*series_looks(series, look), look, look]
    assert series_looks([black, white, series[0]], look) == [look] * 3


def test_black_and_white_is_evened_in_exposure_alone(series: list[np.ndarray]) -> None:
    looks = series_looks(series, Look(stock="kodak_tri_x_400"))
    assert {(look.light_red, look.light_blue) for look in looks} == {(0.0, 0.0)}
    assert len({look.exposure for look in looks}) > 2


@pytest.mark.long
def test_the_command_develops_a_folder_as_a_series(series: list[np.ndarray], tmp_path: Path, capsys) -> None:
    (tmp_path / "in").mkdir()
    for i, code in enumerate(series):
        Image.fromarray(code).save(tmp_path / "in" / f"{i}.png")
    (tmp_path / "in" / "9.png").write_bytes(b"damaged")
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--same"]) == 1  # one is damaged
    films = [read(tmp_path / "out" / f"{i}.png") for i in range(len(series))]
    told = [infotext.of_text(film.text) for film in films]
    assert len({done.look.exposure for done in told if done and done.look}) == len(series)
    capsys.readouterr()
    reference = tmp_path / "reference.png"
    Image.fromarray(develop(series[0], Look(stock="kodak_portra_400"))).save(reference)
    assert main(["match", str(reference), "--only", "colour", "--same", str(tmp_path / "in")]) == 1
    told = capsys.readouterr()
    assert "a series of 5: neutral tones" in told.out
    assert "9.png" in told.err
