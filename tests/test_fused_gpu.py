"""The GPU's Triton kernels make what PyTorch makes: of 8-bit samples 99.9 % are equal, the rest off by one.

Triton's interpreter runs them on the CPU, so that they are tested where there is no GPU.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from filmlook import Look, develop, load_stock
from filmlook.engine import compiled, plan, triton_engine
from filmlook.engine.compiled import Choice
from filmlook.engine.fused_gpu import FusedGpu
from filmlook.engine.lamp_light import lamp_numbers
from filmlook.engine.pixels import LampMap, Pixels, dither_shift
from filmlook.engine.triton_engine import TritonKernels
from filmlook.paths import tell_once
from filmlook.stages.grain import normal_quantiles, white_noise
from filmlook.stages.psf import WideSpread, coarse_cells
from tests.fuzz import fused

GOLD, MONO, SLIDE, PAPER = "kodak_gold_200", "kodak_tri_x_400", "fujifilm_velvia_100", "kodak_portra_400"
PLAIN = {"halation": 0, "sharpness": 0, "grain": 0, "scan_softness": 0}
FINE = {"frame": "super8", "effect_size": 4, "diffusion_grade": 0.25, "highlights": 2, "vignette": 0.3}
LARGE = {"frame": "super8", "effect_size": 8, "scan_softness": 12}  # grain on a lattice of its own, and wide kernels
TONED = {"saturation": 0.4, "tone_shadows": 0.5, "tone_highlights": 0.4, "grain_colour": 0.3, "toning": "sepia"}
_CPU = torch.device("cpu")
_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def interpreted() -> Choice:
    """The kernels in Triton's interpreter."""
    os.environ["TRITON_INTERPRET"] = "1"  # which is read as triton is imported
    pytest.importorskip("triton", reason="Triton is not installed: it comes with PyTorch for NVIDIA's and AMD's GPUs on Linux")
    return Choice("interpreted", "to test", triton_engine.load(interpreted=True))


@pytest.fixture
def kernels(interpreted: Choice) -> Iterator[Choice]:
    compiled.choose(fused.TORCH)
    yield interpreted
    triton_engine.choose(None)
    plan._kept.cache_clear()


@pytest.fixture
def modules(kernels: Choice) -> TritonKernels:
    made: TritonKernels = kernels.kernels
    return made


def _made(engine: Choice | None, picture: Any, look: Look, **options: Any) -> Any:
    triton_engine.choose(engine)
    return develop(picture, look, **{"seed": 5, "device": "cpu", **options})


def _scene(height: int = 48, width: int = 40) -> np.ndarray:
    return fused.scene(height, width, random.Random(3))


def _assert_alike(kernels: Choice, picture: Any, look: Look, **options: Any) -> None:
    made = [np.asarray(_made(engine, picture, look, **options)).astype(np.int64) for engine in (None, kernels)]
    apart = np.abs(made[0] - made[1])
    assert apart.max() <= 1, f"up to {apart.max()} codes"
    assert (apart > 0).mean() <= 1 - fused.EQUAL, f"{(apart > 0).mean():.3%} of the samples"


PARTS: list[tuple[str, dict[str, Any]]] = [
    (GOLD, PLAIN),
    (MONO, {**PLAIN, "grain": 1}),
    (SLIDE, {**PLAIN, "sharpness": 1}),
    (SLIDE, {"scan_softness": 20, "vignette": 1}),
    (GOLD, FINE),
    (MONO, {**FINE, "toning": "sepia"}),
    (GOLD, LARGE),
    (SLIDE, TONED),
    (GOLD, {"grain_colour": 0.8, "rating": 2, "push": 1.5, "black": 2, "contrast": 1.4, "filter": "red-25", "lab": 1}),
]


@pytest.mark.parametrize(("stock", "settings"), PARTS)
def test_every_part_of_a_look(stock: str, settings: dict[str, Any], kernels: Choice) -> None:
    _assert_alike(kernels, _scene(), Look(stock=stock, **settings), frame=3)


@pytest.mark.parametrize(
    ("stock", "choice"),
    [(PAPER, "print"), (GOLD, "minilab"), ("kodak_vision3_500t", "print"), ("cinestill_800t", "stock"), (MONO, "stock")],
)
def test_every_kind_of_print(stock: str, choice: str, kernels: Choice) -> None:
    from filmlook.prints import print_labels

    labels = list(print_labels(load_stock(stock)))
    named = next((label for label in labels if choice in label), labels[-1]) if choice != "stock" else "stock"
    _assert_alike(kernels, _scene(), Look(stock=stock, print=named, highlights=1.5))


@pytest.mark.long
def test_random_looks(kernels: Choice) -> None:
    """As of the CPU's kernels, on small pictures."""
    dice = random.Random(11)
    for _ in range(6):
        _assert_alike(kernels, fused.scene(48, 56, dice), fused.random_look(dice), frame=dice.randrange(99))


@pytest.mark.parametrize("size", [(1, 1), (2, 70), (67, 3)])
def test_every_size(size: tuple[int, int], kernels: Choice) -> None:
    for look in (Look(), Look(**LARGE)):
        made = [_made(engine, _scene(*size), look).astype(int) for engine in (None, kernels)]
        apart = np.abs(made[0] - made[1])
        assert apart.max() <= 1
        assert (apart > 0).sum() <= max(2, (1 - fused.EQUAL) * apart.size)


@pytest.mark.parametrize("kind", ["16 bit", "float", "grey", "alpha", "planes", "linear", "strength", "mask"])
def test_every_kind_of_picture(kind: str, kernels: Choice) -> None:
    scene = _scene()
    shared = scene.astype(np.float32) / 255
    ramp = np.linspace(0, 1, scene.shape[1]).astype(np.float32)[None].repeat(scene.shape[0], 0)
    picture, options = {
        "16 bit": (scene.astype(np.uint16) * 257 + 31, {}),
        "float": (shared, {}),
        "grey": (scene[..., 0], {}),
        "alpha": (np.concatenate((scene, scene[..., :1] // 100 * 100), -1), {}),
        "planes": (torch.from_numpy(scene).permute(2, 0, 1).contiguous(), {}),
        "linear": (shared * 3 - 0.05, {"scene_linear": True}),
        "strength": (scene, {}),
        "mask": (scene, {"mask": ramp}),
    }[kind]
    look = Look(**FINE, strength=0.4 if kind == "strength" else 1)
    made = [np.asarray(_made(engine, picture, look, **options)) for engine in (None, kernels)]
    assert made[0].dtype == made[1].dtype
    full = {"uint8": 255, "uint16": 65535}.get(str(made[0].dtype), 1)
    apart = np.abs(made[0].astype(np.float64) - made[1].astype(np.float64)) * (255 / full)
    assert apart.max() <= (1 if full == 255 else 0.1)  # what is not dithered differs by a step of a table
    assert (apart > 0).mean() <= 1 - fused.EQUAL or full != 255


def test_tiles_and_batches_leave_every_bit(kernels: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = np.stack([fused.scene(24, 64, random.Random(i)) for i in range(2)])
    look = Look(vignette=0.3, highlights=2)
    with monkeypatch.context() as patch:
        patch.setattr("filmlook.engine.lattice._BLOCK_PX", {"cpu": 32})  # two blocks a picture
        plan._kept.cache_clear()
        whole = _made(kernels, pictures, look, tile=64)
        assert np.array_equal(_made(kernels, pictures[1], look, tile=64), whole[1])
        few = Choice("interpreted", "smaller programs", dataclasses.replace(kernels.kernels, block=1 << 12))
        plan._kept.cache_clear()
        assert np.array_equal(_made(few, pictures[0], look, tile=64), whole[0]), "what one program makes leaves no trace"
    plan._kept.cache_clear()


def test_kernels_are_used_where_they_can_be(kernels: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    finished: list[int] = []
    monkeypatch.setattr(FusedGpu, "finish", lambda self, *args: finished.append(1))
    _made(kernels, _scene(), Look())
    assert finished
    finished.clear()
    _made(kernels, _scene(), Look(stock="kodak_gold_200_network"))
    _made(None, _scene(), Look())
    assert not finished


def test_few_launches_a_picture(kernels: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Launches, not arithmetic, are what a GPU waits for."""
    run, launched = FusedGpu._run, []

    def counted(self: FusedGpu, kernel: Any, *args: Any, **constants: Any) -> None:
        launched.append(kernel)
        run(self, kernel, *args, **constants)

    monkeypatch.setattr(FusedGpu, "_run", counted)
    _made(kernels, _scene(), Look(stock=GOLD, diffusion_grade=0.25, vignette=0.2))
    assert len(launched) <= 14


def test_noise_is_the_same_to_the_bit(modules: TritonKernels) -> None:
    for y, x, key, layers in ((0, 0, 0, 3), (-7, -3, -(2**31), 3), (70_000, 5, 2**31 - 1, 1)):
        out = torch.zeros(layers, 20, 37)
        modules.film.white[(1,)](normal_quantiles(_CPU), out, y, x, 20, 37, key, LAYERS=layers, BLOCK=1024)
        assert torch.equal(out, white_noise(y, x, 20, 37, key, layers, _CPU))


@pytest.mark.parametrize("channels", [3, 4])
def test_the_dither_is_the_same_to_the_bit(channels: int, modules: TritonKernels) -> None:
    code = torch.rand((3, 6, 51), generator=torch.Generator().manual_seed(3))
    for frame in (0, 1, 77_777):
        out, own = (torch.full((20, 70, channels), 9, dtype=torch.uint8) for _ in range(2))
        Pixels(out, out, _CPU).write(11, 13, code, 1.0, frame)
        place = 11, 13, 6, 51, 51, 0, 11 * 70 + 13, 70, channels, dither_shift(frame)
        modules.film.scan_across[(1,)](code, torch.ones(1), own, code, *place, BYTES=True, BLOCK=512)
        assert torch.equal(out, own)


def _fused(modules: TritonKernels, look: Look) -> FusedGpu:
    stock = load_stock(look.stock)
    assert stock.film
    stages = plan.Development(stock, look, 64, 64, _CPU)._stages
    return FusedGpu(stock.film, stages, lamp_numbers(look.highlights, 1.0), modules, _CPU)


def test_the_coarse_grid_down_and_up(modules: TritonKernels) -> None:
    dice, made = torch.Generator().manual_seed(1), _fused(modules, Look())
    for layers, height, width in ((3, 4, 4), (1, 8, 200), (3, 60, 36)):
        field = torch.rand((1, layers, height + 16, width + 16), generator=dice)
        assert torch.allclose(made.cells(field), coarse_cells(field), rtol=0, atol=5e-7)
    spread = WideSpread(torch.randn((1, 3, 21, 34), generator=dice))
    fine = made.splined(spread)
    assert fine
    for part in ((0, 0, 84, 136), (-24, -8, 132, 44), (80, 120, 4, 48)):
        assert torch.allclose(fine(*part), spread(*part), rtol=0, atol=2e-6)


def test_exposure_and_lamps_light(modules: TritonKernels) -> None:
    """Of candidates, and of a picture that was scaled down and has a map of them."""
    from filmlook.stages.lamps import Spline

    scene = torch.from_numpy(_scene(64, 64))
    dice = torch.Generator().manual_seed(4)
    share, t = (torch.rand((1, 64, 64), generator=dice) for _ in range(2))
    for stock in (GOLD, MONO):
        look = Look(stock=stock, highlights=2.5)
        made = plan.Development(load_stock(stock), look, 64, 64, _CPU)
        for gate in (Spline(torch.rand((1, 9, 9), generator=dice), (7.2, 7.2)), LampMap(share, t)):
            shot = made.shot(Pixels(scene, scene.clone(), _CPU), torch.ones(3, dtype=torch.float64), None)
            exposure, lamps = made._exposure(shot, (-8, -12), (80, 90), gate)
            lit = _fused(modules, look).lit(shot.pixels, (-8, -12), (80, 90), shot.gain, gate)
            assert lit
            assert lamps is not None
            assert lit[1] is not None
            assert torch.allclose(lit[0], exposure, rtol=1e-6, atol=1e-6)
            assert torch.allclose(lit[1], lamps, rtol=5e-6, atol=1e-6)
            assert lamps.max() > 1


def test_logarithms_are_right_in_the_last_bits(modules: TritonKernels) -> None:
    x = torch.cat((torch.logspace(-5, 2, 5000), 1 + torch.linspace(-1e-3, 1e-3, 201)))
    out, bright, own = (torch.zeros_like(x) for _ in range(3))
    numbers = _fused(modules, Look(stock=MONO))._numbers
    lies = 0, len(x), len(x), 0, len(x), len(x)
    modules.film.settle[(6,)](x, x, numbers, out, bright, own, *lies, 0, 0, 1, len(x), 1, len(x), 0, 1, LAYERS=1, BLOCK=1024)
    assert torch.equal(out, x)
    assert (own.double() - torch.log10(x.double())).abs().max() < 3e-7


def test_what_is_wrong_is_found_before_the_first_picture(kernels: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = (Look(stock=GOLD),)
    monkeypatch.setattr("filmlook.engine.compiling._LOOKS", looks)
    plan._kept.cache_clear()
    monkeypatch.setattr("filmlook.engine.fused_gpu.LUMA", (0.5, 0.3, 0.2))
    assert "codes apart" in str(triton_engine._unlike(kernels, _CPU))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """A GPU, or so it seems, with Triton, and nothing chosen."""
    monkeypatch.setenv("FILMLOOK_ENGINE", "")
    monkeypatch.setattr(triton_engine, "_chosen", None)
    monkeypatch.setattr(triton_engine, "find_spec", lambda name: object())
    monkeypatch.setattr(triton_engine, "load", lambda interpreted=False: "kernels")
    monkeypatch.setattr(triton_engine, "_unlike", lambda made, device: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a card")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    tell_once.cache_clear()
    return torch.device("cuda")


def test_triton_is_chosen_on_gpus_alone_and_once(card: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    assert triton_engine.chosen_kernels(_CPU) is None
    assert triton_engine.chosen_kernels(torch.device("mps")) is None
    told = triton_engine.status()
    assert told
    assert "to be tried" in told.why
    assert triton_engine.chosen_kernels(card) == "kernels"
    monkeypatch.setenv("FILMLOOK_ENGINE", "torch")
    assert triton_engine.chosen_kernels(card) == "kernels", "a process keeps to its choice"
    told = triton_engine.status()
    assert told
    assert (told.engine, "a card" in told.why) == ("triton", True)


def test_no_gpu_is_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_engine, "_chosen", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert triton_engine.status() is None


def _fails(error: Exception) -> Any:
    def call(*args: Any, **options: Any) -> Any:
        raise error

    return call


@pytest.mark.parametrize("where", ["load", "_unlike"])
def test_a_broken_triton_is_one_line_and_its_traceback_is_there_for_who_looks(
    where: str, card: torch.device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(triton_engine, where, _fails(RuntimeError("Failed to find C compiler")))
    with caplog.at_level(logging.DEBUG):
        assert triton_engine.chosen_kernels(card) is None
        assert triton_engine.chosen_kernels(card) is None
    warnings = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert ["C compiler" in r.getMessage() for r in warnings] == [True]
    assert [r.exc_info is not None for r in caplog.records if r.levelno == logging.DEBUG] == [True]


def test_other_pictures_than_pytorchs_are_refused(
    card: torch.device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(triton_engine, "_unlike", lambda made, device: "up to 9 codes apart")
    with caplog.at_level(logging.WARNING):
        assert triton_engine.choice(card).engine == "torch"
    assert [("9 codes apart" in r.getMessage()) for r in caplog.records] == [True]


def test_without_triton_pytorch_develops_and_nothing_is_complained_of(
    card: torch.device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(triton_engine, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        assert triton_engine.choice(card).why == "triton is not installed"
    assert not caplog.records
    monkeypatch.setattr(triton_engine, "_chosen", None)
    monkeypatch.setenv("FILMLOOK_ENGINE", "triton")
    with caplog.at_level(logging.WARNING):
        assert triton_engine.choice(card).engine == "torch"
    assert "asks for triton" in caplog.text


def test_who_asks_for_torch_gets_it(card: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMLOOK_ENGINE", "torch")
    assert triton_engine.choice(card).engine == "torch"


def test_triton_is_not_imported_before_there_is_a_gpu() -> None:
    code = "import sys, filmlook.engine.develop; sys.exit('triton' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=_ROOT)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
def test_a_gpu_makes_what_its_pytorch_makes() -> None:
    """In a process of its own: this one's kernels are the interpreter's."""
    pytest.importorskip("triton")
    code = (
        "import numpy as np, torch; from tests.fuzz import fused; from filmlook.engine import triton_engine as e;"
        "c = e.choice(torch.device('cuda')); print(c.why); assert c.kernels;"
        "assert not fused.run(8, 3, c, device='cuda', choose=e.choose)"
    )
    env = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=_ROOT, env={**env, "FILMLOOK_ENGINE": "triton"})


_COMPILED = """
import itertools, sys
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from filmlook.engine.triton_kernels import film, light

WHOLE = set("height width rows cols wide key count reach shift first line step near near_at clouds edges gives at".split())
WHOLE |= set("plane stride vignette unspread_too margin has_lamps".split())

def kind(name, constants):
    if name in constants:
        return "constexpr"
    if name == "kernels":
        return "*i32"
    if name in WHOLE or name.endswith(("_at", "_y", "_x", "_c", "y0", "x0", "_plane", "_stride")):
        return "i32"
    return "*u8" if name in ("samples", "source") else "*fp32"

def compiled(kernel, **constants):
    names = kernel.arg_names
    values = {(names.index(n),): value for n, value in constants.items()}
    source = ASTSource(kernel, {n: kind(n, constants) for n in names}, values)
    made = compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32), options={"enable_fp_fusion": False})
    assert made.asm["cubin"], kernel
    print(kernel.__name__, constants, made.asm["ptx"].count(".approx"))

B = {"BLOCK": 256}
for layers in (1, 3):
    for gate in range(3):
        compiled(light.expose, LAYERS=layers, GATE=gate, **B)
    compiled(film.settle, LAYERS=layers, **B)
    compiled(film.white, LAYERS=layers, **B)
    for noise, samples in itertools.product(range(3), (False, True)):
        compiled(film.film, LAYERS=layers, NOISE=noise, BYTES=samples, **B)
for kernel in (light.shrink_down, light.shrink_across):
    compiled(kernel, TAPS=18, **B)
for layers in (1, 3):
    compiled(light.near_down, LAYERS=layers, **B)
    compiled(light.near_across, LAYERS=layers, **B)
for kernel in (light.spline_across, light.spline_down, film.blurred_down, film.scan_down):
    compiled(kernel, **B)
for samples in (False, True):
    compiled(film.scan_across, BYTES=samples, **B)
"""


@pytest.mark.long
@pytest.mark.parametrize("capability", ["75", "90"])
def test_kernels_compile_for_gpus_that_are_not_there(capability: str, tmp_path: Path) -> None:
    """Down to the GPU's machine code; no division or root of theirs is approximate."""
    pytest.importorskip("triton")
    env = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    env["TRITON_CACHE_DIR"] = str(tmp_path)
    script = tmp_path / "compiled.py"  # what Triton compiles has to lie in a file
    script.write_text(_COMPILED)
    path = os.pathsep.join((str(_ROOT), *sys.path))
    ran = subprocess.run(
        [sys.executable, str(script), capability], cwd=_ROOT, env={**env, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert all(line.endswith(" 0") for line in ran.stdout.splitlines()), ran.stdout


_WITHOUT_A_GPU = """
import numpy as np
from triton.backends.compiler import GPUTarget
from triton.runtime.driver import driver
from filmlook import Look, develop
from filmlook.engine import triton_engine
from filmlook.engine.compiled import Choice
from filmlook.engine.fused_gpu import _OFF, FusedGpu

class Card:
    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

    def get_current_stream(self, device):
        return 0

    def get_current_device(self):
        return 0

found = set()

def run(self, kernel, values, *args, planes=1, **constants):
    made = kernel.warmup(*args, grid=(1,), **constants, BLOCK=self._kernels.block, **_OFF)
    found.add((kernel.fn.__name__, made.hash))

driver.set_active(Card())
FusedGpu._run = run
triton_engine.choose(Choice("interpreted", "compiled, but never run", triton_engine.load()))
dice = np.random.default_rng(1)
for height, width in ((64, 64), (65, 71), (61, 70), (70, 48)):
    picture = (dice.random((height, width, 3)) * 255).astype(np.uint8)
    develop(picture, Look(frame="super8", effect_size=4), device="cpu", seed=height)
    print(len(found), sorted(name for name, _ in found))
"""


@pytest.mark.long
def test_a_picture_of_another_size_has_nothing_compiled_anew(tmp_path: Path) -> None:
    """As the launches of a GPU's would have it: they go as far as they can without one."""
    pytest.importorskip("triton")
    env = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    path = os.pathsep.join((str(_ROOT), *sys.path))
    env.update(TRITON_CACHE_DIR=str(tmp_path), PYTHONPATH=path, FILMLOOK_ENGINE="torch")
    ran = subprocess.run([sys.executable, "-c", _WITHOUT_A_GPU], cwd=_ROOT, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    compiled_each = ran.stdout.splitlines()
    assert compiled_each[0].count("'") >= 16
    assert len(set(compiled_each)) == 1, ran.stdout


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "bench/gpu.py", *arguments]
    env = {**os.environ, "PYTHONPATH": str(_ROOT), "FILMLOOK_ENGINE": "torch", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, cwd=_ROOT, env=env, capture_output=True, text=True)


@pytest.mark.long
def test_the_bench_says_that_there_is_no_gpu_and_keeps_to_its_time(tmp_path: Path) -> None:
    ran = _bench()
    assert ran.returncode == 1
    assert "torch sees no GPU" in ran.stderr
    ran = _bench("--device", "cpu", "--minutes", "0", "--json", str(tmp_path / "told.json"))
    assert ran.returncode == 0, ran.stderr
    assert "left out: by size, by look" in ran.stdout
    assert json.loads((tmp_path / "told.json").read_text())["device"] == "cpu"


@pytest.mark.long
def test_the_bench_measures_what_it_can_without_a_gpu(tmp_path: Path) -> None:
    ran = _bench("--device", "cpu", "--quick", "--json", str(tmp_path / "told.json"))
    assert ran.returncode == 0, ran.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert {row["what"] for row in told["looks"]} >= {"Gold", "network stock", "cinestill-night"}
    assert all(row["torch"] > 0 for row in told["seconds"] + told["looks"] + told["batches"] + told["generation"][:-1])
    assert all(row["fine"] == "yes" for row in told["equality"])
    assert not told["left_out"]
