"""A mask limits a look to a part of a picture: outside it not a bit changes, and grey is half of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from filmlook import develop, film_picture, load_look
from filmlook.cli import main
from filmlook.engine.mask import mask_hash
from filmlook.engine.plan import Development
from filmlook.errors import PictureError
from filmlook.files import infotext, picture
from filmlook.files.picture import Picture

LOOK = load_look("classic-negative")


@pytest.fixture
def half(scene: np.ndarray) -> np.ndarray:
    """Black, then a soft edge, then white."""
    return np.broadcast_to(np.linspace(-200, 455, scene.shape[1]).clip(0, 255).round().astype(np.uint8), scene.shape[:2])


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64", "float16", "rgba", "grey", "light"])
def test_outside_it_not_a_bit_changes(scene: np.ndarray, half: np.ndarray, kind: str) -> None:
    image: Any = scene
    if kind == "uint16":
        image = scene.astype(np.uint16) * 257 + 3
    elif kind.startswith("float"):
        image = (scene / 255 * 1.2 - 0.1).astype(kind)  # some of it is clipped where it is developed
    elif kind == "rgba":
        image = np.dstack((scene, np.where(np.arange(420) % 3, 255, 0).astype(np.uint8)[None].repeat(300, 0)))
    elif kind == "grey":
        image = scene[..., :1]
    elif kind == "light":
        image = Picture(scene.astype(np.uint16) * 257, light=(scene / 255).astype(np.float32))
    made, whole = develop(image, LOOK, seed=3, mask=half), develop(image, LOOK, seed=3)
    if kind == "light":
        made, whole, image = made.pixels, whole.pixels, image.pixels
    np.testing.assert_array_equal(made[half == 0], np.broadcast_to(image, made.shape)[half == 0])
    np.testing.assert_array_equal(made[half == 255], whole[half == 255])
    assert (made[half == 255] != np.broadcast_to(image, made.shape)[half == 255]).mean() > 0.3


def test_grey_multiplies_the_strength(scene: np.ndarray) -> None:
    image, look = torch.from_numpy(scene).movedim(2, 0) / 255, dataclasses.replace(LOOK, strength=0.8)
    grey = torch.full(scene.shape[:2], 0.25)
    expected = develop(image, dataclasses.replace(LOOK, strength=0.2), seed=3)
    assert torch.allclose(develop(image, look, seed=3, mask=grey), expected, atol=1e-6)
    assert torch.equal(develop(image, look, seed=3, mask=torch.ones(scene.shape[:2])), develop(image, look, seed=3))


def test_every_kind_of_mask_says_the_same(scene: np.ndarray, half: np.ndarray) -> None:
    expected = develop(scene, LOOK, mask=half)
    grey = np.array(half)
    transparent = np.dstack((np.full((*half.shape, 3), 255, np.uint8), half))
    kinds: list[Any] = [
        Image.fromarray(grey),
        Image.fromarray(grey).convert("RGB"),
        Image.fromarray(transparent),
        Picture(np.repeat(grey[..., None], 3, 2)),
        Picture(np.repeat(grey[..., None], 3, 2).astype(np.uint16) * 257),
        grey.astype(np.uint16) * 257,
        grey / 255,
        torch.from_numpy(grey),
        torch.from_numpy(grey)[None, None],
        [grey],
    ]
    for mask in kinds:
        got = develop(scene, LOOK, mask=mask)
        assert np.abs(got.astype(int) - expected).max() <= 1  # a sixteenth bit may flip what is dithered
        assert mask_hash(mask)
    np.testing.assert_array_equal(develop(scene, LOOK, mask=half > 99), develop(scene, LOOK, mask=(half > 99) * np.uint8(255)))


def test_a_batch_takes_one_mask_or_one_each(scene: np.ndarray, half: np.ndarray) -> None:
    batch = np.stack((scene, scene[:, ::-1]))
    one, each = develop(batch, LOOK, mask=half), develop(batch, LOOK, mask=np.stack((half, half[:, ::-1])))
    for i, own in enumerate((half, half)):
        np.testing.assert_array_equal(one[i][own == 0], batch[i][own == 0])
    np.testing.assert_array_equal(each[0], one[0])
    np.testing.assert_array_equal(each[1][half[:, ::-1] == 0], batch[1][half[:, ::-1] == 0])
    assert (each[1] != one[1]).any()
    with pytest.raises(PictureError, match="mask: 3 masks for 2 pictures; give one mask, or one for each"):
        develop(batch, LOOK, mask=[half] * 3)


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (np.zeros((420, 300), np.uint8), "mask: it has 300 x 420 pixels, the picture 420 x 300; allowed is the same size"),
        (np.full((300, 420), np.nan), "mask: it holds NaN or infinity"),
        (np.zeros((300, 420), np.int64), "mask of int64; allowed are"),
        ("mask.png", "mask is str; allowed are a PIL image"),
        (np.zeros((1, 1, 300, 420)), "mask is ndarray"),
    ],
)
def test_a_mask_that_is_none_is_refused(scene: np.ndarray, mask: Any, told: str) -> None:
    with pytest.raises(PictureError, match=told.replace("(", r"\(")):
        develop(scene, LOOK, mask=mask)


def test_light_becomes_the_code_that_shows_it(scene: np.ndarray, half: np.ndarray) -> None:
    """Where a scene's light is not developed, what is left is not light among codes."""
    light = (scene / 255).astype(np.float32)
    made = develop(light, LOOK, scene_linear=True, mask=half)
    shown = develop(light, dataclasses.replace(LOOK, strength=0), scene_linear=True)
    np.testing.assert_array_equal(made[half == 0], shown[half == 0])


def test_what_is_black_all_over_is_not_developed(scene: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    developed: list[Any] = []
    original = Development.developed

    def watched(self: Any, shot: Any, corners: Any, *args: Any, **how: Any) -> Any:
        developed.extend(corners)
        return original(self, shot, corners, *args, **how)

    monkeypatch.setattr(Development, "developed", watched)
    large = np.tile(scene, (2, 2, 1))
    mask = np.zeros(large.shape[:2], np.uint8)
    mask[10:20, 10:20] = 255
    shares: list[float] = []
    develop(large, LOOK, mask=mask, progress=shares.append)
    assert developed == [(0, 0)]
    assert shares[-1] == 1


def test_a_file_says_that_there_was_a_mask(scene: np.ndarray, half: np.ndarray) -> None:
    film = film_picture(Picture(scene), LOOK, seed=1, mask=half)
    pairs = infotext.pairs_of(film.text["parameters"])
    assert pairs[infotext.MASK] == mask_hash(half)
    assert mask_hash(half) != mask_hash(half[::-1, ::-1])
    assert infotext.MASK not in film_picture(Picture(scene), LOOK, seed=1).text["parameters"]
    assert infotext.of_text(film.text).look == LOOK  # type: ignore[union-attr]


def test_on_the_command_line(scene: np.ndarray, half: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(scene).save(tmp_path / "in.png")
    Image.fromarray(np.array(half)).save(tmp_path / "mask.png")
    words = ["develop", str(tmp_path / "in.png"), "-o", str(tmp_path / "out.png"), "--seed", "3", "--look", "classic-negative"]
    assert main([*words, "--mask", str(tmp_path / "mask.png")]) == 0
    np.testing.assert_array_equal(picture.read(tmp_path / "out.png").pixels, develop(scene, LOOK, seed=3, mask=half))
    Image.fromarray(scene[:50]).save(tmp_path / "mask.png")
    assert main([*words, "--overwrite", "--mask", str(tmp_path / "mask.png")]) == 1
    assert "mask: it has 420 x 50 pixels, the picture 420 x 300" in capsys.readouterr().err
