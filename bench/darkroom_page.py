"""How long people wait in the darkroom: from the last movement of a slider to the picture on screen, in headless Chromium.

    python bench/darkroom_page.py [--picture photo.jpg] [--drags 6]

A real server on this machine, and the page as people see it, its picture 768 pixels wide. A slider is moved once in a frame for
half a second, along a path that turns; then the time is taken until a picture of the last look is there ("first", as coarse as
it takes), and until it is as fine as the screen ("fine"). "seen" are the pictures that were shown while it moved.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
from pathlib import Path
from typing import Any

from darkroom import quantiles, scene, server

_DRAGS = {"contrast": (0.8, 1.2), "grain": (0.5, 2.0), "exposure": (-1.0, 1.0), "halation": (0.5, 2.0), "push": (-1.0, 1.0)}
_LOOKS = ("Classic Negative", "CineStill night", "Tri-X street")
_FRAMES = 30
_FINE_PX = 768
_DRAG = """async ([key, low, high, frames, drag]) => {
    const viewer = document.querySelector('film-look-darkroom');
    const range = document.querySelector(`.row:has(#setting-${key}) input[type=range]`);
    const frame = () => new Promise(requestAnimationFrame);
    const told = { seen: 0, first: 0, fine: 0 };
    let last = 0;
    let over;
    const isOver = new Promise((resolve) => (over = resolve));
    const shown = async ({ detail }) => {
        if (!last) return void told.seen++;
        if (!detail.current) return;
        await frame(); // in which it is drawn
        await frame(); // and after which it is there
        told.first ||= performance.now() - last;
        if (!detail.fine) return;
        told.fine = performance.now() - last;
        over();
    };
    viewer.addEventListener('preview', shown);
    for (let i = 1; i <= frames; i++) {
        const share = 0.5 + 0.5 * Math.sin((5 * i) / frames + drag * 1.7);
        range.value = low + (high - low) * share;
        range.dispatchEvent(new Event('input', { bubbles: true }));
        if (i === frames) last = performance.now();
        else await frame();
    }
    await isOver;
    viewer.removeEventListener('preview', shown);
    return told;
}"""


def chromium() -> str | None:
    """The path of a Chromium that is installed; None: playwright's own."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def page_of(browser: Any, address: str, picture: bytes) -> Any:
    """A window in which the picture is as wide as it is measured."""
    page = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB").new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector("film-look-darkroom")
    stage = page.evaluate("document.querySelector('film-look-darkroom').clientWidth")
    page.set_viewport_size({"width": 1400 - round(stage) + _FINE_PX + 24, "height": 900})
    page.set_input_files("header input[type=file]", {"name": "picture.png", "mimeType": "image/png", "buffer": picture})
    page.locator(".look").last.locator("img:not([hidden])").wait_for()
    for group in ("Film", "Print"):
        page.locator("summary", has_text=group).first.click()
    return page


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--picture", type=Path, help="a photograph; without one a made picture of 1536 x 1024")
    parser.add_argument("--drags", type=int, default=6, help="of each setting (6)")
    args = parser.parse_args()
    data = args.picture.read_bytes() if args.picture else scene()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("\n| | first: median ms | 95 % | fine: median ms | 95 % | seen |\n|---|---|---|---|---|---|")
    with server() as (client, _), sync_playwright() as driver:
        unboxed = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
        browser = driver.chromium.launch(executable_path=chromium(), args=unboxed)
        page = page_of(browser, client.address, data)
        every: list[dict[str, float]] = []
        for look in _LOOKS:
            page.get_by_role("button", name=look, exact=True).click()
            page.wait_for_selector(".stage:not(.working)")
            for key, (low, high) in _DRAGS.items():
                found = []
                for drag in range(args.drags):
                    found.append(page.evaluate(_DRAG, [key, low, high, _FRAMES, drag]))
                    page.wait_for_timeout(300)
                _row(f"{look}, {key}", found)
                every += found
        _row("**all**", every)
        browser.close()
    print(f"\nload {os.getloadavg()[0]:.1f} at the end; asked for on two quiet cores: a median of 200 ms, 95 % below 350 ms")


def _row(about: str, found: list[dict[str, float]]) -> None:
    first, fine = (quantiles([one[key] for one in found]) for key in ("first", "fine"))
    seen = statistics.mean(one["seen"] for one in found)
    print(f"| {about} | {first[0]:.0f} | {first[1]:.0f} | {fine[0]:.0f} | {fine[1]:.0f} | {seen:.1f} |", flush=True)


if __name__ == "__main__":
    main()
