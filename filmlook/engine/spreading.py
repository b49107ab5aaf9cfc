"""How a look's light spreads: lens, emulsion and base joined to one blur, and lamps' light in a way of its own."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from filmlook.look import Look
from filmlook.stages.edges import film_transfer, green_layer
from filmlook.stages.halation import reflection_transfer
from filmlook.stages.lens import diffusion_transfer
from filmlook.stages.psf import RadialTable, Spread, gaussian
from filmlook.stock import Stock

_PLAIN = 0.25
"""Share of diffusion and reflection that light below white gets; that of lamps gets all. Filters and bases glow with what is
far above white; spread as much, a page's white would wash out its letters."""

_SETTINGS = ("softness", "diffusion", "diffusion_grade", "halation", "halation_size", "sharpness")
"""The settings that say how light spreads; of `highlights` counts whether there are any."""


def spread_of(stock: Stock, look: Look, pitch_um: float, inner: tuple[int, int], device: torch.device) -> Spread | None:
    """The blur of blocks of one size (see `Spread`), kept for the next look that spreads light alike; None: nothing spreads."""
    spreading = {key: getattr(look, key) for key in _SETTINGS}
    light, lamps = _transfers(stock, Look(**spreading, highlights=float(look.highlights > 0)))
    return _spread(light, lamps, pitch_um, inner, device) if light else None


_spread = lru_cache(maxsize=6)(Spread)


@lru_cache(maxsize=6)
def _transfers(stock: Stock, look: Look) -> tuple[RadialTable | None, RadialTable | None]:
    """Everything that spreads light, and that of lamps, as functions of frequency; they are the same for every size. None:
    nothing spreads, or lamps' light as all other, which takes half the time.

    Plain light spreads alike in all layers: on greys a layer's own halo would colour every edge.
    """
    veiled, green = bool(look.halation or look.diffusion_grade), green_layer(stock.layers)

    def veil(frequency: Tensor) -> Tensor:
        factors = reflection_transfer(frequency, stock, look.halation, look.halation_size)
        if look.diffusion_grade:
            factors = factors * diffusion_transfer(frequency, look.diffusion, look.diffusion_grade)
        return factors

    def film(frequency: Tensor) -> Tensor:
        factors = film_transfer(frequency, stock, look.sharpness, min(look.halation, 1.0))
        return factors * gaussian(frequency, look.softness) if look.softness else factors

    def plain(frequency: Tensor) -> Tensor:
        factors = film(frequency)[green : green + 1]
        return factors * (1 - _PLAIN + _PLAIN * veil(frequency)[green : green + 1]) if veiled else factors

    if not veiled:
        return RadialTable(plain) if look.sharpness or look.softness else None, None
    if not look.highlights and stock.antihalation != "none":  # lamps that are no brighter than white, on a base that eats halos
        return RadialTable(plain), None
    return RadialTable(plain), RadialTable(lambda f: film(f) * veil(f))
