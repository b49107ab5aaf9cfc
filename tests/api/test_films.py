"""Films over HTTP: uploads on their way to disk, turns, limits, and how long what is made is kept."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace as Namespace
from typing import Any

import httpx
import pytest
from fastapi import HTTPException
from fastapi.testclient import TestClient

from filmlook.errors import FilmLookError, PictureError
from filmlook.server import film_jobs, films, own_folder
from filmlook.server.film_jobs import FilmJob, FilmJobs
from filmlook.server.multipart import MultipartReader
from filmlook.server.own_folder import OwnFolder
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import PATIENCE_S, PREFIX, client_of, served, wait_until
from tests.api.film_developer import MP4, Developer
from tests.api.test_guards import IMAGE, refusal

URL, VIDEOS = f"{PREFIX}/develop-video", f"{PREFIX}/videos"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def developer(monkeypatch: pytest.MonkeyPatch) -> Developer:
    return Developer().at_work(monkeypatch)


def client_with(**limits: int) -> TestClient:
    return client_of(build_app(Server({}, Limits(**limits), "cpu")))


def sent(client: TestClient, film: bytes = MP4, name: str = "clip.mp4", **order: Any) -> str:
    answer = client.post(URL, files={"video": (name, film)}, data={"order": json.dumps(order)})
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"id"}
    return str(answer.json()["id"])


def over(client: TestClient, film: str) -> dict[str, Any]:
    """What is told of a film when it is over."""
    wait_until(lambda: client.get(f"{VIDEOS}/{film}").json()["state"] in ("done", "failed"))
    told: dict[str, Any] = client.get(f"{VIDEOS}/{film}").json()
    return told


def kept(scratch: Path) -> list[Path]:
    """The files of films that lie on disk."""
    return [path for path in scratch.rglob("*") if path.is_file() and path.name != "held"]


# From upload to file


PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.mark.parametrize(("depth", "name"), [(MP4, "depth.mp4"), (PNG, "depth.png"), (b"II*\0" + bytes(99), "depth.tif")])
def test_depth_maps_come_with_a_film(developer: Developer, client: TestClient, scratch: Path, depth: bytes, name: str) -> None:
    order = b'{"look": {"aperture": 2}, "depth_far_white": true}'
    answer = posted(client, multipart(("video", "a", MP4), ("depth", "/etc/b", depth), ("order", None, order)))
    assert answer.status_code == 202, answer.text
    told = over(client, answer.json()["id"])
    assert told["state"] == "done"
    (asked,) = developer.asked
    assert asked["depth"].name == name
    assert asked["depth_far_white"] is True
    assert scratch in asked["depth"].parents
    assert [path.name for path in kept(scratch)] == ["film.mp4"]


def test_depth_maps_that_are_none_are_refused(developer: Developer, client: TestClient, scratch: Path) -> None:
    for depth in (b"#EXTM3U\n" + bytes(100), b"", b"x"):
        answer = posted(client, multipart(("video", "a", MP4), ("depth", "b", depth)))
        assert answer.status_code == 415
        assert answer.json()["detail"].startswith("depth is neither film nor picture; allowed: ")
    assert posted(client, multipart(("video", "a", MP4), ("depth", None, MP4))).status_code == 422
    assert not kept(scratch)


@pytest.mark.parametrize(
    ("fault", "told"),
    [("is cut short", "depth: is cut short"), ("the depth map has 3 x 4 pixels", "the depth map has 3 x 4 pixels")],
)
def test_a_fault_of_the_depth_maps_is_told_as_theirs(
    developer: Developer, client: TestClient, monkeypatch: pytest.MonkeyPatch, fault: str, told: str
) -> None:
    def fails(self: Developer, source: Path, out: Path, look: Any, *, depth: Path, **how: Any) -> Any:
        raise PictureError(f"{depth}: {fault}")

    monkeypatch.setattr(Developer, "__call__", fails)
    answer = posted(client, multipart(("video", "a", MP4), ("depth", "b", PNG)))
    assert over(client, answer.json()["id"])["error"] == told


def test_a_film_comes_is_developed_and_is_fetched(developer: Developer, client: TestClient, scratch: Path) -> None:
    film = sent(client, name="../../../etc/x.mp4", look={"look": "super-8", "grain": 2}, seed=7, cuts=[30, 10], crf=20, fps=18)
    told = over(client, film)
    assert (told["state"], told["share"], told["frames"], told["of_frames"], told["error"]) == ("done", 1.0, 3, 3, None)
    assert told["notes"] == ["its sound is made anew"]
    assert 3590 < told["kept_seconds"] <= 3600
    (asked,) = developer.asked
    assert (asked["seed"], asked["crf"], asked["codec"], asked["fps"], asked["cuts"]) == (7, 20, None, 18, (10, 30))
    assert scratch in asked["source"].parents
    assert asked["source"].name == "upload.mp4"
    answer = client.get(f"{VIDEOS}/{film}/file")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "video/mp4", 3 * MP4)
    assert [path.name for path in kept(scratch)] == ["film.mp4"]  # the upload is gone when it is not needed
    assert client.delete(f"{VIDEOS}/{film}").json() == {"deleted": film}
    assert not kept(scratch)
    for method, path in (("GET", film), ("GET", f"{film}/file"), ("DELETE", film), ("GET", "%2e%2e"), ("DELETE", "x")):
        assert refusal(client.request(method, f"{VIDEOS}/{path}"), 404)


def test_players_get_the_parts_that_they_ask_for(developer: Developer, client: TestClient) -> None:
    film, whole = sent(client), 3 * MP4
    over(client, film)
    size = len(whole)

    def part(asked: str, **headers: str) -> Any:
        return client.get(f"{VIDEOS}/{film}/file", headers={"Range": asked, **headers})

    for asked, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=10-99", 10, 100),
        ("bytes=500-", 500, size),
        ("bytes=-7", size - 7, size),
    ):
        answer = part(asked)
        assert (answer.status_code, answer.content) == (206, whole[start:end])
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert answer.headers["accept-ranges"] == "bytes"
    tag = answer.headers["etag"]
    assert part("bytes=0-99999999").content == whole
    assert part("bytes=1-2", **{"If-Range": tag}).status_code == 206
    for odd in ("bytes=0-1,5-6", "bytes=", "bytes=-", "bytes=a-b", "pages=1-2", "bytes=" + "9" * 4000, "bytes=--1"):
        assert (part(odd).status_code, part(odd).content) == (200, whole)
    assert part("bytes=1-2", **{"If-Range": '"other"'}).content == whole
    for beyond in (f"bytes={size}-", "bytes=9-3", "bytes=-0"):
        answer = part(beyond)
        assert refusal(answer, 416) == f"the file has {size} bytes"
        assert answer.headers["content-range"] == f"bytes */{size}"


def test_a_film_that_is_not_done_has_no_file_and_one_that_failed_says_why(developer: Developer, client: TestClient) -> None:
    developer.gate.clear()
    film, next_film = sent(client), sent(client)
    wait_until(lambda: client.get(f"{VIDEOS}/{film}").json()["state"] == "working")
    assert refusal(client.get(f"{VIDEOS}/{film}/file"), 409) == "the film is working"
    told = client.get(f"{VIDEOS}/{next_film}").json()
    assert (told["state"], told["ahead"], told["kept_seconds"]) == ("waiting", 1, None)
    developer.error = PictureError("HERE: breaks off at frame 3")
    developer.gate.set()
    assert over(client, film)["state"] == "done"
    told = over(client, next_film)
    assert (told["state"], told["error"]) == ("failed", "breaks off at frame 3")
    assert refusal(client.get(f"{VIDEOS}/{next_film}/file"), 409) == "the film is failed"


@pytest.mark.parametrize("is_waiting", [False, True])
def test_delete_stops_and_forgets(developer: Developer, client: TestClient, scratch: Path, is_waiting: bool) -> None:
    developer.gate.clear()
    developer.frames = 10**6
    first = sent(client)
    wait_until(lambda: bool(developer.asked))
    if is_waiting:
        film = sent(client)
        assert len(kept(scratch)) == 3  # two uploads, one film
        assert client.delete(f"{VIDEOS}/{film}").status_code == 200
        assert len(kept(scratch)) == 2
    assert client.delete(f"{VIDEOS}/{first}").status_code == 200
    developer.gate.set()
    wait_until(lambda: not kept(scratch))
    assert len(developer.asked) == 1


# Turns


def test_a_picture_does_not_wait_for_the_end_of_a_film(developer: Developer, client: TestClient) -> None:
    developer.frames = 10**9
    film = sent(client)
    wait_until(lambda: client.get(f"{VIDEOS}/{film}").json()["frames"] > 0)
    for _ in range(2):
        before = client.get(f"{VIDEOS}/{film}").json()["frames"]
        assert client.post(f"{PREFIX}/develop", json={"images": [IMAGE]}).json()["errors"] == [None]
        wait_until(
            lambda before=before: client.get(f"{VIDEOS}/{film}").json()["frames"] > before
        )  # nor the film for all pictures
    told = client.get(f"{VIDEOS}/{film}").json()
    assert (told["state"], told["error"]) == ("working", None)
    client.delete(f"{VIDEOS}/{film}")


def test_the_machine_is_held_by_one_at_a_time(developer: Developer) -> None:
    """As in the WebUI, where a generation has a turn as well."""
    busy, most = [0], [0]

    class Host(Server):
        @contextmanager
        def turn(self, pictures: int) -> Iterator[Server]:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
            try:
                with super().turn(pictures) as turn:
                    yield turn
            finally:
                busy[0] -= 1

    developer.frames = 10**9
    client = client_of(build_app(Host({}, Limits(), "cpu")))
    film = sent(client)
    for _ in range(3):
        client.post(f"{PREFIX}/develop", json={"images": [IMAGE]})
    client.delete(f"{VIDEOS}/{film}")
    wait_until(lambda: busy[0] == 0)
    assert most == [1]


# Uploads


def multipart(*parts: tuple[str, str | None, bytes], boundary: str = "mark") -> bytes:
    body = b""
    for name, file, data in parts:
        told = f'; filename="{file}"' if file is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def read_in_pieces(body: bytes, size: int) -> list[tuple[str, bool, bytes]]:
    found: list[tuple[str, bool, bytearray]] = []
    reader = MultipartReader(
        "multipart/form-data; boundary=mark",
        lambda name, is_file: found.append((name, is_file, bytearray())),
        lambda data: found[-1][2].extend(data),
    )
    for at in range(0, len(body), size):
        reader.feed(body[at : at + size])
    reader.end()
    return [(name, is_file, bytes(data)) for name, is_file, data in found]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10**6])
def test_parts_are_the_same_in_whatever_pieces_they_come(size: int) -> None:
    odd = b"\r\n--mar\r\n--\r\r\n-\r\n\r\n--markless"[:-12] + b"\r\n--mar"
    sent = [("order", None, b'{"seed": 3}'), ("video", "a.mp4", odd), ("empty", "", b"")]
    assert read_in_pieces(multipart(*sent), size) == [(name, file is not None, data) for name, file, data in sent]


def posted(client: TestClient, body: bytes, kind: str = "multipart/form-data; boundary=mark") -> Any:
    return client.post(URL, content=body, headers={"content-type": kind})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x", "multipart/form-data"),
        (b"x" * 5000, "multipart/form-data; boundary=mark"),
        (b"", "multipart/form-data; boundary=mark"),
        (multipart(("video", "a", MP4))[:-10], "multipart/form-data; boundary=mark"),
        (b"--mark\r\n\r\n\r\nx\r\n--mark--", "multipart/form-data; boundary=mark"),
        (b"--mark\r\nContent-Disposition: form-data\r\n\r\nx\r\n--mark--", "multipart/form-data; boundary=mark"),
        (b"--mark\r\n" + b"A: b\r\n" * 9999, "multipart/form-data; boundary=mark"),
        (b"--markX", "multipart/form-data; boundary=mark"),
    ],
)
def test_damaged_uploads_are_told(developer: Developer, client: TestClient, scratch: Path, body: bytes, kind: str) -> None:
    assert refusal(posted(client, body, kind)).startswith("body: not multipart: ")
    assert not kept(scratch)
    assert not developer.asked


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([("order", None, b"{}")], "video: allowed is one film"),
        ([("video", "a", MP4)] * 2, "video: there are two; allowed: one"),
        ([("video", "a", MP4), ("order", None, b"{}"), ("order", None, b"{}")], "order: there are two; allowed: one"),
        ([("images", "a", MP4)], "unknown field 'images'; allowed: order (JSON), video, depth (files)"),
        ([("video", None, MP4)], "unknown field 'video'; allowed: order (JSON), video, depth (files)"),
        ([("video", "a", MP4), ("order", None, b"[]")], "order is list; allowed: an object"),
        ([("video", "a", MP4), ("order", None, b"\xff")], "order: not JSON"),
        ([("video", "a", MP4), ("order", None, b'{"images": []}')], "order: images come as files here"),
        ([("video", "a", MP4 + b"broken")], "video: is damaged"),
    ],
)
def test_odd_uploads_are_told(
    developer: Developer, client: TestClient, scratch: Path, parts: list[tuple[str, str | None, bytes]], told: str
) -> None:
    assert told in refusal(posted(client, multipart(*parts)))
    assert not kept(scratch)
    assert not developer.asked


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"no film", b"\xff\xd8\xff\xe0" + bytes(99), b"%PDF-1.7", b"PK\3\4" + bytes(99)),
        *(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"),  # name other files
        *(b"v=0\no=- 0 0 IN IP4 10.0.0.1\n", b"http://127.0.0.1:9/x.mp4"),
    ],
)
def test_what_is_no_film_is_refused_by_its_first_bytes(
    developer: Developer, client: TestClient, scratch: Path, data: bytes
) -> None:
    told = refusal(posted(client, multipart(("video", "clip.mp4", data))), 415)
    assert told == "video is no film; allowed: MP4, MOV, MKV, WebM, GIF, APNG, animated WebP"
    for kind in ("application/json", "text/plain", "video/mp4", ""):
        assert "allowed is multipart/form-data" in refusal(posted(client, MP4, kind), 415)
    assert not kept(scratch)


WRONG: list[tuple[str, list[Any], str]] = [
    ("look", [None, "no such", {"garin": 1}, {"grain": 99}], "look"),
    ("seed", [-1, 1.5, True, "7"], "seed is "),
    ("cuts", [7, [-1], [1.5], ["1"], [True], [0] * 10_001], "cuts is "),
    ("format", ["avi", None, "../x", "mp4\0"], "format is "),
    ("codec", ["mpeg2", 7, ["h264"]], "codec is "),
    ("crf", [-1, 101, 1.5, "18", True], "crf is "),
    ("again", [None, 1, "true"], "again is "),
    ("fps", [0, -1, 61, "18", True, [18]], "fps is "),
    ("video", ["x"], "unknown field 'video'"),
]


@pytest.mark.parametrize(("key", "values", "told"), WRONG)
def test_every_wrong_field_is_told(
    developer: Developer, client: TestClient, scratch: Path, key: str, values: list[Any], told: str
) -> None:
    for value in values:
        answer = client.post(URL, files={"video": ("a.mp4", MP4)}, data={"order": json.dumps({key: value})})
        assert told in refusal(answer)
    assert not kept(scratch)
    assert not developer.asked


def test_an_upload_is_not_held_in_memory(developer: Developer, scratch: Path) -> None:
    piece, count = bytes(2**20), 96
    developer.gate.clear()

    def body() -> Iterator[bytes]:
        head, tail = multipart(("video", "a.mp4", MP4 + b"HERE")).split(b"HERE")
        yield head
        for _ in range(count):
            yield piece
        yield tail

    app = build_app(Server({}, Limits(), "cpu"))
    with served(app) as url:
        tracemalloc.start()
        headers = {"content-type": "multipart/form-data; boundary=mark"}
        answer = httpx.post(f"{url}{URL}", content=body(), headers=headers, timeout=PATIENCE_S)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert answer.status_code == 202
        assert peak < 24 * 2**20
        wait_until(lambda: bool(developer.asked))
        assert developer.asked[0]["source"].stat().st_size == len(MP4) + count * len(piece)
        assert httpx.delete(f"{url}{VIDEOS}/{answer.json()['id']}").status_code == 200
        developer.gate.set()


# Limits


def test_limits_in_bytes_seconds_and_jobs(developer: Developer, scratch: Path) -> None:
    client = client_with(video_bytes=6000, video_seconds=5, videos=2)
    limits = client.get(f"{PREFIX}/limits").json()
    assert (limits["video_bytes"], limits["video_seconds"], limits["videos"]) == (6000, 5, 2)
    large = {"video": ("a.mp4", MP4 + bytes(1000))}
    assert refusal(client.post(URL, files=large), 413) == "video is larger than 6000 bytes, which are allowed"
    assert "larger than" in refusal(client.post(URL, files={"video": ("a.mp4", bytes(3 * 2**20))}), 413)
    assert "order is larger" in refusal(
        client.post(URL, files=[("video", ("a.mp4", MP4))], data={"order": " " * (2**20 + 1)}), 413
    )
    developer.seconds = 6
    assert refusal(client.post(URL, files={"video": ("a.mp4", MP4)}), 413) == "video lasts 6 seconds; allowed are 5"
    assert not kept(scratch)
    developer.seconds, developer.frames = 1, 122  # it tells fewer than it has
    assert over(client, sent(client))["error"] == "lasts longer than is allowed: it has more than 121 frames"
    developer.frames = 1
    film = sent(client)
    answer = client.post(URL, files={"video": ("a.mp4", MP4)})
    assert refusal(answer, 503) == "2 films are waiting or kept already; delete one, or try again later"
    assert answer.headers["retry-after"]
    over(client, film)
    client.delete(f"{VIDEOS}/{film}")
    sent(client)


def test_a_film_that_becomes_too_large_is_given_up(
    developer: Developer, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_jobs, "_LOOK_S", 0.0)
    developer.frames = 100
    client = client_with(video_bytes=6000)
    told = over(client, sent(client))
    assert (told["state"], told["error"]) == ("failed", "the film becomes larger than 24000 bytes, which are allowed")
    assert told["frames"] < 8


def test_frames_of_too_many_pixels_are_refused(developer: Developer) -> None:
    client = client_with(pixels=3000)
    told = refusal(client.post(URL, files={"video": ("a.mp4", MP4)}), 413)
    assert told == "video: a frame has 3072 pixels; allowed are 3000"


def test_a_picture_that_unpacks_to_more_than_memory_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "pyav", lambda: None)
    size = struct.pack(">II", 30_000, 30_000) + bytes([1, 0, 0, 0, 0])
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size)
    data = head + _chunk(b"IDAT", zlib.compress(bytes(10_000))) + _chunk(b"IEND", b"")
    told = refusal(client.post(URL, files={"video": ("a.png", data)}), 422)
    assert told.startswith("video: ")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_rate_that_no_film_has_makes_no_limit_endless(developer: Developer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "open_film", lambda _: Namespace(count=10**7, rate=Fraction(10**9), width=64, height=48))
    told = refusal(client_with(video_seconds=5).post(URL, files={"video": ("a.mp4", MP4)}), 413)
    assert told == "video has 10000000 frames; allowed are 5001"


def test_webp_of_the_best_quality_can_be_asked_for(developer: Developer, client: TestClient) -> None:
    sent(client, format="webp", crf=100)


def test_without_pyav_it_says_what_to_install(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    told = refusal(client.post(URL, files={"video": ("a.mp4", MP4)}), 501)
    assert told == 'videos need av: pip install "filmlook[video]"'


# How long it is kept


def jobs(scratch: Path, clock: Any) -> FilmJobs:
    def make(job: FilmJob, progress: Any) -> tuple[Path, list[str]]:
        made = job.folder / "film.mp4"
        made.write_bytes(MP4)
        return made, []

    @contextmanager
    def line() -> Iterator[Any]:
        yield lambda: None

    return FilmJobs(make, line, clock, scratch)


def finished(films: FilmJobs) -> FilmJob:
    job = films.begin(9)
    job.source = job.folder / "upload.mp4"
    job.source.write_bytes(MP4)
    job.asked = Namespace(most_bytes=10**6)
    films.start(job)
    wait_until(lambda: job.state == "done")
    return job


def test_an_hour_after_its_end_a_film_is_gone(scratch: Path) -> None:
    now = [1000.0]
    films = jobs(scratch, lambda: now[0])
    job = finished(films)
    now[0] += film_jobs.KEEP_S - 1
    assert films.facts(job.id)["kept_seconds"] == 1
    now[0] += 1
    with pytest.raises(HTTPException, match="there is no film"):
        films.get(job.id)
    assert not kept(scratch)


def test_it_goes_in_time_though_nobody_calls(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_jobs, "KEEP_S", 0.2)
    finished(jobs(scratch, time.monotonic))
    wait_until(lambda: not kept(scratch))


def test_at_the_servers_end_all_is_gone(scratch: Path) -> None:
    films = jobs(scratch, time.monotonic)
    finished(films)
    assert kept(scratch)
    films.close()
    assert not list(scratch.iterdir())


def test_a_server_that_is_ended_takes_its_films_along(developer: Developer, scratch: Path) -> None:
    developer.frames = 10**9
    with served(build_app(Server({}, Limits(), "cpu"))) as url:
        assert httpx.post(f"{url}{URL}", files={"video": ("a.mp4", MP4)}, timeout=PATIENCE_S).status_code == 202
        wait_until(lambda: bool(developer.asked))
        assert kept(scratch)
    assert not list(scratch.iterdir())


def test_what_a_killed_server_left_goes_and_what_a_living_one_keeps_stays(scratch: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from filmlook.server.own_folder import OwnFolder\n"
        "own = OwnFolder(Path(sys.argv[1])); (own.path / 'film').write_bytes(b'x'); print('here', flush=True); time.sleep(60)"
    )
    left = subprocess.Popen([sys.executable, "-c", program, str(scratch)], stdout=subprocess.PIPE, text=True)
    assert left.stdout
    assert left.stdout.readline() == "here\n"
    living = OwnFolder(scratch)
    assert len(list(scratch.iterdir())) == 2
    left.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    left.wait(PATIENCE_S)
    left.stdout.close()
    own_folder.sweep(scratch)
    assert list(scratch.iterdir()) == [living.path]
    living.close()
    assert not list(scratch.iterdir())


def test_errors_of_the_machine_are_told_in_a_line(developer: Developer, client: TestClient, scratch: Path) -> None:
    for error, told in ((OSError("no space left"), "OSError: no space left"), (FilmLookError("no"), "no")):
        developer.error = error
        assert over(client, sent(client))["error"].startswith(told)
    assert len(kept(scratch)) == 0
