"""`develop` makes what it made: the pictures of `baseline.npz` are renewed on purpose alone (`python -m tests.baseline`)."""

from __future__ import annotations

import numpy as np
import pytest

from filmlook import Look, develop, list_stocks
from tests import baseline

KEPT = baseline.kept()


def test_every_stock_is_kept_under_every_look() -> None:
    assert set(KEPT) == {f"{stock}/{look}" for stock in list_stocks() for look in baseline.LOOKS}


@pytest.mark.parametrize("name", sorted(KEPT))
def test_develop_makes_what_it_made(name: str) -> None:
    stock, look = name.split("/")
    now = develop(baseline.pictures(), Look(stock=stock, **baseline.LOOKS[look]), seed=baseline.SEED, device="cpu")
    most, share = baseline.moved(now, KEPT[name])
    assert most <= 1, f"up to {most} codes, {share:.2%} of the samples"
    assert share <= 0.005, f"{share:.2%} of the samples"  # roundings of other processors flip a dithered sample here and there


def test_a_picture_moved_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = {name: picture.copy() for name, picture in KEPT.items()}
    now["neutral/colour"][0, 0, 0] ^= 24
    monkeypatch.setattr(baseline, "made", lambda: now)
    monkeypatch.setattr("sys.argv", ["baseline"])
    baseline.main()
    told = capsys.readouterr().out
    assert told.startswith("neutral/colour")
    assert len(told.splitlines()) == 1
    assert np.array_equal(baseline.kept()["neutral/colour"], KEPT["neutral/colour"])
