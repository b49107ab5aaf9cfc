"""BOKEH: what becomes of a point that is out of focus, and how large it is on film.

With a thin lens of focal length f at f/N, focused at s, a point at z is a disc on the film (Smith, Modern Optical Engineering)

    c = f^2/N  s/(s - f)  |1/s - 1/z|                        its diameter, linear in 1/z: what depth maps tell

The disc has the aperture's shape: round, a polygon of blades, or an upright ellipse where an anamorphic lens squeezes the
picture by 2. Towards the corners the lens's barrel hides part of it, which leaves the cut of two circles (cat's eye), and in
a Petzval lens it is drawn out along circles around the middle (swirl).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from filmlook.look import Look

_ROWS = 256  # of a table
_EXTENT = 2.2  # rows of a table reach from -2.2 to 2.2 radii
_STEEP = 2.0  # sideways, of a step down
_RINGS, _TURNS = 12, 24  # zones of the field, by distance from the middle and by direction, of half a turn
_SQUEEZE = 2.0
_FASTEST = 1.2
_HIDDEN = 0.9  # at a cat's eye of 1, of a radius: how far the barrel's rims are apart in the corner
_DRAWN = 0.5  # at a swirl of 1: how much longer than a circle a disc is in the corner; as much narrower too
_LARGEST = 1 / 6  # of the picture's long side


def focus_radius(depth: Tensor, look: Look, pitch_um: float, long_side: int) -> Tensor:
    """The disc's radius in pixels, less than 0 in front of what is sharp, of a depth map `H,W` of disparity: 1 is at
    `depth_near`, 0 at `depth_far`."""
    near, far = 1 / look.depth_near, 1 / max(look.depth_far, look.depth_near)  # dioptres
    focus = far + (1 - look.focus) * (near - far)
    focal = look.focal_length / 1000
    diameter_um = 1e6 * focal**2 / max(look.aperture, _FASTEST) / max(1 - focal * focus, 0.05)
    largest = long_side * _LARGEST
    return ((1 - look.focus - depth) * ((near - far) * diameter_um / 2 / pitch_um)).clamp_(-largest, largest)


@dataclass(frozen=True, eq=False)
class Shapes:
    """Discs of radius 1 by zones of the field.

    Attributes:
        left, right: `(zones, rows + 1)` float32, integrals from the top of a disc's left and right edge over its rows.
        area: `(zones,)` float32.
        steep: `(zones, rows + 1)` uint8, 1 where an edge goes so far sideways within a row that the row is drawn in thirds.
        reach: how far from its middle the largest disc goes, in radii.
    """

    left: np.ndarray
    right: np.ndarray
    area: np.ndarray
    steep: np.ndarray
    reach: float
    extent = _EXTENT

    def zones(self, height: int, width: int) -> Tensor:
        """Which zone each pixel lies in, `H,W` int64."""
        if len(self.area) == 1:
            return torch.zeros((1, 1), dtype=torch.int64).expand(height, width)
        y, x = torch.arange(height)[:, None] + 0.5 - height / 2, torch.arange(width)[None] + 0.5 - width / 2
        ring = (torch.hypot(y, x) * (_RINGS / math.hypot(height / 2, width / 2))).long().clamp_max_(_RINGS - 1)
        turn = (torch.atan2(y, x).remainder_(math.pi) * (_TURNS / math.pi)).long().clamp_max_(_TURNS - 1)
        return ring * _TURNS + turn


@lru_cache(maxsize=8)
def shapes(bokeh: str, cats_eye: float = 0.0, swirl: float = 0.0) -> Shapes:
    """The discs of an aperture. A whole one has the area of a circle of radius 1."""
    rings, turns = (_RINGS, _TURNS) if cats_eye or swirl else (1, 1)
    at = (np.arange(rings) + 0.5) / rings if rings > 1 else np.zeros(1)
    angle = (np.arange(turns) + 0.5) / turns * math.pi
    at, angle = (grid.reshape(-1, 1) for grid in np.meshgrid(at, angle, indexing="ij"))
    u = np.linspace(-_EXTENT, _EXTENT, _ROWS * 4 + 1)[None]  # finer than the table: a row's mean is wanted
    left, right = _drawn(bokeh, u, at, angle, swirl)
    if cats_eye:
        rim = _rim(bokeh)
        for side in (-1, 1):
            away = side * rim * cats_eye * _HIDDEN / 2 * at**2
            low, high = _ellipse(u - away * np.sin(angle), np.eye(2)[None] / rim)
            left = np.maximum(left, low + away * np.cos(angle))
            right = np.minimum(right, high + away * np.cos(angle))
    there = left < right
    widest = max(float(np.abs(edge[there]).max()) for edge in (left, right, np.broadcast_to(u, there.shape)))
    first, last = there.argmax(1), there.shape[1] - 1 - there[:, ::-1].argmax(1)
    row, every = np.arange(u.shape[1])[None], np.arange(len(left))[:, None]
    nearest = row.clip(first[:, None], last[:, None])
    middle = (left[every, nearest] + right[every, nearest]) / 2  # beyond its ends a disc has no width, but a place
    left, right = (np.where(there, edge, middle) for edge in (left, right))
    slope = np.maximum(*(np.abs(np.gradient(edge, u[0], axis=1)) for edge in (left, right)))
    steep = ((slope > _STEEP) | ~there)[:, ::4]
    sums = [_integral(edge, u[0])[:, ::4] for edge in (left, right)]
    area = sums[1][:, -1] - sums[0][:, -1]
    left, right = (np.ascontiguousarray(s, np.float32) for s in sums)
    return Shapes(left, right, area.astype(np.float32), np.ascontiguousarray(steep, np.uint8), widest)


def _integral(edge: np.ndarray, u: np.ndarray) -> np.ndarray:
    steps = (edge[:, 1:] + edge[:, :-1]) * ((u[1] - u[0]) / 2)
    return np.concatenate((np.zeros((len(edge), 1)), np.cumsum(steps, 1)), 1)


def _drawn(bokeh: str, u: np.ndarray, at: np.ndarray, angle: np.ndarray, swirl: float) -> tuple[np.ndarray, np.ndarray]:
    """Left and right edges `(zones, rows)` of the whole disc, drawn out by swirl; where it is not, left is not below right."""
    stretch = (1 + swirl * _DRAWN * at**2)[..., 0]
    c, s = np.cos(angle[:, 0]), np.sin(angle[:, 0])
    # what brings the drawn disc back to the whole one: narrower along the radius, longer across it
    along, across = np.stack((c, s), -1), np.stack((-s, c), -1)
    back = stretch[:, None, None] * _outer(along, along) + (1 / stretch)[:, None, None] * _outer(across, across)
    if bokeh == "anamorphic":
        side = _rim(bokeh)
        return _ellipse(u, np.diag([side, 1 / side]) @ back)
    if not bokeh.startswith("blades-"):
        return _ellipse(u, back)
    blades = _blades(bokeh)
    inner = _inner(blades)
    left, right = np.full((len(at), u.shape[1]), -np.inf), np.full((len(at), u.shape[1]), np.inf)
    for k in range(blades):
        phi = (k + 0.5) * 2 * math.pi / blades - math.pi / 2
        normal = np.array([math.cos(phi), math.sin(phi)]) @ back
        nx, ny = normal[:, :1], normal[:, 1:]
        room = inner - ny * u
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = room / nx
        flat = np.abs(nx) < 1e-9
        right = np.where(flat, np.where(room < 0, -np.inf, right), np.where(nx > 0, np.minimum(right, edge), right))
        left = np.where(~flat & (nx < 0), np.maximum(left, edge), left)
    return left, right


def _blades(bokeh: str) -> int:
    return int(bokeh.rpartition("-")[2])


def _inner(blades: int) -> float:
    """The radius of the circle inside a polygon of area pi."""
    return math.sqrt(math.pi / (blades * math.tan(math.pi / blades)))


def _rim(bokeh: str) -> float:
    """How far a whole disc reaches, which is where the barrel's rim is."""
    if bokeh.startswith("blades-"):
        return _inner(_blades(bokeh)) / math.cos(math.pi / _blades(bokeh))
    return math.sqrt(_SQUEEZE) if bokeh == "anamorphic" else 1.0


def _outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(a[:, :, None] * b[:, None, :])


def _ellipse(u: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges of the points p with |back p| < 1, on rows u; at rows without, left is right."""
    form = np.swapaxes(back, 1, 2) @ back
    a, b, c = form[:, 0, :1], form[:, 0, 1:], form[:, 1, 1:]
    root = np.sqrt(((b * u) ** 2 - a * (c * u * u - 1)).clip(0))
    return (-b * u - root) / a, (-b * u + root) / a
