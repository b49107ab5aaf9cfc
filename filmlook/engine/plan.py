"""The way of the light through one picture, in blocks.

Work runs on one fixed lattice of blocks in picture coordinates; a block reads its margins from the picture, so the result
is that of the whole. Blurs wider than the margins come from a coarse grid of the whole picture (`stages.psf`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import Tensor

from filmlook.engine.colour_map import Mapped, leaves, map_margin
from filmlook.engine.compiled import chosen_kernels
from filmlook.engine.fused import fused_for
from filmlook.engine.fused_cpu import Fused
from filmlook.engine.fused_gpu import FusedGpu
from filmlook.engine.kept import MOST_BLOCKS, Blocks, Found, Kept
from filmlook.engine.kernels.numbers import Block
from filmlook.engine.lamp_gate import lamp_gate
from filmlook.engine.lattice import Crop, Lattice
from filmlook.engine.metering import ExposureLock, Shot
from filmlook.engine.pixels import LampMap, Pixels
from filmlook.engine.spreading import spread_of
from filmlook.engine.threads import side_by_side, thread_count
from filmlook.engine.through_lens import KEYS, changes, through_lens
from filmlook.film.paper import Paper
from filmlook.look import FRAMES_MM, SETTINGS, Look
from filmlook.prints import paper_of
from filmlook.stages.dirt import Dust, Scratches
from filmlook.stages.edges import Edges
from filmlook.stages.emulsion import Emulsion
from filmlook.stages.grain import Grain, noise_key
from filmlook.stages.lamps import Spline, beside_lamps, candidates, near_white, pale, rebuilt, smoothstep
from filmlook.stages.lens import Vignette, vignette_of
from filmlook.stages.print import Print
from filmlook.stages.psf import COARSE, COARSE_MARGIN, WideSpread, coarse_cells
from filmlook.stages.scan import Scan
from filmlook.stages.stage import Place, Stage
from filmlook.stock import Stock

_STRIP_PX = (4_000_000, 250_000)
"""Pixels of a strip that is surveyed at once: on a GPU, where what is launched costs more than what it does, and on the CPU."""

_STEADY_STEP = 2
"""Of the squares from which a film's frames give one pixel each to those who look for lamps. Of a still picture one in a coarse
cell is enough; in a film lamps then come and go with noise and movement: light near them varied by 4 to 14 codes from frame to
frame, and by 1.5 to 3.3 so, most of it from what moved."""

_ALL_APART = 1.0
"""Stops of rebuilt highlights from which all of a lamp's light spreads as a lamp's. Where nothing is rebuilt none does, which
saves a blur, and nothing jumps in between."""

_DEVELOPING: tuple[tuple[str, Callable[..., Stage]], ...] = (
    ("vignette", Vignette),
    ("", Edges),
    ("", Emulsion),
    ("grain", Grain),
    ("dust", Dust),
    ("scratches", Scratches),
    ("", Print),
    ("scan_softness", Scan),
)
"""The stages after light has spread, in the order of the light, each with the setting that switches it off at 0."""

_MAPPING: tuple[tuple[str, Callable[..., Stage]], ...] = (
    ("vignette", Vignette),
    ("", Edges),
    ("grain", Grain),
    ("dust", Dust),
    ("scratches", Scratches),
    ("", Mapped),
    ("", Print),
    ("scan_softness", Scan),
)
"""The same for stocks without layers."""

_BEFORE_GRAIN = (Vignette, Edges, Emulsion)
"""The stages before the first that a setting of `_LATE` can change."""

_LATE: dict[str, Any] = {
    setting.key: setting.default
    for setting in SETTINGS
    if setting.group in ("Grain", "Print") or setting.key in ("print", "strength", "context")
}
"""The settings of what comes after, at none of their values more than at their default. Slides are exposed as their print
demands, which the emulsion tells."""

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
    """What comes from the whole picture, on the coarse grid: light and inhibitors, spread widely, where lamps are, and what is
    beside them."""

    light: WideSpread | None = None
    inhibitors: WideSpread | None = None
    lamps: Spline | LampMap | None = None
    beside: Spline | None = None


class Development:
    """Everything that develops pictures of one size with one look: the stages, and the lattice.

    Args:
        stock, look: the film, and what the user chose.
        height, width: of the picture, in pixels.
        device: where the work runs.
    """

    def __init__(self, stock: Stock, look: Look, height: int, width: int, device: torch.device) -> None:
        self.stock, self.look, self.device = stock, look, device
        self._frame_um = pitch_um(stock, look, height, width)
        self._pitch_um = pitch = self._frame_um / look.effect_size  # lengths grow, so the pitch shrinks
        stages = _DEVELOPING if stock.film else _MAPPING
        makers = [vignette_of if make is Vignette else make for key, make in stages if not key or getattr(look, key)]
        self._stages = [make(stock, look, pitch, device) for make in makers]
        self._first = [s for s in self._stages if isinstance(s, _BEFORE_GRAIN)]
        self._vignette = next((s for s in self._stages if isinstance(s, Vignette)), None)
        self._emulsion = next((s for s in self._stages if isinstance(s, Emulsion)), None)
        self._edges = next(s for s in self._stages if isinstance(s, Edges))
        self._map = next((s for s in self._stages if isinstance(s, Mapped)), None)
        self._keep = sum(s.margin for s in self._stages if isinstance(s, Scan))
        self._reach = self._keep + (map_margin(stock) if self._map else 0)
        """Pixels around a block that stages after the edges read."""
        self.lattice = Lattice((height, width), self._edges.margin + self._reach, device)
        self._apart = 1.0 if stock.antihalation == "none" else float(smoothstep(torch.tensor(look.highlights), 0, _ALL_APART))
        """The share of lamps' own light, up to white, that spreads as theirs."""
        self._with_kernels: Fused | FusedGpu | None = None
        self._spread = spread_of(stock, look, pitch, self.lattice.inner)

    def _exposure(
        self, shot: Shot, corner: tuple[int, int], size: Sequence[int], gate: Spline | LampMap | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Layer exposure `1,L,H,W` of a part of the picture without its lamps, and theirs, with what they have above white;
        None: there are none."""
        fused, exposed = shot.fused, None
        if isinstance(fused, FusedGpu):
            if lit := fused.lit(shot.pixels, corner, size, shot.gain, gate):
                return lit
        elif fused:
            exposed = fused.exposure(shot.pixels, corner, size, shot.gain, gate is not None)
        exposure, light = exposed or self._exposed(shot, corner, size)
        if not gate or light is None:
            return exposure, None
        if isinstance(fused, Fused) and not shot.pixels.scene_linear:
            return exposure, fused.shining(light, exposure, corner, gate)
        return exposure, self._lamps(light, exposure, corner, gate, shot.pixels.scene_linear)

    def _exposed(self, shot: Shot, corner: tuple[int, int], size: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Layer exposure `1,L,H,W` of a part of the picture, and its scene light `3,H,W`."""
        light, film, gain = shot.pixels.light(*corner, *size), self.stock.film, shot.gain
        if film is None:
            return (light * gain.to(light).view(3, 1, 1))[None], light
        exposure = film.expose(light[None], gain)
        if shot.pixels.scene_linear:  # colours beyond sRGB have light below 0, but a layer sees no less than nothing
            exposure.clamp_min_(0)
        return exposure, light

    def _lamps(
        self, light: Tensor, exposure: Tensor, corner: tuple[int, int], gate: Spline | LampMap, above_white: bool
    ) -> Tensor | None:
        """Takes the lamps' exposure out of `exposure`, and gives it back with what they have above white; None: there are none.
        `light` is the scene's; lamps are few, so only their pixels are worked on."""
        if isinstance(gate, LampMap):
            known = gate(*corner, light.shape[1], light.shape[2])
            if known is None:
                return None
            own = exposure * known[0].to(exposure)
            exposure.sub_(own, alpha=self._apart)
            return own * rebuilt(known[1].to(exposure), self.look.highlights, light).add_(self._apart - 1)
        near = candidates(light)
        share = None if near is None else gate(*corner, light.shape[1], light.shape[2])
        if near is None or share is None:
            return None
        at = (near & (share[0] > 0)).flatten().nonzero()[:, 0]
        light, field = light.flatten(1), exposure.view(1, exposure.shape[1], -1)
        light = light[:, at]
        t = near_white(light)
        own = field[:, :, at] * (share.flatten()[at] * pale(light)[0] * t[0])
        field.index_add_(2, at, own * self._apart, alpha=-1)
        own *= rebuilt(t, self.look.highlights, light, above_white).add_(self._apart - 1)
        return torch.zeros_like(field).index_copy_(2, at, own).view_as(exposure)

    def survey(self, shot: Shot) -> Wide:
        """Where lamps are, and the wide parts of the light's and the inhibitors' spread, from the whole picture on the coarse
        grid."""
        if not self._spread:
            return Wide()
        gate = self._gate(shot) if self._spread.lamps else None
        coarse, lamps = self._coarse(shot, gate)
        light, spread = self._spread.survey(coarse, lamps, self.each, whole=self._edges.surveys)
        if spread is None:
            return Wide(light, lamps=gate)
        if self._vignette:
            spread = self._vignette(spread, Place([(0, 0)], self.lattice.cells, self.lattice.size, step=COARSE))
        beside = beside_lamps(coarse, lamps, self._pitch_um) if lamps is not None else None
        return Wide(light, self._edges.survey(spread, self.each), gate, beside)

    def _gate(self, shot: Shot) -> Spline | LampMap | None:
        """Where lamps can be; None: nowhere."""
        if shot.pixels.lamps is not None:
            return shot.pixels.lamps
        step = _STEADY_STEP if shot.steady else COARSE
        few = shot.pixels.scattered(step).light(0, 0, *(-(-n // step) for n in self.lattice.size))
        gate = lamp_gate(few, self.lattice.size)
        return gate if gate.opens else None

    def _coarse(self, shot: Shot, gate: Spline | LampMap | None) -> tuple[Tensor, Tensor | None]:
        """Exposure and lamps' exposure `1,L,h,w` on the coarse grid; None: there are none."""
        cells, width = self.lattice.cells, self.lattice.size[1]
        coarse = torch.empty((1, self.stock.layers, *cells), device=self.device)
        lamps = torch.zeros_like(coarse) if gate else None
        rows = max(1, _STRIP_PX[self.device.type == "cpu"] // width // COARSE)
        made = shot.fused.cells if shot.fused else coarse_cells

        def strip(row: int) -> bool:
            here = slice(row, min(row + rows, cells[0]))
            corner = (row * COARSE - COARSE_MARGIN, -COARSE_MARGIN)
            size = ((here.stop - row) * COARSE + 2 * COARSE_MARGIN, cells[1] * COARSE + 2 * COARSE_MARGIN)
            exposure, shining = self._exposure(shot, corner, size, gate)
            coarse[:, :, here] = made(exposure)
            if lamps is None or shining is None:
                return False
            lamps[:, :, here] = made(shining)
            return True

        found = list(self.each(strip, range(0, cells[0], rows)))
        return coarse, lamps if any(found) else None

    def each(self, function: Callable[[_T], _R], items: Iterable[_T], most: int | None = None) -> Iterator[_R]:
        """`map`; on the CPU side by side."""
        if self.device.type != "cpu":
            return map(function, items)
        return side_by_side(function, items, most or thread_count())

    def _on_film(self, shot: Shot, corners: list[tuple[int, int]], wide: Wide) -> tuple[Tensor, Tensor | None]:
        """Layer exposure `B,L,H,W` of the blocks at these corners with their margins, after lens and halation; and before it
        spread, where edges need to know."""
        spread, begin = self._spread, self.lattice.begin(corners)
        if spread is None or wide.light is None:
            return _joined([self._exposure(shot, corner, self.lattice.inner)[0] for corner in begin]), None
        parts, shining = zip(
            *(self._exposure(shot, (y - spread.margin, x - spread.margin), spread.outer, wide.lamps) for y, x in begin),
            strict=True,
        )
        lamps, unspread = None, None
        if any(part is not None for part in shining):
            lamps = _joined([torch.zeros_like(e) if part is None else part for part, e in zip(shining, parts, strict=True)])
        exposure = _joined(parts)
        if wide.inhibitors:
            unspread = spread.inside(exposure)
            if lamps is not None:
                unspread = unspread + spread.inside(lamps)
        if isinstance(shot.fused, FusedGpu):
            return shot.fused.blurred(spread, exposure, lamps, wide.light, begin[0]), unspread
        by = {"add_near": shot.fused.add_near} if shot.fused else {}
        return spread(exposure, lamps, wide.light, begin, **by), unspread

    def developed(
        self,
        shot: Shot,
        corners: list[tuple[int, int]],
        wide: Wide,
        key: int,
        watch: Watch | None = None,
        kept: Blocks | None = None,
    ) -> Tensor:
        """Display code `B,3,h,w` of the blocks at these corners; `kept` has, or gets, what is there before grain."""
        keep = self._keep
        place = Place(
            corners, self.lattice.block, self.lattice.size, key=key, keep=keep, offset=shot.offset, moment=shot.moment
        )
        stages = self._stages
        if self._map and self._maps_alone(shot):
            code = torch.stack([shot.pixels.code(y, x, *self.lattice.inner) for y, x in self.lattice.begin(corners)])
            field, stages = self._map.code(code, place), stages[2:]
            if watch:
                watch(self._map.name, place.cut(field), corners)
        else:
            ungrained = kept.get(tuple(corners)) if kept is not None else None
            if ungrained is None:
                ungrained = self._before_grain(shot, corners, wide, place, watch)
                if kept is not None and len(kept) < MOST_BLOCKS:
                    kept[tuple(corners)] = ungrained
            field, stages = ungrained, stages[len(self._first) :]
        for stage in stages:
            field = self._watched(stage, field, place, watch)
        return field

    def _maps_alone(self, shot: Shot) -> bool:
        """Whether nothing comes before the stock's map: code need not go through light and back."""
        return not self._spread and self._map is self._stages[1] and leaves(shot.gain, self.look.push)

    def _before_grain(
        self, shot: Shot, corners: list[tuple[int, int]], wide: Wide, place: Place, watch: Watch | None
    ) -> Tensor:
        """Density (of stocks without layers: log10 exposure) `B,L,H,W` of the blocks, with the margins that are read later."""
        field, unspread = self._on_film(shot, corners, wide)
        if wide.inhibitors and unspread is not None:
            if self._vignette:
                unspread = self._vignette(unspread, place)
            around, beside = self._around(corners, wide.inhibitors, wide.beside)
            place = dataclasses.replace(place, around=around, unspread=unspread, beside_lamps=beside)
        if watch:
            watch("exposure", place.cut(field), corners)
        for stage in self._first:
            field = self._watched(stage, field, place, watch)
        return field

    def _finish(self, shot: Shot, fused: Fused | FusedGpu, corner: tuple[int, int], wide: Wide, key: int, frame: int) -> None:
        """Develops the block at this corner into the shot's output, as `developed` and `Pixels.write` do, in kernels."""
        around, beside = None, None
        told: dict[str, Any] = {}
        if self._map:
            told = {"offset": shot.offset, "is_code": self._maps_alone(shot)}
        if isinstance(fused, Fused) and told.get("is_code"):
            exposure, unspread = fused.code(shot.pixels, self.lattice.begin([corner])[0], self.lattice.inner), None
        else:
            exposure, unspread = self._on_film(shot, [corner], wide)
        if wide.inhibitors and unspread is not None:
            around, beside = self._around([corner], wide.inhibitors, wide.beside)
        rows, cols = (min(n, m - c) for n, m, c in zip(self.lattice.block, self.lattice.size, corner, strict=True))
        block = Block(*corner, rows, cols, *self.lattice.size)
        margins = self.lattice.margin, self._reach
        fused.finish(shot.pixels, block, exposure, unspread, around, beside, margins, key, self.look.strength, frame, **told)

    def _around(
        self, corners: list[tuple[int, int]], inhibitors: WideSpread, beside_lamps: Spline | None
    ) -> tuple[Tensor, Tensor | None]:
        """What blocks are told of their surroundings where edges give something: `around` and `beside_lamps` of `Place`."""
        reach, (height, width) = self._reach, self.lattice.block
        at = [(y - reach, x - reach, height + 2 * reach, width + 2 * reach) for y, x in corners]
        around, beside = torch.stack([inhibitors(*a) for a in at]), [beside_lamps(*a) if beside_lamps else None for a in at]
        if all(b is None for b in beside):
            return around, None
        return around, torch.stack([torch.zeros_like(around[0, :1]) if b is None else b for b in beside])

    @staticmethod
    def _watched(stage: Stage, field: Tensor, place: Place, watch: Watch | None) -> Tensor:
        field = stage(field, place)
        if watch:
            watch(stage.name, place.cut(field), place.corners)
        return field

    def shot(self, pixels: Pixels, gain: Tensor, lock: ExposureLock | None) -> Shot:
        """The picture, as the lens throws it on the film, with what is decided for the whole of it."""
        if changes(self.look, pixels):
            pixels = self._through_lens(pixels)

        def survey(of: Pixels) -> Tensor | None:
            height, width = self.lattice.size if of is pixels else of.source.shape[:2]
            return self._map.survey(of, gain, (height, width), self.each) if self._map else None

        offset = lock.offset(self.look, pixels, survey) if lock and self._map else survey(pixels)
        return Shot(pixels, gain, offset, self._fused(pixels), steady=lock is not None)

    def _through_lens(self, pixels: Pixels) -> Pixels:
        """The picture as the lens throws it on the film; what is kept of it from before is used again."""
        key = (*(getattr(self.look, key) for key in KEYS), self._frame_um, self.device)
        kept = pixels.kept
        found = kept.thrown.get(key) if kept else None
        if found is None:
            kernels = chosen_kernels() if self.device.type == "cpu" else None
            found = through_lens(pixels, self.lattice.size, self.look, self._frame_um, self.each, kernels)
            if kept:
                kept.thrown = {key: found}
        return pixels.through(*found)

    def _fused(self, pixels: Pixels) -> Fused | FusedGpu | None:
        """What develops these pixels in compiled kernels; None: PyTorch does."""
        how = self.stock.film, self._stages, self.look, self._apart, pixels, self.device
        fused = fused_for(*how, self._with_kernels)
        self._with_kernels = fused or self._with_kernels
        return fused

    def left_to_pytorch(self, pixels: Pixels) -> str:
        """Why the CPU's kernels cannot develop these pixels; nothing: they can."""
        return Fused.unfit(self._stages, pixels)

    def _ungrained_by(self, shot: Shot) -> tuple[Hashable, ...]:
        """What the blocks before grain, and the survey, depend on beside the picture."""
        look = dataclasses.replace(self.look, **_LATE)
        added = () if self._emulsion is None or self._emulsion.added is None else tuple(self._emulsion.added.flatten().tolist())
        moment = shot.moment if look.weave or look.breath else None  # else the picture lies still
        return self.stock, look, added, self.lattice.margin, tuple(shot.gain.tolist()), moment

    def run(
        self, shot: Shot, seed: int, frame: int, in_flight: int, crop: Crop | None = None, kept: Kept | None = None
    ) -> Iterator[int]:
        """Develops a shot into its output, `in_flight` blocks at a time; yields the blocks done, a group at a time.

        Args:
            crop: only the blocks that meet it are developed, to the same bits.
            kept: what is known of the picture from before, and comes to know what is found now.
        """
        found = kept.of(self._ungrained_by(shot)) if kept and self.device.type == "cpu" else Found()
        wide: Wide = found.wide or self.survey(shot)
        found.wide = wide
        key, corners = noise_key(seed, frame), self.lattice.corners(crop)
        threads = min(in_flight, thread_count()) if self.device.type == "cpu" else 1
        size = in_flight // threads
        blocks = found.blocks if kept else None

        def work(group: list[tuple[int, int]]) -> int:
            group, count = [at for at in group if shot.pixels.is_open(*at, *self.lattice.block)], len(group)
            if shot.fused:
                for corner in group:
                    self._finish(shot, shot.fused, corner, wide, key, frame)
                return count
            for (y, x), code in zip(group, self.developed(shot, group, wide, key, kept=blocks) if group else (), strict=True):
                shot.pixels.write(y, x, code, self.look.strength, frame)
            return count

        if shot.fused:
            light, inhibitors = (shot.fused.splined(spread) for spread in (wide.light, wide.inhibitors))
            wide = dataclasses.replace(wide, light=light, inhibitors=inhibitors)
        groups = [corners[i : i + size] for i in range(0, len(corners), size)]
        yield from self.each(work, groups, threads)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    """`1,L,H,W` of several blocks as one; one block needs no copy."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def development(stock: Stock, look: Look, height: int, width: int, device: torch.device) -> Development:
    """A `Development`, kept for the next picture of the same size and look, as long as its paper's file stays as it is.

    Looks that differ in the light's gain alone, as from frame to frame of a film that fades in, share it.

    Raises:
        LookError, StockFileError: the paper is missing or damaged.
    """
    if stock.kind != "network":  # which judges a picture by what it is exposed to
        look = dataclasses.replace(look, **_GAIN)
    return _kept(stock, look, paper_of(stock, look.print), height, width, device)


_GAIN: dict[str, Any] = {
    s.key: s.default for s in SETTINGS if s.key in ("exposure", "lab", "light_balance", "filter", "flicker")
}


@lru_cache(maxsize=6)
def _kept(stock: Stock, look: Look, paper: Paper | None, height: int, width: int, device: torch.device) -> Development:
    return Development(stock, look, height, width, device)
