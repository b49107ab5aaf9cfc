"""Which pictures the words of a command mean, and where what becomes of each goes."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filmlook.errors import LookError
from filmlook.files import naming
from filmlook.files.kinds import FORMATS, READABLE
from filmlook.paths import natural

# Who gives a file such an ending means no folder, though none of them is written but those of FORMATS.
_PICTURES = {*READABLE, ".psd", ".tga", ".svg", ".pdf"}


@dataclass(frozen=True)
class Source:
    """A picture's file, and its path below the folder that was named, which it keeps below OUT."""

    path: Path
    below: Path


@dataclass
class Found:
    """The pictures in their order, how many files of other kinds lay beside them, and what could not be found."""

    sources: list[Source] = field(default_factory=list)
    skipped: int = 0
    failures: list[str] = field(default_factory=list)


def find(
    inputs: Sequence[str], out: Path | None, *, recursive: bool = False, exclude: Sequence[str] = (), in_order: bool = False
) -> Found:
    """The pictures that files, folders and patterns mean.

    Args:
        inputs: as they stand on the command line.
        out: where results go; what lies in it is none of a folder's pictures.
        recursive: take folders with all that lies below them.
        exclude: patterns of names, or of paths below a folder, that are left out.
        in_order: files that are named one by one are put in their natural order too: a shell lists f1, f10, f2.
    """
    found = Found()
    named: list[Source] = []
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            files = path.rglob("*") if recursive else path.glob("*")
            _add(found, (Source(p, p.relative_to(path)) for p in files if not _results(p, path, out)), exclude)
            if not any(path in source.path.parents for source in found.sources):
                found.failures.append(f"{path}: a folder without pictures ({', '.join(READABLE)})")
        elif path.exists() or not glob.has_magic(name):
            named.append(Source(path, Path(path.name)))
            if not naming.left_out(named[-1].below, exclude):
                found.sources.append(named[-1])
        else:
            root = _root(name)
            matches = [Path(m) for m in glob.iglob(name, recursive=recursive)]
            before = len(found.sources)
            _add(found, (Source(p, Path(p.name)) for p in matches if not _results(p, root, out)), exclude)
            if len(found.sources) == before:
                found.failures.append(f"{name}: no picture is called so")
    if in_order:
        places = [i for i, source in enumerate(found.sources) if any(source is one for one in named)]
        ordered = sorted((found.sources[i] for i in places), key=lambda source: natural(source.path))
        for place, source in zip(places, ordered, strict=True):
            found.sources[place] = source
    return found


def targets(
    sources: Sequence[Source],
    inputs: Sequence[str],
    output: str,
    ending: str | None,
    pattern: str = naming.AS_THEY_ARE,
    facts: Mapping[str, str] | None = None,
) -> Iterator[Path]:
    """Where each picture goes.

    OUT is a file where there is one input and OUT has the ending of a kind that is written, else a folder. `ending` replaces
    that of the pictures; without it what is only read, as HEIC, becomes a PNG, and RAW a TIFF. In a folder they are called by
    `pattern` and `facts`, as `files.naming` tells.

    Raises:
        LookError: several pictures for one file, or a pattern for its name; an ending of a kind that is not written, or a
            pattern that no file can be called by.
    """
    out = Path(output)
    suffix = out.suffix.lower()
    is_folder = out.is_dir() or output.endswith(("/", "\\"))
    alone = len(inputs) == 1 and Path(inputs[0]).is_file()
    if alone and not is_folder and suffix in _PICTURES and suffix not in FORMATS:
        raise LookError(f"{out}: unknown ending {out.suffix!r}; allowed: {', '.join(FORMATS)}, or a folder")
    if suffix in FORMATS and not is_folder:
        if len(sources) > 1 or len(inputs) > 1:
            raise LookError(f"{out} is one file, but there are {len(sources)} pictures; name a folder")
        if pattern != naming.AS_THEY_ARE:
            raise LookError(f"{out} is one file, and --name names files in a folder; leave one of them out")
        yield from [out] * len(sources)
        return
    below = [source.below for source in sources]
    called = naming.named(pattern, [path.name for path in below], facts or {}) if pattern != naming.AS_THEY_ARE else None
    for place, path in enumerate(below):
        written = path.with_suffix(ending) if ending else naming.written_as(path)
        yield out / (written.with_name(f"{called[place]}{written.suffix}") if called else written)


def _add(found: Found, candidates: Iterable[Source], exclude: Sequence[str]) -> None:
    """Adds those that are pictures, in their natural order, and counts the others."""
    files = [s for s in candidates if s.path.is_file() and not naming.left_out(s.below, exclude)]
    pictures = [s for s in files if naming.is_picture(s.path)]
    found.sources += sorted(pictures, key=lambda source: natural(source.below))
    found.skipped += sum(naming.is_other(s.path) for s in files)


def _results(path: Path, root: Path, out: Path | None) -> bool:
    """Whether a file below `root` is what an earlier run wrote: OUT lies below `root`, and the file in OUT."""
    if out is None:
        return False
    out = out.resolve()
    return root.resolve() in out.parents and out in (path.resolve(), *path.resolve().parents)


def _root(pattern: str) -> Path:
    """The folder at which a pattern begins to be one."""
    path = Path(pattern)
    return next(folder for folder in path.parents if not glob.has_magic(str(folder)))
