"""The page of a running WebUI, in headless Chromium: what a user clicks, and what comes of it."""

from __future__ import annotations

import base64
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import Look, develop, load_look
from filmlook.files import infotext
from filmlook.paths import BUILT_IN
from filmlook.presets import read_preset
from tests.live.conftest import Host, apart, codes, encoded, same

sync_api = pytest.importorskip("playwright.sync_api", reason="the page needs playwright: pip install playwright")

SLOW = 300_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        if not chromium:
            pytest.skip("no Chromium here; CHROMIUM may name it")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Page:
    """One open page; errors of our script fail the test."""

    def __init__(self, browser: Any, host: Host) -> None:
        self.errors: list[str] = []
        self.page = browser.new_page(viewport={"width": 1600, "height": 1400}, accept_downloads=True)
        self.page.set_default_timeout(12_000)
        self.page.on("pageerror", lambda error: self._error(f"{error} {error.stack}"))
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.on("console", self._console)
        self.page.goto(f"{host.url}/?__theme=light")
        self.page.wait_for_selector("#txt2img_generate", timeout=SLOW)
        self.page.wait_for_selector("#txt2img_film_look-visible-checkbox", state="attached")
        self.page.wait_for_timeout(1500)
        self.host = host
        self.small()

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self._error(message.text)

    def _error(self, text: str) -> None:
        if "film_look" in text:  # hosts have errors of their own
            self.errors.append(text)

    def find(self, selector: str) -> Any:
        return self.page.locator(selector).first

    def tab(self, panel: str) -> None:
        """Opens one of the host's tabs by the id of its panel."""
        self.page.evaluate(
            """(id) => {
                const tabs = document.querySelector('#tabs') ?? gradioApp().querySelector('#tabs');
                const panels = Array.from(tabs.children).filter((child) => child.id.startsWith('tab_'));
                tabs.querySelectorAll('button')[panels.findIndex((panel) => panel.id === id)].click();
            }""",
            panel,
        )
        self.page.wait_for_timeout(500)

    def is_on(self, tab: str) -> bool:
        return self.find(f"#{tab}_film_look-visible-checkbox").is_checked()

    def switch(self, tab: str, on: bool) -> None:
        if self.is_on(tab) != on:
            self.find(f"#{tab}_film_look .label-wrap").click()
            self.page.wait_for_timeout(700)
        assert self.is_on(tab) == on

    def choose(self, dropdown: str, label: str) -> None:
        box = self.find(f"#{dropdown} input")
        box.click()
        box.fill(label)
        self.page.wait_for_timeout(300)
        self.page.locator(f'ul.options li[aria-label="{label}"]').first.click()
        self.page.wait_for_timeout(1200)

    def shown(self, dropdown: str) -> str:
        return self.find(f"#{dropdown} input").input_value()

    def offered(self, dropdown: str) -> list[str]:
        """What a dropdown lets one choose."""
        box = self.find(f"#{dropdown} input")
        box.click()
        self.page.wait_for_timeout(400)
        labels = [
            label or "" for label in self.page.locator("ul.options li").evaluate_all("(all) => all.map((li) => li.ariaLabel)")
        ]
        box.blur()
        self.page.wait_for_timeout(300)
        return labels

    def number(self, slider: str) -> float:
        return float(self.find(f"#{slider} input[type=number]").input_value())

    def set_number(self, slider: str, value: float) -> None:
        box = self.find(f"#{slider} input[type=number]")
        box.fill(str(value))
        box.blur()
        self.page.wait_for_timeout(300)

    def settle(self, tab: str, key: str = "") -> None:
        """Generates with the button, or with a key, and waits for the end."""
        if key:
            self.page.keyboard.press(key)
        else:
            self.find(f"#{tab}_generate").click()
        self.settled(tab)

    def settled(self, tab: str) -> None:
        """Waits for the end of what was started."""
        self.page.wait_for_timeout(700)
        self.page.wait_for_function(
            f"document.querySelector('#{tab}_interrupt').style.display != 'block'"
            f" && document.querySelector('#{tab}_interrupting').style.display != 'block'",
            timeout=SLOW,
        )
        self.page.wait_for_timeout(1500)

    def gallery(self, tab: str) -> Image.Image:
        """The picture that the gallery shows."""
        source = self.find(f"#{tab}_gallery img").get_attribute("src") or ""
        body = self.page.request.get(source if source.startswith("http") else self.host.url + source).body()
        return Image.open(io.BytesIO(body))

    def small(self, tab: str = "txt2img") -> None:
        """A small picture in few steps."""
        for name, value in (("steps", 2), ("width", 128), ("height", 128), ("cfg_scale", 2)):
            box = self.find(f"#{tab}_{name} input[type=number]")
            if box.is_visible():
                self.set_number(f"{tab}_{name}", value)
        self.find(f"#{tab}_prompt textarea").fill("a cat")
        seed = self.find(f"#{tab}_seed input")
        seed.fill("5")
        seed.blur()


@pytest.fixture(scope="module")
def page(browser: Any, host: Host) -> Page:
    return Page(browser, host)


@pytest.fixture(autouse=True)
def _no_script_errors(page: Page) -> Iterator[None]:
    page.errors.clear()
    yield
    assert page.errors == []


def test_off_and_closed_at_first(page: Page) -> None:
    for tab in ("txt2img", "img2img"):
        assert not page.is_on(tab)
    assert page.find("#tab_film_look").count() == 1


def test_a_preset_sets_all_settings_and_reset_takes_them_back(page: Page) -> None:
    page.tab("tab_txt2img")
    page.switch("txt2img", True)
    page.choose("txt2img_film_look_preset", "Gold 200 snapshot")
    look = load_look("gold-snapshot")
    assert page.number("txt2img_film_look_grain") == look.grain
    assert page.number("txt2img_film_look_light_red") == look.light_red
    page.find("#txt2img_film_look_reset").click()
    page.page.wait_for_timeout(1200)
    assert page.number("txt2img_film_look_grain") == 1


def test_generated_shown_and_told(page: Page) -> None:
    page.switch("txt2img", True)
    page.choose("txt2img_film_look_stock", "Kodak Portra 400")
    page.set_number("txt2img_film_look_strength", 0.8)
    page.settle("txt2img")
    shown = page.gallery("txt2img")
    found = infotext.read(shown)
    assert found is not None
    assert found.look == Look(stock="kodak_portra_400", strength=0.8)
    assert found.seed == 5
    assert "Film Look" in page.find("#html_info_txt2img").inner_text()
    page.switch("txt2img", False)
    page.settle("txt2img")
    raw = page.gallery("txt2img")
    assert infotext.read(raw) is None
    assert same(shown, develop(raw, found.look, seed=5))


def test_ctrl_enter_generates(page: Page) -> None:
    page.switch("txt2img", True)
    page.find("#txt2img_prompt textarea").focus()
    page.settle("txt2img", "Control+Enter")
    assert infotext.read(page.gallery("txt2img")) is not None


def _upscaled(page: Page) -> Image.Image | None:
    """What the button under the gallery makes of a new picture; None where it fails."""
    page.settle("txt2img")
    page.find("#txt2img_upscale").click()
    page.page.wait_for_timeout(1000)
    page.page.wait_for_function("document.querySelector('#txt2img_interrupt').style.display != 'block'", timeout=SLOW)
    page.page.wait_for_timeout(2500)
    shown = page.gallery("txt2img") if page.find("#txt2img_gallery img").count() else None
    return shown if shown and shown.width > 128 else None


def test_the_gallerys_upscale_button_gives_grain_only(page: Page) -> None:
    if page.find("#txt2img_upscale").count() == 0:
        pytest.skip("the host has no such button")
    page.tab("tab_txt2img")
    page.switch("txt2img", True)
    upscaled = _upscaled(page)
    if upscaled is None:
        page.switch("txt2img", False)
        assert _upscaled(page) is None
        pytest.skip("the host's button fails without Film Look too")
    pairs = infotext.pairs_of(upscaled.info["parameters"])
    assert pairs[infotext.PASS] == infotext.GRAIN_ONLY


def test_sent_to_the_tab_developed_there_and_sent_on(page: Page) -> None:
    page.tab("tab_txt2img")
    page.switch("txt2img", False)
    page.settle("txt2img")
    raw = page.gallery("txt2img")
    page.find("#txt2img_send_to_film_look").click()
    page.page.wait_for_timeout(2000)
    assert page.find("#tab_film_look").is_visible()
    page.choose("tab_film_look_stock", "Fujifilm Velvia 100")
    page.settle("film_look")
    film = page.gallery("film_look")
    found = infotext.read(film)
    assert found is not None
    assert found.look == Look(stock="fujifilm_velvia_100")
    assert same(film, develop(raw, found.look, seed=found.seed or 0))
    before, after = (infotext.pairs_of(i.info["parameters"]) for i in (raw, film))
    assert {k: v for k, v in after.items() if k not in infotext.KEYS} == before
    page.find("#film_look_send_to_img2img").click()
    page.page.wait_for_timeout(2000)
    assert page.find("#tab_img2img").is_visible()
    assert page.page.locator("#img2img_image img").evaluate_all("(all) => all.some((img) => img.naturalWidth === 128)")


def test_ctrl_enter_works_in_the_tab(page: Page) -> None:
    page.tab("tab_film_look")
    page.choose("tab_film_look_stock", "Kodak Tri-X 400")
    page.find("#tab_film_look").click(position={"x": 5, "y": 5})
    page.settle("film_look", "Control+Enter")
    film = codes(page.gallery("film_look"))
    assert np.abs(film - film.mean(-1, keepdims=True)).max() < 1


def test_send_to_img2img_takes_film_look_along(page: Page) -> None:
    page.tab("tab_img2img")
    page.switch("img2img", False)
    page.tab("tab_txt2img")
    page.switch("txt2img", True)
    page.choose("txt2img_film_look_stock", "Kodak Ektar 100")
    page.settle("txt2img")
    page.find("#txt2img_send_to_img2img").click()
    page.page.wait_for_timeout(2500)
    assert page.find("#tab_img2img").is_visible()
    assert page.is_on("img2img")
    assert page.shown("img2img_film_look_stock") == "Kodak Ektar 100"
    page.tab("tab_txt2img")


def test_the_prints_follow_the_stock(page: Page) -> None:
    page.tab("tab_txt2img")
    page.switch("txt2img", True)
    prints = "txt2img_film_look_print"
    page.choose("txt2img_film_look_stock", "Kodak Portra 400")
    page.choose(prints, "Kodak Vision 2383")
    page.choose("txt2img_film_look_stock", "Kodak Ektar 100")
    assert page.shown(prints) == "Kodak Vision 2383"
    assert "Kodak Vision 2383" in page.offered(prints)
    page.choose("txt2img_film_look_stock", "Kodak Tri-X 400")
    assert page.shown(prints) == "The stock's own"
    assert [label for label in page.offered(prints) if "grade" in label] == [f"Black and white, grade {n}" for n in range(6)]
    assert "Kodak Vision 2383" not in page.offered(prints)
    page.choose(prints, "Black and white, grade 4")
    page.settle("txt2img")
    found = infotext.read(page.gallery("txt2img"))
    assert found is not None
    assert (found.look.stock, found.look.print) == ("kodak_tri_x_400", "grade-4")  # type: ignore[union-attr]
    page.find("#txt2img_send_to_img2img").click()
    page.page.wait_for_timeout(2500)
    assert page.shown("img2img_film_look_print") == "Black and white, grade 4"
    assert "Black and white, grade 1" in page.offered("img2img_film_look_print")
    page.tab("tab_txt2img")
    page.find("#txt2img_film_look_reset").click()
    page.page.wait_for_timeout(1500)
    assert page.shown(prints) == "The stock's own"
    assert "Kodak Vision 2383" in page.offered(prints)


def test_png_info_pastes_everything_and_a_plain_picture_switches_off(page: Page, host: Host, tmp_path: Path) -> None:
    look = Look(
        stock="kodak_ektar_100", print="kodak_2393", grain=3, toning="sepia", light_blue=-0.25, frame="super8", rating=1
    )
    answers = [host.generate(look.to_dict() | {"grain_seed": 77}), host.generate()]
    for name, result in zip(("film.png", "plain.png"), answers, strict=True):
        (tmp_path / name).write_bytes(base64.b64decode(encoded(result.image)))
    for tab, panel in (("txt2img", "tab_txt2img"), ("img2img", "tab_img2img")):
        for name, on in (("film.png", True), ("plain.png", False)):
            page.tab("tab_pnginfo")
            clear = page.find("#pnginfo_image button[aria-label='Clear'], #pnginfo_image button[aria-label='Remove Image']")
            if clear.count():
                clear.click()
                page.page.wait_for_timeout(600)
            page.find("#pnginfo_image input[type=file]").set_input_files(str(tmp_path / name))
            page.page.wait_for_timeout(2500)
            page.find(f"#tab_pnginfo #{tab}_tab").click()
            page.page.wait_for_timeout(2500)
            assert page.find(f"#{panel}").is_visible()
            assert page.is_on(tab) == on
        shown = {key: page.number(f"{tab}_film_look_{key}") for key in ("grain", "light_blue")}
        assert shown == {"grain": 3, "light_blue": -0.25}
        assert page.shown(f"{tab}_film_look_stock") == "Kodak Ektar 100"
        assert page.shown(f"{tab}_film_look_print") == "Kodak Vision Premier 2393"
        assert page.number(f"{tab}_film_look_rating") == 1
        assert page.shown(f"{tab}_film_look_toning") == "Sepia"
        assert page.shown(f"{tab}_film_look_seed_mode") == "Fixed"


def test_presets_are_saved_used_and_deleted(page: Page) -> None:
    page.tab("tab_film_look")
    page.choose("tab_film_look_stock", "Kodak Ektar 100")
    if not page.find("#tab_film_look_preset_name textarea, #tab_film_look_preset_name input").is_visible():
        page.find("#tab_film_look_preset_keeping .label-wrap").click()
        page.page.wait_for_timeout(500)
    page.find("#tab_film_look_preset_name textarea, #tab_film_look_preset_name input").fill("of a test")
    page.find("#tab_film_look_preset_save").click()
    page.page.wait_for_timeout(1500)
    assert page.shown("tab_film_look_preset") == "of a test"
    page.find("#tab_film_look_reset").click()
    page.page.wait_for_timeout(1200)
    assert page.shown("tab_film_look_stock") == "Kodak Gold 200"
    page.choose("tab_film_look_preset", "of a test")
    assert page.shown("tab_film_look_stock") == "Kodak Ektar 100"
    page.find("#tab_film_look_preset_delete").click()
    page.page.wait_for_timeout(1500)
    assert "Deleted" in page.find("#tab_film_look_preset_status").inner_text()
    page.find("#tab_film_look_preset_delete").click()
    page.page.wait_for_timeout(1500)
    assert "of your own" in page.find("#tab_film_look_preset_status").inner_text()


def test_a_batch_of_files_with_a_bad_one(page: Page, tmp_path: Path) -> None:
    raw = Image.merge("RGB", [Image.linear_gradient("L").resize((128, 128))] * 3)  # like nothing that was delivered
    for name in ("one.png", "two.png"):
        (tmp_path / name).write_bytes(base64.b64decode(encoded(raw)))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    page.tab("tab_film_look")
    page.page.locator("#mode_film_look button").nth(1).click()
    files = [str(tmp_path / name) for name in ("one.png", "bad.png", "two.png")]
    page.find("#film_look_files input[type=file]").set_input_files(files)
    page.page.wait_for_timeout(2500)
    page.settle("film_look")
    assert "bad" in page.find("#html_log_film_look").inner_text()
    assert page.page.locator("#film_look_gallery .thumbnail-item").count() >= 2
    page.page.locator("#mode_film_look button").nth(0).click()


def test_extras_develops_and_leaves_developed_pictures_alone(page: Page, host: Host, tmp_path: Path) -> None:

    page.tab("tab_extras")
    page.find("#extras_film_look .label-wrap").click()
    page.page.wait_for_timeout(800)
    for name, look in (("raw.png", None), ("film.png", {"stock": "neutral", "grain": 5})):
        source = host.generate(look, seed=21).image
        (tmp_path / name).write_bytes(base64.b64decode(encoded(source)))
        clear = page.find("#extras_image button[aria-label='Clear'], #extras_image button[aria-label='Remove Image']")
        if clear.count():
            clear.click()
            page.page.wait_for_timeout(600)
        page.find("#extras_image input[type=file]").set_input_files(str(tmp_path / name))
        page.page.wait_for_timeout(2500)
        page.settle("extras")
        result = page.gallery("extras")
        if look is None:
            assert same(result, develop(source, Look(), seed=21))
            assert infotext.read(result) is not None
        else:
            assert apart(result, source) == 0


def test_stocks_dropped_into_the_folder_appear_after_refresh(page: Page, host_dir: Path) -> None:
    folder = host_dir / "models" / "FilmLook" / "stocks"
    file = folder / "film_of_a_test.json"
    shutil.copy(BUILT_IN / "stocks" / "neutral.json", file)
    file.write_text(file.read_text(encoding="utf-8").replace('"Neutral"', '"Film of a test"'), encoding="utf-8")
    try:
        page.tab("tab_film_look")
        page.find("#tab_film_look_refresh_stocks").click()
        page.page.wait_for_timeout(1500)
        page.choose("tab_film_look_stock", "Film of a test")
        assert page.shown("tab_film_look_stock") == "Film of a test"
    finally:
        file.unlink()


def test_presets_are_exported_and_imported(page: Page, host_dir: Path, tmp_path: Path) -> None:
    page.tab("tab_film_look")
    page.find("#tab_film_look_reset").click()
    page.page.wait_for_timeout(1000)
    page.choose("tab_film_look_stock", "Kodak Ektar 100")
    if not page.find("#tab_film_look_preset_export").is_visible():
        page.find("#tab_film_look_preset_keeping .label-wrap").click()
        page.page.wait_for_timeout(500)
    page.find("#tab_film_look_preset_name textarea, #tab_film_look_preset_name input").fill("taken along")
    page.find("#tab_film_look_preset_export").click()
    page.page.wait_for_timeout(1500)
    with page.page.expect_download() as download:
        page.find("#tab_film_look_preset_file a").click()
    exported = tmp_path / "brought back.json"
    download.value.save_as(exported)
    assert read_preset(exported).look == Look(stock="kodak_ektar_100")
    kept = host_dir / "models" / "FilmLook" / "looks"
    before = set(kept.glob("*.json"))
    upload = page.find("#tab_film_look_preset_import")
    with page.page.expect_file_chooser() as chooser:
        upload.click()
    chooser.value.set_files(str(exported))
    page.page.wait_for_timeout(2500)
    (new,) = set(kept.glob("*.json")) - before
    assert read_preset(new).look == Look(stock="kodak_ektar_100")
    new.unlink()
