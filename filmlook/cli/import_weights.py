"""`filmlook import-weights`."""

from __future__ import annotations

import argparse
from pathlib import Path

from filmlook.cli.messages import say
from filmlook.cli.options import DONE, file_name, name, refuse_existing
from filmlook.errors import LookError


def add_options(parser: argparse.ArgumentParser) -> None:
    text = "safetensors, a PyTorch checkpoint, or a TorchScript archive"
    parser.add_argument("input", type=file_name, metavar="IN", help=text)
    parser.add_argument("output", type=file_name, nargs="?", metavar="OUT.safetensors", help="beside IN unless told")
    parser.add_argument("--label", help="the stock's name for people")
    parser.add_argument(
        "--like", type=name, default="kodak_gold_200", metavar="STOCK", help="where grain, halation and format come from"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def run(args: argparse.Namespace) -> int:
    """Writes the network's weights as a stock."""
    from filmlook.fitting.stock_file import write_network_stock
    from filmlook.networks.weights import load_digitalfilm
    from filmlook.stock import load_stock

    out: Path = args.output or args.input.with_suffix(".safetensors")
    if out.suffix.lower() != ".safetensors":
        raise LookError(f"{out}: a network's file ends in .safetensors")
    refuse_existing(out, args.overwrite)
    network, _ = load_digitalfilm(args.input)
    write_network_stock(out, network, load_stock(args.like), args.label or args.input.stem)
    say(f"{out}: {sum(p.numel() for p in network.parameters())} parameters")
    return DONE
