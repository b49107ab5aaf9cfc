"""What is kept in memory for the next picture, and how it is let go."""

from __future__ import annotations

import sys
from functools import wraps
from typing import Any

_KEEPERS = (
    *("filmlook.engine.plan", "filmlook.engine.regrain", "filmlook.stages.", "filmlook.networks."),
    *("filmlook.stock", "filmlook.prints"),
)


def clear() -> None:
    """Forgets plans, tables, stocks and papers; the next picture makes them anew. Work that is in progress keeps its own."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_KEEPERS):
            for kept in list(vars(module).values()):
                if callable(forget := getattr(kept, "cache_clear", None)):
                    forget()


def freed(original: Any) -> Any:
    """A function of the host's that frees memory, and ours with it."""

    @wraps(original)
    def free(*args: Any, **kwargs: Any) -> Any:
        clear()
        return original(*args, **kwargs)

    return free
