"""What the WebUI loads: the two scripts, and everything that is registered with it."""

from __future__ import annotations

import gradio

from filmlook.errors import FilmLookError
from filmlook.webui import forge, options, prompt_helper, routes, script_hijack, send_to_buttons, xyz_grid
from filmlook.webui.extras import FilmLookExtras
from filmlook.webui.script import FilmLookScript

__all__ = ["FilmLookExtras", "FilmLookScript", "register"]

_GRADIO = (3, 41)


def register() -> None:
    """Registers settings, tab, buttons, axes and the framing of scripts with the host; after each (re)load of scripts.

    Raises:
        FilmLookError: the host's gradio is too old.
    """
    if tuple(int(part) for part in gradio.__version__.split(".")[:2]) < _GRADIO:
        wanted = ".".join(map(str, _GRADIO))
        raise FilmLookError(f"it needs gradio {wanted} or later; installed is {gradio.__version__}: update the WebUI")
    options.register()
    script_hijack.register()
    forge.register()
    xyz_grid.register()
    send_to_buttons.register()
    prompt_helper.register()
    routes.register()
