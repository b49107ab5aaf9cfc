"""All figures of a GPU at once: seconds by size, look and engine, memory, and whether its pictures are the CPU's.

    python bench/gpu.py [--device cuda] [--json gpu.json] [--quick] [--minutes 8]

It prints tables and writes them as JSON. On a GPU the Triton kernels and PyTorch are measured in turn, in one run; without one
`--device cpu` measures the engines of the CPU, so that the script can be tried anywhere. What does not fit into the minutes is
left out, and told. Seconds are medians of warm calls; "with transfers" is from an array in main memory to another.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from speed import LOOK, scene

from filmlook import Look, develop, film_picture, list_looks, list_stocks, load_look
from filmlook.engine import compiled, triton_engine
from filmlook.engine.compiled import Choice
from filmlook.files.picture import from_pil, to_pil

TORCH = Choice("torch", "to compare")
SIZES = {"512": (512, 512), "1 MP": (1024, 1024), "2048": (2048, 2048), "24 MP": (4000, 6000)}
LOOKS = {
    "bench look": LOOK,
    "Gold": Look(stock="kodak_gold_200"),
    "Vision3 500T": Look(stock="kodak_vision3_500t"),
    "highlights 2": Look(stock="kodak_gold_200", highlights=2),
    "cinestill-night": load_look("cinestill-night"),
    "classic-negative": load_look("classic-negative"),
    "Tri-X": Look(stock="kodak_tri_x_400"),
    "network stock": Look(stock="kodak_gold_200_network"),
}
TO_REACH = {"1 MP, without transfers": 0.003, "24 MP, without transfers": 0.050}  # on an H200
_MOST_BYTES = 1.2e9  # allocated for 2048 x 2048
_RUNS, _RUNS_QUICK = 15, 3
_EQUAL = 0.999

Row = dict[str, Any]


class Bench:
    """One run: its engines, what it has found, and how long it may go on."""

    def __init__(self, device: torch.device, quick: bool, minutes: float) -> None:
        self.device, self.quick = device, quick
        self.runs = _RUNS_QUICK if quick else _RUNS
        self.until = time.monotonic() + 60 * minutes
        self.found: dict[str, list[Row]] = {}
        self.left_out: list[str] = []
        self.choose: Callable[[Choice], None] = compiled.choose if device.type == "cpu" else triton_engine.choose
        own = compiled.choice() if device.type == "cpu" else triton_engine.choice(device)
        if device.type not in ("cpu", "cuda"):
            own = Choice("torch", f"triton knows no {device.type}")
        self.engines = [TORCH] + ([own] if own.kernels else [])
        self.why = own.why

    def synchronise(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self, work: Callable[[], Any]) -> float:
        """Median seconds of a call, after two to warm up."""
        took = []
        for i in range(self.runs + 2):
            self.synchronise()
            start = time.perf_counter()
            work()
            self.synchronise()
            if i > 1:
                took.append(time.perf_counter() - start)
        return statistics.median(took)

    def row(self, part: str, **values: Any) -> None:
        """Keeps a row, and prints it."""
        self.found.setdefault(part, []).append(values)
        shown = [f"{v:.5f}" if isinstance(v, float) else str(v) for v in values.values()]
        print("  ".join(f"{s:>14}" if i else f"{s:44}" for i, s in enumerate(shown)), flush=True)

    def part(self, name: str, columns: str, work: Callable[[], None]) -> None:
        """Prints a part's head and does it, if there is time left."""
        if time.monotonic() > self.until:
            self.left_out.append(name)
            return
        heads = columns.split(", ")
        print("\n" + "  ".join(f"{s:>14}" if i else f"{name + ': ' + s:44}" for i, s in enumerate(heads)), flush=True)
        work()

    def has_time(self, what: str) -> bool:
        if time.monotonic() < self.until:
            return True
        self.left_out.append(what)
        return False

    def _by_engine(self, work: Callable[[], Any]) -> Row:
        took = {}
        for engine in self.engines:
            self.choose(engine)
            took[engine.engine] = self.seconds(work)
        if len(took) > 1:
            took["times"] = took["torch"] / took[self.engines[1].engine]
        return took

    def _there(self, picture: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(picture).permute(2, 0, 1).contiguous().to(self.device)

    def by_size(self) -> None:
        for name, size in list(SIZES.items())[: 2 if self.quick else None]:
            if not self.has_time(f"size {name}"):
                return
            picture = scene(*size)
            there = self._there(picture)
            for how, image in (("without", there), ("with", picture)):
                what = f"{name}, {how} transfers"
                took = self._by_engine(lambda i=image: develop(i, LOOK, device=self.device))  # type: ignore[misc]
                self.row("seconds", what=what, **took, to_reach=TO_REACH.get(what, ""))

    def by_look(self) -> None:
        there = self._there(scene(*SIZES["512" if self.quick else "1 MP"]))
        for name, look in LOOKS.items():
            if self.has_time(f"look {name}"):
                self.row("looks", what=name, **self._by_engine(lambda k=look: develop(there, k, device=self.device)))  # type: ignore[misc]

    def batches(self) -> None:
        for name in ("512",) if self.quick else ("512", "1 MP"):
            eight = torch.stack([self._there(scene(*SIZES[name]))] * 8)
            took = self._by_engine(lambda e=eight: develop(e, LOOK, device=self.device))  # type: ignore[misc]
            self.row("batches", what=f"8 of {name}, without transfers", **took)

    def generation(self) -> None:
        """What is added to a generation: from the host's picture to the one that is saved, text and all."""
        picture = Image.fromarray(scene(*SIZES["512" if self.quick else "1 MP"]))
        picture.info["parameters"] = "a street at night\nSteps: 20, Seed: 7"
        for name in ("bench look", "classic-negative"):
            look = LOOKS[name]

            def post_process(look: Look = look) -> Image.Image:
                return to_pil(film_picture(from_pil(picture), look, device=self.device))

            self.row("generation", what=f"a picture with its text, {name}", **self._by_engine(post_process))
        begun = time.perf_counter()
        develop(np.zeros((640, 896, 3), np.uint8), LOOKS["Vision3 500T"], device=self.device)
        self.row("generation", what="first picture of a new size and film", seconds=time.perf_counter() - begun)

    def memory(self) -> None:
        """Peak of what is allocated, and what is left: with the plans of the latest looks, and without them."""
        if self.device.type != "cuda":
            print("only on CUDA; of the CPU `bench/speed.py` tells")
            return
        for name, size in SIZES.items():
            picture = scene(*size)
            for engine in self.engines:
                self.choose(engine)
                forget(self.device)
                before = torch.cuda.memory_allocated(self.device)
                torch.cuda.reset_peak_memory_stats(self.device)
                develop(picture, LOOK, device=self.device)
                peak = torch.cuda.max_memory_allocated(self.device) - before
                kept = torch.cuda.memory_allocated(self.device) - before
                forget(self.device)
                left = torch.cuda.memory_allocated(self.device) - before
                fits = ("yes" if peak < _MOST_BYTES else "NO") if name == "2048" else ""
                told = {"peak_mb": peak / 1e6, "with_plans_mb": kept / 1e6, "left_mb": left / 1e6}
                self.row("memory", what=f"{name}, {engine.engine}", **told, fits=fits)

    def launches(self) -> None:
        """How many kernels a picture of 1 MP is, and how long the GPU is at work: the rest is waiting for launches."""
        if self.device.type != "cuda":
            print("only on CUDA")
            return
        there = self._there(scene(*SIZES["1 MP"]))
        for engine in self.engines:
            self.choose(engine)
            develop(there, LOOK, device=self.device)
            activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
            with torch.profiler.profile(activities=activities) as profile:
                develop(there, LOOK, device=self.device)
                self.synchronise()
            kernels = [event for event in profile.events() if str(event.device_type).endswith("CUDA")]
            busy = sum(event.time_range.elapsed_us() for event in kernels) / 1e6
            self.row("launches", what=f"1 MP, {engine.engine}", kernels=len(kernels), busy_seconds=busy)

    def equality(self) -> None:
        """Every stock and built-in look against PyTorch on the CPU."""
        picture = scene(192, 224) if self.quick else scene(480, 600)
        looks = {name: Look(stock=name) for name in list_stocks()} | {name: load_look(name) for name in list_looks()}
        names = list(looks)[:: 9 if self.quick else 1]
        for name in names:
            if not self.has_time(f"equality of {name} and what follows"):
                return
            compiled.choose(TORCH)
            on_cpu = develop(picture, looks[name], device="cpu", seed=3).astype(int)
            self.choose(self.engines[-1])
            apart = np.abs(develop(picture, looks[name], device=self.device, seed=3).astype(int) - on_cpu)
            share, most = float((apart == 0).mean()), int(apart.max())
            self.row("equality", what=name, equal=share, largest=most, fine="yes" if share >= _EQUAL and most <= 1 else "NO")


def forget(device: torch.device) -> None:
    """Lets go of what is kept for the next picture of the same size and look."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("filmlook."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear") and hasattr(value, "cache_info"):
                    value.cache_clear()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description="All figures of a GPU, in tables and as JSON.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, default=Path("gpu.json"))
    parser.add_argument("--quick", action="store_true", help="small pictures, few looks and few runs")
    parser.add_argument("--minutes", type=float, default=8.0, help="after which nothing more is begun")
    asked = parser.parse_args()
    device = torch.device(asked.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("torch sees no GPU; --device cpu measures what can be measured without one")
    begun = time.perf_counter()
    bench = Bench(device, asked.quick, asked.minutes)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    print(f"{device}: {card}, torch {torch.__version__}; {bench.engines[-1].engine}: {bench.why}")
    print(f"engines chosen in {time.perf_counter() - begun:.1f} s")
    columns = ", ".join(["seconds", *(e.engine for e in bench.engines)]) + (", times faster" if len(bench.engines) > 1 else "")
    bench.part("by size", columns + ", to reach", bench.by_size)
    bench.part("by look", columns, bench.by_look)
    bench.part("batches", columns, bench.batches)
    bench.part("a generation", columns, bench.generation)
    bench.part("launches", "picture, kernels, busy s", bench.launches)
    bench.part("memory", "MB, peak, with plans, left, fits", bench.memory)
    bench.part("as on the CPU", "what, equal, largest, fine", bench.equality)
    took = time.perf_counter() - begun
    unlike = [row["what"] for row in bench.found.get("equality", []) if row["fine"] != "yes"]
    left_out, others = (", ".join(names) or "nothing" for names in (bench.left_out, unlike))
    print(f"\n{took:.0f} s; left out: {left_out}; unlike the CPU: {others}")
    told: dict[str, Any] = {"device": str(device), "card": card, "torch": torch.__version__, "engine": bench.engines[-1].engine}
    told |= {"why": bench.why, "seconds_in_all": took, "left_out": bench.left_out}
    asked.json.write_text(json.dumps({**told, **bench.found}, indent=1))
    print(f"written to {asked.json}")


if __name__ == "__main__":
    main()
