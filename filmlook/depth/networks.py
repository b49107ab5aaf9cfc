"""Depth networks of transformers' that lie on this machine's disk. They are looked for, and never fetched."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from filmlook.paths import log, tell_once

_VARIABLE = "FILMLOOK_DEPTH_MODEL"
_NAMES = (
    *(f"depth-anything/Depth-Anything-V2-{size}-hf" for size in ("Large", "Base", "Small")),
    *(f"LiheYoung/depth-anything-{size}-hf" for size in ("large", "base", "small")),
    "Intel/dpt-large",
    "Intel/dpt-hybrid-midas",
    "Intel/zoedepth-nyu-kitti",
)
"""In the order in which they are taken; `FILMLOOK_DEPTH_MODEL` names another, or its folder."""


def by_transformers(rgb: np.ndarray) -> np.ndarray | None:
    """Nearness `(h, w)`, larger is nearer, of a picture `(H, W, 3)` uint8; None: no such network is here."""
    held = _network()
    if held is None:
        return None
    processor, network, tells_distance = held
    with torch.inference_mode():
        asked = processor(images=rgb, return_tensors="pt")
        depth = network(**asked).predicted_depth[0].float().cpu().numpy()
    return np.asarray(1 / depth.clip(1e-3) if tells_distance else depth)


@lru_cache(maxsize=1)
def _network() -> tuple[Any, Any, bool] | None:
    """What prepares a picture, the network, and whether it tells metres and not their inverse."""
    if find_spec("transformers") is None:
        return None
    import transformers

    own = os.environ.get(_VARIABLE)
    for name in (own,) if own else _NAMES:
        try:
            processor = transformers.AutoImageProcessor.from_pretrained(name, local_files_only=True)
            weights = {"local_files_only": True, "use_safetensors": True}  # other files would be unpickled
            network = transformers.AutoModelForDepthEstimation.from_pretrained(name, **weights).eval()
        except (OSError, ValueError, ImportError) as error:  # it is not here
            log.debug("Film Look: no depth network %s: %s", name, error)
            continue
        log.info("Film Look: depth is told by %s", name)
        kind = str(getattr(network.config, "model_type", ""))
        metric = str(getattr(network.config, "depth_estimation_type", "")) == "metric"
        return processor, network, metric or kind == "zoedepth"
    if own:
        tell_once(f"{_VARIABLE} is {own[:300]!r}, where no depth network lies that transformers reads from safetensors")
    return None
