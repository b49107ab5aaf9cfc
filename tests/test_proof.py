"""Proofs: small ones are the result scaled down, parts are its very bits, and nothing stale is ever shown."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from filmlook import SETTINGS, Look, develop, load_look
from filmlook.engine import proof
from filmlook.engine.proof import Proofs, scaled_down
from filmlook.errors import PictureError
from filmlook.files.picture import Picture
from filmlook.fitting.delta_e import delta_e, to_cielab

BLOCKS = 720  # pixels: of several blocks a side
LATE = [s for s in SETTINGS if s.group in ("Grain", "Print") or s.key in ("print", "strength")]
OTHER = {"print": "kodak_2383", "toning": "sepia"}


@pytest.fixture(scope="module")
def large(scene: np.ndarray) -> Picture:
    """Of 6 blocks, with a lamp in the dark."""
    pixels = np.tile(scene, (2, 2, 1))[:500, :BLOCKS].copy()
    pixels[200:300, 300:420] = 12
    pixels[240:250, 350:360] = 255
    return Picture(pixels)


def other_than(look: Look, key: str) -> Look:
    """The look with another value of a setting, one that does something."""
    setting = next(s for s in SETTINGS if s.key == key)
    value: Any = OTHER.get(key, 0.5 * (setting.low + setting.high) + 0.1 * (setting.high - setting.low))
    return dataclasses.replace(look, **{key: value})


@pytest.mark.parametrize("name", ["classic-negative", "velvia-landscape", "tri-x-street", "texture-only", "gold-from-a-lab"])
def test_a_part_has_the_bits_of_the_whole(large: Picture, name: str) -> None:
    proofs, whole = Proofs(large), develop(large, name, seed=5).pixels
    for y, x, height, width in ((0, 0, 40, 40), (200, 300, 150, 200), (499, 719, 1, 1), (0, 0, 500, BLOCKS)):
        part = proofs.developed(load_look(name), seed=5, crop=(y, x, height, width)).pixels
        np.testing.assert_array_equal(part, whole[y : y + height, x : x + width])


@pytest.mark.parametrize("stock", ["kodak_gold_200", "fujifilm_provia_100f", "kodak_tri_x_400", "neutral"])
def test_what_is_kept_changes_no_bit(large: Picture, stock: str) -> None:
    """Whatever setting is changed after another, the proof is that of a picture never seen before."""
    crop = (210, 330, 60, 60)
    proofs, look = Proofs(large), Look(stock=stock, interimage=1.2, highlights=2, tone_highlights=0.1)
    proofs.developed(look, seed=5, crop=crop)
    for setting in LATE:
        if setting.key == "print" and stock != "kodak_gold_200":
            continue  # which has no other
        changed = other_than(look, setting.key)
        got = proofs.developed(changed, seed=5, crop=crop).pixels
        np.testing.assert_array_equal(got, Proofs(large).developed(changed, seed=5, crop=crop).pixels, err_msg=setting.key)
    for early in ("exposure", "halation", "push", "vignette"):
        changed = other_than(look, early)
        got = proofs.developed(changed, seed=5, crop=crop).pixels
        np.testing.assert_array_equal(got, Proofs(large).developed(changed, seed=5, crop=crop).pixels, err_msg=early)


def test_other_grain_needs_no_light_again(large: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    from filmlook.engine.plan import Development

    proofs, look = Proofs(large), load_look("gold-snapshot")
    proofs.developed(look, long_side=300)
    calls: list[str] = []
    for name in ("survey", "_on_film"):
        monkeypatch.setattr(Development, name, lambda *_, name=name: calls.append(name))
    proofs.developed(dataclasses.replace(look, grain=2, contrast=1.2, print="kodak_2383"), long_side=300)
    assert not calls


def test_a_crop_outside_is_refused(large: Picture) -> None:
    for crop in ((0, 0, 501, 1), (-1, 0, 5, 5), (0, 700, 10, 21), (0, 0, 0, 5)):
        with pytest.raises(PictureError, match="does not lie in a picture of 720 x 500"):
            Proofs(large).developed(Look(), crop=crop)


def test_a_picture_is_never_made_larger(large: Picture) -> None:
    assert Proofs(large).developed(Look(strength=0.5), long_side=4000).pixels.shape == (500, BLOCKS, 3)
    assert Proofs(large).developed(Look(), long_side=16).pixels.shape == (11, 16, 3)


def test_while_a_picture_is_scaled_nobody_waits_for_what_is_held(large: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server asks it of all its pictures, holding up every caller meanwhile."""
    proofs, begun, go_on = Proofs(large), threading.Event(), threading.Event()

    def slowly(picture: Picture, long_side: int) -> Any:
        begun.set()
        assert go_on.wait(20)
        return scaled_down(picture, long_side)

    monkeypatch.setattr(proof, "scaled_down", slowly)
    with ThreadPoolExecutor(2) as pool:
        try:
            small = pool.submit(proofs.smaller, 64)
            assert begun.wait(20)
            assert pool.submit(lambda: proofs.nbytes).result(timeout=20) == large.pixels.nbytes
        finally:
            go_on.set()
        assert small.result() is proofs.smaller(64)


def test_without_strength_it_is_the_picture(large: Picture) -> None:
    proofs = Proofs(large)
    np.testing.assert_array_equal(proofs.developed(Look(strength=0), crop=(3, 4, 5, 6)).pixels, large.pixels[3:8, 4:10])
    assert proofs.developed(Look(strength=0), long_side=99).pixels is proofs.smaller(99).pixels


def test_what_is_hidden_lights_nothing_in_a_small_copy() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[..., :3], pixels[:, ::2] = (0, 255, 0), (200, 50, 100, 255)
    small = Proofs(Picture(pixels)).smaller(16).pixels
    assert (small[..., :3] // 257 == (200, 50, 100)).all()
    assert (small[..., 3] // 257 == 127).all()


def test_little_is_held_and_it_can_be_let_go(large: Picture) -> None:
    proofs = Proofs(large)
    bare = proofs.nbytes
    for side in (700, 600, 500, 400, 300):
        proofs.developed(load_look("gold-snapshot"), long_side=side)
    assert bare < proofs.nbytes < bare + 2**27
    proofs.forget()
    assert proofs.nbytes == bare


@pytest.mark.parametrize("name", ["classic-negative", "cinestill-night", "velvia-landscape", "tri-x-street"])
@pytest.mark.parametrize("side", [360, 540])
def test_a_small_proof_is_the_result_scaled_down(large: Picture, name: str, side: int) -> None:
    """In colour; and its grain is as strong as that of the result is when it is scaled down."""
    fine = Picture(large.pixels.astype(np.uint16) * 257)  # 16 bits are not dithered
    look = load_look(name)
    plain = dataclasses.replace(look, grain=0)
    results = [develop(fine, chosen, seed=5).pixels for chosen in (plain, look)]
    expected, grained = (_scaled_down(result, side) for result in results)
    proofs = [Proofs(fine).developed(chosen, seed=5, long_side=side).pixels / 65535 for chosen in (plain, look)]
    difference = delta_e(*(to_cielab(torch.from_numpy(codes)) for codes in (proofs[0], expected)))
    assert float(difference.mean()) < 1
    assert (proofs[1] - proofs[0]).std() == pytest.approx((grained - expected).std(), rel=0.15)


def test_small_lamps_keep_their_halos(scene: np.ndarray) -> None:
    """Two pixels of white in the dark are grey where four become one, and glow all the same."""
    pixels = np.full((400, 600, 3), 8, np.uint8)
    for y, x in np.ndindex(6, 9):
        pixels[40 + 40 * y : 42 + 40 * y, 60 + 50 * x : 62 + 50 * x] = 255
    night, look = Picture(pixels.astype(np.uint16) * 257), dataclasses.replace(load_look("cinestill-night"), grain=0)
    expected = _scaled_down(develop(night, look).pixels, 150)
    proof = Proofs(night).developed(look, long_side=150).pixels / 65535
    glow = [codes[..., 0] - codes[..., 2] for codes in (proof, expected)]
    assert glow[1].max() > 0.1
    assert glow[0].sum() == pytest.approx(glow[1].sum(), rel=0.1)
    assert glow[0].max() == pytest.approx(glow[1].max(), rel=0.2)


def _scaled_down(samples: np.ndarray, side: int) -> np.ndarray:
    """Codes in [0, 1]: means over areas, as who looks at a result from afar sees it."""
    size = (side, round(samples.shape[0] * side / samples.shape[1]))
    planes = [Image.fromarray(samples[..., i].astype(np.float32)).resize(size, Image.Resampling.BOX) for i in range(3)]
    return np.stack([np.asarray(plane) for plane in planes], -1).astype(np.float64) / 65535
