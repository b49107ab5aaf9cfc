"""develop(): from picture to picture; and film_picture(), which remembers in the picture what was done to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from filmlook.engine.device import gives_up, pick_device, usable
from filmlook.engine.gate import in_gate
from filmlook.engine.kept import Kept
from filmlook.engine.lattice import Crop
from filmlook.engine.mask import mask_hash, masks_of
from filmlook.engine.metering import ExposureLock, Shot, light_gain
from filmlook.engine.pixels import LampMap, Pixels, unpack
from filmlook.engine.plan import development, pitch_um
from filmlook.engine.threads import in_flight_on, in_pool
from filmlook.errors import AlreadyDevelopedError, LookError
from filmlook.files import infotext
from filmlook.files.picture import Picture
from filmlook.look import Look
from filmlook.presets import AnyLook, load_look, load_moving_look
from filmlook.prints import checked_print
from filmlook.stages.gate import Position, flicker_stops, position
from filmlook.stock import Stock, installed_name, load_stock


def develop(
    image: Any,
    look: AnyLook,
    *,
    seed: int | Sequence[int] = 0,
    frame: int = 0,
    scene_linear: bool = False,
    tile: int | None = None,
    device: str | torch.device | None = None,
    lock: ExposureLock | None = None,
    progress: Callable[[float], None] | None = None,
    mask: Any = None,
    depth: Any = None,
) -> Any:
    """Develops a picture, or a batch of them, as film. The input is never changed.

    Args:
        image: a PIL image; a `files.picture.Picture`; a numpy array `H,W`, `H,W,C` or `B,H,W,C`; or a torch tensor `C,H,W` or
            `B,C,H,W`. sRGB code values, 8 or 16 bit, or float in [0, 1] (clipped to it). C is 1 (grey), 3, or 4: alpha is kept
            to the bit, and what it hides altogether lights nothing.
        look: a `Look`, a `MovingLook`, a preset's name, or settings by key. What moves has its value at `frame`.
        seed: of the grain; the same seed gives the same picture. A sequence gives each picture of a batch its own, and the
            first is `s` of the schedules.
        frame: number of a film's frame; grain moves with it, and what moves in the look.
        scene_linear: the image holds no code values but the light of a scene, sRGB's primaries, mid-grey at .18 (of white in 8
            and 16 bit); as float of any size, and negative in colours that sRGB cannot make. A `Picture` that has light of its
            own is developed from it anyway.
        tile: side in pixels of the area that is developed at once. Less needs less memory; the result is the same.
        device: "cpu", "cuda", ...; None: the tensor's own, else a GPU where there is one.
        lock: what a film's frames share: with the same `ExposureLock` for every call, lab and network's offset are decided
            by the first picture. Without one every picture has its own offset, and a batch one correction by the lab.
        progress: called with the share done, from 0 to 1.
        mask: where the picture is developed, of its size: white is developed, grey multiplies the look's strength, and where it
            is black not a bit changes. A PIL image, a `Picture`, an array or tensor `H,W`; or one for each picture of a batch,
            as a list or `B,H,W`. None: everywhere.
        depth: a depth map of its size, for a look with an aperture: disparity, white is near. Given as masks are. None: nobody
            knows, and nothing is blurred by depth.

    Returns:
        The same kind of image, of the same type and size; grey comes back as RGB. 8 bit is dithered.

    Raises:
        LookError, StockFileError: a wrong setting, tile, device or number of seeds, or a stock that is missing or damaged.
        PictureError: the image is of a kind or shape that is not understood, empty, or holds NaN or infinity; or the mask or
            the depth map has another size.
    """
    return run_plans(
        development,
        image,
        load_look(look, frame, first_seed(seed)),
        seed,
        frame,
        tile,
        device,
        lock,
        progress,
        scene_linear,
        mask=mask,
        depth=depth,
    )


def film_picture(
    picture: Picture,
    look: AnyLook,
    *,
    seed: int | None = None,
    frame: int | None = None,
    scene_linear: bool = False,
    lock: ExposureLock | None = None,
    again: bool = True,
    tile: int | None = None,
    device: str | torch.device | None = None,
    progress: Callable[[float], None] | None = None,
    mask: Any = None,
    depth: Any = None,
    by: Callable[..., Any] = develop,
) -> Picture:
    """Develops a picture with its metadata: what was done to it stands in its infotext, so that every door knows it again.

    Args:
        picture: as `files.picture.read` gives it; it is not changed.
        look: as of `develop`; the infotext tells what it is at `frame`, which by itself gives the same picture.
        seed: of the grain; None: the one that the picture was generated with, or a number that is always the same for it.
        frame: number of a film's frame; None: it is none, and of what moves frame 0 counts.
        scene_linear: as of `develop`.
        lock: what a film's frames share.
        again: whether a picture that is developed already is developed once more.
        tile, device, progress, mask, depth: as of `develop`.
        by: what develops, called as `develop` is.

    Returns:
        The developed picture; look, seed and version are in its text (see `files.infotext.with_development`).

    Raises:
        AlreadyDevelopedError: the picture is developed already, and `again` is false.
        LookError, StockFileError, PictureError: as `develop`.
    """
    moving = load_moving_look(look)
    _by_names(moving.at(frame or 0))  # a wrong one is told of before anything else
    if not again and infotext.of_text(picture.text) is not None:
        raise AlreadyDevelopedError("it is developed already")
    if seed is None:
        seed = infotext.own_seed(picture.text.values(), picture.pixels)
    look = _by_names(moving.at(frame or 0, seed=seed))
    options: dict[str, Any] = {"scene_linear": scene_linear, "tile": tile, "device": device, "lock": lock, "progress": progress}
    if mask is not None:
        options["mask"] = mask
    if depth is not None and look.aperture:
        options["depth"] = depth
    film: Picture = by(picture, look, seed=seed, frame=frame or 0, **options)
    height, width = film.pixels.shape[:2]
    maps: dict[str, Any] = {name: mask_hash(options[name]) for name in ("mask", "depth") if name in options}
    text = infotext.with_development(picture.text, infotext.entries(look, seed, frame=frame, **maps), (width, height))
    return dataclasses.replace(film, text=text)


def run_plans(
    plan_for: Callable[..., Any],
    image: Any,
    look: Look,
    seed: int | Sequence[int],
    frame: int,
    tile: int | None,
    device: str | torch.device | None,
    lock: ExposureLock | None,
    progress: Callable[[float], None] | None,
    scene_linear: bool = False,
    *,
    crop: Crop | None = None,
    kept: Kept | None = None,
    mask: Any = None,
    depth: Any = None,
    lamps: LampMap | None = None,
) -> Any:
    """Runs what `plan_for` (`development`, or its like) plans for each picture of an image; the rest is `develop`'s.

    With a `crop` no more is developed than that takes, and comes back: the same bits as that part of the whole. What is `kept`
    of one picture is used again; `lamps` are those of one that was scaled down.
    """
    stock = load_stock(look.stock)
    look = dataclasses.replace(look, print=checked_print(stock, look.print))
    device = usable(_device(image, device))
    if tile is not None and not (isinstance(tile, Integral) and 64 <= tile <= 65536):
        raise LookError(f"tile is {tile!r}; allowed: a whole number from 64 to 65536 pixels, or None")
    if seed is None or not all(isinstance(s, Integral) for s in (seed if isinstance(seed, Sequence) else (seed,))):
        raise LookError(f"seed is {seed!r}; allowed: a whole number, or one for each picture")

    def work(tell: Callable[[float], None], device: torch.device) -> Any:
        sources, pack, is_light = unpack(image, scene_linear, filled=mask is not None)
        masks: list[Tensor | None] = [None] * len(sources)
        if mask is not None:
            masks[:] = masks_of(mask, [(source.shape[0], source.shape[1]) for source, _ in sources])
        depths: list[Tensor | None] = [None] * len(sources)
        if depth is not None:
            depths[:] = masks_of(depth, [(source.shape[0], source.shape[1]) for source, _ in sources], "depth map")
        seeds = list(seed) if isinstance(seed, Sequence) else [seed] * len(sources)
        if len(seeds) != len(sources):
            raise LookError(f"{len(seeds)} seeds for {len(sources)} pictures; give one seed, or one for each")
        if look.strength == 0 and isinstance(image, Picture) and not scene_linear:
            return dataclasses.replace(image, pixels=image.pixels.copy(), light=None)
        if look.strength == 0 and not scene_linear:
            return image.clone() if isinstance(image, Tensor) else image.copy()
        pictures = [Pixels(source, out, device, is_light) for source, out in sources]
        for pixels, own, depth_map in zip(pictures, masks, depths, strict=True):
            pixels.lamps, pixels.depth, pixels.kept = lamps, depth_map, kept
            if own is not None:
                if scene_linear and getattr(image, "light", None) is None:  # light cannot stay: it becomes what shows it
                    pixels.write(0, 0, pixels.code(0, 0, *own.shape), 1.0, frame)
                pixels.mask = own
        gain = light_gain(look, stock, pictures, lock)
        for i, (pixels, picture_seed) in enumerate(zip(pictures, seeds, strict=True)):
            plan = plan_for(stock, look, *sources[i][0].shape[:2], device)
            block, more = plan.lattice.block, {"crop": crop, "kept": kept} if crop or kept else {}
            in_flight = max(1, tile**2 // (block[0] * block[1])) if tile else in_flight_on(device)
            blocks, done = len(plan.lattice.corners(crop)), 0
            with torch.inference_mode():
                shot = in_projector(plan.shot(pixels, gain, lock), stock, look, int(picture_seed), frame)
                for count in plan.run(shot, int(picture_seed), frame, in_flight, **more):
                    done += count
                    tell((i + done / blocks) / len(sources))
        return pack([out if crop is None else _cut(out, crop) for _, out in sources])

    def on_cpu() -> Any:
        return in_pool(lambda tell: work(tell, torch.device("cpu")), progress)

    if device.type == "cpu":
        return on_cpu()
    stopped = False

    def tell(share: float) -> None:
        nonlocal stopped
        stopped = True  # what is raised from here is the caller's
        if progress:
            progress(share)
        stopped = False

    try:
        return work(tell, device)
    except Exception as error:
        if stopped or not gives_up(device, error):
            raise
    return on_cpu()


def in_projector(shot: Shot, stock: Stock, look: Look, seed: int, frame: int) -> Shot:
    """A frame as the gate holds it, in the light that there is. Lab and networks have judged it before: what they decide holds
    for all frames."""
    stops, lies = flicker_stops(look, seed, frame), position(look, seed, frame)
    shot = dataclasses.replace(shot, moment=(seed, frame), gain=shot.gain * 2**stops if stops else shot.gain)
    if lies == Position():
        return shot
    height, width = shot.pixels.source.shape[:2]
    pitch = pitch_um(stock, look, height, width) / look.effect_size
    return dataclasses.replace(shot, pixels=shot.pixels.with_source(in_gate(shot.pixels.source, lies, pitch, height)))


def _cut(samples: Tensor, crop: Crop) -> Tensor:
    """Part of samples `H,W,C`."""
    y, x, height, width = crop
    return samples[y : y + height, x : x + width].contiguous()


def first_seed(seed: Any) -> int:
    """The seed of a batch's first picture; 0 where it is none, which is refused in its place."""
    first = next(iter(seed), 0) if isinstance(seed, Sequence) else seed
    return int(first) if isinstance(first, Integral) else 0


def _by_names(look: Look) -> Look:
    """The look with its stock and print called by their names, whatever they were called by: the infotext tells names."""
    name, stock = installed_name(look.stock), load_stock(look.stock)
    return dataclasses.replace(look, stock=name, print=checked_print(stock, look.print))


def _device(image: Any, device: str | torch.device | None) -> torch.device:
    return image.device if device is None and isinstance(image, Tensor) else pick_device(device)
