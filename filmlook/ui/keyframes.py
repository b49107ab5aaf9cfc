"""Keyframes: what moves over a film, typed as lines or as JSON, and shown as curves."""

from __future__ import annotations

import html
import json

from filmlook.errors import LookError
from filmlook.look import SETTINGS, Look
from filmlook.moving_look import MovingLook, keyframes
from filmlook.schedule import Schedule

_SHORTEST = 48  # frames that are shown at least: two seconds
_BEYOND = 1.1  # what is shown after the last key, so that one sees what stays
_POINTS = 160  # of a curve
_WIDTH, _HEIGHT, _EDGE = 320, 48, 4  # of a plot, in its own units
_MOST_TEXT = 50_000  # characters
_SETTINGS = {setting.key: setting for setting in SETTINGS if setting.is_number}


def schedules_of(text: str) -> dict[str, str]:
    """Schedules by setting, from lines such as `exposure: 0: (0), 30: (1)` or a JSON object of them.

    Raises:
        LookError: what is wrong, and in which line or setting.
    """
    if len(text) > _MOST_TEXT:
        raise LookError(f"keyframes have {len(text)} characters; allowed: {_MOST_TEXT}")
    if not text.lstrip().startswith("{"):
        return keyframes(text)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LookError(f"keyframes are not JSON: {error}") from None
    for key, value in given.items():
        if not isinstance(value, str):
            raise LookError(f"{str(key)[:60]} is {str(value)[:60]!r}; allowed: a schedule such as '0: (0), 30: (1)'")
    return dict(MovingLook(Look(), tuple(given.items())).schedules)


def lines_of(schedules: tuple[tuple[str, str], ...]) -> str:
    """What `schedules_of` reads."""
    return "\n".join(f"{key}: {' '.join(text.split())}" for key, text in schedules)


def curves(schedules: dict[str, str]) -> str:
    """A plot of each setting that moves, as HTML. Raises LookError where one has no value, or none that is allowed."""
    if not schedules:
        return ""
    ends = [frame for text in schedules.values() for frame, _ in Schedule.parse(text).points()]
    last = max(_SHORTEST, int(_BEYOND * max(ends, default=0)))
    moving = MovingLook(Look(), tuple(schedules.items()), last)
    frames = sorted({*(round(i * last / _POINTS) for i in range(_POINTS + 1)), *(frame for frame in ends if frame <= last)})
    looks = [moving.at(frame) for frame in frames]
    plots = [_plot(key, frames, [float(getattr(look, key)) for look in looks]) for key, _ in moving.schedules]
    return f"<div class='film-look-curves'>{''.join(plots)}</div>"


def _plot(key: str, frames: list[int], values: list[float]) -> str:
    """One setting over frames. The least and the largest value stand beside the curve, the last frame below it."""
    low, high = min(values), max(values)
    span = high - low or 1.0

    def place(frame: int, value: float) -> str:
        x = _EDGE + (_WIDTH - 2 * _EDGE) * frame / frames[-1]
        y = _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * ((value - low) / span if high > low else 0.5)
        return f"{x:.1f},{y:.1f}"

    line = " ".join(place(frame, value) for frame, value in zip(frames, values, strict=True))
    caption = html.escape(_SETTINGS[key].caption)
    return (
        f"<figure><figcaption><span>{caption}</span> <small>{round(low, 3):g} … {round(high, 3):g}</small></figcaption>"
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' preserveAspectRatio='none' role='img' aria-label='{caption}'>"
        f"<polyline points='{line}' fill='none' stroke='currentColor' stroke-width='1.5' vector-effect='non-scaling-stroke'/>"
        f"</svg><small class='film-look-frames'><span>0</span><span>{frames[-1]}</span></small></figure>"
    )
