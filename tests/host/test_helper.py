"""The prompt helper inside the WebUI: it follows the page, its buttons change what they say, and all can be undone."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace as Namespace
from typing import Any

import pytest

from filmlook import Look, load_look
from filmlook.presets import load_preset, save_preset
from filmlook.ui.prompt_report import ADD, AVOID, CHECKPOINT, HASH, UNDO
from tests.host.fake import Host

OWN = "classic-negative-light"
IDS = ("prompt", "neg_prompt", "width", "height", "sampling", "scheduler", "steps", "cfg_scale")
HIRES_IDS = ("hr-checkbox", "hr_upscaler", "hires_steps", "denoising_strength", "hr_scale")
START: dict[str, Any] = {
    **{
        "prompt": "photo of a cat",
        "neg_prompt": "",
        "width": 512,
        "height": 512,
        "sampling": "DPM++ 2M",
        "scheduler": "Automatic",
    },
    **{"steps": 20, "cfg_scale": 7.0, "hr-checkbox": False, "hr_upscaler": "Latent", "hires_steps": 0},
    **{"denoising_strength": 0.7, "hr_scale": 2.0},
}
CHOICES = {"sampling": ["DPM++ 2M", "Euler a"], "hr_upscaler": ["Latent", "ESRGAN_4x"]}


@dataclass
class Helper:
    """The helper of txt2img: what its page holds, and what was pressed."""

    host: Host
    page: dict[str, Any]
    undo: str = "[]"
    title: str = ""

    def __post_init__(self) -> None:
        events = self.host.find("txt2img_film_look_helper_press").events
        self.pressing, _, answering = (kwargs for _, kwargs in events)
        self.answer, self.inputs = answering["fn"], answering["inputs"][1:]
        self.page.update({name: c.value for c in self.inputs if (name := c.kwargs["elem_id"]) not in self.page})

    @property
    def _values(self) -> list[Any]:
        return [self.page[component.kwargs["elem_id"]] for component in self.inputs]

    def shows(self) -> list[str]:
        """Findings, checkpoints and networks."""
        (_, lists), *_ = self.host.find("txt2img_film_look_helper_list").events
        return [self.answer(self.undo, *self._values), *lists["fn"]()]

    def buttons(self) -> dict[str, str]:
        """Keys of the buttons by label."""
        found = re.findall(r"data-film-look='([^']*)'[^>]*>([^<]*)<", "".join(self.shows()))
        return {html.unescape(label): html.unescape(key) for key, label in found}

    def press(self, key: str) -> dict[str, Any]:
        """Presses a button by its key: what became of the page, by element id."""
        self.title, self.undo, *updates = self.pressing["fn"](key, self.undo, *self._values)
        changed = {
            component.kwargs["elem_id"]: update["value"]
            for component, update in zip(self.inputs, updates, strict=True)
            if "value" in update
        }
        self.page |= changed
        return changed

    def press_label(self, start: str) -> dict[str, Any]:
        return self.press(next(key for label, key in self.buttons().items() if label.startswith(start)))


def _checkpoint(host: Host, folder: Path, file: str, *, sha256: str | None = None, yaml: bool = False) -> str:
    path = folder / file
    path.write_bytes(b"no weights")
    if yaml:
        path.with_suffix(".yaml").write_text("")
    title = f"{file} [{sha256[:10]}]" if sha256 else file
    info = Namespace(
        filename=str(path), name=file, title=title, sha256=sha256, shorthash=sha256 and sha256[:10], metadata={}, hashed=0
    )

    def calculate() -> str:
        info.hashed += 1
        info.sha256, info.shorthash = "b" * 64, "b" * 10
        return "b" * 10

    info.calculate_shorthash = calculate
    host.checkpoints[title] = info
    return title


def _build(host: Host, tab: str = "txt2img") -> None:
    """Builds a page in the host's order."""
    host.tell("on_before_ui")
    _lay_out(host, tab, img2img=tab == "img2img")


def _lay_out(host: Host, tab: str, *, img2img: bool) -> None:
    """Builds a page: prompts, then scripts, then the rest, the gallery last."""
    names = [f"{tab}_{name}" for name in (*IDS, *(() if img2img else HIRES_IDS))]
    for number, name in enumerate(names):
        if number == 2:
            for other in ("hires", f"{tab}_edit_style", f"script_{tab}_adetailer_ad"):  # prompts within the page
                for kind in ("prompt", "neg_prompt"):
                    host.tell("on_after_component", host.gradio.Textbox(), elem_id=f"{other}_{kind}")
            host.script.ui(img2img)
        known = name.removeprefix(f"{tab}_")
        component = host.gradio.Textbox(elem_id=name, value=START.get(known))
        component.choices = CHOICES.get(known)
        host.tell("on_after_component", component, elem_id=name)
    host.tell("on_after_component", host.gradio.Gallery(elem_id=f"{tab}_gallery"), elem_id=f"{tab}_gallery")


@pytest.fixture
def helper(host: Host, tmp_path: Path) -> Helper:
    """The page of txt2img with Classic Negative for SD 1.5 chosen, recognised by its name."""
    host.options.data["sd_model_checkpoint"] = _checkpoint(host, tmp_path, "classicnegative.safetensors")
    _checkpoint(host, tmp_path, "other.safetensors", sha256="a" * 64)
    _build(host)
    return Helper(host, {f"txt2img_{name}": value for name, value in START.items()})


def test_it_says_what_the_checkpoint_is(helper: Helper) -> None:
    findings, checkpoints, _ = helper.shows()
    assert "Classic Negative, SD 1.5, by its name" in findings
    assert "★ Classic Negative" in checkpoints
    assert checkpoints.index("classicnegative") < checkpoints.index("other")


@pytest.mark.parametrize(
    ("label", "changed"),
    [
        ("Begin with “classicnegative”", {"prompt": "classicnegative photo of a cat"}),
        ("Set 864 x 360", {"width": 864, "height": 360}),
        ("Set Euler a, 30 steps", {"sampling": "Euler a", "steps": 30}),
        (
            "Set up hires fix",
            {"hr-checkbox": True, "hr_upscaler": "ESRGAN_4x", "hires_steps": 30, "denoising_strength": 0.3},
        ),
        ("Add “sharp focus, high contrast, clarity”", {"prompt": "photo of a cat, sharp focus, high contrast, clarity"}),
    ],
)
def test_a_button_changes_what_it_says_and_can_be_undone(helper: Helper, label: str, changed: dict[str, Any]) -> None:
    before = dict(helper.page)
    assert helper.press_label(label) == {f"txt2img_{name}": value for name, value in changed.items()}
    assert helper.page != before
    assert label in html.unescape(helper.shows()[0])  # beside Undo
    assert set(helper.press(UNDO)) == {f"txt2img_{name}" for name in changed}
    assert helper.page == before
    assert UNDO not in helper.buttons().values()


def test_the_matching_look_turns_film_look_on_with_all_its_settings(helper: Helper) -> None:
    before = dict(helper.page)
    changed = helper.press_label(f"Develop with “{load_preset(OWN).label}”")
    look = load_look(OWN)
    assert changed["txt2img_film_look"] is True
    assert changed["txt2img_film_look_preset"] == load_preset(OWN).label
    assert helper.page["txt2img_film_look_grain"] == look.grain
    assert all(name.startswith("txt2img_film_look") for name in changed)
    assert not any(label.startswith("Develop with") for label in helper.buttons())
    helper.press(UNDO)
    assert helper.page == before


def test_the_matching_looks_print_is_set_though_the_dropdown_was_made_for_other_stocks(helper: Helper) -> None:
    save_preset(OWN, Look(stock="kodak_tri_x_400", print="grade-3"), label=load_preset(OWN).label)
    helper.host.find("txt2img_film_look_print").choices = ["The stock's own", "Minilab scan"]  # type: ignore[attr-defined]
    changed = helper.press_label(f"Develop with “{load_preset(OWN).label}”")
    assert changed["txt2img_film_look_stock"] == "Kodak Tri-X 400"
    assert changed["txt2img_film_look_print"] == "Black and white, grade 3"


def test_undo_leaves_what_the_user_changed_since(helper: Helper) -> None:
    helper.press_label("Set 864 x 360")
    helper.page["txt2img_width"] = 640
    assert helper.press(UNDO) == {"txt2img_height": 512}
    assert helper.press(UNDO) == {}


@pytest.mark.parametrize(
    ("typed", "back"),
    [("{} in a garden", "photo of a cat in a garden"), ("a {}", "a photo of a cat"), ("something else", None)],
)
def test_undo_takes_a_change_out_of_what_was_written_since(helper: Helper, typed: str, back: str | None) -> None:
    helper.press_label("Begin with “classicnegative”")
    helper.page["txt2img_prompt"] = typed.format(helper.page["txt2img_prompt"])
    assert helper.press(UNDO) == ({"txt2img_prompt": back} if back else {})


@pytest.mark.parametrize("undo", [None, "", "null", "[", "{}"])
def test_an_undo_that_the_page_has_lost(helper: Helper, undo: Any) -> None:
    helper.undo = undo
    assert "Begin with" in helper.shows()[0]
    assert helper.press(UNDO) == {}


def test_half_characters_are_not_sent_back(helper: Helper) -> None:
    helper.page["txt2img_prompt"] = "photo of \ud800 a cat"
    assert helper.shows()[0].encode()
    assert helper.press_label("Begin with")["txt2img_prompt"].encode()


def test_a_checkpoint_whose_title_changed_when_it_was_loaded_is_undone(helper: Helper) -> None:
    was = helper.host.options.data["sd_model_checkpoint"]
    info = helper.host.checkpoints.pop(f"other.safetensors [{'a' * 10}]")
    info.title, info.sha256, info.shorthash = "other.safetensors", None, None
    helper.host.checkpoints[info.title] = info
    helper.press(CHECKPOINT + info.title)
    info.title, info.shorthash = f"other.safetensors [{'a' * 10}]", "a" * 10
    helper.host.checkpoints[info.title] = info
    helper.host.options.data["sd_model_checkpoint"] = info.title
    helper.press(UNDO)
    assert helper.title == was


def test_an_upscaler_of_another_name_is_taken(helper: Helper) -> None:
    helper.host.upscalers[1].name = "ESRGAN"
    helper.host.find("txt2img_hr_upscaler").choices = ["Latent", "ESRGAN"]
    assert helper.press_label("Set up hires fix")["txt2img_hr_upscaler"] == "ESRGAN"


def test_metadata_of_networks_is_read_once(helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(helper.host.module("host_models"), "names_film", lambda metadata, name: asked.append(name) or "why")
    lora = {"portra": Namespace(metadata={}, filename="a"), "odd": Namespace(metadata=None, filename="")}
    monkeypatch.setitem(sys.modules, "networks", Namespace(available_networks=lora))
    for _ in range(3):
        assert "portra" in helper.shows()[2]
    assert asked == ["odd", "portra"]


def test_a_model_that_is_being_unloaded_is_not_counted_by(helper: Helper) -> None:
    class Torn:
        def __getattr__(self, name: str) -> Any:
            raise TypeError("argument of type 'NoneType' is not iterable")

    helper.host.module("host_models").sd_models.model_data.sd_model = Torn()
    assert "Begin with" in helper.shows()[0]


def test_a_button_whose_finding_is_gone_changes_nothing(helper: Helper) -> None:
    key = next(key for label, key in helper.buttons().items() if label.startswith("Begin with"))
    helper.page["txt2img_prompt"] = "classicnegative photo of a dog"
    assert helper.press(key) == {}
    assert helper.undo == "[]"


def test_what_is_not_installed_is_told_and_nothing_changed(helper: Helper) -> None:
    helper.host.find("txt2img_hr_upscaler").choices = [("Latent", "Latent")]  # as gradio 4 keeps them
    assert helper.press_label("Set up hires fix") == {}
    assert "ESRGAN_4x" in helper.host.warnings[0]


def test_another_checkpoint_is_chosen_and_back(helper: Helper) -> None:
    other = f"other.safetensors [{'a' * 10}]"
    was = helper.host.options.data["sd_model_checkpoint"]
    assert helper.press(CHECKPOINT + other) == {}
    assert helper.title == other
    helper.host.options.data["sd_model_checkpoint"] = other
    assert "no recipe knows it" in helper.shows()[0]
    helper.press(UNDO)
    assert helper.title == was


def test_nothing_is_hashed_unless_asked(helper: Helper) -> None:
    info = helper.host.checkpoints[helper.host.options.data["sd_model_checkpoint"]]
    helper.shows()
    assert info.hashed == 0
    assert helper.press(HASH) == {}
    assert info.hashed == 1
    assert "the file differs from the released ones" in helper.shows()[0]
    assert HASH not in helper.buttons().values()
    info.calculate_shorthash = lambda: None  # with --no-hashing
    assert helper.press(HASH) == {}
    assert "--no-hashing" in helper.host.warnings[0]


def test_networks_of_film_are_offered(helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    lora = {"portra-400": Namespace(metadata={}), "cats": Namespace(metadata={"ss_output_name": "cats"}), "odd": Namespace()}
    monkeypatch.setitem(sys.modules, "networks", Namespace(available_networks=lora))
    helper.host.embeddings.update({"kodak-negative": Namespace(vectors=4), "hands": Namespace(vectors=2)})
    networks = helper.shows()[2]
    assert "portra-400" in networks
    assert "kodak-negative" in networks
    assert "cats" not in networks
    assert "hands" not in networks
    assert helper.press(f"{ADD}<lora:portra-400:1>") == {"txt2img_prompt": "photo of a cat, <lora:portra-400:1>"}


@pytest.mark.parametrize("prompt", ["<script>alert(1)</script>", "((('\"&", "🎞️ שלום " * 300, "a" * 30_000, ""])
def test_prompts_are_shown_as_text(helper: Helper, prompt: str) -> None:
    helper.page["txt2img_prompt"] = prompt
    findings = helper.shows()[0]
    assert "<script" not in findings
    assert html.unescape(re.sub(r"<sup.*?</sup>|<[^>]*>", "", findings)).count(prompt[:20_000]) >= 1


def test_without_a_checkpoint_and_with_fields_missing(host: Host) -> None:
    host.tell("on_before_ui")
    for name, text in (("img2img_prompt", "a cat, ((8k"), ("img2img_neg_prompt", "")):
        host.tell("on_after_component", host.gradio.Textbox(elem_id=name, value=text), elem_id=name)
    host.script.ui(True)
    host.tell("on_after_component", host.gradio.Gallery(), elem_id="img2img_gallery")
    answering = host.find("img2img_film_look_helper_press").events[-1][1]
    findings = answering["fn"]("[]", *(c.value for c in answering["inputs"][1:]))
    assert "No checkpoint is chosen" in findings
    assert "closed" in findings
    (_, lists), *_ = host.find("img2img_film_look_helper_list").events
    assert "<li>" not in "".join(lists["fn"]())


def test_img2img_has_no_hires_fix(host: Host, tmp_path: Path) -> None:
    host.options.data["sd_model_checkpoint"] = _checkpoint(host, tmp_path, "classicnegative.ckpt")
    _build(host, "img2img")
    inputs = host.find("img2img_film_look_helper_press").events[0][1]["inputs"]
    names = {c.kwargs.get("elem_id", "") for c in inputs}
    assert not [name for name in names if name.startswith("txt2img") or name == "img2img_width"]


def test_components_that_are_made_later_are_bound_to_nothing(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    _build(host)
    host.script.ui(False)  # the host asks for the defaults of the arguments
    host.tell("on_after_component", host.gradio.Gallery(), elem_id="txt2img_gallery")  # gradio 4 shows new pictures
    assert host.find("txt2img_film_look_helper_press").events == []
    assert not caplog.records


def test_a_helper_that_cannot_be_bound_costs_nothing(
    host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(host.module("prompt_helper")._Bound, "bind", lambda self: 1 / 0)
    _build(host)
    assert len(caplog.records) == 1


def test_a_page_that_is_built_again_is_bound_to_its_own_components(host: Host, tmp_path: Path) -> None:
    host.options.data["sd_model_checkpoint"] = _checkpoint(host, tmp_path, "classicnegative.ckpt")
    _build(host)
    first = host.find("txt2img_prompt")
    _build(host)
    inputs = host.find("txt2img_film_look_helper_press").events[0][1]["inputs"]
    assert first not in inputs
    assert host.find("txt2img_prompt") in inputs


def _hash_only(text: str) -> str:
    return re.sub("#[^\\n]*(\\n|$)", "\\n", text)


def _slashes_too(text: str) -> str:
    return re.sub("(#|//)[^\\n]*(\\n|$)", "\\n", text)


@pytest.mark.parametrize(
    ("strip", "as_script", "option", "found"),
    [
        (None, False, None, ["8k", "4k", "hdr"]),
        (_hash_only, True, None, ["8k", "4k"]),
        (_hash_only, True, True, ["8k", "4k"]),
        (_hash_only, True, False, ["8k", "4k", "hdr"]),
        (lambda text: text, False, None, ["8k", "4k", "hdr"]),  # Forge's, when its setting is off
        (_slashes_too, False, False, ["8k"]),  # reForge has no such setting; one of another WebUI's may have been left
    ],
)
def test_comments_are_those_of_the_host(
    helper: Helper, monkeypatch: pytest.MonkeyPatch, strip: Any, as_script: bool, option: bool | None, found: list[str]
) -> None:
    module = Namespace(strip_comments=strip)
    if as_script:
        data = Namespace(path="/webui/modules/processing_scripts/comments.py", module=module)
        sys.modules["modules.scripts"].scripts_data.append(data)  # type: ignore[attr-defined]
    elif strip:
        monkeypatch.setitem(sys.modules, "modules.processing_scripts.comments", module)  # type: ignore[arg-type]
    if option is not None:
        helper.host.options.data["enable_prompt_comments"] = option
    helper.page["txt2img_prompt"] = "classicnegative 8k // 4k # hdr"
    assert [label for label in ("8k", "4k", "hdr") if f"Remove “{label}”" in helper.buttons()] == found


def test_what_is_added_stands_before_a_comment(helper: Helper) -> None:
    sys.modules["modules.scripts"].scripts_data.append(  # type: ignore[attr-defined]
        Namespace(path="modules\\processing_scripts\\comments.py", module=Namespace(strip_comments=_hash_only))
    )
    helper.page["txt2img_prompt"] = "a cat # my cat"
    assert helper.press(ADD + "<lora:film:1>")["txt2img_prompt"] == "a cat, <lora:film:1> # my cat"


def test_a_frequent_word_is_added_where_it_belongs_and_can_be_undone(helper: Helper) -> None:
    helper.page["txt2img_neg_prompt"] = "ugly"
    assert helper.buttons()["⚠ noisy"] == AVOID + "noisy"
    assert helper.press(AVOID + "deformed") == {"txt2img_neg_prompt": "ugly, deformed"}
    assert helper.press(ADD + "masterpiece") == {"txt2img_prompt": "photo of a cat, masterpiece"}
    helper.press(UNDO)
    assert helper.press(UNDO) == {"txt2img_neg_prompt": "ugly"}


def test_a_copy_of_the_page_follows_its_own(host: Host, tmp_path: Path) -> None:
    """mov2mov builds img2img once more under its own name, and asks the scripts for their controls again."""
    host.options.data["sd_model_checkpoint"] = _checkpoint(host, tmp_path, "classicnegative.ckpt")
    _build(host, "img2img")
    _lay_out(host, "mov2mov", img2img=True)
    for tab in ("img2img", "mov2mov"):
        inputs = host.find(f"{tab}_film_look_helper_press").events[0][1]["inputs"]
        names = {name for c in inputs if (name := c.kwargs.get("elem_id", ""))}
        assert f"{tab}_prompt" in names
        assert all(name.startswith(f"{tab}_") for name in names)
