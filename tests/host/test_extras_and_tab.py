"""Pictures that are there already: the script in Extras, the tab, and the buttons that send pictures to it."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from filmlook import ExposureLock, Look, __version__, load_look
from filmlook.files import infotext
from filmlook.presets import Preset, is_own, preset_json
from tests.host.conftest import bare, codes, develop, look_in, regrain, same, seed_in
from tests.host.fake import Host
from tests.host.fake_processing import raw_picture

SETTINGS: dict[str, Any] = {"stock": "kodak_portra_400", "grain": 3.0}
FILM = Look(**SETTINGS)
PLAIN = (
    'a cat, (grain:1.2)\nNegative prompt: ugly\nSteps: 20, Sampler: Euler a, Seed: 7, Lora hashes: "a: 1, b: 2", Version: v1'
)


def _told(pp: Any) -> dict[str, str]:
    """What the host writes of a script's info: it leaves None out."""
    return {key: value for key, value in pp.info.items() if value is not None}


def _picture(seed: int = 1, text: str = "") -> Image.Image:
    picture = raw_picture(seed)
    if text:
        picture.info["parameters"] = text
    return picture


# Extras


def _extras(host: Host, image: Image.Image, **values: Any) -> Any:
    return host.extras(image, **{"enabled": True, **SETTINGS, **values})


def test_extras_develop(host: Host) -> None:
    pp = _extras(host, _picture(text=PLAIN))
    same(pp.image, develop(_picture(), FILM, seed=7))
    assert _told(pp) == infotext.entries(FILM, 7)


def test_extras_seed_of_a_picture_that_does_not_say_is_its_own(host: Host) -> None:
    first, second = (_extras(host, _picture(n), again=True) for n in (1, 2))
    assert first.info[infotext.SEED] == _extras(host, _picture(1), again=True).info[infotext.SEED]
    assert first.info[infotext.SEED] != second.info[infotext.SEED]
    same(first.image, develop(_picture(1), FILM, seed=int(first.info[infotext.SEED])))


def test_extras_seed_may_be_fixed(host: Host) -> None:
    pp = _extras(host, _picture(text=PLAIN), seed_mode="Fixed", seed=99)
    same(pp.image, develop(_picture(), FILM, seed=99))
    assert pp.info[infotext.SEED] == "99"


def test_extras_are_off_unless_turned_on(host: Host) -> None:
    picture = _picture()
    for values in ({}, dict.fromkeys(host.extras_controls), {**SETTINGS, "enabled": None}):
        pp = host.extras(picture, **values)
        assert pp.image is picture
        assert _told(pp) == {}


@pytest.mark.parametrize("stripped", [False, True])
def test_extras_leave_developed_pictures_alone_unless_asked(host: Host, stripped: bool) -> None:
    film = host.txt2img([SETTINGS]).images[0]
    film = bare(film) if stripped else film
    pp = _extras(host, film)
    assert pp.image is film
    assert _told(pp) == {}
    again = _extras(host, film, again=True)
    same(again.image, develop(film, FILM, seed=int(again.info[infotext.SEED])))


def test_extras_know_a_developed_picture_and_its_seed_after_an_upscaler_dropped_its_metadata(host: Host) -> None:
    film = host.txt2img([SETTINGS]).images[0]
    host.module("once.fingerprints").delivered._kept.clear()
    pp = _extras(host, film, upscaled=2)
    assert pp.image.size == (2 * film.width, 2 * film.height)
    assert _told(pp) == {}
    assert _told(_extras(host, _picture(text=PLAIN), upscaled=2))[infotext.SEED] == "7"


def test_what_extras_developed_counts_as_developed(host: Host) -> None:
    pp = _extras(host, _picture())
    stored = bare(pp.image)
    stored.info["postprocessing"] = ", ".join(f"{key}: {value}" for key, value in _told(pp).items())
    host.module("once.fingerprints").delivered._kept.clear()
    for source in (stored, bare(pp.image)):
        off, on = host.img2img(None, [source]), host.img2img([SETTINGS], [source])
        expected = regrain if source is stored else develop  # the cache was emptied: only the text can tell
        same(on.images[0], expected(off.images[0], FILM, seed=11))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"grain": 99}, "grain is 99"),
        ({"stock": None}, "stock"),
        ({"stock": "../x"}, "stock"),
        ({"print": "kodak_9999"}, "print is 'kodak_9999'; Kodak Portra 400 allows: stock, minilab, "),
        ({"stock": "Kodak Tri-X 400", "print": "Kodak Vision 2383"}, "Kodak Tri-X 400 allows: stock, minilab, grade-0"),
        ({"seed": 1.5}, "grain seed"),
        ({"seed": None, "seed_mode": "Fixed"}, "grain seed"),
    ],
)
def test_wrong_values_in_extras_cost_nothing(
    host: Host, caplog: pytest.LogCaptureFixture, values: dict[str, Any], told: str
) -> None:
    picture = _picture()
    pp = _extras(host, picture, **values)
    assert pp.image is picture
    assert list(_told(pp)) == [infotext.ERROR]
    assert told in pp.info[infotext.ERROR]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("error", [RuntimeError("broken"), MemoryError(), AssertionError("broken")])
def test_a_failure_in_extras_never_costs_the_picture(host: Host, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def breaking(*args: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(host.module("processing"), "develop", breaking)
    picture = _picture()
    pp = _extras(host, picture)
    assert pp.image is picture
    same(picture, _picture())
    assert list(_told(pp)) == [infotext.ERROR]
    assert type(error).__name__ in pp.info[infotext.ERROR]
    monkeypatch.undo()
    assert infotext.ERROR not in _told(_extras(host, picture))


def test_an_emptied_seed_field_matters_only_where_the_seed_is_fixed(host: Host) -> None:
    same(_extras(host, _picture(text=PLAIN), seed=None).image, develop(_picture(), FILM, seed=7))


def test_extras_keep_alpha_and_size(host: Host) -> None:
    picture = raw_picture(1, (41, 33)).convert("RGBA")
    picture.putalpha(raw_picture(2, (41, 33)).convert("L"))
    after = _extras(host, picture).image
    assert (after.mode, after.size) == ("RGBA", (41, 33))
    np.testing.assert_array_equal(codes(after)[..., 3], codes(picture)[..., 3])


def test_the_extras_tab_opens_even_without_our_controls(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaking(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(host.module("extras"), "build_accordion", breaking)
    host.extras_controls = host.extras_script.ui()
    assert host.extras_controls == {}
    assert len(caplog.records) == 1
    picture = _picture()
    pp = host.extras(picture)
    assert pp.image is picture


# the tab


@pytest.fixture
def tab(host: Host) -> Host:
    """The host with its page built."""
    assert [label for _, label, _ in host.build_page()] == ["Film Look"]
    return host


def _develop(host: Host, mode: int, **values: Any) -> tuple[list[Image.Image], str, str]:
    """Presses Develop, in one of the tab's three modes."""
    host.find("film_look_generate").events[-1][1]["inputs"][1].value = mode
    ours = {f"tab_film_look_{key}": values.pop(key, value) for key, value in {**SETTINGS, "seed_mode": "picture"}.items()}
    ours.update({f"tab_film_look_{key}": values.pop(key) for key in ("seed", "lab") if key in values})
    _, _, images, about, report = host.press("film_look_generate", **ours, **{f"film_look_{k}": v for k, v in values.items()})
    return images, html.unescape(about), report


def _write(folder: Path, name: str, seed: int, text: str = "") -> str:
    info = PngInfo()
    if text:
        info.add_text("parameters", text)
    folder.mkdir(exist_ok=True)
    raw_picture(seed).save(folder / name, pnginfo=info)
    return str(folder / name)


def test_a_single_picture(tab: Host) -> None:
    picture = _picture(text=PLAIN)
    images, about, report = _develop(tab, 0, image=picture)
    expected = infotext.with_entries(PLAIN, infotext.entries(FILM, 7), picture.size)
    assert report == f"<p>Saved: {tab.saved[0].path}</p>"
    assert len(images) == len(tab.saved) == 1
    same(images[0], develop(_picture(), FILM, seed=7))
    same(tab.saved[0].image, images[0])
    assert images[0].info["parameters"] == tab.saved[0].pnginfo["parameters"] == expected
    assert expected in about
    assert tab.saved[0].path.startswith("outputs/extras/")
    assert picture.info == {"parameters": PLAIN}


def test_infotext_is_merged_and_nothing_else_touched(tab: Host) -> None:
    old = infotext.with_entries(PLAIN, infotext.entries(Look(grain=8), 4, frame=2, grain_only=True), (1, 1))
    images, _, _ = _develop(tab, 0, image=_picture(text=old), seed_mode="fixed", seed=5, again=True)
    assert (
        images[0].info["parameters"]
        == f"{PLAIN}, Film Look: {FILM.to_text()}, Film Look seed: 5, Film Look version: {__version__}"
    )


def _mask_of(size: tuple[int, int]) -> tuple[Image.Image, str]:
    """White in the left half; and as the page sends it."""
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    mask.save(file, "PNG")
    return mask, base64.b64encode(file.getvalue()).decode()


def test_a_painted_mask_limits_the_look(tab: Host) -> None:
    picture = _picture(text=PLAIN)
    mask, sent = _mask_of(picture.size)
    images, _, _ = _develop(tab, 0, image=picture, mask=sent)
    same(images[0], develop(_picture(), FILM, seed=7, mask=mask))
    np.testing.assert_array_equal(codes(images[0])[:, 80:], codes(picture)[:, 80:])
    assert infotext.MASK in infotext.pairs_of(images[0].info["parameters"])


@pytest.mark.parametrize("sent", ["x", "AAAA", _mask_of((8, 8))[1]])
def test_a_mask_that_cannot_be_used_is_told_of(tab: Host, sent: str) -> None:
    images, _, report = _develop(tab, 0, image=_picture(), mask=sent)
    assert images == []
    assert "mask" in report
    assert "Error" not in report


def test_what_another_program_left_stays_and_ours_stands_beside_it(tab: Host) -> None:
    picture, json_text = _picture(), '{"prompt": "a cat", "steps": 20}'
    picture.info = {"parameters": json_text, "workflow": "{}"}
    images, about, _ = _develop(tab, 0, image=picture)
    saved = tab.saved[0].pnginfo
    assert saved["parameters"] == json_text
    assert saved["workflow"] == "{}"
    assert look_in(saved[infotext.BESIDE]) == FILM
    assert infotext.pairs_of(saved[infotext.BESIDE])[infotext.VERSION] == __version__
    assert infotext.read(images[0]) is not None
    assert saved[infotext.BESIDE] in about


def test_a_picture_that_the_tab_developed_counts_as_developed(tab: Host) -> None:
    film = bare(_develop(tab, 0, image=_picture())[0][0])
    off, on = tab.img2img(None, [film]), tab.img2img([SETTINGS], [film])
    same(on.images[0], regrain(off.images[0], FILM, seed=11))


def test_a_developed_picture_is_left_alone_unless_asked(tab: Host) -> None:
    film = tab.txt2img([SETTINGS]).images[0]
    count = len(tab.saved)
    images, _, report = _develop(tab, 0, image=film)
    assert images == []
    assert len(tab.saved) == count
    assert "developed already" in report
    assert len(_develop(tab, 0, image=film, again=True)[0]) == 1


def test_nothing_is_written_over(tab: Host, tmp_path: Path) -> None:
    source = _write(tmp_path, "a.png", 1)
    before = Path(source).read_bytes()
    _write(tmp_path, "a-1.png", 2)
    for text in ("a.png", "a-1.png"):
        assert (tmp_path / text).is_file()
    _develop(tab, 2, input_dir=str(tmp_path), output_dir=str(tmp_path))
    assert sorted(Path(file.path).stem for file in tab.saved) == ["a-1-1", "a-2"]
    assert Path(source).read_bytes() == before


def test_of_many_pictures_the_last_are_shown(tab: Host, tmp_path: Path) -> None:
    for number in range(26):
        _write(tmp_path, f"{number}.png", number)
    images, _, report = _develop(tab, 2, input_dir=str(tmp_path), output_dir=str(tmp_path / "out"))
    assert "error" not in report
    assert len(tab.saved) == 26
    assert len(images) == 24
    same(images[-1], tab.saved[-1].image)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "1", "LA"])
def test_pictures_of_every_mode(tab: Host, mode: str) -> None:
    picture = _picture().convert(mode)
    images, _, report = _develop(tab, 0, image=picture, seed_mode="fixed", seed=5)
    assert "error" not in report
    assert images[0].size == picture.size
    same(images[0], develop(picture if mode == "RGBA" else picture.convert("RGB"), FILM, seed=5))


def test_a_damaged_file_among_good_ones(tab: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = [_write(tmp_path / "in", name, seed) for seed, name in enumerate(("a.png", "<b>.png", "c.png"))]
    Path(files[1]).write_bytes(Path(files[1]).read_bytes()[:700])
    for name in ("empty.png", "missing.png"):
        files.append(str(tmp_path / "in" / name))
    Path(files[3]).write_bytes(b"")
    images, _, report = _develop(tab, 1, files=files)
    assert len(images) == 2
    for image, seed in zip(images, (0, 2), strict=True):
        same(image, develop(raw_picture(seed), FILM, seed=seed_in(image.info["parameters"])))
    assert "&lt;b&gt;" in report
    assert "<b>.png" not in report
    assert all(name in report for name in ("empty", "missing"))
    assert [Path(file.path).stem for file in tab.saved] == ["a", "c"]
    assert [record.exc_info for record in caplog.records] == [None] * 3  # a line each: it is no fault of ours


def test_a_broken_file_in_the_single_field_is_told_in_a_line(
    tab: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    none, damaged = tmp_path / "none.png", Path(_write(tmp_path / "in", "damaged.png", 1))
    none.write_bytes(b"no picture")
    damaged.write_bytes(damaged.read_bytes()[:700])
    for file, said in ((none, "it is no picture"), (damaged, "it cannot be read")):
        images, about, report = _develop(tab, 0, image=file)
        assert (images, about) == ([], "")
        assert report.startswith(f"<p class='error'><span>{said}")
        assert str(tmp_path) not in report
        assert not any("value" in update for update in tab.press("film_look_read", film_look_image=file))
        assert tab.warnings.pop().startswith(said)
    assert [record.exc_info for record in caplog.records] == [None] * 2  # a line each: it is no fault of ours


def test_errors_speak_to_people(tab: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither names of Python's nor places of the server's."""
    (tmp_path / "secret").mkdir()
    bad, missing = tmp_path / "secret" / "bad.png", tmp_path / "secret" / "missing.png"
    bad.write_bytes(b"no picture")
    report = _develop(tab, 1, files=[str(bad), str(missing)])[2]
    assert "None of 2 developed" in report

    def breaking(*args: Any, **kwargs: Any) -> Any:
        raise ValueError("broken")

    monkeypatch.setattr(tab.module("tab_run"), "film_image", breaking)
    report += _develop(tab, 0, image=_picture())[2]
    assert "broken (the log tells more)" in report
    for word in ("secret", str(tmp_path), "Error:", "Errno"):
        assert word not in report


def test_uploaded_files_keep_their_own_names(tab: Host, tmp_path: Path) -> None:
    class Upload:
        name = _write(tmp_path / "upload", "tmp123.png", 3)
        orig_name = "holiday.png"

    images, _, _ = _develop(tab, 1, files=[Upload()])
    assert Path(tab.saved[0].path).stem == "holiday"
    same(images[0], tab.saved[0].image)


def test_a_picture_that_cannot_be_saved_is_shown(tab: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(tab.module("tab_run").images, "save_image", full)
    images, _, report = _develop(tab, 0, image=_picture())
    assert len(images) == 1
    assert "not saved" in report
    assert "no space left" in report


def _frames(folder: Path, count: int = 11, text: str = PLAIN) -> list[int]:
    """Files frame1.png .. frame11.png, each with its own seed, written in the order of their names; what they show."""
    for number in sorted(range(1, count + 1), key=str):
        _write(folder, f"frame{number}.png", number, text.replace("Seed: 7", f"Seed: {100 + number}"))
    (folder / "notes.txt").write_text("no picture")
    return list(range(1, count + 1))


def test_a_folder_in_its_natural_order(tab: Host, tmp_path: Path) -> None:
    shown = _frames(tmp_path / "in")
    target = str(tmp_path / "out")
    images, _, report = _develop(tab, 2, input_dir=str(tmp_path / "in"), output_dir=target)
    assert "error" not in report
    assert [Path(file.path).stem for file in tab.saved] == [f"frame{n}" for n in shown]
    assert all(file.path.startswith(target) for file in tab.saved)
    for number, image in zip(shown, images, strict=True):
        same(image, develop(raw_picture(number), FILM, seed=100 + number))
        assert infotext.FRAME not in infotext.pairs_of(image.info["parameters"])


def test_the_frames_of_a_film(tab: Host, tmp_path: Path) -> None:
    shown, lock = _frames(tmp_path / "in"), ExposureLock()
    look = Look(**SETTINGS, lab=1.0)
    images, _, _ = _develop(tab, 2, input_dir=str(tmp_path / "in"), frames=True, lab=1.0)
    for frame, (number, image) in enumerate(zip(shown, images, strict=True)):
        pairs = infotext.pairs_of(image.info["parameters"])
        assert (pairs[infotext.SEED], pairs[infotext.FRAME], pairs["Seed"]) == ("101", str(frame), str(100 + number))
        same(image, develop(raw_picture(number), look, seed=101, frame=frame, lock=lock))


@pytest.mark.parametrize(("seed_mode", "seed"), [("fixed", 5), ("picture", 102)])
def test_a_damaged_first_frame_does_not_change_the_seed_of_the_film(
    tab: Host, tmp_path: Path, seed_mode: str, seed: int
) -> None:
    _frames(tmp_path / "in", 3)
    (tmp_path / "in" / "frame1.png").write_bytes(b"no picture")
    images, _, report = _develop(tab, 2, input_dir=str(tmp_path / "in"), frames=True, seed_mode=seed_mode, seed=5)
    assert "frame1" in report
    assert [seed_in(image.info["parameters"]) for image in images] == [seed, seed]
    assert [infotext.pairs_of(image.info["parameters"])[infotext.FRAME] for image in images] == ["1", "2"]


def test_interrupt_stops_after_the_picture_that_is_done(tab: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _frames(tmp_path / "in", 5)

    def interrupting(image: Image.Image) -> None:
        tab.state.shown.append(image)
        tab.state.interrupted = len(tab.state.shown) == 2

    monkeypatch.setattr(tab.state, "assign_current_image", interrupting)
    images, about, report = _develop(tab, 2, input_dir=str(tmp_path / "in"))
    assert len(images) == len(tab.saved) == 2
    assert "2 of 5 developed, in outputs/extras" in report
    assert "error" not in report
    assert "Seed: 102" in about


def test_interrupt_stops_within_a_picture(tab: Host) -> None:
    large = raw_picture(1, (1200, 900))
    state = type(tab.state)
    seen: list[int] = []

    class Interrupting(state):  # type: ignore[misc, valid-type]
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "sampling_step" and value:
                seen.append(value)
                super().__setattr__("interrupted", True)

    tab.state.__class__ = Interrupting
    images, _, _ = _develop(tab, 0, image=large)
    assert images == []
    assert tab.saved == []
    assert len(seen) == 1
    assert seen[0] < 100


def test_skip_and_progress(tab: Host, tmp_path: Path) -> None:
    _frames(tmp_path / "in", 3)
    _develop(tab, 2, input_dir=str(tmp_path / "in"))
    assert (tab.state.job_count, tab.state.job_no, tab.state.textinfo) == (3, 3, "frame3")
    assert len(tab.state.shown) == 3


@pytest.mark.parametrize(
    ("mode", "values", "told"),
    [
        (0, {}, "no picture"),
        (1, {}, "no picture"),
        (1, {"files": []}, "no picture"),
        (2, {}, "not a folder"),
        (2, {"input_dir": "/no/such/folder"}, "not a folder"),
        (0, {"grain": 99}, "grain is 99"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    tab: Host, caplog: pytest.LogCaptureFixture, mode: int, values: dict[str, Any], told: str
) -> None:
    picture = {"image": _picture()} if "grain" in values else {}
    images, _, report = _develop(tab, mode, **picture, **values)
    assert told in report
    assert not images
    assert "Traceback" not in caplog.text
    assert [record.exc_info for record in caplog.records] == [None]


def test_folders_are_off_where_the_host_hides_them(tab: Host, tmp_path: Path) -> None:
    _frames(tmp_path / "in", 1)
    tab.module("tab_run").shared.cmd_opts.hide_ui_dir_config = True
    assert "hide-ui-dir-config" in _develop(tab, 2, input_dir=str(tmp_path / "in"))[2]


def _pressed_read(host: Host, picture: Any) -> dict[str, Any]:
    """What "Use the look this picture has" puts into the controls, by element id."""
    _, event = host.find("film_look_read").events[-1]
    values = host.press("film_look_read", film_look_image=picture)
    return {component.kwargs["elem_id"]: value for component, value in zip(event["outputs"], values, strict=True)}


def test_the_look_of_a_picture_is_read(tab: Host) -> None:
    film = tab.txt2img([{"look": "cinema", "grain_seed": 5}]).images[0]
    values = _pressed_read(tab, film)
    cinema = load_look("cinema")
    assert values["tab_film_look_grain"] == cinema.grain
    assert cinema.frame == "stock"
    assert values["tab_film_look_frame"] == "The stock's own (Super 35)"
    assert values["tab_film_look_seed"] == 5
    assert not tab.warnings


@pytest.mark.parametrize("picture", [None, _picture(text=PLAIN)], ids=["none", "undeveloped"])
def test_a_picture_without_a_look_changes_no_control(tab: Host, picture: Any) -> None:
    assert all(value == {"__type__": "update"} for value in _pressed_read(tab, picture).values())
    assert len(tab.warnings) == 1


def test_infotexts_can_be_pasted_to_the_tab(tab: Host) -> None:
    keys = infotext.pairs_of(tab.txt2img([SETTINGS]).infotexts[0])
    values = {component.kwargs["elem_id"]: function(keys) for component, function in tab.pasted["film_look"]}
    assert values["tab_film_look_grain"] == 3.0
    text = tab.txt2img(None).infotexts[0]
    assert look_in(text) is None
    assert all(function(infotext.pairs_of(text)) is None for _, function in tab.pasted["film_look"])


def test_an_imported_preset_replaces_none(tab: Host, tmp_path: Path) -> None:
    for grain in (1.0, 2.0):
        (tmp_path / "cinema.json").write_text(preset_json(Preset("", "Mine", "", Look(grain=grain))), encoding="utf-8")
        tab.press("tab_film_look_preset_import", tab_film_look_preset_import=str(tmp_path / "cinema.json"))
    assert [load_look(name).grain for name in ("cinema (2)", "cinema (3)")] == [1.0, 2.0]
    assert not is_own("cinema")


# buttons

PAGE = [f"{tab}_{part}" for tab in ("txt2img", "img2img", "extras") for part in ("gallery", "send_to_extras")]
PNG_INFO = ["pnginfo_image", "pnginfo_generation_info", "extras_tab"]


def _bound(host: Host) -> list[tuple[str, str, str]]:
    return [
        (b["tabname"], b["paste_button"].kwargs["elem_id"], b["source_image_component"].kwargs["elem_id"])
        for b in host.bindings
    ]


def test_buttons_send_pictures_to_the_tab_and_from_it(host: Host) -> None:
    tabs = host.build_page(*PAGE, *PNG_INFO)
    assert [(label, identity) for _, label, identity in tabs] == [("Film Look", "film_look")]
    assert sorted(_bound(host)) == sorted(
        [(name, f"film_look_send_to_{name}", "film_look_gallery") for name in ("img2img", "inpaint", "extras")]
        + [("film_look", f"{name}_send_to_film_look", f"{name}_gallery") for name in ("txt2img", "img2img", "extras")]
        + [("film_look", "film_look_tab", "pnginfo_image")]
    )
    assert host.bindings[-1]["source_text_component"].kwargs["elem_id"] == "pnginfo_generation_info"


def test_a_page_that_is_built_again_has_one_tab(host: Host) -> None:
    host.build_page(*PAGE, *PNG_INFO)
    first = _bound(host)
    host.bindings.clear()
    assert len(host.build_page(*PAGE, *PNG_INFO)) == 1
    assert _bound(host) == first
    host.bindings.clear()
    assert len(host.build_page()) == 1
    assert "txt2img_send_to_film_look" not in str(_bound(host))  # a button of an older page is not bound


def test_a_hidden_tab_is_not_there_and_nothing_is_bound_to_it(host: Host) -> None:
    host.options.data["hidden_tabs"] = ["Train", "Film Look"]
    assert host.build_page(*PAGE, *PNG_INFO) == []
    assert host.bindings == []
    assert not [made for made in host.gradio.made if str(made.kwargs.get("elem_id")).endswith("send_to_film_look")]


@pytest.mark.parametrize("place", ["build_choice", "_results", "controls_fields", "preset_field"])
def test_a_tab_that_cannot_be_built_is_left_out(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str
) -> None:
    def breaking(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(host.module("tab"), place, breaking)
    assert host.build_page(*PAGE, *PNG_INFO) == []
    assert [record.getMessage() for record in caplog.records] == ["Film Look: no tab: RuntimeError: broken"]
    assert host.bindings == []


def test_a_series_comes_out_alike(tab: Host, tmp_path: Path) -> None:
    for name, light in (("a", 1.0), ("b", 0.75), ("c", 0.9)):
        Image.fromarray((np.asarray(raw_picture(1).convert("RGB")) * light).astype(np.uint8)).save(tmp_path / f"{name}.png")
    images, _, _ = _develop(tab, 2, input_dir=str(tmp_path), series=True)
    looks = [infotext.of_text(image.info).look for image in images]
    exposures = {name: look.exposure for name, look in zip("abc", looks, strict=True)}
    assert exposures["a"] < exposures["c"] < exposures["b"]
    assert len({(look.stock, look.contrast) for look in looks}) == 1
