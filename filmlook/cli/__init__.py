"""The command line: `filmlook develop`, `stocks`, `papers`, `looks`, `fit`, `match`, `train`, `export-lut`, `serve` and others.

Each command is a module with `add_options(parser)` and `run(args) -> exit code`, imported when it is called: a list of the
commands needs no PyTorch, which takes a second. Exit codes: 0 all done, 1 some failed, 2 usage.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from filmlook.cli import messages
from filmlook.cli.options import DONE, FAILED, USAGE, add_debug
from filmlook.errors import FilmLookError, LookError
from filmlook.paths import user_folder
from filmlook.version import __version__

_COMMANDS = {  # its module, and what it does
    "develop": ("filmlook.cli.develop", "Develop pictures as film."),
    "stocks": ("filmlook.cli.stocks", "List the installed stocks."),
    "papers": ("filmlook.cli.papers", "List the installed papers."),
    "looks": ("filmlook.cli.looks", "List the looks."),
    "lenses": ("filmlook.cli.lenses", "List the lenses."),
    "fit": ("filmlook.cli.fit", "Make a stock from a colour table, a LUT, or aligned photographs before and after."),
    "import-weights": (
        "filmlook.cli.import_weights",
        "Make a network stock of a DigitalFilm's weights: .safetensors or .pt.",
    ),
    "train": ("filmlook.cli.train", "Train networks: films, generators, the lab."),
    "match": ("filmlook.cli.match", "Find a look that makes pictures like others."),
    "export-lut": ("filmlook.cli.export_lut", "Bake the colour of a look into a .cube or a HaldCLUT."),
    "prompt": ("filmlook.prompts.command", "Advise on a prompt, and on the settings for a checkpoint."),
    "serve": ("filmlook.cli.serve", "Serve the HTTP API and the darkroom's page on this machine."),
    "app": ("filmlook.cli.app", "Open the darkroom in the browser."),
    "bench": ("filmlook.cli.bench", "Measure speed and memory on this machine."),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    messages.open_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ("-i", "--input", "-m", "--model", "-g"):
        words.insert(0, "develop")  # the original DigitalFilm command knew no other
    try:
        with messages.log_as_lines():
            code = _run(words)
    finally:  # argparse leaves by an exception
        arrived = messages.flush()
    return code if arrived else code or FAILED


class _Parser(argparse.ArgumentParser):
    """A parser whose faults are one line: the usage of `develop` fills a screen, above which its fault would scroll away."""

    def error(self, message: str) -> NoReturn:
        messages.warn(f"{message}; '{self.prog} --help' tells what is allowed")
        raise SystemExit(USAGE)


def _run(words: list[str]) -> int:
    parser = _parser(words)
    if not words:
        parser.print_help()
        return USAGE
    args = parser.parse_args(words)
    home = user_folder()
    if home and not home.is_dir():
        messages.warn(f"FILMLOOK_HOME is {home}, which is no folder: no stocks, papers and looks of your own")
    try:
        code: int = args.run(args)
        return code
    except FilmLookError as error:
        if args.debug:
            traceback.print_exc()
        messages.warn(str(error))
        return USAGE if isinstance(error, LookError) else FAILED
    except BrokenPipeError:  # whoever read the list has enough of it
        return DONE
    except KeyboardInterrupt:
        messages.warn("interrupted")
        return 130


def _parser(words: list[str]) -> argparse.ArgumentParser:
    """The parser of a call: of the commands that are not called it knows no more than what they do."""
    parser = _Parser(prog="filmlook", description="Develops pictures as film.")
    parser.add_argument("-v", "--version", action="version", version=f"filmlook {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, text) in _COMMANDS.items():
        added = commands.add_parser(name, help=text, description=text)
        if words[:1] == [name]:
            command = importlib.import_module(module)
            command.add_options(added)
            if hasattr(command, "run"):  # "train" has steps, which run
                add_debug(added)
                added.set_defaults(run=command.run)
    return parser
