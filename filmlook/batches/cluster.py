"""Pictures on a Ray cluster: batches of names go to workers by Ray Data, rows of the manifest come back.

A worker that dies is replaced, and Ray gives its batch to another one, which goes on where the first one ended. A batch that
kills one worker after the other is given up; its pictures are tried once more, one by one, so that only the one picture fails
that is to blame.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from filmlook.batches.manifest import Row
from filmlook.batches.worker import TRIES, Job, Order, Worker, failed
from filmlook.errors import FilmLookError, LookError, extra

_log = logging.getLogger(__name__)

_LARGEST = 64  # pictures in a batch: a part of the manifest each
_BATCHES_A_WORKER = 8  # at least, so that all of them end at about the same time
_STORE_BYTES = 128 << 20  # Ray's object store on this machine: what goes through it are names and rows


@dataclass(frozen=True)
class Pool:
    """The workers: how many; and of which device, and what share of a GPU each takes (0: none)."""

    workers: int
    gpu: float

    @property
    def device(self) -> str:
        return "cuda" if self.gpu else "cpu"


@contextlib.contextmanager
def cluster(address: str | None, workers: int | None, gpu: float | None, device: str | None) -> Iterator[Pool]:
    """The workers of the cluster at an address; without one, of this machine.

    Args:
        address: as `ray.init` takes it.
        workers: how many; None: one for each core, or as many as GPUs have shares.
        gpu: a worker's share of a GPU; None: a quarter where there are GPUs, because reading and writing take longer than
            developing.
        device: "cpu": no GPUs are used.

    Raises:
        LookError: GPUs are asked for, and there are none.
        FilmLookError: Ray is not installed, or there is no cluster at the address.
    """
    ray = _ray()
    begun = not ray.is_initialized()
    if begun:
        _start(ray, address, workers)
    try:
        there = ray.cluster_resources()
        cores, gpus = there.get("CPU", 0.0), there.get("GPU", 0.0)
        wanted = bool(gpu) or (device or "").startswith("cuda")
        if wanted and not gpus:
            raise LookError("the cluster has no GPU; leave out --ray-gpu and --device, and the CPUs develop")
        share = 0.0 if device == "cpu" or not gpus else 0.25 if gpu is None else gpu
        yield Pool(workers or max(1, int(gpus / share if share else cores)), share)
    finally:
        if begun:
            ray.shutdown()


def develop(pool: Pool, order: Order, jobs: Sequence[Job]) -> Iterator[list[Row]]:
    """Develops pictures; yields rows of the manifest as they come, one for each picture.

    Raises:
        FilmLookError: the manifest cannot be written, or a worker's machine would not develop as the others do.
    """
    run = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid4().hex[:8]}"
    size = max(1, min(_LARGEST, len(jobs) // (pool.workers * _BATCHES_A_WORKER)))
    batches = [(f"{run}-{i // size:06}", jobs[i : i + size]) for i in range(0, len(jobs), size)]
    lost = yield from _pass(pool, order, batches)
    if lost:
        alone = [(f"{run}-alone-{i:06}", [job]) for i, job in enumerate(job for batch in lost for job in batch)]
        for (job,) in (yield from _pass(pool, order, alone)):
            error = FilmLookError(f"{order.source.shown(job.input)}: the worker died over it, {TRIES} times in a row")
            yield [failed(order, job, error)]


def _pass(
    pool: Pool, order: Order, batches: Sequence[tuple[str, Sequence[Job]]]
) -> Generator[list[Row], None, list[Sequence[Job]]]:
    """Develops batches; yields rows as they come, and returns the batches that never came back."""
    ray, arrow = _ray(), extra("pyarrow", "--ray", "ray", FilmLookError)
    tables = [
        arrow.table({"part": [part] * len(jobs), "input": [j.input for j in jobs], "output": [j.output for j in jobs]})
        for part, jobs in batches
    ]
    waiting = dict(batches)
    with _quietly(ray):
        results = ray.data.from_arrow(tables).map_batches(
            _Actor,
            fn_constructor_args=(order,),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=min(pool.workers, len(batches))),
            num_cpus=1 if not pool.gpu else 0,
            num_gpus=pool.gpu or None,
        )
        for table in results.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for answer in table.to_pylist():
                if answer["fault"]:
                    raise FilmLookError(answer["fault"])
                rows = [Row(**row) for row in json.loads(answer["rows"])]
                if rows:
                    waiting.pop(answer["part"], None)
                    yield rows
    return list(waiting.values())


class _Actor:
    """A worker as Ray Data wants it: a table in, a table out."""

    def __init__(self, order: Order) -> None:
        self._worker, self._fault = None, ""
        try:
            self._worker = Worker(order)
        except FilmLookError as error:
            self._fault = str(error)

    def __call__(self, table: Any) -> Any:
        import pyarrow

        columns = table.to_pydict()
        part, rows, fault = columns["part"][0], list[Row](), self._fault
        if self._worker:
            try:
                jobs = [Job(*pair) for pair in zip(columns["input"], columns["output"], strict=True)]
                rows = self._worker.batch(part, jobs) or []
            except Exception as error:  # nothing is lost: what is written is known again by what its file tells
                _log.warning("%s", part, exc_info=error)
                fault = f"the manifest cannot be written: {' '.join(str(error).split()) or type(error).__name__}"
        return pyarrow.table({"part": [part], "rows": [json.dumps([asdict(row) for row in rows])], "fault": [fault]})


def _start(ray: Any, address: str | None, workers: int | None) -> None:
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "configure_logging": True}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(address="local", num_cpus=workers, include_dashboard=False, object_store_memory=_STORE_BYTES, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = address or "on this machine"
        raise FilmLookError(f"no Ray cluster {where}: {' '.join(str(error).split())}") from error


@contextlib.contextmanager
def _quietly(ray: Any) -> Iterator[None]:
    """Has Ray Data go on when a batch is lost, and say nothing: what became of the pictures is told by us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray warns of its own settings
        context, log = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
        before, level = (context.max_errored_blocks, context.enable_progress_bars), log.level
        try:
            context.max_errored_blocks, context.enable_progress_bars = -1, False
            log.setLevel(logging.CRITICAL)
            yield
        finally:
            log.setLevel(level)
            context.max_errored_blocks, context.enable_progress_bars = before


def _ray() -> Any:
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what befalls workers is told by us
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers of each run
    ray = extra("ray", "--ray", "ray", FilmLookError)
    extra("ray.data", "--ray", "ray", FilmLookError)
    return ray
