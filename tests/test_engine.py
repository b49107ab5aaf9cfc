"""develop() is its stages, one after another; and what it does, it does on threads of its own."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import operator
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from filmlook import Look, PictureError, develop, load_stock
from filmlook.engine import trace
from filmlook.engine.develop import run_plans
from filmlook.engine.lamp_gate import lamp_gate
from filmlook.engine.metering import Shot
from filmlook.engine.pixels import Pixels
from filmlook.engine.plan import development, pitch_um
from filmlook.engine.threads import in_pool, side_by_side
from filmlook.errors import Stopped
from filmlook.film.scene_light import display_code, scene_light
from filmlook.paths import tell_once
from filmlook.stages.edges import edges, film_transfer, green_layer
from filmlook.stages.emulsion import emulsion, pushed
from filmlook.stages.grain import grain
from filmlook.stages.halation import halation, reflection_transfer
from filmlook.stages.lamps import beside_lamps, near_white, pale, rebuilt
from filmlook.stages.lens import diffusion, vignette
from filmlook.stages.print import print_
from filmlook.stages.psf import coarse_cells, spread
from filmlook.stages.scan import scan
from filmlook.stock import Stock

GOLD, MONO, SLIDE, LAYERLESS = "kodak_gold_200", "kodak_tri_x_400", "fujifilm_velvia_100", "neutral"
CLOSE = {"frame": "super8", "effect_size": 2.0}  # 12 um a pixel: near inhibitors, halation and clouds are all there to see
LOOKS = {
    "colour": {"halation": 0, "sharpness": 0, "exposure": 0.5, "contrast": 1.2},
    "lens": {"halation": 0, "sharpness": 0, "diffusion": "pro-mist", "diffusion_grade": 0.5, "vignette": 0.6},
    "halation": {"halation": 2, "halation_size": 1.5, "sharpness": 0, "highlights": 3},
    "edges": {"halation": 0, "sharpness": 1},
    "lamps": {"diffusion": "cinebloom", "diffusion_grade": 0.5, "highlights": 3, "halation": 2, "sharpness": 0},
    "all": {"diffusion_grade": 0.25, "vignette": 0.3, "sharpness": 1.3, "light_red": 0.1, "saturation": 0.8, "white": 0.5},
}


def lamps_by_hand(code: Tensor, look: Look) -> tuple[Tensor, Tensor]:
    """What lamps of a picture `1,3,H,W` take of the light below white, and what they have with that above: shares of it."""
    light = scene_light(code[0])
    t = near_white(light)
    if not (look.halation or look.diffusion_grade) or not look.highlights:  # of stocks with an antihalation layer
        return torch.zeros_like(code[:, :1]), torch.zeros_like(code[:, :1])
    few = Pixels(code[0].movedim(0, 2), code[0].movedim(0, 2), torch.device("cpu")).scattered(4)
    few = few.light(0, 0, *(-(-n // 4) for n in code.shape[-2:]))
    share = t * pale(light) * lamp_gate(few, (code.shape[-2], code.shape[-1]))(0, 0, *code.shape[-2:])
    return share[None], (share * rebuilt(t, look.highlights, light))[None]


def by_hand(code: Tensor, look: Look, seed: int) -> Tensor:
    """Display code `1,3,H,W` to display code, through the functions of the stages."""
    stock = load_stock(look.stock)
    pitch, green = pitch_um(stock, look, *code.shape[-2:]) / look.effect_size, green_layer(stock.layers)
    light = scene_light(code) * 2**look.exposure
    light = stock.film.expose(light, torch.ones(3, dtype=torch.float64)) if stock.film else light
    taken, shining = lamps_by_hand(code, look)
    plain, lamps = light * (1 - taken), light * shining
    unspread, scatter = plain + lamps, min(look.halation, 1.0)

    def veiled(exposure: Tensor, layers: slice) -> Tensor:
        exposure = diffusion(exposure, look.diffusion, look.diffusion_grade, pitch_um=pitch)
        return spread(exposure, lambda f: reflection_transfer(f, stock, look.halation, look.halation_size)[layers], pitch)

    def on_film(exposure: Tensor, layers: slice) -> Tensor:
        return spread(exposure, lambda f: film_transfer(f, stock, look.sharpness, scatter)[layers], pitch)

    alike, each = slice(green, green + 1), slice(None)
    exposure = on_film(0.75 * plain + 0.25 * veiled(plain, alike), alike) + on_film(veiled(lamps, each), each)
    unspread, exposure = vignette(unspread, look.vignette), vignette(exposure, look.vignette)
    beside = None
    if lamps.any():
        at = [coarse_cells(pad(e, (8, 8, 8, 8), mode="reflect")) for e in (plain, lamps)]
        beside = beside_lamps(*at, pitch)(0, 0, *code.shape[-2:])
    film = edges(exposure, unspread, stock, pitch_um=pitch, look=look, beside_lamps=beside)
    if stock.film:
        film = emulsion(film, stock, look=look)
        code = print_(grain(film, stock, pitch_um=pitch, seed=seed, amount=look.grain), stock, look)
        return scan(code, look.scan_softness, pitch_um=pitch)
    film = grain(film, stock, pitch_um=pitch, seed=seed, amount=look.grain)
    code = print_(display_code(10**film).clamp(0, 1), stock, look)
    return scan(code, look.scan_softness, pitch_um=pitch)


@pytest.mark.parametrize("amount", [0, 1])
@pytest.mark.parametrize("settings", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("stock", [GOLD, MONO, SLIDE, LAYERLESS])
def test_develop_is_its_stages_one_after_another(stock: str, settings: dict, amount: int, scene: np.ndarray) -> None:
    look = Look(stock=stock, grain=amount, **{**CLOSE, **settings})
    code = 0.08 + 0.9 * torch.from_numpy(scene).movedim(2, 0)[None].float() / 255  # where film resolves more than rounding
    developed, composed = develop(code, look, seed=5), by_hand(code, look, seed=5)
    apart = (developed - composed).abs().flatten() * 255
    # develop joins what spreads to one blur, in blocks, with a few Gaussians; sharpened thrice, edges show that.
    joined = look.diffusion_grade > 0 and look.sharpness > 0
    assert float(apart.mean()) < (0.2 if joined else 0.06)
    assert float(apart.kthvalue(int(0.999 * len(apart))).values) < (5.5 if joined else 1.1)


def test_the_stages_shown_are_those_of_develop(scene: np.ndarray) -> None:
    look = Look(stock=GOLD, vignette=0.3, **CLOSE)
    steps = trace(scene, look, seed=3)
    assert [name for name, _, _ in steps] == ["exposure", "vignette", "log exposure", "density", "grain", "print", "scan"]
    assert all(whole.shape == (1, 3, *scene.shape[:2]) and seconds > 0 for _, whole, seconds in steps)
    found = {name: whole for name, whole, _ in steps}
    developed = develop(torch.from_numpy(scene).movedim(2, 0), look, seed=3)
    assert (found["scan"][0] * 255 - developed).abs().max() < 1.01
    assert torch.equal(found["vignette"], vignette(found["exposure"], look.vignette))
    grainy = grain(found["density"], load_stock(GOLD), pitch_um=5790 / 420 / 2, seed=3)
    assert torch.allclose(found["grain"], grainy, atol=1e-5)
    assert [name for name, _, _ in trace(scene, Look(stock=LAYERLESS, grain=0))] == [
        "exposure",
        "log exposure",
        "map",
        "print",
        "scan",
    ]
    assert [name for name, _, _ in trace(scene, Look(stock=LAYERLESS, grain=0, halation=0, sharpness=0))] == [
        "map",
        "print",
        "scan",
    ]


def test_stages_are_shown_of_one_picture_whatever_its_looks_strength(scene: np.ndarray) -> None:
    whole, none = (trace(scene, Look(stock=GOLD, strength=strength), seed=3) for strength in (1, 0))
    for (name, field, _), (other, same, _) in zip(whole, none, strict=True):
        assert name == other
        assert torch.equal(field, same)
    with pytest.raises(PictureError, match="one picture"):
        trace(np.stack([scene, scene]), Look(stock=GOLD))


# --- single numbers of the stages


def test_strength_is_the_share_of_the_film(scene: np.ndarray) -> None:
    picture = scene.astype(np.float32) / 255
    look = Look(stock=GOLD, grain=0, halation=0, sharpness=0)
    full, quarter = develop(picture, look), develop(picture, dataclasses.replace(look, strength=0.25))
    assert np.abs(quarter - (0.25 * full + 0.75 * picture)).max() < 1e-5


def test_cine_base_is_thinner_and_reflects_nearer() -> None:
    assert load_stock("kodak_vision3_500t").base == load_stock("kodak_double_x_5222").base == "cine"
    assert load_stock(GOLD).base == load_stock("cinestill_800t").base == "still"
    light = torch.zeros(1, 3, 301, 301)
    light[..., 150, 150] = 1
    axis = (torch.arange(301) - 150) * 4.0
    radius2 = axis[:, None] ** 2 + axis[None] ** 2
    reach = {}
    for base in ("still", "cine"):
        stock = dataclasses.replace(load_stock(GOLD), antihalation="none", base=base)
        bounced = halation(light, stock, pitch_um=4.0)[0, 0]
        own = halation(light, dataclasses.replace(stock, antihalation="strong"), pitch_um=4.0)[0, 0]
        far = (bounced - own).clamp_min(0)
        reach[base] = math.sqrt(float((far * radius2).sum() / far.sum()))
    assert reach["still"] / reach["cine"] == pytest.approx(65 / 50, rel=0.05)


@pytest.mark.parametrize(("family", "alpha"), [("black-pro-mist", 3.5), ("pro-mist", 2.9), ("cinebloom", 2.5)])
def test_a_blooms_tail_falls_with_its_power(family: str, alpha: float) -> None:
    """Light at distance r of a point falls as r^-alpha over the bloom's own distances."""
    size, pitch = 1201, 8.0
    light = torch.zeros(1, 1, size, size)
    light[..., size // 2, size // 2] = 1
    glow = diffusion(light, family, 1.0, pitch_um=pitch)[0, 0, size // 2].double()
    near, far = {"black-pro-mist": (380, 1500), "pro-mist": (650, 2400), "cinebloom": (1000, 3000)}[family]
    slope = math.log(float(glow[size // 2 + int(far / pitch)] / glow[size // 2 + int(near / pitch)])) / math.log(far / near)
    assert -slope == pytest.approx(alpha, rel=0.15)


def test_push_steepens_stocks_without_layers_around_mid_grey() -> None:
    grey = math.log10(0.184)
    at = torch.tensor([grey - 1, grey, grey + 1])
    for push, low, high in ((1.0, 1.1, 1.3), (2.0, 1.15, 1.5), (-1.0, 0.7, 0.9)):
        moved = pushed(at, push)
        assert float(moved[1]) == pytest.approx(grey, abs=1e-6)
        assert low < float(moved[2] - moved[1]) < high
        assert float(moved[2] - moved[1]) == pytest.approx(float(moved[1] - moved[0]))


# --- threads


def test_the_callers_thread_only_waits(scene: np.ndarray) -> None:
    """What it computed itself would be split over OpenMP's threads, which spin while they wait."""
    large = np.tile(scene, (4, 4, 1))
    look = Look(stock=GOLD, diffusion_grade=0.25, lab=0.5, highlights=2, **CLOSE)
    develop(large, look)
    own, whole = time.thread_time(), time.process_time()
    develop(large, look, seed=1)
    develop(large[1:], look, seed=2)
    assert time.thread_time() - own < 0.1 * (time.process_time() - whole)


def test_progress_is_told_on_the_callers_thread_and_may_end_the_work(scene: np.ndarray) -> None:
    seen: list[tuple[threading.Thread, float]] = []

    def enough(share: float) -> None:
        seen.append((threading.current_thread(), share))
        if len(seen) == 2:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        develop(np.stack([scene] * 8), Look(grain=0), progress=enough)
    assert {thread for thread, _ in seen} == {threading.current_thread()}
    assert len(seen) == 2
    assert develop(scene, Look(grain=0)).shape == scene.shape  # and the next picture is developed as ever


@pytest.mark.parametrize("count", [1, 2, 3])
def test_threads_that_map_within_the_pool_never_wait_for_each_other(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.get_num_threads", lambda: count)

    def nested(tell):
        return [sum(side_by_side(partial(operator.mul, k), range(20), 2)) for k in range(5)]

    results: list[list[int]] = []
    callers = [threading.Thread(target=lambda: results.append(in_pool(nested, None))) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert results == [[190 * k for k in range(5)]] * 6


def test_what_fails_in_the_pool_fails_for_the_caller() -> None:
    def fails(n: int) -> int:
        return 1 // (3 - n)

    for items in (range(6), range(3, 4)):
        with pytest.raises(ZeroDivisionError):
            list(side_by_side(fails, items, 2))
        with pytest.raises(ZeroDivisionError):
            in_pool(lambda tell, items=items: list(side_by_side(fails, items, 2)), None)

    def endless(tell):
        for n in itertools.count():
            tell(n)

    stopped: list[BaseException] = []

    def watched(tell):
        try:
            endless(tell)
        except Stopped as error:
            stopped.append(error)
            raise

    with pytest.raises(ValueError, match="no more"):
        in_pool(watched, lambda n: (_ for _ in ()).throw(ValueError("no more")) if n == 3 else None)
    assert len(stopped) == 1


class _Lacking:
    """A plan of a device that lacks an operation, noticed when a picture is half done."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.devices: list[str] = []

    def __call__(self, stock: Stock, look: Look, height: int, width: int, device: torch.device) -> object:
        self.devices.append(device.type)
        plan = development(stock, look, height, width, torch.device("cpu"))
        if device.type == "cpu":
            return plan
        return SimpleNamespace(lattice=plan.lattice, shot=plan.shot, run=self._run)

    def _run(self, shot: Shot, seed: int, frame: int, in_flight: int) -> Iterator[int]:
        shot.pixels._out.fill_(77)
        yield 1
        raise self._error


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Exception], _Lacking]]:
    develop_room = sys.modules["filmlook.engine.develop"]
    monkeypatch.setattr(develop_room, "_device", lambda image, device: torch.device("mps"))
    monkeypatch.setattr("filmlook.engine.device._unable", set())
    tell_once.cache_clear()
    yield _Lacking
    tell_once.cache_clear()


@pytest.mark.parametrize(
    "error",
    [
        NotImplementedError("The operator 'aten::_fft_r2c' is not currently implemented for the MPS device."),
        RuntimeError("Could not run 'aten::index_select' with arguments from the 'PrivateUse1' backend"),
        TypeError("Cannot convert a MPS Tensor to float64 dtype"),
    ],
)
def test_the_cpu_does_what_a_device_lacks_and_one_line_says_so(
    error: Exception, lacking: Callable[[Exception], _Lacking], scene: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    plan, picture = lacking(error), scene[:64, :64]
    with caplog.at_level(logging.WARNING):
        made = [run_plans(plan, picture, Look(), 5, 0, None, "mps", None, None) for _ in range(2)]
    assert plan.devices == ["mps", "cpu", "cpu"], "it is not tried again"
    assert len(caplog.records) == 1
    assert str(error)[:40] in caplog.text
    for developed in made:
        assert np.array_equal(developed, develop(picture, Look(), seed=5, device="cpu"))


def test_what_a_caller_or_the_memory_says_is_no_missing_operation(
    lacking: Callable[[Exception], _Lacking], scene: np.ndarray
) -> None:
    def interrupted(share: float) -> None:
        raise RuntimeError("stop")

    for error, progress in ((ValueError("a fault of ours"), None), (RuntimeError("MPS backend out of memory"), None)):
        with pytest.raises(type(error), match=str(error)):
            run_plans(lacking(error), scene[:64, :64], Look(), 5, 0, None, "mps", None, progress)
    with pytest.raises(RuntimeError, match="stop"):
        run_plans(lacking(NotImplementedError()), scene[:64, :64], Look(), 5, 0, None, "mps", None, interrupted)


def test_where_the_process_ends_the_work_is_stopped(scene: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is told to end while a picture is developed: that is no fault to show a traceback of."""
    develop(scene[:64, :64], Look(), device="cpu")
    monkeypatch.setattr("concurrent.futures.thread._shutdown", True)
    with pytest.raises(Stopped):
        develop(scene[:64, :64], Look(), device="cpu")
    with pytest.raises(Stopped):
        list(side_by_side(operator.neg, range(3), 2))
