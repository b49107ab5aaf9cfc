"""What Film Look knows of the host's work: one `PassState` for each pass, one `ScriptRun` for each selected script, and one
`ProcessingState` on each of the host's processing objects."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from filmlook.engine.metering import ExposureLock
from filmlook.files import infotext
from filmlook.look import Look
from filmlook.look_choice import LookChoice
from filmlook.webui.once.policies import GRAIN, NOTHING


@dataclass
class PassState:
    """One pass of the pipeline: what becomes of its pictures, each by its number in the whole pass.

    Attributes:
        chosen: the look, which may move over the frames of a film.
        doings: "look", "grain" or "nothing" for each picture.
        seeds: effective seed of each picture's grain.
        frames: number of each picture's frame, where they are a film's; `last` is the film's last one, where that is known.
        befores: fingerprint of what each picture's source was before it was developed, where it was.
        errors: why pictures were not developed.
        depths: hashes of the depth maps that pictures were blurred by.
        overlay: what the host last told of its inpaint mask.
        lock: what a film's frames share.
        finished: the picture that was developed last.
        looks: each picture's look, that of its frame.

    Raises:
        LookError: the look has no allowed value at one of the frames.
    """

    chosen: LookChoice
    doings: list[str]
    seeds: list[int]
    frames: list[int] | None = None
    last: int | None = None
    befores: list[np.ndarray | None] = field(default_factory=lambda: [None])
    errors: dict[int, str] = field(default_factory=dict)
    overlay: Any = None
    depths: dict[int, str] = field(default_factory=dict)
    lock: ExposureLock | None = None
    finished: Image.Image | None = None
    looks: list[Look] = field(init=False)

    def __post_init__(self) -> None:
        frames = self.frames or [0] * len(self.seeds)
        pairs = zip(frames, self.seeds, strict=True)
        self.looks = [self.chosen.moving.at(frame, seed=seed, last=self.last) for frame, seed in pairs]

    def at(self, values: list[Any], number: int) -> Any:
        """A picture's value; scripts may have made more pictures than the host counts."""
        return values[min(number, len(values) - 1)]

    def entries(self, number: int) -> dict[str, str]:
        """Our part of a picture's infotext."""
        if number in self.errors:
            return {infotext.ERROR: self.errors[number]}
        what = self.at(self.doings, number)
        if what == NOTHING:
            return {}
        frame = None if self.frames is None else self.at(self.frames, number)
        look, seed, depth = self.at(self.looks, number), self.at(self.seeds, number), self.depths.get(number, "")
        return infotext.entries(look, seed, frame=frame, grain_only=what == GRAIN, depth=depth)

    def announce(self, p: Any) -> None:
        """Puts our keys into the processing object's infotext, as functions: every picture has its own values."""

        def value(key: str) -> Callable[..., str | None]:
            def of_picture(
                p: Any, index: int = 0, all_seeds: Any = None, use_main_prompt: bool = False, **_: Any
            ) -> str | None:
                # Within a batch the host counts its pictures from 0, and gives that batch's seeds; a grid has the first's.
                first = p.iteration * p.batch_size if all_seeds is getattr(p, "seeds", None) else 0
                return self.entries(0 if use_main_prompt else first + index).get(key)

            return of_picture

        for key in infotext.KEYS:
            p.extra_generation_params[key] = value(key)


@dataclass(frozen=True)
class ProcessingState:
    """What Film Look keeps on a processing object, as its one attribute `film_look`. It is replaced and never changed: hosts
    and scripts copy the object, and what becomes of a copy must not become of it.

    Attributes:
        job: what becomes of the pictures of the pass in progress.
        axes: what the axes of a plot set, by key.
        folder: whether it is used for every picture of a folder, one after another.
        frame, seed, lock: of a film: the next frame's number, the first frame's seed, and what its frames share.
    """

    job: PassState | None = None
    axes: Mapping[str, Any] = field(default_factory=dict)
    folder: bool = False
    frame: int = 0
    seed: int | None = None
    lock: ExposureLock | None = None


def state_of(p: Any) -> ProcessingState:
    """What Film Look keeps on a processing object."""
    found = getattr(p, "film_look", None)
    return found if isinstance(found, ProcessingState) else ProcessingState()


def keep(p: Any, **changes: Any) -> ProcessingState:
    """Changes what Film Look keeps on a processing object."""
    p.film_look = state = dataclasses.replace(state_of(p), **changes)
    return state


@dataclass
class ScriptRun:
    """One run of a selected script, which may call the pipeline many times.

    Attributes:
        assembles: whether it puts pictures together from several passes.
        feeds_back: whether its results are the next pass's input.
        source: the picture it begins with, and whether that is developed.
        chosen, seed: the look and the effective grain seed of its first pass.
        results: delivered pictures and what they were before, by identity (both are kept, or identities would be reused).
        grids: sizes of the grids that the host made during the run.
    """

    assembles: bool = False
    feeds_back: bool = False
    source: Image.Image | None = None
    source_developed: bool = False
    chosen: LookChoice | None = None
    seed: int = 0
    error: str = ""
    results: dict[int, tuple[Image.Image, Image.Image]] = field(default_factory=dict)
    grids: set[tuple[int, int]] = field(default_factory=set)


_runs = threading.local()


def current_run() -> ScriptRun | None:
    """The run that this thread is in."""
    stack = getattr(_runs, "stack", None)
    return stack[-1] if stack else None


@contextmanager
def running(run: ScriptRun) -> Iterator[ScriptRun]:
    """Makes a run the current one."""
    if not hasattr(_runs, "stack"):
        _runs.stack = []
    _runs.stack.append(run)
    try:
        yield run
    finally:
        _runs.stack.pop()
