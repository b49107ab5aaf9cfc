"""Parts that files are made of, for tests that make odd ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

INFOTEXT = "a cat, ciné <lora:x:1> 猫\nNegative prompt: blurry\nSteps: 20, Seed: 1"
KINDS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif"}


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    """Soft colours, which JPEG and lossy WebP keep within a few steps."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([60 + x * 2 % 190, 60 + y * 2 % 190, 60 + (x + y) % 190], axis=-1).astype(np.uint8)


def saved(kind: str, pixels: np.ndarray | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(smooth() if pixels is None else pixels).save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(before: bytes = b"", after: bytes = b"", pixels: np.ndarray | None = None) -> bytes:
    """A PNG with chunks before and after its pixels."""
    data = saved("PNG", pixels)
    return data[:33] + before + data[33:-12] + after + data[-12:]


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(segments: bytes = b"", **options: Any) -> bytes:
    data = saved("JPEG", quality=90, **options)
    return data[:2] + segments + data[2:]


def directory(tags: Iterable[tuple[int, int, int, int]], body: bytes = b"") -> bytes:
    """A TIFF, or EXIF: tag, type, count and value of each entry, sorted; then what they point at, behind the directory."""
    entries = [struct.pack("<HHII", *tag) for tag in sorted(tags)]
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4) + body


def dng(path: Path) -> Path:
    """A small preview, and below it what the sensor saw: 64 x 96 of an even grey under RGGB. Raises ImportError."""
    import tifffile

    sensor = np.full((64, 96), 12000, np.uint16)
    tags = [(33421, 3, 2, (2, 2), True), (33422, 1, 4, b"\0\1\1\2", True), (50717, 4, 1, 65535, True)]
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(smooth(15, 24), photometric="rgb", subfiletype=1, subifds=1, extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
        tiff.write(sensor, photometric="cfa", extratags=tags)
    return path


def camera_exif(comment: bytes | None = None, gps: bool = True) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Leica", "M6"
    details: dict[int, Any] = {0x829A: 0.004, 0x927C: b"maker's note"}
    if comment is not None:
        details[0x9286] = comment
    exif[0x8769] = details
    if gps:
        exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)}
    return exif.tobytes()
