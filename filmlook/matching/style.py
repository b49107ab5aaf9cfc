"""Style, compared by Gram matrices of features (Gatys, Ecker and Bethge, "Image style transfer using convolutional neural
networks", 2016): how near a texture comes to a reference's, whatever lies where.

Features are those of VGG-19 where torchvision's weights lie in torch hub's folder, as other programs put them there; elsewhere
those of a fixed bank of steerable filters, first and second derivatives of Gaussians at four scales. Nothing is downloaded.

What is compared is a strip of the reference, and the same strip smoothed, with the grain of a look on it: they show the same,
and differ in texture alone. Style judges a fit, and does not make it: with the strength of grain of the least distance grain is
within 20 % of the true in 29 % of references, as it is measured in 71 %, for what smoothing takes from a picture is made up for
by grain.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad, relu

from filmlook.engine.develop import develop
from filmlook.look import Look
from filmlook.matching.reference import Reference
from filmlook.matching.tones import source_code

Features = Callable[[Tensor], list[Tensor]]
"""Features `(C, h, w)` at several depths or scales of sRGB code `(1, 3, H, W)`."""

_WEIGHTS = Path("checkpoints") / "vgg19-dcbb9e9d.pth"
_LAYERS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512)  # channels of VGG-19's convolutions; 0: pooling
_READ = (1, 3, 5, 9)  # the convolutions that are read: the first after each pooling
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of what VGG-19 was trained on
_SCALES, _SIGMA, _REACH = 4, 0.8, 3
_STRIP = 128  # px across
_SMOOTH_REACH, _SMOOTH = 2, 0.02  # px, and deviation of code up to which a ground is smoothed

_LOG = logging.getLogger(__name__)


def style_distance(look: Look, reference: Reference, features: Features | None = None) -> float:
    """How far the style of a look's grain is from a reference's: of Gram matrices, as a share of the reference's own."""
    features = features or style_features()
    strip = _strip(reference)
    return _distance(features, _with_grain(look, strip, reference), strip)


@lru_cache(maxsize=1)
def style_features() -> Features:
    """VGG-19's features where its weights are on the disk, else the filters'."""
    path = Path(torch.hub.get_dir()) / _WEIGHTS
    if path.is_file():
        try:
            return vgg_features(torch.load(path, map_location="cpu", weights_only=True))
        except Exception:  # a file of another program's: damaged, or of something else
            _LOG.warning("%s is not VGG-19 as torchvision keeps it; filters judge instead", path, exc_info=True)
    return filter_features


def vgg_features(tensors: dict[str, Tensor]) -> Features:
    """The features of VGG-19 with torchvision's tensors.

    Raises:
        KeyError, ValueError: it is another network.
    """
    layers: list[tuple[Tensor, Tensor] | None] = []
    at, before = 0, 3
    for channels in _LAYERS:
        if not channels:
            layers.append(None)
            at += 1
            continue
        weight, bias = tensors[f"features.{at}.weight"].float(), tensors[f"features.{at}.bias"].float()
        if weight.shape != (channels, before, 3, 3) or bias.shape != (channels,):
            raise ValueError(f"features.{at} has the shape {tuple(weight.shape)}")
        layers.append((weight, bias))
        at, before = at + 2, channels

    def features(code: Tensor) -> list[Tensor]:
        x = (code - torch.tensor(_MEAN).view(3, 1, 1)) / torch.tensor(_DEVIATION).view(3, 1, 1)
        found, count = [], 0
        for layer in layers:
            if layer is None:
                x = max_pool2d(x, 2)
                continue
            x, count = relu(conv2d(x, *layer, padding=1)), count + 1
            if count in _READ:
                found.append(x[0])
        return found

    return features


def filter_features(code: Tensor) -> list[Tensor]:
    """Responses of the bank of filters, what is above 0 and what is below apart, in lightness and two opponent colours."""
    opponent = torch.tensor(((1 / 3, 1 / 3, 1 / 3), (0.5, -0.5, 0.0), (0.25, 0.25, -0.5)))
    x = torch.einsum("ij,bjhw->bihw", opponent, code)
    found = []
    for _ in range(_SCALES):
        near = pad(x, (_REACH,) * 4, mode="reflect").transpose(0, 1)
        answers = conv2d(near, _bank()).flatten(0, 1)
        found.append(torch.cat((answers.clamp_min(0), -answers.clamp_max(0))))
        x = avg_pool2d(x, 2)
    return found


@lru_cache(maxsize=1)
def _bank() -> Tensor:
    """Derivatives of a Gaussian along four directions, `(8, 1, 7, 7)`: of first and second order."""
    at = torch.arange(-_REACH, _REACH + 1, dtype=torch.float32)
    y, x = torch.meshgrid(at, at, indexing="ij")
    bell = torch.exp(-(x**2 + y**2) / (2 * _SIGMA**2))
    filters = []
    for k in range(4):
        along = math.cos(k * math.pi / 4) * x + math.sin(k * math.pi / 4) * y
        second = (along**2 / _SIGMA**2 - 1) * bell
        filters += [along * bell, second - second.mean()]
    return torch.stack([f / f.norm() for f in filters])[:, None]


def _grams(features: Features, code: np.ndarray) -> list[Tensor]:
    planes = torch.from_numpy(np.ascontiguousarray(code, np.float32)).permute(2, 0, 1)[None].contiguous()
    with torch.inference_mode():
        flat = [own.flatten(1) for own in features(planes)]
        return [own @ own.T / own.shape[1] for own in flat]


def _distance(features: Features, one: np.ndarray, other: np.ndarray) -> float:
    pairs = zip(_grams(features, one), _grams(features, other), strict=True)
    return float(np.mean([float((a - b).norm() / b.norm().clamp_min(1e-12)) for a, b in pairs]))


def _strip(reference: Reference) -> np.ndarray:
    """The calmest strip of a reference along its long side, `(128, W, 3)`."""
    code = reference.code if reference.size[1] >= reference.size[0] else reference.code.swapaxes(0, 1)
    rows = range(0, max(1, len(code) - _STRIP + 1), _STRIP)
    return min(
        (code[row : row + _STRIP] for row in rows), key=lambda strip: float(np.abs(np.diff(strip.mean(2), axis=1)).mean())
    )


def _with_grain(look: Look, strip: np.ndarray, reference: Reference) -> np.ndarray:
    """A strip without its grain, and with that of a look, stored as the reference was."""
    smooth = _smoothed(strip)
    source = source_code(smooth, dataclasses.replace(look, grain=0.0))
    missing = max(0, reference.long_side - strip.shape[1])  # the engine knows a film's size by its long side
    source = np.pad(source, ((0, 0), (0, missing), (0, 0)), "edge")
    plain = dataclasses.replace(look, vignette=0.0, lab=0.0, halation=0.0, diffusion_grade=0.0, softness=0.0, sharpness=0.0)
    with_, without = (
        develop((source * 255).round().astype(np.uint8), dataclasses.replace(plain, grain=grain), seed=1)[:, : strip.shape[1]]
        for grain in (look.grain, 0.0)
    )
    made: np.ndarray = (smooth + (with_.astype(np.float32) - without) / 255).clip(0, 1)
    if reference.stored:
        made = reference.stored.again((made * 255).round().astype(np.uint8)) / np.float32(255)
    return made


def _smoothed(code: np.ndarray) -> np.ndarray:
    """Code `(H, W, 3)` without what is weaker than edges (He, Sun and Tang, "Guided image filtering", 2013)."""
    x = torch.from_numpy(np.ascontiguousarray(code, np.float32)).permute(2, 0, 1)[None]

    def mean(field: Tensor) -> Tensor:
        return avg_pool2d(pad(field, (_SMOOTH_REACH,) * 4, mode="reflect"), 2 * _SMOOTH_REACH + 1, 1)

    middle = mean(x)
    variance = mean(x * x) - middle**2
    share = variance / (variance + _SMOOTH**2)
    smooth: Tensor = (mean(share) * x + mean((1 - share) * middle))[0]
    shown: np.ndarray = smooth.permute(1, 2, 0).numpy()
    return shown
