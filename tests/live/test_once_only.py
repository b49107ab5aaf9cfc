"""Once only: in every workflow of the WebUI each delivered picture is developed once, as a whole.

Each test makes the pictures without Film Look, develops them here, and expects the very pictures that the host delivers
with Film Look on: a look applied twice, not at all, per tile or at another pitch is another picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from filmlook import Look, develop, regrain
from filmlook.files import infotext
from tests.live.conftest import Host, Results, apart, codes, decoded, encoded, same

LOOK: dict[str, Any] = {"stock": "kodak_portra_400", "frame": "super8", "grain": 4.0, "halation": 2.0, "vignette": 0.3}
FILM = Look(**LOOK)


@pytest.fixture(scope="module")
def raw(host: Host) -> Image.Image:
    """An undeveloped picture."""
    return host.generate(seed=3).image


@pytest.fixture(scope="module")
def film(host: Host) -> Image.Image:
    """The same picture, developed."""
    return host.generate(LOOK, seed=3).image


def _seed(result: Results, number: int = 0) -> int:
    return int(infotext.pairs_of(result.infotexts[number])[infotext.SEED])


def _check(off: Results, on: Results, made: Any = develop) -> None:
    """Every picture of `on` is the developed one of `off`."""
    assert len(on.images) == len(off.images) > 0
    for i, (before, after) in enumerate(zip(off.images, on.images, strict=True)):
        _is_once(after, before, _seed(on, i), made)


def _is_once(after: Image.Image, before: Image.Image, seed: int, made: Any = develop) -> None:
    """`after` is `before` developed once. Hosts draw from the encoder's distribution without a seed, so pictures made
    from pictures differ a little from call to call: much less than from no look, or one that is applied twice."""
    once = made(before, FILM, seed=seed)
    if same(after, once):
        return
    wrong = [before, *([made(once, FILM, seed=seed)] if made is develop else [])]  # grain that is there is not added again
    off = apart(after, once)
    assert off < min(apart(after, other) for other in wrong) / 3, f"{off:.2f} codes from what was expected"


def test_txt2img(host: Host) -> None:
    on = host.generate(LOOK)
    _check(host.generate(), on)
    assert on.pairs[infotext.SEED] == on.pairs["Seed"]


def test_off_is_off(host: Host) -> None:
    off, on = host.generate(), host.generate({**LOOK, "enabled": False})
    np.testing.assert_array_equal(codes(on.image), codes(off.image))
    assert not [key for key in on.pairs if key.startswith("Film Look")]


def test_batches(host: Host) -> None:
    many = {"batch_size": 2, "n_iter": 2}
    off, on = host.generate(**many), host.generate(LOOK, **many)
    _check(off, on)
    assert [_seed(on, i) for i in range(4)] == [11, 12, 13, 14]


def test_hires_fix(host: Host) -> None:
    fix: dict[str, Any] = {"enable_hr": True, "hr_scale": 2, "hr_upscaler": "Latent", "hr_second_pass_steps": 1}
    fix["hr_additional_modules"] = ["Use same choices"]  # Forge cannot do without
    off, on = host.generate(**fix), host.generate(LOOK, **fix)
    assert on.image.size == (256, 256)
    _check(off, on)


def test_refiner(host: Host) -> None:
    used = host.generate().pairs["Model"]  # a fresh host's settings name none yet
    others = [model for model in host.call("/sdapi/v1/sd-models") if model["model_name"] != used]
    if not others:
        pytest.skip("the host has one checkpoint only")
    fields = {"refiner_checkpoint": others[0]["model_name"], "refiner_switch_at": 0.5}
    off = host.generate(**fields)
    if "Refiner" not in off.pairs:  # a title changes when its file's hash is computed: once more, by the new one
        titles = {model["model_name"]: model["title"] for model in host.call("/sdapi/v1/sd-models")}
        fields["refiner_checkpoint"] = titles[others[0]["model_name"]]
        off = host.generate(**fields)
    assert others[0]["model_name"] in off.pairs["Refiner"]
    _check(off, host.generate(LOOK, **fields))


def test_img2img_from_undeveloped(host: Host, raw: Image.Image) -> None:
    _check(host.generate(sources=[raw]), host.generate(LOOK, sources=[raw]))


def test_img2img_from_developed_gets_grain_only(host: Host, film: Image.Image) -> None:
    on = host.generate(LOOK, sources=[film])
    _check(host.generate(sources=[film]), on, regrain)
    assert on.pairs[infotext.PASS] == infotext.GRAIN_ONLY


def test_a_developed_picture_is_known_without_its_metadata(host: Host, film: Image.Image) -> None:
    bare = Image.fromarray(np.asarray(film.convert("RGB")))
    _check(host.generate(sources=[bare]), host.generate(LOOK, sources=[bare]), regrain)


def test_colour_correction_does_not_undo_the_look(host: Host, raw: Image.Image) -> None:
    options = {"img2img_color_correction": True}
    _check(host.generate(sources=[raw], options=options), host.generate(LOOK, sources=[raw], options=options))


def _mask() -> Image.Image:
    mask = Image.new("L", (128, 128))
    ImageDraw.Draw(mask).ellipse((40, 40, 90, 90), fill=255)
    return mask


@pytest.mark.parametrize("only_masked", [False, True])
def test_inpaint_on_undeveloped_develops_the_whole(host: Host, raw: Image.Image, only_masked: bool) -> None:
    fields = {"mask": encoded(_mask()), "inpaint_full_res": only_masked, "inpainting_fill": 1, "mask_blur": 4}
    _check(host.generate(sources=[raw], **fields), host.generate(LOOK, sources=[raw], **fields))


@pytest.mark.parametrize("only_masked", [False, True])
def test_inpaint_on_developed_changes_nothing_outside_the_mask(host: Host, film: Image.Image, only_masked: bool) -> None:
    fields = {"mask": encoded(_mask()), "inpaint_full_res": only_masked, "inpainting_fill": 1, "mask_blur": 4}
    look = {**LOOK, "grain": 5}  # more than the detail that a random model paints, which counts as grain
    off, on = host.generate(sources=[film], **fields), host.generate(look, sources=[film], **fields)
    far = np.ones((128, 128), bool)
    far[22:108, 22:108] = False  # the ellipse and its blurred edge
    np.testing.assert_array_equal(codes(on.image)[far], codes(film)[far])
    core = (slice(55, 75), slice(55, 75))
    grained = regrain(off.image, Look(**look), seed=_seed(on))
    assert np.abs(codes(on.image)[core] - codes(grained)[core]).max() <= 1
    assert np.abs(codes(on.image)[core] - codes(off.image)[core]).mean() > 0.5


def _script(host: Host, title: str, look: Any, source: Image.Image, fields: dict[str, Any], **values: Any) -> Results:
    args = host.script_args(title, True, **values)
    return host.generate(look, sources=[source], script_name=title, script_args=args, **fields)


@pytest.mark.parametrize(
    ("title", "values"),
    [
        ("SD upscale", {"tile_overlap": 32, "upscaler": "Lanczos", "scale_factor": 2.0}),
        ("Poor man's outpainting", {"pixels_to_expand": 64, "outpainting_direction": ["left", "down"], "masked_content": 1}),
    ],
)
@pytest.mark.parametrize("saved", [False, True])
def test_assembled_pictures_are_developed_whole(
    host: Host, raw: Image.Image, title: str, values: dict[str, Any], saved: bool
) -> None:
    fields = {"save_images": saved}
    off, on = (_script(host, title, look, raw, fields, **values) for look in (None, LOOK))
    assert on.image.size != raw.size
    _check(off, on)


def test_sd_upscale_of_a_developed_picture_gets_grain_once(host: Host, film: Image.Image) -> None:
    values = {"tile_overlap": 32, "upscaler": "Lanczos", "scale_factor": 2.0}
    off, on = (_script(host, "SD upscale", look, film, {}, **values) for look in (None, LOOK))
    _check(off, on, regrain)


def test_outpainting_of_a_developed_picture_leaves_the_old_part(host: Host, film: Image.Image) -> None:
    values = {"pixels_to_expand": 64, "outpainting_direction": ["left"], "mask_blur": 4}
    on = _script(host, "Poor man's outpainting", LOOK, film, {}, **values)
    assert on.image.size == (192, 128)
    np.testing.assert_array_equal(codes(on.image)[:, -96:], codes(film)[:, -96:])


def test_outpainting_mk2(host: Host, raw: Image.Image) -> None:
    values = {"pixels_to_expand": 64, "outpainting_direction": ["left", "right"], "mask_blur": 4, "color_variation": 0}
    off, on = (_script(host, "Outpainting mk2", look, raw, {}, **values) for look in (None, LOOK))
    assert on.image.size == (256, 128)
    _check(off, on)


def test_ultimate_sd_upscale(host: Host, raw: Image.Image) -> None:
    args = host.script_args("Ultimate SD upscale", True)
    labels = [a["label"] for s in host.call("/sdapi/v1/script-info") if s["name"] == "ultimate sd upscale" for a in s["args"]]
    for label, value in (("Tile width", 128), ("Target size type", 2), ("Scale", 2)):
        args[labels.index(label)] = value
    args[labels.index("Upscaler")] = 1
    for place in (i for i, label in enumerate(labels) if label == "Type"):
        args[place] = 0
    fields = {"script_name": "Ultimate SD upscale", "script_args": args}
    off, on = (host.generate(look, sources=[raw], **fields) for look in (None, LOOK))
    assert on.image.size == (256, 256)
    _check(off, on)


def test_loopback_feeds_back_what_was_before(host: Host, raw: Image.Image) -> None:
    off, on = (_script(host, "Loopback", look, raw, {}, loops=3) for look in (None, LOOK))
    on = Results(on.images[-3:], on.infotexts[-3:])
    off = Results(off.images[-3:], off.infotexts[-3:])
    for number, (before, after) in enumerate(zip(off.images, on.images, strict=True)):
        # All of a loop's infotexts are the first one's; its seeds go up.
        _is_once(after, before, 11 + number)


def test_prompts_from_file_and_prompt_matrix(host: Host) -> None:
    for title, values in (
        ("Prompts from file or textbox", {"list_of_prompt_inputs": "a cat\na dog"}),
        ("Prompt matrix", {}),
    ):
        fields = {
            "script_name": title,
            "script_args": host.script_args(title, False, **values),
            "prompt": "a cat|in a hat",
        }
        off, on = host.generate(**fields), host.generate(LOOK, **fields)
        first = len(off.images) - 2  # a grid with legends comes before
        for i in (first, first + 1):
            assert same(on.images[i], develop(off.images[i], FILM, seed=11)), (title, i)


def _plot(host: Host, look: Any, x: tuple[str, str], y: tuple[str, str]) -> Results:
    infos = host.call("/sdapi/v1/script-info")
    args = [a for s in infos if s["name"] == "x/y/z plot" and not s["is_img2img"] for a in s["args"]]
    values = [a["value"] for a in args]
    for place, (axis, text) in zip((0, 3, 6), (x, y, ("Nothing", "")), strict=True):
        values[place], values[place + 1] = args[place]["choices"].index(axis), text
        values[place + 2] = [value.strip() for value in text.split(",")]  # of axes with choices
    labels = [a["label"] for a in args]
    values[labels.index("Include Sub Images")] = True
    return host.generate(look, script_name="X/Y/Z plot", script_args=values)


def test_plot_cells_each_once_and_no_key_leaks(host: Host) -> None:
    off = host.generate()
    plot = _plot(host, None, ("[Film Look] Stock", "None, kodak_gold_200"), ("[Film Look] Grain", "0, 3"))
    cells = plot.images[-4:]
    texts = plot.infotexts[-4:]
    for number, (stock, grain) in enumerate([(None, 0), ("kodak_gold_200", 0), (None, 3), ("kodak_gold_200", 3)]):
        pairs = infotext.pairs_of(texts[number])
        if stock is None:
            np.testing.assert_array_equal(codes(cells[number]), codes(off.image))
            assert infotext.LOOK not in pairs
        else:
            assert same(cells[number], develop(off.image, Look(stock=stock, grain=grain), seed=11))
            assert Look.from_text(pairs[infotext.LOOK]) == Look(stock=stock, grain=grain)


def test_plot_of_presets_and_strength(host: Host) -> None:
    off = host.generate()
    plot = _plot(host, None, ("[Film Look] Preset", "cinema, gold-snapshot"), ("[Film Look] Strength", "0.5, 1"))
    expected = [(p, s) for s in (0.5, 1) for p in ("cinema", "gold-snapshot")]
    for cell, (preset, strength) in zip(plot.images[-4:], expected, strict=True):
        from filmlook import load_look

        look = Look.from_dict({**load_look(preset).to_dict(), "strength": strength})
        assert same(cell, develop(off.image, look, seed=11))


def _face(side: int = 256) -> Image.Image:
    """A drawing that ADetailer's detector takes for a face."""
    image = Image.new("RGB", (256, 256), (90, 110, 130))
    draw = ImageDraw.Draw(image)

    def oval(x: int, y: int, width: int, height: int, colour: tuple[int, int, int]) -> None:
        draw.ellipse((x - width, y - height, x + width, y + height), fill=colour)

    oval(128, 108, 70, 86, (60, 40, 30))
    oval(128, 128, 56, 74, (224, 180, 150))
    for x in (104, 152):
        oval(x, 112, 13, 7, (250, 250, 250))
        oval(x, 112, 6, 6, (40, 30, 30))
        draw.line((x - 16, 95, x + 16, 93), fill=(70, 45, 35), width=5)
    draw.polygon(((128, 112), (118, 146), (138, 146)), fill=(205, 155, 128))
    oval(128, 170, 22, 7, (170, 70, 70))
    draw.line((108, 170, 148, 170), fill=(110, 40, 40), width=2)
    return image.filter(ImageFilter.GaussianBlur(1.5)).resize((side, side))


def test_adetailers_inner_pass_does_nothing(host: Host) -> None:
    """It paints over the face that it finds in the source itself, in a pass of its own; the look comes once, after that."""
    detector, face = {"ad_model": "mediapipe_face_full", "ad_denoising_strength": 0.5}, _face()
    host.script_args("ADetailer", True)
    scripts, size = {"ADetailer": {"args": [True, True, detector]}}, {"width": 256, "height": 256}
    off, on = (host.generate(look, sources=[face], scripts=scripts, **size) for look in (None, LOOK))
    assert "ADetailer model" in off.infotexts[0]
    core = (slice(100, 160), slice(100, 156))
    smooth, painted = (np.abs(np.diff(codes(image)[core], axis=0)).mean() for image in (face, off.image))
    assert painted > 3 * smooth, "the inner pass has painted nothing"
    _check(off, on)


def test_extras_leave_pictures_alone_when_called_by_the_api(host: Host, raw: Image.Image) -> None:
    answer = host.call("/sdapi/v1/extra-single-image", {"image": encoded(raw), "upscaling_resize": 1, "upscaler_1": "None"})
    np.testing.assert_array_equal(codes(decoded(answer["image"])), codes(raw))


@pytest.mark.parametrize("assembled", [False, True])
def test_what_is_saved_is_what_is_shown(host: Host, host_dir: Path, raw: Image.Image, assembled: bool) -> None:
    before = set(host_dir.glob("output*/**/*.png"))
    if assembled:
        values = {"tile_overlap": 32, "upscaler": "Lanczos", "scale_factor": 2.0}
        on = _script(host, "SD upscale", LOOK, raw, {"save_images": True}, **values)
    else:
        on = host.generate(LOOK, save_images=True)
    (saved,) = set(host_dir.glob("output*/**/*.png")) - before
    with Image.open(saved) as image:
        np.testing.assert_array_equal(codes(image), codes(on.image))
        found = infotext.read(image)
    assert found is not None
    assert found.look == FILM


def test_a_stock_that_is_damaged_keeps_the_picture(host: Host, host_dir: Path) -> None:
    damaged = host_dir / "models" / "FilmLook" / "stocks" / "damaged-by-a-test.cube"
    damaged.write_text("LUT_3D_SIZE 2\n0 0 0\n")
    try:
        off, on = host.generate(), host.generate({"stock": damaged.stem})
    finally:
        damaged.unlink()
    np.testing.assert_array_equal(codes(on.image), codes(off.image))
    assert "damaged-by-a-test" in on.pairs[infotext.ERROR]
    assert infotext.LOOK not in on.pairs


def test_png_info_reads_the_look(host: Host) -> None:
    on = host.generate(LOOK)
    answer = host.call("/sdapi/v1/png-info", {"image": "data:image/png;base64," + encoded(on.image)})
    assert Look.from_text(answer["parameters"][infotext.LOOK]) == FILM
    assert answer["parameters"]["Seed"] == answer["parameters"][infotext.SEED] == "11"
    assert answer["parameters"]["Size-1"] == 128 or answer["parameters"]["Size-1"] == "128"


def test_a_policy_of_the_users(host: Host, film: Image.Image) -> None:
    try:
        for policy, made in (("look", develop), ("nothing", None)):
            host.call("/sdapi/v1/options", {"film_look_pass_img2img_developed": policy})
            off, on = host.generate(sources=[film]), host.generate(LOOK, sources=[film])
            if made:
                _check(off, on, made)
            else:
                np.testing.assert_array_equal(codes(on.image), codes(off.image))
                assert infotext.LOOK not in on.pairs
    finally:
        host.call("/sdapi/v1/options", {"film_look_pass_img2img_developed": "grain"})


def test_the_input_is_what_the_user_says(host: Host, raw: Image.Image, film: Image.Image) -> None:
    for source, said, made in ((raw, "developed", regrain), (film, "undeveloped", develop)):
        _check(host.generate(sources=[source]), host.generate({**LOOK, "input": said}, sources=[source]), made)


def test_plot_of_choices_and_of_the_grains_seed(host: Host) -> None:
    off = host.generate()
    plot = _plot(host, LOOK, ("[Film Look] Film format", "35mm, super8"), ("[Film Look] Grain seed", "5, 6"))
    expected = [(frame, seed) for seed in (5, 6) for frame in ("35mm", "super8")]
    for cell, (frame, seed) in zip(plot.images[-4:], expected, strict=True):
        assert same(cell, develop(off.image, Look.from_dict({**LOOK, "frame": frame}), seed=seed))


def test_the_host_frees_our_memory_with_its_own(host: Host) -> None:
    host.generate(LOOK)
    host.call("/sdapi/v1/unload-checkpoint", {})
    host.call("/sdapi/v1/reload-checkpoint", {})
    _check(host.generate(), host.generate(LOOK))
