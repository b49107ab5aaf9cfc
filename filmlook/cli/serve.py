"""`filmlook serve`."""

from __future__ import annotations

import argparse

from filmlook.cli.options import DONE, add_device, name
from filmlook.errors import FilmLookError, LookError


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=7862, help="port to listen on (7862)")
    parser.add_argument("--auth", default="", metavar="USER:PASSWORD", help="who may come in; needed where others can")
    text = "the same, from a file with USER:PASSWORD in each line"
    parser.add_argument("--auth-file", type=name, metavar="FILE", help=text)
    text = "a proxy before it tells the host (X-Forwarded-Host)"
    parser.add_argument("--behind-proxy", action="store_true", help=text)
    parser.add_argument("--max-megabytes", type=int, default=64, metavar="MB", help="of a request (64)")
    parser.add_argument("--max-megapixels", type=int, default=64, metavar="MP", help="of a picture (64)")
    parser.add_argument("--max-pictures", type=int, default=32, metavar="N", help="of a request (32)")
    parser.add_argument("--max-answer-megapixels", type=int, default=128, metavar="MP", help="of all that comes back (128)")
    parser.add_argument("--max-video-megabytes", type=int, default=1024, metavar="MB", help="of a film that comes (1024)")
    parser.add_argument("--max-video-seconds", type=int, default=600, metavar="S", help="that a film lasts (600)")
    parser.add_argument("--max-videos", type=int, default=8, metavar="N", help="films that wait or are kept (8)")
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Serves until it is stopped."""
    if not 0 <= args.port <= 65535:
        raise LookError(f"port is {args.port}; allowed: 0 to 65535")
    try:
        from filmlook.server import request_body, serve
    except ImportError as error:
        raise FilmLookError(f'serve needs {error.name}: pip install "filmlook[serve]"') from None
    limits = request_body.Limits(
        args.max_megabytes * 2**20,
        args.max_megapixels * 10**6,
        args.max_pictures,
        args.max_answer_megapixels * 10**6,
        args.max_video_megabytes * 2**20,
        args.max_video_seconds,
        args.max_videos,
    )
    more = {"auth_file": args.auth_file, "behind_proxy": args.behind_proxy}
    serve.run(args.host, args.port, args.auth, limits, args.device, args.tile, **more)
    return DONE
