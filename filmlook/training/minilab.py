"""Training the lab on well-exposed photographs: it must undo random shifts of exposure and of the light's colour.

Shifts are applied to scene light and rendered again, so white and black clip as a camera's would. The lab stands beside what a
rule of thumb would do: grey world, and median luminance.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from filmlook.engine.pixels import evenly
from filmlook.film.scene_light import display_code, scene_light
from filmlook.networks.minilab import MINILAB_PX, Minilab
from filmlook.networks.weights import write_tensors
from filmlook.training.data import Example, random_shifts, shifted, split, step_seed
from filmlook.training.loop import Run, run_folder
from filmlook.training.recipe import Recipe

_STOPS, _BALANCE = 1.5, 0.3  # shifts to undo
_BEYOND = 1.2  # the lab trains on somewhat more, so that the ends are not its edge
_UNTOUCHED = 0.15  # share of pictures to leave as they are
_MIXED = 0.7  # share that are put together from two: photographs are few, and two make many new ones
_CAMERAS = 0.18  # deviation of the matrices that recolour; without them the lab knows the photographs' colours by heart
_LEAST_SIDE = 0.3  # of a random part, as a share of the photograph's
_TRIALS = 16  # shifts of each held-out picture
_CHUNK = 64  # samples judged at once
_CALIBRATION_STEPS = 8
_BALANCE_WEIGHT = 4.0  # log2 of red and blue against stops of exposure, in the loss
_FIGURES = {"stops": "median error of exposure, stops", "balance": "median error of red and blue, log2"}
_LUMINANCE = (0.2126, 0.7152, 0.0722)


def correction_loss(made: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of corrections `B,3` (stops, red, blue), rounded off near zero."""
    error = (made - target) * made.new_tensor((1.0, _BALANCE_WEIGHT, _BALANCE_WEIGHT))
    return nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=0.1)


class _Shifted:
    """Samples of random parts of photographs under random shifts, and the corrections that undo them."""

    def __init__(self, examples: Sequence[Example], recipe: Recipe) -> None:
        self._pictures = [_thinned(e.load()[0]) for e in examples]
        self._recipe = recipe

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        random = torch.Generator().manual_seed(step_seed(self._recipe.seed, step))
        codes = _recoloured(torch.stack([self._code(random) for _ in range(self._recipe.batch)]), random)
        shifts = random_shifts(len(codes), _BEYOND * _STOPS, _BEYOND * _BALANCE, random)
        shifts[torch.rand(len(codes), generator=random) < _UNTOUCHED] = 0
        return shifted(codes, shifts), -shifts

    def _code(self, random: torch.Generator) -> Tensor:
        """Code `3,128,128` of one random part, or of two beside or below each other."""
        first, second = (
            sample(_part(self._pictures[int(torch.randint(len(self._pictures), (), generator=random))], random)) / 255
            for _ in range(2)
        )
        mixed, across, share = torch.rand(3, generator=random).tolist()
        if mixed < _MIXED:
            start = round(MINILAB_PX * (0.25 + 0.5 * share))
            first[:, :, start:] = second[:, :, start:]
        return first.transpose(1, 2) if across < 0.5 else first


def _recoloured(codes: Tensor, random: torch.Generator) -> Tensor:
    """The pictures `B,3,H,W` as other cameras would have seen them: colours differ, greys stay grey."""
    matrix = torch.eye(3) + _CAMERAS * torch.randn((len(codes), 3, 3), generator=random)
    matrix = matrix / matrix.sum(2, keepdim=True)
    light = torch.einsum("bij,bjhw->bihw", matrix, scene_light(codes)).clamp_min(0)
    return display_code(light).clamp(0, 1)


def _thinned(code: Tensor) -> Tensor:
    """Fewer pixels of a large picture, as many as the smallest part is sampled at."""
    step = max(1, int(min(code.shape[1:]) * _LEAST_SIDE / MINILAB_PX))
    return code[:, ::step, ::step].clone()


def _part(code: Tensor, random: torch.Generator) -> Tensor:
    """A random part, mirrored at random."""
    for axis in (1, 2):
        share, place = torch.rand(2, generator=random).tolist()
        count = max(1, round(code.shape[axis] * (_LEAST_SIDE + (1 - _LEAST_SIDE) * share)))
        code = code.narrow(axis, round(place * (code.shape[axis] - count)), count)
    return code.flip(2) if float(torch.rand((), generator=random)) < 0.5 else code


def sample(code: Tensor) -> Tensor:
    """A picture `3,H,W` as the lab sees it, `3,128,128`: single pixels, evenly spread."""
    rows, columns = (evenly(MINILAB_PX, n) for n in code.shape[1:])
    return code[:, rows][:, :, columns]


def grey_world(samples: Tensor) -> Tensor:
    """Corrections `B,3`, up to a constant, that bring the mean light of all samples to one level and to grey."""
    red, green, blue = scene_light(samples).mean((2, 3)).clamp_min(1e-4).log2().unbind(1)
    return -torch.stack((green, red - green, blue - green), 1)


def median_luminance(samples: Tensor) -> Tensor:
    """Corrections `B,3`, up to a constant, that bring median luminance to one level; colour stays as it is."""
    weights = samples.new_tensor(_LUMINANCE).view(3, 1, 1)
    median = (scene_light(samples) * weights).sum(1).flatten(1).median(1).values.clamp_min(1e-4).log2()
    return -torch.stack((median, torch.zeros_like(median), torch.zeros_like(median)), 1)


@dataclasses.dataclass(frozen=True)
class Errors:
    """Medians over held-out pictures and shifts: error of exposure in stops, of red and blue in log2, and how far the exposure
    of pictures that were not shifted moves, in stops."""

    stops: float
    balance: float
    moved: float


class Trials:
    """Held-out pictures under fixed shifts, as they are, and what undoes the shifts."""

    def __init__(self, examples: Sequence[Example], seed: int) -> None:
        random = torch.Generator().manual_seed(seed + 1)
        self.untouched = torch.stack([sample(e.load()[0]) / 255 for e in examples])
        shifts = random_shifts(_TRIALS * len(examples), _STOPS, _BALANCE, random)
        self.shifted = shifted(self.untouched.repeat_interleave(_TRIALS, 0), shifts)
        self.targets = -shifts

    def errors(self, judge: Callable[[Tensor], Tensor]) -> Errors:
        """How a judge of samples fares."""
        with torch.no_grad():
            error = (torch.cat([judge(part) for part in torch.split(self.shifted, _CHUNK)]) - self.targets).abs()
            moved = judge(self.untouched)[:, 0].abs()
        return Errors(*(float(t.median()) for t in (error[:, 0], error[:, 1:], moved)))


def _centred(rule: Callable[[Tensor], Tensor], known: Tensor) -> Callable[[Tensor], Tensor]:
    """A rule whose constant makes it right, in the median, for samples that need no correction."""
    usual = rule(known).median(0).values
    return lambda samples: rule(samples) - usual


def train_minilab(
    examples: Sequence[Example],
    out: Path,
    recipe: Recipe,
    device: torch.device,
    *,
    held_out: Path | None = None,
    resume: bool = False,
) -> dict[str, Errors]:
    """Trains the lab and writes its weights; checkpoint and log go into a folder beside them.

    Returns:
        Errors on the held-out part by who judged: "lab", and the two rules "grey world" and "median luminance".

    Raises:
        FilmLookError: pictures or checkpoint are wrong, or a file cannot be written.
    """
    learnt, kept = split(examples, recipe.seed, held_out)
    torch.manual_seed(recipe.seed)
    lab, trials, batch = Minilab().train(), Trials(kept, recipe.seed), _Shifted(learnt, recipe)
    lab.calibrate(torch.cat([batch(-1 - i)[0] for i in range(_CALIBRATION_STEPS)]))

    def check(network: nn.Module) -> Mapping[str, float]:
        network.cpu().eval()
        errors = trials.errors(network)
        network.to(device).train()
        return dataclasses.asdict(errors)

    data = json.dumps([[e.name for e in part] for part in (learnt, kept)])
    run = Run(lab, recipe, run_folder(out), what="lab", data=data, device=device, figures=_FIGURES, resume=resume)
    run.train(batch, correction_loss, check)
    known = torch.stack([sample(e.load()[0]) / 255 for e in learnt])
    table = {
        "lab": trials.errors(lab.cpu().eval()),
        "grey world": trials.errors(_centred(grey_world, known)),
        "median luminance": trials.errors(_centred(median_luminance, known)),
    }
    facts = {
        **dataclasses.asdict(recipe),
        "learnt_from": len(learnt),
        "held_out": [example.name for example in kept],
        "errors": {judge: dataclasses.asdict(errors) for judge, errors in table.items()},
    }
    write_tensors(out, lab.state_dict(), {"training": json.dumps(facts)})
    return table
