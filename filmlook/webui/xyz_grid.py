"""Axes of the X/Y/Z plot: stock, preset and every numeric setting, made from `SETTINGS`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from modules import script_callbacks, scripts

from filmlook.look import SETTINGS
from filmlook.look_choice import LookChoice
from filmlook.presets import list_looks, load_look
from filmlook.stock import list_stocks

OFF = "None"
_PRESET = "look"


def with_axes(p: Any, asked: Callable[[], LookChoice | None], shown: Callable[[], LookChoice]) -> LookChoice | None:
    """What the script was asked to do, changed by a plot's axes: an axis turns Film Look on, `OFF` turns it off."""
    axes: dict[str, Any] = getattr(p, "film_look_axes", None) or {}
    if not axes:
        return asked()
    if OFF in (axes.get(_PRESET), axes.get("stock")):
        return None
    chosen = asked() or shown()
    changes = dict(axes)
    look = load_look(changes.pop(_PRESET)) if _PRESET in changes else chosen.look
    return LookChoice(dataclasses.replace(look, **changes), chosen.seed_mode, chosen.seed)


def _applying(key: str) -> Callable[[Any, Any, Any], None]:
    def apply(p: Any, value: Any, values: Any) -> None:
        p.film_look_axes = {**(getattr(p, "film_look_axes", None) or {}), key: value}  # cells share the old table

    return apply


def register() -> None:
    """Adds the axes, each time the host has loaded its scripts."""

    def on_before_ui() -> None:
        for data in scripts.scripts_data:
            if data.path.endswith("xyz_grid.py"):
                _add(data.module)

    script_callbacks.on_before_ui(on_before_ui)


def _add(plot: Any) -> None:
    known = {option.label for option in plot.axis_options}
    options = [
        plot.AxisOption("[Film Look] Preset", str, _applying(_PRESET), choices=lambda: [OFF, *list_looks()]),
        plot.AxisOption("[Film Look] Stock", str, _applying("stock"), choices=lambda: [OFF, *list_stocks()]),
    ]
    for setting in SETTINGS:
        if setting.is_number:
            options.append(plot.AxisOption(f"[Film Look] {setting.caption}", float, _applying(setting.key)))
    plot.axis_options.extend(option for option in options if option.label not in known)
