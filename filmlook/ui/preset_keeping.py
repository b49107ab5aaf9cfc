"""Keeping presets of one's own: save, rename, delete, import, export.

What comes with Film Look is never hidden by one of the user's, and nothing is written over or deleted unasked: the page's
script asks, and says "yes" or "no" in the first input; without its word, nothing is done to a preset that is there.
"""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import Any

import gradio as gr

from filmlook.errors import LookError
from filmlook.look_choice import LookChoice
from filmlook.moving_look import MovingLook
from filmlook.presets import (
    Preset,
    delete_preset,
    import_preset,
    is_look,
    list_presets,
    preset_json,
    rename_preset,
    save_preset,
)
from filmlook.ui.controls import Controls
from filmlook.ui.preset_bar import PLAIN, PresetBar, presets_by_label, shown
from filmlook.ui.widgets import JS, REFRESH, button, hidden

_UNNAMED = "Give it a name: what comes with Film Look stays as it is."
_TAKEN = "A preset that comes with Film Look has this name: choose another one."
_THERE = "There is a preset of this name already: press again to write over it."
_FOREIGN = "Choose a preset of your own: those that come with Film Look stay as they are."
_KEPT = "Nothing was changed."


@cache
def _exports() -> tempfile.TemporaryDirectory[str]:
    """Where exported files wait for the browser; gone with the program."""
    return tempfile.TemporaryDirectory(prefix="film-look-")


def preset_keeping(prefix: str, bar: PresetBar, controls: Controls) -> None:
    """Lays out the buttons; to be called inside a Blocks."""

    def identity(part: str) -> str:
        return f"{prefix}_film_look_preset_{part}"

    with gr.Accordion("Keep presets", open=False, elem_id=identity("keeping")):
        name = gr.Textbox(label="Name", max_lines=1, elem_id=identity("name"))
        with gr.Row():
            save = button("Save", tooltip="Keep these settings under this name.", elem_id=identity("save"))
            rename = button("Rename", tooltip="Give the chosen preset this name.", elem_id=identity("rename"))
            delete = button("Delete", tooltip="Delete the chosen preset.", elem_id=identity("delete"))
        with gr.Row():
            upload = button(
                "Import",
                tooltip="Add a preset from a file.",
                kind="UploadButton",
                file_types=[".json"],
                elem_id=identity("import"),
            )
            export = button("Export", tooltip="These settings as a file.", elem_id=identity("export"))
            refresh = button(REFRESH, tooltip="Read the folder of presets again.", tool=True, elem_id=identity("refresh"))
        file = gr.File(label="Preset", visible=False, interactive=False, elem_id=identity("file"))
        status = gr.HTML(elem_id=identity("status"))
    said = hidden("Textbox", elem_id=identity("said"))
    for component in (name, file, status):
        component.do_not_save_to_config = True

    settings = controls.all
    both = [bar.dropdown, bar.about, status]

    def on(pressed: Any, action: Callable[..., list[Any]], inputs: list[Any], asked: str = "") -> None:
        how = {JS: asked} if asked else {}
        done = pressed(fn=_trying(action), inputs=inputs, outputs=both, show_progress=False, **how)
        done.then(fn=None, inputs=[], outputs=[], **{JS: "film_look_renew_presets"})

    on(save.click, _save, [said, name, bar.dropdown, *settings], "film_look_ask_to_save")
    on(rename.click, _rename, [name, bar.dropdown])
    on(delete.click, _delete, [said, bar.dropdown], "film_look_ask_to_delete")
    on(upload.upload, _import, [upload])
    on(refresh.click, lambda chosen: [*shown(chosen), ""], [bar.dropdown])
    export.click(fn=_export, inputs=[name, bar.dropdown, *settings], outputs=[file, status], show_progress=False)


def _trying(action: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    def run(*values: Any) -> list[Any]:
        try:
            return action(*values)
        except LookError as error:
            return [gr.update(), gr.update(), _fault(error)]

    return run


def _fault(error: LookError) -> str:
    return f"<span class='error'>{html.escape(str(error))}</span>"


def _done(what: str, preset: str, name: str | None) -> list[Any]:
    """The list with the preset of a name, and what was done; `what` in an element of its own, which the host can translate."""
    chosen = next((label for label, found in presets_by_label().items() if found.name == name), None)
    return [*shown(chosen), f"<span>{what}</span> {html.escape(preset)}"]


def _save(said: str, typed: str, chosen: str | None, *values: Any) -> list[Any]:
    look = _moving(values, chosen)
    name = _name(typed)
    old = _own_named(name) if name else _chosen_own(chosen, _UNNAMED)
    if old and said != "yes":
        if said == "no":
            return [gr.update(), gr.update(), f"<span>{_KEPT}</span>"]
        raise LookError(_THERE)
    saved = save_preset(old.name, look, label=old.label, text=old.help) if old else save_preset(name, look)
    return _done("Saved:", saved.label, saved.name)


def _rename(typed: str, chosen: str | None) -> list[Any]:
    old, name = _chosen_own(chosen, _FOREIGN), _name(typed)
    return _done("Renamed:", name, rename_preset(old.name, name).name)


def _delete(said: str, chosen: str | None) -> list[Any]:
    preset = _chosen_own(chosen, _FOREIGN)
    if said != "yes":
        return [gr.update(), gr.update(), f"<span>{_KEPT}</span>"]
    delete_preset(preset.name)
    return _done("Deleted:", preset.label, None)


def _import(uploaded: Any) -> list[Any]:
    path = Path(uploaded if isinstance(uploaded, str) else uploaded.name)
    wanted = Path(getattr(uploaded, "orig_name", path.name)).stem
    names = chain([wanted], (f"{wanted} ({i})" for i in count(2)))  # an import replaces nothing
    name = next(n for n in names if not is_look(n))
    try:
        imported = import_preset(path, name)
    except LookError as error:
        told = str(error).removeprefix(f"{path}: ")  # where an upload lies on the server helps nobody
        raise LookError(f"{wanted}.json: {told}") from None
    return _done("Imported:", name, imported.name)


def _export(typed: str, chosen: str | None, *values: Any) -> list[Any]:
    try:
        look = _moving(values, chosen)
    except LookError as error:
        return [gr.update(), _fault(error)]
    preset = presets_by_label().get(chosen or "")
    stem = typed.strip() or (preset.name if preset else "") or "look"
    path = Path(_exports().name) / f"{''.join(c if c.isalnum() or c in ' .-_' else '_' for c in stem)}.json"
    path.write_text(preset_json(Preset(stem, stem, "", look.at(), schedules=look.schedules)), encoding="utf-8")
    return [gr.update(value=str(path), visible=True), ""]


def _moving(values: Sequence[Any], chosen: str | None) -> MovingLook:
    """The look of the controls. What moves in the chosen preset still does where its control stands as it does at frame 0."""
    look, preset = LookChoice.from_values(values).look, presets_by_label().get(chosen or "")
    if preset is None:
        return MovingLook(look)
    return MovingLook(look, tuple((k, text) for k, text in preset.schedules if getattr(look, k) == getattr(preset.look, k)))


def _name(typed: str) -> str:
    """The name that was typed; none that something built in is called by, whatever its case."""
    name = typed.strip()
    if _same(name, PLAIN) or (name and any(_is_called(preset, name) and not preset.own for preset in list_presets())):
        raise LookError(_TAKEN)
    return name


def _own_named(name: str) -> Preset | None:
    """The user's own preset that is called so."""
    return next((preset for preset in list_presets() if preset.own and _is_called(preset, name)), None)


def _chosen_own(label: str | None, otherwise: str) -> Preset:
    """The chosen preset, if it is the user's own."""
    preset = presets_by_label().get(label or "")
    if preset is None or not preset.own:
        raise LookError(otherwise)
    return preset


def _is_called(preset: Preset, name: str) -> bool:
    return _same(name, preset.name) or _same(name, preset.label)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
