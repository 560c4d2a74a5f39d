"""The one list of a node: each text once, within bounds, found again by cursors."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from bus.interface import Bounds
from bus.record import Kind, Record
from server import timeline as timeline_module
from server.timeline import Timeline

A, B = "a.1", "b.1"


def text(origin: str, seq: int, id: int | None = None) -> Record:
    return Record(1, Kind.TEXT, origin, seq, seq, "", "s", id, b"")


def filled(places: Iterable[tuple[str, int]], **bounds: int) -> Timeline:
    timeline = Timeline(Bounds(**bounds))
    for number, (origin, seq) in enumerate(places):
        timeline.add(text(origin, seq), "r/lobby", (), now=float(number))
    return timeline


def found(timeline: Timeline, cursors: dict[str, int], *, at: int = 0, limit: int = 1000) -> list[tuple[str, int]]:
    return [(record.origin, record.seq) for _, record, _ in timeline.after(at, cursors, limit=limit)]


logs = st.lists(st.sampled_from([A, B, "c.1"]), max_size=80).map(
    lambda origins: [(origin, origins[: at + 1].count(origin)) for at, origin in enumerate(origins)]
)


@given(logs, st.dictionaries(st.sampled_from([A, B, "c.1", "d.1"]), st.integers(0, 30)), st.integers(0, 90))
def test_what_cursors_do_not_cover_comes_in_the_order_of_the_list(
    places: list[tuple[str, int]], cursors: dict[str, int], at: int
) -> None:
    expected = [place for n, place in enumerate(places) if n >= at and place[1] > cursors.get(place[0], 0)]
    timeline = filled(places)
    assert found(timeline, cursors, at=at) == expected
    assert found(timeline, cursors, at=at, limit=3) == expected[:3]


@given(logs, st.integers(1, 40))
def test_what_is_let_go_is_the_oldest_and_is_missed_by_who_has_not_seen_it(
    places: list[tuple[str, int]], records: int
) -> None:
    timeline = filled(places, records=records)
    assert found(timeline, {}) == places[-records:]
    gone = places[:-records]
    assert (timeline.missing({}, ["r/lobby", "r/other"]) == ["r/lobby"]) == bool(gone)
    seen = dict(gone)  # the last of each origin
    assert timeline.missing(seen, ["r/lobby"]) == []
    for origin, seq in seen.items():
        assert timeline.missing({**seen, origin: seq - 1}, ["r/lobby"]) == ["r/lobby"]


def test_a_text_is_taken_at_the_first_of_its_places() -> None:
    timeline = Timeline(Bounds())
    here, there = text(A, 1, id=1), text(B, 5, id=1)
    assert timeline.add(there, "r/lobby", (there, here), now=0.0)
    assert not timeline.add(here, "r/lobby", (there, here), now=0.0)
    assert (timeline.worked, len(timeline)) == ({B: 5, A: 1}, 1)


def test_a_place_that_is_held_and_not_worked_does_not_count() -> None:
    timeline = Timeline(Bounds())
    here, there = text(A, 1, id=1), text(B, 5, id=1)
    assert timeline.add(here, "r/lobby", (here, there), now=0.0)


def test_what_is_too_old_goes_though_nothing_comes() -> None:
    timeline = filled([(A, 1), (A, 2), (A, 3)], seconds=10)
    timeline.trim(11.5)
    assert found(timeline, {}) == [(A, 3)]
    timeline.trim(100.0)
    assert (len(timeline), timeline.size) == (0, 0)


def test_a_gap_is_missed_by_all_who_have_not_seen_beyond_it() -> None:
    timeline = filled([(A, 1)])
    timeline.gap(B, 7)
    assert timeline.worked == {A: 1, B: 7}
    assert timeline.missing({A: 1, B: 6}, ["r/lobby", "s/x"]) == ["r/lobby", "s/x"]
    assert timeline.missing({A: 1, B: 7}, ["r/lobby", "s/x"]) == []


def test_positions_go_on_when_the_front_is_swept() -> None:
    timeline = filled([(A, seq) for seq in range(1, 1001)], records=10)
    assert (timeline.start, timeline.end, len(timeline._lines) < 200) == (990, 1000, True)
    assert found(timeline, {A: 995}) == [(A, seq) for seq in range(996, 1001)]


def test_of_many_audiences_the_oldest_are_remembered_together() -> None:
    timeline = Timeline(Bounds(records=1))
    for number in range(timeline_module.AUDIENCES + 20):
        timeline.add(text(A, number + 1), f"r/{number}", (), now=0.0)
    last = timeline_module.AUDIENCES + 18
    assert timeline.missing({A: last}, [f"r/{last}"]) == [f"r/{last}"]
    assert timeline.missing({A: 5}, ["r/never"]) == ["r/never"], "it may have been one of the oldest"
    assert timeline.missing({A: last + 1}, ["r/never", f"r/{last}"]) == []


def test_a_life_that_was_forgotten_still_counts_for_the_texts_it_had() -> None:
    timeline = filled([(A, 1)])
    again, known = text(B, 1, id=1), text(A, 1, id=1)
    timeline.forget(A)
    assert A not in timeline.worked
    assert not timeline.add(again, "r/lobby", (known, again), now=0.0)


def test_nobody_is_sent_the_texts_of_a_forgotten_life_or_told_that_they_are_missing() -> None:
    timeline = filled([(A, 1), (B, 1), (A, 2)])
    timeline.forget(A)
    assert found(timeline, {}) == [(B, 1)]
    timeline.bounds = Bounds(records=1)
    timeline.trim(0.0)
    assert timeline.missing({B: 1}, ["r/lobby"]) == []
    assert timeline.missing({}, ["r/lobby"]) == ["r/lobby"]
    timeline.add(text(A, 3), "r/lobby", (), now=0.0)
    assert found(timeline, {B: 1}) == [(A, 3)], "it lives after all"


def test_cursors_stand_behind_the_lives_that_were_forgotten_last_too() -> None:
    timeline = filled([(A, 3), (B, 1)])
    timeline.forget(A)
    assert timeline.cursors() == {A: 3, B: 1}
    for number in range(timeline_module.FORGOTTEN):
        timeline.add(text(f"x.{number}", 1), "r/lobby", (), now=0.0)
        timeline.forget(f"x.{number}")
    assert A not in timeline.cursors()
    assert len(timeline.cursors()) == timeline_module.FORGOTTEN + 1
    timeline.add(text(A, 4), "r/lobby", (), now=0.0)
    assert timeline.cursors()[A] == 4, "it lives after all"
