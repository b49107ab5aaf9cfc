"""Speed and memory of a complete look and of a network stock, with ratios to a baseline measured in the same run.

The baseline is the plain torch forward of the DigitalFilm network at full size, as a first implementation runs it.

    python bench/speed.py [--quick]

The look has diffusion, halation, edge effect, grain and print. Times are medians of warm runs; memory is the peak of a process
of its own above what it holds after importing, input and output included.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from filmlook import Look, develop, list_stocks, load_stock
from filmlook.engine import compiled, triton_engine
from filmlook.engine.pixels import Pixels
from filmlook.engine.plan import Development
from filmlook.engine.threads import in_pool
from filmlook.networks.digitalfilm import DigitalFilm

LOOK = Look(stock="kodak_gold_200", diffusion_grade=0.25, vignette=0.2, halation=1, grain=1)
NETWORK = Look(stock="kodak_gold_200_network", halation=0, sharpness=0, grain=0)
SIZES = {"1 MP": (1024, 1024), "6 MP": (2000, 3000), "24 MP": (4000, 6000)}


def scene(height: int, width: int) -> np.ndarray:
    """A picture with smooth tones, edges and small lights: `H,W,3` uint8, the same at every call."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
    rings = 0.5 + 0.5 * np.sin(60 * np.hypot(x - 0.5, y - 0.4))
    picture = np.stack((x, 0.5 * x + 0.5 * y, rings * (1 - y)), -1)
    picture[(np.sin(90 * x) * np.sin(70 * y)) > 0.97] = 1
    return (picture * 255).astype(np.uint8)


def timed(work: Callable[[], Any], runs: int) -> float:
    """Median seconds of a call, after one to warm up."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _peak() -> float:
    """Most memory this process has held, in MB; NaN where that is not known. (ru_maxrss would count its parent's, on Linux.)"""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    try:
        import resource
    except ImportError:  # on Windows
        return math.nan
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def _peak_megabytes(name: str, look: Look, tile: int | None, queue: Any) -> None:
    before = _peak()
    height, width = SIZES[name]
    picture = np.full((height, width, 3), 90, np.uint8)
    picture[::7, ::5] = 255
    develop(picture, look, tile=tile, device="cpu")
    queue.put(_peak() - before)


def peak_megabytes(name: str, look: Look, tile: int | None = None) -> float:
    """Peak memory of developing one picture above the process after import, in MB."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_peak_megabytes, args=(name, look, tile, queue))
    process.start()
    used: float = queue.get(timeout=600)
    process.join()
    return used


def first_call_seconds() -> float:
    """Seconds of the first call in a process of its own, import not counted."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_first_call, args=(queue,))
    process.start()
    seconds: float = queue.get(timeout=600)
    process.join()
    return seconds


def _first_call(queue: Any) -> None:
    picture = scene(*SIZES["1 MP"])
    start = time.perf_counter()
    develop(picture, LOOK, device="cpu")
    queue.put(time.perf_counter() - start)


def set_up_seconds() -> float:
    """Median CPU seconds of what a picture of a new size, about 1 MP, has to wait for; stock and look are known."""
    stock, cpu, seconds = load_stock(LOOK.stock), torch.device("cpu"), []
    for height in range(1000, 1021, 4):
        start = time.process_time()
        in_pool(lambda tell, h=height: Development(stock, LOOK, h, 1024, cpu), None)  # type: ignore[misc]
        seconds.append(time.process_time() - start)
    return statistics.median(seconds[1:])


def _burn(started: Any) -> None:
    started.set()
    while True:
        pass


def beside_a_busy_process(work: Callable[[], Any], runs: int) -> float:
    """Median seconds of a call while another process holds a core."""
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    burner = context.Process(target=_burn, args=(started,), daemon=True)
    burner.start()
    started.wait()
    try:
        return timed(work, runs)
    finally:
        burner.kill()
        burner.join()


def _synchronised(device: str, work: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> None:
        work()
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def tell_fallbacks() -> None:
    """Prints which installed stocks have what compiled kernels cannot do, so that PyTorch develops them as a whole."""
    nothing, cpu = Pixels(torch.zeros(0), torch.zeros(0), torch.device("cpu")), torch.device("cpu")
    left = {}
    for name in list_stocks():
        if why := Development(load_stock(name), Look(stock=name, vignette=0.2), 64, 64, cpu).left_to_pytorch(nothing):
            left[name] = why
    print(f"{'stocks that kernels leave to PyTorch':44}  {left or 'none'}")


PARTS: dict[str, dict[str, Any]] = {
    "colour": {"halation": 0, "sharpness": 0, "grain": 0, "scan_softness": 0},
    "colour, grain": {"halation": 0, "sharpness": 0, "scan_softness": 0},
    "colour, scan": {"halation": 0, "sharpness": 0, "grain": 0},
    "all but diffusion": {},
    "complete look": {"diffusion_grade": 0.25, "vignette": 0.2},
    "network": {"stock": NETWORK.stock, "halation": 0, "sharpness": 0, "grain": 0},
    "network, complete look": {"stock": NETWORK.stock},
    "neutral, complete look": {"stock": "neutral"},
}


def compare_engines(picture: np.ndarray, runs: int = 7) -> None:
    """Prints what parts of a look take with PyTorch and with the compiled kernels, turn and turn about: the least of several
    calls, by the clock and of the CPU."""
    kernels, megapixels = compiled.choice(), picture.shape[0] * picture.shape[1] / 1e6
    if not kernels.kernels:
        print(f"no comparison of engines: {kernels.why}")
        return
    print(f"{'by part, ms a megapixel: wall / CPU':44}{'torch':>16}{'numba':>16}{'times faster':>16}")
    for part, settings in PARTS.items():
        look, least = Look(**{"stock": LOOK.stock, **settings}), dict[str, tuple[float, ...]]()
        for name, engine in (("torch", compiled.Choice("torch", "to compare")), ("numba", kernels)) * runs:
            compiled.choose(engine)
            wall, cpu = time.perf_counter(), time.process_time()
            develop(picture, look, device="cpu")
            took = (time.perf_counter() - wall) * 1e3 / megapixels, (time.process_time() - cpu) * 1e3 / megapixels
            least[name] = tuple(min(pair) for pair in zip(took, least.get(name, took), strict=True))
        shown = [f"{wall:.1f} / {cpu:.1f}" for wall, cpu in (least["torch"], least["numba"])]
        faster = " / ".join(f"{a / b:.1f}" for a, b in zip(least["torch"], least["numba"], strict=True))
        print(f"{part:44}{shown[0]:>16}{shown[1]:>16}{faster:>16}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory of a complete look.")
    parser.add_argument("--quick", action="store_true", help="leave out the large pictures")
    sizes = ["1 MP"] if parser.parse_args().quick else list(SIZES)
    engine = compiled.choice()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; films on the CPU by {engine.engine}: {engine.why}")
    if torch.cuda.is_available():
        on_gpu = triton_engine.choice(torch.device("cuda"))
        print(f"films on the GPU by {on_gpu.engine}: {on_gpu.why}; all figures of it: python bench/gpu.py")
    network = DigitalFilm().eval()
    pixels = torch.rand(1, 3, *SIZES["1 MP"])
    with torch.inference_mode():
        plain = timed(lambda: network(pixels), 5)
    print(f"{'what':44}{'seconds':>10}{'ratio':>8}  to")
    print(f"{'DigitalFilm, plain forward, 1 MP':44}{plain:10.3f}{1:8.2f}")
    one = 0.0
    for name in sizes:
        picture = scene(*SIZES[name])
        seconds = timed(lambda p=picture: develop(p, LOOK, device="cpu"), 9 if name == "1 MP" else 3)  # type: ignore[misc]
        one = one or seconds
        ratio, to = (seconds / plain, "the baseline") if name == "1 MP" else (seconds / one, "1 MP")
        print(f"{'complete look, ' + name:44}{seconds:10.3f}{ratio:8.2f}  {to}")
    picture = scene(*SIZES["1 MP"])
    for text, settings in (("colour only", {"halation": 0, "grain": 0, "sharpness": 0}), ("no diffusion", {})):
        look = Look(stock=LOOK.stock, **settings)  # type: ignore[arg-type]
        seconds = timed(lambda p=picture, k=look: develop(p, k, device="cpu"), 9)  # type: ignore[misc]
        print(f"{text + ', 1 MP':44}{seconds:10.3f}{seconds / plain:8.2f}  the baseline")
    for text, changes in (
        ("network stock, thumbnail context", {}),
        ("network stock, exact context", {"context": "exact"}),
        ("network stock, complete look", {"halation": 1, "sharpness": 1, "grain": 1}),
    ):
        look = dataclasses.replace(NETWORK, **changes)
        seconds = timed(lambda p=picture, k=look: develop(p, k, device="cpu"), 9)  # type: ignore[misc]
        print(f"{text + ', 1 MP':44}{seconds:10.3f}{seconds / plain:8.2f}  the baseline: {plain / seconds:.1f} times faster")
    compare_engines(picture)
    tell_fallbacks()
    quiet = timed(lambda: develop(picture, LOOK, device="cpu"), 9)
    busy = beside_a_busy_process(lambda: develop(picture, LOOK, device="cpu"), 9)
    print(f"{'complete look beside a busy process, 1 MP':44}{busy:10.3f}{busy / quiet:8.2f}  the quiet time, {quiet:.3f}")
    print(f"{'set-up of a new size, 1 MP, on the CPU':44}{set_up_seconds():10.4f}")
    print(f"{'first call in a process, 1 MP':44}{first_call_seconds():10.3f}")
    if torch.cuda.is_available():
        for name in sizes:
            there = torch.from_numpy(scene(*SIZES[name])).permute(2, 0, 1).cuda()
            seconds = timed(_synchronised("cuda", lambda p=there: develop(p, LOOK)), 9)  # type: ignore[misc]
            print(f"{'complete look on the GPU, ' + name:44}{seconds:10.4f}")
    for name in sizes:
        for tile in (None, 256, 2048):
            print(f"{f'peak memory above import, {name}, tile {tile}':44}{peak_megabytes(name, LOOK, tile):8.0f} MB")
        for context in ("thumbnail", "exact"):
            look = dataclasses.replace(NETWORK, context=context)
            print(f"{f'peak memory, {name}, network, {context}':44}{peak_megabytes(name, look):8.0f} MB")


if __name__ == "__main__":
    main()
