"""`filmlook prompt`: findings for a prompt, readable or as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys

from tqdm import tqdm

from filmlook.errors import LookError
from filmlook.prompts.checkpoints import Checkpoint, sha256_of
from filmlook.prompts.comments import HASH, STYLES
from filmlook.prompts.findings import Finding, GenerationParams
from filmlook.prompts.report import report
from filmlook.prompts.tokens import installed_tokenizer

_AROUND = 30  # characters shown on each side of a place


def add_options(parser: argparse.ArgumentParser) -> None:
    """Gives a parser the options of `filmlook prompt`."""
    parser.add_argument("prompt", metavar="PROMPT")
    parser.add_argument("--negative", default="", metavar="PROMPT", help="the negative prompt")
    parser.add_argument("--checkpoint", metavar="FILE", help="the checkpoint: its file, or only its name")
    parser.add_argument("--hash", action="store_true", help="read the checkpoint's whole file for its sha256, which decides")
    parser.add_argument("--width", type=int, metavar="PX")
    parser.add_argument("--height", type=int, metavar="PX")
    parser.add_argument("--sampler", metavar="NAME")
    parser.add_argument("--steps", type=int, metavar="N")
    parser.add_argument("--cfg", type=float, metavar="SCALE")
    parser.add_argument("--look", metavar="PRESET", help="the look that the pictures get")
    parser.add_argument(
        "--comments", choices=STYLES, default=HASH,
        help="what the WebUI takes for a comment: what follows #; # or // or stands between /* and */ (slashes: reForge); none",
    )  # fmt: skip
    parser.add_argument("--words", action="store_true", help="list frequent words too, and which of them work against film")
    parser.add_argument("--json", action="store_true", help="print all as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Prints what is found; 0, whatever it is.

    Raises:
        LookError: called wrongly.
        FilmLookError: the checkpoint's file cannot be read for its hash.
    """
    checkpoint = _checkpoint(args.checkpoint, args.hash)
    keys = ("width", "height", "sampler", "steps", "cfg", "look")
    settings = GenerationParams(**{key: getattr(args, key) for key in keys})
    how = {"tokenizer": installed_tokenizer(), "comments": args.comments}
    found = report(args.prompt, args.negative, checkpoint, settings, **how)
    for problem in found.problems:
        print(f"filmlook: {problem}", file=sys.stderr)
    if args.json:
        print(json.dumps(found.as_dict(), indent=2))
        return 0
    if found.recognition:
        _say(f"Checkpoint: {found.recognition.reason or 'no recipe knows it'}")
    texts = {"prompt": args.prompt, "negative": args.negative}
    for field, counted in found.tokens.items():
        if texts[field]:
            _say(f"Tokens, {field}: {counted.tokens} of {counted.limit}")
    for finding in found.findings:
        _show(finding, texts.get(finding.field, ""))
    for word in found.words if args.words else ():
        against = f" Against film: it {word.against_film}." if word.against_film else ""
        _say(f"\nword, {word.field}: “{word.words}” {word.does}.{against}")
    return 0


def _checkpoint(name: str | None, hashed: bool) -> Checkpoint | None:
    if not name:
        if hashed:
            raise LookError("--hash needs the checkpoint's file: name it with --checkpoint")
        return None
    if not os.path.isfile(name):
        if hashed:
            raise LookError(f"{name}: no such file, so there is nothing to hash")
        return Checkpoint(name=name, title=name)
    found = Checkpoint.from_file(name)
    if not hashed:
        return found
    with tqdm(total=1.0, disable=None, bar_format="{l_bar}{bar}| {elapsed}") as bar:

        def advance(share: float) -> None:
            bar.update(share - bar.n)

        sha256 = sha256_of(name, advance)
    return dataclasses.replace(found, sha256=sha256)


def _show(finding: Finding, text: str) -> None:
    _say(f"\n{finding.level}: {finding.message} [{finding.code}]")
    if finding.start is not None and finding.end is not None:
        begin = max(finding.start - _AROUND, 0)
        shown = "".join(c if c.isprintable() else " " for c in text[begin : finding.end + _AROUND])
        _say(f"    {shown}\n    {' ' * (finding.start - begin)}{'^' * max(finding.end - finding.start, 1)}")
    if finding.fix:
        _say(f"    fix: {finding.fix.label}")


def _say(text: str) -> None:
    """Prints a text, with marks for what the terminal cannot show."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))
