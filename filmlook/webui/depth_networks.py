"""Depth maps in the WebUI: from the preprocessors of the ControlNet extension, where it is installed and has their weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from modules import devices

from filmlook.depth.maps import depth_of, inverted
from filmlook.errors import PictureError
from filmlook.files.picture import Picture, decode, from_pil
from filmlook.look import Look
from filmlook.webui import hosts


def _device() -> Any:
    find = getattr(devices, "get_device_for", None)
    return find("controlnet") if find else devices.get_optimal_device()


def _depth_anything_v2(module: Any, rgb: np.ndarray) -> Any:
    return module.DepthAnythingV2Detector(_device())(rgb, colored=False)


def _depth_anything(module: Any, rgb: np.ndarray) -> Any:
    return module.DepthAnythingDetector(_device())(rgb, colored=False)


def _zoe(module: Any, rgb: np.ndarray) -> Any:
    return module.ZoeDetector()(rgb)


def _midas(module: Any, rgb: np.ndarray) -> Any:
    made = module.apply_midas(rgb)
    return made[0] if isinstance(made, tuple) else made  # some versions tell normals too


_PREPROCESSORS: tuple[tuple[str, str, Callable[[Any, np.ndarray], Any]], ...] = (
    ("depth_anything_v2", "depth_anything_v2/depth_anything_v2_vitl.safetensors", _depth_anything_v2),
    ("depth_anything", "depth_anything/depth_anything_vitl14.pth", _depth_anything),
    ("zoe", "zoedepth/ZoeD_M12_N.pt", _zoe),
    ("midas", "midas/dpt_hybrid-midas-501f0c75.pt", _midas),
)
"""ControlNet's modules below `annotator`, the file of weights that each would fetch if it were not there, and how each is
called. What they give is nearness, 8 bit."""


def by_controlnet(rgb: np.ndarray) -> np.ndarray | None:
    """Nearness of a picture `(H, W, 3)` uint8; None: ControlNet is not here, or has no weights for it."""
    annotators = hosts.module_of("annotator.annotator_path")
    if annotators is None:
        return None
    for name, weights, call in _PREPROCESSORS:
        module = hosts.module_of(f"annotator.{name}") if (Path(annotators.models_path) / weights).is_file() else None
        if module is not None:  # else an older ControlNet, or one whose own packages are missing
            nearness = np.asarray(call(module, rgb), np.float32)
            devices.torch_gc()
            return nearness if nearness.ndim == 2 else nearness[..., 0]
    return None


def depth_of_host(image: Any) -> Picture | None:
    """The depth map of a PIL image or a `Picture`, by whatever the host has; None: it has nothing."""
    pixels = image.pixels if isinstance(image, Picture) else from_pil(image).pixels
    return depth_of(pixels, None, (by_controlnet,))


def depth_given(data: bytes, far_white: bool) -> Picture:
    """The depth map that a file of the user's holds. Raises PictureError."""
    try:
        found = decode(data)
    except PictureError:
        raise PictureError("the depth map cannot be read") from None
    return inverted(found) if far_white else found


def depth_for(image: Any, look: Look) -> Picture | None:
    """The depth map that a look blurs by; None: it has no aperture, or there is no map."""
    return depth_of_host(image) if look.aperture else None
