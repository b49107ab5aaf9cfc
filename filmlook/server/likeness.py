"""Which films make a picture like another one: by tones, and by the colour that each tone has.

Two pictures show different things, so single pixels cannot be compared. What a film does shows in greys and skins all the same:
for `_TONES` tones from black to white, the mean a and b of OKLab and the mean chroma of the pixels of about that tone; and how
light the darkest and lightest parts, and those between, are. The distance of two pictures is the mean of the first over the
tones that both have (Euclidean, in OKLab's units), and a fifth of the mean of the second; and a tenth more where one of them is
black and white, toned or not, and the other is not: no scene of few colours makes that alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filmlook.engine.colour_only import colour_of
from filmlook.engine.threads import side_by_side, thread_count
from filmlook.errors import FilmLookError, Stopped
from filmlook.files.picture import Picture
from filmlook.look import Look
from filmlook.server.picture_cache import KeptPicture
from filmlook.server.scopes import oklab
from filmlook.server.sheet import on_stock
from filmlook.stock import stock_labels

_SIDE = 96  # px, the long side of what is compared: some 6000 pixels are plenty for means
_TONES = np.linspace(0.1, 0.95, 12)  # OKLab's lightness
_WIDTH = 0.07  # of a tone: the deviation of the bell that pixels are weighed by
_QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.99)
_ONE_COLOUR = 0.015  # in black and white, all but a few pixels are this near to the colour that their tone has
_MOST = 0.95  # of the pixels
_UNLIKE = 0.1  # what is added where one picture alone is black and white
_LIGHTNESS = 0.2  # what tones count beside colours: how light a picture is, its scene says more than its film


@dataclass(frozen=True)
class Colours:
    """What is compared of a picture: a, b and chroma of each tone `(tones, 3)`, how much of the picture has it, quantiles of
    lightness, and whether it is black and white."""

    of_tones: np.ndarray
    share: np.ndarray
    lightness: np.ndarray
    grey: bool


def colours_of(code: np.ndarray) -> Colours:
    """The colours of sRGB code `(..., 3)` in [0, 1]."""
    lab = oklab(code.reshape(-1, 3))
    light, planes = lab[:, 0], np.column_stack((lab[:, 1:], np.hypot(lab[:, 1], lab[:, 2])))
    weights = np.exp(-0.5 * ((light[:, None] - _TONES) / _WIDTH) ** 2)
    total = weights.sum(0)
    means = weights.T @ planes / (total[:, None] + 1e-6)
    own = means[np.abs(light[:, None] - _TONES).argmin(1), :2]
    grey = float(np.quantile(np.hypot(*(lab[:, 1:] - own).T), _MOST)) < _ONE_COLOUR
    return Colours(means, total / len(light), np.quantile(light, _QUANTILES), grey)


def distance(one: Colours, other: Colours) -> float:
    """How far apart the colours of two pictures are; 0 where they are the same."""
    both = np.minimum(one.share, other.share)
    apart = np.sqrt(((one.of_tones - other.of_tones) ** 2).sum(1))
    colours = float((both * apart).sum() / (both.sum() + 1e-9))
    lightness = float(np.abs(one.lightness - other.lightness).mean())
    return colours + _LIGHTNESS * lightness + _UNLIKE * (one.grey != other.grey)


def ranked(source: KeptPicture, reference: KeptPicture, look: Look, is_over: Callable[[], bool]) -> list[dict[str, Any]]:
    """Every stock with its distance from the reference when the source is developed on it, the likest first; the rest of the
    look stays. A stock that cannot be used is left out.

    Raises:
        Stopped: it is over.
    """
    wanted = colours_of(_code(reference.proofs.smaller(_SIDE)))
    display = torch.from_numpy(_code(source.proofs.smaller(_SIDE))).permute(2, 0, 1)[None].contiguous()

    def told(name: str) -> dict[str, Any] | None:
        if is_over():
            raise Stopped
        try:
            made = colour_of(on_stock(look, name))(display)[0].permute(1, 2, 0).numpy()
        except FilmLookError:
            return None
        return {"name": name, "distance": round(distance(colours_of(made), wanted), 5)}

    found = [one for one in side_by_side(told, stock_labels(), thread_count()) if one]
    return sorted(found, key=lambda one: float(one["distance"]))


def _code(picture: Picture) -> np.ndarray:
    full = np.iinfo(picture.pixels.dtype).max
    return np.asarray(picture.pixels[..., :3] / np.float32(full), np.float32)
