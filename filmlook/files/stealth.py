"""Infotext hidden in a picture's lowest bits, as the WebUI's stealth PNG info and NovelAI write it.

The bits of `stealth_pnginfo` (or `stealth_pngcomp`: gzip), of a length in bits and of the text stand in alpha, column by
column; with `rgbinfo` and `rgbcomp` in red, green and blue. Reference: ashen-sensored/sd_webui_stealth_pnginfo.
"""

from __future__ import annotations

import zlib

import numpy as np

_MARK = 15  # bytes of a signature
_MAX_TEXT = 1 << 20
_SIGNATURES = {
    b"stealth_pnginfo": (True, False),
    b"stealth_pngcomp": (True, True),
    b"stealth_rgbinfo": (False, False),
    b"stealth_rgbcomp": (False, True),
}


def hidden_text(pixels: np.ndarray) -> tuple[str, bool]:
    """The text hidden in `(H, W, 3 or 4)` uint8, '' without one, and whether alpha holds it, which developing keeps."""
    if pixels.dtype != np.uint8:
        return "", False
    for in_alpha in (True, False) if pixels.shape[2] == 4 else (False,):
        samples = pixels[..., 3:] if in_alpha else pixels[..., :3]
        signature = _bytes(samples, 0, _MARK)
        if _SIGNATURES.get(signature, (not in_alpha,))[0] != in_alpha:
            continue
        length = int.from_bytes(_bytes(samples, _MARK, 4), "big") // 8
        data = _bytes(samples, _MARK + 4, min(length, _MAX_TEXT))
        if _SIGNATURES[signature][1]:
            try:
                data = zlib.decompressobj(31).decompress(data, _MAX_TEXT)
            except zlib.error:
                return "", False
        return data.decode("utf-8", "ignore"), in_alpha
    return "", False


def _bytes(samples: np.ndarray, start: int, count: int) -> bytes:
    """Bytes of the lowest bits, column by column; fewer where the picture ends."""
    height, _, channels = samples.shape
    first, last = start * 8 // (height * channels), -(-(start + count) * 8 // (height * channels))
    bits = samples[:, first:last].swapaxes(0, 1).reshape(-1) & 1
    begin = start * 8 - first * height * channels
    return np.packbits(bits[begin : begin + count * 8]).tobytes()
