"""docs/api.md says what the API does: its examples are run against a real server, its tables compared with the program."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI, HTTPException, Request
from PIL import Image

from filmlook import develop, list_looks
from filmlook.cli import _parser
from filmlook.errors import LookError
from filmlook.files import infotext, picture
from filmlook.look_choice import LookChoice
from filmlook.server import router
from filmlook.server.fields import schema_of
from filmlook.server.request_body import Limits
from filmlook.server.requests import TABLES
from filmlook.server.serve import Server, build_app
from filmlook.webui.arguments import asked_by
from tests.api.clients import INFOTEXT, PREFIX, b64, clip, png, served
from tests.api.film_developer import MP4, Developer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
TITLE = "Film Look"


def blocks(kind: str) -> list[str]:
    found = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found


def chosen_of(body: dict[str, Any]) -> LookChoice | None:
    """What `alwayson_scripts` asks for; in the WebUI a table or a name alone is put into a list."""
    args = body["alwayson_scripts"][TITLE]["args"]
    asked = asked_by(args if isinstance(args, list) else [args])
    return asked.choice if asked else None


def webui() -> FastAPI:
    """Film Look's routes behind a password, and what the WebUI's own make of a script's arguments."""
    server = Server({"ann": "secret"}, Limits(), "cpu")
    app = build_app(server)

    @app.post("/sdapi/v1/txt2img")
    @app.post("/sdapi/v1/img2img")
    async def generate(request: Request) -> dict[str, Any]:
        server.check(request)
        body = await request.json()
        assert ("init_images" in body) == request.url.path.endswith("img2img")
        try:
            chosen = chosen_of(body)
        except LookError as error:
            raise HTTPException(422, f"{TITLE}: {error}") from None
        assert chosen is not None
        return {"images": [b64(png(develop(np.full((32, 32, 3), 90, np.uint8), chosen.look)))], "info": "{}"}

    return app


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """The addresses of the page, and where servers stand in for them; without PyAV films are as good as they can be."""
    with pytest.MonkeyPatch.context() as patches:
        if not find_spec("av"):
            Developer().at_work(patches)
        with served(build_app(Server({}, Limits(), "cpu"))) as alone, served(webui()) as host:
            yield {"http://127.0.0.1:7862": alone, "http://127.0.0.1:7860": host}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: np.ndarray) -> Path:
    """A folder with the pictures that the page's examples name, to be in."""
    (tmp_path / "portrait.png").write_bytes(png(scene[:64, :96], parameters=INFOTEXT))
    (tmp_path / "clip.mp4").write_bytes(clip(scene[:48, :64]) if find_spec("av") else MP4)
    (tmp_path / "portrait-near.png").write_bytes(png(scene[:64, :96, 1].copy()))
    (tmp_path / "street.png").write_bytes(png(scene[100:164, :96]))
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def here(text: str, addresses: dict[str, str]) -> str:
    for told, real in addresses.items():
        text = text.replace(told, real)
    assert ":786" not in text
    return text


def test_the_python_examples_run(folder: Path, addresses: dict[str, str]) -> None:
    pytest.importorskip("requests")
    program = here("\n".join(blocks("python")), addresses)
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    made = infotext.read(Image.open(folder / "portrait-film.png"))
    assert made is not None
    assert (made.look, made.seed) == (LookChoice.from_mapping({"look": "classic-negative", "grain": 1.4}).look, 7)
    assert [infotext.read(Image.open(folder / f"film-{i}.webp")).seed for i in range(2)] == [7, 8]  # type: ignore[union-attr]
    assert Image.open(folder / "portrait-before-after.png").size == (192, 64)
    assert (folder / "gold.cube").read_text().startswith("TITLE")
    assert (folder / "clip-film.mp4").read_bytes()[4:8] == b"ftyp"
    assert all((folder / name).is_file() for name in ("street.png", "portrait-at-night.png"))
    lines = done.stdout.splitlines()
    for block in blocks("text"):
        assert block.strip() in lines
    assert str(made.look.to_dict()) + " 7" in lines
    assert "['mine']" in lines
    assert "False 0.0" in lines
    assert not [path for path in (folder / "home").rglob("*") if path.is_file()]


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl", "jq", "base64"))), reason="no bash, curl, jq or base64 here")
def test_the_shells_examples_run(folder: Path, addresses: dict[str, str]) -> None:
    for block in blocks("sh"):
        lines = here(block, addresses).replace("curl ", "curl -sS --fail-with-body ")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", lines], cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (block, done.stdout[-500:], done.stderr[-500:])
    made = infotext.read(Image.open(folder / "portrait-film.png"))
    assert made is not None
    assert made.look == LookChoice.from_mapping({"look": "super-8"}).look
    assert "LUT_3D_SIZE 65" in (folder / "portra.cube").read_text()
    assert picture.read(folder / "street.png").pixels.shape == (32, 32, 3)


def test_the_json_in_the_shells_examples_is_json() -> None:
    found = re.findall(r"'(?:order=)?(\{.*?\})'", "".join(blocks("sh")))
    assert len(found) >= 5
    for text in found:
        assert isinstance(json.loads(text), dict)


def test_the_forms_of_arguments_and_the_refusal_are_true() -> None:
    *asked, wrong, refused = map(json.loads, blocks("json"))
    forms = [body["alwayson_scripts"][TITLE]["args"] for body in asked]
    assert {type(form) for form in forms} == {dict, str, list}
    keys, name, one, places = (chosen_of(body) for body in asked)
    assert keys == LookChoice.from_mapping({"look": "cinestill-night", "grain": 1.4, "grain_seed": 7})
    assert name == LookChoice.from_mapping({"look": "classic-negative"})
    assert one == LookChoice.from_mapping({"stock": "kodak_portra_400"})
    assert places == LookChoice.from_mapping({"stock": "kodak_portra_400", "frame": "35mm", "strength": 0.8})
    with pytest.raises(LookError) as told:
        chosen_of(wrong)
    assert refused == {"error": "HTTPException", "detail": f"{TITLE}: {told.value}", "body": "", "errors": ""}


@pytest.mark.parametrize(
    ("heading", "route"),
    [
        *(
            ("Films", "develop-video"),
            ("Develop", "develop"),
            ("Read", "read"),
            ("Export a LUT", "export-lut"),
            ("Prompts", "prompt"),
        ),
        *(("Presets", "look"), ("Pictures", "pictures"), ("Preview", "preview")),
        *(("Scopes", "scopes"), ("Contact sheet", "sheet"), ("Like another picture", "like"), ("Names", "names")),
        *(("Match", "match"), ("Depth", "depth")),
    ],
)
def test_the_tables_name_every_field(heading: str, route: str) -> None:
    section = re.split(r"\n##+ ", re.split(rf"\n##+ {heading}\n", PAGE)[1])[0]
    table = section.split("| field |")[1].split("\n\n")[0]
    fields = schema_of(TABLES[route])["properties"]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(fields)
    for key, field in fields.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| `{key}`"))
        assert str(field.get("default", "")) in row
        assert all(str(value) in row for value in field.get("enum", ()))
        assert all(f"`{part}`" in row for part in field.get("properties", ()))


def test_every_route_and_status_is_told(addresses: dict[str, str]) -> None:
    paths = build_app(Server({}, Limits(), "cpu")).openapi()["paths"]
    calls = [(method.upper(), path.removeprefix(PREFIX)) for path, methods in paths.items() for method in methods]
    for method, path in calls:
        assert re.search(rf"\| .*`{method}\b.*{re.escape(path)}`", PAGE), (method, path)
        start = path.split("{")[0]
        uploaded = f'requests.{method.lower()}(\n        "http://127.0.0.1:7862{PREFIX}{start}"'
        assert f'call("{method}", "/film-look{start}' in PAGE or uploaded in PAGE, (method, path)
        assert re.search(rf"(/sdapi/v1/film-look|\$ADDRESS){start}", "".join(blocks("sh")))
    statuses = {status for methods in paths.values() for method in methods.values() for status in method["responses"]}
    for status in statuses - {"200"}:
        assert f"| {status} |" in PAGE


def test_limits_ports_and_options_are_true() -> None:
    limits, section = Limits(), PAGE.split("\n## Limits\n")[1].split("\n## ")[0]
    numbers = {
        "--max-megabytes": f"{limits.bytes // 2**20} MB",
        "--max-megapixels": f"{limits.pixels // 10**6} megapixels",
        "--max-pictures": f"{limits.pictures}",
        "--max-answer-megapixels": f"{limits.answer_pixels // 10**6} megapixels",
        "--max-video-megabytes": f"{limits.video_bytes // 2**20} MB",
        "--max-video-seconds": f"{limits.video_seconds} seconds",
        "--max-videos": f"{limits.videos}",
    }
    for option, number in numbers.items():
        assert re.search(rf"\| {number} \| `{option}` \|", section)
    assert f"Up to {router.WAITING} calls wait" in section
    words = ["serve", *(word for option in numbers for word in (option, "1")), "--auth", "ann:secret,bob:word"]
    words += ["--auth-file", "users.txt", "--behind-proxy"]
    assert _parser(words).parse_args(words).port == 7862
    for name in re.findall(r'"look": "([\w-]+)"', PAGE):
        assert name in list_looks()
