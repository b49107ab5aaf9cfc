"""What the tests against a running WebUI share. Its address is FILMLOOK_HOST_URL; without it they are skipped."""

from __future__ import annotations

import base64
import io
import json
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook.files import infotext

TITLE = "Film Look"
SIZE = {"width": 128, "height": 128}


@dataclass
class Results:
    """The pictures of one call, and the infotexts that came with them."""

    images: list[Image.Image]
    infotexts: list[str]

    @property
    def image(self) -> Image.Image:
        return self.images[0]

    @property
    def pairs(self) -> dict[str, str]:
        return infotext.pairs_of(self.infotexts[0])


class Host:
    """A running WebUI."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, path: str, body: Any = None, timeout: float = 600) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return json.load(response)

    def script_args(self, title: str, img2img: bool, **values: Any) -> list[Any]:
        """A script's default arguments, some of them set by label (in lower case, blanks as _)."""
        infos = self.call("/sdapi/v1/script-info")
        found = [s for s in infos if s["name"] == title.lower() and s["is_img2img"] == img2img]
        if not found:
            pytest.skip(f"the host has no script {title!r}")
        args = []
        for arg in found[0]["args"]:
            key = (arg["label"] or "").lower().replace(" ", "_")
            args.append(values.pop(key) if key in values else arg["value"])
        assert not values, f"{title} has no {list(values)}"
        return args

    def generate(
        self,
        look: Any = None,
        *,
        sources: list[Image.Image] | None = None,
        options: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Results:
        """txt2img, or img2img where there are source pictures; `look` are the always-on script's arguments."""
        body: dict[str, Any] = {
            "prompt": "a cat",
            "steps": 2,
            "cfg_scale": 2,
            "seed": 11,
            "sampler_name": "Euler a",
            "denoising_strength": 0.5,
            "do_not_save_grid": True,
            "override_settings": {"return_grid": False, **(options or {})},
            **SIZE,
            **fields,
        }
        scripts = body.pop("scripts", {})
        if look is not None:
            scripts = {**scripts, TITLE: {"args": look if isinstance(look, list) else [look]}}
        body["alwayson_scripts"] = scripts
        if sources is not None:
            body["init_images"] = [encoded(image) for image in sources]
        answer = self.call(f"/sdapi/v1/{'txt2img' if sources is None else 'img2img'}", body)
        return Results([decoded(i) for i in answer["images"]], json.loads(answer["info"])["infotexts"])


def encoded(image: Image.Image, keep_text: bool = True) -> str:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    if keep_text and "parameters" in image.info:
        text.add_text("parameters", image.info["parameters"])
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=text)
    return base64.b64encode(file.getvalue()).decode()


def decoded(text: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(text)))
    image.load()
    return image


def codes(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), np.int16)


def same(a: Image.Image, b: Image.Image) -> bool:
    """Whether two pictures are one, but for the last bit of a few pixels: the host's torch may round otherwise."""
    if a.size != b.size:
        return False
    apart = np.abs(codes(a) - codes(b))
    return int(apart.max()) <= 1 and float((apart > 0).mean()) < 0.02


def apart(a: Image.Image, b: Image.Image) -> float:
    """Mean difference in codes."""
    return float(np.abs(codes(a) - codes(b)).mean())


@pytest.fixture(scope="session")
def host_dir() -> Path:
    """The running WebUI's own folder, where it is on this machine."""
    folder = os.environ.get("FILMLOOK_HOST_DIR")
    if not folder:
        pytest.skip("FILMLOOK_HOST_DIR names no folder of the running WebUI")
    return Path(folder)


@pytest.fixture(scope="session")
def host() -> Host:
    url = os.environ.get("FILMLOOK_HOST_URL")
    if not url:
        pytest.skip("FILMLOOK_HOST_URL names no running WebUI")
    return Host(url)
