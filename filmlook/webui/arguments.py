"""The script's arguments, as the page or a program sends them, made into a choice of look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from filmlook.errors import LookError
from filmlook.look_choice import LookChoice
from filmlook.presets import load_look


def chosen_from(args: Sequence[Any]) -> LookChoice | None:
    """What the script is asked to do; None: nothing.

    The first argument may be a table of settings by key (with `enabled`, `look` and `grain_seed`), or the name of a preset;
    otherwise the arguments are those of the page: whether it is on, the settings, mode and number of the grain's seed.

    Raises:
        LookError: an argument of the wrong type or out of range; the message names it.
    """
    first = args[0] if args else None
    if isinstance(first, dict):
        settings = dict(first)
        enabled = settings.pop("enabled", True)
        return LookChoice.from_mapping(settings) if _is_on(enabled) else None
    if isinstance(first, str):
        return LookChoice(load_look(first))
    return LookChoice.from_values(args[1:]) if _is_on(first) else None


def _is_on(enabled: Any) -> bool:
    if enabled is None or isinstance(enabled, bool):
        return bool(enabled)
    raise LookError(f"enabled is {enabled!r}; allowed: true or false, a table of settings, or the name of a preset")
