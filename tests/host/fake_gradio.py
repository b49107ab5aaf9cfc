"""A gradio that only notes what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image


class Component:
    """A gradio component, or a container: what it was made with, and what was registered with it."""

    made: list[Component]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.made.append(self)
        self.kwargs = kwargs
        self.value = kwargs.get("value", args[0] if args else None)
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __enter__(self) -> Component:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def preprocess(self, value: Any) -> Any:
        """What gradio makes of what the page sends: a picture of a file."""
        return Image.open(value).convert("RGBA") if isinstance(value, Path) else value

    def __getattr__(self, name: str) -> Callable[..., Component]:
        if name not in ("click", "change", "input", "upload", "select", "submit", "release", "load", "then"):
            raise AttributeError(name)

        def register(**kwargs: Any) -> Component:
            self.events.append((name, kwargs))
            return self

        return register


class FakeGradio(ModuleType):
    """Every class of gradio's is a `Component` here."""

    __version__ = "3.41.2"

    def __init__(self, warnings: list[str]) -> None:
        super().__init__("gradio")
        self.made: list[Component] = []
        self.Warning = warnings.append

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():
            raise AttributeError(name)
        kind = type(name, (Component,), {"made": self.made})
        setattr(self, name, kind)
        return kind

    @staticmethod
    def update(**kwargs: Any) -> dict[str, Any]:
        return {"__type__": "update", **kwargs}
