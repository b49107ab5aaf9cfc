"""Developing for the host: on its device, with the user's settings, and never at the cost of the picture."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from modules import devices
from PIL import Image

from filmlook.engine.compiled import prepare
from filmlook.engine.develop import develop
from filmlook.engine.mask import mask_hash
from filmlook.engine.metering import ExposureLock
from filmlook.engine.regrain import regrain
from filmlook.errors import FilmLookError, LookError
from filmlook.files import infotext
from filmlook.files.picture import Picture
from filmlook.look import Look
from filmlook.look_choice import LookChoice
from filmlook.webui import options
from filmlook.webui.depth_networks import depth_for
from filmlook.webui.once.fingerprints import delivered
from filmlook.webui.once.policies import GRAIN, LOOK

_SMALLER_TILE = 512

log = logging.getLogger("filmlook")


def reason_of(error: BaseException) -> str:
    """One line that tells what went wrong."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:300] if isinstance(error, FilmLookError) else f"{type(error).__name__}: {text}"[:300]


def people_read(error: BaseException) -> str:
    """What went wrong, for those who look at the page: no names of Python's."""
    if isinstance(error, FilmLookError):
        return reason_of(error)
    text = " ".join(str(error).split())[:300]
    if isinstance(error, OSError):
        return error.strerror or text
    return f"{text or 'it failed'} (the log tells more)"


def failed(what: str, error: BaseException) -> str:
    """Logs a failure and gives its reason: one line if we refuse something, with the traceback if something else went wrong."""
    reason = reason_of(error)
    log.error("Film Look: %s: %s", what, reason, exc_info=None if isinstance(error, FilmLookError) else error)
    return reason


def device() -> torch.device:
    """Where the settings say that pictures are developed: on the host's GPU, if it is one of CUDA, or the CPU.

    Raises:
        LookError: a GPU is asked for, and the host works on none.
    """
    wanted, hosts = options.value("device"), torch.device(devices.get_optimal_device())
    on_gpu = hosts.type == "cuda" and torch.cuda.is_available()
    if wanted == "GPU" and not on_gpu:
        raise LookError(f"device is GPU, but the WebUI works on {hosts.type}; choose auto or CPU in the settings of Film Look")
    return hosts if on_gpu and wanted != "CPU" else torch.device("cpu")


def compile_ahead() -> None:
    """Where pictures are developed on the CPU, has its kernels ready by the time of the first one."""
    try:
        if device().type == "cpu":
            prepare()
    except LookError as error:  # each generation tells it
        log.info("Film Look: %s", error)


def developed(
    image: Any,
    what: str,
    look: Look,
    *,
    seed: int,
    frame: int | None = None,
    lock: ExposureLock | None = None,
    progress: Callable[[float], None] | None = None,
    mask: Any = None,
    depth: Any = None,
) -> Any:
    """The image (of any kind that `develop` takes) with the whole look or its grain alone (`policies.LOOK`, `GRAIN`).

    A `mask`, as of `develop`, limits the whole look alone, and a `depth` map blurs with it. Short of memory it tries again in
    smaller tiles, then on the CPU.

    Raises:
        FilmLookError, or whatever else stands in the way.
    """
    shared: dict[str, Any] = {"seed": seed, "frame": frame or 0, "progress": progress}
    place, tile = device(), options.tile()
    attempts = [(place, tile)]
    if place.type != "cpu":
        attempts += [(place, min(tile or _SMALLER_TILE, _SMALLER_TILE)), (torch.device("cpu"), tile)]
    for i, (where, side) in enumerate(attempts):
        try:
            if what == GRAIN:
                return regrain(image, look, device=where, tile=side, **shared)
            return develop(image, look, device=where, tile=side, lock=lock, mask=mask, depth=depth, **shared)
        except RuntimeError as error:
            if i + 1 == len(attempts) or not _is_out_of_memory(error):
                raise
            log.warning(
                "Film Look: out of memory on %s, trying again %s", where, "in smaller tiles" if i == 0 else "on the CPU"
            )
        finally:
            if where.type != "cpu":
                devices.torch_gc()
    raise AssertionError("unreachable")


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error).lower()


def own_seed(image: Image.Image) -> int:
    """The seed that a picture was made with, or a number that is always the same for it."""
    return infotext.own_seed(infotext.texts(image), np.asarray(image))


def film_image(
    image: Image.Image,
    choice: LookChoice,
    *,
    seed: int,
    frame: int | None = None,
    lock: ExposureLock | None = None,
    progress: Callable[[float], None] | None = None,
    mask: Image.Image | None = None,
    depth: Picture | None = None,
) -> tuple[Image.Image, dict[str, str]]:
    """A finished picture, developed: the one job of the tab and of Extras.

    What was done stands in the picture's `info` as every door writes it (`infotext.with_development`), and comes back by key
    too; the picture is remembered.

    Args:
        seed: the effective one of the grain; `frame`, `lock`, `progress`, `mask`: as of `develop`.
        depth: the map that a look with an aperture blurs by; None: what the host makes.

    Raises:
        FilmLookError, or whatever else stands in the way.
    """
    look = choice.look_at(frame, seed)
    maps = {"mask": mask, "depth": depth if depth and look.aperture else depth_for(image, look)}
    after = developed(image, LOOK, look, seed=seed, frame=frame, lock=lock, progress=progress, **maps)
    text = {key: value for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}
    if "parameters" not in text and (old := next((t for t in infotext.texts(image) if infotext.pairs_of(t)), "")):
        text["parameters"] = old  # JPEG and WebP keep it in EXIF
    hashes = {name: "" if given is None else mask_hash(given) for name, given in maps.items()}
    pairs = infotext.entries(look, seed, frame=frame, mask=hashes["mask"], depth=hashes["depth"])
    after.info = {**image.info, **infotext.with_development(text, pairs, after.size)}
    delivered.remember(image, after)
    return after, pairs
