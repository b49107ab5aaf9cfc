"""Lenses apart from looks: one JSON file each, put on any film without changing its stock or its colour.

{"label": "Petzval", "help": "...", "lens": {"aperture": 2.2, "focal_length": 150, "swirl": 1}}

A lens is no setting of its own: it gives values to those settings that are a lens's (`KEYS`). What is focused on, and how far
away things are, is the scene's; filters stand before the lens. Both stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filmlook.errors import LookError
from filmlook.files.json_file import read_json
from filmlook.look import SETTINGS
from filmlook.paths import find_files, listed, named_by_label, tell_once

NONE = "none"
"""The name of the lens that leaves no trace."""

_LAMPS = "highlights"  # of the scene, which a lens needs to draw discs and ghosts of: one that does not name them lets them be
_GROUPS = ("Lens", "Depth")
_NOT_OURS = ("filter", "light_balance", "diffusion", "diffusion_grade", "focus", "depth_near", "depth_far")
KEYS = tuple(s.key for s in SETTINGS if s.group in _GROUPS and s.key not in _NOT_OURS)
"""The settings that are a lens's."""

_BY_KEY = {setting.key: setting for setting in SETTINGS}
_SUFFIXES = (".json",)
_MOST_BYTES = 2**14


@dataclass(frozen=True)
class Lens:
    """A lens: its file's stem, a label and a line of help for people, and its values by key."""

    name: str
    label: str
    help: str
    values: tuple[tuple[str, float | str], ...]

    @property
    def settings(self) -> dict[str, float | str]:
        """What putting it on sets: its own values, and all that other lenses have and it has not, as without a lens."""
        bare = {key: _BY_KEY[key].default for key in KEYS if key != _LAMPS}
        return {**bare, **dict(self.values)}


_BARE = Lens(NONE, "No lens", "Sharp from corner to corner, and at every distance.", ())


def list_lenses() -> list[Lens]:
    """Every lens that can be read, `NONE` first: those that come with Film Look, and those of the user's folder. A damaged file
    is left out, and told of in the log."""
    files, found = _files(), [_BARE]
    for name in listed("lenses", files):
        try:
            found.append(_read(files[name]))
        except LookError as error:
            tell_once(f"left out {error}")
    return found


def load_lens(name: str) -> Lens:
    """A lens by name or label (whole, case ignored).

    Raises:
        LookError: there is no such lens, two of that label, or its file is damaged or holds a wrong setting.
    """
    if name == NONE:
        return _BARE
    path = _files().get(name)
    if path is not None:
        return _read(path)
    lenses = {lens.name: lens for lens in list_lenses()}
    found = lenses.get(name) or lenses.get(named_by_label("lens", name, {n: lens.label for n, lens in lenses.items()}) or "")
    if found is None:
        raise LookError(f"unknown lens {name[:65]!r}; lenses are: {', '.join(lenses)}")
    return found


def _read(path: Path) -> Lens:
    try:
        data = read_json(path, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise LookError(f"{path}: not a lens file: {error}") from None
    values = data.get("lens") if isinstance(data, dict) else None
    if not isinstance(values, dict):
        fault = "its 'lens' is none" if isinstance(data, dict) and "lens" in data else "it has no 'lens'"
        raise LookError(f'{path}: not a lens file: {fault}; allowed: {{"lens": {{settings by key}}}}')
    label, text = (" ".join(str(data.get(key) or "").split()) for key in ("label", "help"))  # one line in a list
    try:
        return Lens(path.stem, label or path.stem, text, tuple((key, _checked(key, value)) for key, value in values.items()))
    except LookError as error:
        raise LookError(f"{path}: {error}") from None


def _checked(key: str, value: Any) -> float | str:
    if key not in KEYS:
        raise LookError(f"{key!r} is no setting of a lens; those are: {', '.join(KEYS)}")
    return _BY_KEY[key].check(value)


def _files() -> dict[str, Path]:
    files = find_files("lenses", _SUFFIXES)
    if own := files.pop(NONE, None):
        tell_once(f"left out {own}: {NONE!r} stands for no lens at all; allowed is any other name")
    return files
