"""What the HTTP API bounds: the size of answers, bodies in memory, pages of other sites, and what errors tell."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from filmlook import Look, LookError, list_looks, load_look
from filmlook.cli import main
from filmlook.files import picture
from filmlook.paths import BUILT_IN
from filmlook.presets import save_preset
from filmlook.server import queue, request_body
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import PATIENCE_S, PREFIX, Watched, b64, client_of, png, served, wait_until
from tests.api.test_guards import IMAGE, PIXELS, TINY, connected, deaf, refusal, routes_of

__all__ = ["deaf"]  # a fixture
JSON = {"content-type": "application/json"}


# What comes back


def test_the_pixels_that_come_back_are_limited() -> None:
    client = client_of(build_app(Server({}, Limits(pixels=3 * PIXELS[..., 0].size, answer_pixels=1000), "cpu")))
    for fields in ({"images": [IMAGE] * 3}, {"images": [IMAGE], "include": ["sheet"]}):  # 1152: as many as a picture may have
        assert client.post(f"{PREFIX}/develop", json=fields).json()["errors"] == [None] * len(fields["images"])
    files = [("images", ("x.png", TINY))]
    for sent in (
        {"json": {"images": [IMAGE] * 4}},
        {"files": files * 4},
        {"files": files * 2, "data": {"order": '{"include": ["sheet"]}'}},
    ):
        told = refusal(client.post(f"{PREFIX}/develop", **sent), 413)
        assert told.endswith(" pixels would come back; allowed are 1152 in an answer")
    too_large = b64(png(np.zeros((40, 40, 3), np.uint8)))  # told in its place, like what is no picture
    answer = client.post(f"{PREFIX}/develop", json={"images": [IMAGE, too_large, b64(b"no picture"), IMAGE]}).json()
    assert [error is None for error in answer["errors"]] == [True, False, False, True]


def test_the_option_for_it(deaf: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    backends: list[Server] = []
    monkeypatch.setattr("filmlook.server.serve.build_app", backends.append)
    assert main(["serve"]) == main(["serve", "--max-answer-megapixels", "7"]) == 0
    assert [backend.limits for backend in backends] == [Limits(), Limits(answer_pixels=7_000_000)]


# Bodies in memory


def at_once(ask: Callable[[Any], Any], sent: list[Any]) -> list[Any]:
    """The answers to calls that come together."""
    with ThreadPoolExecutor(len(sent)) as clients:
        return list(clients.map(ask, sent))


def test_many_large_bodies_are_not_in_memory_at_once() -> None:
    """24 clients send 4 MB each. Those for whom there is no room wait, and are answered in the end."""
    backend, answers = Watched(limits=Limits(bytes=4 * 2**20)), []
    backend.gate.clear()
    padded = b64(TINY + bytes(3 * 2**20 - 1000))
    body = json.dumps({"images": [padded], "look": {"strength": 0}, "seed": 0}).encode()

    def ask(url: str) -> None:
        answers.append(httpx.post(f"{url}{PREFIX}/develop", content=body, headers=JSON, timeout=4 * PATIENCE_S).status_code)

    with served(build_app(backend)) as url:
        threads = [threading.Thread(target=ask, args=(url,)) for _ in range(24)]
        tracemalloc.start()
        for thread in threads:
            thread.start()
        wait_until(lambda: len(backend.came) == 24 and len(backend.begun) == 1)
        time.sleep(1)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        backend.gate.set()
        for thread in threads:
            thread.join(4 * PATIENCE_S)
    assert answers == [200] * 24
    assert held < 4 * 2 * len(body)  # of all 24, the pictures alone would be 72 MB


def test_who_is_one_too_many_is_refused_before_the_body_has_come() -> None:
    backend = Watched()
    backend.gate.clear()

    with served(build_app(backend)) as url:
        uploading = [connected(url, "Content-Length: 1000", b"{") for _ in range(64)]
        wait_until(lambda: len(backend.came) == 64)
        time.sleep(0.5)
        with connected(url, "Content-Length: 10000000", b"") as late:
            assert late.recv(12) == b"HTTP/1.1 503"
        assert httpx.post(f"{url}{PREFIX}/prompt", json={"prompt": "a cat"}, timeout=PATIENCE_S).status_code == 200
        for connection in uploading:
            connection.close()
        backend.gate.set()
        wait_until(
            lambda: httpx.post(f"{url}{PREFIX}/develop", json={"images": [IMAGE]}, timeout=PATIENCE_S).status_code == 200
        )


def sent_by_hand(app: Any, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an ASGI application answers to an order whose body comes in these messages, and then no more."""
    answers: list[dict[str, Any]] = []
    path = f"{PREFIX}/develop"
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"1000")]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers}
    scope |= {"client": ("127.0.0.1", 9), "server": ("127.0.0.1", 80)}

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return messages.pop(0) if messages else await asyncio.sleep(PATIENCE_S, {})

    async def send(message: Any) -> None:
        answers.append(message)

    asyncio.run(app(scope, receive, send))
    return answers


PART = {"type": "http.request", "body": b'{"images": [', "more_body": True}


def test_a_client_that_goes_away_while_it_uploads_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    app = build_app(Server({}, Limits(), "cpu"))
    assert sent_by_hand(app, [{**PART}, {"type": "http.disconnect"}])[0]["status"] == 499
    monkeypatch.setattr(request_body, "PATIENCE_S", 0.1)
    for drops in ([{**PART}], [{**PART} for _ in range(100)]):  # no more comes, or always a little
        start, body = sent_by_hand(app, drops)
        assert start["status"] == 408
        assert "the body did not come within 0 seconds" in json.loads(body["body"])["detail"]
    assert len(drops) > 50


def test_who_finds_no_room_is_told_and_calls_without_pictures_need_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_AT_THE_DOOR_S", 0.5)
    backend = Watched(limits=Limits(bytes=2**21))
    with served(build_app(backend)) as url:
        uploading = [
            connected(url, "Transfer-Encoding: chunked", b"1\r\n{\r\n") for _ in range(4)
        ]  # each may become the largest
        wait_until(lambda: len(backend.came) == 4)
        calls = [("POST", "prompt", {"prompt": "a"}), ("POST", "export-lut", {"size": 17}), ("PUT", "looks/mine", {})]
        for method, route, fields in calls:
            assert httpx.request(method, f"{url}{PREFIX}/{route}", json=fields, timeout=PATIENCE_S).status_code == 200
        gone = [connected(url, "Content-Length: 9", b"") for _ in range(60)]
        wait_until(lambda: len(backend.came) == 67)
        for connection in gone:
            connection.close()
        time.sleep(1)  # then they are no more among the 64 that wait
        late = httpx.post(f"{url}{PREFIX}/read", json={"image": IMAGE}, timeout=PATIENCE_S)
        assert refusal(late, 503) == "there is no room for so large a body; try again later"
        assert late.headers["retry-after"] == "10"
        for connection in uploading:
            connection.close()


def test_what_has_no_pictures_is_small(client: TestClient) -> None:
    for method, route in (("POST", "prompt"), ("POST", "export-lut"), ("PUT", "looks/mine")):
        answer = client.request(method, f"{PREFIX}/{route}", content=b" " * (2**20 + 1), headers=JSON)
        assert "larger than 1048576 bytes" in refusal(answer, 413)


def test_advice_is_given_to_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    original, busy, most = Server.report, 0, 0

    def report(*args: Any) -> Any:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        time.sleep(0.1)
        busy -= 1
        return original(*args)

    monkeypatch.setattr(Server, "report", report)
    with served(build_app(Server({}, Limits(), "cpu"))) as url:
        sent = [{"prompt": "a cat"}] * 6
        answers = at_once(lambda fields: httpx.post(f"{url}{PREFIX}/prompt", json=fields, timeout=60).status_code, sent)
    assert answers == [200] * 6
    assert most == 1


def test_an_upload_has_one_order(client: TestClient) -> None:
    files = [("images", ("x.png", TINY)), ("order", (None, '{"seed": 1}')), ("order", (None, '{"seed": 2}'))]
    assert refusal(client.post(f"{PREFIX}/develop", files=files)) == "order: there are 2; allowed: one"
    assert client.post(f"{PREFIX}/develop", files=files[:2]).json()["seeds"] == [1]
    for order in ('{"image": "x"}', '{"images": []}'):
        refusal(client.post(f"{PREFIX}/read", files=files[:1], data={"order": order}))


# JSON and what is told of it


def test_large_json_is_refused_before_it_takes_memory(client: TestClient) -> None:
    many = '{"seed": [' + "[]," * 2_000_000 + "1]}"
    tracemalloc.start()
    for sent in (
        {"content": many, "headers": JSON},
        {"files": [("images", ("x.png", TINY)), ("order", (None, many[:900_000]))]},  # the most that newer Starlette takes
    ):
        told = refusal(client.post(f"{PREFIX}/develop", **sent))
        assert told.endswith(" brackets, braces and commas in JSON; allowed: 100000")
    assert tracemalloc.get_traced_memory()[1] < 10 * len(many)  # it would take 25 times as much
    tracemalloc.stop()
    fields = '{"look": {"grain": [' + "1," * 99_990 + "1]}}"
    assert "grain is [1, " in refusal(client.post(f"{PREFIX}/export-lut", content=fields, headers=JSON))


def test_json_is_read_beside_the_servers_loop_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    original, busy, most, in_loop = json.loads, 0, 0, []

    def loads(text: Any) -> Any:
        nonlocal busy, most
        with contextlib.suppress(RuntimeError):
            in_loop.append(asyncio.get_running_loop())
        busy += 1
        most = max(most, busy)
        time.sleep(0.1)
        busy -= 1
        return original(text)

    monkeypatch.setattr(request_body.json, "loads", loads)
    sent = [{"json": {"image": IMAGE}}, {"files": [("images", TINY), ("order", (None, "{}"))]}] * 3
    with served(build_app(Server({}, Limits(), "cpu"))) as url:
        answers = at_once(lambda fields: httpx.post(f"{url}{PREFIX}/read", **fields, timeout=PATIENCE_S).status_code, sent)
    assert answers == [200] * 6
    assert (most, in_loop) == (1, [])


MUCH = "x" * 3_000_000
ECHOED = [
    {MUCH: 1},
    *({"look": look} for look in (MUCH, {MUCH: 1}, {"stock": MUCH}, {"grain": MUCH}, {"version": MUCH}, {"look": MUCH})),
    *({key: MUCH} for key in ("seed", "format", "quality", "include")),
    {"seed": [list(range(90_000))]},
    {"include": {MUCH: [MUCH]}},
]


@pytest.mark.parametrize("fields", ECHOED, ids=range(len(ECHOED)))
def test_what_is_wrong_is_told_in_short(client: TestClient, fields: dict[str, Any]) -> None:
    told = refusal(client.post(f"{PREFIX}/develop", json={"images": [IMAGE], **fields}))
    assert len(told) < 5000
    assert "; allowed: " in told or "s are: " in told or "reads looks up to" in told


def test_a_wrong_name_is_told_in_short(client: TestClient) -> None:
    files = [("images", ("x.png", TINY)), ("x" * 3000, (None, "1"))]
    assert len(refusal(client.post(f"{PREFIX}/develop", files=files))) < 200
    with pytest.raises(LookError) as told:
        load_look(MUCH)
    assert len(str(told.value)) < 1000


# Pages of other sites


FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "evil.example:7862"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "evil@127.0.0.1"},
    {"Host": "localhost/evil"},
    {"Host": "localhost#evil"},
    {"Host": "192.168.1.7"},
    {"Host": "localhost:x"},
    {"Host": ""},
    {"Host": "[::1"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:7860"},
    {"Origin": "http://localhost:7862"},
    {"Origin": "http://[::1"},
]


def test_pages_of_other_sites_are_kept_out_of_every_route() -> None:
    app = build_app(Server({}, Limits(), "cpu"))
    client = TestClient(app, base_url="http://127.0.0.1:7862", raise_server_exceptions=False)
    for method, path in routes_of(app):
        for headers in FOREIGN:
            told = refusal(client.request(method, path, headers=headers), 403)
            assert f"{next(iter(headers))} is {next(iter(headers.values()))!r}; without --auth " in told
        assert client.request(method, path, headers={"Origin": "http://127.0.0.1:7862"}).status_code != 403
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.2:7862", "[::1]", "[::1]:7862"):
        assert client.get(f"{PREFIX}/health", headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


def test_with_credentials_any_name_will_do() -> None:
    client = client_of(build_app(Server({"ann": "secret"}, Limits(), "cpu")))
    for headers in FOREIGN:
        assert client.get(f"{PREFIX}/health", headers=headers, auth=("ann", "secret")).status_code == 200
        assert client.get(f"{PREFIX}/health", headers=headers).status_code == 401


# What errors tell


def test_errors_tell_no_folders(client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, text in (("looks/broken.json", "{"), ("stocks/broken.json", "{}"), ("stocks/broken2.cube", "LUT_3D_SIZE x")):
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    answers = [
        client.get(f"{PREFIX}/looks/broken"),
        client.get(f"{PREFIX}/stocks/broken"),
        client.get(f"{PREFIX}/stocks/broken2"),
        client.post(f"{PREFIX}/export-lut", json={"look": "broken"}),
        client.post(f"{PREFIX}/export-lut", json={"look": {"stock": "broken"}}),
        client.put(f"{PREFIX}/looks/mine", json={"look": "broken"}),
    ]
    told = [refusal(answer) for answer in answers]
    answer = client.post(f"{PREFIX}/develop", json={"images": [IMAGE], "look": {"stock": "broken2"}}).json()
    told += answer["errors"]

    def fail(*args: Any) -> None:
        raise RuntimeError(f"no {BUILT_IN}/stocks/x.json; see {sys.prefix}/lib/torch/x.so")

    monkeypatch.setattr(Server, "develop", fail)
    told += client.post(f"{PREFIX}/develop", json={"images": [IMAGE]}).json()["errors"]
    assert told[-1] == "RuntimeError: no models/stocks/x.json; see lib/torch/x.so"
    for text in told:
        assert not any(str(folder) in text for folder in (home, BUILT_IN.parent, sys.prefix)), text
        assert "broken" in text or "x.json" in text


def test_a_preset_with_a_lone_surrogate_is_damaged(client: TestClient, home: Path) -> None:
    (home / "looks").mkdir(parents=True)
    (home / "looks" / "odd.json").write_text('{"label": "\\ud800", "look": {"stock": "neutral"}}')
    assert [look["name"] for look in client.get(f"{PREFIX}/looks").json()] == [name for name in list_looks() if name != "odd"]
    assert "odd.json: not a look file" in refusal(client.get(f"{PREFIX}/looks/odd"))


def test_a_preset_that_no_file_can_hold_leaves_none(home: Path) -> None:
    with pytest.raises(LookError, match="look 'mine' cannot be saved: surrogates not allowed"):
        save_preset("mine", Look(), label="\ud800")
    assert not home.exists()


def test_pictures_with_odd_texts_are_answered(client: TestClient) -> None:
    film = picture.encode(picture.decode(TINY), "JPEG")
    odd = film[:2] + b"\xff\xfe\x00\x06\xed\xa0\x80x" + film[2:]  # a comment with a lone surrogate in UTF-8
    for route, fields in (("read", {"image": b64(odd)}), ("develop", {"images": [b64(odd)]})):
        assert client.post(f"{PREFIX}/{route}", json=fields).status_code == 200


def test_the_description_tells_statuses_and_files() -> None:
    paths = build_app(Server({}, Limits(), "cpu")).openapi()["paths"]
    dropped = {("post", path) for path in ("/preview", "/depth", "/scopes", "/sheet", "/like")}
    told = {(method, path.removeprefix(PREFIX)): call["responses"] for path, of in paths.items() for method, call in of.items()}
    for (method, path), responses in told.items():
        assert {"202" if path == "/develop-video" else "200", "401", "403"} <= set(responses)
        assert "HTTPValidationError" not in str(responses)
        assert ("404" in responses) == (("{" in path and method != "put") or (method, path) in dropped)
    assert {call for call, responses in told.items() if "409" in responses} == {
        *(("delete", "/looks/{name}"), ("get", "/videos/{id}/file")),
        *dropped,
    }
    assert set(told["post", "/export-lut"]["200"]["content"]) == {"text/plain", "image/png"}
    for call, responses in told.items():
        given = responses.get("200") or responses["202"]
        assert all(content["schema"] for content in given["content"].values()), call
    for call in (("post", "/develop"), ("post", "/read"), ("post", "/export-lut"), ("put", "/looks/{name}")):
        assert {"408", "413", "415", "422", "503"} <= set(told[call])
