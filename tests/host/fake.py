"""A small WebUI: the modules that Film Look imports, the order of its hooks, and what people do in it.

It tells AUTOMATIC1111's behaviour in plain words; `test_signatures.py` holds its names against a real checkout. Pictures
that are "sampled" are smooth tones by seed, and pictures made from pictures lose their grain.
"""

from __future__ import annotations

import copy
import importlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from types import SimpleNamespace as Namespace
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageChops, ImageFilter

SIZE = (160, 120)
AUTOMATIC_SEED = 11


def raw_picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """What the fake sampler makes of a seed: three smooth ramps."""
    rng = np.random.default_rng(seed)
    tone, right, down = rng.uniform(0.35, 0.6, 3), rng.uniform(-0.3, 0.3, 3), rng.uniform(-0.3, 0.3, 3)
    y, x = np.mgrid[0 : size[1], 0 : size[0]][..., None]
    return Image.fromarray((255 * (tone + right * (x / size[0] - 0.5) + down * (y / size[1] - 0.5))).astype(np.uint8))


def resampled(source: Image.Image, seed: int, size: tuple[int, int], strength: float) -> Image.Image:
    """What the fake sampler makes of a picture."""
    smooth = source.convert("RGB").resize(size).filter(ImageFilter.GaussianBlur(3))
    return Image.blend(smooth, raw_picture(seed, size), strength)


class Component:
    """A gradio component, or a container: what it was made with, and what was registered with it."""

    made: list[Component]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.made.append(self)
        self.kwargs = kwargs
        self.value = kwargs.get("value", args[0] if args else None)
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __enter__(self) -> Component:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in ("click", "change", "input", "upload", "select", "submit", "release", "load"):
            raise AttributeError(name)
        return lambda **kwargs: self.events.append((name, kwargs))


class FakeGradio(ModuleType):
    """Every class of gradio's is a `Component` here."""

    __version__ = "3.41.2"

    def __init__(self, warnings: list[str]) -> None:
        super().__init__("gradio")
        self.made: list[Component] = []
        self.Warning = warnings.append

    def __getattr__(self, name: str) -> Any:
        if not name[0].isupper():
            raise AttributeError(name)
        kind = type(name, (Component,), {"made": self.made})
        setattr(self, name, kind)
        return kind

    @staticmethod
    def update(**kwargs: Any) -> dict[str, Any]:
        return {"__type__": "update", **kwargs}


class OptionInfo:
    """A setting of the settings page."""

    def __init__(self, default: Any = None, label: str = "", component: Any = None, component_args: Any = None, **more: Any):
        self.default, self.label, self.more, self.section = default, label, more, None

    def info(self, text: str) -> OptionInfo:
        return self

    def needs_reload_ui(self) -> OptionInfo:
        return self


class Options:
    """The host's settings."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {"samples_format": "png", "outdir_samples": "", "outdir_extras_samples": "outputs/extras"}
        self.data.update(overlay_inpaint=True, save_mask=False, return_grid=False)
        self.labels: dict[str, Any] = {}
        self.restricted_opts: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["data"][name]

    def add_option(self, key: str, info: Any) -> None:
        self.labels[key] = info
        self.data.setdefault(key, info.default)


class State:
    """The host's progress."""

    def __init__(self) -> None:
        self.interrupted = self.skipped = self.stopping_generation = False
        self.job_count = self.job_no = self.sampling_step = self.sampling_steps = 0
        self.textinfo, self.shown = "", []

    def nextjob(self) -> None:
        self.job_no += 1

    def assign_current_image(self, image: Image.Image) -> None:
        self.shown.append(image)


class Processing:
    """A processing object of txt2img, or of img2img where it has `init_images`."""

    def __init__(self, **fields: Any) -> None:
        self.prompt, self.seed, self.batch_size, self.n_iter = "a cat", AUTOMATIC_SEED, 1, 1
        self.width, self.height = SIZE
        self.enable_hr, self.hr_scale, self.firstpass_image = False, 2, None
        self.init_images: list[Image.Image] | None = None
        self.image_mask: Image.Image | None = None
        self.inpaint_full_res, self.denoising_strength = False, 0.4
        self.mask_for_overlay = self.overlay_images = self.paste_to = None
        self.scripts: Any = None
        self.script_args: list[Any] = []
        self.extra_generation_params: dict[str, Any] = {}
        self.outpath_samples, self.do_not_save_samples = "outputs/samples", False
        self.save_before_highres_fix = False
        self.iteration = self.batch_index = 0
        vars(self).update(fields)

    def save_samples(self) -> bool:
        return not self.do_not_save_samples

    def init(self) -> None:
        """Makes the mask, and the overlays that are pasted back, when the scripts were asked already."""
        if self.image_mask is None:
            return
        soft = self.image_mask.convert("L").filter(ImageFilter.GaussianBlur(4))
        if self.inpaint_full_res:
            x1, y1, x2, y2 = soft.getbbox()
            self.mask_for_overlay, self.paste_to = soft, (x1, y1, x2 - x1, y2 - y1)
        else:
            self.mask_for_overlay = soft.point(lambda v: min(255, 2 * v))
        self.overlay_images = []
        for source in self.init_images or []:
            overlay = source.convert("RGB").convert("RGBA")
            overlay.putalpha(ImageChops.invert(self.mask_for_overlay))
            self.overlay_images.append(overlay)

    def sample(self, index: int) -> Image.Image:
        size, seed = (self.width, self.height), self.seeds[index]
        if self.init_images:
            source = self.init_images[index % len(self.init_images)].convert("RGB")
            if self.paste_to:
                x, y, w, h = self.paste_to
                source = source.crop((x, y, x + w, y + h))
            return resampled(source, seed, size, self.denoising_strength)
        first = self.firstpass_image or raw_picture(seed, size)
        if not self.enable_hr:
            return first
        if self.save_before_highres_fix:
            text = self.host.create_infotext(self, self.prompts, self.seeds, self.seeds, index=index)
            self.host.save_image(first, self.outpath_samples, "", seed, info=text, p=self, suffix="-before-highres-fix")
        return resampled(first, seed, (size[0] * self.hr_scale, size[1] * self.hr_scale), 0.3)

    def composed(self, image: Image.Image, index: int) -> Image.Image:
        """What was sampled, under the part of the source that is kept."""
        if not self.overlay_images:
            return image
        overlay = self.overlay_images[index % len(self.overlay_images)]
        if self.paste_to:
            x, y, w, h = self.paste_to
            whole = Image.new("RGB", overlay.size)
            whole.paste(image.resize((w, h)), (x, y))
            image = whole
        return Image.alpha_composite(image.convert("RGBA"), overlay).convert("RGB")


@dataclass
class Processed:
    """What the host delivers."""

    images: list[Any]
    infotexts: list[str]
    seed: int = 0
    width: int = SIZE[0]
    height: int = SIZE[1]

    def __post_init__(self) -> None:
        self.info = self.infotexts[0]


class BaseScript:
    """The host's class of scripts, but for the hooks."""

    args_from = args_to = 0
    infotext_fields: Any = None

    def ui(self, is_img2img: bool) -> Sequence[Any]:
        return []


def _hook(self: Any, p: Any, *args: Any) -> None:
    pass


class BaseRunner:
    """The host's runner of scripts."""

    def __init__(self) -> None:
        self.alwayson_scripts: list[Any] = []
        self.selectable_scripts: list[Any] = []

    def run(self, p: Processing, *args: Any) -> Processed | None:
        return self.selectable_scripts[args[0] - 1].run(p) if args[0] else None

    def call(self, hook: str, p: Processing, *params: Any) -> None:
        for script in self.alwayson_scripts:
            getattr(script, hook, _hook.__get__(script))(p, *params, *p.script_args[script.args_from : script.args_to])


@dataclass
class Saved:
    """A picture that was saved: as it was then, its path and its infotexts."""

    image: Image.Image
    path: str
    pnginfo: dict[str, Any]


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

    def __post_init__(self) -> None:
        hooks = ["process", "postprocess_image", "postprocess_maskoverlay"]
        hooks += ["postprocess_image_after_composite"] if self.after_composite else []
        self.script_class = type("Script", (BaseScript,), dict.fromkeys(hooks, _hook))
        self.runner_class = type("ScriptRunner", (BaseRunner,), {})
        self.options, self.state = Options(), State()
        self.plot = Namespace(axis_options=[], AxisOption=AxisOption)
        self.gradio = FakeGradio(self.warnings)

    def modules(self) -> dict[str, Any]:
        """What stands in `sys.modules`."""
        names = ("on_ui_settings", "on_before_ui", "on_after_component", "on_ui_tabs", "on_before_image_saved", "on_image_grid")
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
                "cmd_opts": Namespace(hide_ui_dir_config=False),
                "OptionHTML": OptionInfo,
            },
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
            "call_queue": {"wrap_gradio_gpu_call": lambda func, extra_outputs=None: func},
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
        _, event = self.find(identity).events[-1]
        inputs = [values.pop(component.kwargs.get("elem_id"), component.value) for component in event["inputs"]]
        assert not values, f"no inputs: {values}"
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
    ) -> None:
        name = how.get("forced_filename") or f"{len(self.saved):05}-{seed}{how.get('suffix', '')}"
        pnginfo = {**(how.get("existing_info") or {}), "parameters": how["info"]}
        params = Namespace(image=image, p=how.get("p"), filename=f"{path}/{name}.{extension}", pnginfo=pnginfo)
        self.tell("on_before_image_saved", params)
        self.saved.append(Saved(params.image.copy(), params.filename, params.pnginfo))

    def image_grid(self, images: list[Image.Image]) -> Image.Image:
        """The pictures in one row."""
        params = Namespace(imgs=images, cols=len(images), rows=1)
        self.tell("on_image_grid", params)
        width, height = params.imgs[0].size
        grid = Image.new("RGB", (params.cols * width, height))
        for i, image in enumerate(params.imgs):
            grid.paste(image.convert("RGB"), (i * width, 0))
        return grid

    def extras(self, image: Image.Image, **values: Any) -> Any:
        """What Extras make of a picture with the controls set to `values`: an object with `image` and `info`."""
        pp = Namespace(image=image, info={})
        self.extras_script.process(pp, **{k: values.get(k, c.value) for k, c in self.extras_controls.items()})
        return pp


class Toprow:
    """The row with the buttons that start and stop."""

    def __init__(self, gradio: Any, *, is_img2img: bool, is_compact: bool, id_part: str) -> None:
        self.submit = gradio.Button("Generate", elem_id=f"{id_part}_generate")

    def create_inline_toprow_image(self) -> None:
        pass


@dataclass
class AxisOption:
    """An axis of the plot."""

    label: str
    type: Any
    apply: Callable[[Any, Any, Any], None]
    choices: Any = None


class SDUpscale:
    """Twice the size, in four tiles, each a pass of its own on the same processing object."""

    def title(self) -> str:
        return "SD upscale"

    def run(self, p: Processing) -> Processed:
        width, height = p.width, p.height
        large = p.init_images[0].convert("RGB").resize((2 * width, 2 * height))
        saves, p.do_not_save_samples = p.save_samples(), True
        texts = []
        for corner in [(0, 0), (width, 0), (0, height), (width, height)]:
            p.init_images = [large.crop((*corner, corner[0] + width, corner[1] + height))]
            done = p.host.process_images(p)
            p.seed += 1
            large.paste(done.images[0], corner)
            texts += done.infotexts
        if saves:
            p.host.save_image(large, p.outpath_samples, "", p.seed, info=texts[0], p=p)
        return Processed([large], texts[:1], p.seed)


class Outpainting:
    """Adds a strip at the left and one at the right, each a pass; several pictures are shown with a grid before them."""

    def title(self) -> str:
        return "Outpainting mk2"

    def run(self, p: Processing) -> Processed:
        source, count = p.init_images[0].convert("RGB"), p.n_iter
        p.n_iter, saves, p.do_not_save_samples = 1, p.save_samples(), True
        width, height = source.size
        p.width, images, texts = width // 2, [], []
        for _ in range(count):
            canvas = Image.new("RGB", (2 * width, height))
            canvas.paste(source, (width // 2, 0))
            for left, part in ((0, (0, 0, width // 2, height)), (width * 3 // 2, (width // 2, 0, width, height))):
                p.init_images = [source.crop(part)]
                done = p.host.process_images(p)
                canvas.paste(done.images[0], (left, 0))
                texts += done.infotexts
                p.seed += 1
            images.append(canvas)
        grid = [p.host.image_grid(images)] if count > 1 else []
        for image in images if saves else ():
            p.host.save_image(image, p.outpath_samples, "", p.seed, info=texts[0], p=p)
        if saves and grid:
            p.host.save_image(grid[0], "outputs/grids", "grid", p.seed, info=texts[0], p=p)
        return Processed([*grid, *images], texts[:1], p.seed)


class Loopback:
    """Each picture is the next one's source."""

    def title(self) -> str:
        return "Loopback"

    def run(self, p: Processing) -> Processed:
        images, texts = [], []
        for _ in range(3):
            done = p.host.process_images(p)
            p.init_images, p.seed = [done.images[0]], done.seed + 1
            images += done.images
            texts += done.infotexts
        return Processed(images, texts)


class Plot:
    """Cells of two axes, each on a copy of the processing object: they share one table of infotext keys."""

    def title(self) -> str:
        return "X/Y/Z plot"

    def run(self, p: Processing) -> Processed:
        axes = {axis.label: axis for axis in p.host.plot.axis_options}
        cells = []
        for y in p.y[1]:
            for x in p.x[1]:
                cell = copy.copy(p)
                axes[p.x[0]].apply(cell, x, p.x[1])
                axes[p.y[0]].apply(cell, y, p.y[1])
                cells.append(p.host.process_images(cell))
        return Processed([cell.images[0] for cell in cells], [cell.infotexts[0] for cell in cells])


class Prompts:
    """A picture for each prompt, on copies as well."""

    def title(self) -> str:
        return "Prompts from file or textbox"

    def run(self, p: Processing) -> Processed:
        done = []
        for line in p.lines:
            one = copy.copy(p)
            one.prompt = line
            done.append(p.host.process_images(one))
        return Processed([one.images[0] for one in done], [one.infotexts[0] for one in done])


class AnimateDiff(BaseScript):
    """Makes the pictures of a batch the frames of a film."""

    def title(self) -> str:
        return "AnimateDiff"


class ADetailer(BaseScript):
    """Paints over each picture in a pass of its own, with the scripts of the outer pass."""

    def title(self) -> str:
        return "ADetailer"

    def postprocess_image(self, p: Processing, pp: Any, *args: Any) -> None:
        runner = copy.copy(p.scripts)
        runner.alwayson_scripts = [script for script in runner.alwayson_scripts if script is not self]
        keys = dict(p.extra_generation_params)
        inner = Processing(host=p.host, scripts=runner, script_args=p.script_args, extra_generation_params=keys)
        inner.init_images, inner.do_not_save_samples, inner._ad_inner = [pp.image.copy()], True, True
        inner.seed = 1000 + p.seeds[p.batch_index]
        pp.image = p.host.process_images(inner).images[0]


class ExtrasInMainPage(BaseScript):
    """A script of Extras that the user enabled in txt2img and img2img."""

    def __init__(self, script: Any) -> None:
        self.script, self.names = script, list(script.ui())

    def title(self) -> str:
        return self.script.name

    def postprocess_image(self, p: Processing, script_pp: Any, *args: Any) -> None:
        pp = Namespace(image=script_pp.image, info={})
        self.script.process(pp, **dict(zip(self.names, args, strict=True)))
        p.extra_generation_params.update(pp.info)
        script_pp.image = pp.image
