"""What the tab's button "Develop" does: pictures that are there already, one or many, developed and saved."""

from __future__ import annotations

import base64
import html
import io
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

from modules import images, shared, ui_common
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from filmlook.depth.maps import NONE_FOUND, from_file, names_beside
from filmlook.engine.metering import ExposureLock
from filmlook.errors import AlreadyDevelopedError, FilmLookError, PictureError, Stopped
from filmlook.files import infotext
from filmlook.files.picture import FORMATS, Picture, from_pil
from filmlook.look import Look
from filmlook.look_choice import LookChoice
from filmlook.matching.series import series_looks, thumbnail
from filmlook.paths import natural
from filmlook.ui import keyframes
from filmlook.webui import hosts, tab_films
from filmlook.webui.depth_networks import depth_given
from filmlook.webui.hooks import is_developed
from filmlook.webui.processing import failed, film_image, own_seed, people_read

_SHOWN = 24  # of many pictures the last: the browser and the memory hold no more
_NO_PICTURE = "it is no picture, or of a kind that cannot be read here."
_DEVELOPED = "it is developed already; to develop it again, tick the box."


def output_folder() -> str:
    """Where pictures are saved, unless the tab names a folder."""
    return str(shared.opts.outdir_samples or shared.opts.outdir_extras_samples)


@dataclass(frozen=True)
class _Source:
    """A picture to develop: where it lies, or the picture itself, and the name of its file."""

    picture: Any
    file: str = ""
    depth: Path | Picture | None = None
    """Its depth map: a file that came with it, or what was given."""

    @property
    def name(self) -> str:
        """The name for what becomes of it."""
        return Path(self.file).stem

    @property
    def is_film(self) -> bool:
        return isinstance(self.picture, str) and tab_films.is_film(Path(self.picture), self.file)

    def read(self) -> Image.Image:
        try:
            image = self.picture if isinstance(self.picture, Image.Image) else images.read(self.picture)
            image.load()
            return image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow says of damaged files
            raise unreadable(error) from None


def unreadable(error: Exception) -> PictureError:
    """What people read of a file that is no picture, or a damaged one."""
    if isinstance(error, UnidentifiedImageError):  # it would tell where the server keeps uploads
        return PictureError(_NO_PICTURE)
    return PictureError(f"it cannot be read: {people_read(error)}")


def forgiving(preprocess: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A component's `preprocess` that gives a PictureError for a file which it cannot read: gradio would answer with its
    traceback, and nobody would hear why nothing happens."""

    @wraps(preprocess)
    def reading(value: Any) -> Any:
        try:
            return preprocess(value)
        except Exception as error:
            if not isinstance(error, OSError):
                failed("the picture in the tab", error)
            return unreadable(error)

    return reading


def _sources(mode: int, image: Any, files: Any, folder: str) -> list[_Source]:
    if mode == 1:
        uploaded = [(f, f) if isinstance(f, str) else (f.name, getattr(f, "orig_name", f.name)) for f in files or []]
        found = [_Source(path, Path(name).name) for path, name in uploaded]
    elif mode == 2:
        if shared.cmd_opts.hide_ui_dir_config:
            raise PictureError("folders are off: the WebUI runs with --hide-ui-dir-config")
        if not folder or not Path(folder).is_dir():
            raise PictureError(f"{folder!r} is not a folder")
        paths = [path for path in Path(folder).iterdir() if path.suffix.lower() in (*FORMATS, *tab_films.ENDINGS)]
        found = [_Source(str(path), path.name) for path in sorted(paths, key=natural)]
    else:
        if isinstance(image, PictureError):
            raise image
        found = [_Source(image)] if isinstance(image, Image.Image) else []
    if not found:
        raise PictureError("there is no picture to develop")
    return found


def run(
    task: str,
    mode: float,
    mask: str,
    depth: str,
    image: Any,
    files: Any,
    folder: str,
    target: str,
    film: bool,
    series: bool,
    again: bool,
    moving: str,
    *values: Any,
) -> list[Any]:
    """Develops what the tab holds: the only film, for the player and as a file; the gallery's pictures, the last one's
    infotext, and where all of it lies or what went wrong."""
    try:
        chosen = replace(LookChoice.from_values(values), schedules=tuple(keyframes.schedules_of(moving or "").items()))
        sources = _sources(int(mode), image, files, folder)
        if chosen.moving.may_have("aperture"):
            sources = [replace(sources[0], depth=_depth(depth))] if int(mode) == 0 else _with_maps(sources)
        within = _mask(mask) if int(mode) == 0 and mask else None
    except FilmLookError as error:  # the host would log it with its traceback
        failed("nothing is developed", error)
        return [*tab_films.shown(None), [], "", _fault("", people_read(error))]
    shared.state.job_count = len(sources)
    outpath = target if int(mode) == 2 and target else output_folder()
    done: deque[Image.Image] = deque(maxlen=_SHOWN)
    faults, text, saved = [], "", []
    is_series = bool(series) and not film and int(mode) != 0
    work = _Work(chosen, len(sources), Path(outpath), is_film=bool(film), again=bool(again), mask=within, is_series=is_series)
    for source, result in zip(sources, work.developed(sources), strict=False):
        if result is None:
            continue
        name = source.file or "picture"
        if isinstance(result, Exception):
            failed(name, result)
            faults.append(_fault(source.file, people_read(result)))
            continue
        if isinstance(result, _MadeFilm):
            saved.append(str(result.path))
            faults += [_note(source.file, note) for note in result.notes]
            continue
        done.append(result)
        text = infotext.ours(result.info)
        try:
            saved.append(save(result, outpath, source.name))
        except Exception as error:
            failed(f"{name}: not saved", error)
            faults.append(_fault(source.file, f"it is not saved: {people_read(error)}"))
    if work.unblurred:
        faults.append(_note("", NONE_FOUND))
    only = Path(saved[0]) if len(sources) == 1 and saved and not done else None
    report = _where(saved, len(sources)) + "".join(faults)
    return [*tab_films.shown(only), list(done), ui_common.plaintext_to_html(text), report]


def _where(saved: list[str], count: int) -> str:
    """Where what was saved lies; and of many pictures, how many of them are done, whatever stopped the others."""
    if count > 1:
        folder = str(Path(saved[-1]).parent) if saved else ""
        told = f"{len(saved)} of {count} developed, in {folder}" if folder else f"None of {count} developed"
    elif saved:
        told = f"Saved: {saved[0]}"
    else:
        return ""
    return f"<p>{html.escape(told)}</p>"


def _fault(name: str, reason: str) -> str:
    """A line for people: the host can translate the reason, which stands in an element of its own."""
    return f"<p class='error'>{_named(name)}<span>{html.escape(reason)}</span></p>"


def _note(name: str, note: str) -> str:
    """A line for people that tells of no fault."""
    return f"<p>{_named(name)}<span>{html.escape(note)}</span></p>"


def _named(name: str) -> str:
    return f"<b>{html.escape(name)}</b>: " if name else ""


def _mask(data: str) -> Image.Image:
    """The mask that was painted in the viewer, as PNG in base64."""
    try:
        mask = Image.open(io.BytesIO(base64.b64decode(data.rpartition(",")[2])))
        mask.load()
        return mask
    except (OSError, SyntaxError, ValueError):
        raise PictureError("the mask cannot be read") from None


def _depth(order: str) -> Picture | None:
    """The depth map that was chosen in the viewer: JSON with `depth`, a file in base64, and `depth_far_white`."""
    try:
        told = json.loads(order or "{}")
        if told == {}:
            return None
        return depth_given(base64.b64decode(told["depth"]), bool(told["depth_far_white"]))
    except (ValueError, TypeError, KeyError):
        raise PictureError("the depth map cannot be read") from None


def _with_maps(sources: list[_Source]) -> list[_Source]:
    """Those that are pictures, with the depth maps among them that are called as they are (`depth.maps.names_beside`)."""
    files = {source.file: Path(source.picture) for source in sources}
    maps = {file: next((name for name in names_beside(file) if name in files), "") for file in files}
    pictures = [source for source in sources if source.file not in maps.values()]
    return [replace(source, depth=files.get(maps[source.file])) for source in pictures]


@dataclass(frozen=True)
class _MadeFilm:
    """A developed film: where it lies, and what could not be kept as it was."""

    path: Path
    notes: list[str]


@dataclass
class _Work:
    """What is done with each source. Of the frames of a film, `is_film`, the seed is that of the first."""

    chosen: LookChoice
    count: int
    folder: Path
    is_film: bool
    again: bool
    mask: Image.Image | None
    is_series: bool

    def __post_init__(self) -> None:
        self._lock = ExposureLock() if self.is_film else None
        self._seed: int | None = None
        self.unblurred = False
        """Whether a look with an aperture had no depth map to blur by."""

    def developed(self, sources: list[_Source]) -> Iterator[Image.Image | _MadeFilm | Exception | None]:
        """Each source developed; or why it was not; or None for one that the user skipped."""
        state = shared.state
        looks = self._alike(sources) if self.is_series else []
        for number, source in enumerate(sources):
            if hosts.is_over(state):
                return
            state.skipped = False
            state.textinfo = source.name
            try:
                made = self._film(source) if source.is_film else self._picture(source, number, looks[number] if looks else None)
            except Stopped:
                yield None
                continue
            except Exception as error:
                yield error
                continue
            finally:
                state.nextjob()
            if isinstance(made, Image.Image):
                state.assign_current_image(made)
            yield made

    def _alike(self, sources: list[_Source]) -> list[Look]:
        """The looks of a series; what is no picture has the look as it is, and is told of in its turn."""

        def small(source: _Source) -> Tensor | None:
            try:
                return None if source.is_film else thumbnail(source.read())
            except PictureError:
                return None

        return series_looks([small(source) for source in sources], self.chosen.moving)

    def _film(self, source: _Source) -> _MadeFilm:
        def progress(done: int, total: int | None) -> None:
            shared.state.textinfo = f"{source.name}: {done} / {total or '?'}"
            _progress(done / total if total else 0.0)

        how: dict[str, Any] = {"again": self.again, "progress": progress}
        try:
            return _MadeFilm(*tab_films.developed_film(Path(source.picture), source.file, self.chosen, self.folder, **how))
        except AlreadyDevelopedError:
            raise AlreadyDevelopedError(_DEVELOPED) from None

    def _picture(self, source: _Source, number: int, own: Look | None) -> Image.Image:
        before = source.read()
        if not self.again and is_developed(before):
            raise AlreadyDevelopedError(_DEVELOPED)
        if self._seed is None or not self.is_film:
            self._seed = self.chosen.grain_seed(own_seed(before))
        frame = number if self.is_film else None
        look = own or self.chosen.moving.at(frame or 0, seed=self._seed, last=max(1, self.count - 1))
        chosen = replace(self.chosen, look=look, schedules=())
        depth = from_file(source.depth, from_pil(before).pixels) if isinstance(source.depth, Path) else source.depth
        how: dict[str, Any] = {"seed": self._seed, "frame": frame, "lock": self._lock, "mask": self.mask, "depth": depth}
        after, pairs = film_image(before, chosen, progress=_progress, **how)
        self.unblurred |= bool(look.aperture) and infotext.DEPTH not in pairs
        return after


def _progress(share: float) -> None:
    state = shared.state
    state.sampling_steps, state.sampling_step = 100, int(100 * share)
    if state.skipped or hosts.is_over(state):
        raise Stopped


def save(image: Image.Image, outpath: str, name: str) -> str:
    """Saves a picture as the host saves its own; where."""
    texts = {k: v for k, v in image.info.items() if isinstance(v, str)}
    path, _ = images.save_image(
        image,
        outpath,
        "",
        extension=shared.opts.samples_format,
        info=texts.pop("parameters", None),
        short_filename=True,
        no_prompt=True,
        existing_info=texts,
        forced_filename=_free_name(Path(outpath), name) if name and shared.opts.use_original_name_batch else None,
    )
    return str(path)


def _free_name(folder: Path, name: str) -> str:
    """The name, or the first of name-1, name-2 ... that no file has: nothing is written over."""
    names = itertools.chain([name], (f"{name}-{i}" for i in itertools.count(1)))
    return next(n for n in names if not (folder / f"{n}.{shared.opts.samples_format}").exists())
