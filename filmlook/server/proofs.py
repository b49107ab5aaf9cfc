"""What viewers are shown of a kept picture: previews and parts of it, as files. It runs in threads of the darkroom's own."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from filmlook.engine.proof import GivenDepth
from filmlook.errors import PictureError, Stopped
from filmlook.files.encoders import eight_bit
from filmlook.files.picture import Picture
from filmlook.look import Look
from filmlook.server.orders import DepthRequest, PreviewRequest, ScopesRequest
from filmlook.server.picture_cache import KeptPicture
from filmlook.server.scopes import scopes

IsOver = Callable[[], bool]
CPU = torch.device("cpu")
_PATCH = 1 / 200  # of the long side: how far around a point its nearness is looked for


@dataclass(frozen=True)
class Preview:
    """A preview's file, the kind of device that made it, and the milliseconds that took. `depth` tells where the map came from
    that it was blurred by (as of `depth_of`); empty where the look has no aperture."""

    data: bytes
    device: str
    ms: float
    depth: str = ""


def preview(
    kept: KeptPicture, asked: PreviewRequest, depth: GivenDepth | None, device: torch.device, is_over: IsOver
) -> Preview:
    """What is asked for, as a file; blurred by `depth`, or by what is found.

    Raises:
        FilmLookError: what the engine refuses; Stopped: it is over.
    """
    since = time.perf_counter()
    if asked.look is None:
        made, device = kept.proofs.part(asked.crop) if asked.crop else kept.proofs.smaller(asked.long_side), CPU
    else:
        seed = kept.seed if asked.seed is None else asked.seed
        how: dict[str, Any] = {"seed": seed, "long_side": asked.long_side, "crop": asked.crop, "depth": depth}
        made, device = developed(kept, asked.look, device, is_over, **how)
    blurred_by = source_of(kept, depth) if asked.look and asked.look.aperture else ""
    data = encoded(made.pixels, asked.kind, asked.quality)
    return Preview(data, device.type, 1000 * (time.perf_counter() - since), blurred_by)


def source_of(kept: KeptPicture, depth: GivenDepth | None) -> str:
    """Where a picture's depth map comes from: "given", "found" on this machine, or "none"."""
    if depth:
        return "given"
    return "none" if kept.proofs.nearness() is None else "found"


def depth_at(kept: KeptPicture, asked: DepthRequest, depth: GivenDepth | None) -> dict[str, Any]:
    """Where the depth map comes from, and at a point its median over a small patch: as nearness, and as what `focus` is there.

    Raises:
        PictureError: the point does not lie in the picture.
    """
    plane, height, width = kept.proofs.nearness(depth), *kept.proofs.size
    told: dict[str, Any] = {"source": source_of(kept, depth), "nearness": None, "focus": None}
    if asked.point is None:
        return told
    x, y = asked.point
    if x >= width or y >= height:
        raise PictureError(f"point {[x, y]} does not lie in a picture of {width} x {height}")
    if plane is not None:
        reach = max(1, round(max(height, width) * _PATCH))
        patch = plane[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        near = round(float(np.median(patch)), 4)
        told |= {"nearness": near, "focus": round(1 - near, 4)}
    return told


def measured(
    kept: KeptPicture, asked: ScopesRequest, depth: GivenDepth | None, device: torch.device, is_over: IsOver
) -> dict[str, Any]:
    """Scopes before and after, of small proofs. Raises as `preview`."""
    before = scopes(kept.proofs.smaller(asked.long_side).pixels)
    if asked.look is None:
        return {"before": before, "after": before}
    after, _ = developed(kept, asked.look, device, is_over, seed=kept.seed, long_side=asked.long_side, depth=depth)
    return {"before": before, "after": scopes(after.pixels)}


def developed(kept: KeptPicture, look: Look, device: torch.device, is_over: IsOver, **how: Any) -> tuple[Picture, torch.device]:
    """A proof, and where it was made: on the CPU where the GPU has no memory left.

    Raises:
        As `preview`.
    """

    def go_on(share: float) -> None:
        if is_over():
            raise Stopped

    go_on(0)
    try:
        return kept.proofs.developed(look, device=device, progress=go_on, **how), device
    except RuntimeError as error:
        if device.type == "cpu" or "out of memory" not in str(error).lower():
            raise
        return kept.proofs.developed(look, device=CPU, progress=go_on, **how), CPU


def encoded(pixels: np.ndarray, kind: str, quality: int) -> bytes:
    """Pixels of 8 or 16 bits as a file of 8: JPEG of a quality; PNG and WebP without loss, made fast rather than small."""
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": quality, "subsampling": "4:4:4" if quality > 90 else "4:2:0"},
        "PNG": {"compress_level": 1},
        "WEBP": {"lossless": True, "method": 0, "quality": 0, "exact": True},
    }
    file = io.BytesIO()
    Image.fromarray(eight_bit(pixels[..., :3] if kind == "JPEG" else pixels)).save(file, kind, **options[kind])
    return file.getvalue()
