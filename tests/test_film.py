"""The film alone: its greys, its couplers, its push, and what its file may not say."""

import json
import math
from pathlib import Path

import pytest
import torch

from filmlook.errors import StockFileError
from filmlook.film.filters import FILTERS, camera_gain, filter_gain
from filmlook.film.negative import Film
from filmlook.film.scene_light import MID_GREY

FOLDER = Path(__file__).resolve().parents[1] / "models" / "stocks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json") if path.stem != "neutral")

UNLIKE_ITS_SHEET = ("cinestill_800t", "fujifilm_classic_negative")  # another process; no film, and a kin's sheet


def numbers(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


BLACK_AND_WHITE = [name for name in NAMES if len(numbers(name)["curve"]["base"]) == 1]


def greys(low: float, high: float, count: int = 65) -> torch.Tensor:
    """Scene light from `low` to `high` stops around mid-grey."""
    return (MID_GREY * 2 ** torch.linspace(low, high, count).double())[:, None].expand(-1, 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("interimage", [0.0, 1.0, 2.0])
def test_greys_follow_the_published_curve_whatever_the_couplers(name: str, interimage: float) -> None:
    film = Film.from_dict(numbers(name))
    log_exposure = torch.log10(greys(-3, 4)[:, :1]) + film.grey_offsets()
    published = film.curve(log_exposure)
    made = film.develop(interimage).density(log_exposure)
    assert (made - published).abs().max() < 2e-4


@pytest.mark.parametrize("name", NAMES)
def test_greys_are_monotone_and_a_slide_clears_where_it_is_exposed(name: str) -> None:
    film = Film.from_dict(numbers(name))
    density = film.develop()(greys(-3, 4))
    step = density.diff(dim=0)
    assert bool((step > -1e-6).all() if film.kind == "negative" else (step < 1e-6).all())
    if film.kind == "reversal":
        assert density[-1].max() < 0.1 * film.dmax().min()
        assert (film.develop()(greys(-7, -6, 2))[0] > 0.95 * film.dmax()).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_slope_of_a_negative_is_the_datasheets_within_an_eighth(name: str) -> None:
    data = numbers(name)
    film = Film.from_dict(data)
    if film.kind == "reversal" or name in UNLIKE_ITS_SHEET:
        return
    gamma = torch.tensor(data["published"]["gamma"]).double()
    assert ((film.status_gamma() / gamma - 1).abs() < 0.125).all()


def test_interimage_makes_colours_more_vivid_and_leaves_greys() -> None:
    film = Film.from_dict(numbers("kodak_portra_400"))
    red = torch.tensor([[0.4, 0.15, 0.1]]).double()
    spread = [float(film.develop(i)(red).max() - film.develop(i)(red).min()) for i in (0.0, 1.0, 2.0)]
    assert spread[0] < spread[1] < spread[2]
    assert film.coupling(2.0).sum(1).tolist() == pytest.approx(film.coupling(0.0).sum(1).tolist())


def test_a_push_steepens_and_a_pull_softens() -> None:
    film = Film.from_dict(numbers("kodak_portra_800"))
    around = greys(-1.5, 1.5, 3)
    rise = [float((film.develop(push=p)(around)[2] - film.develop(push=p)(around)[0]).mean()) for p in (-1, 0, 1, 2)]
    assert rise[0] < rise[1] < rise[2] < rise[3]
    assert rise[2] - rise[1] > rise[3] - rise[2], "each further stop does less"


@pytest.mark.parametrize("name", NAMES)
def test_greys_stay_monotone_however_hard_a_film_is_pushed_or_pulled(name: str) -> None:
    film = Film.from_dict(numbers(name))
    for push in (-4, -2, 2, 4):
        step = film.develop(push=push)(greys(-4, 5, 400)).diff(dim=0)
        assert bool((step > -1e-6).all() if film.kind == "negative" else (step < 1e-6).all())


def test_a_push_moves_every_colour_one_way() -> None:
    film = Film.from_dict(numbers("kodak_portra_800"))
    light = torch.tensor([[0.5, 0.1, 0.1], [0.1, 0.4, 0.1], [0.1, 0.1, 0.5], [0.6, 0.5, 0.1], [0.02, 0.03, 0.02]]).double()
    pushes = (-4, -3, -2, -1, 0, 1, 2, 3, 4)
    spread = torch.stack([(film.develop(push=p)(light) - film.develop(push=p).grey()).norm(dim=1) for p in pushes])
    assert bool((spread.diff(dim=0) > 0).all())
    assert bool((film.coupling(push=4.0).fill_diagonal_(0) >= 0).all()), "no layer speeds its neighbours up"


@pytest.mark.parametrize("name", BLACK_AND_WHITE)
@pytest.mark.parametrize("filter_name", list(FILTERS))
def test_a_filter_keeps_mid_grey_on_black_and_white(name: str, filter_name: str) -> None:
    film = Film.from_dict(numbers(name))
    grey = torch.full((3,), MID_GREY).double()
    assert float(film.layer_exposure(grey * camera_gain(film, filter_name)) / film.layer_exposure(grey)) == pytest.approx(
        1, abs=1e-6
    )


@pytest.mark.parametrize("name", BLACK_AND_WHITE)
def test_black_and_white_film_sees_every_colour_and_greys_as_its_speed_says(name: str) -> None:
    film = Film.from_dict(numbers(name))
    colours = torch.eye(3).double() * MID_GREY
    assert bool((film.layer_exposure(colours) > 0.05 * film.layer_exposure(colours.sum(0))).all())
    # ISO speed puts a density of .1 one log unit, 3.3 stops, below mid-grey. P3200 is a film of about 1000, exposed as 3200.
    low, high = (-2.6, -1.2) if name == "kodak_tmax_p3200" else (-4.2, -2.6)
    assert float(film.develop()(greys(low, low, 1))) < 0.1 < float(film.develop()(greys(high, high, 1)))


def test_black_and_white_films_differ_in_what_they_see_of_red() -> None:
    red = torch.tensor([0.5, 0.05, 0.05]).double()
    seen = {n: float(Film.from_dict(numbers(n)).layer_exposure(red)) for n in BLACK_AND_WHITE}
    assert seen["fujifilm_neopan_acros_100_ii"] > 1.15 * seen["kodak_tmax_100"]


def test_a_red_filter_darkens_the_sky_and_warm_light_warms() -> None:
    film = Film.from_dict(numbers("kodak_tri_x_400"))
    sky = torch.tensor([0.15, 0.25, 0.5]).double()
    plain, red = film.layer_exposure(sky), film.layer_exposure(sky * filter_gain("red-25", film))
    assert float(red / plain) < 0.6
    colour = Film.from_dict(numbers("kodak_gold_200"))
    warm, cool = camera_gain(colour, mired=112), camera_gain(colour, mired=-112)
    assert warm[0] > 1 > warm[2]
    assert cool[0] < 1 < cool[2]


BREAKS = {
    "kind": (lambda d: d.update(kind="positive"), "'kind' is 'positive'; allowed: negative, reversal"),
    "falling": (lambda d: d.update(kind="reversal"), "'curve' of a reversal film has to fall"),
    "shape": (lambda d: d.update(sensitivity=[[1, 2, 3]]), r"'sensitivity' has shape \(1, 3\), expected 3 x 3"),
    "missing": (lambda d: d.pop("dmin"), "'dmin' is missing"),
    "not finite": (lambda d: d["curve"]["centre"][0].__setitem__(0, math.inf), "not finite"),
    "too strong": (lambda d: d.update(inhibition=[[3.0] * 3] * 3), "'inhibition' is so strong"),
    "interimage": (lambda d: d.update(interimage="much"), "'interimage' is 'much'"),
    "flare": (lambda d: d.update(flare=[-0.1, 0, 0]), "'flare' holds a number below 0"),
    "no curve": (lambda d: d.update(curve=[1, 2]), "'curve' is missing or not a curve"),
}


@pytest.mark.parametrize("what", list(BREAKS))
def test_a_wrong_file_is_told_what_is_wrong(what: str) -> None:
    data = numbers("kodak_gold_200")
    Film.from_dict(data)
    change, message = BREAKS[what]
    change(data)
    with pytest.raises(StockFileError, match=message):
        Film.from_dict(data)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_survive_their_file(name: str) -> None:
    film = Film.from_dict(numbers(name))
    again = Film.from_dict(json.loads(json.dumps(film.to_dict())))
    light = torch.rand(20, 3, generator=torch.Generator().manual_seed(1)).double()
    assert torch.equal(film.develop()(light), again.develop()(light))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_where_it_comes_from(name: str) -> None:
    data = numbers(name)
    for key in ("sources", "credit", "licence", "measured", "judged"):
        assert data[key], key
    if "spektrafilm" in data["credit"]:
        assert data["licence"] == "CC BY-SA 4.0"
