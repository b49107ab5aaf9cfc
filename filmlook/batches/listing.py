"""Which pictures there are to do: those at IN, less those that the manifest tells are done and that lie in OUT."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from filmlook.batches import manifest
from filmlook.batches.store import Store, store_at
from filmlook.batches.worker import Job
from filmlook.errors import LookError
from filmlook.files import naming
from filmlook.files.kinds import READABLE
from filmlook.paths import natural


@dataclass
class Listing:
    """What is to be done, and what is not.

    Attributes:
        source: the folder that the jobs' inputs lie below.
        done: how many are done, by the manifest. passed_over: those that were developed already when they came.
        skipped: files of other kinds.
        failures: what cannot be done, a line each.
    """

    source: Store
    jobs: list[Job] = field(default_factory=list)
    done: int = 0
    passed_over: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)


def pictures(url: str, out: Store, *, recursive: bool, exclude: Sequence[str]) -> tuple[Listing, list[str]]:
    """The pictures of a folder or a pattern, by their paths below it: the same as `filmlook develop` takes.

    Raises:
        LookError: it is one file, or what `store_at` raises.
        FilmLookError: as of `store_at`.
    """
    folder, pattern = _root(url)
    source = store_at(folder)
    listing = Listing(source)
    if not pattern and source.files.isfile(source.root):
        raise LookError(f"{url} is one file; --ray is for a folder or a pattern")
    inside = _below(out, source)
    found = []
    for below in source.names(recursive=recursive and not pattern):
        path = PurePosixPath(below)
        if pattern and (below.startswith(".") or not fnmatchcase(below, pattern)):
            continue
        if naming.left_out(path, exclude) or (inside and below.startswith(f"{inside}/")):
            continue
        if naming.is_picture(path):
            found.append(below)
        listing.skipped += naming.is_other(path)
    if not found:
        said = f"{url}: no picture is called so" if pattern else f"{url}: a folder without pictures ({', '.join(READABLE)})"
        listing.failures.append(said)
    return listing, found


def add_jobs(
    listing: Listing,
    found: Sequence[str],
    out: Store,
    ending: str | None,
    pattern: str,
    facts: Mapping[str, str],
    look: str,
    made: str,
) -> None:
    """Puts what is still to be done into the listing.

    Raises:
        LookError: a pattern of names with a number in it, or that no file can be called by.
        FilmLookError: the manifest is damaged.
    """
    if "{number}" in pattern:
        raise LookError("the name has {number} in it, which with --ray it may not: pictures that come later would change it")
    done = manifest.done(out, look, made)
    there = set(out.names(recursive=True)) if done else set()
    taken: dict[str, str] = {}
    for below in found:
        try:
            below.encode()
        except UnicodeEncodeError:
            listing.failures.append(f"{listing.source.shown(below)}: its name is not UTF-8, which --ray cannot carry")
            continue
        target = _target(below, ending, pattern, facts)
        first = taken.setdefault(target, below)
        if first != below:  # as in a folder the first one by its name is written
            first, below = sorted((first, below), key=lambda name: natural(PurePosixPath(name)))
            taken[target] = first
            listing.failures.append(f"{listing.source.shown(below)}: another input was already written to {out.shown(target)}")
    for target, below in taken.items():
        shown = listing.source.shown(below)
        if shown in done and (done[shown] is None or (done[shown] == target and target in there)):
            listing.done += done[shown] is not None
            listing.passed_over += done[shown] is None
        else:
            listing.jobs.append(Job(below, target))


def _target(below: str, ending: str | None, pattern: str, facts: Mapping[str, str]) -> str:
    path = PurePosixPath(below)
    written = path.with_suffix(ending) if ending else naming.written_as(path)
    if pattern != naming.AS_THEY_ARE:
        written = written.with_name(f"{naming.named(pattern, [path.name], facts)[0]}{written.suffix}")
    return written.as_posix()


def _root(url: str) -> tuple[str, str]:
    """The folder in which a pattern's files lie, and the pattern; a plain folder has none. Raises LookError: as `pictures`."""
    if not glob.has_magic(url) or Path(url).is_dir():
        return url, ""
    folder, slash, pattern = url.replace(os.sep, "/").rpartition("/")
    if glob.has_magic(folder):
        raise LookError(f"{url}: with --ray only the names of files may be a pattern; take folders whole with --recursive")
    return (f"{folder}{slash}" if slash else "."), pattern


def _below(out: Store, source: Store) -> str:
    """The path of OUT below IN; empty where it does not lie there."""
    if type(out.files) is not type(source.files) or not out.root.startswith(f"{source.root}/"):
        return ""
    return out.root[len(source.root) + 1 :]
