"""Damages files of every kind that Film Look reads, and reads them.

    python -m tests.fuzz.files --count 40000 [--seed 1] [--only NUMBER]

Every file is made from the seed and its number alone, so that `--only` repeats one. What counts as a fault: an exception that
is no FilmLookError, more than 2 seconds of CPU, and more than 1 GB of memory beyond what there was.
"""

from __future__ import annotations

import argparse
import collections
import importlib
import io
import json
import logging
import random
import re
import resource
import struct
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from filmlook.errors import FilmLookError
from filmlook.files import infotext, lut, picture
from filmlook.networks.weights import read_tensors
from filmlook.paths import BUILT_IN
from filmlook.presets import read_preset
from filmlook.prints import _read
from filmlook.stock import load_stock
from tests.files.samples import dng

CPU_S, MEMORY_MB = 2.0, 1000
_WORDS = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE)
_TEXTS = (
    "9" * 5000,
    "-1",
    "1e400",
    "NaN",
    "[" * 3000,
    '{"a":' * 2000,
    "\\ud800",
    '""',
    "null",
    "",
    "\0",
    "é" * 100,
    " " * 5000,
)
_KEPT = picture.metadata.Kept(b"<x:xmpmeta><rdf:RDF></rdf:RDF></x:xmpmeta>", b"\x1c\x02\x05\0\1a", (300.0, 300.0))


@dataclass
class Faults:
    """What went wrong, a line each; and what became of the files of each kind."""

    lines: list[str] = field(default_factory=list)
    outcomes: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)


# Valid files


def _pixels(*shape: int, deep: bool = False) -> np.ndarray:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    codes = (np.stack([x, y, x + y, x * y], -1) * 3 % 256).astype(np.uint8)[..., : shape[2]]
    return codes.astype(np.uint16) * 257 if deep else codes


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Leica", 6
    exif[0x8769] = {0x829A: 0.004, 0x927C: b"maker's note", 0x9286: b"ASCII\0\0\0a comment"}
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    return bytes(exif.tobytes())


def _written(kind: str, channels: int = 3, deep: bool = False) -> bytes:
    text = {"parameters": "a cat\nSteps: 20, Sampler: Euler a, Seed: 7, Film Look: v1 stock=neutral", "workflow": '{"a": [1]}'}
    return picture.encode(picture.Picture(_pixels(24, 32, channels, deep=deep), _exif(), text, kept=_KEPT), kind)


def _saved(kind: str, image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _pt() -> bytes:
    file = io.BytesIO()
    torch.save({"state_dict": {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.ones(2)}}, file)
    return file.getvalue()


def _cube(folder: Path) -> bytes:
    path = folder / "a.cube"
    lut.write_cube(path, lut.bake(lambda display: display, 3))
    return path.read_bytes()


def _hald(folder: Path) -> bytes:
    path = folder / "a.png"
    lut.write_hald(path, lut.bake(lambda display: display, 4), level=2)
    return path.read_bytes()


def _with_extras(folder: Path) -> dict[str, list[bytes]]:
    """Valid files of the kinds that extras read, so far as they are installed."""
    rgb, found = Image.fromarray(_pixels(32, 32, 3)), {}
    for kind, module in (("AVIF", "PIL.AvifImagePlugin"), ("JXL", "pillow_jxl"), ("EXR", "OpenEXR")):
        with suppress(ImportError):
            importlib.import_module(module)
            found[f"a.{kind.lower()}"] = [_written(kind), _written(kind, 4)]
    with suppress(ImportError):
        file = io.BytesIO()
        importlib.import_module("pillow_heif").from_pillow(rgb).save(file, quality=90, exif=_exif())
        found["a.heic"] = [file.getvalue()]
    with suppress(ImportError):
        importlib.import_module("rawpy")
        found["a.dng"] = [dng(folder / "a.dng").read_bytes()]
    return found


def _picture(path: Path) -> None:
    data = path.read_bytes()
    shown = picture.decode(data)
    infotext.of_text(shown.text)
    picture.encode(shown, "JPEG")
    picture.encode(shown, "PNG")


def _memory_picture(path: Path) -> None:
    """As a host hands it on: opened by Pillow, decoded by nobody yet."""
    try:
        image = Image.open(path)
        image.load()
    except Exception:  # Pillow's own
        return
    infotext.read(image)
    picture.to_pil(picture.from_pil(image))


@cache
def samples(folder: Path) -> dict[str, tuple[list[bytes], list[Callable[[Path], object]]]]:
    """By extension and kind: valid files, and who reads them."""
    rgb = Image.fromarray(_pixels(24, 32, 3))
    tiffs = [_saved("TIFF", rgb, compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")]
    jpegs = [
        _saved("JPEG", rgb, progressive=True, exif=_exif()),
        _saved("JPEG", rgb.convert("CMYK")),
        _saved("JPEG", rgb.convert("L")),
    ]
    pngs = [_saved("PNG", rgb.convert("P")), _saved("PNG", rgb.convert("1")), _saved("PNG", rgb.convert("LA"))]
    tensors = save({"a": torch.arange(6.0).view(2, 3), "b": torch.ones(4)}, {"training": '{"steps": 3}'})
    pictures: list[Callable[[Path], object]] = [_picture, _memory_picture]
    return {
        "a.png": ([_written("PNG"), _written("PNG", 4), _written("PNG", deep=True), *pngs], pictures),
        "a.jpg": ([_written("JPEG"), *jpegs], pictures),
        "a.webp": ([_written("WEBP"), _written("WEBP", 4), _saved("WEBP", rgb, lossless=True)], pictures),
        "a.tif": ([_written("TIFF"), _written("TIFF", 4), _written("TIFF", deep=True), *tiffs], pictures),
        "a.gif": ([_saved("GIF", rgb.convert("P"), comment=b"hello")], pictures),
        "a.bmp": ([_saved("BMP", rgb), _saved("BMP", rgb.convert("P")), _saved("BMP", rgb.convert("1"))], pictures),
        "a.jp2": ([_saved("JPEG2000", rgb), _saved("JPEG2000", rgb.convert("RGBA"), irreversible=True)], pictures),
        **{name: (files, [_picture]) for name, files in _with_extras(folder).items()},
        "a.cube": ([_cube(folder)], [lut.read_lut]),
        "hald.png": ([_hald(folder)], [lut.read_lut, lambda path: load_stock(str(path))]),
        "paper.json": ([(BUILT_IN / "papers" / "kodak_2383.json").read_bytes()], [lambda path: _read(path, 0)]),
        "stock.json": ([(BUILT_IN / "stocks" / "kodak_gold_200.json").read_bytes()], [lambda path: load_stock(str(path))]),
        "preset.json": ([path.read_bytes() for path in sorted((BUILT_IN / "looks").glob("*.json"))[:3]], [read_preset]),
        "a.safetensors": ([tensors], [read_tensors]),
        "a.pt": ([_pt()], [read_tensors]),
    }


# Damage


def damaged(data: bytes, name: str, rng: random.Random) -> bytes:
    """The file with some of its bytes, words, parts or numbers wrong; a PNG's checksums are made right again, mostly."""
    changed = bytearray(data)
    header = min(len(changed), 600)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        size = len(changed)
        if size < 8:
            break
        place = rng.randrange(header if rng.random() < 0.6 and header < size else size)
        length = rng.choice((1, 2, 4, 12, 64, 400))
        what = rng.randrange(7)
        if what == 0:
            changed[place] = rng.randrange(256)
        elif what == 1:
            changed[place] ^= 1 << rng.randrange(8)
        elif what == 2:
            word = struct.pack(rng.choice("<>") + rng.choice("BHIQ"), rng.choice((rng.choice(_WORDS[:7]), rng.randrange(256))))
            word = struct.pack(rng.choice("<>") + "I", rng.choice(_WORDS)) if rng.random() < 0.6 else word
            changed[place : place + len(word)] = word
        elif what == 3:
            del changed[place : place + length]
        elif what == 4:
            part = changed[place : place + length]
            changed[place:place] = part * rng.choice((1, 2, 50))
        elif what == 5:
            changed[place : place + length] = rng.randbytes(length)
        else:
            changed = bytearray(_other_number(bytes(changed), rng))
    if rng.random() < 0.1:
        del changed[rng.randrange(len(changed) + 1) :]
    return _checksummed(bytes(changed)) if name.endswith("png") and rng.random() < 0.8 else bytes(changed)


def _other_number(data: bytes, rng: random.Random) -> bytes:
    """A number or a string in text is replaced."""
    found = list(re.finditer(rb'-?\d[\d.]*|"[^"\n]{0,40}"', data[:20_000]))
    if not found:
        return data
    one = rng.choice(found)
    return data[: one.start()] + rng.choice(_TEXTS).encode("utf-8", "surrogatepass") + data[one.end() :]


def _checksummed(png: bytes) -> bytes:
    parts, place = [png[:8]], 8
    while place + 12 <= len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        if place + 12 + length > len(png):
            break
        body = png[place + 4 : place + 8 + length]
        parts.append(png[place : place + 4] + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return b"".join([*parts, png[place:]])


# Running


def _peak_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1 << 20 if sys.platform == "darwin" else 1 << 10)


def tried(numbers: Iterable[int], seed: int, faults: Faults) -> None:
    """Makes and reads the files of these numbers."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = samples(folder)
        for number in numbers:
            rng = random.Random(f"{seed} {number}")
            kind = list(kinds)[number % len(kinds)]
            valid, readers = kinds[kind]
            path = folder / f"{number}{kind[kind.rindex('.') :]}"  # of another name each time: stocks are remembered by it
            path.write_bytes(damaged(rng.choice(valid), kind, rng))
            _try(path, kind, rng.choice(readers), number, faults)
            path.unlink()
    logging.disable(logging.NOTSET)


def _try(path: Path, kind: str, reader: Callable[[Path], object], number: int, faults: Faults) -> None:
    peak, start = _peak_mb(), time.process_time()
    try:
        reader(path)
        outcome = "read"
    except FilmLookError as error:
        outcome = "refused"
        if "\n" in str(error):
            faults.lines.append(f"{number} {kind}: a message of several lines: {str(error)[:200]!r}")
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # Rust's panics are no Exception
        outcome = "fault"
        faults.lines.append(f"{number} {kind}: {type(error).__name__}: {str(error)[:200]}")
    seconds, grown = time.process_time() - start, _peak_mb() - peak
    faults.outcomes[kind, outcome] += 1
    faults.slowest[kind] = max(faults.slowest.get(kind, 0), seconds)
    faults.largest[kind] = max(faults.largest.get(kind, 0), grown)
    if seconds > CPU_S or grown > MEMORY_MB:
        faults.lines.append(f"{number} {kind}: {seconds:.1f} s of CPU, {grown} MB")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.files", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    faults = Faults()
    with suppress(KeyboardInterrupt):  # the table tells how far it came
        tried([args.only] if args.only is not None else range(args.count), args.seed, faults)
    print(f"{'kind':16}{'read':>8}{'refused':>9}{'faults':>8}{'slowest, s':>12}{'largest, MB':>13}")
    for kind in faults.slowest:
        read, refused, fault = (faults.outcomes[kind, outcome] for outcome in ("read", "refused", "fault"))
        print(f"{kind:16}{read:8}{refused:9}{fault:8}{faults.slowest[kind]:12.2f}{faults.largest[kind]:13}")
    print(json.dumps(faults.lines[:50], indent=1) if faults.lines else "no faults")
    return 1 if faults.lines else 0


if __name__ == "__main__":
    sys.exit(main())
