"""How a look's light spreads: lens, emulsion and base joined to one blur, and lamps' light in a way of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.look import Look
from filmlook.stages.edges import film_transfer, green_layer
from filmlook.stages.halation import reflection_transfer
from filmlook.stages.lens import diffusion_transfer, spherical_transfer
from filmlook.stages.near import Near, near_part
from filmlook.stages.psf import (
    COARSE,
    Each,
    RadialTable,
    WideSpread,
    frequencies,
    gaussian,
    low_pass,
    mirrored,
    period_of,
    sampled_at,
    to_coefficients,
)
from filmlook.stock import Stock

_PLAIN = 0.25
"""Share of diffusion and reflection that light below white gets; that of lamps gets all. Filters and bases glow with what is
far above white; spread as much, a page's white would wash out its letters."""

_SETTINGS = ("softness", "diffusion", "diffusion_grade", "halation", "halation_size", "sharpness", "glow")
"""The settings that say how light spreads; of `highlights` counts whether there are any."""

_ENOUGH, _ENOUGH_OF_LAMPS = 2e-4, 1e-4
"""Of the near parts' error: lamps are far above white, and around them it is dark. With these, pictures are within .02 code on
the mean of those of one transform of the whole, and hardly a sample is off by more than one."""

_MOST_KEPT = (
    2_000_000  # factors: enough for pictures of 6 megapixels; of larger ones they are made anew, a hundredth of the work
)


AddNear = Callable[[Near, Tensor, Tensor], None]


class Spread:
    """Everything that spreads light, joined to one blur, for blocks of one size. Lamps' light may spread in a way of its own.

    Args:
        light: what it does to light of every layer, in cycles/um.
        lamps: what it does to that of lamps; None: there are none.
        pitch_um: of the picture's pixels.
        inner: height and width of what it gives for a block.
    """

    def __init__(self, light: RadialTable, lamps: RadialTable | None, pitch_um: float, inner: tuple[int, int]) -> None:
        self.lamps, self._pitch_um, self._inner = lamps, pitch_um, inner
        self.near = near_part(light, pitch_um, _ENOUGH)
        self.near_lamps = near_part(lamps, pitch_um, _ENOUGH_OF_LAMPS) if lamps else None
        self._parts = [(light, self.near), *([(lamps, self.near_lamps)] if lamps and self.near_lamps else [])]
        self.margin = max(near.reach for _, near in self._parts)
        self.outer = (inner[0] + 2 * self.margin, inner[1] + 2 * self.margin)
        """Height and width of what it reads for a block."""
        self._kept: tuple[tuple[int, int], torch.device, list[tuple[Tensor, Tensor]]] | None = None

    def survey(
        self, coarse: Tensor, lamps: Tensor | None = None, each: Each = map, *, whole: bool = False
    ) -> tuple[WideSpread, Tensor | None]:
        """The wide part, of `coarse_cells` of a picture's light, and of its lamps'; and, if it is asked for, their `whole`
        blur."""
        size = (coarse.shape[-2], coarse.shape[-1])
        period = (period_of(size[0]), period_of(size[1]))
        parts = [part for part in (coarse, lamps) if part is not None]
        factors = self._factors(period, coarse)[: len(parts)]

        def some(layers: slice) -> Tensor:
            spectra = [torch.fft.rfft2(mirrored(cells[:, layers], *period)) for cells in parts]
            blurs = []
            for kind in range(1 + whole):
                told = [own[kind] if len(own[kind]) == 1 else own[kind][layers] for own in factors]
                blur = sum(s * own for s, own in zip(spectra, told, strict=True))
                blurs.append(torch.fft.irfft2(blur, s=period)[..., : size[0], : size[1]])
            return torch.stack(blurs)

        count = coarse.shape[1]
        if coarse.device.type == "cpu":
            layers = list(each(lambda i: some(slice(i, i + 1)), range(count)))
        else:  # where launches cost more than memory
            layers = [some(slice(0, count))]
        light, *spread = (torch.cat([made[kind] for made in layers], 1) for kind in range(1 + whole))  # one outlives the other
        return WideSpread(light), spread[0] if spread else None

    def _factors(self, period: tuple[int, int], like: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What spectra of the coarse grid are multiplied by, `(1 or L, ...)`: of light, and of lamps', the wide part's and the
        whole blur's."""
        kept = self._kept  # once: pictures of another shape, in other threads, bring theirs
        if kept and kept[:2] == (period, like.device):
            return kept[2]
        pitch_um = self._pitch_um
        fy, fx = frequencies(*period, pitch_um * COARSE)
        low = low_pass(torch.hypot(fy, fx) * pitch_um) * to_coefficients(period, pitch_um)
        factors = []
        for transfer, near in self._parts:
            whole = sampled_at(transfer, fy, fx, pitch_um)
            factors.append((((whole - near.transfer(fy * pitch_um, fx * pitch_um)) * low).to(like), whole.to(like)))
        if like.device.type != "cpu" or sum(a.numel() + b.numel() for a, b in factors) <= _MOST_KEPT:  # a GPU does not wait
            self._kept = period, like.device, factors
        return factors

    def inside(self, field: Tensor) -> Tensor:
        """What it gives for a block, out of a field as it is read."""
        return field[..., self.margin : self.margin + self._inner[0], self.margin : self.margin + self._inner[1]]

    def __call__(
        self,
        field: Tensor,
        lamps: Tensor | None,
        wide: WideSpread,
        corners: Sequence[tuple[int, int]],
        add_near: AddNear = Near.add_to,
    ) -> Tensor:
        """Light and lamps' light `B,L,H,W` of the outer size to `B,L,h,w` of the inner; `corners` are where the inner ones
        begin, `add_near` does what `Near.add_to` does."""
        parts = [wide(y, x, *self._inner) for y, x in corners]
        spread = parts[0].unsqueeze(0) if len(parts) == 1 else torch.stack(parts)  # one block needs no copy
        add_near(self.near, spread, self._around(field, self.near))
        if lamps is not None and self.near_lamps:
            for i in range(len(corners)):
                self._add_lamps(spread[i : i + 1], self._around(lamps[i : i + 1], self.near_lamps), self.near_lamps, add_near)
        return spread

    def _around(self, field: Tensor, near: Near) -> Tensor:
        """A field as a near part reads it, out of one as it is read."""
        spare = self.margin - near.reach
        return field[..., spare : field.shape[-2] - spare, spare : field.shape[-1] - spare]

    @staticmethod
    def _add_lamps(spread: Tensor, lamps: Tensor, near: Near, add_near: AddNear) -> None:
        """Adds the near part of one block's lamps, which are few: around them, that is all that there is."""
        shine = lamps.amax((0, 1))
        box = []
        for axis, size in ((1, spread.shape[2]), (0, spread.shape[3])):
            at = shine.amax(axis).nonzero()[:, 0]
            first, last = (max(0, int(at[0]) - 2 * near.reach), min(size, int(at[-1]) + 1)) if len(at) else (0, 0)
            if first >= last:
                return
            box.append((first, last))
        (top, bottom), (left, right) = box
        around = lamps[..., top : bottom + 2 * near.reach, left : right + 2 * near.reach]
        add_near(near, spread[..., top:bottom, left:right], around)


def spread_of(stock: Stock, look: Look, pitch_um: float, inner: tuple[int, int]) -> Spread | None:
    """The blur of blocks of one size (see `Spread`), kept for the next look that spreads light alike; None: nothing spreads."""
    spreading = {key: getattr(look, key) for key in _SETTINGS}
    light, lamps = _transfers(stock, Look(**spreading, highlights=float(look.highlights > 0)))
    return _spread(light, lamps, pitch_um, inner) if light else None


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
        if look.glow:
            factors = factors * spherical_transfer(frequency, look.glow)
        return factors * gaussian(frequency, look.softness) if look.softness else factors

    def plain(frequency: Tensor) -> Tensor:
        factors = film(frequency)[green : green + 1]
        return factors * (1 - _PLAIN + _PLAIN * veil(frequency)[green : green + 1]) if veiled else factors

    if not veiled:
        return RadialTable(plain) if look.sharpness or look.softness or look.glow else None, None
    if not look.highlights and stock.antihalation != "none":  # lamps that are no brighter than white, on a base that eats halos
        return RadialTable(plain), None
    return RadialTable(plain), RadialTable(lambda f: film(f) * veil(f))
