"""Presets: looks with a name, one JSON file each. The built-in ones are read, the user's own also written.

{"label": "Gold snapshot", "help": "...", "look": {"version": 1, "stock": "kodak_gold_200", "grain": 1.4}}
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filmlook.errors import LookError
from filmlook.files import atomic
from filmlook.look import Look
from filmlook.paths import find_files, user_folder

_NAME = re.compile(r"[\w][\w .()+-]{0,63}")  # a name, never a path; no dot or blank at its end, which Windows drops


@dataclass(frozen=True)
class Preset:
    """A saved look: its file's stem, a label and a line of help for people, and the settings."""

    name: str
    label: str
    help: str
    look: Look


def list_looks() -> list[str]:
    """The names of the presets: the built-in ones and those of the user's folder (see `filmlook.paths`)."""
    return sorted(_files())


def load_preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        LookError: no such preset, or its file is damaged or holds a wrong setting.
    """
    path = _files().get(name)
    if path is None:
        raise LookError(f"unknown look {name[:65]!r}; looks are: {', '.join(list_looks())}")
    return read_preset(path)


def read_preset(path: Path) -> Preset:
    """A preset from its JSON file: `{"label": ..., "help": ..., "look": {"version": 1, "stock": ..., ...}}`."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        look = Look.from_dict(data["look"])
        preset = Preset(path.stem, str(data.get("label", path.stem)), str(data.get("help", "")), look)
        preset_json(preset).encode()  # JSON can tell of surrogates, which no answer and no file can hold
        return preset
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LookError(f"{path}: not a look file: {error!r}") from None
    except LookError as error:
        raise LookError(f"{path}: {error}") from None


def load_look(look: Look | str | dict[str, Any]) -> Look:
    """A `Look` from what callers have: a look, a preset's name, or settings by key."""
    if isinstance(look, Look):
        return look
    return load_preset(look).look if isinstance(look, str) else Look.from_dict(look)


def save_preset(name: str, look: Look, *, label: str = "", text: str = "") -> Preset:
    """Writes a preset into the user's folder, over one of the same name there.

    Raises:
        LookError: the name is not one for a file, there is no folder of the user's, or it cannot be written.
    """
    check_name(name)
    preset = Preset(name, label or name, text, look)
    folder = _own_folder()
    try:
        data = preset_json(preset).encode()
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_bytes(folder / f"{name}.json", data)
    except UnicodeEncodeError as error:
        raise LookError(f"look {name!r} cannot be saved: {error.reason}") from None
    except OSError as error:
        raise LookError(f"look {name!r} cannot be saved: {error.strerror}") from None
    return preset


def rename_preset(name: str, new_name: str) -> Preset:
    """Gives one of the user's presets another name, and its label too where that was the name.

    Raises:
        LookError: no such preset of the user's own, or the new name is taken or not one for a file.
    """
    old = _own(name)
    check_name(new_name)
    if new_name in _files():
        raise LookError(f"there is a look {new_name!r} already")
    preset = read_preset(old)
    saved = save_preset(new_name, preset.look, label="" if preset.label == name else preset.label, text=preset.help)
    old.unlink(missing_ok=True)
    return saved


def delete_preset(name: str) -> None:
    """Deletes one of the user's presets; a built-in one of the same name shows again.

    Raises:
        LookError: no such preset of the user's own.
    """
    _own(name).unlink(missing_ok=True)


def import_preset(path: Path, name: str = "") -> Preset:
    """Copies a preset's file into the user's folder, under its own name or another.

    Raises:
        LookError: the file is damaged, or the name is not one for a file.
    """
    preset = read_preset(path)
    return save_preset(name or path.stem, preset.look, label=preset.label, text=preset.help)


def preset_json(preset: Preset) -> str:
    """A preset as its file holds it."""
    return json.dumps({"label": preset.label, "help": preset.help, "look": preset.look.to_dict()}, indent=1, ensure_ascii=False)


def is_own(name: str) -> bool:
    """Whether a preset is the user's, and so may be renamed and deleted."""
    path, folder = _files().get(name), user_folder()
    return path is not None and folder is not None and path.parent == folder / "looks"


def _files() -> dict[str, Path]:
    return find_files("looks", (".json",))


def _own_folder() -> Path:
    folder = user_folder()
    if folder is None:
        raise LookError("there is no folder for looks; set FILMLOOK_HOME to one")
    return folder / "looks"


def _own(name: str) -> Path:
    if not is_own(name):
        raise LookError(f"look {name!r} is none of your own, which alone can be changed")
    return _files()[name]


def check_name(name: str) -> None:
    """Raises LookError for what is no name for a look's file."""
    if not _NAME.fullmatch(name) or name[-1] in ". ":
        raise LookError(f"{name!r} is no name for a look; allowed: up to 64 letters, digits, blanks and .()+-_")
