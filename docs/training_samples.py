"""Writes the sample photographs and scans for the example of docs/training.md.

    python docs/training_samples.py FOLDER

Parts of the sample pictures of `docs/scenes.py` are the photographs. Other parts, developed on another film with grain and
halation, stand for scans whose digital originals nobody has; here they are in `originals`, to check the film against.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scenes import samples

from filmlook import Look, develop

PARTS = 5  # along each side of a sample
LOOK = Look(stock="fujifilm_c200")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "training")
    for name in ("photos", "scans", "originals"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, image in samples().items():
        film = develop(image, LOOK, seed=7)
        width, height = image.width // PARTS, image.height // PARTS
        for i in range(PARTS * PARTS):
            y, x = divmod(i, PARTS)
            box = (x * width, y * height, (x + 1) * width, (y + 1) * height)
            file = f"{name}_{i:02}.png"
            if (x + y) % 2:
                image.crop(box).save(folder / "photos" / file)
            else:
                image.crop(box).save(folder / "originals" / file)
                film.crop(box).save(folder / "scans" / file)
    print(f"The photographs and scans are in {folder.resolve()}.")


if __name__ == "__main__":
    main()
