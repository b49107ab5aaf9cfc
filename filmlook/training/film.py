"""Training networks of the DigitalFilm architecture: films, and generators that lead from film back to the digital original.

The two-step way makes a film of real scans that have no digital original: a generator is trained on simulated pairs, it labels
the scans, the film network is trained on the simulated pairs first and then on scans and labels.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from filmlook.engine.develop import develop
from filmlook.errors import FilmLookError
from filmlook.files import picture
from filmlook.fitting.delta_e import to_cielab
from filmlook.fitting.stock_file import write_network_stock
from filmlook.look import Look
from filmlook.networks.digitalfilm import DigitalFilm
from filmlook.networks.weights import load_digitalfilm
from filmlook.stock import Stock, load_stock
from filmlook.training.data import Crops, Example, pairs, photographs, shrunk, split, whole
from filmlook.training.loop import Run, run_folder
from filmlook.training.recipe import Recipe
from filmlook.training.report import HeldOut, write_report
from filmlook.training.scores import LEAST_PX, Scores, difference, psnr_of, writing

_CODE_WEIGHT = 3.0  # of the squared error in code, against the distance in CIELAB over 100
_CALIBRATION_STEPS = 16  # batches that the normalisations are set from
_LEAST_VARIANCE = 1e-4  # of what a gate gives: it may be the same for all pictures
_LOCAL_SHARE = 0.75  # of the steps, before the offset joins in: a local step costs a tenth, and most is learnt there
TAUGHT_BY_PAIRS = "pairs"
_CHECK_PX = 320  # long side of the held-out pictures during training


def colour_loss(made: Tensor, target: Tensor) -> Tensor:
    """Squared error of code values and distance in CIELAB together, of `B,3,H,W` each: for PSNR and for the eye."""
    distance = to_cielab(made.movedim(1, -1)) - to_cielab(target.movedim(1, -1))
    seen = distance.square().sum(-1).add(0.01).sqrt().mean() / 100  # the root is smooth where they meet
    return _CODE_WEIGHT * (made - target).square().mean() + seen


def fresh_network() -> DigitalFilm:
    """A network to begin with: a map of each pixel's own colour, without judging the whole picture; both are then learnt.

    From random taps beside the centre it would have to unlearn a blur, edge by edge.
    """
    network = DigitalFilm()
    with torch.no_grad():
        weight = network.conv1.weight
        centre = torch.empty_like(weight[:, :, 1, 1])
        nn.init.kaiming_uniform_(centre, nonlinearity="leaky_relu")
        weight.zero_()
        weight[:, :, 1, 1] = centre
        for parameter in (*network.conv8.parameters(), *network.skip2.parameters()):
            parameter.zero_()
    return network


def calibrate(network: DigitalFilm, batches: Sequence[Tensor]) -> None:
    """Sets every normalisation's mean and variance from these batches, for good.

    They then stay as they are: behind the first attention, a layer's statistics are those of a few numbers a batch, and
    training with them while developing without would be two different networks.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:  # one after another: each must see what the ones before it give in the end
        moments: list[Tensor] = []

        def keep(_: nn.Module, given: tuple[Tensor], moments: list[Tensor] = moments) -> None:
            moments.append(torch.stack((given[0].mean((0, 2, 3)), given[0].square().mean((0, 2, 3)))))

        hook = norm.register_forward_pre_hook(keep)
        with torch.no_grad():
            for batch in batches:
                network(batch)
        hook.remove()
        mean, square = torch.stack(moments).mean(0)
        norm.running_mean = mean
        norm.running_var = (square - mean**2).clamp_min(_LEAST_VARIANCE)


def held_out_check(examples: Sequence[Example], swap: bool, device: torch.device) -> Callable[[nn.Module], Mapping[str, float]]:
    """Mean PSNR and CIEDE2000 of a network on held-out pictures, made small.

    Raises:
        FilmLookError: a picture is too small for the report to come.
    """
    pictures = []
    for name, before, after in whole(examples):
        if min(before.shape[1:]) < LEAST_PX:
            raise FilmLookError(f"{name}: {before.shape[2]} x {before.shape[1]} pixels are too few to judge by")
        pictures.append(_sides(shrunk(before, _CHECK_PX), shrunk(after, _CHECK_PX), swap))

    def check(network: nn.Module) -> dict[str, float]:
        with torch.no_grad():
            made = [network(source[None].to(device))[0].cpu().clamp(0, 1) for source, _ in pictures]
        figures = [(psnr_of(a, b), float(difference(a, b).mean())) for a, (_, b) in zip(made, pictures, strict=True)]
        psnr, de00 = (sum(column) / len(column) for column in zip(*figures, strict=True))
        return {"psnr": psnr, "mean_de00": de00}

    return check


def fold_neighbours(network: DigitalFilm) -> None:
    """Moves what is left in the taps beside the centre into it: flat areas stay as they are.

    A stock maps pixels one by one. What a network has learnt of their neighbours is noise, and shows at the picture's edge.
    """
    with torch.no_grad():
        weight = network.conv1.weight
        whole = weight.sum((2, 3))
        weight.zero_()
        weight[:, :, 1, 1] = whole


def _sides(before: Tensor, after: Tensor, swap: bool) -> tuple[Tensor, Tensor]:
    return (after, before) if swap else (before, after)


@dataclass(frozen=True)
class Job:
    """What to train, on what.

    Attributes:
        examples: photographs and their film sides.
        out: the weights' file, `.safetensors`; checkpoint, log and report go into a folder beside it.
        recipe: how.
        taught_by: the stock's name, or what else made the film sides; told in the weights' metadata.
        like: the stock whose grain, halation and format the new one takes.
        label: the new stock's name for people.
        held_out: a file that names the held-out pictures; None: a fifth, drawn at random.
        generator: from film to digital instead.
        start: weights to begin with; None: random ones.
        half: write half precision.
        resume: go on from where an earlier run of the same recipe stopped.
    """

    examples: Sequence[Example]
    out: Path
    recipe: Recipe
    taught_by: str
    like: Stock
    label: str | None = None
    held_out: Path | None = None
    generator: bool = False
    start: Path | None = None
    half: bool = False
    resume: bool = False

    @property
    def folder(self) -> Path:
        """Where checkpoint, log and report go."""
        return run_folder(self.out)


def train_film(job: Job, device: torch.device) -> Scores:
    """Trains a network, writes its weights with the training's facts, and the report on the held-out part.

    Raises:
        FilmLookError: pictures, start or checkpoint are wrong, or a file cannot be written.
    """
    recipe = job.recipe
    learnt, held_out = split(job.examples, recipe.seed, job.held_out)
    torch.manual_seed(recipe.seed)
    network = load_digitalfilm(job.start)[0].requires_grad_(True) if job.start else fresh_network()
    network.eval()
    facts = {
        **dataclasses.asdict(recipe),
        "taught_by": job.taught_by,
        "start": job.start.name if job.start else "random weights",
        "learnt_from": len(learnt),
        "held_out": [example.name for example in held_out],
    }
    what = "generator" if job.generator else "film"
    data = json.dumps([[e.name for e in learnt], facts["held_out"], job.taught_by, facts["start"]])
    run = Run(network, recipe, job.folder, what=what, data=data, device=device, resume=job.resume)
    crops = Crops(
        learnt,
        batch=recipe.batch,
        size=(recipe.height, recipe.width),
        seed=recipe.seed,
        stops=recipe.shift_stops,
        balance=recipe.shift_balance,
    )

    def batch(step: int) -> tuple[Tensor, Tensor]:
        return _sides(*crops(step), job.generator)

    if run.step == 0 and not job.start:
        calibrate(network, [batch(-1 - i)[0].to(device) for i in range(_CALIBRATION_STEPS)])

    def forward(source: Tensor, step: int) -> Tensor:
        alone = not job.start and step < _LOCAL_SHARE * recipe.steps
        return network.local(source) if alone else network(source)

    run.train(batch, colour_loss, held_out_check(held_out, job.generator, device), forward)
    network.cpu()
    if all(example.film for example in learnt):
        fold_neighbours(network)
    label = job.label or job.out.stem
    write_network_stock(job.out, network, job.like, label, half=job.half, training=facts)  # before anything else can fail
    judged = [HeldOut(e.name, partial(_judged, e, job.out, job.generator, device)) for e in held_out]
    figures = write_report(job.folder, label, judged, facts)
    fit = {k: round(v, 4) for k, v in dataclasses.asdict(figures).items()}
    write_network_stock(job.out, network, job.like, label, half=job.half, fit=fit, training=facts)
    return figures


def _judged(example: Example, stock: Path, swap: bool, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Before, after and target of one held-out photograph at full size, developed as users do."""
    ((_, before, after),) = whole([example])
    source, target = _sides(before, after, swap)
    return source, develop(source, _colour_look(stock), device=device), target


def _colour_look(stock: Path) -> Look:
    return Look(stock=str(stock), halation=0, sharpness=0, grain=0)


def label_scans(generator: Path, scans: Path, out: Path, device: torch.device, overwrite: bool = False) -> int:
    """Writes what a generator makes of a folder's scans, one PNG for each into `out`; returns how many.

    Raises:
        FilmLookError: a scan cannot be read, or a file cannot be written, or exists and is not to be replaced.
    """
    look = _colour_look(generator)
    load_stock(look.stock)
    examples = photographs([scans], None)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        if out.samefile(scans):
            raise FilmLookError(f"{out}: the folder of the scans; their labels go into another")
    for example in tqdm(examples, desc="label", unit="scan", disable=None):
        shown = picture.read(example.before)
        made = dataclasses.replace(shown, pixels=develop(shown.pixels, look, device=device))
        picture.write(out / f"{example.name}.png", made, overwrite=overwrite)
    return len(examples)


def train_two_step(job: Job, scans: Path, device: torch.device) -> Scores:
    """A film of scans without digital originals, from simulated pairs (`job.examples`) and the scans.

    Writes generator, labels and the pretrained network into the job's folder, and the film to `job.out`.

    Raises:
        FilmLookError: as `train_film`.
    """
    photographs([scans], None)  # told before an hour of training, not after it
    with writing(job.folder):
        job.folder.mkdir(parents=True, exist_ok=True)
    generator = dataclasses.replace(job, out=job.folder / "generator.safetensors", generator=True, label=None, half=False)
    train_film(generator, device)
    labels = job.folder / "labels"
    label_scans(generator.out, scans, labels, device, overwrite=True)
    pretrained = dataclasses.replace(job, out=job.folder / "pretrained.safetensors", label=None, half=False)
    train_film(pretrained, device)
    examples = pairs([labels], [scans])
    tuned = dataclasses.replace(job, examples=examples, taught_by=TAUGHT_BY_PAIRS, start=pretrained.out, held_out=None)
    return train_film(dataclasses.replace(tuned, recipe=fine_tuning(job.recipe)), device)


def fine_tuning(recipe: Recipe) -> Recipe:
    """The recipe for going on from trained weights: half the steps, a quarter of the rate."""
    return dataclasses.replace(recipe, steps=max(1, recipe.steps // 2), rate=recipe.rate / 4)
