"""`filmlook develop --ray`: which options go with it, and what became of the pictures."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filmlook.cli.develop import check_written, ending_of, facts_of
from filmlook.cli.line import skipped_files
from filmlook.cli.messages import say, warn
from filmlook.cli.options import DONE, FAILED, chosen_look
from filmlook.errors import LookError

_MOST_TOLD = 100  # failures, a line each: the manifest has them all
_NOT_WITH_RAY = {
    "dialog": "-g chooses one picture",
    "frames": "--frames has each frame wait for the first one",
    "same": "--same has each picture wait for the first one",
    "stages": "--stages is to look inside one picture",
}


def run(args: argparse.Namespace, inputs: list[str]) -> int:
    """Develops a folder on Ray; fails as `filmlook develop` does, and where the manifest cannot be written.

    Raises:
        LookError: called wrongly.
        FilmLookError: what is needed is not installed, there is no cluster, or nothing more can be kept account of.
    """
    _check(args, inputs)
    check_written(args)
    ending, look = ending_of(args.format), chosen_look(args)
    from filmlook.batches import cluster
    from filmlook.batches.cluster import Pool
    from filmlook.batches.listing import add_jobs, pictures
    from filmlook.batches.store import store_at
    from filmlook.batches.worker import Order
    from filmlook.engine import compiled
    from filmlook.files import picture

    if "FILMLOOK_ENGINE" not in os.environ and find_spec("numba"):
        os.environ["FILMLOOK_ENGINE"] = "numba"  # many pictures are worth waiting for the compiler, and all are made alike
    out = store_at(args.output)
    listing, found = pictures(inputs[0], out, recursive=args.recursive, exclude=args.exclude)
    mask = picture.read(args.mask) if args.mask else None
    written = {"quality": args.quality, "lossless": args.lossless, "profile": args.profile}
    told: dict[str, Any] = {"seed": args.seed, **written, "scene_linear": args.scene_linear, "again": args.again}
    if mask is not None:
        from filmlook.engine.mask import mask_hash

        told["mask"] = mask_hash(mask)
    made = json.dumps(told)
    add_jobs(listing, found, out, ending, args.name, facts_of(args, look), look.to_text(), made)
    for failure in listing.failures[:_MOST_TOLD] if args.dry_run else ():
        warn(failure)
    if args.dry_run:
        for job in listing.jobs:
            say(f"{listing.source.shown(job.input)} -> {out.shown(job.output)}")
        say(", ".join([f"{len(listing.jobs)} to do, {listing.done} done: a dry run", *skipped_files(listing.skipped)]))
        return FAILED if listing.failures else DONE
    tally = _Tally(len(listing.jobs), listing.done, listing.passed_over, listing.skipped, listing.failures)
    settings = {"again": args.again, "mask": mask, "tile": args.tile}

    def order_for(pool: Pool) -> Order:
        return Order(
            listing.source, out, look, args.seed, made, written, {**settings, "device": args.device or pool.device},
            scene_linear=args.scene_linear, overwrite=args.overwrite, engine="" if pool.gpu else compiled.choice().engine,
        )  # fmt: skip

    if listing.jobs:
        try:
            with (
                contextlib.redirect_stdout(sys.stderr),  # where Ray's news of dead workers belong
                cluster.cluster(args.ray_address, args.ray_workers, args.ray_gpu, args.device) as pool,
            ):
                _develop(cluster.develop(pool, order_for(pool), listing.jobs), tally)
        except BaseException:
            tally.tell(interrupted=True)
            raise
    tally.tell()
    return FAILED if tally.failures else DONE


def _check(args: argparse.Namespace, inputs: list[str]) -> None:
    """Raises LookError for options that make no sense together."""
    if not args.ray:
        raise LookError("--ray-address, --ray-workers and --ray-gpu say how --ray works, which is not given")
    for option, why in _NOT_WITH_RAY.items():
        if getattr(args, option):
            raise LookError(f"{why}; leave it or --ray out")
    if len(inputs) != 1:
        raise LookError(f"--ray takes one INPUT, a folder or a pattern, not {len(inputs)}")
    if args.output is None:
        raise LookError("no OUT: name a folder with -o")
    if args.ray_workers is not None and args.ray_workers < 1:
        raise LookError(f"--ray-workers is {args.ray_workers}; allowed: 1 and more")
    if args.ray_gpu is not None and not (args.ray_gpu in (0, 1) or 0.01 <= args.ray_gpu < 1):
        raise LookError(f"--ray-gpu is {args.ray_gpu:g}; allowed: 0 (none), or 0.01 to 1")
    if args.device not in (None, "cpu", "cuda"):
        raise LookError(f"--device is {args.device}; allowed with --ray: cpu or cuda, of which Ray gives each worker its own")
    if args.ray_gpu and args.device == "cpu":
        raise LookError("--ray-gpu is for GPUs, and --device says cpu")
    if args.ray_gpu == 0 and (args.device or "").startswith("cuda"):
        raise LookError(f"--ray-gpu 0 is for CPUs, and --device says {args.device}")
    if "://" not in args.output and Path(args.output).is_file():
        raise LookError(f"{args.output} is a file; with --ray OUT is a folder")


class _Tally:
    """What became of the pictures."""

    def __init__(self, wanted: int, done: int, passed_over: int, skipped: int, failures: list[str]) -> None:
        self.counts: Counter[str] = Counter(done=done, passed_over=passed_over, skipped=skipped)
        self.wanted, self.failures = wanted, failures

    def tell(self, interrupted: bool = False) -> None:
        """Says what failed, and how many of each there were."""
        for failure in self.failures[:_MOST_TOLD]:
            warn(failure)
        if (more := len(self.failures) - _MOST_TOLD) > 0:
            warn(f"{more} more failed; the manifest tells each")
        counts = self.counts
        of = f" of {self.wanted}" if interrupted else ""
        told = [f"{counts['developed']}{of} developed, {len(self.failures)} failed"]
        if before := counts["done"]:
            told.append(f"{before} done before")
        if over := counts["passed_over"]:
            told.append(f"{over} already developed (--again develops once more)")
        say(", ".join([*told, *skipped_files(counts["skipped"])]))


def _develop(batches: Any, tally: _Tally) -> None:
    """Keeps account of pictures as they come."""
    from tqdm import tqdm

    with tqdm(total=tally.wanted, unit="picture", disable=None) as bar:
        for rows in batches:
            for row in rows:
                if row.note:
                    warn(f"{row.input}: {row.note}")
                if row.error:
                    tally.failures.append(row.error)
                else:
                    tally.counts["developed" if row.output else "passed_over"] += 1
            bar.update(len(rows))
