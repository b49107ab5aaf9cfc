"""Which room may import which: arrows point one way, from the doors down to what a film is. Sources are parsed, not run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "filmlook"

MAY_IMPORT = {
    "errors": "",
    "version": "",
    "paths": "errors",
    "look": "errors paths",
    "schedule": "errors",
    "moving_look": "errors look schedule",
    "film": "errors",
    "files": "errors version look paths film",
    "networks": "errors paths film files",
    "stock": "errors look paths film files networks",
    "prints": "errors paths files film stock",
    "lenses": "errors look paths files",
    "presets": "errors look moving_look paths files",
    "look_choice": "errors look moving_look lenses stock prints presets",
    "stages": "errors look stock prints film",
    "engine": "errors paths look moving_look stock prints presets look_choice film files networks stages",
    "films": "errors paths look moving_look stock prints presets files depth engine",
    "batches": "errors version paths look stock files engine",
    "prompts": "errors paths presets files",
    "fitting": "errors stock prints film files networks engine",
    "matching": "errors paths look stock prints presets film files networks engine fitting",
    "training": "errors paths look stock film files networks engine fitting",
    "ui": "errors look lenses schedule moving_look stock prints presets look_choice prompts",
    "server": "errors version paths look lenses schedule moving_look stock prints presets look_choice files depth engine"
    " films prompts matching",
    "webui": "errors paths look lenses moving_look stock prints presets look_choice files depth engine films prompts"
    " matching ui server",
    "cli": "errors version paths look lenses moving_look stock prints presets look_choice film files networks depth engine"
    " films batches prompts fitting training matching server",
    "depth": "errors paths files",
    "__main__": "cli",
    "__init__": "errors version look moving_look stock presets files engine matching",
}
"""A room is a folder of `filmlook`, or one of its modules. Every room may import itself, and the version from the package."""

FACADE = ("server", "webui", "cli")  # doors may take what `filmlook` itself offers to programs


def room_of(module: str) -> str:
    """The room of a module such as `filmlook.engine.plan`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def sources(folder: Path = PACKAGE) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path) -> Iterator[str]:
    """What a source imports, wherever in it: `a.b.c` for `from a.b import c`, within functions and `TYPE_CHECKING` too.

    `import filmlook` counts as what is then taken from it, such as `filmlook.__version__`.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name != "filmlook")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "filmlook":
            yield f"filmlook.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def arrows() -> set[tuple[str, str, str]]:
    """(room, room it imports, by which modules) of the whole package."""
    names = {name for name, _ in sources()} | {f"filmlook.{room}" for room in MAY_IMPORT}
    found = set()
    for module, path in sources():
        for imported in imports(path):
            if imported.split(".")[0] == "filmlook" and imported != "filmlook.__version__":
                target = ".".join(imported.split(".")[:2])
                target = target if target in names else "filmlook"  # a name of the package itself
                found.add((room_of(module), room_of(target), f"{module} imports {imported}"))
    return found


def test_every_room_stands_in_the_table() -> None:
    assert {room_of(module) for module, _ in sources()} == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    allowed = {room, *MAY_IMPORT[room].split(), *(["__init__"] if room in FACADE else [])}
    assert not [told for start, end, told in arrows() if start == room and end not in allowed]


def test_the_table_has_no_circles() -> None:
    done: set[str] = set()
    while ready := {room for room in MAY_IMPORT if room not in done and set(MAY_IMPORT[room].split()) <= done}:
        done |= ready
    assert done == set(MAY_IMPORT)


def test_no_two_rooms_import_each_other() -> None:
    pairs = {(start, end) for start, end, _ in arrows() if start != end}
    assert not {(a, b) for a, b in pairs if (b, a) in pairs}


def test_only_the_webuis_room_imports_the_webui() -> None:
    for module, path in sources():
        host = [name for name in imports(path) if name.split(".")[0] == "modules"]
        if room_of(module) != "webui" or module.startswith("filmlook.webui.once"):
            assert not host, f"{module} imports {host}"


def test_the_room_without_a_host_needs_no_other_part_of_the_webui() -> None:
    once = "filmlook.webui.once"
    for module, path in sources(PACKAGE / "webui" / "once"):
        foreign = [n for n in imports(path) if n.startswith(("filmlook.webui", "gradio")) and not n.startswith(once)]
        assert not foreign, f"{module} imports {foreign}"
