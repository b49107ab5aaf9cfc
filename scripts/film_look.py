"""Film Look in the Stable Diffusion WebUI: hands over to `filmlook.webui`."""

try:
    from filmlook.webui.extension import FilmLookExtras, FilmLookScript, register  # noqa: F401 (the host looks for them)

    register()
except Exception as error:
    print(f"Film Look is off: {error}")
    for name in ("FilmLookExtras", "FilmLookScript"):
        globals().pop(name, None)
