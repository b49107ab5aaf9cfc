"""What full transparency hides lights nothing, and what is visible develops as if it went on there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from filmlook import Look, develop, load_look
from filmlook.engine.transparency import without_hidden
from filmlook.files.picture import Picture

Y, X = np.mgrid[:160, :192]
DISC = np.hypot(X - 96, Y - 80) < 50


def cut_out(hidden: int, dtype: type = np.uint8) -> np.ndarray:
    """A dark disc before nothing, under which a colour is hidden."""
    picture = np.zeros((160, 192, 4), np.uint8)
    picture[..., :3] = hidden
    picture[DISC] = (60, 40, 40, 255)
    return picture.astype(dtype) * (257 if dtype == np.uint16 else 1)


@pytest.mark.parametrize("look", ["classic-negative", "cinestill-night"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_hidden_is_seen_nowhere(look: str, dtype: type) -> None:
    settings = dataclasses.replace(load_look(look), grain=0)
    white, black = (develop(cut_out(hidden, dtype), settings) for hidden in (255, 0))
    np.testing.assert_array_equal(white[DISC], black[DISC])
    np.testing.assert_array_equal(white[..., 3], cut_out(0, dtype)[..., 3])


def test_every_kind_of_image() -> None:
    settings = dataclasses.replace(load_look("classic-negative"), grain=0)
    white, black = (Image.fromarray(cut_out(hidden)) for hidden in (255, 0))
    np.testing.assert_array_equal(*(np.asarray(develop(p, settings))[DISC] for p in (white, black)))
    white, black = (torch.from_numpy(cut_out(h)).movedim(2, 0) / 255 for h in (255, 0))
    assert torch.equal(*(develop(p, settings)[:, torch.from_numpy(DISC)] for p in (white, black)))
    light = [np.full((160, 192, 3), h, np.float32) for h in (9, 0)]
    for part in light:
        part[DISC] = 0.05
    white, black = (develop(Picture(cut_out(0), light=part), settings).pixels for part in light)
    np.testing.assert_array_equal(white[DISC], black[DISC])


def test_the_edge_of_a_cut_out_is_neither_lit_nor_darkened() -> None:
    """A flat subject stays flat up to its edge: nothing is behind it that takes or gives light."""
    look = Look(stock="kodak_portra_400", grain=0, diffusion="pro-mist", diffusion_grade=1)
    film = develop(cut_out(255), look)[DISC][:, :3].astype(int)
    assert np.ptp(film, axis=0).max() <= 2


def test_an_opaque_picture_is_not_touched_and_one_of_nothing_is_black() -> None:
    opaque = torch.randint(0, 255, (20, 30, 4), dtype=torch.uint8)
    assert without_hidden(opaque, torch.full((20, 30), 1)) is opaque
    assert int(without_hidden(opaque, torch.zeros(20, 30))[..., :3].max()) == 0


def test_one_visible_pixel_in_a_large_picture_fills_it() -> None:
    samples = torch.zeros((1500, 1300, 4), dtype=torch.uint8)
    samples[1111, 77] = torch.tensor([200, 100, 50, 255], dtype=torch.uint8)
    filled = without_hidden(samples, samples[..., 3])
    assert filled[0, 1299, :3].tolist() == [200, 100, 50]
    assert torch.equal(filled[..., 3], samples[..., 3])


def test_16_bit_samples_above_the_sign() -> None:
    samples = torch.from_numpy(np.full((8, 8, 3), 60000, np.uint16).view(np.int16))
    alpha = torch.ones(8, 8)
    alpha[:, 4:] = 0
    samples[:, 4:] = 0
    assert torch.equal(without_hidden(samples, alpha), torch.full_like(samples, 60000 - 65536))
