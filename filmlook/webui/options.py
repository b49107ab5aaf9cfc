"""The settings page: declared once, and read defensively, for the host checks neither type nor range."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from modules import paths, script_callbacks, shared
from modules.options import OptionInfo

from filmlook.engine.engines import told
from filmlook.errors import LookError
from filmlook.look import Look
from filmlook.look_choice import key_of_label
from filmlook.presets import load_preset
from filmlook.server.request_body import Limits
from filmlook.ui.preset_bar import presets_by_label
from filmlook.webui import hosts
from filmlook.webui.once.policies import ASSEMBLING, PASSES, WORDS

_SECTION = ("film_look", "Film Look")
_API_SECTION = ("film_look_api", "Film Look API")
_NONE = "None"
DEVICES = ("auto", "CPU", "GPU")
_PASSES_NOTE = "<b>What is developed, by how a picture is made:</b>"
_JPEG_NOTE = (
    "Grain is fine detail: the host's default of JPEG at quality 80 smears it. Save as PNG, as lossless WebP, or as JPEG "
    "from quality 95 on."
)


def _folder() -> Path:
    return Path(str(value("folder")).strip() or Path(paths.models_path) / "FilmLook")


def _looks() -> list[str]:
    return [_NONE, *sorted(presets_by_label(), key=str.lower)]


def _declared() -> dict[str, OptionInfo]:
    def choice(default: str, label: str, choices: Callable[[], list[Any]]) -> OptionInfo:
        return OptionInfo(default, label, gr.Dropdown, lambda: {"choices": choices()})

    options = {
        "preset": choice(_NONE, "Look to begin with", _looks).needs_reload_ui(),
        "device": choice("auto", "Device", lambda: list(DEVICES)).info("auto: the GPU the WebUI works on, else the CPU"),
        "tile": OptionInfo(0, "Side of the area that is developed at once, in pixels", gr.Number, {"precision": 0}).info(
            "0: as it suits the device; less needs less memory, and the picture is the same"
        ),
        "save_before": OptionInfo(False, "Save the undeveloped picture too").info("its name ends with -before-film-look"),
        "folder": OptionInfo("", "Folder of your own stocks, papers and looks", onchange=use_folder, restrict_api=True).info(
            "empty: models/FilmLook; stocks are .json, .safetensors, .pt, .cube and HaldCLUT .png, papers are .json"
        ),
        "api_megabytes": OptionInfo(64, "Most megabytes of a request", gr.Number, {"precision": 0}),
        "api_megapixels": OptionInfo(64, "Most megapixels of a picture", gr.Number, {"precision": 0}),
        "api_answer_megapixels": OptionInfo(128, "Most megapixels of an answer", gr.Number, {"precision": 0}),
        "api_pictures": OptionInfo(32, "Most pictures of a request", gr.Number, {"precision": 0}),
        "api_video_megabytes": OptionInfo(1024, "Most megabytes of a film", gr.Number, {"precision": 0}),
        "api_video_seconds": OptionInfo(600, "Most seconds of a film", gr.Number, {"precision": 0}),
        "api_videos": OptionInfo(8, "Most films that wait or are kept", gr.Number, {"precision": 0}),
        "api_as_host": OptionInfo(False, "Ask for a login only where the WebUI's own API does").info(
            "with --gradio-auth alone, the WebUI leaves its API open to everyone; Film Look's then asks for the page's login"
        ),
        "assembling": OptionInfo(", ".join(ASSEMBLING), "Scripts that assemble a picture from several passes").info(
            "by title; their tiles are left alone, and what they assemble is developed"
        ),
    }
    for kind in PASSES:
        words = {"choices": list(WORDS.values())}
        options[f"pass_{kind.key}"] = OptionInfo(WORDS[kind.default], kind.label, gr.Radio, words)
    return options


def register() -> None:
    """Puts the settings page into the host."""

    def on_ui_settings() -> None:
        _in_words()
        _note("jpeg_note", _JPEG_NOTE)
        _note("engines_note", told())
        for key, info in _declared().items():
            if key == f"pass_{PASSES[0].key}":
                _note("passes_note", _PASSES_NOTE)
            info.section = _API_SECTION if key.startswith("api_") else _SECTION
            shared.opts.add_option(f"film_look_{key}", info)
        shared.opts.restricted_opts.add("film_look_folder")
        use_folder()

    script_callbacks.on_ui_settings(on_ui_settings)


def _note(key: str, text: str) -> None:
    if info := hosts.html_option(text):
        info.section = _SECTION
        shared.opts.add_option(f"film_look_{key}", info)


def _in_words() -> None:
    """What was saved by its name is told as people read it: the page shows only what it offers."""
    for kind in PASSES:
        key = f"film_look_pass_{kind.key}"
        if (found := shared.opts.data.get(key)) in WORDS:
            shared.opts.data[key] = WORDS[found]
    labels = {preset.name: label for label, preset in presets_by_label().items()}
    if (found := shared.opts.data.get("film_look_preset")) in labels:
        shared.opts.data["film_look_preset"] = labels[found]


def use_folder() -> None:
    """Makes the user's folder the one that the settings name, and creates it."""
    folder = _folder()
    os.environ["FILMLOOK_HOME"] = str(folder)
    try:
        for kind in ("stocks", "papers", "looks", "recipes"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"Film Look: the folder {folder} cannot be made: {error.strerror}")


def value(key: str) -> Any:
    """An option of ours, or its default where the host holds nothing of that type."""
    default = _DEFAULTS[key]
    found = shared.opts.data.get(f"film_look_{key}", default)
    if isinstance(default, int) and not isinstance(default, bool) and isinstance(found, float) and math.isfinite(found):
        found = int(found)
    return found if type(found) is type(default) else default


_DEFAULTS: dict[str, Any] = {key: info.default for key, info in _declared().items()}


def policy(kind: str) -> str:
    """What a pass does: "look", "grain" or "nothing". Programs may have set it by that, the page does by what people read."""
    chosen = key_of_label(value(f"pass_{kind}"), WORDS)
    return chosen if chosen in WORDS else str(key_of_label(_DEFAULTS[f"pass_{kind}"], WORDS))


def assembling() -> list[str]:
    """Titles of the scripts that assemble pictures."""
    return [title.strip() for title in value("assembling").split(",") if title.strip()]


def default_look() -> Look:
    """The look that doors open with."""
    name = value("preset")
    if name == _NONE:
        return Look()
    try:
        return load_preset(name).look
    except LookError as error:
        print(f"Film Look: the look to begin with cannot be had: {error}")
        return Look()


def limits() -> Limits:
    """What one request to the API may bring."""
    keys = ("megabytes", "megapixels", "pictures", "answer_megapixels", "video_megabytes", "video_seconds", "videos")
    megabytes, megapixels, pictures, answer, film, seconds, films = (max(1, value(f"api_{key}")) for key in keys)
    return Limits(megabytes * 2**20, megapixels * 10**6, pictures, answer * 10**6, film * 2**20, seconds, films)


def tile() -> int | None:
    """Side of the area developed at once; None where the engine decides."""
    side = value("tile")
    return min(max(side, 64), 65536) if side > 0 else None
