"""A short run of the fuzzer of files; the long one is `python -m tests.fuzz.files --count 40000`."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz import files


def test_no_damaged_file_breaks_its_reader(tmp_path: Path) -> None:
    faults, kinds = files.Faults(), len(files.samples(tmp_path))
    assert kinds > 12
    files.tried(range(30 * kinds), 7, faults)
    assert not faults.lines
    assert len(faults.slowest) == kinds
    for kind in faults.slowest:
        assert faults.outcomes[kind, "read"] + faults.outcomes[kind, "refused"] == 30
    assert sum(count for (_, outcome), count in faults.outcomes.items() if outcome == "refused") > 60  # or nothing was damaged
