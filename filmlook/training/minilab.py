"""Training the lab on well-exposed photographs: it must undo random shifts of exposure and of the light's colour.

Shifts are applied to scene light and rendered again, so white and black clip as a camera's would. The lab stands beside what
rules of thumb would do: grey world, grey edge, and median luminance.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from filmlook.engine.pixels import evenly
from filmlook.film.scene_light import scene_light
from filmlook.networks.minilab import MINILAB_PX, Minilab
from filmlook.networks.weights import write_tensors
from filmlook.training.collages import Collages
from filmlook.training.data import Example, random_shifts, shifted, split
from filmlook.training.loop import Run, run_folder
from filmlook.training.recipe import Recipe

_STOPS, _BALANCE = 1.5, 0.5  # shifts to undo
_BEYOND = 1.2  # the lab trains on somewhat more, so that the ends are not its edge
_TELLING_STOPS, _TELLING_BALANCE = 0.5, 0.15  # the least shifts of which a share undone is told
_TRIALS = 16  # shifts of each held-out picture
_CHUNK = 64  # samples judged at once
_CALIBRATION_STEPS = 8
_BALANCE_WEIGHT = 4.0  # log2 of red and blue against stops of exposure, in the loss
_FIGURES = {"stops_undone": "share of exposure undone", "balance_undone": "share of casts undone"}
_LUMINANCE = (0.2126, 0.7152, 0.0722)
_LEAST_EDGE = 1e-4  # of light


def correction_loss(made: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of corrections `B,3` (stops, red, blue), rounded off near zero."""
    error = (made - target) * made.new_tensor((1.0, _BALANCE_WEIGHT, _BALANCE_WEIGHT))
    return nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=0.1)


def sample(code: Tensor) -> Tensor:
    """A picture `3,H,W` as the lab sees it, `3,64,64`: single pixels, evenly spread."""
    rows, columns = (evenly(MINILAB_PX, n) for n in code.shape[1:])
    return code[:, rows][:, :, columns]


def grey_world(samples: Tensor) -> Tensor:
    """Corrections `B,3`, up to a constant, that bring the mean light of all samples to one level and to grey."""
    return _to_grey(scene_light(samples))


def grey_edge(samples: Tensor) -> Tensor:
    """As `grey_world`, of the differences of light between neighbours (van de Weijer, "Edge-Based Color Constancy", 2007)."""
    light = scene_light(samples)
    here = light[..., :-1, :-1]
    return _to_grey(torch.hypot(light[..., 1:, :-1] - here, light[..., :-1, 1:] - here) + _LEAST_EDGE)


def _to_grey(light: Tensor) -> Tensor:
    red, green, blue = light.mean((2, 3)).clamp_min(1e-4).log2().unbind(1)
    return -torch.stack((green, red - green, blue - green), 1)


def median_luminance(samples: Tensor) -> Tensor:
    """Corrections `B,3`, up to a constant, that bring median luminance to one level; colour stays as it is."""
    weights = samples.new_tensor(_LUMINANCE).view(3, 1, 1)
    median = (scene_light(samples) * weights).sum(1).flatten(1).median(1).values.clamp_min(1e-4).log2()
    return -torch.stack((median, torch.zeros_like(median), torch.zeros_like(median)), 1)


@dataclasses.dataclass(frozen=True)
class Errors:
    """Medians over held-out pictures and shifts.

    Attributes:
        stops, balance: error of exposure in stops, and of red and blue in log2.
        stops_undone, balance_undone: 1 - error / shift, of shifts of at least half a stop, and of .15 log2.
        moved, tinted: how far exposure, and red and blue, of pictures move that were not shifted.
    """

    stops: float
    balance: float
    stops_undone: float
    balance_undone: float
    moved: float
    tinted: float


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
            moved = judge(self.untouched).abs()
        size = self.targets.abs()
        least = torch.tensor((_TELLING_STOPS, _TELLING_BALANCE, _TELLING_BALANCE))
        undone = torch.where(size >= least, 1 - error / size, torch.nan)
        parts = (error[:, 0], error[:, 1:], undone[:, 0], undone[:, 1:], moved[:, 0], moved[:, 1:])
        return Errors(*(float(t.nanmedian()) for t in parts))


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
        Errors on the held-out part by who judged: "lab", and the rules "grey world", "grey edge" and "median luminance".

    Raises:
        FilmLookError: pictures or checkpoint are wrong, or a file cannot be written.
    """
    learnt, kept = split(examples, recipe.seed, held_out)
    torch.manual_seed(recipe.seed)
    lab, trials, batch = (
        Minilab().train(),
        Trials(kept, recipe.seed),
        Collages(learnt, recipe, _BEYOND * _STOPS, _BEYOND * _BALANCE),
    )
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
    rules = {"grey world": grey_world, "grey edge": grey_edge, "median luminance": median_luminance}
    table = {"lab": trials.errors(lab.cpu().eval())}
    table |= {name: trials.errors(_centred(rule, known)) for name, rule in rules.items()}
    facts = {
        **dataclasses.asdict(recipe),
        "learnt_from": len(learnt),
        "held_out": [example.name for example in kept],
        "errors": {judge: dataclasses.asdict(errors) for judge, errors in table.items()},
    }
    write_tensors(out, lab.state_dict(), {"training": json.dumps(facts)})
    return table
