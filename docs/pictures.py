"""Makes the pictures of the README from the samples of docs/demo.py.

python docs/pictures.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from demo import samples
from PIL import Image, ImageDraw, ImageFont

from filmlook import Look, develop, load_stock
from filmlook.engine.colour_only import colour_of
from filmlook.presets import load_preset
from filmlook.training.data import shifted
from filmlook.training.figures import sheet
from filmlook.training.scores import scores

FOLDER = Path(__file__).with_name("pictures")
SHIFTS = (  # picture, stops of exposure, log2 of red and of blue
    ("portrait", (-1.3, 0.0, 0.0), "1.3 stops under"),
    ("coffee", (1.0, 0.0, 0.0), "1 stop over"),
    ("cat", (-0.5, -0.3, 0.3), "under, bluish"),
    ("portrait", (0.0, 0.25, -0.3), "yellowish"),
    ("night", (0.0, 0.0, 0.0), "as it is"),
)
STOCKS = (
    "kodak_gold_200", "kodak_portra_400", "kodak_ektar_100", "fujifilm_classic_negative",
    "fujifilm_velvia_100", "kodak_kodachrome_64", "kodak_vision3_500t", "kodak_tri_x_400",
)  # fmt: skip


def labelled(image: Image.Image, text: str) -> Image.Image:
    """The picture with a line of text below it."""
    out = Image.new("RGB", (image.width, image.height + 18), (24, 24, 24))
    out.paste(image)
    ImageDraw.Draw(out).text((4, image.height + 3), text, fill=(220, 220, 220), font=ImageFont.load_default())
    return out


def table(cells: list[list[Image.Image]]) -> Image.Image:
    """Rows of pictures, with a gap between."""
    gap = 4
    width = max(sum(c.width + gap for c in row) for row in cells) - gap
    sheet = Image.new("RGB", (width, sum(row[0].height + gap for row in cells) - gap), (24, 24, 24))
    top = 0
    for row in cells:
        left = 0
        for cell in row:
            sheet.paste(cell, (left, top))
            left += cell.width + gap
        top += row[0].height + gap
    return sheet


def scaled(image: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of the picture at that size."""
    scale = max(width / image.width, height / image.height)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    left, top = (image.width - width) // 2, (image.height - height) // 4
    return image.crop((left, top, left + width, top + height))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    pictures = samples()

    looks = ("gold-snapshot", "classic-negative", "cinestill-night", "tri-x-street")
    rows = []
    for name in ("portrait", "night"):
        row = [labelled(scaled(pictures[name], 300, 240), "source")]
        for look in looks:
            row.append(labelled(scaled(develop(pictures[name], look, seed=7), 300, 240), load_preset(look).label))
        rows.append(row)
    table(rows).save(FOLDER / "looks.jpg", quality=90)

    crops = {"portrait": (380, 150, 680, 390), "night": (330, 250, 630, 490)}
    rows = []
    for name, box in crops.items():
        row = [labelled(pictures[name].crop(box), "source, 100 %")]
        for look in ("gold-snapshot", "super-8", "cinestill-night", "tri-x-street"):
            row.append(labelled(develop(pictures[name], look, seed=7).crop(box), f"{load_preset(look).label}, 100 %"))
        rows.append(row)
    table(rows).save(FOLDER / "details.jpg", quality=92)

    cells = []
    for stock in STOCKS:
        film = develop(pictures["coffee"], Look(stock=stock, effect_size=1.5), seed=7)
        cells.append(labelled(scaled(film, 375, 250), load_stock(stock).label))
    table([cells[:4], cells[4:]]).save(FOLDER / "stocks.jpg", quality=90)

    rows = []
    for lab in (0.0, 1.0):
        row = []
        for name, shift, what in SHIFTS:
            spoilt = shifted(
                torch.from_numpy(np.asarray(pictures[name]).copy()).movedim(2, 0)[None] / 255, torch.tensor([shift])
            )
            film = develop(spoilt[0], Look(stock="kodak_gold_200", lab=lab), seed=7).movedim(0, 2)
            image = Image.fromarray((film * 255).round().byte().numpy())
            row.append(labelled(scaled(image, 300, 240), f"{what}, lab {lab:g}"))
        rows.append(row)
    table(rows).save(FOLDER / "lab.jpg", quality=90)

    before = torch.from_numpy(np.asarray(pictures["portrait"]).copy()).movedim(2, 0) / 255
    after, target = (colour_of(Look(stock=stock))(before[None])[0] for stock in ("kodak_gold_200_network", "kodak_gold_200"))
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "sheet.png"
        sheet(drawn, "portrait", before, after, target, scores(after, target))
        Image.open(drawn).convert("RGB").save(FOLDER / "training-sheet.jpg", quality=88)


if __name__ == "__main__":
    main()
