"""Make mine look like this, in the tab of a running WebUI: found, chosen among others, stopped, refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docs.scenes import landscape
from filmlook import Look, develop
from filmlook.stock import stock_labels
from tests.live.conftest import Host
from tests.live.test_page import SLOW, Page, browser  # noqa: F401 (a fixture)

TOLD = "#tab_film_look_match_told"
STOCK = "tab_film_look_stock"


@pytest.fixture(scope="module")
def page(browser: Any, host: Host) -> Page:  # noqa: F811
    page = Page(browser, host)
    page.tab("tab_film_look")
    page.find("#tab_film_look_match .label-wrap").click()
    page.page.wait_for_timeout(500)
    return page


@pytest.fixture(autouse=True)
def _no_script_errors(page: Page) -> Iterator[None]:
    page.errors.clear()
    yield
    assert page.errors == []


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph on black and white film."""
    file = tmp_path_factory.mktemp("match") / "film.png"
    code = np.asarray(landscape(320, 480).convert("RGB"))
    Image.fromarray(develop(code, Look(stock="kodak_tri_x_400"), seed=1)).save(file)
    return file


def _give(page: Page, *files: Path) -> None:
    clear = page.page.locator(
        "#tab_film_look_match_files button[aria-label^=Clear], #tab_film_look_match_files button[aria-label^=Remove]"
    )
    if clear.count():
        clear.first.click()
        page.page.wait_for_timeout(800)
    page.find("#tab_film_look_match_files input[type=file]").set_input_files([str(file) for file in files])
    page.page.wait_for_timeout(1500)


def _find(page: Page, told: str) -> str:
    page.find("#tab_film_look_match_find").click()
    page.page.locator(TOLD, has_text=told).first.wait_for(timeout=SLOW)
    page.page.wait_for_timeout(1500)
    return str(page.find(TOLD).inner_text())


def test_what_is_found_fills_the_settings_and_another_one_does(page: Page, film: Path) -> None:
    _give(page, film)
    told = _find(page, "colours within")
    found = page.shown(STOCK)
    assert told.startswith(found)
    others = page.page.locator("#tab_film_look_match_others label")
    labels = [label.split(",")[0].strip() for label in others.all_inner_texts()]
    assert labels[0] == found
    assert set(labels) <= set(stock_labels().values())
    others.nth(1).click()
    page.page.wait_for_timeout(2000)
    assert page.shown(STOCK) == labels[1]


def test_a_stopped_search_changes_nothing(page: Page, film: Path) -> None:
    page.choose(STOCK, "Kodak Portra 400")
    _give(page, *[film] * 12)  # which takes longer than the hand that stops it
    page.find("#tab_film_look_match_find").click()
    page.find("#tab_film_look_match_stop").click()
    page.page.locator(TOLD, has_text="Nothing was changed.").first.wait_for(timeout=SLOW)
    page.find("#tab_film_look_match_find").wait_for()  # in the other's place again
    assert page.shown(STOCK) == "Kodak Portra 400"


def test_what_shows_nothing_is_told_in_a_line(page: Page, film: Path, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200)).save(tmp_path / "night.png")
    page.choose(STOCK, "Kodak Portra 400")
    _give(page, film, tmp_path / "night.png")
    assert _find(page, "is black") == "reference 2 of 2: the reference is black: there is nothing to tell a look by"
    assert page.shown(STOCK) == "Kodak Portra 400"


def test_a_reference_stands_beside_the_picture(page: Page, film: Path) -> None:
    _give(page, film)
    page.find("#film_look_image input[type=file]").set_input_files(str(film))
    viewer = page.find("#tab_film_look film-look-darkroom")
    viewer.locator(".stage:not([data-mode=empty])").wait_for()
    page.find("#tab_film_look_match_beside input").check()
    viewer.locator(".label.left", has_text="Reference").wait_for()
    page.find("#tab_film_look_match_beside input").uncheck()
    viewer.locator(".label.left", has_text="Before").wait_for(state="attached")
