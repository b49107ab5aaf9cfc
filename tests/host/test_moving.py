"""Looks that move over the frames of a film that the host or another extension makes: each frame has its own values."""

from __future__ import annotations

from typing import Any

from filmlook import ExposureLock, Look, MovingLook
from filmlook.files import infotext
from tests.host.conftest import develop, look_in, same
from tests.host.fake import Host
from tests.host.fake_processing import Processed, raw_picture
from tests.host.fake_scripts import AnimateDiff

LOOK: dict[str, Any] = {"stock": "kodak_portra_400", "halation": 0, "lab": 1, "exposure": "0: (0), 2: (1)"}
MOVING = MovingLook.from_dict(LOOK)


def _check(befores: list[Any], on: Processed, last: int) -> None:
    lock = ExposureLock()
    assert len(befores) == len(on.images)
    for number, (before, after, text) in enumerate(zip(befores, on.images, on.infotexts, strict=True)):
        look = MOVING.at(number, seed=11, last=last)
        same(after, develop(before, look, seed=11, frame=number, lock=lock))
        assert look_in(text) == look
        assert infotext.pairs_of(text)[infotext.FRAME] == str(number)
    assert look_in(on.infotexts[1]) != look_in(on.infotexts[2])


def test_animatediffs_frames_follow_a_schedule(host: Host) -> None:
    host.add(AnimateDiff(), {"enable": True})
    off, on = (host.txt2img(args, batch_size=3) for args in (None, [LOOK]))
    _check(off.images, on, 2)


def test_a_folders_files_that_are_frames_follow_a_schedule(host: Host) -> None:
    files = [raw_picture(seed) for seed in (1, 2, 3)]
    off, on = (host.batch(args, files) for args in (None, [{**LOOK, "frames": True}]))
    befores = [one.images[0] for one in off]
    _check(befores, Processed([one.images[0] for one in on], [one.infotexts[0] for one in on]), 2)


def test_the_last_frame_of_a_folder_is_known_to_a_schedule(host: Host) -> None:
    files = [raw_picture(seed) for seed in (1, 2, 3)]
    on = host.batch([{"stock": "neutral", "exposure": "0: (t/max_f)", "frames": True}], files)
    assert [getattr(look_in(one.infotexts[0]), "exposure", None) for one in on] == [0, 0.5, 1]


def test_a_single_picture_has_the_values_of_frame_0(host: Host) -> None:
    on = host.txt2img([LOOK])
    same(on.images[0], develop(raw_picture(11), MOVING.at(0), seed=11))


def test_a_schedule_out_of_range_develops_no_frame_and_names_it(host: Host) -> None:
    host.add(AnimateDiff(), {"enable": True})
    off, on = (host.txt2img(args, batch_size=3) for args in (None, [{"stock": "neutral", "grain": "0: (8*t)"}]))
    for before, after, text in zip(off.images, on.images, on.infotexts, strict=True):
        same(after, before)
        assert "frame 2" in infotext.pairs_of(text)[infotext.ERROR]


def test_a_plots_axes_change_a_look_that_moves(host: Host) -> None:
    axes = {"x": ("[Film Look] Strength", [0.5]), "y": ("[Film Look] Grain", [2.0])}
    plot = host.txt2img([LOOK], "X/Y/Z plot", **axes)
    assert look_in(plot.infotexts[0]) == Look(stock="kodak_portra_400", halation=0, lab=1, grain=2, strength=0.5)
