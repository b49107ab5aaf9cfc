"""What a film is beside its frames: times, sound, subtitles, chapters, metadata, the way it stands, its colours' tags."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import Look
from filmlook.cli import main
from filmlook.films import writing
from filmlook.films.develop_film import develop_film
from filmlook.films.reading import open_film
from tests.films.clips import av, moving, times_of, write_video

PLAIN = Look(stock="neutral", grain=0.0, halation=0.0, sharpness=0.0)
VARIABLE = [0, 1000, 3000, 3500, 5000, 9000, 9500, 10000, 11000]
"""Times of nine frames, of 30000 a second."""


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(getattr(container.streams, kind)[0]) if packet.size]


def first_sound(path: Path) -> Fraction:
    """When the first packet of sound is heard, in seconds; that of MP4 lies before 0, and is what AAC begins with."""
    with av.open(str(path)) as container:
        return next(packet.pts * packet.time_base for packet in container.demux(audio=0))


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of a variable rate with sound, chapters, metadata and pixels that are wider than high."""
    return write_video(
        tmp_path_factory.mktemp("rich") / "clip.mp4",
        moving(9),
        codec="libx264",
        pixel_format="yuv420p",
        times=VARIABLE,
        time_base=Fraction(1, 30000),
        tags={"colorspace": 1, "color_range": 1, "color_primaries": 1, "color_trc": 1},
        sound_seconds=0.4,
        aspect=Fraction(4, 3),
        metadata={"title": "A title", "artist": "Somebody"},
        chapters=[
            {"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}},
            {"id": 2, "start": 200, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "two"}},
        ],
    )


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_times_sound_chapters_and_metadata_are_kept(
    rich: Path, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_FRAMES", 4)  # frames that are decoded ahead of others, over three parts
    out = tmp_path / f"film{ending}"
    assert develop_film(rich, out, PLAIN).notes == []
    before, after = open_film(rich), open_film(out)
    assert (after.aspect, after.tags, after.width, after.height) == (Fraction(4, 3), before.tags, before.width, before.height)
    assert packets(out, "audio") == packets(rich, "audio")
    # MKV counts milliseconds, and begins where the sound does, which is before the first frame
    shift, tick = times_of(out)[0], Fraction(1, 1000) if ending == ".mkv" else 0
    assert all(abs(t - shift - Fraction(v, 30000)) <= tick for t, v in zip(times_of(out), VARIABLE, strict=True))
    assert abs((first_sound(out) - shift) - first_sound(rich)) <= 2 * tick
    with av.open(str(out)) as container:
        told = {key.lower(): text for key, text in container.metadata.items()}
        assert (told["title"], told["artist"]) == ("A title", "Somebody")
        assert "Film Look: v2 stock=neutral" in told["comment"]
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one", "two"]


def test_what_is_not_kept_is_told(rich: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "film.webm"
    assert main(["develop", str(rich), "-o", str(out), "--encoder-preset", "12", "--grain", "0"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("filmlook: ")]
    assert [line.partition("clip.mp4: ")[2] for line in lines] == [
        "sound (aac) is not kept in .webm and became opus",
        ".webm does not tell the shape of pixels here, 4:3",
    ]
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name == "opus"
        seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert abs(seconds - 0.4) < 0.03


def test_a_films_sound_stays_beside_a_picture_that_begins_late(tmp_path: Path) -> None:
    source = write_video(
        tmp_path / "late.mkv", moving(4), time_base=Fraction(1, 1000), times=[500, 540, 580, 620], sound_seconds=1.0
    )
    develop_film(source, tmp_path / "film.mkv", PLAIN, codec="ffv1")
    lag = times_of(source)[0] - first_sound(source)
    assert abs(times_of(tmp_path / "film.mkv")[0] - first_sound(tmp_path / "film.mkv") - lag) <= Fraction(1, 1000)


def test_subtitles_are_copied_or_told(tmp_path: Path) -> None:
    plain, source = write_video(tmp_path / "plain.mkv", moving(3)), tmp_path / "clip.mkv"
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:00,080\nBonjour\n")
    with av.open(str(plain)) as picture, av.open(str(tmp_path / "words.srt")) as text, av.open(str(source), "w") as container:
        stream = container.add_stream_from_template(picture.streams.video[0], opaque=True)
        words = container.add_stream_from_template(text.streams.subtitles[0], opaque=True)
        words.metadata["language"] = "fra"
        for read, to in ((picture, stream), (text, words)):
            for packet in read.demux():
                if packet.size:
                    packet.stream = to
                    container.mux(packet)
    assert develop_film(source, tmp_path / "film.mkv", PLAIN, codec="ffv1").notes == []
    with av.open(str(tmp_path / "film.mkv")) as container:
        assert container.streams.subtitles[0].language == "fra"
    assert packets(tmp_path / "film.mkv", "subtitles") == packets(source, "subtitles")
    notes = develop_film(source, tmp_path / "film.mp4", PLAIN).notes
    assert [note for note in notes if "subtitle" in note] == ["subtitle (subrip) is left out: .mp4 does not hold it"]


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_a_film_that_lies_is_set_upright(tmp_path: Path, degrees: int) -> None:
    if not hasattr(av.VideoStream if hasattr(av, "VideoStream") else av.video.stream.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a rotation")
    frames = moving(2)
    lossless: dict[str, Any] = {"codec": "libx264rgb", "pixel_format": "rgb24", "options": {"qp": "0"}}
    source = write_video(tmp_path / "lies.mp4", frames, rotation=degrees, **lossless)
    film = open_film(source)
    got = [frame.pixels for frame in film.frames()]
    upright = [np.rot90(frame, degrees // 90) for frame in frames]
    assert (film.height, film.width) == upright[0].shape[:2]
    assert all((a == b).all() for a, b in zip(got, upright, strict=True))


def test_animations_keep_their_times_and_transparency(tmp_path: Path) -> None:
    clear = [np.where(frame[..., :1] > 120, 255, 0).astype(np.uint8) for frame in moving(4)]
    frames = [Image.fromarray(np.dstack(layers)) for layers in zip(moving(4), clear, strict=True)]
    durations = [40, 200, 80, 120]
    for ending in (".webp", ".gif", ".png"):
        source = tmp_path / f"in{ending}"
        more: dict[str, Any] = {"lossless": True} if ending == ".webp" else {"disposal": 2}
        frames[0].save(source, save_all=True, append_images=frames[1:], duration=durations, loop=0, **more)
        out = tmp_path / f"out-{ending[1:]}.webp"
        assert main(["develop", str(source), "-o", str(out), "--stock", "neutral", "--grain", "0"]) == 0
        with Image.open(source) as before, Image.open(out) as after:
            assert after.n_frames == 4
            for i in range(4):
                before.seek(i)
                after.seek(i)
                after.load()
                assert after.info["duration"] == durations[i] or i == 3  # of the last one WebP's encoder is told nothing
                alpha = [np.asarray(image.convert("RGBA"))[..., 3] for image in (before, after)]
                assert (alpha[0] == alpha[1]).all()


def test_a_gif_shows_the_film(tmp_path: Path) -> None:
    frames = moving(4)
    source = write_video(tmp_path / "clip.mkv", frames)
    develop_film(source, tmp_path / "film.gif", PLAIN)
    with Image.open(tmp_path / "film.gif") as image:
        assert (image.n_frames, image.info["duration"], image.info["loop"]) == (4, 40, 0)
        for i, frame in enumerate(frames):
            image.seek(i)
            assert np.abs(np.asarray(image.convert("RGB"), np.float32) - frame).mean() < 4
