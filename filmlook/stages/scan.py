"""SCAN: the softness of what enlarges and scans the film, on picture and grain alike. Display code to display code.

What a pixel sees is integrated over it already. A Gaussian of sigma_s more turns the covariance of grain, per axis,

    c_k(sigma) = [F((k + 1) p) - 2 F(k p) + F((k - 1) p)] / p^2
    F(x) = x / 2 erf(x / 2 sigma) + sigma / sqrt(pi) exp(-(x / 2 sigma)^2)

(clouds of dye of sigma, pixels of p) from that of the clouds into that of sqrt(clouds^2 + sigma_s^2): the filter is the root of
their spectra's ratio.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from filmlook.look import Look
from filmlook.stages.psf import COARSE, convolved, mirror_index
from filmlook.stages.stage import Place
from filmlook.stock import Stock

CLOUD_UM = 3.0  # sigma of a dye cloud
_LEAST = 5e-3  # of a kernel's centre: what is less is cut off
_MOST_PX = 96  # that a kernel reaches


def covariance(pitch_um: float, sigma_um: float, count: int) -> Tensor:
    """c_k `(count,)`, 1/um: covariance along an axis of white noise that clouds of `sigma_um` blur and pixels integrate."""
    x = torch.arange(-1, count + 1, dtype=torch.float64) * pitch_um
    f = x / 2 * torch.erf(x / (2 * sigma_um)) + sigma_um / math.sqrt(math.pi) * torch.exp(-((x / (2 * sigma_um)) ** 2))
    return (f[2:] - 2 * f[1:-1] + f[:-2]) / pitch_um**2


def half_kernel(spectrum: Tensor, least: float = _LEAST) -> list[float]:
    """Half of the symmetric kernel, centre first, whose response is the root of `rfft`'s `spectrum`; taps below `least` of the
    centre are cut off."""
    kernel = torch.fft.irfft(spectrum.clamp_min(0).sqrt())
    half = kernel[: len(kernel) // 2][:_MOST_PX]
    reach = int((half.abs() > least * half[0]).nonzero().max())
    return [float(h) for h in half[: reach + 1]]


def spectrum(pitch_um: float, sigma_um: float) -> Tensor:
    """`rfft` of c_k, continued to both sides."""
    count = 4 * _MOST_PX
    c = covariance(pitch_um, sigma_um, count)
    found: Tensor = torch.fft.rfft(torch.cat((c, c[1:-1].flip(0)))).real
    return found


@lru_cache(maxsize=32)
def scan_kernel(softness_um: float, pitch_um: float) -> list[float]:
    """Half of the scan's kernel along an axis, of sum 1, centre first."""
    if softness_um == 0:
        return [1.0]
    clouds = spectrum(pitch_um, CLOUD_UM)
    scanned = spectrum(pitch_um, math.hypot(CLOUD_UM, softness_um))
    floor = 1e-9 * float(clouds[0])
    half = half_kernel(scanned.clamp_min(0) / clouds.clamp_min(floor))
    total = half[0] + 2 * sum(half[1:])
    return [h / total for h in half]


class Scan:
    """What scans one picture."""

    name = "scan"

    def __init__(self, stock: Stock, look: Look, pitch_um: float, device: torch.device) -> None:
        self.kernel = scan_kernel(look.scan_softness, pitch_um)
        self.margin = -(-(len(self.kernel) - 1) // COARSE) * COARSE

    def __call__(self, code: Tensor, place: Place) -> Tensor:
        """Code `B,3,H,W` with the stage's margin to `B,3,h,w`."""
        reach = len(self.kernel) - 1
        if not reach:
            return place.cut(code)
        code = place.cut(code, reach).clone()
        for block, corner in zip(code, place.corners, strict=True):
            _mirror(block, reach, corner, place.size)
        return convolved(code, self.kernel).clamp_(0, 1)  # its finest taps are below 0


def _mirror(code: Tensor, reach: int, corner: tuple[int, int], size: tuple[int, int]) -> None:
    """What lies within `reach` beyond the picture becomes its mirror image, in place: some stocks have nothing there."""
    for axis, (start, length) in enumerate(zip(corner, size, strict=True), -2):
        before = min(reach, max(0, reach - start))
        if before:
            inside = code.narrow(axis, before, min(before, length))
            code.narrow(axis, before - inside.shape[axis], inside.shape[axis]).copy_(inside.flip(axis))
        last = reach + length - start  # the first beyond the end
        after = min(reach, code.shape[axis] - last)
        if after > 0:
            inside = code.narrow(axis, last - min(after, length), min(after, length))
            code.narrow(axis, last, inside.shape[axis]).copy_(inside.flip(axis))


def scan(code: Tensor, softness_um: float, *, pitch_um: float) -> Tensor:
    """The whole of a picture's display code `B,C,H,W`, scanned; mirrored at the border."""
    kernel = scan_kernel(softness_um, pitch_um)
    for axis in (-2, -1):
        size = code.shape[axis]
        code = code.index_select(axis, mirror_index(1 - len(kernel), size + 2 * len(kernel) - 2, size).to(code.device))
    return convolved(code, kernel).clamp_(0, 1)
