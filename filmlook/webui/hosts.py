"""What each host can do, said once: AUTOMATIC1111, reForge, Forge and SD.Next differ here, and nowhere else is it asked.

| | AUTOMATIC1111 | reForge | Forge | SD.Next |
|---|---|---|---|---|
| gradio | 3.41 | 3.41 | 4.40 | 3.43 |
| hook on the composed picture | from 1.8 | yes | yes | no |
| canvas that keeps metadata | | | yes | |
| gallery gives pictures as files | | | yes | |
| text encoder | hijacked | hijacked | engine | |
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import gradio as gr
from modules import img2img, scripts, sd_hijack, sd_models, shared

from filmlook.ui import widgets

GRADIO = widgets.GRADIO

JS = widgets.JS
"""The keyword by which an event names a function of the page's."""

HAS_AFTER_COMPOSITE = hasattr(scripts.Script, "postprocess_image_after_composite")
"""Whether scripts are given the picture as it will be saved; SD.Next and AUTOMATIC1111 before 1.8 do not."""

_GIVES_FILES = "type" in inspect.signature(gr.Gallery.__init__).parameters
GALLERY: dict[str, Any] = {"type": "pil", "interactive": False} if _GIVES_FILES else {}
"""What a gallery must be told to show and give pictures: where it gives files unless asked, Forge's canvas cannot take them,
and the user is asked to upload some."""


def module_of(*names: str) -> Any:
    """The first of these modules that the host or an extension has; None: there is none, or what it needs is missing."""
    for name in names:
        with suppress(ImportError):
            return importlib.import_module(name)
    return None


infotext_utils: Any = module_of("modules.infotext_utils", "modules.generation_parameters_copypaste")
"""Where parameters are pasted; the second name is SD.Next's, and AUTOMATIC1111's before 1.8."""


def canvas() -> Any:
    """The class of Forge's canvas; None elsewhere."""
    return getattr(module_of("modules_forge.forge_canvas.canvas"), "LogicalImage", None)


def api() -> Any:
    """The class of the host's API; to be asked when the host has made it."""
    return module_of("modules.api.api").Api


def memory_freeing() -> list[tuple[Any, str]]:
    """The host's functions that free memory at the user's wish, as modules and names."""
    places = [(sd_models, "unload_model_weights"), (module_of("backend.memory_management"), "unload_all_models")]
    return [(module, name) for module, name in places if callable(getattr(module, name, None))]


def folder_batch() -> tuple[Any, str] | None:
    """The host's function that takes img2img through a folder, as module and name; None where there is none."""
    return (img2img, "process_batch") if callable(getattr(img2img, "process_batch", None)) else None


def deforum() -> tuple[Any, Any]:
    """The modules of Deforum that run it and that lay out its page; None where that extension is not installed."""
    return sys.modules.get("deforum_helpers.run_deforum"), sys.modules.get("deforum_helpers.ui_right")


def html_option(text: str) -> Any:
    """Text for the settings page; None where the host shows none."""
    note = getattr(shared, "OptionHTML", None)
    return note(text) if note else None


def saves_samples(p: Any) -> bool:
    """Whether a processing object's pictures are saved."""
    return bool(p.save_samples()) if hasattr(p, "save_samples") else not p.do_not_save_samples


def is_over(state: Any) -> bool:
    """Whether the user wants no more pictures."""
    return bool(state.interrupted or getattr(state, "stopping_generation", False))


def is_working(state: Any) -> bool:
    """Whether a job is under way; older hosts only count its parts."""
    return bool(getattr(state, "job", "") or getattr(state, "job_count", 0) > 0)


def overlay_mask(p: Any, overlay: Any) -> Any:
    """The mask of an inpainted picture, from what `postprocess_maskoverlay` was given or, where there is no such hook, from the
    processing object; None if nothing was inpainted."""
    mask = getattr(overlay, "mask_for_overlay", None)
    return mask if mask is not None else getattr(p, "mask_for_overlay", None)


def has_login(app: Any) -> bool:
    """Whether the page asks for a login."""
    return getattr(app, "auth", None) is not None


def login_cookies(app: Any) -> list[str]:
    """The names of gradio's login cookie, which change with its version."""
    names = ["access-token", "access-token-unsecure"]
    identity = getattr(app, "cookie_id", None)
    return names + ([f"access-token-{identity}", f"access-token-unsecure-{identity}"] if identity else [])


def allowed_origins() -> tuple[tuple[str, ...], str]:
    """The origins whose pages the host lets call it: by name, and by regular expression."""
    told = getattr(shared.cmd_opts, "cors_allow_origins", None) or ""
    pattern = getattr(shared.cmd_opts, "cors_allow_origins_regex", None) or ""
    return tuple(name.strip() for name in told.split(",") if name.strip()), pattern


def text_engine() -> Any:
    """What turns prompts into tokens: A1111's and reForge's hijacked encoder, Forge's engine; None before one is loaded."""
    model = sd_models.model_data.sd_model
    places = [(sd_hijack.model_hijack, "clip"), (model, "text_processing_engine"), (model, "text_processing_engine_l")]
    for holder, name in places:
        with suppress(Exception):  # a model that is being unloaded fails in its own ways
            if hasattr(engine := getattr(holder, name, None), "tokenize"):
                return engine
    return None


def embeddings() -> dict[str, Any]:
    """The host's embeddings by name."""
    database = getattr(sd_hijack.model_hijack, "embedding_db", None) or getattr(text_engine(), "embeddings", None)
    return dict(getattr(database, "word_embeddings", None) or {})


def lora() -> Mapping[str, Any]:
    """The installed LoRA by name; none where the host's built-in extension for them is off."""
    return dict(getattr(sys.modules.get("networks"), "available_networks", None) or {})


def comment_stripper() -> Any:
    """The host's function that takes comments out of prompts; None where they are words like any other.

    AUTOMATIC1111 loads its module as a script only: importing it would register it once more.
    """
    loaded = sys.modules.get("modules.processing_scripts.comments")
    for data in scripts.scripts_data if loaded is None else ():
        if data.path.replace("\\", "/").endswith("processing_scripts/comments.py"):
            loaded = data.module
    return getattr(loaded, "strip_comments", None)
