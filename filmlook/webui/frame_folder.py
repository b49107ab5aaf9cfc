"""The frames of a film that lie in a folder, developed into another: one seed, a lock for each scene, each its own number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modules import shared

from filmlook.engine.develop import film_picture
from filmlook.engine.metering import ExposureLock
from filmlook.errors import Stopped
from filmlook.files import picture
from filmlook.files.picture import Picture
from filmlook.films.scenes import in_scenes
from filmlook.look import Look
from filmlook.look_choice import LookChoice
from filmlook.webui import hosts
from filmlook.webui.once.policies import LOOK
from filmlook.webui.processing import developed


def develop_frames(frames: Sequence[tuple[int, Path]], target: Path, choice: LookChoice, seed: int) -> list[Path]:
    """Develops frames, each a number and a file, into files of the same names in `target`; those are replaced.

    The host's state tells how far it is.

    Args:
        seed: the effective one of the grain, of all frames.

    Raises:
        Stopped: the user wants no more; what is done stays.
        LookError: the look has no allowed value at one of the frames; nothing is developed.
        PictureError: a frame cannot be read or written; those before it stay.
        OSError: the folder cannot be made.
    """
    look = choice.moving.check(frames[-1][0] + 1, seed=seed)
    target.mkdir(parents=True, exist_ok=True)
    state = shared.state
    state.job_count, state.job_no = len(frames), 0
    done = []
    sources = ((number, path, picture.read(path)) for number, path in frames)
    try:
        for index, (number, path, source), lock in in_scenes(sources, lambda frame: frame[-1]):
            state.textinfo = f"Film Look: frame {index + 1} of {len(frames)}"
            film = film_picture(source, look, seed=seed, frame=number, lock=lock, progress=_advance, by=_by_host)
            done.append(target / path.name)
            picture.write(done[-1], film, overwrite=True)
            state.nextjob()
    finally:
        state.textinfo = ""
    return done


def _by_host(
    source: Picture, look: Look, *, seed: int, frame: int, lock: ExposureLock, progress: Callable[[float], None], **_: Any
) -> Any:
    """As `develop`, where and in parts as large as the host's settings say."""
    return developed(source, LOOK, look, seed=seed, frame=frame, lock=lock, progress=progress)


def _advance(share: float) -> None:
    state = shared.state
    state.sampling_steps, state.sampling_step = 100, int(100 * share)
    if hosts.is_over(state):
        raise Stopped
