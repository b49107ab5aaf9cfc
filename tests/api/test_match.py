"""`POST /match`: pictures come, a look that can be used goes."""

from __future__ import annotations

import json

import numpy as np
from fastapi.testclient import TestClient

from docs.scenes import landscape
from filmlook import Look, develop
from filmlook.stock import load_stock
from tests.api.clients import PREFIX, b64, png


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


def test_what_shows_nothing_is_refused(client: TestClient) -> None:
    black = png(np.zeros((80, 80, 3), np.uint8))
    answer = client.post(f"{PREFIX}/match", json={"images": [b64(black)]})
    assert answer.status_code == 422
    assert answer.json()["detail"] == "the reference is black: there is nothing to tell a look by"
