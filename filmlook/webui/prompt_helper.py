"""The prompt helper under the accordion: it follows its page's prompt, settings and checkpoint, and presses for the user.

A page is txt2img, img2img, or an extension's copy of one (mov2mov). A script's `ui` makes the helper's own parts; the page's
components come by while the host builds it, its prompts before the scripts; and once its gallery is there, all are, and are
bound together.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gradio as gr
from modules import script_callbacks

from filmlook.look import SETTINGS
from filmlook.presets import load_preset
from filmlook.prompts.checkpoints import recognise
from filmlook.prompts.comments import blanked, with_comments
from filmlook.prompts.edit import add, undone
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.recipes import list_recipes
from filmlook.prompts.report import Report
from filmlook.ui import prompt_report as shown
from filmlook.ui.controls import value_of
from filmlook.ui.preset_bar import preset_label, presets_by_label
from filmlook.webui import host_models, hosts
from filmlook.webui.accordion import Accordion
from filmlook.webui.processing import failed

_IDS = {
    "prompt": "prompt", "negative": "neg_prompt", "sampler": "sampling", "scheduler": "scheduler", "steps": "steps",
    "cfg": "cfg_scale",
}  # fmt: skip
_TXT2IMG_IDS = {  # img2img has its sizes from the picture, and no hires fix
    "width": "width", "height": "height", "hires": "hr-checkbox", "hires_upscaler": "hr_upscaler",
    "hires_steps": "hires_steps", "hires_denoising": "denoising_strength", "hires_scale": "hr_scale",
}  # fmt: skip
_FIELDS = {name: field for field, name in {**_IDS, **_TXT2IMG_IDS}.items()}
_TABS = ("txt2img", "img2img")
_MOST_UNDONE = 20


@dataclass(frozen=True)
class _Own:
    """The helper's components on one page. `fields` are those that it reads of the page; `key` names the button that was
    pressed; `title` is a checkpoint to switch to; `undo` lists what was changed, as JSON:
    `[{"label": ..., "changes": {field: [before, after]}}]`."""

    accordion: Accordion
    fields: tuple[str, ...]
    findings: Any
    checkpoints: Any
    networks: Any
    ask: Any
    list: Any
    press: Any
    key: Any
    title: Any
    undo: Any


class _Page:
    """The page that the host is building: its name, which begins its components' ids, and those that the helper needs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.components: dict[str, Any] = {}
        self.own: _Own | None = None


_building: list[_Page] = []  # the one, while there is one; hosts call `ui` and make components at other times too
_prompts: dict[str, Any] = {}  # those that may begin a page, by its name


def page_being_built() -> str:
    """The name of the page that the host is building; empty where it is building none."""
    return _building[0].name if _building else ""


def build_helper(page: str, accordion: Accordion, *, img2img: bool) -> None:
    """Lays out the helper; it is closed, and asks nothing until it is opened."""

    def identity(part: str) -> str:
        return f"{page}_film_look_helper{part}"

    with gr.Accordion("Film Look: prompt helper", open=False, elem_id=identity("")):
        findings = gr.HTML(elem_id=identity("_findings"))
        with gr.Accordion("Checkpoints", open=False, elem_id=identity("_checkpoints_group")):
            checkpoints = gr.HTML(elem_id=identity("_checkpoints"))
        with gr.Accordion("LoRA and embeddings of film", open=False, elem_id=identity("_networks_group")):
            networks = gr.HTML(elem_id=identity("_networks"))
        ask = gr.Button(visible=False, elem_id=identity("_ask"))
        lists = gr.Button(visible=False, elem_id=identity("_list"))
        press = gr.Button(visible=False, elem_id=identity("_press"))
        key = gr.Textbox(visible=False, elem_id=identity("_key"))
        title = gr.Textbox(visible=False, elem_id=identity("_title"))
        undo = gr.Textbox("[]", visible=False, elem_id=identity("_undo"))  # JSON: Forge's gradio loses states beside scripts
    for component in (findings, checkpoints, networks, key, title, undo):
        component.do_not_save_to_config = True
    if page == page_being_built():
        fields = (*_IDS, *(() if img2img else _TXT2IMG_IDS))
        _building[0].own = _Own(accordion, fields, findings, checkpoints, networks, ask, lists, press, key, title, undo)


def register() -> None:
    """Listens to the pages being built."""
    script_callbacks.on_before_ui(_no_page)
    script_callbacks.on_app_started(lambda demo, app: _no_page())
    script_callbacks.on_after_component(_after_component)


def _no_page() -> None:
    _building.clear()
    _prompts.clear()


def _after_component(component: Any, **kwargs: Any) -> None:
    identity = str(kwargs.get("elem_id") or "")
    if identity.endswith("_neg_prompt"):
        _begin(identity.removesuffix("_neg_prompt"))
    elif identity.endswith("_prompt"):
        _prompts[identity.removesuffix("_prompt")] = component
    page = _building[0] if _building else None
    if page is None or not identity.startswith(f"{page.name}_"):
        return
    if field := _FIELDS.get(identity.removeprefix(f"{page.name}_")):
        page.components[field] = component
    if identity == f"{page.name}_gallery":
        _no_page()
        try:
            if page.own:
                _Bound(page.own, page.components).bind()
        except Exception as error:
            failed("no prompt helper", error)


def _begin(name: str) -> None:
    """A prompt and a negative one of a name begin a page; within a page they are the hires fix's, a style's or a script's."""
    if name in _prompts and (not _building or name in _TABS):
        _building[:] = [_Page(name)]
        _building[0].components["prompt"] = _prompts[name]


class _Bound:
    """The helper of one page, with the page's components: what the page asks for and presses comes here."""

    def __init__(self, own: _Own, components: dict[str, Any]) -> None:
        self.own = own
        self.components = {field: components[field] for field in own.fields if field in components}
        self.components |= {"on": own.accordion.enabled, "preset": own.accordion.preset}
        self.components |= {f"look.{key}": component for key, component in own.accordion.controls.settings.items()}

    def bind(self) -> None:
        """Connects the hidden buttons that the page's script presses."""
        own, inputs = self.own, list(self.components.values())
        own.ask.click(fn=self.answer, inputs=[own.undo, *inputs], outputs=[own.findings], show_progress=False)
        own.list.click(fn=_lists, inputs=[], outputs=[own.checkpoints, own.networks], show_progress=False)
        pressed = own.press.click(
            fn=self.press,
            inputs=[own.key, own.undo, *inputs],
            outputs=[own.title, own.undo, *inputs],
            show_progress=False,
            **{hosts.JS: "film_look_pressed"},
        )
        chosen = pressed.then(fn=None, inputs=[own.title], outputs=[], **{hosts.JS: "film_look_choose_checkpoint"})
        chosen.then(fn=self.answer, inputs=[own.undo, *inputs], outputs=[own.findings], show_progress=False)

    def answer(self, undo: str, *values: Any) -> str:
        """The findings as HTML."""
        now, done = self._now(values), _done(undo)
        try:
            texts = {field: now.get(field, "") for field in ("prompt", "negative")}
            return shown.report_html(_report(now), host_models.chosen_checkpoint(), texts, done[-1]["label"] if done else "")
        except Exception as error:
            failed("the prompt helper fails", error)
            return f"<p>{type(error).__name__}</p>"

    def _now(self, values: Sequence[Any]) -> dict[str, Any]:
        """What the page holds, by field; prompts as texts that can be sent back."""
        now = dict(zip(self.components, values, strict=True))
        for field in ("prompt", "negative"):
            if field in now:
                now[field] = str(now[field] or "").encode("utf-8", "replace").decode()
        return now

    def press(self, key: str, undo: str, *values: Any) -> list[Any]:
        """What a button stands for: a title to switch to, what can be undone, and the new values of all components."""
        now, done = self._now(values), _done(undo)
        chosen = host_models.chosen_checkpoint()
        now["checkpoint"] = chosen.title if chosen else ""
        if key == shown.HASH:
            gr.Info("Film Look: the checkpoint's file is read for its hash.")
            if not host_models.compute_hash():
                gr.Warning("Film Look: the WebUI computes no hashes; it was started with --no-hashing.")
            changes: dict[str, Any] = {}
        elif key == shown.UNDO:
            changes = _undone(done.pop(), now) if done else {}
        else:
            label, wanted = _wanted(key, now)
            changes = {field: value for field, value in _of_components(wanted).items() if field in now}
            named = {f: v for f, v in changes.items() if f in self.components and f != "look.print"}  # it follows the stock
            if missing := [v for f, v in named.items() if not _has(self.components[f], v)]:
                gr.Warning(f"Film Look: {missing[0]} is not installed.")
                changes = {}
            changes = {field: value for field, value in changes.items() if now[field] != value}
            if changes:
                done.append({"label": label, "changes": {field: (now[field], value) for field, value in changes.items()}})
        title = changes.pop("checkpoint", "")
        updates = [gr.update(value=changes[field]) if field in changes else gr.update() for field in self.components]
        return [title, json.dumps(done[-_MOST_UNDONE:]), *updates]


def _lists() -> list[str]:
    """The checkpoints and the networks of film as HTML."""
    chosen, (recipes, _) = host_models.chosen_checkpoint(), list_recipes()
    return [
        shown.checkpoints_html(
            ((checkpoint, recognise(checkpoint, recipes)) for checkpoint in host_models.installed_checkpoints()),
            chosen.title if chosen else "",
        ),
        shown.networks_html(host_models.film_networks()),
    ]


def _done(undo: Any) -> list[dict[str, Any]]:
    """What can be undone, the last one last; nothing where the page has lost it."""
    with suppress(ValueError, TypeError):
        done = json.loads(undo)
        return done if isinstance(done, list) else []
    return []


def _undone(last: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The values that take a change back. What the user has changed since stays, and that is told."""
    changes, kept = {}, []
    for field, (before, after) in last["changes"].items():
        if field == "checkpoint":  # loading one adds its hash to the title
            same = host_models.checkpoint_named(after).filename == host_models.checkpoint_named(now[field]).filename
        else:
            same = now.get(field) == after
        if same:
            changes[field] = before
        elif field in ("prompt", "negative") and (text := undone(now.get(field, ""), before, after)) is not None:
            changes[field] = text
        else:
            kept.append(field.removeprefix("look."))
    if kept:
        gr.Info(f"Film Look: changed since, and left as it is: {', '.join(kept)}")
    return changes


def _report(now: dict[str, Any]) -> Report:
    """The report on what the page holds."""
    look = ""
    if now["on"] and (preset := presets_by_label().get(now["preset"] or "")):
        look = preset.name
    known = {field: now.get(field) for field in (*_IDS, *_TXT2IMG_IDS) if field not in ("prompt", "negative")}
    for field in ("width", "height", "steps", "hires_steps"):  # sliders of gradio may hold floats
        known[field] = int(value) if isinstance(value := known[field], float) else value
    prompt, negative = now.get("prompt", ""), now.get("negative", "")
    return host_models.report_of(prompt, negative, host_models.chosen_checkpoint(), GenerationParams(**known, look=look))


def _wanted(key: str, now: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A button's label and changes by field; no changes where it stands for nothing any more."""
    if key.startswith(shown.CHECKPOINT):
        title = key.removeprefix(shown.CHECKPOINT)
        return f"Choose {title}", {"checkpoint": title}
    for start, field in ((shown.ADD, "prompt"), (shown.AVOID, "negative")):
        if key.startswith(start):
            text, style = now.get(field, ""), host_models.comment_style()
            words = key.removeprefix(start)
            return f"Add {words}", {field: with_comments(text, add(blanked(text, style), words), style)}
    found = next((f for f in _report(now).findings if f.fix and shown.key_of(f) == key), None)
    return (found.fix.label, found.fix.changes) if found and found.fix else ("", {})


def _of_components(changes: dict[str, Any]) -> dict[str, Any]:
    """Changes by component: a look turns Film Look on and sets the preset and all settings."""
    changes = dict(changes)
    if name := changes.pop("look", None):
        look = load_preset(name).look
        changes |= {"on": True, "preset": preset_label(look)}
        changes |= {f"look.{setting.key}": value_of(look, setting) for setting in SETTINGS}
    return changes


def _has(component: Any, value: Any) -> bool:
    """Whether a component takes a value: a dropdown has it among its choices, which gradio 4 keeps with their labels."""
    choices: Sequence[Any] | None = getattr(component, "choices", None)
    return not choices or value is None or value in [c[1] if isinstance(c, (tuple, list)) else c for c in choices]
