"""The always-on script: the accordion in txt2img and img2img, and the host's hooks."""

from __future__ import annotations

from typing import Any

from modules import scripts

from filmlook.webui import hooks
from filmlook.webui.accordion import build_panel
from filmlook.webui.infotext_fields import controls_fields, is_developed, preset_field
from filmlook.webui.prompt_helper import build_helper

TITLE = "Film Look"


class FilmLookScript(scripts.Script):
    """Develops generated pictures as film."""

    def title(self) -> str:
        return TITLE

    def show(self, is_img2img: bool) -> Any:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        tab = "img2img" if is_img2img else "txt2img"
        panel = build_panel(tab)
        build_helper(tab, panel)
        self.infotext_fields = [
            (panel.enabled, is_developed),
            preset_field(panel.preset),
            *controls_fields(panel.controls),
        ]
        return [panel.enabled, *panel.controls.all]

    def process(self, p: Any, *args: Any) -> None:
        hooks.begin(p, args)

    def postprocess_maskoverlay(self, p: Any, ppmo: Any, *args: Any) -> None:
        hooks.see_overlay(p, ppmo)

    def postprocess_image_after_composite(self, p: Any, pp: Any, *args: Any) -> None:
        hooks.finish_image(p, pp)


if not hasattr(scripts.Script, "postprocess_image_after_composite"):  # SD.Next, A1111 before 1.8

    def _finish(self: Any, p: Any, pp: Any, *args: Any) -> None:
        hooks.finish_image(p, pp)

    FilmLookScript.postprocess_image = _finish
