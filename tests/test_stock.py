"""Stock files: what is shipped, what is read, and what is refused by name."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from filmlook import FilmLookError, Look, LookError, StockFileError, develop, list_stocks, load_stock
from filmlook.cli import main
from filmlook.files import lut, picture
from filmlook.fitting.delta_e import delta_e, to_cielab
from filmlook.look import FRAMES_MM
from filmlook.paths import BUILT_IN
from filmlook.prints import list_papers, print_labels
from filmlook.stock import stock_labels

SHIPPED = sorted(p.stem for p in (BUILT_IN / "stocks").glob("*.json"))
NETWORKS = ["fujifilm_classic_negative_network", "kodak_gold_200_network"]
FILMS = [name for name in SHIPPED if name != "neutral"]


def test_all_promised_stocks_are_there() -> None:
    assert {"cinestill_800t", "neutral", "fujifilm_classic_negative", "kodak_tri_x_400"} <= set(SHIPPED)
    assert len(FILMS) >= 23
    assert list_stocks() == sorted(SHIPPED + NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shipped_network_meets_its_figures(name: str) -> None:
    stock = load_stock(name)
    assert (BUILT_IN / "stocks" / f"{name}.safetensors").stat().st_size < 2_000_000
    assert stock.kind == "network"
    assert stock.label.endswith("(network)")
    assert stock.granularity == load_stock(name.removesuffix("_network")).granularity
    assert stock.fit["psnr"] >= 36
    assert stock.fit["mean_de00"] <= 1.5


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.long
def test_a_shipped_network_is_like_the_stock_that_taught_it(name: str, reference: Path) -> None:
    photos = reference / "photos"
    names = [line.split("\t")[0] for line in (photos / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    texture = {"halation": 0, "sharpness": 0, "grain": 0, "scan_softness": 0}
    psnr, mean = [], []
    for file in names[4::5]:  # never trained on
        code = torch.from_numpy(picture.read(photos / file).pixels).movedim(2, 0) / 255
        made, taught = (develop(code, Look(stock=s, **texture)) for s in (name, name.removesuffix("_network")))
        psnr.append(-10 * math.log10(float((made - taught).square().mean())))
        mean.append(float(delta_e(to_cielab(made.movedim(0, -1)), to_cielab(taught.movedim(0, -1))).mean()))
    assert len(psnr) == 23
    assert sum(psnr) / 23 >= 36
    assert sum(mean) / 23 <= 1.5


def _count(value: Any) -> int:
    """How many numbers there are in nested tables."""
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_count, value)) if isinstance(value, list) else 1


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_stock_is_small_readable_and_complete(name: str) -> None:
    path = BUILT_IN / "stocks" / f"{name}.json"
    stock = load_stock(name)
    assert path.stat().st_size <= 8192
    assert stock.label
    assert stock.sources
    assert stock.frame in FRAMES_MM
    assert stock.name == name
    if stock.film:
        slide = stock.prints.slide is not None
        assert _count(stock.film.to_dict()) <= (72 if slide else 81)
        assert len(stock.granularity) == stock.layers
        assert stock.measured
        assert stock.credit
        assert stock.licence
        assert slide == (stock.kind == "reversal")


def test_cinestill_is_500t_without_its_backing_developed_in_another_process() -> None:
    still, cine = load_stock("cinestill_800t"), load_stock("kodak_vision3_500t")
    assert (still.antihalation, still.iso, still.frame, still.prints.default) == ("none", 800, "35mm", "minilab")
    assert (cine.antihalation, cine.prints.default) == ("strong", "kodak_2383")
    steeper = (still.film.status_gamma() / cine.film.status_gamma()).tolist()
    assert all(1.05 < ratio < 1.4 for ratio in steeper)
    assert max(steeper) - min(steeper) > 0.02  # and its layers no more alike: a balance of its own


# --- files of the user's


def _sample() -> dict:
    return json.loads((BUILT_IN / "stocks" / "kodak_gold_200.json").read_text(encoding="utf-8"))


def _without(*keys: str):
    def change(data: dict) -> None:
        for key in keys[:-1]:
            data = data[key]
        del data[keys[-1]]

    return change


def _with(value, *keys: str):
    def change(data: dict) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("flare"), "'flare' is missing"),
        (_without("curve", "slope"), "'curve': 'slope' is missing"),
        (_without("print"), "'print' is None; allowed: minilab, slide, own, or the name of a paper"),
        (_with("own", "print"), "'own_print' is missing"),
        (_with({}, "own_print"), "'curve' is missing"),
        (_with([1], "minilab"), "'minilab' is no table of numbers"),
        (_with({"hue": 1}, "minilab"), "'minilab' has 'hue'; allowed: warmth"),
        (_with(1, "format"), "'format' is 1, which had film and print in one"),
        (_with("reversal", "kind"), "'curve' of a reversal film has to fall"),
        (_without("format"), "format"),
        (_without("mtf"), "'mtf' is missing"),
        (_with(float("nan"), "flare", 1), "'flare' holds a number that is not finite"),
        (_with(float("inf"), "printing", 0, 0), "'printing' holds a number that is not finite"),
        (_with([0.1, 0.2], "flare"), r"'flare' has shape \(2,\), expected 3"),
        (_with("wide", "inhibition"), "'inhibition' is not a table of numbers"),
        (_with([[1, 2], [3]], "printing"), "'printing' is not a table of numbers"),
        (_with("slide", "kind"), "'kind' is 'slide'; allowed: negative, reversal, neutral"),
        (_with("24x36", "frame"), "'frame' is '24x36'; allowed: .*35mm"),
        (_with("some", "antihalation"), "'antihalation' is 'some'"),
        (_with(0, "iso"), "'iso' is 0"),
        (_with([5, 5], "granularity"), "'granularity' has shape"),
        (_with([-1, 5, 5], "granularity"), "'granularity' holds a number below 0"),
        (_with([[1, 0, 0]] * 2, "sensitivity"), "'sensitivity' has shape"),
        (_with([[0.5, 0, 1, 1]] * 3, "mtf", "response"), "'mtf' needs rising frequencies and responses above 0"),
        (_with([40, 20, 10, 60], "mtf", "cycles_per_mm"), "'mtf' needs rising frequencies"),
        (_with(5, "sources"), "not a stock file"),
        (_with(5, "published"), "not a stock file"),
    ],
)
def test_a_damaged_stock_file_names_file_and_fault(change, message: str, tmp_path: Path) -> None:
    data = copy.deepcopy(_sample())
    change(data)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data))
    with pytest.raises(StockFileError, match=message) as caught:
        load_stock(str(path))
    assert "mine.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\x80\x04pickle", b'{"format": 3}', b'{"format": 2}'])
def test_what_is_no_stock_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    with pytest.raises(StockFileError, match=r"mine\.json"):
        load_stock(str(path))


def test_unknown_names_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(StockFileError, match=r"stock is 'agfa'; installed stocks are: .*neutral"):
        load_stock("agfa")
    with pytest.raises(StockFileError, match=r"gone\.cube"):
        load_stock(str(tmp_path / "gone.cube"))
    with pytest.raises(StockFileError, match="installed stocks are"):
        load_stock(str(BUILT_IN / "stocks" / "neutral.json"), allow_path=False)


def test_the_users_folder_adds_and_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stocks").mkdir()
    (tmp_path / "stocks" / "neutral.json").write_text(json.dumps({**_sample(), "label": "Mine"}))
    lut.write_cube(tmp_path / "stocks" / "warm.cube", lut.bake(lambda x: x * torch.tensor([1, 0.9, 0.8]).view(3, 1, 1), 5))
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    assert load_stock("neutral").label == "Mine"
    assert "warm" in list_stocks()
    assert load_stock("warm").kind == "lut"


# --- LUT stocks


def test_a_lut_stock_gives_its_colour_and_takes_grain_and_halation(tmp_path: Path, scene: np.ndarray) -> None:
    path = tmp_path / "warm.cube"
    lut.write_cube(path, lut.bake(lambda x: (x * torch.tensor([1, 0.9, 0.7]).view(3, 1, 1)).clamp(0, 1), 9))
    picture = scene.astype(np.float32) / 255
    off = {"halation": 0, "grain": 0, "sharpness": 0, "scan_softness": 0}
    plain = develop(picture, Look(stock=str(path), **off))
    assert np.abs(plain - picture * np.array([1, 0.9, 0.7], np.float32)).max() < 1e-3
    grainy = develop(picture, Look(stock=str(path), **{**off, "grain": 1}), seed=1)
    assert 0.002 < float((grainy - plain).std()) < 0.05
    glowing = develop(picture, Look(stock=str(path), **{**off, "halation": 4}))
    assert np.abs(glowing - plain).max() > 0.02
    darker = develop(picture, Look(stock=str(path), **off, exposure=-1))
    assert darker.mean() < plain.mean() - 0.05
    printed = develop(picture, Look(stock=str(path), **off, light_red=0.5, contrast=1.2))
    assert printed[..., 0].mean() > plain[..., 0].mean() + 0.02


def test_a_lut_that_turns_tones_round_or_flattens_them_is_followed(tmp_path: Path, scene: np.ndarray) -> None:
    picture = scene.astype(np.float32) / 255
    for name, function in (("invert", lambda x: 1 - x), ("flat", lambda x: 0.5 + 0.02 * x)):
        path = tmp_path / f"{name}.cube"
        lut.write_cube(path, lut.bake(function, 9))
        out = develop(picture, Look(stock=str(path), halation=0, grain=0, sharpness=0, scan_softness=0))
        assert np.abs(out - function(picture)).max() < 1e-3


def test_a_broken_cube_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "short.cube"
    path.write_text("LUT_3D_SIZE 3\n0 0 0\n1 1 1\n")
    with pytest.raises(FilmLookError, match=r"short\.cube.*27"):
        develop(np.zeros((4, 4, 3), np.uint8), Look(stock=str(path)))
    photo = tmp_path / "photo.png"
    from PIL import Image

    Image.new("RGB", (8, 8)).save(photo)
    assert main(["develop", str(photo), "-o", str(tmp_path / "out"), "-m", str(path)]) == 1
    assert "short.cube" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_lut_is_called_by_its_title_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    table = "LUT_3D_SIZE 2\n" + "0.5 0.5 0.5\n" * 8
    (tmp_path / "mine.cube").write_text(f'# made by hand\nTITLE "Film of mine"\n{table}', encoding="utf-8-sig")
    (tmp_path / "bare.cube").write_text(table)
    for name, label in (("mine", "Film of mine"), ("bare", "bare")):
        assert stock_labels()[name] == load_stock(name).label == label
    assert load_stock("film OF mine").name == "mine"
    (tmp_path / "other.cube").write_text(f"title Film of mine\n{table}")
    assert stock_labels()["other"] == "Film of mine (other)"
    with pytest.raises(LookError, match="label of mine and of other"):
        load_stock("Film of mine")


def test_labels_without_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "mine.cube").write_text("")
    labels = stock_labels()
    assert list(labels) == list_stocks()
    assert labels["broken"] == "broken"
    assert labels["mine"] == "mine"
    for name in ("kodak_gold_200", "kodak_gold_200_network"):
        assert labels[name] == load_stock(name).label


def test_a_damaged_paper_that_is_asked_for_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "mine.json").write_text("{")
    with pytest.raises(StockFileError, match=r"mine\.json: not a paper file"):
        develop(np.zeros((4, 4, 3), np.uint8), Look(print="mine"))
    with pytest.raises(LookError, match="Kodak Gold 200 allows: stock, minilab, fujifilm"):
        develop(np.zeros((4, 4, 3), np.uint8), Look(print="yours"))


def test_a_paper_of_ones_own_is_listed_and_what_changes_on_disk_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    numbers = json.loads((BUILT_IN / "papers" / "kodak_portra_endura.json").read_text(encoding="utf-8"))
    path = tmp_path / "papers" / "mine.json"
    path.parent.mkdir()
    assert "mine" not in list_papers()
    path.write_text(json.dumps({**numbers, "label": "Mine"}))
    assert "mine" in list_papers()
    assert print_labels(load_stock("kodak_gold_200"))["mine"] == "Mine"
    colour = np.full((4, 4, 3), (200, 90, 60), np.uint8)
    look = Look(print="Mine", halation=0, sharpness=0, grain=0, white=1, black=1)
    first = develop(colour, look)
    assert np.abs(first.astype(int) - develop(colour, dataclasses.replace(look, print="kodak_portra_endura"))).max() <= 1
    numbers["curve"]["slope"] = (np.array(numbers["curve"]["slope"]) * 0.5).tolist()
    path.write_text(json.dumps(numbers))
    os.utime(path, ns=(1, 1))  # another time, however coarse the file system's clock is
    assert np.abs(first.astype(int) - develop(colour, dataclasses.replace(look, print="mine"))).max() > 5
