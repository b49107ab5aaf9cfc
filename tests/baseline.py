"""What `develop` makes of a few small pictures, kept so that no change to it goes unnoticed.

python -m tests.baseline            # compares with what is kept
python -m tests.baseline --renew    # keeps what is made now, and prints what moved
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from filmlook import Look, develop, list_stocks

KEPT = Path(__file__).with_name("baseline.npz")
SEED = 7
LOOKS = {
    "near": {"frame": "super8", "effect_size": 4},  # pixels of 23 um, as of a large scan of 35 mm
    "colour": {"halation": 0, "sharpness": 0, "grain": 0, "exposure": 0.5, "contrast": 1.1, "saturation": 0.9, "black": 0.5},
    "all": {
        "frame": "super8", "effect_size": 8,
        "exposure": 0.25, "push": 1, "diffusion": "black-pro-mist", "diffusion_grade": 0.25, "vignette": 0.3,
        "highlights": 3, "halation": 1.5, "halation_size": 1.2, "sharpness": 1.4, "grain": 1.5, "grain_size": 1.3,
        "grain_colour": 0.7, "grain_shadows": 1.5, "light_red": 0.1, "light_blue": -0.15, "white": 0.6, "strength": 0.9,
        "toning": "sepia", "lab": 0.5, "rating": 0.5, "interimage": 1.2, "light_balance": 25, "filter": "yellow-8",
        "print_exposure": 0.1, "tone_shadows": 0.3, "tone_shadows_hue": 220, "softness": 8, "scan_softness": 9,
    },
}  # fmt: skip

LAMPS = ((12, 14, 2, (1, 1, 1)), (20, 46, 3, (1, 0.8, 0.4)), (46, 24, 1, (0.5, 0.8, 1)), (50, 52, 4, (1, 1, 1)))


def pictures() -> np.ndarray:
    """Three pictures `(3, 64, 64, 3)`, 8 bit: colours and greys with hard edges, lamps at night, fine texture in daylight."""
    y, x = np.mgrid[0:64, 0:64].astype(np.float32) / 63
    chart = np.stack((x, y, 1 - x), -1)
    chart[:24] = np.round(x[:24, :, None] * 7) / 7
    chart[40:44, 8:56] = 0
    chart[48:49, 8:56] = chart[52:54, 8:56] = 1
    night = np.stack((0.08 + 0.05 * y, 0.06 + 0.04 * y, 0.1 + 0.08 * x), -1)
    for row, column, size, colour in (
        (12, 14, 2, (1, 1, 1)),
        (20, 46, 3, (1, 0.8, 0.4)),
        (46, 24, 1, (0.5, 0.8, 1)),
        (50, 52, 4, 1),
    ):
        night[row - size : row + size, column - size : column + size] = colour
    day = np.stack((0.5 + 0.2 * np.sin(40 * x + 9 * y), 0.55 + 0.2 * np.cos(33 * y), 0.75 - 0.3 * y), -1)
    day[:20] = np.stack((0.72 + 0.2 * x, 0.8 + 0.15 * x, 0.9 + 0.1 * x), -1)[:20]
    day[24:48, 20:36] = (0.78, 0.6, 0.5)
    return (np.stack((chart, night, day)).clip(0, 1) * 255).round().astype(np.uint8)


def made() -> dict[str, np.ndarray]:
    """What `develop` makes of the pictures, `(3, 64, 64, 3)` by "stock/look"."""
    shown = pictures()
    found = {}
    for stock in list_stocks():
        for name, settings in LOOKS.items():
            found[f"{stock}/{name}"] = develop(shown, Look(stock=stock, **settings), seed=SEED, device="cpu")  # type: ignore[arg-type]
    return found


def kept() -> dict[str, np.ndarray]:
    """What was kept, by the same names."""
    with np.load(KEPT) as file:
        return {name: file[name] for name in file.files}


def moved(now: np.ndarray, before: np.ndarray) -> tuple[int, float]:
    """By how many codes the samples differ at most, and the share of them that differ at all."""
    apart = np.abs(now.astype(int) - before.astype(int))
    return int(apart.max()), float((apart > 0).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description="Compares what develop makes with what is kept.")
    parser.add_argument("--renew", action="store_true", help="keep what is made now")
    renew = parser.parse_args().renew
    now, before = made(), kept() if KEPT.exists() else {}
    for name in sorted(now.keys() | before.keys()):
        if name not in before or name not in now:
            print(f"{name:52} {'new' if name in now else 'gone'}")
        elif (apart := moved(now[name], before[name]))[0]:
            print(f"{name:52} up to {apart[0]:3} codes, {apart[1]:7.2%} of samples")
    if renew:
        np.savez_compressed(KEPT, **now)  # type: ignore[arg-type]
        print(f"{KEPT.name}: {len(now)} entries, {KEPT.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
