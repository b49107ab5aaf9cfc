"""`filmlook lenses`."""

from __future__ import annotations

import argparse

from filmlook.cli.messages import say
from filmlook.cli.options import DONE
from filmlook.lenses import list_lenses


def add_options(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(args: argparse.Namespace) -> int:
    """Lists the lenses."""
    for lens in list_lenses():
        say(f"{lens.name:24}{lens.label}: {lens.help}")
    return DONE
