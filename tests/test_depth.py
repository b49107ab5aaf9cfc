"""Depth of field: light is spread and none is lost, what is sharp keeps its edge, and without a map or an aperture nothing is
done."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from filmlook import Look, develop, film_picture
from filmlook.engine import compiled
from filmlook.engine.depth_of_field import defocused
from filmlook.engine.proof import Proofs
from filmlook.errors import PictureError
from filmlook.files import infotext
from filmlook.files.picture import Picture
from filmlook.stages.bokeh import focus_radius, shapes

SHAPES = ("round", *(f"blades-{n}" for n in range(5, 10)), "anamorphic")
ROUND = shapes("round")
LOOK = Look(stock="kodak_gold_200", aperture=1.4, focal_length=85, focus=0.5, grain=0)


def _light(height: int, width: int, value: float = 0.2) -> Tensor:
    return torch.full((4, height, width), value)


def _subject(height: int = 160, width: int = 240) -> tuple[Tensor, Tensor]:
    """Where something stands, `H,W`, in the middle of a picture."""
    there = torch.zeros(height, width, dtype=torch.bool)
    there[height // 4 : -height // 4, width // 4 : -width // 4] = True
    return there, there.float()


@pytest.mark.parametrize("bokeh", SHAPES)
@pytest.mark.parametrize(("cats_eye", "swirl"), [(0, 0), (1, 0), (0, 1)])
def test_a_flat_field_stays_flat_whatever_the_depth(bokeh: str, cats_eye: float, swirl: float) -> None:
    radius = torch.rand((64, 80), generator=torch.Generator().manual_seed(3)) * 60 - 30
    made = defocused(_light(64, 80), radius, shapes(bokeh, cats_eye, swirl))
    torch.testing.assert_close(made, _light(64, 80), atol=1e-5, rtol=0)


@pytest.mark.parametrize("bokeh", SHAPES)
@pytest.mark.parametrize("radius", [0.3, 1.0, 2.5, 5.9, 6.1, 17.0, 30.0, -4.0, -20.0])
def test_a_points_light_is_kept_in_a_disc_of_its_radius_and_place(bokeh: str, radius: float) -> None:
    height, width, y, x = 160, 168, 80, 84
    light = _light(height, width, 0.0)
    light[:, y, x] = 100
    disc = defocused(light, torch.full((height, width), radius), shapes(bokeh))[0].double()
    assert float(disc.sum()) == pytest.approx(100, rel=1e-3)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    middle = float((disc * rows).sum() / 100), float((disc * columns).sum() / 100)
    assert math.hypot(middle[0] - y, middle[1] - x) < max(0.75, 0.08 * abs(radius))  # half a cell of the grid
    if bokeh == "round" and abs(radius) >= 2:
        spread = float((disc * ((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2)).sum() / 100)
        assert 2 * spread == pytest.approx(radius**2, rel=0.12)
        assert float(disc.max()) < 1.25 * 100 / (math.pi * radius**2)  # evenly


def test_what_is_sharp_stays_as_it_is() -> None:
    light = torch.rand((4, 50, 70), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(defocused(light, torch.zeros(50, 70), ROUND), light, atol=1e-6, rtol=0)


def test_greys_stay_grey_and_turn_no_colour_at_an_edge() -> None:
    there, _ = _subject()
    light = torch.where(there, 0.7, 0.05).expand(4, -1, -1).contiguous()
    made = defocused(light, torch.where(there, -8.0, 14.0), shapes("blades-6", 0.5, 0.5))
    torch.testing.assert_close(made[0], made[1], atol=1e-6, rtol=0)
    torch.testing.assert_close(made[0], made[2], atol=1e-6, rtol=0)


@pytest.mark.parametrize(("ground", "subject"), [(0.2, 5.0), (5.0, 0.01)], ids=["bright subject", "dark subject"])
@pytest.mark.parametrize("behind", [3.0, 12.0, 40.0])
def test_a_sharp_subject_neither_leaks_into_its_ground_nor_has_a_halo(ground: float, subject: float, behind: float) -> None:
    there, _ = _subject()
    light = torch.where(there, subject, ground).expand(4, -1, -1).contiguous()
    made = defocused(light, torch.where(there, 0.0, behind), ROUND)
    assert float((made[0][~there] - ground).abs().max()) < 1e-4 * max(subject, ground)
    assert float((made[0][there] - subject).abs().max()) < 1e-4 * max(subject, ground)


def test_a_blurred_foreground_lets_through_what_is_behind_it() -> None:
    there, share = _subject()
    light = torch.where(there, 1.0, 0.1).expand(4, -1, -1).contiguous()
    made = defocused(light, torch.where(there, -10.0, 0.0), ROUND)[0]
    # as if all of the ground were there to be seen: F blurred, over the ground
    alone = defocused(share.expand(4, -1, -1).contiguous(), torch.full(share.shape, -10.0), ROUND)[0]
    expected = 0.1 + 0.9 * alone
    assert float((made - expected).abs().max()) < 0.06
    row = made[80]
    assert bool((row[20:120].diff() > -1e-3).all())  # no ring on the way in


def test_a_lamp_behind_a_foreground_does_not_go_on_behind_it() -> None:
    there, _ = _subject()
    light = torch.where(there, 0.3, 0.1).expand(4, -1, -1).contiguous()
    light[:, 78:82, 50:56] = 50  # beside the edge, at 60
    made = defocused(light, torch.where(there, -10.0, 0.0), ROUND)[0]
    assert float(made[40:120, 66:].max()) < 0.5


def test_the_disc_is_the_thin_lens_own() -> None:
    look = Look(aperture=2, focal_length=50, depth_near=1, depth_far=1000, focus=0)
    depth = torch.tensor([[0.0, 0.5, 1.0]])  # of 1000, 2 and 1 m; focused at 1 m
    pitch_um = 36000 / 1000
    for got, z in zip(focus_radius(depth, look, pitch_um, 1000)[0].tolist(), (1000.0, 1.998, 1.0), strict=True):
        diameter_mm = 50**2 / 2 * (z - 1) / (z * (1000 - 50)) * 1  # f^2 / N (z - s) / (z (s - f))
        assert got == pytest.approx(1000 * diameter_mm / pitch_um / 2, rel=1e-3, abs=1e-6)
    assert focus_radius(depth, Look(aperture=2, focus=1), pitch_um, 1000).max() <= 0  # all is in front of the farthest


def test_both_engines_spread_alike() -> None:
    pytest.importorskip("numba")
    if compiled.chosen_kernels() is None:
        pytest.skip("no kernels")
    dice = torch.Generator().manual_seed(5)
    light = torch.rand((4, 140, 211), generator=dice)
    radius = torch.nn.functional.interpolate(torch.rand((1, 1, 5, 6), generator=dice), (140, 211), mode="bicubic")[0, 0]
    for discs in (ROUND, shapes("blades-5", 0.7, 0.6)):
        made = [defocused(light, radius * 90 - 40, discs, kernels=k) for k in (None, compiled.chosen_kernels())]
        assert float((made[0] - made[1]).abs().max()) < 2e-3
        assert float((made[0] - made[1]).abs().mean()) < 1e-5


def _scene(height: int = 300, width: int = 420) -> tuple[np.ndarray, np.ndarray]:
    """A grey figure at night before lamps, and its depth."""
    scene = np.full((height, width, 3), 20, np.uint8)
    scene[:, ::7] = 40
    for y, x in ((40, 60), (60, 330), (120, 40)):
        scene[y : y + 4, x : x + 4] = 255
    depth = np.zeros((height, width), np.uint8)
    scene[90:, 150:270], depth[90:, 150:270] = 120, 128
    return scene, depth


def test_without_a_map_or_an_aperture_not_a_bit_changes() -> None:
    scene, depth = _scene()
    plain = develop(scene, Look(stock="kodak_gold_200"), seed=1)
    for look in (Look(stock="kodak_gold_200", focal_length=85, cats_eye=1, swirl=1, bokeh="blades-6", focus=1),):
        np.testing.assert_array_equal(develop(scene, look, seed=1, depth=depth), plain)
    aperture = Look(stock="kodak_gold_200", aperture=1.4)
    np.testing.assert_array_equal(develop(scene, aperture, seed=1), plain)
    assert (develop(scene, aperture, seed=1, depth=depth) != plain).mean() > 0.1


@pytest.mark.parametrize("stock", ["kodak_gold_200", "neutral"])
def test_tiles_threads_and_crops_equal_the_whole(stock: str) -> None:
    scene, depth = _scene()
    look = Look(stock=stock, aperture=1.4, focal_length=85, focus=0.5, highlights=3, flare=0.5, distortion=0.2)
    whole = develop(scene, look, seed=1, depth=depth)
    np.testing.assert_array_equal(develop(scene, look, seed=1, depth=depth, tile=64), whole)


def test_lamps_become_discs_that_glow() -> None:
    scene, depth = _scene()
    made = develop(scene, LOOK, depth=depth)
    bright = develop(scene, dataclasses.replace(LOOK, highlights=4), depth=depth)
    disc = bright[30:56, 50:76].astype(int).max() - made[30:56, 50:76].astype(int).max()
    assert disc > 20
    assert bright[42, 62].max() < 250


def test_a_map_of_another_size_is_refused() -> None:
    scene, depth = _scene()
    with pytest.raises(
        PictureError, match="depth map: it has 420 x 299 pixels, the picture 420 x 300; allowed is the same size"
    ):
        develop(scene, LOOK, depth=depth[:-1])
    with pytest.raises(PictureError, match="depth map: it holds NaN"):
        develop(scene, LOOK, depth=np.full(depth.shape, np.nan, np.float32))


def test_outside_a_mask_not_a_bit_changes_and_half_strength_mixes_the_picture_as_it_was() -> None:
    scene, depth = _scene()
    mask = np.zeros(depth.shape, np.uint8)
    mask[:, 200:] = 255
    made = develop(scene, LOOK, depth=depth, mask=mask)
    np.testing.assert_array_equal(made[:, :200], scene[:, :200])
    light = torch.from_numpy(scene).movedim(2, 0) / 255
    full, half = (develop(light, dataclasses.replace(LOOK, strength=s), depth=depth) for s in (1.0, 0.5))
    torch.testing.assert_close(half, (full + light) / 2, atol=2e-3, rtol=0)


def test_the_infotext_tells_the_maps_hash_where_one_was_used() -> None:
    scene, depth = _scene()
    told = [film_picture(Picture(scene), look, depth=depth).text["parameters"] for look in (LOOK, Look())]
    assert f"{infotext.DEPTH}: " in told[0]
    assert infotext.DEPTH not in told[1]


def test_proofs_are_blurred_as_the_result_is_and_the_map_is_found_once() -> None:
    scene, depth = _scene()
    proofs, asked = Proofs(Picture(scene)), []

    def find(source: Picture) -> np.ndarray:
        asked.append(source.pixels.shape)
        return depth

    proofs.find_depth = find
    assert proofs.developed(Look(), seed=1, crop=(0, 0, 50, 60)).pixels.shape == (50, 60, 3)
    assert asked == []  # without an aperture there is nothing to find
    whole = develop(scene, LOOK, seed=1, depth=depth)
    part = proofs.developed(LOOK, seed=1, crop=(100, 20, 120, 200)).pixels
    np.testing.assert_array_equal(part, whole[100:220, 20:220])
    again = proofs.developed(dataclasses.replace(LOOK, contrast=1.2), seed=1, crop=(100, 20, 120, 200)).pixels
    expected = develop(scene, dataclasses.replace(LOOK, contrast=1.2), seed=1, depth=depth)
    np.testing.assert_array_equal(again, expected[100:220, 20:220])
    sharper = proofs.developed(dataclasses.replace(LOOK, aperture=8), seed=1, crop=(100, 20, 120, 200)).pixels
    assert (sharper != part).mean() > 0.1
    small = [
        proofs.developed(look, seed=1, long_side=210).pixels / 257 for look in (LOOK, dataclasses.replace(LOOK, aperture=0))
    ]
    lamps = [part[15:35, 20:40].max() for part in small]
    assert lamps[0] < 0.8 * lamps[1]  # a disc is dimmer than its lamp
    assert asked == [scene.shape]


def test_a_frame_beside_another_changes_little() -> None:
    """A figure that moves by a quarter of a pixel in depth moves no light by a jump."""
    light = torch.rand((4, 96, 96), generator=torch.Generator().manual_seed(2))
    steps = [defocused(light, torch.full((96, 96), r), ROUND)[0] for r in (5.9, 6.0, 6.1)]
    assert float((steps[2] - steps[0]).abs().mean()) < 0.02
