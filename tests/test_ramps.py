"""Ramps between the corners of sRGB's cube, on every stock: no step that shows, no lightness that turns back."""

from __future__ import annotations

import itertools

import pytest
import torch

from filmlook import Look, list_stocks, load_stock
from filmlook.engine.colour_only import colour_of
from filmlook.film.scene_light import MID_CODE
from filmlook.fitting.delta_e import delta_e, to_cielab
from filmlook.prints import list_papers

STOCKS = list_stocks()
BLACK, WHITE, GREY = (0.0,) * 3, (1.0,) * 3, (MID_CODE,) * 3
HUES = [c for c in itertools.product((0.0, 1.0), repeat=3) if c not in (BLACK, WHITE)]
SCANNED = [n for n in STOCKS if (s := load_stock(n)).film and s.layers == 3 and s.prints.default == "minilab"]


def ramps(ends: list[tuple[tuple[float, ...], tuple[float, ...]]]) -> torch.Tensor:
    """Codes `(N, 256, 3)` from one end to the other, a code at a time."""
    t = torch.linspace(0, 1, 256)[:, None]
    return torch.stack([torch.tensor(a) + (torch.tensor(b) - torch.tensor(a)) * t for a, b in ends])


def developed(code: torch.Tensor, look: Look) -> torch.Tensor:
    """CIELAB `(N, M, 3)` of codes in a look's colour."""
    return to_cielab(colour_of(look)(code.movedim(-1, 0)[None].contiguous())[0].movedim(0, -1).double())


FROM_BLACK = ramps([(BLACK, h) for h in HUES])
TO_WHITE = ramps([(h, WHITE) for h in HUES])
TO_GREY = ramps([(h, GREY) for h in HUES])
BETWEEN = ramps(list(itertools.combinations(HUES, 2)))
"""From green to magenta the source itself steps by 1.9 where it passes grey."""


@pytest.mark.parametrize("stock", STOCKS)
def test_no_step_along_a_ramp_shows(stock: str) -> None:
    # Between two hues sRGB itself makes steps of 1.9.
    for codes, most in ((torch.cat((FROM_BLACK, TO_WHITE, TO_GREY)), 2.0), (BETWEEN, 2.5)):
        most += 0.15 * (stock == "kodak_ektar_100")  # whose couplers act most
        lab = developed(codes, Look(stock=stock))
        assert delta_e(lab[:, 1:], lab[:, :-1]).max() <= most


@pytest.mark.parametrize("stock", STOCKS)
def test_a_colour_that_gets_more_light_gets_lighter(stock: str) -> None:
    assert developed(FROM_BLACK, Look(stock=stock))[..., 0].diff(dim=1).min() > -0.05


@pytest.mark.parametrize("stock", STOCKS)
def test_a_colour_that_grows_paler_hardly_turns_back(stock: str) -> None:
    film = load_stock(stock).film
    # Where couplers act beyond what was measured, a red layer that begins to see holds green back more than it shows itself.
    strong = film is not None and film.interimage > 1.3
    falls = -developed(TO_WHITE, Look(stock=stock))[..., 0].diff(dim=1).clamp_max(0).sum(1)
    assert falls.max() < (3 if strong else 2.5 if film is None else 1)  # networks know of colours what photographs have


@pytest.mark.parametrize("stock", SCANNED)
def test_a_scan_has_the_colours_of_a_print(stock: str) -> None:
    paper = "fujifilm_crystal_archive_typeii" if stock.startswith("fujifilm") else "kodak_portra_endura"
    assert paper in list_papers()
    full = torch.tensor(HUES)[:, None]
    scan, print_ = (developed(full, Look(stock=stock, print=p))[:, 0] for p in ("minilab", paper))
    assert (scan[:, 0] - print_[:, 0]).abs().max() < 9
    hues = [torch.rad2deg(torch.atan2(lab[:, 2], lab[:, 1])) for lab in (scan, print_)]
    assert ((hues[0] - hues[1] + 180) % 360 - 180).abs().max() < 14  # a lab keeps leaves greener


GREYS = torch.linspace(0, 1, 65)[None, :, None].expand(1, -1, 3)
ENDS = [
    {},
    {"print_exposure": 2},
    {"contrast": 0.5},
    {"contrast": 2},
    {"rating": -2},
    {"rating": 3},
    {"white": 2, "black": 2},
    {"interimage": 0},
    {"interimage": 2},
    {"push": 2},
    {"push": -2},
    {"light_red": 1, "light_green": 1, "light_blue": 1},
    {"light_red": -1, "light_green": -1, "light_blue": -1},
]


@pytest.mark.parametrize("stock", [n for n in STOCKS if (s := load_stock(n)).film and s.layers == 3])
def test_greys_stay_grey_and_in_order_at_every_settings_ends(stock: str) -> None:
    for settings in ENDS:
        look = Look(stock=stock, **settings)
        lab = developed(GREYS, look)[0]
        # Cine film on 2383 is warm over green-blue where its own white and black are asked for.
        assert lab[:, 1:].norm(dim=1).max() < (7.5 if settings.get("white") else 6), settings
        code = colour_of(look)(GREYS.movedim(-1, 0)[None].contiguous())[0, :, 0]
        assert (code.diff(dim=1) * 255).min() > -0.1, settings
