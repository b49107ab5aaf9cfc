"""How near matching comes: known looks on photographs, sought by `filmlook.match`, beside Reinhard's and histograms' transfer.

    python bench/match.py PHOTOS [--looks 40] [--references 1] [--seed 7]

The references are photographs that `fit_matching.py` has left out, developed with looks by chance or with those that come with
Film Look, with grain, as JPEG. What is found is tried on other photographs that were left out: mean dE00 between what it and
the true look make of them, in colour. Reinhard's transfer gives each of them the reference's means and deviations in OKLab, the
other its histograms, channel by channel.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import time
from pathlib import Path

import numpy as np
import torch
from fit_matching import EVERY, SIDE
from match_looks import kind_of, random_look, random_texture
from PIL import Image

from filmlook.engine.colour_only import colour_of
from filmlook.engine.develop import develop
from filmlook.fitting.delta_e import delta_e, to_cielab
from filmlook.look import Look
from filmlook.matching.grain_settings import grain_of
from filmlook.matching.match import match
from filmlook.matching.oklab import oklab
from filmlook.presets import list_looks, load_look
from filmlook.stock import load_stock

HELD_OUT = 8  # photographs on which a look is tried
PIXELS = 600  # of each
QUALITIES = (0, 95, 90)  # of the references' JPEG; 0: none
OF_OURS = 0.25  # share of looks that come with Film Look


def held_out(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.glob("*.jpg")) if int("".join(c for c in p.stem if c.isdigit()) or 1) % EVERY == 0]


def thumbnail(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        scale = SIDE / max(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BOX), np.float32) / 255


def sample(code: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Some of a picture's pixels, `(PIXELS, 3)`."""
    pixels = code.reshape(-1, 3)
    return pixels[random.choice(len(pixels), PIXELS, replace=False)]


def made(look: Look, code: np.ndarray) -> np.ndarray:
    return colour_of(look)(torch.from_numpy(code).permute(2, 0, 1)[None].contiguous())[0].permute(1, 2, 0).numpy()


def off(one: np.ndarray, other: np.ndarray) -> float:
    labs = [to_cielab(torch.from_numpy(np.asarray(code, np.float64))) for code in (one, other)]
    return float(delta_e(*labs).mean())


def reinhard(code: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Reinhard et al., "Color transfer between images" (2001), in OKLab."""
    lab, wanted = (oklab(torch.from_numpy(c.reshape(-1, 3))).numpy() for c in (code, reference))
    moved = (lab - lab.mean(0)) / (lab.std(0) + 1e-6) * wanted.std(0) + wanted.mean(0)
    return from_oklab(moved).reshape(code.shape)


def from_oklab(lab: np.ndarray) -> np.ndarray:
    eye = oklab(torch.eye(3, dtype=torch.float64)).numpy()
    to_lab = np.array(((0.2104542553, 0.7936177850, -0.0040720468), (1.9779984951, -2.4285922050, 0.4505937099),
                       (0.0259040371, 0.7827717662, -0.8086757660)))  # fmt: skip
    cones = (np.linalg.solve(to_lab, eye.T).T) ** 3  # of red, green and blue
    light = np.linalg.solve(cones.T, (np.linalg.solve(to_lab, lab.T).clip(0)) ** 3).T.clip(0, 1)
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def histograms(code: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Each channel's values become the reference's of the same rank."""
    out = np.empty_like(code)
    for c in range(3):
        order = np.argsort(np.argsort(code[..., c].ravel())) / code[..., c].size
        out[..., c] = np.quantile(reference[..., c], order).reshape(code.shape[:2])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--looks", type=int, default=40)
    parser.add_argument("--references", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    files = held_out(args.photos)
    ours = [name for name in list_looks() if load_look(name).print != "negative" and load_look(name).stock != "neutral"]
    rows = []
    for number in range(args.looks):
        if number < args.looks * OF_OURS:
            true = load_look(ours[number % len(ours)])
        else:
            true = dataclasses.replace(random_look(random), **random_texture(random))
        picks = random.choice(len(files), args.references + HELD_OUT, replace=False)
        references = []
        for i in picks[: args.references]:
            film = develop(np.asarray(Image.open(files[i]).convert("RGB")), true, seed=number)
            quality = int(random.choice(QUALITIES))
            if quality:
                data = io.BytesIO()
                Image.fromarray(film).save(data, "JPEG", quality=quality)
                film = data.getvalue()
            references.append(film)
        start, cpu = time.perf_counter(), time.process_time()
        found = match(references)
        start, cpu = time.perf_counter() - start, time.process_time() - cpu
        shown = np.concatenate([made(true, thumbnail(files[i])).reshape(-1, 3) for i in picks[: args.references]])[:, None]
        codes = np.stack([sample(thumbnail(files[i]), random) for i in picks[args.references :]])
        wanted = made(true, codes)
        row = {"found": off(made(found.look, codes), wanted), "nothing": off(codes, wanted)}
        row["stock alone"] = off(made(Look(stock=true.stock, print=true.print), codes), wanted)
        row["reinhard"] = off(np.stack([reinhard(code[None], shown)[0] for code in codes]), wanted)
        row["histograms"] = off(np.stack([histograms(code[None], shown)[0] for code in codes]), wanted)
        stocks = [found.look.stock, *(look.stock for look in found.alternatives)][:5]
        kinds = [kind_of(load_stock(look.stock)) for look in (true, found.look)]
        grains = [np.nanmedian(grain_of(look, 1024, None).sigma[:, 1]) for look in (true, found.look)]
        row |= {"kind": kinds[0] == kinds[1], "stock": stocks[0] == true.stock, "five": true.stock in stocks}
        row |= {"grain": abs(grains[1] / grains[0] - 1), "seconds": start, "cpu": cpu}
        rows.append(row)
        names = f"{true.stock:30} {true.print:20} -> {found.look.stock:30} {found.look.print:16}"
        figures = f"off {row['found']:.2f} (nothing {row['nothing']:.2f}, Reinhard {row['reinhard']:.2f})"
        print(f"{number:3} {names} {figures} grain {grains[1] / grains[0]:.2f}", flush=True)
    print()
    for key in ("found", "stock alone", "nothing", "reinhard", "histograms"):
        values = np.array([row[key] for row in rows])
        print(f"{key:12} mean dE00 {values.mean():.2f}, median {np.median(values):.2f}, 90 % {np.quantile(values, 0.9):.2f}")
    for key, what in (("kind", "right kind"), ("stock", "right stock"), ("five", "right stock among five")):
        print(f"{what}: {np.mean([row[key] for row in rows]):.0%}")
    grain = np.array([row["grain"] for row in rows])
    print(f"grain off by {np.median(grain):.0%} (median); within 20 %: {(grain < 0.2).mean():.0%}")
    print(f"{np.mean([r['seconds'] for r in rows]):.1f} s, {np.mean([r['cpu'] for r in rows]):.1f} s of processors")


if __name__ == "__main__":
    main()
