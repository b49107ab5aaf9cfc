"""`filmlook develop`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from filmlook.cli import film
from filmlook.cli.line import Tally, develop_all, skipped_files
from filmlook.cli.messages import say, warn
from filmlook.cli.options import DONE, FAILED, add_device, add_settings, chosen_moving_look, name
from filmlook.errors import LookError

if TYPE_CHECKING:
    from filmlook.cli.inputs import Source
    from filmlook.look import Look


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs",
        nargs="*",
        type=name,
        metavar="INPUT",
        help="files, folders or patterns such as 'in/*.png'; films, or a film's frames as 'frame_%%04d.png'",
    )
    parser.add_argument("-i", "--input", action="append", type=name, default=[], metavar="INPUT", help="the same as INPUT")
    parser.add_argument("-g", action="store_true", dest="dialog", help="choose the picture in a dialog")
    text = "a folder, or a file for one input (its ending is the format); a film, or 'frame_%%04d.png' for its frames"
    parser.add_argument("-o", "--output", type=name, metavar="OUT", help=text)
    parser.add_argument("-r", "--recursive", action="store_true", help="take folders with all that lies below them")
    text = "leave out files, and folders, of such a name or path ('*_mask.png'); may be given again"
    parser.add_argument("--exclude", action="append", type=name, default=[], metavar="PATTERN", help=text)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and open no picture")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    text = "develop once more what is developed already, which is passed over"
    parser.add_argument("--again", action="store_true", help=text)
    parser.add_argument("--format", type=name, metavar="ENDING", help="write files of this ending (png, jpg, ...) into OUT")
    text = "how files in OUT are called, such as '{name}-{stock}': {name}, {number}, {stock}, {look} are filled in ({name})"
    parser.add_argument("--name", type=name, default="{name}", metavar="PATTERN", help=text)
    parser.add_argument("--quality", type=int, default=95, metavar="1..100", help="of JPEG, WebP, AVIF and JPEG XL (95)")
    parser.add_argument("--lossless", action="store_true", help="write WebP, AVIF and JPEG XL without loss")
    text = "the colour space of what is written: srgb, p3 or adobe-rgb (srgb)"
    parser.add_argument("--profile", type=name, default="srgb", metavar="SPACE", help=text)
    text = "what is read is the light of a scene, no display code (OpenEXR, RAW and TIFF in floating point are so anyway)"
    parser.add_argument("--scene-linear", action="store_true", help=text)
    text = (
        "of the grain; over a folder each picture has its own from this and its name. Without it: as the picture was generated"
    )
    parser.add_argument("--seed", type=int, help=text)
    parser.add_argument("--frames", action="store_true", help="the inputs are a film's frames: grain moves, the lab does not")
    text = (
        "the pictures are a series: exposure and cast are solved together, so that people and places stay alike; the lab and "
    )
    text += "networks judge the first one, for all"
    parser.add_argument("--same", action="store_true", help=text)
    text = "a picture of the same size: white is developed, black stays as it is, grey is in between"
    parser.add_argument("--mask", type=name, metavar="FILE", help=text)
    text = (
        "a depth map of the same size, white is near, for a look with an aperture (without it one beside the picture is "
        "taken); of a film a film of them, a folder, a pattern, or one picture for all"
    )
    parser.add_argument("--depth", type=name, metavar="FILE", help=text)
    parser.add_argument("--depth-far-white", action="store_true", help="in the depth map white is far")
    text = "also write what leaves each stage into this folder, as 16-bit TIFF, and tell its time"
    parser.add_argument("--stages", type=name, metavar="OUT", help=text)
    film.add_options(parser)
    add_device(parser)
    group = parser.add_argument_group("many pictures, on Ray")
    text = "develop a folder with Ray, on all cores of this machine or on a cluster; IN and OUT may be URLs (s3://, gs://). "
    text += "What is done stands in OUT/manifest: the same command once more does what is missing"
    group.add_argument("--ray", action="store_true", help=text)
    group.add_argument(
        "--ray-address", type=name, metavar="ADDRESS", help="of a cluster, such as head:6379; auto on one of its machines"
    )
    group.add_argument("--ray-workers", type=int, metavar="N", help="how many develop at once (one a core, or a GPU's share)")
    group.add_argument(
        "--ray-gpu", type=float, metavar="SHARE", help="of a GPU that a worker takes (0.25 where there are GPUs)"
    )
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Develops pictures: those that fail are told of at the end, and the others are done.

    Raises:
        LookError: called wrongly.
        FilmLookError: the stock or look is missing or damaged.
    """
    inputs = [*args.inputs, *args.input]
    if args.ray or any(given is not None for given in (args.ray_address, args.ray_workers, args.ray_gpu)):
        from filmlook.cli import develop_ray

        return develop_ray.run(args, inputs)
    if args.dialog:
        inputs.append(_ask_for_file())
    if not inputs:
        raise LookError("no INPUT: name pictures or folders, or choose one with -g")
    if args.output is None and args.stages is None:
        raise LookError("no OUT: name a folder or a file with -o")
    check_written(args)
    look = chosen_moving_look(args)  # before any picture is opened
    if args.depth and not look.may_have("aperture"):
        warn("--depth is not used: the look has no aperture; --aperture or --lens gives it one")
    if film.is_meant(inputs, args.output):
        return film.run(inputs, look, args)
    _refuse_films_options(args)
    from filmlook.cli import inputs as pictures

    out = args.output or args.stages
    ending = ending_of(args.format)
    found = pictures.find(inputs, Path(out), recursive=args.recursive, exclude=args.exclude, in_order=args.frames)
    if look.may_have("aperture"):
        from filmlook.depth.maps import beside

        maps = {beside(source.path) for source in found.sources}  # which are no pictures to develop
        found.sources[:] = [source for source in found.sources if source.path not in maps]
    targets = pictures.targets(found.sources, inputs, out, ending, args.name, facts_of(args, look.look))
    jobs = list(zip(found.sources, targets, strict=True))
    tally = Tally(failures=found.failures, skipped=found.skipped)
    if args.dry_run:
        return _dry_run(jobs, tally, args.overwrite)
    alone = len(inputs) == 1 and Path(inputs[0]).is_file()
    try:
        develop_all(jobs, look, args, tally, alone)
    except KeyboardInterrupt:
        tally.tell(interrupted=len(jobs))
        raise
    tally.tell()
    return FAILED if tally.failures else DONE


def _refuse_films_options(args: argparse.Namespace) -> None:
    given = [
        option for option in ("codec", "crf", "encoder_preset", "rate", "fps", "cuts") if getattr(args, option) is not None
    ]
    if given:
        raise LookError(f"--{given[0].replace('_', '-')} is for films, and OUT is none: name a film, such as film.mp4")


def check_written(args: argparse.Namespace) -> None:
    """Raises LookError where files cannot be written so."""
    from filmlook.files.picture import PROFILES

    if not 1 <= args.quality <= 100:
        raise LookError(f"quality is {args.quality}; allowed: 1 to 100")
    if args.profile not in PROFILES:
        raise LookError(f"profile is {args.profile!r}; allowed: {', '.join(PROFILES)}")


def facts_of(args: argparse.Namespace, look: Look) -> dict[str, str]:
    """What the names of files may tell of the look."""
    return {"stock": look.stock, "look": Path(args.look).stem if args.look else look.stock}


def ending_of(text: str | None) -> str | None:
    """The ending that `--format` means. Raises LookError for one of a kind that is not written."""
    from filmlook.files.kinds import FORMATS

    ending = f".{text.lower().lstrip('.')}" if text else None
    if ending and ending not in FORMATS:
        raise LookError(f"format is {text!r}; allowed: {', '.join(known.lstrip('.') for known in FORMATS)}")
    return ending


def _dry_run(jobs: list[tuple[Source, Path]], tally: Tally, overwrite: bool) -> int:
    """Says what would be done."""
    taken: set[Path] = set()
    for source, target in jobs:
        note = ""
        if target in taken:
            note = "  (another input goes there)"
        elif target.exists():
            note = "  (replaced)" if overwrite else "  (exists)"
        taken.add(target)
        say(f"{source.path} -> {target}{note}")
    for failure in tally.failures:
        warn(failure)
    say(", ".join([f"{len(jobs)} picture{'s' * (len(jobs) != 1)}, none developed: a dry run", *skipped_files(tally.skipped)]))
    return FAILED if tally.failures else DONE


def _ask_for_file() -> str:
    from filmlook.files.kinds import READABLE

    try:
        import tkinter
        from tkinter import filedialog
    except ImportError:
        raise LookError("-g needs Tk, and this Python has none; name the picture instead") from None
    try:
        root = tkinter.Tk()
    except tkinter.TclError:
        raise LookError("-g needs a display, and there is none; name the picture instead") from None
    root.withdraw()
    chosen = filedialog.askopenfilename(
        title="Choose a picture", filetypes=[("Pictures", " ".join(f"*{suffix}" for suffix in READABLE))]
    )
    root.destroy()
    if not chosen:
        raise LookError("no picture was chosen")
    return chosen
