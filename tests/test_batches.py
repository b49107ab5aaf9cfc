"""Big batches: folders at URLs, the manifest, what a worker does. No Ray runs here, but in `tests/test_batches_ray.py`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from filmlook.batches.store import Store, store_at
from filmlook.cli import main
from filmlook.errors import FilmLookError, LookError
from filmlook.look import Look

fsspec = pytest.importorskip("fsspec", reason='needs pip install "filmlook[ray]"')


@pytest.fixture
def bucket() -> Iterator[Any]:
    """A store of objects, in memory."""
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


def file_of(code: int, kind: str = "PNG", side: int = 48) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (side, side), (code, code, code // 2)).save(data, kind)
    return data.getvalue()


# --- folders at URLs


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, bucket: Any) -> None:
    for store in (store_at(str(tmp_path)), store_at("memory://out")):
        store.write("deep/a.bin", b"one", overwrite=False)
        assert store.read("deep/a.bin") == b"one"
        with pytest.raises(FileExistsError):
            store.write("deep/a.bin", b"two", overwrite=False)
        store.write("deep/a.bin", b"two", overwrite=True)
        assert store.read("deep/a.bin") == b"two"
        assert list(store.names(recursive=True)) == ["deep/a.bin"]
        assert list(store.names(recursive=False)) == []


def test_on_a_disk_that_is_no_bucket_a_file_gets_its_name_when_it_is_finished(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as SFTP or HDFS, where what is being written can be seen."""
    seen = []

    class Slow(type(bucket)):  # type: ignore[misc]
        protocol = "slow"
        cachable = False

        def pipe_file(self, path: str, value: bytes, **how: Any) -> None:
            seen.append(path)
            super().pipe_file(path, value[:2], **how)
            if value == b"breaks":
                raise OSError("the line is down")
            super().pipe_file(path, value, **how)

    store = Store(Slow(), "/out")
    store.write("a.bin", b"whole", overwrite=True)
    assert store.read("a.bin") == b"whole"
    with pytest.raises(OSError, match="the line is down"):
        store.write("b.bin", b"breaks", overwrite=True)
    assert list(store.names(recursive=True)) == ["a.bin"]
    assert all(path.endswith(".part") for path in seen)


def test_what_a_url_needs_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookError, match=r"nowhere.*allowed: a path, s3://"):
        store_at("nowhere://x")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(FilmLookError, match="s3fs") as told:
        store_at("s3://bucket/x")
    assert "\n" not in str(told.value)


# --- options


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ray", "--frames"], "--frames has each frame wait"),
        (["--ray", "--same"], "--same has each picture wait"),
        (["--ray", "--stages", "x"], "--stages is to look inside one picture"),
        (["--ray", "-g"], "-g chooses one picture"),
        (["--ray", "-i", "more"], "one INPUT"),
        (["--ray", "--ray-workers", "0"], "allowed: 1 and more"),
        (["--ray", "--ray-gpu", "2"], "allowed: 0 (none), or 0.01 to 1"),
        (["--ray", "--ray-gpu", "0.5", "--device", "cpu"], "--device says cpu"),
        (["--ray", "--device", "cuda:1"], "allowed with --ray: cpu or cuda"),
        (["--ray", "--quality", "0"], "allowed: 1 to 100"),
        (["--ray-workers", "2"], "--ray works, which is not given"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["develop", str(tmp_path), "-o", str(tmp_path / "out"), *words]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("missing", ["fsspec", "pyarrow", "ray"])
def test_what_is_not_installed_is_told_in_a_line(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing == "ray":
        pytest.importorskip("pyarrow", reason='needs pip install "filmlook[ray]"')
    (tmp_path / "a.png").write_bytes(file_of(100))
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["develop", str(tmp_path), "-o", str(tmp_path / "out"), "--ray"]) == 1
    assert capsys.readouterr().err == f'filmlook: --ray needs {missing}: pip install "filmlook[ray]"\n'


# --- what is to do, and what a worker does with it


class Batch:
    """A run over a bucket, with one worker in this process."""

    def __init__(self, source: str, out: str, **order: Any) -> None:
        pytest.importorskip("pyarrow", reason='needs pip install "filmlook[ray]"')
        self.source, self.out, self.order = source, out, order

    def jobs(self, look: Look = Look(), made: str = "", **how: Any) -> Any:  # noqa: B008 (a look is frozen)
        from filmlook.batches.listing import add_jobs, pictures

        listing, found = pictures(self.source, store_at(self.out), recursive=how.pop("recursive", True), exclude=())
        ending, pattern = how.pop("ending", None), how.pop("pattern", "{name}")
        add_jobs(listing, found, store_at(self.out), ending, pattern, {}, look.to_text(), made)
        return listing

    def worker(self, look: Look = Look(), seed: int | None = 3, made: str = "") -> Any:  # noqa: B008
        from filmlook.batches.worker import Order, Worker

        settings = {"again": False, "device": "cpu", **self.order.pop("settings", {})}
        order = Order(store_at(self.source), store_at(self.out), look, seed, made, {}, settings, engine="torch", **self.order)
        return Worker(order)


@pytest.fixture
def batch(bucket: Any) -> Batch:
    for i, name in enumerate(("a.png", "b.jpg", "deep/c.png", "notes.txt", "._a.png")):
        bucket.pipe_file(f"/in/{name}", file_of(60 + 40 * i, "JPEG" if name == "b.jpg" else "PNG"))
    return Batch("memory://in", "memory://out")


def test_a_worker_makes_the_bits_that_a_folder_gets(batch: Batch, bucket: Any, tmp_path: Path) -> None:
    for path in bucket.find("/in"):
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bucket.cat_file(path))
    for seed in (None, 7):
        alone = tmp_path / f"alone-{seed}"
        assert main(["develop", str(tmp_path / "in"), "-r", "-o", str(alone), *(["--seed", "7"] if seed else [])]) == 0
        batch.out = f"memory://out-{seed}"
        rows = batch.worker(seed=seed).batch("part", batch.jobs().jobs)
        assert [row.error for row in rows] == [None] * 3
        files = {p.relative_to(alone).as_posix(): p.read_bytes() for p in alone.rglob("*") if p.is_file()}
        assert {row.output for row in rows} == set(files)
        assert all(bucket.cat_file(f"/out-{seed}/{name}") == data for name, data in files.items())


def test_the_same_command_once_more_does_what_is_missing(batch: Batch, bucket: Any) -> None:
    assert batch.jobs().skipped == 1
    bucket.pipe_file("/in/b.jpg", b"no picture")
    rows = {row.input: row for row in batch.worker().batch("one", batch.jobs().jobs)}
    assert (rows["memory:///in/b.jpg"].error or "").startswith("memory:///in/b.jpg: is not a PNG, JPEG, WebP or TIFF picture")
    assert batch.jobs().done == 2
    assert [job.input for job in batch.jobs().jobs] == ["b.jpg"]
    bucket.pipe_file("/in/b.jpg", file_of(100, "JPEG"))
    bucket.rm_file("/out/deep/c.png")  # what somebody has taken away is missing too
    assert sorted(job.input for job in batch.jobs().jobs) == ["b.jpg", "deep/c.png"]
    batch.worker().batch("two", batch.jobs().jobs)
    assert not batch.jobs().jobs
    assert batch.jobs().done == 3
    other = batch.jobs(Look(grain=2), made="another seed").jobs
    assert len(other) == 3
    errors = [row.error for row in batch.worker(Look(grain=2)).batch("three", other)]
    assert all(error and error.endswith("exists; --overwrite replaces it") for error in errors)


def test_a_batch_is_done_once_however_often_its_worker_dies(batch: Batch, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may die before its first picture, after some, and when all but the last word is written."""
    jobs = batch.jobs().jobs
    whole = batch.worker().batch("part", jobs)
    made = {path: bucket.created(path) for path in bucket.find("/out")}
    again = batch.worker().batch("part", jobs)  # the manifest is written, but nobody heard of it
    assert again == whole
    bucket.rm_file("/out/manifest/part.parquet")  # all pictures are written, the manifest is not
    bucket.rm_file("/out/b.jpg")  # nor is this one
    rows = batch.worker().batch("part", jobs)
    assert [(row.input, row.output, row.seed, row.error) for row in rows] == [
        (r.input, r.output, r.seed, r.error) for r in whole
    ]
    kept = [path for path in made if path.endswith(("a.png", "c.png"))]
    assert len(kept) == 2
    assert all(bucket.created(path) == made[path] for path in kept)
    assert [p for p in bucket.find("/out/manifest") if not p.endswith("part.parquet")] == []


def test_a_batch_that_kills_every_worker_is_given_up(batch: Batch, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from filmlook.batches.worker import TRIES

    jobs, worker = batch.jobs().jobs, batch.worker()

    class Killed(BaseException):
        pass

    def killed(*args: Any, **how: Any) -> Any:
        raise Killed

    monkeypatch.setattr("filmlook.batches.worker.film_picture", killed)
    for _ in range(TRIES):
        with pytest.raises(Killed):
            worker.batch("part", jobs)
    assert worker.batch("part", jobs) is None
    assert not bucket.find("/out/manifest")


def test_a_picture_that_kills_its_workers_fails_alone(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of a batch that was given up are tried one by one."""
    from filmlook.batches import cluster

    worker, jobs = batch.worker(), batch.jobs().jobs

    def run(pool: Any, order: Any, batches: Any) -> Any:
        """As Ray does it: what has the deadly picture in it never comes back."""
        lost = [jobs for _, jobs in batches if any(job.input == "b.jpg" for job in jobs)]
        for part, jobs in batches:
            if jobs not in lost:
                yield worker.batch(part, jobs)
        return lost

    monkeypatch.setattr(cluster, "_pass", run)
    monkeypatch.setattr(cluster, "_BATCHES_A_WORKER", 1)
    rows = [row for rows in cluster.develop(cluster.Pool(1, 0), worker._order, jobs) for row in rows]
    assert sorted(str(row.output) for row in rows) == ["None", "a.png", "deep/c.png"]
    errors = [row.error for row in rows if row.error]
    assert errors == ["memory:///in/b.jpg: the worker died over it, 4 times in a row"]


def test_a_full_bucket_loses_nothing(batch: Batch, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from filmlook.batches import manifest

    worker, jobs, write = batch.worker(), batch.jobs().jobs, Store.write

    def full(store: Store, below: str, data: bytes, *, overwrite: bool) -> None:
        if below == "b.jpg":
            raise OSError(28, "No space left on device")
        write(store, below, data, overwrite=overwrite)

    monkeypatch.setattr(Store, "write", full)
    rows = {row.input.rpartition("/")[2]: row for row in worker.batch("one", jobs)}
    assert [name for name, row in rows.items() if row.error] == ["b.jpg"]
    assert "No space left" in (rows["b.jpg"].error or "")
    monkeypatch.undo()
    worker.batch("two", batch.jobs().jobs)
    assert len(manifest.done(store_at("memory://out"), Look().to_text(), "")) == 3


def test_what_is_developed_already_is_passed_over_for_good(batch: Batch, bucket: Any) -> None:
    batch.worker().batch("one", batch.jobs().jobs)
    second = Batch("memory://out", "memory://twice")
    rows = second.worker().batch("one", second.jobs().jobs)
    assert [(row.output, row.error) for row in rows] == [(None, None)] * 3
    assert second.jobs().passed_over == 3
    assert not second.jobs().jobs


def test_two_pictures_for_one_name_are_told(batch: Batch, bucket: Any) -> None:
    bucket.pipe_file("/in/b.webp", file_of(90, "WEBP"))
    listing = batch.jobs(ending=".png")
    assert listing.failures == ["memory:///in/b.webp: another input was already written to memory:///out/b.png"]
    assert sorted(job.output for job in listing.jobs) == ["a.png", "b.png", "deep/c.png"]
    with pytest.raises(LookError, match="number"):
        batch.jobs(pattern="{number}-{name}")


def test_results_inside_the_folder_are_no_pictures_of_it(batch: Batch) -> None:
    inside = Batch("memory://in", "memory://in/film")
    inside.worker().batch("one", inside.jobs().jobs)
    assert inside.jobs().done == 3
    assert not inside.jobs().jobs


def test_a_pattern_means_the_files_of_its_folder(batch: Batch, tmp_path: Path) -> None:
    batch.source = "memory://in/*.png"
    assert [job.input for job in batch.jobs().jobs] == ["a.png"]
    batch.source = "memory://*/a.png"
    with pytest.raises(LookError, match="only the names of files"):
        batch.jobs()
    batch.source = "memory://in/a.png"
    with pytest.raises(LookError, match="is one file"):
        batch.jobs()


def test_a_worker_of_another_version_takes_no_work(batch: Batch) -> None:
    batch.order = {"version": "0.0.1"}
    with pytest.raises(FilmLookError, match=r"allowed: 0\.0\.1, as where it was begun"):
        batch.worker()


def test_a_damaged_manifest_is_named(batch: Batch, bucket: Any) -> None:
    batch.worker().batch("one", batch.jobs().jobs)
    bucket.pipe_file("/out/manifest/one.parquet", b"PAR1 cut short")
    with pytest.raises(FilmLookError, match=r"/out/manifest/one\.parquet: cannot be read"):
        batch.jobs()


def test_only_compressed_files_wait_in_memory(batch: Batch, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow reader or writer must not pile up pictures: at most two files are read ahead, and two wait to be written."""
    for i in range(12):
        bucket.pipe_file(f"/in/{i}.png", file_of(20 * i, side=32))
    read: list[str] = []
    written: list[str] = []
    most = [0]
    before = Store.read, Store.write

    def reading(store: Store, below: str) -> bytes:
        if not below.startswith("manifest"):
            read.append(below)
            most[0] = max(most[0], len(read) - len(written))
        return before[0](store, below)

    def writing(store: Store, below: str, data: bytes, *, overwrite: bool) -> None:
        before[1](store, below, data, overwrite=overwrite)
        written.append(below)

    worker, jobs = batch.worker(Look(stock="neutral")), batch.jobs().jobs
    monkeypatch.setattr(Store, "read", reading)
    monkeypatch.setattr(Store, "write", writing)
    worker.batch("part", jobs)
    assert len(read) == 15
    assert most[0] <= 2 + 1 + 2 + 1
