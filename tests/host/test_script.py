"""The always-on script: its arguments, seeds, infotexts and settings, and that no failure costs a picture."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import filmlook
from filmlook import Look, load_look
from filmlook.files import infotext
from filmlook.look_choice import SEED_MODES, VALUES, LookChoice
from filmlook.paths import tell_once
from filmlook.stock import stock_labels
from tests.host.conftest import codes, develop, look_in, regrain, same, seed_in
from tests.host.fake import Host
from tests.host.fake_processing import BaseScript, Processed, raw_picture

FILM = Look(stock="kodak_gold_200", grain=3.0, toning="sepia")
ON = [FILM.to_dict()]
LIST = [getattr(FILM, key) for key in VALUES[: VALUES.index("seed_mode")]]


def _error(text: str) -> str | None:
    return infotext.pairs_of(text).get(infotext.ERROR)


def _breaks(monkeypatch: pytest.MonkeyPatch, host: Host, error: Exception, at: int = 0) -> None:
    """Makes the development number `at` fail, and all of them where `at` is negative."""
    processing, calls = host.module("processing"), []

    def breaking(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if at < 0 or len(calls) == at + 1:
            raise error
        return develop(*args, **kwargs)

    monkeypatch.setattr(processing, "develop", breaking)


# off


@pytest.mark.parametrize("args", [None, [], [None], [False], [{"enabled": False}], [{"enabled": False, "grain": 99}]])
def test_off_by_default_and_free_when_off(host: Host, monkeypatch: pytest.MonkeyPatch, args: Any) -> None:
    def never(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("developed")

    monkeypatch.setattr(host.module("hooks"), "developed", never)
    monkeypatch.setattr(host.module("extras"), "film_image", never)
    p = host.processing(args)
    done = host.generate(p)
    same(done.images[0], raw_picture(11))
    same(host.saved[0].image, raw_picture(11))
    assert not p.extra_generation_params
    assert "Film Look" not in done.infotexts[0] + str(host.saved[0].pnginfo)


# arguments


@pytest.mark.parametrize(
    "args",
    [
        ON,
        [{**FILM.to_dict(), "enabled": True}],
        [True, *LIST],
        [True, *LIST, "picture", 0],
        [True, stock_labels()["kodak_gold_200"], *LIST[1:], SEED_MODES["picture"], 5],
    ],
    ids=["table", "enabled", "list", "modes", "labels"],
)
def test_arguments_say_the_look(host: Host, args: list[Any]) -> None:
    done = host.txt2img(args)
    assert look_in(done.infotexts[0]) == FILM
    same(done.images[0], develop(raw_picture(11), FILM, seed=11))


OLD_LIST: list[Any] = [
    *(True, "kodak_portra_400", "35mm", 0.8, 0.5, 0.1, 1.0, 1.2, "thumbnail", "black-pro-mist", 0.25, 0.3, 1.0, 1.5, 0.8, 1.1),
    *(2.0, 1.3, 0.5, 1.1, 0.9, 0.7, 0.1, -0.1, 0.05, 1.1, 0.9, 1.0, 1.0, "none", "Fixed", 7, "Automatic", False),
]  # as programs wrote it for version 0.1, whose black and white were 1


def test_a_list_of_version_0_1_means_what_it_meant(host: Host) -> None:
    """Whatever was added since stands behind it, and is at its default."""
    meant: dict[str, Any] = {
        "stock": "kodak_portra_400", "frame": "35mm", "strength": 0.8, "exposure": 0.5, "lab": 0.1, "push": 1.0,
        "effect_size": 1.2, "context": "thumbnail", "diffusion": "black-pro-mist", "diffusion_grade": 0.25, "vignette": 0.3,
        "highlights": 1.0, "halation": 1.5, "halation_size": 0.8, "sharpness": 1.1, "grain": 2.0, "grain_size": 1.3,
        "grain_colour": 0.5, "grain_shadows": 1.1, "grain_mids": 0.9, "grain_highlights": 0.7, "light_red": 0.1,
        "light_green": -0.1, "light_blue": 0.05, "contrast": 1.1, "saturation": 0.9, "black": 1.0, "white": 1.0,
    }  # fmt: skip
    done = host.txt2img(OLD_LIST)
    assert look_in(done.infotexts[0]) == Look(**meant)
    assert seed_in(done.infotexts[0]) == 7
    more = [*OLD_LIST, *[getattr(Look(), key) for key in VALUES[VALUES.index("seed") + 1 :]]]
    assert look_in(host.txt2img(more).infotexts[0]) == Look(**meant)
    more[VALUES.index("print") + 3] = "Kodak Vision 2383"  # after `enabled`, and `input` and `frames`
    assert look_in(host.txt2img(more).infotexts[0]) == Look(**{**meant, "print": "kodak_2383"})


@pytest.mark.parametrize("told", ["kodak_2383", "Kodak Vision 2383", "kodak vision 2383"])
def test_a_print_by_name_or_label(host: Host, told: str) -> None:
    done = host.txt2img([{**FILM.to_dict(), "print": told}])
    look = dataclasses.replace(FILM, print="kodak_2383")
    assert look_in(done.infotexts[0]) == look
    same(done.images[0], develop(raw_picture(11), look, seed=11))


@pytest.mark.parametrize("args", [["cinema"], [{"look": "cinema"}]])
def test_a_preset_by_name(host: Host, args: list[Any]) -> None:
    assert look_in(host.txt2img(args).infotexts[0]) == load_look("cinema")


def test_settings_change_a_preset(host: Host) -> None:
    done = host.txt2img([{"look": "cinema", "grain": 0.5}])
    assert look_in(done.infotexts[0]) == dataclasses.replace(load_look("cinema"), grain=0.5)


def test_the_page_as_it_stands_gives_the_default_look(host: Host) -> None:
    assert look_in(host.txt2img([True]).infotexts[0]) == Look()


@pytest.mark.parametrize(
    ("args", "field"),
    [
        ([{"grain": 99}], "grain"),
        ([{"grain": "much"}], "grain"),
        ([{"grain": None}], "grain"),
        ([{"grain": {"amount": 1}}], "grain"),
        ([{"grain": float("nan")}], "grain"),
        ([{"grian": 1}], "grian"),
        ([{"stock": "kodak_gold_201"}], "stock"),
        ([{"stock": "../../etc/passwd"}], "stock"),
        ([{"stock": 3}], "stock"),
        ([{"look": "no-such-preset"}], "no-such-preset"),
        ([{"look": 7}], "look"),
        ([{"grain_seed": "sometimes"}], "grain_seed"),
        ([{"grain_seed": 1.5}], "grain seed"),
        ([{"grain_seed": None}], "grain seed"),
        ([{"grain_seed": 2**64}], "grain seed"),
        ([{"version": 99}], "version"),
        ([{"enabled": "yes"}], "enabled"),
        ([{"print": "kodak_2384"}], "print"),
        ([{"stock": "kodak_tri_x_400", "print": "kodak_2383"}], "Kodak Tri-X 400 allows: stock, minilab, grade-0"),
        ([{"stock": "fujifilm_velvia_50", "print": "minilab"}], "print is 'minilab'"),
        ([{"print": 7}], "print"),
        (["no-such-preset"], "no-such-preset"),
        (["t", "r", "u", "e"], "'t'"),
        ([7], "enabled"),
        ([[True]], "enabled"),
        ([True, "kodak_gold_201"], "stock"),
        ([True, *LIST[:-1], "purple"], "toning"),
        ([True, *LIST, "sometimes", 0], "grain_seed"),
        ([True, *LIST, "fixed", "x"], "grain seed"),
        ([True, *LIST, "fixed", float("inf")], "grain seed"),
        ([True, *LIST, ["fixed"], 0], "grain_seed"),
        ([True, ["kodak_gold_200"], *LIST[1:]], "stock"),
    ],
)
def test_a_wrong_argument_keeps_the_picture_and_is_named(
    host: Host, caplog: pytest.LogCaptureFixture, args: list[Any], field: str
) -> None:
    done = host.txt2img(args, batch_size=2)
    for number in (0, 1):
        same(done.images[number], raw_picture(11 + number))
        assert field in (_error(done.infotexts[number]) or "")
        assert infotext.LOOK not in infotext.pairs_of(done.infotexts[number])
    assert len(caplog.records) == 1
    assert "\n" not in caplog.messages[0]
    assert field in caplog.messages[0]


# seeds


def test_seed_modes(host: Host) -> None:
    modes: list[tuple[Any, Any]] = [("picture", 11), (5, 5), (-3, -3), ("random", None)]
    seen = []
    for mode, expected in modes:
        done = host.txt2img([{**FILM.to_dict(), "grain_seed": mode}], n_iter=2)
        seeds = [seed_in(text) for text in done.infotexts]
        if expected is not None:
            assert seeds == ([expected, expected + 1] if mode == "picture" else [expected, expected])
        else:
            assert seeds[0] != seeds[1]
        for number, seed in enumerate(seeds):
            same(done.images[number], develop(raw_picture(11 + number), FILM, seed=seed))
        seen.append(seeds)
    assert seen[-1] != [
        seed_in(text) for text in host.txt2img([{**FILM.to_dict(), "grain_seed": "random"}], n_iter=2).infotexts
    ]


# infotexts


def _pasted(host: Host, text: str, **more: str) -> tuple[bool, list[Any]]:
    """What the controls hold once an infotext is pasted: on or off, and the other arguments."""
    components = host.script.ui(False)
    fields = host.script.infotext_fields
    keys = {**infotext.pairs_of(text), **more}
    by_component = {id(component): function(keys) for component, function in fields}
    values = []
    for component in components[1:]:
        value = by_component.get(id(component))
        values.append(component.value if value is None else value)
    return by_component[id(components[0])], values


def _choice(host: Host, values: list[Any]) -> LookChoice:
    """What the controls then mean."""
    choice: LookChoice = host.module("arguments").shown_by([True, *values]).choice
    return choice


@pytest.mark.parametrize(
    ("look", "seed"),
    [
        (FILM, "picture"),
        (Look(stock="kodak_vision3_500t", print="kodak_2393", rating=1, light_balance=-112, tone_shadows_hue=220), 3),
        (Look(stock="neutral", exposure=-0.35, frame="super8", diffusion="cinebloom", diffusion_grade=0.25), 12345678901),
        (load_look("cinestill-night"), 0),
    ],
)
def test_paste_brings_the_look_back_whole(host: Host, look: Look, seed: Any) -> None:
    done = host.txt2img([{**look.to_dict(), "grain_seed": seed}])
    on, values = _pasted(host, done.infotexts[0])
    assert on is True
    again = _choice(host, values)
    assert again.look == look
    assert again.seed_mode == ("picture" if seed == "picture" else "fixed")
    assert again.grain_seed(11) == (11 if seed == "picture" else seed)
    same(host.txt2img([on, *values]).images[0], done.images[0])


def test_paste_shows_the_preset(host: Host) -> None:
    for args, label in (
        (["cinema"], filmlook.presets.load_preset("cinema").label),
        ([{"look": "cinema", "grain": 7.5}], "The film alone"),
    ):
        keys = infotext.pairs_of(host.txt2img(args).infotexts[0])
        host.script.ui(False)
        assert [function(keys) for _, function in host.script.infotext_fields][1]["value"] == label


def test_pasting_a_look_of_version_1_converts_it_and_says_so_once(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    text = host.txt2img(None).infotexts[0]
    tell_once.cache_clear()
    for _ in range(2):
        on, values = _pasted(host, text, **{infotext.LOOK: "v1 stock=kodak_ektar_100 grain=2", infotext.SEED: "4"})
        assert on is True
        assert _choice(host, values).look == Look(stock="kodak_ektar_100", grain=2)
    assert len([line for line in caplog.messages if "version 1 was converted" in line]) == 1
    told = {**infotext.pairs_of(text), infotext.LOOK: "v1 stock=kodak_ektar_100 black=1 white=1", infotext.SEED: "4"}
    assert _choice(host, _pasted(host, text, **told)[1]).look == Look(stock="kodak_ektar_100", black=1, white=1)


@pytest.mark.parametrize("told", ["v2 stock=kodak_gold_200 print=kodak_9999", "v2 stock=kodak_ektachrome_100 print=kodak_2383"])
def test_pasting_a_print_that_cannot_be_had_shows_the_stocks_own(host: Host, told: str) -> None:
    _, values = _pasted(host, host.txt2img(None).infotexts[0], **{infotext.LOOK: told, infotext.SEED: "4"})
    look = _choice(host, values).look
    assert (look.stock, look.print) == (told.split()[1].removeprefix("stock="), "stock")


def test_pasting_a_picture_without_our_keys_switches_off_and_leaves_the_rest(host: Host) -> None:
    on, values = _pasted(host, host.txt2img(None).infotexts[0])
    assert on is False
    assert _choice(host, values).look == Look()


def test_pasting_a_look_of_a_later_version_leaves_the_settings(host: Host) -> None:
    text = host.txt2img(None).infotexts[0]
    on, values = _pasted(host, text, **{infotext.LOOK: "v99 stock=x", infotext.SEED: "4"})
    assert on is True
    assert _choice(host, values).look == Look()


def test_every_picture_has_its_own_infotext(host: Host) -> None:
    done = host.txt2img(ON, batch_size=2, n_iter=2)
    for number, text in enumerate(done.infotexts):
        pairs = infotext.pairs_of(text)
        assert pairs["Seed"] == pairs[infotext.SEED] == str(11 + number)
        assert text == done.images[number].info["parameters"] == host.saved[number].pnginfo["parameters"]


def test_the_grids_infotext_is_the_first_pictures(host: Host) -> None:
    host.options.data["return_grid"] = True
    done = host.txt2img(ON, batch_size=2, n_iter=2)
    assert len(done.images) == 5
    assert done.infotexts[0] == done.infotexts[1]


def test_one_failure_is_told_in_that_pictures_infotext_alone(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    _breaks(monkeypatch, host, RuntimeError("no, it: does\nnot work"), at=2)
    done = host.txt2img(ON, batch_size=2, n_iter=2)
    for number, text in enumerate(done.infotexts):
        assert _error(text) == ("RuntimeError: no, it: does not work" if number == 2 else None)
        assert look_in(text) == (None if number == 2 else FILM)
        assert infotext.pairs_of(text).get(infotext.SEED) == (None if number == 2 else str(11 + number))
        before = raw_picture(11 + number)
        same(done.images[number], before if number == 2 else develop(before, FILM, seed=11 + number))
    assert host.saved[2].pnginfo["parameters"] == done.infotexts[2]


def test_the_undeveloped_picture_is_saved_beside(host: Host) -> None:
    host.options.data["film_look_save_before"] = True
    done = host.txt2img(ON, batch_size=2)
    assert [Path(file.path).stem.endswith("-before-film-look") for file in host.saved] == [True, False, True, False]
    for number in (0, 1):
        before, after = host.saved[2 * number : 2 * number + 2]
        same(before.image, raw_picture(11 + number))
        same(after.image, done.images[number])
        assert "Film Look" not in before.pnginfo["parameters"]
        assert infotext.pairs_of(before.pnginfo["parameters"])["Seed"] == str(11 + number)
        assert look_in(after.pnginfo["parameters"]) == FILM
    del host.saved[:]
    host.txt2img(ON, do_not_save_samples=True)
    assert not host.saved


def test_a_disk_that_is_full_costs_no_look(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.options.data["film_look_save_before"] = True
    images = host.module("hooks").images

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError("no space left")

    p = host.processing(ON, batch_size=1)
    monkeypatch.setattr(images, "save_image", full)
    monkeypatch.setattr(host, "save_image", lambda *args, **kwargs: None)
    same(host.generate(p).images[0], develop(raw_picture(11), FILM, seed=11))


def test_what_the_host_saves_beside_a_picture_is_not_told_to_be_developed(host: Host) -> None:
    host.options.data["save_mask"] = True
    host.txt2img(ON, enable_hr=True, save_before_highres_fix=True)
    mask = Image.new("L", (160, 120))
    mask.paste(255, (40, 30, 100, 90))
    host.img2img(ON, [raw_picture(3)], image_mask=mask)
    told = [(Path(file.path).stem.split("-", 2)[2:], look_in(file.pnginfo["parameters"])) for file in host.saved]
    assert told == [(["before-highres-fix"], None), ([], FILM), ([], FILM), (["mask"], None)]
    assert infotext.pairs_of(host.saved[0].pnginfo["parameters"])["Seed"] == "11"


def test_a_picture_whose_name_ends_like_a_mask_keeps_its_look(host: Host) -> None:
    """File names may hold the prompt."""
    p = host.processing(ON)
    real = host.save_image
    host.save_image = lambda *values, **how: real(*values, **{**how, "forced_filename": "a venetian-mask"})  # type: ignore[method-assign]
    host.generate(p)
    assert [look_in(file.pnginfo["parameters"]) for file in host.saved] == [FILM]


def test_forges_canvas_gives_a_pictures_metadata_to_no_other(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    class LogicalImage:
        """Pictures come as they are here; Forge sends them as text."""

        def __init__(self) -> None:
            self.infotext: dict[str, Any] = {}

        def preprocess(self, payload: Image.Image) -> Image.Image:
            image = payload.copy()
            image.info = self.infotext
            return image

        def postprocess(self, value: Image.Image) -> None:
            self.infotext = value.info

    as_it_was = LogicalImage.preprocess
    canvas = ModuleType("modules_forge.forge_canvas.canvas")
    canvas.LogicalImage = LogicalImage  # type: ignore[attr-defined]
    for name in ("modules_forge", "modules_forge.forge_canvas"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, canvas.__name__, canvas)
    for _ in range(2):  # scripts are loaded again
        host.module("patches").install()
    component, film = LogicalImage(), host.txt2img(ON).images[0]
    component.postprocess(film)
    for picture, developed in ((film, True), (film.convert("RGBA"), True), (raw_picture(5), False)):
        coming = component.preprocess(picture)
        assert (infotext.read(coming) is not None) == developed
        same(coming.convert("RGB"), picture.convert("RGB"))
    assert infotext.read(film) is not None
    host.tell("on_script_unloaded")
    assert LogicalImage.preprocess is as_it_was


# failures


@pytest.mark.parametrize("error", [RuntimeError("broken"), ValueError(""), MemoryError(), filmlook.FilmLookError("broken")])
def test_a_failure_keeps_the_picture_to_the_bit(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    _breaks(monkeypatch, host, error)
    done = host.txt2img(ON, batch_size=2)
    same(done.images[0], raw_picture(11))
    assert (str(error) or type(error).__name__) in (_error(done.infotexts[0]) or "")
    assert look_in(done.infotexts[0]) is None
    same(done.images[1], develop(raw_picture(12), FILM, seed=12))
    assert _error(done.infotexts[1]) is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    again = host.txt2img(ON)
    assert look_in(again.infotexts[0]) == FILM


def test_a_picture_that_failed_does_not_count_as_developed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    _breaks(monkeypatch, host, RuntimeError("broken"))
    failed = host.txt2img(ON).images[0]
    off, on = host.img2img(None, [failed]), host.img2img(ON, [failed])
    same(on.images[0], develop(off.images[0], FILM, seed=11))


def test_a_failure_on_an_assembled_picture_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    off = host.img2img(None, [raw_picture(3)], "SD upscale", do_not_save_samples=True)
    _breaks(monkeypatch, host, RuntimeError("broken"), at=-1)
    done = host.img2img(ON, [raw_picture(3)], "SD upscale")
    same(done.images[0], off.images[0])
    for text in (done.infotexts[0], done.info, host.saved[0].pnginfo["parameters"]):
        assert _error(text) == "RuntimeError: broken"
        assert look_in(text) is None


def _on_gpu(monkeypatch: pytest.MonkeyPatch, host: Host, fits: Any) -> list[tuple[str, Any]]:
    """Makes the host work on a GPU whose memory holds what `fits` says; the device and tile of each attempt."""
    processing, attempts = host.module("processing"), []

    def on_device(image: Any, look: Look, *, device: torch.device, tile: int | None, **how: Any) -> Any:
        attempts.append((device.type, tile))
        if not fits(device.type, tile):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return develop(image, look, tile=tile, **how)

    monkeypatch.setattr(processing.devices, "get_optimal_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(processing, "develop", on_device)
    return attempts


@pytest.mark.parametrize(
    ("fits", "expected"),
    [
        (lambda device, tile: True, [("cuda", None)]),
        (lambda device, tile: tile is not None, [("cuda", None), ("cuda", 512)]),
        (lambda device, tile: device == "cpu", [("cuda", None), ("cuda", 512), ("cpu", None)]),
    ],
)
def test_out_of_memory_tries_smaller_tiles_and_then_the_cpu(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fits: Any, expected: list[Any]
) -> None:
    attempts = _on_gpu(monkeypatch, host, fits)
    done = host.txt2img(ON)
    assert attempts == expected
    same(done.images[0], develop(raw_picture(11), FILM, seed=11))
    assert look_in(done.infotexts[0]) == FILM
    assert len(caplog.records) == len(expected) - 1


def test_out_of_memory_everywhere_keeps_the_picture(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = _on_gpu(monkeypatch, host, lambda device, tile: False)
    done = host.txt2img(ON)
    assert len(attempts) == 3
    same(done.images[0], raw_picture(11))
    assert "out of memory" in (_error(done.infotexts[0]) or "")


def test_other_errors_on_a_gpu_are_not_tried_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    _on_gpu(monkeypatch, host, None)
    _breaks(monkeypatch, host, RuntimeError("an illegal instruction"), at=0)
    assert _error(host.txt2img(ON).infotexts[0]) == "RuntimeError: an illegal instruction"


# settings


@pytest.mark.parametrize(
    ("wanted", "gpu", "used"),
    [("auto", True, "cuda"), ("CPU", True, "cpu"), ("GPU", True, "cuda"), ("auto", False, "cpu"), ("CPU", False, "cpu")],
)
def test_the_device_is_the_settings(host: Host, monkeypatch: pytest.MonkeyPatch, wanted: str, gpu: bool, used: str) -> None:
    attempts = _on_gpu(monkeypatch, host, lambda device, tile: True)
    if not gpu:
        monkeypatch.setattr(host.module("processing").devices, "get_optimal_device", lambda: torch.device("cpu"))
    host.options.data["film_look_device"] = wanted
    host.txt2img(ON)
    assert attempts == [(used, None)]


def test_a_gpu_that_is_not_there_is_told(host: Host) -> None:
    host.options.data["film_look_device"] = "GPU"
    done = host.txt2img(ON)
    same(done.images[0], raw_picture(11))
    assert "device is GPU" in (_error(done.infotexts[0]) or "")


@pytest.mark.parametrize(("value", "tile"), [(0, None), (256, 256), (256.0, 256), (1, 64), (10**9, 65536), (-5, None)])
def test_the_tile_is_the_settings(host: Host, monkeypatch: pytest.MonkeyPatch, value: Any, tile: int | None) -> None:
    attempts = _on_gpu(monkeypatch, host, lambda device, tile: True)
    host.options.data["film_look_tile"] = value
    same(host.txt2img(ON).images[0], develop(raw_picture(11), FILM, seed=11))
    assert attempts == [("cuda", tile)]


WRONG = [None, "x", 3, 2.5, True, [], {}, float("nan"), float("inf"), -(10**30)]


@pytest.mark.parametrize("key", ["preset", "device", "tile", "save_before", "assembling", "pass_txt2img"])
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_settings_of_a_wrong_type_are_the_default(host: Host, key: str, wrong: Any) -> None:
    """The host's API checks nothing: a badly typed setting must not cost the look."""
    if key == "save_before" and wrong is True:
        pytest.skip("that is a right one")
    host.options.data[f"film_look_{key}"] = wrong
    host.script.ui(False)
    done = host.txt2img(ON)
    assert _error(done.infotexts[0]) is None
    same(done.images[0], develop(raw_picture(11), FILM, seed=11))
    assert len(host.saved) == 1


@pytest.mark.parametrize("wrong", [None, 3, [], {}, True, "  "], ids=repr)
def test_a_folder_of_a_wrong_type_is_the_default(host: Host, wrong: Any) -> None:
    host.options.data["film_look_folder"] = str(host.folder / "elsewhere")
    host.options.labels["film_look_folder"].more["onchange"]()
    host.options.data["film_look_folder"] = wrong
    host.options.labels["film_look_folder"].more["onchange"]()
    assert os.environ["FILMLOOK_HOME"] == str(host.folder / "models" / "FilmLook")


def test_settings_saved_by_name_are_shown_in_words_and_mean_the_same(host: Host) -> None:
    host.options.data.update(film_look_pass_txt2img="nothing", film_look_preset="cinema")
    host.tell("on_ui_settings")
    assert host.options.data["film_look_pass_txt2img"] == "Nothing"
    assert host.options.data["film_look_preset"] == "Cinema print"
    assert _error(host.txt2img(ON).infotexts[0]) is None
    same(host.txt2img(ON).images[0], raw_picture(11))
    host.options.data["film_look_pass_txt2img"] = "The whole look"
    assert look_in(host.txt2img([True]).infotexts[0]) == load_look("cinema")


def test_limits_of_the_api_stand_apart(host: Host) -> None:
    sections: dict[str, list[str]] = {}
    for key, info in host.options.labels.items():
        sections.setdefault(info.section[1], []).append(key.removeprefix("film_look_"))
    assert set(sections) == {"Film Look", "Film Look API"}
    assert all(key.startswith("api_") for key in sections["Film Look API"])
    assert not any(key.startswith("api_") for key in sections["Film Look"])
    policies = [i for i, key in enumerate(sections["Film Look"]) if key.startswith("pass")]
    assert policies == list(range(policies[0], policies[-1] + 1))  # one table, under its heading
    assert sections["Film Look"][policies[0]] == "passes_note"


def test_the_settings_page_tells_which_engine_develops(host: Host) -> None:
    told = [str(info.default) for key, info in host.options.labels.items() if key == "film_look_engines_note"]
    assert len(told) == 1
    assert "on the CPU by torch (FILMLOOK_ENGINE asks for torch)" in told[0]


def test_settings_that_are_missing_are_the_default(host: Host) -> None:
    for key in [key for key in host.options.data if key.startswith("film_look_")]:
        del host.options.data[key]
    same(host.txt2img(ON).images[0], develop(raw_picture(11), FILM, seed=11))


def test_the_look_to_begin_with(host: Host) -> None:
    host.options.data["film_look_preset"] = "cinema"
    assert look_in(host.txt2img([True]).infotexts[0]) == load_look("cinema")
    host.options.data["film_look_preset"] = "no-such-preset"
    assert look_in(host.txt2img([True]).infotexts[0]) == Look()


def test_stocks_and_looks_of_the_users_are_found(host: Host) -> None:
    looks, papers = (host.folder / "models" / "FilmLook" / kind for kind in ("looks", "papers"))
    assert looks.is_dir()
    assert papers.is_dir()
    (looks / "mine.json").write_text('{"label": "Mine", "look": {"version": 1, "stock": "neutral", "grain": 2}}')
    assert look_in(host.txt2img(["mine"]).infotexts[0]) == Look(stock="neutral", grain=2)
    host.options.data["film_look_folder"] = str(host.folder / "elsewhere")
    host.options.labels["film_look_folder"].more["onchange"]()
    assert "mine" in (_error(host.txt2img(["mine"]).infotexts[0]) or "")
    assert "film_look_folder" in host.options.restricted_opts


# pictures


class _Changes(BaseScript):
    """Another extension that changes the picture's mode, as Forge's infotext in the alpha channel does."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image

    def title(self) -> str:
        return "Changes"

    def postprocess_image(self, p: Any, pp: Any, *args: Any) -> None:
        pp.image = self.image


@pytest.mark.parametrize("size", [(160, 120), (61, 83), (512, 8), (1, 1)])
def test_alpha_is_kept_and_the_size_never_changes(host: Host, size: tuple[int, int]) -> None:
    alpha = Image.fromarray(np.random.default_rng(1).integers(0, 256, size[::-1], np.uint8))
    before = raw_picture(1, size).convert("RGBA")
    before.putalpha(alpha)
    host.add(_Changes(before))
    done: Processed = host.txt2img(ON)
    assert done.images[0].size == size
    same(done.images[0], develop(before, FILM, seed=11))
    np.testing.assert_array_equal(codes(done.images[0])[..., 3], codes(alpha))


def test_alpha_is_kept_where_grain_goes_inside_a_mask(host: Host) -> None:
    film = host.txt2img(ON).images[0]
    mask = Image.new("L", (160, 120))
    mask.paste(255, (40, 30, 100, 90))
    before = raw_picture(1).convert("RGBA")
    before.putalpha(mask)
    p = host.processing(ON, init_images=[film], image_mask=mask)
    p.composed = lambda image, index: before
    after = codes(host.generate(p).images[0])
    np.testing.assert_array_equal(after[..., 3], codes(mask))
    np.testing.assert_array_equal(after[50:70, 60:80], codes(regrain(before, FILM, seed=11))[50:70, 60:80])
    np.testing.assert_array_equal(after[:10], codes(before)[:10])


def test_the_undeveloped_picture_is_not_changed_in_place(host: Host) -> None:
    before = raw_picture(1)
    host.add(_Changes(before))
    host.txt2img(ON)
    same(before, raw_picture(1))
    assert "parameters" not in before.info


@pytest.mark.parametrize("stock", ["kodak_gold_200", "neutral", "kodak_gold_200_network"])
def test_hosts_that_work_in_inference_mode_and_those_that_do_not(host: Host, stock: str) -> None:
    """reForge and Forge sample in `torch.inference_mode`; what is kept from one picture to the next must do for both."""
    args, sizes = [{"stock": stock, "halation": 2.5, "lab": 1.0}], {"width": 96, "height": 72}
    with torch.inference_mode():
        within = host.txt2img(args, **sizes)
        film = host.img2img(args, [within.images[0]], **sizes)
    for again, first in ((host.txt2img(args, **sizes), within), (host.img2img(args, [within.images[0]], **sizes), film)):
        assert _error(again.infotexts[0]) is None
        same(again.images[0], first.images[0])
