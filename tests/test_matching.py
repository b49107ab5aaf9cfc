"""Looks from references: what is found makes other pictures like them; what shows nothing is refused."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from docs.scenes import landscape, night, samples
from filmlook import Look, LookError, PictureError, develop, match
from filmlook.cli import main
from filmlook.engine.colour_only import colour_of
from filmlook.files.lut import bake, write_cube
from filmlook.fitting.delta_e import delta_e, from_cielab, to_cielab
from filmlook.matching.colour import candidates
from filmlook.matching.estimator import Estimate, even, from_even, load_estimator
from filmlook.matching.films import load_films, shown
from filmlook.matching.grain import measured_grain
from filmlook.matching.grain_settings import grain_of
from filmlook.matching.made_stock import comes_close, made_look
from filmlook.matching.match import Match
from filmlook.matching.own_stocks import with_own
from filmlook.matching.reference import read_reference
from filmlook.matching.statistics import statistics
from filmlook.stock import load_stock


def jpeg(code: np.ndarray, quality: int = 92) -> bytes:
    data = io.BytesIO()
    Image.fromarray(code).save(data, "JPEG", quality=quality)
    return data.getvalue()


def png(image: Image.Image, **how: object) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG", **how)
    return data.getvalue()


@pytest.fixture(scope="module")
def field() -> np.ndarray:
    """A landscape, small."""
    return np.asarray(landscape(400, 600).convert("RGB"))


@pytest.fixture(scope="module")
def street() -> torch.Tensor:
    """Another picture, on which looks are tried, `1,3,H,W`."""
    code = np.asarray(night(80, 120).convert("RGB"), np.float32) / 255
    return torch.from_numpy(code).permute(2, 0, 1)[None].contiguous()


def off(one: torch.Tensor, other: torch.Tensor) -> float:
    labs = [to_cielab(code[0].permute(1, 2, 0).double()) for code in (one, other)]
    return float(delta_e(*labs).mean())


def test_what_is_found_makes_another_picture_like_the_reference(field: np.ndarray, street: torch.Tensor) -> None:
    strong = Look(stock="kodak_portra_400", contrast=0.75, saturation=0.6, black=2.5, light_red=0.2, light_blue=-0.15)
    found = match(jpeg(develop(field, strong, seed=1))).look
    wanted = colour_of(strong)(street)
    assert off(colour_of(found)(street), wanted) < 0.6 * off(street, wanted)


def test_black_and_white_is_answered_with_black_and_white(field: np.ndarray) -> None:
    found = match(develop(field, Look(stock="kodak_tri_x_400"), seed=1))
    assert load_stock(found.look.stock).is_monochrome
    assert found.look.toning == "none"


@pytest.mark.parametrize(("grain", "quality"), [(1.5, 0), (3.0, 92)])
def test_grain_is_as_strong_as_the_references(scene: np.ndarray, grain: float, quality: int) -> None:
    true = Look(stock="kodak_gold_200", effect_size=2.5, grain=grain)
    pale = (0.3 * scene + 0.7 * scene.mean(2, keepdims=True)).round().astype(np.uint8)
    film = develop(pale, true, seed=1)
    base = dataclasses.replace(true, grain=0.0)
    found = match(jpeg(film, quality) if quality else film, only="grain", look=base).look
    assert dataclasses.replace(found, grain=0.0, grain_colour=1.0, grain_size=1.0) == base  # nothing else was touched
    have, wanted = (np.nanmedian(grain_of(look, 420, None).sigma[:, 1]) for look in (found, true))
    assert have == pytest.approx(wanted, rel=0.2)


def test_a_picture_without_grain_gets_none(scene: np.ndarray) -> None:
    smooth = develop(scene, Look(grain=0.0, halation=0.0))
    assert match(smooth, only="grain").look.grain == 0


def test_grain_is_measured_where_nothing_else_is_shown() -> None:
    random = np.random.default_rng(1)
    code = np.tile(np.linspace(0.2, 0.8, 512)[None, :, None], (256, 1, 3)) + random.normal(0, 0.01, (256, 512, 3))
    code[:, 300:420] += 0.2 * random.random((256, 120, 1))  # something busy
    measured = measured_grain(code.clip(0, 1))
    assert np.nanmedian(measured.sigma) == pytest.approx(0.01, rel=0.15)
    assert max(abs(measured.alike), abs(measured.shared)) < 0.1


def test_only_colour_leaves_the_texture(field: np.ndarray) -> None:
    base = Look(grain=2.5, halation=0.0, vignette=0.3, effect_size=2.0)
    found = match(develop(field, Look(stock="fujifilm_velvia_100"), seed=1), only="colour", look=base, weight=0.5)
    assert (found.look.grain, found.look.halation, found.look.vignette, found.look.effect_size) == (2.5, 0.0, 0.3, 2.0)
    assert found.look.strength == 0.5
    assert set(found.fit) == {"distance", "chance"}
    stocks = [found.look.stock, *(look.stock for look in found.alternatives)]
    assert len(stocks) == len(set(stocks)) == 6


def test_the_order_of_pixels_has_no_say() -> None:
    code = torch.rand(1, 500, 3, generator=torch.Generator().manual_seed(1))
    turned = code[:, torch.randperm(500, generator=torch.Generator().manual_seed(2))]
    assert torch.allclose(statistics(code), statistics(turned), atol=1e-4)


def test_several_references_tell_more_than_the_mean_of_what_each_says() -> None:
    estimator = load_estimator()
    scenes = [image.convert("RGB").resize((150, 100)) for image in samples().values()]
    codes = [torch.from_numpy(np.asarray(scene, np.float32) / 255).permute(2, 0, 1)[None].contiguous() for scene in scenes]
    missed = []
    for look in (
        Look(stock="fujifilm_velvia_50", contrast=0.9, exposure=0.2),
        Look(stock="kodak_portra_400", contrast=0.75, saturation=0.6, black=2.5, light_red=0.2, light_blue=-0.15),
        Look(stock="kodak_vision3_500t", saturation=0.8, black=1.0),
    ):
        told = torch.cat([statistics(colour_of(look)(code)[0].flatten(1).T[None]) for code in codes])
        true = shown(look, estimator.palette).view(-1, 3)
        mean = torch.stack([estimator(one[None]).colours for one in told]).mean(0)
        together = estimator(told)
        assert torch.allclose(estimator(told.flip(0)).colours, together.colours, atol=1e-3)
        assert sum(together.chance.values()) == pytest.approx(1)
        missed.append([float((found - true).norm(dim=1).mean()) for found in (together.colours, mean)])
    pooled, averaged = np.mean(missed, 0)
    assert pooled < 0.98 * averaged


@pytest.mark.parametrize("row", [0, 60, 130, -1])
def test_the_table_of_films_is_that_of_todays_films(row: int) -> None:
    films, palette = load_films(), load_estimator().palette
    stock, paper, toning = films.looks[row]
    made = shown(Look(stock=stock, print=paper, toning=toning), palette)
    assert float((made - films.made[row]).view(-1, 3).norm(dim=1).mean()) < 0.5


def drawing() -> Image.Image:
    image = Image.new("RGB", (400, 300), (250, 220, 120))
    draw = ImageDraw.Draw(image)
    draw.ellipse((50, 50, 200, 200), fill=(220, 60, 60), outline=(0, 0, 0), width=5)
    draw.rectangle((230, 100, 380, 280), fill=(40, 90, 200), outline=(0, 0, 0), width=5)
    return image


def animation() -> bytes:
    data = io.BytesIO()
    frames = [drawing(), drawing().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    frames[0].save(data, "GIF", save_all=True, append_images=frames[1:])
    return data.getvalue()


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (np.zeros((100, 100, 3), np.uint8), "black"),
        (np.full((100, 100, 3), 120, np.uint8), "all of one tone"),
        (np.zeros((20, 100, 3), np.uint8), "100 x 20 pixels"),
        (png(drawing()), "drawn"),
        (animation(), "animation"),
        (b"no picture", "is not a"),
        ("no such file.png", "no such file.png"),
        (7, "allowed: a path"),
    ],
)
def test_what_shows_nothing_is_refused_in_one_line(reference: object, told: str) -> None:
    with pytest.raises(PictureError) as refused:
        match(reference)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("how", "told"), [({"weight": 2}, "weight"), ({"weight": True}, "weight"), ({"only": "tone"}, "only")])
def test_wrong_arguments_are_refused(field: np.ndarray, how: dict[str, object], told: str) -> None:
    with pytest.raises(LookError, match=told):
        match(field, **how)  # type: ignore[arg-type]
    with pytest.raises(LookError, match="0 references"):
        match([])


def test_the_command_writes_a_look_that_develop_reads(field: np.ndarray, tmp_path: Path, capsys) -> None:
    film, out = tmp_path / "film.jpg", tmp_path / "mine.json"
    film.write_bytes(jpeg(develop(field, Look(stock="kodak_ektar_100"), seed=1)))
    assert main(["match", str(film), "-o", str(out), "--weight", "0.7"]) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["look"]["strength"] == 0.7
    assert "others: " in capsys.readouterr().out
    assert main(["match", str(film), "-o", str(out)]) == 1  # it exists
    assert main(["develop", str(film), "--look", str(out), "--again", "-o", str(tmp_path / "other.png")]) == 0
    (tmp_path / "drawn.png").write_bytes(png(drawing()))
    assert main(["match", str(tmp_path / "drawn.png")]) == 1
    assert capsys.readouterr().err.count("\n") == 2


def test_what_would_keep_a_look_from_being_written_is_told_before_it_is_sought(
    field: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr("filmlook.matching.match.match", lambda *args, **how: pytest.fail("it was sought"))
    film = tmp_path / "film.png"
    film.write_bytes(png(Image.fromarray(field)))
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "mine-film.json").write_text("a stock")

    def told(*words: str) -> str:
        assert main(["match", str(film), *words]) != 0
        return str(capsys.readouterr().err.splitlines()[-1])

    assert "no folder" in told("-o", str(tmp_path / "none" / "mine.json"))
    assert "is a folder" in told("-o", str(tmp_path / "folder.json"), "--overwrite")
    assert "mine-film.json: exists" in told("-o", str(tmp_path / "mine.json"))
    assert "none.png: no such file" in told("--same", str(tmp_path / "none.png"))
    assert "a folder without pictures" in told("--same", str(tmp_path / "folder.json"))
    monkeypatch.setenv("FILMLOOK_HOME", str(film))
    assert "where a stock goes" in told("-o", str(tmp_path / "other.json"))


def test_a_file_that_comes_meanwhile_is_kept(field: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film, out = tmp_path / "film.png", tmp_path / "mine.json"
    film.write_bytes(png(Image.fromarray(field)))

    def another(*args: object, **how: object) -> Match:
        out.write_text("another's")
        return Match(Look(), {}, ())

    monkeypatch.setattr("filmlook.matching.match.match", another)
    assert main(["match", str(film), "-o", str(out)]) != 0
    assert out.read_text() == "another's"


def test_grain_alone_needs_no_place_for_a_stock(field: np.ndarray, tmp_path: Path) -> None:
    film, out = tmp_path / "film.png", tmp_path / "mine.json"
    film.write_bytes(png(Image.fromarray(field)))
    (tmp_path / "mine-film.json").write_text("a stock")
    assert main(["match", str(film), "--only", "grain", "-o", str(out)]) == 0
    assert out.is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_a_reference_whose_name_is_no_text_has_a_look_too(field: np.ndarray, tmp_path: Path) -> None:
    film = os.path.join(os.fsencode(tmp_path), b"film\xff.png")
    with open(film, "wb") as file:
        file.write(png(Image.fromarray(field)))
    assert main(["match", os.fsdecode(film), "--only", "grain", "-o", str(tmp_path / "mine.json")]) == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_reference_that_has_no_end_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", tmp_path, tmp_path / "none.png"):
        with pytest.raises(PictureError, match=path.name):
            read_reference(path)


def test_the_users_own_stocks_are_tried(field: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    palette = load_estimator().palette
    wanted = Look(stock="kodak_gold_200", saturation=1.6, contrast=1.5, light_green=0.3)  # a look that none has
    target = shown(wanted, palette)
    assert with_own(load_films(), target) is load_films()
    (tmp_path / "stocks").mkdir()
    write_cube(tmp_path / "stocks" / "mine.cube", bake(colour_of(wanted), 17))
    (tmp_path / "stocks" / "damaged.json").write_text("{}")
    films = with_own(load_films(), target)
    row = [stock for stock, _, _ in films.looks].index("mine")
    assert float((films.made[row] - target).view(-1, 3).norm(dim=1).mean()) < 0.5
    found = candidates(palette, Estimate(target.view(-1, 3), dict.fromkeys(load_estimator().stocks, 0.04)))
    assert found[0].look.stock == "mine"


def crossed(code: torch.Tensor) -> torch.Tensor:
    """A treatment that no film has: red and green hard, blue flat and lifted."""
    red, green, blue = code.unbind(-1)
    hard = [x + k * 4 * x * (1 - x) * (x - 0.5) for x, k in ((red, 0.6), (green, 0.35))]
    return torch.stack((*hard, 0.2 + 0.6 * blue), -1).clamp(0, 1)


def judged(code: torch.Tensor) -> Estimate:
    return Estimate(even(code.double()).float(), dict.fromkeys(load_estimator().stocks, 0.04))


def test_what_no_film_made_is_told_from_what_a_film_made(field: np.ndarray) -> None:
    code = torch.from_numpy(field[::6, ::6].reshape(-1, 3) / 255).float()
    film = colour_of(Look(stock="kodak_gold_200"))(code.T[None, :, :, None].contiguous())[0, :, :, 0].T
    graded, developed = (load_estimator()(statistics(shown[None])).other for shown in (crossed(code), film))
    assert developed < 0.3 < graded


def test_colours_come_back_from_the_space_they_are_compared_in() -> None:
    code = torch.rand(200, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.allclose(from_cielab(from_even(even(code))), code, atol=1e-6)


@pytest.mark.long
def test_a_stock_is_made_where_no_film_comes_close(tmp_path: Path) -> None:
    palette = load_estimator().palette
    wanted = judged(crossed(palette))
    found = candidates(palette, wanted)
    assert not comes_close(found, wanted)
    assert comes_close(candidates(palette, judged(colour_of(Look())(palette.T[None, :, :, None])[0, :, :, 0].T)), wanted)
    out = tmp_path / "mine.json"
    look = made_look(out, "Mine", found, wanted, palette).look
    assert load_stock(look.stock).label == "Mine"
    random = torch.rand(300, 3, generator=torch.Generator().manual_seed(2)) * 0.8 + 0.1
    made, nearest = (colour_of(one)(random.T[None, :, :, None])[0, :, :, 0].T for one in (look, found[0].look))
    true = to_cielab(crossed(random).double())
    ours, theirs = (float(delta_e(to_cielab(code.double()), true).mean()) for code in (made, nearest))
    assert ours < 0.5 * theirs
    assert ours < 2.5
