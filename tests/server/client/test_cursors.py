"""What a client has seen, and what it knows again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.client.cursors import MOST, SHOWN, Cursors, Shown

ORIGINS = st.sampled_from(["a.1", "a.2", "b.1"])


@given(st.lists(st.tuples(ORIGINS, st.integers(1, 50))))
def test_the_highest_number_of_each_origin_counts(seen: list[tuple[str, int]]) -> None:
    cursors = Cursors()
    for origin, seq in seen:
        cursors.saw(origin, seq)
    assert cursors.places() == {origin: max(seq for other, seq in seen if other == origin) for origin, _ in seen}


def test_what_a_node_says_is_merged_by_maximum() -> None:
    cursors = Cursors()
    cursors.saw("a.1", 7)
    cursors.merge({"a.1": 5, "b.1": 3})
    assert cursors.places() == {"a.1": 7, "b.1": 3}


def test_a_new_session_begins_with_the_places_of_its_own() -> None:
    cursors = Cursors()
    cursors.saw("a.1", 7)
    cursors.begin({"a.1": 5})
    assert cursors.places() == {"a.1": 5}


def test_there_are_no_more_than_a_hello_may_carry_and_those_that_move_stay() -> None:
    cursors = Cursors()
    cursors.saw("stays", 1)
    for number in range(2 * MOST):
        cursors.saw(f"{number}.1", 1)
        cursors.saw("stays", number)
    assert len(cursors.places()) == MOST
    assert cursors.places()["stays"] == 2 * MOST - 1


def test_a_text_is_new_once() -> None:
    shown = Shown()
    assert shown.is_new("s", 1)
    assert not shown.is_new("s", 1)
    assert shown.is_new("s", "1")
    assert shown.is_new("other", 1)


def test_the_last_texts_are_known_again_and_no_more_are_kept() -> None:
    shown = Shown()
    for number in range(2 * SHOWN):
        shown.is_new("s", number)
    assert not any(shown.is_new("s", number) for number in range(SHOWN, 2 * SHOWN))
    assert shown.is_new("s", 0)
    assert SHOWN >= 256
