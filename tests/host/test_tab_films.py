"""Films in the tab, and keyframes: typed, shown and developed with."""

from __future__ import annotations

import html
import json
from pathlib import Path
from types import SimpleNamespace as Namespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import Look
from filmlook.errors import AlreadyDevelopedError, FilmLookError, PictureError
from filmlook.moving_look import MovingLook
from filmlook.presets import save_preset
from tests.host.conftest import Make, develop, same
from tests.host.fake import Host

MOVING = "exposure: 0: (-1), 4: (1)"


class Developer:
    """Stands in for what develops films: three frames, and a file."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def __call__(self, source: Path, out: Path, look: MovingLook, *, progress: Any, **how: Any) -> Any:
        self.asked.append({"source": source, "look": look, **how})
        out.write_bytes(b"half")
        for done in range(3):
            progress(done + 1, 3)
        if self.error:
            raise self.error
        out.write_bytes(b"film of " + source.read_bytes())
        return Namespace(frames=3, notes=["its chapters are left out"])


@pytest.fixture
def tab(make_host: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = make_host()
    host.build_page()
    host.options.data["outdir_samples"] = host.options.outdir_samples = str(tmp_path / "out")
    return host


@pytest.fixture
def developer(tab: Host, monkeypatch: pytest.MonkeyPatch) -> Developer:
    made = Developer()
    monkeypatch.setattr(tab.module("tab_films"), "develop_film", made)
    return made


def pressed(host: Host, mode: int, **values: Any) -> tuple[Any, Any, list[Image.Image], str]:
    """Presses Develop: the player, the list of files, the gallery, and the report."""
    host.find("film_look_generate").events[-1][1]["inputs"][1].value = mode
    settings = {f"tab_film_look_{key}": values.pop(key) for key in ("stock", "seed_mode", "seed") if key in values}
    given = {f"film_look_{key}": value for key, value in values.items()}
    player, file, images, _, report = host.press("film_look_generate", **settings, **given)
    return player, file, images, html.unescape(report)


def clip(folder: Path, name: str = "clip.MP4") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(name.encode())
    return str(folder / name)


def gif(folder: Path, name: str, frames: int) -> str:
    folder.mkdir(exist_ok=True)
    pictures = [Image.new("RGB", (8, 8), (40 * i, 90, 90)) for i in range(frames)]
    pictures[0].save(folder / name, save_all=True, append_images=pictures[1:])
    return str(folder / name)


def test_a_film_is_developed_beside_what_the_tab_saves_and_shown(tab: Host, developer: Developer, tmp_path: Path) -> None:
    film = clip(tmp_path / "in")
    for i in range(2):  # nothing is written over
        player, file, images, report = pressed(tab, 1, files=[film], keyframes=MOVING)
        made = tmp_path / "out" / ("clip-1.mp4" if i else "clip.mp4")
        assert made.read_bytes() == b"film of clip.MP4"
        assert Path(player["value"]).read_bytes() == b"film of clip.MP4"
        assert player["visible"]
        assert not file["visible"]
        assert images == []
        assert f"Saved: {made}" in report
        assert "its chapters are left out" in report
    assert len(list((tmp_path / "out").iterdir())) == 2  # and nothing is left of how they were made
    asked = developer.asked[0]
    assert asked["look"].at(4).exposure == 1
    assert asked["look"].at(0).exposure == -1
    assert (asked["seed"], asked["device"]) == (None, "cpu")
    assert (tab.state.sampling_step, tab.state.textinfo) == (100, "clip: 3 / 3")


def test_films_and_pictures_together(tab: Host, developer: Developer, tmp_path: Path) -> None:
    clip(tmp_path / "in", "b.mkv")
    gif(tmp_path / "in", "c.gif", 3)
    gif(tmp_path / "in", "d.gif", 1)
    Image.new("RGB", (16, 16), (90, 90, 90)).save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "notes.txt").write_text("none")
    player, file, images, report = pressed(tab, 2, input_dir=str(tmp_path / "in"), output_dir=str(tmp_path / "films"))
    assert len(images) == 2
    assert {path.name for path in (tmp_path / "films").iterdir()} >= {"b.mp4", "c.gif"}
    assert "4 of 4 developed" in report
    assert [player["visible"], file["visible"]] == [False, False]  # of several none is shown


def test_an_animation_stays_one_and_is_there_as_a_file(tab: Host, developer: Developer, tmp_path: Path) -> None:
    player, file, _, _ = pressed(tab, 1, files=[gif(tmp_path / "in", "c.gif", 3)], seed_mode="fixed", seed=5)
    assert (tmp_path / "out" / "c.gif").is_file()
    assert Path(file["value"]).name == "c.gif"
    assert not player["visible"]
    assert developer.asked[0]["seed"] == 5


@pytest.mark.parametrize("wish", ["interrupted", "skipped"])
def test_interrupt_and_skip_end_a_film_and_leave_nothing_of_it(
    tab: Host, developer: Developer, tmp_path: Path, wish: str
) -> None:
    class Wishing(type(tab.state)):  # type: ignore[misc]
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "textinfo" and value == "clip: 2 / 3":
                super().__setattr__(wish, True)

    tab.state.__class__ = Wishing
    player, _, images, report = pressed(tab, 1, files=[clip(tmp_path / "in"), gif(tmp_path / "in", "next.gif", 1)])
    assert not player["visible"]
    assert len(images) == (0 if wish == "interrupted" else 1)
    assert not [path for path in (tmp_path / "out").iterdir() if path.suffix == ".mp4" or path.name.startswith(".")]
    assert "error" not in report


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PictureError("{source}: holds no moving picture"), "holds no moving picture"),
        (
            AlreadyDevelopedError("{source}: it is developed already"),
            "it is developed already; to develop it again, tick the box.",
        ),
        (FilmLookError('videos need av: pip install "filmlook[video]"'), 'videos need av: pip install "filmlook[video]"'),
    ],
)
def test_what_is_wrong_with_a_film_is_told_in_a_line(
    tab: Host, developer: Developer, tmp_path: Path, error: Exception, told: str
) -> None:
    film = clip(tmp_path / "secret")
    developer.error = type(error)(str(error).format(source=film))
    player, _, _, report = pressed(tab, 1, files=[film])
    assert not player["visible"]
    assert f"<b>clip.MP4</b>: <span>{told}</span>" in report
    assert "secret" not in report
    assert not list((tmp_path / "out").iterdir())


# Keyframes


def shown(host: Host, text: str) -> str:
    """What is shown below the field when this is typed."""
    (event,) = (given for name, given in host.find("film_look_keyframes").events if name == "change")
    return str(event["fn"](text))


def test_what_moves_is_shown_as_curves(tab: Host) -> None:
    assert shown(tab, "") == shown(tab, "  \n# nothing\n") == ""
    lines = shown(tab, "exposure: 0: (-1), 60: (1)\ngrain: 0: (1 + t / 20)  # grows\n")
    as_json = json.dumps({"exposure": "0: (-1), 60: (1)", "grain": "0: (1 + t / 20)"})
    assert shown(tab, as_json) == lines
    assert lines.count("<polyline") == 2
    assert "Exposure" in lines
    assert "-1 … 1" in lines
    assert "<span>66</span>" in lines  # a little beyond the last key
    points = [tuple(map(float, point.split(","))) for point in lines.split("points='")[1].split("'")[0].split(" ")]
    assert points[0][1] > points[len(points) // 2][1] > points[-1][1]  # it rises
    assert points == sorted(points)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("exposure: 0: (0)\ngarin: 0: (1)", "line 2: 'garin' cannot move; settings that can are: strength"),
        ("stock: 0: (1)", "line 1: 'stock' cannot move"),
        ("exposure: 0: (0), 30: (99)", "frame 30: exposure is 99"),
        ("exposure: 0: (1/0)", "divides by zero"),
        ("exposure: 0: (9 * t)", "exposure is 9"),
        ("exposure: 0: (open(3))", "is not allowed"),
        ('{"exposure": 3}', "exposure is '3'; allowed: a schedule"),
        ('{"exposure"', "keyframes are not JSON"),
        ('{"<b>": "0: (1)"}', "'<b>' cannot move"),
        ("x" * 60_000, "keyframes have 60000 characters"),
    ],
)
def test_wrong_keyframes_are_told_by_key_and_place(tab: Host, tmp_path: Path, text: str, told: str) -> None:
    said = shown(tab, text)
    assert said.startswith("<p class='error'>")
    assert told in html.unescape(said)
    assert "<b>" not in said


def test_wrong_keyframes_stop_what_would_be_developed(tab: Host, developer: Developer, tmp_path: Path) -> None:
    *_, report = pressed(tab, 1, files=[clip(tmp_path / "in")], keyframes="garin: 0: (1)")
    assert "'garin' cannot move" in report
    assert not developer.asked


def test_the_frames_of_a_film_move_and_a_single_picture_takes_frame_0(tab: Host, tmp_path: Path) -> None:
    picture = Image.fromarray(np.full((48, 64, 3), 110, np.uint8))
    (tmp_path / "in").mkdir()
    for i in range(3):
        picture.save(tmp_path / "in" / f"{i}.png")
    how = {"seed_mode": "fixed", "seed": 3, "keyframes": MOVING}
    *_, images, _ = pressed(tab, 2, input_dir=str(tmp_path / "in"), frames=True, **how)
    for i, image in enumerate(images):
        same(image, develop(picture, Look(exposure=-1 + i / 2), seed=3, frame=i))
    *_, (alone,), _ = pressed(tab, 0, image=picture, **how)
    same(alone, develop(picture, Look(exposure=-1), seed=3))


def test_a_preset_that_moves_fills_the_field_in(tab: Host, tmp_path: Path) -> None:
    save_preset("dawn", MovingLook(Look(), (("exposure", "0: (-1),\n 4: (1)"),)), label="Dawn")
    events = [given for name, given in tab.find("tab_film_look_preset").events if name == "input"]
    (fill,) = (given["fn"] for given in events if given["outputs"] == [tab.find("film_look_keyframes")])
    assert fill("Dawn") == MOVING
    assert fill("Super 8") == fill("no such") == ""
