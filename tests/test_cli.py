"""The command line as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmlook import Look, LookError, __version__, develop, film_picture, list_stocks, load_look, load_stock
from filmlook.cli import main
from filmlook.files import infotext, picture
from filmlook.paths import BUILT_IN
from filmlook.prints import list_papers


@pytest.fixture
def photo(tmp_path: Path, scene: np.ndarray) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(scene).save(path)
    return path


def test_develop_writes_what_the_library_gives(photo: Path, tmp_path: Path, scene: np.ndarray) -> None:
    out = tmp_path / "film.png"
    assert main(["develop", str(photo), "-o", str(out), "--stock", "kodak_portra_400", "--grain", "2", "--seed", "4"]) == 0
    assert (np.asarray(Image.open(out)) == develop(scene, Look(stock="kodak_portra_400", grain=2), seed=4)).all()
    told = infotext.read(Image.open(out))
    assert told
    assert (told.look, told.seed) == (Look(stock="kodak_portra_400", grain=2), 4)
    assert Image.open(out).info["icc_profile"]


def test_the_original_commands_words_are_understood(photo: Path, tmp_path: Path, scene: np.ndarray) -> None:
    out = tmp_path / "film.png"
    assert main(["-i", str(photo), "-m", "kodak_ektar_100", "-o", str(out)]) == 0
    film = film_picture(picture.Picture(scene), Look(stock="kodak_ektar_100"))
    assert (np.asarray(Image.open(out)) == film.pixels).all()


def test_a_look_is_the_start_and_options_change_it(photo: Path, tmp_path: Path, scene: np.ndarray) -> None:
    out = tmp_path / "film.png"
    assert main(["develop", str(photo), "-o", str(out), "--look", "clean-print", "--contrast", "1.2"]) == 0
    look = Look(stock="kodak_portra_400", halation=0, sharpness=0, grain=0, contrast=1.2)
    assert (np.asarray(Image.open(out)) == develop(scene, look)).all()


def test_folders_patterns_and_recursion(tmp_path: Path, scene: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "deep/c.webp"):
        Image.fromarray(scene[:40, :40]).save(source / name)
    (source / "notes.txt").write_text("no picture")
    look = ["--look", "clean-print"]
    assert main(["develop", str(source), "-o", str(tmp_path / "flat"), *look]) == 0
    assert sorted(p.name for p in (tmp_path / "flat").rglob("*.*")) == ["a.png", "b.jpg"]
    assert main(["develop", str(source), "-r", "-o", str(tmp_path / "all"), *look]) == 0
    assert (tmp_path / "all" / "deep" / "c.webp").is_file()
    assert main(["develop", str(source / "*.png"), "-o", str(tmp_path / "some"), *look]) == 0
    assert [p.name for p in (tmp_path / "some").iterdir()] == ["a.png"]
    assert "2 developed, 0 failed" in capsys.readouterr().out


def test_a_bad_file_in_a_batch_is_told_at_the_end_and_the_rest_is_done(
    tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("this is text")
    out = tmp_path / "out"
    code = main(["develop", str(bad), str(tmp_path / "missing.jpg"), str(photo), "-o", str(out), "--look", "clean-print"])
    said = capsys.readouterr()
    assert code == 1
    assert [p.name for p in out.iterdir()] == ["photo.png"]
    assert "bad.png" in said.err
    assert "missing.jpg" in said.err
    assert "Traceback" not in said.err
    assert len([line for line in said.err.splitlines() if line.startswith("filmlook:")]) == 2
    assert "1 developed, 2 failed" in said.out


def test_nothing_is_overwritten_unless_asked(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "film.png"
    out.write_bytes(b"precious")
    assert main(["develop", str(photo), "-o", str(out), "--look", "clean-print"]) == 1
    assert out.read_bytes() == b"precious"
    assert "--overwrite" in capsys.readouterr().err
    assert main(["develop", str(photo), "-o", str(out), "--look", "clean-print", "--overwrite"]) == 0
    assert Image.open(out).format == "PNG"


def test_two_inputs_of_one_name_do_not_replace_each_other(tmp_path: Path, scene: np.ndarray) -> None:
    for folder, value in (("x", 10), ("y", 200)):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (8, 8), (value,) * 3).save(tmp_path / folder / "p.png")
    arguments = [str(tmp_path / "x" / "p.png"), str(tmp_path / "y" / "p.png"), "-o", str(tmp_path / "out"), "--overwrite"]
    assert main(["develop", *arguments, "--look", "clean-print"]) == 1
    assert np.asarray(Image.open(tmp_path / "out" / "p.png")).mean() < 60


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["develop", "PHOTO", "-o", "OUT", "--grain", "99"], "grain is 99"),
        (["develop", "PHOTO", "-o", "OUT", "--diffusion", "mist"], "glimmerglass"),
        (["develop", "PHOTO", "-o", "OUT", "--look", "nope"], "unknown look"),
        (["develop", "PHOTO", "-o", "OUT", "--print", "kodak_9999"], "Kodak Gold 200 allows: stock, minilab, "),
        (
            ["develop", "PHOTO", "-o", "OUT", "-m", "kodak_tri_x_400", "--print", "kodak_2383"],
            "allows: stock, minilab, grade-0",
        ),
        (
            ["export-lut", "-o", "a.cube", "-m", "fujifilm_velvia_100", "--print", "minilab"],
            "Fujifilm Velvia 100 allows: stock",
        ),
        (["papers", "kodak_9999"], "installed papers are: fujifilm_crystal"),
        (["develop", "-o", "OUT"], "no INPUT"),
        (["develop", "PHOTO"], "no OUT"),
        (["develop", "PHOTO", "-o", "OUT", "--format", "tga"], "format is 'tga'"),
        (["fit", "colours.csv", "-o", "film.json", "--seconds", "0"], "seconds is 0"),
        (["develop", "PHOTO", "PHOTO", "-o", "one.png"], "name a folder"),
        (["develop", "PHOTO", "-o", "OUT", "--quality", "101"], "quality is 101"),
        (["develop", "PHOTO", "-o", "film.bmp"], "unknown ending '.bmp'"),
        (["develop", "PHOTO", "-o", "OUT", "--tile", "3"], "tile is 3"),
        (["develop", "PHOTO", "-o", "OUT", "--device", "abacus"], "device 'abacus'"),
        (["export-lut", "-o", "film.txt"], ".cube"),
        (["serve", "--port", "99999"], "port is 99999"),
        (["fit", "colours.csv", "-o", "film.txt"], ".json"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(
    words: list[str], message: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [{"PHOTO": str(photo), "OUT": str(tmp_path / "out")}.get(w, w) for w in words]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_argparse_errors_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for words, code in ((["develop", "--nonsense"], 2), (["nonsense"], 2), (["-v"], 0), (["develop", "-h"], 0)):
        with pytest.raises(SystemExit) as exit_:
            main(words)
        assert exit_.value.code == code
    assert __version__ in capsys.readouterr().out
    assert main([]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["develop", "a.png", "-o", "b.png", "--grain", "much"], "--grain: 'much' is neither a number nor a schedule"),
        (["develop", "a.png", "-o", "b.png", "--nonsense"], "--nonsense"),
        (["export-lut"], "-o/--output"),
        (["devlop"], "'devlop'"),
    ],
)
def test_a_word_that_is_not_understood_is_told_of_in_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(words)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert message in line
    assert "--help" in line


@pytest.mark.parametrize("below", ["", "/film.png", "/deep/film.png"])
def test_a_file_in_the_place_of_the_folder_is_named(
    below: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["develop", str(photo), "-o", f"{tmp_path}/notes.txt{below}", "--look", "clean-print"]) == 1
    assert f"{tmp_path / 'notes.txt'}: is a file, not a folder to write into" in capsys.readouterr().err
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_what_is_passed_over_is_told_with_the_pictures_name(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    damaged = photo.read_bytes()[:33] + bytes.fromhex("00000003") + b"tEXta\0b" + bytes(4) + photo.read_bytes()[33:]
    (tmp_path / "damaged.png").write_bytes(damaged)
    pictures = [str(photo), str(tmp_path / "damaged.png")]
    assert main(["develop", *pictures, "-o", str(tmp_path / "out"), "--look", "clean-print"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"filmlook: {tmp_path / 'damaged.png'}: passed over in a picture: damaged 'tEXt'"


def test_an_unknown_stock_is_named_before_any_work(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["develop", str(photo), "-o", str(tmp_path / "o.png"), "-m", "agfa"]) == 2
    assert "stock is 'agfa'" in capsys.readouterr().err


def test_without_a_display_the_dialog_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if sys.platform in ("win32", "darwin"):
        pytest.skip("there is always a display here")
    assert main(["-g", "-o", "out"]) == 2
    assert "name the picture instead" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["develop", "", "-o", "OUT"],
        ["develop", "PHOTO", "-o", ""],
        ["develop", "-i", " ", "-o", "OUT"],
        ["develop", "PHOTO", "-o", "OUT", "--look", ""],
        ["develop", "PHOTO", "-o", "OUT", "--stock", ""],
        ["fit", "", "-o", "film.json"],
        ["fit", "colours.csv", "-o", ""],
        ["export-lut", "-o", ""],
        ["import-weights", ""],
        ["stocks", ""],
    ],
)
def test_an_empty_name_is_wrong_usage(
    words: list[str], photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit) as exit_:
        main([{"PHOTO": str(photo), "OUT": str(tmp_path / "out")}.get(w, w) for w in words])
    assert exit_.value.code == 2
    assert "an empty name" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


# --- looks and stocks by name, label and path


def test_a_looks_path_and_label_are_as_good_as_its_name(photo: Path, tmp_path: Path, scene: np.ndarray) -> None:
    (tmp_path / "mine.json").write_text('{"label": "Mine", "look": {"version": 1, "stock": "kodak_gold_200", "grain": 3}}')
    for i, (words, look) in enumerate(
        (
            (["--look", str(tmp_path / "mine.json")], Look(stock="kodak_gold_200", grain=3)),
            (["--look", "gold 200 SNAPSHOT"], load_look("gold-snapshot")),
            (["--stock", "Kodak Portra 400"], Look(stock="kodak_portra_400")),
        )
    ):
        out = tmp_path / f"{i}.png"
        assert main(["develop", str(photo), "-o", str(out), "--seed", "3", *words]) == 0
        assert (np.asarray(Image.open(out)) == develop(scene, look, seed=3)).all()
        told = infotext.read(Image.open(out))
        assert told
        assert told.look == look  # the stock by its name, which Paste finds


def test_a_label_that_two_have_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photo: Path) -> None:
    (tmp_path / "home" / "stocks").mkdir(parents=True)
    text = (BUILT_IN / "stocks" / "kodak_gold_200.json").read_text(encoding="utf-8")
    (tmp_path / "home" / "stocks" / "my_gold.json").write_text(text, encoding="utf-8")
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "home"))
    with pytest.raises(LookError, match="label of kodak_gold_200 and of my_gold"):
        load_stock("kodak gold 200")
    assert load_stock("my_gold").label == "Kodak Gold 200"
    assert main(["develop", str(photo), "-o", str(tmp_path / "o.png"), "-m", "Kodak Gold 200"]) == 2


def test_one_damaged_file_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("looks", "papers", "stocks"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "aaa.json").write_text("{")
        (tmp_path / kind / "deep.json").write_text("[" * 100_000)
    (tmp_path / "stocks" / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "stocks" / "bad.cube").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    assert main(["looks"]) == 1
    said = capsys.readouterr()
    assert all(name in said.out for name in ("classic-negative", "velvia-landscape"))
    assert "aaa.json" in said.err
    assert main(["papers"]) == 1
    said = capsys.readouterr()
    assert all(name in said.out for name in ("kodak_2383", "grade-5"))
    assert all(name in said.err for name in ("aaa.json", "deep.json"))
    assert main(["stocks"]) == 1
    said = capsys.readouterr()
    assert all(name in said.out for name in ("cinestill_800t", "neutral"))
    assert all(name in said.err for name in ("aaa.json", "deep.json", "photo.png", "bad.cube"))
    assert main(["develop", "missing.png", "-o", str(tmp_path / "o.png"), "-m", "Kodak Gold 200"]) == 1  # labels still hold


def test_a_home_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path / "nowhere"))
    assert main(["looks"]) == 0
    said = capsys.readouterr()
    assert "FILMLOOK_HOME" in said.err
    assert "nowhere" in said.err
    assert "classic-negative" in said.out


# --- what is said, and to whom


def test_an_error_with_a_long_list_is_folded_for_a_terminal_and_whole_for_a_program(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["develop", str(photo), "-o", str(tmp_path / "o.png"), "-m", "agfa"]
    main(words)
    whole = capsys.readouterr().err
    assert len(whole.splitlines()) == 1
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(words)
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) < 70
    assert " ".join(line.strip() for line in lines) == whole.strip()


def test_help_needs_no_torch_and_every_commands_help_works() -> None:
    program = """
import sys
from filmlook.cli import main
try:
    main({!r})
finally:
    print("torch" in sys.modules, "numpy" in sys.modules)
"""
    for words in (["--help"], ["--version"], ["develop", "-h"], ["looks"]):
        done = subprocess.run([sys.executable, "-c", program.format(words)], capture_output=True, text=True)
        assert done.stdout.split()[-2:] == ["False", "False"], words
    for words in (["train", "film", "-h"], ["prompt", "-h"], ["serve", "-h"], ["fit", "-h"], ["bench", "-h"]):
        done = subprocess.run([sys.executable, "-c", program.format(words)], capture_output=True, text=True)
        assert done.stdout.split()[-2] == "False", words
        assert done.returncode == 0, words


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are closed otherwise there")
@pytest.mark.parametrize("closing", ["2>&-", ">&-", "<&- >&- 2>&-", ">/dev/full"])
@pytest.mark.long
def test_closed_streams_harm_nothing(photo: Path, tmp_path: Path, scene: np.ndarray, closing: str) -> None:
    out = tmp_path / "film.png"
    words = f"'{sys.executable}' -m filmlook develop '{photo}' -o '{out}' --seed 1 {closing}"
    done = subprocess.run(["sh", "-c", words], env=dict(os.environ), stderr=subprocess.DEVNULL)
    assert done.returncode == 0
    assert (np.asarray(Image.open(out)) == develop(scene, Look(), seed=1)).all()


def test_a_stream_that_is_none_harms_nothing(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw.exe
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["develop", str(photo), "-o", str(tmp_path / "film.png"), "--look", "clean-print"]) == 0
    assert main(["develop", str(photo), "missing.png", "-o", str(tmp_path), "--look", "clean-print"]) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_list_that_does_not_arrive_is_a_failure() -> None:
    done = subprocess.run(["sh", "-c", f"'{sys.executable}' -m filmlook looks >/dev/full"], stderr=subprocess.DEVNULL)
    assert done.returncode == 1


def test_a_film_overexposed_and_printed_on_a_paper(photo: Path, tmp_path: Path, scene: np.ndarray) -> None:
    look = Look(stock="kodak_portra_400", print="kodak_2383", rating=1, print_exposure=0.1, filter="yellow-8")
    words = ["-m", "kodak_portra_400", "--rating", "1", "--print-exposure", ".1", "--filter", "yellow-8", "--seed", "3"]
    for number, told in enumerate(("kodak_2383", "Kodak Vision 2383")):
        out = tmp_path / f"{number}.png"
        assert main(["develop", str(photo), "-o", str(out), "--print", told, *words]) == 0
        assert (np.asarray(Image.open(out)) == develop(scene, look, seed=3)).all()
        found = infotext.read(Image.open(out))
        assert found
        assert found.look == look


def test_stocks_and_looks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stocks"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in list_stocks())
    assert main(["stocks", "kodak_gold_200"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["label"], told["print"]) == ("Kodak Gold 200", "minilab")
    assert {"kodak_2383", "negative"} < set(told["prints"])
    assert main(["papers"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in list_papers())
    assert main(["papers", "Kodak Vision 2383"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "kodak_2383"
    assert main(["looks"]) == 0
    assert "classic-negative" in capsys.readouterr().out


def test_an_exported_lut_gives_the_looks_colour(photo: Path, tmp_path: Path, scene: np.ndarray) -> None:
    for name in ("film.cube", "film.png"):
        baked = tmp_path / name
        assert main(["export-lut", "--look", "gold-snapshot", "-o", str(baked)]) == 0
        assert main(["export-lut", "--look", "gold-snapshot", "-o", str(baked)]) == 1  # it is there already
        off = {"halation": 0, "grain": 0, "sharpness": 0}
        through = develop(scene / 255, Look(stock=str(baked), **off))
        look = Look(stock="kodak_gold_200", light_red=0.04, light_blue=-0.04, **off)
        assert np.abs(through - develop(scene / 255, look)).mean() < 0.004


def test_sixteen_bits_and_metadata_go_through(tmp_path: Path, scene: np.ndarray) -> None:
    source, out = tmp_path / "deep.png", tmp_path / "deep-film.png"
    deep = picture.Picture(scene.astype(np.uint16) * 257, text={"parameters": "a cat\nSteps: 20, Seed: 1, CFG scale: 7"})
    picture.write(source, deep)
    assert main(["develop", str(source), "-o", str(out), "--look", "clean-print"]) == 0
    film = picture.read(out)
    assert film.pixels.dtype == np.uint16
    assert len(np.unique(film.pixels)) > 1000
    assert film.text["parameters"].startswith("a cat\nSteps: 20, Seed: 1, CFG scale: 7, Film Look: v2 ")
    assert main(["develop", str(out), "-o", str(tmp_path / "film.jpg"), "--look", "clean-print", "--again"]) == 0
    assert picture.read(tmp_path / "film.jpg").text["parameters"].startswith("a cat")


def test_python_m_filmlook_works() -> None:
    command = [sys.executable, "-m", "filmlook", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stdout.strip() == f"filmlook {__version__}"


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_that_has_enough_is_no_error() -> None:
    program = "import sys; from filmlook.cli import main; sys.exit(main(['stocks', 'kodak_gold_200']))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
