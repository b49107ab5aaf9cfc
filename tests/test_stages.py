"""The stages alone, against the laws they follow and the numbers that are published."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from filmlook import Stock, load_stock
from filmlook.engine.spreading import Spread, spread_of
from filmlook.film.scene_light import display_code, scene_light
from filmlook.look import Look
from filmlook.stages.darkroom import film_view
from filmlook.stages.emulsion import emulsion
from filmlook.stages.grain import grain, white_noise
from filmlook.stages.granularity import correlation
from filmlook.stages.halation import halation
from filmlook.stages.lens import diffusion, scattered_share, vignette
from filmlook.stages.print import print_
from filmlook.stages.psf import (
    COARSE_MARGIN,
    RadialTable,
    coarse_cells,
    exponential,
    gaussian,
    mirror_index,
    spread,
)

GOLD = "kodak_gold_200"


def point(size: int = 401, channels: int = 3) -> tuple[Tensor, Tensor]:
    """A point source, and each pixel's distance from it in pixels."""
    image = torch.zeros(1, channels, size, size)
    image[..., size // 2, size // 2] = 1
    axis = torch.arange(size, dtype=torch.float32) - size // 2
    return image, torch.hypot(axis[:, None], axis[None])


# --- scene light


def test_scene_light_keeps_mid_grey_and_gives_white_its_light() -> None:
    code = torch.tensor([0.0, 0.4663, 1.0])
    assert scene_light(code).tolist() == pytest.approx([0, 0.184, 1.69], abs=0.005)
    ramp = torch.linspace(0, 1, 256)
    assert torch.allclose(display_code(scene_light(ramp)), ramp, atol=1e-6)
    assert (scene_light(ramp).diff() > 0).all()


# --- halation


@pytest.mark.parametrize(
    ("name", "layer", "beyond"),
    [("weak", 0, (0.081, 0.033, 0.0048)), ("strong", 0, (0.035, 0.0068, 0.0010)), ("none", 0, (0.204, 0.102, 0.015))],
)
def test_halation_spreads_what_is_published_and_keeps_the_light(name: str, layer: int, beyond: tuple[float, ...]) -> None:
    stock = dataclasses.replace(load_stock(GOLD), antihalation=name, frame="35mm")
    light, distance = point()
    glow = halation(light, stock, pitch_um=2.0)
    assert glow.sum((2, 3)).flatten().tolist() == pytest.approx([1, 1, 1], abs=1e-3)
    energy = [float(glow[0, layer][distance * 2 > um].sum()) for um in (50, 100, 200)]
    assert energy == pytest.approx(beyond, rel=0.1)


def test_the_halo_of_a_white_light_is_red_orange() -> None:
    light, distance = point()
    glow = halation(light, load_stock(GOLD), pitch_um=2.0)
    red, green, blue = (float(glow[0, i][(distance * 2 > 80) & (distance * 2 < 250)].sum()) for i in range(3))
    assert red > 2.5 * green > 2.5 * blue


def test_halation_leaves_a_flat_field_flat_up_to_the_border() -> None:
    flat = torch.full((1, 3, 60, 90), 0.7)
    assert torch.allclose(halation(flat, load_stock(GOLD), pitch_um=35.0), flat, atol=1e-5)


def test_halation_size_moves_the_glow_outwards_and_amount_0_is_skipped() -> None:
    stock, (light, distance) = load_stock(GOLD), point()
    far = [float(halation(light, stock, pitch_um=2.0, size=s)[0, 0][distance * 2 > 150].sum()) for s in (0.5, 1, 2)]
    assert far[0] < far[1] < far[2]
    assert halation(light, stock, pitch_um=2.0, amount=0) is light


# --- lens


@pytest.mark.parametrize("family", ["glimmerglass", "black-pro-mist", "pro-mist", "cinebloom"])
def test_a_diffusion_filter_spreads_its_share_and_loses_nothing(family: str) -> None:
    light, distance = point(301)
    out = diffusion(light, family, 0.5, pitch_um=20.0)
    assert float(out[0, 0].sum()) == pytest.approx(1, abs=1e-3)
    assert 1 - scattered_share(family, 0.5) <= float(out[0, 0, 150, 150]) < 1
    assert (out > -1e-6).all()
    assert float(out[0, 0][distance > 20].sum()) > 0.005


def test_stronger_grades_scatter_more_and_grade_0_nothing() -> None:
    shares = [scattered_share("black-pro-mist", g) for g in (0, 0.05, 0.125, 0.2, 0.5, 1, 1.5, 2)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert scattered_share("black-pro-mist", 0.5) == pytest.approx(0.35 * 0.75)


def test_a_vignette_loses_two_stops_in_the_corner() -> None:
    out = vignette(torch.ones(1, 3, 200, 300), 1.0)
    assert float(out[0, 0, 99:101, 149:151].mean()) == pytest.approx(1, abs=1e-3)
    assert float(out[0, 0, 0, 0]) == pytest.approx(0.25, abs=0.01)


# --- spread


@pytest.mark.parametrize("length_um", [20.0, 150.0, 900.0])
def test_near_and_wide_parts_make_up_the_whole_blur(length_um: float) -> None:
    """What blocks do, put together over one block, against one transform of the whole."""
    torch.manual_seed(0)
    size, pitch_um = 256, 35.0
    field = torch.rand(1, 1, size, size) ** 8 * 5

    def transfer(f: Tensor) -> Tensor:
        return (0.5 * exponential(f, length_um) + 0.5 * gaussian(f, length_um / 3)).unsqueeze(0)

    whole = spread(field, transfer, pitch_um)
    assert float((_in_parts(field, Spread(RadialTable(transfer), None, pitch_um, (size, size))) - whole).abs().max()) < 0.02


def _in_parts(field: Tensor, blur: Spread) -> Tensor:
    """A whole picture `1,L,H,W`, blurred as one block is."""
    cells, outer = (_mirrored_around(field, margin) for margin in (COARSE_MARGIN, blur.margin))
    wide, _ = blur.survey(coarse_cells(cells))
    return blur(outer, None, wide, [(0, 0)])


def _mirrored_around(field: Tensor, margin: int) -> Tensor:
    rows, columns = (mirror_index(-margin, size + 2 * margin, size) for size in field.shape[2:])
    return field.index_select(2, rows).index_select(3, columns)


@pytest.mark.parametrize("pitch_um", [4.0, 8.8, 17.6, 35.2, 70.0])
@pytest.mark.parametrize("settings", [{}, {"diffusion_grade": 2, "diffusion": "cinebloom", "highlights": 4}, {"softness": 20}])
def test_what_is_near_is_a_point_and_gaussians(settings: dict[str, Any], pitch_um: float) -> None:
    blur = spread_of(load_stock(GOLD), Look(**settings), pitch_um, (32, 32))
    assert blur
    for near in (blur.near, blur.near_lamps):
        if near is None:
            continue
        field = torch.zeros(1, 3, 64 + 2 * near.reach, 64 + 2 * near.reach)
        field[..., near.reach + 32, near.reach + 32] = 1
        near.add_to(spot := torch.zeros(1, 3, 64, 64), field)
        assert float(spot.min()) > -0.002
        assert float(spot.sum((2, 3)).max()) < 1.05  # and the rest is the wide part
        cycles = torch.fft.rfftfreq(64, dtype=torch.float64)
        passed = near.transfer(cycles[:, None], cycles[None]).abs().expand(3, -1, -1)
        assert torch.allclose(torch.fft.rfft2(spot[0].double()).abs()[:, :33], passed, atol=1e-5)


@pytest.mark.parametrize("highlights", [0, 3])
@pytest.mark.parametrize("pitch_um", [8.8, 17.6, 35.2])
def test_a_lamp_in_the_dark_spreads_as_one_transform_would_spread_it(pitch_um: float, highlights: float) -> None:
    """To a third of a code or so where it falls off, and without rings: Gaussians leave over what a transform does not."""
    look = Look(stock="cinestill_800t", diffusion_grade=0.5, highlights=highlights)
    blur = spread_of(load_stock(look.stock), look, pitch_um, (256, 256))
    assert blur
    assert blur.lamps
    lamps = torch.zeros(1, 3, 256, 256)
    for y, x, size, light in ((40, 50, 1, 60), (80, 190, 3, 14), (190, 60, 8, 14), (180, 180, 20, 14)):
        lamps[..., y : y + size, x : x + size] = light
    ground = torch.full_like(lamps, 0.01)
    dark = (_mirrored_around(field, COARSE_MARGIN) for field in (ground, lamps))
    wide, _ = blur.survey(*(coarse_cells(field) for field in dark))
    made = blur(*(_mirrored_around(field, blur.margin) for field in (ground, lamps)), wide, [(0, 0)])
    whole = ground + spread(lamps, blur.lamps, pitch_um)
    off = (made.clamp_min(1e-5).log10() - whole.log10()).abs()
    assert float(off.mean()) < 0.002
    assert float(off.max()) < 0.03


def test_light_below_white_gets_a_quarter_of_the_glow_that_lamps_get() -> None:
    blur = spread_of(load_stock(GOLD), Look(halation=1, diffusion_grade=1, highlights=2), 35.0, (256, 256))
    assert blur
    cells = torch.zeros(1, 3, 64, 64)
    cells[..., 32, 32] = 1
    _, plain = blur.survey(cells, whole=True)
    _, lamps = blur.survey(torch.zeros_like(cells), cells, whole=True)
    assert plain is not None
    assert lamps is not None
    far = (plain[0, 1, 32, 40:50] / lamps[0, 1, 32, 40:50]).tolist()  # 32 pixels and more away
    assert all(0.24 < share < 0.3 for share in far), far  # what the emulsion scatters is the same


def test_halation_takes_no_more_light_from_a_pixel_than_there_is() -> None:
    blur = spread_of(load_stock(GOLD), Look(halation=2, sharpness=0), 4.0, (64, 64))
    assert blur
    spot = torch.zeros(1, 3, 64, 64)
    spot[..., 30:33, 30:33] = 1
    assert float(_in_parts(spot, blur)[..., 31, 31].min()) > 0.1


def test_of_lamps_nothing_is_lost_where_their_light_ends() -> None:
    """Only what is around them is worked on."""
    blur = spread_of(load_stock("cinestill_800t"), Look(diffusion_grade=1, highlights=3), 8.8, (256, 256))
    assert blur
    assert blur.near_lamps
    margin, dark = blur.margin, torch.zeros(1, 3, *blur.outer)
    lamps = dark.clone()
    lamps[..., margin + 128, margin + 120 : margin + 130] = 1000
    wide, _ = blur.survey(torch.zeros(1, 3, 64, 64))
    blur.near_lamps.add_to(whole := torch.zeros(1, 3, 256, 256), blur._around(lamps, blur.near_lamps))
    assert torch.equal(blur(dark, lamps, wide, [(0, 0)]) != 0, whole != 0)


def test_what_spreads_no_further_than_its_pixel_is_not_blurred() -> None:
    blur = Spread(RadialTable(lambda f: gaussian(f, 0.01)[None]), None, 35.0, (64, 64))
    assert blur.near.reach == 0
    field = torch.rand(1, 3, 64, 64)
    assert torch.allclose(_in_parts(field, blur), field, atol=2e-3)


def test_pictures_of_two_shapes_may_share_a_blur_at_once() -> None:
    """Upright and lying ones of a size have one pitch, and so one blur; each has the factors of its own shape."""
    blur = Spread(RadialTable(lambda f: gaussian(f, 30.0)[None]), None, 35.0, (64, 64))
    lying, upright, like = (12, 20), (20, 12), torch.zeros(1)

    class AnotherComesInBetween:
        @property
        def device(self) -> torch.device:
            blur._factors(upright, like)
            return like.device

    blur._factors(lying, like)
    [(wide, _)] = blur._factors(lying, cast(Tensor, AnotherComesInBetween()))
    assert wide.shape[-2:] == (12, 11)


def test_mirrored_indices_reflect_for_ever() -> None:
    assert mirror_index(-4, 12, 3).tolist() == [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]


# --- emulsion


def _neutral(stock: Stock, stops: Tensor) -> Tensor:
    """log10 layer exposure `1,L,1,N` of greys, in stops around mid-grey."""
    return (math.log10(0.184) + stops.double() * math.log10(2) + stock.film.grey_offsets()[:, None])[None, :, None].float()


@pytest.mark.parametrize("name", [GOLD, "fujifilm_velvia_100", "kodak_tri_x_400"])
def test_density_follows_exposure(name: str) -> None:
    stock = load_stock(name)
    density = emulsion(_neutral(stock, torch.linspace(-8, 6, 400)), stock)
    rising = density.diff(dim=-1) * (1 if stock.kind == "negative" else -1)
    assert (rising > -2e-3).all()
    assert (rising.sum(-1) > 0.9).all()


def test_the_fast_tables_agree_with_the_model() -> None:
    stock = load_stock(GOLD)
    stops = torch.linspace(-8, 5, 333)
    density = emulsion(_neutral(stock, stops), stock)
    exact = stock.film.develop()(0.184 * 2 ** stops.double()[:, None].expand(-1, 3))
    assert torch.allclose(density[0, :, 0].T.double(), exact, atol=2e-4)


@pytest.mark.parametrize("name", [GOLD, "fujifilm_velvia_100", "kodak_double_x_5222"])
def test_push_steepens_a_film(name: str) -> None:
    stock, stops = load_stock(name), torch.tensor([-1.0, 1.0])
    frames = [emulsion(_neutral(stock, stops), stock, Look(push=p)) for p in (-4, -2, 0, 2, 4)]
    slopes = torch.stack([(f[..., 1] - f[..., 0]).abs().flatten() for f in frames])
    assert (slopes.diff(dim=0) > 0.01).all()


def test_a_rated_film_is_denser_and_its_print_as_light() -> None:
    stock = load_stock(GOLD)
    grey = _neutral(stock, torch.zeros(1))
    densities, codes = [], []
    for rating in (-2.0, 0.0, 1.0, 3.0):
        look = Look(rating=rating)
        densities.append(emulsion(grey, stock, look))
        codes.append(print_(densities[-1], stock, look))
    assert (torch.cat(densities).diff(dim=0) > 0.1).all()
    assert (torch.cat(codes) - codes[1]).abs().max() * 255 < 2


# --- grain


def _aperture(pitch_um: float) -> Tensor:
    """A round 48 um aperture on the pixel grid, sum 1."""
    subsamples = 16
    cells = math.ceil(24 / pitch_um)
    axis = (torch.arange((2 * cells + 1) * subsamples) + 0.5) / subsamples - cells - 0.5
    disc = (torch.hypot(axis[:, None], axis[None]) * pitch_um <= 24 + 1e-6).float()
    disc = torch.nn.functional.avg_pool2d(disc[None, None], subsamples)
    return disc / disc.sum()


@pytest.mark.parametrize("pitch_um", [6.0, 2.0])
@pytest.mark.parametrize("name", [GOLD, "kodak_vision3_500t", "fujifilm_velvia_100", "kodak_tri_x_400"])
def test_an_aperture_reads_the_published_granularity(name: str, pitch_um: float) -> None:
    stock = load_stock(name)
    flat = _net_density(stock, 1.0, 400)
    noise = grain(flat, stock, pitch_um=pitch_um, seed=1) - flat
    seen = torch.nn.functional.conv2d(noise.transpose(0, 1), _aperture(pitch_um))
    assert (1000 * seen.std((1, 2, 3))).tolist() == pytest.approx(stock.granularity, rel=0.05)


def _net_density(stock: Stock, net: float, size: int) -> Tensor:
    return torch.full((1, stock.layers, size, size), net)


@pytest.mark.parametrize("pitch_um", [35.0, 60.0])
def test_large_pixels_follow_selwyns_law(pitch_um: float) -> None:
    stock = load_stock(GOLD)
    flat = _net_density(stock, 1.0, 400)
    noise = (grain(flat, stock, pitch_um=pitch_um, seed=2) - flat)[0]
    assert (1000 * noise.std((1, 2)) * pitch_um / 42.5).tolist() == pytest.approx(stock.granularity, rel=0.05)


@pytest.mark.parametrize("pitch_um", [35.0, 6.0])
def test_grain_leaves_the_mean_density(pitch_um: float) -> None:
    stock = load_stock(GOLD)
    for net in (0.2, 0.6, 1.0):
        flat = _net_density(stock, net, 600)
        out = grain(flat, stock, pitch_um=pitch_um, seed=3)
        assert (out.mean((0, 2, 3)) / flat.mean((0, 2, 3))).tolist() == pytest.approx([1, 1, 1], abs=0.002)


def test_grain_is_gone_where_nothing_is_developed() -> None:
    stock = load_stock(GOLD)
    bare = _net_density(stock, 0.0, 200)
    assert float((grain(bare, stock, pitch_um=12.0, seed=1) - bare).std()) < 1e-3


def test_small_film_shows_clumps_and_large_pixels_do_not() -> None:
    stock = load_stock(GOLD)

    def neighbours(pitch_um: float, size: float = 1.0) -> float:
        flat = _net_density(stock, 1.0, 300)
        n = (grain(flat, stock, pitch_um=pitch_um, seed=4, size=size) - flat)[0, 1]
        return float((n[:, 1:] * n[:, :-1]).mean() / n.var())

    assert abs(neighbours(35.0)) < 0.08
    assert neighbours(6.0) > 0.1
    assert neighbours(2.0) > 0.7
    assert neighbours(6.0, size=3.0) == pytest.approx(neighbours(2.0), abs=0.03)


@pytest.mark.parametrize("pitch_um", [12.0, 3.0, 0.7])
def test_grain_knows_where_it_is(pitch_um: float) -> None:
    """A crop at its own place gets the grain of the whole, at every lattice."""
    stock = load_stock(GOLD)
    flat = _net_density(stock, 0.8, 160)
    whole = grain(flat, stock, pitch_um=pitch_um, seed=9, frame=2)
    part = grain(flat[..., 37:101, 50:130], stock, pitch_um=pitch_um, seed=9, frame=2, origin=(37, 50))
    assert torch.allclose(part, whole[..., 37:101, 50:130], atol=2e-6)


def test_seeds_and_frames_give_other_grain_and_layers_their_own() -> None:
    stock = load_stock(GOLD)
    flat = _net_density(stock, 1.0, 200)

    def noise(**key: int) -> np.ndarray:
        return (grain(flat, stock, pitch_um=35, **{"seed": 1, **key}) - flat)[0].reshape(3, -1).numpy()

    own = noise()
    assert (own == noise()).all()
    others = [noise(seed=2), noise(seed=1 + 2**32), noise(frame=1), noise(seed=-1)]
    for other in others:
        assert abs(np.corrcoef(own[0], other[0])[0, 1]) < 0.02
    together = np.corrcoef(own)[[0, 0, 1], [1, 2, 2]]
    assert together.tolist() == pytest.approx([correlation(stock)] * 3, abs=0.03)


def test_white_noise_is_white_and_normal() -> None:
    noise = white_noise(-100, -50, 512, 512, 7, 4, torch.device("cpu"))
    assert noise.std((1, 2)).tolist() == pytest.approx([1] * 4, abs=0.01)
    assert float((noise**4).mean()) == pytest.approx(3, abs=0.05)
    power = torch.fft.rfft2(noise).abs().pow(2)[:, 1:200, 1:200] / 512**2
    bands = torch.nn.functional.avg_pool2d(power, 33).flatten()
    assert float(bands.max() / bands.min()) < 1.3


# --- print


@pytest.mark.parametrize("name", [GOLD, "kodak_vision3_500t", "fujifilm_velvia_100", "kodak_tri_x_400"])
def test_the_print_of_the_model_is_the_models(name: str) -> None:
    stock = load_stock(name)
    light = torch.rand(200, 3, generator=torch.Generator().manual_seed(1)).double()
    for look in (Look(stock=name), Look(stock=name, print_exposure=0.3, white=1, contrast=1.2)):
        view, shift = film_view(stock, look)
        density = stock.film.develop().density(torch.log10(stock.film.layer_exposure(light)) + shift)
        exact = view(density).expand(-1, 3).clamp(0, 1)
        code = print_(density.T.float()[None, :, :, None], stock, look)
        assert torch.allclose(code[0, :, :, 0].T.double(), exact, atol=1e-3)


def test_toning_colours_the_mid_tones_of_black_and_white_only() -> None:
    stock = load_stock("kodak_tri_x_400")
    density = emulsion(_neutral(stock, torch.tensor([-12.0, 0.0])), stock)
    plain, sepia = (print_(density, stock, Look(stock=stock.name, toning=t))[0, :, 0] for t in ("none", "sepia"))
    assert float((plain[0] - plain[2]).abs().max()) < 1e-6
    assert float(sepia[0, 1] - sepia[2, 1]) > 0.05
    colour = load_stock(GOLD)
    density = emulsion(_neutral(colour, torch.tensor([0.0])), colour)
    assert torch.equal(print_(density, colour, Look(toning="sepia")), print_(density, colour, Look()))
