"""What the WebUI loads: the two scripts, and everything that is registered with it."""

from __future__ import annotations

from modules import script_callbacks

from filmlook.errors import FilmLookError
from filmlook.webui import deforum, hosts, options, patches, prompt_helper, routes, script_hijack, send_to_buttons, xyz_grid
from filmlook.webui.extras import FilmLookExtras
from filmlook.webui.processing import compile_ahead
from filmlook.webui.script import FilmLookScript

__all__ = ["FilmLookExtras", "FilmLookScript", "register"]

_GRADIO = (3, 41)


def register() -> None:
    """Registers settings, tab, buttons, axes and the frames around the host's functions; after each (re)load of scripts.

    Raises:
        FilmLookError: the host's gradio is too old.
    """
    if hosts.GRADIO < _GRADIO:
        wanted, found = (".".join(map(str, version)) for version in (_GRADIO, hosts.GRADIO))
        raise FilmLookError(f"it needs gradio {wanted} or later; installed is {found}: update the WebUI")
    options.register()
    script_hijack.register()
    xyz_grid.register()
    send_to_buttons.register()
    prompt_helper.register()
    routes.register()
    deforum.register()
    patches.install()
    script_callbacks.on_before_ui(patches.install_deforum)
    script_callbacks.on_app_started(lambda demo, app: compile_ahead())
