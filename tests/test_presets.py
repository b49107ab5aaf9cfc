"""Presets of the user's own: saved, renamed, deleted, imported; the built-in ones stay as they are, and are what they say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from filmlook import Look, LookError, develop, list_looks, load_look, load_stock, presets
from filmlook.fitting.delta_e import to_cielab
from filmlook.look import LOOK_VERSION
from filmlook.paths import BUILT_IN
from filmlook.presets import (
    delete_preset,
    import_preset,
    is_own,
    load_preset,
    preset_json,
    read_preset,
    rename_preset,
    save_preset,
)
from filmlook.prints import print_labels
from filmlook.stock import stock_labels

MINE = Look(stock="kodak_portra_400", grain=1.7)
BUILT_IN_LOOKS = sorted(path.stem for path in (BUILT_IN / "looks").iterdir())
WITHOUT_TEXTURE: dict[str, Any] = {"grain": 0.0, "halation": 0.0, "sharpness": 0.0, "diffusion_grade": 0.0, "vignette": 0.0}
SKIN = np.array([[230.0, 190, 170], [200, 150, 125], [150, 105, 85]])
COLOURS = np.array([[200.0, 40, 40], [60, 140, 50], [50, 90, 170], [230, 200, 60], [90, 150, 210]])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_saved_looks_come_back(home: Path) -> None:
    save_preset("Été 1983", MINE, text="for holidays")
    preset = load_preset("Été 1983")
    assert (preset.look, preset.label, preset.help) == (MINE, "Été 1983", "for holidays")
    assert "Été 1983" in list_looks()
    assert [p.name for p in (home / "looks").iterdir()] == ["Été 1983.json"]


def test_renamed(home: Path) -> None:
    save_preset("one", MINE)
    rename_preset("one", "two")
    assert load_preset("two").look == MINE
    assert load_preset("two").label == "two"
    assert "one" not in list_looks()
    with pytest.raises(LookError, match="already"):
        rename_preset("two", "cinema")


def test_the_users_own_hides_a_built_in_one_until_it_is_deleted() -> None:
    before = (BUILT_IN / "looks" / "cinema.json").read_bytes()
    built_in = load_look("cinema")
    save_preset("cinema", MINE)
    assert load_look("cinema") == MINE
    assert is_own("cinema")
    delete_preset("cinema")
    assert load_look("cinema") == built_in
    assert not is_own("cinema")
    assert (BUILT_IN / "looks" / "cinema.json").read_bytes() == before
    for change in (delete_preset, lambda name: rename_preset(name, "mine")):
        with pytest.raises(LookError, match="none of your own"):
            change("cinema")


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a\\b", ".hidden", "end.", "end ", "x" * 65, "a:b", "a\nb", "nul\0"])
def test_names_are_names(name: str, home: Path) -> None:
    with pytest.raises(LookError, match="no name for a look"):
        save_preset(name, MINE)
    assert not home.exists()


def test_imported_and_exported(tmp_path: Path) -> None:
    file = tmp_path / "theirs.json"
    file.write_text(preset_json(load_preset("cinema")), encoding="utf-8")
    assert import_preset(file).look == load_look("cinema")
    assert load_preset("theirs").label == load_preset("cinema").label
    file.write_text('{"look": {"stock": "neutral", "grain": 99}}', encoding="utf-8")
    with pytest.raises(LookError, match="grain"):
        import_preset(file, "other")
    assert "other" not in list_looks()


def test_a_link_to_nowhere_takes_nothing_away(home: Path) -> None:
    for kind, suffix in (("looks", ".json"), ("stocks", ".cube")):
        (home / kind).mkdir(parents=True, exist_ok=True)
        (home / kind / f"gone{suffix}").symlink_to(home / "nowhere")
    assert "gone" not in list_looks()
    assert "gone" not in stock_labels()
    assert "cinema" in list_looks()


def test_without_a_folder_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILMLOOK_HOME")
    with pytest.raises(LookError, match="FILMLOOK_HOME"):
        save_preset("mine", MINE)


def made_of(name: str, codes: np.ndarray) -> np.ndarray:
    """What a built-in look makes of colours `(N, 3)` in 0..255, each alone on a field, without grain and glow."""
    fields = np.repeat(codes[:, None, None] / 255, 4, 1).repeat(4, 2).astype(np.float32)
    look = replace(load_look(name), **WITHOUT_TEXTURE)
    return 255 * np.stack([develop(field, look, seed=1)[1, 1] for field in fields])


def greys(*codes: float) -> np.ndarray:
    return np.repeat(np.array(codes)[:, None], 3, 1)


@pytest.mark.parametrize("name", BUILT_IN_LOOKS)
def test_built_in_looks_need_no_conversion_and_their_stock_allows_their_print(name: str) -> None:
    stored = json.loads((BUILT_IN / "looks" / f"{name}.json").read_text(encoding="utf-8"))["look"]
    assert stored["version"] == LOOK_VERSION
    look = load_look(name)
    assert look.print in print_labels(load_stock(look.stock))


@pytest.mark.parametrize("name", [n for n in BUILT_IN_LOOKS if n != "the-negative"])
def test_built_in_looks_keep_the_order_of_greys(name: str) -> None:
    ramp = made_of(name, greys(*range(0, 256, 15)))
    assert (np.diff(ramp, axis=0) > 0).all()


def test_gold_from_a_lab_is_light_with_faded_blacks_and_clean_whites() -> None:
    black, dark, middle, light, white = made_of("gold-from-a-lab", greys(0, 60, 119, 190, 255))
    assert 22 < black.mean() < 34
    assert 80 < dark.mean() < 95
    assert 145 < middle.mean() < 160
    assert 210 < light.mean() < 222
    assert white.min() > 248
    assert 1 < dark[0] - dark[2] < 8  # warm below, neutral above
    assert abs(light[0] - light[2]) < 2.5


def test_gold_from_a_lab_has_the_tones_of_the_network_it_is_named_after(reference: Path) -> None:
    table = np.loadtxt(reference / "prints" / "digitalfilm_gold200_tone.csv", delimiter=",")
    made = made_of("gold-from-a-lab", np.repeat(table[:, :1], 3, 1))
    assert np.sqrt(np.mean((made.mean(1) - table[:, 1:4].mean(1)) ** 2)) < 4


def test_the_negative_is_orange_and_turned_round() -> None:
    ramp = made_of("the-negative", greys(0, 60, 119, 190, 255))
    assert (np.diff(ramp[:, :2], axis=0) < 0).all()
    assert (ramp[:4, 0] > ramp[:4, 1] + 20).all()
    assert (ramp[:4, 1] > ramp[:4, 2]).all()


def test_cinema_as_printed_keeps_the_prints_own_ends() -> None:
    own, scanned = (made_of(name, greys(0, 255)) for name in ("cinema-printed", "cinema"))
    assert own[0].max() < 3 < scanned[0].min()
    assert own[1].max() < 236 < scanned[1].min()


def test_tri_x_street_is_grey_and_darkens_skies() -> None:
    sky, face = made_of("tri-x-street", np.array([[70.0, 130.0, 200.0], [200.0, 150.0, 125.0]]))
    assert np.ptp(sky) < 0.01
    assert np.ptp(face) < 0.01
    assert face[0] > sky[0] + 25
    assert made_of("tri-x-street", greys(0)).max() < 18  # direct: no faded blacks


def test_a_stop_to_spare_opens_the_shadows_of_portra() -> None:
    box, at_200 = (made_of(name, greys(30, 255)) for name in ("clean-print", "portra-at-200"))
    assert at_200[0].mean() > box[0].mean() + 3
    assert at_200[1].min() > 245


def cielab(codes: np.ndarray) -> np.ndarray:
    return np.asarray(to_cielab(torch.as_tensor(codes / 255, dtype=torch.float64)))


def chroma(codes: np.ndarray) -> float:
    return float(np.hypot(*cielab(codes)[:, 1:].T).mean())


def shown(name: str, picture: np.ndarray, **changes: Any) -> np.ndarray:
    """What a built-in look makes of a picture `(H, W, 3)` of codes, with its texture but for the vignette; codes too."""
    look = replace(load_look(name), vignette=0.0, **changes)
    return np.asarray(255 * develop((picture / 255).astype(np.float32), look, seed=1))


@pytest.mark.parametrize(
    "name",
    # Not those that say otherwise: printed light, saturated, grey, or no print at all.
    [
        n
        for n in BUILT_IN_LOOKS
        if n not in {"gold-from-a-lab", "velvia-landscape", "tri-x-street", "petzval-portrait", "the-negative"}
    ],
)
def test_skin_stays_believable(name: str) -> None:
    before, after = cielab(SKIN), cielab(made_of(name, SKIN))
    assert np.abs(after - before)[:, 0].max() < 6
    turned = np.degrees(np.arctan2(after[:, 2], after[:, 1]) - np.arctan2(before[:, 2], before[:, 1]))
    assert np.abs(turned).max() < 12


@pytest.mark.parametrize("name", [n for n in BUILT_IN_LOOKS if n not in {"clean-print", "the-negative"}])
def test_grain_shows_on_a_small_picture_and_is_no_noise(name: str) -> None:
    grey = shown(name, np.full((256, 1024, 3), 119.0))[50:-50, 50:-50]
    assert 1.5 < (grey @ (0.2126, 0.7152, 0.0722)).std() < 5.2
    red, green, blue = grey.std((0, 1))
    assert max(red, blue) < 1.7 * green  # no speckle of one colour


def test_classic_negative_is_soft_and_dark_in_its_mid_tones_with_faded_blacks() -> None:
    black, below, middle, above, sky, white = made_of("classic-negative", greys(0, 109, 119, 129, 200, 255)).mean(1)
    assert 20 < black < 34
    assert 112 < middle < 122
    assert (above - below) / 20 < 1.2
    assert sky < 212  # the sky is kept
    assert white > 240
    assert 10 < made_of("classic-negative-light", greys(0)).mean() < black


@pytest.mark.parametrize("colour", [(255.0, 255, 255), (255, 217, 140), (153, 191, 255)])
def test_cinestill_nights_lamps_wear_red_halos_whatever_their_colour(colour: tuple[float, float, float]) -> None:
    """Light a diffusion filter spreads has the lamp's own hue; what the film's base reflects is red."""
    y, x = np.mgrid[:400, :1024]
    lamp = np.where((np.hypot(y - 200, x - 512) < 8)[..., None], np.array(colour), 51.0)
    night = cielab(shown("cinestill-night", lamp, grain=0.0)[200])
    halo = night[512 + 16] - night[900]
    assert halo[0] > 0.5
    assert 25 < np.degrees(np.arctan2(halo[2], halo[1])) < 45


def test_a_super_8_frame_is_soft_and_its_lines_are_legible() -> None:
    page = np.full((128, 1024, 3), 255.0)
    page[:, 300:302] = page[:, 700:703] = 0
    line = shown("super-8", page, grain=0.0)[64].mean(1)
    ink = made_of("super-8", greys(0)).mean()
    two, three = ((line[100] - line[at : at + 3].min()) / (line[100] - ink) for at in (299, 700))
    assert 0.45 < two < three < 0.9
    assert three > 0.6
    assert ink < 15  # no haze


def test_velvia_is_more_colourful_than_a_negative_film() -> None:
    negative = replace(Look(stock="fujifilm_xtra_400"), **WITHOUT_TEXTURE)
    fields = np.repeat(COLOURS[:, None, None] / 255, 4, 1).repeat(4, 2).astype(np.float32)
    assert chroma(made_of("velvia-landscape", COLOURS)) > 1.04 * chroma(
        np.stack([255 * develop(f, negative)[1, 1] for f in fields])
    )


def test_tri_x_street_is_printed_to_mid_grey_and_white() -> None:
    middle, white = made_of("tri-x-street", greys(119, 255)).mean(1)
    assert middle == pytest.approx(118, abs=4)
    assert white > 245


def test_a_preset_deleted_between_listing_and_reading_is_the_built_in_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    save_preset("super-8", Look(grain=3), label="Mine")
    reads = []

    def deleted_meanwhile(path: Path) -> presets.Preset:
        reads.append(path)
        if len(reads) == 1:
            path.unlink()
        return read_preset(path)

    monkeypatch.setattr(presets, "read_preset", deleted_meanwhile)
    found = presets.load_preset("super-8")
    assert not found.own
    assert found.label != "Mine"
    assert len(reads) == 2
