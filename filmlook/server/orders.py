"""What is asked for, once it has been found to be allowed (`server.requests`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filmlook.look import Look
from filmlook.moving_look import MovingLook
from filmlook.prompts.findings import GenerationParams


@dataclass(frozen=True)
class DevelopRequest:
    """Pictures to develop, with frame 0 of a look that moves; `seeds` is empty where each has its own, `masks` where all of it
    is developed, `depths` where nobody gives any. `bits` of the files' samples: None, as each has them. `same`: they are a
    series. `as_file`: the answer is the file of the only one."""

    pictures: list[bytes]
    look: MovingLook
    seeds: list[int]
    kind: str
    bits: int | None
    quality: int
    sheet: bool
    again: bool
    profile: str
    scene_linear: bool
    masks: list[bytes]
    depths: list[bytes]
    far_white: bool
    same: bool
    as_file: bool = False


@dataclass(frozen=True)
class FilmRequest:
    """What shall become of a film. `seed` None: its own; `cuts` None: scenes are found; `codec`, `crf`, `fps` None: as usual.
    `most_bytes`: what it may become."""

    look: MovingLook
    seed: int | None
    cuts: tuple[int, ...] | None
    format: str
    codec: str | None
    crf: int | None
    fps: float | None
    again: bool
    depth_far_white: bool
    most_bytes: int


@dataclass(frozen=True)
class PreviewRequest:
    """A preview of a kept picture: of the whole at a long side, or of the part `crop` (y, x, height, width). Without a look it
    is the picture as it was. `depth` is a kept depth map, whose white may be far. `viewer` sees the newest `number`."""

    picture: str
    look: Look | None
    seed: int | None
    long_side: int
    crop: tuple[int, int, int, int] | None
    kind: str
    quality: int
    depth: str | None
    depth_far_white: bool
    viewer: str
    number: int


@dataclass(frozen=True)
class DepthRequest:
    """What is known of a kept picture's depth: whether there is a map, and how near a point (x, y) is."""

    picture: str
    point: tuple[int, int] | None
    depth: str | None
    depth_far_white: bool
    viewer: str
    number: int


@dataclass(frozen=True)
class ScopesRequest:
    """Scopes of a kept picture before and after."""

    picture: str
    look: Look | None
    long_side: int
    depth: str | None
    depth_far_white: bool
    viewer: str
    number: int


@dataclass(frozen=True)
class SheetRequest:
    """A contact sheet of a kept picture: `of` is one of `SHEETS`; of a ladder, its setting, steps or values, and the second."""

    picture: str
    look: Look
    of: str
    setting: str
    second: str
    steps: int
    values: list[float]
    long_side: int
    depth: str | None
    depth_far_white: bool
    viewer: str
    number: int


@dataclass(frozen=True)
class LikeRequest:
    """The stocks by how like a reference a picture becomes on them; both are kept pictures."""

    picture: str
    look: Look
    reference: str
    viewer: str
    number: int


@dataclass(frozen=True)
class MatchRequest:
    """A look to find: of pictures, and how far to go. `only` is None for all of it; what is not sought comes from `look`.
    `new_stock`: the file of a stock that is made where no film comes close."""

    pictures: list[bytes]
    weight: float
    only: str | None
    look: Look | None
    new_stock: Path | None


@dataclass(frozen=True)
class NamesRequest:
    """What the files of pictures shall be called."""

    pattern: str
    files: list[str]
    kind: str
    stock: str
    look: str


@dataclass(frozen=True)
class LutRequest:
    """A LUT to bake: "cube" of a size, or "hald"."""

    look: Look
    kind: str
    size: int


@dataclass(frozen=True)
class PresetRequest:
    """A preset to save."""

    name: str
    look: MovingLook
    label: str
    help: str


@dataclass(frozen=True)
class PromptRequest:
    """A prompt to look at."""

    prompt: str
    negative: str
    checkpoint: str | None
    settings: GenerationParams
