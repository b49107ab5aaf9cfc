"""The always-on script: the accordion in txt2img and img2img, and the host's hooks."""

from __future__ import annotations

from typing import Any

from modules import scripts

from filmlook.webui import deforum, hooks, hosts
from filmlook.webui.accordion import build_accordion
from filmlook.webui.arguments import positional
from filmlook.webui.infotext_fields import controls_fields, is_developed, preset_field
from filmlook.webui.prompt_helper import build_helper, page_being_built

TITLE = "Film Look"


class FilmLookScript(scripts.Script):
    """Develops generated pictures as film."""

    def title(self) -> str:
        return TITLE

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        page = page_being_built() or ("img2img" if is_img2img else "txt2img")
        accordion = build_accordion(page, img2img=is_img2img)
        if page == "txt2img":
            deforum.offer(accordion)
        build_helper(page, accordion, img2img=is_img2img)
        self.infotext_fields = [
            (accordion.enabled, is_developed),
            preset_field(accordion.preset),
            *controls_fields(accordion.controls),
        ]
        self.paste_field_names = [name for _, name in self.infotext_fields]  # "send to" takes these along
        return positional(accordion.by_key)

    def process(self, p: Any, *args: Any) -> None:
        hooks.begin(p, args)

    def postprocess_maskoverlay(self, p: Any, ppmo: Any, *args: Any) -> None:
        hooks.see_overlay(p, ppmo)

    def postprocess_image_after_composite(self, p: Any, pp: Any, *args: Any) -> None:
        hooks.finish_image(p, pp)


if not hosts.HAS_AFTER_COMPOSITE:

    def _finish(self: Any, p: Any, pp: Any, *args: Any) -> None:
        hooks.finish_image(p, pp)

    FilmLookScript.postprocess_image = _finish
