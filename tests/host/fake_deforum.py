"""Deforum as far as it makes a film: the names, the arguments and the order of its run are those of March 2024."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from types import SimpleNamespace as Namespace
from typing import Any

import numpy as np
from PIL import Image

from tests.host.fake_processing import raw_picture

SIZE = (64, 48)
_NAMES = ("override_settings_with_file", "custom_settings_file", "seed", "batch_name")
DEFAULTS: dict[str, Any] = {
    **{"skip_video_creation": False, "fps": 12, "delete_imgs": False, "store_frames_in_ram": False},
    **{"max_frames": 3, "resume": False, "interrupt_at": None, "fail_at": None, "extra_videos": (), "made": 0},
}


class FakeDeforum:
    """The extension, installed into `sys.modules`: `press` runs it as its page does, `call` as its API does."""

    def __init__(self, host: Any, folder: Path, ffmpeg: str = "no-ffmpeg-here") -> None:
        self.host, self.folder, self.ffmpeg = host, folder, ffmpeg
        self.completed: list[str] = []
        self.seen_at_the_end: list[str] = []
        self.settings = dict(DEFAULTS)
        deforum = self

        class JobStatusTracker:
            def complete_job(self, job_id: str) -> None:
                deforum.completed.append(job_id)
                deforum.seen_at_the_end = sorted(str(p.relative_to(deforum.folder)) for p in deforum.folder.rglob("*.*"))

        self.module = module = ModuleType("deforum_helpers.run_deforum")
        vars(module).update(
            run_deforum=self._run,
            process_args=self._process_args,
            handle_imgs_deletion=self._delete,
            get_ffmpeg_params=lambda: [self.ffmpeg, 17, "veryfast"],
            JobStatusTracker=JobStatusTracker,
        )
        self.page = ModuleType("deforum_helpers.ui_right")
        vars(self.page)["run_deforum"] = self._run

    def install(self) -> None:
        sys.modules[self.module.__name__] = self.module
        sys.modules[self.page.__name__] = self.page

    def press(self, **settings: Any) -> Any:
        """Generate, as the page has it at last."""
        return self._start(vars(self.page)["run_deforum"], "task(abc)", [], settings)

    def call(self, *jobs: Any, **settings: Any) -> Any:
        """The API with a table of `deforum_settings` for each job."""
        return self._start(vars(self.module)["run_deforum"], "batch(7)", jobs, settings)

    def _start(self, run: Any, task: str, jobs: Sequence[Any], settings: dict[str, Any]) -> Any:
        self.settings = {**DEFAULTS, **settings}
        files = []
        for number, job in enumerate(jobs):
            path = self.folder.parent / f"settings{number}.json"
            path.write_text(json.dumps(job), encoding="utf-8")
            files.append(Namespace(name=str(path)))
        return run(task, None, bool(files), files or None, self.settings.get("seed", 5), "film")

    def _process_args(self, values: dict[str, Any], run_id: int) -> tuple[Any, ...]:
        root = Namespace(timestring=f"2026112703000{run_id}", job_id="", first_frame=None)
        args = Namespace(outdir=str(self.folder), seed=values["seed"])
        return True, root, args, Namespace(max_frames=self.settings["max_frames"]), Namespace(**self.settings), None, None, None

    def _run(self, *args: Any) -> Any:
        values = {name: args[i + 2] for i, name in enumerate(_NAMES)}
        for i in range(len(values["custom_settings_file"] or [None])):
            loaded, root, settings, anim, video, *_ = vars(self.module)["process_args"](values, i)
            assert loaded
            root.job_id = f"{args[0]}-{i}"
            try:
                self._render(root, settings, anim, video)
            except RuntimeError as error:
                return None, None, None, f"Error: '{error}'"
            if not video.skip_video_creation:
                (self.folder / f"{root.timestring}.mp4").write_bytes(b"video")
            for name in video.extra_videos:
                (self.folder / f"{root.timestring}_{name}.mp4").write_bytes(b"video")
            if video.delete_imgs and not video.skip_video_creation:
                vars(self.module)["handle_imgs_deletion"](imgs_folder_path=settings.outdir, batch_id=root.timestring)
            if not self.host.state.interrupted:
                vars(self.module)["JobStatusTracker"]().complete_job(root.job_id)
        return [root.first_frame], root.timestring, "{}", "The animation is stored"

    def _render(self, root: Any, settings: Any, anim: Any, video: Any) -> None:
        """Frames that are fed back: each is made of the one before as it lies in the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if video.resume:
            root.timestring = video.resume
        for number in range(video.made, anim.max_frames):
            if number == video.interrupt_at:
                self.host.state.interrupted = True
                return
            if number == video.fail_at:
                raise RuntimeError("out of memory")
            image = raw_picture(settings.seed, SIZE)
            if number:
                before = np.asarray(Image.open(self.frame(number - 1, root.timestring)), np.int16)
                image = Image.fromarray(np.clip(before + 3, 0, 255).astype(np.uint8))
            image.save(self.frame(number, root.timestring))
            root.first_frame = root.first_frame or image
            settings.seed += 1

    def frame(self, number: int, name: str = "20261127030000") -> Path:
        return self.folder / f"{name}_{number:09}.png"

    def _delete(self, vid_path: Any = None, imgs_folder_path: Any = None, batch_id: Any = None) -> None:
        for path in Path(imgs_folder_path).glob(f"{batch_id}_*.png"):
            path.unlink()
