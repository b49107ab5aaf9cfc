"""`alwayson_scripts` of the host's API, checked before anything is sampled."""

from __future__ import annotations

from functools import wraps
from typing import Any

from fastapi import HTTPException

from filmlook.errors import LookError
from filmlook.server.requests import told
from filmlook.webui.arguments import POSITIONS, asked_by
from filmlook.webui.script import TITLE


def framed(original: Any) -> Any:
    """The API's `init_script_args`: it is called before anything is sampled, and what it raises is answered."""

    @wraps(original)
    def init_script_args(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        for title, entry in (request.alwayson_scripts or {}).items():
            if title.lower() == TITLE.lower():
                request.alwayson_scripts[title] = checked(entry)
        return original(self, request, *args, **kwargs)

    return init_script_args


def checked(entry: Any) -> Any:
    """The script's entry in `alwayson_scripts` as the host understands it: `args` as a list.

    Raises:
        HTTPException: 422 for what is wrong in it.
    """
    args = entry.get("args", []) if isinstance(entry, dict) else entry
    args = [args] if isinstance(args, (dict, str)) else args
    if not isinstance(entry, dict) or not isinstance(args, list):
        raise HTTPException(422, f"{TITLE}: args: allowed is an object of settings, the name of a preset, or a list")
    most = 1 if args and isinstance(args[0], (dict, str)) else len(POSITIONS)
    if len(args) > most:
        raise HTTPException(422, f"{TITLE}: args: {len(args)} values; allowed: {most}")
    try:
        asked_by(args)
    except LookError as error:
        raise HTTPException(422, f"{TITLE}: {told(error)}") from None
    return {**entry, "args": args}
