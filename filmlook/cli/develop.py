"""`filmlook develop`."""

from __future__ import annotations

import argparse
import hashlib
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filmlook.cli.messages import log_lines, say, warn
from filmlook.cli.options import DONE, FAILED, add_device, add_settings, chosen_look, make_folder, name
from filmlook.errors import AlreadyDevelopedError, FilmLookError, LookError

if TYPE_CHECKING:
    from filmlook.cli.inputs import Source
    from filmlook.files.picture import Picture
    from filmlook.look import Look


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="*", type=name, metavar="INPUT", help="files, folders or patterns such as 'in/*.png'")
    parser.add_argument("-i", "--input", action="append", type=name, default=[], metavar="INPUT", help="the same as INPUT")
    parser.add_argument("-g", action="store_true", dest="dialog", help="choose the picture in a dialog")
    text = "a folder, or a file for one input (its ending is the format)"
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
    text = "the lab and networks judge the first picture, for all (else each for itself)"
    parser.add_argument("--same", action="store_true", help=text)
    text = "a picture of the same size: white is developed, black stays as it is, grey is in between"
    parser.add_argument("--mask", type=name, metavar="FILE", help=text)
    text = (
        "a depth map of the same size, white is near, for a look with an aperture; without it one beside the picture is taken"
    )
    parser.add_argument("--depth", type=name, metavar="FILE", help=text)
    parser.add_argument("--depth-far-white", action="store_true", help="in the depth map white is far")
    text = "also write what leaves each stage into this folder, as 16-bit TIFF, and tell its time"
    parser.add_argument("--stages", type=name, metavar="OUT", help=text)
    add_device(parser)
    add_settings(parser)


@dataclass
class _Tally:
    """What became of the pictures."""

    written: set[Path] = field(default_factory=set)
    developed_already: int = 0
    failures: list[str] = field(default_factory=list)
    skipped: int = 0

    def tell(self, interrupted: int = 0) -> None:
        """Says what failed, and how many of each there were; of one picture that came out well, nothing. Where it was
        interrupted, of how many."""
        for failure in self.failures:
            warn(failure)
        of = f" of {interrupted}" if interrupted else ""
        counts = [f"{len(self.written)}{of} developed, {len(self.failures)} failed"]
        if self.developed_already:
            counts.append(f"{self.developed_already} already developed (--again develops once more)")
        counts += _skipped(self.skipped)
        if len(counts) > 1 or self.failures or max(len(self.written), interrupted) > 1:
            say(", ".join(counts))


def _skipped(count: int) -> list[str]:
    return [f"{count} file{'s' * (count != 1)} of other kinds skipped"] if count else []


def run(args: argparse.Namespace) -> int:
    """Develops pictures: those that fail are told of at the end, and the others are done.

    Raises:
        LookError: called wrongly.
        FilmLookError: the stock or look is missing or damaged.
    """
    inputs = [*args.inputs, *args.input]
    if args.dialog:
        inputs.append(_ask_for_file())
    if not inputs:
        raise LookError("no INPUT: name pictures or folders, or choose one with -g")
    if args.output is None and args.stages is None:
        raise LookError("no OUT: name a folder or a file with -o")
    if not 1 <= args.quality <= 100:
        raise LookError(f"quality is {args.quality}; allowed: 1 to 100")
    look = chosen_look(args)  # before any picture is opened
    from filmlook.cli import inputs as pictures
    from filmlook.files.picture import PROFILES

    if args.profile not in PROFILES:
        raise LookError(f"profile is {args.profile!r}; allowed: {', '.join(PROFILES)}")

    out = args.output or args.stages
    ending = _ending(args.format)
    found = pictures.find(inputs, Path(out), recursive=args.recursive, exclude=args.exclude, in_order=args.frames)
    if look.aperture:
        from filmlook.depth.maps import beside

        maps = {beside(source.path) for source in found.sources}  # which are no pictures to develop
        found.sources[:] = [source for source in found.sources if source.path not in maps]
    facts = {"stock": look.stock, "look": Path(args.look).stem if args.look else look.stock}
    targets = pictures.targets(found.sources, inputs, out, ending, args.name, facts)
    jobs = list(zip(found.sources, targets, strict=True))
    tally = _Tally(failures=found.failures, skipped=found.skipped)
    if args.dry_run:
        return _dry_run(jobs, tally, args.overwrite)
    alone = len(inputs) == 1 and Path(inputs[0]).is_file()
    try:
        _develop(jobs, look, args, tally, alone)
    except KeyboardInterrupt:
        tally.tell(interrupted=len(jobs))
        raise
    tally.tell()
    return FAILED if tally.failures else DONE


def _ending(text: str | None) -> str | None:
    from filmlook.files.kinds import FORMATS

    ending = f".{text.lower().lstrip('.')}" if text else None
    if ending and ending not in FORMATS:
        raise LookError(f"format is {text!r}; allowed: {', '.join(known.lstrip('.') for known in FORMATS)}")
    return ending


def _dry_run(jobs: list[tuple[Source, Path]], tally: _Tally, overwrite: bool) -> int:
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
    say(", ".join([f"{len(jobs)} picture{'s' * (len(jobs) != 1)}, none developed: a dry run", *_skipped(tally.skipped)]))
    return FAILED if tally.failures else DONE


def _develop(jobs: list[tuple[Source, Path]], look: Look, args: argparse.Namespace, tally: _Tally, alone: bool) -> None:
    """Develops each picture to its target, and keeps account of it."""
    from tqdm import tqdm

    with (
        tqdm(total=len(jobs), unit="picture", disable=None, bar_format="{l_bar}{bar}| {n:.2f}/{total} {elapsed}") as bar,
        ThreadPoolExecutor(1) as reader,
        ThreadPoolExecutor(1) as writer,
    ):
        line = _Line(look, args, tally, alone, writer)
        ahead: Future[Picture] | None = None
        try:
            for i, (source, target) in enumerate(jobs):
                shown = ahead or reader.submit(line.read, *jobs[i])
                ahead = reader.submit(line.read, *jobs[i + 1]) if i + 1 < len(jobs) else None

                def advance(share: float, done: int = i) -> None:
                    bar.update(done + share - bar.n)

                with log_lines.about(source.path):
                    line.develop(source, target, shown, i, advance)
                advance(1)
        finally:
            line.settle()  # what was developed is written, whatever befell the next one


class _Line:
    """Pictures on their way: while one is developed, the next is read and the last one written."""

    def __init__(self, look: Look, args: argparse.Namespace, tally: _Tally, alone: bool, writer: ThreadPoolExecutor) -> None:
        from filmlook.engine.metering import ExposureLock

        self._look, self._args, self._tally, self._alone, self._writer = look, args, tally, alone, writer
        self._lock = ExposureLock() if args.frames or args.same else None
        self._written: tuple[Source, Path, Future[None]] | None = None

    def read(self, source: Source, target: Path) -> Picture:
        """A picture as it is read, if it is to be developed."""
        from filmlook.files import picture

        if self._args.output and target.exists() and not self._args.overwrite:
            raise FilmLookError(f"{target}: exists; --overwrite replaces it")
        with log_lines.about(source.path):
            return picture.read(source.path, scene_linear=self._args.scene_linear)

    def develop(
        self, source: Source, target: Path, read: Future[Picture], index: int, progress: Callable[[float], None]
    ) -> None:
        """Develops a picture, and hands it to the writer. Raises LookError: the next would fare no better."""
        if self._written and self._written[1] == target:
            self.settle()
        if target in self._tally.written:
            self._failed(source, FilmLookError(f"{source.path}: another input was already written to {target}"))
            return
        try:
            film = self._developed(source, read.result(), index, progress)
        except LookError:
            raise
        except AlreadyDevelopedError:
            self._tally.developed_already += 1
        except Exception as error:  # whatever befell this picture, the others are done
            self.settle()  # what came before it is told of before it
            self._failed(source, error)
        else:
            self.settle()
            if film:
                self._written = source, target, self._writer.submit(self._write, source, target, film)
            else:
                self._tally.written.add(target)

    def settle(self) -> None:
        """Waits until the last picture is written."""
        if self._written is None:
            return
        source, target, written = self._written
        self._written = None
        try:
            written.result()
            self._tally.written.add(target)
        except LookError:
            raise
        except Exception as error:  # a full disk: there may be room for the next
            self._failed(source, error)

    def _developed(self, source: Source, shown: Picture, index: int, progress: Callable[[float], None]) -> Picture | None:
        """The picture on film; None: its stages alone are wanted."""
        from filmlook.engine.develop import film_picture
        from filmlook.files import picture

        args, frame = self._args, index if self._args.frames else None
        for note in shown.notes:
            warn(f"{source.path}: {note}")
        seed = _seed(args.seed, source, shown, self._alone or frame is not None)
        settings: dict[str, Any] = {"seed": seed, "frame": frame, "lock": self._lock, "tile": args.tile, "device": args.device}
        if self._look.aperture:
            settings["depth"] = _depth(args, source, shown)
        if args.stages:
            from filmlook.cli.stages import write_stages

            write_stages(Path(args.stages), source, shown, self._look, settings, args.overwrite)
        if args.mask:
            settings["mask"] = picture.read(args.mask)  # its fault is told by its name
        if not args.output:
            return None
        return film_picture(shown, self._look, again=args.again, progress=progress, **settings)

    def _write(self, source: Source, target: Path, film: Picture) -> None:
        from filmlook.files import picture

        args = self._args
        with log_lines.about(source.path):
            make_folder(target.parent)
            written = {"quality": args.quality, "lossless": args.lossless, "profile": args.profile, "overwrite": args.overwrite}
            picture.write(target, film, **written)

    def _failed(self, source: Source, error: Exception) -> None:
        if self._args.debug or not isinstance(error, (FilmLookError, OSError, MemoryError)):
            traceback.print_exception(error)
        self._tally.failures.append(_fault(source.path, error))


def _depth(args: argparse.Namespace, source: Source, shown: Picture) -> Picture | None:
    """The depth map of a picture; None: there is none."""
    from filmlook.depth.maps import depth_of, inverted
    from filmlook.files import picture

    found = picture.read(args.depth) if args.depth else depth_of(shown.pixels, source.path)
    return inverted(found) if found and args.depth_far_white else found


def _seed(seed: int | None, source: Source, shown: Picture, as_told: bool) -> int | None:
    """The seed of a picture's grain; None: that of its infotext.

    Over a folder it is made of the seed and the name: pictures that are alike, as variants of one are, would else show one and
    the same pattern of grain.
    """
    from filmlook.files.infotext import made_with, own_seed

    if as_told:
        return seed
    if seed is None:
        if made_with(shown.text.values()) is not None:
            return None
        seed = own_seed((), shown.pixels)
    return int.from_bytes(hashlib.sha256(f"{seed}/{source.below.as_posix()}".encode(errors="replace")).digest()[:4], "big")


def _fault(path: Path, error: Exception) -> str:
    if isinstance(error, MemoryError) or "out of memory" in str(error) or "allocate memory" in str(error):
        return f"{path}: out of memory; a smaller --tile needs less"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, (FilmLookError, OSError)) and str(path.name) in text else f"{path}: {text}"


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
