"""Buttons "send to Film Look" in the host's galleries and in PNG Info."""

from __future__ import annotations

from typing import Any

from modules import script_callbacks, shared, ui_components

from filmlook.ui.widgets import button
from filmlook.webui.hosts import infotext_utils
from filmlook.webui.processing import failed
from filmlook.webui.tab import LABEL, TAB, build_tab

_SYMBOL = "\U0001f39e\ufe0f"
_GALLERIES = ("txt2img", "img2img", "extras")


class _Buttons:
    """The components of the page that is being built, as they come by."""

    def __init__(self) -> None:
        self.seen: dict[str, Any] = {}

    def before_page(self) -> None:
        self.seen.clear()

    def after_component(self, component: Any, **kwargs: Any) -> None:
        identity = kwargs.get("elem_id") or ""
        if identity in _WANTED:
            self.seen[identity] = component
        if _is_hidden():
            return
        if identity in (f"{tab}_send_to_extras" for tab in _GALLERIES):
            name = identity.removesuffix("extras") + TAB
            self.seen[name] = ui_components.ToolButton(_SYMBOL, elem_id=name, tooltip="Send image to Film Look tab.")
            if name != f"extras_send_to_{TAB}":
                button(
                    "On film",
                    tooltip="The picture as it was before it was developed, with the settings of Film Look as they stand now.",
                    elem_id=f"{name.removesuffix(f'_send_to_{TAB}')}_on_film",
                    elem_classes=["film-look-on-film"],
                )
        if identity == "extras_tab" and "pnginfo_image" in self.seen:
            tip = "Send image to Film Look tab."
            self.seen["pnginfo_send"] = button("Send to Film Look", tooltip=tip, elem_id=f"{TAB}_tab")

    def tabs(self) -> list[tuple[Any, str, str]]:
        """The tab; only where it could be built are the buttons bound to it, for the host dies of an unknown tab."""
        if _is_hidden():
            return []
        try:
            tab = build_tab()
        except Exception as error:
            failed("no tab", error)
            return []
        for name in _GALLERIES:
            self._bind(f"{name}_send_to_{TAB}", self.seen.get(f"{name}_gallery"))
        self._bind("pnginfo_send", self.seen.get("pnginfo_image"), self.seen.get("pnginfo_generation_info"))
        return [tab]

    def _bind(self, name: str, image: Any, text: Any = None) -> None:
        if name in self.seen and image is not None:
            infotext_utils.register_paste_params_button(
                infotext_utils.ParamBinding(
                    paste_button=self.seen[name],
                    tabname=TAB,
                    source_image_component=image,
                    source_text_component=text,
                )
            )


_WANTED = {*(f"{tab}_gallery" for tab in _GALLERIES), "pnginfo_image", "pnginfo_generation_info"}


def _is_hidden() -> bool:
    return LABEL in (shared.opts.data.get("hidden_tabs") or ())


def register() -> None:
    """Adds the tab and the buttons to the page, whenever the host builds it."""
    buttons = _Buttons()
    script_callbacks.on_before_ui(buttons.before_page)
    script_callbacks.on_after_component(buttons.after_component)
    script_callbacks.on_ui_tabs(buttons.tabs)
