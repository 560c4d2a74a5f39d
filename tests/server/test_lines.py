"""The lines that a console keeps of a room: in the order in which they came, words apart from comings and goings."""

from __future__ import annotations

from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from server.lines import LINES, LINES_CHARS, ROOMS, Lines
from server.views import ChatView

Kind = Literal["message", "joined", "left", "muted"]


def line(number: int, kind: Kind = "message", text: str = "x") -> ChatView:
    return ChatView(kind=kind, at=number, session="s", user="u", name="Ann", text=text, key=str(number))


@given(st.lists(st.sampled_from(["message", "joined", "left", "muted"]), max_size=60))
def test_lines_are_in_the_order_in_which_they_came(kinds: list[Kind]) -> None:
    lines = Lines()
    for number, kind in enumerate(kinds):
        lines.add(line(number, kind), ["lobby"])
    assert [each.at for each in lines.of("lobby")] == list(range(len(kinds)))


def test_many_who_come_and_go_push_out_nothing_that_was_said() -> None:
    lines = Lines()
    lines.add(line(0), ["lobby"])
    for number in range(1, 2 * LINES):
        lines.add(line(number, "joined"), ["lobby"])
    kept = [each.at for each in lines.of("lobby")]
    assert kept == [0, *range(LINES, 2 * LINES)]


def test_what_was_said_is_bounded_in_lines_and_characters() -> None:
    lines = Lines()
    for number in range(LINES + 5):
        lines.add(line(number), ["lobby"])
    assert [each.at for each in lines.of("lobby")] == list(range(5, LINES + 5))
    for number in range(20):
        lines.add(line(number, text="y" * (LINES_CHARS // 4)), ["lobby"])
    assert sum(len(each.text) for each in lines.of("lobby")) <= LINES_CHARS


def test_the_rooms_that_were_quiet_longest_are_forgotten() -> None:
    lines = Lines()
    for number in range(ROOMS + 1):
        lines.add(line(number), [f"room {number}"])
    assert lines.of("room 0") == []
    assert lines.of(f"room {ROOMS}") != []
