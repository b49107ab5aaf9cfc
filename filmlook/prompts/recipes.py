"""What is known of a checkpoint: one JSON file each, `models/recipes/*.json` and `recipes/*.json` in the user's folder.

docs/prompts.md explains the file. The general craft of film prompts stands in `models/prompts/craft.json`, the words
that are taught everywhere in `models/prompts/frequent.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError
from filmlook.paths import BUILT_IN, find_files, listed

VERSION = 1
_MOST_BYTES = 2**20  # of a recipe's file: a page of text is a hundredth of it
_LONGEST, _MOST = 1000, 200  # characters of a text, entries of a list: prompts are searched for all of them
_SURROGATE = re.compile("[\ud800-\udfff]")  # no file name, answer or page takes them


class RecipeError(FilmLookError):
    """A recipe's file that cannot be read or holds something wrong: the message names file and key."""


@dataclass(frozen=True)
class Kind:
    """One released file of a checkpoint.

    files: names without folder and ending; sha256: in small letters; sizes: (width, height) in px, each also good upright;
    architectures: what its metadata calls its base, or how that begins; prediction "v": the WebUI needs a `.yaml` of the
    file's name beside it; black_in_half: pictures may come out black in half precision.
    """

    label: str
    files: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    prediction: str = "epsilon"
    black_in_half: bool = False


@dataclass(frozen=True)
class Sampling:
    """How to sample. What is None is not advised on."""

    sampler: str | None = None
    scheduler: str | None = None
    steps: int | None = None
    cfg: float | None = None


@dataclass(frozen=True)
class Hires:
    """The setting-up of hires fix. `instead`: the upscaler's names in other WebUIs."""

    upscaler: str
    steps: int
    denoising: float
    scale: float
    instead: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """What is known of a checkpoint. `name` is the file's stem; `look` names the preset that suits its pictures.

    names: what the names of copies hold, in small letters and digits only; token and opening: what a prompt needs, and how it
    begins; misspellings: how the token is written wrongly; does: what the checkpoint itself does to pictures; softer: words
    against too much of that; additions: words to offer; subjects: what it was trained on.
    """

    name: str
    label: str
    kinds: tuple[Kind, ...]
    page: str = ""
    names: tuple[str, ...] = ()
    token: str = ""
    misspellings: tuple[str, ...] = ()
    opening: str = ""
    subjects: tuple[str, ...] = ()
    look: str = ""
    does: str = ""
    softer: tuple[str, ...] = ()
    additions: tuple[str, ...] = ()
    settings: Sampling = Sampling()
    hires: Hires | None = None


@dataclass(frozen=True)
class Clash:
    """Words that work against a film look, or against `others` where these are named, and why."""

    words: tuple[str, ...]
    why: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Word:
    """A word that people who teach prompting use much: the field it is written into, what it does there, and why it works
    against film, "" where it does not."""

    words: str
    field: str
    does: str
    against_film: str = ""

    def as_dict(self) -> dict[str, str]:
        """The word as JSON gives it: words, field, does, against_film."""
        return asdict(self)


@dataclass(frozen=True)
class Craft:
    """What holds for every checkpoint: film words and negatives to offer, words that clash, words that name film; and the
    words that are taught everywhere, of which those against film are among the clashes."""

    film_words: tuple[str, ...]
    film_negatives: tuple[str, ...]
    names_film: tuple[str, ...]
    against_film: tuple[Clash, ...]
    against_film_in_negative: tuple[Clash, ...]
    pairs: tuple[Clash, ...]
    sentence_words: tuple[str, ...]
    frequent: tuple[Word, ...]


def list_recipes() -> tuple[list[Recipe], list[str]]:
    """The recipes, built-in and the user's, and a line for each file that was skipped because something is wrong in it."""
    recipes, problems = [], []
    files = find_files("recipes", (".json",))
    for path in map(files.__getitem__, listed("recipes", files)):
        try:
            recipes.append(read_recipe(path))
        except RecipeError as error:
            problems.append(str(error))
        except RecursionError:  # a value nested so deep that telling it fails
            problems.append(_told(f"{path}: nested too deep"))
    return recipes, problems


def read_recipe(path: Path) -> Recipe:
    """A recipe from its file.

    Raises:
        RecipeError: the file cannot be read, or a value is wrong; it names file and key.
    """
    top = _Reader.of_file(path)
    settings = top.part("settings", ("sampler", "scheduler", "steps", "cfg"))
    hires = top.part("hires", ("upscaler", "steps", "denoising", "scale", "instead"))
    recipe = Recipe(
        name=path.stem,
        label=top.text("label", needed=True),
        kinds=tuple(_kind(kind) for kind in top.parts("kinds")),
        page=top.text("page"),
        names=tuple(plain(name) for name in top.texts("names")),
        token=top.text("token"),
        misspellings=top.texts("misspellings"),
        opening=top.text("opening"),
        subjects=top.texts("subjects"),
        look=top.text("look"),
        does=top.text("does"),
        softer=top.texts("softer"),
        additions=top.texts("additions"),
        settings=Sampling(
            sampler=settings.text("sampler") or None,
            scheduler=settings.text("scheduler") or None,
            steps=settings.whole("steps", 1, 150),
            cfg=settings.number("cfg", 0, 30),
        ),
        hires=Hires(
            hires.text("upscaler", needed=True),
            hires.whole("steps", 0, 150) or 0,
            hires.number("denoising", 0, 1, needed=True) or 0.0,
            hires.number("scale", 1, 8, needed=True) or 1.0,
            hires.texts("instead"),
        )
        if hires.data
        else None,
    )
    top.allow_only(
        ("version", "label", "kinds", "page", "names", "token", "misspellings", "opening", "subjects", "look", "does",
         "softer", "additions", "settings", "hires"),
    )  # fmt: skip
    if not all(recipe.names):
        raise top.error("names", "each must have letters or digits")
    if recipe.opening and recipe.token.lower() not in recipe.opening.lower():
        raise top.error("opening", "must hold the token")
    return recipe


def _told(text: str) -> str:
    """A message that can be shown: with marks for what no output takes, and not longer than a few lines."""
    text = _SURROGATE.sub("?", text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def plain(name: str) -> str:
    """A name in small letters and digits only, so that spellings compare."""
    return "".join(c for c in name.casefold() if c.isalnum())


@lru_cache(maxsize=1)
def load_craft() -> Craft:
    """The craft that comes with Film Look."""
    top = _Reader.of_file(BUILT_IN / "prompts" / "craft.json")
    against = top.part("against_film", ("prompt", "negative"))
    taught = _Reader.of_file(BUILT_IN / "prompts" / "frequent.json")
    frequent = tuple(_word(field, word) for field in ("prompt", "negative") for word in taught.parts(field))
    clashes: dict[str, list[Clash]] = {word.field: [] for word in frequent}
    for word in frequent:
        if word.against_film:
            clashes[word.field].append(Clash((word.words,), word.against_film))
    return Craft(
        film_words=top.texts("film_words"),
        film_negatives=top.texts("film_negatives"),
        names_film=top.texts("names_film"),
        against_film=(*clashes["prompt"], *map(_clash, against.parts("prompt"))),
        against_film_in_negative=(*clashes["negative"], *map(_clash, against.parts("negative"))),
        pairs=tuple(_clash(clash) for clash in top.parts("pairs")),
        sentence_words=top.texts("sentence_words"),
        frequent=frequent,
    )


def _kind(reader: _Reader) -> Kind:
    kind = Kind(
        label=reader.text("label", needed=True),
        files=reader.texts("files"),
        sha256=tuple(text.lower() for text in reader.texts("sha256")),
        architectures=reader.texts("architectures"),
        sizes=reader.sizes("sizes"),
        prediction=reader.text("prediction") or "epsilon",
        black_in_half=reader.flag("black_in_half"),
    )
    reader.allow_only(("label", "files", "sha256", "architectures", "sizes", "prediction", "black_in_half"))
    if kind.prediction not in ("epsilon", "v"):
        raise reader.error("prediction", f'is {kind.prediction!r}; allowed: "epsilon", "v"')
    for sha256 in kind.sha256:
        if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
            raise reader.error("sha256", f"{sha256!r} is none: 64 hexadecimal digits")
    return kind


def _clash(reader: _Reader) -> Clash:
    reader.allow_only(("words", "against", "why"))
    return Clash(reader.texts("words"), reader.text("why", needed=True), reader.texts("against"))


def _word(field: str, reader: _Reader) -> Word:
    reader.allow_only(("words", "does", "film", "why"))
    film = reader.text("film", needed=True)
    if film not in ("neutral", "against"):
        raise reader.error("film", f'is {film!r}; allowed: "neutral", "against"')
    why = reader.text("why", needed=film == "against")
    return Word(reader.text("words", needed=True), field, reader.text("does", needed=True), why)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= _LONGEST and not _SURROGATE.search(value)


class _Reader:
    """A JSON object of a file, whose values are asked for by key and type."""

    def __init__(self, path: Path, data: dict[str, Any], where: str = "") -> None:
        self.path, self.data, self._where = path, data, where

    @classmethod
    def of_file(cls, path: Path) -> _Reader:
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise RecipeError(_told(f"{path}: larger than a recipe's file can be ({_MOST_BYTES} bytes)"))
            data = json.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise RecipeError(_told(f"{path}: cannot be read: {error.strerror}")) from None
        except (ValueError, RecursionError) as error:
            raise RecipeError(_told(f"{path}: not JSON: {error}")) from None
        if not isinstance(data, dict):
            raise RecipeError(_told(f"{path}: not an object: {{...}}"))
        if data.get("version") != VERSION:
            raise RecipeError(_told(f"{path}: version is {data.get('version')!r}; allowed: {VERSION}"))
        return cls(path, data)

    def error(self, key: str, text: str) -> RecipeError:
        return RecipeError(_told(f"{self.path}: {self._where}{key}: {text}"))

    def allow_only(self, keys: tuple[str, ...]) -> None:
        for key in self.data:
            if key not in keys:
                raise self.error(key, f"no such key; allowed: {', '.join(keys)}")

    def _get(self, key: str, kind: str, fits: Callable[[Any], bool], default: Any, needed: bool = False) -> Any:
        if key not in self.data and not needed:
            return default
        value = self.data.get(key)
        if not fits(value):
            raise self.error(key, f"is {value!r}; allowed: {kind}" if key in self.data else f"is missing: {kind}")
        return value

    def text(self, key: str, needed: bool = False) -> str:
        found: str = self._get(key, f"a text of up to {_LONGEST} characters", _is_text, "", needed)
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        def fits(value: Any) -> bool:
            return isinstance(value, list) and len(value) <= _MOST and all(map(_is_text, value))

        return tuple(self._get(key, f"a list of texts, {_MOST} at most", fits, ()))

    def flag(self, key: str) -> bool:
        return bool(self._get(key, "true, false", lambda v: isinstance(v, bool), False))

    def number(self, key: str, low: float, high: float, needed: bool = False) -> float | None:
        def fits(value: Any) -> bool:
            return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high

        found = self._get(key, f"a number from {low} to {high}", fits, None, needed)
        return None if found is None else float(found)

    def whole(self, key: str, low: int, high: int) -> int | None:
        def fits(value: Any) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

        found: int | None = self._get(key, f"a whole number from {low} to {high}", fits, None)
        return found

    def sizes(self, key: str) -> tuple[tuple[int, int], ...]:
        def fits(value: Any) -> bool:
            pairs = isinstance(value, list) and len(value) <= _MOST and all(isinstance(v, list) and len(v) == 2 for v in value)
            return pairs and all(type(n) is int and 64 <= n <= 4096 and n % 8 == 0 for v in value for n in v)

        found = self._get(key, "a list of [width, height], each from 64 to 4096 and divisible by 8", fits, [])
        return tuple((w, h) for w, h in found)

    def part(self, key: str, allowed: tuple[str, ...]) -> _Reader:
        found = _Reader(self.path, self._get(key, "an object", lambda v: isinstance(v, dict), {}), f"{self._where}{key}.")
        found.allow_only(allowed)
        return found

    def parts(self, key: str) -> list[_Reader]:
        def fits(value: Any) -> bool:
            return isinstance(value, list) and 0 < len(value) <= _MOST and all(isinstance(v, dict) for v in value)

        found = self._get(key, "a list of objects, one at least", fits, [], needed=True)
        return [_Reader(self.path, v, f"{self._where}{key}[{i}].") for i, v in enumerate(found)]
