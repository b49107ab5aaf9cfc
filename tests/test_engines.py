"""Which engine develops on the CPU: whatever stands in numba's way, pictures are developed, and one line says by what."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from filmlook.engine import compiled
from filmlook.paths import cache_folder, tell_once


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, numba there (or so it seems), and nothing chosen; a compiler that is started does nothing."""
    monkeypatch.setenv("FILMLOOK_ENGINE", "")
    monkeypatch.setattr(compiled, "_chosen", None)
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(compiled, "find_spec", lambda name: object())
    quiet = SimpleNamespace(Popen=lambda *args, **options: _started.append(args[0]), DEVNULL=None)
    monkeypatch.setattr(compiled, "subprocess", quiet)
    _started.clear()
    tell_once.cache_clear()
    return tmp_path / "cache"


_started: list[list[str]] = []


def _ready(cache: Path) -> Path:
    folder = compiled._folder()
    (folder / "ready.json").write_text(json.dumps({"processor": ["one", "+fma"]}))
    return folder


def _fails(error: Exception) -> Any:
    def call(*args: Any, **options: Any) -> Any:
        raise error

    return call


def test_the_first_process_has_kernels_compiled_and_a_later_one_uses_them(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = compiled.choice()
    assert (first.engine, first.kernels) == ("torch", None)
    assert "being compiled" in first.why
    assert len(_started) == 1
    folder = _ready(cache)
    assert compiled.choice() is first, "this process keeps to its engine"
    monkeypatch.setattr(compiled, "_chosen", None)
    monkeypatch.setattr(compiled, "load", lambda where: "kernels of " + str(where))
    assert compiled.choice().kernels == f"kernels of {folder}"
    assert len(_started) == 1


def test_one_compiler_at_a_time(cache: Path) -> None:
    compiled.prepare()
    compiled.prepare()
    assert len(_started) == 1
    building = compiled._folder() / "building"
    os.utime(building, (time.time() - 3600,) * 2)  # it was killed
    compiled.prepare()
    assert len(_started) == 2


def test_what_failed_is_told_and_not_tried_again_for_a_week(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = compiled._folder()
    (folder / "failed.txt").write_text("TypingError: this numba is too old")
    assert compiled.choice().why == "TypingError: this numba is too old"
    assert not _started
    week = time.time() - 8 * 24 * 3600
    os.utime(folder / "failed.txt", (week, week))
    monkeypatch.setattr(compiled, "_chosen", None)
    compiled.choice()
    assert len(_started) == 1


def test_looking_chooses_nothing_and_compiles_nothing(cache: Path) -> None:
    assert compiled.status().engine == "torch"
    assert not _started
    _ready(cache)
    assert compiled.status().engine == "numba"
    assert compiled._chosen is None


@pytest.mark.parametrize(
    "error", [ImportError("llvmlite needs a newer libstdc++"), SystemError("numpy 3 is too new"), RuntimeError("no locator")]
)
def test_a_broken_numba_is_one_line(
    error: Exception, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _ready(cache)
    monkeypatch.setattr(compiled, "load", _fails(error))
    with caplog.at_level(logging.WARNING):
        assert compiled.chosen_kernels() is None
        assert compiled.chosen_kernels() is None
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert str(error) in caplog.text


def test_without_numba_pytorch_develops_and_nothing_is_complained_of(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        assert compiled.choice().why == "numba is not installed"
    assert not caplog.records
    assert not cache.exists()


def test_who_asks_for_numba_is_told_that_there_is_none(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    monkeypatch.setenv("FILMLOOK_ENGINE", "numba")
    with caplog.at_level(logging.WARNING):
        assert compiled.choice().engine == "torch"
    assert "FILMLOOK_ENGINE asks for numba" in caplog.text


def test_who_asks_for_torch_gets_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMLOOK_ENGINE", "torch")
    assert compiled.choice().engine == "torch"
    compiled.prepare()
    assert not _started
    assert not cache.exists()


def test_an_engine_that_there_is_not_is_told(
    cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FILMLOOK_ENGINE", "cuda")
    with caplog.at_level(logging.WARNING):
        assert compiled.choice().engine == "torch"
    assert "'cuda'; allowed: torch, numba" in caplog.text


def test_a_cache_folder_that_cannot_be_is_no_error(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for wrong in (lambda: tmp_path / "file" / "cache", _fails(RuntimeError("Could not determine home directory."))):
        monkeypatch.setattr(compiled, "cache_folder", wrong)
        monkeypatch.setattr(compiled, "_chosen", None)
        assert "cache folder" in compiled.choice().why
    assert not _started


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_kernels_that_others_could_have_written_are_not_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _ready(cache)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    monkeypatch.setattr(compiled, "load", _fails(AssertionError("run")))
    assert "others may write" in compiled.choice().why


def test_kernels_of_another_processor_are_not_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    folder = _ready(cache)
    assert "another processor's" in compiled.choice().why
    assert not (folder / "ready.json").exists(), "the next process has them compiled"


def test_kernels_that_are_not_whole_are_not_run(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numba = pytest.importorskip("numba")
    if numba.config.DISABLE_JIT:
        pytest.skip("the compiler is switched off")
    folder = compiled._folder()
    (folder / "__pycache__").mkdir()
    code = folder / "__pycache__" / "filmlook_kernels.finish-1.py311.1.nbc"
    code.write_bytes(b"12345678")
    compiled.finished(folder, None)
    assert compiled.choice().engine == "numba"
    code.write_bytes(b"1234")  # a full disk, or a machine that was switched off
    monkeypatch.setattr(compiled, "_chosen", None)
    assert "not whole" in compiled.choice().why


def test_a_compiler_that_cannot_be_started_is_no_error(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.subprocess, "Popen", _fails(PermissionError("no processes here")))
    compiled.prepare()
    assert "no processes here" in compiled.choice().why


def test_kernels_are_bound_to_their_sources_and_versions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def key() -> str:
        compiled._key.cache_clear()
        return compiled._key()

    try:
        before = key()
        with monkeypatch.context() as patch:
            patch.setattr(compiled.metadata, "version", lambda name: "99")
            assert key() != before
        (tmp_path / "entry.py").write_text("changed")
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "_KERNELS", tmp_path)
            assert key() != before
        assert key() == before
    finally:
        compiled._key.cache_clear()


def test_the_cache_folder_is_where_a_system_keeps_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "filmlook"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "filmlook"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_folder() == tmp_path / "filmlook" / "cache"


def test_numba_is_not_imported_before_there_are_kernels() -> None:
    """It costs a quarter of a second, and a broken one must not keep Film Look from starting."""
    code = "import sys, filmlook.engine.develop, filmlook.engine.compiled as c; c.status(); sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[1])


@pytest.mark.slow
@pytest.mark.long
def test_the_compilers_process_makes_kernels_that_the_next_process_uses(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    code = (
        "import numpy as np; from filmlook import Look, develop; from filmlook.engine import compiled as c;"
        "develop(np.zeros((64, 64, 3), np.uint8), Look(), device='cpu');"
        "print(c.choice().engine, end='')"
    )

    def told(engine: str) -> str:
        places = {"XDG_CACHE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path), "HOME": str(tmp_path)}
        env = {**os.environ, **places, "FILMLOOK_ENGINE": engine}
        root = Path(__file__).resolve().parents[1]
        ran = subprocess.run([sys.executable, "-c", code], env=env, cwd=root, capture_output=True, text=True, check=True)
        return ran.stdout

    assert told("") == "torch"
    assert told("numba") == "numba"  # it waits for the compiler that the first one started
    assert told("") == "numba"
