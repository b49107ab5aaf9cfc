"""What the tab's button "Develop" does: pictures that are there already, one or many, developed and saved."""

from __future__ import annotations

import base64
import html
import io
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from modules import images, shared, ui_common
from PIL import Image, UnidentifiedImageError

from filmlook.engine.metering import ExposureLock
from filmlook.errors import AlreadyDevelopedError, FilmLookError, PictureError, Stopped
from filmlook.files import infotext
from filmlook.files.picture import FORMATS
from filmlook.look_choice import LookChoice
from filmlook.paths import natural
from filmlook.webui import hosts
from filmlook.webui.hooks import is_developed
from filmlook.webui.processing import failed, film_image, own_seed, people_read

_SHOWN = 24  # of many pictures the last: the browser and the memory hold no more
_VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv")
_A_VIDEO = "it is a video, and pictures are developed here."
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

    @property
    def name(self) -> str:
        """The name for what becomes of it."""
        return Path(self.file).stem

    def read(self) -> Image.Image:
        if Path(self.file).suffix.lower() in _VIDEOS:
            raise PictureError(_A_VIDEO)
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
        paths = [path for path in Path(folder).iterdir() if path.suffix.lower() in (*FORMATS, *_VIDEOS)]
        found = [_Source(str(path), path.name) for path in sorted(paths, key=natural)]
    else:
        if isinstance(image, PictureError):
            raise image
        found = [_Source(image)] if isinstance(image, Image.Image) else []
    if not found:
        raise PictureError("there is no picture to develop")
    return found


def run(
    task: str, mode: float, mask: str, image: Any, files: Any, folder: str, target: str, film: bool, again: bool, *values: Any
) -> list[Any]:
    """Develops what the tab holds: the gallery's pictures, the last one's infotext, and where they lie or what went wrong."""
    try:
        chosen = LookChoice.from_values(values)
        sources = _sources(int(mode), image, files, folder)
        within = _mask(mask) if int(mode) == 0 and mask else None
    except FilmLookError as error:  # the host would log it with its traceback
        failed("nothing is developed", error)
        return [[], "", _fault("", people_read(error))]
    shared.state.job_count = len(sources)
    outpath = target if int(mode) == 2 and target else output_folder()
    done: deque[Image.Image] = deque(maxlen=_SHOWN)
    faults, text, saved = [], "", []
    for source, result in zip(sources, _developed(sources, chosen, bool(film), bool(again), within), strict=False):
        if result is None:
            continue
        name = source.file or "picture"
        if isinstance(result, Exception):
            failed(name, result)
            faults.append(_fault(source.file, people_read(result)))
            continue
        done.append(result)
        text = infotext.ours(result.info)
        try:
            saved.append(save(result, outpath, source.name))
        except Exception as error:
            failed(f"{name}: not saved", error)
            faults.append(_fault(source.file, f"it is not saved: {people_read(error)}"))
    return [list(done), ui_common.plaintext_to_html(text), _where(saved, len(sources)) + "".join(faults)]


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
    named = f"<b>{html.escape(name)}</b>: " if name else ""
    return f"<p class='error'>{named}<span>{html.escape(reason)}</span></p>"


def _mask(data: str) -> Image.Image:
    """The mask that was painted in the viewer, as PNG in base64."""
    try:
        mask = Image.open(io.BytesIO(base64.b64decode(data.rpartition(",")[2])))
        mask.load()
        return mask
    except (OSError, SyntaxError, ValueError):
        raise PictureError("the mask cannot be read") from None


def _developed(
    sources: list[_Source], chosen: LookChoice, film: bool, again: bool, mask: Image.Image | None
) -> Iterator[Image.Image | Exception | None]:
    """Each picture developed; or why it was not; or None for one that the user skipped."""
    state, lock = shared.state, ExposureLock() if film else None
    seed: int | None = None

    def progress(share: float) -> None:
        state.sampling_steps, state.sampling_step = 100, int(100 * share)
        if state.skipped or hosts.is_over(state):
            raise Stopped

    for number, source in enumerate(sources):
        if hosts.is_over(state):
            return
        state.skipped = False
        state.textinfo = source.name
        try:
            before = source.read()
            if not again and is_developed(before):
                raise AlreadyDevelopedError(_DEVELOPED)
            if seed is None or not film:
                seed = chosen.grain_seed(own_seed(before))
            frame = number if film else None
            after, _ = film_image(before, chosen, seed=seed, frame=frame, lock=lock, progress=progress, mask=mask)
        except Stopped:
            yield None
            continue
        except Exception as error:
            yield error
            continue
        finally:
            state.nextjob()
        state.assign_current_image(after)
        yield after


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
