"""Presets: looks with a name, one JSON file each. The built-in ones are read, the user's own also written.

{"label": "Gold snapshot", "help": "...", "look": {"version": 1, "stock": "kodak_gold_200", "grain": 1.4}}

A number may be a schedule, which moves it over a film's frames (see `filmlook.moving_look`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filmlook.errors import LookError
from filmlook.files import atomic
from filmlook.files.json_file import read_json
from filmlook.look import Look
from filmlook.moving_look import MovingLook
from filmlook.paths import built_in_names, find_files, listed, named_by_label, own_file, tell_once, user_folder

_NAME = re.compile(r"[\w][\w .()+-]{0,63}")  # a name, never a path; no dot or blank at its end, which Windows drops
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE
)  # of Windows, with any suffix
_SUFFIXES = (".json",)
_MOST_BYTES = 2**15  # of a file, of which one with all settings has 2 kB: lists hold a thousand


class NotOwnError(LookError):
    """A preset that is built in, or is not there: only the user's own can be changed."""


@dataclass(frozen=True)
class Preset:
    """A saved look: its file's stem, a label and a line of help for people, and the settings; `own` where it is the user's.

    `look` is the whole of it; where it moves, that of frame 0, and `schedules` are key and text of what does.
    """

    name: str
    label: str
    help: str
    look: Look
    own: bool = False
    schedules: tuple[tuple[str, str], ...] = ()

    @property
    def moving(self) -> MovingLook:
        return MovingLook(self.look, self.schedules)


def list_looks() -> list[str]:
    """The names of the presets: the built-in ones and those of the user's folder (see `filmlook.paths`)."""
    return listed("looks", _files())


def list_presets() -> list[Preset]:
    """The presets that can be read; a damaged file is left out, and told of in the log. Reads every file once."""
    files, presets = _files(), []
    for name in listed("looks", files):
        try:
            presets.append(read_preset(files[name]))
        except LookError as error:
            if files[name].exists():  # or it was deleted meanwhile
                tell_once(f"left out {error}")
    return presets


def is_look(name: str) -> bool:
    """Whether there is a preset of this name, in the lists or beyond what they show."""
    return name in _files()


def load_preset(name: str) -> Preset:
    """A preset by name or label ("Clean print", whole, case ignored).

    Raises:
        LookError: no such preset, two of that label, or its file is damaged or holds a wrong setting.
    """
    while True:
        files = _files()
        path = files.get(name)
        if path is None:
            labels = {preset.name: preset.label for preset in list_presets()}
            path = files.get(named_by_label("look", name, labels) or "")
        if path is None:
            raise LookError(f"unknown look {name[:65]!r}; looks are: {', '.join(list_looks())}")
        try:
            return read_preset(path)
        except LookError:
            if path.exists():
                raise  # else it was deleted meanwhile: a built-in one of its name may show again


def read_preset(path: Path) -> Preset:
    """A preset from its JSON file: `{"label": ..., "help": ..., "look": {"version": 1, "stock": ..., ...}}`."""
    try:
        data = read_json(path, _MOST_BYTES)
        look = MovingLook.from_dict(data["look"])
        told = str(data.get("label", path.stem)), str(data.get("help", ""))
        preset = Preset(path.stem, *told, look.at(), _is_users(path), look.schedules)
        preset_json(preset).encode()  # no answer and no file can hold a name with surrogates
        return preset
    except KeyError as error:
        raise LookError(f'{path}: not a look file: it has no {error}; allowed: {{"look": {{settings by key}}}}') from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise LookError(f"{path}: not a look file: {error}") from None
    except LookError as error:
        raise LookError(f"{path}: {error}") from None


AnyLook = Look | MovingLook | str | dict[str, Any]
"""What callers have: a look, one that moves, a preset's name, or settings by key, numbers or schedules."""


def load_look(look: AnyLook, frame: int = 0, seed: int = 0) -> Look:
    """A `Look` from what callers have. Of one that moves, that of a frame, with `seed` for the schedules' `s`."""
    return look if isinstance(look, Look) else load_moving_look(look).at(frame, seed=seed)


def load_moving_look(look: AnyLook) -> MovingLook:
    """A `MovingLook` from what callers have, whether or not anything in it moves."""
    if isinstance(look, MovingLook):
        return look
    if isinstance(look, Look):
        return MovingLook(look)
    return load_preset(look).moving if isinstance(look, str) else MovingLook.from_dict(look)


def save_preset(name: str, look: Look | MovingLook, *, label: str = "", text: str = "") -> Preset:
    """Writes a preset into the user's folder, over one of the same name there.

    Raises:
        LookError: the name is not one for a file, there is no folder of the user's, or it cannot be written.
    """
    check_name(name)
    moving = load_moving_look(look)
    preset = Preset(name, label or name, text, moving.at(), own=True, schedules=moving.schedules)
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
    saved = save_preset(new_name, preset.moving, label="" if preset.label == name else preset.label, text=preset.help)
    _delete(old)
    return saved


def delete_preset(name: str) -> None:
    """Deletes one of the user's presets; a built-in one of the same name shows again.

    Raises:
        NotOwnError: no such preset of the user's own.
        LookError: its file cannot be deleted.
    """
    _delete(_own(name))


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise LookError(f"look {path.stem!r} cannot be deleted: {error.strerror}") from None


def import_preset(path: Path, name: str = "") -> Preset:
    """Copies a preset's file into the user's folder, under its own name or another.

    Raises:
        LookError: the file is damaged, or the name is not one for a file.
    """
    preset = read_preset(path)
    return save_preset(name or path.stem, preset.moving, label=preset.label, text=preset.help)


def preset_json(preset: Preset) -> str:
    """A preset as its file holds it."""
    return json.dumps(
        {"label": preset.label, "help": preset.help, "look": preset.moving.to_dict()}, indent=1, ensure_ascii=False
    )


def is_built_in(name: str) -> bool:
    """Whether a preset of this name comes with Film Look, whether or not one of the user's hides it."""
    return name in built_in_names("looks")


def is_own(name: str) -> bool:
    """Whether a preset is the user's, and so may be renamed and deleted."""
    return own_file("looks", name, _SUFFIXES) is not None


def _is_users(path: Path) -> bool:
    folder = user_folder()
    return folder is not None and path.parent == folder / "looks"


def _files() -> dict[str, Path]:
    return find_files("looks", _SUFFIXES)


def _own_folder() -> Path:
    folder = user_folder()
    if folder is None:
        raise LookError("there is no folder for looks; set FILMLOOK_HOME to one")
    return folder / "looks"


def _own(name: str) -> Path:
    """The file of one of the user's presets. It is looked for in the user's folder alone: what is deleted meanwhile must not
    turn into the built-in one that it hid."""
    path = own_file("looks", name, _SUFFIXES)
    if path is None:
        raise NotOwnError(f"look {name!r} is none of your own, which alone can be changed")
    return path


def check_name(name: str) -> None:
    """Raises LookError for what is no name for a look's file."""
    if not _NAME.fullmatch(name) or name[-1] in ". " or _DEVICE.fullmatch(name):
        raise LookError(f"{name!r} is no name for a look; allowed: up to 64 letters, digits, blanks and .()+-_")
