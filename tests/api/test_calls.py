"""The HTTP API as a program uses it: what each call answers. Who is refused and whose turn it is: test_guards.py."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from filmlook import SETTINGS, Look, __version__, develop, list_looks, list_stocks, load_look
from filmlook.engine.colour_only import colour_of
from filmlook.files import lut, picture
from filmlook.files.infotext import developed, pairs_of
from filmlook.look import LOOK_VERSION
from filmlook.paths import BUILT_IN, tell_once
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


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    y, x = np.mgrid[0:48, 0:64]
    return np.stack((x * 3, y * 4, 200 - x - y), -1).astype(np.uint8)


@pytest.fixture
def order(client: TestClient) -> Callable[..., dict[str, Any]]:
    def send(*images: bytes, **fields: Any) -> dict[str, Any]:
        answer = client.post(f"{PREFIX}/develop", json={"images": [b64(image) for image in images], **fields})
        assert answer.status_code == 200, answer.text
        assert {len(values) for values in answer.json().values()} == {len(images)}
        return answer.json()

    return send


Order = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("sent", "look"),
    [
        ("cinema", load_look("cinema")),
        ({"stock": "kodak_portra_400", "grain": 3}, Look(stock="kodak_portra_400", grain=3)),
        ({"stock": "kodak_portra_400", "version": LOOK_VERSION}, Look(stock="kodak_portra_400")),
        (LOOK, SAME_LOOK),
        ({"exposure": "0: (0.5), 9: (1)", "grain": "0: (s/7)"}, Look(exposure=0.5)),
        ({}, Look()),
        (None, Look()),
    ],
)
def test_a_picture_comes_back_as_the_library_develops_it(order: Order, photo: np.ndarray, sent: Any, look: Look) -> None:
    answer = order(png(photo), seed=7, **({} if sent is None else {"look": sent}))
    np.testing.assert_array_equal(np.asarray(opened(answer["images"][0])), develop(photo, look, seed=7))
    assert answer["errors"] == [None]
    assert answer["seeds"] == [7]
    assert "sheets" not in answer


def test_each_of_many_pictures_has_its_seed(order: Order, photo: np.ndarray) -> None:
    pictures = [png(photo), png(photo[::-1]), png(photo[:, ::-1])]
    for sent, seeds in ((4, [4, 4, 4]), ([3, 2**63 - 1, 0], [3, 2**63 - 1, 0])):
        answer = order(*pictures, seed=sent, look=LOOK)
        assert answer["seeds"] == seeds
        for made, data, seed in zip(answer["images"], pictures, seeds, strict=True):
            want = develop(np.asarray(Image.open(io.BytesIO(data))), SAME_LOOK, seed=seed)
            np.testing.assert_array_equal(np.asarray(opened(made)), want)


def test_without_a_seed_it_is_the_pictures_own(order: Order, photo: np.ndarray) -> None:
    pictures = png(photo, parameters=INFOTEXT), png(photo), png(photo[::-1])
    seeds = order(*pictures)["seeds"]
    assert seeds[0] == 965400086
    assert len(set(seeds)) == 3
    assert order(*pictures, seed=None)["seeds"] == seeds


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_metadata_survives_and_tells_the_look(client: TestClient, order: Order, photo: np.ndarray, kind: str) -> None:
    answer = order(png(photo, parameters=INFOTEXT, workflow='{"nodes": []}', Title="ünïcode"), look=LOOK, seed=5, format=kind)
    image = opened(answer["images"][0])
    assert image.format == kind.upper()
    assert image.info["icc_profile"]
    film = picture.decode(base64.b64decode(answer["images"][0]))
    text = film.text["parameters"]
    assert text == answer["infotexts"][0]
    assert text.startswith(INFOTEXT)
    told = developed(pairs_of(text))
    assert told is not None
    assert (told.look, told.seed) == (SAME_LOOK, 5)
    if kind == "png":
        assert (film.text["workflow"], film.text["Title"]) == ('{"nodes": []}', "ünïcode")
    read = client.post(f"{PREFIX}/read", json={"image": answer["images"][0]}).json()
    assert read == {"developed": True, "look": SAME_LOOK.to_dict(), "seed": 5, "frame": 0, "parameters": text}


def test_alpha_and_sixteen_bits_are_kept(order: Order, photo: np.ndarray) -> None:
    pytest.importorskip("imagecodecs")
    alpha = np.dstack((photo, photo[..., 0]))
    film = picture.decode(base64.b64decode(order(png(alpha), seed=1)["images"][0])).pixels
    np.testing.assert_array_equal(film, develop(alpha, Look(), seed=1))
    np.testing.assert_array_equal(film[..., 3], photo[..., 0])
    deep = photo.astype(np.uint16) * 257
    answer = order(picture.encode(picture.Picture(deep, text={"parameters": INFOTEXT}), "PNG"), seed=1)
    film = picture.decode(base64.b64decode(answer["images"][0]))
    assert film.pixels.dtype == np.uint16
    np.testing.assert_array_equal(film.pixels, develop(deep, Look(), seed=1))
    assert film.text["parameters"] == answer["infotexts"][0]


@pytest.mark.parametrize(("kind", "format"), [("png", "PNG"), ("tiff", "TIFF")])
def test_samples_have_the_bits_that_are_asked_for(client: TestClient, photo: np.ndarray, kind: str, format: str) -> None:
    pytest.importorskip("imagecodecs")
    fields = {"images": [b64(png(photo))], "format": kind, "answer": "file"}
    deep = picture.decode(client.post(f"{PREFIX}/develop", json={**fields, "bits": 16}).content).pixels
    fine = picture.decode(client.post(f"{PREFIX}/develop", json={**fields, "bits": 8}).content).pixels
    assert (deep.dtype, fine.dtype) == (np.uint16, np.uint8)
    assert len(np.unique(deep)) > 1000  # not eight bits in sixteen
    assert np.abs(deep / 257 - fine.astype(float)).max() < 1.01  # with the same grain; 8 bits are dithered
    whole = picture.encode(picture.Picture(photo.astype(np.uint16) * 257), "TIFF")
    answer = client.post(f"{PREFIX}/develop", json={"images": [b64(whole)], "bits": 8, "answer": "file"})
    assert picture.decode(answer.content).pixels.dtype == np.uint8


def test_the_answer_is_the_file_with_its_metadata(client: TestClient, photo: np.ndarray) -> None:
    sent = png(photo, parameters=INFOTEXT)
    order = {"look": LOOK, "format": "tiff", "answer": "file"}
    answer = client.post(f"{PREFIX}/develop", files=[("images", sent)], data={"order": json.dumps(order)})
    assert answer.headers["content-type"] == "image/tiff"
    found = picture.decode(answer.content)
    assert "Seed: 965400086" in found.text["parameters"]
    np.testing.assert_array_equal(found.pixels, develop(photo, SAME_LOOK, seed=965400086))
    broken = client.post(f"{PREFIX}/develop", files=[("images", b"no picture")], data={"order": json.dumps(order)})
    assert (broken.status_code, broken.json()["detail"][:34]) == (422, "picture: is not a PNG, JPEG, WebP ")
    two = client.post(f"{PREFIX}/develop", json={"images": [b64(sent)] * 2, "answer": "file"})
    assert two.status_code == 422


def test_files_are_named_without_two_alike_and_within_their_folders(client: TestClient) -> None:
    def names(pattern: str, *files: str, **more: str) -> Any:
        return client.post(f"{PREFIX}/names", json={"pattern": pattern, "files": files, "stock": "film", **more})

    assert names("{name}-{stock}", "a.png", "a.jpg", "sea/../../a.png", "/etc/b.png", "c:\\d.png").json()["names"] == [
        "a-film.png", "a-film-2.png", "sea/a-film.png", "etc/b-film.png", "c_/d-film.png",
    ]  # fmt: skip
    assert names("{number}{look}", "a.png", format="jpeg").json()["names"] == ["1film.jpg"]
    refused = names("{name}/{number}", "a.png")
    assert refused.status_code == 422
    assert "allowed: letters" in refused.json()["detail"]


def test_limits_are_told() -> None:
    told = client_of(build_app(Server({}, Limits(pixels=123), "cpu"))).get(f"{PREFIX}/limits").json()
    assert told == {**asdict(Limits()), "pixels": 123}


def test_quality_is_that_of_jpeg_and_webp(order: Order, photo: np.ndarray) -> None:
    for kind in ("jpeg", "webp"):
        sizes = [len(order(png(photo), seed=1, format=kind, quality=q)["images"][0]) for q in (30, 95)]
        assert sizes[0] < sizes[1]
    lossless = opened(order(png(photo), seed=1, format="webp", quality=100)["images"][0])
    np.testing.assert_array_equal(np.asarray(lossless), develop(photo, Look(), seed=1))


def test_a_sheet_shows_before_and_after(order: Order, photo: np.ndarray) -> None:
    answer = order(png(photo), png(photo, parameters=INFOTEXT), b"no picture", seed=2, include=["sheet"])
    for sheet in answer["sheets"][:2]:
        image = opened(sheet)
        np.testing.assert_array_equal(np.asarray(image), np.hstack((photo, develop(photo, Look(), seed=2))))
        assert "parameters" not in image.info
    assert answer["sheets"][2] is None
    assert "sheets" not in order(png(photo), include=[])


def test_an_upload_is_the_same_as_json(client: TestClient, photo: np.ndarray) -> None:
    pictures = [png(photo, parameters=INFOTEXT), png(photo[::-1])]
    fields = {"look": LOOK, "seed": [1, 2], "format": "webp", "include": ["sheet"]}
    files = [("images", (name, data, "image/png")) for name, data in zip(("../a.png", "b"), pictures, strict=True)]
    uploaded = client.post(f"{PREFIX}/develop", files=files, data={"order": json.dumps(fields)})
    sent = client.post(f"{PREFIX}/develop", json={"images": ["data:image/png;base64," + b64(p) for p in pictures], **fields})
    assert uploaded.status_code == 200
    assert uploaded.json() == sent.json()
    without_order = client.post(f"{PREFIX}/develop", files=files[:1]).json()
    assert without_order["seeds"] == [965400086]
    film = base64.b64decode(uploaded.json()["images"][0])
    assert client.post(f"{PREFIX}/read", files={"images": ("x", film)}).json()["look"] == SAME_LOOK.to_dict()


def test_a_developed_picture_is_developed_again_unless_that_is_not_wanted(order: Order, photo: np.ndarray) -> None:
    film = base64.b64decode(order(png(photo, parameters=INFOTEXT), seed=3)["images"][0])
    for again in ({}, {"again": True}):
        answer = order(film, png(photo), seed=4, **again)
        np.testing.assert_array_equal(
            np.asarray(opened(answer["images"][0])), develop(develop(photo, Look(), seed=3), Look(), seed=4)
        )
        assert answer["errors"] == [None, None]
    answer = order(film, png(photo), seed=4, again=False)
    assert answer["errors"] == ["it is developed already", None]
    assert answer["images"][0] is answer["seeds"][0] is None
    assert answer["seeds"][1] == 4


def test_another_profile_holds_the_same_colours(order: Order, photo: np.ndarray) -> None:
    here, wide = (picture.decode(base64.b64decode(order(png(photo), seed=1, profile=p)["images"][0])) for p in ("srgb", "p3"))
    raw = np.asarray(opened(order(png(photo), seed=1, profile="p3")["images"][0])).astype(int)
    apart = np.abs(here.pixels.astype(int) - wide.pixels)  # rounded twice, which the dark of a vivid colour shows
    assert np.quantile(apart, 0.99) <= 2
    assert apart.max() <= 8
    assert np.abs(here.pixels.astype(int) - raw).max() > 8


def test_light_of_a_scene_is_developed_as_light(order: Order, photo: np.ndarray) -> None:
    answer = order(png(photo), seed=1, scene_linear=True)
    want = develop(photo, Look(), seed=1, scene_linear=True)
    assert np.abs(np.asarray(opened(answer["images"][0])).astype(int) - want).max() <= 1
    assert order(png(photo), seed=1)["images"] != answer["images"]


def test_json_of_another_program_stays_and_ours_stands_beside_it(order: Order, client: TestClient, photo: np.ndarray) -> None:
    other = '{"prompt": {"1": {"inputs": {}}}}'
    answer = order(png(photo, parameters=other), look=LOOK, seed=6)
    film = picture.decode(base64.b64decode(answer["images"][0]))
    assert film.text["parameters"] == other
    told = developed(pairs_of(answer["infotexts"][0]))
    assert told is not None
    assert (told.look, told.seed, answer["seeds"]) == (SAME_LOOK, 6, [6])
    read = client.post(f"{PREFIX}/read", json={"image": answer["images"][0]}).json()
    assert (read["developed"], read["look"], read["parameters"]) == (True, SAME_LOOK.to_dict(), other)


def test_a_fault_is_logged_and_what_is_refused_is_not(photo: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Server):
        def develop(self, source: Any, look: Look, seed: Any, again: bool, progress: Any, mask: Any) -> Any:
            if seed == 1:
                raise RuntimeError("out of memory")
            return super().develop(source, look, seed, again, progress, mask)

    client = client_of(build_app(Failing({}, Limits(), "cpu")))
    client.post(f"{PREFIX}/develop", json={"images": [b64(png(photo)), b64(b"no picture")], "seed": [2, 3]})
    assert not caplog.records
    client.post(f"{PREFIX}/develop", json={"images": [b64(png(photo))], "seed": 1})
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [RuntimeError]


def test_a_damaged_picture_among_good_ones_is_told_in_its_place(order: Order, photo: np.ndarray) -> None:
    good = png(photo)
    answer = order(good, good[:-30], good, b"", b"\xff\xd8\xffnothing", seed=3)
    for i, told in ((1, "cut short"), (3, "is empty"), (4, "picture: ")):
        assert told in answer["errors"][i]
        assert answer["images"][i] is answer["infotexts"][i] is answer["seeds"][i] is None
    assert answer["errors"][0] is answer["errors"][2] is None
    assert answer["images"][0] == answer["images"][2]


def test_a_picture_that_the_machine_fails_at_is_told_in_its_place(photo: np.ndarray) -> None:
    class Failing(Server):
        def develop(self, source: Any, look: Look, seed: Any, again: bool, progress: Any, mask: Any) -> Any:
            if seed == 2:
                raise RuntimeError("CUDA out of memory.\n Tried to allocate 2 GiB")
            return super().develop(source, look, seed, again, progress, mask)

    client = client_of(build_app(Failing({}, Limits(), "cpu")))
    answer = client.post(f"{PREFIX}/develop", json={"images": [b64(png(photo))] * 3, "seed": [1, 2, 3]}).json()
    assert answer["errors"] == [None, "RuntimeError: CUDA out of memory. Tried to allocate 2 GiB", None]
    assert answer["images"][1] is None
    assert answer["images"][2]


def test_what_a_picture_does_not_say_is_none(client: TestClient, photo: np.ndarray) -> None:
    nothing = {"developed": False, "look": None, "seed": None, "frame": None}
    told = client.post(f"{PREFIX}/read", json={"image": b64(png(photo, parameters=INFOTEXT))}).json()
    assert told == {**nothing, "parameters": INFOTEXT}
    assert client.post(f"{PREFIX}/read", json={"images": [b64(png(photo))]}).json() == {**nothing, "parameters": ""}


@pytest.mark.parametrize(
    "fields", [{"look": LOOK}, {"look": LOOK, "size": 17, "format": "cube"}, {"look": LOOK, "format": "hald"}]
)
def test_a_lut_is_the_librarys_own(client: TestClient, tmp_path: Path, fields: dict[str, Any]) -> None:
    hald = fields.get("format") == "hald"
    if hald:
        pytest.importorskip("imagecodecs")
    answer = client.post(f"{PREFIX}/export-lut", json=fields)
    assert answer.headers["content-type"].startswith("image/png" if hald else "text/plain")
    assert answer.headers["content-disposition"] == f'attachment; filename="look.{"png" if hald else "cube"}"'
    got, mine = (tmp_path / f"{name}.{'png' if hald else 'cube'}" for name in ("got", "mine"))
    got.write_bytes(answer.content)
    baked = lut.bake(colour_of(SAME_LOOK), 64 if hald else fields.get("size", 33))
    (lut.write_hald if hald else lut.write_cube)(mine, baked)
    np.testing.assert_array_equal(lut.read_lut(got).table, lut.read_lut(mine).table)


def test_the_schema_tells_every_setting_and_its_range(client: TestClient) -> None:
    schema = client.get(f"{PREFIX}/schema").json()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {"look", "lens", "version", *(s.key for s in SETTINGS)}
    for setting in SETTINGS:
        told = schema["properties"][setting.key]
        assert told["default"] == setting.default
        assert told["description"].startswith(setting.help)
        assert setting.names in told["description"]
        if setting.is_number:
            assert (told["type"], told["minimum"], told["maximum"]) == ("number", setting.low, setting.high)
        else:
            assert told["type"] == "string"
            assert tuple(told.get("enum", ())) == setting.choices


def test_a_mask_limits_the_look(client: TestClient, scene: np.ndarray) -> None:
    batch, half = [b64(png(scene)), b64(png(scene[::-1]))], np.zeros(scene.shape[:2], np.uint8)
    half[:, 200:] = 255
    other = 255 - half
    order = {"images": batch, "look": LOOK, "seed": 3}
    one, each = (
        [np.asarray(opened(image)) for image in client.post(f"{PREFIX}/develop", json={**order, "mask": mask}).json()["images"]]
        for mask in (b64(png(half)), [b64(png(half)), b64(png(other))])
    )
    for made, source, mask in ((one[0], scene, half), (one[1], scene[::-1], half), (each[1], scene[::-1], other)):
        np.testing.assert_array_equal(made[mask == 0], source[mask == 0])
        np.testing.assert_array_equal(made[mask > 0], develop(source, SAME_LOOK, seed=3)[mask > 0])
    np.testing.assert_array_equal(each[0], one[0])


def test_a_depth_map_blurs_where_the_look_has_an_aperture(client: TestClient, scene: np.ndarray) -> None:
    depth = np.broadcast_to(np.linspace(0, 255, scene.shape[1]).astype(np.uint8), scene.shape[:2])
    look = {"stock": "kodak_gold_200", "aperture": 1.4, "focus": 0}
    order: dict[str, Any] = {"images": [b64(png(scene))], "look": look, "seed": 3}
    made = client.post(f"{PREFIX}/develop", json={**order, "depth": b64(png(depth))}).json()
    np.testing.assert_array_equal(np.asarray(opened(made["images"][0])), develop(scene, Look(**look), seed=3, depth=depth))
    assert "Film Look depth: " in made["infotexts"][0]
    far = client.post(f"{PREFIX}/develop", json={**order, "depth": b64(png(255 - depth)), "depth_far_white": True}).json()
    assert far["images"] == made["images"]
    other = client.post(f"{PREFIX}/develop", json={**order, "depth": b64(png(depth[:9]))})
    assert "depth: it has" in other.json()["detail"]


def test_a_mask_that_is_damaged_is_told_in_its_place(client: TestClient, scene: np.ndarray) -> None:
    answer = client.post(f"{PREFIX}/develop", json={"images": [b64(png(scene))], "mask": b64(png(scene[..., 0])[:200])}).json()
    assert answer["images"] == [None]
    assert answer["errors"] == ["mask: picture: is cut short"]


def test_stocks_are_told(client: TestClient) -> None:
    stocks = client.get(f"{PREFIX}/stocks").json()
    assert [stock["name"] for stock in stocks] == list_stocks()
    assert ("kodak_gold_200", "Kodak Gold 200") in [(stock["name"], stock["label"]) for stock in stocks]
    for stock in stocks:
        facts = client.get(f"{PREFIX}/stocks/{stock['name']}").json()
        assert (facts["name"], facts["label"]) == (stock["name"], stock["label"])


def test_prints_are_told(client: TestClient, home: Path) -> None:
    papers = client.get(f"{PREFIX}/papers").json()
    assert {"name": "kodak_2383", "label": "Kodak Vision 2383"} in papers
    for paper in papers:
        facts = client.get(f"{PREFIX}/papers/{paper['name']}").json()
        assert (facts["name"], facts["label"]) == (paper["name"], paper["label"])
    layers = {paper["name"]: client.get(f"{PREFIX}/papers/{paper['name']}").json()["layers"] for paper in papers}
    colour, grey = ([name for name in layers if layers[name] == number] for number in (3, 1))
    expected = {
        "kodak_gold_200": ("minilab", ["stock", "minilab", *colour, "negative"]),
        "kodak_vision3_500t": ("kodak_2383", ["stock", "minilab", *colour, "negative"]),
        "kodak_tri_x_400": ("grade-2", ["stock", "minilab", *grey, "negative"]),
        "fujifilm_velvia_100": ("slide", ["stock"]),
        "fujifilm_classic_negative": ("own", ["stock", "negative"]),
        "kodak_gold_200_network": ("own", ["stock"]),
        "neutral": ("own", ["stock"]),
    }
    for name, told in expected.items():
        facts = client.get(f"{PREFIX}/stocks/{name}").json()
        assert (facts["print"], facts["prints"]) == told
        for choice in facts["prints"]:
            assert client.put(f"{PREFIX}/looks/x", json={"look": {"stock": name, "print": choice}}).status_code == 200
    assert client.get(f"{PREFIX}/papers/kodak_9999").status_code == 404


def test_papers_of_the_users_are_told_and_a_damaged_one_hides_no_other(client: TestClient, home: Path) -> None:
    (home / "papers").mkdir(parents=True)
    text = (BUILT_IN / "papers" / "kodak_2383.json").read_text(encoding="utf-8")
    (home / "papers" / "mine.json").write_text(text.replace("Kodak Vision 2383", "My paper"), encoding="utf-8")
    (home / "papers" / "broken.json").write_text("{", encoding="utf-8")
    papers = client.get(f"{PREFIX}/papers").json()
    assert {"name": "mine", "label": "My paper"} in papers
    assert "broken" not in {paper["name"] for paper in papers}
    assert "mine" in client.get(f"{PREFIX}/stocks/kodak_portra_400").json()["prints"]
    told = client.get(f"{PREFIX}/papers/broken")
    assert told.status_code == 422
    assert str(home) not in told.text


def test_a_print_by_its_label_is_the_print(client: TestClient, home: Path) -> None:
    saved = client.put(f"{PREFIX}/looks/x", json={"look": {"stock": "Kodak Portra 400", "print": "kodak vision 2383"}}).json()
    assert saved["look"] == Look(stock="kodak_portra_400", print="kodak_2383").to_dict()


def test_a_look_of_version_1_is_converted_and_that_is_told_once(
    client: TestClient, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = {"version": 1, "stock": "kodak_ektar_100", "grain": 2}
    (home / "looks").mkdir(parents=True)
    (home / "looks" / "old.json").write_text(json.dumps({"look": {**old, "white": 1, "black": 1}}), encoding="utf-8")
    assert client.get(f"{PREFIX}/looks").status_code == 200  # built-in ones may tell, too
    tell_once.cache_clear()
    caplog.clear()
    for _ in range(2):
        assert client.put(f"{PREFIX}/looks/new", json={"look": old}).json()["look"] == {**old, "version": 2}
        found = client.get(f"{PREFIX}/looks/old").json()["look"]
        assert found == {**old, "version": 2, "white": 1, "black": 1}
    assert len([line for line in caplog.messages if "version 1 was converted" in line]) == 1


def test_a_look_that_moves_is_kept_whole_and_shown_as_frame_0(client: TestClient, home: Path) -> None:
    moving = {"stock": "kodak_gold_200", "exposure": "0: (0.5), 30: (1)", "grain": 2}
    answer = client.put(f"{PREFIX}/looks/dawn", json={"look": moving}).json()
    assert answer["look"] == {"version": 2, "stock": "kodak_gold_200", "exposure": 0.5, "grain": 2}
    assert answer["keyframes"] == {"exposure": "0: (0.5), 30: (1)"}
    client.delete(f"{PREFIX}/looks/dawn")
    refused = client.put(f"{PREFIX}/looks/dawn", json={"look": {"grain": "0: (1), 9: (99)"}})
    assert refused.status_code == 422
    assert "frame 9: grain is 99" in refused.json()["detail"]


def test_looks_are_saved_changed_and_deleted(client: TestClient, home: Path) -> None:
    built_in = {p: p.read_bytes() for p in (BUILT_IN / "looks").iterdir()}
    path = f"{PREFIX}/looks/Été 83"
    mine = {"name": "Été 83", "label": "Holidays", "help": "of 1983", "own": True, "look": SAME_LOOK.to_dict()}
    assert client.get(path).status_code == 404
    saved = client.put(path, json={"look": LOOK, "label": "Holidays", "help": "of 1983"})
    assert saved.json() == mine == client.get(path).json()
    assert mine in client.get(f"{PREFIX}/looks").json()
    assert [p.name for p in (home / "looks").iterdir()] == ["Été 83.json"]
    assert client.put(path, json={"look": "cinema"}).json()["label"] == "Été 83"
    assert client.get(path).json()["look"] == load_look("cinema").to_dict()
    assert client.delete(path).json() == {"deleted": "Été 83"}
    assert client.delete(path).status_code == 404

    cinema = client.get(f"{PREFIX}/looks/cinema").json()
    assert not cinema["own"]
    assert client.delete(f"{PREFIX}/looks/cinema").status_code == 409
    assert client.put(f"{PREFIX}/looks/cinema", json={"look": {"grain": 0}}).json()["own"]
    assert client.delete(f"{PREFIX}/looks/cinema").status_code == 200
    assert client.get(f"{PREFIX}/looks/cinema").json() == cinema
    assert {p: p.read_bytes() for p in (BUILT_IN / "looks").iterdir()} == built_in


def test_a_damaged_preset_hides_no_other(client: TestClient, home: Path) -> None:
    (home / "looks").mkdir(parents=True)
    (home / "looks" / "broken.json").write_text("{")
    assert [look["name"] for look in client.get(f"{PREFIX}/looks").json()] == [n for n in list_looks() if n != "broken"]
    assert client.get(f"{PREFIX}/looks/broken").status_code == 422


def test_health_and_progress_at_rest(client: TestClient) -> None:
    health = client.get(f"{PREFIX}/health").json()
    found = {"stocks": len(list_stocks()), "looks": len(list_looks())}
    assert health == {
        "status": "ok",
        "version": __version__,
        **found,
        "cpu": "torch",
        "gpu": "torch" if torch.cuda.is_available() else "none",
    }
    assert client.get(f"{PREFIX}/progress").json() == {"working": False, "progress": 0.0}
    assert client.post(f"{PREFIX}/interrupt").json() == {}


def test_interrupted_pictures_are_told_and_finished_ones_come(photo: np.ndarray) -> None:
    backend, answers = Watched(), []  # type: ignore[var-annotated]
    fields = {"images": [b64(png(photo))] * 3, "seed": [1, Watched.LONG, 3]}
    with served(build_app(backend)) as url:
        url += PREFIX
        asking = threading.Thread(target=lambda: answers.append(httpx.post(f"{url}/develop", json=fields, timeout=PATIENCE_S)))
        asking.start()
        wait_until(lambda: Watched.LONG in backend.begun)
        wait_until(lambda: httpx.get(f"{url}/progress").json()["progress"] > 1 / 3)
        state = httpx.get(f"{url}/progress").json()
        assert state["working"]
        assert 1 / 3 < state["progress"] < 2 / 3
        httpx.post(f"{url}/interrupt")
        asking.join(PATIENCE_S)
        after = httpx.post(f"{url}/develop", json={**fields, "seed": 5}, timeout=PATIENCE_S).json()
    answer = answers[0].json()
    assert answer["errors"] == [None, "interrupted", "interrupted"]
    np.testing.assert_array_equal(np.asarray(opened(answer["images"][0])), develop(photo, Look(), seed=1))
    assert answer["images"][1:] == answer["seeds"][1:] == [None, None]
    assert after["errors"] == [None] * 3  # the next one is not stopped
    assert backend.begun == [1, Watched.LONG, 5, 5, 5]


def test_the_65th_in_line_is_told_to_come_later(photo: np.ndarray) -> None:
    backend = Watched()
    backend.gate.clear()

    async def crowd() -> list[Any]:
        transport = httpx.ASGITransport(app=build_app(backend))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=None) as client:
            order = {"images": [b64(png(photo[:2, :2]))], "look": {"strength": 0}}
            asked = [asyncio.ensure_future(client.post(f"{PREFIX}/develop", json=order)) for _ in range(64)]
            while len(backend.came) < 64:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)
            late = await client.post(f"{PREFIX}/develop", json=order)
            backend.gate.set()
            return [late, *await asyncio.gather(*asked)]

    late, *others = asyncio.run(crowd())
    assert late.status_code == 503
    assert late.headers["retry-after"] == "10"
    assert "64 calls are waiting" in late.json()["detail"]
    assert {answer.status_code for answer in others} == {200}
