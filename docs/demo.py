"""Develops sample pictures with the built-in looks: single pictures, and one contact sheet of them all.

    python docs/demo.py FOLDER

The samples come with scikit-image (NASA's portrait of Eileen Collins, a cup of coffee and a cat, all free to show);
the night scene is rendered here.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFont

from filmlook import develop
from filmlook.presets import list_looks, load_preset

LONG_SIDE = 1024  # of the developed pictures: what a generated picture has
CELL = 300  # of the contact sheet


def night(height: int = 683, width: int = 1024) -> Image.Image:
    """A street at night: lamps, lit windows, a neon sign and their reflections on wet asphalt."""
    rng = np.random.default_rng(12)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    horizon = int(0.62 * height)
    light = np.zeros((height, width, 3), np.float32)
    light[:] = np.stack([0.006 + 0 * y, 0.009 + 0 * y, 0.020 + 0.012 * (1 - y / height)], -1)
    left = 0
    while left < width:  # houses with windows
        wide, top = int(rng.integers(70, 150)), int(rng.integers(0.12 * height, 0.4 * height))
        light[top:horizon, left : left + wide] = rng.uniform(0.004, 0.012) * np.array([1.0, 0.9, 0.8])
        for row in range(top + 18, horizon - 30, 34):
            for column in range(left + 12, left + wide - 16, 26):
                if rng.random() < 0.35:
                    warmth = rng.uniform(0.55, 0.9)
                    colour = np.array([1.0, warmth, warmth**3]) * rng.uniform(0.15, 0.7)
                    light[row : row + 17, column : column + 11] = colour[
                        : light[row : row + 17, column : column + 11].shape[-1]
                    ]
        left += wide
    light[int(0.3 * height) : int(0.36 * height), int(0.56 * width) : int(0.70 * width)] = (1.0, 0.05, 0.22)
    light[int(0.315 * height) : int(0.345 * height), int(0.57 * width) : int(0.69 * width)] = (0.10, 0.004, 0.02)
    lamps = [(0.13, 0.40), (0.36, 0.46), (0.47, 0.52), (0.80, 0.40), (0.93, 0.48)]
    for across, down in lamps:
        d2 = (x - across * width) ** 2 + (y - down * height) ** 2
        light += np.exp(-d2 / 40)[..., None] * np.array([6.0, 4.6, 2.6])
        pool = np.exp(-(((x - across * width) / 90) ** 2) - ((y - 0.72 * height) / 46) ** 2) * (y > horizon)
        light += pool[..., None] * np.array([0.10, 0.075, 0.04])
        post = (np.abs(x - across * width) < 2) & (y > down * height) & (y < 0.7 * height)
        light[post] = 0.004
    mirror = light[horizon - 1 - np.arange(height - horizon).clip(0, horizon - 1)]  # wet asphalt
    smear = mirror.copy()
    for shift in (2, 5, 9, 14):
        smear += np.roll(mirror, shift, 0) + np.roll(mirror, -shift, 0)
    fade = np.linspace(0.05, 0.015, height - horizon)[:, None, None]
    light[horizon:] = light[horizon:] * 0.6 + smear * fade
    light = light.clip(0, 1)
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return Image.fromarray((code * 255).round().astype(np.uint8))


def samples() -> dict[str, Image.Image]:
    """The sample pictures by name, at the size of a generated picture."""
    pictures = {
        "portrait": Image.fromarray(skimage.data.astronaut()),
        "coffee": Image.fromarray(skimage.data.coffee()),
        "cat": Image.fromarray(skimage.data.chelsea()),
        "night": night(),
    }
    for name, image in pictures.items():
        scale = LONG_SIDE / max(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        pictures[name] = image.resize(size, Image.Resampling.LANCZOS)
    return pictures


def contact_sheet(rows: dict[str, dict[str, Image.Image]], titles: dict[str, str]) -> Image.Image:
    """Rows of pictures of one look each, the sources first."""
    columns = len(next(iter(rows.values())))
    cell, title, gap = CELL, 22, 6
    sheet = Image.new("RGB", (columns * (cell + gap) + gap, len(rows) * (cell * 2 // 3 + title + gap) + gap), (24, 24, 24))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    top = gap
    for name, pictures in rows.items():
        draw.text((gap, top + 5), titles[name], fill=(220, 220, 220), font=font)
        for column, image in enumerate(pictures.values()):
            scale = max(cell / image.width, (cell * 2 // 3) / image.height)
            small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
            small = small.crop((0, 0, cell, cell * 2 // 3))
            sheet.paste(small, (gap + column * (cell + gap), top + title))
        top += cell * 2 // 3 + title + gap
    return sheet


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    folder.mkdir(parents=True, exist_ok=True)
    sources = samples()
    rows, titles = {"source": sources}, {"source": "source"}
    for name in list_looks():
        preset = load_preset(name)
        rows[name] = {key: develop(image, preset.look, seed=7) for key, image in sources.items()}
        titles[name] = f"{preset.label}  -  stock {preset.look.stock}"
        for key, image in rows[name].items():
            image.save(folder / f"{key}-{name}.png")
        print(f"{preset.label}: {len(sources)} pictures")
    for key, image in sources.items():
        image.save(folder / f"{key}.png")
    contact_sheet(rows, titles).save(folder / "contact-sheet.png")
    print(f"The pictures are in {folder.resolve()}; look at {folder / 'contact-sheet.png'} first.")


if __name__ == "__main__":
    main()
