"""How near a picture came to its target: PSNR, SSIM and CIEDE2000.

References: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error visibility to
structural similarity", IEEE Transactions on Image Processing 13 (2004); CIEDE2000 as in `filmlook.fitting.delta_e`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from filmlook.errors import FilmLookError, extra
from filmlook.fitting.delta_e import delta_e, to_cielab

# A root mean square error of 1e-5, less than one step of a 16-bit file: below it, two pictures are the same.
_MOST_PSNR_DB = 100.0
LEAST_PX = 11  # side of a picture: SSIM's window, the Gaussian of sigma 1.5 cut at 3.5 sigma
_CHUNK_PX = 2**18  # CIEDE2000 holds tens of numbers a pixel: tens of MB at a time


@dataclass(frozen=True)
class Scores:
    """How near a picture came to its target; as an overall figure, the mean of these over pictures.

    psnr: peak signal-to-noise ratio in dB, at most 100, which stands for "the same" and keeps means finite.
    ssim: structural similarity, 1 for equal pictures.
    mean_de00, p95_de00: the mean and the 95th percentile of CIEDE2000 over the pixels.
    """

    psnr: float
    ssim: float
    mean_de00: float
    p95_de00: float


def require_plotting() -> None:
    """Raises FilmLookError, one line that says what to install, where matplotlib or scikit-image is missing."""
    for name in ("matplotlib.figure", "mpl_toolkits.mplot3d", "skimage.metrics"):
        drawing(name)


def drawing(name: str) -> Any:
    """A module of what draws reports."""
    return extra(name, "the report", "train", FilmLookError)


def scores(made: Tensor, target: Tensor) -> Scores:
    """The figures of one picture against its target, display code (3, H, W), clamped to [0, 1].

    PSNR is over all samples, SSIM the mean of the three channels' under Wang's Gaussian window.

    Raises FilmLookError for other or unlike shapes, for less than 11 x 11 pixels and for NaN.
    """
    made, target = as_code(made), as_code(target)
    check_same_shape(made, target)
    if min(target.shape[1:]) < LEAST_PX:
        raise FilmLookError(f"a picture of {_size(target)} pixels cannot be scored; allowed are 11 x 11 and more")
    each_pixel = difference(made, target)
    return Scores(
        psnr=psnr_of(made, target),
        ssim=_ssim(made, target),
        mean_de00=each_pixel.mean(dtype=torch.float64).item(),
        p95_de00=float(np.quantile(each_pixel.numpy(), 0.95)),
    )


def overall(each: Sequence[Scores]) -> Scores:
    """The mean over pictures of each figure; that of PSNR is the mean of the dB values, not the dB of the mean error.

    Raises FilmLookError where there is none.
    """
    if not each:
        raise FilmLookError("no photographs are held out: there is nothing to judge the network by")
    return Scores(*(float(column.mean()) for column in np.array([astuple(score) for score in each]).T))


def as_code(picture: Tensor) -> Tensor:
    """The display code (3, H, W) as float32 in [0, 1] on the CPU."""
    if picture.ndim != 3 or picture.shape[0] != 3 or 0 in picture.shape:
        raise FilmLookError(f"a picture to report on has the shape {tuple(picture.shape)}; allowed is (3, H, W)")
    picture = picture.detach().to("cpu", torch.float32)
    if picture.isnan().any():
        raise FilmLookError("a picture to report on holds NaN; allowed is display code from 0 to 1")
    return picture.clamp(0, 1)


def check_same_shape(*pictures: Tensor) -> None:
    if len({picture.shape for picture in pictures}) > 1:
        sizes = ", ".join(map(_size, pictures))
        raise FilmLookError(f"the pictures to compare are of unlike sizes: {sizes}")


def _size(picture: Tensor) -> str:
    return f"{picture.shape[2]} x {picture.shape[1]}"


def psnr_of(made: Tensor, target: Tensor) -> float:
    """PSNR in dB of display code `3,H,W`, at most 100."""
    error = (made - target).square().mean(dtype=torch.float64).item()
    return min(-10 * math.log10(error), _MOST_PSNR_DB) if error else _MOST_PSNR_DB


def _ssim(made: Tensor, target: Tensor) -> float:
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    ssim = drawing("skimage.metrics").structural_similarity
    return float(ssim(_pixels(made), _pixels(target), channel_axis=-1, data_range=1, **wang))


def difference(made: Tensor, target: Tensor) -> Tensor:
    """CIEDE2000 of every pixel, (H, W)."""
    pairs = zip(*(torch.split(picture.flatten(1).T, _CHUNK_PX) for picture in (made, target)), strict=True)
    return torch.cat([delta_e(to_cielab(a), to_cielab(b)) for a, b in pairs]).reshape(made.shape[1:])


def _pixels(picture: Tensor) -> np.ndarray:
    return picture.permute(1, 2, 0).numpy()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FilmLookError(f"{path}: cannot be written: {error.strerror or error}") from error
