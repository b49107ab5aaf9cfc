"""The accordion with all of Film Look's controls, as the pages of txt2img, img2img and Extras show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
from modules import ui_components

from filmlook.look import Look
from filmlook.ui.controls import Controls, build_controls
from filmlook.ui.preset_bar import connect_presets, preset_bar
from filmlook.ui.preset_keeping import preset_keeping
from filmlook.webui import hosts, options
from filmlook.webui.once.policies import INPUTS


@dataclass(frozen=True)
class Accordion:
    """Whether it is on, the preset that was chosen last, the controls, and what else its place has: in txt2img and img2img
    what the input is taken for, whether a folder's files are frames, and whether Deforum's films are developed with what stands
    here (`input`, `frames`, `deforum`; the last is txt2img's alone), in Extras whether developed
    pictures are developed again (`again`)."""

    enabled: Any
    preset: Any
    controls: Controls
    more: dict[str, Any]

    @property
    def by_key(self) -> dict[str, Any]:
        """Every component that a script is given the value of."""
        return {"enabled": self.enabled, **self.controls.by_key, **self.more}


def build_accordion(prefix: str, *, extras: bool = False, img2img: bool = False) -> Accordion:
    """Lays out the accordion; opening it turns it on. In Extras, presets are not kept."""
    look = options.default_look()
    with ui_components.InputAccordion(False, label="Film Look", elem_id=f"{prefix}_film_look") as enabled:
        preset, controls = build_choice(prefix, look, keeping=not extras)
        more = _for_finished(prefix) if extras else _for_generation(prefix, img2img)
    for component in (enabled, *more.values()):
        component.do_not_save_to_config = True
    return Accordion(enabled, preset, controls, more)


def _for_finished(prefix: str) -> dict[str, Any]:
    again = gr.Checkbox(label="Develop developed pictures again", value=False, elem_id=f"{prefix}_film_look_again")
    return {"again": again}


def _for_generation(prefix: str, img2img: bool) -> dict[str, Any]:
    """What the input is; txt2img has one only where its gallery's picture is upscaled, and no files."""
    with gr.Row():
        taken_for = gr.Dropdown(
            label="Treat the input as",
            info="A developed picture gets grain only. Automatic: by its infotext, or because it was delivered lately.",
            choices=list(INPUTS.values()),
            value=INPUTS["automatic"],
            elem_id=f"{prefix}_film_look_input",
        )
        frames = gr.Checkbox(
            label="The files are the frames of a film",
            info="Grain moves from frame to frame, and nothing flickers.",
            value=False,
            visible=img2img,
            elem_id=f"{prefix}_film_look_frames",
        )
    films = gr.Checkbox(
        label="Develop Deforum's films",
        info="Beside what Deforum makes, when it is done.",
        value=False,
        visible=not img2img and hosts.deforum()[0] is not None,
        elem_id=f"{prefix}_film_look_deforum",
    )
    return {"input": taken_for, "frames": frames, "deforum": films}


def build_choice(prefix: str, look: Look, *, keeping: bool) -> tuple[Any, Controls]:
    """Presets and settings: the list of presets, and the controls."""
    bar, reset = preset_bar(prefix, look)
    controls = build_controls(prefix, look)
    connect_presets(bar, reset, prefix, controls, options.default_look)
    if keeping:
        preset_keeping(prefix, bar, controls)
    return bar.dropdown, controls
