"""What Film Look changes in the host: once, and undone when scripts are unloaded; what it keeps on the host's objects; and that
what needs no host asks none."""

from __future__ import annotations

import ast
import copy
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

import filmlook
from tests.host.fake import Host
from tests.host.fake_processing import BaseRunner, raw_picture

WEBUI = Path(filmlook.__file__).parent / "webui"
ON = [{"stock": "kodak_gold_200", "halation": 0}]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_once_needs_no_host() -> None:
    for path in (WEBUI / "once").glob("*.py"):
        names = _imports(path)
        assert not [n for n in names if n.split(".")[0] in ("modules", "gradio")], path.name
        ours = [n for n in names if n.startswith("filmlook.webui")]
        assert all(n.startswith("filmlook.webui.once") for n in ours), path.name


def test_only_the_room_of_the_webui_imports_the_host() -> None:
    for path in WEBUI.parent.rglob("*.py"):
        if WEBUI not in path.parents:
            assert not [n for n in _imports(path) if n.split(".")[0] == "modules"], path


def test_what_a_host_can_do_is_asked_in_one_place() -> None:
    for path in WEBUI.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "hosts.py":
            assert "except ImportError" not in text, path.name
            asked = [line for line in text.splitlines() if "hasattr(" in line and "pp.shared" not in line]
            assert not asked, (path.name, asked)


def _framed(host: Host) -> dict[str, Any]:
    modules = sys.modules
    return {
        "run": host.runner_class.run,
        "batch": vars(modules["modules.img2img"])["process_batch"],
        "unload": vars(modules["modules.sd_models"])["unload_model_weights"],
    }


def test_the_host_is_as_it_was_when_scripts_are_unloaded(host: Host) -> None:
    host.tell("on_script_unloaded")
    assert host.runner_class.run is BaseRunner.run
    assert _framed(host)["batch"] == host.process_batch
    host.module("patches").install()
    assert host.runner_class.run is not BaseRunner.run


def test_frames_do_not_pile_up(host: Host) -> None:
    depth = len(_chain(host.runner_class.run))
    for _ in range(3):
        host.module("patches").install()
    assert len(_chain(host.runner_class.run)) == depth


def _chain(function: Any) -> list[Any]:
    chain = [function]
    while inner := getattr(chain[-1], "__wrapped__", None):
        chain.append(inner)
    return chain


def test_a_frame_under_another_extensions_does_nothing_once_unloaded(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = host.runner_class.run
    monkeypatch.setattr(host.runner_class, "run", lambda self, p, *args: ours(self, p, *args))
    others = host.runner_class.run
    host.tell("on_script_unloaded")
    assert host.runner_class.run is others
    runs: list[Any] = []
    monkeypatch.setattr(host.module("script_hijack"), "running", runs.append)
    assert host.txt2img(None).images
    assert not runs


def test_memory_is_let_go_with_the_hosts(host: Host) -> None:
    from filmlook.prints import _read
    from filmlook.stages.darkroom import _view

    for let_go in (_framed(host)["unload"], lambda: host.tell("on_script_unloaded")):
        host.txt2img(ON)
        assert all(kept.cache_info().currsize > 0 for kept in (_view, _read))
        let_go()
        assert all(kept.cache_info().currsize == 0 for kept in (_view, _read))
    assert host.txt2img(None).images  # and the host works on


def test_one_attribute_on_the_hosts_object_and_none_of_a_copys(host: Host) -> None:
    p = host.processing(ON)
    before = set(vars(p))
    host.generate(p)
    assert {name for name in set(vars(p)) - before if "film" in name} == {"film_look"}
    kept = p.film_look
    inner = copy.copy(p)
    inner.init_images = [raw_picture(3)]
    inner.script_args = [0, False]
    host.process_images(inner)
    assert p.film_look is kept
    assert inner.film_look is not kept


@pytest.mark.parametrize("ours", [True, False])
def test_a_failure_is_logged_with_its_traceback_unless_it_is_ours(
    host: Host, caplog: pytest.LogCaptureFixture, ours: bool
) -> None:
    error = filmlook.LookError("grain is 99") if ours else ZeroDivisionError("division by zero")

    def breaking(*args: Any, **kwargs: Any) -> Any:
        raise error

    host.module("hooks").developed = breaking
    host.txt2img(ON)
    (record,) = caplog.records
    assert (record.exc_info is None) == ours
    assert str(error) in record.getMessage()
    assert "\n" not in record.getMessage()


@pytest.mark.parametrize(("error", "ours"), [(filmlook.LookError("it needs more"), True), (KeyError("broken"), False)])
def test_what_keeps_film_look_off_is_told(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, ours: bool
) -> None:
    def register() -> None:
        raise error

    monkeypatch.setattr(host.module("extension"), "register", register)
    loaded = runpy.run_path(str(WEBUI.parents[1] / "scripts" / "film_look.py"))
    assert "FilmLookScript" not in loaded  # the host would show it
    said = capsys.readouterr()
    assert f"Film Look is off: {error}" in said.out
    assert ("Traceback" in said.err) != ours
