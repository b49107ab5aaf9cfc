"""Threads that develop blocks side by side on the CPU.

A block is too small to be worth splitting: one thread a block keeps both cores busy where two threads a block would wait for
each other after every operation. It also makes the bits of a block the same whatever the machine's number of cores.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch

_T = TypeVar("_T")
_R = TypeVar("_R")


_MOST_THREADS = 8  # memory grows with every block in flight


def thread_count() -> int:
    """How many blocks are worth developing at once: one for each of torch's threads, within reason."""
    return min(torch.get_num_threads(), _MOST_THREADS)


@lru_cache(maxsize=1)
def _pool(count: int, process: int) -> ThreadPoolExecutor:
    """The threads of this process: a forked child has none of its parent's."""
    threads = torch.get_num_threads()
    started = threading.Barrier(count + 1)

    def start() -> None:
        torch.get_num_threads()  # lets torch set up this thread, or it would do so later and undo the next line
        torch.set_num_threads(1)  # of this thread, and the default of threads that have not computed yet ...
        started.wait()

    pool = ThreadPoolExecutor(count, thread_name_prefix="filmlook")
    for _ in range(count):
        pool.submit(start)
    started.wait()
    torch.set_num_threads(threads)  # ... which this puts back
    return pool


def side_by_side(function: Callable[[_T], _R], items: Iterable[_T], most: int) -> Iterator[_R]:
    """`map`, with up to `most` items (and no more than `thread_count`) worked on at once, each on one thread."""
    pool = _pool(thread_count(), os.getpid())
    items = iter(items)

    def run(item: _T) -> _R:
        with torch.inference_mode():
            return function(item)

    waiting = []
    try:
        for item in items:
            waiting.append(pool.submit(run, item))
            if len(waiting) >= most:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
    finally:
        for future in waiting:
            future.cancel()
