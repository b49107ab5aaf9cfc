"""Films developed: the same frames as develop() gives, whatever befalls the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmlook import FilmLookError, Look, develop
from filmlook.cli import main
from filmlook.engine.metering import ExposureLock
from filmlook.films import parts, writing
from filmlook.films.develop_film import develop_film
from tests.films.clips import moving, rgb_frames, times_of, write_video

LOOK = Look(stock="kodak_portra_400", grain=1.5, halation=1.0, lab=0.7)


def developed(frames: list[np.ndarray], look: Look = LOOK, seed: int = 5) -> list[np.ndarray]:
    lock = ExposureLock()
    return [develop(frame, look, seed=seed, frame=i, lock=lock) for i, frame in enumerate(frames)]


def same(got: list[np.ndarray], wanted: list[np.ndarray]) -> bool:
    return len(got) == len(wanted) and all((a == b).all() for a, b in zip(got, wanted, strict=True))


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of three frames, so that a film of a few frames has several."""
    monkeypatch.setattr(writing, "PART_FRAMES", 3)


def test_frames_are_those_of_develop_to_the_bit(tmp_path: Path, short_parts: None) -> None:
    frames = moving(7)
    source = write_video(tmp_path / "clip.mkv", frames)
    report = develop_film(source, tmp_path / "film.mkv", LOOK, seed=5, codec="ffv1")
    assert report.frames == 7
    assert same(rgb_frames(tmp_path / "film.mkv"), developed(frames))
    assert not parts.parts_folder(tmp_path / "film.mkv").exists()


def test_numbered_pictures_in_and_out(tmp_path: Path) -> None:
    frames = moving(4)
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"in_{i + 8:03d}.png")
    pattern = tmp_path / "out_%04d.png"
    assert main(["develop", str(tmp_path / "in_%03d.png"), "-o", str(pattern), "--seed", "5", *words(LOOK)]) == 0
    got = [np.asarray(Image.open(tmp_path / f"out_{i + 8:04d}.png")) for i in range(4)]
    assert same(got, developed(frames))


def words(look: Look) -> list[str]:
    return ["--stock", look.stock, "--grain", str(look.grain), "--halation", str(look.halation), "--lab", str(look.lab)]


def test_keyframes_move_the_look(tmp_path: Path) -> None:
    frames = moving(5)
    source = write_video(tmp_path / "clip.mkv", frames)
    call = ["develop", str(source), "-o", str(tmp_path / "film.mkv"), "--codec", "ffv1", "--seed", "5"]
    assert main([*call, "--exposure", "0: (0), 4: (max_f)", "--lab", "0.5"]) == 0
    lock = ExposureLock.of(frames[0])
    wanted = [develop(frame, Look(exposure=i, lab=0.5), seed=5, frame=i, lock=lock) for i, frame in enumerate(frames)]
    assert same(rgb_frames(tmp_path / "film.mkv"), wanted)


@pytest.mark.parametrize("words", [[], ["--cuts", "4"], ["--cuts", "none"]])
def test_the_lab_judges_each_scene_once(tmp_path: Path, scene: np.ndarray, words: list[str]) -> None:
    day, night = scene[:72, :128], scene[160:232, 200:328] // 3
    frames = [day] * 4 + [night] * 4
    source = write_video(tmp_path / "clip.mkv", frames)
    call = ["develop", str(source), "-o", str(tmp_path / "film.mkv"), "--codec", "ffv1", "--seed", "5", "--lab", "1", *words]
    assert main(call) == 0
    first, second = (ExposureLock.of(frame) for frame in (day, day if "none" in words else night))
    assert "none" in words or (first.corrections != second.corrections).any()
    locks = [first] * 4 + [second] * 4
    look = Look(lab=1)
    wanted = [develop(frame, look, seed=5, frame=i, lock=locks[i]) for i, frame in enumerate(frames)]
    assert same(rgb_frames(tmp_path / "film.mkv"), wanted)


class InterruptError(Exception):
    pass


@pytest.mark.parametrize("codec", ["ffv1", "h264", "h265"])
def test_an_interrupted_film_goes_on_to_the_same_bytes(tmp_path: Path, short_parts: None, codec: str) -> None:
    # The first frames are black: the lab finds nothing to judge by in them, and decides by the third.
    frames = [np.zeros_like(frame) for frame in moving(2)] + moving(8)
    source = write_video(tmp_path / "clip.mkv", frames)
    at_once, later = tmp_path / "at_once.mkv", tmp_path / "later.mkv"
    develop_film(source, at_once, LOOK, seed=5, codec=codec)

    def progress(count: int, total: int | None) -> None:
        if count == 8:
            raise InterruptError

    with pytest.raises(InterruptError):
        develop_film(source, later, LOOK, seed=5, codec=codec, progress=progress)
    folder = parts.parts_folder(later)
    assert not later.exists()
    playable = [path for path in folder.iterdir() if path.stem.isdigit()]
    assert sum(len(times_of(path)) for path in playable) >= 6
    with pytest.raises(FilmLookError, match="--resume goes on"):
        develop_film(source, later, LOOK, seed=5, codec=codec)
    with pytest.raises(FilmLookError, match="another look"):
        develop_film(source, later, Look(), seed=5, codec=codec, resume=True)
    seen: list[int] = []
    develop_film(source, later, LOOK, seed=5, codec=codec, resume=True, progress=lambda count, total: seen.append(count))
    assert seen == [7, 8, 9, 10]
    assert later.read_bytes() == at_once.read_bytes()
    assert not folder.exists()


def test_a_killed_film_of_pictures_goes_on(tmp_path: Path, short_parts: None) -> None:
    frames = moving(7)
    source = write_video(tmp_path / "clip.mkv", frames)
    out = tmp_path / "f%d.png"

    def progress(count: int, total: int | None) -> None:
        if count == 6:
            raise InterruptError

    with pytest.raises(InterruptError):
        develop_film(source, out, LOOK, seed=5, progress=progress)
    develop_film(source, out, LOOK, seed=5, resume=True)
    assert same([np.asarray(Image.open(tmp_path / f"f{i + 1}.png")) for i in range(7)], developed(frames))


def test_eighteen_frames_a_second_are_shown_at_twenty_four(tmp_path: Path) -> None:
    frames = moving(8)
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"in_{i}.png")
    out = tmp_path / "film.mkv"
    assert main(["develop", str(tmp_path / "in_%d.png"), "-o", str(out), "--codec", "ffv1", "--fps", "18", "--seed", "5"]) == 0
    # t * 18 at 24 a second: film frames 0 0 1 2 3 3 4 5, each of the source's frame at which it is first shown
    film = {number: frames[i] for number, i in ((0, 0), (1, 2), (2, 3), (3, 4), (4, 6), (5, 7))}
    lock = ExposureLock()
    made = {number: develop(frame, Look(), seed=5, frame=number, lock=lock) for number, frame in film.items()}
    assert same(rgb_frames(out), [made[number] for number in (0, 0, 1, 2, 3, 3, 4, 5)])


def test_the_command_keeps_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = write_video(tmp_path / "clip.mkv", moving(2)), tmp_path / "film.mkv"
    call = ["develop", str(source), "-o", str(out), "--codec", "ffv1"]
    assert main(call) == 0
    before = out.read_bytes()
    assert main(call) == 1
    assert "exists; --overwrite replaces it" in capsys.readouterr().err
    assert main(["develop", str(source), "-o", str(source), "--overwrite"]) == 1
    assert "is the film itself" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert main(["develop", str(out), "-o", str(tmp_path / "twice.mkv")]) == 0
    assert "already developed" in capsys.readouterr().out
    assert not (tmp_path / "twice.mkv").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "film.xyz"], "unknown ending '.xyz'"),
        (["-o", "film.mp4", "--codec", "h266"], "codec is 'h266'"),
        (["-o", "film.mp4", "--codec", "ffv1"], "ffv1 is not kept in .mp4"),
        (["-o", "film.mp4", "--crf", "99"], "crf is 99; allowed for h264: 0 to 51"),
        (["-o", "film.mov", "--codec", "prores", "--crf", "9"], "crf is 9, which means nothing to prores"),
        (["-o", "film.mp4", "--mask", "m.png"], "--mask is for pictures"),
    ],
)
def test_wrong_usage_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "clip.mkv", moving(1))
    assert main(["develop", "clip.mkv", *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mkv"]


def test_without_pyav_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    assert main(["develop", str(tmp_path / "clip.mp4"), "-o", str(tmp_path / "film.mp4")]) == 1
    assert 'pip install "filmlook[video]"' in capsys.readouterr().err


def test_what_is_no_film_is_told_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no film at all" * 100)
    assert main(["develop", str(tmp_path / "clip.mp4"), "-o", str(tmp_path / "film.mp4")]) == 1
    error = capsys.readouterr().err
    assert "clip.mp4: " in error
    assert error.count("\n") == 1
