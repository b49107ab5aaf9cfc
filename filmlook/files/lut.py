"""Look-up tables: `.cube` files and HaldCLUT pictures, read, written, baked and applied.

The grammar of a .cube file (Adobe, "Cube LUT Specification 1.0"; the ranges and the shaper: Blackmagic, P. Chamberlain,
"Resolve LUT Info"), one item a line, separated by white space:

    file     ::= { comment | blank | keyword } row { comment | blank | row }
    comment  ::= "#" text
    keyword  ::= TITLE "text"
               | LUT_1D_SIZE n                     2 <= n <= 65536; n rows
               | LUT_3D_SIZE n                     2 <= n <= 129; n^3 rows, red fastest, then green, then blue
               | DOMAIN_MIN r g b | DOMAIN_MAX r g b           the input of the first and of the last row
               | LUT_1D_INPUT_RANGE min max | LUT_3D_INPUT_RANGE min max      the same in Resolve's words
    row      ::= r g b                             three finite numbers

With both sizes a 1D table comes first, the shaper, whose output goes into the 3D table. As in the specification an
unknown or repeated keyword is an error. Allowed beyond it: keywords in any case, comments and blank lines anywhere, any
line ending, a byte order mark.

A HaldCLUT (E. Steenberg, quelsolaar.com/technology/clut.html) of level L is a picture of L^3 x L^3 pixels: row by row
the n^3 colours of a 3D table with n = L^2, in the same order, over [0, 1].
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import ClassVar, NamedTuple, TextIO, cast

import numpy as np
import torch
from torch import Tensor

from filmlook.errors import FilmLookError, StockFileError
from filmlook.files import picture
from filmlook.files.atomic import replacing
from filmlook.film.colour_map import Pointwise

AnyPath = str | os.PathLike[str]
Triple = tuple[float, float, float]
Line = tuple[int, str]  # number, from 1, and text of a line

MAX_BYTES = 100_000_000  # a 129-cube with twelve characters a number is 80 MB
MAX_SIZE = {1: 65536, 3: 129}  # of a .cube; the specification allows 3D tables to 256, nobody writes them
HALD_LEVELS = range(2, 17)
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_KEYWORDS = {  # and how many numbers follow each
    "TITLE": 0,
    "LUT_1D_SIZE": 1,
    "LUT_3D_SIZE": 1,
    "DOMAIN_MIN": 3,
    "DOMAIN_MAX": 3,
    "LUT_1D_INPUT_RANGE": 2,
    "LUT_3D_INPUT_RANGE": 2,
}


class _Entry(NamedTuple):
    """A keyword of a .cube file."""

    line: Line
    numbers: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Lut:
    """A colour map from display code to display code, sampled on a regular grid.

    Attributes:
        table: float32, `(N, 3)` for three curves, or `(N, N, N, 3)` indexed `[blue][green][red]`; finite, N >= 2.
        domain_min, domain_max: the r, g, b that belong to the first and to the last sample of each axis.
        title: for people.
        shaper: a 1D table to apply first, or none.

    Raises:
        FilmLookError: the table or the domain is not as said here.
    """

    table: Tensor
    domain_min: Triple = (0.0, 0.0, 0.0)
    domain_max: Triple = (1.0, 1.0, 1.0)
    title: str = ""
    shaper: Lut | None = None

    layers: ClassVar[int] = 3
    margin: ClassVar[int] = 0

    def __post_init__(self) -> None:
        n = self.table.shape[0] if self.table.ndim else 0
        if self.table.dtype != torch.float32 or self.table.shape not in ((n, 3), (n, n, n, 3)) or n < 2:
            shape = tuple(self.table.shape)
            raise FilmLookError(f"a table is float32 (N, 3) or (N, N, N, 3), N >= 2; not {self.table.dtype} {shape}")
        if not torch.isfinite(self.table).all():
            raise FilmLookError(f"the table of {self.title or 'a LUT'} holds NaN or infinite numbers")
        if not _is_domain(self.domain_min, self.domain_max):
            raise FilmLookError(f"the domain {self.domain_min} to {self.domain_max} is empty; allowed: min below max")

    def to(self, device: torch.device | str) -> Lut:
        """The same map with its tables on `device`, so that calls there copy nothing."""
        return replace(self, table=self.table.to(device), shaper=self.shaper and self.shaper.to(device))

    def on(self, device: torch.device, *, exact: bool) -> Pointwise:
        """As a stock's colour (see `film.colour_map`)."""
        return Pointwise(self.to(device))

    def ends(self) -> Tensor:
        """Display code `(2, 3)` float64 that black and white become."""
        ends = torch.tensor([[0.0] * 3, [1.0] * 3])
        return self(ends.T[None, :, :, None])[0, :, :, 0].T.double()

    def __call__(self, display: Tensor) -> Tensor:
        """Apply: linear between the samples of curves, tetrahedral between those of a cube.

        Only gathers and element-wise sums and products: a pixel's bits do not depend on the other pixels. A call needs
        about 150 bytes a pixel, so hand it a large picture in blocks.

        Args:
            display: `(B, 3, H, W)` float32 code values; outside the domain they are clipped to it. NaN gives NaN.

        Returns:
            `(B, 3, H, W)` float32 code values, as the table has them, not clipped.

        Raises:
            FilmLookError: another shape or dtype.
        """
        if display.ndim != 4 or display.shape[1] != 3 or display.dtype != torch.float32:
            raise FilmLookError(f"a LUT takes B, 3, H, W float32, not {tuple(display.shape)} {display.dtype}")
        if self.shaper is not None:
            display = self.shaper(display)
        last = self.table.shape[0] - 1
        samples = self.table.to(display.device).flatten()
        steps = [last / (high - low) for low, high in zip(self.domain_min, self.domain_max, strict=True)]
        low, scale = torch.tensor((self.domain_min, steps), dtype=torch.float32, device=display.device).view(2, 3, 1, 1)
        position = (display - low).mul_(scale).clamp_(0, last)
        # NaN becomes some integer; clipping the cell keeps it inside the table.
        cell = position.to(torch.int64).clamp_(0, last - 1)
        fraction = position.sub_(cell)
        if self.table.ndim == 2:
            return _linear(samples, cell, fraction)
        return _tetrahedral(samples, last + 1, cell, fraction)


def _is_domain(low: tuple[float, ...], high: tuple[float, ...]) -> bool:
    # Narrower than this, single precision would divide by zero.
    return all(a + 1e-6 < b for a, b in zip(low, high, strict=True))


def _linear(samples: Tensor, cell: Tensor, fraction: Tensor) -> Tensor:
    """Three curves. `samples` is the flat table, `r g b r g b ...`; cell and fraction are `(B, 3, H, W)`."""
    index = cell.mul_(3)
    channels = zip(index.unbind(1), fraction.unbind(1), strict=True)
    return torch.stack([_blend(samples[c:], ((i, 1 - f), (i + 3, f))) for c, (i, f) in enumerate(channels)], 1)


def _tetrahedral(samples: Tensor, size: int, cell: Tensor, fraction: Tensor) -> Tensor:
    """A cube of `size` samples an axis, else as `_linear`.

    A cell's six tetrahedra share its black-to-white diagonal, so neutrals stay as neutral as the table. From the cell's
    dark corner v0 walk along the axis of the greatest fraction f1 to v1, of the middle one f2 to v2, of the least f3 to
    v3, the bright corner:

        y = (1 - f1) v0 + (f1 - f2) v1 + (f2 - f3) v2 + f3 v3

    (J. Kasson, S. Nin, W. Plouffe, J. Hafner, "Performing color space conversions with three-dimensional linear
    interpolation", 1995). Where two fractions are equal either way will do: the corner in question weighs nothing.
    """
    step_r, step_g, step_b = 3, 3 * size, 3 * size * size
    r, g, b = fraction.unbind(1)
    less, more = torch.minimum(r, g), torch.maximum(r, g)
    f1, f2, f3 = torch.maximum(more, b), torch.maximum(less, torch.minimum(more, b)), torch.minimum(less, b)
    first = torch.where(r == f1, step_r, torch.where(g == f1, step_g, step_b))
    third = torch.where(b == f3, step_b, torch.where(g == f3, step_g, step_r))
    v0 = cell[:, 0] * step_r + cell[:, 1] * step_g + cell[:, 2] * step_b
    v3 = v0 + (step_r + step_g + step_b)
    corners = ((v0, 1 - f1), (v0 + first, f1 - f2), (v3 - third, f2 - f3), (v3, f3))
    return torch.stack([_blend(samples[c:], corners) for c in range(3)], 1)


def _blend(samples: Tensor, corners: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The weighted sum of samples at (index, weight), each `(B, H, W)`."""
    # One channel at a time: gathering r, g, b together and turning them into planes takes twice as long.
    terms = (samples.index_select(0, index.flatten()).view_as(weight).mul_(weight) for index, weight in corners)
    total = next(terms)
    for term in terms:
        total.add_(term)
    return total


def bake(function: Callable[[Tensor], Tensor], size: int) -> Lut:
    """Sample a colour map on a grid over [0, 1].

    Args:
        function: display `(B, 3, H, W)` float32 in [0, 1] to display of the same shape; each pixel by itself.
        size: samples along each axis, 2 to 256.

    Raises:
        FilmLookError: the size is out of range, or the function returns another shape, NaN or infinite numbers.
    """
    largest = HALD_LEVELS[-1] ** 2
    if not 2 <= size <= largest:
        raise FilmLookError(f"the size of a table is {size}; allowed: 2 to {largest}")
    axis = torch.arange(size) / (size - 1)
    blue, green, red = torch.meshgrid(axis, axis, axis, indexing="ij")
    grid = torch.stack((red, green, blue)).view(1, 3, size * size, size)
    baked = function(grid)
    if baked.shape != grid.shape:
        raise FilmLookError(f"a colour map made {tuple(baked.shape)} of {tuple(grid.shape)}; they must be the same")
    cube = baked.detach().to("cpu", torch.float32).view(3, size, size, size)
    return Lut(cube.permute(1, 2, 3, 0).contiguous())


def read_lut(path: AnyPath) -> Lut:
    """Read a `.cube` file or a HaldCLUT `.png`, by extension. Errors: see `read_cube` and `read_hald`."""
    readers = {".cube": read_cube, ".png": read_hald}
    suffix = Path(path).suffix.lower()
    if suffix not in readers:
        raise StockFileError(f"{path}: {suffix or 'no extension'} is no kind of LUT; allowed: {', '.join(readers)}")
    return readers[suffix](path)


def read_hald(path: AnyPath) -> Lut:
    """Read a HaldCLUT picture, 8 or 16 bit, levels 2 to 16.

    Raises:
        StockFileError: not the shape of a HaldCLUT.
        PictureError: not a picture.
    """
    pixels = picture.read(path).pixels
    height, width = pixels.shape[:2]
    level = round(width ** (1 / 3))
    if height != width or level**3 != width or level not in HALD_LEVELS:
        sides = ", ".join(str(allowed**3) for allowed in HALD_LEVELS)
        raise StockFileError(f"{path}: {width} x {height} pixels are no HaldCLUT; allowed: squares of side {sides}")
    n = level * level
    codes = pixels[..., :3].astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return Lut(torch.from_numpy(codes.reshape(n, n, n, 3)), title=Path(path).stem)


def write_hald(path: AnyPath, lut: Lut, level: int = 8) -> None:
    """Write a HaldCLUT, a 16 bit PNG of level^3 x level^3 pixels. Values outside [0, 1] are clipped.

    Raises:
        FilmLookError: the level or the extension is not allowed, or the file cannot be written.
    """
    if level not in HALD_LEVELS or Path(path).suffix.lower() != ".png":
        raise FilmLookError(f"{path}, level {level}: a HaldCLUT is a .png of level 2 to {HALD_LEVELS[-1]}")
    codes = bake(lut, level * level).table.clamp(0, 1).mul(65535).round()
    pixels = codes.numpy().astype(np.uint16).reshape(level**3, level**3, 3)
    picture.write(path, picture.Picture(pixels=pixels), overwrite=True)


def write_cube(path: AnyPath, lut: Lut) -> None:
    """Write a .cube file, seven decimals; a file of that name is replaced once the new one is complete.

    Raises:
        FilmLookError: the table is larger than a .cube may be, or has a shaper (bake it first).
        StockFileError: the file cannot be written.
    """
    dimension, size = lut.table.ndim - 1, lut.table.shape[0]
    if lut.shaper is not None or size > MAX_SIZE[dimension]:
        raise FilmLookError(f"{path}: bake the LUT first; a .cube takes one table, to {MAX_SIZE[dimension]} along an axis")
    title = " ".join(lut.title.replace('"', "'").split())
    header = [f'TITLE "{title}"'] if title else []
    header.append(f"LUT_{dimension}D_SIZE {size}")
    if (lut.domain_min, lut.domain_max) != (Lut.domain_min, Lut.domain_max):  # some programs do not know these keywords
        header.append("DOMAIN_MIN {:.9g} {:.9g} {:.9g}".format(*lut.domain_min))
        header.append("DOMAIN_MAX {:.9g} {:.9g} {:.9g}".format(*lut.domain_max))
    with _replacing(Path(path)) as file:
        np.savetxt(file, lut.table.reshape(-1, 3).cpu().numpy(), "%.7f", header="\n".join(header), comments="")


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `path` when, and only when, it was written to the end."""
    try:
        with replacing(path) as file, io.TextIOWrapper(file, encoding="utf-8", newline="\n") as text:
            yield text
    except OSError as error:
        raise StockFileError(f"{path}: cannot be written: {error.strerror}") from error


def read_cube(path: AnyPath) -> Lut:
    """Read a .cube file; the grammar is at the top of this module.

    Raises:
        StockFileError: the file cannot be read or breaks the grammar; names the file, the line and its text.
    """
    try:
        _check_readable(path)
        with _open(path) as file:
            return _parse(path, _content(file))
    except OSError as error:
        raise StockFileError(f"{path}: cannot be read: {error.strerror}") from error


def _check_readable(path: AnyPath) -> None:
    """Refuse, before any of it is parsed, what cannot be a .cube file."""
    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise StockFileError(f"{path}: the file has {size / 1e6:.0f} MB; allowed: up to {MAX_BYTES / 1e6:.0f} MB")
    if size == 0:  # pipes and devices, too
        raise StockFileError(f"{path}: the file is empty")
    with open(path, "rb") as file:
        if b"\0" in file.read(4096):
            raise StockFileError(f"{path}: not a .cube file: binary data; allowed: text in ASCII or UTF-8")


def _open(path: AnyPath) -> TextIO:
    return open(path, encoding="utf-8-sig", errors="replace")


def _content(file: TextIO) -> Iterator[Line]:
    """The lines that are neither blank nor comments."""
    for number, line in enumerate(file, 1):
        text = line.strip()
        if text and text[0] != "#":
            yield number, text


def _fault(path: AnyPath, line: Line, what: str) -> StockFileError:
    number, text = line
    shown = text if len(text) <= 60 else f"{text[:60]}..."
    return StockFileError(f"{path}, line {number}: {what}; the line is {shown!r}")


def _parse(path: AnyPath, lines: Iterator[Line]) -> Lut:
    """A .cube file from its content."""
    header, first = _read_header(path, lines)
    sizes = {d: int(header[key].numbers[0]) for d in MAX_SIZE if (key := f"LUT_{d}D_SIZE") in header}
    if not sizes:
        raise _fault(path, first, "not a .cube file: no LUT_1D_SIZE or LUT_3D_SIZE before the first row")
    rows = _read_rows(path, first, lines, sum(n**d for d, n in sizes.items()))
    title = header["TITLE"].line[1][5:].strip().strip('"') if "TITLE" in header else ""
    lut = None
    for dimension, n in sizes.items():  # 1D before 3D: the first of two is the shaper
        table, rows = np.split(rows, [n**dimension])
        low, high = _read_domain(path, header, dimension, is_input=lut is None)
        lut = Lut(torch.from_numpy(table.reshape((n,) * dimension + (3,))), low, high, title, shaper=lut)
    assert lut is not None
    return lut


def _read_header(path: AnyPath, lines: Iterator[Line]) -> tuple[dict[str, _Entry], Line]:
    """The keywords, and the first row of the table, taken off `lines`."""
    header: dict[str, _Entry] = {}
    for line in lines:
        word, *words = line[1].split()
        keyword = word.upper()
        if not keyword[0].isalpha() or keyword in ("NAN", "INF"):
            return header, line
        if keyword not in _KEYWORDS:
            raise _fault(path, line, f"not a .cube file, or an unknown keyword; allowed: {', '.join(_KEYWORDS)}")
        if keyword in header:
            raise _fault(path, line, f"{keyword} for the second time, after line {header[keyword].line[0]}")
        numbers = () if keyword == "TITLE" else _numbers(words)
        if numbers is None or len(numbers) != _KEYWORDS[keyword]:
            raise _fault(path, line, f"expected {_KEYWORDS[keyword]} finite number(s) after {keyword}")
        if keyword.endswith("_SIZE"):
            largest = MAX_SIZE[int(keyword[4])]
            if numbers[0] not in range(2, largest + 1):
                raise _fault(path, line, f"{keyword} is out of range; allowed: 2 to {largest}")
        header[keyword] = _Entry(line, numbers)
    raise StockFileError(f"{path}: the file ends before the first row of a table")


def _read_domain(path: AnyPath, header: dict[str, _Entry], dimension: int, is_input: bool) -> tuple[Triple, Triple]:
    """A table's domain. DOMAIN_MIN and DOMAIN_MAX speak of the file's input, not of what a shaper hands on."""
    low, high = _Entry((0, ""), (0.0, 0.0, 0.0)), _Entry((0, ""), (1.0, 1.0, 1.0))
    if both := header.get(f"LUT_{dimension}D_INPUT_RANGE"):
        low, high = (_Entry(both.line, (bound, bound, bound)) for bound in both.numbers)
    elif is_input:
        low, high = header.get("DOMAIN_MIN", low), header.get("DOMAIN_MAX", high)
    if not _is_domain(low.numbers, high.numbers):
        raise _fault(path, max(low.line, high.line), "the domain is empty; allowed: minimum below maximum")
    return cast(Triple, low.numbers), cast(Triple, high.numbers)


def _read_rows(path: AnyPath, first: Line, rest: Iterator[Line], count: int) -> np.ndarray:
    """The table, float32 `(count, 3)`."""
    texts = chain([first[1]], (text for _, text in rest))
    try:
        rows = np.loadtxt(texts, comments=None, ndmin=2, max_rows=count + 1)
    except ValueError:
        rows = np.empty(0)
    if rows.shape != (count, 3) or not (np.abs(rows) <= _FLOAT32_MAX).all():
        raise _find_fault(path, first[0], count)
    return rows.astype(np.float32)


def _find_fault(path: AnyPath, first: int, count: int) -> StockFileError:
    """Where a table is wrong that numpy, fast but silent about lines, refused. It begins on line `first`."""
    rows = 0
    with _open(path) as file:
        for line in _content(file):
            rows += line[0] >= first
            if 0 < rows <= count and len(_numbers(line[1].split()) or ()) != 3:
                return _fault(path, line, "expected three finite numbers")
            if rows <= count + 1:
                end = line  # the first row too many, or the last one there is
    return _fault(path, end, f"expected {count} rows, found {rows}")


def _numbers(words: list[str]) -> tuple[float, ...] | None:
    """The words as numbers; None if one is not a finite number of single precision."""
    try:
        numbers = tuple(map(float, words))
    except ValueError:
        return None
    is_plain = all("_" not in word and word.isascii() for word in words)  # float takes 1_000, and other scripts' digits
    return numbers if is_plain and all(abs(number) <= _FLOAT32_MAX for number in numbers) else None
