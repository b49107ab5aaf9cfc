"""The HTTP API against those who send anything, come without credentials, come all at once, or go away."""

from __future__ import annotations

import io
import json
import pickle
import socket
import struct
import threading
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fastapi.routing
import httpx
import numpy as np
import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings, strategies
from PIL import Image
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from filmlook import develop
from filmlook.cli import main
from filmlook.paths import BUILT_IN
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import LOOK, PATIENCE_S, PREFIX, SAME_LOOK, Watched, b64, client_of, opened, png, served, wait_until

PIXELS = np.full((16, 24, 3), 128, np.uint8)
TINY = png(PIXELS)
IMAGE = b64(TINY)


def refusal(answer: Any, status: int = 422) -> str:
    """What a refused call is told; the answer has the WebUI's shape."""
    assert answer.status_code == status, answer.text[:300]
    told = answer.json()
    assert set(told) == {"error", "detail", "body", "errors"}
    assert told["error"] == "HTTPException"
    return told["detail"]


SEED = "allowed: a whole number from 0, or one for each picture"
WRONG: list[tuple[str, str, list[Any], str]] = [
    (
        "develop",
        "pictures",
        [[]],
        "unknown field 'pictures'; allowed: images, look, seed, format, bits, quality, include, again, profile, scene_linear",
    ),
    ("develop", "images", [[], IMAGE, None, [IMAGE] * 33], "images: allowed is a list of 1 to 32 pictures"),
    ("develop", "images", [[IMAGE, 7], [IMAGE, None]], "; allowed: a picture in base64"),
    ("develop", "images", [[IMAGE, x] for x in (IMAGE + "\n", "%%%%", "\ud800")], "images[1]: not base64"),
    ("develop", "seed", [-1, 2**63, 1.0, True, "7", "\ud800", [1, 2], [], [[1]], 10**4000], SEED),
    ("develop", "format", ["gif", "PNG", ["png"], None, "\ud800"], "allowed: png, jpeg, webp, tiff"),
    ("develop", "bits", [0, 9, 16.0, True, "8", [8]], "allowed: 8, 16, or null"),
    ("develop", "answer", ["png", None, 7], "allowed: json, file"),
    ("names", "pattern", [None, "x" * 1001], "pattern"),
    ("names", "pattern", ["a/b", "{name.x}", "{other}", ""], "allowed: "),
    ("names", "files", [[], [7], ["\ud800"], ["x" * 1001], "a.png", ["a.png"] * 10_001, None], "files"),
    ("match", "images", [[], IMAGE, None, [IMAGE] * 33], "images: allowed is a list of 1 to 32 pictures"),
    ("match", "images", [[b64(b"no picture")]], "images[0]: picture: is not a PNG"),
    ("match", "weight", [-0.1, 1.1, "1", True, None, 10**400], "allowed: a number from 0 to 1"),
    ("match", "only", ["grains", None, 7], "allowed: all, grain, colour"),
    ("like", "reference", ["", "0" * 31, 7, None, "\ud800"], "reference is "),
    ("develop", "quality", [0, 101, 95.0, False, "95", None], "allowed: a whole number from 1 to 100"),
    ("develop", "include", ["sheet", ["film"], [["sheet"]], None, "\ud800"], "allowed: a list, with sheet in it or empty"),
    ("develop", "profile", ["P3", None, 7], "allowed: srgb, "),
    ("develop", "scene_linear", [None, 1], "; allowed: true or false"),
    ("develop", "mask", [7, [None], "%%%", [IMAGE, 7]], "mask"),
    ("develop", "mask", [[IMAGE, IMAGE]], "mask: 2 masks for 1 pictures; allowed: one, or one for each"),
    ("develop", "mask", [b64(b"no picture")], "mask: picture: is not a PNG"),
    ("develop", "mask", [b64(png(PIXELS[:9]))], "mask: it has 24 x 9 pixels, its picture 24 x 16; allowed is the same size"),
    ("develop", "again", [None, 0, 1, "true", [True]], "; allowed: true or false"),
    ("develop", "look", [None, [1], 7], "; allowed: the name of a preset, or an object of settings"),
    ("develop", "look", ["no such", {"look": "no such"}, "\ud800"], "look: unknown look "),
    ("develop", "look", [{"look": {"grain": 1}}, {"look": None}], "look: its look is the name of a preset"),
    ("develop", "look", [{"garin": 1}, {"\ud800": 1}, {"enabled": True}], "; settings are: stock, print, frame"),
    ("develop", "look", [{"grain": x} for x in (9, -1, "1", None, True, [1], 10**400)], "allowed: a number from 0 to 8"),
    ("develop", "look", [{"toning": x} for x in ("blau", {}, 7, None)], "allowed: none, sepia, selenium, gold, blue"),
    ("develop", "look", [{"stock": x} for x in ("agfa", "x.cube", "\0")], "installed stocks are: cinestill_800t"),
    ("develop", "look", [{"print": x} for x in ("kodak_2384", "../x.json", "\0")], "Kodak Gold 200 allows: stock, minilab, "),
    (
        "export-lut",
        "look",
        [{"stock": "kodak_tri_x_400", "print": "kodak_2383"}],
        "Kodak Tri-X 400 allows: stock, minilab, grade-0",
    ),
    ("looks/mine", "look", [{"stock": "fujifilm_velvia_100", "print": "minilab"}], "Fujifilm Velvia 100 allows: stock"),
    ("develop", "look", [{"version": x} for x in (99, 0, "1", True, None)], "reads looks up to version 2"),
    ("develop", "look", [{"grain_seed": 3}], "look: unknown setting 'grain_seed'; the seed stands beside the look"),
    ("read", "look", [{}], "unknown field 'look'; allowed: image, images"),
    ("read", "images", [[IMAGE], [IMAGE] * 2, []], "image: allowed is one picture"),
    ("read", "image", [None, 7, [IMAGE]], "allowed: a picture in base64"),
    ("export-lut", "images", [[]], "unknown field 'images'; allowed: look, format, size"),
    ("export-lut", "size", [32, 18], "allowed: 17, 33, 65"),
    ("export-lut", "size", [1e9, 16, 66, True], "allowed: a whole number from 17 to 65"),
    ("export-lut", "format", ["png", None], "allowed: cube, hald"),
    ("looks/mine", "grain", [1], "unknown field 'grain'; allowed: look, label, help"),
    ("looks/mine", "label", [3, "x" * 1001, None, "\ud800"], "label: allowed is a text of up to 1000 characters"),
    ("looks/mine", "help", [3, "x" * 1001, None, "\ud800"], "help: allowed is a text of up to 1000 characters"),
]


GIVEN = {
    "names": {"pattern": "{name}", "files": ["a.png"]},
    "match": {"images": [IMAGE]},
    "like": {"hash": "0" * 32, "reference": "0" * 32},
}


@pytest.mark.parametrize(
    ("route", "fields", "told"), [(route, {key: value}, told) for route, key, values, told in WRONG for value in values]
)
def test_every_wrong_value_is_told(client: TestClient, home: Path, route: str, fields: dict[str, Any], told: str) -> None:
    given = {"develop": {"images": [IMAGE]}, "read": {"image": IMAGE}, **GIVEN}.get(route, {})
    headers, method = {"content-type": "application/json"}, "PUT" if route.startswith("looks") else "POST"
    answer = client.request(method, f"{PREFIX}/{route}", content=json.dumps({**given, **fields}), headers=headers)
    detail = refusal(answer)
    assert told in detail
    assert next(iter(fields)) in detail or told.startswith("image")
    assert not [path for path in home.rglob("*") if path.is_file()]


BODIES = ["", "{", "\0", "null", "[]", '"images"', "[" * 90_000, '{"look":' * 90_000, '{"seed": ' + "9" * 100_000 + "}"]
NUMBERS = ['"look": {"grain": NaN}', '"look": {"grain": 1e999}', '"seed": -Infinity', '"quality": NaN']


@pytest.mark.parametrize("body", [*BODIES, *(f'{{"images": ["{IMAGE}"], {number}}}' for number in NUMBERS)])
def test_what_is_no_object_or_no_number_is_refused(client: TestClient, body: str) -> None:
    for route in ("develop", "read", "export-lut"):
        refusal(client.post(f"{PREFIX}/{route}", content=body, headers={"content-type": "application/json"}))


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"])
def test_other_kinds_of_bodies_are_refused(client: TestClient, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    for method, route in (("POST", "develop"), ("POST", "read"), ("POST", "export-lut"), ("PUT", "looks/x")):
        told = refusal(client.request(method, f"{PREFIX}/{route}", content=b"{}", headers=headers), 415)
        assert told == "allowed are application/json and multipart/form-data"


def test_damaged_and_odd_uploads_are_refused(client: TestClient) -> None:
    for kind, body in (("", b"x"), ("; boundary=a", b"x"), ("; boundary=a", b"--a\r\nContent-Disposition: form-data; na")):
        refusal(client.post(f"{PREFIX}/develop", content=body, headers={"content-type": "multipart/form-data" + kind}))
    images = [("images", ("x.png", TINY))]
    orders = [("[]", "order is list; allowed: an object"), ("{", "order: not JSON"), ('{"images": []}', "come as files here")]
    for order, told in orders:
        assert told in refusal(client.post(f"{PREFIX}/develop", files=images, data={"order": order}))
    assert "1 to 32 pictures" in refusal(client.post(f"{PREFIX}/develop", files=images * 33))
    for odd in ({"files": images, "data": {"seed": "3"}}, {"files": [("seed", ("x.png", TINY))]}):
        told = refusal(client.post(f"{PREFIX}/develop", **odd))
        assert told == "unknown field 'seed'; allowed: order (JSON), images (files)"


def test_other_errors_have_the_same_shape(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(client.get("/nowhere"), 404) == "Not Found"
    assert refusal(client.post(f"{PREFIX}/schema"), 405) == "Method Not Allowed"
    assert refusal(client.get(f"{PREFIX}/stocks/x"), 404) == "there is no stock 'x'"
    monkeypatch.setattr(Server, "develop", lambda *args: {}["/secret/path"])
    answer = client.post(f"{PREFIX}/develop", json={"images": [IMAGE]})
    assert (answer.status_code, answer.json()) == (500, {"error": "KeyError", "detail": "", "body": "", "errors": ""})


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def told_of(client: TestClient, data: bytes) -> str:
    """What is told of a picture in its place; `read` refuses it for the same reason."""
    answer = client.post(f"{PREFIX}/develop", json={"images": [b64(data)], "seed": 0}).json()
    assert answer["images"] == [None]
    assert [refusal(client.post(f"{PREFIX}/read", json={"image": b64(data)}))] == answer["errors"]
    return answer["errors"][0]


@pytest.mark.parametrize("bits", [8, 16])
def test_bombs_are_told_in_little_memory(client: TestClient, bits: int) -> None:
    zeros, texts = zlib.compress(bytes(100 * 2**20), 9), zlib.compress(bytes(2**20 - 1), 9)
    format = struct.pack("BBBBB", bits, 2, 0, 0, 0)
    size, pixels = struct.pack(">II", 4, 6) + format, chunk(b"IDAT", zlib.compress(bytes((1 + 4 * 3 * bits // 8) * 6)))
    bombs = {
        "of pixels": (struct.pack(">II", 100_000, 100_000) + format, pixels),
        "of text": (size, chunk(b"zTXt", b"parameters\0\0" + zeros) + pixels),
        "of text in UTF-8": (size, chunk(b"iTXt", b"parameters\0\1\0\0\0" + zeros) + pixels),
        "of many texts": (size, chunk(b"zTXt", b"a\0\0" + texts) * 200 + pixels),
        "after the picture": (size, pixels + chunk(b"zTXt", b"parameters\0\0" + zeros)),
        "of colour": (size, chunk(b"iCCP", b"x\0\0" + zeros) + pixels),
        "of data": (size, chunk(b"IDAT", zeros)),
    }
    tracemalloc.start()
    for name, (head, rest) in bombs.items():
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + rest + chunk(b"IEND", b"")
        tracemalloc.reset_peak()
        answer = client.post(f"{PREFIX}/read", json={"image": b64(data)})
        assert tracemalloc.get_traced_memory()[1] < 90 * 2**20, name
        if name == "of pixels":
            assert "100000 x 100000 pixels; allowed are 64000000" in refusal(answer)
        elif "text" in name or "after" in name:  # what is too much of a picture's text is passed over, and the picture read
            assert (answer.status_code, answer.json()["parameters"]) == (200, ""), name
    tracemalloc.stop()


def test_a_stack_of_pictures_is_no_picture(client: TestClient) -> None:
    file, depth = io.BytesIO(), {32997: 20}  # ImageDepth: 20 times the pixels that width and height tell
    Image.new("I;16", (50, 50)).save(file, "TIFF", tiffinfo=depth, compression="tiff_adobe_deflate")
    told_of(client, file.getvalue())


class _Evil:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("broken-in"),))


def test_pickles_and_polyglots(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    evil, zipped = pickle.dumps(_Evil()), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("archive/data.pkl", evil)
    for data in (evil, zipped.getvalue(), b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>"):
        assert "is not a PNG, JPEG, WebP or TIFF picture" in told_of(client, data)
    plain = client.post(f"{PREFIX}/develop", json={"images": [IMAGE], "seed": 0}).json()
    for tail in (evil, zipped.getvalue()):
        assert client.post(f"{PREFIX}/develop", json={"images": [b64(TINY + tail)], "seed": 0}).json() == plain
    assert not list(tmp_path.rglob("broken-in"))


def test_limits_of_a_request() -> None:
    client = client_of(build_app(Server({}, Limits(bytes=4096, pixels=384, pictures=2), "cpu")))
    assert client.post(f"{PREFIX}/develop", json={"images": [IMAGE] * 2}).json()["errors"] == [None] * 2
    assert "1 to 2 pictures" in refusal(client.post(f"{PREFIX}/develop", json={"images": [IMAGE] * 3}))
    assert "20 x 20 pixels; allowed are 384" in told_of(client, png(np.zeros((20, 20, 3), np.uint8)))
    headers = {"content-type": "application/json"}
    for sent in ({"content": b" " * 5000}, {"content": iter([b" " * 1000] * 5)}, {"files": [("images", ("x", bytes(5000)))]}):
        answer = client.post(f"{PREFIX}/develop", **sent, headers={} if "files" in sent else headers)
        assert "larger than 4096 bytes" in refusal(answer, 413)


def connected(url: str, head: str, body: bytes) -> socket.socket:
    """An order under way, whose client can be closed at any time."""
    connection = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), PATIENCE_S)
    start = f"POST {PREFIX}/develop HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{head}\r\n\r\n"
    connection.sendall(start.encode() + body)
    return connection


def test_too_large_a_body_is_refused_before_it_has_come() -> None:
    chunks = (b"10000\r\n" + bytes(65536) + b"\r\n") * 20  # and no end
    with served(build_app(Server({}, Limits(bytes=10**6), "cpu"))) as url:
        for head, body in (("Content-Length: 99000000000", b""), ("Transfer-Encoding: chunked", chunks)):
            with connected(url, head, body) as connection:
                assert connection.recv(12) == b"HTTP/1.1 413"


NAMES = ["../secret", "..%2Fsecret", "%2e%2e%2fsecret", "..%252fsecret", "..%5csecret", "%2e%2e", "secret%00", "%00", "C:%5cx"]


@pytest.mark.parametrize("name", [*NAMES, "ABSOLUTE", "%2e.%2flooks%2fmine", "x" * 65, "mine%0a", "mine.", "%20mine"])
def test_names_are_names(client: TestClient, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("home/looks/mine.json", "home/looks/deep/secret.json", "secret.json"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text('{"look": {"stock": "neutral"}, "label": "SECRET"}')
    name = name.replace("ABSOLUTE", str(tmp_path / "secret").replace("/", "%2f"))
    plain = unquote(name)

    def tree() -> dict[Path, bytes | None]:
        found = [path for folder in (tmp_path, BUILT_IN) for path in folder.rglob("*")]
        return {path: path.read_bytes() if path.is_file() else None for path in found}

    before = tree()
    for route in ("looks", "stocks"):
        for method in ("GET", "PUT", "DELETE"):
            answer = client.request(method, f"{PREFIX}/{route}/{name}", **({"json": {}} if method == "PUT" else {}))
            assert answer.status_code in (404, 405, 422), (method, route)
            assert "SECRET" not in answer.text
    for look in (plain, {"look": plain}, {"stock": plain}, {"stock": f"{plain}.json"}, {"stock": f"{tmp_path}/secret.json"}):
        refusal(client.post(f"{PREFIX}/develop", json={"images": [IMAGE], "look": look}))
        refusal(client.post(f"{PREFIX}/export-lut", json={"look": look}))
    assert tree() == before


def test_addresses_are_not_followed(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there.png").write_bytes(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", lambda *args: pytest.fail("a socket was opened"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args: pytest.fail("a name was looked up"))
    path = str(tmp_path / "there.png")
    for address in ("http://127.0.0.1:9/x.png", "https://localhost/x", f"file://{path}", path, "there.png", "\\\\host\\x.png"):
        for sent in (address, f"data:{address}", f"data:image/png;base64,{address}"):
            refusal(client.post(f"{PREFIX}/read", json={"image": sent}))
            refusal(client.post(f"{PREFIX}/develop", json={"images": [IMAGE], "look": sent}))
            answer = client.post(f"{PREFIX}/develop", json={"images": [sent]})  # what happens to be base64 is told in its place
            assert answer.status_code == 422 or answer.json()["images"] == [None]
    assert "is not a PNG" in refusal(client.post(f"{PREFIX}/read", json={"image": "/etc/hosts12"}))


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every route of the application, as older and newer FastAPI keep them."""
    contexts = getattr(fastapi.routing, "iter_route_contexts", iter)(app.routes)
    return [(method, route.path.replace("{name}", "x")) for route in contexts for method in route.methods]


def basic(text: str | bytes, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {b64(text if isinstance(text, bytes) else text.encode())}"}


def test_every_route_asks_for_credentials() -> None:
    app = build_app(Server({"ann": "se:cret", "zoë": "wörd"}, Limits(bytes=100), "cpu"))
    client = client_of(app)
    routes = routes_of(app)
    assert len(routes) >= 14
    assert {path for _, path in routes} >= {path.replace("{name}", "x") for path in app.openapi()["paths"]} | {"/openapi.json"}
    wrong = [{}, {"Cookie": "access-token=x"}, basic("ann:se:cret", "Digest"), basic(b"\xff:x")]
    wrong += [basic(text) for text in ("", ":", "ann", "ann:", "ann:wörd", "ann:se", "Ann:se:cret", "eve:se:cret", ":se:cret")]
    wrong += [{"Authorization": text} for text in ("", "Basic", "Basic %%%", b"Basic \xe9", "Bearer se:cret", "ann:se:cret")]
    for method, path in routes:
        for headers in wrong:
            answer = client.request(method, path, headers=headers)
            assert refusal(answer, 401) == "Incorrect username or password", (method, path, headers)
            assert answer.headers["www-authenticate"] == "Basic"
        assert client.request(method, path, content=b" " * 200, headers=basic("x:y")).status_code == 401  # before 413
        for right in (basic("ann:se:cret"), basic("zoë:wörd"), basic("ann:se:cret", "basic")):
            assert client.request(method, path, headers=right).status_code != 401, (method, path)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Nothing listens; gives what would have been served."""
    served: list[dict[str, Any]] = []
    monkeypatch.setattr("uvicorn.run", lambda app, **options: served.append(options))
    for name in ("bind", "listen", "connect"):
        monkeypatch.setattr(socket.socket, name, lambda *args: pytest.fail("a socket was opened"))
    return served


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "", "localhost.example.org"])
def test_other_addresses_need_credentials(host: str, deaf: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", host]) == 2
    said = capsys.readouterr().err.splitlines()[-1]  # before it may stand that the user's folder is not there
    assert said == f"filmlook: {host} can be reached by others; --auth USER:PASSWORD is needed there"
    assert not deaf
    assert main(["serve", "--host", host, "--auth", "ann:secret"]) == 0
    assert deaf[0]["host"] == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_none(host: str, deaf: list[dict[str, Any]]) -> None:
    assert main(["serve", *([] if host == "127.0.0.1" else ["--host", host])]) == 0
    assert (deaf[0]["host"], deaf[0]["port"]) == (host, 7862)


@pytest.mark.parametrize("auth", ["ann", "ann:", ":secret", ":", "ann:secret,bob", "ann:secret,:x", ",", " "])
def test_damaged_credentials_are_told(auth: str, deaf: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--auth", auth]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "filmlook: --auth: allowed is USER:PASSWORD, several with commas between them"
    assert not deaf


def test_twenty_clients_are_all_answered_first_come_first_served() -> None:
    backend, answers = Watched(), {}  # type: ignore[var-annotated]
    backend.gate.clear()

    def ask(seed: int, url: str) -> None:
        order = {"images": [IMAGE], "look": LOOK, "seed": seed}
        answers[seed] = httpx.post(f"{url}{PREFIX}/develop", json=order, timeout=2 * PATIENCE_S)

    with served(build_app(backend)) as url:
        threads = [threading.Thread(target=ask, args=(seed, url)) for seed in range(20)]
        for i, thread in enumerate(threads):
            thread.start()
            wait_until(lambda i=i: len(backend.came) == i + 1)
            time.sleep(0.03)
        backend.gate.set()
        [thread.join(2 * PATIENCE_S) for thread in threads]
    assert backend.done == list(range(20)) == sorted(answers)
    for seed, answer in answers.items():
        assert (np.asarray(opened(answer.json()["images"][0])) == develop(PIXELS, SAME_LOOK, seed=seed)).all()


@pytest.mark.parametrize("framed", [False, True])
def test_a_client_that_goes_away_frees_its_work(framed: bool) -> None:
    backend = Watched()
    app = build_app(backend)
    if framed:  # as all hosts are
        app.middleware("http")(lambda request, call_next: call_next(request))

    def ask(url: str, seed: int) -> socket.socket:
        body = json.dumps({"images": [IMAGE], "seed": seed}).encode()
        return connected(url, f"Content-Length: {len(body)}", body)

    with served(app) as url:
        working = ask(url, Watched.LONG)
        wait_until(lambda: backend.begun == [Watched.LONG])
        waiting = ask(url, 2)
        wait_until(lambda: len(backend.came) == 2)
        time.sleep(0.2)
        waiting.close()
        time.sleep(1)
        working.close()
        answer = httpx.post(f"{url}{PREFIX}/develop", json={"images": [IMAGE], "seed": 3}, timeout=PATIENCE_S)
    assert answer.json()["errors"] == [None]
    assert (backend.begun, backend.broken_off) == ([Watched.LONG, 3], [Watched.LONG])


HERE = {"Host": "127.0.0.1"}
DESCRIBED = schemathesis.openapi.from_asgi("/openapi.json", build_app(Server({}, Limits(), "cpu")), headers=HERE)
OPERATIONS = {f"{found.ok().method} {found.ok().path}": found.ok() for found in DESCRIBED.get_all_operations()}


@pytest.mark.parametrize("name", OPERATIONS)
def test_nothing_that_is_sent_breaks_the_server(name: str) -> None:
    operation = OPERATIONS[name]
    if name.endswith("/develop-video"):
        pytest.importorskip("av", reason="PyAV is not installed: 501")
    modes = list(GenerationMode) if operation.body else [GenerationMode.POSITIVE]

    @settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=strategies.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes)))
    def ask(case: schemathesis.Case) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("images"), list) and case.body["images"]:
            case.body["images"] = [TINY if case.media_type == "multipart/form-data" else IMAGE]  # or none were ever developed
        assert (
            case.call_and_validate(
                timeout=PATIENCE_S, checks=[not_a_server_error, response_schema_conformance], headers=HERE
            ).status_code
            != 403
        )

    ask()
