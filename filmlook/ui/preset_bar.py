"""Choosing a preset, and keeping presets of one's own."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import Any

import gradio as gr

from filmlook.errors import LookError
from filmlook.look import Look
from filmlook.look_choice import SEED_MODES, LookChoice
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
from filmlook.ui.controls import REFRESH, Controls, values_of

_LEAVE = object()


def presets_by_label() -> dict[str, Preset]:
    """Every preset that can be read, by its label; of two with the same label, the second's tells its name."""
    found: dict[str, Preset] = {}
    for preset in list_presets():
        found[f"{preset.label} ({preset.name})" if preset.label in found else preset.label] = preset
    return found


def preset_label(look: Look) -> str | None:
    """The label of a preset that is this look."""
    return next((label for label, preset in presets_by_label().items() if preset.look == look), None)


def _choices() -> list[str]:
    return sorted(presets_by_label(), key=str.lower)


def _name(label: str | None) -> str:
    """The name of the preset that a label stands for; "" for none."""
    preset = presets_by_label().get(label or "")
    return preset.name if preset else ""


def preset_dropdown(prefix: str, look: Look) -> Any:
    """The dropdown that shows the presets; `connect_presets` makes it work."""
    dropdown = gr.Dropdown(
        label="Preset",
        info="Sets all settings; change them as you like.",
        choices=_choices(),
        value=preset_label(look),
        elem_id=f"{prefix}_film_look_preset",
    )
    dropdown.do_not_save_to_config = True
    return dropdown


def connect_presets(dropdown: Any, controls: Controls) -> None:
    """Choosing a preset sets the controls."""

    def apply(label: str | None) -> list[Any]:
        preset = presets_by_label().get(label or "")
        return values_of(preset.look) if preset else [gr.update()] * len(controls.settings)

    dropdown.input(fn=apply, inputs=[dropdown], outputs=list(controls.settings.values()), show_progress=False)


def connect_reset(button: Any, dropdown: Any, controls: Controls, default: Callable[[], Look]) -> None:
    """A button puts every setting back to the default look."""

    def reset() -> list[Any]:
        look = default()
        return [preset_label(look), *values_of(look), SEED_MODES["picture"], 0]

    outputs = [dropdown, *controls.settings.values(), controls.seed_mode, controls.seed]
    button.click(fn=reset, inputs=[], outputs=outputs, show_progress=False)


@cache
def _exports() -> tempfile.TemporaryDirectory[str]:
    """Where exported files wait for the browser; gone with the program."""
    return tempfile.TemporaryDirectory(prefix="film-look-")


def preset_keeping(prefix: str, dropdown: Any, controls: Controls) -> None:
    """Save, rename, delete, import and export; to be called inside a Blocks."""

    def identity(part: str) -> str:
        return f"{prefix}_film_look_preset_{part}"

    with gr.Accordion("Keep presets", open=False, elem_id=identity("keeping")):
        name = gr.Textbox(label="Name", max_lines=1, elem_id=identity("name"))
        with gr.Row():
            save = gr.Button("Save", elem_id=identity("save"))
            rename = gr.Button("Rename", elem_id=identity("rename"))
            delete = gr.Button("Delete", elem_id=identity("delete"))
        with gr.Row():
            upload = gr.UploadButton("Import", file_types=[".json"], elem_id=identity("import"))
            export = gr.Button("Export", elem_id=identity("export"))
            refresh = gr.Button(REFRESH, elem_id=identity("refresh"), elem_classes=["tool", "film-look-tool"])
        file = gr.File(label="Preset", visible=False, interactive=False, elem_id=identity("file"))
        status = gr.HTML(elem_id=identity("status"))
    for component in (name, file, status):
        component.do_not_save_to_config = True

    def done(text: str, chosen: Any = _LEAVE) -> list[Any]:
        by_label = presets_by_label()
        value = {} if chosen is _LEAVE else {"value": next((k for k, v in by_label.items() if v.name == chosen), None)}
        return [gr.update(choices=sorted(by_label, key=str.lower), **value), html.escape(text)]

    def trying(action: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        def run(*values: Any) -> list[Any]:
            try:
                return action(*values)
            except LookError as error:
                return [gr.update(), f"<span class='error'>{html.escape(str(error))}</span>"]

        return run

    def on_save(typed: str, chosen: str | None, *values: Any) -> list[Any]:
        saved = save_preset(typed.strip() or _name(chosen), LookChoice.from_values(values).look)
        return done(f"Saved: {saved.name}", saved.name)

    def on_rename(typed: str, chosen: str | None) -> list[Any]:
        return done(f"Renamed: {typed}", rename_preset(_name(chosen), typed.strip()).name)

    def on_delete(chosen: str | None) -> list[Any]:
        delete_preset(_name(chosen))
        return done(f"Deleted: {chosen}", None)

    def on_import(uploaded: Any) -> list[Any]:
        path = Path(uploaded if isinstance(uploaded, str) else uploaded.name)
        wanted = Path(getattr(uploaded, "orig_name", path.name)).stem
        names = chain([wanted], (f"{wanted} ({i})" for i in count(2)))  # an import replaces nothing
        name = next(n for n in names if not is_look(n))
        return done(f"Imported: {name}", import_preset(path, name).name)

    def on_export(typed: str, chosen: str | None, *values: Any) -> list[Any]:
        look = LookChoice.from_values(values).look
        stem = typed.strip() or _name(chosen) or "look"
        path = Path(_exports().name) / f"{''.join(c if c.isalnum() or c in ' .-_' else '_' for c in stem)}.json"
        path.write_text(preset_json(Preset(stem, stem, "", look)), encoding="utf-8")
        return [gr.update(value=str(path), visible=True), ""]

    settings = controls.all
    both = [dropdown, status]
    save.click(fn=trying(on_save), inputs=[name, dropdown, *settings], outputs=both, show_progress=False)
    rename.click(fn=trying(on_rename), inputs=[name, dropdown], outputs=both, show_progress=False)
    delete.click(fn=trying(on_delete), inputs=[dropdown], outputs=both, show_progress=False)
    refresh.click(fn=lambda: done(""), inputs=[], outputs=both, show_progress=False)
    upload.upload(fn=trying(on_import), inputs=[upload], outputs=both, show_progress=False)
    export.click(fn=trying(on_export), inputs=[name, dropdown, *settings], outputs=[file, status], show_progress=False)
