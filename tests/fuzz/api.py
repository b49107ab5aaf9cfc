"""Sends anything to the HTTP API: valid and damaged requests, jobs that fail, many clients on one preset.

    python -m tests.fuzz.api --count 100000 [--seed 1] [--only NUMBER]

Every request is made from the seed and its number alone, so that `--only` repeats one. What counts as a fault: a status of 500
or more, an answer that is no JSON where it should be, and an answer that took more than 5 seconds of CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import io
import json
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from filmlook import SETTINGS, list_looks, list_stocks
from filmlook.errors import FilmLookError, PictureError
from filmlook.paths import BUILT_IN
from filmlook.prints import print_labels
from filmlook.server.request_body import Limits
from filmlook.server.router import PREFIX
from filmlook.server.serve import Server, build_app

CPU_S = 5.0  # that an answer may take
_JSON = {"content-type": "application/json"}
_TINY, _LARGE = (24, 16), (1024, 1000)  # width and height
_ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        7,
        2**31,
        2**63,
        -(2**63),
        10**40,
        0.5,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "\0",
        "é",
    ),
    *(
        "\ud800",
        "x" * 5000,
        "../../etc/passwd",
        "http://127.0.0.1/x.png",
        "C:\\x",
        [],
        [[]],
        {},
        {"a": 1},
        [None] * 50,
        {"": {}},
    ),
]
_INFOTEXTS = (
    "a cat\nSteps: 20, Sampler: Euler a, Seed: 965400086, Size: 64x48",
    "a cat\nSteps: 1, Size: 1x1, Seed: " + "9" * 5000,
    "a cat\nSteps: 1, Size: 1x1, Film Look: v1 stock=kodak_gold_200 grain=2, Film Look seed: 3",
    "a cat\nSteps: 1, Size: 1x1, Film Look: v" + "9" * 5000,
    'Ab: 1, Cd: 2, Film Look: "v1 stock=%ED%A0%80", Film Look seed: 3',
    "a" * 50_000,
    ", " * 20_000 + "a: " * 10_000,
    '{"prompt": {"1": {"inputs": {}}}}',
    "[" * 3000,
)


@dataclass
class Faults:
    """What was wrong, with what it takes to see it again."""

    lines: list[str] = field(default_factory=list)
    statuses: collections.Counter[int] = field(default_factory=collections.Counter)
    routes: collections.Counter[str] = field(default_factory=collections.Counter)
    slowest_s: float = 0.0

    def add(self, line: str) -> None:
        self.lines.append(line)


@dataclass(frozen=True)
class Sent:
    """One request."""

    method: str
    path: str
    content: bytes
    headers: dict[str, str]


# Requests


def pictures() -> dict[str, bytes]:
    """Valid files of every kind that is read, from tiny ones to a megapixel."""
    noise = np.random.default_rng(0)
    found = {}
    for width, height in (_TINY, (1, 1), (1, 300), (200, 160), _LARGE):
        rgb = noise.integers(0, 256, (height, width, 3), np.uint8)
        rgb //= 1 if width < 1000 else 64  # so that the large one is not ten times as many bytes
        for kind, mode in (("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("PNG", "P"), ("JPEG", "RGB"), ("JPEG", "CMYK"),
                           ("WEBP", "RGB"), ("TIFF", "RGB")):  # fmt: skip
            file = io.BytesIO()
            Image.fromarray(rgb).convert(mode).save(file, kind)
            found[f"{kind} {mode} {width}x{height}"] = file.getvalue()
    for number, text in enumerate(_INFOTEXTS):
        info, file = PngInfo(), io.BytesIO()
        info.add_text("parameters", text, zip=True)
        Image.new("RGB", _TINY, (90, 120, 50)).save(file, "PNG", pnginfo=info)
        found[f"infotext {number}"] = file.getvalue()
    return found


_POOL = pictures()
_SMALL = {name: data for name, data in _POOL.items() if "1024x" not in name}


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A file that is cut, changed in some bytes, repeated or mixed with another."""
    how, at = chance.randrange(5), chance.randrange(len(data))
    if how == 0:
        return data[:at]
    if how == 1:
        other = chance.choice(list(_SMALL.values()))
        return data[:at] + other[chance.randrange(len(other)) :]
    if how == 2:
        return data[:at] + data[at : at + chance.randrange(1, 200)] * chance.randrange(2, 200) + data[at:]
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 3, 30))):
        changed[chance.randrange(min(len(data), 200 if how == 3 else len(data)))] = chance.choice(
            (0, 255, 127, 128, chance.randrange(256))
        )
    return bytes(changed)


def picture(chance: random.Random) -> bytes:
    pool = _POOL if chance.random() < 0.02 else _SMALL
    data = pool[chance.choice(sorted(pool))]
    return damaged(data, chance) if chance.random() < 0.5 else data


def look(chance: random.Random) -> Any:
    if chance.random() < 0.2:
        return chance.choice([*list_looks(), "no such look"])
    settings: dict[str, Any] = {"stock": chance.choice(list_stocks())} if chance.random() < 0.5 else {}
    for setting in chance.sample(SETTINGS[1:], chance.randrange(4)):
        if setting.is_number:
            settings[setting.key] = chance.choice((setting.low, setting.high, chance.uniform(setting.low, setting.high)))
        elif setting.choices:
            settings[setting.key] = chance.choice(setting.choices)
        else:  # of all stocks: many refuse it
            settings[setting.key] = chance.choice([*print_labels(), "Kodak Vision 2383", "no such print"])
    if chance.random() < 0.2:
        settings[chance.choice((*settings, "look", "version", "grain_seed", "x"))] = chance.choice(_ODD)
    return settings


def prompt(chance: random.Random) -> str:
    parts = (
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "a cat",
        ":1.2",
        ", ",
        "\\",
        "<lora:x:1>",
        " BREAK ",
        " AND ",
        "|",
        "#",
        "é",
        "\n",
        "//",
    )
    most = chance.choice((3, 30, 300, 4000))
    text = chance.choice(parts) * most if chance.random() < 0.3 else "".join(chance.choices(parts, k=most))
    return text


def fields_of(route: str, chance: random.Random) -> dict[str, Any]:
    """A valid request of a route, most of the time."""
    if route == "develop":
        fields: dict[str, Any] = {
            "images": [base64.b64encode(picture(chance)).decode() for _ in range(chance.choice((1, 1, 1, 2, 3)))],
            "look": look(chance),
            "seed": chance.choice((None, 7, 2**63 - 1, [1], [1, 2])),
            "format": chance.choice(("png", "jpeg", "webp")),
            "quality": chance.choice((1, 80, 100)),
            "include": chance.choice(([], [], [], ["sheet"])),
            "again": chance.random() < 0.7,
        }
    elif route == "read":
        fields = {"image": base64.b64encode(picture(chance)).decode()}
    elif route == "export-lut":
        fields = {"look": look(chance), "size": chance.choice((17, 17, 17, 33)), "format": "cube"}
    elif route == "prompt":
        fields = {
            "prompt": prompt(chance),
            "negative": prompt(chance),
            "checkpoint": chance.choice((None, "classicnegative.ckpt")),
        }
        fields["settings"] = {"width": 512, "steps": chance.choice((20, 0, -1, 2**31)), "cfg": chance.choice((7, 0.0, 1e9))}
    else:
        fields = {"look": look(chance), "label": chance.choice(("", "Mine", "x" * 1000)), "help": "h"}
    kept = {key: value for key, value in fields.items() if chance.random() < 0.9}
    if chance.random() < 0.25:
        kept[chance.choice((*fields, "x"))] = chance.choice(_ODD)
    return kept


_NAMES = (
    "mine",
    "super-8",
    "cinema",
    "../x",
    "con",
    "x" * 70,
    "%00",
    "é",
    "a b",
    ".x",
    "%ED%A0%80",
    "kodak_gold_200",
    "nul.json",
)


def request(seed: int, number: int) -> Sent:
    """The request of a number."""
    chance = random.Random(f"{seed} {number}")
    route = chance.choices(("develop", "read", "export-lut", "prompt", "put", "get"), weights=(25, 25, 3, 12, 15, 20))[0]
    if route == "get":
        name = chance.choice(_NAMES)
        path = chance.choice(
            (
                f"looks/{name}",
                f"stocks/{name}",
                f"papers/{name}",
                "looks",
                "stocks",
                "papers",
                "schema",
                "health",
                "progress",
                "looks/",
                "x",
            )
        )
        return Sent(chance.choice(("GET", "GET", "GET", "DELETE", "HEAD", "PATCH")), path, b"", {})
    method, path = ("PUT", f"looks/{chance.choice(_NAMES)}") if route == "put" else ("POST", route)
    fields = fields_of("look" if route == "put" else route, chance)
    headers = dict(_JSON)
    if route in ("develop", "read") and chance.random() < 0.2:
        content, headers = upload(fields, chance)
    else:
        content = json.dumps(fields).encode()
    if chance.random() < 0.1:
        content = damaged(content, chance) if content else b""
    if chance.random() < 0.03:
        headers = chance.choice(
            ({}, {"content-type": "text/plain"}, {**_JSON, "content-length": "9" * 30}, {**_JSON, "origin": "x"})
        )
    return Sent(method, path, content, headers)


def upload(fields: dict[str, Any], chance: random.Random) -> tuple[bytes, dict[str, str]]:
    order = {key: value for key, value in fields.items() if key not in ("images", "image")}
    files = [("images", (chance.choice(("x.png", "../x", "é")), picture(chance))) for _ in range(chance.choice((0, 1, 1, 2)))]
    made = httpx.Request("POST", "http://x", files=files or None, data={"order": json.dumps(order)} if order else None)
    return made.read(), {"content-type": made.headers.get("content-type", "multipart/form-data; boundary=x")}


# What is done with them


def client(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=None)


async def sent(numbers: Iterator[int], seed: int, faults: Faults) -> None:
    """Requests one after another, each with its CPU time."""
    app = build_app(Server({}, Limits(pixels=2_000_000, answer_pixels=4_000_000), "cpu"))
    async with client(app) as calls:
        for number in numbers:
            one = request(seed, number)
            began = time.process_time()
            answer = await calls.request(one.method, f"{PREFIX}/{one.path}", content=one.content, headers=one.headers)
            seconds = time.process_time() - began
            faults.slowest_s = max(faults.slowest_s, seconds)
            faults.statuses[answer.status_code] += 1
            faults.routes[f"{one.method} {one.path.partition('/')[0]}"] += 1
            if answer.status_code >= 500:
                faults.add(f"--seed {seed} --only {number}: {one.method} {one.path} answered {answer.status_code}")
            if seconds > CPU_S:
                faults.add(f"--seed {seed} --only {number}: {one.method} {one.path} took {seconds:.1f} s of CPU")
            if answer.headers.get("content-type") == "application/json" and answer.content:
                try:
                    json.loads(answer.content, parse_constant=_refuse)
                except ValueError as error:
                    faults.add(f"--seed {seed} --only {number}: {error} in an answer")


def _refuse(text: str) -> None:
    raise ValueError(text)


Kinds = tuple[Callable[[], BaseException], ...]


class Failing(Server):
    """Develops with faults, at a place that the seed of the grain decides; some seeds go well."""

    TOLD: Kinds = (
        *(lambda: RuntimeError("CUDA out of memory"), MemoryError, RecursionError, lambda: RuntimeError("\ud800")),
        *(lambda: FilmLookError("ours"), lambda: PictureError("of a picture")),
    )
    FAULTS: Kinds = (lambda: ValueError("x" * 10_000), lambda: KeyError("k"), lambda: OSError(28, "No space"), AssertionError)

    def develop(self, source: Any, look: Any, seed: Any, again: bool, progress: Callable[[float], None], mask: Any) -> Any:
        chance, reports = random.Random(seed), 0
        fails_at = chance.choice((-1, -1, 0, 1, 2))  # reports of progress; -1 is never, 0 before anything
        kind = chance.choice(self.FAULTS if is_fault(seed) else self.TOLD)

        def reported(share: float) -> None:
            nonlocal reports
            progress(share)
            reports += 1
            if reports == fails_at:
                raise kind()

        if fails_at == 0:
            raise kind()
        made = super().develop(source, look, seed, again, reported)
        if fails_at > reports:
            raise kind()
        return made


def is_fault(seed: int) -> bool:
    """Whether what fails with this seed is a fault of ours, which the whole call is told of."""
    return seed % 8 == 0


async def faulted(count: int, seed: int, faults: Faults) -> int:
    """So many jobs that may fail; gives how many pictures did. The line works on after each of them."""
    told = 0
    image = base64.b64encode(_POOL["PNG RGB 24x16"]).decode()
    async with client(build_app(Failing({}, Limits(), "cpu"))) as calls:
        for number in range(count):
            seeds = [random.Random(f"{seed} {number} {i}").randrange(2**32) for i in range(2)]
            answer = await calls.post(f"{PREFIX}/develop", json={"images": [image] * 2, "seed": seeds})
            made = answer.json()
            if answer.status_code == 500 and any(map(is_fault, seeds)) and made["detail"] == "":
                told += 1
            elif answer.status_code != 200:
                faults.add(f"job {number} with the seeds {seeds} answered {answer.status_code}")
            else:
                told += sum(error is not None for error in made["errors"])
                if any((one is None) == (error is None) for one, error in zip(made["images"], made["errors"], strict=True)):
                    faults.add(f"job {number} with the seeds {seeds}: a picture and its error do not agree")
    return told


async def crowd(clients: int, rounds: int, seed: int, faults: Faults) -> None:
    """Clients that save, read, delete and list one preset of the name of a built-in one, all at once."""
    built_in = {path: path.read_bytes() for path in (BUILT_IN / "looks").iterdir()}
    path = f"{PREFIX}/looks/super-8"

    async def one(number: int, calls: httpx.AsyncClient) -> None:
        chance = random.Random(f"{seed} {number}")
        for _ in range(rounds):
            what, word = (
                chance.choice(("PUT", "PUT", "GET", "GET", "DELETE", "LIST")),
                chance.choice("abc") * chance.randrange(1, 900),
            )
            if what == "PUT":
                answer = await calls.put(path, json={"label": word, "help": word})
            elif what == "LIST":
                answer = await calls.get(f"{PREFIX}/looks")
            else:
                answer = await calls.request(what, path)
            faults.statuses[answer.status_code] += 1
            if answer.status_code not in {"DELETE": (200, 409), "GET": (200,), "PUT": (200,), "LIST": (200,)}[what]:
                faults.add(f"client {number}: {what} answered {answer.status_code}: {answer.text[:200]}")
                continue
            seen = answer.json() if what == "GET" else {}
            if seen.get("own") and len({*seen["label"], *seen["help"]}) != 1:
                faults.add(f"client {number}: half a preset was read")

    async with client(build_app(Server({}, Limits(), "cpu"))) as calls:
        await asyncio.gather(*(one(number, calls) for number in range(clients)))
    if {path: path.read_bytes() for path in (BUILT_IN / "looks").iterdir()} != built_in:
        faults.add("a built-in preset was changed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="requests (1000)")
    parser.add_argument("--jobs", type=int, default=1000, help="that may fail (1000)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="at most, for the requests")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="this request alone")
    args = parser.parse_args()
    logging.getLogger("filmlook").setLevel(logging.CRITICAL)  # failing jobs are logged with their traceback
    faults, began = Faults(), time.monotonic()

    def numbers() -> Iterator[int]:
        for number in range(args.count):
            if time.monotonic() - began > args.seconds:
                return
            yield number

    with tempfile.TemporaryDirectory() as home:
        os.environ["FILMLOOK_HOME"] = str(Path(home))
        if args.only is not None:
            print(request(args.seed, args.only))
            asyncio.run(sent(iter([args.only]), args.seed, faults))
        else:
            asyncio.run(sent(numbers(), args.seed, faults))
            done, statuses = sum(faults.statuses.values()), dict(sorted(faults.statuses.items()))
            print(f"{done} requests in {time.monotonic() - began:.0f} s, by status {statuses}")
            print(f"by route {dict(faults.routes.most_common())}; the slowest took {faults.slowest_s:.2f} s of CPU")
            told = asyncio.run(faulted(args.jobs, args.seed, faults))
            print(f"{args.jobs} jobs of two pictures, of which {told} failed and were told")
            faults.statuses.clear()
            asyncio.run(crowd(20, 50, args.seed, faults))
            print(f"20 clients on one preset, 1000 calls, by status {dict(sorted(faults.statuses.items()))}")
    print(f"{len(faults.lines)} faults")
    print("\n".join(faults.lines[:50]))
    return 1 if faults.lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
