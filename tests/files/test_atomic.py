"""Files appear whole or not at all, whoever writes and whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filmlook.errors import PictureError
from filmlook.files import atomic, metadata, picture
from filmlook.files.atomic import replacing, write_bytes
from filmlook.look import Look
from filmlook.presets import load_preset, save_preset

ROOT = Path(__file__).resolve().parents[2]


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_file_is_replaced_once_it_is_complete(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert [name for name in names(tmp_path) if name.startswith(".a.bin.") and name.endswith(".part")]
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, OSError])
def test_an_error_leaves_what_was_there(tmp_path, fault):
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")

    def half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise fault

    with pytest.raises(fault):
        half()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def late(path: Path) -> None:
    with replacing(path, overwrite=False) as file:
        file.write(b"late")
        path.write_bytes(b"first")


def test_without_overwriting_a_file_that_came_meanwhile_stays(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    for links in (True, False):
        if not links:

            def refuse(*_: object) -> None:
                raise OSError(95, "no links here")

            monkeypatch.setattr(atomic.os, "link", refuse)
        with pytest.raises(FileExistsError, match="exists already"):
            late(path)
        assert path.read_bytes() == b"first"
        path.unlink()
        write_bytes(path, b"alone", overwrite=False)
        assert path.read_bytes() == b"alone"
        with pytest.raises(FileExistsError):
            write_bytes(path, b"late", overwrite=False)
        assert names(tmp_path) == ["a.bin"]
        path.unlink()


def test_permission_bits(tmp_path):
    if os.name != "posix":
        pytest.skip("no such bits")
    old = os.umask(0o027)
    try:
        write_bytes(tmp_path / "new", b"")
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
        (tmp_path / "new").chmod(0o604)
        write_bytes(tmp_path / "new", b"")
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o604
    finally:
        os.umask(old)


def test_names_as_long_as_a_file_system_takes(tmp_path):
    for name in ("n" * 250 + ".json", "猫" * 83 + ".json"):
        write_bytes(tmp_path / name, b"1")
        assert names(tmp_path) == [name]
        (tmp_path / name).unlink()


def test_what_a_killed_process_left_is_taken_away(tmp_path):
    script = (
        "import os, sys; from filmlook.files.atomic import replacing\n"
        "with replacing(sys.argv[1]) as file:\n    file.write(b'half'); file.flush(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.png")], cwd=ROOT, check=False)
    (left,) = names(tmp_path)
    mine = [".hidden", ".part", "notes.part", f".a.{'0' * 31}.part", f"a.{'0' * 32}.part"]
    for name in mine:
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (0, 0))
    write_bytes(tmp_path / "b.png", b"")
    assert left in names(tmp_path)  # it may be unfinished still
    atomic._swept.clear()
    os.utime(tmp_path / left, (time.time() - 3700,) * 2)
    write_bytes(tmp_path / "b.png", b"")
    assert names(tmp_path) == sorted([*mine, "b.png"])


def test_readers_and_writers_of_two_processes_see_whole_files(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"0" * 100_000)
    script = (
        "import sys; from filmlook.files.atomic import write_bytes\n"
        "for i in range(150): write_bytes(sys.argv[1], b'%d' % (i % 10) * 100_000)"
    )
    other = subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=ROOT)
    seen: set[bytes] = set()
    while other.poll() is None:
        write_bytes(path, b"x" * 100_000)
        data = path.read_bytes()
        assert len(data) == 100_000
        assert len(set(data)) == 1
        seen.add(data[:1])
    assert other.returncode == 0
    assert names(tmp_path) == ["a.bin"]
    assert seen


def test_twenty_clients_save_one_preset(tmp_path, monkeypatch):
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    faults: list[BaseException] = []
    save_preset("mine", Look(grain=1))

    def client(number: int) -> None:
        try:
            for _ in range(10):
                save_preset("mine", Look(grain=1 + number / 20))
                load_preset("mine")
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert names(tmp_path / "looks") == ["mine.json"]


def test_a_picture_is_not_written_over_one_that_came_meanwhile(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    outgoing = metadata.outgoing

    def slow(*args: Any) -> Any:
        path.write_bytes(b"another program's")
        return outgoing(*args)

    monkeypatch.setattr(metadata, "outgoing", slow)
    with pytest.raises(PictureError, match=r"a\.png.*exists"):
        picture.write(path, picture.Picture(np.zeros((2, 2, 3), np.uint8)))
    assert path.read_bytes() == b"another program's"
