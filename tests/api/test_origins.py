"""Pages of other sites: with the credentials that a browser keeps they get nothing done."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from filmlook.server.auth import Origins
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import PREFIX
from tests.api.test_guards import IMAGE, refusal, routes_of

HOST = "films.example:7862"
OWN = f"http://{HOST}"
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://films.example"},  # another port
    {"Origin": f"{OWN}.evil.example"},
    {"Origin": "http://[::1"},
    {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://proxy.example", "X-Forwarded-Host": "proxy.example"},
]
OURS: list[dict[str, str]] = [
    {},
    {"Origin": OWN},
    {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": OWN.upper().replace("HTTP", "http")},
]


def client_of(origins: Origins | None = None, host: str = HOST) -> TestClient:
    app = build_app(Server({"ann": "secret"}, Limits(), "cpu", origins=origins))
    client = TestClient(app, base_url=f"http://{host}", raise_server_exceptions=False)
    client.auth = ("ann", "secret")
    return client


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_sites_page_changes_and_computes_nothing(headers: dict[str, str]) -> None:
    client = client_of()
    client.put(f"{PREFIX}/looks/x", json={})
    for method, path in routes_of(client.app):  # type: ignore[arg-type]
        answer = client.request(method, path, headers=headers)
        if method in ("POST", "PUT", "DELETE"):
            assert "no page of another site may call" in refusal(answer, 403)
        else:
            assert answer.status_code not in (403, 500)
    assert client.get(f"{PREFIX}/looks/x").json()["own"]


@pytest.mark.parametrize("headers", OURS)
def test_programs_and_the_servers_own_page_may_call(headers: dict[str, str]) -> None:
    client = client_of()
    assert client.post(f"{PREFIX}/read", json={"image": IMAGE}, headers=headers).status_code == 200
    assert client.put(f"{PREFIX}/looks/x", json={}, headers=headers).status_code == 200
    assert client.delete(f"{PREFIX}/looks/x", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("origins", "headers", "passes"),
    [
        (Origins(("https://films.example",)), {"Origin": "https://films.example", "Sec-Fetch-Site": "cross-site"}, True),
        (Origins(("https://films.example",)), {"Origin": "https://films.example.evil"}, False),
        (Origins(("*",)), {"Origin": "https://evil.example"}, True),
        (Origins(pattern=r"https://.*\.mine\.example"), {"Origin": "https://a.mine.example"}, True),
        (Origins(pattern=r"https://.*\.mine\.example"), {"Origin": "https://a.mine.example.evil"}, False),
        (Origins(forwarded=True), {"Origin": "https://p.example", "X-Forwarded-Host": "p.example"}, True),
        (Origins(forwarded=True), {"Origin": "https://p.example", "X-Forwarded-Host": "p.example, inner"}, True),
        (Origins(forwarded=True), {"Origin": "https://evil.example", "X-Forwarded-Host": "p.example"}, False),
        (Origins(forwarded=True), {"Origin": "https://evil.example"}, False),
    ],
)
def test_other_origins_pass_where_that_is_told(origins: Origins, headers: dict[str, str], passes: bool) -> None:
    answer = client_of(origins).post(f"{PREFIX}/read", json={"image": IMAGE}, headers=headers)
    assert answer.status_code == (200 if passes else 403)


def test_a_proxy_that_takes_the_encryption_off_changes_nothing() -> None:
    client = client_of(host="films.example")
    answer = client.post(f"{PREFIX}/read", json={"image": IMAGE}, headers={"Origin": "https://films.example"})
    assert answer.status_code == 200


def test_wrong_credentials_are_told_first() -> None:
    client: Any = client_of()
    client.auth = None
    assert client.post(f"{PREFIX}/read", json={}, headers=FOREIGN[0]).status_code == 401


def test_no_answer_repeats_a_foreign_host() -> None:
    client = TestClient(build_app(Server({}, Limits(), "cpu")), base_url="http://127.0.0.1")
    for host in ("evil.example", "127.0.0.1"):
        for path in ("/looks/", "/health/", "//looks", "/stocks/neutral/"):
            answer = client.get(PREFIX + path, headers={"Host": host}, follow_redirects=False)
            assert answer.status_code in (403, 404)
            assert "location" not in answer.headers


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), (None, 200)])
def test_a_server_that_asks_nobody_looks_at_sec_fetch_site_too(site: str | None, status: int) -> None:
    client = TestClient(build_app(Server({}, Limits(), "cpu")), base_url="http://127.0.0.1:7862")
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert client.post(f"{PREFIX}/interrupt", headers=headers).status_code == status
    assert client.get(f"{PREFIX}/looks", headers=headers).status_code == 200
