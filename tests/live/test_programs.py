"""Programs at a running WebUI: our routes, and `alwayson_scripts` in its own."""

from __future__ import annotations

import json
import urllib.error
from typing import Any

import pytest

from filmlook import SETTINGS, Look, develop, load_look
from filmlook.files import infotext
from tests.live.conftest import Host, apart, decoded, encoded, same

PREFIX = "/sdapi/v1/film-look"


def _refusal(host: Host, path: str, body: Any) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as refused:
        host.call(path, body)
    return refused.value.code, json.load(refused.value)["detail"]


@pytest.mark.parametrize("args", [{"look": "cinema"}, "cinema", ["cinema"], [{"look": "cinema", "enabled": True}]])
def test_every_form_of_arguments(host: Host, args: Any) -> None:
    body = {"prompt": "a cat", "steps": 1, "width": 128, "height": 128, "seed": 11, "sampler_name": "Euler a", "cfg_scale": 1}
    on = host.call("/sdapi/v1/txt2img", {**body, "alwayson_scripts": {"Film Look": {"args": args}}})
    off = host.call("/sdapi/v1/txt2img", body)
    assert same(decoded(on["images"][0]), develop(decoded(off["images"][0]), load_look("cinema"), seed=11))


def test_the_positional_list_that_script_info_shows(host: Host) -> None:
    args = host.script_args("Film Look", False)
    assert len(args) == 1 + len(SETTINGS) + 4
    args[0] = True
    args[1] = "Kodak Ektar 100"
    on = host.generate([*args])
    assert same(on.image, develop(host.generate().image, Look(stock="kodak_ektar_100"), seed=11))


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([{"grain": 99}], "grain is 99; allowed: a number from 0 to 8"),
        ([{"nope": 1}], "unknown setting 'nope'"),
        ([{"stock": "/etc/passwd"}], "installed stocks are"),
        ([{"stock": "kodak_tri_x_400", "print": "kodak_2383"}], "Kodak Tri-X 400 allows: stock, minilab, grade-0"),
        (None, "args: allowed is"),
        ([True, "Kodak Ektar 100", "stock", "much"], "strength is 'much'"),
    ],
)
def test_wrong_arguments_are_refused(host: Host, args: Any, told: str) -> None:
    code, detail = _refusal(host, "/sdapi/v1/txt2img", {"alwayson_scripts": {"Film Look": {"args": args}}})
    assert code == 422
    assert told in detail


def test_the_infotext_field_brings_the_look(host: Host) -> None:
    made = host.generate({"stock": "kodak_ektar_100", "print": "kodak_2383", "grain": 3, "frame": "super8"})
    body = {"infotext": made.infotexts[0], "do_not_save_grid": True}
    try:
        again = host.call("/sdapi/v1/txt2img", body)
    except urllib.error.HTTPError:
        pytest.skip("the host's field infotext fails by itself")
    assert same(decoded(again["images"][0]), made.image)


def test_develops_as_here(host: Host) -> None:
    raw = host.generate().image
    order = {"images": [encoded(raw), "AAAA"], "look": {"look": "gold-snapshot", "grain": 2}, "include": ["sheet"]}
    answer = host.call(f"{PREFIX}/develop", order)
    look = Look.from_dict({**load_look("gold-snapshot").to_dict(), "grain": 2})
    film = decoded(answer["images"][0])
    assert same(film, develop(raw, look, seed=11))
    assert answer["seeds"][0] == 11
    assert infotext.read(film) == infotext.Developed(look, 11)
    assert answer["images"][1] is None
    assert "not a PNG" in answer["errors"][1]
    assert decoded(answer["sheets"][0]).size == (2 * raw.width, raw.height)
    told = host.call(f"{PREFIX}/read", {"image": answer["images"][0]})
    assert told["look"] == look.to_dict()
    again = host.generate({"stock": "neutral"}, sources=[film])
    assert again.pairs[infotext.PASS] == infotext.GRAIN_ONLY
    assert apart(film, raw) > 1


def test_lists_schema_and_looks(host: Host) -> None:
    assert {s["name"] for s in host.call(f"{PREFIX}/stocks")} >= {"kodak_gold_200", "neutral"}
    assert {p["name"] for p in host.call(f"{PREFIX}/papers")} >= {"kodak_2383", "grade-2"}
    assert set(host.call(f"{PREFIX}/schema")["properties"]) == {"look", "version", *(s.key for s in SETTINGS)}
    assert {p["name"] for p in host.call(f"{PREFIX}/looks")} >= {"cinema", "gold-snapshot"}
    assert host.call(f"{PREFIX}/health")["status"] == "ok"
    code, detail = _refusal(host, f"{PREFIX}/develop", {"images": ["http://127.0.0.1/x.png"]})
    assert code == 422
    assert "not base64" in detail


def test_the_description_is_at_docs(host: Host) -> None:
    paths = host.call("/openapi.json")["paths"]
    assert f"{PREFIX}/develop" in paths
