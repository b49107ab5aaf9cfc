"""What kernels are told of lamps' light."""

from __future__ import annotations

import math

from filmlook.film.scene_light import WHITE_LIGHT
from filmlook.film.toning import LUMA
from filmlook.stages.lamps import BENT, FROM_LIGHT, LEAST_T, PALE


def lamp_numbers(highlights: float, apart: float) -> list[float]:
    """Numbers of `stages.lamps` in the order in which kernels take them.

    Args:
        highlights: the look's, in stops.
        apart: the share of lamps' own light that spreads as theirs (see `engine.plan`).
    """
    low, high = PALE
    to_white = 1 / (WHITE_LIGHT - FROM_LIGHT)
    return [FROM_LIGHT, to_white, BENT, *LUMA, low, 1 / (high - low), highlights * math.log(2), LEAST_T, apart]
