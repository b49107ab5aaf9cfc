"""The report on a trained network: figures with known answers, and files that can be read."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from filmlook.errors import FilmLookError
from filmlook.training.figures import curve, sheet
from filmlook.training.report import HeldOut, write_report
from filmlook.training.scores import Scores, overall, require_plotting, scores

pytest.importorskip("matplotlib", reason="the report needs the extra filmlook[train]")
pytest.importorskip("skimage", reason="the report needs the extra filmlook[train]")


@pytest.fixture
def picture() -> Tensor:
    """Smooth colours with some noise, 3 x 40 x 60, away from black and white."""
    y, x = torch.meshgrid(torch.linspace(0.2, 0.7, 40), torch.linspace(0.2, 0.7, 60), indexing="ij")
    noise = torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(3))
    return torch.stack((x, y, 0.9 - x)) + 0.1 * noise


def _shifted(name: str, picture: Tensor, shift: float) -> HeldOut:
    return HeldOut(name, lambda: (picture, picture + shift, picture))


# Figures


def test_same_picture_has_the_best_figures(picture: Tensor) -> None:
    assert scores(picture, picture) == Scores(psnr=100.0, ssim=pytest.approx(1), mean_de00=0.0, p95_de00=0.0)


def test_psnr_of_a_known_offset(picture: Tensor) -> None:
    assert scores(picture + 0.1, picture).psnr == pytest.approx(20, abs=1e-3)
    assert scores(picture + 1e-6, picture).psnr == 100


@pytest.mark.parametrize("size", [(11, 11), (700, 400)], ids=["smallest", "several chunks"])
def test_de00_of_a_known_pair(size: tuple[int, int]) -> None:
    black, white = torch.zeros(3, *size), torch.ones(3, *size)
    mixed = white.clone()
    mixed[:, :, : size[1] // 2] = 0
    assert scores(black, white).mean_de00 == pytest.approx(100, abs=1e-2)
    assert scores(mixed, white).mean_de00 == pytest.approx(100 * (size[1] // 2) / size[1], abs=1e-2)
    assert scores(mixed, white).p95_de00 == pytest.approx(100, abs=1e-2)


def test_ssim_falls_with_structure_not_with_brightness(picture: Tensor) -> None:
    assert scores(picture.flip(2), picture).ssim < 0.5 < scores(picture + 0.1, picture).ssim < 1


def test_code_outside_the_range_is_clamped() -> None:
    assert scores(torch.full((3, 12, 12), 1.5), torch.ones(3, 12, 12)).psnr == 100


def test_overall_is_the_mean_of_each_figure() -> None:
    assert overall([Scores(20, 0.5, 4, 8), Scores(40, 0.7, 2, 4)]) == Scores(30, pytest.approx(0.6), 3, 6)


@pytest.mark.parametrize(
    ("made", "target", "line"),
    [
        (torch.zeros(1, 3, 20, 20), torch.zeros(3, 20, 20), r"shape \(1, 3, 20, 20\); allowed is \(3, H, W\)"),
        (torch.zeros(3, 20, 30), torch.zeros(3, 20, 20), "unlike sizes: 30 x 20, 20 x 20"),
        (torch.zeros(3, 10, 20), torch.zeros(3, 10, 20), "20 x 10 pixels cannot be scored; allowed are 11 x 11"),
        (torch.full((3, 20, 20), math.nan), torch.zeros(3, 20, 20), "holds NaN"),
    ],
    ids=["batch", "unlike", "small", "nan"],
)
def test_pictures_without_figures_get_a_line(made: Tensor, target: Tensor, line: str) -> None:
    with pytest.raises(FilmLookError, match=line):
        scores(made, target)


# The report


@pytest.mark.slow
def test_report_writes_its_files(tmp_path: Path, picture: Tensor) -> None:
    shifts = {"near | by": 0.02, "same": 0.0, "far/off é": 0.2, "some": 0.05}
    pictures = [_shifted(name, picture, shift) for name, shift in shifts.items()]
    facts = {"stock": "gold", "loss": math.nan, "file": Path("a.safetensors"), "rates": [1e-4, math.inf]}
    mean = write_report(tmp_path / "new" / "report", "Gold", pictures, facts, sheets=2)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    figures = json.loads((tmp_path / "new/report/report.json").read_text("utf-8"), parse_constant=refuse)
    assert figures["facts"] == {"stock": "gold", "loss": None, "file": "a.safetensors", "rates": [1e-4, None]}
    assert figures["overall"]["psnr"] == mean.psnr
    assert [entry["name"] for entry in figures["pictures"]] == ["same", "near | by", "some", "far/off é"]
    assert figures["pictures"][0]["psnr"] == 100

    text = (tmp_path / "new/report/report.md").read_text("utf-8")
    assert "best **same**, worst **far/off é**" in text
    sheets = sorted((tmp_path / "new/report/sheets").iterdir())
    assert [path.name for path in sheets] == ["001-same.png", "004-far-off-.png"]
    assert all(f"](sheets/{path.name})" in text for path in sheets)


@pytest.mark.parametrize(("sheets", "places"), [(0, []), (1, [5]), (3, [1, 3, 5]), (9, [1, 2, 3, 4, 5])])
def test_sheets_are_spread_and_show_the_worst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Tensor, sheets: int, places: list[int]
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr("filmlook.training.report.sheet", lambda path, name, *_: drawn.append(name))
    write_report(tmp_path, "Spread", [_shifted(f"{i}", picture, i / 50) for i in range(1, 6)], {}, sheets)
    assert sorted(drawn) == [str(place) for place in places]


def test_report_holds_one_photograph_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Tensor) -> None:
    events: list[str] = []

    def load(name: str) -> Callable[[], tuple[Tensor, Tensor, Tensor]]:
        return lambda: (events.append(f"load {name}"), (picture, picture + 0.01, picture))[1]

    monkeypatch.setattr("filmlook.training.report.sheet", lambda path, name, *_: events.append(f"sheet {name}"))
    write_report(tmp_path, "Stream", [HeldOut(name, load(name)) for name in "abc"], {}, sheets=2)
    assert events == ["load a", "load b", "load c", "load a", "sheet a", "load c", "sheet c"]


@pytest.mark.parametrize("size", [(30, 90), (90, 30), (1, 1)], ids=["landscape", "portrait", "one pixel"])
def test_sheet_is_1600_wide(tmp_path: Path, size: tuple[int, int]) -> None:
    flat = torch.full((3, *size), 0.5)
    sheet(tmp_path / "s.png", "a $name$ " * 20, flat, flat, flat, Scores(100, 1, 0, 0))
    with Image.open(tmp_path / "s.png") as image:
        assert image.format == "PNG"
        assert image.width == 1600


@pytest.mark.parametrize("held_out", [{}, {"psnr": 30.0, "mean_de00": 2.0}, {"psnr": math.nan, "mean_de00": 2.0}])
def test_curve_takes_rows_with_and_without_held_out_figures(tmp_path: Path, held_out: dict[str, float]) -> None:
    rows = [{"step": step, "loss": 1 / (1 + step), "rate": 1e-4} for step in range(0, 200, 2)]
    curve(tmp_path / "c.png", [*rows, {"step": 200, "loss": math.nan, "rate": 1e-5, **held_out}])
    curve(tmp_path / "c.png", [{**rows[0], **held_out}])
    with Image.open(tmp_path / "c.png") as image:
        assert image.format == "PNG"


# What users can meet


def test_nothing_held_out_gives_a_line(tmp_path: Path) -> None:
    with pytest.raises(FilmLookError, match="no photographs are held out"):
        write_report(tmp_path / "new", "None", [], {})
    with pytest.raises(FilmLookError, match="no photographs are held out"):
        overall([])


def test_curve_of_an_empty_log_gives_a_line(tmp_path: Path) -> None:
    with pytest.raises(FilmLookError, match="no rows"):
        curve(tmp_path / "c.png", [])


def test_unfit_picture_is_named(tmp_path: Path, picture: Tensor) -> None:
    with pytest.raises(FilmLookError, match="broken: a picture to report on holds NaN"):
        write_report(tmp_path, "NaN", [_shifted("broken", picture, math.nan)], {})


def test_folder_that_cannot_be_written_gives_a_line(tmp_path: Path, picture: Tensor) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FilmLookError, match=r"file.report: cannot be written: Not a directory$"):
        write_report(tmp_path / "file" / "report", "Title", [_shifted("a", picture, 0.1)], {})
    with pytest.raises(FilmLookError, match=r"c\.png: cannot be written: No such file or directory$"):
        curve(tmp_path / "nowhere" / "c.png", [{"step": 0, "loss": 1.0, "rate": 1e-4}])


@pytest.mark.parametrize("missing", ["matplotlib.figure", "skimage.metrics"])
def test_missing_extra_gives_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Tensor, missing: str) -> None:
    require_plotting()
    monkeypatch.setitem(sys.modules, missing, None)
    line = r'^the report needs (matplotlib|mpl_toolkits|skimage): pip install "filmlook\[train\]"$'
    with pytest.raises(FilmLookError, match=line):
        require_plotting()
    with pytest.raises(FilmLookError, match=line):
        write_report(tmp_path / "new", "Title", [_shifted("a", picture, 0.1)], {})
    assert not (tmp_path / "new").exists()
