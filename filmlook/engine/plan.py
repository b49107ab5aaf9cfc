"""The way of the light through one picture, in blocks.

Work runs on one fixed lattice of blocks in picture coordinates; a block reads its margins from the picture, so the result
is that of the whole. Blurs wider than the margins come from a coarse grid of the whole picture (`stages.psf`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

from filmlook.engine.colour_map import LogExposure, Mapped, leaves, map_margin
from filmlook.engine.lattice import Lattice
from filmlook.engine.metering import ExposureLock, Shot
from filmlook.engine.pixels import Pixels
from filmlook.engine.threads import side_by_side, thread_count
from filmlook.film.paper import Paper
from filmlook.film.scene_light import WHITE_LIGHT
from filmlook.look import FRAMES_MM, Look
from filmlook.prints import paper_of
from filmlook.stages.emulsion import Emulsion, Sharpness
from filmlook.stages.grain import Grain, noise_key
from filmlook.stages.halation import Halation
from filmlook.stages.lens import Diffusion, Softness, Vignette, highlight_gain
from filmlook.stages.print import Print
from filmlook.stages.psf import COARSE, COARSE_MARGIN, RadialTable, Spread, WideSpread, coarse_cells
from filmlook.stages.scan import Scan
from filmlook.stages.stage import Place, SpreadingStage, Stage
from filmlook.stock import Stock

_IN_FLIGHT_GPU = 4

_SPREADING: tuple[tuple[str, Callable[..., SpreadingStage]], ...] = (
    ("softness", Softness),
    ("diffusion_grade", Diffusion),
    ("halation", Halation),
    ("sharpness", Sharpness),
)
"""The stages that spread light, each with the setting that switches it off at 0: linear in exposure, and joined to one blur."""

_DEVELOPING: tuple[tuple[str, Callable[..., Stage]], ...] = (
    ("vignette", Vignette),
    ("", Emulsion),
    ("grain", Grain),
    ("", Print),
    ("scan_softness", Scan),
)
"""The stages after it, in the order of the light."""

_MAPPING: tuple[tuple[str, Callable[..., Stage]], ...] = (
    ("vignette", Vignette),
    ("", LogExposure),
    ("grain", Grain),
    ("", Mapped),
    ("", Print),
    ("scan_softness", Scan),
)
"""The same for stocks without layers."""

_T = TypeVar("_T")
_R = TypeVar("_R")
Watch = Callable[[str, Tensor, Sequence[tuple[int, int]]], None]
"""Told what leaves each stage: its name, `B,C,h,w` of the blocks without margins, and the blocks' corners."""


def pitch_um(stock: Stock, look: Look, height: int, width: int) -> float:
    """Micrometres on the film from one pixel to the next: the format's long side over the picture's."""
    frame_mm = FRAMES_MM[stock.frame if look.frame == "stock" else look.frame]
    return 1000 * frame_mm / max(height, width)


@dataclasses.dataclass(frozen=True)
class Wide:
    """What comes from the whole picture, on the coarse grid: light, and inhibitors, spread widely."""

    light: WideSpread | None = None
    inhibitors: WideSpread | None = None


class Development:
    """Everything that develops pictures of one size with one look: the stages, and the lattice.

    Args:
        stock, look: the film, and what the user chose.
        height, width: of the picture, in pixels.
        device: where the work runs.
    """

    def __init__(self, stock: Stock, look: Look, height: int, width: int, device: torch.device) -> None:
        self.stock, self.look, self.device = stock, look, device
        pitch = pitch_um(stock, look, height, width) / look.effect_size  # lengths grow, so the pitch shrinks
        stages = _DEVELOPING if stock.film else _MAPPING
        self._stages = [make(stock, look, pitch, device) for key, make in stages if not key or getattr(look, key)]
        self._vignette = next((s for s in self._stages if isinstance(s, Vignette)), None)
        self._emulsion = next((s for s in self._stages if isinstance(s, Emulsion)), None)
        self._map = next((s for s in self._stages if isinstance(s, Mapped)), None)
        self._keep = sum(s.margin for s in self._stages if isinstance(s, Scan))
        self.lattice = Lattice((height, width), self._margin(), device)
        table = _spreading(stock, look)
        self._spread = Spread(table, pitch, self.lattice.inner, device) if table else None

    def _margin(self) -> int:
        """Pixels around a block that stages after the blur read."""
        return self._keep + (self._emulsion.margin if self._emulsion else map_margin(self.stock))

    def _exposure(self, shot: Shot, corner: tuple[int, int], size: Sequence[int]) -> tuple[Tensor, Tensor | None]:
        """Layer exposure `1,L,H,W` of a part of the picture, and its excess where highlights are rebuilt above white."""
        light, film, gain = shot.pixels.light(*corner, *size)[None], self.stock.film, shot.gain
        brightest = light.amax(1, keepdim=True) if shot.pixels.scene_linear else None
        if film is not None and shot.pixels.scene_linear:  # a film sees no less than nothing: its flare fills what is below
            light = torch.maximum(light, -(film.flare / gain * (1 - 1e-5)).to(light).view(3, 1, 1))
        exposure = film.expose(light, gain) if film else light.mul_(gain.to(light).view(3, 1, 1))
        if not self.look.highlights:
            return exposure, None
        rebuilt = highlight_gain(shot.pixels.code(*corner, *size)[None], self.look.highlights)
        if brightest is not None:  # what is there already above white is not rebuilt
            rebuilt = (rebuilt * (WHITE_LIGHT / brightest.clamp_min(WHITE_LIGHT))).clamp_min_(1)
        return exposure, exposure * (rebuilt - 1)

    def survey(self, shot: Shot) -> Wide:
        """The wide parts of the light's and the inhibitors' spread, from the whole picture on the coarse grid."""
        inhibits = self._emulsion is not None and self._emulsion.surveys
        if not self._spread and not inhibits:
            return Wide()
        cells, (height, width) = self.lattice.cells, self.lattice.size
        coarse = torch.empty((1, self.stock.layers, *cells), device=self.device)
        excess = torch.empty_like(coarse) if self.look.highlights else None
        rows = max(1, 250_000 // width // COARSE)

        def strip(row: int) -> None:
            count = min(rows, cells[0] - row)
            corner = (row * COARSE - COARSE_MARGIN, -COARSE_MARGIN)
            size = (count * COARSE + 2 * COARSE_MARGIN, cells[1] * COARSE + 2 * COARSE_MARGIN)
            exposure, more = self._exposure(shot, corner, size)
            coarse[:, :, row : row + count] = coarse_cells(exposure)
            if excess is not None and more is not None:
                excess[:, :, row : row + count] = coarse_cells(more)

        for _ in self.each(strip, range(0, cells[0], rows)):
            pass
        light = self._spread.survey(coarse if excess is None else coarse + excess, self.each) if self._spread else None
        if not inhibits:
            return Wide(light)
        assert self._emulsion
        if self._spread:
            spread = self._spread
            coarse = _spread_out(coarse, excess, lambda e: spread.cells(e, self.each), lambda e: e)
        if self._vignette:
            coarse = self._vignette(coarse, Place([(0, 0)], cells, (height, width), step=COARSE))
        return Wide(light, self._emulsion.survey(coarse, self.each))

    def each(self, function: Callable[[_T], _R], items: Iterable[_T], most: int | None = None) -> Iterator[_R]:
        """`map`; on the CPU side by side."""
        if self.device.type != "cpu":
            return map(function, items)
        return side_by_side(function, items, most or thread_count())

    def _on_film(self, shot: Shot, corners: list[tuple[int, int]], light: WideSpread | None) -> Tensor:
        """Layer exposure `B,L,H,W` of the blocks at these corners with their margins, after lens and halation."""
        spread, begin = self._spread, self.lattice.begin(corners)
        margin, outer = (spread.margin, spread.outer) if spread else (0, self.lattice.inner)
        parts = [self._exposure(shot, (y - margin, x - margin), outer) for y, x in begin]
        exposure = torch.cat([e for e, _ in parts])
        excess = torch.cat([e for _, e in parts if e is not None]) if self.look.highlights else None
        if spread is None or light is None:
            return exposure
        return _spread_out(exposure, excess, lambda e: spread(e, light, begin), spread.inside)

    def developed(self, shot: Shot, corners: list[tuple[int, int]], wide: Wide, key: int, watch: Watch | None = None) -> Tensor:
        """Display code `B,3,h,w` of the blocks at these corners."""
        keep = self._keep
        place = Place(corners, self.lattice.block, self.lattice.size, key=key, keep=keep, offset=shot.offset)
        stages = self._stages
        if self._map and not self._spread and self._map is stages[1] and leaves(shot.gain, self.look.push):
            # Nothing before the map: the code need not go through light and back.
            code = torch.stack([shot.pixels.code(y, x, *self.lattice.inner) for y, x in self.lattice.begin(corners)])
            field, stages = self._map.code(code, place), stages[2:]
            if watch:
                watch(self._map.name, place.cut(field), corners)
        else:
            if wide.inhibitors:
                block = [n + 2 * keep for n in self.lattice.block]
                parts = [wide.inhibitors(y - keep, x - keep, *block) for y, x in corners]
                place = dataclasses.replace(place, around=torch.stack(parts))
            field = self._on_film(shot, corners, wide.light)
            if watch:
                watch("exposure", place.cut(field), corners)
        for stage in stages:
            field = self._watched(stage, field, place, watch)
        return field

    @staticmethod
    def _watched(stage: Stage, field: Tensor, place: Place, watch: Watch | None) -> Tensor:
        field = stage(field, place)
        if watch:
            watch(stage.name, place.cut(field), place.corners)
        return field

    def shot(self, pixels: Pixels, gain: Tensor, lock: ExposureLock | None) -> Shot:
        """The picture with what is decided for the whole of it."""
        if lock and self.look in lock.offsets:
            return Shot(pixels, gain, lock.offsets[self.look])
        offset = self._map.survey(pixels, gain, self.lattice.size, self.each) if self._map else None
        return Shot(pixels, gain, lock.offsets.setdefault(self.look, offset) if lock else offset)

    def run(self, shot: Shot, seed: int, frame: int, in_flight: int) -> Iterator[int]:
        """Develops a shot into its output, `in_flight` blocks at a time; yields the blocks done, a group at a time."""
        wide, key, corners = self.survey(shot), noise_key(seed, frame), self.lattice.corners()
        threads = min(in_flight, thread_count()) if self.device.type == "cpu" else 1
        size = in_flight // threads

        def work(group: list[tuple[int, int]]) -> int:
            for (y, x), code in zip(group, self.developed(shot, group, wide, key), strict=True):
                shot.pixels.write(y, x, code, self.look.strength, frame)
            return len(group)

        groups = [corners[i : i + size] for i in range(0, len(corners), size)]
        yield from self.each(work, groups, threads)


def _spread_out(
    exposure: Tensor, excess: Tensor | None, blur: Callable[[Tensor], Tensor], inside: Callable[[Tensor], Tensor]
) -> Tensor:
    """Exposure after a blur that also spreads the excess. Where there is excess, film is not exposed less than by
    its own light, and gains nothing from its own excess: a flat white stays as it is."""
    if excess is None:
        return blur(exposure)
    light = blur(exposure + excess)
    return torch.maximum(light - inside(excess), torch.minimum(inside(exposure), light))


@lru_cache(maxsize=16)
def _spreading(stock: Stock, look: Look) -> RadialTable | None:
    """Everything that spreads light, as one function of frequency; it is the same for every size."""
    cpu = torch.device("cpu")
    stages = [make(stock, look, 1.0, cpu) for key, make in _SPREADING if getattr(look, key)]
    if not stages:
        return None

    def transfer(frequency: Tensor) -> Tensor:
        factors = torch.ones_like(frequency).expand(stock.layers, -1, -1)
        for stage in stages:
            factors = factors * stage.transfer(frequency)
        return factors

    return RadialTable(transfer)


def in_flight_on(device: torch.device) -> int:
    """Blocks in flight unless told: one a thread on the CPU."""
    return thread_count() if device.type == "cpu" else _IN_FLIGHT_GPU


def development(stock: Stock, look: Look, height: int, width: int, device: torch.device) -> Development:
    """A `Development`, kept for the next picture of the same size and look, as long as its paper's file stays as it is.

    Raises:
        LookError, StockFileError: the paper is missing or damaged.
    """
    return _kept(stock, look, paper_of(stock, look.print), height, width, device)


@lru_cache(maxsize=8)
def _kept(stock: Stock, look: Look, paper: Paper | None, height: int, width: int, device: torch.device) -> Development:
    return Development(stock, look, height, width, device)
