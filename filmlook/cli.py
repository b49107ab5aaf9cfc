"""The command line: `filmlook develop`, `stocks`, `looks`, `fit`, `train`, `export-lut`, `prompt`, `serve`, `bench` and others.

Exit codes: 0 all done, 1 some failed, 2 usage.
"""

from __future__ import annotations

import argparse
import dataclasses
import glob
import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

import filmlook
from filmlook.engine.colour_only import colour_of
from filmlook.engine.develop import develop
from filmlook.engine.metering import ExposureLock
from filmlook.errors import FilmLookError, LookError, StockFileError
from filmlook.files import lut, picture
from filmlook.fitting.stock_file import write_network_stock
from filmlook.look import SETTINGS, Look
from filmlook.networks.weights import load_digitalfilm
from filmlook.paths import BUILT_IN
from filmlook.presets import list_looks, load_look, load_preset
from filmlook.prompts import command as prompts
from filmlook.stock import list_stocks, load_stock
from filmlook.training.commands import add_commands

DONE, FAILED, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in ("-i", "--input", "-m", "--model", "-g"):
        words.insert(0, "develop")  # the original DigitalFilm command knew no other
    parser = _parser()
    if not words:
        parser.print_help()
        return USAGE
    args = parser.parse_args(words)
    try:
        return args.run(args)
    except FilmLookError as error:
        if args.debug:
            traceback.print_exc()
        print(f"filmlook: {error}", file=sys.stderr)
        return USAGE if isinstance(error, LookError) else FAILED
    except BrokenPipeError:  # whoever read the list has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        print("filmlook: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="filmlook", description="Develops pictures as film.")
    parser.add_argument("-v", "--version", action="version", version=f"filmlook {filmlook.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        _add_debug(added)
        added.set_defaults(run=run)
        return added

    one = command("develop", _develop, "Develop pictures as film.")
    one.add_argument("inputs", nargs="*", metavar="INPUT", help="files, folders or patterns such as 'in/*.png'")
    one.add_argument("-i", "--input", action="append", default=[], metavar="INPUT", help="the same as INPUT")
    one.add_argument("-g", action="store_true", dest="dialog", help="choose the picture in a dialog")
    one.add_argument("-o", "--output", metavar="OUT", help="a folder, or a file for one input (its ending is the format)")
    one.add_argument("-r", "--recursive", action="store_true", help="take folders with all that lies below them")
    one.add_argument("--overwrite", action="store_true", help="replace files that exist")
    one.add_argument("--quality", type=int, default=95, metavar="1..100", help="of JPEG and WebP (95)")
    one.add_argument("--seed", type=int, default=0, help="of the grain (0); the same seed gives the same picture")
    one.add_argument("--frames", action="store_true", help="the inputs are a film's frames: grain moves, the lab does not")
    one.add_argument("--device", help="cpu, cuda, ... (a GPU where there is one)")
    one.add_argument("--tile", type=int, metavar="PX", help="side of the area developed at once; less needs less memory")
    _add_settings(one)

    stocks = command("stocks", _stocks, "List the installed stocks.")
    stocks.add_argument("names", nargs="*", metavar="NAME", help="tell all about these")
    command("looks", _looks, "List the looks.")

    fit = command("fit", _fit, "Make a stock from a colour table, a LUT, or aligned photographs before and after.")
    fit.add_argument(
        "source", nargs="+", metavar="SOURCE", help="a .csv or .cube or HaldCLUT .png; or BEFORE AFTER, two folders"
    )
    fit.add_argument("-o", "--output", required=True, metavar="STOCK.json")
    fit.add_argument("--like", default="kodak_gold_200", metavar="STOCK", help="where grain, halation and datasheet come from")
    fit.add_argument("--label", help="the stock's name for people")
    fit.add_argument("--seconds", type=float, default=50, help="how long to try at most (50)")
    fit.add_argument("--overwrite", action="store_true", help="replace a file that exists")

    weights = command(
        "import-weights", _import_weights, "Make a network stock of a DigitalFilm's weights: .safetensors or .pt."
    )
    weights.add_argument("input", type=Path, metavar="IN", help="safetensors, a PyTorch checkpoint, or a TorchScript archive")
    weights.add_argument("output", type=Path, nargs="?", metavar="OUT.safetensors", help="beside IN unless told")
    weights.add_argument("--label", help="the stock's name for people")
    weights.add_argument("--like", default="kodak_gold_200", metavar="STOCK", help="where grain, halation and format come from")
    weights.add_argument("--overwrite", action="store_true", help="replace a file that exists")

    text = "Train networks: films, generators, the lab."
    add_commands(commands.add_parser("train", help=text, description=text), _add_debug)

    bake = command("export-lut", _export_lut, "Bake the colour of a look into a .cube or a HaldCLUT .png.")
    bake.add_argument("-o", "--output", required=True, metavar="FILE", help="ending in .cube, or in .png for a HaldCLUT")
    bake.add_argument("--size", type=int, choices=(17, 33, 65), default=33, help="of the .cube (33)")
    bake.add_argument("--overwrite", action="store_true", help="replace a file that exists")
    _add_settings(bake)

    prompts.add_options(command("prompt", prompts.run, "Advise on a prompt, and on the settings for a checkpoint."))

    serve = command("serve", _serve, "Serve the HTTP API on this machine.")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    serve.add_argument("--port", type=int, default=7862, help="port to listen on (7862)")
    serve.add_argument("--auth", default="", metavar="USER:PASSWORD", help="who may come in; needed where others can")
    serve.add_argument("--auth-file", metavar="FILE", help="the same, from a file with USER:PASSWORD in each line")
    serve.add_argument("--behind-proxy", action="store_true", help="a proxy before it tells the host (X-Forwarded-Host)")
    serve.add_argument("--max-megabytes", type=int, default=64, metavar="MB", help="of a request (64)")
    serve.add_argument("--max-megapixels", type=int, default=64, metavar="MP", help="of a picture (64)")
    serve.add_argument("--max-pictures", type=int, default=32, metavar="N", help="of a request (32)")
    serve.add_argument("--max-answer-megapixels", type=int, default=128, metavar="MP", help="of all that comes back (128)")
    serve.add_argument("--device", help="cpu, cuda, ... (a GPU where there is one)")
    serve.add_argument("--tile", type=int, metavar="PX", help="side of the area developed at once; less needs less memory")

    bench = command("bench", _bench, "Measure speed and memory on this machine.")
    bench.add_argument("--quick", action="store_true", help="leave out the 24-megapixel picture")
    return parser


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show where in the program an error came from")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """An option for every setting of `filmlook.look`; what is not given comes from `--look`, or is the default."""
    parser.add_argument("--look", metavar="PRESET", help="begin with this look; see 'filmlook looks'")
    groups: dict[str, Any] = {}
    for s in SETTINGS:
        group = groups.setdefault(s.group, None) or parser.add_argument_group(s.group.lower())
        groups[s.group] = group
        names = [f"--{s.key.replace('_', '-')}"] + (["-m", "--model"] if s.key == "stock" else [])
        if s.is_number:
            unit = f" {s.unit}" if s.unit else ""
            text = f"{s.help} From {s.low:g} to {s.high:g}{unit}, {s.default:g} unless told."
        else:
            text = s.help + (f" One of: {', '.join(s.choices)}." if s.choices else " Or the path of a stock file.")
        kind = float if s.is_number else str
        meta = s.unit.upper() or "N" if s.is_number else "NAME"
        group.add_argument(*names, dest=f"setting_{s.key}", type=kind, metavar=meta, help=text.replace("%", "%%"))


def _look(args: argparse.Namespace) -> Look:
    given = {s.key: v for s in SETTINGS if (v := getattr(args, f"setting_{s.key}")) is not None}
    start = load_look(args.look) if args.look else Look()
    return dataclasses.replace(start, **given)


# --- develop


def _develop(args: argparse.Namespace) -> int:
    look = _look(args)
    inputs = [*args.inputs, *args.input]
    if args.dialog:
        inputs.append(_ask_for_file())
    if not inputs:
        return _usage("no INPUT: name pictures or folders, or choose one with -g")
    if args.output is None:
        return _usage("no OUT: name a folder or a file with -o")
    if not 1 <= args.quality <= 100:
        return _usage(f"quality is {args.quality}; allowed: 1 to 100")
    load_stock(look.stock)  # before any picture is opened
    failures: list[str] = []
    jobs = list(_jobs(inputs, Path(args.output), args.recursive, failures))
    written: set[Path] = set()
    lock = ExposureLock() if args.frames else None
    with tqdm(total=len(jobs), unit="picture", disable=None, bar_format="{l_bar}{bar}| {n:.2f}/{total} {elapsed}") as bar:
        for i, (source, target) in enumerate(jobs):

            def advance(share: float, done: int = i) -> None:
                bar.update(done + share - bar.n)

            try:
                if target in written:
                    raise FilmLookError(f"{source}: another input was already written to {target}")
                if target.exists() and not args.overwrite:
                    raise FilmLookError(f"{target}: exists; --overwrite replaces it")
                shown = picture.read(source)
                pixels = develop(
                    shown.pixels, look, seed=args.seed, frame=i if args.frames else 0,
                    tile=args.tile, device=args.device, lock=lock, progress=advance,
                )  # fmt: skip
                text = {**shown.text, "filmlook": f"{look.to_text()} seed={args.seed}"}
                target.parent.mkdir(parents=True, exist_ok=True)
                done = dataclasses.replace(shown, pixels=pixels, text=text)
                picture.write(target, done, quality=args.quality, overwrite=args.overwrite)
                written.add(target)
            except LookError:
                raise  # not the picture's fault: the next would fare no better
            except (FilmLookError, OSError, MemoryError) as error:
                if args.debug:
                    traceback.print_exc()
                failures.append(str(error) or f"{source}: out of memory; a smaller --tile needs less")
            advance(1)
    for failure in failures:
        print(f"filmlook: {failure}", file=sys.stderr)
    if len(jobs) + len(failures) > 1 or failures:
        print(f"{len(written)} developed, {len(failures)} failed")
    return FAILED if failures else DONE


def _jobs(inputs: list[str], out: Path, recursive: bool, failures: list[str]) -> Iterator[tuple[Path, Path]]:
    """Each input file and where it goes: below `out` as it lay below its folder."""
    files: list[tuple[Path, Path]] = []  # file, and its path below OUT
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            found = sorted(path.rglob("*") if recursive else path.glob("*"))
            found = [p for p in found if p.suffix.lower() in picture.FORMATS and p.is_file()]
            if not found:
                failures.append(f"{path}: a folder without pictures ({', '.join(picture.FORMATS)})")
            files += [(p, p.relative_to(path)) for p in found]
        elif path.exists() or not glob.has_magic(name):
            files.append((path, Path(path.name)))
        else:
            matches = [Path(m) for m in sorted(glob.glob(name, recursive=recursive)) if Path(m).is_file()]
            if not matches:
                failures.append(f"{name}: no file is called so")
            files += [(p, Path(p.name)) for p in matches]
    is_file = out.suffix.lower() in picture.FORMATS and not out.is_dir()
    alone = len(inputs) == 1 and Path(inputs[0]).is_file()
    if alone and out.suffix and not is_file and not out.exists():
        raise LookError(f"{out}: unknown ending {out.suffix!r}; allowed: {', '.join(picture.FORMATS)}, or a folder")
    if is_file and len(files) + len(failures) > 1:
        raise LookError(f"{out} is one file, but there are {len(files)} inputs; name a folder")
    for source, below in files:
        yield source, out if is_file else out / below


def _ask_for_file() -> str:
    try:
        import tkinter
        from tkinter import filedialog
    except ImportError:
        raise LookError("-g needs Tk, and this Python has none; name the picture instead") from None
    try:
        root = tkinter.Tk()
    except tkinter.TclError:
        raise LookError("-g needs a display, and there is none; name the picture instead") from None
    root.withdraw()
    kinds = " ".join(f"*{suffix}" for suffix in picture.FORMATS)
    name = filedialog.askopenfilename(title="Choose a picture", filetypes=[("Pictures", kinds)])
    root.destroy()
    if not name:
        raise LookError("no picture was chosen")
    return name


def _usage(message: str) -> int:
    print(f"filmlook: {message}", file=sys.stderr)
    return USAGE


# --- stocks, looks


def _stocks(args: argparse.Namespace) -> int:
    for name in args.names:
        print(json.dumps(load_stock(name).facts(), indent=2))
    if args.names:
        return DONE
    print(f"{'name':36}{'stock':28}{'kind':10}{'ISO':>5}  {'grain R/G/B':16}{'halation':9}colour, mean dE00")
    failed = False
    for name in list_stocks():
        try:
            s = load_stock(name)
        except StockFileError as error:
            print(f"filmlook: {error}", file=sys.stderr)
            failed = True
            continue
        kind = "b&w" if s.is_monochrome else s.kind
        grain = "/".join(f"{g:g}" for g in s.granularity)
        fit = f"{s.fit['mean_de00']:.2f}" if "mean_de00" in s.fit else "-"
        print(f"{name:36}{s.label:28}{kind:10}{s.iso:5}  {grain:16}{s.antihalation:9}{fit}")
    return FAILED if failed else DONE


def _looks(args: argparse.Namespace) -> int:
    for name in list_looks():
        preset = load_preset(name)
        print(f"{name:24}{preset.label}: {preset.help}")
    return DONE


# --- fit, import-weights, export-lut, bench


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise FilmLookError(f"{path}: exists; --overwrite replaces it")


def _fit(args: argparse.Namespace) -> int:
    from filmlook.fitting import make_stock

    out = Path(args.output)
    if out.suffix.lower() != ".json":
        return _usage(f"{out}: a stock's file ends in .json")
    _refuse_existing(out, args.overwrite)
    like = load_stock(args.like)
    with tqdm(total=1.0, disable=None, bar_format="{l_bar}{bar}| {elapsed}") as bar:

        def advance(share: float) -> None:
            bar.update(share - bar.n)

        result = make_stock([Path(s) for s in args.source], out, like, args.label, args.seconds, advance)
    print(f"{out}: mean dE00 {result.mean:.2f}, 95 % {result.p95:.2f}")
    return DONE


def _import_weights(args: argparse.Namespace) -> int:
    out: Path = args.output or args.input.with_suffix(".safetensors")
    if out.suffix.lower() != ".safetensors":
        return _usage(f"{out}: a network's file ends in .safetensors")
    _refuse_existing(out, args.overwrite)
    network, _ = load_digitalfilm(args.input)
    write_network_stock(out, network, load_stock(args.like), args.label or args.input.stem)
    print(f"{out}: {sum(p.numel() for p in network.parameters())} parameters")
    return DONE


def _export_lut(args: argparse.Namespace) -> int:
    out = Path(args.output)
    if out.suffix.lower() not in (".cube", ".png"):
        return _usage(f"{out}: allowed are .cube, and .png for a HaldCLUT")
    _refuse_existing(out, args.overwrite)
    look = _look(args)
    hald = out.suffix.lower() == ".png"
    baked = lut.bake(colour_of(look), 64 if hald else args.size)
    baked = dataclasses.replace(baked, title=load_stock(look.stock).label)
    (lut.write_hald if hald else lut.write_cube)(out, baked)
    return DONE


def _serve(args: argparse.Namespace) -> int:
    try:
        from filmlook.server import request_body, serve
    except ImportError as error:
        raise FilmLookError(f'serve needs {error.name}: pip install "filmlook[serve]"') from None
    limits = request_body.Limits(
        args.max_megabytes * 2**20, args.max_megapixels * 10**6, args.max_pictures, args.max_answer_megapixels * 10**6
    )
    more = {"auth_file": args.auth_file, "behind_proxy": args.behind_proxy}
    serve.run(args.host, args.port, args.auth, limits, args.device, args.tile, **more)
    return DONE


def _bench(args: argparse.Namespace) -> int:
    import runpy

    folder = next((p for p in (BUILT_IN.parent / "bench",) if p.is_dir()), None)
    if folder is None:
        raise FilmLookError("bench: its scripts are not installed; run it in a checkout of Film Look")
    sys.argv = ["speed.py", *(["--quick"] if args.quick else [])]
    sys.path.insert(0, str(folder))
    runpy.run_path(str(folder / "speed.py"), run_name="__main__")
    return DONE
