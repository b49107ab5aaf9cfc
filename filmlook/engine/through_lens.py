"""What a lens makes of a scene before film sees it: all of the picture at once, since discs, ghosts and streaks reach far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from filmlook.engine.depth_of_field import defocused
from filmlook.engine.lamp_gate import lamp_gate
from filmlook.engine.pixels import LampMap, Pixels
from filmlook.film.colour_map import Each
from filmlook.look import SETTINGS, Look
from filmlook.stages.bokeh import Shapes, focus_radius, shapes
from filmlook.stages.lamps import near_white, pale, rebuilt
from filmlook.stages.optics import ghosts, moved, streaks
from filmlook.stages.psf import COARSE

_ROWS = 256  # read at once
_FLARING = 3.0  # stops that lamps have above white, at least, where they flare: a flare tells that they are bright
_FRINGE_UM = 12.0  # on film, at f/2 and an aberration of 1: by how much green is nearer in focus than red and blue


KEYS = (*(s.key for s in SETTINGS if s.group == "Depth"), "highlights", "aberration", "distortion", "flare", "streak")
"""The settings that say what a lens makes of a scene."""


def changes(look: Look, pixels: Pixels) -> bool:
    """Whether a look's lens does anything here: it blurs by a depth map alone."""
    return bool((look.aperture and pixels.depth is not None) or look.aberration or look.distortion or look.flare or look.streak)


def through_lens(
    pixels: Pixels, size: tuple[int, int], look: Look, pitch_um: float, each: Each, kernels: Any
) -> tuple[Tensor, LampMap]:
    """Scene light `3,H,W` as a look's lens throws a picture on the film, and what of it is lamps'.

    Args:
        pixels: the picture.
        size: its height and width.
        look, pitch_um: what the user chose, and how far apart the pixels are on the film.
        each: maps bands, side by side where there are threads.
        kernels: those of `engine.kernels.entry`; None: PyTorch does.
    """
    planes, lamps = _scene(pixels, size, look.highlights, each)
    bright = _scene(pixels, size, max(look.highlights, _FLARING), each)[1] if look.flare or look.streak else None
    discs = shapes(look.bokeh, look.cats_eye, look.swirl)
    planes = torch.cat((planes, lamps.sum(0, keepdim=True)))
    if look.aperture and pixels.depth is not None:
        radius = focus_radius(pixels.depth.to(planes.device), look, pitch_um, max(size))
        planes = _blurred(planes, radius, look, pitch_um, lambda p, r: defocused(p, r, discs, each, kernels))
    if look.distortion or look.aberration:
        planes = moved(planes, look.distortion, look.aberration)
        bright = None if bright is None else moved(torch.cat((bright, bright[:1])), look.distortion, 0.0)[:3]
    light, own = planes[:3], planes[3]
    if bright is not None:
        light = _flared(light, bright, look, shapes(look.bokeh), kernels)
    share = (own / light.sum(0).clamp_min(1e-9)).clamp_(0, 1)[None]
    return light, LampMap(share, torch.zeros_like(share))


def _blurred(planes: Tensor, radius: Tensor, look: Look, pitch_um: float, by: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Blurred by depth; with aberration green by itself, which is sharp nearer than red and blue: before what is sharp there
    are purple fringes, and green ones behind."""
    if not look.aberration:
        return by(planes, radius)
    fringe = look.aberration * _FRINGE_UM / pitch_um * min(2 / look.aperture, 1.0) / 2
    made, green = by(planes, radius - fringe), by(planes, radius + fringe)
    made[1] = green[1]
    return made


def _flared(light: Tensor, bright: Tensor, look: Look, discs: Shapes, kernels: Any) -> Tensor:
    if look.streak:
        light = light + streaks(bright, look.streak)
    if look.flare:

        def disc(planes: Tensor, radius: float) -> Tensor:
            four = torch.cat((planes, planes[:1]))
            return defocused(four, torch.full_like(planes[0], radius), discs, kernels=kernels)[:3]

        light = light + ghosts(bright, look.flare, disc)
    return light


def _scene(pixels: Pixels, size: tuple[int, int], stops: float, each: Each) -> tuple[Tensor, Tensor]:
    """Scene light with its lamps rebuilt, and what of it is theirs, both `3,H,W`."""
    height, width = size
    gate = pixels.lamps
    if gate is None:
        few = pixels.scattered(COARSE).light(0, 0, -(-height // COARSE), -(-width // COARSE))
        spline = lamp_gate(few, size)
    strips: list[tuple[Tensor, Tensor]] = []

    def strip(y: int) -> tuple[Tensor, Tensor]:
        rows = min(_ROWS, height - y)
        light = pixels.light(y, 0, rows, width)
        if gate is not None:
            known = gate(y, 0, rows, width)
            if known is None:
                return light, torch.zeros_like(light)
            share, t = (part.to(light) for part in known)
            above_white = False
        else:
            open_ = spline(y, 0, rows, width) if spline.opens else None
            if open_ is None:
                return light, torch.zeros_like(light)
            t = near_white(light)
            share, above_white = open_.clamp(0, 1) * pale(light) * t, pixels.scene_linear
        lamps = light * share
        own = lamps * rebuilt(t, stops, light, above_white)
        return light - lamps + own, own

    strips.extend(each(strip, range(0, height, _ROWS)))
    return torch.cat([s[0] for s in strips], 1), torch.cat([s[1] for s in strips], 1)
