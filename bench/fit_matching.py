"""Fits what tells a look from a reference's statistics (`filmlook.matching.estimator`).

    python bench/fit_matching.py draw PHOTOS DRAWN.npz [--looks 300] [--seed 1]
    python bench/fit_matching.py fit OUT.safetensors DRAWN.npz [DRAWN.npz ...] [--epochs 40]
    python bench/fit_matching.py table OUT.safetensors

PHOTOS is a folder of ordinary photographs and generated pictures, of which every third of each kind (`city_03.jpg`) is left for
`match.py`, and only told about here. `draw` develops parts and collages of the others with looks by chance (`match_looks.py`),
their exposure and colours jittered, and keeps their statistics and what the looks make of a palette of usual colours. `fit`
trains on that. `table` writes what the films make of the palette (`filmlook.matching.films`).

The weights that come with Film Look were trained in two goes, on 2200 looks with settings turned twice as far, then (20 epochs,
half the rate) on 650 as `match_looks.py` draws them now.
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

from filmlook.engine.colour_only import colour_of
from filmlook.film.scene_light import display_code, scene_light
from filmlook.look import Look
from filmlook.matching.estimator import Estimator, even, load_estimator
from filmlook.matching.films import SPREADS, shown
from filmlook.matching.oklab import oklab
from filmlook.matching.statistics import statistics
from filmlook.networks.weights import write_tensors
from filmlook.prints import print_labels, usual_print
from filmlook.stock import load_stock

SIDE, PIXELS = 192, 1000  # px of a photograph's thumbnail, and how many are looked at
PALETTE, COMPONENTS, HIDDEN = 180, 32, 320
SCENES, HELD_OUT_SCENES = 8, 2
NEUTRAL = 0.03  # share of looks that are no film's
TONINGS = ("sepia", "selenium", "gold", "blue")
TABLE_COMPONENTS = 64
EVERY = 3  # photographs that are left out


def photographs(folder: Path, *, held_out: bool) -> list[np.ndarray]:
    """Thumbnails `(h, w, 3)` in [0, 1] of those that are left out, or of the others."""
    found = []
    for path in sorted(folder.glob("*.jpg")):
        number = int("".join(c for c in path.stem if c.isdigit()) or 1)
        if (number % EVERY == 0) == held_out:
            with Image.open(path) as image:
                scale = SIDE / max(image.size)
                size = (round(image.width * scale), round(image.height * scale))
                found.append(np.asarray(image.convert("RGB").resize(size, Image.Resampling.BOX), np.float32) / 255)
    return found


def palette_of(photos: list[np.ndarray], seed: int = 0) -> np.ndarray:
    """Usual colours `(K, 3)`: the means of clusters in OKLab, by Lloyd's method."""
    random = np.random.default_rng(seed)
    code = torch.from_numpy(np.concatenate([p.reshape(-1, 3)[::37] for p in photos]))
    lab = oklab(code) * torch.tensor([1.0, 2.0, 2.0])
    centres = lab[torch.from_numpy(random.choice(len(lab), PALETTE, replace=False))]
    for _ in range(20):
        own = torch.cdist(lab, centres).argmin(1)
        centres = torch.stack([lab[own == k].mean(0) if (own == k).any() else centres[k] for k in range(PALETTE)])
    return torch.stack([code[own == k].mean(0) for k in range(PALETTE) if (own == k).any()]).numpy()


def plain(photos: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Pixels `(N, 3)` of one photograph as it is."""
    pixels = photos[random.integers(len(photos))].reshape(-1, 3)
    return pixels[random.choice(len(pixels), PIXELS)]


def collage(photos: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Pixels `(N, 3)` of parts of one to four photographs, as other cameras and lamps would have made them: photographs are
    few, and the network must not learn them by heart."""
    count = int(random.choice([1, 1, 1, 1, 1, 2, 3, 4]))
    parts = []
    for i in random.choice(len(photos), count, replace=False):
        share = random.uniform(0.55, 1) if random.random() < 0.6 else 1
        height, width = (max(8, int(n * share)) for n in photos[i].shape[:2])
        y, x = (random.integers(0, n - m + 1) for n, m in zip(photos[i].shape, (height, width), strict=False))
        pixels = photos[i][y : y + height, x : x + width].reshape(-1, 3)
        pixels = pixels[random.choice(len(pixels), -(-PIXELS // count))]
        if random.random() < 0.7:
            camera = np.eye(3) + random.normal(0, 0.04, (3, 3))
            camera /= camera.sum(1, keepdims=True)
            light = scene_light(torch.from_numpy(pixels.clip(1 / 510, 1))).numpy() @ camera.T * 2 ** random.normal(0, 0.12)
            pixels = display_code(torch.from_numpy(light.clip(1e-5).astype(np.float32))).numpy().clip(0, 1)
        if random.random() < 0.15:
            pixels = pixels[:, [[2, 1, 0], [1, 0, 2]][random.integers(2)]]
        parts.append(pixels)
    return np.concatenate(parts)[:PIXELS]


def draw(args: argparse.Namespace) -> None:
    known, others = photographs(args.photos, held_out=False), photographs(args.photos, held_out=True)
    random = np.random.default_rng(args.seed)
    palette = palette_of(known)
    names = [*films(), "neutral"]
    drawn: dict[str, list[np.ndarray]] = {"statistics": [], "colours": [], "stock": []}
    for _ in range(args.looks):
        look = random_look(random)
        if random.random() < NEUTRAL:
            keys = ("exposure", "contrast", "saturation")
            look = Look(stock="neutral", **{key: getattr(look, key) for key in keys})
        scenes = [collage(known, random) for _ in range(SCENES)] + [plain(others, random) for _ in range(HELD_OUT_SCENES)]
        code = np.concatenate([*scenes, palette]).astype(np.float32)
        made = colour_of(look)(torch.from_numpy(code.T.reshape(1, 3, 1, -1).copy()))[0, :, 0].T
        drawn["statistics"].append(statistics(made[: -len(palette)].reshape(len(scenes), PIXELS, 3)).numpy())
        drawn["colours"].append(even(made[-len(palette) :].double()).float().flatten().numpy())
        drawn["stock"].append(np.array(names.index(look.stock)))
    arrays: dict[str, Any] = {key: np.stack(value) for key, value in drawn.items()}
    np.savez(args.drawn, names=np.array(names), palette=palette, **arrays)


class Network(nn.Module):
    """The estimator while it learns."""

    def __init__(self, facts: int, stocks: int, scale: Tensor) -> None:
        super().__init__()
        self.layer0, self.layer1 = nn.Linear(facts, HIDDEN), nn.Linear(HIDDEN, HIDDEN)
        self.colour, self.stock = nn.Linear(HIDDEN, COMPONENTS), nn.Linear(HIDDEN, stocks)
        self.scale = scale

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for layer in (self.layer0, self.layer1):
            x = nn.functional.dropout(nn.functional.leaky_relu(layer(x), 0.1), 0.3, self.training)
        return self.colour(x) * self.scale, self.stock(x)


def fit(args: argparse.Namespace) -> None:
    torch.manual_seed(0)
    files = [np.load(path) for path in args.drawn]
    facts, colours, stock = (
        torch.from_numpy(np.concatenate([file[key] for file in files])) for key in ("statistics", "colours", "stock")
    )
    kept_out = max(1, len(facts) // 10)  # looks that are left out
    known = facts[:-kept_out, :SCENES].flatten(0, 1)
    mean, scale = known.mean(0), known.std(0) + 1e-4
    centre = colours[:-kept_out].mean(0)
    basis = torch.linalg.svd(colours[:-kept_out] - centre, full_matrices=False)[2][:COMPONENTS]
    codes = (colours - centre) @ basis.T
    x = ((known - mean) / scale).clamp(-5, 5)
    z, s = codes[:-kept_out].repeat_interleave(SCENES, 0), stock[:-kept_out].repeat_interleave(SCENES)
    network = Network(x.shape[1], len(files[0]["names"]), codes.std(0))
    batch, rate = 256, 2e-3
    steps = args.epochs * (len(x) // batch)
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(args.epochs):
        for rows in torch.randperm(len(x))[: len(x) // batch * batch].view(-1, batch):
            shift, odds = network(x[rows] + 0.3 * torch.randn(batch, x.shape[1]))
            miss = (shift - z[rows]).square().sum(1) / (basis.shape[1] / 3)
            loss = (miss + 1).sqrt().mean() + 0.1 * nn.functional.cross_entropy(odds, s[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    tensors = {key: value.detach() for key, value in network.state_dict().items()}
    tensors["colour.weight"] = tensors["colour.weight"] * network.scale[:, None]
    tensors["colour.bias"] = tensors["colour.bias"] * network.scale
    tensors |= {"mean": mean, "scale": scale, "centre": centre, "basis": basis}
    tensors["palette"] = torch.from_numpy(files[0]["palette"])
    tensors = {key: value.float().contiguous() for key, value in tensors.items()}
    names = [str(name) for name in files[0]["names"]]
    write_tensors(args.out, tensors, {"stocks": " ".join(names)})
    told(Estimator(tensors, names), facts, colours, stock, kept_out)


def told(estimator: Estimator, facts: Tensor, colours: Tensor, stock: Tensor, kept_out: int) -> None:
    """Prints how far estimates are off, and how often the stock is the likeliest, or among five."""
    rows = {
        "known photographs and looks": facts[:-kept_out, :SCENES],
        "known photographs, other looks": facts[-kept_out:, :SCENES],
        "other photographs and looks": facts[-kept_out:, SCENES:],
    }
    for name, part in rows.items():
        looks = slice(0, len(part)) if "and looks" in name and "known" in name else slice(len(facts) - kept_out, len(facts))
        found, odds = estimator.outputs(part.flatten(0, 1))
        miss = (found - colours[looks].repeat_interleave(part.shape[1], 0)).view(len(found), -1, 3).norm(dim=2).mean(1)
        right = odds.topk(5, 1).indices == stock[looks].repeat_interleave(part.shape[1])[:, None]
        print(f"{name:32} off {miss.mean():.2f}, median {miss.median():.2f}; stock {right[:, 0].float().mean():.2f}, "
              f"among five {right.any(1).float().mean():.2f}")  # fmt: skip
    centre = (colours[-kept_out:] - colours[:-kept_out].mean(0)).view(kept_out, -1, 3).norm(dim=2).mean()
    print(f"{'without a network':32} off {centre:.2f}")


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
    drawing.add_argument("--looks", type=int, default=300)
    drawing.add_argument("--seed", type=int, default=1)
    drawing.set_defaults(run=draw)
    fitting = commands.add_parser("fit")
    fitting.add_argument("out", type=Path)
    fitting.add_argument("drawn", type=Path, nargs="+")
    fitting.add_argument("--epochs", type=int, default=40)
    fitting.set_defaults(run=fit)
    tabling = commands.add_parser("table")
    tabling.add_argument("out", type=Path)
    tabling.set_defaults(run=table)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
