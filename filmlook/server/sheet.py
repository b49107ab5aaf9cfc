"""Contact sheets: one picture with every stock, look or paper, or with the steps of one setting or of two."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filmlook.engine.proof import GivenDepth
from filmlook.engine.threads import side_by_side, thread_count
from filmlook.errors import FilmLookError, LookError
from filmlook.look import SETTINGS, Look, Setting
from filmlook.presets import list_presets
from filmlook.prints import OWN, checked_print, print_labels
from filmlook.server import proofs, request_body, requests
from filmlook.server.orders import SheetRequest
from filmlook.server.picture_cache import KeptPicture
from filmlook.stock import load_stock, stock_labels

MOST = 100  # frames
_QUALITY = 85
_BY_KEY = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Frame:
    """One frame: what stands below it, its look, and of a ladder the values it stands for."""

    label: str
    look: Look
    values: dict[str, float | str]


def frames_of(asked: SheetRequest) -> list[Frame]:
    """The frames of a sheet.

    Raises:
        LookError, StockFileError: a setting that has no steps, or a stock that is damaged.
    """
    look = asked.look
    if asked.of == "stocks":
        found = [Frame(label, on_stock(look, name), {"stock": name}) for name, label in stock_labels().items()]
    elif asked.of == "looks":
        found = [Frame(preset.label, preset.look, {"look": preset.name}) for preset in list_presets()]
    elif asked.of == "papers":
        labels = print_labels(load_stock(look.stock, allow_path=False))
        found = [Frame(label, dataclasses.replace(look, print=name), {"print": name}) for name, label in labels.items()]
    else:
        found = list(_ladder(asked))
    return found[:MOST]


def on_stock(look: Look, name: str) -> Look:
    """The look with another film, on the same print where that film allows it."""
    try:
        choice = checked_print(load_stock(name, allow_path=False), look.print)
    except FilmLookError:
        choice = OWN
    return dataclasses.replace(look, stock=name, print=choice)


def _ladder(asked: SheetRequest) -> Iterator[Frame]:
    """The steps of one setting; of two in rows, the second along them."""
    settings = [_setting(key) for key in (asked.setting, asked.second) if key]
    if not settings or len(settings) != len({setting.key for setting in settings}):
        raise LookError("a ladder needs a setting, and another one beside it where there are two")
    if (asked.of == "settings") != (len(settings) == 2):
        raise LookError("of: setting takes one setting, settings takes two: setting and second")
    rows = asked.values or _steps(settings[0], asked.steps)
    for value in rows:
        for second in _steps(settings[1], asked.steps) if len(settings) == 2 else [None]:
            values: dict[str, Any] = dict(zip((s.key for s in settings), (value, second), strict=False))
            told = " · ".join(f"{_BY_KEY[key].label} {_shown(part)}" for key, part in values.items())
            yield Frame(told, dataclasses.replace(asked.look, **values), values)


def _setting(key: str) -> Setting:
    setting = _BY_KEY.get(key)
    if setting is None or not (setting.is_number or setting.choices):
        steps = ", ".join(s.key for s in SETTINGS if s.is_number or s.choices)
        raise LookError(f"setting is {request_body.shown(key)}; allowed: {steps}")
    return setting


def _steps(setting: Setting, count: int) -> list[float | str]:
    """Every choice; or numbers from the least to the most that may be set, each on a step of the control."""
    if setting.choices:
        return list(setting.choices)
    step = setting.step
    values = (setting.low + np.linspace(0, 1, count) * (setting.high - setting.low)).tolist()
    return [round(setting.low + round((value - setting.low) / step) * step, 6) for value in values]


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def sheet(
    kept: KeptPicture, asked: SheetRequest, depth: GivenDepth | None, device: torch.device, is_over: Callable[[], bool]
) -> Iterator[dict[str, Any]]:
    """The frames in their order, as they are finished, blurred by `depth` or by what is found; one that fails says why.

    Raises:
        As `frames_of`; Stopped: it is over.
    """
    frames = frames_of(asked)

    def made(number: int) -> dict[str, Any]:
        frame = frames[number]
        told: dict[str, Any] = {"index": number, "count": len(frames), "label": frame.label, "values": frame.values}
        told["look"] = dataclasses.asdict(frame.look)
        try:
            how: dict[str, Any] = {"seed": kept.seed, "long_side": asked.long_side, "depth": depth}
            film, _ = proofs.developed(kept, frame.look, device, is_over, **how)
            told["image"] = request_body.base64_of(proofs.encoded(film.pixels, "JPEG", _QUALITY))
        except FilmLookError as error:
            told["error"] = requests.told(error)
        return told

    if device.type == "cpu":  # a frame is a block or two: one thread each
        return side_by_side(made, range(len(frames)), thread_count())
    return map(made, range(len(frames)))
