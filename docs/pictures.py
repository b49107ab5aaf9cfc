"""Makes the pictures of the README and of these pages from the scenes of docs/scenes.py, in about a minute.

python docs/pictures.py             all of them
python docs/pictures.py prints lab  some of them
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from film_pictures import film_strip
from lens_pictures import lenses, lenses_on_one_film
from match_pictures import HEIGHT, WIDTH, matches
from PIL import Image, ImageDraw, ImageFont
from scenes import landscape, samples

from filmlook import Look, develop, load_stock
from filmlook.engine.colour_only import colour_of
from filmlook.presets import load_preset
from filmlook.prints import print_labels
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
    "kodak_gold_200", "kodak_portra_400", "kodak_ektar_100", "fujifilm_pro_400h",
    "fujifilm_xtra_400", "fujifilm_classic_negative", "kodak_vision3_500t", "fujifilm_velvia_50",
    "kodak_kodachrome_64", "kodak_ektachrome_100", "cinestill_800t", "kodak_tri_x_400",
)  # fmt: skip
FILMS = (
    "kodak_gold_200", "kodak_portra_400", "kodak_ektar_100", "fujifilm_pro_400h", "fujifilm_xtra_400", "kodak_vision3_250d",
)  # fmt: skip
PRINTS = (
    "minilab", "kodak_portra_endura", "kodak_endura_premier", "fujifilm_crystal_archive_typeii", "kodak_2383", "kodak_2393",
)  # fmt: skip
COLOUR_ONLY: dict[str, Any] = {"grain": 0, "halation": 0, "sharpness": 0, "scan_softness": 0}


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
    whole = Image.new("RGB", (width, sum(row[0].height + gap for row in cells) - gap), (24, 24, 24))
    top = 0
    for row in cells:
        left = 0
        for cell in row:
            whole.paste(cell, (left, top))
            left += cell.width + gap
        top += row[0].height + gap
    return whole


def scaled(image: Image.Image, width: int, height: int) -> Image.Image:
    """The middle of the picture at that size."""
    scale = max(width / image.width, height / image.height)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    left, top = (image.width - width) // 2, (image.height - height) // 4
    return image.crop((left, top, left + width, top + height))


def looks() -> Image.Image:
    """README: two pictures with four looks."""
    rows, pictures = [], samples()
    for name in ("portrait", "night"):
        row = [labelled(scaled(pictures[name], 300, 240), "source")]
        for look in ("gold-snapshot", "classic-negative", "cinestill-night", "tri-x-street"):
            row.append(labelled(scaled(develop(pictures[name], look, seed=7), 300, 240), load_preset(look).label))
        rows.append(row)
    return table(rows)


def details() -> Image.Image:
    """README: grain and halation at full size."""
    rows, pictures = [], samples()
    for name, box in {"portrait": (380, 150, 680, 390), "night": (330, 250, 630, 490)}.items():
        row = [labelled(pictures[name].crop(box), "source, 100 %")]
        for look in ("gold-snapshot", "super-8", "cinestill-night", "tri-x-street"):
            row.append(labelled(develop(pictures[name], look, seed=7).crop(box), f"{load_preset(look).label}, 100 %"))
        rows.append(row)
    return table(rows)


def stocks() -> Image.Image:
    """README: one picture on many stocks, in their usual prints."""
    picture, cells = samples()["coffee"], []
    for stock in STOCKS:
        film = develop(picture, Look(stock=stock, effect_size=1.5), seed=7)
        cells.append(labelled(scaled(film, 330, 220), load_stock(stock).label))
    return table([cells[i : i + 4] for i in range(0, len(cells), 4)])


def lab() -> Image.Image:
    """README: what the lab makes of pictures that came out wrong."""
    rows, pictures = [], samples()
    for strength in (0.0, 1.0):
        row = []
        for name, shift, what in SHIFTS:
            spoilt = shifted(
                torch.from_numpy(np.asarray(pictures[name]).copy()).movedim(2, 0)[None] / 255, torch.tensor([shift])
            )
            film = develop(spoilt[0], Look(stock="kodak_gold_200", lab=strength), seed=7).movedim(0, 2)
            image = Image.fromarray((film * 255).round().byte().numpy())
            row.append(labelled(scaled(image, 300, 240), f"{what}, lab {strength:g}"))
        rows.append(row)
    return table(rows)


def training_sheet() -> Image.Image:
    """training.md: the sheet that training a film writes."""
    before = torch.from_numpy(np.asarray(samples()["portrait"]).copy()).movedim(2, 0) / 255
    after, target = (colour_of(look)(before[None])[0] for look in map(Look, ("kodak_gold_200_network", "kodak_gold_200")))
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "sheet.png"
        sheet(drawn, "portrait", before, after, target, scores(after, target))
        return Image.open(drawn).convert("RGB")


def prints() -> Image.Image:
    """prints.md: six films on six prints, colour alone."""
    picture = scaled(samples()["portrait"], 180, 144)
    rows = []
    for name in PRINTS:
        row = [develop(picture, Look(stock=film, print=name, **COLOUR_ONLY)) for film in FILMS]
        rows.append([titled(print_labels()[name], 100, 144), *row])
    rows[0] = [
        labelled(cell, text) for cell, text in zip(rows[0], ("", *(load_stock(film).label for film in FILMS)), strict=True)
    ]
    return table(rows)


def titled(text: str, width: int, height: int) -> Image.Image:
    """An empty cell with a text of one word a line."""
    cell = Image.new("RGB", (width, height), (24, 24, 24))
    ImageDraw.Draw(cell).multiline_text(
        (6, 8), text.replace(" ", "\n"), fill=(220, 220, 220), font=ImageFont.load_default(), spacing=6
    )
    return cell


def ladder() -> Image.Image:
    """prints.md: exposure and rating from two stops under to three over."""
    picture, stops = scaled(samples()["portrait"], 240, 192), range(-2, 4)
    rows = []
    for film, setting in (("kodak_portra_400", "exposure"), ("kodak_portra_400", "rating"), ("fujifilm_pro_400h", "rating")):
        row = []
        for more in stops:
            made = develop(picture, Look.from_dict({"stock": film, setting: float(more), **COLOUR_ONLY}))
            row.append(labelled(made, f"{load_stock(film).label}, {setting} {more:+d}"))
        rows.append(row)
    return table(rows)


def filters() -> Image.Image:
    """prints.md: a landscape on black and white through each filter."""
    picture, cells = scaled(landscape(), 390, 260), []
    for name in ("none", "yellow-8", "orange-21", "red-25", "green-11", "blue-47"):
        made = develop(picture, Look(stock="kodak_tri_x_400", filter=name, halation=0, sharpness=0, grain=0.5), seed=7)
        cells.append(labelled(made, name))
    return table([[labelled(picture, "source"), *cells[:3]], cells[3:]])


def negative() -> Image.Image:
    """prints.md: the film itself, and what is printed from it."""
    picture, cells = landscape(), []
    for film in ("kodak_gold_200", "kodak_tri_x_400"):
        label = load_stock(film).label
        for name, text, light in (("negative", f"{label}, the negative", -0.7), ("stock", f"{label}, printed", 0.0)):
            made = develop(picture, Look(stock=film, print=name, effect_size=1.5, print_exposure=light), seed=7)
            cells.append(labelled(scaled(made, 360, 240), text))
    return table([cells])


def settings() -> Image.Image:
    """prints.md: the ends, the layers' inhibition, the light's colour and split toning."""
    portrait, coffee = (scaled(samples()[name], 300, 225) for name in ("portrait", "coffee"))
    meadow = scaled(landscape(), 300, 225)
    gold, endura, tri_x = {"stock": "kodak_gold_200"}, {"print": "kodak_portra_endura"}, {"stock": "kodak_tri_x_400"}
    sepia = {"tone_highlights": 0.8, "tone_highlights_hue": 40.0, "tone_shadows": 0.25, "tone_shadows_hue": 230.0}
    cells = [
        ("Gold on Portra Endura, white 0, black 0", portrait, {**gold, **endura}),
        ("white 1, black 1: the paper's own", portrait, {**gold, **endura, "white": 1.0, "black": 1.0}),
        ("white 1.5, black 2: faded", portrait, {**gold, **endura, "white": 1.5, "black": 2.0}),
        ("interimage 0.5", portrait, {**gold, "interimage": 0.5}),
        ("interimage 1.5", portrait, {**gold, "interimage": 1.5}),
        ("500T, balanced to the light", meadow, {"stock": "kodak_vision3_500t"}),
        ("500T in daylight, light balance -112", meadow, {"stock": "kodak_vision3_500t", "light_balance": -112.0}),
        ("Gold by lamplight, light balance +131", coffee, {**gold, "light_balance": 131.0}),
        ("Tri-X, grade 2", coffee, tri_x),
        ("warm highlights, blue shadows", coffee, {**tri_x, **sepia}),
    ]
    made = [labelled(develop(p, Look.from_dict({**look, **COLOUR_ONLY})), text) for text, p, look in cells]
    return table([made[:5], made[5:]])


def match_table() -> Image.Image:
    """matching.md: references, one's own picture, and the look that was found on it."""
    return table([[labelled(scaled(picture, WIDTH, HEIGHT), text) for picture, text in row] for row in matches()])


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "looks": looks,
    "details": details,
    "stocks": stocks,
    "lab": lab,
    "training-sheet": training_sheet,
    "prints": prints,
    "rating": ladder,
    "filters": filters,
    "negative": negative,
    "print-settings": settings,
    "lens": lenses,
    "lenses": lenses_on_one_film,
    "film-strip": film_strip,
    "match": match_table,
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        if not sys.argv[1:] or name in sys.argv[1:]:
            picture().save(FOLDER / f"{name}.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main()
