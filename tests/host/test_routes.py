"""The API inside the host: who may come in, the host's queue and state, and `alwayson_scripts` checked beforehand."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from types import SimpleNamespace as Namespace
from typing import Any

import numpy as np
import pytest
import torch
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from PIL import Image

from filmlook import SETTINGS, Look
from tests.host.conftest import codes, develop
from tests.host.fake import Host
from tests.host.fake_processing import raw_picture

PREFIX = "/sdapi/v1/film-look"


def _app(host: Host, **options: Any) -> FastAPI:
    """The host's application after its start, with these command line options."""
    vars(host.module("routes").shared.cmd_opts).update(options)
    app = FastAPI()
    app.auth, app.tokens = None, {}
    host.tell("on_app_started", None, app)
    return app


def _routes(host: Host, app: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every route of ours."""
    module = host.module("routes")
    backend = module.HostBackend(app)
    routes = [*module.build_router(backend).routes, *module.build_on_film(backend).routes]
    found = [(method, route.path.replace("{name}", "x")) for route in routes for method in route.methods]
    assert len(found) >= 11
    return found


def _status(app: FastAPI, method: str, path: str, **kwargs: Any) -> int:
    return TestClient(app, raise_server_exceptions=False).request(method, path, **kwargs).status_code


def test_every_route_is_open_where_the_hosts_are(host: Host) -> None:
    app = _app(host)
    assert all(_status(app, *route) != 401 for route in _routes(host, app))


@pytest.mark.parametrize("gradio_too", [False, True])
def test_every_route_asks_for_the_apis_credentials(host: Host, gradio_too: bool) -> None:
    app = _app(host, api_auth="ann:secret,bob:word")
    if gradio_too:
        app.auth, app.tokens = ("u", "p"), {"token": "u"}
    cookie = {"cookies": {"access-token": "token"}}
    for route in _routes(host, app):
        for wrong in ({}, {"auth": ("ann", "word")}, {"auth": ("eve", "secret")}, cookie):
            assert _status(app, *route, **wrong) == 401, route
        assert _status(app, *route, auth=("bob", "word")) != 401, route


def test_every_route_asks_for_the_pages_cookie(host: Host) -> None:
    app = _app(host)
    app.auth, app.tokens, app.cookie_id = ("u", "p"), {"token": "u"}, "abc"
    for route in _routes(host, app):
        for wrong in ({}, {"cookies": {"access-token": "other"}}, {"auth": ("u", "p")}):
            assert _status(app, *route, **wrong) == 401, route
        for name in ("access-token", "access-token-unsecure", "access-token-abc", "access-token-unsecure-abc"):
            assert _status(app, *route, cookies={name: "token"}) != 401, (route, name)


def _asked_by(app: FastAPI, **headers: str) -> int:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return _status(app, "POST", f"{PREFIX}/prompt", json={"prompt": "a cat"}, headers={"Host": "films.example", **named})


def test_pages_of_other_sites_get_nothing_done(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    app = _app(host)
    for route in _routes(host, app):
        status = _status(app, *route, headers={"Origin": "https://evil.example"})
        assert (status == 403) == (route[0] not in ("GET", "HEAD")), route
    for ours in ({}, {"Origin": "http://films.example"}, {"Origin": "https://films.example", "Sec_Fetch_Site": "same-origin"}):
        assert _asked_by(app, **ours) == 200
    proxied = {"Origin": "https://proxy.example", "X_Forwarded_Host": "proxy.example"}
    for foreign in ({"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}, proxied):
        assert _asked_by(app, **foreign) == 403
    monkeypatch.setenv("FILMLOOK_BEHIND_PROXY", "1")
    assert _asked_by(app, **proxied) == 200


def test_pages_that_the_host_allows_may_call(host: Host) -> None:
    app = _app(host, cors_allow_origins="https://a.example, https://b.example", cors_allow_origins_regex=r"https://\w+\.mine")
    for origin in ("https://a.example", "https://b.example", "https://films.mine"):
        assert _asked_by(app, Origin=origin, Sec_Fetch_Site="cross-site") == 200
    for origin in ("https://c.example", "https://films.mine.evil", "https://evil.example"):
        assert _asked_by(app, Origin=origin) == 403
    assert _asked_by(_app(host, cors_allow_origins="*", cors_allow_origins_regex=None), Origin="https://c.example") == 200


def test_without_the_api_there_is_only_what_the_page_needs(host: Host) -> None:
    app = _app(host, api=False)
    for method, path in (("GET", "health"), ("POST", "develop"), ("POST", "read"), ("POST", "prompt"), ("DELETE", "looks/x")):
        assert _status(app, method, f"{PREFIX}/{path}") in (404, 405), path
    for path in ("schema", "stocks", "papers", "looks"):
        assert _status(app, "GET", f"{PREFIX}/{path}") == 200
    assert _status(app, "POST", f"{PREFIX}/preview", json={"hash": "0" * 32}) == 404
    app.auth, app.tokens = ("u", "p"), {"token": "u"}
    assert _status(app, "POST", f"{PREFIX}/preview", json={"hash": "0" * 32}) == 401
    assert _status(_app(host, nowebui=True), "GET", f"{PREFIX}/health") == 200


def test_a_preview_waits_for_no_generation(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made on the CPU while the GPU is busy, and says so."""
    routes = host.module("routes")
    monkeypatch.setattr(routes, "device", lambda: torch.device("cuda"))
    client, file = TestClient(_app(host)), io.BytesIO()
    raw_picture(4).save(file, "PNG")
    name = client.post(f"{PREFIX}/pictures", files={"image": file.getvalue()}).json()["hash"]
    with routes.call_queue.queue_lock:
        host.state.begin(job="txt2img")
        answer = client.post(f"{PREFIX}/preview", json={"hash": name, "look": {"grain": 2}, "format": "png"})
        host.state.end()
    assert answer.status_code == 200
    assert (answer.headers["x-film-look-device"], answer.headers["x-film-look-busy"]) == ("cpu", "generation")
    assert routes.HostBackend(None).proof_device() == (torch.device("cuda"), False)


def test_the_host_tells_progress_and_interrupts(host: Host) -> None:
    paths = {path for _, path in _routes(host, _app(host))}
    assert not {f"{PREFIX}/progress", f"{PREFIX}/interrupt"} & paths


def test_develops_in_the_hosts_queue(host: Host) -> None:
    file = io.BytesIO()
    picture = raw_picture(4)
    picture.save(file, "PNG")
    lock = host.module("routes").call_queue.queue_lock
    held: list[bool] = []
    original = host.module("routes").developed

    def watched(*args: Any, **kwargs: Any) -> Any:
        held.append(lock.locked())
        return original(*args, **kwargs)

    host.module("routes").developed = watched
    client = TestClient(_app(host))
    order = {"images": [base64.b64encode(file.getvalue()).decode()], "look": {"grain": 2}, "seed": 9}
    answer = client.post(f"{PREFIX}/develop", json=order).json()
    made = Image.open(io.BytesIO(base64.b64decode(answer["images"][0])))
    np.testing.assert_array_equal(codes(made), codes(develop(picture, Look(grain=2), seed=9)))
    assert held == [True]
    assert not lock.locked()


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"args": [{"grain": 99}]}, "grain is 99; allowed: a number from 0 to 8"),
        ({"args": [{"garin": 1}]}, "unknown setting 'garin'"),
        ({"args": ["no such look"]}, "unknown look"),
        ({"args": [{"stock": "/etc/passwd"}]}, "installed stocks are"),
        ({"args": [{"enabled": "yes"}]}, "enabled is 'yes'"),
        ({"args": [True, "Kodak Gold 200", "stock", 7]}, "strength is 7"),
        ({"args": [{}, 1]}, "2 values; allowed: 1"),
        ({"args": [False] * (len(SETTINGS) + 6)}, "allowed: "),
        ({"args": None}, "args: allowed is"),
        ({"args": 3}, "args: allowed is"),
        ([], "args: allowed is"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sampled(host: Host, entry: Any, told: str) -> None:
    _app(host)
    request = Namespace(alwayson_scripts={"film LOOK": entry, "Other": {"args": [1]}})
    with pytest.raises(HTTPException, match=told) as refused:
        host.api_class().init_script_args(request)
    assert refused.value.status_code == 422
    assert "Film Look" in refused.value.detail


def test_a_damaged_preset_is_told_without_its_folder(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    (tmp_path / "looks").mkdir()
    (tmp_path / "looks" / "broken.json").write_text("{")
    with pytest.raises(HTTPException) as refused:
        host.module("argument_check").checked({"args": "broken"})
    assert "broken.json: not a look file" in refused.value.detail
    assert str(tmp_path) not in refused.value.detail


@pytest.mark.parametrize("args", [{"look": "cinema", "grain": 1.4}, "cinema", [True], [{"enabled": False}], []])
def test_right_arguments_come_as_a_list(host: Host, args: Any) -> None:
    _app(host)
    _app(host)  # started again, as after a reload of the page
    request = Namespace(alwayson_scripts={"Film Look": {"args": args}})
    sent = host.api_class().init_script_args(request)["Film Look"]["args"]
    assert sent == (args if isinstance(args, list) else [args])


def test_limits_follow_the_settings(host: Host) -> None:
    host.options.data.update(film_look_api_megabytes=1, film_look_api_pictures="many", film_look_api_megapixels=0)
    limits = host.module("options").limits()
    assert (limits.bytes, limits.pictures, limits.pixels) == (2**20, 32, 10**6)


def test_the_host_is_followed_under_the_pages_login_if_the_user_wants_it(host: Host) -> None:
    """With --gradio-auth alone the host asks for nothing at its own routes."""
    app = _app(host)
    app.auth, app.tokens = {"u": "p"}, {"a-token": "u"}
    assert TestClient(app).get(f"{PREFIX}/stocks").status_code == 401
    host.options.data["film_look_api_as_host"] = True
    assert TestClient(app).get(f"{PREFIX}/stocks").status_code == 200
    host.module("routes").shared.cmd_opts.api_auth = "u:p"
    assert TestClient(app).get(f"{PREFIX}/stocks").status_code == 401
