"""What passes through the fake host's pipeline: pictures, processing objects, options, scripts and their runners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
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
        self.data.update(overlay_inpaint=True, save_mask=False, return_grid=False, use_original_name_batch=True)
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

    def begin(self, job: str) -> None:
        self.job = job

    def end(self) -> None:
        self.job = ""

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


def idle_hook(self: Any, p: Any, *args: Any) -> None:
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
            getattr(script, hook, idle_hook.__get__(script))(p, *params, *p.script_args[script.args_from : script.args_to])


@dataclass
class Saved:
    """A picture that was saved: as it was then, its path and its infotexts."""

    image: Image.Image
    path: str
    pnginfo: dict[str, Any]


class Toprow:
    """The row with the buttons that start and stop."""

    def __init__(self, gradio: Any, *, is_img2img: bool, is_compact: bool, id_part: str) -> None:
        self.submit = gradio.Button("Generate", elem_id=f"{id_part}_generate")

    def create_inline_toprow_image(self) -> None:
        pass
