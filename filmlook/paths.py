"""Where stocks, looks and networks lie: the built-in folder, and the user's own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

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
