"""Which engine develops films on the CPU: the compiled kernels of `engine.fused_cpu`, or PyTorch.

numba takes 15 to 25 s of a core to compile the kernels, which is done once, in a process of its own, while PyTorch develops;
there they are also proven against PyTorch. They are kept in the user's cache folder, one folder for each version of whatever
they are made by and for each processor. A process chooses once, before its first picture, and keeps to it: all pictures of a
command, a film or a generation are made alike. `FILMLOOK_ENGINE` may be "torch" or "numba" (which waits for the compiler);
"triton" is for GPUs (`engine.triton_engine`).
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from filmlook.errors import FilmLookError
from filmlook.paths import cache_folder, log, tell_once

ENGINES = ("torch", "numba", "triton")
_VARIABLE = "FILMLOOK_ENGINE"
_KERNELS = Path(__file__).with_name("kernels")
_READY, _FAILED, _BUILDING = "ready.json", "failed.txt", "building"
_TRIED_AGAIN = 7 * 24 * 3600.0  # seconds after a failure: what was wrong may have been mended
_MOST_SECONDS = 900.0  # that the compiler may take, on a machine that is busy
_MODULE = "filmlook_kernels"  # what the copied `kernels/entry.py` is called


class NoKernelsError(FilmLookError):
    """Why there are no kernels, and PyTorch develops."""


@dataclass(frozen=True)
class Choice:
    """The engine, why it is that one, and its kernels: those of `kernels.entry`."""

    engine: str
    why: str
    kernels: Any = None


_choosing = threading.Lock()
_chosen: Choice | None = None
_compiler: subprocess.Popen[bytes] | None = None


def chosen_kernels() -> Any:
    """The kernels that this process develops with; None: PyTorch does."""
    return choice().kernels


def choice() -> Choice:
    """The engine of this process, chosen at the first call."""
    global _chosen
    with _choosing:
        if _chosen is None:
            _chosen = _choice(wait=asked() == "numba")
            log.info("Film Look: films are developed by %s: %s", _chosen.engine, _chosen.why)
        return _chosen


def choose(engine: Choice) -> None:
    """Makes this process's choice for it: for what compares engines."""
    global _chosen
    _chosen = engine


def status() -> Choice:
    """The engine of this process, or the one that it would choose now; nothing is chosen or compiled for that."""
    if _chosen is not None:
        return _chosen
    try:
        return (
            Choice("numba", f"{_versions()}, compiled") if _is_ready(_folder()) else Choice("torch", "nothing is compiled yet")
        )
    except NoKernelsError as none:
        return Choice("torch", str(none))


def prepare() -> None:
    """Has the kernels compiled, if they are wanted and not there, so that they are by the time of the first picture."""
    try:
        folder = _folder()
        if not _is_ready(folder):
            _compile(folder, wait=False)
    except NoKernelsError as none:
        log.info("Film Look: no kernels: %s", none)


def _choice(wait: bool) -> Choice:
    try:
        folder = _folder()
        if not _is_ready(folder):
            _compile(folder, wait)
        return Choice("numba", f"{_versions()}, compiled for this processor", load(folder))
    except NoKernelsError as none:
        if asked() == "numba":
            tell_once(f"{_VARIABLE} asks for numba, but PyTorch develops: {none}")
        return Choice("torch", str(none))
    except Exception as error:  # whatever a broken numba raises
        log.debug("Film Look: numba cannot be used", exc_info=True)
        tell_once(f"numba cannot be used, PyTorch develops: {type(error).__name__}: {error}"[:300])
        return Choice("torch", f"numba fails with {type(error).__name__}")


def asked() -> str:
    """The engine that `FILMLOOK_ENGINE` asks for; nothing: whichever is fastest."""
    asked = os.environ.get(_VARIABLE, "").strip().lower()
    if asked and asked not in ENGINES:
        tell_once(f"{_VARIABLE} is {asked!r}; allowed: {', '.join(ENGINES)}")
    return asked if asked in ENGINES else ""


def _versions() -> str:
    try:
        return f"numba {metadata.version('numba')}"
    except metadata.PackageNotFoundError:
        return "numba"


@cache
def _key() -> str:
    """What kernels depend on: their sources, what compiles them, and the processor."""
    key = hashlib.sha256()
    for source in sorted(_KERNELS.glob("*.py")):
        key.update(source.read_bytes())
    for package in ("numba", "llvmlite", "numpy"):
        try:
            key.update(f"{package} {metadata.version(package)}\n".encode())
        except metadata.PackageNotFoundError:
            continue
    windows = os.environ.get("PROCESSOR_IDENTIFIER", "")
    key.update(f"{sys.implementation.cache_tag} {sys.platform} {platform.machine()} {windows}".encode())
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").split("\n\n")[0].splitlines()
        key.update("".join(line for line in lines if line.startswith(("model name", "flags", "Features"))).encode())
    except OSError:  # not on Linux
        pass
    return key.hexdigest()[:16]


def _folder() -> Path:
    """Where the kernels are kept; there and nobody else's to write.

    Raises:
        NoKernelsError: none are wanted, or there is no such folder.
    """
    if asked() == "torch":
        raise NoKernelsError(f"{_VARIABLE} asks for torch")
    if find_spec("numba") is None:
        raise NoKernelsError("numba is not installed")
    try:
        folder = cache_folder() / f"kernels-{_key()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = folder.stat()
    except (OSError, RuntimeError) as error:  # there may be no home
        raise NoKernelsError(f"nothing can be kept in the cache folder: {error}") from None
    if os.name == "posix" and (held.st_uid != os.getuid() or held.st_mode & 0o022):
        raise NoKernelsError(f"others may write into {folder}")  # what lies there is run
    return folder


def _is_ready(folder: Path) -> bool:
    return (folder / _READY).is_file()


def processor() -> list[str]:
    """The processor as numba compiles for it: its name and features, the host's settings of numba included."""
    import llvmlite.binding
    import numba

    config: Any = numba.config  # which numba fills as it is imported
    name, features = config.CPU_NAME, config.CPU_FEATURES
    known = llvmlite.binding.get_host_cpu_features()
    return [name or llvmlite.binding.get_host_cpu_name(), known.flatten() if features is None else features]


def _held(folder: Path) -> dict[str, Any]:
    """What is kept in a folder: the processor that it is for, and its files of machine code with their sizes."""
    code = {path.name: path.stat().st_size for path in sorted(folder.glob("__pycache__/*.nbc"))}
    return {"processor": processor(), "code": code}


def load(folder: Path) -> ModuleType:
    """The kernels that are kept in a folder, or will be as they are called.

    Raises:
        NoKernelsError: they were compiled for another processor, or are not whole.
    """
    import numba

    config: Any = numba.config
    if config.DISABLE_JIT:
        raise NoKernelsError("the host has switched numba's compiler off")
    if _is_ready(folder) and json.loads((folder / _READY).read_text()) != _held(folder):
        (folder / _READY).unlink(missing_ok=True)
        raise NoKernelsError("the kernels are another processor's or not whole; they will be compiled again at the next start")
    source, copy = _KERNELS / "entry.py", folder / f"{_MODULE}.py"
    if not copy.is_file() or copy.read_bytes() != source.read_bytes():
        shutil.copyfile(source, copy)
    spec = spec_from_file_location(_MODULE, copy)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return module


def _compile(folder: Path, wait: bool) -> None:
    """Starts the compiler in a process of its own, unless one is at it, and waits for it if told so.

    Raises:
        NoKernelsError: they are not ready yet, or cannot be made.
    """
    failed, building = folder / _FAILED, folder / _BUILDING
    if not wait and _younger(failed, _TRIED_AGAIN):
        raise NoKernelsError(failed.read_text(encoding="utf-8", errors="replace").strip()[:300])
    if not _younger(building, _MOST_SECONDS):
        _start(folder)
    if not wait:
        raise NoKernelsError("the kernels are being compiled, for the next start")
    until = time.monotonic() + _MOST_SECONDS
    while not _is_ready(folder):
        if (not building.exists() or (_compiler and _compiler.poll() is not None)) and not _is_ready(folder):
            told = failed.read_text(encoding="utf-8", errors="replace").strip() if failed.exists() else "the compiler ended"
            raise NoKernelsError(told[:300])
        if time.monotonic() > until:
            raise NoKernelsError("the compiler takes too long")
        time.sleep(0.1)


def _start(folder: Path) -> None:
    global _compiler
    if not sys.executable:
        raise NoKernelsError("there is no Python that could compile")
    try:
        for left in (_FAILED, _BUILDING):
            (folder / left).unlink(missing_ok=True)
        with open(folder / _BUILDING, "x"):
            pass
        _compiler = _compiling(folder)
    except FileExistsError:
        pass  # another process was faster
    except OSError as error:
        with suppress(OSError):
            (folder / _BUILDING).unlink(missing_ok=True)
        raise NoKernelsError(f"the compiler cannot be started: {error}") from None


def _compiling(folder: Path) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(p for p in (str(_KERNELS.parents[2]), os.environ.get("PYTHONPATH", "")) if p)
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", "filmlook.engine.compiling", str(folder)],
        env={**os.environ, "PYTHONPATH": path, _VARIABLE: "torch", "OMP_NUM_THREADS": "1"},
        stdin=quiet,
        stdout=quiet,
        stderr=quiet,
        start_new_session=True,  # it goes on when the command that needed it first has ended
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _younger(path: Path, seconds: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime < seconds
    except OSError:
        return False


def finished(folder: Path, failure: str | None) -> None:
    """Writes down that kernels are ready, or why they are not; the compiler's process does."""
    if failure is None:
        made = folder / f"{_READY}.{os.getpid()}"
        made.write_text(json.dumps(_held(folder)))
        made.replace(folder / _READY)
    else:
        (folder / _FAILED).write_text(failure, encoding="utf-8")
    (folder / _BUILDING).unlink(missing_ok=True)
