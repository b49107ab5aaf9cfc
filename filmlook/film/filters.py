"""Filters before the lens, and the colour of the light: gains of red, green and blue before the film sees them."""

from __future__ import annotations

import torch
from torch import Tensor

from filmlook.film.negative import Film
from filmlook.film.scene_light import MID_GREY

# What each Kodak Wratten filter, by its published spectrum, lets through of daylight from 592 nm, between, and up to 513 nm.
FILTERS: dict[str, tuple[float, float, float]] = {
    "none": (1.0, 1.0, 1.0),
    "yellow-8": (0.889, 0.867, 0.193),
    "orange-21": (0.895, 0.426, 0.0003),
    "red-25": (0.868, 0.0244, 0.0011),
    "green-11": (0.116, 0.467, 0.180),
    "blue-47": (0.0012, 0.0026, 0.294),
}
_PLANCK_UM = 14388.0  # second radiation constant, um K
_BAND_UM = (0.610, 0.545, 0.455)  # where sRGB's red, green and blue lie, effectively
_LUMA = (0.2126, 0.7152, 0.0722)


def light_balance_gain(mired: float) -> Tensor:
    """What a shift of the light by `mired` multiplies red, green and blue with, `(3,)`; + warms. Luminance of a grey stays.

    Shifted as a Wratten filter shifts it (85 is +112, 80A -131): by a difference of reciprocal colour temperatures. In Wien's
    law such a shift is the same gain at every temperature, so it does not matter what light the film is balanced for.
    """
    bands = torch.tensor(_BAND_UM, dtype=torch.float64)
    gain = torch.exp(-_PLANCK_UM / bands * mired * 1e-6)
    return gain / (gain @ torch.tensor(_LUMA, dtype=torch.float64))


def filter_gain(name: str, film: Film | None) -> Tensor:
    """What a filter multiplies red, green and blue with, `(3,)`, its filter factor given back.

    On black and white a grey keeps its exposure. On colour (and where there is no
    film) a picture takes the filter's colour, and a grey keeps its luminance.

    Raises:
        KeyError: no such filter.
    """
    through = torch.tensor(FILTERS[name], dtype=torch.float64)
    if film is not None and film.layers == 1:
        grey = torch.full((3,), MID_GREY, dtype=torch.float64)
        target, low, high = float(film.layer_exposure(grey)), 0.0, 12.0
        for _ in range(60):  # exposure rises with the gain; square roots keep it from being one division
            gain = (low + high) / 2
            below = float(film.layer_exposure(grey * through * 2**gain)) < target
            low, high = (gain, high) if below else (low, gain)
        return through * 2**high
    return through / (through @ torch.tensor(_LUMA, dtype=torch.float64))


def camera_gain(film: Film | None, filter_name: str = "none", mired: float = 0.0) -> Tensor:
    """Filter and light balance together, `(3,)`. The filter factor is that of the light which comes in."""
    return light_balance_gain(mired) * filter_gain(filter_name, film)
