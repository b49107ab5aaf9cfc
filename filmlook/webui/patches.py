"""What Film Look changes in the host, all of it: each function is framed once, however often scripts are reloaded, and is as
it was when they are unloaded.

A frame marks its function, so that an earlier one is found even where this module was imported anew. Where another extension
has framed ours since, ours cannot be taken out: it is left, and does nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from modules import script_callbacks, scripts

from filmlook.webui import argument_check, caches, deforum, folder_batch, forge_canvas, hosts, script_hijack

_MARK = "film_look_frame"
_frames: list[_Frame] = []


class _Frame:
    """One function of the host's, framed: `made` gives what is called instead of it, from what it was."""

    def __init__(self, owner: Any, name: str, made: Callable[[Any], Any]) -> None:
        earlier = getattr(getattr(owner, name), _MARK, None)
        if earlier is not None:
            earlier.undo()
        self.owner, self.name, self.original, self.on = owner, name, getattr(owner, name), True
        ours = made(self.original)

        @wraps(self.original)
        def framed(*args: Any, **kwargs: Any) -> Any:
            return (ours if self.on else self.original)(*args, **kwargs)

        setattr(framed, _MARK, self)
        self.framed = framed
        setattr(owner, name, framed)

    def undo(self) -> None:
        self.on = False
        if getattr(self.owner, self.name) is self.framed:
            setattr(self.owner, self.name, self.original)


def install() -> None:
    """Frames what is there when scripts are loaded."""
    _frame(scripts.ScriptRunner, "run", script_hijack.framed)
    if canvas := hosts.canvas():
        _frame(canvas, "preprocess", forge_canvas.coming)
        _frame(canvas, "postprocess", forge_canvas.going)
    if batch := hosts.folder_batch():
        _frame(*batch, folder_batch.framed)
    for module, name in hosts.memory_freeing():
        _frame(module, name, caches.freed)
    script_callbacks.on_script_unloaded(undo)


def install_api() -> None:
    """Frames the host's API, when there is one: it checks arguments before anything is sampled."""
    _frame(hosts.api(), "init_script_args", argument_check.framed)


def install_deforum() -> None:
    """Frames Deforum, when all extensions are loaded and before the page is built."""
    for owner, name, made in deforum.frames():
        _frame(owner, name, made)


def undo() -> None:
    """Leaves the host as it was, and its memory."""
    for frame in reversed(_frames):
        frame.undo()
    _frames.clear()
    caches.clear()


def _frame(owner: Any, name: str, made: Callable[[Any], Any]) -> None:
    _frames.append(_Frame(owner, name, made))
