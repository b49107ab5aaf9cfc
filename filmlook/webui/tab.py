"""The tab "Film Look": pictures that are there already, one or many."""

from __future__ import annotations

import html
import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from modules import call_queue, images, shared, ui_common, ui_components, ui_toprow, util
from PIL import Image

from filmlook.engine.metering import ExposureLock
from filmlook.errors import AlreadyDevelopedError, FilmLookError, PictureError, Stopped
from filmlook.files import infotext
from filmlook.files.picture import FORMATS
from filmlook.look_choice import LookChoice
from filmlook.paths import natural
from filmlook.webui import hosts, options
from filmlook.webui.accordion import build_choice
from filmlook.webui.hooks import is_developed
from filmlook.webui.hosts import infotext_utils
from filmlook.webui.infotext_fields import controls_fields, preset_field
from filmlook.webui.processing import failed, film_image, own_seed

TAB = "film_look"
LABEL = "Film Look"
_SHOWN = 24  # of many pictures the last: the browser and the memory hold no more
_SEND_TO = {"img2img": "\U0001f5bc\ufe0f", "inpaint": "\U0001f3a8\ufe0f", "extras": "\U0001f4d0"}


def build_tab() -> tuple[Any, str, str]:
    """The tab as the host's `on_ui_tabs` wants it; its picture and settings can be pasted to."""
    with gr.Blocks(analytics_enabled=False) as tab:
        task = gr.Textbox(visible=False)
        mode = gr.Number(value=0, visible=False)
        with ui_components.ResizeHandleRow(equal_height=False, variant="compact"):
            with gr.Column(variant="compact"):
                image, *many = _inputs()
                read = gr.Button("Use the look this picture has", elem_id=f"{TAB}_read")
                preset, controls = build_choice("tab", options.default_look(), keeping=True)
            with gr.Column(elem_id=f"{TAB}_results"):
                toprow = ui_toprow.Toprow(is_compact=True, is_img2img=False, id_part=TAB)
                toprow.submit.value = "Develop"
                toprow.create_inline_toprow_image()
                gallery, about, report, buttons = _results()
        toprow.submit.click(
            fn=call_queue.wrap_gradio_gpu_call(run, extra_outputs=[None, ""]),
            inputs=[task, mode, image, *many, *controls.all],
            outputs=[gallery, about, report],
            show_progress=False,
            **{hosts.JS: "submit_film_look"},
        )
        fields = [preset_field(preset), *controls_fields(controls)]

        def from_picture(picture: Any) -> list[Any]:
            found = infotext.read(picture) if isinstance(picture, Image.Image) else None
            if found is None or found.look is None:
                gr.Warning("The picture does not say how it was developed.")
                return [gr.update()] * len(fields)
            keys = infotext.entries(found.look, found.seed or 0)
            return [function(keys) for _, function in fields]

        read.click(fn=from_picture, inputs=[image], outputs=[component for component, _ in fields], show_progress=False)
    infotext_utils.add_paste_fields(TAB, image, fields)
    for target, button in buttons.items():
        infotext_utils.register_paste_params_button(
            infotext_utils.ParamBinding(paste_button=button, tabname=target, source_image_component=gallery)
        )
    return tab, LABEL, TAB


def _inputs() -> list[Any]:
    """Picture, files, input folder, output folder, whether many pictures are a film, and whether to develop again."""
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
    film = gr.Checkbox(
        label="The files are the frames of a film",
        info="Grain moves from frame to frame, and nothing flickers.",
        value=False,
        elem_id=f"{TAB}_frames",
    )
    again = gr.Checkbox(label="Develop developed pictures again", value=False, elem_id=f"{TAB}_again")
    found = [image, files, source, target, film, again]
    for component in found:
        component.do_not_save_to_config = True
    return found


def _results() -> tuple[Any, Any, Any, dict[str, Any]]:
    """Gallery, infotext, report, and the buttons that send a picture on, by tab."""
    with gr.Column(variant="panel", elem_id=f"{TAB}_results_panel"):
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
            folder.click(fn=lambda: util.open_folder(_output_folder()), inputs=[], outputs=[])
            buttons: dict[str, Any] = {}
            for target, symbol in _SEND_TO.items():
                button = ui_components.ToolButton(
                    symbol, elem_id=f"{TAB}_send_to_{target}", tooltip=f"Send image to {target} tab."
                )
                buttons[target] = button
        about = gr.HTML(elem_id=f"html_info_{TAB}", elem_classes="infotext")
        report = gr.HTML(elem_id=f"html_log_{TAB}", elem_classes="html-log")
    return gallery, about, report, buttons


def _output_folder() -> str:
    return str(shared.opts.outdir_samples or shared.opts.outdir_extras_samples)


@dataclass(frozen=True)
class _Source:
    """A picture to develop: where it lies, or the picture itself, and the name for what becomes of it."""

    picture: Any
    name: str = ""

    def read(self) -> Image.Image:
        try:
            image = self.picture if isinstance(self.picture, Image.Image) else images.read(self.picture)
            image.load()
            return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow says of damaged files, and of none
            raise PictureError(f"it cannot be read: {str(error) or type(error).__name__}") from None


def _sources(mode: int, image: Any, files: Any, folder: str) -> list[_Source]:
    if mode == 1:
        uploaded = [(f, f) if isinstance(f, str) else (f.name, getattr(f, "orig_name", f.name)) for f in files or []]
        found = [_Source(path, Path(name).stem) for path, name in uploaded]
    elif mode == 2:
        if shared.cmd_opts.hide_ui_dir_config:
            raise PictureError("folders are off: the WebUI runs with --hide-ui-dir-config")
        if not folder or not Path(folder).is_dir():
            raise PictureError(f"{folder!r} is not a folder")
        paths = [path for path in Path(folder).iterdir() if path.suffix.lower() in FORMATS]
        found = [_Source(str(path), path.stem) for path in sorted(paths, key=natural)]
    else:
        found = [_Source(image)] if isinstance(image, Image.Image) else []
    if not found:
        raise PictureError("there is no picture to develop")
    return found


def run(
    task: str, mode: float, image: Any, files: Any, folder: str, target: str, film: bool, again: bool, *values: Any
) -> list[Any]:
    """Develops what the tab holds: the gallery's pictures, the last one's infotext, and what went wrong."""
    try:
        chosen = LookChoice.from_values(values)
        sources = _sources(int(mode), image, files, folder)
    except FilmLookError as error:  # the host would log it with its traceback
        return [[], "", _report([failed("nothing is developed", error)])]
    shared.state.job_count = len(sources)
    outpath = target if int(mode) == 2 and target else _output_folder()
    done: deque[Image.Image] = deque(maxlen=_SHOWN)
    faults, text = [], ""
    for source, result in zip(sources, _developed(sources, chosen, bool(film), bool(again)), strict=False):
        if result is None:
            continue
        name = source.name or "picture"
        if isinstance(result, Exception):
            faults.append(f"{name}: {failed(name, result)}")
            continue
        done.append(result)
        text = infotext.ours(result.info)
        try:
            _save(result, outpath, source.name)
        except Exception as error:
            faults.append(f"{name}: not saved: {failed(f'{name}: not saved', error)}")
    return [list(done), ui_common.plaintext_to_html(text), _report(faults)]


def _report(faults: list[str]) -> str:
    return "".join(f"<p class='error'>{html.escape(fault)}</p>" for fault in faults)


def _developed(sources: list[_Source], chosen: LookChoice, film: bool, again: bool) -> Iterator[Image.Image | Exception | None]:
    """Each picture developed; or why it was not; or None for one that the user skipped."""
    state, lock = shared.state, ExposureLock() if film else None
    seed: int | None = None

    def progress(share: float) -> None:
        state.sampling_steps, state.sampling_step = 100, int(100 * share)
        if state.skipped or hosts.is_over(state):
            raise Stopped

    for number, source in enumerate(sources):
        if hosts.is_over(state):
            return
        state.skipped = False
        state.textinfo = source.name
        try:
            before = source.read()
            if not again and is_developed(before):
                raise AlreadyDevelopedError("it is developed already; to develop it again, tick the box")
            if seed is None or not film:
                seed = chosen.grain_seed(own_seed(before))
            frame = number if film else None
            after, _ = film_image(before, chosen, seed=seed, frame=frame, lock=lock, progress=progress)
        except Stopped:
            yield None
            continue
        except Exception as error:
            yield error
            continue
        finally:
            state.nextjob()
        state.assign_current_image(after)
        yield after


def _save(image: Image.Image, outpath: str, name: str) -> None:
    texts = {k: v for k, v in image.info.items() if isinstance(v, str)}
    images.save_image(
        image,
        outpath,
        "",
        extension=shared.opts.samples_format,
        info=texts.pop("parameters", None),
        short_filename=True,
        no_prompt=True,
        existing_info=texts,
        forced_filename=_free_name(Path(outpath), name) if name and shared.opts.use_original_name_batch else None,
    )


def _free_name(folder: Path, name: str) -> str:
    """The name, or the first of name-1, name-2 ... that no file has: nothing is written over."""
    names = itertools.chain([name], (f"{name}-{i}" for i in itertools.count(1)))
    return next(n for n in names if not (folder / f"{n}.{shared.opts.samples_format}").exists())
