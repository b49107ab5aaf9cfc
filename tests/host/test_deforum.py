"""Deforum's films: developed beside what Deforum makes, with the accordion's look or a settings file's; never at its cost."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filmlook import ExposureLock, Look, MovingLook
from filmlook.files import infotext
from tests.host.conftest import Make, codes, develop, look_in
from tests.host.fake import Host
from tests.host.fake_deforum import FakeDeforum

LOOK: dict[str, Any] = {"stock": "kodak_portra_400", "grain": 2.0, "halation": 0, "lab": 1}
FILM = Look(**LOOK)
NAME = "20261127030000"


@pytest.fixture
def deforum(make_host: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDeforum]:
    """Deforum in a host whose page is built: its button comes when the accordion of txt2img is there."""
    found: list[FakeDeforum] = []
    for module in ("deforum_helpers.run_deforum", "deforum_helpers.ui_right"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    host = make_host()
    found.append(FakeDeforum(host, tmp_path / "out"))
    found[0].install()
    host.tell("on_before_ui")
    host.script.ui(False)
    host.build_page("deforum_generate")
    yield found[0]
    for module in ("deforum_helpers.run_deforum", "deforum_helpers.ui_right"):
        sys.modules.pop(module, None)


def _on(deforum: FakeDeforum, *, enabled: bool = True, films: bool = True, **settings: Any) -> None:
    """Presses Generate's own listener with the accordion set so."""
    host = deforum.host
    accordion = host.module("deforum")._page.accordion
    by_component = {id(component): key for key, component in accordion.controls.by_key.items()}
    _, event = host.find("deforum_generate").events[0]
    assert event["queue"] is False
    values = []
    for component in event["inputs"]:
        key = by_component.get(id(component))
        values.append(settings.get(key, component.value) if key else {id(accordion.enabled): enabled}.get(id(component), films))
    event["fn"](*values)


def _check(deforum: FakeDeforum, look: Any = FILM, name: str = NAME, count: int = 3, seed: int = 5) -> None:
    """The frames in the folder beside are those of Deforum's, as a film, each with its look in its infotext."""
    lock, moving = ExposureLock(), look if isinstance(look, MovingLook) else MovingLook(look)
    for number in range(count):
        with (
            Image.open(deforum.frame(number, name)) as before,
            Image.open(deforum.folder / "film-look" / f"{name}_{number:09}.png") as after,
        ):
            now = moving.at(number, seed=seed, last=count - 1)
            np.testing.assert_array_equal(codes(after), codes(develop(before, now, seed=seed, frame=number, lock=lock)))
            text = after.info["parameters"]
            assert look_in(text) == now
            assert infotext.pairs_of(text)[infotext.FRAME] == str(number)


def _originals(deforum: FakeDeforum) -> list[bytes]:
    return [path.read_bytes() for path in sorted(deforum.folder.glob(f"{NAME}_*.png"))]


def test_frames_are_developed_beside_and_feed_on_what_is_not(deforum: FakeDeforum) -> None:
    deforum.press()
    before = _originals(deforum)
    assert not (deforum.folder / "film-look").exists()
    _on(deforum, **LOOK)
    *result, told = deforum.press()
    assert _originals(deforum) == before
    _check(deforum)
    assert result[1:] == [NAME, "{}"]
    assert told.startswith("The animation is stored<p>Film Look: 3 frames developed, in ")


@pytest.mark.parametrize("off", [{"enabled": False}, {"films": False}])
def test_nothing_is_done_unless_the_accordion_and_its_switch_are_on(deforum: FakeDeforum, off: Any) -> None:
    _on(deforum, **off, **LOOK)
    assert deforum.press()[3] == "The animation is stored"
    assert not (deforum.folder / "film-look").exists()


def test_a_program_says_the_look_in_its_settings(deforum: FakeDeforum) -> None:
    moving = {**LOOK, "exposure": "0: (0), 2: (1)", "grain_seed": 9}
    deforum.call({"film_look": moving})
    _check(deforum, MovingLook.from_dict({**LOOK, "exposure": "0: (0), 2: (1)"}), seed=9)
    assert f"film-look/{NAME}_000000002.png" in [p.replace("\\", "/") for p in deforum.seen_at_the_end]


def test_of_several_jobs_each_has_its_own(deforum: FakeDeforum) -> None:
    deforum.call({"film_look": LOOK}, {}, {"film_look": {**LOOK, "grain": 0}}, seed=6)
    _check(deforum, seed=6)
    assert not list((deforum.folder / "film-look").glob("20261127030001*"))
    _check(deforum, dataclasses.replace(FILM, grain=0), "20261127030002", seed=6)


def test_a_program_is_not_given_what_the_page_says(deforum: FakeDeforum) -> None:
    _on(deforum, **LOOK)
    deforum.call({})
    assert not (deforum.folder / "film-look").exists()


@pytest.mark.parametrize("said", [{"grain": 99}, "no-such-preset", {"exposure": "0: (0), 2: (40)"}, 7])
def test_a_wrong_look_leaves_deforum_whole_and_says_one_line(deforum: FakeDeforum, said: Any) -> None:
    *_, told = deforum.call({"film_look": said})
    assert told.count("Film Look: Deforum&#x27;s film stays as it is: ") == 1
    assert len(_originals(deforum)) == 3
    assert deforum.completed == ["batch(7)-0"]
    assert not (deforum.folder / "film-look").exists()


def test_a_fault_of_ours_leaves_deforum_whole(deforum: FakeDeforum, caplog: pytest.LogCaptureFixture) -> None:
    def breaking(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    deforum.host.module("deforum").develop_frames = breaking
    *_, told = deforum.call({"film_look": LOOK})
    assert "ZeroDivisionError" in told
    assert deforum.completed == ["batch(7)-0"]
    (record,) = caplog.records
    assert record.exc_info is not None


def test_what_was_interrupted_stays_undeveloped_and_is_developed_when_it_is_resumed(deforum: FakeDeforum) -> None:
    _on(deforum, **LOOK)
    *_, told = deforum.press(interrupt_at=2)
    assert "2 frames in " in told
    assert "resume it" in told
    assert not (deforum.folder / "film-look").exists()
    deforum.host.state.interrupted = False
    deforum.press(resume=NAME, made=2)
    _check(deforum)


def test_a_failed_run_tells_that_its_frames_stay_undeveloped(deforum: FakeDeforum) -> None:
    _on(deforum, **LOOK)
    *nothing, told = deforum.press(fail_at=1)
    assert nothing == [None, None, None]
    assert told.startswith("Error: 'out of memory'<p>Film Look: 1 frames in ")


def test_who_interrupts_while_frames_are_developed_keeps_what_is_done(deforum: FakeDeforum) -> None:
    _on(deforum, **LOOK)
    folder = deforum.host.module("frame_folder")
    original = folder.picture.write

    def write(path: Path, *args: Any, **kwargs: Any) -> None:
        original(path, *args, **kwargs)
        deforum.host.state.interrupted = True

    folder.picture = type("Pictures", (), {"read": staticmethod(folder.picture.read), "write": staticmethod(write)})
    *_, told = deforum.press()
    assert "stopped" in told
    assert [path.name for path in (deforum.folder / "film-look").iterdir()] == [f"{NAME}_000000000.png"]


def test_without_ffmpeg_there_are_frames_and_one_line(deforum: FakeDeforum, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("imageio_ffmpeg", "av"):
        monkeypatch.setitem(sys.modules, module, None)
    _on(deforum, **LOOK)
    *_, told = deforum.press()
    assert "no video: " in told
    assert "and there is no ffmpeg" in told
    _check(deforum)


def test_each_scene_is_judged_by_its_own_first_frame(host: Host, tmp_path: Path) -> None:
    scenes = [np.random.default_rng(seed).uniform(low, low + 0.4, (6, 8, 3)) for seed, low in ((1, 0.05), (2, 0.5))]
    images = [Image.fromarray((255 * scenes[number // 4]).astype(np.uint8)).resize((64, 48), 0) for number in range(8)]
    frames = [(number, tmp_path / f"{number:09}.png") for number in range(8)]
    for image, (_, path) in zip(images, frames, strict=True):
        image.save(path)
    choice = host.module("frame_folder").LookChoice(FILM)
    done = host.module("frame_folder").develop_frames(frames, tmp_path / "film", choice, 5)
    for number, path in enumerate(done):
        with Image.open(path) as film:
            lock = ExposureLock.of(images[number // 4 * 4])
            np.testing.assert_array_equal(codes(film), codes(develop(images[number], FILM, seed=5, frame=number, lock=lock)))


def test_without_a_video_of_deforums_there_is_none_of_ours(deforum: FakeDeforum) -> None:
    _on(deforum, **LOOK)
    *_, told = deforum.press(skip_video_creation=True)
    assert "video:" not in told
    _check(deforum)


def test_who_deletes_frames_has_the_video_developed_before(deforum: FakeDeforum, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def make_video(frames: list[Path], fps: float, like: Path, target: Path, encoder: Any) -> None:
        seen.append([path.name for path in frames])
        assert (fps, like.name) == (12, f"{NAME}.mp4")
        target.write_bytes(b"developed")

    monkeypatch.setattr(deforum.host.module("deforum"), "make_video", make_video)
    _on(deforum, **LOOK)
    *_, told = deforum.press(delete_imgs=True, extra_videos=("Upscaled_x2", "preview"))
    assert seen == [[f"{NAME}_{number:09}.png" for number in range(3)]]
    names = [f"{NAME}-film-look.mp4", f"{NAME}.mp4", f"{NAME}_Upscaled_x2.mp4", f"{NAME}_preview.mp4"]
    assert sorted(path.name for path in deforum.folder.iterdir()) == names
    assert f"{NAME}_Upscaled_x2.mp4 stays undeveloped: " in told
    assert "preview" not in told


def test_deforum_is_as_it_was_when_scripts_are_unloaded(deforum: FakeDeforum) -> None:
    run = deforum._run
    assert vars(deforum.module)["run_deforum"] != run
    deforum.host.build_page("deforum_generate")
    deforum.host.tell("on_script_unloaded")
    for module in (deforum.module, deforum.page):
        assert vars(module)["run_deforum"] == run
    assert vars(deforum.module)["process_args"] == deforum._process_args


def test_the_switch_is_seen_where_deforum_is_installed(make_host: Make, deforum: FakeDeforum) -> None:
    assert deforum.host.find("txt2img_film_look_deforum").kwargs["visible"]


def test_without_deforum_there_is_no_switch(host: Host) -> None:
    host.script.ui(False)
    assert not host.find("txt2img_film_look_deforum").kwargs["visible"]
