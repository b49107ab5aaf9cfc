"""Pictures on their way through `filmlook develop`: several side by side, each from its file to its file.

One picture does not keep all cores at work: parts of its development, and of reading and writing files, are done by one thread.
So there is one picture more on its way than there are threads that develop.
"""

from __future__ import annotations

import argparse
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filmlook.cli.messages import log_lines, say, warn
from filmlook.cli.options import make_folder
from filmlook.errors import AlreadyDevelopedError, FilmLookError, LookError, Stopped, fault

if TYPE_CHECKING:
    from filmlook.cli.inputs import Source
    from filmlook.files.picture import Picture
    from filmlook.moving_look import MovingLook

_TOGETHER = 16_000_000  # pixels of all pictures that are developed at once; a larger one is developed alone, in many blocks


@dataclass
class Tally:
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
        counts += skipped_files(self.skipped)
        if len(counts) > 1 or self.failures or max(len(self.written), interrupted) > 1:
            say(", ".join(counts))


def skipped_files(count: int) -> list[str]:
    return [f"{count} file{'s' * (count != 1)} of other kinds skipped"] if count else []


def develop_all(
    jobs: Sequence[tuple[Source, Path]], look: MovingLook, args: argparse.Namespace, tally: Tally, alone: bool
) -> None:
    """Develops each picture to its target, and keeps account of it in their order.

    Raises LookError: the next picture would fare no better.
    """
    from tqdm import tqdm

    from filmlook.engine.threads import thread_count

    most = thread_count() + 1
    with (
        tqdm(total=len(jobs), unit="picture", disable=None, bar_format="{l_bar}{bar}| {n:.2f}/{total} {elapsed}") as bar,
        ThreadPoolExecutor(most) as threads,
    ):
        looks = [look] * len(jobs)
        if args.same and not args.frames:
            looks = _alike([source for source, _ in jobs], look, args, threads)
        line = _Line(looks, args, alone, bar)
        going: deque[tuple[Source, Path, Future[bool]]] = deque()
        claimed: set[Path] = set()

        def settle() -> None:
            source, target, future = going.popleft()
            line.settle(source, target, future, tally)

        try:
            for i, (source, target) in enumerate(jobs):
                if len(going) >= most:
                    settle()
                while target in claimed and going:  # whether that one was written has to be known
                    settle()
                claimed.add(target)
                if target in tally.written:
                    error = FilmLookError(f"{source.path}: another input was already written to {target}")
                    going.append((source, target, _known(error)))
                    line.pass_over(i)
                else:
                    going.append((source, target, threads.submit(line.through, i, source, target)))
            while going:
                settle()
        finally:
            line.stop()
            while going:  # what was developed is written, whatever befell another one
                source, target, future = going.popleft()
                future.cancel()
                line.settle(source, target, future, tally)


def _known(error: Exception) -> Future[bool]:
    future: Future[bool] = Future()
    future.set_exception(error)
    return future


class _Line:
    """What is done to each picture, on a thread of its own."""

    def __init__(self, looks: Sequence[MovingLook], args: argparse.Namespace, alone: bool, bar: Any) -> None:
        from filmlook.engine.metering import ExposureLock

        self._looks, self._args, self._alone, self._bar = looks, args, alone, bar
        self._lock = ExposureLock() if args.frames or args.same else None
        self._room = _Room(in_order=self._lock is not None or args.stages is not None)
        self._stopped = threading.Event()
        self._shares: dict[int, float] = {}

    def stop(self) -> None:
        """Ends what is being developed; what is being written is written."""
        self._stopped.set()

    def pass_over(self, index: int) -> None:
        """Nobody need wait for a picture's turn."""
        self._room.leave(index)

    def through(self, index: int, source: Source, target: Path) -> bool:
        """Takes a picture from its file to its file; whether one was written. Raises whatever befalls it."""
        with log_lines.about(source.path):
            try:
                shown = self._read(source, target)
                height, width = shown.pixels.shape[:2]
                with self._room.taken(index, height * width):
                    film = self._developed(source, shown, index)
            finally:
                self._room.leave(index)
            if film:
                self._write(target, film)
        self._advance(index, 1.0)
        return True

    def settle(self, source: Source, target: Path, done: Future[bool], tally: Tally) -> None:
        """Waits for a picture, and keeps account of it. Raises LookError: the next would fare no better."""
        try:
            done.result()
            tally.written.add(target)
        except (Stopped, CancelledError):
            pass
        except LookError:
            raise
        except AlreadyDevelopedError:
            tally.developed_already += 1
        except Exception as error:  # whatever befell this picture, the others are done
            if self._args.debug or not isinstance(error, (FilmLookError, OSError, MemoryError)):
                traceback.print_exception(error)
            tally.failures.append(fault(str(source.path), error))

    def _advance(self, index: int, share: float) -> None:
        if self._stopped.is_set() and share < 1:
            raise Stopped
        self._shares[index] = share
        self._bar.update(sum(self._shares.copy().values()) - self._bar.n)

    def _read(self, source: Source, target: Path) -> Picture:
        from filmlook.files import picture

        if self._args.output and target.exists() and not self._args.overwrite:
            raise FilmLookError(f"{target}: exists; --overwrite replaces it")
        return picture.read(source.path, scene_linear=self._args.scene_linear)

    def _developed(self, source: Source, shown: Picture, index: int) -> Picture | None:
        """The picture on film; None: its stages alone are wanted."""
        from filmlook.engine.develop import film_picture
        from filmlook.files import picture

        args, look, frame = self._args, self._looks[index], index if self._args.frames else None
        for note in shown.notes:
            warn(f"{source.path}: {note}")
        seed = _seed(args.seed, source, shown, self._alone or frame is not None)
        settings: dict[str, Any] = {"seed": seed, "frame": frame, "lock": self._lock, "tile": args.tile, "device": args.device}
        if look.may_have("aperture"):
            settings["depth"] = _depth(args, source, shown)
        if args.stages:
            from filmlook.cli.stages import write_stages

            write_stages(Path(args.stages), source, shown, look, settings, args.overwrite)
        if args.mask:
            settings["mask"] = picture.read(args.mask)  # its fault is told by its name
        if not args.output:
            return None

        def advance(share: float) -> None:
            self._advance(index, min(share, 0.99))

        return film_picture(shown, look, again=args.again, progress=advance, **settings)

    def _write(self, target: Path, film: Picture) -> None:
        from filmlook.files import picture

        args = self._args
        make_folder(target.parent)
        written = {"quality": args.quality, "lossless": args.lossless, "profile": args.profile, "overwrite": args.overwrite}
        picture.write(target, film, **written)


def _alike(
    sources: Sequence[Source], look: MovingLook, args: argparse.Namespace, threads: ThreadPoolExecutor
) -> list[MovingLook]:
    """The looks of a series; what cannot be read has the look as it is, and is told of in its turn."""
    from filmlook.files import picture
    from filmlook.matching.series import series_looks, thumbnail
    from filmlook.moving_look import MovingLook

    def small(source: Source) -> Any:
        try:
            return thumbnail(picture.read(source.path, scene_linear=args.scene_linear))
        except (FilmLookError, OSError, MemoryError):
            return None

    return [MovingLook(one) for one in series_looks(list(threads.map(small, sources)), look)]


def _depth(args: argparse.Namespace, source: Source, shown: Picture) -> Picture | None:
    """The depth map of a picture; None: there is none."""
    from filmlook.depth.maps import depth_of, inverted
    from filmlook.files import picture

    found = picture.read(args.depth) if args.depth else depth_of(shown.pixels, source.path)
    return inverted(found) if found and args.depth_far_white else found


class _Room:
    """Lets pictures be developed side by side as long as they are small, and one by one where each has to wait for its turn."""

    def __init__(self, in_order: bool) -> None:
        self._in_order, self._free = in_order, _TOGETHER
        self._left: set[int] = set()
        self._turn = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, index: int, pixels: int) -> Iterator[None]:
        """Waits for room, and has it meanwhile."""
        share = min(pixels, _TOGETHER)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= share and (not self._in_order or self._turn == index))
            self._free -= share
        try:
            yield
        finally:
            with self._changed:
                self._free += share
                self._changed.notify_all()

    def leave(self, index: int) -> None:
        """A picture is developed, or will not be: those after it need not wait for it."""
        with self._changed:
            self._left.add(index)
            while self._turn in self._left:
                self._left.remove(self._turn)
                self._turn += 1
            self._changed.notify_all()


def _seed(seed: int | None, source: Source, shown: Picture, as_told: bool) -> int | None:
    """The seed of a picture's grain; None: that of its infotext."""
    from filmlook.files.infotext import seed_in_folder

    return seed if as_told else seed_in_folder(seed, source.below.as_posix(), shown.text.values(), shown.pixels)
