"""`same` in `POST /develop`: the pictures of a request are a series."""

from __future__ import annotations

import numpy as np
from fastapi.testclient import TestClient

from docs.scenes import landscape
from filmlook.files import infotext
from tests.api.clients import PREFIX, b64, png


def test_a_series_comes_out_alike(client: TestClient) -> None:
    code = np.asarray(landscape(120, 180).convert("RGB"))
    dark = (code * 0.8).astype(np.uint8)
    order = {"images": [b64(png(code)), b64(b"damaged"), b64(png(dark))], "same": True, "look": {"exposure": 0.1}}
    answer = client.post(f"{PREFIX}/develop", json=order).json()
    assert [bool(error) for error in answer["errors"]] == [False, True, False]
    first, second = (infotext.of_text({"parameters": answer["infotexts"][i]}) for i in (0, 2))
    assert first
    assert second
    assert first.look.exposure < 0.1 < second.look.exposure  # type: ignore[union-attr]
