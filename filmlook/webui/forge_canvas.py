"""Forge's canvas keeps the metadata of the picture that was sent to it last, and gives it to whatever is dropped there: a
picture only counts as developed if it is the one that was sent."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np
from PIL import Image

from filmlook.files import infotext
from filmlook.webui.once.fingerprints import fingerprint

_SAME = 0.5  # codes: the canvas hands pictures over as PNG


def coming(original: Any) -> Any:
    """The canvas's `preprocess`: another picture than the one that was sent has no metadata."""

    @wraps(original)
    def preprocess(self: Any, payload: Any) -> Any:
        image = original(self, payload)
        if isinstance(image, Image.Image) and infotext.read(image) is not None:
            sent = getattr(self, "film_look_sent", None)
            if sent is None or np.abs(fingerprint(image) - sent).max() > _SAME:
                image.info = {}
        return image

    return preprocess


def going(original: Any) -> Any:
    """The canvas's `postprocess`: remembers the picture that is sent."""

    @wraps(original)
    def postprocess(self: Any, value: Any) -> Any:
        if isinstance(value, Image.Image):
            self.film_look_sent = fingerprint(value)
        return original(self, value)

    return postprocess
