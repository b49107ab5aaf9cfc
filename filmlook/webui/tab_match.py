"""The tab's section "Make mine look like this": reference pictures come, the tab's settings become the look that is found."""

from __future__ import annotations

import dataclasses
import html
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from modules import call_queue, images, shared
from PIL import Image

from filmlook import Look, match
from filmlook.errors import FilmLookError, PictureError, Stopped
from filmlook.look_choice import LookChoice, key_of_label
from filmlook.matching.made_stock import free_stock_file
from filmlook.matching.match import MOST_REFERENCES, PARTS, Match
from filmlook.prints import OWN, print_labels
from filmlook.stock import stock_labels
from filmlook.ui.controls import Controls, stock_choices, values_of
from filmlook.ui.preset_bar import preset_label
from filmlook.ui.widgets import button
from filmlook.webui import hosts
from filmlook.webui.processing import failed, people_read

_ID = "tab_film_look_match"
_ALL = "all"
_WORDS = {_ALL: "Everything", "colour": "Colour", "texture": "Texture", "grain": "Grain"}
SEEK = {part: _WORDS.get(part, part.capitalize()) for part in (_ALL, *sorted(PARTS))}
"""What can be sought, in words."""

_NEW_STOCK = "matched"
_NONE = "Give it a picture to be like."
_STOPPED = "Nothing was changed."
_SHOWN = (1280, 1280)  # px, of a reference beside the picture
_LIKELY, _POSSIBLE = 0.3, 0.1  # chances of a stock from which it is called so
_stopped: deque[str] = deque(maxlen=64)
"""The tasks that users want no more of, those too that wait in the host's queue: its own interrupting would end another."""


@dataclass(frozen=True)
class Matching:
    """The section's components; `found` holds the looks that `others` offers."""

    task: Any
    files: Any
    weight: Any
    seek: Any
    makes: Any
    find: Any
    stop: Any
    told: Any
    others: Any
    found: Any


def build_matching() -> Matching:
    """Lays out the section; `connect_matching` makes it work. To be called inside a Blocks."""
    with gr.Accordion("Make mine look like this", open=False, elem_id=_ID):
        files = gr.Files(label="Pictures to be like", elem_id=f"{_ID}_files")
        shown = gr.Gallery(
            show_label=False,
            visible=False,
            columns=4,
            height="auto",
            allow_preview=False,
            elem_id=f"{_ID}_gallery",
            **hosts.GALLERY,
        )
        beside = gr.Checkbox(
            label="Show the first one beside the picture",
            value=False,
            visible=False,
            interactive=True,  # what is only an output is not, unless told
            elem_id=f"{_ID}_beside",
        )
        with gr.Row(elem_classes=["film-look-row"]):
            weight = gr.Slider(
                label="How far",
                info="1: as far as the pictures are; less leaves more of yours.",
                minimum=0,
                maximum=1,
                step=0.05,
                value=1,
                elem_id=f"{_ID}_weight",
            )
            seek = gr.Dropdown(
                label="What to seek",
                info="What is not sought stays as it is set.",
                choices=list(SEEK.values()),
                value=SEEK[_ALL],
                elem_id=f"{_ID}_seek",
            )
        makes = gr.Checkbox(
            label="Make a film where none comes close",
            info="Takes half a minute more; the film is then among your own.",
            value=False,
            elem_id=f"{_ID}_makes",
        )
        with gr.Row(elem_id=f"{_ID}_buttons"):
            find = button("Find the look", tooltip="Sets what follows to the look of the pictures.", elem_id=f"{_ID}_find")
            stop = button("Stop", tooltip="Leaves the settings as they are.", elem_id=f"{_ID}_stop")
        told = gr.HTML(elem_id=f"{_ID}_told")
        others = gr.Radio(label="Or one of these", choices=[], visible=False, elem_id=f"{_ID}_others")
    task = gr.Textbox(visible=False, elem_id=f"{_ID}_task")
    for component in (files, shown, beside, weight, seek, makes, others, task):
        component.do_not_save_to_config = True
    files.change(fn=_thumbnails, inputs=[files], outputs=[shown, beside], show_progress=False)
    return Matching(task, files, weight, seek, makes, find, stop, told, others, gr.State([]))


def connect_matching(section: Matching, preset: Any, controls: Controls) -> None:
    """What is found, or chosen among the others, goes into the list of presets and the settings."""
    filled = [preset, *controls.settings.values()]
    kept = [gr.update()] * len(filled)
    section.find.click(
        fn=call_queue.wrap_gradio_gpu_call(find, extra_outputs=[*kept, gr.update(), gr.update()]),
        inputs=[section.task, section.files, section.weight, section.seek, section.makes, *controls.all],
        outputs=[*filled, section.found, section.others, section.told],
        show_progress=False,
        **{hosts.JS: "film_look_find"},
    )
    section.stop.click(fn=stop, inputs=[section.task], outputs=[], show_progress=False, **{hosts.JS: "film_look_stop"})

    def take(label: str, found: list[dict[str, Any]]) -> list[Any]:
        look = next((look for look in map(Look.from_dict, found) if named(look) == label), None)
        return _filled(look) if look else kept

    section.others.input(fn=take, inputs=[section.others, section.found], outputs=filled, show_progress=False)


def find(task: str, files: Any, weight: float, seek: str, makes: bool, *values: Any) -> list[Any]:
    """The values of the list of presets and of the settings, the looks that were found, the choice among them, and a line that
    says what was found, or why nothing was. Without a look, nothing is changed."""
    unchanged = [gr.update()] * (1 + len(dataclasses.fields(Look)))
    try:
        found = _found(task, files, weight, seek, makes, values)
    except Stopped:
        return [*unchanged, gr.update(), gr.update(), f"<p>{_STOPPED}</p>"]
    except FilmLookError as error:  # the host would log it with its traceback
        failed("no look is found", error)
        return [*unchanged, gr.update(), gr.update(), f"<p class='error'><span>{html.escape(people_read(error))}</span></p>"]
    looks = [found.look, *found.alternatives]
    labels = [named(look) for look in looks]
    filled = _filled(found.look)
    if found.stock:  # which the list does not have yet
        filled[1] = gr.update(choices=stock_choices(), value=filled[1])
    choice = gr.update(choices=labels, value=labels[0], visible=len(labels) > 1)
    return [*filled, [look.to_dict() for look in looks], choice, fit_html(found)]


def stop(task: str) -> None:
    """Ends a search, or sees to it that it does not begin."""
    _stopped.append(task)


def _found(task: str, files: Any, weight: float, seek: str, makes: bool, values: Sequence[Any]) -> Match:
    uploaded = dict((one, Path(one).name) if isinstance(one, str) else (one.name, one.orig_name) for one in files or [])
    if not uploaded:
        raise PictureError(_NONE)
    part = key_of_label(seek, SEEK)
    shared.state.job_count = 1

    def progress(share: float) -> None:
        shared.state.sampling_steps, shared.state.sampling_step = 100, int(100 * share)
        if task in _stopped or shared.state.skipped or hosts.is_over(shared.state):
            raise Stopped

    progress(0)
    now = LookChoice.from_values(values).look
    try:
        new = free_stock_file(_NEW_STOCK) if makes else None
        how: dict[str, Any] = {"weight": weight, "only": None if part == _ALL else part, "look": now, "new_stock": new}
        return match(list(uploaded), progress=progress, **how)
    except PictureError as error:
        reason = str(error)
        for path, name in uploaded.items():  # where an upload lies on the server helps nobody
            reason = reason.replace(path, Path(name).name)
        raise PictureError(reason) from None


def _filled(look: Look) -> list[Any]:
    return [preset_label(look), *values_of(look)]


def named(look: Look) -> str:
    """A look's film, and what it is printed on where that is not the film's own."""
    film = stock_labels().get(look.stock, look.stock)
    return film if look.print == OWN else f"{film}, {print_labels().get(look.print, look.print)}"


def fit_html(found: Match) -> str:
    """What was found, for people: each sentence in an element of its own, which the page's script translates."""
    film, fit = named(found.look), found.fit
    lines = []
    if "distance" in fit:
        chance, distance = f"{fit.get('chance', 0):.2f}", f"{fit['distance']:.1f}"
        if found.stock:
            told = f"No film comes close, so one was made: {film}."
        elif "chance" not in fit:
            told = f"{film}, of your own: colours within {distance}."
        elif fit["chance"] >= _LIKELY:
            told = f"{film}: likely ({chance}), colours within {distance}."
        elif fit["chance"] >= _POSSIBLE:
            told = f"{film}: possible ({chance}), colours within {distance}."
        else:
            told = f"{film}: one of many ({chance}), colours within {distance}."
        lines.append(told)
    else:
        told = "The film and its colours stay as they were."
        lines.append(told)
    if "grain" in fit:
        told = f"Grain of {fit['grain']:.1f} codes of 255."
        lines.append(told)
    return "<p>" + " ".join(f"<span>{html.escape(line)}</span>" for line in lines) + "</p>"


def _thumbnails(files: Any) -> list[Any]:
    """The pictures as they are chosen, small, as far as they can be shown."""
    small = []
    for one in (files or [])[:MOST_REFERENCES]:
        try:
            image = images.read(one if isinstance(one, str) else one.name).convert("RGB")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            continue  # RAW, say, which is read all the same
        image.thumbnail(_SHOWN)
        small.append(image)
    return [gr.update(value=small, visible=bool(small)), gr.update(visible=bool(small))]
