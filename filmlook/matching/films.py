"""What the built-in films make of the palette on each of their prints, kept as a table: how far settings can bring each of them
to an estimate is then a small linear problem, and only the best few are developed.

The table (`bench/fit_matching.py table`) has, in coordinates of its own, what each film makes of the palette on each print at
default settings, and what each setting of `SPREADS` changes there, on the film's own print, by its spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from filmlook.engine.colour_only import colour_of
from filmlook.look import Look
from filmlook.matching.estimator import even
from filmlook.networks.weights import read_tensors
from filmlook.paths import BUILT_IN

SPREADS = {
    "exposure": 0.3,
    "contrast": 0.15,
    "saturation": 0.15,
    "light_red": 0.08,
    "light_blue": 0.08,
    "black": 1.0,
    "white": 0.8,
    "interimage": 0.3,
    "rating": 0.8,
}
"""The settings that are fitted, and how far each is usually turned from its default."""


@dataclass(frozen=True)
class FilmTable:
    """Rows of looks at default settings.

    Attributes:
        looks: of each row: stock, print, toning.
        made: `(N, K * 3)`, what each makes of the palette, in `even` coordinates.
        slopes: `(N, S, K * 3)`, what a spread of each setting adds; 0 of settings that do nothing there.
    """

    looks: list[tuple[str, str, str]]
    made: Tensor
    slopes: Tensor


@lru_cache(maxsize=1)
def load_films() -> FilmTable:
    """The table of the built-in films."""
    tensors, metadata = read_tensors(BUILT_IN / "networks" / "matching-films.safetensors")
    basis = tensors["basis"].float()
    slopes = tensors["slopes"].float()[tensors["film"].long()] @ basis
    looks = [(s, p, t) for s, p, t in (row.split("|") for row in metadata["looks"].split())]
    return FilmTable(looks, tensors["centre"].float() + tensors["made"].float() @ basis, slopes)


def shown(look: Look, palette: Tensor) -> Tensor:
    """What a look makes of sRGB code `(K, 3)`, in `even` coordinates, `(K * 3,)`."""
    made = colour_of(look)(palette.T.reshape(1, 3, 1, -1).contiguous())
    return even(made[0, :, 0].T.double()).float().flatten()
