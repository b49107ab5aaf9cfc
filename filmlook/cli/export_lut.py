"""`filmlook export-lut`."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from filmlook.cli.options import DONE, add_settings, chosen_look, file_name, refuse_existing
from filmlook.errors import LookError

_HALD_SIZE = 64  # samples along an axis of a HaldCLUT of 512 x 512


def add_options(parser: argparse.ArgumentParser) -> None:
    text = "ending in .cube, or for a HaldCLUT in .png or .tif"
    parser.add_argument("-o", "--output", required=True, type=file_name, metavar="FILE", help=text)
    parser.add_argument("--size", type=int, choices=(17, 33, 65), default=33, help="of the .cube (33)")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Bakes the colour of a look into a file."""
    from filmlook.engine.colour_only import colour_of
    from filmlook.files import lut
    from filmlook.stock import load_stock

    out: Path = args.output
    hald = out.suffix.lower() in lut.HALD_SUFFIXES
    if not hald and out.suffix.lower() != ".cube":
        raise LookError(f"{out}: allowed are .cube, and {', '.join(lut.HALD_SUFFIXES)} for a HaldCLUT")
    refuse_existing(out, args.overwrite)
    look = chosen_look(args)
    baked = lut.bake(colour_of(look), _HALD_SIZE if hald else args.size)
    baked = dataclasses.replace(baked, title=load_stock(look.stock).label)
    (lut.write_hald if hald else lut.write_cube)(out, baked)
    return DONE
