"""What the always-on script does at each of the host's hooks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from modules import images, processing, shared
from PIL import Image

from filmlook.engine.metering import ExposureLock
from filmlook.files import infotext
from filmlook.look_choice import LookChoice
from filmlook.webui import options
from filmlook.webui.arguments import chosen_from
from filmlook.webui.once.fingerprints import delivered
from filmlook.webui.once.pass_state import PassState, current_run
from filmlook.webui.once.policies import GRAIN, LOOK, NOTHING, input_of, is_animatediff, is_mov2mov, pass_of
from filmlook.webui.processing import developed, log, reason_of
from filmlook.webui.xyz_grid import with_axes

# What the host, we and ADetailer save beside the picture itself.
_BESIDE = re.compile(
    r"-(before-(face-restoration|color-correction|highres-fix|film-look)|mask(-composite)?|ad-(before|preview.*))$"
)


def begin(p: Any, args: Sequence[Any]) -> None:
    """At `process`: decides what becomes of the pass's pictures, and says so in the infotext."""
    for key in infotext.KEYS:  # cells of a plot share their keys
        p.extra_generation_params.pop(key, None)
    p.film_look_job = None
    run = current_run()
    if run and run.feeds_back:
        _take_back(p, run.results)
    try:
        chosen = with_axes(p, lambda: chosen_from(args), lambda: LookChoice.from_values(args[1:]))
        if chosen is None:
            return
        job = _job(p, chosen)
    except Exception as error:
        p.extra_generation_params[infotext.ERROR] = reason_of(error)
        log.error("Film Look: %s", reason_of(error))
        return
    if all(what == NOTHING for what in job.doings):
        return
    job.announce(p)
    if run and run.assembles:
        if run.chosen is None:
            run.chosen, run.seed = chosen, job.seeds[0]
        return
    p.film_look_job = job


def is_developed(image: Any) -> bool:
    """Whether a picture was developed before: by its metadata, or because it was delivered lately."""
    return isinstance(image, Image.Image) and (infotext.read(image) is not None or image in delivered)


def _take_back(p: Any, results: dict[int, tuple[Image.Image, Image.Image]]) -> None:
    """Where the script feeds a delivered picture back, what goes in is that picture as it was before: developed once."""
    sources = getattr(p, "init_images", None) or []
    p.init_images = [results[id(image)][1] if id(image) in results else image for image in sources]
    results.clear()


def _job(p: Any, chosen: LookChoice) -> PassState:
    run, film = current_run(), is_animatediff(p) or is_mov2mov(p, shared.opts.data)
    count = len(p.all_seeds)
    assembles = bool(run and run.assembles)
    sources = getattr(p, "init_images", None) or ()
    batch = len(sources) if 1 < len(sources) < p.batch_size else p.batch_size  # the host will make it so
    seen: dict[int, bool] = {}
    doings = []
    for number in range(count):
        source = input_of(p, number % batch)
        if id(source) not in seen:
            seen[id(source)] = run.source_developed if run and (assembles or run.feeds_back) else is_developed(source)
        doings.append(options.policy(pass_of(p, developed=seen[id(source)], assembles=assembles, film=film)))
    seeds = [chosen.grain_seed(int(seed)) for seed in p.all_seeds]
    if assembles and run and run.chosen is not None:
        seeds = [run.seed] * count
    if not film:
        return PassState(chosen, doings, seeds)
    # A film has one seed, and its grain moves with the frame; mov2mov makes one pass of each frame.
    first = getattr(p, "film_look_frame", 0)
    p.film_look_frame = first + 1
    p.film_look_lock = getattr(p, "film_look_lock", None) or ExposureLock()
    seeds = [seeds[i - i % batch] for i in range(count)]
    frames = [first if batch == 1 else i % batch for i in range(count)]
    return PassState(chosen, doings, seeds, frames, lock=p.film_look_lock)


def see_overlay(p: Any, overlay: Any) -> None:
    """At `postprocess_maskoverlay`: scripts after this one may still change the mask in it."""
    if getattr(p, "film_look_job", None):
        p.film_look_job.overlay = overlay


def finish_image(p: Any, pp: Any) -> None:
    """At `postprocess_image_after_composite`: develops the picture as it will be saved and shown."""
    job: PassState | None = getattr(p, "film_look_job", None)
    if job is None:
        return
    number = p.iteration * p.batch_size + p.batch_index
    what = job.at(job.doings, number)
    if what == NOTHING:
        return
    before = pp.image
    if options.value("save_before"):
        _save_before(p, before)
    try:
        after = developed(
            before,
            what,
            job.chosen.look,
            seed=job.at(job.seeds, number),
            frame=None if job.frames is None else job.at(job.frames, number),
            lock=job.lock,
        )
        if what == GRAIN and (mask := _mask(p, job)) is not None:
            after = inside(mask, after, before)
    except Exception as error:
        job.errors[number] = reason_of(error)
        log.error("Film Look: the picture stays as it was: %s", reason_of(error))
        return
    delivered.remember(before if what == LOOK else None, after)
    pp.image = job.finished = after
    run = current_run()
    if run and run.feeds_back:
        run.results[id(after)] = (after, before)


def _mask(p: Any, job: PassState) -> Image.Image | None:
    """Where an inpainted picture differs from what it was; None: everywhere."""
    if not shared.opts.data.get("overlay_inpaint", True):
        return None
    mask = getattr(job.overlay, "mask_for_overlay", None)
    return mask if mask is not None else getattr(p, "mask_for_overlay", None)


def inside(mask: Image.Image, after: Image.Image, before: Image.Image) -> Image.Image:
    """`after` where the mask is white, `before` to the bit where it is black."""
    grey = mask.convert("L")
    if grey.size != before.size:
        grey = grey.resize(before.size, Image.Resampling.LANCZOS)
    share = np.asarray(grey, np.float32)[..., None] / 255
    old, new = (np.asarray(image, np.float32) for image in (before, after.convert(before.mode)))
    mixed = Image.fromarray((old + share * (new - old)).round().astype(np.uint8), before.mode)
    mixed.info = dict(before.info)
    return mixed


def _save_before(p: Any, image: Image.Image) -> None:
    save = p.save_samples() if hasattr(p, "save_samples") else not p.do_not_save_samples
    if not save:
        return
    try:
        i = p.batch_index
        text = processing.create_infotext(p, p.prompts, p.seeds, p.subseeds, index=i, all_negative_prompts=p.negative_prompts)
        images.save_image(
            image,
            p.outpath_samples,
            "",
            p.seeds[i],
            p.prompts[i],
            shared.opts.samples_format,
            info=infotext.with_entries(text, {}, image.size),
            p=p,
            suffix="-before-film-look",
        )
    except Exception as error:
        log.error("Film Look: the undeveloped picture was not saved: %s", reason_of(error))


def before_saved(params: Any) -> None:
    """At `on_before_image_saved`: pictures that scripts assembled are developed here; what is saved beside a picture,
    before it was finished, does not say that it is developed."""
    run, job = current_run(), getattr(params.p, "film_look_job", None)
    text = params.pnginfo.get("parameters")
    beside = _BESIDE.search(Path(params.filename).stem) and params.image is not getattr(job, "finished", None)
    if beside and isinstance(text, str) and infotext.LOOK in text:
        params.pnginfo["parameters"] = infotext.with_entries(text, {}, params.image.size)
        return
    if run and run.assembles and run.chosen and params.p is not None and params.image.size not in run.grids:
        params.image = deliver(run, params.image)
        if run.error and isinstance(text, str):
            params.pnginfo["parameters"] = infotext.with_entries(text, {infotext.ERROR: run.error}, params.image.size)


def before_grid(params: Any) -> None:
    """At `on_image_grid`: a grid of assembled pictures is made of developed ones."""
    run = current_run()
    if run and run.assembles and run.chosen:
        params.imgs = [deliver(run, image) for image in params.imgs]
        if len(params.imgs) > 1:
            width, height = (max(image.size[axis] for image in params.imgs) for axis in (0, 1))
            run.grids.add((params.cols * width, params.rows * height))


def deliver(run: Any, image: Image.Image) -> Image.Image:
    """An assembled picture, developed; the same picture for the same one."""
    if id(image) in run.results:
        return run.results[id(image)][0]
    if any(image.size == result.size and image.tobytes() == result.tobytes() for result, _ in run.results.values()):
        return image  # a grid of one developed picture
    what = options.policy("assembled_developed" if run.source_developed else "assembled")
    if what == NOTHING or run.error:
        return image
    try:
        after = developed(image, what, run.chosen.look, seed=run.seed)
        if what == GRAIN and run.source is not None and (mask := changed(run.source, image)) is not None:
            after = inside(mask, after, image)
    except Exception as error:
        run.error = reason_of(error)
        log.error("Film Look: the picture stays as it was: %s", run.error)
        return image
    delivered.remember(image if what == LOOK else None, after)
    run.results[id(image)] = (after, image)
    run.results[id(after)] = (after, image)
    return after


_ANCHOR = 24  # pixels square by which a picture is found in one it was extended to


def changed(source: Image.Image, result: Image.Image) -> Image.Image | None:
    """Where an extended picture differs from what it was extended from, as a mask; None if that is not in it."""
    old, new = (np.asarray(image.convert("RGB")) for image in (source, result))
    height, width = old.shape[:2]
    room = (new.shape[0] - height, new.shape[1] - width)
    if min(room) < 0 or max(room) == 0 or min(height, width) < _ANCHOR:
        return None
    y, x = (height - _ANCHOR) // 2, (width - _ANCHOR) // 2
    patch = old[y : y + _ANCHOR, x : x + _ANCHOR]
    area = new[y : y + room[0] + _ANCHOR, x : x + room[1] + _ANCHOR]
    places = np.argwhere((area[: room[0] + 1, : room[1] + 1] == patch[0, 0]).all(-1))
    for dy, dx in places:
        if np.array_equal(area[dy : dy + _ANCHOR, dx : dx + _ANCHOR], patch):
            mask = np.full(new.shape[:2], 255, np.uint8)
            same = (new[dy : dy + height, dx : dx + width] == old).all(-1)
            mask[dy : dy + height, dx : dx + width][same] = 0
            return Image.fromarray(mask)
    return None
