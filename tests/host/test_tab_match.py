"""The tab's section "Make mine look like this": the settings become the look that is found, or stay."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace as Namespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docs.scenes import landscape
from filmlook import Look, develop
from filmlook.look import SETTINGS
from filmlook.matching.match import PARTS, Match
from filmlook.stock import load_stock
from tests.host.conftest import Make
from tests.host.fake import Host

FOUND = Look(stock="kodak_gold_200", print="kodak_portra_endura", contrast=0.9, grain=1.3, strength=0.8)
OTHERS = (Look(stock="kodak_ektar_100"), Look(stock="fujifilm_velvia_50", exposure=-0.2))
TASK = "task(abc)"


class Finder:
    """Stands in for `match`: what it was asked, and what it finds."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.answer = Match(FOUND, {"distance": 2.06, "chance": 0.42, "grain": 3.14}, OTHERS)

    def __call__(self, references: list[str], *, progress: Any, **how: Any) -> Match:
        self.asked = {"references": references, **how}
        for share in (0.05, 0.5, 1.0):
            progress(share)
        return self.answer


@pytest.fixture
def tab(make_host: Make) -> Host:
    host = make_host()
    host.build_page()
    return host


@pytest.fixture
def finder(tab: Host, monkeypatch: pytest.MonkeyPatch) -> Finder:
    made = Finder()
    monkeypatch.setattr(tab.module("tab_match"), "match", made)
    return made


@pytest.fixture
def reference(tmp_path: Path) -> Namespace:
    """A photograph on black and white film, as gradio 3 gives an upload."""
    code = np.asarray(landscape(160, 240).convert("RGB"))
    Image.fromarray(develop(code, Look(stock="kodak_tri_x_400"), seed=1)).save(tmp_path / "x7f.png")
    return Namespace(name=str(tmp_path / "x7f.png"), orig_name="holiday.png")


def pressed(host: Host, **values: Any) -> dict[str, Any]:
    """Presses Find: what each output becomes, by the setting's key; and `preset`, `found`, `others`, `told`."""
    named = {f"tab_film_look_match_{key}" if key != "stock" else "tab_film_look_stock": value for key, value in values.items()}
    made = host.press("tab_film_look_match_find", tab_film_look_match_task=TASK, **named)
    keys = ["preset", *(setting.key for setting in SETTINGS), "found", "others", "told"]
    return dict(zip(keys, made, strict=True))


def unchanged(made: dict[str, Any]) -> bool:
    return all(value == {"__type__": "update"} for key, value in made.items() if key != "told")


def test_what_is_found_fills_the_settings(tab: Host, finder: Finder, reference: Namespace) -> None:
    made = pressed(tab, files=[reference], weight=0.8, seek="Everything", stock="Kodak Portra 400")
    assert finder.asked["references"] == [reference.name]
    assert (finder.asked["weight"], finder.asked["only"]) == (0.8, None)
    assert finder.asked["look"].stock == "kodak_portra_400"  # what is not sought stays as it is set
    assert (made["stock"], made["print"], made["contrast"]) == ("Kodak Gold 200", "Kodak Portra Endura", 0.9)
    assert made["preset"] == "The film alone"
    told = "<span>Kodak Gold 200, Kodak Portra Endura: likely (0.42), colours within 2.1.</span>"
    assert made["told"] == f"<p>{told} <span>Grain of 3.1 codes of 255.</span></p>"
    assert made["others"]["visible"]
    assert made["others"]["choices"] == ["Kodak Gold 200, Kodak Portra Endura", "Kodak Ektar 100", "Fujifilm Velvia 50"]


def test_another_one_fills_them_again(tab: Host, finder: Finder, reference: Namespace) -> None:
    found = pressed(tab, files=[reference])["found"]
    (_, event), *_ = tab.find("tab_film_look_match_others").events
    for look in (*OTHERS, FOUND):
        _, *values = event["fn"](tab.module("tab_match").named(look), found)
        shown = dict(zip((setting.key for setting in SETTINGS), values, strict=True))
        assert shown["stock"] == load_stock(look.stock).label
        assert [shown[key] for key in ("exposure", "contrast", "grain")] == [look.exposure, look.contrast, look.grain]
    assert all(value == {"__type__": "update"} for value in event["fn"]("another", found))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_alone_can_be_sought(tab: Host, finder: Finder, reference: Namespace, part: str) -> None:
    pressed(tab, files=[reference], seek=tab.module("tab_match").SEEK[part])
    assert finder.asked["only"] == part


def test_without_colours_nothing_is_said_of_a_film(tab: Host, finder: Finder, reference: Namespace) -> None:
    finder.answer = Match(FOUND, {"grain": 3.14}, ())
    made = pressed(tab, files=[reference], seek="Grain")
    assert "The film and its colours stay as they were." in made["told"]
    assert "Gold" not in made["told"]
    assert not made["others"]["visible"]


def test_a_photograph_is_found_in_earnest(tab: Host, reference: Namespace) -> None:
    made = pressed(tab, files=[reference])
    stock = load_stock(made["found"][0]["stock"])
    assert stock.is_monochrome
    assert made["stock"] == stock.label


@pytest.mark.parametrize("stopped", ["by its button", "by the host"])
def test_a_stopped_search_changes_nothing(tab: Host, finder: Finder, reference: Namespace, stopped: str) -> None:
    if stopped == "by the host":
        tab.state.interrupted = True
    else:
        tab.press("tab_film_look_match_stop", tab_film_look_match_task=TASK)
    made = pressed(tab, files=[reference])
    assert unchanged(made)
    assert made["told"] == "<p>Nothing was changed.</p>"


def test_what_shows_nothing_is_told_in_a_line_by_its_name(tab: Host, reference: Namespace, tmp_path: Path) -> None:
    black, broken = tmp_path / "b.png", tmp_path / "c.png"
    Image.new("RGB", (80, 80)).save(black)
    broken.write_bytes(b"no picture")
    files = {
        "Give it a picture to be like.": None,
        "the reference is black: there is nothing to tell a look by": [Namespace(name=str(black), orig_name="night.png")],
        "reference 2 of 2: the reference is black: there is nothing to tell a look by": [str(reference.name), str(black)],
        "holiday.jpg: is not a PNG": [Namespace(name=str(broken), orig_name="holiday.jpg")],
    }
    for told, given in files.items():
        made = pressed(tab, files=given)
        assert unchanged(made)
        assert told in made["told"]
        assert str(tmp_path) not in made["told"]


def test_references_are_shown_small(tab: Host, reference: Namespace, tmp_path: Path) -> None:
    (tmp_path / "raw.dng").write_bytes(b"no picture for a browser")
    (_, event), *_ = tab.find("tab_film_look_match_files").events
    gallery, beside = event["fn"]([reference, str(tmp_path / "raw.dng")])
    assert [image.size for image in gallery["value"]] == [(240, 160)]
    assert gallery["visible"]
    assert beside["visible"]
    assert not event["fn"](None)[0]["visible"]


def test_a_film_of_its_own_is_told_and_in_the_list(tab: Host, finder: Finder, reference: Namespace) -> None:
    finder.answer = Match(FOUND, {"distance": 0.4}, (), stock=Path("matched.json"))
    made = pressed(tab, files=[reference], makes=True)
    assert finder.asked["new_stock"].name == "matched.json"
    assert "No film comes close, so one was made: " in made["told"]
    assert made["stock"]["value"] in made["stock"]["choices"]
    finder.answer = Match(FOUND, {"distance": 0.4}, ())
    assert "of your own: colours within 0.4." in pressed(tab, files=[reference])["told"]
    assert finder.asked["new_stock"] is None
