"""A drawn figure before lamps at night, through the lenses of looks, and through all lenses on one film."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from filmlook import Look, develop, load_look
from filmlook.lenses import list_lenses
from filmlook.presets import load_preset

LOOKS = ("classic-negative-85mm", "portra-85mm", "petzval-portrait", "anamorphic-night", "vintage-50mm", "compact-35mm")
FILM = Look(stock="kodak_portra_400", highlights=3, depth_near=1.8, contrast=0.94)
SIZE = (480, 720)
_COLOURS = ((1, 1, 1), (1, 0.95, 0.7), (1, 0.6, 0.3), (0.6, 0.8, 1), (1, 0.9, 0.9))


def scene() -> tuple[np.ndarray, np.ndarray]:
    """The picture `(H, W, 3)`, 8 bit, and its depth `(H, W)` in [0, 1]."""
    height, width = SIZE
    dice = np.random.default_rng(1)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.stack((0.05 + 0.05 * y / height, 0.06 + 0.04 * y / height, 0.11 + 0.05 * x / width), -1)
    depth = np.full(SIZE, 0.02, np.float32)
    near = (y - 0.72 * height) / (0.28 * height)
    tiles = ((x - width / 2) / (1 + 3 * near) // 12 + 6 // (near + 0.08)) % 2
    floor = near > 0
    picture[floor] = np.where(tiles[floor][:, None] > 0, (0.4, 0.35, 0.3), (0.2, 0.19, 0.18))
    depth[floor] = (0.02 + 0.5 * near)[floor]
    for _ in range(45):
        row, column, radius = dice.uniform(0.05, 0.65) * height, dice.uniform(0, 1) * width, dice.uniform(1, 3.5)
        picture[(y - row) ** 2 + (x - column) ** 2 < radius**2] = _COLOURS[dice.integers(len(_COLOURS))]
    head = ((y - 0.3 * height) / (0.1 * height)) ** 2 + ((x - 0.45 * width) / (0.055 * width)) ** 2 < 1
    body = ((y - 0.88 * height) / (0.48 * height)) ** 2 + ((x - 0.45 * width) / (0.17 * width)) ** 2 < 1
    weave = 0.5 + 0.15 * np.sin(x / 2) * np.sin(y / 3)
    picture[body] = np.stack((0.75 * weave, 0.35 * weave, 0.33 * weave), -1)[body]
    picture[head] = (0.87, 0.68, 0.58)
    depth[head | body] = 0.5
    for k in range(5):
        leaf = ((y - 0.9 * height + 0.3 * x + 24 * k - 60) / 11) ** 2 + ((x - 0.87 * width) / 150) ** 2 < 1
        picture[leaf], depth[leaf] = (0.15, 0.45, 0.16), 1
    return (picture.clip(0, 1) * 255).round().astype(np.uint8), depth


def lenses() -> Image.Image:
    """A table of the looks with a lens."""
    return _table({load_preset(name).label: load_look(name) for name in LOOKS}, 3, 2 / 3)


def lenses_on_one_film() -> Image.Image:
    """A table of all lenses on one film."""
    return _table({lens.label: replace(FILM, **lens.settings) for lens in list_lenses()}, 4, 1 / 2)


def _table(looks: dict[str, Look], columns: int, scale: float) -> Image.Image:
    """The scene with each look, by what stands above it."""
    picture, depth = scene()
    height, width = SIZE
    sheet = Image.new("RGB", (columns * width, -(-len(looks) // columns) * (height + 26)), (24, 24, 24))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for number, (label, look) in enumerate(looks.items()):
        at = number % columns * width, number // columns * (height + 26)
        film = develop(picture, replace(look, focus=0.5), seed=7, depth=depth)
        sheet.paste(Image.fromarray(film), (at[0], at[1] + 26))
        draw.text((at[0] + 8, at[1] + 7), label, fill=(220, 220, 220), font=font)
    return sheet.resize((round(sheet.width * scale), round(sheet.height * scale)), Image.Resampling.LANCZOS)
