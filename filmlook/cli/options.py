"""Options that several commands have, and what they say."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError
from filmlook.lenses import load_lens
from filmlook.look import SETTINGS, Look
from filmlook.moving_look import MovingLook
from filmlook.presets import load_preset, read_preset

DONE, FAILED, USAGE = 0, 1, 2
"""Exit codes."""

_NAMED = {
    "stock": "Or the path of a stock file.",
    "print": "One of: stock, minilab, negative, or one of 'filmlook papers'; 'filmlook stocks NAME' tells what a stock allows.",
}


def name(text: str) -> str:
    """The name of a file, a folder or something installed; an empty one, as of a shell's unset variable, is wrong usage."""
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty name")
    return text


def number_or_schedule(text: str) -> float | str:
    """A setting's number, or the schedule of one that moves."""
    try:
        return float(text)
    except ValueError:
        if ":" not in text:
            raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor a schedule such as '0: (0), 30: (1)'") from None
        return text


def file_name(text: str) -> Path:
    """The path of a file that is told by name."""
    return Path(name(text))


def add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show where in the program an error came from")


def add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", type=name, help="cpu, cuda, ... (a GPU where there is one)")
    parser.add_argument("--tile", type=int, metavar="PX", help="side of the area developed at once; less needs less memory")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """An option for every setting of `filmlook.look`; what is not given comes from `--lens` and `--look`, or is the default."""
    parser.add_argument(
        "--look", type=name, metavar="PRESET", help="begin with this look, a name of 'filmlook looks', or the path of its file"
    )
    parser.add_argument("--lens", type=name, metavar="LENS", help="put this lens on the look, a name of 'filmlook lenses'")
    groups: dict[str, Any] = {}
    for s in SETTINGS:
        group = groups.setdefault(s.group, None) or parser.add_argument_group(s.group.lower())
        groups[s.group] = group
        names = [f"--{s.key.replace('_', '-')}"] + (["-m", "--model"] if s.key == "stock" else [])
        if s.is_number:
            unit = f" {s.unit}" if s.unit else ""
            text = f"{s.help} From {s.low:g} to {s.high:g}{unit}, {s.default:g} unless told."
        else:
            more = f"One of: {', '.join(s.choices)}." if s.choices else _NAMED[s.key]
            text = f"{s.help} {more}"
        kind = number_or_schedule if s.is_number else name
        meta = s.unit.upper() or "N" if s.is_number else "NAME"
        group.add_argument(*names, dest=f"setting_{s.key}", type=kind, metavar=meta, help=text.replace("%", "%%"))


def chosen_look(args: argparse.Namespace) -> Look:
    """`chosen_moving_look`; where it moves, as it is at frame 0."""
    return chosen_moving_look(args).at()


def chosen_moving_look(args: argparse.Namespace) -> MovingLook:
    """The look that the options say; its stock and its print are called by name, whether a name, a label or a path was given.

    Raises:
        LookError, StockFileError: a wrong setting, or a preset or stock that is missing or damaged.
    """
    from filmlook.prints import checked_print
    from filmlook.stock import installed_name, load_stock

    given = {s.key: v for s in SETTINGS if (v := getattr(args, f"setting_{s.key}")) is not None}
    start = MovingLook(Look())
    if args.look:
        path = Path(args.look)
        start = (read_preset(path) if path.suffix.lower() == ".json" and path.is_file() else load_preset(args.look)).moving
    lens = load_lens(args.lens).settings if args.lens else {}
    moving = start.changed(**{**lens, **given})
    look = moving.at()
    stock = load_stock(look.stock)  # before any work is done
    return moving.changed(stock=installed_name(look.stock), print=checked_print(stock, look.print))


def make_folder(path: Path) -> None:
    """Makes a folder, and those above it. Raises FilmLookError where a file is in its place, or it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next(p for p in (*reversed(path.parents), path) if not p.is_dir())
        raise FilmLookError(f"{file}: is a file, not a folder to write into") from None
    except OSError as error:
        raise FilmLookError(f"{path}: the folder cannot be made: {error.strerror}") from None


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises FilmLookError for a file that is there and shall not be replaced."""
    if path.exists() and not overwrite:
        raise FilmLookError(f"{path}: exists; --overwrite replaces it")
