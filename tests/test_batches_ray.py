"""Big batches on Ray: `make test-ray` installs it and runs these; without it they are skipped."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook.cli import main

ray = pytest.importorskip("ray", reason='needs pip install "filmlook[ray]"; make test-ray does that')
parquet = pytest.importorskip("pyarrow.parquet", reason='needs pip install "filmlook[ray]"')

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module", autouse=True)
def two_workers() -> Iterator[None]:
    """A cluster of this machine that all tests share: Ray takes seconds to start."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *([before] if before else [])])  # of the workers
    os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    yield
    ray.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def pictures(folder: Path, count: int, side: int = 32) -> Path:
    folder.mkdir(parents=True)
    noise = np.random.default_rng(1)
    for i in range(count):
        data = io.BytesIO()
        Image.fromarray(noise.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(data, "JPEG")
        (folder / f"{i:04}.jpg").write_bytes(data.getvalue())
    return folder


def rows(out: Path) -> list[dict[str, Any]]:
    return [row for part in sorted(out.glob("manifest/*.parquet")) for row in parquet.read_table(part).to_pylist()]


def test_a_folder_on_ray_is_the_folder_alone_and_is_done_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pictures(tmp_path / "in", 24)
    (folder / "deep").mkdir()
    (folder / "0003.jpg").rename(folder / "deep" / "a.jpg")
    (folder / "0004.jpg").write_bytes(b"broken")
    words = ["develop", str(folder), "-r", "--seed", "5", "-o"]
    assert main([*words, str(tmp_path / "alone")]) == 1
    capsys.readouterr()
    out = tmp_path / "out"
    assert main([*words, str(out), "--ray", "--ray-workers", "2"]) == 1
    told = capsys.readouterr()
    assert told.out == "23 developed, 1 failed\n"
    assert [line.partition(": is")[0] for line in told.err.splitlines()] == [f"filmlook: {folder / '0004.jpg'}"]
    alone = {p.relative_to(tmp_path / "alone"): p.read_bytes() for p in (tmp_path / "alone").rglob("*.jpg")}
    assert len(alone) == 23
    assert {p.relative_to(out): p.read_bytes() for p in out.rglob("*.jpg")} == alone
    written = {p: p.stat().st_mtime_ns for p in out.rglob("*.jpg")}
    pictures(tmp_path / "more", 1)
    (tmp_path / "more" / "0000.jpg").replace(folder / "0004.jpg")
    assert main([*words, str(out), "--ray"]) == 0
    assert capsys.readouterr().out == "1 developed, 0 failed, 23 done before\n"
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.jpg") if p in written} == written
    assert main([*words, str(out), "--ray"]) == 0
    assert capsys.readouterr().out == "0 developed, 0 failed, 24 done before\n"
    assert Counter(row["input"] for row in rows(out) if not row["error"]).most_common(1)[0][1] == 1


def test_workers_may_be_killed_and_nothing_is_lost_or_done_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = pictures(tmp_path / "in", 120), tmp_path / "out"
    killed: set[int] = set()
    ended = threading.Event()

    def kill() -> None:
        """Kills each new worker that has told of itself in the manifest, until three are dead."""
        while len(killed) < 3 and not ended.wait(0.02):
            found = {int(row["worker"].rpartition(":")[2]) for row in rows(out)} - killed if out.is_dir() else set()
            for process in sorted(found)[:1]:
                killed.add(process)
                os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        code = main(["develop", str(folder), "-o", str(out), "--ray", "--ray-workers", "2"])
    finally:
        ended.set()
        killer.join()
    assert code == 0
    assert capsys.readouterr().out == "120 developed, 0 failed\n"
    assert len(killed) >= 1
    assert Counter(row["output"] for row in rows(out)) == Counter(p.name for p in folder.iterdir())
    assert sorted(p.name for p in out.glob("*.jpg")) == sorted(p.name for p in folder.iterdir())
    assert not [p for p in (out / "manifest").iterdir() if p.suffix != ".parquet"]
