"""GRAIN: density noise, sized in micrometres on the film. Density to density.

RMS granularity G is 1000 times the standard deviation of density seen through a round aperture of 48 um at a net density
of 1 (ISO 10505). Each layer's noise is white, blurred to the size of a dye cloud and integrated over pixels (see `scan`), and
scaled so that the aperture still sees G.

How it varies with density tells `granularity`.

Random numbers are a hash of seed, frame and the pixel's absolute position, so that a pixel's grain depends neither on the
tile it is computed in nor on the device.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import torch
from torch import Tensor

from filmlook.film.curve import Table
from filmlook.look import Look
from filmlook.stages.granularity import correlation, deviation, deviation_range, grain_settings
from filmlook.stages.psf import convolved, gaussian_kernel, upsampled
from filmlook.stages.scan import CLOUD_UM, covariance, half_kernel, spectrum
from filmlook.stages.stage import Place
from filmlook.stock import Stock

_APERTURE_UM = 48.0
_LEAST_OF_CLOUDS = 2e-3  # of a kernel's centre: what is less is cut off
_ALONE = 0.03  # of it: with less, from 33 um on, a pixel's neighbours have next to nothing of its grain
_MOST_CLOUD_PX = 2.0  # sigma above which noise is made on a coarser lattice and interpolated

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
def normal_quantiles(device: torch.device) -> Tensor:
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
    return torch.index_select(normal_quantiles(device), 0, halves.flatten()).view(halves.shape)


class _Clouds:
    """Noise of unit granularity, clumped to dye clouds and integrated over pixels, at one pitch.

    The 48 um aperture reads G: what the clouds' blur takes of what it would see, the noise has more.
    """

    def __init__(self, pitch_um: float) -> None:
        self.lattice = 1
        while CLOUD_UM / (pitch_um * self.lattice) > _MOST_CLOUD_PX:
            self.lattice *= 2
        step_um = pitch_um * self.lattice
        self.sigma = _APERTURE_UM / 2 * math.sqrt(math.pi * _lost_to_aperture(CLOUD_UM))
        if self.lattice == 1:
            kernel = half_kernel(spectrum(pitch_um, CLOUD_UM), _LEAST_OF_CLOUDS)
            kernel = kernel[:1] if len(kernel) > 1 and kernel[1] < _ALONE * kernel[0] else kernel
            power = kernel[0] ** 2 + 2 * sum(k * k for k in kernel[1:])
            self.kernel = [k * math.sqrt(float(covariance(pitch_um, CLOUD_UM, 1)) / power) for k in kernel]
        else:  # pixels are small beside the clouds; a cubic spline blurs by 1/3
            sigma_px = math.sqrt((CLOUD_UM / step_um) ** 2 - 1 / 3)
            self.kernel = gaussian_kernel(sigma_px, math.ceil(4 * sigma_px))
            self.sigma /= step_um
        self.reach = len(self.kernel) - 1
        if self.reach == 0:
            self.sigma *= self.kernel[0] ** 2

    def __call__(self, y: int, x: int, height: int, width: int, key: int, lanes: int, device: torch.device) -> Tensor:
        """Noise `(lanes, height, width)` at absolute positions from (y, x), to be multiplied by `self.sigma`."""
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


@cache
def _lost_to_aperture(cloud_um: float) -> float:
    """Variance that a 48 um aperture, a disc, reads of noise without clouds, over what it reads of noise with them."""
    f = torch.linspace(0, 0.3, 60_001, dtype=torch.float64)[1:]  # cycles per um
    x = math.pi * _APERTURE_UM * f
    disc = (2 * torch.special.bessel_j1(x) / x) ** 2
    read = 2 * math.pi * float((disc * f * torch.exp(-((2 * math.pi * cloud_um * f) ** 2))).sum() * (f[1] - f[0]))
    return 4 / (math.pi * _APERTURE_UM**2) / read


class Grain:
    """The grain of one stock: density to density; for stocks without layers log10 exposure to log10 exposure."""

    name = "grain"
    margin = 0

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        self.clouds = _clouds(pitch_um / look.grain_size)
        self.colour = look.grain_colour
        self.deviation = _deviation(stock, grain_settings(stock, look), look.grain * self.clouds.sigma, device)
        shared = 1 - look.grain_colour * (1 - correlation(stock))
        self.own = math.sqrt(1 - shared)
        # n + s (n1 + n2 + n3) has the variance of n's 1 and this correlation between layers.
        self.shared = (math.sqrt(self.own**2 + 3 * shared) - self.own) / 3

    def __call__(self, density: Tensor, place: Place) -> Tensor:
        """Density `B,L,H,W` with grain."""
        layers, height, width = density.shape[1:]
        margin = place.margin_of(density)
        parts = [
            self.clouds(y - margin, x - margin, height, width, place.key, layers, density.device) for y, x in place.corners
        ]
        noise = torch.stack(parts) if len(parts) > 1 else parts[0].unsqueeze(0)
        sigma = self.deviation(density)
        if layers > 1:
            noise = noise * self.own + noise.sum(1, keepdim=True) * self.shared
            if self.colour < 1:  # shared grain of equal strength in all layers leaves no colour behind
                sigma = torch.lerp(sigma.mean(1, keepdim=True).expand_as(sigma), sigma, self.colour)
        return torch.addcmul(density, noise, sigma)


_clouds = lru_cache(maxsize=32)(_Clouds)


@lru_cache(maxsize=6)
def _deviation(stock: Stock, look: Look, amount: float, device: torch.device) -> Table:
    """Deviation of noise over density, for so much of the stock's granularity."""
    strength = deviation(stock, look) * (torch.tensor(stock.granularity, dtype=torch.float64) / 1000 * amount)
    return Table(lambda _: strength, *deviation_range(stock), stock.layers, device)


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
