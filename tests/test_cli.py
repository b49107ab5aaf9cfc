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

from filmlook import Look, __version__, develop, list_stocks
from filmlook.cli import main
from filmlook.files import picture


@pytest.fixture
def photo(tmp_path: Path, scene: np.ndarray) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(scene).save(path)
    return path


def test_develop_writes_what_the_library_gives(photo: Path, tmp_path: Path, scene: np.ndarray) -> None:
    out = tmp_path / "film.png"
    assert main(["develop", str(photo), "-o", str(out), "--stock", "kodak_portra_400", "--grain", "2", "--seed", "4"]) == 0
    assert (np.asarray(Image.open(out)) == develop(scene, Look(stock="kodak_portra_400", grain=2), seed=4)).all()
    assert Image.open(out).info["filmlook"] == "v1 stock=kodak_portra_400 grain=2 seed=4"
    assert Image.open(out).info["icc_profile"]


def test_the_original_commands_words_are_understood(photo: Path, tmp_path: Path, scene: np.ndarray) -> None:
    out = tmp_path / "film.png"
    assert main(["-i", str(photo), "-m", "kodak_ektar_100", "-o", str(out)]) == 0
    assert (np.asarray(Image.open(out)) == develop(scene, Look(stock="kodak_ektar_100"))).all()


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
        (["develop", "-o", "OUT"], "no INPUT"),
        (["develop", "PHOTO"], "no OUT"),
        (["develop", "PHOTO", "PHOTO", "-o", "one.png"], "name a folder"),
        (["develop", "PHOTO", "-o", "OUT", "--quality", "101"], "quality is 101"),
        (["develop", "PHOTO", "-o", "film.bmp"], "unknown ending '.bmp'"),
        (["develop", "PHOTO", "-o", "OUT", "--tile", "3"], "tile is 3"),
        (["develop", "PHOTO", "-o", "OUT", "--device", "abacus"], "device 'abacus'"),
        (["export-lut", "-o", "film.txt"], ".cube"),
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


def test_stocks_and_looks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stocks"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in list_stocks())
    assert main(["stocks", "kodak_gold_200"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] == "Kodak Gold 200"
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
    deep = picture.Picture(scene.astype(np.uint16) * 257, text={"parameters": "a cat\nSteps: 20, Seed: 1"})
    picture.write(source, deep)
    assert main(["develop", str(source), "-o", str(out), "--look", "clean-print"]) == 0
    film = picture.read(out)
    assert film.pixels.dtype == np.uint16
    assert len(np.unique(film.pixels)) > 1000
    assert film.text["parameters"] == "a cat\nSteps: 20, Seed: 1"
    assert main(["develop", str(out), "-o", str(tmp_path / "film.jpg"), "--look", "clean-print"]) == 0
    assert picture.read(tmp_path / "film.jpg").text["parameters"].startswith("a cat")


def test_frames_let_the_grain_move(tmp_path: Path) -> None:
    for i in range(2):
        Image.new("RGB", (64, 64), (120, 120, 120)).save(tmp_path / f"f{i}.png")
    files = [str(tmp_path / f"f{i}.png") for i in range(2)]
    main(["develop", *files, "-o", str(tmp_path / "still")])
    main(["develop", *files, "-o", str(tmp_path / "film"), "--frames"])
    still, film = ([np.asarray(Image.open(tmp_path / f / f"f{i}.png")) for i in range(2)] for f in ("still", "film"))
    assert (still[0] == still[1]).all()
    assert (film[0] != film[1]).any()


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
