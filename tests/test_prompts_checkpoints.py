"""Checkpoints are recognised by hash, name and metadata, recipes are checked, and no file is hashed unasked."""

from __future__ import annotations

import builtins
import hashlib
import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlook import FilmLookError, list_looks
from filmlook.prompts.checkpoints import Checkpoint, names_film, read_metadata, recognise, sha256_of
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.recipes import Recipe, RecipeError, list_recipes, load_craft, read_recipe
from filmlook.prompts.report import report

SD15, V01, V02 = "SD 1.5", "SD 2.1 768 v0.1", "SD 2.1 768 v0.2"
HASHES = {
    SD15: "7672e26be3a6112f1ac4edb998d9d384a5b3dde7ebabd897c908b7eaa39ddc89",
    V01: "2106fd3b8c4f36dd8b81062a44ae4bc897c9170b1a6caa8a8676b7f34febc33f",
    V02: "2c29f8668c270946bb968a54e1e105c60f66e64e9880a66aa525a1af6631cc47",
}


@pytest.fixture(scope="module")
def recipes() -> list[Recipe]:
    return list_recipes()[0]


def safetensors(path: Path, metadata: Any, extra: bytes = b"") -> Path:
    header = json.dumps({"__metadata__": metadata, "w": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + extra)
    return path


# --- recipes


def test_the_built_in_recipe(recipes: list[Recipe]) -> None:
    (recipe,) = recipes
    assert (recipe.name, recipe.token, recipe.label) == ("classic-negative", "classicnegative", "Classic Negative")
    assert {kind.label: kind.sha256 for kind in recipe.kinds} == {kind: (sha256,) for kind, sha256 in HASHES.items()}
    assert recipe.look in list_looks()
    assert load_craft().film_words


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FILMLOOK_HOME", str(tmp_path))
    (tmp_path / "recipes").mkdir()
    return tmp_path / "recipes"


SMALL = {"version": 1, "label": "My film", "kinds": [{"label": "SD 1.5", "files": ["myfilm"]}]}


def test_recipes_of_the_users_own_join_and_replace(home: Path) -> None:
    (home / "mine.json").write_text(json.dumps(SMALL))
    (home / "classic-negative.json").write_text(json.dumps({**SMALL, "label": "Changed"}))
    found, problems = list_recipes()
    assert sorted(recipe.label for recipe in found) == ["Changed", "My film"]
    assert not problems


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version is 2; allowed: 1"),
        ({"label": ""}, "label: is ''; allowed: a text"),
        ({"label": None}, "label: is None; allowed: a text"),
        ({"kinds": []}, "kinds: is []; allowed: a list of objects, one at least"),
        ({"kinds": [3]}, "kinds: is [3]"),
        ({"kinds": [{}]}, "kinds[0].label: is missing: a text"),
        ({"kinds": [{"label": "a"}, {"label": "b", "sizes": [[100, 100]]}]}, "kinds[1].sizes: is [[100, 100]]"),
        ({"kinds": [{"label": "a", "sizes": [[True, 512]]}]}, "kinds[0].sizes"),
        ({"kinds": [{"label": "a", "sha256": ["12"]}]}, "kinds[0].sha256: '12' is none: 64 hexadecimal digits"),
        ({"kinds": [{"label": "a", "prediction": "x"}]}, "kinds[0].prediction: is 'x'"),
        ({"kinds": [{"label": "a", "black_in_half": 1}]}, "kinds[0].black_in_half: is 1"),
        ({"kinds": [{"label": "a", "size": 1}]}, "kinds[0].size: no such key; allowed: label, files"),
        ({"tokens": "x"}, "tokens: no such key; allowed: version, label"),
        ({"settings": {"steps": 0}}, "settings.steps: is 0; allowed: a whole number from 1 to 150"),
        ({"settings": {"cfg": "7"}}, "settings.cfg: is '7'; allowed: a number from 0 to 30"),
        ({"settings": {"seed": 1}}, "settings.seed: no such key"),
        ({"hires": {"upscaler": "x"}}, "hires.denoising: is missing"),
        ({"names": ["--"]}, "names: each must have letters or digits"),
        ({"token": "abc", "opening": "photo of "}, "opening: must hold the token"),
        ({"subjects": "dogs"}, "subjects: is 'dogs'; allowed: a list of texts"),
    ],
)
def test_a_wrong_recipe_is_told_and_skipped(home: Path, change: dict[str, Any], message: str) -> None:
    path = home / "mine.json"
    path.write_text(json.dumps({**SMALL, **change}))
    with pytest.raises(RecipeError) as wrong:
        read_recipe(path)
    assert str(path) in str(wrong.value)
    assert message in str(wrong.value)
    found, problems = list_recipes()
    assert [recipe.name for recipe in found] == ["classic-negative"]
    assert problems == [str(wrong.value)]


def _with(**values: Any) -> bytes:
    return json.dumps({**SMALL, **values}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b" " * 2_000_000, '"é"'.encode("latin-1"),
        json.dumps(SMALL).encode("utf-16"), _with(version=10**400), _with(label="\ud800"), _with(token="\udfff"),
        _with(label="x" * 100_000), _with(misspellings=["x"] * 10_000), _with(kinds=[{"label": "a"}] * 10_000),
        _with(settings={"cfg": float("nan")}), _with(settings={"cfg": float("inf")}), _with(settings={"steps": 10**4000}),
        _with(**{"\ud800": 1}), _with(**{"k" * 100_000: 1}), _with(label="@").replace(b'"@"', b"[" * 900 + b"]" * 900),
        _with(label="@").replace(b'"@"', b"1" * 5000),
    ],
)  # fmt: skip
def test_a_file_that_is_no_recipe_is_told_and_skipped(home: Path, content: bytes) -> None:
    (home / "mine.json").write_bytes(content)
    (home / "good.json").write_bytes(_with(label="Good"))
    recipes, problems = list_recipes()
    assert sorted(recipe.label for recipe in recipes) == ["Classic Negative", "Good"]
    assert len(problems) == 1
    assert "mine.json" in problems[0]
    assert len(problems[0].encode()) < 4000  # it can be shown: in the page, in the log, as JSON
    assert report("a cat").problems == problems


def test_a_name_that_is_not_utf_8_is_told_and_skipped(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    try:
        Path(os.fsdecode(os.fsencode(home) + b"/\xff.json")).write_bytes(_with())
    except (OSError, ValueError):
        pytest.skip("this file system takes no such names")
    assert [recipe.name for recipe in list_recipes()[0]] == ["classic-negative"]
    assert "\\xff.json': its name is not UTF-8" in caplog.text


def test_recipes_beyond_what_is_allowed_are_not_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FILMLOOK_MAX_FILES", "3")
    for n in range(5):
        (home / f"a{n}.json").write_bytes(_with(label=f"Number {n}"))
    assert sorted(recipe.name for recipe in list_recipes()[0]) == ["a0", "a1", "classic-negative"]
    assert "6 recipes: 3 of them are listed" in caplog.text


def test_a_byte_order_mark_is_no_fault(home: Path) -> None:
    (home / "mine.json").write_bytes(b"\xef\xbb\xbf" + _with())
    assert sorted(recipe.label for recipe in list_recipes()[0]) == ["Classic Negative", "My film"]


@pytest.mark.parametrize("look", ["../../etc/passwd", "/etc/passwd", "a\0b", "x" * 1000, "con", "é" * 200, "."])
def test_a_recipe_names_a_look_that_cannot_be(home: Path, look: str) -> None:
    (home / "mine.json").write_bytes(_with(look=look))
    told = report("a cat", checkpoint=Checkpoint(name="myfilm.ckpt"), settings=GenerationParams(look=""))
    assert told.recognition is not None
    assert told.recognition.reason == "My film, SD 1.5, by its name"
    assert "look" not in {finding.code for finding in told.findings}


def test_a_folder_that_looks_like_a_recipe_is_none(home: Path) -> None:
    (home / "mine.json").mkdir()
    assert len(list_recipes()[0]) == 1


# --- recognition


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("classicnegative.ckpt", [SD15]),
        ("ClassicNegative.safetensors", [SD15]),
        ("classicnegative768px.ckpt", [V01]),
        ("classicNegativeSD21_classicNegative768px.ckpt", [V01, V02]),
        ("sub/folder/CLASSICNEGATIVESD21_classicnegative768px.safetensors", [V01, V02]),
        ("C:\\models\\classicnegative.ckpt", [SD15]),
        ("classic-negative_pruned.safetensors", [SD15, V01, V02]),
        ("classic.ckpt", []),
        ("negative.safetensors", []),
        ("v1-5-pruned-emaonly.safetensors", []),
        ("", []),
    ],
)
def test_by_name(recipes: list[Recipe], name: str, kinds: list[str]) -> None:
    found = recognise(Checkpoint(name=name), recipes)
    assert [kind.label for kind in found.kinds] == kinds
    assert (found.how, found.recipe is not None, found.differs) == ("name" if kinds else None, bool(kinds), False)
    assert ("hash would tell" in found.reason) == (len(kinds) > 1)


@pytest.mark.parametrize("kind", HASHES)
@pytest.mark.parametrize("digits", [64, 10])
def test_the_hash_decides(recipes: list[Recipe], kind: str, digits: int) -> None:
    known = {"sha256" if digits == 64 else "shorthash": HASHES[kind][:digits].upper()}
    for name in ("anything.ckpt", "classicnegative768px.ckpt"):
        found = recognise(Checkpoint(name=name, **known), recipes)
        assert ([k.label for k in found.kinds], found.how, found.differs) == ([kind], "hash", False)
        assert found.reason == f"Classic Negative, {kind}, by its hash"


def test_a_known_name_with_another_hash(recipes: list[Recipe]) -> None:
    found = recognise(Checkpoint(name="classicnegative.ckpt", sha256="0" * 64), recipes)
    assert (found.how, found.differs, found.kinds[0].label) == ("name", True, SD15)
    assert found.reason == "Classic Negative, SD 1.5, by its name, but the file differs from the released ones"


def test_short_and_odd_hashes_say_nothing(recipes: list[Recipe]) -> None:
    for known in ("7672e26b", "", "  ", 5, b"7672e26be3"):
        found = recognise(Checkpoint(name="x.ckpt", shorthash=known), recipes)  # type: ignore[arg-type]
        assert found.how is None


@pytest.mark.parametrize(
    ("metadata", "kinds"),
    [
        ({"modelspec.title": "Classic Negative mix"}, [SD15, V01, V02]),
        ({"modelspec.trigger_phrase": "classicnegative photo of", "modelspec.architecture": "stable-diffusion-v1"}, [SD15]),
        ({"ss_output_name": "classicnegative", "ss_base_model_version": "sd_v2_v"}, [V01, V02]),
        ({"ss_tag_frequency": '{"10_x": {"classicnegative": 100, "dog": 30}}'}, [SD15, V01, V02]),
        ({"ss_tag_frequency": {"10_x": {"classicnegative photo": 100}}}, [SD15, V01, V02]),
        ({"ss_tag_frequency": {"10_x": {"classicnegative": 1, "dog": 100}}}, []),
        ({"modelspec.title": "Something else"}, []),
        ({}, []),
    ],
)
def test_by_metadata(recipes: list[Recipe], tmp_path: Path, metadata: dict[str, Any], kinds: list[str]) -> None:
    found = recognise(Checkpoint.from_file(safetensors(tmp_path / "mix.safetensors", metadata)), recipes)
    assert [kind.label for kind in found.kinds] == kinds
    assert found.how == ("metadata" if kinds else None)


def test_with_and_without_yaml(tmp_path: Path) -> None:
    path = tmp_path / "classicnegative768px.ckpt"
    path.write_bytes(b"x")
    assert Checkpoint.from_file(path).config is None
    (tmp_path / "classicnegative768px.yaml").write_text("model:")
    assert Checkpoint.from_file(path).config == str(tmp_path / "classicnegative768px.yaml")


def test_duplicates_are_each_recognised(recipes: list[Recipe], tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "classicnegative.ckpt").write_bytes(b"x")
    found = [recognise(Checkpoint.from_file(p), recipes) for p in tmp_path.rglob("*.ckpt")]
    assert [f.kinds[0].label for f in found] == [SD15, SD15]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"1234567", struct.pack("<Q", 2**63) + b"{}", struct.pack("<Q", 100) + b"{", struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 20) + b'{"__metadata__":[1]}',
        struct.pack("<Q", 60_000) + b"[" * 60_000, struct.pack("<Q", 3) + b"\xff\xfe\xfd",
    ],
)  # fmt: skip
def test_broken_files_give_their_name_only(recipes: list[Recipe], tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "classicnegative.safetensors"
    path.write_bytes(content)
    found = Checkpoint.from_file(path)
    assert found.metadata == {}
    assert recognise(found, recipes).how == "name"


def test_unreadable_files_give_their_name_only(recipes: list[Recipe], tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "classicnegative.safetensors", tmp_path / "classicnegative.safetensors"):
        assert read_metadata(path) == {}
        assert recognise(Checkpoint.from_file(path), recipes).how == "name"
    (tmp_path / "classicnegative.safetensors").mkdir()
    assert recognise(Checkpoint.from_file(tmp_path / "classicnegative.safetensors"), recipes).how == "name"


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["ss_tag_frequency", "modelspec.title", "modelspec.architecture", "ss_output_name", "ss_base_model_version"]


@given(st.dictionaries(st.sampled_from(KEYS), JUNK | st.text().map(json.dumps)) | JUNK, st.text())
def test_metadata_of_any_kind_is_survived(metadata: Any, name: str) -> None:
    recognise(Checkpoint(name=name, metadata=metadata), list_recipes()[0])
    names_film(metadata, name)


# --- never unasked


def test_a_file_of_five_gigabytes_is_not_hashed(recipes: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashlib.sha256", None)
    path = safetensors(tmp_path / "classicnegative.safetensors", {"modelspec.title": "x"})
    with path.open("r+b") as file:
        file.truncate(5 * 2**30)
    assert recognise(Checkpoint.from_file(path), recipes).how == "name"


def test_nothing_beyond_a_header_is_read(recipes: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ckpt = tmp_path / "classicnegative.ckpt"
    ckpt.write_bytes(b"x" * 1000)
    tensors = safetensors(tmp_path / "classicnegative768px.safetensors", {}, extra=b"x" * 100_000)
    read: list[int] = []
    real = builtins.open

    def watched(name: Any, *args: Any, **more: Any) -> Any:
        file = real(name, *args, **more)
        assert Path(name).suffix != ".ckpt"
        whole = file.read

        class Counted:
            def __enter__(self) -> Counted:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def read(self, size: int = -1) -> bytes:
                found: bytes = whole(size)
                read.append(len(found))
                return found

        return Counted()

    monkeypatch.setattr(builtins, "open", watched)
    monkeypatch.setattr(hashlib, "sha256", lambda *_: pytest.fail("hashed unasked"))
    found = [recognise(Checkpoint.from_file(path), recipes).how for path in (ckpt, tensors)]
    monkeypatch.undo()
    assert found == ["name", "name"]
    assert sum(read) < 1000


def test_hashed_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"film" * 700_000)
    heard: list[float] = []
    assert sha256_of(path, heard.append) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert heard == sorted(heard)
    assert (len(heard), heard[-1]) == (3, 1.0)
    assert sha256_of(path, cancelled=lambda: True) is None
    path.write_bytes(b"")
    assert sha256_of(path) == hashlib.sha256().hexdigest()
    with pytest.raises(FilmLookError, match=r"gone\.ckpt: cannot be read"):
        sha256_of(tmp_path / "gone.ckpt")


# --- LoRA and embeddings


@pytest.mark.parametrize(
    ("name", "metadata", "why"),
    [
        ("KodakPortra_400-v2", {}, "its name says “kodak”"),
        ("analogFilm", {}, "its name says “analog”"),
        ("my35mm", {}, None),
        ("35mm_film_look", {}, "its name says “35mm”"),
        ("filmmaker_style", {}, None),
        ("detail_tweaker", {"modelspec.title": "Old Fujifilm"}, "its metadata says “fujifilm”"),
        ("x", {"ss_tag_frequency": {"1_a": {"film grain": 80, "dog": 100}}}, "it was trained on pictures tagged “film grain”"),
        ("x", {"ss_tag_frequency": {"1_a": {"film grain": 2, "dog": 100}}}, None),
        ("", {}, None),
        ("a" * 100_000, None, None),
    ],
)
def test_networks_that_name_film(name: str, metadata: Any, why: str | None) -> None:
    assert names_film(metadata, name) == why


def test_the_recipe_in_the_documentation_is_one(home: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "prompts.md").read_text(encoding="utf-8")
    (home / "mine.json").write_text(page.split("```json")[1].split("```")[0])
    assert read_recipe(home / "mine.json").kinds[0].sizes == ((864, 360), (768, 512))
