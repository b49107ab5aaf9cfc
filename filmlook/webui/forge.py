"""Forge's canvas keeps the metadata of the picture that was sent to it last, and gives it to whatever is dropped there."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np
from PIL import Image

from filmlook.files import infotext
from filmlook.webui.once.fingerprints import fingerprint

_SAME = 0.5  # codes: the canvas hands pictures over as PNG


def register() -> None:
    """Frames the canvas, once however often scripts are reloaded: a picture is only developed if it is the one that was."""
    try:
        from modules_forge.forge_canvas.canvas import LogicalImage
    except ImportError:  # another host
        return
    if hasattr(LogicalImage.preprocess, "film_look"):
        return
    preprocess, postprocess = LogicalImage.preprocess, LogicalImage.postprocess

    @wraps(preprocess)
    def coming(self: Any, payload: Any) -> Any:
        image = preprocess(self, payload)
        if isinstance(image, Image.Image) and infotext.read(image) is not None:
            sent = getattr(self, "film_look_sent", None)
            if sent is None or np.abs(fingerprint(image) - sent).max() > _SAME:
                image.info = {}
        return image

    @wraps(postprocess)
    def going(self: Any, value: Any) -> Any:
        if isinstance(value, Image.Image):
            self.film_look_sent = fingerprint(value)
        return postprocess(self, value)

    coming.film_look = True  # type: ignore[attr-defined]
    LogicalImage.preprocess, LogicalImage.postprocess = coming, going
