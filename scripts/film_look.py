"""Film Look in the Stable Diffusion WebUI: hands over to `filmlook.webui`."""

import traceback

try:
    from filmlook.webui.extension import FilmLookExtras, FilmLookScript, register  # noqa: F401 (the host looks for them)

    register()
except Exception as error:
    print(f"Film Look is off: {error}")
    if not type(error).__module__.startswith("filmlook."):  # what we refuse is told by its line
        traceback.print_exc()
    for name in ("FilmLookExtras", "FilmLookScript"):
        globals().pop(name, None)
