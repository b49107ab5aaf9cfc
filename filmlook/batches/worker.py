"""What a worker does with its pictures: it reads ahead, develops, and writes behind. It knows nothing of Ray.

Only compressed files wait in memory, a few of them: beside the picture that is being developed a worker holds next to nothing,
however slow the store is.
"""

from __future__ import annotations

import logging
import os
import platform
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import torch

from filmlook.batches import manifest
from filmlook.batches.manifest import Row
from filmlook.batches.store import Store
from filmlook.engine import compiled
from filmlook.engine.develop import film_picture
from filmlook.errors import AlreadyDevelopedError, FilmLookError, fault
from filmlook.files import infotext, picture
from filmlook.files.kinds import FORMATS
from filmlook.look import Look
from filmlook.stock import load_stock
from filmlook.version import __version__

_AHEAD = 2  # files that are read, or being read, before their turn; and as many that are being written
TRIES = 4  # of a batch whose workers die
_EXISTS = "exists; --overwrite replaces it"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What all pictures have in common.

    Attributes:
        source, out: the folders.
        look, seed: of the pictures; of the grain, as over a folder (`infotext.seed_in_folder`).
        made: of each row of the manifest.
        written: arguments of `picture.encode`: quality, lossless, profile.
        settings: arguments of `film_picture`: again, mask, tile, device.
        engine: `FILMLOOK_ENGINE` of every worker: what one develops with, all do.
        version: of Film Look, which has to be the worker's own.
    """

    source: Store
    out: Store
    look: Look
    seed: int | None
    made: str
    written: dict[str, Any]
    settings: dict[str, Any]
    scene_linear: bool = False
    overwrite: bool = False
    engine: str = ""
    version: str = __version__


@dataclass(frozen=True)
class Job:
    """A picture: its path below IN, and that of its result below OUT."""

    input: str
    output: str


class Worker:
    """Develops batches, one after the other.

    Raises FilmLookError where this machine would not develop as the others do.
    """

    def __init__(self, order: Order) -> None:
        if order.version != __version__:
            raise FilmLookError(
                f"{platform.node()} has Film Look {__version__}; allowed: {order.version}, as where it was begun"
            )
        self._order = order
        self._name = f"{platform.node()}:{os.getpid()}"
        self._choose_engine()
        self._readers = ThreadPoolExecutor(_AHEAD, "reader")
        self._writers = ThreadPoolExecutor(_AHEAD, "writer")

    def _choose_engine(self) -> None:
        torch.set_num_threads(1)  # there is a worker for each core
        if self._order.engine:
            os.environ["FILMLOOK_ENGINE"] = self._order.engine
        if self._order.engine == "numba" and compiled.choice().engine != "numba":
            why = f"{compiled.choice().why}; FILMLOOK_ENGINE=torch develops without on all of them"
            raise FilmLookError(f"{platform.node()} does not develop by numba, as the others do: {why}")
        load_stock(self._order.look.stock)

    def batch(self, part: str, jobs: Sequence[Job]) -> list[Row] | None:
        """Develops pictures and writes their part of the manifest; if that is there already, this was done before.

        Returns the rows; None for a batch that has killed so many workers that no other shall be risked.

        Raises whatever the store says where the manifest cannot be written.
        """
        rows = manifest.read(self._order.out, part)
        if rows is None:
            if manifest.tries(self._order.out, part) >= TRIES:
                manifest.forget(self._order.out, part)
                return None
            rows = self._rows(jobs)
            manifest.write(self._order.out, part, rows)
        return rows

    def _rows(self, jobs: Sequence[Job]) -> list[Row]:
        torch.set_num_threads(1)  # of this thread: batches may come on another than the one that made the worker
        coming = iter(jobs)
        ahead: deque[tuple[Job, Future[tuple[bytes, bool]]]] = deque()
        going: deque[tuple[Job, Row, Future[None] | None]] = deque()
        rows: list[Row] = []

        def look_ahead() -> None:
            while len(ahead) < _AHEAD and (job := next(coming, None)) is not None:
                ahead.append((job, self._readers.submit(self._read, job)))

        look_ahead()
        while ahead:
            job, read = ahead.popleft()
            look_ahead()
            row, data = self._developed(job, read)
            going.append((job, row, self._writers.submit(self._write, job, data) if data else None))
            while len(going) > _AHEAD:
                rows.append(self._settled(*going.popleft()))
        rows += [self._settled(*one) for one in going]
        return rows

    def _read(self, job: Job) -> tuple[bytes, bool]:
        """A picture's file, and whether its result is there."""
        return self._order.source.read(job.input), self._order.out.exists(job.output)

    def _developed(self, job: Job, read: Future[tuple[bytes, bool]]) -> tuple[Row, bytes | None]:
        """What becomes of a picture, and the file of its result, if that is still to be written."""
        order, began, data = self._order, time.perf_counter(), None
        row = _row(order, job, self._name)
        try:
            file, is_there = read.result()
            began = time.perf_counter()
            shown = picture.decode(file, scene_linear=order.scene_linear)
            seed = infotext.seed_in_folder(order.seed, job.input, shown.text.values(), shown.pixels)
            row = replace(row, output=job.output, seed=str(seed), note="; ".join(shown.notes) or None)
            if not (is_there and self._is_ours(job, row)):
                if is_there and not order.overwrite:
                    raise FilmLookError(f"{order.out.shown(job.output)}: {_EXISTS}")
                film = film_picture(shown, order.look, seed=seed, **order.settings)
                data = picture.encode(film, FORMATS[PurePosixPath(job.output).suffix.lower()], **order.written)
        except AlreadyDevelopedError:
            row = replace(row, output=None, seed=None)
        except Exception as error:  # whatever befell this picture, the others are done
            row = _failed(row, error)
        return replace(row, seconds=time.perf_counter() - began), data

    def _is_ours(self, job: Job, row: Row) -> bool:
        """Whether the result that is there was made of this picture in this way, by a worker that could not say so any more."""
        try:
            text = picture.decode(self._order.out.read(job.output)).text
        except (FilmLookError, OSError):  # whatever it is, it is not ours
            return False
        told = infotext.of_text(text)
        return told is not None and told.look == self._order.look and str(told.seed) == row.seed

    def _write(self, job: Job, data: bytes) -> None:
        self._order.out.write(job.output, data, overwrite=self._order.overwrite)

    def _settled(self, job: Job, row: Row, written: Future[None] | None) -> Row:
        """The row of a picture when its result is written, or cannot be."""
        try:
            if written:
                written.result()
        except FileExistsError as error:
            if not self._is_ours(job, row):
                shown = self._order.out.shown(job.output)
                return _failed(row, FilmLookError(f"{shown}: {_EXISTS}").with_traceback(error.__traceback__))
        except Exception as error:  # a full bucket: there may be room for the next
            return _failed(row, error)
        return row


def failed(order: Order, job: Job, error: Exception) -> Row:
    """The row of a picture that no worker could tell of."""
    return _failed(_row(order, job, platform.node()), error)


def _row(order: Order, job: Job, worker: str) -> Row:
    return Row(order.source.shown(job.input), None, order.look.to_text(), order.made, None, 0.0, None, None, worker)


def _failed(row: Row, error: Exception) -> Row:
    if not isinstance(error, FilmLookError | OSError | MemoryError):
        _log.warning("%s", row.input, exc_info=error)
    return replace(row, output=None, seed=None, error=fault(row.input, error).replace(": picture: ", ": ", 1))
