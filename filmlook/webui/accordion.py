"""The accordion with all of Film Look's controls, as the pages of txt2img, img2img and Extras show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from modules import ui_components

from filmlook.look import Look
from filmlook.ui.controls import Controls, build_controls
from filmlook.ui.preset_bar import connect_presets, connect_reset, preset_dropdown, preset_keeping
from filmlook.webui import options


@dataclass(frozen=True)
class Panel:
    """Whether it is on, the preset that was chosen last, the controls, and (in Extras) whether developed pictures are
    developed again."""

    enabled: Any
    preset: Any
    controls: Controls
    again: Any = None


def build_panel(prefix: str, *, extras: bool = False) -> Panel:
    """Lays out the accordion; opening it turns it on. In Extras, presets are not kept."""
    look = options.default_look()
    with ui_components.InputAccordion(False, label="Film Look", elem_id=f"{prefix}_film_look") as enabled:
        preset, controls = build_choice(prefix, look, keeping=not extras)
        again = None
        if extras:
            again = gr.Checkbox(label="Develop developed pictures again", value=False, elem_id=f"{prefix}_film_look_again")
            again.do_not_save_to_config = True
    enabled.do_not_save_to_config = True
    return Panel(enabled, preset, controls, again)


def build_choice(prefix: str, look: Look, *, keeping: bool) -> tuple[Any, Controls]:
    """Presets and settings."""
    with gr.Row():
        preset = preset_dropdown(prefix, look)
        reset = gr.Button("Reset", elem_id=f"{prefix}_film_look_reset", elem_classes=["film-look-reset"])
    controls = build_controls(prefix, look)
    connect_presets(preset, controls)
    connect_reset(reset, preset, controls, options.default_look)
    if keeping:
        preset_keeping(prefix, preset, controls)
    return preset, controls
