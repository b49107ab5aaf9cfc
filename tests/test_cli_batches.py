"""`filmlook develop` over folders: which pictures are taken, where they go, and how each is seeded."""

from __future__ import annotations

import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import Look, develop, load_look
from filmlook.cli import main
from filmlook.cli.inputs import natural
from filmlook.engine import trace
from filmlook.engine.develop import film_picture
from filmlook.files import infotext, picture

PLAIN = ["--look", "clean-print"]


def grey(path: Path, code: int = 120, side: int = 64) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), (code,) * 3).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


# --- what is taken


def test_whatever_befalls_a_picture_the_others_are_done_and_it_is_told_in_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One cannot be written, the next not be read; they are written and read while others are developed."""
    inputs = [grey(tmp_path / "in" / f"{n}.png", 40 * n) for n in range(1, 6)]
    inputs[2].write_bytes(b"no picture")
    out = tmp_path / "out"
    (out / "2.png").mkdir(parents=True)
    assert main(["develop", *map(str, inputs), "-o", str(out), "--overwrite", *PLAIN]) == 1
    told = capsys.readouterr()
    assert [line.split(": ")[1].rpartition("/")[2] for line in told.err.splitlines()] == ["2.png", "3.png"]
    assert "3 developed, 2 failed" in told.out
    levels = [pixels(out / f"{n}.png").mean() for n in (1, 4, 5)]
    assert levels == sorted(levels)


def test_pictures_are_developed_side_by_side_but_not_where_one_waits_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A film is exposed as its first frame is; large pictures have blocks enough for all cores, and take memory."""
    for n in range(4):
        grey(tmp_path / "in" / f"{n}.png", 40 * n + 20)
    at_once, most = [0], [0]
    two = threading.Barrier(2)

    def developed(*args: Any, **how: Any) -> Any:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        try:
            if together:
                two.wait(30)  # comes to nothing if they are developed one after the other
            return film_picture(*args, **how)
        finally:
            at_once[0] -= 1

    monkeypatch.setattr("filmlook.engine.develop.film_picture", developed)
    together = True
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *PLAIN]) == 0
    together = False
    for words in (["--frames"], ["--same"], []):
        most[0] = 0
        if not words:
            monkeypatch.setattr("filmlook.cli.line._TOGETHER", 64 * 64)
        out = tmp_path / f"out{len(words)}{words}"
        assert main(["develop", str(tmp_path / "in"), "-o", str(out), *PLAIN, *words]) == 0
        assert len(list(out.iterdir())) == 4
        assert most[0] == 1


def test_what_is_interrupted_says_how_far_it_came_and_keeps_what_was_developed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(1, 5):
        grey(tmp_path / "in" / f"{n}.png", 40 * n)
    (tmp_path / "in" / "1.png").write_bytes(b"no picture")
    begun: list[int] = []

    def interrupted(*args: Any, **how: Any) -> Any:
        begun.append(1)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return film_picture(*args, **how)

    monkeypatch.setattr("filmlook.engine.develop.film_picture", interrupted)
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *PLAIN]) == 130
    told = capsys.readouterr()
    assert "2 of 4 developed, 1 failed" in told.out
    assert [line.rpartition("/")[2].split(":")[0] for line in told.err.splitlines()] == ["1.png", "filmlook"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["2.png", "3.png"]


def test_files_of_other_kinds_are_counted_and_apples_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = grey(tmp_path / "in" / "a.jpg").parent
    (folder / "._a.jpg").write_bytes(b"\0\5\x16\7" + bytes(100))
    (folder / ".DS_Store").write_bytes(b"x")
    for name in ("a.txt", "b.mov", "c.pdf"):
        (folder / name).write_text("x")
    assert main(["develop", str(folder), "-o", str(tmp_path / "out"), *PLAIN]) == 0
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.jpg"]
    assert "1 developed, 0 failed, 3 files of other kinds skipped" in capsys.readouterr().out
    assert main(["develop", str(folder / "*"), "-o", str(tmp_path / "two"), *PLAIN]) == 0
    assert "3 files of other kinds skipped" in capsys.readouterr().out


def test_results_inside_the_input_folder_are_not_developed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = grey(tmp_path / "tree" / "a.png").parent
    grey(tree / "deep" / "film.png")
    for _ in range(3):
        main(["develop", str(tree), "-r", "-o", str(tree / "film"), *PLAIN, "--overwrite"])
        main(["develop", str(tree / "**" / "*.png"), "-r", "-o", str(tree / "film"), *PLAIN, "--again", "--overwrite"])
    written = sorted(str(p.relative_to(tree)) for p in tree.rglob("*.png"))
    assert written == ["a.png", "deep/film.png", "film/a.png", "film/deep/film.png", "film/film.png"]
    assert "already" not in capsys.readouterr().out


def test_what_is_developed_is_passed_over_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i, ending in enumerate(("png", "jpg", "webp", "tif")):
        grey(tmp_path / "in" / f"{i}.{ending}", 100 + i)
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "once"), "--look", "super-8"]) == 0
    capsys.readouterr()
    grey(tmp_path / "once" / "new.png")
    assert main(["develop", str(tmp_path / "once"), "-o", str(tmp_path / "twice"), "--look", "super-8"]) == 0
    assert "1 developed, 0 failed, 4 already developed" in capsys.readouterr().out
    assert [p.name for p in (tmp_path / "twice").iterdir()] == ["new.png"]
    assert main(["develop", str(tmp_path / "once" / "0.png"), "-o", str(tmp_path / "twice"), "--look", "super-8"]) == 0
    assert "1 already developed" in capsys.readouterr().out
    assert main(["develop", str(tmp_path / "once"), "-o", str(tmp_path / "again"), "--look", "super-8", "--again"]) == 0
    assert len(list((tmp_path / "again").iterdir())) == 5


def test_patterns_are_left_out(tmp_path: Path) -> None:
    for name in ("a.png", "a_mask.png", "thumbs/a.png", "deep/b.png", "deep/b_mask.png"):
        grey(tmp_path / "in" / name)
    left_out = ["--exclude", "*_mask.png", "--exclude", "thumbs"]
    assert main(["develop", str(tmp_path / "in"), "-r", "-o", str(tmp_path / "out"), *left_out, *PLAIN]) == 0
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.png")) == ["a.png", "b.png"]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in (10, 9):
        grey(tmp_path / "in" / f"{i}.png")
    (tmp_path / "in" / "notes.txt").write_text("x")
    out = tmp_path / "out"
    assert main(["develop", str(tmp_path / "in"), "-o", str(out), "--dry-run", *PLAIN]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"{tmp_path / 'in' / n} -> {out / n}" for n in ("9.png", "10.png")]
    assert "2 pictures, none developed" in lines[2]
    assert "1 file of other kinds skipped" in lines[2]
    assert not out.exists()
    grey(out / "9.png")
    main(["develop", str(tmp_path / "in"), "-o", str(out), "--dry-run", *PLAIN])
    assert "9.png  (exists)" in capsys.readouterr().out


# --- where it goes


def test_out_is_a_file_for_one_input_and_a_known_ending_else_a_folder(tmp_path: Path) -> None:
    photo = grey(tmp_path / "a.png")
    assert main(["develop", str(photo), "-o", str(tmp_path / "film.webp"), *PLAIN]) == 0
    assert (tmp_path / "film.webp").is_file()
    assert main(["develop", str(photo), "-o", str(tmp_path / "film-1.5"), *PLAIN]) == 0
    assert (tmp_path / "film-1.5" / "a.png").is_file()
    assert main(["develop", str(photo), "-o", f"{tmp_path / 'b.png'}/", *PLAIN]) == 0
    assert (tmp_path / "b.png" / "a.png").is_file()
    grey(tmp_path / "in" / "a.png")
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "film.v2"), *PLAIN]) == 0
    assert (tmp_path / "film.v2" / "a.png").is_file()


def test_another_format_for_all(tmp_path: Path) -> None:
    for name in ("a.png", "b.webp"):
        grey(tmp_path / "in" / name)
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--format", "JPG", *PLAIN]) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.jpg", "b.jpg"]
    assert Image.open(tmp_path / "out" / "a.jpg").format == "JPEG"


# --- grain


def test_files_are_called_by_a_pattern(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("a.png", "deep/b.png"):
        grey(tmp_path / "in" / place)
    order = ["develop", str(tmp_path / "in"), "-r", "-o", str(tmp_path / "out"), *PLAIN, "--format", "jpg"]
    assert main([*order, "--name", "{number}-{name}-{look}-{stock}"]) == 0
    stock = load_look("clean-print").stock
    found = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.jpg")}
    assert found == {f"1-a-clean-print-{stock}.jpg", f"deep/2-b-clean-print-{stock}.jpg"}
    assert main([*order, "--name", "{name.__class__}"]) == 2
    assert main([*order, "--name", "../{name}"]) == 2
    assert "allowed: letters, digits, signs that files may have, {name}, {number}" in capsys.readouterr().err
    assert main([*order, "--name", "{what}"]) == 2
    assert "the name has {what} in it; allowed: {name}" in capsys.readouterr().err
    assert main(["develop", str(tmp_path / "in" / "a.png"), "-o", str(tmp_path / "one.png"), "--name", "{stock}", *PLAIN]) == 2
    assert "one.png is one file, and --name names files in a folder" in capsys.readouterr().err


def test_over_a_folder_each_picture_has_its_own_grain(tmp_path: Path) -> None:
    names = ["0.png", "1.png", "deep/0.png"]
    for name in names:
        grey(tmp_path / "in" / name)

    def developed(out: str, *words: str) -> list[np.ndarray]:
        assert main(["develop", str(tmp_path / "in"), "-r", "-o", str(tmp_path / out), *words]) == 0
        return [pixels(tmp_path / out / name) for name in names]

    own, seven, again, eight = developed("own"), developed("7", "--seed", "7"), developed("7b", "--seed", "7"), developed(
        "8", "--seed", "8"
    )  # fmt: skip
    for one in (own, seven):
        assert (one[0] != one[1]).any()
        assert (one[0] != one[2]).any()
    for a, b, c in zip(seven, again, eight, strict=True):
        assert (a == b).all()
        assert (a != c).any()
    (tmp_path / "in" / "0.png").unlink()  # a picture's grain does not hang on the others
    main(["develop", str(tmp_path / "in"), "-r", "-o", str(tmp_path / "fewer"), "--seed", "7"])
    assert (pixels(tmp_path / "fewer" / "1.png") == seven[1]).all()


def test_the_seed_that_is_written_brings_the_grain_back(tmp_path: Path) -> None:
    grey(tmp_path / "in" / "a.png")
    main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--seed", "7"])
    told = infotext.read(Image.open(tmp_path / "out" / "a.png"))
    assert told
    assert told.seed is not None
    assert (develop(pixels(tmp_path / "in" / "a.png"), Look(), seed=told.seed) == pixels(tmp_path / "out" / "a.png")).all()


def test_a_generated_pictures_own_seed_is_taken(tmp_path: Path) -> None:
    text = {"parameters": "a cat\nSteps: 20, Seed: 42, Size: 64x64"}
    for name in ("a.png", "b.png"):
        (tmp_path / "in").mkdir(exist_ok=True)
        picture.write(tmp_path / "in" / name, picture.Picture(np.full((64, 64, 3), 120, np.uint8), text=text))
    main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out")])
    expected = develop(np.full((64, 64, 3), 120, np.uint8), Look(), seed=42)
    assert all((pixels(tmp_path / "out" / name) == expected).all() for name in ("a.png", "b.png"))


def test_frames_move_the_grain_by_their_number_in_natural_order(tmp_path: Path) -> None:
    for i in (1, 2, 10):
        grey(tmp_path / "in" / f"f{i}.png")
    files = [str(tmp_path / "in" / f"f{i}.png") for i in (1, 10, 2)]  # as a shell lists them
    for out, inputs in (("folder", [str(tmp_path / "in")]), ("files", files), ("pattern", [str(tmp_path / "in" / "f*.png")])):
        assert main(["develop", *inputs, "-o", str(tmp_path / out), "--frames", "--seed", "5"]) == 0
        for frame, i in enumerate((1, 2, 10)):
            film = develop(pixels(tmp_path / "in" / f"f{i}.png"), Look(), seed=5, frame=frame)
            assert (pixels(tmp_path / out / f"f{i}.png") == film).all(), (out, i)


def test_natural_order() -> None:
    names = ["10.png", "9.png", "f10.png", "f2.png", "a", "f02b.png", "², 3.png", "٣.png"]
    ordered = sorted(map(Path, names), key=natural)
    assert [p.name for p in ordered if p.name[0] == "f"] == ["f2.png", "f02b.png", "f10.png"]
    assert ordered.index(Path("9.png")) < ordered.index(Path("10.png"))


def test_the_lab_judges_each_picture_unless_they_are_a_series_or_a_film(tmp_path: Path, scene: np.ndarray) -> None:
    dark = (scene * 0.4).astype(np.uint8)
    (tmp_path / "in").mkdir()
    for name, shown in (("a.png", scene), ("b.png", dark)):
        Image.fromarray(shown).save(tmp_path / "in" / name)
    look = ["--look", "clean-print", "--lab", "1"]
    for out, words in (("each", []), ("same", ["--same"]), ("frames", ["--frames"])):
        assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / out), *look, *words]) == 0
    each, same, frames = (pixels(tmp_path / out / "b.png").astype(float).mean() for out in ("each", "same", "frames"))
    alone = develop(dark, Look(stock="kodak_portra_400", halation=0, sharpness=0, grain=0, lab=1))
    assert (pixels(tmp_path / "each" / "b.png") == alone).mean() > 0.99
    assert each > frames + 10
    assert frames + 5 < same < each  # the series is evened, and the lab judges its first picture


def test_names_that_no_console_can_show_are_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "in" / "caf\udce9\n.png"
    try:
        grey(odd)
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes no such names")
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *PLAIN, "--seed", "1"]) == 0
    assert zlib.crc32(pixels(tmp_path / "out" / odd.name).tobytes())
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *PLAIN]) == 1
    assert "exists" in capsys.readouterr().err


# --- what leaves each stage


@pytest.mark.parametrize("stock", ["kodak_gold_200", "kodak_tri_x_400", "neutral"])
def test_the_stages_are_written_and_their_scale_is_told(
    tmp_path: Path, scene: np.ndarray, stock: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(scene[:96, :128]).save(tmp_path / "a.png")
    words = ["develop", str(tmp_path / "a.png"), "--stages", str(tmp_path / "stages"), "--stock", stock, "--seed", "2"]
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    steps = trace(scene[:96, :128], Look(stock=stock), seed=2)
    files = sorted((tmp_path / "stages").iterdir())
    assert len(files) == len(steps) == len(said) > 2
    for path, line, (stage, field, _) in zip(files, said, steps, strict=True):
        assert path.suffix == ".tif"
        assert stage.replace(" ", "-") in path.name
        low, high = map(float, line.split(" as 0 to 65535")[0].split()[-3::2])
        stored = picture.read(path).pixels
        assert stored.dtype == np.uint16
        left = field[0].permute(1, 2, 0).numpy().clip(low, high)
        assert np.abs(low + stored / 65535 * (high - low) - left).max() < (high - low) / 60000
    assert main(words) == 1  # they are there already
    assert main([*words, "-o", str(tmp_path / "film.png"), "--overwrite"]) == 0
    assert (pixels(tmp_path / "film.png") == develop(scene[:96, :128], Look(stock=stock), seed=2)).all()


def test_what_is_only_read_becomes_a_kind_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.bmp", "b.gif", "c.jfif"):
        Image.new("RGB", (64, 64), (90, 90, 90)).save(tmp_path / "in" / name, "JPEG" if name == "c.jfif" else None)
    assert main(["develop", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *PLAIN]) == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.jfif"]
    assert Image.open(tmp_path / "out" / "b.png").format == "PNG"


def test_space_and_light_can_be_told(tmp_path: Path, scene: np.ndarray) -> None:
    Image.fromarray(scene).save(tmp_path / "a.png")
    words = ["develop", str(tmp_path / "a.png"), *PLAIN, "-o"]
    assert main([*words, str(tmp_path / "p3.png"), "--profile", "p3"]) == 0
    assert main([*words, str(tmp_path / "srgb.png")]) == 0
    told = [Image.open(tmp_path / name).info["icc_profile"] for name in ("p3.png", "srgb.png")]
    assert told[0] != told[1]
    assert np.abs(picture.read(tmp_path / "p3.png").pixels.astype(int) - pixels(tmp_path / "srgb.png").astype(int)).mean() < 1
    assert main([*words, str(tmp_path / "linear.png"), "--scene-linear"]) == 0
    assert pixels(tmp_path / "linear.png").mean() > pixels(tmp_path / "srgb.png").mean() + 20  # .5 is light, not its code
    assert main([*words, str(tmp_path / "x.png"), "--profile", "cmyk"]) == 2
    assert main([*words, str(tmp_path / "a.webp"), "--lossless"]) == 0
    assert (pixels(tmp_path / "a.webp") == pixels(tmp_path / "srgb.png")).all()
