"""`filmlook develop --stages`: what leaves each stage, as files to look at."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from filmlook.cli.inputs import Source
from filmlook.cli.messages import say
from filmlook.cli.options import make_folder
from filmlook.engine import trace
from filmlook.files import picture
from filmlook.files.infotext import own_seed
from filmlook.presets import AnyLook

_RANGES = {  # what becomes 0 and 65535, by stage; what leaves the others is light
    "log exposure": (-5.0, 3.0),
    "density": (0.0, 4.0),  # no film gets denser
    "grain": (0.0, 4.0),
    "print": (0.0, 1.0),
    "map": (0.0, 1.0),
}
_UNITS = {"log exposure": "log10 exposure", "density": "density", "grain": "density", "print": "code", "map": "code"}


def write_stages(
    folder: Path, source: Source, shown: picture.Picture, look: AnyLook, settings: dict[str, Any], overwrite: bool
) -> None:
    """Writes what leaves each stage as a 16-bit TIFF, and tells its time and what 0 and 65535 stand for.

    Light goes from 0 to a power of two that holds the brightest of the picture.

    Raises:
        PictureError: a file is there already, or cannot be written.
    """
    seed = settings["seed"]
    options = {**settings, "seed": own_seed(shown.text.values(), shown.pixels) if seed is None else seed}
    steps = trace(shown, look, **{**options, "frame": settings["frame"] or 0})
    stem = (folder / source.below).with_suffix("")
    make_folder(stem.parent)
    for number, (stage, field, seconds) in enumerate(steps, 1):
        low, high = _RANGES.get(stage) or (0.0, 2.0 ** max(1, math.ceil(math.log2(max(float(field.max()), 1.0)))))
        path = stem.with_name(f"{stem.name}-{number}-{stage.replace(' ', '-')}.tif")
        picture.write(path, picture.Picture(_samples(field, low, high)), overwrite=overwrite)
        unit = _UNITS.get(stage, "light")
        say(f"{path}: {stage}, {seconds:.3f} s, {unit} {low:g} to {high:g} as 0 to 65535")


def _samples(field: Tensor, low: float, high: float) -> np.ndarray:
    """`(H, W, 3)` uint16 of a stage's `1,C,H,W`; one layer is shown as grey."""
    scaled = ((field[0].float().cpu() - low) / (high - low)).clamp(0, 1).mul(65535).round()
    return np.ascontiguousarray(scaled.expand(3, -1, -1).permute(1, 2, 0).numpy().astype(np.uint16))
