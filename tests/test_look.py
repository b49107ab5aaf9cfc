"""Look: one table of settings, checked, and the same after every round trip."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from filmlook import SETTINGS, Look, LookError, list_looks, list_stocks, load_look
from filmlook.film import filters
from filmlook.paths import tell_once
from filmlook.presets import load_preset
from filmlook.stages.lens import FILTERS
from filmlook.stages.print import _TONES

KEYS = {
    "stock", "frame", "strength", "exposure", "push", "effect_size", "diffusion", "diffusion_grade", "vignette", "highlights",
    "halation", "halation_size", "sharpness", "grain", "grain_size", "grain_colour", "grain_shadows", "grain_mids",
    "grain_highlights", "light_red", "light_green", "light_blue", "contrast", "saturation", "black", "white", "toning",
    "lab", "context", "print", "rating", "print_exposure", "interimage", "filter", "light_balance",
    "tone_shadows", "tone_shadows_hue", "tone_highlights", "tone_highlights_hue", "softness", "scan_softness",
    "weave", "breath", "flicker", "dust", "scratches",
    "aperture", "focal_length", "focus", "depth_near", "depth_far", "bokeh", "cats_eye", "swirl", "aberration", "glow",
    "distortion", "flare", "streak", "vignette_x", "vignette_y", "vignette_shape",
}  # fmt: skip

RANGES = {
    "strength": (0, 1, 1), "exposure": (-4, 4, 0), "vignette": (0, 1, 0), "push": (-4, 4, 0), "effect_size": (0.25, 8, 1),
    "diffusion_grade": (0, 2, 0), "lab": (0, 1, 0),
    "halation": (0, 8, 1), "grain": (0, 8, 1), "halation_size": (0.25, 4, 1), "grain_size": (0.25, 4, 1),
    "highlights": (0, 5, 0), "grain_colour": (0, 1, 1), "grain_shadows": (0, 4, 1), "grain_mids": (0, 4, 1),
    "grain_highlights": (0, 4, 1), "light_red": (-2, 2, 0), "light_green": (-2, 2, 0), "light_blue": (-2, 2, 0),
    "contrast": (0, 2, 1), "saturation": (0, 2, 1), "black": (0, 3, 0), "white": (0, 3, 0), "sharpness": (0, 3, 1),
    "softness": (0, 60, 0), "scan_softness": (0, 30, 6),
    "rating": (-2, 4, 0), "print_exposure": (-2, 2, 0), "interimage": (0, 2, 1), "light_balance": (-200, 200, 0),
    "tone_shadows": (0, 1, 0), "tone_shadows_hue": (0, 360, 0), "tone_highlights": (0, 1, 0),
    "tone_highlights_hue": (0, 360, 0),
    "weave": (0, 4, 0), "breath": (0, 4, 0), "flicker": (0, 4, 0), "dust": (0, 4, 0), "scratches": (0, 4, 0),
    "aperture": (0, 22, 0), "focal_length": (10, 300, 50), "focus": (0, 1, 0.2), "depth_near": (0.4, 100, 1.5),
    "depth_far": (0.4, 1000, 30), "cats_eye": (0, 1, 0), "swirl": (0, 1, 0), "aberration": (0, 1, 0), "glow": (0, 1, 0),
    "distortion": (-1, 1, 0), "flare": (0, 1, 0), "streak": (0, 1, 0), "vignette_x": (-1, 1, 0), "vignette_y": (-1, 1, 0),
    "vignette_shape": (-1, 1, 0),
}  # fmt: skip


def test_the_keys_that_programs_write_are_all_there() -> None:
    assert {s.key for s in SETTINGS} == KEYS


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.is_number], ids=lambda s: s.key)
def test_a_number_keeps_to_its_range_and_says_so(setting) -> None:
    low, high, default = RANGES[setting.key]
    assert (setting.low, setting.high, setting.default) == (low, high, default)
    assert getattr(Look(**{setting.key: low}), setting.key) == low
    assert getattr(Look(**{setting.key: high}), setting.key) == high
    for wrong in (low - 0.01, high + 0.01, float("nan"), float("inf"), "1", None, True, [1]):
        with pytest.raises(LookError, match=rf"{setting.key} is .*{re.escape(f'{low:g}')} to {re.escape(f'{high:g}')}"):
            Look(**{setting.key: wrong})


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.choices], ids=lambda s: s.key)
def test_a_choice_names_what_is_allowed(setting) -> None:
    for choice in setting.choices:
        assert getattr(Look(**{setting.key: choice}), setting.key) == choice
    for wrong in ("nothing of the kind", 1, None):
        with pytest.raises(LookError, match=f"{setting.key} is .*{setting.choices[0]}"):
            Look(**{setting.key: wrong})


def test_every_setting_has_label_help_step_and_a_default_inside_its_range() -> None:
    for s in SETTINGS:
        assert s.label
        assert s.help.endswith(".")
        assert s.group
        if s.is_number:
            assert s.low <= s.default <= s.high
            assert 0 < s.step < s.high - s.low
    assert len({s.label for s in SETTINGS}) == len(SETTINGS)


def test_names_of_choices_are_those_the_stages_know() -> None:
    choices = {s.key: s.choices for s in SETTINGS}
    assert set(choices["diffusion"]) == set(FILTERS)
    assert set(choices["toning"]) == set(_TONES)
    assert choices["filter"] == tuple(filters.FILTERS)


def test_a_look_of_version_1_is_converted_and_that_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    tell_once.cache_clear()
    old = [{"version": 1, "stock": "kodak_gold_200", "grain": 2.0}, {"version": 1, "white": 1.0, "black": 0.5}]
    looks = [Look.from_dict(values) for values in old] + [Look.from_text("v1 stock=kodak_gold_200 white=2")]
    assert [(look.white, look.black) for look in looks] == [(0, 0), (1, 0.5), (2, 0)]
    assert looks[0] == Look(stock="kodak_gold_200", grain=2)
    assert [r.getMessage() for r in caplog.records if "version 1" in r.getMessage()] == [r.getMessage() for r in caplog.records]
    assert len(caplog.records) == 1
    assert looks[0].to_text().startswith("v2 ")


EXAMPLES = [Look(), Look(stock='My Film, 2: "x" é', grain=0.1 + 0.2, light_red=-2, frame="super8", toning="sepia")]


@pytest.mark.parametrize("look", EXAMPLES, ids=["default", "odd"])
def test_a_look_comes_back_whole(look: Look) -> None:
    assert Look.from_dict(look.to_dict()) == look
    assert Look.from_json(look.to_json()) == look
    assert Look.from_json(json.dumps({**dataclasses.asdict(look), "version": 2})) == look
    back = Look.from_text(look.to_text())
    assert back == dataclasses.replace(look, grain=back.grain)
    assert back.grain == pytest.approx(look.grain, abs=1e-12)


def test_the_text_survives_an_infotext() -> None:
    for look in EXAMPLES:
        text = look.to_text()
        assert re.fullmatch(r"[^,:\"'\n]+", text)  # the host quotes or splits values with these
        assert not re.match(r"^\d+x\d+$", text)
        assert text.startswith("v2 ")


def test_numpy_numbers_and_whole_numbers_are_numbers() -> None:
    assert Look(grain=np.float32(2), halation=1) == Look(grain=2.0, halation=1.0)


def test_a_look_is_frozen_and_hashable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Look().grain = 2  # type: ignore[misc]
    assert len({Look(), Look(grain=1), Look(grain=2)}) == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"grian": 1}, "unknown setting 'grian'.*grain"),
        ({"version": 99}, "version is 99"),
        ({"version": "1"}, "version is '1'"),
        ("grain", "a look is a table"),
    ],
)
def test_wrong_tables_are_refused_by_name(values, message: str) -> None:
    with pytest.raises(LookError, match=message):
        Look.from_dict(values)


@pytest.mark.parametrize("text", ["", "grain=1", "v1 grain", "v2 grain=x", "v1 grain=99", "v3 grain=1", "v2 =", "vx"])
def test_wrong_texts_are_refused(text: str) -> None:
    with pytest.raises(LookError):
        Look.from_text(text)


def test_built_in_looks_load_and_name_installed_stocks() -> None:
    wanted = {"classic-negative", "gold-snapshot", "portra-portrait", "cinestill-night", "velvia-landscape", "tri-x-street",
              "super-8", "clean-print", "texture-only"}  # fmt: skip
    assert wanted <= set(list_looks())
    for name in list_looks():
        preset = load_preset(name)
        assert preset.label
        assert preset.help
        assert preset.look.stock in list_stocks()


def test_a_look_may_be_a_look_a_name_or_a_table() -> None:
    assert load_look(Look(grain=2)) == Look(grain=2)
    assert load_look({"grain": 2}) == Look(grain=2)
    assert load_look("clean-print").grain == 0
    with pytest.raises(LookError, match=r"unknown look 'nope'.*classic-negative"):
        load_look("nope")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"look": 1}', '{"look": {"grain": 99}}', "\x00\xff"])
def test_a_damaged_preset_names_its_file(tmp_path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (tmp_path / "looks").mkdir()
    (tmp_path / "looks" / "mine.json").write_bytes(content.encode("latin-1"))
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    assert "mine" in list_looks()
    with pytest.raises(LookError, match=r"mine\.json"):
        load_look("mine")


@pytest.mark.parametrize("text", ["v" + "9" * 5000 + " stock=neutral", "v" + "9" * 5000, "v²", "v", "x" * 10**6])
def test_a_version_of_any_length_is_refused(text: str) -> None:
    with pytest.raises(LookError, match="it begins with v2") as told:
        Look.from_text(text)
    assert len(str(told.value)) < 200


def test_deep_json_is_no_look() -> None:
    with pytest.raises(LookError, match="not a look in JSON"):
        Look.from_json("[" * 100_000)
