"""The stand-alone page's files: all that it loads is there, behind the same check as the API, and nothing else is."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path
from posixpath import join, normpath

import pytest
from fastapi.testclient import TestClient

from filmlook.files.kinds import READABLE
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import client_of

ROOT = Path(__file__).resolve().parents[2]
IMPORTED = re.compile(r"^(?:import|export) [^;]*?from '([^']+)';", re.MULTILINE)


def test_every_module_that_the_page_loads_is_served_as_a_module(client: TestClient) -> None:
    index = client.get("/")
    assert index.headers["content-type"].startswith("text/html")
    wanted, seen = set(re.findall(r'(?:src|href)="(page/[^"]+)"', index.text)), set()
    assert any(path.endswith(".mjs") for path in wanted)
    while wanted - seen:
        path = (wanted - seen).pop()
        answer = client.get(f"/{path}")
        assert answer.status_code == 200, path
        seen.add(path)
        if path.endswith(".mjs"):
            assert answer.headers["content-type"].startswith("text/javascript")  # or browsers refuse a module
            wanted |= {normpath(join(path, "..", name)) for name in IMPORTED.findall(answer.text)}
    ours = {f"page/{path.relative_to(ROOT / 'javascript').as_posix()}" for path in (ROOT / "javascript").rglob("*.mjs")}
    assert ours <= seen


def test_the_page_takes_from_a_folder_what_can_be_read(client: TestClient) -> None:
    pattern = re.search(r"READABLE = /(.*)/i;", client.get("/page/dropped.mjs").text)[1]
    for ending in READABLE:
        assert re.search(pattern, f"a{ending}"), ending
    for ending in (".txt", ".pngx", ".mov", ".json", ""):
        assert not re.search(pattern, f"a{ending}"), ending


def test_the_page_may_load_from_its_server_alone(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; script-src 'self'; style-src 'self';")
    assert "http" not in policy
    assert "unsafe" not in policy
    for path in ("/", "/page/page.css", "/page/page.mjs", "/page/film_look_darkroom.mjs"):
        assert not re.search(r"https?://(?!www\.w3\.org/)", client.get(path).text), path


@pytest.mark.parametrize("name", ["../serve.py", "..%2Fserve.py", "%2e%2e/page.py", "/etc/passwd", "film_look.js", "page", ""])
def test_no_other_file_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/page/{name}").status_code == 404


def test_languages_are_those_of_the_localisations(client: TestClient) -> None:
    languages = client.get("/languages").json()
    assert languages == sorted(path.stem for path in (ROOT / "localizations").glob("*.json"))
    for language in languages:
        table = json.loads((ROOT / "localizations" / f"{language}.json").read_text(encoding="utf-8"))
        assert client.get(f"/localization/{language}").json() == table
    refused = client.get("/localization/..%2Fmetadata")
    assert refused.status_code == 404


@pytest.mark.parametrize("path", ["/", "/page/page.mjs", "/languages", "/localization/de_DE"])
def test_the_page_is_behind_the_password(path: str) -> None:
    client = client_of(build_app(Server({"ann": "secret"}, Limits(), "cpu")))
    assert client.get(path).status_code == 401
    assert client.get(path).headers["www-authenticate"] == "Basic"  # for which a browser asks its user
    right = {"Authorization": f"Basic {b64encode(b'ann:secret').decode()}"}
    assert client.get(path, headers=right).status_code == 200


def test_another_site_that_leads_here_does_not_get_the_page(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "films.example"}).status_code == 403
