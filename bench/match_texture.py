"""How near texture's settings come: known grain, halation, diffusion, softness and vignette on photographs, sought by
`filmlook.match`.

    python bench/match_texture.py PHOTOS [--looks 32] [--references 1] [--seed 3] [--colour]

The references are photographs that `fit_matching.py` has left out, every other one has lamps in the dark, developed with a film
by chance, as JPEG in two cases of three; each setting beside grain is at none in half of the looks. The film is told (`look`),
or with `--colour` sought too. Printed is in how many references a setting was told, how far off, and what was given to those
that have none of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from match import QUALITIES, held_out
from match_looks import random_look, random_texture
from PIL import Image

from filmlook.engine.develop import develop
from filmlook.errors import PictureError
from filmlook.look import Look
from filmlook.matching.grain_settings import grain_of
from filmlook.matching.lamp_rings import lamps_of
from filmlook.matching.match import match
from filmlook.matching.reference import read_reference

OURS = {"vignette": (0.3, 1.0), "softness": (25.0, 50.0), "diffusion_grade": (0.125, 1.0), "halation": (1.0, 4.0)}
"""The settings beside grain, and within what they are drawn."""

NONE: dict[str, Any] = dict.fromkeys(OURS, 0.0) | {"grain": 1.0, "grain_size": 1.0}
LAMPS_STOPS = 1.5
DARK = ("night", "interior", "city")  # the kinds of photograph that may have lamps in the dark
CLEAR = Look(stock="cinestill_800t", effect_size=1.5, highlights=LAMPS_STOPS, halation=0.0, diffusion="pro-mist")


def drawn(random: np.random.Generator) -> Look:
    """A look with texture; every third is of the film without antihalation."""
    look = random_look(random)
    if random.random() < 1 / 3:
        look = Look(stock="cinestill_800t", contrast=look.contrast, exposure=look.exposure)
    texture: dict[str, Any] = random_texture(random) | {"highlights": LAMPS_STOPS, "diffusion": "pro-mist"}
    for key, (low, high) in OURS.items():
        texture[key] = round(float(random.uniform(low, high)), 2) if random.random() < 0.5 else 0.0
    return dataclasses.replace(look, **texture)


def has_lamps(path: Path) -> bool:
    """Whether glow could be told."""
    film = develop(np.asarray(Image.open(path).convert("RGB")), CLEAR, seed=1)
    return lamps_of(read_reference(film)) is not None


def as_file(film: np.ndarray, quality: int) -> Any:
    if not quality:
        return film
    data = io.BytesIO()
    Image.fromarray(film).save(data, "JPEG", quality=quality)
    return data.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--looks", type=int, default=32)
    parser.add_argument("--references", type=int, default=1)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--colour", action="store_true", help="seek the film too")
    args = parser.parse_args()
    random = np.random.default_rng(args.seed)
    files = held_out(args.photos)
    lit = [path for kind in DARK for path in sorted(args.photos.glob(f"{kind}_*.jpg")) if has_lamps(path)]
    rows = []
    for number in range(args.looks):
        true = drawn(random)
        among = lit if number % 2 else files
        picks = random.choice(len(among), args.references, replace=False)
        quality = int(random.choice(QUALITIES))
        sources = [np.asarray(Image.open(among[i]).convert("RGB")) for i in picks]
        references = [as_file(develop(source, true, seed=number), quality) for source in sources]
        cpu = time.process_time()
        told_look: dict[str, Any] = {} if args.colour else {"only": "texture", "look": dataclasses.replace(true, **NONE)}
        try:
            found = match(references, **told_look)
        except PictureError as error:
            print(f"{number:3} {among[picks[0]].stem}: {error}", flush=True)
            continue
        cpu = time.process_time() - cpu
        sigma = [np.nanmedian(grain_of(look, 1024, None).sigma[:, 1]) for look in (true, found.look)]
        rows.append((true, found, sigma[1] / sigma[0], cpu, true.stock == "cinestill_800t"))
        told = {key: f"{getattr(true, key):g} > {found.fit[key]:g}" for key in OURS if key in found.fit}
        print(
            f"{number:3} {among[picks[0]].stem:12} {true.stock:28} q {quality:2} grain {sigma[1] / sigma[0]:.2f} {told}",
            flush=True,
        )
    print()
    ratio = np.array([row[2] for row in rows])
    print(f"grain: off by {np.median(abs(ratio - 1)):.0%} (median), within 20 % in {(abs(ratio - 1) < 0.2).mean():.0%}")
    for key in OURS:
        seen = [row for row in rows if key != "halation" or args.colour or row[4]]  # on other films it is not to be seen
        has = [(getattr(r[0], key), r[1].fit.get(key)) for r in seen if getattr(r[0], key)]
        none = [r[1].fit.get(key, 0.0) for r in seen if not getattr(r[0], key)]
        off = [abs(found / true - 1) for true, found in has if found]
        print(
            f"{key}: found in {len(off)} of {len(has)}, {np.median(off) if off else 0:.0%} off in the median; "
            f"of {len(none)} without it {sum(v > 0 for v in none)} get it, {np.mean(none) if none else 0:.2f} in the mean"
        )
    print(f"{np.mean([row[3] for row in rows]):.1f} s of processors")


if __name__ == "__main__":
    main()
