"""What moves on film: the gate, flicker, dust and scratches. Any frame can be made alone."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from filmlook import ExposureLock, Look, develop, load_stock
from filmlook.engine.fused_cpu import Fused
from filmlook.engine.gate import in_gate
from filmlook.engine.pixels import Pixels
from filmlook.engine.plan import Development
from filmlook.stages.dirt import Dust, Scratches, dust_marks, scratch_marks
from filmlook.stages.gate import Position, flicker_stops, position
from filmlook.stages.stage import Place

CPU = torch.device("cpu")
PLAIN = {"halation": 0, "sharpness": 0, "grain": 0, "scan_softness": 0}
MOVING = Look(weave=1, breath=1, flicker=1, dust=1, scratches=1)
FRAME = (180, 320)
PITCH_UM = 24890 / 320


def smooth(height: int = 60, width: int = 80) -> Tensor:
    """A scene without anything finer than six pixels, `(H, W, 3)` float."""
    y, x = torch.meshgrid(torch.arange(height) / 6, torch.arange(width) / 7, indexing="ij")
    return torch.stack((y.sin() * x.cos(), (x + y).sin(), (x - y).cos()), -1) * 0.3 + 0.5


def test_weave_stays_within_a_good_projections_and_sways_slower_than_it_jumps() -> None:
    lies = [position(MOVING, 3, frame) for frame in range(800)]
    down, right = (np.array([getattr(p, name) for p in lies]) for name in ("down", "right"))
    for motion in (down, right):
        assert 0.0002 < motion.std() < 0.0006
        assert np.ptp(np.percentile(motion, (1, 99))) < 0.0025  # of the height
        assert abs(motion.mean()) < 0.0001

    def likeness(motion: np.ndarray) -> float:
        return float(np.corrcoef(motion[:-1], motion[1:])[0, 1])

    assert likeness(right) > 0.95
    assert likeness(down) < 0.5
    assert not np.allclose(down, [position(MOVING, 4, frame).down for frame in range(800)])
    assert position(Look(), 3, 7) == Position()


def test_flicker_is_two_per_cent_of_the_light_and_breathing_slow() -> None:
    light = np.array([2 ** flicker_stops(MOVING, 3, frame) for frame in range(800)])
    assert light.std() == pytest.approx(0.02, rel=0.15)
    assert light.mean() == pytest.approx(1, abs=0.003)
    sizes = np.array([position(MOVING, 3, frame).size for frame in range(500)])
    assert np.abs(np.diff(sizes)).max() < 0.0002 < np.ptp(sizes) < 0.004


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32])
def test_a_picture_moves_by_parts_of_a_pixel(dtype: torch.dtype) -> None:
    full = {torch.uint8: 255, torch.int16: 65535}.get(dtype, 1)
    scene = (smooth() * full).round() if full > 1 else smooth()
    source = scene.to(torch.int32).to(dtype) if full > 1 else scene
    moved = in_gate(source, Position(down=0.3 / 60, right=-1.4 / 60), 20, 60)
    assert moved.dtype == (torch.int16 if dtype == torch.uint8 else dtype)
    found = (moved.to(torch.int32) & 0xFFFF) / 65535 if full > 1 else moved
    y, x = torch.meshgrid((torch.arange(60) - 0.3) / 6, (torch.arange(80) + 1.4) / 7, indexing="ij")
    wanted = torch.stack((y.sin() * x.cos(), (x + y).sin(), (x - y).cos()), -1) * 0.3 + 0.5
    apart = (found - wanted)[6:-6, 6:-6].abs().max()
    assert float(apart) < (0.004 if dtype == torch.uint8 else 0.001)


def test_moving_leaves_no_edge_and_keeps_detail() -> None:
    white = torch.full((50, 70, 4), 200, dtype=torch.uint8)
    white[..., 3] = 7
    moved = in_gate(white, Position(0.01, -0.02, 1.001, 3.0), 20, 50)
    assert ((moved[..., :3].to(torch.int32) & 0xFFFF) == 200 * 257).all()
    assert ((moved[..., 3].to(torch.int32) & 0xFFFF) == 7 * 257).all()
    torch.manual_seed(0)
    half_a_pixel = Position(0.5 / 256, 0.5 / 256)
    for period, kept in ((4, 0.95), (3, 0.9)):  # pixels
        fine = 0.5 + 0.4 * torch.sin(torch.arange(256) * 2 * math.pi / period)[None, :, None].expand(256, 256, 3)
        moved = in_gate(fine.contiguous(), half_a_pixel, 20, 256)[8:-8, 8:-8]
        assert float(moved.std() / fine.std()) > kept
    blurred = in_gate(fine.contiguous(), Position(blur_um=20), 20, 256)
    assert float(blurred[8:-8, 8:-8].std() / fine.std()) == pytest.approx(math.exp(-2 * (math.pi / 3) ** 2), rel=0.1)
    assert in_gate(fine, Position(), 20, 256) is fine


def test_a_frame_is_the_same_alone_and_another_than_the_next() -> None:
    scene = (smooth(90, 160) * 255).to(torch.uint8).numpy()
    film = [develop(scene, MOVING, seed=9, frame=frame) for frame in (5, 6)]
    assert np.array_equal(develop(scene, MOVING, seed=9, frame=6), film[1])
    for key in ("weave", "breath", "flicker", "dust"):
        look = Look(**{**PLAIN, key: 2})
        one, other = (develop(scene.astype(np.float32) / 255, look, seed=9, frame=frame) for frame in (5, 6))
        assert not np.array_equal(one, other), key


def test_at_none_nothing_is_done() -> None:
    stages = [stage.name for stage in Development(load_stock("kodak_gold_200"), Look(), 60, 80, CPU)._stages]
    assert not {"dust", "scratches"} & set(stages)
    plan = Development(load_stock("kodak_gold_200"), MOVING, 60, 80, CPU)
    pixels = Pixels(torch.zeros(60, 80, 3, dtype=torch.uint8), torch.zeros(60, 80, 3, dtype=torch.uint8), CPU)
    assert Fused.unfit(plan._stages, pixels) == "dust, scratches"
    moved = dataclasses.replace(MOVING, dust=0, scratches=0)  # the gate costs the kernels nothing
    assert not Fused.unfit(Development(plan.stock, moved, 60, 80, CPU)._stages, pixels)


@pytest.mark.parametrize(("stage", "setting"), [(Dust, "dust"), (Scratches, "scratches")])
def test_a_part_has_the_bits_of_the_whole(stage: type, setting: str) -> None:
    made = stage(load_stock("kodak_gold_200"), Look(**{setting: 4}), PITCH_UM, CPU)
    density = torch.rand(1, 3, *FRAME, generator=torch.Generator().manual_seed(1))
    whole = made(density, Place([(0, 0)], FRAME, FRAME, moment=(2, 40)))
    assert not torch.equal(whole, density)
    block = (64, 128)
    for y, x in ((0, 0), (64, 128)):
        part = density[..., y : y + 64, x : x + 128]
        assert torch.equal(made(part, Place([(y, x)], block, FRAME, moment=(2, 40))), whole[..., y : y + 64, x : x + 128])


def test_dust_is_white_from_a_negative_and_dark_on_a_slide() -> None:
    grey = np.full((*FRAME, 3), 110, np.uint8)
    for stock, lighter in (("kodak_gold_200", True), ("kodak_tri_x_400", True), ("fujifilm_velvia_100", False)):
        plain, dusty = (develop(grey, Look(stock=stock, dust=dust, frame="16mm", **PLAIN)).astype(int) for dust in (0, 4))
        apart = dusty - plain
        assert np.abs(apart).max() > 40
        most = apart.max() if lighter else -apart.min()
        assert most > 10 * (-apart.min() if lighter else apart.max())
        assert (np.abs(apart).max(-1) > 2).mean() < 0.02  # it covers little


def test_dust_is_as_much_as_the_standard_tells_whatever_the_resolution() -> None:
    counts = [len(dust_marks(FRAME, PITCH_UM, 1, (1, frame))) for frame in range(100)]
    area_m2 = FRAME[0] * FRAME[1] * (PITCH_UM * 1e-6) ** 2
    wanted = area_m2 / 0.1 * 10 ** (0.926 * (math.log10(300) ** 2 - math.log10(10) ** 2))
    assert np.mean(counts) == pytest.approx(wanted, rel=0.03)
    small, large = (dust_marks((FRAME[0] * n, FRAME[1] * n), PITCH_UM / n, 1, (1, 5)) for n in (1, 4))
    covered = [sum(float((1 - 10**-m.density).sum()) * pitch**2 for m in marks) for marks, pitch in ((small, 1), (large, 0.25))]
    assert len(small) == len(large)
    assert covered[1] == pytest.approx(covered[0], rel=0.25)
    assert len(dust_marks(FRAME, PITCH_UM, 4, (1, 5))) > 5 * len(small) > 5


def test_scratches_stay_for_a_while_and_wander_slowly() -> None:
    places = [{round(m.x + m.size[1] / 2): m for m in scratch_marks(FRAME, PITCH_UM, 4, (6, f))} for f in range(160)]
    counts = [len(p) for p in places]
    assert 1 < np.mean(counts) < 12
    stayed = [any(abs(there - x) < 2 for there in after) for here, after in itertools.pairwise(places) for x in here]
    assert np.mean(stayed) > 0.95
    assert any(not any(abs(there - x) < 2 for there in places[150]) for x in places[0])
    assert {m.taken is None for p in places for m in p.values()} == {True, False}  # of the base, of the emulsion
    for marks in places[::20]:
        for mark in marks.values():
            assert mark.size[1] < 12 <= mark.size[0]


def test_a_scratch_of_the_emulsion_takes_dye_from_its_outermost_layer_on() -> None:
    marks = [m for f in range(0, 3000, 120) for m in scratch_marks(FRAME, PITCH_UM, 4, (6, f)) if m.taken is not None]
    assert marks
    for mark in marks:
        red, green, blue = (float(layer.max()) for layer in mark.taken)
        assert 1 >= blue >= green >= red >= 0
    assert any(float(m.taken[1].max()) == 0 for m in marks)
    assert any(float(m.taken[0].max()) > 0 for m in marks)


def test_stocks_without_layers_are_dusty_too() -> None:
    grey = np.full((*FRAME, 3), 110, np.uint8)
    look = Look(stock="kodak_gold_200_network", frame="16mm", **PLAIN)
    apart = develop(grey, dataclasses.replace(look, dust=4)).astype(int) - develop(grey, look)
    assert apart.max() > 40 > -10 * apart.min()


def test_what_the_lab_decides_does_not_flicker_with_the_light() -> None:
    scene = smooth(64, 64).permute(2, 0, 1) * 0.5
    look = Look(lab=1, flicker=4, weave=4, stock="kodak_gold_200_network", **PLAIN)
    lock = ExposureLock()
    develop(scene, look, frame=0, seed=1, lock=lock)
    after = develop(scene, look, frame=9, seed=1, lock=lock)
    assert torch.equal(after, develop(scene, look, frame=9, seed=1, lock=ExposureLock.of(scene)))
