"""Choosing a preset: what it is, what was changed since, and the way back.

The page's script (`javascript/film_look_presets.js`) compares what stands in the controls with the preset: it marks what
differs, says so below the list, and presses the hidden buttons here. It reads what the presets are from `presets_html`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from filmlook.errors import LookError
from filmlook.look import SETTINGS, Look
from filmlook.look_choice import SEED_MODES, LookChoice, key_of_label
from filmlook.presets import Preset, list_presets
from filmlook.prints import print_labels
from filmlook.stock import stock_labels
from filmlook.ui.controls import Controls, value_of, values_of
from filmlook.ui.widgets import JS, button, hidden

PLAIN = "The film alone"
"""What the list shows where no preset is chosen: every setting as it is for the film."""

_PLAIN_HELP = "Every setting as it is for the film."
_GONE = "This preset is not there any more: the list was read again."
_ALL = "*"  # stands for all settings that differ


@dataclass(frozen=True)
class PresetBar:
    """The list of presets, the line below it, and the hidden button that reads the folder again."""

    dropdown: Any
    about: Any
    renew: Any


def presets_by_label() -> dict[str, Preset]:
    """Every preset that can be read, by its label; of two with the same label, the second's tells its name."""
    found: dict[str, Preset] = {}
    for preset in list_presets():
        found[f"{preset.label} ({preset.name})" if preset.label in found else preset.label] = preset
    return found


def preset_label(look: Look) -> str:
    """The label of the preset that is this look; `PLAIN` where none is."""
    return next((label for label, preset in presets_by_label().items() if preset.look == look), PLAIN)


def preset_choices() -> list[str]:
    """What the list shows."""
    return [PLAIN, *sorted(presets_by_label(), key=str.lower)]


def presets_html() -> str:
    """What the page's script knows of the presets: as JSON in an element that it also writes into.

    `{"plain": label, "fixed": label, "defaults": {key: value}, "keys": {key: {label: choice}}, "presets": {label: preset}}`, a
    preset as `{"name", "help", "own", "values": {key: value}}`. Values are as the components show them, a preset's where they
    are not the defaults; stock and film format have none that suits every film.
    """
    defaults = {s.key: value_of(Look(), s) for s in SETTINGS if s.key not in ("stock", "frame")}
    told: dict[str, Any] = {PLAIN: {"name": "", "help": _PLAIN_HELP, "own": False, "values": {}}}
    for label, preset in presets_by_label().items():
        values = {s.key: value_of(preset.look, s) for s in SETTINGS if getattr(preset.look, s.key) != s.default}
        values["stock"] = value_of(preset.look, SETTINGS[0])
        told[label] = {"name": preset.name, "help": preset.help, "own": preset.own, "values": values}
    keys = {s.key: dict(zip(s.labels, s.choices, strict=True)) for s in SETTINGS if s.choices}
    for key, labels in (("stock", stock_labels()), ("print", print_labels())):
        keys[key] = {label: name for name, label in labels.items()}
    known = {"plain": PLAIN, "fixed": SEED_MODES["fixed"], "defaults": defaults, "keys": keys, "presets": told}
    data = json.dumps(known, ensure_ascii=False)
    return f"<div class='film-look-about' data-film-look-presets='{html.escape(data)}'></div>"


def preset_bar(prefix: str, look: Look) -> tuple[PresetBar, Any]:
    """The list with its line, and the button that puts everything back; `connect_presets` makes them work."""
    with gr.Row(elem_classes=["film-look-row"]):
        dropdown = gr.Dropdown(
            label="Preset",
            info="Sets all settings; change them as you like.",
            choices=preset_choices(),
            value=preset_label(look),
            elem_id=f"{prefix}_film_look_preset",
        )
        reset = button(
            "Reset",
            tooltip="All settings as they are at the start.",
            elem_id=f"{prefix}_film_look_reset",
            elem_classes=["film-look-reset"],
        )
    about = gr.HTML(presets_html(), elem_id=f"{prefix}_film_look_about")
    renew = hidden("Button", elem_id=f"{prefix}_film_look_presets_renew")
    for component in (dropdown, about):
        component.do_not_save_to_config = True
    return PresetBar(dropdown, about, renew), reset


def shown(chosen: str | None) -> list[Any]:
    """The list, with a choice that stands in it, and the line below, as the folder is now."""
    choices = preset_choices()
    return [gr.update(choices=choices, value=chosen if chosen in choices else PLAIN), presets_html()]


def connect_presets(bar: PresetBar, reset: Any, prefix: str, controls: Controls, default: Callable[[], Look]) -> None:
    """Choosing a preset sets the controls, a double click on one takes it back, and the button takes back all.

    Args:
        default: the look that the button puts back.
    """
    settings = list(controls.settings.values())
    kept = [gr.update()] * len(settings)

    def apply(label: str | None, stock: str | None) -> list[Any]:
        if label != PLAIN and label not in presets_by_label():
            gr.Warning(_GONE)
            return [*shown(label), *kept]
        return [gr.update(), gr.update(), *_values_of_preset(label, stock)]

    def to_start() -> list[Any]:
        look = default()
        return [preset_label(look), *values_of(look), SEED_MODES["picture"], 0]

    def take_back(key: str, label: str | None, stock: str | None) -> list[Any]:
        values = _values_of_preset(label, stock)
        return [v if key in (_ALL, s.key) else gr.update() for s, v in zip(SETTINGS, values, strict=True)]

    def take_look(text: str, label: str | None) -> list[Any]:
        try:
            look = LookChoice(Look.from_json(text)).look
        except LookError as error:
            gr.Warning(str(error))
            return [gr.update(), *kept]
        found, chosen = preset_label(look), presets_by_label().get(label or "")
        changed = found == PLAIN and chosen is not None and chosen.look.stock == look.stock
        return [gr.update() if changed else found, *values_of(look)]

    both, stock = [bar.dropdown, bar.about], controls.settings["stock"]
    bar.dropdown.input(fn=apply, inputs=[bar.dropdown, stock], outputs=[*both, *settings], show_progress=False)
    bar.renew.click(fn=shown, inputs=[bar.dropdown], outputs=both, show_progress=False)
    everything = [bar.dropdown, *settings, controls.seed_mode, controls.seed]
    reset.click(fn=to_start, inputs=[], outputs=everything, show_progress=False)
    key = hidden("Textbox", elem_id=f"{prefix}_film_look_take_back_key")
    back = hidden("Button", elem_id=f"{prefix}_film_look_take_back")
    back.click(
        fn=take_back,
        inputs=[key, bar.dropdown, stock],
        outputs=settings,
        show_progress=False,
        **{JS: "film_look_take_back"},
    )
    text = hidden("Textbox", elem_id=f"{prefix}_film_look_look_text")
    take = hidden("Button", elem_id=f"{prefix}_film_look_take_look")
    chosen = {"outputs": [bar.dropdown, *settings], "show_progress": False, JS: "film_look_take_look"}
    take.click(fn=take_look, inputs=[text, bar.dropdown], **chosen)  # a look that was chosen in the viewer


def _values_of_preset(label: str | None, stock: str | None) -> list[Any]:
    """The controls' values for a preset; without one those of the film that is chosen."""
    preset = presets_by_label().get(label or "")
    if preset is None:
        name = key_of_label(stock, stock_labels())
        return values_of(Look(stock=name) if isinstance(name, str) and name else Look())
    return values_of(preset.look)
