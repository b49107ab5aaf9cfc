"""The prompt helper on the page of a running WebUI: every button changes what it says and nothing else, and can be undone."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from filmlook import load_look
from filmlook.paths import BUILT_IN
from filmlook.presets import load_preset
from filmlook.prompts import findings
from filmlook.prompts.recipes import read_recipe
from tests.live.conftest import Host
from tests.live.test_page import Page, browser  # noqa: F401 (a fixture)

RECIPE = read_recipe(BUILT_IN / "recipes" / "classic-negative.json")
NAME = "classicnegative"
GOOD = "classicnegative photo of a dog, 35mm film photograph"
ELEMENTS = {"negative": "neg_prompt", "sampler": "sampling", "cfg": "cfg_scale", "hires_denoising": "denoising_strength"}
ELEMENTS |= {"hires": "hr-checkbox", "hires_upscaler": "hr_upscaler", "hires_scale": "hr_scale"}


class Helper:
    """The helper of one tab, opened."""

    def __init__(self, page: Page, tab: str) -> None:
        self.page, self.tab = page, tab
        page.tab(f"tab_{tab}")
        self.findings = page.find(f"#{tab}_film_look_helper_findings")
        if not self.findings.is_visible():
            page.find(f"#{tab}_film_look_helper .label-wrap").click()
        self.findings.locator(".film-look-report").wait_for()

    def write(self, prompt: str, negative: str = "") -> None:
        """Types the prompts, and waits until they are looked at."""
        for name, text in (("neg_prompt", negative), ("prompt", prompt)):
            self.page.find(f"#{self.tab}_{name} textarea").fill(text)
        self.page.page.wait_for_function(
            """([id, text]) => {
                const shown = document.getElementById(id).querySelector('.film-look-marked')?.cloneNode(true);
                shown?.querySelectorAll('sup').forEach((mark) => mark.remove());
                return shown?.textContent === text;
            }""",
            arg=[self.findings.get_attribute("id"), prompt],
        )
        self.page.page.wait_for_timeout(600)

    def buttons(self) -> dict[str, str]:
        """The buttons' labels by key."""
        return dict(
            self.findings.evaluate(
                "(e) => Array.from(e.querySelectorAll('button[data-film-look]'), (b) => [b.dataset.filmLook, b.textContent])"
            )
        )

    def press(self, key: str) -> None:
        """Presses a button as soon as it is there."""
        self.page.page.wait_for_function(
            "([tab, key]) => { const all = document.querySelectorAll(`#${tab}_film_look_helper button[data-film-look]`);"
            "const button = Array.from(all).find((one) => one.dataset.filmLook === key); button?.click(); return button; }",
            arg=[self.tab, key],
        )
        self.page.page.wait_for_timeout(1800)

    def open_checkpoints(self) -> Any:
        """Opens the list of checkpoints, which is filled then; its rows."""
        rows = self.page.page.locator(f"#{self.tab}_film_look_helper_checkpoints li")
        if not rows.first.is_visible():
            self.page.find(f"#{self.tab}_film_look_helper_checkpoints_group .label-wrap").click()
        rows.first.wait_for()
        return rows

    def says(self, text: str) -> None:
        """Waits for a text about a newly chosen checkpoint, and for the host, which keeps of two that load the one that is
        done last."""
        self.findings.get_by_text(text).first.wait_for(timeout=60_000)
        self.page.page.wait_for_timeout(10_000)

    def undo(self) -> None:
        self.press("undo")

    def holds(self) -> dict[str, Any]:
        """All that the page of the tab holds."""
        found: dict[str, Any] = self.page.page.evaluate(
            """(tab) => Object.fromEntries(Array.from(document.querySelectorAll(`#tab_${tab} [id^=${tab}_]`))
                .filter((e) => !e.querySelector(`[id^=${tab}_]`) && !e.id.includes('helper'))
                .map((e) => [e.id, e.querySelector('textarea, input')]).filter(([, field]) => field).map(([id, field]) =>
                [id, ['checkbox', 'radio'].includes(field.type) ? field.checked : field.value]))""",
            self.tab,
        )
        return found

    def changed(self, before: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in self.holds().items() if value != before.get(key)}


@pytest.fixture(scope="module")
def checkpoint(host: Host, host_dir: Path) -> Iterator[str]:
    """The running host's checkpoint under another name, which a recipe knows; its title."""
    used = host.generate().pairs["Model"]  # loads it: Forge counts words until then, and titles change with their files' hashes
    known = {m["model_name"]: m for m in host.call("/sdapi/v1/sd-models")}
    there, chosen = Path(known[used]["filename"]), known[used]["title"]
    if not there.is_file():
        pytest.skip("the WebUI's checkpoints are on another machine")
    made = [host_dir / "models" / "Stable-diffusion" / f"{NAME}{there.suffix}"]
    made[0].symlink_to(there.resolve())
    if (config := there.with_suffix(".yaml")).is_file():
        made.append(made[0].with_suffix(".yaml"))
        made[1].symlink_to(config.resolve())
    try:
        host.call("/sdapi/v1/refresh-checkpoints", {})
        title = next(m["title"] for m in host.call("/sdapi/v1/sd-models") if Path(m["filename"]).stem == NAME)
        host.call("/sdapi/v1/options", {"sd_model_checkpoint": title})
        yield title
    finally:
        host.call("/sdapi/v1/options", {"sd_model_checkpoint": chosen})
        for path in made:
            path.unlink()
        host.call("/sdapi/v1/refresh-checkpoints", {})


@pytest.fixture(scope="module")
def page(browser: Any, host: Host, checkpoint: str) -> Page:  # noqa: F811
    return Page(browser, host)


@pytest.fixture(scope="module")
def helper(page: Page) -> Helper:
    return Helper(page, "txt2img")


@pytest.fixture(autouse=True)
def _no_script_errors(page: Page) -> Iterator[None]:
    page.errors.clear()
    yield
    assert page.errors == []


LONG = ", ".join(f"word{i} of a very long prompt without an end" for i in range(3)) + " and so" * 60
FIXES: dict[str, tuple[str, str]] = {
    "weight-unreadable": (f"{GOOD}, (tulips:1.2.3)", ""),
    "bracket-unclosed": (f"{GOOD}, (tulips, garden", ""),
    "bracket-unmatched": (f"{GOOD}, tulips), garden", ""),
    "prompt-weight": (f"{GOOD} :1.5", ""),
    "token-missing": ("photo of a dog", ""),
    "size": (GOOD, ""),
    "sampling": (GOOD, ""),
    "hires": (GOOD, ""),
    "weight-comma": (f"{GOOD}, (tulips:1,2)", ""),
    "weight-range": (f"{GOOD}, (tulips:1.9)", ""),
    "network-in-negative": (GOOD, "ugly, <lora:x:1>"),
    "contradiction": (f"{GOOD}, 8k", ""),
    "duplicate": (f"{GOOD}, tulips, garden, tulips", ""),
    "chunk-cut": (f"{GOOD}, {LONG}", ""),
    "too-strong": (GOOD, ""),
    "film-word": (GOOD, ""),
    "film-negative": (GOOD, "ugly"),
}


@pytest.mark.parametrize("code", FIXES)
def test_a_fix_changes_what_it_says_and_can_be_undone(helper: Helper, host: Host, code: str) -> None:
    prompt, negative = FIXES[code]
    helper.write(prompt, negative)
    before = helper.holds()
    key, label = next((key, label) for key, label in helper.buttons().items() if key.startswith(f"fix:{code}:"))
    settings = {"width": 128, "height": 128, "steps": 2, "cfg": 2, "sampler": before["txt2img_sampling"]}
    settings |= {"hires": False, "hires_upscaler": before["txt2img_hr_upscaler"], "hires_steps": 0}
    settings |= {"hires_denoising": float(before["txt2img_denoising_strength"]), "hires_scale": 2, "look": ""}
    body = {"prompt": prompt, "negative": negative, "checkpoint": NAME, "settings": settings}
    told = host.call("/sdapi/v1/film-look/prompt", body)["findings"]
    fix = next(f["fix"] for f in told if f["code"] == code and f["fix"] and f["fix"]["label"] == label)
    helper.press(key)
    changed = helper.changed(before)
    wanted = {f"txt2img_{ELEMENTS.get(field, field)}": value for field, value in fix["changes"].items()}
    assert set(changed) == set(wanted)
    for name, value in wanted.items():
        assert changed[name] == value if isinstance(value, (str, bool)) else float(changed[name]) == value, name
    helper.findings.get_by_text(label).first.wait_for()
    helper.undo()
    assert helper.changed(before) == {}


def test_the_matching_look(helper: Helper) -> None:
    preset = load_preset(RECIPE.look)
    helper.write(GOOD)
    before = helper.holds()
    helper.press(next(key for key in helper.buttons() if key.startswith("fix:look:")))
    assert helper.page.is_on("txt2img")
    assert helper.page.shown("txt2img_film_look_preset") == preset.label
    assert helper.page.number("txt2img_film_look_grain") == load_look(RECIPE.look).grain
    helper.page.page.wait_for_function(
        "(e) => !e.querySelector('button[data-film-look^=\"fix:look:\"]')", arg=helper.findings.element_handle()
    )
    helper.undo()
    assert not helper.page.is_on("txt2img")
    assert helper.changed(before) == {}


def test_every_code_with_a_fix_is_pressed_here() -> None:
    without = {"config-missing", "break-in-brackets", "file-differs", "black-pictures", "subjects"}
    without |= {"sentence-and-tags", "too-long", "not-counted"}
    assert set(findings.CODES) == set(FIXES) | without | {"look", "checkpoint"}


def test_the_checkpoint_is_recognised_and_listed_first(helper: Helper) -> None:
    helper.write(GOOD)
    helper.findings.get_by_text(RECIPE.label).first.wait_for()
    rows = helper.open_checkpoints()
    assert NAME in rows.nth(0).text_content()
    assert "★" in rows.nth(0).text_content()


def test_another_checkpoint_is_chosen_and_back(helper: Helper, host: Host, checkpoint: str) -> None:
    helper.write(GOOD)
    titles = [m["title"] for m in host.call("/sdapi/v1/sd-models")]
    other = next((title for title in titles if title != checkpoint), None)
    if other is None:
        pytest.skip("the WebUI has no other checkpoint")
    helper.open_checkpoints()
    helper.press(f"checkpoint:{other}")
    helper.says("no recipe knows it")
    finding = next(key for key in helper.buttons() if key.startswith("fix:checkpoint:"))  # the token is another one's
    helper.press(finding)
    helper.says(f"{RECIPE.label}, ")
    helper.undo()
    helper.says("no recipe knows it")
    helper.undo()
    helper.says(f"{RECIPE.label}, ")


def test_a_network_of_film_is_added(helper: Helper, host: Host, host_dir: Path) -> None:
    file = host_dir / "models" / "Lora" / "kodak-of-a-test.safetensors"
    save_file({"x": np.zeros(1, np.float32)}, file)
    try:
        host.call("/sdapi/v1/refresh-loras", {})
        helper.write(GOOD)
        before, key = helper.holds(), "add:<lora:kodak-of-a-test:1>"
        helper.page.page.evaluate("document.querySelector('#txt2img_film_look_helper_list').click()")  # as opening it does
        helper.page.page.wait_for_timeout(2000)
        helper.press(key)
        assert helper.changed(before) == {"txt2img_prompt": f"{GOOD}, <lora:kodak-of-a-test:1>"}
        helper.undo()
        assert helper.changed(before) == {}
    finally:
        file.unlink()
        host.call("/sdapi/v1/refresh-loras", {})


def test_a_hash_is_computed_when_asked(helper: Helper) -> None:
    helper.write(GOOD)
    if "hash" not in helper.buttons():
        pytest.skip("the WebUI has computed it")
    before = helper.holds()
    helper.press("hash")
    told = helper.page.page.locator(".toast-body, .toast-wrap").all_inner_texts()
    assert "hash" in "".join(told)
    assert helper.changed(before) == {}


def test_what_is_found_is_underlined_and_the_75_are_marked(helper: Helper) -> None:
    helper.write(f"{GOOD}, (tulips:1.9), {LONG}")
    underlined = helper.findings.locator("u.film-look-advice").all_inner_texts()
    assert "(tulips:1.9)" in underlined
    assert helper.findings.locator("sup").first.inner_text() == "75"
    count = helper.findings.get_by_text("Prompt:").first.inner_text().removeprefix("Prompt: ")
    helper.page.page.wait_for_function("!document.querySelector('#txt2img_token_counter').innerText.includes('processing')")
    counter = helper.page.find("#txt2img_token_counter").inner_text().strip()
    assert count == counter


def test_prompts_are_no_markup(helper: Helper) -> None:
    helper.write("<img src=x onerror=document.title='owned'> (((")
    assert "owned" not in helper.page.page.title()
    assert helper.findings.locator("img").count() == 0
    assert html.escape("<img") in helper.findings.inner_html()


def test_in_img2img(page: Page) -> None:
    helper = Helper(page, "img2img")
    helper.write("photo of a dog")
    before = helper.holds()
    keys = helper.buttons()
    assert not any(key.startswith("fix:hires:") for key in keys)
    helper.press(next(key for key in keys if key.startswith("fix:token-missing:")))
    assert helper.holds()["img2img_prompt"] == "classicnegative photo of a dog"
    helper.undo()
    assert helper.changed(before) == {}


def test_a_closed_helper_asks_nothing(page: Page) -> None:
    helper = Helper(page, "txt2img")
    page.find("#txt2img_film_look_helper .label-wrap").click()
    page.page.wait_for_timeout(800)
    calls: list[str] = []
    page.page.on("request", lambda request: calls.append(request.url))
    page.find("#txt2img_steps input[type=number]").fill("3")
    page.page.wait_for_timeout(2000)
    assert not [url for url in calls if "predict" in url or "queue" in url or "run" in url], calls
    page.find("#txt2img_film_look_helper .label-wrap").click()
    helper.findings.locator(".film-look-report").wait_for()
