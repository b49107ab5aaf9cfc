"""Threads that develop blocks side by side on the CPU.

A block is too small to be worth splitting: one thread a block keeps both cores busy where two threads a block would wait for
each other after every operation. It also makes the bits of a block the same whatever the machine's number of cores.

The caller's own thread computes nothing: PyTorch would split its operations over several OpenMP threads, which spin while
they wait, and take the cores from the pool's and from other programs. What is not split into blocks runs on the pool too.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

import torch

from filmlook.errors import Stopped

_T = TypeVar("_T")
_R = TypeVar("_R")


_MOST_THREADS = 8  # memory grows with every block in flight
_IN_FLIGHT_GPU = 4
_here = threading.local()  # `pool`: a reference to that of the pool's own threads
_END: Any = object()


class _Pool:
    """Threads that compute on one core each."""

    def __init__(self, count: int) -> None:
        self.count = count
        threads = torch.get_num_threads()
        started = threading.Barrier(count + 1)
        own = weakref.ref(self)  # a pool that nobody uses any more goes, and its threads with it

        def start() -> None:
            _here.pool = own
            torch.get_num_threads()  # lets torch set up this thread, or it would do so later and undo the next line
            torch.set_num_threads(1)  # of this thread, and the default of threads that have not computed yet ...
            started.wait()

        self._executor = ThreadPoolExecutor(count, thread_name_prefix="filmlook")
        for _ in range(count):
            self.submit(start)
        started.wait()
        torch.set_num_threads(threads)  # ... which this puts back

    def submit(self, work: Callable[..., _R], *arguments: Any) -> Future[_R]:
        """Work that is begun when a thread is free. Raises Stopped where the process is ending, whose threads take nothing new:
        a server ends in the middle of what was asked of it."""
        try:
            return self._executor.submit(work, *arguments)
        except RuntimeError as error:
            if "shutdown" in str(error):
                raise Stopped from error
            raise


@lru_cache(maxsize=1)
def _pool(count: int, process: int) -> _Pool:
    """The threads of this process: a forked child has none of its parent's."""
    return _Pool(count)


def _own_pool() -> _Pool | None:
    """The pool that the calling thread is one of."""
    own = getattr(_here, "pool", None)
    return own() if own else None


def thread_count() -> int:
    """How many blocks are worth developing at once: one for each of torch's threads, within reason."""
    own = _own_pool()
    return own.count if own else min(torch.get_num_threads(), _MOST_THREADS)


def in_flight_on(device: torch.device) -> int:
    """Blocks in flight unless told: one a thread on the CPU."""
    return thread_count() if device.type == "cpu" else _IN_FLIGHT_GPU


@dataclass
class _Task(Generic[_T, _R]):
    item: _T
    future: Future[_R]


def side_by_side(function: Callable[[_T], _R], items: Iterable[_T], most: int) -> Iterator[_R]:
    """`map`, with up to `most` items (and no more than `thread_count`) worked on at once, each on one thread.

    A thread of the pool that calls it works along, on what no other has begun: two that call it never wait for each other.
    """
    own = _own_pool()
    pool = own or _pool(thread_count(), os.getpid())

    def work(item: _T) -> _R:
        with torch.inference_mode():
            return function(item)

    waiting: deque[_Task[_T, _R]] = deque()

    def work_along() -> bool:
        """Does one item that no thread has begun, if there is one."""
        for task in reversed(waiting):
            if task.future.cancel():
                task.future = Future()
                try:
                    task.future.set_result(work(task.item))
                except BaseException as error:
                    task.future.set_exception(error)
                return True
        return False

    def first() -> _R:
        while own and not waiting[0].future.done() and work_along():
            pass
        return waiting.popleft().future.result()

    try:
        for item in items:
            waiting.append(_Task(item, pool.submit(work, item)))
            if len(waiting) >= most:
                yield first()
        while waiting:
            yield first()
    finally:
        for task in waiting:
            task.future.cancel()


def in_pool(function: Callable[[Callable[[_T], None]], _R], told: Callable[[_T], None] | None) -> _R:
    """Runs a function on a thread of the pool. It is handed a function that passes values on to `told`, on the caller's own
    thread; where `told` raises, or the caller is interrupted, that function raises `Stopped` at its next call."""
    if _own_pool():
        return function(told or _unheard)
    values: SimpleQueue[Any] = SimpleQueue()
    stopped = threading.Event()

    def tell(value: _T) -> None:
        if stopped.is_set():
            raise Stopped
        values.put(value)

    def work() -> _R:
        try:
            return function(tell)
        finally:
            values.put(_END)

    future = _pool(thread_count(), os.getpid()).submit(work)
    try:
        while (value := values.get()) is not _END:
            if told:
                told(value)
    except BaseException:
        stopped.set()
        if not future.cancel():
            wait([future])  # nothing is worked on that the caller has given up
        raise
    return future.result()


def _unheard(value: Any) -> None:
    pass
