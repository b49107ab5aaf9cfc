"""What the input is taken for: by itself, or as the user says; a folder's files; and the axes of a plot."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from filmlook import SETTINGS, Look, LookError
from filmlook.files import infotext
from filmlook.look_choice import LookChoice
from filmlook.stock import stock_labels
from tests.host.conftest import bare, codes, develop, look_in, regrain, same, seed_in
from tests.host.fake import Host
from tests.host.fake_processing import raw_picture

WEAK = {"stock": "kodak_portra_400", "strength": 0.15, "grain": 2.0, "halation": 0.0}
FILM = Look(stock="kodak_gold_200", frame="super8", grain=4.0)
ON = FILM.to_dict()


def _passes(text: str) -> str | None:
    return infotext.pairs_of(text).get(infotext.PASS)


# what it is by itself


@pytest.mark.parametrize("stripped", [False, True])
def test_an_undeveloped_picture_is_not_taken_for_what_was_made_of_it(host: Host, stripped: bool) -> None:
    """A weak look moves a picture by less than JPEG may: what tells them apart is what the developed one was before."""
    raw = raw_picture(3)
    film = host.txt2img([WEAK], seed=3).images[0]
    source = bare(film) if stripped else film
    grained = host.img2img([WEAK], [source], denoising_strength=0.0)
    assert _passes(grained.infotexts[0]) == infotext.GRAIN_ONLY
    assert not host.module("hooks").is_developed(raw)
    done = host.img2img([WEAK], [raw], denoising_strength=0.0)
    assert _passes(done.infotexts[0]) is None
    same(done.images[0], develop(host.img2img(None, [raw], denoising_strength=0.0).images[0], Look(**WEAK), seed=11))
    assert host.module("hooks").is_developed(bare(grained.images[0]))


def test_nor_where_nobody_has_seen_the_undeveloped_one(host: Host) -> None:
    raw = raw_picture(3)
    film = host.txt2img([WEAK], seed=3).images[0]
    host.module("once.fingerprints").delivered.clear()  # the WebUI was started again; the file says what it is
    grained = host.img2img([WEAK], [film], denoising_strength=0.0)
    assert _passes(grained.infotexts[0]) == infotext.GRAIN_ONLY
    assert not host.module("hooks").is_developed(raw)
    assert host.module("hooks").is_developed(bare(grained.images[0]))


# as the user says


@pytest.mark.parametrize("assembled", [False, True])
def test_the_input_is_what_the_user_says(host: Host, assembled: bool) -> None:
    script = "SD upscale" if assembled else ""
    raw, film = raw_picture(3), host.txt2img([ON], seed=3).images[0]
    for source, said, made in ((raw, "developed", regrain), (film, "undeveloped", develop), (raw, "automatic", develop)):
        off = host.img2img(None, [source], script)
        on = host.img2img([{**ON, "input": said}], [source], script)
        same(on.images[0], made(off.images[0], FILM, seed=seed_in(on.infotexts[0])))
        assert _passes(on.infotexts[0]) == (infotext.GRAIN_ONLY if made is regrain else None)


def test_the_page_says_it_by_label(host: Host) -> None:
    values = [component.value for component in host.script.ui(True)]
    values[0] = True
    values[values.index("Automatic")] = "Developed"
    assert _passes(host.img2img(values, [raw_picture(3)]).infotexts[0]) == infotext.GRAIN_ONLY


def test_a_picture_made_from_noise_has_no_input(host: Host) -> None:
    done = host.txt2img([{**ON, "input": "developed"}])
    same(done.images[0], develop(raw_picture(11), FILM, seed=11))


@pytest.mark.parametrize(
    ("more", "told"),
    [({"input": "raw"}, "input is 'raw'"), ({"input": None}, "input is None"), ({"frames": "yes"}, "frames is 'yes'")],
)
def test_what_it_cannot_be_is_named(host: Host, more: dict[str, Any], told: str) -> None:
    with pytest.raises(LookError, match=told):
        host.module("arguments").asked_by([{**ON, **more}])


def test_positions_that_programs_know_stay(host: Host) -> None:
    """Whatever is added follows after these."""
    text = (
        "enabled stock frame strength exposure lab push effect_size context diffusion diffusion_grade vignette highlights "
        "halation halation_size sharpness grain grain_size grain_colour grain_shadows grain_mids grain_highlights light_red "
        "light_green light_blue contrast saturation black white toning seed_mode seed input frames"
    )
    known = text.split()
    positions = host.module("arguments").POSITIONS
    assert list(positions[: len(known)]) == known
    assert {s.key for s in SETTINGS} < set(positions)
    ids = [component.kwargs["elem_id"] for component in host.script.ui(True)]
    assert ids[1:] == [f"img2img_film_look_{key}" for key in positions[1:]]


# a folder


def _files(count: int = 3) -> list[Image.Image]:
    return [raw_picture(100 + i) for i in range(count)]


@pytest.mark.parametrize("seed", ["picture", 7])
def test_files_of_a_folder_have_a_grain_each(host: Host, seed: Any) -> None:
    results = host.batch([{**ON, "grain_seed": seed}], _files())
    seeds = [seed_in(done.infotexts[0]) for done in results]
    assert len(set(seeds)) == 3
    for done, off, of_file in zip(results, host.batch(None, _files()), seeds, strict=True):
        same(done.images[0], develop(off.images[0], FILM, seed=of_file))
    alone = host.batch([{**ON, "grain_seed": seed}], _files()[2:])  # whatever else lies there
    assert seed_in(alone[0].infotexts[0]) == seeds[2]


def test_one_picture_has_the_grain_of_its_seed(host: Host) -> None:
    assert seed_in(host.img2img([ON], [raw_picture(3)]).infotexts[0]) == 11


@pytest.mark.parametrize("seed", ["picture", "random"])
def test_files_of_a_folder_that_are_frames(host: Host, seed: Any) -> None:
    results = host.batch([{**ON, "grain_seed": seed, "frames": True}], _files())
    told = [infotext.pairs_of(done.infotexts[0]) for done in results]
    assert [pairs[infotext.FRAME] for pairs in told] == ["0", "1", "2"]
    assert len({pairs[infotext.SEED] for pairs in told}) == 1
    for number, (done, off) in enumerate(zip(results, host.batch(None, _files()), strict=True)):
        same(done.images[0], develop(off.images[0], FILM, seed=int(told[0][infotext.SEED]), frame=number))


def test_developed_frames_get_grain_that_moves(host: Host) -> None:
    film = host.txt2img([ON], seed=3).images[0]
    results = host.batch([{**ON, "frames": True}], [film, film])
    assert [_passes(done.infotexts[0]) for done in results] == [infotext.GRAIN_ONLY] * 2
    assert (codes(results[0].images[0]) != codes(results[1].images[0])).mean() > 0.5


# send to


def test_send_to_img2img_takes_film_look_along(host: Host) -> None:
    """As the host does it: values go from one page's fields to the other's of the same name."""
    pages = []
    for img2img in (False, True):
        components = host.script.ui(img2img)
        fields = [(c, name) for c, name in host.script.infotext_fields if name in host.script.paste_field_names]
        pages.append((components, fields, list(host.script.paste_field_names)))
    (_, source, _), (components, target, names) = pages
    assert [name for _, name in source] == [name for _, name in target if name in names]
    for (_, name), (there, other) in zip(source, target, strict=True):
        assert name is other
        assert there.kwargs["elem_id"].startswith("img2img_")
    taken = [there for there, _ in target]
    left = [c.kwargs["elem_id"] for c in components if not any(c is there for there in taken)]
    assert left == ["img2img_film_look_input", "img2img_film_look_frames"]


# axes


def _axes(host: Host) -> dict[str, Any]:
    return {axis.label: axis for axis in host.plot.axis_options}


def test_every_setting_and_the_grains_seed_have_an_axis(host: Host) -> None:
    captions = {axis.removeprefix("[Film Look] ") for axis in _axes(host)}
    assert captions == {"Preset", "Lens", "Grain seed", *(setting.caption for setting in SETTINGS)}
    for setting in SETTINGS:
        if setting.choices:
            assert _axes(host)[f"[Film Look] {setting.caption}"].choices() == list(setting.choices)


def test_an_axis_of_lenses_puts_them_on_the_look(host: Host) -> None:
    axis = _axes(host)["[Film Look] Lens"]
    assert axis.choices()[:2] == ["none", "85mm-f1.4"]
    assert axis.format_value(None, axis, "holga") == "[Film Look] Lens: Holga, 60 mm"
    x, y = ("[Film Look] Lens", ["none", "holga"]), ("[Film Look] Vignette", [0.5])
    plot = host.txt2img([ON], "X/Y/Z plot", x=x, y=y)
    looks = [look_in(text) for text in plot.infotexts]
    assert looks == [LookChoice.from_mapping({**ON, "lens": name, "vignette": 0.5}).look for name in ("none", "holga")]


def test_axes_of_choices_and_of_the_seed(host: Host) -> None:
    x, y = ("[Film Look] Film format", ["35mm", "super8"]), ("[Film Look] Grain seed", [5, 6])
    plot = host.txt2img([ON], "X/Y/Z plot", x=x, y=y)
    expected = [(frame, seed) for seed in (5, 6) for frame in ("35mm", "super8")]
    for cell, text, (frame, seed) in zip(plot.images, plot.infotexts, expected, strict=True):
        look = Look.from_dict({**ON, "frame": frame})
        assert look_in(text) == look
        assert seed_in(text) == seed
        same(cell, develop(raw_picture(11), look, seed=seed))


def test_an_axis_takes_stocks_by_label_and_the_legend_tells_it(host: Host) -> None:
    name, label = "kodak_ektar_100", stock_labels()["kodak_ektar_100"]
    x, y = ("[Film Look] Stock", [name, label]), ("[Film Look] Grain", [0.0])
    plot = host.txt2img([ON], "X/Y/Z plot", x=x, y=y)
    assert [look.stock if (look := look_in(text)) else None for text in plot.infotexts] == [name, name]
    axis = _axes(host)["[Film Look] Stock"]
    assert axis.format_value(None, axis, name) == f"[Film Look] Stock: {label}"
    preset = _axes(host)["[Film Look] Preset"]
    assert preset.format_value(None, preset, "None") == "[Film Look] Preset: None"
    assert preset.format_value(None, preset, "cinema") == "[Film Look] Preset: Cinema print"


def test_an_axis_of_prints_tells_what_a_cells_stock_does_not_allow(host: Host) -> None:
    """Such a cell keeps its picture."""
    axis = _axes(host)["[Film Look] Print"]
    assert {"stock", "minilab", "kodak_2383", "grade-2", "negative"} <= set(axis.choices())
    assert axis.format_value(None, axis, "kodak_2383") == "[Film Look] Print: Kodak Vision 2383"
    x, y = ("[Film Look] Print", ["kodak_2383", "Minilab scan", "grade-2"]), ("[Film Look] Grain", [0.0])
    plot = host.txt2img([ON], "X/Y/Z plot", x=x, y=y)
    told = [look_in(text) for text in plot.infotexts]
    assert [look and look.print for look in told] == ["kodak_2383", "minilab", None]
    error = infotext.pairs_of(plot.infotexts[2])[infotext.ERROR]
    assert error.startswith("print is 'grade-2'; Kodak Gold 200 allows: stock, minilab, ")
    same(plot.images[2], raw_picture(11))


def test_an_axis_of_stocks_with_a_print_that_one_does_not_allow(host: Host) -> None:
    x, y = ("[Film Look] Stock", ["kodak_portra_400", "fujifilm_velvia_100", "kodak_tri_x_400"]), ("[Film Look] Grain", [0.0])
    plot = host.txt2img([{**ON, "print": "kodak_portra_endura"}], "X/Y/Z plot", x=x, y=y)
    errors = [infotext.pairs_of(text).get(infotext.ERROR, "") for text in plot.infotexts]
    assert [error.partition(":")[0] for error in errors] == [
        "",
        "print is 'kodak_portra_endura'; Fujifilm Velvia 100 allows",
        "print is 'kodak_portra_endura'; Kodak Tri-X 400 allows",
    ]
    for image in plot.images[1:]:
        same(image, raw_picture(11))
