"""Proofs: quick prints to choose by, of one picture again and again. Small ones of the whole, and parts at full size.

A small proof is what the whole result is when it is scaled down: the picture is scaled first, and the pitch of its larger
pixels makes light, grain and edges what they are then. A part has the very bits of the result.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image

from filmlook.engine.develop import run_plans
from filmlook.engine.kept import Kept, bytes_of
from filmlook.engine.lamp_map import lamps_light
from filmlook.engine.lattice import Crop
from filmlook.engine.mask import masks_of
from filmlook.engine.metering import ExposureLock, light_gain
from filmlook.engine.pixels import LampMap, Pixels, unpack
from filmlook.engine.plan import development
from filmlook.errors import PictureError
from filmlook.files.picture import Picture
from filmlook.film.scene_light import display_code
from filmlook.look import Look
from filmlook.stock import load_stock

_FEW = 4.0  # a quarter of a pixel's light is enough of a lamp's for its mean to be that of light
_MOST_SMALLER = 2**26  # bytes of a picture's smaller copies; the latest is kept however large it is


@dataclass
class _Smaller:
    """A smaller copy: as it is shown, as it is developed, with its lamps, and what is kept of it."""

    shown: Picture
    source: Picture
    lamps: LampMap | None = None
    kept: Kept = field(default_factory=Kept)
    depth: str = ""
    """The name of the depth map that what is kept was blurred by."""

    @property
    def nbytes(self) -> int:
        pictures = [self.shown] if self.source is self.shown else [self.shown, self.source]
        samples = sum(p.pixels.nbytes + (0 if p.light is None else p.light.nbytes) for p in pictures)
        lamps = bytes_of(self.lamps.share) + bytes_of(self.lamps.t) if self.lamps else 0
        return samples + lamps + self.kept.nbytes


@dataclass(frozen=True)
class GivenDepth:
    """A depth map that somebody gave: a name by which it is known again, and the map as a picture, white is near."""

    name: str
    picture: Picture
    far_white: bool = False

    @property
    def key(self) -> str:
        return f"{self.name} {self.far_white}"


class Proofs:
    """What proofs of one picture are made from: smaller copies of it, and what is found of the whole of it.

    Several threads may use it at once.

    Args:
        picture: as `files.picture.read` gives it; it is not changed.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.find_depth: Callable[[Picture], Any] | None = None
        """Finds the depth map of the picture, as `develop` takes it, when the first look with an aperture comes."""
        self._found: list[np.ndarray | None] = []
        self._given: tuple[str, np.ndarray] | None = None  # the latest one, by its key
        self._lock = threading.Lock()
        self._scaling = threading.Lock()  # of its own: who asks how much is held does not wait until a picture is scaled
        self._whole = _Smaller(picture, picture)
        self._smaller: OrderedDict[int, _Smaller] = OrderedDict()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        height, width = self.picture.pixels.shape[:2]
        return height, width

    @property
    def nbytes(self) -> int:
        """What is held of the picture, in bytes."""
        with self._lock:
            copies = sum(copy.nbytes for copy in (self._whole, *self._smaller.values()))
        given = self._given
        maps = [*self._found, given[1] if given else None]
        return copies + sum(0 if plane is None else plane.nbytes for plane in maps)

    def forget(self) -> None:
        """Lets go of all but the picture."""
        with self._lock:
            self._smaller.clear()
            self._given = None
            self._whole = _Smaller(self.picture, self.picture)

    def smaller(self, long_side: int) -> Picture:
        """The picture as it was, with a long side of so many pixels; never larger than it is."""
        return self._at(long_side).shown

    def part(self, crop: Crop) -> Picture:
        """Part of the picture as it was. Raises PictureError for one that is not in it."""
        y, x, height, width = self._checked(crop)
        return Picture(self.picture.pixels[y : y + height, x : x + width])

    def developed(
        self,
        look: Look,
        *,
        seed: int = 0,
        long_side: int = 768,
        crop: Crop | None = None,
        device: torch.device | None = None,
        progress: Callable[[float], None] | None = None,
        depth: GivenDepth | None = None,
    ) -> Picture:
        """The whole picture developed at a long side, or part of it (`crop`) at its full size.

        Small proofs have 16 bits: what 8 bits' dithering does to single pixels is gone where a picture is scaled down.

        Args:
            look: as `develop`'s, with stock and print by their names.
            seed, device, progress: as of `develop`.
            depth: what a look with an aperture blurs by; None: what `find_depth` finds.

        Raises:
            LookError, StockFileError: as `develop`; PictureError: the crop does not lie in the picture, or the depth map has
                another size than it.
        """
        if crop:
            if look.strength == 0:
                return self.part(crop)
            full = self._whole
            plane = self._depth_for(look, full, depth)
            how: dict[str, Any] = {"crop": self._checked(crop), "kept": full.kept, "depth": plane}
            return self._run(self.picture, look, seed, device, progress, **how)
        small = self._at(long_side)
        if look.strength == 0:
            return small.shown
        lock = ExposureLock()
        if look.lab:  # it judges the picture by single pixels, and by other ones where there are fewer
            sources, _, is_light = unpack(self.picture)
            whole = [Pixels(*pair, torch.device("cpu"), is_light) for pair in sources]
            light_gain(look, load_stock(look.stock), whole, lock)
        plane = self._depth_for(look, small, depth)
        return self._run(small.source, look, seed, device, progress, lock, lamps=small.lamps, kept=small.kept, depth=plane)

    def nearness(self, given: GivenDepth | None = None) -> np.ndarray | None:
        """The picture's depth map `(h, w)`, from 0, the farthest, to 1: the one that is given, else what `find_depth` finds;
        None: there is none. Raises PictureError for one of another size."""
        with self._scaling:
            if given is None:
                if not self._found:
                    found = self.find_depth(self.picture) if self.find_depth else None
                    self._found.append(None if found is None else masks_of(found, [self.size], "depth map")[0].numpy())
                return self._found[0]
            if self._given is None or self._given[0] != given.key:
                plane = masks_of(given.picture, [self.size], "depth map")[0].numpy()
                self._given = given.key, 1 - plane if given.far_white else plane
            return self._given[1]

    def _depth_for(self, look: Look, copy: _Smaller, given: GivenDepth | None) -> np.ndarray | None:
        """The depth map of a copy, for a look that blurs by it; None: there is none. What is kept of the copy is blurred by it
        from then on."""
        if not look.aperture:
            return None
        whole, key = self.nearness(given), given.key if given else ""
        with self._lock:
            if copy.depth != key:
                copy.kept, copy.depth = Kept(), key
        size = copy.source.pixels.shape[:2]
        if whole is None or whole.shape == size:
            return whole
        return _means(whole[..., None], (size[1], size[0]))[..., 0].clip(0, 1)

    @staticmethod
    def _run(
        picture: Picture, look: Look, seed: int, device: Any, progress: Any, lock: ExposureLock | None = None, **how: Any
    ) -> Picture:
        made: Picture = run_plans(development, picture, look, seed, 0, None, device, lock, progress, **how)
        return Picture(made.pixels)

    def _checked(self, crop: Crop) -> Crop:
        y, x, height, width = crop
        if not (0 <= y < y + height <= self.size[0] and 0 <= x < x + width <= self.size[1]):
            raise PictureError(f"crop {[x, y, width, height]} does not lie in a picture of {self.size[1]} x {self.size[0]}")
        return crop

    def _at(self, long_side: int) -> _Smaller:
        if long_side >= max(self.size):
            return self._whole
        with self._scaling:
            with self._lock:
                copy = self._smaller.get(long_side)
            copy = copy or scaled_down(self.picture, long_side)
            with self._lock:
                self._smaller[long_side] = copy
                self._smaller.move_to_end(long_side)
                while len(self._smaller) > 1 and sum(c.nbytes for c in self._smaller.values()) > _MOST_SMALLER:
                    self._smaller.popitem(last=False)
            return copy


def scaled_down(picture: Picture, long_side: int) -> _Smaller:
    """A picture with a long side of so many pixels, of 16 bits: means over the area of each pixel, of code; and, to develop,
    of light where there is some of lamps, or where it is all that is known."""
    height, width = picture.pixels.shape[:2]
    scale = long_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    full = 65535 if picture.pixels.dtype == np.uint16 else 255
    pixels = picture.pixels.astype(np.float32)
    seen = None
    if pixels.shape[2] == 4:  # what is hidden has no say in what is seen
        seen = pixels[..., 3] / full
        pixels[..., :3] *= seen[..., None]
    planes = _means(pixels, size)
    light = None if picture.light is None else _means(picture.light * (1 if seen is None else seen[..., None]), size)
    if seen is not None:
        share = (planes[..., 3:] / full).clip(1e-6)
        planes[..., :3] /= share
        light = None if light is None else light / share
    planes *= 65535 / full
    shown = Picture(_sixteen_bit(planes), light=light)
    bright = None if light is not None else lamps_light(picture)
    if bright is None:
        return _Smaller(shown, shown)
    lamps = _with_lamps(planes, _means(bright, size))
    return _Smaller(shown, Picture(_sixteen_bit(planes)), lamps)


def _sixteen_bit(planes: np.ndarray) -> np.ndarray:
    return np.asarray(planes.round().clip(0, 65535), np.uint16)


def _with_lamps(planes: np.ndarray, light: np.ndarray) -> LampMap:
    """The lamps in light `(h, w, 6)` as `lamps_light` gives it; where they are, codes `(h, w, 3 or 4)` become the light's."""
    rgb, total, own, own_t = light[..., :3], light[..., 3], light[..., 4], light[..., 5]
    share = (own / total.clip(1e-9)).clip(0, 1)
    code = display_code(torch.from_numpy(rgb.clip(1e-9))).numpy() * 65535
    planes[..., :3] += (code - planes[..., :3]) * (share * _FEW).clip(0, 1)[..., None]
    t = (own_t / own.clip(1e-9)).clip(0, 1)
    return LampMap(*(torch.from_numpy(np.ascontiguousarray(part, np.float32))[None] for part in (share, t)))


def _means(samples: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Samples `H,W,C` as `h,w,C`, `size` being w and h: each the mean over its area."""
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(samples[..., i], np.float32)).resize(size, Image.Resampling.BOX))
        for i in range(samples.shape[2])
    ]
    return np.stack(planes, -1)
