"""A film on its way: finished parts beside it, from which an interrupted run goes on, and what they were made with.

A film `film.mp4` grows in the folder `film.mp4.parts`: `000000.mp4`, `000120.mp4` and so on, called by their first frame, each
a film that plays by itself, `play.m3u` that plays all of them, and `job.json`. Every part has an encoder of its own, so a run
that was interrupted and goes on writes the same bytes as one that was not.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError
from filmlook.files.atomic import write_bytes

PART_FRAMES = 120
"""Frames of a part: what a killed run loses, and how far apart a player finds places to begin."""

_JOB, _PLAYLIST = "job.json", "play.m3u"


def parts_folder(out: Path) -> Path:
    """Where the parts of a film lie."""
    return out.with_name(f"{out.name}.parts")


@dataclass(frozen=True)
class Part:
    """A finished part: how many frames, when the first is shown and when the last ends, in the film's time base."""

    frames: int
    pts: int
    end: int


class Parts:
    """The parts of one film, as they lie on the disk."""

    def __init__(self, out: Path, job: dict[str, Any], ending: str, *, resume: bool = False, overwrite: bool = False) -> None:
        """Begins, or goes on where `resume` and an interrupted run has left parts.

        Args:
            out: the film.
            job: what its frames depend on, as JSON knows it: parts that were made with something else are of no use.
            ending: of a part's file; empty: frames go to files of their own.
            resume: go on.
            overwrite: begin anew.

        Raises:
            FilmLookError: there are parts, and neither is asked for, or they are of another job.
        """
        self.folder = parts_folder(out)
        self._job, self._ending = job, ending
        self.done: list[Part] = []
        self.resumed = False
        found = self._found() if self.folder.is_dir() and not overwrite else None
        if found is not None:
            if not resume:
                raise FilmLookError(
                    f"{self.folder}: is of a run that was interrupted; --resume goes on, --overwrite begins anew"
                )
            told, self.done = found
            other = [key for key in job if told.get(key) != job[key]]
            if other:
                raise FilmLookError(f"{self.folder}: was begun with another {other[0]}; --overwrite begins anew")
            while self.done and not (not ending or self.path(len(self.done) - 1).is_file()):
                self.done.pop()
            self.resumed = True
            return
        self.remove()
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise FilmLookError(f"{self.folder}: the folder cannot be made: {error.strerror}") from None
        self._save()

    @property
    def frames(self) -> int:
        """How many frames are done."""
        return sum(part.frames for part in self.done)

    def path(self, index: int) -> Path:
        """The file of a part; that of the next one where `index` is how many are done."""
        return self.folder / f"{sum(part.frames for part in self.done[:index]):06d}{self._ending}"

    def paths(self) -> list[Path]:
        return [self.path(index) for index in range(len(self.done))]

    def add(self, part: Part) -> None:
        """Notes that the next part is finished."""
        self.done.append(part)
        self._save()

    def remove(self) -> None:
        """Takes the folder away, with what we have put into it and nothing else."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.name in (_JOB, _PLAYLIST) or path.stem.isdigit():
                with suppress(OSError):
                    path.unlink()
        with suppress(OSError):
            self.folder.rmdir()

    def free(self) -> int:
        """Bytes that the disk has left."""
        return shutil.disk_usage(self.folder).free

    def _found(self) -> tuple[dict[str, Any], list[Part]] | None:
        """What an earlier run has left; None: nothing that tells what it is."""
        try:
            told = json.loads((self.folder / _JOB).read_text(encoding="utf-8"))
            return told["job"], [Part(**part) for part in told["parts"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _save(self) -> None:
        told = {"job": self._job, "parts": [asdict(part) for part in self.done]}
        write_bytes(self.folder / _JOB, json.dumps(told, indent=1).encode())
        if self._ending:
            names = [path.name for path in (*self.paths(), self.path(len(self.done)))]
            write_bytes(self.folder / _PLAYLIST, "\n".join(names).encode())
