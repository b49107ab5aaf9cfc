"""Pages of extensions that make films, in headless Chromium: what is set in Film Look's accordion becomes of their films."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from filmlook import ExposureLock, Look, develop
from filmlook.files import infotext
from tests.live.conftest import Host, apart
from tests.live.test_page import Page, browser, sync_api  # noqa: F401 (a fixture)

FRAMES = 4
_LONG = 120_000


@pytest.fixture
def page(browser: Any, host: Host, host_dir: Path) -> Page:  # noqa: F811
    return Page(browser, host)


def _has(page: Page, panel: str) -> None:
    if not page.page.locator(f"#{panel}").count():
        pytest.skip(f"the host has no {panel}")


def test_deforums_generate_develops_with_the_accordion(page: Page, host_dir: Path, tmp_path: Path) -> None:
    _has(page, "deforum_generate")
    page.switch("txt2img", True)
    page.find("#txt2img_film_look_deforum input").check()
    page.set_number("txt2img_film_look_grain", 3)
    settings = tmp_path / "settings.txt"
    asked = {"W": 64, "H": 64, "steps": 2, "animation_mode": "2D", "max_frames": FRAMES, "prompts": {"0": "a cat"}, "seed": 5}
    asked |= {"fps": 8, "diffusion_cadence": 1, "batch_name": tmp_path.name, "color_coherence": "None", "sampler": "Euler a"}
    asked |= {"add_soundtrack": "None", "reroll_blank_frames": "ignore", "noise_type": "perlin"}  # it wants the last two
    settings.write_text(json.dumps(asked))
    page.tab("tab_deforum_interface")
    page.find("#deforum_settings_path textarea, #deforum_settings_path input").fill(str(settings))
    page.find("#deforum_load_settings_btn").click()
    page.page.wait_for_timeout(4000)
    frames = page.page.locator("#tab_deforum_interface label", has_text="Max frames").locator("input").first
    assert frames.input_value() == str(FRAMES), "the settings were not loaded: the film would be long"
    page.find("#deforum_generate").click()
    page.page.locator("#html_info_deforum", has_text="Film Look:").first.wait_for(state="attached", timeout=_LONG)
    assert f"{FRAMES} frames developed" in page.find("#html_info_deforum").inner_text()
    (folder,) = host_dir.glob(f"output*/**/{tmp_path.name}/film-look")
    look, lock = Look(grain=3), ExposureLock()
    for number, path in enumerate(sorted(folder.glob("*.png"))):
        with Image.open(path) as film, Image.open(folder.parent / path.name) as before:
            told = infotext.read(film)
            assert told is not None
            assert told.look == look
            assert (told.seed, told.frame) == (5, number)
            assert apart(film, develop(before, look, seed=5, frame=number, lock=lock)) < 0.3
    assert list(folder.parent.glob("*-film-look.mp4"))
    assert page.errors == []


def _clip(path: Path) -> Path:
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=8)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(FRAMES):
            image = Image.linear_gradient("L").resize((64, 64)).rotate(90 * number).convert("RGB")
            file.mux(stream.encode(av.VideoFrame.from_image(image)))
        file.mux(stream.encode())
    return path


def test_mov2movs_frames_and_video(page: Page, host_dir: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    _has(page, "tab_mov2mov")
    before = set(host_dir.glob("outputs/mov2mov-videos/**/*.*"))
    page.tab("tab_mov2mov")
    page.find("#mov2mov_mov input[type=file]").set_input_files(str(_clip(tmp_path / "clip.mp4")))
    page.page.wait_for_timeout(3000)
    page.switch("mov2mov", True)
    for name, value in (("width", 64), ("height", 64), ("movie_frames", 8)):
        page.set_number(f"mov2mov_{name}", value)
    page.find("#mov2mov_generate").click()
    page.page.locator("#mov2mov_video video").first.wait_for(state="attached", timeout=_LONG)
    made = sorted(set(host_dir.glob("outputs/mov2mov-videos/**/*.*")) - before)
    frames = [path for path in made if path.suffix == ".png"]
    (video,) = (path for path in made if path.suffix == ".mp4")
    assert len(frames) == FRAMES
    told = [infotext.read(Image.open(path)) for path in frames]
    assert [one and one.frame for one in told] == list(range(FRAMES))
    assert len({one and one.seed for one in told}) == 1
    with av.open(str(video)) as file:
        shown = [frame.to_image() for frame in file.decode(video=0)]
    assert len(shown) == FRAMES
    for one, path in zip(shown, frames, strict=True):
        assert apart(one, Image.open(path)) < 12  # MPEG-4 at 64 pixels; of noise


def test_a_folders_files_are_frames(page: Page, host: Host, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for number, seed in enumerate((3, 4, 5)):
        host.generate(seed=seed, width=64, height=64).image.save(source / f"{number}.png")
    results: dict[bool, list[Image.Image]] = {}
    page.tab("tab_img2img")
    for tabs, name in (("mode_img2img", "Batch"), ("img2img_batch_source", "From directory")):
        page.page.locator(f"#{tabs} button").get_by_text(name, exact=True).first.click()
        page.page.wait_for_timeout(500)
    page.find("#img2img_batch_input_dir textarea").fill(str(source))
    for name, value in (("width", 64), ("height", 64), ("steps", 2)):
        page.set_number(f"img2img_{name}", value)
    page.find("#img2img_seed input").fill("11")
    for on in (False, True):
        target = tmp_path / f"out-{on}"
        page.find("#img2img_batch_output_dir textarea").fill(str(target))
        page.switch("img2img", on)
        if on:
            page.set_number("img2img_film_look_grain", 4)
            page.find("#img2img_film_look_frames input").check()
        page.find("#img2img_generate").click()
        for _ in range(_LONG // 1000):
            page.page.wait_for_timeout(1000)
            paths = sorted(target.glob("*.png")) if target.is_dir() else []
            if len(paths) == 3:
                break
        page.page.wait_for_timeout(2000)
        results[on] = [Image.open(path) for path in sorted(target.glob("*.png"))]
    lock, look = ExposureLock(), Look(grain=4)
    for number, (before, film) in enumerate(zip(results[False], results[True], strict=True)):
        told = infotext.read(film)
        assert told is not None
        assert (told.look, told.seed, told.frame) == (look, 11, number)
        assert apart(film, develop(before, look, seed=11, frame=number, lock=lock)) < 0.3
    assert len(results[True]) == 3
    assert page.errors == []
