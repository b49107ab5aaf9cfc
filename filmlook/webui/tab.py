"""The tab "Film Look": pictures that are there already, one or many."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr
from modules import call_queue, shared, ui_components, ui_toprow, util
from PIL import Image

from filmlook.errors import LookError, PictureError
from filmlook.files import infotext
from filmlook.ui import keyframes
from filmlook.ui.preset_bar import presets_by_label
from filmlook.ui.widgets import button
from filmlook.webui import hosts, options
from filmlook.webui.accordion import build_choice
from filmlook.webui.hosts import infotext_utils
from filmlook.webui.infotext_fields import controls_fields, preset_field
from filmlook.webui.tab_match import build_matching, connect_matching
from filmlook.webui.tab_run import forgiving, output_folder, run

TAB = "film_look"
LABEL = "Film Look"
_SEND_TO = {"img2img": "\U0001f5bc\ufe0f", "inpaint": "\U0001f3a8\ufe0f", "extras": "\U0001f4d0"}


def build_tab() -> tuple[Any, str, str]:
    """The tab as the host's `on_ui_tabs` wants it; its picture and settings can be pasted to."""
    with gr.Blocks(analytics_enabled=False) as tab:
        task = gr.Textbox(visible=False)
        mode = gr.Number(value=0, visible=False)
        mask = gr.Textbox(visible=False, elem_id=f"{TAB}_mask")  # painted in the viewer: the page's script fills it in
        depth = gr.Textbox(visible=False, elem_id=f"{TAB}_depth")  # the map that was chosen there, likewise
        with ui_components.ResizeHandleRow(equal_height=False, variant="compact"):
            with gr.Column(variant="compact"):
                image, *many = _inputs()
                read = button(
                    "Use the look this picture has",
                    tooltip="Reads the settings from the picture's infotext.",
                    elem_id=f"{TAB}_read",
                )
                matching = build_matching()
                preset, controls = build_choice("tab", options.default_look(), keeping=True)
                connect_matching(matching, preset, controls)
                moving = _keyframes(preset)
            with gr.Column(elem_id=f"{TAB}_results"):
                toprow = ui_toprow.Toprow(is_compact=True, is_img2img=False, id_part=TAB)
                toprow.submit.value = "Develop"
                toprow.submit.webui_tooltip = "Develops what stands here, and saves it."
                toprow.create_inline_toprow_image()
                player, file, gallery, about, report, buttons = _results()
        toprow.submit.click(
            fn=call_queue.wrap_gradio_gpu_call(_run, extra_outputs=[*[gr.update(visible=False)] * 2, None, ""]),
            inputs=[task, mode, mask, depth, image, *many, moving, *controls.all],
            outputs=[player, file, gallery, about, report],  # the host's script looks for the gallery before the last two
            show_progress=False,
            **{hosts.JS: "submit_film_look"},
        )
        fields = [preset_field(preset), *controls_fields(controls)]

        def from_picture(picture: Any) -> list[Any]:
            if isinstance(picture, PictureError):
                gr.Warning(str(picture))
                return [gr.update()] * len(fields)
            found = infotext.read(picture) if isinstance(picture, Image.Image) else None
            if found is None or found.look is None:
                gr.Warning("The picture does not say how it was developed.")
                return [gr.update()] * len(fields)
            keys = infotext.entries(found.look, found.seed or 0)
            return [function(keys) for _, function in fields]

        read.click(fn=from_picture, inputs=[image], outputs=[component for component, _ in fields], show_progress=False)
    infotext_utils.add_paste_fields(TAB, image, fields)
    for target, sending in buttons.items():
        infotext_utils.register_paste_params_button(
            infotext_utils.ParamBinding(paste_button=sending, tabname=target, source_image_component=gallery)
        )
    return tab, LABEL, TAB


def _run(*arguments: Any) -> list[Any]:
    """`run`, whose film is shown where there is one."""
    player, file, *others = run(*arguments)
    return [gr.update(value=film, visible=bool(film)) for film in (player, file)] + others


def _keyframes(preset: Any) -> Any:
    """The field of what moves over a film, with its curves; a preset fills it in."""
    field = gr.Textbox(
        label="Keyframes",
        info="Of a film: what moves in it, a line each. Of a single picture, what stands at frame 0.",
        placeholder="exposure: 0: (0), 30: (1)",
        lines=2,
        max_lines=12,
        elem_id=f"{TAB}_keyframes",
    )
    field.do_not_save_to_config = True
    shown = gr.HTML(elem_id=f"{TAB}_keyframes_shown")

    def show(text: str) -> str:
        try:
            return keyframes.curves(keyframes.schedules_of(text or ""))
        except LookError as error:
            return f"<p class='error'><span>{html.escape(str(error))}</span></p>"

    def of_preset(label: str | None) -> str:
        found = presets_by_label().get(label or "")
        return keyframes.lines_of(found.schedules) if found else ""

    field.change(fn=show, inputs=[field], outputs=[shown], show_progress=False)
    preset.input(fn=of_preset, inputs=[preset], outputs=[field], show_progress=False)
    return field


def _inputs() -> list[Any]:
    """Picture, files, input folder, output folder, whether many pictures are a film, or a series, and whether to
    develop again."""
    with gr.Tabs(elem_id=f"mode_{TAB}"):
        with gr.TabItem("Single picture", id="single", elem_id=f"{TAB}_single_tab"):
            image = gr.Image(
                label="Source", source="upload", interactive=True, type="pil", image_mode="RGBA", elem_id=f"{TAB}_image"
            )
        with gr.TabItem("Batch of files", id="batch", elem_id=f"{TAB}_batch_tab"):
            files = gr.Files(label="Files", interactive=True, elem_id=f"{TAB}_files")
        with gr.TabItem("Folder", id="folder", elem_id=f"{TAB}_folder_tab"):
            source = gr.Textbox(
                label="Input folder",
                **shared.hide_dirs,
                placeholder="A folder on the machine where the server runs.",
                elem_id=f"{TAB}_input_dir",
            )
            target = gr.Textbox(
                label="Output folder",
                **shared.hide_dirs,
                placeholder="Empty: where Extras saves.",
                elem_id=f"{TAB}_output_dir",
            )
    image.preprocess = forgiving(image.preprocess)
    film = gr.Checkbox(
        label="The files are the frames of a film",
        info="Grain moves from frame to frame, and nothing flickers.",
        value=False,
        elem_id=f"{TAB}_frames",
    )
    series = gr.Checkbox(
        label="The files are a series",
        info="Exposure and cast are evened, so that people and places stay alike.",
        value=False,
        elem_id=f"{TAB}_series",
    )
    again = gr.Checkbox(label="Develop developed pictures again", value=False, elem_id=f"{TAB}_again")
    found = [image, files, source, target, film, series, again]
    for component in found:
        component.do_not_save_to_config = True
    return found


def _results() -> tuple[Any, Any, Any, Any, Any, dict[str, Any]]:
    """A film's player and its file, gallery, infotext, report, and the buttons that send a picture on, by tab."""
    with gr.Column(variant="panel", elem_id=f"{TAB}_results_panel"):
        player = gr.Video(label="Developed film", visible=False, interactive=False, elem_id=f"{TAB}_film")
        file = gr.File(label="Developed film", visible=False, interactive=False, elem_id=f"{TAB}_film_file")
        with gr.Group(elem_id=f"{TAB}_gallery_container"):
            gallery = gr.Gallery(
                label="Output",
                show_label=False,
                elem_id=f"{TAB}_gallery",
                columns=4,
                preview=True,
                height=shared.opts.data.get("gallery_height") or None,
                **hosts.GALLERY,
            )
        with gr.Row(elem_id=f"image_buttons_{TAB}", elem_classes="image-buttons"):
            folder = ui_components.ToolButton(
                "\U0001f4c2",
                elem_id=f"{TAB}_open_folder",
                visible=not shared.cmd_opts.hide_ui_dir_config,
                tooltip="Open images output directory.",
            )
            folder.click(fn=lambda: util.open_folder(output_folder()), inputs=[], outputs=[])
            buttons: dict[str, Any] = {}
            for target, symbol in _SEND_TO.items():
                buttons[target] = ui_components.ToolButton(
                    symbol, elem_id=f"{TAB}_send_to_{target}", tooltip=f"Send image to {target} tab."
                )
        about = gr.HTML(elem_id=f"html_info_{TAB}", elem_classes="infotext")
        report = gr.HTML(elem_id=f"html_log_{TAB}", elem_classes="html-log")
    for component in (player, file):
        component.do_not_save_to_config = True
    return player, file, gallery, about, report, buttons
