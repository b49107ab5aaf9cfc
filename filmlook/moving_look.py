"""A look of which numbers may change from frame to frame: a `Look` and the schedules of those that do.

In JSON a schedule stands in the place of the number:

    {"version": 2, "stock": "kodak_gold_200", "exposure": "0: (0), 30: (1)"}
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from filmlook.errors import LookError
from filmlook.look import SETTINGS, Look, Setting
from filmlook.schedule import Schedule

_NUMBERS = {setting.key: setting for setting in SETTINGS if setting.is_number}


@dataclass(frozen=True)
class MovingLook:
    """Frozen, comparable, and checked on creation: a wrong schedule, or a key out of a setting's range, raises `LookError`.

    Attributes:
        look: the settings that do not move; the others' values in it count for nothing.
        schedules: key and text of each setting that moves, in the order of the settings.
        last: `max_f`, the number of the film's last frame; None: not known, and the frame asked for counts as it.
    """

    look: Look
    schedules: tuple[tuple[str, str], ...] = ()
    last: int | None = None

    def __post_init__(self) -> None:
        for key, text in self.schedules:
            setting = _NUMBERS.get(key)
            if setting is None:
                raise LookError(f"{key!r} cannot move; settings that can are: {', '.join(_NUMBERS)}")
            for frame, value in _points(key, text):
                _checked(setting, value, frame)
        given = dict(self.schedules)
        object.__setattr__(self, "schedules", tuple((key, given[key]) for key in _NUMBERS if key in given))
        still: dict[str, Any] = {key: _NUMBERS[key].default for key in given}
        object.__setattr__(self, "look", dataclasses.replace(self.look, **still))  # so that equal looks compare equal

    @property
    def is_moving(self) -> bool:
        return bool(self.schedules)

    def may_have(self, key: str) -> bool:
        """Whether a setting is other than 0 at any frame, or may be."""
        return key in dict(self.schedules) or bool(getattr(self.look, key))

    def at(self, frame: int = 0, *, seed: int = 0, last: int | None = None) -> Look:
        """The look of a frame.

        Args:
            frame: from 0 on.
            seed: `s` of the schedules.
            last: `max_f`; None: that of the moving look, else the frame, or 1.

        Raises:
            LookError: a schedule has no value there, or one out of the setting's range; the message names both and the frame.
        """
        if not self.schedules:
            return self.look
        end = next((n for n in (last, self.last) if n is not None), max(1, frame))
        values: dict[str, Any] = {}
        for key, text in self.schedules:
            try:
                value = _parsed(key, text).at(frame, seed=seed, last=end)
            except LookError as error:
                raise LookError(
                    f"{key}: {error}" if str(error).startswith("frame") else f"{key}: frame {frame}: {error}"
                ) from None
            values[key] = _checked(_NUMBERS[key], value, frame)
        return dataclasses.replace(self.look, **values)

    def check(self, frames: int, *, seed: int = 0) -> MovingLook:
        """The same for a film of so many frames, whose values are found to be allowed at each of them.

        Raises:
            LookError: as `at`, of the first frame that is wrong.
        """
        film = dataclasses.replace(self, last=max(0, frames - 1))
        for frame in range(frames if self.schedules else 0):
            film.at(frame, seed=seed)
        return film

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MovingLook:
        """From settings by key, as `Look.from_dict`; a number may be the text of a schedule.

        Raises:
            LookError: as `Look.from_dict`, or a schedule that is wrong.
        """
        if not isinstance(values, Mapping):
            raise LookError(f"a look is a table of settings, not {type(values).__name__}")
        moving = {k: v for k, v in values.items() if k in _NUMBERS and isinstance(v, str)}
        for key, text in moving.items():
            if ":" not in text:
                setting = _NUMBERS[key]
                range_ = f"{setting.low:g} to {setting.high:g}"
                raise LookError(
                    f"{key} is {text[:60]!r}; allowed: a number from {range_}, or a schedule such as '0: (0), 30: (1)'"
                )
        return cls(Look.from_dict({k: v for k, v in values.items() if k not in moving}), tuple(moving.items()))

    def to_dict(self) -> dict[str, float | str]:
        """As `Look.to_dict`, schedules among it."""
        return {**self.look.to_dict(), **dict(self.schedules)}

    def changed(self, **values: Any) -> MovingLook:
        """The same with other settings, numbers or schedules. Raises LookError."""
        return dataclasses.replace(MovingLook.from_dict({**self.to_dict(), **values}), last=self.last)


def keyframes(text: str) -> dict[str, str]:
    """Schedules by setting, from lines such as `exposure: 0: (0), 30: (1)`; empty lines and those from # on are passed over.

    Raises:
        LookError: a line is none of that kind, or its setting cannot move; the message tells the line's number.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        key, _, schedule = (part.strip() for part in line.partition("#")[0].partition(":"))
        if not key and not schedule:
            continue
        if key not in _NUMBERS:
            raise LookError(f"line {number}: {key[:60]!r} cannot move; settings that can are: {', '.join(_NUMBERS)}")
        if key in found:
            raise LookError(f"line {number}: {key} stands in a line above already")
        MovingLook(Look(), ((key, schedule),))
        found[key] = schedule
    return found


@lru_cache(maxsize=256)
def _parse(text: str) -> Schedule:
    return Schedule.parse(text)


def _parsed(key: str, text: str) -> Schedule:
    try:
        return _parse(text)
    except LookError as error:
        raise LookError(f"{key}: {error}") from None


def _points(key: str, text: str) -> list[tuple[int, float]]:
    schedule = _parsed(key, text)
    try:
        return schedule.points()
    except LookError as error:
        raise LookError(f"{key}: {error}") from None


def _checked(setting: Setting, value: float, frame: int) -> float | str:
    try:
        return setting.check(value)
    except LookError as error:
        raise LookError(f"frame {frame}: {error}") from None
