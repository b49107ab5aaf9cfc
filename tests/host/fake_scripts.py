"""Scripts of the fake host and of other extensions, as far as they call the pipeline in ways of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace as Namespace
from typing import Any

from PIL import Image

from tests.host.fake_processing import BaseScript, Processed, Processing


@dataclass
class AxisOption:
    """An axis of the plot."""

    label: str
    type: Any
    apply: Callable[[Any, Any, Any], None]
    choices: Any = None
    format_value: Any = lambda p, option, value: f"{option.label}: {value}"


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
        pp = Namespace(image=script_pp.image, info={}, shared=Namespace())
        self.script.process(pp, **dict(zip(self.names, args, strict=True)))
        p.extra_generation_params.update(pp.info)
        script_pp.image = pp.image
