"""A small WebUI: the modules that Film Look imports, the order of its hooks, and what people do in it.

It tells AUTOMATIC1111's behaviour in plain words; `test_signatures.py` holds its names against a real checkout. Pictures
that are "sampled" are smooth tones by seed, and pictures made from pictures lose their grain.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from types import SimpleNamespace as Namespace
from typing import Any

import torch
from PIL import Image

from tests.host.fake_gradio import Component, FakeGradio
from tests.host.fake_processing import (
    BaseRunner,
    BaseScript,
    OptionInfo,
    Options,
    Processed,
    Processing,
    Saved,
    State,
    Toprow,
    idle_hook,
)
from tests.host.fake_scripts import AxisOption, Loopback, Outpainting, Plot, Prompts, SDUpscale


@dataclass
class Host:
    """The fake WebUI with Film Look in it. `module` gives one of Film Look's modules, as it was imported for this host."""

    folder: Path
    after_composite: bool = True
    saved: list[Saved] = field(default_factory=list)
    bindings: list[dict[str, Any]] = field(default_factory=list)
    pasted: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    callbacks: dict[str, list[Any]] = field(default_factory=dict)
    checkpoints: dict[str, Any] = field(default_factory=dict)
    embeddings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        hooks = ["process", "postprocess_image", "postprocess_maskoverlay"]
        hooks += ["postprocess_image_after_composite"] if self.after_composite else []
        self.script_class = type("Script", (BaseScript,), dict.fromkeys(hooks, idle_hook))
        self.runner_class = type("ScriptRunner", (BaseRunner,), {})
        self.api_class = type("Api", (), {"init_script_args": lambda self, request, *args: request.alwayson_scripts})
        self.options, self.state = Options(), State()
        self.plot = Namespace(axis_options=[], AxisOption=AxisOption)
        self.gradio = FakeGradio(self.warnings)
        self.upscalers = [Namespace(name=name) for name in ("Lanczos", "ESRGAN_4x")]

    def modules(self) -> dict[str, Any]:
        """What stands in `sys.modules`."""
        names = ("on_ui_settings", "on_before_ui", "on_after_component", "on_ui_tabs", "on_app_started")
        names += ("on_before_image_saved", "on_image_grid", "on_script_unloaded")
        plot = Namespace(path="/webui/scripts/xyz_grid.py", module=self.plot)
        contents: dict[str, dict[str, Any]] = {
            "scripts": {
                "Script": self.script_class,
                "ScriptRunner": self.runner_class,
                "AlwaysVisible": object(),
                "scripts_data": [plot],
            },
            "scripts_postprocessing": {"ScriptPostprocessing": type("ScriptPostprocessing", (), {"name": None, "order": 1000})},
            "processing": {"create_infotext": self.create_infotext},
            "images": {"save_image": self.save_image, "read": Image.open, "image_grid": self.image_grid},
            "options": {"OptionInfo": OptionInfo},
            "shared": {
                "opts": self.options,
                "state": self.state,
                "hide_dirs": {},
                "cmd_opts": Namespace(hide_ui_dir_config=False, api=True, nowebui=False, api_auth=None),
                "OptionHTML": OptionInfo,
                "latent_upscale_modes": {"Latent": {}},
                "sd_upscalers": self.upscalers,
            },
            "sd_models": {
                "checkpoints_list": self.checkpoints,
                "get_closet_checkpoint_match": lambda title: self.checkpoints.get(title),
                "unload_model_weights": lambda sd_model=None, info=None: sd_model,
                "model_data": Namespace(sd_model=None),
            },
            "sd_hijack": {"model_hijack": Namespace(clip=None, embedding_db=Namespace(word_embeddings=self.embeddings))},
            "img2img": {"process_batch": self.process_batch},
            "devices": {"get_optimal_device": lambda: torch.device("cpu"), "torch_gc": lambda: None},
            "script_callbacks": {name: self.callbacks.setdefault(name, []).append for name in names},
            "infotext_utils": {
                "ParamBinding": dict,
                "register_paste_params_button": self.bindings.append,
                "add_paste_fields": lambda tabname, init_img, fields: self.pasted.update({tabname: fields}),
            },
            "ui_components": {n: getattr(self.gradio, n) for n in ("InputAccordion", "ToolButton", "ResizeHandleRow")},
            "ui_toprow": {"Toprow": partial(Toprow, self.gradio)},
            "ui_common": {"plaintext_to_html": lambda text: f"<p>{text}</p>"},
            "call_queue": {"wrap_gradio_gpu_call": lambda func, extra_outputs=None: func, "queue_lock": threading.Lock()},
            "api": {"__path__": []},
            "api.api": {"Api": self.api_class},
            "util": {"open_folder": lambda path: None},
            "paths": {"models_path": str(self.folder / "models")},
        }
        found: dict[str, Any] = {"gradio": self.gradio, "modules": ModuleType("modules")}
        for name, content in contents.items():
            found[f"modules.{name}"] = module = ModuleType(f"modules.{name}")
            vars(module).update(content)
            setattr(found["modules"], name, module)
        return found

    def load(self) -> None:
        """Loads Film Look, and builds the pages' parts that are its own."""
        extension = self.module("extension")
        extension.register()
        for name in ("on_ui_settings", "on_before_ui"):
            self.tell(name)
        self.script, self.extras_script = extension.FilmLookScript(), extension.FilmLookExtras()
        self.others: list[Any] = []
        self.selectable: list[Any] = [SDUpscale(), Outpainting(), Loopback(), Plot(), Prompts()]
        self.extras_controls = self.extras_script.ui()

    def module(self, name: str) -> Any:
        return importlib.import_module(f"filmlook.webui.{name}")

    def tell(self, callback: str, *args: Any, **kwargs: Any) -> list[Any]:
        return [function(*args, **kwargs) for function in self.callbacks[callback]]

    def build_page(self, *identities: str) -> list[Any]:
        """Builds the page from the host's own components, then the tabs of extensions: what those are."""
        self.tell("on_before_ui")
        for identity in identities:
            self.tell("on_after_component", self.gradio.Button(elem_id=identity), elem_id=identity)
        return [tab for tabs in self.tell("on_ui_tabs") for tab in tabs]

    def find(self, identity: str) -> Component:
        """The last component that was made with this element id."""
        return next(made for made in reversed(self.gradio.made) if made.kwargs.get("elem_id") == identity)

    def press(self, identity: str, **values: Any) -> Any:
        """Clicks a button: what its function makes of the inputs' values; those by element id instead of their own."""
        _, event = self.find(identity).events[0]
        given = [(c, values.pop(c.kwargs.get("elem_id"), c.value)) for c in event["inputs"]]
        assert not values, f"no inputs: {values}"
        inputs = [component.preprocess(value) for component, value in given]
        return event["fn"](*inputs)

    def add(self, script: Any, *args: Any) -> None:
        """Adds another extension's always-on script, before Film Look, with its arguments."""
        self.others.append((script, list(args)))

    def processing(self, args: Sequence[Any] | None, script: str = "", **fields: Any) -> Processing:
        """A processing object as page and API make it: arguments that are missing are the controls' values."""
        runner = self.runner_class()
        runner.selectable_scripts = self.selectable
        titles = [s.title() for s in self.selectable]
        values: list[Any] = [titles.index(script) + 1 if script else 0]
        defaults = [component.value for component in self.script.ui("init_images" in fields)]
        args = [False] if args is None else list(args)
        for one, its in [*self.others, (self.script, [*args, *defaults[len(args) :]])]:
            one.args_from, one.args_to = len(values), len(values) + len(its)
            values += its
            runner.alwayson_scripts.append(one)
        return Processing(host=self, scripts=runner, script_args=values, **fields)

    def txt2img(self, args: Sequence[Any] | None, script: str = "", **fields: Any) -> Processed:
        """Pictures made by txt2img; `args` are Film Look's arguments, None leaves it as it stands on the page: off."""
        return self.generate(self.processing(args, script, **fields))

    def img2img(self, args: Sequence[Any] | None, sources: Sequence[Image.Image], script: str = "", **fields: Any) -> Processed:
        return self.generate(self.processing(args, script, init_images=list(sources), **fields))

    def generate(self, p: Processing) -> Processed:
        return p.scripts.run(p, *p.script_args) or self.process_images(p)

    def batch(self, args: Sequence[Any] | None, files: Sequence[Image.Image], **fields: Any) -> list[Processed]:
        """img2img over a folder that holds these pictures."""
        p = self.processing(args, init_images=[], **fields)
        done: list[Processed] = vars(sys.modules["modules.img2img"])["process_batch"](p, files, "", "", p.script_args)
        return done

    def process_batch(
        self, p: Processing, input: Any, output_dir: Any, inpaint_mask_dir: Any, args: Any, **_: Any
    ) -> list[Processed]:
        """One processing object for all files, as hosts do it."""
        results = []
        self.state.job_count = len(input) * p.n_iter
        for image in input:
            p.init_images = [image] * p.batch_size
            results.append(p.scripts.run(p, *args) or self.process_images(p))
        return results

    def process_images(self, p: Processing) -> Processed:
        """One pass: from the processing object to pictures, in the host's order of hooks."""
        count = p.batch_size * p.n_iter
        p.all_prompts, p.all_seeds = [p.prompt] * count, [p.seed + i for i in range(count)]
        p.scripts.call("process", p)
        p.init()
        images, texts = [], []
        for n in range(p.n_iter):
            p.iteration, part = n, slice(n * p.batch_size, (n + 1) * p.batch_size)
            p.prompts, p.negative_prompts, p.seeds = p.all_prompts[part], [""] * p.batch_size, p.all_seeds[part]
            p.subseeds = list(p.seeds)
            for i, sample in enumerate([p.sample(i) for i in range(p.batch_size)]):
                p.batch_index = i
                image, text = self._finished(p, sample)
                images.append(image)
                texts.append(text)
        if len(images) > 1 and self.options.return_grid:
            images.insert(0, self.image_grid(images))
            texts.insert(0, self.create_infotext(p, p.prompts, p.seeds, p.seeds, use_main_prompt=True))
        return Processed(images, texts, p.all_seeds[0])

    def _finished(self, p: Processing, sample: Image.Image) -> tuple[Image.Image, str]:
        """A sampled picture on its way through the scripts, saved; with its infotext."""

        def text() -> str:
            return self.create_infotext(p, p.prompts, p.seeds, p.subseeds, index=p.batch_index)

        pp = Namespace(image=sample)
        p.scripts.call("postprocess_image", p, pp)
        overlay = Namespace(index=p.batch_index, mask_for_overlay=p.mask_for_overlay)
        p.scripts.call("postprocess_maskoverlay", p, overlay)
        pp.image = p.composed(pp.image, p.batch_index)
        if self.after_composite:
            p.scripts.call("postprocess_image_after_composite", p, pp)
        if p.save_samples():
            self.save_image(pp.image, p.outpath_samples, "", p.seeds[p.batch_index], info=text(), p=p)
            if p.mask_for_overlay is not None and self.options.save_mask:
                self.save_image(p.mask_for_overlay, p.outpath_samples, "", info=text(), p=p, suffix="-mask")
        pp.image.info["parameters"] = text()
        return pp.image, text()

    def create_infotext(
        self,
        p: Any,
        all_prompts: Any,
        all_seeds: Any,
        all_subseeds: Any,
        use_main_prompt: bool = False,
        index: int = 0,
        **_: Any,
    ) -> str:
        told = {
            "p": p,
            "all_prompts": all_prompts,
            "all_seeds": all_seeds,
            "all_subseeds": all_subseeds,
            "index": index,
            "use_main_prompt": use_main_prompt,
        }
        pairs = {"Steps": 20, "Sampler": "Euler a", "Seed": (p.all_seeds if use_main_prompt else all_seeds)[index]}
        pairs |= {"Size": f"{p.width}x{p.height}", **p.extra_generation_params}
        texts = []
        for key, value in pairs.items():
            value = value(**told) if callable(value) else value
            if value is not None:
                quoted = re.search(r"[,:\n]", str(value))
                texts.append(f"{key}: {json.dumps(str(value), ensure_ascii=False) if quoted else value}")
        return f"{all_prompts[index]}\n{', '.join(texts)}"

    def save_image(
        self, image: Any, path: str, basename: str, seed: Any = None, prompt: Any = None, extension: str = "png", **how: Any
    ) -> tuple[str, None]:
        name = how.get("forced_filename") or f"{len(self.saved):05}-{seed}{how.get('suffix', '')}"
        pnginfo = {**(how.get("existing_info") or {}), "parameters": how["info"]}
        params = Namespace(image=image, p=how.get("p"), filename=f"{path}/{name}.{extension}", pnginfo=pnginfo)
        self.tell("on_before_image_saved", params)
        self.saved.append(Saved(params.image.copy(), params.filename, params.pnginfo))
        return params.filename, None

    def image_grid(self, images: list[Image.Image]) -> Image.Image:
        """The pictures in one row."""
        params = Namespace(imgs=images, cols=len(images), rows=1)
        self.tell("on_image_grid", params)
        width, height = params.imgs[0].size
        grid = Image.new("RGB", (params.cols * width, height))
        for i, image in enumerate(params.imgs):
            grid.paste(image.convert("RGB"), (i * width, 0))
        return grid

    def extras(self, image: Image.Image, upscaled: int = 1, **values: Any) -> Any:
        """What Extras make of a picture with the controls set to `values`: an object with `image` and `info`."""
        pp = Namespace(image=image, info={}, shared=Namespace())
        controls = {k: values.get(k, c.value) for k, c in self.extras_controls.items()}
        self.extras_script.process_firstpass(pp, **controls)
        if upscaled > 1:
            pp.image = image.resize((upscaled * image.width, upscaled * image.height))
            pp.image.info = {}
        self.extras_script.process(pp, **controls)
        return pp
