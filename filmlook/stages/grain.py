"""GRAIN: density noise, sized in micrometres on the film. Density to density.

RMS granularity G is 1000 times the standard deviation of density seen through a round aperture of 48 um at a net density
of 1 (ISO 10505). Noise without structure follows Selwyn's law: in a pixel of p um its deviation is G/1000 * 42.5 / p. Each
layer's noise is white, blurred to the size of a dye cloud and scaled so that the aperture still sees G.

How it varies with density follows from grains that are hit or not: a sublayer with maximum density m and grains of area a
has Var[D] ~ a D (m - u D). Emulsions are coated in three sublayers: a fast one of large grains, which the least light
exposes, a medium and a slow one.

Random numbers are a hash of seed, frame and the pixel's absolute position, so that a pixel's grain depends neither on the
tile it is computed in nor on the device.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import torch
from torch import Tensor

from filmlook.film.curve import Table
from filmlook.film.negative import push_contrast
from filmlook.film.scene_light import MID_GREY
from filmlook.look import Look
from filmlook.stages.darkroom import film_development
from filmlook.stages.emulsion import GENERIC_GAMMA, GENERIC_RANGE, generic_density, pushed
from filmlook.stages.psf import convolved, gaussian_kernel, upsampled
from filmlook.stages.stage import Place
from filmlook.stock import Stock

_APERTURE_UM = 48.0
_SELWYN_UM = 42.5  # the square root of the aperture's area
_CLOUD_UM = 3.0  # sigma of a dye cloud
_UNIFORMITY = 0.97  # u: developed grains are not quite all alike
_SUBLAYER_AREAS = (1.0, 0.4, 0.25)  # grain area of the fast, medium and slow sublayer
_LAST_DENSITY = 0.15  # before full exposure, over which grain runs out
_LEAST_CLOUD_PX = 0.25  # below this sigma a pixel's neighbours get less than 3e-4
_MOST_CLOUD_PX = 2.0  # above it, noise is made on a coarser lattice and interpolated

_MASK = 0xFFFFFFFF


def _signed(value: int) -> int:
    """The int32 with the bits of `value`."""
    return (value & _MASK ^ 0x80000000) - 0x80000000


def _hash(x: Tensor) -> Tensor:
    """The integer hash lowbias32 of int32 values (Wellons 2018); shifts are logical."""
    x = x ^ ((x >> 16) & 0xFFFF)
    x *= 0x7FEB352D
    x ^= (x >> 15) & 0x1FFFF
    x *= _signed(0x846CA68B)
    x ^= (x >> 16) & 0xFFFF
    return x


def noise_key(seed: int, frame: int) -> int:
    """One int32 from a seed of up to 64 bits and a frame's number."""
    key = 0
    for part in (seed, frame):
        for word in (part, part >> 32):
            key = int(_hash(torch.tensor([_signed(key * 0x9E3779B1 + (word & _MASK))], dtype=torch.int32)))
    return key


@cache
def _normal_quantiles(device: torch.device) -> Tensor:
    """65536 equally likely values of a standard normal variable."""
    p = (torch.arange(65536, dtype=torch.float64) + 0.5) / 65536
    values = math.sqrt(2) * torch.erfinv(2 * p - 1)
    return (values / values.std()).to(device, torch.float32)


def white_noise(y: int, x: int, height: int, width: int, key: int, lanes: int, device: torch.device) -> Tensor:
    """Standard normal noise `(lanes, height, width)` at absolute positions from (y, x)."""
    rows = torch.arange(y, y + height, dtype=torch.int32, device=device)[:, None]
    cols = torch.arange(x, x + width, dtype=torch.int32, device=device)[None]
    pairs = torch.arange((lanes + 1) // 2, dtype=torch.int32, device=device)[:, None, None]
    bits = _hash(_hash(rows ^ key) + cols * _signed(0x9E3779B1) + pairs * _signed(0x85EBCA77))
    halves = torch.cat((bits & 0xFFFF, (bits >> 16) & 0xFFFF))[:lanes]  # two 16-bit lanes of one hash
    return torch.index_select(_normal_quantiles(device), 0, halves.flatten()).view(halves.shape)


class _Clouds:
    """Noise of unit granularity, clumped to dye clouds, at one pitch."""

    def __init__(self, pitch_um: float) -> None:
        self.lattice = 1
        while _CLOUD_UM / (pitch_um * self.lattice) > _MOST_CLOUD_PX:
            self.lattice *= 2
        step_um = pitch_um * self.lattice
        variance = (_CLOUD_UM / step_um) ** 2 - (1 / 3 if self.lattice > 1 else 0)  # a cubic spline blurs by 1/3
        sigma_px = math.sqrt(max(variance, 0.0))
        self.kernel = gaussian_kernel(sigma_px, math.ceil(4 * sigma_px)) if sigma_px > _LEAST_CLOUD_PX else [1.0]
        self.reach = len(self.kernel) - 1
        self.sigma = _SELWYN_UM / step_um * self._calibration(step_um)

    def _calibration(self, step_um: float) -> float:
        """What the deviation by Selwyn's law is multiplied by, so that the aperture reads G on clumped, sampled noise.

        A sample may be read as a point or as a square; the mean of both readings is brought to G. Where a pixel is as
        large as the aperture's radius there is nothing to read, and Selwyn's law alone holds.
        """
        share = min((_APERTURE_UM / 2 - step_um) / (_APERTURE_UM / 4), 1)
        if share <= 0:
            return 1.0
        radius = _APERTURE_UM / step_um / 2
        cells = math.ceil(radius) + 2 * self.reach
        fine = (torch.arange((2 * cells + 1) * 8, dtype=torch.float64) + 0.5) / 8 - cells - 0.5
        squares = torch.nn.functional.avg_pool2d((torch.hypot(fine[:, None], fine[None]) <= radius).double()[None], 8)
        samples = torch.arange(-cells, cells + 1, dtype=torch.float64)
        points = (torch.hypot(samples[:, None], samples[None]) <= radius).double()[None]
        readings = [float(convolved(disc, self.kernel).norm() / disc.sum()) for disc in (squares, points)]
        calibrated = 2 / (sum(readings) * _SELWYN_UM / step_um)
        return 1 + share * (calibrated - 1)

    def __call__(self, y: int, x: int, height: int, width: int, key: int, lanes: int, device: torch.device) -> Tensor:
        """Noise `(lanes, height, width)` at absolute positions from (y, x), of deviation `self.sigma` before clumping."""
        step, more = self.lattice, 0 if self.lattice == 1 else 2
        y0, x0 = y // step - more, x // step - more
        rows = (y + height - 1) // step + more + 1 - y0
        cols = (x + width - 1) // step + more + 1 - x0
        r = self.reach
        noise = white_noise(y0 - r, x0 - r, rows + 2 * r, cols + 2 * r, key, lanes, device)
        if r:
            noise = convolved(noise, self.kernel)
        if step > 1:
            noise = upsampled(noise, step, (y % step, x % step), (height, width))
        return noise


def variance_shape(net: Tensor, most: Tensor) -> Tensor:
    """Var[D] over net density, 1 at a net density of 1, of three sublayers; `most` is the layer's greatest net density.

    The sublayers share the density as quadratic Bernstein polynomials of D / Dmax share 1: the fast one comes first.
    """

    def variance(density: Tensor) -> Tensor:
        t = (density / most).clamp(0, 1)
        parts = (1 - (1 - t) ** 3) / 3, t**2 - 2 * t**3 / 3, t**3 / 3
        return sum(
            (a * d * (1 / 3 - _UNIFORMITY * d) for a, d in zip(_SUBLAYER_AREAS, parts, strict=True)),
            torch.zeros_like(t),
        )

    return variance(net) / variance(torch.ones_like(net))


def _smooth(x: Tensor) -> Tensor:
    """A smooth step from 0 at 0 to 1 at 1."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def tone_factor(stops: Tensor, shadows: float, mids: float, highlights: float) -> Tensor:
    """Grain by tone: a smooth way from `shadows` (-3 stops) over `mids` (mid-grey) to `highlights` (+2 stops)."""
    dark, bright = _smooth(-stops / 3), _smooth(stops / 2)
    return mids + (shadows - mids) * dark + (highlights - mids) * bright


class Grain:
    """The grain of one stock: density to density; for stocks without layers log10 exposure to log10 exposure."""

    name = "grain"
    margin = 0

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        self._clouds = _clouds(pitch_um / look.grain_size)
        self._colour = look.grain_colour
        scale = torch.tensor(stock.granularity, dtype=torch.float64) / 1000 * (look.grain * self._clouds.sigma)
        deviation = _deviation(stock, look)
        self._sigma = Table(lambda _: deviation * scale, *_range_of(stock), stock.layers, device)

    def __call__(self, density: Tensor, place: Place) -> Tensor:
        """Density `B,L,H,W` with grain."""
        layers, height, width = density.shape[1:]
        lanes = layers + (self._colour < 1 and layers > 1)
        margin = place.margin_of(density)
        parts = [
            self._clouds(y - margin, x - margin, height, width, place.key, lanes, density.device) for y, x in place.corners
        ]
        noise = torch.stack(parts)
        sigma = self._sigma(density)
        if lanes > layers:  # shared grain of equal strength in all layers leaves no colour behind
            own = math.sqrt(self._colour)
            noise = noise[:, :layers] * own + noise[:, layers:] * math.sqrt(1 - self._colour)
            sigma = torch.lerp(sigma.mean(1, keepdim=True).expand_as(sigma), sigma, self._colour)
        return torch.addcmul(density, noise, sigma)


_clouds = lru_cache(maxsize=32)(_Clouds)


def _range_of(stock: Stock) -> tuple[float, float]:
    """The density, or (of stocks without layers) the log10 exposure, over which grain is tabulated."""
    return (-5.0, 3.0) if stock.film is None else (0.0, 5.0)


@lru_cache(maxsize=32)
def _deviation(stock: Stock, look: Look) -> Tensor:
    """Deviation of grain in the units of `_range_of`, `(N, L)` on a table's grid, 1 at a net density of 1 (without the look's
    amount and size). Push raises granularity with contrast; what is shadow and highlight, the print decides, not the film's
    exposure."""
    at = Table.grid(*_range_of(stock), stock.layers)
    tones = look.grain_shadows, look.grain_mids, look.grain_highlights
    if stock.film is None:
        return _exposure_deviation(at, look.push) * tone_factor(_stops(at), *tones)
    grid = torch.linspace(-5, 3, 4096, dtype=torch.float64)
    curve = _neutral_curve(stock, look, grid)
    dmin, dmax = curve.amin(0), curve.amax(0)
    stops = torch.stack([_inverse(at[:, i], curve[:, i], _stops(grid)) for i in range(stock.layers)], -1) - look.rating
    # Fully exposed, a film has no grain left to vary: paper white is clean.
    left = (dmax - at if stock.kind == "negative" else at - dmin) / _LAST_DENSITY
    shape = variance_shape(at - dmin, dmax - dmin).clamp_min(0).sqrt()
    return shape * _smooth(left) * tone_factor(stops, *tones) * push_contrast(look.push)


def _stops(log_exposure: Tensor) -> Tensor:
    return (log_exposure - math.log10(MID_GREY)) / math.log10(2)


def _neutral_curve(stock: Stock, look: Look, log_light: Tensor) -> Tensor:
    """Density `(N, L)` of greys of log10 scene light `(N,)`."""
    development = film_development(stock, look)
    return development.density(log_light[:, None] + development.film.grey_offsets())


def _inverse(value: Tensor, rising_or_falling: Tensor, at: Tensor) -> Tensor:
    """`at` where a monotone curve takes `value`, by its nearest sample."""
    falls = bool(rising_or_falling[0] > rising_or_falling[-1])
    curve, at = (rising_or_falling.flip(0), at.flip(0)) if falls else (rising_or_falling, at)
    return at[torch.searchsorted(curve.contiguous(), value.contiguous()).clamp_max(len(at) - 1)]


def _exposure_deviation(log_exposure: Tensor, push: float) -> Tensor:
    """Deviation of log10 exposure per unit of density noise: what generic negative's grain is worth in exposure."""
    net = generic_density(pushed(log_exposure, push))
    most = torch.full_like(net, GENERIC_RANGE)
    return variance_shape(net, most).clamp_min(0).sqrt() / GENERIC_GAMMA


def grain(
    density: Tensor,
    stock: Stock,
    *,
    pitch_um: float,
    seed: int,
    frame: int = 0,
    origin: tuple[int, int] = (0, 0),
    amount: float = 1.0,
    size: float = 1.0,
) -> Tensor:
    """Density `B,L,H,W` with the stock's grain. `origin` is the absolute (y, x) of the first pixel.

    For stocks without layers the input is log10 exposure, and the noise is what a generic negative's grain is worth in it.
    """
    if amount == 0:
        return density
    stage = Grain(stock, Look(stock=stock.name, grain=amount, grain_size=size), pitch_um, density.device)
    return stage(density, Place.whole(density, origin, key=noise_key(seed, frame)))
