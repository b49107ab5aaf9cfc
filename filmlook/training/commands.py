"""`filmlook train`: one command for each step, and one that runs the two-step way from end to end."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filmlook.errors import FilmLookError, LookError
from filmlook.training.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from filmlook.training.data import Example
    from filmlook.training.film import Job
    from filmlook.training.scores import Scores

# What trains is imported by the step that does it: a list of the options needs no PyTorch, which takes a second.


def add_commands(parser: argparse.ArgumentParser, common: Callable[[argparse.ArgumentParser], None]) -> None:
    """Adds a command for each step to the parser of `filmlook train`; `common` adds what all commands have."""
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def step(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        added = steps.add_parser(name, help=text, description=text)
        common(added)

        def report_done(args: argparse.Namespace) -> int:
            run(args)
            return 0

        added.set_defaults(run=report_done)
        added.add_argument("-o", "--output", required=True, type=Path, metavar="OUT")
        added.add_argument("--device", help="cpu, cuda, ... (a GPU where there is one)")
        return added

    film = step("film", _film, "Train a film on aligned pairs, or on photographs and a stock that makes their film side.")
    generator = step("generator", _film, "Train a generator: the same, from film to digital.")
    for added in (film, generator):
        added.add_argument("--before", nargs="+", type=Path, default=[], metavar="FOLDER", help="photographs of the pairs")
        added.add_argument(
            "--after", nargs="+", type=Path, default=[], metavar="FOLDER", help="their film sides, by the same names"
        )
        added.add_argument("--start", type=Path, metavar="WEIGHTS", help="go on from these weights")
        _add_photographs(added)
        _add_recipe(added)
    generator.set_defaults(generator=True)

    label = step("label", _label, "Write what a generator makes of scans: their digital side, one PNG for each.")
    label.add_argument("--generator", required=True, type=Path, metavar="WEIGHTS")
    label.add_argument("--scans", required=True, type=Path, metavar="FOLDER")
    label.add_argument("--overwrite", action="store_true", help="replace labels that exist")

    both = step("two-step", _two_step, "Make a film of scans without digital originals: generator, label, film, fine-tuning.")
    both.add_argument("--scans", required=True, type=Path, metavar="FOLDER")
    _add_photographs(both)
    _add_recipe(both)

    lab = step("lab", _minilab, "Train the lab, which sets exposure and colour balance, on well-exposed photographs.")
    lab.add_argument("--photos", nargs="+", required=True, type=Path, metavar="FOLDER")
    _add_held_out(lab)
    _add_recipe(lab, ("height", "width", "shift_stops", "shift_balance"), steps=1600, batch=64, rate=2e-3, check_every=250)


def _add_photographs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--photos", nargs="+", type=Path, default=[], metavar="FOLDER", help="photographs without film sides")
    parser.add_argument("--stock", help="the stock that makes the film sides of --photos")
    parser.add_argument("--like", default="kodak_gold_200", metavar="STOCK", help="where grain, halation and format come from")
    parser.add_argument("--label", help="the new stock's name for people")
    parser.add_argument("--half", action="store_true", help="write half precision: half the size")
    _add_held_out(parser)


def _add_held_out(parser: argparse.ArgumentParser) -> None:
    text = "a file that names the held-out pictures, one a line; else a fifth is drawn"
    parser.add_argument("--held-out", type=Path, metavar="LIST", help=text)


def _add_recipe(parser: argparse.ArgumentParser, leave_out: Sequence[str] = (), **defaults: float) -> None:
    """An option for every field of `Recipe` but those left out; `defaults` are other than its own."""
    parser.add_argument("--recipe", type=Path, metavar="FILE.json", help="a table of the options below, by their names")
    parser.add_argument("--resume", action="store_true", help="go on from where the same run stopped")
    parser.add_argument("--overwrite", action="store_true", help="replace weights that exist")
    parser.set_defaults(recipe_defaults=defaults)
    group = parser.add_argument_group("recipe")
    for f in dataclasses.fields(Recipe):
        if f.name not in leave_out:
            text = f"{f.metadata['help']} ({defaults.get(f.name, f.default):g})"
            kind = int if isinstance(f.default, int) else float
            group.add_argument(f"--{f.name.replace('_', '-')}", dest=f"recipe_{f.name}", type=kind, metavar="N", help=text)


def _recipe(args: argparse.Namespace) -> Recipe:
    offered = [f.name for f in dataclasses.fields(Recipe) if hasattr(args, f"recipe_{f.name}")]
    given = {name: v for name in offered if (v := getattr(args, f"recipe_{name}")) is not None}
    from_file = read_recipe(args.recipe, offered) if args.recipe else {}
    return Recipe(**{**args.recipe_defaults, **from_file, **given})


def _checked_output(args: argparse.Namespace) -> Path:
    from filmlook.training.loop import CHECKPOINT, run_folder
    from filmlook.training.scores import require_plotting

    out: Path = args.output
    if out.suffix.lower() != ".safetensors":
        raise LookError(f"{out}: a network's file ends in .safetensors")
    if out.exists() and not args.overwrite and not args.resume:
        raise FilmLookError(f"{out}: exists; --overwrite replaces it")
    if (run_folder(out) / CHECKPOINT).exists() and not args.overwrite and not args.resume:
        raise FilmLookError(f"{run_folder(out)}: of a run that was begun; --resume goes on, --overwrite begins anew")
    require_plotting()  # before an hour of training, not after it
    return out


def _examples(args: argparse.Namespace) -> list[Example]:
    from filmlook.training.data import pairs

    if bool(args.before or args.after) == bool(args.photos or args.stock):
        raise LookError("name either --before and --after, or --photos and --stock")
    return pairs(args.before, args.after) if args.before else _simulated(args)


def _simulated(args: argparse.Namespace) -> list[Example]:
    from filmlook.engine.colour_only import colour_of
    from filmlook.look import Look
    from filmlook.training.data import photographs

    if not args.photos or not args.stock:
        raise LookError("photographs need a --stock that makes their film sides, and a stock needs --photos")
    return photographs(args.photos, colour_of(Look(stock=args.stock)))


def _job(args: argparse.Namespace, examples: list[Example], **more: Any) -> Job:
    from filmlook.stock import load_stock
    from filmlook.training.film import TAUGHT_BY_PAIRS, Job

    return Job(
        examples=examples,
        out=_checked_output(args),
        recipe=_recipe(args),
        taught_by=args.stock or TAUGHT_BY_PAIRS,
        like=load_stock(args.like),
        label=args.label,
        held_out=args.held_out,
        half=args.half,
        resume=args.resume,
        **more,
    )


def _say(job: Job, scores: Scores) -> None:
    print(f"{job.out}: PSNR {scores.psnr:.1f} dB, SSIM {scores.ssim:.3f}, mean dE00 {scores.mean_de00:.2f}, "
          f"95 % {scores.p95_de00:.2f}; the report is in {job.folder}")  # fmt: skip


def _film(args: argparse.Namespace) -> None:
    from filmlook.engine.device import pick_device
    from filmlook.training.film import train_film

    job = _job(args, _examples(args), generator="generator" in args, start=args.start)
    _say(job, train_film(job, pick_device(args.device)))


def _label(args: argparse.Namespace) -> None:
    from filmlook.engine.device import pick_device
    from filmlook.training.film import label_scans

    count = label_scans(args.generator, args.scans, args.output, pick_device(args.device), args.overwrite)
    print(f"{args.output}: {count} scans labelled")


def _two_step(args: argparse.Namespace) -> None:
    from filmlook.engine.device import pick_device
    from filmlook.training.film import train_two_step

    job = _job(args, _simulated(args))
    _say(job, train_two_step(job, args.scans, pick_device(args.device)))


def _minilab(args: argparse.Namespace) -> None:
    from filmlook.engine.device import pick_device
    from filmlook.training.data import photographs
    from filmlook.training.loop import run_folder
    from filmlook.training.minilab import train_minilab

    out = _checked_output(args)
    table = train_minilab(
        photographs(args.photos, None), out, _recipe(args), pick_device(args.device), held_out=args.held_out, resume=args.resume
    )
    print(f"{'medians, held out':20}{'stops':>8}{'undone':>8}{'red, blue':>12}{'undone':>8}{'moved':>8}{'tinted':>8}")
    for judge, e in table.items():
        exposure = f"{e.stops:8.3f}{e.stops_undone:8.0%}"
        print(f"{judge:20}{exposure}{e.balance:12.3f}{e.balance_undone:8.0%}{e.moved:8.3f}{e.tinted:8.3f}")
    print(f"{out}: the log is in {run_folder(out)}")
