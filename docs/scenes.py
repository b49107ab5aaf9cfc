"""The pictures that the documentation and the demonstration develop; each may be shown.

Portrait, coffee and cat come with scikit-image (a portrait of Eileen Collins by NASA, a cup of coffee, a cat), all of them free
to show; the night and the landscape are drawn here, in linear light.
"""

from __future__ import annotations

import numpy as np
import skimage.data
from PIL import Image, ImageDraw

LONG_SIDE = 1024  # of the pictures: what a generated picture has


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
    return _picture(light)


def landscape(height: int = 683, width: int = 1024) -> Image.Image:
    """A meadow with poppies, a field of rape and a red barn below wooded hills, under a blue sky with clouds."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    down = (y / (0.52 * height)).clip(0, 1)[..., None]
    light = (1 - down) * np.array([0.07, 0.17, 0.46]) + down * np.array([0.42, 0.58, 0.78])
    far = (_noise(rng, height, width, 420, 110) + 0.55 * _noise(rng, height, width, 120, 50)) * (1 - 0.5 * down[..., 0])
    cloud = _soft(7 * (far - 0.5))
    shade = _soft(3 * (np.roll(far, 18, 0) - far + 0.3))
    light = light * (1 - cloud) + cloud * (0.50 + 0.42 * shade) * np.array([1.0, 0.99, 0.97])
    for top, rough, trees, colour, texture in (  # hills, the farther the bluer
        (0.38, 45, 2, (0.19, 0.25, 0.31), 0.05),
        (0.46, 30, 2, (0.06, 0.10, 0.09), 0.15),
        (0.535, 17, 5, (0.030, 0.055, 0.018), 0.5),
    ):
        ridge = _noise(rng, 1, width, 300, 1) * rough + top * height
        wood = _noise(rng, height, width, 26, 26)
        hill = y > ridge + trees * wood
        light[hill] = (np.array(colour) * np.exp(texture * wood[..., None]))[hill]
    edge = 0.60 * height + 10 * _noise(rng, 1, width, 500, 1)
    meadow, near = y > edge, ((y - 0.60 * height) / (0.40 * height)).clip(0, 1)
    blades = 0.25 * _noise(rng, height, width, 90, 30) + 0.35 * near * _noise(rng, height, width, 7, 12)
    light[meadow] = (np.array([0.13, 0.20, 0.045]) * (np.exp(blades) * (1.1 - 0.35 * near))[..., None])[meadow]
    rape = meadow & (y < edge + height * (0.05 + 0.02 * np.sin(x / 170)) * ((x / width - 0.34) / 0.05).clip(0, 1))
    light[rape] = (np.array([0.56, 0.43, 0.03]) * np.exp(0.2 * _noise(rng, height, width, 8, 4))[..., None])[rape]
    barn = _barn(height, width)
    light = np.where(barn.sum(-1, keepdims=True) > 0.02, barn, light)
    for depth, across in zip(np.sort(rng.random(900)) ** 0.8, rng.random(900), strict=True):  # poppies, far ones first
        row, column, size = (0.68 + 0.32 * depth) * height, across * width, 0.8 + 5 * depth**2
        rows = slice(int(row - size), int(row + size) + 1)
        columns = slice(max(int(column - size), 0), int(column + size) + 1)
        petals = (y[rows, columns] - row) ** 2 * 2.2 + (x[rows, columns] - column) ** 2 < size**2
        light[rows, columns][petals] = np.array([0.55, 0.035, 0.015]) * rng.uniform(0.5, 1.3)
    return _picture(light * np.exp(0.02 * rng.standard_normal((height, width, 1))))


def _barn(height: int, width: int) -> np.ndarray:
    """A red barn with a grey roof in linear light, black around it; drawn at twice the size for smooth edges."""
    canvas = Image.new("RGB", (2 * width, 2 * height))
    draw = ImageDraw.Draw(canvas)
    left, base = 0.30 * width, 1.29 * height
    eaves, ridge = base - 110, base - 165
    draw.polygon([(left, base), (left, eaves), (left + 62, ridge), (left + 124, eaves), (left + 124, base)], (96, 12, 9))
    draw.rectangle((left + 124, eaves, left + 330, base), (132, 18, 12))
    draw.polygon([(left + 62, ridge), (left + 124, eaves), (left + 336, eaves), (left + 270, ridge)], (70, 74, 80))
    draw.rectangle((left + 40, base - 62, left + 84, base), (190, 186, 176))
    for window in (160, 215, 270):
        draw.rectangle((left + window, base - 82, left + window + 26, base - 48), (205, 202, 195))
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX), np.float32) / 255


def _noise(rng: np.random.Generator, height: int, width: int, across: int, down: int) -> np.ndarray:
    """Fractal noise, `(height, width)`, about -1 to 1; its largest blotches are `across` and `down` pixels wide."""
    total = np.zeros((height, width), np.float32)
    for octave in range(7):
        columns, rows = (max(int(side / cell * 2**octave), 1) for side, cell in ((width, across), (height, down)))
        if columns > width:
            break
        grain = Image.fromarray(rng.standard_normal((rows + 2, columns + 2)).astype(np.float32))
        total += 0.5**octave * np.asarray(grain.resize((width, height), Image.Resampling.BICUBIC))
    return total / 1.3


def _soft(x: np.ndarray) -> np.ndarray:
    """From 0 to 1 around 0, with a last dimension for colours."""
    return (1 / (1 + np.exp(-x)))[..., None]


def _picture(light: np.ndarray) -> Image.Image:
    """Linear light `H,W,3` as an 8-bit sRGB picture."""
    light = light.clip(0, 1)
    code = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return Image.fromarray((code * 255).round().astype(np.uint8))
