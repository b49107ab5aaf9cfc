"""`POST /match`: pictures come, a look that can be used goes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from docs.scenes import landscape
from filmlook import Look, develop
from filmlook.matching.match import PARTS
from filmlook.server.request_body import Limits
from filmlook.server.serve import Server, build_app
from filmlook.stock import load_stock
from tests.api.clients import PATIENCE_S, PREFIX, b64, png, served, wait_until


def film() -> bytes:
    code = np.asarray(landscape(160, 240).convert("RGB"))
    return png(develop(code, Look(stock="kodak_tri_x_400"), seed=1))


def test_a_look_is_found_that_develops(client: TestClient) -> None:
    found = client.post(f"{PREFIX}/match", json={"images": [b64(film())], "weight": 0.5}).json()
    assert load_stock(found["look"]["stock"]).is_monochrome
    assert found["look"]["strength"] == 0.5
    assert {"distance", "chance", "grain", "style"} <= set(found["fit"])
    assert set(found["untold"]).isdisjoint(found["fit"])
    for look in found["alternatives"]:
        assert Look.from_dict(look).stock != found["look"]["stock"]
    order = {"images": [b64(film())], "look": found["look"]}
    assert client.post(f"{PREFIX}/develop", json=order).json()["errors"] == [None]


def test_an_upload_seeks_grain_alone(client: TestClient) -> None:
    order = json.dumps({"only": "grain", "look": {"stock": "kodak_gold_200", "contrast": 0.8}})
    answer = client.post(f"{PREFIX}/match", data={"order": order}, files=[("images", film())])
    look = answer.json()["look"]
    assert (look["stock"], look["contrast"]) == ("kodak_gold_200", 0.8)
    assert set(answer.json()["fit"]) == {"grain"}


@pytest.mark.long
def test_lens_and_projection_stay_as_the_look_has_them(client: TestClient) -> None:
    base = {"stock": "kodak_gold_200", "aperture": 2.0, "flare": 0.4, "dust": 1.0, "vignette": 0.5, "filter": "red-25"}
    look = client.post(f"{PREFIX}/match", json={"images": [b64(film())], "look": base}).json()["look"]
    assert [look[key] for key in ("aperture", "flare", "dust", "vignette")] == [2.0, 0.4, 1.0, 0.5]
    assert look.get("filter", "none") == "none"  # which the found colours would be seen through once more


def test_what_shows_nothing_is_refused(client: TestClient) -> None:
    black = png(np.zeros((80, 80, 3), np.uint8))
    answer = client.post(f"{PREFIX}/match", json={"images": [b64(black)]})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "the reference is black: there is nothing to tell a look by"


def test_it_tells_how_far_it_is_and_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(pictures: list[bytes], *, progress: Callable[[float], None], **_: Any) -> None:
        while True:
            progress(0.4)
            time.sleep(0.01)

    monkeypatch.setattr("filmlook.server.jobs.match", endless)
    answers: list[httpx.Response] = []
    with served(build_app(Server({}, Limits(), "cpu"))) as url:
        url += PREFIX
        body = {"images": [b64(film())]}
        asking = threading.Thread(target=lambda: answers.append(httpx.post(f"{url}/match", json=body, timeout=PATIENCE_S)))
        asking.start()
        wait_until(lambda: httpx.get(f"{url}/progress").json() == {"working": True, "progress": 0.4})
        httpx.post(f"{url}/interrupt")
        asking.join(PATIENCE_S)
    assert (answers[0].status_code, answers[0].json()["detail"]) == (422, "interrupted")


def test_of_several_the_one_that_shows_nothing_is_told(client: TestClient) -> None:
    pictures = [b64(film()), b64(png(np.zeros((80, 80, 3), np.uint8)))]
    answer = client.post(f"{PREFIX}/match", json={"images": pictures})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("reference 2 of 2: the reference is black")


def test_the_schema_tells_what_can_be_sought_alone(client: TestClient) -> None:
    assert client.get(f"{PREFIX}/schema").json()["x-match"] == list(PARTS)


def test_a_stock_is_made_where_there_is_a_folder_for_it(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = {"images": [b64(film())], "only": "colour", "new_stock": "mine"}
    assert client.post(f"{PREFIX}/match", json=order).json()["stock"] is None  # a film comes close
    assert not (home / "stocks").exists()
    answer = client.post(f"{PREFIX}/match", json={**order, "new_stock": "../mine"})
    assert answer.status_code == 422
    assert "new_stock" in answer.json()["detail"]
    monkeypatch.delenv("FILMLOOK_HOME")
    assert "folder of your own" in client.post(f"{PREFIX}/match", json=order).json()["detail"]
