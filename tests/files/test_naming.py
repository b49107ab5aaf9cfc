"""Names of files by a pattern: filled in, such as every system takes, and no two alike."""

from __future__ import annotations

import re

import pytest

from filmlook.errors import FilmLookError
from filmlook.files.naming import LONGEST, apart, folder_of, named

FACTS = {"stock": "kodak_gold_200", "look": "Gold: a/b"}


def test_places_are_filled_in() -> None:
    assert named("{name}-{stock}", ["holiday.png", "deep/sea.tar.jpg"], FACTS) == [
        "holiday-kodak_gold_200",
        "sea.tar-kodak_gold_200",
    ]
    assert named("{number} {look}", ["a.png"] * 10, FACTS)[::9] == ["01 Gold_ a_b", "10 Gold_ a_b"]


def test_what_comes_out_is_a_name_everywhere() -> None:
    assert named("{name}", ["con.png", "...png", 'a<b>"c.png', ". .png", "x" * 400 + ".png"], FACTS) == [
        "_con", "_", "a_b__c", "_", "x" * LONGEST,
    ]  # fmt: skip


def test_what_comes_out_is_short_enough_for_a_file_whatever_its_letters() -> None:
    """File systems count bytes: 80 letters of Japanese are 240."""
    for letter, letters in (("写", 66), ("é", 100), ("🎞", 50), ("a", 200)):
        assert named("{name}-{stock}", [letter * 240 + ".png"], FACTS) == [letter * letters]
    assert named("{name}", ["x" + "写" * 80 + ".png"], FACTS) == ["x" + "写" * 66]


@pytest.mark.parametrize(
    "pattern", ["", "  ", "a/{name}", "..\\{name}", "{name", "{}", "{0}", "{name.x}", "{name!r}", "a\n", "x" * 201, "{other}"]
)
def test_other_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(FilmLookError, match=re.escape("{name}, {number}, {stock}, {look}")):
        named(pattern, ["a.png"], FACTS)


def test_no_two_are_alike() -> None:
    assert apart(["a.png", "A.png", "a.png", "a-2.png", "b"]) == ["a.png", "A-2.png", "a-3.png", "a-2-2.png", "b"]


def test_folders_are_kept_and_none_leads_out() -> None:
    told = ["a.png", "sea/b.png", "sea/../../a.png", "/etc/a.png", "c:\\deep\\a.png", "//host/share/a.png", "..\\..\\a.png"]
    assert [folder_of(name) for name in told] == ["", "sea", "sea", "etc", "c_/deep", "host/share", ""]
