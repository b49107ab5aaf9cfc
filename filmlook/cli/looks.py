"""`filmlook looks`."""

from __future__ import annotations

import argparse

from filmlook.cli.messages import say, warn
from filmlook.cli.options import DONE, FAILED
from filmlook.errors import FilmLookError
from filmlook.presets import list_looks, load_preset


def add_options(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(args: argparse.Namespace) -> int:
    """Lists the looks; one whose file is damaged is told of, and the others are listed."""
    failed = False
    for name in list_looks():
        try:
            preset = load_preset(name)
        except FilmLookError as error:
            warn(str(error))
            failed = True
            continue
        say(f"{name:24}{preset.label}: {preset.help}")
    return FAILED if failed else DONE
