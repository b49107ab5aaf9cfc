"""Where a fit starts: the film of a datasheet, and a print that gives its greys the tone they are to have."""

from __future__ import annotations

import torch
from torch import Tensor

from filmlook.film.curve import Curve
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.scene_light import scene_light
from filmlook.film.srgb import decode

TERMS = 6  # sigmoids of a print's curve
_ABSORPTION = ((0.86, 0.19, 0.01), (0.19, 0.86, 0.13), (0.07, 0.15, 0.93))  # of colour papers' dyes
_MIXING = ((1.48, -0.42, -0.02), (-0.04, 1.09, -0.05), (-0.03, -0.09, 1.12))  # what a scanner makes of them
_LEAST_LIGHT = 1e-3  # below it density is not known
_LEAST_RISE = 0.02  # of density, of each sigmoid
_NEAR_GREY = 4.0  # how quickly a colour counts less, the further its codes are apart


def own_print(film: Film, codes: Tensor, target: Tensor) -> Paper:
    """A print for a film whose light codes `(N, 3)` are to become `target` `(N, 3)`."""
    layers = film.layers
    eye = torch.eye(layers, dtype=torch.float64)
    absorption = torch.tensor(_ABSORPTION, dtype=torch.float64) if layers == 3 else eye
    mixing = torch.tensor(_MIXING, dtype=torch.float64) if layers == 3 else eye
    exposure = eye if film.kind == "negative" else -eye  # light darkens no print from a slide
    at = -film.develop()(scene_light(codes.clone())) @ (exposure @ film.printing).T
    through = torch.linalg.solve(mixing, decode(target[:, :layers]).T).T.clamp_min(_LEAST_LIGHT)
    dye = torch.linalg.solve(absorption, -torch.log10(through).T).T
    low, high = at.amin(0), at.amax(0)
    step = (high - low) / TERMS
    edges = low + (high - low) * torch.linspace(0, 1, TERMS + 1, dtype=torch.float64)[:, None]
    near = torch.exp(-(((at[None] - edges[:, None]) / (0.6 * step)) ** 2))
    near = near * torch.exp(-_NEAR_GREY * (codes.amax(1) - codes.amin(1)))[None, :, None] + 1e-12
    tone = (near * dye).sum(1) / near.sum(1)
    amplitude = tone.diff(dim=0).clamp_min(_LEAST_RISE).T
    centre = ((edges[1:] + edges[:-1]) / 2).T.contiguous()
    slope = (3.0 / step)[:, None].expand_as(amplitude)
    # The curve has no base: what lies below its first step is the paper's white.
    white = 10 ** -(tone[0] @ absorption.T)
    curve = Curve(torch.zeros(layers, dtype=torch.float64), amplitude, slope, centre)
    ones = torch.ones(layers, dtype=torch.float64)
    return Paper(exposure, curve, absorption, mixing * white, ones, free_ends=True)
