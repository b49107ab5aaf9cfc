"""What a door's controls, or a program's arguments, say: a look, and the seed of its grain."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from filmlook.errors import LookError, StockFileError
from filmlook.lenses import load_lens
from filmlook.look import SETTINGS, Look
from filmlook.moving_look import MovingLook
from filmlook.presets import load_moving_look
from filmlook.prints import OWN, checked_print
from filmlook.stock import Stock, installed_name, is_installed, list_stocks, load_stock, stock_labels

SEED_MODES = {"picture": "As the picture's", "fixed": "Fixed", "random": "Random"}
"""How grain is seeded, with what people read."""

_FIRST = (
    *("stock", "frame", "strength", "exposure", "lab", "push", "effect_size", "context", "diffusion", "diffusion_grade"),
    *("vignette", "highlights", "halation", "halation_size", "sharpness", "grain", "grain_size", "grain_colour"),
    *("grain_shadows", "grain_mids", "grain_highlights", "light_red", "light_green", "light_blue", "contrast", "saturation"),
    *("black", "white", "toning"),
)  # the settings of version 0.1: programs send lists in this order, so what is new follows after all of them
VALUES = (*_FIRST, "seed_mode", "seed", *(s.key for s in SETTINGS if s.key not in _FIRST))
"""The order of a list of values: settings, mode and number of the grain's seed, then the settings that came later."""

_FRAME = next(setting for setting in SETTINGS if setting.key == "frame")


@dataclass(frozen=True)
class LookChoice:
    """A look, and how its grain is seeded: "picture" follows the picture's own seed, "fixed" is `seed`.

    Its stock and its print may be told by their labels; `look` then has their names. The print is one that the stock allows.
    Where it moves, `look` is that of frame 0, and `schedules` are key and text of what does.
    """

    look: Look
    seed_mode: str = "picture"
    seed: int = 0
    schedules: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        name = installed_name(self.look.stock)
        if not is_installed(name):  # a name or label, never a path: looks come from infotexts and from the network
            raise LookError(f"stock is {self.look.stock!r}; installed stocks are: {', '.join(list_stocks())}")
        look = replace(self.look, stock=name, print=_print_of(name, self.look.print))
        if look != self.look:
            object.__setattr__(self, "look", look)
        if not isinstance(self.seed_mode, str) or self.seed_mode not in SEED_MODES:
            raise LookError(f"grain_seed is {self.seed_mode!r}; allowed: {', '.join(SEED_MODES)}, or a whole number")

    @property
    def moving(self) -> MovingLook:
        return MovingLook(self.look, self.schedules)

    def look_at(self, frame: int | None, seed: int) -> Look:
        """The look of a film's frame; of a picture that is none (None), that of frame 0. Raises LookError."""
        return self.moving.at(frame or 0, seed=seed)

    def grain_seed(self, picture_seed: int) -> int:
        """The effective seed for a picture made with `picture_seed`."""
        if self.seed_mode == "random":
            return random.randrange(2**32)
        return picture_seed if self.seed_mode == "picture" else self.seed

    @classmethod
    def from_values(cls, values: Sequence[Any]) -> LookChoice:
        """From values in the order of `VALUES`; those that are missing are the default.

        Raises:
            LookError: a value of the wrong type or out of range; the message names it.
        """
        return cls.from_controls(dict(zip(VALUES, values, strict=False)))

    @classmethod
    def from_controls(cls, values: Mapping[str, Any]) -> LookChoice:
        """From the controls' values by key: the settings, `seed_mode` and `seed`. What is chosen may be told by its label.

        Raises:
            LookError: a value of the wrong type or out of range; the message names it.
        """
        settings = dict(values)
        mode, seed = key_of_label(settings.pop("seed_mode", "picture"), SEED_MODES), settings.pop("seed", 0)
        if "stock" in settings:
            settings["stock"] = key_of_label(settings["stock"], stock_labels())
        for setting in SETTINGS:
            if setting.labels and setting.key in settings:
                settings[setting.key] = setting.choice_of(settings[setting.key])
        if is_own_frame(settings.get("frame")):
            settings["frame"] = OWN
        if seed is None and mode != "fixed":  # the page's field, emptied
            seed = 0
        look = MovingLook.from_dict(settings)
        return cls(look.at(), mode, _whole(seed), look.schedules)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> LookChoice:
        """From settings by key, numbers or schedules; `look` may name a preset that they change, `lens` what is put on it
        before, and `grain_seed` is a mode or a number.

        Raises:
            LookError: an unknown key, or a value that is not allowed; the message names it.
        """
        settings = dict(values)
        start = load_moving_look(settings.pop("look", {})).to_dict()
        lens = load_lens(_lens_name(settings.pop("lens"))).settings if "lens" in settings else {}
        seed = settings.pop("grain_seed", "picture")
        look = MovingLook.from_dict({**start, **lens, **settings})
        mode, number = (seed, 0) if isinstance(seed, str) else ("fixed", _whole(seed))
        return cls(look.at(), mode, number, look.schedules)


def _lens_name(value: Any) -> str:
    if not isinstance(value, str):
        raise LookError(f"lens is {value!r}; allowed: the name of a lens")
    return value


def _print_of(stock: str, given: str) -> str:
    """The name of the print that an installed stock allows. Raises LookError for another."""
    if given == OWN:  # which all allow: no file is read for it
        return given
    try:
        return checked_print(load_stock(stock, allow_path=False), given)
    except StockFileError as error:
        if isinstance(error, LookError):  # deleted meanwhile
            raise
        return given  # a damaged file is told of where its film is used


def own_frame(stock: Stock | None) -> str:
    """What people read for the stock's own film format: "The stock's own (35 mm)"; the format only where there is a stock."""
    own: str = _FRAME.label_of(OWN)
    return f"{own} ({_FRAME.label_of(stock.frame)})" if stock else own


def is_own_frame(label: Any) -> bool:
    """Whether a label stands for the own film format of whatever stock."""
    return isinstance(label, str) and label.startswith(f"{_FRAME.label_of(OWN)} (")


def key_of_label(value: Any, labels: Mapping[str, str]) -> Any:
    """The key of a label; anything else as it is."""
    return next((key for key, label in labels.items() if label == value), value)


def _whole(seed: Any) -> int:
    number = isinstance(seed, (int, float)) and not isinstance(seed, bool)
    if not number or not abs(seed) < 2**63 or seed != int(seed):
        raise LookError(f"grain seed is {seed!r}; allowed: a whole number of up to 63 bits")
    return int(seed)
