"""Selected scripts: their run is framed, so that what they assemble is developed when it is whole."""

from __future__ import annotations

from functools import wraps
from typing import Any

from modules import script_callbacks
from PIL import Image

from filmlook.files import infotext
from filmlook.webui import options
from filmlook.webui.hooks import before_grid, before_saved, deliver, is_developed
from filmlook.webui.once.pass_state import ScriptRun, running
from filmlook.webui.once.policies import FEEDING_BACK
from filmlook.webui.processing import failed


def register() -> None:
    """Listens for pictures that are saved."""
    script_callbacks.on_before_image_saved(before_saved)
    script_callbacks.on_image_grid(before_grid)


def framed(original: Any) -> Any:
    """`ScriptRunner.run`, framed."""

    @wraps(original)
    def run(self: Any, p: Any, *args: Any, **kwargs: Any) -> Any:
        with running(_run_of(self, p, args)) as current:
            processed = original(self, p, *args, **kwargs)
            if processed is not None and current.assembles and current.chosen:
                _finish(current, processed)
        return processed

    return run


def _run_of(runner: Any, p: Any, args: tuple[Any, ...]) -> ScriptRun:
    """What is known of a script that is about to run; a run of no script assembles nothing."""
    try:
        index = args[0] if args else 0
        if not index:
            return ScriptRun()
        title = str(runner.selectable_scripts[index - 1].title())
        sources = getattr(p, "init_images", None)
        source = sources[0] if sources and isinstance(sources[0], Image.Image) else None
        assembles, feeds_back = title in options.assembling(), title in FEEDING_BACK
        developed = (assembles or feeds_back) and is_developed(source)
        return ScriptRun(assembles, feeds_back, source, developed)
    except Exception as error:
        failed("the selected script is not recognised", error)
        return ScriptRun()


def _finish(run: ScriptRun, processed: Any) -> None:
    """Develops what the script returns, so far as it was not developed when it was saved."""
    try:
        for i, image in enumerate(processed.images):
            if isinstance(image, Image.Image) and image.size not in run.grids:
                processed.images[i] = deliver(run, image)
        if run.error:
            reason = {infotext.ERROR: run.error}
            size = (getattr(processed, "width", 0), getattr(processed, "height", 0))
            processed.infotexts = [infotext.with_entries(text, reason, size) for text in processed.infotexts]
            processed.info = infotext.with_entries(processed.info, reason, size)
    except Exception as error:
        failed("the script's pictures stay as they were", error)
