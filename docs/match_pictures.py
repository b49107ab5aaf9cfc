"""The picture of matching.md: references, a picture of one's own, and what the look that was found makes of it."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scenes import landscape, samples

from filmlook import Look, develop, match
from filmlook.presets import load_look
from filmlook.stock import load_stock

WIDTH, HEIGHT = 250, 200  # px, of each picture
FADED = Look(stock="kodak_portra_400", print="kodak_portra_endura", exposure=0.4, white=1.5, black=2.0, grain=1.4)
ROWS: tuple[tuple[str, str | Look, tuple[str, str], str], ...] = (
    ("Tri-X street", "tri-x-street", ("landscape", "coffee"), "portrait"),
    ("Velvia landscape", "velvia-landscape", ("landscape", "coffee"), "portrait"),
    ("a faded print", FADED, ("portrait", "coffee"), "landscape"),
)
"""What the references had, its look, the references, and one's own picture."""


def matches() -> list[list[tuple[Image.Image, str]]]:
    """Rows of pictures with what stands below them: two references, one's own, with the look found, with theirs."""
    scenes = {**samples(), "landscape": landscape()}
    rows = []
    for label, wanted, shown, own in ROWS:
        look = load_look(wanted)
        references = [develop(np.asarray(scenes[name].convert("RGB")), look, seed=3) for name in shown]
        found = match(references).look
        mine = np.asarray(scenes[own].convert("RGB"))
        row = [(picture, "reference") for picture in references]
        row += [(mine, "yours"), (develop(mine, found, seed=7), f"look found, {load_stock(found.stock).label}")]
        row += [(develop(mine, look, seed=7), f"the references' own, {label}")]
        rows.append([(Image.fromarray(picture), text) for picture, text in row])
    return rows
