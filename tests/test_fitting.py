"""Fitting: the measure, the anchors, the shipped films' figures, and making films of one's own."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from filmlook import FilmLookError, Look, Stock, develop, list_stocks, load_stock
from filmlook.cli import main
from filmlook.engine.colour_only import colour_of
from filmlook.files import lut
from filmlook.film.scene_light import MID_GREY, scene_light
from filmlook.fitting import colours as colours_module
from filmlook.fitting import make_stock, model_stock
from filmlook.fitting.anchors import MID_LOG, STOP, slope
from filmlook.fitting.colours import from_lut, from_pairs, read_table
from filmlook.fitting.delta_e import delta_e, to_cielab
from filmlook.fitting.model_stock import differences, fit_model

FILMS = [name for name in list_stocks() if load_stock(name).model]

# Sharma, Wu, Dalal (2005), table 1: Lab, Lab, dE00.
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425), ((50, 3.1571, -77.2803), (50, 0, -82.7485), 2.8615),
    ((50, 2.8361, -74.0200), (50, 0, -82.7485), 3.4412), ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
    ((50, 0, 0), (50, -1, 2), 2.3669), ((50, 2.4900, -0.0010), (50, -2.4900, 0.0009), 7.1792),
    ((50, 2.4900, -0.0010), (50, -2.4900, 0.0011), 7.2195), ((50, -0.0010, 2.4900), (50, 0.0009, -2.4900), 4.8045),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065), ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((50, 2.5, 0), (56, -27, -3), 31.9030), ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]  # fmt: skip


def test_ciede2000_gives_the_published_pairs() -> None:
    first, second = (torch.tensor([pair[i] for pair in SHARMA], dtype=torch.float64) for i in (0, 1))
    expected = torch.tensor([pair[2] for pair in SHARMA], dtype=torch.float64)
    assert torch.allclose(delta_e(first, second), expected, atol=1e-4)
    assert torch.allclose(delta_e(second, first), expected, atol=1e-4)


def test_lab_of_white_and_primaries() -> None:
    colours = torch.tensor([[1, 1, 1], [0, 0, 0], [1, 0, 0]], dtype=torch.float64)
    expected = torch.tensor([[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]], dtype=torch.float64)
    assert torch.allclose(to_cielab(colours), expected, atol=0.05)


# --- the shipped films


def _published(stock: Stock, key: str) -> Tensor:
    return torch.tensor(stock.published[key], dtype=torch.float64)


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_anchored_to_its_datasheet(name: str) -> None:
    stock = load_stock(name)
    model, gamma = stock.model, _published(stock, "gamma")
    relative = slope(model, MID_LOG + STOP * torch.linspace(-2, 1, 61, dtype=torch.float64)) / gamma
    assert float((relative - 1).abs().max()) <= 0.15
    clear = -5.0 if stock.kind == "negative" else 2.5
    least = model.density(torch.full((1, stock.layers), clear, dtype=torch.float64))[0]
    assert float((least - _published(stock, "dmin")).abs().max()) <= 0.05
    if stock.layers == 3:
        assert (model.sensitivity.diagonal() >= 0.6).all()
        assert torch.allclose(model.sensitivity.sum(1), torch.ones(3, dtype=torch.float64), atol=1e-3)
    assert (model.absorption.abs() <= 0.5).all()
    assert (model.inhibition >= 0).all()
    assert (model.flare >= 0).all()


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_monotone_over_its_range(name: str) -> None:
    stock = load_stock(name)
    light = (MID_GREY * 2 ** torch.linspace(-10, 6, 400, dtype=torch.float64))[:, None].expand(-1, 3)
    density = stock.model.density(torch.log10(stock.model.layer_exposure(light)))
    falls = 1 if stock.kind == "negative" else -1
    assert (falls * density.diff(dim=0) > -2e-3).all()
    assert (stock.model(light).clamp(0, 1).diff(dim=0) > -3e-4).all()


TARGETS = {"fujifilm_classic_negative": (1.0, 2.2), "kodak_double_x_5222": (0.8, 3.2), "kodak_tri_x_400": (1.1, 5.5)}


@pytest.mark.parametrize("name", [name for name in FILMS if name != "cinestill_800t"])
def test_a_film_meets_its_table(name: str, reference: Path) -> None:
    colours = read_table(reference / "colour" / f"{name}.csv")
    left = differences(load_stock(name).model, colours.codes, colours.target)
    mean, p95 = TARGETS.get(name, (1.4, 3.6))
    assert float(left.mean()) <= mean
    assert float(left.quantile(0.95)) <= p95


@pytest.mark.parametrize("name", ["kodak_gold_200", "fujifilm_velvia_100", "kodak_tri_x_400"])
def test_what_develop_gives_is_what_was_fitted(name: str, reference: Path) -> None:
    colours = read_table(reference / "colour" / f"{name}.csv")
    display = colours.codes.float().T[None, :, :, None]
    out = colour_of(Look(stock=name))(display)[0, :, :, 0].T.double()
    left = delta_e(to_cielab(out), to_cielab(colours.target))
    assert float(left.mean()) == pytest.approx(load_stock(name).fit["mean_de00"], abs=0.02)


@pytest.mark.parametrize("name", FILMS)
def test_greys_go_without_a_jump_of_colour(name: str) -> None:
    greys = scene_light(torch.linspace(0, 1, 256, dtype=torch.float64))[:, None].expand(-1, 3)
    ramp = load_stock(name).model(greys).clamp(0, 1)
    assert float(ramp.diff(n=2, dim=0).abs().max()) < 1e-3  # a quarter of an 8-bit code


# --- films of one's own


def _warm(x: Tensor) -> Tensor:
    """A film-like change of colour: a soft curve, a warm cast, greens less saturated."""
    curve = x**1.1 * (3 - 2 * x) ** 0.4 * 0.94 + 0.03
    mixed = torch.stack((curve[:, 0], 0.9 * curve[:, 1] + 0.1 * curve[:, 0], 0.85 * curve[:, 2] + 0.1 * curve[:, 1]), 1)
    return mixed.clamp(0, 1)


@pytest.mark.slow
def test_a_lut_becomes_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(colours_module, "_LATTICE", 8)  # a quarter of the colours
    cube, out = tmp_path / "warm.cube", tmp_path / "warm.json"
    lut.write_cube(cube, lut.bake(_warm, 33))
    assert main(["fit", str(cube), "-o", str(out), "--label", "Warm"]) == 0
    assert "converged" not in capsys.readouterr().err
    stock = load_stock(str(out))
    assert (stock.label, stock.kind, stock.antihalation) == ("Warm", "negative", "weak")
    assert stock.fit["mean_de00"] < 1.6
    codes = from_lut(_warm).codes
    got = torch.from_numpy(develop(codes.float()[None].numpy(), Look(stock=str(out), halation=0, grain=0, sharpness=0)))
    wanted = _warm(codes.float().T[None, :, :, None])[0, :, :, 0].T
    assert float(delta_e(to_cielab(got[0].double()), to_cielab(wanted.double())).mean()) < 1.7
    assert main(["fit", str(cube), "-o", str(out)]) == 1  # it is there already


@pytest.mark.slow
def test_photographs_become_a_film(tmp_path: Path, scene: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    for i in range(3):
        before = (scene[:, :, rng.permutation(3)].astype(np.float32) / 255) ** rng.uniform(0.7, 1.4)
        after = _warm(torch.from_numpy(before).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
        after = after + rng.normal(0, 0.02, after.shape)  # grain
        Image.fromarray((before * 255).round().astype(np.uint8)).save(tmp_path / "before" / f"{i}.png")
        Image.fromarray((after.clip(0, 1) * 255).round().astype(np.uint8)).save(tmp_path / "after" / f"{i}.png")
    out = tmp_path / "film.json"
    like = load_stock("kodak_gold_200")
    result = make_stock([tmp_path / "before", tmp_path / "after"], out, like)
    assert result.converged
    assert result.mean < 2.0
    assert load_stock(str(out)).granularity == like.granularity


@pytest.mark.slow
def test_five_pairs_of_photographs(tmp_path: Path, reference: Path) -> None:
    """Photographs through another film's table, fitted, and compared pixel by pixel."""
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    names = ["portrait_02", "garden_04", "city_03", "landscape_05", "interior_03"]
    colour = colour_of(Look(stock="kodak_ektar_100"))
    pairs = []
    for name in names:
        image = Image.open(reference / "photos" / f"{name}.jpg").convert("RGB")
        image.thumbnail((500, 500))
        display = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None] / 255
        pairs.append((display, colour(display)))
        image.save(tmp_path / "before" / f"{name}.png")
        after = (pairs[-1][1][0].permute(1, 2, 0) * 255).round().byte().numpy()
        Image.fromarray(after).save(tmp_path / "after" / f"{name}.png")
    out = tmp_path / "film.json"
    make_stock([tmp_path / "before", tmp_path / "after"], out, load_stock("kodak_gold_200"))
    fitted = colour_of(Look(stock=str(out)))
    errors = []
    for before, after in pairs:
        got = fitted(before)[0, :, ::7, ::7].flatten(1).T.double()
        errors.append(delta_e(to_cielab(got), to_cielab(after[0, :, ::7, ::7].flatten(1).T.double())))
    assert float(torch.cat(errors).mean()) < 2.0


def test_a_fit_that_the_clock_ended_says_so_and_one_that_is_no_likeness_has_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cube = tmp_path / "warm.cube"
    lut.write_cube(cube, lut.bake(_warm, 17))
    code = main(["fit", str(cube), "-o", str(tmp_path / "starved.json"), "--seconds", "0.01"])
    said = capsys.readouterr()
    assert "starved.json: the fit has not converged in 0.01 s" in said.err
    assert load_stock(str(tmp_path / "starved.json")).fit["mean_de00"] > 4
    assert "the fit failed" in said.err
    assert code == 1


def test_on_a_clock_of_any_speed_a_fit_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock may only end a fit, not steer it: one that runs a hundred times as fast changes nothing."""
    codes = torch.rand(120, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    target = (codes.mean(1, keepdim=True) ** 1.2).expand(-1, 3)
    fits = []
    for speed in (1, 100):
        monkeypatch.setattr(model_stock.time, "monotonic", lambda speed=speed: speed * time.perf_counter())
        fits.append(fit_model(codes, target, kind="negative", layers=1, gamma=[0.6], dmin=[0.3], seconds=6000))
    assert fits[0].converged
    assert fits[0].mean == fits[1].mean < 1.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1 is not r_in"),
        ("a,b,c\n1,2,3\n", "line 1 is not r_in"),
        ("r_in,g_in,b_in,r_out,g_out,b_out\n0,0,0,0,0\n", "line 2 is '0,0,0,0,0'"),
        ("r_in,g_in,b_in,r_out,g_out,b_out\n0,0,0,0,0,0\n0,0,x,0,0,0\n", "line 3 is"),
        ("r_in,g_in,b_in,r_out,g_out,b_out\n0,0,0,0,0,nan\n", "line 2 is"),
        ("r_in,g_in,b_in,r_out,g_out,b_out\n0,0,0,0,0,1.5\n", "line 2 is"),
    ],
)
def test_a_broken_table_names_file_and_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "colours.csv"
    path.write_text(content)
    with pytest.raises(FilmLookError, match=rf"colours\.csv: {message}"):
        read_table(path)


def test_bad_sources_are_refused(tmp_path: Path, scene: np.ndarray) -> None:
    like = load_stock("kodak_gold_200")
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        folder.mkdir()
    with pytest.raises(FilmLookError, match="before: a folder without pictures"):
        from_pairs(before, after)
    Image.fromarray(scene).save(before / "a.png")
    Image.fromarray(scene).save(after / "b.png")
    with pytest.raises(FilmLookError, match="no partner for"):
        from_pairs(before, after)
    (after / "b.png").rename(after / "a.png")
    Image.fromarray(scene[:100]).save(after / "a.png")
    with pytest.raises(FilmLookError, match="not of the size"):
        from_pairs(before, after)
    table = tmp_path / "few.csv"
    table.write_text("r_in,g_in,b_in,r_out,g_out,b_out\n" + "0,0,0,0,0,0\n" * 9)
    with pytest.raises(FilmLookError, match="9 colours are too few"):
        make_stock([table], tmp_path / "o.json", like)
    with pytest.raises(FilmLookError, match="2 sources"):
        make_stock([table, table], tmp_path / "o.json", like)
    with pytest.raises(FilmLookError, match="no gamma and dmin are published"):
        make_stock([table], tmp_path / "o.json", load_stock("neutral"))
    assert not (tmp_path / "o.json").exists()


def test_a_made_stock_file_is_readable_text(tmp_path: Path) -> None:
    cube, out = tmp_path / "x.cube", tmp_path / "x.json"
    lut.write_cube(cube, lut.bake(_warm, 9))
    make_stock([cube], out, load_stock("kodak_tri_x_400"), seconds=0.1)
    text = out.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) < 200
    assert json.loads(text)["format"] == 1
