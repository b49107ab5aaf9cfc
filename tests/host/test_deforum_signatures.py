"""The fake Deforum against the real one: the names and the order that Film Look relies on, as they were read from its source.

FILMLOOK_HOST_DIR may name a WebUI with Deforum among its extensions: what stands here is compared with it.
"""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.host.fake import Host
from tests.host.fake_deforum import DEFAULTS, FakeDeforum
from tests.host.signatures import SNAPSHOTS

SNAPSHOT = SNAPSHOTS / "deforum.json"
READ_OF_A_VIDEO = ("skip_video_creation", "fps", "delete_imgs")  # of its output settings


@pytest.fixture(scope="module")
def snapshot() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    return found


def taken(extension: Path) -> dict[str, Any]:
    """What is relied on, from Deforum's folder; its source is only parsed."""
    helpers = extension / "scripts" / "deforum_helpers"
    sources = {name: helpers / f"{name}.py" for name in ("run_deforum", "args", "ui_right", "video_audio_utilities")}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in sources.items()}
    trees["api"] = ast.parse((extension / "scripts" / "deforum_api.py").read_text(encoding="utf-8"))

    def function(tree: str, name: str) -> ast.FunctionDef:
        return next(n for n in ast.walk(trees[tree]) if isinstance(n, ast.FunctionDef) and n.name == name)

    def parameters(tree: str, name: str) -> list[str]:
        return [argument.arg for argument in function(tree, name).args.args]

    made = next(n.value for n in ast.walk(function("args", "process_args")) if isinstance(n, ast.Return))
    run = function("run_deforum", "run_deforum")
    calls = [n.func for n in ast.walk(run) if isinstance(n, ast.Call)]
    ordered = sorted(calls, key=lambda call: (call.lineno, call.col_offset))
    named = [getattr(call, "attr", getattr(call, "id", "")) for call in ordered]
    order = ("process_args", "dump_frames_cache", "ffmpeg_stitch_video", "handle_imgs_deletion", "complete_job")
    outputs = {n.value for n in ast.walk(function("args", "DeforumOutputArgs")) if isinstance(n, ast.Constant)}
    return {
        "process_args": parameters("args", "process_args"),
        "made": [getattr(part, "id", "") for part in getattr(made, "elts", [])],
        "order": [name for name in named if name in order],
        "returned": len(getattr([n for n in run.body if isinstance(n, ast.Return)][-1].value, "elts", [])),
        "imported": sorted(alias.name for n in trees["run_deforum"].body if isinstance(n, ast.ImportFrom) for alias in n.names),
        "outputs": sorted(name for name in READ_OF_A_VIDEO if name in outputs),
        "complete_job": parameters("api", "complete_job"),
        "page": "deforum_generate" if 'f"{id_part}_generate"' in sources["ui_right"].read_text(encoding="utf-8") else "",
        "batches": 'f"batch(' in (extension / "scripts" / "deforum_api.py").read_text(encoding="utf-8"),
    }


def test_what_is_framed_and_read_is_there(snapshot: dict[str, Any]) -> None:
    assert snapshot["process_args"] == ["args_dict_main", "run_id"]
    assert snapshot["made"][:5] == ["args_loaded_ok", "root", "args", "anim_args", "video_args"]
    assert {"process_args", "handle_imgs_deletion", "get_ffmpeg_params", "JobStatusTracker"} <= set(snapshot["imported"])
    assert snapshot["outputs"] == sorted(READ_OF_A_VIDEO)
    assert snapshot["returned"] == 4
    assert snapshot["batches"]


def test_the_fake_tells_it(snapshot: dict[str, Any], host: Host, tmp_path: Path) -> None:
    fake = FakeDeforum(host, tmp_path)
    assert set(READ_OF_A_VIDEO) <= set(DEFAULTS)
    made = fake._process_args({"seed": 1}, 0)
    assert len(made) == len(snapshot["made"])
    assert {"run_deforum", "process_args", "handle_imgs_deletion", "get_ffmpeg_params", "JobStatusTracker"} <= set(
        vars(fake.module)
    )
    assert [name for name in snapshot["order"] if name in ("process_args", "handle_imgs_deletion", "complete_job")] == [
        "process_args",
        "handle_imgs_deletion",
        "complete_job",
    ]


def test_the_snapshot_is_what_the_extension_has(snapshot: dict[str, Any]) -> None:
    folder = os.environ.get("FILMLOOK_HOST_DIR")
    found = (
        [path.parents[2] for path in Path(folder).glob("extensions/*/scripts/deforum_helpers/run_deforum.py")] if folder else []
    )
    if not found:
        pytest.skip("FILMLOOK_HOST_DIR names no WebUI with Deforum")
    assert taken(found[0]) == snapshot
