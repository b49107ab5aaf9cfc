"""RGB spaces: which colour a sample stands for, and samples of any of them to sRGB and back.

What sRGB cannot hold is not lost: beside the pixels, which are clipped to sRGB, there is then the light of the scene, which
may be negative or brighter than white.

References: IEC 61966-2-1 (sRGB), ITU-T H.273 (the numbers of cICP and nclx), PNG 3rd edition (gAMA, cHRM), Adobe RGB (1998),
Bradford's chromatic adaptation as in ICC.1:2022, annex E.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from filmlook.errors import PictureError
from filmlook.film.scene_light import MID_GREY, SCENE_GREY, display_code, extended_scene_light

Curve = Callable[[np.ndarray], np.ndarray]
"""Samples 0..1 to linear light 0..1."""

_STRIP_PIXELS = 1 << 18  # converted at once
_OUTSIDE = 0.5 / 255  # code beyond 0..1 from which a colour is outside sRGB, and not a rounding of one at its edge

D65 = (0.3127, 0.3290)
SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_P3_PRIMARIES = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_ADOBE_PRIMARIES = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
_ADOBE_GAMMA = 563 / 256

_BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))
_D50_XYZ = np.array((0.9642, 1.0, 0.8249))  # of the profile connection space


def gamma(power: float) -> Curve:
    return lambda code: np.abs(code) ** power * np.sign(code)


def linear(code: np.ndarray) -> np.ndarray:
    return code


def srgb_light(code: np.ndarray) -> np.ndarray:
    """Linear light of sRGB code; negative codes mirror the positive ones."""
    size = np.abs(code)
    return np.asarray(np.sign(code) * np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4))


def srgb_code(light: np.ndarray) -> np.ndarray:
    """The inverse of `srgb_light`."""
    size = np.abs(light)
    return np.asarray(np.sign(light) * np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055))


def _bt709_light(code: np.ndarray) -> np.ndarray:
    size = np.abs(code)
    return np.asarray(np.sign(code) * np.where(size < 0.081243, size / 4.5, ((size + 0.099297) / 1.099297) ** (1 / 0.45)))


def _smpte240_light(code: np.ndarray) -> np.ndarray:
    return np.where(code < 0.0913, code / 4, ((np.maximum(code, 0) + 0.1115) / 1.1115) ** (1 / 0.45))


@dataclass(frozen=True)
class ColourSpace:
    """What the samples of a picture stand for.

    Attributes:
        to_srgb: `(3, 3)`, its linear light to linear sRGB.
        curves: of red, green and blue.
    """

    to_srgb: np.ndarray
    curves: tuple[Curve, Curve, Curve]

    def chromaticities(self) -> list[float]:
        """x and y of red, green, blue and white."""
        xyz = _to_xyz(SRGB_PRIMARIES, D65) @ self.to_srgb
        points = np.column_stack([xyz, xyz.sum(1)])
        return [float(n) for n in (points[:2] / points.sum(0)).T.ravel()]

    def scene_linear(self) -> ColourSpace:
        """The same primaries for samples that are light already."""
        return ColourSpace(self.to_srgb, (linear,) * 3)

    def moves(self) -> bool:
        """Whether a colour of it is another in sRGB, by more than 2 of 255: the roundings of a profile's tables."""
        steps = np.linspace(0, 1, 18)
        probe = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3)
        light = np.stack([curve(probe[:, i]) for i, curve in enumerate(self.curves)], -1) @ self.to_srgb.T
        return bool(np.abs(srgb_code(light).clip(0, 1) - probe).max() > 2 / 255)


def space_of(primaries: tuple[tuple[float, float], ...], white: tuple[float, float], curve: Curve) -> ColourSpace:
    """A space by the chromaticities (x, y) of its red, green, blue and white. Raises ValueError for what spans no colours."""
    return ColourSpace(_from_xyz(D65) @ _adapted(_xyz(white), _xyz(D65)) @ _to_xyz(primaries, white), (curve,) * 3)


def space_of_profile(columns: np.ndarray, curves: tuple[Curve, Curve, Curve]) -> ColourSpace:
    """A space by the columns `(3, 3)` of an ICC profile, XYZ under D50."""
    return ColourSpace(_from_xyz(D65) @ _adapted(_D50_XYZ, _xyz(D65)) @ columns, curves)


def profile_columns(space: ColourSpace) -> np.ndarray:
    """The inverse of `space_of_profile`: XYZ under D50 of red, green and blue."""
    return np.asarray(_adapted(_xyz(D65), _D50_XYZ) @ _to_xyz(SRGB_PRIMARIES, D65) @ space.to_srgb)


def chromatic_adaptation() -> np.ndarray:
    """From D65 to D50, `(3, 3)`."""
    return _adapted(_xyz(D65), _D50_XYZ)


def _xyz(chromaticity: tuple[float, float]) -> np.ndarray:
    x, y = chromaticity
    if not y > 0:
        raise ValueError(f"no colour has the chromaticity {x:g}, {y:g}")
    return np.array((x / y, 1, (1 - x - y) / y))


def _to_xyz(primaries: tuple[tuple[float, float], ...], white: tuple[float, float]) -> np.ndarray:
    columns = np.stack([_xyz(p) for p in primaries], -1)
    if abs(np.linalg.det(columns)) < 1e-3:
        raise ValueError("the primaries lie on a line")
    return columns * np.linalg.solve(columns, _xyz(white))


def _from_xyz(white: tuple[float, float]) -> np.ndarray:
    return np.linalg.inv(_to_xyz(SRGB_PRIMARIES, white))


def _adapted(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ after / (_BRADFORD @ before)) @ _BRADFORD)


SRGB = space_of(SRGB_PRIMARIES, D65, srgb_light)
DISPLAY_P3 = space_of(_P3_PRIMARIES, D65, srgb_light)
ADOBE_RGB = space_of(_ADOBE_PRIMARIES, D65, gamma(_ADOBE_GAMMA))


# H.273, tables 2 and 3

_C = (0.310, 0.316)
_NTSC = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_CICP_PRIMARIES: dict[int, tuple[tuple[tuple[float, float], ...], tuple[float, float]]] = {
    1: (SRGB_PRIMARIES, D65),
    4: (((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), _C),
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), D65),
    6: (_NTSC, D65),
    7: (_NTSC, D65),
    8: (((0.681, 0.319), (0.243, 0.692), (0.145, 0.049)), _C),
    9: (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), D65),
    11: (_P3_PRIMARIES, (0.314, 0.351)),
    12: (_P3_PRIMARIES, D65),
    22: (((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)), D65),
}
_CICP_CURVES: dict[int, Curve] = {
    **dict.fromkeys((1, 6, 11, 12, 14, 15), _bt709_light),
    4: gamma(2.2),
    5: gamma(2.8),
    7: _smpte240_light,
    8: linear,
    13: srgb_light,
    17: lambda code: 52.37 / 48 * code**2.6,
}
_HIGH_DYNAMIC_RANGE = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}
_UNSPECIFIED = 2


def cicp_space(primaries: int, transfer: int, full_range: bool = True, bits: int = 8) -> ColourSpace | None:
    """The space that coding-independent code points tell; None for sRGB and for what they do not tell.

    Raises PictureError for high dynamic range, which has no white, and ValueError for numbers that are not known.
    """
    if transfer in _HIGH_DYNAMIC_RANGE:
        raise high_dynamic_range(_HIGH_DYNAMIC_RANGE[transfer])
    gamut = _CICP_PRIMARIES.get(1 if primaries == _UNSPECIFIED else primaries)
    curve = _CICP_CURVES.get(13 if transfer == _UNSPECIFIED else transfer)
    if gamut is None or curve is None:
        raise ValueError(f"the primaries {primaries} and the transfer {transfer} are not known")
    if full_range:
        return None if gamut[0] is SRGB_PRIMARIES and curve is srgb_light else space_of(*gamut, curve)
    scale = 2 ** (bits - 8)
    full = 2**bits - 1

    def narrow(code: np.ndarray) -> np.ndarray:
        return curve(((code * full - 16 * scale) / (219 * scale)).clip(0, 1))

    return space_of(*gamut, narrow)


def high_dynamic_range(name: str) -> PictureError:
    return PictureError(f"is a high dynamic range picture, {name}; convert it to sRGB, Display P3 or OpenEXR first")


_HALF_GAMMA = 45455  # of gAMA: what a file in sRGB has
_GAMA_ROUNDING, _CHRM_ROUNDING = 10, 100  # writers differ in the last digits


def gama_chrm_space(gama: float | None, chrm: tuple[float, ...] | None) -> ColourSpace | None:
    """The space that gAMA (100000 times the exponent) and cHRM (100000 times white, red, green, blue x and y) tell.

    45455 is sRGB's own curve, as writers of sRGB and of Display P3 mean it; with sRGB's primaries, or none, it is sRGB: None.
    Raises ValueError for numbers that tell no colour.
    """
    if gama is not None and not 10_000 <= gama <= 500_000:
        raise ValueError(f"gAMA is {gama:g}")
    told = SRGB_PRIMARIES, D65
    if chrm is not None:
        x_y = [c / 100_000 for c in chrm]
        white, *primaries = zip(x_y[::2], x_y[1::2], strict=True)
        srgb = [c for point in (D65, *SRGB_PRIMARIES) for c in point]
        if max(abs(a - b) for a, b in zip(x_y, srgb, strict=True)) > _CHRM_ROUNDING / 100_000:
            told = tuple(primaries), white  # type: ignore[assignment]
    half = gama is None or abs(gama - _HALF_GAMMA) <= _GAMA_ROUNDING
    if half and told[0] is SRGB_PRIMARIES:
        return None
    return space_of(*told, srgb_light if half or gama is None else gamma(100_000 / gama))


# Samples


def converted(samples: np.ndarray, space: ColourSpace) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples `(H, W, 3)`, uint8 or uint16, of a space to sRGB of the same type, clipped.

    Beside them the light, as `Picture` keeps it, where there are colours that sRGB cannot hold; else None.
    """
    pixels, outside = np.empty_like(samples), False
    for rows, light in _light_of(samples, space):
        code = srgb_code(light)
        outside = outside or bool(code.min() < -_OUTSIDE or code.max() > 1 + _OUTSIDE)
        pixels[rows] = quantised(code, samples.dtype)
    if not outside:
        return pixels, None
    kept = np.empty(samples.shape, np.float16 if samples.dtype == np.uint8 else np.float32)
    for rows, light in _light_of(samples, space):
        extended = extended_scene_light(torch.from_numpy(srgb_code(light)))
        kept[rows] = extended.numpy() * (SCENE_GREY / MID_GREY)
    return pixels, kept


def scene_linear(samples: np.ndarray, space: ColourSpace | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Samples `(H, W, 3)` of any type that are the light of a scene: as sRGB codes, and the light itself.

    Whole numbers come back as their own type, others as uint16. The codes are those of a camera's standard rendering.
    Raises PictureError for NaN and infinity.
    """
    whole = samples.dtype in (np.uint8, np.uint16)
    pixels = np.empty(samples.shape, samples.dtype if whole else np.uint16)
    kept = np.empty(samples.shape, np.float16 if samples.dtype == np.uint8 else np.float32)
    for rows, light in _light_of(samples, (space or SRGB).scene_linear()):
        if not np.isfinite(light).all():
            raise PictureError("holds NaN or infinity")
        kept[rows] = light
        pixels[rows] = quantised(rendered(light), pixels.dtype)
    return pixels, kept


def rendered(light: np.ndarray) -> np.ndarray:
    """Display code of scene-linear light (mid-grey .18), not clipped at white."""
    return display_code(torch.from_numpy(light.clip(0) * np.float32(MID_GREY / SCENE_GREY)).float()).numpy()


def in_space(pixels: np.ndarray, space: ColourSpace, code_of: Curve) -> np.ndarray:
    """sRGB pixels `(H, W, 3)` to samples of a space that holds them; `code_of` is the inverse of its curve."""
    made = np.empty_like(pixels)
    for rows, light in _light_of(pixels, ColourSpace(np.linalg.inv(space.to_srgb), (srgb_light,) * 3)):
        made[rows] = quantised(code_of(light.clip(0)), pixels.dtype)
    return made


def display_light(pixels: np.ndarray, space: ColourSpace) -> np.ndarray:
    """sRGB pixels `(H, W, 3)` to the linear light of a space that holds them, float32, white 1."""
    light = np.empty(pixels.shape, np.float32)
    for rows, part in _light_of(pixels, ColourSpace(np.linalg.inv(space.to_srgb), (srgb_light,) * 3)):
        light[rows] = part
    return light


def adobe_code(light: np.ndarray) -> np.ndarray:
    return light ** (1 / _ADOBE_GAMMA)


def quantised(code: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Codes 0..1, clipped, as whole numbers of a type."""
    return np.asarray(np.rint(code.clip(0, 1) * np.iinfo(dtype).max), dtype)


def _light_of(samples: np.ndarray, space: ColourSpace) -> Iterator[tuple[slice, np.ndarray]]:
    """Linear sRGB light `(h, W, 3)` float32 of a few rows at a time, and which rows they are."""
    matrix = space.to_srgb.T.astype(np.float32)
    count = max(1, _STRIP_PIXELS // samples.shape[1])
    tables = None
    if samples.dtype in (np.uint8, np.uint16):
        levels = np.arange(np.iinfo(samples.dtype).max + 1) / np.iinfo(samples.dtype).max
        tables = [curve(levels).astype(np.float32) for curve in space.curves]
    for start in range(0, samples.shape[0], count):
        rows = slice(start, start + count)
        planes = [samples[rows, :, i] for i in range(3)]
        if tables:
            planes = [table[plane] for table, plane in zip(tables, planes, strict=True)]
        else:
            planes = [curve(plane.astype(np.float32)) for curve, plane in zip(space.curves, planes, strict=True)]
        with np.errstate(invalid="ignore"):  # infinity is told of by whoever minds it
            light = np.stack(planes, -1) @ matrix
        yield rows, light


@cache
def output_spaces() -> dict[str, tuple[ColourSpace, Curve]]:
    """The spaces that files are written in beside sRGB, and the inverses of their curves."""
    return {"p3": (DISPLAY_P3, srgb_code), "adobe-rgb": (ADOBE_RGB, adobe_code)}
