"""`filmlook match`."""

from __future__ import annotations

import argparse
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from filmlook.cli.messages import say, warn
from filmlook.cli.options import DONE, FAILED, file_name, name, refuse_existing
from filmlook.errors import FilmLookError, LookError
from filmlook.paths import user_folder

if TYPE_CHECKING:
    from filmlook.cli.inputs import Source
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
    film = _film_beside(out) if args.only in (None, "colour") else None
    if out:  # whatever would keep the look from being written is told before it is sought
        if not out.parent.is_dir():
            raise LookError(f"{out}: cannot be written: {out.parent} is no folder")
        if out.is_dir():
            raise LookError(f"{out}: is a folder, not a file to write into")
        refuse_existing(out, args.overwrite)
    if film:
        refuse_existing(film, args.overwrite)
        above = next(folder for folder in film.parents if folder.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            raise LookError(f"{film}: cannot be written, and is where a stock goes if one has to be made")
    series, wrong = _series(args.same) if args.same else ([], [])
    from tqdm import tqdm

    from filmlook.files import atomic
    from filmlook.matching.match import match
    from filmlook.presets import Preset, preset_json
    from filmlook.stock import stock_headings

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
        named = stock_headings()  # labels that tell stocks of one's own from built-in ones
        say("others: " + ", ".join(named[look.stock].label for look in found.alternatives))
    if out:
        like = ", ".join(path.name for path in args.references[:3])
        help_ = f"Like {like.encode(errors='replace').decode()}."  # systems have names that are no text
        try:
            data = preset_json(Preset(out.stem, args.label or out.stem, help_, found.look)).encode()
            atomic.write_bytes(out, data, overwrite=args.overwrite)
        except UnicodeEncodeError as error:  # of names that are no text
            raise LookError(f"{out}: cannot be written: {error.reason}") from None
        except FileExistsError:  # it came while the look was sought
            raise LookError(f"{out}: exists; --overwrite replaces it") from None
        except OSError as error:
            raise LookError(f"{out}: cannot be written: {error.strerror}") from None
        say(f"{out}: written")
    return _tell_series(args.same, series, wrong, found.look, out) if args.same else DONE


def _film_beside(out: Path | None) -> Path | None:
    """Where a stock goes that is made for a look: among the user's own, or beside the look."""
    home = user_folder()
    return None if out is None else (home / "stocks" if home else out.parent) / f"{out.stem}-film.json"


def _series(inputs: list[str]) -> tuple[list[Source], list[str]]:
    """The pictures of a series, and what was not found. Raises LookError where there are none, or one is named that is none."""
    from filmlook.cli import inputs as pictures

    found = pictures.find(inputs, None)
    for source in found.sources:
        if not source.path.is_file():
            raise LookError(f"{source.path}: no such file")
    if not found.sources:
        raise LookError("; ".join(found.failures))
    return found.sources, found.failures


def _tell_series(inputs: list[str], series: list[Source], wrong: list[str], look: Look, out: Path | None) -> int:
    """Says what `develop --same` does to a series; what cannot be read is told of, and left out."""
    from filmlook.files import picture
    from filmlook.matching.series import in_colour, series_looks, spread, thumbnail

    small, faults = [], list(wrong)
    for source in series:
        try:
            small.append(thumbnail(picture.read(source.path)))
        except FilmLookError as error:
            faults.append(str(error))
    for fault in faults:
        warn(fault)
    before = spread([in_colour(code, look) for code in small])
    after = spread([in_colour(code, own) for code, own in zip(small, series_looks(small, look), strict=True)])
    tones = ", ".join(f"{tone} tones {before[tone]:.1f} -> {after[tone]:.1f} dE00 apart" for tone in before if tone in after)
    say(f"a series of {len(small)}: {tones or 'too few tones in common to tell'}")
    told = shlex.join(["filmlook", "develop", *inputs, "-o", "OUT", "--look", str(out or "LOOK.json"), "--same"])
    say(f"develop it with: {told}")
    return FAILED if faults else DONE
