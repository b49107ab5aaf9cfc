"""The film strip of docs/films.md, which docs/pictures.py makes: eight frames of a film whose look moves."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scenes import landscape

from filmlook import Look, develop
from filmlook.engine.metering import ExposureLock
from filmlook.moving_look import MovingLook

FRAMES = 8
LOOK = MovingLook(
    Look(stock="kodak_vision3_250d", print="kodak_2383", grain=2, weave=3, dust=3),
    (("exposure", "0: (-3.5), 3: (0)"), ("light_balance", "3: (0), 7: (90)")),
    last=FRAMES - 1,
)
_SHOWN = 232, 155  # pixels of a frame in the strip
_GAP, _MARGIN = 8, 26  # between frames, and above and below them, where the perforations are
_BASE, _HOLE = (16, 13, 12), (236, 232, 226)


def frames() -> list[Image.Image]:
    """The camera pans over a landscape while the film fades in, and evening comes."""
    scene = np.asarray(landscape())
    source = [scene[100:527, 30 * i : 30 * i + 640] for i in range(FRAMES)]
    lock = ExposureLock.of(source[0])
    made = [develop(np.ascontiguousarray(frame), LOOK, seed=1, frame=i, lock=lock) for i, frame in enumerate(source)]
    return [Image.fromarray(frame).resize(_SHOWN, Image.Resampling.LANCZOS) for frame in made]


def strip(pictures: list[Image.Image]) -> Image.Image:
    """Frames on a strip of film, side by side, with eight perforations to each frame, four above and four below."""
    width, height = _SHOWN
    made = Image.new("RGB", (len(pictures) * (width + _GAP) + _GAP, height + 2 * _MARGIN), _BASE)
    draw = ImageDraw.Draw(made)
    for i, picture in enumerate(pictures):
        left = _GAP + i * (width + _GAP)
        made.paste(picture, (left, _MARGIN))
        for hole in range(4):
            x = left - _GAP // 2 + (2 * hole + 1) * (width + _GAP) // 8 - 9
            for y in (7, made.height - 19):
                draw.rounded_rectangle((x, y, x + 18, y + 12), 3, _HOLE)
    return made


def film_strip() -> Image.Image:
    pictures = frames()
    rows = [strip(pictures[:4]), strip(pictures[4:])]
    made = Image.new("RGB", (rows[0].width, 2 * rows[0].height + _GAP), (255, 255, 255))
    for row, image in enumerate(rows):
        made.paste(image, (0, row * (image.height + _GAP)))
    return made
