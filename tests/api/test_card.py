"""The film card and the finder's facts: what people look for a film by, and what its plots show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from filmlook import load_stock
from filmlook.errors import StockFileError
from filmlook.paths import BUILT_IN
from filmlook.stock import list_stocks, parse_stock
from tests.api.clients import PREFIX

MODELS = [name for name in list_stocks() if load_stock(name).film]


def card(client: TestClient, name: str) -> dict[str, Any]:
    answer = client.get(f"{PREFIX}/card/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", ["kodak_gold_200", "fujifilm_velvia_50", "kodak_tri_x_400", "kodak_portra_400"])
def test_a_card_shows_the_film(client: TestClient, name: str) -> None:
    stock, told = load_stock(name), card(client, name)
    assert (told["iso"], told["kind"], told["halation"]) == (stock.iso, stock.kind, stock.antihalation)
    exposure = np.array(told["curves"]["log_exposure"])
    middle = np.abs(exposure) < 0.3
    for i, key in enumerate("rgb"):
        layer = min(i, stock.layers - 1)
        density = np.array(told["curves"][key])
        slopes = np.diff(density) / np.diff(exposure)
        assert (slopes <= 1e-3).all() if stock.kind == "reversal" else (slopes >= -1e-3).all()
        assert abs(slopes[middle[:-1]].mean()) == pytest.approx(abs(stock.published["gamma"][layer]), rel=0.25)
        assert density.min() == pytest.approx(stock.published["dmin"][layer], abs=0.35)
        response = np.array(told["mtf"][key])
        cycles = told["mtf"]["cycles_mm"]
        np.testing.assert_allclose(np.interp(stock.mtf_cycles, cycles, response), stock.mtf[layer], atol=0.02)
    code = np.array(told["granularity"]["code"])
    assert (np.diff(code) >= 0).all()
    assert code[0] < 0.1
    assert code[-1] > 0.9


@pytest.mark.parametrize("name", MODELS)
def test_mid_greys_grain_is_near_the_datasheets(client: TestClient, name: str) -> None:
    """The datasheet measures at a net density of 1; mid-grey of no film lies far from it."""
    stock, grain = load_stock(name), card(client, name)["granularity"]
    most = np.max([grain[key] for key in "rgb"])
    assert 0.5 < most / max(stock.granularity) < 2.0


def test_a_card_knows_the_print(client: TestClient) -> None:
    own, other = (client.get(f"{PREFIX}/card/kodak_gold_200{query}").json() for query in ("", "?print=kodak_2383"))
    assert (own["print"], other["print"]) == ("stock", "kodak_2383")
    assert own["curves"] == other["curves"]
    assert own["granularity"]["code"] != other["granularity"]["code"]


def test_a_stock_without_layers_has_no_plots(client: TestClient) -> None:
    told = card(client, "neutral")
    assert (told["curves"], told["granularity"], told["mtf"]) == (None, None, None)
    assert told["label"] == "Neutral"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("agfa", 404, "there is no stock 'agfa'"),
        ("..%2F..%2Fetc", 404, ""),
        ("kodak_gold_200?print=grade-2", 422, "Kodak Gold 200 allows: stock, minilab"),
    ],
)
def test_there_is_no_card_of_what_is_not_there(client: TestClient, path: str, status: int, said: str) -> None:
    answer = client.get(f"{PREFIX}/card/{path}")
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_the_list_tells_what_a_film_is_found_by(client: TestClient, home: Path) -> None:
    (home / "stocks").mkdir(parents=True)
    (home / "stocks" / "old.cube").write_text('TITLE "Old"\nLUT_3D_SIZE 2\n' + "0 0 0\n" * 8)
    found = {stock["name"]: stock for stock in client.get(f"{PREFIX}/stocks").json()}
    for name in MODELS:
        stock = load_stock(name)
        told = found[name]
        assert told == {
            "name": name,
            "label": stock.label,
            "maker": stock.maker,
            "iso": stock.iso,
            "kind": stock.kind,
            "moods": list(stock.moods),
        }
        assert 2 <= len(told["moods"]) <= 4
        assert told["maker"]
    assert found["kodak_gold_200_network"]["kind"] == "network"
    assert found["old"] == {"name": "old", "label": "Old", "maker": "", "iso": None, "kind": "lut", "moods": []}


def test_moods_are_words(client: TestClient) -> None:
    data = json.loads((BUILT_IN / "stocks" / "kodak_gold_200.json").read_text(encoding="utf-8"))
    assert parse_stock("mine", {key: value for key, value in data.items() if key != "moods"}).moods == ()
    for wrong in ("warm", ["x" * 41], [1], ["a"] * 9, {"a": 1}):
        with pytest.raises(StockFileError, match="'moods' is no list of up to 8 words"):
            parse_stock("mine", {**data, "moods": wrong})
