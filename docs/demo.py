"""Develops sample pictures with the built-in looks: single pictures, and one contact sheet of them all.

    python docs/demo.py FOLDER

Where the samples come from, docs/scenes.py tells.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from scenes import samples

from filmlook import develop
from filmlook.presets import list_looks, load_preset

CELL = 300  # of the contact sheet


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
