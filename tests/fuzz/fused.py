"""Develops pictures with random looks by both engines of the CPU, and compares what they make.

    python -m tests.fuzz.fused --count 500 [--seed 1] [--only NUMBER]

A look, its picture's size and its seed are made from the seed and their number alone, so that `--only` repeats one. What counts
as a fault: less than 99.9 % of the 8-bit samples equal, or one that is off by more than 1. A few looks at the ends of their
settings magnify the last bit of an exposure to several codes (a slide at twice its contrast); there it counts how far PyTorch's
own picture is from itself when it is exposed by a ten-thousandth of a stop less or more.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from filmlook import Look, develop, list_stocks, load_stock
from filmlook.engine import compiled
from filmlook.errors import LookError
from filmlook.look import SETTINGS
from filmlook.prints import print_labels

EQUAL = 0.999
TORCH = compiled.Choice("torch", "to compare")
_NOTHING = 1e-4  # stops: a third of the step between two samples of a film's tables
_FEW = 1e-4  # of the samples, that may be off by more than 1 where PyTorch's own would be
_SAMPLES = 500_000  # of which 99.9 % have to be equal, at least: of a few, one is too many


def scene(height: int, width: int, dice: random.Random) -> np.ndarray:
    """A picture `H,W,3`, 8 bit, of gradients, edges, texture and lamps."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
    waves = [0.5 + 0.5 * np.sin(dice.uniform(2, 90) * x + dice.uniform(2, 90) * y + dice.uniform(0, 6)) for _ in range(3)]
    picture = np.stack(waves, -1) * dice.uniform(0.1, 1)
    for _ in range(6):
        at = dice.randrange(height), dice.randrange(width)
        side = dice.randrange(1, 24)
        picture[at[0] : at[0] + side, at[1] : at[1] + side] = [dice.choice((0, 0.5, 1, dice.random())) for _ in range(3)]
    return (picture.clip(0, 1) * 255).round().astype(np.uint8)


def random_look(dice: random.Random) -> Look:
    """A look whose every setting may be anything that is allowed."""
    stock = dice.choice(list_stocks())
    values: dict[str, Any] = {"stock": stock}
    for setting in SETTINGS:
        if setting.key in ("stock", "print") or dice.random() < 0.5:
            continue
        if setting.choices:
            values[setting.key] = dice.choice(setting.choices)
        elif setting.is_number:
            values[setting.key] = dice.choice((setting.low, setting.high, dice.uniform(setting.low, setting.high)))
    values["strength"] = dice.choice((1.0, 1.0, 1.0, 0.6))
    values["print"] = dice.choice(["stock", *print_labels(load_stock(stock))])
    return Look(**values)


Choose = Callable[[compiled.Choice], None]


def apart(
    picture: Any, look: Look, kernels: compiled.Choice, device: str = "cpu", choose: Choose = compiled.choose, **options: Any
) -> np.ndarray:
    """By how many codes the engines differ, of what they make of a picture; `choose` switches between them."""
    return made_apart(picture, look, kernels, device, choose, **options).round().astype(np.int64)


def made_apart(
    picture: Any, look: Look, kernels: compiled.Choice, device: str = "cpu", choose: Choose = compiled.choose, **options: Any
) -> np.ndarray:
    """The same in the picture's own samples, whatever they are."""
    made = []
    for engine in (TORCH, kernels):
        choose(engine)
        made.append(np.asarray(develop(picture, look, device=device, **options)).astype(np.float64))
    return np.abs(made[0] - made[1])


def unsure(picture: Any, look: Look, device: str = "cpu", choose: Choose = compiled.choose, **options: Any) -> int:
    """By how many codes PyTorch's picture changes with next to nothing of exposure."""
    choose(TORCH)
    less = dataclasses.replace(look, exposure=look.exposure + (-_NOTHING if look.exposure > 0 else _NOTHING))
    made = [np.asarray(develop(picture, look, device=device, **options)).astype(np.int64) for look in (look, less)]
    return int(np.abs(made[0] - made[1]).max())


def case(seed: int, number: int) -> tuple[np.ndarray, Look, dict[str, int]]:
    dice = random.Random(seed * 1_000_003 + number)
    size = dice.choice((dice.randrange(1, 40), dice.randrange(40, 420))), dice.randrange(1, 420)
    return scene(*size, dice), random_look(dice), {"seed": dice.randrange(2**40), "frame": dice.randrange(1000)}


def run(count: int, seed: int, kernels: compiled.Choice, only: int | None = None, **on: Any) -> list[str]:
    """What is wrong with random looks; the share of unequal samples is that of all of them. `on` says on which device, and what
    switches between its engines."""
    faults, unequal, samples = [], 0, 0
    for number in range(count) if only is None else [only]:
        picture, look, options = case(seed, number)
        try:
            off = apart(picture, look, kernels, **on, **options)
        except LookError:  # this film cannot be developed or printed so, by either
            continue
        unequal, samples = unequal + int((off > 0).sum()), samples + off.size
        most = 1
        if off.max() > 1 and (off > 1).mean() < max(_FEW, 3 / off.size):
            most = max(1, unsure(picture, look, **on, **options))
        if off.max() > most or (off > 0).mean() > max(1 - EQUAL, 3 / off.size):
            told = f"up to {off.max()} codes, {(off > 0).mean():.3%} of the samples: {look.to_text()}"
            faults.append(f"{number}: {picture.shape[:2]}, {told}")
    if samples > _SAMPLES and unequal > (1 - EQUAL) * samples:
        faults.append(f"{unequal / samples:.3%} of all samples are unequal")
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares the CPU's engines with random looks.")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    asked = parser.parse_args()
    kernels = compiled.choice()
    if not kernels.kernels:
        sys.exit(f"no kernels: {kernels.why}")
    faults = run(asked.count, asked.seed, kernels, asked.only)
    print("\n".join(faults) or f"{asked.count} looks: alike")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
