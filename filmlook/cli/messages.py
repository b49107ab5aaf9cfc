"""What the command line says, and to whom: results to standard output, faults to standard error."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_NARROWEST = 40  # columns: no terminal is taken to be narrower


def say(text: str) -> None:
    """Prints a result. A reader who has had enough is no fault."""
    _write(sys.stdout, text)


def warn(text: str) -> None:
    """Prints what is wrong: one line, folded at the terminal's width where there is a terminal."""
    _write(sys.stderr, folded(f"filmlook: {text}", sys.stderr))


class LogLines(logging.Handler):
    """Says the log's warnings as `warn` does, with the name of the picture that they are about."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._here = threading.local()  # each thread has a picture of its own

    @contextmanager
    def about(self, picture: object) -> Iterator[None]:
        """What the calling thread logs meanwhile is about a picture."""
        self._here.picture = picture
        try:
            yield
        finally:
            self._here.picture = None

    def emit(self, record: logging.LogRecord) -> None:
        picture = getattr(self._here, "picture", None)
        warn(" ".join(f"{picture}: {record.getMessage()}".split()) if picture else " ".join(record.getMessage().split()))


log_lines = LogLines()


@contextmanager
def log_as_lines() -> Iterator[None]:
    """Puts what the program and Python's libraries warn of among the messages, a line each."""

    def show(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
        log_lines.handle(logging.makeLogRecord({"msg": "%s", "args": (message,), "levelno": logging.WARNING}))

    ours = logging.getLogger("filmlook")
    with warnings.catch_warnings():
        warnings.showwarning = show
        ours.addHandler(log_lines)
        try:
            yield
        finally:
            ours.removeHandler(log_lines)


def folded(text: str, stream: TextIO) -> str:
    """A message in lines that fit the terminal; as it is where a file or a program reads it."""
    if not stream.isatty():
        return text
    width = max(shutil.get_terminal_size().columns - 1, _NARROWEST)
    return textwrap.fill(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    # What the terminal has no letter for, or no text may hold (names of files may), is shown by its code.
    _guarded(stream, lambda: print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream))


def open_streams() -> None:
    """Gives the program its standard streams where whoever started it has closed them.

    Else the first file it opens takes the place of standard error, and a library's warning goes into a picture.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nothing, "r" if name == "stdin" else "w", encoding="utf-8"))


def flush() -> bool:
    """Hands on what was printed; whether all of it arrived since the last call."""
    for stream in (sys.stdout, sys.stderr):
        _guarded(stream, stream.flush)
    arrived = not _lost
    _lost.clear()
    return arrived


_lost: set[TextIO] = set()  # the streams that did not take what was printed, as on a full disk


def _guarded(stream: TextIO, work: Callable[[], object]) -> None:
    """Writes to a stream that may be closed, full, or without a reader: that must not end what is being done."""
    try:
        work()
    except BrokenPipeError:  # the reader has had enough
        _silence(stream)
    except (OSError, ValueError):
        _silence(stream)
        _lost.add(stream)


def _silence(stream: TextIO) -> None:
    """Sends what a stream still holds, and all that comes, to nowhere: Python would complain of it at the end."""
    try:
        number = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, number)
        os.close(nothing)
    except (OSError, ValueError):  # a stream that is no file has nothing to complain of
        pass
