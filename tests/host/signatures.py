"""What Film Look uses of a host: names and parameters, and how they are read from a WebUI's source; that is only parsed.

What stands in `signatures/` was read so. To renew it after a host has changed, with the folders of the WebUIs:

    python -m tests.host.signatures a1111=FOLDER reforge=FOLDER forge=FOLDER
"""

from __future__ import annotations

import ast
import json
import sys
import warnings
from pathlib import Path
from typing import Any

SNAPSHOTS = Path(__file__).with_name("signatures")

CALLED: dict[str, tuple[str, ...]] = {
    "scripts.Script.title": (),
    "scripts.Script.show": ("is_img2img",),
    "scripts.Script.ui": ("is_img2img",),
    "scripts.Script.process": ("p",),
    "scripts.Script.postprocess_image": ("p", "pp"),
    "scripts.Script.postprocess_maskoverlay": ("p", "ppmo"),
    "scripts.Script.postprocess_image_after_composite": ("p", "pp"),
    "scripts.ScriptRunner.run": ("p", "*args"),
    "devices.torch_gc": (),
    "scripts.PostProcessMaskOverlayArgs": ("index", "mask_for_overlay", "overlay_image"),
    "scripts.PostprocessImageArgs": ("image",),
    "scripts_postprocessing.ScriptPostprocessing.ui": (),
    "scripts_postprocessing.ScriptPostprocessing.process_firstpass": ("pp", "**args"),
    "scripts_postprocessing.ScriptPostprocessing.process": ("pp", "**args"),
    "scripts_postprocessing.PostprocessedImage": ("image",),
    "processing.process_images": ("p",),
    "processing.Processed": ("p", "images_list", "seed", "info", "infotexts"),
    "processing.StableDiffusionProcessing.save_samples": (),
    "processing.create_infotext": (
        *("p", "all_prompts", "all_seeds", "all_subseeds"),
        *("use_main_prompt", "index", "all_negative_prompts"),
    ),
    "images.save_image": (
        *("image", "path", "basename", "seed", "prompt", "extension", "info", "short_filename", "no_prompt", "p"),
        *("existing_info", "forced_filename", "suffix"),
    ),
    "images.read": ("fp",),
    "images.image_grid": ("imgs",),
    "options.OptionInfo": ("default", "label", "component", "component_args", "onchange", "restrict_api"),
    "options.OptionInfo.info": ("info",),
    "options.OptionInfo.needs_reload_ui": (),
    "options.OptionHTML": ("text",),
    "options.Options.add_option": ("key", "info"),
    "shared_state.State.nextjob": (),
    "shared_state.State.assign_current_image": ("image",),
    "devices.get_optimal_device": (),
    "sd_models.get_closet_checkpoint_match": ("search_string",),
    "sd_models.CheckpointInfo.calculate_shorthash": (),
    "sd_models.unload_model_weights": (),
    "img2img.process_batch": ("p",),
    "script_callbacks.on_script_unloaded": ("callback",),
    "script_callbacks.on_ui_settings": ("callback",),
    "script_callbacks.on_before_ui": ("callback",),
    "script_callbacks.on_after_component": ("callback",),
    "script_callbacks.on_ui_tabs": ("callback",),
    "script_callbacks.on_app_started": ("callback",),
    "api/api.Api.init_script_args": ("request",),
    "shared_state.State.begin": ("job",),
    "shared_state.State.end": (),
    "shared_state.State.interrupt": (),
    "script_callbacks.on_before_image_saved": ("callback",),
    "script_callbacks.on_image_grid": ("callback",),
    "script_callbacks.ImageSaveParams": ("image", "p", "filename", "pnginfo"),
    "script_callbacks.ImageGridLoopParams": ("imgs", "cols", "rows"),
    "infotext_utils.ParamBinding": ("paste_button", "tabname", "source_image_component", "source_text_component"),
    "infotext_utils.register_paste_params_button": ("binding",),
    "infotext_utils.add_paste_fields": ("tabname", "init_img", "fields"),
    "ui_components.InputAccordion": ("value", "**kwargs"),
    "ui_components.ToolButton": ("**kwargs",),
    "ui_components.ResizeHandleRow": ("**kwargs",),
    "ui_toprow.Toprow": ("is_img2img", "is_compact", "id_part"),
    "ui_toprow.Toprow.create_inline_toprow_image": (),
    "ui_common.plaintext_to_html": ("text",),
    "call_queue.wrap_gradio_gpu_call": ("func", "extra_outputs"),
    "util.open_folder": ("path",),
}
"""Functions, methods and classes, with the parameters that are given or looked at."""

HELD: dict[str, tuple[str, ...]] = {
    "scripts": ("AlwaysVisible", "scripts_data"),
    "scripts.Script": ("args_from", "args_to", "infotext_fields", "paste_field_names"),
    "scripts.ScriptRunner": ("alwayson_scripts", "selectable_scripts"),
    "scripts_postprocessing.ScriptPostprocessing": ("name", "order"),
    "scripts_postprocessing.PostprocessedImage": ("image", "info", "shared"),
    "processing.StableDiffusionProcessing": (
        *("batch_size", "n_iter", "iteration", "outpath_samples", "do_not_save_samples", "extra_generation_params"),
        *("scripts", "script_args", "prompts", "negative_prompts", "seeds", "subseeds", "all_seeds"),
    ),
    "processing.StableDiffusionProcessingTxt2Img": ("firstpass_image",),
    "processing.StableDiffusionProcessingImg2Img": ("init_images", "image_mask", "mask_for_overlay"),
    "processing.Processed": ("images", "infotexts", "info", "width", "height"),
    "options.Options": ("data", "restricted_opts"),
    "options.OptionInfo": ("default", "section"),
    "shared": ("opts", "state", "hide_dirs", "cmd_opts", "OptionHTML", "latent_upscale_modes", "sd_upscalers"),
    "shared_state.State": (
        *("interrupted", "stopping_generation", "skipped", "job_count", "textinfo", "sampling_step", "sampling_steps"),
    ),
    "ui_toprow.Toprow": ("submit",),
    "paths": ("models_path",),
    "sd_models": ("checkpoints_list", "model_data"),
    "sd_models.CheckpointInfo": ("filename", "name", "title", "sha256", "shorthash", "metadata"),
    "sd_hijack": ("model_hijack",),
    "call_queue": ("queue_lock",),
}
"""What modules and objects hold."""

SAID: dict[str, tuple[str, ...]] = {
    "processing": ("p.batch_index = i", "-before-highres-fix", "-mask"),
    "shared_options": (
        "samples_format",
        "outdir_samples",
        "outdir_extras_samples",
        "overlay_inpaint",
        "hidden_tabs",
        "use_original_name_batch",
    ),
    "cmd_args": ("--hide-ui-dir-config", "--api-auth", "--nowebui", "--cors-allow-origins", "--cors-allow-origins-regex"),
    "ui_common": ("_gallery", "_send_to_extras"),
    "ui": (
        *("pnginfo_image", "pnginfo_generation_info", "txt2img_width", "txt2img_height", "_cfg_scale", "txt2img_hr"),
        *("txt2img_hr_upscaler", "txt2img_hires_steps", "txt2img_denoising_strength", "txt2img_hr_scale"),
    ),
    "ui_toprow": ('f"{self.id_part}_prompt"', 'f"{self.id_part}_neg_prompt"'),
    "processing_scripts/sampler": ("_sampling", "_scheduler", "_steps"),
    "ui_settings": ("change_checkpoint",),
    "infotext_utils": ('f"{tab}_tab"', "name in paste_field_names"),
    "txt2img": ("p.firstpass_image",),
}
"""Names of settings, elements and files, as the source spells them."""

TITLES = {
    "sd_upscale.py": "SD upscale",
    "outpainting_mk_2.py": "Outpainting mk2",
    "poor_mans_outpainting.py": "Poor man's outpainting",
    "loopback.py": "Loopback",
}
"""The titles that scripts are known by, by file."""

ORDER = ("process", "init", "sample", "postprocess_image", "postprocess_maskoverlay", "postprocess_image_after_composite")
"""The hooks of a pass, in the order that the fake host tells; then a picture is saved, and the grid is made."""

AXIS = ("label", "type", "apply", "choices", "format_value")
"""What an axis of the plot is made with."""


class Checkout:
    """A WebUI's source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def text(self, module: str) -> str:
        return (self.folder / "modules" / f"{module}.py").read_text(encoding="utf-8")

    def tree(self, module: str) -> ast.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hosts' sources have invalid escapes
            return ast.parse(self.text(module))

    def find(self, path: str) -> ast.AST:
        """What a dotted name stands for; methods are also looked for in the bases of their class.

        Raises:
            LookupError: it is not there.
        """
        module, *names = path.split(".")
        node: ast.AST = self.tree(module)
        for name in names:
            found = [n for body in self.bodies(module, node) for n in body if getattr(n, "name", None) == name]
            if not found:
                raise LookupError(f"{path}: there is no {name}")
            node = found[0]
        return node

    def bodies(self, module: str, node: ast.AST) -> list[list[ast.stmt]]:
        """The body of a module or class, then those of a class's bases in the same module."""
        bases = [base.id for base in getattr(node, "bases", ()) if isinstance(base, ast.Name)]
        classes = {n.name: n for n in self.tree(module).body if isinstance(n, ast.ClassDef)}
        inherited = [body for base in bases if base in classes for body in self.bodies(module, classes[base])]
        return [node.body, *inherited]  # type: ignore[attr-defined]

    def parameters(self, path: str) -> set[str]:
        """The parameters of a function, or of a class's constructor."""
        node, module = self.find(path), path.partition(".")[0]
        if isinstance(node, ast.FunctionDef):
            return _parameters(node)
        bodies = [statement for body in self.bodies(module, node) for statement in body]
        inits = [n for n in bodies if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        if inits:
            return _parameters(inits[0])
        fields = {n.target.id for n in bodies if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
        return fields or {"*args", "**kwargs"}  # a class of gradio's

    def holds(self, path: str) -> set[str]:
        """The names that a module or class assigns, imports or defines; of a class also what its objects are given."""
        node, module = self.find(path), path.partition(".")[0]
        return {name for body in self.bodies(module, node) for statement in body for name in _names(statement)}

    def order(self) -> list[str]:
        """The calls of `ORDER` in a pass, then "save" and "grid", as they first come."""
        process = self.find("processing.process_images_inner")
        calls = [n for n in ast.walk(process) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
        lines: dict[str, int] = {}
        for call in calls:
            name = call.func.attr  # type: ignore[attr-defined]
            if name == "save_image":
                name = "beside" if any(keyword.arg == "suffix" for keyword in call.keywords) else "save"
            name = "grid" if name == "image_grid" else name
            lines[name] = min(call.lineno, lines.get(name, call.lineno))
        return sorted((name for name in lines if name in (*ORDER, "save", "grid")), key=lambda name: lines[name])

    def axis(self) -> set[str]:
        """The parameters of the plot's axes, and `axis_options` where its script has that list."""
        tree = ast.parse((self.folder / "scripts" / "xyz_grid.py").read_text(encoding="utf-8"))
        made = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "AxisOption")
        init = next(n for n in made.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
        stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        return _parameters(init) | (stored & {"axis_options"})

    def titles(self) -> list[str]:
        """The files of `TITLES` whose script has the title."""
        texts = {file: self.folder / "scripts" / file for file in TITLES}
        return [f for f, path in texts.items() if f'return "{TITLES[f]}"' in path.read_text(encoding="utf-8")]


def _names(statement: ast.stmt) -> set[str]:
    parts = list(ast.walk(statement))
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        stored = [part for part in parts if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)]
        return {statement.name, *(part.attr for part in stored if getattr(part.value, "id", "") == "self")}
    names = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    return names | {(part.asname or part.name).rpartition(".")[2] for part in parts if isinstance(part, ast.alias)}


def _parameters(function: ast.FunctionDef) -> set[str]:
    args = function.args
    names = {arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)}
    names |= {f"*{args.vararg.arg}"} if args.vararg else set()
    return names | ({f"**{args.kwarg.arg}"} if args.kwarg else set())


def _found(read: Any, path: str) -> list[str]:
    try:
        return sorted(read(path))
    except (LookupError, FileNotFoundError):
        return []


def taken(folder: Path) -> dict[str, Any]:
    """The snapshot of a WebUI."""
    host = Checkout(folder)
    return {
        "called": {path: _found(host.parameters, path) for path in CALLED if _is_there(host, path)},
        "held": {path: [name for name in names if name in _found(host.holds, path)] for path, names in HELD.items()},
        "said": {module: [name for name in names if name in host.text(module)] for module, names in SAID.items()},
        "order": host.order(),
        "axis": sorted(host.axis()),
        "titles": host.titles(),
    }


def _is_there(host: Checkout, path: str) -> bool:
    try:
        host.find(path)
    except (LookupError, FileNotFoundError):
        return False
    return True


def name_of(folder: Path) -> str:
    """Which of the hosts a checkout is: its folders tell."""
    if (folder / "ldm_patched").is_dir():
        return "reforge"
    return "forge" if (folder / "backend").is_dir() else "a1111"


def main() -> None:
    for argument in sys.argv[1:]:
        name, _, folder = argument.partition("=")
        text = json.dumps(taken(Path(folder)), indent=1)
        (SNAPSHOTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
