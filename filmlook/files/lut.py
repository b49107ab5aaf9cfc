"""Look-up tables as files: `.cube` and HaldCLUT pictures, read and written; other kinds are read by `files.ocio`.

The grammar of a .cube file (Adobe, "Cube LUT Specification 1.0"; the ranges and the shaper: Blackmagic, P. Chamberlain,
"Resolve LUT Info"), one item a line, separated by white space:

    file     ::= { comment | blank | keyword } row { comment | blank | row }
    comment  ::= "#" text                              also behind an item
    keyword  ::= TITLE "text"
               | LUT_1D_SIZE n                     2 <= n <= 65536; n rows
               | LUT_3D_SIZE n                     2 <= n <= 129; n^3 rows, red fastest, then green, then blue
               | DOMAIN_MIN r g b | DOMAIN_MAX r g b           the input of the first and of the last row
               | LUT_1D_INPUT_RANGE min max | LUT_3D_INPUT_RANGE min max      the same in Resolve's words
               | LUT_IN_VIDEO_RANGE | LUT_OUT_VIDEO_RANGE      what goes in, or comes out, is 64 to 940 of 1023
    row      ::= r g b                             three finite numbers

With both sizes a 1D table comes first, the shaper, whose output goes into the 3D table. As in the specification an
unknown keyword is an error, and a size that is told twice. Allowed beyond it: keywords in any case, other keywords again
(the last one holds), comments and blank lines anywhere, any line ending, a byte order mark, Ctrl-Z at the end.

A HaldCLUT (E. Steenberg, quelsolaar.com/technology/clut.html) of level L is a picture of L^3 x L^3 pixels: row by row
the n^3 colours of a 3D table with n = L^2, in the same order, over [0, 1].
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count, islice
from pathlib import Path
from typing import NamedTuple, TextIO, cast

import numpy as np
import torch

from filmlook.errors import FilmLookError, StockFileError
from filmlook.files import ocio, picture
from filmlook.files.atomic import replacing
from filmlook.files.interpolation import Lut, Triple, bake, is_domain

__all__ = [
    "HALD_SUFFIXES",
    "LUT_SUFFIXES",
    "Lut",
    "bake",
    "read_cube",
    "read_hald",
    "read_lut",
    "read_title",
    "write_cube",
    "write_hald",
]

AnyPath = str | os.PathLike[str]
Line = tuple[int, str]  # number, from 1, and text of a line

MAX_BYTES = 100_000_000  # a 129-cube with twelve characters a number is 80 MB
MAX_SIZE = {1: 65536, 3: 129}  # of a .cube; the specification allows 3D tables to 256, nobody writes them
MOST_LINES = 5_000_000  # twice the rows of a 129-cube
LONGEST_LINE = 4096  # characters; of more, no more is kept
_TITLE_BYTES = 4096  # from the beginning, in which a title is looked for
_BLOCK = 10_000  # lines that are looked at together for the one that is wrong
_LONGEST_HEADER = 1000  # items
HALD_LEVELS = range(2, 17)
HALD_SUFFIXES = (".png", ".tif", ".tiff")
LUT_SUFFIXES = (".cube", *HALD_SUFFIXES, *ocio.SUFFIXES)
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_KEYWORDS = {  # and how many numbers follow each
    "TITLE": 0,
    "LUT_1D_SIZE": 1,
    "LUT_3D_SIZE": 1,
    "DOMAIN_MIN": 3,
    "DOMAIN_MAX": 3,
    "LUT_1D_INPUT_RANGE": 2,
    "LUT_3D_INPUT_RANGE": 2,
    "LUT_IN_VIDEO_RANGE": 0,
    "LUT_OUT_VIDEO_RANGE": 0,
}
_VIDEO_BLACK, _VIDEO_RANGE = 64 / 1023, (940 - 64) / 1023  # ITU-R BT.709, 10 bit


class _Entry(NamedTuple):
    """A keyword of a .cube file."""

    line: Line
    numbers: tuple[float, ...]


def read_lut(path: AnyPath) -> Lut:
    """Read a LUT of any kind, by extension. Errors: see `read_cube`, `read_hald` and `ocio.read`."""
    suffix = Path(path).suffix.lower()
    if suffix == ".cube":
        return read_cube(path)
    if suffix in HALD_SUFFIXES:
        return read_hald(path)
    if suffix in ocio.SUFFIXES:
        _check_size(path)
        return ocio.read(path)
    raise StockFileError(f"{path}: {suffix or 'no extension'} is no kind of LUT; allowed: {', '.join(LUT_SUFFIXES)}")


def read_hald(path: AnyPath) -> Lut:
    """Read a HaldCLUT picture, 8 or 16 bit, levels 2 to 16.

    Raises:
        StockFileError: not the shape of a HaldCLUT.
        PictureError: not a picture.
    """
    pixels = picture.read(path, max_pixels=HALD_LEVELS[-1] ** 6).pixels
    height, width = pixels.shape[:2]
    level = round(width ** (1 / 3))
    if height != width or level**3 != width or level not in HALD_LEVELS:
        sides = ", ".join(str(allowed**3) for allowed in HALD_LEVELS)
        raise StockFileError(f"{path}: {width} x {height} pixels are no HaldCLUT; allowed: squares of side {sides}")
    n = level * level
    codes = pixels[..., :3].astype(np.float32)
    codes /= np.float32(np.iinfo(pixels.dtype).max)
    return Lut(torch.from_numpy(codes.reshape(n, n, n, 3)), title=Path(path).stem)


def write_hald(path: AnyPath, lut: Lut, level: int = 8) -> None:
    """Write a HaldCLUT, a 16 bit PNG or TIFF of level^3 x level^3 pixels. Values outside [0, 1] are clipped.

    Raises:
        FilmLookError: the level or the extension is not allowed, or the file cannot be written.
    """
    if level not in HALD_LEVELS or Path(path).suffix.lower() not in HALD_SUFFIXES:
        raise FilmLookError(f"{path}, level {level}: a HaldCLUT is a .png or .tif of level 2 to {HALD_LEVELS[-1]}")
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
    _check_size(path)
    try:
        _check_text(path)
        with _open(path) as file:
            return _parse(path, _content(path, file))
    except OSError as error:
        raise StockFileError(f"{path}: cannot be read: {error.strerror}") from error


def read_title(path: AnyPath) -> str:
    """The title of a LUT, as `read_lut` gives it, from the beginning of a .cube file; other kinds are called by their names.

    The rest of the file is neither read nor checked. Raises OSError.
    """
    title = ""
    if Path(path).suffix.lower() == ".cube":
        with open(path, "rb") as file:
            head = io.StringIO(file.read(_TITLE_BYTES).decode("utf-8-sig", "replace"))
        lines = [line for line in _content(path, head) if line[1].split()[0].upper() == "TITLE"]
        title = _title({"TITLE": _Entry(lines[-1], ())}) if lines else ""
    return title or Path(path).stem


def _check_size(path: AnyPath) -> None:
    """Refuse, before any of it is read, what is no file of a size that a LUT has."""
    try:
        size = os.path.getsize(path)
    except OSError as error:
        raise StockFileError(f"{path}: cannot be read: {error.strerror}") from error
    if size > MAX_BYTES:
        raise StockFileError(f"{path}: the file has {size / 1e6:.0f} MB; allowed: up to {MAX_BYTES / 1e6:.0f} MB")
    if size == 0:  # pipes and devices, too
        raise StockFileError(f"{path}: the file is empty")


def _check_text(path: AnyPath) -> None:
    """Refuse, before any of it is parsed, what cannot be a .cube file."""
    with open(path, "rb") as file:
        if b"\0" in file.read(4096):
            raise StockFileError(f"{path}: not a .cube file: binary data; allowed: text in ASCII or UTF-8")


def _open(path: AnyPath) -> TextIO:
    return open(path, encoding="utf-8-sig", errors="replace")


def _content(path: AnyPath, file: TextIO) -> Iterator[Line]:
    """The items, a line each, without blanks and comments."""
    for number in count(1):
        line = file.readline(LONGEST_LINE)
        if number > MOST_LINES:
            raise StockFileError(f"{path}: the file has more than {MOST_LINES} lines")
        if len(line) == LONGEST_LINE and line[-1] != "\n":
            line += "..."  # which is no number
            while (rest := file.readline(LONGEST_LINE)) and rest[-1] != "\n":
                pass
        line, end, _ = line.partition("\x1a")  # Ctrl-Z, with which DOS ends a text
        text = line.strip()
        if "#" in text and text[:5].upper() != "TITLE":
            text = text.partition("#")[0].rstrip()
        if text:
            yield number, text
        if end or not line:
            return


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
    lut, title = None, _title(header)
    if "LUT_OUT_VIDEO_RANGE" in header:
        last = rows[-(sizes[max(sizes)] ** max(sizes)) :]  # of two, the cube
        last -= np.float32(_VIDEO_BLACK)
        last /= np.float32(_VIDEO_RANGE)
    for dimension, n in sizes.items():  # 1D before 3D: the first of two is the shaper
        table, rows = np.split(rows, [n**dimension])
        low, high = _read_domain(path, header, dimension, is_input=lut is None)
        lut = Lut(torch.from_numpy(table.reshape((n,) * dimension + (3,))), low, high, title, shaper=lut)
    assert lut is not None
    return lut


def _title(header: dict[str, _Entry]) -> str:
    """What stands between the quotes, or behind TITLE where there are none."""
    text = header["TITLE"].line[1][5:].strip() if "TITLE" in header else ""
    if text[:1] != '"':
        return text
    inside, quote, _ = text[1:].rpartition('"')
    return inside if quote else text[1:]


def _read_header(path: AnyPath, lines: Iterator[Line]) -> tuple[dict[str, _Entry], Line]:
    """The keywords, and the first row of the table, taken off `lines`."""
    header: dict[str, _Entry] = {}
    for number, line in enumerate(lines):
        if number == _LONGEST_HEADER:
            raise _fault(path, line, f"{number} keywords before the first row of a table")
        word, *words = line[1].split()
        keyword = word.upper()
        if not keyword[0].isalpha() or keyword in ("NAN", "INF"):
            return header, line
        if keyword not in _KEYWORDS:
            raise _fault(path, line, f"not a .cube file, or an unknown keyword; allowed: {', '.join(_KEYWORDS)}")
        if keyword in header and keyword.endswith("_SIZE"):
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
    if is_input and "LUT_IN_VIDEO_RANGE" in header:
        low, high = (_Entry(e.line, tuple((x - _VIDEO_BLACK) / _VIDEO_RANGE for x in e.numbers)) for e in (low, high))
    if not is_domain(low.numbers, high.numbers):
        raise _fault(path, max(low.line, high.line), "the domain is empty; allowed: minimum below maximum")
    return cast(Triple, low.numbers), cast(Triple, high.numbers)


def _read_rows(path: AnyPath, first: Line, rest: Iterator[Line], expected: int) -> np.ndarray:
    """The table, float32 `(expected, 3)`."""
    texts = chain([first[1]], (text for _, text in rest))
    try:
        rows = np.loadtxt(texts, comments=None, ndmin=2, max_rows=expected + 1)
    except ValueError:
        rows = np.empty(0)
    if rows.shape != (expected, 3) or not (np.abs(rows) <= _FLOAT32_MAX).all():
        raise _find_fault(path, first[0], expected)
    return rows.astype(np.float32)


def _find_fault(path: AnyPath, first: int, expected: int) -> StockFileError:
    """Where a table is wrong that numpy, fast but silent about lines, refused. It begins on line `first`."""
    found, end = 0, (first, "")
    with _open(path) as file:
        table = (line for line in _content(path, file) if line[0] >= first)
        while block := list(islice(table, _BLOCK)):
            if found < expected and not _is_fine(block):
                for line in block[: expected - found]:
                    if len(_numbers(line[1].split()) or ()) != 3:
                        return _fault(path, line, "expected three finite numbers")
            if found <= expected:
                end = block[min(expected - found, len(block) - 1)]  # the first row too many, or the last one there is
            found += len(block)
    return _fault(path, end, f"expected {expected} rows, found {found}")


def _is_fine(block: list[Line]) -> bool:
    """Whether numpy, which is fast, reads three finite numbers in each of some lines."""
    try:
        rows = np.loadtxt([text for _, text in block], comments=None, ndmin=2)
    except ValueError:
        return False
    return rows.shape == (len(block), 3) and bool((np.abs(rows) <= _FLOAT32_MAX).all())


def _numbers(words: list[str]) -> tuple[float, ...] | None:
    """The words as numbers; None if one is not a finite number of single precision."""
    try:
        numbers = tuple(map(float, words))
    except ValueError:
        return None
    is_plain = all("_" not in word and word.isascii() for word in words)  # float takes 1_000, and other scripts' digits
    return numbers if is_plain and all(abs(number) <= _FLOAT32_MAX for number in numbers) else None
