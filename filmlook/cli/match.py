"""`filmlook match`."""

from __future__ import annotations

import argparse
from pathlib import Path

from filmlook.cli.messages import say
from filmlook.cli.options import DONE, file_name, name, refuse_existing
from filmlook.errors import LookError

_PARTS = ("colour", "grain", "texture")


def add_options(parser: argparse.ArgumentParser) -> None:
    text = "pictures of one treatment, whatever they show"
    parser.add_argument("references", nargs="+", type=file_name, metavar="REFERENCE", help=text)
    text = "the look's file, as --look of 'develop' reads it; without it the look is told alone"
    parser.add_argument("-o", "--output", type=file_name, metavar="LOOK.json", help=text)
    parser.add_argument("--weight", type=float, default=1.0, metavar="0..1", help="how far to go: the look's strength (1)")
    text = "seek only this: colour, grain, or texture (grain, glow, softness, vignette); the rest comes from --look"
    parser.add_argument("--only", choices=_PARTS, help=text)
    parser.add_argument("--look", type=name, metavar="PRESET", help="where what is not sought comes from")
    parser.add_argument("--label", help="the look's name for people")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def run(args: argparse.Namespace) -> int:
    """Finds a look, tells it, and writes it."""
    out: Path | None = args.output
    if out and out.suffix.lower() != ".json":
        raise LookError(f"{out}: a look's file ends in .json")
    if out:
        refuse_existing(out, args.overwrite)
    from tqdm import tqdm

    from filmlook.files import atomic
    from filmlook.matching.match import match
    from filmlook.presets import Preset, preset_json
    from filmlook.stock import load_stock

    with tqdm(total=1.0, disable=None, bar_format="{l_bar}{bar}| {elapsed}") as bar:

        def advance(share: float) -> None:
            bar.update(share - bar.n)

        found = match(list(args.references), weight=args.weight, only=args.only, look=args.look, progress=advance)
    say(f"look: {found.look.to_json()}")
    say("fit: " + ", ".join(f"{key} {value:g}" for key, value in found.fit.items()))
    if found.untold:
        say("not told: " + ", ".join(found.untold))
    if found.alternatives:
        say("others: " + ", ".join(load_stock(look.stock).label for look in found.alternatives))
    if out:
        help_ = f"Like {', '.join(path.name for path in args.references[:3])}."
        try:
            atomic.write_bytes(out, preset_json(Preset(out.stem, args.label or out.stem, help_, found.look)).encode())
        except OSError as error:
            raise LookError(f"{out}: cannot be written: {error.strerror}") from None
        say(f"{out}: written")
    return DONE
