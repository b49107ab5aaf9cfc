"""The fake host against real ones: what it stands in for exists there, with the parameters that Film Look uses.

Snapshots of the hosts are at hand (`signatures.py` makes them). FILMLOOK_HOST_DIR may name the checkout of a WebUI: it is
compared with its snapshot.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.host.signatures import AXIS, CALLED, HELD, ORDER, SAID, SNAPSHOTS, TITLES, name_of, taken

HOSTS = ("a1111", "reforge", "forge")


@pytest.fixture(scope="module", params=HOSTS)
def snapshot(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SNAPSHOTS / f"{request.param}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", CALLED)
def test_what_is_called_takes_what_it_is_given(snapshot: dict[str, Any], path: str) -> None:
    assert path in snapshot["called"], f"there is no {path}"
    missing = set(CALLED[path]) - set(snapshot["called"][path])
    assert not missing, f"{path} lacks the parameters {sorted(missing)}"


@pytest.mark.parametrize("path", HELD)
def test_what_is_looked_at_is_there(snapshot: dict[str, Any], path: str) -> None:
    missing = set(HELD[path]) - set(snapshot["held"][path])
    assert not missing, f"{path} lacks {sorted(missing)}"


@pytest.mark.parametrize("module", SAID)
def test_names_are_spelt_so(snapshot: dict[str, Any], module: str) -> None:
    missing = set(SAID[module]) - set(snapshot["said"][module])
    assert not missing, f"modules/{module}.py does not say {missing}"


def test_the_hooks_come_in_the_order_that_the_fake_tells(snapshot: dict[str, Any]) -> None:
    assert snapshot["order"] == [*ORDER, "save", "grid"]


def test_the_plot_has_axes_to_add_to(snapshot: dict[str, Any]) -> None:
    """`xyz_grid.py` finds the script by its file's name and appends to its list."""
    assert {*AXIS, "axis_options"} <= set(snapshot["axis"])


def test_scripts_have_the_titles_they_are_known_by(snapshot: dict[str, Any]) -> None:
    assert set(snapshot["titles"]) == set(TITLES)


def test_the_snapshot_is_what_the_checkout_has() -> None:
    folder = os.environ.get("FILMLOOK_HOST_DIR")
    if not folder:
        pytest.skip("FILMLOOK_HOST_DIR names no checkout of a WebUI")
    name = name_of(Path(folder))
    renew = f"python -m tests.host.signatures {name}={folder}"
    assert json.loads((SNAPSHOTS / f"{name}.json").read_text(encoding="utf-8")) == taken(Path(folder)), f"renew it: {renew}"
