"""Which engine develops films on a GPU: the Triton kernels of `engine.fused_gpu`, or PyTorch.

Triton comes with PyTorch on Linux. A process tries it before its first picture on a GPU: small pictures are developed by both,
and if Triton cannot compile, or makes anything else than PyTorch does, PyTorch develops from then on, and one line says so.
The kernels are compiled in a few seconds, once for each GPU and version: Triton keeps them in its own cache. `FILMLOOK_ENGINE`
may be "torch", or "triton", which complains where there is none.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import torch

from filmlook.engine import compiled
from filmlook.engine.compiled import Choice, NoKernelsError
from filmlook.paths import log, tell_once

_BLOCK = 256  # values that a program makes: with twice as many, compiling takes three times as long
_BLOCK_INTERPRETED = 1 << 14  # where each costs Python's time

_choosing = threading.RLock()  # whoever proves the kernels develops pictures with them
_chosen: Choice | None = None


@dataclass(frozen=True)
class TritonKernels:
    """The modules of `triton_kernels`, and how many values a program makes."""

    light: Any
    film: Any
    block: int


def chosen_kernels(device: torch.device) -> TritonKernels | None:
    """The kernels that this process develops with on that device; None: PyTorch does."""
    chosen = choice(device) if device.type == "cuda" else _chosen
    own = chosen is not None and (device.type == "cuda" or chosen.engine == "interpreted")
    kernels: TritonKernels | None = chosen.kernels if chosen and own else None
    return kernels


def choice(device: torch.device) -> Choice:
    """The engine of this process on GPUs, chosen at the first call."""
    global _chosen
    with _choosing:
        if _chosen is None:
            _chosen = _choice(device)
            log.info("Film Look: on the GPU films are developed by %s: %s", _chosen.engine, _chosen.why)
        return _chosen


def choose(engine: Choice | None) -> None:
    """Makes this process's choice for it: for what compares engines. None: it is to be made anew."""
    global _chosen
    _chosen = engine


def status() -> Choice | None:
    """The engine of this process on GPUs, or the one that it would try now; nothing is compiled for that. None: there is no
    GPU that Triton knows."""
    if _chosen is not None:
        return _chosen
    if not torch.cuda.is_available():
        return None
    try:
        return Choice("triton", f"{_version()}, to be tried")
    except NoKernelsError as none:
        return Choice("torch", str(none))


def _version() -> str:
    """Triton's version.

    Raises:
        NoKernelsError: it is not wanted, or not there.
    """
    if compiled.asked() == "torch":
        raise NoKernelsError("FILMLOOK_ENGINE asks for torch")
    if find_spec("triton") is None:
        raise NoKernelsError("triton is not installed")
    try:
        return f"triton {metadata.version('triton')}"
    except metadata.PackageNotFoundError:  # under another name, as AMD's and Windows' are
        return "triton"


def _choice(device: torch.device) -> Choice:
    try:
        made = Choice("triton", f"{_version()} on {torch.cuda.get_device_name(device)}", load())
        fault = _unlike(made, device)
    except NoKernelsError as none:
        if compiled.asked() == "triton":
            tell_once(f"FILMLOOK_ENGINE asks for triton, but PyTorch develops: {none}")
        return Choice("torch", str(none))
    except Exception as error:  # whatever a broken Triton, or a machine without a C compiler, raises
        log.debug("Film Look: triton cannot be used", exc_info=True)
        tell_once(f"triton cannot be used, PyTorch develops: {type(error).__name__}: {error}"[:300])
        return Choice("torch", f"triton fails with {type(error).__name__}")
    if fault:
        tell_once(f"triton makes other pictures than PyTorch, which develops: {fault}"[:300])
        return Choice("torch", f"triton's pictures are others: {fault}")
    return made


def load(interpreted: bool = False) -> TritonKernels:
    """The kernels. `interpreted`: Triton runs them on the CPU, for tests.

    Raises:
        NoKernelsError: this Triton is too old.
    """
    import triton.language

    if not hasattr(triton.language, "fma"):
        raise NoKernelsError("this triton is older than 3.0")
    from filmlook.engine.triton_kernels import film, light

    return TritonKernels(light, film, _BLOCK_INTERPRETED if interpreted else _BLOCK)


def _unlike(made: Choice, device: torch.device) -> str | None:
    """What is wrong with the kernels on a device, proven with small pictures; or None."""
    from filmlook.engine.compiling import unlike

    before = _chosen
    try:
        return unlike((Choice("torch", "to prove"), made), choose, device, 64)
    finally:
        choose(before)
