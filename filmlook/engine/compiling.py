"""The process that compiles the kernels, and proves them: `python -m filmlook.engine.compiling FOLDER`."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from filmlook.engine import compiled
from filmlook.engine.develop import develop
from filmlook.look import Look
from filmlook.paths import log

_LOOKS = (
    Look(stock="kodak_gold_200", frame="super8", effect_size=3, diffusion_grade=0.25, highlights=2, vignette=0.3),
    Look(stock="kodak_tri_x_400", toning="sepia"),
    Look(stock="fujifilm_velvia_100", saturation=1.2, tone_shadows=0.3, strength=0.8),
    Look(stock="kodak_gold_200_network", push=0.5, scan_softness=10, frame="super8"),
    Look(stock="neutral", contrast=1.1, halation=0, sharpness=0, grain=0),
    Look(stock="kodak_gold_200", aperture=1.4, focus=0.6, cats_eye=0.5, bokeh="blades-6", highlights=3),
)
_EQUAL = 0.999  # of the samples, at least; the others are off by one


def compile_kernels(folder: Path) -> str | None:
    """Compiles the kernels into a folder, and compares what they make with PyTorch's; what is wrong with them, or None."""
    features = compiled.processor()[1].split(",")
    if platform.machine().lower() in ("x86_64", "amd64") and "+fma" not in features:
        return "this processor has no fused multiply-add"
    fused = compiled.Choice("numba", "to be proven", compiled.load(folder))
    return unlike((compiled.Choice("torch", "to prove"), fused), compiled.choose, torch.device("cpu"), 270)


def unlike(
    engines: tuple[compiled.Choice, compiled.Choice],
    choose: Callable[[compiled.Choice], None],
    device: torch.device,
    width: int,
) -> str | None:
    """What is wrong with what the second engine makes beside the first, `choose` switching between them; or None."""
    y, x = np.mgrid[0 : width * 3 // 4, 0:width] / width
    scene = np.stack((x, y, 0.5 + 0.5 * np.sin(70 * x * y)), -1)
    scene[width // 3 : width // 3 + 10, width * 2 // 5 : width * 2 // 5 + 10] = 1
    depth = (x * 1.3 + 0.2 * (y > 0.3)).clip(0, 1)
    eight = (scene * 255).astype(np.uint8)
    for picture in (eight, np.repeat(eight.astype(np.uint16), 2, 1) * 257):
        full = 255 if picture.dtype == np.uint8 else 65535
        beside = np.repeat(depth, picture.shape[1] // width, 1)
        for look in _LOOKS:
            made = []
            for engine in engines:
                choose(engine)
                made.append(np.asarray(develop(picture, look, seed=3, device=device, depth=beside), np.float64) * (255 / full))
            apart = np.abs(made[0] - made[1])
            if apart.max() > 1.01 or (apart > 0.5).mean() > 1 - _EQUAL:
                return f"{look.stock}: up to {apart.max():.1f} codes apart, {(apart > 0.5).mean():.3%} of the samples"
    return None


def main(folder: Path) -> None:
    """Compiles, and writes down how it went."""
    with suppress(AttributeError, OSError):  # not on Windows
        os.nice(10)
    try:
        failure = compile_kernels(folder)
    except Exception as error:  # whatever a broken or an old numba raises; the next start reads it
        log.debug("Film Look: the kernels cannot be compiled", exc_info=True)
        failure = f"{type(error).__name__}: {error}"
    compiled.finished(folder, failure)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
