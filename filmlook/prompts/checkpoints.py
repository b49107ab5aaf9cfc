"""Which checkpoint is chosen: recognised by its hash, else its name, else its metadata. Nothing is hashed unasked."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filmlook.errors import FilmLookError
from filmlook.prompts.recipes import Kind, Recipe, load_craft, plain

_MOST_HEADER = 16 * 2**20  # bytes of a safetensors header that are read; those of checkpoints have about half of one
_HASH_STEP = 2**20
_TITLES = ("modelspec.title", "modelspec.trigger_phrase", "ss_output_name", "ss_training_comment", "modelspec.description")
_ARCHITECTURES = ("modelspec.architecture", "ss_base_model_version")
_OFTEN = 0.25  # of the images: a tag on so many tells what a network was trained on


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's file as it is known here. Empty texts and None are unknown.

    filename is its path; name is that below the folder of checkpoints; title is what the WebUI's menu shows; sha256 and
    shorthash (its first ten digits) are None until somebody computed them; config is the path of the `.yaml` beside it.
    """

    filename: str = ""
    name: str = ""
    title: str = ""
    sha256: str | None = None
    shorthash: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    config: str | None = None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """A checkpoint from its file, of which at most the header is read; a file that cannot be read gives its name only."""
        name = os.path.basename(path)
        return cls(os.fspath(path), name, name, metadata=read_metadata(path), config=config_beside(path))

    @property
    def stem(self) -> str:
        """The file's name without folder and ending."""
        return os.path.splitext(re.split(r"[/\\]", self.filename or self.name)[-1])[0]


@dataclass(frozen=True)
class Recognition:
    """What a checkpoint was recognised as, and how: "hash", "name", "metadata"; None where it was not.

    kinds are those it may be: several where the name fits more than one. differs: its name is known, but its hash is none of
    the released files'. reason says it for people.
    """

    recipe: Recipe | None = None
    kinds: tuple[Kind, ...] = ()
    how: str | None = None
    differs: bool = False
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The recognition as JSON gives it: recipe (name), label, kinds (labels), how, differs, reason."""
        recipe = self.recipe
        return {
            "recipe": recipe.name if recipe else None, "label": recipe.label if recipe else None,
            "kinds": [kind.label for kind in self.kinds], "how": self.how, "differs": self.differs, "reason": self.reason,
        }  # fmt: skip


def recognise(checkpoint: Checkpoint, recipes: Iterable[Recipe]) -> Recognition:
    """The recipe of a checkpoint: the hash decides, then the file's name, then its metadata."""
    recipes = list(recipes)
    known = _hash_of(checkpoint)
    for recipe in recipes if known else ():
        kinds = tuple(kind for kind in recipe.kinds if any(sha256.startswith(known) for sha256 in kind.sha256))
        if kinds:
            return Recognition(recipe, kinds, "hash", reason=f"{_label(recipe, kinds)}, by its hash")
    for recipe in recipes:
        if kinds := _named(checkpoint, recipe):
            reason = f"{_label(recipe, kinds)}, by its name"
            if known:
                reason += ", but the file differs from the released ones"
            elif len(kinds) > 1:
                reason += "; its hash would tell which"
            return Recognition(recipe, kinds, "name", bool(known), reason)
    for recipe in recipes:
        if kinds := _described(checkpoint, recipe):
            return Recognition(recipe, kinds, "metadata", bool(known), f"{_label(recipe, kinds)}, by its metadata")
    return Recognition()


def _hash_of(checkpoint: Checkpoint) -> str:
    known = checkpoint.sha256 or checkpoint.shorthash
    known = known.strip().lower() if isinstance(known, str) else ""
    return known if len(known) >= 10 else ""  # less is the older hash of the WebUI, which collides


def _label(recipe: Recipe, kinds: tuple[Kind, ...]) -> str:
    return f"{recipe.label}, {' or '.join(kind.label for kind in kinds)}"


def _named(checkpoint: Checkpoint, recipe: Recipe) -> tuple[Kind, ...]:
    stem = plain(checkpoint.stem)
    exact = tuple(kind for kind in recipe.kinds if stem in map(plain, kind.files))
    if exact or not any(name in stem for name in recipe.names):
        return exact
    return _of_its_base(checkpoint, recipe)


def _described(checkpoint: Checkpoint, recipe: Recipe) -> tuple[Kind, ...]:
    metadata = checkpoint.metadata
    texts = [plain(text) for text in _texts(metadata, _TITLES)]
    tags = {plain(tag) for tag, share in _tag_shares(metadata) if share >= _OFTEN}
    words = recipe.names + ((plain(recipe.token),) if recipe.token else ())
    if any(word in text for word in words for text in texts) or any(word in tag for word in words for tag in tags):
        return _of_its_base(checkpoint, recipe)
    return ()


def _of_its_base(checkpoint: Checkpoint, recipe: Recipe) -> tuple[Kind, ...]:
    """The kinds of the base model that the metadata names; all where it names none."""
    bases = [text.lower() for text in _texts(checkpoint.metadata, _ARCHITECTURES)]
    fits = tuple(k for k in recipe.kinds if any(base.startswith(a.lower()) for base in bases for a in k.architectures))
    return fits or recipe.kinds


def names_film(metadata: Mapping[str, Any], name: str) -> str | None:
    """Why a LoRA or an embedding has to do with film: what its name, metadata or training tags say; None if it has not."""
    film = set(load_craft().names_film)
    for what, text in [("name", name), *(("metadata", text) for text in _texts(metadata, _TITLES))]:
        if found := next((word for word in _words(text) if word in film), None):
            return f"its {what} says “{found}”"
    for tag, share in _tag_shares(metadata):
        if share >= _OFTEN and film & set(_words(tag)):
            return f"it was trained on pictures tagged “{tag.strip()}”"
    return None


def _words(name: str) -> Iterator[str]:
    """The words of a name such as `KodakPortra_400-v2`, in small letters; also those of letters and digits, as `35mm`."""
    for run in re.findall(r"[^\W_]+", name[:1000]):
        yield run.lower()
        yield from (part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", run))


def _texts(metadata: Any, keys: tuple[str, ...]) -> list[str]:
    found = [metadata.get(key) for key in keys] if isinstance(metadata, Mapping) else []
    return [text for text in found if isinstance(text, str)]


def _tag_shares(metadata: Any) -> list[tuple[str, float]]:
    """The tags that kohya's trainer noted, with how often each stands compared with the most frequent one, frequent first."""
    folders = metadata.get("ss_tag_frequency") if isinstance(metadata, Mapping) else None
    if isinstance(folders, str):
        try:
            folders = json.loads(folders)
        except (ValueError, RecursionError):
            return []
    counts: dict[str, float] = {}
    for tags in folders.values() if isinstance(folders, Mapping) else ():
        for tag, count in tags.items() if isinstance(tags, Mapping) else ():
            if isinstance(tag, str) and isinstance(count, (int, float)) and 0 < count < 1e12:
                counts[tag] = counts.get(tag, 0) + count
    most = max(counts.values(), default=1)
    return sorted(((tag, count / most) for tag, count in counts.items()), key=lambda pair: -pair[1])


def config_beside(filename: str | os.PathLike[str]) -> str | None:
    """The path of the `.yaml` of a checkpoint's name beside it, which the WebUI loads with it; None if there is none."""
    config = os.path.splitext(os.fspath(filename))[0] + ".yaml"
    return config if os.path.isfile(config) else None


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The metadata in a safetensors file's header; empty for other files, and where it cannot be read."""
    if Path(path).suffix.lower() != ".safetensors":
        return {}
    try:
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if not 2 <= size <= _MOST_HEADER:
                return {}
            header = json.loads(file.read(size))
    except (OSError, ValueError, RecursionError):
        return {}
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def sha256_of(
    path: str | os.PathLike[str],
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> str | None:
    """The sha256 of a file, read whole: only for who asks for it. `progress` hears shares up to 1; None when cancelled.

    Raises:
        FilmLookError: the file cannot be read.
    """
    digest, done = hashlib.sha256(), 0
    try:
        with open(path, "rb") as file:
            total = os.fstat(file.fileno()).st_size
            while chunk := file.read(_HASH_STEP):
                if cancelled and cancelled():
                    return None
                digest.update(chunk)
                done += len(chunk)
                if progress:
                    progress(min(done / total, 1.0) if total else 1.0)
    except OSError as error:
        raise FilmLookError(f"{os.fspath(path)}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()
