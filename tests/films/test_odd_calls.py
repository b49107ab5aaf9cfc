"""Films called by odd names, with odd options, and over what must not be lost."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from filmlook import FilmLookError, Look, LookError, PictureError
from filmlook.cli import main
from filmlook.films.develop_film import develop_film
from filmlook.films.parts import parts_folder
from filmlook.films.reading import open_film
from tests.films.clips import av, moving, rgb_frames, times_of, write_video

LOOK = Look(grain=0, halation=0)


def pictures(folder: Path, count: int, first: int = 1) -> list[bytes]:
    folder.mkdir(exist_ok=True)
    for i, frame in enumerate(moving(count, 24, 32)):
        Image.fromarray(frame).save(folder / f"f_{first + i:02d}.png")
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("source", ["in/f_%02d.png", "in"])
@pytest.mark.parametrize("out", ["in/f_%02d.png", "linked/f_%02d.png"])
def test_numbered_pictures_are_never_written_over_themselves(tmp_path: Path, source: str, out: str) -> None:
    before = pictures(tmp_path / "in", 3)
    (tmp_path / "linked").symlink_to(tmp_path / "in")
    with pytest.raises(FilmLookError, match="is the film itself"):
        develop_film(tmp_path / source, tmp_path / out, LOOK, overwrite=True)
    assert [path.read_bytes() for path in sorted((tmp_path / "in").iterdir())] == before
    assert not list(tmp_path.rglob("*.parts"))


def test_resume_replaces_no_pictures_of_another_run(tmp_path: Path) -> None:
    pictures(tmp_path / "in", 3)
    source, out = tmp_path / "in" / "f_%02d.png", tmp_path / "out" / "f_%02d.png"
    develop_film(source, out, LOOK)
    before = [path.read_bytes() for path in sorted(out.parent.iterdir())]
    other = Look(exposure=1, grain=0)
    for resume in (False, True):
        with pytest.raises(FilmLookError, match=r"f_01\.png: exists; --overwrite"):
            develop_film(source, out, other, resume=resume)
    assert [path.read_bytes() for path in sorted(out.parent.iterdir())] == before


def test_what_fails_at_once_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = write_video(tmp_path / "clip.mkv", moving(2)), tmp_path / "film.mkv"
    monkeypatch.setattr("filmlook.films.develop_film.develop", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        develop_film(source, out, LOOK)
    assert not parts_folder(out).exists()


@pytest.mark.parametrize(("codec", "speed"), [("h264", "nope"), ("h265", "3"), ("av1", "14"), ("av1", "veryfast")])
def test_an_unknown_speed_of_an_encoder_is_told(tmp_path: Path, codec: str, speed: str) -> None:
    source = write_video(tmp_path / "clip.mkv", moving(1))
    with pytest.raises(LookError, match=f"encoder preset is '{speed}'; allowed for {codec}: "):
        develop_film(source, tmp_path / "film.mp4", LOOK, codec=codec, speed=speed)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mkv"]


@pytest.mark.parametrize("name", ["a:b.mkv", "http:x.mkv", "concat:other.mkv", "file:other.mkv"])
def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "other.mkv", moving(1))
    shutil.copy(write_video(tmp_path / "clip.mkv", moving(2)), name)
    develop_film(name, f"film {name}", LOOK, codec="ffv1")
    assert len(rgb_frames(tmp_path / f"film {name}")) == 2
    develop_film("clip.mkv", f"film:{name}", LOOK)
    assert open_film(f"film:{name}").count == 2


def test_a_list_of_other_files_is_no_film(tmp_path: Path) -> None:
    write_video(tmp_path / "other.mkv", moving(1))
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile other.mkv\n")
    with pytest.raises(PictureError, match="list of files"):
        open_film(tmp_path / "list.mp4")


def test_a_large_picture_may_become_webp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures(tmp_path / "in", 1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow refuses twice as many; a picture is not bound by it
    assert main(["develop", str(tmp_path / "in" / "f_01.png"), "-o", str(tmp_path / "out.webp")]) == 0


@pytest.mark.parametrize("out", ["film.gif", "film.webp", "f_%02d.png"])
def test_sound_that_is_left_out_is_told(tmp_path: Path, out: str) -> None:
    source = write_video(tmp_path / "clip.mkv", moving(2), sound_seconds=0.1)
    notes = develop_film(source, tmp_path / out, LOOK).notes
    assert [note for note in notes if note.startswith("sound: left out")]
    silent = write_video(tmp_path / "silent.mkv", moving(2))
    assert develop_film(silent, tmp_path / out, LOOK, overwrite=True).notes == []


def test_cuts_and_rates_that_mean_nothing_are_told(tmp_path: Path) -> None:
    source = write_video(tmp_path / "clip.mkv", moving(3))
    told = develop_film(source, tmp_path / "a.mkv", LOOK, cuts=[1, 3], rate=None).notes
    assert told == ["cuts: 3 is no frame of it; it has 3, from 0 on"]
    told = develop_film(source, tmp_path / "b.mkv", LOOK, cuts=[2], rate=Fraction(12)).notes
    assert told == ["tells its frames' times itself: --rate is for numbered pictures"]


def test_two_films_do_not_become_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first, second = (write_video(tmp_path / name, moving(1)) for name in ("a.mkv", "a.avi"))
    assert main(["develop", str(first), str(second), "-o", str(tmp_path / "out"), "--format", "gif", "--overwrite"]) == 2
    assert "would both become" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_av1_says_nothing_of_its_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = write_video(tmp_path / "clip.mkv", moving(1))
    develop_film(source, tmp_path / "film.webm", LOOK)
    assert capfd.readouterr().err == ""


def test_a_damaged_frame_is_left_out_and_told(tmp_path: Path) -> None:
    frames = moving(8)
    source = write_video(tmp_path / "clip.mov", frames, codec="png", pixel_format="rgb24")
    data = bytearray(source.read_bytes())
    at = [i for i in range(len(data) - 8) if data[i : i + 8] == b"\x89PNG\r\n\x1a\n"]
    data[at[3] : at[3] + 8] = bytes(8)
    source.write_bytes(data)
    report = develop_film(source, tmp_path / "film.mkv", LOOK, codec="ffv1", seed=5)
    assert (report.frames, report.notes) == (7, ["is damaged: 1 of its frames cannot be read, and are left out"])
    assert times_of(tmp_path / "film.mkv") == [Fraction(i, 25) for i in (0, 1, 2, 4, 5, 6, 7)]


def test_a_film_that_was_cut_short_says_so(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "clip.mkv", moving(10), times=[10 * i for i in range(10)])
    data = whole.read_bytes()
    (tmp_path / "half.mkv").write_bytes(data[: len(data) // 2])
    (told,) = develop_film(tmp_path / "half.mkv", tmp_path / "half.gif", LOOK).notes
    assert "its pictures end after" in told
    assert develop_film(whole, tmp_path / "whole.gif", LOOK).notes == []


def test_damaged_sound_does_not_cost_the_film(tmp_path: Path) -> None:
    source = write_video(tmp_path / "clip.mkv", moving(12), sound_seconds=0.5)
    data = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        sound = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    damaged = sound[len(sound) // 2]
    at = data.find(damaged)
    data[at : at + len(damaged)] = bytes(255 - byte for byte in damaged)
    source.write_bytes(data)
    report = develop_film(source, tmp_path / "film.webm", LOOK)
    assert report.frames == 12
    assert "its sound is damaged: what cannot be read is left out" in report.notes
    assert seconds_of_sound(tmp_path / "film.webm") == pytest.approx(0.5, abs=0.1)


def seconds_of_sound(path: Path) -> float:
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def test_a_film_of_one_pixel_is_refused_where_it_does_not_fit(tmp_path: Path) -> None:
    source = write_video(tmp_path / "clip.mkv", [np.zeros((1, 1, 3), np.uint8)])
    with pytest.raises(FilmLookError, match="1 x 1 is too small for h264"):
        develop_film(source, tmp_path / "film.mp4", LOOK)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mkv"]
    assert develop_film(source, tmp_path / "film.nut", LOOK).frames == 1
