"""What develops in compiled kernels, whichever they are."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from filmlook.engine import compiled, triton_engine
from filmlook.engine.fused_cpu import Fused
from filmlook.engine.fused_gpu import FusedGpu
from filmlook.engine.lamp_light import lamp_numbers
from filmlook.engine.pixels import Pixels
from filmlook.film.negative import Film
from filmlook.look import Look
from filmlook.stages.stage import Stage


def fused_for(
    film: Film | None,
    stages: Sequence[Stage],
    look: Look,
    apart: float,
    pixels: Pixels,
    device: torch.device,
    made: Fused | FusedGpu | None,
) -> Fused | FusedGpu | None:
    """What develops these pixels with these stages, `made` if that is it already; None: PyTorch does. `apart` is the share of
    lamps' own light that spreads as theirs."""
    on_gpu = triton_engine.chosen_kernels(device)
    kernels = on_gpu or (compiled.chosen_kernels() if device.type == "cpu" else None)
    if kernels is None or (on_gpu and film is None) or Fused.unfit(stages, pixels):
        return None
    if on_gpu:
        pixels.on_device()  # as a whole, once: parts of it are asked for again and again
    if made is not None:
        return made
    lamps = lamp_numbers(look.highlights, apart)
    if on_gpu and film:
        return FusedGpu(film, stages, lamps, on_gpu, device)
    return Fused(film, stages, kernels, lamps)
