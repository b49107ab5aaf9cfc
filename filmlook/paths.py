"""Where stocks, looks and networks lie: the built-in folder, and the user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from filmlook.errors import LookError

_PACKAGE = Path(__file__).resolve().parent
BUILT_IN = next(p for p in (_PACKAGE / "models", _PACKAGE.parent / "models") if p.is_dir())
"""The models that come with Film Look: inside the installed package, or beside it in a checkout."""


def user_folder() -> Path | None:
    """The user's own folder, with `stocks`, `looks` and `recipes` in it: the environment variable `FILMLOOK_HOME`."""
    home = os.environ.get("FILMLOOK_HOME")
    return Path(home) if home else None


def find_files(kind: str, suffixes: Sequence[str]) -> dict[str, Path]:
    """Files by stem, of one kind ("stocks", "looks", "recipes"), from the built-in folder and the user's.

    The user's files win over built-in ones of the same name. A stock may also lie in the user's folder itself.
    """
    roots = [BUILT_IN / kind]
    if home := user_folder():
        roots += [home, home / kind] if kind == "stocks" else [home / kind]
    return {
        p.stem: p
        for root in roots
        if root.is_dir()
        for p in sorted(root.iterdir())
        if p.suffix.lower() in suffixes and p.is_file()
    }


def named_by_label(kind: str, label: str, labels: Mapping[str, str]) -> str | None:
    """The name in `labels` (label by name) that a label means, whole and whatever its case; None where none has it.

    Raises:
        LookError: several have it; the message names them.
    """
    names = [name for name, known in labels.items() if known.casefold() == label.casefold()]
    if len(names) > 1:
        raise LookError(f"{kind} is {label!r}, which is the label of {' and of '.join(names)}; choose one by its name")
    return names[0] if names else None
