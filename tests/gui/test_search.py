"""Names found by a few letters."""

from __future__ import annotations

import pytest

from gui.search import Index, match, words_of

NAMES = [
    "Mira Kestrel",
    "kestutis_v",
    "kestrel",
    "Tobias Krenn",
    "basket",
    "Ana Lucía",
    "小林",
    "STRAßE",
    "kraken st",
]


def found(typed: str) -> list[str]:
    """The names for what was typed, the best first."""
    return [name for name, _ in Index(NAMES, str).find(words_of(typed), 9)]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("kes", ["kestrel", "kestutis_v", "Mira Kestrel"]),
        ("KES", ["kestrel", "kestutis_v", "Mira Kestrel"]),
        ("mira k", ["Mira Kestrel"]),
        ("k mira", ["Mira Kestrel"]),
        ("krenn", ["Tobias Krenn"]),
        ("sket", ["basket"]),
        ("kstrl", ["kestrel", "Mira Kestrel"]),
        ("小", ["小林"]),
        ("strasse", ["STRAßE"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_names_are_found_by_beginnings_then_insides_then_letters_in_order(typed: str, names: list[str]) -> None:
    assert found(typed) == names


def test_what_was_typed_is_marked() -> None:
    fit = match(words_of("mute kes"), "Mute kestrel for 10 min")
    assert fit is not None
    assert fit.marks == ((0, 4), (5, 3))
    assert match(words_of("kick kes"), "Mute kestrel") is None


def test_letters_whose_number_changes_by_folding_are_not_marked_wrongly() -> None:
    fit = match(words_of("strasse"), "STRAßE")
    assert fit is not None
    assert fit.marks == ()


def test_marks_do_not_overlap() -> None:
    fit = match(words_of("an ana"), "Ana")
    assert fit is not None
    assert fit.marks == ((0, 3),)


def test_letters_that_repeat_are_not_looked_for_in_every_way() -> None:
    """Twenty of 32 letters can be taken in more ways than can be tried."""
    assert match(words_of("a" * 20 + "b"), "a" * 32) is None
    assert match(words_of("aab"), "a-a-b") is not None
