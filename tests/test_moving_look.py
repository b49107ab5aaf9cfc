"""Looks that move: numbers that are schedules, wherever a look may come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from filmlook import ExposureLock, Look, LookError, MovingLook, develop, film_picture, load_look, load_moving_look
from filmlook.cli import main
from filmlook.engine.plan import development
from filmlook.files import infotext, picture
from filmlook.files.picture import Picture
from filmlook.look_choice import LookChoice
from filmlook.moving_look import keyframes
from filmlook.presets import import_preset, load_preset, rename_preset, save_preset
from filmlook.stock import load_stock

RISING = "0: (0), 10: (1)"
PLAIN = {"halation": 0, "sharpness": 0, "scan_softness": 0}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def scene() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (40, 60, 3), np.uint8)


def test_each_frame_has_its_look() -> None:
    moving = MovingLook.from_dict({"stock": "kodak_gold_200", "grain": 0.5, "exposure": RISING, "vignette": "0:(s/max_f)"})
    assert moving.is_moving
    assert moving.at(0, seed=3, last=10) == Look(grain=0.5, exposure=0, vignette=0.3)
    assert moving.at(5, seed=5, last=10) == Look(grain=0.5, exposure=0.5, vignette=0.5)
    assert moving.at(99, seed=0).exposure == 1
    film = moving.check(21, seed=4)
    assert film.at(3, seed=4).vignette == 0.2  # a film knows its last frame
    assert not MovingLook(Look()).is_moving


def test_looks_that_are_equal_compare_equal() -> None:
    one = MovingLook.from_dict({"grain": "0:(2)", "exposure": RISING})
    assert one == MovingLook.from_dict({"exposure": RISING, "grain": "0:(2)"})
    assert one == MovingLook(Look(grain=2), one.schedules)
    assert MovingLook.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert one.changed(grain=1, halation="0:(1)") == MovingLook.from_dict({"exposure": RISING, "halation": "0:(1)"})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"exposure": "0: (0), 30: (9)"}, "frame 30: exposure is 9.0; allowed: a number from -4 to 4 stops"),
        ({"exposure": "0: (0), 30"}, "exposure: '30' is no key"),
        ({"exposure": "bright"}, "allowed: a number from -4 to 4, or a schedule such as"),
        ({"stock": "0: (1)", "exposures": "0: (1)"}, "unknown setting 'exposures'"),
        ({"grain": "0: (import os)"}, "grain: '(import os)' is no expression"),
    ],
)
def test_what_is_wrong_is_told_at_once(values: dict[str, str], told: str) -> None:
    with pytest.raises(LookError) as caught:
        MovingLook.from_dict(values)
    assert told in str(caught.value)


def test_what_an_expression_makes_wrong_is_told_by_setting_and_frame() -> None:
    moving = MovingLook.from_dict({"grain": "0: (t)"})
    assert moving.at(8).grain == 8
    with pytest.raises(LookError, match=r"frame 9: grain is 9\.0; allowed: a number from 0 to 8"):
        moving.at(9)
    with pytest.raises(LookError, match="frame 9: grain is"):
        moving.check(100)
    with pytest.raises(LookError, match="grain: frame 3: '\\(1/\\(3-t\\)\\)' divides by zero"):
        MovingLook.from_dict({"grain": "0: (1/(3-t))"}).check(4)
    with pytest.raises(LookError, match="'stock' cannot move"):
        MovingLook(Look(), (("stock", "0: (1)"),))


def test_keyframes_are_read_line_by_line() -> None:
    assert keyframes("# slowly\nexposure: 0: (0), 10: (1)\n\n grain :0:(2)  # coarse\n") == {
        "exposure": RISING,
        "grain": "0:(2)",
    }
    for text, told in (
        ("x: 0: (1)", "line 1: 'x' cannot move"),
        ("grain: 0:(1)\ngrain: 0:(2)", "line 2: grain"),
        ("grain: 0:(99)", "frame 0: grain is 99"),
    ):
        with pytest.raises(LookError, match=told):
            keyframes(text)


def test_a_frame_is_developed_with_its_look(scene: np.ndarray) -> None:
    moving = {"exposure": RISING, "grain": "0:(s/5)"}
    for frame, exposure in ((0, 0), (4, 0.4)):
        still = Look(exposure=exposure, grain=1)
        assert np.array_equal(develop(scene, moving, seed=5, frame=frame), develop(scene, still, seed=5, frame=frame))


def test_an_infotext_tells_what_gives_the_same_picture(scene: np.ndarray) -> None:
    film = film_picture(Picture(scene), {"exposure": RISING, "grain": "0:(s/5)"}, seed=5, frame=4)
    told = infotext.of_text(film.text)
    assert told is not None
    assert told.look == Look(exposure=0.4, grain=1)
    assert told.seed is not None
    assert np.array_equal(develop(scene, told.look, seed=told.seed, frame=told.frame), film.pixels)


def test_presets_keep_what_moves(home: Path) -> None:
    moving = MovingLook.from_dict({"exposure": RISING, "grain": 2})
    save_preset("dawn", moving, label="Dawn")
    assert load_moving_look("dawn") == moving
    assert load_look("dawn") == Look(grain=2)
    assert load_look("dawn", frame=5).exposure == 0.5
    assert rename_preset("dawn", "dusk").moving == moving
    file = home / "looks" / "dusk.json"
    assert json.loads(file.read_text())["look"]["exposure"] == RISING
    assert import_preset(file, "other").moving == moving
    file.write_text(file.read_text().replace("10: (1)", "10: (5)"))
    with pytest.raises(LookError, match=r"dusk\.json: frame 10: exposure is 5"):
        load_preset("dusk")


def test_doors_take_schedules(home: Path) -> None:
    save_preset("dawn", MovingLook.from_dict({"exposure": RISING, "grain": 2}))
    choice = LookChoice.from_mapping({"look": "dawn", "halation": "0:(0), 10:(2)"})
    assert choice.look == Look(grain=2, halation=0)
    assert choice.moving.at(5) == Look(grain=2, halation=1, exposure=0.5)
    assert not LookChoice.from_mapping({"look": "dawn", "exposure": 1}).moving.is_moving


def test_the_command_develops_frames_with_what_moves(
    tmp_path: Path, scene: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        picture.write(tmp_path / "in" / f"{number}.png", Picture(scene))
    command = ["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--frames", "--seed", "1"]
    assert main([*command, "--exposure", "0:(0), 2:(1)"]) == 0
    for number in range(3):
        made = picture.read(tmp_path / "out" / f"{number}.png")
        assert np.array_equal(made.pixels, develop(scene, Look(exposure=number / 2), seed=1, frame=number))
    assert main([*command, "--overwrite", "--exposure", "0:(0), 2:(9)"]) == 2
    assert "frame 2: exposure is 9.0" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "--exposure", "bright"])
    assert "neither a number nor a schedule" in capsys.readouterr().err


def test_a_lock_holds_while_the_look_moves() -> None:
    """The lab's correction is the first frame's, whatever the exposure has become; any frame comes out so alone."""
    torch.manual_seed(0)
    dark, light = torch.rand(3, 64, 64) * 0.3, torch.rand(3, 64, 64) * 0.6 + 0.4
    moving, lock = MovingLook.from_dict({"lab": 1, "grain": 0, **PLAIN, "exposure": RISING}), ExposureLock()
    develop(dark, moving, lock=lock)
    after = develop(light, moving, frame=10, lock=lock)
    assert not torch.equal(after, develop(light, moving, frame=10))
    assert torch.equal(after, develop(light, moving, frame=10, lock=ExposureLock.of(dark)))
    still = MovingLook.from_dict({"lab": 1, "grain": 0, **PLAIN, "exposure": 1})
    assert torch.equal(after, develop(light, still, frame=10, lock=ExposureLock.of(dark)))


def test_a_lock_holds_a_networks_offset_while_the_look_moves() -> None:
    torch.manual_seed(0)
    dark, light = torch.rand(3, 64, 64) * 0.3, torch.rand(3, 64, 64) * 0.6 + 0.4
    moving = MovingLook.from_dict({"stock": "kodak_gold_200_network", "grain": 0, **PLAIN, "exposure": RISING})
    lock, frames = ExposureLock(), dark.clone()
    develop(frames, moving, lock=lock)
    frames.copy_(light)  # as a decoder does
    after = develop(frames, moving, frame=10, lock=lock)
    assert torch.equal(after, develop(light, moving, frame=10, lock=ExposureLock.of(dark)))
    assert not torch.equal(after, develop(light, moving, frame=10))


def test_a_choice_gives_each_frame_its_look() -> None:
    choice = LookChoice.from_mapping({"exposure": RISING, "grain": "0:(s/5)", "grain_seed": 5})
    assert choice.look_at(4, 5) == Look(exposure=0.4, grain=1)
    assert choice.look_at(None, 10) == Look(grain=2)


def test_a_key_without_a_number_is_told_by_its_setting() -> None:
    with pytest.raises(LookError, match=r"^exposure: '1e999' has no finite value"):
        MovingLook.from_dict({"exposure": "1e999: (1)"})


def test_settings_that_stand_bare_in_a_look_file_are_told_where_they_belong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps({"version": 2, "exposure": RISING}))
    assert main(["develop", "any.png", "-o", str(tmp_path / "out.png"), "--look", str(bare)]) == 2
    assert "it has no 'look'; allowed: {\"look\": {settings by key}}" in capsys.readouterr().err


def test_a_film_that_fades_in_is_planned_once() -> None:
    def planned(look: Look) -> object:
        return development(load_stock(look.stock), look, 64, 96, torch.device("cpu"))

    faded = Look(exposure=-2.0, lab=0.5, light_balance=40.0, filter="yellow-8", flicker=1.0)
    assert planned(faded) is planned(Look())
    assert planned(Look(contrast=0.9)) is not planned(Look())
