"""The way of the light through one picture, in blocks.

Work runs on one fixed lattice of blocks in picture coordinates; a block reads its margins from the picture, so the result
is that of the whole. Blurs wider than the margins come from a coarse grid of the whole picture (`stages.spread`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

from filmlook.engine.colour_map import Layerless
from filmlook.engine.metering import ExposureLock, Shot
from filmlook.engine.pixels import Pixels
from filmlook.engine.threads import side_by_side, thread_count
from filmlook.film.curve import mix
from filmlook.film.scene_light import WHITE_LIGHT
from filmlook.look import FRAMES_MM, Look
from filmlook.stages.emulsion import (
    NEAR_SHARE,
    NEAR_UM,
    Emulsion,
    far_inhibitor_transfer,
    film_transfer,
    inhibitor_transfer,
)
from filmlook.stages.grain import Grain, noise_key
from filmlook.stages.halation import halation_transfer
from filmlook.stages.lens import diffusion_transfer, highlight_gain, vignette_factor
from filmlook.stages.print import Print
from filmlook.stages.psf import (
    COARSE,
    COARSE_MARGIN,
    MARGIN_PX,
    RadialTable,
    WideSpread,
    coarse_cells,
    convolved,
    fast_size,
    filtered,
    gaussian_kernel,
    near_transfer,
    spread_cells,
)
from filmlook.stock import Stock

_BLOCK_PX = {"cpu": 352}  # small enough for the cache
_BLOCK_PX_GPU = 1024  # large enough to keep a GPU busy
_MOST_NEAR_PX = 3.0  # sigma up to which inhibitors spread pixel by pixel; wider, the coarse grid can hold them
_IN_FLIGHT_GPU = 4


_T = TypeVar("_T")
_R = TypeVar("_R")


def pitch_um(stock: Stock, look: Look, height: int, width: int) -> float:
    """Micrometres on the film from one pixel to the next: the format's long side over the picture's."""
    frame_mm = FRAMES_MM[stock.frame if look.frame == "stock" else look.frame]
    return 1000 * frame_mm / max(height, width)


class Development:
    """Everything that develops pictures of one size with one look: tables, transfer functions, the lattice.

    Args:
        stock, look: the film, and what the user chose.
        height, width: of the picture, in pixels.
        device: where the work runs.
    """

    def __init__(self, stock: Stock, look: Look, height: int, width: int, device: torch.device) -> None:
        self.stock, self.look, self.size, self.device = stock, look, (height, width), device
        self.pitch_um = pitch_um(stock, look, height, width) / look.effect_size  # lengths grow, so the pitch shrinks
        model = stock.model
        self._emulsion = Emulsion(model, look.push, look.sharpness, device) if model else None
        self._layerless = None if model else Layerless(stock, look, self.size, device)
        self._print = Print(stock, look, device)
        self._grain = None
        if look.grain:
            self._grain = Grain(
                stock,
                self.pitch_um,
                amount=look.grain,
                size=look.grain_size,
                colour=look.grain_colour,
                tones=(look.grain_shadows, look.grain_mids, look.grain_highlights),
                push=look.push,
                device=device,
            )
        self._spreads = bool(look.diffusion_grade or look.halation or look.sharpness)
        self._edges = bool(model and look.sharpness)
        self._near_inhibitors = None
        self._edge_margin = self._layerless.margin if self._layerless else 0
        if self._edges:
            sigma_px = NEAR_UM / self.pitch_um
            transfer = inhibitor_transfer
            if sigma_px <= _MOST_NEAR_PX:
                transfer = far_inhibitor_transfer
                kernel = gaussian_kernel(sigma_px, math.ceil(3.5 * sigma_px))
                self._near_inhibitors = kernel
                self._edge_margin = -(-(len(kernel) - 1) // COARSE) * COARSE
            self._inhibitor_transfer = RadialTable(transfer)
        self.block = (_block_size(height, device), _block_size(width, device))
        self._inner = (self.block[0] + 2 * self._edge_margin, self.block[1] + 2 * self._edge_margin)
        self._outer, self._light_margin = self._inner, 0
        if self._spreads:
            self._light_margin = MARGIN_PX
            self._outer = (fast_size(self._inner[0] + 2 * MARGIN_PX), fast_size(self._inner[1] + 2 * MARGIN_PX))
            self._light_transfer = RadialTable(self._all_light)
            self._near_light = near_transfer(self._light_transfer, *self._outer, self.pitch_um, device)

    def _all_light(self, frequency: Tensor) -> Tensor:
        """Lens, halation and the film's sharpness, all of them linear in exposure, in one."""
        look, factors = self.look, torch.ones_like(frequency).expand(self.stock.layers, -1, -1)
        if look.diffusion_grade:
            factors = factors * diffusion_transfer(frequency, look.diffusion, look.diffusion_grade)
        if look.halation:
            factors = factors * halation_transfer(frequency, self.stock, look.halation, look.halation_size)
        if look.sharpness:
            factors = factors * film_transfer(frequency, self.stock, look.sharpness, min(look.halation, 1.0))
        return factors

    def _exposure(self, take: Shot, corner: tuple[int, int], size: Sequence[int]) -> tuple[Tensor, Tensor | None]:
        """Layer exposure `1,L,H,W` of a part of the picture, and its excess where highlights are rebuilt above white."""
        light, model, gain = take.pixels.light(*corner, *size)[None], self.stock.model, take.gain
        brightest = light.amax(1, keepdim=True) if take.pixels.scene_linear else None
        if model is not None and take.pixels.scene_linear:  # a film sees no less than nothing: its flare fills what is below
            light = torch.maximum(light, -(model.flare / gain * (1 - 1e-5)).to(light).view(3, 1, 1))
        if model is None:
            exposure = light.mul_(gain.to(light).view(3, 1, 1))
        elif model.layers == 3:
            exposure = mix(model.sensitivity * gain, light, model.sensitivity @ model.flare)
        else:
            r, g, b = (light * gain.to(light).view(3, 1, 1) + model.flare.to(light).view(3, 1, 1)).unbind(1)
            exposure = mix(model.sensitivity, torch.stack((r, g, b, (r * g).sqrt(), (g * b).sqrt(), (r * b).sqrt()), 1))
        if not self.look.highlights:
            return exposure, None
        rebuilt = highlight_gain(take.pixels.code(*corner, *size)[None], self.look.highlights)
        if brightest is not None:  # what is there already above white is not rebuilt
            rebuilt = (rebuilt * (WHITE_LIGHT / brightest.clamp_min(WHITE_LIGHT))).clamp_min_(1)
        return exposure, exposure * (rebuilt - 1)

    @staticmethod
    def _inside(field: Tensor, margin: int, size: Sequence[int]) -> Tensor:
        return field[..., margin : margin + size[0], margin : margin + size[1]]

    def _spread_out(self, exposure: Tensor, excess: Tensor | None, blur: Callable[[Tensor], Tensor]) -> Tensor:
        """Exposure after a blur that also spreads the excess. Where there is excess, film is not exposed less than by
        its own light, and gains nothing from its own excess: a flat white stays as it is."""
        if excess is None:
            return blur(exposure)
        light = blur(exposure + excess)
        margin = 0 if light.shape == exposure.shape else self._light_margin
        exposure, excess = (self._inside(t, margin, light.shape[-2:]) for t in (exposure, excess))
        return torch.maximum(light - excess, torch.minimum(exposure, light))

    def _vignetted(self, exposure: Tensor, ys: Tensor, xs: Tensor) -> Tensor:
        if not self.look.vignette:
            return exposure
        return exposure * vignette_factor(ys[..., :, None], xs[..., None, :], self.size, self.look.vignette)

    def _wide(self, take: Shot) -> tuple[WideSpread | None, WideSpread | None]:
        """The wide parts of the light's and the inhibitors' spread, from the whole picture on the coarse grid."""
        if not self._spreads and not self._edges:
            return None, None
        cells = [-(-n // COARSE) for n in self.size]
        coarse = torch.empty((1, self.stock.layers, *cells), device=self.device)
        extra = torch.empty_like(coarse) if self.look.highlights else None
        rows = max(1, 250_000 // self.size[1] // COARSE)

        def strip(row: int) -> None:
            count = min(rows, cells[0] - row)
            corner = (row * COARSE - COARSE_MARGIN, -COARSE_MARGIN)
            size = (count * COARSE + 2 * COARSE_MARGIN, cells[1] * COARSE + 2 * COARSE_MARGIN)
            exposure, excess = self._exposure(take, corner, size)
            coarse[:, :, row : row + count] = coarse_cells(exposure)
            if extra is not None and excess is not None:
                extra[:, :, row : row + count] = coarse_cells(excess)

        for _ in self.each(strip, range(0, cells[0], rows)):
            pass
        light = None
        if self._spreads:
            total = coarse if extra is None else coarse + extra
            light = WideSpread(total, self._light_transfer, self.pitch_um, each=self.each)
        if self._emulsion is None or not self._edges:
            return light, None
        if self._spreads:
            transfer, pitch = self._light_transfer, self.pitch_um
            coarse = self._spread_out(coarse, extra, lambda e: spread_cells(e, transfer, pitch, self.each))
        ys, xs = ((torch.arange(n, device=self.device) + 0.5) * COARSE for n in cells)
        _, first = self._emulsion.first(self._vignetted(coarse, ys, xs))
        return light, WideSpread(first, self._inhibitor_transfer, self.pitch_um, 0.0, self.each)

    def each(self, function: Callable[[_T], _R], items: Iterable[_T], most: int | None = None) -> Iterator[_R]:
        """`map`; on the CPU side by side."""
        if self.device.type != "cpu":
            return map(function, items)
        return side_by_side(function, items, most or thread_count())

    def corners(self) -> list[tuple[int, int]]:
        """The first pixel of every block of the lattice."""
        return [(y, x) for y in range(0, self.size[0], self.block[0]) for x in range(0, self.size[1], self.block[1])]

    def _on_film(self, take: Shot, corners: list[tuple[int, int]], light: WideSpread | None) -> Tensor:
        """Layer exposure `B,L,H,W` of the blocks at these corners with their edge margins, after lens and halation."""
        edge, margin = self._edge_margin, self._edge_margin + self._light_margin
        parts = [self._exposure(take, (y - margin, x - margin), self._outer) for y, x in corners]
        exposure = torch.cat([e for e, _ in parts])
        excess = torch.cat([e for _, e in parts if e is not None]) if self.look.highlights else None
        if light is not None:

            def blur(e: Tensor) -> Tensor:
                near = self._inside(filtered(e, self._near_light), self._light_margin, self._inner)
                return near + _stacked([light(y - edge, x - edge, *self._inner) for y, x in corners])

            exposure = self._spread_out(exposure, excess, blur)
        at = [torch.tensor([c[i] for c in corners], device=self.device)[:, None, None] for i in (0, 1)]
        ys, xs = (c + torch.arange(n, device=self.device) - edge + 0.5 for c, n in zip(at, self._inner, strict=True))
        return self._vignetted(exposure, ys, xs)

    def developed(
        self,
        take: Shot,
        corners: list[tuple[int, int]],
        wide: tuple[WideSpread | None, WideSpread | None],
        key: int,
    ) -> Tensor:
        """Display code `B,3,h,w` of the blocks at these corners."""
        if self._layerless:
            return self._print(self._mapped(self._layerless, take, corners, wide[0], key))
        assert self._emulsion
        edge = self._edge_margin
        log_exposure, first = self._emulsion.first(self._on_film(take, corners, wide[0]))
        around = None
        if wide[1] is not None:
            around = _stacked([wide[1](y, x, *self.block) for y, x in corners])
            if self._near_inhibitors:
                spare = edge - (len(self._near_inhibitors) - 1)
                near = self._inside(first, spare, [n - 2 * spare for n in self._inner])
                around.add_(convolved(near, self._near_inhibitors), alpha=NEAR_SHARE)
            log_exposure, first = (self._inside(t, edge, self.block) for t in (log_exposure, first))
        density = self._emulsion.second(log_exposure, first, around)
        if self._grain:
            density = self._grain(density, corners, key)
        return self._print(density)

    def _mapped(
        self, stock: Layerless, take: Shot, corners: list[tuple[int, int]], light: WideSpread | None, key: int
    ) -> Tensor:
        """Display code of a stock without layers: push and grain as exposure, then the stock's own map."""
        edge = self._edge_margin
        if not (self._spreads or self.look.vignette or self._grain) and stock.leaves(take.gain):
            code = torch.stack([take.pixels.code(y - edge, x - edge, *self._inner) for y, x in corners])
            return stock.map(code, take.offset, corners)
        log_exposure = stock.log_exposure(self._on_film(take, corners, light))
        if self._grain:
            log_exposure = self._grain(log_exposure, [(y - edge, x - edge) for y, x in corners], key)
        return stock.map(stock.code(log_exposure), take.offset, corners)

    def take(self, pixels: Pixels, gain: Tensor, lock: ExposureLock | None) -> Shot:
        """The picture with what is decided for the whole of it."""
        if lock and self.look in lock.offsets:
            return Shot(pixels, gain, lock.offsets[self.look])
        offset = self._layerless.offset(pixels, gain, self.each) if self._layerless else None
        return Shot(pixels, gain, lock.offsets.setdefault(self.look, offset) if lock else offset)

    def run(self, take: Shot, seed: int, frame: int, in_flight: int) -> Iterator[int]:
        """Develops a take into its output, `in_flight` blocks at a time; yields the blocks done, a group at a time."""
        wide, key, corners = self._wide(take), noise_key(seed, frame), self.corners()
        threads = min(in_flight, thread_count()) if self.device.type == "cpu" else 1
        size = in_flight // threads

        def work(group: list[tuple[int, int]]) -> int:
            for (y, x), code in zip(group, self.developed(take, group, wide, key), strict=True):
                take.pixels.write(y, x, code, self.look.strength, frame)
            return len(group)

        groups = [corners[i : i + size] for i in range(0, len(corners), size)]
        yield from self.each(work, groups, threads)


def in_flight_on(device: torch.device) -> int:
    """Blocks in flight unless told: one a thread on the CPU."""
    return thread_count() if device.type == "cpu" else _IN_FLIGHT_GPU


def _stacked(parts: list[Tensor]) -> Tensor:
    return parts[0].unsqueeze(0) if len(parts) == 1 else torch.stack(parts)  # one block needs no copy


def _block_size(length: int, device: torch.device) -> int:
    """The lattice's step along a side: equal blocks, near the size that suits the device, on whole coarse cells."""
    count = -(-length // _BLOCK_PX.get(device.type, _BLOCK_PX_GPU))
    return -(-length // count // COARSE) * COARSE


@lru_cache(maxsize=8)
def development(stock: Stock, look: Look, height: int, width: int, device: torch.device) -> Development:
    """A `Development`, kept for the next picture of the same size and look."""
    return Development(stock, look, height, width, device)
