"""What gradio 3 and 4 say differently, and buttons that tell what they do."""

from __future__ import annotations

from typing import Any

import gradio as gr

GRADIO: tuple[int, ...] = tuple(int(part) for part in gr.__version__.split(".")[:2])

JS = "_js" if GRADIO[0] < 4 else "js"
"""The keyword by which an event names a function of the page's."""

REFRESH = "\U0001f504"


def button(text: str, *, tooltip: str, tool: bool = False, kind: str = "Button", **kwargs: Any) -> Any:
    """A button, or with `tool` a small one beside a field. The WebUI shows `webui_tooltip` as its title; our script makes it
    the name of a button that shows a symbol."""
    if tool:
        kwargs["elem_classes"] = ["tool", "film-look-tool", *kwargs.get("elem_classes", ())]
    made = getattr(gr, kind)(text, **kwargs)
    made.webui_tooltip = tooltip
    return made


def hidden(kind: str, *args: Any, **kwargs: Any) -> Any:
    """A component that only the page's script sees."""
    made = getattr(gr, kind)(*args, visible=False, **kwargs)
    made.do_not_save_to_config = True
    return made
