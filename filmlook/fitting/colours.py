"""What a stock is fitted to: pairs of colours before and after, from a table, a LUT or photographs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from filmlook.errors import FilmLookError
from filmlook.files import picture

_HEADER = ["r_in", "g_in", "b_in", "r_out", "g_out", "b_out"]
_LATTICE = 13  # samples of a LUT along each side of the cube
_BINS = 20  # photographs: bins of the input along each side of the cube
_SHRINK = 4  # photographs are averaged over 4 x 4 pixels: grain goes, and a pixel's shift does little
_LEAST_PIXELS = 4  # of a bin, after shrinking


@dataclass(frozen=True)
class Colours:
    """sRGB code values before and after, `(N, 3)` float64 each, and how much each pair counts, `(N,)` (None: alike)."""

    codes: Tensor
    target: Tensor
    weights: Tensor | None = None

    def chosen(self, which: Tensor) -> Colours:
        """Those that a mask `(N,)` names."""
        return Colours(self.codes[which], self.target[which], None if self.weights is None else self.weights[which])


def read_table(path: Path) -> Colours:
    """A CSV table with the columns r_in, g_in, b_in, r_out, g_out, b_out, sRGB in [0, 1].

    Raises:
        FilmLookError: the file cannot be read, or a line is wrong; the message names file and line.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FilmLookError(f"{path}: cannot be read as a table: {error}") from None
    if not lines or [word.strip() for word in lines[0]] != _HEADER:
        raise FilmLookError(f"{path}: line 1 is not {','.join(_HEADER)}")
    rows = []
    for number, words in enumerate(lines[1:], 2):
        try:
            row = [float(word) for word in words]
        except ValueError:
            row = []
        if len(row) != 6 or not all(0 <= value <= 1 for value in row):
            raise FilmLookError(f"{path}: line {number} is {','.join(words)[:60]!r}; it needs six numbers from 0 to 1")
        rows.append(row)
    table = torch.tensor(rows, dtype=torch.float64).reshape(-1, 6)
    return Colours(table[:, :3], table[:, 3:])


def from_lut(function: Callable[[Tensor], Tensor]) -> Colours:
    """A lattice of the sRGB cube through a function of display code `B,3,H,W`, such as a `Lut`."""
    side = torch.linspace(0, 1, _LATTICE, dtype=torch.float64)
    codes = torch.cartesian_prod(side, side, side)
    target = function(codes.float().T[None, :, :, None])[0, :, :, 0].T.double()
    return Colours(codes, target.clamp(0, 1))


def from_pairs(before: Path, after: Path) -> Colours:
    """Aligned photographs, before and after, by the same file names (endings may differ) in two folders.

    Pixels are sorted into bins by their colour before; a bin counts with the root of its pixels.

    Raises:
        FilmLookError: a picture without its partner, of another size, or unreadable.
    """
    side = _BINS
    sums, counts = torch.zeros(side**3, 6, dtype=torch.float64), torch.zeros(side**3, dtype=torch.float64)
    for first, second in partners(before, after):
        pixels = [_shrunk(path) for path in (first, second)]
        if pixels[0].shape != pixels[1].shape:
            raise FilmLookError(f"{second}: not of the size of {first}; aligned pictures are needed")
        pair = torch.cat((pixels[0].reshape(-1, 3), pixels[1].reshape(-1, 3)), 1)
        steps = (pair[:, :3] * side).long().clamp(0, side - 1)
        index = (steps[:, 0] * side + steps[:, 1]) * side + steps[:, 2]
        sums.index_add_(0, index, pair)
        counts.index_add_(0, index, torch.ones_like(index, dtype=torch.float64))
    seen = counts >= _LEAST_PIXELS
    means = sums[seen] / counts[seen, None]
    return Colours(means[:, :3], means[:, 3:], counts[seen].sqrt())


def by_name(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by their names without ending.

    Raises:
        FilmLookError: no folder, no picture in it, or two of one name.
    """
    if not folder.is_dir():
        raise FilmLookError(f"{folder}: not a folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in picture.READABLE and path.is_file():
            if path.stem in found:
                raise FilmLookError(f"{folder}: {found[path.stem].name} and {path.name} have one name but for their endings")
            found[path.stem] = path
    if not found:
        raise FilmLookError(f"{folder}: a folder without pictures")
    return found


def partners(before: Path, after: Path) -> Iterator[tuple[Path, Path]]:
    """The pictures of two folders that have the same names.

    Raises:
        FilmLookError: as `by_name`, or a picture without partner.
    """
    folders = [by_name(folder) for folder in (before, after)]
    for name in sorted(folders[0].keys() ^ folders[1].keys()):
        there, missing = (before, after) if name in folders[0] else (after, before)
        raise FilmLookError(f"{missing}: no partner for {name!r} in {there}")
    for name, first in folders[0].items():
        yield first, folders[1][name]


def _shrunk(path: Path) -> Tensor:
    """`(h, w, 3)` code values of a picture, averaged over blocks of pixels."""
    pixels = picture.read(path).pixels[..., :3]
    full = 255 if pixels.dtype == "uint8" else 65535
    height, width = (n // _SHRINK * _SHRINK for n in pixels.shape[:2])
    if not height or not width:
        raise FilmLookError(f"{path}: {pixels.shape[1]} x {pixels.shape[0]} pixels are too few")
    code = torch.from_numpy(pixels[:height, :width] / full)
    return code.reshape(height // _SHRINK, _SHRINK, width // _SHRINK, _SHRINK, 3).mean((1, 3))
