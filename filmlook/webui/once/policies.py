"""Once only: what each use of the host's pipeline does to its pictures, unless the user decides otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

LOOK, GRAIN, NOTHING = "look", "grain", "nothing"

WORDS = {LOOK: "The whole look", GRAIN: "Its grain only", NOTHING: "Nothing"}
"""What a pass may do, with what people read."""


@dataclass(frozen=True)
class Pass:
    """One kind of pass: its key, what people read, and what it does unless told otherwise."""

    key: str
    label: str
    default: str


PASSES = (
    Pass("txt2img", "txt2img, with hires fix and refiner", LOOK),
    Pass("upscale", "The gallery's upscale button, on a developed picture", GRAIN),
    Pass("img2img", "img2img from an undeveloped picture", LOOK),
    Pass("img2img_developed", "img2img from a developed picture", GRAIN),
    Pass("inpaint", "Inpaint on an undeveloped picture", LOOK),
    Pass("inpaint_developed", "Inpaint on a developed picture (grain goes inside the mask)", GRAIN),
    Pass("assembled", "SD upscale and outpainting of an undeveloped picture", LOOK),
    Pass("assembled_developed", "SD upscale and outpainting of a developed picture", GRAIN),
    Pass("film", "Frames of AnimateDiff and mov2mov", LOOK),
    Pass("inner", "ADetailer's inner pass", NOTHING),
)

INPUTS = {"automatic": "Automatic", "undeveloped": "Undeveloped", "developed": "Developed"}
"""What the user takes the input for, with what people read."""

ASSEMBLING = ("SD upscale", "Ultimate SD upscale", "Outpainting mk2", "Poor man's outpainting")
"""Scripts that put a picture together from the results of several passes."""

FEEDING_BACK = ("Loopback",)
"""Scripts whose results are the next pass's input."""


def pass_of(p: Any, *, developed: bool, assembles: bool, film: bool) -> str:
    """The key of the pass that a processing object makes of an input that is developed or not."""
    if getattr(p, "_ad_inner", False):
        return "inner"
    if assembles:
        return "assembled_developed" if developed else "assembled"
    if film:
        return "film"
    if getattr(p, "init_images", None):
        name = "img2img" if getattr(p, "image_mask", None) is None else "inpaint"
        return f"{name}_developed" if developed else name
    return "upscale" if developed else "txt2img"


def input_of(p: Any, index: int) -> Any:
    """The picture that a pass's picture number `index` is made from; None where it is made from noise."""
    sources = getattr(p, "init_images", None)
    return sources[index % len(sources)] if sources else getattr(p, "firstpass_image", None)


def is_animatediff(p: Any) -> bool:
    """Whether AnimateDiff makes frames of this processing object's batch."""
    for script in getattr(getattr(p, "scripts", None), "alwayson_scripts", None) or ():
        if str(script.title()) == "AnimateDiff":
            first = p.script_args[script.args_from] if script.args_from < len(p.script_args) else None
            return bool(first.get("enable") if isinstance(first, dict) else getattr(first, "enable", False))
    return False


def is_mov2mov(p: Any, options: dict[str, Any]) -> bool:
    """Whether mov2mov runs this processing object, once for every frame: it alone writes into its folder."""
    folder = options.get("mov2mov_output_dir", os.path.join("outputs", "mov2mov-videos"))
    return bool(folder) and getattr(p, "outpath_samples", None) == folder
