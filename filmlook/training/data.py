"""What networks are trained on: aligned pairs, or photographs whose film side a stock makes; their split, and random crops."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from filmlook.errors import FilmLookError
from filmlook.files import picture
from filmlook.film.scene_light import display_code, scene_light
from filmlook.fitting.colours import by_name, partners

_HELD_OUT_SHARE = 0.2
_KEPT_PX = 720  # long side of the pictures kept in memory for training
_LEAST_AREA = 0.15  # of a random crop, as a share of the picture

Film = Callable[[Tensor], Tensor]
"""Display code `B,3,H,W` to the film's: what makes the film side of a photograph."""


@dataclass(frozen=True)
class Example:
    """A photograph, and its film side, either as a file or as what makes it.

    Attributes:
        name: of the photograph's file, without ending.
        source: what it is one of many of: its folder, and its name without the number at its end.
    """

    name: str
    source: str
    before: Path
    after: Path | None = None
    film: Film | None = None

    def load(self) -> tuple[Tensor, Tensor | None]:
        """Photograph and film side (None: `film` makes it), uint8 `3,H,W` each.

        Raises:
            FilmLookError: unreadable, or the two are not of one size.
        """
        before = _read(self.before)
        if self.after is None:
            return before, None
        after = _read(self.after)
        if before.shape != after.shape:
            sizes = [f"{t.shape[2]} x {t.shape[1]}" for t in (after, before)]
            raise FilmLookError(f"{self.after}: {sizes[0]} pixels, but {self.before} has {sizes[1]}; aligned pairs are needed")
        return before, after

    def film_side(self, before: Tensor, after: Tensor | None) -> Tensor:
        """Display code `B,3,H,W` of the film side, of a part of what `load` gave."""
        if after is not None:
            return after
        assert self.film, "an example has one or the other"
        return self.film(before.contiguous())


def _bytes(code: Tensor) -> Tensor:
    return (code.clamp(0, 1) * 255).round().to(torch.uint8)


def _read(path: Path) -> Tensor:
    pixels = picture.read(path).pixels[..., :3]
    code = torch.from_numpy(pixels if pixels.dtype == "uint8" else (pixels >> 8).astype("uint8"))
    return code.movedim(2, 0)


def shrunk(code: Tensor, most_px: int) -> Tensor:
    """Display code `3,H,W`, float or uint8, made smaller so that its long side has no more pixels than that."""
    scale = most_px / max(code.shape[1:])
    if scale >= 1:
        return code
    size = [max(1, round(n * scale)) for n in code.shape[1:]]
    return resized(code[None], size)[0] if code.is_floating_point() else _bytes(resized(code[None] / 255, size)[0])


def resized(code: Tensor, size: Sequence[int]) -> Tensor:
    """`B,3,H,W` at another size, averaged where it gets smaller."""
    return interpolate(code, list(size), mode="bilinear", antialias=True, align_corners=False)


def pairs(before: Sequence[Path], after: Sequence[Path]) -> list[Example]:
    """Aligned pairs from folders of photographs and folders of their film sides, by the same file names.

    Raises:
        FilmLookError: not as many folders of each, a folder without pictures, or a picture without partner.
    """
    if len(before) != len(after):
        raise FilmLookError(f"{len(before)} folders before and {len(after)} after; each needs its partner")
    both = [pair for folders in zip(before, after, strict=True) for pair in partners(*folders)]
    return [Example(a.stem, _source(a), a, after=b) for a, b in both]


def photographs(folders: Sequence[Path], film: Film | None) -> list[Example]:
    """Photographs of these folders; `film` makes their film side.

    Raises:
        FilmLookError: a folder that is missing, without pictures, or with two of one name.
    """
    return [Example(name, _source(p), p, film=film) for folder in folders for name, p in by_name(folder).items()]


def _source(path: Path) -> str:
    return f"{path.parent.name}/{re.sub(r'[-_ ]*[0-9]+$', '', path.stem)}"


def split(examples: Sequence[Example], seed: int, held_out: Path | None = None) -> tuple[list[Example], list[Example]]:
    """Examples to train on and held-out ones: 80 to 20, each source in proportion; or those that a file names line by line.

    Raises:
        FilmLookError: fewer than two examples, or a name in the file that no example has.
    """
    if len(examples) < 2:
        raise FilmLookError(f"{len(examples)} pictures are too few: at least one to train on and one held out are needed")
    if held_out is not None:
        return _split_by_list(examples, held_out)
    shuffle = torch.Generator().manual_seed(seed)
    by_source: dict[str, list[Example]] = {}
    for example in sorted(examples, key=lambda e: (e.source, e.name)):
        by_source.setdefault(example.source, []).append(example)
    # Evenly spaced along all sources, one after another: none gets more than its share.
    row = [group[i] for group in by_source.values() for i in torch.randperm(len(group), generator=shuffle).tolist()]
    count = max(1, round(_HELD_OUT_SHARE * len(row)))
    chosen = {int((i + 0.5) * len(row) / count) for i in range(count)}
    return [e for i, e in enumerate(row) if i not in chosen], [row[i] for i in sorted(chosen)]


def _split_by_list(examples: Sequence[Example], held_out: Path) -> tuple[list[Example], list[Example]]:
    try:
        lines = [line.strip() for line in held_out.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise FilmLookError(f"{held_out}: cannot be read: {error}") from None
    by_line = {line: e.name for e in examples for line in (e.name, e.before.name)}
    if unknown := [line for line in lines if line and line not in by_line]:
        raise FilmLookError(f"{held_out}: {unknown[0]!r} is not among the pictures")
    names = {by_line[line] for line in lines if line}
    parts = [e for e in examples if e.name not in names], [e for e in examples if e.name in names]
    if not parts[0] or not parts[1]:
        raise FilmLookError(f"{held_out}: it leaves no picture to train on, or none held out")
    return parts


class Crops:
    """Random crops of pictures in memory; the same step gives the same batch.

    Args:
        examples: loaded at once.
        batch: crops of a batch.
        size: their height and width in pixels.
        seed: of everything random.
        stops, balance: the photographs' exposure, and their red and blue against green in log2, are shifted at random up to
            this much; the film sides are not.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        *,
        batch: int,
        size: tuple[int, int],
        seed: int,
        stops: float = 0.0,
        balance: float = 0.0,
    ) -> None:
        self._batch, self._size, self._seed, self._shift = batch, size, seed, (stops, balance)
        self._pictures = []
        for example in examples:
            before, after = example.load()
            self._pictures.append((example, shrunk(before, _KEPT_PX), None if after is None else shrunk(after, _KEPT_PX)))

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Photographs and film sides of one step, display code `B,3,H,W` each."""
        random = torch.Generator().manual_seed(step_seed(self._seed, step))
        befores, afters = zip(*(self._crop(random) for _ in range(self._batch)), strict=True)
        before, after = torch.cat(befores), torch.cat(afters)
        if any(self._shift):
            before = shifted(before, random_shifts(self._batch, *self._shift, random))
        return before, after

    def _crop(self, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """One random part of one picture, turned and mirrored at random, on both sides alike."""

        def uniform(low: float, high: float) -> float:
            return low + (high - low) * float(torch.rand((), generator=random))

        def below(n: int) -> int:
            return int(torch.randint(n, (), generator=random))

        example, before, after = self._pictures[below(len(self._pictures))]
        turned = bool(below(2))
        height, width = self._size[::-1] if turned else self._size
        whole_height, whole_width = before.shape[1:]
        largest = min(whole_height / height, whole_width / width)
        scale = largest * uniform(_LEAST_AREA, 1) ** 0.5
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        y, x = below(whole_height - rows + 1), below(whole_width - columns + 1)
        flips = [axis for axis in (2, 3) if below(2)]

        def side(picture: Tensor) -> Tensor:
            part = resized(picture[None, :, y : y + rows, x : x + columns] / 255, (height, width))
            return (part.transpose(2, 3) if turned else part).flip(flips)

        # A stock maps pixels one by one: asked after the resizing, it is exact.
        return side(before), example.film_side(side(before), None if after is None else side(after))


def step_seed(seed: int, step: int) -> int:
    """The seed of everything random in one step of a run."""
    return seed * 1_000_003 + step


def random_shifts(count: int, stops: float, balance: float, random: torch.Generator) -> Tensor:
    """Shifts of light `count,3`, uniform: stops of exposure up to +-`stops`, log2 of red and blue up to +-`balance`."""
    return (torch.rand((count, 3), generator=random) * 2 - 1) * torch.tensor((stops, balance, balance))


def shifted(code: Tensor, shift: Tensor) -> Tensor:
    """Display code `B,3,H,W` whose scene light was shifted (`B,3`, as `random_shifts`), rendered and clipped again."""
    stops, red, blue = shift.to(code).unbind(1)
    gain = 2 ** torch.stack((stops + red, stops, stops + blue), 1)
    return display_code(scene_light(code) * gain[:, :, None, None]).clamp(0, 1)


def whole(examples: Iterable[Example]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Name, photograph and film side of each, display code `3,H,W` in [0, 1], one at a time."""
    for example in examples:
        before, after = (None if side is None else side[None] / 255 for side in example.load())
        assert before is not None
        yield example.name, before[0], example.film_side(before, after)[0]
