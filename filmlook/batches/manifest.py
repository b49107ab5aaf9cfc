"""The manifest: Parquet files in `OUT/manifest` that tell what became of each picture.

Each has the rows of one batch and is written once, whole, after the batch's last picture; so a batch that is done again,
because its worker died before it could say so, finds that it is done. While a batch is at work a file beside tells how often
it was begun, so that a picture that kills workers does not kill them for ever. Later runs add files: a picture that failed
once and came out well later has a row of each.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

from filmlook.batches.store import Store
from filmlook.errors import FilmLookError, extra

FOLDER = "manifest"
_AT_ONCE = 16  # parts being read: a bucket's answer takes its time, not ours


@dataclass(frozen=True)
class Row:
    """One picture.

    Attributes:
        input: its path, or URL.
        output: where it was written, below OUT; None: it was passed over, being developed already, or it failed.
        look: as `Look.to_text`.
        made: what else makes the result what it is, as JSON: the seed that was asked for, the quality of the file, ...
        seed: of its grain; text, because seeds have no bounds.
        seconds: from the file's bytes to the bytes of the result.
        note: what there is to say about how it was read.
        error: what went wrong, a line; None: nothing.
        worker: host and process.
    """

    input: str
    output: str | None
    look: str
    made: str
    seed: str | None
    seconds: float
    note: str | None
    error: str | None
    worker: str


def write(out: Store, part: str, rows: Iterable[Row]) -> None:
    """Writes a part, all of it or nothing. Raises whatever the store says."""
    arrow, parquet = _pyarrow()
    table = arrow.Table.from_pylist([asdict(row) for row in rows], schema=_schema(arrow))
    file = io.BytesIO()
    parquet.write_table(table, file, compression="zstd")
    out.write(_name(part), file.getvalue(), overwrite=True)
    forget(out, part)


def forget(out: Store, part: str) -> None:
    """Takes away what tells how often a part was begun."""
    with suppress(FileNotFoundError):  # another worker was faster
        out.remove(_tries(part))


def tries(out: Store, part: str) -> int:
    """How often a part was begun before; and now it is once more. Raises whatever the store says."""
    try:
        count = len(out.read(_tries(part)))
    except FileNotFoundError:
        count = 0
    out.write(_tries(part), b"." * (count + 1), overwrite=True)
    return count


def read(out: Store, part: str) -> list[Row] | None:
    """The rows of a part; None where it is not written."""
    try:
        data = out.read(_name(part))
    except FileNotFoundError:
        return None
    _, parquet = _pyarrow()
    return [Row(**row) for row in parquet.read_table(io.BytesIO(data), columns=_COLUMNS).to_pylist()]


def done(out: Store, look: str, made: str) -> dict[str, str | None]:
    """What each input became that came out well in this very way, by all parts: its output, None where it was passed over.

    Raises:
        FilmLookError: a part is damaged.
    """
    _, parquet = _pyarrow()
    names = [name for name in Store(out.files, out.path(FOLDER)).names(recursive=False) if name.endswith(".parquet")]

    def rows_of(name: str) -> Mapping[str, Any]:
        try:
            data = out.read(f"{FOLDER}/{name}")
            wanted = [("look", "==", look), ("made", "==", made)]
            found = parquet.read_table(io.BytesIO(data), columns=["input", "output", "error"], filters=wanted)
            return dict(found.to_pydict())
        except Exception as error:  # pyarrow has errors of many kinds for what is damaged
            raise FilmLookError(f"{out.shown(f'{FOLDER}/{name}')}: cannot be read: {' '.join(str(error).split())}") from error

    well: dict[str, str | None] = {}
    with ThreadPoolExecutor(_AT_ONCE) as readers:
        for rows in readers.map(rows_of, names):
            for name, output, error in zip(rows["input"], rows["output"], rows["error"], strict=True):
                if error is None:
                    well[name] = output
    return well


def _name(part: str) -> str:
    return f"{FOLDER}/{part}.parquet"


def _tries(part: str) -> str:
    return f"{FOLDER}/{part}.begun"  # a byte for each time


_COLUMNS = [field.name for field in fields(Row)]


def _schema(arrow: Any) -> Any:
    return arrow.schema([(name, arrow.float64() if name == "seconds" else arrow.string()) for name in _COLUMNS])


def _pyarrow() -> tuple[Any, Any]:
    need = ("--ray", "ray", FilmLookError)
    return extra("pyarrow", *need), extra("pyarrow.parquet", *need)
