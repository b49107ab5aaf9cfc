"""What the always-on script does at each of the host's hooks."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from modules import images, processing, shared
from PIL import Image

from filmlook.engine.mask import mask_hash
from filmlook.engine.metering import ExposureLock
from filmlook.files import infotext
from filmlook.webui import hosts, options
from filmlook.webui.arguments import Asked, asked_by, shown_by
from filmlook.webui.depth_networks import depth_for
from filmlook.webui.once.fingerprints import delivered, undeveloped
from filmlook.webui.once.masks import changed, inside
from filmlook.webui.once.pass_state import PassState, ScriptRun, current_run, keep, state_of
from filmlook.webui.once.policies import GRAIN, LOOK, NOTHING, input_of, is_animatediff, is_mov2mov, pass_of
from filmlook.webui.once.undeveloped import undeveloped as kept_undeveloped
from filmlook.webui.processing import developed, failed
from filmlook.webui.xyz_grid import with_axes

# What the host, we and ADetailer save beside the picture itself.
_BESIDE = re.compile(
    r"-(before-(face-restoration|color-correction|highres-fix|film-look)|mask(-composite)?|ad-(before|preview.*))$"
)


def begin(p: Any, args: Sequence[Any]) -> None:
    """At `process`: decides what becomes of the pass's pictures, and says so in the infotext."""
    for key in infotext.KEYS:  # cells of a plot share their keys
        p.extra_generation_params.pop(key, None)
    axes = keep(p, job=None).axes
    run = current_run()
    if run and run.feeds_back:
        _take_back(p, run.results)
    try:
        asked = with_axes(axes, lambda: asked_by(args), lambda: shown_by(args))
        if asked is None:
            return
        job = _job(p, asked)
    except Exception as error:
        p.extra_generation_params[infotext.ERROR] = failed("nothing is developed", error)
        return
    if all(what == NOTHING for what in job.doings):
        return
    job.announce(p)
    if run and run.assembles:
        if run.chosen is None:
            run.chosen, run.seed = job.chosen, job.seeds[0]
        return
    keep(p, job=job)


def is_developed(image: Any) -> bool:
    """Whether a picture was developed before: by its metadata, or because it was delivered lately."""
    return isinstance(image, Image.Image) and (infotext.read(image) is not None or image in delivered)


def _take_back(p: Any, results: dict[int, tuple[Image.Image, Image.Image]]) -> None:
    """Where the script feeds a delivered picture back, what goes in is that picture as it was before: developed once."""
    sources = getattr(p, "init_images", None) or []
    p.init_images = [results[id(image)][1] if id(image) in results else image for image in sources]
    results.clear()


def _job(p: Any, asked: Asked) -> PassState:
    """What becomes of each picture of a pass."""
    run, state, chosen = current_run(), state_of(p), asked.choice
    mov2mov, animatediff = is_mov2mov(p, shared.opts.data), is_animatediff(p)
    count = len(p.all_seeds)
    sources = getattr(p, "init_images", None) or ()
    batch = len(sources) if 1 < len(sources) < p.batch_size else p.batch_size  # the host will make it so
    assembles = bool(run and run.assembles)
    seen: dict[int, tuple[bool, np.ndarray | None]] = {}
    doings, befores = [], []
    for number in range(count):
        source = input_of(p, number % batch)
        if id(source) not in seen:
            was = _was_developed(source, asked, run)
            seen[id(source)] = was, _before(source, chosen.look) if was else None
        was, before = seen[id(source)]
        doings.append(options.policy(pass_of(p, developed=was, assembles=assembles, film=mov2mov or animatediff)))
        befores.append(before)
    seeds = [chosen.grain_seed(int(seed)) for seed in p.all_seeds]
    if assembles and run and run.chosen is not None:
        seeds = [run.seed] * count
    if not (mov2mov or animatediff or asked.frames):
        if state.folder and chosen.seed_mode != "random":
            seeds = [_of_file(seed, input_of(p, i % batch)) for i, seed in enumerate(seeds)]
        return PassState(chosen, doings, seeds, befores=befores)
    # A film has one seed, and its grain moves with the frame. A folder and mov2mov make one pass of each frame.
    many = state.folder or (mov2mov and batch == 1)
    first = state.seed if many and state.seed is not None else seeds[0]
    state = keep(p, frame=state.frame + 1, seed=first, lock=state.lock or ExposureLock())
    frames = [state.frame - 1 if many else i % batch for i in range(count)]
    seeds = [first if many else seeds[i - i % batch] for i in range(count)]
    last = max(shared.state.job_count // max(p.n_iter, 1), 1) - 1 if many else batch - 1  # they count their passes beforehand
    return PassState(chosen, doings, seeds, frames, max(last, *frames), befores=befores, lock=state.lock)


def _was_developed(source: Any, asked: Asked, run: ScriptRun | None) -> bool:
    """Whether a pass's input counts as developed: as the user says, or else by what it is."""
    if source is not None and asked.input != "automatic":
        was = asked.input == "developed"
        if run:
            run.source_developed = was
        return was
    return run.source_developed if run and (run.assembles or run.feeds_back) else is_developed(source)


def _before(source: Any, look: Any) -> np.ndarray | None:
    """The fingerprint of what a developed source was before: what is made from it inherits that."""
    if not isinstance(source, Image.Image):
        return None
    found = delivered.before(source)
    if found is not None:
        return found
    told = infotext.read(source)
    return undeveloped(source, told.look if told and told.look else look)


def _of_file(seed: int, source: Any) -> int:
    """A seed of its own for each picture of a folder, always the same for the same picture."""
    pixels = source.convert("RGB").tobytes() if isinstance(source, Image.Image) else b""
    return zlib.crc32(pixels, seed & 0xFFFFFFFF)


def see_overlay(p: Any, overlay: Any) -> None:
    """At `postprocess_maskoverlay`: scripts after this one may still change the mask in it."""
    if job := state_of(p).job:
        job.overlay = overlay


def finish_image(p: Any, pp: Any) -> None:
    """At `postprocess_image_after_composite`: develops the picture as it will be saved and shown."""
    job = state_of(p).job
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
        depth = depth_for(before, job.at(job.looks, number)) if what == LOOK else None
        if depth is not None:
            job.depths[number] = mask_hash(depth)
        after = developed(
            before,
            what,
            job.at(job.looks, number),
            depth=depth,
            seed=job.at(job.seeds, number),
            frame=None if job.frames is None else job.at(job.frames, number),
            lock=job.lock,
        )
        if what == GRAIN and (mask := _mask(p, job)) is not None:
            after = inside(mask, after, before)
    except Exception as error:
        job.errors[number] = failed("the picture stays as it was", error)
        return
    if what == LOOK:
        kept_undeveloped.remember(before, after)
    origin = job.at(job.befores, number) if what == GRAIN else None
    delivered.remember(before if origin is None else origin, after)
    pp.image = job.finished = after
    run = current_run()
    if run and run.feeds_back:
        run.results[id(after)] = (after, before)


def _mask(p: Any, job: PassState) -> Image.Image | None:
    """Where an inpainted picture differs from what it was; None: everywhere."""
    return hosts.overlay_mask(p, job.overlay) if shared.opts.data.get("overlay_inpaint", True) else None


def _save_before(p: Any, image: Image.Image) -> None:
    if not hosts.saves_samples(p):
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
        failed("the undeveloped picture was not saved", error)


def before_saved(params: Any) -> None:
    """At `on_before_image_saved`: pictures that scripts assembled are developed here; what is saved beside a picture,
    before it was finished, does not say that it is developed."""
    run, job = current_run(), state_of(params.p).job
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


def deliver(run: ScriptRun, image: Image.Image) -> Image.Image:
    """An assembled picture, developed; the same picture for the same one."""
    if id(image) in run.results:
        return run.results[id(image)][0]
    if any(image.size == result.size and image.tobytes() == result.tobytes() for result, _ in run.results.values()):
        return image  # a grid of one developed picture
    what = options.policy("assembled_developed" if run.source_developed else "assembled")
    if what == NOTHING or run.error or run.chosen is None:
        return image
    try:
        depth = depth_for(image, run.chosen.look) if what == LOOK else None
        after = developed(image, what, run.chosen.look, seed=run.seed, depth=depth)
        if what == GRAIN and run.source is not None and (mask := changed(run.source, image)) is not None:
            after = inside(mask, after, image)
        origin = _before(run.source, run.chosen.look) if what == GRAIN and run.source_developed else None
    except Exception as error:
        run.error = failed("the picture stays as it was", error)
        return image
    if what == LOOK:
        kept_undeveloped.remember(image, after)
    delivered.remember(image if origin is None else origin, after)
    run.results[id(image)] = (after, image)
    run.results[id(after)] = (after, image)
    return after
