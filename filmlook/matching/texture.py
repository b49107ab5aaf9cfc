"""Texture: what of a look acts in space, from references. Each setting is told by a measure of its own, or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from filmlook.look import Look
from filmlook.matching.glow import glow_settings
from filmlook.matching.grain_settings import grain_settings
from filmlook.matching.reference import Reference
from filmlook.matching.softness import softness_settings
from filmlook.matching.style import style_distance
from filmlook.matching.vignette import vignette_settings

SOUGHT = ("vignette", "softness", "diffusion_grade", "halation")
"""The settings that are sought beside grain's."""


def texture_settings(look: Look, references: Sequence[Reference]) -> tuple[dict[str, Any], dict[str, float], tuple[str, ...]]:
    """Settings of texture that references tell, a figure for each, and the settings of which they tell nothing."""
    found: dict[str, Any] = {}
    found |= vignette_settings(look, references)
    found |= softness_settings(look, references)
    found |= glow_settings(dataclasses.replace(look, **found), references)
    fit = {key: float(found[key]) for key in SOUGHT if key in found}
    grain, seen = grain_settings(dataclasses.replace(look, **found), references)
    found |= grain
    fit["grain"] = round(seen * 255, 2)
    fit["style"] = round(style_distance(dataclasses.replace(look, **found), references[0]), 3)
    return found, fit, tuple(key for key in SOUGHT if key not in found)
