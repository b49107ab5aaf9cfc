"""Fitting: the measure, and making films of one's own."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from filmlook import FilmLookError, Look, develop, load_stock
from filmlook.cli import main
from filmlook.engine.colour_only import colour_of
from filmlook.files import lut
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.scene_light import MID_GREY
from filmlook.film.slide import Slide
from filmlook.fitting import colours as colours_module
from filmlook.fitting import make_stock, model_stock
from filmlook.fitting.anchors import CLEAR_AT, GAMMA
from filmlook.fitting.colours import Colours, from_lut, from_pairs, read_table
from filmlook.fitting.delta_e import delta_e, to_cielab
from filmlook.fitting.model_stock import fit_film, shown
from filmlook.fitting.stock_file import fit_stock
from filmlook.prints import load_paper

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


# --- films of one's own


def _cube(side: int) -> Tensor:
    axis = torch.linspace(0, 1, side, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis, axis)


def _through(film: Film, on: Paper | Slide, side: int = 7) -> Colours:
    """A cube of colours, and what becomes of them."""
    codes = _cube(side)
    return Colours(codes, shown(film, on, codes).clamp(0, 1).expand(-1, 3))


def _is_a_film(film: Film) -> None:
    """Density over base: none where nothing was exposed, rising with light, as steep as films are."""
    sign = 1 if film.kind == "negative" else -1
    light = (MID_GREY * 2 ** torch.linspace(-10, 6, 200, dtype=torch.float64))[:, None].expand(-1, 3)
    density = film.develop()(light)
    assert (density >= 0).all()
    assert (sign * density.diff(dim=0) >= 0).all()
    assert (film.curve(torch.full((film.layers,), CLEAR_AT[film.kind], dtype=torch.float64)) < 0.03).all()
    assert (density < 4.05).all()
    low, high = GAMMA[film.kind]
    step = torch.log10(torch.tensor(2.0, dtype=torch.float64))
    grey = torch.log10(torch.tensor(MID_GREY, dtype=torch.float64)) + film.grey_offsets()
    gamma = (film.curve(grey + step) - film.curve(grey - step)) / (2 * step)
    assert (gamma > low - 0.05).all()
    assert (gamma < high + 0.05).all()


@pytest.mark.long
def test_film_and_print_of_an_unknown_table_are_found_together() -> None:
    """A film on a paper, of neither of which the fit is told."""
    table = _through(load_stock("kodak_ektar_100").film, load_paper("kodak_supra_endura"))
    result = fit_stock(table, load_stock("kodak_gold_200"))
    assert result.converged
    assert result.mean < 0.5
    assert result.held_out > 50
    _is_a_film(result.film)


@pytest.mark.slow
@pytest.mark.long
def test_a_film_is_found_through_a_paper_that_is_known() -> None:
    true, paper = load_stock("kodak_ektar_100").film, load_paper("kodak_portra_endura")
    result = fit_stock(_through(true, paper), load_stock("kodak_gold_200"), "kodak_portra_endura")
    assert result.converged
    assert result.mean < 0.5
    _is_a_film(result.film)
    assert torch.allclose(result.film.status_gamma(), true.status_gamma(), rtol=0.06)
    light = (MID_GREY * 2 ** torch.linspace(-3, 3, 13, dtype=torch.float64))[:, None].expand(-1, 3)
    greys = [film.develop()(light) @ film.printing.T for film in (result.film, true)]
    greys = [g - g[6] for g in greys]  # what a paper sees, over mid-grey
    assert float((greys[0] - greys[1]).abs().max()) < 0.1


@pytest.mark.long
def test_a_slide_keeps_no_print_and_a_black_and_white_film_one_layer(tmp_path: Path) -> None:
    velvia, tri_x = load_stock("fujifilm_velvia_100"), load_stock("kodak_tri_x_400")
    slide = fit_stock(_through(velvia.film, velvia.prints.slide), load_stock("fujifilm_provia_100f"))
    assert slide.mean < 0.8
    assert (slide.on.absorption >= 0).all()
    _is_a_film(slide.film)
    grey = fit_stock(_through(tri_x.film, load_paper("grade-4")), load_stock("kodak_double_x_5222"))
    assert grey.mean < 0.5
    assert (grey.film.layers, grey.on.layers) == (1, 1)
    _is_a_film(grey.film)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "paper"),
    [
        ("flat", ""),
        ("inverted", ""),
        pytest.param("flat", "kodak_portra_endura", marks=pytest.mark.long),
        ("steps", "kodak_portra_endura"),
    ],
)
@pytest.mark.long
def test_colours_that_are_no_films_still_leave_a_film(what: str, paper: str) -> None:
    codes = _cube(5)
    target = {"flat": torch.full_like(codes, 0.5), "inverted": 1 - codes, "steps": (codes > 0.5).double()}[what]
    _is_a_film(fit_stock(Colours(codes, target), load_stock("kodak_gold_200"), paper).film)


@pytest.mark.parametrize(
    ("like", "paper", "message"),
    [
        ("kodak_gold_200", "endura", "paper is 'endura'; installed papers are: .*kodak_portra_endura"),
        ("kodak_gold_200", "grade-2", "for black and white; Kodak Gold 200 is a colour film"),
        ("kodak_tri_x_400", "kodak_2383", "for colour; Kodak Tri-X 400 is a black and white film"),
        ("fujifilm_velvia_100", "kodak_2383", "Velvia 100 is a slide, which is not printed"),
        ("neutral", "", "it is no film, and has no datasheet"),
    ],
)
def test_a_paper_that_there_is_not_or_that_does_not_fit_is_refused(like: str, paper: str, message: str) -> None:
    with pytest.raises(FilmLookError, match=message):
        fit_stock(Colours(_cube(5), _cube(5)), load_stock(like), paper)


def test_the_command_tells_which_papers_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cube, out = tmp_path / "warm.cube", tmp_path / "film.json"
    lut.write_cube(cube, lut.bake(_warm, 5))
    assert main(["fit", str(cube), "-o", str(out), "--paper", "endura"]) != 0
    assert "installed papers are: " in capsys.readouterr().err
    assert not out.exists()


def _warm(x: Tensor) -> Tensor:
    """A film-like change of colour: a soft curve, a warm cast, greens less saturated."""
    curve = x**1.1 * (3 - 2 * x) ** 0.4 * 0.94 + 0.03
    mixed = torch.stack((curve[:, 0], 0.9 * curve[:, 1] + 0.1 * curve[:, 0], 0.85 * curve[:, 2] + 0.1 * curve[:, 1]), 1)
    return mixed.clamp(0, 1)


@pytest.mark.slow
@pytest.mark.long
def test_a_lut_becomes_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(colours_module, "_LATTICE", 8)  # a quarter of the colours
    cube, out = tmp_path / "warm.cube", tmp_path / "warm.json"
    lut.write_cube(cube, lut.bake(_warm, 33))
    assert main(["fit", str(cube), "-o", str(out), "--label", "Warm"]) == 0
    assert "converged" not in capsys.readouterr().err
    stock = load_stock(str(out))
    assert (stock.label, stock.kind, stock.antihalation) == ("Warm", "negative", "weak")
    assert stock.prints.default == "own"
    assert stock.prints.own.free_ends
    assert stock.fit["mean_de00"] < 1.6
    codes = from_lut(_warm).codes
    got = torch.from_numpy(develop(codes.float()[None].numpy(), Look(stock=str(out), halation=0, grain=0, sharpness=0)))
    wanted = _warm(codes.float().T[None, :, :, None])[0, :, :, 0].T
    assert float(delta_e(to_cielab(got[0].double()), to_cielab(wanted.double())).mean()) < 1.7
    assert main(["fit", str(cube), "-o", str(out)]) == 1  # it is there already


@pytest.mark.slow
@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
def test_on_a_clock_of_any_speed_a_fit_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock may only end a fit, not steer it: one that runs a hundred times as fast changes nothing."""
    codes = torch.rand(120, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    table = Colours(codes, (codes.mean(1, keepdim=True) ** 1.2).expand(-1, 3))
    fits = []
    for speed in (1, 100):
        monkeypatch.setattr(model_stock.time, "monotonic", lambda speed=speed: speed * time.perf_counter())
        fits.append(fit_film(table, load_stock("kodak_tri_x_400").film, seconds=6000))
    assert fits[0][2]
    assert torch.equal(shown(*fits[0][:2], codes), shown(*fits[1][:2], codes))


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
    assert not (tmp_path / "o.json").exists()


@pytest.mark.parametrize(
    ("like", "paper"), [("kodak_tri_x_400", ""), ("kodak_tri_x_400", "grade-3"), ("fujifilm_velvia_100", "")]
)
def test_a_made_stock_file_is_readable_text_and_gives_what_was_fitted(tmp_path: Path, like: str, paper: str) -> None:
    cube, out = tmp_path / "x.cube", tmp_path / "x.json"
    lut.write_cube(cube, lut.bake(_warm, 9))
    options = ["--like", like, *(["--paper", paper] if paper else [])]
    main(["fit", str(cube), "-o", str(out), "--seconds", "0.1", *options])
    text = out.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) < 200
    data = json.loads(text)
    assert data["format"] == 2
    assert data["print"] == (paper or ("slide" if like == "fujifilm_velvia_100" else "own"))
    stock = load_stock(str(out))
    on = stock.prints.slide or stock.prints.own or load_paper(paper)
    codes = _cube(5)
    look = Look(stock=str(out), halation=0, grain=0, sharpness=0, white=1, black=1)
    got = torch.from_numpy(develop(codes.float()[None].numpy(), look))[0].double()
    assert torch.allclose(got, shown(stock.film, on, codes).clamp(0, 1).expand(-1, 3), atol=2 / 255)
