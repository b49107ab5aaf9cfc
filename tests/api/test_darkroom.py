"""The darkroom's calls: a picture is sent once, kept for a while, and shown as the newest look has it."""

from __future__ import annotations

import base64
import dataclasses
import gc
import io
import json
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from filmlook import SETTINGS, Look, develop, list_looks, list_stocks, load_look, load_stock
from filmlook.errors import PictureError, Stopped
from filmlook.files.picture import Picture
from filmlook.server import likeness, proofs
from filmlook.server.picture_cache import PictureCache
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import (
    INFOTEXT,
    LOOK,
    PATIENCE_S,
    PREFIX,
    SAME_LOOK,
    Watched,
    b64,
    client_of,
    opened,
    png,
    served,
    wait_until,
)


def sent(client: Any, data: bytes) -> str:
    answer = client.post(f"{PREFIX}/pictures", json={"image": b64(data)})
    assert answer.status_code == 200, answer.text
    return answer.json()["hash"]


def shown(client: Any, name: str, **fields: Any) -> np.ndarray:
    """A preview's samples."""
    answer = client.post(f"{PREFIX}/preview", json={"hash": name, "look": LOOK, "format": "png", **fields})
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_picture_has_one_name_however_it_comes(client: TestClient, scene: np.ndarray) -> None:
    data = png(scene)
    told = client.post(f"{PREFIX}/pictures", json={"image": b64(data)}).json()
    assert told == {"hash": told["hash"], "width": 420, "height": 300, "developed": False}
    for field in ("image", "images"):
        assert client.post(f"{PREFIX}/pictures", files={field: data}).json() == told
    assert sent(client, png(scene[::-1])) != told["hash"]
    assert sent(client, png(np.dstack((scene, np.full(scene.shape[:2], 255, np.uint8))))) != told["hash"]


def test_a_developed_picture_is_known_as_one(client: TestClient, scene: np.ndarray) -> None:
    order = {"images": [b64(png(scene[:32, :48]))], "look": LOOK}
    film = client.post(f"{PREFIX}/develop", json=order).json()["images"][0]
    assert client.post(f"{PREFIX}/pictures", json={"image": film}).json()["developed"] is True


def test_the_loupe_shows_the_pixels_that_develop_makes(client: TestClient, scene: np.ndarray) -> None:
    data = png(scene, parameters=INFOTEXT)
    answer = client.post(f"{PREFIX}/develop", json={"images": [b64(data)], "look": LOOK}).json()
    whole = np.asarray(opened(answer["images"][0]))
    name = sent(client, data)
    np.testing.assert_array_equal(shown(client, name, crop=[30, 50, 200, 100]), whole[50:150, 30:230])
    np.testing.assert_array_equal(shown(client, name, crop=[0, 0, 5, 5], format="webp"), whole[:5, :5])
    other = develop(scene, SAME_LOOK, seed=7)
    np.testing.assert_array_equal(shown(client, name, crop=[30, 50, 200, 100], seed=7), other[50:150, 30:230])


def test_a_preview_has_the_size_that_is_asked_for(client: TestClient, scene: np.ndarray) -> None:
    name = sent(client, png(scene))
    assert shown(client, name, long_side=210).shape == (150, 210, 3)
    assert shown(client, name).shape == (300, 420, 3)
    answer = client.post(f"{PREFIX}/preview", json={"hash": name, "look": LOOK, "long_side": 64})
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
    assert answer.headers["x-film-look-device"] == "cpu"
    assert float(answer.headers["x-film-look-ms"]) >= 0
    assert "x-film-look-busy" not in answer.headers


def test_without_a_look_it_is_the_picture_as_it_was(client: TestClient, scene: np.ndarray) -> None:
    name = sent(client, png(scene))
    np.testing.assert_array_equal(shown(client, name, look=None, crop=[7, 9, 50, 40]), scene[9:49, 7:57])
    small = shown(client, name, look=None, long_side=105)
    exact = scene.reshape(75, 4, 105, 4, 3).mean((1, 3))
    assert np.abs(small - exact).max() <= 0.51


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"hash": "0" * 32}, 404, "there is no picture 00000000000000000000000000000000; send it again"),
        ({"hash": "../../etc/passwd"}, 422, "hash is '../../etc/passwd'; allowed: the 32 digits"),
        ({"hash": None}, 422, "hash is None; allowed"),
        ({"long_side": 15}, 422, "long_side is 15; allowed: a whole number from 16 to 4096"),
        ({"long_side": 1e3}, 422, "long_side is 1000.0"),
        ({"crop": [0, 0, 421, 300]}, 422, "crop [0, 0, 421, 300] does not lie in a picture of 420 x 300"),
        ({"crop": [0, 0, 0, 10]}, 422, "crop has 0 pixels"),
        ({"crop": [-1, 0, 5, 5]}, 422, "allowed: [x, y, width, height] in pixels, or null"),
        ({"crop": [0, 0, 2**31, 2**31]}, 422, "crop has 4611686018427387904 pixels; allowed: 1 to 16777216"),
        ({"look": {"grain": 99}}, 422, "look: grain is 99; allowed: a number from 0 to 8"),
        ({"look": {"stock": "agfa"}}, 422, "installed stocks are"),
        ({"format": "gif"}, 422, "format is 'gif'; allowed: png, jpeg, webp"),
        ({"seed": [1]}, 422, "seed is [1]; allowed: a whole number from 0"),
        ({"viewer": "x" * 65}, 422, "viewer has 65 characters"),
        ({"number": -1}, 422, "number is -1"),
        ({"size": 5}, 422, "unknown field 'size'; allowed: hash, look, seed, long_side, crop"),
    ],
)
def test_what_is_wrong_is_told_by_name(client: TestClient, scene: np.ndarray, fields: Any, status: int, told: str) -> None:
    order = {"hash": sent(client, png(scene)), "look": LOOK, **fields}
    answer = client.post(f"{PREFIX}/preview", json=order)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_too_large_and_broken_pictures_are_refused() -> None:
    client = client_of(build_app(Server({}, Limits(bytes=20_000, pixels=1000), "cpu")))
    post = [
        client.post(f"{PREFIX}/pictures", json={"image": b64(data)})
        for data in (png(np.zeros((40, 40, 3), np.uint8)), b"no picture", bytes(30_000))
    ]
    assert [answer.status_code for answer in post] == [413, 422, 413]
    assert post[0].json()["detail"] == "image: it has 1600 pixels; allowed are 1000"
    assert "is not a PNG" in post[1].json()["detail"]


# The cache


def grey(value: int, side: int = 100) -> Picture:
    return Picture(np.full((side, side, 3), value, np.uint8))


def test_the_least_recently_used_goes_first() -> None:
    cache = PictureCache(most_bytes=100_000)
    names = [cache.put(grey(i))[0] for i in range(3)]
    assert cache.get(names[0])
    fourth, _ = cache.put(grey(3))
    assert [cache.get(name) is not None for name in (*names, fourth)] == [True, False, True, True]
    assert cache.nbytes <= 100_000
    with pytest.raises(PictureError, match="it takes 0 MB of memory; allowed are 0 MB"):
        cache.put(grey(5, 200))


def test_a_picture_that_nobody_uses_is_forgotten() -> None:
    now = 0.0
    cache = PictureCache(forget_s=900, clock=lambda: now)
    old, _ = cache.put(grey(1))
    now = 800
    young, _ = cache.put(grey(2))
    now = 901
    assert cache.get(old) is None
    assert cache.get(young)
    now = 1801.5
    assert cache.get(young) is None


def test_it_is_forgotten_even_if_nobody_calls() -> None:
    cache = PictureCache(forget_s=0.05)
    held = weakref.ref(cache.put(grey(1))[1].proofs)
    wait_until(lambda: not len(cache))
    gc.collect()
    assert held() is None


@pytest.mark.long
def test_after_many_previews_nothing_stays_that_is_not_bounded(scene: np.ndarray) -> None:
    cache = PictureCache(most_bytes=2_000_000)
    held = []
    for i in range(12):
        kept = cache.put(Picture(scene[i:, :]))[1]
        held.append(weakref.ref(kept.proofs))
        for side in (128, 200, 256):
            proofs.developed(kept, SAME_LOOK, proofs.CPU, lambda: False, long_side=side)
            cache.trim()
            assert cache.nbytes <= 2_000_000
    del kept
    gc.collect()
    assert sum(ref() is not None for ref in held) == len(cache) < 12
    cache.clear()
    gc.collect()
    assert not any(ref() for ref in held)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="nothing tells how much memory this process holds")
def test_memory_comes_back_when_the_pictures_are_forgotten(scene: np.ndarray) -> None:
    def held_mb() -> int:
        return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) // 1024

    cache, looks = PictureCache(), ("gold-snapshot", "cinestill-night", "tri-x-street")

    def previews(count: int) -> None:
        kept = cache.put(Picture(np.tile(scene, (3, 3, 1))))[1]
        for i in range(count):
            changed = {"contrast": 0.8 + i / 1000, "exposure": (i // 20) / 20}
            look = dataclasses.replace(load_look(looks[i % 3]), **changed)
            proofs.developed(kept, look, proofs.CPU, lambda: False, long_side=256)
            cache.trim()
        cache.clear()

    previews(30)  # what the first ones load stays
    before = held_mb()
    previews(300)
    assert held_mb() < before + 50


# Newest first


class Gate:
    """Holds previews until it is opened, and counts what was begun and what was broken off."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[int] = []
        self.stopped: list[int] = []
        self.opened = threading.Event()
        original = proofs.preview

        def held(kept: Any, asked: Any, depth: Any, device: Any, is_over: Any) -> Any:
            self.begun.append(asked.number)
            while not self.opened.wait(0.005):
                if is_over():
                    self.stopped.append(asked.number)
                    raise Stopped
            return original(kept, asked, depth, device, is_over)

        monkeypatch.setattr(proofs, "preview", held)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


@contextmanager
def connected(server: Server | None = None) -> Iterator[tuple[httpx.Client, ThreadPoolExecutor]]:
    """A real server with a client, and threads to ask it from."""
    app = build_app(server or Server({}, Limits(), "cpu"))
    with served(app) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client, ThreadPoolExecutor(4) as pool:
        yield client, pool


def test_an_older_preview_is_dropped_for_a_newer_one(gate: Gate, scene: np.ndarray) -> None:
    with connected() as (client, pool):
        order = {"hash": sent(client, png(scene[:40, :60])), "look": LOOK}

        def ask(number: int, viewer: str = "a") -> httpx.Response:
            return client.post(f"{PREFIX}/preview", json={**order, "number": number, "viewer": viewer})

        first = pool.submit(ask, 1)
        wait_until(lambda: gate.begun == [1])
        second = pool.submit(ask, 2)
        assert first.result(PATIENCE_S).status_code == 409
        assert first.result().json()["detail"] == "a newer preview of this viewer came"
        wait_until(lambda: gate.begun == [1, 2])
        assert gate.stopped == [1]
        assert ask(1).status_code == 409  # it comes late
        other = pool.submit(ask, 0, "b")
        wait_until(lambda: gate.begun == [1, 2, 0])
        gate.opened.set()
        assert [future.result(PATIENCE_S).status_code for future in (second, other)] == [200, 200]
        assert ask(0).status_code == 200  # a viewer that began anew


def test_one_that_waits_is_dropped_before_it_begins(gate: Gate, scene: np.ndarray) -> None:
    with connected() as (client, pool):
        order = {"hash": sent(client, png(scene[:40, :60])), "look": LOOK}

        def ask(viewer: str, number: int) -> int:
            return client.post(f"{PREFIX}/preview", json={**order, "viewer": viewer, "number": number}).status_code

        held = [pool.submit(ask, viewer, 1) for viewer in "ab"]
        wait_until(lambda: len(gate.begun) == 2)
        waiting, newer = (pool.submit(ask, "c", number) for number in (7, 8))
        assert waiting.result(PATIENCE_S) == 409  # whichever of them comes first
        gate.opened.set()
        assert [future.result(PATIENCE_S) for future in (*held, newer)] == [200, 200, 200]
        assert 7 not in gate.begun


def test_a_viewer_that_goes_away_stops_its_preview(gate: Gate, scene: np.ndarray) -> None:
    with connected() as (client, _):
        order = {"hash": sent(client, png(scene[:40, :60])), "look": LOOK, "viewer": "a", "number": 3}
        with pytest.raises(httpx.TimeoutException):
            client.post(f"{PREFIX}/preview", json=order, timeout=0.5)
        wait_until(lambda: gate.stopped == [3])


def test_previews_do_not_wait_for_pictures_that_are_developed(scene: np.ndarray) -> None:
    server = Watched()
    server.gate.clear()
    with connected(server) as (client, pool):
        order = {"images": [b64(png(scene[:40, :60]))], "look": LOOK}
        long = pool.submit(client.post, f"{PREFIX}/develop", json=order)
        wait_until(lambda: len(server.begun) == 1)
        assert shown(client, sent(client, png(scene))).shape == scene.shape
        assert not long.done()
        server.gate.set()
        assert long.result().status_code == 200


# Scopes and sheets


def measured(client: Any, name: str, **fields: Any) -> dict[str, Any]:
    answer = client.post(f"{PREFIX}/scopes", json={"hash": name, "look": LOOK, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_scopes_count_the_pixels_that_a_preview_shows(client: TestClient, scene: np.ndarray) -> None:
    name = sent(client, png(scene))
    found = measured(client, name, long_side=210)
    for side, look in (("before", None), ("after", LOOK)):
        seen = shown(client, name, long_side=210, look=look)
        for i, channel in enumerate("rgb"):
            assert found[side]["histogram"][channel] == np.bincount(seen[..., i].ravel(), minlength=256).tolist()
        assert found[side]["clipped"]["white"] == round(float((seen == 255).any(2).mean()), 5)
        assert 700 <= len(found[side]["colours"]) <= 1500
    assert measured(client, name, look=None)["before"] == measured(client, name, look=None)["after"]


def test_a_parade_stands_where_the_picture_is_bright(client: TestClient) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    parade = measured(client, sent(client, png(ramp)), look=None)["before"]["parade"]
    assert (parade["width"], parade["height"]) == (128, 128)
    wave = np.frombuffer(base64.b64decode(parade["g"]), np.uint8).reshape(128, 128)
    np.testing.assert_array_equal(wave, np.eye(128, dtype=np.uint8)[::-1] * 255)


def test_colours_are_oklab(client: TestClient) -> None:
    red = np.full((20, 20, 3), (255, 0, 0), np.uint8)
    colours = measured(client, sent(client, png(red)), look=None)["before"]["colours"]
    assert colours[0] == [0.628, 0.2249, 0.1258, 255, 0, 0]  # as published


def sheet_of(client: Any, name: str, **fields: Any) -> list[dict[str, Any]]:
    answer = client.post(f"{PREFIX}/sheet", json={"hash": name, "look": LOOK, "long_side": 48, **fields})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize(("of", "count"), [("stocks", len(list_stocks())), ("looks", len(list_looks())), ("papers", 11)])
def test_a_sheet_has_all_there_are(client: TestClient, scene: np.ndarray, of: str, count: int) -> None:
    frames = sheet_of(client, sent(client, png(scene)), of=of)
    assert [frame["index"] for frame in frames] == list(range(count))
    assert {frame["count"] for frame in frames} == {count}
    assert len({frame["label"] for frame in frames}) == count
    assert {opened(frame["image"]).size for frame in frames} == {(48, 34)}
    assert len({frame["image"] for frame in frames}) > count * 0.8


def test_a_frame_shows_what_its_look_makes(client: TestClient, scene: np.ndarray) -> None:
    name = sent(client, png(scene))
    frames = sheet_of(client, name, of="setting", setting="exposure", steps=5)
    assert [frame["look"]["exposure"] for frame in frames] == [-4, -2, 0, 2, 4]
    assert frames[1]["label"] == "Exposure -2"
    assert frames[1]["values"] == {"exposure": -2}
    brightness = [np.asarray(opened(frame["image"])).mean() for frame in frames]
    assert brightness == sorted(brightness)
    assert set(frames[0]["look"]) == {setting.key for setting in SETTINGS}
    seen = shown(client, name, look=frames[3]["look"], long_side=48).astype(int)
    assert np.abs(np.asarray(opened(frames[3]["image"])).astype(int) - seen).mean() < 4  # but for JPEG


def test_two_settings_make_a_grid(client: TestClient, scene: np.ndarray) -> None:
    fields = {"setting": "contrast", "second": "toning", "values": [0.8, 1.2], "look": {"stock": "kodak_tri_x_400"}}
    frames = sheet_of(client, sent(client, png(scene)), of="settings", **fields)
    tones = ["none", "sepia", "selenium", "gold", "blue"]
    assert [(f["look"]["contrast"], f["look"]["toning"]) for f in frames] == [(c, t) for c in (0.8, 1.2) for t in tones]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"of": "films"}, "of is 'films'; allowed: stocks, looks, papers, setting, settings"),
        ({"of": "setting"}, "a ladder needs a setting"),
        ({"of": "setting", "setting": "stock"}, "setting is 'stock'; allowed: frame, strength"),
        ({"of": "setting", "setting": "contrast", "second": "grain"}, "setting takes one setting, settings takes two"),
        ({"of": "settings", "setting": "contrast", "second": "contrast"}, "another one beside it"),
        ({"of": "setting", "setting": "contrast", "values": [7]}, "contrast is 7; allowed: a number from 0 to 2"),
        ({"of": "setting", "setting": "contrast", "values": ["1"]}, "values is ['1']; allowed: a list of up to 9 numbers"),
        ({"of": "setting", "setting": "contrast", "steps": 4}, "steps is 4"),
    ],
)
def test_a_sheet_that_cannot_be_is_refused(client: TestClient, scene: np.ndarray, fields: Any, told: str) -> None:
    answer = client.post(f"{PREFIX}/sheet", json={"hash": sent(client, png(scene)), "look": LOOK, **fields})
    assert answer.status_code == 422
    assert told in answer.json()["detail"]


def test_a_stock_that_is_damaged_has_its_place(client: TestClient, scene: np.ndarray, home: Path) -> None:
    (home / "stocks").mkdir(parents=True)
    (home / "stocks" / "broken.json").write_text('{"format": 2, "label": "Broken", "kind": "negative"}')
    frames = sheet_of(client, sent(client, png(scene)), of="stocks")
    broken = next(frame for frame in frames if frame["label"] == "Broken")
    assert "image" not in broken
    assert "broken.json: " in broken["error"]
    assert all("image" in frame for frame in frames if frame is not broken)


def test_a_newer_sheet_ends_an_older_one(scene: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    held, original = threading.Event(), proofs.developed

    def slow(*args: Any, **how: Any) -> Any:
        held.wait(0.1)
        return original(*args, **how)

    monkeypatch.setattr(proofs, "developed", slow)
    with connected() as (client, pool):
        order = {"hash": sent(client, png(scene)), "look": LOOK, "long_side": 32, "viewer": "a"}
        with client.stream("POST", f"{PREFIX}/sheet", json={**order, "number": 1}) as first:
            lines = first.iter_lines()
            assert json.loads(next(lines))["index"] == 0
            second = pool.submit(client.post, f"{PREFIX}/sheet", json={**order, "number": 2, "of": "looks"})
            rest = list(lines)
        held.set()
        assert len(rest) < len(list_stocks()) - 1
        assert len(second.result(PATIENCE_S).text.splitlines()) == len(list_looks())


@pytest.mark.long
def test_stocks_are_ranked_by_how_like_a_picture_they_make_it(client: TestClient, scene: np.ndarray) -> None:
    name = sent(client, png(scene))
    stocks, places = list_stocks(), []
    for stock in stocks[::3]:
        film = develop(scene, Look(stock=stock))
        order = {"hash": name, "reference": sent(client, png(film)), "look": "clean-print"}
        ranked = [one["name"] for one in client.post(f"{PREFIX}/like", json=order).json()["stocks"]]
        assert sorted(ranked) == sorted(stocks)
        places.append(ranked.index(stock))
    assert sum(place < 3 for place in places) >= 0.8 * len(places), places


def test_black_and_white_films_are_likest_to_a_grey_picture_alone(client: TestClient, scene: np.ndarray) -> None:
    grey = np.repeat(scene[::-1].mean(-1, keepdims=True), 3, -1).astype(np.uint8)  # of something else
    order = {"hash": sent(client, png(scene)), "reference": sent(client, png(grey))}
    ranked = client.post(f"{PREFIX}/like", json=order).json()["stocks"]
    assert [one["distance"] for one in ranked] == sorted(one["distance"] for one in ranked)
    assert [load_stock(one["name"]).layers for one in ranked[:3]] == [1, 1, 1]
    faint = (scene[::-1] * 0.25 + 96).astype(np.uint8)  # of few colours, but in colour
    order["reference"] = sent(client, png(faint))
    ranked = client.post(f"{PREFIX}/like", json=order).json()["stocks"]
    assert load_stock(ranked[0]["name"]).layers == 3


def test_a_reference_that_is_forgotten_is_told(client: TestClient, scene: np.ndarray) -> None:
    answer = client.post(f"{PREFIX}/like", json={"hash": sent(client, png(scene)), "reference": "0" * 32})
    assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no picture {'0' * 32}; send it again")


def test_comparing_ends_when_nobody_waits_for_it(scene: np.ndarray) -> None:
    _, kept = PictureCache().put(Picture(scene))
    with pytest.raises(Stopped):
        likeness.ranked(kept, kept, Look(), lambda: True)
