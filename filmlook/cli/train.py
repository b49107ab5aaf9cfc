"""`filmlook train`."""

from __future__ import annotations

import argparse

from filmlook.cli.options import add_debug
from filmlook.training.commands import add_commands


def add_options(parser: argparse.ArgumentParser) -> None:
    """A command for each step of training, which runs itself."""
    add_commands(parser, add_debug)
