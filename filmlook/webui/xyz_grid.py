"""Axes of the X/Y/Z plot: preset, lens, every setting and the grain's seed, made from `SETTINGS`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from modules import script_callbacks, scripts

from filmlook.lenses import list_lenses, load_lens
from filmlook.look import SETTINGS, Setting
from filmlook.look_choice import LookChoice, key_of_label
from filmlook.presets import list_looks, load_moving_look, load_preset
from filmlook.prints import print_labels
from filmlook.stock import list_stocks, stock_labels
from filmlook.webui.arguments import Asked
from filmlook.webui.once.pass_state import keep, state_of

OFF = "None"
_PRESET, _LENS, _SEED = "look", "lens", "grain_seed"


def with_axes(axes: Mapping[str, Any], asked: Callable[[], Asked | None], shown: Callable[[], Asked]) -> Asked | None:
    """What the script was asked to do, changed by a plot's axes: an axis turns Film Look on, `OFF` turns it off."""
    if not axes:
        return asked()
    if OFF in (axes.get(_PRESET), axes.get("stock")):
        return None
    now = asked() or shown()
    changes, choice = dict(axes), now.choice
    look = load_moving_look(changes.pop(_PRESET)) if _PRESET in changes else choice.moving
    mode, seed = ("fixed", changes.pop(_SEED)) if _SEED in changes else (choice.seed_mode, choice.seed)
    if _LENS in changes:
        changes = {**load_lens(changes.pop(_LENS)).settings, **changes}
    if "stock" in changes:
        changes["stock"] = key_of_label(changes["stock"], stock_labels())
    look = look.changed(**changes)
    return dataclasses.replace(now, choice=LookChoice(look.at(), mode, seed, look.schedules))


def _applying(key: str) -> Callable[[Any, Any, Any], None]:
    def apply(p: Any, value: Any, values: Any) -> None:
        keep(p, axes={**state_of(p).axes, key: value})  # cells share the old table

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

    def axis(caption: str, kind: type, key: str, **more: Any) -> Any:
        return plot.AxisOption(f"[Film Look] {caption}", kind, _applying(key), **more)

    options = [axis("Preset", str, _PRESET, choices=lambda: [OFF, *list_looks()], format_value=_told(_preset_label))]
    options += [axis("Lens", str, _LENS, choices=_lens_names, format_value=_told(_lens_label))]
    options += [_setting_axis(axis, setting) for setting in SETTINGS]
    options.append(axis("Grain seed", int, _SEED))
    plot.axis_options.extend(option for option in options if option.label not in known)


def _setting_axis(axis: Callable[..., Any], setting: Setting) -> Any:
    if setting.is_number:
        return axis(setting.caption, float, setting.key)
    if setting.key == "stock":
        return axis(setting.caption, str, setting.key, choices=lambda: [OFF, *list_stocks()], format_value=_told(_stock_label))
    if setting.key == "print":  # of all stocks: a cell whose stock does not allow its print says so
        return axis(setting.caption, str, setting.key, choices=lambda: list(print_labels()), format_value=_told(_print_label))
    return axis(setting.caption, str, setting.key, choices=lambda: list(setting.choices))


def _told(label_of: Callable[[str], str]) -> Callable[[Any, Any, Any], str]:
    """What the legend says of a value: the axis, and the label that people know it by."""
    return lambda p, option, value: f"{option.label}: {label_of(str(value))}"


def _stock_label(name: str) -> str:
    return stock_labels().get(name, name)


def _print_label(name: str) -> str:
    return print_labels().get(name, name)


def _lens_names() -> list[str]:
    return [lens.name for lens in list_lenses()]


def _lens_label(name: str) -> str:
    return next((lens.label for lens in list_lenses() if lens.name == name), name)


def _preset_label(name: str) -> str:
    return load_preset(name).label if name in list_looks() else name
