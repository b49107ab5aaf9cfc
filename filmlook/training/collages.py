"""What the lab learns from: parts of pictures, collages of two, and parts on plain or graded grounds, under random shifts.

Photographs are few and scenes many. Two parts beside each other make a new scene; a part on white, black or a plain colour is a
product, a portrait in a studio or a page; and mixed channels are what another camera, another lamp or other paints would
have made of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from filmlook.engine.pixels import evenly
from filmlook.film.scene_light import display_code, scene_light
from filmlook.networks.minilab import MINILAB_PX
from filmlook.training.data import Example, random_shifts, shifted, step_seed
from filmlook.training.recipe import Recipe

_UNTOUCHED = 0.25  # share of pictures to leave as they are
_COLLAGES, _GROUNDS, _BARE = 0.4, 0.2, 0.03  # shares of samples of two parts, of a part on a ground, and of grounds alone
_NOISE = 0.02  # code, at most, on grounds alone
_CAMERAS = 0.1  # deviation of the matrices that recolour; without them the lab knows the photographs' colours by heart
_LEAST_SIDE = 0.4  # of a random part, as a share of the picture's
_BOXES = 0.4  # share of parts on a ground that are boxes; the others are ovals
_PLAIN = 0.7  # share of grounds of one colour; the others go over into a second
_WHITES, _BLACKS, _GREYS = 0.45, 0.2, 0.15  # shares of a ground's colours; the others have any hue


class Collages:
    """Samples under random shifts, and the corrections that undo them; the same step gives the same batch.

    Args:
        examples: loaded at once, thinned.
        recipe: seed and size of a batch.
        stops, balance: shifts, up to +-, as `random_shifts` has them.
    """

    def __init__(self, examples: Sequence[Example], recipe: Recipe, stops: float, balance: float) -> None:
        self._pictures = [_thinned(e.load()[0]) for e in examples]
        self._recipe, self._most = recipe, (stops, balance)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Samples `B,3,64,64` of display code, and corrections `B,3`."""
        random = torch.Generator().manual_seed(step_seed(self._recipe.seed, step))
        count = self._recipe.batch
        codes = _recoloured(torch.stack([self._part(random) for _ in range(count)]) / 255, random)
        kind = torch.rand(count, 1, 1, generator=random)
        two, bare = kind < _COLLAGES, kind > 1 - _BARE
        alone = (kind >= _COLLAGES + _GROUNDS) & ~bare
        inside = torch.where(two, _halves(count, random), _blobs(count, random) & ~bare) | alone
        partner = torch.where(two[:, None], codes.roll(1, 0), grounds(count, random))
        codes = torch.where(inside[:, None], codes, partner)
        flat = bare.flatten()
        noise = torch.rand(int(flat.sum()), 1, 1, 1, generator=random) * torch.randn(codes[flat].shape, generator=random)
        codes[flat] = (codes[flat] + _NOISE * noise).clamp(0, 1)
        shifts = random_shifts(count, *self._most, random)
        shifts[(torch.rand(count, generator=random) < _UNTOUCHED) | flat] = 0
        return shifted(codes, shifts), -shifts

    def _part(self, random: torch.Generator) -> Tensor:
        """A random part of a random picture, uint8 `3,64,64`, mirrored and turned at random."""
        code = self._pictures[int(torch.randint(len(self._pictures), (), generator=random))]
        lines = []
        for length in code.shape[1:]:
            share, place = torch.rand(2, generator=random).tolist()
            count = max(1, round(length * (_LEAST_SIDE + (1 - _LEAST_SIDE) * share)))
            lines.append(evenly(MINILAB_PX, count) + round(place * (length - count)))
        part = code[:, lines[0]][:, :, lines[1]]
        mirrored, turned = (torch.rand(2, generator=random) < 0.5).tolist()
        part = part.flip(2) if mirrored else part
        return part.transpose(1, 2) if turned else part


def _thinned(code: Tensor) -> Tensor:
    """Fewer pixels of a large picture, as many as the smallest part is sampled at."""
    step = max(1, int(min(code.shape[1:]) * _LEAST_SIDE / MINILAB_PX))
    return code[:, ::step, ::step].clone()


def _recoloured(codes: Tensor, random: torch.Generator) -> Tensor:
    """The pictures `B,3,H,W` as other cameras would have seen them: colours differ, greys stay grey."""
    matrix = torch.eye(3) + _CAMERAS * torch.randn((len(codes), 3, 3), generator=random)
    matrix = matrix / matrix.sum(2, keepdim=True)
    light = (matrix @ scene_light(codes).flatten(2)).clamp_min(1e-6).view(codes.shape)
    return display_code(light).clamp(0, 1)


def grounds(count: int, random: torch.Generator) -> Tensor:
    """Grounds `B,3,H,W` of display code: white, black, grey or of any hue, plain or going over into another."""
    ends = _colours(2 * count, random).view(2, count, 3, 1, 1)
    plain = torch.rand(count, generator=random) < _PLAIN
    ends[1, plain] = ends[0, plain]
    angle = torch.rand(count, 1, 1, generator=random) * 2 * torch.pi
    y, x = _places()
    way = (x * angle.cos() + y * angle.sin()) / 1.5 + 0.5
    return torch.lerp(ends[0], ends[1], way.clamp(0, 1)[:, None])


def _colours(count: int, random: torch.Generator) -> Tensor:
    kind = torch.rand(count, generator=random)[:, None]
    grey = torch.rand(count, 1, generator=random).expand(count, 3)
    colour = torch.rand(count, 3, generator=random)
    white = 1 - 0.06 * torch.rand(count, 1, generator=random) ** 3
    black = 0.06 * torch.rand(count, 1, generator=random) ** 3
    made = torch.where(kind < _WHITES + _BLACKS + _GREYS, grey, colour)
    made = torch.where(kind < _WHITES + _BLACKS, black.expand(count, 3), made)
    return torch.where(kind < _WHITES, white.expand(count, 3), made)


def _places() -> tuple[Tensor, Tensor]:
    """Rows and columns of a sample, -1 to 1, that broadcast to `H,W`."""
    line = torch.linspace(-1, 1, MINILAB_PX)
    return line[:, None], line[None]


def _halves(count: int, random: torch.Generator) -> Tensor:
    """Which pixels, `B,H,W`, lie on one side of an upright line somewhere in the middle half."""
    at = torch.rand(count, 1, 1, generator=random) - 0.5
    return (_places()[1] < at).expand(count, MINILAB_PX, MINILAB_PX)


def _blobs(count: int, random: torch.Generator) -> Tensor:
    """Which pixels, `B,H,W`, lie in a random oval or box."""
    middle, size = (torch.rand(count, 2, 1, 1, generator=random) for _ in range(2))
    size, box = 0.35 + 0.75 * size, torch.rand(count, 1, 1, generator=random)
    y, x = (((p - 0.8 * (m - 0.5)).abs() / s) for p, m, s in zip(_places(), middle.unbind(1), size.unbind(1), strict=True))
    return torch.where(box < _BOXES, torch.maximum(x, y), torch.hypot(x, y)) < 1
