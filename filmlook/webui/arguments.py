"""The script's arguments, as the page or a program sends them, made into what it is asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filmlook.errors import LookError
from filmlook.look_choice import VALUES, LookChoice, key_of_label
from filmlook.webui.once.policies import INPUTS

_LAST = VALUES.index("seed") + 1  # version 0.1 ended with the number of the grain's seed
POSITIONS = ("enabled", *VALUES[:_LAST], "input", "frames", *VALUES[_LAST:])
"""The positional arguments. Programs send such lists: whatever is new follows at the end."""


@dataclass(frozen=True)
class Asked:
    """What the script is asked to do: the look, what the input is to be taken for (a key of `INPUTS`), and whether a folder's
    files or a batch's pictures are the frames of a film."""

    choice: LookChoice
    input: str = "automatic"
    frames: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.input, str) or self.input not in INPUTS:
            raise LookError(f"input is {self.input!r}; allowed: {', '.join(INPUTS)}")
        if not isinstance(self.frames, bool):
            raise LookError(f"frames is {self.frames!r}; allowed: true or false")


def asked_by(args: Sequence[Any]) -> Asked | None:
    """What the script is asked to do; None: nothing.

    The first argument may be a table of settings by key (with `enabled`, `look`, `grain_seed`, `input` and `frames`), or the
    name of a preset; otherwise the arguments are those of `POSITIONS`.

    Raises:
        LookError: an argument of the wrong type or out of range; the message names it.
    """
    first = args[0] if args else None
    if isinstance(first, dict):
        settings = dict(first)
        enabled, how = settings.pop("enabled", True), _how(settings)
        return Asked(LookChoice.from_mapping(settings), **how) if _is_on(enabled) else None
    if isinstance(first, str):
        return Asked(LookChoice.from_mapping({"look": first}))
    return shown_by(args) if _is_on(first) else None


def shown_by(args: Sequence[Any]) -> Asked:
    """What positional arguments say, whether the script is on or not."""
    values = dict(zip(POSITIONS[1:], args[1:], strict=False))
    how = _how(values)
    return Asked(LookChoice.from_controls(values), **how)


def _how(values: dict[str, Any]) -> dict[str, Any]:
    """Takes what is no look's out of arguments by key."""
    how: dict[str, Any] = {key: values.pop(key) for key in ("input", "frames") if key in values}
    if isinstance(how.get("input"), str):
        how["input"] = key_of_label(how["input"], INPUTS)
    return how


def positional(values: Mapping[str, Any]) -> list[Any]:
    """Arguments by key in their positions."""
    return [values[key] for key in POSITIONS]


def _is_on(enabled: Any) -> bool:
    if enabled is None or isinstance(enabled, bool):
        return bool(enabled)
    raise LookError(f"enabled is {enabled!r}; allowed: true or false, a table of settings, or the name of a preset")
