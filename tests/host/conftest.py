"""The fake WebUI, with Film Look loaded into it as the host would; and what its tests look at pictures with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import filmlook
from filmlook import Look
from filmlook.files import infotext
from tests.host.fake import Host

Make = Callable[..., Host]

develop = partial(filmlook.develop, device="cpu")  # where the fake host works
regrain = partial(filmlook.regrain, device="cpu")


@pytest.fixture
def make_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Make]:
    """Makes a host; Film Look is imported afresh for it, and forgotten afterwards."""
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    for name in _ours():
        monkeypatch.delitem(sys.modules, name)
    for room in ("ui", "webui"):
        monkeypatch.delattr(filmlook, room, raising=False)

    def make(after_composite: bool = True) -> Host:
        host = Host(tmp_path, after_composite)
        for name, module in host.modules().items():
            monkeypatch.setitem(sys.modules, name, module)
        host.load()
        return host

    yield make
    for name in _ours():
        del sys.modules[name]
    for room in ("ui", "webui"):
        vars(filmlook).pop(room, None)


def _ours() -> list[str]:
    return [name for name in sys.modules if name.startswith(("filmlook.ui", "filmlook.webui"))]


@pytest.fixture
def host(make_host: Make) -> Host:
    return make_host()


def codes(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.int16)


def same(a: Image.Image, b: Image.Image) -> None:
    """Asserts that two pictures are one, to the bit."""
    assert a.mode == b.mode
    np.testing.assert_array_equal(codes(a), codes(b))


def bare(image: Image.Image) -> Image.Image:
    """The picture without its metadata."""
    return Image.fromarray(np.asarray(image))


def seed_in(text: str) -> int:
    """The effective seed of the grain that an infotext tells."""
    return int(infotext.pairs_of(text)[infotext.SEED])


def look_in(text: str) -> Look | None:
    """The look that an infotext tells, none where it tells no development."""
    found = infotext.developed(infotext.pairs_of(text))
    return found.look if found else None
