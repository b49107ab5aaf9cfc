"""The darkroom on the page of a running WebUI: it follows the settings, they follow it, and looking writes no file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from filmlook import Look, develop
from filmlook.files import infotext
from tests.live.conftest import Host, encoded, same
from tests.live.test_page import SLOW, Page, browser  # noqa: F401 (a fixture)

TAB = "#tab_film_look film-look-darkroom"
UNDER = "#tab_txt2img film-look-darkroom"


@pytest.fixture(scope="module")
def page(browser: Any, host: Host) -> Page:  # noqa: F811
    return Page(browser, host)


@pytest.fixture(autouse=True)
def _no_script_errors(page: Page) -> Iterator[None]:
    page.errors.clear()
    yield
    assert page.errors == []


def _wait(page: Page, viewer: str, condition: str) -> None:
    """Waits until something holds of a viewer `v`."""
    page.page.wait_for_function(
        f"(() => {{ const v = document.querySelector('{viewer}'); return v && ({condition}); }})()", timeout=30_000
    )


def _files(folder: Path) -> int:
    return sum(1 for path in (folder / "outputs").rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def opened(page: Page, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    """A picture in the tab, and shown by its viewer."""
    raw = Image.merge("RGB", [Image.linear_gradient("L").rotate(90 * n).resize((192, 128)) for n in range(3)])
    file = tmp_path_factory.mktemp("viewer") / "raw.png"
    file.write_bytes(base64.b64decode(encoded(raw)))
    page.tab("tab_film_look")
    page.find("#film_look_image input[type=file]").set_input_files(str(file))
    _wait(page, TAB, "v.sent?.width === 192")
    return raw


def test_it_follows_what_the_user_and_the_server_change_and_writes_nothing(
    page: Page, opened: Image.Image, host_dir: Path
) -> None:
    before = _files(host_dir)
    page.set_number("tab_film_look_exposure", 0.5)
    _wait(page, TAB, "v.look.exposure === 0.5")
    page.choose("tab_film_look_preset", "Tri-X street")
    _wait(page, TAB, "v.look.stock === 'kodak_tri_x_400' && v.look.filter === 'yellow-8' && v.look.print === 'grade-3'")
    assert _files(host_dir) == before


def test_what_is_chosen_in_it_goes_into_the_settings(page: Page, opened: Image.Image) -> None:
    page.choose("tab_film_look_preset", "Velvia landscape")
    _wait(page, TAB, "v.look.stock === 'fujifilm_velvia_100'")
    page.page.evaluate(f"document.querySelector('{TAB}').undo()")
    page.page.wait_for_timeout(2500)
    assert page.shown("tab_film_look_stock") == "Kodak Tri-X 400"
    assert page.shown("tab_film_look_preset") == "Tri-X street"


def test_it_stays_in_view_while_the_settings_scroll(page: Page, opened: Image.Image) -> None:
    group = page.find("#tab_film_look_print_group .label-wrap")
    group.click()
    page.page.wait_for_timeout(500)
    for width, share in ((1400, 1.0), (390, 0.4)):
        page.page.set_viewport_size({"width": width, "height": 844})
        page.page.wait_for_timeout(600)
        page.find("#tab_film_look_saturation").scroll_into_view_if_needed()
        box = page.find(TAB).bounding_box()
        assert box is not None
        assert -1 <= box["y"] < 100
        assert box["height"] < share * 844
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    page.page.set_viewport_size({"width": 1600, "height": 1400})
    group.click()


def test_develop_saves_one_file_and_says_where_and_a_change_makes_it_old(
    page: Page, opened: Image.Image, host_dir: Path
) -> None:
    before = _files(host_dir)
    page.choose("tab_film_look_preset", "Tri-X street")
    page.find(TAB).locator("button.main").click()
    page.settled("film_look")
    assert _files(host_dir) == before + 1
    told = page.find("#html_log_film_look").inner_text()
    assert "Saved:" in told
    old = "document.querySelector('#film_look_gallery_container').classList.contains('film-look-old')"
    assert not page.page.evaluate(old)
    page.set_number("tab_film_look_grain", 3)
    page.page.wait_for_timeout(1200)
    assert page.page.evaluate(old)


def test_it_says_that_the_server_is_gone_and_goes_on_when_it_is_back(page: Page, opened: Image.Image) -> None:
    page.tab("tab_film_look")
    calls, told = "**/sdapi/v1/film-look/**", page.find(TAB).get_by_text("The server does not answer")
    page.page.route(calls, lambda route: route.abort())
    page.set_number("tab_film_look_exposure", 1)
    told.wait_for()
    page.page.unroute(calls)
    told.wait_for(state="hidden")
    page.set_number("tab_film_look_exposure", 0)


def test_a_video_is_refused_by_its_name(page: Page, opened: Image.Image, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(2000))
    page.tab("tab_film_look")
    page.find("#film_look_image input[type=file]").first.set_input_files(str(tmp_path / "clip.mp4"))
    page.page.wait_for_timeout(800)
    assert "clip.mp4: it is a video" in page.find("#tab_film_look .film-look-viewer-note").inner_text()


def test_a_broken_file_is_told_in_a_line(page: Page, opened: Image.Image, host_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture at all")
    before = _files(host_dir)
    page.tab("tab_film_look")
    page.find("#film_look_image button[aria-label='Clear'], #film_look_image button[aria-label='Remove Image']").click()
    page.page.wait_for_timeout(600)
    page.find("#film_look_image input[type=file]").first.set_input_files(str(tmp_path / "broken.png"))
    page.find(TAB).get_by_text("is not a PNG").wait_for()
    page.page.wait_for_timeout(1500)
    page.find(TAB).locator("button.main").click()
    page.settled("film_look")
    assert page.find("#html_log_film_look").inner_text().startswith("it is no picture")
    assert _files(host_dir) == before


def test_under_the_gallery_stands_the_picture_without_film(page: Page, host_dir: Path) -> None:
    page.tab("tab_txt2img")
    page.switch("txt2img", True)
    page.choose("txt2img_film_look_stock", "Kodak Portra 400")
    page.settle("txt2img")
    shown = page.gallery("txt2img")
    page.find("#txt2img_on_film").click()
    _wait(page, UNDER, "v.sent && v.look?.stock === 'kodak_portra_400'")
    assert page.page.evaluate(f"document.querySelector('{UNDER}').sent.developed") is False
    assert page.page.evaluate(f"document.querySelector('{UNDER}').getBoundingClientRect().bottom <= innerHeight")
    page.choose("txt2img_film_look_stock", "Kodak Ektar 100")
    _wait(page, UNDER, "v.look.stock === 'kodak_ektar_100'")
    for width, share in ((1400, 1.0), (390, 0.4)):  # it is in view beside the settings
        page.page.set_viewport_size({"width": width, "height": 844})
        page.page.wait_for_timeout(600)
        page.find("#txt2img_film_look_input").evaluate("(e) => e.scrollIntoView({ block: 'end' })")
        page.page.wait_for_timeout(300)
        box = page.find(UNDER).bounding_box()
        assert box is not None
        assert -1 <= box["y"] < 844 - box["height"]
        assert box["height"] < share * 844
    page.page.set_viewport_size({"width": 1600, "height": 1400})
    before = _files(host_dir)
    page.find(UNDER).locator("button.main").click()
    note = page.find("#tab_txt2img .film-look-viewer-note")
    note.filter(has_text="Saved:").wait_for(timeout=60_000)
    assert _files(host_dir) == before + 1
    file = Path(note.inner_text().removeprefix("Saved:").strip())
    made = Image.open(file if file.is_absolute() else host_dir / file)
    found = infotext.read(made)
    assert found is not None
    assert found.look == Look(stock="kodak_ektar_100")
    page.switch("txt2img", False)
    page.settle("txt2img")  # the same seed, without film
    raw = page.gallery("txt2img")
    assert same(made, develop(raw, found.look, seed=found.seed or 0))
    assert not same(made, shown)


def test_a_changed_setting_is_marked_and_taken_back_by_a_double_click(page: Page) -> None:
    page.tab("tab_film_look")
    page.choose("tab_film_look_preset", "Tri-X street")
    page.set_number("tab_film_look_grain", 3)
    page.page.wait_for_timeout(1200)
    assert "changed" in page.find("#tab_film_look_about").inner_text()
    page.find("#tab_film_look_grain [data-testid=block-info]").dblclick()
    page.page.wait_for_timeout(1500)
    assert page.number("tab_film_look_grain") == 1
    assert "changed" not in page.find("#tab_film_look_about").inner_text()


def test_presets_kept_in_one_place_show_in_the_others_and_after_a_reload(page: Page) -> None:
    page.tab("tab_film_look")
    page.find("#tab_film_look_preset_keeping .label-wrap").click()
    page.page.wait_for_timeout(500)
    page.find("#tab_film_look_preset_name textarea, #tab_film_look_preset_name input").fill("seen everywhere")
    page.find("#tab_film_look_preset_save").click()
    page.page.wait_for_timeout(2000)
    for reload in (False, True):
        if reload:
            page.page.reload()
            page.page.wait_for_selector("#txt2img_generate", timeout=SLOW)
            page.page.wait_for_timeout(3000)
        page.tab("tab_txt2img")
        page.switch("txt2img", True)
        page.page.wait_for_timeout(1500)
        assert "seen everywhere" in page.offered("txt2img_film_look_preset")
    page.choose("txt2img_film_look_preset", "seen everywhere")
    page.find("#txt2img_film_look_preset_keeping .label-wrap").click()
    page.page.wait_for_timeout(500)
    page.find("#txt2img_film_look_preset_delete").click()
    page.page.wait_for_timeout(2000)
    assert "seen everywhere" not in page.offered("txt2img_film_look_preset")
