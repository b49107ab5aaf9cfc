"""LUTs of the kinds that OpenColorIO reads and Film Look does not: by OpenColorIO, baked into a table of ours.

References: OpenColorIO, "File formats" and FileTransform; the grammars are Autodesk/Lustre (.3dl), Rising Sun Research
cineSpace (.csp), Sony Imageworks (.spi1d, .spi3d), and Academy/ASC Common LUT Format, S-2014-006 (.clf).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor

from filmlook.errors import StockFileError
from filmlook.files.interpolation import Lut, bake

SUFFIXES = (".3dl", ".csp", ".spi1d", ".spi3d", ".clf")

_CURVE = 4096  # samples of a map that is three curves
_LEAST_CUBE, _LARGEST_CUBE = 65, 129  # samples along an axis of others, where the file has no cube or a finer one
_CLOSE = 1e-5  # in code: what is as close to three curves is three curves


def read(path: str | os.PathLike[str]) -> Lut:
    """Read a LUT over [0, 1], the range of display codes.

    A file of curves alone becomes three curves, one with a cube a cube of its own size; what stands around the cube, a
    shaper say, is baked into 65 samples along an axis or more.

    Raises:
        StockFileError: OpenColorIO is not installed, or does not understand the file.
    """
    try:
        import PyOpenColorIO
    except ImportError:
        raise StockFileError(f'{path}: this kind of LUT needs OpenColorIO: pip install "filmlook[ocio]"') from None
    try:
        PyOpenColorIO.ClearAllCaches()  # the file may have changed since
        file = PyOpenColorIO.FileTransform(src=os.path.abspath(path), interpolation=PyOpenColorIO.INTERP_TETRAHEDRAL)
        processor = PyOpenColorIO.Config.CreateRaw().getProcessor(file)
        steps = list(processor.createGroupTransform())
        cpu = processor.getDefaultCPUProcessor()
    except PyOpenColorIO.Exception as error:
        raise StockFileError(f"{path}: not a LUT that OpenColorIO reads: {' '.join(str(error).split())[:200]}") from None

    def apply(display: Tensor) -> Tensor:
        pixels = display[0].permute(1, 2, 0).numpy().astype(np.float32, order="C")
        cpu.applyRGB(pixels)
        return torch.from_numpy(pixels).permute(2, 0, 1)[None]

    curves = _curves(apply)
    probe = torch.from_numpy(np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32))
    if float((curves(probe) - apply(probe)).abs().max()) < _CLOSE:
        return curves
    cubes = [step.getGridSize() for step in steps if isinstance(step, PyOpenColorIO.Lut3DTransform)]
    exact = len(cubes) == 1 and all(_keeps_the_grid(step) for step in steps)
    size = cubes[0] if exact else max(_LEAST_CUBE, *cubes, 0)
    return bake(apply, min(size, _LARGEST_CUBE))


def _keeps_the_grid(step: Any) -> bool:
    """Whether a step is the cube itself, or moves no sample of it."""
    import PyOpenColorIO

    return isinstance(step, PyOpenColorIO.Lut3DTransform) or (
        isinstance(step, PyOpenColorIO.RangeTransform)
        and step.getMinInValue() == step.getMinOutValue() == 0
        and step.getMaxInValue() == step.getMaxOutValue() == 1
    )


def _curves(apply: Any) -> Lut:
    """The map of greys, as three curves."""
    greys = torch.linspace(0, 1, _CURVE).expand(1, 3, 1, _CURVE)
    return Lut(apply(greys)[0, :, 0].T.contiguous())
