"""`filmlook match`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from filmlook.cli.messages import say, warn
from filmlook.cli.options import DONE, file_name, name, refuse_existing
from filmlook.errors import LookError
from filmlook.paths import user_folder

if TYPE_CHECKING:
    from filmlook.look import Look

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
    text = "pictures or folders of a series: how far its neutral and skin tones are apart with the look, and with it and --same"
    parser.add_argument("--same", nargs="+", type=name, metavar="PICTURE", help=text)
    parser.add_argument("--label", help="the look's name for people")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def run(args: argparse.Namespace) -> int:
    """Finds a look, tells it, and writes it."""
    out: Path | None = args.output
    if out and out.suffix.lower() != ".json":
        raise LookError(f"{out}: a look's file ends in .json")
    film = _film_beside(out)
    if out and film:
        refuse_existing(out, args.overwrite)
        refuse_existing(film, args.overwrite)
    from tqdm import tqdm

    from filmlook.files import atomic
    from filmlook.matching.match import match
    from filmlook.presets import Preset, preset_json
    from filmlook.stock import load_stock

    with tqdm(total=1.0, disable=None, bar_format="{l_bar}{bar}| {elapsed}") as bar:

        def advance(share: float) -> None:
            bar.update(share - bar.n)

        how = {"weight": args.weight, "only": args.only, "look": args.look, "new_stock": film}
        found = match(list(args.references), progress=advance, **how)
    if found.stock:
        say(f"{found.stock}: no film comes close, so a stock was made")
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
    if args.same:
        _tell_series(args.same, found.look, out)
    return DONE


def _film_beside(out: Path | None) -> Path | None:
    """Where a stock goes that is made for a look: among the user's own, or beside the look."""
    home = user_folder()
    return None if out is None else (home / "stocks" if home else out.parent) / f"{out.stem}-film.json"


def _tell_series(inputs: list[str], look: Look, out: Path | None) -> None:
    """Says what `develop --same` does to a series."""
    from filmlook.cli import inputs as pictures
    from filmlook.files import picture
    from filmlook.matching.series import in_colour, series_looks, spread, thumbnail

    found = pictures.find(inputs, None)
    for failure in found.failures:
        warn(failure)
    small = [thumbnail(picture.read(source.path)) for source in found.sources]
    before = spread([in_colour(code, look) for code in small])
    after = spread([in_colour(code, own) for code, own in zip(small, series_looks(small, look), strict=True)])
    tones = ", ".join(f"{tone} tones {before[tone]:.1f} -> {after[tone]:.1f} dE00 apart" for tone in before if tone in after)
    say(f"a series of {len(small)}: {tones or 'too few tones in common to tell'}")
    say(f"develop it with: filmlook develop {' '.join(inputs)} -o OUT --look {out or 'LOOK.json'} --same")
