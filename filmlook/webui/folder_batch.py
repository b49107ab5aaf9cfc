"""img2img over a folder: the host uses one processing object for all of its pictures."""

from __future__ import annotations

from functools import wraps
from typing import Any

from filmlook.webui.once.pass_state import ProcessingState


def framed(original: Any) -> Any:
    """The host's function that goes through a folder; its processing object says so."""

    @wraps(original)
    def process_batch(p: Any, *args: Any, **kwargs: Any) -> Any:
        p.film_look = ProcessingState(folder=True)
        return original(p, *args, **kwargs)

    return process_batch
