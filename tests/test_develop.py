"""develop(): what a caller sees, whatever the image is made of and however the work is cut."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from filmlook import FilmLookError, Look, LookError, PictureError, StockFileError, develop, list_stocks, load_stock
from filmlook.engine.colour_only import colour_of

GOLD = "kodak_gold_200"
FULL = Look(stock=GOLD, diffusion_grade=0.5, vignette=0.3, highlights=2, effect_size=2, grain_colour=0.5)
COLOUR = Look(stock=GOLD, halation=0, grain=0, sharpness=0, scan_softness=0)


# --- kinds of image


def test_every_kind_of_image_comes_back_as_it_came(scene: np.ndarray) -> None:
    planes = np.ascontiguousarray(scene.transpose(2, 0, 1))
    images = [
        Image.fromarray(scene), scene, scene.astype(np.uint16) * 257, scene.astype(np.float32) / 255, scene / 255,
        (scene / 255).astype(np.float16), torch.from_numpy(planes), torch.from_numpy(planes)[None] / 255,
    ]  # fmt: skip
    results = []
    for image in images:
        before = image.copy() if not isinstance(image, torch.Tensor) else image.clone()
        out = develop(image, FULL, seed=3)
        assert type(out) is type(image)
        if isinstance(image, Image.Image):
            assert (out.size, out.mode) == (image.size, "RGB")
            assert (np.asarray(image) == np.asarray(before)).all()
            results.append(np.asarray(out) / 255)
            continue
        assert (out.shape, out.dtype) == (image.shape, image.dtype)
        assert bool((image == before).all())
        array = np.asarray(out, dtype=np.float64)
        array = array[0] if array.ndim == 4 else array
        array = array.transpose(1, 2, 0) if array.shape[0] == 3 else array
        results.append(array / {torch.uint8: 255, np.dtype("uint8"): 255, np.dtype("uint16"): 65535}.get(image.dtype, 1))
    for result in results:
        assert np.abs(result - results[0]).max() < 1.5 / 255


@pytest.mark.skipif(not hasattr(torch, "uint16"), reason="torch has 16-bit unsigned tensors since 2.3")
def test_sixteen_bit_tensors(scene: np.ndarray) -> None:
    deep = scene.astype(np.uint16) * 257
    tensor = torch.from_numpy(deep.transpose(2, 0, 1).copy())
    out = develop(tensor, FULL, seed=3)
    assert out.dtype == torch.uint16
    assert (out.numpy().transpose(1, 2, 0) == develop(deep, FULL, seed=3)).all()


def test_eight_bit_is_dithered_and_sixteen_is_finer() -> None:
    grey = np.full((256, 256, 3), 0.4003, np.float32)
    look = Look(stock="neutral", halation=0, grain=0, sharpness=0, contrast=1.2)
    exact = develop(grey, look)[0, 0]
    code16 = develop((grey * 65535).astype(np.uint16), look)
    assert np.abs(code16 / 65535 - exact).max() < 2e-4
    ramp = np.tile(np.linspace(0, 255, 256).astype(np.uint8)[:, None], (1, 256, 3)).reshape(256, 256, 3)
    codes = develop(ramp, look).astype(float)
    exact = develop(ramp.astype(np.float32) / 255, look) * 255
    assert np.abs((codes - exact).mean(1)).max() < 0.1  # the mean of a row is kept to a tenth of a code
    assert (np.abs(codes - exact) < 1.01).all()


def test_grey_comes_back_as_rgb_and_alpha_to_the_bit(scene: np.ndarray) -> None:
    grey = scene[..., 1]
    assert develop(grey, COLOUR).shape == (*grey.shape, 3)
    assert develop(Image.fromarray(grey), COLOUR).mode == "RGB"
    alpha = (1 + np.arange(scene.shape[0] * scene.shape[1]).reshape(scene.shape[:2]) % 255).astype(np.uint8)
    rgba = np.dstack((scene, alpha))
    assert (develop(rgba, FULL)[..., 3] == alpha).all()
    assert (develop(rgba, FULL)[..., :3] == develop(scene, FULL)).all()
    assert (np.asarray(develop(Image.fromarray(rgba), FULL))[..., 3] == alpha).all()
    tensor = torch.rand(4, 40, 50)
    assert torch.equal(develop(tensor, FULL)[3], tensor[3])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2000), (2, 2), (257, 255), (64, 64)])
def test_any_size_works(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert develop(picture, FULL).shape == picture.shape


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((4, 4, 3), np.nan, np.float32), "NaN"),
        (torch.full((3, 4, 4), float("inf")), "infinity"),
        (np.zeros((0, 4, 3), np.uint8), "at least one pixel"),
        (np.zeros((4, 4, 2), np.uint8), "1, 3 or 4 channels"),
        (np.zeros((4, 4, 3), np.int32), "int32"),
        (np.zeros(4, np.uint8), "H,W"),
        (torch.zeros(4, 4), "C,H,W"),
        (torch.zeros(3, 4, 4, dtype=torch.int64), "int64"),
        (torch.zeros(3, 4, 4, dtype=torch.int16), "int16"),
        ("picture.png", "str is not an image"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(image, message: str) -> None:
    with pytest.raises(PictureError, match=message) as caught:
        develop(image, COLOUR)
    assert "\n" not in str(caught.value)


def test_float_input_outside_the_range_is_clipped() -> None:
    wild = torch.tensor([-1.0, 0.0, 1.0, 7.0]).view(1, 1, 4).expand(3, 1, 4)
    out = develop(wild, COLOUR)
    assert torch.equal(out[..., 0], out[..., 1])
    assert torch.equal(out[..., 2], out[..., 3])


def test_wrong_calls_name_what_is_wrong(scene: np.ndarray) -> None:
    with pytest.raises(StockFileError, match=r"stock is 'agfa'.*kodak_gold_200"):
        develop(scene, Look(stock="agfa"))
    with pytest.raises(LookError, match="unknown setting 'grian'"):
        develop(scene, {"grian": 1})
    with pytest.raises(LookError, match="unknown look"):
        develop(scene, "agfa")
    for tile in (0, -1, 3, 1.5, "256"):
        with pytest.raises(FilmLookError, match="tile is"):
            develop(scene, COLOUR, tile=tile)  # type: ignore[arg-type]
    with pytest.raises(FilmLookError, match="2 seeds for 1 pictures"):
        develop(scene, COLOUR, seed=[1, 2])
    for seed in (None, "7", 1.5, [1.5]):
        with pytest.raises(LookError, match="seed is"):
            develop(scene, COLOUR, seed=seed)  # type: ignore[arg-type]
    assert (develop(scene, FULL, seed=np.int64(7)) == develop(scene, FULL, seed=7)).all()
    with pytest.raises(FilmLookError, match="device 'abacus'"):
        develop(scene, COLOUR, device="abacus")


# --- strength, and effects at nothing


def test_strength_0_returns_the_picture_to_the_bit(scene: np.ndarray) -> None:
    look = dataclasses.replace(FULL, strength=0)
    out = develop(scene, look)
    assert (out == scene).all()
    assert out is not scene
    rgba = Image.fromarray(scene).convert("RGBA")
    assert develop(rgba, look).tobytes() == rgba.tobytes()


def test_strength_mixes(scene: np.ndarray) -> None:
    picture = scene.astype(np.float32) / 255
    full, half = develop(picture, COLOUR), develop(picture, dataclasses.replace(COLOUR, strength=0.5))
    assert np.abs(half - (full + picture) / 2).max() < 1e-5


def test_nothing_at_all_is_the_picture_itself(scene: np.ndarray) -> None:
    off = Look(stock="neutral", halation=0, grain=0, sharpness=0, scan_softness=0)
    assert (develop(scene, off) == scene).all()


# --- cut and dried: tiles, batches, seeds


@pytest.mark.parametrize("stock", [GOLD, "neutral", "kodak_tri_x_400", "fujifilm_velvia_100"])
def test_tiles_give_the_whole_to_the_bit(stock: str) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (700, 530, 3), dtype=np.uint8)
    picture[300:340] = 255
    look = dataclasses.replace(FULL, stock=stock)
    whole = develop(picture, look, seed=5)
    for tile in (64, 256, 600, 4096):
        assert (develop(picture, look, seed=5, tile=tile) == whole).all()


def test_a_picture_is_the_same_alone_and_in_a_batch(scene: np.ndarray) -> None:
    batch = np.stack((scene[::-1], scene, 255 - scene))
    together = develop(batch, FULL, seed=[7, 8, 9])
    assert (together[1] == develop(scene, FULL, seed=8)).all()
    assert (develop(batch, FULL, seed=8)[1] == together[1]).all()


def test_seeds_are_reproducible_and_differ(scene: np.ndarray) -> None:
    assert (develop(scene, FULL, seed=1) == develop(scene, FULL, seed=1)).all()
    assert (develop(scene, FULL, seed=1) != develop(scene, FULL, seed=2)).any()
    assert (develop(scene, FULL, seed=1) != develop(scene, FULL, seed=1, frame=1)).any()


def test_the_number_of_threads_does_not_change_a_bit(scene: np.ndarray) -> None:
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            results.append(develop(scene, FULL, seed=1))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert (results[0] == results[1]).all()
    assert (results[0] == results[2]).all()


def test_progress_rises_to_1(scene: np.ndarray) -> None:
    shares: list[float] = []
    develop(np.stack((scene, scene)), FULL, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) >= 4


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_picture(scene: np.ndarray) -> None:
    on_cpu, on_gpu = (develop(scene, FULL, seed=1, device=d).astype(int) for d in ("cpu", "cuda"))
    assert np.abs(on_cpu - on_gpu).max() <= 1
    assert (on_cpu == on_gpu).mean() >= 0.999


# --- tones


def _grey_ramp() -> np.ndarray:
    return np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, 2)


@pytest.mark.parametrize("name", list_stocks())
def test_a_grey_ramp_rises_without_jumps(name: str) -> None:
    codes = develop(_grey_ramp(), dataclasses.replace(COLOUR, stock=name))[0]
    looser = 3 if load_stock(name).kind == "network" else 1  # straight lines with kinks
    assert (np.diff(codes, axis=0) > -2e-4 * looser).all()  # a twentieth of a code of 8 bits
    assert np.abs(np.diff(codes, 2, axis=0)).max() < 0.004 * looser
    tint = codes - codes.mean(1, keepdims=True)
    assert np.abs(np.diff(tint, 2, axis=0)).max() < 0.003 * looser
    assert codes[-1].min() - codes[0].max() > 0.6


@pytest.mark.parametrize("name", list_stocks())
@pytest.mark.parametrize("setting", ["exposure", "print_exposure", "light_red", "light_green", "light_blue"])
def test_exposure_and_lights_move_a_ramp_one_way(name: str, setting: str) -> None:
    channels = {"light_red": [0], "light_green": [1], "light_blue": [2]}.get(setting, [0, 1, 2])
    stock = load_stock(name)
    high = 4 if setting == "exposure" else 2
    if stock.prints.own is not None and setting.startswith("light"):
        high = 1  # beyond it the light of its other dyes folds into the one that is gone
    values = np.linspace(-high, high, 9)
    codes = [develop(_grey_ramp(), dataclasses.replace(COLOUR, stock=name, **{setting: float(v)}))[0] for v in values]
    steps = np.diff(np.stack(codes), axis=0)[..., channels] * (-1 if setting == "print_exposure" else 1)
    # A network's offset is another for every exposure.
    assert (steps > (-7e-3 if stock.kind == "network" else -2e-3)).all()
    assert steps.sum(0).max() > 0.2


@pytest.mark.parametrize("name", [name for name in list_stocks() if load_stock(name).film])
def test_interimage_changes_colours_and_no_grey(name: str) -> None:
    greys = np.repeat(np.linspace(0, 1, 65, dtype=np.float32)[None, :, None], 3, 2)
    colours = np.array([[[0.7, 0.3, 0.25], [0.3, 0.55, 0.3], [0.3, 0.4, 0.7]]], np.float32)
    made = [
        [develop(p, dataclasses.replace(COLOUR, stock=name, interimage=i)) * 255 for p in (greys, colours)] for i in (0, 1, 2)
    ]
    assert max(np.abs(made[i][0] - made[1][0]).max() for i in (0, 2)) < 0.6
    if load_stock(name).layers == 3:
        vivid = [np.ptp(colour, axis=-1).mean() for _, colour in made]
        assert vivid[0] < vivid[1] < vivid[2]


@pytest.mark.parametrize("name", list_stocks())
def test_push_and_contrast_turn_a_ramp_around_mid_grey(name: str) -> None:
    codes = np.repeat(np.array([0.25, 0.4663, 0.6], np.float32)[None, :, None], 3, 2)
    for setting, values in (("push", (-2.0, 0.0, 2.0)), ("contrast", (0.6, 1.0, 1.5))):
        made = [develop(codes, dataclasses.replace(COLOUR, stock=name, **{setting: v}))[0].mean(1) for v in values]
        dark, grey, light = np.diff(np.stack(made), axis=0).T
        assert (dark < -0.005).all()
        assert (light > 0.005).all()
        assert np.abs(grey).max() < (0.03 if load_stock(name).kind == "network" else 0.01)


@pytest.mark.parametrize("name", ["kodak_tri_x_400", "kodak_double_x_5222"])
def test_black_and_white_is_neutral(name: str, scene: np.ndarray) -> None:
    out = develop(scene.astype(np.float32) / 255, Look(stock=name, light_red=0.3))
    assert np.abs(out - out.mean(-1, keepdims=True)).max() < 1e-5


@pytest.mark.parametrize("name", [GOLD, "kodak_vision3_500t", "fujifilm_velvia_100", "kodak_tri_x_400"])
def test_black_and_white_points(name: str) -> None:
    """0 is the scanner's rule, 1 the print's own, above that faded; mid-grey stays, but for a slide's, which nothing places."""
    tones = np.repeat(np.array([0, 0.4663, 1], np.float32)[None, :, None], 3, 2)

    def at(**points: float) -> np.ndarray:
        return develop(tones, dataclasses.replace(COLOUR, stock=name, **points))[0] * 255

    rule = at()
    assert np.abs(rule - [[8] * 3, [119] * 3, [248] * 3]).max() < 4
    own = at(black=1, white=1)
    assert np.ptp(own[2]) > np.ptp(rule[2]) - 0.5 or own.shape == rule.shape
    half = at(black=0.5, white=0.5)
    between = np.sort(np.stack([rule, own]), axis=0)
    assert (half[[0, 2]] > between[0][[0, 2]] - 1).all()
    assert (half[[0, 2]] < between[1][[0, 2]] + 1).all()
    assert (at(black=2)[0] > at(black=1)[0] + 10).all()
    assert (at(white=2)[2] < at(white=1)[2] - 10).all()
    if load_stock(name).kind == "negative":
        for settings in ({"black": 1, "white": 1}, {"black": 2}, {"white": 2.5}):
            assert np.abs(at(**settings)[1] - rule[1]).max() < 1


@pytest.mark.parametrize("name", ["neutral", "fujifilm_classic_negative"])
def test_what_has_a_print_of_its_own_is_at_0_as_at_1_and_fades_above(name: str) -> None:
    ends = np.array([[[0, 0, 0], [1, 1, 1]]], np.float32)
    plain, own, faded = (develop(ends, dataclasses.replace(COLOUR, stock=name, black=v, white=v))[0] for v in (0.0, 1.0, 2.0))
    assert (plain == own).all()
    assert (faded[0] > own[0] + 0.05).all()
    assert (faded[1] < own[1] - 0.05).all()


def test_contrast_and_saturation() -> None:
    colours = np.array([[[0.3, 0.3, 0.3], [0.4663] * 3, [0.65, 0.65, 0.65], [0.7, 0.3, 0.2]]], np.float32)
    plain, flat, grey = (develop(colours, dataclasses.replace(COLOUR, **s)) for s in ({}, {"contrast": 0.5}, {"saturation": 0}))
    assert (flat[0, 2] - flat[0, 0] < 0.7 * (plain[0, 2] - plain[0, 0])).all()
    assert np.abs(flat[0, 1] - plain[0, 1]).max() < 0.01
    assert np.ptp(grey[0], axis=-1).max() < 1e-5
    assert np.ptp(develop(colours, dataclasses.replace(COLOUR, saturation=1.5))[0, 3]) > np.ptp(plain[0, 3]) * 1.2


# --- light


def test_a_flat_white_looks_the_same_at_any_highlights() -> None:
    white = np.ones((300, 300, 3), np.float32)
    look = Look(stock=GOLD, grain=0, diffusion_grade=1)
    plain = develop(white, look)
    for stops in (1.0, 5.0):
        assert np.abs(develop(white, dataclasses.replace(look, highlights=stops)) - plain).max() < 2e-3


def test_highlights_make_lamps_glow_and_keep_their_core() -> None:
    night = np.full((400, 400, 3), 0.03, np.float32)
    night[195:205, 195:205] = 1
    look = Look(stock="kodak_gold_200", grain=0, effect_size=2)
    dim, bright = (develop(night, dataclasses.replace(look, highlights=h)) for h in (0.0, 4.0))
    assert bright[191, 200, 0] > dim[191, 200, 0] + 0.1
    assert bright[192, 200, 0] > bright[192, 200, 1] + 0.2  # red-orange
    assert bright[192, 200, 1] > bright[192, 200, 2] + 0.05
    assert (bright[200, 200] >= dim[200, 200] - 1e-3).all()
    assert np.abs(bright[5, 5] - dim[5, 5]).max() < 0.01


@pytest.mark.parametrize(
    "look", [Look(stock=GOLD, effect_size=1.5, diffusion_grade=0.5, grain=0), Look(stock="neutral", grain=0)]
)
def test_a_look_does_not_change_with_resolution(look: Look) -> None:
    """Developed at double size and halved in linear light, against developed at single size."""
    y, x = np.mgrid[0:512, 0:768].astype(np.float32)
    large = np.stack((x / 768, 0.5 + 0.4 * np.sin(y / 30) * np.cos(x / 50), y / 512), -1) * 0.9
    large[200:260, 300:420] = 0.05
    large[220:232, 340:352] = 1.0

    def linear(code: np.ndarray) -> np.ndarray:
        return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)

    def halved(code: np.ndarray) -> np.ndarray:
        light = linear(code).reshape(256, 2, 384, 2, 3).mean((1, 3))
        return np.where(light <= 0.0031308, light * 12.92, 1.055 * light.clip(1e-9) ** (1 / 2.4) - 0.055).astype(np.float32)

    from filmlook.fitting.delta_e import delta_e, to_cielab

    first, second = develop(halved(large), look), halved(develop(large, look))
    difference = delta_e(to_cielab(torch.from_numpy(first).double()), to_cielab(torch.from_numpy(second).double()))
    assert float(difference.mean()) < 1.0


def test_blocks_leave_no_seams() -> None:
    """A smooth picture stays smooth across the lattice: a step at a block's border would stand out."""
    y, x = np.mgrid[0:600, 0:600].astype(np.float32)
    smooth = np.repeat((0.2 + 0.5 * x / 600 * y / 600)[..., None], 3, 2)
    smooth[40:70, 500:540] = 1
    look = Look(stock=GOLD, grain=0, effect_size=3, diffusion="cinebloom", diffusion_grade=1, highlights=3, vignette=0.5)
    out = develop(smooth, look)
    for axis in (0, 1):
        second = np.abs(np.diff(out, 2, axis=axis))
        second = second[150:, :450] if axis == 0 else second[150:, :400]
        lines = second.max(axis=(1 - axis, 2))
        assert lines.max() < 0.002


def test_the_colour_alone_has_nothing_in_space(scene: np.ndarray) -> None:
    display = torch.from_numpy(scene).permute(2, 0, 1)[None] / 255
    out = colour_of(FULL)(display)
    part = colour_of(FULL)(display[..., 100:140, 200:260])
    assert torch.equal(part, out[..., 100:140, 200:260])


def test_grain_is_strongest_in_mid_tones_and_gone_at_the_ends() -> None:
    codes = np.array([0.0, 0.5, 1.0], np.float32)
    strip = np.repeat(np.repeat(codes, 200)[None, :, None], 200, 0).repeat(3, 2)
    look = Look(stock=GOLD, halation=0, sharpness=0, frame="half")
    noise = develop(strip, look) - develop(strip, dataclasses.replace(look, grain=0))
    dark, mid, light = (float(noise[:, 200 * i : 200 * i + 200].std()) * 255 for i in range(3))
    assert mid > 1
    assert dark < 0.35 * mid
    assert light < 0.55 * mid


@pytest.mark.parametrize("name", list_stocks())
def test_full_black_and_paper_white_have_no_grain(name: str) -> None:
    look = Look(stock=name, halation=0, sharpness=0, frame="35mm")
    for code, exposure in ((0.0, 0.0), (1.0, 4.0)):
        flat = np.full((200, 1024, 3), code, np.float32)
        grainy, clean = (develop(flat, dataclasses.replace(look, exposure=exposure, grain=g)) for g in (1, 0))
        # The black of a stock with a print of its own may lie above the film's base, where there is some.
        assert float((grainy - clean).std()) * 255 < (0.2 if load_stock(name).prints.own is None else 0.5)


@pytest.mark.parametrize(("setting", "patch"), [("grain_shadows", 0), ("grain_mids", 1), ("grain_highlights", 2)])
@pytest.mark.parametrize("stock", [GOLD, "neutral"])
def test_grain_by_tone_acts_on_its_tone(setting: str, patch: int, stock: str) -> None:
    codes = np.array([0.12, 0.4663, 0.9], np.float32)
    strip = np.repeat(np.repeat(codes, 150)[None, :, None], 150, 0).repeat(3, 2)
    look = Look(stock=stock, halation=0, sharpness=0)
    clean = develop(strip, dataclasses.replace(look, grain=0))

    def noise(**tones: float) -> np.ndarray:
        return (develop(strip, dataclasses.replace(look, **tones)) - clean).reshape(150, 3, 150, 3).std((0, 2, 3))

    ratio = noise(**{setting: 0.0}) / noise()
    assert ratio[patch] < 0.5
    assert all(r > 0.75 for i, r in enumerate(ratio) if i != patch)


def test_mono_grain_has_no_colour() -> None:
    grey = np.full((200, 200, 3), 0.4663, np.float32)
    look = Look(stock=GOLD, halation=0, sharpness=0)

    def colour_noise(amount: float) -> float:
        out = develop(grey, dataclasses.replace(look, grain_colour=amount))
        out -= out.mean((0, 1))
        return float((out - out.mean(-1, keepdims=True)).std() / out.std((0, 1)).mean())

    assert colour_noise(0) < 0.35 * colour_noise(1)


def test_the_neutral_stock_leaves_colour(scene: np.ndarray) -> None:
    out = develop(scene, Look(stock="neutral")).astype(float)
    assert np.abs(out.mean((0, 1)) - scene.mean((0, 1))).max() < 2
    assert load_stock("neutral").film is None
