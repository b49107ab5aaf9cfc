"""Deforum's films. It makes its passes without always-on scripts and feeds frames back, so they stay as they are; when a film
is complete, frames and video are developed beside them:

    OUTDIR/TIMESTRING_000000000.png ...   OUTDIR/film-look/TIMESTRING_000000000.png ...
    OUTDIR/TIMESTRING.mp4                 OUTDIR/TIMESTRING-film-look.mp4

The look is the accordion's of txt2img as it stood when Deforum's Generate was pressed last, if its switch is on; or what a
settings file, or a program's `deforum_settings`, says under `film_look`, as in `alwayson_scripts`. Deforum's names, and the
order of its work, are those of its version of March 2024.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from modules import script_callbacks, shared

from filmlook.errors import FilmLookError, Stopped
from filmlook.look_choice import LookChoice
from filmlook.webui import hosts
from filmlook.webui.accordion import Accordion
from filmlook.webui.arguments import asked_by
from filmlook.webui.film_video import Encoder, develop_video, make_video
from filmlook.webui.frame_folder import develop_frames
from filmlook.webui.processing import failed

FOLDER = "film-look"
"""Where developed frames lie, beside the frames; and what the name of a developed video ends with."""

_GENERATE = "deforum_generate"
_KEY = "film_look"
_PROGRAMS = "batch("  # what the first argument of Deforum's run begins with where its API calls it; a page sends its task


@dataclass
class _Film:
    """One film that Deforum makes: its settings, the objects that it works with.

    Attributes:
        asked: what a settings file says of it, as `alwayson_scripts`; None: nothing, and the page decides.
        seed: that of its first frame.
    """

    args: Any
    video: Any
    root: Any
    asked: Any
    seed: int


@dataclass
class _Run:
    """One run of Deforum's, of one film or several."""

    by_program: bool
    film: _Film | None = None
    lines: tuple[str, ...] = ()

    def finish(self, why_not: str = "") -> None:
        """Develops the film that is at hand, once; or tells why not."""
        film, self.film = self.film, None
        if film is None:
            return
        try:
            choice = _choice_of(film, self.by_program)
            line = _developed(film, choice, why_not) if choice else ""
        except Stopped:
            line = "stopped: what is developed lies beside the frames"
        except Exception as error:
            line = f"Deforum's film stays as it is: {failed('Deforum', error)}"
        if line:
            print(f"Film Look: {line}")
            self.lines += (line,)


class _Page:
    """What the page holds: the accordion, and its values when Deforum's Generate was pressed last."""

    accordion: Accordion | None = None
    values: Sequence[Any] = ()


_page = _Page()
_local = threading.local()


def offer(accordion: Accordion) -> None:
    """The accordion of txt2img that the host is building the page with."""
    _page.accordion = accordion


def register() -> None:
    """Listens for Deforum's button."""

    def on_after_component(component: Any, **more: Any) -> None:
        if more.get("elem_id") == _GENERATE and (accordion := _page.accordion):
            inputs = [accordion.enabled, accordion.more["deforum"], *accordion.controls.all]
            component.click(fn=_pressed, inputs=inputs, outputs=[], queue=False, show_progress=False)

    script_callbacks.on_after_component(on_after_component)


def _pressed(*values: Any) -> None:
    _page.values = values


def frames() -> list[tuple[Any, str, Callable[[Any], Any]]]:
    """What is framed of Deforum: module or class, name, and what is called instead; nothing where it is not installed."""
    module, page = hosts.deforum()
    if module is None:
        return []
    found = [(module, "run_deforum", _run), (page, "run_deforum", _run), (module, "process_args", _begun)]
    found += [
        (module, "handle_imgs_deletion", _completed),
        (getattr(module, "JobStatusTracker", None), "complete_job", _completed),
    ]
    return [(owner, name, made) for owner, name, made in found if callable(getattr(owner, name, None))]


def _run(original: Any) -> Any:
    """Deforum's whole run: what is complete is developed, at the latest now, and told below its pictures."""

    @wraps(original)
    def run_deforum(*args: Any, **kwargs: Any) -> Any:
        _local.run = run = _Run(by_program=str(args[0] if args else "").startswith(_PROGRAMS))
        try:
            result = original(*args, **kwargs)
        finally:
            _local.run = None
        run.finish("" if result and result[0] is not None else "its run failed")
        if not run.lines or not result:
            return result
        told = "".join(f"<p>Film Look: {html.escape(line)}</p>" for line in run.lines)
        return (*result[:-1], f"{result[-1] or ''}{told}")

    return run_deforum


def _begun(original: Any) -> Any:
    """`process_args`, which makes a film's settings; whatever film came before it is complete."""

    @wraps(original)
    def process_args(values: Any, number: int, *args: Any, **kwargs: Any) -> Any:
        run: _Run | None = getattr(_local, "run", None)
        if run:
            run.finish()
        made = original(values, number, *args, **kwargs)
        if run and made[0] is not False:
            try:
                root, settings, _, video = made[1:5]
                run.film = _Film(settings, video, root, _in_file(values, number), int(settings.seed))
            except Exception as error:
                run.lines += (f"Deforum's film stays as it is: {failed('Deforum', error)}",)
        return made

    return process_args


def _completed(original: Any) -> Any:
    """Any of Deforum's functions that it calls when a film is complete: before it deletes frames, before it says so."""

    @wraps(original)
    def complete(*args: Any, **kwargs: Any) -> Any:
        if run := getattr(_local, "run", None):
            run.finish()
        return original(*args, **kwargs)

    return complete


def _in_file(values: Any, number: int) -> Any:
    """What the settings file of a film says under `film_look`; None where there is no file, or it says nothing."""
    if not values.get("override_settings_with_file"):
        return None
    with open(values["custom_settings_file"][number].name, encoding="utf-8") as file:
        return json.load(file).get(_KEY)


def _choice_of(film: _Film, by_program: bool) -> LookChoice | None:
    """The look that was asked for; None: none was.

    Raises:
        LookError: what was asked for is not allowed.
    """
    if film.asked is not None:
        asked = asked_by([film.asked])
        return asked.choice if asked else None
    if by_program or not _page.values or not all(_page.values[:2]):  # the accordion is off, or its switch
        return None
    return LookChoice.from_values(_page.values[2:])


def _developed(film: _Film, choice: LookChoice, why_not: str) -> str:
    """Develops a film; in one line, what was made of it."""
    folder, name = Path(film.args.outdir), str(film.root.timestring)
    found = _frames_in(folder, name)
    if hosts.is_over(shared.state):
        why_not = "it was interrupted"
    if not found:
        return "" if why_not else f"there are no frames in {folder}"
    if why_not:
        told = f"{len(found)} frames in {folder} stay undeveloped, as {why_not}"
        return f"{told}: resume it, or develop them as a film in the tab Film Look"
    seed = choice.grain_seed(film.seed)
    done = develop_frames(found, folder / FOLDER, choice, seed)
    told = f"{len(done)} frames developed, in {folder / FOLDER}"
    if film.video.skip_video_creation:
        return told
    like, target = folder / f"{name}.mp4", folder / f"{name}-{FOLDER}.mp4"
    place, crf, preset = hosts.deforum()[0].get_ffmpeg_params()
    encoder = Encoder(str(place), int(crf), str(preset))
    try:
        make_video(done, float(film.video.fps), like if like.is_file() else None, target, encoder)
    except FilmLookError as error:
        return f"{told}; no video: {error}"
    told += f", video: {target}"
    if film.video.delete_imgs:  # whoever wants videos alone
        told = f"{len(done)} frames developed, video: {target}"
        for path in done:
            path.unlink()
        with suppress(OSError):  # frames of other films lie there
            (folder / FOLDER).rmdir()
    return "; ".join([told, *_others(folder, name, choice, seed, encoder)])


def _others(folder: Path, name: str, choice: LookChoice, seed: int, encoder: Encoder) -> list[str]:
    """Develops the videos that Deforum made of the film by upscaling and interpolation; a line on each that is not."""
    lines = []
    for path in sorted(folder.glob(f"{name}_*.mp4")):
        if path.stem.endswith("_preview"):
            continue
        target = path.with_name(f"{path.stem}-{FOLDER}.mp4")
        try:
            develop_video(path, target, choice, seed, encoder)
        except FilmLookError as error:
            lines.append(f"{path.name} stays undeveloped: {error}")
    return lines


def _frames_in(folder: Path, name: str) -> list[tuple[int, Path]]:
    """Number and file of a film's frames, in their order; not the maps of depth that lie among them."""
    pattern = re.compile(rf"{re.escape(name)}_([0-9]{{9}})\.png")
    found = ((pattern.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in found if match)
