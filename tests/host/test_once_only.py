"""Once only: in every workflow each delivered picture is developed once, as a whole, and its infotext says with what seed.

Each test makes the pictures with Film Look off, develops them here with the seed that the infotext tells, and expects the
very pictures that the host delivers with Film Look on, to the bit: a look applied twice, not at all, per tile or at another
pitch is another picture.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from filmlook import ExposureLock, Look, load_look
from filmlook.files import infotext
from filmlook.webui.once.policies import WORDS
from tests.host.conftest import Make, bare, codes, develop, look_in, regrain, same, seed_in
from tests.host.fake import Host
from tests.host.fake_processing import SIZE, Processed, raw_picture
from tests.host.fake_scripts import ADetailer, AnimateDiff, ExtrasInMainPage

LOOK: dict[str, Any] = {"stock": "kodak_portra_400", "frame": "super8", "grain": 4.0, "halation": 2.0, "vignette": 0.3}
FILM = Look(**LOOK)
ON = [LOOK]

Made = Callable[..., Image.Image]


@pytest.fixture
def raw() -> Image.Image:
    """An undeveloped picture."""
    return raw_picture(3)


@pytest.fixture
def film(host: Host) -> Image.Image:
    """A picture that the host delivered developed, with its metadata."""
    return host.txt2img(ON, seed=3).images[0]


def _check(off: Processed, on: Processed, made: Made = develop) -> None:
    """Every picture of `on` is that of `off`, made into film once, with the seed and look its infotext tells."""
    assert len(on.images) == len(off.images) > 0
    for before, after, text in zip(off.images, on.images, on.infotexts, strict=True):
        same(after, made(before, FILM, seed=seed_in(text)))
        assert look_in(text) == FILM
        assert infotext.pairs_of(text).get(infotext.PASS) == (infotext.GRAIN_ONLY if made is regrain else None)


def _untouched(off: Processed, on: Processed) -> None:
    for before, after, text in zip(off.images, on.images, on.infotexts, strict=True):
        same(after, before)
        assert not [key for key in infotext.pairs_of(text) if key.startswith("Film Look")]


def test_txt2img(host: Host) -> None:
    on = host.txt2img(ON)
    _check(host.txt2img(None), on)
    assert seed_in(on.infotexts[0]) == 11
    same(host.saved[0].image, on.images[0])
    assert look_in(host.saved[0].pnginfo["parameters"]) == FILM


def test_batch_size_and_count(host: Host) -> None:
    many = {"batch_size": 2, "n_iter": 2}
    on = host.txt2img(ON, **many)
    _check(host.txt2img(None, **many), on)
    assert [seed_in(text) for text in on.infotexts] == [11, 12, 13, 14]


def test_hires_fix(host: Host) -> None:
    on = host.txt2img(ON, enable_hr=True)
    assert on.images[0].size == (320, 240)
    _check(host.txt2img(None, enable_hr=True), on)


def test_a_host_without_the_hook_after_composite(make_host: Make) -> None:
    host = make_host(after_composite=False)
    _check(host.txt2img(None, batch_size=2), host.txt2img(ON, batch_size=2))


def test_grain_is_that_of_one_application(host: Host, film: Image.Image) -> None:
    smooth = dataclasses.replace(FILM, grain=0)
    once = codes(develop(raw_picture(11), FILM, seed=99)) - codes(develop(raw_picture(11), smooth))
    expected = once.std()
    fresh = codes(host.txt2img(ON).images[0]) - codes(develop(raw_picture(11), smooth))
    assert fresh.std() == pytest.approx(expected, rel=0.1)
    off, on = host.img2img(None, [film]), host.img2img(ON, [film])
    grained = codes(regrain(off.images[0], FILM, seed=99)) - codes(off.images[0])
    again = codes(on.images[0]) - codes(off.images[0])
    assert again.std() == pytest.approx(grained.std(), rel=0.1)
    assert again.std() == pytest.approx(expected, rel=0.3)  # of another picture; twice is 1.4


def test_img2img_from_undeveloped(host: Host, raw: Image.Image) -> None:
    _check(host.img2img(None, [raw]), host.img2img(ON, [raw]))


def test_img2img_from_developed_gets_grain_only(host: Host, film: Image.Image) -> None:
    _check(host.img2img(None, [film]), host.img2img(ON, [film]), regrain)


def test_a_developed_picture_is_known_without_its_metadata(host: Host, film: Image.Image) -> None:
    _check(host.img2img(None, [bare(film)]), host.img2img(ON, [bare(film)]), regrain)


def test_each_picture_of_a_batch_goes_by_its_own_source(host: Host, film: Image.Image, raw: Image.Image) -> None:
    off, on = (host.img2img(args, [film, raw], batch_size=2) for args in (None, ON))
    same(on.images[0], regrain(off.images[0], FILM, seed=11))
    same(on.images[1], develop(off.images[1], FILM, seed=12))
    assert [infotext.PASS in infotext.pairs_of(text) for text in on.infotexts] == [True, False]


def _mask() -> Image.Image:
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).ellipse((50, 35, 110, 85), fill=255)
    return mask


@pytest.mark.parametrize("only_masked", [False, True])
def test_inpaint_on_undeveloped_develops_the_whole(host: Host, raw: Image.Image, only_masked: bool) -> None:
    off, on = (host.img2img(args, [raw], image_mask=_mask(), inpaint_full_res=only_masked) for args in (None, ON))
    _check(off, on)


@pytest.mark.parametrize("only_masked", [False, True])
def test_inpaint_on_developed_puts_grain_inside_the_soft_mask(host: Host, film: Image.Image, only_masked: bool) -> None:
    fields = {"image_mask": _mask(), "inpaint_full_res": only_masked}
    p = host.processing(ON, init_images=[film], **fields)
    off, on = host.img2img(None, [film], **fields), host.generate(p)
    share = np.asarray(p.mask_for_overlay, float)[..., None] / 255
    before, after = codes(off.images[0]), codes(on.images[0])
    grained = codes(regrain(off.images[0], FILM, seed=seed_in(on.infotexts[0])))
    outside, inside = share[..., 0] == 0, share[..., 0] == 1
    assert outside.sum() > 500 < inside.sum()
    np.testing.assert_array_equal(after[outside], codes(film)[outside])
    np.testing.assert_array_equal(after[inside], grained[inside])
    np.testing.assert_allclose(after, before + share * (grained - before), atol=0.51)
    assert infotext.pairs_of(on.infotexts[0])[infotext.PASS] == infotext.GRAIN_ONLY


def test_inpaint_without_the_overlay_gets_grain_everywhere(host: Host, film: Image.Image) -> None:
    host.options.data["overlay_inpaint"] = False
    p_off, p_on = (host.processing(args, init_images=[film], image_mask=_mask()) for args in (None, ON))
    for p in (p_off, p_on):
        p.composed = lambda image, index: image  # the host then pastes nothing back
    _check(host.generate(p_off), host.generate(p_on), regrain)


def test_the_gallerys_upscale_button(host: Host, film: Image.Image, raw: Image.Image) -> None:
    fields: dict[str, Any] = {"enable_hr": True, "txt2img_upscale": True}
    for first, made in ((film, regrain), (bare(film), regrain), (raw, develop)):
        off, on = (host.txt2img(args, firstpass_image=first, **fields) for args in (None, ON))
        assert on.images[0].size == (320, 240)
        _check(off, on, made)


ASSEMBLERS = ["SD upscale", "Outpainting mk2"]


@pytest.mark.parametrize("script", ASSEMBLERS)
@pytest.mark.parametrize("saved", [False, True])
def test_assembled_pictures_are_developed_whole(host: Host, raw: Image.Image, script: str, saved: bool) -> None:
    off = host.img2img(None, [raw], script, do_not_save_samples=True)
    on = host.img2img(ON, [raw], script, do_not_save_samples=not saved)
    assert on.images[0].size != SIZE
    _check(off, on)
    assert len(host.saved) == saved
    for file in host.saved:
        same(file.image, on.images[0])
        assert look_in(file.pnginfo["parameters"]) == FILM


@pytest.mark.parametrize("saved", [False, True])
def test_the_grid_of_assembled_pictures_is_made_of_developed_ones(host: Host, raw: Image.Image, saved: bool) -> None:
    off, on = (host.img2img(a, [raw], "Outpainting mk2", n_iter=2, do_not_save_samples=not saved) for a in (None, ON))
    seed = seed_in(on.infotexts[0])
    first, second = (develop(image, FILM, seed=seed) for image in off.images[1:])
    same(on.images[1], first)
    same(on.images[2], second)
    grid = Image.new("RGB", (640, 120))
    grid.paste(first, (0, 0))
    grid.paste(second, (320, 0))
    same(on.images[0], grid)
    if saved:
        for file, image in zip(host.saved[-3:], [first, second, grid], strict=True):
            same(file.image, image)


def test_an_assembled_picture_that_is_saved_and_shown_is_developed_but_once(
    host: Host, raw: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks, calls = host.module("hooks"), []
    real = hooks.developed
    monkeypatch.setattr(hooks, "developed", lambda *args, **how: calls.append(1) or real(*args, **how))
    host.img2img(ON, [raw], "SD upscale")
    assert len(calls) == 1


def test_scripts_that_are_loaded_again_are_framed_once(host: Host, raw: Image.Image) -> None:
    for unloads in (True, False):  # not every host says that it unloads them
        if unloads:
            host.tell("on_script_unloaded")
        for callbacks in host.callbacks.values():
            callbacks.clear()
        host.module("extension").register()
    _check(*(host.img2img(args, [raw], "SD upscale") for args in (None, ON)))


def test_the_user_may_name_more_scripts_that_assemble(host: Host, raw: Image.Image) -> None:
    host.selectable[0].title = lambda: "My tiles"
    host.options.data["film_look_assembling"] = "SD upscale,  My tiles "
    _check(*(host.img2img(args, [raw], "My tiles") for args in (None, ON)))


def test_assembled_from_a_developed_source_gets_grain_once(host: Host, film: Image.Image) -> None:
    _check(*(host.img2img(args, [film], "SD upscale") for args in (None, ON)), regrain)


def test_assembled_from_a_developed_source_without_metadata(host: Host, film: Image.Image) -> None:
    _check(*(host.img2img(args, [bare(film)], "SD upscale") for args in (None, ON)), regrain)


def test_an_extended_picture_keeps_its_old_part(host: Host, film: Image.Image) -> None:
    off, on = (host.img2img(args, [film], "Outpainting mk2") for args in (None, ON))
    before, after = codes(off.images[0]), codes(on.images[0])
    grained = codes(regrain(off.images[0], FILM, seed=seed_in(on.infotexts[0])))
    np.testing.assert_array_equal(after[:, 80:240], codes(film))
    new = np.r_[0:80, 240:320]
    differs = (before != grained)[:, new]
    np.testing.assert_array_equal(after[:, new], grained[:, new])
    assert differs.mean() > 0.5


def test_loopback_feeds_back_the_picture_as_it_was_before_the_look(host: Host, raw: Image.Image) -> None:
    off, on = (host.img2img(args, [raw], "Loopback") for args in (None, ON))
    _check(off, on)
    assert [seed_in(text) for text in on.infotexts] == [11, 12, 13]


def test_loopback_from_a_developed_picture_gets_grain_once_each(host: Host, film: Image.Image) -> None:
    _check(*(host.img2img(args, [film], "Loopback") for args in (None, ON)), regrain)


def _plot(host: Host, args: Any, x: tuple[str, list[Any]], y: tuple[str, list[Any]]) -> Processed:
    return host.txt2img(args, "X/Y/Z plot", x=(f"[Film Look] {x[0]}", x[1]), y=(f"[Film Look] {y[0]}", y[1]))


@pytest.mark.parametrize("args", [None, [{"enabled": False}]])
def test_plot_cells_each_once_and_no_key_leaks(host: Host, args: Any) -> None:
    plot = _plot(host, args, ("Stock", ["kodak_gold_200", "None"]), ("Grain", [0.0, 3.0]))
    before = raw_picture(11)
    for number, (grain, stock) in enumerate([(0, "kodak_gold_200"), (0, None), (3, "kodak_gold_200"), (3, None)]):
        look = Look(stock=stock, grain=grain) if stock else None
        assert look_in(plot.infotexts[number]) == look
        same(plot.images[number], develop(before, look, seed=11) if look else before)
        if not look:
            assert "Film Look" not in plot.infotexts[number]


def test_axes_are_added_once_however_often_the_page_is_built(host: Host) -> None:
    labels = [axis.label for axis in host.plot.axis_options]
    host.build_page()
    assert labels == [axis.label for axis in host.plot.axis_options]
    assert {"[Film Look] Preset", "[Film Look] Stock", "[Film Look] Grain"} <= set(labels)


def test_plot_axes_change_the_look_that_was_chosen(host: Host) -> None:
    plot = _plot(host, ON, ("Preset", ["cinema", "portra-portrait"]), ("Strength", [0.5]))
    for number, preset in enumerate(("cinema", "portra-portrait")):
        look = dataclasses.replace(load_look(preset), strength=0.5)
        same(plot.images[number], develop(raw_picture(11), look, seed=11))
    only = _plot(host, ON, ("Grain", [1.0]), ("Strength", [0.5]))
    same(only.images[0], develop(raw_picture(11), dataclasses.replace(FILM, grain=1.0, strength=0.5), seed=11))


def test_a_wrong_value_on_an_axis_costs_that_cell_its_look_alone(host: Host) -> None:
    plot = _plot(host, ON, ("Grain", [99.0, 1.0]), ("Strength", [0.5]))
    same(plot.images[0], raw_picture(11))
    assert "grain is 99.0" in infotext.pairs_of(plot.infotexts[0])[infotext.ERROR]
    assert infotext.ERROR not in infotext.pairs_of(plot.infotexts[1])
    assert look_in(plot.infotexts[1]) == dataclasses.replace(FILM, grain=1.0, strength=0.5)


def test_prompts_each_once(host: Host) -> None:
    off, on = (host.txt2img(args, "Prompts from file or textbox", lines=["a cat", "a dog"]) for args in (None, ON))
    _check(off, on)
    assert [text[:5] for text in on.infotexts] == ["a cat", "a dog"]


def test_adetailers_inner_pass_does_nothing(host: Host) -> None:
    host.add(ADetailer())
    off, on = (host.txt2img(args, batch_size=2) for args in (None, ON))
    _check(off, on)
    assert np.abs(codes(off.images[0]) - codes(raw_picture(11))).mean() > 2  # it did paint


def test_adetailer_within_a_loopback(host: Host, raw: Image.Image) -> None:
    host.add(ADetailer())
    _check(*(host.img2img(args, [raw], "Loopback") for args in (None, ON)))


def _extras_in_main_page(host: Host) -> None:
    controls = {"enabled": True, **{key: getattr(FILM, key) for key in LOOK}}
    values = [controls.get(name, component.value) for name, component in host.extras_controls.items()]
    host.add(ExtrasInMainPage(host.extras_script), *values)


@pytest.mark.parametrize("script", ["", "SD upscale"])
def test_extras_in_the_main_page_leave_it_to_the_accordion(
    host: Host, raw: Image.Image, caplog: pytest.LogCaptureFixture, script: str
) -> None:
    off, on = (host.img2img(args, [raw], script, batch_size=2) for args in (None, ON))
    _extras_in_main_page(host)
    for before, args in ((off, None), (on, ON)):
        now = host.img2img(args, [raw], script, batch_size=2)
        for old, new, text, old_text in zip(before.images, now.images, now.infotexts, before.infotexts, strict=True):
            same(old, new)
            assert look_in(text) == look_in(old_text)
    assert [r.getMessage().count("accordion") for r in caplog.records] == [1]


def _film(host: Host, off: Processed, on: Processed) -> None:
    """The pictures are frames of one film: one seed, one lock, and the number of the frame in the infotext."""
    lock = ExposureLock()
    for number, (before, after, text) in enumerate(zip(off.images, on.images, on.infotexts, strict=True)):
        assert infotext.pairs_of(text)[infotext.FRAME] == str(number)
        assert seed_in(text) == 11
        same(after, develop(before, FILM_LAB, seed=11, frame=number, lock=lock))


FILM_LAB = dataclasses.replace(FILM, lab=1.0)
ON_LAB = [{**LOOK, "lab": 1.0}]


def test_animatediff_makes_one_film_of_a_batch(host: Host) -> None:
    host.add(AnimateDiff(), {"enable": True})
    off, on = (host.txt2img(args, batch_size=4) for args in (None, ON_LAB))
    _film(host, off, on)
    own = develop(off.images[3], FILM_LAB, seed=11, frame=3)
    assert (codes(on.images[3]) != codes(own)).any()  # the lock is shared, or frames would flicker


def test_a_look_that_moves_does_so_over_animatediffs_frames(host: Host) -> None:
    host.add(AnimateDiff(), {"enable": True})
    rising = [{**LOOK, "exposure": "0: (0), 2: (1)"}]
    off, on = (host.txt2img(args, batch_size=3) for args in (None, rising))
    for number, (before, after, text) in enumerate(zip(off.images, on.images, on.infotexts, strict=True)):
        look = dataclasses.replace(FILM, exposure=number / 2)
        same(after, develop(before, look, seed=11, frame=number))
        assert look_in(text) == look


def test_grain_moves_from_frame_to_frame(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.add(AnimateDiff(), {"enable": True})
    p = host.processing(ON, batch_size=2)
    p.sample = lambda index: raw_picture(1)  # a film of something that does not move
    first, second = host.generate(p).images
    assert (codes(first) != codes(second)).mean() > 0.3
    assert np.corrcoef(_grain(first), _grain(second))[0, 1] < 0.2


def _grain(image: Image.Image) -> np.ndarray:
    return (codes(image) - codes(develop(raw_picture(1), dataclasses.replace(FILM, grain=0)))).ravel()


def test_animatediff_that_is_off_makes_pictures(host: Host) -> None:
    host.add(AnimateDiff(), {"enable": False})
    off, on = (host.txt2img(args, batch_size=2) for args in (None, ON))
    _check(off, on)
    assert not any(infotext.FRAME in infotext.pairs_of(text) for text in on.infotexts)


@pytest.mark.parametrize("folder", [None, "elsewhere"])
def test_mov2mov_counts_its_frames(host: Host, folder: str | None) -> None:
    if folder:
        host.options.data["mov2mov_output_dir"] = folder
    folder = folder or os.path.join("outputs", "mov2mov-videos")
    results = []
    for args in (None, ON_LAB):
        p = host.processing(args, init_images=[raw_picture(0)], outpath_samples=folder)
        images, texts = [], []
        for number in range(3):
            p.init_images, p.seed = [raw_picture(number)], 11
            done = host.process_images(p)
            images += done.images
            texts += done.infotexts
        results.append(Processed(images, texts))
    _film(host, *results)


POLICIES: list[tuple[str, dict[str, Any]]] = [
    ("txt2img", {}),
    ("upscale", {"firstpass_image": "film", "enable_hr": True}),
    ("img2img", {"init_images": ["raw"]}),
    ("img2img_developed", {"init_images": ["film"]}),
    ("inpaint", {"init_images": ["raw"], "image_mask": "mask"}),
    ("assembled", {"init_images": ["raw"], "script": "SD upscale"}),
    ("assembled_developed", {"init_images": ["film"], "script": "SD upscale"}),
    ("film", {"script_args_before": {"enable": True}}),
]


@pytest.mark.parametrize("policy", ["look", "grain", "nothing"])
@pytest.mark.parametrize(("kind", "fields"), POLICIES, ids=[kind for kind, _ in POLICIES])
def test_the_user_may_decide_otherwise(
    host: Host, film: Image.Image, raw: Image.Image, policy: str, kind: str, fields: dict[str, Any]
) -> None:
    fields = dict(fields)
    pictures = {"film": film, "raw": raw, "mask": _mask()}
    for key, value in fields.items():
        fields[key] = [pictures[v] for v in value] if isinstance(value, list) else pictures.get(str(value), value)
    if "script_args_before" in fields:
        host.add(AnimateDiff(), fields.pop("script_args_before"))
    assert host.options.data[f"film_look_pass_{kind}"] in ("The whole look", "Its grain only")
    host.options.data[f"film_look_pass_{kind}"] = WORDS[policy] if kind != "film" else policy  # programs may send the key
    off, on = (host.generate(host.processing(args, **fields)) for args in (None, ON))
    if policy == "nothing":
        _untouched(off, on)
    elif policy == "grain" and kind == "inpaint":
        assert infotext.pairs_of(on.infotexts[0])[infotext.PASS] == infotext.GRAIN_ONLY
        np.testing.assert_array_equal(codes(on.images[0])[:20], codes(off.images[0])[:20])  # outside the mask
    else:
        _check(off, on, develop if policy == "look" else regrain)


def test_the_user_may_have_adetailers_pass_developed(host: Host) -> None:
    host.add(ADetailer())
    host.options.data.update(film_look_pass_inner="look", film_look_pass_txt2img="nothing")
    on = host.txt2img(ON)
    host.options.data["film_look_pass_inner"] = "nothing"
    off = host.txt2img(ON)
    same(on.images[0], develop(off.images[0], FILM, seed=1011))


def test_a_pass_told_to_do_nothing_is_no_developed_picture(host: Host) -> None:
    host.options.data["film_look_pass_txt2img"] = "nothing"
    source = host.txt2img(ON).images[0]
    _check(host.img2img(None, [source]), host.img2img(ON, [source]))
