"""Trains the network that tells lamps from what is only bright (`filmlook.networks.lamps`).

    python bench/train_lamps.py PANORAMAS LABELS OUT [--start WEIGHTS] [--scenes 6000] [--steps 8000] [--rate 0.004] [--seed 0]

PANORAMAS is a folder of Radiance pictures (`.hdr`) of whole surroundings, twice as wide as high. Their light goes on beyond
white, so views of them, exposed as a camera would, know what is a lamp: what has five times white's light; by daylight (`day`
in the name of a file's folder) 28 times, the sun alone.

LABELS is a JSON file of pictures: `{"name": {"path": "...", "default": "other", "boxes": [["lamp", 0.1, 0.2, 0.3, 0.25]]}}`,
with boxes in shares of the long side and labels `lamp`, `other` and `ignore`; a later box wins. OUT is the file of weights.

The weights that come with Film Look are a mean: .6 of a first training's, .4 of what 4000 steps at a rate of .0015, on more
pictures of lit rooms and low suns, made of them. On pictures that neither had seen the mean is better than either.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, softplus

from filmlook.film.scene_light import WHITE_LIGHT, display_code, scene_light
from filmlook.networks.lamps import CELLS, LampNetwork
from filmlook.networks.weights import read_tensors, write_tensors
from filmlook.stages.lamps import cell_means, facts, near_white, pale

SMALL, CROP = 256, 192  # long side of what is kept of a picture, and side of what is shown of it
IGNORE, OTHER, LAMP = 0, 1, 2
LABELS = {"ignore": IGNORE, "other": OTHER, "lamp": LAMP}
MISSED = 2.5  # what a lamp missed costs, of what something else lit up costs
FEW = 0.5  # of the root of energy: pictures with less that is near white count less

Scene = tuple[np.ndarray, np.ndarray]
"""Code `h,w,3`, 0 to 1, and labels `h,w`."""


def read_radiance(path: Path) -> np.ndarray:
    """Light `H,W,3` of a run-length encoded Radiance picture."""
    data = path.read_bytes()
    start = data.index(b"\n", data.index(b"\n\n") + 2)
    height, width = (int(n) for n in data[data.index(b"\n\n") + 2 : start].split()[1::2])
    bytes_ = np.frombuffer(data, np.uint8, offset=start + 1)
    rows, at = np.zeros((height, 4, width), np.uint8), 0
    for row in rows:
        at += 4
        for plane in row:
            x = 0
            while x < width:
                count = int(bytes_[at])
                run = count > 128
                count -= 128 * run
                plane[x : x + count] = bytes_[at + 1] if run else bytes_[at + 1 : at + 1 + count]
                x, at = x + count, at + (2 if run else count + 1)
    light = rows[:, :3].astype(np.float32) * np.exp2(rows[:, 3:].astype(np.float32) - 136)
    pixels: np.ndarray = light.transpose(0, 2, 1)
    return pixels


def view(panorama: np.ndarray, dice: np.random.Generator) -> np.ndarray:
    """Light of what a camera sees somewhere in a panorama."""
    height, width = ((SMALL, SMALL), (192, SMALL), (SMALL, 192), (171, SMALL))[dice.integers(4)]
    depth = SMALL / 2 / math.tan(math.radians(dice.uniform(38, 85)) / 2)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y, pitch = x - width / 2 + 0.5, y - height / 2 + 0.5, math.radians(dice.normal(4, 14))
    down, ahead = y * math.cos(pitch) - depth * math.sin(pitch), y * math.sin(pitch) + depth * math.cos(pitch)
    rows, columns = panorama.shape[:2]
    u = ((np.arctan2(x, ahead) + dice.uniform(0, 2 * math.pi)) / (2 * math.pi) % 1) * columns
    v = (np.arctan2(down, np.hypot(x, ahead)) / math.pi + 0.5) * rows
    seen: np.ndarray = panorama[np.clip(v.astype(int), 0, rows - 1), u.astype(int) % columns]
    return seen


def of_panorama(panorama: np.ndarray, day: bool, dice: np.random.Generator) -> Scene:
    """A view, exposed: mostly as it should be."""
    light = view(panorama, dice)
    mean = light.mean(2)
    light = light * (0.16 / np.exp(np.log(mean + 1e-4 * mean.mean() + 1e-6).mean()) * 2 ** dice.uniform(-2.2, 0.8))
    most = 0.22 if dice.random() < 0.3 else 0.12
    while (light.max(2) > WHITE_LIGHT).mean() > most:
        light = light * 0.75
    light = light * np.exp2(dice.normal(0, 0.15, 3)).astype(np.float32)
    code = display_code(torch.from_numpy(np.clip(light, 0, WHITE_LIGHT))).numpy()
    if dice.random() < 0.5:  # rendered otherwise
        code = np.clip(light / dice.uniform(1, 1.7), 0, 1) ** (1 / 2.2)
    peak, labels = light.max(2), np.full(light.shape[:2], IGNORE, np.uint8)
    labels[peak < (10 if day else 2.2)] = OTHER
    labels[peak >= (28 if day else 5)] = LAMP
    return code.astype(np.float32), labels


def of_picture(entry: dict[str, Any], dice: np.random.Generator) -> Scene:
    """One pixel from each cell of a labelled picture."""
    code = np.asarray(Image.open(entry["path"]).convert("RGB"), np.float32) / 255
    height, width = code.shape[:2]
    longest = max(height, width)
    labels = np.full((height, width), LABELS[entry["default"]], np.uint8)
    for label, *box in entry["boxes"]:
        left, top, right, bottom = (round(n * longest) for n in box)
        labels[top:bottom, left:right] = LABELS[label]
    rows, columns = (max(1, round(n * SMALL / longest)) for n in (height, width))
    y = ((np.arange(rows)[:, None] + dice.random((rows, columns))) * height / rows).astype(int)
    x = ((np.arange(columns) + dice.random((rows, columns))) * width / columns).astype(int)
    return code[y, x], labels[y, x]


def cropped(scene: Scene, dice: np.random.Generator) -> Scene:
    """A square of a scene, nearer or farther, mirrored beyond its border, of another tone."""
    count = int(CROP * math.exp(dice.uniform(-0.33, 0.3)))

    def indices(size: int) -> np.ndarray:
        start = dice.integers(min(0, size - count), max(0, size - count) + 1)
        at = (start + (np.arange(CROP) + 0.5) * count / CROP).astype(int) % (2 * size)
        mirrored: np.ndarray = np.where(at < size, at, 2 * size - 1 - at)
        return mirrored

    at = np.ix_(indices(scene[0].shape[0]), indices(scene[0].shape[1]))
    code = np.clip(scene[0][at] * np.exp2(dice.normal(0, 0.06, 3)), 0, 1) ** np.exp2(dice.normal(0, 0.2))
    return code.astype(np.float32), scene[1][at].copy()


Y, X = np.mgrid[:CROP, :CROP].astype(np.float32)
HUES = np.array(
    [(1, 1, 1), (1, 0.95, 0.85), (1, 0.8, 0.45), (0.8, 0.9, 1), (1, 0.3, 0.2), (0.3, 1, 0.5), (0.3, 0.5, 1), (1, 0.4, 0.9)]
)


def shape(radius: float, dice: np.random.Generator) -> np.ndarray:
    """Cover `h,w` of a disc, an ellipse, a rectangle, a tube or a point that is out of focus."""
    y, x, turn, kind = *dice.uniform(0, CROP, 2), dice.uniform(0, math.pi), dice.integers(5)
    u = (X - x) * math.cos(turn) + (Y - y) * math.sin(turn)
    v = (Y - y) * math.cos(turn) - (X - x) * math.sin(turn)
    if kind == 0:
        inside = np.minimum(radius - np.abs(u), radius * dice.uniform(0.5, 1.5) - np.abs(v))
    elif kind == 1:
        inside = np.minimum(radius / 2 - np.abs(v), radius * 8 - np.abs(u))
    elif kind == 2:
        inside = 2.5 * np.exp(-(u**2 + v**2) / (2 * (radius / 1.4) ** 2)) - 0.5
    else:
        inside = radius - np.hypot(u, v * dice.uniform(0.5, 1))
    cover: np.ndarray = np.clip(inside + 0.5, 0, 1)
    return cover


def lamps_in_the_dark(scene: Scene, dice: np.random.Generator) -> Scene:
    """A scene at night, and lamps in it: its own, or others."""
    code, labels = scene
    if (labels == LAMP).any():
        dim = dice.uniform(0.12, 0.6)
        return np.where((labels == LAMP)[..., None], code, code * dim).astype(np.float32), np.where(
            labels == IGNORE, OTHER, labels
        )
    code, labels = code ** dice.uniform(1.4, 3) * dice.uniform(0.02, 0.75), np.full(labels.shape, OTHER, np.uint8)
    for _ in range(dice.integers(1, 40)):
        cover = shape(math.exp(dice.uniform(-0.9, 1.6)), dice)[..., None]
        code = code * (1 - cover) + cover * np.minimum(HUES[dice.integers(len(HUES))] + dice.choice([0, 0.6]) * cover**2, 1)
        labels[cover[..., 0] > 0.3] = LAMP
    return code.astype(np.float32), labels


def lamps_in_the_light(scene: Scene, dice: np.random.Generator) -> Scene:
    """A lit scene, and a few lamps in it, with a glow around them."""
    code, labels = scene[0] * dice.uniform(0.55, 0.9), np.where(scene[1] == LAMP, IGNORE, scene[1])
    for _ in range(dice.integers(1, 7)):
        y, x, hue = *dice.uniform(0, CROP, 2), HUES[dice.integers(4)]
        away = np.hypot(X - x, (Y - y) * dice.uniform(0.7, 1.4))
        glow = dice.uniform(0.15, 0.8) * np.exp(-away / dice.uniform(2, 16)) + 0.3 * dice.random() / (1 + (away / 8) ** 2)
        code = 1 - (1 - code) * (1 - np.clip(glow, 0, 1)[..., None] * hue)
        cover = np.clip(math.exp(dice.uniform(-0.9, 1.8)) - away + 0.5, 0, 1)[..., None]
        code = code * (1 - cover) + cover * np.minimum(hue + 0.6 * cover**2, 1)
        labels[cover[..., 0] > 0.3] = LAMP
    return np.clip(code, 0, 1).astype(np.float32), labels.astype(np.uint8)


def drawn(dice: np.random.Generator) -> Scene:
    """Pages, flat colours with lines, bright shapes larger than lamps, gradients, confetti: none of them glows."""
    code, kind = np.ones((CROP, CROP, 3)) * dice.uniform(0.2, 1, 3), dice.integers(5)
    if kind == 0:
        code[:] = dice.uniform(0.9, 1)
        for y in range(4, CROP - 4, dice.integers(4, 12)):
            code[y : y + dice.integers(1, 4), dice.random(CROP // 2).repeat(2) > 0.35] = dice.uniform(0, 0.25)
    elif kind == 1:
        code[..., dice.integers(3)] = 1
        for _ in range(dice.integers(14)):
            turn = dice.uniform(0, math.pi)
            apart = np.abs((X - dice.uniform(0, CROP)) * math.cos(turn) + (Y - dice.uniform(0, CROP)) * math.sin(turn))
            code[apart < dice.uniform(0.5, 2)] = dice.uniform(0, 0.3)
    elif kind == 2:
        turn = dice.uniform(0, 2 * math.pi)
        rise = ((X - CROP / 2) * math.cos(turn) + (Y - CROP / 2) * math.sin(turn)) / CROP + dice.uniform(0.1, 0.7)
        code = rise[..., None] * dice.uniform(0.7, 1.6, 3)
    else:
        large = kind == 3
        code *= dice.uniform(0.05, 1) if large else 1
        for _ in range(dice.integers(1, 5) if large else dice.integers(3, 40)):
            cover = shape(math.exp(dice.uniform(2.4, 4.2) if large else dice.uniform(-0.7, 2)), dice)[..., None]
            code = code * (1 - cover) + cover * np.maximum(dice.uniform(0.6, 1, 3), dice.choice([0.6, 1]))
    return np.clip(code + dice.normal(0, 0.01, code.shape), 0, 1).astype(np.float32), np.full((CROP, CROP), OTHER, np.uint8)


def known(scene: Scene) -> tuple[Tensor, Tensor]:
    """Facts `8,96,96` of a scene, and what rebuilding would add in lamps and in others, `2,48,48`."""
    light = scene_light(torch.from_numpy((scene[0] * 255).round().transpose(2, 0, 1) / 255))
    seen = facts(cell_means(light, (CROP * CELLS // SMALL, CROP * CELLS // SMALL)))[0]
    added = light.mean(0) * (8 ** near_white(light)[0] - 1) * pale(light)[0]
    labels = torch.from_numpy(scene[1].astype(np.int64))
    return seen, avg_pool2d(torch.stack((added * (labels == LAMP), added * (labels == OTHER))), 4)


def loss(odds: Tensor, added: Tensor) -> Tensor:
    """Cross entropy, weighted by the root of what is added, of each picture alike: small lamps count too."""
    weights = added.sqrt()
    weights = weights / (weights.sum((2, 3), keepdim=True) + FEW)
    signs = torch.tensor([-1.0, 1.0]).view(2, 1, 1)
    costs = (softplus(odds * signs) * weights).sum((2, 3)).mean(0)
    return MISSED * costs[0] + costs[1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the network that tells lamps from what is only bright.")
    parser.add_argument("panoramas", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--scenes", type=int, default=6000)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    dice = np.random.default_rng(arguments.seed)
    surroundings = [(read_radiance(p), "day" in p.parent.name) for p in sorted(arguments.panoramas.rglob("*.hdr"))]
    pictures = list(json.loads(arguments.labels.read_text(encoding="utf-8")).values())
    with_lamps = [e for e in pictures if "lamp" in (e["default"], *(box[0] for box in e["boxes"]))] or pictures

    def seen() -> Scene:
        kind = dice.random()
        if kind < 0.35:
            return of_panorama(*surroundings[dice.integers(len(surroundings))], dice)
        entries = with_lamps if kind > 0.75 else pictures
        return of_picture(entries[dice.integers(len(entries))], dice)

    makers: list[tuple[float, Callable[[], Scene]]] = [
        (0.53, lambda: cropped(seen(), dice)),
        (0.25, lambda: lamps_in_the_dark(cropped(seen(), dice), dice)),
        (0.1, lambda: lamps_in_the_light(cropped(seen(), dice), dice)),
        (0.12, lambda: drawn(dice)),
    ]
    shares = [share for share, _ in makers]
    scenes = [known(makers[dice.choice(len(makers), p=shares)][1]()) for _ in range(arguments.scenes)]
    seen_facts, added = torch.stack([f for f, _ in scenes]), torch.stack([a for _, a in scenes])
    network = LampNetwork()
    if arguments.start:
        network.load_state_dict({name: t.float() for name, t in read_tensors(arguments.start)[0].items()})
    optimizer = torch.optim.AdamW(network.parameters(), arguments.rate, weight_decay=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, arguments.rate, arguments.steps, pct_start=0.15)
    total = 0.0
    for step in range(1, arguments.steps + 1):
        chosen = torch.randint(len(scenes), (16,))
        batch, target = seen_facts[chosen], added[chosen]
        if dice.random() < 0.5:
            batch, target = batch.flip(-1), target.flip(-1)
        cost = loss(network(batch), target)
        optimizer.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += cost.item()
        if step % 200 == 0:
            print(f"{step:6}{total / 200:9.4f}", flush=True)
            total = 0.0
    write_tensors(arguments.out, {name: t.half() for name, t in network.state_dict().items()}, {})


if __name__ == "__main__":
    main()
