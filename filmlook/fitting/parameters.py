"""A film and what it is looked at on as one vector without bounds: a least-squares step can go anywhere, and stays physical.

A film's curve, sensitivities and inhibition are fitted in any case. What else is, depends on the way it is looked at:

    own    a print that belongs to this film alone: its exposure, curve, dyes and scan, and the film's flare. Colours tell only
           the product of the film's curve and the print's, so the film's keeps to the scale of its start
    paper  a paper that is known: the film's printing density, which differs little from film to film
    slide  no print: what the film's dyes look like

Scales that colours do not tell, since another number takes them back, keep the start's value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from filmlook.film.curve import Curve
from filmlook.film.ends import middle_code, solve
from filmlook.film.negative import Film
from filmlook.film.paper import Paper
from filmlook.film.scene_light import MID_GREY
from filmlook.film.slide import Slide
from filmlook.film.srgb import decode, encode
from filmlook.fitting.forward import Numbers, times

# No sigmoid is steeper than this, per log10 exposure. On negatives 10 to 90 % takes a stop and more, never a step; slides are
# twice as steep, papers take a third of a stop.
STEEPEST = {"negative": 12.0, "reversal": 25.0}
STEEPEST_PAPER = 40.0
MOST_FLARE = 0.05
# How much of a layer's response is to a colour not its own. Below 0 is as in a camera's matrix: its own is purer than sRGB's.
SHARES = (-0.05, 0.4)
MOST_ABSORPTION = 0.8  # off the diagonal of B
MOST_AMPLITUDE = 3.0
_LEAST_INHIBITION = 0.01  # where the search starts: what is 0 would not come back
_INSIDE = (0.001, 0.98)  # of a range, where a start lies beyond it

_CURVE = ("film amplitude", "film slope", "film centre")
_PRINT_CURVE = ("amplitude", "slope", "centre")
_PARTS = {
    "own": ("sensitivity", "inhibition", *_CURVE, "flare", "exposure", *_PRINT_CURVE, "absorption", "mixing"),
    "paper": ("sensitivity", "inhibition", *_CURVE, "printing"),
    "slide": ("sensitivity", "inhibition", *_CURVE, "absorption", "mixing", "base light"),
}


@dataclass(frozen=True)
class Parameters:
    """The order and the transforms of the numbers.

    Attributes:
        film: where the film starts, and what of it stays.
        on: where its own print or a slide's view starts, or the paper that it is printed on.
        way: "own", "paper" or "slide".
    """

    film: Film
    on: Paper | Slide
    way: str

    @property
    def layers(self) -> int:
        return self.film.layers

    @property
    def _rows(self) -> Tensor:
        """What a layer sees of a grey's light, `(L, 1)`: the curves' centres would take back any other."""
        return self.film.sensitivity.sum(1, keepdim=True)

    @property
    def _least_absorption(self) -> float:
        """Off the diagonal of B, over the most: dyes absorb, but a print of its own may undo what a camera did."""
        return -1.0 if self.way == "own" else 0.0

    def start(self) -> list[Tensor]:
        """The start in its parts, each with a first axis of 1."""
        film, on = self.film, self.on
        least, most = SHARES
        sensitivity = film.sensitivity / self._rows
        low = self._least_absorption
        absorption = (on.absorption / MOST_ABSORPTION - low) / (1 - low)
        parts = {
            "sensitivity": _inverse((sensitivity - least) / (most - least)) if self.layers == 3 else sensitivity,
            "inhibition": film.coupling().clamp_min(_LEAST_INHIBITION).log(),
            **dict(zip(_CURVE, _curve_parts(film.curve, STEEPEST[film.kind]), strict=True)),
            "flare": _inverse(torch.full((1,), 0.05, dtype=torch.float64)),
            "printing": film.printing,
            "absorption": _inverse(absorption),
            "mixing": on.mixing,
            "base light": on.base_light.log(),
        }
        if isinstance(on, Paper):
            parts["exposure"] = on.exposure
            parts.update(zip(_PRINT_CURVE, _curve_parts(on.curve, STEEPEST_PAPER), strict=True))
        return [parts[name][None] for name in _PARTS[self.way]]

    def mask(self, *names: str) -> Tensor:
        """Which numbers belong to parts of these names, `(P,)` bool."""
        return torch.cat([torch.full((p.numel(),), n in names) for n, p in zip(_PARTS[self.way], self.start(), strict=True)])

    def split(self, theta: Tensor) -> list[Tensor]:
        """A vector `(P,)` in its parts, each with a first axis of 1."""
        start = self.start()
        pieces = torch.split(theta, [part.numel() for part in start])
        return [piece.view_as(part) for piece, part in zip(pieces, start, strict=True)]

    def unpack(self, parts: list[Tensor]) -> Numbers:
        """The numbers of parts that have a first axis; differentiable."""
        given, film, on = dict(zip(_PARTS[self.way], parts, strict=True)), self.film, self.on
        eye = torch.eye(self.layers, dtype=torch.float64)
        off = 1 - eye
        if self.layers == 1:
            weights = given["sensitivity"]
            sensitivity = self._rows * (weights + (1 - weights.sum(-1, keepdim=True)) / weights.shape[-1])
        else:
            least, most = SHARES
            shares = (least + (most - least) * given["sensitivity"].sigmoid()) * off
            sensitivity = self._rows * (shares + torch.diag_embed(1 - shares.sum(-1)))
        steepest = STEEPEST[film.kind] * (1 if film.kind == "negative" else -1)
        numbers = Numbers(
            kind=film.kind,
            flare=torch.zeros(1, 3, dtype=torch.float64),
            sensitivity=sensitivity,
            curve=_curve(film.curve.base, *(given[name] for name in _CURVE), steepest=steepest),
            inhibition=film.coupling() * eye + given["inhibition"].exp() * off,
            offsets=torch.log10(self._rows[:, 0]),
            printed=eye[None],
            at=torch.zeros(1, self.layers, dtype=torch.float64),
            paper=None,
            absorption=on.absorption[None],
            mixing=on.mixing[None],
            base_light=on.base_light[None],
        )
        if isinstance(on, Paper) and self.way == "paper":
            printed = -on.exposure @ given["printing"]
            # Without flare greys meet the curve itself, whatever the inhibition.
            grey = numbers.curve((MID_GREY * self._rows[:, 0]).log10()[None])
            curve = on.curve
            paper = Curve(curve.base[None], curve.amplitude[None], curve.slope[None], curve.centre[None])
            return replace(numbers, printed=printed, at=mid_grey(on) - times(printed, grey), paper=paper)
        low = self._least_absorption
        dyes = MOST_ABSORPTION * (low + (1 - low) * given["absorption"].sigmoid())
        numbers = replace(numbers, absorption=on.absorption * eye + dyes * off, mixing=given["mixing"])
        if isinstance(on, Slide):
            mixing = numbers.mixing * off
            mixing = mixing + torch.diag_embed(1 - mixing.sum(-1))
            return replace(numbers, mixing=mixing, base_light=given["base light"].exp())
        return replace(
            numbers,
            flare=MOST_FLARE * given["flare"].sigmoid().expand(-1, 3),
            printed=-(on.exposure * eye + given["exposure"] * off) @ film.printing,
            paper=_curve(on.curve.base, *(given[name] for name in _PRINT_CURVE), steepest=STEEPEST_PAPER),
        )

    def result(self, theta: Tensor) -> tuple[Film, Paper | Slide]:
        """The film and what it is looked at on, as files hold them."""
        parts = self.split(theta)
        numbers, given = self.unpack(parts), dict(zip(_PARTS[self.way], parts, strict=True))
        film = replace(
            self.film,
            flare=numbers.flare[0],
            sensitivity=numbers.sensitivity[0],
            curve=_first(numbers.curve),
            inhibition=numbers.inhibition[0],
            interimage=1.0,
            printing=given.get("printing", self.film.printing[None])[0],
        )
        if self.way == "paper":
            return film, self.on
        if numbers.paper is None:
            return film, Slide(numbers.absorption[0], numbers.mixing[0], numbers.base_light[0])
        # A paper's exposure is told from that of mid-grey on.
        printed, curve = numbers.printed[0], _first(numbers.paper)
        curve = replace(curve, centre=curve.centre - (printed @ film.develop().grey())[:, None])
        exposure = -printed @ torch.linalg.inv(film.printing)
        paper = Paper(exposure, curve, numbers.absorption[0], numbers.mixing[0], numbers.base_light[0], free_ends=True)
        return film, replace(paper, middle=encode(paper.view().linear(torch.zeros(self.layers, dtype=torch.float64))))


def mid_grey(paper: Paper) -> Tensor:
    """The paper's log10 exposure that prints mid-grey with its base as it is, `(L,)`."""
    view, zeros = paper.view(), torch.zeros(paper.layers, dtype=torch.float64)
    wanted = torch.log10(decode(middle_code(paper.layers, paper.middle)) / paper.base_light)
    return solve(lambda g: torch.log10(view.linear(g).clamp_min(1e-6)), zeros, wanted)


def _inverse(share: Tensor) -> Tensor:
    """The inverse of a sigmoid, kept inside its range."""
    return share.clamp(*_INSIDE).logit()


def _curve_parts(curve: Curve, steepest: float) -> tuple[Tensor, Tensor, Tensor]:
    return _inverse(curve.amplitude / MOST_AMPLITUDE), _inverse(curve.slope.abs() / steepest), curve.centre


def _curve(base: Tensor, amplitude: Tensor, slope: Tensor, centre: Tensor, *, steepest: float) -> Curve:
    """The inverse of `_curve_parts`, with a first axis; the sign of `steepest` is that of the slopes."""
    return Curve(base[None], MOST_AMPLITUDE * amplitude.sigmoid(), steepest * slope.sigmoid(), centre)


def _first(curve: Curve) -> Curve:
    return Curve(curve.base[0], curve.amplitude[0], curve.slope[0], curve.centre[0])
