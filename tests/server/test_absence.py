"""When a session without a connection is given up and when it has ended, by the ticks of one node."""

from __future__ import annotations

from server.absence import Absence, Due, Word

NOBODY: list[str] = []


def word(_session: str) -> Word:
    return 0, None


def test_a_session_is_given_up_after_its_grace_and_ends_after_its_time() -> None:
    absence = Absence(lost=30, over=300)
    assert absence.look(["s"], NOBODY, word, age=0.0) == Due([], [])
    assert absence.look(["s"], NOBODY, word, age=29.9) == Due([], [])
    assert absence.look(["s"], NOBODY, word, age=30.0) == Due(["s"], [])
    assert absence.look(NOBODY, ["s"], word, age=31.0) == Due([], [])
    assert absence.look(NOBODY, ["s"], word, age=300.0) == Due([], ["s"])


def test_who_was_back_meanwhile_has_all_his_time_again() -> None:
    absence = Absence(lost=30, over=300)
    absence.look(["s"], NOBODY, word, age=0.0)
    absence.look(NOBODY, NOBODY, word, age=10.0)
    assert len(absence) == 0
    absence.look(["s"], NOBODY, word, age=20.0)
    assert absence.look(["s"], NOBODY, word, age=40.0).lost == []
    assert absence.look(["s"], NOBODY, word, age=50.0).lost == ["s"]


def test_who_resumed_between_two_looks_has_all_his_time_again() -> None:
    absence = Absence(lost=30, over=300)
    absence.look(["s"], NOBODY, lambda _: (0, None), age=0.0)
    absence.look(["s"], NOBODY, lambda _: (1, None), age=20.0)
    assert absence.look(["s"], NOBODY, lambda _: (1, None), age=40.0).lost == []
    assert absence.look(["s"], NOBODY, lambda _: (1, None), age=50.0).lost == ["s"]


def test_a_new_word_of_a_node_out_of_reach_begins_the_time_anew() -> None:
    """The node is taken for dead, and says by way of another that it has the session: it is not given up at once."""
    absence = Absence(lost=30, over=300)
    absence.look(["s"], NOBODY, lambda _: (0, 5), age=0.0)
    assert absence.look(["s"], NOBODY, lambda _: (0, 5), age=30.0).lost == ["s"]
    assert absence.look(["s"], NOBODY, lambda _: (0, 9), age=31.0).lost == []
    assert absence.look(["s"], NOBODY, lambda _: (0, 9), age=61.0).lost == ["s"]


def test_that_another_node_acts_for_a_session_gives_it_no_more_time() -> None:
    absence = Absence(lost=30, over=300)
    absence.look(["s"], NOBODY, lambda _: (0, 5), age=0.0)
    absence.look(["s"], NOBODY, lambda _: (0, None), age=20.0)
    assert absence.look(["s"], NOBODY, lambda _: (0, None), age=30.0).lost == ["s"]


def test_a_session_that_is_found_given_up_has_its_time_from_then_on() -> None:
    absence = Absence(lost=30, over=300)
    assert absence.look(NOBODY, ["s"], word, age=100.0) == Due([], [])
    assert absence.look(NOBODY, ["s"], word, age=399.0) == Due([], [])
    assert absence.look(NOBODY, ["s"], word, age=400.0) == Due([], ["s"])


def test_the_longest_absent_come_first() -> None:
    absence = Absence(lost=30, over=300)
    absence.look(["c"], NOBODY, word, age=0.0)
    absence.look(["a", "c"], NOBODY, word, age=1.0)
    assert absence.look(["a", "b", "c"], NOBODY, word, age=32.0).lost == ["c", "a"]


def test_what_nobody_does_is_overdue() -> None:
    absence = Absence(lost=30, over=300)
    absence.look(["s"], NOBODY, word, age=0.0)
    assert not absence.look(["s"], NOBODY, word, age=59.9).overdue
    assert absence.look(["s"], NOBODY, word, age=60.0).overdue == {"s"}
    assert not absence.look(["s"], NOBODY, word, age=329.9).overdue
    assert absence.look(["s"], NOBODY, word, age=330.0).overdue == {"s"}


def test_without_a_grace_a_session_is_given_up_at_once() -> None:
    assert Absence(lost=0, over=300).look(["s"], NOBODY, word, age=7.0) == Due(["s"], [])
