"""`filmlook stocks`."""

from __future__ import annotations

import argparse
import json

from filmlook.cli.messages import say, warn
from filmlook.cli.options import DONE, FAILED, name
from filmlook.errors import FilmLookError


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", type=name, metavar="NAME", help="tell all about these")


def run(args: argparse.Namespace) -> int:
    """Lists the stocks; one that cannot be read is told of, and the others are listed."""
    from filmlook.prints import stock_facts, usual_print
    from filmlook.stock import list_stocks, load_stock

    for given in args.names:
        say(json.dumps(stock_facts(load_stock(given)), indent=2))
    if args.names:
        return DONE
    say(f"{'name':36}{'stock':30}{'kind':10}{'ISO':>5}  {'grain R/G/B':16}{'halation':9}{'print':12}colour, mean dE00")
    failed = False
    for given in list_stocks():
        try:
            s = load_stock(given)
        except FilmLookError as error:
            warn(str(error))
            failed = True
            continue
        kind = "b&w" if s.is_monochrome else s.kind
        grain = "/".join(f"{g:g}" for g in s.granularity)
        fit = f"{s.fit['mean_de00']:.2f}" if "mean_de00" in s.fit else "-"
        say(f"{given:36}{s.label:30}{kind:10}{s.iso:5}  {grain:16}{s.antihalation:9}{usual_print(s):12}{fit}")
    return FAILED if failed else DONE
