"""What a picture's infotext says of its film look, read and written without touching the rest of it.

An infotext is a prompt and then, in its last line, `Key: value` pairs with commas between them; a value with a comma, a
colon or a line break in it is a JSON string (AUTOMATIC1111's convention). Ours are:

    Film Look: v1 stock=kodak_gold_200 grain=1.4, Film Look seed: 965400086
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from filmlook.errors import LookError
from filmlook.files import exif as exif_data
from filmlook.files import xmp
from filmlook.look import Look
from filmlook.version import __version__

LOOK, SEED, FRAME, PASS, MASK, DEPTH, VERSION, ERROR = (
    f"Film Look{name}" for name in ("", " seed", " frame", " pass", " mask", " depth", " version", " error")
)
KEYS = (LOOK, SEED, FRAME, PASS, MASK, DEPTH, VERSION, ERROR)
"""Look, effective seed of the grain, number of a film's frame if there is one, what was done if not all of the look, short
hashes of the mask and the depth map if there were such, the version of Film Look that did it, and why nothing was done."""

BESIDE = "filmlook"
"""The key of a picture's text where our infotext stands, if another program's JSON holds the place of the infotext."""

GRAIN_ONLY = "grain"  # the value of PASS

_KEY_IN_JSON = f', "{BESIDE}": "'
_PLACES = ("parameters", "postprocessing", "extras", BESIDE)
# A1111's r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', which is quadratic in long words, made linear: a key is
# looked for only where a run of its characters begins, and a string is walked once. It finds the same keys, values and ends.
_PAIR = re.compile(r'(?<![\w \-/])[ \-/]*(\w[\w \-/]+):\s*("(?!")[^\\"]*(?:\\.[^\\"]*)*"(?=,|$)|[^,]*)(?:,|$)')
_KEYS_OF_GENERATORS = {"Steps", "Seed", "CFG scale", "Sampler", "Model hash", *KEYS}
_WORDS_OF_GENERATORS = (
    '"prompt"',
    '"sui_image_params"',
    '"steps"',
    '"workflow"',
    '"class_type"',
    '"metadata_scheme"',
    '"seed"',
)
_LEAST_PAIRS = 3  # in the last line, for a host to take it for parameters


@dataclass(frozen=True)
class Developed:
    """What an infotext tells of a development; `look` is None where it is of a later version, or damaged."""

    look: Look | None
    seed: int | None
    frame: int = 0


def entries(
    look: Look, seed: int, *, frame: int | None = None, grain_only: bool = False, mask: str = "", depth: str = ""
) -> dict[str, str]:
    """Our keys and values for a picture that was developed."""
    pairs = {LOOK: look.to_text(), SEED: str(seed)}
    if frame is not None:
        pairs[FRAME] = str(frame)
    if grain_only:
        pairs[PASS] = GRAIN_ONLY
    if mask:
        pairs[MASK] = mask
    if depth:
        pairs[DEPTH] = depth
    pairs[VERSION] = __version__
    return pairs


def pairs_of(infotext: str) -> dict[str, str]:
    """The keys and values in an infotext's last line; none where it has no such line."""
    last = infotext.strip().rpartition("\n")[2]
    found = _PAIR.findall(last)
    return {k: _unquoted(v) for k, v in found} if len(found) >= _LEAST_PAIRS else {}


def developed(pairs: dict[str, str]) -> Developed | None:
    """What the keys of an infotext tell of a development; None where there was none."""
    if LOOK not in pairs:
        return None
    try:
        look = Look.from_text(pairs[LOOK])
    except LookError:
        look = None
    return Developed(look, _whole(pairs.get(SEED, "")), _whole(pairs.get(FRAME, "")) or 0)


def read(image: Image.Image) -> Developed | None:
    """What an image's metadata tells of a development: its infotext in PNG text or EXIF, or that of the Extras."""
    return _first(texts(image))


def of_text(text: Mapping[str, str]) -> Developed | None:
    """What the textual metadata of a picture tells of a development; None where there was none."""
    return _first(text[key] for key in _PLACES if key in text)


def _first(found: Iterable[str]) -> Developed | None:
    for text in found:
        if LOOK in text:
            text = text.rpartition(_KEY_IN_JSON)[2]
            last = text.strip().rpartition("\n")[2]
            told = developed(_ours_in(last)) or (developed(_ours_in(text)) if len(last) < len(text.strip()) else None)
            if told:
                return told
    return None


def _ours_in(text: str) -> dict[str, str]:
    return {key: _unquoted(value) for key, value in _PAIR.findall(text) if key in KEYS}


def texts(image: Image.Image) -> list[str]:
    """All that may be an infotext in an image's metadata, the generation's own first."""
    found = [image.info.get(key) for key in _PLACES]
    with suppress(Exception):  # Pillow raises nearly everything on damaged EXIF
        comment = exif_data.user_comment(exif_data.of_image(image))
        found += [comment] if is_infotext(comment) else []
    _, stored = xmp.split(xmp.of_image(image) or b"")
    found += [stored.get(key) for key in _PLACES]
    return [text for text in found if isinstance(text, str) and text]


def is_infotext(text: str) -> bool:
    """Whether a comment was written by a generator of pictures, or by us, and not by a camera or a person."""
    start = text[:1]
    if start in ("{", "["):
        return any(word in text for word in _WORDS_OF_GENERATORS)
    last = text.strip().rpartition("\n")[2]
    return "\nNegative prompt: " in text or any(
        found[1] in _KEYS_OF_GENERATORS or found[1].startswith("Postprocess ") for found in _PAIR.finditer(last)
    )


def with_entries(infotext: str, pairs: dict[str, str], size: tuple[int, int]) -> str:
    """An infotext with these keys of ours instead of those it has. One without parameters gets the picture's size too."""
    if _is_json(infotext):
        return _with_key(infotext, pairs, size)
    head, _, line = infotext.strip().rpartition("\n")
    if len(_PAIR.findall(line)) < _LEAST_PAIRS:
        head, line = infotext.strip(), ""
        pairs = {"Size": f"{size[0]}x{size[1]}", **pairs} if pairs else {}
    kept, begin = [], 0
    for found in _PAIR.finditer(line):
        if found[1] in KEYS:
            kept.append(line[begin : found.start(1)].rstrip())
            begin = found.end()
    line = "".join([*kept, line[begin:]]).strip(" ,")
    line = ", ".join([part for part in (line, *(f"{k}: {_quoted(v)}" for k, v in pairs.items())) if part])
    return f"{head}\n{line}".strip()


def _is_json(text: str) -> bool:
    """Whether another program keeps an object of JSON in the place of the infotext."""
    if not (text.lstrip().startswith("{") and text.rstrip().endswith("}")):
        return False
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and bool(told)


def _with_key(text: str, pairs: dict[str, str], size: tuple[int, int]) -> str:
    """JSON that stays as it is, our infotext as its last key: for doors that have no other text to put it into."""
    body = text.rstrip()
    if body.endswith('"}') and _KEY_IN_JSON in body:
        body = body[: body.rindex(_KEY_IN_JSON)] + "}"
    ours = with_entries("", pairs, size)
    return f"{body[:-1]}{_KEY_IN_JSON[:-1]}{json.dumps(ours)}}}" if ours else body


def with_development(text: Mapping[str, str], pairs: dict[str, str], size: tuple[int, int]) -> dict[str, str]:
    """A picture's textual metadata with these keys of ours in its infotext. JSON of another program in that place stays as
    it is; ours then stands beside it, under `BESIDE`."""
    old = text.get("parameters", "")
    place = BESIDE if old.lstrip()[:1] in ("{", "[") else "parameters"
    return {**text, place: with_entries(text.get(place, ""), pairs, size)}


def ours(text: Mapping[Any, Any]) -> str:
    """The infotext of a picture's textual metadata that tells how it was developed; empty where none does."""
    return next((text[key] for key in _PLACES if isinstance(text.get(key), str) and LOOK in text[key]), "")


def made_with(texts: Iterable[str]) -> int | None:
    """The seed that a picture was generated with, by its infotexts; None where they do not say."""
    for text in texts:
        seed = _whole(pairs_of(text).get("Seed", ""))
        if seed is not None and 0 <= seed < 2**63:
            return seed
    return None


def own_seed(texts: Iterable[str], pixels: np.ndarray) -> int:
    """The seed that a picture was made with, by its infotexts; of one that does not say, a number that is always the
    same for it. `pixels` are its samples `(H, W, C)`."""
    seed = made_with(texts)
    if seed is not None:
        return seed
    steps = [max(1, n // 64) for n in pixels.shape[:2]]
    return zlib.crc32(np.ascontiguousarray(pixels[:: steps[0], :: steps[1], :3]).tobytes())


def seed_in_folder(seed: int | None, below: str, texts: Iterable[str], pixels: np.ndarray) -> int:
    """The seed of the grain of one picture among many.

    It is the one that the picture was generated with, unless a `seed` is asked for. Else it is made of the seed and the path
    `below` the folder: pictures that are alike, as variants of one are, would show one and the same pattern of grain.
    """
    if seed is None:
        made = made_with(texts)
        if made is not None:
            return made
        seed = own_seed((), pixels)
    return int.from_bytes(hashlib.sha256(f"{seed}/{below}".encode(errors="replace")).digest()[:4], "big")


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d{1,20}", text) else None


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if re.search("[,:\n]", value) else value


def _unquoted(value: str) -> str:
    if value[:1] == '"' == value[-1:]:
        try:
            return str(json.loads(value))
        except ValueError:
            pass
    return value.strip()
