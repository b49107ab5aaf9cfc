"""Depth maps in the darkroom: sent as pictures are, they blur previews, and tell what lies at a point."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from filmlook import develop
from filmlook.depth import maps, networks
from filmlook.files import infotext
from filmlook.lenses import load_lens
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from tests.api.clients import PREFIX, b64, client_of, png

WIDE_OPEN = {"stock": "kodak_gold_200", "aperture": 1.2, "focal_length": 200, "focus": 0, "depth_near": 1, "grain": 0}


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(maps, "_kept", type(maps._kept)())
    monkeypatch.setattr(networks, "_NAMES", ())
    networks._network.cache_clear()


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """Upright stripes, as crisp everywhere."""
    stripes = np.full((160, 240, 3), 60, np.uint8)
    stripes[:, np.arange(240) % 8 < 4] = 170
    return stripes


@pytest.fixture(scope="module")
def near_left(scene: np.ndarray) -> np.ndarray:
    """The scene's left half is near."""
    depth = np.zeros(scene.shape[:2], np.uint8)
    depth[:, : depth.shape[1] // 2] = 255
    return depth


def sent(client: Any, pixels: np.ndarray) -> str:
    answer = client.post(f"{PREFIX}/pictures", json={"image": b64(png(pixels))})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["hash"])


def shown(client: Any, name: str, **fields: Any) -> tuple[np.ndarray, str]:
    """A preview's samples, and where its depth map came from."""
    answer = client.post(f"{PREFIX}/preview", json={"hash": name, "look": WIDE_OPEN, "format": "png", "seed": 1, **fields})
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content))), answer.headers.get("X-Film-Look-Depth", "")


def crispness(pixels: np.ndarray) -> float:
    return float(np.abs(np.diff(pixels.astype(int), axis=1)).mean())


def halves(pixels: np.ndarray) -> tuple[float, float]:
    """How crisp the left is, and the right."""
    third = pixels.shape[1] // 3
    return crispness(pixels[:, :third]), crispness(pixels[:, -third:])


def test_a_preview_is_blurred_by_the_map_that_comes_with_it(
    client: TestClient, scene: np.ndarray, near_left: np.ndarray
) -> None:
    name, depth = sent(client, scene), sent(client, near_left)
    plain, told = shown(client, name)
    assert told == "none"
    assert shown(client, name, look={**WIDE_OPEN, "aperture": 0})[1] == ""
    for size in ({}, {"long_side": 160}):
        plain, _ = shown(client, name, **size)
        ours, told = shown(client, name, depth=depth, **size)
        assert told == "given"
        sharp, soft = halves(plain)
        assert halves(ours)[0] > 0.9 * sharp
        assert halves(ours)[1] < 0.6 * soft
        turned, _ = shown(client, name, depth=depth, depth_far_white=True, **size)
        assert halves(turned)[0] < 0.6 * sharp
        assert halves(turned)[1] > 0.9 * soft
        np.testing.assert_array_equal(shown(client, name, **size)[0], plain)  # nothing of the map is left behind


def test_the_loupe_has_the_pixels_that_developing_with_the_map_makes(
    client: TestClient, scene: np.ndarray, near_left: np.ndarray
) -> None:
    name, depth = sent(client, scene), sent(client, near_left)
    part, _ = shown(client, name, depth=depth, crop=[90, 50, 60, 40])
    whole = develop(scene, WIDE_OPEN, seed=1, depth=near_left)
    np.testing.assert_array_equal(part, whole[50:90, 90:150])


def test_the_focus_of_a_point_makes_it_sharp(client: TestClient, scene: np.ndarray, near_left: np.ndarray) -> None:
    ramp = np.broadcast_to(np.linspace(255, 0, scene.shape[1]).astype(np.uint8), scene.shape[:2])
    name, depth = sent(client, scene), sent(client, ramp)

    def told(point: list[int], **fields: Any) -> dict[str, Any]:
        answer = client.post(f"{PREFIX}/depth", json={"hash": name, "depth": depth, "point": point, **fields})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    for x in (0, 110, 239):
        found = told([x, 120])
        assert found["source"] == "given"
        assert abs(found["nearness"] - ramp[0, x] / 255) < 0.01
        assert abs(found["focus"] + found["nearness"] - 1) < 1e-6
        assert abs(told([x, 120], depth_far_white=True)["focus"] - found["nearness"]) < 1e-3
    sharp_left = shown(client, name, depth=depth, look={**WIDE_OPEN, "focus": told([40, 120])["focus"]})[0]
    sharp_right = shown(client, name, depth=depth, look={**WIDE_OPEN, "focus": told([200, 120])["focus"]})[0]
    assert halves(sharp_left)[0] > 1.5 * halves(sharp_right)[0]
    assert halves(sharp_right)[1] > 1.5 * halves(sharp_left)[1]


def test_a_speck_in_the_map_does_not_decide(client: TestClient, scene: np.ndarray) -> None:
    flat = np.full(scene.shape[:2], 100, np.uint8)
    flat[90, 150] = 255
    body = {"hash": sent(client, scene), "depth": sent(client, flat), "point": [150, 90]}
    assert client.post(f"{PREFIX}/depth", json=body).json()["nearness"] == round(100 / 255, 4)


def test_without_a_map_there_is_no_focus_and_with_a_network_its_own(
    client: TestClient, scene: np.ndarray, near_left: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = sent(client, scene)
    none = client.post(f"{PREFIX}/depth", json={"hash": name, "point": [10, 10]}).json()
    assert none == {"source": "none", "nearness": None, "focus": None}
    monkeypatch.setattr(maps, "by_transformers", lambda rgb: near_left)
    with client_of(build_app(Server({}, Limits(), "cpu"))) as other:  # which has not looked yet
        name = sent(other, scene)
        found = other.post(f"{PREFIX}/depth", json={"hash": name, "point": [10, 10]}).json()
        assert found["source"] == "found"
        assert found["focus"] < 0.05
        assert shown(other, name)[1] == "found"


def test_a_map_of_another_size_is_refused_with_both_sizes(client: TestClient, scene: np.ndarray) -> None:
    body = {"hash": sent(client, scene), "depth": sent(client, scene[:100, :150, 0].copy())}
    for route, more in (("preview", {"look": WIDE_OPEN}), ("depth", {}), ("scopes", {"look": None}), ("sheet", {})):
        answer = client.post(f"{PREFIX}/{route}", json={**body, **more})
        assert answer.status_code == 422
        assert answer.json()["detail"] == (
            "depth map: it has 150 x 100 pixels, the picture 240 x 160; allowed is the same size"
        )


def test_what_is_wrong_with_a_question_is_told(client: TestClient, scene: np.ndarray) -> None:
    name = sent(client, scene)

    def refused(**fields: Any) -> tuple[int, str]:
        answer = client.post(f"{PREFIX}/depth", json={"hash": name, **fields})
        return answer.status_code, answer.json()["detail"]

    assert refused(point=[240, 0])[0] == 422
    assert "240 x 160" in refused(point=[240, 0])[1]
    for wrong in ([1], [1, -1], [1.5, 2], "1,2", [True, 1], [10**12, 0]):
        assert refused(point=wrong)[0] == 422
    status, told = refused(depth="0" * 32)
    assert (status, told) == (404, f"there is no picture {'0' * 32}; send it again")
    assert refused(depth="../x")[0] == 422


def test_orders_put_a_lens_on_a_look(client: TestClient, scene: np.ndarray) -> None:
    order = {"images": [b64(png(scene[:32, :48]))], "look": {"look": "holga", "lens": "petzval", "glow": 0.3}}
    answer = client.post(f"{PREFIX}/develop", json=order).json()
    told = infotext.of_text({"parameters": answer["infotexts"][0]})
    assert told is not None
    assert told.look is not None
    assert (told.look.stock, told.look.swirl, told.look.glow, told.look.distortion) == ("kodak_portra_800", 1, 0.3, 0)
    listed = {lens["name"]: lens["settings"] for lens in client.get(f"{PREFIX}/lenses").json()}
    assert listed["petzval"] == load_lens("petzval").settings
    for wrong, why in (
        ("sigma", "unknown lens 'sigma'"),
        (3, "look: its lens is the name of a lens"),
        ("../x", "unknown lens"),
    ):
        refused = client.post(f"{PREFIX}/develop", json={**order, "look": {"lens": wrong}})
        assert refused.status_code == 422
        assert why in refused.json()["detail"]
