""" "On film" under the galleries: the picture just made, without film, and what is developed of it there."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from filmlook import Look
from filmlook.files import infotext
from tests.host.conftest import bare, codes, develop, look_in, same, seed_in
from tests.host.fake import Host
from tests.host.fake_processing import raw_picture

PREFIX = "/sdapi/v1/film-look"
ON: list[Any] = [{"stock": "kodak_portra_400", "grain": 3.0}]


@pytest.fixture
def client(host: Host) -> TestClient:
    """The running host, started without --api: the page needs none."""
    vars(host.module("routes").shared.cmd_opts).update(api=False)
    app = FastAPI()
    app.auth, app.tokens = None, {}
    host.tell("on_app_started", None, app)
    return TestClient(app)


def _file(image: Image.Image, kind: str = "PNG") -> bytes:
    text = PngInfo()
    if "parameters" in image.info:
        text.add_text("parameters", image.info["parameters"])
    file = io.BytesIO()
    image.save(file, kind, **({"pnginfo": text} if kind == "PNG" else {"quality": 95}))
    return file.getvalue()


def _before(client: TestClient, data: bytes) -> Any:
    return client.post(f"{PREFIX}/undeveloped", files={"image": ("shown", data)})


def _keep(client: TestClient, image: Image.Image, **order: Any) -> Any:
    files = {"image": ("shown", _file(image))}
    return client.post(f"{PREFIX}/keep", files=files, data={"order": json.dumps(order)})


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_picture_without_film_comes_back(host: Host, client: TestClient, kind: str) -> None:
    pictures = host.txt2img(ON, n_iter=3).images
    for number, shown in enumerate(pictures):
        answer = _before(client, _file(shown, kind))
        assert answer.headers["content-type"] == "image/png"
        same(Image.open(io.BytesIO(answer.content)), raw_picture(11 + number))


def test_a_picture_that_was_not_developed_is_itself(host: Host, client: TestClient) -> None:
    shown = host.txt2img(None).images[0]
    same(Image.open(io.BytesIO(_before(client, _file(shown)).content)), bare(shown))


def test_what_is_no_longer_kept_is_told_of(host: Host, client: TestClient) -> None:
    shown = host.txt2img(ON).images[0]
    host.module("once.undeveloped").undeveloped.clear()
    for answer in (_before(client, _file(shown)), _keep(client, shown, look={})):
        assert answer.status_code == 404
        assert "not kept any more" in answer.json()["detail"]


def test_what_got_grain_alone_is_not_taken_for_undeveloped(host: Host, client: TestClient) -> None:
    film = host.txt2img(ON).images[0]
    again = host.img2img(ON, [film]).images[0]
    found = host.module("once.undeveloped").undeveloped.before(again)
    assert found is None or found.tobytes() != again.tobytes()
    assert _before(client, _file(again)).status_code == 404


def test_what_is_developed_there_is_saved_where_the_tab_saves(host: Host, client: TestClient) -> None:
    shown, count = host.txt2img(ON).images[0], len(host.saved)
    look = Look(stock="kodak_ektar_100", grain=2)
    answer = _keep(client, shown, look=look.to_dict())
    assert answer.status_code == 200
    (saved,) = host.saved[count:]
    assert answer.json() == {"path": saved.path}
    assert saved.path.startswith("outputs/extras")
    text = saved.pnginfo["parameters"]
    assert look_in(text) == look
    same(saved.image, develop(raw_picture(11), look, seed=seed_in(text)))
    told = infotext.pairs_of(text)
    assert (told["Seed"], told["Sampler"]) == ("11", "Euler a")
    assert text.count(infotext.LOOK + ":") == 1


def test_a_painted_mask_limits_what_is_developed_there(host: Host, client: TestClient) -> None:
    shown = host.txt2img(ON).images[0]
    mask = Image.new("L", shown.size, 0)
    mask.paste(255, (0, 0, 80, 120))
    order = {"look": {"grain": 3}, "seed": 5, "mask": base64.b64encode(_file(mask)).decode()}
    assert _keep(client, shown, **order).status_code == 200
    same(host.saved[-1].image, develop(raw_picture(11), Look(grain=3), seed=5, mask=mask))


def test_a_chosen_depth_map_blurs_what_is_developed_there(host: Host, client: TestClient) -> None:
    shown, look = host.txt2img(ON).images[0], {"grain": 0, "aperture": 1.2, "focal_length": 200, "depth_near": 1.0}
    depth = Image.new("L", shown.size, 0)
    depth.paste(255, (0, 0, 80, 120))
    order = {"look": look, "seed": 5, "depth": base64.b64encode(_file(depth)).decode(), "depth_far_white": True}
    assert _keep(client, shown, **order).status_code == 200
    same(host.saved[-1].image, develop(raw_picture(11), look, seed=5, depth=ImageOps.invert(depth)))


def test_the_fixed_seed_of_the_accordion_is_used(host: Host, client: TestClient) -> None:
    shown = host.txt2img(ON).images[0]
    assert _keep(client, shown, look={"grain": 3}, seed=77).status_code == 200
    assert seed_in(host.saved[-1].pnginfo["parameters"]) == 77


@pytest.mark.parametrize("data", [b"", b"no picture", _file(raw_picture(1))[:500]])
def test_what_is_no_picture_is_refused(client: TestClient, data: bytes) -> None:
    answer = _before(client, data)
    assert answer.status_code in (413, 422)
    assert "Traceback" not in answer.text


def test_looking_writes_nothing(host: Host, client: TestClient) -> None:
    shown = host.txt2img(ON).images[0]
    count = len(host.saved)
    sent = client.post(f"{PREFIX}/pictures", files={"image": ("shown", _before(client, _file(shown)).content)}).json()
    for number in range(3):
        asked = {"hash": sent["hash"], "look": {"exposure": number / 2}, "long_side": 64, "viewer": "a", "number": number}
        assert client.post(f"{PREFIX}/preview", json=asked).status_code == 200
    assert len(host.saved) == count


def test_memory_is_bounded(host: Host) -> None:
    kept = host.module("once.undeveloped").Undeveloped(most_bytes=3 * 160 * 120 * 2 + 5)
    pictures = [raw_picture(n) for n in range(3)]
    for picture in pictures:
        kept.remember(picture, picture)
    assert [kept.before(picture) is picture for picture in pictures] == [False, True, True]


def test_of_two_looks_of_one_picture_each_finds_it(host: Host, client: TestClient) -> None:
    for args in (ON, [{"stock": "fujifilm_velvia_100"}]):
        shown = host.txt2img(args).images[0]
        np.testing.assert_array_equal(
            codes(Image.open(io.BytesIO(_before(client, _file(shown)).content))), codes(raw_picture(11))
        )


def test_the_buttons_stand_under_the_galleries_of_both_tabs(host: Host, tmp_path: Path) -> None:
    host.build_page(*(f"{tab}_send_to_extras" for tab in ("txt2img", "img2img", "extras")))
    made = [str(component.kwargs.get("elem_id")) for component in host.gradio.made]
    assert [name for name in made if name.endswith("_on_film")] == ["txt2img_on_film", "img2img_on_film"]
