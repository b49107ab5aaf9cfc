"""The engine: from picture to picture. `trace` shows what leaves each stage on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filmlook.engine.tracing import trace

__all__ = ["trace"]


def __getattr__(name: str) -> Any:
    if name != "trace":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from filmlook.engine import tracing

    return tracing.trace
