"""`filmlook fit`."""

from __future__ import annotations

import argparse
from pathlib import Path

from filmlook.cli.messages import say, warn
from filmlook.cli.options import DONE, FAILED, file_name, name, refuse_existing
from filmlook.errors import LookError

_SECONDS = 600  # convergence takes about half a minute on a quiet core; on a busy one it may take its time
_FAR = 4.0  # mean dE00 above which a fit is no likeness; ours have .9 to 1.4


def add_options(parser: argparse.ArgumentParser) -> None:
    text = "a .csv, a LUT (.cube, HaldCLUT .png or .tif, ...); or BEFORE AFTER, two folders"
    parser.add_argument("source", nargs="+", type=file_name, metavar="SOURCE", help=text)
    parser.add_argument("-o", "--output", required=True, type=file_name, metavar="STOCK.json")
    text = "where grain, halation and datasheet come from"
    parser.add_argument("--like", type=name, default="kodak_gold_200", metavar="STOCK", help=text)
    text = "fit the film alone, printed on this paper; else a print of its own is fitted with it"
    parser.add_argument("--paper", type=name, metavar="NAME", help=text)
    parser.add_argument("--label", help="the stock's name for people")
    text = f"stop after so long, converged or not ({_SECONDS})"
    parser.add_argument("--seconds", type=float, default=_SECONDS, help=text)
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def run(args: argparse.Namespace) -> int:
    """Fits a stock, and tells how close it came; a fit that is no likeness has failed."""
    out: Path = args.output
    if out.suffix.lower() != ".json":
        raise LookError(f"{out}: a stock's file ends in .json")
    if not args.seconds > 0:
        raise LookError(f"seconds is {args.seconds:g}; allowed: more than 0")
    refuse_existing(out, args.overwrite)
    from tqdm import tqdm

    from filmlook.fitting import make_stock
    from filmlook.stock import load_stock

    like = load_stock(args.like)
    with tqdm(total=1.0, disable=None, bar_format="{l_bar}{bar}| {elapsed}") as bar:

        def advance(share: float) -> None:
            bar.update(share - bar.n)

        result = make_stock(args.source, out, like, args.label, args.paper or "", args.seconds, advance)
    say(f"{out}: mean dE00 {result.mean:.2f}, 95 % {result.p95:.2f}")
    if not result.converged:
        warn(f"{out}: the fit has not converged in {args.seconds:g} s; more --seconds bring it closer")
    if result.mean > _FAR:
        right = f"is {like.label} the right kind of film{f', and {args.paper} its paper' if args.paper else ''}?"
        warn(f"{out}: the fit failed: a mean dE00 above {_FAR:g} is no likeness; {right}")
        return FAILED
    return DONE
