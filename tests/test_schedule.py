"""Numbers that change from frame to frame, in Deforum's syntax."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from filmlook.errors import LookError
from filmlook.schedule import MOST_TEXT, Expression, Schedule


def at(text: str, *frames: int, seed: int = 0, last: int = 100) -> list[float]:
    schedule = Schedule.parse(text)
    return [schedule.at(frame, seed=seed, last=last) for frame in frames]


def test_numbers_are_points_of_a_line() -> None:
    assert at("0: (0), 30:(15), 210:(15), 300:(0)", 0, 10, 30, 100, 255, 300, 999) == [0, 5, 15, 15, 7.5, 0, 0]
    assert at("10: (-1.5)", 0, 10, 20) == [-1.5] * 3
    assert at("30: (3), 0: '(0)'", 10) == [1]  # in any order


def test_an_expression_is_worked_out_at_each_frame_until_the_next_key() -> None:
    wave = "0: (-0.06*(cos(3.141*t/15)**100)+0.06)"
    assert at(wave, 0, 4, 15) == pytest.approx([-0.06 * math.cos(3.141 * t / 15) ** 100 + 0.06 for t in (0, 4, 15)])
    assert at("0: (t*2), 10: (5), max_f-50: (where(t >= 50, s, 1))", 9, 10, 30, 70, seed=7) == [18, 5, 6, 7]
    assert at("0: (-3 % 7.5), 1: (max(1, abs(-t), max_f/3))", 0, 2, last=9) == [4.5, 3]


def test_two_hundred_schedules_have_the_values_of_deforums_own_parser() -> None:
    """Random ones, read by the parser of deforum-art/sd-webui-deforum with numexpr: text, seed, last frame, [frame, value]."""
    cases = json.loads(Path(__file__).with_name("deforum_schedules.json").read_text(encoding="utf-8"))
    assert len(cases) == 200
    for text, seed, last, points in cases:
        frames, values = zip(*points, strict=True)
        assert at(text, *frames, seed=seed, last=last) == pytest.approx(values, rel=1e-8, abs=1e-8), text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no key"),
        ("0: ()", "is not allowed"),
        ("0 (1)", "is no key"),
        ("0: (1), 5", "is no key"),
        ("0: (x)", "'x' is not allowed"),
        ("0: (__import__('os').system('true'))", "is not allowed"),
        ("0: (t.real)", "is not allowed"),
        ("0: ((1).__class__)", "is not allowed"),
        ("0: (sin(t, key=1))", "is not allowed"),
        ("0: ([t for t in (1, 2)])", "is not allowed"),
        ("0: (lambda: 1)", "is not allowed"),
        ("0: ('a'*9)", "is not allowed"),
        ("0: (True)", "is not allowed"),
        ("0: (" + "(" * 500 + "1" + ")" * 500 + ")", "is no expression"),
        ("0: (" + "-" * 300 + "1)", "too long"),
        ("0: (1)" + " " * MOST_TEXT, "allowed: 4096"),
        ("0: (" + "9" * 400 + ")", "larger than any number"),
        ("9" * 400 + ": (1)", "larger than any number"),
    ],
)
def test_what_is_no_schedule_is_told_by_its_place(text: str, told: str) -> None:
    with pytest.raises(LookError, match=r"^[^\n]+$") as caught:
        Schedule.parse(text)
    assert told in str(caught.value)


@pytest.mark.parametrize("value", ["1/t", "9**9**9", "sqrt(-1)", "log(0)", "1e308*10", "arcsin(2)", "sin()", "max(1)"])
def test_a_frame_without_a_value_is_told(value: str) -> None:
    with pytest.raises(LookError, match=r"^frame 0: "):
        at(f"0: ({value})", 0)


def test_keys_stand_where_frames_are() -> None:
    with pytest.raises(LookError, match="frame -1"):
        at("0-1: (1)", 0)


def test_a_schedule_of_many_keys_is_quick_at_each_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out = 0
    of = Expression.__call__

    def counted(self: Expression, **names: float) -> float:
        nonlocal worked_out
        worked_out += 1
        return of(self, **names)

    monkeypatch.setattr(Expression, "__call__", counted)
    schedule = Schedule.parse(", ".join(f"{i}: ({i})" for i in range(300)))
    assert [schedule.at(frame, last=1000) for frame in range(300)] == list(range(300))
    assert worked_out < 300 * 10
