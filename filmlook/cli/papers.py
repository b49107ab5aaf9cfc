"""`filmlook papers`."""

from __future__ import annotations

import argparse
import json

from filmlook.cli.messages import say, warn
from filmlook.cli.options import DONE, FAILED, name
from filmlook.errors import FilmLookError


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", type=name, metavar="NAME", help="tell all about these")


def run(args: argparse.Namespace) -> int:
    """Lists the papers; one that cannot be read is told of, and the others are listed."""
    from filmlook.prints import list_papers, paper_facts

    for given in args.names:
        say(json.dumps(paper_facts(given), indent=2))
    if args.names:
        return DONE
    say(f"{'name':36}{'paper':36}for film in")
    failed = False
    for given in list_papers():
        try:
            facts = paper_facts(given)
        except FilmLookError as error:
            warn(str(error))
            failed = True
            continue
        say(f"{given:36}{facts['label']:36}{'b&w' if facts['layers'] == 1 else 'colour'}")
    return FAILED if failed else DONE
