"""Films that are developed for clients: one after another, each in a folder of its own, kept for a while when it is done."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fastapi import HTTPException

from filmlook.errors import FilmLookError, Stopped
from filmlook.server import requests
from filmlook.server.own_folder import OwnFolder, sweep

log = logging.getLogger("filmlook")

KEEP_S = 3600.0  # after its end
_LOOK_S = 1.0  # between two looks at how large it has become


class Progress(Protocol):
    """Told between frames. Raises Stopped where the film is not wanted any more."""

    def __call__(self, done: int, total: int | None) -> None: ...


@dataclass(eq=False)
class FilmJob:
    """A film from its upload to when it is forgotten. `made` is its developed file."""

    folder: Path
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    state: str = "sending"  # waiting, working, done, failed
    source: Path = Path()
    depth: Path | None = None
    asked: Any = None
    most_frames: int | None = None
    made: Path | None = None
    frames: int = 0
    of_frames: int | None = None
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    begun: float = 0.0  # when its first frame was done
    ended: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def share(self) -> float:
        if self.state == "done":
            return 1.0
        return min(1.0, self.frames / self.of_frames) if self.of_frames else 0.0

    def facts(self, ahead: int, now: float) -> dict[str, Any]:
        """What an answer tells of it; `ahead` wait before it."""
        left, since = None, self.frames - 1  # the first takes longer: plans are made for it
        if self.state == "working" and self.of_frames and since > 0:
            left = round((now - self.begun) / since * max(0, self.of_frames - self.frames), 1)
        return {
            "id": self.id,
            "state": self.state,
            "ahead": ahead,
            "share": round(self.share, 4),
            "frames": self.frames,
            "of_frames": self.of_frames,
            "seconds_left": left,
            "notes": self.notes,
            "error": self.error,
            "kept_seconds": None if self.ended is None else round(max(0.0, self.ended + KEEP_S - now)),
        }


class FilmJobs:
    """The films of a server.

    Args:
        develop: makes a job's film out of its upload, and gives the file and what there is to tell of it.
        line: holds the machine while it is open; what it gives is to be called between frames, and lets others pass.
        clock: tells the time in seconds.
        parent: where the folder of all films is made.
    """

    def __init__(
        self,
        develop: Callable[[FilmJob, Progress], tuple[Path, list[str]]],
        line: Callable[[], AbstractContextManager[Callable[[], None]]],
        clock: Callable[[], float] = time.monotonic,
        parent: Path | None = None,
    ) -> None:
        self._develop, self._line, self._clock, self._parent = develop, line, clock, parent
        sweep(parent)
        self._own: OwnFolder | None = None
        self._jobs: dict[str, FilmJob] = {}
        self._waiting: deque[FilmJob] = deque()
        self._lock = threading.RLock()
        self._worker: threading.Thread | None = None
        self._timer: threading.Timer | None = None

    def begin(self, most: int) -> FilmJob:
        """A place for a film that is about to come. Raises HTTPException 503 where there are as many as may be."""
        with self._lock:
            self._forget_old()
            if len(self._jobs) >= most:
                told = f"{most} films are waiting or kept already; delete one, or try again later"
                raise HTTPException(503, told, {"Retry-After": "10"})
            self._own = self._own or OwnFolder(self._parent)
            job = FilmJob(self._own.path)
            job.folder = self._own.path / job.id
            job.folder.mkdir(mode=0o700)
            self._jobs[job.id] = job
            return job

    def start(self, job: FilmJob) -> None:
        """Puts a film that has come into the line."""
        with self._lock:
            job.state = "waiting"
            self._waiting.append(job)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="film-look-films", daemon=True)
                self._worker.start()

    def get(self, name: str) -> FilmJob:
        """The film of that name. Raises HTTPException 404."""
        with self._lock:
            self._forget_old()
            job = self._jobs.get(name)
        if job is None or job.state == "sending":
            raise HTTPException(404, f"there is no film {name[:40]!r}, or it is forgotten")
        return job

    def facts(self, name: str) -> dict[str, Any]:
        """What an answer tells of a film. Raises HTTPException 404."""
        job = self.get(name)
        with self._lock:
            ahead = self._waiting.index(job) + 1 if job in self._waiting else 0
            return job.facts(ahead, self._clock())

    def forget(self, job: FilmJob) -> None:
        """Stops a film, and takes its files away, at once or when whoever works on it has stopped."""
        with self._lock:
            job.stop.set()
            self._jobs.pop(job.id, None)
            with suppress(ValueError):
                self._waiting.remove(job)
            if job.state != "working":
                shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Stops and forgets all."""
        with self._lock:
            for job in list(self._jobs.values()):
                self.forget(job)
            worker, own = self._worker, self._own
            self._own = None
        if worker:
            worker.join(5)
        if own:
            own.close()

    def _forget_old(self) -> None:
        end = self._clock() - KEEP_S
        for job in list(self._jobs.values()):
            if job.ended is not None and job.ended <= end:
                self.forget(job)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._worker = None
                    return
                job = self._waiting.popleft()
                job.state = "working"
            state = self._worked(job)
            with self._lock:
                job.state, job.ended = state, self._clock()
                if job.id in self._jobs:
                    for path in (job.source, job.depth):
                        if path:
                            path.unlink(missing_ok=True)
                    self._wake()
                else:
                    shutil.rmtree(job.folder, ignore_errors=True)

    def _worked(self, job: FilmJob) -> str:
        """Develops a film; the state that it is left in."""
        try:
            with self._line() as let_others_pass:
                job.made, job.notes = self._develop(job, _progress(job, let_others_pass, self._clock))
            return "done"
        except Stopped:
            job.error = "interrupted"
        except FilmLookError as error:
            job.error = told_of(job.source, error, job.depth)
        except Exception as error:  # nobody waits for an answer that could tell
            if not _is_ending():  # then pools take nothing more, whoever asks
                log.exception("Film Look: a film failed")
            job.error = f"{type(error).__name__}: {' '.join(requests.told(error).split())[:200]}"
        return "failed"

    def _wake(self) -> None:
        """Sees to it that films go in time, whether calls come or not."""
        if self._timer:
            self._timer.cancel()
        ends = [job.ended for job in self._jobs.values() if job.ended is not None]
        if ends:
            self._timer = threading.Timer(max(0.0, min(ends) + KEEP_S - self._clock()) + 0.01, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def _on_time(self) -> None:
        with self._lock:
            self._forget_old()
            self._wake()


def _is_ending() -> bool:
    """Whether the program ends, and waits for its threads."""
    return not threading.main_thread().is_alive()


def told_of(path: Path, error: Exception, depth: Path | None = None) -> str:
    """What an answer tells of a film that failed: what its file and its depth maps are called here is nobody's business."""
    if depth and str(error).startswith(f"{depth}: "):
        fault = str(error)[len(f"{depth}: ") :]
        error = FilmLookError(fault if "depth map" in fault else f"depth: {fault}")
    return requests.told(error).replace(f"{path}: ", "").replace(f"{path.parent}{os.sep}", "").replace(str(path.parent), "")


def _progress(job: FilmJob, let_others_pass: Callable[[], None], clock: Callable[[], float]) -> Progress:
    looked = time.monotonic()

    def progress(done: int, total: int | None) -> None:
        nonlocal looked
        job.begun = job.begun or clock()
        job.frames, job.of_frames = done, total
        if job.stop.is_set() or _is_ending():
            raise Stopped
        if job.most_frames is not None and done > job.most_frames:
            raise FilmLookError(f"lasts longer than is allowed: it has more than {job.most_frames} frames")
        if time.monotonic() - looked > _LOOK_S:
            looked = time.monotonic()
            came = (job.source, job.depth)
            size = sum(path.stat().st_size for path in job.folder.rglob("*") if path.is_file() and path not in came)
            if size > job.asked.most_bytes:
                raise FilmLookError(f"the film becomes larger than {job.asked.most_bytes} bytes, which are allowed")
        let_others_pass()

    return progress
