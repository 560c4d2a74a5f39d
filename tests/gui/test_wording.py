"""Values as people read them."""

from __future__ import annotations

import pytest

from gui import wording


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann", "Ann"),
        ("  Ann \n Lee ", "Ann Lee"),
        ("小林", "小林"),
        ("ad\u200bmin", "ad[200B]min"),
        ("\u202eneb", "[202E]neb"),
        ("a\x07b", "a[07]b"),
        ("a\u00a0\u3164", "a [3164]"),
        ("", "?"),
        ("<b>x</b>", "<b>x</b>"),
    ],
)
def test_a_name_shows_what_cannot_be_seen(text: str, shown: str) -> None:
    assert wording.name(text) == shown


def test_a_paragraph_keeps_its_lines_and_shows_what_turns_text_around() -> None:
    assert wording.paragraph("one\n\ttwo \u202ethree") == "one\n\ttwo [202E]three"


def test_a_name_within_a_sentence_cannot_turn_it_around() -> None:
    assert wording.within("Ann") == "\u2068Ann\u2069"


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(-5, "0:00:00"), (59_999, "0:00:59"), (8_048_000, "2:14:08"), (86_400_000, "1 d 0 h"), (792_000_000, "9 d 4 h")],
)
def test_an_age(milliseconds: int, shown: str) -> None:
    assert wording.age(milliseconds) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"), [(0, "0 s"), (61_000, "1 min"), (8_048_000, "2 h 14 min"), (792_000_000, "9 d 4 h")]
)
def test_a_span(milliseconds: int, shown: str) -> None:
    assert wording.span(milliseconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (3.42, "3.4"), (9.96, "10"), (217, "217"), (999.6, "1.0k"), (4210, "4.2k"), (80_500, "80.5k"),
     (217_000, "217k"), (1_050_000, "1.05M"), (12_300_000, "12.3M")],
)  # fmt: skip
def test_a_rate_has_three_figures_at_most(number: float, shown: str) -> None:
    assert wording.short(number) == shown


def test_a_round_trip_that_is_not_known_is_a_dash() -> None:
    assert wording.milliseconds(None) == "–"
    assert wording.milliseconds(0.42) == "0.4\u00a0ms"
    assert wording.milliseconds(163.6) == "164\u00a0ms"


def test_names_beside_each_other_are_counted_from_the_fourth_on() -> None:
    assert wording.listed(("Ann", "Bob")) == "\u2068Ann\u2069, \u2068Bob\u2069"
    assert wording.listed(("A", "B", "C", "D", "E")).endswith("\u2068C\u2069 +2")


def test_a_time_beyond_every_calendar_is_shown_as_some_time() -> None:
    for at in (-(2**63), -1, 2**53, 2**64):
        assert len(wording.clock(at, seconds=True)) == len("12:34:56")
