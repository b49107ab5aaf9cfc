"""Makes the pictures of the darkroom's page in headless Chromium, in about a minute. Playwright and a Chromium are needed.

python docs/darkroom_pictures.py                  all of them
python docs/darkroom_pictures.py darkroom-phone   some of them
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from scenes import landscape, samples

from filmlook import develop

FOLDER = Path(__file__).with_name("pictures")
PATIENCE_MS = 120_000
_QUALITY = 88


@contextmanager
def _served() -> Iterator[str]:
    """The page on a free port; gives its address."""
    import uvicorn

    from filmlook.server.request_body import Limits
    from filmlook.server.serve import Server, build_app, options

    server = uvicorn.Server(uvicorn.Config(build_app(Server({}, Limits(), "cpu")), port=0, log_level="critical", **options()))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


def _page(browser: Any, address: str, picture: Image.Image, width: int, height: int, **more: Any) -> Any:
    """A window on the page, with a picture whose looks are all there."""
    page = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", **more).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector("film-look-darkroom")
    page.set_input_files("header input[type=file]", _file("picture.png", picture))
    page.locator(".look").last.locator("img:not([hidden])").wait_for()
    return page


def _file(name: str, picture: Image.Image) -> dict[str, Any]:
    """A picture as a browser is given a file."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}


def _shot(page: Any) -> Image.Image:
    page.wait_for_selector(".stage:not(.working)")
    page.mouse.move(0, 0)
    page.locator(".state").evaluate("(line) => (line.hidden = true)")  # how long a preview took on this machine
    page.wait_for_timeout(400)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def darkroom(browser: Any, address: str) -> Image.Image:
    page = _page(browser, address, samples()["portrait"], 1400, 900, color_scheme="dark")
    page.get_by_role("button", name="Portra portrait", exact=True).click()
    page.locator(".row:has(#setting-exposure) input[type=range]").fill("0.35")
    page.keyboard.press("c")
    page.keyboard.press("g")
    page.locator(".scopes .note", has_text="black").wait_for()
    return _shot(page)


def darkroom_sheet(browser: Any, address: str) -> Image.Image:
    page = _page(browser, address, landscape(), 1400, 900, color_scheme="light")
    page.click("#tab-films")
    page.locator(".entry").last.locator("img:not([hidden])").wait_for()
    page.keyboard.press("s")
    page.locator(".sheet .note", has_text=" of ").wait_for()
    page.wait_for_selector(".sheet .note:empty", state="attached")
    return _shot(page)


def darkroom_phone(browser: Any, address: str) -> Image.Image:
    page = _page(browser, address, samples()["portrait"], 390, 844, color_scheme="dark", has_touch=True, device_scale_factor=2)
    return _shot(page)


def darkroom_match(browser: Any, address: str) -> Image.Image:
    page = _page(browser, address, samples()["portrait"], 1400, 900, color_scheme="dark")
    page.click("#tab-match")
    references = [develop(samples()[name], "velvia-landscape", seed=3) for name in ("coffee", "cat")]
    page.set_input_files(".references-file", [_file(f"{i}.png", picture) for i, picture in enumerate(references, 1)])
    page.get_by_role("button", name="Find the look").click()
    page.locator(".matching .look").last.locator("img:not([hidden])").wait_for()
    page.get_by_role("button", name="1.png", exact=True).click()
    page.locator(".label.left", has_text="Reference").wait_for()
    page.wait_for_timeout(400)  # then the picture is made for its half of the window
    return _shot(page)


def darkroom_at_work(browser: Any, address: str) -> list[Image.Image]:
    page = _page(browser, address, samples()["portrait"], 1200, 760, color_scheme="dark")
    frames = [_shot(page)]
    exposure = page.locator(".row:has(#setting-exposure) input[type=range]")
    for stops in (0.4, 0.8, 0.4, 0):
        exposure.fill(str(stops))
        frames.append(_shot(page))
    for look in ("Tri-X street", "CineStill night", "Portra portrait"):
        page.get_by_role("button", name=look, exact=True).click()
        frames += 2 * [_shot(page)]
    page.keyboard.press("c")
    handle = page.get_by_role("slider", name="Between before and after")
    handle.focus()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("PageUp")
        frames.append(_shot(page))
    return [frame.resize((800, 507), Image.Resampling.LANCZOS) for frame in frames]


PICTURES: dict[str, Callable[[Any, str], Image.Image | list[Image.Image]]] = {
    "darkroom": darkroom,
    "darkroom-sheet": darkroom_sheet,
    "darkroom-phone": darkroom_phone,
    "darkroom-match": darkroom_match,
    "darkroom-at-work": darkroom_at_work,
}


def main(names: list[str]) -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, _served() as address, sync_playwright() as driver:
        os.environ["FILMLOOK_HOME"] = home
        own = Path(driver.chromium.executable_path)
        path = str(own) if own.is_file() else shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])  # it shows this page alone
        for name in names or PICTURES:
            made = PICTURES[name](browser, address)
            first, *others = made if isinstance(made, list) else [made]
            more: dict[str, Any] = {"save_all": True, "append_images": others, "duration": 450, "loop": 0} if others else {}
            first.save(FOLDER / f"{name}.webp", quality=70 if others else _QUALITY, method=6, **more)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
