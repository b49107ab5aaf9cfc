"""How long viewers of the darkroom wait: previews while a setting is dragged, parts at full size, scopes, a contact sheet.

    python bench/darkroom.py [--picture photo.jpg] [--previews 60]

A real server on this machine is asked over HTTP, one call after another, with a new value each time, as a page asks while a
slider moves. Memory is what the server's process holds, before and after, the pictures that it keeps among it.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import math
import os
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PREFIX = "/sdapi/v1/film-look"
_DRAGS = {"contrast": (0.8, 1.2), "grain": (0.5, 2.0), "exposure": (-1.0, 1.0), "halation": (0.5, 2.0), "push": (-1.0, 1.0)}
_LOOKS = ("classic-negative", "cinestill-night", "tri-x-street")
_MEDIAN_MS, _MOST_MS = 200.0, 350.0
_START_S = 60.0


class Client:
    """Calls of one viewer."""

    def __init__(self, address: str) -> None:
        self.address = address

    def call(self, method: str, path: str, order: Any = None) -> bytes:
        data = json.dumps(order).encode() if order is not None else None
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}{PREFIX}{path}", data, kind, method=method)
        with urllib.request.urlopen(request) as answer:
            found: bytes = answer.read()
            return found


@contextmanager
def server() -> Iterator[tuple[Client, int]]:
    """A server of its own process; gives its client and the process's id."""
    command = [sys.executable, "-m", "filmlook", "serve", "--port", "7899"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client, end = Client("http://127.0.0.1:7899"), time.monotonic() + _START_S
    try:
        while True:
            try:
                client.call("GET", "/health")
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        yield client, process.pid
    finally:
        process.terminate()
        process.wait()


def scene(side: int = 1536) -> bytes:
    """A picture with smooth tones, edges and small lights, as PNG."""
    y, x = np.mgrid[0 : side * 2 // 3, 0:side].astype(np.float32) / side
    rings = 0.5 + 0.5 * np.sin(60 * np.hypot(x - 0.5, y - 0.4))
    picture = np.stack((x, 0.5 * x + 0.5 * y, rings * (1 - y)), -1)
    picture[(np.sin(90 * x) * np.sin(70 * y)) > 0.97] = 1
    file = io.BytesIO()
    Image.fromarray((picture * 255).astype(np.uint8)).save(file, "PNG", compress_level=1)
    return file.getvalue()


class Stopwatch:
    """Milliseconds by the clock and, where that is known, of the server's processor time for each call."""

    def __init__(self, process: int) -> None:
        self._stat = Path(f"/proc/{process}/stat")

    def _cpu_ms(self) -> float:
        if not self._stat.exists():
            return math.nan
        fields = self._stat.read_text().rpartition(")")[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def timed(self, about: str, works: Sequence[Callable[[], Any]]) -> list[float]:
        """Runs the calls, prints a row of the table, and gives the milliseconds of each."""
        cpu, taken = self._cpu_ms(), []
        for work in works:
            start = time.perf_counter()
            work()
            taken.append(1000 * (time.perf_counter() - start))
        median, most = quantiles(taken)
        print(f"| {about} | {median:.0f} | {most:.0f} | {(self._cpu_ms() - cpu) / len(works):.0f} |", flush=True)
        return taken


def quantiles(values: list[float]) -> tuple[float, float]:
    """The median, and what 95 % stay below."""
    return statistics.median(values), sorted(values)[min(len(values) - 1, round(0.95 * len(values)))]


def resident_mb(process: int) -> float:
    """What a process holds, in MB; 0 where that is not known."""
    status = Path(f"/proc/{process}/status")
    return int(status.read_text().split("VmRSS:")[1].split()[0]) / 1024 if status.exists() else 0.0


def dragged(client: Client, name: str, look: str, key: str, count: int, **fields: Any) -> list[Callable[[], bytes]]:
    """So many previews, with one setting on its way from one end to the other."""
    orders = [
        {"hash": name, "look": {"look": look, key: float(value)}, "seed": 7, **fields}
        for value in np.linspace(*_DRAGS[key], count + 1)
    ]
    client.call("POST", "/preview", orders[0])  # the first one scales the picture
    return [partial(client.call, "POST", "/preview", order) for order in orders[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--picture", type=Path, help="a photograph; without one a made picture of 1536 x 1024")
    parser.add_argument("--previews", type=int, default=60, help="of each setting (60)")
    args = parser.parse_args()
    data = args.picture.read_bytes() if args.picture else scene()
    print(f"{os.cpu_count()} cores" + (f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""))
    with server() as (client, process):
        watch = Stopwatch(process)
        kept = json.loads(client.call("POST", "/pictures", {"image": base64.b64encode(data).decode()}))
        name, width, height = kept["hash"], kept["width"], kept["height"]
        for look in _LOOKS:  # what the first picture of all loads stays
            client.call("POST", "/preview", {"hash": name, "look": look})
        before, taken = resident_mb(process), []
        print(f"a picture of {width} x {height}\n\n| | median ms | 95 % ms | CPU ms |\n|---|---|---|---|")
        for look in _LOOKS:
            for key in _DRAGS:
                calls = dragged(client, name, look, key, args.previews, long_side=768)
                taken += watch.timed(f"preview at 768, {look}, {key} dragged", calls)
        print("| **all previews at 768** | {:.0f} | {:.0f} | |".format(*quantiles(taken)))
        calls = dragged(client, name, _LOOKS[0], "exposure", args.previews, long_side=384)
        watch.timed("preview at 384, exposure dragged", calls)
        crop = [width // 3, height // 3, min(512, width // 2), min(384, height // 2)]
        calls = dragged(client, name, _LOOKS[0], "contrast", args.previews, crop=crop, format="webp")
        watch.timed(f"part of {crop[2]} x {crop[3]}, contrast dragged", calls)
        order: dict[str, Any] = {"hash": name, "look": _LOOKS[0]}
        watch.timed("scopes", [partial(client.call, "POST", "/scopes", order)] * 10)
        two = {"setting": "contrast", "second": "print_exposure", "steps": 5, "values": [0.8, 0.9, 1.1, 1.2]}
        stocks = {"of": "stocks"}
        for about, sheet in (
            ("20 steps of two settings", {"of": "settings", **two}),
            ("every stock", stocks),
            ("every stock once more", stocks),
        ):
            watch.timed(f"sheet at 320, {about}", [partial(client.call, "POST", "/sheet", {**order, **sheet})])
        print(f"\nserver: {before:.0f} MB before, {resident_mb(process):.0f} MB after {len(taken)} previews and the rest")
        median, most = quantiles(taken)
        print(f"asked for on two quiet cores: a median of {_MEDIAN_MS:.0f} ms, 95 % below {_MOST_MS:.0f} ms")
        if median > _MEDIAN_MS or most > _MOST_MS:
            print("slower than that (or the machine is busy)")


if __name__ == "__main__":
    main()
