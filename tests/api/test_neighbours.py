"""What lies in the user's folder: one damaged or hostile file takes no list down, and many files take no time."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from filmlook import Look, LookError, list_looks, list_stocks, load_look, load_stock
from filmlook.paths import BUILT_IN, tell_once
from filmlook.presets import delete_preset, list_presets, load_preset, save_preset
from tests.api.clients import PREFIX
from tests.api.test_guards import IMAGE

GOLD = json.loads((BUILT_IN / "stocks" / "kodak_gold_200.json").read_text(encoding="utf-8"))
DEEP = "[" * 900 + "]" * 900


def stock(deep: str = "", **changes: Any) -> bytes:
    return json.dumps({**GOLD, **changes}).replace('"@"', deep).encode()


FILES: dict[str, tuple[bytes, bytes]] = {
    "stock: name not UTF-8": (b"stocks/\xff.cube", b"x"),
    "stock: label with a lone surrogate": (b"stocks/odd.json", stock(label="\ud800")),
    "stock: NaN": (b"stocks/odd.json", stock(published={"dmin": float("nan")})),
    "stock: infinity": (b"stocks/odd.json", stock(fit={"mean": float("inf")})),
    "stock: deep": (b"stocks/odd.json", b"[" * 100_000),
    "stock: deep in a value": (b"stocks/odd.json", stock(DEEP, published={"a": "@"})),
    "stock: deep where numbers belong": (b"stocks/odd.json", stock(DEEP, granularity="@")),
    "stock: a list for a word": (b"stocks/odd.json", stock(kind=["negative"])),
    "stock: a long number": (b"stocks/odd.json", stock(iso=10**3999)),
    "stock: UTF-16": (b"stocks/odd.json", json.dumps(GOLD).encode("utf-16")),
    "network: no network": (b"stocks/odd.safetensors", b"\xff" * 100),
    "look: name not UTF-8": (b"looks/\xff.json", b'{"label": "x", "look": {}}'),
    "look: deep": (b"looks/odd.json", b"[" * 100_000),
    "look: deep in a value": (b"looks/odd.json", b'{"look": {"grain": ' + DEEP.encode() + b"}}"),
    "look: deep in the label": (b"looks/odd.json", b'{"look": {}, "label": ' + DEEP.encode() + b"}"),
    "look: lone surrogate": (b"looks/odd.json", b'{"look": {}, "label": "\\ud800"}'),
    "look: a list": (b"looks/odd.json", b"[]"),
    "look: null": (b"looks/odd.json", b'{"look": null}'),
    "look: NaN": (b"looks/odd.json", b'{"look": {"grain": NaN}}'),
    "look: not UTF-8": (b"looks/odd.json", b'{"look": {}, "label": "\xff"}'),
    "look: too large": (b"looks/odd.json", b'{"look": {}, "label": "' + b"x" * 10**6 + b'"}'),
}


def calls(client: TestClient) -> list[Any]:
    fields = {"json": {"images": [IMAGE], "look": {"stock": "odd"}}}
    lut = [("POST", "export-lut", {"json": {"look": look, "size": 17}}) for look in ("odd", {"stock": "odd"})]
    reads = [("GET", path, {}) for path in ("looks", "stocks", "health", "looks/odd", "stocks/odd", "looks/%FF", "stocks/%FF")]
    sent: list[tuple[str, str, Any]] = [*reads, ("POST", "develop", fields), *lut, ("PUT", "looks/mine", {"json": {}})]
    return [client.request(method, f"{PREFIX}/{path}", **more) for method, path, more in sent]


@pytest.mark.parametrize("name", FILES)
def test_one_bad_file_takes_nothing_down(name: str, client: TestClient, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, data = FILES[name]
    looks, stocks = list_looks(), list_stocks()
    file = os.fsencode(home) + b"/" + path
    os.makedirs(os.path.dirname(file))
    try:
        with open(file, "wb") as out:
            out.write(data)
    except OSError:
        pytest.skip("this file system has no such names")
    tell_once.cache_clear()
    with caplog.at_level(logging.WARNING, "filmlook"):
        answers = calls(client)
    assert {answer.status_code for answer in answers} <= {200, 404, 422}, [answer.text[:200] for answer in answers]
    told_looks, told_stocks = (answer.json() for answer in answers[:2])
    assert [told["name"] for told in told_looks] == looks
    assert {told["name"] for told in told_stocks} >= set(stocks)
    assert len(list_presets()) == len(looks) + 1  # with the one that was saved
    told = [*caplog.messages, *(answer.text for answer in answers if answer.status_code == 422)]
    assert any(file.decode("utf-8", "backslashreplace").rpartition("/")[2] in line for line in told)
    assert client.get(f"{PREFIX}/looks/mine").status_code == 200


def test_a_byte_order_mark_is_no_fault(client: TestClient, home: Path) -> None:
    for kind, data in (("looks", {"look": {"grain": 2}}), ("stocks", {**GOLD, "label": "Marked"})):
        (home / kind).mkdir(parents=True)
        (home / kind / "marked.json").write_text(json.dumps(data), encoding="utf-8-sig")
    assert client.get(f"{PREFIX}/looks/marked").json()["look"]["grain"] == 2
    assert client.get(f"{PREFIX}/stocks/marked").json()["label"] == "Marked"


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes as Unix has them")
def test_what_is_no_file_is_passed_over(client: TestClient, home: Path) -> None:
    for kind in ("looks", "stocks"):
        (home / kind).mkdir(parents=True)
        (home / kind / "loop.json").symlink_to("loop.json")
        (home / kind / "zero.json").symlink_to("/dev/zero")
        (home / kind / "folder.json").mkdir()
        os.mkfifo(home / kind / "pipe.json")
        (home / kind / "passwd.json").symlink_to("/etc/passwd")
    answers = calls(client)
    assert {answer.status_code for answer in answers} <= {200, 404, 422}
    for name in ("loop", "zero", "folder", "pipe"):
        for kind in ("looks", "stocks"):
            assert client.get(f"{PREFIX}/{kind}/{name}").status_code == 404
    assert client.delete(f"{PREFIX}/looks/passwd").status_code == 200
    assert Path("/etc/passwd").exists()


# Many files


def many(folder: Path, first: int, last: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, last):
        (folder / f"p{i:05d}.json").write_text('{"look": {}}')


def test_a_list_takes_time_by_the_number_of_presets(client: TestClient, home: Path) -> None:
    def seconds() -> float:
        taken = []
        for _ in range(3):
            began = time.process_time()
            assert client.get(f"{PREFIX}/looks").status_code == 200
            taken.append(time.process_time() - began)
        return min(taken)

    many(home / "looks", 0, 100)
    few = seconds()
    many(home / "looks", 100, 800)
    assert seconds() < 20 * few  # 8 times as many; it was 64 times as much


def test_long_lists_are_cut_and_names_beyond_still_load(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    many(home / "looks", 0, 60)
    (home / "stocks").mkdir()
    for i in range(60):
        (home / "stocks" / f"p{i:05d}.json").write_text(json.dumps(GOLD))
    built_in = {path.stem for path in (BUILT_IN / "looks").iterdir()}, {path.stem for path in (BUILT_IN / "stocks").iterdir()}
    monkeypatch.setenv("FILMLOOK_MAX_FILES", "40")
    tell_once.cache_clear()
    caplog.clear()
    for route, own in zip(("looks", "stocks"), built_in, strict=True):
        for _ in range(2):
            names = [told["name"] for told in client.get(f"{PREFIX}/{route}").json()]
        assert len(names) == 40
        assert names == sorted(names)
        assert own <= set(names)
        assert client.get(f"{PREFIX}/{route}/p00059").status_code == 200
    assert [line for line in caplog.messages if "40 of them are listed" in line][1:] != []
    assert len([line for line in caplog.messages if "are listed" in line]) == 2  # one line each, however often
    assert load_look("p00059") == Look()
    assert load_stock("p00059").label == GOLD["label"]
    answer = client.post(f"{PREFIX}/export-lut", json={"look": {"stock": "p00059"}, "size": 17})
    assert answer.status_code == 200
    assert client.delete(f"{PREFIX}/looks/p00059").status_code == 200
    for told in ("x", "-1", "", "1e3"):
        monkeypatch.setenv("FILMLOOK_MAX_FILES", told)
        assert len(list_looks()) == 59 + len(built_in[0])


# Many at once


@pytest.fixture
def built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built-in folder, in the place of the original."""
    shutil.copytree(BUILT_IN / "looks", tmp_path / "models" / "looks")
    shutil.copytree(BUILT_IN / "stocks", tmp_path / "models" / "stocks", ignore=lambda *_: ["x"])
    monkeypatch.setattr("filmlook.paths.BUILT_IN", tmp_path / "models")
    return tmp_path / "models"


def test_no_race_deletes_a_built_in_preset(built_in: Path, home: Path) -> None:
    done: list[str] = []

    def drop(barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            delete_preset("super-8")
            done.append("deleted")
        except LookError as error:
            done.append(str(error))

    for _ in range(60):
        save_preset("super-8", Look())
        barrier = threading.Barrier(8)
        threads = [threading.Thread(target=drop, args=(barrier,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (built_in / "looks" / "super-8.json").is_file()
    assert len(done) == 480
    assert done.count("deleted") >= 60
    assert set(done) <= {"deleted", "look 'super-8' is none of your own, which alone can be changed"}


def test_what_is_deleted_between_two_looks_is_not_the_built_in_one(built_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_preset("super-8", Look())
    unlink, path = Path.unlink, None

    def late(self: Path, missing_ok: bool = False) -> None:
        nonlocal path
        path = self
        unlink(self)  # another client was faster
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", late)
    delete_preset("super-8")
    assert path is not None
    assert built_in not in path.parents
    assert not load_preset("super-8").own


def test_reads_beside_saves_are_whole_and_no_save_is_lost(home: Path) -> None:
    stop, seen, failed = threading.Event(), set(), []  # type: ignore[var-annotated]

    def write(word: str) -> None:
        try:
            for i in range(60):
                save_preset("one", Look(grain=i % 8), label=word * (1 + i * 10), text=word * 900)
                save_preset(f"{word}-{i}", Look())
        except LookError as error:
            failed.append(error)

    def read() -> None:
        while not stop.is_set():
            try:
                preset = load_preset("one")
                seen.add("".join(sorted({*preset.label, *preset.help})))
                list_presets()
            except LookError as error:
                failed.append(error)

    save_preset("one", Look(), label="a", text="a")
    reader, writers = threading.Thread(target=read), [threading.Thread(target=write, args=(word,)) for word in "abc"]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert not failed
    assert seen <= {"a", "b", "c"}
    assert {f"{word}-{i}" for word in "abc" for i in range(60)} <= set(list_looks())
    assert {path.suffix for path in (home / "looks").iterdir()} == {".json"}


@pytest.mark.parametrize("name", ["con", "CON", "nul", "nul.txt", "Aux", "prn .x", "com1", "COM9.json", "lpt¹", "conin$"])
def test_devices_of_windows_are_no_names(client: TestClient, home: Path, name: str) -> None:
    assert client.put(f"{PREFIX}/looks/{name}", json={}).status_code == 422
    assert not home.exists()


@pytest.mark.parametrize("name", ["conx", "nul-1", "com", "com10", "auxiliary"])
def test_names_like_them_are_names(client: TestClient, name: str) -> None:
    assert client.put(f"{PREFIX}/looks/{name}", json={}).status_code == 200
