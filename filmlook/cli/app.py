"""`filmlook app`: the darkroom's page, opened in the browser."""

from __future__ import annotations

import argparse
import json
import os
import threading
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

from filmlook.cli import serve
from filmlook.cli.options import DONE
from filmlook.errors import LookError
from filmlook.paths import user_folder

_PATIENCE_S = 60  # for the server to come up, PyTorch to be loaded
_PAUSE_S = 0.2
HOME = "FilmLook"  # the folder in the user's home where looks are kept, where FILMLOOK_HOME names no other


def add_options(parser: argparse.ArgumentParser) -> None:
    serve.add_options(parser)
    parser.add_argument("--no-browser", action="store_true", help="opens no browser; the page's address is told")


def run(args: argparse.Namespace) -> int:
    """Serves until it is stopped; where it is served already, opens that.

    Raises:
        LookError: something else has the port.
    """
    if user_folder() is None:
        os.environ["FILMLOOK_HOME"] = str(Path.home() / HOME)
    if not 1 <= args.port <= 65535:
        raise LookError(f"port is {args.port}; allowed: 1 to 65535")
    host = "127.0.0.1" if args.host in ("0.0.0.0", "::") else args.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{args.port}/"
    print(f"The darkroom: {address}", flush=True)
    there = _answer(address)
    if there is True:
        _open(address, args.no_browser)
        return DONE
    if there is False:
        raise LookError(f"port {args.port} is taken by another program; --port chooses another")
    ended = threading.Event()
    threading.Thread(target=_open_when_there, args=(address, args.no_browser, ended), daemon=True).start()
    try:
        return serve.run(args)
    finally:
        ended.set()


def _open_when_there(address: str, no_browser: bool, ended: threading.Event) -> None:
    for _ in range(round(_PATIENCE_S / _PAUSE_S)):
        if ended.wait(_PAUSE_S):
            return
        if _answer(address):
            _open(address, no_browser)
            return


def _open(address: str, no_browser: bool) -> None:
    if not no_browser:
        webbrowser.open(address)


def _answer(address: str) -> bool | None:
    """Whether Film Look answers there (with a demand for a password, too); False for another program, None for nobody."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine is not behind the proxy
    try:
        with opener.open(f"{address}sdapi/v1/film-look/health", timeout=2) as answer:
            return bool(json.load(answer).get("status") == "ok")
    except urllib.error.HTTPError as error:
        return error.code == 401
    except urllib.error.URLError as error:
        return None if isinstance(error.reason, ConnectionRefusedError) else False
    except (OSError, ValueError, AttributeError):
        return False
