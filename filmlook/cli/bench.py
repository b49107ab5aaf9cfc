"""`filmlook bench`."""

from __future__ import annotations

import argparse
import runpy
import sys

from filmlook.cli.options import DONE
from filmlook.errors import FilmLookError
from filmlook.paths import BUILT_IN


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="leave out the large pictures")


def run(args: argparse.Namespace) -> int:
    """Runs the script of measurements, which lies beside the models."""
    folder = BUILT_IN.parent / "bench"
    if not folder.is_dir():
        raise FilmLookError("bench: its scripts are not installed; run it in a checkout of Film Look")
    sys.argv = ["speed.py", *(["--quick"] if args.quick else [])]
    sys.path.insert(0, str(folder))
    runpy.run_path(str(folder / "speed.py"), run_name="__main__")
    return DONE
