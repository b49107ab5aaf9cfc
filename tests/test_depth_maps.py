"""Where depth maps come from: a file beside the picture, another program's network, transformers' on the disk; never a
download."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from filmlook.cli import main
from filmlook.depth import maps, networks
from filmlook.depth.guided import refined
from filmlook.depth.maps import depth_of
from filmlook.engine.develop import develop
from filmlook.errors import PictureError
from filmlook.files import infotext, picture
from filmlook.look import Look
from filmlook.paths import tell_once


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(maps, "_kept", type(maps._kept)())
    monkeypatch.setattr(networks, "_NAMES", ())
    networks._network.cache_clear()
    tell_once.cache_clear()


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """A grey figure on a striped ground, and its depth."""
    scene = np.full((120, 160, 3), 30, np.uint8)
    scene[:, ::5] = 60
    depth = np.zeros((120, 160), np.uint8)
    scene[30:, 60:100], depth[30:, 60:100] = 150, 255
    return scene, depth


def test_what_a_network_made_is_kept_by_the_pictures_hash() -> None:
    scene, depth = _scene()
    asked = []

    def estimator(rgb: np.ndarray) -> np.ndarray:
        asked.append(rgb.shape)
        return depth[::2, ::2] * 3.0 + 7  # of another size and scale

    made = depth_of(scene, estimators=[estimator])
    assert made is not None
    assert made.pixels.shape[:2] == scene.shape[:2]
    near, far = made.pixels[80, 80, 0], made.pixels[80, 20, 0]
    assert near > 0.9 * 65535
    assert far < 0.1 * 65535
    maps._kept.clear()  # another process finds it on the disk
    again = depth_of(scene, estimators=[estimator])
    assert again is not None
    np.testing.assert_array_equal(again.pixels, made.pixels)
    assert asked == [(120, 160, 3)]
    depth_of(scene[:, ::-1].copy(), estimators=[estimator])
    assert len(asked) == 2


def test_edges_are_brought_to_those_of_the_picture() -> None:
    scene, depth = _scene()
    soft = np.asarray(Image.fromarray(depth).resize((20, 15), Image.Resampling.BOX)) / 255
    plain = np.asarray(
        Image.fromarray(depth).resize((20, 15), Image.Resampling.BOX).resize((160, 120), Image.Resampling.BICUBIC)
    )
    truth = depth / 255
    assert np.abs(refined(soft, scene) - truth).mean() < 0.4 * np.abs(plain / 255 - truth).mean()


def test_without_any_one_line_says_what_to_install(caplog: pytest.LogCaptureFixture) -> None:
    scene, _ = _scene()
    assert depth_of(scene) is None
    assert depth_of(scene) is None
    told = [record.getMessage() for record in caplog.records if "depth map" in record.getMessage()]
    assert len(told) == 1
    assert "install transformers" in told[0]
    assert "\n" not in told[0]


def test_a_network_that_fails_is_told_and_the_next_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    scene, depth = _scene()

    def broken(rgb: np.ndarray) -> np.ndarray:
        raise RuntimeError("no weights")

    assert depth_of(scene, estimators=[broken, lambda rgb: depth]) is not None
    assert "RuntimeError: no weights" in caplog.text


@pytest.mark.parametrize(("kind", "nearest"), [("depth_anything", True), ("zoedepth", False)])
def test_transformers_networks_are_looked_for_on_the_disk_alone(
    monkeypatch: pytest.MonkeyPatch, kind: str, nearest: bool
) -> None:
    scene, depth = _scene()
    asked: list[dict[str, Any]] = []
    told = torch.from_numpy(depth.astype(np.float32))[None] + 1

    class Network:
        config = SimpleNamespace(model_type=kind)

        def eval(self) -> Network:
            return self

        def __call__(self, **_: Any) -> Any:
            return SimpleNamespace(predicted_depth=told)

    def loader(made: Any) -> Any:
        def from_pretrained(name: str, **options: Any) -> Any:
            asked.append(options)
            return made

        return SimpleNamespace(from_pretrained=from_pretrained)

    fake = SimpleNamespace(
        AutoImageProcessor=loader(lambda images, return_tensors: {}), AutoModelForDepthEstimation=loader(Network())
    )
    monkeypatch.setitem(sys.modules, "transformers", fake)
    monkeypatch.setattr(networks, "find_spec", lambda name: object())
    monkeypatch.setattr(networks, "_NAMES", ("somebody/depth",))
    made = depth_of(scene)
    assert made is not None
    assert (made.pixels[80, 80, 0] > made.pixels[80, 20, 0]) == nearest
    assert asked == [{"local_files_only": True}, {"local_files_only": True, "use_safetensors": True}]  # nothing is unpickled


@pytest.mark.parametrize("ending", ["-depth.png", "_depth.png", ".depth.tif"])
def test_the_command_takes_a_map_beside_the_picture_and_tells_its_hash(tmp_path: Path, ending: str) -> None:
    scene, depth = _scene()
    for name in ("with.png", "without.png"):
        Image.fromarray(scene).save(tmp_path / name)
    Image.fromarray(depth).save(tmp_path / f"with{ending}")
    looks = ["--aperture", "1.4", "--focal-length", "200", "--focus", "0", "--seed", "1"]
    for name in ("with", "without"):
        assert main(["develop", str(tmp_path / f"{name}.png"), "-o", str(tmp_path / f"{name}-film.png"), *looks]) == 0
    made = [picture.read(tmp_path / f"{name}-film.png") for name in ("with", "without")]
    assert [infotext.DEPTH in film.text["parameters"] for film in made] == [True, False]
    stripes = [np.ptp(film.pixels[100, 5:40, 1].astype(int)) for film in made]
    assert stripes[0] < 0.6 * stripes[1]


def test_maps_in_a_folder_are_no_pictures_to_develop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene, depth = _scene()
    for name, image in (("a.png", scene), ("a-depth.png", depth), ("b-depth.png", depth)):
        Image.fromarray(image).save(tmp_path / name)
    assert main(["develop", str(tmp_path), "-o", str(tmp_path / "out"), "--aperture", "2", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "a.png ->" in told
    assert "a-depth.png ->" not in told
    assert "b-depth.png ->" in told  # of no picture that is there
    assert main(["develop", str(tmp_path), "-o", str(tmp_path / "out"), "--dry-run"]) == 0
    assert "a-depth.png ->" in capsys.readouterr().out


def test_white_may_be_far(tmp_path: Path) -> None:
    scene, depth = _scene()
    Image.fromarray(scene).save(tmp_path / "a.png")
    Image.fromarray(depth).save(tmp_path / "near.png")
    Image.fromarray(255 - depth).save(tmp_path / "far.png")
    looks = ["--aperture", "1.4", "--focus", "0", "--seed", "1", "--grain", "0"]
    for name, more in (("near", []), ("far", ["--depth-far-white"])):
        depth_file = ["--depth", str(tmp_path / f"{name}.png"), *more]
        assert main(["develop", str(tmp_path / "a.png"), "-o", str(tmp_path / f"o-{name}.png"), *looks, *depth_file]) == 0
    made = [picture.read(tmp_path / f"o-{name}.png").pixels for name in ("near", "far")]
    np.testing.assert_array_equal(made[0], made[1])


def test_a_map_of_another_size_beside_the_picture_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene, depth = _scene()
    Image.fromarray(scene).save(tmp_path / "a.png")
    Image.fromarray(depth[:60]).save(tmp_path / "a-depth.png")
    assert main(["develop", str(tmp_path / "a.png"), "-o", str(tmp_path / "o.png"), "--aperture", "2"]) != 0
    assert "depth map: it has 160 x 60 pixels, the picture 160 x 120" in capsys.readouterr().err
    (tmp_path / "b-depth.png").write_bytes(b"no picture")
    with pytest.raises(PictureError):
        depth_of(scene, tmp_path / "b.png")


@pytest.mark.parametrize("name", ["IMG_1-depth.PNG", "IMG_1_depth.jpeg", "IMG_1-depth.TIF"])
def test_a_map_beside_a_cameras_file_is_found_by_whatever_suffix_it_has(tmp_path: Path, name: str) -> None:
    scene, depth = _scene()
    Image.fromarray(scene).save(tmp_path / "IMG_1.JPG")
    Image.fromarray(depth).save(tmp_path / name)
    assert maps.beside(tmp_path / "IMG_1.JPG") == tmp_path / name


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("far_white", [False, True])
def test_floating_point_is_nearness_itself_and_no_light_to_be_shown(tmp_path: Path, beside: bool, far_white: bool) -> None:
    scene, depth = _scene()
    depth = depth // 2 + 30
    far = ["--depth-far-white"] if far_white else []
    made = []
    for name, image in (("codes.tif", depth.astype(np.uint16) * 257), ("floats.tif", depth.astype(np.float32) / 255)):
        folder = tmp_path / name
        folder.mkdir()
        Image.fromarray(scene).save(folder / "a.png")
        Image.fromarray(image).save(folder / "a-depth.tif")
        given = [] if beside else ["--depth", str(folder / "a-depth.tif")]
        looks = ["--aperture", "1.4", "--focal-length", "200", "--focus", "0", "--seed", "1", "--grain", "0"]
        assert main(["develop", str(folder / "a.png"), "-o", str(folder / "o.png"), *looks, *given, *far]) == 0
        made.append(picture.read(folder / "o.png").pixels.astype(int))
    assert np.abs(made[0] - made[1]).max() <= 1


def test_metres_and_other_scales_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene, depth = _scene()
    Image.fromarray(scene).save(tmp_path / "a.png")
    Image.fromarray(depth.astype(np.float32) / 10).save(tmp_path / "a-depth.tif")
    calls = (["--depth", str(tmp_path / "a-depth.tif")], [], ["--depth-far-white"])
    for given in calls:
        assert main(["develop", str(tmp_path / "a.png"), "-o", str(tmp_path / "o.png"), "--aperture", "2", *given]) != 0
        told = capsys.readouterr().err
        assert "values from 0 to 25.5; allowed in floating point are 0 to 1" in told
        assert len(told.strip().splitlines()) == 1
        assert "a-depth.tif" in told or "depth map" in told
    look = Look(aperture=2)
    with pytest.raises(PictureError, match="depth map: it has values from 0 to 255; allowed"):
        develop(scene, look, depth=depth.astype(np.float32))
    overshot = (depth / 255 * 1.04 - 0.02).astype(np.float32)
    np.testing.assert_array_equal(
        develop(scene, look, seed=1, depth=overshot), develop(scene, look, seed=1, depth=overshot.clip(0, 1))
    )


def test_a_map_that_no_aperture_asks_for_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene, depth = _scene()
    Image.fromarray(scene).save(tmp_path / "a.png")
    Image.fromarray(depth).save(tmp_path / "near.png")
    call = ["develop", str(tmp_path / "a.png"), "-o", str(tmp_path / "o.png"), "--depth", str(tmp_path / "near.png")]
    assert main([*call, "--overwrite"]) == 0
    assert "--depth is not used: the look has no aperture; --aperture or --lens gives it one" in capsys.readouterr().err
    assert main([*call, "--overwrite", "--aperture", "2"]) == 0
    assert "--depth is not used" not in capsys.readouterr().err


def test_what_is_no_map_of_this_picture_is_refused_in_a_line() -> None:
    scene, depth = _scene()
    look = Look(aperture=2)
    for odd, told in (
        (np.zeros((0, 0)), "allowed is the same size"),
        (np.dstack([depth] * 3), "one for each, as H,W or B,H,W"),
    ):
        with pytest.raises(PictureError, match=told):
            develop(scene, look, depth=odd)
    halves = torch.from_numpy(depth > 100)
    made = [develop(scene, look, seed=1, depth=halves.to(kind)) for kind in (torch.bool, torch.bfloat16)]
    np.testing.assert_array_equal(*made)


def test_a_network_of_ones_own_that_is_not_there_is_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def from_pretrained(name: str, **options: Any) -> Any:
        raise OSError(f"{name} is no folder")

    none = SimpleNamespace(from_pretrained=from_pretrained)
    fake = SimpleNamespace(AutoImageProcessor=none, AutoModelForDepthEstimation=none)
    monkeypatch.setitem(sys.modules, "transformers", fake)
    monkeypatch.setattr(networks, "find_spec", lambda name: object())
    monkeypatch.setenv("FILMLOOK_DEPTH_MODEL", "/nowhere")
    assert depth_of(_scene()[0]) is None
    assert "FILMLOOK_DEPTH_MODEL is '/nowhere', where no depth network lies" in caplog.text
