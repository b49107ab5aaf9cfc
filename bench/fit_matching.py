"""Fits what tells a look from a reference's statistics (`filmlook.matching.estimator`).

    python bench/fit_matching.py draw PHOTOS DRAWN.npz [--more FOLDER] [--looks 200] [--treatments] [--seed 1]
    python bench/fit_matching.py fit OUT.safetensors DRAWN.npz [DRAWN.npz ...] [--epochs 30]
    python bench/fit_matching.py table OUT.safetensors

PHOTOS is a folder of ordinary photographs and generated pictures, of which every third of each kind (`city_03.jpg`) is left for
`match.py`, and only told about here; FOLDER has others, as many and as different as can be had, and none of those that are left
out. `draw` makes a lattice of each look by chance (`match_looks.py`), which is read in no time: 24 scenes go through it, two
thirds of them as a camera of a slightly other exposure and colour would have given them, which makes three looks of one. It
keeps their statistics and what the looks make of a palette of usual colours, which is that of the weights that are there (means
of clusters of photographs' colours in OKLab). `--treatments` draws what is no film's (`treatments.py`) in place of looks.
`fit` trains on that. `table` writes what the films make of the palette (`filmlook.matching.films`).

The weights that come with Film Look are the mean of two goes' (one after 25 epochs on 1400 looks; it went on for 14 on 2000,
with two thirds of the rate, 0.2 dropped and as much noise), on 79 photographs of PHOTOS and 2259 of FOLDER; the
first 600 looks were seen by one camera each. `matching-others.safetensors` was fitted, in 10 epochs, to these looks and 600
treatments.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from match_looks import films, random_look
from PIL import Image
from torch import Tensor, nn
from treatments import random_treatment

from filmlook.engine.colour_only import colour_of
from filmlook.film.scene_light import display_code, scene_light
from filmlook.look import Look
from filmlook.matching.estimator import Estimator, even, load_estimator
from filmlook.matching.films import SPREADS, shown
from filmlook.matching.statistics import statistics
from filmlook.networks.weights import write_tensors
from filmlook.prints import print_labels, usual_print
from filmlook.stages.lens import vignette_factor
from filmlook.stock import load_stock

SIDE, PIXELS = 192, 1000  # px of a photograph's thumbnail, and how many are looked at
COMPONENTS, HIDDEN, POOLED = 48, 384, 128
DROPPED, NOISE = 0.25, 0.3
LATTICE = 17  # a look's; read between its points it is off by dE00 0.12
CAMERAS, SCENES, HELD_OUT_SCENES = 3, 8, 3  # that a look is seen by, and what each of them sees
OFTENER = 3  # than one of the others each of PHOTOS is seen: they are of what references show
REFERENCES = torch.tensor([1, 1, 1, 2, 3, 4])  # how many are told by at once
MEAN_REFERENCES = 2
TABLE_COMPONENTS = 64
TONINGS = ("sepia", "selenium", "gold", "blue")
EVERY = 3  # photographs that are left out
_LEAST, _DARK = 1 / 510, 1e-5  # code and light, of which logarithms are taken


def photographs(folder: Path, *, held_out: bool) -> list[np.ndarray]:
    """Thumbnails of those that are left out, or of the others."""
    paths = sorted(folder.glob("*.jpg"))
    numbers = [int("".join(c for c in path.stem if c.isdigit()) or 1) for path in paths]
    return thumbnails([path for path, number in zip(paths, numbers, strict=True) if (number % EVERY == 0) == held_out])


def thumbnails(paths: list[Path]) -> list[np.ndarray]:
    """Thumbnails `(h, w, 3)` in [0, 1]."""
    found = []
    for path in paths:
        with Image.open(path) as image:
            scale = SIDE / max(image.size)
            size = (round(image.width * scale), round(image.height * scale))
            found.append(np.asarray(image.convert("RGB").resize(size, Image.Resampling.BOX), np.float32) / 255)
    return found


def scene(photo: np.ndarray, random: np.random.Generator) -> Tensor:
    """Pixels `(N, 3)` of a part of a photograph, now and then as another camera, lamp or lens would have made it."""
    height, width = photo.shape[:2]
    if random.random() < 0.4:
        share = random.uniform(0.5, 1)
        height, width = int(height * share), int(width * share)
    y, x = (random.integers(n - m + 1) for n, m in zip(photo.shape, (height, width), strict=False))
    at = random.choice(height * width, PIXELS, replace=height * width < PIXELS)
    code = torch.from_numpy(photo[y : y + height, x : x + width].reshape(-1, 3)[at])
    if random.random() < 0.35:
        code = other_camera(code, camera(random, 0.03, 0.12))
    if random.random() < 0.4:
        row, column = torch.from_numpy(at // width + 0.5), torch.from_numpy(at % width + 0.5)
        dim = vignette_factor(row, column, (height, width), random.uniform(0.1, 0.5))
        code = display_code(scene_light(code.clamp_min(_LEAST)) * dim[:, None].float()).clamp(0, 1)
    return code


def camera(random: np.random.Generator, mixed: float, stops: float) -> Tensor:
    """A matrix `(3, 3)` that mixes channels and leaves greys as they are, but for exposure."""
    matrix = np.eye(3) + random.normal(0, mixed, (3, 3))
    return torch.from_numpy(matrix / matrix.sum(1, keepdims=True) * 2 ** random.normal(0, stops)).float()


def other_camera(code: Tensor, matrix: Tensor) -> Tensor:
    light = scene_light(code.clamp(_LEAST, 1)) @ matrix.T
    return display_code(light.clamp_min(_DARK)).clamp(0, 1)


def through(lattice: Tensor, code: Tensor) -> Tensor:
    """What a lattice `(1, 3, N, N, N)` makes of code `(M, 3)`."""
    at = code.flip(1).view(1, 1, 1, -1, 3) * 2 - 1
    return nn.functional.grid_sample(lattice, at, align_corners=True)[0, :, 0, 0].T


def draw(args: argparse.Namespace) -> None:
    known, others = photographs(args.photos, held_out=False), photographs(args.photos, held_out=True)
    odds = [float(OFTENER)] * len(known)
    if args.more:
        known += thumbnails(sorted(args.more.iterdir()))
    odds += [1.0] * (len(known) - len(odds))
    random = np.random.default_rng(args.seed)
    palette, names = load_estimator().palette, [*films(), *(["other"] if args.treatments else [])]
    steps = torch.linspace(0, 1, LATTICE)
    code = torch.cat((torch.cartesian_prod(steps, steps, steps), palette))
    drawn: dict[str, list[np.ndarray]] = {"statistics": [], "colours": [], "stock": [], "others": []}
    for _ in range(args.looks):
        if args.treatments:
            stock, made = "other", random_treatment(random)(code).T
        else:
            look = random_look(random)
            stock, made = look.stock, colour_of(look)(code.T.reshape(1, 3, 1, -1).contiguous())[0, :, 0]
        lattice = made[:, : -len(palette)].reshape(1, 3, LATTICE, LATTICE, LATTICE)
        for like in range(CAMERAS):
            matrix = camera(random, 0.02, 0.1) * torch.from_numpy(2 ** random.normal(0, 0.03, (3, 1))).float()

            def shown(code: Tensor, matrix: Tensor | None = matrix if like else None) -> Tensor:
                return through(lattice, code if matrix is None else other_camera(code, matrix)).clamp(0, 1)  # noqa: B023

            chosen = random.choice(len(known), SCENES, p=np.array(odds) / sum(odds))
            drawn["statistics"].append(statistics(torch.stack([shown(scene(known[i], random)) for i in chosen])).half().numpy())
            drawn["colours"].append(even(shown(palette).double()).float().flatten().numpy())
            drawn["stock"].append(np.array(names.index(stock)))
            chosen = random.choice(len(others), HELD_OUT_SCENES, replace=False)
            plain = [torch.from_numpy(others[i].reshape(-1, 3)) for i in chosen]
            each = [shown(p[torch.from_numpy(random.choice(len(p), PIXELS, replace=False))]) for p in plain]
            drawn["others"].append(statistics(torch.stack(each)).half().numpy())
    arrays: dict[str, Any] = {key: np.stack(value) for key, value in drawn.items()}
    np.savez(args.drawn, names=np.array(names), common=common(known, palette), **arrays)


def common(photos: list[np.ndarray], palette: Tensor) -> np.ndarray:
    """How many of photographs' pixels are nearest to each of the palette's colours, in the mean 1; the rarest count too."""
    code = torch.from_numpy(np.concatenate([p.reshape(-1, 3)[::500] for p in photos]))
    count = torch.bincount(torch.cdist(even(code), even(palette)).argmin(1), minlength=len(palette)).float()
    return (0.7 * count / count.mean() + 0.3).numpy()


class Network(nn.Module):
    """The estimator while it learns."""

    def __init__(self, facts: int, stocks: int, scale: Tensor) -> None:
        super().__init__()
        self.layer0, self.layer1 = nn.Linear(facts, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.value, self.gate, self.pooled = nn.Linear(HIDDEN, POOLED), nn.Linear(HIDDEN, POOLED), nn.Linear(2 * POOLED, HIDDEN)
        self.colour, self.stock = nn.Linear(HIDDEN, COMPONENTS), nn.Linear(HIDDEN, stocks)
        self.scale = scale

    def forward(self, x: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Of references `(B, R, F)`, of which only those are that are 1 in `there` `(B, R)`."""

        def lively(x: Tensor) -> Tensor:
            return nn.functional.dropout(nn.functional.leaky_relu(x, 0.1), DROPPED, self.training)

        told = lively(self.layer1(lively(self.layer0(x))))
        sure = nn.functional.softplus(self.gate(told)) * there[..., None]
        total = sure.sum(1)
        pooled = torch.cat(((sure * self.value(told)).sum(1) / (1 + total), total.log1p()), 1)
        together = lively(self.pooled(pooled))
        return self.colour(together) * self.scale, self.stock(together)


def fit(args: argparse.Namespace) -> None:
    torch.manual_seed(0)
    files = [np.load(path) for path in args.drawn]
    names = max(([str(name) for name in file["names"]] for file in files), key=len)
    facts, others, colours, stock = (
        torch.from_numpy(np.concatenate([file[key] for file in files])) for key in ("statistics", "others", "colours", "stock")
    )
    facts, others = facts.float(), others.float()
    kept_out = max(1, len(facts) // 10 // CAMERAS) * CAMERAS  # looks that are left out
    known, z, s = facts[:-kept_out], colours[:-kept_out], stock[:-kept_out]
    mean, scale = known.flatten(0, 1).mean(0), known.flatten(0, 1).std(0) + 1e-4
    centre = z.mean(0)
    basis = torch.linalg.svd(z - centre, full_matrices=False)[2][:COMPONENTS]
    x, z = ((known - mean) / scale).clamp(-5, 5), (z - centre) @ basis.T
    common = torch.from_numpy(np.mean([file["common"] for file in files], 0))
    network = Network(x.shape[2], len(names), z.std(0))
    batch, rate = 128, 1.5e-3
    steps = args.epochs * (x.shape[0] * x.shape[1] // MEAN_REFERENCES // batch)
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)
    for _ in range(steps):
        rows, count = torch.randint(len(x), (batch,)), REFERENCES[torch.randint(len(REFERENCES), (batch,))]
        which = torch.rand(batch, x.shape[1]).argsort(1)[:, : int(REFERENCES.max())]
        there = (torch.arange(which.shape[1]) < count[:, None]).float()
        seen = x[rows[:, None], which]
        shift, odds = network(seen + NOISE * torch.randn_like(seen), there)
        miss = ((shift - z[rows]) @ basis).view(batch, -1, 3).square().sum(2)
        loss = ((miss + 0.1).sqrt() * common).mean() + 0.1 * nn.functional.cross_entropy(odds, s[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    tensors = {key: value.detach() for key, value in network.state_dict().items()}
    tensors["colour.weight"] = tensors["colour.weight"] * network.scale[:, None]
    tensors["colour.bias"] = tensors["colour.bias"] * network.scale
    tensors |= {"mean": mean, "scale": scale, "centre": centre, "basis": basis}
    halves = {key: value.half().contiguous() for key, value in tensors.items()}
    write_tensors(args.out, halves | {"palette": load_estimator().palette}, {"stocks": " ".join(names)})
    parts = {
        "known photographs and looks": (facts[:-kept_out], colours[:-kept_out], stock[:-kept_out]),
        "known photographs, other looks": (facts[-kept_out:], colours[-kept_out:], stock[-kept_out:]),
        "other photographs and looks": (others[-kept_out:], colours[-kept_out:], stock[-kept_out:]),
    }
    estimator = Estimator(
        {key: value.float() for key, value in (halves | {"palette": load_estimator().palette}).items()}, names
    )
    for name, (part, true, right) in parts.items():
        for references in (1, HELD_OUT_SCENES):
            told(f"{name}, {references}", *estimator.outputs(part[:, :references]), true, right, common)
    off = ((colours[-kept_out:] - centre).view(kept_out, -1, 3).norm(dim=2) * common).mean()
    print(f"{'without a network':36} off {off:.2f}")


def told(name: str, found: Tensor, odds: Tensor, colours: Tensor, stock: Tensor, common: Tensor) -> None:
    """Prints how far estimates are off, and how often the stock is the likeliest, or among five."""
    miss = ((found - colours).view(len(found), -1, 3).norm(dim=2) * common).mean(1)
    right = odds.topk(5, 1).indices == stock[:, None]
    print(f"{name:36} off {miss.mean():.2f}, median {miss.median():.2f}; stock {right[:, 0].float().mean():.2f}, "
          f"among five {right.any(1).float().mean():.2f}")  # fmt: skip


def table(args: argparse.Namespace) -> None:
    palette = load_estimator().palette
    looks, made, slopes, film = [], [], [], []
    for name in films():
        stock = load_stock(name)
        usual = usual_print(stock)
        papers = ["stock", *(p for p in print_labels(stock) if p not in ("stock", "negative", usual))]
        start = shown(Look(stock=name), palette)
        slopes.append(torch.stack([_slope(name, key, spread, start, palette) for key, spread in SPREADS.items()]))
        for paper, toning in [(p, "none") for p in papers] + [("stock", t) for t in TONINGS if stock.is_monochrome]:
            looks.append(f"{name}|{paper}|{toning}")
            made.append(shown(Look(stock=name, print=paper, toning=toning), palette))
            film.append(len(slopes) - 1)
        print(name, flush=True)
    rows, turned = torch.stack(made), torch.stack(slopes)
    centre = rows.mean(0)
    basis = torch.linalg.svd(torch.cat((rows - centre, turned.flatten(0, 1))), full_matrices=False)[2][:TABLE_COMPONENTS]
    tensors = {
        "centre": centre,
        "basis": basis,
        "made": (rows - centre) @ basis.T,
        "slopes": turned @ basis.T,
        "film": torch.tensor(film, dtype=torch.float32),
    }
    write_tensors(args.out, {k: v.half().contiguous() for k, v in tensors.items()}, {"looks": " ".join(looks)})


def _slope(name: str, key: str, spread: float, start: Tensor, palette: Tensor) -> Tensor:
    """What a setting changes by a spread, about its default."""
    if load_stock(name).is_monochrome and key in ("saturation", "light_red", "light_blue", "interimage"):
        return torch.zeros_like(start)  # a toned print has colours of its own, which saturation may touch: left as they are
    default = getattr(Look(), key)
    return shown(Look(stock=name, **{key: default + spread}), palette) - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    drawing = commands.add_parser("draw")
    drawing.add_argument("photos", type=Path)
    drawing.add_argument("drawn", type=Path)
    drawing.add_argument("--more", type=Path)
    drawing.add_argument("--looks", type=int, default=200)
    drawing.add_argument("--treatments", action="store_true")
    drawing.add_argument("--seed", type=int, default=1)
    drawing.set_defaults(run=draw)
    fitting = commands.add_parser("fit")
    fitting.add_argument("out", type=Path)
    fitting.add_argument("drawn", type=Path, nargs="+")
    fitting.add_argument("--epochs", type=int, default=30)
    fitting.set_defaults(run=fit)
    tabling = commands.add_parser("table")
    tabling.add_argument("out", type=Path)
    tabling.set_defaults(run=table)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
