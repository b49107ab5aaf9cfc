"""A picture's depth map, from whatever this machine has. Nothing is ever downloaded."""

from __future__ import annotations

import hashlib
import io
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from filmlook.depth.guided import refined
from filmlook.depth.networks import by_transformers
from filmlook.errors import PictureError
from filmlook.files import atomic, picture
from filmlook.files.picture import Picture
from filmlook.paths import cache_folder, log, tell_once

Estimator = Callable[[np.ndarray], "np.ndarray | None"]
"""Makes nearness `(h, w)` of any scale and size, larger is nearer, of a picture `(H, W, 3)` uint8; None: it cannot here."""

NONE_FOUND = (
    "no depth map, so nothing is blurred by depth: give one, save it beside the picture as NAME-depth.png, "
    "or install transformers with the weights of a depth network such as Depth-Anything-V2-Small-hf"
)
_ENDINGS = ("-depth", "_depth", ".depth", "-depthmap", "_depthmap", "-depth-map", "_depth_map")
_SUFFIXES = (".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg")
_FULL = 65535
_MOST_KEPT, _MOST_FILES = 8, 64
_kept: OrderedDict[str, np.ndarray] = OrderedDict()


def depth_of(pixels: np.ndarray, path: Path | None = None, estimators: Sequence[Estimator] = ()) -> Picture | None:
    """The depth map of a picture, white is near; None, which is told once, where there is none to be had.

    A file beside it that another program saved wins; then `estimators`, then a depth network of transformers' whose weights
    are on the disk. What a network made is kept by the picture's hash.

    Args:
        pixels: `(H, W, C)` uint8 or uint16.
        path: the picture's file, where it has one.
        estimators: what else could make one, such as another extension's networks.

    Raises:
        PictureError: the file beside it is damaged.
    """
    rgb = _eight_bit(pixels)
    if path is not None and (file := beside(path)):
        return from_file(file, rgb)
    key = hashlib.sha256(f"{rgb.shape}".encode() + rgb.tobytes()).hexdigest()[:32]
    if (known := _known(key)) is not None:
        return Picture(known)
    for estimator in (*estimators, by_transformers):
        try:
            nearness = estimator(rgb)
        except Exception as error:  # whatever another program's network raises, the picture is developed
            log.debug("Film Look: a depth network failed", exc_info=True)
            tell_once(f"a depth network failed: {type(error).__name__}: {error}"[:300])
            continue
        if nearness is not None:
            made = _picture_of(refined(_spread_out(nearness), rgb))
            _keep(key, made.pixels)
            return made
    tell_once(NONE_FOUND)
    return None


def beside(path: Path) -> Path | None:
    """The depth map that lies beside a picture's file."""
    return next((found for name in names_beside(path.name) for found in _cases(path.with_name(name)) if found.is_file()), None)


def _cases(file: Path) -> tuple[Path, Path]:
    """A file, and as cameras write its suffix."""
    return file, file.with_name(file.stem + file.suffix.upper())


def from_file(file: Path, pixels: np.ndarray) -> Picture:
    """The depth map that another program saved for a picture `(H, W, C)`, with its edges. Raises PictureError."""
    found, rgb = map_codes(picture.read(file), str(file)).pixels, _eight_bit(pixels)
    grey = found[..., :3].mean(-1) if found.ndim == 3 else found
    grey = grey / np.iinfo(found.dtype).max
    if grey.shape == rgb.shape[:2]:  # another size is refused where it is used
        grey = refined(grey, rgb)
    return _picture_of(grey)


def names_beside(name: str) -> list[str]:
    """What the depth map of a picture's file may be called, in the order in which they are looked for."""
    stem = Path(name).stem
    return [found for ending in _ENDINGS for suffix in _SUFFIXES if (found := f"{stem}{ending}{suffix}") != name]


def inverted(depth: Picture) -> Picture:
    """A depth map whose white is far as one whose white is near. Raises PictureError as `as_map`."""
    pixels = map_codes(depth, "depth map").pixels.copy()
    pixels[..., :3] = np.iinfo(pixels.dtype).max - pixels[..., :3]
    return Picture(pixels)


def map_codes(depth: Picture, name: str) -> Picture:
    """A depth map of a file `name`, as `picture.as_map`. Raises PictureError, which begins with the name."""
    try:
        return picture.as_map(depth)
    except PictureError as error:
        raise PictureError(f"{name}: {error}") from None


def _spread_out(nearness: np.ndarray) -> np.ndarray:
    """From 0, the farthest, to 1, the nearest."""
    nearness = np.nan_to_num(np.asarray(nearness, np.float64))
    low, high = nearness.min(), nearness.max()
    return np.asarray((nearness - low) / max(high - low, 1e-12))


def _picture_of(nearness: np.ndarray) -> Picture:
    grey = np.asarray(np.round(nearness.clip(0, 1) * _FULL), np.uint16)
    return Picture(np.repeat(grey[..., None], 3, -1))


def _eight_bit(pixels: np.ndarray) -> np.ndarray:
    rgb = pixels[..., :3] if pixels.dtype == np.uint8 else (pixels[..., :3] >> 8).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(rgb, (*rgb.shape[:2], 3)))


def _folder() -> Path | None:
    with suppress(RuntimeError):  # there may be no home
        return cache_folder() / "depth"
    return None


def _known(key: str) -> np.ndarray | None:
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    folder = _folder()
    with suppress(OSError, ValueError):
        if folder and (folder / f"{key}.npy").is_file():
            _kept[key] = np.repeat(np.load(folder / f"{key}.npy", allow_pickle=False)[..., None], 3, -1)
            os.utime(folder / f"{key}.npy")
            return _kept[key]
    return None


def _keep(key: str, pixels: np.ndarray) -> None:
    _kept[key] = pixels
    while len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)
    folder = _folder()
    if folder is None:
        return
    with suppress(OSError):  # a full disk: it is made again the next time
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = io.BytesIO()
        np.save(held, pixels[..., 0])
        atomic.write_bytes(folder / f"{key}.npy", held.getvalue())
        files = sorted(folder.glob("*.npy"), key=lambda file: file.stat().st_mtime)
        for old in files[:-_MOST_FILES]:
            old.unlink()
