"""develop_film(): from film to film. Frames are read, developed and written side by side, and kept in their order."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from filmlook.depth.maps import depth_of
from filmlook.engine.develop import develop
from filmlook.engine.metering import ExposureLock
from filmlook.engine.threads import in_pool
from filmlook.errors import AlreadyDevelopedError, FilmLookError, PictureError
from filmlook.files import infotext
from filmlook.films.assembling import assemble, left_out
from filmlook.films.codecs import Encoding, encoding_for
from filmlook.films.depth_maps import Depths, FindDepth, FoundDepths, depths_given, told_of
from filmlook.films.names import numbered, pictures_of
from filmlook.films.parts import Parts, parts_folder
from filmlook.films.reading import Film, open_film
from filmlook.films.scenes import in_scenes
from filmlook.films.writing import PictureWriter, VideoWriter, Writer, outgoing_tags, size_in
from filmlook.moving_look import MovingLook
from filmlook.presets import AnyLook, load_moving_look
from filmlook.prints import checked_print
from filmlook.stock import installed_name, load_stock

_KEYFRAMES = "Film Look keyframes"
_AHEAD = 2  # frames that are read before they are developed, and that wait to be written

Progress = Callable[[int, "int | None"], None]
"""Told how many frames are done, and of how many, if that is known. What it raises ends the work; `resume` goes on later."""


@dataclass
class FilmReport:
    """What became of a film: how many frames, and what there is to say to people, a line each."""

    frames: int
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Shown:
    """What is shown at a time.

    Attributes:
        frame: of the film, by its number.
        source: the same of the source, which `fps` may have more of; `scene`: the first one of its scene.
        pts, duration: as of `FilmFrame`.
        pixels: its picture; None: it is the one before, once more.
        lock: what its scene shares.
    """

    frame: int
    source: int
    scene: int
    pts: int
    duration: int
    pixels: np.ndarray | None
    lock: ExposureLock


def develop_film(
    source: str | Path | Sequence[Path],
    out: str | Path,
    look: AnyLook,
    *,
    seed: int | None = None,
    codec: str | None = None,
    crf: int | None = None,
    speed: str | None = None,
    rate: Fraction | None = None,
    fps: Fraction | None = None,
    cuts: Sequence[int] | None = None,
    quality: int = 95,
    resume: bool = False,
    overwrite: bool = False,
    again: bool = True,
    tile: int | None = None,
    device: str | None = None,
    progress: Progress | None = None,
    depth: str | Path | None = None,
    depth_far_white: bool = False,
    find_depth: FindDepth = depth_of,
) -> FilmReport:
    """Develops a film: frame `i` is to the bit `develop(frame, look, seed=seed, frame=i, lock=lock)`, a lock for each scene,
    and for a look with an aperture `depth=` its map (see `films.depth_maps`).

    Args:
        source: a video, an animation, a pattern such as `frame_%04d.png`, or pictures in their order.
        out: a file by whose ending it is written, or a pattern of pictures.
        look: a `Look`, a `MovingLook`, a preset's name, or settings by key. What moves goes by the frame's number.
        seed: of the grain; None: a number that is always the same for the first frame.
        codec, crf, speed: see `films.codecs.encoding_for`.
        rate: frames a second of numbered pictures; None: 24.
        fps: frames a second that the film ran with in the camera: fewer than are shown, so some are shown again. At the time t
            frame floor(t fps) is shown; 18 at 24 shows every third frame twice.
        cuts: the frames of the source with which scenes begin, from 0; empty: it is one scene; None: they are found. Within a
            scene the lab and networks decide once, by its first frame.
        quality: of pictures that are written as JPEG and its like.
        resume: go on where an interrupted run left off; without parts of one it begins.
        overwrite: replace what exists.
        again: whether a film that is developed already is developed once more.
        tile, device: as of `develop`.
        progress: told of each frame.
        depth: depth maps for a look with an aperture: a film of as many frames, a folder or a pattern of numbered pictures, or
            one picture for all; taken as they are. None: each frame's is found, and they are steadied over time.
        depth_far_white: in these white is far.
        find_depth: finds the map of a frame.

    Returns:
        How many frames were written, and what could not be kept.

    Raises:
        LookError: a setting or an option is wrong.
        PictureError: the source cannot be read, or is HDR.
        AlreadyDevelopedError: the film is developed already, and `again` is false.
        FilmLookError: the film cannot be written, or is there already; PyAV is missing.
    """
    moving, out = _by_names(load_moving_look(look)), Path(out)
    film = open_film(source, rate=rate)
    encoding = encoding_for(out, codec, crf, speed, bits=film.bits, alpha=film.has_alpha)
    size_in(film, encoding)
    if not again and infotext.of_text({"parameters": film.comment}) is not None:
        raise AlreadyDevelopedError(f"{film.path}: it is developed already")
    numbers = film.numbers if fps is None else ()
    targets = [out] if encoding.encoder else _there(out, numbers or range(1, (film.count or 0) + 1))
    _check_targets(film, targets, overwrite or (resume and parts_folder(out).is_dir()))
    if seed is None:
        seed = infotext.own_seed((), next(film.frames()).pixels)
    frames = film.count if fps is None or film.count is None or film.rate is None else ceil(film.count / film.rate * fps)
    moving = moving.check(frames, seed=seed) if frames else moving
    depths: Depths | None = None
    if moving.may_have("aperture"):
        depths = FoundDepths(find_depth) if depth is None else depths_given(depth, film, depth_far_white)
    job = _job(film, moving, seed, encoding, fps, cuts)
    if depths and depth is not None:
        job["depth"] = [*told_of(depth), depth_far_white]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FilmLookError(f"{out.parent}: the folder cannot be made: {error.strerror}") from None
    parts = Parts(out, job, "" if not encoding.encoder else encoding.codec.part, resume=resume, overwrite=overwrite)
    writer: Writer
    if encoding.encoder:
        writer = VideoWriter(parts, film, encoding)
    else:
        writer = PictureWriter(
            parts,
            lambda i: numbered(str(out), numbers[i] if numbers else i + 1),
            overwrite=overwrite,
            quality=quality,
        )

    def tell(count: int) -> None:
        if progress:
            progress(count, film.count)

    options: dict[str, Any] = {"seed": seed, "tile": tile, "device": device}
    shown = _shown(film, encoding, fps, cuts if _judges(moving) or (depths and depth is None) else ())

    def see(told: _Shown) -> None:
        if depths and told.pixels is not None:
            depths.see(told.source, told.scene, told.pixels)

    def develop_one(told: _Shown) -> np.ndarray:
        blurs = depths and moving.at(told.frame, seed=seed).aperture
        nearness = depths.of(told.source) if depths and blurs else None
        made: np.ndarray = develop(told.pixels, moving, frame=told.frame, lock=told.lock, depth=nearness, **options)
        return made

    try:
        count = _run(shown, parts, writer, see, develop_one, tell)
    except BaseException:
        if not parts.frames and not writer.under_way:  # there is nothing to go on with
            parts.remove()
        raise
    notes = [*film.notes, *_notes(film, encoding), *(depths.notes if depths else ())]
    if cuts and max(cuts) >= count:
        notes.append(f"cuts: {max(cuts)} is no frame of it; it has {count}, from 0 on")
    if encoding.encoder:
        comment = _comment(film, moving, seed)
        notes += assemble(parts, out, film, encoding, comment=comment, overwrite=overwrite or parts.resumed)
        notes += _not_kept(film, out, encoding)
    else:
        notes += left_out(film, out.suffix.lower())
    parts.remove()
    return FilmReport(count, notes)


def _by_names(moving: MovingLook) -> MovingLook:
    """The look with its stock and print called by name. Raises LookError, StockFileError before any work is done."""
    look = moving.at()
    stock = load_stock(look.stock)
    return moving.changed(stock=installed_name(look.stock), print=checked_print(stock, look.print))


def _judges(moving: MovingLook) -> bool:
    """Whether anything of the look is decided by what a scene shows: for others no cuts are looked for."""
    lab = moving.look.lab or "lab" in dict(moving.schedules)
    return bool(lab) or load_stock(moving.look.stock).kind == "network"


def _comment(film: Film, moving: MovingLook, seed: int) -> str:
    """What the film's metadata tell: the infotext of its first frame, and what moves after it."""
    entries = infotext.entries(moving.at(seed=seed), seed)
    if moving.is_moving:
        entries[_KEYFRAMES] = json.dumps(dict(moving.schedules))
    return infotext.with_entries("", entries, (film.width, film.height))


def _there(pattern: Path, numbers: Sequence[int]) -> list[Path]:
    """The files of those numbers that there are."""
    try:
        found = pictures_of(str(pattern))
    except PictureError:
        return []
    wanted = numbers if isinstance(numbers, range) else set(numbers)
    return [path for number, path in found if number in wanted and path == numbered(str(pattern), number)]


def _check_targets(film: Film, targets: Sequence[Path], replace: bool) -> None:
    sources = {(about.st_dev, about.st_ino) for about in (path.stat() for path in film.files)}
    for path in targets:
        try:
            about = path.stat()
        except OSError:  # there is none; what else is wrong the writer tells
            continue
        if (about.st_dev, about.st_ino) in sources:
            raise FilmLookError(f"{path}: is the film itself, which is not written over")
        if not replace:
            raise FilmLookError(f"{path}: exists; --overwrite replaces it")


def _job(
    film: Film, moving: MovingLook, seed: int, encoding: Encoding, fps: Fraction | None, cuts: Sequence[int] | None
) -> dict[str, Any]:
    """What a film's frames depend on, as JSON keeps it."""
    about = film.path.stat()
    return {
        "source": [str(film.path.resolve()), about.st_size, about.st_mtime_ns],
        "look": {**moving.to_dict(), "last": moving.last},
        "seed": seed,
        "codec": [encoding.codec.name, encoding.encoder, dict(encoding.options), encoding.bits, encoding.alpha],
        "fps": str(fps) if fps else None,
        "cuts": list(cuts) if cuts is not None else None,
    }


def _notes(film: Film, encoding: Encoding) -> list[str]:
    """What a codec cannot hold of a film."""
    notes = []
    width, height = size_in(film, encoding)
    if (width, height) != (film.width, film.height):
        notes.append(f"{encoding.codec.name} has even sizes alone: {film.width} x {film.height} was cut to {width} x {height}")
    if film.has_alpha and not encoding.alpha:
        notes.append(f"{encoding.codec.name} has no transparency: what was clear shows what lies behind it")
    if film.bits > 8 and encoding.bits == 8:
        notes.append(f"{encoding.codec.name} keeps 8 of {film.bits} bits; --codec h265, prores or ffv1 keep more")
    return notes


def _not_kept(film: Film, out: Path, encoding: Encoding) -> list[str]:
    """What the finished file does not tell of its pictures, as it is read back."""
    read, tags, notes = open_film(out), outgoing_tags(film, encoding), []
    if read.aspect != film.aspect:
        notes.append(f"{out.suffix} does not tell the shape of pixels here, {film.aspect.numerator}:{film.aspect.denominator}")
    if encoding.codec.steps and (read.tags.matrix, read.tags.value_range) != (tags.matrix, tags.value_range):
        notes.append(f"{out.suffix} does not tell the matrix and the range of the colours here: players will take others")
    return notes


def _shown(film: Film, encoding: Encoding, fps: Fraction | None, cuts: Sequence[int] | None) -> Iterator[_Shown]:
    """What is shown, in order."""
    start, last, scene, of_scene = 0, -1, 0, None
    frames = film.frames(encoding.bits, alpha=encoding.alpha)
    for number, frame, lock in in_scenes(frames, lambda frame: frame.pixels, cuts):
        if lock.corrections is None and cuts != ():  # a scene that fades in waits for a frame that shows something
            lock.corrections = ExposureLock.of(frame.pixels).corrections
        if lock is not of_scene:
            scene, of_scene = number, lock
        start = start if number else frame.pts
        in_camera = number if fps is None else int((frame.pts - start) * film.time_base * fps)
        pixels = None if in_camera == last else frame.pixels
        yield _Shown(in_camera, number, scene, frame.pts, frame.duration, pixels, lock)
        last = in_camera


def _run(
    frames: Iterator[_Shown],
    parts: Parts,
    writer: Writer,
    see: Callable[[_Shown], None],
    develop_one: Callable[[_Shown], np.ndarray],
    tell: Callable[[int], None],
) -> int:
    """Develops what is not done yet, and returns how many frames there are. `see` is told of each."""
    waiting: deque[Future[None]] = deque()
    count, done, held, developed = 0, parts.frames, None, None
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as encoder:
        try:
            for shown in _read_ahead(reader, frames):
                count += 1
                see(shown)
                held = shown if shown.pixels is not None else held
                if count <= done:
                    continue
                if held is shown or developed is None:
                    assert held is not None  # the first has a picture
                    developed = develop_one(held)
                while len(waiting) >= _AHEAD:
                    waiting.popleft().result()
                waiting.append(encoder.submit(writer.write, developed, shown.pts, shown.duration))
                tell(count)
            while waiting:
                waiting.popleft().result()
            encoder.submit(writer.finish).result()
        except BaseException:
            encoder.submit(writer.abandon).result()
            raise
    return count


def _read_ahead(pool: ThreadPoolExecutor, items: Iterator[_Shown]) -> Iterator[_Shown]:
    """The items, a few of which are made on the pool's thread before they are asked for."""

    def next_one() -> _Shown | None:
        """On a thread that develops: on any other, PyTorch would split what it does to small frames over all cores."""
        return in_pool(lambda tell: next(items, None), None)

    ahead = deque(pool.submit(next_one) for _ in range(_AHEAD))
    try:
        while (item := ahead.popleft().result()) is not None:
            ahead.append(pool.submit(next_one))
            yield item
    finally:
        for future in ahead:
            future.cancel()
