"""The CPU's compiled kernels make what PyTorch makes: of 8-bit samples 99.9 % are equal, the rest off by one."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from filmlook import Look, develop, list_stocks, load_stock
from filmlook.engine import compiled, plan, trace
from filmlook.engine.fused_cpu import STAGES, Fused, upper_half
from filmlook.engine.lamp_light import lamp_numbers
from filmlook.engine.metering import ExposureLock
from filmlook.engine.pixels import LampMap, Pixels
from filmlook.engine.regrain import regrain
from filmlook.files.interpolation import Lut, bake
from filmlook.files.lut import write_cube
from filmlook.film.colour_map import Pointwise
from filmlook.film.curve import Table
from filmlook.prints import print_labels
from filmlook.stages.dirt import Dust, Scratches
from filmlook.stages.grain import _hash, white_noise
from filmlook.stages.lamps import Spline
from filmlook.stages.psf import WideSpread, coarse_cells
from tests.fuzz import fused

FILMS = [name for name in list_stocks() if load_stock(name).film]
NETWORK = "kodak_gold_200_network"
WITHOUT_LAYERS = sorted(set(list_stocks()) - set(FILMS))
GOLD, MONO, SLIDE = "kodak_gold_200", "kodak_tri_x_400", "fujifilm_velvia_100"
FINE = {"frame": "super8", "effect_size": 4, "diffusion_grade": 0.25, "highlights": 2, "vignette": 0.3}
_CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def proven(tmp_path_factory: pytest.TempPathFactory) -> compiled.Choice:
    """The kernels, compiled where a user's would be, in a process of their own; without numba what needs them skips."""
    pytest.importorskip("numba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FILMLOOK_ENGINE", "numba")
        found = compiled._choice(wait=True)
    assert found.kernels, found.why
    return found


@pytest.fixture
def kernels(proven: compiled.Choice) -> Iterator[compiled.Choice]:
    yield proven
    compiled.choose(fused.TORCH)


def _made(engine: compiled.Choice, picture: Any, look: Look, **options: Any) -> Any:
    compiled.choose(engine)
    return develop(picture, look, **{"seed": 5, "device": "cpu", **options})


def _assert_alike(kernels: compiled.Choice, picture: Any, look: Look, **options: Any) -> None:
    apart = fused.apart(picture, look, kernels, **{"seed": 5, **options})
    assert apart.max() <= 1, f"up to {apart.max()} codes"
    assert (apart > 0).mean() <= 1 - fused.EQUAL, f"{(apart > 0).mean():.3%} of the samples"


@pytest.mark.long
@pytest.mark.parametrize("stock", FILMS)
def test_every_stock_and_print_is_as_pytorch_makes_it(stock: str, kernels: compiled.Choice, scene: np.ndarray) -> None:
    prints = list(print_labels(load_stock(stock)))
    for i, choice in enumerate(random.Random(stock).sample(prints, min(2, len(prints)))):
        _assert_alike(kernels, scene[50:210, 180:], Look(stock=stock, print=choice, **(FINE if i else {})), frame=i)


@pytest.mark.parametrize("stock", [GOLD, MONO, SLIDE])
@pytest.mark.parametrize(
    "settings",
    [
        {"halation": 0, "sharpness": 0, "grain": 0, "scan_softness": 0},
        {"halation": 0, "sharpness": 0, "scan_softness": 0},
        {"halation": 0, "grain": 0, "scan_softness": 20, "vignette": 1},
        {"frame": "super8", "effect_size": 8, "scan_softness": 12},  # grain on a lattice of its own
        {"saturation": 0.4, "tone_shadows": 0.5, "tone_highlights": 0.4, "grain_colour": 0.3, "toning": "sepia", "lab": 1},
        {"grain_colour": 0.8, "rating": 2, "push": 1.5, "black": 2, "white": 2, "contrast": 1.4, "filter": "red-25"},
        {"strength": 0.37},
    ],
)
def test_every_part_of_a_look(stock: str, settings: dict[str, Any], kernels: compiled.Choice, scene: np.ndarray) -> None:
    _assert_alike(kernels, scene, Look(stock=stock, **settings), frame=3)


@pytest.mark.parametrize("size", [(1, 1), (2, 350), (351, 3), (353, 97), (64, 705)])
def test_every_size(size: tuple[int, int], kernels: compiled.Choice) -> None:
    picture = fused.scene(*size, random.Random(1))
    for settings in ({}, {"frame": "super8", "scan_softness": 30, "effect_size": 8}):
        apart = fused.apart(picture, Look(**settings), kernels, seed=2)
        assert apart.max() <= 1
        assert (apart > 0).sum() <= max(2, (1 - fused.EQUAL) * apart.size)


@pytest.mark.parametrize("kind", ["16 bit", "float", "float64", "grey", "alpha", "tensor", "planes", "linear", "PIL"])
def test_every_kind_of_picture(kind: str, kernels: compiled.Choice, scene: np.ndarray) -> None:
    shared = scene.astype(np.float32) / 255
    picture, options = {
        "16 bit": (scene.astype(np.uint16) * 257 + 31, {}),
        "float": (shared, {}),
        "float64": (shared.astype(np.float64), {}),
        "grey": (scene[..., 0], {}),
        "alpha": (np.concatenate((scene, scene[..., :1] // 100 * 100), -1), {}),
        "tensor": (torch.from_numpy(scene).permute(2, 0, 1), {}),
        "planes": (torch.from_numpy(shared).permute(2, 0, 1).contiguous(), {}),
        "linear": (shared * 3 - 0.05, {"scene_linear": True}),
        "PIL": (Image.fromarray(scene), {}),
    }[kind]
    made = [np.asarray(_made(e, picture, Look(**FINE), **options)) for e in (fused.TORCH, kernels)]
    assert made[0].dtype == made[1].dtype
    full = {"uint8": 255, "uint16": 65535}.get(str(made[0].dtype), 1)
    apart = np.abs(made[0].astype(np.float64) - made[1].astype(np.float64)) * (255 / full)
    assert apart.max() <= (1 if full == 255 else 0.1)  # what is not dithered differs by a step of a table
    assert (apart > 0).mean() <= 1 - fused.EQUAL or full != 255


@pytest.mark.long
def test_random_looks(kernels: compiled.Choice) -> None:
    assert not fused.run(12, 7, kernels)


@pytest.mark.long
@pytest.mark.slow
def test_many_random_looks(kernels: compiled.Choice) -> None:
    assert not fused.run(150, 8, kernels)


def test_tiles_batches_and_threads_leave_every_bit(kernels: compiled.Choice) -> None:
    pictures = np.stack([fused.scene(500, 800, random.Random(i)) for i in range(2)])
    look = Look(**FINE)
    batch = _made(kernels, pictures, look)
    for picture, developed in zip(pictures, batch, strict=True):
        for tile in (64, 400, 4000):
            assert np.array_equal(_made(kernels, picture, look, tile=tile), developed)


def test_frames_have_grain_and_dither_of_their_own(kernels: compiled.Choice, scene: np.ndarray) -> None:
    first, second = (_made(kernels, scene, Look(), frame=frame) for frame in (0, 1))
    assert (first != second).mean() > 0.5


def test_the_noise_is_the_same_to_the_bit(kernels: compiled.Choice) -> None:
    from filmlook.engine.kernels import passes
    from filmlook.engine.kernels.primitives import lowbias32
    from filmlook.stages.grain import normal_quantiles

    values = torch.tensor([0, 1, -1, 2**31 - 1, -(2**31), 123456789], dtype=torch.int32)
    assert [int(lowbias32(np.uint32(int(v) % 2**32))) for v in values] == [int(h) % 2**32 for h in _hash(values.clone())]
    for y, x, key, lanes in ((0, 0, 0, 3), (-7, -3, -(2**31), 3), (70_000, 5, 2**31 - 1, 1)):
        out = np.zeros(lanes * 20 * 37, np.float32)
        passes.white_noise(out, 0, 20 * 37, 20, 37, y, x, key, lanes, upper_half(normal_quantiles(_CPU).numpy()))
        assert np.array_equal(out.reshape(lanes, 20, 37), white_noise(y, x, 20, 37, key, lanes, _CPU).numpy())


@pytest.mark.parametrize("channels", [3, 4])
def test_the_dither_is_the_same_to_the_bit(channels: int, kernels: compiled.Choice) -> None:
    from filmlook.engine.kernels import passes
    from filmlook.engine.pixels import dither_shift

    code = torch.rand((3, 6, 51), generator=torch.Generator().manual_seed(3))
    row = {3: passes.samples_row, 4: passes.samples_row_of_four}[channels]
    for frame in (0, 1, 77_777):
        out, own = (torch.full((20, 70, channels), 9, dtype=torch.uint8) for _ in range(2))
        Pixels(out, out, _CPU).write(11, 13, code, 1.0, frame)
        for i in range(6):
            at = ((11 + i) * 70 + 13) * channels
            shift = np.uint32(dither_shift(frame) % 2**32)
            row(code.numpy().reshape(-1), i * 51, 6 * 51, own.numpy().reshape(-1), at, 51, 11 + i, 13, shift)
        assert torch.equal(out, own)


def test_the_coarse_grid_is_the_same_to_the_bit(kernels: compiled.Choice) -> None:
    dice = torch.Generator().manual_seed(1)
    made = Fused(
        load_stock(GOLD).film,
        plan.Development(load_stock(GOLD), Look(), 64, 64, _CPU)._stages,
        kernels.kernels,
        lamp_numbers(0, 1),
    )
    for layers, height, width in ((3, 4, 4), (1, 8, 200), (3, 60, 36)):
        field = torch.rand((1, layers, height + 16, width + 16), generator=dice)
        assert torch.equal(made.cells(field), coarse_cells(field))
    spread = WideSpread(torch.randn((1, 3, 21, 34), generator=dice))
    fine = made.splined(spread)
    assert fine
    for part in ((0, 0, 84, 136), (-24, -8, 132, 44), (80, 120, 4, 48)):
        assert torch.equal(fine(*part), spread(*part))


@pytest.mark.parametrize("stock", [GOLD, MONO])
def test_lamps_shine_as_pytorch_has_them(stock: str, kernels: compiled.Choice, scene: np.ndarray) -> None:
    """Those that a gate opens for, and those of a picture that was scaled down and has a map of them."""
    dice = torch.Generator().manual_seed(4)
    share, t = (torch.rand((1, 64, 64), generator=dice).mul_(2).sub_(1).clamp_(0) for _ in range(2))
    look = Look(stock=stock, highlights=2.5)
    bright = torch.from_numpy(np.random.default_rng(1).integers(180, 256, (64, 64, 3), np.uint8))
    for gate in (Spline(torch.rand((1, 9, 9), generator=dice) - 0.2, (7.2, 7.2)), LampMap(share, t)):
        made = []
        for engine in (fused.TORCH, kernels):
            compiled.choose(engine)
            of = plan.Development(load_stock(stock), look, 64, 64, _CPU)
            shot = of.shot(Pixels(bright, bright.clone(), _CPU), torch.ones(3, dtype=torch.float64), None)
            made.append(of._exposure(shot, (-8, -12), (80, 90), gate))
        (left, lamps), (left_too, lamps_too) = made
        assert lamps is not None
        assert lamps_too is not None
        assert lamps.max() > 1
        assert torch.allclose(left_too, left, rtol=1e-6, atol=1e-6)
        assert torch.allclose(lamps_too, lamps, rtol=5e-6, atol=1e-6)


def test_logarithm_and_exponential_are_right_in_the_last_bits(kernels: compiled.Choice) -> None:
    from filmlook.engine.kernels import passes

    x = np.concatenate((np.geomspace(1e-5, 100, 50_000), 1 + np.linspace(-1e-3, 1e-3, 2001))).astype(np.float32)
    out = np.empty_like(x)
    passes.log_rows(x, 0, len(x), out, 0, 1, len(x), np.float32(1e-5))
    assert np.abs(out - np.log10(x.astype(np.float64))).max() < 3e-7
    y = np.linspace(-40, 5, 50_001).astype(np.float32)
    passes.exponential(out := y.copy(), 0, len(y))
    assert np.abs(out / np.exp(y.astype(np.float64)) - 1).max() < 2e-7


@pytest.mark.long
def test_every_stage_of_a_film_and_every_step_of_its_print_has_a_form() -> None:
    left_to_pytorch = {Dust, Scratches}
    assert {make for _, make in (*plan._DEVELOPING, *plan._MAPPING)} == {*STAGES, *left_to_pytorch}
    for stock in list_stocks():
        for choice, toned in itertools.product(print_labels(load_stock(stock)), (0, 0.5)):
            look = Look(stock=stock, print=choice, tone_shadows=toned, saturation=0.5, vignette=0.5, contrast=1.1, black=1.5)
            made = plan.Development(load_stock(stock), look, 64, 64, _CPU)
            assert not Fused.unfit(made._stages, Pixels(torch.zeros(0), torch.zeros(0), _CPU))


def test_a_stage_or_a_step_without_a_form_is_left_to_pytorch(scene: np.ndarray) -> None:
    made = plan.Development(load_stock(GOLD), Look(), 64, 64, _CPU)
    pixels = Pixels(torch.zeros(0), torch.zeros(0), _CPU)

    class Strange:
        name, margin = "strange", 0

    assert "strange" in Fused.unfit([*made._stages, Strange()], pixels)  # type: ignore[list-item]
    for stage in made._stages:
        if stage.name == "print":
            stage.steps = (*stage.steps, lambda code: code)  # type: ignore[attr-defined]
    assert "function" in Fused.unfit(made._stages, pixels)
    plain = plan.Development(load_stock("neutral"), Look(stock="neutral"), 64, 64, _CPU)
    next(stage for stage in plain._stages if stage.name == "map").prepared = Pointwise(torch.sqrt)  # type: ignore[attr-defined]
    assert "a map of" in Fused.unfit(plain._stages, pixels)


NO_SPREAD = {"halation": 0, "sharpness": 0}


@pytest.mark.parametrize("stock", WITHOUT_LAYERS)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {**NO_SPREAD, "grain": 0},
        {**NO_SPREAD, "grain": 0, "scan_softness": 0, "strength": 0.5},
        {**NO_SPREAD, "vignette": 0.5, "context": "exact"},
        {**FINE, "push": 1, "contrast": 1.2, "saturation": 0.7, "tone_shadows": 0.4, "black": 2, "exposure": 0.4},
        {"frame": "super8", "effect_size": 8, "scan_softness": 20, "grain_colour": 0.3},  # grain on a lattice of its own
    ],
)
def test_stocks_without_layers(stock: str, settings: dict[str, Any], kernels: compiled.Choice, scene: np.ndarray) -> None:
    scene, look = scene[50:210, 180:], Look(stock=stock, **settings)
    _assert_alike(kernels, scene, look, frame=2)
    assert fused.apart(scene[40:43, :9], look, kernels).max() <= 1
    shared = fused.made_apart(scene.astype(np.float32) / 255, look, kernels)
    assert shared.max() < 4e-4  # what is not dithered differs by a step of a table


def _rows_of(cube: Path) -> list[str]:
    return [line for line in cube.read_text().splitlines() if line[:1].isdecimal() or line[:1] == "-"]


@pytest.mark.parametrize("kind", ["cube", "curves", "cube after curves"])
def test_luts(kind: str, kernels: compiled.Choice, scene: np.ndarray, tmp_path: Path) -> None:
    cube = bake(lambda code: code.flip(1) * 0.7 + code.square() * 0.3, 17)
    curves = torch.linspace(-0.2, 1.1, 9)[:, None].clamp(0, 1).expand(-1, 3).contiguous()
    steep = Lut(curves, domain_min=(-0.1, 0.0, 0.0), domain_max=(1.0, 0.9, 1.2))
    lut = {"cube": cube, "curves": steep, "cube after curves": dataclasses.replace(cube, shaper=steep)}[kind]
    write_cube(path := tmp_path / "map.cube", dataclasses.replace(lut, shaper=None))
    if lut.shaper:
        write_cube(before := tmp_path / "before.cube", Lut(lut.shaper.table))
        rows = [_rows_of(file) for file in (before, path)]
        path.write_text("\n".join(["LUT_1D_SIZE 9", "LUT_3D_SIZE 17", *rows[0], *rows[1]]))
    for settings in ({}, {**NO_SPREAD, "grain": 0}, {"tone_shadows": 0.4, "tone_highlights": 0.4, "contrast": 1.2}):
        _assert_alike(kernels, scene, Look(stock=str(path), **settings))


@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_what_a_lut_makes_brighter_than_white_is_white(engine: str, kernels: compiled.Choice, tmp_path: Path) -> None:
    write_cube(path := tmp_path / "steep.cube", bake(lambda code: code * 1.4 - 0.2, 9))
    look = Look(stock=str(path), **NO_SPREAD, grain=0, scan_softness=0)
    ends = np.array([[[5] * 3], [[250] * 3]], np.uint8)
    developed = _made(fused.TORCH if engine == "torch" else kernels, ends, look)
    assert developed[:, 0].tolist() == [[0] * 3, [255] * 3]


def test_traces_and_regrained_pictures_are_pytorchs_to_the_bit(kernels: compiled.Choice, scene: np.ndarray) -> None:
    made = []
    for engine in (fused.TORCH, kernels):
        compiled.choose(engine)
        made.append((trace(scene, Look(), device="cpu")[-1][1].numpy(), regrain(scene, Look(), device="cpu")))
    assert np.array_equal(made[0][0], made[1][0])
    assert np.array_equal(made[0][1], made[1][1])


def test_a_film_is_developed_by_one_engine_to_its_end(
    kernels: compiled.Choice, scene: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler may be done in the middle of it: the process keeps to its choice."""
    monkeypatch.setenv("FILMLOOK_ENGINE", "")
    monkeypatch.setattr(compiled, "_chosen", None)
    monkeypatch.setattr(compiled, "_is_ready", lambda folder: False)
    monkeypatch.setattr(compiled, "_start", lambda folder: None)
    monkeypatch.setattr(compiled, "_younger", lambda path, seconds: False)
    lock = ExposureLock()
    first = develop(scene, Look(), device="cpu", lock=lock)
    assert compiled.choice().engine == "torch"
    monkeypatch.undo()
    monkeypatch.setenv("FILMLOOK_ENGINE", "")
    compiled.choose(compiled.Choice("torch", "still"))
    assert np.array_equal(develop(scene, Look(), device="cpu", lock=lock), first)


def test_kernels_are_used_by_their_kept_code_alone(kernels: compiled.Choice, scene: np.ndarray) -> None:
    """A picture of another kind must not have numba compile anew, which would hold up the whole process."""

    def missed() -> int:
        entries = ("expose", "finish", "near", "shine", "shrink", "spline")
        return sum(sum(getattr(kernels.kernels, name).stats.cache_misses.values()) for name in entries)

    before = missed()
    for picture in (scene, scene.astype(np.uint16), scene / 255, scene[..., 0], torch.from_numpy(scene).permute(2, 0, 1)):
        for look in (Look(), Look(stock=MONO, grain=0, strength=0.5), Look(frame="super8", effect_size=8), Look(stock=NETWORK)):
            _made(kernels, picture, look)
    assert missed() == before


@pytest.mark.long
def test_every_loop_is_vectorised(kernels: compiled.Choice) -> None:
    """A loop that stays scalar costs a third of all. What processors cannot gather is left scalar: look-ups alone."""
    import llvmlite.binding

    from filmlook.engine.kernels import blur, coarse, cubes, lamps, lookups, network, passes
    from filmlook.engine.kernels.primitives import assembly

    features = llvmlite.binding.get_host_cpu_features()
    if not features.get("avx2"):
        pytest.skip("this processor has no AVX2 whose registers could be looked for")
    f, i, wide = np.float32(0.5), 8, np.ones(4096, np.float32)
    m, row = np.ones(12, np.float32), (wide, 0)
    calls: dict[str, tuple[Any, ...]] = {
        "falloff": (*row, i, f, f, f, f),
        "shade": (*row, i, wide, 64),
        "expose_row": (*row, 64, *row, 64, i, m),
        "expose_row_of_one": (*row, 64, *row, i, m),
        "log_rows": (*row, 64, *row, 2, i, f),
        "log_brightness_rows": (*row, 64, 64, *row, 2, i, f, m),
        "log_plus_rows": (*row, 64, *row, 2, i, f, *row, f),
        "log_added_rows": (*row, 64, *row, 2, i, f, f),
        "pushed": (*row, i, f, f),
        "shown": (*row, i, m),
        "_row": (*row, 18, 324, wide, 1, 1200, wide, 1300, 16, 16, m),
        "times": (*row, *row, i, f),
        "plus_both": (*row, 1, *row, i, f),
        "sharpen": (*row, *row, *row, wide, 100, 50, wide, 300, i, 400, (f, f, f, f), True, False),
        "locate": (*row, wide, 64, wide, 128, i, f, f),
        "inhibit": (*row, *row, 64, i, m, f, f),
        "inhibit_one": (*row, *row, i, f, f, f),
        "white_row": (*row, 64, i, 3, 3, 3, 3),
        "grain_rows": (*row, *row, *row, 64, 2, i, 64, 64, f, f, f),
        "grain_row_of_one": (*row, *row, *row, i),
        "mix": (*row, 64, i, m, f, f),
        "exponential": (*row, i),
        "locate_luminance": (*row, 64, wide, 400, wide, 500, i, m, f, f),
        "clamp": (*row, i),
        "plus": (*row, *row, i, f),
        "five": (wide, 64, 2, *row, i, f, f, f),
        "plus_five": (wide, 64, 2, *row, i, f, f, f),
        "plus_four_pairs": (wide, 64, 64, 2, *row, i, f, f, f, f),
        "weighed_by_seven": (*row, 64, m, *row, i),
        "halved_by_four": (*row, m, *row, i),
        "halved_by_eight": (*row, m, *row, i),
        "woven": (*row, i, wide, 64),
        "candidates": (*row, 64, i, f),
        "parts": (*row, 64, wide, 400, wide, 700, i, m),
        "rebuilt": (*row, i, f, f, f),
        "taken": (*row, wide, 64, wide, 128, wide, i, f),
        "samples_row": (*row, 64, np.zeros(64, np.uint8), 0, i, 3, 3, np.uint32(1)),
    }
    gathers = {
        "pick": (np.zeros(64, np.float32), 0, wide, 64, wide, 128, i, wide, 0),
        "pick_signed": (np.zeros(64, np.float32), 0, i, wide),
        "times_picked": (wide, 64, np.zeros(64, np.float32), 0, wide, 128, i, wide, 0),
        "curves": (np.zeros(64, np.float32), 0, 8, i, wide, m),
        "cube": (np.zeros(64, np.float32), 0, 8, i, wide, m),
        "decode_row": (np.zeros(64, np.uint8), 0, 3, wide, wide, 64, i),
    }
    every = {**vars(passes), **vars(lookups), **vars(lamps), **vars(coarse), **vars(blur), **vars(cubes), **vars(network)}
    compiled_here = {name: made for name, made in every.items() if hasattr(made, "py_func")}
    loops = {name for name, made in compiled_here.items() if "apart()" in inspect.getsource(made.py_func)}
    assert loops == {*calls, *gathers, "copied", "samples_row_of_four"}  # a copy becomes memcpy
    for name, told in calls.items():
        every[name](*told)
        code = assembly(every[name])
        assert "ymm" in code or "zmm" in code, f"{name} is scalar"
    for name, told in gathers.items():
        every[name](*told)
        assert "vgather" in assembly(every[name]) or not features.get("avx512f"), f"{name} does not gather"


def test_tables_are_of_the_size_that_kernels_take_them_for() -> None:
    from filmlook.engine.kernels import numbers

    table = Table(lambda x: x, 0, 1, 2, _CPU)
    values = table.values
    assert len(values) == 2 * numbers.SAMPLES
    assert len(table.knots) == 2 * numbers.KNOTS
