"""`filmlook develop` of films: videos, animations, and numbered pictures that make one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from filmlook.cli.messages import log_lines, say, warn
from filmlook.cli.options import DONE, FAILED, name
from filmlook.errors import AlreadyDevelopedError, FilmLookError, LookError

if TYPE_CHECKING:
    from filmlook.moving_look import MovingLook

_UNUSED = ("mask", "stages", "scene_linear", "lossless")


def rate(text: str) -> Fraction:
    """Frames a second: `24`, `23.976` or `24000/1001`."""
    try:
        value = Fraction(text).limit_denominator(1_001_000)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of frames a second, such as 24 or 24000/1001") from None
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text} frames a second; allowed: more than 0, up to 1000")
    return value


def frames(text: str) -> list[int]:
    """Numbers of frames, such as `120,340`; `none` is none."""
    if text.strip().lower() == "none":
        return []
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither numbers of frames, such as 120,340, nor none") from None


def add_options(parser: argparse.ArgumentParser) -> None:
    from filmlook.films.codecs import CODECS

    group = parser.add_argument_group("films")
    text = f"what a film is written as: {', '.join(CODECS)} (by OUT's ending)"
    group.add_argument("--codec", type=name, metavar="NAME", help=text)
    text = "quality of h264, h265 and av1, less is better (16, 18, 18: grain is kept), and of WebP, more is better (95)"
    group.add_argument("--crf", type=int, metavar="N", help=text)
    text = "how the encoder weighs time against size: 'veryfast' to 'veryslow' of h264 and h265, 0 to 13 of av1"
    group.add_argument("--encoder-preset", type=name, metavar="NAME", help=text)
    text = "frames a second of numbered pictures (24); 24000/1001 is allowed"
    group.add_argument("--rate", type=rate, metavar="N", help=text)
    text = "frames a second that the film ran with in the camera: at 18, shown at 24, every third one is shown twice"
    group.add_argument("--fps", type=rate, metavar="N", help=text)
    text = "the frames with which scenes begin, '120,340', or 'none'; the lab and networks judge each anew (they are found)"
    group.add_argument("--cuts", type=frames, metavar="N,N", help=text)
    text = "go on with films that an interrupted run has left unfinished (OUT.parts)"
    group.add_argument("--resume", action="store_true", help=text)


def is_meant(inputs: Sequence[str], out: str | None) -> bool:
    """Whether inputs and OUT mean a film: a video or numbered pictures (`%04d`) on either side, or an animation to WebP."""
    from filmlook.films.codecs import FILM_ENDINGS
    from filmlook.films.names import VIDEOS, is_pattern
    from filmlook.films.reading import is_animated

    if any(Path(given).suffix.lower() in VIDEOS or is_pattern(given) for given in inputs):
        return True
    if out is None:
        return False
    ending = Path(out).suffix.lower()
    if ending == ".webp":
        return len(inputs) == 1 and is_animated(Path(inputs[0]))
    return (ending in FILM_ENDINGS and not Path(out).is_dir()) or is_pattern(out)


def run(inputs: Sequence[str], look: MovingLook, args: argparse.Namespace) -> int:
    """Develops films; those that fail are told of at the end.

    Raises:
        LookError: called wrongly.
    """
    given = [option for option in _UNUSED if getattr(args, option)]
    if args.profile != "srgb":
        given.append("profile")
    if given:
        raise LookError(f"--{given[0].replace('_', '-')} is for pictures, and means nothing to a film")
    if args.output is None:
        raise LookError("no OUT: name a film with -o")
    failures: list[str] = []
    if args.depth and len(inputs) > 1:
        raise LookError("--depth has the depth maps of one film, and there are several; develop them apart")
    jobs = _jobs(inputs, args, failures)
    if args.dry_run:
        for source, out in jobs:
            say(f"{_told(source)} -> {out}{'  (exists)' if out.exists() and not args.overwrite else ''}")
    done = 0
    for source, out in [] if args.dry_run else jobs:
        try:
            done += _develop(source, out, look, args)
        except LookError:
            raise
        except FilmLookError as error:
            failures.append(str(error))
        except OSError as error:
            failures.append(f"{out}: {error.strerror or error}")
        except MemoryError:
            failures.append(f"{_told(source)}: out of memory; a smaller --tile needs less")
    for failure in failures:
        warn(failure)
    if len(jobs) > 1 and not args.dry_run:
        say(f"{done} of {len(jobs)} films developed, {len(failures)} failed")
    return FAILED if failures else DONE


def _jobs(inputs: Sequence[str], args: argparse.Namespace, failures: list[str]) -> list[tuple[str | list[Path], Path]]:
    """Films and where each goes."""
    from filmlook.cli import inputs as pictures
    from filmlook.films.codecs import FILM_ENDINGS
    from filmlook.films.names import VIDEOS, is_pattern
    from filmlook.films.reading import is_animated

    def is_film(given: str) -> bool:
        return Path(given).suffix.lower() in VIDEOS or is_pattern(given) or is_animated(Path(given))

    out = Path(args.output)
    films = [given for given in inputs if is_film(given)]
    if not films:
        found = pictures.find(inputs, out, recursive=args.recursive, exclude=args.exclude, in_order=True)
        failures += found.failures
        return [([source.path for source in found.sources], out)] if found.sources else []
    if len(films) < len(inputs):
        other = next(given for given in inputs if given not in films)
        raise LookError(f"{other} is no film, and others are; develop pictures and films apart")
    is_file = is_pattern(out.name) or (out.suffix.lower() in FILM_ENDINGS and not out.is_dir())
    if is_file and len(films) > 1:
        raise LookError(f"{out} is one file, but there are {len(films)} films; name a folder")
    if is_file:
        return [(films[0], out)]
    if out.suffix and not out.is_dir():
        raise LookError(
            f"{out}: unknown ending {out.suffix!r}; allowed: {', '.join(FILM_ENDINGS)}, 'frame_%04d.png', or a folder"
        )
    ending = f".{args.format.lower().lstrip('.')}" if args.format else None
    made: list[tuple[str, Path]] = []
    for given in films:
        own = Path(given).suffix.lower()
        if is_pattern(given):
            raise LookError(f"{given}: name the film that it becomes, such as -o {out}/film.mp4")
        made.append((given, out / Path(given).with_suffix(ending or (own if own in FILM_ENDINGS else ".mp4")).name))
    taken: dict[Path, str] = {}
    for given, path in made:
        if path in taken:
            raise LookError(f"{taken[path]} and {given} would both become {path}; develop them apart, or rename one")
        taken[path] = given
    return [(source, path) for source, path in made]


def _told(source: str | list[Path]) -> str:
    return source if isinstance(source, str) else f"{source[0]} and {len(source) - 1} more"


def _develop(source: str | list[Path], out: Path, look: MovingLook, args: argparse.Namespace) -> bool:
    """Develops one film; whether it was. Raises FilmLookError."""
    from tqdm import tqdm

    from filmlook.films.develop_film import develop_film
    from filmlook.films.parts import parts_folder

    with tqdm(unit="frame", disable=None, smoothing=0.05) as bar, log_lines.about(_told(source)):

        def progress(count: int, total: int | None) -> None:
            if bar.total is None:
                bar.total, bar.initial = total, count - 1
                bar.n = count - 1
            bar.update(count - bar.n)

        try:
            report = develop_film(
                source,
                out,
                look,
                seed=args.seed,
                codec=args.codec,
                crf=args.crf,
                speed=args.encoder_preset,
                rate=args.rate,
                fps=args.fps,
                cuts=args.cuts,
                quality=args.quality,
                resume=args.resume,
                overwrite=args.overwrite,
                again=args.again,
                tile=args.tile,
                device=args.device,
                progress=progress,
                depth=args.depth,
                depth_far_white=args.depth_far_white,
            )
        except AlreadyDevelopedError:
            say(f"{_told(source)}: already developed (--again develops once more)")
            return False
        except KeyboardInterrupt:
            folder = parts_folder(out)
            if folder.is_dir():
                warn(f"{folder}: what is done is kept there; --resume goes on")
            raise
    for note in report.notes:
        warn(f"{_told(source)}: {note}")
    return True
