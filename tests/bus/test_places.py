"""Every place of a text, and what is remembered when logs have no room for it."""

from __future__ import annotations

import pytest

from bus import places as places_module
from bus.places import IDS, Places
from bus.record import ClientId, Kind, Record

A, B = f"{1:016x}.1", f"{2:016x}.1"


def text(id: ClientId, *, origin: str = A, seq: int = 1, session: str = "s", payload: bytes = b"") -> Record:
    return Record(1, Kind.TEXT, origin, seq, seq, "lobby", session, id, payload)


def over(session: str = "s") -> Record:
    return Record(1, Kind.SESSION, A, 9999, 1, "", session, None, b"", True)


def test_all_places_are_known_in_the_order_in_which_they_came() -> None:
    places = Places()
    here, there = text(1), text(1, origin=B, seq=7)
    places.add(there)
    places.add(here)
    assert list(places.of("s", 1)) == [there, here]
    assert list(places.of("s", "1")) == []
    assert list(places.of("t", 1)) == []


def test_a_text_is_known_at_all_its_places_while_one_is_in_a_log() -> None:
    places = Places()
    here, there = text(1), text(1, origin=B, seq=7)
    for record in (here, there):
        places.add(record)
    for number in range(IDS):
        places.add(text(f"x{number}", seq=number + 2))
    places.drop(here)
    assert list(places.of("s", 1)) == [here, there]
    places.drop(there)
    assert list(places.of("s", 1)) == []


def test_the_last_256_ids_of_a_session_outlive_the_logs() -> None:
    places = Places()
    records = [text(number, seq=number + 1) for number in range(IDS + 10)]
    for record in records:
        places.add(record)
    for record in records:
        places.drop(record)
    assert [bool(places.of("s", number)) for number in range(IDS + 10)] == [False] * 10 + [True] * IDS
    places.add(text("new", seq=9000))
    assert (len(places.of("s", 10)), len(places.of("s", 11))) == (0, 1)


def test_of_a_session_that_ended_ids_are_known_as_long_as_its_end_is_in_a_log() -> None:
    places = Places()
    first, second, there = text(1), text(2, seq=2), text(1, origin=B, seq=7)
    for record in (first, second):
        places.add(record)
    places.add(over())
    places.drop(first)
    places.add(there)
    assert list(places.of("s", 1)) == [first, there]
    places.drop(there)
    places.drop(second)
    assert len(places) == 2
    places.drop(over())
    assert len(places) == 0


def test_a_text_that_comes_back_counts_as_held_again() -> None:
    places = Places()
    here, there = text(1), text(1, origin=B, seq=7)
    places.add(here)
    places.drop(here)
    places.add(there)
    places.add(over())
    assert list(places.of("s", 1)) == [here, there]
    places.drop(there)
    places.drop(over())
    assert len(places) == 0


def test_what_outlives_the_logs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_module, "LATE_BYTES", 5000)
    monkeypatch.setattr(places_module, "LATE", 20)
    places = Places()
    for number in range(100):
        for record in (text(1, session=f"a{number}"), text(1, session=f"b{number}", payload=bytes(1000))):
            places.add(record)
            places.drop(record)
    assert len(places) <= 20
    assert len(places.of("b99", 1)) == 1
