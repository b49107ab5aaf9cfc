"""Pixels in memory: what `develop` reads blocks from and writes blocks to, whatever holds the picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from filmlook.engine.kept import Kept
from filmlook.engine.transparency import without_hidden
from filmlook.errors import PictureError
from filmlook.files import picture
from filmlook.film.colour_map import Each
from filmlook.film.scene_light import MID_GREY, SCENE_GREY, display_code, scene_light
from filmlook.stages.psf import mirror_index

_FULL = {torch.uint8: 255.0, torch.int16: 65535.0}  # int16 stands for the bits of 16-bit unsigned samples
_THUMBNAIL_ROWS = 64  # read at once
# Increments of the R2 sequence (Roberts 2018): its fractional parts fill the unit square evenly, so do its dithers.
_R2 = tuple(n - 2**32 for n in (0xC13FA9A9, 0x91E10DA5, 0x9E3779B9))


@dataclass(frozen=True)
class LampMap:
    """Lamps of a picture that was scaled down (see `engine.lamp_map`): `share` `1,h,w` of each pixel's light that is theirs,
    and their t, as of `stages.lamps`."""

    share: Tensor
    t: Tensor

    def __call__(self, y: int, x: int, height: int, width: int) -> tuple[Tensor, Tensor] | None:
        """Share and t of the pixels from (y, x), mirrored beyond the picture; None: there are no lamps."""
        rows, columns = (mirror_index(at, n, m) for at, n, m in ((y, height, self.t.shape[1]), (x, width, self.t.shape[2])))
        share, t = (part.index_select(1, rows).index_select(2, columns) for part in (self.share, self.t))
        return (share, t) if bool(share.any()) else None


class Pixels:
    """One picture and its developed copy.

    Args:
        source: `H,W,C`, C of 3 or 4 (alpha last), or 1 for grey: uint8, int16 (bits of 16-bit unsigned) or float.
        out: `H,W,C`, C of 3 or 4, of the same type unless the source is light; alpha is already in it.
        device: where blocks are wanted.
        scene_linear: the source is no code, but the light of a scene with mid-grey at .18. It may be of any size, and negative
            where sRGB's primaries cannot make a colour.

    Attributes:
        lamps: a `LampMap`, of a picture that was scaled down; None: lamps are looked for in it.
        mask: `H,W` in [0, 1], how much of what is written counts; None: all of it. Where it is 0 `out` stays as it is.
        depth: `H,W` in [0, 1], a map of disparity, 1 where it is nearest; None: nobody knows.
        kept: what is known of the picture from before; None: nothing.
        before: the picture that mask and strength mix in, where a lens has changed this one; None: this one.
    """

    def __init__(self, source: Tensor, out: Tensor, device: torch.device, scene_linear: bool = False) -> None:
        self._source, self._out, self._device, self.scene_linear = source, out, device, scene_linear
        self.mask: Tensor | None = None
        self.lamps: LampMap | None = None
        self.depth: Tensor | None = None
        self.kept: Kept | None = None
        self.before: Pixels | None = None

    @property
    def source(self) -> Tensor:
        """The samples `H,W,C` that it is read from."""
        return self._source

    def like(self, source: Tensor, scene_linear: bool) -> Pixels:
        """Another picture, wanted on the same device; nothing is written to it."""
        return Pixels(source, source, self._device, scene_linear)

    def with_source(self, source: Tensor) -> Pixels:
        """The same picture, read from other samples `H,W,C`."""
        read = Pixels(source, self._out, self._device, self.scene_linear)
        read.mask, read.lamps = self.mask, self.lamps
        return read

    def _patch(self, y: int, x: int, height: int, width: int) -> Tensor:
        """Samples `(3, height, width)` from (y, x), mirrored beyond the picture."""
        patch = self._source[..., :3]
        for axis, (start, count) in enumerate(((y, height), (x, width))):
            size = self._source.shape[axis]
            first, last = max(0, start), min(size, start + count)
            if last - first == count:
                patch = patch.narrow(axis, first, count)
                continue
            before, after = (
                mirror_index(start, max(0, first - start), size),
                mirror_index(last, start + count - last, size),
            )
            outside = [patch.index_select(axis, i.to(patch.device)) for i in (before, after)]
            patch = torch.cat((outside[0], patch.narrow(axis, first, last - first), outside[1]), axis)
        patch = patch.to(self._device).movedim(2, 0).expand(3, -1, -1)
        return patch.to(torch.int32) & 0xFFFF if patch.dtype == torch.int16 else patch

    def code(self, y: int, x: int, height: int, width: int) -> Tensor:
        """Code values `(3, height, width)` in [0, 1], from (y, x), mirrored beyond the picture."""
        patch = self._patch(y, x, height, width)
        full = _FULL.get(self._source.dtype)
        code = patch.to(torch.float32).contiguous()
        if self.scene_linear:
            return display_code(self._scaled(code).clamp_min_(0)).clamp_(0, 1)
        return code.clamp(0, 1) if full is None else code * (1 / full)

    def _scaled(self, samples: Tensor) -> Tensor:
        """Scene light of samples that are light."""
        return samples * (MID_GREY / SCENE_GREY / _FULL.get(self._source.dtype, 1.0))

    def light(self, y: int, x: int, height: int, width: int) -> Tensor:
        """Scene light `(3, height, width)`, as `code`; negative only where it is known to be so."""
        if self.scene_linear:
            patch = self._patch(y, x, height, width)
            return self._scaled(patch.to(torch.float32).contiguous())
        if self._source.dtype not in _FULL:
            return scene_light(self.code(y, x, height, width))
        index = self._patch(y, x, height, width).to(torch.int32, memory_format=torch.contiguous_format)
        table = _light_of_samples(self._device, int(_FULL[self._source.dtype]))
        return torch.index_select(table, 0, index.flatten()).view(index.shape)

    def through(self, light: Tensor, lamps: LampMap) -> Pixels:
        """The same picture where a lens has thrown scene light `3,H,W` on the film, some of it lamps'."""
        source = light.movedim(0, -1) * (SCENE_GREY / MID_GREY)
        made = Pixels(source, self._out, self._device, scene_linear=True)
        made.mask, made.lamps, made.before = self.mask, lamps, self
        return made

    def thumbnail(self, height: int, width: int, each: Each) -> Tensor:
        """Code values `(3, height, width)` of the whole picture made smaller (never larger) by averaging its pixels."""
        full_height, full_width = self._source.shape[:2]
        rows = torch.empty((3, full_height, width), device=self._device)

        def narrowed(y: int) -> None:
            strip = self.code(y, 0, min(_THUMBNAIL_ROWS, full_height - y), full_width)
            rows[:, y : y + _THUMBNAIL_ROWS] = adaptive_avg_pool2d(strip, (strip.shape[1], width))

        for _ in each(narrowed, range(0, full_height, _THUMBNAIL_ROWS)):
            pass
        return adaptive_avg_pool2d(rows, (height, width))

    def sample(self, side: int) -> Tensor:
        """Code values `(3, side, side)` of single pixels, evenly spread: unlike means, they keep the extremes."""
        rows, columns = (evenly(side, n).to(self._source.device) for n in self._source.shape[:2])
        small = Pixels(self._source[rows][:, columns], self._out, self._device, self.scene_linear)
        return small.code(0, 0, side, side)

    def scattered(self, step: int) -> Pixels:
        """A picture of one pixel from every square of `step` pixels, anywhere in it: what is regular would beat with a grid."""
        height, width = self._source.shape[:2]
        at = _scattered(height, width, step)
        source = self._source.reshape(height * width, -1).index_select(0, at.flatten().to(self._source.device))
        return Pixels(source.view(*at.shape, -1), self._out, self._device, self.scene_linear)

    def is_open(self, y: int, x: int, height: int, width: int) -> bool:
        """Whether the mask lets anything be written there."""
        return self.mask is None or bool(self.mask[y : y + height, x : x + width].any())

    def write(self, y: int, x: int, code: Tensor, strength: float, frame: int) -> None:
        """Writes code values `(3, h, w)` from (y, x), as far as the picture reaches."""
        height, width = (min(n, m - i) for n, m, i in zip(code.shape[1:], self._out.shape, (y, x), strict=False))
        code = code[:, :height, :width]
        mask = None if self.mask is None else self.mask[y : y + height, x : x + width].to(code.device)
        if mask is not None or strength < 1:
            old = (self.before or self).code(y, x, height, width)
            code = torch.lerp(old, code, strength if mask is None else strength * mask)
        out = self._out[y : y + height, x : x + width, :3]
        full = _FULL.get(out.dtype)
        if full is not None:
            code = code * full
            code = code.add_(_dither(y, x, height, width, frame, code.device)) if full == 255 else code.round_()
            code = code.to(torch.int32)
        code = code.movedim(0, 2)
        if mask is not None:
            code = torch.where(mask[..., None] > 0, code.to(out.dtype), out.to(code.device))
        out.copy_(code)

    def whole_numbers(self) -> tuple[np.ndarray, tuple[int, int, int]] | None:
        """The samples in a row, if they are unsigned codes of 8 or 16 bit in main memory: with their picture's height, width
        and samples a pixel. None: they are not."""
        source, full = self._source, _FULL.get(self._source.dtype)
        if full is None or self.scene_linear or source.device.type != "cpu" or not source.is_contiguous():
            return None
        samples = source.numpy().reshape(-1)
        shape = source.shape[0], source.shape[1], source.shape[2]
        return samples if full == 255 else samples.view(np.uint16), shape

    def light_of_samples(self) -> Tensor:
        """Scene light of each code that samples of these whole numbers can have."""
        return _light_of_samples(self._source.device, int(_FULL[self._source.dtype]))

    def code_of_samples(self) -> Tensor:
        """Display code of each, as of `light_of_samples`."""
        return _code_of_samples(int(_FULL[self._source.dtype]))

    def on_device(self) -> tuple[Tensor, Tensor] | None:
        """The samples `H,W,C` on the device, if they are unsigned codes of 8 or 16 bit (as int16), and the scene light of each
        code. None: they are not. They are brought there once."""
        full = _FULL.get(self._source.dtype)
        if full is None or self.scene_linear:
            return None
        self._source = self._source.to(self._device)
        return self._source, _light_of_samples(self._device, int(full))

    def bytes_on_device(self) -> Tensor | None:
        """The developed copy `H,W,C`, if it is bytes without gaps on the device."""
        out = self._out
        return out if out.dtype == torch.uint8 and out.device == self._device and out.is_contiguous() else None

    @property
    def has_bytes(self) -> bool:
        """Whether the developed copy is of 8 bits."""
        return self._out.dtype == torch.uint8

    def put(self, y: int, x: int, samples: Tensor) -> None:
        """Writes samples `h,w,3` of the copy's own type from (y, x)."""
        self._out[y : y + samples.shape[0], x : x + samples.shape[1], :3].copy_(samples)

    def bytes_out(self) -> tuple[np.ndarray, int] | None:
        """The developed copy's bytes in a row, and how many a pixel has; None: it has none, or not in main memory."""
        out = self._out
        if out.dtype != torch.uint8 or out.device.type != "cpu" or not out.is_contiguous():
            return None
        return out.numpy().reshape(-1), out.shape[2]


def evenly(count: int, length: int) -> Tensor:
    """`count` indices, evenly spread over `length`."""
    return ((torch.arange(count) + 0.5) * length / count).long()


@lru_cache(maxsize=4)
def _scattered(height: int, width: int, step: int) -> Tensor:
    """Where those pixels lie in a row of all, int32: throwing the dice takes longer than reading the pixels."""
    cells, dice = (-(-height // step), -(-width // step)), torch.Generator().manual_seed(0)
    rows, columns = (torch.randint(step, cells, generator=dice) for _ in range(2))
    rows += torch.arange(0, height, step)[:, None]
    columns += torch.arange(0, width, step)
    return (rows.clamp_max_(height - 1) * width + columns.clamp_max_(width - 1)).to(torch.int32)


@cache
def _light_of_samples(device: torch.device, full: int) -> Tensor:
    """Scene light of every sample of 8 or 16 bits."""
    return scene_light(torch.arange(full + 1) / full).to(device)


@cache
def _code_of_samples(full: int) -> Tensor:
    """Display code of every sample of 8 or 16 bits."""
    return torch.arange(full + 1, dtype=torch.float32) * (1 / full)


def dither_shift(frame: int) -> int:
    """By how much a frame's thresholds are turned, of 2^32, as a signed number."""
    return (frame * _R2[2] + 2**31) % 2**32 - 2**31


def _dither(y: int, x: int, height: int, width: int, frame: int, device: torch.device) -> Tensor:
    """Thresholds `(3, height, width)` in (0, 1), evenly spread over the picture, another pattern for every frame."""
    apart = 7  # pixels between what the channels see of one pattern
    rows = torch.arange(y, y + height, dtype=torch.int32, device=device)[:, None]
    cols = torch.arange(x, x + width + 2 * apart, dtype=torch.int32, device=device)[None]
    fractions = rows * _R2[1] + (cols * _R2[0] + dither_shift(frame))  # of 2^32, as signed numbers that wrap
    # Never quite 0 or 1: a code that is a whole number up to rounding errors comes back as it was.
    thresholds = fractions.to(torch.float32).mul_(0.98 / 2**32).add_(0.5)
    return thresholds.unfold(1, width, apart).movedim(1, 0)


_UINT16 = getattr(torch, "uint16", None)  # since torch 2.3
_KINDS = "allowed are 8 bit, 16 bit unsigned and float"

Sources = list[tuple[Tensor, Tensor]]


def unpack(image: Any, scene_linear: bool = False, filled: bool = False) -> tuple[Sources, Callable[[list[Tensor]], Any], bool]:
    """Each picture of an image as source and out, a function that puts the outs together again, and whether the sources are
    scene-linear (see `Pixels`): a `Picture` may have light of its own. Where outs are `filled`, the picture is in them already.

    Raises:
        PictureError: the image is of a kind or shape that is not understood, empty, or holds NaN or infinity.
    """
    if isinstance(image, Image.Image):
        read = picture.from_pil(image, scene_linear=scene_linear)
        return [_of_picture(read, filled)], lambda outs: picture.to_pil(_remade(read, outs[0])), read.light is not None
    if isinstance(image, picture.Picture):
        return [_of_picture(image, filled)], lambda outs: _remade(image, outs[0]), scene_linear or image.light is not None
    if isinstance(image, np.ndarray):
        name = f"array {image.shape} of {image.dtype}"
        if image.ndim not in (2, 3, 4):
            raise PictureError(f"{name}: allowed are H,W or H,W,C or B,H,W,C")
        stack = _as_tensor(image[..., None] if image.ndim == 2 else image)
        sources = [_pair(s, name, filled) for s in (stack if image.ndim == 4 else stack[None])]

        def to_array(outs: list[Tensor]) -> np.ndarray:
            arrays = [_as_array(out, image.dtype) for out in outs]
            return np.stack(arrays) if image.ndim == 4 else arrays[0]

        return sources, to_array, scene_linear
    if isinstance(image, Tensor):
        name = f"tensor {tuple(image.shape)} of {image.dtype}"
        if image.ndim not in (3, 4):
            raise PictureError(f"{name}: allowed are C,H,W or B,C,H,W")
        if image.dtype == torch.int16:
            raise PictureError(f"{name}: {_KINDS}")
        samples = image.view(torch.int16) if image.dtype == _UINT16 else image
        stack = (samples if image.ndim == 4 else samples[None]).detach().movedim(1, -1)

        def to_tensor(outs: list[Tensor]) -> Tensor:
            planes = [out.movedim(-1, 0).contiguous() for out in outs]
            return (torch.stack(planes) if image.ndim == 4 else planes[0]).view(image.dtype)

        return [_pair(s, name, filled) for s in stack], to_tensor, scene_linear
    raise PictureError(f"{type(image).__name__} is not an image; allowed are PIL images, numpy arrays, torch tensors")


def _of_picture(read: picture.Picture, filled: bool) -> tuple[Tensor, Tensor]:
    pixels = _as_tensor(read.pixels)
    source, out = _pair(pixels, "picture", filled)
    if read.light is None:
        return source, out
    light = _as_tensor(read.light)
    if not light.isfinite().all():
        raise PictureError("picture: its light holds NaN or infinity")
    return (without_hidden(light, pixels[..., 3]) if pixels.shape[2] == 4 else light), out


def _remade(read: picture.Picture, out: Tensor) -> picture.Picture:
    return dataclasses.replace(read, pixels=_as_array(out, read.pixels.dtype), light=None)


def _pair(source: Tensor, name: str, filled: bool) -> tuple[Tensor, Tensor]:
    height, width, channels = source.shape
    if not height or not width or channels not in (1, 3, 4):
        raise PictureError(f"{name}: allowed are 1, 3 or 4 channels and at least one pixel")
    if source.dtype not in _FULL and not source.dtype.is_floating_point:
        raise PictureError(f"{name}: {_KINDS}")
    if source.dtype.is_floating_point and not source.isfinite().all():
        raise PictureError(f"{name}: it holds NaN or infinity")
    out = source.new_empty((height, width, max(channels, 3)))
    if filled:
        out[..., :3] = source[..., :3]
    if channels == 4:
        out[..., 3] = source[..., 3]
        source = without_hidden(source, source[..., 3])
    return source, out


def _as_tensor(array: np.ndarray) -> Tensor:
    array = np.ascontiguousarray(array)
    if not array.flags.writeable:
        array = array.copy()  # torch warns of tensors on memory that must not be written
    if array.dtype == np.uint16:
        array = array.view(np.int16)
    elif array.dtype == np.int16 or array.dtype not in (np.uint8, np.float16, np.float32, np.float64):
        raise PictureError(f"array of {array.dtype}: {_KINDS}")
    return torch.from_numpy(array)


def _as_array(out: Tensor, dtype: np.dtype) -> np.ndarray:
    return out.numpy().view(dtype)
