"""Paste: what an infotext says goes back into the controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from filmlook.files import infotext
from filmlook.files.infotext import Developed
from filmlook.look import SETTINGS, Setting
from filmlook.look_choice import SEED_MODES
from filmlook.ui.controls import Controls, value_of
from filmlook.ui.preset_bar import preset_label

Function = Callable[[dict[str, Any]], Any]


def _value_in(setting: Setting) -> Function:
    def value(keys: dict[str, Any]) -> Any:
        found = _found(keys)
        return value_of(found.look, setting) if found and found.look else None

    return value


_SETTINGS = {setting.key: _value_in(setting) for setting in SETTINGS}
# Each control's function is one object on all pages: by that the host knows which control of one page is which of another.


def controls_fields(controls: Controls) -> list[tuple[Any, Function]]:
    """For each control a function from an infotext's keys to its value; None leaves the control alone."""
    fields: list[tuple[Any, Function]] = [(controls.settings[key], function) for key, function in _SETTINGS.items()]
    return [*fields, (controls.seed_mode, _seed_mode), (controls.seed, _seed)]


def preset_field(dropdown: Any) -> tuple[Any, Function]:
    """The dropdown of presets shows the one that the infotext's look is, or none."""
    return dropdown, _preset


def _preset(keys: dict[str, Any]) -> Any:
    found = _found(keys)
    return gr.update(value=preset_label(found.look)) if found and found.look else None


def is_developed(keys: dict[str, Any]) -> bool:
    """Whether the infotext is of a developed picture; a picture without our keys switches Film Look off."""
    return infotext.LOOK in keys


def _found(keys: dict[str, Any]) -> Developed | None:
    return infotext.developed({k: str(v) for k, v in keys.items() if k in infotext.KEYS})


def _seed_mode(keys: dict[str, Any]) -> str | None:
    found = _found(keys)
    if found is None:
        return None
    same = found.seed is None or str(found.seed) == str(keys.get("Seed"))
    return SEED_MODES["picture" if same else "fixed"]


def _seed(keys: dict[str, Any]) -> int | None:
    found = _found(keys)
    return found.seed if found else None
