"""What tests share: pictures made here, and the reference data where it lies beside the checkout."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # there is a worker for each core: more threads than one only get into each other's way
    os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ.setdefault("FILMLOOK_ENGINE", "torch")  # what tests the other engine says so: the rest has to be alike everywhere

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

_REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"


def pytest_report_header(config: pytest.Config) -> list[str]:
    """How long it takes, and what will be left out for want of a host or a GPU, before anything is run."""
    workers = getattr(config.option, "numprocesses", None) or 1
    minutes = {1: "20 minutes"}.get(workers, "12 minutes")
    chosen = config.option.markexpr or ""
    lines = [f"about {minutes} on two cores with {workers} at work"] if "not slow" not in chosen else []
    if not os.environ.get("FILMLOOK_HOST_URL"):
        lines.append("tests/live will be skipped: FILMLOOK_HOST_URL names no running WebUI")
    if not os.environ.get("FILMLOOK_HOST_DIR"):
        lines.append("comparisons with a WebUI's source will be skipped: FILMLOOK_HOST_DIR names no checkout of one")
    if not torch.cuda.is_available():
        lines.append("tests on a GPU will be skipped: torch sees none")
    if find_spec("ray") is None:
        lines.append("tests/test_batches_ray.py will be skipped: Ray is not installed (make test-ray does that)")
    return [f"Film Look: {line}" for line in lines]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What hostile texts left in a test's output, half characters among it, must not stop the worker that sends it on."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(autouse=True)
def _no_user_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILMLOOK_HOME", raising=False)


@pytest.fixture
def reference() -> Path:
    """The folder of reference data; tests that need it skip where there is none."""
    if not _REFERENCE.is_dir():
        pytest.skip(f"no reference data beside the checkout ({_REFERENCE})")
    return _REFERENCE


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    """A picture with smooth tones, hard edges, fine detail and small bright lights, 300 x 420, 8 bit."""
    y, x = np.mgrid[0:300, 0:420].astype(np.float32)
    picture = np.stack((x / 420, 0.3 + 0.4 * np.sin(y / 40) ** 2, y / 300), -1) * 0.8
    picture[60:120, 200:330] = (0.1, 0.12, 0.2)
    picture[150:200, 40:160] += 0.15 * np.sin(x[150:200, 40:160, None] * 1.7)
    for i, j in ((80, 230), (95, 300), (250, 390), (5, 5)):
        picture[i - 2 : i + 3, j - 2 : j + 3] = 1
    return (picture.clip(0, 1) * 255).round().astype(np.uint8)
